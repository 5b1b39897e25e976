//! What is known of each kind of host, and what a rollout waits for because too little is.
//!
//! A host counts for its stratum while it has the update by this rollout: as one host from the first instant at which every
//! gate finds it up, and with the time for which every gate found it up, nobody else had it in hand, and Ringway was there
//! to see it. It takes all of that with it when it fails, is taken back, or is of the fleet no more. This module counts and
//! answers; visits and promotions ask it.
//!
//! # Invariants
//!
//! * What is known of a stratum is what its hosts that have the update *now* were seen to be: nothing carries over from a
//!   host that lost it, or from another rollout.
//! * Time that nobody witnessed counts for nothing: not while a probe was silent, not over a crash or a clock that jumped.
//! * After the first ring that has hosts no update visit begins on a host whose stratum lacks evidence, but for as many
//!   hosts as must have been seen where the policy lets these go first, and where a person accepted that it is untested.
//! * Where the policy holds, no ring begins that has hosts to come of a stratum which lacks evidence.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Actor, HostId, RingIndex, Slot, Span, Timestamp, VisitKind, WaitingOn};
use ringway_policy::validated::WhereMissing;
use ringway_scheduler::Plan;
use ringway_scheduler::evidence::{EvidencePlan, first_ring};
use serde::{Deserialize, Serialize};

use crate::command::Subject;
use crate::engine::Engine;
use crate::event::Event;
#[cfg(feature = "planted-bugs")]
use crate::planted::Bug;
use crate::rollout::{Rollout, Stage};
use crate::slot::Class;
use crate::start::Block;

/// How long a host that has the update was seen healthy with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// Since when it is, where it is now.
    pub(crate) since: Option<Timestamp>,
    /// For how long it was before that.
    pub(crate) before: Span,
}

/// A person's word that a stratum may go on untested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Untested {
    pub(crate) by: Actor,
    pub(crate) reason: String,
    pub(crate) at: Timestamp,
}

/// What is recorded of it: by slot, and by the stratum's name, which no revision of a plan changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CoverageRecord {
    pub(crate) seen: BTreeMap<u32, Seen>,
    pub(crate) accepted: BTreeMap<String, Untested>,
}

impl CoverageRecord {
    pub(crate) fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.accepted.is_empty()
    }

    /// Every host's record goes where its slot goes.
    pub(crate) fn moved(&mut self, to: impl Fn(u32) -> u32) {
        let seen = std::mem::take(&mut self.seen).into_iter();
        self.seen = seen.map(|(slot, seen)| (to(slot), seen)).collect();
    }
}

/// Counters of one stratum, over all rings.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Hosts that have the update and were seen healthy with it.
    seen: u32,
    /// Those that are now.
    running: u32,
    /// What is over of their healthy time.
    closed: Span,
    /// The instants since which those are healthy that are now, added up.
    since: i128,
    /// Hosts that have the update, may have it, or failed with it.
    exposed: u32,
    /// Of these: in a visit, which may end as if it had never begun.
    visiting: u32,
    settling: u32,
    /// Hosts of the rings that are asked for nothing which may still be visited.
    first_to_come: u32,
}

/// The longest time between two rows that is credited: a row a minute bears witness while evidence is gathered, and a jump of the
/// clock of up to two minutes is none.
const SILENCE: Span = Span::minutes(3);

impl Count {
    /// How long its hosts were seen healthy, together.
    fn healthy(&self, now: Timestamp) -> Span {
        let running = i128::from(self.running) * i128::from(now.0) - self.since;
        self.closed
            .plus(Span(u64::try_from(running).unwrap_or_default()))
    }

    fn start(&mut self, at: Timestamp) {
        self.running += 1;
        self.since += i128::from(at.0);
    }

    fn stop(&mut self, since: Timestamp) {
        self.running -= 1;
        self.since -= i128::from(since.0);
    }
}

/// Counters of one rollout; derived. Empty where its plan asks for no evidence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    strata: Vec<Count>,
    /// By ring x stratum: hosts that are still to be visited.
    to_come: Vec<u32>,
    /// By ring: the strata it has, ascending.
    of_rings: Vec<Vec<u16>>,
    /// The last ring that is asked for nothing.
    first: usize,
}

