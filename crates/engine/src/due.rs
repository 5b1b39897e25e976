//! By when a rollout is to be complete, and when it can be from how it stands now. Decides nothing: a due date reports, and
//! overrides no window, no gate and no approval.
//!
//! # Invariants
//!
//! * What is said to be the earliest is never too late, for all that is known: of hosts that may be left behind those count that
//!   can be visited first, and what a person may do at any moment counts as done, save the end of a hold that has an instant.
//! * A hold without an end is not waited for in any instant: that nothing goes on by itself is said instead.

use ringway_model::{RolloutId, Slot, Span, Timestamp, VisitKind};
use ringway_policy::validated::Topic;
use ringway_scheduler::when::{Left, RingWhen, Stands, Times, assumed_from, earliest_left};

use crate::engine::Engine;
use crate::host::{Ending, HostState};
use crate::rollout::{RolloutState, Stage};
use crate::slot::Class;
use crate::view::{DueView, RingDue};

/// How seldom it may be looked at whether a date can still be met, while nothing else happens. People who are told that a
/// date will be missed need hours to do something about it, and each look is a row of the journal.
const SELDOM: Span = Span::hours(1);

/// How often it is looked at just before the date, when a small rest of a rollout comes to be too much.
const OFTEN: Span = Span::minutes(1);

impl Engine {
    /// The due date of a rollout that goes on; absent where people have decided that it does not.
    pub fn due_of(&self, rollout: RolloutId) -> Option<DueView> {
        let r = self.index_of(rollout).ok()?;
        let goes_on = match &self.rollouts[r].rec.state {
            RolloutState::Proposed
            | RolloutState::Advancing(_)
            | RolloutState::Paused { .. }
            | RolloutState::Halted { .. } => true,
            RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled
            | RolloutState::Superseding { .. }
            | RolloutState::Superseded { .. } => false,
        };
        goes_on.then(|| self.due_view(r, self.now)).flatten()
    }

    /// When the journal must say that Ringway is there so that somebody is told of a due date in time: regularly while it may
    /// come to be missed, and when it is.
    pub fn next_look_at_due(&self) -> Option<Timestamp> {
        let looked = self.rollouts.iter().filter_map(|rollout| {
            let plan = &rollout.plan;
            let wanted = plan.notify.iter();
            let mut wanted = wanted.filter(|rule| rule.when.contains(&Topic::Overdue));
            let due = plan
                .terms
                .due
                .as_ref()
                .filter(|_| wanted.next().is_some())?;
            let at = due.at(rollout.rec.terms.started?);
            let is_open = !rollout.rec.state.is_final() && self.last_event <= at;
            // Half of what is left, so that half of any rest of a rollout is told in time, within a few looks.
            let half = Span(at.since(self.last_event).millis() / 2);
            let next = self.last_event + half.clamp(OFTEN, SELDOM);
            is_open.then(|| next.min(at + Span(1)))
        });
        looked.min()
    }

    /// The due date of a rollout that is not over, as it stands at an instant that is not before the last event.
    pub(crate) fn due_view(&self, r: usize, now: Timestamp) -> Option<DueView> {
        let rollout = &self.rollouts[r];
        let due = rollout.plan.terms.due.as_ref()?;
        if rollout.rec.state.is_final() {
            return None;
        }
        let at = due.at(rollout.rec.terms.started?);
        let (rings, held) = self.rings_to_come(r, now);
        let earliest = rings.as_ref().map(|rings| {
            let last = rings.last();
            last.map_or(now, |ring| ring.promoted)
        });
        let rings = rings.unwrap_or_default();
        Some(DueView {
            by: due.by.clone(),
            at,
            // Where its calendar is not known yet nothing can be said.
            missed: at < now
                || earliest.is_some_and(|earliest| at < earliest)
                || earliest.is_none() && self.knows_times(r),
            earliest,
            held,
            rings: rings.iter().map(|one| self.ring_due(r, one)).collect(),
        })
    }

    /// Whether the instants of a rollout's rules are known, or it has none.
    fn knows_times(&self, r: usize) -> bool {
        let rollout = &self.rollouts[r];
        !rollout.plan.has_rules() || rollout.rec.calendar.is_some()
    }

    fn ring_due(&self, r: usize, when: &RingWhen) -> RingDue {
        RingDue {
            ring: self.rollouts[r].plan.rings[when.ring].name.clone(),
            starts: when.starts,
            settled: when.settled,
            soaked: when.soaked,
            promoted: when.promoted,
        }
    }

    /// The ring it is at and those after it, at the earliest, and the hosts without which none of them is done and that people
    /// hold without an end.
    fn rings_to_come(&self, r: usize, now: Timestamp) -> (Option<Vec<RingWhen>>, Vec<String>) {
        let rollout = &self.rollouts[r];
        let calendar: Vec<Times> = match &rollout.rec.calendar {
            Some(calendar) => {
                let tables = calendar.tables.iter().enumerate();
                let open = |(number, table): (usize, &crate::times::Table)| {
                    let effective = rollout.rec.effective.get(&number);
                    effective.unwrap_or(&table.open).clone()
                };
                tables.map(open).collect()
            }
            None => Vec::new(),
        };
        let (stands, first) = match self.stage(r) {
            None => (Stands::Before, 0),
            Some(Stage::Visiting { ring }) => (Stands::Visiting(ring.index()), ring.index()),
            Some(Stage::Soaking { ring, .. }) => {
                let until = self.soak_until(rollout);
                let until = until.filter(|until| *until != Timestamp::NEVER);
                let soaks = Stands::Soaking(ring.index(), until.unwrap_or(now));
                (soaks, ring.index() + 1)
            }
            Some(Stage::Promoting { ring }) => (Stands::Promoting(ring.index()), ring.index() + 1),
        };
        let mut held = Vec::new();
        let left = (first..rollout.plan.rings.len())
            .map(|ring| (ring, self.left_of(r, ring, now, &mut held)))
            .collect();
        let (spec, plan) = (&self.fleet.spec, &rollout.plan);
        let rings = earliest_left(spec, plan, &calendar, now, (stands, &left));
        (rings, held)
    }

