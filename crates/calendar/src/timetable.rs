//! The effective rule of one host in one ring of a policy, as data that a plan can carry.
//!
//! Names are resolved and selectors are answered here; what is left are windows and freezes. Nothing is turned into
//! instants yet, because that takes a version of the time zone database, and a plan outlives those.

use std::collections::{BTreeMap, BTreeSet};

use ringway_policy::validated::{
    Binding, Fleet, Freeze, Frozen, Host, Moment, Policy, Ring, Window, ZoneName,
};
use serde::{Deserialize, Serialize};

/// Who says something about when work may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Whose {
    /// The host, or the fleet it is in.
    Fleet,
    /// The policy.
    Policy,
    /// The ring.
    Ring,
}

/// Windows of which one must be open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Layer {
    /// Who says so.
    pub whose: Whose,
    /// The windows by name; at least one.
    pub windows: BTreeMap<String, Window>,
}

/// A freeze that a host is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FreezeRule {
    /// Its name.
    pub name: String,
    /// Who says so; never a ring.
    pub whose: Whose,
    /// Why, where events do not say it themselves.
    pub reason: Option<String>,
    /// Whose clock dates and times without a zone mean; absent: the host's.
    pub zone: Option<ZoneName>,
    /// When.
    pub when: Frozen,
}

/// When work may run on a host: while a window of every layer is open, and no freeze holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timetable {
    /// The host's zone.
    pub zone: ZoneName,
    /// At most one of each: the host's own windows, the policy's, the ring's.
    pub layers: Vec<Layer>,
    /// The fleet's freezes by name, then the policy's.
    pub freezes: Vec<FreezeRule>,
}

impl Timetable {
    /// Work may run at any time.
    pub fn always() -> Self {
        Self {
            zone: ZoneName::utc(),
            layers: Vec::new(),
            freezes: Vec::new(),
        }
    }

    /// The rule of a host of a fleet, in a ring of a policy.
    ///
    /// The documents must be valid together: a window that the fleet does not have is left out.
    pub fn of(fleet: &Fleet, host: &Host, policy: &Policy, ring: &Ring) -> Self {
        let layers = [
            (Whose::Fleet, &host.calendar.windows),
            (Whose::Policy, &policy.calendar.windows),
            (Whose::Ring, &ring.windows),
        ];
        let layers = layers.into_iter().filter(|(_, names)| !names.is_empty());
        let window = |name: &String| {
            let window = fleet.calendar.windows.get(name)?;
            Some((name.clone(), window.clone()))
        };
        let freezes = frozen(fleet, host, policy).map(|(whose, name, freeze)| FreezeRule {
            name: name.clone(),
            whose,
            reason: freeze.reason.clone(),
            zone: freeze.zone.clone(),
            when: freeze.when.clone(),
        });
        Self {
            zone: zone_of(fleet, host),
            layers: layers
                .map(|(whose, names)| Layer {
                    whose,
                    windows: names.iter().filter_map(window).collect(),
                })
                .collect(),
            freezes: freezes.collect(),
        }
    }

    /// Whether it limits nothing.
    pub fn is_always(&self) -> bool {
        self.layers.is_empty() && self.freezes.is_empty()
    }

    /// What is left for who may ignore windows: the host's own, if one of them is binding for everybody, and those that the
    /// policy or the ring names, if all of them are. A policy that lets work in the theatres' hours and in others is for hosts
    /// of both kinds: those of the theatres are bound by their own.
    #[must_use]
    pub fn ignoring_windows(&self) -> Self {
        let binds = |layer: &&Layer| {
            let is_binding = |window: &Window| window.binding == Binding::Always;
            let mut windows = layer.windows.values();
            match layer.whose {
                Whose::Fleet => windows.any(is_binding),
                Whose::Policy | Whose::Ring => !layer.windows.is_empty() && windows.all(is_binding),
            }
        };
        Self {
            layers: self.layers.iter().filter(binds).cloned().collect(),
            ..self.clone()
        }
    }

    /// What is left for who may work in freezes.
    #[must_use]
    pub fn ignoring_freezes(&self) -> Self {
        Self {
            freezes: Vec::new(),
            ..self.clone()
        }
    }

    /// Every zone it names.
    pub fn zones(&self) -> BTreeSet<ZoneName> {
        let mut zones = BTreeSet::from([self.zone.clone()]);
        for layer in &self.layers {
            zones.extend(
                layer
                    .windows
                    .values()
                    .filter_map(|window| window.zone.clone()),
            );
        }
        for freeze in &self.freezes {
            zones.extend(freeze.zone.clone());
            of_freeze(&freeze.when, &mut zones);
        }
        zones
    }
}

