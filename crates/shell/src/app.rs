//! The running application: what every handler gets, and how errors of the kernel become problems.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRef;
use base::limits::WRITER_QUEUE_MAX;
use base::{ActorId, BookId, Day, Time};
use kernel::{AppendError, Desk, FigureError, Kernel, ProofError, VALUES_MAX};
use ledger::BodyError;
use registry::Tree;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::StoreError;

use crate::format::Moment;
use crate::health::{Requests, Watch};
use crate::limits::Limits;
use crate::once::{Sent, Shown};
use crate::problem::Problem;
use crate::said::Naming;
use crate::still::{let_in, still_let_in};
use crate::texts::{Both, Texts};
use crate::turns;
use crate::wall::Wall;

/// How the installation is reached.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where browsers reach it, without a slash at the end; slips lead here.
    pub base_url: String,
    /// Whether it is reached over TLS, so that cookies are marked `Secure`.
    pub secure: bool,
    /// Proxies whose word on where a request came from is taken.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether there is a mail server for notices.
    pub sends_mail: bool,
    /// Whether the data is a demonstration; pages say so.
    pub demonstration: bool,
    /// Of what a device tells, sales that are recorded on a day at most; the breaches beside them are not counted.
    pub device_entries_of_day_max: u64,
    /// What is watched over, and from where.
    pub watch: Watch,
}

/// A place in the main navigation that a line brings.
#[derive(Debug, Clone, Copy)]
pub struct NavEntry {
    /// The key of its title.
    pub title: &'static str,
    pub href: &'static str,
    /// The action that whoever sees it must be allowed somewhere.
    pub action: &'static str,
}

/// The provider of OpenID Connect that people may sign in with.
pub struct SignOn {
    pub provider: oidc::Provider,
    /// What the button calls it.
    pub title: Both,
}

/// What every handler gets.
#[derive(Clone)]
pub struct App {
    pub kernel: Arc<Kernel>,
    pub texts: Arc<Texts>,
    pub site: Arc<Site>,
    pub nav: Arc<[NavEntry]>,
    pub limits: Arc<Limits>,
    pub shown: Arc<Shown>,
    pub requests: Arc<Requests>,
    /// When the database was last asked whether it answers, and whether it did.
    pub(crate) answers: Arc<tokio::sync::Mutex<Option<(Instant, bool)>>>,
    /// What the lines call what only the database knows.
    pub names: Arc<[Naming]>,
    pub wall: Arc<Wall>,
    pub sign_on: Option<Arc<SignOn>>,
}

impl FromRef<App> for Arc<Texts> {
    fn from_ref(app: &App) -> Self {
        app.texts.clone()
    }
}

impl App {
    pub fn new(
        kernel: Arc<Kernel>,
        texts: Arc<Texts>,
        site: Site,
        nav: Vec<NavEntry>,
        names: Vec<Naming>,
    ) -> Self {
        Self {
            kernel,
            texts,
            site: Arc::new(site),
            nav: nav.into(),
            limits: Arc::default(),
            shown: Arc::default(),
            answers: Arc::default(),
            requests: Arc::default(),
            names: names.into(),
            wall: Arc::default(),
            sign_on: None,
        }
    }

    /// The application with a wall.
    #[must_use]
    pub fn with_wall(self, wall: Wall) -> Self {
        Self { wall: Arc::new(wall), ..self }
    }

    /// The application with a provider to sign in with.
    #[must_use]
    pub fn with_sign_on(self, sign_on: SignOn) -> Self {
        Self { sign_on: Some(Arc::new(sign_on)), ..self }
    }

