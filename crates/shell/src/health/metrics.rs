//! Every measure by its name. Labels are words of the program and keys of witnesses: no names of persons, things or books.

use std::sync::atomic::Ordering::Relaxed;

use base::Time;
use base::limits::WRITER_QUEUE_MAX;
use kernel::Pulse;
use store::Engine;

use super::Vitals;
use super::exposition::Text;
use super::requests::{Class, Requests};
use crate::app::App;

/// What is read of the program and what was measured.
pub fn write(app: &App, vitals: &Vitals) -> String {
    let mut text = Text::default();
    let engine = match app.kernel.store().engine() {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgresql",
    };
    text.gauge("taizhang_build_info", "The program and its database; always 1.")
        .labelled(&[("version", env!("CARGO_PKG_VERSION")), ("engine", engine)], 1);
    writer(&mut text, app.kernel.pulse());
    requests(&mut text, &app.requests);
    text.gauge("taizhang_sockets_open", "WebSockets that are open.").value(Some(app.limits.sockets.taken()));
    standings(&mut text, vitals);
    machine(&mut text, vitals);
    text.finish()
}

fn writer(text: &mut Text, pulse: &Pulse) {
    let count = |text: &mut Text, name, help, counter: &kernel::Counter| {
        text.counter(name, help).value(Some(counter.get()));
    };
    count(text, "taizhang_entries_appended_total", "Entries that this node committed.", &pulse.appended);
    text.gauge("taizhang_writer_queue_jobs", "Jobs in the writer's queue or under way.")
        .value(Some(pulse.queued.load(Relaxed).max(0)));
    text.gauge("taizhang_writer_queue_jobs_max", "Jobs that the writer's queue holds.")
        .value(Some(WRITER_QUEUE_MAX));
    count(
        text,
        "taizhang_writer_refused_total",
        "Jobs refused since the queue was full (503).",
        &pulse.refused,
    );
    count(text, "taizhang_writer_failed_total", "Transactions that failed for good.", &pulse.failed);
    count(
        text,
        "taizhang_writer_contended_total",
        "Transactions that gave way to another node and were tried again.",
        &pulse.gave_way,
    );
    text.histogram(
        "taizhang_commit_duration_seconds",
        "The commit of a group of jobs: how long the disk takes.",
    )
    .took(&[], &pulse.commits);
    text.histogram("taizhang_group_duration_seconds", "A group of jobs from its begin to its being on disk.")
        .took(&[], &pulse.groups);
    let mut duties =
        text.gauge("taizhang_duty_held", "Whether what one node does for all is done by this one.");
    for (duty, is_ours) in pulse.duties() {
        duties.labelled(&[("duty", duty)], u8::from(is_ours));
    }
}

fn requests(text: &mut Text, requests: &Requests) {
    let mut answered = text.counter("taizhang_http_requests_total", "Requests that were answered.");
    for class in Class::ALL {
        for (status, count) in requests.statuses(class) {
            answered.labelled(&[("class", class.as_str()), ("code", &status.to_string())], count);
        }
    }
    let mut took = text.histogram(
        "taizhang_http_request_duration_seconds",
        "From a request to the beginning of its answer.",
    );
    for class in Class::ALL {
        took.took(&[("class", class.as_str())], requests.took(class));
    }
    let mut open =
        text.gauge("taizhang_streams_open", "Streams of events that are open: pages that follow, scales.");
    for class in [Class::Page, Class::Api, Class::Scale] {
        open.labelled(&[("class", class.as_str())], requests.streams(class));
    }
}

fn standings(text: &mut Text, vitals: &Vitals) {
    let backlogs = &vitals.standings.backlogs;
    let mut waiting = text.gauge("taizhang_backlog_jobs", "What waits to be sent or done, of all nodes.");
    backlogs.iter().for_each(|it| waiting.labelled(&[("queue", it.queue)], it.waiting));
    let mut failing = text.gauge("taizhang_backlog_failing_jobs", "What waits after an attempt in vain.");
    backlogs.iter().for_each(|it| failing.labelled(&[("queue", it.queue)], it.failing));
    let mut lag = text.gauge("taizhang_backlog_lag_seconds", "For how long the oldest of them waits.");
    for it in backlogs {
        let ms = it.since.map_or(0, |since| vitals.now.since_ms(since).max(0));
        lag.labelled(&[("queue", it.queue)], ms / 1_000);
    }
    text.gauge("taizhang_calendar_lag_seconds", "How far the work of the calendar is behind, in whole days.")
        .value(vitals.days_behind.map(|days| days * 86_400));
    let mut cosigned = text.gauge(
        "taizhang_cosigning_timestamp_seconds",
        "When the book cosigned longest ago was cosigned; 0 never.",
    );
    for it in &vitals.standings.cosigned {
        cosigned.labelled(&[("witness", &it.witness)], seconds(it.oldest));
    }
    let mut failing =
        text.gauge("taizhang_cosigning_failing_books", "Books that a witness did not cosign last time.");
    for it in &vitals.standings.cosigned {
        failing.labelled(&[("witness", &it.witness)], it.failing);
    }
    text.gauge("taizhang_forks_open", "Logs that contradict themselves, and nobody has acknowledged it.")
        .value(Some(vitals.standings.forks));
}

fn machine(text: &mut Text, vitals: &Vitals) {
    text.gauge(
        "taizhang_backup_timestamp_seconds",
        "When the configured copy was written; 0 where there is none.",
    )
    .value(vitals.backup.map(|backup| seconds(backup.made)));
    text.gauge("taizhang_backup_size_bytes", "The configured copy.")
        .value(vitals.backup.map(|backup| backup.bytes));
    text.gauge("taizhang_database_size_bytes", "The database, its log included.")
        .value(Some(vitals.database_bytes));
    text.gauge("taizhang_disk_size_bytes", "The disk of the data folder.")
        .value(vitals.disk.map(|disk| disk.bytes));
    text.gauge("taizhang_disk_free_bytes", "What may still be written there.")
        .value(vitals.disk.map(|disk| disk.free_bytes));
    let process = vitals.process;
    text.gauge("process_resident_memory_bytes", "Memory in use.").value(process.resident_bytes);
    text.gauge("process_open_fds", "Open files and connections.").value(process.open_files);
    text.gauge("process_max_fds", "Files and connections that may be open.").value(process.open_files_max);
}

fn seconds(time: Option<Time>) -> i64 {
    time.map_or(0, |time| time.0 / 1_000)
}
