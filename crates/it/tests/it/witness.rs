//! The city witnesses the county: two servers that know of each other only by HTTP.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};

use base::{ActorId, BookId, ManualClock, Time};
use harness::{Answer, Client, Engine, MARKETS, Place, Site, Town, User, enter, found_market};
use kernel::witness::{ForkAcknowledged, FoundFork, LogTrusted};
use kernel::{CosigningFault, CosigningStand, NewToken};
use merkle::{
    AddCheckpoint, Appender, Checkpoint, Fork, Hash, SignerKey, TileId, TileSource, consistency_proof,
    leaf_hash, root_at, sign,
};
use notices::Network;
use serde_json::json;
use store::fault::{FaultStore, Faults};
use taizhang::Config;
use taizhang::config::Witness;

use crate::outside::wait_until;

const CITY: &str = "city.example";
const COUNTY: &str = "county.example";
const BOOK: &str = "beiyuan";
const ADD: &str = "/witness/add-checkpoint";

fn system() -> ActorId {
    ActorId::new("system:test").unwrap()
}

fn book() -> BookId {
    BookId::new(BOOK).unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Time::parse("2026-03-10T08:00:00+08:00").unwrap()))
}

fn serve(place: &Place, name: &str, witnesses: Vec<Witness>, clock: &Arc<ManualClock>) -> Site {
    let mut config = Config { name: name.into(), witnesses, ..place.config() };
    config.notices.webhook_networks = vec![Network::try_from("127.0.0.1".to_owned()).unwrap()];
    Site::serve(&config, place.store(), clock.clone())
}

/// A city that trusts the county, and how the county is told of it.
struct City {
    site: Site,
    place: Place,
    clock: Arc<ManualClock>,
}

impl City {
    fn on(engine: Engine, clock: &Arc<ManualClock>) -> Option<Self> {
        let place = engine.place()?;
        Some(Self { site: serve(&place, CITY, Vec::new(), clock), place, clock: clock.clone() })
    }

    fn trusting(engine: Engine, clock: &Arc<ManualClock>, vkey: &str) -> Option<Self> {
        let city = Self::on(engine, clock)?;
        city.trust(vkey);
        Some(city)
    }

    fn trust(&self, vkey: &str) -> u64 {
        self.trust_for(COUNTY, vkey)
    }

    fn trust_for(&self, origin: &str, vkey: &str) -> u64 {
        let trusted = LogTrusted {
            origin: origin.into(),
            vkey: vkey.into(),
            title: "某县总台账".into(),
            owner: None,
            reviewer: None,
        };
        self.site.kernel.trust_log(&system(), trusted).unwrap().seq.0
    }

    fn again(self) -> Self {
        let Self { site, place, clock } = self;
        site.kernel.stop();
        drop(site);
        Self { site: serve(&place, CITY, Vec::new(), &clock), place, clock }
    }

    fn witness(&self) -> Witness {
        Witness {
            url: format!("{}/witness", self.site.base),
            vkey: self.site.client().get("/witness/key").expect(200).text().trim().to_owned(),
        }
    }

    fn add(&self, request: &AddCheckpoint) -> Answer {
        add(&self.site.client(), &request.to_string())
    }

    fn forks(&self) -> Vec<FoundFork> {
        self.site.kernel.forks().unwrap()
    }

    /// The size that was cosigned last of a book of the county.
    fn size(&self) -> u64 {
        let all = self.site.kernel.witnessed_logs().unwrap();
        all.iter().find(|log| log.origin == format!("{COUNTY}/{BOOK}")).map_or(0, |log| log.size)
    }

    /// Every entry is what was signed for, and what is derived can be derived again.
    fn check(&self) {
        let report = self.site.kernel.audit().unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(self.site.kernel.replay().unwrap().changed, Vec::<String>::new());
    }
}

fn add(client: &Client, text: &str) -> Answer {
    client.post_bytes(ADD, "text/plain; charset=utf-8", text.as_bytes())
}

/// Lets a market record prices, one after another.
fn record(site: &Site, prices: std::ops::Range<i64>) {
    for price in prices {
        let body = json!({ "stall": "A1", "product": "tomato", "fen_per_kg": price });
        enter(&site.kernel, &book(), "market.price.posted", body);
    }
}

fn size(site: &Site) -> u64 {
    let note = site.kernel.checkpoint(&book()).unwrap();
    merkle::unverified(&note).unwrap().size()
}

/// How the market's book stands with the city.
fn stand(site: &Site) -> Option<CosigningStand> {
    let of_city = |it: &CosigningStand| it.book.as_str() == BOOK && it.witness.name().starts_with(CITY);
    site.kernel.cosigning_stands().unwrap().into_iter().find(of_city)
}

/// Lets time pass until the county's book stands with its witness as it should.
#[track_caller]
fn wait(what: &str, county: &Site, clock: &ManualClock, is_so: impl Fn(&CosigningStand) -> bool) {
    wait_until(what, || {
        clock.advance_ms(5_000);
        stand(county).is_some_and(|stand| is_so(&stand))
    });
}

