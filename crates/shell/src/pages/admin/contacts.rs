//! Contacts of posts: where they are told what they owe, and what still waits to be sent there.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base::{BookId, SubjectId};
use kernel::notices::{ADDRESS_CHARS_MAX, Channel, Contact, ContactSet, Fault, NoticeSent, Outcome, Waiting};
use kernel::{By, Kernel, ROOT_BOOK};
use ledger::Body;
use serde::Deserialize;

use super::{AdminPage, Desk, Form, Nothing, Posted, Secret, page, refused};
use crate::api::contacts::{contacts, waiting};
use crate::api::refusal::malformed;
use crate::app::App;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::table::{Direction, TableSpec};
use crate::view::{Badge, Cell, Choice, Column, Empty, Field, FieldKind, Mark, TableView};

const LIST: &str = "kernel.contact.list";
const SET: &str = "kernel.contact.set";
const REMOVE: &str = "kernel.contact.remove";

pub fn router() -> Router<App> {
    Router::new()
        .route("/admin/contacts", get(list))
        .route("/admin/contacts/new", get(new).post(add))
        .route("/admin/contacts/{contact}", get(one))
        .route("/admin/contacts/{contact}/try", post(try_out))
        .route("/admin/contacts/{contact}/remove", post(remove))
}

const SPEC: TableSpec = TableSpec {
    sortable: &["post", "unit", "channel", "address", "since"],
    sort: ("unit", Direction::Ascending),
    per_page: 50,
};

impl Desk {
    /// The title of a post, or its id where it is unknown.
    pub fn post_title(&self, post: &SubjectId) -> String {
        let tree = self.app.tree();
        let title = tree.post(post).map(|post| self.title(&post.title_zh, &post.title_en).to_owned());
        title.unwrap_or_else(|| post.to_string())
    }

    /// The title of the unit that a post belongs to.
    pub fn unit_of_post(&self, post: &SubjectId) -> String {
        let tree = self.app.tree();
        tree.post(post).map_or_else(String::new, |post| self.unit_title(&post.unit))
    }

    fn channel_title(&self, channel: Channel) -> String {
        self.get(&format!("kernel-value-channel-{}", channel.as_str()))
    }

    /// What stood in the way of a notice: `对方拒收（550）`.
    fn fault_title(&self, fault: Fault) -> String {
        let text = self.get(&format!("kernel-value-fault-kind-{}", fault.kind.as_str()));
        match fault.code {
            Some(code) => self.t.with("contact-fault", &[("text", text), ("code", code.to_string())]),
            None => text,
        }
    }
}

async fn list(desk: Desk) -> Result<Response, Problem> {
    let all = contacts(&desk.app, &desk.viewer).await?;
    let columns = vec![
        Column::text("post", desk.get("admin-post")),
        Column::text("unit", desk.get("admin-unit")),
        Column::text("channel", desk.get("kernel-field-channel")),
        Column::text("address", desk.get("kernel-field-address")),
        Column::text("since", desk.get("contact-since")),
    ];
    let action = desk.action(SET, "contact-new", "/admin/contacts/new");
    let empty = Empty {
        title: desk.get("contacts-none"),
        hint: desk.get("admin-contacts-hint"),
        action: action.clone(),
    };
    let mut table = TableView::new("contacts", desk.get("admin-contacts"), columns, empty);
    let row = |row: &Contact| {
        vec![
            Cell::text(desk.post_title(&row.post)).link(format!("/admin/contacts/{}", row.contact)),
            Cell::text(desk.unit_of_post(&row.post)),
            Cell::text(desk.channel_title(row.channel)),
            Cell::text(&row.address),
            Cell::date_time(desk.app.moment(row.since)),
        ]
    };
    table.rows = all.iter().map(row).collect();
    let mut shown = desk.page(desk.get("admin-contacts"), "");
    shown.actions.extend(action);
    if !desk.app.site.sends_mail {
        shown.lead = Some(desk.get("contacts-no-mail"));
    }
    shown.tables.push(waiting_table(&desk, &waiting(&desk.app, &desk.viewer).await?));
    super::listing::list(&desk.t, &SPEC, &desk.here, table)?.on(&desk.app, shown).await
}

