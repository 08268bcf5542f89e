//! Files in, files out, and files that mean harm.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod hostile;
mod oc4ids;
mod workbooks;

use base::{Day, Fen, Time};
use schedule::{
    Activity, ActivityId, Calendar, Constraint, LagCalendar, Link, LinkKind, Minutes, Moment, Plan, Progress,
    Remaining, Schedule, Terms, Wish, WorkingTime,
};
use schedule_formats::{Columns, Document, FormatError, Label, Limits, Note, csv, icalendar, mspdi, xer};

fn at(day: &str, hour: i64) -> Moment {
    Moment::at(Day::parse(day).unwrap(), hour * 60)
}

fn spring_festival() -> Calendar {
    let day = |text| Day::parse(text).unwrap();
    let time = WorkingTime::office()
        .with_holidays(day("2026-02-15"), day("2026-02-23"))
        .with_workday(day("2026-02-14"))
        .with_workday(day("2026-02-28"));
    Calendar::new(time).unwrap()
}

/// A plan that uses what files can say.
fn sample() -> Document {
    let mut plan = Plan::new(spring_festival());
    let night = plan.calendar(Calendar::elapsed());
    let ids: Vec<ActivityId> = [10, 3, 0, 5].map(|days| plan.activity(Minutes::workdays(days))).into();
    plan.activities[1].constraints.push(Constraint::StartNoEarlier(at("2026-03-02", 9)));
    plan.activities[1].deadline = Some(at("2026-03-10", 17));
    plan.activities[3].wish = Some(Wish::AsLateAsPossible);
    plan.activities[0].progress =
        Progress::Started { at: at("2026-02-09", 8), remaining: Remaining::Time(Minutes::workdays(8)) };
    let mut cure = Activity::new(night, Minutes(4_320));
    cure.constraints.push(Constraint::FinishNoLater(at("2026-04-01", 0)));
    let cure = plan.push(cure);
    let links = [
        (ids[0], ids[1], LinkKind::FinishToStart, 0, LagCalendar::Successor),
        (ids[1], ids[2], LinkKind::FinishToFinish, -240, LagCalendar::Successor),
        (ids[0], ids[3], LinkKind::StartToStart, 960, LagCalendar::Successor),
        (ids[3], cure, LinkKind::StartToFinish, 7_200, LagCalendar::Elapsed),
    ];
    for (predecessor, successor, kind, lag, lag_calendar) in links {
        plan.link(Link { predecessor, successor, kind, lag: Minutes(lag), lag_calendar });
    }
    let mut document = Document::new("市场改造 <一期> & \"二期\"", plan);
    let names = ["基础", "主体, 结构", "封顶", "=装修", "养护"];
    document.labels = (1..).zip(names).map(|(n, name): (u32, _)| label(&n.to_string(), name)).collect();
    document.labels[1].group = "土建 & 结构".to_owned();
    document.labels[2].group = "土建 & 结构".to_owned();
    document.labels[3].budget = Some(Fen(123_456_789));
    document.calendar_names = vec!["春节".to_owned(), "24 小时".to_owned()];
    document
}

fn label(code: &str, name: &str) -> Label {
    Label { code: code.to_owned(), name: name.to_owned(), ..Label::default() }
}

fn terms() -> Terms {
    let mut terms = Terms::from_start(at("2026-02-09", 0));
    terms.status = Some(at("2026-02-11", 8));
    terms
}

fn same_dates(one: &Schedule, other: &Schedule) {
    assert_eq!(one.plan().activities.len(), other.plan().activities.len());
    for id in (0..u32::try_from(one.plan().activities.len()).unwrap()).map(ActivityId) {
        assert_eq!(one.dates(id), other.dates(id), "activity {id}");
    }
}

#[test]
fn a_project_written_as_xml_is_read_back_with_the_same_dates() {
    let document = sample();
    let schedule = Schedule::new(document.plan.clone(), terms()).unwrap();
    let xml = mspdi::write(&document, &schedule);
    let read = mspdi::read(&xml, &Limits::default()).unwrap();
    assert_eq!(read.name, document.name);
    assert_eq!(read.labels, document.labels);
    assert_eq!(read.calendar_names, document.calendar_names);
    assert_eq!(read.status, Some(at("2026-02-11", 8)));
    assert_eq!(read.plan.links, document.plan.links);
    assert_eq!(read.plan.activities, document.plan.activities);
    assert_eq!(read.plan.calendars[0].working_time(), document.plan.calendars[0].working_time());
    same_dates(&Schedule::new(read.plan, terms()).unwrap(), &schedule);
}

