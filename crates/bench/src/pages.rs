//! What people look at: walls and inboxes, over HTTP.

use std::time::{Duration, Instant};

use base::Day;
use rand::rngs::StdRng;

use crate::client::Client;
use crate::sales::random_of;
use crate::server::Server;
use crate::stats::Times;

/// Requests of each sort.
const READS: usize = 2_000;
/// Boards that are set anew.
const BOARDS: i32 = 120;
/// Longer than a board is shown to others.
const STALE: Duration = Duration::from_millis(1_050);

/// Asks for something as several readers in turn.
pub fn read(server: &Server, what: &str, credentials: &[&str], path: impl Fn(&mut StdRng) -> String) {
    let mut clients: Vec<Client> =
        credentials.iter().map(|credential| Client::connect(&server.host, credential)).collect();
    let (mut random, mut times) = (random_of(2), Times::default());
    for at in 0..READS {
        let several = clients.len();
        times.add(ask(&mut clients[at % several], &path(&mut random)));
    }
    println!("{what}: {}", times.print());
    std::thread::sleep(Duration::from_millis(200));
}

fn ask(client: &mut Client, path: &str) -> Duration {
    let sent = Instant::now();
    let (status, answer) = client.get(path);
    let took = sent.elapsed();
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(answer));
    assert!(answer.len() > 300, "{path}: {}", String::from_utf8_lossy(answer));
    took
}

/// Walls of units: each set anew, shown again within the second, and of days that are past.
pub fn walls(server: &Server, leader: &str, today: Day, units: &[&str]) {
    let mut client = Client::connect(&server.host, leader);
    for unit in units {
        let (mut anew, mut again, mut past) = (Times::default(), Times::default(), Times::default());
        let wall = format!("/wall/{unit}");
        for at in 0..BOARDS {
            std::thread::sleep(STALE);
            anew.add(ask(&mut client, &wall));
            for _ in 0..10 {
                again.add(ask(&mut client, &wall));
            }
            let day = today.plus(-1 - at);
            past.add(ask(&mut client, &format!("{wall}?on={day}")));
        }
        println!("the wall of {unit}, set anew: {}", anew.print());
        println!("the wall of {unit}, set within the second: {}", again.print());
        println!("the wall of {unit} on a day that is past: {}", past.print());
    }
}

/// The pages of those who owe something.
pub fn inboxes(server: &Server, readers: &[&str]) {
    read(server, "an inbox as a page", readers, |_| "/matters".into());
}
