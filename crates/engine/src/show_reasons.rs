//! Everything that keeps a host, not only what decides: whoever ends one reason should know what is left then. Decides nothing.
//!
//! # Invariants
//!
//! * The reason that decides is told first; the others are told as far as they can be known without it.
//! * What is said to be the earliest of all of them is not before any of them is over, and never too late.

use std::collections::BTreeMap;

use ringway_calendar::Whose;
use ringway_model::{Evidence, HostId, Slot, Timestamp, VisitKind, WaitingOn};

use crate::command::HoldKind;
use crate::engine::Engine;
use crate::host::HostState;
use crate::rollout::{RolloutState, Stage};
use crate::slot::Class;
use crate::view::{KeptView, Waiting};

/// Hosts that are looked at for what keeps them; those after them are kept by the same more often than not.
const LOOKED_AT: usize = 1000;

/// Hosts that are named; the rest is counted.
const NAMED: usize = 6;

impl Engine {
    /// Why a host does not move: what decides, and whatever else keeps it before its visit.
    pub(crate) fn host_waits_in_full(&self, r: usize, slot: u32) -> Vec<WaitingOn> {
        let rollout = &self.rollouts[r];
        let mut waiting = self.host_waiting(rollout.rec.id, Slot(slot));
        let goes_on = match rollout.rec.state {
            RolloutState::Proposed
            | RolloutState::Advancing(_)
            | RolloutState::Paused { .. }
            | RolloutState::Halted { .. } => true,
            RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled
            | RolloutState::Superseding { .. }
            | RolloutState::Superseded { .. } => false,
        };
        if waiting.is_empty() || !goes_on {
            return waiting;
        }
        let is_before_its_visit = matches!(
            rollout.rec.slots[slot as usize].state,
            HostState::Pending
                | HostState::Offline
                | HostState::Held
                | HostState::OnHold
                | HostState::Again
                | HostState::Excepted
                | HostState::CatchUp
                | HostState::NotReady {
                    visit: VisitKind::Update,
                }
                | HostState::GoesLast {
                    visit: VisitKind::Update,
                }
        );
        if !is_before_its_visit {
            return waiting;
        }
        let visit = VisitKind::Update;
        for on in self.all_that_keeps(r, slot, visit) {
            if !waiting.contains(&on) {
                waiting.push(on);
            }
        }
        waiting
    }

    /// Each reason for which a host's visit cannot begin, of those that are known without the others.
    fn all_that_keeps(&self, r: usize, slot: u32, visit: VisitKind) -> Vec<WaitingOn> {
        let rollout = &self.rollouts[r];
        let state = self.hold_reason(r);
        let is_stayed = self.is_held_for(r, visit)
            && !matches!(state, WaitingOn::Visits { .. } | WaitingOn::Worker);
        let mut all: Vec<WaitingOn> = is_stayed.then_some(state).into_iter().collect();
        let opened = usize::from(rollout.rec.opened);
        if opened > 0 && rollout.ring_of(slot) >= opened {
            let ring = rollout.plan.rings[opened - 1].name.clone();
            all.push(WaitingOn::EarlierRing { ring });
        }
        all.extend(self.gate_keeps(r, visit));
        all.extend(self.poison_keeps(r, slot, visit));
        all.extend(self.advisory_keeps(r, slot, visit));
        all.extend(self.exception_waits(r, slot));
        all.extend(self.holds_on(self.host_of(r, slot)));
        let first = self.first_counted(r, slot, visit);
        let times = self.out_of_time(r, slot, visit, first);
        all.extend(times.map(|on| self.if_staged(r, slot, visit, on)));
        all
    }

    /// Every hold in force on a host: somebody may hold it while somebody else works on it.
    fn holds_on(&self, host: HostId) -> Vec<WaitingOn> {
        let kinds = [HoldKind::Maintenance, HoldKind::Hold];
        let held = kinds.into_iter().filter_map(|kind| {
            let hold = self.holds.of.get(&(host, kind))?;
            let (by, reason, until) = (hold.by.clone(), hold.reason.clone(), hold.until);
            Some(match kind {
                HoldKind::Hold => WaitingOn::HostHold { by, reason, until },
                HoldKind::Maintenance => WaitingOn::Maintenance { by, reason, until },
            })
        });
        held.collect()
    }

