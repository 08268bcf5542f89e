//! Duties by the server's session locks: whoever holds the lock has the duty, and the server takes it back when the
//! session ends, as it does when a process is killed. It ends a session as well that asks nothing for [`RELIEF`]: its process
//! was stopped, and would not know.

use std::time::Duration;

use store::Duty;
use tokio_postgres::Config;

use crate::session::{Role, Session};

/// Keeps the locks of duties apart from other locks on the same server.
const CLASS: i32 = 0x7a68_6475;
/// How long nothing may be asked on the session of a duty. Longer than [`store::DUTY_HOLDS`], so that whoever has the duty
/// knows before anybody else can have it.
const RELIEF: Duration = Duration::from_secs(5);
/// How soon the server notices that a machine is gone without a word, and we that the server is.
const WATCHFUL_FOR: Duration = Duration::from_secs(5);
const WATCHFUL: &str =
    "set tcp_keepalives_idle = 2; set tcp_keepalives_interval = 1; set tcp_keepalives_count = 3;
    set tcp_user_timeout = 5000; set statement_timeout = '2s'";

/// A duty, and the session that holds it while it is ours.
pub struct Lease {
    config: Config,
    take: String,
    held: Option<Session>,
}

impl Lease {
    pub fn new(mut config: Config, name: &str) -> Self {
        config.tcp_user_timeout(WATCHFUL_FOR).keepalives_idle(WATCHFUL_FOR / 2);
        // The locks are the database's, in which each schema may hold an installation.
        let take = format!(
            "select pg_try_advisory_lock({CLASS}, hashtext(coalesce(current_schema(), '') || ' {}'))",
            name.replace('\'', "''")
        );
        Self { config, take, held: None }
    }

    fn take(&self) -> Option<Session> {
        let mut session = Session::open(&self.config, Role::Reader).ok()?;
        session.run(WATCHFUL).ok()?;
        session.run(&format!("set idle_session_timeout = {}", RELIEF.as_millis())).ok()?;
        let row = session.client().query_one(&self.take).ok()?;
        row.get::<_, bool>(0).then_some(session)
    }
}

impl Duty for Lease {
    fn is_ours(&mut self) -> bool {
        // A session that no longer answers has lost its locks, or soon will.
        if self.held.as_mut().is_some_and(|session| session.run("select 1").is_err()) {
            self.held = None;
        }
        if self.held.is_none() {
            self.held = self.take();
        }
        self.held.is_some()
    }
}
