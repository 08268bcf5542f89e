//! What may happen to a matter, and what is refused.

use base::{BookId, Seq, Time};
use ledger::{Body, Catalogue, Draft, Entry};
use matters::*;
use proptest::prelude::*;

use crate::support::*;

fn due() -> Due {
    Due::On { day: day("2026-03-31") }
}

fn begun() -> Matter {
    Matter::open(&opened(due()), at("2026-03-02T08:30")).unwrap()
}

#[test]
fn a_matter_is_taken_submitted_returned_submitted_and_accepted() {
    let returned = Returned { matter: id(), by: post("reviewer"), reason: "照片不清".into() };
    let accepted = accepted("reviewer");
    let moves = [
        (step(at("2026-03-03T09:00"), "wei", taken()), State::InHand),
        (step(at("2026-03-20T09:00"), "wei", submitted("2026-03-19")), State::Submitted),
        (step(at("2026-03-21T09:00"), "li", returned), State::Returned),
        (step(at("2026-04-02T09:00"), "wei", submitted("2026-03-30")), State::Submitted),
        (step(at("2026-04-03T09:00"), "li", accepted), State::Accepted),
    ];
    let matter = moves.iter().fold(begun(), |matter, (step, state)| {
        let next = matter.propose(matter.version, step).unwrap();
        assert_eq!(next.state, *state);
        next
    });
    assert_eq!(matter.version, Version(5));
    assert_eq!(matter.effective(), Some(day("2026-03-30")));
    let calendar = Calendar::embedded();
    assert_eq!(matter.is_in_time(&calendar, &zone()), Some(true), "uploaded late, but done in time");
}

#[test]
fn of_two_people_who_move_a_matter_at_once_the_second_gets_a_conflict() {
    let matter = begun();
    let seen = matter.version;
    let first = matter.propose(seen, &step(at("2026-03-03T09:00"), "wei", taken())).unwrap();
    let helper = HelperAdded { matter: id(), helper: post("other") };
    let second = first.propose(seen, &step(at("2026-03-03T09:00"), "li", helper.clone()));
    assert_eq!(second, Err(MatterError::Conflict { expected: seen, found: Version(1) }));
    // A colour that the clock wrote meanwhile is no conflict.
    let mut coloured = first.clone();
    let watch = (Preset::Default.rule(), Calendar::embedded(), zone());
    let watch = Watch { rule: &watch.0, calendar: &watch.1, zone: &watch.2 };
    let now = at("2026-03-03T10:00");
    for step in watch.falls_due(&coloured, &Facts::default(), &actor("clock"), now, now).unwrap() {
        coloured = coloured.after(&step).unwrap();
    }
    assert_eq!(coloured.colour, Some(Colour::Blue));
    assert!(coloured.propose(Version(1), &step(at("2026-03-03T11:00"), "li", helper)).is_ok());
}

#[test]
fn nobody_reviews_or_approves_their_own_work() {
    let now = at("2026-03-03T09:00");
    let refused = |matter: &Matter, step: Move| matter.after(&step).unwrap_err();
    let matter = begun();
    let to = |to: &str, reviewer: Option<&str>| {
        let (to, reviewer) = (post(to), reviewer.map(post));
        step(now, "li", HandedOver { matter: id(), to, reviewer, colour: None, reason: "职责调整".into() })
    };
    assert_eq!(refused(&matter, to("reviewer", None)), MatterError::ReviewerTakesPart);
    assert_eq!(refused(&matter, to("other", Some("helper"))), MatterError::ReviewerTakesPart);
    assert_eq!(refused(&matter, to("other", Some("owner"))), MatterError::ReviewerTakesPart);
    assert_eq!(refused(&matter, to("owner", None)), MatterError::TakesPart);
    let moved = matter.after(&to("reviewer", Some("other"))).unwrap();
    assert_eq!((moved.owner, moved.reviewer), (post("reviewer"), post("other")));
    let promoted = matter.after(&to("helper", None)).unwrap();
    assert_eq!((promoted.owner, promoted.helpers), (post("helper"), vec![]));

    let helper = HelperAdded { matter: id(), helper: post("reviewer") };
    assert_eq!(refused(&matter, step(now, "li", helper)), MatterError::ReviewerTakesPart);
    let own = Paused { approver: post("owner"), ..paused() };
    assert_eq!(refused(&matter, step(now, "wei", own)), MatterError::OwnerApproves);
    let stranger = Taken { by: post("helper"), ..taken() };
    assert_eq!(refused(&matter, step(now, "wei", stranger)), MatterError::NotOwner);

    let handed_in = [step(now, "wei", taken()), step(now, "wei", submitted("2026-03-01"))];
    let handed_in = handed_in.iter().fold(matter, |matter, step| matter.after(step).unwrap());
    let accept = accepted;
    assert_eq!(refused(&handed_in, step(now, "wei", accept("reviewer"))), MatterError::OwnWork);
    assert_eq!(refused(&handed_in, step(now, "li", accept("helper"))), MatterError::NotReviewer);
    let nothing = Submitted { evidence: vec![], ..submitted("2026-03-01") };
    let returned = Returned { matter: id(), by: post("reviewer"), reason: "不实".into() };
    let returned = handed_in.after(&step(now, "li", returned)).unwrap();
    assert_eq!(refused(&returned, step(now, "wei", nothing)), MatterError::NoEvidence);
}

