//! Which keyring belongs to which database. The database remembers it; a keyring that is missing, damaged or another one
//! stops the start, and nothing is made in its place: new keys would make the old words look lost for ever.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use secrecy::ExposeSecret;

use crate::config::Config;
use crate::kms::Transit;
use crate::store::Store;
use crate::vault::{Created, MasterSource, Vault};

/// What was made at the very first start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstStart {
    /// The new master key's file, if one was made.
    pub master_key: Option<PathBuf>,
}

/// Where the settings say that the master key comes from.
pub(crate) fn master_source(config: &Config) -> anyhow::Result<MasterSource> {
    let given = &config.vault.master_key;
    if !given.expose_secret().is_empty() {
        anyhow::ensure!(
            config.vault.transit.address.is_empty(),
            "vault.master_key and vault.transit.address exclude each other: what is given in clear needs no unwrapping"
        );
        return Ok(MasterSource::Given(given.clone()));
    }
    let file = &config.vault.master_key_file;
    let named = !file.as_os_str().is_empty();
    let file = if named { file.clone() } else { config.data_dir.join("master.key") };
    if config.vault.transit.address.is_empty() {
        return Ok(MasterSource::File(file));
    }
    Ok(MasterSource::Wrapped(file, Arc::new(Transit::new(&config.vault.transit)?)))
}

pub(super) async fn open(
    config: &Config,
    store: &Store,
    now: jiff::Timestamp,
) -> anyhow::Result<(Vault, Option<FirstStart>)> {
    let source = master_source(config)?;
    if let Some(keyring) = store.keyring_id().await? {
        let vault = Vault::open(&config.data_dir, &source, keyring)
            .context("the keyring could not be opened")?;
        return Ok((vault, None));
    }
    std::fs::create_dir_all(&config.data_dir).with_context(|| {
        format!("the data folder {} could not be made", config.data_dir.display())
    })?;
    let (vault, created) =
        Vault::create(&config.data_dir, &source).context("the keyring could not be made")?;
    store.remember_keyring(vault.keyring_id(), now).await?;
    anyhow::ensure!(
        store.keyring_id().await? == Some(vault.keyring_id()),
        "another node made a keyring for this database at the same moment; start with that node's data folder"
    );
    let Created { master_is_new, master_path } = created;
    Ok((vault, Some(FirstStart { master_key: master_path.filter(|_| master_is_new) })))
}
