//! When a lot that failed a test is let be sold again: once a later test found otherwise.

use crate::state::{Inspection, Lot};

fn is_passed(test: &Inspection) -> bool {
    test.verdict == "pass"
}

/// Whether a test found otherwise than one that failed: recorded later and not made before it, for the same item or as its
/// repetition.
fn repeats(test: &Inspection, failed: &Inspection) -> bool {
    let same = test.item == failed.item || test.retest_of == Some(failed.seq);
    same && test.seq > failed.seq && test.at >= failed.at
}

fn failed(tests: &[Inspection]) -> impl Iterator<Item = &Inspection> {
    tests.iter().filter(|test| !is_passed(test))
}

/// The failed tests of a lot that one takes back which passed; `tests` are those of the lot.
pub fn taken_back<'t>(tests: &'t [Inspection], test: &'t Inspection) -> impl Iterator<Item = &'t Inspection> {
    failed(tests).filter(move |failed| is_passed(test) && repeats(test, failed))
}

/// A failed test of a lot that no later one took back.
pub fn failure(tests: &[Inspection]) -> Option<&Inspection> {
    failed(tests).find(|failed| !tests.iter().any(|test| is_passed(test) && repeats(test, failed)))
}

/// The latest test of a lot that a release from a hold for a failed one may rest on.
pub fn retest<'t>(lot: &Lot, tests: &'t [Inspection]) -> Option<&'t Inspection> {
    tests.iter().rev().find(|test| is_retest(lot, tests, test))
}

/// Whether a test passed since the hold, and repeats one that failed, if any of the lot itself did.
pub fn is_retest(lot: &Lot, tests: &[Inspection], test: &Inspection) -> bool {
    let mut failed = failed(tests).peekable();
    is_passed(test)
        && Some(test.seq) > lot.hold
        && (failed.peek().is_none() || failed.any(|failed| repeats(test, failed)))
}
