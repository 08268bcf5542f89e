//! Problems of PSPLIB (Kolisch and Sprecher, 1996), whose `.sm` files say how long the project takes without resource
//! limits; and of Patterson's older `.rcp` format, which says nothing of it, so that a plain longest path is the judge.

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

/// Reads a file in the `.rcp` format: for each job its duration, what it takes of each resource, and its successors.
fn patterson(text: &str) -> Option<Problem> {
    let mut numbers = text.split_whitespace().map(|word| word.parse::<usize>().ok());
    let (jobs, resources) = (numbers.next()??, numbers.next()??);
    (0..resources).try_for_each(|_| numbers.next()?.map(|_| ()))?;
    let mut plan = Plan::new(Calendar::elapsed());
    let mut after = Vec::new();
    for job in 0..jobs {
        let from = plan.activity(Minutes(i64::try_from(numbers.next()??).ok()?));
        (0..resources).try_for_each(|_| numbers.next()?.map(|_| ()))?;
        let mut successors = Vec::new();
        for _ in 0..numbers.next()?? {
            let to = numbers.next()??.checked_sub(1).filter(|&to| to < jobs)?;
            plan.link(Link::finish_to_start(from, ActivityId(u32::try_from(to).ok()?)));
            successors.push(to);
        }
        assert_eq!(after.len(), job);
        after.push(successors);
    }
    let mut longest = vec![None; jobs];
    let mpm_time = (0..jobs).map(|job| longest_from(job, &plan, &after, &mut longest)).max()?;
    Some(Problem { plan, mpm_time })
}

fn longest_from(job: usize, plan: &Plan, after: &[Vec<usize>], known: &mut Vec<Option<i64>>) -> i64 {
    if let Some(known) = known[job] {
        return known;
    }
    let rest = after[job].iter().map(|&next| longest_from(next, plan, after, known)).max().unwrap_or(0);
    let all = plan.activities[job].duration.0 + rest;
    known[job] = Some(all);
    all
}

fn check(name: &str, text: &str) {
    let problem = if name.ends_with(".rcp") { patterson(text) } else { problem(text) };
    let problem = problem.unwrap_or_else(|| panic!("{name} is not read"));
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

/// The same in Patterson's format, with one resource.
const BY_HAND_RCP: &str = "4 1\n4\n0 0 2 2 3\n8 4 1 4\n4 0 1 4\n0 0 0\n";

#[test]
fn a_problem_in_pattersons_format_takes_its_longest_path() {
    assert_eq!(patterson(BY_HAND_RCP).unwrap().mpm_time, 8);
    check("by hand.rcp", BY_HAND_RCP);
}

#[test]
fn problems_of_psplib_take_their_mpm_time() {
    let folder = std::env::var_os("TAIZHANG_CORPORA").map(|corpora| PathBuf::from(corpora).join("psplib"));
    let files = folder.as_deref().map(problems).unwrap_or_default();
    if files.is_empty() {
        println!("skipped: no .sm or .rcp files in $TAIZHANG_CORPORA/psplib");
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
        } else if path.extension().is_some_and(|end| end == "sm" || end == "rcp") {
            found.push(path);
        }
    }
    found
}
