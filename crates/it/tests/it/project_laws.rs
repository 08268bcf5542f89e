//! What holds for key projects whatever is done to them: the figures of how they stand are what a count of the list gives,
//! on either engine, and what the calendar brought is recorded as due, no more and no less.

use base::{ActorId, BookId, Day, Time};
use harness::{OFFICES, Town, on_every_store, project};
use kernel::{AppendError, DocketError, Period};
use line_projects::kinds::Phase;
use line_projects::record::{Failure, Input, record};
use line_projects::state::{self, Filter, Project};
use matters::{Cancelled, Extended, Extension, MatterId, PostId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

const STEPS: usize = 90;
/// Steps between two counts.
const STRIDE: usize = 15;

struct Office<'t> {
    town: &'t Town,
    book: BookId,
    random: StdRng,
    registered: usize,
}

impl Office<'_> {
    fn today(&self) -> Day {
        self.town.site.kernel.zone().day_of(self.town.site.kernel.now())
    }

    fn day(&mut self, from: i32, to: i32) -> Day {
        self.today().plus(self.random.random_range(from..to))
    }

    fn any(&mut self) -> String {
        format!("p{}", self.random.random_range(0..self.registered.max(1)))
    }

    /// Records something that may be refused, but must not fail.
    fn note(&self, kind: &str, body: Value) {
        self.note_at(None, kind, body);
    }

    /// The same, told some days late.
    fn note_late(&mut self, kind: &str, body: Value) {
        let days = self.random.random_range(0..12);
        let then = self.town.site.kernel.now().plus_ms(-days * 86_400_000);
        self.note_at(Some(then), kind, body);
    }

    fn note_at(&self, occurred: Option<Time>, kind: &str, body: Value) {
        let input = Input { kind: kind.into(), occurred, body, evidence: Vec::new() };
        let (book, actor) = (self.book.clone(), ActorId::new("system:test").unwrap());
        let noted: Result<_, Failure> =
            self.town.site.kernel.append_blocking(move |desk| record(desk, &book, &actor, &input));
        assert!(matches!(noted, Ok(_) | Err(AppendError::Refused(_))), "{kind}: {noted:?}");
    }

    fn register(&mut self) {
        let mut body = project(OFFICES[0], &format!("p{}", self.registered));
        self.registered += 1;
        let phase = Phase::ALL[self.random.random_range(0..Phase::ALL.len())];
        body["phase"] = json!(phase);
        body["newly_signed"] = json!(phase >= Phase::Signed && self.random.random());
        body["total_fen"] = json!(self.random.random_range(1..30) * 1_000_000_000_i64);
        body["planned_start"] = json!(self.day(-20, 40));
        body["planned_finish"] = json!(self.day(40, 80));
        body["chain"] = if self.random.random() { json!("equipment") } else { Value::Null };
        body["programme"] = if self.random.random() { json!("markets") } else { Value::Null };
        self.note("projects.project.registered", body);
    }

    fn amend(&mut self) {
        let mut body = json!({ "project": self.any(), "reason": "核实后更正" });
        let (member, value) = match self.random.random_range(0..4) {
            0 => ("total_fen", json!(self.random.random_range(1..30) * 1_000_000_000_i64)),
            1 => ("chain", json!(if self.random.random() { "equipment" } else { "" })),
            2 => ("programme", json!(if self.random.random() { "markets" } else { "" })),
            _ => ("planned_start", json!(self.day(-30, 30))),
        };
        body[member] = value;
        self.note_late("projects.project.amended", body);
    }

    /// Puts a deadline off, or takes a project off the list, by what is done to its matter.
    fn move_matter(&mut self, withdraw: bool) {
        let name = format!("project.{}", self.any());
        let id = MatterId::local(&self.book, &name).unwrap();
        let Some(matter) = self.town.site.kernel.matter(&id).unwrap() else { return };
        let approver: PostId = matter.reviewer.clone();
        let reason = "情况变化".to_owned();
        let event = if withdraw {
            Cancelled { matter: id, sort: matter.sort.clone(), reason, approver }.into()
        } else {
            let extension = Extension::To { day: self.day(-10, 120) };
            matters::Event::from(Extended { matter: id, extension, reason, approver })
        };
        let actor = ActorId::new("system:office").unwrap();
        let moved = self.town.site.kernel.append_blocking::<_, _, DocketError>(move |desk| {
            let now = desk.now();
            desk.move_matter(matter.version, &actor, now, event.clone()).map(drop)
        });
        assert!(matches!(moved, Ok(()) | Err(AppendError::Refused(_))), "{moved:?}");
    }

    fn step(&mut self) {
        self.town.clock.advance_ms(self.random.random_range(0..40) * 3_600_000);
        match self.random.random_range(0..10) {
            0..3 => self.register(),
            3..5 => self.amend(),
            5..8 => {
                let to = Phase::ALL[self.random.random_range(0..Phase::ALL.len())];
                let reason = self.random.random::<bool>().then_some("情况有变");
                let body = json!({ "project": self.any(), "to": to, "reason": reason });
                self.note_late("projects.phase.changed", body);
            }
            8 => self.move_matter(false),
            _ => {
                let withdraw = self.random.random_range(0..3) == 0;
                self.move_matter(withdraw);
            }
        }
    }

    fn list(&self) -> Vec<Project> {
        let all = |tx: &mut dyn store::Tx| state::projects(tx, &self.book, &Filter::default(), "", 1_000);
        self.town.site.kernel.read(all).unwrap()
    }

    fn sum(&self, figure: &str, dimension: &str) -> i64 {
        self.sum_on(self.today(), figure, dimension)
    }

    fn sum_on(&self, day: Day, figure: &str, dimension: &str) -> i64 {
        let ever = Period { from: Day(0), to: day };
        let books = std::slice::from_ref(&self.book);
        self.town.site.kernel.sum(figure, books, ever, dimension).unwrap()
    }

    /// Of what was due on a day no more is met than was due, and no less than nothing.
    fn count_past(&self, days: i32) {
        for day in (0..days).map(|ago| self.today().plus(-ago)) {
            for dimension in ["", "chain=equipment", "programme=markets"] {
                let [all, start_due, start_met, finish_due, finish_met] = [
                    "projects.projects",
                    "projects.start.due",
                    "projects.start.met",
                    "projects.finish.due",
                    "projects.finish.met",
                ]
                .map(|figure| self.sum_on(day, figure, dimension));
                for (met, due) in [(start_met, start_due), (finish_met, finish_due)] {
                    assert!(
                        0 <= met && met <= due && due <= all,
                        "{day} {dimension}: {met} of {due} of {all}"
                    );
                }
            }
        }
    }

    fn count(&self, list: &[Project], dimension: &str, within: impl Fn(&Project) -> bool) {
        type Counted = fn(&Project) -> i64;
        let figures: [(&str, Counted); 12] = [
            ("projects.projects", |_| 1),
            ("projects.total", |it| it.total_fen.0),
            ("projects.started", |it| i64::from(it.phase >= Phase::Started)),
            ("projects.under_way", |it| i64::from(matches!(it.phase, Phase::Started | Phase::Roofed))),
            ("projects.finished", |it| i64::from(it.phase >= Phase::Finished)),
            ("projects.producing", |it| i64::from(it.phase == Phase::Producing)),
            ("projects.start.due", |it| i64::from(it.start_due)),
            ("projects.start.met", |it| i64::from(it.start_due && it.phase >= Phase::Started)),
            ("projects.finish.due", |it| i64::from(it.finish_due)),
            ("projects.finish.met", |it| i64::from(it.finish_due && it.phase >= Phase::Finished)),
            ("projects.signed.large", |it| i64::from(large(it))),
            ("projects.signed.large.sum", |it| if large(it) { it.total_fen.0 } else { 0 }),
        ];
        for (figure, of) in figures {
            let counted: i64 = list.iter().filter(|it| within(it)).map(of).sum();
            assert_eq!(self.sum(figure, dimension), counted, "{figure} {dimension}");
        }
    }
}

fn large(project: &Project) -> bool {
    project.newly_signed && project.total_fen.0 >= 10_000_000_000
}

on_every_store! {
    fn figures_of_how_projects_stand_are_counts_of_the_list_whatever_was_done(town) {
        let book = BookId::new(OFFICES[0].book).unwrap();
        let mut office = Office { town: &town, book, random: StdRng::seed_from_u64(106), registered: 0 };
        for step in 1..=STEPS {
            office.step();
            if step % STRIDE > 0 {
                continue;
            }
            town.settle();
            let list = office.list();
            office.count_past(60);
            office.count(&list, "", |_| true);
            office.count(&list, "chain=equipment", |it| it.chain.as_deref() == Some("equipment"));
            office.count(&list, "programme=markets", |it| it.programme.as_deref() == Some("markets"));
            for it in &list {
                let today = office.today();
                let came = (it.planned_start <= today, it.planned_finish <= today);
                assert_eq!((it.start_due, it.finish_due), came, "{} on {today}: {it:?}", it.project);
            }
        }
        assert!(office.list().len() > 5, "the seed leaves projects to count");
        town.check();
    }
}
