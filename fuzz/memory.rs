//! What a text may make the reader hold: so many bytes for each of its own.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A list of zeros is the worst: two bytes of text are a value, which the laws hold in several copies and print as an
/// element of XML.
const PER_BYTE_MAX: usize = 1_024;
/// What the reader needs for any text.
const ALWAYS_MAX: usize = 1024 * 1024;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: the system's allocator does the work; only sizes are added up.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

/// Holds a law of a text to the memory that the text may cost.
pub fn bounded(text: &[u8], law: fn(&[u8])) {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    law(text);
    let most = MOST.load(Relaxed) - before;
    let max = ALWAYS_MAX + PER_BYTE_MAX * text.len();
    assert!(most <= max, "{most} bytes for a text of {}", text.len());
}
