//! The colours of matters by unit and line, and the map of them.

use std::collections::BTreeMap;

use base::UnitCode;
use kernel::{Branch, FigureError, Kernel, Period};
use registry::Level;

use super::ground::Ground;
use super::{figure, line_title, map};
use crate::app::App;
use crate::format;
use crate::said;

/// The three colours, the worst first: their classes, their figures, and the shapes that stand beside them.
const COLOURS: [(&str, &str, &str); 3] = [
    ("red", "kernel.matters.red", "■"),
    ("yellow", "kernel.matters.yellow", "▲"),
    ("blue", "kernel.matters.blue", "●"),
];

/// The shape of a colour.
pub fn shape(colour: &str) -> &'static str {
    COLOURS.iter().find(|(it, ..)| *it == colour).map_or("", |(.., shape)| shape)
}

/// Rows that a screen has room for.
pub const ROWS_MAX: usize = 16;

/// A number that opens into its entries.
#[derive(Debug, Clone)]
pub struct Number {
    pub figure: &'static str,
    pub amount: i64,
    pub text: String,
    /// None where nothing may be opened.
    pub href: Option<String>,
}

/// How many matters are of one colour.
#[derive(Debug, Clone)]
pub struct Tally {
    pub colour: &'static str,
    pub shape: &'static str,
    pub number: Number,
}

/// How many matters are of each colour, the worst first.
#[derive(Debug, Clone)]
pub struct Colours(pub Vec<Tally>);

impl Colours {
    /// The worst colour of which there is any.
    pub fn worst(&self) -> &'static str {
        self.0.iter().find(|tally| tally.number.amount > 0).map_or("none", |tally| tally.colour)
    }

    fn amounts(&self) -> Vec<i64> {
        self.0.iter().map(|tally| tally.number.amount).collect()
    }
}

/// A unit or book with its colours.
#[derive(Debug, Clone)]
pub struct Row {
    pub title: String,
    /// The wall of the unit.
    pub href: Option<String>,
    /// Over all lines; none where not all may be seen.
    pub whole: Option<Colours>,
    /// Line by line, in the order of the columns.
    pub lines: Vec<Colours>,
}

/// A unit on the map.
#[derive(Debug, Clone)]
pub struct MapUnit {
    pub path: String,
    /// The middle of the label, and the lines of the title above it.
    pub x: String,
    pub title: Vec<(String, String)>,
    /// Where the numbers stand.
    pub y: String,
    pub href: Option<String>,
    pub worst: &'static str,
    /// None where only some lines may be seen: their sum could not be opened.
    pub colours: Option<Colours>,
}

/// The map, or tiles where there is none.
#[derive(Debug, Clone)]
pub struct MapView {
    pub view: String,
    /// The size of letters.
    pub letter: String,
    pub is_map: bool,
    pub units: Vec<MapUnit>,
}

/// Units by lines.
#[derive(Debug, Clone)]
pub struct Matrix {
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
    /// Units that there was no room for.
    pub more: usize,
    pub sum: Row,
    pub map: MapView,
}

type Amounts = BTreeMap<(Branch, String), [i64; 3]>;

