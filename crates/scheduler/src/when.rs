//! When rings can begin and end at the earliest, by the calendar: windows, freezes, working time, hours for approvals.
//!
//! The model is that of [`report`](crate::report): nothing fails, steps take as long as assumed, everybody approves as soon
//! as that counts, external gates are open. What comes out is a lower bound wherever steps are not quicker than assumed. A
//! ring takes the longest of what it takes without a calendar, and of what the hosts of each of its timetables take: waves of
//! visits of which each begins where it fits, as it must really.
//!
//! Of a rollout under way it is an argument what is left of each ring: which hosts, from when on each may be visited, and until
//! when the visits in flight take. Only what is known of each of them tells which windows what is left waits for.
//!
//! Instants are an argument: those of [`Plan::rules`], in its order, as a rollout's calendar has them.

use std::collections::BTreeMap;

use ringway_model::{RouteId, Slot, Span, StepKind, Timestamp, VisitKind};
use ringway_policy::validated::Ramp;

use crate::plan::{Plan, Route};
use crate::report::estimates_of;
use crate::spec::FleetSpec;
use crate::terms::Working;

/// Instants at which something is so: sorted, disjoint, each from one until before another.
pub type Times = Vec<(Timestamp, Timestamp)>;

/// Where a rollout stands; one that has not begun stands before its first ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// Its start is still to come.
    Before,
    /// A ring's hosts are visited.
    Visiting(usize),
    /// A ring is observed until this instant at the earliest.
    Soaking(usize, Timestamp),
    /// A ring was observed for long enough.
    Promoting(usize),
}

/// What is left of a ring, of a rollout that is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// How many are to be visited, by what they have in common: the number of their timetable, their route and their visit.
    pub hosts: BTreeMap<(Option<u32>, RouteId, VisitKind), u32>,
    /// Single hosts that cannot be visited before an instant each; not among those counted.
    pub kept: Vec<(Slot, VisitKind, Timestamp)>,
    /// How many of these the ring may leave behind.
    pub behind: u32,
    /// When the last of the visits in flight has settled; absent where there is none.
    pub in_flight: Option<Timestamp>,
    /// How many visits at once its ramp allows now.
    pub at_once: u32,
}

/// When a ring is, at the earliest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingWhen {
    /// Which.
    pub ring: usize,
    /// Its first visit; where it has none, when it opens.
    pub starts: Timestamp,
    /// Its last host has settled.
    pub settled: Timestamp,
    /// Its soak has ended.
    pub soaked: Timestamp,
    /// It is promoted.
    pub promoted: Timestamp,
}

/// What the calendar has no time for, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoTime {
    /// The approval of the start.
    Start,
    /// The visits, the soak or the approval of this ring.
    Ring(usize),
}

/// The rings to come, in order. None where the calendar does not have a time for one of them, as far as it is known.
pub fn earliest(
    fleet: &FleetSpec,
    plan: &Plan,
    calendar: &[Times],
    now: Timestamp,
    stands: Stands,
) -> Option<Vec<RingWhen>> {
    earliest_left(fleet, plan, calendar, now, (stands, &BTreeMap::new()))
}

/// The same of a rollout under way, by what is left of its rings; of a ring that is not named all of it is.
pub fn earliest_left(
    fleet: &FleetSpec,
    plan: &Plan,
    calendar: &[Times],
    now: Timestamp,
    of: (Stands, &BTreeMap<usize, Left>),
) -> Option<Vec<RingWhen>> {
    forecast(fleet, plan, calendar, now, of).ok()
}

/// The same, or what there is no time for.
pub(crate) fn forecast(
    fleet: &FleetSpec,
    plan: &Plan,
    calendar: &[Times],
    now: Timestamp,
    (stands, left): (Stands, &BTreeMap<usize, Left>),
) -> Result<Vec<RingWhen>, NoTime> {
    let when = When {
        plan,
        calendar,
        left,
        work: estimates_of(fleet, plan),
    };
    let mut cursor = now;
    let mut all = Vec::new();
    let first = match stands {
        Stands::Before => {
            let start = when.in_hours(plan.terms.start, now);
            cursor = start.ok_or(NoTime::Start)?;
            0
        }
        Stands::Visiting(ring) | Stands::Soaking(ring, _) | Stands::Promoting(ring) => ring,
    };
    for ring in first..plan.rings.len() {
        let at = if ring == first {
            stands
        } else {
            Stands::Before
        };
        let one = when.ring(ring, cursor, at).ok_or(NoTime::Ring(ring))?;
        cursor = one.promoted;
        all.push(one);
    }
    Ok(all)
}

