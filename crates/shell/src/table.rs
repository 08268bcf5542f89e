//! The address of a table: what to sort by, filter for and show, and the links that change one of these.

use form_urlencoded::Serializer;

use crate::format;
use crate::problem::Problem;
use crate::texts::{Both, T};
use crate::view::{Filter, Link, Pager, Sort};

/// The most rows a page may ask for.
pub const PER_PAGE_MAX: u32 = 200;
/// The last page that may be asked for by number; beyond it a filter is the better way.
pub const PAGE_MAX: u32 = 10_000;
/// The longest filter text, in characters.
pub const FILTER_CHARS_MAX: usize = 100;

/// The way a column is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// A file a table can be had as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values, UTF-8 with a byte order mark.
    Csv,
    /// An Office Open XML workbook.
    Xlsx,
}

/// What a table allows.
#[derive(Clone, Copy, Debug)]
pub struct TableSpec {
    /// The columns that may be sorted by.
    pub sortable: &'static [&'static str],
    /// How the table is sorted when nothing is asked.
    pub sort: (&'static str, Direction),
    /// Rows a page when nothing is asked.
    pub per_page: u32,
}

/// A parameter that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// `sort` names a column the table is not sorted by.
    #[error("sort: {asked:?} is not one of {allowed:?}")]
    Sort { asked: String, allowed: &'static [&'static str] },
    /// `page` or `per_page` is not a number in range.
    #[error("{parameter}: {asked:?} is not a number from 1 to {max}")]
    Range { parameter: &'static str, asked: String, max: u32 },
    /// `q` is too long.
    #[error("q: longer than {FILTER_CHARS_MAX} characters")]
    FilterTooLong,
    /// `export` names no format.
    #[error("export: {0:?} is not csv or xlsx")]
    Export(String),
}

/// What a table is asked for: `?sort=-amount&q=...&page=2&per_page=100&export=csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableQuery {
    spec_sort: (&'static str, Direction),
    sortable: &'static [&'static str],
    per_page_default: u32,
    path: String,
    kept: Vec<(String, String)>,
    /// The column, always one of the spec's, and the direction.
    pub sort: (&'static str, Direction),
    /// The filter text, trimmed.
    pub filter: Option<String>,
    /// From 1.
    pub page: u32,
    /// At most [`PER_PAGE_MAX`].
    pub per_page: u32,
    /// Whether a file is wanted instead of a page.
    pub export: Option<ExportFormat>,
}

