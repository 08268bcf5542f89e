//! What happened last in a market, kept up to date over server-sent events.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base::BookId;
use ledger::{Body, Entry};
use shell::extract::Path;
use shell::live::{Events, PAUSE, follow, markup};
use shell::view::{Badge, LiveItem, Mark};
use shell::viewer::{Asked, Viewer};
use shell::{App, Problem, T, format};
use store::StoreError;

use super::place::{Names, Place};
use crate::kinds::{InspectionRecorded, LotHeld, LotReceived, LotReleased, Sale, Verdict};
use crate::policy::{READ, READ_TAKINGS};

pub fn router() -> Router<App> {
    Router::new().route("/market/{book}/live", get(live))
}

const KINDS: [&str; 5] =
    [Sale::KIND, LotReceived::KIND, InspectionRecorded::KIND, LotHeld::KIND, LotReleased::KIND];
const ITEMS: usize = 15;

/// The latest events of a market. What a sale took, in money and weight, only for those who may read takings.
pub async fn items(app: &App, t: &T, book: &BookId, takings: bool) -> Result<Vec<LiveItem>, Problem> {
    let (lang, of) = (t.lang(), book.clone());
    let (entries, names) = app
        .blocking(move |kernel| {
            kernel.read(|tx| {
                let entries = kernel::entries::latest(tx, &of, &KINDS, None, ITEMS)?;
                Ok::<_, StoreError>((entries, Names::read(tx, &of, lang)?))
            })
        })
        .await?;
    Ok(entries.iter().filter_map(|entry| item(app, t, &names, entry, takings)).collect())
}

fn item(app: &App, t: &T, names: &Names, entry: &Entry, takings: bool) -> Option<LiveItem> {
    let lang = t.lang();
    let mut href = format!("/ledger/{}/{}", entry.book, entry.seq);
    let lot_href = |lot: &str| format!("/market/{}/lots/{lot}", entry.book);
    let badge = |mark, key: &str| Some(Badge { mark, text: t.get(key) });
    let (text, badge) = match entry.kind.as_str() {
        Sale::KIND => {
            let sale: Sale = entry.body().ok()?;
            let (product, weight) = (names.product(&sale.product), format::weight(lang, sale.grams.0));
            let text = match takings {
                true => format!("{} · {product} {weight} · {}", sale.stall, format::money(sale.amount_fen.0)),
                false => format!("{} · {product}", sale.stall),
            };
            (text, None)
        }
        LotReceived::KIND => {
            let lot: LotReceived = entry.body().ok()?;
            href = lot_href(&lot.lot);
            let (product, weight) = (names.product(&lot.product), format::weight(lang, lot.quantity_g.0));
            (
                format!("{} · {product} {weight} · {}", lot.stall, lot.supplier),
                badge(Mark::Plain, "office-event-received"),
            )
        }
        InspectionRecorded::KIND => {
            let test: InspectionRecorded = entry.body().ok()?;
            href = lot_href(&test.lot);
            let badge = match test.verdict {
                Verdict::Pass => badge(Mark::Done, "office-verdict-pass"),
                Verdict::Fail => badge(Mark::Red, "office-verdict-fail"),
            };
            (format!("{} · {} {}", test.lot, test.item, test.reading), badge)
        }
        LotHeld::KIND => {
            let held: LotHeld = entry.body().ok()?;
            href = lot_href(&held.lot);
            (held.lot, badge(Mark::Red, "office-event-held"))
        }
        LotReleased::KIND => {
            let released: LotReleased = entry.body().ok()?;
            href = lot_href(&released.lot);
            (released.lot, badge(Mark::Done, "office-event-released"))
        }
        _ => return None,
    };
    Some(LiveItem { time: format::time(app.moment(entry.occurred)), text, href: Some(href), badge })
}

async fn live(
    State(app): State<App>,
    viewer: Viewer,
    Asked(lang): Asked,
    Path(book): Path<String>,
) -> Result<Events, Problem> {
    let place = Place::of(&app, lang, &book)?;
    viewer.need(&app, READ, &place.resource)?;
    let takings = viewer.allows(&app, READ_TAKINGS, &place.resource);
    let (book, reader) = (place.book.clone(), app.clone());
    let concerns = move |entry: &Entry| entry.book == book && KINDS.contains(&entry.kind.as_str());
    Ok(follow((&app, &viewer), ("list", None), PAUSE, concerns, move || {
        let (app, book) = (reader.clone(), place.book.clone());
        async move {
            let t = app.texts.t(lang);
            let items = items(&app, &t, &book, takings).await.ok()?;
            markup(&items, &t.get("office-live-empty"))
        }
    }))
}
