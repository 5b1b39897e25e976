//! Questions to a timetable: when is it open, until when, where does a visit fit, and why is it closed.

use std::collections::BTreeMap;

use ringway_model::{Span, Timestamp};
use ringway_policy::validated::{Window, ZoneName};

use crate::freeze::holds;
use crate::interval::{Interval, Intervals};
use crate::timetable::{Layer, Timetable, Whose};
use crate::window;
use crate::zones::{UnknownZone, Zone, Zones, clamped};

/// How far ahead is looked for the next change. A window on 29 February may come after eight years, where a century
/// without a leap day lies between; what does not open within this time never does, for a person who waits.
const HORIZON: Span = Span::hours(24 * 366 * 9);

/// How far is looked at first; then twice as far each time. Most windows come every week or every month.
const FIRST_LOOK: Span = Span::hours(24 * 35);

/// A timetable together with the zones it names.
#[derive(Clone, Debug)]
pub struct Opening<'t> {
    timetable: &'t Timetable,
    zones: &'t Zones,
    host: &'t Zone,
    /// The zones of windows that have one of their own.
    own: BTreeMap<&'t ZoneName, &'t Zone>,
}

/// Whether work may run at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It may.
    Open {
        /// Until before this instant; none: for years.
        until: Option<Timestamp>,
    },
    /// It may not.
    Closed {
        /// Why; each of them would have to change.
        because: Vec<Because>,
        /// When it may next; none: not for years.
        opens: Option<Timestamp>,
    },
}

/// Why work may not run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// No window is open of those of which one must be.
    Windows {
        /// Whose.
        whose: Whose,
        /// Their names.
        names: Vec<String>,
        /// When one of them opens, whatever else holds then; none: not for years.
        opens: Option<Timestamp>,
    },
    /// A freeze holds.
    Freeze {
        /// Its name.
        name: String,
        /// Whose.
        whose: Whose,
        /// Why it holds; of a calendar, what the event is called. Empty where nobody said.
        reason: String,
        /// When it is over, with what follows on it without a gap.
        until: Timestamp,
    },
}

/// The instants at which work may run, from one instant until before another.
///
/// # Errors
///
/// A zone that the timetable names and that is not among those.
pub fn open(
    timetable: &Timetable,
    zones: &Zones,
    from: Timestamp,
    until: Timestamp,
) -> Result<Intervals, UnknownZone> {
    Ok(Opening::new(timetable, zones)?.open(from, until))
}

impl<'t> Opening<'t> {
    /// A timetable with zones. Every zone it names must be among them, so that nothing can fail later.
    ///
    /// # Errors
    ///
    /// The first zone that is not.
    pub fn new(timetable: &'t Timetable, zones: &'t Zones) -> Result<Self, UnknownZone> {
        for zone in timetable.zones() {
            zones.get(&zone)?;
        }
        let windows = timetable
            .layers
            .iter()
            .flat_map(|layer| layer.windows.values());
        let own = windows
            .filter_map(|window| window.zone.as_ref())
            .map(|zone| Ok((zone, zones.get(zone)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            timetable,
            zones,
            host: zones.get(&timetable.zone)?,
            own,
        })
    }

    /// The timetable.
    pub const fn timetable(&self) -> &'t Timetable {
        self.timetable
    }

