//! The enforcement file of a lot (执法卷宗): every entry about it, each with its proof.

use std::collections::BTreeSet;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base::{BookId, Seq, SubjectId};
use kernel::{Kernel, ProofError};
use ledger::{Body, Entry};
use serde::Serialize;
use shell::api::ledger::EntryView;
use shell::extract::Path;
use shell::pages::page;
use shell::view::Frame;
use shell::viewer::{Asked, Here, Viewer};
use shell::{App, Lang, Problem, format, said};
use store::{Param, StoreError, Tx};

use super::ground::{Ground, in_lang};
use super::words;
use crate::balance::ToldLot;
use crate::kinds::{InspectionRecorded, LotHeld, LotReleased, RecallEnded, RecallOpened, Sale};
use crate::policy::{READ, READ_TAKINGS};
use crate::state::{self, Lot};

pub fn router() -> Router<App> {
    Router::new()
        .route("/market/{book}/lots/{lot}/file", get(sheet))
        .route("/market/{book}/lots/{lot}/file.json", get(document))
}

/// Entries in a file. Where there are more, what was ordered, tested and received comes first, then what the market says
/// otherwise, where the rest went among it, single sales at the end, and only then what others tell.
const ENTRIES_MAX: usize = 1_000;
const FIRST: [&str; 5] =
    [InspectionRecorded::KIND, LotHeld::KIND, LotReleased::KIND, RecallOpened::KIND, RecallEnded::KIND];

/// The entries of a file in the order of the ledger, and how many there are in all.
struct Gathered {
    lot: Lot,
    entries: Vec<Entry>,
    total: usize,
    /// Whether the lot was ever held.
    held: bool,
}

fn gather(kernel: &Kernel, book: &BookId, code: &str) -> Result<Option<Gathered>, StoreError> {
    let subject = state::subject(book, "lot", code)?;
    kernel.read(|tx| {
        let Some(lot) = state::lot(tx, book, code)? else { return Ok(None) };
        let total = count(tx, book, &subject)?;
        let words =
            |kinds: &[&str]| kinds.iter().map(|kind| format!("'{kind}'")).collect::<Vec<_>>().join(", ");
        let (first, others, sale) = (words(&FIRST), words(&kernel.lines().hearsay()), Sale::KIND);
        let mut seqs = BTreeSet::new();
        for which in [
            format!("(l.role = 'output' or l.role = 'about' and e.kind in ({first}))"),
            // Of a sale the link names the slip, so that its entry need not be looked at.
            format!("coalesce(l.mates, '') not like '_slip:%' and e.kind not in ('{sale}', {others})"),
            format!("l.role = 'input' and e.kind = '{sale}'"),
            format!("e.kind in ({others})"),
        ] {
            let left = ENTRIES_MAX.saturating_sub(seqs.len());
            let more = if left == 0 { Vec::new() } else { numbers(tx, book, &subject, &which)? };
            let more: Vec<Seq> = more.into_iter().filter(|seq| !seqs.contains(seq)).take(left).collect();
            seqs.extend(more);
        }
        let seqs: Vec<Seq> = seqs.into_iter().collect();
        let held = !state::holds(tx, book, &[code], 1)?.is_empty();
        Ok(Some(Gathered { entries: kernel::entries::entries(tx, book, &seqs)?, lot, total, held }))
    })
}

fn numbers(tx: &mut dyn Tx, book: &BookId, subject: &SubjectId, which: &str) -> Result<Vec<Seq>, StoreError> {
    // As many as there may be in all: some of them may be known.
    let sql = format!(
        "select distinct l.seq from link as l cross join entry as e where l.book = $1 and l.subject = $2
         and e.book = $1 and e.seq = l.seq and {which} order by l.seq limit {ENTRIES_MAX}"
    );
    let rows = tx.query(&sql, &[Param::Text(book.as_str()), Param::Text(subject.as_str())])?;
    rows.iter().map(|row| row.int(0).map(Seq::from_i64)).collect()
}

fn count(tx: &mut dyn Tx, book: &BookId, subject: &SubjectId) -> Result<usize, StoreError> {
    const COUNT: &str = "select count(distinct seq) from link where book = $1 and subject = $2";
    let row = tx.query_one(COUNT, &[Param::Text(book.as_str()), Param::Text(subject.as_str())])?;
    Ok(row.map_or(Ok(0), |row| row.int(0))?.try_into().unwrap_or(0))
}

#[derive(Template)]
#[template(path = "safety/file.html")]
struct FilePage {
    frame: Frame,
    facts: Vec<(String, String)>,
    shown: String,
    cut: bool,
    entries: Vec<Sheet>,
    checkpoint: String,
    key: String,
    json: String,
}

/// An entry as the printed file shows it.
struct Sheet {
    seq: String,
    href: String,
    title: String,
    occurred: String,
    recorded: String,
    actor: String,
    body: Vec<(String, String)>,
    leaf: String,
}

/// A file that the viewer may have, with the action that the viewer lacks to read what sales took. A fine follows from the
/// value of the goods, so the file of a lot that was held shows it to whoever may have the file. The read is logged.
async fn gathered(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    book: &str,
    code: &str,
) -> Result<(Ground, Gathered, Option<&'static str>), Problem> {
    let ground = Ground::of(app, lang, book)?;
    viewer.need(app, READ, &ground.resource)?;
    let (home, lot) = (ground.book.clone(), code.to_owned());
    let found =
        app.blocking(move |kernel| gather(kernel, &home, &lot)).await?.ok_or_else(Problem::not_found)?;
    viewer.note_read_of(app, &ground.resource.unit, &format!("file of lot {}/{code}", ground.book)).await?;
    let lacking = (!found.held && !ground.may(app, viewer, READ_TAKINGS)).then_some(READ_TAKINGS);
    Ok((ground, found, lacking))
}

