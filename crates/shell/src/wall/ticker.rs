//! What happened last, in words fit for a screen that anybody may pass: what the lines say may be told, and no more.

use base::{Day, SubjectId};
use kernel::{FigureError, Kernel, entries};
use ledger::Entry;
use matters::MatterId;
use serde_json::Value;
use store::{StoreError, Tx};

use super::Told;
use super::figure::{kind_title, unit_title};
use super::ground::Ground;
use super::matrix::shape;
use crate::app::App;
use crate::format::{self, Moment};
use crate::said;
use crate::texts::T;

/// Entries that are read; as many are shown as the screen has room for.
pub const ITEMS_MAX: usize = 24;
/// Characters of what an entry says.
const WORDS_MAX: usize = 80;

/// An entry in words.
#[derive(Debug, Clone)]
pub struct Item {
    pub time: String,
    pub unit: String,
    pub kind: String,
    pub text: String,
    /// The class and the shape of a colour.
    pub mark: Option<(String, &'static str)>,
    pub href: Option<String>,
}

/// The kinds that a wall tells of.
pub fn told(ground: &Ground) -> impl Iterator<Item = &'static Told> + '_ {
    ground.lines.iter().flat_map(|(line, _)| line.ticker)
}

/// The latest entries of a wall.
pub fn items(app: &App, kernel: &Kernel, t: &T, ground: &Ground) -> Result<Vec<Item>, FigureError> {
    let kinds: Vec<&str> = told(ground).map(|it| it.kind).collect();
    let books = ground.books(app, super::OWN.line);
    Ok(kernel.read(|tx| {
        let found = entries::recent(tx, &books, &kinds, ground.day, ITEMS_MAX)?;
        found.iter().map(|entry| item(app, tx, t, ground, entry)).collect()
    })?)
}

fn item(app: &App, tx: &mut dyn Tx, t: &T, ground: &Ground, entry: &Entry) -> Result<Item, StoreError> {
    let kind = entry.kind.as_str();
    let fields = told(ground).find(|it| it.kind == kind).map_or(&[][..], |it| it.fields);
    let mut words = Vec::new();
    let body: Value =
        entry.body.as_deref().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    if let Some(id) = body["matter"].as_str().filter(|_| said::line(kind) == super::OWN.line) {
        words.push(title_of_matter(tx, id)?.unwrap_or_else(|| id.to_owned()));
    }
    for field in fields {
        words.extend(said::field(app, tx, t, &entry.book, said::line(kind), field, &body[*field])?);
    }
    let text = words.join(" · ");
    let moment = app.moment(entry.occurred);
    let day = app.kernel.zone().day_of(entry.occurred);
    let short = text.chars().count() > WORDS_MAX;
    Ok(Item {
        time: when(ground.day, day, moment),
        unit: app
            .tree()
            .unit_of_book(&entry.book)
            .map(|unit| unit_title(app, t.lang(), unit))
            .unwrap_or_default(),
        kind: kind_title(app, t.lang(), kind),
        text: if short { text.chars().take(WORDS_MAX - 1).chain(['…']).collect() } else { text },
        mark: body["to"].as_str().map(|to| (to.to_owned(), shape(to))).filter(|(_, shape)| !shape.is_empty()),
        href: ground.links.then(|| format!("/ledger/{}/{}", entry.book, entry.seq)),
    })
}

/// The time of the day shown; the day and time of another one; the date of another year.
fn when(shown: Day, day: Day, moment: Moment) -> String {
    let year = |day: Day| day.month().0.div_euclid(12);
    match (day == shown, year(day) == year(shown)) {
        (true, _) => format::time(moment).chars().take("00:00".len()).collect(),
        (false, true) => format::month_day_time(moment),
        (false, false) => format::date(moment),
    }
}

fn title_of_matter(tx: &mut dyn Tx, id: &str) -> Result<Option<String>, StoreError> {
    let Some(id) = SubjectId::new(id).ok().and_then(|id| MatterId::try_from(id).ok()) else {
        return Ok(None);
    };
    Ok(kernel::matter(tx, &id)?.map(|matter| matter.title))
}
