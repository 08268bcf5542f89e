//! Forms: sent twice, recorded once; refused, shown again with what was typed.

use harness::{Answer, Client, Town, User, on_every_store};
use serde_json::json;

/// A PNG of one pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\rIDATx\xdac\xfc\xcf\xc0P\x0f\0\x04\x85\x01\x80\x84\xa9\x8c!\0\0\0\0IEND\xaeB`\x82";

/// The key that a page's forms carry.
fn key(page: &Answer) -> String {
    let text = page.text();
    let rest = text.split_once("name=\"key\" value=\"").expect("a form with a key").1;
    rest.split('"').next().unwrap().to_owned()
}

fn entries(town: &Town, book: &str) -> u64 {
    town.fingerprint().into_iter().find(|(name, ..)| name == book).unwrap().1
}

fn multipart(client: &Client, path: &str, fields: &[(&str, &str)], photo: Option<&[u8]>) -> Answer {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.extend_from_slice(
            format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
        );
    }
    if let Some(photo) = photo {
        let head = "--b\r\ncontent-disposition: form-data; name=\"photo\"; filename=\"IMG_1.jpg\"\r\n\r\n";
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(photo);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"--b--\r\n");
    client.post_bytes(path, "multipart/form-data; boundary=b", &bytes)
}

/// Opens a form, sends it twice as it came, and checks that it made so many entries and answered the same.
#[track_caller]
fn twice(
    town: &Town,
    browser: &Client,
    book: &str,
    form: &str,
    action: &str,
    fields: &[(&str, &str)],
    made: u64,
) {
    let key = key(&browser.get(form).expect(200));
    let mut fields = fields.to_vec();
    fields.push(("key", &key));
    let before = entries(town, book);
    let first = browser.post_form(action, &fields);
    assert!(matches!(first.status, 200 | 303), "{action}: {} {}", first.status, first.text());
    assert_eq!(entries(town, book), before + made, "{action}");
    let again = browser.post_form(action, &fields);
    assert_eq!(
        (again.status, again.header("location")),
        (first.status, first.header("location")),
        "{action}: {}",
        again.text()
    );
    assert_eq!(entries(town, book), before + made, "{action} a second time");
}

const RECEIVED: [(&str, &str); 7] = [
    ("stall", "A1"),
    ("product", "tomato"),
    ("quantity_g", "12.5"),
    ("supplier", "寿光蔬菜合作社"),
    ("origin", "山东寿光"),
    ("document", "conformity"),
    ("number", "HGZ-2"),
];