/// Whether a host of this class has the update, may have it, or failed with it.
const fn is_exposed(class: Class) -> bool {
    match class {
        Class::Visiting | Class::Settling | Class::Done | Class::Withheld | Class::Failed => true,
        Class::Pending
        | Class::Debt
        | Class::Skipped
        | Class::RolledBack
        | Class::Vanished
        | Class::Excepted
        | Class::Outside => false,
    }
}

/// Whether a host of this class is still to be visited.
const fn is_to_come(class: Class) -> bool {
    match class {
        Class::Pending | Class::Debt => true,
        Class::Visiting
        | Class::Settling
        | Class::Done
        | Class::Withheld
        | Class::Failed
        | Class::Skipped
        | Class::RolledBack
        | Class::Vanished
        | Class::Excepted
        | Class::Outside => false,
    }
}

impl Coverage {
    /// Counters of a plan, with nothing counted but what is recorded.
    pub(crate) fn new(plan: &Plan, record: &CoverageRecord) -> Self {
        let Some(evidence) = &plan.evidence else {
            return Self::default();
        };
        let kinds = evidence.strata.names.len();
        let of_rings = plan.rings.iter().map(|ring| {
            let here = evidence.strata.of_slot.get(ring.slots()).unwrap_or(&[]);
            let here: BTreeSet<u16> = here.iter().copied().collect();
            here.into_iter().collect()
        });
        let mut coverage = Self {
            strata: vec![Count::default(); kinds],
            to_come: vec![0; plan.rings.len() * kinds],
            of_rings: of_rings.collect(),
            first: first_ring(plan),
        };
        for (slot, seen) in &record.seen {
            let Some(stratum) = evidence.of_slot(Slot(*slot)) else {
                continue;
            };
            let count = &mut coverage.strata[usize::from(stratum)];
            count.seen += 1;
            count.closed = count.closed.plus(seen.before);
            if let Some(since) = seen.since {
                count.start(since);
            }
        }
        coverage
    }

    /// A host is of another class from now on; absent before it was counted at all.
    pub(crate) fn class(
        &mut self,
        plan: &Plan,
        (ring, slot): (usize, u32),
        (was, is): (Option<Class>, Class),
    ) {
        let Some(stratum) = plan.evidence.as_ref().and_then(|of| of.of_slot(Slot(slot))) else {
            return;
        };
        let stratum = usize::from(stratum);
        let changed = |counts: fn(Class) -> bool, count: &mut u32| {
            *count = *count + u32::from(counts(is)) - u32::from(was.is_some_and(counts));
        };
        let kinds = self.strata.len();
        changed(is_to_come, &mut self.to_come[ring * kinds + stratum]);
        let count = &mut self.strata[stratum];
        changed(is_exposed, &mut count.exposed);
        changed(|class| class == Class::Visiting, &mut count.visiting);
        changed(|class| class == Class::Settling, &mut count.settling);
        if ring <= self.first {
            let comes = |class| is_to_come(class) || class == Class::Excepted;
            changed(comes, &mut count.first_to_come);
        }
    }

    /// The rings in which evidence is asked for.
    pub(crate) fn later_rings(&self) -> std::ops::Range<usize> {
        self.first + 1..self.of_rings.len()
    }

    /// The strata of a ring that have hosts to come there, ascending, each with how many.
    pub(crate) fn coming(&self, ring: usize) -> impl Iterator<Item = (u16, u32)> {
        let strata = self.of_rings.get(ring).into_iter().flatten();
        let counted = strata.map(move |&stratum| (stratum, self.to_come(ring, stratum)));
        counted.filter(|(_, hosts)| *hosts > 0)
    }

    pub(crate) fn to_come(&self, ring: usize, stratum: u16) -> u32 {
        let at = ring * self.strata.len() + usize::from(stratum);
        self.to_come.get(at).copied().unwrap_or(0)
    }
}

/// What one stratum has.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) hosts: u32,
    pub(crate) healthy: Span,
    /// Hosts that are being visited, or settle.
    pub(crate) under_way: u32,
    /// When it can be enough at the earliest, without anybody's doing.
    pub(crate) until: Option<Timestamp>,
}

