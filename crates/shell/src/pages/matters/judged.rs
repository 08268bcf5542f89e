//! What the rules say of a matter: its colour with every input behind it, and the ladder with what fired.

use kernel::Verdict;
use ledger::Entry;
use matters::{Assessment, ColourRule, DayUnit, Event, Matter, Reason, Step};

use super::Visit;
use crate::texts::Lang;
use crate::view::Badge;

/// An input of the colour.
pub struct Ground {
    pub input: String,
    pub value: String,
    /// The condition that it meets.
    pub when: String,
    pub colour: Option<Badge>,
    /// Whether it decides the colour.
    pub decides: bool,
    pub excused: bool,
}

/// A step of the ladder.
pub struct Rung {
    pub title: String,
    pub when: String,
    /// When it fired in this round, and the entry.
    pub fired: Option<(String, String)>,
}

impl Visit {
    /// An input with its value and the condition that it meets, in one line; nothing if it is not known.
    pub fn reason(&self, reason: &Reason) -> Option<String> {
        let value = self.amount(reason)?;
        let when = self.condition(reason);
        let title = self.title(reason.input.title_zh(), reason.input.title_en());
        let args = [("input", title.to_owned()), ("value", value), ("when", when.clone())];
        let key = if when.is_empty() { "matter-reason" } else { "matter-reason-when" };
        Some(self.t.with(key, &args))
    }

    fn amount(&self, reason: &Reason) -> Option<String> {
        let value = reason.value?;
        Some(match self.lang {
            Lang::Zh => reason.input.amount_zh(value),
            Lang::En => reason.input.amount_en(value),
        })
    }

    fn condition(&self, reason: &Reason) -> String {
        let text = reason.when.map(|when| match self.lang {
            Lang::Zh => when.text_zh(reason.input),
            Lang::En => when.text_en(reason.input),
        });
        text.unwrap_or_default()
    }

    /// The inputs of an assessment, the decisive ones first.
    pub fn grounds(&self, assessment: &Assessment, best: Option<&str>) -> Vec<Ground> {
        let ground = |reason: &Reason| Ground {
            input: self.title(reason.input.title_zh(), reason.input.title_en()).to_owned(),
            value: self.amount(reason).unwrap_or_else(|| self.get("matter-no-value")),
            when: self.condition(reason),
            colour: reason.colour.map(|colour| self.colour(colour, best)),
            decides: reason.colour == Some(assessment.colour) && !reason.excused,
            excused: reason.excused,
        };
        let mut grounds: Vec<Ground> = assessment.reasons.iter().map(ground).collect();
        grounds.sort_by_key(|ground| !ground.decides);
        grounds
    }

    /// The steps of a rule's ladder, with those that fired in this round.
    pub fn rungs(&self, rule: &ColourRule, matter: &Matter, history: &[Entry]) -> Vec<Rung> {
        let fired = |step: &Step| {
            let at_level = |entry: &&Entry| {
                matches!(Event::read(entry), Ok(Some(Event::Escalated(it)))
                    if it.level == step.level && it.since >= matter.begun)
            };
            let entry = history.iter().filter(|_| matter.fired.contains(&step.level)).find(at_level)?;
            let at = crate::format::date_time(self.app.moment(entry.occurred));
            Some((at, format!("/ledger/{}/{}", entry.book, entry.seq)))
        };
        let rung = |step: &Step| Rung {
            title: self.title(&step.title_zh, &step.title_en).to_owned(),
            when: self.waits(step),
            fired: fired(step),
        };
        rule.ladder.steps.iter().map(rung).collect()
    }

    /// When a step of a ladder fires.
    pub fn waits(&self, step: &Step) -> String {
        let colour = self.colour(step.colour, None).text;
        if step.after == 0 {
            return self.t.with("matter-step-at-once", &[("colour", colour)]);
        }
        let unit = match step.unit {
            DayUnit::CalendarDays => "calendar",
            DayUnit::Workdays => "workdays",
        };
        let args = [("colour", colour), ("days", step.after.to_string())];
        self.t.with(&format!("matter-step-{unit}"), &args)
    }

    /// The rule that judged, as a sentence.
    pub fn ruled(&self, rule: &ColourRule, verdict: &Verdict) -> String {
        let day = verdict.assessment.as_ref().map(|assessment| assessment.day.to_string());
        let args = [
            ("rule", self.title(&rule.title_zh, &rule.title_en).to_owned()),
            ("version", rule.version.to_string()),
            ("day", day.clone().unwrap_or_default()),
        ];
        self.t.with(if day.is_some() { "matter-ruled" } else { "matter-ruled-not" }, &args)
    }

    /// What the rule calls its best colour, where that is not blue.
    pub fn best<'r>(&self, rule: Option<&'r ColourRule>) -> Option<&'r str> {
        let rule = rule?;
        match self.lang {
            Lang::Zh => rule.best_zh.as_deref(),
            Lang::En => rule.best_en.as_deref(),
        }
    }
}
