//! How much is entered in one branch of the org tree: nothing of it is ever taken out, and everybody's requests look at all.
//! Of what a branch may have, each unit with those below it takes a half of what the unit above may, so that whoever
//! administers a part leaves the other parts room.

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
/// What the smallest part may have, however deep it lies.
const SHARE_MIN: usize = 20;

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

    /// Refuses to enter more in a branch than so much, or in a part of it than its share; `count` tells how much there is.
    pub fn need_room(
        &self,
        unit: &UnitCode,
        field: &'static str,
        most: usize,
        count: impl Fn(&UnitCode) -> usize,
    ) -> Result<(), RegistryError> {
        let mut shares = self.ancestors(unit);
        shares.insert(0, unit.clone());
        shares.pop();
        for (depth, part) in shares.into_iter().rev().enumerate() {
            let most = share(most, depth);
            if count(&part) >= most {
                return Err(RegistryError::Full { branch: part, most, field });
            }
        }
        Ok(())
    }
}

/// What a part of a branch may have, so many units below its top.
fn share(most: usize, depth: usize) -> usize {
    most.checked_shr(u32::try_from(depth).unwrap_or(u32::MAX)).unwrap_or_default().max(SHARE_MIN)
}

#[cfg(test)]
mod tests {
    use base::BookId;

    use super::*;
    use crate::{Book, Level, Unit, UnitAdded};

    fn code(text: &str) -> UnitCode {
        UnitCode::new(text).unwrap()
    }

    fn unit(text: &str, parent: Option<&str>) -> Unit {
        let (parent, title) = (parent.map(code), text.to_owned());
        Unit { code: code(text), parent, level: Level::Other, title_zh: title.clone(), title_en: title }
    }

    /// Below the root two branches; of the one two parts, each with as many units below it as are named.
    fn units(of_parts: [usize; 2]) -> Vec<Unit> {
        let mut units = vec![unit("root", None), unit("one", Some("root")), unit("other", Some("root"))];
        for (part, count) in ["a", "b"].into_iter().zip(of_parts) {
            units.push(unit(part, Some("one")));
            units.extend((0..count).map(|number| unit(&format!("{part}{number}"), Some(part))));
        }
        units
    }

    fn add(tree: &Tree, parent: &str) -> Result<(), RegistryError> {
        let (parent, title) = (Some(code(parent)), "x".to_owned());
        tree.check_unit(&UnitAdded {
            code: code("new"),
            parent,
            level: Level::Other,
            title_zh: title.clone(),
            title_en: title,
        })
    }

    #[test]
    fn a_branch_that_is_full_leaves_the_others_room() {
        let units = units([UNITS_OF_BRANCH_MAX / 2 - 1, UNITS_OF_BRANCH_MAX / 2 - 2]);
        let tree = Tree::build(units, Vec::new(), Vec::new(), Vec::new()).unwrap();
        for parent in ["one", "a", "a7", "b"] {
            assert_eq!(add(&tree, parent).unwrap_err().field(), "parent", "{parent}");
        }
        for parent in ["other", "root"] {
            assert_eq!(add(&tree, parent), Ok(()));
        }
    }

    #[test]
    fn a_part_of_a_branch_that_is_full_leaves_the_other_parts_room() {
        let mut units = units([UNITS_OF_BRANCH_MAX / 2 - 1, 0]);
        units.push(unit("deep", Some("a7")));
        let book = |number: usize| Book {
            book: BookId::new(format!("b{number}")).unwrap(),
            unit: code("a7"),
            line: "market".into(),
            title_zh: "x".into(),
            title_en: "x".into(),
        };
        let books = (0..BOOKS_OF_BRANCH_MAX / 4).map(book).collect();
        let tree = Tree::build(units, books, Vec::new(), Vec::new()).unwrap();
        for parent in ["a", "a7", "deep"] {
            let full =
                RegistryError::Full { branch: code("a"), most: UNITS_OF_BRANCH_MAX / 2, field: "parent" };
            assert_eq!(add(&tree, parent), Err(full));
        }
        for parent in ["one", "b"] {
            assert_eq!(add(&tree, parent), Ok(()));
        }
        assert!(
            tree.need_room_for_book(&code("a7")).is_err() && tree.need_room_for_book(&code("deep")).is_err()
        );
        assert_eq!(tree.need_room_for_book(&code("a")), Ok(()));
        assert_eq!(tree.need_room_for_post(&code("a7")), Ok(()));
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
