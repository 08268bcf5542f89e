//! What of projects, their plans, permits and codes is refused although another record hides it, and what is recorded of them in a day.

use harness::{Answer, Client, OFFICES, Town, User, on_every_store, project};
use serde_json::{Value, json};

const PROJECTS: &str = "/api/projects/decheng-projects";
const TEAM: &str = "post:decheng-office/team-1";
const OFFICE: &str = "post:decheng-office/office";

fn record(client: &Client, kind: &str, body: Value) -> Answer {
    client.post(&format!("{PROJECTS}/entries"), &json!({ "kind": kind, "body": body }))
}

fn register(client: &Client, name: &str) {
    record(client, "projects.project.registered", project(OFFICES[0], name)).expect(201);
}

fn step(client: &Client, matter: &str, step: Value) -> Answer {
    let version = client.get(matter).expect(200).json()["matter"]["version"].clone();
    client.post(&format!("{matter}/moves"), &json!({ "expected": version, "move": step }))
}

fn hand_in(town: &Town, client: &Client, matter: &str, by: &str) -> Answer {
    let path = format!("{matter}/evidence");
    let file = client.post_bytes(&path, "application/pdf", b"%PDF-1.4\n%%EOF\n").expect(201).json();
    let evidence = json!([{ "digest": file["digest"], "title": "照片", "effective": town.now()[..10] }]);
    step(client, matter, json!({ "verb": "submitted", "by": by, "evidence": evidence }))
}

on_every_store! {
    fn a_project_that_is_handed_in_goes_back_no_phase_until_it_was_judged(town) {
        let planner = town.program(User::Planner);
        register(&planner, "road");
        let phase = |to: &str| {
            record(&planner, "projects.phase.changed", json!({ "project": "road", "to": to, "reason": "复核" }))
        };
        phase("finished").expect(201);
        let (team, path) = (town.holder("zhao", &[TEAM]), "/api/matters/decheng-projects/project.road");
        step(&team, path, json!({ "verb": "taken", "by": TEAM })).expect(201);
        hand_in(&town, &team, path, TEAM).expect(201);
        let said = phase("started").expect(409).json();
        assert_eq!((&said["rule"], &said["field"]), (&json!("handed-in"), &json!("body.to")), "{said}");
        assert!(said["detail_zh"].as_str().unwrap().contains("待审核"), "{said}");
        // Forward it goes, and not back from there.
        phase("producing").expect(201);
        phase("finished").expect(409);
        let office = town.holder("li", &[OFFICE]);
        step(&office, path, json!({ "verb": "returned", "reason": "照片不清" })).expect(201);
        phase("planned").expect(201);
        town.check();
    }
}
