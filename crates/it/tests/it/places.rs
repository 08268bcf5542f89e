//! Places of the registry: entered by an administrator, shown with their units.

use harness::{User, on_every_store};
use serde_json::{Value, json};

on_every_store! {
    fn an_administrator_enters_places_and_the_tree_shows_them_with_their_unit(town) {
        let admin = town.program(User::Admin);
        let place = |name: &str, gln: Value| json!({
            "place": format!("place:beiyuan-market/{name}"), "unit": "beiyuan-market", "kind": "gate",
            "title_zh": "南门", "title_en": "South gate", "position": { "lat_e7": 374_500_000, "lon_e7": 1_163_000_000 }, "gln": gln,
        });
        admin.post("/api/registry/places", &place("south", json!("6291041500213"))).expect(201);
        assert_eq!(admin.post("/api/registry/places", &place("south", Value::Null)).expect(409).json()["field"], "place");
        assert_eq!(admin.post("/api/registry/places", &place("north", json!("6291041500213"))).expect(409).json()["field"], "gln");
        assert_eq!(admin.post("/api/registry/places", &place("north", json!("6291041500214"))).expect(400).json()["field"], "gln");
        let mut floating = place("north", Value::Null);
        floating["position"]["lat_e7"] = json!(37.45);
        admin.post("/api/registry/places", &floating).expect(400);

        let units = town.program(User::Leader).get("/api/registry/tree").expect(200).json();
        let unit = units.as_array().unwrap().iter().find(|unit| unit["code"] == "beiyuan-market").unwrap();
        assert_eq!(unit["places"].as_array().unwrap().len(), 1);
        assert_eq!(unit["places"][0]["position"]["lat_e7"], 374_500_000);
        assert_eq!((&unit["places"][0]["kind"], &unit["places"][0]["gln"]), (&json!("gate"), &json!("6291041500213")));

        let browser = town.browser(User::Admin).with("accept", "text/html");
        let path = "/admin/units/beiyuan-market/new-place";
        browser.get(path).expect(200);
        let form = |latitude: &'static str| [
            ("place", "north"), ("kind", "gate"), ("title_zh", "北门"), ("title_en", "North gate"), ("latitude", latitude),
            ("longitude", "116.3"), ("gln", ""),
        ];
        assert!(browser.post_form(path, &form("north")).expect(422).text().contains("北门"), "what was typed comes back");
        browser.post_form(path, &form("37.45")).expect(303);
        let shown = browser.get("/admin/units/beiyuan-market?lang=zh-CN").expect(200).text();
        assert!(shown.contains("37.4500000, 116.3000000") && shown.contains("出入口"), "{shown}");
        town.check();
    }
}
