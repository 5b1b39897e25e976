//! What is true of the roles of hosts: which one goes last of its group, whether a group is ready for the next, and whose
//! monitoring is silenced.
//!
//! # Invariants
//!
//! * Roles move when they like, also in the middle of a visit, until everything heals: then at most one host of a group
//!   says that it goes last, and every group is ready.
//! * Whoever was silenced is unsilenced by the end, or nobody could be told to.

use std::collections::{BTreeMap, BTreeSet};

use ringway_executor::port::Start;
use ringway_model::{HostId, Place, RolloutId, Span, StepKind, Timestamp};
use ringway_scheduler::FleetSpec;
use ringway_scheduler::plan::More;

use super::{Happening, World};
use crate::checkers::Invariant;
use crate::dice::Dice;

/// A silence that was begun.
#[derive(Clone, Copy, Debug)]
struct Silenced {
    rollout: RolloutId,
    /// When it ends by itself.
    until: Timestamp,
    /// Where it would have to be ended.
    at: Place,
    /// Its end was to begin there, and nobody answered.
    was_away: bool,
}

/// The roles of a world.
#[derive(Clone, Debug)]
pub(super) struct Roles {
    dice: Dice,
    /// Those among whom one goes last, each ascending.
    kin: Vec<Vec<HostId>>,
    /// Hosts that say that they go last.
    last: BTreeSet<HostId>,
    /// By host: when its group is not ready for it.
    unready: BTreeMap<HostId, (Timestamp, Timestamp)>,
    silenced: BTreeMap<HostId, Silenced>,
}

impl Roles {
    pub(super) fn new(seed: u64, fleet: &FleetSpec) -> Self {
        let mut kin: BTreeMap<(Option<u32>, Option<u16>), Vec<HostId>> = BTreeMap::new();
        for (index, host) in fleet.hosts.iter().enumerate() {
            let cell = host.cell.map(|cell| cell.0);
            let group = host.group.map(|group| group.0).filter(|_| cell.is_none());
            kin.entry((cell, group))
                .or_default()
                .push(HostId::at(index));
        }
        let mut dice = Dice::new(seed, "roles");
        let kin: Vec<Vec<HostId>> = kin.into_values().collect();
        let mut roles = Self {
            last: BTreeSet::new(),
            unready: BTreeMap::new(),
            silenced: BTreeMap::new(),
            dice: Dice::new(seed, "moving roles"),
            kin,
        };
        for all in roles.kin.clone() {
            // Mostly one; now and then nobody knows, or two think so.
            for _ in 0..*dice.pick(&[1, 1, 1, 0, 2]) {
                roles.last.insert(*dice.pick(&all));
            }
        }
        for index in 0..fleet.hosts.len() {
            if dice.chance(30) {
                let from = super::BEGIN + dice.span(Span::ZERO, Span::hours(2));
                let until = from + dice.span(Span::minutes(1), Span::minutes(90));
                roles.unready.insert(HostId::at(index), (from, until));
            }
        }
        roles
    }

    /// When roles move by themselves.
    pub(super) fn moves(&mut self) -> Vec<Span> {
        let times = self.dice.between(0, 12);
        let at = |_| self.dice.span(Span::seconds(10), Span::hours(4));
        (0..times).map(at).collect()
    }

    pub(super) fn goes_last(&self, host: HostId) -> bool {
        self.last.contains(&host)
    }

    pub(super) fn is_ready(&self, host: HostId, now: Timestamp) -> bool {
        self.unready
            .get(&host)
            .is_none_or(|(from, until)| now < *from || now >= *until)
    }

    /// A role moves by itself: to another host, to two, to none.
    fn moves_on(&mut self) {
        let all = self.dice.pick(&self.kin).clone();
        let to = *self.dice.pick(&all);
        if self.dice.chance(70) {
            self.last.retain(|host| !all.contains(host));
        }
        if self.dice.chance(85) {
            self.last.insert(to);
        }
    }

    /// A host was taken out of service, gently: another one takes its role over.
    fn hands_over(&mut self, host: HostId) {
        if !self.last.remove(&host) {
            return;
        }
        let kin = self.kin.iter().find(|all| all.contains(&host));
        let next = kin.and_then(|all| all.iter().find(|other| **other != host));
        self.last.extend(next);
    }

    pub(super) fn heal(&mut self) {
        self.unready.clear();
        for all in &self.kin {
            let mut extra = all.iter().filter(|host| self.last.contains(host)).skip(1);
            let extra: Vec<HostId> = extra.by_ref().copied().collect();
            for host in extra {
                self.last.remove(&host);
            }
        }
    }
}

impl World {
    pub(super) fn role_moves(&mut self) {
        if !self.healing {
            self.roles.moves_on();
            let last = self.roles.last.clone();
            self.say(&format!("! {last:?} go last"));
        }
    }

    /// A step begins that silences, or that ends a silence.
    pub(super) fn note_silence(&mut self, start: &Start, kind: StepKind, more: &More, at: Place) {
        match (kind, more) {
            (StepKind::Silence, More::Silence { at_most }) => {
                let silenced = Silenced {
                    rollout: start.intent.rollout(),
                    until: self.now + *at_most,
                    at,
                    was_away: false,
                };
                self.roles.silenced.insert(start.host, silenced);
            }
            (StepKind::Unsilence, _) => {
                self.roles.silenced.remove(&start.host);
            }
            (_, _) => {}
        }
    }

    /// Nobody answered where a step was to begin.
    pub(super) fn note_unreachable(&mut self, start: &Start) {
        let step = start.plan.routes[start.route.index()].step(start.visit, start.position);
        if step.is_some_and(|step| step.kind == StepKind::Unsilence)
            && let Some(silenced) = self.roles.silenced.get_mut(&start.host)
        {
            silenced.was_away = true;
        }
    }

    pub(super) fn hands_over(&mut self, host: HostId) {
        self.roles.hands_over(host);
    }

    /// At the end nobody is silenced whom somebody could have been told to unsilence.
    pub(super) fn check_silences(&mut self) {
        let left = self.roles.silenced.iter().find(|(host, silenced)| {
            // A host that is silent itself cannot be told, and a peer may have been missing for long enough. A visit
            // whose fault was found before its host fell silent ends as failed, and not as lost.
            let excused = silenced.at != Place::Controller
                && (silenced.at == Place::Peer
                    || silenced.was_away
                    || self.checkers.may_be_away(silenced.rollout, **host));
            self.now < silenced.until && !excused
        });
        if let Some((host, silenced)) = left {
            let what = format!(
                "h{} is left silenced until {} by {}",
                host.0, silenced.until, silenced.rollout
            );
            self.broken(Invariant::I4, what);
        }
    }

    /// Roles begin to move.
    pub(super) fn prepare_roles(&mut self) {
        for at in self.roles.moves() {
            self.after(at, Happening::RoleMoves);
        }
    }
}