impl Engine {
    /// Takes down whether a slot's host is seen healthy with the update: after each change of what that depends on.
    pub(crate) fn weigh(&mut self, r: usize, slot: u32) {
        let Some(stratum) = self.rollouts[r].plan.evidence.as_ref() else {
            return;
        };
        let Some(stratum) = stratum.of_slot(Slot(slot)) else {
            return;
        };
        let host = self.host_of(r, slot);
        let rollout = &self.rollouts[r];
        let has_it = rollout.rec.slots[slot as usize].state.class() == Class::Done;
        let up = rollout.gates_say(self.fleet.evidence[host.index()]).0;
        let in_hand = self.holds.on(host).is_some() || self.is_busy_elsewhere(r, host);
        #[cfg(feature = "planted-bugs")]
        let (up, in_hand, outlives) = (
            up || self.bug(Bug::StratumWhileBlind),
            in_hand && !self.bug(Bug::StratumWhileHeld),
            self.bug(Bug::StratumOutlivesHost),
        );
        let healthy = has_it && up && !in_hand;
        let now = self.now;
        let Rollout { rec, idx, .. } = &mut self.rollouts[r];
        let count = &mut idx.coverage.strata[usize::from(stratum)];
        match rec.coverage.seen.get_mut(&slot) {
            None if !healthy => {}
            None => {
                count.seen += 1;
                count.start(now);
                let seen = Seen {
                    since: Some(now),
                    before: Span::ZERO,
                };
                rec.coverage.seen.insert(slot, seen);
            }
            #[cfg(feature = "planted-bugs")]
            Some(_) if !has_it && outlives => {}
            Some(seen) if !has_it => {
                count.seen -= 1;
                count.closed = count.closed.less(seen.before);
                if let Some(since) = seen.since {
                    count.stop(since);
                }
                rec.coverage.seen.remove(&slot);
            }
            Some(seen) => match seen.since {
                None if healthy => {
                    seen.since = Some(now);
                    count.start(now);
                }
                Some(since) if !healthy => {
                    let passed = now.since(since);
                    seen.before = seen.before.plus(passed);
                    seen.since = None;
                    count.stop(since);
                    count.closed = count.closed.plus(passed);
                }
                None | Some(_) => {}
            },
        }
    }

    /// The same for a host in every rollout.
    pub(crate) fn weigh_host(&mut self, host: HostId) {
        for r in 0..self.rollouts.len() {
            if let Some(slot) = self.slot_of(r, host) {
                self.weigh(r, slot);
            }
        }
    }

    /// Nobody was there to see anything from an instant on: what was seen until then stands, and from `again` on, where that
    /// is given, it is seen again.
    pub(crate) fn unwitnessed(&mut self, from: Timestamp, again: Option<Timestamp>) {
        for rollout in &mut self.rollouts {
            let Rollout { rec, idx, plan, .. } = rollout;
            let Some(evidence) = &plan.evidence else {
                continue;
            };
            for (slot, seen) in &mut rec.coverage.seen {
                let Some(since) = seen.since else { continue };
                let passed = from.since(since);
                seen.before = seen.before.plus(passed);
                seen.since = again;
                let stratum = evidence.of_slot(Slot(*slot)).map(usize::from);
                // A rollout that is over has no counters.
                let count = stratum.and_then(|stratum| idx.coverage.strata.get_mut(stratum));
                if let Some(count) = count {
                    count.stop(since);
                    count.closed = count.closed.plus(passed);
                    if let Some(again) = again {
                        count.start(again);
                    }
                }
            }
        }
    }

    /// Time in which the journal was silent is no evidence, for nobody can say what was so then. A crash and a jump of the clock are
    /// told by events of their own.
    pub(crate) fn heed_silence(&mut self, event: &Event) {
        let is_told = matches!(event, Event::Recovered { .. } | Event::ClockJumped { .. });
        if !is_told && self.now.since(self.last_event) > SILENCE {
            self.unwitnessed(self.last_event, Some(self.now));
        }
    }

    /// Whether time passes that counts as evidence and was not enough yet at the last row, so that rows must bear witness to it. Of a
    /// stratum that enough is known of, what passes in silence is not credited; should a host take its evidence with it, more is
    /// gathered.
    pub(crate) fn gathers_evidence(&self) -> bool {
        (0..self.rollouts.len()).any(|r| {
            let Rollout { rec, idx, plan, .. } = &self.rollouts[r];
            let Some(evidence) = plan.evidence.as_ref() else {
                return false;
            };
            let mut strata = (0_u16..).zip(&idx.coverage.strata);
            rec.state.stage().is_some()
                && strata.any(|(stratum, count)| {
                    count.running > 0 && self.lacks_at(r, evidence, stratum, self.last_event)
                })
        })
    }

    /// Whether a stratum lacks evidence.
    pub(crate) fn lacks(&self, r: usize, evidence: &EvidencePlan, stratum: u16) -> bool {
        self.lacks_at(r, evidence, stratum, self.now)
    }

