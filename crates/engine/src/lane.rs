//! Lanes: a rollout that starts in one, and one that is let into it, or goes back, on its way.
//!
//! What a lane changes is in its plan, which comes from outside as the next revision does. This module decides whether that
//! plan is one of this rollout in one of its policy's lanes and nothing else, who must say yes to it, and what becomes of
//! what people said before.
//!
//! # Invariants
//!
//! * A rollout enters a lane only with the approvals that the lane asks for, given to exactly this plan; going back to what
//!   its policy says for everybody takes nobody's yes.
//! * Nothing that is done is forgotten: rings, hosts, outcomes and the time a soak was observed are what they were.
//! * A yes to anything else was a yes to the plan before, and is void.
//! * A freeze gives way only where the lane says so, somebody gave a reason, and the freeze is not binding.

use std::sync::Arc;

use ringway_model::{Actor, Digest, RingIndex, RolloutId, Timestamp, WaitingOn};
use ringway_policy::validated::Ramp;
use ringway_scheduler::Plan;
use ringway_scheduler::plan::RingPlan;
use ringway_scheduler::terms::Rule as TimeRule;
use serde::{Deserialize, Serialize};

use crate::command::{Rejected, Subject};
use crate::consent::check_length;
use crate::engine::Engine;
use crate::event::Event;
use crate::rollout::{Rollout, RolloutState, Stage};
use crate::times::{Calendar, Table};
use crate::view::{LaneAskedView, LaneView, Waiting};

/// What is recorded of lanes of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaneRecord {
    /// Who let it into the lane of its plan.
    pub(crate) entered: Option<InLane>,
    /// Who asks that it be let into one.
    pub(crate) asked: Option<LaneAsk>,
}

/// By whom a rollout is in its lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InLane {
    pub(crate) by: Actor,
    pub(crate) reason: String,
    pub(crate) since: Timestamp,
}

/// A request to let a rollout into a lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaneAsk {
    pub(crate) plan: Digest,
    pub(crate) by: Actor,
    pub(crate) reason: String,
    pub(crate) at: Timestamp,
}

fn name(plan: &Plan) -> Option<&str> {
    plan.lane.as_ref().map(|lane| lane.name.as_str())
}

impl Engine {
    /// The plan that a rollout would have in the lane that somebody asks for.
    pub(crate) fn asked_plan(&self, r: usize) -> Option<&Arc<Plan>> {
        let asked = self.rollouts[r].rec.lane.asked.as_ref()?;
        self.plans.get(&asked.plan)
    }

    /// The name of the lane that a rollout is in.
    pub(crate) fn lane_of(&self, r: usize) -> Option<&str> {
        name(&self.rollouts[r].plan)
    }

    /// A person asks that a rollout go on by the plan of a lane, or again by the ordinary one.
    pub(crate) fn expedite(
        &mut self,
        r: usize,
        actor: &Actor,
        plan: Digest,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        if reason.trim().is_empty() {
            let why = "entering or leaving a lane needs a reason";
            return Err(Rejected::new("reason-missing", why, "say why: `--reason`"));
        }
        check_length(reason, "reason")?;
        self.may_change_lanes(r)?;
        let id = self.rollouts[r].rec.id;
        let Some(wanted) = self.plans.get(&plan).cloned() else {
            let hint = "bring it with the request";
            return Err(Rejected::new(
                "not-found",
                "its plan is not registered",
                hint,
            ));
        };
        let asked = self.rollouts[r].rec.lane.asked.clone();
        if name(&wanted) == self.lane_of(r) {
            // Whoever wants it as it is does not want what was asked for.
            if asked.is_some() {
                let why = format!("{actor} withdrew it: {reason}");
                self.lapse_lane(r, &why, out);
            }
            return Ok(());
        }
        if asked.as_ref().is_some_and(|asked| asked.plan == plan) {
            return Ok(());
        }
        let fits = self.fits_lane(r, &wanted);
        #[cfg(feature = "planted-bugs")]
        let fits = fits || self.bug(crate::planted::Bug::LaneUnchecked);
        if !fits {
            let why = format!(
                "this is no plan of rollout {id} in a lane, or it has gone on since it was made"
            );
            return Err(Rejected::new("stale-plan", why, "ask again"));
        }
        if asked.is_some() {
            self.lapse_lane(r, &format!("{actor} asked for another one"), out);
        }
        if wanted.lane.is_none() || wanted.start.is_none() {
            self.change_lanes(r, (plan, &wanted), (actor, reason), Vec::new(), out);
            return Ok(());
        }
        let event = Event::LaneAsked {
            rollout: id,
            lane: name(&wanted).unwrap_or_default().to_owned(),
            plan,
            actor: actor.clone(),
            reason: reason.to_owned(),
        };
        self.emit(event, out);
        Ok(())
    }

