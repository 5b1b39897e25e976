//! What all futures of one question share: fleet, plans and world, with every selector already asked of every host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringway_calendar::{HoursIn, Opening, UnknownZone, Zones};
use ringway_engine::{Advisory, Exception};
use ringway_executor::port::Arrival;
use ringway_executor::{Config, Watch};
use ringway_model::{HostId, RolloutId, Selector, Span, StepKind, Timestamp};
use ringway_policy::validated::{
    Documents, HostModel, Regression, SpanRange, Watch as Watched, World,
};
use ringway_scheduler::report::assumed;
use ringway_scheduler::spec::HostSpec;
use ringway_scheduler::{FleetSpec, Plan};

use super::harm::{Harm, HostSet};
use super::hosts::NONE;

/// When a world begins that does not say when: a Monday morning.
const BEGINS: Timestamp = Timestamp(1_767_603_600_000);

/// Rollouts over one fleet in one world, at the most: a host's content is a bit for each.
const MOST_ROLLOUTS: usize = 8;

/// What happens within this is decided together: of a small fleet a second, of one of more than so many hosts ten.
///
/// The real loop decides together what arrives while a commit is on its way, so a large fleet's batches are large in any
/// case; steps take minutes and soaks days, and ten seconds are below what anybody assumes of either. With one second a
/// future of 10,000 hosts costs 2.5 times as much (`cargo xtask bench futures`).
const GRAIN: (usize, Span, Span) = (2000, Span::seconds(1), Span::seconds(10));

/// How seldom a world without crashes writes that Ringway is there, where nobody checks that it does so often enough.
pub(super) const ALIVE_EVERY: Span = Span::hours(24);

/// One rollout of a setting.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) plan: Arc<Plan>,
    /// After the world's beginning.
    pub(super) starts: Span,
    /// By host: its ring, or `NONE` where it is no target.
    pub(super) ring_of: Vec<u16>,
    /// Whether it takes the place of the one before it.
    pub(super) supersedes: bool,
}

/// Hosts that are of one kind: they share the value of a label.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    /// `role=dc`.
    pub(super) name: String,
    pub(super) hosts: HostSet,
}

/// Hosts of which some must serve at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) must: u32,
    pub(super) members: Vec<HostId>,
}

/// Everything that futures share.
#[derive(Clone, Debug)]
pub struct Setting {
    pub(super) fleet: Arc<FleetSpec>,
    pub(super) rollouts: Vec<Arc<Planned>>,
    pub(super) documents: Vec<(String, String)>,
    /// What a plan is made from in mid-flight, where a rollout supersedes another.
    pub(super) papers: Option<Arc<Documents>>,
    /// Who is left out of rollouts, and until when.
    pub(super) exceptions: Vec<Exception>,
    /// What is said of the content of updates, from when on.
    pub(super) advisories: Vec<Advisory>,
    pub(super) world: World,
    pub(super) begins: Timestamp,
    /// By host: its entry in the world, or `NONE`.
    pub(super) model_of: Vec<u16>,
    /// By entry in the world and step kind; the last are those of a host without an entry.
    pub(super) durations: Vec<BTreeMap<StepKind, SpanRange>>,
    pub(super) harms: Vec<Harm>,
    pub(super) kinds: Vec<Kind>,
    /// What must not be lost: the fleet's availability groups, or what the world watches in their place.
    pub(super) kept: Vec<Kept>,
    pub(super) config: Config,
    /// What windows and freezes are turned into instants with.
    pub(super) zones: Zones,
    grain: Span,
}

/// Why documents and a world make no setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There is nothing to roll out.
    #[error("there is no rollout to simulate")]
    NoRollout,
    /// A zone that the time zone database does not have.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// More rollouts than a world can keep apart.
    #[error("{0} rollouts are more than a world can keep apart, which is {MOST_ROLLOUTS}")]
    TooManyRollouts(usize),
    /// A plan was made for another fleet.
    #[error("the plan of policy `{0}` was made for another fleet")]
    OtherFleet(String),
}

