//! Notices: nothing acknowledged is lost, every end is an entry, and nothing inside is reached.

use std::time::Duration;

use base::{ActorId, BookId, SubjectId};
use harness::{Engine, Town, User, on_every_store};
use kernel::AppendError;
use kernel::notices::{
    Channel, ContactSet, Fault, FaultKind, Notice, NoticeSent, Outcome, SetContact, Settlement, What, enqueue,
};
use matters::{Cancelled, HandedOver, Reopened, Returned, Version};
use notices::{MailSettings, MailTls, Network, Settings, Worker};
use registry::PostAdded;
use serde_json::json;

use crate::crash::Server;
use crate::office::{self, Office, due_on, on_each_engine, submitted, system, taken};
use crate::outside::{Certificate, Outside, is_signed, wait_until};

const POST: &str = "post:beiyuan-market/manager";
const MATTER: &str = "matter:beiyuan/mass-L1";
const MINUTE_MS: i64 = 60_000;

fn installation() -> ActorId {
    ActorId::new("system:test").unwrap()
}

fn post() -> SubjectId {
    SubjectId::new(POST).unwrap()
}

fn add_post(town: &Town) {
    let unit = base::UnitCode::new("beiyuan-market").unwrap();
    let added =
        PostAdded { post: post(), unit, title_zh: "市场经理".into(), title_en: "Market manager".into() };
    town.site.kernel.add_post(&installation(), added).unwrap();
}

fn contact(town: &Town, channel: Channel, address: &str) -> SetContact {
    let set = ContactSet { post: post(), channel, address: address.into() };
    town.site.kernel.set_contact(&installation(), set).unwrap()
}

/// Puts a notice out as a decision does; returns to how many contacts.
fn put_out(town: &Town, text: &str) -> usize {
    let notice = Notice {
        book: town.book(),
        about: SubjectId::new(MATTER).unwrap(),
        what: What::Opened,
        to: post(),
        text_zh: format!("{text}：批次 L1 销量超过进货量，请于 3 月 13 日前查明。"),
        text_en: format!("{text}: more was sold of lot L1 than came in; find out why by 13 March."),
    };
    town.site.kernel.append_blocking::<_, _, ()>(move |desk| Ok(enqueue(desk, &notice)?)).unwrap()
}

/// Every outcome recorded in a book, in order.
fn outcomes(town: &Town, book: &BookId) -> Vec<NoticeSent> {
    let kinds = ["kernel.notice.sent"];
    let entries = town.site.kernel.read(|tx| kernel::entries::latest(tx, book, &kinds, None, 1000)).unwrap();
    entries.iter().rev().map(|entry| entry.body().unwrap()).collect()
}

fn outcome_of(town: &Town, contact: &SetContact) -> Option<NoticeSent> {
    outcomes(town, &town.book()).into_iter().find(|sent| sent.contact == contact.receipt.seq.0)
}

#[track_caller]
fn wait_for_outcome(town: &Town, contact: &SetContact) -> NoticeSent {
    wait_until("the outcome", || outcome_of(town, contact).is_some());
    outcome_of(town, contact).unwrap()
}

fn waiting(town: &Town) -> usize {
    town.site.kernel.waiting_notices(1000, |_| true).unwrap().len()
}

/// Settings in which the receivers may be reached.
fn settings(outside: &Outside) -> Settings {
    Settings {
        base_url: "https://ledger.example".into(),
        name: "ledger.example".into(),
        mail: Some(mail(outside.mail_port, MailTls::None)),
        webhook_networks: vec![Network::try_from("127.0.0.1".to_owned()).unwrap()],
        authority: None,
        timeout: Duration::from_secs(5),
        poll: Duration::from_millis(20),
    }
}

fn mail(port: u16, tls: MailTls) -> MailSettings {
    let host = if tls == MailTls::None { "127.0.0.1" } else { "localhost" };
    MailSettings {
        host: host.into(),
        port,
        tls,
        from: "taizhang@ledger.example".into(),
        username: None,
        password: None,
    }
}