    /// Runs something that blocks (a read of the database, a password check) off the async threads.
    pub async fn blocking<T, E>(
        &self,
        work: impl FnOnce(&Arc<Kernel>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        E: Into<Problem> + Send + 'static,
    {
        let (kernel, turn) = (self.kernel.clone(), turns::held());
        let work = move || {
            let done = work(&kernel);
            drop(turn);
            done
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result.map_err(Into::into),
            Err(error) => {
                tracing::error!(%error, "a read panicked");
                Err(Problem::internal())
            }
        }
    }

    /// Has something decided and recorded for whoever is still let in, in their turn until that is done, whether or not
    /// anybody still waits for the answer.
    pub async fn append<F, T, E>(
        &self,
        problem: impl FnOnce(AppendError<E>) -> Problem,
        mut decide: F,
    ) -> Result<T, Problem>
    where
        F: FnMut(&mut Desk<'_>) -> Result<T, AppendError<E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        still_let_in().await?;
        let (turn, let_in) = (turns::held(), let_in());
        let decided = self.kernel.append(move |desk| {
            let _turn = &turn;
            // It may have waited for others' decisions, of which one was about whoever asks.
            match &let_in {
                Some(by) => desk.for_one_let_in(by, &mut decide),
                None => decide(desk),
            }
        });
        decided.await.map_err(problem)
    }

    /// [`App::append`] in a book for somebody, once: what is sent again under the same key gets the first answer.
    pub async fn append_once<F, T, E>(
        &self,
        (book, actor): (BookId, ActorId),
        sent: Option<Sent>,
        problem: impl FnOnce(AppendError<E>) -> Problem,
        mut decide: F,
    ) -> Result<T, Problem>
    where
        F: FnMut(&mut Desk<'_>) -> Result<T, AppendError<E>> + Send + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
        E: Send + 'static,
    {
        let decided = self.append(problem, move |desk| {
            desk.take(&book)?;
            let Some(Sent { key, digest }) = &sent else { return decide(desk) };
            if let Some(first) = desk.answered(&book, actor.as_str(), key, digest)? {
                return Ok(first);
            }
            let done = decide(desk)?;
            desk.remember(&book, actor.as_str(), key, digest, &done);
            Ok(done)
        });
        decided.await
    }

    /// The org tree, as the request's first look at the registry left it.
    pub fn tree(&self) -> Arc<Tree> {
        self.kernel.known_tree()
    }

    /// A moment as pages set it: in the city's time.
    pub fn moment(&self, time: Time) -> Moment {
        let offset_minutes = i32::try_from(self.kernel.zone().offset_ms(time) / 60_000).unwrap_or(0);
        Moment { epoch_ms: time.0, offset_minutes }
    }

    /// Today in the city.
    pub fn today(&self) -> Day {
        self.kernel.zone().day_of(self.kernel.now())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        match error {
            StoreError::Connection { .. } => Self::unavailable(5),
            StoreError::Contended { .. } => Self::unavailable(1),
            StoreError::Unsettled { .. } => Self::outcome_unknown(),
            StoreError::Full { .. } => Self::storage_full(),
            StoreError::Late(_) => Self::unavailable(30),
            _ => Self::internal(),
        }
    }
}

impl From<FigureError> for Problem {
    fn from(error: FigureError) -> Self {
        match error {
            FigureError::Unknown(_) => Self::not_found(),
            FigureError::Dimension { figure, dimension } => Self::bad_request(
                "dimension",
                "unknown-dimension",
                Both::new(
                    format!("指标 {figure} 没有维度“{dimension}”。"),
                    format!("the figure {figure} has no dimension {dimension:?}"),
                ),
            ),
            FigureError::Cursor(cursor) => Self::bad_request(
                "cursor",
                "format",
                Both::new(
                    format!("“{cursor}”不是翻页标记。"),
                    format!("{cursor:?} is not the cursor of a page"),
                ),
            ),
            FigureError::Many { figure, dimension } => Self::bad_request(
                "by",
                "too-many-values",
                Both::new(
                    format!("指标 {figure} 按“{dimension}”分列超过 {VALUES_MAX} 项，请缩小单位或时段。"),
                    format!(
                        "the figure {figure} has more than {VALUES_MAX} values of {dimension:?}: ask for fewer units or days"
                    ),
                ),
            ),
            FigureError::Store(error) => error.into(),
        }
    }
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::UnknownBook(_) | ProofError::NoEntry { .. } => Self::not_found(),
            ProofError::Sizes { old, new } => Self::bad_request(
                "size",
                "range",
                Both::new(
                    format!("账簿没有 {old} 条与 {new} 条可供比对的树。"),
                    format!("there is no tree of {old} and {new} entries to compare"),
                ),
            ),
            ProofError::Keep(error) => append_problem(error, |()| Self::internal()),
            ProofError::Store(error) => error.into(),
            ProofError::Merkle(error) => {
                tracing::error!(%error, "a proof failed");
                Self::internal()
            }
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let rule = serde_json::to_value(error.rule).ok().and_then(|value| value.as_str().map(str::to_owned));
        let detail =
            Both::new(format!("字段 {} 不符合规则：{}。", error.field, error.detail), error.to_string());
        Self::bad_request(error.field, rule.unwrap_or_default(), detail)
    }
}

/// The problem of an append that was not recorded; `refused` names the refusal of whoever decided.
pub fn append_problem<E>(error: AppendError<E>, refused: impl FnOnce(E) -> Problem) -> Problem {
    match error {
        AppendError::Refused(refusal) => refused(refusal),
        AppendError::Body(error) => error.into(),
        AppendError::Kind(error) => {
            Problem::bad_request("kind", "unknown-kind", Both::new("没有这一记录种类。", error.to_string()))
        }
        AppendError::UnknownBook(_) => Problem::not_found(),
        AppendError::LetOut => Problem::unauthorized(),
        AppendError::KeyReused => Problem::conflict(
            "idempotency-key",
            Both::new(
                "该幂等键此前用于内容不同的请求，请换用新的键。",
                "the idempotency key was used before with another request; use a new one",
            ),
        ),
        AppendError::Busy => {
            tracing::warn!(queued = WRITER_QUEUE_MAX, "the writer's queue is full");
            Problem::unavailable(1)
        }
        AppendError::Stopped => Problem::unavailable(5),
        AppendError::Panicked => Problem::internal(),
        AppendError::Store(error) => error.into(),
    }
}
