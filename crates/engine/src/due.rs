//! By when a rollout is to be complete, and when it can be from how it stands now. Decides nothing: a due date reports, and
//! overrides no window, no gate and no approval.

use ringway_model::{RolloutId, Span, Timestamp};
use ringway_policy::validated::Topic;
use ringway_scheduler::when::{RingWhen, Stands, Times, earliest};

use crate::engine::Engine;
use crate::rollout::{RolloutState, Stage};
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
        goes_on.then(|| self.due_view(r)).flatten()
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

    /// The due date of a rollout that is not over.
    pub(crate) fn due_view(&self, r: usize) -> Option<DueView> {
        let rollout = &self.rollouts[r];
        let due = rollout.plan.terms.due.as_ref()?;
        if rollout.rec.state.is_final() {
            return None;
        }
        let at = due.at(rollout.rec.terms.started?);
        let rings = self.rings_to_come(r);
        let earliest = rings.as_ref().map(|rings| {
            let last = rings.last();
            last.map_or(self.now, |ring| ring.promoted)
        });
        let rings = rings.unwrap_or_default();
        Some(DueView {
            by: due.by.clone(),
            at,
            earliest,
            // Where its calendar is not known yet nothing can be said.
            missed: at < self.now
                || earliest.is_some_and(|earliest| at < earliest)
                || earliest.is_none() && self.knows_times(r),
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

    /// The ring it is at and those after it, at the earliest.
    fn rings_to_come(&self, r: usize) -> Option<Vec<RingWhen>> {
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
        let stands = match self.stage(r) {
            None => Stands::Before,
            Some(Stage::Visiting { ring }) => {
                let count = rollout
                    .idx
                    .rings
                    .get(ring.index())
                    .copied()
                    .unwrap_or_default();
                Stands::Visiting(ring.index(), count.pending + count.withheld)
            }
            Some(Stage::Soaking { ring, .. }) => {
                let until = self.soak_until(rollout);
                let until = until.filter(|until| *until != Timestamp::NEVER);
                Stands::Soaking(ring.index(), until.unwrap_or(self.now))
            }
            Some(Stage::Promoting { ring }) => Stands::Promoting(ring.index()),
        };
        earliest(&self.fleet.spec, &rollout.plan, &calendar, self.now, stands)
    }
}