#[track_caller]
fn wait_cosigned(county: &Site, clock: &ManualClock) {
    let size = size(county);
    wait("a cosignature", county, clock, |stand| stand.size == size && stand.fault.is_none());
}

/// A database as it was, in a place of its own.
struct Copy(PathBuf);

impl Copy {
    fn of(place: &Place, site: &Site, name: &str) -> Self {
        let path = place.folder.path().join(name);
        site.kernel.store().backup(&path).unwrap();
        Self(path)
    }

    /// Somebody puts the copy in the place of the database.
    fn restored(&self, engine: Engine) -> Place {
        let place = engine.place().unwrap();
        match &place.database_url {
            None => drop(std::fs::copy(&self.0, place.config().database_path()).unwrap()),
            Some(url) => {
                let mut command = Command::new("pg_restore");
                command.args(["--clean", "--if-exists", "--no-owner", "--dbname"]).arg(url).arg(&self.0);
                assert!(command.stdout(Stdio::null()).status().unwrap().success(), "pg_restore");
            }
        }
        place
    }
}

fn on_each_engine(tell: fn(Engine)) {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        tell(engine);
    }
}

fn county_key() -> String {
    SignerKey::from_seed(COUNTY, [7; 32]).unwrap().verifier().to_string()
}

#[test]
fn a_county_is_cosigned_and_whoever_is_started_again_goes_on() {
    on_each_engine(|engine| {
        let clock = clock();
        let Some(city) = City::trusting(engine, &clock, &county_key()) else { return };
        let place = engine.place().unwrap();
        let county = serve(&place, COUNTY, vec![city.witness()], &clock);
        found_market(&county.kernel, MARKETS[0]);
        wait_cosigned(&county, &clock);
        assert_eq!(city.size(), size(&county));

        // The log shows who cosigned; the checkpoint is still the log's own.
        let anyone = county.client();
        let log: merkle::VerifierKey = anyone.get("/log/key").expect(200).text().trim().parse().unwrap();
        let witness: merkle::WitnessKey = city.witness().vkey.parse().unwrap();
        let note = anyone.get(&format!("/log/{BOOK}/cosigned")).expect(200).text();
        assert_eq!(merkle::open(&note, std::slice::from_ref(&log)).unwrap().size(), size(&county));
        let found = merkle::cosignatures(&note, std::slice::from_ref(&witness)).unwrap();
        assert_eq!(found.len(), 1);
        let (at, now) = (found[0].seconds.cast_signed(), county.kernel.now().0 / 1000);
        assert!(at <= now && at > now - 3_600, "{at} at {now}");
        assert_eq!(anyone.get(&format!("/log/{BOOK}/checkpoint")).expect(200).text(), note);

        // A proof carries the cosignature out of the house.
        let proved = county.kernel.prove(&book(), base::Seq(3)).unwrap();
        assert_eq!(proved.proof.note(), note);
        let folder = tempfile::tempdir().unwrap();
        let keep = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (proof, leaf) = (keep("proof", &proved.proof.to_string()), keep("leaf", &proved.entry.head()));
        let verify = |witness: &str| verified(&log.to_string(), witness, &leaf, &proof);
        let said = verify(&city.witness().vkey).unwrap();
        assert!(said.contains(&format!("cosigned by {CITY}/witness at 2026-03-10T")), "{said}");
        let stranger = SignerKey::from_seed(CITY, [8; 32]).unwrap().cosigner().unwrap();
        let said = verify(&stranger.witness().to_string()).unwrap_err();
        assert!(said.contains("has not cosigned it"), "{said}");

        // So does the page of the entry.
        let grant = access::Grant {
            role: "auditor".into(),
            unit: base::UnitCode::new("371400").unwrap(),
            line: None,
            subject: None,
        };
        let token =
            NewToken { title: "x".into(), unit: grant.unit.clone(), grants: vec![grant], expires: None };
        let reader = anyone.bearer(&county.kernel.issue_token(&system(), token).unwrap().credential.unwrap());
        for (lang, said) in
            [("en", "city.example/witness at "), ("zh-CN", "city.example/witness，2026年3月10日")]
        {
            let page = reader.get(&format!("/ledger/{BOOK}/3?lang={lang}")).expect(200).text();
            assert!(page.contains(said) && page.contains(&witness.to_string()), "{page}");
        }

        // The county grows on while the city is away, and is started again itself.
        record(&county, 701..705);
        let before = city.size();
        county.kernel.stop();
        drop(county);
        let city = city.again();
        let county = serve(&place, COUNTY, vec![city.witness()], &clock);
        assert_eq!(stand(&county).unwrap().size, before);
        record(&county, 705..707);
        wait_cosigned(&county, &clock);
        assert_eq!(city.size(), size(&county));
        // What was recorded before is proved by what was cosigned, what comes after by the checkpoint of now.
        record(&county, 707..708);
        let seq = base::Seq(size(&county) - 1);
        let fresh = county.kernel.prove(&book(), seq).unwrap();
        assert_eq!(county.kernel.cosigners(fresh.proof.note()).unwrap(), Some(Vec::new()));
        city.check();
        assert!(county.kernel.audit().unwrap().is_clean());
        assert_eq!(city.forks(), []);
    });
}

