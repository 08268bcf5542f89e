//! Tokens of pages: where a list goes on, for one list, one reader and one hour.
//!
//! A token carries its place itself. Only one that is invalidated before its time is kept, by its digest, until then.

use base::Time;
use kernel::Desk;
use sha2::{Digest, Sha256};
use store::{Param, StoreError, Tx, Value};

/// How long a token holds.
pub const TOKEN_MS: i64 = 60 * 60 * 1_000;
/// Tokens that one reader may invalidate before they expire.
pub const INVALIDATED_MAX: i64 = 10_000;
/// Hexadecimal digits that bind a token to its list.
const ABOUT_DIGITS: usize = 16;

/// A list as tokens are bound to it: whose it is, and what it was asked for.
#[derive(Debug, Clone)]
pub struct Listing {
    owner: String,
    about: String,
}

impl Listing {
    /// `asked` is the address with all that narrows it.
    pub fn of(owner: &str, asked: &str) -> Self {
        let mut digest = hex::encode(Sha256::digest(format!("{owner}\n{asked}")));
        digest.truncate(ABOUT_DIGITS);
        Self { owner: owner.to_owned(), about: digest }
    }

    /// Whose list it is.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The token of a place, and when it expires.
    pub fn token(&self, place: &str, now: Time) -> (String, Time) {
        let expires = now.plus_ms(TOKEN_MS);
        (format!("{:x}.{}.{}", expires.0, self.about, hex::encode(place)), expires)
    }

    /// The place of a token; `None` for one of another list, and one that has expired or was invalidated.
    pub fn place(&self, tx: &mut dyn Tx, token: &str, now: Time) -> Result<Option<String>, StoreError> {
        const FIND: &str = "select expires from market_page_token where owner = $1 and token = $2";
        let Some(read) = Read::of(token).filter(|read| read.about == self.about && read.holds(now)) else {
            return Ok(None);
        };
        let digest = digest(token);
        let invalidated = tx.query_one(FIND, &[Param::Text(&self.owner), Param::Text(&digest)])?;
        Ok(if invalidated.is_some() { None } else { Some(read.place) })
    }
}

/// Ends a token before its time, if it still holds. False where its reader has ended too many.
pub fn invalidate(desk: &mut Desk<'_>, owner: &str, token: &str) -> Result<bool, StoreError> {
    const COUNT: &str = "select count(*) from market_page_token where owner = $1 and expires >= $2";
    const FORGET: &str = "delete from market_page_token where owner = $1 and expires < $2";
    const KEEP: &str = "insert into market_page_token (owner, token, expires) values ($1, $2, $3)
        on conflict (owner, token) do nothing";
    let now = desk.now();
    let Some(read) = Read::of(token).filter(|read| read.holds(now)) else { return Ok(true) };
    let count = desk.read()?.query_one(COUNT, &[Param::Text(owner), Param::Int(now.0)])?;
    if count.map_or(Ok(0), |row| row.int(0))? >= INVALIDATED_MAX {
        return Ok(false);
    }
    let text = |text: &str| Value::Text(text.to_owned());
    desk.aside(FORGET, vec![text(owner), Value::Int(now.0)]);
    desk.aside(KEEP, vec![text(owner), text(&digest(token)), Value::Int(read.expires.0)]);
    Ok(true)
}

struct Read {
    expires: Time,
    about: String,
    place: String,
}

impl Read {
    fn of(token: &str) -> Option<Self> {
        let (expires, rest) = token.split_once('.')?;
        let (about, place) = rest.split_once('.')?;
        let is_about = about.len() == ABOUT_DIGITS && about.bytes().all(|c| c.is_ascii_hexdigit());
        // No database takes U+0000.
        let place = String::from_utf8(hex::decode(place).ok()?).ok().filter(|place| !place.contains('\0'))?;
        let expires = i64::from_str_radix(expires, 16).ok().filter(|_| is_about)?;
        Some(Self { expires: Time(expires), about: about.to_owned(), place })
    }

    /// Whether it was given out within the last hour.
    fn holds(&self, now: Time) -> bool {
        self.expires > now && self.expires <= now.plus_ms(TOKEN_MS)
    }
}

fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_an_hour_for_its_own_list() {
        let (list, now) = (Listing::of("token:a", "/epcis/events?"), Time(1_000));
        let (token, expires) = list.token("ed.1.2.3.beiyuan", now);
        assert_eq!(expires, now.plus_ms(TOKEN_MS));
        let read = Read::of(&token).expect("a token");
        assert_eq!((read.about.as_str(), read.place.as_str()), (list.about.as_str(), "ed.1.2.3.beiyuan"));
        assert!(Read::of(&list.token("ed.\0", now).0).is_none(), "no database takes it");
        assert!(read.holds(now) && read.holds(Time(expires.0 - 1)));
        assert!(!read.holds(expires) && !read.holds(Time(999)));
        assert_ne!(Listing::of("token:b", "/epcis/events?").about, list.about);
        for text in ["", ".", "x", "1.2.3", "1.0123456789abcdef.zz", "zz.0123456789abcdef.00"] {
            assert!(Read::of(text).is_none(), "{text}");
        }
    }
}