    /// Lanes are for rollouts on their way.
    fn may_change_lanes(&self, r: usize) -> Result<(), Rejected> {
        let rec = &self.rollouts[r].rec;
        let hint = match rec.state {
            RolloutState::Advancing(_) | RolloutState::Paused { .. } => return Ok(()),
            RolloutState::Proposed => "`cancel` it, and run it in the lane: `ringway run --lane`",
            RolloutState::Halted { .. } => {
                "decide how it goes on first: resume with a reason, rollback, or cancel"
            }
            RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Superseding { .. } => "it visits no more hosts",
            RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled
            | RolloutState::Superseded { .. } => "it is over",
        };
        let why = format!("rollout {} is {}", rec.id, rec.state.word());
        Err(Rejected::new("wrong-state", why, hint))
    }

    /// Whether a plan is a rollout's own in a lane, or in none: it may differ in nothing that never gives way.
    fn fits_lane(&self, r: usize, plan: &Plan) -> bool {
        let Rollout {
            rec, plan: before, ..
        } = &self.rollouts[r];
        let revises = plan.revises.as_ref().map(|revision| revision.of);
        let known = before.revises.as_ref();
        revises == Some(rec.plan)
            && plan.revises.as_ref().is_some_and(|now| {
                now.joined.is_empty()
                    && now.too_late == known.map_or_else(Vec::new, |it| it.too_late.clone())
                    && now.misfits == known.map_or_else(Vec::new, |it| it.misfits.clone())
            })
            && plan.documents == before.documents
            && plan.lanes == before.lanes
            && plan.is_of_a_known_lane()
            && binds_as_before(plan, before)
            && same_hosts(plan, before)
            && same_care(plan, before)
            && plan.without_lane() == before.without_lane()
            && (0..plan.rings.len()).all(|ring| plan.without(ring) == before.without(ring))
            && (plan.lane.is_some() || plan.times == *before.without_lane())
            && self.knows_start_hours(r, plan)
    }

    /// Whether the hours in which its start may be approved, where it has some, are among those of the plan before.
    fn knows_start_hours(&self, r: usize, plan: &Plan) -> bool {
        let Some(number) = plan.terms.start else {
            return true;
        };
        let wanted = plan.terms.hours.get(number as usize);
        let known = &self.rollouts[r].plan.terms.hours;
        plan.lane.is_none() || wanted.is_some_and(|hours| known.contains(hours))
    }

    /// The number that the hours of a lane's approvals have in the plan of now.
    pub(crate) fn lane_hours(&self, r: usize) -> Option<u32> {
        let plan = self.asked_plan(r)?;
        let wanted = plan.terms.hours.get(plan.terms.start? as usize)?;
        let mut known = self.rollouts[r].plan.terms.hours.iter();
        let at = known.position(|hours| hours == wanted)?;
        u32::try_from(at).ok()
    }

    /// Lets a rollout into the lane that is asked for, if enough people want it; true when it did.
    pub(crate) fn enter_lane(&mut self, r: usize, out: &mut Vec<Event>) -> bool {
        let rec = &self.rollouts[r].rec;
        let Some(asked) = rec.lane.asked.clone() else {
            return false;
        };
        let Some(plan) = self.plans.get(&asked.plan).cloned() else {
            return false;
        };
        if !self.is_open(r, Subject::Lane) || !self.approved(r, Subject::Lane, out) {
            return false;
        }
        let rollout = &self.rollouts[r];
        let said = rollout.rec.approvals.iter();
        let said = said.filter(|yes| yes.subject == Subject::Lane);
        let people = said
            .map(|yes| rollout.plan.consent.person(&yes.actor.0))
            .collect();
        let by = (&asked.by, asked.reason.as_str());
        self.change_lanes(r, (asked.plan, &plan), by, people, out);
        true
    }