async fn sheet(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    Path((book, code)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (ground, found, lacking) = gathered(&app, &viewer, lang, &book, &code).await?;
    let (home, last) = (ground.book.clone(), found.entries.last().map_or(Seq(0), |entry| entry.seq));
    let checkpoint = app.blocking(move |kernel| kernel.checkpoint_with(&home, last)).await?;
    let t = app.texts.t(lang);
    let frame = ground.frame(&app, &viewer, lang, t.with("safety-file-of", &[("lot", code.as_str())]), &here);
    let lot = &found.lot;
    let number = |n: usize| format::integer(i64::try_from(n).unwrap_or(i64::MAX));
    page(&FilePage {
        facts: vec![
            (t.get("safety-lot"), lot.lot.clone()),
            (t.get("safety-stall"), lot.stall.clone()),
            (t.get("safety-supplier"), lot.supplier.clone()),
            (t.get("safety-origin"), lot.origin.clone()),
            (t.get("safety-document"), words::document(&t, lot.document.as_deref())),
            (t.get("safety-received"), format::weight(lang, lot.received_g.0)),
            (t.get("safety-standing"), words::standing(&t, lot).text),
            (t.get("safety-file-made"), format::date_time_long(lang, app.moment(app.kernel.now()))),
            (
                t.get("safety-file-by"),
                viewer.session().map_or_else(|| viewer.id().to_string(), |it| it.title.clone()),
            ),
        ],
        shown: t.with(
            "safety-file-shown",
            &[("shown", number(found.entries.len())), ("all", number(found.total))],
        ),
        cut: found.entries.len() < found.total,
        entries: sheets(&app, lang, &ground, found.entries, lacking).await?,
        checkpoint,
        key: app.kernel.verifier().to_string(),
        json: format!("{}/file.json", ground.lot_href(&lot.lot)),
        frame,
    })
}

/// What the viewer lacks to read the body of this entry.
fn withheld(kernel: &Kernel, entry: &Entry, lacking: Option<&'static str>) -> Option<&'static str> {
    lacking.filter(|action| kernel.lines().body_needs(entry.kind.as_str()) == Some(*action))
}

/// The entries with their bodies in words.
async fn sheets(
    app: &App,
    lang: Lang,
    ground: &Ground,
    entries: Vec<Entry>,
    lacking: Option<&'static str>,
) -> Result<Vec<Sheet>, Problem> {
    let (of, t, home) = (app.clone(), app.texts.t(lang), ground.book.clone());
    let read = move |kernel: &std::sync::Arc<Kernel>| {
        kernel.read(|tx| {
            let mut said = Vec::new();
            for entry in entries {
                let body = match withheld(kernel, &entry, lacking) {
                    Some(_) => vec![(t.get("entry-body"), t.get("safety-file-withheld"))],
                    None => said::body(&of, tx, &t, &home, entry.kind.as_str(), entry.body.as_deref())?,
                };
                said.push((entry, body));
            }
            Ok::<_, StoreError>(said)
        })
    };
    let said = app.blocking(read).await?;
    Ok(said.into_iter().map(|(entry, body)| set(app, lang, ground, &entry, body)).collect())
}

fn set(app: &App, lang: Lang, ground: &Ground, entry: &Entry, body: Vec<(String, String)>) -> Sheet {
    let kind = app.kernel.catalogue().get(entry.kind.as_str());
    Sheet {
        seq: entry.seq.to_string(),
        href: ground.entry_href(entry.seq),
        title: kind
            .map_or(entry.kind.as_str(), |kind| in_lang(lang, kind.title_zh, kind.title_en))
            .to_owned(),
        occurred: format::date_time_long(lang, app.moment(entry.occurred)),
        recorded: format::date_time_long(lang, app.moment(entry.recorded)),
        actor: said::actor(&app.texts.t(lang), &entry.actor),
        body,
        leaf: entry.leaf().to_string(),
    }
}

/// The file as a document: each entry with a proof that anyone can check offline with the public key.
#[derive(Serialize)]
struct FileDocument {
    book: BookId,
    lot: ToldLot,
    made: base::Time,
    key: String,
    entries_total: usize,
    entries: Vec<ProvedEntry>,
}

#[derive(Serialize)]
struct ProvedEntry {
    #[serde(flatten)]
    entry: EntryView,
    /// The canonical head, whose hash is the leaf; left out where the head is shown without a slip's code, for with that
    /// left out it would hash to another leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaf_text: Option<String>,
    /// A C2SP tlog-proof file.
    proof: String,
}

async fn document(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Path((book, code)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (ground, found, lacking) = gathered(&app, &viewer, lang, &book, &code).await?;
    let home = ground.book.clone();
    let entries = app
        .blocking(move |kernel| {
            let prove = |entry: Entry| {
                let proof = kernel.prove(&home, entry.seq)?.proof.to_string();
                let view = EntryView::withholding(&entry, withheld(kernel, &entry, lacking));
                let view = view.masking(kernel.lines(), &entry, lacking);
                let leaf_text = view.masked.is_none().then(|| entry.head());
                Ok::<_, ProofError>(ProvedEntry { leaf_text, entry: view, proof })
            };
            found.entries.into_iter().map(prove).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let document = FileDocument {
        book: ground.book,
        made: app.kernel.now(),
        key: app.kernel.verifier().to_string(),
        entries_total: found.total,
        entries,
        lot: ToldLot::of(found.lot, lacking.is_none()),
    };
    let name = format!("attachment; filename=\"{book}-{code}.json\"");
    Ok(([(header::CONTENT_DISPOSITION, name)], axum::Json(document)).into_response())
}
