use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use base::{AccountId, BookId, Day, SubjectId, UnitCode};

use crate::kinds::{is_division, is_municipality};
use crate::room::UNITS_DEEP_MAX;
use crate::{BookOpened, Level, PlaceAdded, PlaceKind, Position, PostAdded, PostHeld, PostLeft, UnitAdded};

/// An org unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub code: UnitCode,
    pub parent: Option<UnitCode>,
    pub level: Level,
    pub title_zh: String,
    pub title_en: String,
}

/// A book and the unit that keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    pub book: BookId,
    pub unit: UnitCode,
    pub line: String,
    pub title_zh: String,
    pub title_en: String,
}

/// A post of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub id: SubjectId,
    pub unit: UnitCode,
    pub title_zh: String,
    pub title_en: String,
}

/// A place of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub id: SubjectId,
    pub unit: UnitCode,
    pub kind: PlaceKind,
    pub title_zh: String,
    pub title_en: String,
    pub position: Option<Position>,
    pub gln: Option<String>,
}

/// Who holds a post from the first to the last day, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub post: SubjectId,
    pub account: AccountId,
    pub from: Day,
    /// `None` while nobody knows.
    pub until: Option<Day>,
}

impl Holding {
    pub fn covers(&self, day: Day) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }

    /// Whether it has not ended before a day.
    pub(crate) fn lasts(&self, day: Day) -> bool {
        self.until.is_none_or(|until| day <= until)
    }

    fn overlaps(&self, from: Day, until: Option<Day>) -> bool {
        until.is_none_or(|until| self.from <= until) && self.until.is_none_or(|own| from <= own)
    }
}

/// How long after somebody left a post that may be recorded, in days.
pub const LEFT_DAYS_MAX: i32 = 31;

/// Why a change does not fit the org tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    #[error("there is a root already: a unit needs a parent")]
    SecondRoot,
    #[error("there is no unit {0}")]
    UnknownUnit(UnitCode),
    #[error("there is no unit {0} to hang below")]
    UnknownParent(UnitCode),
    #[error("the unit {0} is there already")]
    UnitExists(UnitCode),
    #[error("the unit {0} hangs below itself")]
    Cycle(UnitCode),
    #[error("a county with the code {code} does not belong to the city {parent}")]
    WrongCity { code: UnitCode, parent: UnitCode },
    #[error("the book {0} is there already")]
    BookExists(BookId),
    #[error("the post {0} is there already")]
    PostExists(SubjectId),
    #[error("there is no post {0}")]
    UnknownPost(SubjectId),
    #[error("the place {0} is there already")]
    PlaceExists(SubjectId),
    #[error("there is no place {0}")]
    UnknownPlace(SubjectId),
    #[error("the location number {gln} is that of {place}")]
    GlnTaken { gln: String, place: SubjectId },
    #[error("{holder} holds the post {post} then")]
    PostTaken { post: SubjectId, holder: AccountId },
    #[error(
        "a post is left on {0} at the earliest: the root's administrators go back {LEFT_DAYS_MAX} days, but not for themselves"
    )]
    LongAgo(Day),
    #[error("{account} does not hold the post {post} then")]
    NotHeld { post: SubjectId, account: AccountId },
    #[error("{account} leaves the post {post} on that day, as was said before")]
    LeftThen { post: SubjectId, account: AccountId },
    #[error(
        "{account} holds the post {post} again from {from} on, which would never have been; leave it as of a later day"
    )]
    HeldAgain { post: SubjectId, account: AccountId, from: Day },
    #[error("{most} are entered in {branch} and below it, as many as may")]
    Full { branch: UnitCode, most: usize, field: &'static str },
    #[error("{0} units lie above one another, as many as may")]
    TooDeep(usize),
    #[error("{most} posts are held by {account} now or later, as many as may")]
    HoldsMany { account: AccountId, most: usize },
    #[error("{most} hold the post {post} now or later, as many as may")]
    HeldByMany { post: SubjectId, most: usize },
}

