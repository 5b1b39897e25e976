//! A plan's terms while its rollout goes on: working time of a soak, hours for approvals, freezes that people override,
//! external gates.
//!
//! This module says what they come to at an instant; it starts and promotes nothing itself. Instants come from the
//! rollout's calendar, which is journaled, and what a gate says comes in as an input.
//!
//! # Invariants
//!
//! * Working time accrues exactly while the soak runs: what nobody observed counts for nothing.
//! * A yes counts only within its hours; a no counts at any time.
//! * An override ends by itself, and no freeze that is binding has one. Windows hold all the same.
//! * Nothing new begins, and nothing is promoted, unless every external gate is known to be open (I11). What has begun is
//!   finished; what goes back asks no gate.

use std::collections::BTreeSet;

use ringway_calendar::{Interval, Intervals};
use ringway_model::{
    Actor, ChangeId, RingIndex, RolloutId, Says, Span, Timestamp, VisitKind, WaitingOn,
};

use crate::command::{Rejected, Subject};
use crate::engine::{Engine, Fault};
use crate::event::Event;
use crate::rollout::{Overridden, Rollout, Stage};
use crate::times::Calendar;

/// How much of some intervals lies between two instants.
fn within(open: &[(Timestamp, Timestamp)], from: Timestamp, until: Timestamp) -> Span {
    let behind = open.partition_point(|(_, end)| *end <= from);
    let rest = open[behind..].iter();
    let rest = rest.take_while(|(start, _)| *start < until);
    rest.fold(Span::ZERO, |sum, (start, end)| {
        sum.plus((*end).min(until).since((*start).max(from)))
    })
}

/// When so much of some intervals has passed since an instant.
fn reached(open: &[(Timestamp, Timestamp)], from: Timestamp, needed: Span) -> Option<Timestamp> {
    let behind = open.partition_point(|(_, end)| *end <= from);
    let mut missing = needed;
    for (start, end) in &open[behind..] {
        let start = (*start).max(from);
        let length = end.since(start);
        if length >= missing {
            return Some(start + missing);
        }
        missing = missing.less(length);
    }
    None
}

impl Engine {
    /// Whether a rollout's soak runs.
    pub(crate) fn soak_runs(&self, r: usize) -> bool {
        let stage = self.rollouts[r].rec.state.stage();
        matches!(stage, Some(Stage::Soaking { since: Some(_), .. }))
    }

    /// Credits a soak that runs with what passed until an instant, and stands it still.
    pub(crate) fn hold_soak(&mut self, r: usize, at: Timestamp) {
        let rec = &self.rollouts[r].rec;
        let Some(&Stage::Soaking {
            ring,
            since: Some(began),
            ..
        }) = rec.state.stage()
        else {
            return;
        };
        #[cfg(feature = "planted-bugs")]
        let credited = if self.bug(crate::planted::Bug::WorkingTimeOverGap) {
            self.now
        } else {
            at
        };
        #[cfg(not(feature = "planted-bugs"))]
        let credited = at;
        let worked = worked(&self.rollouts[r], ring, began, credited);
        let rec = &mut self.rollouts[r].rec;
        rec.terms.worked = rec.terms.worked.plus(worked);
        if let Some(stage) = rec.state.stage_mut() {
            stage.hold_soak(at);
        }
    }

    /// Lets a soak run on from an instant.
    pub(crate) fn continue_soak(&mut self, r: usize, at: Timestamp) {
        if let Some(Stage::Soaking { since, .. }) = self.rollouts[r].rec.state.stage_mut() {
            *since = Some(at);
        }
    }

