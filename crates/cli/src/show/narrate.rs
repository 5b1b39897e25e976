//! The journal's lines in words, with the names of hosts, rings and steps instead of their numbers.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringway_engine::{Ending, Event, Final, HaltCause, HostState, Subject, Then};
use ringway_executor::Library;
use ringway_executor::codec::{Line, What};
use ringway_model::{
    ChangeId, Digest, HostId, IntentId, ProbeId, RingIndex, RolloutId, Slot, VisitKind,
};
use ringway_scheduler::{FleetSpec, Plan};

use super::words::{named, result_words};
use crate::commands::because as because_joined;

/// Tells what lines say. It must hear every event in order, to know which plan a rollout is of.
pub(crate) struct Narrator<'a> {
    library: &'a Library,
    plans: BTreeMap<RolloutId, Arc<Plan>>,
    changes: BTreeMap<RolloutId, ChangeId>,
    fleet: Option<Arc<FleetSpec>>,
}

impl<'a> Narrator<'a> {
    /// A narrator who knows these fleets and plans.
    pub(crate) fn new(library: &'a Library) -> Self {
        Self {
            library,
            plans: BTreeMap::new(),
            changes: BTreeMap::new(),
            fleet: None,
        }
    }

    /// Hears an event.
    pub(crate) fn learn(&mut self, event: &Event) {
        if let Event::Proposed { rollout, plan, .. } | Event::PlanRevised { rollout, plan } = event
            && let Some(plan) = self.library.plans.get(plan)
        {
            self.plans.insert(*rollout, Arc::clone(plan));
        }
        if let Event::ChangeNamed { rollout, change } = event {
            self.changes.insert(*rollout, change.clone());
        }
        if let Event::FleetAdopted { fleet } | Event::FleetRefreshed { fleet, .. } = event {
            self.fleet = self.library.fleets.get(fleet).cloned();
        }
    }

    /// Hears which tickets rollouts have that are proposed in these events, so that not even the first line about one is
    /// without.
    pub(crate) fn learn_changes(&mut self, events: &[Event]) {
        for event in events {
            if let Event::ChangeNamed { rollout, change } = event {
                self.changes.insert(*rollout, change.clone());
            }
        }
    }

    /// The ticket of the rollout that a line is about.
    pub(crate) fn change(&self, what: What<'_>) -> Option<&ChangeId> {
        let rollout = match what {
            What::Event(event) => event.rollout(),
            What::Input(input) => input.rollout(),
            What::Note(intent, _) => Some(intent.rollout()),
            What::State(_) => None,
        };
        self.changes.get(&rollout?)
    }

    /// A rollout with its ticket.
    fn named(&self, rollout: RolloutId) -> String {
        named(rollout, self.changes.get(&rollout))
    }

