//! What the journal says so far of every rollout: who asked for it, who said yes, how it and its hosts stand.
//!
//! It hears every event in order and checks nothing: that is the audit's business. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringway_engine::{Event, Exception, Final, HostState, Subject, Then};
use ringway_executor::Library;
use ringway_model::{
    Actor, ChangeId, Digest, HostId, RingIndex, RolloutId, Selector, Slot, StepKind, StepResult,
    Timestamp, VisitKind,
};
use ringway_scheduler::exposure::{Changes, Has};
use ringway_scheduler::plan::Route;
use ringway_scheduler::{FleetSpec, Plan};

use super::advised::Advisories;

/// Everything that was heard.
pub(crate) struct Chronicle<'a> {
    library: &'a Library,
    /// The fleet that rollouts run over.
    pub(crate) fleet: Option<Arc<FleetSpec>>,
    /// Rollouts by their ids.
    pub(crate) courses: BTreeMap<RolloutId, Course>,
    /// Exceptions in force.
    pub(crate) exceptions: Exceptions,
    /// Those, and the ones that are over, as they were last.
    pub(crate) ever_excepted: Exceptions,
    /// Advisories, those that count no more included.
    pub(crate) advisories: Advisories,
}

/// Exceptions by their ids.
pub(crate) type Exceptions = BTreeMap<String, Exception>;

/// Whether an exception means a host, by its name and labels in a fleet.
pub(crate) fn is_meant(exception: &Exception, fleet: Option<&FleetSpec>, host: &str) -> bool {
    let mut hosts = fleet.into_iter().flat_map(|fleet| &fleet.hosts);
    let spec = hosts.find(|spec| spec.name == host);
    let selector = Selector::parse(&exception.hosts).ok();
    selector
        .zip(spec)
        .is_some_and(|(selector, spec)| selector.matches(&spec.name, &spec.labels))
}

/// The exception that leaves a host out of an update, in words; of several the one that ends last. Of a host in no rollout one
/// counts that is about all updates.
pub(crate) fn excepted(
    exceptions: &Exceptions,
    fleet: Option<&FleetSpec>,
    (host, update): (&str, Option<&str>),
) -> Option<String> {
    let covers = |one: &&Exception| match update {
        Some(update) => one.updates.covers(update),
        None => one.updates.names().is_empty(),
    };
    let all = exceptions.values().filter(covers);
    let all = all.filter(|one| is_meant(one, fleet, host));
    all.max_by_key(|one| one.until).map(|one| {
        format!(
            "exception {} of {} until {}: {} (approved by {})",
            one.id,
            one.owner,
            one.until,
            one.reason,
            one.approved_by.join(", ")
        )
    })
}

/// One rollout's course.
#[derive(Clone)]
pub(crate) struct Course {
    pub(crate) id: RolloutId,
    pub(crate) change: Option<ChangeId>,
    /// The lane it is in.
    pub(crate) lane: Option<String>,
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
    /// The rollout that took its place.
    pub(crate) superseded_by: Option<RolloutId>,
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
    /// Whose user that is.
    pub(crate) person: String,
    pub(crate) digest: Digest,
    /// Why it no longer counts.
    pub(crate) void: Option<String>,
    /// Whether anything went on because of it, where that is told: an early end of a soak.
    pub(crate) used: bool,
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
    /// When it had the update, and when not.
    pub(crate) had: Changes,
}

impl Stood {
    const NEW: Self = Self {
        state: HostState::Pending,
        since: None,
        previous: None,
        skipped: None,
        had: Changes::NONE,
    };

    /// It stands so now. Where it did before, that goes on: what is known of a host may change without it.
    pub(super) fn is(&mut self, at: Timestamp, state: HostState) {
        if self.state != state || self.since.is_none() {
            self.state = state;
            self.since = Some(at);
        }
        match (has(state), self.had.now()) {
            (Some(has), _) => self.had.is(at, has),
            // Whoever is somewhere is there again.
            (None, Has::Gone) => self.had.is(at, Has::Not),
            (None, Has::Not | Has::It) => {}
        }
    }
}

