//! What a shopper sees behind the code on a till slip. Nothing here tells what a stall takes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base::limits::{PUBLIC_TRACE_MS_MAX, PUBLIC_TRACE_SUBJECTS_MAX, PUBLIC_TRACES_MAX, TRACE_DEPTH_MAX};
use base::{BookId, Seq, SubjectId};
use kernel::{Along, Kernel, ProofError};
use ledger::{Body, Entry, Role};
use shell::extract::Path;
use shell::pages::page;
use shell::typed::Typed;
use shell::view::{Badge, Field, FieldKind, Frame, Sheet};
use shell::viewer::{Asked, Here, Public, Viewer};
use shell::{App, Both, Lang, Problem, format};
use store::{StoreError, Tx};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use trace::{Bounds, Direction, Fan, Walk};

use super::ground::in_lang;
use super::words;
use crate::kinds::{EpcisCaptured, Sale, SlipSerial};
use crate::state::{self, Hold, Inspection, Lot, Market, Names, RecallRow};

pub fn router() -> Router<App> {
    Router::new().route("/01/{gtin}/21/{serial}", get(slip)).route("/01/{gtin}/21/{serial}/qr.svg", get(code))
}

/// Steps of the way that a page shows.
const STEPS_MAX: usize = 12;
const TESTS_MAX: usize = 10;
/// Holds of the goods that a page tells of, and how many are read for them.
const HOLDS_SHOWN: usize = 3;
const HOLDS_READ: usize = 20;

/// Anybody may ask for the page, and anybody who sends events may put much behind a lot: so a walk for it is short, and only
/// few go at a time, whoever asks.
const FAN: Fan = Fan { entries: 3, mates: STEPS_MAX };
const WALK: Bounds = Bounds { depth: TRACE_DEPTH_MAX, subjects: PUBLIC_TRACE_SUBJECTS_MAX, fan: FAN };
const WALK_TIME_MAX: Duration = Duration::from_millis(PUBLIC_TRACE_MS_MAX);
static WALKS: Semaphore = Semaphore::const_new(PUBLIC_TRACES_MAX);
/// How long a page waits for its turn.
const WALK_WAIT_MAX: Duration = Duration::from_secs(2);

/// A sale found by its slip, and the market that made it.
pub struct Found {
    pub market: Market,
    pub serial: SlipSerial,
    pub entry: Entry,
    pub sale: Sale,
}

/// The sale behind a code; a code that nobody printed is a page that says so.
pub async fn find(app: &App, gtin: &str, serial: &str) -> Result<Found, Problem> {
    let serial = SlipSerial::parse(serial).ok_or_else(unknown)?;
    let gtin = gtin.to_owned();
    let found = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let Some(market) = state::market_of_gtin(tx, &gtin)? else { return Ok(None) };
                let sold = state::sale_of_slip(tx, &market.book, serial)?;
                Ok::<_, StoreError>(sold.map(|sold| (market, sold)))
            })
        })
        .await?;
    let (market, (entry, sale)) = found.ok_or_else(unknown)?;
    Ok(Found { market, serial, entry, sale })
}

fn unknown() -> Problem {
    let mut problem = Problem::not_found();
    problem.title = Both::new("未查到该小票", "This slip is not known");
    problem.detail = Both::new(
        "没有与该追溯码对应的交易记录。请核对小票上的二维码；如确为市场打印的小票，请向市场服务台反映。",
        "No sale is recorded under this code. Scan the slip again; if a stall of the market gave it to you, tell the \
         market's office.",
    );
    problem
}

/// What is known of the goods.
struct Account {
    lot: Lot,
    /// What the goods were called when they were sold.
    product: Option<Names>,
    /// Entries that led to the slip, the latest first, without the sale itself: those of the house, and as many of what
    /// others tell as there is room for.
    way: Vec<Entry>,
    /// Whether more led to it than a page follows.
    cut: bool,
    tests: Vec<Inspection>,
    /// Whether a lot that the goods came out of must not be sold now.
    held: bool,
    /// Holds that have ended, of the lots that the goods came out of, the latest first.
    past: Vec<Hold>,
    /// The latest recall whose notice stands.
    recall: Option<RecallRow>,
}

