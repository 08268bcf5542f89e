//! The market that a page is about, and how much of it the viewer may see.

use std::collections::BTreeMap;

use access::Resource;
use base::{BookId, UnitCode};
use ledger::Body;
use shell::view::{Crumb, Flash, Frame, Link, Mark};
use shell::{App, Lang, Problem, Viewer};
use store::{StoreError, Tx};

use crate::api::market;
use crate::kinds::InspectionRecorded;
use crate::policy::READ;
use crate::state;

/// A market's book and the unit that keeps it.
#[derive(Debug, Clone)]
pub struct Place {
    pub book: BookId,
    pub resource: Resource,
    pub title: String,
}

/// How much of a market an action reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    All,
    /// Only what these merchants own.
    Own(Vec<String>),
}

impl Reach {
    /// Whether something that a merchant has, or nobody, is within it.
    pub fn covers(&self, merchant: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Own(own) => merchant.is_some_and(|merchant| own.iter().any(|it| it == merchant)),
        }
    }
}

impl Place {
    pub fn of(app: &App, lang: Lang, book: &str) -> Result<Self, Problem> {
        let (book, resource) = market(app, book)?;
        let tree = app.tree();
        let title = tree
            .unit(&resource.unit)
            .map_or_else(|| book.to_string(), |it| in_lang(lang, &it.title_zh, &it.title_en));
        Ok(Self { book, resource, title })
    }

    /// What the viewer may do an action to; refused where that is nothing.
    pub fn reach(&self, app: &App, viewer: &Viewer, action: &str) -> Result<Reach, Problem> {
        if viewer.allows(app, action, &self.resource) {
            return Ok(Reach::All);
        }
        let tree = app.tree();
        let owners = viewer.actor().map_or_else(Vec::new, |actor| {
            let scope = access::scope(app.kernel.policy(), &tree, actor, action);
            scope.owners(&tree, &self.resource.unit, self.resource.line.as_deref())
        });
        let own: Vec<String> = owners
            .iter()
            .filter(|owner| owner.scheme() == "merchant" && owner.home() == Some(self.book.as_str()))
            .map(|owner| owner.local_part().to_owned())
            .collect();
        match own.is_empty() {
            true => viewer.need(app, action, &self.resource).map(|()| Reach::All),
            false => Ok(Reach::Own(own)),
        }
    }

    /// Notes that a form is shown whose choices list the merchants of the market, as the list of them is noted.
    pub async fn note_choices(&self, app: &App, viewer: &Viewer, reach: &Reach) -> Result<(), Problem> {
        match reach {
            Reach::All => {
                let what = format!("merchants {} in a form", self.book);
                viewer.note_read_of(app, &self.resource.unit, &what).await
            }
            Reach::Own(_) => Ok(()),
        }
    }

    /// The address of a page of the market.
    pub fn href(&self, page: &str) -> String {
        match page.is_empty() {
            true => format!("/market/{}", self.book),
            false => format!("/market/{}/{page}", self.book),
        }
    }

    /// The frame of a page: the way down to the market, and what the last form did.
    pub fn frame(
        &self,
        app: &App,
        viewer: &Viewer,
        lang: Lang,
        title: impl Into<String>,
        here: &str,
    ) -> Frame {
        let mut frame = viewer.frame(app, lang, title, here);
        frame.crumbs = crumbs(app, viewer, lang, &self.resource.unit);
        if let Some(last) = frame.crumbs.last_mut() {
            last.title.clone_from(&self.title);
            last.href = Some(self.href(""));
        }
        let done = here.split_once("done=").map(|(_, rest)| rest.split('&').next().unwrap_or_default());
        frame.flash = done
            .filter(|seq| !seq.is_empty() && seq.bytes().all(|byte| byte.is_ascii_digit()))
            .map(|seq| Flash { mark: Mark::Done, text: frame.t.with("office-recorded", &[("seq", seq)]) });
        frame.sections = self.sections(app, viewer, &frame);
        frame
    }

    /// The market's pages, as far as the viewer may open them.
    fn sections(&self, app: &App, viewer: &Viewer, frame: &Frame) -> Vec<Link> {
        let link = |key: &str, page: &str| Link { title: frame.t.get(key), href: self.href(page) };
        if !viewer.allows(app, READ, &self.resource) {
            return vec![link("office-mine", "mine"), link("office-receive", "lots/new")];
        }
        [
            ("office-today", ""),
            ("office-lots", "lots"),
            ("office-stalls", "stalls"),
            ("office-merchants", "merchants"),
            ("office-fees", "fees"),
            ("office-scales", "scales"),
            ("office-products", "products"),
            ("office-prices", "prices"),
            ("office-inspect", "inspect"),
            ("office-holds", "holds"),
            ("office-breaches", "breaches"),
            ("office-complaints", "complaints"),
        ]
        .into_iter()
        .filter(|(_, page)| {
            *page != "inspect" || viewer.allows(app, InspectionRecorded::KIND, &self.resource)
        })
        .map(|(key, page)| link(key, page))
        .collect()
    }
}

/// The units above and including one; those whose market figures the viewer may read are links.
pub fn crumbs(app: &App, viewer: &Viewer, lang: Lang, unit: &UnitCode) -> Vec<Crumb> {
    let tree = app.tree();
    let mut path = tree.ancestors(unit);
    path.retain(|above| above != unit);
    path.reverse();
    path.push(unit.clone());
    path.iter()
        .filter_map(|code| tree.unit(code))
        .map(|it| {
            let open = viewer.allows(app, READ, &Resource::of(&it.code).in_line("market"));
            Crumb {
                title: in_lang(lang, &it.title_zh, &it.title_en),
                href: (open && it.code != *unit).then(|| format!("/market?unit={}", it.code)),
            }
        })
        .collect()
}

pub fn in_lang(lang: Lang, zh: &str, en: &str) -> String {
    match lang {
        Lang::Zh => zh.to_owned(),
        Lang::En => en.to_owned(),
    }
}

/// What codes are called.
#[derive(Debug, Clone, Default)]
pub struct Names {
    products: BTreeMap<String, String>,
    merchants: BTreeMap<String, String>,
}

impl Names {
    pub fn read(tx: &mut dyn Tx, book: &BookId, lang: Lang) -> Result<Self, StoreError> {
        let products = state::products(tx, book)?;
        let merchants = state::merchants(tx, book)?;
        Ok(Self {
            products: products
                .into_iter()
                .map(|it| (it.product, in_lang(lang, &it.title_zh, &it.title_en)))
                .collect(),
            merchants: merchants.into_iter().filter_map(|it| Some((it.merchant, it.title?))).collect(),
        })
    }

    /// A product's title, or its code.
    pub fn product(&self, code: &str) -> String {
        self.products.get(code).map_or_else(|| code.to_owned(), Clone::clone)
    }

    /// A merchant's title; the code alone once the title was erased.
    pub fn merchant(&self, code: &str) -> String {
        self.merchants.get(code).map_or_else(|| code.to_owned(), Clone::clone)
    }

    /// The codes of products whose title holds a text.
    pub fn products_like(&self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        self.products
            .iter()
            .filter(|(_, title)| title.to_lowercase().contains(&text))
            .map(|(code, _)| code.clone())
            .collect()
    }
}