#[test]
fn a_matter_that_moved_too_often_can_be_ended_and_nothing_else() {
    let now = at("2026-03-03T09:00");
    let over = |to: &str| HandedOver {
        matter: id(),
        to: post(to),
        reviewer: None,
        reason: "x".into(),
        colour: None,
    };
    let mut matter = begun();
    let refused = loop {
        let to = if matter.owner == post("owner") { "other" } else { "owner" };
        match matter.propose(matter.version, &step(now, "wei", over(to))) {
            Ok(next) => matter = next,
            Err(refused) => break refused,
        }
        let helper = HelperAdded { matter: id(), helper: post("late") };
        let added = matter.propose(matter.version, &step(now, "wei", helper));
        assert_eq!(added.is_ok(), matter.version.0 < MOVES_OF_PARTS_MAX);
    };
    assert_eq!((refused, matter.version), (MatterError::TooMany("moves"), Version(2_000)));
    assert_eq!(
        matter.propose(matter.version, &step(now, "li", paused())),
        Err(MatterError::TooMany("moves"))
    );
    let cancelled = Cancelled { matter: id(), sort: sort(), reason: "x".into(), approver: post("reviewer") };
    let ended = matter.propose(matter.version, &step(now, "li", cancelled)).unwrap();
    assert!(ended.state.is_closed());
}

#[test]
fn a_paused_matter_waits_and_its_deadline_moves_by_the_pause() {
    let (calendar, zone) = (Calendar::embedded(), zone());
    let matter = begun().after(&step(at("2026-03-03T09:00"), "wei", taken())).unwrap();
    let waiting = matter.after(&step(at("2026-03-06T16:00"), "wei", paused())).unwrap();
    assert_eq!(waiting.deadline(&calendar, &zone), None);
    for event in [Event::from(submitted("2026-03-01")), paused().into()] {
        assert_eq!(waiting.after(&step(at("2026-03-07T09:00"), "wei", event)), Err(MatterError::Paused));
    }
    let resumed = Resumed { matter: id() };
    let going = waiting.after(&step(at("2026-03-09T08:00"), "wei", resumed.clone())).unwrap();
    assert_eq!(going.deadline(&calendar, &zone).unwrap().value, day("2026-04-03"));
    assert_eq!(going.after(&step(at("2026-03-09T09:00"), "wei", resumed)), Err(MatterError::NotPaused));
    let extend = |extension| {
        let extended =
            Extended { matter: id(), extension, reason: "暴雨".into(), approver: post("leader") };
        going.after(&step(at("2026-03-10T09:00"), "wei", extended))
    };
    assert_eq!(extend(Extension::To { day: day("2026-03-31") }), Err(MatterError::NoExtension));
    let later = extend(Extension::Days { days: 5 }).unwrap();
    assert_eq!(later.deadline(&calendar, &zone).unwrap().value, day("2026-04-08"));
    let fixed = extend(Extension::To { day: day("2026-04-30") }).unwrap();
    assert_eq!(fixed.deadline(&calendar, &zone).unwrap().value, day("2026-04-30"), "as it was approved");
}

#[test]
fn the_state_machine_is_this_table() {
    use State::*;
    let allowed = |state: State| {
        let verbs = Verb::ALL.into_iter().filter(|verb| state.after(*verb).is_ok());
        verbs
            .map(|verb| format!("{}>{}", verb.as_str(), state.after(verb).unwrap().as_str()))
            .collect::<Vec<_>>()
    };
    let moves = |state: State| {
        let stays = format!(">{}", state.as_str());
        allowed(state).into_iter().filter(|text| !text.ends_with(&stays)).collect::<Vec<_>>()
    };
    assert_eq!(moves(Open), ["taken>in_hand", "cancelled>cancelled"]);
    assert_eq!(moves(InHand), ["submitted>submitted", "cancelled>cancelled"]);
    assert_eq!(moves(Submitted), ["returned>returned", "accepted>accepted", "cancelled>cancelled"]);
    assert_eq!(moves(Returned), ["taken>in_hand", "submitted>submitted", "cancelled>cancelled"]);
    assert_eq!(moves(Reopened), ["taken>in_hand", "cancelled>cancelled"]);
    for closed in [Accepted, Cancelled] {
        assert_eq!(allowed(closed).len(), 2, "reopened, and the loss of its colour");
        assert_eq!(moves(closed), ["reopened>reopened"]);
    }
    assert_eq!(allowed(Submitted).len(), 3 + 5, "a submitted matter is neither paused nor extended");
    assert_eq!(Open.after(Verb::Accepted), Err(MatterError::Forbidden { state: Open, verb: Verb::Accepted }));
}

