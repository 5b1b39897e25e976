//! The algebra of intervals against sets of small numbers.

use std::collections::BTreeSet;

use proptest::prelude::*;
use ringway_calendar::{Interval, Intervals};
use ringway_model::{Span, Timestamp};

fn intervals() -> impl Strategy<Value = Intervals> {
    let one = (0..60_i64, 0..12_i64).prop_map(|(start, length)| Interval {
        start: Timestamp(start),
        end: Timestamp(start + length),
    });
    proptest::collection::vec(one, 0..9).prop_map(|all| all.into_iter().collect())
}

fn instants(intervals: &Intervals) -> BTreeSet<i64> {
    intervals
        .iter()
        .flat_map(|interval| interval.start.0..interval.end.0)
        .collect()
}

/// Sorted, not empty, not touching: the one form of a set.
fn is_normal(intervals: &Intervals) -> bool {
    let all = intervals.as_slice();
    all.iter().all(|interval| interval.start < interval.end)
        && all.windows(2).all(|two| two[0].end < two[1].start)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn intervals_are_sets(a in intervals(), b in intervals(), low in 0..70_i64, high in 0..70_i64) {
        let (left, right) = (instants(&a), instants(&b));
        for (result, expected) in [
            (a.union(&b), &left | &right),
            (a.intersection(&b), &left & &right),
            (a.difference(&b), &left - &right),
            (a.clip(Timestamp(low), Timestamp(high)), left.iter().copied().filter(|i| low <= *i && *i < high).collect()),
        ] {
            prop_assert!(is_normal(&result), "{:?}", result);
            prop_assert_eq!(instants(&result), expected);
        }
        prop_assert!(is_normal(&a));
        prop_assert_eq!(a.total(), Span(left.len() as u64));
        for instant in -1..75 {
            prop_assert_eq!(a.contains(Timestamp(instant)), left.contains(&instant));
        }
    }

    #[test]
    fn the_next_fit_is_the_first_one(a in intervals(), from in -3..70_i64, length in 1..12_i64) {
        let all = instants(&a);
        let fits = |start: i64| (start..start + length).all(|instant| all.contains(&instant));
        let found = a.next_fit(Timestamp(from), Span(length.unsigned_abs()));
        prop_assert_eq!(found.map(|fit| fit.start.0), (from..90).find(|start| fits(*start)));
        prop_assert!(found.is_none_or(|fit| !a.contains(fit.end)));
    }

    #[test]
    fn sets_follow_the_laws_of_sets(a in intervals(), b in intervals(), c in intervals()) {
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
        prop_assert_eq!(a.difference(&b.union(&c)), a.difference(&b).difference(&c));
        prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
        prop_assert_eq!(a.union(&a), a.clone());
        prop_assert_eq!(a.iter().copied().collect::<Intervals>(), a);
    }
}
