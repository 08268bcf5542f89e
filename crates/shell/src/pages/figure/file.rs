//! A table of a figure as a file.

use axum::response::Response;
use kernel::{Kernel, Value};

use super::tables::{self, Part};
use super::{read, title};
use crate::api::figures::Question;
use crate::app::App;
use crate::export;
use crate::problem::Problem;
use crate::said;
use crate::table::{ExportFormat, TableError};
use crate::texts::{Both, T};
use crate::view::TableView;

/// Entries in a file.
const ENTRIES_MAX: usize = 10_000;

/// A table of the page as a file, whole.
pub async fn answer(
    app: &App,
    t: &T,
    name: &str,
    question: Question,
    format: &str,
    table: &str,
) -> Result<Response, Problem> {
    let format = match format {
        "csv" => ExportFormat::Csv,
        "xlsx" => ExportFormat::Xlsx,
        _ => return Err(TableError::Export(format.to_owned()).into()),
    };
    let (naming, of, wanted) = ((app.clone(), t.clone()), name.to_owned(), table.to_owned());
    let table = app.blocking(move |kernel| whole_table(kernel, &naming, &of, &question, &wanted)).await?;
    let file = format!("{} {}", title(app, t.lang(), name), table.caption);
    export::response(app, format, file, table).await
}

/// Pages of entries that are looked through for a file, each of some thousands.
const PAGES_MAX: usize = 40;

fn whole_table(
    kernel: &Kernel,
    naming: &(App, T),
    name: &str,
    question: &Question,
    wanted: &str,
) -> Result<TableView, Problem> {
    let (app, t) = naming;
    let Question { books, period, dimension, .. } = question;
    if wanted == "branches" {
        let branches = kernel.by_branch(name, &question.unit, books, *period, dimension)?;
        let rows: Vec<Part> = branches.into_iter().map(|it| tables::branch(app, t, "", it)).collect();
        return Ok(tables::parts(app, t, name, ("branches", t.get("figure-by-unit")), &rows, Vec::new()));
    }
    let figure = kernel.lines().figure(name).ok_or_else(Problem::not_found)?;
    match wanted {
        "course" => {
            let course = read::course(kernel, name, books, *period, dimension)?;
            let points: Vec<(String, i64)> = course.into_iter().map(|(at, _, amount)| (at, amount)).collect();
            Ok(tables::course(t, figure.unit, t.get("figure-course"), &points))
        }
        "entries" => {
            let (mut items, mut cursor) = (Vec::new(), None);
            for _ in 0..PAGES_MAX {
                let page = kernel.behind(name, books, *period, dimension, cursor.as_deref(), ENTRIES_MAX)?;
                items.extend(page.items);
                cursor = page.next;
                if cursor.is_none() || items.len() > ENTRIES_MAX {
                    break;
                }
            }
            if items.len() > ENTRIES_MAX {
                let detail = Both::new(
                    format!("所选范围内的记录超过 {ENTRIES_MAX} 条，请缩短期间或选择下级单位后再导出。"),
                    format!("there are more than {ENTRIES_MAX} entries: choose fewer days or a smaller unit"),
                );
                return Err(Problem::bad_request("export", "range", detail));
            }
            if cursor.is_some() {
                let detail = Both::new(
                    "所选范围内需逐条核对的记录过多，请缩短期间或选择下级单位后再导出。",
                    "too many entries would have to be looked through: choose fewer days or a smaller unit",
                );
                return Err(Problem::bad_request("export", "range", detail));
            }
            Ok(tables::entries(app, t, figure.unit, &items))
        }
        by if figure.dimensions.contains(&by) => {
            let values = kernel.by_dimension(name, books, *period, by)?;
            let part = |(value, amount): (String, i64)| Part {
                title: value,
                href: String::new(),
                value: Value::Sum { amount },
            };
            let rows: Vec<Part> = values.into_iter().map(part).collect();
            let caption = super::dimension_title(t, said::line(name), by);
            Ok(tables::parts(app, t, name, ("by-value", caption), &rows, Vec::new()))
        }
        _ => Err(Problem::not_found()),
    }
}
