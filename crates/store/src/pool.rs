use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A fixed number of places for connections that are opened when first needed and lent to one thread at a time.
#[derive(Debug)]
pub struct Pool<T> {
    idle: Mutex<Vec<Option<T>>>,
    returned: Condvar,
}

impl<T> Pool<T> {
    /// `places` connections at most (at least one); none is opened yet.
    pub fn new(places: usize) -> Self {
        Self { idle: Mutex::new((0..places.max(1)).map(|_| None).collect()), returned: Condvar::new() }
    }

    /// Waits for a free place for `patience` at most, preferring one whose connection is open.
    pub fn lend(&self, patience: Duration) -> Option<Lease<'_, T>> {
        let until = Instant::now() + patience;
        let mut idle = self.idle();
        loop {
            let open = idle.iter().rposition(Option::is_some);
            if let Some(index) = open.or(idle.len().checked_sub(1)) {
                return Some(Lease { pool: self, connection: idle.swap_remove(index) });
            }
            let left = until.checked_duration_since(Instant::now())?;
            idle = self.returned.wait_timeout(idle, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A panic cannot leave the list half changed, so a poisoned lock is still good.
    fn idle(&self) -> MutexGuard<'_, Vec<Option<T>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a [`Pool`], given back when dropped. The borrower opens the connection if there is none,
/// and sets it to `None` if it broke.
#[derive(Debug)]
pub struct Lease<'p, T> {
    pool: &'p Pool<T>,
    pub connection: Option<T>,
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        self.pool.idle().push(self.connection.take());
        self.pool.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pool_refuses_after_the_patience_and_lends_what_comes_back() {
        let pool = Pool::new(1);
        let mut lease = pool.lend(Duration::ZERO).expect("one place is free");
        lease.connection = Some(7);
        assert!(pool.lend(Duration::from_millis(5)).is_none());
        std::thread::scope(|scope| {
            let waiting =
                scope.spawn(|| pool.lend(Duration::from_secs(10)).and_then(|mut l| l.connection.take()));
            std::thread::sleep(Duration::from_millis(20));
            drop(lease);
            assert_eq!(waiting.join().expect("the waiting thread ends"), Some(7));
        });
    }
}
