//! The adapters by themselves: processor time for each delta beside a bare relay of the same bytes, and what hedging does
//! to the slow tail.
//!
//! Both contenders read the same answers with the same HTTP client on one thread and write each piece that comes to a
//! socket; the adapter decodes between. One delta is one packet, as vendors send them.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use figment::value::Value;
use futures_util::{StreamExt, future::join_all};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use veetflow::clock::SystemClock;
use veetflow::config::Layers;
use veetflow::domain::age::AgeBracket;
use veetflow::domain::answering::Answering;
use veetflow::domain::budget::Spend;
use veetflow::domain::consent::{Decision, Purpose, Purposes, Standing};
use veetflow::domain::language::Language;
use veetflow::domain::prompt::{Line, Prompt, Role};
use veetflow::domain::tenant::TenantState;
use veetflow::id::{Id, TenantId};
use veetflow::privacy::disclosure::{Circumstances, Disclosed, disclose};
use veetflow::providers::knowledge::Library;
use veetflow::providers::{Accounts, Delta, Provider, Providers};

use crate::measure::{Mark, Table, milliseconds, percentile};
use crate::vendor::{Temper, start};
use crate::{Settings, crowd, progress};

/// Answers at a time.
const AT_ONCE: u32 = 8;
const DELTAS: u32 = 600;
/// The most that an adapter may cost, in bare relays.
const MARK: f64 = 1.3;
/// Name, settings, path below the address.
const KINDS: [(&str, &str, &str, &str); 4] = [
    ("OpenAI Chat", "openai", "chat", "chat/completions"),
    ("OpenAI Responses", "openai", "responses", "responses"),
    ("Anthropic", "anthropic", "chat", "messages"),
    ("Google", "google", "chat", "models/m:streamGenerateContent"),
];

/// Runs both.
pub(crate) fn run(settings: &Settings, table: &mut Table) -> anyhow::Result<()> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let paced = Temper {
        deltas: DELTAS,
        pause: Duration::from_millis(1),
        first: Duration::ZERO,
        tail: Duration::ZERO,
    };
    let (vendor, sink) = (start(paced)?, sink()?);
    let bar = progress(u64::from(settings.rounds) * 5);
    for _ in 0..settings.rounds {
        for (name, provider, api, path) in KINDS {
            let bare = bare(&format!("{vendor}/{path}"), &sink)?;
            let adapter = adapter(provider, api, &vendor, &sink)?;
            let each = |spent: Duration| spent.as_secs_f64() * 1e6 / f64::from(AT_ONCE * DELTAS);
            table.add(&format!("decode, {name}: adapter"), "us", each(adapter));
            table.add(&format!("decode, {name}: bare relay"), "us", each(bare));
            let ratio = adapter.as_secs_f64() / bare.as_secs_f64().max(1e-9);
            let row = format!("decode, {name}: adapter/bare");
            table.add_marked(&row, "x", Mark::AtMost(MARK), ratio);
            bar.inc(1);
        }
        for (name, hedges) in [("without", false), ("with", true)] {
            let times = tail(hedges)?;
            let row = format!("hedging, {name}: p99 to the first delta");
            table.add(&row, "ms", percentile(&times, 99.0));
            let row = format!("hedging, {name}: p50 to the first delta");
            table.add(&row, "ms", percentile(&times, 50.0));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Somebody who reads what is written, as a visitor would.
fn sink() -> anyhow::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?.to_string();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut piece = [0_u8; 4096];
                while connection.read(&mut piece).is_ok_and(|read| read > 0) {}
            });
        }
    });
    Ok(address)
}

/// What this thread has spent on a processor.
fn spent() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().context("a figure")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

fn bare(url: &str, sink: &str) -> anyhow::Result<Duration> {
    crowd()?.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let before = spent()?;
        let relays = (0..AT_ONCE).map(|_| async {
            let mut out = TcpStream::connect(sink).await?;
            let mut bytes = client.post(url).body("{}").send().await?.bytes_stream();
            while let Some(piece) = bytes.next().await {
                out.write_all(&piece?).await?;
            }
            anyhow::Ok(())
        });
        join_all(relays).await.into_iter().collect::<anyhow::Result<()>>()?;
        Ok(spent()?.saturating_sub(before))
    })
}