fn account(
    kernel: &Kernel,
    book: &BookId,
    slip: &SubjectId,
    (seq, sale): (Seq, &Sale),
) -> Result<Option<Account>, StoreError> {
    let walk = kernel.walk_within(slip, Direction::Backward, WALK, WALK_TIME_MAX, Along::Homes(book))?;
    let hearsay = kernel.lines().hearsay();
    kernel.read(|tx| {
        let Some(lot) = state::lot(tx, book, &sale.lot)? else { return Ok(None) };
        // Holds follow descent, and nothing that others tell: neither adds to it, nor hides it behind the end of a walk.
        let mut codes = state::ancestors(tx, book, &lot.lot)?;
        codes.insert(0, lot.lot.clone());
        let (mut way, mut told) = steps(tx, &walk, &hearsay)?;
        // The entry that received the first lot has no link behind it unless its supplier named the goods.
        if !way.iter().any(|entry| entry.book == *book && entry.seq == lot.seq) {
            way.extend(kernel::entries::entry(tx, book, lot.seq)?);
        }
        let mut ancestors = state::lots(tx, book, &codes)?;
        let held = ancestors.iter().any(|ancestor| ancestor.hold.is_some());
        // The first that came, and the nearest.
        ancestors.sort_by_key(|ancestor| std::cmp::Reverse(ancestor.seq));
        let first = ancestors.last().map(|ancestor| ancestor.seq);
        let nearest = ancestors.iter().take(STEPS_MAX).map(|ancestor| ancestor.seq);
        for seq in nearest.chain(first) {
            if !way.iter().any(|entry| entry.book == *book && entry.seq == seq) {
                way.extend(kernel::entries::entry(tx, book, seq)?);
            }
        }
        let tests = state::inspections_of(tx, book, &codes, TESTS_MAX)?;
        told.retain(|entry| !way.iter().any(|own| own.book == entry.book && own.seq == entry.seq));
        let latest = |entry: &Entry| std::cmp::Reverse((entry.occurred, entry.seq));
        way.sort_by_key(latest);
        let cut = walk.cut.is_some() || ancestors.len() > STEPS_MAX || way.len() + told.len() > STEPS_MAX;
        way.extend(told);
        way.truncate(STEPS_MAX);
        way.sort_by_key(latest);
        let product = state::product_name(tx, book, &sale.product, seq)?;
        let recall = state::recall_that_stands(tx, book, &codes)?;
        let mut past = state::holds(tx, book, &codes, HOLDS_READ)?;
        past.retain(|hold| hold.released_at.is_some());
        // Lots that were held and released by one act are told of once.
        past.dedup_by_key(|hold| (hold.at, hold.released_at));
        past.truncate(HOLDS_SHOWN);
        Ok(Some(Account { lot, product, way, cut, tests, held, past, recall }))
    })
}

/// The entries of a walk without sales: those that the house's own lead to, and those that others tell or that are reached by
/// what they tell, the nearest first and of these the first recorded.
fn steps(tx: &mut dyn Tx, walk: &Walk, hearsay: &[&str]) -> Result<(Vec<Entry>, Vec<Entry>), StoreError> {
    let mut by_book: BTreeMap<&BookId, Vec<Seq>> = BTreeMap::new();
    for via in walk.steps.iter().filter_map(|step| step.via.as_ref()) {
        by_book.entry(&via.book).or_default().push(via.seq);
    }
    let mut found = HashMap::new();
    for (book, mut seqs) in by_book {
        seqs.sort_unstable();
        seqs.dedup();
        let entries = kernel::entries::entries(tx, book, &seqs)?;
        found.extend(entries.into_iter().map(|entry| ((book, entry.seq), entry)));
    }
    let heard = found.iter().filter(|(_, entry)| hearsay.contains(&entry.kind.as_str()));
    let heard: HashSet<(&BookId, Seq)> = heard.map(|(at, _)| *at).collect();
    let (mut own, mut told, mut by_hearsay) = (Vec::new(), Vec::new(), HashSet::new());
    for step in &walk.steps {
        let Some(via) = &step.via else { continue };
        let at = (&via.book, via.seq);
        let is_told = by_hearsay.contains(&via.from) || heard.contains(&at);
        if is_told {
            by_hearsay.insert(&step.subject);
        }
        let of = if is_told { &mut told } else { &mut own };
        of.extend(found.remove(&at).filter(|entry| entry.kind.as_str() != Sale::KIND));
    }
    Ok((own, told))
}

/// What a hold was, now that it has ended.
fn told(app: &App, t: &shell::T, hold: &Hold) -> String {
    let moment = |at| format::date_time_long(t.lang(), app.moment(at));
    // A release from an order may rest on a test from before it, which repeats nothing.
    let is_retested = hold.retest.is_some_and(|test| test > hold.hold);
    let key = if is_retested { "safety-slip-was-held-retested" } else { "safety-slip-was-held" };
    let until = hold.released_at.map(moment).unwrap_or_default();
    t.with(key, &[("from", moment(hold.at)), ("to", until)])
}

