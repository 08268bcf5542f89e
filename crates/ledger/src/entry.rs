use std::any::Any;
use std::fmt::Write as _;
use std::sync::Arc;

use base::limits::{BODY_BYTES_MAX, EVIDENCE_MAX, FUTURE_MS_MAX, HEAD_BYTES_MAX, SUBJECTS_MAX};
use base::{ActorId, BookId, KindName, Seq, SubjectId, Time};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use crate::canonical::push_text;
use crate::{Body, BodyError, Rule};

/// How a subject takes part in an entry: the dimensions of EPCIS 2.0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Used up or passed on.
    Input,
    /// Made or received.
    Output,
    /// Contains the children.
    Parent,
    /// Contained in the parent.
    Child,
    /// Named, but neither turned into something nor moved.
    About,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Input, Self::Output, Self::Parent, Self::Child, Self::About];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Parent => "parent",
            Self::Child => "child",
            Self::About => "about",
        }
    }

    /// The letter that stands for the role where rows are many.
    pub fn letter(self) -> char {
        match self {
            Self::Input => 'i',
            Self::Output => 'o',
            Self::Parent => 'p',
            Self::Child => 'c',
            Self::About => 'a',
        }
    }

    pub fn from_letter(letter: char) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.letter() == letter)
    }
}

/// A subject in its role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub role: Role,
    pub id: SubjectId,
}

impl Subject {
    pub fn new(role: Role, id: SubjectId) -> Self {
        Self { role, id }
    }
}

/// A body as its type, or what a line makes of it to apply it, beside its canonical text: what applies a fresh entry need
/// not parse it again.
///
/// Equal to any other, since the text alone is the body.
#[derive(Clone, Default)]
pub struct Typed(Option<Arc<dyn Any + Send + Sync>>);

impl Typed {
    /// What is kept must follow from the body's text alone.
    pub fn of<T: Any + Send + Sync>(value: Arc<T>) -> Self {
        Self(Some(value))
    }

    /// What was kept, if it is of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }
}

impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Typed" } else { "Untyped" })
    }
}

impl PartialEq for Typed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Typed {}

/// What somebody asks to be recorded.
#[derive(Debug, Clone)]
pub struct Draft {
    pub book: BookId,
    pub kind: KindName,
    pub occurred: Time,
    pub actor: ActorId,
    /// The post that answers for it (`post:unit/name`).
    pub answers: Option<SubjectId>,
    pub place: Option<SubjectId>,
    pub subjects: Vec<Subject>,
    /// SHA-256 digests of evidence files, lower-case hex.
    pub evidence: Vec<String>,
    /// Whether its kind may name any.
    pub bears_files: bool,
    /// The canonical text of the body.
    pub body: String,
    pub typed: Typed,
}

impl Draft {
    /// A draft with a typed body, which is checked by its kind's rules.
    pub fn new<B: Body>(book: &BookId, occurred: Time, actor: &ActorId, body: &B) -> Result<Self, BodyError> {
        Self::of(book, occurred, actor, Arc::new(body.clone()))
    }

    /// [`Draft::new`] with a body that is shared.
    pub fn of<B: Body>(
        book: &BookId,
        occurred: Time,
        actor: &ActorId,
        body: Arc<B>,
    ) -> Result<Self, BodyError> {
        body.check()?;
        let (text, body) = B::settled(body)?;
        Ok(Self {
            book: book.clone(),
            kind: KindName::new(B::KIND).expect("a declared kind has a valid name"),
            occurred,
            actor: actor.clone(),
            answers: None,
            place: None,
            subjects: Vec::new(),
            evidence: Vec::new(),
            bears_files: B::BEARS_FILES,
            body: text,
            typed: Typed::of(body),
        })
    }

    #[must_use]
    pub fn subject(mut self, role: Role, id: SubjectId) -> Self {
        self.subjects.push(Subject { role, id });
        self
    }

