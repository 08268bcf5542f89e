//! How much is entered in one branch of the org tree: nothing of it is ever taken out, and everybody's requests look at all.
//! Of what a branch may have, each unit with those below it takes a half of what the unit above may, so that whoever
//! administers a part leaves the other parts room.

use base::{Day, UnitCode};

use crate::PostHeld;
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
/// Times for which one account holds posts from today on, and for which one post is held: whoever holds many is asked about
/// each at each request, and whoever helps with a matter about all.
pub const HELD_BY_ACCOUNT_MAX: usize = 100;
pub const HOLDERS_OF_POST_MAX: usize = 100;
/// What a part may have where a half of the half is less; one fewer for each unit above it, so that it never has all of theirs.
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
        let count =
            |part: &UnitCode| self.subtree(part).iter().map(|unit| self.posts_of_unit(unit).count()).sum();
        self.need_room(unit, "unit", POSTS_OF_BRANCH_MAX, count)
    }

    pub(crate) fn need_room_for_place(&self, unit: &UnitCode) -> Result<(), RegistryError> {
        let count =
            |part: &UnitCode| self.subtree(part).iter().map(|unit| self.places_of(unit).count()).sum();
        self.need_room(unit, "unit", PLACES_OF_BRANCH_MAX, count)
    }

    pub(crate) fn need_room_for_holding(&self, unit: &UnitCode) -> Result<(), RegistryError> {
        let of = |post: &Post| self.holdings(&post.id).len();
        let count = |part: &UnitCode| {
            self.subtree(part).iter().flat_map(|unit| self.posts_of_unit(unit)).map(of).sum()
        };
        self.need_room(unit, "post", HOLDINGS_OF_BRANCH_MAX, count)
    }

    pub(crate) fn need_few_holdings(&self, held: &PostHeld, today: Day) -> Result<(), RegistryError> {
        if held.until.is_some_and(|until| until < today) {
            return Ok(());
        }
        if self.count_held_by(&held.account, today) >= HELD_BY_ACCOUNT_MAX {
            return Err(RegistryError::HoldsMany {
                account: held.account.clone(),
                most: HELD_BY_ACCOUNT_MAX,
            });
        }
        if self.holdings(&held.post).iter().filter(|it| it.lasts(today)).count() >= HOLDERS_OF_POST_MAX {
            return Err(RegistryError::HeldByMany { post: held.post.clone(), most: HOLDERS_OF_POST_MAX });
        }
        Ok(())
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
    let half_of_halves = most.checked_shr(u32::try_from(depth).unwrap_or(u32::MAX)).unwrap_or_default();
    half_of_halves.max(SHARE_MIN.saturating_sub(depth)).max(1)
}

#[cfg(test)]
mod tests {
    use base::{AccountId, BookId, SubjectId};

    use super::*;
    use crate::{Book, Holding, Level, Unit, UnitAdded};

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
    fn no_part_has_all_that_what_lies_above_it_has() {
        for most in [50, 100, POSTS_OF_BRANCH_MAX] {
            let shares = Vec::from_iter((0..UNITS_DEEP_MAX - 1).map(|depth| share(most, depth)));
            assert!(
                shares.is_sorted_by(|above, below| above > below) && shares.iter().all(|it| *it >= 9),
                "{shares:?}"
            );
        }
    }

    #[test]
    fn an_account_holds_so_many_posts_and_a_post_is_held_by_so_many_from_today_on() {
        let post = |number: usize| SubjectId::new(format!("post:one/p{number}")).unwrap();
        let account = |number: usize| AccountId::new(format!("a{number}")).unwrap();
        let posts = (0..=HELD_BY_ACCOUNT_MAX + 1).map(|number| Post {
            id: post(number),
            unit: code("one"),
            title_zh: "x".into(),
            title_en: "x".into(),
        });
        let held = |number: usize, by: usize, from: i32, until: Option<i32>| Holding {
            post: post(number),
            account: account(by),
            from: Day(from),
            until: until.map(Day),
        };
        let day = |number: usize| i32::try_from(number).unwrap() + 100;
        let many = (1..=HELD_BY_ACCOUNT_MAX).map(|number| held(number, 0, 50, None));
        let in_turn =
            (0..HOLDERS_OF_POST_MAX).map(|number| held(0, number + 1, day(number), Some(day(number))));
        let tree = Tree::build(units([0, 0]), Vec::new(), posts.collect(), many.chain(in_turn).collect());
        let tree = tree.unwrap();
        let check = |number: usize, by: usize, from: i32, until: Option<i32>, today: i32| {
            let Holding { post, account, from, until } = held(number, by, from, until);
            tree.check_held(&PostHeld { post, account, from, until }, Day(today))
                .map_err(|error| error.field())
        };
        let free = HELD_BY_ACCOUNT_MAX + 1;
        assert_eq!(check(free, 0, 60, None, 100), Err("account"));
        assert_eq!(check(free, 0, 60, Some(70), 100), Ok(()), "what is over is asked of nobody");
        assert_eq!(check(free, 1, 60, None, 100), Ok(()));
        assert_eq!(check(0, 1_000, 500, None, 100), Err("post"));
        assert_eq!(check(0, 1_000, 500, None, 101), Ok(()), "one of them is over");
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