impl TableQuery {
    /// Reads path and query of a request. Parameters the table does not know are kept in its links, save
    /// `lang`, which the session remembers.
    pub fn parse(spec: &TableSpec, path_and_query: &str) -> Result<TableQuery, TableError> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let mut asked = TableQuery {
            spec_sort: spec.sort,
            sortable: spec.sortable,
            per_page_default: spec.per_page,
            path: path.to_owned(),
            kept: Vec::new(),
            sort: spec.sort,
            filter: None,
            page: 1,
            per_page: spec.per_page,
            export: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "sort" => asked.sort = sort(&value, spec.sortable)?,
                "q" => asked.filter = filter(&value)?,
                "page" => asked.page = number("page", &value, PAGE_MAX)?,
                "per_page" => asked.per_page = number("per_page", &value, PER_PAGE_MAX)?,
                "export" => asked.export = export(&value)?,
                "lang" => {}
                _ => asked.kept.push((name.into_owned(), value.into_owned())),
            }
        }
        Ok(asked)
    }

    /// How many rows come before the page.
    pub fn offset(&self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.per_page)
    }

    /// The link in a column's head: descending first where it is not yet sorted by, else turned round.
    /// `None` where the table may not be sorted by the column.
    pub fn sort_link(&self, column: &str) -> Option<Sort> {
        let column = *self.sortable.iter().find(|allowed| **allowed == column)?;
        let now = (self.sort.0 == column).then_some(self.sort.1);
        let next = match now {
            Some(Direction::Descending) => Direction::Ascending,
            _ => Direction::Descending,
        };
        let asked = TableQuery { sort: (column, next), page: 1, ..self.clone() };
        Some(Sort { href: asked.href(None), now })
    }

    /// The address of another page of the same list.
    pub fn page_link(&self, page: u32) -> String {
        TableQuery { page, ..self.clone() }.href(None)
    }

    /// The links to the same rows as files; a file has all of them, not one page.
    pub fn export_links(&self, t: &T) -> Vec<Link> {
        let all = TableQuery { page: 1, per_page: self.per_page_default, ..self.clone() };
        let link = |key, format| Link { title: t.get(key), href: all.href(Some(format)) };
        vec![link("table-export-csv", "csv"), link("table-export-xlsx", "xlsx")]
    }

    /// The filter form.
    pub fn filter_form(&self) -> Filter {
        let unfiltered = TableQuery { filter: None, page: 1, ..self.clone() };
        Filter {
            action: self.path.clone(),
            text: self.filter.clone().unwrap_or_default(),
            kept: unfiltered.parameters(None),
            clear: unfiltered.href(None),
        }
    }

    /// The pager of a page that shows `shown` rows of `total`, or of an unknown number with more to come
    /// or not.
    pub fn pager(&self, t: &T, shown: usize, total: Option<u64>, more: bool) -> Pager {
        let first = self.offset() + 1;
        let last = self.offset() + shown as u64;
        let args = [
            ("first", format::integer(if shown == 0 { 0 } else { first })),
            ("last", format::integer(last)),
            ("total", format::integer(total.unwrap_or_default())),
        ];
        let text = t.with(if total.is_some() { "table-rows-of" } else { "table-rows" }, &args);
        let more = total.map_or(more, |total| last < total) && self.page < PAGE_MAX;
        Pager {
            text,
            previous: (self.page > 1).then(|| self.page_link(self.page - 1)),
            next: more.then(|| self.page_link(self.page + 1)),
        }
    }

    /// The parameters that differ from the default.
    fn parameters(&self, export: Option<&str>) -> Vec<(String, String)> {
        let mut all = self.kept.clone();
        let mut push = |name: &str, value: String| all.push((name.to_owned(), value));
        if self.sort != self.spec_sort {
            let sign = if self.sort.1 == Direction::Descending { "-" } else { "" };
            push("sort", format!("{sign}{}", self.sort.0));
        }
        if let Some(filter) = &self.filter {
            push("q", filter.clone());
        }
        if self.per_page != self.per_page_default {
            push("per_page", self.per_page.to_string());
        }
        if self.page > 1 {
            push("page", self.page.to_string());
        }
        if let Some(export) = export {
            push("export", export.to_owned());
        }
        all
    }

    fn href(&self, export: Option<&str>) -> String {
        address(&self.path, &self.parameters(export))
    }
}

/// The address with one query parameter set, or taken out; the others stay as they are.
pub fn with_parameter(path_and_query: &str, name: &str, value: Option<&str>) -> String {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let mut all: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .filter(|(n, _)| n != name)
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    all.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    address(path, &all)
}

fn address(path: &str, parameters: &[(String, String)]) -> String {
    if parameters.is_empty() {
        return path.to_owned();
    }
    format!("{path}?{}", Serializer::new(String::new()).extend_pairs(parameters).finish())
}

fn sort(asked: &str, allowed: &'static [&'static str]) -> Result<(&'static str, Direction), TableError> {
    let (name, direction) = match asked.strip_prefix('-') {
        Some(name) => (name, Direction::Descending),
        None => (asked, Direction::Ascending),
    };
    let column = allowed.iter().find(|column| **column == name);
    column.map(|column| (*column, direction)).ok_or(TableError::Sort { asked: asked.to_owned(), allowed })
}

