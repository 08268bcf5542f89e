//! The connections of the site: so many at a time, and none that keeps its place without using it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use base::limits::{
    CONNECTIONS_MAX, CONNECTIONS_OF_ONE_MAX, REQUEST_HEAD_BYTES_MAX, REQUEST_HEAD_SECONDS_MAX,
    UNREAD_SECONDS_MAX,
};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use shell::Problem;
use shell::caller::{network, site};
use shell::seats::{Seat, Seats};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// How long those who are under way when the server stops may take. Streams stay open for ever.
const FAREWELL: Duration = Duration::from_secs(3);
/// Before the next try where no connection can be taken, as when the process has no file left to open.
const BREATH: Duration = Duration::from_millis(500);

/// What a connection may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub connections: usize,
    /// Of one address.
    pub of_one: usize,
    /// Until the head of a request is there.
    pub head: Duration,
    /// While nothing of an answer is taken.
    pub unread: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            of_one: CONNECTIONS_OF_ONE_MAX,
            head: Duration::from_secs(REQUEST_HEAD_SECONDS_MAX),
            unread: Duration::from_secs(UNREAD_SECONDS_MAX),
        }
    }
}

/// Serves until `stop` resolves, and then those who are under way for a while. Proxies bring the connections of many.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    (bounds, proxies): (Bounds, Vec<IpAddr>),
    stop: impl Future<Output = ()>,
) {
    // Settled once, and not by every request.
    let router: Router = router.with_state(());
    let places = Arc::new(Semaphore::new(bounds.connections));
    let of_each = Seats::for_connections(bounds.of_one);
    let (ending, ended) = watch::channel(());
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head).max_buf_size(REQUEST_HEAD_BYTES_MAX);
    let take = async {
        loop {
            let Ok(place) = places.clone().acquire_owned().await else { break };
            let (stream, address) = accept(&listener).await;
            let Ok(seat) = seat_of(&of_each, address.ip(), &proxies) else {
                tracing::debug!(%address, "one address has too many connections");
                continue;
            };
            let (http, router, mut ended) = (http.clone(), router.clone(), ended.clone());
            tokio::spawn(async move {
                let site = TowerToHyperService::new(router);
                let service = service_fn(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(ConnectInfo(address));
                    site.call(request)
                });
                let stream = TokioIo::new(Patient::new(stream, bounds.unread));
                let mut connection = std::pin::pin!(http.serve_connection(stream, service).with_upgrades());
                let result = tokio::select! {
                    result = connection.as_mut() => result,
                    _ = ended.changed() => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                };
                if let Err(error) = result {
                    tracing::debug!(%error, %address, "a connection ended");
                }
                drop((place, seat));
            });
        }
    };
    tokio::select! {
        () = take => {}
        () = stop => {}
    }
    drop((listener, ended));
    ending.send_replace(());
    tokio::select! {
        () = ending.closed() => {}
        () = sleep(FAREWELL) => {}
    }
}

/// The seat of a connection among those of its address; the machine itself and its proxies need none.
fn seat_of(of_each: &Seats, address: IpAddr, proxies: &[IpAddr]) -> Result<Option<Seat>, Problem> {
    let address = address.to_canonical();
    match address.is_loopback() || proxies.contains(&address) {
        true => Ok(None),
        false => of_each.take(&site(address).unwrap_or_else(|| network(address)).to_string()).map(Some),
    }
}

/// The next connection. That one breaks off before it is taken is nothing to tell.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(taken) => return taken,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                sleep(BREATH).await;
            }
        }
    }
}

/// A connection whose other end must take what it is sent: a write that gets nowhere for too long is an error.
struct Patient<S> {
    stream: S,
    patience: Duration,
    until: Pin<Box<Sleep>>,
    waits: bool,
}

impl<S> Patient<S> {
    fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, until: Box::pin(sleep_until(Instant::now())), waits: false }
    }

    /// What a write came to, or that it has waited too long.
    fn judge<T>(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            self.waits = false;
            return wrote;
        }
        if !std::mem::replace(&mut self.waits, true) {
            self.until.as_mut().reset(Instant::now() + self.patience);
        }
        ready!(self.until.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other end takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.judge(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const HEAD: Duration = Duration::from_millis(300);
    const NONE: Duration = Duration::from_secs(60);

    /// A site with one page of so many bytes, within bounds.
    async fn site(bytes: usize, bounds: Bounds) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(move || async move { vec![b'x'; bytes] }));
        tokio::spawn(serve(router, listener, (bounds, Vec::new()), std::future::pending()));
        address
    }

    async fn ask(stream: &mut TcpStream) {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    }

    #[tokio::test]
    async fn a_head_that_comes_byte_by_byte_ends_the_connection() {
        let address = site(1, Bounds { head: HEAD, ..Bounds::default() }).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        let mut drips = tokio::time::interval(HEAD / 10);
        let mut answer = Vec::new();
        loop {
            tokio::select! {
                _ = drips.tick() => if slow.write_all(b"G").await.is_err() { break },
                read = slow.read_buf(&mut answer) => if matches!(read, Ok(0) | Err(_)) { break },
            }
        }
        let mut quick = TcpStream::connect(address).await.unwrap();
        ask(&mut quick).await;
        assert!(quick.read_u8().await.is_ok());
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_ends_the_connection() {
        let bounds = Bounds { unread: HEAD, head: NONE, connections: 1, of_one: 1 };
        // More than the system's buffers take in between.
        let address = site(64 * 1024 * 1024, bounds).await;
        let mut deaf = TcpStream::connect(address).await.unwrap();
        ask(&mut deaf).await;
        let mut next = TcpStream::connect(address).await.unwrap();
        ask(&mut next).await;
        assert!(next.read_u8().await.is_ok(), "its place is free again");
        drop(deaf);
    }

    #[test]
    fn one_address_has_so_many_connections_and_its_network_no_more() {
        let (of_each, proxy) = (Seats::for_connections(2), IpAddr::from([10, 0, 0, 7]));
        let seat = |address: &str| seat_of(&of_each, address.parse().unwrap(), &[proxy]);
        let held = [seat("203.0.113.7"), seat("::ffff:203.0.113.7")].map(Result::unwrap);
        assert!(held.iter().all(Option::is_some) && seat("203.0.113.7").is_err());
        assert!(seat("203.0.113.8").unwrap().is_some());
        let of_network = [seat("2001:db8::1"), seat("2001:db8::2")].map(Result::unwrap);
        assert!(
            seat("2001:db8::3").is_err()
                && seat("2001:db8:0:1::3").is_err()
                && seat("2001:db8:1::3").unwrap().is_some()
        );
        for _ in 0..3 {
            assert!(seat("10.0.0.7").unwrap().is_none() && seat("127.0.0.1").unwrap().is_none());
        }
        drop((held, of_network));
        assert!(seat("203.0.113.7").is_ok() && seat("2001:db8::3").is_ok());
    }

    #[tokio::test]
    async fn whoever_finds_no_place_waits_for_one() {
        let address = site(1, Bounds { connections: 1, head: NONE, ..Bounds::default() }).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        ask(&mut first).await;
        assert!(first.read_u8().await.is_ok());
        let mut second = TcpStream::connect(address).await.unwrap();
        ask(&mut second).await;
        assert!(tokio::time::timeout(HEAD, second.read_u8()).await.is_err(), "there is but one place");
        drop(first);
        assert!(second.read_u8().await.is_ok());
    }
}
