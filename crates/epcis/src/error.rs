use crate::path;

/// What is wrong, and where: the first rule that a document breaks.
///
/// The path is written as in the JSON form, such as `epcisBody.eventList[3].quantityList[0].uom`, whichever format
/// was read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{path}: {rule}")]
pub struct EpcisError {
    pub path: String,
    pub rule: Rule,
}

impl EpcisError {
    /// The path as a JSON Pointer (RFC 6901).
    pub fn pointer(&self) -> String {
        path::tokens(&self.path)
            .map(|token| format!("/{}", token.replace('~', "~0").replace('/', "~1")))
            .collect()
    }

    /// The path in an XML document (XPath 1.0).
    pub fn xml_path(&self) -> String {
        path::in_xml(&self.path)
    }

    pub(crate) fn at(path: impl Into<String>, rule: Rule) -> Self {
        Self { path: path.into(), rule }
    }
}

/// A rule of EPCIS 2.0, CBV 2.0, GS1 Digital Link, or a limit of ours.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rule {
    #[error("is not JSON: {0}")]
    Json(String),
    #[error("is not XML: {0}")]
    Xml(String),
    #[error("a document type that declares or fetches anything is refused")]
    Doctype,
    #[error("is written in {0}; UTF-8 is read")]
    Charset(String),
    #[error("holds a control character, which no XML document can")]
    ControlCharacter,
    #[error("is required")]
    Missing,
    #[error("must be {0}")]
    Kind(&'static str),
    #[error("{found:?} is not one of {allowed}")]
    NotOneOf { found: String, allowed: String },
    #[error("{0:?} is not a date and time with an offset, such as 2021-12-10T08:31:22.000+08:00")]
    Time(String),
    #[error("{0:?} is not an offset from -14:00 to +14:00, such as +08:00")]
    Offset(String),
    #[error("{0:?} is not an absolute URI")]
    Uri(String),
    #[error("{found:?} is neither a word of the CBV 2.0 {list} nor a URI of another vocabulary")]
    Vocabulary { found: String, list: &'static str },
    #[error("{0:?} is neither a member of this object nor has it a namespace")]
    UnknownMember(String),
    #[error("{0:?} is no member of this object, which takes none of others")]
    NoExtension(String),
    #[error("{0} must not stand here")]
    Forbidden(&'static str),
    #[error("needs at least one of {0}")]
    NeedsOneOf(&'static str),
    #[error("must not be negative")]
    Negative,
    #[error("must be from {0} to {1}")]
    Range(u32, u32),
    #[error("comes after {0}")]
    After(&'static str),
    #[error("exceeds {0}")]
    Above(&'static str),
    #[error("needs {0} beside it")]
    Together(&'static str),
    #[error("{0:?} names a class, where single things are named")]
    ClassLevel(String),
    #[error("{0:?} names a single thing, where classes are named")]
    InstanceLevel(String),
    #[error("is its own parent")]
    OwnParent,
    #[error("stands in set and in unset")]
    SetAndUnset,
    #[error("{uom} is no unit of {measurement}")]
    UnitOf { uom: String, measurement: String },
    #[error("{0:?} lies elsewhere and is not fetched; declare its terms in the document")]
    RemoteContext(String),
    #[error("{0:?} is a term of the standard or of URIs, which no context may define anew")]
    ProtectedTerm(String),
    #[error(
        "{0:?} says what is not read of a context: @vocab, and terms with @id, @type and @container at most, for no keyword"
    )]
    UnreadTerm(String),
    #[error("a quantity without uom counts instances and must be a whole number")]
    Fraction,
    #[error("{0:?} is not a unit code of two or three letters and digits")]
    Uom(String),
    #[error("exceeds {max} {what}")]
    Limit { what: &'static str, max: usize },
    #[error("{0:?} is not a Digital Link with a GS1 key")]
    NotDigitalLink(String),
    #[error("AI {ai} does not take {value:?}")]
    AiValue { ai: &'static str, value: String },
    #[error("check digit of {value:?} should be {expected}")]
    CheckDigit { value: String, expected: char },
    #[error("AI {qualifier} does not qualify AI {key} in this place")]
    Qualifier { key: &'static str, qualifier: &'static str },
    #[error("{0:?} is not an EPC URN of a GS1 key")]
    Urn(String),
    #[error("a company prefix has 6 to 12 digits and must fit the key, not {0}")]
    PrefixLength(usize),
    #[error("{0} has no EPC URN")]
    NoUrn(String),
    #[error("is not a query parameter that is served here")]
    UnknownParameter,
    #[error("stands twice")]
    Twice,
    #[error("excludes {0}")]
    Excludes(&'static str),
}
