//! What a query asks, in SQL: conditions on the row `e` of an event, and the ways that lead to few such rows.

use base::BookId;
use epcis::query::{Among, Comparison, Condition, Field, Held, Pattern, Scalar, What};
use store::{Param, StoreError, Tx, Value};

use super::DECLARATION;
use super::index::{COLUMNS, SENDER, moment_run, number_run, run_of, text_run};

/// The columns of an event's row, in the order of [`COLUMNS`].
const COLUMN_NAMES: [&str; COLUMNS.len()] =
    ["event_type", "action", "biz_step", "disposition", "read_point", "biz_location"];

/// A piece of SQL with its parameters; the first one is the book.
#[derive(Clone)]
pub struct Sql {
    pub text: String,
    pub params: Vec<Value>,
}

/// Alternatives of a group.
const GROUP: usize = 50;

impl Sql {
    pub fn new(book: &BookId) -> Self {
        Self { text: String::new(), params: vec![Value::Text(book.to_string())] }
    }

    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub fn bind(&mut self, value: Value) -> &mut Self {
        self.params.push(value);
        let number = self.params.len();
        self.push(&format!("${number}"))
    }

    pub fn int(&mut self, number: i64) -> &mut Self {
        self.bind(Value::Int(number))
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bind(Value::Text(text.to_owned()))
    }

