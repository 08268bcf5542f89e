//! Codes in the words of the two languages, with the signs of food safety.

use shell::view::{Badge, Mark};
use shell::{T, format};

use crate::state::{Block, Flag, Lot};

/// A code's name, or the code itself where nobody gave it one.
pub fn word(t: &T, family: &str, code: &str) -> String {
    known(t, family, code).unwrap_or_else(|| code.to_owned())
}

/// A code's name, where it has one.
pub fn known(t: &T, family: &str, code: &str) -> Option<String> {
    let key = format!("safety-{family}-{code}");
    t.texts().has(t.lang(), &key).then(|| t.get(&key))
}

pub fn verdict(t: &T, verdict: &str) -> Badge {
    let mark = match verdict {
        "pass" => Mark::Done,
        "fail" => Mark::Red,
        _ => Mark::Plain,
    };
    Badge { mark, text: word(t, "verdict", verdict) }
}

/// Whether a lot may be sold.
pub fn standing(t: &T, lot: &Lot) -> Badge {
    match (&lot.hold, lot.verdict.as_deref()) {
        (Some(_), _) => Badge { mark: Mark::Red, text: t.get("safety-held") },
        (None, Some("pass")) => Badge { mark: Mark::Done, text: t.get("safety-passed") },
        (None, _) => Badge { mark: Mark::Plain, text: t.get("safety-untested") },
    }
}

/// Whether a lot may be sold, and whether its supplier's other lots are a reason to test it.
pub fn standing_beside(t: &T, lot: &Lot, flag: Option<&Flag>) -> Badge {
    match flag {
        Some(_) => Badge { mark: Mark::Yellow, text: t.get("safety-flagged") },
        None => standing(t, lot),
    }
}

/// How far a block is: confirmed after so long, waiting, or lifted before the scale confirmed it.
pub fn block(t: &T, block: &Block) -> Badge {
    match (block.after_ms, block.released_at) {
        (Some(after_ms), _) => {
            let after = format::duration(t.lang(), after_ms);
            Badge { mark: Mark::Done, text: t.with("safety-block-confirmed", &[("after", after.as_str())]) }
        }
        (None, None) => Badge { mark: Mark::Yellow, text: t.get("safety-block-waiting") },
        (None, Some(_)) => Badge { mark: Mark::Plain, text: t.get("safety-block-lifted") },
    }
}

/// `type:number` of a lot's paper, in words.
pub fn document(t: &T, document: Option<&str>) -> String {
    match document {
        None => t.get("safety-document-none"),
        Some(text) => match text.split_once(':') {
            Some((type_, number)) => format!("{} {number}", word(t, "document", type_)),
            None => text.to_owned(),
        },
    }
}