fn verified(key: &str, witness: &str, leaf: &Path, proof: &Path) -> Result<String, String> {
    let mut command = Command::new(crate::binary::path());
    command.args(["verify", "--key", key, "--witness", witness, "--leaf"]).arg(leaf).arg(proof);
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
}

#[test]
fn a_county_that_is_not_heard_tries_again_and_says_why() {
    let clock = clock();
    let city = City::on(Engine::Sqlite, &clock).unwrap();
    let place = Engine::Sqlite.place().unwrap();
    let county = serve(&place, COUNTY, vec![city.witness()], &clock);
    found_market(&county.kernel, MARKETS[0]);
    wait("404", &county, &clock, |stand| {
        stand.fault == Some(CosigningFault::LogUnknown) && stand.attempts > 1
    });
    county.client().get(&format!("/log/{BOOK}/cosigned")).expect(404);
    let other = SignerKey::from_seed(COUNTY, [9; 32]).unwrap().verifier().to_string();
    let log = city.trust(&other);
    wait("403", &county, &clock, |stand| stand.fault == Some(CosigningFault::Refused));
    city.trust(&county_key());
    city.site.kernel.drop_log(&system(), log).unwrap();
    wait_cosigned(&county, &clock);
    // What somebody signs who is not the witness that was named is not kept.
    let Witness { url, .. } = city.witness();
    let stranger = SignerKey::from_seed("stranger.example", [1; 32]).unwrap().cosigner().unwrap();
    let asked = Witness { url, vkey: stranger.witness().to_string() };
    let mut config = Config { name: COUNTY.into(), witnesses: vec![asked], ..place.config() };
    config.notices.webhook_networks = vec![Network::try_from("127.0.0.1".to_owned()).unwrap()];
    let fooled = taizhang::cosigners(&config, &county.kernel).unwrap();
    let garbled = CosigningFault::Notice(kernel::notices::FaultKind::Garbled);
    wait_until("a stranger's signature", || {
        let all = county.kernel.cosigning_stands().unwrap();
        all.iter().any(|it| it.witness == *stranger.witness() && (it.fault, it.size) == (Some(garbled), 0))
    });
    fooled.close();
    // A witness that is away holds up nothing here.
    drop(city);
    record(&county, 701..702);
    wait("silence", &county, &clock, |stand| matches!(stand.fault, Some(CosigningFault::Notice(_))));
    assert!(size(&county) > stand(&county).unwrap().size);
    // A name that leads inside is not followed, unless the configuration names the network.
    // The witness is one of its own: the county's own followers still tell of the silent one.
    let inside = SignerKey::from_seed("inside.example", [2; 32]).unwrap().cosigner().unwrap();
    let closed = Config {
        name: COUNTY.into(),
        witnesses: vec![Witness {
            url: "http://127.0.0.1:9/witness".into(),
            vkey: inside.witness().to_string(),
        }],
        ..Engine::Sqlite.place().unwrap().config()
    };
    let guarded = taizhang::cosigners(&closed, &county.kernel).unwrap();
    let forbidden = Some(CosigningFault::Notice(kernel::notices::FaultKind::AddressForbidden));
    wait_until("the guard", || {
        let all = county.kernel.cosigning_stands().unwrap();
        all.iter().any(|it| it.witness == *inside.witness() && it.fault == forbidden)
    });
    guarded.close();
}

/// A log that is no installation of ours, and says whatever a test wants it to.
struct Log {
    origin: String,
    key: SignerKey,
    tree: Appender,
    tiles: BTreeMap<TileId, Vec<u8>>,
}

impl TileSource for Log {
    type Error = Infallible;

    fn tile(&mut self, id: TileId) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.tiles.get(&id).cloned())
    }
}

impl Log {
    /// A log of so many entries that differs from others of the same name from number `from` on.
    fn new(origin: &str, size: u64, from: u64) -> Self {
        let mut log = Self {
            origin: origin.into(),
            key: SignerKey::from_seed(COUNTY, [7; 32]).unwrap(),
            tree: Appender::empty(),
            tiles: BTreeMap::new(),
        };
        for number in 0..size {
            let salt = if number < from { 0 } else { from };
            log.tree.push(leaf_hash(format!("{salt} {number}").as_bytes()));
        }
        let changed = log.tree.take_changed();
        log.tiles.extend(changed);
        log
    }

    fn note(&mut self, size: u64) -> String {
        let root = root_at(self, size).unwrap();
        sign(&Checkpoint::new(&self.origin, size, root).unwrap(), &self.key)
    }

    fn request(&mut self, old: u64, size: u64) -> AddCheckpoint {
        let (proof, note) = (self.proof(old, size), self.note(size));
        AddCheckpoint::new(old, proof, note).unwrap()
    }