    /// The rollout goes on by another plan. What people said to the one before is void.
    fn change_lanes(
        &mut self,
        r: usize,
        (digest, plan): (Digest, &Plan),
        (actor, reason): (&Actor, &str),
        people: Vec<String>,
        out: &mut Vec<Event>,
    ) {
        let rollout = self.rollouts[r].rec.id;
        let lane = name(plan).map(str::to_owned);
        let why = match (&lane, self.lane_of(r)) {
            (Some(lane), _) => format!("the rollout entered lane `{lane}`"),
            (None, Some(before)) => format!("the rollout left lane `{before}`"),
            (None, None) => "the rollout has another plan".to_owned(),
        };
        let said = self.rollouts[r].rec.approvals.iter();
        let void: Vec<(Subject, Actor)> = said
            .filter(|yes| yes.subject != Subject::Lane && self.is_open(r, yes.subject))
            .map(|yes| (yes.subject, yes.actor.clone()))
            .collect();
        #[cfg(feature = "planted-bugs")]
        let void = if self.bug(crate::planted::Bug::LaneKeepsApprovals) {
            Vec::new()
        } else {
            void
        };
        for (subject, actor) in void {
            let event = Event::ApprovalVoided {
                rollout,
                subject,
                actor,
                why: why.clone(),
            };
            self.emit(event, out);
        }
        let event = Event::Expedited {
            rollout,
            lane,
            plan: digest,
            actor: actor.clone(),
            reason: reason.to_owned(),
            people,
        };
        self.emit(event, out);
        let plan = digest;
        self.emit(Event::PlanRevised { rollout, plan }, out);
    }

    /// What was asked for is asked for no more.
    pub(crate) fn lapse_lane(&mut self, r: usize, why: &str, out: &mut Vec<Event>) {
        let rec = &self.rollouts[r].rec;
        if rec.lane.asked.is_none() {
            return;
        }
        let (rollout, why) = (rec.id, why.to_owned());
        let said = rec.approvals.iter();
        let void: Vec<Actor> = said
            .filter(|yes| yes.subject == Subject::Lane)
            .map(|yes| yes.actor.clone())
            .collect();
        for actor in void {
            let event = Event::ApprovalVoided {
                rollout,
                subject: Subject::Lane,
                actor,
                why: why.clone(),
            };
            self.emit(event, out);
        }
        self.emit(Event::LaneLapsed { rollout, why }, out);
    }

    /// Whether a freeze gives way to the lane that a rollout is in.
    pub(crate) fn lane_works_in(&self, r: usize, freeze: &str) -> bool {
        let Rollout { rec, plan, .. } = &self.rollouts[r];
        let said = rec.lane.entered.as_ref().map(|of| of.reason.as_str());
        let binding = plan.terms.binding.contains(freeze);
        #[cfg(feature = "planted-bugs")]
        let (said, binding) = (
            said.map(|said| {
                let unasked = self.bug(crate::planted::Bug::LaneNeedsNoReason);
                if unasked { "no reason" } else { said }
            }),
            binding && !self.bug(crate::planted::Bug::LaneWorksInEveryFreeze),
        );
        plan.lane
            .as_ref()
            .is_some_and(|lane| lane.overrides_freezes)
            && said.is_some_and(|said| !said.trim().is_empty())
            && !binding
    }

    /// A rollout is in a lane from now on, or in none.
    pub(crate) fn fold_lane(&mut self, r: usize, lane: Option<InLane>) {
        let rec = &mut self.rollouts[r].rec;
        rec.lane = LaneRecord {
            entered: lane,
            asked: None,
        };
        rec.approvals.retain(|yes| yes.subject != Subject::Lane);
        self.times_changed(r);
    }

    /// Nothing is asked for any more.
    pub(crate) fn fold_lapsed(&mut self, r: usize) {
        let rec = &mut self.rollouts[r].rec;
        rec.lane.asked = None;
        rec.approvals.retain(|yes| yes.subject != Subject::Lane);
    }

    /// Whether a revision is of another lane than the plan it takes the place of.
    pub(crate) fn changes_lane(&self, r: usize, plan: &Plan) -> bool {
        name(plan) != self.lane_of(r)
    }

    /// What is known of the time is credited by the plan of now, and carried over to one in another lane as far as it has
    /// the same rules. Call before the plan changes, and [`Engine::go_on_in_lane`] after.
    pub(crate) fn leave_for_lane(&mut self, r: usize, plan: &Plan) -> bool {
        let runs = self.soak_runs(r);
        self.hold_soak(r, self.now);
        let now = self.now;
        let rollout = &mut self.rollouts[r];
        let calendar = rollout.rec.calendar.take();
        rollout.rec.calendar = calendar.and_then(|known| carried(&known, &rollout.plan, plan, now));
        if let Some(&Stage::Promoting { ring }) = rollout.rec.state.stage()
            && let Some(stage) = shortened(rollout, plan, ring)
            && let Some(at) = rollout.rec.state.stage_mut()
        {
            // It runs on by itself as soon as it may.
            *at = stage;
        }
        runs
    }

