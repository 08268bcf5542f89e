//! More than the writer can take: what does not fit its queue is refused at once, what does is done, and then it goes on.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, mpsc};
use std::task::{Context, Poll, Waker};

use base::ActorId;
use base::limits::WRITER_QUEUE_MAX;
use harness::{Engine, Town, User, sale};
use kernel::{AppendError, Receipt};
use line_market::record::{Failure, Input, record};
use serde_json::json;

const OCCURRED: &str = "2026-03-10T00:00:00.000Z";
const MORE: usize = 100;

#[test]
fn what_is_too_much_is_refused_at_once_and_what_was_taken_is_done() {
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let (scale, leader) = (town.program(User::Scale), town.program(User::Leader));
    let (open, opens) = mpsc::channel::<()>();
    let (stands, is_closed) = mpsc::channel();
    let opens = Mutex::new(opens);
    let kernel = town.site.kernel.clone();
    let gate = std::thread::spawn(move || {
        kernel.append_blocking::<_, (), ()>(move |_| {
            stands.send(()).ok();
            opens.lock().unwrap().recv().ok();
            Ok(())
        })
    });
    is_closed.recv().unwrap();

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

    drop(open);
    gate.join().unwrap().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut seqs: Vec<u64> = taken.into_iter().map(|asked| runtime.block_on(asked).unwrap().seq.0).collect();
    seqs.dedup();
    assert_eq!(seqs.len(), WRITER_QUEUE_MAX);
    assert!(seqs.is_sorted(), "they stand in the order in which they came");
    scale.post("/scale/v1/sales", &json!({ "sales": [sale(1, "L1", 10, OCCURRED)] })).expect(200);
    town.check();
}
