//! What MATCH parameters ask for (EPCIS 2.0, section 8.2.7.1.1).

use crate::digital_link::CANONICAL_BASE;
use crate::error::Rule;
use crate::urn;

const PATTERN: &str = "urn:epc:idpat:";

/// One thing, or all things of a class or company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// A canonical identifier; of a class it means exactly that class.
    Exactly(String),
    /// Everything whose canonical identifier begins so.
    Begins(String),
}

impl Pattern {
    /// Reads an EPC, a class, a Digital Link of any domain, any other URI, or a pattern `urn:epc:idpat:...` whose last
    /// fields are `*`. The things of a company are several patterns where a digit stands before its prefix.
    pub fn parse(text: &str) -> Result<Vec<Self>, Rule> {
        let Some(body) = text.strip_prefix(PATTERN) else {
            return super::parse::canonical(text).map(|id| vec![Self::Exactly(id)]);
        };
        let refuse = || Rule::Urn(text.to_owned());
        let (key, fields) = body.split_once(':').ok_or_else(refuse)?;
        let known = fields.trim_end_matches(".*");
        if known.len() == fields.len() {
            return Err(refuse());
        }
        if known.contains('.') {
            return Ok(vec![Self::Begins(class(key, known, text)?)]);
        }
        if !(6..=12).contains(&known.len()) || !known.bytes().all(|c| c.is_ascii_digit()) {
            return Err(refuse());
        }
        company(key, known).ok_or_else(refuse)
    }

    /// Tests a canonical identifier.
    pub fn holds(&self, canonical: &str) -> bool {
        match self {
            Self::Exactly(id) => id == canonical,
            Self::Begins(start) => canonical.starts_with(start),
        }
    }

    /// The class of a GTIN as a pattern also stands for the class itself where classes are asked for.
    pub fn holds_class(&self, canonical: &str) -> bool {
        self.holds(canonical) || self.class() == Some(canonical)
    }

    /// The class behind a pattern that ends in a slash.
    pub fn class(&self) -> Option<&str> {
        match self {
            Self::Begins(start) => start.strip_suffix('/'),
            Self::Exactly(_) => None,
        }
    }
}

/// What the things of a class begin with.
fn class(key: &str, known: &str, text: &str) -> Result<String, Rule> {
    if key == "sgln" {
        // A location without an extension is one of its own.
        let link = urn::to_digital_link(&format!("urn:epc:id:sgln:{known}.0"), CANONICAL_BASE);
        return link.map(|link| link.to_string()).map_err(|_| Rule::Urn(text.to_owned()));
    }
    let class = urn::to_digital_link(&format!("{PATTERN}{key}:{known}.*"), CANONICAL_BASE)
        .map_err(|_| Rule::Urn(text.to_owned()))?
        .to_string();
    // The serial of a GRAI, GDTI or SGCN follows its class without a slash.
    let joined = ["grai", "gdti", "sgcn"].contains(&key);
    Ok(if joined { class } else { class + "/" })
}

/// What the things of a company begin with.
fn company(key: &str, prefix: &str) -> Option<Vec<Pattern>> {
    let (code, before) = match key {
        "sgtin" | "upui" => ("01", None),
        "itip" => ("8006", None),
        "sscc" => ("00", None),
        "sgln" => ("414", Some("")),
        "pgln" => ("417", Some("")),
        "gsrn" => ("8018", Some("")),
        "gsrnp" => ("8017", Some("")),
        "gsin" => ("402", Some("")),
        "ginc" => ("401", Some("")),
        "giai" => ("8004", Some("")),
        "cpi" => ("8010", Some("")),
        "gdti" => ("253", Some("")),
        "sgcn" => ("255", Some("")),
        "grai" => ("8003", Some("0")),
        _ => return None,
    };
    let begins = |before: &str| Pattern::Begins(format!("{CANONICAL_BASE}/{code}/{before}{prefix}"));
    Some(match before {
        Some(before) => vec![begins(before)],
        // An indicator or extension digit stands before the prefix.
        None => (0..10).map(|digit| begins(&digit.to_string())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(pattern: &str, id: &str) -> bool {
        Pattern::parse(pattern).expect(pattern).iter().any(|pattern| pattern.holds(&urn::canonical(id)))
    }

    #[test]
    fn patterns_hold_the_things_of_their_class_and_company() {
        for (pattern, id) in [
            ("urn:epc:idpat:sgtin:0614141.112345.*", "urn:epc:id:sgtin:0614141.112345.400"),
            ("urn:epc:idpat:sgtin:0614141.*.*", "urn:epc:id:sgtin:0614141.112345.400"),
            ("urn:epc:idpat:sscc:0614141.*", "urn:epc:id:sscc:0614141.1234567890"),
            ("urn:epc:idpat:sgln:0614141.12345.*", "urn:epc:id:sgln:0614141.12345.400"),
            ("urn:epc:idpat:sgln:0614141.12345.*", "urn:epc:id:sgln:0614141.12345.0"),
            ("urn:epc:idpat:sgln:0614141.*.*", "urn:epc:id:sgln:0614141.12345.0"),
            ("urn:epc:idpat:grai:0614141.12345.*", "urn:epc:id:grai:0614141.12345.400"),
            ("urn:epc:idpat:grai:0614141.*.*", "urn:epc:id:grai:0614141.12345.400"),
            ("urn:epc:idpat:giai:0614141.*", "urn:epc:id:giai:0614141.12345400"),
            ("urn:epc:id:sgtin:0614141.112345.400", "https://shop.example/01/10614141123459/21/400"),
        ] {
            assert!(holds(pattern, id), "{pattern} {id}");
        }
        for (pattern, id) in [
            ("urn:epc:idpat:sgtin:0614141.112345.*", "urn:epc:id:sgtin:0614141.112346.400"),
            ("urn:epc:idpat:sgtin:0614141.*.*", "urn:epc:id:sgtin:0614142.112345.400"),
            ("urn:epc:idpat:sscc:0614141.*", "urn:epc:id:sgtin:0614141.112345.400"),
        ] {
            assert!(!holds(pattern, id), "{pattern} {id}");
        }
    }

    #[test]
    fn patterns_that_are_none_are_refused() {
        for text in [
            "urn:epc:idpat:sgtin:0614141.112345.400",
            "urn:epc:idpat:sgtin:*.*.*",
            "urn:epc:idpat:sgtin:06141a1.*.*",
            "urn:epc:idpat:sgtin:0614141.1123456.*",
            "urn:epc:idpat:gid:1234567.*",
            "urn:epc:idpat:sgtin",
            "no uri",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
