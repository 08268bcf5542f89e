//! The two ways of a scale to the server, behind one face.

use std::sync::Arc;
use std::time::Duration;

use line_market::intake::{Acknowledgement, BatchReceipt, SaleBatch};
use serde::Deserialize;

use crate::http::{Client, Pool, Trouble};
use crate::mqtt_wire::MqttLine;
use crate::outcome::Tally;
use crate::view::View;
use crate::{Plan, ScaleCredential, SimulateError, Transport, feed};

/// Up to this many scales each keep a stream open; more ask now and then.
const STREAMS_MAX: usize = 200;
const POLL_EVERY: Duration = Duration::from_secs(5);

/// What all scales share.
pub(crate) enum Wire {
    Http { pool: Arc<Pool>, poll: Option<Duration> },
    Mqtt { url: String, username_prefix: String },
}

impl Wire {
    pub fn new(plan: &Plan) -> Result<Self, SimulateError> {
        match &plan.transport {
            Transport::Http { base_url } => {
                let poll = (plan.scales().len() > STREAMS_MAX).then_some(POLL_EVERY);
                Ok(Self::Http { pool: Arc::new(Pool::new("transport.base_url", base_url)?), poll })
            }
            Transport::Mqtt { url, username_prefix } => {
                Ok(Self::Mqtt { url: url.clone(), username_prefix: username_prefix.clone() })
            }
        }
    }

    pub fn line(&self, scale: &ScaleCredential) -> Result<Line, SimulateError> {
        match self {
            Self::Http { pool, poll } => {
                Ok(Line::Http { client: Client::new(pool, &scale.credential), poll: *poll })
            }
            Self::Mqtt { url, username_prefix } => {
                Ok(Line::Mqtt(MqttLine::new(url, username_prefix, scale)?))
            }
        }
    }
}

/// One scale's way.
pub(crate) enum Line {
    Http { client: Client, poll: Option<Duration> },
    Mqtt(MqttLine),
}

/// Where the latest state goes.
pub(crate) type Views = tokio::sync::watch::Sender<Option<Arc<View>>>;

#[derive(Deserialize)]
struct Recorded {
    recorded: Vec<u64>,
}

impl Line {
    /// Sends a batch and waits for its receipt.
    pub async fn sales(&self, batch: &SaleBatch) -> Result<BatchReceipt, Trouble> {
        match self {
            Self::Http { client, .. } => client.post("/scale/v1/sales", None, json(batch)).await,
            Self::Mqtt(line) => line.sales(batch, json(batch)).await,
        }
    }

    /// Sends acknowledgements, and returns how many the server took.
    pub async fn acknowledge(&self, ack: &Acknowledgement) -> Result<u64, Trouble> {
        match self {
            Self::Http { client, .. } => {
                let answer: Recorded = client.post("/scale/v1/acks", None, json(ack)).await?;
                Ok(answer.recorded.len() as u64)
            }
            Self::Mqtt(line) => line.acknowledge(json(ack)).await.map(|()| ack.holds.len() as u64),
        }
    }

    /// Follows the state until the server does not let the scale in.
    pub async fn follow(&self, views: &Views, tally: &Tally) -> Trouble {
        match self {
            Self::Http { client, poll: None } => feed::stream(client, views, tally).await,
            Self::Http { client, poll: Some(every) } => feed::poll(client, *every, views, tally).await,
            Self::Mqtt(line) => line.follow(views).await,
        }
    }

    pub async fn close(self) {
        if let Self::Mqtt(line) = self {
            line.close().await;
        }
    }
}

fn json(document: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("documents of the scale contract have text keys")
}

/// Whether an answer says that this scale has no business here.
pub(crate) fn shuts_out(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Refused { status: 401 | 403 | 404, .. })
}

/// Waits that double from a fifth of a second to five seconds.
#[derive(Debug, Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    pub fn next(&mut self) -> Duration {
        let wait = Duration::from_millis(200 << self.0.min(5)).min(Duration::from_secs(5));
        self.0 += 1;
        wait
    }

    pub fn reset(&mut self) {
        self.0 = 0;
    }
}
