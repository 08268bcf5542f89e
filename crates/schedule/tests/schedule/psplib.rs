//! Problems of PSPLIB (Kolisch and Sprecher, 1996), whose files say how long the project takes without resource limits.

use std::path::{Path, PathBuf};

use schedule::{ActivityId, Calendar, Link, Minutes, Moment, Plan, Schedule, Terms};

/// A single-mode problem: its network, and the length of its critical path as the file has it.
struct Problem {
    plan: Plan,
    mpm_time: i64,
}

/// Reads a file in the `.sm` format; nothing if it is not one, or has jobs with several modes.
fn problem(text: &str) -> Option<Problem> {
    let numbers =
        |line: &str| -> Vec<i64> { line.split_whitespace().map_while(|word| word.parse().ok()).collect() };
    let section = |title: &str| {
        let rows = text.lines().skip_while(|line| !line.starts_with(title)).skip(1);
        let rows = rows.take_while(|line| !line.starts_with("****")).map(numbers);
        rows.filter(|row| !row.is_empty()).collect::<Vec<_>>()
    };
    let mpm_time = *section("PROJECT INFORMATION:").first()?.get(5)?;
    let mut plan = Plan::new(Calendar::elapsed());
    let jobs = section("REQUESTS/DURATIONS:");
    for job in &jobs {
        plan.activity(Minutes(*job.get(2)?));
    }
    for row in section("PRECEDENCE RELATIONS:") {
        let [job, modes, count, successors @ ..] = row.as_slice() else { return None };
        if *modes != 1 || usize::try_from(*count) != Ok(successors.len()) {
            return None;
        }
        let id = |number: i64| u32::try_from(number - 1).ok().map(ActivityId);
        for &successor in successors {
            plan.link(Link::finish_to_start(id(*job)?, id(successor)?));
        }
    }
    Some(Problem { plan, mpm_time })
}

fn check(name: &str, text: &str) {
    let problem = problem(text).unwrap_or_else(|| panic!("{name} is not read"));
    let forward = Schedule::new(problem.plan.clone(), Terms::from_start(Moment(0))).unwrap();
    assert_eq!(forward.finish(), Moment(problem.mpm_time), "{name}");
    let backward = Schedule::new(problem.plan, Terms::from_deadline(Moment(problem.mpm_time))).unwrap();
    assert_eq!(backward.latest_start(), Moment(0), "{name}");
}

/// Written by hand after the description of the format: 1, then 2 and 3 side by side, then 4.
const BY_HAND: &str = "\
************************************************************************
jobs (incl. supersource/sink ):  4
************************************************************************
PROJECT INFORMATION:
pronr.  #jobs rel.date duedate tardcost  MPM-Time
    1      2      0       12        1        8
************************************************************************
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          2           2   3
   2        1          1           4
   3        1          1           4
   4        1          0
************************************************************************
REQUESTS/DURATIONS:
jobnr. mode duration  R 1
------------------------------------------------------------------------
  1      1     0       0
  2      1     8       4
  3      1     4       0
  4      1     0       0
************************************************************************
";

#[test]
fn a_problem_written_by_hand_takes_its_mpm_time() {
    check("by hand", BY_HAND);
}

#[test]
fn problems_of_psplib_take_their_mpm_time() {
    let folder = std::env::var_os("TAIZHANG_CORPORA").map(|corpora| PathBuf::from(corpora).join("psplib"));
    let files = folder.as_deref().map(problems).unwrap_or_default();
    if files.is_empty() {
        println!("skipped: no .sm files in $TAIZHANG_CORPORA/psplib");
    }
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        check(&file.display().to_string(), &text);
    }
}

fn problems(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(problems(&path));
        } else if path.extension().is_some_and(|end| end == "sm") {
            found.push(path);
        }
    }
    found
}
