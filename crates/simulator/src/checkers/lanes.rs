//! Lanes: nobody is let into one without the approvals it asks for (I9), no soak in it is shorter than it may be (I11), and
//! nothing gives way that never does: who is in which ring (I1), budgets (I3), gates and halts, windows and freezes that are
//! binding (I8).
//!
//! What a lane permits is computed here a second time, from what the plan says of the policy without it.

use std::sync::Arc;

use ringway_calendar::{Timetable, Whose};
use ringway_engine::{Calendar, Event, Subject, Table};
use ringway_model::{Actor, Digest, RolloutId, Span, Timestamp};
use ringway_policy::validated::Binding;
use ringway_scheduler::Plan;

use super::facts::{Facts, Phase, RolloutFacts};
use super::{Broken, Invariant, ensure};

/// What is known of a rollout's lane.
#[derive(Clone, Debug, Default)]
pub(super) struct LaneFacts {
    /// Why it is in one.
    reason: String,
    /// Who asks for one, for which plan, and why.
    pub(super) asked: Option<LaneAsked>,
    /// The plan that was decided and is not in force yet.
    decided: Option<Digest>,
}

/// Somebody asks for a lane.
#[derive(Clone, Debug)]
pub(super) struct LaneAsked {
    pub(super) plan: Arc<Plan>,
    pub(super) digest: Digest,
    pub(super) by: Actor,
    pub(super) reason: String,
}

fn name(plan: &Plan) -> Option<&str> {
    plan.lane.as_ref().map(|lane| lane.name.as_str())
}

impl RolloutFacts {
    /// Whether a freeze gives way to the rollout's lane.
    pub(super) fn lane_overrides(&self, freeze: &str) -> bool {
        let lets = self
            .plan
            .lane
            .as_ref()
            .is_some_and(|lane| lane.overrides_freezes);
        lets && !self.lane.reason.trim().is_empty() && !self.plan.terms.binding.contains(freeze)
    }
}

impl Facts {
    /// What happens to lanes of rollouts.
    pub(super) fn lane_event(&mut self, event: &Event) -> Result<(), Broken> {
        if let Event::LaneEntered {
            rollout,
            lane,
            reason,
            ..
        } = event
        {
            return self.lane_entered(*rollout, lane, reason);
        }
        if let Event::LaneAsked {
            rollout,
            lane,
            plan,
            actor,
            reason,
        } = event
        {
            return self.lane_asked(*rollout, (lane, *plan), (actor, reason));
        }
        if let Event::Expedited {
            rollout,
            lane,
            plan,
            actor,
            reason,
            people,
        } = event
        {
            let said = (actor, reason.as_str());
            return self.expedited(*rollout, (lane.as_deref(), *plan), said, people);
        }
        match event.rollout() {
            Some(rollout) => self.lane_lapsed(rollout),
            None => Ok(()),
        }
    }

    /// A rollout was proposed in a lane.
    fn lane_entered(&mut self, id: RolloutId, lane: &str, reason: &str) -> Result<(), Broken> {
        let rollout = self.rollout_mut(id)?;
        ensure!(
            rollout.phase == Phase::Proposed
                && rollout.opened == 0
                && name(&rollout.plan) == Some(lane),
            Story,
            "{id} is told to be in lane `{lane}`; its plan is in {:?}",
            name(&rollout.plan)
        );
        reason.clone_into(&mut rollout.lane.reason);
        let plan = rollout.plan.clone();
        check_terms(id, &plan, &plan)
    }

    /// Somebody asks for a lane.
    fn lane_asked(
        &mut self,
        id: RolloutId,
        (lane, digest): (&str, Digest),
        (by, reason): (&Actor, &str),
    ) -> Result<(), Broken> {
        let Some(plan) = self.plans.get(&digest).cloned() else {
            return Err((
                Invariant::I15,
                format!("{id} is asked to go on by plan {digest:?}, which nobody registered"),
            ));
        };
        let rollout = self.rollout_mut(id)?;
        ensure!(
            !reason.trim().is_empty() && rollout.lane.asked.is_none(),
            Story,
            "{by} asks for lane `{lane}` of {id} without a reason, or beside another request"
        );
        ensure!(
            matches!(rollout.phase, Phase::Advancing | Phase::Paused)
                && name(&plan) == Some(lane)
                && name(&rollout.plan) != Some(lane),
            Story,
            "{by} asks for lane `{lane}` of {id}, which is {:?} and in {:?}",
            rollout.phase,
            name(&rollout.plan)
        );
        rollout.lane.asked = Some(LaneAsked {
            plan,
            digest,
            by: by.clone(),
            reason: reason.to_owned(),
        });
        Ok(())
    }

    /// Nobody asks any more.
    fn lane_lapsed(&mut self, id: RolloutId) -> Result<(), Broken> {
        let rollout = self.rollout_mut(id)?;
        ensure!(
            rollout.lane.asked.take().is_some(),
            Story,
            "a request for a lane of {id} lapses, and there is none"
        );
        let stands = rollout
            .approvals
            .iter()
            .any(|yes| yes.subject() == Subject::Lane);
        ensure!(
            !stands,
            I9,
            "a yes to a lane of {id} stands that nobody asks for"
        );
        Ok(())
    }