/// A worker that ends with its test, however that ends.
struct Carrier(Option<Worker>);

impl Carrier {
    fn start(town: &Town, settings: Settings) -> Self {
        Self(Some(notices::start(town.site.kernel.clone(), settings).unwrap()))
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        if let Some(worker) = self.0.take() {
            worker.close();
        }
    }
}

on_every_store! {
    fn a_post_is_told_by_mail_and_by_webhook_and_both_outcomes_are_entries(town) {
        let Some(outside) = Outside::start() else { return };
        add_post(&town);
        assert_eq!(put_out(&town, "无人"), 0, "a post without contacts has its inbox");
        let by_mail = contact(&town, Channel::Email, "chief@example.cn");
        let by_hook = contact(&town, Channel::Webhook, &outside.hook("/ok"));
        assert_eq!(by_mail.secret, None);
        assert_eq!(put_out(&town, "质量异常"), 2);
        assert_eq!(waiting(&town), 2);
        let _carrier = Carrier::start(&town, settings(&outside));
        let (mailed, hooked) = (wait_for_outcome(&town, &by_mail), wait_for_outcome(&town, &by_hook));

        let mail = outside.wait_for("mail", 1).remove(0);
        assert_eq!(mail["sender"], "taizhang@ledger.example");
        assert_eq!(mail["receivers"], json!(["chief@example.cn"]));
        let header = |name: &str| mail["headers"][name].as_str().unwrap();
        assert_eq!(header("subject"), "您有新的待办事项 / A new matter for you");
        assert_eq!(header("message-id"), format!("<{}@ledger.example>", mailed.notice));
        assert_eq!(header("auto-submitted"), "auto-generated");
        assert!(header("from").contains("台账"), "{}", header("from"));
        let text = mail["text"].as_str().unwrap();
        for part in ["质量异常：批次 L1 销量超过进货量", "find out why by 13 March", "https://ledger.example/matters/beiyuan/mass-L1"] {
            assert!(text.contains(part), "{part} in {text}");
        }

        let hook = outside.wait_for("hook", 1).remove(0);
        let body: serde_json::Value = serde_json::from_str(hook["body"].as_str().unwrap()).unwrap();
        assert_eq!(hook["headers"]["webhook-id"], hooked.notice);
        assert_eq!((&body["id"], &body["what"]), (&json!(hooked.notice), &json!("opened")));
        assert_eq!((&body["about"], &body["post"]), (&json!(MATTER), &json!(POST)));
        assert_eq!(body["url"], "https://ledger.example/matters/beiyuan/mass-L1");
        let seconds: i64 = hook["headers"]["webhook-timestamp"].as_str().unwrap().parse().unwrap();
        assert_eq!(seconds, town.site.kernel.now().0 / 1000);
        let signed = notices::signature(by_hook.secret.as_ref().unwrap(), &hooked.notice, seconds, hook["body"].as_str().unwrap());
        assert_eq!(hook["headers"]["webhook-signature"].as_str(), signed.as_deref());

        for sent in [&mailed, &hooked] {
            assert_eq!((sent.outcome, sent.attempts, sent.fault), (Outcome::Delivered, 1, None));
            assert_eq!((sent.about.as_str(), sent.post.as_str(), sent.what), (MATTER, POST, What::Opened));
        }
        assert_ne!(mailed.notice, hooked.notice);
        assert_eq!(waiting(&town), 0);
        town.check();
    }

    fn a_decision_that_is_refused_tells_nobody(town) {
        add_post(&town);
        contact(&town, Channel::Email, "chief@example.cn");
        let before = town.fingerprint();
        let refused = town.site.kernel.append_blocking::<_, (), &str>(|desk| {
            let notice = Notice {
                book: BookId::new("beiyuan").unwrap(), about: SubjectId::new(MATTER).unwrap(), what: What::Returned, to: post(),
                text_zh: "退回".into(), text_en: "returned".into(),
            };
            assert_eq!(enqueue(desk, &notice)?, 1);
            Err(AppendError::Refused("no"))
        });
        assert!(matches!(refused, Err(AppendError::Refused("no"))));
        assert_eq!((waiting(&town), town.fingerprint()), (0, before));
    }

    fn a_dead_receiver_is_tried_for_two_days_and_holds_up_nobody(town) {
        let Some(outside) = Outside::start() else { return };
        add_post(&town);
        // Nobody listens at the port of a listener that is gone.
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let dead = contact(&town, Channel::Webhook, &format!("http://{gone}/"));
        let living = contact(&town, Channel::Email, "chief@example.cn");
        put_out(&town, "甲");
        let _carrier = Carrier::start(&town, settings(&outside));
        assert_eq!(wait_for_outcome(&town, &living).outcome, Outcome::Delivered);
        let fault = Some(Fault::from(FaultKind::Unreachable));
        let mut hours = 0;
        for attempt in 1..notices::ATTEMPTS_MAX {
            let row = || town.site.kernel.waiting_notices(1, |_| true).unwrap().remove(0);
            // Longer than it is claimed for.
            let is_put_off = || row().next.since_ms(town.site.kernel.now()) >= MINUTE_MS;
            wait_until("the attempt to end in vain", || row().attempts == attempt && is_put_off());
            let wait = row().next.since_ms(town.site.kernel.now());
            assert_eq!(row().fault, fault);
            hours += wait / 3_600_000;
            town.clock.advance_ms(wait);
        }
        assert!(hours >= 47, "{hours} hours");
        let sent = wait_for_outcome(&town, &dead);
        assert_eq!((sent.outcome, sent.attempts, sent.fault), (Outcome::GivenUp, notices::ATTEMPTS_MAX, fault));
        assert_eq!(waiting(&town), 0);
        town.check();
    }

    fn what_stands_in_the_way_is_told_in_words_of_our_own(town) {
        let Some(outside) = Outside::start() else { return };
        add_post(&town);
        let refused = |code| Fault { kind: FaultKind::Refused, code: Some(code) };
        let final_faults = [
            (contact(&town, Channel::Email, "nobody@example.cn"), refused(550)),
            (contact(&town, Channel::Webhook, &outside.hook("/gone")), refused(410)),
        ];
        let passing = [
            (contact(&town, Channel::Email, "full@example.cn"), refused(452)),
            (contact(&town, Channel::Webhook, &outside.hook("/busy")), refused(503)),
            (contact(&town, Channel::Webhook, &outside.hook("/redirect")), refused(302)),
            (contact(&town, Channel::Webhook, &outside.hook("/drip")), FaultKind::TimedOut.into()),
            (contact(&town, Channel::Webhook, "https://no-such-host.invalid/"), FaultKind::NameUnknown.into()),
            (contact(&town, Channel::Email, "stuck@example.cn"), FaultKind::TimedOut.into()),
        ];
        put_out(&town, "乙");
        let quick = Settings { timeout: Duration::from_secs(2), ..settings(&outside) };
        let _carrier = Carrier::start(&town, quick);
        for (contact, fault) in final_faults {
            let sent = wait_for_outcome(&town, &contact);
            assert_eq!((sent.outcome, sent.attempts, sent.fault), (Outcome::Failed, 1, Some(fault)));
        }
        for (contact, fault) in passing {
            let found = || {
                let all = town.site.kernel.waiting_notices(100, |_| true).unwrap();
                all.into_iter().find(|row| row.contact == contact.receipt.seq.0).unwrap()
            };
            wait_until(&format!("{fault:?}"), || found().fault.is_some());
            assert_eq!((found().fault, found().attempts), (Some(fault), 1));
            assert_eq!(found().next, town.site.kernel.now().plus_ms(MINUTE_MS));
        }
        let paths: Vec<String> = outside.received("hook").iter().map(|hook| hook["path"].as_str().unwrap().to_owned()).collect();
        assert!(!paths.contains(&"/ok".to_owned()), "no redirect is followed");
        town.check();
    }

    fn a_webhook_never_reaches_inside(town) {
        let Some(outside) = Outside::start() else { return };
        add_post(&town);
        let port = outside.hooks_port;
        let inside = [
            format!("http://127.0.0.1:{port}/ok"),
            format!("https://127.0.0.1:{port}/ok"),
            format!("http://localhost:{port}/ok"),
            format!("http://[::1]:{port}/ok"),
            format!("http://[::ffff:127.0.0.1]:{port}/ok"),
            // Names that the system's resolver takes for numbers.
            format!("http://2130706433:{port}/ok"),
            "http://169.254.169.254/latest/meta-data".to_owned(),
        ];
        let contacts: Vec<SetContact> =
            inside.iter().map(|address| contact(&town, Channel::Webhook, address)).collect();
        put_out(&town, "丙");
        let _carrier = Carrier::start(&town, Settings { webhook_networks: Vec::new(), ..settings(&outside) });
        for (contact, address) in contacts.iter().zip(&inside) {
            let sent = wait_for_outcome(&town, contact);
            let fault = sent.fault.unwrap();
            assert_eq!((sent.outcome, fault.kind), (Outcome::Failed, FaultKind::AddressForbidden), "{address}");
        }
        assert_eq!(outside.files("hook").len(), 0);
        town.check();
    }

    fn a_notice_that_was_taken_but_not_recorded_goes_out_again_as_the_same(town) {
        let Some(outside) = Outside::start() else { return };
        add_post(&town);
        let by_mail = contact(&town, Channel::Email, "chief@example.cn");
        put_out(&town, "丁");
        // Somebody took it and was not heard of again.
        let claim = town.site.kernel.claim_notices(&[], 16, MINUTE_MS).unwrap().remove(0);
        assert_eq!(town.site.kernel.claim_notices(&[], 16, MINUTE_MS).unwrap(), []);
        town.clock.advance_ms(MINUTE_MS);
        let carrier = Carrier::start(&town, settings(&outside));
        let sent = wait_for_outcome(&town, &by_mail);
        assert_eq!((sent.notice.as_str(), sent.attempts), (claim.notice.as_str(), 2));
        drop(carrier);
        // Whoever comes back after that changes nothing.
        let before = town.fingerprint();
        for settlement in [Settlement::Delivered, Settlement::Failed(FaultKind::TimedOut.into())] {
            town.site.kernel.settle_notice(&claim, settlement).unwrap();
        }
        assert_eq!(town.fingerprint(), before);
        assert_eq!(outcomes(&town, &town.book()).len(), 1);

        // An attempt in vain that comes back late does not end the attempt that has taken over.
        put_out(&town, "戊");
        let first = town.site.kernel.claim_notices(&[], 16, MINUTE_MS).unwrap().remove(0);
        town.clock.advance_ms(MINUTE_MS);
        let second = town.site.kernel.claim_notices(&[], 16, MINUTE_MS).unwrap().remove(0);
        assert_eq!((first.attempt, second.attempt, &first.notice), (1, 2, &second.notice));
        town.site.kernel.settle_notice(&first, Settlement::GivenUp(FaultKind::TimedOut.into())).unwrap();
        assert_eq!(waiting(&town), 1);
        town.site.kernel.settle_notice(&second, Settlement::Delivered).unwrap();
        assert_eq!(waiting(&town), 0);
        town.check();
    }

    fn a_contact_that_was_removed_or_erased_gets_nothing_more(town) {
        let Some(outside) = Outside::start() else { return };
        let admin = town.program(User::Admin);
        add_post(&town);
        let set = |address: &str| {
            let body = json!({ "post": POST, "channel": "email", "address": address });
            admin.post("/api/contacts", &body).expect(201).json()["contact"].as_u64().unwrap()
        };
        let (removed, erased) = (set("former@example.cn"), set("personal@example.cn"));
        put_out(&town, "己");
        admin.send("DELETE", &format!("/api/contacts/{removed}"), None, &[]).unwrap().expect(200);
        admin.send("DELETE", &format!("/api/contacts/{removed}"), None, &[]).unwrap().expect(404);
        let erasure = kernel::BodyErased { seq: erased, reason: "本人申请".into(), legal_basis: "个人信息保护法第四十七条".into() };
        town.site.kernel.erase(&BookId::new(kernel::ROOT_BOOK).unwrap(), &installation(), erasure).unwrap();
        assert_eq!(admin.get("/api/contacts").expect(200).json(), json!([]));
        let _carrier = Carrier::start(&town, settings(&outside));
        wait_until("both outcomes", || outcomes(&town, &town.book()).len() == 2);
        for sent in outcomes(&town, &town.book()) {
            let fault = Fault::from(FaultKind::ContactGone);
            assert_eq!((sent.outcome, sent.attempts, sent.fault, sent.channel), (Outcome::Failed, 0, Some(fault), None));
        }
        assert_eq!(outside.files("mail").len(), 0);
        town.check();
    }

    fn contacts_are_an_administrator_s_and_their_addresses_nobody_else_s(town) {
        let admin = town.program(User::Admin);
        add_post(&town);
        let set = |channel: &str, address: &str| {
            admin.post("/api/contacts", &json!({ "post": POST, "channel": channel, "address": address }))
        };
        let hook = set("webhook", "https://oa.example.cn/hooks/1").expect(201).json();
        let (contact, secret) = (hook["contact"].as_u64().unwrap(), hook["secret"].as_str().unwrap());
        assert!(secret.starts_with("whsec_"), "{secret}");
        assert_eq!(set("webhook", "https://oa.example.cn/hooks/1").expect(409).json()["field"], "address");
        for (channel, address) in [("email", "chief"), ("webhook", "https://u:p@example.cn/"), ("webhook", "https://example.cn/?key=1")] {
            assert_eq!(set(channel, address).expect(400).json()["field"], "address", "{address}");
        }
        for number in 2..=8 {
            set("email", &format!("chief{number}@example.cn")).expect(201);
        }
        assert_eq!(set("email", "chief9@example.cn").expect(400).json()["field"], "post");

        // Whoever reads the registry reads no address without the right to it, and nobody a secret.
        let body = |role: &str| {
            let grant = access::Grant { role: role.into(), unit: base::UnitCode::new("371400").unwrap(), line: None, subject: None };
            let new = kernel::NewToken { title: role.into(), unit: grant.unit.clone(), grants: vec![grant], expires: None };
            let token = town.site.kernel.issue_token(&installation(), new).unwrap().credential.unwrap();
            town.site.client().bearer(&token).get(&format!("/api/ledger/registry/{contact}")).expect(200).text()
        };
        assert!(!body("leader").contains("oa.example.cn"));
        assert!(body("auditor").contains("oa.example.cn") && !body("auditor").contains(secret));
        assert_eq!(town.program(User::Leader).get("/api/contacts").status, 403);
        admin.get("/api/contacts").expect(200);
        wait_until("the note of who read the addresses", || {
            let reads = town.site.kernel.reads(&[base::UnitCode::new("371400").unwrap()], &kernel::ReadsBefore::Now, 10).unwrap();
            reads.iter().any(|read| read.what == "contacts")
        });

        admin.post(&format!("/api/contacts/{contact}/try"), &json!({})).expect(202);
        assert_eq!(admin.post(&format!("/api/contacts/{contact}/try"), &json!({})).expect(409).json()["field"], "contact");
        let row = admin.get("/api/notices/waiting").expect(200).json()[0].clone();
        assert_eq!((&row["what"], &row["contact"], &row["attempts"]), (&json!("tried"), &json!(contact), &json!(0)));
        town.check();
    }

    fn an_administrator_sets_tries_and_removes_a_contact_by_its_pages(town) {
        let Some(outside) = Outside::start() else { return };
        add_post(&town);
        let browser = town.browser(User::Admin).with("accept", "text/html");
        assert!(browser.get("/admin/contacts?lang=zh-CN").expect(200).text().contains("尚未登记联系方式"));
        let send = |channel: &'static str, address: &str, key: &str| {
            browser.post_form("/admin/contacts/new", &[("post", POST), ("channel", channel), ("address", address), ("key", key)])
        };
        let again = send("email", "chief", "1-a").expect(422).text();
        assert!(again.contains("value=\"chief\"") && again.contains("example.gov.cn"), "{again}");
        let address = outside.hook("/ok");
        let (first, second) = (send("webhook", &address, "1-b").expect(200).text(), send("webhook", &address, "1-b").expect(200).text());
        for shown in [&first, &second] {
            assert!(shown.contains("whsec_"), "whoever clicks twice sees the secret too");
        }
        let all = town.site.kernel.contacts().unwrap();
        assert_eq!(all.len(), 1);
        let page = format!("/admin/contacts/{}", all[0].contact);
        assert!(!browser.get(&page).expect(200).text().contains("whsec_"));
        browser.post_form(&format!("{page}/try"), &[("key", "1-c")]).expect(303);
        assert!(browser.get("/admin/contacts?lang=zh-CN").expect(200).text().contains("测试"));
        {
            let _carrier = Carrier::start(&town, settings(&outside));
            outside.wait_for("hook", 1);
        }
        assert!(browser.get(&page).expect(200).text().contains("已送达"));
        browser.post_form(&format!("{page}/remove"), &[("key", "1-d")]).expect(303);
        browser.get(&page).expect(404);
        assert_eq!(town.program(User::Auditor).get("/admin/contacts/new").status, 403);
        town.check();
    }
}

