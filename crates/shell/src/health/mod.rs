//! How the installation fares: read by a monitoring system as `/metrics`, and by administrators in words.

mod exposition;
mod judge;
mod machine;
mod metrics;
mod requests;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use base::Time;
use kernel::{Kernel, Standings};
use store::StoreError;

pub use judge::{Finding, Row, judge};
pub use machine::{Backup, Disk, Process};
pub use requests::{Class, Requests, count, held};

use crate::app::App;
use crate::problem::Problem;
use crate::viewer::Viewer;

/// The action that reads how the installation fares.
pub const READ: &str = "kernel.health.read";

/// What is watched over beside the kernel, and from where.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Addresses that read `/metrics` without a credential, where they come without a proxy.
    pub addresses: Vec<IpAddr>,
    /// The folder whose disk must not run full.
    pub data: PathBuf,
    /// The file that every backup replaces.
    pub backup: Option<PathBuf>,
    /// The keys of the witnesses that are asked today.
    pub witnesses: Vec<String>,
}

/// How the installation fares at a moment.
#[derive(Debug, Clone)]
pub struct Vitals {
    pub now: Time,
    pub standings: Standings,
    /// How many days the work of the calendar is behind.
    pub days_behind: Option<i64>,
    pub database_bytes: u64,
    pub disk: Option<Disk>,
    pub process: Process,
    /// The latest copy; `None` where none is configured.
    pub backup: Option<Backup>,
}

impl Vitals {
    /// Reads the database, the disk and the process. Blocks.
    pub fn read(kernel: &Kernel, watch: &Watch) -> Result<Self, StoreError> {
        let now = kernel.now();
        let mut standings = kernel.standings()?;
        // One that is asked no more says nothing about today.
        standings.cosigned.retain(|it| watch.witnesses.contains(&it.witness));
        let today = kernel.zone().day_of(now);
        Ok(Self {
            now,
            days_behind: standings.day.map(|day| i64::from(today.0 - day.0).max(0)),
            standings,
            database_bytes: kernel.store().size_bytes()?,
            disk: Disk::of(&watch.data),
            process: Process::read(),
            backup: watch.backup.as_deref().map(Backup::of),
        })
    }
}

pub fn router() -> Router<App> {
    Router::new().route("/metrics", get(metrics))
}

/// In the text format of Prometheus (version 0.0.4), for whoever has the right, or asks from an address that is configured.
async fn metrics(
    State(app): State<App>,
    viewer: Viewer,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let peer = peer.map(|Extension(ConnectInfo(address))| address.ip().to_canonical());
    let may_pass_on = |peer: IpAddr| {
        // What ends TLS before it may stand on this machine, whether or not it is named and says that it passes on.
        app.site.trusted_proxies.contains(&peer) || app.site.secure && peer.is_loopback()
    };
    let peer = peer.filter(|peer| !may_pass_on(*peer));
    if !is_neighbour(&app.site.watch.addresses, peer, &headers) {
        viewer.need_at_root(&app, READ)?;
    }
    let text = {
        let app = app.clone();
        app.clone().blocking(move |kernel| written(&app, kernel)).await?
    };
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn written(app: &App, kernel: &Arc<Kernel>) -> Result<String, StoreError> {
    let vitals = Vitals::read(kernel, &app.site.watch)?;
    Ok(metrics::write(app, &vitals))
}

/// Whether a request comes straight from an address that is configured: what a proxy passes on comes from anybody.
fn is_neighbour(addresses: &[IpAddr], peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
    const PASSED_ON: [HeaderName; 6] = [
        HeaderName::from_static("x-forwarded-for"),
        HeaderName::from_static("x-forwarded-host"),
        HeaderName::from_static("x-forwarded-proto"),
        HeaderName::from_static("x-real-ip"),
        header::FORWARDED,
        header::VIA,
    ];
    let is_passed_on = PASSED_ON.iter().any(|name| headers.contains_key(name));
    !is_passed_on && peer.is_some_and(|peer| addresses.contains(&peer.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_asks_without_a_proxy_is_known_by_an_address() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
        let plain = HeaderMap::new();
        assert!(is_neighbour(&[here], Some(here), &plain) && is_neighbour(&[here], Some(mapped), &plain));
        assert!(!is_neighbour(&[], Some(here), &plain), "denied unless configured");
        assert!(!is_neighbour(&[here], Some("127.0.0.2".parse().unwrap()), &plain));
        assert!(!is_neighbour(&[here], None, &plain));
        for name in ["x-forwarded-for", "forwarded", "via"] {
            let mut passed_on = HeaderMap::new();
            passed_on.insert(HeaderName::from_static(name), "x".parse().unwrap());
            assert!(!is_neighbour(&[here], Some(here), &passed_on), "{name}");
        }
    }
}
