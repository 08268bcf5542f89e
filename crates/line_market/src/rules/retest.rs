//! When a lot that failed a test is let be sold again: once a later test found otherwise.

use std::collections::HashMap;

use crate::state::{Inspection, Lot};

fn is_passed(test: &Inspection) -> bool {
    test.verdict == "pass"
}

/// Whether a test found otherwise than one that failed: recorded later and not made before it, for the same item or as its
/// repetition. `apply` takes failed tests back by the same.
fn repeats(test: &Inspection, failed: &Inspection) -> bool {
    let same = test.item == failed.item || test.retest_of == Some(failed.seq);
    same && test.seq > failed.seq && test.at >= failed.at
}

/// Whether a test passed since the hold, and repeats one that failed, if any of the lot itself did: `failed` is one of those,
/// one that it repeats if there is such a one.
pub fn is_retest(lot: &Lot, failed: Option<&Inspection>, test: &Inspection) -> bool {
    is_passed(test)
        && Some(test.seq) > lot.hold
        && failed.is_none_or(|failed| !is_passed(failed) && repeats(test, failed))
}

/// The latest test of a lot that a release from a hold for a failed one may rest on; `tests` are those of the lot, in the order in
/// which they were recorded.
pub fn retest<'t>(lot: &Lot, tests: &'t [Inspection]) -> Option<&'t Inspection> {
    // Of each item the failed test that was made first: whatever repeats one of that item repeats it.
    let mut first: HashMap<&str, &Inspection> = HashMap::new();
    let mut failed = HashMap::new();
    let mut found = None;
    for test in tests {
        if is_passed(test) {
            let same = first.get(test.item.as_str());
            let named = test.retest_of.and_then(|seq| failed.get(&seq));
            if same.into_iter().chain(named).any(|failed| is_retest(lot, Some(failed), test)) {
                found = Some(test);
            }
        } else {
            let before = first.entry(&test.item).or_insert(test);
            *before = if test.at < before.at { test } else { *before };
            failed.insert(test.seq, test);
        }
    }
    match failed.is_empty() {
        true => tests.iter().rev().find(|test| is_retest(lot, None, test)),
        false => found,
    }
}

#[cfg(test)]
mod tests {
    use base::{Seq, Time};

    use super::*;
    use crate::rules::sale::tests::lot;

    /// Every history of three tests of a lot, of two items and moments, which each may repeat the first, the second or none.
    fn histories() -> impl Iterator<Item = Vec<Inspection>> {
        const SORTS: u64 = 2 * 2 * 2 * 3;
        let test = |seq: u64, sort: u64| Inspection {
            seq: Seq(seq),
            lot: "L1".into(),
            method: "rapid".into(),
            item: ["nitrite", "ractopamine"][usize::from(sort & 1 == 1)].into(),
            reading: "1".into(),
            verdict: ["pass", "fail"][usize::from(sort & 2 == 2)].into(),
            retest_of: (sort >> 3).checked_sub(1).map(Seq),
            at: Time(i64::from(sort & 4 == 4)),
        };
        (0..SORTS.pow(3)).map(move |all| {
            [(0, 1), (1, SORTS), (2, SORTS * SORTS)].map(|(seq, part)| test(seq, all / part % SORTS)).to_vec()
        })
    }

    #[test]
    fn a_retest_repeats_some_test_that_failed_if_any_did() {
        let mut found = 0;
        for (at, tests) in histories().enumerate() {
            let lot = Lot { hold: Some(Seq(at as u64 % 3)), ..lot() };
            let failed = || tests.iter().filter(|test| !is_passed(test));
            let is_one = |test: &&Inspection| match failed().next() {
                None => is_retest(&lot, None, test),
                Some(_) => failed().any(|failed| is_retest(&lot, Some(failed), test)),
            };
            let wanted = tests.iter().rev().find(is_one);
            found += usize::from(wanted.is_some());
            assert_eq!(retest(&lot, &tests), wanted, "{tests:?}");
        }
        assert!(found > 1_000, "{found}");
    }

    #[test]
    fn however_many_tests_a_lot_failed_its_retest_is_found_in_one_pass() {
        const TESTS: u64 = 200_000;
        let test = |seq: u64| Inspection {
            seq: Seq(seq),
            lot: "L1".into(),
            method: "rapid".into(),
            item: format!("item-{}", seq / 2),
            reading: "1".into(),
            verdict: if seq.is_multiple_of(2) { "fail" } else { "pass" }.into(),
            retest_of: None,
            at: Time(0),
        };
        let tests: Vec<Inspection> = (0..TESTS).map(test).collect();
        // None of them lies behind the hold, so that each is looked at.
        let lot = Lot { hold: Some(Seq(TESTS)), ..lot() };
        assert_eq!(retest(&lot, &tests), None);
    }
}