impl RegistryError {
    /// The field of the body that the error is about.
    pub fn field(&self) -> &'static str {
        match self {
            Self::SecondRoot | Self::UnknownParent(_) | Self::Cycle(_) => "parent",
            Self::UnitExists(_) | Self::WrongCity { .. } => "code",
            Self::UnknownUnit(_) => "unit",
            Self::BookExists(_) => "book",
            Self::PostExists(_) | Self::UnknownPost(_) | Self::PostTaken { .. } => "post",
            Self::PlaceExists(_) | Self::UnknownPlace(_) => "place",
            Self::GlnTaken { .. } => "gln",
            Self::LongAgo(_) => "until",
            Self::NotHeld { .. } => "account",
            Self::LeftThen { .. } => "until",
            Self::HeldAgain { .. } => "until",
            Self::Full { field, .. } => field,
            Self::TooDeep(_) => "parent",
            Self::HoldsMany { .. } => "account",
            Self::HeldByMany { .. } => "post",
        }
    }
}

/// The org tree with its books, posts and holders. A copy shares what neither changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    pub(crate) units: Arc<BTreeMap<UnitCode, Unit>>,
    pub(crate) children: Arc<BTreeMap<UnitCode, Vec<UnitCode>>>,
    pub(crate) root: Option<UnitCode>,
    pub(crate) books: Arc<BTreeMap<BookId, Book>>,
    pub(crate) posts: Arc<BTreeMap<SubjectId, Post>>,
    pub(crate) holdings: Arc<BTreeMap<SubjectId, Vec<Holding>>>,
    /// What each unit has itself.
    pub(crate) of_units: Arc<BTreeMap<UnitCode, OfUnit>>,
    /// The posts that an account holds, held or will hold.
    pub(crate) held_by: Arc<BTreeMap<AccountId, BTreeSet<SubjectId>>>,
    pub(crate) places: Arc<BTreeMap<SubjectId, Place>>,
}

/// What a unit has itself, each in the order of names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OfUnit {
    pub books: BTreeSet<BookId>,
    pub posts: BTreeSet<SubjectId>,
    pub places: BTreeSet<SubjectId>,
}

impl Tree {
    /// Builds the tree from rows in any order; every unit must hang below the one root.
    pub fn build(
        units: Vec<Unit>,
        books: Vec<Book>,
        posts: Vec<Post>,
        holdings: Vec<Holding>,
    ) -> Result<Self, RegistryError> {
        let mut tree = Self::default();
        for unit in units {
            if unit.parent.is_none() && tree.root.is_some() {
                return Err(RegistryError::SecondRoot);
            }
            if let Some(twice) = tree.put_unit(unit) {
                return Err(RegistryError::UnitExists(twice.code));
            }
        }
        for unit in tree.units.values() {
            tree.check_reaches_root(unit)?;
        }
        for book in books {
            if let Some(twice) = tree.put_book(book)? {
                return Err(RegistryError::BookExists(twice.book));
            }
        }
        for post in posts {
            if let Some(twice) = tree.put_post(post)? {
                return Err(RegistryError::PostExists(twice.id));
            }
        }
        let mut of_posts: BTreeMap<SubjectId, Vec<Holding>> = BTreeMap::new();
        for holding in holdings {
            of_posts.entry(holding.post.clone()).or_default().push(holding);
        }
        for (post, holdings) in of_posts {
            tree.put_holdings(&post, holdings)?;
        }
        Ok(tree)
    }

    /// The tree with its places.
    pub fn with_places(mut self, places: Vec<Place>) -> Result<Self, RegistryError> {
        for place in places {
            if let Some(twice) = self.put_place(place)? {
                return Err(RegistryError::PlaceExists(twice.id));
            }
        }
        Ok(self)
    }

    fn check_reaches_root(&self, unit: &Unit) -> Result<(), RegistryError> {
        let mut at = unit;
        for _ in 0..self.units.len() {
            let Some(parent) = &at.parent else { return Ok(()) };
            at = self.units.get(parent).ok_or_else(|| RegistryError::UnknownParent(parent.clone()))?;
        }
        Err(RegistryError::Cycle(unit.code.clone()))
    }

    /// The unit above all others, once there is one.
    pub fn root(&self) -> Option<&UnitCode> {
        self.root.as_ref()
    }

    pub fn unit(&self, code: &UnitCode) -> Option<&Unit> {
        self.units.get(code)
    }

