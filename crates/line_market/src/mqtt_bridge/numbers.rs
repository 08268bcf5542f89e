//! The numbers by which a scale knows its message again, out of one that was refused.

use std::fmt;

use base::limits::{BLOCKS_MAX, SALES_PER_BATCH_MAX};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::topic::Matter;

/// As many as a message that is valid has.
const NUMBERS_MAX: usize = if SALES_PER_BATCH_MAX > BLOCKS_MAX { SALES_PER_BATCH_MAX } else { BLOCKS_MAX };

/// The member of a problem that names them.
pub const fn member(matter: Matter) -> &'static str {
    match matter {
        Matter::Sales => "counters",
        Matter::Acks => "holds",
    }
}

/// Counters or holds, as far as they can be read from a message that is perhaps not valid otherwise. Nothing else of it is kept,
/// for it may hold anything.
pub fn read(payload: &[u8], matter: Matter) -> Vec<u64> {
    let path: &[Step] = match matter {
        Matter::Sales => &[Step::Member("sales"), Step::Items, Step::Member("counter")],
        Matter::Acks => &[Step::Member("holds"), Step::Items],
    };
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(payload);
    let read = Numbers { path, found: &mut found }.deserialize(&mut reader).and_then(|()| reader.end());
    if read.is_err() {
        found.clear();
    }
    found
}

#[derive(Clone, Copy)]
enum Step {
    Member(&'static str),
    Items,
}

/// Collects the numbers at the end of a path, and passes over whatever else there is.
struct Numbers<'a> {
    path: &'a [Step],
    found: &'a mut Vec<u64>,
}

impl<'de> DeserializeSeed<'de> for Numbers<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        match self.found.len() < NUMBERS_MAX {
            true => reader.deserialize_any(self),
            false => reader.deserialize_ignored_any(IgnoredAny).map(drop),
        }
    }
}

impl<'de> Visitor<'de> for Numbers<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        if self.path.is_empty() {
            self.found.push(number);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let wanted = match self.path.first() {
            Some(Step::Member(name)) => Some(*name),
            _ => None,
        };
        while let Some(is_wanted) = map.next_key_seed(Named(wanted))? {
            match is_wanted {
                true => map.next_value_seed(Numbers { path: &self.path[1..], found: self.found })?,
                false => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((Step::Items, path)) = self.path.split_first() else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        while items.next_element_seed(Numbers { path, found: self.found })?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Whether a member has the name that is looked for.
struct Named(Option<&'static str>);

impl<'de> DeserializeSeed<'de> for Named {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<bool, D::Error> {
        reader.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Named {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(self.0 == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(message: &str) -> Vec<u64> {
        read(message.as_bytes(), Matter::Sales)
    }

    #[test]
    fn counters_are_found_in_messages_that_are_not_valid_otherwise() {
        let batch = r#"{"sales":[{"counter":7,"grams":"many"},{"counter":-1},{"counter":8}],"more":1}"#;
        assert_eq!(counters(batch), [7, 8]);
        assert_eq!(read(br#"{"holds":[3,"x",4]}"#, Matter::Acks), [3, 4]);
        for nothing in [
            "{\"sales\":[{\"counter\":7",
            r#"{"sales":[{"counter":7}]} more"#,
            "",
            "[]",
            "7",
            "null",
            r#"{"sales":{"counter":7}}"#,
            r#"{"sales":[7,[8],"9",{"counter":[1]},{"counter":{"counter":2}},{"counter":1.5},{"counter":null}]}"#,
            r#"{"counter":1,"holds":[2],"more":{"sales":[{"counter":3}]}}"#,
        ] {
            assert_eq!(counters(nothing), [0_u64; 0], "{nothing}");
        }
    }

    #[test]
    fn of_a_hostile_message_no_more_numbers_are_kept_than_a_valid_one_has_and_nothing_else() {
        let many = vec![r#"{"counter":5}"#; NUMBERS_MAX * 10].join(",");
        assert_eq!(counters(&format!(r#"{{"sales":[{many}]}}"#)), vec![5; NUMBERS_MAX]);
        // A reader that makes values of it goes no deeper than 128.
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(counters(&format!(r#"{{"more":{deep},"sales":[{{"x":{deep},"counter":6}}]}}"#)), [6]);
    }
}