    /// When a host that waits for several reasons can be visited at the earliest, as far as that is known: when the last of them
    /// is over, and a window is open then.
    pub(crate) fn not_before(&self, r: usize, slot: u32, all: &[WaitingOn]) -> Option<Timestamp> {
        let last = all.iter().filter_map(WaitingOn::earliest).max()?;
        let is_timed = |on: &WaitingOn| {
            matches!(on, WaitingOn::Window { .. } | WaitingOn::Freeze { .. })
                && on.earliest().is_some()
        };
        let is_before_its_visit = all.iter().any(is_timed);
        let open = is_before_its_visit
            .then(|| self.fits_from(r, slot, VisitKind::Update, last))
            .flatten();
        Some(open.unwrap_or(last))
    }

    /// A host's reasons with what there is to say of each.
    pub(crate) fn told_in_detail(&self, r: usize, slot: u32, all: Vec<Waiting>) -> Vec<Waiting> {
        let host = self.host_of(r, slot);
        let all = all.into_iter();
        all.map(|one| self.told_of(r, host, one.on)).collect()
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of most reasons there is nothing more to say"
    )]
    fn told_of(&self, r: usize, host: HostId, on: WaitingOn) -> Waiting {
        let (details, earliest) = match &on {
            WaitingOn::PeerEvidence { need, have, .. } => {
                self.peers_missing(host, need.saturating_sub(*have))
            }
            WaitingOn::Peers { used, limit, .. } => {
                self.peers_missing(host, (used + 1).saturating_sub(*limit))
            }
            WaitingOn::EarlierRing { .. } => (self.earlier_waits(r), None),
            WaitingOn::Window { .. } | WaitingOn::Freeze { .. } => (self.windows_of(r, host), None),
            _ => (Vec::new(), None),
        };
        let waiting = Waiting::from(on);
        Waiting {
            details,
            earliest: waiting.earliest.or(earliest),
            ..waiting
        }
    }

    /// The windows of a host by their names, of which one of each must be open, and the clock that they are on.
    fn windows_of(&self, r: usize, host: HostId) -> Vec<String> {
        let times = &self.rollouts[r].plan.times;
        let number = self.slot_of(r, host).and_then(|slot| times.of(Slot(slot)));
        let Some(table) = number.and_then(|number| times.tables.get(number as usize)) else {
            return Vec::new();
        };
        let layers = table
            .layers
            .iter()
            .filter(|layer| !layer.windows.is_empty());
        let layers = layers.map(|layer| {
            let whose = match layer.whose {
                Whose::Fleet => "the host's",
                Whose::Policy => "the policy's",
                Whose::Ring => "the ring's",
            };
            let names: Vec<String> = layer.windows.keys().map(|one| format!("`{one}`")).collect();
            let windows = if names.len() == 1 {
                "window"
            } else {
                "windows"
            };
            format!("{whose} {windows} {}", names.join(", "))
        });
        let layers: Vec<String> = layers.collect();
        if layers.is_empty() {
            return Vec::new();
        }
        vec![format!(
            "{} (on the clock of {})",
            layers.join(", "),
            table.zone
        )]
    }

    /// What the ring waits for that comes before those to come, in words.
    fn earlier_waits(&self, r: usize) -> Vec<String> {
        let waits = self.waiting(self.rollouts[r].rec.id).into_iter();
        waits.take(3).map(|on| on.to_string()).collect()
    }

    /// The other members of a host's availability group that do not count as up, each with why, and when so many more can count
    /// at the earliest; none where that may be at any moment.
    fn peers_missing(&self, host: HostId, missing: u32) -> (Vec<String>, Option<Timestamp>) {
        let Some(cell) = self.fleet.cell_of(host) else {
            return (Vec::new(), None);
        };
        let cell = &self.fleet.spec.cells[cell.index()];
        let others = cell.members.iter().copied();
        let down = others.filter(|&one| one != host && !self.fleet.is_able(one));
        let (mut words, mut ends, mut more) = (Vec::new(), Vec::new(), 0_u32);
        for one in down {
            let (why, end) = self.why_not_up(one, cell.probe);
            ends.push(end);
            if words.len() < NAMED {
                words.push(format!(
                    "`{}` {why}",
                    self.fleet.spec.hosts[one.index()].name
                ));
            } else {
                more += 1;
            }
        }
        if more > 0 {
            words.push(format!("and {more} more"));
        }
        ends.sort_unstable();
        let last = usize::try_from(missing).ok().and_then(|n| n.checked_sub(1));
        let end = last.and_then(|last| ends.get(last).copied()).flatten();
        (words, end.filter(|end| *end != Timestamp::NEVER))
    }

    /// Why a member does not count as up, and when it can at the earliest: none at any moment.
    fn why_not_up(
        &self,
        host: HostId,
        probe: ringway_model::ProbeId,
    ) -> (String, Option<Timestamp>) {
        let kept = self.holds.of.get(&(host, HoldKind::Maintenance));
        if let Some(kept) = kept {
            let (by, reason) = (&kept.by, &kept.reason);
            let end = kept
                .until
                .map_or_else(String::new, |at| format!(" until {at}"));
            return (
                format!("is in maintenance declared by {by}{end}: {reason}"),
                Some(kept.until.unwrap_or(Timestamp::NEVER)),
            );
        }
        let why = if self.fleet.uses[host.index()].claims > 0 {
            match self.who_claims(host) {
                Some((rollout, words)) => format!("is {words} in {rollout}"),
                None => "is taken by a rollout".to_owned(),
            }
        } else {
            let probe_name = &self.fleet.spec.probes[probe.index()].name;
            match self.fleet.evidence(host, probe) {
                Evidence::Down => format!("is down by its probe `{probe_name}`"),
                Evidence::Unknown => format!("has no fresh sample of its probe `{probe_name}`"),
                Evidence::Up => "is up".to_owned(),
            }
        };
        (why, None)
    }

    /// The rollout in which a host takes a slot of its availability group, and how it stands there.
    fn who_claims(&self, host: HostId) -> Option<(ringway_model::RolloutId, String)> {
        (0..self.rollouts.len()).find_map(|r| {
            let slot = self.slot_of(r, host)?;
            let state = self.rollouts[r].rec.slots[slot as usize].state;
            let words = || self.outcome(r, slot).to_string();
            state
                .takes_peer_slot()
                .then(|| (self.rollouts[r].rec.id, words()))
        })
    }

    /// Where nothing of the ring that is visited goes on: what keeps its hosts, those together that are kept by the same.
    pub(crate) fn kept_views(&self, r: usize) -> Vec<KeptView> {
        let Some(Stage::Visiting { ring }) = self.stage(r) else {
            return Vec::new();
        };
        let rollout = &self.rollouts[r];
        let is_going_on = rollout.idx.visiting + rollout.idx.settling > 0;
        if is_going_on || self.is_held_for(r, VisitKind::Update) {
            return Vec::new();
        }
        let slots = rollout.plan.rings[ring.index()].slots();
        let left = slots.filter(|slot| {
            let class = rollout.rec.slots[*slot].state.class();
            matches!(class, Class::Pending | Class::Debt | Class::Withheld)
        });
        let mut together: BTreeMap<WaitingOn, Vec<u32>> = BTreeMap::new();
        for slot in left.take(LOOKED_AT) {
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            for on in self.host_waits_in_full(r, slot) {
                together.entry(on).or_default().push(slot);
            }
        }
        let is_of_hosts = |on: &WaitingOn| !matches!(on, WaitingOn::Worker);
        let together = together.into_iter().filter(|(on, _)| is_of_hosts(on));
        let mut views: Vec<KeptView> = together
            .map(|(on, slots)| {
                let host = self.host_of(r, slots[0]);
                let names = slots.iter().take(NAMED);
                KeptView {
                    waiting: self.told_of(r, host, on),
                    hosts: names.map(|&slot| self.host_name(r, slot)).collect(),
                    count: u32::try_from(slots.len()).unwrap_or(u32::MAX),
                }
            })
            .collect();
        views.sort_by_key(|one| (std::cmp::Reverse(one.count), one.waiting.earliest));
        views
    }
}
