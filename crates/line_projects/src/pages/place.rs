//! The book that a page is about, what codes are called in it, and how much of it the viewer may see.

use std::collections::BTreeMap;

use access::Resource;
use base::{BookId, SubjectId, UnitCode};
use shell::view::{Crumb, Flash, Frame, Link, Mark};
use shell::{App, Lang, Problem, Viewer};
use store::{StoreError, Tx};

use crate::api::{Sight, sight};
use crate::policy::READ;
use crate::state::{self, Project};

/// A book of projects, and whose projects in it somebody may do something to.
#[derive(Debug, Clone)]
pub struct Place {
    pub book: BookId,
    pub resource: Resource,
    pub title: String,
    pub sight: Sight,
}

impl Place {
    /// Refused where the viewer may do the action to no project at all.
    pub fn of(app: &App, viewer: &Viewer, lang: Lang, book: &str, action: &str) -> Result<Self, Problem> {
        let (book, resource, sight) = sight(app, viewer, book, action)?;
        let title = shell::said::book_title(app, lang, &book);
        Ok(Self { book, resource, title, sight })
    }

    /// The address of a page of the book.
    pub fn href(&self, page: &str) -> String {
        href(&self.book, page)
    }

    /// The address of a page of a project.
    pub fn of_project(&self, project: &str, page: &str) -> String {
        project_href(&self.book, project, page)
    }

    /// A project that the viewer sees.
    pub async fn project(&self, app: &App, project: &str) -> Result<Project, Problem> {
        let (book, project) = (self.book.clone(), project.to_owned());
        let found = app.blocking(move |kernel| kernel.read(|tx| state::project(tx, &book, &project)));
        found.await?.filter(|found| self.sight.shows(found)).ok_or_else(Problem::not_found)
    }

    /// The frame of a page: the way down to the book, its pages, and what the last form did.
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
        let open = self.sight == Sight::All;
        frame.crumbs.push(Crumb { title: self.title.clone(), href: open.then(|| self.href("")) });
        frame.flash = flash(&frame, here);
        if viewer.allows(app, READ, &self.resource) {
            frame.sections = self.sections(&frame);
        }
        frame
    }

    fn sections(&self, frame: &Frame) -> Vec<Link> {
        let link = |(key, page): (&str, &str)| Link { title: frame.t.get(key), href: self.href(page) };
        [
            ("projects-list", ""),
            ("projects-programmes", "programmes"),
            ("projects-chains", "chains"),
            ("projects-desk", "permits"),
            ("projects-proxies", "proxies"),
            ("projects-visits", "visits"),
            ("projects-assistance", "assistance"),
        ]
        .map(link)
        .to_vec()
    }
}

pub fn href(book: &BookId, page: &str) -> String {
    match page.is_empty() {
        true => format!("/projects/{book}"),
        false => format!("/projects/{book}/{page}"),
    }
}

pub fn project_href(book: &BookId, project: &str, page: &str) -> String {
    match page.is_empty() {
        true => format!("/projects/{book}/project/{project}"),
        false => format!("/projects/{book}/project/{project}/{page}"),
    }
}

/// What the last form recorded, by the `done` of the address.
pub fn flash(frame: &Frame, here: &str) -> Option<Flash> {
    let seq = here.split_once("done=")?.1.split('&').next().unwrap_or_default();
    let is_number = !seq.is_empty() && seq.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Flash { mark: Mark::Done, text: frame.t.with("projects-recorded", &[("seq", seq)]) })
}

/// The units above and including one; those whose projects the viewer may read are links.
pub fn crumbs(app: &App, viewer: &Viewer, lang: Lang, unit: &UnitCode) -> Vec<Crumb> {
    let tree = app.tree();
    let mut path = tree.ancestors(unit);
    path.retain(|above| above != unit);
    path.reverse();
    path.push(unit.clone());
    path.iter()
        .filter_map(|code| tree.unit(code))
        .map(|it| {
            let open = viewer.allows(app, READ, &Resource::of(&it.code).in_line("projects"));
            Crumb {
                title: in_lang(lang, &it.title_zh, &it.title_en),
                href: open.then(|| format!("/projects?unit={}", it.code)),
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
    lang: Lang,
    chains: BTreeMap<(BookId, String), String>,
    programmes: BTreeMap<(BookId, String), String>,
}

impl Names {
    pub fn read(tx: &mut dyn Tx, books: &[BookId], lang: Lang) -> Result<Self, StoreError> {
        let mut names = Self { lang, ..Self::default() };
        for book in books {
            for it in state::chains(tx, book)? {
                let title = names.or_chinese(&it.title_zh, it.title_en.as_deref());
                names.chains.insert((book.clone(), it.chain), title);
            }
            for it in state::programmes(tx, book)? {
                let title = names.or_chinese(&it.title_zh, it.title_en.as_deref());
                names.programmes.insert((book.clone(), it.programme), title);
            }
        }
        Ok(names)
    }

    /// The title in the page's language; the Chinese one where there is no other.
    pub fn or_chinese(&self, zh: &str, en: Option<&str>) -> String {
        in_lang(self.lang, zh, en.unwrap_or(zh))
    }

    pub fn project(&self, project: &Project) -> String {
        self.or_chinese(&project.title_zh, project.title_en.as_deref())
    }

    pub fn chain(&self, book: &BookId, chain: &str) -> String {
        self.chains.get(&(book.clone(), chain.to_owned())).map_or_else(|| chain.to_owned(), Clone::clone)
    }

    pub fn programme(&self, book: &BookId, programme: &str) -> String {
        let found = self.programmes.get(&(book.clone(), programme.to_owned()));
        found.map_or_else(|| programme.to_owned(), Clone::clone)
    }

    /// Codes and titles of chains, each code once.
    pub fn all_chains(&self) -> BTreeMap<&str, &str> {
        self.chains.iter().map(|((_, code), title)| (code.as_str(), title.as_str())).collect()
    }

    /// Codes and titles of programmes, each code once.
    pub fn all_programmes(&self) -> BTreeMap<&str, &str> {
        self.programmes.iter().map(|((_, code), title)| (code.as_str(), title.as_str())).collect()
    }
}

/// What a unit is called; its code where it is not in the registry.
pub fn unit_title(app: &App, lang: Lang, code: &str) -> String {
    let found = UnitCode::new(code).ok().and_then(|code| {
        let tree = app.tree();
        tree.unit(&code).map(|it| in_lang(lang, &it.title_zh, &it.title_en))
    });
    found.unwrap_or_else(|| code.to_owned())
}

/// What a post is called; its id where it is not in the registry.
pub fn post_title(app: &App, lang: Lang, post: &SubjectId) -> String {
    let tree = app.tree();
    tree.post(post).map_or_else(|| post.to_string(), |it| in_lang(lang, &it.title_zh, &it.title_en))
}
