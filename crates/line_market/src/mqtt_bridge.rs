//! The scale contract over MQTT, beside a broker whose access list vouches that a topic speaks for its scale.
//!
//! Scales publish on `taizhang/v1/<book>/<scale>/sales` and `.../acks`; a message is acknowledged to the broker only
//! when its entries are on disk, or when it was refused for good. Receipts and problems come down on `.../receipt`,
//! and the retained `.../state` always says what the scale sells and what it must not.
//!
//! What one scale sends waits behind nothing but what the same scale sent before; more of it than is taken in hand is refused at
//! once, unread, and so is what comes behind many that were refused.

mod clerk;
mod hand;
mod numbers;
mod states;
mod topic;
mod uplink;

use std::time::Duration;

use base::limits::REQUEST_BYTES_MAX;
use mqtt::{Link, MqttError, QoS, State};
use shell::App;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use mqtt::Config;

/// Messages that are read and not yet looked at, each of which may have the most bytes there are.
const INCOMING_MAX: usize = 8;
/// Receipts and states that may await the broker's acknowledgement at a time.
const PUBLISHED_MAX: u16 = 256;
/// Receipts among them. The rest is for states, which bring the blocks.
const RECEIPTS_PUBLISHED_MAX: usize = 192;
/// How long a bridge that is being closed waits for what is under way.
const FAREWELL: Duration = Duration::from_secs(2);

/// A running bridge. Dropping it breaks the connection without a farewell, as a crash would.
#[derive(Debug)]
pub struct Bridge {
    connection: watch::Receiver<State>,
    stop: watch::Sender<bool>,
    uplink: JoinHandle<()>,
    downlink: JoinHandle<()>,
}

/// Connects to the broker, now and whenever the connection breaks. Only settings that can never work are errors.
///
/// The session is persistent, so the broker keeps what scales publish while the server is away; the client id must
/// therefore stay the same, and be used by one server at a time.
/// Must be called within a tokio runtime with I/O and time.
pub fn start(app: App, settings: Config) -> Result<Bridge, MqttError> {
    let settings = Config {
        clean_session: false,
        inflight_max: PUBLISHED_MAX,
        incoming_max: INCOMING_MAX,
        payload_bytes_max: REQUEST_BYTES_MAX,
        ..settings
    };
    let filters = topic::FILTERS.map(|filter| (filter.to_owned(), QoS::AtLeastOnce));
    let (link, incoming) = Link::connect(&settings, filters.to_vec())?;
    let (publisher, connection) = (link.publisher(), link.state());
    let (stop, stopped) = watch::channel(false);
    let downlink = tokio::spawn(states::run(app.clone(), publisher.clone(), connection.clone()));
    let uplink = tokio::spawn(uplink::run(app, link, incoming, stopped));
    Ok(Bridge { connection, stop, uplink, downlink })
}

impl Bridge {
    /// Whether the broker can be heard now.
    pub fn connection(&self) -> watch::Receiver<State> {
        self.connection.clone()
    }

    /// Takes nothing more, finishes what is under way for two seconds, and takes leave of the broker. What was not
    /// finished by then is delivered again to the next bridge.
    pub async fn close(mut self) {
        self.downlink.abort();
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.uplink).await {
            tracing::error!(%error, "the bridge to the scales did not end well");
        }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.downlink.abort();
        self.uplink.abort();
    }
}
