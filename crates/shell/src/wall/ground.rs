//! What a wall is about: a unit on a day, and the lines and figures of it that the onlooker may see.

use access::Resource;
use base::{BookId, Day, UnitCode};
use kernel::Period;

use super::WallLine;
use super::kiosk::Onlooker;
use crate::app::App;
use crate::problem::Problem;
use crate::texts::{Both, Lang};
use crate::viewer::resource_of_unit;

/// The right to look at a wall.
pub const READ: &str = "kernel.wall.read";

/// A wall that may be shown.
#[derive(Debug, Clone)]
pub struct Ground {
    pub unit: UnitCode,
    pub lang: Lang,
    pub day: Day,
    pub is_today: bool,
    /// The lines that may be seen, with those of their figures that may.
    pub lines: Vec<(WallLine, Vec<&'static str>)>,
    /// Whether everything of the unit may be seen, so that sums over lines make sense.
    pub whole: bool,
    /// Whether numbers are links: a screen that nobody signed in to opens nothing.
    pub links: bool,
}

impl Ground {
    pub fn of(
        app: &App,
        onlooker: &Onlooker,
        lang: Lang,
        unit: &str,
        on: Option<&str>,
    ) -> Result<Self, Problem> {
        let unit = resource_of_unit(app, unit)?.unit;
        let viewer = &onlooker.viewer;
        let may = |action: &str, line: &str| viewer.allows(app, action, &Resource::of(&unit).in_line(line));
        let lines: Vec<(WallLine, Vec<&'static str>)> = app
            .wall
            .lines()
            .iter()
            .filter(|it| may(READ, it.line))
            .map(|it| (*it, it.headlines.iter().copied().filter(|name| known(app, name)).collect()))
            .map(|(it, names): (WallLine, Vec<&'static str>)| {
                let needs = |name: &&str| app.kernel.lines().figure_needs(name);
                let open = |name: &&str| needs(name).is_none_or(|action| may(action, it.line));
                (it, names.into_iter().filter(open).collect())
            })
            .collect();
        if lines.is_empty() {
            viewer.need(app, READ, &Resource::of(&unit))?;
        }
        let today = app.today();
        let day = match on {
            None => today,
            Some(text) => Day::parse(text).ok().filter(|day| *day <= today).ok_or_else(|| bad_day(text))?,
        };
        let whole = lines.iter().any(|(it, _)| it.line == super::OWN.line);
        Ok(Self { unit, lang, day, is_today: day == today, lines, whole, links: !onlooker.is_kiosk })
    }

    /// What a board is known by among others.
    pub fn key(&self) -> String {
        let Self { unit, lang, day, is_today, lines, whole, links } = self;
        let mut key = format!("{unit} {} {} {is_today} {whole} {links}", lang.tag(), day.0);
        for (line, names) in lines {
            key.push_str(&format!(" {}:{}", line.line, names.join(",")));
        }
        key
    }

    /// The year up to the day.
    pub fn year(&self) -> Period {
        let month = self.day.month();
        Period::new(month.plus(-month.0.rem_euclid(12)).first_day(), self.day)
    }

    /// The books of the unit that count for a line; for the kernel, those of every line.
    pub fn books(&self, app: &App, line: &str) -> Vec<BookId> {
        crate::api::figures::books(&app.tree(), &self.unit, line)
    }

    /// The wall of a unit on the same day.
    pub fn wall(&self, unit: &UnitCode) -> String {
        if self.is_today { format!("/wall/{unit}") } else { format!("/wall/{unit}?on={}", self.day) }
    }

    /// Where a number opens into its entries.
    pub fn href(
        &self,
        figure: &str,
        unit: &UnitCode,
        period: Period,
        dimension: Option<&str>,
    ) -> Option<String> {
        let dimension =
            dimension.map_or_else(String::new, |it| format!("&dimension={}", it.replace('=', "%3D")));
        self.links.then(|| {
            format!("/figures/{figure}?unit={unit}&from={}&to={}{dimension}", period.from, period.to)
        })
    }
}

fn known(app: &App, name: &str) -> bool {
    let lines = app.kernel.lines();
    let found = lines.figure(name).is_some() || lines.ratio(name).is_some();
    debug_assert!(found, "the wall shows {name}, and there is no such figure");
    found
}

fn bad_day(text: &str) -> Problem {
    let detail = Both::new(
        format!("“{text}”不是今天或以前的日期，应形如 2021-12-10。"),
        format!("{text:?} is not a date up to today, such as 2021-12-10"),
    );
    Problem::bad_request("on", "format", detail)
}
