//! The market that a page of this part is about, and what codes are called in it.

use std::collections::BTreeMap;

use access::Resource;
use base::{BookId, Seq, SubjectId};
use shell::view::Frame;
use shell::viewer::Viewer;
use shell::{App, Lang, Problem};
use store::{StoreError, Tx};

use crate::api::market;
use crate::pages::office::place::Place;
use crate::policy::READ;
use crate::state::{self, Lot, Product};

/// A market's book, as a page needs it.
#[derive(Debug, Clone)]
pub struct Ground {
    pub book: BookId,
    pub resource: Resource,
    title: String,
}

impl Ground {
    /// A market whose records the viewer may read in full.
    pub fn readable(app: &App, viewer: &Viewer, lang: Lang, book: &str) -> Result<Self, Problem> {
        let ground = Self::of(app, lang, book)?;
        viewer.need(app, READ, &ground.resource)?;
        Ok(ground)
    }

    /// A market where the viewer may do something.
    pub fn allowing(
        app: &App,
        viewer: &Viewer,
        lang: Lang,
        book: &str,
        action: &str,
    ) -> Result<Self, Problem> {
        let ground = Self::readable(app, viewer, lang, book)?;
        viewer.need(app, action, &ground.resource)?;
        Ok(ground)
    }

    /// A market, whoever asks; what may be seen of it is for the caller to decide.
    pub fn of(app: &App, lang: Lang, book: &str) -> Result<Self, Problem> {
        let (book, resource) = market(app, book)?;
        let tree = app.tree();
        let title = tree
            .unit(&resource.unit)
            .map_or_else(|| book.to_string(), |it| in_lang(lang, &it.title_zh, &it.title_en).to_owned());
        Ok(Self { book, resource, title })
    }

    pub fn may(&self, app: &App, viewer: &Viewer, action: &str) -> bool {
        viewer.allows(app, action, &self.resource)
    }

    /// A lot as a resource: it belongs to its merchant.
    pub fn resource_of(&self, lot: &Lot) -> Resource {
        match SubjectId::local("merchant", &self.book, &lot.merchant) {
            Ok(owner) => self.resource.clone().owned_by(owner),
            Err(_) => self.resource.clone(),
        }
    }

    pub fn href(&self, page: &str) -> String {
        format!("/market/{}/{page}", self.book)
    }

    pub fn lot_href(&self, lot: &str) -> String {
        format!("/market/{}/lots/{lot}", self.book)
    }

    pub fn entry_href(&self, seq: Seq) -> String {
        format!("/ledger/{}/{seq}", self.book)
    }

    /// The frame of a page below the market.
    pub fn frame(
        &self,
        app: &App,
        viewer: &Viewer,
        lang: Lang,
        title: impl Into<String>,
        here: &str,
    ) -> Frame {
        let place =
            Place { book: self.book.clone(), resource: self.resource.clone(), title: self.title.clone() };
        place.frame(app, viewer, lang, title, here)
    }
}

pub fn in_lang<'a>(lang: Lang, zh: &'a str, en: &'a str) -> &'a str {
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}

/// What products are called.
#[derive(Debug, Clone)]
pub struct Products(BTreeMap<String, Product>);

impl Products {
    pub fn read(tx: &mut dyn Tx, book: &BookId) -> Result<Self, StoreError> {
        let all = state::products(tx, book)?;
        Ok(Self(all.into_iter().map(|product| (product.product.clone(), product)).collect()))
    }

    pub fn title(&self, lang: Lang, code: &str) -> String {
        self.0.get(code).map_or(code, |it| in_lang(lang, &it.title_zh, &it.title_en)).to_owned()
    }
}
