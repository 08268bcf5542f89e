//! The spellings in which events are sent: EPC URNs or Digital Links, and bare words of the vocabularies.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::digital_link::{CANONICAL_BASE, DigitalLink};
use crate::error::{EpcisError, Rule};
use crate::urn;
use crate::vocabulary::Vocabulary;

/// How identifiers are spelled (header `GS1-EPC-Format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EpcFormat {
    /// The default of the standard: on GS1's domain, unless it came as a link of another.
    #[default]
    #[serde(rename = "Always_GS1_Digital_Link")]
    DigitalLink,
    /// Where the length of the company prefix is known.
    #[serde(rename = "Always_EPC_URN")]
    Urn,
    #[serde(rename = "Never_Translates")]
    AsWritten,
}

impl EpcFormat {
    /// The standard's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DigitalLink => "Always_GS1_Digital_Link",
            Self::Urn => "Always_EPC_URN",
            Self::AsWritten => "Never_Translates",
        }
    }

    /// What the standard's word asks for: without a preference nothing is translated.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::DigitalLink, Self::Urn, Self::AsWritten];
        let asked = if word == "No_Preference" { Self::AsWritten.name() } else { word };
        all.into_iter().find(|format| format.name() == asked)
    }
}

/// Where the company prefix ends in a GS1 key: what a Digital Link does not say and an EPC URN must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyPrefixes(BTreeMap<String, usize>);

impl CompanyPrefixes {
    /// What the first digits of Chinese prefixes say (GB 12904-2008, section 4.1), the only ones that say it.
    pub fn chinese() -> Self {
        const LENGTHS: &[(&str, usize)] =
            &[("690", 7), ("691", 7), ("692", 8), ("693", 8), ("694", 8), ("695", 8), ("696", 8), ("697", 9)];
        Self(LENGTHS.iter().map(|(digits, length)| ((*digits).to_owned(), *length)).collect())
    }

    /// Adds the prefixes of a list as GS1 publishes it (`gcpprefixformatlist.json`): for each beginning of a prefix its
    /// whole length, or 0 where the beginning is not used.
    pub fn with_list(mut self, json: &[u8]) -> Result<Self, EpcisError> {
        let value: Value = serde_json::from_slice(json)
            .map_err(|error| EpcisError::at("", Rule::Json(error.to_string())))?;
        let entries =
            value.get("GCPPrefixFormatList").and_then(|list| list.get("entry")).and_then(Value::as_array);
        let path = "GCPPrefixFormatList.entry";
        for (i, entry) in entries.ok_or_else(|| EpcisError::at(path, Rule::Missing))?.iter().enumerate() {
            let digits = entry.get("prefix").and_then(Value::as_str);
            let digits =
                digits.filter(|digits| !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()));
            let length = entry.get("gcpLength").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
            let (Some(digits), Some(length)) = (digits, length) else {
                let rule = Rule::Kind("an object of prefix and gcpLength");
                return Err(EpcisError::at(format!("{path}[{i}]"), rule));
            };
            self.0.insert(digits.to_owned(), length);
        }
        Ok(self)
    }

    /// Adds one whole company prefix.
    pub fn with(mut self, prefix: &str) -> Self {
        self.0.insert(prefix.to_owned(), prefix.len());
        self
    }

    /// The length of the prefix that a key begins with.
    fn length(&self, key: &str) -> Option<usize> {
        let known = (1..=key.len().min(12)).rev().filter_map(|n| self.0.get(key.get(..n)?));
        known.copied().next().filter(|length| *length > 0)
    }
}

/// An identifier in another spelling; what has none stays as it is.
pub fn identifier<'a>(id: &'a str, format: EpcFormat, prefixes: &CompanyPrefixes) -> Cow<'a, str> {
    let translated = match format {
        EpcFormat::AsWritten => None,
        EpcFormat::DigitalLink if id.starts_with("urn:epc:") => {
            urn::to_digital_link(id, CANONICAL_BASE).ok().map(|link| link.to_string())
        }
        EpcFormat::Urn if id.starts_with("http") => DigitalLink::parse(id).ok().and_then(|link| {
            let key = link.key.value.as_str();
            // An indicator, an extension digit or a filling zero stands before the prefix of these.
            let from = usize::from(matches!(link.key.ai.code, "00" | "01" | "8003" | "8006"));
            let length = prefixes.length(key.get(from..)?)?;
            urn::to_urn(&link, length).ok()
        }),
        _ => None,
    };
    translated.map_or(Cow::Borrowed(id), Cow::Owned)
}

