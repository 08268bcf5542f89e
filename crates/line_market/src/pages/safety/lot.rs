//! A lot: where it came from, where its grams went, what was tested, and what keeps it off sale.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use base::{BookId, Seq, SubjectId};
use kernel::Kernel;
use kernel::entries::Kinds;
use ledger::{Body, Entry, Sought};
use shell::extract::Path;
use shell::pages::page;
use shell::view::{Badge, Cell, Column, Empty, FigureTile, Frame, Link, LiveList, TableView};
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Lang, Problem, T, format, said};
use store::{StoreError, Tx};
use trace::{Direction, Step, Walk};

use super::ground::{Ground, Products, in_lang};
use super::{blocks, tables, words};
use crate::api::note_lot;
use crate::balance::ToldLot;
use crate::kinds::{InspectionRecorded, LotHeld, LotReleased, RecallEnded, RecallOpened};
use crate::policy::{READ, READ_EVIDENCE, READ_TAKINGS};
use crate::state::{self, BreachRow, Flag, Inspection, Lot};

pub fn router() -> Router<App> {
    Router::new().route("/market/{book}/lots/{lot}", get(show))
}

/// Tests, breaches and orders that a page shows.
const ROWS_MAX: usize = 100;
/// Steps of the trace that a page shows.
const STEPS_MAX: usize = 50;

/// A lot that the viewer may read: anyone who reads the market, and the merchant who has it.
pub async fn readable(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    book: &str,
    code: &str,
) -> Result<(Ground, Lot), Problem> {
    let ground = Ground::of(app, lang, book)?;
    let (home, code) = (ground.book.clone(), code.to_owned());
    let found = app.blocking(move |kernel| kernel.read(|tx| state::lot(tx, &home, &code))).await?;
    if !ground.may(app, viewer, READ) {
        // Whoever may not read the market learns of no lot but its own.
        let resource = found.as_ref().map_or_else(|| ground.resource.clone(), |lot| ground.resource_of(lot));
        viewer.need(app, READ, &resource)?;
    }
    Ok((ground, found.ok_or_else(Problem::not_found)?))
}

/// What the page of a lot reads beside the lot.
struct Account {
    product: String,
    merchant: Option<String>,
    tests: Vec<Inspection>,
    breaches: Vec<BreachRow>,
    /// Holds, releases and recalls, the latest first.
    orders: Vec<Entry>,
    was_held: bool,
    flag: Option<Flag>,
    walk: Walk,
    way: Vec<Entry>,
    files: Vec<File>,
}

/// A file that came with an entry about the lot.
struct File {
    entry: Entry,
    digest: String,
    picture: bool,
}

/// The files that a lot was received with and that its tests came with, the first first.
fn files(kernel: &Kernel, book: &BookId, lot: &Lot, tests: &[Inspection]) -> Result<Vec<File>, StoreError> {
    let mut seqs: Vec<Seq> = tests.iter().map(|test| test.seq).chain([lot.seq]).collect();
    seqs.sort();
    let entries = kernel.read(|tx| kernel::entries::entries(tx, book, &seqs))?;
    let mut files = Vec::new();
    for entry in entries {
        for digest in entry.evidence.clone() {
            let of = kernel.evidence_type(book, &digest)?;
            let picture = of.is_some_and(|of| of.starts_with("image/"));
            files.push(File { entry: entry.clone(), digest, picture });
        }
    }
    files.truncate(ROWS_MAX);
    Ok(files)
}

fn account(
    kernel: &Kernel,
    book: &BookId,
    lot: &Lot,
    lang: Lang,
    books: &[BookId],
    subject: &SubjectId,
    walk: Walk,
) -> Result<Account, StoreError> {
    let tests = kernel.read(|tx| state::inspections(tx, book, Some(&lot.lot), ROWS_MAX))?;
    let files = files(kernel, book, lot, &tests)?;
    kernel.read(|tx| {
        let mut way = Vec::new();
        for via in walk.steps.iter().take(STEPS_MAX).filter_map(|step| step.via.as_ref()) {
            way.extend(kernel::entries::entry(tx, &via.book, via.seq)?);
        }
        Ok(Account {
            product: Products::read(tx, book)?.title(lang, &lot.product),
            merchant: state::merchant(tx, book, &lot.merchant)?.and_then(|merchant| merchant.title),
            breaches: state::breaches(tx, book, Some(&lot.lot), ROWS_MAX)?,
            orders: orders(tx, book, subject)?,
            was_held: !state::holds(tx, book, &[&lot.lot], 1)?.is_empty(),
            flag: state::flags(tx, books, book, &[ToldLot::of(lot.clone(), true)])?.remove(&lot.lot),
            tests,
            way,
            walk,
            files,
        })
    })
}

