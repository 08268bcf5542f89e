//! A named query's events over a WebSocket (RFC 6455), as they are recorded or by a schedule.
//!
//! What is told is read from the tables, behind where the socket was told, so that a slow listener costs no memory. Rights
//! are looked at before every message, in a turn of whoever listens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use base::{ActorId, BookId, Seq, Time};
use ledger::{Body, Entry};
use shell::seats::Seat;
use shell::turns::within;
use shell::viewer::{COOKIE, Viewer, cookie, let_in_now};
use shell::{App, Both, Lang, Problem};
use store::StoreError;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{sleep, timeout};

use super::answers::{MIN_RECORD_TIME, implementation_problem, parameter_problem, query_problem};
use super::formats::Form;
use super::requests::{Parameters, as_of_now, asking_unit, has_been_able, owner, sights};
use super::subscriptions::{check_controls, controls, record_time};
use crate::epcis_events::standing::delivery::{EVENTS_MAX, Next, end_of, next_batch, since};
use crate::epcis_events::standing::{self, Moments, Named, Schedule};
use crate::epcis_events::{Answered, Found, Sight, search};
use crate::kinds::EpcisCaptured;
use crate::policy::QUERY;

/// Bytes of what a listener may say; nothing of it is listened to.
const HEARD_BYTES_MAX: usize = 4 * 1024;
/// How long a listener may take to take a message.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// How often rights and schedule are looked at where nothing is recorded, and after how many times the listener is asked for
/// a sign of life.
const TICK: Duration = Duration::from_secs(1);
const TICKS_PER_PING: u32 = 30;

/// Answers the handshake. What is left of the parameters says when to tell.
pub async fn open(
    app: App,
    viewer: Viewer,
    named: Named,
    book: Option<String>,
    form: Form,
    mut parameters: Parameters,
    parts: &mut Parts,
) -> Result<Response, Problem> {
    let schedule = schedule(&mut parameters);
    let stream = flag(&mut parameters, "stream")?;
    let report_if_empty = flag(&mut parameters, "reportIfEmpty")?;
    let initial = parameters.take("initialRecordTime").as_deref().map(record_time).transpose()?;
    parameters.end()?;
    check_controls(schedule.as_ref(), stream, report_if_empty)?;
    check_origin(&app, &viewer, parts)?;
    let moments = schedule.as_ref().and_then(|schedule| schedule.read().ok());
    let query = named.query().map_err(parameter_problem)?;
    let unit = asking_unit(&app, &viewer);
    let seats = app.limits.socket(&app.tree(), &owner(&app, &viewer), unit.as_ref())?;
    let root = app.blocking(|kernel| kernel.root_known()).await.map(Seq::from_i64)?;
    // What was taken away before that number counts as well.
    let_in_now().await?;
    // Before where the book ends is read, so that nothing falls between the two.
    let live = app.kernel.live();
    let now = app.kernel.now();
    let sights = sights(&app, &viewer, QUERY, book.as_deref())?;
    let cursors = match initial {
        Some(_) => BTreeMap::new(),
        None => {
            let ends = move |tx: &mut dyn store::Tx| {
                sights.iter().map(|sight| Ok((sight.book.clone(), end_of(tx, &sight.book)?))).collect()
            };
            app.blocking(move |kernel| kernel.read(ends)).await?
        }
    };
    let initial = initial.unwrap_or(now);
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await.map_err(|error| {
        let zh = "不是有效的 WebSocket 握手（RFC 6455）。";
        Problem::bad_request("Upgrade", "handshake", Both::new(zh, error.to_string()))
    })?;
    let session = viewer.session().and_then(|_| cookie(&parts.headers, COOKIE)).map(str::to_owned);
    let follower = Follower {
        ask: Arc::new(Ask {
            actor: viewer.id(),
            root,
            session,
            query: since(query, initial),
            named,
            book,
            form,
        }),
        next: moments.and_then(|moments| moments.next(app.kernel.zone(), now)),
        has_told: false,
        moments,
        report_if_empty: report_if_empty.unwrap_or(false),
        cursors,
        app,
    };
    let upgrade = upgrade.max_message_size(HEARD_BYTES_MAX).max_frame_size(HEARD_BYTES_MAX);
    let mut response = upgrade.on_upgrade(move |socket| follower.run(socket, live, seats));
    if let Ok(initial) = HeaderValue::try_from(initial.to_string()) {
        response.headers_mut().insert(MIN_RECORD_TIME, initial);
    }
    Ok(response)
}

fn schedule(parameters: &mut Parameters) -> Option<Schedule> {
    let schedule = Schedule {
        second: parameters.take("second"),
        minute: parameters.take("minute"),
        hour: parameters.take("hour"),
        day_of_month: parameters.take("dayOfMonth"),
        month: parameters.take("month"),
        day_of_week: parameters.take("dayOfWeek"),
    };
    Some(schedule).filter(|schedule| *schedule != Schedule::default())
}

