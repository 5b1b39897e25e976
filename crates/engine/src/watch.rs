//! Which hosts are probed, and by what: the hosts of open rings by every gate, and the members of every availability
//! group that has a host in the rollout.

use std::collections::BTreeSet;

use ringway_model::{HostId, ProbeId, Span, StepKind, VisitKind};
use ringway_scheduler::plan::More;

use crate::engine::{Engine, WatchChange};
use crate::slot::Class;

impl Engine {
    fn probe_freshness(&self, probe: ProbeId) -> Span {
        // A gate's evidence outlives one lost sample, but not two.
        self.fleet
            .spec
            .probes
            .get(probe.index())
            .map_or(Span::seconds(60), |spec| {
                spec.probe.every.times(2).plus(spec.probe.timeout)
            })
    }

    /// Watches a host by one probe, as freshly as anybody needs it.
    fn watch(&mut self, host: HostId, probe: ProbeId) {
        // Nobody answers for a host that is gone.
        if self.has_vanished(host) {
            return;
        }
        let mut freshest = self.probe_freshness(probe);
        if let Some(cell) = self.fleet.cell_of(host) {
            let cell = &self.fleet.spec.cells[cell.index()];
            if cell.probe == probe {
                freshest = freshest.min(cell.fresh);
            }
        }
        self.watch.push(WatchChange::Watch {
            host,
            probe,
            freshest,
        });
    }

    /// The probes a host of an open ring is watched by.
    fn probes_of(&self, r: usize, host: HostId) -> BTreeSet<ProbeId> {
        let mut probes: BTreeSet<ProbeId> = self.rollouts[r]
            .plan
            .gates
            .iter()
            .map(|gate| gate.probe)
            .collect();
        probes.extend(
            self.fleet
                .cell_of(host)
                .map(|cell| self.fleet.spec.cells[cell.index()].probe),
        );
        probes
    }

    /// A ring opens: its hosts are watched by every gate; with the first ring, availability groups too.
    pub(crate) fn watch_ring(&mut self, r: usize, ring: usize) {
        if !self.live {
            return;
        }
        if ring == 0 {
            for (host, probe) in self.cell_watches(r) {
                self.watch(host, probe);
            }
        }
        for index in self.rollouts[r].plan.rings[ring].slots() {
            let host = self.rollouts[r].plan.slots[index].host;
            let gates: BTreeSet<ProbeId> = self.rollouts[r]
                .plan
                .gates
                .iter()
                .map(|gate| gate.probe)
                .collect();
            for probe in gates {
                // Evidence that is there is evidence: a new watch would forget it.
                if self.fleet.evidence(host, probe) == ringway_model::Evidence::Unknown {
                    self.watch(host, probe);
                }
            }
        }
    }

    fn cell_watches(&self, r: usize) -> BTreeSet<(HostId, ProbeId)> {
        let slots = self.rollouts[r].plan.slots.iter();
        let cells: BTreeSet<_> = slots
            .filter_map(|slot| self.fleet.cell_of(slot.host))
            .collect();
        cells
            .into_iter()
            .flat_map(|cell| {
                let cell = &self.fleet.spec.cells[cell.index()];
                cell.members.iter().map(|&member| (member, cell.probe))
            })
            .filter(|&(host, probe)| {
                self.fleet.evidence(host, probe) == ringway_model::Evidence::Unknown
            })
            .collect()
    }

    /// Everything a rollout needs watched, as after a recovery.
    pub(crate) fn watch_rollout(&mut self, r: usize) {
        if !self.live || self.rollouts[r].rec.opened == 0 {
            return;
        }
        self.watch_unknown(r);
        let opened = usize::from(self.rollouts[r].rec.opened);
        for ring in 0..opened {
            for index in self.rollouts[r].plan.rings[ring].slots() {
                let class = self.rollouts[r].rec.slots[index].state.class();
                if matches!(class, Class::Settling | Class::Done) {
                    self.watch_boot(r, u32::try_from(index).unwrap_or(u32::MAX));
                }
            }
        }
    }