/// What waits to be told, oldest first: to whom, and what happened.
fn told(office: &Office) -> Vec<String> {
    let told = |row: kernel::notices::Waiting| format!("{} {}", row.post.local_part(), row.what.as_str());
    let mut told: Vec<String> =
        office.kernel.waiting_notices(100, |_| true).unwrap().into_iter().map(told).collect();
    told.sort();
    told
}

#[test]
fn each_turn_of_a_matter_is_told_to_the_post_whose_turn_it_is_and_history_to_nobody() {
    on_each_engine(|office| {
        for name in ["owner", "reviewer", "other"] {
            let (post, address) = (office::post(name).subject().clone(), format!("{name}@example.cn"));
            let set = ContactSet { post, channel: Channel::Email, address };
            office.kernel.set_contact(&system(), set).unwrap();
        }
        let digest = office
            .kernel
            .keep_evidence(
                &office::actor("wei"),
                &BookId::new("works").unwrap(),
                b"%PDF-1.4\n%%EOF\n".to_vec(),
            )
            .unwrap();
        let id = office.open(due_on("road", "2026-03-10")).unwrap();
        assert_eq!(told(&office), ["owner opened"]);
        let row = office.kernel.claim_notices(&[], 1, 1).unwrap().remove(0);
        assert_eq!(row.text_zh, "“修路”由您的岗位承办。期限 2026-03-10。");
        assert_eq!(row.text_en, "Your post owes: 修路. Due 2026-03-10.");
        office.kernel.settle_notice(&row, Settlement::Delivered).unwrap();

        office.step("wei", taken(&id)).unwrap();
        office.step("wei", submitted(&id, &digest, "2026-03-02")).unwrap();
        office
            .step(
                "li",
                Returned { matter: id.clone(), by: office::post("reviewer"), reason: "照片不清".into() },
            )
            .unwrap();
        assert_eq!(told(&office), ["owner returned", "reviewer submitted"]);
        let texts: Vec<String> =
            office.kernel.claim_notices(&[], 10, 1).unwrap().into_iter().map(|row| row.text_zh).collect();
        assert!(
            !texts.concat().contains("照片"),
            "what people typed as a reason does not leave the house: {texts:?}"
        );

        // Somebody who looked at it before tells nobody.
        let late = HandedOver {
            matter: id.clone(),
            to: office::post("other"),
            reviewer: None,
            colour: None,
            reason: "调整".into(),
        };
        office.move_at(Version(0), "li", late.clone().into(), office.kernel.now()).unwrap_err();
        assert_eq!(told(&office).len(), 2);
        let colour = office.matter(&id).colour;
        office.step("li", HandedOver { colour, ..late }).unwrap();
        assert_eq!(told(&office), ["other handed_over", "owner returned", "reviewer submitted"]);

        // Two levels of the ladder on the morning after the deadline, to who owes it and to who has to see to it.
        office.go_to("2026-03-11T09:00");
        assert_eq!(told(&office)[..2], ["other escalated", "other escalated"]);
        assert_eq!(told(&office).iter().filter(|it| *it == "reviewer escalated").count(), 2);
        let cancelled = Cancelled {
            matter: id.clone(),
            sort: office.matter(&id).sort,
            reason: "撤销".into(),
            approver: office::post("leader"),
        };
        office.step("li", cancelled).unwrap();
        let sort = office.matter(&id).sort;
        let due = due_on("road", "2026-04-10").due;
        office
            .step(
                "li",
                Reopened {
                    matter: id.clone(),
                    sort,
                    reason: "复查".into(),
                    approver: office::post("leader"),
                    due,
                    undone: None,
                },
            )
            .unwrap();
        assert!(told(&office).contains(&"other reopened".to_owned()));
        office.check();
        let count = told(&office).len();

        // What is loaded from last year is not news.
        office.open_at(due_on("old", "2025-06-01"), office::at("2025-05-01T09:00")).unwrap();
        let old = due_on("old", "2025-06-01").matter;
        office.load(Version(0), taken(&old).into(), office::at("2025-07-01T09:00")).unwrap();
        assert_eq!(told(&office).len(), count);
    });
}

