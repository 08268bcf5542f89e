//! Places for connections that stay open: so many in all, and so many of one owner.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::problem::Problem;
use crate::texts::Both;

/// Sockets that are open at a time.
pub const SOCKETS_MAX: usize = 256;
/// Those of one owner, and of all whose right is on one unit, or on the units of a branch below the root.
pub const SOCKETS_OF_ONE_MAX: usize = 8;
pub const SOCKETS_OF_UNIT_MAX: usize = 64;
pub const SOCKETS_OF_BRANCH_MAX: usize = 128;
/// Streams that are open at a time of one account, screen, program or device: so many tabs that follow something.
pub const STREAMS_OF_ONE_MAX: usize = 32;

/// Those of one screen, which shows one wall: of a token there are fifty screens.
pub const STREAMS_OF_SCREEN_MAX: usize = 4;

/// What is open by owner.
#[derive(Clone)]
pub struct Seats {
    taken: Arc<Mutex<BTreeMap<String, usize>>>,
    of_one_max: usize,
    max: usize,
}

/// A place, given back when it is dropped.
pub struct Seat {
    seats: Seats,
    owner: String,
}

impl Seats {
    pub fn for_sockets() -> Self {
        Self { taken: Arc::default(), of_one_max: SOCKETS_OF_ONE_MAX, max: SOCKETS_MAX }
    }

    pub fn for_sockets_of_unit() -> Self {
        Self { taken: Arc::default(), of_one_max: SOCKETS_OF_UNIT_MAX, max: usize::MAX }
    }

    pub fn for_sockets_of_branch() -> Self {
        Self { taken: Arc::default(), of_one_max: SOCKETS_OF_BRANCH_MAX, max: usize::MAX }
    }

    /// So many connections of one address; how many there are in all is counted elsewhere.
    pub fn for_connections(of_one_max: usize) -> Self {
        Self { taken: Arc::default(), of_one_max, max: usize::MAX }
    }

    /// As many in all as there are connections.
    pub fn for_streams() -> Self {
        Self { taken: Arc::default(), of_one_max: STREAMS_OF_ONE_MAX, max: usize::MAX }
    }

    pub fn for_screens() -> Self {
        Self { taken: Arc::default(), of_one_max: STREAMS_OF_SCREEN_MAX, max: usize::MAX }
    }

    /// Places that are taken.
    pub fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    pub fn take(&self, owner: &str) -> Result<Seat, Problem> {
        let mut seats = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.get(owner).copied().unwrap_or(0);
        if taken >= self.of_one_max {
            return Err(too_many(self.of_one_max));
        }
        if self.max < usize::MAX && seats.values().sum::<usize>() >= self.max {
            return Err(Problem::unavailable(60));
        }
        seats.insert(owner.to_owned(), taken + 1);
        Ok(Seat { seats: self.clone(), owner: owner.to_owned() })
    }
}

/// 429: what is open has to be closed first.
fn too_many(max: usize) -> Problem {
    let detail = Both::new(
        format!("同时打开的实时连接过多（每个账户或设备最多 {max} 个），请先关闭一些页面。"),
        format!(
            "{max} live connections are open, which is as many as one account or device may have; close some pages first"
        ),
    );
    Problem { detail, ..Problem::too_many_requests(60) }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
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
        let seats = Seats::for_sockets();
        let mut taken: Vec<Seat> = (0..SOCKETS_MAX / SOCKETS_OF_ONE_MAX)
            .flat_map(|owner| vec![owner.to_string(); SOCKETS_OF_ONE_MAX])
            .map(|owner| seats.take(&owner).expect("a free place"))
            .collect();
        let status = |owner: &str| seats.take(owner).err().map(|problem| problem.status.as_u16());
        assert_eq!((status("0"), status("another")), (Some(429), Some(503)));
        drop(taken.remove(0));
        assert_eq!(status("0"), None);
        drop(taken);
        assert!(seats.taken.lock().expect("nobody panicked").is_empty());
    }
}
