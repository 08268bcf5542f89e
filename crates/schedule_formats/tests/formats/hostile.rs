//! Files that mean harm, or are too much.

use schedule_formats::{FormatError, Limits, Note, Place, csv, mspdi, xer};

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
fn fields_of_a_primavera_file_that_no_plan_is_read_from_are_passed_over() {
    let (fields, cells) = ("\tudf".repeat(1_000), "\tx".repeat(2_000));
    let file = |task: &str| {
        format!(
            "ERMHDR\n%T\tPROJECT\n%F\tproj_id\n%R\t1\n%T\tTASK\n\
            %F\tudf\ttask_id\ttask_id{fields}\tproj_id\ttask_code\ttarget_drtn_hr_cnt\n%R{task}\n"
        )
    };
    let before = "\tx".repeat(1_000);
    let read = xer::read(&file(&format!("\tx\t10\t11{before}\t1\tA\t8{cells}")), &Limits::default()).unwrap();
    assert_eq!((read.labels[0].code.as_str(), read.plan.activities[0].duration.0), ("A", 480));
    // A row that ends early has nothing in what follows.
    assert!(xer::read(&file("\tx\t10"), &Limits::default()).unwrap().labels.is_empty());
}

#[test]
fn what_no_task_of_the_project_is_cannot_come_before_one() {
    let xer = "ERMHDR\n%T\tPROJECT\n%F\tproj_id\n%R\t1\n%T\tTASK\n%F\ttask_id\tproj_id\ttask_code\n%R\t10\t1\tA\n\
        %T\tTASKPRED\n%F\ttask_id\tpred_task_id\tproj_id\tpred_proj_id\tpred_type\n%R\t10\t99\t1\tOTHER\tPR_FS\n";
    assert_eq!(xer::read(xer, &Limits::default()).unwrap().plan.links.len(), 0);
    let own = xer.replace("OTHER", "1");
    assert!(matches!(xer::read(&own, &Limits::default()), Err(FormatError::Reference { .. })));
}

#[test]
fn the_first_project_of_a_file_is_read_however_much_the_others_hold() {
    let others: String = (100..400).map(|at| format!("%R\t{at}\t2\tB{at}\n")).collect();
    let links: String = (101..400).map(|at| format!("%R\t{at}\t{}\t2\t2\tPR_FS\n", at - 1)).collect();
    let file = |links: &str| {
        format!(
            "ERMHDR\n%T\tPROJECT\n%F\tproj_id\n%R\t1\n%R\t2\n%T\tTASK\n%F\ttask_id\tproj_id\ttask_code\n\
            {others}%R\t10\t1\tA\n%R\t11\t1\tB\n%T\tTASKPRED\n\
            %F\ttask_id\tpred_task_id\tproj_id\tpred_proj_id\tpred_type\n{links}"
        )
    };
    let limits = Limits { activities_max: 40, links_max: 40, ..Limits::default() };
    let own = "%R\t11\t10\t1\t1\tPR_FS\n%R\t11\t399\t1\t\tPR_FS\n";
    let read = xer::read(&file(&format!("{links}{own}")), &limits).unwrap();
    assert_eq!((read.labels.len(), read.plan.links.len()), (2, 1));
    assert_eq!(read.notes, [Note::Links(300)], "what follows a task of another project, and theirs");
    let few = Limits { activities_max: 20, links_max: 20, ..limits };
    assert_eq!(limit_of(&xer::read(&file(own), &few).unwrap_err()), "rows");
}

/// Far more than a name has, and what so many activities would multiply it to.
fn long() -> String {
    "n".repeat(100_000)
}