    /// It is decided that a rollout goes on in a lane, or again as everybody.
    fn expedited(
        &mut self,
        id: RolloutId,
        (lane, digest): (Option<&str>, Digest),
        (by, reason): (&Actor, &str),
        named: &[String],
    ) -> Result<(), Broken> {
        let held = self.stopped || self.faulted;
        let Some(plan) = self.plans.get(&digest).cloned() else {
            return Err((
                Invariant::I15,
                format!("{id} goes on by plan {digest:?}, which nobody registered"),
            ));
        };
        let rollout = self.rollout(id)?;
        ensure!(
            matches!(rollout.phase, Phase::Advancing | Phase::Paused),
            I4,
            "{id} changes lanes while it is {:?}",
            rollout.phase
        );
        ensure!(
            !reason.trim().is_empty() && name(&plan) == lane,
            Story,
            "{id} is told to go on in {lane:?}, and its plan says {:?}: {reason:?}",
            name(&plan)
        );
        let wants_a_yes = lane.is_some() && plan.start.is_some();
        if wants_a_yes {
            let asked = rollout.lane.asked.as_ref();
            ensure!(
                !held && asked.is_some_and(|asked| asked.digest == digest && asked.by == *by),
                I9,
                "{id} enters lane {lane:?} by a plan that {by} did not ask for, or while all is held"
            );
            let people = self.check_approvals(id, Subject::Lane)?;
            ensure!(
                people == named.iter().cloned().collect(),
                I9,
                "{id} enters lane {lane:?} for {named:?}; it were {people:?}"
            );
        }
        let others = rollout.approvals.iter();
        let others = others
            .filter(|yes| yes.subject() != Subject::Lane && rollout.is_to_come(yes.subject()));
        let others = others.count();
        ensure!(
            others == 0,
            I9,
            "{id} changes lanes, and {others} yeses to the plan before stand"
        );
        let rollout = self.rollout_mut(id)?;
        rollout
            .approvals
            .retain(|yes| yes.subject() != Subject::Lane);
        rollout.lane = LaneFacts {
            reason: lane.map_or_else(String::new, |_| reason.to_owned()),
            asked: None,
            decided: Some(digest),
        };
        Ok(())
    }

    /// A revision is in another lane than the plan before: that was decided, and nothing gives way that never does.
    pub(super) fn check_lane_change(
        &mut self,
        id: RolloutId,
        digest: Digest,
        (before, after): (&Plan, &Plan),
    ) -> Result<(), Broken> {
        let now = self.now;
        let rollout = self.rollout_mut(id)?;
        ensure!(
            rollout.lane.decided.take() == Some(digest),
            I9,
            "{id} goes on in {:?}, and nobody decided that",
            name(after)
        );
        check_terms(id, before, after)?;
        // What was observed until now was observed by the hours of the plan before.
        rollout.credit_and_go_on(now, now);
        rollout.calendar = rollout
            .calendar
            .take()
            .and_then(|known| carried(&known, before, after, now));
        if !after.terms.freeze_override {
            rollout.overridden.clear();
        }
        if let Some(soak) = &mut rollout.soak
            && soak.ended
        {
            let (was, is) = (&before.rings[soak.ring], &after.rings[soak.ring]);
            if is.soak > was.soak || working(after, soak.ring) > working(before, soak.ring) {
                (soak.ended, soak.since) = (false, None);
            }
        }
        Ok(())
    }
}

fn working(plan: &Plan, ring: usize) -> Span {
    let of = plan.terms.working.get(ring).copied().flatten();
    of.map_or(Span::ZERO, |of| of.time)
}

/// By ring: soak and working time without a lane.
fn ordinary(plan: &Plan) -> Vec<(Span, Span)> {
    match &plan.lane {
        Some(lane) => lane
            .rings
            .iter()
            .map(|ring| (ring.soak, ring.working.unwrap_or(Span::ZERO)))
            .collect(),
        None => (0..plan.rings.len())
            .map(|ring| (plan.rings[ring].soak, working(plan, ring)))
            .collect(),
    }
}

/// The least that a lane leaves of a soak.
fn least(own: Span, plan: &Plan) -> Span {
    let Some(soak) = plan.lane.as_ref().and_then(|lane| lane.soak) else {
        return own;
    };
    let part = u128::from(own.millis()) * u128::from(soak.scale.millionths()) / 1000;
    let mut seconds = part / 1_000_000;
    if seconds * 1_000_000 < part
        || u128::from(own.millis()) * u128::from(soak.scale.millionths()) % 1000 != 0
    {
        seconds += 1;
    }
    let part = Span(u64::try_from(seconds * 1000).unwrap_or(u64::MAX));
    let wanted = if part > soak.at_least {
        part
    } else {
        soak.at_least
    };
    if wanted > own { own } else { wanted }
}

