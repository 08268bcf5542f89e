//! The org tree in the database: loaded from the tables that follow from the root book, kept in memory, changed only
//! by entries.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base::{AccountId, ActorId, BookId, Day, Seq, SubjectId, UnitCode};
use ledger::{Body, BodyError, Sought};
use registry::{
    Book, BookOpened, Holding, Level, Place, PlaceAdded, PlaceKind, PlaceRenamed, Position, Post, PostAdded,
    PostHeld, PostLeft, RegistryError, Rows, Tree, Unit, UnitAdded, UnitRenamed,
};
use store::{Engine, Param, Row, Store, StoreError, Tx, placeholders};

use crate::accounts::{Bearer, account_actor, need_active};
use crate::admin::{Admin, AdminError, AdminResult, By, about};
use crate::entries::count_about;
use crate::{Desk, Kernel, Receipt};

/// The book that holds the org tree, accounts and rights.
pub const ROOT_BOOK: &str = "registry";

/// How long another node's change may go unnoticed.
const UNCHECKED_MAX: Duration = Duration::from_secs(1);

pub(crate) fn root_book() -> BookId {
    BookId::new(ROOT_BOOK).expect("the name is a slug")
}

/// What is kept in memory of the root book, as of one of its sizes.
pub(crate) struct Kept {
    /// Entries of the root book that it follows from; -1 before the first look.
    pub size: i64,
    checked: Option<Instant>,
    tree: Arc<Tree>,
    /// Credentials that were found good, by their digest.
    pub bearers: HashMap<[u8; 32], Bearer>,
}

/// The memory, and what tells that it is stale.
pub(crate) struct Memory {
    /// The size of the root book as this node's writer last applied it, committed or not.
    applied: Arc<AtomicI64>,
    kept: Mutex<Kept>,
    /// The tree of `kept`, for those who may not wait for a read.
    known: RwLock<Arc<Tree>>,
}

impl Memory {
    pub fn new(applied: Arc<AtomicI64>) -> Self {
        let kept = Kept { size: -1, checked: None, tree: Arc::default(), bearers: HashMap::new() };
        Self { applied, kept: Mutex::new(kept), known: RwLock::default() }
    }

    /// The tree as it is kept, and the size of the root book that it is of, once there was a look.
    pub fn kept_tree(&self) -> Option<(u64, Arc<Tree>)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Some((u64::try_from(kept.size).ok()?, kept.tree.clone()))
    }

    /// The memory, brought up to the last commit of this node, and of any other node within a second.
    pub fn fresh(&self, kernel: &Kernel) -> Result<MutexGuard<'_, Kept>, StoreError> {
        // A reader that panicked has left a whole state: it is replaced at once.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let unchecked = kept.checked.is_none_or(|at| at.elapsed() >= UNCHECKED_MAX);
        // What is applied but not committed leaves the size behind, so the next call looks again. What streams were told that
        // another node did counts at once, or one that is opened now would never hear of it.
        let told = kernel.root_told().load(Ordering::SeqCst);
        let behind = kept.size < self.applied.load(Ordering::SeqCst) || kept.size < told.cast_signed();
        if unchecked || behind {
            let checked = Instant::now();
            let newer = kernel.read(|tx| {
                let size = root_size(tx)?;
                if size == kept.size {
                    return Ok(None);
                }
                let known = u64::try_from(kept.size).ok().filter(|_| kept.size < size);
                let tree = match known {
                    Some(known) => since(tx, &kept.tree, known)?,
                    None => Arc::new(load(tx)?),
                };
                Ok(Some((size, tree)))
            })?;
            if let Some((size, tree)) = newer {
                (kept.size, kept.tree) = (size, tree);
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = kept.tree.clone();
                kept.bearers.clear();
            }
            kept.checked = Some(checked);
        }
        Ok(kept)
    }
}

