//! How long both passes and an edit take, how that grows, and how long others take for the same plan: time on the
//! processor, one core, fixed seed.
//!
//!     pip install mpxj jpype1 networkx        # the others; MPXJ needs a Java runtime
//!     cargo run --release -p schedule_formats --example bench -- --peers python3
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

mod plans;

use std::process::Command;
use std::time::Duration;

use plans::{Random, START};
use schedule::{ActivityId, Critical, Edit, Minutes, Schedule, Terms};
use schedule_formats::{Document, mspdi};

const COMPARED: u32 = 50_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let python = arguments.find(|argument| argument == "--peers").and_then(|_| arguments.next());
    println!(
        "{:>10} {:>9} {:>9} {:>11} {:>8} | {:>8} {:>8} {:>8} {:>14} {:>16}",
        "activities",
        "links",
        "new plan",
        "both passes",
        "each",
        "edit p50",
        "p99",
        "most",
        "of the finish",
        "that moves most"
    );
    for activities in [10_000, COMPARED, 100_000, 200_000, 500_000, 1_000_000] {
        measure(activities)?;
        if activities == COMPARED {
            println!("peak resident set: {}", peak_memory());
        }
    }
    println!("peak resident set: {}", peak_memory());
    if let Some(python) = python {
        peers(&python)?;
    }
    Ok(())
}

fn measure(activities: u32) -> Result<(), Box<dyn std::error::Error>> {
    let mut random = Random(20_260_209);
    let plan = plans::plan(activities, 2 * activities, &mut random);
    let links = plan.links.len();
    let terms = Terms::from_start(START);
    let clock = Clock::start();
    let mut schedule = Schedule::new(plan, terms)?;
    let anew = clock.elapsed();
    let mut passes = Vec::new();
    for _ in 0..20 {
        let clock = Clock::start();
        schedule.set_terms(terms)?;
        passes.push(clock.elapsed());
    }
    let passes = percentile(&mut passes, 50);

    let mut edits = Vec::new();
    for _ in 0..1_000 {
        let id = ActivityId(random.below(activities));
        edits.push(edit(&mut schedule, id, Minutes(i64::from(60 + random.below(20) * 60)))?.0);
    }

    // The last of the longest path moves the finish of the project, and with it late dates throughout.
    let path = schedule.critical(Critical::LongestPath);
    let last = *path.last().ok_or("nothing finishes last")?;
    let of_finish = there_and_back(&mut schedule, last, 600)?;
    // Pushed a year out, one of the first of that path moves what follows it, and the finish.
    let mut most = (0, Duration::ZERO);
    for &id in path.iter().take(200).step_by(10) {
        most = most.max(there_and_back(&mut schedule, id, 500_000)?);
    }
    println!(
        "{activities:>10} {links:>9} {anew:>9.1?} {passes:>11.2?} {:>5} ns | {:>8.1?} {:>8.1?} {:>8.1?} {:>14} {:>16}",
        passes.as_nanos() / u128::from(activities),
        percentile(&mut edits, 50),
        percentile(&mut edits, 99),
        percentile(&mut edits, 100),
        format!("{:.2?} /{}", of_finish.1, of_finish.0),
        format!("{:.2?} /{}", most.1, most.0),
    );
    Ok(())
}

fn edit(
    schedule: &mut Schedule,
    id: ActivityId,
    duration: Minutes,
) -> Result<(Duration, usize), Box<dyn std::error::Error>> {
    let clock = Clock::start();
    let reach = schedule.edit(Edit::Duration(id, duration))?;
    Ok((clock.elapsed(), reach.early + reach.late))
}

/// How many dates an edit moves that lengthens an activity, and how long it and its reverse take in the middle.
fn there_and_back(
    schedule: &mut Schedule,
    id: ActivityId,
    minutes: i64,
) -> Result<(usize, Duration), Box<dyn std::error::Error>> {
    let duration = schedule.plan().activities[id.0 as usize].duration;
    let (mut reached, mut times) = (0, Vec::new());
    for _ in 0..10 {
        for duration in [Minutes(duration.0 + minutes), duration] {
            let (time, reach) = edit(schedule, id, duration)?;
            reached = reached.max(reach);
            times.push(time);
        }
    }
    Ok((reached, percentile(&mut times, 50)))
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

/// The same plan as a file, scheduled by what others are installed.
fn peers(python: &str) -> Result<(), Box<dyn std::error::Error>> {
    let plan = plans::plan(COMPARED, 2 * COMPARED, &mut Random(20_260_209));
    let schedule = Schedule::new(plan.clone(), Terms::from_start(START))?;
    let folder = std::env::temp_dir().join(format!("taizhang-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("plan.xml");
    std::fs::write(&file, mspdi::write(&Document::new("bench", plan), &schedule))?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bench/peers.py");
    let status = Command::new(python).arg(script).arg(&file).status();
    std::fs::remove_dir_all(&folder)?;
    if !status?.success() {
        return Err("the others failed".into());
    }
    Ok(())
}

/// Time that this thread has spent on the processor, so that what else runs there counts little.
struct Clock(Duration);

impl Clock {
    fn start() -> Self {
        Self(on_processor())
    }

    fn elapsed(&self) -> Duration {
        on_processor() - self.0
    }
}

fn on_processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "not known here".to_owned(), |line| line.trim().to_owned())
}
