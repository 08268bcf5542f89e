//! Matters to play with.

use base::{ActorId, CityZone, Day, KindName, SubjectId, Time};
use matters::*;

pub fn zone() -> CityZone {
    CityZone::named("Asia/Shanghai").unwrap()
}

pub fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// A local moment, `2026-03-02T08:30`.
pub fn at(text: &str) -> Time {
    Time::parse(&format!("{text}:00+08:00")).unwrap()
}

pub fn post(name: &str) -> PostId {
    SubjectId::new(format!("post:371402/{name}")).unwrap().try_into().unwrap()
}

pub fn actor(name: &str) -> ActorId {
    ActorId::new(format!("account:{name}")).unwrap()
}

pub fn id() -> MatterId {
    SubjectId::new("matter:beiyuan/2026-1").unwrap().try_into().unwrap()
}

pub fn sort() -> KindName {
    KindName::new("projects.blocker").unwrap()
}

pub fn opened(due: Due) -> Opened {
    Opened {
        matter: id(),
        sort: sort(),
        title: "用地手续".into(),
        owner: post("owner"),
        helpers: vec![post("helper")],
        reviewer: post("reviewer"),
        due,
        rule: "default".into(),
    }
}

pub fn step(at: Time, by: &str, event: impl Into<Event>) -> Move {
    Move { at, actor: actor(by), event: event.into() }
}

pub fn evidence(effective: &str) -> Evidence {
    Evidence {
        digest: "ab".repeat(32),
        title: "竣工照片".into(),
        effective: day(effective),
        uploaded: day("2026-12-31"),
    }
}

pub fn taken() -> Taken {
    Taken { matter: id(), by: post("owner") }
}

pub fn submitted(effective: &str) -> Submitted {
    Submitted { matter: id(), by: post("owner"), evidence: vec![evidence(effective)], note: None }
}

pub fn accepted(by: &str) -> Accepted {
    Accepted { matter: id(), sort: sort(), by: post(by), in_time: None }
}

pub fn paused() -> Paused {
    Paused { matter: id(), reason: "等待上级批复".into(), approver: post("leader") }
}

pub fn excused(inputs: Vec<Input>, from: Day, until: Day) -> Excused {
    Excused { matter: id(), inputs, reason: "汛期停工".into(), approver: post("leader"), from, until }
}
