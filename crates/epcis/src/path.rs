use std::fmt;

use crate::context::is_member;

/// Where in a document one stands; written out only when something is wrong there.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Root,
    /// A prefix that was written out before.
    Text(&'a str),
    Member(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl<'a> Path<'a> {
    pub fn member(&'a self, name: &'a str) -> Self {
        Self::Member(self, name)
    }

    pub fn item(&'a self, index: usize) -> Self {
        Self::Item(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Member(Path::Root, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The names and places of a path that was written out. What is not of the standard is one name to its end, since
/// names of others may hold dots.
pub(crate) fn tokens(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    std::iter::from_fn(move || {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return None;
        }
        let (token, after) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((place, after)) => (place, after),
            None => {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                if is_member(name) { (name, after) } else { (rest, "") }
            }
        };
        rest = after;
        Some(token)
    })
}

/// The same place in an XML document, from its root.
pub(crate) fn in_xml(path: &str) -> String {
    let mut out = String::from("/*");
    let mut holder = "";
    for token in tokens(path) {
        if let Ok(place) = token.parse::<usize>() {
            out.push_str(&format!("{}[{}]", item(holder), place + 1));
            continue;
        }
        match (holder, token) {
            ("", "schemaVersion" | "creationDate" | "id" | "sender" | "receiver" | "instanceIdentifier")
            | ("sensorMetadata" | "sensorReport", _)
            | ("vocabularyList" | "vocabularyElementList" | "attributes", "type" | "id")
            | ("bizTransactionList" | "sourceList" | "destinationList", "type") => {
                out.push_str(&format!("/@{token}"));
            }
            // The type of an event is the name of its element, and these are the elements themselves.
            ("eventList", "type")
            | ("bizTransactionList", "bizTransaction")
            | ("sourceList", "source")
            | ("destinationList", "destination")
            | ("attributes", "attribute") => {}
            (_, "sensorReport" | "set" | "unset" | "attributes") => {}
            _ => out.push_str(&format!("/{}", element(token))),
        }
        holder = token;
    }
    out
}

/// The element of a member, where it has another name.
fn element(member: &str) -> &str {
    match member {
        "epcisHeader" => "EPCISHeader",
        "epcisMasterData" => "extension/EPCISMasterData",
        "vocabularyList" => "VocabularyList",
        "vocabularyElementList" => "VocabularyElementList",
        "epcisBody" => "EPCISBody",
        "eventList" => "EventList",
        "queryResults" => "QueryResults",
        other => other,
    }
}

/// The path from a list to its items.
fn item(list: &str) -> &str {
    match list {
        "eventList" => "/*",
        "epcList" | "childEPCs" | "inputEPCList" | "outputEPCList" => "/epc",
        "quantityList" | "childQuantityList" | "inputQuantityList" | "outputQuantityList" => {
            "/quantityElement"
        }
        "bizTransactionList" => "/bizTransaction",
        "sourceList" => "/source",
        "destinationList" => "/destination",
        "sensorElementList" => "/sensorElement",
        "sensorReport" => "/sensorReport",
        "set" => "/set",
        "unset" => "/unset",
        "attributes" => "/attribute",
        "correctiveEventIDs" => "/correctiveEventID",
        "vocabularyList" => "/Vocabulary",
        "vocabularyElementList" => "/VocabularyElement",
        "children" => "/id",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use crate::error::{EpcisError, Rule};

    #[test]
    fn a_place_is_told_in_both_formats() {
        for (path, pointer, xml) in [
            ("", "", "/*"),
            ("creationDate", "/creationDate", "/*/@creationDate"),
            (
                "epcisBody.eventList[3].quantityList[0].uom",
                "/epcisBody/eventList/3/quantityList/0/uom",
                "/*/EPCISBody/EventList/*[4]/quantityList/quantityElement[1]/uom",
            ),
            (
                "epcisBody.eventList[0].sensorElementList[1].sensorReport[2].uom",
                "/epcisBody/eventList/0/sensorElementList/1/sensorReport/2/uom",
                "/*/EPCISBody/EventList/*[1]/sensorElementList/sensorElement[2]/sensorReport[3]/@uom",
            ),
            (
                "epcisBody.eventList[0].sourceList[0].type",
                "/epcisBody/eventList/0/sourceList/0/type",
                "/*/EPCISBody/EventList/*[1]/sourceList/source[1]/@type",
            ),
            (
                "epcisBody.eventList[0].persistentDisposition.set[1]",
                "/epcisBody/eventList/0/persistentDisposition/set/1",
                "/*/EPCISBody/EventList/*[1]/persistentDisposition/set[2]",
            ),
            (
                "epcisHeader.epcisMasterData.vocabularyList[0].vocabularyElementList[1].attributes[2].id",
                "/epcisHeader/epcisMasterData/vocabularyList/0/vocabularyElementList/1/attributes/2/id",
                "/*/EPCISHeader/extension/EPCISMasterData/VocabularyList/Vocabulary[1]/VocabularyElementList\
                 /VocabularyElement[2]/attribute[3]/@id",
            ),
            (
                "ilmd.https://a.example/b.c~d",
                "/ilmd/https:~1~1a.example~1b.c~0d",
                "/*/ilmd/https://a.example/b.c~d",
            ),
        ] {
            let error = EpcisError::at(path, Rule::Missing);
            assert_eq!(error.pointer(), pointer);
            assert_eq!(error.xml_path(), xml);
        }
    }
}
