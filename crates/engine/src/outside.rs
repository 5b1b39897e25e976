//! Hosts that somebody else changed: the release is there, and Ringway did not put it there in this rollout.
//!
//! This module tells two of them apart where inspection finds the release. `already`: it was there when anybody looked first.
//! `changed outside`: what was known of the host before was other content, and no step of ours changed it since. What is
//! known is what an earlier inspection of this rollout said, or what another rollout left there by an inspection of the same
//! thing. It looks at nothing else: a change in the middle of a visit or in the soak is not looked for.
//!
//! # Invariants
//!
//! * A host that was changed outside is no evidence for its ring: nobody watched it being updated (I11).
//! * What was found there is kept, so that content which turns out to be harmful is found on it.
//! * More of them than the policy lets pass pause the rollout, once: somebody else is patching, and a ring proves less.

use std::collections::BTreeMap;

use ringway_model::{Actor, Digest, HostId, Slot, StepKind, StepResult, VisitKind};
use ringway_policy::validated::Command;
use ringway_scheduler::plan::{More, Route};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::event::{Event, Then};
use crate::fleet::NONE;
use crate::host::HostState;
use crate::rollout::RolloutState;
use crate::slot::{Class, SlotRec};

/// What was found on a host that somebody else changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outside {
    /// The content, as inspection told it.
    pub(crate) found: Option<String>,
    /// What was known of it before.
    pub(crate) was: String,
}

/// Which rollouts changed a host, each by its index and the slot whose `apply` did. Derived.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastChanges {
    /// By host: the last one; `NONE` for none.
    last: Vec<(u32, u32)>,
    /// By host that more than one has changed: those before, the earliest first. Seldom enough to be kept apart.
    before: BTreeMap<HostId, Vec<(u32, u32)>>,
}

impl LastChanges {
    pub(crate) fn note(&mut self, host: HostId, r: usize, slot: u32) {
        if self.last.len() <= host.index() {
            self.last.resize(host.index() + 1, (NONE, NONE));
        }
        let new = (u32::try_from(r).unwrap_or(NONE), slot);
        let last = std::mem::replace(&mut self.last[host.index()], new);
        if last == new || last.0 == NONE {
            return;
        }
        let before = self.before.entry(host).or_default();
        before.retain(|one| *one != new);
        before.push(last);
    }

    pub(crate) fn of(&self, host: HostId) -> Option<(usize, u32)> {
        self.all_of(host).next()
    }

    /// All of a host, the last one first.
    pub(crate) fn all_of(&self, host: HostId) -> impl Iterator<Item = (usize, u32)> {
        let last = self.last.get(host.index()).copied();
        let last = last.filter(|(r, _)| *r != NONE);
        let before = self.before.get(&host).into_iter().flatten().rev().copied();
        last.into_iter()
            .chain(before)
            .map(|(r, slot)| (r as usize, slot))
    }
}

/// What an inspection looks at: two that agree in it tell of the same thing.
struct Look<'r> {
    /// The recipe, the command, and the values it names.
    what: (&'r str, &'r Command, Vec<(&'r str, &'r str)>),
    /// What it prints where the release is there.
    installed_when: &'r str,
}

fn looks_at(route: &Route) -> Option<Look<'_>> {
    let at = route.position(VisitKind::Update, StepKind::Inspect)?;
    let step = route.step(VisitKind::Update, at)?;
    let More::Inspect { installed_when, .. } = &step.more else {
        return None;
    };
    // Values reach commands as variables of their names; what a command does not name does not change what it looks at.
    let texts: Vec<&str> = match &step.step.run {
        Command::Shell(text) => vec![text],
        Command::Program(words) => words.iter().map(String::as_str).collect(),
    };
    let is_named = |name: &str| {
        let name = name.to_uppercase();
        let forms = [format!("${name}"), format!("${{{name}}}")];
        texts
            .iter()
            .any(|text| forms.iter().any(|form| text.contains(form)))
    };
    let named = route.parameters.iter();
    let named = named.filter(|(name, _)| is_named(name));
    let named = named.map(|(name, value)| (name.as_str(), value.as_str()));
    Some(Look {
        what: (&route.recipe, &step.step.run, named.collect()),
        installed_when,
    })
}

