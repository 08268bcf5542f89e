//! Places for connections that stay open: so many in all, and so many of one owner.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::problem::Problem;

/// Sockets that are open at a time.
pub const SOCKETS_MAX: usize = 256;
/// Those of one owner.
pub const SOCKETS_OF_ONE_MAX: usize = 8;

/// Open sockets by owner.
#[derive(Clone, Default)]
pub struct Seats(Arc<Mutex<BTreeMap<String, usize>>>);

/// A place, given back when it is dropped.
pub struct Seat {
    seats: Seats,
    owner: String,
}

impl Seats {
    /// Places that are taken.
    pub fn taken(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    pub fn take(&self, owner: &str) -> Result<Seat, Problem> {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.get(owner).copied().unwrap_or(0);
        if taken >= SOCKETS_OF_ONE_MAX {
            return Err(Problem::too_many_requests(60));
        }
        if seats.values().sum::<usize>() >= SOCKETS_MAX {
            return Err(Problem::unavailable(60));
        }
        seats.insert(owner.to_owned(), taken + 1);
        Ok(Seat { seats: self.clone(), owner: owner.to_owned() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = seats.get_mut(&self.owner) {
            *taken -= 1;
            if *taken == 0 {
                seats.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_sit_and_a_place_is_free_when_one_goes() {
        let seats = Seats::default();
        let mut taken: Vec<Seat> = (0..SOCKETS_MAX / SOCKETS_OF_ONE_MAX)
            .flat_map(|owner| vec![owner.to_string(); SOCKETS_OF_ONE_MAX])
            .map(|owner| seats.take(&owner).expect("a free place"))
            .collect();
        let status = |owner: &str| seats.take(owner).err().map(|problem| problem.status.as_u16());
        assert_eq!((status("0"), status("another")), (Some(429), Some(503)));
        drop(taken.remove(0));
        assert_eq!(status("0"), None);
        drop(taken);
        assert!(seats.0.lock().expect("nobody panicked").is_empty());
    }
}
