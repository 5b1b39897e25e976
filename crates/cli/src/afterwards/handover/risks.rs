//! What whoever takes over should worry about: hosts that are not as they should be, dates that are missed, yeses that depend
//! on everybody. Pure: how things stand in, lines out.

use std::collections::BTreeMap;

use ringway_engine::view::{HostView, RolloutView};
use ringway_model::{HostOutcome, Timestamp, WaitingOn};

use super::{NAMES, Now, left_behind};
use crate::show;
use crate::standing;

impl Now<'_> {
    pub(super) fn risks(&self) -> Vec<String> {
        let mut risks = Vec::new();
        let waits_or_moves = self.open().next().is_some();
        if !self.is_running && waits_or_moves {
            let what = if standing::moves(self.view) {
                "nothing runs here, though a rollout would go on"
            } else {
                "nothing runs here: nobody is watched, and no time passes for a soak"
            };
            risks.push(format!("{what}; `ringway run --resume` goes on"));
        }
        if let Some(on) = &self.view.stopped {
            risks.push(on.to_string());
        }
        risks.extend(self.advised());
        risks.extend(self.poisoned());
        for one in self.open() {
            risks.extend(late(one, self.view.at));
            self.risks_of(one, &mut risks);
        }
        for one in left_behind(self.view) {
            let mut left = Vec::new();
            self.unwell(one, &mut left);
            risks.extend(left.into_iter().map(|what| {
                format!("{what}; it is completed without them: a new `ringway run` visits them")
            }));
        }
        risks
    }

    /// Advisories that count, each with whom it keeps from an update.
    fn advised(&self) -> Vec<String> {
        let all = self.view.advisories.iter().filter(|one| one.counts);
        let told = all.map(|one| {
            let what = show::asks(&one.advisory);
            if one.held.is_empty() {
                return what;
            }
            let count = u32::try_from(one.held.len()).unwrap_or(u32::MAX);
            let names = show::shortened(&one.held, NAMES);
            format!("{what}; it keeps {} from it: {names}", show::hosts(count))
        });
        told.collect()
    }

    /// Hosts that have what nobody is to have.
    fn poisoned(&self) -> Vec<String> {
        let all = self.view.poisons.iter().filter(|one| !one.has.is_empty());
        let told = all.map(|one| {
            let count = u32::try_from(one.has.len()).unwrap_or(u32::MAX);
            format!(
                "{} poisoned content {} ({}, says {}): {}",
                show::hosts(count) + if count == 1 { " has" } else { " have" },
                one.content.id,
                one.reason,
                one.by,
                show::shortened(&one.has, NAMES)
            )
        });
        told.collect()
    }

    /// Hosts of a rollout that are not as they should be.
    fn unwell(&self, one: &RolloutView, risks: &mut Vec<String>) {
        let name = show::named(one.id, one.change.as_ref());
        let mut unwell: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for host in self.hosts.iter().filter(|host| host.rollout == one.id) {
            let is_down = host
                .waiting
                .iter()
                .any(|waiting| matches!(waiting.on, WaitingOn::NotUp { .. }));
            let word = risk_word(host.outcome, is_down);
            let again = host.again.then_some("failed, to be visited again");
            let skipped = host.outcome == HostOutcome::Skipped && one.due.is_some();
            let skipped =
                skipped.then_some("skipped, and will be without the update when it is due");
            if let Some(word) = word.or(again).or(skipped) {
                unwell.entry(word).or_default().push(Self::with_word(host));
            }
        }
        for (word, hosts) in unwell {
            let count = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
            risks.push(format!(
                "{name} {} {word}: {}",
                show::hosts(count),
                show::shortened(&hosts, NAMES)
            ));
        }
    }

    /// A host's name, where it failed with what its step said.
    fn with_word(host: &HostView) -> String {
        let failed = matches!(
            host.outcome,
            HostOutcome::Failed { .. } | HostOutcome::RollbackFailed { .. } | HostOutcome::Again
        );
        let word = host.last_word.as_ref().filter(|_| failed || host.again);
        word.map_or_else(
            || host.host.clone(),
            |word| {
                let said = show::telling(&word.text).map(|said| format!(": {said}"));
                format!(
                    "{} ({}: {}{})",
                    host.host,
                    word.step,
                    word.what,
                    said.unwrap_or_default()
                )
            },
        )
    }

    fn risks_of(&self, one: &RolloutView, risks: &mut Vec<String>) {
        let name = show::named(one.id, one.change.as_ref());
        self.unwell(one, risks);
        if one
            .waiting
            .iter()
            .any(|w| matches!(w.on, WaitingOn::Ramp { frozen: true, .. }))
        {
            risks.push(format!("{name} a failure froze its ramp"));
        }
        let accepted = one.coverage.iter().flat_map(|known| &known.accepted);
        risks.extend(accepted.map(|untested| {
            let (stratum, by) = (&untested.stratum, &untested.by);
            format!(
                "{name} {stratum} goes on untested, says {by}: {}",
                untested.reason
            )
        }));
        let Some(plan) = self.plan(one) else { return };
        let start = plan
            .start
            .iter()
            .map(|rules| (rules, "its start".to_owned()));
        let rings = plan.rings.iter().filter_map(|ring| {
            let rules = ring.after_soak.as_ref()?;
            Some((rules, format!("going on after ring {}", ring.name)))
        });
        let done = |what: &str| {
            let promoted = one.rings.iter().filter(|ring| ring.phase == "promoted");
            (what == "its start" && one.state != "proposed")
                || promoted
                    .into_iter()
                    .any(|ring| what == format!("going on after ring {}", ring.name))
        };
        for (rules, what) in start.chain(rings).filter(|(_, what)| !done(what)) {
            let Some(people) = self.eligible(one, rules) else {
                continue;
            };
            let need = usize::from(rules.needed);
            if people.len() < need {
                risks.push(format!(
                    "{name} {what} needs {need} approvals, and only {} may give one ({})",
                    people.len(),
                    list_or_nobody(&people)
                ));
            } else if people.len() == need {
                risks.push(format!(
                    "{name} {what} needs everybody who may approve it: {}",
                    list_or_nobody(&people)
                ));
            }
        }
    }
}