/// Holds, releases and recalls of a lot, the latest first.
fn orders(tx: &mut dyn Tx, book: &BookId, lot: &SubjectId) -> Result<Vec<Entry>, StoreError> {
    const ORDERS: Kinds<'_> = Kinds::These(&[
        Sought::of::<LotHeld>(),
        Sought::of::<LotReleased>(),
        Sought::of::<RecallOpened>(),
        Sought::of::<RecallEnded>(),
    ]);
    const READ_MAX: usize = 1_000;
    let mut entries = kernel::entries::about_of(tx, book, lot, ORDERS, None, READ_MAX)?;
    // A hold also names the lot that its own came out of.
    entries.retain(|entry| entry.subjects.first().is_some_and(|subject| subject.id == *lot));
    entries.truncate(ROWS_MAX);
    Ok(entries)
}

#[derive(Template)]
#[template(path = "safety/lot.html")]
struct LotPage {
    frame: Frame,
    standing: Badge,
    actions: Vec<Link>,
    hold: Option<(String, String)>,
    /// That a lot of the same supplier failed, and that lot's page.
    flag: Option<(String, String)>,
    tiles: Vec<FigureTile>,
    /// That what was sold is not shown.
    withheld: Option<String>,
    facts: Vec<(String, Cell)>,
    blocks: Option<LiveList>,
    files: Vec<FileShown>,
    tables: Vec<TableView>,
}

/// A file with what it belongs to.
struct FileShown {
    title: String,
    /// The entry that names it.
    entry: String,
    href: String,
    picture: bool,
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, code)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (ground, lot) = readable(&app, &viewer, lang, &book, &code).await?;
    let takings = viewer.allows(&app, READ_TAKINGS, &ground.resource_of(&lot));
    if !takings {
        note_lot(&app, &viewer, &ground.resource, "balance", (&ground.book, &lot.lot)).await?;
    }
    let (home, asked) = (ground.book.clone(), lot.clone());
    let books = viewer.books(&app, READ, "market")?;
    let readable = books.clone();
    let subject = SubjectId::local("lot", &home, &asked.lot).map_err(|_| Problem::not_found())?;
    let along = books.iter().chain([&home]).cloned().collect();
    let walk = app.walk_a_little(subject.clone(), Direction::Backward, along).await?;
    let account = app.blocking(move |kernel| account(kernel, &home, &asked, lang, &books, &subject, walk));
    let mut account = account.await?;
    // The entry that brought the lot here is its owner's to see; what lies before it is told to those who may read it.
    let seen =
        |step: &Step| step.depth <= 1 || step.via.as_ref().is_none_or(|via| readable.contains(&via.book));
    account.walk.steps.retain(seen);
    let sent = blocks::latest_hold(&app, &ground, &lot.lot).await?;
    let tells_sold = takings || account.was_held;
    let t = app.texts.t(lang);
    let frame = ground.frame(&app, &viewer, lang, format!("{} {}", account.product, lot.lot), &here);
    let live = (lot.hold.is_some() || !sent.is_empty())
        .then(|| blocks::list_of_lot(&app, &ground, &t, &lot.lot, &sent));
    let mut all = vec![tables::tests(&app, &ground, &t, &account.tests)];
    if !account.breaches.is_empty() {
        all.push(tables::breaches(&app, &ground, &t, &account.breaches));
    }
    if !account.orders.is_empty() {
        all.push(orders_table(&app, &ground, &t, &account.orders));
    }
    all.push(way_table(&app, &ground, &t, &account));
    page(&LotPage {
        frame,
        standing: words::standing(&t, &lot),
        actions: actions(&app, &viewer, &ground, &t, &lot),
        hold: lot.hold.map(|seq| {
            let reason = words::word(&t, "reason", lot.hold_reason.as_deref().unwrap_or_default());
            let at = lot.held_at.map(|at| format::date_time(app.moment(at))).unwrap_or_default();
            (t.with("safety-held-since", &[("at", at), ("reason", reason)]), ground.entry_href(seq))
        }),
        flag: account.flag.as_ref().map(|flag| {
            let text = t.with("safety-flagged-by", &[("lot", flag.lot.as_str())]);
            (text, format!("/market/{}/lots/{}", flag.book, flag.lot))
        }),
        tiles: tiles(&ground, &t, &lot, tells_sold),
        withheld: (!tells_sold).then(|| t.get("safety-sold-withheld")),
        facts: facts(&app, &ground, &t, &lot, &account),
        blocks: live,
        files: shown_files(&app, &viewer, &ground, &t, &account.files),
        tables: all,
    })
}

