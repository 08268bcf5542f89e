//! How the line's tables follow from its entries.

use base::{Seq, Time};
use ledger::{Body, Entry};
use store::{Param, StoreError, Tx};

use crate::kinds::{
    Accepted, Amended, AssistancePlanned, BlockerRaised, ChainFounded, ChainHandedOver, ContractSigned,
    DeadlineMoved, DueRestated, EnteredStatistics, EntryReversed, FellDue, HandedOver, Invested,
    MilestoneSet, Month, MonthFellDue, Paid, PermitApplied, PermitDecided, Phase, PhaseChanged, Planned,
    ProgrammeFounded, ProgrammeReplanned, ProgressReported, ProxyDone, ProxyOpened, Registered, Standing,
    VisitMade, Withdrawn, WorksDone,
};
use crate::plan;
use crate::{sorts, state, word};

/// Applies entries in order.
pub fn apply(tx: &mut dyn Tx, entries: &[Entry]) -> Result<(), StoreError> {
    entries.iter().try_for_each(|entry| {
        One { tx: &mut *tx, entry }.apply()?;
        plan::apply(tx, entry)
    })
}

struct One<'a> {
    tx: &'a mut dyn Tx,
    entry: &'a Entry,
}

fn month(month: Month) -> Param<'static> {
    Param::Int(i64::from(month.first_day().0))
}

