//! Passwords: argon2id, and never more of them at a time than the machine has memory for.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base::AccountId;

use crate::admin::AdminError;
use crate::{AppendError, Kernel};

pub const PASSWORD_CHARS_MIN: usize = 10;
pub const PASSWORD_CHARS_MAX: usize = 256;

/// What OWASP's Password Storage Cheat Sheet asks of argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Each takes [`MEMORY_KIB`]; the others wait.
const AT_ONCE_MAX: usize = 2;
/// Beyond this many waiting, the next is refused at once.
const WAITING_MAX: usize = 32;
/// Of one account's owner, from whatever sessions, so many at work or waiting: strangers are kept from it by address.
const OF_OWNER_AT_ONCE_MAX: usize = 4;

/// Stands in for the hash of an account that is not there, so that the answer takes the same time. No password is
/// known to give it.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The gate before argon2id.
#[derive(Default)]
pub(crate) struct Passwords {
    /// Working, waiting.
    load: Mutex<(usize, usize)>,
    freed: Condvar,
    /// Of owners who give their own password again.
    owners: Mutex<HashMap<AccountId, usize>>,
}

impl Passwords {
    /// Runs `work` when it is its turn; `None` if too many wait already.
    fn in_turn<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        {
            let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
            if load.1 >= WAITING_MAX {
                return None;
            }
            load.1 += 1;
            while load.0 >= AT_ONCE_MAX {
                load = self.freed.wait(load).unwrap_or_else(PoisonError::into_inner);
            }
            *load = (load.0 + 1, load.1 - 1);
        }
        let _turn = Turn(self);
        Some(work())
    }

    /// Whether the password gives the hash. Without a hash the answer is no, and takes as long.
    pub fn verify(&self, password: &str, hash: Option<&str>) -> Option<bool> {
        if password.chars().count() > PASSWORD_CHARS_MAX {
            return Some(false);
        }
        self.in_turn(|| {
            let known = PasswordHash::new(hash.unwrap_or(NOBODY));
            let fits =
                known.is_ok_and(|known| argon2id().verify_password(password.as_bytes(), &known).is_ok());
            fits && hash.is_some()
        })
    }

    /// The same for the owner of an account, who leaves room for the signing in of others.
    pub fn verify_own(&self, account: &AccountId, password: &str, hash: Option<&str>) -> Option<bool> {
        let _place = self.place_of(account)?;
        self.verify(password, hash)
    }

    fn place_of(&self, account: &AccountId) -> Option<Place<'_>> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let at_once = owners.entry(account.clone()).or_default();
        if *at_once >= OF_OWNER_AT_ONCE_MAX {
            return None;
        }
        *at_once += 1;
        Some(Place { of: self, account: account.clone() })
    }

    /// The hash of a password as a PHC string.
    fn hash(&self, password: &str, salt: &[u8; 16]) -> Option<String> {
        self.in_turn(|| {
            let hash: PasswordHash = argon2id()
                .hash_password_customized(password.as_bytes(), salt, None, None, params())
                .expect("the parameters and the length of the salt are within the algorithm's limits");
            hash.to_string()
        })
    }
}

/// One of the places of an account's owner.
struct Place<'a> {
    of: &'a Passwords,
    account: AccountId,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut owners = self.of.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at_once) = owners.get_mut(&self.account) {
            *at_once -= 1;
            if *at_once == 0 {
                owners.remove(&self.account);
            }
        }
    }
}

struct Turn<'a>(&'a Passwords);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.load.lock().unwrap_or_else(PoisonError::into_inner).0 -= 1;
        self.0.freed.notify_one();
    }
}

fn params() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, Some(32))
        .expect("the parameters are within the algorithm's limits")
}

fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params())
}

impl Kernel {
    pub(super) fn hash_password(&self, password: &str) -> Result<String, AppendError<AdminError>> {
        let drawn = self.draw()?;
        let salt: &[u8; 16] = drawn.first_chunk().expect("32 bytes begin with 16");
        self.passwords.hash(password, salt).ok_or(AppendError::Refused(AdminError::Busy))
    }
}

/// Length, and not the account's name; no rules of composition (NIST SP 800-63B section 5.1.1.2).
pub(super) fn check(account: &AccountId, password: &str) -> Result<(), AdminError> {
    let length = password.chars().count();
    if length < PASSWORD_CHARS_MIN {
        return Err(AdminError::PasswordShort(PASSWORD_CHARS_MIN));
    }
    if length > PASSWORD_CHARS_MAX {
        return Err(AdminError::PasswordLong(PASSWORD_CHARS_MAX));
    }
    if password.eq_ignore_ascii_case(account.as_str()) {
        return Err(AdminError::PasswordIsAccount);
    }
    Ok(())
}

/// A password of 80 random bits that can be read out over the telephone: no letter looks like a digit.
pub(super) fn one_time(drawn: [u8; 32]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut password = String::new();
    for (at, byte) in drawn.iter().take(16).enumerate() {
        if at > 0 && at % 4 == 0 {
            password.push('-');
        }
        password.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_gives_the_hash_and_nobody_has_one() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse", &[7; 16]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(passwords.verify("correct horse", Some(&hash)), Some(true));
        assert_eq!(passwords.verify("correct horsf", Some(&hash)), Some(false));
        assert_eq!(passwords.verify("correct horse", None), Some(false));
        let known = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(
            Params::try_from(&known).unwrap(),
            params(),
            "an unknown account takes as long as a known one"
        );
    }

    #[test]
    fn at_most_two_work_and_a_crowd_is_refused() {
        let passwords = Passwords::default();
        let (seen, at_once) = (Mutex::new((0, 0)), Mutex::new(0));
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE_MAX + WAITING_MAX + 20 {
                scope.spawn(|| {
                    let done = passwords.in_turn(|| {
                        *at_once.lock().unwrap() += 1;
                        std::thread::sleep(std::time::Duration::from_millis(30));
                        let mut at_once = at_once.lock().unwrap();
                        let mut seen = seen.lock().unwrap();
                        seen.0 = seen.0.max(*at_once);
                        *at_once -= 1;
                    });
                    if done.is_none() {
                        seen.lock().unwrap().1 += 1;
                    }
                });
            }
        });
        let (most, refused) = *seen.lock().unwrap();
        assert_eq!(most, AT_ONCE_MAX);
        assert!(refused > 0, "a crowd of waiting sign-ins must not pile up");
    }

    #[test]
    fn an_owner_has_few_places_and_leaves_those_of_others() {
        let (passwords, li, wu) =
            (Passwords::default(), AccountId::new("li").unwrap(), AccountId::new("wu").unwrap());
        let mut places: Vec<_> =
            (0..OF_OWNER_AT_ONCE_MAX).map(|_| passwords.place_of(&li).unwrap()).collect();
        assert!(passwords.place_of(&li).is_none());
        assert!(passwords.place_of(&wu).is_some());
        places.pop();
        assert!(passwords.place_of(&li).is_some());
        places.clear();
        assert!(passwords.owners.lock().unwrap().is_empty(), "nobody is remembered who waits for nothing");
    }

    #[test]
    fn a_password_is_long_and_not_the_name_of_the_account() {
        let account = AccountId::new("administrator").unwrap();
        assert_eq!(check(&account, "short"), Err(AdminError::PasswordShort(PASSWORD_CHARS_MIN)));
        assert_eq!(check(&account, "Administrator"), Err(AdminError::PasswordIsAccount));
        assert_eq!(check(&account, "密码很长但是没有数字"), Ok(()));
        assert_eq!(one_time([3; 32]), "dddd-dddd-dddd-dddd");
    }
}