fn waiting_table(desk: &Desk, rows: &[Waiting]) -> TableView {
    let columns = vec![
        Column::text("about", desk.get("kernel-field-about")),
        Column::text("what", desk.get("kernel-field-what")),
        Column::text("post", desk.get("admin-post")),
        Column::number("attempts", desk.get("kernel-field-attempts")),
        Column::text("fault", desk.get("kernel-field-fault")),
        Column::text("next", desk.get("notice-next")),
    ];
    let empty = Empty { title: desk.get("notices-none"), hint: desk.get("notices-none-hint"), action: None };
    let mut table = TableView::new("waiting", desk.get("notices-waiting"), columns, empty);
    let row = |row: &Waiting| {
        let about = match crate::href::matter(&row.about) {
            Some(href) => Cell::text(row.about.local_part()).link(href),
            None => Cell::text(desk.post_title(&row.about)),
        };
        vec![
            about,
            Cell::text(desk.get(&format!("kernel-value-what-{}", row.what.as_str()))),
            Cell::text(desk.post_title(&row.post)).link(format!("/admin/contacts/{}", row.contact)),
            Cell::integer(row.attempts.into()),
            row.fault.map_or_else(Cell::none, |fault| Cell::text(desk.fault_title(fault))),
            Cell::date_time(desk.app.moment(row.next)),
        ]
    };
    table.rows = rows.iter().map(row).collect();
    table
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    post: String,
    channel: String,
    address: String,
}

fn form(desk: &Desk, typed: &Typed) -> Result<AdminPage, Problem> {
    let scope = desk.viewer.need_somewhere(&desk.app, SET)?;
    let tree = desk.app.tree();
    let units = scope.units(&tree, None);
    let mut posts: Vec<Choice> = units
        .iter()
        .flat_map(|unit| tree.posts_of_unit(unit))
        .map(|post| Choice {
            title: format!(
                "{} · {}",
                desk.unit_title(&post.unit),
                desk.title(&post.title_zh, &post.title_en)
            ),
            value: post.id.to_string(),
        })
        .collect();
    posts.sort_by(|a, b| a.title.cmp(&b.title));
    let channels = Channel::ALL
        .map(|channel| Choice { value: channel.as_str().to_owned(), title: desk.channel_title(channel) });
    let choice = |name, key: &str, choices, value: &str| {
        Field::new(name, desk.get(key), FieldKind::Choice(choices)).value(value).required()
    };
    let fields = vec![
        choice("post", "admin-post", posts, &typed.post),
        choice("channel", "kernel-field-channel", channels.into(), &typed.channel),
        Field::new(
            "address",
            desk.get("kernel-field-address"),
            FieldKind::Text { chars_max: ADDRESS_CHARS_MAX },
        )
        .value(&typed.address)
        .required()
        .hint(desk.get("contact-address-hint")),
    ];
    let form = Form {
        action: "/admin/contacts/new".into(),
        button: desk.get("contact-new"),
        warning: None,
        error: None,
        fields,
    };
    Ok(desk.form(desk.get("contact-new"), "admin-contacts", form))
}

/// The post that a link to the form names.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    post: String,
}

async fn new(desk: Desk, Query(Asked { post }): Query<Asked>) -> Result<Response, Problem> {
    let typed = Typed { post, channel: Channel::Email.as_str().into(), ..Typed::default() };
    page(&form(&desk, &typed)?)
}

async fn add(desk: Desk, Posted { typed, sent }: Posted<Typed>) -> Result<Response, Problem> {
    let again = form(&desk, &typed)?;
    let read = || {
        let post = SubjectId::new(&typed.post).map_err(|error| malformed("post", &error))?;
        let channel = Channel::parse(&typed.channel);
        let channel = channel.ok_or_else(|| malformed("channel", &"is not a channel"))?;
        let set = ContactSet { post, channel, address: typed.address.trim().to_owned() };
        set.check().map(|()| set).map_err(|_| {
            let key = format!("contact-address-{}", channel.as_str());
            let detail = crate::texts::Both::new(
                desk.app.texts.t(crate::texts::Lang::Zh).get(&key),
                desk.app.texts.t(crate::texts::Lang::En).get(&key),
            );
            Problem::bad_request("address", "format", detail)
        })
    };
    let set = match read() {
        Ok(set) => set,
        Err(problem) => return refused(&desk, problem, again),
    };
    let is_webhook = set.channel == Channel::Webhook;
    let work = move |kernel: &Kernel, by: &By| kernel.set_contact(by, set);
    match desk.act_secretly(SET, sent, |set| &mut set.secret, work).await {
        Ok(set) => {
            let mut shown = contact_page(&desk, set.receipt.seq.0).await?;
            match set.secret {
                Some(value) => {
                    let (title, hint) = (desk.get("contact-secret"), desk.get("contact-secret-hint"));
                    shown.secret = Some(Secret { title, value, hint });
                }
                None if is_webhook => shown.lead = Some(desk.get("contact-secret-shown")),
                None => {}
            }
            page(&shown)
        }
        Err(problem) => refused(&desk, problem, again),
    }
}

