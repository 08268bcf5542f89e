//! A town of two counties, with a market and a key-project office each, and everybody who has to do with the first of
//! them.

use std::sync::Arc;

use access::Grant;
use base::{AccountId, ActorId, BookId, Day, ManualClock, Seq, SubjectId, Time, UnitCode};
use kernel::{Issued, Kernel, NewAccount, NewDevice, NewToken};
use registry::{BookOpened, Level, PostAdded, PostHeld, UnitAdded};
use serde_json::Value;
use store::Store;

use crate::market::{furnish, lot_body};
use crate::projects::{OFFICES, found_office, team};
use crate::site::{NAME, signer};
use crate::{Client, Place, Site};

/// The books of the two markets, each with the unit that keeps it and the county above. The first is everybody's own.
pub const MARKETS: [(&str, &str, &str); 2] =
    [("beiyuan", "beiyuan-market", "371402"), ("xihai", "xihai-market", "371481")];

/// Long enough, and nobody's name.
pub const PASSWORD: &str = "correct horse battery";

/// Who asks. Those of a market belong to the first one; leader and auditor to the county above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    Anonymous,
    Admin,
    Operator,
    /// On behalf of m1 at stall A1.
    Merchant,
    Inspector,
    Leader,
    Auditor,
    /// Scale 1 at stall A1.
    Scale,
    /// A system outside, such as a wholesaler's, that speaks EPCIS with the first market.
    Supplier,
    /// The same with the whole city.
    CitySupplier,
    /// The same on behalf of a cooperative, whatever credential it has.
    Cooperative,
    /// A system that sees the events of every sender in the city.
    Tracer,
    /// Of the first key-project office.
    Planner,
    /// On behalf of the team of the first project there.
    Team,
}

impl User {
    /// Everybody but the outside systems and those of key projects, who have tests of their own.
    pub const ALL: [Self; 8] = [
        Self::Anonymous,
        Self::Admin,
        Self::Operator,
        Self::Merchant,
        Self::Inspector,
        Self::Leader,
        Self::Auditor,
        Self::Scale,
    ];

    /// What is granted to a person of this sort; nothing to those who are no persons.
    fn grant(self) -> Option<Grant> {
        let (book, market, county) = MARKETS[0];
        let of = |role: &str, unit: &str, line: Option<&str>, subject: Option<String>| Grant {
            role: role.to_owned(),
            unit: UnitCode::new(unit).unwrap(),
            line: line.map(str::to_owned),
            subject: subject.map(|subject| SubjectId::new(subject).unwrap()),
        };
        Some(match self {
            Self::Anonymous | Self::Scale => return None,
            Self::Admin => of("admin", "371400", None, None),
            Self::Operator => of("operator", market, Some("market"), None),
            Self::Merchant => of("merchant", market, Some("market"), Some(format!("merchant:{book}/m1"))),
            Self::Inspector => of("inspector", county, Some("market"), None),
            Self::Supplier => of("supplier", market, Some("market"), None),
            Self::CitySupplier => of("supplier", "371400", Some("market"), None),
            Self::Cooperative => {
                of("supplier", market, Some("market"), Some("supplier:shouguang".to_owned()))
            }
            Self::Tracer => of("tracer", "371400", Some("market"), None),
            Self::Planner => of("planner", OFFICES[0].unit, Some("projects"), None),
            Self::Team => {
                of("team", OFFICES[0].unit, Some("projects"), Some(team(OFFICES[0], 1).to_string()))
            }
            Self::Leader => of("leader", county, None, None),
            Self::Auditor => of("auditor", county, None, None),
        })
    }
}

/// A running town. Its clock stands at eight in the morning of 10 March 2026 until it is moved.
pub struct Town {
    // Declared before the place, so that the server has stopped when its folder goes.
    pub site: Site,
    pub clock: Arc<ManualClock>,
    pub place: Place,
}

impl Town {
    /// A town on a fresh store.
    pub fn on(place: Place) -> Self {
        let store = place.store();
        Self::on_store(place, store)
    }

