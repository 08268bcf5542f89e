//! What the templates show: plain structs that a page fills in and the macros of `parts.html` set.

use crate::assets;
use crate::format::{self, Moment};
use crate::texts::{Lang, T};

pub use crate::chart::Chart;

/// Everything round a page's own content.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The language of the page.
    pub lang: Lang,
    /// The texts in that language.
    pub t: T,
    /// The page's title, also its heading.
    pub title: String,
    /// Path and query of this page, for the language switch.
    pub path_and_query: String,
    /// The session's CSRF token; empty where nobody is signed in.
    pub csrf: String,
    /// The key that makes the page's forms count once; empty where nothing is recorded.
    pub key: String,
    /// Who is signed in.
    pub viewer_name: Option<String>,
    /// The lines of work and other main places, as far as the viewer may go there.
    pub nav: Vec<NavItem>,
    /// The pages beside this one, below the heading.
    pub sections: Vec<Link>,
    /// The org units from the top down to the one shown.
    pub crumbs: Vec<Crumb>,
    /// What the last action did.
    pub flash: Option<Flash>,
    /// When the figures were read, as text.
    pub as_of: Option<String>,
    /// The sheet the page is set on.
    pub sheet: Sheet,
    /// Whether the data is a demonstration.
    pub is_demonstration: bool,
}

impl Frame {
    /// A frame with a title and nothing else, for somebody not signed in.
    pub fn new(t: T, title: impl Into<String>, path_and_query: impl Into<String>) -> Frame {
        Frame {
            lang: t.lang(),
            t,
            title: title.into(),
            path_and_query: path_and_query.into(),
            csrf: String::new(),
            key: String::new(),
            viewer_name: None,
            nav: Vec::new(),
            sections: Vec::new(),
            crumbs: Vec::new(),
            flash: None,
            as_of: None,
            sheet: Sheet::Office,
            is_demonstration: false,
        }
    }

    /// This page in another language.
    pub fn in_lang(&self, lang: Lang) -> String {
        crate::table::with_parameter(&self.path_and_query, "lang", Some(lang.tag()))
    }

    /// The address of an asset.
    pub fn asset(&self, name: &str) -> String {
        assets::url(name)
    }
}

/// What a page is laid out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// A desk, a phone or paper, with navigation.
    Office,
    /// A public page (a slip, a notice): no navigation, no sign-out.
    Public,
    /// The wall (大屏): a full screen read from afar.
    Wall,
}

impl Sheet {
    /// The class of `<body>`.
    pub const fn class(self) -> &'static str {
        match self {
            Sheet::Office => "office",
            Sheet::Public => "public",
            Sheet::Wall => "wall",
        }
    }
}

/// An item of the main navigation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavItem {
    pub title: String,
    pub href: String,
    /// Whether the page is in it.
    pub current: bool,
}

/// A step of the way down to where we are; the last has no link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crumb {
    pub title: String,
    pub href: Option<String>,
}

/// A message at the head of the page, shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flash {
    pub mark: Mark,
    pub text: String,
}

/// A link with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub title: String,
    pub href: String,
}

/// A sign with a shape and a colour of its own; a word always stands beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Blue, a disc: on the way.
    Blue,
    /// Yellow, a triangle: mind it.
    Yellow,
    /// Red, a square: late, failed, held.
    Red,
    /// A tick: done, passed.
    Done,
    /// A ring: neither.
    Plain,
}

impl Mark {
    /// The name in CSS classes.
    pub const fn class(self) -> &'static str {
        match self {
            Mark::Blue => "blue",
            Mark::Yellow => "yellow",
            Mark::Red => "red",
            Mark::Done => "done",
            Mark::Plain => "plain",
        }
    }
}

/// A state in one word, with its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    pub mark: Mark,
    pub text: String,
}

/// A figure (指标) with its name: the number links into its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FigureTile {
    pub title: String,
    /// The number, formatted.
    pub value: String,
    /// The unit, if the value does not carry it.
    pub unit: Option<String>,
    /// The entries behind the number.
    pub href: Option<String>,
    /// A line below: a comparison, the date, a share.
    pub note: Option<String>,
    pub badge: Option<Badge>,
}

impl FigureTile {
    /// A tile from a formatted figure; a unit at its end (`123.46万元`, `42.35 t`) is set apart.
    pub fn new(title: impl Into<String>, figure: &str) -> FigureTile {
        let end = figure.rfind(|c: char| c.is_ascii_digit() || c == '%').map_or(figure.len(), |at| at + 1);
        let (value, unit) = figure.split_at(end);
        FigureTile {
            title: title.into(),
            value: value.to_owned(),
            unit: Some(unit.trim()).filter(|unit| !unit.is_empty()).map(str::to_owned),
            href: None,
            note: None,
            badge: None,
        }
    }

