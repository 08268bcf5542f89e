//! Reading from a standby: never older than the question, whatever becomes of the standby.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Client, Engine, Place, Town, User, sale};
use serde_json::json;
use store_postgres::PostgresStore;
use store_postgres::testing::{Cluster, End, or_skip};

use crate::crash::{Server, found};

const READERS: usize = 4;
/// The sessions of others that read.
const SESSIONS: &str = "select count(*) from pg_stat_activity where application_name = 'taizhang reader' and pid <> pg_backend_pid()";
const PATIENCE: Duration = Duration::from_secs(60);

/// A town that reads from a standby.
struct Followed {
    standby: Cluster,
    store: Arc<PostgresStore>,
    town: Town,
    scale: Client,
    operator: Client,
    sold: i64,
}

impl Followed {
    fn found(cluster: &mut Cluster) -> Self {
        let standby = cluster.standby(false).unwrap();
        let url = cluster.fresh_database();
        let replica = standby.url_of(&url);
        let place = Place { database_url: Some(url.clone()), ..Engine::Sqlite.place().unwrap() };
        // The standby hears of the new database a moment later.
        eventually(|| PostgresStore::connect(&replica, 1).is_ok());
        let (store, is_there) =
            PostgresStore::connect(&url, READERS).unwrap().with_replica(&replica, READERS).unwrap();
        assert!(is_there);
        let store = Arc::new(store);
        let town = Town::on_store(place, store.clone());
        let (scale, operator) = (town.program(User::Scale), town.program(User::Operator));
        Self { standby, store, town, scale, operator, sold: 0 }
    }

    /// Sells, and sees it at once.
    fn sells_and_sees(&mut self) {
        let counter = u32::try_from(self.sold).unwrap() / 10 + 1;
        let batch = json!({ "sales": [sale(counter, "L1", 10, &self.town.now())] });
        self.scale.post("/scale/v1/sales", &batch).expect(200);
        self.sold += 10;
        let lot = self.operator.get("/api/market/beiyuan/lots/L1").expect(200).json();
        assert_eq!(lot["lot"]["sold_g"], self.sold);
    }

    /// How many reads the standby answers while something is done.
    fn answered(&mut self, act: impl FnOnce(&mut Self)) -> u64 {
        let before = self.store.answered_by_replica();
        act(self);
        self.store.answered_by_replica() - before
    }

    fn is_used_again(&mut self) {
        let began = Instant::now();
        while self.answered(Self::sells_and_sees) == 0 {
            assert!(began.elapsed() < PATIENCE, "the standby is not used again");
        }
    }
}

fn eventually(holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_is_read_from_a_standby_is_never_older_than_the_question() {
    let Some(mut cluster) = or_skip(Cluster::start_without_fsync()) else { return };
    if !cluster.is_own() {
        eprintln!("skipped: the server is not ours to follow");
        return;
    }
    let mut followed = Followed::found(&mut cluster);
    followed.is_used_again();
    let answered = followed.answered(|it| (0..100).for_each(|_| it.sells_and_sees()));
    eprintln!("{answered} reads of 100 sales and looks were answered by the standby");

    followed.standby.hold_back(true).unwrap();
    // Until something more is written it is not behind, and may answer what looks by itself.
    followed.sells_and_sees();
    let answered = followed.answered(|it| (0..20).for_each(|_| it.sells_and_sees()));
    assert_eq!(answered, 0, "a standby that is behind answers nothing");
    followed.standby.hold_back(false).unwrap();
    followed.is_used_again();

    followed.standby.down(End::Killed).unwrap();
    let answered = followed.answered(|it| (0..20).for_each(|_| it.sells_and_sees()));
    assert_eq!(answered, 0, "reading goes on without it");
    followed.standby.up().unwrap();
    followed.is_used_again();

    followed.standby.promote().unwrap();
    let answered = followed.answered(|it| (0..20).for_each(|_| it.sells_and_sees()));
    assert_eq!(answered, 0, "a standby that is a server of its own answers nothing");
    followed.town.check();
}

#[test]
fn a_server_reads_from_the_standby_that_its_configuration_names() {
    let Some(mut cluster) = or_skip(Cluster::start_without_fsync()) else { return };
    if !cluster.is_own() {
        eprintln!("skipped: the server is not ours to follow");
        return;
    }
    let url = cluster.fresh_database();
    let (place, _) = found(Place { database_url: Some(url.clone()), ..Engine::Sqlite.place().unwrap() });
    let follower = cluster.standby(false).unwrap();
    let replica = follower.url_of(&url);
    let standby = PostgresStore::connect(&replica, 1).unwrap();
    let server = Server::configured(&place, &format!("replica_url = {replica:?}\n"));
    let client = Client::new(&server.base);
    eventually(|| {
        client.get("/readyz").expect(200);
        store::read(&standby, |tx| tx.query(SESSIONS, &[])?[0].int(0)).unwrap() > 0
    });
}

#[test]
fn a_replica_that_is_no_standby_of_the_database_is_refused() {
    let Some(cluster) = or_skip(Cluster::start_without_fsync()) else { return };
    let [url, other] = [(); 2].map(|()| cluster.fresh_database());
    for wrong in [&other, &url] {
        let refused = PostgresStore::connect(&url, 1).unwrap().with_replica(wrong, 1);
        assert!(refused.is_err_and(|error| error.to_string().contains("is no standby")), "{wrong}");
    }
    let absent = "postgres://postgres@127.0.0.1:1/nothing";
    assert!(!PostgresStore::connect(&url, 1).unwrap().with_replica(absent, 1).unwrap().1);
}