impl Engine {
    /// What a host had before, where inspection finds the release on it and somebody else must have put it there.
    fn outside_of(&self, r: usize, slot: u32, result: &StepResult) -> Option<Outside> {
        let StepResult::Found {
            installed: true,
            previous: found,
        } = result
        else {
            return None;
        };
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::OutsideIsAlready) {
            return None;
        }
        let outside = |was: String| Outside {
            found: found.clone(),
            was,
        };
        let host = self.host_of(r, slot);
        if let Some((other, at)) = self.last_changes.of(host).filter(|(other, _)| *other != r) {
            let was = self.left_by((other, at), (r, slot), found.as_deref())?;
            return Some(outside(was));
        }
        self.seen_otherwise(r, slot, found.as_deref()).map(outside)
    }

    /// What an earlier inspection of the rollout found on a host, where that is not what was found now: a host that had the
    /// release when it was looked at first, went and came back, has it from before.
    fn seen_otherwise(&self, r: usize, slot: u32, found: Option<&str>) -> Option<String> {
        let seen = self.rollouts[r].previous(slot)?;
        (Some(seen.as_str()) != found).then(|| seen.clone())
    }

    /// What another rollout left on a host that it changed last, where that is other content than what was found now, and
    /// nobody was told of it yet.
    fn left_by(
        &self,
        (other, at): (usize, u32),
        (r, slot): (usize, u32),
        found: Option<&str>,
    ) -> Option<String> {
        let rollout = &self.rollouts[other];
        let theirs = looks_at(rollout.route(at));
        let both = theirs.zip(looks_at(self.rollouts[r].route(slot)));
        let is_same = |(theirs, ours): &(Look<'_>, Look<'_>)| theirs.what == ours.what;
        let Some((theirs, ours)) = both.filter(is_same) else {
            // They changed something else: what this rollout saw counts alone.
            return self.seen_otherwise(r, slot, found);
        };
        let record = rollout.rec.slots[at as usize];
        let left = match record.state.class() {
            Class::RolledBack => rollout
                .previous(at)
                .filter(|left| Some(left.as_str()) != found)?,
            Class::Done | Class::Settling if theirs.installed_when != ours.installed_when => {
                &rollout.route(at).release
            }
            // What is there now is theirs, or nobody knows what they left.
            Class::Done
            | Class::Settling
            | Class::Pending
            | Class::Visiting
            | Class::Failed
            | Class::Debt
            | Class::Withheld
            | Class::Skipped
            | Class::Vanished
            | Class::Excepted
            | Class::Outside => return None,
        };
        (!self.is_told_since(other, (r, slot))).then(|| left.clone())
    }

    /// Whether a later rollout than that one has told already that somebody else put this release on the host.
    fn is_told_since(&self, other: usize, (r, slot): (usize, u32)) -> bool {
        let host = self.host_of(r, slot);
        let wanted = &self.rollouts[r].route(slot).release;
        let later = self.rollouts.iter().enumerate().skip(other);
        later.filter(|(at, _)| *at != r).any(|(_, rollout)| {
            let mut told = rollout.rec.outside.keys();
            told.any(|&at| {
                rollout.plan.slots[at as usize].host == host && rollout.route(at).release == *wanted
            })
        })
    }

    /// What follows from an inspection: a host that has the release may have it from somebody else.
    pub(crate) fn or_outside(
        &self,
        (r, slot): (usize, u32),
        result: &StepResult,
        then: Then,
    ) -> (Then, Option<Outside>) {
        let already = HostState::Already;
        match then {
            Then::End { to, until } if to == already => {
                let outside = self.outside_of(r, slot, result);
                let to = if outside.is_some() {
                    HostState::ChangedOutside
                } else {
                    already
                };
                #[cfg(feature = "planted-bugs")]
                if self.bug(crate::planted::Bug::OutsideIsEvidence) {
                    return (then, outside);
                }
                (Then::End { to, until }, outside)
            }
            Then::End { .. }
            | Then::Step { .. }
            | Then::Retry { .. }
            | Then::Nothing
            | Then::Over => (then, None),
        }
    }

    /// A host was found to be changed by somebody else: that is told, and pauses the rollout where it is one too many.
    pub(crate) fn tell_outside(
        &mut self,
        (r, slot): (usize, u32),
        outside: Outside,
        out: &mut Vec<Event>,
    ) {
        self.emit(
            Event::ChangedOutside {
                rollout: self.rollouts[r].rec.id,
                slot: Slot(slot),
                found: outside.found,
                was: outside.was,
            },
            out,
        );
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::OutsideNeverPauses) {
            return;
        }
        let rollout = &self.rollouts[r];
        let found = u32::try_from(rollout.rec.outside.len()).unwrap_or(u32::MAX);
        let limit = rollout.plan.outside_pause_at;
        let goes_on = matches!(rollout.rec.state, RolloutState::Advancing(_));
        // Only the one that is one too many: whoever resumes has seen it.
        if !goes_on || found != limit.saturating_add(1) {
            return;
        }
        let hosts = match found {
            1 => "1 host was".to_owned(),
            found => format!("{found} hosts were"),
        };
        let reason = format!(
            "{hosts} changed outside Ringway, and the policy lets {limit} pass: somebody else installs the same \
             update, so this rollout proves less than it seems; find out who, stop them or say that it is meant, then resume"
        );
        self.hold_rollout(r, &Actor("ringway".to_owned()), &reason, false, out);
    }

    pub(crate) fn fold_outside(&mut self, r: usize, slot: u32, found: Option<&str>, was: &str) {
        let outside = Outside {
            found: found.map(str::to_owned),
            was: was.to_owned(),
        };
        self.rollouts[r].rec.outside.insert(slot, outside);
    }

    /// Makes anew which rollouts changed each host.
    pub(crate) fn recount_changes(&mut self) {
        let mut known: BTreeMap<Digest, bool> = BTreeMap::new();
        for r in 0..self.rollouts.len() {
            let fleet = self.rollouts[r].plan.fleet;
            let same = known.get(&fleet).copied();
            let same = same.unwrap_or_else(|| self.knows_hosts_of(r));
            known.insert(fleet, same);
            self.rollouts[r].same_hosts = same;
        }
        let names: BTreeMap<&str, HostId> = self
            .fleet
            .spec
            .hosts
            .iter()
            .enumerate()
            .map(|(index, host)| (host.name.as_str(), HostId::at(index)))
            .collect();
        let mut all: Vec<(u32, usize, u32, HostId)> = Vec::new();
        for (r, rollout) in self.rollouts.iter().enumerate() {
            if rollout.rec.changed.is_empty() {
                continue;
            }
            let same = rollout.same_hosts;
            let spec = self.fleets.get(&rollout.plan.fleet);
            for (slot, planned) in (0_u32..).zip(&rollout.plan.slots) {
                if !rollout.rec.slots[slot as usize].is(SlotRec::CHANGED) {
                    continue;
                }
                let order = rollout.rec.changed[slot as usize];
                let host = if same {
                    Some(planned.host)
                } else {
                    let named = spec.and_then(|spec| spec.hosts.get(planned.host.index()));
                    named.and_then(|named| names.get(named.name.as_str()).copied())
                };
                all.extend(host.map(|host| (order, r, slot, host)));
            }
        }
        all.sort_unstable();
        let mut changes = LastChanges::default();
        for (_, r, slot, host) in all {
            changes.note(host, r, slot);
        }
        self.last_changes = changes;
    }

    /// In words: what was found on a host that somebody else changed.
    pub(crate) fn outside_words(&self, r: usize, slot: u32) -> Option<String> {
        let outside = self.rollouts[r].rec.outside.get(&slot)?;
        let found = outside.found.as_deref().unwrap_or("the release");
        Some(format!(
            "changed outside ({found}, and it was {})",
            outside.was
        ))
    }
}