/// Whether a host in this state has the update; `None`: as it was before. One that failed or went silent has not, whatever
/// is on its disk, and one whose restart was withheld does not run it.
const fn has(state: HostState) -> Option<Has> {
    match state {
        HostState::Settling
        | HostState::Updated
        | HostState::Already
        | HostState::ChangedOutside
        | HostState::Unhealthy { .. } => Some(Has::It),
        HostState::Failed { .. }
        | HostState::Lost
        | HostState::RestartWithheld
        | HostState::RolledBack
        | HostState::Pending => Some(Has::Not),
        HostState::Vanished => Some(Has::Gone),
        HostState::Running { .. }
        | HostState::Ready { .. }
        | HostState::Backoff { .. }
        | HostState::ByHand { .. }
        | HostState::NotReady { .. }
        | HostState::GoesLast { .. }
        | HostState::RollbackFailed { .. }
        | HostState::Offline
        | HostState::Held
        | HostState::OnHold
        | HostState::Skipped
        | HostState::Excepted
        | HostState::CatchUp
        | HostState::Again => None,
    }
}

impl<'a> Chronicle<'a> {
    /// Nothing was heard yet.
    pub(crate) const fn new(library: &'a Library) -> Self {
        Self {
            library,
            fleet: None,
            courses: BTreeMap::new(),
            exceptions: BTreeMap::new(),
            ever_excepted: BTreeMap::new(),
            advisories: BTreeMap::new(),
        }
    }

    /// The name of a host of the fleet that rollouts run over now.
    pub(crate) fn host(&self, host: HostId) -> String {
        name(self.fleet.as_deref(), host)
    }

