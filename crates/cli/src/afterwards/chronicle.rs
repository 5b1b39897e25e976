//! What the journal says so far of every rollout: who asked for it, who said yes, how it and its hosts stand.
//!
//! It hears every event in order and checks nothing: that is the audit's business. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringway_engine::{Event, Final, HostState, Subject, Then};
use ringway_executor::Library;
use ringway_model::{
    Actor, ChangeId, Digest, HostId, RingIndex, RolloutId, Slot, StepResult, Timestamp,
};
use ringway_scheduler::plan::Route;
use ringway_scheduler::{FleetSpec, Plan};

/// Everything that was heard.
pub(crate) struct Chronicle<'a> {
    library: &'a Library,
    /// The fleet that rollouts run over.
    pub(crate) fleet: Option<Arc<FleetSpec>>,
    /// Rollouts by their ids.
    pub(crate) courses: BTreeMap<RolloutId, Course>,
}

/// One rollout's course.
#[derive(Clone)]
pub(crate) struct Course {
    pub(crate) id: RolloutId,
    pub(crate) change: Option<ChangeId>,
    pub(crate) key: Option<String>,
    pub(crate) starter: Actor,
    pub(crate) proposed: Timestamp,
    pub(crate) digest: Digest,
    /// The plan and its fleet; absent only where the journal lost them.
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) fleet: Option<Arc<FleetSpec>>,
    /// Its state in a word.
    pub(crate) state: &'static str,
    /// When it was over, and how.
    pub(crate) ended: Option<(Timestamp, Final)>,
    pub(crate) approvals: Vec<Yes>,
    /// By slot.
    pub(crate) hosts: Vec<Stood>,
    /// The ring it is at.
    ring: RingIndex,
}

/// A yes.
#[derive(Clone)]
pub(crate) struct Yes {
    pub(crate) at: Timestamp,
    pub(crate) subject: Subject,
    pub(crate) actor: Actor,
    pub(crate) digest: Digest,
    /// Why it no longer counts.
    pub(crate) void: Option<String>,
}

/// How a host stands in a rollout.
#[derive(Clone)]
pub(crate) struct Stood {
    pub(crate) state: HostState,
    /// Since when; absent before anything was decided about it.
    pub(crate) since: Option<Timestamp>,
    /// What it had before, as it said itself.
    pub(crate) previous: Option<String>,
    /// Who left it out, and why.
    pub(crate) skipped: Option<(Actor, String)>,
}

impl Stood {
    const NEW: Self = Self {
        state: HostState::Pending,
        since: None,
        previous: None,
        skipped: None,
    };

    fn is(&mut self, at: Timestamp, state: HostState) {
        self.state = state;
        self.since = Some(at);
    }
}

impl<'a> Chronicle<'a> {
    /// Nothing was heard yet.
    pub(crate) const fn new(library: &'a Library) -> Self {
        Self {
            library,
            fleet: None,
            courses: BTreeMap::new(),
        }
    }

    /// The name of a host of the fleet that rollouts run over now.
    pub(crate) fn host(&self, host: HostId) -> String {
        name(self.fleet.as_deref(), host)
    }

    /// Hears an event.
    pub(crate) fn learn(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::FleetAdopted { fleet } | Event::FleetRefreshed { fleet, .. } => {
                self.fleet = self.library.fleets.get(fleet).cloned();
            }
            Event::PlanRevised { rollout, plan } => {
                let library = self.library;
                if let Some(course) = self.courses.get_mut(rollout) {
                    course.revise(*plan, library);
                }
            }
            Event::Proposed {
                rollout,
                plan,
                actor,
                key,
            } => {
                let course = self.proposed(at, *rollout, *plan, actor, key.as_ref());
                self.courses.insert(*rollout, course);
            }
            Event::Recovered { .. }
            | Event::Alive
            | Event::ClockJumped { .. }
            | Event::Stopped { .. }
            | Event::Went { .. }
            | Event::Faulted { .. }
            | Event::Approved { .. }
            | Event::ApprovalGiven { .. }
            | Event::SoakCutShort { .. }
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::PeerChosen { .. }
            | Event::ApprovalVoided { .. }
            | Event::Declined { .. }
            | Event::RingOpened { .. }
            | Event::SoakBegan { .. }
            | Event::SoakHeld { .. }
            | Event::SoakContinued { .. }
            | Event::SoakEnded { .. }
            | Event::Promoted { .. }
            | Event::Paused { .. }
            | Event::Halted { .. }
            | Event::Resumed { .. }
            | Event::CancelBegan { .. }
            | Event::RollbackBegan { .. }
            | Event::Finished { .. }
            | Event::StepIssued { .. }
            | Event::StepEnded { .. }
            | Event::HostMoved { .. }
            | Event::EvidenceChanged { .. }
            | Event::Restarted { .. }
            | Event::HostsAdopted { .. }
            | Event::HostSkipped { .. }
            | Event::HostRetried { .. }
            | Event::HostHeld { .. }
            | Event::HostReleased { .. }
            | Event::Commented { .. }
            | Event::CalendarKnown { .. }
            | Event::ChangeNamed { .. }
            | Event::FreezeOverridden { .. }
            | Event::GateSaid { .. }
            | Event::WorkAsked { .. }
            | Event::WorkTold { .. } => {
                let course = event.rollout().and_then(|id| self.courses.get_mut(&id));
                if let Some(course) = course {
                    course.learn(at, event);
                }
            }
        }
    }

    fn proposed(
        &self,
        at: Timestamp,
        id: RolloutId,
        digest: Digest,
        starter: &Actor,
        key: Option<&String>,
    ) -> Course {
        let plan = self.library.plans.get(&digest).cloned();
        let fleet = plan
            .as_ref()
            .and_then(|plan| self.library.fleets.get(&plan.fleet).cloned());
        Course {
            id,
            change: None,
            key: key.cloned(),
            starter: starter.clone(),
            proposed: at,
            digest,
            fleet,
            state: "proposed",
            ended: None,
            approvals: Vec::new(),
            hosts: vec![Stood::NEW; plan.as_ref().map_or(0, |plan| plan.slots.len())],
            ring: RingIndex(0),
            plan,
        }
    }
}

