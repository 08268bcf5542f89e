//! The names of the kinds, and what a body is refused for that needs nothing but the body. What is handed in brings files, and
//! nothing else of a matter does.

use base::limits::{EVIDENCE_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX};
use ledger::{Body, BodyError, Rule, check_text};

use super::{
    Accepted, CalendarLoaded, Cancelled, Coloured, Escalated, Evidence, Excused, Extended, Extension,
    HELPERS_MAX, HandedOver, HelperAdded, Opened, Paused, Reopened, Resumed, Returned, RuleAdopted,
    Submitted, Taken,
};
use crate::input::Input;
use crate::term::TERM_DAYS_MAX;

impl Body for Opened {
    const KIND: &'static str = "kernel.matter.opened";
    const BEARS_FILES: bool = false;
    const SOUGHT: bool = true;

    fn check(&self) -> Result<(), BodyError> {
        check_text("title", &self.title, NAME_CHARS_MAX)?;
        check_text("rule", &self.rule, NAME_CHARS_MAX)?;
        self.due.check("due")?;
        if self.helpers.len() > HELPERS_MAX {
            return Err(BodyError::new("helpers", Rule::Range, format!("are more than {HELPERS_MAX}")));
        }
        for (at, helper) in self.helpers.iter().enumerate() {
            if *helper == self.owner || self.helpers[..at].contains(helper) {
                let field = format!("helpers[{at}]");
                return Err(BodyError::new(field, Rule::Consistency, "takes part already"));
            }
        }
        if self.reviewer == self.owner || self.helpers.contains(&self.reviewer) {
            let detail = "is the owner or a helper, who do not review themselves";
            return Err(BodyError::new("reviewer", Rule::Consistency, detail));
        }
        Ok(())
    }
}

impl Body for Taken {
    const KIND: &'static str = "kernel.matter.taken";
    const BEARS_FILES: bool = false;
    const SOUGHT: bool = true;
}

impl Body for Submitted {
    const KIND: &'static str = "kernel.matter.submitted";
    const SOUGHT: bool = true;

    fn check(&self) -> Result<(), BodyError> {
        if !(1..=EVIDENCE_MAX).contains(&self.evidence.len()) {
            let detail = format!("must be 1 to {EVIDENCE_MAX} files");
            return Err(BodyError::new("evidence", Rule::Range, detail));
        }
        for (at, evidence) in self.evidence.iter().enumerate() {
            evidence.check(&format!("evidence[{at}]"))?;
        }
        self.note.as_ref().map_or(Ok(()), |note| check_text("note", note, TEXT_CHARS_MAX))
    }
}

impl Evidence {
    fn check(&self, field: &str) -> Result<(), BodyError> {
        let is_hex = self.digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if self.digest.len() != 64 || !is_hex {
            let detail = "is not a SHA-256 digest in lower-case hex";
            return Err(BodyError::new(format!("{field}.digest"), Rule::Format, detail));
        }
        check_text(&format!("{field}.title"), &self.title, NAME_CHARS_MAX)?;
        if self.effective > self.uploaded {
            let detail = "lies after the day of uploading";
            return Err(BodyError::new(format!("{field}.effective"), Rule::Consistency, detail));
        }
        Ok(())
    }
}

impl Body for Returned {
    const KIND: &'static str = "kernel.matter.returned";
    const BEARS_FILES: bool = false;

    fn check(&self) -> Result<(), BodyError> {
        check_text("reason", &self.reason, TEXT_CHARS_MAX)
    }
}

impl Body for Accepted {
    const KIND: &'static str = "kernel.matter.accepted";
    const BEARS_FILES: bool = false;
}

impl Body for Cancelled {
    const KIND: &'static str = "kernel.matter.cancelled";
    const BEARS_FILES: bool = false;

    fn check(&self) -> Result<(), BodyError> {
        check_text("reason", &self.reason, TEXT_CHARS_MAX)
    }
}

impl Body for Reopened {
    const KIND: &'static str = "kernel.matter.reopened";
    const BEARS_FILES: bool = false;

