use base::{Fen, Grams};
use epcis::{Context, Event, Limits, Role};
use line_market::epcis_events::as_event;
use line_market::intake::{OnRefusal, SaleBatch, SaleLine, record_sales};
use serde_json::{Value, json};

use crate::bench::{Bench, actor};

const STANDARD: &str = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

#[test]
fn receipts_sales_transfers_and_tests_are_valid_events_that_say_what_the_entries_say() {
    let (bench, book) = Bench::with_book("beiyuan");
    bench.furnish(&book);
    bench.receive(&book, "L1", None);
    bench.receive(&book, "L2", Some("urn:epc:class:lgtin:4012345.012345.crate9"));
    bench.receive(&book, "L3", Some("urn:epc:id:sscc:0614141.1234567890"));
    let transfer =
        json!({ "lot": "L1", "new_lot": "L4", "to_stall": "A2", "to_merchant": "m2", "quantity_g": 1_500 });
    bench.record(&book, "market.lot.transferred", transfer).unwrap();
    let test = json!({
        "lot": "L1", "method": "enzyme-inhibition", "item": "organophosphate", "reading": "3 %", "limit": null,
        "verdict": "pass", "retest_of": null,
    });
    bench.record(&book, "market.inspection.recorded", test).unwrap();
    let sale = SaleBatch {
        sales: vec![SaleLine {
            counter: 1,
            occurred: bench.kernel.now(),
            lot: "L1".into(),
            product: "tomato".into(),
            stall: "A1".into(),
            grams: Grams(512),
            fen_per_kg: Fen(698),
            amount_fen: Fen(357),
            nonce: "00000000000000ff".into(),
            offline: false,
        }],
        on_refusal: OnRefusal::RefuseAll,
    };
    let of = book.clone();
    bench.kernel.append_blocking(move |desk| record_sales(desk, &of, 1, &actor(), &sale)).unwrap();

    let market = bench.kernel.read(|tx| line_market::state::market(tx, &book)).unwrap().unwrap();
    let entries =
        bench.kernel.read(|tx| kernel::entries::entries_from(tx, &book, base::Seq(0), 100)).unwrap();
    let mut told = Vec::new();
    for stored in entries {
        let Some(value) = as_event(&stored.entry, &market, bench.kernel.zone()) else { continue };
        let event = Event::from_value(value, &Context::read(&json!(STANDARD)), &Limits::default()).unwrap();
        assert_eq!((event.event_time.ms_utc, event.zone_offset_minutes), (stored.entry.occurred.0, 480));
        assert_eq!(event.event_id, Some(format!("entry:beiyuan/{}", stored.entry.seq)));
        told.push(summary(&event));
    }
    let slip = "https://id.gs1.org/01/06901234567892/21/00100000100000000047";
    let expected = [
        json!(["ObjectEvent", "receiving", "stall:beiyuan/A1", [["output", "lot:beiyuan/L1", 100.0]]]),
        json!([
            "TransformationEvent",
            "receiving",
            "stall:beiyuan/A1",
            [
                ["input", "urn:epc:class:lgtin:4012345.012345.crate9", 100.0],
                ["output", "lot:beiyuan/L2", 100.0]
            ]
        ]),
        json!([
            "TransformationEvent",
            "receiving",
            "stall:beiyuan/A1",
            [["input", "urn:epc:id:sscc:0614141.1234567890", null], ["output", "lot:beiyuan/L3", 100.0]]
        ]),
        json!([
            "TransformationEvent",
            "creating_class_instance",
            "stall:beiyuan/A2",
            [["input", "lot:beiyuan/L1", 1.5], ["output", "lot:beiyuan/L4", 1.5]]
        ]),
        json!(["ObjectEvent", "inspecting", "stall:beiyuan/A1", [["about", "lot:beiyuan/L1", null]]]),
        json!([
            "TransformationEvent",
            "retail_selling",
            "stall:beiyuan/A1",
            [["input", "lot:beiyuan/L1", 0.512], ["output", slip, null]]
        ]),
    ];
    assert_eq!(told, expected);
}

fn summary(event: &Event) -> Value {
    let role = |role: Role| match role {
        Role::Input => "input",
        Role::Output => "output",
        Role::Parent => "parent",
        Role::Child => "child",
        Role::About => "about",
    };
    let mut what: Vec<Value> = Vec::new();
    for thing in &event.what {
        let amount = thing.quantity.as_ref().map(|quantity| {
            assert_eq!(quantity.uom.as_deref(), Some("KGM"));
            quantity.amount
        });
        what.push(json!([role(thing.role), thing.id, amount]));
    }
    json!([event.event_type.as_str(), event.biz_step, event.biz_location, what])
}