    /// When a rollout's soak ends if nothing interrupts it, while it runs; at the earliest then, where the hours of its
    /// working time are not known so far ahead, and `NEVER` where they are not known at all.
    pub(crate) fn soak_until(&self, rollout: &Rollout) -> Option<Timestamp> {
        let Some(&Stage::Soaking {
            ring,
            accrued,
            since: Some(since),
        }) = rollout.rec.state.stage()
        else {
            return None;
        };
        let passed = since + self.soak_of(rollout, ring).less(accrued);
        let Some(left) = self.working_left(rollout, ring) else {
            return Some(passed);
        };
        let worked = rollout.rec.calendar.as_ref().map(|calendar| {
            let open = hours(rollout, ring, calendar);
            let reached = reached(open, since, left);
            // More is asked for long before the end of what is known; where it did not come, nobody knows.
            reached.unwrap_or(if calendar.until > self.now {
                calendar.until
            } else {
                Timestamp::NEVER
            })
        });
        Some(passed.max(worked.unwrap_or(Timestamp::NEVER)))
    }

    /// How long a ring soaks.
    #[cfg_attr(
        not(feature = "planted-bugs"),
        expect(clippy::unused_self, reason = "only a planted mistake asks")
    )]
    fn soak_of(&self, rollout: &Rollout, ring: RingIndex) -> Span {
        let soak = rollout.plan.rings[ring.index()].soak;
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SoakTooShort) {
            return Span(soak.millis() * 9 / 10);
        }
        soak
    }

    /// The working time that a ring's soak lacked when it began to run, where it lacked some.
    #[cfg_attr(
        not(feature = "planted-bugs"),
        expect(clippy::unused_self, reason = "only a planted mistake asks")
    )]
    fn working_left(&self, rollout: &Rollout, ring: RingIndex) -> Option<Span> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::WorkingTimeIgnored) {
            return None;
        }
        let needed = rollout.plan.terms.working(ring.index())?.time;
        let left = needed.less(rollout.rec.terms.worked);
        (left > Span::ZERO).then_some(left)
    }

    /// Whether a soak that runs has lasted for long enough: observed, and observed in working time.
    pub(crate) fn soak_is_over(&self, r: usize) -> bool {
        let rollout = &self.rollouts[r];
        let Some(&Stage::Soaking {
            ring,
            accrued,
            since: Some(since),
        }) = rollout.rec.state.stage()
        else {
            return false;
        };
        let passed = accrued.plus(self.now.since(since)) >= self.soak_of(rollout, ring);
        let missing = self.working_left(rollout, ring).unwrap_or(Span::ZERO);
        passed && worked(rollout, ring, since, self.now) >= missing
    }

    /// The instants of a rollout's rules are known, or others than before.
    pub(crate) fn fold_calendar(&mut self, r: usize, calendar: &Calendar) -> Result<(), Fault> {
        let rollout = &self.rollouts[r];
        if calendar.tables.len() != rollout.plan.rules().count() {
            return Err(Fault::new(format!(
                "the calendar of {} has other rules than its plan",
                rollout.rec.id
            )));
        }
        // What has passed is counted by the hours that were known while it did.
        let ring = self.stage(r).map(|stage| stage.ring());
        let counts = ring.is_some_and(|ring| rollout.plan.terms.working(ring.index()).is_some());
        if counts && self.soak_runs(r) {
            self.hold_soak(r, self.now);
            self.continue_soak(r, self.now);
        }
        self.rollouts[r].rec.calendar = Some(calendar.clone());
        self.times_changed(r);
        Ok(())
    }

    /// People may work in a freeze until an instant.
    pub(crate) fn fold_overridden(&mut self, r: usize, freeze: &str, override_: Overridden) {
        let overridden = &mut self.rollouts[r].rec.terms.overridden;
        overridden.insert(freeze.to_owned(), override_);
        self.times_changed(r);
    }

    /// When work may run is other than before: whoever waited for an instant is looked at again.
    pub(crate) fn times_changed(&mut self, r: usize) {
        self.refresh_effective(r);
        let idx = &mut self.rollouts[r].idx;
        let parked = std::mem::take(&mut idx.parked_times);
        idx.again.extend(parked.into_values().flatten());
    }

    /// Computes anew when work may run with freezes overridden.
    pub(crate) fn refresh_effective(&mut self, r: usize) {
        #[cfg(feature = "planted-bugs")]
        let (for_ever, all) = (
            self.bug(crate::planted::Bug::OverrideNeverEnds),
            self.bug(crate::planted::Bug::OverridesEveryFreeze),
        );
        let tables = self.rollouts[r].plan.times.tables.iter();
        let in_lane: BTreeSet<String> = tables
            .flat_map(|table| &table.freezes)
            .filter(|freeze| self.lane_works_in(r, &freeze.name))
            .map(|freeze| freeze.name.clone())
            .collect();
        let Rollout { rec, plan, .. } = &mut self.rollouts[r];
        rec.effective.clear();
        let overridden = &rec.terms.overridden;
        let is_any = !overridden.is_empty() || !in_lane.is_empty();
        let Some(calendar) = rec.calendar.as_ref().filter(|_| is_any) else {
            return;
        };
        for (number, table) in plan.times.tables.iter().enumerate() {
            let Some(windows) = plan.windows_at(number) else {
                continue;
            };
            let frozen = table.freezes.iter().enumerate().flat_map(|(at, freeze)| {
                let found = overridden.get(&freeze.name);
                #[cfg(feature = "planted-bugs")]
                let found = found.or_else(|| overridden.values().next().filter(|_| all));
                let again = found.map(|one| one.until);
                let again = if in_lane.contains(&freeze.name) {
                    Some(Timestamp::NEVER)
                } else {
                    again
                };
                #[cfg(feature = "planted-bugs")]
                let again = again.map(|until| if for_ever { Timestamp::NEVER } else { until });
                let holds = calendar.tables[windows + 1 + at].open.iter();
                holds.map(move |(start, end)| (again.map_or(*start, |at| at.max(*start)), *end))
            });
            let frozen = intervals(frozen);
            let open = intervals(calendar.tables[windows].open.iter().copied());
            let open = open.difference(&frozen);
            let open = open.iter().map(|one| (one.start, one.end)).collect();
            rec.effective.insert(number, open);
        }
    }

    /// Whether a freeze, as people are told of it, is overridden in a rollout now.
    pub(crate) fn is_overridden(&self, r: usize, told: &str) -> bool {
        let overridden = self.rollouts[r].rec.terms.overridden.iter();
        let mut now = overridden.filter(|(_, one)| self.now < one.until);
        let is = |name: &str| told.starts_with(&format!("`{name}`"));
        let tables = self.rollouts[r].plan.times.tables.iter();
        let mut freezes = tables.flat_map(|table| &table.freezes);
        now.any(|(name, _)| is(name))
            || freezes.any(|one| is(&one.name) && self.lane_works_in(r, &one.name))
    }

    /// A person lets work run in a freeze.
    pub(crate) fn override_freeze(
        &mut self,
        r: usize,
        actor: &Actor,
        freeze: &str,
        (reason, until): (&str, Timestamp),
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let Rollout { rec, plan, .. } = &self.rollouts[r];
        let (rollout, word) = (rec.id, rec.state.word());
        if rec.state.is_final() {
            let why = format!("rollout {rollout} is {word}");
            return Err(Rejected::new("wrong-state", why, "it is over"));
        }
        let tables = plan.times.tables.iter();
        let freezes = tables.flat_map(|table| &table.freezes);
        let names: BTreeSet<&str> = freezes.map(|one| &*one.name).collect();
        if !names.contains(freeze) {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let hint = if names.is_empty() {
                "no freeze is about its hosts".to_owned()
            } else {
                format!("its hosts are in {}", names.join(", "))
            };
            let why = format!("no host of rollout {rollout} is in a freeze `{freeze}`");
            return Err(Rejected::new("not-found", why, &hint));
        }
        if !plan.terms.freeze_override {
            let why = format!("policy `{}` lets nobody work in a freeze", plan.policy);
            let hint =
                "it would have to say `freezes: { override: with_reason }` when the rollout starts";
            return Err(Rejected::new("not-allowed", why, hint));
        }
        let binding = plan.terms.binding.contains(freeze);
        #[cfg(feature = "planted-bugs")]
        let binding = binding && !self.bug(crate::planted::Bug::BindingOverridden);
        if binding {
            let why = format!("freeze `{freeze}` is `binding: always`");
            return Err(Rejected::new("not-allowed", why, "nobody may work in it"));
        }
        if reason.trim().is_empty() {
            let why = "working in a freeze needs a reason";
            return Err(Rejected::new("reason-missing", why, "say why: `--reason`"));
        }
        if until <= self.now {
            let why = "the instant it is to end at has passed";
            return Err(Rejected::new(
                "wrong-state",
                why,
                "name one that is to come",
            ));
        }
        let before = rec.terms.overridden.get(freeze);
        if before.is_some_and(|one| one.until == until && one.reason == reason && one.by == *actor)
        {
            return Ok(());
        }
        let event = Event::FreezeOverridden {
            rollout,
            freeze: freeze.to_owned(),
            actor: actor.clone(),
            reason: reason.to_owned(),
            until,
        };
        self.emit(event, out);
        Ok(())
    }

    /// The hours in which a subject may be approved, by their number.
    pub(crate) fn approval_hours(&self, r: usize, subject: Subject) -> Option<u32> {
        let terms = &self.rollouts[r].plan.terms;
        match subject {
            Subject::Start => terms.start,
            Subject::Promotion { ring } => terms.after_soak(ring.index()),
            Subject::Early { ring } => terms.early(ring.index()),
            Subject::Lane => self.lane_hours(r),
        }
    }

    /// The hours in which a subject may be approved, in words.
    pub(crate) fn approval_between(&self, r: usize, subject: Subject) -> Option<String> {
        let number = self.approval_hours(r, subject)?;
        let hours = self.rollouts[r].plan.terms.hours.get(number as usize)?;
        Some(format!("{} ({})", hours.hours, hours.zone))
    }

    /// That a yes to a subject does not count now, and when one does.
    pub(crate) fn outside_hours(&self, r: usize, subject: Subject) -> Option<WaitingOn> {
        let number = self.approval_hours(r, subject)?;
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::ApprovalHoursIgnored) {
            return None;
        }
        let rollout = &self.rollouts[r];
        let Some(calendar) = &rollout.rec.calendar else {
            return Some(WaitingOn::Calendar);
        };
        let open = &calendar.tables[rollout.plan.hours_at(number)].open;
        let opens = reached(open, self.now, Span(1)).map(|at| at - Span(1));
        (opens != Some(self.now)).then(|| WaitingOn::ApprovalHours {
            to: self.starts(r, subject),
            opens,
        })
    }

    /// Refuses a yes that does not count at this hour.
    pub(crate) fn within_hours(&self, r: usize, subject: Subject) -> Result<(), Rejected> {
        let Some(on) = self.outside_hours(r, subject) else {
            return Ok(());
        };
        let between = self.approval_between(r, subject).unwrap_or_default();
        let why = format!("a yes to this counts only {between}");
        let hint = match on.earliest() {
            Some(at) => format!("approve from {at} on"),
            None if on == WaitingOn::Calendar => {
                "when that is, is not known yet: see `ringway why`".to_owned()
            }
            None => "no such hour is known".to_owned(),
        };
        Err(Rejected::new("outside-hours", why, &hint))
    }

    /// An external gate answered, or has not for too long.
    pub(crate) fn gate_said(
        &mut self,
        rollout: RolloutId,
        (gate, says): (u16, Says),
        why: &str,
        out: &mut Vec<Event>,
    ) {
        let Ok(r) = self.index_of(rollout) else {
            return;
        };
        let rec = &self.rollouts[r].rec;
        let known = rec
            .terms
            .gates
            .get(usize::from(gate))
            .map(|(says, ..)| *says);
        if rec.state.is_final() || known.is_none_or(|known| known == says) {
            return;
        }
        let why = why.to_owned();
        let event = Event::GateSaid {
            rollout,
            gate,
            says,
            why,
        };
        self.emit(event, out);
    }

    pub(crate) fn fold_gate(
        &mut self,
        r: usize,
        gate: u16,
        says: Says,
        why: &str,
    ) -> Result<(), Fault> {
        let at = self.now;
        let rec = &mut self.rollouts[r].rec;
        let Some(known) = rec.terms.gates.get_mut(usize::from(gate)) else {
            return Err(Fault::new(format!("{} has no gate {gate}", rec.id)));
        };
        *known = (says, at, why.to_owned());
        Ok(())
    }

    /// Nobody asked while nobody ran: what gates said is forgotten.
    pub(crate) fn forget_gates(&mut self) {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::GateOutlivesCrash) {
            return;
        }
        let at = self.now;
        let gates = self
            .rollouts
            .iter_mut()
            .flat_map(|r| &mut r.rec.terms.gates);
        for known in gates.filter(|(says, ..)| *says != Says::Unknown) {
            *known = (Says::Unknown, at, String::new());
        }
    }

    /// The first external gate that does not say that work may begin.
    pub(crate) fn gate_waits(&self, r: usize) -> Option<WaitingOn> {
        let rollout = &self.rollouts[r];
        let mut gates = rollout
            .plan
            .terms
            .external
            .iter()
            .zip(&rollout.rec.terms.gates);
        let (gate, (says, since, why)) = gates.find(|(_, (says, ..))| *says != Says::Open)?;
        Some(WaitingOn::ExternalGate {
            gate: gate.name.clone(),
            says: *says,
            why: why.clone(),
            since: *since,
            every: gate.every,
        })
    }

    /// The same for a visit that is to begin: one that takes a host back asks nobody.
    pub(crate) fn gate_keeps(&self, r: usize, visit: VisitKind) -> Option<WaitingOn> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::GateIgnoredByVisits) {
            return None;
        }
        self.gate_waits(r).filter(|_| visit != VisitKind::Rollback)
    }

    /// The same for going on to the next ring.
    pub(crate) fn gate_keeps_ring(&self, r: usize) -> Option<WaitingOn> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::GateIgnoredByRings) {
            return None;
        }
        self.gate_waits(r)
    }

    /// The ticket by which a change management system knows a rollout.
    pub fn change_of(&self, rollout: RolloutId) -> Option<&ChangeId> {
        let r = self.index_of(rollout).ok()?;
        self.rollouts[r].rec.change.as_ref()
    }

    /// The name of the ring that a rollout is at; of the first one where it is at none.
    pub fn ring_at(&self, rollout: RolloutId) -> String {
        let Ok(r) = self.index_of(rollout) else {
            return String::new();
        };
        let at = self.stage(r).map_or(0, |stage| stage.ring().index());
        let ring = self.rollouts[r].plan.rings.get(at);
        ring.map_or_else(String::new, |ring| ring.name.clone())
    }

    /// What an external gate of a rollout is known to say.
    pub fn gate_says(&self, rollout: RolloutId, gate: u16) -> Option<Says> {
        let r = self.index_of(rollout).ok()?;
        let known = self.rollouts[r].rec.terms.gates.get(usize::from(gate))?;
        Some(known.0)
    }
}

fn intervals(pairs: impl Iterator<Item = (Timestamp, Timestamp)>) -> Intervals {
    pairs
        .filter_map(|(start, end)| Interval::new(start, end))
        .collect()
}

/// The hours of a ring's working time; none where it needs none.
fn hours<'c>(
    rollout: &Rollout,
    ring: RingIndex,
    calendar: &'c Calendar,
) -> &'c [(Timestamp, Timestamp)] {
    let working = rollout.plan.terms.working(ring.index());
    let table = working.map(|working| rollout.plan.hours_at(working.hours));
    table
        .and_then(|table| calendar.tables.get(table))
        .map_or(&[], |table| &table.open)
}

/// How much working time of a ring's soak lies between two instants, as far as it is known.
fn worked(rollout: &Rollout, ring: RingIndex, from: Timestamp, until: Timestamp) -> Span {
    let calendar = rollout.rec.calendar.as_ref();
    calendar.map_or(Span::ZERO, |calendar| {
        within(hours(rollout, ring, calendar), from, until)
    })
}
