//! Exposure: how long hosts were without an update that was there for them. Arithmetic of instants; decides nothing.

use std::collections::BTreeMap;

use ringway_model::{Span, Timestamp};

/// Whether a host has an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// It has not, or nobody knows that it has: silence is never success.
    Not,
    /// It has.
    It,
    /// There is no such host any more.
    Gone,
}

/// What is known of one host: what changed when, in the order of time. Before the first change it had not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(Vec<(Timestamp, Has)>);

impl Changes {
    /// Nothing changed yet.
    pub const NONE: Self = Self(Vec::new());

    /// From an instant on it is so. What was so already is no change; an earlier instant than the last one counts as that
    /// one, since a clock that was set back gives nobody time.
    pub fn is(&mut self, at: Timestamp, has: Has) {
        if self.now() == has {
            return;
        }
        let last = self.0.last().map_or(at, |(last, _)| *last);
        self.0.push((at.max(last), has));
    }

    /// How it stands.
    pub fn now(&self) -> Has {
        self.0.last().map_or(Has::Not, |(_, has)| *has)
    }

    /// How long it was without the update in `from..until`.
    pub fn without(&self, from: Timestamp, until: Timestamp) -> Span {
        let (mut without, mut since, mut has) = (Span::ZERO, from, Has::Not);
        let end = [(until, Has::Gone)];
        for (at, next) in self.0.iter().chain(&end) {
            let at = (*at).clamp(from, until.max(from));
            if has == Has::Not {
                without = Span(without.0.saturating_add(at.since(since).0));
            }
            (since, has) = (at, *next);
        }
        without
    }
}

/// The exposure of some hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exposed {
    /// How many hosts.
    pub hosts: u32,
    /// How many of them are without it still.
    pub without: u32,
    /// How long they were, added up.
    pub span: Span,
}

impl Exposed {
    /// One host more.
    pub fn add(&mut self, changes: &Changes, from: Timestamp, until: Timestamp) {
        self.hosts += 1;
        self.without += u32::from(changes.now() == Has::Not);
        self.span = Span(self.span.0.saturating_add(changes.without(from, until).0));
    }
}

/// The exposure of hosts by something that each has one of.
pub fn by<'c, K: Ord>(
    hosts: impl IntoIterator<Item = (K, &'c Changes)>,
    from: Timestamp,
    until: Timestamp,
) -> BTreeMap<K, Exposed> {
    let mut all: BTreeMap<K, Exposed> = BTreeMap::new();
    for (key, changes) in hosts {
        all.entry(key).or_default().add(changes, from, until);
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(changes: &[(i64, Has)]) -> Changes {
        let mut all = Changes::default();
        for (at, has) in changes {
            all.is(Timestamp(*at), *has);
        }
        all
    }

    #[test]
    fn only_time_without_the_update_counts_and_only_between_the_ends() {
        let without =
            |changes: &[(i64, Has)]| host(changes).without(Timestamp(10), Timestamp(100)).0;
        for (changes, span) in [
            (&[][..], 90),
            (&[(40, Has::It)], 30),
            (&[(5, Has::It)], 0),
            (&[(200, Has::It)], 90),
            (&[(40, Has::It), (60, Has::Not)], 70),
            (&[(40, Has::It), (60, Has::Not), (70, Has::It)], 40),
            (&[(40, Has::Gone)], 30),
            (&[(40, Has::Gone), (90, Has::Not)], 40),
            (&[(5, Has::It), (7, Has::Not)], 90),
            // A clock that was set back.
            (&[(40, Has::It), (20, Has::Not)], 90),
        ] {
            assert_eq!(without(changes), span, "{changes:?}");
        }
        let never = host(&[]).without(Timestamp(10), Timestamp(5));
        assert_eq!(never, Span::ZERO, "released after now");
    }

    proptest! {
        /// What the hosts add up to is what a watch sees that counts, at every instant, the hosts without the update.
        #[test]
        fn the_sum_over_hosts_is_the_integral_of_hosts_without_it(
            hosts in proptest::collection::vec(
                proptest::collection::vec((0_i64..60, 0_u8..3), 0..6),
                0..8,
            ),
            from in 0_i64..60,
            long in 0_i64..60,
        ) {
            let until = from + long;
            let mut watched = 0_u64;
            let mut sorted = Vec::new();
            for mut changes in hosts {
                changes.sort_by_key(|(at, _)| *at);
                sorted.push(changes);
            }
            for tick in from..until {
                for changes in &sorted {
                    let last = changes.iter().rfind(|(at, _)| *at <= tick);
                    watched += u64::from(last.is_none_or(|(_, has)| *has == 0));
                }
            }
            let all: Vec<Changes> = sorted
                .iter()
                .map(|changes| {
                    let changes: Vec<(i64, Has)> = changes
                        .iter()
                        .map(|(at, has)| (*at, [Has::Not, Has::It, Has::Gone][usize::from(*has)]))
                        .collect();
                    host(&changes)
                })
                .collect();
            let keyed = all.iter().enumerate().map(|(at, changes)| (at % 3, changes));
            let sums = by(keyed, Timestamp(from), Timestamp(until));
            let sum: u64 = sums.values().map(|exposed| exposed.span.0).sum();
            prop_assert_eq!(sum, watched);
            let counted: u32 = sums.values().map(|exposed| exposed.hosts).sum();
            prop_assert_eq!(counted as usize, all.len());
        }
    }
}