    fn proof(&mut self, old: u64, size: u64) -> Vec<Hash> {
        if old == 0 || old >= size { Vec::new() } else { consistency_proof(self, old, size).unwrap() }
    }
}

/// Refused for the size: the answer says which was cosigned last, as the standard writes it.
#[track_caller]
fn conflict(answer: Answer, size: u64) {
    let answer = answer.expect(409);
    assert_eq!(answer.header("content-type"), "text/x.tlog.size");
    assert_eq!(answer.text(), format!("{size}\n"));
}

fn root_entries(site: &Site, kind: &str) -> usize {
    let registry = BookId::new("registry").unwrap();
    site.kernel.read(|tx| kernel::entries::latest(tx, &registry, &[kind], None, 100)).unwrap().len()
}

#[test]
fn every_status_is_the_protocols() {
    on_each_engine(|engine| {
        let Some(city) = City::trusting(engine, &clock(), &county_key()) else { return };
        let origin = format!("{COUNTY}/{BOOK}");
        let mut log = Log::new(&origin, 40, 40);
        let witness: merkle::WitnessKey = city.witness().vkey.parse().unwrap();

        // 404: another name, and one that only begins alike.
        for stranger in ["stranger.example/book", "county.example.org/book", "county.exampl"] {
            city.add(&Log::new(stranger, 3, 3).request(0, 3)).expect(404);
        }
        // 403: the name is right and the key is not.
        let mut thief = Log::new(&origin, 3, 3);
        thief.key = SignerKey::from_seed(COUNTY, [8; 32]).unwrap();
        city.add(&thief.request(0, 3)).expect(403);
        // 400, 413: no request at all, and one that goes back.
        let client = city.site.client();
        for text in ["", "old 0", "old 0\n\n", "old 00\n\n", "old 0\n\nx\n"] {
            add(&client, text).expect(400);
        }
        let good = log.request(0, 5).to_string();
        add(&client, &good.replace('\n', "\r\n")).expect(400);
        add(&client, &good.replacen("old 0\n", &format!("old 0\n{}", "x\n".repeat(64)), 1)).expect(400);
        client.post_bytes(ADD, "text/plain", &[0xff; 9]).expect(400);
        client.post_bytes(ADD, "text/plain", &vec![b'x'; 33 * 1024]).expect(413);
        city.add(&log.request(9, 5)).expect(400);
        assert_eq!(city.size(), 0);

        // 200: the first, a larger one, and the same again.
        for (old, size) in [(0, 5), (5, 11), (11, 11), (11, 40)] {
            let request = log.request(old, size);
            let answer = city.add(&request).expect(200);
            let note = format!("{}{}", request.note(), answer.text());
            let found = merkle::cosignatures(&note, std::slice::from_ref(&witness)).unwrap();
            let now = city.site.kernel.now().0 / 1000;
            assert_eq!((found.len(), found[0].seconds.cast_signed(), city.size()), (1, now, size));
        }
        // A signature of somebody else beside the log's is skipped, and not kept.
        let request = log.request(40, 40).to_string();
        let other = sign(
            &Checkpoint::new("a", 1, Hash([0; 32])).unwrap(),
            &SignerKey::from_seed("a", [1; 32]).unwrap(),
        );
        add(&client, &format!("{request}{}", other.rsplit_once("\n\n").unwrap().1)).expect(200);
        assert_eq!(city.site.kernel.witnessed_logs().unwrap()[0].note, log.note(40));
        // 409: the witness knows another size.
        for (old, size) in [(0, 5), (0, 40), (11, 40), (5, 11)] {
            conflict(city.add(&log.request(old, size)), 40);
        }
        // 422: the proof is another's, missing, or too much.
        let mut longer = Log::new(&origin, 50, 50);
        let (note, right) = (longer.note(50), longer.proof(40, 50));
        for proof in [Vec::new(), longer.proof(39, 50), [right.clone(), right[..1].to_vec()].concat()] {
            city.add(&AddCheckpoint::new(40, proof, note.clone()).unwrap()).expect(422);
        }
        let too_much = AddCheckpoint::new(40, right[..1].to_vec(), log.note(40)).unwrap();
        city.add(&too_much).expect(422);
        let unknown = Log::new(&format!("{COUNTY}/other"), 3, 3).note(3);
        city.add(&AddCheckpoint::new(0, right, unknown).unwrap()).expect(422);
        // None of it is evidence of anything, and the log goes on.
        assert_eq!(city.forks(), []);
        let seen = city.site.kernel.witnessed_logs().unwrap();
        assert_eq!((seen.len(), seen[0].refused.is_some()), (1, true));
        // Anybody may ask for what was cosigned once more, and takes nothing of that away.
        city.add(&log.request(40, 40)).expect(200);
        assert!(city.site.kernel.witnessed_logs().unwrap()[0].refused.is_some());
        city.add(&longer.request(40, 50)).expect(200);
        assert_eq!(city.site.kernel.witnessed_logs().unwrap()[0].refused, None);
        // What was cosigned is not forgotten.
        let city = city.again();
        conflict(city.add(&log.request(0, 5)), 50);
        city.check();
        // 429: whoever asks too often.
        let client = city.site.client();
        assert!((0..2_000).any(|_| add(&client, "").status == 429));
    });
}

