//! One request for a cosignature, from its bytes to the signature line.

use base::{ActorId, Time};
use ledger::{Draft, Role};
use matters::{DayUnit, Due, MatterId, Opened, PostId, Term};
use merkle::{AddCheckpoint, Fork};
use store::{StoreError, Tx, Value};

use super::judge::{Known, Verdict, judge};
use super::logs::{self, TrustedLog};
use super::{ForkFound, SORT, WITNESSED_MAX, WitnessError, clipped};
use crate::admin::about;
use crate::registry::root_book;
use crate::{AppendError, Desk, DocketError, Kernel, Receipt};

/// How often it is noted of a log that its proofs do not hold: anybody may send wrong ones.
const REFUSED_AGAIN_MS: i64 = 60_000;

/// What stands against a cosignature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the log is not known here")]
    UnknownLog,
    #[error("no trusted key of the log signed the checkpoint")]
    Untrusted,
    #[error(
        "the log has contradicted itself; it is not cosigned until an administrator has acknowledged that"
    )]
    Held,
    #[error("the old size lies beyond the checkpoint")]
    OldTooLarge,
    #[error("the checkpoint that was cosigned last has {size} entries")]
    Conflict { size: u64 },
    #[error("the consistency proof does not hold")]
    Inconsistent,
    #[error("too many logs are witnessed")]
    Full,
}

/// What is to be done about a request, as far as this transaction sees.
enum Decision {
    Refuse(Refusal),
    Cosign {
        note: String,
        signed_for: String,
    },
    /// To be noted, and refused.
    Note {
        note: String,
    },
    Hold {
        fork: Fork,
        refusal: Refusal,
        log: Box<TrustedLog>,
    },
}

impl Kernel {
    /// The key that this installation cosigns with.
    pub fn witness_key(&self) -> &merkle::WitnessKey {
        self.cosigner.witness()
    }

    /// Takes the body of an `add-checkpoint` request and gives out the cosignature line once the checkpoint is on disk.
    pub fn cosign(&self, body: &str) -> Result<String, WitnessError> {
        let request: AddCheckpoint = body.parse()?;
        let now = self.now();
        // Most that is refused costs the writer nothing.
        if let Decision::Refuse(refusal) = self.decide(&request, now)? {
            return Err(refusal.into());
        }
        let (checkpoint, asked) = (request.claimed().clone(), request);
        let settled = self.append_blocking(move |desk| {
            // No two requests of a log are judged side by side, on whatever node.
            desk.take(&root_book())?;
            let now = desk.now();
            match decide(desk.read()?, &asked, now)? {
                Ok(decision) => settle(desk, &asked, decision),
                Err(error) => Err(AppendError::Refused(error)),
            }
        });
        match settled {
            Ok(Ok(at)) => {
                let seconds = u64::try_from(at.0.div_euclid(1000)).unwrap_or_default();
                Ok(merkle::cosign(&checkpoint, &self.cosigner, seconds))
            }
            Ok(Err(refusal)) => Err(refusal.into()),
            Err(AppendError::Refused(error)) => Err(error.into()),
            Err(other) => Err(WitnessError::Append(other.map(drop))),
        }
    }

    fn decide(&self, request: &AddCheckpoint, now: Time) -> Result<Decision, WitnessError> {
        Ok(self.read(|tx| decide(tx, request, now))??)
    }
}

fn decide(
    tx: &mut dyn Tx,
    request: &AddCheckpoint,
    now: Time,
) -> Result<Result<Decision, merkle::Error>, StoreError> {
    let origin = request.claimed().origin();
    let trusted = logs::covering(tx, origin)?;
    let Some(log) = trusted.first() else { return Ok(Ok(Decision::Refuse(Refusal::UnknownLog))) };
    let keys = logs::keys_of(&trusted);
    let note = match merkle::signed_by(request.note(), &keys) {
        Ok(note) => note,
        Err(merkle::Error::NoKnownSignature | merkle::Error::WrongSignature { .. }) => {
            return Ok(Ok(Decision::Refuse(Refusal::Untrusted)));
        }
        Err(error) => return Ok(Err(error)),
    };
    if logs::is_held(tx, origin, log, &keys)? {
        return Ok(Ok(Decision::Refuse(Refusal::Held)));
    }
    let kept = logs::witnessed(tx, origin)?;
    let mut known = kept.as_ref().map(known).transpose()?;
    let mut verdict = judge(known.as_ref(), request, &note);
    // What a log above signed while this one was not trusted for itself proves nothing against it: it goes on from there, or
    // begins anew. Under the same key it is the same log, by whatever name it was trusted then.
    let is_own = kept.as_ref().is_none_or(|kept| {
        kept.signed_for.as_ref() == Some(&log.origin) || merkle::open(&kept.note, &keys).is_ok()
    });
    if !is_own && verdict != Verdict::Cosign {
        known = None;
        verdict = judge(None, request, &note);
    }
    let size = known.as_ref().map_or(0, |known| known.checkpoint.size());
    let is_counted = kept.as_ref().is_some_and(|kept| kept.signed_for.as_ref() == Some(&log.origin));
    let decision = match verdict {
        Verdict::Cosign if !is_counted && logs::count(tx, log)? >= WITNESSED_MAX => {
            Decision::Refuse(Refusal::Full)
        }
        Verdict::Cosign => Decision::Cosign { note, signed_for: log.origin.clone() },
        Verdict::OldTooLarge => Decision::Refuse(Refusal::OldTooLarge),
        Verdict::Conflict => Decision::Refuse(Refusal::Conflict { size }),
        Verdict::Inconsistent => {
            let lately = |at: Time| (0..REFUSED_AGAIN_MS).contains(&now.since_ms(at));
            match kept {
                Some(kept) if !kept.refused.is_some_and(lately) => Decision::Note { note },
                _ => Decision::Refuse(Refusal::Inconsistent),
            }
        }
        Verdict::Forked(fork) => {
            let same_size = request.claimed().size() == size;
            let refusal = if same_size { Refusal::Conflict { size } } else { Refusal::Inconsistent };
            if logs::is_found(tx, &fork)? {
                Decision::Refuse(refusal)
            } else {
                Decision::Hold { fork, refusal, log: Box::new(log.clone()) }
            }
        }
    };
    Ok(Ok(decision))
}

