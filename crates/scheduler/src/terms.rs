//! What a plan says about time beyond windows and freezes, and about what lies outside the fleet: working time, hours for
//! approvals, who may work in a freeze, external gates.
//!
//! As with [`Times`](crate::times::Times), a plan carries rules and no instants. [`Plan::rules`] lists every rule of which
//! instants are wanted, in the order in which a rollout's calendar has them.

use std::collections::BTreeSet;

use ringway_calendar::{FreezeRule, HoursIn, Intervals, Opening, Timetable, UnknownZone, Zones};
use ringway_model::{Span, Timestamp};
use ringway_policy::validated::{
    Approvals, Binding, Command, Fleet, FreezeOverride, Hours, OTHER, Policy, Update, ZoneName,
};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;

/// How far ahead instants of rules are computed: a year and a month. A rollout takes weeks; one that takes longer is told
/// more.
pub const KNOWN_FOR: Span = Span::hours(24 * 400);

/// Terms of a plan that came after the first plans were made. Empty where its documents ask for none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Hours of a week, each once.
    pub hours: Vec<HoursPlan>,
    /// By ring: what its soak needs besides its length. Empty where no ring has it.
    pub working: Vec<Option<Working>>,
    /// The number of the hours in which the start may be approved; absent: at any time.
    pub start: Option<u32>,
    /// By ring: the same for going on after it. Empty where no ring has it.
    pub after_soak: Vec<Option<u32>>,
    /// Whether people may work in a freeze if they say why.
    pub freeze_override: bool,
    /// Freezes, by name, in which nobody may.
    pub binding: BTreeSet<String>,
    /// Conditions outside the fleet.
    pub external: Vec<ExternalPlan>,
    /// By when it is to be complete.
    pub due: Option<DuePlan>,
    /// By ring: the number of the hours in which ending its soak early may be approved. Empty where no ring has it; written
    /// apart, for plans were made before there was any.
    #[serde(skip)]
    pub early: Vec<Option<u32>>,
}

/// Hours of a week, and whose clock shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoursPlan {
    /// The zone.
    pub zone: ZoneName,
    /// The hours.
    pub hours: Hours,
}

/// So much of some hours must have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    /// How much.
    pub time: Span,
    /// The number of the hours.
    pub hours: u32,
}

/// A condition that a command at the controller knows of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalPlan {
    /// Its name.
    pub name: String,
    /// The command.
    pub run: Command,
    /// How often it is asked.
    pub every: Span,
    /// How long one answer may take.
    pub timeout: Span,
}

impl ExternalPlan {
    /// How old an answer may be: one may be lost, two may not.
    pub const fn fresh(&self) -> Span {
        self.every.times(2).plus(self.timeout)
    }
}

