//! Answers from the index agree with a scan over the events themselves: random events of every sort, and random queries
//! of every parameter pattern, on both databases.
//!
//! `TAIZHANG_ORACLE_PAIRS` sets the number of (events, query) pairs for each database.

mod made;

use std::collections::BTreeMap;

use base::{ActorId, BookId};
use epcis::query::{
    Element, Extension, Field, Held, MasterData, OrderBy, OrderDirection, Scalar, extension_name,
};
use epcis::{Context, Document, Limits, Moment, Query};
use harness::{Engine, Town};
use kernel::Kernel;
use line_market::epcis_events::{self, Mode, QueryRefusal, Sight};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};

use self::made::{EVENT_PREFIX, QUERY_PREFIX, ask, event, vocabularies};

/// Pairs where the environment names no number, and queries that are asked of the same events.
const PAIRS: usize = 1_000;
const QUERIES_PER_WORLD: usize = 100;
const EVENTS_PER_BOOK: usize = 40;

#[test]
fn answers_agree_with_a_scan_on_sqlite() {
    agree(&Town::on(Engine::Sqlite.place().unwrap()));
}

#[test]
fn answers_agree_with_a_scan_on_postgresql() {
    if let Some(place) = Engine::Postgres.place() {
        agree(&Town::on(place));
    }
}

