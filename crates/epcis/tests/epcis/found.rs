//! What fuzzing found, each a text that once broke a law of [`crate::round_trip`].

use crate::round_trip::{json, xml};

#[test]
fn a_version_before_2_or_of_three_numbers_comes_back_through_xml() {
    for version in ["1.0", "1.2", "0.9", "2", "2.0.1", "02.00", "10.0", "2.1"] {
        json(
            format!(
                "{{\"@context\":[],\"type\":\"EPCISDocument\",\"schemaVersion\":\"{version}\",\
                 \"creationDate\":\"2021-12-10T08:31:22Z\",\"epcisBody\":{{\"eventList\":[]}}}}"
            )
            .as_bytes(),
        );
        xml(format!(
            "<e:EPCISDocument xmlns:e=\"urn:epcglobal:epcis:xsd:2\" schemaVersion=\"{version}\" \
             creationDate=\"2021-12-10T08:31:22Z\"><EPCISBody><EventList/></EPCISBody></e:EPCISDocument>"
        )
        .as_bytes());
    }
}

#[test]
fn an_element_of_master_data_without_attributes_and_children_comes_back_through_xml() {
    for empty in ["\"attributes\":[]", "\"children\":[]", "\"children\":[],\"attributes\":[]"] {
        json(
            format!(
                "{{\"@context\":[],\"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\
                 \"creationDate\":\"2021-12-10T08:31:22Z\",\"epcisHeader\":{{\"epcisMasterData\":{{\"vocabularyList\":[\
                 {{\"type\":\"urn:epcglobal:epcis:vtype:ReadPoint\",\"vocabularyElementList\":[{{\"id\":\"urn:a:b\",{empty}}}]}}]\
                 }}}},\"epcisBody\":{{\"eventList\":[]}}}}"
            )
            .as_bytes(),
        );
    }
}

#[test]
fn master_data_that_lists_nothing_comes_back_through_xml() {
    let header = [
        r#"{}"#,
        r#"{"epcisMasterData":{}}"#,
        r#"{"epcisMasterData":{"vocabularyList":[]}}"#,
        r#"{"epcisMasterData":{"vocabularyList":[{"type":"urn:epcglobal:epcis:vtype:ReadPoint"}]}}"#,
        r#"{"epcisMasterData":{"vocabularyList":[{"type":"urn:a:b","vocabularyElementList":[]}]}}"#,
    ];
    for header in header {
        json(
            format!(
                "{{\"@context\":[],\"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\
                 \"creationDate\":\"2021-12-10T08:31:22Z\",\"epcisHeader\":{header},\"epcisBody\":{{\"eventList\":[]}}}}"
            )
            .as_bytes(),
        );
    }
}

#[test]
fn compact_names_in_master_data_keep_their_namespaces_through_xml() {
    json(
        b"{\"@context\":{\"ex\":\"https://ex.example/\"},\"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\
          \"creationDate\":\"2021-12-10T08:31:22Z\",\"epcisHeader\":{\"epcisMasterData\":{\"vocabularyList\":[\
          {\"type\":\"ex:places\",\"vocabularyElementList\":[{\"id\":\"ex:hall\",\"children\":[\"ex:door\"],\
          \"attributes\":[{\"id\":\"ex:colour\",\"attribute\":\"red\"}]}]}]}},\"epcisBody\":{\"eventList\":[]}}",
    );
}

#[test]
fn an_own_text_in_a_list_counts_for_the_hash_as_it_does_alone() {
    for text in ["[\"a\"]", "[[\"a\"]]", "[null,\"a\"]", "[\"a\",[]]", "[\"a\",\"b\"]", "[1]", "[]", "null"] {
        json(
            format!(
                "{{\"@context\":{{\"ex\":\"https://ex.example/\"}},\"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\
                 \"creationDate\":\"2021-12-10T08:31:22Z\",\"epcisBody\":{{\"eventList\":[{{\"type\":\"ObjectEvent\",\
                 \"action\":\"ADD\",\"eventTime\":\"2021-12-10T08:31:22Z\",\"eventTimeZoneOffset\":\"+08:00\",\"epcList\":[],\
                 \"ex:note\":{{\"#text\":{text}}}}}]}}}}"
            )
            .as_bytes(),
        );
    }
}

/// A document with one sensor report of an angle.
fn report(context: &str, kind: &str, uom: &str, component: &str) {
    json(
        format!(
            "{{\"@context\":{{{context}}},\"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\
             \"creationDate\":\"2021-12-10T08:31:22Z\",\"epcisBody\":{{\"eventList\":[{{\"type\":\"ObjectEvent\",\
             \"action\":\"ADD\",\"eventTime\":\"2021-12-10T08:31:22Z\",\"eventTimeZoneOffset\":\"+08:00\",\"epcList\":[],\
             \"sensorElementList\":[{{\"sensorReport\":[{{\"type\":\"{kind}\",\"value\":1,\"uom\":\"{uom}\",\
             \"component\":\"{component}\"}}]}}]}}]}}}}"
        )
        .as_bytes(),
    );
}

#[test]
fn a_context_that_gives_a_prefix_of_the_standard_another_meaning_is_refused_or_comes_back_through_xml() {
    for iri in ["https://ref.gs1.org/%cbv/", "https://ref.gs1.org/cbv/", "urn:a:", ""] {
        report(&format!("\"cbv\":\"{iri}\""), "gs1:Angle", "DD", "cbv:Comp-longitude");
    }
}

