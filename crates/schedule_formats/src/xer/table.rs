use std::collections::{HashMap, HashSet};

use crate::error::words;
use crate::{FormatError, Limits};

/// The tables of a file that are read: `%T` names one, `%F` its fields, each `%R` is a row.
pub(super) struct Tables<'a> {
    tables: HashMap<&'a str, Table<'a>>,
    /// Tasks of other projects than the first, and links to them: a file may hold all of an office.
    pub(super) tasks_of_others: HashSet<&'a str>,
    pub(super) links_of_others: usize,
}

#[derive(Default)]
struct Table<'a> {
    /// Where in a row's cells the fields are, and in which columns they were in the file, in rising order.
    fields: HashMap<&'a str, usize>,
    columns: Vec<usize>,
    rows: Vec<Vec<&'a str>>,
}

pub(super) struct Row<'t> {
    fields: &'t HashMap<&'t str, usize>,
    cells: &'t [&'t str],
}

/// Tasks of other projects for each row of the first that is read, at most.
const OTHERS_PER_ROW: usize = 10;
const READ: [&str; 5] = ["PROJECT", "CALENDAR", "PROJWBS", "TASK", "TASKPRED"];
/// The fields that are kept: a row may have countless others.
const FIELDS: [&str; 25] = [
    "act_end_date",
    "act_start_date",
    "clndr_data",
    "clndr_id",
    "clndr_name",
    "cstr_date",
    "cstr_date2",
    "cstr_type",
    "cstr_type2",
    "lag_hr_cnt",
    "last_recalc_date",
    "plan_start_date",
    "pred_proj_id",
    "pred_task_id",
    "pred_type",
    "proj_id",
    "proj_short_name",
    "remain_drtn_hr_cnt",
    "target_drtn_hr_cnt",
    "task_code",
    "task_id",
    "task_name",
    "task_type",
    "wbs_id",
    "wbs_name",
];

impl<'a> Tables<'a> {
    pub(super) fn read(text: &'a str, limits: &Limits) -> Result<Self, FormatError> {
        let mut tables: HashMap<&str, Table<'a>> = HashMap::new();
        let (mut tasks_of_others, mut links_of_others, mut project) = (HashSet::new(), 0, None);
        let rows_max = limits.activities_max.max(limits.links_max);
        let mut open = "";
        for line in text.lines() {
            let mut cells = line.split('\t');
            match cells.next() {
                Some("%T") => open = cells.next().unwrap_or("").trim(),
                Some("%F") if READ.contains(&open) => {
                    let table = tables.entry(open).or_default();
                    table.name(cells);
                }
                Some("%R") if READ.contains(&open) => {
                    let table = tables.entry(open).or_default();
                    let cells = table.kept(cells);
                    let of = table.cell(&cells, "proj_id");
                    if open == "PROJECT" {
                        project.get_or_insert(of);
                    } else if open != "CALENDAR" && !of.is_empty() && project.is_some_and(|own| own != of) {
                        match open {
                            "TASK" => drop(tasks_of_others.insert(table.cell(&cells, "task_id"))),
                            "TASKPRED" => links_of_others += 1,
                            _ => {}
                        }
                        let most = rows_max.saturating_mul(OTHERS_PER_ROW);
                        Limits::check(words("rows", "行"), tasks_of_others.len(), most)?;
                        continue;
                    }
                    table.rows.push(cells);
                    Limits::check(words("rows", "行"), table.rows.len(), rows_max)?;
                }
                _ => {}
            }
        }
        Ok(Self { tables, tasks_of_others, links_of_others })
    }

    pub(super) fn rows(&self, name: &str) -> impl Iterator<Item = Row<'_>> {
        let table = self.tables.get(name);
        table
            .into_iter()
            .flat_map(|table| table.rows.iter().map(|cells| Row { fields: &table.fields, cells }))
    }
}

impl<'a> Table<'a> {
    fn name(&mut self, fields: impl Iterator<Item = &'a str>) {
        (self.fields, self.columns) = (HashMap::new(), Vec::new());
        for (column, field) in fields.map(str::trim).enumerate() {
            if FIELDS.contains(&field) && !self.fields.contains_key(field) {
                self.fields.insert(field, self.columns.len());
                self.columns.push(column);
            }
        }
    }

    /// A cell of a row by the name of its field; empty if the row has none.
    fn cell(&self, cells: &[&'a str], field: &str) -> &'a str {
        self.fields.get(field).and_then(|&at| cells.get(at)).copied().unwrap_or("")
    }

    /// The cells of the fields that are kept, as far as the row has them.
    fn kept(&self, cells: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut columns = self.columns.iter().peekable();
        let is_kept = |(column, _): &(usize, &str)| columns.next_if_eq(&column).is_some();
        cells.enumerate().filter(is_kept).map(|(_, cell)| cell).collect()
    }
}

impl<'t> Row<'t> {
    /// A cell by the name of its field; empty if the file has none.
    pub(super) fn get(&self, field: &str) -> &'t str {
        self.fields.get(field).and_then(|&at| self.cells.get(at)).copied().unwrap_or("")
    }
}