    /// `column in (...)`; in none never. Databases take thousands of values here, and not of alternatives.
    pub fn among<'v>(&mut self, column: &str, values: impl IntoIterator<Item = &'v str>) -> &mut Self {
        let before = self.text.len();
        for value in values {
            let start = if self.text.len() == before { format!("{column} in (") } else { ",".to_owned() };
            self.push(&start).text(value);
        }
        if self.text.len() == before { self.push("1 = 0") } else { self.push(")") }
    }

    /// How many rows there are, counted up to a number.
    pub fn count(&self, tx: &mut dyn Tx, max: usize) -> Result<usize, StoreError> {
        let sql = format!("select count(*) from ({} limit {max}) as few", self.text);
        let params: Vec<Param<'_>> = self.params.iter().map(Param::from).collect();
        let count = tx.query_one(&sql, &params)?.map_or(Ok(0), |row| row.int(0))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Alternatives in brackets, in groups, since databases bound how deep a chain goes; none holds never.
    fn any<T>(&mut self, of: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Self, T)) -> &mut Self {
        let before = self.text.len();
        for (at, one) in of.into_iter().enumerate() {
            self.push(match at {
                0 => "((",
                _ if at % GROUP == 0 => ") or (",
                _ => " or ",
            });
            each(self, one);
        }
        if self.text.len() == before { self.push("1 = 0") } else { self.push("))") }
    }

    /// Captured by one of these, where it matters by whom.
    pub fn sender(&mut self, senders: Option<&[String]>) -> &mut Self {
        self.told_by("e.sender", senders)
    }

    /// Told by one of these, where it matters by whom.
    pub fn told_by(&mut self, column: &str, senders: Option<&[String]>) -> &mut Self {
        if let Some(senders) = senders {
            self.push(" and ").among(column, senders.iter().map(String::as_str));
        }
        self
    }

    /// A condition on the event `e`, of those that whoever sees what these sent may see; [`Condition::Within`] is resolved
    /// before, and those on master data where few values fulfil them.
    pub fn condition(&mut self, condition: &Condition, senders: Option<&[String]>) -> &mut Self {
        match condition {
            Condition::Among(Among { field: Field::EventId, values }) => {
                self.among("e.event_id", keys(values).iter().map(String::as_str))
            }
            Condition::Among(Among { field, values }) => {
                let held: Vec<Held> = values.iter().cloned().map(Held::from).collect();
                match COLUMNS.iter().position(|column| column == field) {
                    Some(at) => {
                        let texts = held.iter().filter_map(|held| match held {
                            Held::Text(text) => Some(text.as_str()),
                            _ => None,
                        });
                        self.among(&format!("e.{}", COLUMN_NAMES[at]), texts)
                    }
                    None => self.fact(field, |sql| sql.holds("f.", &held)),
                }
            }
            Condition::Matches(what, patterns) => {
                self.fact(&Field::What(*what), |sql| sql.patterns("f.held", *what, patterns))
            }
            Condition::Compares(field, comparison, bound) => self.fact(field, |sql| {
                let sign = match comparison {
                    Comparison::Above => " > ",
                    Comparison::AtLeast => " >= ",
                    Comparison::Below => " < ",
                    Comparison::AtMost => " <= ",
                };
                match Held::from(bound.clone()) {
                    Held::Number(key) => sql.push("f.number").push(sign).int(key),
                    Held::Moment(ms) => sql.push("f.moment").push(sign).int(ms),
                    Held::Text(_) | Held::Nothing => sql.push("1 = 0"),
                };
            }),
            Condition::Exists(field) => self.fact(field, |sql| {
                sql.push("1 = 1");
            }),
            Condition::HasAttribute(field, _) | Condition::AttributeIs(field, ..) => {
                match COLUMNS.iter().position(|column| column == field) {
                    Some(at) => self.described(&format!("e.{}", COLUMN_NAMES[at]), condition, senders),
                    None => self.fact(field, |sql| {
                        sql.described("f.held", condition, senders);
                    }),
                }
            }
            Condition::Within(..) => self.push("1 = 0"),
        }
    }

    /// That master data describe the value of a column of the event so.
    fn described(&mut self, column: &str, condition: &Condition, senders: Option<&[String]>) -> &mut Self {
        self.push("exists (select 1 from market_element_attribute as a where a.book = e.book and a.id = ");
        self.push(column).push(" and ").attribute(condition).told_by("a.sender", senders).push(")")
    }

    /// That the attribute `a` is one that a condition on master data asks for.
    pub fn attribute(&mut self, condition: &Condition) -> &mut Self {
        match condition {
            Condition::HasAttribute(_, names) => self.among("a.name", names.iter().map(String::as_str)),
            Condition::AttributeIs(_, name, values) => {
                self.push("a.name = ").text(name).push(" and ");
                self.holds("a.", &values.iter().cloned().map(Held::from).collect::<Vec<_>>());
                self
            }
            _ => self.push("1 = 0"),
        }
    }

    /// That the columns of a value have one of these.
    pub fn holds(&mut self, prefix: &str, values: &[Held]) {
        let texts = values.iter().filter_map(|held| match held {
            Held::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let others: Vec<&Held> = values.iter().filter(|held| !matches!(held, Held::Text(_))).collect();
        if others.is_empty() {
            self.among(&format!("{prefix}held"), texts);
            return;
        }
        self.push("(").among(&format!("{prefix}held"), texts).push(" or ");
        self.any(others, |sql, held| {
            sql.push(prefix);
            match held {
                Held::Number(key) => sql.push("number = ").int(*key),
                Held::Moment(ms) => sql.push("moment = ").int(*ms),
                Held::Text(_) | Held::Nothing => sql.push("held is null"),
            };
        });
        self.push(")");
    }

    /// That the event has a fact of a field for which more holds.
    fn fact(&mut self, field: &Field, more: impl FnOnce(&mut Self)) -> &mut Self {
        self.push(
            "exists (select 1 from market_event_fact as f where f.book = e.book and f.seq = e.seq and ",
        );
        let codes = field.codes();
        self.among("f.field", codes.iter().map(AsRef::as_ref)).push(" and ");
        more(self);
        self.push(")")
    }

    fn patterns(&mut self, column: &str, what: What, patterns: &[Pattern]) {
        self.any(patterns, |sql, pattern| {
            match pattern {
                Pattern::Exactly(id) => sql.push(column).push(" = ").text(id),
                Pattern::Begins(start) => {
                    sql.push(column).push(" >= ").text(start).push(" and ");
                    sql.push(column).push(" < ").text(&behind(start))
                }
            };
            if let Some(class) = pattern.class().filter(|_| what.is_class()) {
                sql.push(" or ").push(column).push(" = ").text(class);
            }
        });
    }
}

/// The least text behind all that begin with an ASCII text.
fn behind(start: &str) -> String {
    let mut letters: Vec<char> = start.chars().collect();
    if let Some(last) = letters.last_mut() {
        *last = char::from_u32(u32::from(*last) + 1).unwrap_or(char::MAX);
    }
    letters.into_iter().collect()
}

/// The keys of the events with some IDs: the event, and the declaration of its error.
fn keys(ids: &[Scalar]) -> Vec<String> {
    let texts = ids.iter().filter_map(|id| match id {
        Scalar::Text(id) => Some(id),
        _ => None,
    });
    texts.flat_map(|id| [id.clone(), format!("{id}{DECLARATION}")]).collect()
}

/// What a way leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// Numbers of events.
    Seqs,
    /// Blocks of them.
    Blocks,
}

/// A way to few events: a superset of those that fit a condition. Selects `seq` or `block`.
pub struct Way {
    pub leads: Leads,
    pub sql: Sql,
}

