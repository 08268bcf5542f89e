//! Several courses in one picture: what was planned against what was done, month by month.
//!
//! Drawn like the other charts, on the server. The courses differ by their strokes, so that colour is never needed to
//! tell them apart.

use askama::Template;

use crate::chart::{Scale, Tick, height_of, percent, pixels};

/// How a course is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    Solid,
    Dashed,
    Dotted,
}

impl Stroke {
    /// The class of the line.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Solid => "solid",
            Self::Dashed => "dashed",
            Self::Dotted => "dotted",
        }
    }
}

/// One course: an amount for each label, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    pub title: String,
    pub stroke: Stroke,
    pub amounts: Vec<Option<i64>>,
}

/// What the picture shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Courses {
    /// The element's id, unique on the page.
    pub id: &'static str,
    pub title: String,
    /// One sentence for those who do not see the picture.
    pub description: String,
    /// What the labels are: "month".
    pub label_head: String,
    /// How the data table is called: "show as a table".
    pub table_title: String,
    pub labels: Vec<String>,
    pub courses: Vec<Course>,
}

/// Courses ready to be set; `to_string()` is the markup.
#[derive(Clone, Debug, Template)]
#[template(path = "curves.html")]
pub struct Curves {
    of: Courses,
    height: u32,
    ticks: Vec<Tick>,
    axis_width: usize,
    /// The points of each course in a box 100 wide.
    paths: Vec<(&'static str, String)>,
    strips: Vec<Strip>,
}

/// What stands above one label.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Strip {
    left: String,
    width: String,
    middle: String,
    label: String,
    /// Whether the label is set, and whether it also fits a phone.
    set: bool,
    desk: bool,
    /// The amounts in words.
    says: String,
    /// Each course's amount, or nothing.
    texts: Vec<String>,
    dots: Vec<(String, &'static str)>,
}

/// Higher than a chart of bars: lines that run close together must be told apart.
const HEIGHT: u32 = 240;

/// Draws the courses. `tick` writes the amounts on the axis, `exact` those of the table.
pub fn curves(of: Courses, tick: impl Fn(i64) -> String, exact: impl Fn(i64) -> String) -> Curves {
    let known = of.courses.iter().flat_map(|course| course.amounts.iter().flatten());
    let (low, high) = known.fold((0, 0), |(low, high), amount| (low.min(*amount), high.max(*amount)));
    let scale = Scale::of(low, high, HEIGHT, tick);
    let y = |amount: i64| pixels(height_of(amount, scale.bottom, scale.top, HEIGHT));
    let slot = 100.0 / of.labels.len().max(1) as f64;
    let middle = |at: usize| (at as f64 + 0.5) * slot;
    let path = |course: &Course| {
        let points = course.amounts.iter().enumerate().filter_map(|(at, amount)| Some((at, (*amount)?)));
        let points = points.map(|(at, amount)| format!("{:.3},{}", middle(at), y(amount)));
        (course.stroke.class(), points.collect::<Vec<_>>().join(" "))
    };
    let paths = of.courses.iter().map(path).collect();
    let every = of.labels.len().div_ceil(6).max(1);
    let strip = |(at, label): (usize, &String)| {
        let amounts = || of.courses.iter().map(|course| (course, course.amounts.get(at).copied().flatten()));
        let said =
            amounts().filter_map(|(course, amount)| Some(format!("{} {}", course.title, exact(amount?))));
        Strip {
            left: percent(middle(at) - slot / 2.0),
            width: percent(slot),
            middle: percent(middle(at)),
            label: label.clone(),
            set: at % every == 0,
            desk: at % (every * 2) != 0,
            says: std::iter::once(label.clone()).chain(said).collect::<Vec<_>>().join(" · "),
            texts: amounts().map(|(_, amount)| amount.map_or_else(String::new, &exact)).collect(),
            dots: amounts()
                .filter_map(|(course, amount)| Some((y(amount?), course.stroke.class())))
                .collect(),
        }
    };
    let strips = of.labels.iter().enumerate().map(strip).collect();
    Curves { height: HEIGHT, ticks: scale.ticks, axis_width: scale.axis_width, paths, strips, of }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(amounts: &[&[Option<i64>]]) -> Curves {
        let course = |(at, amounts): (usize, &&[Option<i64>])| Course {
            title: format!("course <{at}>"),
            stroke: [Stroke::Dashed, Stroke::Solid, Stroke::Dotted][at],
            amounts: amounts.to_vec(),
        };
        let of = Courses {
            id: "s",
            title: "Plan & work".into(),
            description: "d".into(),
            label_head: "month".into(),
            table_title: "table".into(),
            labels: vec!["2021-01".into(), "2021-02".into()],
            courses: amounts.iter().enumerate().map(course).collect(),
        };
        curves(of, |amount| amount.to_string(), |amount| amount.to_string())
    }

    #[test]
    fn courses_share_one_scale_and_end_where_nothing_is_known() {
        let curves = drawn(&[&[Some(50), Some(100)], &[Some(25), None]]);
        assert_eq!(curves.paths[0], ("dashed", "25.000,120.0 75.000,0.0".to_owned()));
        assert_eq!(curves.paths[1], ("solid", "25.000,180.0".to_owned()));
        assert_eq!(curves.strips[1].texts, ["100", ""]);
        assert_eq!(curves.strips[1].says, "2021-02 · course <0> 100");
    }

    #[test]
    fn markup_is_escaped_has_a_table_and_no_inline_style() {
        let html =
            drawn(&[&[Some(1), Some(2)], &[Some(i64::MAX), Some(i64::MIN)], &[None, None]]).to_string();
        assert!(html.contains("Plan &#38; work") && html.contains("course &#60;1&#62;"), "{html}");
        assert!(html.contains("<th scope=\"row\">2021-02</th>") && !html.contains("style="), "{html}");
    }

    #[test]
    fn without_labels_there_is_an_axis_and_no_course() {
        let of = Courses { labels: Vec::new(), courses: Vec::new(), ..drawn(&[]).of };
        assert_eq!(curves(of, |n| n.to_string(), |n| n.to_string()).ticks.len(), 1);
    }
}
