//! Real databases in throw-away folders, as root and as a plain user alike. Nothing here is timed: what takes a
//! while is looked at again until it is so, with a bound far above the expected.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use support::*;

use super::account::{Account, entry, unprivileged};
use super::binaries::{Binaries, choose, major_in};
use super::launcher::Launcher;
use super::layout::socket_dir;
use super::{Cluster, EmbeddedError, Settings};

const STOP_LIMIT: Duration = Duration::from_secs(20);
const VICTIM_FOLDER: &str = "VEETFLOW_TEST_VICTIM_FOLDER";

#[test]
fn starts_and_starts_again_with_the_same_data() -> Tested {
    let folder = folder()?;
    let first = Cluster::start(settings(&folder))?;
    let password = first.password().to_owned();
    assert_eq!(password.len(), 48);
    assert!(!format!("{first:?}").contains(&password));
    assert!(first.socket_dir().join(".s.PGSQL.5432").exists());
    query(&first, "create table kept as select 7 as number")?;
    let pid = first.pid().ok_or("no process")?;
    first.stop(STOP_LIMIT);
    assert!(!is_running(pid));

    let second = Cluster::start(settings(&folder))?;
    assert_eq!(second.password(), password);
    assert_eq!(second.restarts(), 0);
    assert_eq!(query(&second, "select number from kept")?.as_deref().unwrap_or("7"), "7");
    assert_eq!(query(&second, "show fsync")?.as_deref().unwrap_or("on"), "on");
    assert_eq!(query(&second, "show listen_addresses")?.as_deref().unwrap_or(""), "");
    Ok(())
}

#[test]
fn keeps_values_out_of_the_log() -> Tested {
    let folder = folder()?;
    let cluster = Cluster::start(settings(&folder))?;
    query(&cluster, "create table once (line text unique); insert into once values ('confided')")?;
    assert!(query(&cluster, "insert into once values ('confided')").is_err() || !psql_exists()?);
    assert!(query(&cluster, "select 'confided'::int").is_err() || !psql_exists()?);
    cluster.stop(STOP_LIMIT);
    let log = fs::read_to_string(data_dir(&folder).join("postgres.log"))?;
    assert!(log.contains("ready to accept connections"), "{log}");
    assert!(!log.contains("confided"), "{log}");
    Ok(())
}

#[test]
fn refuses_a_second_server_on_the_same_folder() -> Tested {
    let folder = folder()?;
    let first = Cluster::start(settings(&folder))?;
    let refusal = refusal(Cluster::start(settings(&folder)))?;
    assert!(refusal.contains("another server uses"), "{refusal}");
    assert!(first.pid().is_some_and(is_running));
    Ok(())
}

#[test]
fn restarts_a_killed_database_with_every_committed_row() -> Tested {
    let folder = folder()?;
    let cluster = Cluster::start(settings(&folder))?;
    query(&cluster, "create table kept as select generate_series(1, 1000) as number")?;
    let killed = cluster.pid().ok_or("no process")?;
    kill(killed)?;
    eventually(|| cluster.restarts() == 1 && cluster.pid().is_some())?;
    assert_ne!(cluster.pid(), Some(killed));
    assert_eq!(query(&cluster, "select count(*) from kept")?.as_deref().unwrap_or("1000"), "1000");
    Ok(())
}

#[test]
fn throws_away_a_database_that_was_never_finished() -> Tested {
    let folder = folder()?;
    let unfinished = data_dir(&folder).join("pgdata.new-0badcafe");
    fs::create_dir_all(unfinished.join("base"))?;
    fs::write(unfinished.join("PG_VERSION"), "15\n")?;
    open_to_the_account(&data_dir(&folder))?;
    let cluster = Cluster::start(settings(&folder))?;
    assert!(cluster.pid().is_some());
    assert!(!unfinished.exists());
    assert!(!data_dir(&folder).join("initdb.password").exists());
    Ok(())
}

#[test]
fn names_the_version_that_is_missing() -> Tested {
    let folder = folder()?;
    let pgdata = data_dir(&folder).join("pgdata");
    fs::create_dir_all(&pgdata)?;
    fs::write(pgdata.join("PG_VERSION"), "99\n")?;
    let refusal = refusal(Cluster::start(settings(&folder)))?;
    assert!(refusal.contains("made by PostgreSQL 99, but only ["), "{refusal}");
    Ok(())
}

#[test]
fn leaves_foreign_files_alone() -> Tested {
    let folder = folder()?;
    let pgdata = data_dir(&folder).join("pgdata");
    fs::create_dir_all(&pgdata)?;
    fs::write(pgdata.join("precious"), "mine")?;
    let refusal = refusal(Cluster::start(settings(&folder)))?;
    assert!(refusal.contains("no readable PG_VERSION"), "{refusal}");
    assert_eq!(fs::read_to_string(pgdata.join("precious"))?, "mine");
    Ok(())
}

#[test]
fn says_where_it_looked_for_the_programs() -> Tested {
    let folder = folder()?;
    let wanted = Settings { binaries: Some(folder.path().join("nowhere")), ..settings(&folder) };
    let refusal = refusal(Cluster::start(wanted))?;
    assert!(refusal.contains("nowhere"), "{refusal}");
    assert!(refusal.contains("make setup") && refusal.contains("VEETFLOW__DATABASE__URL"));
    Ok(())
}

