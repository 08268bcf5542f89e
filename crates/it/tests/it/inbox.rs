//! The inbox and the sheet of a matter as browsers meet them, without any script.

use harness::{Answer, Client, JSON, Town, User, on_every_store};

const OWNER: &str = "post:beiyuan-market/manager";
const REVIEWER: &str = "post:371402/bureau";
const HELPER: &str = "post:beiyuan-market/clerk";
const FILE: &[u8] = b"%PDF-1.4\n%%EOF\n";

fn page(client: &Client, path: &str) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    client.get(&format!("{path}{mark}lang=zh-CN")).expect(200).text()
}

/// A person whose browser asks for pages.
fn person(town: &Town, name: &str, posts: &[&str]) -> Client {
    town.holder(name, posts).with("accept", "text/html")
}

/// Opens a task through its form.
fn open(leader: &Client, title: &str, due: &str) -> String {
    let fields = [
        ("book", "beiyuan"),
        ("title", title),
        ("owner", OWNER),
        ("helper", HELPER),
        ("reviewer", REVIEWER),
        ("due_day", due),
        ("due_days", ""),
        ("due_unit", "workdays"),
        ("key", &format!("1-{}", title.len())),
    ];
    leader.post_form("/matters/new", &fields).expect(303).header("location").to_owned()
}

/// Sends the form of a move; a file goes with it where there is one.
fn send(client: &Client, sheet: &str, verb: &str, fields: &[(&str, &str)], file: Option<&[u8]>) -> Answer {
    const EDGE: &str = "----edge";
    let Some(bytes) = file else { return client.post_form(&format!("{sheet}/do/{verb}"), fields) };
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--{EDGE}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(head.as_bytes());
    }
    let head = format!(
        "--{EDGE}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"drain.pdf\"\r\n\
         content-type: application/pdf\r\n\r\n"
    );
    body.extend(head.as_bytes());
    body.extend(bytes);
    body.extend(format!("\r\n--{EDGE}--\r\n").as_bytes());
    let media = format!("multipart/form-data; boundary={EDGE}");
    client.post_bytes(&format!("{sheet}/do/{verb}"), &media, &body)
}

