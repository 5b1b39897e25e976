//! What is known of each watched host by each probe, and which probe is due next.
//!
//! The board never asks by itself: [`Board::advance`] names what is due, answers come back through
//! [`Board::sampled`], and [`Board::take_changes`] hands out what the engine has not been told yet.
//!
//! # Invariants
//!
//! * At most one question per host and probe is unanswered.
//! * Only a good answer makes a host `Up`, and only until that answer is older than the watch's freshness, counted from
//!   when it was *asked*.
//! * Doubt ends good news at once and never bad news: a blind probe makes `Up` unknown and leaves `Down`.
//! * Bad news is never held back: `take_changes` hands out everything that is no longer up, whatever its limit.
//! * An answer nobody waits for, or to a question from before its watch began, changes nothing; a watch that is told
//!   ([`Rhythm::TOLD`]) waits for every answer.
//! * Work is O(log n) per answer, per question and per expiry; never a scan of what is watched.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Evidence, HostId, ProbeId, Sample, Span, Timestamp};

/// How much later than its timeout an answer may come before the question is asked again.
///
/// A probe's runner ends it at its timeout; ten seconds more is what a machine under heavy load was seen to need to say
/// so. Asking again is harmless (the first answer that comes is credited to the first question), so this only bounds how
/// long a lost answer can leave a host unwatched: well below the default freshness of 60 s.
const ANSWER_GRACE: Span = Span::seconds(10);

/// Time between the first questions of hosts that come under watch together.
///
/// After a recovery a million pairs come under watch in one instant; asked at once they would be a million connections.
/// Two milliseconds apart is 500 a second, which a small machine probes with ease, and a fleet of 20 hosts is still asked
/// within 40 ms.
const FIRST_ASK_SPACING: Span = Span(2);

/// The shortest time between two questions, whatever documents say: a probe in a tight loop is an attack.
const SHORTEST_PERIOD: Span = Span(100);

/// How a probe is asked, and how long its answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rhythm {
    /// How often it is asked.
    pub every: Span,
    /// How long one question may take.
    pub timeout: Span,
    /// How long an answer counts, from when it was asked.
    pub fresh: Span,
}

impl Rhythm {
    /// Asked once when a watch begins, and told from then on whenever the answer changes: what is known stays true until
    /// the next answer. For worlds that know when something changes, which a real fleet does not.
    pub const TOLD: Self = Self {
        every: Span(u64::MAX),
        timeout: Span(u64::MAX),
        fresh: Span(u64::MAX),
    };

    /// The time between two questions: `every`, or half of `fresh` where answers would otherwise be stale before the
    /// next one comes, so that evidence of a healthy host has no gaps.
    pub fn period(&self) -> Span {
        self.every.min(Span(self.fresh.0 / 2)).max(SHORTEST_PERIOD)
    }
}

/// Something that is known now and was not told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The host.
    pub host: HostId,
    /// The probe.
    pub probe: ProbeId,
    /// What is known.
    pub to: Evidence,
}

type Pair = (HostId, ProbeId);

/// One host under one probe. Small: there may be a million.
#[derive(Clone, Debug)]
struct Watched {
    /// Index into the board's rhythms.
    rhythm: u16,
    /// Whether somebody still wants to know. If not, it stays only until the engine has been told so.
    wanted: bool,
    /// Whether the unanswered question is from before the watch began, so that its answer does not count.
    is_old: bool,
    known: Evidence,
    /// What the engine was told last; absent where that does not count any more, so that it is told again.
    told: Option<Evidence>,
    /// When the answer that `known` rests on was asked.
    seen: Timestamp,
    /// When the oldest unanswered question was asked; `NEVER`: every question is answered.
    asked: Timestamp,
    /// When the next question is due, or an unanswered one is given up.
    due: Timestamp,
    /// Its entry in the agenda.
    next: Timestamp,
}

/// Which probe is due, and what is known.
#[derive(Clone, Debug, Default)]
pub struct Board {
    watched: BTreeMap<Pair, Watched>,
    /// Few: one per probe and freshness that documents ask for.
    rhythms: Vec<Rhythm>,
    /// One entry per wanted pair that has to be looked at by itself, and when. A pair that is told has none most of its
    /// time.
    agenda: BTreeSet<(Timestamp, HostId, ProbeId)>,
    /// Pairs whose knowledge is not `Up` and not told.
    worse: BTreeSet<Pair>,
    /// Pairs whose knowledge is `Up` and not told.
    better: BTreeSet<Pair>,
    /// Questions of ended watches that are not answered.
    owed: BTreeSet<Pair>,
    /// Pairs that are told and have to be asked for the first time.
    first: Vec<Pair>,
}

