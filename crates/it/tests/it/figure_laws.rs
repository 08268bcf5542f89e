//! What holds for every figure of every line, on the demonstration year: a figure is the sum of what its entries
//! contribute, however it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{BookId, Day, ManualClock, Time, UnitCode};
use figures::{Against, Contributions, Figure};
use harness::{Engine, Place, Site};
use kernel::{Branch, Kernel, Period, Value};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const NOW: &str = "2022-03-02T09:00:00+08:00";
/// Questions asked of each figure.
const QUESTIONS: usize = 12;
/// Entries that are read back for one question.
const ENTRIES_MAX: usize = 3_000;

#[test]
fn on_sqlite() {
    hold(Engine::Sqlite.place().unwrap());
}

#[test]
fn on_postgresql() {
    if let Some(place) = Engine::Postgres.place() {
        hold(place);
    }
}

/// What each entry contributes, added up without any table: by book, figure, dimension and day.
type Naive = BTreeMap<(BookId, &'static str, String), BTreeMap<Day, i64>>;

struct City {
    site: Site,
    naive: Naive,
    units: Vec<UnitCode>,
    first: Day,
    last: Day,
}

fn hold(place: Place) {
    let clock = Arc::new(ManualClock::at(Time::parse(NOW).unwrap()));
    let site = Site::serve(&place.config(), place.store(), clock.clone());
    demo::load(&site.kernel, site.kernel.now()).unwrap();
    let kernel = site.kernel.clone();
    // The clock of matters writes too: nothing may be left for it to do while the questions are asked.
    kernel.tend_days().unwrap();
    while kernel.tend_matters(1_000).unwrap().looked_at > 0 {}
    let naive = naive(&kernel);
    let days = || naive.values().flat_map(BTreeMap::keys).copied();
    let (first, last) = (days().min().unwrap(), days().max().unwrap());
    let units = kernel.tree().unwrap().units().map(|unit| unit.code.clone()).collect();
    let city = City { site, naive, units, first, last };
    let mut random = StdRng::seed_from_u64(20_211_210);
    let mut read_back = 0;
    for line in kernel.lines().iter() {
        for figure in line.figures() {
            for _ in 0..QUESTIONS {
                read_back += city.ask(figure, &mut random);
            }
        }
        for ratio in line.ratios() {
            let (unit, period) = city.question(&mut random);
            let books = city.books(&unit, ratio.name);
            let part = |name| kernel.sum(name, &books, period, "").unwrap();
            let (numerator, denominator) = (part(ratio.numerator), part(ratio.denominator));
            assert_eq!(
                kernel.figure(ratio.name, &books, period, "").unwrap(),
                Value::Ratio { numerator, denominator }
            );
        }
    }
    assert!(read_back > 500, "{read_back} entries were read back");
    // The tables follow from the entries, and from nothing else.
    assert_eq!(kernel.replay().unwrap().changed, Vec::<String>::new());

    // A database of a version that kept cells alone gets their sums, and the days of colours, when it is opened.
    let before = kernel.derived_digests().unwrap();
    kernel.stop();
    drop((kernel, city));
    let store = place.store();
    {
        let mut writer = store.writer().unwrap();
        let mut tx = writer.begin().unwrap();
        for table in ["cell_month", "cell_standing", "matter_hue"] {
            assert!(tx.as_tx().execute(&format!("delete from {table}"), &[]).unwrap() > 10);
        }
        tx.commit().unwrap();
    }
    let site = Site::serve(&place.config(), store, clock);
    assert_eq!(site.kernel.derived_digests().unwrap(), before);
}

fn naive(kernel: &Kernel) -> Naive {
    let mut naive = Naive::new();
    for book in kernel.books().unwrap() {
        let mut next = base::Seq(0);
        loop {
            let stored = kernel.read(|tx| kernel::entries::entries_from(tx, &book, next, 5_000)).unwrap();
            let Some(last) = stored.last() else { break };
            next = last.entry.seq.next();
            for stored in &stored {
                let mut contributions = Contributions::default();
                let day = kernel.lines().contribute(&stored.entry, kernel.zone(), &mut contributions);
                contributions.for_each(|figure, amount, dimension| {
                    let key = (book.clone(), figure, dimension.to_owned());
                    *naive.entry(key).or_default().entry(day).or_default() += amount;
                });
            }
        }
    }
    naive
}

impl City {
    /// A unit, and days that may begin before and end after everything that happened.
    fn question(&self, random: &mut StdRng) -> (UnitCode, Period) {
        let unit = self.units[random.random_range(0..self.units.len())].clone();
        let from = random.random_range(self.first.0 - 40..=self.last.0 + 40);
        let days = [0, random.random_range(0..7), random.random_range(0..70), random.random_range(0..800)];
        (unit, Period::new(Day(from), Day(from + days[random.random_range(0..days.len())])))
    }

    fn books(&self, unit: &UnitCode, figure: &str) -> Vec<BookId> {
        let kernel = &self.site.kernel;
        let line = kernel.lines().of(figure).unwrap().name();
        let tree = kernel.tree().unwrap();
        // Figures of the kernel count what happened in the books of every line.
        tree.books_of_subtree(unit, Some(line).filter(|line| *line != "kernel"))
    }

    fn expected(&self, figure: &'static Figure, books: &[BookId], period: Period, dimension: &str) -> i64 {
        let from = if figure.state { Day(0) } else { period.from };
        let of = |book: &BookId| self.naive.get(&(book.clone(), figure.name, dimension.to_owned()));
        books
            .iter()
            .filter_map(of)
            .flat_map(|days| days.range(from..=period.to.max(from)))
            .map(|(_, amount)| amount)
            .sum()
    }

    /// Asks a figure every way, and returns how many entries were read back.
    fn ask(&self, figure: &'static Figure, random: &mut StdRng) -> usize {
        let kernel = &self.site.kernel;
        let (name, (unit, period)) = (figure.name, self.question(random));
        let books = self.books(&unit, name);
        let dimension = self.dimension(figure, random);
        let what = format!("{name} of {unit} {period:?} {dimension:?}");

        let value = kernel.sum(name, &books, period, &dimension).unwrap();
        assert_eq!(value, self.expected(figure, &books, period, &dimension), "{what}");

        let parts = kernel.by_branch(name, &unit, &books, period, &dimension).unwrap();
        let of_parts = parts.iter().fold(Value::Sum { amount: 0 }, |sum, (_, part)| sum.and(*part));
        assert_eq!(of_parts, Value::Sum { amount: value }, "{what}: its parts");
        for (branch, part) in &parts {
            let below = match branch {
                Branch::Unit(child) => self.books(child, name),
                Branch::Book(book) => vec![book.clone()],
            };
            assert_eq!(kernel.figure(name, &below, period, &dimension).unwrap(), *part, "{what}: {branch:?}");
        }

        self.course(figure, &books, period, &dimension, &what);
        self.values(figure, &books, period, &what);
        for compared in kernel.compared(name, &books, period, &dimension).unwrap() {
            assert!(Against::ALL.contains(&compared.against));
            let amount = self.expected(figure, &books, compared.period, &dimension);
            assert_eq!(compared.value, Value::Sum { amount }, "{what}: {compared:?}");
        }
        if let Some(anew) = kernel.recomputed(name, &books, period, &dimension).unwrap() {
            assert_eq!(anew.sum, anew.kept, "{what}: {anew:?}");
            assert!(
                anew.period.to <= period.to && (figure.state || anew.period.from == period.from),
                "{what}: {anew:?}"
            );
        }
        self.read_back(figure, &books, period, &dimension, value, &what)
    }

    fn dimension(&self, figure: &'static Figure, random: &mut StdRng) -> String {
        let known: Vec<&String> = self
            .naive
            .keys()
            .filter(|(_, name, _)| *name == figure.name)
            .map(|(_, _, dimension)| dimension)
            .collect();
        match known.len() {
            0 => String::new(),
            // The total half of the time.
            many => known[random.random_range(0..many * 2).min(many - 1)].clone(),
        }
    }

    /// The series: a flow adds up to the value, a state moves by the changes of each day.
    fn course(&self, figure: &'static Figure, books: &[BookId], period: Period, dimension: &str, what: &str) {
        let kernel = &self.site.kernel;
        let days = kernel.series(figure.name, books, period, dimension).unwrap();
        let months = kernel.series_by_month(figure.name, books, period, dimension).unwrap();
        assert_eq!(days.len(), usize::try_from(period.days()).unwrap());
        if figure.state {
            let mut before =
                kernel.sum(figure.name, books, Period::on(period.from.plus(-1)), dimension).unwrap();
            for point in &days {
                let changes = |book: &BookId| {
                    let of = self.naive.get(&(book.clone(), figure.name, dimension.to_owned()));
                    of.and_then(|days| days.get(&point.day)).copied().unwrap_or_default()
                };
                before += books.iter().map(changes).sum::<i64>();
                assert_eq!(point.amount, before, "{what}: {}", point.day);
            }
            assert_eq!(months.last().unwrap().1, before, "{what}: the last month");
        } else {
            let value = self.expected(figure, books, period, dimension);
            assert_eq!(days.iter().map(|point| point.amount).sum::<i64>(), value, "{what}: its days");
            assert_eq!(months.iter().map(|(_, amount)| amount).sum::<i64>(), value, "{what}: its months");
        }
    }

    /// The parts by each dimension are what asking for each value gives.
    fn values(&self, figure: &'static Figure, books: &[BookId], period: Period, what: &str) {
        for name in figure.dimensions {
            let parts = self.site.kernel.by_dimension(figure.name, books, period, name).unwrap();
            let mut known: Vec<&String> = self
                .naive
                .keys()
                .filter(|(book, of, at)| {
                    *of == figure.name
                        && books.contains(book)
                        && at.split_once('=').is_some_and(|(of, _)| of == *name)
                })
                .map(|(_, _, dimension)| dimension)
                .collect();
            known.sort();
            known.dedup();
            let expected: BTreeMap<String, i64> = known
                .into_iter()
                .map(|at| (at[name.len() + 1..].to_owned(), self.expected(figure, books, period, at)))
                .filter(|(_, amount)| *amount != 0)
                .collect();
            assert_eq!(parts.into_iter().collect::<BTreeMap<_, _>>(), expected, "{what}: by {name}");
        }
    }

    fn read_back(
        &self,
        figure: &'static Figure,
        books: &[BookId],
        period: Period,
        dimension: &str,
        value: i64,
        what: &str,
    ) -> usize {
        let (mut sum, mut count, mut cursor) = (0, 0, None);
        loop {
            let kernel = &self.site.kernel;
            let page = kernel.behind(figure.name, books, period, dimension, cursor.as_deref(), 500).unwrap();
            count += page.items.len();
            sum += page.items.iter().map(|behind| behind.amount).sum::<i64>();
            cursor = page.next;
            if cursor.is_none() {
                assert_eq!(sum, value, "{what}: its entries");
                return count;
            }
            if count > ENTRIES_MAX {
                return count;
            }
        }
    }
}
