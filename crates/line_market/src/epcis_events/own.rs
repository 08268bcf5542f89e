//! Our own entries as EPCIS events.

use base::{BookId, CityZone, Grams, Seq};
use epcis::{digital_link, urn};
use ledger::{Body, Entry, Role};
use serde_json::{Map, Value, json};
use store::{StoreError, Tx};

use super::Found;
use crate::kinds::{InspectionRecorded, LotReceived, LotTransferred, Sale, Verdict};
use crate::state::{self, Market};

/// The entry that an event ID names, if it has the form of ours: `entry:book/seq`.
pub fn own_id(event_id: &str) -> Option<(BookId, Seq)> {
    let (book, seq) = event_id.strip_prefix("entry:")?.split_once('/')?;
    let seq: i64 = seq.parse().ok().filter(|seq| *seq >= 0)?;
    Some((BookId::new(book).ok()?, Seq::from_i64(seq)))
}

/// The event that an entry of ours stands for; `None` if there is none.
pub fn own(tx: &mut dyn Tx, book: &BookId, seq: Seq, zone: &CityZone) -> Result<Option<Found>, StoreError> {
    let Some(entry) = kernel::entries::entry(tx, book, seq)? else { return Ok(None) };
    let Some(market) = state::market(tx, book)? else { return Ok(None) };
    let event = as_event(&entry, &market, zone).and_then(members);
    Ok(event.map(|event| Found { book: book.clone(), seq, event, context: Value::Null }))
}

/// What an entry says, as an event of EPCIS 2.0; `None` for kinds that are no events of goods, and erased bodies.
///
/// Lots are classes under their subject (`lot:book/code`), so that links and traces meet them; what was sold is the
/// instance whose Digital Link stands on the slip. Weights are in kilograms.
pub fn as_event(entry: &Entry, market: &Market, zone: &CityZone) -> Option<Value> {
    let mut event = match entry.kind.as_str() {
        LotReceived::KIND => received(entry)?,
        Sale::KIND => sold(entry, market)?,
        LotTransferred::KIND => transferred(entry)?,
        InspectionRecorded::KIND => inspected(entry)?,
        _ => return None,
    };
    event.insert("eventID".into(), format!("entry:{}/{}", entry.book, entry.seq).into());
    event.insert("eventTime".into(), entry.occurred.to_string().into());
    event.insert("eventTimeZoneOffset".into(), offset(zone.offset_ms(entry.occurred)).into());
    event.insert("recordTime".into(), entry.recorded.to_string().into());
    if let Some(place) = &entry.place {
        event.insert("readPoint".into(), json!({ "id": place.as_str() }));
        event.insert("bizLocation".into(), json!({ "id": place.as_str() }));
    }
    Some(Value::Object(event))
}

fn received(entry: &Entry) -> Option<Map<String, Value>> {
    let body: LotReceived = entry.body().ok()?;
    let lot = quantity(entry.subject(Role::Output)?.as_str(), body.quantity_g);
    let Some(source) = &body.source else {
        return members(json!({
            "type": "ObjectEvent", "action": "ADD", "bizStep": "receiving", "disposition": "sellable_accessible",
            "quantityList": [lot],
        }));
    };
    let mut event = members(json!({
        "type": "TransformationEvent", "bizStep": "receiving", "disposition": "sellable_accessible",
        "outputQuantityList": [lot],
    }))?;
    if is_class(source.as_str()) {
        event.insert("inputQuantityList".into(), json!([quantity(source.as_str(), body.quantity_g)]));
    } else {
        event.insert("inputEPCList".into(), json!([source.as_str()]));
    }
    Some(event)
}

fn sold(entry: &Entry, market: &Market) -> Option<Map<String, Value>> {
    let body: Sale = entry.body().ok()?;
    let slip = entry.subject(Role::Output)?.local_part();
    let slip = format!("{}/01/{}/21/{slip}", digital_link::CANONICAL_BASE, market.slip_gtin);
    members(json!({
        "type": "TransformationEvent", "bizStep": "retail_selling", "disposition": "retail_sold",
        "inputQuantityList": [quantity(entry.subject(Role::Input)?.as_str(), body.grams)],
        "outputEPCList": [slip],
    }))
}

fn transferred(entry: &Entry) -> Option<Map<String, Value>> {
    let body: LotTransferred = entry.body().ok()?;
    members(json!({
        "type": "TransformationEvent", "bizStep": "creating_class_instance", "disposition": "sellable_accessible",
        "inputQuantityList": [quantity(entry.subject(Role::Input)?.as_str(), body.quantity_g)],
        "outputQuantityList": [quantity(entry.subject(Role::Output)?.as_str(), body.quantity_g)],
    }))
}

fn inspected(entry: &Entry) -> Option<Map<String, Value>> {
    let body: InspectionRecorded = entry.body().ok()?;
    let disposition = match body.verdict {
        Verdict::Pass => "conformant",
        Verdict::Fail => "non_conformant",
    };
    members(json!({
        "type": "ObjectEvent", "action": "OBSERVE", "bizStep": "inspecting", "disposition": disposition,
        "quantityList": [{ "epcClass": entry.subject(Role::About)?.as_str() }],
    }))
}

fn members(event: Value) -> Option<Map<String, Value>> {
    match event {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn quantity(class: &str, grams: Grams) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "a weight is below 2^53 grams")]
    let kilograms = grams.0 as f64 / 1000.0;
    json!({ "epcClass": class, "quantity": kilograms, "uom": "KGM" })
}

/// Whether an identifier names a class of goods, such as a supplier's lot, and no single thing.
fn is_class(id: &str) -> bool {
    match digital_link::DigitalLink::parse(&urn::canonical(id)) {
        Ok(link) => {
            matches!(link.key.ai.code, "01" | "8006")
                && link.value("21").is_none()
                && link.value("235").is_none()
        }
        Err(_) => id.starts_with("urn:epc:class:") || id.starts_with("urn:epc:idpat:"),
    }
}

/// `+08:00`
fn offset(ms: i64) -> String {
    let (sign, minutes) = (if ms < 0 { '-' } else { '+' }, ms.abs() / 60_000);
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