    #[must_use]
    pub fn at(mut self, place: SubjectId) -> Self {
        self.place = Some(place);
        self
    }

    #[must_use]
    pub fn answered_by(mut self, post: SubjectId) -> Self {
        self.answers = Some(post);
        self
    }

    #[must_use]
    pub fn with_evidence(mut self, digests: Vec<String>) -> Self {
        self.evidence = digests;
        self
    }

    /// The limits that every entry keeps, whatever its kind.
    pub fn check(&self, now: Time) -> Result<(), BodyError> {
        let range = |field: &str, detail: String| Err(BodyError::new(field, Rule::Range, detail));
        if self.occurred.since_ms(now) > FUTURE_MS_MAX {
            return range("occurred", format!("lies more than {} s in the future", FUTURE_MS_MAX / 1000));
        }
        if self.occurred.0 < 0 {
            return range("occurred", "lies before 1970".into());
        }
        if self.subjects.len() > SUBJECTS_MAX {
            return range("subjects", format!("are more than {SUBJECTS_MAX}"));
        }
        if !self.bears_files && !self.evidence.is_empty() {
            return range("evidence", "is not taken by entries of this kind".into());
        }
        if self.evidence.len() > EVIDENCE_MAX {
            return range("evidence", format!("is more than {EVIDENCE_MAX} files"));
        }
        if self.body.len() > BODY_BYTES_MAX {
            return range("", format!("the body is longer than {BODY_BYTES_MAX} bytes"));
        }
        let digest =
            |text: &String| text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match self.evidence.iter().position(|text| !digest(text)) {
            Some(at) => Err(BodyError::new(
                format!("evidence[{at}]"),
                Rule::Format,
                "is not a SHA-256 digest in lower-case hex",
            )),
            None => Ok(()),
        }
    }
}

/// SHA-256 over a 128-bit salt and the canonical body.
pub type Commitment = [u8; 32];

/// The commitment to a body under a salt.
pub fn commit(salt: &[u8; 16], body: &str) -> Commitment {
    merkle::sha256(&[salt, body.as_bytes()])
}

/// An entry in its book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub book: BookId,
    pub seq: Seq,
    pub kind: KindName,
    pub occurred: Time,
    pub recorded: Time,
    pub actor: ActorId,
    pub answers: Option<SubjectId>,
    pub place: Option<SubjectId>,
    pub subjects: Vec<Subject>,
    pub evidence: Vec<String>,
    pub commitment: Commitment,
    /// The canonical body; `None` once erased.
    pub body: Option<String>,
    /// The salt of the commitment; erased with the body.
    pub salt: Option<[u8; 16]>,
    /// There only while the entry is as fresh as its draft.
    pub typed: Typed,
}

/// Why stored text is not the entry that it claims to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error("the head is not a canonical entry: {0}")]
    Head(String),
    #[error("the head's canonical text differs from the stored one")]
    NotCanonical,
    #[error("the body does not open the commitment in the head")]
    Commitment,
    #[error("the body was erased")]
    Erased,
    #[error("the body does not fit its kind: {0}")]
    Body(String),
    #[error("the canonical head is longer than {HEAD_BYTES_MAX} bytes")]
    TooLong,
}

/// The head as JSON has it; member names in the order of their code points, as JCS wants them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    actor: ActorId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<SubjectId>,
    body: String,
    book: BookId,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<String>,
    kind: KindName,
    occurred: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<SubjectId>,
    recorded: Time,
    seq: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subjects: Vec<(Role, SubjectId)>,
    v: u8,
}

impl Entry {
    /// Gives a draft its place, its time of recording and its salt.
    pub fn seal(draft: Draft, seq: Seq, recorded: Time, salt: [u8; 16]) -> Self {
        Self {
            commitment: commit(&salt, &draft.body),
            book: draft.book,
            seq,
            kind: draft.kind,
            occurred: draft.occurred,
            recorded,
            actor: draft.actor,
            answers: draft.answers,
            place: draft.place,
            subjects: draft.subjects,
            evidence: draft.evidence,
            body: Some(draft.body),
            salt: Some(salt),
            typed: draft.typed,
        }
    }

