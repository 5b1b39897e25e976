//! Every threshold in hosts: the one place where a share, a limit or an allowance becomes a number.
//!
//! The rule of rounding: what must be *taken or kept up* rounds up, what *may go wrong or down* rounds down. This
//! module only computes; which hosts are meant is decided elsewhere.
//!
//! | what | of | becomes |
//! |---|---|---|
//! | `take` | hosts that `applies_to` matches | rounded up, at least 1 |
//! | `halt.failed` | | itself |
//! | `halt.failed_share` | the ring's planned hosts, from `counts_from` on | failure no. floor + 1 |
//! | `offline` | the ring's planned hosts | the larger of floor(`allow`) and `or`, never all of them |
//! | `budget.down` | targets | rounded down, at least 1 |
//! | `keep_up` minimum | members of the availability group | rounded up |
//! | `keep_up.down_at_most` | members of the availability group | itself; absent: what the minimum leaves, at least 1 |

use std::num::NonZeroU32;

use ringway_policy::validated::{Amount, Halt, Minimum, Offline};

/// Hosts that a ring takes when `applies_to` matches so many: a share is rounded up, and at least one is taken.
pub fn take(amount: Amount, applies_to: u32) -> u32 {
    match amount {
        Amount::Count(count) => count.max(1),
        Amount::Share(share) => share.of_rounded_up(applies_to).max(1),
    }
}

/// The failure that halts a ring of so many planned hosts: the smaller of `failed` and failure no.
/// floor(`limit` x planned) + 1, which applies from `counts_from` planned hosts on. `None`: none does.
pub fn halt_on(halt: &Halt, planned: u32) -> Option<u32> {
    let by_number = halt.failed.map(NonZeroU32::get);
    let by_share = halt
        .failed_share
        .filter(|share| planned >= share.counts_from)
        .map(|share| share.limit.of_rounded_down(planned).saturating_add(1));
    match (by_number, by_share) {
        (Some(number), Some(share)) => Some(number.min(share)),
        (number, share) => number.or(share),
    }
}

/// Hosts that a ring of so many planned hosts may leave behind: the larger of the two, and never all of them, so that
/// a ring of which nothing is known is not promoted.
pub fn debt_allowed(offline: &Offline, planned: u32) -> u32 {
    offline
        .allow
        .of_rounded_down(planned)
        .max(offline.or)
        .min(planned.saturating_sub(1))
}

/// Targets that may be down at once: a share is rounded down, and never below one, so that something can move at all.
pub fn budget_down(amount: Amount, targets: u32) -> u32 {
    match amount {
        Amount::Count(count) => count.max(1),
        Amount::Share(share) => share.of_rounded_down(targets).max(1),
    }
}

/// Members of an availability group that must stay up: a share is rounded up.
pub fn must_stay_up(minimum: Minimum, members: u32) -> u32 {
    match minimum {
        Minimum::AtLeast(count) => count,
        Minimum::Share(share) => share.of_rounded_up(members),
    }
}

/// Members of an availability group that may be down at once: as written, else what the minimum leaves, at least one.
pub fn down_at_most(written: Option<NonZeroU32>, members: u32, must_stay_up: u32) -> u32 {
    written.map_or_else(
        || members.saturating_sub(must_stay_up).max(1),
        NonZeroU32::get,
    )
}

#[cfg(test)]
mod tests {
    use ringway_model::{Share, Span};
    use ringway_policy::validated::FailedShare;

    use super::*;

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    #[test]
    fn what_must_be_taken_rounds_up_and_is_at_least_one() {
        for (amount, applies_to, expected) in [
            (Amount::Share(share("2%")), 60, 2),
            (Amount::Share(share("2%")), 50, 1),
            (Amount::Share(share("2%")), 51, 2),
            (Amount::Share(share("0.1%")), 3, 1),
            (Amount::Share(share("100%")), 7, 7),
            (Amount::Share(share("0%")), 7, 1),
            (Amount::Count(5), 3, 5),
        ] {
            assert_eq!(
                take(amount, applies_to),
                expected,
                "{amount:?} of {applies_to}"
            );
        }
    }

    /// The table of the documents: `failed: 3, failed_share: { limit: 2%, counts_from: 50 }`.
    #[test]
    fn the_smaller_of_number_and_share_halts_and_small_rings_know_only_the_number() {
        let both = Halt {
            failed: NonZeroU32::new(3),
            failed_share: Some(FailedShare {
                limit: share("2%"),
                counts_from: 50,
            }),
        };
        let only_share = Halt {
            failed: None,
            ..both.clone()
        };
        let only_number = Halt {
            failed_share: None,
            ..both.clone()
        };
        let nothing = Halt {
            failed: None,
            failed_share: None,
        };
        for (halt, planned, expected) in [
            (&both, 60, Some(2)),
            (&both, 49, Some(3)),
            (&both, 50, Some(2)),
            (&both, 99, Some(2)),
            (&both, 100, Some(3)),
            (&both, 1000, Some(3)),
            (&only_share, 1000, Some(21)),
            (&only_share, 49, None),
            (&only_number, 1000, Some(3)),
            (&only_number, 1, Some(3)),
            (&nothing, 1000, None),
        ] {
            assert_eq!(
                halt_on(halt, planned),
                expected,
                "{planned} planned, {halt:?}"
            );
        }
    }

    #[test]
    fn a_ring_never_leaves_all_its_hosts_behind() {
        let offline = |allow: &str, or| Offline {
            allow: share(allow),
            or,
            retry: Span::minutes(1),
        };
        for (allow, or, planned, expected) in [
            ("10%", 2, 60, 6),
            ("10%", 2, 19, 2),
            ("10%", 2, 2, 1),
            ("10%", 2, 1, 0),
            ("10%", 2, 0, 0),
            ("0%", 0, 60, 0),
            ("100%", 0, 60, 59),
            ("10%", 0, 19, 1),
        ] {
            assert_eq!(
                debt_allowed(&offline(allow, or), planned),
                expected,
                "{allow} or {or} of {planned}"
            );
        }
    }

    #[test]
    fn what_may_be_down_rounds_down_and_never_below_one() {
        for (amount, targets, expected) in [
            (Amount::Share(share("5%")), 60, 3),
            (Amount::Share(share("5%")), 79, 3),
            (Amount::Share(share("5%")), 10, 1),
            (Amount::Count(4), 60, 4),
            (Amount::Count(0), 60, 1),
        ] {
            assert_eq!(
                budget_down(amount, targets),
                expected,
                "{amount:?} of {targets}"
            );
        }
    }

    #[test]
    fn what_must_stay_up_rounds_up_and_leaves_at_least_one_to_take() {
        for (minimum, written, members, expected) in [
            (Minimum::AtLeast(1), NonZeroU32::new(1), 3, (1, 1)),
            (Minimum::AtLeast(1), None, 3, (1, 2)),
            (Minimum::AtLeast(1), None, 1, (1, 1)),
            (Minimum::Share(share("75%")), None, 10, (8, 2)),
            (Minimum::Share(share("75%")), None, 4, (3, 1)),
            (Minimum::Share(share("75%")), None, 3, (3, 1)),
            (
                Minimum::Share(share("75%")),
                NonZeroU32::new(1),
                100,
                (75, 1),
            ),
        ] {
            let must = must_stay_up(minimum, members);
            assert_eq!(
                (must, down_at_most(written, members, must)),
                expected,
                "{minimum:?} of {members}"
            );
        }
    }
}