#[test]
fn a_log_that_is_trusted_for_itself_is_signed_for_by_nobody_above() {
    on_each_engine(|engine| {
        let Some(city) = City::trusting(engine, &clock(), &county_key()) else { return };
        let key = |seed| SignerKey::from_seed(COUNTY, [seed; 32]).unwrap();
        let origin = format!("{COUNTY}/{BOOK}");
        let [mut above, mut own, mut next] = [7, 8, 9].map(|seed| {
            let mut log = Log::new(&origin, 9, 9);
            log.key = key(seed);
            log
        });
        city.add(&above.request(0, 3)).expect(200);
        let trusted = city.trust_for(&origin, &own.key.verifier().to_string());
        city.add(&above.request(3, 5)).expect(403);
        city.add(&own.request(3, 5)).expect(200);
        city.add(&Log::new(&format!("{COUNTY}/other"), 3, 3).request(0, 3)).expect(200);
        // While a log changes its key, both sign.
        city.trust_for(&origin, &next.key.verifier().to_string());
        city.add(&own.request(5, 6)).expect(200);
        city.add(&next.request(6, 7)).expect(200);
        city.site.kernel.drop_log(&system(), trusted).unwrap();
        city.add(&own.request(7, 8)).expect(403);
        city.check();
    });
}

#[test]
fn what_a_log_above_signed_proves_nothing_against_one_that_is_trusted_for_itself() {
    on_each_engine(|engine| {
        let Some(city) = City::trusting(engine, &clock(), &county_key()) else { return };
        let key = |seed| SignerKey::from_seed(COUNTY, [seed; 32]).unwrap();
        let origin = format!("{COUNTY}/{BOOK}");
        // The one above signs another tree than that of the log itself.
        let [mut above, mut own, mut next] = [(7, 1), (8, 9), (9, 9)].map(|(seed, from)| {
            let mut log = Log::new(&origin, 9, from);
            log.key = key(seed);
            log
        });
        city.add(&above.request(0, 3)).expect(200);
        let trusted = city.trust_for(&origin, &own.key.verifier().to_string());
        conflict(city.add(&own.request(3, 5)), 0);
        city.add(&own.request(0, 5)).expect(200);
        assert_eq!(city.forks(), []);
        // A key that takes its place goes on from what it signed, until nobody is trusted for it.
        city.trust_for(&origin, &next.key.verifier().to_string());
        city.site.kernel.drop_log(&system(), trusted).unwrap();
        conflict(city.add(&next.request(0, 4)), 5);
        let last = city
            .site
            .kernel
            .trusted_logs()
            .unwrap()
            .into_iter()
            .find(|log| log.origin == origin)
            .unwrap()
            .log;
        city.site.kernel.drop_log(&system(), last).unwrap();
        city.trust_for(&origin, &next.key.verifier().to_string());
        city.add(&next.request(0, 4)).expect(200);
        city.check();
    });
}

#[test]
fn of_two_requests_side_by_side_one_wins() {
    on_each_engine(|engine| {
        let Some(city) = City::trusting(engine, &clock(), &county_key()) else { return };
        // On PostgreSQL a second node answers for the same city.
        let node = (engine == Engine::Postgres).then(|| serve(&city.place, CITY, Vec::new(), &city.clock));
        let bases = [city.site.base.clone(), node.as_ref().unwrap_or(&city.site).base.clone()];
        let mut log = Log::new(&format!("{COUNTY}/{BOOK}"), 200, 200);
        city.add(&log.request(0, 2)).expect(200);
        let mut at = 2;
        for round in 0..30 {
            let start = Barrier::new(2);
            let asked = [1, 2].map(|more| (log.request(at, at + more), at + more));
            let answers: Vec<(u16, u64)> = std::thread::scope(|scope| {
                let ask = |which: usize| {
                    let ((request, size), base, start) = (&asked[which], &bases[which], &start);
                    scope.spawn(move || {
                        let client = Client::new(base);
                        start.wait();
                        (add(&client, &request.to_string()).status, *size)
                    })
                };
                let both = [ask(0), ask(1)];
                both.map(|one| one.join().unwrap()).to_vec()
            });
            let won: Vec<u64> = answers.iter().filter(|it| it.0 == 200).map(|it| it.1).collect();
            assert_eq!(won.len(), 1, "round {round}: {answers:?}");
            assert!(answers.iter().all(|it| [200, 409].contains(&it.0)), "round {round}: {answers:?}");
            at = won[0];
            assert_eq!(city.size(), at, "round {round}");
        }
        drop(node);
        assert_eq!(city.forks(), []);
    });
}