on_every_store! {
    fn a_task_goes_from_hand_to_hand_by_its_pages_and_each_finds_it_where_it_waits(town) {
        let (manager, clerk) = (person(&town, "wei", &[OWNER]), person(&town, "zhang", &[HELPER]));
        let bureau = person(&town, "li", &[REVIEWER]);
        let leader = town.browser(User::Leader).with("accept", "text/html");
        let sheet = open(&leader, "整改下水道", "2026-03-13");
        town.settle();

        let rows = |client: &Client, tab: &str| page(client, &format!("/matters?tab={tab}")).matches("整改下水道").count();
        let tabs = |client: &Client| ["owed", "review", "helping"].map(|tab| rows(client, tab));
        assert_eq!(tabs(&manager), [1, 0, 0]);
        assert_eq!(tabs(&bureau), [0, 1, 0]);
        assert_eq!(tabs(&clerk), [0, 0, 1]);
        assert_eq!(rows(&leader, "unit"), 1, "who leads the unit sees what it owes");
        let inbox = page(&manager, "/matters");
        for part in ["我承办的 <span class=\"count\">1</span>", "2026-03-13", "还剩 3 天", "待受领", ">蓝<"] {
            assert!(inbox.contains(part), "{part}: {inbox}");
        }
        assert!(page(&manager, "/matters?tab=owed&colour=red").contains("没有由您承办的事项"));
        let csv = manager.get("/matters?tab=owed&export=csv").expect(200).text();
        assert!(csv.contains("整改下水道,蓝,"), "{csv}");
        assert_eq!(town.program(User::Anonymous).with("accept", JSON).get("/matters").status, 401);

        let shown = page(&manager, &sheet);
        for part in ["受领", "增加协办", "固定日期", "逾期", "升级督办", "由岗位", "颜色依据"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("移交</a>"), "the owner does not hand over");
        send(&manager, &sheet, "taken", &[("version", "0"), ("key", "1-a")], None).expect(303);
        send(&manager, &sheet, "taken", &[("version", "0"), ("key", "1-a")], None).expect(303);

        // A submission without a file comes back with all that was typed; with one that is none it says so.
        let typed = [("version", "1"), ("effective", "2026-03-09"), ("note", "已疏通"), ("key", "1-b")];
        let again = send(&clerk, &sheet, "submitted", &typed, None).expect(422).text();
        assert!(again.contains("已疏通") && again.contains("value=\"2026-03-09\""), "{again}");
        let again = send(&clerk, &sheet, "submitted", &typed, Some(b"no picture")).expect(422).text();
        assert!(again.contains("已疏通"), "{again}");
        // A file that was good is kept while another field is put right.
        let wrong = [("version", "1"), ("effective", "soon"), ("note", "已疏通"), ("key", "1-c")];
        let again = send(&clerk, &sheet, "submitted", &wrong, Some(FILE)).expect(422).text();
        let kept = again.split("name=\"kept\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert!(kept.ends_with(" drain") && again.contains("<strong>drain</strong>"), "{kept}");
        let right = [("version", "1"), ("effective", "2026-03-09"), ("note", "已疏通"), ("kept", &*kept), ("key", "1-d")];
        send(&clerk, &sheet, "submitted", &right, None).expect(303);
        let shown = page(&bureau, &sheet);
        for part in ["审核通过，办结", "退回", "drain（2026-03-09 生效）", "已疏通"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let file = shown.split("href=\"").find(|it| it.starts_with("/api/matters/") && it.contains("/evidence/")).unwrap();
        assert_eq!(bureau.get(file.split('"').next().unwrap()).expect(200).bytes, FILE);

        assert!(send(&bureau, &sheet, "returned", &[("version", "2"), ("reason", " "), ("key", "1-e")], None).expect(422).text().contains("此项必填"));
        send(&bureau, &sheet, "returned", &[("version", "2"), ("reason", "缺整改后照片"), ("key", "1-f")], None).expect(303);
        assert!(page(&manager, &sheet).contains("缺整改后照片"));
        send(&manager, &sheet, "submitted", &[("version", "3"), ("effective", "2026-03-10"), ("key", "1-g")], Some(FILE)).expect(303);
        send(&bureau, &sheet, "accepted", &[("version", "4"), ("key", "1-h")], None).expect(303);
        town.settle();
        assert!(page(&bureau, &sheet).contains("按期办结"));
        assert_eq!((tabs(&manager), rows(&manager, "closed"), rows(&clerk, "closed")), ([0, 0, 0], 1, 0));
        assert!(page(&leader, "/matters?tab=past").contains("按期办结"));
        town.check();
    }

    fn whoever_comes_second_sees_what_the_first_did_and_keeps_what_was_typed(town) {
        let (manager, bureau) = (person(&town, "wei", &[OWNER]), person(&town, "li", &[REVIEWER]));
        person(&town, "zhang", &[HELPER]);
        let leader = town.browser(User::Leader).with("accept", "text/html");
        let sheet = open(&leader, "整改下水道", "2026-03-13");
        assert!(page(&bureau, &format!("{sheet}/do/handed_over")).contains("name=\"version\" value=\"0\""));
        send(&manager, &sheet, "taken", &[("version", "0"), ("key", "1-a")], None).expect(303);
        let before = town.fingerprint();
        let handover = |version: &str, key: &str| {
            let fields = [("version", version), ("to", HELPER), ("reviewer", ""), ("reason", "分工调整"), ("key", key)];
            send(&bureau, &sheet, "handed_over", &fields, None)
        };
        let again = handover("0", "1-b").expect(422).text();
        for part in ["您填写期间，他人已办理", "事项受领", "账户 wei", "分工调整", "name=\"version\" value=\"1\""] {
            assert!(again.contains(part), "{part}: {again}");
        }
        assert_eq!(town.fingerprint(), before, "nothing was recorded");
        handover("1", "1-c").expect(303);
        handover("1", "1-c").expect(303);
        assert!(page(&bureau, &sheet).contains("移交至 岗位 post:beiyuan-market/clerk"));
        town.check();
    }

    fn what_an_office_arranges_is_approved_counted_and_told(town) {
        let (manager, bureau) = (person(&town, "wei", &[OWNER]), person(&town, "li", &[REVIEWER]));
        person(&town, "zhang", &[HELPER]);
        let leader = town.browser(User::Leader).with("accept", "text/html");
        let sheet = open(&leader, "整改下水道", "2026-03-13");
        town.settle();
        assert_eq!(manager.get(&format!("{sheet}/do/coloured")).status, 404, "the clock alone colours");
        send(&manager, &sheet, "paused", &[("version", "0"), ("reason", "x"), ("approver", OWNER), ("key", "1-0")], None).expect(422);
        let approved = |by: &Client, verb: &str, version: &str, more: &[(&str, &str)]| {
            let fields = [&[("version", version), ("reason", "汛期停工"), ("approver", REVIEWER)], more].concat();
            send(by, &sheet, verb, &fields, None)
        };
        approved(&bureau, "paused", "0", &[]).expect(303);
        assert!(page(&bureau, &sheet).contains("计时中止，期限待恢复后确定"));
        town.clock.advance_ms(2 * 86_400_000);
        let bureau = town.holder_again("li").with("accept", "text/html");
        send(&bureau, &sheet, "resumed", &[("version", "1")], None).expect(303);
        let shown = page(&bureau, &sheet);
        assert!(shown.contains("2026-03-15") && shown.contains("中止计时：2026-03-10 至 2026-03-12"), "{shown}");
        let both = approved(&bureau, "extended", "2", &[("day", "2026-03-20"), ("days", "3")]).expect(422).text();
        assert!(both.contains("且只填一项"), "{both}");
        assert!(approved(&bureau, "extended", "2", &[("day", "2026-03-01"), ("days", "")]).expect(422).text().contains("更晚的日期"));
        approved(&bureau, "extended", "2", &[("day", "2026-03-20"), ("days", "")]).expect(303);
        assert!(approved(&bureau, "excused", "3", &[("from", "2026-03-21"), ("until", "2026-03-31")]).expect(422).text().contains("至少选择一项指标"));
        approved(&bureau, "excused", "3", &[("days_overdue", "on"), ("from", "2026-03-21"), ("until", "2026-03-31")]).expect(303);
        send(&bureau, &sheet, "helper_added", &[("version", "4"), ("helper", "post:371481/bureau")], None).expect(422);
        approved(&bureau, "cancelled", "4", &[]).expect(303);
        let later = [("due_day", ""), ("due_days", "10"), ("due_unit", "workdays")];
        approved(&bureau, "reopened", "5", &later).expect(303);
        let shown = page(&bureau, &sheet);
        for part in ["10 个工作日", "当日不计", "末日遇非工作日顺延", "2026-03-26"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        // A step of the ladder shows when it fired.
        town.clock.advance_ms(20 * 86_400_000);
        town.settle();
        let [bureau, manager] = ["li", "wei"].map(|name| town.holder_again(name).with("accept", "text/html"));
        let shown = page(&bureau, &sheet);
        assert!(shown.contains("触发") && shown.contains("由黄转红"), "{shown}");
        assert!(page(&manager, "/matters").contains("逾期 6 天"));
        town.check();
    }
}
