//! Whether a watched host restarted by itself: its boot id is read now and then and compared.
//!
//! # Invariants
//!
//! * The first id read after a watch began is the measure; only a later, different one is a restart.
//! * A host that does not answer has not restarted as far as anybody knows: silence changes nothing.
//! * An answer to a question from before the watch began is not used, or a restart that was wanted would look unwanted.
//! * A host that has been quiet is read ever less often, and one that restarted as often as at first: each reading is a command
//!   on the host, and a fleet of thousands is watched for as long as its rollout lasts.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Digest, HostId, ProbeId, Span, Timestamp};

use crate::board::scatter;

/// How long an answer may take before the question is asked again.
///
/// Reading a boot id is one short command; a host that needs longer is busy restarting, and the next answer says so.
const ANSWER_WITHIN: Span = Span::seconds(30);

/// The probe id that scatters boot questions apart from probes, which are numbered below 16.
const SCATTER: ProbeId = ProbeId(u8::MAX);

/// How often the id of a watched host is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The time between two readings, at first and after each restart.
    pub first: Span,
    /// For how long at least it stays at that.
    pub settle: Span,
    /// What it grows to from then on, by half with each reading; not below `first`.
    pub longest: Span,
}

impl Pace {
    /// Asked once, and told from then on whenever the id changes.
    pub const TOLD: Self = Self::every(Span(u64::MAX));

    /// Always the same.
    pub const fn every(period: Span) -> Self {
        Self {
            first: period,
            settle: Span::ZERO,
            longest: period,
        }
    }

    const fn is_told(self) -> bool {
        self.first.millis() == u64::MAX
    }
}

#[derive(Clone, Debug)]
struct Watched {
    pace: Pace,
    period: Span,
    /// Until when the period does not grow.
    quick_until: Timestamp,
    /// The first eight bytes of the digest of the last id read: 36 characters for each of a million hosts would be
    /// most of the board.
    last: Option<u64>,
    asked: bool,
    next: Timestamp,
}

/// Boot ids of watched hosts.
#[derive(Clone, Debug, Default)]
pub struct Boots {
    watched: BTreeMap<HostId, Watched>,
    agenda: BTreeSet<(Timestamp, HostId)>,
    /// Answers still to come to questions that no longer count.
    owed: BTreeMap<HostId, u32>,
}

impl Boots {
    /// Nobody is watched.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all watches, as after a recovery; answers still to come will not be used.
    pub fn restart(&mut self) {
        for (host, watched) in std::mem::take(&mut self.watched) {
            if watched.asked {
                *self.owed.entry(host).or_default() += 1;
            }
        }
        self.agenda.clear();
    }

    /// Watches a host, reading its id at this pace. A watch that exists begins anew.
    pub fn watch(&mut self, now: Timestamp, host: HostId, pace: Pace) {
        self.unwatch(host);
        let spread = if pace.is_told() {
            Span::ZERO
        } else {
            Span(2).times(self.watched.len() as u64).min(pace.first)
        };
        let next = now + Span(scatter((host, SCATTER)) % (spread.millis() + 1));
        self.watched.insert(
            host,
            Watched {
                pace,
                period: pace.first,
                quick_until: now + pace.settle,
                last: None,
                asked: false,
                next,
            },
        );
        self.agenda.insert((next, host));
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, host: HostId) {
        if let Some(watched) = self.watched.remove(&host) {
            self.agenda.remove(&(watched.next, host));
            if watched.asked {
                *self.owed.entry(host).or_default() += 1;
            }
        }
    }

    /// Takes an answer in; says whether the host restarted since the one before.
    #[must_use]
    pub fn seen(&mut self, now: Timestamp, host: HostId, boot: Option<&str>) -> bool {
        if let Some(owed) = self.owed.get_mut(&host) {
            *owed -= 1;
            if *owed == 0 {
                self.owed.remove(&host);
            }
            return false;
        }
        let Some(watched) = self
            .watched
            .get_mut(&host)
            .filter(|watched| watched.asked || watched.pace.is_told())
        else {
            return false;
        };
        watched.asked = false;
        let restarted = boot.is_some_and(|boot| {
            let id = fingerprint(boot);
            watched.last.replace(id).is_some_and(|last| last != id)
        });
        if restarted {
            watched.period = watched.pace.first;
            watched.quick_until = now + watched.pace.settle;
        } else if boot.is_some() && watched.quick_until <= now {
            let grown = Span(
                watched
                    .period
                    .millis()
                    .saturating_add(watched.period.millis() / 2),
            );
            watched.period = grown.min(watched.pace.longest).max(watched.pace.first);
        }
        self.agenda.remove(&(watched.next, host));
        watched.next = now + watched.period;
        self.agenda.insert((watched.next, host));
        restarted
    }

    /// Lets time pass; every host whose id is due to be read is put into `asks`.
    pub fn advance(&mut self, now: Timestamp, asks: &mut Vec<HostId>) {
        while let Some(&(at, host)) = self.agenda.first()
            && at <= now
        {
            self.agenda.pop_first();
            // A host leaves the agenda when it leaves the watch, so there always is one.
            let Some(watched) = self.watched.get_mut(&host) else {
                continue;
            };
            // Where an answer is overdue, whichever comes first will do: both questions are of this watch.
            watched.asked = true;
            watched.next = now + ANSWER_WITHIN;
            self.agenda.insert((watched.next, host));
            asks.push(host);
        }
    }

    /// When [`Boots::advance`] has something to do next.
    pub fn next(&self) -> Option<Timestamp> {
        self.agenda.first().map(|&(at, _)| at)
    }
}

fn fingerprint(boot: &str) -> u64 {
    let digest = Digest::of(boot.trim().as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_le_bytes(first)
}
