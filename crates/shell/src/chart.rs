//! Charts drawn on the server: pure functions from points to SVG markup.
//!
//! A library in the browser would draw the same three pictures for 240 kB of script; these need none, print,
//! and make every bar an ordinary link. Horizontal positions are percentages and vertical ones pixels, so that
//! a chart fills any width while its letters keep their size. Below each stands the same data as a table.

use askama::Template;

/// A point of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The day, the place, the product.
    pub label: String,
    /// The amount, in the smallest unit.
    pub value: i64,
    /// The amount as text.
    pub text: String,
    /// The entries behind it.
    pub href: Option<String>,
}

/// What a chart shows, apart from how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The element's id, unique on the page.
    pub id: &'static str,
    pub title: String,
    /// One sentence for those who do not see the picture.
    pub description: String,
    /// What the labels are: "day", "market".
    pub label_head: String,
    /// What the values are, with the unit.
    pub value_head: String,
    /// How the data table is called: "show as a table".
    pub table_title: String,
    pub points: Vec<Point>,
}

/// A chart ready to be set; `to_string()` is its markup.
#[derive(Clone, Debug, Template)]
#[template(path = "chart.html")]
pub struct Chart {
    series: Series,
    plot: Plot,
    /// Height of the plot without the labels below, in pixels.
    height: u32,
    ticks: Vec<Tick>,
    /// Width of the column of tick labels, in pixels.
    axis_width: usize,
    marks: Vec<Shape>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plot {
    Bars,
    Line,
    Ranked,
}

/// A horizontal line with its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    pub y: String,
    pub text: String,
    pub zero: bool,
}

/// Where one point is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    /// Left edge and width of the point's strip, percent of the plot.
    left: String,
    strip: String,
    /// Left edge and width of what is drawn, percent.
    x: String,
    width: String,
    /// Middle of the strip, percent.
    middle: String,
    /// Top and height, pixels; for a line the point itself is at `y`.
    y: String,
    height: String,
    /// Whether the label is set, and whether it also fits a phone.
    label: Label,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Everywhere,
    Desk,
    Nowhere,
}

/// Height of bar and line charts, in pixels.
pub(crate) const HEIGHT: u32 = 180;
/// Height of a row of a ranked chart.
const ROW: u32 = 36;

/// Upright bars, one a point, in the order given (days, months). `tick` writes the amounts on the axis.
pub fn bars(series: Series, tick: impl Fn(i64) -> String) -> Chart {
    upright(series, Plot::Bars, tick)
}

/// A line through the points, in the order given. `tick` writes the amounts on the axis.
pub fn line(series: Series, tick: impl Fn(i64) -> String) -> Chart {
    upright(series, Plot::Line, tick)
}

/// Bars lying under their labels, in the order given (sorted by the caller, largest first). Amounts below
/// zero have no bar.
pub fn ranked(series: Series) -> Chart {
    let largest = series.points.iter().map(|p| p.value).max().unwrap_or(0).max(1);
    let row = |(i, point): (usize, &Point)| Shape {
        left: percent(0.0),
        strip: percent(100.0),
        x: percent(0.0),
        width: percent(100.0 * point.value.max(0) as f64 / largest as f64),
        middle: percent(50.0),
        y: (i * ROW as usize).to_string(),
        height: "6".to_owned(),
        label: Label::Everywhere,
    };
    let marks = series.points.iter().enumerate().map(row).collect();
    let height = ROW * u32::try_from(series.points.len()).unwrap_or(u32::MAX / ROW);
    Chart { series, plot: Plot::Ranked, height, ticks: Vec::new(), axis_width: 0, marks }
}

fn upright(series: Series, plot: Plot, tick: impl Fn(i64) -> String) -> Chart {
    let (low, high) =
        series.points.iter().fold((0, 0), |(low, high), p| (p.value.min(low), p.value.max(high)));
    let Scale { ticks, axis_width, bottom, top } = Scale::of(low, high, HEIGHT, tick);
    let y = |value: i64| height_of(value, bottom, top, HEIGHT);

    let count = series.points.len().max(1);
    let slot = 100.0 / count as f64;
    let thickness = (slot * 0.68).min(8.0);
    let every = count.div_ceil(6);
    let shape = |(i, point): (usize, &Point)| {
        let middle = (i as f64 + 0.5) * slot;
        let (from, to) = (y(point.value.max(0)), y(point.value.min(0)));
        Shape {
            left: percent(middle - slot / 2.0),
            strip: percent(slot),
            x: percent(middle - thickness / 2.0),
            width: percent(thickness),
            middle: percent(middle),
            y: pixels(if plot == Plot::Line { y(point.value) } else { from }),
            height: pixels(to - from),
            label: match i {
                i if i % (every * 2) == 0 => Label::Everywhere,
                i if i % every == 0 => Label::Desk,
                _ => Label::Nowhere,
            },
        }
    };
    let marks = series.points.iter().enumerate().map(shape).collect();
    Chart { series, plot, height: HEIGHT, ticks, axis_width, marks }
}

/// The axis of amounts.
pub(crate) struct Scale {
    pub ticks: Vec<Tick>,
    /// Width of the column of tick labels, in pixels.
    pub axis_width: usize,
    pub bottom: i64,
    pub top: i64,
}

