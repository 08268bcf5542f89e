//! Who may send which form: every address that pages post to, by everybody, at their own market or office and at another.

use std::collections::BTreeMap;

use harness::{Client, User, on_every_store};

use super::{filled, posted};

/// Who sends: those of the first market, those of the county above it, and those of its key-project office.
const USERS: [User; 9] = [
    User::Anonymous,
    User::Admin,
    User::Operator,
    User::Merchant,
    User::Inspector,
    User::Leader,
    User::Auditor,
    User::Planner,
    User::Team,
];

/// The status that each of them gets for a form with nothing filled in.
type Row = [u16; 9];

/// Forms without a row. The list may only get shorter.
const EXCEPTIONS: [&str; 0] = [];

const FORMS: &[(&str, Row)] = &[
    ("/01/{gtin}/21/{serial}/complaint", [404, 404, 404, 404, 404, 404, 404, 404, 404]),
    ("/account/password", [401, 422, 422, 422, 422, 422, 422, 422, 422]),
    ("/account/totp/begin", [401, 422, 422, 422, 422, 422, 422, 422, 422]),
    ("/account/totp/codes", [401, 422, 422, 422, 422, 422, 422, 422, 422]),
    ("/account/totp/confirm", [401, 422, 422, 422, 422, 422, 422, 422, 422]),
    ("/account/totp/end", [401, 422, 422, 422, 422, 422, 422, 422, 422]),
    ("/admin/accounts/new", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    // What is not there: an auditor, who may look, is told so.
    ("/admin/accounts/{account}/disable", [401, 404, 403, 403, 403, 403, 404, 403, 403]),
    ("/admin/accounts/{account}/remove-identity", [401, 404, 403, 403, 403, 403, 404, 403, 403]),
    ("/admin/accounts/{account}/remove-totp", [401, 404, 403, 403, 403, 403, 404, 403, 403]),
    ("/admin/accounts/{account}/reset-password", [401, 404, 403, 403, 403, 403, 404, 403, 403]),
    // Without a provider there is nothing to link an account with.
    ("/admin/accounts/{account}/set-identity", [401, 404, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/calendar/new", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/contacts/new", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/contacts/{contact}/remove", [401, 404, 403, 403, 403, 403, 404, 403, 403]),
    ("/admin/contacts/{contact}/try", [401, 404, 403, 403, 403, 403, 404, 403, 403]),
    ("/admin/devices/new", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/devices/{book}/{device}", [401, 404, 403, 403, 403, 403, 404, 403, 403]),
    ("/admin/grants/new", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/grants/{seq}", [401, 404, 403, 403, 403, 403, 404, 403, 403]),
    ("/admin/kiosks/new", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/rules/new", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/tokens/new", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/tokens/{token}", [401, 404, 403, 403, 403, 403, 404, 403, 403]),
    ("/admin/units/{unit}/hold", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/units/{unit}/leave", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/units/{unit}/new-book", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/units/{unit}/new-place", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/units/{unit}/new-post", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/units/{unit}/new-unit", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/witness/forks/{fork}", [401, 404, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/witness/logs/{log}/drop", [401, 404, 403, 403, 403, 403, 403, 403, 403]),
    ("/admin/witness/new", [401, 422, 403, 403, 403, 403, 403, 403, 403]),
    ("/figures/{name}/target", [401, 422, 403, 403, 403, 422, 403, 403, 403]),
    // Public forms: a screen sends JSON, and a complaint names a slip.
    ("/kiosk", [415, 415, 415, 415, 415, 415, 415, 415, 415]),
    ("/market/{book}/complaints/{seq}", [401, 403, 404, 403, 404, 403, 403, 403, 403]),
    ("/market/{book}/inspect", [401, 403, 403, 403, 404, 403, 403, 403, 403]),
    ("/market/{book}/lots/new", [401, 403, 422, 422, 403, 403, 403, 403, 403]),
    ("/market/{book}/lots/{lot}/hold", [401, 403, 403, 403, 422, 403, 403, 403, 403]),
    ("/market/{book}/lots/{lot}/recall", [401, 403, 403, 403, 422, 403, 403, 403, 403]),
    ("/market/{book}/lots/{lot}/recall/end", [401, 403, 403, 403, 422, 403, 403, 403, 403]),
    ("/market/{book}/lots/{lot}/release", [401, 403, 403, 403, 422, 403, 403, 403, 403]),
    ("/market/{book}/record/{form}", [401, 403, 422, 422, 403, 403, 403, 403, 403]),
    ("/matters/new", [401, 403, 403, 403, 403, 422, 403, 403, 403]),
    ("/matters/{book}/{name}/do/{verb}", [401, 403, 404, 403, 404, 404, 404, 403, 403]),
    // Each keeps views of their own, of lists that they may see.
    ("/my/projects/views", [401, 403, 403, 403, 403, 400, 400, 400, 400]),
    ("/my/projects/views/remove", [401, 403, 403, 403, 403, 303, 303, 303, 303]),
    ("/projects/{book}/project/{project}/plan/accept", [401, 403, 403, 403, 403, 403, 403, 404, 404]),
    ("/projects/{book}/project/{project}/plan/baseline", [401, 403, 403, 403, 403, 403, 403, 400, 403]),
    ("/projects/{book}/project/{project}/plan/deadline", [401, 403, 403, 403, 403, 403, 403, 409, 403]),
    ("/projects/{book}/project/{project}/plan/duration", [401, 403, 403, 403, 403, 403, 403, 409, 409]),
    ("/projects/{book}/project/{project}/plan/import", [401, 403, 403, 403, 403, 403, 403, 422, 422]),
    ("/projects/{book}/project/{project}/plan/overlap", [401, 403, 403, 403, 403, 403, 403, 400, 400]),
    ("/projects/{book}/project/{project}/report", [401, 403, 403, 403, 403, 403, 403, 422, 422]),
    ("/projects/{book}/record/{form}", [401, 403, 403, 403, 403, 403, 403, 422, 422]),
    ("/sign-in", [422, 422, 422, 422, 422, 422, 422, 422, 422]),
    // Nobody has given a password before, so all begin anew.
    ("/sign-in/code", [303, 303, 303, 303, 303, 303, 303, 303, 303]),
    // There is no provider.
    ("/sign-in/provider/link", [404, 404, 404, 404, 404, 404, 404, 404, 404]),
    ("/sign-out", [303, 303, 303, 303, 303, 303, 303, 303, 303]),
];

/// Forms that take files.
const PARTS: [&str; 6] = [
    "/admin/calendar/new",
    "/market/{book}/inspect",
    "/market/{book}/lots/new",
    "/projects/{book}/project/{project}/plan/import",
    "/projects/{book}/project/{project}/report",
    "/projects/{book}/record/{form}",
];

/// What a form has to say before it is seen who sends it.
fn fields(address: &str) -> &'static [(&'static str, &'static str)] {
    match address {
        "/account/password" => &[("old_password", "x"), ("new_password", "y"), ("again", "z")],
        "/projects/{book}/project/{project}/plan/duration" => {
            &[("days", "3"), ("activity", "a"), ("reason", "x")]
        }
        "/matters/new" => &[("book", "beiyuan")],
        "/sign-in/code" => &[("code", "000000")],
        "/sign-in/provider/link" => &[("offer", "x")],
        _ => &[],
    }
}

fn send(client: &Client, address: &str, path: &str) -> u16 {
    if !PARTS.contains(&address) {
        return client.post_form(path, fields(address)).status;
    }
    let parts = "--b\r\ncontent-disposition: form-data; name=\"x\"\r\n\r\ny\r\n--b--\r\n";
    client.post_bytes(path, "multipart/form-data; boundary=b", parts.as_bytes()).status
}

#[test]
fn every_form_has_a_row() {
    let posted = posted();
    let known: Vec<&str> = FORMS.iter().map(|(address, _)| *address).collect();
    let untested: Vec<&str> = posted.iter().map(String::as_str).filter(|it| !known.contains(it)).collect();
    assert_eq!(untested, EXCEPTIONS, "forms without an access test");
    let gone: Vec<&&str> = known.iter().filter(|it| !posted.iter().any(|address| address == **it)).collect();
    assert!(gone.is_empty(), "tests of forms that are gone: {gone:?}");
}

on_every_store! {
    fn each_user_may_send_what_the_table_says_and_nothing_elsewhere(town) {
        let clients = USERS.map(|user| match user {
            User::Anonymous => town.site.client(),
            _ => town.browser(user),
        });
        let rows: BTreeMap<&str, Row> = FORMS.iter().copied().collect();
        let mut wrong = Vec::new();
        // It ends the session, so it comes last.
        let mut posted = posted();
        posted.sort_by_key(|address| address == "/sign-out");
        for address in &posted {
            let path = filled(address);
            let path = if address.starts_with("/figures") { path + "?unit=371402" } else { path };
            let found: Vec<u16> = clients.iter().map(|client| send(client, address, &path)).collect();
            if rows.get(address.as_str()).is_none_or(|row| row[..] != found[..]) {
                wrong.push(format!("(\"{address}\", {found:?}),"));
            }
            let foreign = path.replace("beiyuan", "xihai").replace("decheng-projects", "leling-projects").replace("371402", "371481");
            if foreign == path {
                continue;
            }
            for (user, client) in USERS.iter().zip(&clients) {
                let status = send(client, address, &foreign);
                // The administrator is the whole city's, and what is kept in a book is not for administrators.
                let fits = match user {
                    User::Anonymous => status == 401,
                    User::Admin => true,
                    _ => matches!(status, 403 | 404),
                };
                if !fits {
                    wrong.push(format!("{user:?} {foreign}: {status}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
