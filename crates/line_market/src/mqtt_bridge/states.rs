//! Down to the scales: the state of each is retained at the broker, and published anew when it changes. Blocks go out
//! at once; everything else waits a moment, as changes come in groups.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use base::{ActorId, BookId};
use kernel::{DeviceEnrolled, DeviceRevoked, GrantGiven, GrantWithdrawn};
use ledger::{Body, Entry};
use mqtt::{MqttError, Publisher, QoS, State};
use sha2::{Digest, Sha256};
use shell::App;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::clerk::device;
use super::topic::At;
use crate::downlink::{Reach, concerns};
use crate::intake::{ScaleState, scale_state};
use crate::kinds::LotHeld;
use crate::state;

/// From the first change to the publication of whatever changed until then.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// Before another attempt after the database or the broker failed.
const RETRY: Duration = Duration::from_secs(1);
/// States read in one snapshot and published together; between two groups blocks go first.
const GROUP_MAX: usize = 32;

/// Publishes until the link is closed.
pub async fn run(app: App, publisher: Publisher, mut connection: watch::Receiver<State>) {
    // Before the first read, so that nothing falls between the two.
    let mut live = app.kernel.live();
    let mut states = States { app, publisher, told: HashMap::new(), due: Due::default() };
    connection.mark_changed();
    loop {
        let connected = *connection.borrow() == State::Connected;
        tokio::select! {
            biased;
            changed = connection.changed() => {
                if changed.is_err() {
                    return;
                }
                if *connection.borrow_and_update() == State::Connected {
                    // The broker may have forgotten what it retained.
                    states.told.clear();
                    states.due.everything = true;
                    states.due.at = Some(Instant::now());
                }
            }
            heard = live.recv() => match heard {
                Ok(entries) => states.due.hear(&entries),
                // Whatever was missed is in the database.
                Err(RecvError::Lagged(_)) => {
                    states.due.everything = true;
                    states.due.within(DEBOUNCE);
                }
                Err(RecvError::Closed) => return,
            },
            () = states.due.come(), if connected => states.publish_some().await,
        }
    }
}

/// What is to be published.
#[derive(Debug, Default)]
struct Due {
    /// Scales that must learn of a block.
    blocked: BTreeSet<At>,
    /// Scales whose turn has come.
    scales: BTreeSet<At>,
    /// Markets in which something changed, and for which of their scales.
    books: BTreeMap<BookId, Reach>,
    /// All markets, instead.
    everything: bool,
    /// When the markets' turn comes.
    at: Option<Instant>,
}

impl Due {
    fn hear(&mut self, entries: &[Entry]) {
        for entry in entries.iter().filter(|entry| concerns(entry)) {
            if entry.kind.as_str() == LotHeld::KIND
                && let Ok(held) = entry.body::<LotHeld>()
            {
                let at = |scale| At { book: entry.book.clone(), scale };
                self.blocked.extend(held.scales.into_iter().map(at));
            }
            self.reach(entry.book.clone(), Reach::of(entry));
            self.within(DEBOUNCE);
        }
        for book in entries.iter().filter_map(credential_of) {
            self.reach(book, Reach::All);
            self.within(DEBOUNCE);
        }
    }

    fn reach(&mut self, book: BookId, reach: Reach) {
        match self.books.get_mut(&book) {
            Some(known) => known.join(reach),
            None => drop(self.books.insert(book, reach)),
        }
    }

    fn within(&mut self, wait: Duration) {
        self.at.get_or_insert(Instant::now() + wait);
    }

