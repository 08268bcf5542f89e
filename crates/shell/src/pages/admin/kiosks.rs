//! The link that lets a screen show the wall.

use access::{Grant, WALL};
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use base::UnitCode;
use kernel::{By, Kernel, NewToken};
use serde::Deserialize;

use super::tokens::{end_of, token_page};
use super::{AdminPage, Desk, Form, Posted, Secret, page, refused};
use crate::api::refusal::malformed;
use crate::problem::Problem;
use crate::view::{Field, FieldKind};

pub fn router() -> Router<crate::App> {
    Router::new().route("/admin/kiosks/new", get(new).post(issue))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Typed {
    title: String,
    unit: String,
    expires: String,
}

fn form(desk: &Desk, typed: &Typed) -> Result<AdminPage, Problem> {
    let chars_max = base::limits::NAME_CHARS_MAX;
    let units = desk.unit_choices("kernel.token.issue")?;
    let fields = vec![
        Field::new("title", desk.get("admin-name"), FieldKind::Text { chars_max })
            .value(&typed.title)
            .required()
            .hint(desk.get("admin-kiosk-title-hint")),
        Field::new("unit", desk.get("admin-unit"), FieldKind::Choice(units)).value(&typed.unit).required(),
        Field::new("expires", desk.get("admin-token-expires"), FieldKind::Date)
            .value(&typed.expires)
            .required()
            .hint(desk.get("admin-kiosk-expires-hint")),
    ];
    let form = Form {
        action: "/admin/kiosks/new".into(),
        button: desk.get("admin-kiosk-new"),
        warning: None,
        error: None,
        fields,
    };
    let mut shown = desk.form(desk.get("admin-kiosk-new"), "admin-tokens", form);
    shown.lead = Some(desk.get("admin-kiosk-lead"));
    Ok(shown)
}

async fn new(desk: Desk) -> Result<Response, Problem> {
    page(&form(&desk, &Typed::default())?)
}

async fn issue(desk: Desk, Posted { typed, sent }: Posted<Typed>) -> Result<Response, Problem> {
    let again = form(&desk, &typed)?;
    let read = || {
        let unit = UnitCode::new(&typed.unit).map_err(|error| malformed("unit", &error))?;
        let grant = Grant { role: WALL.into(), unit: unit.clone(), line: None, subject: None };
        let expires = Some(end_of(&desk, &typed.expires)?);
        Ok(NewToken { title: typed.title.clone(), unit, grants: vec![grant], expires })
    };
    let new = match read() {
        Ok(new) => new,
        Err(problem) => return refused(&desk, problem, again),
    };
    let work = move |kernel: &Kernel, by: &By| kernel.issue_token(by, new);
    match desk.act_secretly("kernel.token.issue", sent, |issued| &mut issued.credential, work).await {
        Ok(issued) => {
            let mut shown = token_page(&desk, issued.actor.as_str().trim_start_matches("token:")).await?;
            match issued.credential {
                Some(credential) => {
                    let value = format!("{}/kiosk#{credential}", desk.app.site.base_url);
                    let (title, hint) = (desk.get("admin-kiosk-link"), desk.get("admin-kiosk-link-hint"));
                    shown.secret = Some(Secret { title, value, hint });
                }
                None => shown.lead = Some(desk.get("admin-credential-shown")),
            }
            page(&shown)
        }
        Err(problem) => refused(&desk, problem, again),
    }
}