/// What a plan in a lane, or back from one, may differ in from the one before, and by how much.
fn check_terms(id: RolloutId, before: &Plan, after: &Plan) -> Result<(), Broken> {
    let (was, is) = (ordinary(before), ordinary(after));
    ensure!(
        was == is && is.len() == after.rings.len(),
        I11,
        "the plan of {id} takes {is:?} for what its policy says of soaks; it was {was:?}"
    );
    for (number, (own, _)) in is.iter().enumerate() {
        let (ring, of) = (&after.rings[number], &before.rings[number]);
        ensure!(
            ring.soak >= least(*own, after) && ring.soak <= *own,
            I11,
            "ring {number} of {id} soaks for {}; its policy says {own}, of which {:?} leaves {}",
            ring.soak,
            name(after),
            least(*own, after)
        );
        ensure!(
            (ring.halt_on, ring.debt_allowed, ring.planned, ring.first)
                == (of.halt_on, of.debt_allowed, of.planned, of.first),
            Halts,
            "ring {number} of {id} is judged by other numbers in {:?}",
            name(after)
        );
    }
    ensure!(
        before.budget_down == after.budget_down && before.fleet == after.fleet,
        I3,
        "{id} has another disruption budget in {:?}",
        name(after)
    );
    ensure!(
        before.gates == after.gates
            && before.pace.settle == after.pace.settle
            && before.terms.external == after.terms.external
            && before.slots == after.slots
            && before.routes == after.routes,
        I15,
        "{id} has other gates, hosts or routes in {:?}",
        name(after)
    );
    check_times(id, before, after)
}

/// Windows and freezes that are binding hold in every lane, and all of them hold where there is none.
fn check_times(id: RolloutId, before: &Plan, after: &Plan) -> Result<(), Broken> {
    let own = |plan: &Plan, slot: usize| -> Timetable {
        let times = plan.lane.as_ref().map_or(&plan.times, |lane| &lane.times);
        table(times, slot)
    };
    let ignores = after.lane.as_ref().is_some_and(|lane| lane.ignores_windows);
    for slot in 0..after.slots.len() {
        let (ordinary, now) = (own(before, slot), table(&after.times, slot));
        for layer in &ordinary.layers {
            let all = layer.windows.len();
            let binding = layer.windows.values();
            let binding = binding.filter(|it| it.binding == Binding::Always).count();
            let binds = binding > 0 && (layer.whose == Whose::Fleet || binding == all);
            ensure!(
                ignores && !binds || now.layers.contains(layer),
                I8,
                "slot {slot} of {id} may be visited outside of {:?} in {:?}",
                layer.windows.keys(),
                name(after)
            );
        }
        ensure!(
            now.freezes == ordinary.freezes,
            I8,
            "slot {slot} of {id} has other freezes in {:?}",
            name(after)
        );
    }
    Ok(())
}

fn table(times: &ringway_scheduler::times::Times, slot: usize) -> Timetable {
    let number = times.of_slot.get(slot);
    let table = number.and_then(|number| times.tables.get(*number as usize));
    table.cloned().unwrap_or_else(Timetable::always)
}

/// What is known of a plan's rules in another one; by what they say, in the order of a calendar. Of a lane that is entered as
/// much is known at the least as before: what was open is, and a freeze whose end is not known holds.
fn carried(known: &Calendar, before: &Plan, after: &Plan, now: Timestamp) -> Option<Calendar> {
    let (had, wants) = (rules(before), rules(after));
    let count = after.times.tables.len();
    let enters = after.lane.is_some() && before.times.tables.len() == count;
    let mut tables = Vec::new();
    let mut of_windows = Vec::new();
    for (number, table) in after.times.tables.iter().enumerate() {
        if after.terms.freeze_override && !table.freezes.is_empty() {
            of_windows.push(Some(number));
            of_windows.extend(table.freezes.iter().map(|_| None));
        }
    }
    for (place, rule) in wants.iter().enumerate() {
        if let Some(at) = had.iter().position(|other| other == rule) {
            tables.push(known.tables.get(at)?.clone());
            continue;
        }
        let behind = place.checked_sub(count + after.terms.hours.len());
        let source = behind.map_or(Some(place), |behind| of_windows[behind]);
        if !enters || rule.starts_with("hours") {
            return None;
        }
        tables.push(match source {
            Some(at) => known.tables.get(at)?.clone(),
            None => Table {
                open: vec![(now, Timestamp::NEVER)],
                frozen: Vec::new(),
            },
        });
    }
    Some(Calendar {
        tables,
        ..known.clone()
    })
}

fn rules(plan: &Plan) -> Vec<String> {
    let mut rules = Vec::new();
    for table in &plan.times.tables {
        rules.push(format!("times {table:?}"));
    }
    for hours in &plan.terms.hours {
        rules.push(format!("hours {hours:?}"));
    }
    for table in &plan.times.tables {
        if plan.terms.freeze_override && !table.freezes.is_empty() {
            rules.push(format!("windows {table:?}"));
            for freeze in &table.freezes {
                rules.push(format!("freeze {:?} {freeze:?}", table.zone));
            }
        }
    }
    rules
}