impl Course {
    /// It goes on by the next revision of its plan, in which hosts may have other slots.
    fn revise(&mut self, digest: Digest, library: &Library) {
        let Some(plan) = library.plans.get(&digest).cloned() else {
            return;
        };
        let before = self.plan.iter().flat_map(|plan| &plan.slots);
        let stood: BTreeMap<HostId, &Stood> = before
            .map(|planned| planned.host)
            .zip(&self.hosts)
            .collect();
        let now = plan.slots.iter().map(|planned| stood.get(&planned.host));
        self.hosts = now
            .map(|stood| stood.map_or(Stood::NEW, |stood| (*stood).clone()))
            .collect();
        self.fleet = library.fleets.get(&plan.fleet).cloned();
        self.digest = digest;
        self.plan = Some(plan);
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each event is the table of what a course is made of"
    )]
    fn learn(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::ChangeNamed { change, .. } => self.change = Some(change.clone()),
            Event::Approved {
                subject,
                actor,
                digest,
                ..
            }
            | Event::ApprovalGiven {
                subject,
                actor,
                digest,
                ..
            } => self.approvals.push(Yes {
                at,
                subject: *subject,
                actor: actor.clone(),
                digest: *digest,
                void: None,
            }),
            Event::ApprovalVoided {
                subject,
                actor,
                why,
                ..
            } => self.void(|yes| yes.subject == *subject && yes.actor == *actor, why),
            Event::Declined { actor, .. } => {
                let subject = Subject::Promotion { ring: self.ring };
                self.void(|yes| yes.subject == subject, &format!("{actor} declined"));
                self.state = "paused";
            }
            Event::RingOpened { ring, .. } => {
                self.ring = *ring;
                self.state = "advancing";
            }
            Event::Paused { .. } => self.state = "paused",
            Event::Halted { .. } => self.state = "halted",
            Event::Resumed { .. } => self.state = "advancing",
            Event::CancelBegan { .. } => self.state = "cancelling",
            Event::RollbackBegan { .. } => {
                self.state = "rolling back";
                self.ended = None;
            }
            Event::Finished { how, .. } => {
                self.state = crate::show::ending(*how);
                self.ended = Some((at, *how));
            }
            // An errand changes nothing of how its host stands.
            Event::StepIssued {
                visit: ringway_model::VisitKind::Errand,
                ..
            } => {}
            Event::StepIssued {
                intent,
                visit,
                position,
                attempt,
            } => {
                let ending = ringway_engine::Ending::Well;
                self.stands(intent.slot(), |host| {
                    let state = HostState::Running {
                        visit: *visit,
                        position: *position,
                        attempt: *attempt,
                        ending,
                    };
                    host.is(at, state);
                });
            }
            Event::StepEnded {
                intent,
                result,
                then,
            } => self.stands(intent.slot(), |host| {
                if let StepResult::Found {
                    previous: Some(previous),
                    ..
                } = result
                {
                    host.previous = Some(previous.clone());
                }
                if let Then::End { to, .. } = then {
                    host.is(at, *to);
                }
            }),
            Event::HostMoved { slot, to, .. } => self.stands(*slot, |host| host.is(at, *to)),
            Event::HostSkipped {
                slot,
                actor,
                reason,
                ..
            } => self.stands(*slot, |host| {
                host.is(at, HostState::Skipped);
                host.skipped = Some((actor.clone(), reason.clone()));
            }),
            Event::HostRetried { slot, .. } => self.stands(*slot, |host| {
                let is_down = matches!(
                    host.state,
                    HostState::Failed { .. } | HostState::Unhealthy { .. } | HostState::Lost
                );
                let state = if is_down {
                    HostState::Again
                } else {
                    HostState::Pending
                };
                host.is(at, state);
                host.skipped = None;
            }),
            Event::SoakBegan { .. }
            | Event::SoakHeld { .. }
            | Event::SoakContinued { .. }
            | Event::SoakEnded { .. }
            | Event::Promoted { .. }
            | Event::Restarted { .. }
            | Event::Commented { .. }
            | Event::CalendarKnown { .. }
            | Event::Proposed { .. }
            | Event::Recovered { .. }
            | Event::Alive
            | Event::ClockJumped { .. }
            | Event::FleetAdopted { .. }
            | Event::SoakCutShort { .. }
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::PeerChosen { .. }
            | Event::FleetRefreshed { .. }
            | Event::PlanRevised { .. }
            | Event::Stopped { .. }
            | Event::Went { .. }
            | Event::Faulted { .. }
            | Event::EvidenceChanged { .. }
            | Event::HostsAdopted { .. }
            | Event::HostHeld { .. }
            | Event::HostReleased { .. }
            | Event::FreezeOverridden { .. }
            | Event::GateSaid { .. }
            | Event::WorkAsked { .. }
            | Event::WorkTold { .. } => {}
        }
    }

    fn stands(&mut self, slot: Slot, so: impl FnOnce(&mut Stood)) {
        if let Some(host) = self.hosts.get_mut(slot.index()) {
            so(host);
        }
    }

    fn void(&mut self, which: impl Fn(&Yes) -> bool, why: &str) {
        for yes in &mut self.approvals {
            if yes.void.is_none() && which(yes) {
                yes.void = Some(why.to_owned());
            }
        }
    }

    /// Who said the yeses by which the hosts of this ring could be visited, each once, in the order they said them.
    pub(crate) fn approvers(&self, ring: RingIndex) -> Vec<String> {
        let mut names = Vec::new();
        for yes in self.approvals.iter().filter(|yes| yes.void.is_none()) {
            let counts = match yes.subject {
                Subject::Start => true,
                Subject::Promotion { ring: after } | Subject::Early { ring: after } => after < ring,
            };
            if counts && !names.contains(&yes.actor.0) {
                names.push(yes.actor.0.clone());
            }
        }
        names
    }

    /// What a yes is for, in words.
    pub(crate) fn subject(&self, subject: Subject) -> String {
        match subject {
            Subject::Start => "start".to_owned(),
            Subject::Promotion { ring } => format!("going on after ring {}", self.ring_name(ring)),
            Subject::Early { ring } => {
                format!("ending the soak of ring {} early", self.ring_name(ring))
            }
        }
    }

    pub(crate) fn policy(&self) -> String {
        self.plan
            .as_ref()
            .map_or_else(String::new, |plan| plan.policy.clone())
    }

    pub(crate) fn update(&self) -> String {
        self.plan
            .as_ref()
            .map_or_else(String::new, |plan| plan.update.clone())
    }

    /// The host of a slot.
    pub(crate) fn host(&self, slot: Slot) -> String {
        let host = self
            .plan
            .as_ref()
            .and_then(|plan| plan.slots.get(slot.index()));
        host.map_or_else(
            || format!("slot {}", slot.0),
            |slot| name(self.fleet.as_deref(), slot.host),
        )
    }

    /// The slot of a host of this name.
    pub(crate) fn slot_of(&self, wanted: &str) -> Option<Slot> {
        let (plan, fleet) = (self.plan.as_ref()?, self.fleet.as_ref()?);
        let named = |host: HostId| {
            fleet
                .hosts
                .get(host.index())
                .is_some_and(|it| it.name == wanted)
        };
        plan.slots
            .iter()
            .position(|slot| named(slot.host))
            .map(Slot::at)
    }

    pub(crate) fn ring_of(&self, slot: Slot) -> RingIndex {
        self.plan
            .as_ref()
            .map_or(RingIndex(0), |plan| plan.ring_of(slot))
    }

    pub(crate) fn ring_name(&self, ring: RingIndex) -> String {
        let found = self
            .plan
            .as_ref()
            .and_then(|plan| plan.rings.get(ring.index()));
        found.map_or_else(|| format!("no. {}", ring.0), |ring| ring.name.clone())
    }

    /// How the host of a slot is visited: with its release and recipe.
    pub(crate) fn route(&self, slot: Slot) -> Option<&Route> {
        let plan = self.plan.as_ref()?;
        plan.routes.get(plan.slots.get(slot.index())?.route.index())
    }
}

fn name(fleet: Option<&FleetSpec>, host: HostId) -> String {
    let known = fleet.and_then(|fleet| fleet.hosts.get(host.index()));
    known.map_or_else(|| format!("host {}", host.0), |host| host.name.clone())
}
