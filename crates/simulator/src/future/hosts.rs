//! The hosts of one future: what is true of each, whatever the decider believes, and what is counted of all.
//!
//! # Invariants
//!
//! * A host's service answers exactly when no cause keeps it down; every change of that is an edge, and is told.
//! * Counters are kept on every change; nothing here is ever scanned for.

use ringway_model::{HostId, ProbeId, Span, Timestamp};

use super::outcome::Struck;
use super::setting::Kept;

/// No ring, no entry, no group.
pub(super) const NONE: u16 = u16::MAX;

/// Why a service does not answer, or does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its host restarts.
    Boots = 1,
    /// It went away by itself.
    Flaky = 2,
    /// An update broke it.
    Broken = 4,
    /// It is slow to come up after an update.
    Late = 8,
    /// Its host cannot be reached. It may serve all the same.
    Away = 16,
    /// It is taken out of service. It answers probes all the same.
    Drained = 32,
}

/// Causes that a probe sees.
const ANSWERS_NOT: u8 = 1 | 2 | 4 | 8 | 16;
/// Causes for which it does not do its work.
const SERVES_NOT: u8 = 1 | 2 | 4 | 8 | 32;
/// Causes that a rollout is to blame for.
const ROLLOUT: u8 = 1 | 4 | 8 | 32;

/// One host.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Host {
    causes: u8,
    /// A bit for each rollout whose update it has.
    pub(super) has: u8,
    /// A bit for each rollout whose update has broken it and was not taken back.
    pub(super) broken_by: u8,
    /// A bit for each rollout whose update has harmed it at any time.
    pub(super) hit_by: u8,
    /// A bit for each rollout whose update will harm it, which does not show yet.
    pub(super) carries: u8,
    /// It answers nobody while an update has it broken.
    pub(super) is_silent: bool,
    /// Raised by everything that makes harm to come void.
    pub(super) era: u32,
    pub(super) boots: u32,
    /// Whether the decider wants to be told of restarts.
    pub(super) boots_watched: bool,
    /// A bit for each probe that the decider wants to be told of.
    followed: u16,
    /// Flakes so far.
    pub(super) flakes: u32,
}

impl Host {
    pub(super) const fn has_cause(&self, cause: Cause) -> bool {
        self.causes & cause as u8 != 0
    }

    /// What a probe finds.
    pub(super) const fn answers(&self) -> bool {
        self.causes & ANSWERS_NOT == 0
    }

    pub(super) const fn follow(&mut self, probe: ProbeId) {
        self.followed |= 1 << (probe.0 & 15);
    }

    pub(super) fn followed(&self) -> impl Iterator<Item = ProbeId> + use<> {
        let followed = self.followed;
        (0..16)
            .filter(move |bit| followed & 1 << bit != 0)
            .map(ProbeId)
    }
}

/// An availability group, or a set that is watched in place of those: how it really stands.
#[derive(Clone, Copy, Debug)]
struct Cell {
    must: u32,
    serving: u32,
    /// Members that do not serve because of a rollout.
    blamed: u32,
    is_lost: bool,
}

/// One rollout's hosts, counted.
#[derive(Clone, Debug)]
pub(super) struct Count {
    /// Targets.
    pub(super) targets: u32,
    /// Targets without the update.
    pub(super) without: u32,
    /// Targets on which its harm has shown at any time.
    pub(super) hit: u32,
    /// Targets that carry harm which has not shown.
    pub(super) carrying: u32,
    /// By ring: targets with the update.
    pub(super) with: Vec<u32>,
    /// Milliseconds that targets were without the update, summed over them.
    pub(super) exposure: u64,
    /// Up to when it is added up; absent until the rollout began.
    since: Option<Timestamp>,
}

impl Count {
    pub(super) fn new(targets: u32, rings: usize) -> Self {
        Self {
            targets,
            without: targets,
            hit: 0,
            carrying: 0,
            with: vec![0; rings],
            exposure: 0,
            since: None,
        }
    }