/// Entries of the root book in this snapshot.
pub(crate) fn root_size(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    let row = tx.query_one("select size from book where book = $1", &[Param::Text(ROOT_BOOK)])?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// Whether a database holds an installation, whose root book has an entry. It is only read.
pub fn is_founded(store: &dyn Store) -> Result<bool, StoreError> {
    let tables = match store.engine() {
        Engine::Sqlite => "select name from sqlite_master where name = 'book'",
        Engine::Postgres => "select cast(to_regclass('book') as text) where to_regclass('book') is not null",
    };
    store::read(store, |tx| Ok(tx.query_one(tables, &[])?.is_some() && root_size(tx)? > 0))
}

impl Kernel {
    /// The org tree as of the last commit; another node's change shows within a second.
    pub fn tree(&self) -> Result<Arc<Tree>, StoreError> {
        Ok(self.memory.fresh(self)?.tree.clone())
    }

    /// The org tree as [`Kernel::tree`] last saw it. Reads nothing, so it may be called on an async thread; whoever
    /// serves requests calls `tree` once for each, off the async threads.
    pub fn known_tree(&self) -> Arc<Tree> {
        self.memory.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Founds the installation: the root unit and the root book. Nothing happens where it is founded already.
    ///
    /// Blocks, as everything here that appends.
    pub fn bootstrap(&self, root: UnitAdded) -> AdminResult<()> {
        let by = ActorId::new("system:bootstrap").expect("the name has a scheme");
        let policy = self.policy.clone();
        self.append_blocking(move |desk| {
            let tree = desk.tree()?;
            match tree.root() {
                Some(code) if *code == root.code => return Ok(()),
                Some(code) => return Err(AdminError::OtherRoot(code.clone()).into()),
                None => {}
            }
            let book = BookOpened {
                book: root_book(),
                unit: root.code.clone(),
                line: "kernel".into(),
                title_zh: "登记簿".into(),
                title_en: "Registry".into(),
            };
            tree.check_unit(&root).map_err(AdminError::from)?;
            root.check()?;
            desk.open_book(&book.book)?;
            let mut admin = Admin::of_system(desk, tree, &policy, &by);
            admin.record(&root, vec![about("unit", root.code.as_str())?])?;
            admin.record(&book, vec![about("book", ROOT_BOOK)?])?;
            Ok(())
        })
    }

    /// Adds a unit below another.
    pub fn add_unit(&self, by: impl Into<By>, unit: UnitAdded) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            let parent = unit.parent.clone().ok_or(RegistryError::SecondRoot)?;
            admin.permit_within("kernel.registry.change", &parent, None)?;
            admin.tree.check_unit(&unit)?;
            admin.record(&unit, vec![about("unit", unit.code.as_str())?])
        })
    }

    /// Gives a unit other titles.
    pub fn rename_unit(&self, by: impl Into<By>, renamed: UnitRenamed) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            admin.tree.need_unit(&renamed.unit)?;
            admin.permit("kernel.registry.change", &renamed.unit, None)?;
            admin.record(&renamed, vec![about("unit", renamed.unit.as_str())?])
        })
    }

    /// Opens a book that a unit keeps.
    pub fn open_book(&self, by: impl Into<By>, opened: BookOpened) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            admin.permit_within("kernel.registry.change", &opened.unit, Some(&opened.line))?;
            admin.tree.check_book(&opened)?;
            opened.check()?;
            admin.desk.open_book(&opened.book)?;
            let subjects = vec![about("book", opened.book.as_str())?, about("unit", opened.unit.as_str())?];
            admin.record(&opened, subjects)
        })
    }

    /// Sets up a post.
    pub fn add_post(&self, by: impl Into<By>, added: PostAdded) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            admin.permit_within("kernel.registry.change", &added.unit, None)?;
            admin.tree.check_post(&added)?;
            admin.record(&added, vec![added.post.clone(), about("unit", added.unit.as_str())?])
        })
    }

    /// Enters a place of a unit.
    pub fn add_place(&self, by: impl Into<By>, added: PlaceAdded) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            admin.permit_within("kernel.registry.change", &added.unit, None)?;
            admin.tree.check_place(&added)?;
            admin.record(&added, vec![added.place.clone(), about("unit", added.unit.as_str())?])
        })
    }

    /// Gives a place other titles.
    pub fn rename_place(&self, by: impl Into<By>, renamed: PlaceRenamed) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            let unit = admin.tree.need_place(&renamed.place)?.unit.clone();
            admin.permit("kernel.registry.change", &unit, None)?;
            admin.record(&renamed, vec![renamed.place.clone()])
        })
    }

    /// Lets an account hold a post for a time.
    pub fn hold_post(&self, by: impl Into<By>, held: PostHeld) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            // Only whoever may fill a post learns who holds it.
            admin.permit_post(&held.post)?;
            // Whose post brings duties loses rights by them: it is not put on somebody from outside.
            let unit = need_active(admin, &held.account)?;
            admin.permit("kernel.post.hold", &unit, None)?;
            let today = admin.desk.zone().day_of(admin.desk.now());
            admin.tree.check_held(&held, today)?;
            let of_post = admin.tree.need_post(&held.post)?.unit.clone();
            admin.need_own_password(&account_actor(&held.account), &of_post, None)?;
            admin.record(&held, vec![held.post.clone(), about("account", held.account.as_str())?])
        })
    }

    /// Ends the time for which an account holds a post.
    pub fn leave_post(&self, by: impl Into<By>, left: PostLeft) -> AdminResult<Receipt> {
        self.administer(by, move |admin| {
            let unit = admin.tree.need_post(&left.post)?.unit.clone();
            // The installation says what has long been.
            let today = match admin.is_installation() {
                true => left.until,
                false => admin.desk.zone().day_of(admin.desk.now()),
            };
            // Who is taken out of days that are past may decide what they could not.
            match left.until < today {
                true => admin.permit("kernel.post.hold", &unit, None)?,
                false => admin.permit_to_end("kernel.post.hold", &unit)?,
            }
            let from = admin.tree.check_left(&left, today)?;
            // Days on which a post was held decide who may approve: only the root's administrators take some away, but for an
            // appointment that begins today, and nobody of their own.
            if left.until < today && !admin.is_installation() {
                let root = admin.tree.root().cloned();
                let is_own = admin.is_by(&account_actor(&left.account));
                let of_root = root.is_some_and(|root| admin.permit_to_end("kernel.post.hold", &root).is_ok());
                let taken_back = taken_back(&left.account)?;
                let count = |desk: &mut Desk<'_>| {
                    count_about(
                        desk.read()?,
                        &root_book(),
                        &taken_back,
                        Sought::of::<PostLeft>(),
                        TAKEN_BACK_MAX,
                    )
                };
                let may = of_root || from >= today && count(admin.desk)? < TAKEN_BACK_MAX;
                if is_own || !may {
                    return Err(AdminError::from(RegistryError::LongAgo(today)).into());
                }
            }
            let mut about = vec![left.post.clone(), about("account", left.account.as_str())?];
            if left.until < today {
                about.push(taken_back(&left.account)?);
            }
            admin.record(&left, about)
        })
    }
}

