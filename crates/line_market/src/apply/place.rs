//! Stalls, what they are let for, and the scales that stand at them.

use store::{Param, StoreError};

use super::{One, word};
use crate::kinds::{
    FeeCharged, FeePaid, LeaseEnded, ScaleEnrolled, ScaleMoved, ScaleVerified, StallLeased, StallOpened,
};
use crate::state::counts_from;

impl One<'_> {
    pub(super) fn stall(self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into market_stall (book, stall, zone, food, area_dm2) values ($1, $2, $3, $4, $5)
            on conflict (book, stall) do update set zone = excluded.zone, food = excluded.food,
            area_dm2 = excluded.area_dm2";
        let it: StallOpened = self.body()?;
        let (zone, food) = (word(&it.zone), word(&it.food));
        self.run(SQL, &[(&it.stall).into(), (&zone).into(), (&food).into(), it.area_dm2.into()])
    }

    pub(super) fn leased(self) -> Result<(), StoreError> {
        const SQL: &str =
            "update market_stall set merchant = $3, lease_from = $4, lease_until = $5, fee_fen = $6, let_changed = $7
            where book = $1 and stall = $2";
        let it: StallLeased = self.body()?;
        let (from, until) = (i64::from(it.from.0).into(), i64::from(it.until.0).into());
        let at = self.occurred();
        self.run(SQL, &[(&it.stall).into(), (&it.merchant).into(), from, until, it.fee_fen.0.into(), at])
    }

    pub(super) fn lease_ended(self) -> Result<(), StoreError> {
        const SQL: &str =
            "update market_stall set merchant = null, lease_from = null, lease_until = null, fee_fen = null,
            let_changed = $3 where book = $1 and stall = $2";
        let it: LeaseEnded = self.body()?;
        let at = self.occurred();
        self.run(SQL, &[(&it.stall).into(), at])
    }

    pub(super) fn charged(self) -> Result<(), StoreError> {
        let it: FeeCharged = self.body()?;
        self.fee(&it.stall, &it.month, it.amount_fen.0, 0)
    }

    pub(super) fn paid(self) -> Result<(), StoreError> {
        let it: FeePaid = self.body()?;
        self.fee(&it.stall, &it.month, 0, it.amount_fen.0)
    }

    fn fee(self, stall: &str, month: &str, charged: i64, paid: i64) -> Result<(), StoreError> {
        const SQL: &str = "insert into market_fee (book, stall, month, charged_fen, paid_fen) values ($1, $2, $3, $4, $5)
            on conflict (book, stall, month) do update set
            charged_fen = market_fee.charged_fen + excluded.charged_fen, paid_fen = market_fee.paid_fen + excluded.paid_fen";
        self.run(SQL, &[stall.into(), month.into(), charged.into(), paid.into()])
    }

    pub(super) fn scale(self) -> Result<(), StoreError> {
        const SQL: &str = "insert into market_scale (book, scale, stall, serial, seal, verified_until, fair)
            values ($1, $2, $3, $4, $5, $6, $7) on conflict (book, scale) do update set stall = excluded.stall,
            serial = excluded.serial, seal = excluded.seal, verified_until = excluded.verified_until, fair = excluded.fair";
        let it: ScaleEnrolled = self.body()?;
        let (scale, until) = (i64::from(it.scale), i64::from(it.verified_until.0));
        let params = [
            scale.into(),
            it.stall.as_ref().into(),
            (&it.serial).into(),
            (&it.seal).into(),
            until.into(),
            i64::from(it.fair).into(),
        ];
        self.tx.execute(SQL, &[&[Param::Text(self.entry.book.as_str())], &params[..]].concat())?;
        match &it.stall {
            Some(stall) => self.scale_stands(it.scale, stall),
            None => Ok(()),
        }
    }

    /// Where a scale stands from when that was recorded on: nobody could go by it earlier.
    fn scale_stands(self, scale: u32, stall: &str) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into market_scale_place (book, scale, seq, at, stall) values ($1, $2, $3, $4, $5)";
        let (seq, at) = (self.seq(), counts_from(self.entry).0.into());
        self.run(SQL, &[i64::from(scale).into(), seq, at, stall.into()])
    }

    pub(super) fn scale_verified(self) -> Result<(), StoreError> {
        const SQL: &str =
            "update market_scale set seal = $3, verified_until = $4 where book = $1 and scale = $2";
        let it: ScaleVerified = self.body()?;
        self.run(SQL, &[i64::from(it.scale).into(), (&it.seal).into(), i64::from(it.verified_until.0).into()])
    }

    pub(super) fn scale_moved(self) -> Result<(), StoreError> {
        const SQL: &str = "update market_scale set stall = $3 where book = $1 and scale = $2";
        let it: ScaleMoved = self.body()?;
        let book = Param::Text(self.entry.book.as_str());
        self.tx.execute(SQL, &[book, i64::from(it.scale).into(), (&it.stall).into()])?;
        self.scale_stands(it.scale, &it.stall)
    }
}