/// What a visit by a route takes.
#[derive(Clone, Copy)]
struct Visit {
    /// As long as is assumed.
    assumed: Span,
    /// As long as it may take: what a window must have room for.
    longest: Span,
}

impl Visit {
    /// A visit from the step at a position on.
    fn of(route: &Route, kind: VisitKind, position: usize) -> Self {
        let steps = route.visit(kind).iter().skip(position);
        // At the earliest: what is to be fetched was fetched before, and the host answers.
        let steps = steps.filter_map(|&index| route.steps.get(usize::from(index)));
        let steps = steps.filter(|step| !matches!(step.kind, StepKind::Recovery | StepKind::Stage));
        steps.fold(
            Self {
                assumed: Span::ZERO,
                longest: Span::ZERO,
            },
            |sum, step| {
                let limit = step.longest();
                // Nobody assumes anything about a person: as long as it should take.
                let assumed = if step.is_by_hand() {
                    limit
                } else {
                    crate::report::assumed(step.kind).min(limit)
                };
                Self {
                    assumed: sum.assumed.plus(assumed),
                    longest: sum.longest.plus(limit),
                }
            },
        )
    }

    /// The quicker of two.
    fn min(self, other: Self) -> Self {
        Self {
            assumed: self.assumed.min(other.assumed),
            longest: self.longest.min(other.longest),
        }
    }
}

/// How long a visit is assumed to take from the step at a position on.
pub fn assumed_from(route: &Route, kind: VisitKind, position: usize) -> Span {
    Visit::of(route, kind, position).assumed
}

struct When<'p> {
    plan: &'p Plan,
    calendar: &'p [Times],
    /// By ring: what is left of it.
    left: &'p BTreeMap<usize, Left>,
    /// By ring: what its visits take where no calendar limits them.
    work: Vec<Span>,
}

/// The first time from an instant on that is this long.
fn fits(open: &Times, from: Timestamp, length: Span) -> Option<Timestamp> {
    let behind = open.partition_point(|(_, end)| *end <= from);
    let mut rest = open[behind..].iter();
    rest.find(|(start, end)| end.since((*start).max(from)) >= length)
        .map(|(start, _)| (*start).max(from))
}