impl Setting {
    /// The instants of a plan's rules about time, where all zones that it names are known.
    pub(super) fn calendar_told(
        &self,
        rollout: RolloutId,
        plan: Arc<Plan>,
        from: Timestamp,
    ) -> Arrival {
        let calendar = ringway_engine::instants(&plan, &self.zones, from);
        Arrival::CalendarTold {
            rollout,
            plan,
            calendar: calendar.ok().map(Box::new),
        }
    }

    /// Prepares a question. Each plan comes with the span after the world's beginning at which its rollout is started;
    /// `documents` are the texts all plans were made from, by kind and name.
    ///
    /// # Errors
    ///
    /// Where there is no rollout, too many, or a plan for another fleet.
    pub fn new(
        fleet: Arc<FleetSpec>,
        plans: Vec<(Arc<Plan>, Span)>,
        documents: Vec<(String, String)>,
        world: &World,
        workers: u32,
    ) -> Result<Self, Unfit> {
        if plans.is_empty() {
            return Err(Unfit::NoRollout);
        }
        if plans.len() > MOST_ROLLOUTS {
            return Err(Unfit::TooManyRollouts(plans.len()));
        }
        let (digest, _) = fleet.encode();
        if let Some((plan, _)) = plans.iter().find(|(plan, _)| plan.fleet != digest) {
            return Err(Unfit::OtherFleet(plan.policy.clone()));
        }
        let hosts = &fleet.hosts[..];
        let supersedes = world.rollouts.iter().map(|rollout| rollout.supersedes);
        let rollouts: Vec<Arc<Planned>> = plans
            .into_iter()
            .zip(supersedes.chain(std::iter::repeat(false)))
            .map(|((plan, starts), supersedes)| {
                Arc::new(planned(plan, starts, supersedes, hosts.len()))
            })
            .collect();
        let model_of = model_of(&world.hosts, hosts);
        let durations = world
            .hosts
            .iter()
            .map(|model| durations(&model.steps))
            .chain([durations(&BTreeMap::new())])
            .collect();
        let harms = world
            .regressions
            .iter()
            .map(|regression| harm(regression, &rollouts, hosts))
            .collect();
        let kinds = kinds(&world.priors.by, &rollouts, hosts);
        let kept = kept(&world.watch, &fleet);
        let crashes = world.faults.crashes > 0 || world.faults.bad_writes.millionths() > 0;
        let config = Config {
            workers,
            watch: Watch::Told,
            snapshot_every: if crashes { 256 } else { u64::MAX },
            ..Config::default()
        };
        let grain = if hosts.len() > GRAIN.0 {
            GRAIN.2
        } else {
            GRAIN.1
        };
        Ok(Self {
            begins: world.begins.unwrap_or(BEGINS),
            fleet,
            rollouts,
            documents,
            papers: None,
            exceptions: Vec::new(),
            advisories: Vec::new(),
            world: world.clone(),
            model_of,
            durations,
            harms,
            kinds,
            kept,
            config,
            zones: Zones::utc(),
            grain,
        })
    }

    /// The same with a time zone database, which plans need whose hosts or windows have a zone.
    ///
    /// # Errors
    ///
    /// A zone that a plan names and the database does not have.
    pub fn with_zones(mut self, zones: Zones) -> Result<Self, Unfit> {
        for rollout in &self.rollouts {
            for rule in &rollout.plan.times.tables {
                Opening::new(rule, &zones)?;
            }
            for hours in &rollout.plan.terms.hours {
                HoursIn::new(&hours.hours, &hours.zone, &zones)?;
            }
        }
        self.zones = zones;
        Ok(self)
    }

    /// The same with the documents that the plan of a rollout that supersedes another is made from; without them it starts as any
    /// other.
    #[must_use]
    pub fn with_documents(mut self, documents: Option<Arc<Documents>>) -> Self {
        self.papers = documents;
        self
    }