#[test]
fn a_log_that_contradicts_itself_is_held_with_both_checkpoints_until_somebody_sees_to_it() {
    on_each_engine(|engine| {
        let Some(city) = City::trusting(engine, &clock(), &county_key()) else { return };
        let origin = format!("{COUNTY}/{BOOK}");
        let mut log = Log::new(&origin, 60, 60);
        let mut forked = Log::new(&origin, 60, 9);
        city.add(&log.request(0, 20)).expect(200);
        // The same size with another root, whatever size it says to come from.
        conflict(city.add(&forked.request(0, 20)), 20);
        let keys = [log.key.verifier().clone()];
        let fork = city.forks().pop().expect("a fork");
        assert_eq!((fork.first_size, fork.second_size, fork.acknowledged), (20, 20, None));
        let evidence = evidence(&city, fork.fork);
        let (first, second) = evidence.verify(&keys).unwrap();
        assert_eq!((&evidence.first, &evidence.second), (&log.note(20), &forked.note(20)));
        assert_ne!(first.root(), second.root());
        // Nothing is cosigned, and nothing more is recorded, whatever comes.
        for request in
            [log.request(20, 30), forked.request(0, 20), forked.request(20, 30), log.request(20, 20)]
        {
            city.add(&request).expect(403);
        }
        // Another book of the county is another log.
        city.add(&Log::new(&format!("{COUNTY}/other"), 3, 3).request(0, 3)).expect(200);
        assert_eq!(root_entries(&city.site, "kernel.witness.fork"), 1);

        let acknowledged =
            ForkAcknowledged { fork: fork.fork, reason: "数据库误恢复，已改正".into() };
        city.site.kernel.acknowledge_fork(&system(), acknowledged.clone()).unwrap();
        assert!(city.site.kernel.acknowledge_fork(&system(), acknowledged).is_err());
        // The same pair is known; the log itself goes on.
        conflict(city.add(&forked.request(0, 20)), 20);
        assert_eq!(root_entries(&city.site, "kernel.witness.fork"), 1);
        city.add(&log.request(20, 30)).expect(200);

        // A larger tree that does not begin with what was cosigned: its own proof shows that.
        city.add(&forked.request(30, 40)).expect(422);
        let fork = city.forks().remove(0);
        assert_eq!((fork.first_size, fork.second_size, fork.acknowledged), (30, 40, None));
        self::evidence(&city, fork.fork).verify(&keys).unwrap();
        city.add(&log.request(30, 40)).expect(403);
        assert_eq!(root_entries(&city.site, "kernel.witness.fork"), 2);
        let city = city.again();
        city.add(&log.request(30, 40)).expect(403);
        city.check();
    });
}

#[test]
fn a_fork_after_a_power_of_two_is_settled_by_the_checkpoint_of_that_size() {
    on_each_engine(|engine| {
        let Some(city) = City::trusting(engine, &clock(), &county_key()) else { return };
        let origin = format!("{COUNTY}/{BOOK}");
        let (mut log, mut forked) = (Log::new(&origin, 32, 32), Log::new(&origin, 40, 9));
        city.add(&log.request(0, 32)).expect(200);
        // The proof leaves the old root out, so it might as well be made up.
        city.add(&forked.request(32, 40)).expect(422);
        assert_eq!(city.forks(), []);
        conflict(city.add(&forked.request(32, 32)), 32);
        let fork = city.forks().pop().expect("a fork");
        evidence(&city, fork.fork).verify(&[log.key.verifier().clone()]).unwrap();
        city.check();
    });
}

/// The evidence of a fork, as an administrator downloads it.
fn evidence(city: &City, fork: u64) -> Fork {
    let registry = BookId::new("registry").unwrap();
    let entry =
        city.site.kernel.read(|tx| kernel::entries::entry(tx, &registry, base::Seq(fork))).unwrap().unwrap();
    entry.body::<kernel::witness::ForkFound>().unwrap().evidence().unwrap()
}

#[test]
fn a_county_that_is_set_back_and_goes_on_otherwise_is_found_out() {
    on_each_engine(|engine| {
        let clock = clock();
        let Some(city) = City::trusting(engine, &clock, &county_key()) else { return };
        let place = engine.place().unwrap();
        let county = serve(&place, COUNTY, vec![city.witness()], &clock);
        found_market(&county.kernel, MARKETS[0]);
        wait_cosigned(&county, &clock);
        let copy = Copy::of(&place, &county, "older");
        record(&county, 701..704);
        wait_cosigned(&county, &clock);
        let cosigned = city.size();
        county.kernel.stop();
        drop(county);

        // The older copy takes its place: the city has seen more than there is.
        let place = copy.restored(engine);
        let county = serve(&place, COUNTY, vec![city.witness()], &clock);
        record(&county, 801..802);
        wait("a book that was set back", &county, &clock, |stand| {
            stand.fault == Some(CosigningFault::Behind)
        });
        assert_eq!((city.forks(), city.size()), (vec![], cosigned));
        // It grows beyond what was cosigned, with other entries.
        record(&county, 802..808);
        wait("a fork", &county, &clock, |stand| stand.fault == Some(CosigningFault::Forked));
        let fork = city.forks().pop().expect("a fork");
        assert_eq!((fork.origin, fork.first_size), (format!("{COUNTY}/{BOOK}"), cosigned));
        let keys = [county.kernel.verifier().clone()];
        evidence(&city, fork.fork).verify(&keys).unwrap();
        wait("a refusal", &county, &clock, |stand| stand.fault == Some(CosigningFault::Refused));
        assert_eq!((city.forks().len(), city.size()), (1, cosigned));
        city.check();
    });
}