#[test]
fn mail_and_webhooks_go_over_tls_that_our_authority_vouches_for_and_over_no_other() {
    let certificate = Certificate::new();
    let Some(outside) = Outside::secured(&certificate) else { return };
    let town = Town::on(Engine::Sqlite.place().unwrap());
    add_post(&town);
    let by_mail = contact(&town, Channel::Email, "chief@example.cn");
    let address = format!("https://localhost:{}/ok", outside.hooks_port);
    let by_hook = contact(&town, Channel::Webhook, &address);
    let account = |password: &str| MailSettings {
        username: Some("taizhang".into()),
        password: Some(password.into()),
        ..mail(outside.mail_port, MailTls::Starttls)
    };
    let with = |password: &str, authority: Option<Vec<u8>>| Settings {
        mail: Some(account(password)),
        authority,
        ..settings(&outside)
    };
    let fault_of = |contact: &SetContact| {
        let all = town.site.kernel.waiting_notices(10, |_| true).unwrap();
        all.into_iter().find(|row| row.contact == contact.receipt.seq.0).and_then(|row| row.fault)
    };
    put_out(&town, "庚");
    {
        let _carrier = Carrier::start(&town, with("right", None));
        for contact in [&by_mail, &by_hook] {
            wait_until("a fault of TLS", || fault_of(contact).is_some());
            assert_eq!(fault_of(contact), Some(FaultKind::Tls.into()));
        }
    }
    town.clock.advance_ms(MINUTE_MS);
    {
        let _carrier = Carrier::start(&town, with("wrong", Some(certificate.authority())));
        wait_for_outcome(&town, &by_hook);
        wait_until("a fault of signing in", || fault_of(&by_mail) != Some(FaultKind::Tls.into()));
        assert_eq!(fault_of(&by_mail), Some(Fault { kind: FaultKind::SignInRefused, code: Some(535) }));
    }
    town.clock.advance_ms(5 * MINUTE_MS);
    let _carrier = Carrier::start(&town, with("right", Some(certificate.authority())));
    assert_eq!(wait_for_outcome(&town, &by_mail).attempts, 3);
    assert_eq!((outside.files("mail").len(), outside.files("hook").len()), (1, 1));
}