    /// A town on a store that was opened already, such as one that breaks on purpose.
    pub fn on_store(place: Place, store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(ManualClock::at(Time::parse("2026-03-10T08:00:00+08:00").unwrap()));
        let site = Site::serve(&place.config(), store, clock.clone());
        let town = Self { site, clock, place };
        town.found();
        town
    }

    fn found(&self) {
        for market in MARKETS {
            found_market(&self.site.kernel, market);
        }
        for office in OFFICES {
            found_office(&self.site.kernel, office);
        }
        self.settle();
    }

    /// Lets the clock do all that is due, so that nothing happens by itself until the time is moved or something recorded.
    pub fn settle(&self) {
        self.site.kernel.tend_days().unwrap();
        while self.site.kernel.tend_matters(1_000).unwrap().looked_at > 0 {}
    }

    /// The book of the first market.
    pub fn book(&self) -> BookId {
        BookId::new(MARKETS[0].0).unwrap()
    }

    /// A client with the credential of such a user; each call issues a new one.
    pub fn program(&self, user: User) -> Client {
        let client = self.site.client();
        match user {
            User::Anonymous => client,
            User::Scale => self.scale(1),
            _ => client.bearer(&self.issue(user).credential.unwrap()),
        }
    }

    /// A new token for such a user.
    pub fn issue(&self, user: User) -> Issued {
        let token = NewToken {
            title: format!("{user:?}"),
            unit: UnitCode::new("371400").unwrap(),
            grants: user.grant().into_iter().collect(),
            expires: None,
        };
        self.site.kernel.issue_token(&installation(), token).unwrap()
    }

    /// A client with the credential of a scale of the first market, enrolled anew if it had one.
    pub fn scale(&self, number: u32) -> Client {
        self.site.client().bearer(&self.credential_of_scale(number))
    }

    /// A new credential for a scale of the first market; the one that it had ends.
    pub fn credential_of_scale(&self, number: u32) -> String {
        let (book, device) = (self.book(), format!("scale-{number}"));
        // The first time there is none to revoke.
        self.site.kernel.revoke_device(&installation(), &book, &device).ok();
        let new = NewDevice {
            device,
            subject: SubjectId::local("scale", &book, &number.to_string()).unwrap(),
            book,
            title: format!("{number}号秤"),
            role: "scale".into(),
        };
        self.site.kernel.issue_device(&installation(), new).unwrap().credential.unwrap()
    }

    /// Stops the server, and leaves what it wrote. The key is left in the folder, for the program to go on with.
    pub fn close(self) -> Place {
        let key = format!("{}\n", signer(NAME).to_secret_text());
        std::fs::write(self.place.folder.path().join("signing.key"), key).unwrap();
        let Self { site, place, .. } = self;
        site.kernel.stop();
        drop(site);
        place
    }

    /// Ends the credential of a scale.
    pub fn revoke_scale(&self, number: u32) {
        self.site.kernel.revoke_device(&installation(), &self.book(), &format!("scale-{number}")).unwrap();
    }

    /// Adds an account for such a user, and returns its name and password.
    pub fn account(&self, user: User) -> (String, &'static str) {
        let name = format!("{user:?}").to_lowercase();
        let account = AccountId::new(&name).unwrap();
        let unit = UnitCode::new("371400").unwrap();
        let new = NewAccount { account, unit, title: format!("{user:?}") };
        self.site.kernel.add_account(&installation(), new, Some(PASSWORD)).unwrap();
        if let Some(grant) = user.grant() {
            let grantee = ActorId::new(format!("account:{name}")).unwrap();
            self.site.kernel.give_grant(&installation(), &grantee, grant).unwrap();
        }
        (name, PASSWORD)
    }

    /// A browser in which such a user has signed in through the form: its cookie, and its CSRF token in a header.
    pub fn browser(&self, user: User) -> Client {
        let (name, password) = self.account(user);
        self.signed_in(&name, password)
    }

