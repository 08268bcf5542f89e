//! Requests as they are answered: how many, how long, and what stays open.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use kernel::Histogram;
use tokio_stream::Stream;

/// What is asked for, by its address. No address of a thing or person is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Page,
    Api,
    Scale,
    Epcis,
    /// Proofs, checkpoints, tiles and the witness.
    Log,
    /// What a slip's code leads a shopper to.
    Slip,
    Asset,
    /// Whether we live, are ready, and how we fare.
    Probe,
}

impl Class {
    pub const ALL: [Self; 8] =
        [Self::Page, Self::Api, Self::Scale, Self::Epcis, Self::Log, Self::Slip, Self::Asset, Self::Probe];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Api => "api",
            Self::Scale => "scale",
            Self::Epcis => "epcis",
            Self::Log => "log",
            Self::Slip => "slip",
            Self::Asset => "asset",
            Self::Probe => "probe",
        }
    }

    pub fn of(path: &str) -> Self {
        match path.split('/').nth(1).unwrap_or_default() {
            "api" => Self::Api,
            "scale" => Self::Scale,
            "epcis" => Self::Epcis,
            "log" | "witness" => Self::Log,
            "01" => Self::Slip,
            "assets" => Self::Asset,
            "healthz" | "readyz" | "metrics" => Self::Probe,
            _ => Self::Page,
        }
    }
}

/// Statuses that are told apart: 100 to 599.
const STATUSES: usize = 500;

/// What was answered since the process began, by class.
#[derive(Debug)]
pub struct Requests(Vec<Answered>);

#[derive(Debug)]
struct Answered {
    statuses: Vec<AtomicU64>,
    /// Until the answer began; streams go on for as long as they are looked at.
    took: Histogram,
    streams: AtomicI64,
}

impl Default for Requests {
    fn default() -> Self {
        let answered = || Answered {
            statuses: (0..STATUSES).map(|_| AtomicU64::new(0)).collect(),
            took: Histogram::default(),
            streams: AtomicI64::new(0),
        };
        Self(Class::ALL.iter().map(|_| answered()).collect())
    }
}

impl Requests {
    fn of(&self, class: Class) -> &Answered {
        &self.0[class as usize]
    }

    /// The statuses that were answered, with how often.
    pub fn statuses(&self, class: Class) -> Vec<(usize, u64)> {
        let counts = self.of(class).statuses.iter().map(|count| count.load(Relaxed));
        counts.enumerate().filter(|(_, count)| *count > 0).map(|(at, count)| (at + 100, count)).collect()
    }

    pub fn took(&self, class: Class) -> &Histogram {
        &self.of(class).took
    }

    /// Streams that are open.
    pub fn streams(&self, class: Class) -> i64 {
        self.of(class).streams.load(Relaxed)
    }
}

/// The layer that counts. Outermost, so that nothing is answered uncounted.
pub async fn count(State(requests): State<Arc<Requests>>, request: Request, next: Next) -> Response {
    let (class, begun) = (Class::of(request.uri().path()), Instant::now());
    let response = next.run(request).await;
    let answered = requests.of(class);
    answered.took.note(begun.elapsed());
    if let Some(count) = answered.statuses.get(usize::from(response.status().as_u16()).wrapping_sub(100)) {
        count.fetch_add(1, Relaxed);
    }
    let media = response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |media| media.as_bytes());
    if !media.starts_with(b"text/event-stream") {
        return response;
    }
    answered.streams.fetch_add(1, Relaxed);
    let open = Open { requests: requests.clone(), class };
    response.map(|body| held(body, open))
}

/// A body with which something is dropped.
pub fn held(body: Body, with: impl Send + Unpin + 'static) -> Body {
    Body::from_stream(Held { events: body.into_data_stream(), _with: with })
}

struct Held<W> {
    events: BodyDataStream,
    _with: W,
}

/// A stream that is counted as open until it is dropped.
struct Open {
    requests: Arc<Requests>,
    class: Class,
}

impl<W: Unpin> Stream for Held<W> {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.events).poll_next(context)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.requests.of(self.class).streams.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_the_class_of_its_first_part() {
        for (path, class) in [
            ("/", Class::Page),
            ("/apiary", Class::Page),
            ("/api/books", Class::Api),
            ("/scale/v1/stream", Class::Scale),
            ("/epcis/events", Class::Epcis),
            ("/log/beiyuan/checkpoint", Class::Log),
            ("/witness/add-checkpoint", Class::Log),
            ("/01/06901234567892/21/x", Class::Slip),
            ("/assets/1/style.css", Class::Asset),
            ("/metrics", Class::Probe),
        ] {
            assert_eq!(Class::of(path), class, "{path}");
        }
        assert!(Class::ALL.iter().enumerate().all(|(at, class)| *class as usize == at));
    }
}