/// Spells the identifiers of an event anew: those of things, places, parties, transactions and sensors.
pub fn translate(event: &mut Map<String, Value>, format: EpcFormat, prefixes: &CompanyPrefixes) {
    if format == EpcFormat::AsWritten {
        return;
    }
    each_identifier(event, &mut |id| {
        if let Cow::Owned(translated) = identifier(id, format, prefixes) {
            *id = translated;
        }
    });
}

/// Spells the words of the standard vocabularies as JSON has them, bare.
pub fn bare_words(event: &mut Map<String, Value>, context: &Context) {
    let context = context.with(event.get("@context")).into_owned();
    let word = |value: &mut Value, words: Vocabulary| {
        let Value::String(written) = value else { return };
        if written.contains(':') {
            let expanded = context.expand(written);
            let bare = words.bare(&expanded);
            if words.words().contains(&bare) {
                *written = bare.to_owned();
            }
        }
    };
    let member = |holder: &mut Value, name: &str, words: Vocabulary| {
        holder.get_mut(name).into_iter().for_each(|value| word(value, words));
    };
    for (name, value) in event.iter_mut() {
        match name.as_str() {
            "bizStep" => word(value, Vocabulary::BizStep),
            "disposition" => word(value, Vocabulary::Disposition),
            "errorDeclaration" => member(value, "reason", Vocabulary::ErrorReason),
            "persistentDisposition" => {
                for list in ["set", "unset"] {
                    items(value.get_mut(list)).for_each(|value| word(value, Vocabulary::Disposition));
                }
            }
            "bizTransactionList" => {
                items(Some(value)).for_each(|pair| member(pair, "type", Vocabulary::BizTransactionType));
            }
            "sourceList" | "destinationList" => {
                items(Some(value)).for_each(|pair| member(pair, "type", Vocabulary::SourceDestinationType));
            }
            "sensorElementList" => {
                for report in items(Some(value)).flat_map(|element| items(element.get_mut("sensorReport"))) {
                    member(report, "type", Vocabulary::Measurement);
                    member(report, "exception", Vocabulary::SensorAlert);
                    member(report, "component", Vocabulary::SensorComponent);
                }
            }
            _ => {}
        }
    }
}

fn items(value: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    value.and_then(Value::as_array_mut).into_iter().flatten()
}