fn agree(town: &Town) {
    let pairs =
        std::env::var("TAIZHANG_ORACLE_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(PAIRS);
    let mut random = StdRng::seed_from_u64(20_211_210);
    let (mut asked, mut found) = (BTreeMap::<String, (usize, usize)>::new(), 0);
    for world in 0..pairs.div_ceil(QUERIES_PER_WORLD) {
        let world = World::make(town, world, &mut random);
        for _ in 0..QUERIES_PER_WORLD {
            let pairs = ask(&mut random);
            let hits = world.check(town, &pairs, &mut random);
            found += hits;
            for (name, _) in &pairs {
                let ends = ["https://", "q:", "urn:"].into_iter().filter_map(|begin| name.find(begin)).min();
                let seen = asked.entry(name[..ends.unwrap_or(name.len())].to_owned()).or_default();
                *seen = (seen.0 + 1, seen.1 + hits.min(1));
            }
        }
    }
    eprintln!("{pairs} pairs, {found} events found, {} sorts of parameters", asked.len());
    let never: Vec<&String> =
        asked.iter().filter(|(_, (_, hits))| *hits == 0).map(|(name, _)| name).collect();
    assert!(
        pairs < PAIRS || never.len() * 2 <= asked.len(),
        "of {} these never found anything: {never:?}",
        asked.len()
    );
    town.check();
}

/// What was captured in one book by one sender.
struct Captured {
    at: usize,
    seq: u64,
    sender: usize,
    recorded: i64,
    event: Map<String, Value>,
}

/// Two books with the events of two senders.
struct World {
    books: Vec<BookId>,
    captured: Vec<Captured>,
    /// The elements that each sender described in each book.
    described: Vec<(usize, usize, Vec<Element>)>,
}

fn sender(n: usize) -> ActorId {
    ActorId::new(format!("token:sender{n}")).unwrap()
}

fn context() -> Value {
    json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", { EVENT_PREFIX: "https://ns.example/" }])
}

impl World {
    fn make(town: &Town, number: usize, random: &mut StdRng) -> Self {
        let kernel = &town.site.kernel;
        let mut world = Self { books: Vec::new(), captured: Vec::new(), described: Vec::new() };
        for at in 0..2 {
            let book = BookId::new(format!("w{number}{}", ["a", "b"][at])).unwrap();
            let opened = book.clone();
            kernel.append_blocking::<_, _, ()>(move |desk| Ok(desk.open_book(&opened)?)).unwrap();
            world.books.push(book);
            let mut left = EVENTS_PER_BOOK;
            while left > 0 {
                let count = random.random_range(1..=left.min(8));
                left -= count;
                world.capture(town, at, count, random);
            }
        }
        world
    }

    fn capture(&mut self, town: &Town, at: usize, count: usize, random: &mut StdRng) {
        town.clock.advance_ms(random.random_range(0..3) * 1_000);
        let (kernel, sender_at) = (&town.site.kernel, random.random_range(0..2));
        let first = self.captured.len();
        let events: Vec<Value> = (first..first + count).map(|n| event(n, &context(), random)).collect();
        let vocabularies = vocabularies(random);
        let document = json!({
            "@context": context(), "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": town.now(),
            "epcisHeader": { "epcisMasterData": { "vocabularyList": vocabularies } },
            "epcisBody": { "eventList": events },
        });
        let document =
            Document::from_value(document, &Limits::default()).unwrap_or_else(|e| panic!("{e}: {events:#?}"));
        self.describe(at, sender_at, &document);
        let recorded = capture(kernel, &self.books[at], &sender(sender_at), &document);
        for (seq, event) in recorded.into_iter().zip(document.events) {
            let recorded = kernel.now().0;
            self.captured.push(Captured { at, seq, sender: sender_at, recorded, event: event.raw });
        }
    }

    /// What a sender says last of an element counts.
    fn describe(&mut self, at: usize, sender: usize, document: &Document) {
        let all = match self.described.iter_mut().position(|known| (known.0, known.1) == (at, sender)) {
            Some(known) => &mut self.described[known].2,
            None => {
                self.described.push((at, sender, Vec::new()));
                &mut self.described.last_mut().unwrap().2
            }
        };
        for vocabulary in &document.master_data {
            for element in vocabulary["vocabularyElementList"].as_array().unwrap() {
                let id = epcis::urn::canonical(element["id"].as_str().unwrap()).into_owned();
                let of_it = all.iter().position(|known| known.id == id);
                let attributes = element["attributes"].as_array().unwrap().iter().map(|attribute| {
                    let name = extension_name(attribute["id"].as_str().unwrap(), &document.context);
                    (name, Scalar::of(&attribute["attribute"]).unwrap())
                });
                let children = element["children"].as_array().into_iter().flatten();
                let children =
                    children.map(|child| epcis::urn::canonical(child.as_str().unwrap()).into_owned());
                let new = Element { id, attributes: attributes.collect(), children: children.collect() };
                match of_it {
                    Some(known) => all[known] = new,
                    None => all.push(new),
                }
            }
        }
    }

    /// Asks the index and the events, page by page, and compares; returns how many events fit.
    fn check(&self, town: &Town, pairs: &[(String, String)], random: &mut StdRng) -> usize {
        let prefixes = Context::read(&json!({ QUERY_PREFIX: "https://ns.example/" }));
        let parsed =
            Query::parse(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())), &prefixes);
        let query = parsed.unwrap_or_else(|error| panic!("{error}: {pairs:?}"));
        let sights: Vec<Sight> = self
            .books
            .iter()
            .map(|book| {
                let senders =
                    random.random_bool(0.3).then(|| vec![sender(random.random_range(0..2)).to_string()]);
                Sight { book: book.clone(), senders }
            })
            .collect();
        let expected = self.scan(&query, &sights);
        let page = |query: &Query| {
            town.site.kernel.read(|tx| epcis_events::query(tx, &sights, query, &|_| 0)).unwrap()
        };
        if query.max_event_count.is_some_and(|max| expected.len() > max) {
            assert_eq!(
                page(&query).unwrap_err(),
                QueryRefusal::TooMany(query.max_event_count.unwrap()),
                "{pairs:?}"
            );
            return expected.len();
        }
        let (mut found, mut next) = (Vec::new(), query.clone());
        loop {
            let answer = page(&next).unwrap_or_else(|refusal| panic!("{refusal}: {pairs:?}"));
            found.extend(answer.items.into_iter().map(|found| (found.book, found.seq.0)));
            match answer.next {
                Some(token) => next.next_page_token = Some(token),
                None => break,
            }
        }
        let expected: Vec<(BookId, u64)> = expected
            .into_iter()
            .take(query.event_count_limit.unwrap_or(usize::MAX))
            .map(|one| (self.books[one.at].clone(), one.seq))
            .collect();
        let show =
            |all: &[(BookId, u64)]| all.iter().map(|(book, seq)| format!("{book}/{seq}")).collect::<Vec<_>>();
        if found != expected {
            let differ = self.captured.iter().find(|one| {
                let at = (self.books[one.at].clone(), one.seq);
                found.contains(&at) != expected.contains(&at)
            });
            let differ = differ.map(|one| serde_json::to_string_pretty(&one.event).unwrap());
            panic!(
                "{pairs:?} {sights:?}\nfound {:?}\nexpected {:?}\n{}",
                show(&found),
                show(&expected),
                differ.unwrap_or_else(|| "the same in another order".into())
            );
        }
        found.len()
    }

    /// What a query should find, in order, told without the database.
    fn scan(&self, query: &Query, sights: &[Sight]) -> Vec<&Captured> {
        let context = Context::read(&context());
        let fits = |one: &&Captured| {
            let seen = |by: usize| {
                sights[one.at]
                    .senders
                    .as_ref()
                    .is_none_or(|senders| senders.contains(&sender(by).to_string()))
            };
            let described = self.described.iter().filter(|(at, by, _)| *at == one.at && seen(*by));
            let master = MasterData(described.flat_map(|(_, _, elements)| elements.clone()).collect());
            seen(one.sender) && query.matches(&one.event, &context, one.recorded, &master)
        };
        let mut found: Vec<&Captured> = self.captured.iter().filter(fits).collect();
        let is_asc = query.order_direction == OrderDirection::Asc;
        let time = |one: &Captured| Moment::parse(one.event["eventTime"].as_str().unwrap()).unwrap().ms_utc;
        match &query.order_by {
            OrderBy::Extension(Field::Extension(field)) => {
                found.sort_by_cached_key(|one| (one.at, one.seq));
                found.sort_by(|a, b| {
                    let (a, b) = (least(&a.event, &context, field), least(&b.event, &context, field));
                    match (a, b) {
                        (Some(a), Some(b)) if is_asc => a.cmp(&b),
                        (Some(a), Some(b)) => b.cmp(&a),
                        (a, b) => a.is_none().cmp(&b.is_none()),
                    }
                });
            }
            by => {
                let value =
                    |one: &Captured| if *by == OrderBy::RecordTime { one.recorded } else { time(one) };
                found.sort_by_cached_key(|one| (value(one), one.at, one.seq));
                if !is_asc {
                    found.reverse();
                }
            }
        }
        found
    }
}

fn least(event: &Map<String, Value>, context: &Context, field: &Extension) -> Option<Held> {
    Query::values(event, context, field).into_iter().map(Held::from).min()
}

fn capture(kernel: &Kernel, book: &BookId, sender: &ActorId, document: &Document) -> Vec<u64> {
    let (book, sender, document) = (book.clone(), sender.clone(), document.clone());
    let outcome = kernel
        .append_blocking(move |desk| epcis_events::capture(desk, &book, &sender, &document, Mode::Rollback))
        .unwrap();
    let seq = |event| match event {
        epcis_events::EventOutcome::Recorded { seq, .. } => seq.0,
        other => panic!("{other:?}"),
    };
    outcome.events.into_iter().map(seq).collect()
}