    /// The same tile, opening into the entries behind it.
    pub fn link(mut self, href: impl Into<String>) -> FigureTile {
        self.href = Some(href.into());
        self
    }
}

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    /// To the right, with figures of one width: numbers, money, weights.
    Right,
}

impl Align {
    /// The class of a cell.
    pub const fn class(self) -> &'static str {
        match self {
            Align::Left => "l",
            Align::Right => "r",
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name in the address (`sort=key`) and in element ids.
    pub key: &'static str,
    pub title: String,
    pub align: Align,
    /// Present where the table may be sorted by this column.
    pub sort: Option<Sort>,
}

/// The sorting link in a column's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    pub href: String,
    /// How the table is sorted by this column now.
    pub now: Option<crate::table::Direction>,
}

impl Sort {
    /// The value of `aria-sort`.
    pub const fn aria(&self) -> &'static str {
        match self.now {
            Some(crate::table::Direction::Ascending) => "ascending",
            Some(crate::table::Direction::Descending) => "descending",
            None => "none",
        }
    }
}

impl Column {
    /// A column of words.
    pub fn text(key: &'static str, title: impl Into<String>) -> Column {
        Column { key, title: title.into(), align: Align::Left, sort: None }
    }

    /// A column of numbers.
    pub fn number(key: &'static str, title: impl Into<String>) -> Column {
        Column { key, title: title.into(), align: Align::Right, sort: None }
    }

    /// The same column, sortable if the query's table says so.
    pub fn sorted(mut self, query: &crate::table::TableQuery) -> Column {
        self.sort = query.sort_link(self.key);
        self
    }
}

/// What a cell holds, for exports; the page shows `Cell::text`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The text itself.
    Text,
    /// `units` in steps of `10^-places`: an integer, yuan from fen, kilograms from grams.
    Decimal { units: i64, places: u32 },
    /// A moment.
    Moment(Moment),
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// As shown.
    pub text: String,
    /// As exported.
    pub value: Value,
    /// What a list in memory is sorted by, where neither text nor value say it.
    pub order: Option<i64>,
    pub href: Option<String>,
    pub mark: Option<Mark>,
}

impl Cell {
    fn new(text: String, value: Value) -> Cell {
        Cell { text, value, order: None, href: None, mark: None }
    }

    /// Words.
    pub fn text(text: impl Into<String>) -> Cell {
        Cell::new(text.into(), Value::Text)
    }

    /// Nothing.
    pub fn none() -> Cell {
        Cell::text("")
    }

    /// A whole number.
    pub fn integer(n: i64) -> Cell {
        Cell::new(format::integer(n), Value::Decimal { units: n, places: 0 })
    }

    /// Money, shown with its sign, exported in yuan.
    pub fn money(fen: i64) -> Cell {
        Cell::new(format::money(fen), Value::Decimal { units: fen, places: 2 })
    }

    /// A weight, shown and exported in kilograms; the column's title names the unit.
    pub fn kilograms(grams: i64) -> Cell {
        Cell::new(format::decimal(grams, 3), Value::Decimal { units: grams, places: 3 })
    }

    /// A share, shown and exported as text.
    pub fn percent(numerator: i64, denominator: i64) -> Cell {
        Cell::text(format::percent(numerator, denominator))
    }

    /// A moment, to the minute.
    pub fn date_time(moment: Moment) -> Cell {
        Cell::new(format::date_time(moment), Value::Moment(moment))
    }

    /// A state.
    pub fn badge(badge: Badge) -> Cell {
        Cell { mark: Some(badge.mark), ..Cell::text(badge.text) }
    }

    /// The same cell, sorted by a rank.
    pub fn order(mut self, rank: i64) -> Cell {
        self.order = Some(rank);
        self
    }

    /// The same cell, leading somewhere.
    pub fn link(mut self, href: impl Into<String>) -> Cell {
        self.href = Some(href.into());
        self
    }
}

/// A table with its controls.
#[derive(Clone, Debug)]
pub struct TableView {
    /// The element's id, unique on the page.
    pub id: &'static str,
    pub caption: String,
    pub columns: Vec<Column>,
    /// Rows of as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// A last row of totals.
    pub totals: Option<Vec<Cell>>,
    pub empty: Empty,
    pub filter: Option<Filter>,
    pub pager: Option<Pager>,
    /// Where the same rows can be had as a file.
    pub exports: Vec<Link>,
}

