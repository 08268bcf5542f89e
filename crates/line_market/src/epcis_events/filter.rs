//! What a query asks, in SQL.

use base::BookId;
use epcis::Query;
use epcis::query::Pattern;
use store::Value;

use super::DECLARATION;

/// A condition with its parameters; the first one is the book.
pub struct Sql {
    pub text: String,
    pub params: Vec<Value>,
    /// Whether single events or things are named.
    pub is_narrow: bool,
}

impl Sql {
    pub fn new(book: &BookId) -> Self {
        Self { text: "book = $1".into(), params: vec![Value::Text(book.to_string())], is_narrow: false }
    }

    pub fn param(&mut self, value: Value) -> String {
        self.params.push(value);
        format!("${}", self.params.len())
    }

    pub fn and(&mut self, before: &[&str], value: Value) {
        let value = self.param(value);
        self.text.push_str(" and ");
        before.iter().for_each(|part| self.text.push_str(part));
        self.text.push_str(&value);
    }

    /// `column in (...)`; nothing where nothing is asked.
    fn one_of<'v>(&mut self, column: &str, values: impl IntoIterator<Item = &'v str>) {
        let list: Vec<String> =
            values.into_iter().map(|value| self.param(Value::Text(value.to_owned()))).collect();
        if !list.is_empty() {
            self.text.push_str(&format!(" and {column} in ({})", list.join(",")));
        }
    }

    /// All that a query asks of an event but its times.
    pub fn what(&mut self, query: &Query) {
        self.one_of("event_type", query.event_types.iter().map(String::as_str));
        self.one_of("action", query.actions.iter().map(|action| action.as_str()));
        self.one_of("biz_step", query.biz_steps.iter().map(String::as_str));
        self.one_of("disposition", query.dispositions.iter().map(String::as_str));
        self.one_of("read_point", query.read_points.iter().map(String::as_str));
        self.one_of("biz_location", query.biz_locations.iter().map(String::as_str));
        let declarations: Vec<String> =
            query.event_ids.iter().map(|id| format!("{id}{DECLARATION}")).collect();
        self.one_of("event_id", query.event_ids.iter().chain(&declarations).map(String::as_str));
        let transformations: Vec<Pattern> =
            query.transformation_ids.iter().cloned().map(Pattern::Exactly).collect();
        let things = [
            &transformations,
            &query.any_epc,
            &query.epc,
            &query.parent_id,
            &query.input_epc,
            &query.output_epc,
            &query.any_epc_class,
            &query.epc_class,
            &query.input_epc_class,
            &query.output_epc_class,
        ];
        for patterns in things.into_iter().filter(|patterns| !patterns.is_empty()) {
            self.named(patterns);
            self.is_narrow = true;
        }
        self.is_narrow |= !query.event_ids.is_empty();
    }

    /// Events that name a thing, by the links that traces go along. In which member it stands is for the exact filter.
    fn named(&mut self, patterns: &[Pattern]) {
        let mut any = Vec::new();
        for pattern in patterns {
            match pattern {
                Pattern::Exactly(id) => {
                    any.push(format!("subject = {}", self.param(Value::Text(id.clone()))))
                }
                Pattern::Begins(start) => {
                    let from = start.strip_suffix('/').unwrap_or(start);
                    // Canonical identifiers are printable ASCII, which DEL follows.
                    let from = self.param(Value::Text(from.to_owned()));
                    let to = self.param(Value::Text(format!("{start}\u{7f}")));
                    any.push(format!("(subject >= {from} and subject < {to})"));
                }
            }
        }
        self.text.push_str(&format!(
            " and seq in (select seq from link where book = $1 and ({}))",
            any.join(" or ")
        ));
    }
}