impl Admin<'_, '_> {
    fn permit_post(&mut self, post: &SubjectId) -> AdminResult<()> {
        let unit = self.tree.need_post(post)?.unit.clone();
        self.permit("kernel.post.hold", &unit, None)
    }
}

/// How often days on which an account held posts are taken back by others than the root's administrators: who judges is asked
/// about each.
const TAKEN_BACK_MAX: usize = 100;

/// What leavings are about that took back days of an account.
pub(crate) fn taken_back(account: &AccountId) -> Result<SubjectId, BodyError> {
    about("taken-back", account.as_str())
}

/// The tree as the tables have it.
pub(crate) fn load(tx: &mut dyn Tx) -> Result<Tree, StoreError> {
    let units = rows(tx, UNITS, unit)?;
    let books = rows(tx, BOOKS, book)?;
    let posts = rows(tx, POSTS, post)?;
    let holdings = rows(tx, HOLDINGS, holding)?;
    let places = rows(tx, PLACES, place)?;
    Tree::build(units, books, posts, holdings).and_then(|tree| tree.with_places(places)).map_err(misfit)
}

/// Entries that change the tree, of which so many at most are followed one by one.
const FOLLOWED_MAX: usize = 500;

/// The tree as it stands in this snapshot, from what it was when the root book had a size: what has changed is read alone.
pub(crate) fn since(tx: &mut dyn Tx, tree: &Arc<Tree>, size: u64) -> Result<Arc<Tree>, StoreError> {
    const KINDS: [&str; 8] = [
        UnitAdded::KIND,
        UnitRenamed::KIND,
        BookOpened::KIND,
        PlaceAdded::KIND,
        PlaceRenamed::KIND,
        PostAdded::KIND,
        PostHeld::KIND,
        PostLeft::KIND,
    ];
    let sql = format!(
        "select kind, body from entry where book = $1 and seq >= $2 and kind in ({}) order by seq limit {}",
        placeholders(3, KINDS.len()),
        FOLLOWED_MAX + 1,
    );
    let mut params = vec![Param::Text(ROOT_BOOK), Param::Int(Seq(size).to_i64())];
    params.extend(KINDS.map(Param::Text));
    let changes = tx.query(&sql, &params)?;
    match changes.len() {
        // A password or a right that is given moves the book, and not the tree.
        0 => return Ok(tree.clone()),
        many if many > FOLLOWED_MAX => return Ok(Arc::new(load(tx)?)),
        _ => {}
    }
    let mut changed = Rows::default();
    for change in &changes {
        let body = change.text(1)?;
        match change.text(0)? {
            UnitAdded::KIND => {
                changed.units.extend(named(tx, UNITS, "unit", told::<UnitAdded>(body)?.code.as_str(), unit)?);
            }
            UnitRenamed::KIND => {
                changed.units.extend(named(
                    tx,
                    UNITS,
                    "unit",
                    told::<UnitRenamed>(body)?.unit.as_str(),
                    unit,
                )?);
            }
            BookOpened::KIND => {
                changed.books.extend(named(
                    tx,
                    BOOKS,
                    "book",
                    told::<BookOpened>(body)?.book.as_str(),
                    book,
                )?);
            }
            PlaceAdded::KIND => {
                changed.places.extend(named(
                    tx,
                    PLACES,
                    "place",
                    told::<PlaceAdded>(body)?.place.as_str(),
                    place,
                )?);
            }
            PlaceRenamed::KIND => {
                changed.places.extend(named(
                    tx,
                    PLACES,
                    "place",
                    told::<PlaceRenamed>(body)?.place.as_str(),
                    place,
                )?);
            }
            PostAdded::KIND => {
                changed.posts.extend(named(tx, POSTS, "post", told::<PostAdded>(body)?.post.as_str(), post)?);
            }
            kind => {
                let post = match kind {
                    PostHeld::KIND => told::<PostHeld>(body)?.post,
                    _ => told::<PostLeft>(body)?.post,
                };
                let held = named(tx, HOLDINGS, "post", post.as_str(), holding)?;
                changed.holdings.insert(post, held);
            }
        }
    }
    tree.changed(changed).map(Arc::new).map_err(misfit)
}

