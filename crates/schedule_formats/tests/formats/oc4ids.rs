//! Packages against the standard's own schema.

use std::path::PathBuf;

use base::{Fen, Time};
use schedule_formats::oc4ids::{
    Contract, Milestone, Package, Party, Payment, Progress, Project, Site, Status, write,
};
use serde_json::Value;

fn time(text: &str) -> Time {
    Time::parse(text).unwrap()
}

fn party(id: &str, name: &str) -> Party {
    Party { id: id.to_owned(), name: name.to_owned() }
}

/// The Yucheng road with all that can be said of a project.
fn full() -> Project {
    Project {
        id: "CN-371482-yucheng-road".to_owned(),
        identifiers: vec![("CN-GB40058".to_owned(), "2103-371482-04-01-123456".to_owned())],
        title: "禹城市道路改造工程".to_owned(),
        updated: time("2021-06-30T08:00:00Z"),
        status: Status::Implementation,
        authority: party("unit:371482-transport", "禹城市交通运输局"),
        builder: Some(party("unit:371482-transport", "禹城市交通运输局")),
        budget: Fen(12_345_678_900),
        start: time("2021-04-01T00:00:00Z"),
        finish: time("2021-06-25T00:00:00Z"),
        site: Some(Site { address: "禹城市".to_owned(), point: Some((369_340_000, 1_166_380_000)) }),
        milestones: vec![
            Milestone {
                id: "1".to_owned(),
                title: "桥梁完工".to_owned(),
                due: time("2021-05-20T00:00:00Z"),
                met: Some(time("2021-05-18T00:00:00Z")),
            },
            Milestone {
                id: "2".to_owned(),
                title: "通车".to_owned(),
                due: time("2021-06-25T00:00:00Z"),
                met: None,
            },
        ],
        planned: Progress {
            physical_bp: vec![(time("2021-04-30T00:00:00Z"), 3_350)],
            financial: vec![(time("2021-04-30T00:00:00Z"), Fen(4_000_000_000))],
        },
        actual: Progress { physical_bp: vec![(time("2021-04-30T00:00:00Z"), 3_000)], financial: Vec::new() },
        contracts: vec![Contract {
            id: "HT-01".to_owned(),
            title: "施工合同".to_owned(),
            supplier: party("施工单位", "施工单位"),
            value: Fen(9_999_999_901),
            signed: time("2021-03-20T00:00:00Z"),
        }],
        payments: vec![
            Payment {
                id: "7".to_owned(),
                date: time("2021-05-01T00:00:00Z"),
                amount: Fen(1),
                contract: Some("HT-01".to_owned()),
            },
            Payment {
                id: "8".to_owned(),
                date: time("2021-05-02T00:00:00Z"),
                amount: Fen(100),
                contract: None,
            },
        ],
    }
}

fn bare() -> Project {
    let full = full();
    Project {
        id: "CN-bare".to_owned(),
        identifiers: Vec::new(),
        builder: None,
        site: None,
        milestones: Vec::new(),
        planned: Progress::default(),
        actual: Progress::default(),
        contracts: Vec::new(),
        payments: Vec::new(),
        status: Status::Identification,
        ..full
    }
}

fn package(projects: Vec<Project>) -> Value {
    write(&Package {
        uri: "https://taizhang.example/projects/yucheng".to_owned(),
        publisher: "禹城市重点项目办".to_owned(),
        published: time("2021-06-30T08:00:00Z"),
        projects,
    })
}

#[test]
fn money_degrees_and_roles_are_written_as_the_standard_has_them() {
    let written = package(vec![full()]);
    let project = &written["projects"][0];
    assert_eq!(project["budget"]["amount"]["amount"], 123_456_789.0);
    assert_eq!(project["contractingProcesses"][0]["summary"]["contractValue"]["amount"], 99_999_999.01);
    assert_eq!(project["locations"][0]["geometry"]["coordinates"][0], 116.638);
    assert_eq!(project["parties"][0]["roles"].as_array().unwrap().len(), 2);
    assert_eq!(project["milestones"][0]["status"], "met");
    assert_eq!(project["milestones"][1]["status"], "notMet");
    assert_eq!(project["transactions"].as_array().unwrap().len(), 1);
}

#[test]
fn packages_satisfy_the_schema_of_the_standard() {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let folder = std::env::var_os("TAIZHANG_CORPORA").map_or(beside, PathBuf::from).join("oc4ids/schema");
    let read = |name: &str| -> Option<Value> {
        let text = std::fs::read_to_string(folder.join(name)).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    };
    let (Some(mut schema), Some(of_project)) =
        (read("project-package-schema.json"), read("project-schema.json"))
    else {
        println!("skipped: no schema in {}", folder.display());
        return;
    };
    // What the package refers to lies beside it.
    let mut project = of_project;
    let definitions = project.as_object_mut().unwrap().remove("definitions").unwrap();
    project.as_object_mut().unwrap().remove("id");
    schema.as_object_mut().unwrap().remove("id");
    schema["definitions"] = definitions;
    schema["properties"]["projects"]["items"] = project;
    let validator = jsonschema::draft4::options().should_validate_formats(true).build(&schema).unwrap();
    for projects in [vec![full()], vec![bare()], vec![full(), bare()]] {
        let written = package(projects);
        let wrong: Vec<String> = validator.iter_errors(&written).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    let mut broken = package(vec![full()]);
    broken["projects"][0]["status"] = "started".into();
    assert!(!validator.is_valid(&broken));
}
