//! The kernel's pages: signing in, the account, figures and entries.

mod account;
mod admin;
mod book;
mod entry;
pub(crate) mod figure;
mod help;
mod home;
mod matters;
pub(crate) mod provider;
mod sign_in;

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};

pub use help::help;
pub use sign_in::{From, note_address};

use crate::app::{App, NavEntry};
use crate::problem::Problem;

/// The kernel's places in the main navigation.
pub const NAV: [NavEntry; 3] = [
    NavEntry { title: "nav-matters", href: "/matters", action: crate::docket::READ },
    NavEntry { title: "nav-wall", href: "/wall", action: "kernel.wall.read" },
    NavEntry { title: "nav-admin", href: "/admin", action: "kernel.account.list" },
];

pub fn router() -> Router<App> {
    Router::new()
        .merge(home::router())
        .merge(sign_in::router())
        .merge(provider::router())
        .merge(account::router())
        .merge(figure::router())
        .merge(entry::router())
        .merge(book::router())
        .merge(matters::router())
        .merge(admin::router())
}

/// The kernel's pages that stay open.
pub fn streams() -> Router<App> {
    matters::streams()
}

/// Sets a template.
pub fn page(template: &impl Template) -> Result<Response, Problem> {
    template.render().map(|markup| Html(markup).into_response()).map_err(|error| {
        tracing::error!(%error, "cannot set a page");
        Problem::internal()
    })
}
