use serde_json::{Map, Value};

use crate::error::{EpcisError, Rule};
use crate::path::Path;

/// Bounds on what one document may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub events_max: usize,
    /// Objects and lists inside each other, the outermost included.
    pub depth_max: usize,
    /// Bytes of one text.
    pub text_bytes_max: usize,
    /// Bytes of one member's name, which XML and event hashes repeat for each item of a list.
    pub name_bytes_max: usize,
    /// Items of one list or members of one object.
    pub items_max: usize,
    /// Bytes of one event in JSON, without spaces and escapes; looked at before its rules are.
    pub event_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events_max: 1_000,
            depth_max: 32,
            text_bytes_max: 8 * 1024,
            name_bytes_max: 256,
            items_max: 20_000,
            event_bytes_max: 48 * 1024,
        }
    }
}

/// An event has some tens of values, its lists one for each item.
const VALUES_PER_ITEM: usize = 16;

impl Limits {
    /// Values, or elements, of a whole document.
    pub(crate) fn values_max(&self) -> usize {
        self.items_max.saturating_mul(VALUES_PER_ITEM)
    }

    /// Refuses a value that is too deep, too wide, or holds a text that is too long.
    pub fn check(&self, value: &Value) -> Result<(), EpcisError> {
        self.walk(value, &Path::Root, 1)
    }

    /// Bounds the depth only: what was captured under other limits still has a hash.
    pub(crate) fn depth_only() -> Self {
        Self {
            events_max: usize::MAX,
            text_bytes_max: usize::MAX,
            name_bytes_max: usize::MAX,
            items_max: usize::MAX,
            event_bytes_max: usize::MAX,
            ..Self::default()
        }
    }

    /// Refuses an event that is too long however it is written.
    pub(crate) fn check_event(&self, event: &Map<String, Value>, path: &Path) -> Result<(), EpcisError> {
        let max = self.event_bytes_max;
        let rule = Rule::Limit { what: "bytes in an event", max };
        if bytes_of(event) > max { Err(EpcisError::at(path.to_string(), rule)) } else { Ok(()) }
    }

    pub(crate) fn check_members(&self, map: &Map<String, Value>) -> Result<(), EpcisError> {
        map.iter().try_for_each(|(name, member)| self.walk(member, &Path::Root.member(name), 2))
    }

    fn walk(&self, value: &Value, path: &Path, depth: usize) -> Result<(), EpcisError> {
        let refuse = |what, max| Err(EpcisError::at(path.to_string(), Rule::Limit { what, max }));
        match value {
            Value::Array(_) | Value::Object(_) if depth > self.depth_max => {
                refuse("levels of nesting", self.depth_max)
            }
            Value::String(text) if text.len() > self.text_bytes_max => {
                refuse("bytes in a text", self.text_bytes_max)
            }
            Value::String(text) if has_control(text) => {
                Err(EpcisError::at(path.to_string(), Rule::ControlCharacter))
            }
            Value::Array(items) if items.len() > self.items_max => refuse("items in a list", self.items_max),
            Value::Object(map) if map.len() > self.items_max => {
                refuse("members in an object", self.items_max)
            }
            Value::Array(items) => {
                items.iter().enumerate().try_for_each(|(i, item)| self.walk(item, &path.item(i), depth + 1))
            }
            Value::Object(map) => map.iter().try_for_each(|(name, member)| {
                if name.len() > self.name_bytes_max {
                    return refuse("bytes in a member name", self.name_bytes_max);
                }
                if has_control(name) {
                    return Err(EpcisError::at(path.to_string(), Rule::ControlCharacter));
                }
                self.walk(member, &path.member(name), depth + 1)
            }),
            _ => Ok(()),
        }
    }
}

/// Bytes of an object in JSON at least.
fn bytes_of(members: &Map<String, Value>) -> usize {
    members.iter().map(|(name, value)| name.len() + 4 + bytes_at_least(value)).sum::<usize>() + 1
}

fn bytes_at_least(value: &Value) -> usize {
    match value {
        Value::Object(members) => bytes_of(members),
        Value::Array(items) => items.iter().map(|item| bytes_at_least(item) + 1).sum::<usize>() + 1,
        Value::String(text) => text.len() + 2,
        Value::Number(_) => 1,
        Value::Bool(_) | Value::Null => 4,
    }
}

/// True where a text holds what no XML document can (XML 1.0, section 2.2).
pub(crate) fn has_control(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().any(|(at, byte)| match byte {
        b'\t' | b'\n' | b'\r' => false,
        0..=0x1F => true,
        // U+FFFE and U+FFFF
        0xEF => matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])),
        _ => false,
    })
}
