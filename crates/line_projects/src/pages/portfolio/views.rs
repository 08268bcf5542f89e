//! Views of the list that somebody keeps under a name. They are nobody else's, and follow from no entry.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use base::ActorId;
use kernel::{AppendError, Desk};
use shell::app::append_problem;
use shell::viewer::Viewer;
use shell::{App, Both, Problem};
use store::{Param, StoreError, Tx, Value};

use crate::policy::READ;

pub fn router() -> Router<App> {
    Router::new().route("/my/projects/views", post(keep)).route("/my/projects/views/remove", post(remove))
}

/// Views that one account keeps.
const VIEWS_MAX: usize = 20;
const NAME_CHARS_MAX: usize = 20;
const ADDRESS_CHARS_MAX: usize = 600;

/// A view: what it is called, and the address that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub name: String,
    pub address: String,
}

/// The views of an account, by name.
pub fn views(tx: &mut dyn Tx, actor: &ActorId) -> Result<Vec<View>, StoreError> {
    const OF: &str = "select name, address from projects_view where actor = $1 order by name";
    let rows = tx.query(OF, &[Param::Text(actor.as_str())])?;
    rows.iter()
        .map(|row| Ok(View { name: row.text(0)?.to_owned(), address: row.text(1)?.to_owned() }))
        .collect()
}

/// The part of an address that a view keeps: where, and how it is narrowed and sorted; not the page or the last form.
pub fn address(here: &str) -> String {
    ["page", "done", "lang", "export"]
        .iter()
        .fold(here.to_owned(), |address, name| shell::table::with_parameter(&address, name, None))
}

/// Only a list of projects is kept: a view never leads elsewhere.
fn is_list(address: &str) -> bool {
    let path = address.split('?').next().unwrap_or_default();
    let fits = path == "/projects" || (path.starts_with("/projects/") && path.matches('/').count() == 2);
    fits && address.chars().count() <= ADDRESS_CHARS_MAX
}

fn refused(field: &str, zh: &str, en: &str) -> Problem {
    Problem::bad_request(field, "range", Both::new(zh.to_owned(), en.to_owned()))
}

async fn keep(
    State(app): State<App>,
    viewer: Viewer,
    Form(typed): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    viewer.need_somewhere(&app, READ)?;
    let text = |name: &str| typed.get(name).map_or("", |text| text.trim()).to_owned();
    let (name, address) = (text("name"), address(&text("address")));
    if !is_list(&address) {
        return Err(refused("address", "只能保存项目清单的视图。", "is not a list of projects"));
    }
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains('\0') {
        return Err(refused("name", "视图名称应为 1 至 20 个字。", "must be 1 to 20 characters"));
    }
    let (actor, back) = (viewer.id(), address.clone());
    let too_many = |error| {
        append_problem(error, |()| {
            refused("name", "最多保存 20 个视图，请先删除不用的。", "at most 20 views are kept; remove one")
        })
    };
    let put = move |desk: &mut Desk<'_>| {
        const PUT: &str = "insert into projects_view (actor, name, address) values ($1, $2, $3)
                on conflict (actor, name) do update set address = excluded.address";
        let known = views(desk.read()?, &actor)?;
        if known.len() >= VIEWS_MAX && known.iter().all(|view| view.name != name) {
            return Err(AppendError::Refused(()));
        }
        desk.aside(PUT, [actor.as_str(), &name, &address].map(|it| Value::Text(it.to_owned())).to_vec());
        Ok(())
    };
    app.append(too_many, put).await?;
    Ok(Redirect::to(&back).into_response())
}

async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    Form(typed): Form<BTreeMap<String, String>>,
) -> Result<Response, Problem> {
    viewer.need_somewhere(&app, READ)?;
    // None is called by what no database takes.
    let name = typed.get("name").map(|name| name.replace('\0', "")).unwrap_or_default();
    let back = typed.get("address").filter(|address| is_list(address)).map_or("/projects", String::as_str);
    let actor = viewer.id();
    let remove = move |desk: &mut Desk<'_>| {
        const REMOVE: &str = "delete from projects_view where actor = $1 and name = $2";
        desk.aside(REMOVE, vec![Value::Text(actor.to_string()), Value::Text(name.clone())]);
        Ok(())
    };
    app.append(|error| append_problem(error, |()| Problem::internal()), remove).await?;
    Ok(Redirect::to(back).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_keeps_what_narrows_and_leads_to_lists_alone() {
        assert_eq!(
            address("/projects?unit=371481&page=3&done=5&phase=started"),
            "/projects?unit=371481&phase=started"
        );
        for (text, expected) in [
            ("/projects", true),
            ("/projects/leling-projects?colour=red", true),
            ("/projects/leling-projects/project/p1", false),
            ("//evil.example/projects", false),
            ("https://evil.example/projects", false),
            ("/projectsevil", false),
        ] {
            assert_eq!(is_list(text), expected, "{text}");
        }
    }
}
