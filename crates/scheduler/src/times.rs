//! When work may run on the hosts of a plan.
//!
//! A plan carries rules, not instants: those take a version of the time zone database, and a plan outlives those.

use std::collections::BTreeMap;

use ringway_calendar::{Timetable, Timetables};
use ringway_model::Slot;
use ringway_policy::validated::{Fleet, Host, Policy};
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
    pub(crate) fn of_rings<'d>(
        (fleet, policy): (&'d Fleet, &Policy),
        rings: &[Vec<u32>],
        host_of: impl Fn(u32) -> Option<&'d Host>,
    ) -> Self {
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
            let hosts = hosts.iter().map(|&host| {
                host_of(host).expect("a target is a host that the fleet's document has")
            });
            of_slot.extend(hosts.map(|host| tables.add(host, ring)));
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

impl Times {
    /// These times in a revision of their plan: each slot with the rule it had, or with the one that is said of it now. What
    /// was the rule of a number is so for ever.
    pub(crate) fn revised(&self, slots: impl Iterator<Item = Placed>) -> Self {
        let mut tables = self.tables.clone();
        let mut of_slot = Vec::new();
        for slot in slots {
            let rule = match slot {
                Placed::Before(slot) => {
                    let number = self.of_slot.get(slot.index()).copied();
                    if let Some(number) = number {
                        of_slot.push(number);
                        continue;
                    }
                    Timetable::always()
                }
                Placed::New(rule) => *rule,
            };
            let known = tables.iter().position(|table| *table == rule);
            let number = known.unwrap_or_else(|| {
                tables.push(rule);
                tables.len() - 1
            });
            of_slot.push(u32::try_from(number).expect("there are fewer than hosts"));
        }
        if tables.iter().all(Timetable::is_always) {
            return Self::default();
        }
        Self { tables, of_slot }
    }
}

impl Times {
    /// What is left of these where windows do not count, those that are binding aside. Rules keep their numbers.
    pub(crate) fn ignoring_windows(&self) -> Self {
        let tables = self.tables.iter().map(Timetable::ignoring_windows);
        let tables: Vec<Timetable> = tables.collect();
        if tables.iter().all(Timetable::is_always) {
            return Self::default();
        }
        Self {
            tables,
            of_slot: self.of_slot.clone(),
        }
    }
}

impl Times {
    /// The same, where windows do not count for some slots, those that are binding aside.
    pub(crate) fn ignoring_windows_on(mut self, slots: std::ops::Range<usize>) -> Self {
        let mut known: BTreeMap<u32, u32> = BTreeMap::new();
        for slot in slots {
            let Some(number) = self.of_slot.get(slot).copied() else {
                continue;
            };
            let other = *known.entry(number).or_insert_with(|| {
                self.tables
                    .push(self.tables[number as usize].ignoring_windows());
                u32::try_from(self.tables.len() - 1).expect("there are fewer than hosts")
            });
            self.of_slot[slot] = other;
        }
        if self
            .of_slot
            .iter()
            .all(|number| self.tables[*number as usize].is_always())
        {
            return Self::default();
        }
        self
    }
}

/// Where the rule of a slot of a revision comes from.
pub(crate) enum Placed {
    /// From this slot of the plan before.
    Before(Slot),
    /// From the documents.
    New(Box<Timetable>),
}
