//! What a key-project office needs before it can work, and a project that it watches over.

use std::sync::Arc;

use base::{ActorId, BookId, SubjectId, Time, UnitCode};
use kernel::Kernel;
use line_projects::record::{Input, Recorded};
use registry::{BookOpened, Level, PostAdded, UnitAdded};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::town::installation;

/// A county's key-project office and the book that it keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Office {
    pub book: &'static str,
    pub unit: &'static str,
    pub county: &'static str,
}

/// The offices of the town's two counties.
pub const OFFICES: [Office; 2] = [
    Office { book: "decheng-projects", unit: "decheng-office", county: "371402" },
    Office { book: "leling-projects", unit: "leling-office", county: "371481" },
];

/// Teams that every office has a post for.
const TEAMS: u32 = 2;

/// The post of one of an office's teams, from 1.
pub fn team(office: Office, number: u32) -> SubjectId {
    SubjectId::new(format!("post:{}/team-{number}", office.unit)).unwrap()
}

/// Records an entry as the installation, past HTTP and rights; now, or at a time.
pub fn note(kernel: &Kernel, book: &str, occurred: Option<&str>, kind: &str, body: Value) -> Recorded {
    let occurred = occurred.map(|text| Time::parse(text).unwrap());
    let input = Input { kind: kind.to_owned(), occurred, body, evidence: Vec::new() };
    let (book, actor) = (BookId::new(book).unwrap(), ActorId::new("system:test").unwrap());
    let recorded =
        kernel.append_blocking(move |desk| line_projects::record::record(desk, &book, &actor, &input));
    recorded.unwrap_or_else(|error| panic!("{kind}: {error:?}"))
}

/// What is registered of a project of an office's first team: signed, five hundred million yuan, to be started by the
/// end of March 2026 and finished within the year.
pub fn project(office: Office, name: &str) -> Value {
    json!({
        "project": name, "title_zh": "智能健身器材产业园", "title_en": "Smart fitness equipment park",
        "industry": "C24", "chain": "equipment",
        "site": { "unit": office.county, "address": "开发区创新路 8 号", "position": { "lat_e7": 377_290_000, "lon_e7": 1_172_160_000 } },
        "total_fen": 50_000_000_000_i64, "builder": "某体育产业有限公司",
        "office": format!("post:{}/office", office.unit), "team": team(office, 1),
        "planned_start": "2026-03-31", "planned_finish": "2026-12-31", "phase": "signed", "newly_signed": false,
    })
}

/// Registers a project with some members replaced.
pub fn add_project(kernel: &Kernel, office: Office, name: &str, members: Value) {
    let mut body = project(office, name);
    for (member, value) in members.as_object().unwrap() {
        body[member] = value.clone();
    }
    note(kernel, office.book, None, "projects.project.registered", body);
}

/// Freezes the plan of a project as a baseline, as it is seen.
pub fn freeze(client: &Client, office: Office, project: &str) -> Answer {
    let book = format!("/api/projects/{}", office.book);
    let plan = client.get(&format!("{book}/projects/{project}/plan")).expect(200).json();
    let body = json!({ "project": project, "title": "开工前", "version": plan["source"]["version"] });
    client.post(&format!("{book}/entries"), &json!({ "kind": "projects.plan.baselined", "body": body }))
}

/// Founds an office in its county with posts for itself and its teams, opens its book, and enters a chain, a programme
/// and the project `park`.
pub fn found_office(kernel: &Arc<Kernel>, office: Office) {
    let unit = |code: &str| UnitCode::new(code).unwrap();
    let added = UnitAdded {
        code: unit(office.unit),
        parent: Some(unit(office.county)),
        level: Level::Bureau,
        title_zh: "重点项目办".into(),
        title_en: "Key-project office".into(),
    };
    kernel.add_unit(&installation(), added).unwrap();
    let teams = (1..=TEAMS).map(|number| (format!("team-{number}"), "项目专班", "Project team"));
    for (name, zh, en) in teams.chain([("office".to_owned(), "项目办主任", "Head of the office")]) {
        let post = PostAdded {
            post: SubjectId::new(format!("post:{}/{name}", office.unit)).unwrap(),
            unit: unit(office.unit),
            title_zh: zh.into(),
            title_en: en.into(),
        };
        kernel.add_post(&installation(), post).unwrap();
    }
    let opened = BookOpened {
        book: BookId::new(office.book).unwrap(),
        unit: unit(office.unit),
        line: "projects".into(),
        title_zh: "重点项目".into(),
        title_en: "Key projects".into(),
    };
    kernel.open_book(&installation(), opened).unwrap();
    let record = |kind: &str, body: Value| note(kernel, office.book, None, kind, body);
    let leader = format!("post:{}/office", office.unit);
    record(
        "projects.chain.founded",
        json!({ "chain": "equipment", "title_zh": "体育装备", "title_en": "Sports equipment", "leader": leader }),
    );
    record(
        "projects.programme.founded",
        json!({ "programme": "markets", "title_zh": "农贸市场升级改造", "title_en": "Market renovation", "planned_fen": 7_351_000_000_i64 }),
    );
    add_project(kernel, office, "park", json!({}));
}
