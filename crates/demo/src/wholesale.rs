//! Prints the EPCIS document of a farm and a wholesale market, whose last lots are the sources of lots at Beiyuan.

use serde_json::{Value, json};

/// A company prefix under 952, which GS1 keeps for demonstrations.
const PREFIX: &str = "9521371";
/// What is grown: product, item reference, plot.
const CROPS: [(&str, &str, &str); 3] =
    [("chives", "00101", "P7"), ("celery", "00102", "P8"), ("tomato", "00103", "G2")];
/// Wholesale lots that a crop is parted into.
const PARTS: usize = 3;
const TONNE_KG: i64 = 1_000;

/// The day on which the sources arrive at Beiyuan.
pub(crate) const ARRIVAL: &str = "2021-12-18";

/// The wholesale lots of a product as GS1 Digital Links.
pub(crate) fn sources(product: &str) -> Vec<String> {
    let crop = CROPS.iter().find(|crop| crop.0 == product);
    crop.map_or_else(Vec::new, |crop| {
        (1..=PARTS).map(|part| link(crop.1, &wholesale_lot(crop.2, part))).collect()
    })
}

fn wholesale_lot(plot: &str, part: usize) -> String {
    format!("W211218{plot}{part}")
}

fn link(item: &str, lot: &str) -> String {
    let digits = format!("0{PREFIX}{item}");
    let check = epcis::digital_link::check_digit(&digits).unwrap_or('0');
    format!("https://id.gs1.org/01/{digits}{check}/10/{lot}")
}

/// The same class of goods as a URN.
fn urn(item: &str, lot: &str) -> String {
    format!("urn:epc:class:lgtin:{PREFIX}.0{item}.{lot}")
}

fn place(location: &str) -> Value {
    json!({ "id": format!("urn:epc:id:sgln:{PREFIX}.{location}") })
}

fn kilograms(class: &str, kg: i64) -> Value {
    json!({ "epcClass": class, "quantity": kg, "uom": "KGM" })
}

fn event(kind: &str, time: &str, step: &str, read_point: &str, location: &str) -> Value {
    json!({
        "type": kind, "eventTime": format!("{time}+08:00"), "eventTimeZoneOffset": "+08:00",
        "bizStep": step, "readPoint": place(read_point), "bizLocation": place(location),
    })
}

/// Planting, harvest, shipping, receiving, parting, shipping.
fn crop_events((product, item, plot): (&str, &str, &str)) -> Vec<Value> {
    const FARM: &str = "00001.0";
    const FIELD: &str = "00001.7";
    const WHOLESALE: &str = "00002.0";
    const DOCK: &str = "00002.3";
    const BEIYUAN: &str = "00003.0";
    let (field, harvest) = (format!("F2021{plot}"), format!("H211217{plot}"));
    let mut planted = event("ObjectEvent", "2021-09-20T08:00:00", "commissioning", FIELD, FARM);
    planted["action"] = "ADD".into();
    planted["disposition"] = "active".into();
    planted["quantityList"] = json!([kilograms(&urn(item, &field), TONNE_KG)]);
    planted["ilmd"] = json!({ "demo:crop": product, "demo:plot": plot, "demo:town": "山东德州平原" });

    let mut cut = event(
        "TransformationEvent",
        "2021-12-17T09:30:00",
        "https://ns.example/taizhang/voc/harvesting",
        FIELD,
        FARM,
    );
    cut["inputQuantityList"] = json!([kilograms(&urn(item, &field), TONNE_KG)]);
    cut["outputQuantityList"] = json!([kilograms(&urn(item, &harvest), TONNE_KG)]);

    let mut sent = event("ObjectEvent", "2021-12-17T15:00:00", "shipping", FARM, FARM);
    sent["action"] = "OBSERVE".into();
    sent["disposition"] = "in_transit".into();
    sent["quantityList"] = json!([kilograms(&link(item, &harvest), TONNE_KG)]);
    sent["destinationList"] = json!([{ "type": "location", "destination": place(WHOLESALE)["id"] }]);

    let mut arrived = event("ObjectEvent", "2021-12-17T22:40:00", "receiving", DOCK, WHOLESALE);
    arrived["action"] = "OBSERVE".into();
    arrived["disposition"] = "in_progress".into();
    arrived["quantityList"] = sent["quantityList"].clone();

    let lots: Vec<Value> =
        (1..=PARTS).map(|part| kilograms(&link(item, &wholesale_lot(plot, part)), TONNE_KG / 4)).collect();
    let mut parted = event("TransformationEvent", "2021-12-18T01:10:00", "repackaging", WHOLESALE, WHOLESALE);
    parted["inputQuantityList"] = json!([kilograms(&link(item, &harvest), TONNE_KG / 4 * 3)]);
    parted["outputQuantityList"] = json!(lots);

    let mut sold = event("ObjectEvent", "2021-12-18T03:20:00", "shipping", DOCK, WHOLESALE);
    sold["action"] = "OBSERVE".into();
    sold["disposition"] = "in_transit".into();
    sold["quantityList"] = json!(lots);
    sold["destinationList"] = json!([{ "type": "location", "destination": place(BEIYUAN)["id"] }]);
    vec![planted, cut, sent, arrived, parted, sold]
}

/// The document's text.
pub fn print() -> String {
    let events: Vec<Value> = CROPS.into_iter().flat_map(crop_events).collect();
    let document = json!({
        "@context": [
            "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
            { "demo": "https://ns.example/taizhang/" },
        ],
        "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2021-12-18T03:30:00+08:00",
        "epcisBody": { "eventList": events },
    });
    let mut text = serde_json::to_string_pretty(&document).expect("a document has text keys");
    text.push('\n');
    text
}
