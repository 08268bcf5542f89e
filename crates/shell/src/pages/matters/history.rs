//! What happened to a matter, in words.

use std::collections::BTreeSet;

use kernel::notices::{NoticeSent, Outcome};
use ledger::{Body, Entry};
use matters::{
    Accepted, Cancelled, Coloured, Escalated, Event, Evidence, Excused, Extended, Extension, HandedOver,
    Input, Opened, Paused, REVIEW_OVERDUE, Reopened, Returned, Submitted,
};

use super::Visit;
use super::words::mark;
use crate::api::ledger::lacking;
use crate::pages::figure::kind_title;
use crate::problem::Problem;
use crate::said;
use crate::texts::Lang;
use crate::view::{Badge, Mark};

/// An entry about a matter, as its history tells it.
pub struct Told {
    pub at: String,
    /// The entry.
    pub href: String,
    pub what: Badge,
    pub who: String,
    /// What was said with it.
    pub details: Vec<String>,
    pub files: Vec<FileLink>,
}

/// A file that was handed in, and its address, unless it was erased.
pub struct FileLink {
    pub title: String,
    pub href: Option<String>,
}

impl Visit {
    /// Tells an entry, and which of its files are gone. What the viewer may not read, or what was erased, is told by its
    /// kind alone.
    pub fn told(&self, entry: &Entry, gone: &BTreeSet<String>) -> Result<Told, Problem> {
        let title = kind_title(&self.app, self.lang, entry.kind.as_str());
        let mut told = Told {
            at: crate::format::date_time(self.app.moment(entry.occurred)),
            href: format!("/ledger/{}/{}", entry.book, entry.seq),
            what: Badge { mark: Mark::Plain, text: title },
            who: said::actor(&self.t, &entry.actor),
            details: Vec::new(),
            files: Vec::new(),
        };
        let readable = entry.body.is_some() && lacking(&self.app, &self.viewer, entry)?.is_none();
        if !readable {
            return Ok(told);
        }
        if entry.kind.as_str() == NoticeSent::KIND {
            if let Ok(sent) = entry.body() {
                self.tell_notice(&mut told, &sent);
            }
        } else if let Ok(opened) = entry.body::<Opened>() {
            let args = [
                ("owner", self.post(&opened.owner)),
                ("reviewer", self.post(&opened.reviewer)),
                ("due", self.due(&opened.due)),
            ];
            told.details.push(self.t.with("matter-told-opened", &args));
        } else if let Ok(Some(event)) = Event::read(entry) {
            self.tell(&mut told, &event, gone);
        }
        Ok(told)
    }

    fn tell(&self, told: &mut Told, event: &Event, gone: &BTreeSet<String>) {
        match event {
            Event::Taken(_) | Event::Resumed(_) => {}
            Event::Submitted(Submitted { matter, by, evidence, note }) => {
                told.details.push(self.t.with("matter-told-submitted", &[("by", self.post(by))]));
                told.details.extend(note.clone());
                told.files = evidence.iter().map(|file| self.file(matter, file, gone)).collect();
            }
            Event::Returned(Returned { reason, .. }) => {
                told.what.mark = Mark::Yellow;
                told.details.push(reason.clone());
            }
            Event::Accepted(Accepted { in_time, .. }) => {
                told.what.mark = if *in_time == Some(false) { Mark::Red } else { Mark::Done };
                let key = match in_time {
                    Some(true) => "matter-done-in-time",
                    Some(false) => "matter-done-late",
                    None => return,
                };
                told.details.push(self.get(key));
            }
            Event::Cancelled(Cancelled { reason, approver, .. }) => self.approved(told, reason, approver),
            Event::Reopened(Reopened { reason, approver, due, .. }) => {
                told.details.push(self.t.with("matter-told-due", &[("due", self.due(due))]));
                self.approved(told, reason, approver);
            }
            Event::HandedOver(HandedOver { to, reviewer, reason, .. }) => {
                told.details.push(self.t.with("matter-told-to", &[("post", self.post(to))]));
                if let Some(reviewer) = reviewer {
                    told.details.push(self.t.with("matter-told-reviewer", &[("post", self.post(reviewer))]));
                }
                told.details.push(reason.clone());
            }
            Event::HelperAdded(added) => told.details.push(self.post(&added.helper)),
            Event::Paused(Paused { reason, approver, .. }) => self.approved(told, reason, approver),
            Event::Extended(Extended { extension, reason, approver, .. }) => {
                told.details.push(match extension {
                    Extension::To { day } => self.t.with("matter-told-until", &[("day", day.to_string())]),
                    Extension::Days { days } => {
                        self.t.with("matter-told-longer", &[("days", i64::from(*days))])
                    }
                });
                self.approved(told, reason, approver);
            }
            Event::Coloured(coloured) => self.tell_colour(told, coloured),
            Event::Escalated(Escalated { level, title_zh, title_en, post, .. }) => {
                told.what.mark = Mark::Red;
                let args = [
                    ("level", level.to_string()),
                    ("title", self.title(title_zh, title_en).to_owned()),
                    ("post", self.post(post)),
                ];
                let key = match *level {
                    REVIEW_OVERDUE => "matter-told-review-overdue",
                    _ => "matter-told-escalated",
                };
                told.details.push(self.t.with(key, &args));
            }
            Event::Excused(Excused { inputs, reason, approver, from, until, .. }) => {
                let inputs = self.inputs(inputs);
                let args = [("inputs", inputs), ("from", from.to_string()), ("until", until.to_string())];
                told.details.push(self.t.with("matter-told-excused", &args));
                self.approved(told, reason, approver);
            }
        }
    }

