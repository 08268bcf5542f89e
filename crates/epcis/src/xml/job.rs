//! Capture jobs and problems, which the schema of EPCIS 2.0 has in XML too, and the list of the top-level resources.

use serde_json::Value;

use super::print::{attribute, scalar, text};

const ROOT: &str =
    " xmlns:epcis=\"urn:epcglobal:epcis:xsd:2\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
/// The namespace of members of a problem that are not those of RFC 9457.
const PROBLEM: &str = "urn:taizhang:problem";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// A capture job (`EPCISCaptureJob`) from its JSON form.
pub fn capture_job(job: &Value) -> String {
    let mut out = format!("{HEAD}<epcis:EPCISCaptureJob{ROOT}");
    for name in ["running", "success", "captureID"] {
        attribute(&mut out, name, &scalar(&job[name]));
    }
    out.push('>');
    for name in ["captureErrorBehaviour", "createdAt", "finishedAt"] {
        leaf(&mut out, name, &job[name]);
    }
    match job["errors"].as_array() {
        Some(errors) if !errors.is_empty() => {
            out.push_str("<errors>");
            for error in errors {
                out.push_str("<error>");
                members(&mut out, error);
                out.push_str("</error>");
            }
            out.push_str("</errors>");
        }
        _ => leaf(&mut out, "errorFile", &job["errorFile"]),
    }
    out.push_str("</epcis:EPCISCaptureJob>\n");
    out
}

/// A problem (RFC 9457, `EPCISException` of the schema) from its JSON form; what the schema does not name stands
/// in a namespace of its own.
pub fn problem(problem: &Value) -> String {
    let mut out = format!("{HEAD}<epcis:EPCISException{ROOT}>");
    members(&mut out, problem);
    out.push_str("</epcis:EPCISException>\n");
    out
}

/// The top-level resources from their JSON form. No schema has an element for them: names are those of the OpenAPI
/// document, as it says that XML follows from them.
pub fn top_level(collection: &Value) -> String {
    let mut out = format!("{HEAD}<TopLevelResourceCollection>");
    for (name, value) in collection.as_object().into_iter().flatten() {
        let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        items.iter().for_each(|item| leaf(&mut out, &super::names::encode(name), item));
    }
    out.push_str("</TopLevelResourceCollection>\n");
    out
}

fn members(out: &mut String, problem: &Value) {
    const KNOWN: &[&str] = &["type", "title", "status", "detail", "instance"];
    KNOWN.iter().for_each(|name| leaf(out, name, &problem[*name]));
    for (name, value) in problem.as_object().into_iter().flatten() {
        if KNOWN.contains(&name.as_str()) || value.is_null() {
            continue;
        }
        let name = super::names::encode(name);
        out.push_str(&format!("<p:{name} xmlns:p=\"{PROBLEM}\">"));
        text(out, &scalar(value));
        out.push_str(&format!("</p:{name}>"));
    }
}

fn leaf(out: &mut String, name: &str, value: &Value) {
    if !value.is_null() {
        out.push_str(&format!("<{name}>"));
        text(out, &scalar(value));
        out.push_str(&format!("</{name}>"));
    }
}
