//! The fleet as the engine sees it: indices instead of names, availability groups in the concrete.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{CellId, Digest, GroupId, HostId, Labels, ProbeId, Span};
use ringway_policy::validated::{Connection, Probe, RingSpread};
use serde::{Deserialize, Serialize};

/// A fleet, compiled. Content-addressed: its digest is that of its encoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetSpec {
    /// The fleet's name.
    pub name: String,
    /// Digest of the fleet document it was made from.
    pub document: Digest,
    /// By `HostId`.
    pub hosts: Vec<HostSpec>,
    /// By `GroupId`, in an order in which every group stands after those it depends on.
    pub groups: Vec<GroupSpec>,
    /// By `CellId`.
    pub cells: Vec<CellSpec>,
    /// By `ProbeId`; at most 16.
    pub probes: Vec<ProbeSpec>,
    /// Ways to reach hosts; `HostSpec::connect` is an index into it.
    pub connections: Vec<Connection>,
    /// Hosts that were of this fleet and that its document names no more: their numbers stay theirs. They are in no group
    /// and no availability group, and nothing begins on them. Written behind the rest, and only where there are any: fleets
    /// were compiled before there were.
    #[serde(skip)]
    pub vanished: BTreeSet<HostId>,
}

/// A host, compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSpec {
    /// Its name.
    pub name: String,
    /// Where it is reached.
    pub address: String,
    /// Its labels.
    pub labels: Labels,
    /// Its group.
    pub group: Option<GroupId>,
    /// Its availability group.
    pub cell: Option<CellId>,
    /// How it is reached.
    pub connect: u16,
}

/// A group, compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSpec {
    /// Its name.
    pub name: String,
    /// Groups that must be done and healthy first, and whether in earlier rings too.
    pub after: Vec<(GroupId, bool)>,
    /// How members of one availability group are spread over rings.
    pub rings: RingSpread,
    /// The care of its role, by name.
    pub care: Option<String>,
}

/// One availability group in the concrete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellSpec {
    /// The group whose members it tells apart.
    pub group: GroupId,
    /// Group and label value, as people are shown it: `directory domain=corp`.
    pub name: String,
    /// Its members, ascending.
    pub members: Vec<HostId>,
    /// Members that must stay up.
    pub must_stay_up: u32,
    /// Members that may be down at once.
    pub down_at_most: u32,
    /// The probe that gives the evidence.
    pub probe: ProbeId,
    /// How old evidence may be.
    pub fresh: Span,
    /// Why an outage is accepted, where `must_stay_up` can never be met. The group's word, also in those of its availability
    /// groups where it can: ask [`Self::accepts_outage`].
    pub accept_outage: Option<String>,
}

impl CellSpec {
    /// Whether its minimum does not count: it can never be met, and somebody accepts that.
    pub fn accepts_outage(&self) -> bool {
        self.accept_outage.is_some() && self.can_never_be_met()
    }

    const fn can_never_be_met(&self) -> bool {
        self.must_stay_up as usize >= self.members.len()
    }

    /// Whether not even one member can be taken while the others stay up.
    pub fn is_impossible(&self) -> bool {
        self.accept_outage.is_none() && self.can_never_be_met()
    }
}

/// A probe, compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeSpec {
    /// Its name.
    pub name: String,
    /// What is asked and how often.
    pub probe: Probe,
}

/// Names to ids, for commands and output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Hosts by name.
    pub hosts: BTreeMap<String, HostId>,
}