/// A rule of which a rollout's calendar has the instants.
#[derive(Clone, Copy, Debug)]
pub enum Rule<'p> {
    /// When work may run on some hosts, freezes taken away.
    Times(&'p Timetable),
    /// Hours of a week.
    Hours(&'p HoursPlan),
    /// When work may run on some hosts, whatever freezes hold.
    Windows(&'p Timetable),
    /// When one freeze holds for some hosts.
    Freeze(&'p Timetable, &'p FreezeRule),
}

impl Rule<'_> {
    /// The instants at which it holds, from one until before another: at which work may run, it is one of the hours, or the
    /// freeze holds.
    ///
    /// # Errors
    ///
    /// A zone that it names and that is not among those.
    pub fn instants(
        &self,
        zones: &Zones,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Intervals, UnknownZone> {
        match *self {
            Rule::Times(table) => Ok(Opening::new(table, zones)?.open(from, until)),
            Rule::Hours(plan) => {
                let hours = HoursIn::new(&plan.hours, &plan.zone, zones)?;
                Ok(hours.open(from, until))
            }
            Rule::Windows(table) => {
                let table = table.ignoring_freezes();
                Ok(Opening::new(&table, zones)?.open(from, until))
            }
            Rule::Freeze(table, freeze) => {
                let alone = Timetable {
                    zone: table.zone.clone(),
                    layers: Vec::new(),
                    freezes: vec![freeze.clone()],
                };
                let open = Opening::new(&alone, zones)?.open(from, until);
                Ok(Intervals::whole(from, until).difference(&open))
            }
        }
    }
}

/// By when a rollout is to be complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuePlan {
    /// Which key of the policy's `due` says so.
    pub by: String,
    /// How long after.
    pub within: Span,
    /// After what: the release of the update; absent: the start of the rollout.
    pub released: Option<Timestamp>,
}

impl DuePlan {
    /// The instant, for a rollout that was started at one.
    pub fn at(&self, started: Timestamp) -> Timestamp {
        self.released.unwrap_or(started) + self.within
    }
}

impl Terms {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a ring's soak needs besides its length.
    pub fn working(&self, ring: usize) -> Option<Working> {
        self.working.get(ring).copied().flatten()
    }

    /// The number of the hours in which going on after a ring may be approved.
    pub fn after_soak(&self, ring: usize) -> Option<u32> {
        self.after_soak.get(ring).copied().flatten()
    }

    /// The number of the hours in which ending a ring's soak early may be approved.
    pub fn early(&self, ring: usize) -> Option<u32> {
        self.early.get(ring).copied().flatten()
    }

    /// Hours as they would be written, with their zone.
    pub fn hours_in_words(&self, number: Option<u32>) -> Option<String> {
        let hours = self.hours.get(number? as usize)?;
        Some(format!("{} ({})", hours.hours, hours.zone))
    }

    /// The terms of a policy over a fleet.
    pub(crate) fn of(fleet: &Fleet, policy: &Policy, update: &Update) -> Self {
        let mut terms = Self {
            freeze_override: policy.calendar.freeze_override == FreezeOverride::WithReason,
            ..Self::default()
        };
        if terms.freeze_override {
            let all = [&fleet.calendar.freezes, &policy.calendar.freezes];
            let all = all.into_iter().flatten();
            let binding = all.filter(|(_, freeze)| freeze.binding == Binding::Always);
            terms.binding = binding.map(|(name, _)| name.clone()).collect();
        }
        let zone = fleet.calendar.default_zone();
        let working: Vec<Option<Working>> = policy
            .rings
            .iter()
            .map(|ring| {
                let hours = fleet.calendar.working_hours.as_ref()?;
                let time = ring.working_time?;
                let hours = terms.number(&zone, hours);
                Some(Working { time, hours })
            })
            .collect();
        let start = terms.between(&zone, policy.start.as_ref());
        let after_soak: Vec<Option<u32>> = policy
            .rings
            .iter()
            .map(|ring| terms.between(&zone, ring.after_soak.as_ref()))
            .collect();
        let early = policy.rings.iter().map(|ring| {
            let rule = ring.early.as_ref().map(|early| &early.rule);
            terms.between(&zone, rule)
        });
        let early: Vec<Option<u32>> = early.collect();
        terms.early = some(early);
        (terms.working, terms.start, terms.after_soak) = (some(working), start, some(after_soak));
        let gates = policy.external.iter().map(|gate| ExternalPlan {
            name: gate.name.clone(),
            run: gate.run.clone(),
            every: gate.every,
            timeout: gate.timeout,
        });
        terms.external = gates.collect();
        terms.due = due(policy, update);
        terms
    }

    fn between(&mut self, zone: &ZoneName, approvals: Option<&Approvals>) -> Option<u32> {
        let hours = approvals?.between.as_ref()?;
        Some(self.number(zone, hours))
    }

    fn number(&mut self, zone: &ZoneName, hours: &Hours) -> u32 {
        let new = HoursPlan {
            zone: zone.clone(),
            hours: hours.clone(),
        };
        let known = self.hours.iter().position(|known| *known == new);
        let index = known.unwrap_or_else(|| {
            self.hours.push(new);
            self.hours.len() - 1
        });
        u32::try_from(index).expect("there are no more than rings")
    }
}

/// By when an update is to be complete: what the policy says of its severity, or of all others.
fn due(policy: &Policy, update: &Update) -> Option<DuePlan> {
    let severity = update.severity.as_deref().unwrap_or(OTHER);
    let known = policy.due.get_key_value(severity);
    let (by, within) = known.or_else(|| policy.due.get_key_value(OTHER))?;
    Some(DuePlan {
        by: by.clone(),
        within: *within,
        released: update.released,
    })
}

/// The list, where it has something.
fn some<T>(list: Vec<Option<T>>) -> Vec<Option<T>> {
    if list.iter().all(Option::is_none) {
        Vec::new()
    } else {
        list
    }
}

impl Plan {
    /// Whether any rule of it wants instants.
    pub fn has_rules(&self) -> bool {
        !self.times.is_empty() || !self.terms.hours.is_empty()
    }

    /// Every rule of which instants are wanted, in the order in which a calendar has them: timetables by their number, hours
    /// by theirs, and where freezes may be overridden, of each timetable with freezes its windows and then its freezes.
    pub fn rules(&self) -> impl Iterator<Item = Rule<'_>> {
        let tables = self.times.tables.iter();
        let apart = tables.clone().flat_map(|table| {
            let windows = std::iter::once(Rule::Windows(table));
            let freezes = table.freezes.iter();
            let all = windows.chain(freezes.map(|freeze| Rule::Freeze(table, freeze)));
            all.take(self.apart(table))
        });
        tables
            .map(Rule::Times)
            .chain(self.terms.hours.iter().map(Rule::Hours))
            .chain(apart)
    }

    /// How many rules a timetable's windows and freezes apart are.
    fn apart(&self, table: &Timetable) -> usize {
        if self.terms.freeze_override && !table.freezes.is_empty() {
            1 + table.freezes.len()
        } else {
            0
        }
    }

    /// The place of hours among the rules.
    pub fn hours_at(&self, hours: u32) -> usize {
        self.times.tables.len() + hours as usize
    }

    /// The place of a timetable's windows among the rules; its freezes follow. None where they are not apart.
    pub fn windows_at(&self, table: usize) -> Option<usize> {
        let before = self.times.tables.iter().take(table);
        let before: usize = before.map(|table| self.apart(table)).sum();
        let own = self.times.tables.get(table)?;
        (self.apart(own) > 0).then(|| self.times.tables.len() + self.terms.hours.len() + before)
    }

    /// The zones that its rules name.
    pub fn zones(&self) -> BTreeSet<ZoneName> {
        let tables = self.times.tables.iter().flat_map(Timetable::zones);
        let hours = self.terms.hours.iter().map(|hours| hours.zone.clone());
        tables.chain(hours).collect()
    }
}
