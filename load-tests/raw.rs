//! Bare inserts into a table like the one that holds turns, in a scratch database of the server's own cluster: what the
//! database can do when nobody asks for anything else.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use tokio::task::JoinSet;
use tokio_postgres::{Client, Config, NoTls};
use veetflow::store::Address;

/// As long as a sealed message of 500 bytes.
pub(crate) const CONTENT_BYTES: usize = 528;
const BATCH: usize = 100;
const SINGLE_CONNECTIONS: usize = 32;
const BATCH_CONNECTIONS: usize = 4;
const USER: &str = "veetflow_admin";

const TABLE: &str = "drop table if exists line; \
    create table line (id bigint generated always as identity primary key, conversation bigint not null, \
                       expires_at timestamptz not null, content bytea not null); \
    create index on line (conversation, id); create index on line (expires_at)";
const ONE: &str = "insert into line (conversation, expires_at, content) values ($1, $2, $3)";
const MANY: &str = "insert into line (conversation, expires_at, content) \
    select * from unnest($1::bigint[], $2::timestamptz[], $3::bytea[])";

/// How rows go in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// One row a statement, on 32 connections.
    Single,
    /// A hundred rows a statement, on 4 connections.
    Batches,
}

impl Way {
    const fn connections(self) -> usize {
        match self {
            Self::Single => SINGLE_CONNECTIONS,
            Self::Batches => BATCH_CONNECTIONS,
        }
    }
}

/// How to sign in to the cluster of a server with this data folder.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    config: Config,
    address: Address,
}

impl Cluster {
    pub(crate) fn of(data: &Path) -> anyhow::Result<Self> {
        let secret = std::fs::read_to_string(data.join("db.secret"))
            .context("the cluster's password is not there")?;
        let socket_dir = data.join("sock");
        let mut config = Config::new();
        config.host_path(&socket_dir).user(USER).password(secret.trim()).dbname("postgres");
        Ok(Self { config, address: Address::embedded(&socket_dir, USER, secret.trim()) })
    }

    /// Makes a scratch database.
    pub(crate) async fn make_database(&self, name: &str) -> anyhow::Result<()> {
        let client = self.connect("postgres").await?;
        Ok(client.batch_execute(&format!("create database {name}")).await?)
    }

    /// A scratch database as the store of the product signs in to it.
    pub(crate) fn address(&self, database: &str) -> Address {
        self.address.clone().with_database(database)
    }

    async fn connect(&self, database: &str) -> anyhow::Result<Client> {
        let mut config = self.config.clone();
        let (client, connection) = config.dbname(database).connect(NoTls).await?;
        // Its error reaches whoever waits on the client.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }

    /// Inserts for a while into a fresh table; returns how many rows in which time.
    pub(crate) async fn insert(
        &self,
        database: &str,
        way: Way,
        time: Duration,
    ) -> anyhow::Result<(u64, Duration)> {
        self.connect(database).await?.batch_execute(TABLE).await?;
        let mut clients = Vec::new();
        for _ in 0..way.connections() {
            clients.push(self.connect(database).await?);
        }
        let began = Instant::now();
        let mut writers = JoinSet::new();
        for client in clients {
            writers.spawn(write(client, way, began + time));
        }
        let mut rows = 0;
        while let Some(written) = writers.join_next().await {
            rows += written??;
        }
        Ok((rows, began.elapsed()))
    }
}

async fn write(client: Client, way: Way, until: Instant) -> anyhow::Result<u64> {
    let statement = client.prepare(match way {
        Way::Single => ONE,
        Way::Batches => MANY,
    });
    let statement = statement.await?;
    let content = vec![0x5a_u8; CONTENT_BYTES];
    let (mut rows, mut conversation) = (0, 0_i64);
    while Instant::now() < until {
        conversation += 1;
        let expires_at = SystemTime::now();
        rows += match way {
            Way::Single => {
                client.execute(&statement, &[&conversation, &expires_at, &content]).await?
            }
            Way::Batches => {
                let conversations: Vec<i64> = (conversation..).take(BATCH).collect();
                let instants = vec![expires_at; BATCH];
                let contents = vec![content.as_slice(); BATCH];
                client.execute(&statement, &[&conversations, &instants, &contents]).await?
            }
        };
    }
    Ok(rows)
}