#[test]
fn a_fork_is_shown_in_red_with_both_checkpoints_and_becomes_a_matter() {
    let town = Town::on(Engine::Sqlite.place().unwrap());
    let admin = town.browser(User::Admin);
    let posts = ["chief", "inspector"].map(|name| format!("post:371400/{name}"));
    for post in &posts {
        let body = json!({ "post": post, "unit": "371400", "title_zh": "岗位", "title_en": "Post" });
        admin.post("/api/registry/posts", &body).expect(201);
    }
    let none = admin.get("/admin/witness?lang=en").expect(200).text();
    assert!(
        none.contains("No log is witnessed yet")
            && none.contains(&town.site.kernel.witness_key().to_string())
    );
    // What is wrong with the form goes beside its field.
    let typed = |vkey: &str, reviewer: &str| {
        let fields = [
            ("title", "乐陵市"),
            ("origin", COUNTY),
            ("vkey", vkey),
            ("owner", &*posts[0]),
            ("reviewer", reviewer),
        ];
        admin.post_form("/admin/witness/new", &fields)
    };
    let wrong = typed("no key", &posts[1]).expect(422).text();
    assert!(
        wrong.contains("id=\"vkey-error\"") && wrong.contains("请整行复制") && wrong.contains("乐陵市"),
        "{wrong}"
    );
    assert!(typed(&county_key(), &posts[0]).expect(422).text().contains("id=\"reviewer-error\""));
    typed(&county_key(), &posts[1]).expect(303);
    typed(&county_key(), &posts[1]).expect(422);

    let origin = format!("{COUNTY}/{BOOK}");
    let (mut log, mut forked) = (Log::new(&origin, 20, 20), Log::new(&origin, 20, 3));
    let anyone = town.site.client();
    add(&anyone, &log.request(0, 20).to_string()).expect(200);
    let shown = admin.get("/admin/witness?lang=en").expect(200).text();
    assert!(shown.contains(&origin) && shown.contains("cosigned</span>"), "{shown}");
    town.clock.advance_ms(3 * 60 * 60 * 1000 + 1);
    let admin = town.holder_again("admin");
    assert!(
        admin
            .get("/admin/witness?lang=en")
            .expect(200)
            .text()
            .contains("no cosignature asked for in three hours")
    );
    add(&anyone, &forked.request(20, 20).to_string()).expect(409);

    let fork = town.site.kernel.forks().unwrap().pop().unwrap().fork;
    for (lang, said) in [("en", "A log has forked"), ("zh-CN", "有 1 处日志分叉待处置")] {
        let shown = admin.get(&format!("/admin/witness?lang={lang}")).expect(200).text();
        assert!(shown.contains(said) && shown.contains("badge red"), "{shown}");
        assert!(shown.contains(&format!("/admin/witness/forks/{fork}")));
        let shown = admin.get(&format!("/admin/witness/forks/{fork}?lang={lang}")).expect(200).text();
        for text in [log.note(20), forked.note(20)] {
            assert!(shown.contains(text.lines().nth(2).unwrap()), "{shown}");
        }
    }
    for (part, note) in [("first", log.note(20)), ("second", forked.note(20)), ("proof", String::new())] {
        let got = admin.get(&format!("/api/witness/forks/{fork}/{part}")).expect(200);
        assert_eq!(got.text(), note);
        assert!(got.header("content-disposition").starts_with("attachment"));
    }
    let reviewer = town.holder("reviewer", &[&posts[1]]);
    let matter = reviewer.get(&format!("/api/matters/registry/fork-{fork}")).expect(200).json();
    assert_eq!(matter["matter"]["sort"], "kernel.fork");
    assert_eq!(matter["matter"]["owner"], posts[0]);

    let page = format!("/admin/witness/forks/{fork}");
    assert!(admin.post_form(&page, &[("reason", " ")]).expect(422).text().contains("id=\"reason-error\""));
    admin.post_form(&page, &[("reason", "已查明")]).expect(303);
    let api = admin.get("/api/witness/forks").expect(200).json();
    assert!(api[0]["acknowledged"].is_u64(), "{api}");
    assert!(!admin.get("/admin/witness").expect(200).text().contains("badge red"));
    let logs = admin.get("/api/witness/logs").expect(200).json();
    assert_eq!(
        (&logs[0]["witnessed"][0]["size"], &logs[0]["witnessed"][0]["held"]),
        (&json!(20), &json!(false))
    );
    admin.post_form(&format!("/admin/witness/logs/{}/drop", logs[0]["log"]), &[]).expect(303);
    add(&anyone, &log.request(20, 20).to_string()).expect(404);
    town.check();
}

