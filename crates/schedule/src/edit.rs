use crate::network::{NEVER, Network};
use crate::pass::Place;
use crate::{
    Activity, ActivityId, Calendar, CalendarId, Constraint, Link, LinkId, Minutes, Moment, Progress, Reach,
    Schedule, ScheduleError, Terms, Wish, WorkingTime,
};

/// A change of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    Duration(ActivityId, Minutes),
    Progress(ActivityId, Progress),
    Constraints(ActivityId, Vec<Constraint>),
    Deadline(ActivityId, Option<Moment>),
    Wish(ActivityId, Option<Wish>),
    /// All of an activity at once.
    Activity(ActivityId, Activity),
    AddActivity(Activity),
    AddLink(Link),
    /// Other kind, lag or lag calendar between the same two activities.
    ChangeLink(LinkId, Link),
    RemoveLink(LinkId),
    /// Other working time, such as a holiday that was announced; schedules everything again.
    Calendar(CalendarId, WorkingTime),
}

impl Schedule {
    /// Changes the plan and schedules again what the change reaches. A refused edit changes nothing.
    pub fn edit(&mut self, edit: Edit) -> Result<Reach, ScheduleError> {
        match edit {
            Edit::Duration(id, duration) => self.change(id, |activity| activity.duration = duration),
            Edit::Progress(id, progress) => self.change(id, |activity| activity.progress = progress),
            Edit::Constraints(id, constraints) => {
                self.change(id, |activity| activity.constraints = constraints)
            }
            Edit::Deadline(id, deadline) => self.change(id, |activity| activity.deadline = deadline),
            Edit::Wish(id, wish) => self.change(id, |activity| activity.wish = wish),
            Edit::Activity(id, new) => self.change(id, |activity| *activity = new),
            Edit::AddActivity(activity) => self.add_activity(activity),
            Edit::AddLink(link) => self.add_link(link),
            Edit::ChangeLink(id, link) => self.change_link(id, link),
            Edit::RemoveLink(id) => self.remove_link(id),
            Edit::Calendar(id, time) => self.change_calendar(id, Calendar::new(time)?),
        }
    }

    /// Schedules everything again on other terms.
    pub fn set_terms(&mut self, terms: Terms) -> Result<(), ScheduleError> {
        if terms.out_of_sequence == self.terms.out_of_sequence {
            terms.check()?;
            self.terms = terms;
            self.run();
            return Ok(());
        }
        *self = Self::new(self.plan.clone(), terms)?;
        Ok(())
    }

    fn change(&mut self, id: ActivityId, change: impl FnOnce(&mut Activity)) -> Result<Reach, ScheduleError> {
        let old = self.plan.activities.get(id.at());
        let old = old.ok_or(ScheduleError::UnknownActivity { activity: id })?;
        let mut new = old.clone();
        change(&mut new);
        let moves_lags = new.calendar != old.calendar;
        self.network.replace(id, &new)?;
        self.plan.activities[id.at()] = new;
        if moves_lags {
            self.renew_lag_calendars(id)?;
        }
        // What a neighbour is held by depends on whether this one has started.
        let links = &self.network.links;
        let mut changed = vec![id.0];
        changed.extend(links.incoming(id.at()).iter().map(|arc| arc.other));
        changed.extend(links.outgoing(id.at()).iter().map(|arc| arc.other));
        Ok(self.rerun(&changed))
    }

    /// Lags are counted in the calendar of one of the two, which has another now.
    fn renew_lag_calendars(&mut self, id: ActivityId) -> Result<(), ScheduleError> {
        let links = &self.network.links;
        let both = links.incoming(id.at()).iter().chain(links.outgoing(id.at()));
        let ids: Vec<LinkId> = both.map(|arc| arc.link).collect();
        for at in ids {
            let link = self.link(at)?;
            let arc = self.network.arc(at, &link)?;
            self.network.links.change(link.predecessor, arc);
        }
        Ok(())
    }

    fn add_activity(&mut self, activity: Activity) -> Result<Reach, ScheduleError> {
        let count = self.plan.activities.len();
        if count >= crate::Plan::ACTIVITIES_MAX {
            return Err(ScheduleError::TooMany { what: "activities", max: crate::Plan::ACTIVITIES_MAX });
        }
        let id = ActivityId(u32::try_from(count).map_err(|_| ScheduleError::OutOfRange)?);
        self.network.push(id, &activity)?;
        self.plan.activities.push(activity);
        self.order.push();
        // Wherever it comes to lie counts as a move, for the finish may be its own.
        self.early.push((NEVER, NEVER));
        self.late.push((NEVER, NEVER));
        Ok(self.rerun(&[id.0, id.0]))
    }

    fn add_link(&mut self, link: Link) -> Result<Reach, ScheduleError> {
        let count = self.plan.links.len();
        if count >= crate::Plan::LINKS_MAX {
            return Err(ScheduleError::TooMany { what: "links", max: crate::Plan::LINKS_MAX });
        }
        let id = LinkId(u32::try_from(count).map_err(|_| ScheduleError::OutOfRange)?);
        let arc = self.network.arc(id, &link)?;
        let (from, to) = (link.predecessor, link.successor);
        let admitted = self.order.admit(from.at(), to.at(), &self.network.links);
        admitted.map_err(|members| ScheduleError::Cycle { cycles: vec![members] })?;
        self.network.links.insert(from, arc);
        self.plan.links.push(Some(link));
        Ok(self.rerun(&[from.0, to.0]))
    }

    fn change_link(&mut self, id: LinkId, link: Link) -> Result<Reach, ScheduleError> {
        let old = self.link(id)?;
        let arc = self.network.arc(id, &link)?;
        if (old.predecessor, old.successor) != (link.predecessor, link.successor) {
            return Err(ScheduleError::UnknownLink { link: id });
        }
        self.network.links.change(link.predecessor, arc);
        self.plan.links[id.at()] = Some(link);
        Ok(self.rerun(&[link.predecessor.0, link.successor.0]))
    }

    fn remove_link(&mut self, id: LinkId) -> Result<Reach, ScheduleError> {
        let link = self.link(id)?;
        self.network.links.remove(link.predecessor, link.successor, id);
        self.plan.links[id.at()] = None;
        Ok(self.rerun(&[link.predecessor.0, link.successor.0]))
    }

    fn change_calendar(&mut self, id: CalendarId, calendar: Calendar) -> Result<Reach, ScheduleError> {
        let place = self.plan.calendars.get_mut(id.at());
        let place = place.ok_or(ScheduleError::MissingCalendar { calendar: id })?;
        let old = std::mem::replace(place, calendar);
        match Network::new(&self.plan, self.terms.out_of_sequence) {
            Ok(network) => self.network = network,
            Err(error) => {
                self.plan.calendars[id.at()] = old;
                return Err(error);
            }
        }
        let (early, late) = (self.early.clone(), self.late.clone());
        self.run();
        let differing =
            |old: &[Place], new: &[Place]| old.iter().zip(new).filter(|(old, new)| old != new).count();
        Ok(Reach { early: differing(&early, &self.early), late: differing(&late, &self.late) })
    }

    pub(crate) fn link(&self, id: LinkId) -> Result<Link, ScheduleError> {
        let link = self.plan.links.get(id.at()).copied().flatten();
        link.ok_or(ScheduleError::UnknownLink { link: id })
    }
}