#[test]
fn summary_tasks_and_their_links_are_left_out_and_noted() {
    let xml = "<Project xmlns='http://schemas.microsoft.com/project'><Tasks>\
        <Task><UID>0</UID><Summary>1</Summary></Task>\
        <Task><UID>1</UID><Name>Phase</Name><OutlineLevel>1</OutlineLevel><Summary>1</Summary></Task>\
        <Task><UID>2</UID><Name>Dig</Name><OutlineLevel>2</OutlineLevel><Duration>PT16H0M0S</Duration><DurationFormat>7</DurationFormat></Task>\
        <Task><UID>3</UID><Name>Set</Name><OutlineLevel>2</OutlineLevel><Duration>PT72H0M0S</Duration><DurationFormat>8</DurationFormat>\
        <PredecessorLink><PredecessorUID>2</PredecessorUID><Type>1</Type><LinkLag>50</LinkLag><LagFormat>19</LagFormat></PredecessorLink>\
        <PredecessorLink><PredecessorUID>1</PredecessorUID><Type>1</Type></PredecessorLink></Task>\
        </Tasks></Project>";
    let document = mspdi::read(xml, &Limits::default()).unwrap();
    assert_eq!(document.notes, [Note::Links(1)]);
    let in_phase = |code, name| Label { group: "Phase".to_owned(), ..label(code, name) };
    assert_eq!(document.labels, [in_phase("2", "Dig"), in_phase("3", "Set")]);
    assert_eq!(document.plan.links[0].unwrap().lag, Minutes(480));
    let schedule = Schedule::new(document.plan, Terms::from_start(at("2026-03-02", 8))).unwrap();
    // Two days of digging, half of them again, then three days and nights.
    assert_eq!(schedule.finish(), at("2026-03-07", 17));
}

#[test]
fn a_table_is_read_back_with_the_same_dates() {
    let mut document = sample();
    // A table knows one calendar, and counts lags in the predecessor's.
    document.plan.activities[4].calendar = document.plan.calendar;
    for link in document.plan.links.iter_mut().flatten() {
        link.lag_calendar = LagCalendar::Predecessor;
    }
    // And it knows how much is done in whole percent.
    document.plan.activities[0].progress =
        Progress::Started { at: at("2026-02-09", 8), remaining: Remaining::Percent(20) };
    let schedule = Schedule::new(document.plan.clone(), terms()).unwrap();
    let table = csv::write(&document, &schedule, Columns::English);
    assert!(table.contains("'=装修") && table.contains("\"主体, 结构\""), "{table}");
    let read = csv::read(&table, spring_festival(), &Limits::default()).unwrap();
    assert_eq!(read.labels, document.labels);
    assert_eq!(read.plan.links, document.plan.links);
    assert_eq!(read.plan.activities, document.plan.activities);
    same_dates(&Schedule::new(read.plan, terms()).unwrap(), &schedule);
}

#[test]
fn a_chinese_table_is_read_and_a_broken_one_refused() {
    let read = |text: &str| csv::read(text, spring_festival(), &Limits::default());
    let document = read(
        "编号,名称,工期,紧前工作,预算（元）\nA,挖土,5天,,1200.5\nB 1,浇筑,2,A SS+4h；A FF\nC,养护,3d,B 1\n",
    )
    .unwrap();
    let links: Vec<Link> = document.plan.links.iter().flatten().copied().collect();
    let [a, b, c] = [0, 1, 2].map(ActivityId);
    let expected = [
        Link::new(a, b, LinkKind::StartToStart, Minutes(240)),
        Link::new(a, b, LinkKind::FinishToFinish, Minutes(0)),
        Link::finish_to_start(b, c),
    ];
    assert_eq!(links, expected);
    assert_eq!(document.plan.activities[1].duration, Minutes::workdays(2));
    assert_eq!(document.labels[0].budget, Some(Fen(120_050)));
    for (text, why) in [
        ("", "names"),
        ("name\nx\n", "column"),
        ("code,duration\nA,soon\n", "span"),
        ("code,duration\nA,-1d\n", "row 2, duration: \"-1d\" is not a duration of zero or more"),
        ("code,duration\nA,1d\nA,1d\n", "twice"),
        ("code,duration,predecessors\nA,1d,Z\n", "not in the file"),
        ("code,duration,predecessors\nA,1d,\nB,1d,A XX\n", "FS, SS"),
        ("code,duration\n\"A,1d\n", "quote"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text:?}: {error}");
    }
}

