//! Randomness by name: a number from the seed and from what it is about.
//!
//! A stream would tie every choice to the order of all choices before it; here the third attempt of `apply` on host 7 is
//! the same number whatever else happened. The mixing function is the finalizer of `SplitMix64` (Steele, Lea, Flood:
//! "Fast splittable pseudorandom number generators", 2014), chained over the parts.

use ringway_model::{Share, Span};
use ringway_policy::validated::{ShareRange, SpanRange};

/// What a number is about: the first part of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    StepTakes = 1,
    StepFails,
    Away,
    AwayFor,
    Flaky,
    FlakesAfter,
    FlakesFor,
    Already,
    Harmed,
    ShowsAfter,
    LateBy,
    Bad,
    Everywhere,
    Kind,
    Hits,
    AtOnce,
    Slow,
    InstallFails,
    Approves,
    Mistakes,
    Decides,
    CrashAt,
    BackAfter,
    Lost,
    Late,
    LateResultBy,
    Doubled,
    BadWrite,
    JumpAt,
    JumpBy,
    HandTakes,
    Recovers,
}

/// A number that is uniform over all `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Roll(u64);

const fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Roll {
    /// The number of a seed for one purpose and its parts.
    pub(super) fn of(seed: u64, about: About, parts: &[u64]) -> Self {
        let first = mix(seed ^ mix(about as u64));
        Self(parts.iter().fold(first, |hash, &part| mix(hash ^ part)))
    }

    /// A number below `bound`; 0 where that is 0. Its bias is below one in 2^64 / `bound`.
    pub(super) fn below(self, bound: u64) -> u64 {
        let wide = u128::from(self.0) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the upper half of a product of two u64 is one")
    }

    /// True in this share of all cases.
    pub(super) fn is_in(self, share: Share) -> bool {
        self.below(1_000_000) < u64::from(share.millionths())
    }

    /// A span of whole seconds in a range.
    pub(super) fn within(self, range: SpanRange) -> Span {
        let (low, high) = (range.low.millis(), range.high.millis());
        whole(Span(low + self.below(high.saturating_sub(low) + 1)))
    }

    /// A share in a range.
    pub(super) fn share(self, range: ShareRange) -> Share {
        let (low, high) = (range.low.millionths(), range.high.millionths());
        let above = self.below(u64::from(high.saturating_sub(low)) + 1);
        let above = u32::try_from(above).expect("below a share");
        Share::from_millionths(low + above).unwrap_or(Share::ALL)
    }

    /// Uniform above 0 and up to 1, in steps of 2^-53.
    #[expect(
        clippy::cast_precision_loss,
        reason = "53 bits fit into the mantissa exactly"
    )]
    fn unit(self) -> f64 {
        ((self.0 >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// A span without memory (exponential) of this mean, in whole seconds.
    pub(super) fn exponential(self, mean: Span) -> Span {
        scaled(mean, -libm::log(self.unit()))
    }

    /// A span in a range in which each order of magnitude is as likely as every other. The lower end is above zero.
    pub(super) fn log_uniform(self, range: SpanRange) -> Span {
        let ratio = per(range.high, range.low);
        scaled(range.low, libm::exp(self.unit() * libm::log(ratio)))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a span of 285,000 years fits into the mantissa exactly"
)]
fn per(span: Span, by: Span) -> f64 {
    span.millis() as f64 / by.millis().max(1) as f64
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and a cast from a float saturates"
)]
fn scaled(span: Span, by: f64) -> Span {
    whole(Span((span.millis() as f64 * by) as u64))
}

/// Rounded up to whole seconds, so that what happens at about the same time is decided together.
pub(super) fn whole(span: Span) -> Span {
    Span(span.millis().div_ceil(1000).saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rolls() -> impl Iterator<Item = Roll> {
        (0..20_000).map(|part| Roll::of(7, About::ShowsAfter, &[part]))
    }

    #[test]
    fn a_number_depends_on_its_name_alone() {
        let roll = |seed, about, parts: &[u64]| Roll::of(seed, about, parts);
        assert_eq!(roll(1, About::Away, &[2, 3]), roll(1, About::Away, &[2, 3]));
        for other in [
            roll(2, About::Away, &[2, 3]),
            roll(1, About::AwayFor, &[2, 3]),
            roll(1, About::Away, &[3, 2]),
            roll(1, About::Away, &[2]),
        ] {
            assert_ne!(roll(1, About::Away, &[2, 3]), other);
        }
    }

    /// Means over 20,000 rolls; a standard error of an exponential's mean is its mean / 141.
    #[test]
    fn spans_and_shares_have_the_means_that_they_promise() {
        let minutes = |n| Span::minutes(n);
        let mean =
            |spans: &mut dyn Iterator<Item = Span>| spans.map(Span::millis).sum::<u64>() / 20_000;
        let range = SpanRange {
            low: minutes(10),
            high: minutes(30),
        };
        let uniform = mean(&mut rolls().map(|roll| roll.within(range)));
        assert!((1_190_000..1_210_000).contains(&uniform), "{uniform}");
        let exponential = mean(&mut rolls().map(|roll| roll.exponential(Span::hours(6))));
        assert!(
            (20_990_000..22_210_000).contains(&exponential),
            "{exponential}"
        );
        let hits = rolls()
            .filter(|roll| roll.is_in("25%".parse().unwrap()))
            .count();
        assert!((4_800..5_200).contains(&hits), "{hits}");
    }

    #[test]
    fn every_order_of_magnitude_is_as_likely_as_every_other() {
        let range = SpanRange {
            low: Span::minutes(1),
            high: Span::minutes(10_000),
        };
        let mut decades = [0_u32; 4];
        for roll in rolls() {
            let span = roll.log_uniform(range);
            assert!(span >= range.low && span <= range.high, "{span}");
            let at = [10, 100, 1000]
                .iter()
                .filter(|&&n| span >= Span::minutes(n))
                .count();
            decades[at] += 1;
        }
        for count in decades {
            assert!((4_750..5_250).contains(&count), "{decades:?}");
        }
    }

    #[test]
    fn a_range_of_one_value_is_that_value() {
        let one = SpanRange {
            low: Span::minutes(3),
            high: Span::minutes(3),
        };
        assert_eq!(Roll::of(1, About::Late, &[]).within(one), Span::minutes(3));
        assert_eq!(
            Roll::of(1, About::Late, &[]).log_uniform(one),
            Span::minutes(3)
        );
        assert_eq!(Roll::of(1, About::Late, &[]).below(0), 0);
    }
}