/// The files, for whoever may see them.
fn shown_files(app: &App, viewer: &Viewer, ground: &Ground, t: &T, files: &[File]) -> Vec<FileShown> {
    if !ground.may(app, viewer, READ_EVIDENCE) {
        return Vec::new();
    }
    let shown = |file: &File| FileShown {
        title: format!(
            "{} {}",
            kind_title(app, t.lang(), &file.entry),
            format::date_time(app.moment(file.entry.occurred))
        ),
        entry: ground.entry_href(file.entry.seq),
        href: format!("/api/market/{}/evidence/{}", ground.book, file.digest),
        picture: file.picture,
    };
    files.iter().map(shown).collect()
}

/// What the viewer may do to the lot as it stands.
fn actions(app: &App, viewer: &Viewer, ground: &Ground, t: &T, lot: &Lot) -> Vec<Link> {
    let here = ground.lot_href(&lot.lot);
    let link = |key: &str, href: String| Link { title: t.get(key), href };
    let mut all = Vec::new();
    if ground.may(app, viewer, InspectionRecorded::KIND) {
        all.push(link("safety-do-test", format!("{}?lot={}", ground.href("inspect"), lot.lot)));
    }
    if lot.hold.is_none() && ground.may(app, viewer, LotHeld::KIND) {
        all.push(link("safety-do-hold", format!("{here}/hold")));
    }
    if lot.hold.is_some() && ground.may(app, viewer, LotReleased::KIND) {
        all.push(link("safety-do-release", format!("{here}/release")));
    }
    if ground.may(app, viewer, READ) {
        all.push(link("safety-do-recall", format!("{here}/recall")));
        all.push(link("safety-do-file", format!("{here}/file")));
    }
    all
}

/// Where the lot's grams went; what was sold, and on how many slips, only where that is told.
fn tiles(ground: &Ground, t: &T, lot: &Lot, tells_sold: bool) -> Vec<FigureTile> {
    let lang = t.lang();
    let recall = format!("{}/recall", ground.lot_href(&lot.lot));
    let tile = |key: &str, grams: base::Grams| FigureTile::new(t.get(key), &format::weight(lang, grams.0));
    let part = |key: &str, grams: base::Grams| {
        let note = Some(format::percent(grams.0, lot.received_g.0));
        FigureTile { note, ..tile(key, grams) }.link(&recall)
    };
    let tiles = [
        Some(tile("safety-received", lot.received_g).link(ground.entry_href(lot.seq))),
        tells_sold.then(|| part("safety-sold", lot.sold_g)),
        Some(part("safety-moved", lot.moved_g)),
        Some(part("safety-lost", lot.lost_g)),
        Some(part("safety-left", lot.left_g())),
        tells_sold.then(|| FigureTile::new(t.get("safety-slips"), &format::integer(lot.slips)).link(&recall)),
    ];
    tiles.into_iter().flatten().collect()
}

