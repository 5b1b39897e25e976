//! Many pieces of work on all processors, whose results do not tell how many there are.
//!
//! # Invariants
//!
//! * Results are in the order of the pieces, whichever thread did them and when.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indicatif::ProgressBar;

/// Pieces a thread takes at once. A future of a small fleet takes tens of microseconds, so not every one is fetched.
const AT_ONCE: usize = 8;

/// Does every piece on all processors.
pub(super) fn all<T: Send>(
    count: usize,
    bar: &ProgressBar,
    piece: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    on(threads, count, bar, piece)
}

fn on<T: Send>(
    threads: usize,
    count: usize,
    bar: &ProgressBar,
    piece: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let first = next.fetch_add(AT_ONCE, Ordering::Relaxed);
            if first >= count {
                return done;
            }
            for index in first..count.min(first + AT_ONCE) {
                done.push((index, piece(index)));
                bar.inc(1);
            }
        }
    };
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| {
                // What panicked there must not look like fewer futures here.
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_threads_does_not_show_in_the_results() {
        let bar = ProgressBar::hidden();
        let expected: Vec<usize> = (0..100).map(|index| index * index).collect();
        for threads in [0, 1, 2, 7, 200] {
            assert_eq!(on(threads, 100, &bar, |index| index * index), expected);
        }
        assert!(on(2, 0, &bar, |index| index).is_empty());
    }
}