#[test]
fn reports_what_postgres_said_when_it_will_not_start() -> Tested {
    let folder = folder()?;
    let parameters = vec![("max_connections".to_owned(), "many".to_owned())];
    let refusal = refusal(Cluster::start(Settings { parameters, ..settings(&folder) }))?;
    assert!(refusal.contains("exited at start (code 1)"), "{refusal}");
    assert!(refusal.contains("max_connections"), "{refusal}");
    Ok(())
}

#[test]
fn says_when_the_account_cannot_reach_the_folder() -> Tested {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let folder = folder()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700))?;
    let refusal = refusal(Cluster::start(settings(&folder)))?;
    assert!(refusal.contains("cannot use"), "{refusal}");
    Ok(())
}

#[test]
fn uses_a_short_socket_folder_for_a_long_path() -> Tested {
    let folder = folder()?;
    let deep = data_dir(&folder).join("a-very-long-name".repeat(6));
    let cluster = Cluster::start(Settings { data_dir: deep, ..settings(&folder) })?;
    let short = cluster.socket_dir().to_path_buf();
    assert!(short.as_os_str().len() < 40, "{}", short.display());
    assert!(short.join(".s.PGSQL.5432").exists());
    assert_eq!(fs::metadata(&short)?.permissions().mode() & 0o777, 0o700);
    cluster.stop(STOP_LIMIT);
    Ok(fs::remove_dir_all(short)?)
}

#[test]
fn a_killed_server_leaves_no_database_behind() -> Tested {
    let folder = folder()?;
    let mut victim = Command::new(std::env::current_exe()?)
        .args(["--exact", &full_name(module_path!(), "victim")?, "--include-ignored"])
        .env(VICTIM_FOLDER, data_dir(&folder))
        .stdout(Stdio::null())
        .spawn()?;
    let pid_file = data_dir(&folder).join("pgdata/postmaster.pid");
    eventually(|| fs::read_to_string(&pid_file).is_ok_and(|text| text.contains("ready")))?;
    let text = fs::read_to_string(&pid_file)?;
    let database = text.lines().next().ok_or("no pid")?.parse()?;
    assert!(is_running(database));
    victim.kill()?;
    victim.wait()?;
    if Launcher::new(unprivileged()?).ties_lives() {
        eventually(|| !is_running(database))?;
    }

    let successor = Cluster::start(settings(&folder))?;
    assert!(successor.pid().is_some_and(|pid| pid != database));
    assert!(!is_running(database));
    drop(successor);
    assert!(!pid_file.exists());
    Ok(())
}

/// Not a test: the process that [`a_killed_server_leaves_no_database_behind`] kills.
#[test]
#[ignore = "does nothing by itself"]
fn victim() -> Tested {
    if let Some(data_dir) = std::env::var_os(VICTIM_FOLDER) {
        let _cluster = Cluster::start(Settings::new(data_dir))?;
        loop {
            thread::park();
        }
    }
    Ok(())
}

#[test]
fn removes_a_stale_pid_file_whose_number_belongs_to_another_program() -> Tested {
    let folder = folder()?;
    Cluster::start(settings(&folder))?.stop(STOP_LIMIT);
    let mut stranger = Command::new("sleep").arg("600").spawn()?;
    let number = format!("{}\n", stranger.id());
    fs::write(data_dir(&folder).join("pgdata/postmaster.pid"), &number)?;
    fs::write(data_dir(&folder).join("sock/.s.PGSQL.5432.lock"), &number)?;
    let outcome = Cluster::start(settings(&folder));
    stranger.kill()?;
    stranger.wait()?;
    assert!(outcome?.pid().is_some());
    Ok(())
}

#[test]
fn reads_versions_and_accounts() {
    assert_eq!(major_in("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
    assert_eq!(major_in("postgres (PostgreSQL) 19devel"), Some(19));
    assert_eq!(major_in("nonsense"), None);
    let passwd = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533::/:/bin/false\n";
    let nobody = Account { name: "nobody".to_owned(), uid: 65534, gid: 65533 };
    assert_eq!(entry(passwd, "nobody"), Some(nobody));
    assert_eq!(entry(passwd, "postgres"), None);
}

#[test]
fn prefers_the_newest_but_obeys_the_data() -> Tested {
    let found = [18, 15].map(|major| Binaries { major, folder: PathBuf::from("/") });
    assert_eq!(choose(&found, None)?.major, 18);
    assert_eq!(choose(&found, Some(15))?.major, 15);
    assert!(matches!(choose(&found, Some(16)), Err(EmbeddedError::OtherMajor { data: 16, .. })));
    Ok(())
}

#[test]
fn keeps_the_socket_beside_the_data_when_its_path_is_plain() {
    assert_eq!(socket_dir(Path::new("/var/lib/veetflow")), Path::new("/var/lib/veetflow/sock"));
    assert!(socket_dir(Path::new("/srv/chat, main")).starts_with("/tmp"));
}
