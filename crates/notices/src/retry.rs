//! When to try again, and when to give up.

use base::Time;
use kernel::notices::{Fault, FaultKind, Settlement};

/// Minutes to wait after each attempt that was in vain: two days in all, so that a weekend's silence loses nothing.
const WAITS_MINUTES: [i64; 7] = [1, 5, 30, 2 * 60, 6 * 60, 15 * 60, 24 * 60];

/// Attempts of one notice to one contact.
pub const ATTEMPTS_MAX: u32 = WAITS_MINUTES.len() as u32 + 1;

/// What follows an attempt that was in vain.
pub(crate) fn after(fault: Fault, attempt: u32, now: Time) -> Settlement {
    if is_final(fault) {
        return Settlement::Failed(fault);
    }
    let wait = usize::try_from(attempt).ok().and_then(|attempt| WAITS_MINUTES.get(attempt.checked_sub(1)?));
    wait.map_or(Settlement::GivenUp(fault), |minutes| Settlement::Again(fault, now.plus_ms(minutes * 60_000)))
}

/// A mail server's 5xx is final (RFC 5321, 4.2.1), and so is a webhook's 410 Gone and an address out of bounds. Whatever
/// else stands in the way may be put right by somebody.
fn is_final(fault: Fault) -> bool {
    match fault.kind {
        FaultKind::AddressForbidden | FaultKind::ContactGone => true,
        FaultKind::Refused => matches!(fault.code, Some(410 | 550..=559)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_the_last_attempt_gives_up() {
        let fault = Fault::from(FaultKind::Unreachable);
        let mut waited = 0;
        for attempt in 1..ATTEMPTS_MAX {
            match after(fault, attempt, Time(0)) {
                Settlement::Again(_, at) => {
                    assert!(at.0 > waited, "attempt {attempt}");
                    waited = at.0;
                }
                other => panic!("attempt {attempt}: {other:?}"),
            }
        }
        assert_eq!(after(fault, ATTEMPTS_MAX, Time(0)), Settlement::GivenUp(fault));
        assert_eq!(after(fault, u32::MAX, Time(0)), Settlement::GivenUp(fault));
    }

    #[test]
    fn what_nobody_will_put_right_is_not_tried_again() {
        let refused = |code| Fault { kind: FaultKind::Refused, code: Some(code) };
        for fault in [refused(410), refused(550), refused(554), FaultKind::AddressForbidden.into()] {
            assert_eq!(after(fault, 1, Time(0)), Settlement::Failed(fault));
        }
        for fault in [refused(302), refused(404), refused(451), refused(503), FaultKind::NoMailServer.into()]
        {
            assert!(matches!(after(fault, 1, Time(0)), Settlement::Again(..)), "{fault:?}");
        }
    }
}