/// Reads and sets the matrix of a wall.
pub fn matrix(app: &App, kernel: &Kernel, ground: &Ground) -> Result<Matrix, FigureError> {
    let tree = app.tree();
    let books = ground.books(app, super::OWN.line);
    let names = COLOURS.map(|(_, figure, _)| figure);
    let mut amounts = Amounts::new();
    for part in kernel.stands(&names, &books, ground.day, "line")? {
        let Some(branch) = Branch::of(&tree, &ground.unit, &part.book) else { continue };
        if let Some(colour) = names.iter().position(|name| *name == part.figure) {
            amounts.entry((branch, part.value)).or_default()[colour] += part.amount;
        }
    }
    let lines: Vec<&str> = ground.lines.iter().map(|(line, _)| line.line).collect();
    let of = |branch: &Branch, line: &str| {
        amounts.get(&(branch.clone(), line.to_owned())).copied().unwrap_or_default()
    };
    let setter = Setter { app, ground };
    let row = |branch: &Branch| {
        let all = amounts.iter().filter(|((of, _), _)| of == branch).map(|(_, amounts)| *amounts);
        let (title, href, unit) = setter.branch(branch);
        let each = |line: &&str| setter.colours(&unit, of(branch, line), Some(line));
        let whole = ground.whole.then(|| setter.colours(&unit, sum(all), None));
        Row { title, href, whole, lines: lines.iter().map(each).collect() }
    };
    let (drawn, others) = branches(app, &ground.unit, &amounts);
    let mut rows: Vec<Row> = drawn.iter().chain(&others).map(row).collect();
    let more = shorten(&mut rows);
    let totals = |line: &&str| {
        let of_line = amounts.iter().filter(|((_, of), _)| of == line).map(|(_, amounts)| *amounts);
        setter.colours(&Branch::Unit(ground.unit.clone()), sum(of_line), Some(line))
    };
    let unit = Branch::Unit(ground.unit.clone());
    let whole = ground.whole.then(|| setter.colours(&unit, sum(amounts.values().copied()), None));
    Ok(Matrix {
        columns: lines.iter().map(|line| line_title(app, ground.lang, line)).collect(),
        map: setter.map(&drawn, &row),
        rows,
        more,
        sum: Row { title: String::new(), href: None, whole, lines: lines.iter().map(totals).collect() },
    })
}

fn sum(all: impl Iterator<Item = [i64; 3]>) -> [i64; 3] {
    all.fold([0; 3], |sum, it| [sum[0] + it[0], sum[1] + it[1], sum[2] + it[2]])
}

/// The units that are drawn on the map, and what else has matters: bureaus, and books of the unit itself.
fn branches(app: &App, unit: &UnitCode, amounts: &Amounts) -> (Vec<Branch>, Vec<Branch>) {
    let tree = app.tree();
    let children = tree.children(unit);
    let of_level = |levels: &[Level]| -> Vec<UnitCode> {
        let fits = |code: &&UnitCode| tree.unit(code).is_some_and(|unit| levels.contains(&unit.level));
        children.iter().filter(fits).cloned().collect()
    };
    // Governments are drawn; where there are none, whatever is kept apart.
    let tiers: [&[Level]; 4] = [
        &[Level::City, Level::County, Level::Zone],
        &[Level::Town],
        &[Level::Market, Level::Plant],
        &Level::ALL,
    ];
    let drawn = tiers.iter().map(|tier| of_level(tier)).find(|found| !found.is_empty()).unwrap_or_default();
    let drawn: Vec<Branch> = drawn.into_iter().map(Branch::Unit).collect();
    let mut others: Vec<Branch> = amounts.keys().map(|(branch, _)| branch.clone()).collect();
    others.dedup();
    others.retain(|branch| !drawn.contains(branch));
    (drawn, others)
}

/// Leaves out the rows with the least to tell, if there are too many; returns how many.
fn shorten(rows: &mut Vec<Row>) -> usize {
    let all = rows.len();
    if all <= ROWS_MAX {
        return 0;
    }
    let weight = |row: &Row| -> Vec<i64> {
        match &row.whole {
            Some(whole) => whole.amounts(),
            None => row
                .lines
                .iter()
                .map(Colours::amounts)
                .fold(vec![0; 3], |sum, it| sum.iter().zip(it).map(|(a, b)| a + b).collect()),
        }
    };
    let mut order: Vec<usize> = (0..all).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(weight(&rows[at])));
    let kept: Vec<usize> = order.into_iter().take(ROWS_MAX - 1).collect();
    let mut at = 0;
    rows.retain(|_| {
        at += 1;
        kept.contains(&(at - 1))
    });
    all - rows.len()
}

struct Setter<'a> {
    app: &'a App,
    ground: &'a Ground,
}

