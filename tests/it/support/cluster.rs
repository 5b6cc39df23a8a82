//! One PostgreSQL server for the whole run, and a database of its own for each test, copied from a migrated template.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use veetflow::embedded::{Cluster, Settings};
use veetflow::store::{Address, migrate};

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static TEMPLATE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Where the folders of all runs are: beside the build, unless that is closed to the account that runs the database.
fn runs() -> PathBuf {
    let beside = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let is_closed = |folder: &Path| {
        folder.metadata().is_ok_and(|found| found.permissions().mode() & 0o001 == 0)
    };
    if rustix::process::geteuid().is_root() && beside.ancestors().any(is_closed) {
        let open = std::env::temp_dir().join("veetflow-tests");
        std::fs::create_dir_all(&open).expect("a folder");
        return open;
    }
    beside.to_owned()
}

/// A folder of this run.
pub fn folder(name: &str) -> PathBuf {
    let path = runs().join(format!("run-{}", std::process::id())).join(name);
    std::fs::create_dir_all(&path).expect("a folder");
    path
}

fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| {
        sweep_earlier_runs();
        let mut settings = Settings::new(folder("pg"));
        let quick = [("fsync", "off"), ("max_connections", "400"), ("shared_buffers", "64MB")];
        settings.parameters.extend(quick.map(|(key, value)| (key.to_owned(), value.to_owned())));
        Cluster::start(settings).expect("a database server")
    })
}

/// Folders of runs whose process is gone.
fn sweep_earlier_runs() {
    for entry in std::fs::read_dir(runs()).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_alive =
            name.strip_prefix("run-").is_none_or(|pid| Path::new("/proc").join(pid).exists());
        if !is_alive {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

pub fn url(database: &str) -> String {
    let cluster = cluster();
    let host = cluster.socket_dir().display().to_string().replace('/', "%2F");
    format!("postgres://{}:{}@{host}/{database}", cluster.user(), cluster.password())
}

pub async fn operator(database: &str) -> tokio_postgres::Client {
    let address = Address::parse(&url(database)).expect("an address");
    address.connect_as_operator().await.expect("a connection").0
}

/// The address of a new, migrated database.
pub async fn database() -> (String, String) {
    TEMPLATE
        .get_or_init(|| async {
            let admin = operator("postgres").await;
            admin.batch_execute("create database template_veetflow").await.expect("a template");
            let mut template = operator("template_veetflow").await;
            migrate::migrate(&mut template).await.expect("migrated");
        })
        .await;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = operator("postgres").await;
    let make = format!("create database {name} template template_veetflow");
    // The copy waits for nobody, but a connection to the template may still be closing.
    for _ in 0..200 {
        if admin.batch_execute(&make).await.is_ok() {
            return (url(&name), name);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the template stayed in use");
}
