//! The tree as it is after some of its rows have changed, without the others being read again: a change of one post costs no
//! branch its turn of the writer, however much is entered elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::SubjectId;

use crate::tree::{Book, Holding, Place, Post, RegistryError, Tree, Unit};

/// Rows as they stand now. Nothing of the tree is ever taken out but holdings, so those of a post come together.
#[derive(Debug, Default)]
pub struct Rows {
    pub units: Vec<Unit>,
    pub books: Vec<Book>,
    pub posts: Vec<Post>,
    pub holdings: BTreeMap<SubjectId, Vec<Holding>>,
    pub places: Vec<Place>,
}

impl Tree {
    /// The tree with these rows in the place of those that it had of the same names. Units come after those above them.
    pub fn changed(&self, rows: Rows) -> Result<Self, RegistryError> {
        let mut tree = self.clone();
        for unit in rows.units {
            match &unit.parent {
                Some(parent) if !tree.units.contains_key(parent) => {
                    return Err(RegistryError::UnknownParent(parent.clone()));
                }
                None if tree.root.as_ref().is_some_and(|root| *root != unit.code) => {
                    return Err(RegistryError::SecondRoot);
                }
                _ => tree.put_unit(unit),
            };
        }
        for book in rows.books {
            tree.put_book(book)?;
        }
        for post in rows.posts {
            tree.put_post(post)?;
        }
        for (post, holdings) in rows.holdings {
            tree.put_holdings(&post, holdings)?;
        }
        for place in rows.places {
            tree.put_place(place)?;
        }
        Ok(tree)
    }

    /// Returns what was there before.
    pub(crate) fn put_unit(&mut self, unit: Unit) -> Option<Unit> {
        match &unit.parent {
            Some(parent) => {
                let children = Arc::make_mut(&mut self.children).entry(parent.clone()).or_default();
                if let Err(at) = children.binary_search(&unit.code) {
                    children.insert(at, unit.code.clone());
                }
            }
            None => self.root = Some(unit.code.clone()),
        }
        Arc::make_mut(&mut self.units).insert(unit.code.clone(), unit)
    }

    pub(crate) fn put_book(&mut self, book: Book) -> Result<Option<Book>, RegistryError> {
        self.need_unit(&book.unit)?;
        Arc::make_mut(&mut self.of_units)
            .entry(book.unit.clone())
            .or_default()
            .books
            .insert(book.book.clone());
        Ok(Arc::make_mut(&mut self.books).insert(book.book.clone(), book))
    }

    pub(crate) fn put_post(&mut self, post: Post) -> Result<Option<Post>, RegistryError> {
        self.need_unit(&post.unit)?;
        Arc::make_mut(&mut self.of_units).entry(post.unit.clone()).or_default().posts.insert(post.id.clone());
        Ok(Arc::make_mut(&mut self.posts).insert(post.id.clone(), post))
    }

    pub(crate) fn put_place(&mut self, place: Place) -> Result<Option<Place>, RegistryError> {
        self.need_unit(&place.unit)?;
        Arc::make_mut(&mut self.of_units)
            .entry(place.unit.clone())
            .or_default()
            .places
            .insert(place.id.clone());
        Ok(Arc::make_mut(&mut self.places).insert(place.id.clone(), place))
    }

