//! `taizhang simulate market`: plays a market day against a running server.

use std::path::PathBuf;
use std::process::ExitCode;

use base::BookId;
use clap::{Args, Subcommand};
use serde::Deserialize;
use simulate::{Counters, Faults, Operator, Plan, ScaleCredential, Speed, Stop, Transport};
use taizhang::{Error, file_error};

use super::say;

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    line: Line,
}

#[derive(Subcommand)]
enum Line {
    /// Scales that sell, and an operator that brings goods.
    Market(Market),
}

#[derive(Args)]
struct Market {
    /// Credentials as JSON: `{"book": "...", "scales": [[1, "tzd1_..."]], "operator": "tz1_..."}`.
    #[arg(long)]
    credentials: PathBuf,
    /// The server, `http://host:port`. The operator always comes over HTTP.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The broker, `mqtt://host:port`; scales then speak MQTT.
    #[arg(long)]
    mqtt: Option<String>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Tells runs of one seed apart; the present time, if left out.
    #[arg(long)]
    run: Option<u64>,
    /// How many of the scales take part.
    #[arg(long)]
    stalls: Option<usize>,
    /// Sales after which a stall closes; without it, until interrupted.
    #[arg(long)]
    sales: Option<u64>,
    /// So many times an ordinary day's customers; 0 sends as fast as answers come.
    #[arg(long, default_value_t = 1)]
    speed: u32,
    /// The first counter of every scale; from the clock, if left out.
    #[arg(long)]
    counter: Option<u32>,
    /// Per mille of batches with which an outage begins.
    #[arg(long, default_value_t = 0)]
    late: u16,
    /// Per mille of batches sent twice.
    #[arg(long, default_value_t = 0)]
    doubled: u16,
    /// Per mille of backlogs sent in random order.
    #[arg(long, default_value_t = 0)]
    shuffled: u16,
    /// How far a scale's clock may be off, in milliseconds.
    #[arg(long, default_value_t = 0)]
    drift_ms: u32,
}

#[derive(Deserialize)]
struct Credentials {
    book: Option<BookId>,
    scales: Vec<(u32, String)>,
    operator: Option<String>,
}

pub fn run(options: Options) -> Result<ExitCode, Error> {
    let Line::Market(market) = options.line;
    let refused = |error: &dyn std::fmt::Display| Error::Refused(error.to_string());
    let text = std::fs::read_to_string(&market.credentials)
        .map_err(|error| file_error(&market.credentials, &error))?;
    let given: Credentials = serde_json::from_str(&text).map_err(|error| refused(&error))?;
    let book = match given.book {
        Some(book) => book,
        None => BookId::new("beiyuan").map_err(|error| refused(&error))?,
    };
    let scales = given.scales.into_iter();
    let scales =
        scales.map(|(scale, credential)| ScaleCredential { book: book.clone(), scale, credential }).collect();
    let transport = match market.mqtt {
        Some(url) => Transport::Mqtt { url, username_prefix: String::new() },
        None => Transport::Http { base_url: market.url.clone() },
    };
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    let run = market.run.unwrap_or(u64::try_from(now).unwrap_or(u64::MAX));
    let mut plan = Plan::new(market.seed, run, transport, scales);
    plan.stalls = market.stalls;
    plan.sales_per_stall = market.sales;
    plan.speed = if market.speed == 0 { Speed::Fastest } else { Speed::times(market.speed) };
    plan.counters = market.counter.map_or(Counters::FromClock, Counters::From);
    plan.faults = Faults {
        late: market.late,
        doubled: market.doubled,
        shuffled: market.shuffled,
        drift_ms_max: market.drift_ms,
    };
    plan.operator = given.operator.map(|token| Operator { base_url: market.url, token });
    let runtime = tokio::runtime::Runtime::new().map_err(|error| refused(&error))?;
    let outcome = runtime.block_on(async {
        let stop = Stop::new();
        let interrupted = stop.clone();
        tokio::spawn(async move {
            super::serve::interrupted().await;
            interrupted.stop();
        });
        simulate::run(plan, stop, |now| eprintln!("{} sold, {} recorded", now.sold, now.recorded)).await
    });
    let outcome = outcome.map_err(|error| refused(&error))?;
    say(serde_json::to_string_pretty(&outcome).map_err(|error| refused(&error))?);
    Ok(if outcome.contradictions == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