impl TableView {
    /// A table without controls.
    pub fn new(
        id: &'static str,
        caption: impl Into<String>,
        columns: Vec<Column>,
        empty: Empty,
    ) -> TableView {
        TableView {
            id,
            caption: caption.into(),
            columns,
            rows: Vec::new(),
            totals: None,
            empty,
            filter: None,
            pager: None,
            exports: Vec::new(),
        }
    }
}

/// What an empty list says: that it is empty, and what to do first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Empty {
    pub title: String,
    pub hint: String,
    pub action: Option<Link>,
}

/// The filter above a table: a GET form that keeps the other parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub action: String,
    pub text: String,
    pub kept: Vec<(String, String)>,
    /// The address without the filter.
    pub clear: String,
}

/// The way through a long list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pager {
    /// Which rows are shown, in words.
    pub text: String,
    pub previous: Option<String>,
    pub next: Option<String>,
}

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub label: String,
    pub kind: FieldKind,
    /// What was typed, kept when the form is refused. Never filled for passwords.
    pub value: String,
    /// What is wrong with it.
    pub error: Option<String>,
    pub hint: Option<String>,
    pub required: bool,
    /// The `autocomplete` token.
    pub autocomplete: Option<&'static str>,
    /// The unit behind the input.
    pub unit: Option<String>,
}

/// The control of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// One line of text of at most so many characters.
    Text {
        chars_max: usize,
    },
    /// Several lines.
    Area {
        chars_max: usize,
    },
    Password,
    /// A number, with the decimal keyboard on phones.
    Number,
    Date,
    /// One of some.
    Choice(Vec<Choice>),
    /// Yes or no; the value is `on` or empty.
    Tick,
    /// A file of these media types; on phones the camera.
    File {
        accept: &'static str,
    },
}

/// One option of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub title: String,
}

impl Field {
    /// A field with an empty value.
    pub fn new(name: &'static str, label: impl Into<String>, kind: FieldKind) -> Field {
        Field {
            name,
            label: label.into(),
            kind,
            value: String::new(),
            error: None,
            hint: None,
            required: false,
            autocomplete: None,
            unit: None,
        }
    }

    /// With what was typed.
    pub fn value(mut self, value: impl Into<String>) -> Field {
        self.value = value.into();
        self
    }

    /// That must be filled in.
    pub fn required(mut self) -> Field {
        self.required = true;
        self
    }

    /// With a line of explanation.
    pub fn hint(mut self, hint: impl Into<String>) -> Field {
        self.hint = Some(hint.into());
        self
    }

    /// With what is wrong.
    pub fn error(mut self, error: Option<String>) -> Field {
        self.error = error;
        self
    }

    /// Whether a choice stands at none of its options yet.
    pub fn unchosen(&self) -> bool {
        match &self.kind {
            FieldKind::Choice(choices) => choices.iter().all(|choice| choice.value != self.value),
            _ => false,
        }
    }

    /// The type of a one-line input; `None` for other controls.
    pub const fn input_type(&self) -> Option<&'static str> {
        match self.kind {
            FieldKind::Text { .. } | FieldKind::Number => Some("text"),
            FieldKind::Password => Some("password"),
            FieldKind::Date => Some("date"),
            FieldKind::File { .. } => Some("file"),
            FieldKind::Area { .. } | FieldKind::Choice(_) | FieldKind::Tick => None,
        }
    }

    /// The ids for `aria-describedby`: the hint and the error, as far as there are any.
    pub fn described_by(&self) -> String {
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.name));
        let error = self.error.as_ref().map(|_| format!("{}-error", self.name));
        hint.into_iter().chain(error).collect::<Vec<_>>().join(" ")
    }
}

/// A list that is kept up to date over server-sent events: each event `list` carries all items anew
/// (rendered by [`LiveItems`]), so that it stays bounded and a missed event does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveList {
    pub id: &'static str,
    pub title: String,
    /// The event stream.
    pub source: String,
    pub items: Vec<LiveItem>,
    pub empty: String,
}

/// An item of a live list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveItem {
    pub time: String,
    pub text: String,
    pub href: Option<String>,
    pub badge: Option<Badge>,
}

/// The items alone, as an event carries them; render to one string and send it as event `list`.
#[derive(askama::Template)]
#[template(path = "live_items.html")]
pub struct LiveItems<'a> {
    pub items: &'a [LiveItem],
    pub empty: &'a str,
}