    /// All that hold a post, held it or will, in any order.
    pub(crate) fn put_holdings(
        &mut self,
        post: &SubjectId,
        mut holdings: Vec<Holding>,
    ) -> Result<(), RegistryError> {
        let post = self.need_post(post)?.id.clone();
        let held_by = Arc::make_mut(&mut self.held_by);
        for before in self.holdings.get(&post).into_iter().flatten() {
            if let Some(posts) = held_by.get_mut(&before.account) {
                posts.remove(&post);
                if posts.is_empty() {
                    held_by.remove(&before.account);
                }
            }
        }
        for holding in &holdings {
            held_by.entry(holding.account.clone()).or_default().insert(post.clone());
        }
        holdings.sort_by_key(|holding| holding.from);
        let all = Arc::make_mut(&mut self.holdings);
        match holdings.is_empty() {
            true => all.remove(&post),
            false => all.insert(post, holdings),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base::{AccountId, BookId, Day, UnitCode};
    use proptest::prelude::*;

    use super::*;
    use crate::{Level, PlaceKind};

    /// Rows of a tree of which a few are anew in each step: names are few, so that most are there already.
    #[derive(Debug, Clone)]
    enum Step {
        Unit(u8, u8, u8),
        Book(u8, u8, u8),
        Post(u8, u8, u8),
        Held(u8, Vec<(u8, i32)>),
        Place(u8, u8, u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        let of_three = || (0..6_u8, 0..6_u8, any::<u8>());
        prop_oneof![
            of_three().prop_map(|(name, above, title)| Step::Unit(name, above, title)),
            of_three().prop_map(|(name, unit, title)| Step::Book(name, unit, title)),
            of_three().prop_map(|(name, unit, title)| Step::Post(name, unit, title)),
            (0..6_u8, prop::collection::vec((0..4_u8, 0..30), 0..4))
                .prop_map(|(post, held)| Step::Held(post, held)),
            of_three().prop_map(|(name, unit, title)| Step::Place(name, unit, title)),
        ]
    }

    fn code(name: u8) -> UnitCode {
        UnitCode::new(format!("u{name}")).unwrap()
    }

    fn subject(scheme: &str, name: u8) -> SubjectId {
        SubjectId::new(format!("{scheme}:{name}")).unwrap()
    }

    /// The tables, by name.
    #[derive(Default)]
    struct Tables {
        units: BTreeMap<UnitCode, Unit>,
        books: BTreeMap<BookId, Book>,
        posts: BTreeMap<SubjectId, Post>,
        holdings: BTreeMap<SubjectId, Vec<Holding>>,
        places: BTreeMap<SubjectId, Place>,
    }

    impl Tables {
        fn put(&mut self, step: &Step) -> Rows {
            let mut rows = Rows::default();
            let title = |title: &u8| (title.to_string(), title.to_string());
            match step {
                // What a unit lies below, and of which unit the others are, never changes.
                Step::Unit(name, above, text) => {
                    let (code, (title_zh, title_en)) = (code(name + 1), title(text));
                    let parent = code_above(*name, *above);
                    let parent = self.units.get(&code).map_or(Some(parent), |unit| unit.parent.clone());
                    if parent.as_ref().is_some_and(|parent| self.units.contains_key(parent)) {
                        let unit =
                            Unit { code: code.clone(), parent, level: Level::Other, title_zh, title_en };
                        self.units.insert(code, unit.clone());
                        rows.units.push(unit);
                    }
                }
                Step::Book(name, unit, text) => {
                    let (book, (title_zh, title_en)) =
                        (BookId::new(format!("b{name}")).unwrap(), title(text));
                    let unit = self.books.get(&book).map_or(code(*unit), |book| book.unit.clone());
                    if self.units.contains_key(&unit) {
                        let row =
                            Book { book: book.clone(), unit, line: "market".into(), title_zh, title_en };
                        self.books.insert(book, row.clone());
                        rows.books.push(row);
                    }
                }
                Step::Post(name, unit, text) => {
                    let (id, (title_zh, title_en)) = (subject("post", *name), title(text));
                    let unit = self.posts.get(&id).map_or(code(*unit), |post| post.unit.clone());
                    if self.units.contains_key(&unit) {
                        let row = Post { id: id.clone(), unit, title_zh, title_en };
                        self.posts.insert(id, row.clone());
                        rows.posts.push(row);
                    }
                }
                Step::Held(post, held) => {
                    let post = subject("post", *post);
                    if self.posts.contains_key(&post) {
                        let days = held.iter().map(|(account, from)| (*from, *account));
                        let holding = |(from, account): (i32, u8)| Holding {
                            post: post.clone(),
                            account: AccountId::new(format!("a{account}")).unwrap(),
                            from: Day(from),
                            until: None,
                        };
                        let held: BTreeMap<i32, u8> = days.collect();
                        let held: Vec<Holding> = held.into_iter().map(holding).collect();
                        self.holdings.insert(post.clone(), held.clone());
                        rows.holdings.insert(post, held);
                    }
                }
                Step::Place(name, unit, text) => {
                    let (id, (title_zh, title_en)) = (subject("place", *name), title(text));
                    let unit = self.places.get(&id).map_or(code(*unit), |place| place.unit.clone());
                    if self.units.contains_key(&unit) {
                        let kind = PlaceKind::parse("market").unwrap();
                        let row = Place {
                            id: id.clone(),
                            unit,
                            kind,
                            title_zh,
                            title_en,
                            position: None,
                            gln: None,
                        };
                        self.places.insert(id, row.clone());
                        rows.places.push(row);
                    }
                }
            }
            rows
        }

        fn tree(&self) -> Tree {
            let holdings = self.holdings.values().flatten().cloned().collect();
            let (units, books) =
                (self.units.values().cloned().collect(), self.books.values().cloned().collect());
            let tree = Tree::build(units, books, self.posts.values().cloned().collect(), holdings).unwrap();
            tree.with_places(self.places.values().cloned().collect()).unwrap()
        }
    }

    /// One of those before it in the alphabet, so that none comes to lie below itself.
    fn code_above(name: u8, above: u8) -> UnitCode {
        code(above % (name + 1))
    }

    proptest! {
        #[test]
        fn a_tree_that_is_changed_step_by_step_is_the_one_that_is_built_of_all_rows(steps in prop::collection::vec(step(), 1..60)) {
            let mut tables = Tables::default();
            let root = Unit { code: code(0), parent: None, level: Level::Other, title_zh: "根".into(), title_en: "Root".into() };
            tables.units.insert(code(0), root);
            let mut tree = tables.tree();
            for step in &steps {
                tree = tree.changed(tables.put(step)).unwrap();
                prop_assert_eq!(&tree, &tables.tree());
            }
        }
    }
}
