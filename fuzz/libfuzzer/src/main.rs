//! libFuzzer around one target, which `RINGWAY_FUZZ_TARGET` names; `cargo xtask fuzz` builds and starts it.
//!
//! A target says what must hold; this says what it may cost: a second of processor time and some memory for one input.
//! Both are measured, not guessed from a clock that other programs share.

#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use ringway_fuzz::Target;
use rustix::time::{ClockId, clock_gettime};

/// What one input may take. Each is a few kilobytes; a person's file is a hundred times as long.
const LONGEST: Duration = Duration::from_secs(1);

/// What one input may occupy at once, in bytes, beyond what was there before it.
const MOST: usize = 256 << 20;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counted.
struct Counted;

fn add(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: everything is passed on to the system's allocator as it came; only sizes are looked at.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: what the caller promises of `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: it came from `System`, as everything does that is allocated here.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: what the caller promises of `layout` is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size);
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as for `dealloc` and `alloc`.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn target() -> &'static Target {
    static TARGET: OnceLock<&Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("RINGWAY_FUZZ_TARGET").unwrap_or_default();
        let target = ringway_fuzz::target(&name);
        target.unwrap_or_else(|| panic!("`RINGWAY_FUZZ_TARGET` names no target: `{name}`"))
    })
}

/// Processor time of this thread.
fn used() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

fuzz_target!(|input: &[u8]| {
    let target = target();
    let (before, began) = (NOW.load(Ordering::Relaxed), used());
    PEAK.store(before, Ordering::Relaxed);
    (target.run)(input);
    let took = used().saturating_sub(began);
    assert!(took <= LONGEST, "it took {took:?} of processor time");
    let most = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(most <= MOST, "it took {} MiB of memory", most >> 20);
});
