//! When rings can begin and end at the earliest, by the calendar: windows, freezes, working time, hours for approvals.
//!
//! The model is that of [`report`](crate::report): nothing fails, steps take as long as assumed, everybody approves as soon
//! as that counts, external gates are open. What comes out is a lower bound wherever steps are not quicker than assumed. A
//! ring takes the longest of what it takes without a calendar, and of what the hosts of each of its timetables take: waves of
//! visits of which each begins where it fits, as it must really.
//!
//! Instants are an argument: those of [`Plan::rules`], in its order, as a rollout's calendar has them.

use std::collections::BTreeMap;

use ringway_model::{Span, StepKind, Timestamp, VisitKind};
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
    /// A ring's hosts are visited; so many are still to be.
    Visiting(usize, u32),
    /// A ring is observed until this instant at the earliest.
    Soaking(usize, Timestamp),
    /// A ring was observed for long enough.
    Promoting(usize),
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
    forecast(fleet, plan, calendar, now, stands).ok()
}

/// The same, or what there is no time for.
pub(crate) fn forecast(
    fleet: &FleetSpec,
    plan: &Plan,
    calendar: &[Times],
    now: Timestamp,
    stands: Stands,
) -> Result<Vec<RingWhen>, NoTime> {
    let when = When {
        plan,
        calendar,
        visits: plan.routes.iter().map(Visit::of).collect(),
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
        Stands::Visiting(ring, _) | Stands::Soaking(ring, _) | Stands::Promoting(ring) => ring,
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
    fn of(route: &Route) -> Self {
        let steps = route.visit(VisitKind::Update).iter();
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
}

struct When<'p> {
    plan: &'p Plan,
    calendar: &'p [Times],
    visits: Vec<Visit>,
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
        let (starts, settled) = match stands {
            Stands::Before if plan.planned > 0 => self.visits(ring, from, plan.planned)?,
            Stands::Visiting(_, left @ 1..) => self.visits(ring, from, left)?,
            Stands::Before
            | Stands::Visiting(_, 0)
            | Stands::Soaking(..)
            | Stands::Promoting(_) => (from, from),
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

    /// The first visit of a ring and its last host settled, where so many hosts are to be visited from an instant on.
    fn visits(&self, ring: usize, from: Timestamp, left: u32) -> Option<(Timestamp, Timestamp)> {
        let slots = self.plan.rings[ring].slots();
        // By timetable: how many hosts, and what the quickest visit of one takes.
        let mut tables: BTreeMap<Option<u32>, (u32, Visit)> = BTreeMap::new();
        for slot in slots {
            let number = self.plan.times.of(ringway_model::Slot::at(slot));
            let visit = self.visits[self.plan.slots[slot].route.index()];
            let known = tables.entry(number).or_insert((0, visit));
            known.0 += 1;
            known.1.assumed = known.1.assumed.min(visit.assumed);
            known.1.longest = known.1.longest.min(visit.longest);
        }
        let whole = left == self.plan.rings[ring].planned;
        let (mut starts, mut settled) = (None::<Timestamp>, from);
        if whole {
            settled = from + self.work[ring];
        }
        for (number, (hosts, visit)) in tables {
            let open = match number {
                None => None,
                Some(number) => Some(self.calendar.get(number as usize)?),
            };
            // Which hosts are left is not known here; at least those that do not fit elsewhere.
            let others = self.plan.rings[ring].planned - hosts;
            let hosts = if whole {
                hosts
            } else {
                left.saturating_sub(others)
            };
            let (first, last) = self.waves(open, from, hosts.max(1), visit)?;
            starts = Some(starts.map_or(first, |starts| starts.min(first)));
            if hosts > 0 {
                settled = settled.max(last);
            }
        }
        let starts = starts.unwrap_or(from);
        Some((starts, settled.max(starts)))
    }

    /// Waves of visits, each of which begins where its visits fit: the first start, and the last settling.
    fn waves(
        &self,
        open: Option<&Times>,
        from: Timestamp,
        hosts: u32,
        visit: Visit,
    ) -> Option<(Timestamp, Timestamp)> {
        let next = |from| match open {
            None => Some(from),
            Some(open) => fits(open, from, visit.longest),
        };
        let pace = &self.plan.pace;
        let budget = self.plan.budget_down.unwrap_or(u32::MAX);
        let at_once = pace.at_once.get().min(budget).max(1);
        let first = next(from)?;
        let (mut at, mut left, mut ends) = (from, hosts, first);
        let mut wave = match pace.ramp {
            Ramp::Double => 1,
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
