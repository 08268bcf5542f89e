//! The pages of key projects: who may open which, what their forms record, and what they refuse.

use harness::{Answer, Client, OFFICES, Town, User, note, on_every_store, project, team};
use serde_json::json;

/// The entries of the first office's book.
fn entries(town: &Town) -> u64 {
    town.fingerprint().into_iter().find(|(name, ..)| name == OFFICES[0].book).unwrap().1
}

/// Sends a form with fields, as a browser does that may add a file to it.
fn multipart(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let part = |(name, value): &(&str, &str)| {
        format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = fields.iter().map(part).collect::<String>() + "--b--\r\n";
    client.post_bytes(path, "multipart/form-data; boundary=b", body.as_bytes())
}

/// The key that a page's forms carry.
fn key(page: &Answer) -> String {
    let text = page.text();
    let rest = text.split_once("name=\"key\" value=\"").expect("a form with a key").1;
    rest.split('"').next().unwrap().to_owned()
}

const BOOK: &str = "/projects/decheng-projects";

/// Who opens a page: nobody, office, team, leader, merchant.
const WHO: [User; 5] = [User::Anonymous, User::Planner, User::Team, User::Leader, User::Merchant];

/// What each gets. A team is led from the list of all to its own; nobody is led to the door.
const PAGES: [(&str, [u16; 5]); 15] = [
    ("/projects", [303, 200, 303, 200, 403]),
    ("/my/projects", [303, 303, 200, 303, 403]),
    ("/projects/decheng-projects", [303, 200, 303, 200, 403]),
    ("/projects/leling-projects", [303, 403, 403, 403, 403]),
    ("/projects/decheng-projects/project/park", [303, 200, 200, 200, 403]),
    ("/projects/decheng-projects/programmes", [303, 200, 403, 200, 403]),
    ("/projects/decheng-projects/programme/markets", [303, 200, 403, 200, 403]),
    ("/projects/decheng-projects/chains", [303, 200, 403, 200, 403]),
    ("/projects/decheng-projects/chain/equipment", [303, 200, 403, 200, 403]),
    ("/projects/decheng-projects/permits", [303, 200, 403, 200, 403]),
    ("/projects/decheng-projects/proxies", [303, 200, 403, 200, 403]),
    ("/projects/decheng-projects/visits", [303, 200, 403, 200, 403]),
    ("/projects/decheng-projects/record/project", [303, 200, 403, 403, 403]),
    ("/projects/decheng-projects/record/blocker", [303, 200, 200, 403, 403]),
    ("/projects/decheng-projects/project/park/report", [303, 200, 200, 403, 403]),
];

on_every_store! {
    fn everybody_opens_the_pages_that_are_theirs(town) {
        for (at, user) in WHO.into_iter().enumerate() {
            let browser = if user == User::Anonymous { town.site.client() } else { town.browser(user) };
            let browser = browser.with("accept", "text/html");
            for (path, expected) in PAGES {
                let answer = browser.get(path);
                assert_eq!(answer.status, expected[at], "{user:?} {path}: {}", answer.text());
            }
        }
        let team = town.program(User::Team).with("accept", "text/html");
        assert_eq!(team.get("/projects").header("location"), "/my/projects");
    }

    fn a_team_reports_once_and_sees_it(town) {
        let team = town.browser(User::Team);
        let form = format!("{BOOK}/project/park/report");
        let key = key(&team.get(&form).expect(200));
        let before = entries(&town);
        let fields = [("key", key.as_str()), ("percent", "20"), ("other", ""), ("note", "桩基完成"), ("remaining_days", "")];
        let first = multipart(&team, &form, &fields).expect(303);
        let again = multipart(&team, &form, &fields).expect(303);
        assert_eq!(first.header("location"), again.header("location"));
        let after = entries(&town);
        assert!(first.header("location").starts_with("/my/projects?done="), "{}", first.header("location"));
        let page = team.get("/my/projects?lang=zh-CN").expect(200).text();
        assert!(page.contains("20%") && page.contains("今天已上报"), "{page}");
        // The report and what it changes of the colour; nothing for the second time.
        assert!(after > before && entries(&town) == after);
        // As last time is what the next form stands at.
        let next = team.get(&form).expect(200).text();
        assert!(next.contains("value=\"20\" checked"), "{next}");
        town.check();
    }

    fn a_form_that_is_refused_says_why_beside_the_field_and_changes_nothing(town) {
        let (planner, team) = (town.browser(User::Planner), town.browser(User::Team));
        note(&town.site.kernel, OFFICES[0].book, None, "projects.progress.reported",
            json!({ "project": "park", "percent_bp": 4_000 }));
        let before = town.fingerprint();
        let refused = |client: &Client, path: &str, fields: &[(&str, &str)], expected: &[&str]| {
            let page = multipart(client, path, fields).expect(422).text();
            for text in expected {
                assert!(page.contains(text), "{path}: no {text:?} in {page}");
            }
            assert_eq!(town.fingerprint(), before, "{path}");
        };
        let report = format!("{BOOK}/project/park/report?lang=zh-CN");
        refused(&team, &report, &[("percent", "40"), ("other", "30")], &["id=\"note-error\"", "value=\"30\""]);
        refused(&team, &report, &[("other", "many")], &["id=\"other-error\"", "value=\"many\""]);
        let invest = format!("{BOOK}/record/invest?lang=zh-CN");
        refused(&planner, &invest, &[("project", "park"), ("month", "July"), ("amount_fen", "")],
            &["id=\"month-error\"", "id=\"amount_fen-error\"", "value=\"July\""]);
        let project = format!("{BOOK}/record/project?lang=zh-CN");
        let post = format!("post:{}/team-1", OFFICES[0].unit);
        refused(&planner, &project, &[
            ("title_zh", "某项目"), ("industry", "steel"), ("unit", OFFICES[0].county), ("address", "某路"),
            ("total_fen", "100"), ("builder", "某公司"), ("team", &post), ("office", &post),
            ("planned_start", "2026-03-31"), ("planned_finish", "2026-12-31"), ("phase", "signed"),
        ], &["id=\"industry-error\"", "value=\"某公司\""]);
    }

    fn the_office_registers_plans_and_counts(town) {
        let planner = town.browser(User::Planner);
        let send = |form: &str, fields: &[(&str, &str)]| {
            let path = format!("{BOOK}/record/{form}");
            let answer = multipart(&planner, &path, fields);
            assert_eq!(answer.status, 303, "{form}: {}", answer.text());
            answer.header("location").to_owned()
        };
        let (team, office) = (team(OFFICES[0], 2).to_string(), format!("post:{}/office", OFFICES[0].unit));
        send("project", &[
            ("title_zh", "红枣深加工"), ("project", "dates"), ("industry", "C13"), ("chain", "equipment"),
            ("unit", OFFICES[0].county), ("address", "工业路 1 号"), ("lat_e7", "37.729"), ("lon_e7", "117.216"),
            ("total_fen", "12000"), ("builder", "某食品公司"), ("team", &team), ("office", &office),
            ("planned_start", "2026-03-31"), ("planned_finish", "2026-12-31"), ("phase", "signed"), ("newly_signed", "on"),
        ]);
        send("plan", &[("project", "dates"), ("months", "2026-03 300\n2026-04 500")]);
        send("invest", &[("project", "dates"), ("month", "2026-03"), ("amount_fen", "150")]);
        send("contract", &[("project", "dates"), ("title", "施工合同"), ("contract", "C1"), ("party", "某施工单位"),
            ("amount_fen", "800"), ("instalments", "2026-03-09 100")]);
        let back = send("pay", &[("project", "dates"), ("contract", "C1"), ("amount_fen", "40")]);
        assert!(back.starts_with("/projects/decheng-projects/project/dates?done="), "{back}");
        let page = planner.get("/projects/decheng-projects/project/dates?lang=zh-CN").expect(200).text();
        for text in ["红枣深加工", "逾期未付清，已付 40.0%", "37.729, 117.216", "施工合同", "分月计划"] {
            assert!(page.contains(text), "{text:?} is not on {page}");
        }
        let list = planner.get("/projects/decheng-projects?q=红枣&lang=zh-CN").expect(200).text();
        assert!(list.contains("红枣深加工") && !list.contains("智能健身器材产业园"));
        let file = planner.get("/projects/decheng-projects?export=csv&q=红枣&lang=zh-CN").expect(200).text();
        assert_eq!(file.lines().count(), 2, "{file}");
        assert!(file.contains("12000.00") && file.contains("150.00"), "{file}");

        // What was registered wrongly is corrected, and what should not have been recorded is taken back, once.
        send("amend", &[("project", "dates"), ("total_fen", "13000"), ("newly_signed", ""), ("reason", "批复调整")]);
        let page = planner.get("/projects/decheng-projects/project/dates?lang=zh-CN").expect(200).text();
        let reverse = format!("{BOOK}/record/reverse");
        let offered: Vec<&str> = page.split(&format!("{reverse}?entry=")).skip(1).map(|it| it.split('"').next().unwrap()).collect();
        assert_eq!(offered.len(), 3, "the payment, the contract and the investment: {page}");
        let shown = planner.get(&format!("{reverse}?entry={}&lang=zh-CN", offered[2])).expect(200).text();
        assert!(shown.contains(&format!("value=\"{}\"", offered[2])), "{shown}");
        send("reverse", &[("entry", offered[2]), ("reason", "录错月份")]);
        let again = multipart(&planner, &reverse, &[("entry", offered[2]), ("reason", "录错月份")]).expect(422).text();
        assert!(again.contains("id=\"entry-error\""), "{again}");
        let page = planner.get("/projects/decheng-projects/project/dates?lang=zh-CN").expect(200).text();
        assert!(page.contains("已冲正") && page.matches(&format!("{reverse}?entry=")).count() == 2, "{page}");
        let file = planner.get("/projects/decheng-projects?export=csv&q=红枣&lang=zh-CN").expect(200).text();
        assert!(file.contains("13000.00") && !file.contains("150.00"), "{file}");
        town.check();
    }

    fn the_permit_desk_tells_what_is_due(town) {
        // A session would not outlive the days between.
        let planner = town.program(User::Planner);
        let (office, agent) = (format!("post:{}/office", OFFICES[0].unit), team(OFFICES[0], 2).to_string());
        let apply = |permit: &str, occurred: Option<&str>, days: u32| {
            note(&town.site.kernel, OFFICES[0].book, occurred, "projects.permit.applied", json!({
                "project": "park", "permit": permit, "title": format!("施工许可 {permit}"), "bureau": office,
                "agent": agent, "term_workdays": days,
            }));
        };
        apply("S1", None, 5);
        apply("S2", None, 10);
        let page = planner.get(&format!("{BOOK}/permits?lang=zh-CN")).expect(200).text();
        assert!(page.contains("施工许可 S1") && page.contains("2026-03-17"), "{page}");
        assert!(page.contains("智能健身器材产业园"), "{page}");
        town.clock.set(base::Time::parse("2026-03-18T09:00:00+08:00").unwrap());
        let page = planner.get(&format!("{BOOK}/permits?lang=zh-CN")).expect(200).text();
        assert!(page.contains("2026-03-17（逾期 1 天）"), "{page}");
    }

    fn a_list_of_a_day_gone_by_shows_projects_as_they_were(town) {
        let planner = town.program(User::Planner);
        let kernel = &town.site.kernel;
        note(kernel, OFFICES[0].book, None, "projects.phase.changed", json!({ "project": "park", "to": "started" }));
        town.clock.set(base::Time::parse("2026-04-10T08:00:00+08:00").unwrap());
        note(kernel, OFFICES[0].book, None, "projects.phase.changed", json!({ "project": "park", "to": "roofed" }));
        let mut late = project(OFFICES[0], "late");
        late["title_zh"] = json!("后来的项目");
        note(kernel, OFFICES[0].book, None, "projects.project.registered", late);
        let then = planner.get(&format!("{BOOK}?on=2026-03-31&lang=zh-CN")).expect(200).text();
        let list = then.split_once("id=\"projects\"").unwrap().1;
        assert!(list.contains(">开工</td>") && !list.contains(">封顶</td>") && !list.contains("后来的项目"), "{list}");
        let now = planner.get(&format!("{BOOK}?lang=zh-CN")).expect(200).text();
        let list = now.split_once("id=\"projects\"").unwrap().1;
        assert!(list.contains(">封顶</td>") && list.contains("后来的项目"), "{list}");
        assert_eq!(planner.get(&format!("{BOOK}?on=2026-04-11")).status, 400);
    }

    fn a_view_is_kept_for_its_account_alone_and_leads_to_a_list(town) {
        let (planner, leader) = (town.browser(User::Planner), town.browser(User::Leader));
        let before = town.fingerprint();
        let list = format!("{BOOK}?phase=signed");
        let kept = planner.post_form("/my/projects/views", &[("name", "待开工"), ("address", &format!("{list}&page=2"))]);
        assert_eq!((kept.status, kept.header("location")), (303, list.as_str()));
        let link = format!("href=\"{list}\"");
        assert!(planner.get(BOOK).expect(200).text().contains(&link));
        assert!(!leader.get(BOOK).expect(200).text().contains(&link));
        let elsewhere = planner.post_form("/my/projects/views", &[("name", "x"), ("address", "//evil.example/projects")]);
        assert_eq!(elsewhere.status, 400);
        planner.post_form("/my/projects/views/remove", &[("name", "待开工"), ("address", BOOK)]).expect(303);
        assert!(!planner.get(BOOK).expect(200).text().contains(&link));
        assert_eq!(town.fingerprint(), before);
    }
}