impl Way {
    /// The way along a condition; `None` where there is none.
    pub fn along(book: &BookId, senders: Option<&[String]>, condition: &Condition) -> Option<Self> {
        let mut sql = Sql::new(book);
        let leads = match condition {
            Condition::Among(Among { field: Field::EventId, values }) => {
                sql.push("select seq from market_event where book = $1 and ");
                sql.among("event_id", keys(values).iter().map(String::as_str));
                return Some(Self { leads: Leads::Seqs, sql });
            }
            Condition::Matches(what, patterns) => {
                sql.linked(*what, patterns);
                return Some(Self { leads: Leads::Seqs, sql });
            }
            // Things that master data describe are found by their links too.
            Condition::Among(Among { field: Field::What(what), values }) => {
                let ids = values.iter().filter_map(|value| match value {
                    Scalar::Text(id) => Some(Pattern::Exactly(id.clone())),
                    _ => None,
                });
                let patterns: Vec<Pattern> = ids.collect();
                return Self::along(book, senders, &Condition::Matches(*what, patterns));
            }
            Condition::Among(among) => {
                sql.run(&among.field);
                let runs: Vec<String> =
                    among.values.iter().map(|value| run_of(&Held::from(value.clone()))).collect();
                sql.push(" and ").among("held", runs.iter().map(String::as_str));
                Leads::Blocks
            }
            Condition::Compares(field, comparison, bound) => {
                let (sort, run) = match Held::from(bound.clone()) {
                    Held::Number(key) => ("n", number_run(key)),
                    Held::Moment(ms) => ("t", moment_run(ms)),
                    Held::Text(_) | Held::Nothing => return None,
                };
                sql.run(field);
                match comparison {
                    Comparison::Above | Comparison::AtLeast => {
                        sql.push(" and held >= ").text(&run).push(" and held < ").text(&behind(sort))
                    }
                    Comparison::Below | Comparison::AtMost => {
                        sql.push(" and held >= ").text(sort).push(" and held <= ").text(&run)
                    }
                };
                Leads::Blocks
            }
            Condition::Exists(field) => {
                sql.run(field);
                Leads::Blocks
            }
            Condition::Within(..) | Condition::HasAttribute(..) | Condition::AttributeIs(..) => return None,
        };
        if let Some(senders) = senders {
            sql.push(" and ").among("sender", senders.iter().map(String::as_str));
        }
        Some(Self { leads, sql })
    }

    /// The way to what some senders sent.
    pub fn of(book: &BookId, senders: &[String]) -> Self {
        let mut sql = Sql::new(book);
        sql.sent_by(senders);
        Self { leads: Leads::Blocks, sql }
    }
}

impl Sql {
    /// The links to what is of some patterns: a statement of its own for each range, since SQLite compares all links of the
    /// book with alternatives of ranges. They stand in groups, since databases bound how many stand side by side.
    fn linked(&mut self, what: What, patterns: &[Pattern]) {
        const LINKS: &str = "select seq from link where book = $1 and ";
        let (mut ids, mut starts) = (Vec::new(), Vec::new());
        for pattern in patterns {
            match pattern {
                Pattern::Exactly(id) => ids.push(id.as_str()),
                Pattern::Begins(start) => starts.push(start),
            }
            ids.extend(pattern.class().filter(|_| what.is_class()));
        }
        self.push(LINKS).among("subject", ids);
        for (at, start) in starts.iter().enumerate() {
            self.push(match at {
                0 => " union all select seq from (",
                _ if at % GROUP == 0 => ") as grouped union all select seq from (",
                _ => " union all ",
            });
            self.push(LINKS).push("subject >= ").text(start).push(" and subject < ").text(&behind(start));
        }
        if !starts.is_empty() {
            self.push(") as grouped");
        }
    }

    fn run(&mut self, field: &Field) {
        self.push("select block from market_event_run where book = $1 and ");
        let codes = field.codes();
        self.among("field", codes.iter().map(AsRef::as_ref));
    }

    /// The blocks with what some senders sent.
    pub fn sent_by(&mut self, senders: &[String]) {
        self.push("select block from market_event_run where book = $1 and field = ")
            .text(SENDER)
            .push(" and ");
        self.any(senders, |sql, sender| {
            sql.push("held = ").text(&text_run(sender));
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that meets an error should panic")]

    use store::Store;
    use store_sqlite::SqliteStore;

    use super::*;

    /// As the kernel has it.
    const LINK: &str = "create table link (book text not null, subject text not null, seq bigint not null, role text not null,
        mates text, primary key (book, subject, role, seq)) without rowid";

    #[test]
    fn whatever_patterns_are_asked_for_links_are_found_by_their_subject() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("links.db")).unwrap();
        let mut writer = store.writer().unwrap();
        let mut tx = writer.begin().unwrap();
        tx.as_tx().execute(LINK, &[]).unwrap();
        tx.commit().unwrap();
        let companies = |count: usize| -> Vec<Pattern> {
            let ranges = (0..count).map(|n| Pattern::Begins(format!("https://id.gs1.org/01/{n:09}")));
            ranges.chain([Pattern::Exactly("urn:a".into()), Pattern::Begins("urn:b/".into())]).collect()
        };
        for count in [0, 1, GROUP, 2_000] {
            let condition = Condition::Matches(What::AnyClass, companies(count));
            let way = Way::along(&BookId::new("b").unwrap(), None, &condition).unwrap();
            let params: Vec<Param<'_>> = way.sql.params.iter().map(Param::from).collect();
            let mut plan = Vec::new();
            let mut explain = |tx: &mut dyn Tx| {
                way.sql.count(tx, 10)?;
                let rows = tx.query(&format!("explain query plan {}", way.sql.text), &params)?;
                plan = rows.iter().map(|row| row.text(3).map(str::to_owned)).collect::<Result<_, _>>()?;
                Ok(())
            };
            store.read(&mut explain).unwrap();
            let on_links: Vec<&String> = plan.iter().filter(|step| step.contains(" link ")).collect();
            assert!(on_links.len() > count, "{plan:?}");
            assert!(on_links.iter().all(|step| step.contains("book=? AND subject")), "{plan:?}");
        }
    }
}