    pub(crate) const fn host_zone(&self) -> &'t Zone {
        self.host
    }

    /// The instants at which work may run, from one instant until before another.
    pub fn open(&self, from: Timestamp, until: Timestamp) -> Intervals {
        let mut open = Intervals::whole(from, until);
        for layer in &self.timetable.layers {
            open = open.intersection(&self.layer(layer, from, until));
        }
        if open.is_empty() {
            return open;
        }
        open.difference(&self.frozen(from, until))
    }

    fn layer(&self, layer: &Layer, from: Timestamp, until: Timestamp) -> Intervals {
        layer
            .windows
            .values()
            .flat_map(|it| {
                let open = window::open(it, self.zone_of(it), from, until);
                open.as_slice().to_vec()
            })
            .collect()
    }

    fn zone_of(&self, window: &Window) -> &'t Zone {
        let own = window.zone.as_ref();
        own.and_then(|zone| self.own.get(zone))
            .copied()
            .unwrap_or(self.host)
    }

    fn frozen(&self, from: Timestamp, until: Timestamp) -> Intervals {
        self.freezes(from, until)
            .map(|(_, interval, _)| interval)
            .collect()
    }

    /// What freezes hold and touch the time, each with its number and its reason.
    fn freezes(
        &self,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = (usize, Interval, &'t str)> {
        let rules = self.timetable.freezes.iter().enumerate();
        rules.flat_map(move |(number, rule)| {
            holds(rule, self.host, self.zones, from, until)
                .expect("every zone was looked up")
                .into_iter()
                .map(move |(interval, reason)| (number, interval, reason))
        })
    }

    /// Whether work may run at an instant, until when, and if not, why.
    pub fn at(&self, instant: Timestamp) -> State {
        let instant = clamped(instant);
        if self.open(instant, instant + Span(1)).contains(instant) {
            return State::Open {
                until: self.closes(instant),
            };
        }
        let mut because = Vec::new();
        for layer in &self.timetable.layers {
            let open = |from, until| self.layer(layer, from, until);
            if open(instant, instant + Span(1)).is_empty() {
                because.push(Because::Windows {
                    whose: layer.whose,
                    names: layer.windows.keys().cloned().collect(),
                    opens: look(instant, |from, until| {
                        open(from, until)
                            .as_slice()
                            .first()
                            .map(|first| first.start)
                    }),
                });
            }
        }
        because.extend(self.frozen_because(instant));
        State::Closed {
            because,
            opens: self.next(instant),
        }
    }

    /// Each freeze that holds at the instant, once for each reason.
    fn frozen_because(&self, instant: Timestamp) -> Vec<Because> {
        let mut found: Vec<Because> = self
            .freezes(instant, instant + Span(1))
            .map(|(number, interval, reason)| {
                let rule = &self.timetable.freezes[number];
                Because::Freeze {
                    name: rule.name.clone(),
                    whose: rule.whose,
                    reason: reason.to_owned(),
                    until: self.thaws(number, interval.end),
                }
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// When a freeze that holds until this instant is over, with what follows on it.
    fn thaws(&self, number: usize, mut end: Timestamp) -> Timestamp {
        // Days in a row are one freeze to who waits. They are few: a freeze of a thousand days would be no freeze.
        for _ in 0..1000 {
            let further = self
                .freezes(end, end + Span(1))
                .filter(|(other, interval, _)| *other == number && interval.contains(end))
                .map(|(_, interval, _)| interval.end)
                .max();
            match further {
                Some(later) if later > end => end = later,
                Some(_) | None => break,
            }
        }
        end
    }

    /// The first instant from this one on at which work may run; none: not for years.
    pub fn next(&self, from: Timestamp) -> Option<Timestamp> {
        look(clamped(from), |from, until| {
            self.open(from, until)
                .as_slice()
                .first()
                .map(|first| first.start)
        })
    }

    /// The first instant from this one on at which work may not run; none: not for years.
    pub fn closes(&self, from: Timestamp) -> Option<Timestamp> {
        look(clamped(from), |from, until| {
            let closed = Intervals::whole(from, until).difference(&self.open(from, until));
            closed.as_slice().first().map(|first| first.start)
        })
    }

    /// Whether work of this length may begin at an instant and is done before it is closed.
    pub fn fits(&self, instant: Timestamp, length: Span) -> bool {
        let length = length.max(Span(1));
        let end = instant + length;
        self.open(instant, end) == Intervals::whole(instant, end)
    }

    /// The first time from an instant on at which work may run for this long without a break: from when, and until it is
    /// closed again, or for years. None where there is no such time for years.
    pub fn next_fit(&self, from: Timestamp, length: Span) -> Option<Interval> {
        let from = clamped(from);
        let end = from + HORIZON;
        let mut cursor = from;
        let mut ahead = FIRST_LOOK;
        while cursor < end {
            let until = (cursor + ahead).min(end);
            let open = self.open(cursor, until);
            if let Some(fit) = open.next_fit(cursor, length) {
                let closes = if fit.end < until {
                    Some(fit.end)
                } else {
                    self.closes(fit.end)
                };
                return Interval::new(fit.start, closes.unwrap_or(end.max(fit.end)));
            }
            // What is open at the end of the look may go on behind it.
            cursor = match open.as_slice().last() {
                Some(last) if last.end == until && until < end => last.start,
                Some(_) | None => until,
            };
            ahead = ahead.times(2);
        }
        None
    }
}

/// Looks further and further ahead until something is found.
fn look(
    from: Timestamp,
    found: impl Fn(Timestamp, Timestamp) -> Option<Timestamp>,
) -> Option<Timestamp> {
    let end = from + HORIZON;
    let (mut cursor, mut ahead) = (from, FIRST_LOOK);
    while cursor < end {
        let until = (cursor + ahead).min(end);
        if let Some(found) = found(cursor, until) {
            return Some(found);
        }
        cursor = until;
        ahead = ahead.times(2);
    }
    None
}
