//! Files that mean harm, or are too much.

use schedule_formats::{FormatError, Limits, csv, mspdi, xer};

use crate::spring_festival;

fn limit_of(error: &FormatError) -> &'static str {
    match error {
        FormatError::Limit { what, .. } => what.en,
        other => panic!("no limit: {other}"),
    }
}

#[test]
fn xml_that_means_harm_is_refused() {
    let limits =
        Limits { depth_max: 8, activities_max: 2, bytes_max: 4_000, elements_max: 100, ..Limits::default() };
    let refused = |xml: &str| mspdi::read(xml, &limits).unwrap_err();
    let bomb = "<!DOCTYPE p [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><Project>&b;</Project>";
    assert_eq!(refused(bomb), FormatError::Doctype);
    assert!(matches!(refused("<Project>&b;</Project>"), FormatError::Xml(_)));
    for element in ["<a>", "<Task>"] {
        assert_eq!(limit_of(&refused(&element.repeat(20))), "levels of nesting");
    }
    assert_eq!(limit_of(&refused(&" ".repeat(5_000))), "bytes");
    assert_eq!(limit_of(&refused(&format!("<Project>{}</Project>", "<UID/>".repeat(200)))), "elements");
    assert!(matches!(refused("<Project><Tasks>"), FormatError::Xml(_)));
    assert!(matches!(refused("<Project><Unknown>"), FormatError::Xml(_)));
    let task = |uid| format!("<Task><UID>{uid}</UID><Duration>PT1H0M0S</Duration></Task>");
    let many = format!("<Project><Tasks>{}{}{}</Tasks></Project>", task(1), task(2), task(3));
    assert_eq!(limit_of(&refused(&many)), "activities");
    let twice = format!("<Project><Tasks>{}{}</Tasks></Project>", task(1), task(1));
    assert!(matches!(refused(&twice), FormatError::Twice { .. }));
    let ring = "<Project><Calendars><Calendar><UID>1</UID><BaseCalendarUID>2</BaseCalendarUID></Calendar>\
        <Calendar><UID>2</UID><BaseCalendarUID>1</BaseCalendarUID></Calendar></Calendars></Project>";
    assert_eq!(limit_of(&refused(ring)), "derived calendars");
    let long = "<Project><Calendars><Calendar><UID>1</UID><Exceptions><Exception><TimePeriod>\
        <FromDate>1000-01-01T00:00:00</FromDate><ToDate>9000-01-01T00:00:00</ToDate></TimePeriod></Exception>\
        </Exceptions></Calendar></Calendars></Project>";
    assert_eq!(limit_of(&refused(long)), "days that differ from the week");
}

#[test]
fn a_link_to_a_missing_task_names_both() {
    let xml = "<Project><Tasks><Task><UID>7</UID><PredecessorLink><PredecessorUID>9</PredecessorUID>\
        </PredecessorLink></Task></Tasks></Project>";
    let error = mspdi::read(xml, &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "task 7 names \"9\", which is not in the file");
    assert_eq!(error.chinese(), "任务 7引用的“9”不在文件中");
}

#[test]
fn a_file_of_a_hundred_megabytes_is_refused_before_it_is_read() {
    let text = " ".repeat(100 * 1024 * 1024);
    let limits = Limits { bytes_max: 64 * 1024 * 1024, ..Limits::default() };
    let errors = [
        mspdi::read(&text, &limits).unwrap_err(),
        xer::read(&text, &limits).unwrap_err(),
        csv::read(&text, spring_festival(), &limits).unwrap_err(),
        schedule_formats::xlsx::read(text.as_bytes(), spring_festival(), &limits).unwrap_err(),
    ];
    assert!(errors.iter().all(|error| limit_of(error) == "bytes"));
}

#[test]
fn a_row_of_countless_cells_is_refused() {
    let error = csv::read(&"a,".repeat(10_000), spring_festival(), &Limits::default()).unwrap_err();
    assert_eq!(limit_of(&error), "cells of a row");
}

#[test]
fn what_no_task_of_the_project_is_cannot_come_before_one() {
    let xer = "ERMHDR\n%T\tPROJECT\n%F\tproj_id\n%R\t1\n%T\tTASK\n%F\ttask_id\tproj_id\ttask_code\n%R\t10\t1\tA\n\
        %T\tTASKPRED\n%F\ttask_id\tpred_task_id\tproj_id\tpred_proj_id\tpred_type\n%R\t10\t99\t1\tOTHER\tPR_FS\n";
    assert_eq!(xer::read(xer, &Limits::default()).unwrap().plan.links.len(), 0);
    let own = xer.replace("OTHER", "1");
    assert!(matches!(xer::read(&own, &Limits::default()), Err(FormatError::Reference { .. })));
}