    fn check(&self) -> Result<(), BodyError> {
        check_text("reason", &self.reason, TEXT_CHARS_MAX)?;
        self.due.check("due")
    }
}

impl Body for HandedOver {
    const KIND: &'static str = "kernel.matter.handed_over";
    const BEARS_FILES: bool = false;
    const SOUGHT: bool = true;

    fn check(&self) -> Result<(), BodyError> {
        check_text("reason", &self.reason, TEXT_CHARS_MAX)?;
        if self.reviewer.as_ref() == Some(&self.to) {
            let detail = "is the new owner, who does not review themselves";
            return Err(BodyError::new("reviewer", Rule::Consistency, detail));
        }
        Ok(())
    }
}

impl Body for HelperAdded {
    const KIND: &'static str = "kernel.matter.helper_added";
    const BEARS_FILES: bool = false;
    const SOUGHT: bool = true;
}

impl Body for Paused {
    const KIND: &'static str = "kernel.matter.paused";
    const BEARS_FILES: bool = false;

    fn check(&self) -> Result<(), BodyError> {
        check_text("reason", &self.reason, TEXT_CHARS_MAX)
    }
}

impl Body for Resumed {
    const KIND: &'static str = "kernel.matter.resumed";
    const BEARS_FILES: bool = false;
}

impl Body for Extended {
    const KIND: &'static str = "kernel.matter.extended";
    const BEARS_FILES: bool = false;

    fn check(&self) -> Result<(), BodyError> {
        check_text("reason", &self.reason, TEXT_CHARS_MAX)?;
        match self.extension {
            Extension::Days { days } if !(1..=TERM_DAYS_MAX).contains(&days) => {
                let detail = format!("must lie in 1 to {TERM_DAYS_MAX}");
                Err(BodyError::new("extension.days", Rule::Range, detail))
            }
            _ => Ok(()),
        }
    }
}

impl Body for Coloured {
    const KIND: &'static str = "kernel.matter.coloured";
    const BEARS_FILES: bool = false;

    fn check(&self) -> Result<(), BodyError> {
        if self.from == self.to {
            return Err(BodyError::new("to", Rule::Consistency, "is the colour that it was"));
        }
        if self.assessment.as_ref().map(|assessment| assessment.colour) != self.to {
            return Err(BodyError::new("assessment", Rule::Consistency, "does not explain the colour"));
        }
        Ok(())
    }
}

impl Body for Escalated {
    const KIND: &'static str = "kernel.matter.escalated";
    const BEARS_FILES: bool = false;

    fn check(&self) -> Result<(), BodyError> {
        check_text("title_zh", &self.title_zh, NAME_CHARS_MAX)?;
        check_text("title_en", &self.title_en, NAME_CHARS_MAX)?;
        check_text("rule", &self.rule, NAME_CHARS_MAX)
    }
}

impl Body for Excused {
    const KIND: &'static str = "kernel.matter.excused";
    const BEARS_FILES: bool = false;

    fn check(&self) -> Result<(), BodyError> {
        check_text("reason", &self.reason, TEXT_CHARS_MAX)?;
        if !(1..=Input::ALL.len()).contains(&self.inputs.len()) {
            let detail = format!("must be 1 to {}", Input::ALL.len());
            return Err(BodyError::new("inputs", Rule::Range, detail));
        }
        if self.until < self.from {
            return Err(BodyError::new("until", Rule::Consistency, "lies before the first day"));
        }
        Ok(())
    }
}

impl Body for CalendarLoaded {
    const KIND: &'static str = "kernel.calendar.loaded";

    fn check(&self) -> Result<(), BodyError> {
        self.notice.check().map_err(|error| BodyError { field: format!("notice.{}", error.field), ..error })
    }
}

impl Body for RuleAdopted {
    const KIND: &'static str = "kernel.rule.adopted";

    fn check(&self) -> Result<(), BodyError> {
        self.rule.check().map_err(|error| BodyError { field: format!("rule.{}", error.field), ..error })
    }
}