#[test]
fn a_calendar_file_has_an_event_an_activity_and_folded_lines() {
    let mut document = sample();
    document.labels[1].name = "很长的名称".repeat(12) + "; 完";
    let schedule = Schedule::new(document.plan.clone(), terms()).unwrap();
    let text = icalendar::write(&document, &schedule, "dezhou", Time::parse("2026-02-09T00:00:00Z").unwrap());
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 5);
    assert!(text.lines().all(|line| line.len() <= 75), "{text}");
    let unfolded = text.replace("\r\n ", "");
    assert!(unfolded.contains("很长的名称\\; 完\r\n"), "{unfolded}");
    assert!(unfolded.contains("UID:1@dezhou\r\nDTSTAMP:20260209T000000Z\r\nDTSTART:20260209T080000\r\n"));
}

const XER: &str = "ERMHDR\t19.12\t2026-02-01\n\
%T\tCALENDAR\n%F\tclndr_id\tclndr_name\tclndr_data\n\
%R\t7\tSpring\t(0||CalendarData()((0||DaysOfWeek()((0||1()())(0||2()((0||0(s|08:00|f|12:00)())(0||1(s|13:00|f|17:00)())))(0||3()((0||0(s|08:00|f|12:00)())(0||1(s|13:00|f|17:00)())))(0||4()((0||0(s|08:00|f|12:00)())(0||1(s|13:00|f|17:00)())))(0||5()((0||0(s|08:00|f|12:00)())(0||1(s|13:00|f|17:00)())))(0||6()((0||0(s|08:00|f|12:00)())(0||1(s|13:00|f|17:00)())))(0||7()())))(0||Exceptions()((0||0(d|46069)((0||0(s|08:00|f|12:00)())(0||1(s|13:00|f|17:00)())))(0||1(d|46070)())(0||2(d|46071)())(0||3(d|46072)())(0||4(d|46073)())(0||5(d|46074)())(0||6(d|46075)())(0||7(d|46076)())))))\n\
%T\tPROJECT\n%F\tproj_id\tproj_short_name\tclndr_id\tplan_start_date\tlast_recalc_date\n\
%R\t1\tMARKET\t7\t2026-02-09 00:00\t\n\
%T\tTASK\n%F\ttask_id\tproj_id\tclndr_id\ttask_type\ttask_code\ttask_name\ttarget_drtn_hr_cnt\tremain_drtn_hr_cnt\tcstr_type\tcstr_date\tact_start_date\tact_end_date\n\
%R\t10\t1\t7\tTT_Task\tA1000\t基础\t80\t80\t\t\t\t\n\
%R\t11\t1\t7\tTT_FinMile\tA1010\t完工\t0\t0\tCS_MEOB\t2026-03-01 17:00\t\t\n\
%R\t12\t1\t7\tTT_LOE\tA1020\t管理\t80\t80\t\t\t\t\n\
%T\tTASKPRED\n%F\ttask_pred_id\ttask_id\tpred_task_id\tpred_type\tlag_hr_cnt\n\
%R\t1\t11\t10\tPR_FS\t7.5\n\
%R\t2\t12\t10\tPR_SS\t0\n%E\n";

#[test]
fn a_primavera_file_is_read_with_its_calendar() {
    let document = xer::read(XER, &Limits::default()).unwrap();
    assert_eq!(document.name, "MARKET");
    assert_eq!(document.labels, [label("A1000", "基础"), label("A1010", "完工")]);
    assert_eq!(document.notes, [Note::Tasks(1), Note::Links(1)]);
    assert_eq!(document.plan.links[0].unwrap().lag, Minutes(450));
    let start = document.start.unwrap();
    let schedule = Schedule::new(document.plan, Terms::from_start(start)).unwrap();
    // The file says that Monday the 16th is worked, and that the week after it is off.
    assert_eq!(schedule.dates(ActivityId(0)).early.finish, at("2026-02-27", 17));
}

#[test]
fn a_primavera_file_that_is_cut_or_nested_too_deep_is_refused() {
    let limits = Limits::default();
    assert!(xer::read("PK\u{3}\u{4}", &limits).is_err());
    let head = "ERMHDR\n%T\tPROJECT\n%F\tproj_id\n%R\t1\n%T\tCALENDAR\n%F\tclndr_id\tclndr_data\n%R\t7\t";
    for data in [
        "(0||CalendarData()(",
        &"(0||a()(".repeat(100_000),
        "(0||CalendarData()((0||DaysOfWeek()((0||9x()()))))))",
    ] {
        assert!(matches!(xer::read(&format!("{head}{data}\n"), &limits), Err(FormatError::Value { .. })));
    }
}
