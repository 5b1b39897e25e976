//! When work may run on the hosts of a plan.
//!
//! A plan carries rules, not instants: those take a version of the time zone database, and a plan outlives those.

use ringway_calendar::{Timetable, Timetables};
use ringway_model::Slot;
use ringway_policy::validated::{Fleet, Policy};
use serde::{Deserialize, Serialize};

/// When work may run on each host of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Each different rule once.
    pub tables: Vec<Timetable>,
    /// By slot: its rule. Empty where nothing limits any host.
    pub of_slot: Vec<u32>,
}

impl Times {
    /// Whether nothing limits any host.
    pub const fn is_empty(&self) -> bool {
        self.of_slot.is_empty()
    }

    /// The number of a slot's rule; none where nothing limits its host.
    pub fn of(&self, slot: Slot) -> Option<u32> {
        let number = *self.of_slot.get(slot.index())?;
        let table = self.tables.get(number as usize)?;
        (!table.is_always()).then_some(number)
    }

    /// The rules of hosts, which are given ring by ring in the order of their slots, by their place in the fleet.
    pub(crate) fn of_rings(fleet: &Fleet, policy: &Policy, rings: &[Vec<u32>]) -> Self {
        let limits_nothing = policy.calendar.windows.is_empty()
            && policy.calendar.freezes.is_empty()
            && fleet.calendar.freezes.is_empty()
            && policy.rings.iter().all(|ring| ring.windows.is_empty())
            && fleet
                .hosts
                .iter()
                .all(|host| host.calendar.windows.is_empty());
        if limits_nothing {
            return Self::default();
        }
        let mut tables = Timetables::new(fleet, policy);
        let mut of_slot = Vec::new();
        for (ring, hosts) in policy.rings.iter().zip(rings) {
            let numbers = hosts
                .iter()
                .map(|&host| tables.add(&fleet.hosts[host as usize], ring));
            of_slot.extend(numbers);
        }
        let times = Self {
            tables: tables.into_all(),
            of_slot,
        };
        if times.tables.iter().all(Timetable::is_always) {
            return Self::default();
        }
        times
    }
}