impl When<'_> {
    /// The first instant from one on at which the clock shows one of these hours.
    fn in_hours(&self, hours: Option<u32>, from: Timestamp) -> Option<Timestamp> {
        let Some(hours) = hours else {
            return Some(from);
        };
        fits(self.calendar.get(self.plan.hours_at(hours))?, from, Span(1))
    }

    /// When so much working time has passed since an instant.
    fn worked(&self, working: Working, from: Timestamp) -> Option<Timestamp> {
        let hours = self.calendar.get(self.plan.hours_at(working.hours))?;
        let behind = hours.partition_point(|(_, end)| *end <= from);
        let mut missing = working.time;
        for (start, end) in &hours[behind..] {
            let start = (*start).max(from);
            let length = end.since(start);
            if length >= missing {
                return Some(start + missing);
            }
            missing = missing.less(length);
        }
        None
    }

    fn ring(&self, ring: usize, from: Timestamp, stands: Stands) -> Option<RingWhen> {
        let plan = &self.plan.rings[ring];
        let is_visited = matches!(stands, Stands::Before | Stands::Visiting(_));
        let (starts, settled) = match self.left.get(&ring).filter(|_| is_visited) {
            Some(left) => self.rest(ring, from, left)?,
            None if is_visited && plan.planned > 0 => self.visits(ring, from)?,
            None => (from, from),
        };
        let soaked = match stands {
            Stands::Soaking(_, until) => until.max(from),
            Stands::Promoting(_) => from,
            Stands::Before | Stands::Visiting(..) if plan.planned == 0 => settled,
            Stands::Before | Stands::Visiting(..) => {
                let passed = settled + plan.soak;
                let working = self.plan.terms.working(ring);
                let worked = working.map_or(Some(passed), |one| self.worked(one, settled))?;
                passed.max(worked)
            }
        };
        // A yes may be given as soon as the ring is open, and is kept.
        let approved = plan
            .after_soak
            .as_ref()
            .and_then(|_| self.plan.terms.after_soak(ring));
        let approved = self.in_hours(approved, from)?;
        Some(RingWhen {
            ring,
            starts,
            settled,
            soaked,
            promoted: soaked.max(approved),
        })
    }

    /// The first visit of a ring and its last host settled, where all of its hosts are to be visited from an instant on.
    fn visits(&self, ring: usize, from: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let mut hosts = BTreeMap::new();
        for slot in self.plan.rings[ring].slots() {
            let number = self.plan.times.of(Slot::at(slot));
            let alike = (number, self.plan.slots[slot].route, VisitKind::Update);
            *hosts.entry(alike).or_insert(0) += 1;
        }
        let all = Left {
            hosts,
            at_once: 1,
            ..Left::default()
        };
        self.rest(ring, from, &all)
    }

    /// The first visit of a ring and its last host settled, by what is left of it from an instant on.
    fn rest(&self, ring: usize, from: Timestamp, left: &Left) -> Option<(Timestamp, Timestamp)> {
        let (mut starts, mut settled) = (None::<Timestamp>, from);
        if left.hosts.values().sum::<u32>() == self.plan.rings[ring].planned {
            settled = from + self.work[ring];
        }
        // By timetable: how many hosts, and what the quickest visit of one takes.
        let mut tables: BTreeMap<Option<u32>, (u32, Visit)> = BTreeMap::new();
        for (&(number, route, kind), hosts) in &left.hosts {
            let visit = Visit::of(&self.plan.routes[route.index()], kind, 0);
            let known = tables.entry(number).or_insert((0, visit));
            *known = (known.0 + hosts, known.1.min(visit));
        }
        for (number, (hosts, visit)) in tables {
            let (first, last) = self.waves(number, from, (hosts, left.at_once), visit)?;
            starts = Some(starts.map_or(first, |starts| starts.min(first)));
            settled = settled.max(last);
        }
        let mut kept: Vec<_> = left.kept.iter().map(|one| self.kept(*one, from)).collect();
        // Those that never can come last: they are what is left behind.
        kept.sort_by_key(|visit| visit.map_or(Timestamp::NEVER, |(_, last)| last));
        let behind = usize::try_from(left.behind).unwrap_or(usize::MAX);
        kept.truncate(kept.len().saturating_sub(behind));
        for visit in kept {
            let (first, last) = visit?;
            starts = Some(starts.map_or(first, |starts| starts.min(first)));
            settled = settled.max(last);
        }
        let starts = starts.unwrap_or(from);
        let in_flight = left.in_flight.unwrap_or(from);
        Some((starts, settled.max(starts).max(in_flight)))
    }

    /// The visit of a host that cannot be visited before an instant: its start and when it has settled.
    fn kept(
        &self,
        (slot, kind, free): (Slot, VisitKind, Timestamp),
        from: Timestamp,
    ) -> Option<(Timestamp, Timestamp)> {
        let route = &self.plan.routes[self.plan.slots[slot.index()].route.index()];
        let visit = Visit::of(route, kind, 0);
        let first = self.next(self.plan.times.of(slot), from.max(free), visit.longest)?;
        Some((first, first + visit.assumed + self.plan.pace.settle))
    }

    /// The first instant from one on at which a visit of this length fits by a timetable.
    fn next(&self, number: Option<u32>, from: Timestamp, length: Span) -> Option<Timestamp> {
        match number {
            None => Some(from),
            Some(number) => fits(self.calendar.get(number as usize)?, from, length),
        }
    }

    /// Waves of visits, each of which begins where its visits fit: the first start, and the last settling.
    fn waves(
        &self,
        number: Option<u32>,
        from: Timestamp,
        (hosts, now): (u32, u32),
        visit: Visit,
    ) -> Option<(Timestamp, Timestamp)> {
        let next = |from| self.next(number, from, visit.longest);
        let pace = &self.plan.pace;
        let budget = self.plan.budget_down.unwrap_or(u32::MAX);
        let at_once = pace.at_once.get().min(budget).max(1);
        let first = next(from)?;
        let (mut at, mut left, mut ends) = (from, hosts, first);
        let mut wave = match pace.ramp {
            Ramp::Double => now.clamp(1, at_once),
            Ramp::Off => at_once,
        };
        while left > 0 {
            let starts = next(at)?;
            ends = starts + visit.assumed;
            left -= wave.min(left);
            // A wave that may grow settles first; at its widest the pipeline goes on without waiting.
            at = if wave < at_once {
                ends + pace.settle
            } else {
                ends
            };
            wave = wave.saturating_mul(2).min(at_once);
        }
        Some((first, ends + pace.settle))
    }
}
