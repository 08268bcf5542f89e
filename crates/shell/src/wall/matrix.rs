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

/// Tiles that say more than the table beside them.
const TILES_MIN: usize = 3;
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
    /// The middle of the label, and the lines of the title with their heights.
    pub x: String,
    pub title: Vec<(String, String)>,
    pub href: Option<String>,
    pub worst: &'static str,
    pub counts: Counts,
}

/// How many matters of a unit are of each colour, as they stand on the map.
#[derive(Debug, Clone)]
pub enum Counts {
    /// Only some lines may be seen: their sum could not be opened.
    None,
    /// Below the title, at a height.
    Row { y: String, tallies: Colours },
    /// One below the other, where there is room.
    Column(Vec<CountRow>),
}

/// A shape, and the number that ends right of it.
#[derive(Debug, Clone)]
pub struct CountRow {
    pub tally: Tally,
    pub shape_x: String,
    pub x: String,
    pub y: String,
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
    /// Where there was no room for every unit: where all of them stand.
    pub more: Option<More>,
    pub sum: Row,
    pub map: MapView,
}

/// Units that are not shown.
#[derive(Debug, Clone)]
pub struct More {
    pub href: Option<String>,
}

impl Matrix {
    /// How many matters are red and yellow; none where only some lines may be seen, whose sum could not be opened.
    pub fn late(&self) -> &[Tally] {
        let only = match self.sum.lines.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        self.sum.whole.as_ref().or(only).map_or(&[], |colours| &colours.0[..2])
    }
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
    let month = Period::new(ground.day.first_of_month(), ground.day);
    let more = shorten(&mut rows)
        .then(|| More { href: ground.href("kernel.matters.open", &ground.unit, month, None) });
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

/// Leaves out the rows with the least to tell, if there are too many; says whether there were.
fn shorten(rows: &mut Vec<Row>) -> bool {
    let all = rows.len();
    if all <= ROWS_MAX {
        return false;
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
    true
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
            Branch::Unit(unit) if self.ground.links => Some(self.ground.wall(unit)),
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
        let mut sheet = map::sheet(&self.app.wall.shapes, &self.ground.unit, &codes);
        if !sheet.is_map && codes.len() < TILES_MIN {
            sheet.spots.clear();
        }
        let place = |(branch, spot): (&Branch, map::Spot)| {
            let row = row(branch);
            let colours =
                row.whole.clone().or_else(|| <[Colours; 1]>::try_from(row.lines.clone()).ok().map(|[it]| it));
            let label = Label { letter: sheet.letter, middle: spot.label, lines: title_lines(&row.title) };
            MapUnit {
                path: spot.path,
                x: format!("{:.1}", spot.label[0]),
                title: label.title(sheet.roomy),
                href: row.href.clone(),
                worst: row
                    .lines
                    .iter()
                    .map(Colours::worst)
                    .min_by_key(|colour| rank(colour))
                    .unwrap_or("none"),
                counts: colours.map_or(Counts::None, |colours| label.counts(sheet.roomy, colours)),
            }
        };
        let spots =
            drawn.iter().zip(sheet.spots).filter_map(|(branch, spot)| spot.map(|spot| (branch, spot)));
        let (view, is_map, letter) = (sheet.view.clone(), sheet.is_map, format!("{:.1}", sheet.letter));
        MapView { view, letter, is_map, units: spots.map(place).collect() }
    }
}

/// The title and the numbers of a unit, which together lie about a place.
struct Label {
    letter: f64,
    middle: [f64; 2],
    lines: Vec<String>,
}

impl Label {
    /// The height of a line of the title, and of a row of numbers below it, in letters.
    const LINE: f64 = 1.25;
    const ROW: f64 = 1.4;

    #[allow(clippy::cast_precision_loss, reason = "a title has two lines at most")]
    fn height_of_title(&self) -> f64 {
        self.lines.len() as f64 * Self::LINE
    }

    /// Where the first line begins.
    fn top(&self, roomy: bool) -> f64 {
        let rows = if roomy { 3.0 } else { 1.0 };
        self.middle[1] - self.letter * (self.height_of_title() + rows * Self::ROW) / 2.0
    }

    fn title(&self, roomy: bool) -> Vec<(String, String)> {
        let mut y = self.top(roomy) - self.letter * 0.25;
        let line = |line: &String| {
            y += self.letter * Self::LINE;
            (line.clone(), format!("{y:.1}"))
        };
        self.lines.iter().map(line).collect()
    }

    fn counts(&self, roomy: bool, colours: Colours) -> Counts {
        let mut y = self.top(roomy) + self.letter * (self.height_of_title() - 0.25);
        if !roomy {
            return Counts::Row { y: format!("{:.1}", y + self.letter * Self::ROW), tallies: colours };
        }
        let row = |tally: Tally| {
            y += self.letter * Self::ROW;
            let [shape_x, x] =
                [-1.1, 1.6].map(|letters| format!("{:.1}", self.middle[0] + self.letter * letters));
            CountRow { tally, shape_x, x, y: format!("{y:.1}") }
        };
        Counts::Column(colours.0.into_iter().map(row).collect())
    }
}

/// The worst first.
fn rank(colour: &str) -> usize {
    COLOURS.iter().position(|(it, ..)| *it == colour).unwrap_or(COLOURS.len())
}

/// A title on a tile, in as many lines as it takes: words as they fit, other letters in halves.
fn title_lines(title: &str) -> Vec<String> {
    const WIDTH: usize = 16;
    let wide = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    if wide(title) <= WIDTH {
        return vec![title.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in title.split_inclusive([' ', '-']) {
        match lines.last_mut() {
            Some(line) if wide(line) + wide(word.trim_end()) <= WIDTH => line.push_str(word),
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.len() > 1 {
        return lines.iter().map(|line| line.trim_end().to_owned()).collect();
    }
    let half = title.chars().count().div_ceil(2);
    vec![title.chars().take(half).collect(), title.chars().skip(half).collect()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_title_is_set_in_lines() {
        assert_eq!(title_lines("乐陵市"), ["乐陵市"]);
        assert_eq!(title_lines("德州经济技术开发区"), ["德州经济技", "术开发区"]);
        assert_eq!(title_lines("Ningjin County"), ["Ningjin County"]);
        assert_eq!(title_lines("Dezhou Yunhe Development Zone"), ["Dezhou Yunhe", "Development Zone"]);
        let long = ["Dezhou Economic-", "Technological", "Development Zone"];
        assert_eq!(title_lines("Dezhou Economic-Technological Development Zone"), long);
    }
}