    /// Resolves when there is something to do. May be given up and called again.
    async fn come(&self) {
        match self.at {
            _ if !self.blocked.is_empty() || !self.scales.is_empty() => {}
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// The next scales to publish for, the blocked ones first.
    fn group(&mut self) -> Vec<At> {
        let from = if self.blocked.is_empty() { &mut self.scales } else { &mut self.blocked };
        let mut group = Vec::with_capacity(GROUP_MAX);
        while group.len() < GROUP_MAX
            && let Some(at) = from.pop_first()
        {
            group.push(at);
        }
        group
    }
}

struct States {
    app: App,
    publisher: Publisher,
    /// Digests of the last states that the broker has taken.
    told: HashMap<At, [u8; 32]>,
    due: Due,
}

impl States {
    async fn publish_some(&mut self) {
        let group = self.due.group();
        if group.is_empty() {
            return self.unfold().await;
        }
        let reading = group.clone();
        let read = self.app.blocking(move |kernel| {
            let mut known = HashSet::new();
            for at in &reading {
                if device(kernel, at)?.is_some() {
                    known.insert(at.clone());
                }
            }
            let now = kernel.now();
            kernel.read(|tx| {
                let mut states = Vec::with_capacity(reading.len());
                for at in reading {
                    let state = match known.contains(&at) {
                        true => scale_state(tx, &at.book, at.scale, now)?,
                        false => None,
                    };
                    states.push((at, state));
                }
                Ok(states)
            })
        });
        match read.await {
            Ok(states) => self.publish(states).await,
            Err(_) => group.into_iter().for_each(|at| self.again(at)),
        }
    }

    /// Turns markets into those of their scales for which something changed.
    async fn unfold(&mut self) {
        let books = (!self.due.everything).then(|| std::mem::take(&mut self.due.books));
        let wanted = books.clone();
        let found = self.app.blocking(move |kernel| {
            let books = match wanted {
                Some(books) => books,
                None => kernel.books()?.into_iter().map(|book| (book, Reach::All)).collect(),
            };
            kernel.read(|tx| {
                let mut found = Vec::new();
                for (book, reach) in books {
                    let scales = state::scales(tx, &book)?.into_iter();
                    let reached = scales.filter(|it| reach.takes_in(it.scale, it.stall.as_deref()));
                    found.extend(reached.map(|it| At { book: book.clone(), scale: it.scale }));
                }
                Ok(found)
            })
        });
        self.due.at = None;
        match found.await {
            Ok(found) => {
                self.due.everything = false;
                self.due.scales.extend(found);
            }
            Err(_) => {
                for (book, reach) in books.into_iter().flatten() {
                    self.due.reach(book, reach);
                }
                self.due.within(RETRY);
            }
        }
    }

    /// Publishes each state; of a scale without a device that may weigh the broker is told to retain none.
    async fn publish(&mut self, states: Vec<(At, Option<ScaleState>)>) {
        let mut on_their_way = JoinSet::new();
        for (at, state) in states {
            let written = state.map_or(Some(([0; 32], Vec::new())), |state| written(&state));
            let Some((digest, json)) = written else { continue };
            if self.told.get(&at) == Some(&digest) {
                continue;
            }
            let publisher = self.publisher.clone();
            on_their_way.spawn(async move {
                let published = publisher.publish(&at.state(), json, QoS::AtLeastOnce, true).await;
                (at, digest, published)
            });
        }
        while let Some(joined) = on_their_way.join_next().await {
            let Ok((at, digest, published)) = joined else { continue };
            match published {
                Ok(()) => {
                    self.told.insert(at, digest);
                }
                // Another attempt would be as long.
                Err(error @ MqttError::TooLong { .. }) => {
                    tracing::error!(%error, topic = at.state(), "a scale's state cannot be published");
                    self.told.insert(at, digest);
                }
                Err(error) => {
                    tracing::warn!(%error, topic = at.state(), "a scale's state was not published");
                    self.again(at);
                }
            }
        }
    }

    fn again(&mut self, at: At) {
        self.due.reach(at.book, Reach::of_scale(at.scale));
        self.due.within(RETRY);
    }
}

/// The book of the device whose credential or right an entry gives or takes.
fn credential_of(entry: &Entry) -> Option<BookId> {
    let of_grant = |grantee: ActorId| {
        let (book, _) = grantee.as_str().strip_prefix("device:")?.split_once('/')?;
        BookId::new(book).ok()
    };
    match entry.kind.as_str() {
        DeviceEnrolled::KIND => Some(entry.body::<DeviceEnrolled>().ok()?.book),
        DeviceRevoked::KIND => Some(entry.body::<DeviceRevoked>().ok()?.book),
        GrantGiven::KIND => of_grant(entry.body::<GrantGiven>().ok()?.grantee),
        GrantWithdrawn::KIND => of_grant(entry.body::<GrantWithdrawn>().ok()?.grantee),
        _ => None,
    }
}

/// The state as it is published, and a digest that does not change with the clock.
fn written(state: &ScaleState) -> Option<([u8; 32], Vec<u8>)> {
    let timeless = ScaleState { server_time: base::Time(0), ..state.clone() };
    let both = serde_json::to_vec(&timeless).and_then(|timeless| Ok((timeless, serde_json::to_vec(state)?)));
    match both {
        Ok((timeless, json)) => Some((Sha256::digest(timeless).into(), json)),
        Err(error) => {
            tracing::error!(%error, "a scale's state cannot be written");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use base::limits::{BLOCKS_MAX, LOTS_ON_SALE_MAX, NAME_CHARS_MAX, PRODUCTS_MAX, REQUEST_BYTES_MAX};
    use base::{Fen, Grams, Seq, SubjectId, Time};
    use ledger::{Draft, Role};

    use super::*;
    use crate::intake::OpenLot;
    use crate::kinds::{PricePosted, SlipSerial};
    use crate::state::{Block, Price, Product};

    #[test]
    fn a_price_of_one_stall_has_no_scale_read_of_another() {
        let book = BookId::new("beiyuan").unwrap();
        let body = PricePosted { stall: "A1".into(), product: "tomato".into(), fen_per_kg: Fen(1) };
        let draft = Draft::new(&book, Time(0), &ActorId::new("token:one").unwrap(), &body).unwrap();
        let draft = draft.subject(Role::About, SubjectId::local("stall", &book, "A1").unwrap());
        let mut due = Due::default();
        due.hear(&[Entry::seal(draft, Seq(0), Time(0), [0; 16])]);
        let reached = |due: &Due, stall: &str| due.books[&book].takes_in(1, Some(stall));
        assert_eq!((reached(&due, "A1"), reached(&due, "A2")), (true, false));
        due.reach(book.clone(), Reach::of_scale(2));
        assert_eq!((reached(&due, "A2"), due.books[&book].takes_in(2, None)), (false, true));
    }

    #[test]
    fn the_longest_state_of_a_scale_may_be_published() {
        let code = || "x".repeat(40);
        // Four bytes each, which is more than what JSON escapes takes.
        let title = || "\u{20000}".repeat(NAME_CHARS_MAX);
        let time = Time::parse("2026-03-10T00:15:59.800Z").unwrap();
        let product = Product { product: code(), title_zh: title(), title_en: title(), category: code() };
        let price = Price { stall: code(), product: code(), fen_per_kg: Fen(1_000_000) };
        let lot = OpenLot { lot: code(), product: code(), left_g: Grams(100_000_000) };
        let block = Block {
            hold: Seq(u64::MAX),
            scale: SlipSerial::SCALE_MAX,
            lot: code(),
            held_at: time,
            acked_at: Some(time),
            after_ms: Some(i64::MAX),
            released_at: None,
            recorded_at: time,
        };
        let longest = ScaleState {
            server_time: time,
            stall: Some(code()),
            products: vec![product; PRODUCTS_MAX],
            prices: vec![price; PRODUCTS_MAX],
            lots: vec![lot; LOTS_ON_SALE_MAX],
            blocks: vec![block; BLOCKS_MAX],
        };
        let (_, json) = written(&longest).unwrap();
        assert!((1_700_000..REQUEST_BYTES_MAX / 2).contains(&json.len()), "{}", json.len());
    }
}
