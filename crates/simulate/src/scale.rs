//! One scale at work: it sells, sends, listens and obeys, all at once.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::BookId;
use line_market::intake::{Acknowledgement, BatchReceipt, LineOutcome, OnRefusal, SaleBatch};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::sleep;

use crate::feed::wait_out;
use crate::http::Trouble;
use crate::outcome::Tally;
use crate::till::{Idle, Parcel, Till};
use crate::timepiece::now;
use crate::view::View;
use crate::wire::{Backoff, Line, shuts_out};
use crate::{Plan, ScaleCredential, Speed, Stop};

/// What was sold gets so long to be answered once the run is stopped.
const GRACE: Duration = Duration::from_secs(10);
/// How long an idle load generator waits before it looks again.
const IDLE: Duration = Duration::from_millis(20);

/// A stall is running out of goods.
#[derive(Debug)]
pub(crate) struct Need {
    pub book: BookId,
    pub stall: String,
}

pub(crate) struct Scale {
    plan: Arc<Plan>,
    book: BookId,
    till: Mutex<Till>,
    stop: Stop,
    tally: Arc<Tally>,
    needs: mpsc::Sender<Need>,
    batch_full: Notify,
    /// Whether a simulated outage is on.
    cut_off: watch::Sender<bool>,
}

impl Scale {
    pub fn new(
        plan: &Arc<Plan>,
        scale: &ScaleCredential,
        stop: &Stop,
        tally: &Arc<Tally>,
        needs: &mpsc::Sender<Need>,
    ) -> Self {
        Self {
            plan: Arc::clone(plan),
            book: scale.book.clone(),
            till: Mutex::new(Till::new(plan, scale, now())),
            stop: stop.clone(),
            tally: Arc::clone(tally),
            needs: needs.clone(),
            batch_full: Notify::new(),
            cut_off: watch::Sender::new(false),
        }
    }

    fn till(&self) -> MutexGuard<'_, Till> {
        self.till.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays until the stall has sold all it set out to, the run is stopped, or the server shuts the scale out.
    pub async fn play(self, line: Line) {
        let (views, views_in) = watch::channel(None);
        let shut_out = tokio::select! {
            posted = self.post(&line) => posted.err(),
            trouble = line.follow(&views, &self.tally) => Some(trouble),
            never = self.obey(&line, views_in) => match never {},
            never = self.sell() => match never {},
            () = self.grace() => None,
        };
        if let Some(trouble) = shut_out {
            tracing::warn!(scale = self.till().name(), ?trouble, "the server does not let the scale in");
            self.tally.add(|it| it.shut_out += 1);
        }
        let (unanswered, next) = {
            let till = self.till();
            (till.unanswered(), till.counter_next())
        };
        self.tally.add(|it| {
            it.unanswered += unanswered;
            it.counter_next = it.counter_next.max(next);
        });
        line.close().await;
    }

    async fn grace(&self) {
        self.stop.stopped().await;
        sleep(GRACE).await;
    }

    /// Sells at the plan's pace.
    async fn sell(&self) -> Infallible {
        let Speed::Every { mean_ms } = self.plan.speed else { pending().await };
        loop {
            let gap = self.till().gap(mean_ms);
            sleep(gap).await;
            let full = match self.sell_one() {
                Ok(full) => full,
                Err(Idle::Closed) => pending().await,
                Err(_) => continue,
            };
            if full {
                self.batch_full.notify_one();
            }
        }
    }

    /// Sells to one customer, and tells whether that filled the batch.
    fn sell_one(&self) -> Result<bool, Idle> {
        let mut till = self.till();
        till.sell(now())?;
        self.tally.add(|it| it.sold += 1);
        Ok(till.is_full())
    }

    /// Fills a batch as fast as goods and counter allow.
    async fn fill(&self) {
        let mut sold = 0;
        while !self.stop.is_stopped() {
            match self.sell_one() {
                Ok(true) => return,
                Ok(false) => sold += 1,
                Err(_) if sold > 0 => return,
                Err(_) => return sleep(IDLE).await,
            }
        }
    }

    /// Sends what was sold; fails when the server shuts the scale out.
    async fn post(&self, line: &Line) -> Result<(), Trouble> {
        let every = Duration::from_millis(self.plan.batches.every_ms.into());
        loop {
            match self.plan.speed {
                Speed::Fastest => self.fill().await,
                Speed::Every { .. } => tokio::select! {
                    () = sleep(every) => {}
                    () = self.batch_full.notified() => {}
                    () = self.stop.stopped() => {}
                },
            }
            self.ask_for_goods();
            let stopped = self.stop.is_stopped();
            let parcels = if stopped { self.till().finish() } else { self.till().close() };
            self.cut_off.send_replace(self.till().is_cut_off());
            for parcel in parcels {
                self.deliver(line, parcel).await?;
            }
            if self.till().is_done() {
                return Ok(());
            }
            if stopped {
                sleep(IDLE).await;
            }
        }
    }

    fn ask_for_goods(&self) {
        let stall = self.till().wants_goods().map(str::to_owned);
        if let Some(stall) = stall
            && self.needs.try_send(Need { book: self.book.clone(), stall }).is_err()
        {
            tracing::trace!("nobody listens for needs, or too many do not wait");
        }
    }