    fn lacks_at(&self, r: usize, evidence: &EvidencePlan, stratum: u16, at: Timestamp) -> bool {
        let Rollout { rec, idx, .. } = &self.rollouts[r];
        let Some(count) = idx.coverage.strata.get(usize::from(stratum)) else {
            return false;
        };
        let accepted = &rec.coverage.accepted;
        let wanted = evidence.hosts;
        #[cfg(feature = "planted-bugs")]
        let wanted = wanted - u32::from(self.bug(Bug::StratumHostShort));
        #[cfg(feature = "planted-bugs")]
        if self.bug(Bug::StratumAcceptedForAll) && !accepted.is_empty() {
            return false;
        }
        let is_known = count.seen >= wanted && count.healthy(at) >= evidence.healthy;
        !is_known && (accepted.is_empty() || !accepted.contains_key(evidence.name(stratum)))
    }

    /// What is known of a stratum.
    pub(crate) fn known_of(&self, r: usize, evidence: &EvidencePlan, stratum: u16) -> Known {
        let count = self.rollouts[r].idx.coverage.strata[usize::from(stratum)];
        let healthy = count.healthy(self.now);
        // No other host can come to have the update while this lacks: those of the first ring, and those that had it.
        let rate = count.exposed + count.first_to_come;
        let left = evidence.healthy.less(healthy).millis();
        // Where examples go first another one goes as soon as one that is visited turns out not to be one.
        let firm = match evidence.where_missing {
            WhereMissing::Hold => rate,
            WhereMissing::Canary => count.exposed - count.visiting,
        };
        let until = (firm >= evidence.hosts)
            .then(|| self.now + Span(left.div_ceil(u64::from(rate.max(1)))));
        #[cfg(feature = "planted-bugs")]
        let until = until.map(|at| {
            let late = self.bug(Bug::StratumToldTooLate);
            at + Span::seconds(if late { 10 } else { 0 })
        });
        Known {
            hosts: count.seen,
            healthy,
            under_way: count.visiting + count.settling,
            until,
        }
    }

    fn waits_for_evidence(&self, r: usize, evidence: &EvidencePlan, stratum: u16) -> WaitingOn {
        let known = self.known_of(r, evidence, stratum);
        WaitingOn::Evidence {
            stratum: evidence.name(stratum).to_owned(),
            hosts: known.hosts,
            need_hosts: evidence.hosts,
            healthy: known.healthy,
            need_healthy: evidence.healthy,
            under_way: known.under_way,
            until: known.until,
        }
    }

