//! When work may run: a rollout's calendar, as instants, and what that means for visits (I8).
//!
//! Rules become instants outside, with a version of the time zone database, and come in as an input that is journaled. So
//! the engine decides the same whatever database a machine has later, and a newer one is another input. This module says
//! whether a step fits; it decides nothing else.
//!
//! # Invariants
//!
//! * A visit starts only where all of its steps fit before work must stop, each with the longest time it may take; the
//!   same is asked again before each step that prepares or disrupts, for what is left of the visit.
//! * Steps that bring a host back into service are exempt, and so are rollbacks: their time was reserved before.
//! * A rollout whose plan limits times and of which no instants are known starts nothing (I11).
//! * What people may override is taken from freezes only, and only until it ends: see `terms`.

use ringway_calendar::{Because, Intervals, Opening, State, Timetable, UnknownZone, Zones};
use ringway_model::{Slot, Span, StepKind, Timestamp, VisitKind, WaitingOn};
use ringway_scheduler::Plan;
use ringway_scheduler::plan::StepPlan;
use ringway_scheduler::terms::{KNOWN_FOR, Rule};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::event::Event;

/// The instants of a plan's rules, as far ahead as they were computed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// Which version of the time zone database they are from.
    pub zones: String,
    /// They are known until before this instant.
    pub until: Timestamp,
    /// By the number of the rule in the plan.
    pub tables: Vec<Table>,
}

impl Calendar {
    /// Makes room for rules that a revision of the plan has and the plan before had not. Nothing is known of those yet; what
    /// is known of the others stays so, and all of it is asked for anew.
    pub(crate) fn make_room(&mut self, before: &Plan, after: &Plan, now: Timestamp) {
        let (was, is) = (before.times.tables.len(), after.times.tables.len());
        if was == is {
            return;
        }
        let new = std::iter::repeat_n(Table::default(), is - was);
        self.tables.splice(was..was, new);
        self.tables.resize(after.rules().count(), Table::default());
        self.until = now;
    }
}

/// The instants of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// When work may run: sorted, disjoint, each from an instant until before another.
    pub open: Vec<(Timestamp, Timestamp)>,
    /// When a freeze holds, and which: for people, who are told of it. What it takes away is not in `open`.
    pub frozen: Vec<(Timestamp, Timestamp, String)>,
}

/// The first time from an instant on that is this long.
fn next_fit(open: &[(Timestamp, Timestamp)], from: Timestamp, length: Span) -> Option<Timestamp> {
    let behind = open.partition_point(|(_, end)| *end <= from);
    let mut rest = open[behind..].iter();
    rest.find(|(start, end)| end.since((*start).max(from)) >= length)
        .map(|(start, _)| (*start).max(from))
}

impl Table {
    /// The freezes that hold at an instant, of those that count, each with its end: until when the last of them does, and their
    /// words.
    fn freeze_at(
        &self,
        at: Timestamp,
        counts: impl Fn(&str) -> bool,
    ) -> Option<(Timestamp, String)> {
        let holds = |(from, until, _): &&(Timestamp, Timestamp, String)| *from <= at && at < *until;
        let found = self.frozen.iter().filter(holds);
        let mut found: Vec<_> = found.filter(|(.., words)| counts(words)).collect();
        found.sort_by_key(|(_, until, words)| (std::cmp::Reverse(*until), words));
        // Two events of one calendar are two of its reasons.
        found.dedup_by_key(|(_, until, words)| (*until, words.clone()));
        let (_, until, words) = found.first()?;
        let others = found.iter().skip(1);
        let others = others.map(|(_, until, words)| format!(", and until {until}: {words}"));
        Some((*until, format!("{words}{}", others.collect::<String>())))
    }
}

/// The instants of a plan's rules from one on, with the time zone database at hand.
///
/// # Errors
///
/// A zone that a rule names and that the database does not have.
pub fn instants(plan: &Plan, zones: &Zones, from: Timestamp) -> Result<Calendar, UnknownZone> {
    let until = from + KNOWN_FOR;
    let tables = plan.rules().map(|rule| {
        let open = rule.instants(zones, from, until)?;
        let frozen = match rule {
            Rule::Times(table) => frozen(table, zones, from, until)?,
            Rule::Hours(_) | Rule::Windows(_) | Rule::Freeze(..) => Vec::new(),
        };
        Ok(Table {
            open: open.iter().map(|one| (one.start, one.end)).collect(),
            frozen,
        })
    });
    Ok(Calendar {
        zones: zones.version().to_owned(),
        until,
        tables: tables.collect::<Result<_, _>>()?,
    })
}