    /// A line.
    pub(crate) fn line(&self, line: &Line<'_>) -> String {
        let what = match line.what {
            What::Event(event) => self.event(event),
            What::Input(input) => format!("<- {input:?}"),
            What::Note(intent, text) => {
                format!(
                    "{} said: {}",
                    self.host(intent.rollout(), intent.slot()),
                    text.replace('\n', " | ")
                )
            }
            What::State(digest) => format!("state {}", digest.short()),
        };
        format!("{:>6}  {}  {what}", line.seq, line.at)
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one line for each event is the table people are shown"
    )]
    /// An event.
    pub(crate) fn event(&self, event: &Event) -> String {
        let name = event
            .rollout()
            .map_or_else(String::new, |id| self.named(id));
        match event {
            Event::Recovered { epoch, .. } => format!("taken over as epoch {epoch}"),
            Event::Alive => "alive".to_owned(),
            Event::ClockJumped { from } => format!("the clock jumped; before: {from}"),
            Event::FleetAdopted { fleet } => format!("fleet {} adopted", fleet.short()),
            Event::Stopped { actor, reason } => {
                format!("everything stopped by {actor}{}", because(reason))
            }
            Event::Went { actor, reason } => {
                format!("the fleet goes on, says {actor}{}", because(reason))
            }
            Event::Faulted { what } => format!("the engine stopped itself: {what}"),
            Event::Proposed {
                plan, actor, key, ..
            } => {
                let key = key
                    .as_ref()
                    .map_or(String::new(), |key| format!(" as `{key}`"));
                format!("{name} proposed by {actor}{key}: plan {}", plan.short())
            }
            Event::Approved {
                rollout,
                subject,
                actor,
                digest,
                ..
            } => {
                format!(
                    "{name} {} approved by {actor} (digest {})",
                    self.subject(*rollout, *subject),
                    digest.short()
                )
            }
            Event::ApprovalGiven {
                rollout,
                subject,
                actor,
                digest,
                shown,
                reason,
                ..
            } => {
                let by = if shown.person == actor.0 {
                    actor.0.clone()
                } else {
                    format!("{} (user {actor})", shown.person)
                };
                let deputy = shown.deputy_in.as_ref();
                format!(
                    "{name} {} approved by {by}{}{} (digest {}){}",
                    self.subject(*rollout, *subject),
                    deputy.map_or_else(String::new, |team| format!(", deputy in {team}")),
                    shown
                        .expires
                        .map_or_else(String::new, |at| format!(", void at {at} unless used")),
                    digest.short(),
                    because(reason)
                )
            }
            Event::SoakCutShort {
                rollout,
                ring,
                observed,
                people,
            } => format!(
                "{rollout} ring {} soaked for {observed}, ended early by {}",
                self.ring(*rollout, *ring),
                people.join(" and ")
            ),
            Event::Asked {
                number,
                actor,
                to,
                text,
                ..
            } => {
                let to = to.as_ref();
                let to = to.map_or_else(String::new, |to| format!(" {to}"));
                format!("{name} question {number}: {actor} asks{to}: {text}")
            }
            Event::Answered {
                number,
                actor,
                text,
                ..
            } => format!("{name} question {number}: {actor} answers: {text}"),
            Event::ApprovalVoided {
                rollout,
                subject,
                actor,
                why,
            } => {
                format!(
                    "{name} {}: the yes of {actor} is void: {why}",
                    self.subject(*rollout, *subject)
                )
            }
            Event::Declined { actor, reason, .. } => {
                format!("{name} declined by {actor}{}", because(reason))
            }
            Event::RingOpened { rollout, ring } => {
                format!("{name} ring {} begins", self.ring(*rollout, *ring))
            }
            Event::SoakBegan { rollout, ring } => {
                format!("{name} ring {} soaks", self.ring(*rollout, *ring))
            }
            Event::SoakHeld { .. } => format!("{name} the soak stands still"),
            Event::SoakContinued { .. } => format!("{name} the soak goes on"),
            Event::SoakEnded { .. } => format!("{name} the soak is over"),
            Event::Promoted { rollout, ring } => {
                format!("{name} ring {} promoted", self.ring(*rollout, *ring))
            }
            Event::Paused { actor, reason, .. } => {
                format!("{name} paused by {actor}{}", because(reason))
            }
            Event::Halted { rollout, cause } => {
                format!("{name} HALTED: {}", self.cause(*rollout, cause))
            }
            Event::Resumed { actor, reason, .. } => {
                format!("{name} resumed by {actor}{}", because(reason))
            }
            Event::CancelBegan { actor, reason, .. } => {
                format!("{name} is being cancelled by {actor}{}", because(reason))
            }
            Event::RollbackBegan { actor, reason, .. } => {
                format!("{name} is being rolled back by {actor}{}", because(reason))
            }
            Event::Finished { how, .. } => format!("{name} is over: {}", ending(*how)),
            Event::StepIssued {
                intent,
                visit,
                position,
                attempt,
            } => {
                let again = if *attempt > 1 {
                    format!(", attempt {attempt}")
                } else {
                    String::new()
                };
                format!(
                    "{} {}{again} ({intent})",
                    self.host_of(*intent),
                    self.step(*intent, *visit, *position)
                )
            }
            Event::StepEnded {
                intent,
                result,
                then,
            } => {
                format!(
                    "{} {} ({intent}){}",
                    self.host_of(*intent),
                    result_words(result),
                    Self::then(*then)
                )
            }
            Event::HostMoved {
                rollout, slot, to, ..
            } => {
                format!("{} is {}", self.host(*rollout, *slot), host_state(*to))
            }
            Event::PeerChosen { intent, peer } => format!(
                "{} has its next step run on {} ({intent})",
                self.host_of(*intent),
                self.host_name(*peer)
            ),
            Event::EvidenceChanged { host, probe, to } => {
                format!(
                    "{} by {}: {}",
                    self.host_name(*host),
                    self.probe(*probe),
                    format!("{to:?}").to_lowercase()
                )
            }
            Event::Restarted { rollout, slot } => {
                format!("{} restarted by itself", self.host(*rollout, *slot))
            }
            Event::HostsAdopted {
                incarnation,
                actor,
                reason,
            } => format!("{actor} took over the hosts of database {incarnation}: {reason}"),
            Event::HostSkipped {
                rollout,
                slot,
                actor,
                reason,
            } => format!(
                "{} is left out by {actor}{}",
                self.host(*rollout, *slot),
                because(reason)
            ),
            Event::HostRetried {
                rollout,
                slot,
                actor,
                reason,
            } => format!(
                "{} is to be visited again, says {actor}{}",
                self.host(*rollout, *slot),
                because(reason)
            ),
            Event::HostHeld {
                host,
                kind,
                actor,
                reason,
                until,
            } => format!(
                "{} is not to be touched{}: {} by {actor}{}",
                self.host_name(*host),
                until.map_or_else(String::new, |at| format!(" until {at}")),
                kind.word(),
                because(reason)
            ),
            Event::HostReleased {
                host,
                kind,
                actor,
                reason,
            } => format!(
                "{} may be touched again: {} ended{}{}",
                self.host_name(*host),
                kind.word(),
                actor
                    .as_ref()
                    .map_or_else(String::new, |actor| format!(" by {actor}")),
                because(reason)
            ),
            Event::Excepted { exception, actor } => format!(
                "exception {} of {}, brought by {actor}: `{}` is left out of {} until {}{} (approved by {})",
                exception.id,
                exception.owner,
                exception.hosts,
                match exception.updates.names() {
                    [] => "all updates".to_owned(),
                    names => names.join(", "),
                },
                exception.until,
                because(&exception.reason),
                exception.approved_by.join(", ")
            ),
            Event::ChangedOutside {
                rollout,
                slot,
                found,
                was,
            } => format!(
                "{} was changed outside Ringway: it was {was}, and has {} now",
                self.host(*rollout, *slot),
                found.as_deref().unwrap_or("the release")
            ),
            Event::ExceptionEnded { id, actor, reason } => format!(
                "exception {id} ended{}{}",
                actor
                    .as_ref()
                    .map_or_else(String::new, |actor| format!(" by {actor}")),
                because(reason)
            ),
            Event::CalendarKnown { calendar, .. } => format!(
                "{name} knows when work may run, until {} (time zone database {})",
                calendar.until, calendar.zones
            ),
            Event::ChangeNamed { change, .. } => format!("{name} is change {change}"),
            Event::FreezeOverridden {
                freeze,
                actor,
                reason,
                until,
                ..
            } => format!(
                "{name} may work in freeze {freeze} until {until}, says {actor}{}",
                because(reason)
            ),
            Event::UntestedAccepted {
                stratum,
                actor,
                reason,
                ..
            } => format!(
                "{name} may go on with `{stratum}` untested, says {actor}{}",
                because(reason)
            ),
            Event::GateSaid {
                rollout,
                gate,
                says,
                why,
            } => format!(
                "{name} gate {} is {}{}",
                self.gate(*rollout, *gate),
                says.word(),
                because(why)
            ),
            Event::WorkAsked {
                intent,
                visit,
                position,
                due,
                ..
            } => format!(
                "{} {} by hand: a person is asked, due by {due} ({intent})",
                self.host_of(*intent),
                self.step(*intent, *visit, *position)
            ),
            Event::WorkTold {
                intent,
                actor,
                told,
                reason,
                exhibit,
            } => {
                let shown = exhibit.as_ref().map_or_else(String::new, |file| {
                    format!(
                        "; evidence {} `{}`, {} bytes",
                        file.digest.short(),
                        file.name,
                        file.size
                    )
                });
                format!(
                    "{} by hand: {}, says {actor}{}{shown} ({intent})",
                    self.host_of(*intent),
                    told.words(),
                    because(reason)
                )
            }
            Event::Commented {
                rollout,
                slot,
                actor,
                text,
            } => {
                let about = slot.map_or_else(|| name.clone(), |slot| self.host(*rollout, slot));
                format!("{about} {actor} notes: {text}")
            }
            Event::LaneEntered {
                lane,
                actor,
                reason,
                ..
            } => format!(
                "{name} starts in lane `{lane}`, says {actor}{}",
                because(reason)
            ),
            Event::LaneAsked {
                rollout,
                lane,
                plan,
                actor,
                reason,
            } => format!(
                "{name}: {actor} asks that it go on in lane `{lane}`{}{}",
                self.soaks(*rollout, plan),
                because(reason)
            ),
            Event::LaneLapsed { why, .. } => {
                format!("{name}: the lane is asked for no more{}", because(why))
            }
            Event::Expedited {
                rollout,
                lane,
                plan,
                actor,
                reason,
                people,
            } => {
                let approved = if people.is_empty() {
                    String::new()
                } else {
                    format!(", approved by {}", people.join(" and "))
                };
                let goes_on = lane.as_ref().map_or_else(
                    || "goes on as its policy says for everybody".to_owned(),
                    |lane| format!("goes on in lane `{lane}`"),
                );
                format!(
                    "{name} {goes_on}{}, says {actor}{approved}{}",
                    self.soaks(*rollout, plan),
                    because(reason)
                )
            }
            Event::Poisoned {
                contents,
                actor,
                reason,
            } => format!(
                "{} must not be installed any more, says {actor}{}",
                several(contents),
                because(reason)
            ),
            Event::Unpoisoned {
                contents,
                actor,
                reason,
            } => format!(
                "{} may be installed again, says {actor}{}",
                several(contents),
                because(reason)
            ),
            Event::UnpoisonAsked { .. }
            | Event::UnpoisonApproved { .. }
            | Event::UnpoisonLapsed { .. } => super::unpoison::told(event),
            Event::SupersedeBegan {
                rollout,
                by,
                actor,
                reason,
            } => format!(
                "{rollout} is superseded by {by}, says {actor}{}",
                because(reason)
            ),
            Event::Advised { .. } | Event::AdvisoryRuled { .. } => super::advisory::told(event),
            Event::ProtectionEnds { rollout, slot, .. }
            | Event::ProtectionGone { rollout, slot, .. } => {
                super::protection::told(&self.host(*rollout, *slot), event)
            }
            Event::FleetRefreshed { fleet, actor } => {
                format!("{actor} took the fleet in as it is now: {}", fleet.short())
            }
            Event::PlanRevised { rollout, plan } => {
                format!(
                    "{rollout} goes on by plan {}{}",
                    plan.short(),
                    self.revision(*rollout)
                )
            }
        }
    }

    /// Which soaks another plan changes, against the one of now.
    fn soaks(&self, rollout: RolloutId, plan: &Digest) -> String {
        let (Some(now), Some(then)) = (self.plans.get(&rollout), self.library.plans.get(plan))
        else {
            return String::new();
        };
        let rings = now.rings.iter().zip(&then.rings);
        let changed = rings.filter(|(now, then)| now.soak != then.soak);
        let words: Vec<String> = changed
            .map(|(now, then)| format!("{} {} -> {}", now.name, now.soak, then.soak))
            .collect();
        if words.is_empty() {
            String::new()
        } else {
            format!(" (soaks: {})", words.join(", "))
        }
    }

    /// What the revision of a rollout's plan, which was heard of just now, says of hosts.
    fn revision(&self, rollout: RolloutId) -> String {
        let Some((plan, revision)) = self
            .plans
            .get(&rollout)
            .and_then(|plan| Some((plan, plan.revises.as_ref()?)))
        else {
            return String::new();
        };
        let joined = revision.joined.iter().map(|joined| {
            format!(
                "{} joins ring {}: {}",
                self.host_name(joined.host),
                self.ring(rollout, joined.ring),
                because_joined(joined.why, plan)
            )
        });
        let late = revision.too_late.iter();
        let late = late.map(|host| format!("{} came too late", self.host_name(*host)));
        let parts: Vec<String> = joined.chain(late).collect();
        if parts.is_empty() {
            String::new()
        } else {
            format!(": {}", parts.join("; "))
        }
    }

    fn ring(&self, rollout: RolloutId, ring: RingIndex) -> String {
        let name = self
            .plans
            .get(&rollout)
            .and_then(|plan| plan.rings.get(ring.index()))
            .map(|ring| ring.name.clone());
        name.unwrap_or_else(|| format!("no. {}", ring.0))
    }

    fn gate(&self, rollout: RolloutId, gate: u16) -> String {
        let plan = self.plans.get(&rollout);
        let known = plan.and_then(|plan| plan.terms.external.get(usize::from(gate)));
        known.map_or_else(|| format!("no. {gate}"), |gate| gate.name.clone())
    }

    fn subject(&self, rollout: RolloutId, subject: Subject) -> String {
        match subject {
            Subject::Start => "start".to_owned(),
            Subject::Lane => "the lane".to_owned(),
            Subject::Promotion { ring } => {
                format!("going on after ring {}", self.ring(rollout, ring))
            }
            Subject::Early { ring } => {
                format!(
                    "an early end of the soak of ring {}",
                    self.ring(rollout, ring)
                )
            }
        }
    }

    /// Why a rollout halted.
    pub(crate) fn cause(&self, rollout: RolloutId, cause: &HaltCause) -> String {
        match cause {
            HaltCause::Failures {
                ring,
                failed,
                limit,
            } => {
                format!(
                    "{failed} failed in ring {}, which halts on failure no. {limit}",
                    self.ring(rollout, *ring)
                )
            }
            HaltCause::Person { actor, reason } => format!("by {actor}{}", because(reason)),
        }
    }

    fn host(&self, rollout: RolloutId, slot: Slot) -> String {
        let host = self
            .plans
            .get(&rollout)
            .and_then(|plan| plan.slots.get(slot.index()))
            .map(|slot| slot.host);
        let name = host.map_or_else(|| format!("slot {}", slot.0), |host| self.host_name(host));
        format!("{} {name}", self.named(rollout))
    }

    fn host_of(&self, intent: IntentId) -> String {
        self.host(intent.rollout(), intent.slot())
    }

    fn host_name(&self, host: HostId) -> String {
        let known = self
            .fleet
            .as_ref()
            .and_then(|fleet| fleet.hosts.get(host.index()));
        known.map_or_else(|| format!("host {}", host.0), |host| host.name.clone())
    }

    fn probe(&self, probe: ProbeId) -> String {
        let known = self
            .fleet
            .as_ref()
            .and_then(|fleet| fleet.probes.get(probe.index()));
        known.map_or_else(|| format!("probe {}", probe.0), |probe| probe.name.clone())
    }

    fn step(&self, intent: IntentId, visit: VisitKind, position: u8) -> String {
        let found = self.plans.get(&intent.rollout()).and_then(|plan| {
            let route = plan.slots.get(intent.slot().index())?.route;
            Some(plan.routes.get(route.index())?.step(visit, position)?.kind)
        });
        let step = found.map_or_else(|| format!("step {position}"), |kind| kind.word().to_owned());
        if visit == VisitKind::Update {
            step
        } else {
            format!("{}: {step}", visit.word())
        }
    }

    fn then(then: Then) -> String {
        match then {
            Then::Retry { attempt, at, .. } => format!("; attempt {attempt} at {at}"),
            Then::End { to, .. } => format!("; is {}", host_state(to)),
            Then::Step { .. } | Then::Nothing | Then::Over => String::new(),
        }
    }
}