async fn contact_page(desk: &Desk, contact: u64) -> Result<AdminPage, Problem> {
    let all = contacts(&desk.app, &desk.viewer).await?;
    let row = all.into_iter().find(|row| row.contact == contact).ok_or_else(Problem::not_found)?;
    let mut shown = desk.page(desk.post_title(&row.post), "admin-contacts");
    shown.facts = vec![
        (desk.get("admin-post"), desk.post_title(&row.post)),
        (desk.get("admin-unit"), desk.unit_of_post(&row.post)),
        (desk.get("kernel-field-channel"), desk.channel_title(row.channel)),
        (desk.get("kernel-field-address"), row.address.clone()),
        (desk.get("contact-since"), crate::format::date_time(desk.app.moment(row.since))),
    ];
    let mut rows = waiting(&desk.app, &desk.viewer).await?;
    rows.retain(|row| row.contact == contact);
    if !rows.is_empty() {
        shown.tables.push(waiting_table(desk, &rows));
    }
    let tries = tries(desk, &row).await?;
    if !tries.rows.is_empty() {
        shown.tables.push(tries);
    }
    let button = |action: &str, key: &str, path: &str| {
        desk.may(action).then(|| Form {
            action: format!("/admin/contacts/{contact}/{path}"),
            button: desk.get(key),
            warning: Some(desk.get(&format!("{key}-hint"))),
            error: None,
            fields: Vec::new(),
        })
    };
    shown.forms.extend(button(SET, "contact-try", "try"));
    shown.forms.extend(button(REMOVE, "contact-remove", "remove"));
    Ok(shown)
}

/// What became of the tries of a contact.
async fn tries(desk: &Desk, contact: &Contact) -> Result<TableView, Problem> {
    let post = contact.post.clone();
    let book = BookId::new(ROOT_BOOK).map_err(|_| Problem::internal())?;
    let entries =
        desk.app.blocking(move |kernel| kernel.read(|tx| kernel::entries::about(tx, &book, &post, 100)));
    let columns = vec![
        Column::text("at", desk.get("notice-ended")),
        Column::text("outcome", desk.get("kernel-field-outcome")),
        Column::text("fault", desk.get("kernel-field-fault")),
        Column::number("attempts", desk.get("kernel-field-attempts")),
    ];
    let empty = Empty { title: desk.get("empty"), hint: String::new(), action: None };
    let mut table = TableView::new("tries", desk.get("contact-tries"), columns, empty);
    for entry in entries.await?.iter().filter(|entry| entry.kind.as_str() == NoticeSent::KIND) {
        let Ok(sent) = entry.body::<NoticeSent>() else { continue };
        if sent.contact != contact.contact {
            continue;
        }
        let mark = if sent.outcome == Outcome::Delivered { Mark::Done } else { Mark::Red };
        let word = match sent.outcome {
            Outcome::Delivered => "delivered",
            Outcome::Failed => "failed",
            Outcome::GivenUp => "given_up",
        };
        let badge = Badge { mark, text: desk.get(&format!("kernel-value-outcome-{word}")) };
        table.rows.push(vec![
            Cell::date_time(desk.app.moment(entry.occurred))
                .link(format!("/ledger/{ROOT_BOOK}/{}", entry.seq)),
            Cell::badge(badge),
            sent.fault.map_or_else(Cell::none, |fault| Cell::text(desk.fault_title(fault))),
            Cell::integer(sent.attempts.into()),
        ]);
    }
    Ok(table)
}

async fn one(Path(contact): Path<u64>, desk: Desk) -> Result<Response, Problem> {
    desk.viewer.need_somewhere(&desk.app, LIST)?;
    page(&contact_page(&desk, contact).await?)
}

async fn try_out(
    Path(contact): Path<u64>,
    desk: Desk,
    Posted { sent, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    if let Err(problem) = desk.app.limits.trial(&desk.viewer.id()) {
        return refused(&desk, problem, contact_page(&desk, contact).await?);
    }
    let work = move |kernel: &Kernel, by: &By| kernel.try_contact(by, contact);
    match desk.act(SET, sent, work).await {
        Ok(()) => Ok(Redirect::to(&format!("/admin/contacts/{contact}")).into_response()),
        Err(problem) => refused(&desk, problem, contact_page(&desk, contact).await?),
    }
}

async fn remove(
    Path(contact): Path<u64>,
    desk: Desk,
    Posted { sent, .. }: Posted<Nothing>,
) -> Result<Response, Problem> {
    let work = move |kernel: &Kernel, by: &By| kernel.remove_contact(by, contact);
    match desk.act(REMOVE, sent, work).await {
        Ok(_) => Ok(Redirect::to("/admin/contacts").into_response()),
        Err(problem) => {
            let mut again = contact_page(&desk, contact).await?;
            // The message belongs to the second of the two buttons.
            again.forms.reverse();
            refused(&desk, problem, again)
        }
    }
}