/// When freezes hold, each with its name and reason.
fn frozen(
    rule: &Timetable,
    zones: &Zones,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<(Timestamp, Timestamp, String)>, UnknownZone> {
    let mut frozen = Vec::new();
    for freeze in &rule.freezes {
        let alone = Timetable {
            zone: rule.zone.clone(),
            layers: Vec::new(),
            freezes: vec![freeze.clone()],
        };
        let opening = Opening::new(&alone, zones)?;
        let held = Intervals::whole(from, until).difference(&opening.open(from, until));
        for interval in &held {
            let State::Closed { because, .. } = opening.at(interval.start) else {
                continue;
            };
            let words = because.iter().map(|one| match one {
                Because::Freeze { name, reason, .. } if !reason.is_empty() => {
                    format!("`{name}` ({reason})")
                }
                Because::Freeze { name, .. } => format!("`{name}`"),
                Because::Windows { .. } => String::new(),
            });
            let words = words.collect::<Vec<_>>().join(", ");
            // One that holds beyond what is computed is told with its own end.
            let ends = because.iter().filter_map(|one| match one {
                Because::Freeze { until, .. } => Some(*until),
                Because::Windows { .. } => None,
            });
            let end = ends.max().unwrap_or(interval.end).max(interval.end);
            frozen.push((interval.start, end, words));
        }
    }
    frozen.sort();
    Ok(frozen)
}

/// How long before the end of what is known more is asked for: long enough for anybody to mend what keeps it from coming.
const AHEAD: Span = Span::hours(24 * 30);

/// The longest that a step may take.
pub(crate) fn longest(step: &StepPlan) -> Span {
    step.longest()
}

impl Engine {
    /// The instants of a rollout's rules are known, or known for longer, or from another version of the database.
    pub(crate) fn calendar(
        &mut self,
        rollout: ringway_model::RolloutId,
        calendar: &Calendar,
        out: &mut Vec<Event>,
    ) {
        let Ok(r) = self.index_of(rollout) else {
            return;
        };
        let fits = calendar.tables.len() == self.rollouts[r].plan.rules().count();
        let is_over = self.rollouts[r].rec.state.is_final();
        if !fits || is_over || self.rollouts[r].rec.calendar.as_ref() == Some(calendar) {
            return;
        }
        let calendar = calendar.clone();
        self.emit(Event::CalendarKnown { rollout, calendar }, out);
    }

    /// Whether the instants of a rollout's rules are wanted: they are not known, or soon not any more.
    pub fn wants_calendar(&self, rollout: ringway_model::RolloutId) -> bool {
        let Ok(r) = self.index_of(rollout) else {
            return false;
        };
        let rollout = &self.rollouts[r];
        let known = rollout.rec.calendar.as_ref().map(|known| known.until);
        rollout.plan.has_rules()
            && !rollout.rec.state.is_final()
            && known.is_none_or(|until| until <= self.now + AHEAD)
    }

    /// Whether a rollout goes by this very plan, and by no revision of it.
    pub fn goes_by(&self, rollout: ringway_model::RolloutId, plan: &std::sync::Arc<Plan>) -> bool {
        let known = self.index_of(rollout);
        known.is_ok_and(|r| std::sync::Arc::ptr_eq(&self.rollouts[r].plan, plan))
    }

    /// Rollouts that are not over.
    pub fn open_rollouts(
        &self,
    ) -> impl Iterator<
        Item = (
            ringway_model::RolloutId,
            &std::sync::Arc<ringway_scheduler::Plan>,
        ),
    > {
        let open = |rollout: &&crate::rollout::Rollout| !rollout.rec.state.is_final();
        let open = self.rollouts.iter().filter(open);
        open.map(|rollout| (rollout.rec.id, &rollout.plan))
    }

    /// How long the steps of a visit from a position on may take together.
    fn remaining(&self, r: usize, slot: u32, visit: VisitKind, position: u8) -> Span {
        let route = self.rollouts[r].route(slot);
        let steps = route.visit(visit).iter().skip(usize::from(position));
        let steps = steps.filter_map(|&index| route.steps.get(usize::from(index)));
        #[cfg(feature = "planted-bugs")]
        let steps = steps.take(if self.bug(crate::planted::Bug::OnlyNextStepFits) {
            1
        } else {
            usize::MAX
        });
        steps.map(longest).fold(Span::ZERO, Span::plus)
    }

    /// Why a step of a visit may not start now, and when it next may: none where it may.
    pub(crate) fn out_of_time(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        position: u8,
    ) -> Option<WaitingOn> {
        self.out_of_time_at(r, slot, visit, position, self.now)
    }

    /// The same of an instant to come, as far as is known now.
    pub(crate) fn out_of_time_at(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        position: u8,
        at: Timestamp,
    ) -> Option<WaitingOn> {
        let rollout = &self.rollouts[r];
        if rollout.plan.times.is_empty() || visit == VisitKind::Rollback {
            return None;
        }
        let kind = rollout.step(slot, visit, position)?.kind;
        if matches!(
            kind,
            StepKind::Verify
                | StepKind::CareVerify
                | StepKind::Undrain
                | StepKind::Unsilence
                | StepKind::Recovery
        ) {
            return None;
        }
        let number = rollout.plan.times.of(Slot(slot))?;
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::TimesIgnored)
            || position > 0 && self.bug(crate::planted::Bug::TimesAskedOnce)
        {
            return None;
        }
        let Some(calendar) = &rollout.rec.calendar else {
            return Some(WaitingOn::Calendar);
        };
        let table = &calendar.tables[number as usize];
        let length = self.remaining(r, slot, visit, position);
        let effective = rollout.rec.effective.get(&(number as usize));
        let open = effective.unwrap_or(&table.open);
        let opens = next_fit(open, at, length);
        if opens == Some(at) {
            return None;
        }
        let counts = |told: &str| effective.is_none() || !self.is_overridden(r, told);
        Some(match table.freeze_at(at, counts) {
            Some((until, reason)) => WaitingOn::Freeze {
                reason,
                until,
                opens,
            },
            None => WaitingOn::Window {
                for_at_least: length,
                opens,
            },
        })
    }

    /// The first instant from one on at which a visit of a host fits; none where that is not known. At the earliest: what is to be
    /// fetched may be there by then.
    pub(crate) fn fits_from(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
        from: Timestamp,
    ) -> Option<Timestamp> {
        let rollout = &self.rollouts[r];
        let number = rollout.plan.times.of(Slot(slot))?;
        let table = &rollout.rec.calendar.as_ref()?.tables[number as usize];
        let open = rollout.rec.effective.get(&(number as usize));
        let counted = self.after_stage(r, slot, visit);
        let length = self.remaining(r, slot, visit, counted);
        next_fit(open.unwrap_or(&table.open), from, length)
    }

    /// The first instant from one on at which some host of a ring may be visited; none where that is not known.
    pub(crate) fn first_fit(&self, r: usize, ring: usize, from: Timestamp) -> Option<Timestamp> {
        let rollout = &self.rollouts[r];
        let slots = rollout.plan.rings.get(ring)?.slots();
        if slots.is_empty() || rollout.plan.times.is_empty() {
            return (!slots.is_empty()).then_some(from);
        }
        let kinds: std::collections::BTreeSet<_> = slots
            .map(|slot| {
                let slot = u32::try_from(slot).unwrap_or(u32::MAX);
                let table = rollout.plan.times.of(Slot(slot));
                (table, rollout.route_id(slot), slot)
            })
            .collect();
        let mut seen = None;
        let mut first: Option<Timestamp> = None;
        for (table, route, slot) in kinds {
            if seen == Some((table, route)) {
                continue;
            }
            seen = Some((table, route));
            let Some(table) = table else {
                return Some(from);
            };
            let calendar = rollout.rec.calendar.as_ref()?;
            // At the earliest: what is to be fetched may be there by then.
            let counted = self.after_stage(r, slot, VisitKind::Update);
            let length = self.remaining(r, slot, VisitKind::Update, counted);
            let effective = rollout.rec.effective.get(&(table as usize));
            let open = effective.unwrap_or(&calendar.tables[table as usize].open);
            let fits = next_fit(open, from, length);
            first = first.into_iter().chain(fits).min();
        }
        first
    }

    /// Whether work may run on a slot's host now, however short it is.
    pub(crate) fn may_work_now(&self, r: usize, slot: u32) -> bool {
        let rollout = &self.rollouts[r];
        let Some(number) = rollout.plan.times.of(Slot(slot)) else {
            return true;
        };
        let effective = rollout.rec.effective.get(&(number as usize));
        let known = rollout.rec.calendar.as_ref();
        let open = effective.or_else(|| Some(&known?.tables[number as usize].open));
        open.is_some_and(|open| next_fit(open, self.now, Span(1)) == Some(self.now))
    }

    /// Hosts that waited for a window which opens now are looked at again.
    pub(crate) fn wake_times(&mut self) {
        let now = self.now;
        for rollout in &mut self.rollouts {
            let idx = &mut rollout.idx;
            while let Some(first) = idx.parked_times.first_entry()
                && *first.key() <= now
            {
                idx.again.extend(first.remove());
            }
        }
    }

    /// When the next window opens that a host waits for.
    pub(crate) fn next_window(&self) -> Option<Timestamp> {
        let mut first = None;
        for rollout in &self.rollouts {
            let opens = rollout.idx.parked_times.keys().next().copied();
            first = first.into_iter().chain(opens).min();
        }
        first.filter(|at| *at != Timestamp::NEVER)
    }
}