    fn approved(&self, told: &mut Told, reason: &str, approver: &matters::PostId) {
        told.details.push(reason.to_owned());
        told.details.push(self.t.with("matter-told-approved", &[("post", self.post(approver))]));
    }

    fn tell_colour(&self, told: &mut Told, coloured: &Coloured) {
        let word = |colour| self.colour(colour, None).text;
        told.what = match (coloured.from, coloured.to) {
            (_, None) => Badge { mark: Mark::Plain, text: self.get("matter-told-uncoloured") },
            (None, Some(to)) => {
                let text = self.t.with("matter-told-coloured", &[("to", word(to))]);
                Badge { mark: mark(to), text }
            }
            (Some(from), Some(to)) => {
                let args = [("from", word(from)), ("to", word(to))];
                Badge { mark: mark(to), text: self.t.with("matter-told-recoloured", &args) }
            }
        };
        if let Some(assessment) = &coloured.assessment {
            let decisive = assessment
                .reasons
                .iter()
                .filter(|reason| reason.colour == Some(assessment.colour) && !reason.excused);
            told.details.extend(decisive.filter_map(|reason| self.reason(reason)));
        }
    }

    fn tell_notice(&self, told: &mut Told, sent: &NoticeSent) {
        let word = match sent.outcome {
            Outcome::Delivered => "delivered",
            Outcome::Failed => "failed",
            Outcome::GivenUp => "given_up",
        };
        told.what.mark = if sent.outcome == Outcome::Delivered { Mark::Done } else { Mark::Yellow };
        let post = matters::PostId::try_from(sent.post.clone());
        let channel =
            sent.channel.map(|channel| self.get(&format!("kernel-value-channel-{}", channel.as_str())));
        let args = [
            ("post", post.map_or_else(|_| sent.post.to_string(), |post| self.post(&post))),
            ("what", self.get(&format!("kernel-value-what-{}", sent.what.as_str()))),
            ("channel", channel.unwrap_or_default()),
            ("outcome", self.get(&format!("kernel-value-outcome-{word}"))),
        ];
        told.details.push(self.t.with("matter-told-notice", &args));
        if let Some(fault) = sent.fault {
            told.details.push(self.get(&format!("kernel-value-fault-kind-{}", fault.kind.as_str())));
        }
    }

    /// A file with the day on which what it proves took effect.
    pub fn file(&self, matter: &matters::MatterId, file: &Evidence, gone: &BTreeSet<String>) -> FileLink {
        let args = [("title", file.title.clone()), ("day", file.effective.to_string())];
        if gone.contains(&file.digest) {
            return FileLink { title: self.t.with("matter-file-erased", &args), href: None };
        }
        let page = crate::href::matter(matter.subject()).unwrap_or_default();
        let href = format!("/api{page}/evidence/{}", file.digest);
        FileLink { title: self.t.with("matter-file-of", &args), href: Some(href) }
    }

    pub fn inputs(&self, inputs: &[Input]) -> String {
        let titles: Vec<&str> =
            inputs.iter().map(|input| self.title(input.title_zh(), input.title_en())).collect();
        titles.join(if self.lang == Lang::Zh { "、" } else { ", " })
    }
}