fn filter(asked: &str) -> Result<Option<String>, TableError> {
    let text = asked.trim();
    if text.chars().count() > FILTER_CHARS_MAX {
        return Err(TableError::FilterTooLong);
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

fn number(parameter: &'static str, asked: &str, max: u32) -> Result<u32, TableError> {
    let out_of_range = || TableError::Range { parameter, asked: asked.to_owned(), max };
    let n = asked.parse().map_err(|_| out_of_range())?;
    if (1..=max).contains(&n) { Ok(n) } else { Err(out_of_range()) }
}

fn export(asked: &str) -> Result<Option<ExportFormat>, TableError> {
    match asked {
        "csv" => Ok(Some(ExportFormat::Csv)),
        "xlsx" => Ok(Some(ExportFormat::Xlsx)),
        _ => Err(TableError::Export(asked.to_owned())),
    }
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Problem {
        let (field, rule, detail) = match &error {
            TableError::Sort { asked, allowed } => {
                let allowed = allowed.join(", ");
                let zh = format!("参数 sort 的值“{asked}”无效，可用的值为：{allowed}（前加“-”为降序）。");
                let en = format!(
                    "Parameter sort cannot be “{asked}”. Use one of: {allowed} (“-” in front sorts down)."
                );
                ("sort", "one_of", Both::new(zh, en))
            }
            TableError::Range { parameter, asked, max } => {
                let zh = format!("参数 {parameter} 的值“{asked}”无效，应为 1 至 {max} 的整数。");
                let en =
                    format!("Parameter {parameter} cannot be “{asked}”. Use a whole number from 1 to {max}.");
                (*parameter, "range", Both::new(zh, en))
            }
            TableError::FilterTooLong => {
                let zh = format!("参数 q 过长，最多 {FILTER_CHARS_MAX} 个字。");
                let en = format!("Parameter q is too long. Use at most {FILTER_CHARS_MAX} characters.");
                ("q", "chars_max", Both::new(zh, en))
            }
            TableError::Export(asked) => {
                let zh = format!("参数 export 的值“{asked}”无效，应为 csv 或 xlsx。");
                let en = format!("Parameter export cannot be “{asked}”. Use csv or xlsx.");
                ("export", "one_of", Both::new(zh, en))
            }
        };
        Problem::bad_request(field, rule, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::{Lang, Texts};
    use std::sync::Arc;

    const SPEC: TableSpec =
        TableSpec { sortable: &["day", "amount"], sort: ("day", Direction::Descending), per_page: 50 };

    fn parse(address: &str) -> Result<TableQuery, TableError> {
        TableQuery::parse(&SPEC, address)
    }

    #[test]
    fn nothing_asked_is_the_default() {
        let query = parse("/m/lots").unwrap();
        assert_eq!((query.sort, query.page, query.per_page, query.offset()), (SPEC.sort, 1, 50, 0));
        assert_eq!(query.page_link(1), "/m/lots");
    }

    #[test]
    fn links_change_one_thing_and_keep_the_rest() {
        let query = parse("/m/lots?stall=A%2612&q=白菜&sort=amount&page=3&per_page=100&lang=en").unwrap();
        assert_eq!(query.filter.as_deref(), Some("白菜"));
        assert_eq!(query.offset(), 200);
        let q = "stall=A%2612&sort=amount&q=%E7%99%BD%E8%8F%9C&per_page=100";
        assert_eq!(query.page_link(4), format!("/m/lots?{q}&page=4"));
        assert_eq!(query.page_link(1), format!("/m/lots?{q}"));
        let sort = query.sort_link("amount").unwrap();
        assert_eq!(sort.href, format!("/m/lots?{}", q.replace("sort=amount", "sort=-amount")));
        assert_eq!(sort.now, Some(Direction::Ascending));
        assert_eq!(query.sort_link("name"), None);
        assert_eq!(query.filter_form().clear, "/m/lots?stall=A%2612&sort=amount&per_page=100");
    }

    #[test]
    fn a_link_parses_back_to_what_it_says() {
        let query = parse("/m/lots?a=1&a=2&q=+x+&sort=-amount&per_page=7").unwrap();
        assert_eq!(parse(&query.page_link(9)).unwrap(), TableQuery { page: 9, ..query.clone() });
    }

    #[test]
    fn a_bad_value_is_refused_by_the_name_of_its_parameter() {
        let cases = [
            ("sort=name", "sort"),
            ("sort=day;drop", "sort"),
            ("page=0", "page"),
            ("page=-1", "page"),
            ("page=10001", "page"),
            ("per_page=201", "per_page"),
            ("per_page=x", "per_page"),
            ("export=pdf", "export"),
        ];
        for (query, parameter) in cases {
            let error = parse(&format!("/x?{query}")).expect_err(query);
            assert!(error.to_string().starts_with(&format!("{parameter}: ")), "{error}");
            assert_eq!(Problem::from(error).field.as_deref(), Some(parameter));
        }
        assert_eq!(parse(&format!("/x?q={}", "菜".repeat(101))), Err(TableError::FilterTooLong));
    }

    #[test]
    fn the_pager_says_which_rows_are_shown_and_stops_at_the_end() {
        let t = Arc::new(Texts::new(Texts::SHELL).unwrap()).t(Lang::En);
        let query = parse("/x?page=3").unwrap();
        let pager = query.pager(&t, 20, Some(120), false);
        assert_eq!(pager.text, "Rows 101–120 of 120");
        assert_eq!((pager.previous.as_deref(), pager.next), (Some("/x?page=2"), None));
        let open = query.pager(&t, 50, None, true);
        assert_eq!((open.text.as_str(), open.next.as_deref()), ("Rows 101–150", Some("/x?page=4")));
    }

    #[test]
    fn a_parameter_is_set_in_place_of_the_old_one() {
        assert_eq!(with_parameter("/x?a=1&lang=zh-CN", "lang", Some("en")), "/x?a=1&lang=en");
        assert_eq!(with_parameter("/x?lang=en", "lang", None), "/x");
    }
}