fn flag(parameters: &mut Parameters, name: &str) -> Result<Option<bool>, Problem> {
    parameters
        .take(name)
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| controls(name, "format", Both::new("应为 true 或 false。", "must be true or false")))
}

/// A browser sends its cookie along for pages of other sites as well: these must not listen.
fn check_origin(app: &App, viewer: &Viewer, parts: &Parts) -> Result<(), Problem> {
    let origin = parts.headers.get(header::ORIGIN);
    match (viewer.session(), origin) {
        (Some(_), Some(origin)) if origin.as_bytes() != app.site.base_url.as_bytes() => {
            let both = Both::new("请求来自其他网站。", "the request came from another site");
            Err(Problem::forbidden(both))
        }
        _ => Ok(()),
    }
}

/// What a listener asked for.
struct Ask {
    actor: ActorId,
    /// Entries of the root book when it was opened.
    root: Seq,
    /// What the cookie said, where somebody signed in listens: nothing is told behind the end of the session.
    session: Option<String>,
    named: Named,
    query: epcis::Query,
    /// What messages look like.
    form: Form,
    /// One book instead of all.
    book: Option<String>,
}

/// What a look came to.
enum Looked {
    Nothing,
    /// Nothing so far as one look goes.
    Further,
    Events(Vec<Found>),
    /// The listener may not hear any more, the query is gone, or it cannot be answered.
    End(u16, &'static str, Option<Box<Problem>>),
}

impl Ask {
    /// Looks for what is new, if it is wanted now, and for whether the listener may still hear it.
    fn look(
        &self,
        app: &App,
        is_wanted: bool,
        cursors: &mut BTreeMap<BookId, Seq>,
    ) -> Result<Looked, StoreError> {
        let ended = || Looked::End(close_code::POLICY, "the session has ended", None);
        if !self.session_goes_on(app)? {
            return Ok(ended());
        }
        let gone = || Looked::End(close_code::POLICY, "no right to the query any more", None);
        let Some(sights) = self.sights(app)? else { return Ok(gone()) };
        let mut told = None;
        let looked = search(&app.kernel, |tx| {
            let still = standing::named(tx, &self.named.owner, &self.named.name)?;
            if still.is_none_or(|still| still.seq != self.named.seq) {
                return Ok(Ok(Looked::End(close_code::NORMAL, "the query was removed", None)));
            }
            if !is_wanted {
                return Ok(Ok(Looked::Nothing));
            }
            let next = next_batch(tx, &sights, &self.query, cursors, EVENTS_MAX)?;
            Ok(next.map(|next| match next {
                Next::Nothing => Looked::Nothing,
                Next::Further => Looked::Further,
                Next::Told((batch, found)) => {
                    told = sights.iter().find(|sight| sight.book == batch.of);
                    cursors.insert(batch.of, batch.until);
                    Looked::Events(found)
                }
            }))
        })?;
        // The search took its time.
        if let Some(told) = told {
            if !self.session_goes_on(app)? {
                return Ok(ended());
            }
            if !self.sights(app)?.is_some_and(|now| now.contains(told)) {
                return Ok(gone());
            }
        }
        Ok(looked.unwrap_or_else(|refusal| {
            let problem = Box::new(query_problem(&refusal));
            Looked::End(close_code::ERROR, "the query cannot be answered", Some(problem))
        }))
    }

    /// Whether who signed in to listen still is; who came with a token has no session that ends.
    fn session_goes_on(&self, app: &App) -> Result<bool, StoreError> {
        self.session.as_deref().map_or(Ok(true), |session| app.kernel.session_goes_on(session))
    }

    /// What the listener may hear of; `None` if nothing any more, or if it could not at some time since.
    fn sights(&self, app: &App) -> Result<Option<Vec<Sight>>, StoreError> {
        let may = |viewer: &Viewer| sights(app, viewer, QUERY, self.book.as_deref()).ok();
        let Some(viewer) = as_of_now(app, &self.actor)? else { return Ok(None) };
        let was_able = has_been_able(app, &self.actor, self.root, |viewer| may(viewer).is_some())?;
        Ok(may(&viewer).filter(|_| was_able))
    }
}

struct Follower {
    app: App,
    ask: Arc<Ask>,
    /// Of a schedule.
    moments: Option<Moments>,
    next: Option<Time>,
    report_if_empty: bool,
    /// Whether something was told since the moment of the schedule came.
    has_told: bool,
    /// How far each book was told.
    cursors: BTreeMap<BookId, Seq>,
}

/// The socket is to be closed, or is closed already.
struct Ended(Option<CloseFrame>);

impl Follower {
    async fn run(mut self, mut socket: WebSocket, mut live: Receiver<Arc<Vec<Entry>>>, _seats: Vec<Seat>) {
        let mut ticks = 0;
        let ended = loop {
            if let Err(ended) = self.tell(&mut socket).await {
                break ended;
            }
            match wait(&mut socket, &mut live).await {
                Ok(Woken::News) => {}
                Ok(Woken::Tick) => ticks += 1,
                Err(ended) => break ended,
            }
            if ticks >= TICKS_PER_PING {
                ticks = 0;
                if let Err(ended) = send(&mut socket, Message::Ping(Vec::new().into())).await {
                    break ended;
                }
            }
        };
        if let Ended(Some(frame)) = ended {
            // It is closed all the same if the listener does not take it.
            send(&mut socket, Message::Close(Some(frame))).await.ok();
        }
    }

