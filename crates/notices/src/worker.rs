//! The one who carries notices: takes what is due, delivers it, records the outcome.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base::SubjectId;
use kernel::notices::{Channel, Claim, Fault, FaultKind, Settlement};
use kernel::{AppendError, Kernel};

use crate::mail::Mailer;
use crate::message::Message;
use crate::webhook::Hooks;
use crate::{Error, STOP_WAIT, Settings, retry};

/// Notices under way at a time, each to another contact, and a few of them to one unit.
const UNDER_WAY_MAX: usize = 16;

/// Contacts to whom something is under way, each with its post.
type Busy = HashMap<u64, SubjectId>;

/// What the worker hears of.
enum News {
    /// The notice of a contact is no longer under way.
    Done(u64),
    Stop,
}

/// A running worker. Close it before the kernel stops.
pub struct Worker {
    news: Sender<News>,
    thread: JoinHandle<()>,
}

/// Starts to deliver.
pub fn start(kernel: Arc<Kernel>, settings: Settings) -> Result<Worker, Error> {
    let mailer = settings.mail.as_ref().map(|mail| Mailer::new(mail, &settings)).transpose()?;
    let courier = Arc::new(Courier { hooks: Hooks::new(&settings)?, mailer, kernel, settings });
    let (news, heard) = channel();
    let tell = news.clone();
    let thread = std::thread::Builder::new().name("notices".into());
    let thread = thread.spawn(move || run(&courier, &tell, &heard));
    Ok(Worker { news, thread: thread.map_err(|error| Error::Thread(error.to_string()))? })
}

impl Worker {
    /// Takes nothing more, waits a moment for what is under way, and ends.
    pub fn close(self) {
        // It listens until it ends.
        self.news.send(News::Stop).ok();
        if self.thread.join().is_err() {
            tracing::error!("the carrier of notices panicked");
        }
    }
}

fn run(courier: &Arc<Courier>, tell: &Sender<News>, heard: &Receiver<News>) {
    let mut busy = Busy::new();
    let mut is_open = true;
    while is_open {
        courier.take_up(&mut busy, tell);
        is_open = listen(heard, &mut busy, courier.settings.poll);
    }
    let until = Instant::now() + STOP_WAIT;
    while !busy.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        match heard.recv_timeout(left) {
            Ok(News::Done(contact)) => drop(busy.remove(&contact)),
            Ok(News::Stop) => {}
            Err(_) => return,
        }
    }
}

/// Waits for news, at most as long as the outbox may go unwatched; whoever got free may have more to carry at once.
fn listen(heard: &Receiver<News>, busy: &mut Busy, poll: Duration) -> bool {
    let mut next = heard.recv_timeout(poll);
    loop {
        match next {
            Ok(News::Done(contact)) => drop(busy.remove(&contact)),
            Ok(News::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            Err(RecvTimeoutError::Timeout) => return true,
        }
        next = heard.recv_timeout(Duration::ZERO);
    }
}

struct Courier {
    kernel: Arc<Kernel>,
    settings: Settings,
    mailer: Option<Mailer>,
    hooks: Hooks,
}

impl Courier {
    /// Sends out what is due.
    fn take_up(self: &Arc<Self>, busy: &mut Busy, tell: &Sender<News>) {
        let free = UNDER_WAY_MAX.saturating_sub(busy.len());
        if free == 0 {
            return;
        }
        let kept: Vec<(u64, SubjectId)> =
            busy.iter().map(|(contact, post)| (*contact, post.clone())).collect();
        let claims = match self.kernel.claim_notices(&kept, free, self.lease_ms()) {
            Ok(claims) => claims,
            Err(AppendError::Stopped) => return,
            Err(error) => return tracing::error!(%error, "the outbox cannot be read"),
        };
        for claim in claims {
            let (contact, post) = (claim.contact.contact, claim.contact.post.clone());
            let (courier, tell) = (self.clone(), tell.clone());
            let carry = move || {
                courier.carry(&claim);
                // Nobody listens once the worker has ended.
                tell.send(News::Done(contact)).ok();
            };
            match std::thread::Builder::new().name("notice".into()).spawn(carry) {
                Ok(_) => drop(busy.insert(contact, post)),
                // Its time runs out, and it is taken again.
                Err(error) => tracing::error!(%error, "no thread for a notice"),
            }
        }
    }

    /// Longer than any attempt takes, so that none is taken for lost while it is under way.
    fn lease_ms(&self) -> i64 {
        i64::try_from(self.settings.timeout.as_millis()).unwrap_or(i64::MAX / 8).saturating_mul(4)
    }

    fn carry(&self, claim: &Claim) {
        let settlement = match self.deliver(claim) {
            Ok(()) => Settlement::Delivered,
            Err(fault) => retry::after(fault, claim.attempt, self.kernel.now()),
        };
        let notice = &claim.notice;
        match settlement {
            Settlement::Delivered => tracing::debug!(%notice, "delivered"),
            other => tracing::warn!(%notice, contact = claim.contact.contact, ?other, "not delivered"),
        }
        if let Err(error) = self.kernel.settle_notice(claim, settlement) {
            tracing::error!(%error, %notice, "the outcome of a notice cannot be recorded");
        }
    }

    fn deliver(&self, claim: &Claim) -> Result<(), Fault> {
        let message = Message::of(claim, &self.settings.base_url);
        match claim.contact.channel {
            Channel::Email => {
                let mailer = self.mailer.as_ref().ok_or(FaultKind::NoMailServer)?;
                mailer.send(claim, &message)
            }
            Channel::Webhook => self.hooks.send(claim, &message, self.kernel.now()),
        }
    }
}