/// Content in one line.
fn several(contents: &[ringway_model::Content]) -> String {
    let words: Vec<String> = contents
        .iter()
        .map(|content| match &content.build {
            Some(build) => format!("{} (build {build})", content.id),
            None => content.id.clone(),
        })
        .collect();
    words.join(", ")
}

pub(super) fn because(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    }
}

/// How a rollout is over.
pub(crate) const fn ending(how: Final) -> &'static str {
    match how {
        Final::Completed => "completed",
        Final::RolledBack => "rolled back",
        Final::Cancelled => "cancelled",
        Final::Superseded => "superseded",
    }
}

/// The state of a host in a rollout, in words.
pub(crate) fn host_state(state: HostState) -> String {
    match state {
        HostState::Pending => "pending".to_owned(),
        HostState::Running { ending, .. }
        | HostState::Ready { ending, .. }
        | HostState::Backoff { ending, .. } => match ending {
            Ending::Well => "being visited".to_owned(),
            Ending::BackToPending | Ending::Withheld | Ending::Failed { .. } => {
                "being brought back into service".to_owned()
            }
            Ending::Offline | Ending::Lost => "being unsilenced".to_owned(),
        },
        HostState::Settling => "settling".to_owned(),
        HostState::Updated => "updated".to_owned(),
        HostState::Already => "already updated".to_owned(),
        HostState::RestartWithheld => "applied, restart withheld".to_owned(),
        HostState::Failed { step, why } => format!("FAILED ({step}: {})", why.words()),
        HostState::Unhealthy { why } => format!("UNHEALTHY ({})", why.words()),
        HostState::RolledBack => "rolled back".to_owned(),
        HostState::RollbackFailed { step, why } => {
            format!("ROLLBACK FAILED ({step}: {})", why.words())
        }
        HostState::Offline => "offline".to_owned(),
        HostState::Held => "held (unhealthy before the update)".to_owned(),
        HostState::Lost => "LOST".to_owned(),
        HostState::Skipped => "left out".to_owned(),
        HostState::OnHold => "on hold".to_owned(),
        HostState::Again => "failed, to be visited again".to_owned(),
        HostState::Vanished => "no longer of the fleet".to_owned(),
        HostState::NotReady { .. } => "not to be taken down yet: its group is not ready".to_owned(),
        HostState::GoesLast { .. } => "going last of its group".to_owned(),
        HostState::Excepted => "excepted".to_owned(),
        HostState::CatchUp => "to catch up with the last ring".to_owned(),
        HostState::ChangedOutside => "changed outside".to_owned(),
        HostState::ByHand { .. } => "OVERDUE: a person is to work on it by hand".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use ringway_model::{Actor, Digest};

    use super::*;

    /// A journal whose plans are gone must still be readable.
    #[test]
    fn what_has_no_known_name_is_told_by_its_number() {
        let library = Library::default();
        let mut narrator = Narrator::new(&library);
        let proposed = Event::Proposed {
            rollout: RolloutId(1),
            plan: Digest::of(b"plan"),
            actor: Actor("ana".to_owned()),
            key: None,
        };
        narrator.learn(&proposed);
        assert!(
            narrator
                .event(&proposed)
                .starts_with("r1 proposed by ana: plan ")
        );
        let opened = Event::RingOpened {
            rollout: RolloutId(1),
            ring: RingIndex(0),
        };
        assert_eq!(narrator.event(&opened), "r1 ring no. 0 begins");
        let moved = Event::HostMoved {
            rollout: RolloutId(1),
            slot: Slot(3),
            to: HostState::Lost,
            until: ringway_model::Timestamp::NEVER,
        };
        assert_eq!(narrator.event(&moved), "r1 slot 3 is LOST");
    }
}
