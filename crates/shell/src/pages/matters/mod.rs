//! Matters on pages: the inbox (待办), the sheet of one, and the forms that move it.

mod history;
mod inbox;
mod judged;
mod moves;
mod open;
mod sheet;
mod words;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::App;
use crate::problem::Problem;
use crate::texts::{Lang, T};
use crate::view::{Crumb, Frame};
use crate::viewer::{Asked, Here, Viewer};

pub fn router() -> Router<App> {
    Router::new().merge(inbox::router()).merge(open::router()).merge(sheet::router()).merge(moves::router())
}

/// Streams, which have no time limit.
pub fn streams() -> Router<App> {
    Router::new().merge(inbox::streams()).merge(sheet::streams())
}

/// Who is here, and in which language.
#[derive(Clone)]
struct Visit {
    app: App,
    viewer: Viewer,
    lang: Lang,
    t: T,
    here: String,
}

impl Visit {
    fn get(&self, key: &str) -> String {
        self.t.get(key)
    }

    /// A title in the page's language.
    fn title<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self.lang {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// The frame of a page below the inbox.
    fn frame(&self, title: impl Into<String>) -> Frame {
        let mut frame = self.viewer.frame(&self.app, self.lang, title, &self.here);
        frame.crumbs.push(Crumb { title: self.get("nav-matters"), href: Some("/matters".into()) });
        frame
    }
}

impl FromRequestParts<App> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let viewer = Viewer::from_request_parts(parts, app).await?;
        let Asked(lang) = Asked::from_request_parts(parts, app).await?;
        let Here(here) = Here::from_request_parts(parts, app).await?;
        let t = app.texts.t(lang);
        Ok(Self { app: app.clone(), viewer, lang, t, here })
    }
}