const UNITS: &str = "select unit, parent, level, title_zh, title_en from org_unit";
const BOOKS: &str = "select book, unit, line, title_zh, title_en from org_book";
const POSTS: &str = "select post, unit, title_zh, title_en from org_post";
const HOLDINGS: &str = "select post, account, from_day, until_day from org_holder";
const PLACES: &str = "select place, unit, kind, title_zh, title_en, lat_e7, lon_e7, gln from org_place";

/// A unit and those above it, up to the root; none if it is not there.
pub(crate) fn up_from(tx: &mut dyn Tx, code: &UnitCode) -> Result<Vec<Unit>, StoreError> {
    let (mut above, mut next) = (Vec::new(), Some(code.clone()));
    while let Some(code) = next {
        let Some(found) = named(tx, UNITS, "unit", code.as_str(), unit)?.pop() else { break };
        next = found.parent.clone();
        above.push(found);
    }
    Ok(above)
}

fn unit(row: &Row) -> Result<Unit, StoreError> {
    let level = Level::parse(row.text(2)?);
    Ok(Unit {
        code: id(UnitCode::new(row.text(0)?))?,
        parent: row.text_or_null(1)?.map(UnitCode::new).map(id).transpose()?,
        level: level.ok_or_else(|| StoreError::Schema("a unit has an unknown level".into()))?,
        title_zh: row.text(3)?.to_owned(),
        title_en: row.text(4)?.to_owned(),
    })
}