fn known(kept: &logs::WitnessedLog) -> Result<Known, StoreError> {
    let checkpoint = merkle::unverified(&kept.note)
        .map_err(|error| StoreError::Schema(format!("a cosigned checkpoint: {error}")))?;
    Ok(Known { checkpoint, note: kept.note.clone() })
}

type Settled = Result<Result<Time, Refusal>, AppendError<merkle::Error>>;

fn settle(desk: &mut Desk<'_>, request: &AddCheckpoint, decision: Decision) -> Settled {
    const KEEP: &str = "insert into witness_log (origin, size, note, cosigned, signed_for) values ($1, $2, $3, $4, $5)
        on conflict (origin) do update set size = excluded.size, note = excluded.note, cosigned = excluded.cosigned,
        signed_for = excluded.signed_for,
        refused = case when excluded.size > witness_log.size then null else witness_log.refused end,
        refused_note = case when excluded.size > witness_log.size then null else witness_log.refused_note end";
    const NOTE: &str = "update witness_log set refused = $2, refused_note = $3 where origin = $1";
    let now = desk.now();
    let origin = Value::Text(request.claimed().origin().to_owned());
    match decision {
        Decision::Refuse(refusal) => Ok(Err(refusal)),
        Decision::Cosign { note, signed_for } => {
            let size = Value::Int(base::Seq(request.claimed().size()).to_i64());
            let kept = vec![origin, size, Value::Text(note), Value::Int(now.0), Value::Text(signed_for)];
            desk.aside(KEEP, kept);
            Ok(Ok(now))
        }
        Decision::Note { note } => {
            desk.aside(NOTE, vec![origin, Value::Int(now.0), Value::Text(note)]);
            Ok(Err(Refusal::Inconsistent))
        }
        Decision::Hold { fork, refusal, log } => {
            let by = ActorId::new("system:witness").expect("the name has a scheme");
            let found = ForkFound::of(request.claimed().origin(), &fork);
            let draft = Draft::new(&root_book(), now, &by, &found)?
                .subject(Role::About, about("witness", &log.log.to_string())?);
            let receipt = desk.append(draft)?;
            tracing::error!(origin = found.origin, entry = %receipt.seq, "a log has contradicted itself");
            open_matter(desk, &by, &log, &found.origin, &receipt)?;
            Ok(Err(refusal))
        }
    }
}

/// A fork becomes a matter where the log has posts that answer for it. What stands against the matter never stands against
/// the evidence.
fn open_matter(
    desk: &mut Desk<'_>,
    by: &ActorId,
    log: &TrustedLog,
    origin: &str,
    fork: &Receipt,
) -> Result<(), AppendError<merkle::Error>> {
    let post = |post: &Option<base::SubjectId>| PostId::try_from(post.clone()?).ok();
    let (Some(owner), Some(reviewer)) = (post(&log.owner), post(&log.reviewer)) else { return Ok(()) };
    let (book, now) = (root_book(), desk.now());
    let today = desk.zone().day_of(now);
    let opened = Opened {
        matter: MatterId::local(&book, &format!("fork-{}", fork.seq))
            .expect("the name is made of letters and digits"),
        sort: base::KindName::new(SORT).expect("a valid name"),
        title: clipped(&format!("日志分叉：{}（{origin}）", log.title)),
        owner,
        helpers: Vec::new(),
        reviewer,
        due: Due::Within { term: Term::statutory(1, DayUnit::Workdays), from: today },
        rule: "default".into(),
    };
    let subjects = vec![about("witness", &log.log.to_string())?];
    match desk.open_matter::<DocketError>(&book, by, now, opened, subjects) {
        Ok(_) => Ok(()),
        Err(AppendError::Refused(error)) => {
            tracing::warn!(%error, origin, "a fork could not be made a matter");
            Ok(())
        }
        Err(other) => Err(other.map(|_| merkle::Error::NoFork)),
    }
}