    /// Every unit, in the order of codes.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.values()
    }

    /// The units right below, in the order of codes.
    pub fn children(&self, code: &UnitCode) -> &[UnitCode] {
        self.children.get(code).map_or(&[], Vec::as_slice)
    }

    /// The unit's parent, its parent, and so on up to the root; empty for the root and for unknown units.
    pub fn ancestors(&self, code: &UnitCode) -> Vec<UnitCode> {
        let up = |code: &UnitCode| self.units.get(code)?.parent.clone();
        std::iter::successors(up(code), up).collect()
    }

    /// The unit and all below it, those nearer to it first; empty for an unknown unit.
    pub fn subtree(&self, code: &UnitCode) -> Vec<UnitCode> {
        let mut found = Vec::new();
        let mut queue: VecDeque<&UnitCode> =
            self.units.get_key_value(code).map(|(code, _)| code).into_iter().collect();
        while let Some(unit) = queue.pop_front() {
            found.push(unit.clone());
            queue.extend(self.children(unit));
        }
        found
    }

    /// Whether `unit` is `root` or lies below it. Unknown units lie nowhere.
    pub fn contains(&self, root: &UnitCode, unit: &UnitCode) -> bool {
        let mut at = self.units.get(unit);
        while let Some(unit) = at {
            if unit.code == *root {
                return true;
            }
            at = unit.parent.as_ref().and_then(|parent| self.units.get(parent));
        }
        false
    }

    /// The unit right below `root` that is `unit` or lies above it; `None` if `unit` is the root or lies elsewhere.
    pub fn child_towards(&self, root: &UnitCode, unit: &UnitCode) -> Option<&UnitCode> {
        let mut at = self.units.get(unit)?;
        while let Some(parent) = &at.parent {
            if parent == root {
                return Some(&at.code);
            }
            at = self.units.get(parent)?;
        }
        None
    }

    pub fn book(&self, book: &BookId) -> Option<&Book> {
        self.books.get(book)
    }

    /// Every book, in the order of names.
    pub fn books(&self) -> impl Iterator<Item = &Book> {
        self.books.values()
    }

    pub fn unit_of_book(&self, book: &BookId) -> Option<&UnitCode> {
        self.books.get(book).map(|book| &book.unit)
    }

    /// The books that a unit and those below it keep, of one line or of all, in the order of names.
    pub fn books_of_subtree(&self, unit: &UnitCode, line: Option<&str>) -> Vec<BookId> {
        let units = self.subtree(unit);
        let books = units.iter().flat_map(|unit| self.books_of(unit));
        let fits = |book: &&Book| line.is_none_or(|line| book.line == line);
        let mut found: Vec<BookId> = books.filter(fits).map(|book| book.book.clone()).collect();
        found.sort();
        found
    }

    /// The books that a unit itself keeps, in the order of names.
    pub fn books_of(&self, unit: &UnitCode) -> impl Iterator<Item = &Book> {
        self.of_units.get(unit).into_iter().flat_map(|of| &of.books).filter_map(|book| self.books.get(book))
    }

    /// The posts of a unit itself, in the order of ids.
    pub fn posts_of_unit(&self, unit: &UnitCode) -> impl Iterator<Item = &Post> {
        self.of_units.get(unit).into_iter().flat_map(|of| &of.posts).filter_map(|post| self.posts.get(post))
    }

    pub fn post(&self, post: &SubjectId) -> Option<&Post> {
        self.posts.get(post)
    }

    /// Every post, in the order of ids.
    pub fn posts(&self) -> impl Iterator<Item = &Post> {
        self.posts.values()
    }

    /// Every place, in the order of ids.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.values()
    }

    pub fn place(&self, place: &SubjectId) -> Option<&Place> {
        self.places.get(place)
    }

    /// The places of a unit itself, in the order of ids.
    pub fn places_of(&self, unit: &UnitCode) -> impl Iterator<Item = &Place> {
        let of_unit = self.of_units.get(unit).into_iter().flat_map(|of| &of.places);
        of_unit.filter_map(|place| self.places.get(place))
    }

    /// Everybody who held or will hold a post, the earliest first.
    pub fn holdings(&self, post: &SubjectId) -> &[Holding] {
        self.holdings.get(post).map_or(&[], Vec::as_slice)
    }

    /// Who holds a post on a day.
    pub fn holder(&self, post: &SubjectId, day: Day) -> Option<&AccountId> {
        self.holdings(post).iter().find(|holding| holding.covers(day)).map(|holding| &holding.account)
    }

    /// The posts that an account holds on a day.
    pub fn posts_of(&self, account: &AccountId, day: Day) -> Vec<&Post> {
        self.ever_held(account).filter(|post| self.holder(&post.id, day) == Some(account)).collect()
    }

    fn ever_held(&self, account: &AccountId) -> impl Iterator<Item = &Post> {
        self.held_by.get(account).into_iter().flatten().filter_map(|post| self.posts.get(post))
    }

    /// For how many times from a day on an account holds posts.
    pub(crate) fn count_held_by(&self, account: &AccountId, day: Day) -> usize {
        let of_post = |post: &Post| {
            self.holdings(&post.id).iter().filter(|it| it.account == *account && it.lasts(day)).count()
        };
        self.ever_held(account).map(of_post).sum()
    }

    /// The units of the posts that an account holds on a day or will hold later.
    pub fn units_served(&self, account: &AccountId, day: Day) -> impl Iterator<Item = &UnitCode> {
        let is_served = move |post: &&Post| {
            self.holdings(&post.id).iter().any(|it| it.account == *account && it.lasts(day))
        };
        self.ever_held(account).filter(is_served).map(|post| &post.unit)
    }

    /// Whether a unit may be added.
    pub fn check_unit(&self, added: &UnitAdded) -> Result<(), RegistryError> {
        if self.units.contains_key(&added.code) {
            return Err(RegistryError::UnitExists(added.code.clone()));
        }
        let Some(code) = &added.parent else {
            return if self.root.is_some() { Err(RegistryError::SecondRoot) } else { Ok(()) };
        };
        let parent = self.units.get(code).ok_or_else(|| RegistryError::UnknownParent(code.clone()))?;
        let shared = if is_municipality(code.as_str()) { 2 } else { 4 };
        // Governments' codes are the state's, and taken for good: those who keep a city add what lies in it.
        let is_government = is_division(added.code.as_str());
        if is_government && parent.parent.is_some() && parent.level != Level::City {
            return Err(RegistryError::WrongCity { code: added.code.clone(), parent: code.clone() });
        }
        let is_division = is_government && parent.parent.is_some() || added.level == Level::County;
        let of_city = parent.level == Level::City && is_division;
        if of_city && !added.code.as_str().starts_with(&code.as_str()[..shared]) {
            return Err(RegistryError::WrongCity { code: added.code.clone(), parent: code.clone() });
        }
        if self.ancestors(code).len() + 2 > UNITS_DEEP_MAX {
            return Err(RegistryError::TooDeep(UNITS_DEEP_MAX));
        }
        self.need_room_for_unit(code)
    }

    /// Whether a book may be opened.
    pub fn check_book(&self, opened: &BookOpened) -> Result<(), RegistryError> {
        self.need_unit(&opened.unit)?;
        match self.books.contains_key(&opened.book) {
            true => Err(RegistryError::BookExists(opened.book.clone())),
            false => self.need_room_for_book(&opened.unit),
        }
    }

    /// Whether a post may be set up.
    pub fn check_post(&self, added: &PostAdded) -> Result<(), RegistryError> {
        self.need_unit(&added.unit)?;
        match self.posts.contains_key(&added.post) {
            true => Err(RegistryError::PostExists(added.post.clone())),
            false => self.need_room_for_post(&added.unit),
        }
    }

    /// Whether a place may be added.
    pub fn check_place(&self, added: &PlaceAdded) -> Result<(), RegistryError> {
        self.need_unit(&added.unit)?;
        if self.places.contains_key(&added.place) {
            return Err(RegistryError::PlaceExists(added.place.clone()));
        }
        self.need_room_for_place(&added.unit)?;
        let Some(gln) = &added.gln else { return Ok(()) };
        match self.places.values().find(|place| place.gln.as_ref() == Some(gln)) {
            Some(place) => Err(RegistryError::GlnTaken { gln: gln.clone(), place: place.id.clone() }),
            None => Ok(()),
        }
    }

    /// Whether a post may be held: on no day by two, from today on by so many in turn, and not by who holds many.
    pub fn check_held(&self, held: &PostHeld, today: Day) -> Result<(), RegistryError> {
        self.need_room_for_holding(&self.need_post(&held.post)?.unit)?;
        self.need_few_holdings(held, today)?;
        match self.holdings(&held.post).iter().find(|holding| holding.overlaps(held.from, held.until)) {
            Some(other) => {
                Err(RegistryError::PostTaken { post: held.post.clone(), holder: other.account.clone() })
            }
            None => Ok(()),
        }
    }

    /// Whether a post may be left: returns the first day of the holding that ends. One that ends on the day before its first
    /// never was, which is said no later than on that first day.
    pub fn check_left(&self, left: &PostLeft, today: Day) -> Result<Day, RegistryError> {
        self.need_post(&left.post)?;
        let earliest = today.plus(-LEFT_DAYS_MAX);
        if left.until < earliest {
            return Err(RegistryError::LongAgo(earliest));
        }
        let own = |holding: &&Holding| holding.account == left.account;
        let held = || self.holdings(&left.post).iter().filter(own);
        let next = held().find(|it| it.from == left.until.plus(1));
        let (post, account) = (left.post.clone(), left.account.clone());
        match (next, held().find(|it| it.covers(left.until))) {
            (Some(next), _) if next.from >= today => Ok(next.from),
            (Some(next), Some(_)) => Err(RegistryError::HeldAgain { post, account, from: next.from }),
            (_, Some(holding)) if holding.until == Some(left.until) => {
                Err(RegistryError::LeftThen { post, account })
            }
            (_, Some(holding)) => Ok(holding.from),
            (_, None) => Err(RegistryError::NotHeld { post, account }),
        }
    }

    /// Refuses an unknown unit.
    pub fn need_unit(&self, unit: &UnitCode) -> Result<&Unit, RegistryError> {
        self.units.get(unit).ok_or_else(|| RegistryError::UnknownUnit(unit.clone()))
    }

    /// Refuses an unknown place.
    pub fn need_place(&self, place: &SubjectId) -> Result<&Place, RegistryError> {
        self.places.get(place).ok_or_else(|| RegistryError::UnknownPlace(place.clone()))
    }

    /// Refuses an unknown post.
    pub fn need_post(&self, post: &SubjectId) -> Result<&Post, RegistryError> {
        self.posts.get(post).ok_or_else(|| RegistryError::UnknownPost(post.clone()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> UnitCode {
        UnitCode::new(text).unwrap()
    }

    fn unit(name: &str, parent: Option<&str>, level: Level) -> Unit {
        let title = name.to_owned();
        Unit { code: code(name), parent: parent.map(code), level, title_zh: title.clone(), title_en: title }
    }

    fn book(name: &str, unit: &str, line: &str) -> Book {
        let title = name.to_owned();
        let book = BookId::new(name).unwrap();
        Book { book, unit: code(unit), line: line.into(), title_zh: title.clone(), title_en: title }
    }

    fn dezhou() -> Tree {
        let units = vec![
            unit("beiyuan", Some("371402"), Level::Market),
            unit("371402", Some("371400"), Level::County),
            unit("371481", Some("371400"), Level::County),
            unit("371400", None, Level::City),
        ];
        let books = vec![book("beiyuan", "beiyuan", "market"), book("leling", "371481", "projects")];
        let post = Post {
            id: manager(),
            unit: code("beiyuan"),
            title_zh: "经理".into(),
            title_en: "Manager".into(),
        };
        let held = |account: &str, from, until| Holding {
            post: manager(),
            account: AccountId::new(account).unwrap(),
            from: Day(from),
            until,
        };
        let holdings = vec![held("li", 200, None), held("wei", 100, Some(Day(199)))];
        Tree::build(units, books, vec![post], holdings).unwrap()
    }

    fn manager() -> SubjectId {
        SubjectId::new("post:beiyuan/manager").unwrap()
    }

    #[test]
    fn a_unit_knows_what_is_above_and_below_it_and_which_books_are_kept_there() {
        let tree = dezhou();
        assert_eq!(tree.ancestors(&code("beiyuan")), [code("371402"), code("371400")]);
        assert_eq!(tree.children(&code("371400")), [code("371402"), code("371481")]);
        assert_eq!(tree.subtree(&code("371402")), [code("371402"), code("beiyuan")]);
        let books = |unit, line| tree.books_of_subtree(&code(unit), line);
        assert_eq!(books("371400", None).len(), 2);
        assert_eq!(books("371400", Some("market")), [BookId::new("beiyuan").unwrap()]);
        assert_eq!(books("371481", Some("market")), []);
        assert_eq!(books("elsewhere", None), []);
    }

    #[test]
    fn responsibility_survives_a_change_of_person() {
        let tree = dezhou();
        let holder = |day| tree.holder(&manager(), Day(day)).map(AccountId::as_str);
        assert_eq!(
            [holder(99), holder(100), holder(199), holder(200)],
            [None, Some("wei"), Some("wei"), Some("li")]
        );
        let held = |from, until| PostHeld {
            post: manager(),
            account: AccountId::new("zhao").unwrap(),
            from: Day(from),
            until,
        };
        assert_eq!(tree.check_held(&held(50, Some(Day(99))), Day(250)), Ok(()));
        for (from, until) in [(50, Some(Day(100))), (150, Some(Day(160))), (300, None), (50, None)] {
            assert!(tree.check_held(&held(from, until), Day(250)).is_err(), "{from} to {until:?} overlaps");
        }
        let left = |account: &str, until| PostLeft {
            post: manager(),
            account: AccountId::new(account).unwrap(),
            until: Day(until),
        };
        let check = |account: &str, until, today| tree.check_left(&left(account, until), Day(today));
        assert_eq!(check("li", 250, 260), Ok(Day(200)));
        assert_eq!(check("wei", 250, 260).unwrap_err().field(), "account");
        for today in [150, 200] {
            assert_eq!(check("li", 199, today), Ok(Day(200)), "it is taken back by its first day");
        }
        assert_eq!(check("li", 199, 201).unwrap_err().field(), "account", "what has been is not undone");
        assert_eq!(check("li", 198, 150).unwrap_err().field(), "account");
        let twice = [(100, Some(Day(199))), (200, None)].map(|(from, until)| Holding {
            post: manager(),
            account: AccountId::new("li").unwrap(),
            from: Day(from),
            until,
        });
        let post = tree.post(&manager()).unwrap().clone();
        let again =
            Tree::build(vec![unit("beiyuan", None, Level::Market)], Vec::new(), vec![post], twice.to_vec());
        let again = again.unwrap().check_left(&left("li", 199), Day(201));
        assert_eq!(
            again.unwrap_err().field(),
            "until",
            "nor is what began before today, by ending what came before it"
        );
        assert_eq!(check("li", 229, 260), Ok(Day(200)));
        assert_eq!(check("li", 228, 260).unwrap_err().field(), "until", "years are not made days");
    }

    #[test]
    fn rows_that_are_no_tree_are_refused() {
        let build = |units| Tree::build(units, Vec::new(), Vec::new(), Vec::new()).map(drop);
        let other = |name, parent| unit(name, Some(parent), Level::Other);
        let root = || unit("root", None, Level::Other);
        assert_eq!(
            build(vec![root(), other("a", "b"), other("b", "a")]),
            Err(RegistryError::Cycle(code("a")))
        );
        assert_eq!(build(vec![root(), other("a", "c")]), Err(RegistryError::UnknownParent(code("c"))));
        assert_eq!(build(vec![root(), unit("a", None, Level::Other)]), Err(RegistryError::SecondRoot));
        assert_eq!(build(vec![root(), other("root", "root")]), Err(RegistryError::UnitExists(code("root"))));
    }

    #[test]
    fn a_county_hangs_below_its_own_city() {
        let add = |code_text, parent| UnitAdded {
            code: code(code_text),
            parent: Some(code(parent)),
            level: Level::County,
            title_zh: "x".into(),
            title_en: "x".into(),
        };
        let tree = dezhou();
        assert_eq!(tree.check_unit(&add("371482", "371400")), Ok(()));
        assert_eq!(tree.check_unit(&add("370102", "371400")).unwrap_err().field(), "code");
        assert_eq!(tree.check_unit(&add("371402", "371400")).unwrap_err().field(), "code");
        assert_eq!(tree.check_unit(&add("371482", "371300")).unwrap_err().field(), "parent");
    }

    proptest! {
        #[test]
        fn a_unit_lies_below_exactly_itself_and_its_ancestors(parents in prop::collection::vec(any::<prop::sample::Index>(), 1..30)) {
            let mut units = vec![unit("u0", None, Level::Other)];
            for (at, parent) in parents.iter().enumerate() {
                units.push(unit(&format!("u{}", at + 1), Some(&format!("u{}", parent.index(at + 1))), Level::Other));
            }
            let codes: Vec<UnitCode> = units.iter().map(|unit| unit.code.clone()).collect();
            let tree = Tree::build(units, Vec::new(), Vec::new(), Vec::new()).unwrap();
            for below in &codes {
                let above = tree.ancestors(below);
                for root in &codes {
                    let expected = root == below || above.contains(root);
                    prop_assert_eq!(tree.contains(root, below), expected);
                    prop_assert_eq!(tree.subtree(root).contains(below), expected);
                }
            }
        }
    }
}
