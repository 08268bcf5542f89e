//! A database that says nothing and yet is there: its processes stand still, or the line takes what it is given and carries
//! nothing. Whoever asks is answered within a bound, and all goes on when it is heard again.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use harness::{Client, Wire};

use super::{CLIENTS, SALES, Siege, batch, cluster, eventually, readiness};

/// How long an answer may take; docs/scale-out.md promises ten seconds of a machine that has time for them.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// How long nothing is heard, and how long it takes at least until whoever waits gives up.
const SILENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_secs(1);
/// Who read all the time.
const READERS: usize = 24;
/// Threads that come and go with the runtime.
const THREADS_MORE: usize = 8;

/// What one request was answered, which took no longer than it may.
fn status(client: &Client, path: &str) -> u16 {
    let began = Instant::now();
    let status = client.get(path).status;
    assert!(began.elapsed() < ANSWER_MAX, "{path} took {:?}", began.elapsed());
    status
}

fn threads(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/task")).unwrap().count()
}

fn sent_in_vain(siege: &Siege, client: &Client) {
    let (sent, began) = (batch(siege.next.fetch_add(20, Ordering::Relaxed)), Instant::now());
    let answer = client.post(SALES, &sent);
    assert!(began.elapsed() < ANSWER_MAX, "a sale took {:?}", began.elapsed());
    assert_eq!(answer.status, 503, "{}", answer.text());
    siege.known.lock().unwrap().unanswered.push(sent);
}

/// Falls silent under load, for a moment and for long.
fn survive_silence(siege: Siege, by_way_of: Option<String>, fall_silent: impl Fn(bool)) {
    siege.survive(by_way_of, |siege, watcher| {
        let client = watcher.bearer(&siege.credential);
        let unanswered = || siege.known.lock().unwrap().unanswered.len();
        let before = unanswered();
        fall_silent(true);
        std::thread::sleep(PAUSE);
        fall_silent(false);
        siege.goes_on();
        assert_eq!(unanswered(), before, "a moment is waited through");

        let before = threads(siege.process);
        fall_silent(true);
        let began = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..READERS {
                scope.spawn(|| {
                    while began.elapsed() < SILENCE {
                        assert_eq!(status(&client, "/scale/v1/state"), 503);
                    }
                });
            }
            while began.elapsed() < SILENCE {
                assert_eq!(status(watcher, "/readyz"), 503);
                assert_eq!(status(watcher, "/healthz"), 200, "the process itself is well");
                sent_in_vain(siege, &client);
            }
        });
        let more = threads(siege.process).saturating_sub(before);
        assert!(more <= READERS + CLIENTS + THREADS_MORE, "{more} threads more than before");
        eprintln!("{} batches were refused, {more} threads more", unanswered());
        fall_silent(false);
        eventually("it is not ready again", || readiness(watcher) == 200);
        siege.goes_on();
    });
}

#[test]
fn a_database_that_stands_still_is_told_within_a_bound_and_loses_and_doubles_nothing() {
    let Some(cluster) = cluster() else { return };
    let siege = Siege::of(cluster.fresh_database());
    survive_silence(siege, None, |is_silent| cluster.freeze(is_silent).unwrap());
}

#[test]
fn a_line_that_takes_everything_and_carries_nothing_is_told_within_a_bound() {
    let Some(cluster) = cluster() else { return };
    let url = cluster.fresh_database();
    let wire = Wire::to(&url);
    survive_silence(Siege::of(url.clone()), Some(wire.url(&url)), |is_silent| match is_silent {
        true => wire.hold(),
        false => wire.heal(),
    });
}