#[test]
fn a_text_that_every_activity_would_carry_is_refused_where_it_stands() {
    let task = |uid: usize| format!("<Task><UID>{uid}</UID><OutlineLevel>2</OutlineLevel></Task>");
    let group = format!("<Task><UID>1</UID><Summary>1</Summary><Name>{}</Name></Task>", long());
    let grouped = (2..600).map(task).collect::<String>();
    let project =
        mspdi::read(&format!("<Project><Tasks>{group}{grouped}</Tasks></Project>"), &Limits::default());
    let project = project.unwrap_err();
    assert_eq!(
        project.to_string(),
        "task 1: the text that begins with \"nnnnnnnnnnnnnnnnnnnn\" has more than 255 characters"
    );
    assert_eq!(project.chinese(), "任务 1：以“nnnnnnnnnnnnnnnnnnnn”开头的文本超过 255 个字符");

    let head = "ERMHDR\n%T\tPROJECT\n%F\tproj_id\n%R\t1\n%T\tPROJWBS\n%F\twbs_id\twbs_name\n%R\t9\t";
    let task = |at: usize| format!("%R\t{at}\t1\t9\tA{at}\tx\t8\n");
    let fields = "%T\tTASK\n%F\ttask_id\tproj_id\twbs_id\ttask_code\ttask_name\ttarget_drtn_hr_cnt\n";
    let file = |wbs: &str| format!("{head}{wbs}\n{fields}{}", (0..600).map(task).collect::<String>());
    assert_eq!(xer::read(&file("Pit"), &Limits::default()).unwrap().labels[599].group, "Pit");
    let group = xer::read(&file(&long()), &Limits::default()).unwrap_err();
    assert!(
        matches!(group, FormatError::Long { place: Place::Field(ref field), max: 255, .. } if field == "wbs_name")
    );
    // Every link that names a task would carry its code.
    let code = xer::read(&file("Pit").replace("\tA5\t", &format!("\t{}\t", long())), &Limits::default());
    assert!(matches!(code, Err(FormatError::Long { place: Place::Task(_), max: 60, .. })));
}

#[test]
fn long_cells_of_a_table_are_told_together_with_what_else_is_wrong() {
    let text = format!("code,name,duration\nA,{},1d\n{},x,1d\nC,x,soon\n", long(), long());
    let error = csv::read(&text, spring_festival(), &Limits::default()).unwrap_err();
    let told: Vec<String> = error.each().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "row 2, name: the text that begins with \"nnnnnnnnnnnnnnnnnnnn\" has more than 255 characters",
            "row 3, code: the text that begins with \"nnnnnnnnnnnnnnnnnnnn\" has more than 60 characters",
            "row 4, duration: \"soon\" is not a span such as 5d, 4h or 30m",
        ]
    );
    // A column that no plan is read from may hold what it will.
    let notes = format!("code,duration,notes\nA,1d,{}\n", long());
    assert!(csv::read(&notes, spring_festival(), &Limits::default()).is_ok());
}

#[test]
fn cells_of_other_columns_do_not_count_as_predecessors_do() {
    let limits = Limits { links_max: 10, ..Limits::default() };
    let empty = ";".repeat(1_000);
    let row = |at: usize| format!("A{at},1d,{empty}\n");
    let text = format!("code,duration,predecessors\n{}", (0..10).map(row).collect::<String>());
    assert_eq!(limit_of(&csv::read(&text, spring_festival(), &limits).unwrap_err()), "bytes of predecessors");
    let notes = text.replace("predecessors", "notes");
    assert_eq!(csv::read(&notes, spring_festival(), &limits).unwrap().labels.len(), 10);
}

#[test]
fn days_and_shifts_of_calendars_are_counted_before_they_are_spread() {
    let shift = "<WorkingTime><FromTime>08:00:00</FromTime><ToTime>09:00:00</ToTime></WorkingTime>";
    let exception = |days: &str, shifts: usize| {
        let period = format!(
            "<TimePeriod><FromDate>2000-01-01T00:00:00</FromDate><ToDate>{days}T23:59:00</ToDate></TimePeriod>"
        );
        let times = shift.repeat(shifts);
        format!(
            "<Exception>{period}<DayWorking>1</DayWorking><WorkingTimes>{times}</WorkingTimes></Exception>"
        )
    };
    let refused = |calendars: &str, limits: &Limits| {
        let xml = format!("<Project><Calendars>{calendars}</Calendars><Tasks/></Project>");
        limit_of(&mspdi::read(&xml, limits).unwrap_err())
    };
    let with = |uid: usize, exceptions: &str| {
        format!("<Calendar><UID>{uid}</UID><Exceptions>{exceptions}</Exceptions></Calendar>")
    };
    let long = with(1, &exception("2020-01-01", 1_000));
    assert_eq!(refused(&long, &Limits::default()), "shifts of a day");
    // The same days again and again are as much work as others.
    let limits = Limits { exceptions_max: 1_000, ..Limits::default() };
    let again = with(1, &exception("2000-12-01", 1).repeat(10));
    assert_eq!(refused(&again, &limits), "days that differ from the week");
    // Two days far apart make a long table.
    let limits = Limits { span_days_max: 40_000, ..Limits::default() };
    let one = exception("2000-01-01", 1);
    let far = with(1, &format!("{one}{}", one.replace("2000-", "2120-")));
    assert_eq!(refused(&far, &limits), "days from first to last that differ from the week");

    let data = "(0||CalendarData()((0||DaysOfWeek()((0||2()(SHIFTS)))))";
    let data = data.replace("SHIFTS", &"(0||0(s|08:00|f|09:00)())".repeat(100));
    let head = "ERMHDR\n%T\tPROJECT\n%F\tproj_id\n%R\t1\n%T\tCALENDAR\n%F\tclndr_id\tclndr_data\n%R\t1\t";
    let error = xer::read(&format!("{head}{data})\n"), &Limits::default()).unwrap_err();
    assert_eq!(limit_of(&error), "shifts of a day");
}

