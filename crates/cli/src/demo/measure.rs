//! What the demo measures while others decide: who answers, and whether both of a pair were ever down together.
//!
//! It asks the servers themselves and shares nothing with the engine, whose promises it checks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::ground::Server;

/// The pause between two rounds of questions.
const ROUND_EVERY: Duration = Duration::from_millis(50);

/// What was seen of the pairs so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Rounds in which every member of every pair was asked.
    pub(crate) rounds: u64,
    /// Pairs of which no member answered in some round.
    pub(crate) both_down: BTreeSet<String>,
}

/// Watches pairs in a thread of its own until it is dropped.
#[derive(Debug)]
pub(crate) struct PairWatch {
    seen: Arc<Mutex<Seen>>,
    /// Dropped at the end, which the thread notices.
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl PairWatch {
    /// Watches the pairs among these servers.
    pub(crate) fn of(servers: &[Server]) -> Self {
        let mut pairs: BTreeMap<String, Vec<Server>> = BTreeMap::new();
        for server in servers {
            if let Some(pair) = &server.pair {
                pairs.entry(pair.clone()).or_default().push(server.clone());
            }
        }
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (end, over) = mpsc::channel();
        let theirs = Arc::clone(&seen);
        let thread = thread::spawn(move || {
            while over.recv_timeout(ROUND_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                round(&pairs, &theirs);
            }
        });
        Self {
            seen,
            end: Some(end),
            thread: Some(thread),
        }
    }

    /// What was seen so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for PairWatch {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to say.
            drop(thread.join());
        }
    }
}

fn round(pairs: &BTreeMap<String, Vec<Server>>, seen: &Mutex<Seen>) {
    let down: Vec<String> = pairs
        .iter()
        .filter(|(_, members)| members.iter().all(|member| member.version().is_none()))
        .map(|(pair, _)| pair.clone())
        .collect();
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.rounds += 1;
    seen.both_down.extend(down);
}