impl Board {
    /// An empty board.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all watches and all that was told, as after a recovery; unanswered questions stay remembered, so that
    /// their late answers are not taken for fresh ones.
    pub fn restart(&mut self) {
        let before = std::mem::take(self);
        self.owed = before.owed;
        for (pair, watched) in before.watched {
            if watched.asked != Timestamp::NEVER {
                self.owed.insert(pair);
            }
        }
    }

    /// How many pairs of host and probe are on the board.
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Whether nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// What is known of a host by a probe; nothing where nobody watches.
    pub fn known(&self, host: HostId, probe: ProbeId) -> Evidence {
        self.watched
            .get(&(host, probe))
            .map_or(Evidence::Unknown, |watched| watched.known)
    }

    /// Watches a host by a probe. Where it is watched already, the watch begins anew: what was known is forgotten, an
    /// answer still to come does not count, and the host is asked as soon as that answer is there.
    pub fn watch(&mut self, now: Timestamp, host: HostId, probe: ProbeId, rhythm: Rhythm) {
        let pair = (host, probe);
        let index = self.rhythm_index(rhythm);
        if rhythm == Rhythm::TOLD {
            self.follow(now, pair, index);
            return;
        }
        let spread = FIRST_ASK_SPACING
            .times(self.watched.len() as u64)
            .min(rhythm.period());
        let (told, asked, due) = match self.watched.get(&pair) {
            Some(before) => {
                self.agenda.remove(&(before.next, host, probe));
                (None, before.asked, now)
            }
            None => (
                Some(Evidence::Unknown),
                Timestamp::NEVER,
                now + Span(scatter(pair) % (spread.millis() + 1)),
            ),
        };
        let is_old = self.owed.remove(&pair) || asked != Timestamp::NEVER;
        let watched = Watched {
            rhythm: index,
            wanted: true,
            is_old,
            known: Evidence::Unknown,
            told,
            seen: now,
            asked: if is_old { now } else { Timestamp::NEVER },
            due: if is_old {
                now + rhythm.timeout.plus(ANSWER_GRACE)
            } else {
                due
            },
            next: Timestamp::NEVER,
        };
        self.watched.insert(pair, watched);
        self.note(pair);
        self.reschedule(pair);
    }

    /// Begins a watch that is told: it has nothing to look at by itself, then or later.
    fn follow(&mut self, now: Timestamp, pair: Pair, rhythm: u16) {
        let before = self.watched.get(&pair).map_or(Timestamp::NEVER, |w| w.next);
        if before != Timestamp::NEVER {
            self.agenda.remove(&(before, pair.0, pair.1));
        }
        let told = if self.watched.contains_key(&pair) {
            None
        } else {
            Some(Evidence::Unknown)
        };
        self.owed.remove(&pair);
        self.watched.insert(
            pair,
            Watched {
                rhythm,
                wanted: true,
                is_old: false,
                known: Evidence::Unknown,
                told,
                seen: now,
                asked: now,
                due: Timestamp::NEVER,
                next: Timestamp::NEVER,
            },
        );
        if told.is_none() {
            self.note(pair);
        }
        self.first.push(pair);
    }

    /// Ends a watch. What was known counts no longer, since nothing keeps it fresh.
    pub fn unwatch(&mut self, host: HostId, probe: ProbeId) {
        let pair = (host, probe);
        let Some(watched) = self.watched.get_mut(&pair) else {
            return;
        };
        self.agenda.remove(&(watched.next, host, probe));
        if watched.asked != Timestamp::NEVER {
            self.owed.insert(pair);
            watched.asked = Timestamp::NEVER;
        }
        watched.wanted = false;
        watched.known = Evidence::Unknown;
        self.note(pair);
        if !self.worse.contains(&pair) {
            self.watched.remove(&pair);
        }
    }

    /// Takes an answer in. One that nobody waits for (late, repeated, about a host nobody watches) changes nothing.
    pub fn sampled(&mut self, now: Timestamp, host: HostId, probe: ProbeId, sample: &Sample) {
        let pair = (host, probe);
        self.owed.remove(&pair);
        let Some(watched) = self.watched.get_mut(&pair) else {
            return;
        };
        if watched.asked == Timestamp::NEVER {
            if self.rhythms[usize::from(watched.rhythm)] != Rhythm::TOLD {
                return;
            }
            watched.asked = now;
        }
        let asked = std::mem::replace(&mut watched.asked, Timestamp::NEVER);
        if std::mem::take(&mut watched.is_old) {
            watched.due = now;
            self.reschedule(pair);
            return;
        }
        let rhythm = self.rhythms[usize::from(watched.rhythm)];
        if rhythm != Rhythm::TOLD {
            watched.due = (asked + rhythm.period()).max(now);
        }
        let is_fresh = now < asked + rhythm.fresh;
        match sample {
            Sample::Up if is_fresh => (watched.known, watched.seen) = (Evidence::Up, asked),
            Sample::Down(_) if is_fresh => (watched.known, watched.seen) = (Evidence::Down, asked),
            Sample::Blind(_) if watched.known == Evidence::Up => watched.known = Evidence::Unknown,
            // An answer as old as that, or none at all, says nothing about now.
            Sample::Up | Sample::Down(_) | Sample::Blind(_) => {}
        }
        self.note(pair);
        self.reschedule(pair);
    }