    /// The rest of the same, after the plan has changed.
    pub(crate) fn go_on_in_lane(&mut self, r: usize, runs: bool) {
        let Rollout { rec, plan, .. } = &mut self.rollouts[r];
        if !plan.terms.freeze_override {
            // What a person was let do in the lane ends with it.
            rec.terms.overridden.clear();
        }
        rec.ramp.limit = match plan.pace.ramp {
            Ramp::Off => plan.pace.at_once.get(),
            Ramp::Double => rec.ramp.limit.min(plan.pace.at_once.get()),
        };
        if runs {
            self.continue_soak(r, self.now);
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::LaneEndsSoak)
            && let Some(stage) = self.rollouts[r].rec.state.stage_mut()
            && let Stage::Soaking { ring, .. } = *stage
        {
            *stage = Stage::Promoting { ring };
        }
    }

    /// Whose yes is missing to let a rollout into the lane that somebody asks for. The rollout goes on meanwhile.
    pub fn lane_waits(&self, rollout: RolloutId) -> Option<WaitingOn> {
        let r = self.index_of(rollout).ok()?;
        self.is_open(r, Subject::Lane)
            .then(|| self.wanted(r, Subject::Lane))
            .flatten()
    }

    /// The lane that a rollout is in, and the one that somebody asks for.
    pub(crate) fn lane_views(&self, r: usize) -> (Option<LaneView>, Option<LaneAskedView>) {
        let Rollout { rec, plan, .. } = &self.rollouts[r];
        let entered = rec.lane.entered.as_ref();
        let view = plan.lane.as_ref().map(|lane| LaneView {
            name: lane.name.clone(),
            by: entered.map(|it| it.by.0.clone()).unwrap_or_default(),
            reason: entered.map(|it| it.reason.clone()).unwrap_or_default(),
            since: entered.map(|it| it.since),
            works_in_freezes: lane.overrides_freezes
                && entered.is_some_and(|it| !it.reason.trim().is_empty()),
        });
        let asked = rec
            .lane
            .asked
            .as_ref()
            .filter(|_| self.is_open(r, Subject::Lane));
        let asked = asked.and_then(|asked| {
            let lane = self.asked_plan(r)?.lane.as_ref()?;
            Some(LaneAskedView {
                name: lane.name.clone(),
                by: asked.by.0.clone(),
                reason: asked.reason.clone(),
                at: asked.at,
                plan: asked.plan,
                soaks: self.soak_changes(r),
                waiting: self.wanted(r, Subject::Lane).map(Waiting::from),
            })
        });
        (view, asked)
    }

    /// Soaks of rings to come that the lane would change: the ring, what it is now, what it would be.
    fn soak_changes(&self, r: usize) -> Vec<String> {
        let rollout = &self.rollouts[r];
        let Some(plan) = self.asked_plan(r) else {
            return Vec::new();
        };
        let rings = rollout.plan.rings.iter().zip(&plan.rings);
        let to_come = rings.skip(usize::from(rollout.rec.promoted));
        to_come
            .filter(|(now, then)| now.soak != then.soak)
            .map(|(now, then)| format!("{} {} -> {}", now.name, now.soak, then.soak))
            .collect()
    }
}

/// Where a ring goes back to that was observed for long enough in a lane, and is not by the plan that it has now: what was
/// observed counts.
fn shortened(rollout: &Rollout, plan: &Plan, ring: RingIndex) -> Option<Stage> {
    let before = &rollout.plan;
    let was = before.rings.get(ring.index())?.soak;
    let is = plan.rings.get(ring.index())?.soak;
    let time = |plan: &Plan| plan.terms.working(ring.index()).map(|working| working.time);
    if is <= was && time(plan) <= time(before) {
        return None;
    }
    // Where people ended it before its time, it was observed for as long as they had to wait, and maybe no longer.
    let early = before.consent.early(ring.index());
    let accrued = early.map_or(was, |early| early.at_least.min(was));
    Some(Stage::Soaking {
        ring,
        accrued,
        since: None,
    })
}