    /// The same with exceptions in force, which come into it with the first rollout.
    #[must_use]
    pub fn with_exceptions(mut self, exceptions: Vec<Exception>) -> Self {
        self.exceptions = exceptions;
        self
    }

    /// The same with advisories, each of which arrives when it is published, and at the world's beginning where it does not say.
    #[must_use]
    pub fn with_advisories(mut self, advisories: Vec<Advisory>) -> Self {
        self.advisories = advisories;
        self
    }

    /// What is said of the content of updates.
    pub fn advisories(&self) -> &[Advisory] {
        &self.advisories
    }

    /// The same question about other plans, in the same order: what two policies are compared by.
    ///
    /// # Errors
    ///
    /// As [`Setting::new`].
    pub fn with_plans(&self, plans: Vec<(Arc<Plan>, Span)>) -> Result<Self, Unfit> {
        let other = Self::new(
            Arc::clone(&self.fleet),
            plans,
            self.documents.clone(),
            &self.world,
            self.config.workers,
        )?;
        let other = other
            .with_documents(self.papers.clone())
            .with_exceptions(self.exceptions.clone())
            .with_advisories(self.advisories.clone());
        other.with_zones(self.zones.clone())
    }

    /// When the world begins.
    pub const fn begins(&self) -> Timestamp {
        self.begins
    }

    /// The plans, in the order in which their rollouts were given.
    pub fn plans(&self) -> impl Iterator<Item = &Arc<Plan>> {
        self.rollouts.iter().map(|rollout| &rollout.plan)
    }

    /// The fleet.
    pub const fn fleet(&self) -> &Arc<FleetSpec> {
        &self.fleet
    }

    /// What [`super::Struck::cells`] counts, by name: the fleet's availability groups, or what the world watches in their place.
    pub fn kept(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().map(|kept| kept.name.as_str())
    }

    /// The kinds of hosts that an update may harm one of, by name.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.kinds.iter().map(|kind| kind.name.as_str())
    }

    /// The first instant from this one on at which something may happen.
    pub(super) fn at(&self, instant: Timestamp) -> Timestamp {
        let grain = self.grain.millis();
        let since = instant.since(self.begins).millis();
        self.begins + Span(since.div_ceil(grain).saturating_mul(grain))
    }

    pub(super) fn model(&self, host: usize) -> Option<&HostModel> {
        self.world.hosts.get(usize::from(self.model_of[host]))
    }

    /// How long a host's steps of a kind take.
    pub(super) fn duration(&self, host: usize, kind: StepKind) -> SpanRange {
        let entry = usize::from(self.model_of[host]).min(self.durations.len() - 1);
        self.durations[entry]
            .get(&kind)
            .copied()
            .unwrap_or_default()
    }

    /// Whether a decider may be thrown away and read back.
    pub(super) const fn snapshots(&self) -> bool {
        self.config.snapshot_every != u64::MAX
    }

    /// Whether anything may happen between Ringway and its hosts that needs what was begun to be remembered.
    pub(super) fn has_faults(&self) -> bool {
        let faults = &self.world.faults;
        faults.lasts > Span::ZERO
            && (faults.crashes > 0
                || faults.bad_writes.millionths() > 0
                || faults.lost.millionths() > 0)
    }
}

pub(super) fn planned(plan: Arc<Plan>, starts: Span, supersedes: bool, hosts: usize) -> Planned {
    let mut ring_of = vec![NONE; hosts];
    for (ring, planned) in plan.rings.iter().enumerate() {
        let ring = u16::try_from(ring).unwrap_or(NONE);
        for slot in planned.slots() {
            ring_of[plan.slots[slot].host.index()] = ring;
        }
    }
    Planned {
        plan,
        starts: super::roll::whole(starts),
        ring_of,
        supersedes,
    }
}