fn facts(app: &App, ground: &Ground, t: &T, lot: &Lot, account: &Account) -> Vec<(String, Cell)> {
    let mut facts = vec![
        (t.get("safety-stall"), Cell::text(&lot.stall)),
        (t.get("safety-merchant"), Cell::text(account.merchant.as_deref().unwrap_or(&lot.merchant))),
        (t.get("safety-supplier"), Cell::text(&lot.supplier)),
        (t.get("safety-origin"), Cell::text(&lot.origin)),
        (t.get("safety-document"), Cell::text(words::document(t, lot.document.as_deref()))),
    ];
    facts.extend(lot.source.as_ref().map(|source| (t.get("safety-source"), Cell::text(source))));
    let received = format::date_time_long(t.lang(), app.moment(lot.received_at));
    facts.push((t.get("safety-received-at"), Cell::text(received).link(ground.entry_href(lot.seq))));
    facts
}

fn kind_title(app: &App, lang: Lang, entry: &Entry) -> String {
    let kind = app.kernel.catalogue().get(entry.kind.as_str());
    kind.map_or(entry.kind.as_str(), |kind| in_lang(lang, kind.title_zh, kind.title_en)).to_owned()
}

fn orders_table(app: &App, ground: &Ground, t: &T, orders: &[Entry]) -> TableView {
    let columns = vec![
        Column::text("at", t.get("time-occurred")),
        Column::text("what", t.get("safety-order")),
        Column::text("why", t.get("safety-why")),
        Column::text("actor", t.get("entry-actor")),
    ];
    let mut table = TableView::new("orders", t.get("safety-orders"), columns, tables::nothing(t));
    table.rows = orders
        .iter()
        .map(|entry| {
            let why = if let Ok(held) = entry.body::<LotHeld>() {
                let reason = words::word(t, "reason", &crate::apply::word(&held.reason));
                let more = held.note.or(held.ancestor.map(|ancestor| ancestor.lot));
                more.map_or(reason.clone(), |more| format!("{reason} · {more}"))
            } else if let Ok(released) = entry.body::<LotReleased>() {
                released.reason
            } else if let Ok(ended) = entry.body::<RecallEnded>() {
                format!(
                    "{} · {}",
                    words::word(t, "recall", &crate::apply::word(&ended.outcome)),
                    ended.reason
                )
            } else {
                String::new()
            };
            vec![
                Cell::date_time(app.moment(entry.occurred)).link(ground.entry_href(entry.seq)),
                Cell::text(kind_title(app, t.lang(), entry)),
                Cell::text(why),
                Cell::text(said::actor(t, &entry.actor)),
            ]
        })
        .collect();
    table
}

/// Backward, step by step; each with the entry that led there.
fn way_table(app: &App, ground: &Ground, t: &T, account: &Account) -> TableView {
    let columns = vec![
        Column::number("depth", t.get("safety-depth")),
        Column::text("subject", t.get("safety-from-what")),
        Column::text("how", t.get("safety-by-what")),
        Column::text("at", t.get("time-occurred")),
    ];
    let (title, cut) = (t.get("safety-way"), t.get("safety-way-cut"));
    let (caption, hint) = match account.walk.cut {
        Some(_) => (format!("{title} · {cut}"), cut),
        None => (title, t.get("safety-way-none")),
    };
    let empty = Empty { title: t.get("safety-way-empty"), hint, action: None };
    let mut table = TableView::new("way", caption, columns, empty);
    for step in account.walk.steps.iter().take(STEPS_MAX) {
        let Some(via) = &step.via else { continue };
        let entry = account.way.iter().find(|entry| entry.book == via.book && entry.seq == via.seq);
        let Some(entry) = entry else { continue };
        table.rows.push(vec![
            Cell::integer(i64::try_from(step.depth).unwrap_or(i64::MAX)),
            subject_cell(ground, &step.subject),
            Cell::text(kind_title(app, t.lang(), entry))
                .link(format!("/ledger/{}/{}", entry.book, entry.seq)),
            Cell::date_time(app.moment(entry.occurred)),
        ]);
    }
    table
}

/// A lot of this market leads to its page; anything else is shown as it is named.
fn subject_cell(ground: &Ground, subject: &SubjectId) -> Cell {
    if subject.scheme() == "lot" && subject.home() == Some(ground.book.as_str()) {
        return Cell::text(subject.local_part()).link(ground.lot_href(subject.local_part()));
    }
    Cell::text(subject.to_string())
}
