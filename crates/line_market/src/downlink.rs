//! What goes down to scales: their state, whenever an entry changes it. HTTP streams and MQTT both take it from here.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::{ActorId, BookId};
use ledger::{Body, Entry};
use shell::App;
use shell::live::Changes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_stream::wrappers::ReceiverStream;

use crate::intake::{ScaleState, scale_state};
use crate::kinds::{
    BlockAcknowledged, LeaseEnded, LotHeld, LotLost, LotReceived, LotReleased, LotSplit, LotTransferred,
    PricePosted, ProductRegistered, ScaleEnrolled, ScaleMoved, StallLeased,
};

/// From a change to the state that tells it, as changes come in groups.
const GROUP: Duration = Duration::from_millis(100);
/// Between two states of a scale, but for holds.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether an entry may change what a scale of its book is told. Sales do not: a scale counts its own.
pub fn concerns(entry: &Entry) -> bool {
    matches!(
        entry.kind.as_str(),
        LotHeld::KIND
            | LotReleased::KIND
            | LotReceived::KIND
            | LotTransferred::KIND
            | LotSplit::KIND
            | LotLost::KIND
            | PricePosted::KIND
            | ProductRegistered::KIND
            | ScaleEnrolled::KIND
            | ScaleMoved::KIND
            | StallLeased::KIND
            | LeaseEnded::KIND
            | BlockAcknowledged::KIND
    )
}

/// Whether an entry may change what one scale of its book is told that stands at a stall.
fn reaches(entry: &Entry, scale: u32, stall: Option<&str>) -> bool {
    concerns(entry) && Reach::of(entry).takes_in(scale, stall)
}

/// Scales of a book to which some entries may have changed what they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    All,
    /// By number, and by the stall where they stand.
    Those {
        scales: BTreeSet<u32>,
        stalls: BTreeSet<String>,
    },
}

impl Reach {
    /// That of an entry which concerns scales. What names others does not reach one; goods that are handed over name the stall
    /// where they go alone, and holds reach scales that have moved on.
    pub fn of(entry: &Entry) -> Self {
        if let LotHeld::KIND | LotReleased::KIND | LotTransferred::KIND | BlockAcknowledged::KIND =
            entry.kind.as_str()
        {
            return Self::All;
        }
        let (mut scales, mut stalls) = (BTreeSet::new(), BTreeSet::new());
        for id in entry.place.iter().chain(entry.subjects.iter().map(|subject| &subject.id)) {
            match id.scheme() {
                "scale" => scales.extend(id.local_part().parse::<u32>().ok()),
                "stall" => drop(stalls.insert(id.local_part().to_owned())),
                _ => {}
            }
        }
        match scales.is_empty() && stalls.is_empty() {
            true => Self::All,
            false => Self::Those { scales, stalls },
        }
    }

    pub fn of_scale(scale: u32) -> Self {
        Self::Those { scales: BTreeSet::from([scale]), stalls: BTreeSet::new() }
    }

    /// Takes in what another does as well.
    pub fn join(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Those { scales, stalls }, Self::Those { scales: more, stalls: others }) => {
                scales.extend(more);
                stalls.extend(others);
            }
            _ => *self = Self::All,
        }
    }

    pub fn takes_in(&self, scale: u32, stall: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Those { scales, stalls } => {
                scales.contains(&scale) || stall.is_some_and(|stall| stalls.contains(stall))
            }
        }
    }
}

/// The states of one scale, from now on, each different from the one before. Each reading waits for a turn of whoever listens.
pub fn states(app: &App, listener: ActorId, book: BookId, scale: u32) -> ReceiverStream<ScaleState> {
    let (sender, receiver) = mpsc::channel(4);
    let app = app.clone();
    let mut changes = Changes::from_now(&app, Some(&listener));
    tokio::spawn(async move {
        let mut last: Option<ScaleState> = None;
        loop {
            let state = changes.read(&app, Some(&listener), &sender, read(&app, &book, scale)).await;
            let Some(state) = state.flatten() else { break };
            let (stall, next) = (state.stall.clone(), Instant::now() + PAUSE);
            let changed = last
                .as_ref()
                .is_none_or(|last| ScaleState { server_time: last.server_time, ..state.clone() } != *last);
            if changed {
                if sender.send(state.clone()).await.is_err() {
                    break;
                }
                last = Some(state);
            }
            let is_hold = |entry: &Entry| entry.book == book && entry.kind.as_str() == LotHeld::KIND;
            let held = AtomicBool::new(false);
            let heard = |entry: &Entry| {
                held.fetch_or(is_hold(entry), Ordering::Relaxed);
                entry.book == book && reaches(entry, scale, stall.as_deref())
            };
            if !changes.next(heard, &sender).await {
                break;
            }
            // A hold does not wait, and what waits does not when a hold comes.
            if !held.into_inner() {
                tokio::select! {
                    () = sleep_until(next) => {}
                    goes_on = changes.next(is_hold, &sender) => if !goes_on { break },
                }
            }
            sleep(GROUP).await;
        }
    });
    ReceiverStream::new(receiver)
}

async fn read(app: &App, book: &BookId, scale: u32) -> Option<ScaleState> {
    let book = book.clone();
    let read = app
        .blocking(move |kernel| {
            let now = kernel.now();
            kernel.read(|tx| scale_state(tx, &book, scale, now))
        })
        .await;
    read.ok().flatten()
}

#[cfg(test)]
mod tests {
    use base::{Fen, Seq, SubjectId, Time};
    use ledger::{Draft, Role};

    use super::*;

    #[test]
    fn what_names_another_stall_or_scale_does_not_reach_a_scale() {
        let book = BookId::new("beiyuan").unwrap();
        let sealed = |draft: Draft| Entry::seal(draft, Seq(0), Time(0), [0; 16]);
        let id = |scheme: &str, local: &str| SubjectId::local(scheme, &book, local).unwrap();
        let actor = ActorId::new("token:one").unwrap();
        let price = |stall: &str| {
            let body = PricePosted { stall: stall.into(), product: "tomato".into(), fen_per_kg: Fen(1) };
            let draft = Draft::new(&book, Time(0), &actor, &body).unwrap();
            sealed(
                draft.subject(Role::About, id("stall", stall)).subject(Role::About, id("product", "tomato")),
            )
        };
        let moved = |scale: u32, stall: &str| {
            let draft =
                Draft::new(&book, Time(0), &actor, &ScaleMoved { scale, stall: stall.into() }).unwrap();
            sealed(draft.subject(Role::About, id("scale", &scale.to_string())))
        };
        let [zh, en, category] = ["番茄", "Tomato", "fruit"].map(str::to_owned);
        let product = ProductRegistered { product: "tomato".into(), title_zh: zh, title_en: en, category };
        let product = Draft::new(&book, Time(0), &actor, &product).unwrap();
        let product = sealed(product.subject(Role::About, id("product", "tomato")));
        for (entry, reaches_it) in [
            (price("A1"), true),
            (price("A2"), false),
            (moved(1, "A2"), true),
            (moved(2, "A1"), false),
            (product, true),
        ] {
            assert_eq!(reaches(&entry, 1, Some("A1")), reaches_it, "{entry:?}");
        }
        let mut both = Reach::of(&price("A1"));
        both.join(Reach::of(&moved(7, "A2")));
        let reached = [(1, Some("A1")), (7, None), (2, Some("A2")), (3, None)];
        assert_eq!(reached.map(|(scale, stall)| both.takes_in(scale, stall)), [true, true, false, false]);
        both.join(Reach::All);
        assert!(both.takes_in(3, None));
    }
}