impl Setter<'_> {
    /// What a branch is called, its own wall, and what a number of it is asked of.
    fn branch(&self, branch: &Branch) -> (String, Option<String>, Branch) {
        let title = match branch {
            Branch::Unit(unit) => figure::unit_title(self.app, self.ground.lang, unit),
            Branch::Book(book) => said::book_title(self.app, self.ground.lang, book),
        };
        let href = match branch {
            Branch::Unit(unit) if self.ground.links => Some(format!("/wall/{unit}")),
            _ => None,
        };
        (title, href, branch.clone())
    }

    fn colours(&self, of: &Branch, amounts: [i64; 3], line: Option<&str>) -> Colours {
        let dimension = line.map(|line| format!("line={line}"));
        // What a state stood at does not depend on the first day.
        let period = Period::new(self.ground.day.first_of_month(), self.ground.day);
        let tally = |((colour, figure, shape), amount): ((&'static str, &'static str, &'static str), i64)| {
            let href = match of {
                Branch::Unit(unit) => self.ground.href(figure, unit, period, dimension.as_deref()),
                Branch::Book(book) => {
                    let href = self.ground.href(figure, &self.ground.unit, period, dimension.as_deref());
                    href.map(|href| format!("{href}&book={book}"))
                }
            };
            let number = Number { figure, amount, text: format::integer(amount), href };
            Tally { colour, shape, number }
        };
        Colours(COLOURS.into_iter().zip(amounts).map(tally).collect())
    }

    fn map(&self, drawn: &[Branch], row: &dyn Fn(&Branch) -> Row) -> MapView {
        let unit = |branch: &Branch| match branch {
            Branch::Unit(unit) => Some(unit.clone()),
            Branch::Book(_) => None,
        };
        let codes: Vec<UnitCode> = drawn.iter().filter_map(unit).collect();
        let sheet = map::sheet(&self.app.wall.shapes, &self.ground.unit, &codes);
        let place = |(branch, spot): (&Branch, map::Spot)| {
            let row = row(branch);
            let lines = title_lines(&row.title);
            // The title's lines, then the numbers: together they lie about the middle.
            #[allow(clippy::cast_precision_loss, reason = "a title has two lines at most")]
            let top = spot.label[1] - sheet.letter * (lines.len() as f64 * 1.2 + 1.0) / 2.0;
            let mut y = top;
            let mut title = Vec::new();
            for line in lines {
                y += sheet.letter * 1.2;
                title.push((line, format!("{:.1}", y - sheet.letter * 0.2)));
            }
            let worst =
                row.lines.iter().map(Colours::worst).min_by_key(|colour| rank(colour)).unwrap_or("none");
            let colours =
                row.whole.clone().or_else(|| <[Colours; 1]>::try_from(row.lines.clone()).ok().map(|[it]| it));
            MapUnit {
                path: spot.path,
                x: format!("{:.1}", spot.label[0]),
                title,
                y: format!("{:.1}", y + sheet.letter * 1.15),
                href: row.href.clone(),
                worst,
                colours,
            }
        };
        let spots =
            drawn.iter().zip(sheet.spots).filter_map(|(branch, spot)| spot.map(|spot| (branch, spot)));
        let (view, is_map, letter) = (sheet.view.clone(), sheet.is_map, format!("{:.1}", sheet.letter));
        MapView { view, letter, is_map, units: spots.map(place).collect() }
    }
}

/// The worst first.
fn rank(colour: &str) -> usize {
    COLOURS.iter().position(|(it, ..)| *it == colour).unwrap_or(COLOURS.len())
}

/// A title on a tile: in two lines where it is long.
fn title_lines(title: &str) -> Vec<String> {
    let wide = |c: char| if c.is_ascii() { 1 } else { 2 };
    let width: usize = title.chars().map(wide).sum();
    if width <= 16 {
        return vec![title.to_owned()];
    }
    if let Some((at, _)) =
        title.char_indices().filter(|(_, c)| *c == ' ').min_by_key(|(at, _)| at.abs_diff(title.len() / 2))
    {
        return vec![title[..at].to_owned(), title[at + 1..].to_owned()];
    }
    let half = title.chars().count().div_ceil(2);
    vec![title.chars().take(half).collect(), title.chars().skip(half).collect()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_title_is_set_in_two_lines() {
        assert_eq!(title_lines("乐陵市"), ["乐陵市"]);
        assert_eq!(title_lines("德州经济技术开发区"), ["德州经济技", "术开发区"]);
        assert_eq!(title_lines("Ningjin County"), ["Ningjin County"]);
        assert_eq!(title_lines("Dezhou Yunhe Development Zone"), ["Dezhou Yunhe", "Development Zone"]);
    }
}