/// What is known of a plan's rules, as another one has them. Where a lane is entered, what is not known yet is taken for less
/// than it will be: hosts are visited when they might have been before, so that no visit under way is turned back for the
/// moment until it is known.
fn carried(known: &Calendar, before: &Plan, after: &Plan, now: Timestamp) -> Option<Calendar> {
    let rules: Vec<TimeRule<'_>> = before.rules().collect();
    let mut until = known.until;
    let tables = after.rules().enumerate().map(|(at, rule)| {
        let same = rules.iter().position(|known| same_rule(known, &rule));
        if let Some(table) = same.and_then(|same| known.tables.get(same)) {
            return Some(table.clone());
        }
        // All of it is asked for anew.
        until = now;
        let enters = after.lane.is_some() && before.times.tables.len() == after.times.tables.len();
        match rule {
            TimeRule::Times(_) if enters => known.tables.get(at).cloned(),
            TimeRule::Windows(table) if enters => {
                let mut tables = after.times.tables.iter();
                known
                    .tables
                    .get(tables.position(|one| one == table)?)
                    .cloned()
            }
            TimeRule::Freeze(..) if enters => Some(Table {
                open: vec![(now, Timestamp::NEVER)],
                frozen: Vec::new(),
            }),
            TimeRule::Times(_)
            | TimeRule::Windows(_)
            | TimeRule::Freeze(..)
            | TimeRule::Hours(_) => None,
        }
    });
    let tables = tables.collect::<Option<_>>()?;
    Some(Calendar {
        zones: known.zones.clone(),
        until,
        tables,
    })
}

fn same_rule(one: &TimeRule<'_>, other: &TimeRule<'_>) -> bool {
    match (one, other) {
        (TimeRule::Times(a), TimeRule::Times(b)) | (TimeRule::Windows(a), TimeRule::Windows(b)) => {
            a == b
        }
        (TimeRule::Hours(a), TimeRule::Hours(b)) => a == b,
        (TimeRule::Freeze(a, of), TimeRule::Freeze(b, other)) => a.zone == b.zone && of == other,
        (
            TimeRule::Times(_) | TimeRule::Hours(_) | TimeRule::Windows(_) | TimeRule::Freeze(..),
            _,
        ) => false,
    }
}

/// Whether two plans have the same hosts in the same rings, visited in the same way, with the same thresholds.
fn same_hosts(plan: &Plan, before: &Plan) -> bool {
    let like = |ring: &RingPlan, was: &RingPlan| {
        ring.name == was.name
            && ring.first == was.first
            && ring.planned == was.planned
            && ring.halt_on == was.halt_on
            && ring.debt_allowed == was.debt_allowed
    };
    plan.fleet == before.fleet
        && plan.rings.len() == before.rings.len()
        && plan
            .rings
            .iter()
            .zip(&before.rings)
            .all(|(a, b)| like(a, b))
        && plan.slots == before.slots
        && plan.routes == before.routes
        && plan.not_applicable == before.not_applicable
        && plan.unclaimed == before.unclaimed
}

/// Whether every freeze of the hosts in which nobody may work stays one.
fn binds_as_before(plan: &Plan, before: &Plan) -> bool {
    let tables = plan.without_lane().tables.iter();
    let mut freezes = tables.flat_map(|table| &table.freezes);
    freezes.all(|freeze| {
        !before.terms.binding.contains(&freeze.name) || plan.terms.binding.contains(&freeze.name)
    })
}

/// Whether two plans take the same care: gates, budgets, what is repeated, what a halt does, who people are.
fn same_care(plan: &Plan, before: &Plan) -> bool {
    let (consent, was) = (&plan.consent, &before.consent);
    let early = |plan: &Plan| -> Vec<_> {
        let rings = 0..plan.rings.len();
        rings
            .map(|ring| plan.consent.early(ring).cloned())
            .collect()
    };
    plan.seed == before.seed
        && plan.policy == before.policy
        && plan.update == before.update
        && plan.author == before.author
        && plan.gates == before.gates
        && plan.evidence == before.evidence
        && plan.unpoison == before.unpoison
        && plan.budget_down == before.budget_down
        && plan.pace.settle == before.pace.settle
        && plan.retry == before.retry
        && plan.offline_retry == before.offline_retry
        && plan.already_unhealthy == before.already_unhealthy
        && plan.on_halt == before.on_halt
        && plan.notify == before.notify
        && plan.outside_pause_at == before.outside_pause_at
        && plan.terms.external == before.terms.external
        && plan.terms.due == before.terms.due
        && consent.users == was.users
        && consent.contacts == was.contacts
        && consent.strata == was.strata
        && early(plan) == early(before)
}