    /// Tells what is new, if its time has come.
    async fn tell(&mut self, socket: &mut WebSocket) -> Result<(), Ended> {
        let now = self.app.kernel.now();
        let is_due = self.moments.is_none() || self.next.is_some_and(|next| next <= now);
        loop {
            match self.look(is_due).await? {
                Looked::Nothing => break,
                // The listener is heard first.
                Looked::Further => return Ok(()),
                Looked::Events(found) => {
                    self.send(socket, found).await?;
                    self.has_told = true;
                }
                Looked::End(code, reason, problem) => {
                    if let Some(problem) = problem {
                        let text = problem.json(Lang::En).to_string();
                        send(socket, Message::Text(text.into())).await?;
                    }
                    return Err(Ended(Some(CloseFrame { code, reason: reason.into() })));
                }
            }
        }
        if let (Some(moments), true) = (self.moments, is_due) {
            if !std::mem::take(&mut self.has_told) && self.report_if_empty {
                self.send(socket, Vec::new()).await?;
            }
            self.next = moments.next(self.app.kernel.zone(), now);
        }
        Ok(())
    }

    async fn look(&mut self, is_wanted: bool) -> Result<Looked, Ended> {
        let (app, ask, mut cursors) = (self.app.clone(), self.ask.clone(), std::mem::take(&mut self.cursors));
        let turns = &self.app.limits.turns;
        let look = |search| {
            self.app.blocking(move |_| {
                let looked = ask.look(&app, is_wanted, &mut cursors);
                drop(search);
                Ok::<_, Problem>((looked, cursors))
            })
        };
        // Whoever waits for a search keeps no turn of the caller's other reads meanwhile.
        let looked = match is_wanted {
            true => look(Some(turns.next_search(&self.ask.named.owner).await)).await,
            false => within(turns.next_for(Some(&self.ask.actor)).await, look(None)).await,
        };
        let again = |_| Ended(Some(CloseFrame { code: close_code::AGAIN, reason: "".into() }));
        let (looked, cursors) = looked.map_err(again)?;
        self.cursors = cursors;
        Ok(looked.unwrap_or_else(|error| {
            tracing::error!(%error, "a listener's events cannot be read");
            let problem = Box::new(implementation_problem());
            Looked::End(close_code::AGAIN, "the query cannot be answered now", Some(problem))
        }))
    }

    async fn send(&self, socket: &mut WebSocket, found: Vec<Found>) -> Result<(), Ended> {
        let answered = Answered::to(&self.ask.named.name);
        let text = self.ask.form.print(found, answered, self.app.kernel.now());
        send(socket, Message::Text(text.into())).await
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Ended> {
    match timeout(SEND_TIME_MAX, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Ended(None)),
    }
}

enum Woken {
    /// Something was recorded that may concern the listener.
    News,
    Tick,
}

async fn wait(socket: &mut WebSocket, live: &mut Receiver<Arc<Vec<Entry>>>) -> Result<Woken, Ended> {
    let tick = sleep(TICK);
    tokio::pin!(tick);
    loop {
        tokio::select! {
            heard = socket.recv() => match heard {
                // What it says is not listened to; pings are answered.
                Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Ended(None)),
            },
            recorded = live.recv() => match recorded {
                Ok(entries) if entries.iter().any(concerns) => return Ok(Woken::News),
                Ok(_) => {}
                // Whatever was missed is in the database.
                Err(RecvError::Lagged(_)) => return Ok(Woken::News),
                Err(RecvError::Closed) => {
                    return Err(Ended(Some(CloseFrame { code: close_code::AWAY, reason: "".into() })));
                }
            },
            () = &mut tick => return Ok(Woken::Tick),
        }
    }
}

/// Events, standing queries, and whatever may change a right.
pub fn concerns(entry: &Entry) -> bool {
    let kind = entry.kind.as_str();
    kind == EpcisCaptured::KIND || kind.starts_with("kernel.") || standing::apply::KINDS.contains(&kind)
}
