//! Every step of an append breaks in turn: the client is told or answered, and nothing is lost or doubled.

use std::sync::Arc;

use base::BookId;
use harness::{Client, Engine, Town, User, sale};
use serde_json::{Value, json};
use store::fault::{FaultStore, Faults};

const OCCURRED: &str = "2026-03-10T00:00:00.000Z";

fn batch(first: u32) -> Value {
    let lines: Vec<Value> = (first..first + 5).map(|counter| sale(counter, "L1", 10, OCCURRED)).collect();
    json!({ "sales": lines })
}

/// Sells, and sells the same again after healing: the second answer holds, whatever became of the first.
fn sell_through(client: &Client, faults: &Faults, step: u64, first: u32, persist: bool) -> bool {
    let before = faults.breaks();
    faults.break_at(faults.steps() + step, persist);
    let answer = client.post("/scale/v1/sales", &batch(first));
    faults.heal();
    let broke = faults.breaks() > before;
    assert!(matches!(answer.status, 200 | 500 | 503), "step {step}: {} {}", answer.status, answer.text());
    let told = (answer.status == 200).then(|| seqs(&answer.json()));
    let again = client.post("/scale/v1/sales", &batch(first)).expect(200).json();
    if let Some(told) = told {
        assert_eq!(told, seqs(&again), "step {step}: an acknowledged sale has moved");
        assert!(again["lines"].as_array().unwrap().iter().all(|line| line["outcome"] == "known"), "{again}");
    }
    broke
}

fn seqs(receipt: &Value) -> Vec<u64> {
    receipt["lines"].as_array().unwrap().iter().map(|line| line["seq"].as_u64().unwrap()).collect()
}

#[test]
fn a_step_of_an_append_that_breaks_loses_and_doubles_nothing() {
    let place = Engine::Sqlite.place().unwrap();
    let faults = Faults::none();
    let store = Arc::new(FaultStore::new(place.store(), faults.clone()));
    let town = Town::on_store(place, store);
    let scale = town.program(User::Scale);
    scale.post("/scale/v1/sales", &batch(0)).expect(200);
    let before = faults.steps();
    scale.post("/scale/v1/sales", &batch(5)).expect(200);
    let steps = faults.steps() - before;
    assert!(steps > 5, "an append has {steps} steps");

    let (mut next, mut broken) = (10, 0);
    for persist in [false, true] {
        // A few more than a smooth append has: a group that breaks is tried again.
        for step in 0..steps + 3 {
            broken += usize::from(sell_through(&scale, &faults, step, next, persist));
            next += 5;
        }
    }
    assert!(broken as u64 >= 2 * steps, "{broken} steps of {steps} were broken");

    // A retry of what is known breaks as well: that is a fault, and never a refusal of the sale.
    for step in 0..steps {
        faults.break_at(faults.steps() + step, false);
        let answer = scale.post("/scale/v1/sales", &batch(0));
        faults.heal();
        assert!(matches!(answer.status, 200 | 500 | 503), "step {step}: {} {}", answer.status, answer.text());
    }

    let book = BookId::new("beiyuan").unwrap();
    let entries =
        town.site.kernel.read(|tx| kernel::entries::entries_from(tx, &book, base::Seq(0), 10_000)).unwrap();
    let mut counters: Vec<u32> = entries
        .iter()
        .filter(|stored| stored.entry.kind.as_str() == "market.sale.made")
        .map(|stored| stored.entry.body::<line_market::kinds::Sale>().unwrap().counter)
        .collect();
    counters.sort_unstable();
    assert_eq!(counters, (0..next).collect::<Vec<_>>());
    town.check();
}