#[test]
fn a_calendar_that_many_are_derived_from_is_read_once() {
    let base = "<Calendar><UID>0</UID><Exceptions>EXCEPTIONS</Exceptions></Calendar>";
    let day = "<Exception><TimePeriod><FromDate>2026-01-01T00:00:00</FromDate><ToDate>2026-01-01T23:59:00</ToDate>\
        </TimePeriod></Exception>";
    let derived = |uid: usize| {
        format!(
            "<Calendar><UID>{uid}</UID><BaseCalendarUID>0</BaseCalendarUID><WeekDays><WeekDay>\
            <DayType>2</DayType><DayWorking>1</DayWorking><WorkingTimes><WorkingTime><FromTime>08:00:00</FromTime>\
            <ToTime>12:00:00</ToTime></WorkingTime></WorkingTimes></WeekDay></WeekDays></Calendar>"
        )
    };
    let task = |uid: usize| format!("<Task><UID>{uid}</UID><CalendarUID>{uid}</CalendarUID></Task>");
    let xml = format!(
        "<Project><CalendarUID>1</CalendarUID><Calendars>{}{}</Calendars><Tasks>{}</Tasks></Project>",
        base.replace("EXCEPTIONS", &day.repeat(500)),
        (1..=100).map(derived).collect::<String>(),
        (1..=40).map(task).collect::<String>(),
    );
    // The days are counted where they stand, not for each that is derived; and sixty calendars have nobody who works by
    // them.
    let limits = Limits { exceptions_max: 500, calendars_max: 40, ..Limits::default() };
    let plan = mspdi::read(&xml, &limits).unwrap().plan;
    assert_eq!(plan.calendars.len(), 40);
    assert!(plan.calendars.iter().all(|calendar| calendar.working_time().exceptions.len() == 1));
    let few = Limits { calendars_max: 39, ..limits };
    assert_eq!(limit_of(&mspdi::read(&xml, &few).unwrap_err()), "calendars");
}

#[test]
fn summary_tasks_are_counted_and_each_is_left_behind_once() {
    let summary = |level: usize| {
        format!("<Task><Summary>1</Summary><Name>S{level}</Name><OutlineLevel>{level}</OutlineLevel></Task>")
    };
    let task = "<Task><UID>9</UID><Name>x</Name><OutlineLevel>3</OutlineLevel></Task>";
    let of = |levels: &[usize]| {
        let summaries = levels.iter().map(|&level| summary(level)).collect::<String>();
        format!("<Project><Tasks>{summaries}{task}</Tasks></Project>")
    };
    let limits = Limits { activities_max: 5, ..Limits::default() };
    for (levels, group) in [(&[1, 2, 3][..], "S2"), (&[1, 2, 1], "S1"), (&[4, 3], ""), (&[2, 5, 5, 2], "S2")]
    {
        assert_eq!(mspdi::read(&of(levels), &limits).unwrap().labels[0].group, group, "{levels:?}");
    }
    let many: Vec<usize> = (1..=6).collect();
    assert_eq!(limit_of(&mspdi::read(&of(&many), &limits).unwrap_err()), "summary tasks");
}
