//! A small HTTP/1.1 client: connections are shared by all players, so that a thousand scales need few.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::SimulateError;

const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
const IDLE_CONNECTIONS_MAX: usize = 64;
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const WAIT_MAX_S: u64 = 60;

/// Why a request had no effect that we know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No answer; it may have been taken all the same.
    Unreachable(String),
    /// Not now.
    Busy { after: Duration },
    /// Not at all.
    Refused { status: u16, problem: Problem },
}

/// The members of a problem document (RFC 9457) that a program acts on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    pub status: u16,
    pub rule: Option<String>,
    pub index: Option<usize>,
    pub detail: Option<String>,
    /// Seconds; over MQTT, where there is no header.
    pub retry_after_s: Option<u64>,
}

impl Problem {
    /// What a problem document and the status it came with ask of the sender.
    pub fn trouble(self, status: u16, retry_after_s: Option<u64>) -> Trouble {
        match status {
            429 | 503 => {
                let seconds = retry_after_s.or(self.retry_after_s).unwrap_or(1).clamp(1, WAIT_MAX_S);
                Trouble::Busy { after: Duration::from_secs(seconds) }
            }
            500 | 502 | 504 => Trouble::Unreachable(format!("the server answered {status}")),
            _ => Trouble::Refused { status, problem: self },
        }
    }

    /// The name to count a refusal under.
    pub fn name(&self, status: u16) -> String {
        self.rule.clone().unwrap_or_else(|| format!("status-{status}"))
    }
}

type Sender = SendRequest<Full<Bytes>>;

/// Idle connections to one server.
#[derive(Debug)]
pub(crate) struct Pool {
    authority: String,
    host: String,
    port: u16,
    prefix: String,
    idle: Mutex<Vec<Sender>>,
}

impl Pool {
    /// `http://host:port`, perhaps with a path that all others follow.
    pub fn new(setting: &'static str, base_url: &str) -> Result<Self, SimulateError> {
        let refuse = |reason: &str| SimulateError::Plan { setting, reason: reason.to_owned() };
        let uri: Uri = base_url.parse().map_err(|_| refuse("is not a url"))?;
        if uri.scheme_str() != Some("http") {
            return Err(refuse("must begin with http:// (tls is left to a proxy)"));
        }
        let authority = uri.authority().ok_or_else(|| refuse("names no host"))?;
        Ok(Self {
            authority: authority.to_string(),
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            idle: Mutex::default(),
        })
    }

    fn take(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        let at = idle.iter().rposition(Sender::is_ready)?;
        Some(idle.swap_remove(at))
    }

    fn put(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_CONNECTIONS_MAX && !sender.is_closed() {
            idle.push(sender);
        }
    }

    async fn connect(&self) -> Result<Sender, Trouble> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        let (sender, connection) = handshake(TokioIo::new(tcp)).await.map_err(unreachable)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        Ok(sender)
    }
}

fn unreachable(error: impl std::fmt::Display) -> Trouble {
    Trouble::Unreachable(error.to_string())
}

/// One player's access to a server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pool: Arc<Pool>,
    bearer: String,
}

impl Client {
    pub fn new(pool: &Arc<Pool>, token: &str) -> Self {
        Self { pool: Arc::clone(pool), bearer: format!("Bearer {token}") }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        self.exchange(Method::GET, path, None, Bytes::new()).await
    }

    /// Posts JSON.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        key: Option<&str>,
        json: Vec<u8>,
    ) -> Result<T, Trouble> {
        self.exchange(Method::POST, path, key, json.into()).await
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Bytes,
    ) -> Result<T, Trouble> {
        let exchange = async {
            let mut request =
                self.request(&method, path, "application/json").header(CONTENT_TYPE, "application/json");
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            self.answer(request.body(Full::new(body)).map_err(unreachable)?).await
        };
        let answer =
            timeout(ANSWER_WITHIN, exchange).await.map_err(|_| unreachable("no answer in time"))??;
        serde_json::from_slice(&answer).map_err(|error| Trouble::Refused {
            status: 200,
            problem: Problem {
                detail: Some(error.to_string()),
                rule: Some("unreadable-answer".into()),
                ..Problem::default()
            },
        })
    }

    /// Sends over an idle connection, or over a new one if that turns out to be closed before anything was sent.
    async fn answer(&self, mut request: Request<Full<Bytes>>) -> Result<Bytes, Trouble> {
        if let Some(mut used) = self.pool.take() {
            match used.try_send_request(request).await {
                Ok(answer) => return self.read(used, answer).await,
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(unreachable(failed.into_error())),
                },
            }
        }
        let mut fresh = self.pool.connect().await?;
        let answer = fresh.send_request(request).await.map_err(unreachable)?;
        self.read(fresh, answer).await
    }

    async fn read(&self, sender: Sender, answer: Response<Incoming>) -> Result<Bytes, Trouble> {
        let (status, wait) = (answer.status(), retry_after(&answer));
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX);
        let bytes = body.collect().await.map_err(unreachable)?.to_bytes();
        self.pool.put(sender);
        if status.is_success() { Ok(bytes) } else { Err(trouble(status, wait, &bytes)) }
    }

    fn request(&self, method: &Method, path: &str, accept: &str) -> hyper::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.pool.prefix))
            .header(HOST, &self.pool.authority)
            .header(AUTHORIZATION, &self.bearer)
            .header(ACCEPT, accept)
    }

    /// Opens a stream of server-sent events, over a connection of its own.
    pub async fn stream(&self, path: &str) -> Result<Incoming, Trouble> {
        let open = async {
            let mut sender = self.pool.connect().await?;
            let request = self.request(&Method::GET, path, "text/event-stream");
            let request = request.body(Full::new(Bytes::new())).map_err(unreachable)?;
            let answer = sender.send_request(request).await.map_err(unreachable)?;
            if answer.status().is_success() {
                return Ok(answer.into_body());
            }
            let (status, wait) = (answer.status(), retry_after(&answer));
            let body =
                Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(unreachable)?;
            Err(trouble(status, wait, &body.to_bytes()))
        };
        timeout(ANSWER_WITHIN, open).await.map_err(|_| unreachable("no answer in time"))?
    }
}

fn retry_after(answer: &Response<Incoming>) -> Option<u64> {
    answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

fn trouble(status: StatusCode, wait: Option<u64>, body: &[u8]) -> Trouble {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    problem.trouble(status.as_u16(), wait)
}
