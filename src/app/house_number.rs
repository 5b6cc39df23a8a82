//! Where the running server listens, in a file of the data folder, so that a command of the same operator finds it. Nothing
//! secret: whoever calls there must show who they are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

const FILE: &str = "server.address";

/// The file, for as long as the server runs.
#[derive(Debug)]
pub struct HouseNumber(PathBuf);

impl HouseNumber {
    /// Writes the file. A server without it works; only commands beside it do not.
    pub(super) fn put_up(data_dir: &Path, address: SocketAddr) -> Self {
        let path = data_dir.join(FILE);
        if let Err(error) = std::fs::write(&path, address.to_string()) {
            tracing::warn!(error = %error, "the address could not be written for commands to find");
        }
        Self(path)
    }

    /// Where the server of this data folder can be reached from this machine, if one says so.
    pub fn read(data_dir: &Path) -> Option<SocketAddr> {
        let text = std::fs::read_to_string(data_dir.join(FILE)).ok()?;
        let mut address: SocketAddr = text.trim().parse().ok()?;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            });
        }
        Some(address)
    }
}

impl Drop for HouseNumber {
    fn drop(&mut self) {
        if std::fs::remove_file(&self.0).is_err() {
            tracing::debug!("the file with the address was gone already");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_found_on_this_machine_while_it_runs() {
        let folder = tempfile::tempdir().expect("a folder");
        let number =
            HouseNumber::put_up(folder.path(), "0.0.0.0:8080".parse().expect("an address"));
        let found = HouseNumber::read(folder.path()).expect("found");
        assert_eq!(found.to_string(), "127.0.0.1:8080");
        drop(number);
        assert_eq!(HouseNumber::read(folder.path()), None);
    }
}