fn each_identifier(event: &mut Map<String, Value>, change: &mut dyn FnMut(&mut String)) {
    let mut member = |holder: &mut Value, name: &str| {
        if let Some(Value::String(id)) = holder.get_mut(name) {
            change(id);
        }
    };
    for (name, value) in event.iter_mut() {
        match name.as_str() {
            "readPoint" | "bizLocation" => member(value, "id"),
            "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
                items(Some(value)).for_each(|element| member(element, "epcClass"));
            }
            "bizTransactionList" => items(Some(value)).for_each(|pair| member(pair, "bizTransaction")),
            "sourceList" => items(Some(value)).for_each(|pair| member(pair, "source")),
            "destinationList" => items(Some(value)).for_each(|pair| member(pair, "destination")),
            "sensorElementList" => {
                for element in items(Some(value)) {
                    element.get_mut("sensorMetadata").into_iter().for_each(|at| member(at, "deviceID"));
                    items(element.get_mut("sensorReport")).for_each(|report| member(report, "deviceID"));
                }
            }
            _ => {}
        }
    }
    for (name, value) in event.iter_mut() {
        match (name.as_str(), value) {
            ("parentID" | "transformationID", Value::String(id)) => change(id),
            ("epcList" | "childEPCs" | "inputEPCList" | "outputEPCList", Value::Array(ids)) => {
                for id in ids {
                    if let Value::String(id) = id {
                        change(id);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn identifiers_go_both_ways_and_what_has_no_other_spelling_stays() {
        let prefixes = CompanyPrefixes::chinese().with("0614141");
        for (urn, link) in [
            ("urn:epc:id:sgtin:6901234.012345.7", "https://id.gs1.org/01/06901234123456/21/7"),
            ("urn:epc:class:lgtin:69212345.01234.L1", "https://id.gs1.org/01/06921234512340/10/L1"),
            ("urn:epc:idpat:sgtin:697123456.0123.*", "https://id.gs1.org/01/06971234561237"),
            ("urn:epc:id:sscc:0614141.1234567890", "https://id.gs1.org/00/106141412345678908"),
            ("urn:epc:id:sgln:0614141.12345.400", "https://id.gs1.org/414/0614141123452/254/400"),
            ("urn:epc:id:grai:0614141.12345.400", "https://id.gs1.org/8003/00614141123452400"),
            ("urn:epc:id:giai:0614141.12345400", "https://id.gs1.org/8004/061414112345400"),
        ] {
            assert_eq!(identifier(urn, EpcFormat::DigitalLink, &prefixes), link);
            assert_eq!(identifier(link, EpcFormat::Urn, &prefixes), urn);
            assert_eq!(identifier(urn, EpcFormat::Urn, &prefixes), urn);
            assert_eq!(identifier(link, EpcFormat::DigitalLink, &prefixes), link);
            assert_eq!(identifier(urn, EpcFormat::AsWritten, &prefixes), urn);
        }
        for other in [
            "urn:epc:id:gid:1.2.3",
            "urn:uuid:1",
            "https://example.com/2020",
            "https://a.example/01/09506000134352",
        ] {
            for format in [EpcFormat::DigitalLink, EpcFormat::Urn] {
                assert_eq!(identifier(other, format, &prefixes), other);
            }
        }
    }

    #[test]
    fn a_published_list_of_prefixes_is_read() {
        let list = br#"{ "GCPPrefixFormatList": { "entry": [
            { "prefix": "950600", "gcpLength": 7 }, { "prefix": "951", "gcpLength": 0 } ] } }"#;
        let prefixes = CompanyPrefixes::chinese().with_list(list).expect("a list");
        let urn = |id| identifier(id, EpcFormat::Urn, &prefixes).into_owned();
        assert_eq!(urn("https://a.example/01/09506000134352/21/1"), "urn:epc:id:sgtin:9506000.013435.1");
        assert_eq!(urn("https://a.example/01/09516000134351"), "https://a.example/01/09516000134351");
        let bad = br#"{ "GCPPrefixFormatList": { "entry": [{ "prefix": "95x", "gcpLength": 7 }] } }"#;
        let error = CompanyPrefixes::chinese().with_list(bad).expect_err("a refusal");
        assert_eq!(error.path, "GCPPrefixFormatList.entry[0]");
    }

    #[test]
    fn all_identifiers_of_an_event_are_spelled_anew_and_its_words_bare() {
        let epc = "urn:epc:id:sgtin:0614141.112345.1";
        let mut event = json!({
            "bizStep": "urn:epcglobal:cbv:bizstep:shipping", "disposition": "c:Disp-active", "ex:note": epc, "eventID": epc,
            "parentID": epc, "epcList": [epc], "quantityList": [{ "epcClass": epc }], "readPoint": { "id": epc },
            "bizTransactionList": [{ "type": "https://ref.gs1.org/cbv/BTT-po", "bizTransaction": epc }],
            "sourceList": [{ "type": "location", "source": epc }],
            "persistentDisposition": { "set": ["urn:epcglobal:cbv:disp:damaged", "https://other.example/x"] },
            "sensorElementList": [{ "sensorReport": [{ "type": "gs1:Temperature", "deviceID": epc, "rawData": epc }] }]
        });
        let members = event.as_object_mut().expect("an object");
        translate(members, EpcFormat::DigitalLink, &CompanyPrefixes::chinese());
        bare_words(members, &Context::read(&json!({ "c": "https://ref.gs1.org/cbv/" })));
        let link = "https://id.gs1.org/01/10614141123459/21/1";
        let expected = json!({
            "bizStep": "shipping", "disposition": "active", "ex:note": epc, "eventID": epc,
            "parentID": link, "epcList": [link], "quantityList": [{ "epcClass": link }], "readPoint": { "id": link },
            "bizTransactionList": [{ "type": "po", "bizTransaction": link }],
            "sourceList": [{ "type": "location", "source": link }],
            "persistentDisposition": { "set": ["damaged", "https://other.example/x"] },
            "sensorElementList": [{ "sensorReport": [{ "type": "Temperature", "deviceID": link, "rawData": epc }] }]
        });
        assert_eq!(event, expected);
    }
}
