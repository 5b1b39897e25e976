//! Sets of instants as lists of intervals: sorted, disjoint, not touching, half-open.
//!
//! The algebra of windows and freezes is that of sets; nothing here knows a calendar.

use ringway_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// From one instant until before another; never empty in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// The first instant.
    pub start: Timestamp,
    /// The first one after it.
    pub end: Timestamp,
}

impl Interval {
    /// An interval; none where it would be empty.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// Whether the instant is in it.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }

    /// How long it is.
    pub fn length(&self) -> Span {
        self.end.since(self.start)
    }
}

/// A set of instants.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Intervals(Vec<Interval>);

impl FromIterator<Interval> for Intervals {
    /// The instants of all of them, in whatever order and however they overlap.
    fn from_iter<I: IntoIterator<Item = Interval>>(intervals: I) -> Self {
        let mut all: Vec<Interval> = intervals
            .into_iter()
            .filter(|interval| interval.start < interval.end)
            .collect();
        all.sort_unstable();
        let mut merged: Vec<Interval> = Vec::with_capacity(all.len());
        for next in all {
            match merged.last_mut() {
                Some(last) if next.start <= last.end => last.end = last.end.max(next.end),
                Some(_) | None => merged.push(next),
            }
        }
        Self(merged)
    }
}

impl Intervals {
    /// All instants from one until before another.
    pub fn whole(from: Timestamp, until: Timestamp) -> Self {
        Interval::new(from, until).into_iter().collect()
    }

    /// In order.
    pub fn iter(&self) -> std::slice::Iter<'_, Interval> {
        self.0.iter()
    }

    /// In order.
    pub fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    /// Whether no instant is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The interval that the instant is in.
    pub fn at(&self, instant: Timestamp) -> Option<Interval> {
        let after = self.0.partition_point(|interval| interval.start <= instant);
        let last = self.0[..after].last()?;
        last.contains(instant).then_some(*last)
    }

    /// Whether the instant is in it.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.at(instant).is_some()
    }

    /// The first time from an instant on that is this long: what is left of an interval, or a later one.
    pub fn next_fit(&self, from: Timestamp, length: Span) -> Option<Interval> {
        let behind = self.0.partition_point(|interval| interval.end <= from);
        self.0[behind..]
            .iter()
            .filter_map(|interval| Interval::new(interval.start.max(from), interval.end))
            .find(|rest| rest.length() >= length)
    }

    /// How long all of it is together.
    pub fn total(&self) -> Span {
        self.0
            .iter()
            .fold(Span::ZERO, |total, interval| total.plus(interval.length()))
    }

    /// What is in one or the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).copied().collect()
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Vec::new();
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            both.extend(Interval::new(a.start.max(b.start), a.end.min(b.end)));
            // Whichever ends first can meet nothing further.
            if a.end <= b.end {
                left.next();
            } else {
                right.next();
            }
        }
        Self(both)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        let mut cuts = other.0.as_slice();
        for interval in &self.0 {
            let mut start = interval.start;
            // What ends before this one begins is behind all that follow, too.
            while cuts.first().is_some_and(|cut| cut.end <= start) {
                cuts = &cuts[1..];
            }
            for cut in cuts.iter().take_while(|cut| cut.start < interval.end) {
                rest.extend(Interval::new(start, cut.start));
                start = start.max(cut.end);
            }
            rest.extend(Interval::new(start, interval.end));
        }
        Self(rest)
    }

    /// What of it is from one instant until before another.
    #[must_use]
    pub fn clip(&self, from: Timestamp, until: Timestamp) -> Self {
        self.intersection(&Self::whole(from, until))
    }
}

impl<'i> IntoIterator for &'i Intervals {
    type Item = &'i Interval;
    type IntoIter = std::slice::Iter<'i, Interval>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
