//! What is in hand of each scale, and of all together. What does not fit is refused at once instead of waiting: the broker is
//! answered in the order of arrival, so whoever waited would keep the others waiting too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::limits::{MESSAGES_BYTES_MAX, SCALE_MESSAGES_BYTES_MAX, SCALE_MESSAGES_MAX};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::topic::{At, Matter};

/// Answers on their way to one scale at a time. There are more only when the broker does not take them: a scale that hears
/// nothing sends again.
const ANSWERS_MAX: usize = 2 * SCALE_MESSAGES_MAX;
/// Short messages of one scale are in work together, so that they are committed together; a long one is alone. What this many
/// bytes of JSON report is about a turn of the sixteen that a scale has over HTTP.
const TURN_BYTES: usize = 16 * 1024;
const TURNS_MAX: usize = 16;

/// Messages of one scale that are read and refused within some seconds; a long one counts for more. Each takes time in which the
/// messages of others that came behind it are not acknowledged, so what comes beyond is refused unread.
pub const REFUSALS_MAX: usize = 16;
pub const REFUSALS_WITHIN: Duration = Duration::from_secs(5);
const LONG_BYTES: usize = 512 * 1024;

/// Sales and confirmations of a scale are counted apart, so that a block is confirmed whatever there is to sell.
type Sender = (At, Matter);

/// Everything in hand.
#[derive(Debug, Clone, Default)]
pub struct Hand(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    of_each: HashMap<Sender, Queue>,
    /// Of those who had anything refused of late.
    refused: HashMap<Sender, Refused>,
}

#[derive(Debug)]
struct Refused {
    since: Instant,
    messages: usize,
}

impl Refused {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= REFUSALS_WITHIN
    }
}

#[derive(Debug)]
struct Queue {
    messages: usize,
    bytes: usize,
    answers: usize,
    turns: Arc<Semaphore>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { messages: 0, bytes: 0, answers: 0, turns: Arc::new(Semaphore::new(TURNS_MAX)) }
    }
}

impl Queue {
    fn has_room(&self, bytes: usize) -> bool {
        self.messages < SCALE_MESSAGES_MAX
            && self.answers < ANSWERS_MAX
            && (self.messages == 0 || self.bytes + bytes <= SCALE_MESSAGES_BYTES_MAX)
    }
}

impl Hand {
    /// A place for a message of so many bytes, if there is one.
    pub fn take(&self, sender: &Sender, bytes: usize) -> Option<Place> {
        let mut held = self.held();
        let has_room = held.of_each.get(sender).is_none_or(|queue| queue.has_room(bytes));
        if !has_room || held.bytes + bytes > MESSAGES_BYTES_MAX {
            return None;
        }
        held.bytes += bytes;
        let queue = held.of_each.entry(sender.clone()).or_default();
        queue.messages += 1;
        queue.bytes += bytes;
        Some(Place { hand: self.clone(), sender: sender.clone(), bytes, turns: queue.turns.clone() })
    }

    /// A place for the answer to a message that is not taken, if there is one.
    pub fn refuse(&self, sender: &Sender) -> Option<AnswerPlace> {
        let mut held = self.held();
        let queue = held.of_each.entry(sender.clone()).or_default();
        if queue.answers >= ANSWERS_MAX {
            return None;
        }
        queue.answers += 1;
        Some(AnswerPlace { hand: self.clone(), sender: sender.clone() })
    }

    /// Whether as much of a sender was read and refused of late as is.
    pub fn has_refused_often(&self, sender: &Sender, now: Instant) -> bool {
        let held = self.held();
        held.refused.get(sender).is_some_and(|it| it.messages >= REFUSALS_MAX && !it.is_over(now))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, sender: &Sender, change: impl FnOnce(&mut Queue) -> usize) {
        let mut held = self.held();
        let Some(queue) = held.of_each.get_mut(sender) else { return };
        let bytes = change(queue);
        let is_idle = queue.messages == 0 && queue.answers == 0;
        held.bytes -= bytes;
        if is_idle {
            held.of_each.remove(sender);
        }
    }
}

/// The place of a message in hand, given back when it is done with.
#[derive(Debug)]
pub struct Place {
    hand: Hand,
    sender: Sender,
    bytes: usize,
    turns: Arc<Semaphore>,
}

impl Place {
    /// Waits until what came before from the same sender leaves it a turn.
    pub async fn turn(&self) -> OwnedSemaphorePermit {
        let turns = self.bytes.div_ceil(TURN_BYTES).clamp(1, TURNS_MAX);
        let turns = u32::try_from(turns).expect("there are few");
        self.turns.clone().acquire_many_owned(turns).await.expect("nobody closes it")
    }

    /// The message was read, and is refused.
    pub fn refused(&self, now: Instant) {
        let mut held = self.hand.held();
        held.refused.retain(|_, it| !it.is_over(now));
        let none = Refused { since: now, messages: 0 };
        held.refused.entry(self.sender.clone()).or_insert(none).messages += 1 + self.bytes / LONG_BYTES;
    }

    /// The message is done with, and an answer goes down. Messages that were taken are answered however many answers there are.
    pub fn answered(self) -> AnswerPlace {
        let (hand, sender) = (self.hand.clone(), self.sender.clone());
        hand.held().of_each.entry(sender.clone()).or_default().answers += 1;
        AnswerPlace { hand, sender }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hand.give_back(&self.sender, |queue| {
            queue.messages -= 1;
            queue.bytes -= self.bytes;
            self.bytes
        });
    }
}

/// The place of an answer on its way, given back when it is delivered.
#[derive(Debug)]
pub struct AnswerPlace {
    hand: Hand,
    sender: Sender,
}

