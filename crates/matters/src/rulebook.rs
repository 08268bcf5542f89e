use std::collections::BTreeMap;

use base::{ActorId, CityZone, Time};

use crate::MatterError;
use crate::calendar::Calendar;
use crate::event::Move;
use crate::input::Facts;
use crate::matter::Matter;
use crate::notice::YearNotice;
use crate::presets::Preset;
use crate::rule::ColourRule;
use crate::watch::Watch;

/// What matters are judged by: the colour rules and the calendar, each as it was in force at any time. A version works
/// from the moment of its entry on, so what is caught up later is judged as it would have been then.
#[derive(Debug, Clone)]
pub struct Rulebook {
    /// Versions by name, each since when; the presets since ever.
    rules: BTreeMap<String, Vec<(Time, ColourRule)>>,
    calendars: Vec<(Time, Calendar)>,
}

/// What a matter did by itself, and when it is to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaughtUp {
    pub moves: Vec<Move>,
    pub matter: Matter,
    /// None if nothing changes by itself any more.
    pub next: Option<Time>,
}

impl Rulebook {
    /// The presets, and the years that the product carries.
    pub fn embedded() -> Self {
        let presets = Preset::ALL.map(Preset::rule);
        let since_ever = |rule: ColourRule| (rule.name.clone(), vec![(Time(i64::MIN), rule)]);
        Self {
            rules: presets.into_iter().map(since_ever).collect(),
            calendars: vec![(Time(i64::MIN), Calendar::embedded())],
        }
    }

    /// Takes a version that comes into force; versions of a name only rise.
    pub fn adopt(&mut self, since: Time, rule: ColourRule) -> Result<(), MatterError> {
        let versions = self.rules.entry(rule.name.clone()).or_default();
        let (last, version) = versions.last().map_or((Time(i64::MIN), 0), |(at, rule)| (*at, rule.version));
        if rule.version <= version {
            return Err(MatterError::OldVersion { version: rule.version, found: version });
        }
        versions.push((since.max(last), rule));
        Ok(())
    }

    /// Takes a year's notice into the calendar from a moment on.
    pub fn load(&mut self, since: Time, notice: YearNotice) -> Result<(), MatterError> {
        let (last, mut calendar) = self.calendars.last().expect("the embedded calendar is there").clone();
        calendar.load(notice)?;
        self.calendars.push((since.max(last), calendar));
        Ok(())
    }

    /// The newest version of a rule.
    pub fn newest(&self, name: &str) -> Option<&ColourRule> {
        self.rules.get(name)?.last().map(|(_, rule)| rule)
    }

    /// The versions of a rule, the oldest first, and since when each is in force: a preset since ever.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = (Option<Time>, &ColourRule)> {
        let versions = self.rules.get(name).map(Vec::as_slice).unwrap_or_default();
        versions.iter().map(|(since, rule)| (Some(*since).filter(|it| it.0 > i64::MIN), rule))
    }

    /// The newest versions of all rules, by name.
    pub fn rules(&self) -> impl Iterator<Item = &ColourRule> {
        self.rules.values().filter_map(|versions| versions.last().map(|(_, rule)| rule))
    }

    /// The calendar with all that was loaded.
    pub fn calendar(&self) -> &Calendar {
        &self.calendars.last().expect("the embedded calendar is there").1
    }

    pub fn calendar_at(&self, at: Time) -> &Calendar {
        in_force(&self.calendars, at).expect("the embedded calendar is there")
    }

    /// What judges matters of a rule at a moment; nothing if there is no such rule. What was before its first version is
    /// judged by that one.
    pub fn watch<'a>(&'a self, rule: &str, at: Time, zone: &'a CityZone) -> Option<Watch<'a>> {
        let rule = in_force(self.rules.get(rule)?, at)?;
        Some(Watch { rule, calendar: self.calendar_at(at), zone })
    }

    /// [`Watch::falls_due`] over what was in force meanwhile, each stretch judged by its own rule and calendar.
    pub fn catch_up(
        &self,
        zone: &CityZone,
        matter: &Matter,
        facts: &Facts,
        actor: &ActorId,
        (from, now): (Time, Time),
    ) -> Result<CaughtUp, MatterError> {
        let mut caught_up = CaughtUp { moves: Vec::new(), matter: matter.clone(), next: None };
        let mut from = from;
        loop {
            let CaughtUp { moves, matter, .. } = &mut caught_up;
            let watch = self.watch(&matter.rule, from, zone);
            let watch = watch.ok_or_else(|| MatterError::UnknownRule(matter.rule.clone()))?;
            let change = self.next_change(&matter.rule, from).filter(|change| *change <= now);
            for due in watch.falls_due(matter, facts, actor, from, change.unwrap_or(now))? {
                *matter = matter.after(&due)?;
                moves.push(due);
            }
            match change {
                Some(change) => from = change,
                None => {
                    caught_up.next = watch.next(matter, facts, from.max(now));
                    return Ok(caught_up);
                }
            }
        }
    }

    /// The next moment after `from` at which another version of the rule or the calendar comes into force.
    fn next_change(&self, rule: &str, from: Time) -> Option<Time> {
        let rules = self.rules.get(rule).into_iter().flatten().map(|(since, _)| *since);
        let calendars = self.calendars.iter().map(|(since, _)| *since);
        rules.chain(calendars).filter(|since| *since > from).min()
    }
}

fn in_force<T>(versions: &[(Time, T)], at: Time) -> Option<&T> {
    let current = versions.iter().rev().find(|(since, _)| *since <= at);
    current.or(versions.first()).map(|(_, version)| version)
}