fn adapter(name: &str, api: &str, vendor: &str, sink: &str) -> anyhow::Result<Duration> {
    crowd()?.block_on(async {
        let mut settings = model(name, vendor);
        if name == "openai" {
            settings.push(("providers.openai.api", api.into()));
        }
        let providers = providers(settings)?;
        let model = providers.models().first().context("a model")?.clone();
        let before = spent()?;
        let answers = (0..AT_ONCE).map(|_| async {
            let mut out = TcpStream::connect(sink).await?;
            let mut deltas = model.stream(question()?);
            while let Some(delta) = deltas.next().await {
                if let Delta::Text(words) = delta? {
                    out.write_all(words.as_bytes()).await?;
                }
            }
            anyhow::Ok(())
        });
        join_all(answers).await.into_iter().collect::<anyhow::Result<()>>()?;
        Ok(spent()?.saturating_sub(before))
    })
}

/// Milliseconds to the first delta of many answers, of a model with a slow tail before one without.
fn tail(hedges: bool) -> anyhow::Result<Vec<f64>> {
    let (usual, slow) = (Duration::from_millis(30), Duration::from_millis(900));
    let temper = Temper { deltas: 1, pause: Duration::ZERO, first: usual, tail: slow };
    let (first, second) = (start(temper)?, start(Temper { tail: usual, ..temper })?);
    let mut settings = model("openai", &first);
    settings.extend(model("anthropic", &second));
    settings.push(("providers.hedge", hedges.into()));
    crowd()?.block_on(async {
        let providers = providers(settings)?;
        let tenant: TenantId = Id::from_uuid(uuid::Uuid::from_u128(1));
        let router = providers.for_tenant(tenant, &Answering::granted(), Spend::default());
        let mut times = Vec::new();
        for _ in 0..60 {
            let asked = (0..10).map(|_| first_delta(router.as_ref()));
            for time in join_all(asked).await {
                times.push(milliseconds(time?));
            }
        }
        Ok(times)
    })
}

async fn first_delta(provider: &dyn Provider) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut deltas = provider.stream(question()?);
    deltas.next().await.context("no answer")??;
    let took = began.elapsed();
    while deltas.next().await.is_some() {}
    Ok(took)
}

fn model(name: &str, base: &str) -> Vec<(&'static str, Value)> {
    let [url, name, trains] = match name {
        "anthropic" => ["base_url", "model", "trains_on_inputs"].map(|key| ("anthropic", key)),
        "google" => ["base_url", "model", "trains_on_inputs"].map(|key| ("google", key)),
        _ => ["base_url", "model", "trains_on_inputs"].map(|key| ("openai", key)),
    };
    let key = |(name, key): (&str, &str)| -> &'static str {
        Box::leak(format!("providers.{name}.{key}").into_boxed_str())
    };
    vec![(key(url), base.into()), (key(name), "m".into()), (key(trains), false.into())]
}

fn providers(settings: Vec<(&'static str, Value)>) -> anyhow::Result<Providers> {
    let config = Layers::with(settings).read()?;
    Ok(Providers::sharing(
        &config.providers,
        Arc::new(Library::new()),
        Arc::default(),
        Arc::new(Accounts::new(Arc::new(SystemClock))),
    )?)
}

fn question() -> anyhow::Result<Disclosed<Prompt>> {
    let standing = Standing {
        policy_version: Some("1".into()),
        granted: Purposes::default().decided(Purpose::AiAnswer, Decision::Granted),
        epoch: 1,
    };
    let circumstances = Circumstances {
        is_restricted: false,
        objected: Purposes::default(),
        tenant: TenantState::Active,
        age: Some(AgeBracket::Adult),
        standing: &standing,
        policy_version: "1",
    };
    let prompt = Prompt {
        instruction: std::sync::Arc::default(),
        lines: vec![Line { role: Role::Visitor, text: "Where is my order?".into() }],
        language: Language::En,
        passages: Vec::new(),
        has_placeholders: false,
        tools: false,
    };
    Ok(disclose(prompt, Purpose::AiAnswer, circumstances)?)
}