#[test]
fn a_cosignature_is_given_only_for_what_is_on_disk() {
    let (place, clock, faults) = (Engine::Sqlite.place().unwrap(), clock(), Faults::none());
    let store = Arc::new(FaultStore::new(place.store(), faults.clone()));
    let config = Config { name: CITY.into(), ..place.config() };
    let site = Site::serve(&config, store, clock.clone());
    let city = City { site, place, clock };
    city.trust(&county_key());
    let mut log = Log::new(&format!("{COUNTY}/{BOOK}"), 200, 200);
    city.add(&log.request(0, 1)).expect(200);
    let before = faults.steps();
    city.add(&log.request(1, 2)).expect(200);
    let steps = faults.steps() - before;
    let (mut at, mut broken) = (2, 0);
    for persist in [false, true] {
        for step in 0..steps + 3 {
            let breaks = faults.breaks();
            faults.break_at(faults.steps() + step, persist);
            let answer = city.add(&log.request(at, at + 1));
            faults.heal();
            broken += u64::from(faults.breaks() > breaks);
            assert!(matches!(answer.status, 200 | 500 | 503), "step {step}: {}", answer.text());
            let kept = city.size();
            assert!(kept == at + 1 || answer.status != 200 && kept == at, "step {step}: {kept} after {at}");
            // Whatever became of it, the log learns where it stands and goes on.
            conflict(city.add(&log.request(0, 1)), kept);
            at = kept;
        }
    }
    assert!(broken >= steps, "{broken} steps of {steps} were broken");
    city.check();
}

#[test]
fn a_log_is_the_same_by_whatever_name_its_key_is_trusted() {
    on_each_engine(|engine| {
        let Some(city) = City::trusting(engine, &clock(), &county_key()) else { return };
        let kernel = &city.site.kernel;
        let origin = format!("{COUNTY}/{BOOK}");
        let [mut log, mut forked] = [9, 4].map(|from| Log::new(&origin, 9, from));
        city.add(&log.request(0, 6)).expect(200);
        // Trusted by a closer name as well: what it signed before is what it goes on from.
        let closer = city.trust_for(&origin, &county_key());
        conflict(city.add(&forked.request(0, 6)), 6);
        let [fork] = &city.forks()[..] else { panic!("the fork was found") };
        assert_ne!(city.add(&log.request(6, 8)).status, 200);
        // It is held by the other name, too, until somebody saw to it.
        kernel.drop_log(&system(), closer).unwrap();
        assert_ne!(city.add(&log.request(6, 8)).status, 200);
        let seen = ForkAcknowledged { fork: fork.fork, reason: "已核查".into() };
        kernel.acknowledge_fork(&system(), seen).unwrap();
        city.add(&log.request(6, 8)).expect(200);
        // What was signed by the closer name is known when that goes.
        let closer = city.trust_for(&origin, &county_key());
        city.add(&log.request(8, 9)).expect(200);
        kernel.drop_log(&system(), closer).unwrap();
        conflict(city.add(&forked.request(0, 3)), 9);
        assert_eq!(city.size(), 9);
        city.check();
    });
}

#[test]
fn a_log_that_is_trusted_again_under_its_key_is_the_same() {
    on_each_engine(|engine| {
        let Some(city) = City::on(engine, &clock()) else { return };
        let kernel = &city.site.kernel;
        let origin = format!("{COUNTY}/{BOOK}");
        let [mut log, mut forked] = [9, 4].map(|from| Log::new(&origin, 9, from));
        let first = city.trust(&county_key());
        city.add(&log.request(0, 6)).expect(200);
        conflict(city.add(&forked.request(0, 6)), 6);
        kernel.drop_log(&system(), first).unwrap();
        let [fork] = &city.forks()[..] else { panic!("the fork was found") };
        assert_eq!(fork.acknowledged, None);
        // Of a log that is trusted by nobody there is nothing to show.
        assert_eq!(kernel.witnessed_logs().unwrap(), []);
        city.trust(&county_key());
        for old in [0, 6] {
            assert_ne!(city.add(&log.request(old, 8)).status, 200, "it is held");
        }
        kernel
            .acknowledge_fork(&system(), ForkAcknowledged { fork: fork.fork, reason: "已核查".into() })
            .unwrap();
        conflict(city.add(&forked.request(0, 3)), 6);
        city.add(&log.request(6, 8)).expect(200);
        // Another key has nothing to do with it.
        let trusted = kernel.trusted_logs().unwrap();
        kernel.drop_log(&system(), trusted[0].log).unwrap();
        let mut next = Log::new(&origin, 9, 2);
        next.key = SignerKey::from_seed(COUNTY, [9; 32]).unwrap();
        city.trust(&next.key.verifier().to_string());
        city.add(&next.request(0, 3)).expect(200);
        city.check();
    });
}