/// The fleet's availability groups, or what a world watches in their place; of each host the first entry that matches.
fn kept(watch: &[Watched], fleet: &FleetSpec) -> Vec<Kept> {
    if watch.is_empty() {
        let cells = fleet.cells.iter().map(|cell| Kept {
            name: cell.name.clone(),
            must: cell.must_stay_up,
            members: cell.members.clone(),
        });
        return cells.collect();
    }
    let mut sets: BTreeMap<(usize, Option<&str>), Vec<HostId>> = BTreeMap::new();
    for (host, spec) in fleet.hosts.iter().enumerate() {
        let matches = |watch: &Watched| watch.select.matches(&spec.name, &spec.labels);
        let Some(entry) = watch.iter().position(matches) else {
            continue;
        };
        let value = watch[entry].per.as_ref().map(|per| spec.labels.get(per));
        // A host without the label is in no set.
        if value != Some(None) {
            let set = sets.entry((entry, value.flatten())).or_default();
            set.push(HostId::at(host));
        }
    }
    let sets = sets.into_iter().map(|((entry, value), members)| {
        let Watched {
            name,
            per,
            at_least,
            ..
        } = &watch[entry];
        let name = match (per, value) {
            (Some(per), Some(value)) => format!("{name} {per}={value}"),
            (_, _) => name.clone(),
        };
        Kept {
            name,
            must: *at_least,
            members,
        }
    });
    sets.collect()
}

/// Of each host the first entry that matches.
fn model_of(models: &[HostModel], hosts: &[HostSpec]) -> Vec<u16> {
    hosts
        .iter()
        .map(|host| {
            models
                .iter()
                .position(|model| model.select.matches(&host.name, &host.labels))
                .and_then(|index| u16::try_from(index).ok())
                .unwrap_or(NONE)
        })
        .collect()
}

/// As written, or from half to twice what a plan assumes.
fn durations(written: &BTreeMap<StepKind, SpanRange>) -> BTreeMap<StepKind, SpanRange> {
    StepKind::ALL
        .into_iter()
        .map(|kind| {
            let usual = assumed(kind);
            let range = written.get(&kind).copied().unwrap_or(SpanRange {
                low: Span(usual.millis() / 2),
                high: usual.times(2),
            });
            (kind, range)
        })
        .collect()
}

fn harm(regression: &Regression, rollouts: &[Arc<Planned>], hosts: &[HostSpec]) -> Harm {
    let of = |update: &str| {
        regression
            .update
            .as_ref()
            .is_none_or(|named| named == update)
    };
    Harm {
        rollouts: rollouts
            .iter()
            .enumerate()
            .filter(|(_, rollout)| of(&rollout.plan.update))
            .fold(0, |bits, (index, _)| bits | 1 << index),
        hosts: matching(&regression.select, hosts),
        share: regression.share,
        does: regression.does,
        shows: regression.shows,
    }
}

fn matching(select: &Selector, hosts: &[HostSpec]) -> HostSet {
    hosts
        .iter()
        .map(|host| select.matches(&host.name, &host.labels))
        .collect()
}

/// The kinds of hosts among the targets, by the labels that tell them apart.
fn kinds(by: &[String], rollouts: &[Arc<Planned>], hosts: &[HostSpec]) -> Vec<Kind> {
    let role = ["role".to_owned()];
    let by = if by.is_empty() { &role[..] } else { by };
    let is_target = |host: usize| rollouts.iter().any(|rollout| rollout.ring_of[host] != NONE);
    let mut kinds: BTreeMap<(usize, &str), BTreeSet<usize>> = BTreeMap::new();
    for (index, label) in by.iter().enumerate() {
        for host in (0..hosts.len()).filter(|&host| is_target(host)) {
            if let Some(value) = hosts[host].labels.get(label) {
                kinds.entry((index, value)).or_default().insert(host);
            }
        }
    }
    kinds
        .into_iter()
        .map(|((label, value), members)| Kind {
            name: format!("{}={value}", by[label]),
            hosts: (0..hosts.len())
                .map(|host| members.contains(&host))
                .collect(),
        })
        .collect()
}