/// The proof of the sale, checked as anybody would who has only its text and the public key.
struct Proof {
    seq: String,
    size: String,
    origin: String,
    root: String,
    head: String,
    text: String,
    key: String,
    checkpoint: String,
}

fn proof(kernel: &Kernel, entry: &Entry) -> Result<Proof, ProofError> {
    let proved = kernel.prove(&entry.book, entry.seq)?;
    let checkpoint = proved.proof.verify(entry.leaf(), std::slice::from_ref(kernel.verifier()))?;
    if proved.proof.index() != entry.seq.0 || checkpoint.origin() != kernel.origin(&entry.book) {
        return Err(ProofError::NoEntry { book: entry.book.clone(), seq: entry.seq });
    }
    Ok(Proof {
        seq: format::integer(i128::from(entry.seq.0)),
        size: format::integer(i128::from(checkpoint.size())),
        origin: checkpoint.origin().to_owned(),
        root: checkpoint.root().to_string(),
        head: entry.head(),
        text: proved.proof.to_string(),
        key: kernel.verifier().to_string(),
        checkpoint: format!("/log/{}/checkpoint", entry.book),
    })
}

#[derive(Template)]
#[template(path = "safety/slip.html")]
struct SlipPage {
    frame: Frame,
    warning: Option<Warning>,
    /// Holds that have ended: told, and no alarm.
    past: Vec<String>,
    facts: Vec<(String, String)>,
    goods: Vec<(String, String)>,
    tests: Vec<(String, Badge)>,
    way: Vec<(String, String)>,
    cut: bool,
    proof: Proof,
    path: String,
    complaint: Vec<Field>,
    error: Option<String>,
}

struct Warning {
    title: String,
    text: String,
}

