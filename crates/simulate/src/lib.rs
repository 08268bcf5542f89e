//! A market day played against a running server through its real interfaces: scales sell over HTTP or MQTT, obey
//! blocks, lose their connection and find it again, while an operator receives goods and posts prices.
//!
//! [`run`] plays a [`Plan`] until every stall has sold what it set out to, or until [`Stop::stop`]; the same engine is
//! the demonstration's market (a few sales a second, for days) and a load generator ([`Speed::Fastest`]).
//!
//! A scale here keeps the contract as one in the field must: it sells only open lots at posted prices, keeps a sale
//! until the receipt names it, sends it again when no answer came, waits when told to, withdraws a lot the moment a
//! block arrives and acknowledges it at once, and sets its clock from the server's answers.
//!
//! What is absent: setting up a market. Stalls, merchants, products and scales must exist. There is no TLS.

mod dice;
mod feed;
mod goods;
mod http;
mod mqtt_wire;
mod operator;
mod outcome;
mod plan;
mod scale;
mod sse;
mod till;
mod timepiece;
mod view;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

pub use outcome::Outcome;
pub use plan::{Batches, Counters, Faults, Operator, Plan, ScaleCredential, Speed, Transport};

use http::Pool;
use outcome::Tally;
use wire::Wire;

/// Why a plan cannot be played. Whatever the server does is part of the [`Outcome`] instead.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A setting that makes no sense.
    #[error("{setting} {reason}")]
    Plan { setting: &'static str, reason: String },
    #[error(transparent)]
    Mqtt(#[from] mqtt::MqttError),
}

/// Ends a run. Clones end the same one.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets every stall close: nothing more is sold, and what was sold gets ten seconds to be answered.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for [`Stop::stop`].
    pub async fn stopped(&self) {
        // The sender lives in self, so the wait cannot fail.
        if self.0.subscribe().wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// Needs for goods that wait for the operator; more are dropped, and come again.
const NEEDS_MAX: usize = 1_024;
/// Scales are switched on one after another within this time.
const OPENING_MS: u64 = 1_000;

/// Plays the plan on the present tokio runtime, and calls `progress` about once a second.
///
/// Dropping the future ends everything at once.
pub async fn run(
    plan: Plan,
    stop: Stop,
    mut progress: impl FnMut(&Outcome),
) -> Result<Outcome, SimulateError> {
    plan.check()?;
    let plan = Arc::new(plan);
    let tally = Arc::new(Tally::default());
    let (needs, needs_in) = mpsc::channel(NEEDS_MAX);
    let mut staff = JoinSet::new();
    if let Some(access) = &plan.operator {
        let pool = Arc::new(Pool::new("operator.base_url", &access.base_url)?);
        staff.spawn(operator::work(
            Arc::clone(&plan),
            http::Client::new(&pool, &access.token),
            needs_in,
            Arc::clone(&tally),
        ));
    }
    let wire = Wire::new(&plan)?;
    let mut stalls = JoinSet::new();
    let count = plan.scales().len() as u64;
    tally.add(|it| it.scales = count);
    for (at, scale) in plan.scales().iter().enumerate() {
        let line = wire.line(scale)?;
        let player = scale::Scale::new(&plan, scale, &stop, &tally, &needs);
        let delay = Duration::from_millis(OPENING_MS * at as u64 / count);
        stalls.spawn(async move {
            sleep(delay).await;
            player.play(line).await;
        });
    }
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            ended = stalls.join_next() => match ended {
                None => break,
                Some(ended) => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a simulated scale failed");
                    }
                    tally.add(|it| it.scales -= 1);
                }
            },
            _ = ticks.tick() => progress(&tally.read()),
        }
    }
    staff.shutdown().await;
    let outcome = tally.read();
    progress(&outcome);
    Ok(outcome)
}