    /// What is left of a ring. Hosts that it waits for and that people hold without an end are added by name.
    fn left_of(&self, r: usize, ring: usize, now: Timestamp, held: &mut Vec<String>) -> Left {
        let rollout = &self.rollouts[r];
        let plan = &rollout.plan.rings[ring];
        let mut left = Left {
            at_once: rollout.rec.ramp.limit,
            ..Left::default()
        };
        let mut without_end = Vec::new();
        for slot in plan.slots() {
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            match self.rest_of(r, slot, now) {
                Rest::Nothing => {}
                Rest::Settles(at) => left.in_flight = left.in_flight.max(Some(at)),
                Rest::Visit(kind) => {
                    let number = rollout.plan.times.of(Slot(slot));
                    let alike = (number, rollout.route_id(slot), kind);
                    *left.hosts.entry(alike).or_insert(0) += 1;
                }
                Rest::Kept(kind, Some(until)) => left.kept.push((Slot(slot), kind, until)),
                Rest::Kept(_, None) => without_end.push(slot),
            }
        }
        let kept = u32::try_from(without_end.len()).unwrap_or(u32::MAX);
        left.behind = plan.debt_allowed.saturating_sub(kept);
        if kept > plan.debt_allowed {
            held.extend(without_end.iter().map(|&slot| self.host_name(r, slot)));
        }
        left
    }

    /// What is left to do for a host before its ring is done with it.
    fn rest_of(&self, r: usize, slot: u32, now: Timestamp) -> Rest {
        let record = self.rollouts[r].rec.slots[slot as usize];
        let kind = match record.state.class() {
            Class::Pending | Class::Debt => VisitKind::Update,
            Class::Withheld => VisitKind::Restart,
            Class::Visiting | Class::Settling => return self.settles(r, slot, now),
            Class::Done
            | Class::Failed
            | Class::RolledBack
            | Class::Skipped
            | Class::Vanished
            | Class::Excepted
            | Class::Outside => return Rest::Nothing,
        };
        let is_tried_again = record.state == HostState::Offline && record.until != Timestamp::NEVER;
        let from = if is_tried_again {
            record.until.max(now)
        } else {
            now
        };
        let rest = self.to_visit(r, slot, kind, from);
        if record.state.class() == Class::Debt && matches!(rest, Rest::Visit(_)) {
            Rest::Kept(kind, Some(from))
        } else {
            rest
        }
    }

    /// The visit that a host is left with, from an instant on.
    fn to_visit(&self, r: usize, slot: u32, kind: VisitKind, from: Timestamp) -> Rest {
        let host = self.host_of(r, slot);
        // Nobody waits for a host that is left out, or will be once it is looked at.
        if self.has_vanished(host) || self.is_excepted(r, slot) || self.is_held_by_advisory(r, slot)
        {
            Rest::Nothing
        } else if self.holds.on(host).is_some() {
            Rest::Kept(kind, self.holds.free_from(host, from))
        } else {
            Rest::Visit(kind)
        }
    }

    /// When a host that is visited, or settles, is done with that.
    fn settles(&self, r: usize, slot: u32, now: Timestamp) -> Rest {
        let rollout = &self.rollouts[r];
        let record = rollout.rec.slots[slot as usize];
        let due = Some(record.until).filter(|at| *at != Timestamp::NEVER);
        let due = due.map_or(now, |at| at.max(now));
        let Some((kind, position, _, ending)) = record.state.visit() else {
            return Rest::Settles(due);
        };
        // What runs may be over at any moment; of what a person does it is assumed that it takes as long as it should.
        let is_to_come = matches!(
            record.state,
            HostState::Ready { .. } | HostState::Backoff { .. }
        );
        let is_timed = matches!(
            record.state,
            HostState::ByHand { .. } | HostState::Backoff { .. }
        );
        let from = if is_timed { due } else { now };
        let next = position.saturating_add(u8::from(!is_to_come));
        match ending {
            Ending::Well => {
                let rest = assumed_from(rollout.route(slot), kind, usize::from(next));
                Rest::Settles(from + rest + rollout.plan.pace.settle)
            }
            Ending::BackToPending => self.to_visit(r, slot, VisitKind::Update, now),
            Ending::Withheld | Ending::Failed { .. } | Ending::Offline | Ending::Lost => {
                Rest::Nothing
            }
        }
    }
}

/// What is left to do for one host.
enum Rest {
    /// Nothing that its ring waits for.
    Nothing,
    /// Its visit has settled at this instant.
    Settles(Timestamp),
    /// A visit.
    Visit(VisitKind),
    /// A visit from an instant on, where people or its silence keep it away until then; none: until somebody says so.
    Kept(VisitKind, Option<Timestamp>),
}
