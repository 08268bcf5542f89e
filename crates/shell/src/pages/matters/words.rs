//! What pages call the states, colours, deadlines and posts of matters.

use base::Day;
use matters::{Answer, Colour, Due, FirstDay, LastDay, Matter, PostId, State, Term, Verb};

use super::Visit;
use crate::texts::Lang;
use crate::view::{Badge, Cell, Choice, Mark};

impl Visit {
    pub fn post(&self, post: &PostId) -> String {
        let tree = self.app.tree();
        let title = tree.post(post.subject()).map(|it| self.title(&it.title_zh, &it.title_en).to_owned());
        title.unwrap_or_else(|| post.to_string())
    }

    pub fn posts(&self, posts: &[PostId]) -> String {
        let titles: Vec<String> = posts.iter().map(|post| self.post(post)).collect();
        titles.join(if self.lang == Lang::Zh { "、" } else { ", " })
    }

    pub fn post_choices(&self, posts: &[PostId]) -> Vec<Choice> {
        let choice = |post: &PostId| Choice { value: post.to_string(), title: self.post(post) };
        posts.iter().map(choice).collect()
    }

    pub fn state(&self, state: State) -> String {
        match self.lang {
            Lang::Zh => state.title_zh().to_owned(),
            Lang::En => self.get(&format!("matter-state-{}", state.as_str())),
        }
    }

    pub fn sort(&self, sort: &str) -> String {
        let (zh, en) = crate::docket::sort_titles(&self.app.kernel, sort);
        self.title(&zh, &en).to_owned()
    }

    /// A colour as its mark and its word; the rule may call the best one otherwise.
    pub fn colour(&self, colour: Colour, best: Option<&str>) -> Badge {
        let word = self.get(&format!("matter-colour-{}", colour.as_str()));
        let text = best.filter(|_| colour == Colour::Blue).map_or(word, str::to_owned);
        Badge { mark: mark(colour), text }
    }

    /// The colour of a matter, or what it has instead.
    pub fn standing(&self, matter: &Matter, best: Option<&str>) -> Badge {
        let plain = |key: &str| Badge { mark: Mark::Plain, text: self.get(key) };
        match (matter.state, matter.colour) {
            (State::Accepted, _) => match matter.in_time {
                Some(false) => Badge { mark: Mark::Red, text: self.get("matter-done-late") },
                Some(true) => Badge { mark: Mark::Done, text: self.get("matter-done-in-time") },
                None => Badge { mark: Mark::Done, text: self.state(State::Accepted) },
            },
            (State::Cancelled, _) => Badge { mark: Mark::Plain, text: self.state(State::Cancelled) },
            (_, Some(colour)) => self.colour(colour, best),
            (_, None) => plain("matter-colour-none"),
        }
    }

    /// A deadline, marked where holidays that are not published yet may move it.
    pub fn deadline(&self, deadline: Answer<Day>) -> String {
        match deadline.provisional {
            true => self.t.with("matter-provisional", &[("day", deadline.value.to_string())]),
            false => deadline.value.to_string(),
        }
    }

    /// The days that are left, or by which it is late.
    pub fn left(&self, matter: &Matter, due: Option<Day>) -> Cell {
        let Some(due) = due.filter(|_| !matter.state.is_closed()) else {
            let text = if matter.is_paused() { self.get("matter-stands") } else { String::new() };
            return Cell::text(text).order(i64::MAX);
        };
        // While the reviewer has it, the owner's clock stands at the day of submission.
        let submitted = matter.submission.as_ref().filter(|_| matter.state == State::Submitted);
        let day = submitted.map_or(self.app.today(), |it| self.app.kernel.zone().day_of(it.at));
        let days = i64::from(due.0 - day.0);
        let count = |key: &str| self.t.with(key, &[("days", days.abs())]);
        let text = match (days, submitted.is_some()) {
            (0, false) => self.get("matter-due-today"),
            (1.., false) => count("matter-days-left"),
            (_, false) => count("matter-days-over"),
            (0.., true) => count("matter-submitted-left"),
            (_, true) => count("matter-submitted-over"),
        };
        Cell::text(text).order(days)
    }

    /// How a deadline is counted.
    pub fn counted(&self, due: &Due) -> String {
        match due {
            Due::On { .. } => self.get("matter-counted-day"),
            Due::Within { term, from } => {
                let days = self.term(term);
                let first = if term.first == FirstDay::Excluded { "excluded" } else { "counted" };
                let last = if term.last == LastDay::Rolls { "rolls" } else { "stands" };
                let args = [
                    ("from", from.to_string()),
                    ("term", days),
                    ("first", self.get(&format!("matter-first-{first}"))),
                    ("last", self.get(&format!("matter-last-{last}"))),
                ];
                self.t.with("matter-counted-term", &args)
            }
        }
    }

    fn term(&self, term: &Term) -> String {
        let unit = match term.unit {
            matters::DayUnit::CalendarDays => "calendar",
            matters::DayUnit::Workdays => "workdays",
        };
        self.t.with(&format!("matter-term-{unit}"), &[("days", i64::from(term.days))])
    }

    /// What is due, in a sentence's part: a day, or a term.
    pub fn due(&self, due: &Due) -> String {
        match due {
            Due::On { day } => day.to_string(),
            Due::Within { term, .. } => self.term(term),
        }
    }

    /// What a move is called on its button.
    pub fn verb(&self, verb: Verb) -> String {
        self.get(&format!("matter-do-{}", verb.as_str()))
    }
}

pub const fn mark(colour: Colour) -> Mark {
    match colour {
        Colour::Blue => Mark::Blue,
        Colour::Yellow => Mark::Yellow,
        Colour::Red => Mark::Red,
    }
}