on_every_store! {
    fn a_form_of_the_office_that_is_sent_twice_is_recorded_once(town) {
        let operator = town.browser(User::Operator);
        let send = |form: &str, fields: &[(&str, &str)]| {
            let path = format!("/market/beiyuan/record/{form}");
            twice(&town, &operator, "beiyuan", &path, &path, fields, 1);
        };
        send("price", &[("stall", "A1"), ("product", "tomato"), ("fen_per_kg", "7.2")]);
        send("merchant", &[("merchant", "m9"), ("title", "李记"), ("licence", "")]);
        send("loss", &[("lot", "L1"), ("quantity_g", "2.5"), ("reason", "spoiled"), ("note", "")]);
        send("transfer", &[("lot", "L1"), ("to_stall", "A2"), ("quantity_g", "3"), ("new_lot", "")]);
        send("charge", &[("stall", "A1"), ("month", "2026-03"), ("amount_fen", "600"), ("note", "")]);
        send("footfall", &[("gate", "east"), ("visitors", "120")]);
        // What follows from the record, here whose lease it was, may have changed when the form comes again.
        send("lease-end", &[("stall", "A1"), ("reason", "到期")]);
        town.check();
    }

    fn a_lot_that_is_received_twice_with_its_photo_is_one_lot_with_one_file(town) {
        let operator = town.browser(User::Operator);
        let path = "/market/beiyuan/lots/new";
        let key = key(&operator.get(&format!("{path}?stall=A1")).expect(200));
        let mut fields = RECEIVED.to_vec();
        fields.push(("key", &key));
        let before = entries(&town, "beiyuan");
        let first = multipart(&operator, path, &fields, Some(PIXEL)).expect(303);
        let again = multipart(&operator, path, &fields, Some(PIXEL)).expect(303);
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(entries(&town, "beiyuan"), before + 1);
        let lots = operator.get("/api/market/beiyuan/lots?stall=A1").expect(200).json();
        let lot = lots["items"].as_array().or(lots.as_array()).unwrap().iter()
            .find(|lot| lot["document"].to_string().contains("HGZ-2")).expect("the lot is listed")["lot"].as_str().unwrap().to_owned();
        let page = operator.get(&format!("/market/beiyuan/lots/{lot}")).expect(200).text();
        let digest = page.split_once("/evidence/").expect("the photo is on the lot's page").1[..64].to_owned();
        let file = operator.get(&format!("/api/market/beiyuan/evidence/{digest}")).expect(200);
        assert_eq!((file.bytes.as_slice(), file.header("content-type")), (PIXEL, "image/png"));
        town.check();
    }

    fn a_code_that_somebody_took_before_keeps_nobody_from_receiving(town) {
        let operator = town.browser(User::Operator);
        let path = "/market/beiyuan/lots/new";
        let key = key(&operator.get(&format!("{path}?stall=A1")).expect(200));
        let made = base::Time(key.split('-').next().unwrap().parse().unwrap());
        let digits: String = town.site.kernel.zone().local_text(made).chars().filter(char::is_ascii_digit).collect();
        let code = format!("A1-{}-{}", &digits[2..8], &digits[8..14]);
        let mut body = town.lot(&code, 1_000);
        (body["stall"], body["merchant"]) = ("A2".into(), "m2".into());
        let taken = json!({ "kind": "market.lot.received", "body": body });
        town.program(User::Operator).post("/api/market/beiyuan/entries", &taken).expect(201);
        let mut fields = RECEIVED.to_vec();
        fields.push(("key", &key));
        let before = entries(&town, "beiyuan");
        for _ in 0..2 {
            multipart(&operator, path, &fields, None).expect(303);
        }
        assert_eq!(entries(&town, "beiyuan"), before + 1);
        let lots = operator.get("/api/market/beiyuan/lots?stall=A1").expect(200).json();
        let lot = lots.as_array().unwrap().iter().find(|lot| lot["supplier"] == "寿光蔬菜合作社" && lot["received_g"] == 12_500);
        let made_up = lot.expect("the lot is listed")["lot"].as_str().unwrap();
        assert!(made_up.starts_with(&code[..10]) && made_up != code, "{made_up}");
        town.check();
    }

    fn a_file_that_is_no_photo_is_refused_beside_its_field_and_the_rest_is_kept(town) {
        let operator = town.browser(User::Operator);
        let path = "/market/beiyuan/lots/new?lang=zh-CN";
        let key = key(&operator.get(&format!("{path}&stall=A1")).expect(200));
        let mut fields = RECEIVED.to_vec();
        fields.push(("key", &key));
        let before = town.fingerprint();
        let large = vec![0; base::limits::EVIDENCE_BYTES_MAX + 1];
        for (photo, message) in [(&b"not a photo"[..], "JPEG、PNG、WebP"), (&large, "不得超过 3 MB")] {
            let refused = multipart(&operator, path, &fields, Some(photo)).expect(422).text();
            let (_, beside) = refused.split_once("id=\"photo-error\"").expect("a message beside the field");
            assert!(beside.split("</p>").next().unwrap().contains(message), "{beside}");
            assert!(refused.contains("id=\"photo-hint\""), "it says that the file must be chosen again");
            for kept in ["value=\"12.5\"", "value=\"寿光蔬菜合作社\"", "value=\"HGZ-2\"", "value=\"tomato\" selected"] {
                assert!(refused.contains(kept), "{kept}");
            }
            assert!(!refused.contains(&key), "the form has a new key");
        }
        assert_eq!(town.fingerprint(), before);
    }

    fn an_inspection_and_the_orders_after_it_are_recorded_once_each(town) {
        let inspector = town.browser(User::Inspector);
        let page = "/market/beiyuan/inspect?lot=L1";
        let test = |reading: &str, verdict: &str, made: u64| {
            let key = key(&inspector.get(page).expect(200));
            let fields = [("item", "organophosphate"), ("method", "rapid-colloidal-gold"), ("reading", reading), ("limit", "50 %"), ("verdict", verdict), ("key", &key)];
            let before = entries(&town, "beiyuan");
            let first = multipart(&inspector, page, &fields, Some(PIXEL)).expect(303);
            let again = multipart(&inspector, page, &fields, Some(PIXEL)).expect(303);
            assert_eq!(again.header("location"), first.header("location"));
            assert_eq!(entries(&town, "beiyuan"), before + made);
        };
        let send = |step: &str, fields: &[(&str, &str)]| {
            let path = format!("/market/beiyuan/lots/L1/{step}");
            twice(&town, &inspector, "beiyuan", &path, &path, fields, 1);
        };
        test("82 %", "fail", 2);
        send("recall", &[("notice_zh", "召回公告"), ("notice_en", "Recall")]);
        test("12 %", "pass", 1);
        send("release", &[("reason", "复检合格")]);
        send("hold", &[("reason", "order"), ("note", "")]);
        town.check();
    }

    fn a_form_that_comes_back_with_other_content_says_so_and_can_be_sent_again(town) {
        let operator = town.browser(User::Operator);
        let path = "/market/beiyuan/record/price?lang=zh-CN";
        let first_key = key(&operator.get(path).expect(200));
        let fields = |price, key| [("stall", "A1"), ("product", "tomato"), ("fen_per_kg", price), ("key", key)];
        operator.post_form(path, &fields("7.2", &first_key)).expect(303);
        let before = entries(&town, "beiyuan");
        let refused = operator.post_form(path, &fields("7.3", &first_key)).expect(422);
        assert!(refused.text().contains("此前已提交") && refused.text().contains("value=\"7.3\""), "{}", refused.text());
        assert_eq!(entries(&town, "beiyuan"), before);
        operator.post_form(path, &fields("7.3", &key(&refused))).expect(303);
        assert_eq!(entries(&town, "beiyuan"), before + 1);
    }

    fn a_complaint_of_somebody_unknown_that_is_sent_twice_is_one_complaint(town) {
        let sold = town.program(User::Scale).post("/scale/v1/sales", &json!({ "sales": [harness::sale(1, "L1", 500, &town.now())] })).expect(200).json();
        let slip = format!("/01/06901234567892/21/{}", sold["lines"][0]["slip"].as_str().unwrap());
        let anyone = town.site.client();
        twice(&town, &anyone, "beiyuan", &slip, &format!("{slip}/complaint"), &[("text", "缺斤短两"), ("contact", ""), ("fair_scale_g", "0.45")], 1);
        let seq = entries(&town, "beiyuan") - 1;
        let settled = format!("/market/beiyuan/complaints/{seq}");
        let inspector = town.browser(User::Inspector);
        twice(&town, &inspector, "beiyuan", &settled, &settled, &[("outcome", "upheld"), ("refund_fen", "1"), ("text", "已退款")], 1);
        town.check();
    }

    fn an_act_of_administration_that_is_sent_twice_is_done_once_and_its_secret_is_still_seen(town) {
        let admin = town.browser(User::Admin);
        let secret = |page: &Answer| {
            let text = page.text();
            text.split_once("data-copy=\"").expect("a secret").1.split('"').next().unwrap().to_owned()
        };
        let both = |form: &str, fields: &[(&str, &str)], made: u64| {
            let key = key(&admin.get(form).expect(200));
            let mut fields = fields.to_vec();
            fields.push(("key", &key));
            let before = entries(&town, "registry");
            let first = admin.post_form(form, &fields).expect(200);
            let again = admin.post_form(form, &fields).expect(200);
            assert_eq!(secret(&first), secret(&again), "{form}");
            assert_eq!(entries(&town, "registry"), before + made, "{form}");
            secret(&first)
        };
        let password = both("/admin/accounts/new", &[("account", "zhang"), ("title", "张三"), ("unit", "371402")], 1);
        let signed_in = town.site.client().post_form("/sign-in", &[("account", "zhang"), ("password", &password)]).expect(303);
        assert!(signed_in.header("set-cookie").contains("taizhang_session="));
        both("/admin/tokens/new", &[("title", "大屏"), ("role", "leader"), ("unit", "371402"), ("line", ""), ("expires", "")], 2);
        both(
            "/admin/devices/new",
            &[("book", "beiyuan"), ("device", "scale-9"), ("title", "9号秤"), ("subject", "scale:beiyuan/9"), ("role", "scale")],
            2,
        );
        twice(&town, &admin, "registry", "/admin/grants/new", "/admin/grants/new",
            &[("grantee", "account:zhang"), ("role", "leader"), ("unit", "371402"), ("line", ""), ("subject", "")], 1);
        twice(&town, &admin, "registry", "/admin/units/371402/new-unit", "/admin/units/371402/new-unit",
            &[("code", "dongguan"), ("level", "town"), ("title_zh", "东关"), ("title_en", "Dongguan")], 1);
        twice(&town, &admin, "registry", "/admin/accounts/zhang", "/admin/accounts/zhang/disable", &[], 1);
    }
}