    /// Hears an event.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each case is read as one table"
    )]
    pub(crate) fn learn(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::FleetAdopted { fleet } | Event::FleetRefreshed { fleet, .. } => {
                self.fleet = self.library.fleets.get(fleet).cloned();
            }
            Event::Excepted { exception, .. } => {
                for all in [&mut self.exceptions, &mut self.ever_excepted] {
                    all.insert(exception.id.clone(), exception.clone());
                }
            }
            Event::ExceptionEnded { id, .. } => {
                self.exceptions.remove(id);
            }
            Event::Advised { .. } | Event::AdvisoryRuled { .. } => {
                super::advised::learn(&mut self.advisories, event);
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
            Event::SupersedeBegan { rollout, by, .. } => {
                if let Some(old) = self.courses.get_mut(rollout) {
                    old.is_superseded(*by);
                }
                if let Some(new) = self.courses.get_mut(by) {
                    new.takes_over(at);
                }
            }
            Event::Recovered { .. }
            | Event::Alive
            | Event::ProtectionEnds { .. }
            | Event::ProtectionGone { .. }
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
            | Event::Poisoned { .. }
            | Event::Unpoisoned { .. }
            | Event::UnpoisonAsked { .. }
            | Event::UnpoisonApproved { .. }
            | Event::UnpoisonLapsed { .. }
            | Event::LaneEntered { .. }
            | Event::LaneAsked { .. }
            | Event::LaneLapsed { .. }
            | Event::Expedited { .. }
            | Event::Commented { .. }
            | Event::CalendarKnown { .. }
            | Event::ChangeNamed { .. }
            | Event::FreezeOverridden { .. }
            | Event::UntestedAccepted { .. }
            | Event::GateSaid { .. }
            | Event::WorkAsked { .. }
            | Event::ChangedOutside { .. }
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
            lane: None,
            key: key.cloned(),
            starter: starter.clone(),
            proposed: at,
            digest,
            fleet,
            state: "proposed",
            ended: None,
            superseded_by: None,
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
            } => self.agreed(at, *subject, (actor, self.person(actor)), *digest),
            Event::ApprovalGiven {
                subject,
                actor,
                digest,
                shown,
                ..
            } => self.agreed(at, *subject, (actor, shown.person.clone()), *digest),
            Event::LaneEntered { lane, .. } => self.lane = Some(lane.clone()),
            Event::Expedited { lane, .. } => {
                self.lane.clone_from(lane);
                for yes in &mut self.approvals {
                    yes.used |= yes.subject == Subject::Lane && yes.void.is_none();
                }
            }
            Event::SoakCutShort { ring, .. } => {
                let early = Subject::Early { ring: *ring };
                for yes in &mut self.approvals {
                    yes.used |= yes.subject == early && yes.void.is_none();
                }
            }
            Event::ApprovalVoided {
                subject,
                actor,
                why,
                ..
            } => self.void(|yes| yes.subject == *subject && yes.actor == *actor, why),
            Event::Declined { actor, .. } => {
                let ring = self.ring;
                let going_on = [Subject::Promotion { ring }, Subject::Early { ring }];
                self.void(
                    |yes| going_on.contains(&yes.subject),
                    &format!("{actor} declined"),
                );
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
            Event::StepIssued {
                intent,
                visit: visit @ (VisitKind::Update | VisitKind::Restart | VisitKind::Rollback),
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
            Event::WorkAsked {
                intent,
                visit,
                position,
                attempt,
                ..
            } => self.stands(intent.slot(), |host| {
                let state = HostState::ByHand {
                    visit: *visit,
                    position: *position,
                    attempt: *attempt,
                    ending: ringway_engine::Ending::Well,
                };
                host.is(at, state);
            }),
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
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::PeerChosen { .. }
            | Event::FleetRefreshed { .. }
            | Event::PlanRevised { .. }
            | Event::Poisoned { .. }
            | Event::Unpoisoned { .. }
            | Event::UnpoisonAsked { .. }
            | Event::UnpoisonApproved { .. }
            | Event::UnpoisonLapsed { .. }
            | Event::SupersedeBegan { .. }
            | Event::LaneAsked { .. }
            | Event::LaneLapsed { .. }
            | Event::Advised { .. }
            | Event::AdvisoryRuled { .. }
            | Event::Stopped { .. }
            | Event::Went { .. }
            | Event::Faulted { .. }
            | Event::EvidenceChanged { .. }
            | Event::HostsAdopted { .. }
            | Event::HostHeld { .. }
            | Event::HostReleased { .. }
            | Event::FreezeOverridden { .. }
            | Event::UntestedAccepted { .. }
            | Event::GateSaid { .. }
            | Event::WorkTold { .. }
            | Event::Excepted { .. }
            | Event::ChangedOutside { .. }
            // An errand changes nothing of how its host stands.
            | Event::StepIssued {
                visit: VisitKind::Errand,
                ..
            }
            | Event::ProtectionEnds { .. }
            | Event::ProtectionGone { .. }
            | Event::ExceptionEnded { .. } => {}
        }
    }

    fn stands(&mut self, slot: Slot, so: impl FnOnce(&mut Stood)) {
        if let Some(host) = self.hosts.get_mut(slot.index()) {
            so(host);
        }
    }

    fn agreed(
        &mut self,
        at: Timestamp,
        subject: Subject,
        (actor, person): (&Actor, String),
        digest: Digest,
    ) {
        self.approvals.push(Yes {
            at,
            subject,
            actor: actor.clone(),
            person,
            digest,
            void: None,
            used: !matches!(subject, Subject::Early { .. } | Subject::Lane),
        });
    }

    /// Whose user somebody is, as the rollout's documents have it.
    pub(crate) fn person(&self, actor: &Actor) -> String {
        let plan = self.plan.as_ref();
        plan.map_or_else(|| actor.0.clone(), |plan| plan.consent.person(&actor.0))
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
        let counted = |yes: &&Yes| yes.void.is_none() && yes.used;
        for yes in self.approvals.iter().filter(counted) {
            let counts = match yes.subject {
                Subject::Start => true,
                // It lets nobody be visited who would not be without it.
                Subject::Lane => false,
                Subject::Promotion { ring: after } | Subject::Early { ring: after } => after < ring,
            };
            if counts && !names.contains(&yes.person) {
                names.push(yes.person.clone());
            }
        }
        names
    }

    /// What a yes is for, in words.
    pub(crate) fn subject(&self, subject: Subject) -> String {
        match subject {
            Subject::Start => "start".to_owned(),
            Subject::Lane => "a lane".to_owned(),
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

    /// Whether the host of a slot stands since this instant as it does.
    pub(crate) fn changed_at(&self, slot: Slot, at: Timestamp) -> bool {
        let host = self.hosts.get(slot.index());
        host.is_some_and(|host| host.since == Some(at))
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

    /// What a step of a slot is.
    pub(crate) fn step(&self, slot: Slot, visit: VisitKind, position: u8) -> Option<StepKind> {
        Some(self.route(slot)?.step(visit, position)?.kind)
    }
}

fn name(fleet: Option<&FleetSpec>, host: HostId) -> String {
    let known = fleet.and_then(|fleet| fleet.hosts.get(host.index()));
    known.map_or_else(|| format!("host {}", host.0), |host| host.name.clone())
}

#[cfg(test)]
mod tests {
    use ringway_engine::Then;
    use ringway_model::{FailWhy, IntentId};

    use super::*;

    const ONE: RolloutId = RolloutId(1);

    /// A rollout with one host, of whose plan nothing is known.
    fn course(library: &Library) -> Course {
        let chronicle = Chronicle::new(library);
        let starter = Actor("olga".to_owned());
        let mut course = chronicle.proposed(Timestamp(0), ONE, Digest::of(b"plan"), &starter, None);
        course.hosts = vec![Stood::NEW];
        course
    }

    fn moved(to: HostState) -> Event {
        Event::HostMoved {
            rollout: ONE,
            slot: Slot(0),
            to,
            until: Timestamp::NEVER,
        }
    }

    /// A probe that changes for a moment is an event of an updated host, too; it is updated since it was.
    #[test]
    fn a_host_stands_since_it_came_to_that_and_not_since_it_was_said_again() {
        let library = Library::default();
        let mut course = course(&library);
        course.learn(Timestamp(1), &moved(HostState::Updated));
        assert!(course.changed_at(Slot(0), Timestamp(1)));
        course.learn(Timestamp(2), &moved(HostState::Updated));
        assert_eq!(course.hosts[0].since, Some(Timestamp(1)));
        assert!(!course.changed_at(Slot(0), Timestamp(2)));
        let unwell = HostState::Unhealthy {
            why: FailWhy::ProbeDown,
        };
        course.learn(Timestamp(3), &moved(unwell));
        assert!(course.changed_at(Slot(0), Timestamp(3)));
    }

    #[test]
    fn a_host_that_a_person_works_on_is_not_pending() {
        let library = Library::default();
        let mut course = course(&library);
        let intent = IntentId::new(ONE, Slot(0), 1);
        let asked = Event::WorkAsked {
            intent,
            visit: VisitKind::Update,
            position: 0,
            attempt: 1,
            due: Timestamp(9),
        };
        course.learn(Timestamp(1), &asked);
        assert!(matches!(course.hosts[0].state, HostState::ByHand { .. }));
        let ended = Event::StepEnded {
            intent,
            result: StepResult::Done,
            then: Then::End {
                to: HostState::Updated,
                until: Timestamp::NEVER,
            },
        };
        course.learn(Timestamp(2), &ended);
        assert_eq!(course.hosts[0].state, HostState::Updated);
    }

    fn yes(course: &mut Course, actor: &str, subject: Subject) {
        let user = Actor(format!("svc-{actor}"));
        let shown = Digest::of(b"shown");
        course.agreed(Timestamp(1), subject, (&user, actor.to_owned()), shown);
    }

    /// Who wanted a soak to end early, and did not get it, has not let anybody be visited; nor has a yes that a no took back.
    #[test]
    fn only_those_approved_whose_yes_led_to_something() {
        let library = Library::default();
        let mut course = course(&library);
        let ring = RingIndex(0);
        yes(&mut course, "ana", Subject::Promotion { ring });
        yes(&mut course, "ben", Subject::Early { ring });
        assert_eq!(course.approvers(RingIndex(1)), ["ana"]);
        let cut = Event::SoakCutShort {
            rollout: ONE,
            ring,
            observed: ringway_model::Span::hours(1),
            people: vec!["ben".to_owned()],
        };
        course.learn(Timestamp(2), &cut);
        assert_eq!(course.approvers(RingIndex(1)), ["ana", "ben"]);
        let no = Event::Declined {
            rollout: ONE,
            actor: Actor("eve".to_owned()),
            reason: "no".to_owned(),
        };
        course.learn(Timestamp(3), &no);
        assert_eq!(course.approvers(RingIndex(1)), [""; 0]);
    }
}