async fn slip(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Here(here): Here,
    _: Public,
    Path((gtin, serial)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let found = find(&app, &gtin, &serial).await?;
    show(&app, &viewer, lang, &here, found, &Typed::default()).await
}

/// The page of a slip, with a complaint as far as it was typed.
pub async fn show(
    app: &App,
    viewer: &Viewer,
    lang: Lang,
    here: &str,
    found: Found,
    typed: &Typed,
) -> Result<Response, Problem> {
    let t = app.texts.t(lang);
    let Found { market, serial, entry, sale } = found;
    let (book, subject, asked) =
        (market.book.clone(), serial.subject(&market.book), (entry.seq, sale.clone()));
    let turn = timeout(WALK_WAIT_MAX, WALKS.acquire()).await.map_err(|_| Problem::unavailable(2))?;
    let turn = turn.expect("nobody closes it");
    // The turn lasts as long as the walk, whether or not anybody still waits for the page.
    let account = app.blocking(move |kernel| {
        let account = account(kernel, &book, &subject, (asked.0, &asked.1));
        drop(turn);
        account
    });
    let account = account.await?.ok_or_else(unknown)?;
    let sold = entry.clone();
    let proof = app.blocking(move |kernel| proof(kernel, &sold)).await?;
    let product = account.product.as_ref().map_or(sale.product.as_str(), |it| in_lang(lang, &it.zh, &it.en));
    let mut frame =
        viewer.frame(app, lang, format!("{product} {}", format::weight(lang, sale.grams.0)), here);
    frame.sheet = Sheet::Public;
    frame.nav.clear();
    let lot = &account.lot;
    let facts = vec![
        (t.get("safety-market"), in_lang(lang, &market.title_zh, &market.title_en).to_owned()),
        (t.get("safety-stall"), sale.stall.clone()),
        (t.get("safety-sold-at"), format::date_time_long(lang, app.moment(entry.occurred))),
        (t.get("safety-weight"), format::weight(lang, sale.grams.0)),
        (t.get("safety-price"), t.with("safety-per-kg", &[("price", format::money(sale.fen_per_kg.0))])),
        (t.get("safety-amount"), format::money(sale.amount_fen.0)),
        (t.get("safety-slip"), serial.print()),
    ];
    let goods = vec![
        (t.get("safety-origin"), lot.origin.clone()),
        (t.get("safety-supplier"), lot.supplier.clone()),
        (t.get("safety-document"), words::document(&t, lot.document.as_deref())),
        (t.get("safety-lot"), lot.lot.clone()),
    ];
    let tests = account
        .tests
        .iter()
        .map(|test| {
            let item = words::word(&t, "item", &test.item);
            (
                format!("{} · {item}", format::date_time(app.moment(test.at))),
                words::verdict(&t, &test.verdict),
            )
        })
        .collect();
    let way = account
        .way
        .iter()
        .map(|entry| (format::date_time(app.moment(entry.occurred)), step(app, lang, entry)))
        .collect();
    let recalled = account.recall.as_ref().map(|recall| Warning {
        title: t.get("safety-slip-recalled"),
        text: in_lang(lang, &recall.notice_zh, &recall.notice_en).to_owned(),
    });
    let held = || Warning { title: t.get("safety-slip-held"), text: t.get("safety-slip-held-advice") };
    let warning = recalled.or_else(|| account.held.then(held));
    let past = account.past.iter().map(|hold| told(app, &t, hold)).collect();
    page(&SlipPage {
        frame,
        warning,
        past,
        facts,
        goods,
        tests,
        way,
        cut: account.cut,
        proof,
        path: address_of(&market, serial),
        complaint: complaint_fields(&t, typed),
        error: typed.whole.clone(),
    })
}

/// The path of a slip's page, which its QR code carries.
pub fn address_of(market: &Market, serial: SlipSerial) -> String {
    format!("/01/{}/21/{}", market.slip_gtin, serial.print())
}

/// A step of the way, in a line: what happened, and where.
fn step(app: &App, lang: Lang, entry: &Entry) -> String {
    let t = app.texts.t(lang);
    let kind = app.kernel.catalogue().get(entry.kind.as_str());
    let mut text =
        kind.map_or(entry.kind.as_str(), |kind| in_lang(lang, kind.title_zh, kind.title_en)).to_owned();
    if entry.kind.as_str() == EpcisCaptured::KIND {
        let captured = entry.body::<EpcisCaptured>().ok();
        let step = captured.as_ref().and_then(|it| it.event.get("bizStep")?.as_str());
        let step = step.and_then(|step| step.rsplit(['/', ':', '-']).next());
        // Whoever sends events writes no words of its own on a page that anybody reads.
        text = step.and_then(|step| words::known(&t, "step", step)).unwrap_or(text);
        let sender = captured.and_then(|it| it.sender);
        let who = sender.as_ref().map(|sender| sender.as_str().split_once(':').map_or("", |(_, name)| name));
        // Two programs that act on nobody's behalf are told apart all the same; whoever signs in is told by no name.
        let own = || entry.actor.as_str().strip_prefix("token:").unwrap_or_default();
        let who = who.map_or_else(
            || format!("{} {}", t.get("safety-outside"), own().chars().take(4).collect::<String>()),
            str::to_owned,
        );
        text = t.with("safety-reported", &[("what", text), ("who", who)]);
    } else if entry.subject(Role::Output).is_some() && entry.place.is_some() {
        let place = entry.place.as_ref().map(SubjectId::local_part).unwrap_or_default();
        text = t.with("safety-at-stall", &[("what", text.as_str()), ("stall", place)]);
    }
    text
}

fn complaint_fields(t: &shell::T, typed: &Typed) -> Vec<Field> {
    let mut weight = Field::new("fair_scale_g", t.get("safety-complaint-weight"), FieldKind::Number)
        .hint(t.get("safety-complaint-weight-hint"));
    weight.unit = Some(t.get("office-unit-kg"));
    let text = Field::new(
        "text",
        t.get("safety-complaint-text"),
        FieldKind::Area { chars_max: super::complaint::TEXT_CHARS_MAX },
    );
    let contact =
        Field::new("contact", t.get("safety-complaint-contact"), FieldKind::Text { chars_max: 100 })
            .hint(t.get("safety-complaint-contact-hint"));
    vec![typed.field(text.required()), typed.field(weight), typed.field(contact)]
}

/// The QR code of a slip: its Digital Link on this site.
async fn code(
    State(app): State<App>,
    Asked(lang): Asked,
    _: Public,
    Path((gtin, serial)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let found = find(&app, &gtin, &serial).await?;
    let url = format!("{}{}", app.site.base_url, address_of(&found.market, found.serial));
    let svg = shell::qr::svg(&url, &app.texts.t(lang).get("safety-slip")).map_err(|error| {
        tracing::error!(%error, "a slip's code cannot be drawn");
        Problem::internal()
    })?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}
