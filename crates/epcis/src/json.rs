//! JSON text within limits, which are held while it is read: what exceeds them never comes to stand in memory.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::document::{Limits, has_control};
use crate::error::{EpcisError, Rule};
use crate::path::Path;

/// Reads JSON text. Numbers beyond 64-bit floats are refused; of members of one name the last stands.
pub(crate) fn parse(json: &[u8], limits: &Limits) -> Result<Value, EpcisError> {
    parse_part(json, &Path::Root, &Cell::new(0), limits)
}

/// Reads JSON text that stands at a place of a document, whose values are counted together.
pub(crate) fn parse_part(
    json: &[u8],
    path: &Path,
    values: &Cell<usize>,
    limits: &Limits,
) -> Result<Value, EpcisError> {
    let state = State { limits, values, failure: RefCell::new(None) };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let root = Node { state: &state, path, depth: 1 };
    let read = root.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| {
        let failure = state.failure.take();
        failure.unwrap_or_else(|| EpcisError::at(path.to_string(), Rule::Json(error.to_string())))
    })
}

struct State<'a> {
    limits: &'a Limits,
    /// Values of the document that were read.
    values: &'a Cell<usize>,
    /// What was refused, since an error of serde is a text only.
    failure: RefCell<Option<EpcisError>>,
}

/// A value at its place.
#[derive(Clone, Copy)]
struct Node<'a> {
    state: &'a State<'a>,
    path: &'a Path<'a>,
    depth: usize,
}

impl Node<'_> {
    fn refuse<E: Error>(&self, path: &Path, rule: Rule) -> E {
        let error = EpcisError::at(path.to_string(), rule);
        let text = error.to_string();
        *self.state.failure.borrow_mut() = Some(error);
        E::custom(text)
    }

    fn limit<E: Error>(&self, what: &'static str, max: usize) -> E {
        self.refuse(self.path, Rule::Limit { what, max })
    }

    fn check_text<E: Error>(&self, text: &str, what: &'static str, max: usize) -> Result<(), E> {
        if text.len() > max {
            return Err(self.limit(what, max));
        }
        if has_control(text) { Err(self.refuse(self.path, Rule::ControlCharacter)) } else { Ok(()) }
    }

    fn check_depth<E: Error>(&self) -> Result<(), E> {
        let max = self.state.limits.depth_max;
        if self.depth > max { Err(self.limit("levels of nesting", max)) } else { Ok(()) }
    }

    /// Counts an item that comes after so many others of its list or object.
    fn count<E: Error>(&self, before: usize, what: &'static str) -> Result<(), E> {
        let limits = self.state.limits;
        if before >= limits.items_max {
            return Err(self.limit(what, limits.items_max));
        }
        let values = self.state.values.get() + 1;
        if values > limits.values_max() {
            return Err(self.refuse(&Path::Root, Rule::Limit { what: "values", max: limits.values_max() }));
        }
        self.state.values.set(values);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.check_text(text, "bytes in a text", self.state.limits.text_bytes_max)?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut items = Vec::new();
        loop {
            let path = self.path.item(items.len());
            match access.next_element_seed(Node { path: &path, depth: self.depth + 1, ..self })? {
                Some(item) => {
                    self.count(items.len(), "items in a list")?;
                    items.push(item);
                }
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            self.check_text(&name, "bytes in a member name", self.state.limits.name_bytes_max)?;
            self.count(members.len(), "members in an object")?;
            let path = self.path.member(&name);
            // Of members of one name the last stands, as in most readers: published documents have such.
            let value = access.next_value_seed(Node { path: &path, depth: self.depth + 1, ..self })?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_held_while_reading() {
        let limits =
            Limits { depth_max: 3, text_bytes_max: 4, name_bytes_max: 4, items_max: 3, ..Limits::default() };
        let refusal =
            |json: &str| parse(json.as_bytes(), &limits).map(|v| v.to_string()).map_err(|e| e.to_string());
        assert_eq!(refusal("{\"a\":[1,2.5,true,null]}"), Err("a: exceeds 3 items in a list".into()));
        assert_eq!(refusal("{\"a\":[[\"abcd\"]]}"), Ok("{\"a\":[[\"abcd\"]]}".into()));
        assert_eq!(refusal("{\"a\":[[[]]]}"), Err("a[0][0]: exceeds 3 levels of nesting".into()));
        assert_eq!(refusal("[{\"a\":\"abcde\"}]"), Err("[0].a: exceeds 4 bytes in a text".into()));
        assert_eq!(refusal("{\"abcde\":1}"), Err(": exceeds 4 bytes in a member name".into()));
        assert_eq!(refusal("[1] 2"), Err(": is not JSON: trailing characters at line 1 column 5".into()));
        let many = format!("[{}]", ["[1,1,1]"; 3].join(","));
        let few = Limits { items_max: 3, ..limits };
        assert_eq!(parse(many.as_bytes(), &few).map(|_| ()), Ok(()));
    }

    #[test]
    fn parts_of_a_document_are_counted_together() {
        let limits = Limits { items_max: 2, ..Limits::default() };
        let (path, values) = (Path::Root.member("ex:a"), Cell::new(limits.values_max() - 3));
        let part =
            |json: &str| parse_part(json.as_bytes(), &path, &values, &limits).map_err(|e| e.to_string());
        assert_eq!(part("{\"b\":[0]}"), Ok(serde_json::json!({ "b": [0] })));
        assert_eq!(part("[0,1]"), Err(": exceeds 32 values".into()));
    }
}
