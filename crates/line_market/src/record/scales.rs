//! Scales: enrolled, verified, and carried from stall to stall.

use base::limits::{SCALES_AT_STALL_MAX, SCALES_MAX};
use kernel::Receipt;

use super::{Failure, Input, Recorder, refuse};
use crate::duties::Cause;
use crate::kinds::{ScaleEnrolled, ScaleMoved, ScaleVerified};
use crate::refusal::Code;
use crate::rules::VERIFICATION_DAYS_MAX;
use crate::state::{self, Scale};

impl Recorder<'_, '_> {
    pub(super) fn enrol(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: ScaleEnrolled = Self::body(input)?;
        self.need_run(body.verified_until, VERIFICATION_DAYS_MAX, "body.verified_until")?;
        if state::scale(self.desk.read()?, self.book, body.scale)?.is_some() {
            return refuse(Code::Exists, "body.scale", format!("scale {} is enrolled", body.scale));
        }
        if state::count_scales(self.desk.read()?, self.book)? >= SCALES_MAX {
            let detail = format!("a market has at most {SCALES_MAX} scales");
            return refuse(Code::TooManyScales, "body.scale", detail);
        }
        if let Some(stall) = &body.stall {
            self.need_stall(stall, "body.stall")?;
            self.need_room_at_stall(stall)?;
        }
        self.plain::<ScaleEnrolled>(input, |it| vec![("scale", it.scale.to_string())])
    }

    fn need_scale(&mut self, scale: u32) -> Result<Scale, Failure> {
        match state::scale(self.desk.read()?, self.book, scale)? {
            Some(scale) => Ok(scale),
            None => refuse(Code::UnknownScale, "body.scale", format!("there is no scale {scale}")),
        }
    }

    pub(super) fn move_scale(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: ScaleMoved = Self::body(input)?;
        let scale = self.need_scale(body.scale)?;
        if scale.fair {
            // Its seal and its place at the service desk are what shoppers go by.
            let detail = format!("scale {} is a fair scale, which stands at no stall", body.scale);
            return refuse(Code::Body, "body.scale", detail);
        }
        self.need_stall(&body.stall, "body.stall")?;
        if scale.stall.as_ref() != Some(&body.stall) {
            self.need_room_at_stall(&body.stall)?;
        }
        self.need_few_moves(body.scale)?;
        self.plain::<ScaleMoved>(input, |it| vec![("scale", it.scale.to_string())])
    }

    pub(super) fn verify(&mut self, input: &Input) -> Result<Receipt, Failure> {
        let body: ScaleVerified = Self::body(input)?;
        self.need_run(body.verified_until, VERIFICATION_DAYS_MAX, "body.verified_until")?;
        let until = self.need_scale(body.scale)?.verified_until;
        self.need_no_shorter(until, body.verified_until, "body.verified_until")?;
        self.need_few_verifications(body.scale)?;
        if until < body.verified_until {
            self.renew_duty(&Cause::Verification { scale: body.scale, until }, "已重新检定")?;
        }
        self.plain::<ScaleVerified>(input, |it| vec![("scale", it.scale.to_string())])
    }

    /// A hold names every scale at its stall, and is told to each: that many it may name.
    fn need_room_at_stall(&mut self, stall: &str) -> Result<(), Failure> {
        if state::scales_at(self.desk.read()?, self.book, stall)?.len() < SCALES_AT_STALL_MAX {
            return Ok(());
        }
        let detail = format!("{SCALES_AT_STALL_MAX} scales stand at stall {stall}, and no more may");
        refuse(Code::TooManyScales, "body.stall", detail)
    }
}