#[test]
fn a_word_under_another_prefix_of_its_namespace_comes_back_through_xml() {
    let gs0 = "\"gs0\":\"https://gs1.org/voc/\"";
    for (context, kind) in [(gs0, "gs0:Angle"), (gs0, "gs1:Angle"), ("", "gs1:Angl]e")] {
        report(context, kind, "DD", "x");
    }
}

#[test]
fn the_space_about_a_unit_comes_back_through_xml() {
    for uom in [" A93", "A93 ", "A93", " ", ""] {
        report("", "gs1:Angle", uom, "x");
    }
}

#[test]
fn names_of_more_than_a_prefix_and_a_local_part_are_refused_or_come_back() {
    for (name, attribute) in
        [("a:b", ":a:c"), ("a:b", "a:c:d"), ("a:b", ":c"), ("a:b", "c:"), (":b", "a:c"), ("a:b:c", "a:c")]
    {
        let text = format!(
            "<e:EPCISDocument xmlns:e=\"urn:epcglobal:epcis:xsd:2\" xmlns:a=\"urn:a:\" schemaVersion=\"2.0\" \
             creationDate=\"2021-12-10T08:31:22Z\"><EPCISBody><EventList><ObjectEvent>\
             <eventTime>2021-12-10T08:31:22Z</eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset><epcList/>\
             <action>ADD</action><{name} {attribute}=\"1\">2</{name}></ObjectEvent></EventList></EPCISBody></e:EPCISDocument>"
        );
        xml(text.as_bytes());
        let refused = epcis::Document::parse_xml(text.as_bytes(), &epcis::Limits::default());
        assert!(refused.is_err_and(|error| error.to_string().contains("is no qualified name")), "{text}");
    }
}

#[test]
fn a_query_document_that_names_no_version_comes_back_through_xml() {
    xml(b"<q:EPCISQueryDocument xmlns:q=\"urn:epcglobal:epcis-query:xsd:2\" creationDate=\"2021-12-10T08:31:22Z\"><EPCISBody>\
          <q:QueryResults><queryName>SimpleEventQuery</queryName><resultsBody><EventList/></resultsBody></q:QueryResults>\
          </EPCISBody></q:EPCISQueryDocument>");
}

#[test]
fn a_prefix_that_is_made_up_captures_no_value() {
    xml(b"<e:EPCISDocument xmlns:e=\"urn:epcglobal:epcis:xsd:2\" xmlns:xsi=\"urn:other\" schemaVersion=\"2.0\" \
          creationDate=\"2021-12-10T08:31:22Z\" xsi:a=\"b\"><EPCISBody><EventList><ObjectEvent>\
          <eventTime>2021-12-10T08:31:22Z</eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset><epcList>\
          <epc>urn:epc:id:sgtin:0614141.112345.1</epc></epcList><action>ADD</action><sensorElementList><sensorElement>\
          <sensorReport type=\"ns1:Dimensionless\"/></sensorElement></sensorElementList></ObjectEvent></EventList>\
          </EPCISBody></e:EPCISDocument>");
}

#[test]
fn a_query_document_that_names_no_date_comes_back_with_that_of_its_writing() {
    json(
        b"{\"@context\":[],\"type\":\"EPCISQueryDocument\",\"schemaVersion\":\"2.0\",\"epcisBody\":{\"queryResults\":{\
          \"queryName\":\"SimpleEventQuery\",\"resultsBody\":{\"eventList\":[]}}}}",
    );
}

#[test]
fn names_that_end_or_go_on_in_slashes_keep_their_namespaces_through_xml() {
    for name in
        ["Ob://ns.abc.de/epcis/", "a:/", "a:#", "a:b/", "a:////", "a:b#//", "a:b#//c", "a:b:///c", "ex:#//"]
    {
        json(
            format!(
                "{{\"@context\":{{\"ex\":\"https://ex.example/\",\"term\":\"{name}\"}},\"type\":\"EPCISDocument\",\
                 \"schemaVersion\":\"2.0\",\"creationDate\":\"2021-12-10T08:31:22Z\",\"epcisBody\":{{\"eventList\":[\
                 {{\"type\":\"{name}\",\"eventTime\":\"2021-12-10T08:31:22Z\",\"eventTimeZoneOffset\":\"+08:00\",\
                 \"{name}\":\"a\",\"ex:note\":{{\"term\":\"b\"}}}}]}}}}"
            )
            .as_bytes(),
        );
    }
}

#[test]
fn a_namespace_that_begins_with_an_at_sign_comes_back_through_xml() {
    for name in ["@ext1:boolean", "@ext1:", "@:a", "@/a", "@id:a", "@ext1:b:c"] {
        json(
            format!(
                "{{\"@context\":[],\"type\":\"EPCISDocument\",\"schemaVersion\":\"2.0\",\
                 \"creationDate\":\"2021-12-10T08:31:22Z\",\"epcisBody\":{{\"eventList\":[\
                 {{\"type\":\"ObjectEvent\",\"eventTime\":\"2021-12-10T08:31:22Z\",\"eventTimeZoneOffset\":\"+08:00\",\
                 \"action\":\"ADD\",\"epcList\":[\"urn:epc:id:sgtin:0614141.112345.1\"],\"{name}\":true}}]}}}}"
            )
            .as_bytes(),
        );
    }
}
