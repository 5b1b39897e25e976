//! What rules look at: a plan, its report, and the documents it was made from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ringway_calendar::{UnknownZone, Zones};
use ringway_model::{HostId, Selector, Timestamp};
use ringway_policy::validated::{Documents, Policy, Ring, RingHosts, Update};
use ringway_policy::{At, Kind};

use crate::index::HostIndex;
use crate::plan::Plan;
use crate::report::{PlanReport, instants};
use crate::spec::{FleetSpec, HostSpec};
use crate::when::{NoTime, RingWhen, Stands, Times, forecast};

/// The machine that Ringway runs on, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// Its names.
    pub names: BTreeSet<String>,
    /// Its addresses; of many, those that some host of the fleet has are enough.
    pub addresses: BTreeSet<IpAddr>,
}

/// Where a host is in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum InPlan {
    /// It is not to be updated.
    NoTarget,
    /// No ring claims it.
    Unclaimed,
    /// In this ring.
    Ring(usize),
}

/// Everything a rule may look at.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) fleet: &'a FleetSpec,
    pub(crate) plan: &'a Plan,
    pub(crate) report: &'a PlanReport,
    pub(crate) documents: &'a Documents,
    pub(crate) here: &'a Here,
    /// The calendar, where there is one to look at.
    pub(crate) calendar: Option<&'a Dates<'a>>,
}

/// A plan's calendar from some instant on.
pub(crate) struct Dates<'a> {
    /// The time zone database.
    pub(crate) zones: &'a Zones,
    /// The instant.
    pub(crate) from: Timestamp,
    /// The instants of the plan's rules, in their order.
    pub(crate) rules: Vec<Times>,
    /// When its rings can be, or what there is no time for.
    pub(crate) rings: Result<Vec<RingWhen>, NoTime>,
}

impl<'a> Dates<'a> {
    /// A plan's calendar from an instant on.
    ///
    /// # Errors
    ///
    /// The time zone database lacks a zone.
    pub(crate) fn new(
        fleet: &FleetSpec,
        plan: &Plan,
        zones: &'a Zones,
        from: Timestamp,
    ) -> Result<Self, UnknownZone> {
        let rules = instants(plan, zones, from)?;
        let rings = forecast(
            fleet,
            plan,
            &rules,
            from,
            (Stands::Before, &BTreeMap::new()),
        );
        Ok(Self {
            zones,
            from,
            rules,
            rings,
        })
    }
}

impl<'a> Facts<'a> {
    /// The policy, where the documents still have it.
    pub(super) fn policy(&self) -> Option<&'a Policy> {
        self.documents.policies.get(&self.plan.policy)
    }

    /// The update, where the documents have it.
    pub(super) fn update(&self) -> Option<&'a Update> {
        self.documents.updates.get(&self.plan.update)
    }

    /// The policy's document.
    pub(super) fn in_policy(&self) -> At {
        At::document(Kind::Policy, &self.plan.policy)
    }

    /// A ring in the policy's document.
    pub(super) fn in_ring(&self, at: usize) -> At {
        let name = self.plan.rings.get(at).map_or("", |ring| &ring.name);
        self.in_policy().key("rings").named(name)
    }

    /// The fleet's document.
    pub(super) fn in_fleet(&self) -> At {
        At::document(Kind::Fleet, &self.fleet.name)
    }

    /// A group in the fleet's document.
    pub(super) fn in_group(&self, name: &str) -> At {
        self.in_fleet().key("groups").named(name)
    }

    /// The update's document.
    pub(super) fn in_update(&self) -> At {
        At::document(Kind::Update, &self.plan.update)
    }

    /// Hosts that are to be updated.
    pub(super) fn targets(&self) -> usize {
        self.report.targets
    }

    /// Rings with hosts, by their index, in order.
    pub(super) fn peopled(&self) -> impl DoubleEndedIterator<Item = usize> + Clone + 'a {
        let rings = self.plan.rings.iter().enumerate();
        rings.filter(|(_, ring)| ring.planned > 0).map(|(at, _)| at)
    }

    /// The next ring with hosts.
    pub(super) fn next_peopled(&self, after: usize) -> Option<usize> {
        self.peopled().find(|&at| at > after)
    }

    pub(super) fn host(&self, host: HostId) -> &'a HostSpec {
        &self.fleet.hosts[host.index()]
    }

    /// Every host that the policy applies to.
    pub(super) fn applies_to(&self) -> impl Iterator<Item = HostId> + 'a {
        let slots = self.plan.slots.iter().map(|slot| slot.host);
        let others = self.plan.unclaimed.iter().chain(&self.plan.not_applicable);
        slots.chain(others.copied())
    }

    /// The rings of the policy with what they select, by index; not those that take the rest, nor those that a fix begins
    /// with, which nobody wrote.
    pub(super) fn selecting(&self) -> impl Iterator<Item = (usize, &'a Ring, &'a Selector)> {
        let rings = self.policy().into_iter().flat_map(|policy| &policy.rings);
        let plan = self.plan;
        rings
            .enumerate()
            .filter(|(at, _)| plan.part_of(*at).is_none())
            .filter_map(|(at, ring)| match &ring.hosts {
                RingHosts::Rest => None,
                RingHosts::Select { select, .. } => Some((at, ring, select)),
            })
    }

    /// By host: where it is in the plan.
    pub(super) fn places(&self) -> Vec<InPlan> {
        let mut places = vec![InPlan::NoTarget; self.fleet.hosts.len()];
        for (at, ring) in self.plan.rings.iter().enumerate() {
            for slot in &self.plan.slots[ring.slots()] {
                places[slot.host.index()] = InPlan::Ring(at);
            }
        }
        for host in &self.plan.unclaimed {
            places[host.index()] = InPlan::Unclaimed;
        }
        places
    }

    /// Which hosts a selector means.
    pub(super) fn select(&self, selector: &Selector) -> Vec<u32> {
        let labels = selector.labels().into_iter();
        let labels = labels.map(|label| label.name.as_str()).collect();
        HostIndex::new(&self.fleet.hosts, labels).select(selector)
    }
}