    /// What keeps an update visit from starting because too little is known of the host's kind.
    pub(crate) fn kept_by_coverage(&self, r: usize, slot: u32, visit: VisitKind) -> Option<Block> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(Bug::StratumNotAtVisit) {
            return None;
        }
        let rollout = &self.rollouts[r];
        let evidence = rollout.plan.evidence.as_ref()?;
        if visit != VisitKind::Update || rollout.ring_of(slot) <= rollout.idx.coverage.first {
            return None;
        }
        let stratum = evidence.of_slot(Slot(slot))?;
        if !self.lacks(r, evidence, stratum) || self.may_go_first(r, evidence, stratum) {
            return None;
        }
        let on = self.waits_for_evidence(r, evidence, stratum);
        Some(Block::Stratum(stratum, on))
    }

    /// Whether a host of a stratum that lacks evidence may be the example.
    fn may_go_first(&self, r: usize, evidence: &EvidencePlan, stratum: u16) -> bool {
        let count = self.rollouts[r].idx.coverage.strata[usize::from(stratum)];
        let examples = evidence.hosts;
        #[cfg(feature = "planted-bugs")]
        let examples = examples + u32::from(self.bug(Bug::StratumExampleTooMany));
        match evidence.where_missing {
            WhereMissing::Hold => false,
            WhereMissing::Canary => count.exposed < examples,
        }
    }

    /// The strata of a ring that lack evidence and have hosts to come there.
    pub(crate) fn lacking(&self, r: usize, ring: usize) -> Vec<u16> {
        let rollout = &self.rollouts[r];
        let (Some(evidence), coverage) = (&rollout.plan.evidence, &rollout.idx.coverage) else {
            return Vec::new();
        };
        if ring <= coverage.first {
            return Vec::new();
        }
        let strata = coverage.coming(ring).map(|(stratum, _)| stratum);
        strata
            .filter(|&stratum| self.lacks(r, evidence, stratum))
            .collect()
    }

    /// The strata for want of which a ring does not begin.
    fn lacking_at_gate(&self, r: usize, ring: usize) -> Vec<u16> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(Bug::StratumNotAtGate) {
            return Vec::new();
        }
        let evidence = self.rollouts[r].plan.evidence.as_ref();
        let holds = evidence.is_some_and(|of| of.where_missing == WhereMissing::Hold);
        if holds {
            self.lacking(r, ring)
        } else {
            Vec::new()
        }
    }

    /// What a promotion waits for because too little is known of kinds of hosts of the next ring.
    pub(crate) fn coverage_keeps_ring(&self, r: usize, ring: RingIndex) -> Option<WaitingOn> {
        let evidence = self.rollouts[r].plan.evidence.as_ref()?;
        let first = *self.lacking_at_gate(r, ring.next().index()).first()?;
        Some(self.waits_for_evidence(r, evidence, first))
    }

    /// What a ring does not begin for, every such kind as far as people read on.
    pub(crate) fn coverage_waits(&self, r: usize, ring: usize) -> Vec<WaitingOn> {
        const SHOWN: usize = 12;
        let Some(evidence) = self.rollouts[r].plan.evidence.as_ref() else {
            return Vec::new();
        };
        let lacking = self.lacking_at_gate(r, ring).into_iter().take(SHOWN);
        lacking
            .map(|stratum| self.waits_for_evidence(r, evidence, stratum))
            .collect()
    }

    /// Hosts that waited for evidence which is there now, or for the example that is missing again, are looked at again.
    pub(crate) fn wake_strata(&mut self) {
        for r in 0..self.rollouts.len() {
            let parked = self.rollouts[r].idx.parked_strata.keys();
            let wake: Vec<u16> = match &self.rollouts[r].plan.evidence {
                None => continue,
                Some(evidence) => parked
                    .copied()
                    .filter(|&stratum| {
                        !self.lacks(r, evidence, stratum) || self.may_go_first(r, evidence, stratum)
                    })
                    .collect(),
            };
            let idx = &mut self.rollouts[r].idx;
            for stratum in wake {
                let slots = idx.parked_strata.remove(&stratum);
                idx.again.extend(slots.into_iter().flatten());
            }
        }
    }

    /// When the next stratum has been seen for long enough that something waits for, if all stays as it is.
    pub(crate) fn next_evidence(&self) -> Option<Timestamp> {
        let all = (0..self.rollouts.len()).filter_map(|r| {
            let rollout = &self.rollouts[r];
            let evidence = rollout.plan.evidence.as_ref()?;
            let gate = match self.stage(r) {
                Some(Stage::Soaking { ring, .. } | Stage::Promoting { ring }) => {
                    self.lacking_at_gate(r, ring.next().index())
                }
                Some(Stage::Visiting { .. }) | None => Vec::new(),
            };
            let parked = rollout.idx.parked_strata.keys().copied();
            let waiting = parked.chain(gate).filter_map(|stratum| {
                let count = rollout.idx.coverage.strata[usize::from(stratum)];
                let left = evidence.healthy.less(count.healthy(self.now)).millis();
                let comes = count.running > 0 && count.seen >= evidence.hosts && left > 0;
                comes.then(|| self.now + Span(left.div_ceil(u64::from(count.running))))
            });
            waiting.min()
        });
        all.min()
    }

    /// What is lacking and what people accepted untested of the ring that a yes would start, for its digest: that, and no
    /// measured number.
    pub(crate) fn coverage_digested(&self, r: usize, subject: Subject) -> Option<Vec<u8>> {
        let Rollout { rec, idx, plan, .. } = &self.rollouts[r];
        let evidence = plan.evidence.as_ref()?;
        let ring = subject.next();
        let mut words = Vec::new();
        for stratum in self.lacking(r, ring) {
            words.extend(b"lacking ");
            words.extend(evidence.name(stratum).as_bytes());
            words.push(b'\n');
        }
        let here = idx.coverage.of_rings.get(ring).into_iter().flatten();
        for name in here.map(|&stratum| evidence.name(stratum)) {
            if rec.coverage.accepted.contains_key(name) {
                words.extend(b"accepted ");
                words.extend(name.as_bytes());
                words.push(b'\n');
            }
        }
        Some(words)
    }
}
