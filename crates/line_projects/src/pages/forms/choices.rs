//! What a form offers to choose from.

use base::UnitCode;
use registry::Level;
use shell::view::{Choice, FieldKind};
use shell::viewer::Viewer;
use shell::{App, Lang, Problem, T, docket};
use store::StoreError;

use super::Takes;
use crate::kinds::Phase;
use crate::pages::place::{Names, Place, in_lang};
use crate::pages::words;
use crate::state;

/// What can be chosen in a book.
pub struct Choices {
    projects: Vec<Choice>,
    chains: Vec<Choice>,
    programmes: Vec<Choice>,
    contracts: Vec<Choice>,
    items: Vec<Choice>,
    permits: Vec<Choice>,
    units: Vec<Choice>,
    posts: Vec<Choice>,
    /// The phase of the project that the form is about.
    phase: Option<Phase>,
}

/// Errands and permits to choose from.
const ITEMS: usize = 200;

impl Choices {
    /// `project` is the one that the form is about, if any.
    pub async fn read(
        app: &App,
        viewer: &Viewer,
        lang: Lang,
        place: &Place,
        project: &str,
    ) -> Result<Self, Problem> {
        let (units, posts) = of_registry(app, lang, place);
        let own = docket::posts_of(app, viewer);
        let (book, sight, project) = (place.book.clone(), place.sight.clone(), project.to_owned());
        app.blocking(move |kernel| {
            kernel.read(|tx| {
                let books = [book.clone()];
                let names = Names::read(tx, &books, lang)?;
                let listed = state::listed(tx, &books, sight.teams(), None)?;
                let items = state::proxies(tx, &book, None, ITEMS)?;
                let permits = state::permits(tx, &book, None, ITEMS)?;
                // Whoever sees some projects alone chooses among what belongs to them.
                let sees = |project: &str| listed.iter().any(|it| it.project.project == project);
                let contracts = match sees(&project) {
                    true => state::contracts(tx, &book, &project)?,
                    false => Vec::new(),
                };
                let titles = |project: &str| {
                    let found = listed.iter().find(|it| it.project.project == project);
                    found.map_or_else(|| project.to_owned(), |it| names.project(&it.project))
                };
                let choice = |value: &str, title: String| Choice { value: value.to_owned(), title };
                let titled = |titles: std::collections::BTreeMap<&str, &str>| {
                    titles.into_iter().map(|(code, title)| choice(code, title.to_owned())).collect()
                };
                Ok::<_, StoreError>(Self {
                    projects: listed
                        .iter()
                        .map(|it| choice(&it.project.project, names.project(&it.project)))
                        .collect(),
                    chains: titled(names.all_chains()),
                    programmes: titled(names.all_programmes()),
                    contracts: contracts
                        .iter()
                        .map(|it| choice(&it.contract, format!("{} · {}", it.contract, it.title)))
                        .collect(),
                    items: items
                        .iter()
                        .filter(|it| it.done_at.is_none() && sight.teams().is_none())
                        .map(|it| choice(&it.item, format!("{} · {}", it.title, it.enterprise)))
                        .collect(),
                    permits: permits
                        .iter()
                        .filter(|it| it.decided_at.is_none() && sees(&it.project))
                        // Whoever reviews a permit does not hand it in.
                        .filter(|it| !own.contains(&it.matter.reviewer))
                        .map(|it| choice(&it.permit, format!("{} · {}", it.title, titles(&it.project))))
                        .collect(),
                    units,
                    posts,
                    phase: listed.iter().find(|it| it.project.project == project).map(|it| it.project.phase),
                })
            })
        })
        .await
    }

    /// The control of a field.
    pub fn control(&self, t: &T, takes: Takes, name: &str) -> FieldKind {
        match takes {
            Takes::Text => FieldKind::Text { chars_max: 120 },
            Takes::NewCode => FieldKind::Text { chars_max: 40 },
            Takes::Month => FieldKind::Text { chars_max: 7 },
            Takes::Wan | Takes::Degrees | Takes::Integer => FieldKind::Number,
            Takes::Day => FieldKind::Date,
            Takes::Tick => FieldKind::Tick,
            Takes::Words => FieldKind::Area { chars_max: 1_000 },
            Takes::Months | Takes::Instalments => FieldKind::Area { chars_max: 4_000 },
            Takes::Project => FieldKind::Choice(self.projects.clone()),
            Takes::Chain => FieldKind::Choice(self.chains.clone()),
            Takes::Programme => FieldKind::Choice(self.programmes.clone()),
            Takes::Contract => FieldKind::Choice(self.contracts.clone()),
            Takes::Permit => FieldKind::Choice(self.permits.clone()),
            Takes::YesNo => {
                let title = |word: &str| Choice { value: word.to_owned(), title: t.get(word) };
                FieldKind::Choice(["yes", "no"].map(title).to_vec())
            }
            Takes::Item => FieldKind::Choice(self.items.clone()),
            Takes::Unit => FieldKind::Choice(self.units.clone()),
            Takes::Post => FieldKind::Choice(self.posts.clone()),
            Takes::Phase => {
                let title = |it: Phase| Choice { value: it.as_str().to_owned(), title: words::phase(t, it) };
                FieldKind::Choice(Phase::ALL.map(title).to_vec())
            }
            Takes::Word(words) => {
                let title = |word: &&str| Choice {
                    value: (*word).to_owned(),
                    title: t.get(&format!("projects-value-{name}-{word}")),
                };
                FieldKind::Choice(words.iter().map(title).collect())
            }
        }
    }

    /// What a field most often holds: this month, the phase that comes next, the only project.
    pub fn usual(&self, app: &App, takes: Takes, name: &str) -> String {
        let next = |phase: Phase| Phase::ALL.into_iter().find(|it| *it > phase);
        match (takes, name, self.projects.as_slice()) {
            (Takes::Month, ..) => app.today().to_string().get(..7).unwrap_or_default().to_owned(),
            (Takes::Phase, "to", _) => {
                self.phase.and_then(next).map_or_else(String::new, |it| it.as_str().to_owned())
            }
            (Takes::Project, _, [only]) => only.value.clone(),
            _ => String::new(),
        }
    }
}

/// The places and posts of the county that the book's office belongs to.
fn of_registry(app: &App, lang: Lang, place: &Place) -> (Vec<Choice>, Vec<Choice>) {
    let tree = app.tree();
    let office = &place.resource.unit;
    let county: &UnitCode = tree
        .unit(office)
        .filter(|it| it.level == Level::Bureau)
        .and_then(|it| it.parent.as_ref())
        .unwrap_or(office);
    let places = tree.subtree(county).into_iter().filter_map(|code| {
        let unit = tree.unit(&code)?;
        let is_place = matches!(unit.level, Level::City | Level::County | Level::Zone | Level::Town);
        is_place
            .then(|| Choice { value: code.to_string(), title: in_lang(lang, &unit.title_zh, &unit.title_en) })
    });
    let posts = tree.posts().filter(|post| tree.contains(county, &post.unit)).map(|post| Choice {
        value: post.id.to_string(),
        title: in_lang(lang, &post.title_zh, &post.title_en),
    });
    (places.collect(), posts.collect())
}