impl One<'_> {
    fn apply(mut self) -> Result<(), StoreError> {
        match self.entry.kind.as_str() {
            ProgrammeFounded::KIND => self.programme(),
            ProgrammeReplanned::KIND => self.replanned(),
            ChainFounded::KIND => self.chain(),
            ChainHandedOver::KIND => self.chain_handed_over(),
            Registered::KIND => self.registered(),
            Amended::KIND => self.amended(),
            PhaseChanged::KIND => self.phase_changed(),
            FellDue::KIND => {
                let it: FellDue = self.body()?;
                self.stand(&it.project, it.change.after.as_ref())
            }
            DueRestated::KIND => {
                let it: DueRestated = self.body()?;
                self.stand(&it.project, it.change.after.as_ref())
            }
            EnteredStatistics::KIND => self.stamp::<EnteredStatistics>("statistics_at", |it| &it.project),
            Accepted::KIND => self.stamp::<Accepted>("accepted_at", |it| &it.project),
            Withdrawn::KIND => self.stamp::<Withdrawn>("withdrawn_at", |it| &it.project),
            DeadlineMoved::KIND => self.deadline_moved(),
            HandedOver::KIND => self.handed_over(),
            PermitApplied::KIND => self.permit(),
            PermitDecided::KIND => self.permit_decided(),
            BlockerRaised::KIND => {
                let it: BlockerRaised = self.body()?;
                let matter = sorts::Name::Blocker(&it.blocker);
                self.matter(matter, Some(&it.project), it.activity.as_deref())
            }
            MilestoneSet::KIND => {
                let it: MilestoneSet = self.body()?;
                let matter = sorts::Name::Milestone(&it.project, &it.milestone);
                self.matter(matter, Some(&it.project), None)
            }
            ContractSigned::KIND => self.contract(),
            Planned::KIND => self.planned(),
            MonthFellDue::KIND => self.month_fell_due(),
            Invested::KIND => {
                let it: Invested = self.body()?;
                self.invested(&it, 1)
            }
            Paid::KIND => self.paid(),
            ProgressReported::KIND => self.report(),
            VisitMade::KIND => self.visit(),
            AssistancePlanned::KIND => self.assistance(),
            ProxyOpened::KIND => self.proxy(),
            ProxyDone::KIND => self.proxy_done(),
            WorksDone::KIND => self.built(),
            EntryReversed::KIND => self.reversed(),
            _ => Ok(()),
        }
    }

    fn body<B: Body>(&self) -> Result<B, StoreError> {
        let shape =
            |error| StoreError::Schema(format!("entry {} of {}: {error}", self.entry.seq, self.entry.book));
        self.entry.body().map_err(shape)
    }

    /// Runs a statement whose first parameter is the book.
    fn run(&mut self, sql: &str, params: &[Param<'_>]) -> Result<(), StoreError> {
        let mut all = vec![Param::Text(self.entry.book.as_str())];
        all.extend_from_slice(params);
        self.tx.execute(sql, &all).map(drop)
    }

    fn at(&self) -> Param<'static> {
        let Time(at) = self.entry.occurred;
        Param::Int(at)
    }

    fn seq(&self) -> Param<'static> {
        Param::Int(self.entry.seq.to_i64())
    }

    fn photos(&self) -> Param<'static> {
        Param::Int(i64::try_from(self.entry.evidence.len()).unwrap_or(i64::MAX))
    }

    fn programme(mut self) -> Result<(), StoreError> {
        const SQL: &str = "insert into projects_programme (book, programme, title_zh, title_en, planned_fen)
            values ($1, $2, $3, $4, $5)";
        let it: ProgrammeFounded = self.body()?;
        self.run(
            SQL,
            &[
                (&it.programme).into(),
                (&it.title_zh).into(),
                it.title_en.as_ref().into(),
                it.planned_fen.0.into(),
            ],
        )
    }

    fn replanned(mut self) -> Result<(), StoreError> {
        const SQL: &str = "update projects_programme set planned_fen = $3 where book = $1 and programme = $2";
        let it: ProgrammeReplanned = self.body()?;
        self.run(SQL, &[(&it.programme).into(), it.planned_fen.0.into()])
    }

    fn chain(mut self) -> Result<(), StoreError> {
        const SQL: &str = "insert into projects_chain (book, chain, title_zh, title_en, leader)
            values ($1, $2, $3, $4, $5)";
        let it: ChainFounded = self.body()?;
        let leader = it.leader.subject().as_str();
        self.run(
            SQL,
            &[(&it.chain).into(), (&it.title_zh).into(), it.title_en.as_ref().into(), leader.into()],
        )
    }

    fn chain_handed_over(mut self) -> Result<(), StoreError> {
        const SQL: &str = "update projects_chain set leader = $3 where book = $1 and chain = $2";
        let it: ChainHandedOver = self.body()?;
        self.run(SQL, &[(&it.chain).into(), it.leader.subject().as_str().into()])
    }

    fn registered(mut self) -> Result<(), StoreError> {
        const SQL: &str = "insert into projects_project (book, project, code, title_zh, title_en, industry, chain,
            programme, unit, address, lat_e7, lon_e7, total_fen, builder, office, team, planned_start, planned_finish,
            phase, newly_signed, start_due, finish_due, registered_at, changed_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, 0, 0,
            $21, $21)";
        let it: Registered = self.body()?;
        let position = it.site.position;
        let at = self.at();
        let params = [
            (&it.project).into(),
            it.code.as_ref().map(|code| code.as_str()).into(),
            (&it.title_zh).into(),
            it.title_en.as_ref().into(),
            (&it.industry).into(),
            it.chain.as_ref().into(),
            it.programme.as_ref().into(),
            it.site.unit.as_str().into(),
            (&it.site.address).into(),
            position.map(|position| position.lat_e7).into(),
            position.map(|position| position.lon_e7).into(),
            it.total_fen.0.into(),
            (&it.builder).into(),
            it.office.subject().as_str().into(),
            it.team.subject().as_str().into(),
            i64::from(it.planned_start.0).into(),
            i64::from(it.planned_finish.0).into(),
            it.phase.as_str().into(),
            i64::from(it.newly_signed).into(),
            at,
        ];
        self.run(SQL, &params)?;
        self.matter(sorts::Name::Project(&it.project), Some(&it.project), None)?;
        self.reached(&it.project, it.phase, (self.entry.occurred, self.entry.seq))
    }

    /// A matter that an entry opened.
    fn matter(
        &mut self,
        name: sorts::Name<'_>,
        project: Option<&str>,
        activity: Option<&str>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into projects_matter (book, matter, sort, project, name, activity, seq)
            values ($1, $2, $3, $4, $5, $6, $7)";
        let (matter, sort, own) = (name.matter(&self.entry.book)?, name.sort(), name.own());
        let seq = self.seq();
        let params = [
            matter.subject().as_str().into(),
            sort.into(),
            project.into(),
            (&own).into(),
            activity.into(),
            seq,
        ];
        self.run(SQL, &params)
    }

    fn deadline_moved(mut self) -> Result<(), StoreError> {
        const SQL: &str = "update projects_project set planned_finish = $3 where book = $1 and project = $2";
        let it: DeadlineMoved = self.body()?;
        self.run(SQL, &[(&it.project).into(), i64::from(it.to.0).into()])?;
        self.stand(&it.project, it.change.after.as_ref())
    }

    fn handed_over(mut self) -> Result<(), StoreError> {
        const SQL: &str =
            "update projects_project set team = $3, office = $4 where book = $1 and project = $2";
        let it: HandedOver = self.body()?;
        let (team, office) = (it.team.subject().as_str(), it.office.subject().as_str());
        self.run(SQL, &[(&it.project).into(), team.into(), office.into()])
    }

    fn permit(mut self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into projects_permit (book, permit, project, title, bureau, agent, term_workdays,
            applied_at, matter) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let it: PermitApplied = self.body()?;
        let name = sorts::Name::Permit(&it.permit);
        let (matter, at) = (name.matter(&self.entry.book)?, self.at());
        let params = [
            (&it.permit).into(),
            (&it.project).into(),
            (&it.title).into(),
            it.bureau.subject().as_str().into(),
            it.agent.subject().as_str().into(),
            i64::from(it.term_workdays).into(),
            at,
            matter.subject().as_str().into(),
        ];
        self.run(SQL, &params)?;
        self.matter(name, Some(&it.project), None)
    }

    fn permit_decided(mut self) -> Result<(), StoreError> {
        const SQL: &str = "update projects_permit set decided_at = $3, granted = $4, number = $5
            where book = $1 and permit = $2";
        let it: PermitDecided = self.body()?;
        let at = self.at();
        self.run(SQL, &[(&it.permit).into(), at, i64::from(it.granted).into(), it.number.as_ref().into()])
    }

    /// The day on which a phase was reached.
    fn reached(&mut self, project: &str, phase: Phase, (at, seq): (Time, Seq)) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into projects_phase (book, project, phase, at, seq) values ($1, $2, $3, $4, $5)
            on conflict (book, project, phase) do update set at = excluded.at, seq = excluded.seq";
        self.run(SQL, &[project.into(), phase.as_str().into(), at.0.into(), seq.to_i64().into()])
    }

    fn amended(mut self) -> Result<(), StoreError> {
        const SQL: &str =
            "update projects_project set code = coalesce($3, code), title_zh = coalesce($4, title_zh),
            title_en = coalesce($5, title_en), builder = coalesce($6, builder),
            planned_start = coalesce($7, planned_start) where book = $1 and project = $2";
        const MOVE: &str = "update projects_project set unit = $3, address = $4, lat_e7 = $5, lon_e7 = $6
            where book = $1 and project = $2";
        let it: Amended = self.body()?;
        let params = [
            (&it.project).into(),
            it.code.as_ref().map(|code| code.as_str()).into(),
            it.title_zh.as_ref().into(),
            it.title_en.as_ref().into(),
            it.builder.as_ref().into(),
            it.planned_start.map(|day| i64::from(day.0)).into(),
        ];
        self.run(SQL, &params)?;
        if let Some(site) = &it.site {
            let (lat, lon) = (site.position.map(|it| it.lat_e7), site.position.map(|it| it.lon_e7));
            let params = [
                (&it.project).into(),
                site.unit.as_str().into(),
                (&site.address).into(),
                lat.into(),
                lon.into(),
            ];
            self.run(MOVE, &params)?;
        }
        self.stand(&it.project, it.change.after.as_ref())?;
        self.changed(&it.project)
    }

    /// A project stands as an entry left it.
    fn stand(&mut self, project: &str, after: Option<&Standing>) -> Result<(), StoreError> {
        const SQL: &str = "update projects_project set phase = $3, industry = $4, chain = $5, programme = $6,
            total_fen = $7, newly_signed = $8, start_due = $9, finish_due = $10 where book = $1 and project = $2";
        let Some(it) = after else { return Ok(()) };
        let params = [
            project.into(),
            it.phase.as_str().into(),
            (&it.industry).into(),
            it.chain.as_ref().into(),
            it.programme.as_ref().into(),
            it.total_fen.0.into(),
            i64::from(it.newly_signed).into(),
            i64::from(it.start_due).into(),
            i64::from(it.finish_due).into(),
        ];
        self.run(SQL, &params)
    }

    /// Remembers when somebody last changed a project.
    fn changed(&mut self, project: &str) -> Result<(), StoreError> {
        const SQL: &str = "update projects_project set changed_at = $3 where book = $1 and project = $2";
        let at = self.at();
        self.run(SQL, &[project.into(), at])
    }

    fn phase_changed(mut self) -> Result<(), StoreError> {
        const LEAVE: &str = "delete from projects_phase where book = $1 and project = $2 and phase = $3";
        const OPEN: &str = "update projects_project set accepted_at = null where book = $1 and project = $2";
        let it: PhaseChanged = self.body()?;
        self.stand(&it.project, it.change.after.as_ref())?;
        self.changed(&it.project)?;
        if it.to < Phase::Finished {
            self.run(OPEN, &[(&it.project).into()])?;
        }
        let went_back = it.change.before.as_ref().is_some_and(|before| before.phase > it.to);
        let phases = state::phases(self.tx, &self.entry.book, &it.project)?;
        // What it goes back behind, it has not reached.
        for phase in Phase::ALL.into_iter().filter(|phase| *phase > it.to) {
            self.run(LEAVE, &[(&it.project).into(), phase.as_str().into()])?;
        }
        match phases.iter().find(|reached| reached.phase >= it.to) {
            _ if !went_back => self.reached(&it.project, it.to, (self.entry.occurred, self.entry.seq)),
            // Never said to be in it, a project had come so far when it was first said to be beyond.
            Some(beyond) if beyond.phase > it.to => self.reached(&it.project, it.to, (beyond.at, beyond.seq)),
            _ => Ok(()),
        }
    }

    /// Writes when something happened to a project.
    fn stamp<B: Body>(mut self, column: &str, project: fn(&B) -> &String) -> Result<(), StoreError> {
        let it: B = self.body()?;
        let at = self.at();
        let sql = format!("update projects_project set {column} = $3 where book = $1 and project = $2");
        self.run(&sql, &[project(&it).into(), at])
    }

    fn contract(mut self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into projects_contract (book, contract, project, title, party, amount_fen, at, seq)
            values ($1, $2, $3, $4, $5, $6, $7, $8)";
        const PART: &str = "insert into projects_instalment (book, contract, day, project, amount_fen)
            values ($1, $2, $3, $4, $5)";
        let it: ContractSigned = self.body()?;
        let (at, seq) = (self.at(), self.seq());
        let params = [
            (&it.contract).into(),
            (&it.project).into(),
            (&it.title).into(),
            (&it.party).into(),
            it.amount_fen.0.into(),
            at,
            seq,
        ];
        self.run(SQL, &params)?;
        for part in &it.instalments {
            let day = i64::from(part.day.0).into();
            self.run(PART, &[(&it.contract).into(), day, (&it.project).into(), part.amount_fen.0.into()])?;
        }
        self.required(&it, 1)
    }

    /// What has to be paid for a project by each day.
    fn required(&mut self, it: &ContractSigned, sign: i64) -> Result<(), StoreError> {
        const ADD: &str = "insert into projects_required (book, project, day, amount_fen)
            values ($1, $2, $3, $4) on conflict (book, project, day) do update
            set amount_fen = projects_required.amount_fen + excluded.amount_fen";
        const TIDY: &str =
            "delete from projects_required where book = $1 and project = $2 and day = $3 and amount_fen = 0";
        for part in &it.instalments {
            let (project, day) = (Param::from(&it.project), Param::Int(i64::from(part.day.0)));
            self.run(ADD, &[project, day, (sign * part.amount_fen.0).into()])?;
            if sign < 0 {
                self.run(TIDY, &[project, day])?;
            }
        }
        Ok(())
    }

    /// Adds to what was paid for a project, and to what tells the reports on its activities from those of any other time: how
    /// many there are, and the sums of their numbers and times. Nothing is kept of nothing.
    fn tally(&mut self, project: &str, added: [i64; 4]) -> Result<(), StoreError> {
        const ADD: &str =
            "insert into projects_tally (book, project, paid_fen, reports, report_seqs, report_times)
            values ($1, $2, $3, $4, $5, $6) on conflict (book, project) do update
            set paid_fen = projects_tally.paid_fen + excluded.paid_fen,
            reports = projects_tally.reports + excluded.reports,
            report_seqs = projects_tally.report_seqs + excluded.report_seqs,
            report_times = projects_tally.report_times + excluded.report_times";
        const TIDY: &str =
            "delete from projects_tally where book = $1 and project = $2 and paid_fen = 0 and reports = 0";
        let [paid, reports, seqs, times] = added.map(Param::Int);
        self.run(ADD, &[project.into(), paid, reports, seqs, times])?;
        if added.iter().any(|it| *it < 0) { self.run(TIDY, &[project.into()]) } else { Ok(()) }
    }

    fn planned(mut self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into projects_month (book, project, month, planned_fen, fell_due, invested_fen)
            values ($1, $2, $3, $4, 0, 0)
            on conflict (book, project, month) do update set planned_fen = excluded.planned_fen";
        let it: Planned = self.body()?;
        for plan in &it.months {
            self.run(SQL, &[(&it.project).into(), month(plan.month), plan.amount_fen.0.into()])?;
        }
        Ok(())
    }

    fn month_fell_due(mut self) -> Result<(), StoreError> {
        const SQL: &str =
            "update projects_month set fell_due = 1 where book = $1 and project = $2 and month = $3";
        let it: MonthFellDue = self.body()?;
        self.run(SQL, &[(&it.project).into(), month(it.month)])
    }

    fn invested(mut self, it: &Invested, sign: i64) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into projects_month (book, project, month, planned_fen, fell_due, invested_fen)
            values ($1, $2, $3, 0, 0, $4) on conflict (book, project, month) do update
            set invested_fen = projects_month.invested_fen + excluded.invested_fen";
        self.run(SQL, &[(&it.project).into(), month(it.month), (sign * it.amount_fen.0).into()])
    }

    fn paid(mut self) -> Result<(), StoreError> {
        const SQL: &str = "insert into projects_payment (book, seq, project, contract, amount_fen, at)
            values ($1, $2, $3, $4, $5, $6)";
        let it: Paid = self.body()?;
        let (at, seq) = (self.at(), self.seq());
        self.run(SQL, &[seq, (&it.project).into(), it.contract.as_ref().into(), it.amount_fen.0.into(), at])?;
        self.tally(&it.project, [it.amount_fen.0, 0, 0, 0])
    }

    fn report(mut self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into projects_report (book, seq, project, activity, percent_bp, remaining_days,
            note, photos, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let it: ProgressReported = self.body()?;
        let (at, seq, photos) = (self.at(), self.seq(), self.photos());
        let params = [
            seq,
            (&it.project).into(),
            it.activity.as_deref().unwrap_or("").into(),
            it.percent_bp.into(),
            it.remaining_days.into(),
            it.note.as_ref().into(),
            photos,
            at,
        ];
        self.run(SQL, &params)?;
        match it.activity {
            Some(_) => self.tally(&it.project, [0, 1, self.entry.seq.to_i64(), self.entry.occurred.0]),
            None => Ok(()),
        }
    }

    fn visit(mut self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into projects_visit (book, seq, to_what, project, place, by_post, settled, photos, at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let it: VisitMade = self.body()?;
        let (at, seq, photos, to) = (self.at(), self.seq(), self.photos(), word(&it.to));
        let params = [
            seq,
            (&to).into(),
            it.project.as_ref().into(),
            (&it.place).into(),
            it.by.subject().as_str().into(),
            (&it.settled).into(),
            photos,
            at,
        ];
        self.run(SQL, &params)
    }

    fn assistance(mut self) -> Result<(), StoreError> {
        const SQL: &str = "insert into projects_assistance (book, plan, project, title, enterprise, at, seq)
            values ($1, $2, $3, $4, $5, $6, $7)";
        let it: AssistancePlanned = self.body()?;
        let (at, seq) = (self.at(), self.seq());
        let params = [
            (&it.plan).into(),
            it.project.as_ref().into(),
            (&it.title).into(),
            (&it.enterprise).into(),
            at,
            seq,
        ];
        self.run(SQL, &params)?;
        for number in 1..=it.measures.len() {
            self.matter(sorts::Name::Measure(&it.plan, number), it.project.as_deref(), None)?;
        }
        Ok(())
    }

    fn proxy(mut self) -> Result<(), StoreError> {
        const SQL: &str = "insert into projects_proxy (book, item, project, title, enterprise, agent, opened_at, opened_seq)
            values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let it: ProxyOpened = self.body()?;
        let (at, seq) = (self.at(), self.seq());
        let params = [
            (&it.item).into(),
            it.project.as_ref().into(),
            (&it.title).into(),
            (&it.enterprise).into(),
            it.agent.subject().as_str().into(),
            at,
            seq,
        ];
        self.run(SQL, &params)
    }

    fn proxy_done(mut self) -> Result<(), StoreError> {
        const SQL: &str =
            "update projects_proxy set done_at = $3, done_seq = $4 where book = $1 and item = $2";
        let it: ProxyDone = self.body()?;
        let (at, seq) = (self.at(), self.seq());
        self.run(SQL, &[(&it.item).into(), at, seq])
    }

    /// Counts works for good: what was taken back stays a value by which figures are broken down.
    fn built(mut self) -> Result<(), StoreError> {
        const ADD: &str = "insert into projects_item (book, project, item, works) values ($1, $2, $3, 1)
            on conflict (book, project, item) do update set works = projects_item.works + 1";
        let it: WorksDone = self.body()?;
        self.run(ADD, &[(&it.project).into(), (&it.item).into()])
    }

    /// Takes out of the tables what the reversed entry had put there.
    fn reversed(mut self) -> Result<(), StoreError> {
        const SQL: &str =
            "insert into projects_reversal (book, entry, seq, reason, at) values ($1, $2, $3, $4, $5)";
        const DONE: &str =
            "update projects_proxy set done_at = null, done_seq = null where book = $1 and done_seq = $2";
        let it: EntryReversed = self.body()?;
        let entry = Param::Int(Seq(it.entry).to_i64());
        let (at, seq) = (self.at(), self.seq());
        self.run(SQL, &[entry, seq, (&it.reason).into(), at])?;
        match it.kind.as_str() {
            Invested::KIND => {
                let invested: Invested = self.taken_back(it.body)?;
                self.invested(&invested, -1)
            }
            ContractSigned::KIND => {
                let signed: ContractSigned = self.taken_back(it.body)?;
                self.required(&signed, -1)?;
                self.run(
                    "delete from projects_instalment where book = $1 and contract in
                    (select contract from projects_contract where book = $1 and seq = $2)",
                    &[entry],
                )?;
                self.run("delete from projects_contract where book = $1 and seq = $2", &[entry])
            }
            Paid::KIND => {
                let paid: Paid = self.taken_back(it.body)?;
                self.tally(&paid.project, [-paid.amount_fen.0, 0, 0, 0])?;
                self.run("delete from projects_payment where book = $1 and seq = $2", &[entry])
            }
            ProgressReported::KIND => {
                let report: ProgressReported = self.taken_back(it.body)?;
                if report.activity.is_some() {
                    // The reversal is of the time of what it takes back.
                    let (seq, at) = (Seq(it.entry).to_i64(), self.entry.occurred.0);
                    self.tally(&report.project, [0, -1, -seq, -at])?;
                }
                self.run("delete from projects_report where book = $1 and seq = $2", &[entry])
            }
            VisitMade::KIND => self.run("delete from projects_visit where book = $1 and seq = $2", &[entry]),
            AssistancePlanned::KIND => {
                self.run("delete from projects_assistance where book = $1 and seq = $2", &[entry])
            }
            ProxyOpened::KIND => {
                self.run("delete from projects_proxy where book = $1 and opened_seq = $2", &[entry])
            }
            ProxyDone::KIND => self.run(DONE, &[entry]),
            _ => Ok(()),
        }
    }

    fn taken_back<B: Body>(&self, body: serde_json::Value) -> Result<B, StoreError> {
        serde_json::from_value(body)
            .map_err(|error| StoreError::Schema(format!("entry {}: {error}", self.entry.seq)))
    }
}
