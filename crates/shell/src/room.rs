//! Room in memory: what all that is in hand at a time may come to together, whoever sent it.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::problem::Problem;

/// How long something waits for room.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Room for so much. Whoever comes first is served first.
pub struct Room {
    free: Semaphore,
    kibibytes_max: u32,
}

/// A part of a room, kept until what it is for is done with.
pub type Place = SemaphorePermit<'static>;

impl Room {
    pub const fn of_mebibytes(mebibytes: u32) -> Self {
        let kibibytes_max = mebibytes * 1_024;
        Self { free: Semaphore::const_new(kibibytes_max as usize), kibibytes_max }
    }

    /// A place for so many bytes: what comes to more than there is takes all of it. Whoever finds none in time is told to come
    /// again.
    pub async fn found(&'static self, bytes: usize) -> Result<Place, Problem> {
        self.within(WAIT_MAX, bytes).await
    }

    async fn within(&self, wait_max: Duration, bytes: usize) -> Result<SemaphorePermit<'_>, Problem> {
        let kibibytes = u32::try_from(bytes / 1_024).unwrap_or(u32::MAX).clamp(1, self.kibibytes_max);
        let found = timeout(wait_max, self.free.acquire_many(kibibytes)).await;
        Ok(found.map_err(|_| Problem::unavailable(2))?.expect("nobody closes it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_finds_no_room_in_time_is_told_to_come_again() {
        let room = Room::of_mebibytes(1);
        let held = room.within(Duration::ZERO, usize::MAX).await.unwrap();
        let refused = room.within(Duration::ZERO, 1).await.unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after_s), (503, Some(2)));
        let next = room.within(WAIT_MAX, usize::MAX);
        let (next, ()) = tokio::join!(next, async { drop(held) });
        assert_eq!(room.free.available_permits(), 0);
        drop(next.unwrap());
        assert_eq!(room.free.available_permits(), 1_024);
    }

    #[tokio::test]
    async fn what_fits_has_a_place_each_and_whoever_came_later_waits_behind_the_first() {
        let room = Room::of_mebibytes(1);
        let half = room.within(Duration::ZERO, 512 * 1_024).await.unwrap();
        let other_half = room.within(Duration::ZERO, 512 * 1_024).await.unwrap();
        drop(half);
        let whole = room.within(WAIT_MAX, 1_024 * 1_024);
        let little = async {
            let refused = room.within(Duration::ZERO, 1).await;
            drop(other_half);
            refused
        };
        let (whole, little) = tokio::join!(biased; whole, little);
        assert_eq!(whole.map(|place| place.num_permits()).ok(), Some(1_024));
        assert_eq!(little.unwrap_err().status.as_u16(), 503);
    }
}