    /// The canonical head (RFC 8785): the bytes that are the leaf of the tree.
    pub fn head(&self) -> String {
        let mut out = String::with_capacity(420);
        out.push_str("{\"actor\":");
        push_text(&mut out, self.actor.as_str());
        if let Some(post) = &self.answers {
            out.push_str(",\"answers\":");
            push_text(&mut out, post.as_str());
        }
        out.push_str(",\"body\":\"");
        let mut buffer = [0; 44];
        out.push_str(Base64::encode(&self.commitment, &mut buffer).expect("44 characters hold 32 bytes"));
        out.push_str("\",\"book\":");
        push_text(&mut out, self.book.as_str());
        if !self.evidence.is_empty() {
            out.push_str(",\"evidence\":[");
            for (index, digest) in self.evidence.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                push_text(&mut out, digest);
            }
            out.push(']');
        }
        out.push_str(",\"kind\":");
        push_text(&mut out, self.kind.as_str());
        out.push_str(",\"occurred\":\"");
        self.occurred.write_to(&mut out);
        out.push('"');
        if let Some(place) = &self.place {
            out.push_str(",\"place\":");
            push_text(&mut out, place.as_str());
        }
        out.push_str(",\"recorded\":\"");
        self.recorded.write_to(&mut out);
        let _infallible = write!(out, "\",\"seq\":{}", self.seq);
        if !self.subjects.is_empty() {
            out.push_str(",\"subjects\":[");
            for (index, subject) in self.subjects.iter().enumerate() {
                out.push_str(if index > 0 { ",[\"" } else { "[\"" });
                out.push_str(subject.role.as_str());
                out.push_str("\",");
                push_text(&mut out, subject.id.as_str());
                out.push(']');
            }
            out.push(']');
        }
        out.push_str(",\"v\":1}");
        out
    }

    /// Reads a stored head strictly: its canonical text must be the stored one, byte for byte, and the body, where
    /// there is one, must open the commitment.
    pub fn open(head: &str, body: Option<String>, salt: Option<[u8; 16]>) -> Result<Self, EntryError> {
        let entry = Self::read(head, body, salt)?;
        if entry.head() != head {
            return Err(EntryError::NotCanonical);
        }
        match (&entry.body, &entry.salt) {
            (Some(body), Some(salt)) if commit(salt, body) != entry.commitment => Err(EntryError::Commitment),
            (Some(_), None) | (None, Some(_)) => Err(EntryError::Commitment),
            _ => Ok(entry),
        }
    }

    /// Reads a head that our own database returned, without the proof of [`Entry::open`].
    pub fn read(head: &str, body: Option<String>, salt: Option<[u8; 16]>) -> Result<Self, EntryError> {
        let head: Head = serde_json::from_str(head).map_err(|error| EntryError::Head(error.to_string()))?;
        if head.v != 1 {
            return Err(EntryError::Head(format!("version {} is not known", head.v)));
        }
        let commitment = Base64::decode_vec(&head.body)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| EntryError::Head("the commitment is not 32 bytes in base64".into()))?;
        Ok(Self {
            book: head.book,
            seq: Seq(head.seq),
            kind: head.kind,
            occurred: head.occurred,
            recorded: head.recorded,
            actor: head.actor,
            answers: head.answers,
            place: head.place,
            subjects: head.subjects.into_iter().map(|(role, id)| Subject { role, id }).collect(),
            evidence: head.evidence,
            commitment,
            body,
            salt,
            typed: Typed::default(),
        })
    }

    /// The leaf of the tree.
    pub fn leaf(&self) -> merkle::Hash {
        merkle::leaf_hash(self.head().as_bytes())
    }

    /// The body as its kind's type.
    pub fn body<B: Body>(&self) -> Result<B, EntryError> {
        self.with_body(B::clone)
    }

    /// What `read` makes of the body, which is parsed only if it was not typed when the entry was drafted.
    pub fn with_body<B: Body, T>(&self, read: impl FnOnce(&B) -> T) -> Result<T, EntryError> {
        let text = self.body.as_deref().ok_or(EntryError::Erased)?;
        if let Some(body) = self.typed.get() {
            return Ok(read(body));
        }
        let body = serde_json::from_str(text);
        body.map(|body| read(&body)).map_err(|error| EntryError::Body(format!("{}: {error}", B::KIND)))
    }

    /// The first subject in a role.
    pub fn subject(&self, role: Role) -> Option<&SubjectId> {
        self.subjects.iter().find(|subject| subject.role == role).map(|subject| &subject.id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::jcs;

    fn entry(actor: &str, subject: &str, seq: u64, occurred: i64) -> Entry {
        let draft = Draft {
            book: BookId::new("beiyuan").unwrap(),
            kind: KindName::new("market.lot.received").unwrap(),
            occurred: Time(occurred),
            actor: ActorId::new(actor).unwrap(),
            answers: Some(SubjectId::new("post:beiyuan/operator").unwrap()),
            place: SubjectId::new("stall:beiyuan/A12").ok(),
            subjects: vec![Subject::new(Role::Output, SubjectId::new(subject).unwrap())],
            evidence: vec!["0".repeat(64)],
            bears_files: true,
            body: "{\"quantity_g\":1000}".into(),
            typed: Typed::default(),
        };
        Entry::seal(draft, Seq(seq), Time(occurred + 5), [7; 16])
    }

    proptest! {
        #[test]
        fn the_head_is_what_a_general_canonicalizer_prints(
            actor in "[a-z]{1,8}:[!-~]{0,30}", subject in "[a-z]{1,5}:\\PC{1,40}", seq in 0..1_u64 << 53, at in 0..Time::MAX.0 - 5,
        ) {
            prop_assume!(SubjectId::new(&subject).is_ok());
            let head = entry(&actor, &subject, seq, at).head();
            let value: serde_json::Value = serde_json::from_str(&head).unwrap();
            prop_assert_eq!(jcs(&value).unwrap(), head);
        }

        #[test]
        fn opening_the_head_gives_the_entry_back(seq in 0..1_u64 << 53, at in 0..Time::MAX.0 - 5) {
            let entry = entry("account:wei", "lot:beiyuan/番茄\"1\\", seq, at);
            let opened = Entry::open(&entry.head(), entry.body.clone(), entry.salt);
            prop_assert_eq!(opened, Ok(entry));
        }

        #[test]
        fn a_changed_byte_of_head_body_or_salt_is_refused_or_changes_the_leaf(at in 0_usize..600, flip in 1_u8..=255) {
            let entry = entry("account:wei", "lot:beiyuan/1", 7, 1_639_096_282_000);
            let (head, body, salt) = (entry.head(), entry.body.clone().unwrap(), entry.salt.unwrap());
            let mut bytes: Vec<u8> = [head.as_bytes(), body.as_bytes(), &salt].concat();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let (h, rest) = bytes.split_at(head.len());
            let (b, s) = rest.split_at(body.len());
            let (Ok(h), Ok(b)) = (std::str::from_utf8(h), String::from_utf8(b.to_vec())) else { return Ok(()) };
            let opened = Entry::open(h, Some(b), s.try_into().ok());
            prop_assert!(opened.is_err() || opened.unwrap().leaf() != entry.leaf());
        }
    }

    #[test]
    fn a_head_with_a_space_or_another_order_is_not_canonical() {
        let head = entry("account:wei", "lot:beiyuan/1", 7, 0).head();
        let spaced = head.replacen(',', ", ", 1);
        let body = Some("{\"quantity_g\":1000}".to_owned());
        assert_eq!(Entry::open(&spaced, body, Some([7; 16])), Err(EntryError::NotCanonical));
    }
}