#[test]
fn every_kind_has_a_name_of_its_own_and_a_schema() {
    let mut catalogue = Catalogue::default();
    for kind in kinds() {
        assert_eq!(kind.schema()["$id"], format!("urn:taizhang:kind:{}", kind.name));
        catalogue.add(kind).unwrap();
    }
    let opened = |reviewer: &str| {
        let body = Opened { reviewer: post(reviewer), ..opened(due()) };
        catalogue.get(Opened::KIND).unwrap().canonical_body(&serde_json::to_string(&body).unwrap())
    };
    assert!(opened("reviewer").is_ok());
    assert_eq!(opened("helper").unwrap_err().field, "reviewer");
    let rule = Preset::Default.json().replace("open_blockers", "moon");
    let error = catalogue.get(RuleAdopted::KIND).unwrap().canonical_body(&format!("{{\"rule\":{rule}}}"));
    let error = error.unwrap_err();
    assert!(error.field.starts_with("rule.dimensions[") && error.detail.contains("moon"), "{error}");
}

fn any_event() -> impl Strategy<Value = Event> {
    let posts = prop_oneof![Just("owner"), Just("helper"), Just("reviewer"), Just("leader"), Just("other")];
    let colour = prop::option::of(prop::sample::select(Colour::ALL.to_vec()));
    (0..16_u8, posts.clone(), prop::option::of(posts), colour.clone(), colour, 1..4_u8).prop_map(
        |(verb, name, other, from, to, level)| {
            let (matter, by, reason) = (id(), post(name), "理由".to_owned());
            let assessment = to.map(|colour| Assessment {
                colour,
                rule: "default".into(),
                rule_version: 1,
                day: day("2026-03-02"),
                provisional: false,
                reasons: vec![],
            });
            match verb {
                0 | 1 => Taken { matter, by: post("owner") }.into(),
                2 | 3 => Submitted { by, ..submitted("2026-03-02") }.into(),
                4 => Returned { matter, by, reason }.into(),
                5 => Accepted { matter, sort: sort(), by, in_time: None }.into(),
                6 => Cancelled { matter, sort: sort(), reason, approver: by }.into(),
                7 => Reopened { matter, sort: sort(), reason, approver: by, due: due(), undone: None }.into(),
                8 => HandedOver { matter, to: by, reviewer: other.map(post), colour: None, reason }.into(),
                9 => HelperAdded { matter, helper: by }.into(),
                10 => Paused { matter, reason, approver: by }.into(),
                11 => Resumed { matter }.into(),
                12 => {
                    let extension = Extension::Days { days: u32::from(level) };
                    Extended { matter, extension, reason, approver: by }.into()
                }
                13 => Coloured { matter, sort: sort(), from, to, since: Time(0), assessment }.into(),
                14 => Escalated {
                    matter,
                    sort: sort(),
                    level,
                    since: Time(0),
                    post: by,
                    title_zh: "约谈".into(),
                    title_en: "Talk".into(),
                    rule: "default".into(),
                    rule_version: 1,
                }
                .into(),
                _ => excused(vec![Input::DaysOverdue], day("2026-03-02"), day("2026-03-09")).into(),
            }
        },
    )
}

proptest! {
    #[test]
    fn replaying_the_entries_of_a_matter_gives_the_matter(events in prop::collection::vec((any_event(), any::<bool>()), 0..60)) {
        let book = BookId::new("beiyuan").unwrap();
        let seal = |draft: Draft, seq: usize, at: Time| {
            let entry = Entry::seal(draft, Seq(seq as u64), at, [7; 16]);
            Entry::open(&entry.head(), entry.body.clone(), entry.salt).unwrap()
        };
        let mut now = at("2026-03-02T08:30");
        let draft = Draft::new(&book, now, &actor("li"), &opened(due())).unwrap();
        let mut entries = vec![seal(draft, 0, now)];
        let mut live = Matter::open(&opened(due()), now).unwrap();
        for (event, by_owner) in events {
            now = now.plus_ms(7 * 3_600_000);
            let mut step = step(now, if by_owner { "wei" } else { "li" }, event);
            match &mut step.event {
                Event::Coloured(coloured) => coloured.since = now,
                Event::Escalated(escalated) => escalated.since = now,
                _ => {}
            }
            let Ok(next) = live.after(&step) else { continue };
            prop_assert!(next.reviewer != next.owner && !next.helpers.contains(&next.reviewer));
            prop_assert!(!next.helpers.contains(&next.owner));
            if let Ok(draft) = step.draft(&book, &live) {
                entries.push(seal(draft, entries.len(), now));
                live = next;
            }
        }
        let mut replayed = Matter::read(&entries[0]).unwrap().unwrap().unwrap();
        for entry in &entries[1..] {
            replayed = replayed.after(&Move::read(entry).unwrap().unwrap()).unwrap();
        }
        prop_assert_eq!(replayed, live);
    }
}