    /// What a rollout needs to know and nothing is known of.
    pub(crate) fn watch_unknown(&mut self, r: usize) {
        if !self.live || self.rollouts[r].rec.opened == 0 {
            return;
        }
        for (host, probe) in self.cell_watches(r) {
            self.watch(host, probe);
        }
        let opened = usize::from(self.rollouts[r].rec.opened);
        for ring in 0..opened {
            for index in self.rollouts[r].plan.rings[ring].slots() {
                let slot = u32::try_from(index).unwrap_or(u32::MAX);
                let host = self.host_of(r, slot);
                for gate in 0..self.rollouts[r].plan.gates.len() {
                    let probe = self.rollouts[r].plan.gates[gate].probe;
                    // Evidence that is there is evidence: a new watch would forget it, and a host that settles while its
                    // rollout waits to end would be told unhealthy for that.
                    if self.fleet.evidence(host, probe) == ringway_model::Evidence::Unknown {
                        self.watch(host, probe);
                    }
                }
            }
        }
    }

    /// A visit is over: what the host's probes said before it is forgotten, and they are asked at once.
    pub(crate) fn watch_again(&mut self, host: HostId) {
        if !self.live {
            return;
        }
        let mut probes = BTreeSet::new();
        for r in 0..self.rollouts.len() {
            if self.slot_of(r, host).is_some() {
                probes.extend(self.probes_of(r, host));
            }
        }
        // A peer that is no target itself is asked for the sake of those that are.
        if let Some(cell) = self.fleet.cell_of(host) {
            let cell = &self.fleet.spec.cells[cell.index()];
            let mut members = cell.members.iter();
            let is_relied_on = members.any(|member| {
                (0..self.rollouts.len())
                    .any(|r| self.rollouts[r].rec.opened > 0 && self.slot_of(r, *member).is_some())
            });
            probes.extend(is_relied_on.then_some(cell.probe));
        }
        for probe in probes {
            self.watch(host, probe);
        }
    }

    pub(crate) fn watch_boot(&mut self, r: usize, slot: u32) {
        let rollout = &self.rollouts[r];
        let route = rollout.route(slot);
        let counts = route
            .position(VisitKind::Update, StepKind::Reboot)
            .and_then(|position| route.step(VisitKind::Update, position))
            .is_some_and(|step| {
                matches!(
                    &step.more,
                    More::Reboot {
                        boot_id: Some(_),
                        ..
                    }
                )
            });
        if self.live && counts {
            let change = WatchChange::WatchBoot {
                host: self.host_of(r, slot),
                plan: rollout.plan.clone(),
                route: rollout.route_id(slot),
            };
            self.watch.push(change);
        }
    }

    pub(crate) fn unwatch_boot(&mut self, host: HostId) {
        if self.live {
            self.watch.push(WatchChange::UnwatchBoot { host });
        }
    }

    /// A rollout is over: what only it needed is not probed any more.
    pub(crate) fn forget_rollout(&mut self, r: usize) {
        let mut watched: BTreeSet<(HostId, ProbeId)> = self.watched_by(r);
        let hosts: Vec<HostId> = self.rollouts[r]
            .plan
            .slots
            .iter()
            .map(|slot| slot.host)
            .collect();
        self.rollouts[r].idx = crate::rollout::Index::default();
        for other in 0..self.rollouts.len() {
            if other != r && !self.rollouts[other].rec.state.is_final() {
                for pair in self.watched_by(other) {
                    watched.remove(&pair);
                }
            }
        }
        for &(host, probe) in &watched {
            let before = self.fleet.evidence[host.index()];
            let (_, after) = self
                .fleet
                .set_evidence(host, probe, ringway_model::Evidence::Unknown);
            self.recount_evidence(host, before, after);
        }
        if self.live {
            self.watch.extend(
                watched
                    .into_iter()
                    .map(|(host, probe)| WatchChange::Unwatch { host, probe }),
            );
            for host in hosts {
                let elsewhere =
                    (0..self.rollouts.len()).any(|other| self.slot_of(other, host).is_some());
                if !elsewhere {
                    self.watch.push(WatchChange::UnwatchBoot { host });
                }
            }
        }
    }

    fn watched_by(&self, r: usize) -> BTreeSet<(HostId, ProbeId)> {
        let rollout = &self.rollouts[r];
        let mut watched = BTreeSet::new();
        if rollout.rec.opened == 0 {
            return watched;
        }
        for slot in &rollout.plan.slots {
            for gate in &rollout.plan.gates {
                watched.insert((slot.host, gate.probe));
            }
            if let Some(cell) = self.fleet.cell_of(slot.host) {
                let cell = &self.fleet.spec.cells[cell.index()];
                watched.extend(cell.members.iter().map(|&member| (member, cell.probe)));
            }
        }
        watched
    }
}
