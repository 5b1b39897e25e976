//! Who may connect now. Hosts that do not answer must not hold up those that do.
//!
//! There are two lanes. A connection is opened in the quick one, which is narrow, because opening connections costs
//! processor time on both sides. One that has not come about after a moment is waiting, not working: it goes on in the
//! other lane, which is wide, and leaves its place. So what five hundred silent hosts cost the others is a moment of one
//! place each, once: a host that did not answer the last time starts in the wide lane.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Five times what a connection takes next door while sixty others are opened. A host on another continent takes longer and
/// then waits in the wide lane, which costs it nothing: it is the way that is long, no processor.
const STALLED_AFTER: Duration = Duration::from_millis(300);

/// The two lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    quick: Arc<Semaphore>,
    wide: Arc<Semaphore>,
}

impl Lanes {
    /// Lanes with so many places each.
    pub(super) fn new(quick: usize, wide: usize) -> Self {
        Self {
            quick: Arc::new(Semaphore::new(quick.max(1))),
            wide: Arc::new(Semaphore::new(wide.max(1))),
        }
    }

    /// Does `work` when there is a place for it. `is_suspect`: it will probably wait for nothing.
    pub(super) async fn pass<T>(&self, is_suspect: bool, work: impl Future<Output = T>) -> T {
        let first = if is_suspect { &self.wide } else { &self.quick };
        let place = first.acquire().await.expect("the lanes are never closed");
        let mut work = pin!(work);
        if is_suspect {
            return work.await;
        }
        if let Ok(done) = tokio::time::timeout(STALLED_AFTER, &mut work).await {
            return done;
        }
        tokio::select! {
            done = &mut work => done,
            other = self.wide.acquire() => {
                drop(place);
                let _other = other.expect("the lanes are never closed");
                work.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// Four silent hosts and one place: the fifth host must have its turn, and without waiting for their end.
    #[tokio::test(start_paused = true)]
    async fn silence_does_not_hold_up_those_who_answer() {
        let lanes = Arc::new(Lanes::new(1, 4));
        let silent: Vec<_> = (0..4)
            .map(|_| {
                let lanes = Arc::clone(&lanes);
                tokio::spawn(async move { lanes.pass(false, pending::<()>()).await })
            })
            .collect();
        tokio::task::yield_now().await;
        lanes.pass(false, async {}).await;
        assert!(silent.iter().all(|silent| !silent.is_finished()));
        for silent in silent {
            silent.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspect_takes_no_place_of_the_quick_lane() {
        let lanes = Arc::new(Lanes::new(1, 1));
        let begun = tokio::time::Instant::now();
        let waiting = {
            let lanes = Arc::clone(&lanes);
            tokio::spawn(async move { lanes.pass(true, pending::<()>()).await })
        };
        tokio::task::yield_now().await;
        lanes.pass(false, async {}).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        waiting.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_places_of_both_lanes_are_under_way() {
        let lanes = Arc::new(Lanes::new(2, 3));
        let under_way = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let all: Vec<_> = (0..20)
            .map(|_| {
                let (lanes, under_way) = (Arc::clone(&lanes), Arc::clone(&under_way));
                tokio::spawn(async move {
                    let work = async {
                        under_way.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        pending::<()>().await;
                    };
                    lanes.pass(false, work).await;
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(under_way.load(std::sync::atomic::Ordering::SeqCst), 5);
        for one in all {
            one.abort();
        }
    }
}
