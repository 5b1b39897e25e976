//! Snapshots that are really there, and people who have them removed, or say that they did it themselves: before their time, after it
//! was tried in vain, of hosts that have none, and now and then without a reason.

use ringway_engine::view::ProtectionState;
use ringway_engine::{Command, Event};
use ringway_executor::port::Start;
use ringway_model::{StepKind, VisitKind};

use super::World;
use crate::checkers::Invariant;

impl World {
    /// Whether a host really has what its rollout says before it is changed, and nothing is made under a name that is taken.
    pub(super) fn check_truly_protected(&mut self, start: &Start, kind: StepKind) {
        let route = &start.plan.routes[start.route.index()];
        let host = &self.hosts[start.host.index()];
        let name = &self.fleet.hosts[start.host.index()].name;
        let rollout = start.intent.rollout();
        let broken = match kind {
            StepKind::Apply if start.visit == VisitKind::Update => {
                let protects = route.step_for(StepKind::Protect).is_some();
                let of_rollout = format!("ringway-{name}-{}-", rollout.0);
                // Something that Ringway knows of, or nobody would find it when the host is to be taken back.
                let listed = self.checkers.protections();
                let mut there = listed.iter().filter(|(of, ..)| of == name);
                let there = there.any(|(_, _, called)| {
                    called.starts_with(&of_rollout) && host.snapshots.contains(called)
                });
                (protects && !there).then(|| {
                    format!(
                        "{} changes `{name}`, of which nothing was made",
                        start.intent
                    )
                })
            }
            StepKind::Protect => {
                let made = start.protection.clone().unwrap_or_default();
                let listed = self.checkers.protections();
                let taken = listed
                    .iter()
                    .any(|(of, _, called)| of == name && *called == made);
                taken.then(|| format!("{} makes `{made}` a second time", start.intent))
            }
            StepKind::Unprotect => {
                let listed = self.checkers.protections();
                let known = listed.iter().any(|(of, id, called)| {
                    of == name && *id == rollout && Some(called) == start.protection.as_ref()
                });
                (!known).then(|| {
                    format!(
                        "{} removes {:?} of `{name}`, which nobody made",
                        start.intent, start.protection
                    )
                })
            }
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Drain
            | StepKind::Apply
            | StepKind::Recovery
            | StepKind::Rollback
            | StepKind::Reboot
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Stage
            | StepKind::Unsilence => None,
        };
        if let Some(what) = broken {
            self.broken(Invariant::Protected, what);
        }
    }

    /// Somebody says that something is gone. Most have removed it; some think so.
    pub(super) fn note_gone(&mut self, event: &Event) {
        let Event::ProtectionGone {
            rollout,
            slot,
            number,
            ..
        } = event
        else {
            return;
        };
        let made = self.checkers.protection(*rollout, *slot, *number);
        let removed = made.is_some() && self.protectors.chance(80);
        let Some((host, name)) = made else {
            return;
        };
        if !removed {
            self.thought_gone.insert((host, name));
            return;
        }
        let mut hosts = self.fleet.hosts.iter().zip(&mut self.hosts);
        if let Some((_, host)) = hosts.find(|(spec, _)| spec.name == host) {
            host.snapshots.remove(&name);
        }
    }

    /// Somebody looks at what was made of hosts.
    pub(super) fn think_of_protections(&mut self) {
        if !self.protecting || self.healing || !self.protectors.chance(6) {
            return;
        }
        let Some(executor) = &self.executor else {
            return;
        };
        let listed = executor.engine().protections(None);
        let who = *self.protectors.pick(&["ana", "ben", "eve"]);
        let careless = self.protectors.chance(10);
        let reason = if careless { "" } else { "the disk is full" };
        let reason = reason.to_owned();
        let (host, rollout) = if listed.is_empty() || self.protectors.chance(10) {
            let names: Vec<String> = self.fleet.hosts.iter().map(|it| it.name.clone()).collect();
            (self.protectors.pick(&names).clone(), None)
        } else {
            let one = self.protectors.pick(&listed).clone();
            let named = self.protectors.chance(50);
            (one.host, named.then_some(one.rollout))
        };
        let stuck = listed
            .iter()
            .any(|one| one.host == host && one.state == ProtectionState::Stuck);
        let by_hand = self.protectors.chance(if stuck { 70 } else { 20 });
        let command = if by_hand {
            Command::Unprotected {
                host,
                rollout,
                reason,
            }
        } else {
            Command::Unprotect {
                host,
                rollout,
                reason,
            }
        };
        self.command(who, command);
    }

    /// I12: what the decider lists is what the checkers made of the same events.
    pub(super) fn check_listed(&self) -> Result<(), String> {
        let Some(executor) = &self.executor else {
            return Ok(());
        };
        let told = executor.engine().protections(None).into_iter();
        let told: Vec<_> = told.map(|one| (one.host, one.rollout, one.name)).collect();
        let known = self.checkers.protections();
        if told == known {
            return Ok(());
        }
        Err(format!(
            "listed as protections are {told:?}; what was made and is not gone: {known:?}"
        ))
    }

    /// At the end: nothing is left on a host that was listed once and is not any more, unless a person thought that it was gone. What
    /// a `protect` made that did not end well nobody knows of.
    pub(super) fn check_snapshots(&self) -> Result<(), String> {
        let listed = self.checkers.protections();
        for (spec, host) in self.fleet.hosts.iter().zip(&self.hosts) {
            for name in &host.snapshots {
                let of_host = (spec.name.clone(), name.clone());
                let is_listed = listed
                    .iter()
                    .any(|(of, _, called)| (of, called) == (&of_host.0, &of_host.1));
                if self.checkers.was_listed(&spec.name, name)
                    && !is_listed
                    && !self.thought_gone.contains(&of_host)
                {
                    return Err(format!(
                        "`{name}` is left on `{}`, and not listed",
                        spec.name
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether something was made of a host that Ringway is to remove, and that nothing keeps it from.
    pub(crate) fn has_removals_to_come(&self) -> bool {
        self.checkers.removal_to_come()
    }

    /// Something should have been removed long ago.
    pub(crate) fn say_what_is_left(&mut self) {
        if let Some(what) = self.checkers.overdue_removal(ringway_model::Span::hours(1)) {
            self.broken(Invariant::I14, what);
        }
    }
}
