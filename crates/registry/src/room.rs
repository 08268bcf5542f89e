//! How much is entered in one branch of the org tree: nothing of it is ever taken out, and everybody's requests look at all.

use base::UnitCode;

use crate::tree::{Post, RegistryError, Tree};

/// Units above one another, the root among them: what is asked of one is asked of all above it.
pub const UNITS_DEEP_MAX: usize = 12;
/// Units of a branch, itself included.
pub const UNITS_OF_BRANCH_MAX: usize = 5_000;
pub const BOOKS_OF_BRANCH_MAX: usize = 5_000;
pub const POSTS_OF_BRANCH_MAX: usize = 20_000;
pub const PLACES_OF_BRANCH_MAX: usize = 20_000;
/// Times for which posts of a branch are held.
pub const HOLDINGS_OF_BRANCH_MAX: usize = 50_000;

impl Tree {
    /// What lies below the root in one part of it: whoever administers something there fills that part alone.
    pub fn branch(&self, unit: &UnitCode) -> Option<UnitCode> {
        let above = self.ancestors(unit);
        match above.len() {
            0 => None,
            1 => Some(unit.clone()),
            count => above.get(count - 2).cloned(),
        }
    }

    pub(crate) fn need_room_for_unit(&self, parent: &UnitCode) -> Result<(), RegistryError> {
        let count = |branch: &UnitCode| self.subtree(branch).len();
        self.need_room(parent, "parent", UNITS_OF_BRANCH_MAX, count)
    }

    pub(crate) fn need_room_for_book(&self, unit: &UnitCode) -> Result<(), RegistryError> {
        let count = |branch: &UnitCode| self.books_of_subtree(branch, None).len();
        self.need_room(unit, "unit", BOOKS_OF_BRANCH_MAX, count)
    }

    pub(crate) fn need_room_for_post(&self, unit: &UnitCode) -> Result<(), RegistryError> {
        let count = |branch: &UnitCode| self.posts().filter(|post| self.contains(branch, &post.unit)).count();
        self.need_room(unit, "unit", POSTS_OF_BRANCH_MAX, count)
    }

    pub(crate) fn need_room_for_place(&self, unit: &UnitCode) -> Result<(), RegistryError> {
        let count =
            |branch: &UnitCode| self.places().filter(|place| self.contains(branch, &place.unit)).count();
        self.need_room(unit, "unit", PLACES_OF_BRANCH_MAX, count)
    }

    pub(crate) fn need_room_for_holding(&self, unit: &UnitCode) -> Result<(), RegistryError> {
        let of = |post: &Post| self.holdings(&post.id).len();
        let count =
            |branch: &UnitCode| self.posts().filter(|post| self.contains(branch, &post.unit)).map(of).sum();
        self.need_room(unit, "post", HOLDINGS_OF_BRANCH_MAX, count)
    }

    /// Refuses to enter more in a branch than so much; `count` tells how much there is.
    pub fn need_room(
        &self,
        unit: &UnitCode,
        field: &'static str,
        most: usize,
        count: impl Fn(&UnitCode) -> usize,
    ) -> Result<(), RegistryError> {
        match self.branch(unit) {
            Some(branch) if count(&branch) >= most => Err(RegistryError::Full { branch, most, field }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use base::BookId;

    use super::*;
    use crate::{Book, Level, Unit, UnitAdded};

    #[test]
    fn a_branch_that_is_full_leaves_the_others_room() {
        let code = |text: &str| UnitCode::new(text).unwrap();
        let unit = |text: &str, parent: Option<&str>| {
            let (parent, title) = (parent.map(code), text.to_owned());
            Unit { code: code(text), parent, level: Level::Other, title_zh: title.clone(), title_en: title }
        };
        let mut units = vec![unit("root", None), unit("one", Some("root")), unit("other", Some("root"))];
        let mut books = Vec::new();
        for number in 0..UNITS_OF_BRANCH_MAX - 1 {
            units.push(unit(&format!("u{number}"), Some(if number == 0 { "one" } else { "u0" })));
        }
        for number in 0..BOOKS_OF_BRANCH_MAX {
            let book = BookId::new(format!("b{number}")).unwrap();
            let title = number.to_string();
            books.push(Book {
                book,
                unit: code("u1"),
                line: "market".into(),
                title_zh: title.clone(),
                title_en: title,
            });
        }
        let tree = Tree::build(units, books, Vec::new(), Vec::new()).unwrap();
        let add = |parent: &str| {
            let (parent, title) = (Some(code(parent)), "x".to_owned());
            tree.check_unit(&UnitAdded {
                code: code("new"),
                parent,
                level: Level::Other,
                title_zh: title.clone(),
                title_en: title,
            })
        };
        for parent in ["one", "u0", "u7"] {
            assert_eq!(add(parent).unwrap_err().field(), "parent", "{parent}");
        }
        assert!(
            tree.need_room_for_book(&code("one")).is_err() && tree.need_room_for_post(&code("one")).is_ok()
        );
        for parent in ["other", "root"] {
            assert_eq!(add(parent), Ok(()));
            assert_eq!(tree.need_room_for_book(&code(parent)), Ok(()));
        }
    }

    #[test]
    fn a_branch_is_so_deep() {
        let code = |number: usize| UnitCode::new(format!("u{number}")).unwrap();
        let units = (0..UNITS_DEEP_MAX).map(|number| {
            let (parent, title) = (number.checked_sub(1).map(code), number.to_string());
            Unit { code: code(number), parent, level: Level::Other, title_zh: title.clone(), title_en: title }
        });
        let tree = Tree::build(units.collect(), Vec::new(), Vec::new(), Vec::new()).unwrap();
        let below = |number: usize| {
            let (title_zh, title_en) = ("x".into(), "x".into());
            tree.check_unit(&UnitAdded {
                code: code(99),
                parent: Some(code(number)),
                level: Level::Other,
                title_zh,
                title_en,
            })
        };
        assert_eq!(below(UNITS_DEEP_MAX - 2), Ok(()));
        assert_eq!(below(UNITS_DEEP_MAX - 1), Err(RegistryError::TooDeep(UNITS_DEEP_MAX)));
    }
}