impl Scale {
    /// Round amounts that cover those from `low` to `high`.
    pub fn of(low: i64, high: i64, height: u32, tick: impl Fn(i64) -> String) -> Self {
        let step = step(low, high);
        let floor = |value: i64| value.div_euclid(step).saturating_mul(step);
        let (bottom, top) = (floor(low), floor(high));
        let top = if top < high || top == bottom { top.saturating_add(step) } else { top };
        let mut ticks = Vec::new();
        let mut at = bottom;
        loop {
            let y = pixels(height_of(at, bottom, top, height));
            ticks.push(Tick { y, text: tick(at), zero: at == 0 });
            match at.checked_add(step) {
                // Where nothing happened there is no scale to read.
                Some(next) if next <= top && low < high => at = next,
                _ => break,
            }
        }
        let axis_width = ticks.iter().map(|tick| columns(&tick.text)).max().unwrap_or(0) * 7 + 8;
        Self { ticks, axis_width, bottom, top }
    }
}

/// How far from the top an amount stands, in pixels.
pub(crate) fn height_of(value: i64, bottom: i64, top: i64, height: u32) -> f64 {
    let span = (top as f64 - bottom as f64).max(1.0);
    f64::from(height) * (top as f64 - value as f64) / span
}

/// The distance of the ticks: 1, 2 or 5 times a power of ten, so that there are three to six.
fn step(low: i64, high: i64) -> i64 {
    let span = (i128::from(high) - i128::from(low)).max(1);
    let fits = |step: &i128| span / step < 5;
    let steps = (0..19).flat_map(|power| [1, 2, 5].map(|factor| factor * 10i128.pow(power)));
    // The last step is 5e18, and no two amounts are five of those apart.
    steps.into_iter().find(fits).and_then(|step| i64::try_from(step).ok()).unwrap_or(i64::MAX)
}

/// The width of a text in half-width characters.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if c < '\u{2e80}' { 1 } else { 2 }).sum()
}

pub(crate) fn percent(value: f64) -> String {
    format!("{value:.3}%")
}

pub(crate) fn pixels(value: f64) -> String {
    format!("{value:.1}")
}

impl Chart {
    /// The line as percentages of a 100 x height box, for `points`.
    fn path(&self) -> String {
        let point = |mark: &Shape| format!("{},{}", mark.middle.trim_end_matches('%'), mark.y);
        self.marks.iter().map(point).collect::<Vec<_>>().join(" ")
    }

    fn pairs(&self) -> impl Iterator<Item = (&Point, &Shape)> {
        self.series.points.iter().zip(&self.marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[i64]) -> Series {
        let point = |(i, value): (usize, &i64)| Point {
            label: format!("d{i}"),
            value: *value,
            text: value.to_string(),
            href: (i == 0).then(|| "/entries?day=1&kind=sale".to_owned()),
        };
        Series {
            id: "c",
            title: "Sales <by day>".into(),
            description: "d".into(),
            label_head: "day".into(),
            value_head: "kg".into(),
            table_title: "table".into(),
            points: values.iter().enumerate().map(point).collect(),
        }
    }

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let texts = |values: &[i64]| -> Vec<String> {
            bars(series(values), |n| n.to_string()).ticks.into_iter().map(|tick| tick.text).collect()
        };
        assert_eq!(texts(&[3, 97, 40]), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(texts(&[0]), ["0"]);
        assert_eq!(texts(&[]), ["0"]);
        assert_eq!(texts(&[-30, 100]), ["-50", "0", "50", "100"]);
    }

    #[test]
    fn extreme_values_neither_overflow_nor_hang() {
        for values in [[i64::MAX, 0], [i64::MIN, i64::MAX], [i64::MIN, 0]] {
            assert!(bars(series(&values), |n| n.to_string()).ticks.len() <= 8, "{values:?}");
        }
    }

    #[test]
    fn a_bar_is_as_high_as_its_value_and_hangs_below_zero() {
        let chart = bars(series(&[50, -50, 100]), |n| n.to_string());
        let boxes: Vec<_> = chart.marks.iter().map(|m| (m.y.as_str(), m.height.as_str())).collect();
        assert_eq!(boxes, [("60.0", "60.0"), ("120.0", "60.0"), ("0.0", "120.0")]);
    }

    #[test]
    fn the_longest_ranked_bar_fills_the_width() {
        let chart = ranked(series(&[200, 50, -3]));
        let widths: Vec<_> = chart.marks.iter().map(|m| m.width.as_str()).collect();
        assert_eq!(widths, ["100.000%", "25.000%", "0.000%"]);
    }

    #[test]
    fn markup_is_escaped_linked_titled_and_has_no_inline_style() {
        for chart in [
            bars(series(&[1, 2]), |n| n.to_string()),
            line(series(&[1, 2]), |n| n.to_string()),
            ranked(series(&[1, 2])),
        ] {
            let html = chart.to_string();
            assert!(html.contains("&#60;by day&#62;"), "{html}");
            assert!(html.contains("<a href=\"/entries?day=1&#38;kind=sale\""), "{html}");
            assert!(html.contains("aria-labelledby=\"c-title c-description\""), "{html}");
            assert!(html.contains("<th scope=\"col\">kg</th>"), "{html}");
            assert!(!html.contains("style="), "{html}");
        }
    }
}
