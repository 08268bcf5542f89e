use crate::Rule;
use crate::digital_link::check_digit;

/// Characters that a component takes (GS1 General Specifications, section 7.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Digits.
    N,
    /// The 82 characters.
    X,
    /// The 39 characters.
    Y,
}

impl Charset {
    fn holds(self, c: u8) -> bool {
        match self {
            Self::N => c.is_ascii_digit(),
            Self::X => c.is_ascii_alphanumeric() || b"!\"%&'()*+,-./:;<=>?_".contains(&c),
            Self::Y => c.is_ascii_digit() || c.is_ascii_uppercase() || b"#-/".contains(&c),
        }
    }
}

/// One part of an AI's value, as the GS1 Syntax Dictionary writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    pub charset: Charset,
    /// Fewest characters; zero for an optional last part.
    pub min: usize,
    pub max: usize,
    /// The last digit is a check digit over the part.
    pub check: bool,
}

const fn exactly(charset: Charset, length: usize) -> Component {
    Component { charset, min: length, max: length, check: false }
}

const fn checked(length: usize) -> Component {
    Component { charset: N, min: length, max: length, check: true }
}

const fn up_to(charset: Charset, max: usize) -> Component {
    Component { charset, min: 1, max, check: false }
}

const fn optional(charset: Charset, max: usize) -> Component {
    Component { charset, min: 0, max, check: false }
}

/// An application identifier.
#[derive(Debug, PartialEq, Eq)]
pub struct Ai {
    pub code: &'static str,
    /// The word that Digital Link 1.1 allowed in place of the number.
    pub word: &'static str,
    pub parts: &'static [Component],
    /// `None` for what is no primary key; otherwise the chains of qualifiers that may follow, each in order.
    pub chains: Option<&'static [&'static [&'static str]]>,
}

const ALONE: Option<&[&[&str]]> = Some(&[]);

const fn key(
    code: &'static str,
    word: &'static str,
    parts: &'static [Component],
    chains: Option<&'static [&'static [&'static str]]>,
) -> Ai {
    Ai { code, word, parts, chains }
}

const fn qualifier(code: &'static str, word: &'static str, parts: &'static [Component]) -> Ai {
    Ai { code, word, parts, chains: None }
}

use Charset::{N, X, Y};

/// The keys of EPCIS, their qualifiers, and the dates that a lot's link carries; from the GS1 Syntax Dictionary.
pub const AIS: &[Ai] = &[
    key("00", "sscc", &[checked(18)], ALONE),
    key("01", "gtin", &[checked(14)], Some(&[&["22", "10", "21"], &["235"]])),
    qualifier("10", "lot", &[up_to(X, 20)]),
    qualifier("11", "", &[exactly(N, 6)]),
    qualifier("13", "", &[exactly(N, 6)]),
    qualifier("15", "", &[exactly(N, 6)]),
    qualifier("17", "exp", &[exactly(N, 6)]),
    qualifier("21", "ser", &[up_to(X, 20)]),
    qualifier("22", "cpv", &[up_to(X, 20)]),
    qualifier("235", "tpx", &[up_to(X, 28)]),
    key("253", "gdti", &[checked(13), optional(X, 17)], ALONE),
    qualifier("254", "glnx", &[up_to(X, 20)]),
    key("255", "gcn", &[checked(13), optional(N, 12)], ALONE),
    key("401", "ginc", &[up_to(X, 30)], ALONE),
    key("402", "gsin", &[checked(17)], ALONE),
    key("414", "gln", &[checked(13)], Some(&[&["254"], &["7040"]])),
    key("417", "party", &[checked(13)], Some(&[&["7040"]])),
    qualifier("7040", "uic", &[exactly(N, 1), exactly(X, 1), exactly(X, 1), exactly(X, 1)]),
    qualifier("8002", "", &[up_to(X, 20)]),
    key("8003", "grai", &[exactly(N, 1), checked(13), optional(X, 16)], ALONE),
    key("8004", "giai", &[up_to(X, 30)], Some(&[&["7040"]])),
    key("8006", "itip", &[checked(14), exactly(N, 4)], Some(&[&["22", "10", "21"]])),
    key("8010", "cpid", &[up_to(Y, 30)], Some(&[&["8011"]])),
    qualifier("8011", "cpsn", &[up_to(N, 12)]),
    key("8017", "gsrnp", &[checked(18)], Some(&[&["8019"]])),
    key("8018", "gsrn", &[checked(18)], Some(&[&["8019"]])),
    qualifier("8019", "srin", &[up_to(N, 10)]),
];

impl Ai {
    /// Finds an AI of the table by its number, or by the word that Digital Link 1.1 allowed.
    pub fn find(code: &str) -> Option<&'static Self> {
        AIS.iter().find(|ai| ai.code == code || (!ai.word.is_empty() && ai.word == code))
    }

    /// Checks length, characters and check digit of a value.
    pub fn check(&'static self, value: &str) -> Result<(), Rule> {
        let refuse = || Rule::AiValue { ai: self.code, value: value.to_owned() };
        if !value.is_ascii() {
            return Err(refuse());
        }
        let mut rest = value;
        for part in self.parts {
            let (own, after) = rest.split_at(part.max.min(rest.len()));
            if own.len() < part.min || !own.bytes().all(|c| part.charset.holds(c)) {
                return Err(refuse());
            }
            if part.check {
                let (body, last) = own.split_at(own.len() - 1);
                let expected = check_digit(body).ok_or_else(refuse)?;
                if !last.starts_with(expected) {
                    return Err(Rule::CheckDigit { value: value.to_owned(), expected });
                }
            }
            rest = after;
        }
        let zero_first = matches!(self.code, "8003") && !value.starts_with('0');
        let zero_serial = matches!(self.code, "8011") && value.len() > 1 && value.starts_with('0');
        if !rest.is_empty() || zero_first || zero_serial { Err(refuse()) } else { Ok(()) }
    }
}