fn book(row: &Row) -> Result<Book, StoreError> {
    Ok(Book {
        book: id(BookId::new(row.text(0)?))?,
        unit: id(UnitCode::new(row.text(1)?))?,
        line: row.text(2)?.to_owned(),
        title_zh: row.text(3)?.to_owned(),
        title_en: row.text(4)?.to_owned(),
    })
}

fn post(row: &Row) -> Result<Post, StoreError> {
    Ok(Post {
        id: id(SubjectId::new(row.text(0)?))?,
        unit: id(UnitCode::new(row.text(1)?))?,
        title_zh: row.text(2)?.to_owned(),
        title_en: row.text(3)?.to_owned(),
    })
}

fn holding(row: &Row) -> Result<Holding, StoreError> {
    Ok(Holding {
        post: id(SubjectId::new(row.text(0)?))?,
        account: id(AccountId::new(row.text(1)?))?,
        from: day(row.int(2)?)?,
        until: row.int_or_null(3)?.map(day).transpose()?,
    })
}

fn place(row: &Row) -> Result<Place, StoreError> {
    let kind = PlaceKind::parse(row.text(2)?);
    let position = row.int_or_null(5)?.zip(row.int_or_null(6)?);
    Ok(Place {
        id: id(SubjectId::new(row.text(0)?))?,
        unit: id(UnitCode::new(row.text(1)?))?,
        kind: kind.ok_or_else(|| StoreError::Schema("a place is of an unknown kind".into()))?,
        title_zh: row.text(3)?.to_owned(),
        title_en: row.text(4)?.to_owned(),
        position: position.map(|(lat_e7, lon_e7)| Position { lat_e7, lon_e7 }),
        gln: row.text_or_null(7)?.map(str::to_owned),
    })
}

pub(crate) fn rows<T>(
    tx: &mut dyn Tx,
    sql: &str,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    tx.query(sql, &[])?.iter().map(read).collect()
}

/// The rows of a table that have a name.
fn named<T>(
    tx: &mut dyn Tx,
    all: &str,
    column: &str,
    name: &str,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let sql = format!("{all} where {column} = $1");
    tx.query(&sql, &[Param::Text(name)])?.iter().map(read).collect()
}

/// The body of an entry, none of which is ever erased.
fn told<B: Body>(text: &str) -> Result<B, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Schema(format!("{}: {error}", B::KIND)))
}

fn misfit(error: RegistryError) -> StoreError {
    StoreError::Schema(error.to_string())
}

/// An identifier that our own tables returned.
pub(crate) fn id<T>(parsed: Result<T, base::IdError>) -> Result<T, StoreError> {
    parsed.map_err(|error| StoreError::Schema(error.to_string()))
}

fn day(value: i64) -> Result<Day, StoreError> {
    i32::try_from(value).map(Day).map_err(|_| StoreError::Schema("a day is out of range".into()))
}
