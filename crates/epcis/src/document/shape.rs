//! The shapes that members of a document take.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::context::Context;
use crate::error::{EpcisError, Rule};
use crate::moment;
use crate::path::Path;
use crate::vocabulary::Vocabulary;

/// An object and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub map: &'a Map<String, Value>,
    pub path: &'a Path<'a>,
}

impl<'a> Shape<'a> {
    pub fn of(value: &'a Value, path: &'a Path<'a>) -> Result<Self, EpcisError> {
        match value {
            Value::Object(map) => Ok(Self { map, path }),
            _ => Err(EpcisError::at(path.to_string(), Rule::Kind("an object"))),
        }
    }

    pub fn refuse(&self, name: &str, rule: Rule) -> EpcisError {
        EpcisError::at(self.path.member(name).to_string(), rule)
    }

    pub fn need(&self, name: &str) -> Result<&'a Value, EpcisError> {
        self.map.get(name).ok_or_else(|| self.refuse(name, Rule::Missing))
    }

    /// Applies a check to a member if it is there.
    pub fn check(&self, name: &str, check: impl Fn(&Value) -> Result<(), Rule>) -> Result<(), EpcisError> {
        let Some(value) = self.map.get(name) else { return Ok(()) };
        check(value).map_err(|rule| self.refuse(name, rule))
    }

    /// A required member that is an object; `path` is its path.
    pub fn object<'b>(&self, name: &str, path: &'b Path<'b>) -> Result<Shape<'b>, EpcisError>
    where
        'a: 'b,
    {
        Shape::of(self.need(name)?, path)
    }

    /// The items of a member that is a list; none if the member is not there.
    pub fn items(&self, name: &str) -> Result<&'a [Value], EpcisError> {
        match self.map.get(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.refuse(name, Rule::Kind("a list"))),
        }
    }

    /// Applies a check to every item of a list.
    pub fn each(&self, name: &str, check: impl Fn(&Value) -> Result<(), Rule>) -> Result<(), EpcisError> {
        let list = self.path.member(name);
        for (i, item) in self.items(name)?.iter().enumerate() {
            check(item).map_err(|rule| EpcisError::at(list.item(i).to_string(), rule))?;
        }
        Ok(())
    }

    /// Refuses a list, which is a set, with an item that it holds before.
    pub fn distinct(&self, name: &str) -> Result<(), EpcisError> {
        let items = self.items(name)?;
        if items.len() < 2 {
            return Ok(());
        }
        let mut seen = HashSet::with_capacity(items.len());
        match items.iter().position(|item| !seen.insert(item.as_str())) {
            Some(at) => Err(EpcisError::at(self.path.member(name).item(at).to_string(), Rule::Twice)),
            None => Ok(()),
        }
    }

    /// Refuses members that the standard does not name; here it takes none of others.
    pub fn only(&self, names: &[&str]) -> Result<(), EpcisError> {
        match self.map.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(self.refuse(name, Rule::NoExtension(name.clone()))),
            None => Ok(()),
        }
    }

    /// Refuses members that the standard does not name, unless they carry a namespace or the context defines them.
    pub fn known(&self, names: &[&str], context: &Context) -> Result<(), EpcisError> {
        let strange = |name: &&String| !names.contains(&name.as_str()) && !context.is_extension(name);
        match self.map.keys().find(strange) {
            Some(name) => Err(self.refuse(name, Rule::UnknownMember(name.clone()))),
            None => Ok(()),
        }
    }
}

pub(crate) fn text(value: &Value) -> Result<&str, Rule> {
    value.as_str().ok_or(Rule::Kind("a text"))
}

pub(crate) fn number(value: &Value) -> Result<(), Rule> {
    if value.is_number() { Ok(()) } else { Err(Rule::Kind("a number")) }
}

pub(crate) fn boolean(value: &Value) -> Result<(), Rule> {
    if value.is_boolean() { Ok(()) } else { Err(Rule::Kind("true or false")) }
}

pub(crate) fn uri(value: &Value) -> Result<(), Rule> {
    let uri = text(value)?;
    if crate::uri::is_absolute(uri) { Ok(()) } else { Err(Rule::Uri(uri.to_owned())) }
}

/// A URI; one that begins as an EPC URN of a GS1 key must be a whole one.
pub(crate) fn epc(value: &Value) -> Result<(), Rule> {
    uri(value)?;
    let epc = text(value)?;
    if crate::urn::is_gs1_urn(epc) {
        crate::urn::to_digital_link(epc, crate::digital_link::CANONICAL_BASE)?;
    }
    Ok(())
}

/// What names a single thing.
pub(crate) fn instance(value: &Value) -> Result<(), Rule> {
    epc(value)?;
    match text(value)? {
        class if is_class(class) => Err(Rule::ClassLevel(class.to_owned())),
        _ => Ok(()),
    }
}

/// What names a class of things.
pub(crate) fn class(value: &Value) -> Result<(), Rule> {
    epc(value)?;
    match text(value)? {
        single if single.starts_with("urn:epc:id:sgtin:") => Err(Rule::InstanceLevel(single.to_owned())),
        _ => Ok(()),
    }
}

fn is_class(id: &str) -> bool {
    id.starts_with("urn:epc:class:") || id.starts_with("urn:epc:idpat:")
}

pub(crate) fn time(value: &Value) -> Result<(), Rule> {
    let time = text(value)?;
    moment::exact(time).map(|_| ()).ok_or_else(|| Rule::Time(time.to_owned()))
}

pub(crate) fn offset(value: &Value) -> Result<(), Rule> {
    let offset = text(value)?;
    moment::parse_offset(offset).map(|_| ()).ok_or_else(|| Rule::Offset(offset.to_owned()))
}

pub(crate) fn version(value: &Value) -> Result<(), Rule> {
    let version = text(value)?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    let allowed = || Rule::NotOneOf { found: version.to_owned(), allowed: "versions such as 2.0".to_owned() };
    if version.split('.').all(digits) { Ok(()) } else { Err(allowed()) }
}

/// The version as XML carries it, a decimal number; what was written for an earlier one is written anew for 2.0.
pub(crate) fn carried(version: &str) -> String {
    let mut parts = version.split('.').map(|part| part.trim_start_matches('0'));
    let major = parts.next().unwrap_or_default();
    if matches!(major, "" | "1") {
        return "2.0".to_owned();
    }
    let minor = parts.next().filter(|minor| !minor.is_empty()).unwrap_or("0");
    format!("{major}.{minor}")
}

pub(crate) fn one_of(value: &Value, allowed: &[&str]) -> Result<(), Rule> {
    let found = text(value)?;
    let rule = || Rule::NotOneOf { found: found.to_owned(), allowed: allowed.join(", ") };
    if allowed.contains(&found) { Ok(()) } else { Err(rule()) }
}

pub(crate) fn word(value: &Value, vocabulary: Vocabulary) -> Result<(), Rule> {
    let found = text(value)?;
    let rule = || Rule::Vocabulary { found: found.to_owned(), list: vocabulary.name() };
    if vocabulary.accepts(found) { Ok(()) } else { Err(rule()) }
}
