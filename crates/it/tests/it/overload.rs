//! More than the server can take, and those who take their time: what does not fit the writer's queue is refused at once, what
//! does is done, and whoever keeps a connection without using it loses it while the others go on.

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use base::ActorId;
use base::limits::WRITER_QUEUE_MAX;
use harness::{Client, Engine, Gate, JSON, Town, User, sale};
use kernel::{AppendError, Receipt};
use line_market::record::{Failure, Input, record};
use serde_json::json;

use crate::crash::{Known, SALES, Server, Stops, found, sell};

const OCCURRED: &str = "2026-03-10T00:00:00.000Z";
const MORE: usize = 100;

#[test]
fn what_is_too_much_is_refused_at_once_and_what_was_taken_is_done() {
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let (scale, leader) = (town.program(User::Scale), town.program(User::Leader));
    let gate = Gate::shut(&town.site.kernel);

    let price = |number: usize| {
        let (kernel, book) = (town.site.kernel.clone(), town.book());
        let body = json!({ "stall": "A1", "product": "tomato", "fen_per_kg": number + 1 });
        let input = Input { kind: "market.price.posted".into(), occurred: None, body, evidence: Vec::new() };
        let asked: Pin<Box<dyn Future<Output = Result<Receipt, Failure>>>> = Box::pin(async move {
            let actor = ActorId::new("system:test").unwrap();
            kernel.append(move |desk| record(desk, &book, &actor, &input).map(|it| it.entry)).await
        });
        asked
    };
    let mut context = Context::from_waker(Waker::noop());
    let mut taken = Vec::new();
    let mut refused = 0;
    for mut asked in (0..WRITER_QUEUE_MAX + MORE).map(price) {
        match asked.as_mut().poll(&mut context) {
            Poll::Pending => taken.push(asked),
            Poll::Ready(answer) => {
                assert!(matches!(answer, Err(AppendError::Busy)), "{answer:?}");
                refused += 1;
            }
        }
    }
    assert_eq!((taken.len(), refused), (WRITER_QUEUE_MAX, MORE));
    let busy = scale.post("/scale/v1/sales", &json!({ "sales": [sale(1, "L1", 10, OCCURRED)] }));
    assert_eq!(busy.status, 503, "{}", busy.text());
    assert!(!busy.header("retry-after").is_empty());
    assert_eq!(leader.get("/api/figures").status, 200, "reading goes on");

    assert!(gate.open());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut seqs: Vec<u64> = taken.into_iter().map(|asked| runtime.block_on(asked).unwrap().seq.0).collect();
    seqs.dedup();
    assert_eq!(seqs.len(), WRITER_QUEUE_MAX);
    assert!(seqs.is_sorted(), "they stand in the order in which they came");
    scale.post("/scale/v1/sales", &json!({ "sales": [sale(1, "L1", 10, OCCURRED)] })).expect(200);
    town.check();
}

/// Of each sort of slow client.
const SLOW: usize = 40;
const IDLE: usize = 1_000;
/// Longer than any of them may stay.
const SLOW_MAX: Duration = Duration::from_secs(90);
/// What they may take together of the server's memory, with what the sales take meanwhile. What they ask for is gigabytes.
const SLOW_MIB_MAX: u64 = 192;

/// A connection that goes on slowly: it sends a byte of these a round, and reads as many bytes.
struct Slow {
    what: &'static str,
    stream: TcpStream,
    sends: &'static [u8],
    reads: usize,
}

impl Slow {
    fn new(what: &'static str, stream: TcpStream, sends: &'static [u8], reads: usize) -> Self {
        stream.set_nonblocking(true).unwrap();
        Self { what, stream, sends, reads }
    }

    /// Whether the server still keeps it. One that is gone shows when it is written to, or read to its end.
    fn is_kept(&mut self) -> bool {
        let goes_on = |result: std::io::Result<usize>| match result {
            Ok(count) => count > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        let sent = self.sends.is_empty() || goes_on(self.stream.write(self.sends));
        let mut buffer = vec![0; self.reads];
        sent && (self.reads == 0 || goes_on(self.stream.read(&mut buffer)))
    }
}

#[test]
fn whoever_takes_too_long_loses_the_connection_and_keeps_nobody_else_from_theirs() {
    let (place, credential) = found(Engine::Sqlite.place().unwrap());
    let mut server = Server::start(&place);
    let scale = Client::new(&server.base).bearer(&credential);
    let address = server.base.trim_start_matches("http://").to_owned();
    let connect = || TcpStream::connect(&address).unwrap();
    let (next, known, stop) = (AtomicU32::new(1), Mutex::new(Known::default()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| sell(&scale, &next, &known, &stop));
        let _stops = Stops(&stop);
        let sold = || known.lock().unwrap().acknowledged.len();
        let until = |count: usize| {
            let began = Instant::now();
            while sold() < count {
                assert!(began.elapsed() < SLOW_MAX, "selling does not go on");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        until(10_000);
        let before = server.memory_mib("VmRSS");

        let mut slow: Vec<Slow> = (0..IDLE).map(|_| Slow::new("is idle", connect(), b"", 1)).collect();
        for _ in 0..SLOW {
            slow.push(Slow::new("sends its head slowly", connect(), b"G", 1));
            for (what, length) in [("sends a body slowly", "60000"), ("sends a large body slowly", "4000000")]
            {
                let stream = scale.open("POST", SALES, &[("content-type", JSON), ("content-length", length)]);
                slow.push(Slow::new(what, stream, b" ", 1));
            }
            // Answers that no buffer between takes, each of them never read, or a byte at a time.
            for reads in [0, 1] {
                let mut stream = connect();
                let ask = format!("GET /api/openapi.json HTTP/1.1\r\nhost: {address}\r\n\r\n");
                stream.write_all(ask.repeat(100).as_bytes()).unwrap();
                slow.push(Slow::new("reads slowly", stream, b"G", reads));
            }
        }
        let began = Instant::now();
        while !slow.is_empty() {
            slow.retain_mut(Slow::is_kept);
            let kept = slow.first().map(|it| it.what);
            assert!(began.elapsed() < SLOW_MAX, "{} are kept, one of which {kept:?}", slow.len());
            std::thread::sleep(Duration::from_secs(1));
        }
        until(sold() + 2_000);
        let most = server.memory_mib("VmHWM");
        eprintln!("{before} MiB before, {most} MiB at most, {:?}, {} sales", began.elapsed(), sold());
        assert!(most < before + SLOW_MIB_MAX, "{before} MiB before, {most} MiB at most");
    });
    server.kill();
}