    /// Exposure is counted from now on.
    pub(super) const fn begin(&mut self, now: Timestamp) {
        self.since = Some(now);
    }

    /// Adds up what has passed.
    pub(super) fn pass(&mut self, now: Timestamp) {
        if let Some(since) = self.since {
            let passed = now.since(since).millis();
            let sum = passed.saturating_mul(u64::from(self.without));
            self.exposure = self.exposure.saturating_add(sum);
            self.since = Some(since.max(now));
        }
    }
}

/// All hosts of a future.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    pub(super) all: Vec<Host>,
    cell_of: Vec<u32>,
    cells: Vec<Cell>,
    pub(super) lost: u32,
    /// Hosts that are broken now.
    pub(super) broken: u32,
}

impl Hosts {
    /// So many hosts, and what must not be lost of them.
    pub(super) fn new(hosts: usize, kept: &[Kept]) -> Self {
        let cells = kept
            .iter()
            .map(|kept| Cell {
                must: kept.must,
                serving: u32::try_from(kept.members.len()).unwrap_or(u32::MAX),
                blamed: 0,
                is_lost: false,
            })
            .collect();
        let mut cell_of = vec![u32::MAX; hosts];
        for (index, kept) in kept.iter().enumerate() {
            for member in &kept.members {
                cell_of[member.index()] = u32::try_from(index).unwrap_or(u32::MAX);
            }
        }
        Self {
            all: vec![Host::default(); hosts],
            cell_of,
            cells,
            lost: 0,
            broken: 0,
        }
    }

    /// Adds or takes away a cause; says whether that is an edge: whether the service answers now and did not, or the
    /// other way round.
    #[must_use]
    pub(super) fn set(&mut self, host: usize, cause: Cause, to: bool) -> bool {
        let before = self.all[host].causes;
        let after = if to {
            before | cause as u8
        } else {
            before & !(cause as u8)
        };
        if before == after {
            return false;
        }
        self.all[host].causes = after;
        if cause == Cause::Broken && !to {
            self.all[host].is_silent = false;
        }
        if cause == Cause::Broken {
            self.broken = if to {
                self.broken + 1
            } else {
                self.broken.saturating_sub(1)
            };
        }
        self.recount(self.cell_of[host], before, after);
        (before & ANSWERS_NOT == 0) != (after & ANSWERS_NOT == 0)
    }

    /// Who and what was hit by any of so many rollouts. Looks at every host, so it is for the end of a future that is told.
    pub(super) fn struck(&self, rollouts: usize) -> Struck {
        let hit_by = |rollout: usize| {
            let bit = 1 << rollout;
            let hit = self.all.iter().enumerate();
            hit.filter(|(_, host)| host.hit_by & bit != 0)
                .map(|(index, _)| HostId::at(index))
                .collect()
        };
        let lost = self.cells.iter().enumerate();
        Struck {
            hosts: (0..rollouts).map(hit_by).collect(),
            cells: lost
                .filter(|(_, cell)| cell.is_lost)
                .map(|(index, _)| index)
                .collect(),
        }
    }

    fn recount(&mut self, cell: u32, before: u8, after: u8) {
        let Some(cell) = self.cells.get_mut(cell as usize) else {
            return;
        };
        let change = |count: &mut u32, was: bool, is: bool| match (was, is) {
            (false, true) => *count += 1,
            (true, false) => *count = count.saturating_sub(1),
            (false, false) | (true, true) => {}
        };
        change(
            &mut cell.serving,
            before & SERVES_NOT == 0,
            after & SERVES_NOT == 0,
        );
        change(
            &mut cell.blamed,
            before & ROLLOUT != 0,
            after & ROLLOUT != 0,
        );
        if cell.serving < cell.must && cell.blamed > 0 && !cell.is_lost {
            cell.is_lost = true;
            self.lost += 1;
        }
    }
}

/// Milliseconds as whole hours, rounded.
pub(super) const fn hours(exposure: u64) -> u64 {
    let hour = Span::hours(1).millis();
    exposure.saturating_add(hour / 2) / hour
}