    /// A browser in which somebody has signed in who holds posts from 1 March 2026 on, such as `post:371402/chief`; posts
    /// that are missing are set up.
    pub fn holder(&self, name: &str, posts: &[&str]) -> Client {
        let kernel = &self.site.kernel;
        let account = AccountId::new(name).unwrap();
        let unit = UnitCode::new("371400").unwrap();
        let new = NewAccount { account: account.clone(), unit, title: name.to_owned() };
        kernel.add_account(&installation(), new, Some(PASSWORD)).unwrap();
        for post in posts.iter().map(|post| SubjectId::new(*post).unwrap()) {
            if kernel.tree().unwrap().post(&post).is_none() {
                let unit = UnitCode::new(post.home().unwrap()).unwrap();
                let (title_zh, title_en) = (format!("岗位 {post}"), format!("Post {post}"));
                let added = PostAdded { post: post.clone(), unit, title_zh, title_en };
                kernel.add_post(&installation(), added).unwrap();
            }
            let from = Day::parse("2026-03-01").unwrap();
            let held = PostHeld { post, account: account.clone(), from, until: None };
            kernel.hold_post(&installation(), held).unwrap();
        }
        self.signed_in(name, PASSWORD)
    }

    /// The browser of a holder who signs in once more: a session ends where the clock leaps over its end.
    pub fn holder_again(&self, name: &str) -> Client {
        self.signed_in(name, PASSWORD)
    }

    fn signed_in(&self, name: &str, password: &str) -> Client {
        let browser = self.site.client();
        let signed_in =
            browser.post_form("/sign-in", &[("account", name), ("password", password)]).expect(303);
        let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
        let browser = browser.with("cookie", &cookie);
        let secret = cookie.split_once('=').unwrap().1.to_owned();
        let session = self.site.kernel.session(&secret).unwrap().expect("a session that was just opened");
        browser.with("x-csrf-token", session.csrf)
    }

    /// The clock as scales write it.
    pub fn now(&self) -> String {
        self.site.kernel.now().to_string()
    }

    /// Book, size and root of every book: equal before and after what must change nothing.
    pub fn fingerprint(&self) -> Vec<(String, u64, String)> {
        let kernel = &self.site.kernel;
        let keys = [kernel.verifier().clone()];
        let of = |book: BookId| {
            // A proof carries a checkpoint of now, and unlike asking for one leaves no trace.
            let proved = kernel.prove(&book, Seq(0)).unwrap();
            let checkpoint = merkle::open(proved.proof.note(), &keys).unwrap();
            (book.to_string(), checkpoint.size(), checkpoint.root().to_string())
        };
        kernel.books().unwrap().into_iter().map(of).collect()
    }

    /// The body of a lot that m1 receives at stall A1.
    pub fn lot(&self, lot: &str, grams: i64) -> Value {
        lot_body(lot, "m1", "A1", grams)
    }

    /// Every entry is what was signed for, and what is derived can be derived again.
    pub fn check(&self) {
        let report = self.site.kernel.audit().unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!(self.site.kernel.replay().unwrap().changed, Vec::<String>::new());
    }
}

/// Founds a county and a market in it, opens its book, and furnishes it.
pub fn found_market(kernel: &Arc<Kernel>, (book, market, county): (&str, &str, &str)) {
    for (code, parent, level) in [(county, "371400", Level::County), (market, county, Level::Market)] {
        let unit = UnitAdded {
            code: UnitCode::new(code).unwrap(),
            parent: Some(UnitCode::new(parent).unwrap()),
            level,
            title_zh: "某区".into(),
            title_en: "District".into(),
        };
        kernel.add_unit(&installation(), unit).unwrap();
    }
    let opened = BookOpened {
        book: BookId::new(book).unwrap(),
        unit: UnitCode::new(market).unwrap(),
        line: "market".into(),
        title_zh: "农贸市场".into(),
        title_en: "Market".into(),
    };
    kernel.open_book(&installation(), opened).unwrap();
    furnish(kernel, &BookId::new(book).unwrap());
}

pub(crate) fn installation() -> ActorId {
    ActorId::new("system:test").unwrap()
}
