//! What is reckoned of outside systems: all that is kept of what they send, in whichever words, and for how long.

use harness::{User, on_every_store};
use serde_json::json;

use crate::epcis::{document, observed, send};

on_every_store! {
    fn links_repeat_little_of_the_names_beside_theirs_and_count_for_the_day(town) {
        let supplier = town.program(User::Supplier);
        let names = |side: &str| -> Vec<String> {
            let long = (1..16).map(|n| format!("urn:x:{side}:{n}:{}", "𠀀".repeat(200)));
            std::iter::once(format!("urn:x:{side}")).chain(long).collect()
        };
        let made = json!({ "type": "TransformationEvent", "eventTime": "2026-03-09T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
            "inputEPCList": names("in"), "outputEPCList": names("out") });
        send(&supplier, &document(&town.now(), json!([made]))).expect(202);
        let number = |sql: &str| {
            town.site.kernel.read(|tx| tx.query_one(sql, &[])?.unwrap().int(0)).unwrap()
        };
        assert_eq!(number("select count(*) from link where subject like 'urn:x:%'"), 32);
        assert_eq!(number("select count(*) from link where subject like 'urn:x:%' and mates is not null"), 0);
        let counted = number("select bytes from market_captured");
        assert!(counted > 4 * 32 * 800, "{counted} bytes");
        let path = "/api/trace?subject=urn:x:out&direction=backward&book=beiyuan";
        let walk = town.program(User::Inspector).get(path).expect(200).json();
        let steps = walk["steps"].as_array().unwrap();
        assert!(steps.iter().any(|step| step["subject"] == "urn:x:in"), "{walk}");
        town.check();
    }
}
