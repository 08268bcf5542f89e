use std::collections::HashMap;

use crate::error::words;
use crate::{FormatError, Limits};

/// The tables of a file that are read: `%T` names one, `%F` its fields, each `%R` is a row.
pub(super) struct Tables<'a> {
    tables: HashMap<&'a str, Table<'a>>,
}

#[derive(Default)]
struct Table<'a> {
    fields: HashMap<&'a str, usize>,
    rows: Vec<Vec<&'a str>>,
}

pub(super) struct Row<'t> {
    fields: &'t HashMap<&'t str, usize>,
    cells: &'t [&'t str],
}

const READ: [&str; 5] = ["PROJECT", "CALENDAR", "PROJWBS", "TASK", "TASKPRED"];

impl<'a> Tables<'a> {
    pub(super) fn read(text: &'a str, limits: &Limits) -> Result<Self, FormatError> {
        let mut tables: HashMap<&str, Table<'a>> = HashMap::new();
        let mut open = "";
        for line in text.lines() {
            let mut cells = line.split('\t');
            match cells.next() {
                Some("%T") => open = cells.next().unwrap_or("").trim(),
                Some("%F") if READ.contains(&open) => {
                    let table = tables.entry(open).or_default();
                    table.fields = cells.enumerate().map(|(at, field)| (field.trim(), at)).collect();
                }
                Some("%R") if READ.contains(&open) => {
                    let table = tables.entry(open).or_default();
                    table.rows.push(cells.collect());
                    Limits::check(
                        words("rows", "行"),
                        table.rows.len(),
                        limits.activities_max.max(limits.links_max),
                    )?;
                }
                _ => {}
            }
        }
        Ok(Self { tables })
    }

    pub(super) fn rows(&self, name: &str) -> impl Iterator<Item = Row<'_>> {
        let table = self.tables.get(name);
        table
            .into_iter()
            .flat_map(|table| table.rows.iter().map(|cells| Row { fields: &table.fields, cells }))
    }
}

impl<'t> Row<'t> {
    /// A cell by the name of its field; empty if the file has none.
    pub(super) fn get(&self, field: &str) -> &'t str {
        self.fields.get(field).and_then(|&at| self.cells.get(at)).copied().unwrap_or("")
    }
}