    /// Lets time pass: knowledge that is no longer fresh becomes unknown, and every question that is due is put into
    /// `asks`.
    pub fn advance(&mut self, now: Timestamp, asks: &mut Vec<(HostId, ProbeId)>) {
        asks.append(&mut self.first);
        while let Some(&(at, host, probe)) = self.agenda.first()
            && at <= now
        {
            let pair = (host, probe);
            let Some(watched) = self.watched.get_mut(&pair) else {
                // Not reachable: a pair leaves the agenda before it leaves the board.
                self.agenda.pop_first();
                continue;
            };
            let rhythm = self.rhythms[usize::from(watched.rhythm)];
            if watched.known != Evidence::Unknown && watched.seen + rhythm.fresh <= now {
                watched.known = Evidence::Unknown;
            }
            if watched.due <= now {
                // An overdue question keeps its instant: should its answer come after all, it is that old.
                if watched.asked == Timestamp::NEVER || watched.is_old {
                    watched.asked = now;
                }
                watched.is_old = false;
                watched.due = now + rhythm.timeout.plus(ANSWER_GRACE);
                asks.push(pair);
            }
            self.note(pair);
            self.reschedule(pair);
        }
    }

    /// What the engine has not been told: everything that is not up, and at most `limit` changes to `Up`; the rest
    /// follows with the next call. What changed and changed back in between is not told.
    pub fn take_changes(&mut self, limit: usize) -> Vec<Change> {
        let mut taken = std::mem::take(&mut self.worse);
        while taken.len() < limit {
            let Some(pair) = self.better.pop_first() else {
                break;
            };
            taken.insert(pair);
        }
        taken.into_iter().map(|pair| self.tell(pair)).collect()
    }

    /// Whether there is something that the engine has not been told.
    pub fn has_changes(&self) -> bool {
        !self.worse.is_empty() || !self.better.is_empty()
    }

    /// When [`Board::advance`] has something to do next.
    pub fn next(&self) -> Option<Timestamp> {
        if !self.first.is_empty() {
            return Some(Timestamp(i64::MIN));
        }
        self.agenda.first().map(|&(at, ..)| at)
    }

    fn tell(&mut self, pair: Pair) -> Change {
        let watched = self
            .watched
            .get_mut(&pair)
            .expect("a pair with untold knowledge stays on the board");
        watched.told = Some(watched.known);
        let to = watched.known;
        if !watched.wanted {
            self.watched.remove(&pair);
        }
        Change {
            host: pair.0,
            probe: pair.1,
            to,
        }
    }

    /// Puts a pair where its untold knowledge belongs.
    fn note(&mut self, pair: Pair) {
        let watched = &self.watched[&pair];
        self.worse.remove(&pair);
        self.better.remove(&pair);
        if watched.told != Some(watched.known) {
            if watched.known == Evidence::Up {
                self.better.insert(pair);
            } else {
                self.worse.insert(pair);
            }
        }
    }

    fn reschedule(&mut self, (host, probe): Pair) {
        let watched = self
            .watched
            .get_mut(&(host, probe))
            .expect("only watched pairs are rescheduled");
        let rhythm = self.rhythms[usize::from(watched.rhythm)];
        let mut next = watched.due;
        if watched.known != Evidence::Unknown {
            next = next.min(watched.seen + rhythm.fresh);
        }
        if watched.next == next {
            return;
        }
        if watched.next != Timestamp::NEVER {
            self.agenda.remove(&(watched.next, host, probe));
        }
        if next != Timestamp::NEVER {
            self.agenda.insert((next, host, probe));
        }
        watched.next = next;
    }

    fn rhythm_index(&mut self, rhythm: Rhythm) -> u16 {
        let index = self
            .rhythms
            .iter()
            .position(|known| *known == rhythm)
            .unwrap_or_else(|| {
                self.rhythms.push(rhythm);
                self.rhythms.len() - 1
            });
        u16::try_from(index).expect("a rhythm per probe and freshness: 16 probes and few documents")
    }
}

/// A number that looks random and is the same on every machine (the finalizer of `SplitMix64`).
pub(crate) fn scatter((host, probe): Pair) -> u64 {
    let mut x = (u64::from(host.0) << 8 | u64::from(probe.0)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
