use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::{NAME_CHARS_MAX, SUBJECT_CHARS_MAX};

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("{what} is empty")]
    Empty { what: &'static str },
    #[error("{what} is longer than {max} characters")]
    TooLong { what: &'static str, max: usize },
    #[error("{what} contains {found:?}, allowed are {allowed}")]
    Character { what: &'static str, found: char, allowed: &'static str },
    #[error("{what} lacks a scheme, such as \"lot:\"")]
    NoScheme { what: &'static str },
}

fn check(
    what: &'static str,
    text: &str,
    max: usize,
    allowed: &'static str,
    is_allowed: impl Fn(char) -> bool,
) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    if text.chars().count() > max {
        return Err(IdError::TooLong { what, max });
    }
    match text.chars().find(|&c| !is_allowed(c)) {
        Some(found) => Err(IdError::Character { what, found, allowed }),
        None => Ok(()),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[schema(value_type = String)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes the text.
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                let text = text.as_ref();
                let check: fn(&'static str, &str) -> Result<(), IdError> = $check;
                check($what, text)?;
                Ok(Self(text.into()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

const SLUG: &str = "lower-case letters, digits and \"-\"";

fn slug(what: &'static str, text: &str) -> Result<(), IdError> {
    check(what, text, 40, SLUG, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

text_id!(
    /// One append-only sequence of entries (账簿), kept by one org unit; the shard key.
    BookId,
    "book",
    slug
);
text_id!(
    /// An org unit: a GB/T 2260 code for a government, any code for a bureau, town, market or plant.
    UnitCode,
    "unit",
    slug
);
text_id!(
    /// The local name of an account that signs in.
    AccountId,
    "account",
    |what, text| check(what, text, 40, "lower-case letters, digits, \".\", \"_\" and \"-\"", |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-')
    })
);
text_id!(
    /// Who recorded an entry: `account:...`, `device:...`, `token:...` or `system:...`.
    ActorId,
    "actor",
    |what, text| {
        check(what, text, NAME_CHARS_MAX, "printable ASCII", |c| c.is_ascii_graphic())?;
        text.contains(':').then_some(()).ok_or(IdError::NoScheme { what })
    }
);

impl ActorId {
    /// Whether the installation itself records, not somebody.
    pub fn is_system(&self) -> bool {
        self.as_str().starts_with("system:")
    }
}

text_id!(
    /// A kind of entry, `line.noun.verb`.
    KindName,
    "kind",
    |what, text| check(what, text, 60, "lower-case letters, digits, \".\" and \"_\"", |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_')
    })
);
text_id!(
    /// What an entry is about: a URI. The house's own are `scheme:home/local`, where `home` is the book that the
    /// subject was born in; foreign ones (EPC URNs, GS1 Digital Links) are taken as they are.
    SubjectId,
    "subject",
    |what, text| {
        check(what, text, SUBJECT_CHARS_MAX, "printable characters", |c| !c.is_control() && c != ' ')?;
        text.contains(':').then_some(()).ok_or(IdError::NoScheme { what })
    }
);

impl SubjectId {
    /// A subject of the house: `scheme:book/local`.
    pub fn local(scheme: &str, book: &BookId, local: &str) -> Result<Self, IdError> {
        Self::new(format!("{scheme}:{book}/{local}"))
    }

    /// The scheme before the first colon.
    pub fn scheme(&self) -> &str {
        self.split(b':').map_or("", |(scheme, _)| scheme)
    }

    /// The book a subject of the house was born in; `None` for a foreign one.
    pub fn home(&self) -> Option<&str> {
        let (scheme, rest) = self.split(b':')?;
        if matches!(scheme, "urn" | "http" | "https") {
            return None;
        }
        let slash = rest.bytes().position(|byte| byte == b'/')?;
        Some(&rest[..slash])
    }

    /// What stands before and behind the first of an ASCII character. Subjects are short: a search made for long texts
    /// costs more than it saves.
    fn split(&self, at: u8) -> Option<(&str, &str)> {
        let at = self.0.bytes().position(|byte| byte == at)?;
        Some((&self.0[..at], &self.0[at + 1..]))
    }

    /// What follows the home of a subject of the house, or the whole text of a foreign one.
    pub fn local_part(&self) -> &str {
        match self.home() {
            Some(_) => self.split(b'/').map_or(&self.0, |(_, local)| local),
            None => &self.0,
        }
    }
}

/// The place of an entry in its book: dense, from 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// As the databases store it. Books hold fewer than 2^63 entries: a number that somebody made up beyond that is asked
    /// for as the last one, and names nothing.
    pub fn to_i64(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// From a column that a database returned. None stores a negative number; of one that does it is beyond every book.
    pub fn from_i64(value: i64) -> Self {
        Self(value.cast_unsigned())
    }

    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_of_the_house_knows_its_home_and_a_foreign_one_has_none() {
        let lot = SubjectId::new("lot:beiyuan/20211210-1").unwrap();
        assert_eq!((lot.scheme(), lot.home(), lot.local_part()), ("lot", Some("beiyuan"), "20211210-1"));
        let epc = SubjectId::new("urn:epc:id:sgtin:0614141.107346.2017").unwrap();
        assert_eq!(epc.home(), None);
        let link = SubjectId::new("https://id.gs1.org/01/09506000134352").unwrap();
        assert_eq!(link.home(), None);
    }

    #[test]
    fn a_number_beyond_every_book_names_nothing_and_stops_nothing() {
        for number in [u64::MAX, 1 << 63] {
            assert_eq!(Seq(number).to_i64(), i64::MAX);
        }
        assert_eq!(Seq::from_i64(Seq(7).to_i64()), Seq(7));
        assert!([-1, i64::MIN].map(Seq::from_i64).iter().all(|seq| seq.to_i64() == i64::MAX));
        assert_eq!(Seq::from_i64(-1).next(), Seq(u64::MAX));
    }

    #[test]
    fn identifiers_refuse_what_could_leave_a_path_or_a_query() {
        for text in ["", "a/b", "A", "a b", "ä", "..", "a'"] {
            assert!(BookId::new(text).is_err(), "{text:?} must be refused");
        }
        assert!(SubjectId::new("lot:bei yuan/1").is_err());
        assert!(SubjectId::new("lot").is_err());
        assert!(ActorId::new("account").is_err());
    }
}