/// The zone of a host: its own, the fleet's, UTC.
fn zone_of(fleet: &Fleet, host: &Host) -> ZoneName {
    let own = host.calendar.zone.clone();
    own.unwrap_or_else(|| fleet.calendar.default_zone())
}

/// The freezes that a host is in.
fn frozen<'d>(
    fleet: &'d Fleet,
    host: &'d Host,
    policy: &'d Policy,
) -> impl Iterator<Item = (Whose, &'d String, &'d Freeze)> {
    let all = [
        (Whose::Fleet, &fleet.calendar.freezes),
        (Whose::Policy, &policy.calendar.freezes),
    ];
    all.into_iter()
        .flat_map(|(whose, freezes)| freezes.iter().map(move |(name, it)| (whose, name, it)))
        .filter(|(_, _, freeze)| freeze.select.matches(&host.name, &host.labels))
}

/// Every zone that a fleet and some policies name: what an edge reads before it asks anything.
pub fn zones_of<'p>(
    fleet: &Fleet,
    policies: impl IntoIterator<Item = &'p Policy>,
) -> BTreeSet<ZoneName> {
    let calendar = &fleet.calendar;
    let mut zones = BTreeSet::from([ZoneName::utc()]);
    zones.extend(calendar.zone.clone());
    zones.extend(
        fleet
            .hosts
            .iter()
            .filter_map(|host| host.calendar.zone.clone()),
    );
    zones.extend(
        calendar
            .windows
            .values()
            .filter_map(|window| window.zone.clone()),
    );
    let of_policies = policies
        .into_iter()
        .flat_map(|policy| policy.calendar.freezes.values());
    for freeze in calendar.freezes.values().chain(of_policies) {
        zones.extend(freeze.zone.clone());
        of_freeze(&freeze.when, &mut zones);
    }
    zones
}

fn of_freeze(when: &Frozen, zones: &mut BTreeSet<ZoneName>) {
    let mut add = |moment: &Moment| match moment {
        Moment::Zoned(_, zone) => zones.extend([zone.clone()]),
        Moment::Date(_) | Moment::Local(_) | Moment::Instant(_) => {}
    };
    match when {
        Frozen::Between { from, until } => [from, until].into_iter().for_each(add),
        Frozen::Events { events, .. } => {
            for event in events {
                event.moments().for_each(&mut add);
            }
        }
    }
}

/// What makes the timetables of two hosts of a fleet the same, in rings of one policy.
type Key = (ZoneName, Vec<String>, Vec<String>, Vec<(Whose, String)>);

/// The timetables of many hosts in the rings of one policy, each different one once: a fleet has a million hosts and a
/// dozen of these.
#[derive(Clone, Debug)]
pub struct Timetables<'d> {
    fleet: &'d Fleet,
    policy: &'d Policy,
    all: Vec<Timetable>,
    known: BTreeMap<Key, u32>,
}

impl<'d> Timetables<'d> {
    /// None yet.
    pub const fn new(fleet: &'d Fleet, policy: &'d Policy) -> Self {
        Self {
            fleet,
            policy,
            all: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// The number of the timetable of a host in a ring.
    pub fn add(&mut self, host: &Host, ring: &Ring) -> u32 {
        let freezes = frozen(self.fleet, host, self.policy)
            .map(|(whose, name, _)| (whose, name.clone()))
            .collect();
        // What is the same for all hosts of the policy does not tell them apart.
        let key = (
            zone_of(self.fleet, host),
            host.calendar.windows.clone(),
            ring.windows.clone(),
            freezes,
        );
        if let Some(number) = self.known.get(&key) {
            return *number;
        }
        let timetable = Timetable::of(self.fleet, host, self.policy, ring);
        // Two lists that name the same windows in another order are one timetable.
        let same = self.all.iter().position(|other| *other == timetable);
        let index = same.unwrap_or_else(|| {
            self.all.push(timetable);
            self.all.len() - 1
        });
        let number = u32::try_from(index).expect("there are fewer than hosts");
        self.known.insert(key, number);
        number
    }

    /// All of them, by number.
    pub fn all(&self) -> &[Timetable] {
        &self.all
    }

    /// All of them, by number.
    pub fn into_all(self) -> Vec<Timetable> {
        self.all
    }
}
