//! Units: hosts that a ring must see together or apart.
//!
//! A unit is an availability group of a group that says `rings: together` or `rings: apart`; where such a group keeps
//! nothing up, the whole group is one unit. Only targets count: who is not updated is in no ring.

use ringway_model::CellId;
use ringway_policy::validated::RingSpread;

use crate::spec::FleetSpec;

/// The number of a unit.
pub(crate) type UnitId = u32;

const NO_UNIT: UnitId = u32::MAX;

/// All units of a fleet's targets.
pub(crate) struct Units {
    /// By host.
    of: Vec<UnitId>,
    /// By unit: availability groups first, then groups without them.
    kind: Vec<RingSpread>,
    /// By unit: its targets.
    members: Vec<Vec<u32>>,
}

impl Units {
    /// The units of these targets.
    pub(crate) fn new(fleet: &FleetSpec, targets: &[u32]) -> Self {
        let count = fleet.cells.len() + fleet.groups.len();
        let mut units = Self {
            of: vec![NO_UNIT; fleet.hosts.len()],
            kind: vec![RingSpread::Any; count],
            members: vec![Vec::new(); count],
        };
        for &target in targets {
            let host = &fleet.hosts[target as usize];
            let Some(group) = host.group else { continue };
            let kind = fleet.groups[group.index()].rings;
            if kind == RingSpread::Any {
                continue;
            }
            let unit = host
                .cell
                .map_or(fleet.cells.len() + group.index(), CellId::index);
            units.of[target as usize] = u32::try_from(unit).expect("cells and groups are bounded");
            units.kind[unit] = kind;
            units.members[unit].push(target);
        }
        units
    }

    /// How many there can be.
    pub(crate) fn len(&self) -> usize {
        self.kind.len()
    }

    /// The unit whose members belong into one ring.
    pub(crate) fn together(&self, host: u32) -> Option<UnitId> {
        self.unit(host, RingSpread::Together)
    }

    /// The unit whose members belong into different rings.
    pub(crate) fn apart(&self, host: u32) -> Option<UnitId> {
        self.unit(host, RingSpread::Apart)
    }

    /// The targets of a unit.
    pub(crate) fn members(&self, unit: UnitId) -> &[u32] {
        &self.members[unit as usize]
    }

    fn unit(&self, host: u32, kind: RingSpread) -> Option<UnitId> {
        let unit = self.of[host as usize];
        (unit != NO_UNIT && self.kind[unit as usize] == kind).then_some(unit)
    }
}