/// That a rollout is late, or will be.
fn late(one: &RolloutView, now: Timestamp) -> Option<String> {
    let due = one.due.as_ref()?;
    let what = if due.at < now {
        "it is overdue"
    } else if due.missed {
        "it will miss its date"
    } else {
        return None;
    };
    let name = show::named(one.id, one.change.as_ref());
    let earliest = due.earliest;
    let earliest =
        earliest.map_or_else(String::new, |at| format!("; complete {at} at the earliest"));
    Some(format!(
        "{name} {what}: due {} (`due: {}`){earliest}",
        due.at, due.by
    ))
}

fn list_or_nobody(people: &[String]) -> String {
    if people.is_empty() {
        "nobody".to_owned()
    } else {
        show::shortened(people, NAMES)
    }
}

const fn risk_word(outcome: HostOutcome, is_down: bool) -> Option<&'static str> {
    match outcome {
        HostOutcome::Failed { .. } => Some("failed"),
        HostOutcome::Unhealthy { .. } => Some("unhealthy"),
        HostOutcome::RollbackFailed { .. } => Some("could not be taken back"),
        HostOutcome::Lost => Some("lost"),
        HostOutcome::Again => Some("failed, to be visited again"),
        HostOutcome::Offline => Some("offline"),
        HostOutcome::Held => Some("left alone, unhealthy before the update"),
        HostOutcome::OnHold => Some("on hold"),
        HostOutcome::Vanished => Some("gone from the fleet"),
        HostOutcome::Excepted => Some("left out by an exception"),
        HostOutcome::Advised => Some("held by an advisory"),
        HostOutcome::CatchUp => Some("to catch up after they were left out"),
        HostOutcome::ChangedOutside => Some("changed outside Ringway"),
        HostOutcome::RestartWithheld => Some("without the restart they need"),
        HostOutcome::Settling | HostOutcome::Updated | HostOutcome::Already if is_down => {
            Some("not evidently up")
        }
        HostOutcome::ByHand { .. } => Some("waiting for a person by hand"),
        HostOutcome::Pending
        | HostOutcome::Visiting { .. }
        | HostOutcome::Settling
        | HostOutcome::Updated
        | HostOutcome::Already
        | HostOutcome::RolledBack
        | HostOutcome::NotReady
        | HostOutcome::GoesLast
        | HostOutcome::Superseded
        | HostOutcome::Skipped => None,
    }
}