/// Kills the program after the receivers have the notice and before it knows, and lets it run again.
fn kill_between(engine: Engine) {
    let Some(outside) = Outside::start() else { return };
    let Some(place) = engine.place() else { return };
    let town = Town::on(place);
    add_post(&town);
    let by_mail = contact(&town, Channel::Email, "slow@example.cn");
    let by_hook = contact(&town, Channel::Webhook, &outside.hook("/slow"));
    let admin = town.program(User::Admin);
    for contact in [&by_mail, &by_hook] {
        admin.post(&format!("/api/contacts/{}/try", contact.receipt.seq), &json!({})).expect(202);
    }
    put_out(&town, "辛");
    let secret = by_hook.secret.clone().unwrap();
    let place = town.close();
    let more = format!(
        "[smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"taizhang@ledger.example\"\n\
         [notices]\nwebhook_networks = [\"127.0.0.0/8\"]\ntimeout_seconds = 2\n",
        outside.mail_port
    );
    let mut server = Server::configured(&place, &more);
    outside.wait_for("mail", 1);
    outside.wait_for("hook", 1);
    server.kill();
    // Each receiver has one of its two notices; it gets the other, and after eight seconds the first once more.
    let mut server = Server::configured(&place, &more);
    let mails = outside.wait_for("mail", 3);
    let hooks = outside.wait_for("hook", 3);
    let kernel = || taizhang::open(&place.config()).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    server.kill();

    let ids = |received: &[serde_json::Value], name: &str| {
        let id = |one: &serde_json::Value| one["headers"][name].as_str().unwrap().to_owned();
        received.iter().map(id).collect::<Vec<_>>()
    };
    for ids in [ids(&mails, "message-id"), ids(&hooks, "webhook-id")] {
        let mut distinct = ids.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!((ids.len(), distinct.len()), (3, 2), "{ids:?}");
    }
    for file in outside.files("hook") {
        assert!(is_signed(&secret, &file), "the library of the specification takes it for ours");
    }
    let wrong = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert!(!is_signed(wrong, &outside.files("hook")[0]));
    let kernel = kernel();
    let of = |book: &str| {
        let book = BookId::new(book).unwrap();
        kernel.read(|tx| kernel::entries::latest(tx, &book, &["kernel.notice.sent"], None, 100)).unwrap()
    };
    let sent: Vec<NoticeSent> =
        [of("registry"), of("beiyuan")].concat().iter().map(|entry| entry.body().unwrap()).collect();
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|sent| sent.outcome == Outcome::Delivered), "{sent:?}");
    assert_eq!(sent.iter().filter(|sent| sent.attempts == 2).count(), 2, "{sent:?}");
    assert_eq!(kernel.waiting_notices(10, |_| true).unwrap(), []);
    assert!(kernel.audit().unwrap().is_clean());
    kernel.stop();
}

#[test]
fn a_program_killed_between_sending_and_recording_sends_again_and_records_once_on_sqlite() {
    kill_between(Engine::Sqlite);
}

#[test]
fn a_program_killed_between_sending_and_recording_sends_again_and_records_once_on_postgresql() {
    kill_between(Engine::Postgres);
}
