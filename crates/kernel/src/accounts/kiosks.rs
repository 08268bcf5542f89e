//! Screens that show the wall: a token's credential is exchanged once for a session of its own, which may do nothing but
//! look at the wall.

use access::{Actor, WALL};
use base::{ActorId, Time};
use base64ct::{Base64UrlUnpadded, Encoding};
use store::{Param, StoreError, Value};

use super::sessions::{OLDEST, digest};
use super::{find_actor, text};
use crate::registry::id;
use crate::{AppendError, Kernel};

/// A screen's session ends after this, if its token does not expire before: longer than a screen goes without service.
const KIOSK_MS_MAX: i64 = 400 * 86_400_000;
/// Screens that one token opens; the oldest is shut out by one more.
const KIOSKS_MAX: i64 = 50;

/// A screen's session that was just opened.
#[derive(Debug, Clone)]
pub struct NewKiosk {
    /// The secret for the cookie; only its digest is stored.
    pub cookie_value: String,
    pub expires: Time,
    pub actor: Actor,
}

impl Kernel {
    /// Opens a session for a screen. `None` if the credential is no good or does not open a wall.
    pub fn open_kiosk(&self, credential: &str) -> Result<Option<NewKiosk>, AppendError<()>> {
        const KEEP: &str =
            "insert into session (hash, actor, csrf, created, expires, seen) values ($1, $2, '', $3, $4, $3)";
        let Some(bearer) = self.authenticate_bearer(credential)? else { return Ok(None) };
        if !bearer.id.as_str().starts_with("token:") {
            return Ok(None);
        }
        self.append_blocking(move |desk| {
            let now = desk.now();
            // It may have been revoked since.
            let Some(found) = find_actor(desk.read()?, &bearer.id, now)? else { return Ok(None) };
            let Some(actor) = of_wall(found.actor) else { return Ok(None) };
            let cookie_value = Base64UrlUnpadded::encode_string(&desk.secret());
            let latest = now.plus_ms(KIOSK_MS_MAX);
            let expires = found.expires.map_or(latest, |expires| expires.min(latest));
            let of = text(actor.id.as_str());
            desk.aside("delete from session where expires <= $1", vec![Value::Int(now.0)]);
            desk.aside(OLDEST, vec![of.clone(), Value::Int(KIOSKS_MAX - 1)]);
            let values = vec![text(&digest(&cookie_value)), of, Value::Int(now.0), Value::Int(expires.0)];
            desk.aside(KEEP, values);
            Ok(Some(NewKiosk { cookie_value, expires, actor }))
        })
    }

    /// What a screen may see; `None` if its session has ended or its token was revoked.
    pub fn kiosk(&self, cookie_value: &str) -> Result<Option<Actor>, StoreError> {
        const FIND: &str = "select actor, expires from session where hash = $1";
        if cookie_value.len() > 64 {
            return Ok(None);
        }
        let (now, hash) = (self.now(), digest(cookie_value));
        self.read(|tx| {
            let Some(row) = tx.query_one(FIND, &[Param::Text(&hash)])? else { return Ok(None) };
            let actor = id(ActorId::new(row.text(0)?))?;
            if Time(row.int(1)?) <= now || !actor.as_str().starts_with("token:") {
                return Ok(None);
            }
            Ok(find_actor(tx, &actor, now)?.and_then(|found| of_wall(found.actor)))
        })
    }
}

/// The part of an actor's rights that a screen gets, whatever else was granted to its token.
fn of_wall(mut actor: Actor) -> Option<Actor> {
    actor.grants.retain(|grant| grant.role == WALL);
    (!actor.grants.is_empty()).then_some(actor)
}
