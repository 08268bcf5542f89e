//! The writer, held up: whatever is asked meanwhile waits in its queue.

use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use kernel::{AppendError, Kernel};

/// A decision that the writer cannot get past until it is opened.
pub struct Gate {
    open: mpsc::Sender<()>,
    passed: JoinHandle<Result<(), AppendError<()>>>,
}

impl Gate {
    /// Returns when the writer stands before it, or when the database broke under it, so that nobody stands there.
    pub fn shut(kernel: &Arc<Kernel>) -> Self {
        let (open, opens) = mpsc::channel::<()>();
        let (stands, is_shut) = mpsc::channel();
        let (kernel, opens) = (kernel.clone(), Mutex::new(opens));
        let passed = std::thread::spawn(move || {
            kernel.append_blocking::<_, (), ()>(move |_| {
                stands.send(()).ok();
                opens.lock().unwrap().recv().ok();
                Ok(())
            })
        });
        is_shut.recv().ok();
        Self { open, passed }
    }

    /// Lets the writer go on; says whether the decision was accepted.
    pub fn open(self) -> bool {
        drop(self.open);
        self.passed.join().unwrap().is_ok()
    }
}