    /// Sends a parcel until it is answered.
    async fn deliver(&self, line: &Line, parcel: Parcel) -> Result<(), Trouble> {
        let Parcel { mut batch, backlog, twice } = parcel;
        let mut backoff = Backoff::default();
        let mut first = true;
        if backlog {
            self.tally.add(|it| it.backlog += batch.sales.len() as u64);
        }
        let receipt = loop {
            self.tally.add(|it| it.sent += batch.sales.len() as u64);
            let trouble = match line.sales(&batch).await {
                Ok(receipt) => break receipt,
                Err(trouble) if shuts_out(&trouble) => return Err(trouble),
                Err(trouble) => trouble,
            };
            if let Trouble::Refused { status, problem } = &trouble {
                let refused = match problem.index {
                    Some(at) if at < batch.sales.len() => vec![batch.sales.remove(at)],
                    _ => std::mem::take(&mut batch.sales),
                };
                tracing::debug!(status, ?problem, lines = refused.len(), "refused");
                self.till().give_up(&refused);
                self.tally
                    .add(|it| *it.refused.entry(problem.name(*status)).or_default() += refused.len() as u64);
                if batch.sales.is_empty() {
                    return Ok(());
                }
                continue;
            }
            if matches!(trouble, Trouble::Unreachable(_)) {
                first = false;
                self.till().link(false);
                batch.sales.iter_mut().for_each(|line| line.offline = true);
            }
            wait_out(&trouble, &mut backoff, &self.tally).await;
        };
        {
            let mut till = self.till();
            till.link(true);
            till.settle(&batch.sales, &receipt, first, now(), &self.tally);
        }
        if twice { self.repeat(line, batch, &receipt).await } else { Ok(()) }
    }

    /// Sends what a receipt reports as recorded once more, and sees that nothing is recorded twice.
    async fn repeat(&self, line: &Line, batch: SaleBatch, receipt: &BatchReceipt) -> Result<(), Trouble> {
        let recorded = batch
            .sales
            .into_iter()
            .zip(&receipt.lines)
            .filter_map(|(sale, outcome)| Some((sale, recorded_as(outcome)?)));
        let (sales, seqs): (Vec<_>, Vec<_>) = recorded.unzip();
        if sales.is_empty() {
            return Ok(());
        }
        let again = SaleBatch { sales, on_refusal: OnRefusal::SkipLine };
        self.tally.add(|it| it.sent += again.sales.len() as u64);
        match line.sales(&again).await {
            Ok(answer) => {
                let known = answer.lines.iter().filter(|it| matches!(it, LineOutcome::Known { .. })).count();
                let same = known == answer.lines.len()
                    && answer.lines.iter().map(recorded_as).eq(seqs.iter().map(|seq| Some(*seq)));
                self.tally.add(|it| {
                    it.known += known as u64;
                    it.contradictions += u64::from(!same);
                });
            }
            Err(trouble) if shuts_out(&trouble) => return Err(trouble),
            Err(trouble) => wait_out(&trouble, &mut Backoff::default(), &self.tally).await,
        }
        Ok(())
    }

    /// Takes over each new state, and acknowledges its blocks at once.
    async fn obey(&self, line: &Line, mut views: watch::Receiver<Option<Arc<View>>>) -> Infallible {
        let mut cut_off = self.cut_off.subscribe();
        let mut backoff = Backoff::default();
        loop {
            if views.changed().await.is_err() {
                pending().await
            }
            loop {
                if cut_off.wait_for(|cut| !cut).await.is_err() {
                    pending().await
                }
                let view = views.borrow_and_update().clone();
                let holds = view.map(|view| self.till().observe(&view, now())).unwrap_or_default();
                self.ask_for_goods();
                if holds.is_empty() || self.acknowledge(line, holds, &mut backoff).await {
                    break;
                }
            }
        }
    }

    /// Tells whether the blocks need no further attempt for now.
    async fn acknowledge(&self, line: &Line, mut holds: Vec<u64>, backoff: &mut Backoff) -> bool {
        while !holds.is_empty() {
            match line.acknowledge(&Acknowledgement { holds: holds.clone() }).await {
                Ok(recorded) => {
                    backoff.reset();
                    self.tally.add(|it| it.blocks_acknowledged += recorded);
                    self.till().acknowledged(&holds, now());
                    return true;
                }
                Err(Trouble::Refused { problem, .. }) => {
                    // Released in the meantime, most likely: the next state will tell.
                    tracing::debug!(?problem, "an acknowledgement was refused");
                    match problem.index {
                        Some(at) if at < holds.len() => {
                            holds.remove(at);
                        }
                        _ => holds.clear(),
                    }
                }
                Err(trouble) => {
                    wait_out(&trouble, backoff, &self.tally).await;
                    return false;
                }
            }
        }
        true
    }
}

fn recorded_as(outcome: &LineOutcome) -> Option<base::Seq> {
    match outcome {
        LineOutcome::Recorded { seq, .. } | LineOutcome::Known { seq, .. } => Some(*seq),
        LineOutcome::Refused { .. } => None,
    }
}
