//! Who is told what of a matter. The notices go out with the entries that cause them.

use base::{SubjectId, Time};
use matters::{Event, Matter, Move, PostId, REVIEW_OVERDUE, REVIEW_WORKDAYS, State};
use store::StoreError;

use crate::Desk;
use crate::notices::{Notice, What, enqueue};

/// What happened longer ago is no news: history that is loaded tells nobody.
const NEWS_MS: i64 = 7 * 24 * 3_600_000;

impl Desk<'_> {
    /// Tells the owner that a matter was opened.
    pub(super) fn tell_opened(&mut self, matter: &Matter, at: Time) -> Result<(), StoreError> {
        let zh = format!("“{}”由您的岗位承办。", matter.title);
        let en = format!("Your post owes: {}.", matter.title);
        self.tell(matter, at, What::Opened, &matter.owner, (zh, en))
    }

    /// Tells those whose turn it is after something happened to a matter.
    pub(super) fn tell_moved(&mut self, step: &Move, after: &Matter) -> Result<(), StoreError> {
        let (title, owner) = (&after.title, &after.owner);
        match &step.event {
            Event::Submitted(_) => {
                let zh = format!("“{title}”已报结，请您的岗位审核。");
                let en = format!("Submitted for the review of your post: {title}.");
                self.tell(after, step.at, What::Submitted, &after.reviewer, (zh, en))
            }
            Event::Returned(_) => {
                let zh = format!("“{title}”经审核退回，请查看退回理由后继续办理。");
                let en = format!("Returned by the reviewer; see why and go on: {title}.");
                self.tell(after, step.at, What::Returned, owner, (zh, en))
            }
            Event::HandedOver(_) => {
                let passed_on = after.submission.as_ref().and_then(|submission| submission.passed_on);
                if after.state == State::Submitted && passed_on == Some(step.at) {
                    let zh = format!("“{title}”已报结，现由您的岗位审核。");
                    let en = format!("Submitted before, and now for the review of your post: {title}.");
                    self.tell(after, step.at, What::Submitted, &after.reviewer, (zh, en))?;
                }
                let zh = format!("“{title}”已移交您的岗位承办。");
                let en = format!("Handed over to your post: {title}.");
                self.tell(after, step.at, What::HandedOver, owner, (zh, en))
            }
            Event::Reopened(_) => {
                let zh = format!("“{title}”重新启动，由您的岗位承办。");
                let en = format!("Reopened, and owed by your post again: {title}.");
                self.tell(after, step.at, What::Reopened, owner, (zh, en))
            }
            Event::Escalated(overdue) if overdue.level == REVIEW_OVERDUE => {
                let zh =
                    format!("“{title}”报结后逾 {REVIEW_WORKDAYS} 个工作日未审核，请您的岗位尽快办结或退回。");
                let en = format!(
                    "Handed in more than {REVIEW_WORKDAYS} workdays ago and not judged by your post: {title}."
                );
                self.tell(after, step.at, What::Escalated, &overdue.post, (zh, en))
            }
            Event::Escalated(step_of_ladder) => {
                let (level, zh, en) =
                    (step_of_ladder.level, &step_of_ladder.title_zh, &step_of_ladder.title_en);
                let zh = format!("“{title}”升级督办（第 {level} 级）：{zh}。");
                let en = format!("Escalated to level {level}, {en}: {title}.");
                self.tell(after, step.at, What::Escalated, &step_of_ladder.post, (zh.clone(), en.clone()))?;
                // Who has to see that it gets done learns of it too.
                self.tell(after, step.at, What::Escalated, &after.reviewer, (zh, en))
            }
            _ => Ok(()),
        }
    }

    fn tell(
        &mut self,
        matter: &Matter,
        at: Time,
        what: What,
        to: &PostId,
        (mut text_zh, mut text_en): (String, String),
    ) -> Result<(), StoreError> {
        if self.now().since_ms(at) > NEWS_MS {
            return Ok(());
        }
        let deadline = matter.deadline(self.rulebook()?.calendar(), self.zone());
        if let Some(deadline) = deadline {
            let (mark_zh, mark_en) =
                if deadline.provisional { ("（暂定）", " (provisional)") } else { ("", "") };
            text_zh.push_str(&format!("期限 {}{mark_zh}。", deadline.value));
            text_en.push_str(&format!(" Due {}{mark_en}.", deadline.value));
        }
        let (book, about, to): (_, SubjectId, SubjectId) =
            (matter.id.book(), matter.id.subject().clone(), to.subject().clone());
        enqueue(self, &Notice { book, about, what, to, text_zh, text_en }).map(drop)
    }
}
