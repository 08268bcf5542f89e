//! The elements of a document with their texts: only those that a plan is read from, a bounded number of them, and
//! without a document type, so that there are no entities to expand.

use quick_xml::events::Event;

use crate::error::words;
use crate::xml::predefined;
use crate::{FormatError, Limits};

/// The elements that are kept; what lies in others is passed over. In the order of bytes.
const KEPT: [&str; 47] = [
    "Active",
    "ActualCost",
    "ActualFinish",
    "ActualStart",
    "BaseCalendarUID",
    "Calendar",
    "CalendarUID",
    "Calendars",
    "ConstraintDate",
    "ConstraintType",
    "Cost",
    "DayType",
    "DayWorking",
    "Deadline",
    "Duration",
    "DurationFormat",
    "Exception",
    "Exceptions",
    "FromDate",
    "FromTime",
    "IsNull",
    "LagFormat",
    "LinkLag",
    "Name",
    "Occurrences",
    "OutlineLevel",
    "PercentComplete",
    "Period",
    "PredecessorLink",
    "PredecessorUID",
    "Project",
    "RemainingDuration",
    "StartDate",
    "StatusDate",
    "Summary",
    "Task",
    "Tasks",
    "TimePeriod",
    "Title",
    "ToDate",
    "ToTime",
    "Type",
    "UID",
    "WeekDay",
    "WeekDays",
    "WorkingTime",
    "WorkingTimes",
];

#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "true"))
    }
}

pub(super) fn read(xml: &str, limits: &Limits) -> Result<Element, FormatError> {
    let bad = |error: &dyn std::fmt::Display| FormatError::Xml(error.to_string());
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut open = vec![Element::default()];
    let (mut kept, mut passed_over) = (0, 0);
    loop {
        let event = reader.read_event().map_err(|error| bad(&error))?;
        match event {
            Event::DocType(_) => return Err(FormatError::Doctype),
            Event::Start(ref start) | Event::Empty(ref start) => {
                let depth = open.len() + passed_over;
                Limits::check(words("levels of nesting", "层嵌套"), depth, limits.depth_max)?;
                let place = KEPT.binary_search_by(|kept| kept.as_bytes().cmp(start.local_name().as_ref()));
                let is_empty = matches!(event, Event::Empty(_));
                match place {
                    Ok(at) if passed_over == 0 => {
                        kept += 1;
                        Limits::check(words("elements", "个元素"), kept, limits.elements_max)?;
                        open.push(Element { name: KEPT[at], ..Element::default() });
                        if is_empty {
                            close(&mut open);
                        }
                    }
                    _ => passed_over += usize::from(!is_empty),
                }
            }
            Event::End(_) if passed_over > 0 => passed_over -= 1,
            Event::End(_) if open.len() > 1 => close(&mut open),
            _ if passed_over > 0 && !matches!(event, Event::Eof) => {}
            Event::Text(text) => add(&mut open, &text.decode().map_err(|error| bad(&error))?),
            Event::CData(text) => add(&mut open, &text.decode().map_err(|error| bad(&error))?),
            Event::GeneralRef(name) => {
                let c = match name.resolve_char_ref().map_err(|error| bad(&error))? {
                    Some(c) => c,
                    None => predefined(&name)?,
                };
                add(&mut open, c.encode_utf8(&mut [0; 4]));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(document), true) if passed_over == 0 => document
            .children
            .into_iter()
            .next()
            .ok_or(FormatError::Missing(words("the root element", "根元素"))),
        _ => Err(FormatError::Xml("an element is not closed".to_owned())),
    }
}

fn close(open: &mut Vec<Element>) {
    let Some(mut element) = open.pop() else { return };
    if !element.children.is_empty() {
        // Between elements there is only layout.
        element.text = String::new();
    }
    if let Some(parent) = open.last_mut() {
        parent.children.push(element);
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}