impl Drop for AnswerPlace {
    fn drop(&mut self) {
        self.hand.give_back(&self.sender, |queue| {
            queue.answers -= 1;
            0
        });
    }
}

#[cfg(test)]
mod tests {
    use base::BookId;
    use base::limits::REQUEST_BYTES_MAX;

    use super::*;

    fn sender(scale: u32, matter: Matter) -> Sender {
        (At { book: BookId::new("beiyuan").unwrap(), scale }, matter)
    }

    #[test]
    fn so_much_of_one_scale_is_in_hand_and_there_is_room_for_its_confirmations_and_for_the_others() {
        let (hand, one) = (Hand::default(), sender(1, Matter::Sales));
        let mut short: Vec<Place> =
            (0..SCALE_MESSAGES_MAX).map(|_| hand.take(&one, 1_000).unwrap()).collect();
        assert!(hand.take(&one, 1_000).is_none());
        drop(hand.take(&sender(1, Matter::Acks), 1_000).unwrap());
        drop(hand.take(&sender(2, Matter::Sales), REQUEST_BYTES_MAX).unwrap());
        short.pop();
        short.push(hand.take(&one, 1_000).unwrap());
        drop(short);

        let long = hand.take(&one, REQUEST_BYTES_MAX).unwrap();
        assert!(hand.take(&one, 1).is_none(), "the longest message is alone");
        drop(long);
        let half = hand.take(&one, SCALE_MESSAGES_BYTES_MAX / 2).unwrap();
        assert!(hand.take(&one, SCALE_MESSAGES_BYTES_MAX / 2 + 1).is_none());
        drop((hand.take(&one, SCALE_MESSAGES_BYTES_MAX / 2).unwrap(), half));
        assert!(hand.held().of_each.is_empty());
        assert_eq!(hand.held().bytes, 0);
    }

    #[test]
    fn so_much_of_all_scales_is_in_hand_and_so_many_refusals_of_one() {
        let hand = Hand::default();
        let scales = u32::try_from(MESSAGES_BYTES_MAX / REQUEST_BYTES_MAX).unwrap();
        let long: Vec<Place> = (0..scales)
            .map(|scale| hand.take(&sender(scale, Matter::Sales), REQUEST_BYTES_MAX).unwrap())
            .collect();
        let next = sender(scales, Matter::Sales);
        assert!(hand.take(&next, 1).is_none());
        let refusals: Vec<AnswerPlace> = (0..ANSWERS_MAX).map(|_| hand.refuse(&next).unwrap()).collect();
        assert!(hand.refuse(&next).is_none());
        drop(hand.refuse(&sender(0, Matter::Sales)).unwrap());
        drop((long, refusals));
        assert!(hand.held().of_each.is_empty());
        assert_eq!(hand.held().bytes, 0);
    }

    #[test]
    fn so_much_of_a_scale_is_read_and_refused_in_some_seconds_and_nothing_of_another_counts() {
        let (hand, now) = (Hand::default(), Instant::now());
        let (one, other) = (sender(1, Matter::Sales), sender(1, Matter::Acks));
        let refuse = |bytes: usize, now| hand.take(&one, bytes).unwrap().refused(now);
        for _ in 1..REFUSALS_MAX {
            refuse(1_000, now);
        }
        assert!(!hand.has_refused_often(&one, now));
        refuse(1_000, now + REFUSALS_WITHIN / 2);
        assert!(hand.has_refused_often(&one, now + REFUSALS_WITHIN / 2));
        assert!(!hand.has_refused_often(&other, now));

        let later = now + REFUSALS_WITHIN;
        assert!(!hand.has_refused_often(&one, later));
        refuse(REQUEST_BYTES_MAX, later);
        refuse(REQUEST_BYTES_MAX, later);
        assert!(hand.has_refused_often(&one, later), "long ones count for several");
        hand.take(&other, 1).unwrap().refused(later + REFUSALS_WITHIN);
        assert_eq!(hand.held().refused.len(), 1, "what is over is forgotten");
    }

    #[test]
    fn a_scale_to_which_no_answer_gets_through_has_nothing_more_taken() {
        let (hand, one) = (Hand::default(), sender(1, Matter::Sales));
        let answers: Vec<AnswerPlace> =
            (0..ANSWERS_MAX).map(|_| hand.take(&one, 1_000).unwrap().answered()).collect();
        assert_eq!(hand.held().bytes, 0);
        assert_eq!(hand.held().of_each[&one].messages, 0);
        assert!(hand.take(&one, 1).is_none() && hand.refuse(&one).is_none());
        drop(answers);
        drop(hand.take(&one, 1).unwrap());
        assert!(hand.held().of_each.is_empty());
    }

    #[tokio::test]
    async fn short_messages_of_a_scale_are_in_work_together_and_a_long_one_is_alone() {
        let hand = Hand::default();
        let take = |scale, bytes| hand.take(&sender(scale, Matter::Sales), bytes).unwrap();
        let (short, also_short, long) = (take(1, 1_000), take(1, 1_000), take(1, 500_000));
        let turns = (short.turn().await, also_short.turn().await);
        let soon = Duration::from_millis(20);
        let mut waits = std::pin::pin!(long.turn());
        tokio::time::timeout(soon, &mut waits).await.map(drop).unwrap_err();
        drop(take(2, 500_000).turn().await);
        drop(turns);
        let alone = waits.await;
        tokio::time::timeout(soon, short.turn()).await.map(drop).unwrap_err();
        drop(alone);
        drop(short.turn().await);
    }
}
