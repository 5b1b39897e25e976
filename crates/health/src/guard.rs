//! Hard guards: evidence over time into a verdict, without statistics.
//!
//! Silence is never success: what is not known is inconclusive, and an inconclusive verdict promotes nothing.

use ringway_model::{Evidence, Share, Span, Timestamp};

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Well, on positive evidence.
    Pass,
    /// Harm was observed.
    Regressed,
    /// Not known, or not known of enough hosts.
    Inconclusive,
}

impl Verdict {
    /// The verdict of two together: harm wins over doubt, and doubt over success.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::Regressed => Self::Regressed,
            Self::Inconclusive => match other {
                Self::Regressed => Self::Regressed,
                Self::Pass | Self::Inconclusive => Self::Inconclusive,
            },
            Self::Pass => other,
        }
    }
}

/// The instant at which a host that is down since `since` has been down for too long.
pub fn down_deadline(since: Timestamp, down_for: Span) -> Timestamp {
    since + down_for
}

/// A host under a `down: { for: .. }` guard. `since` is when its evidence became what it is.
///
/// Down for less than the guard allows is inconclusive: it is neither harm yet nor well.
pub fn host(evidence: Evidence, since: Timestamp, now: Timestamp, down_for: Span) -> Verdict {
    match evidence {
        Evidence::Up => Verdict::Pass,
        Evidence::Down if now >= down_deadline(since, down_for) => Verdict::Regressed,
        Evidence::Down | Evidence::Unknown => Verdict::Inconclusive,
    }
}

/// Whether evidence counts as a report: anything known does, good or bad.
pub const fn reports(evidence: Evidence) -> bool {
    match evidence {
        Evidence::Up | Evidence::Down => true,
        Evidence::Unknown => false,
    }
}

/// How many of `updated` hosts must report so that a ring counts as observed; the share is rounded up, and an updated
/// ring needs at least one.
pub const fn reports_needed(updated: u32, share: Share) -> u32 {
    let needed = share.of_rounded_up(updated);
    if needed == 0 && updated > 0 {
        1
    } else {
        needed
    }
}

/// A ring under a guard: `up` and `down` of its `updated` hosts report so, `regressed` were down for too long.
pub const fn ring(updated: u32, up: u32, down: u32, regressed: u32, share: Share) -> Verdict {
    if regressed > 0 {
        Verdict::Regressed
    } else if down > 0 || up < reports_needed(updated, share) {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    }
}

/// The number of restarts a host made against what its recipe said: fewest and most.
pub const fn restarts(seen: u16, (fewest, most): (u16, u16)) -> Verdict {
    if seen > most {
        Verdict::Regressed
    } else if seen < fewest {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm_wins_over_doubt_and_doubt_over_success() {
        use Verdict::{Inconclusive, Pass, Regressed};
        for (a, b, both) in [
            (Pass, Pass, Pass),
            (Pass, Inconclusive, Inconclusive),
            (Pass, Regressed, Regressed),
            (Inconclusive, Inconclusive, Inconclusive),
            (Inconclusive, Regressed, Regressed),
            (Regressed, Regressed, Regressed),
        ] {
            assert_eq!((a.and(b), b.and(a)), (both, both), "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_host_is_regressed_from_the_instant_its_guard_allows_no_longer() {
        let since = Timestamp(1_000);
        for (evidence, now, verdict) in [
            (Evidence::Up, 1_000_000, Verdict::Pass),
            (Evidence::Unknown, 1_000_000, Verdict::Inconclusive),
            (Evidence::Down, 1_000, Verdict::Inconclusive),
            (Evidence::Down, 180_999, Verdict::Inconclusive),
            (Evidence::Down, 181_000, Verdict::Regressed),
        ] {
            let found = host(evidence, since, Timestamp(now), Span::minutes(3));
            assert_eq!(found, verdict, "{evidence:?} at {now}");
        }
    }

    #[test]
    fn a_ring_passes_only_on_enough_positive_reports() {
        let share = |text: &str| text.parse::<Share>().unwrap();
        for (updated, up, down, regressed, min, verdict) in [
            (10, 10, 0, 0, "90%", Verdict::Pass),
            (10, 9, 0, 0, "90%", Verdict::Pass),
            (10, 8, 0, 0, "90%", Verdict::Inconclusive),
            (11, 9, 0, 0, "90%", Verdict::Inconclusive),
            (10, 9, 1, 0, "90%", Verdict::Inconclusive),
            (10, 9, 1, 1, "90%", Verdict::Regressed),
            (10, 0, 0, 0, "0%", Verdict::Inconclusive),
            (10, 1, 0, 0, "0%", Verdict::Pass),
            (0, 0, 0, 0, "100%", Verdict::Pass),
        ] {
            let found = ring(updated, up, down, regressed, share(min));
            assert_eq!(found, verdict, "{updated} {up} {down} {regressed} {min}");
        }
    }

    #[test]
    fn restarts_are_read_against_what_was_said() {
        for (seen, verdict) in [
            (0, Verdict::Inconclusive),
            (1, Verdict::Pass),
            (2, Verdict::Pass),
            (3, Verdict::Regressed),
        ] {
            assert_eq!(restarts(seen, (1, 2)), verdict, "{seen}");
        }
    }

    #[test]
    fn only_what_is_known_is_a_report() {
        let all = [Evidence::Unknown, Evidence::Up, Evidence::Down];
        assert_eq!(all.map(reports), [false, true, true]);
    }
}
