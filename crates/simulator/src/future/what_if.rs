//! Many futures summed up: the answer to "how quickly should it be applied?".
//!
//! The futures of an answer are of two sorts, asked for apart ([`Luck::Certain`] and [`Luck::Bad`]), because a bad update
//! is rare: of a thousand futures drawn as they come, thirty would say something about harm, and nobody could tell two
//! policies apart by them. The chance that an update is bad is put back by arithmetic, in [`Answer::expected_harmed_milli`].
//!
//! # Invariants
//!
//! * All arithmetic is whole numbers, so an answer is the same on every machine; percentiles are by nearest rank.

use std::sync::Arc;

use ringway_model::{Share, Span};
use ringway_scheduler::Plan;
use serde::Serialize;

use super::harm::Luck;
use super::outcome::{Ended, Outcome};
use super::run::Keep;
use super::setting::Setting;

/// What one future says about its first rollout. Small, since there are thousands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Its seed.
    pub seed: u64,
    /// Whether the rollout was completed.
    pub is_completed: bool,
    /// Whether it halted at any time.
    pub is_halted: bool,
    /// Hosts on which harm showed before it was over.
    pub hit: u32,
    /// Hosts that carry harm which had not shown by then.
    pub carrying: u32,
    /// Availability groups lost.
    pub groups_lost: u32,
    /// Host-milliseconds without the update until it was over.
    pub exposure_ms: u64,
    /// When it was over.
    pub over: Option<Span>,
}

impl Tried {
    /// What a future says.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        let first = outcome.rollouts.first()?;
        Some(Self {
            seed: outcome.seed,
            is_completed: first.ended == Ended::Completed,
            is_halted: first.halt.is_some(),
            hit: first.hit,
            carrying: first.carrying,
            groups_lost: outcome.groups_lost,
            exposure_ms: first.exposure_ms,
            over: first.over_ms,
        })
    }

    /// Hosts on which harm showed, and those that carried it unseen when it was over.
    pub fn harmed(&self) -> u32 {
        self.hit.saturating_add(self.carrying)
    }
}

/// Lets futures happen, of seeds from `first` on. Whoever has several processors calls this for parts of the range and
/// puts the parts together in order: the result is the same.
pub fn try_out(setting: &Setting, luck: Luck, seeds: std::ops::Range<u64>) -> Vec<Tried> {
    seeds
        .filter_map(|seed| Tried::of(&setting.run(seed, luck, Keep::default())))
        .collect()
}

/// Numbers that differ from future to future.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Spread {
    /// How many there are.
    pub count: u32,
    /// Their mean, in thousandths.
    pub mean_milli: u64,
    /// Half of them are no larger.
    pub median: u64,
    /// 95 of a hundred are no larger.
    pub p95: u64,
    /// The largest.
    pub most: u64,
}

impl Spread {
    /// Sums numbers up; all zero where there are none.
    pub fn of(mut numbers: Vec<u64>) -> Self {
        numbers.sort_unstable();
        let count = numbers.len() as u64;
        let Some(&most) = numbers.last() else {
            return Self::default();
        };
        let rank = |percent: u64| {
            let rank = (count * percent).div_ceil(100).max(1) - 1;
            numbers[usize::try_from(rank).unwrap_or(0)]
        };
        let sum: u128 = numbers.iter().map(|&number| u128::from(number)).sum();
        let mean = (sum * 1000 + u128::from(count) / 2) / u128::from(count);
        Self {
            count: u32::try_from(count).unwrap_or(u32::MAX),
            mean_milli: u64::try_from(mean).unwrap_or(u64::MAX),
            median: rank(50),
            p95: rank(95),
            most,
        }
    }
}

/// What a policy comes to over many futures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// Where the update does no harm that the world is not certain of.
    pub good: Side,
    /// Where it is bad.
    pub bad: Side,
    /// The chance that it is bad, in millionths.
    pub chance_of_bad_millionths: u32,
    /// Hosts to be expected harmed by one rollout, seen or not, the chance of a bad update put back, in thousandths.
    pub expected_harmed_milli: u64,
    /// Hosts to be expected broken into for want of the update until a good rollout is over, in millionths: the world's
    /// hazard times the mean exposure.
    pub expected_breaches_millionths: u64,
}

/// Futures of one sort.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// How many.
    pub futures: u32,
    /// Of these: completed.
    pub completed: u32,
    /// Of these: halted at some time.
    pub halted: u32,
    /// Of these: an availability group was lost.
    pub group_lost: u32,
    /// Hosts hit before it was over.
    pub hit: Spread,
    /// Hosts that carried harm nobody had seen when it was over.
    pub carrying: Spread,
    /// Both together. A short rollout ends before slow harm shows; counted by hits alone it would look careful.
    pub harmed: Spread,
    /// Host-hours without the update until it was over, of the completed ones.
    pub exposure_hours: Spread,
    /// Minutes until it was over, of the completed ones.
    pub finish_minutes: Spread,
}

impl Side {
    /// Sums futures up.
    pub fn of(tried: &[Tried]) -> Self {
        let count = |is: fn(&Tried) -> bool| {
            u32::try_from(tried.iter().filter(|tried| is(tried)).count()).unwrap_or(u32::MAX)
        };
        let completed = || tried.iter().filter(|tried| tried.is_completed);
        let spread = |number: fn(&Tried) -> u32| {
            Spread::of(tried.iter().map(|tried| u64::from(number(tried))).collect())
        };
        Self {
            futures: u32::try_from(tried.len()).unwrap_or(u32::MAX),
            completed: count(|tried| tried.is_completed),
            halted: count(|tried| tried.is_halted),
            group_lost: count(|tried| tried.groups_lost > 0),
            hit: spread(|tried| tried.hit),
            carrying: spread(|tried| tried.carrying),
            harmed: spread(Tried::harmed),
            exposure_hours: Spread::of(
                completed()
                    .map(|tried| super::hosts::hours(tried.exposure_ms))
                    .collect(),
            ),
            finish_minutes: Spread::of(
                completed()
                    .filter_map(|tried| tried.over)
                    .map(|over| over.millis().div_ceil(60_000))
                    .collect(),
            ),
        }
    }
}

impl Answer {
    /// Puts the two sorts of futures together.
    pub fn of(good: &[Tried], bad: &[Tried], chance: Share, hazard_per_year: Share) -> Self {
        let (good, bad) = (Side::of(good), Side::of(bad));
        let chance = u64::from(chance.millionths());
        let expected =
            good.harmed.mean_milli * (1_000_000 - chance) + bad.harmed.mean_milli * chance;
        let host_hours_milli = u128::from(good.exposure_hours.mean_milli);
        let per_year = u128::from(hazard_per_year.millionths());
        let breaches = host_hours_milli * per_year / (1000 * 24 * 365);
        Self {
            chance_of_bad_millionths: u32::try_from(chance).unwrap_or(u32::MAX),
            expected_harmed_milli: (expected + 500_000) / 1_000_000,
            expected_breaches_millionths: u64::try_from(breaches).unwrap_or(u64::MAX),
            good,
            bad,
        }
    }
}

/// The same plan with every soak so many times as long: `of(1, 4)` is a quarter.
///
/// What the plan itself is made of stays; its digest changes, as it must, since a person would approve something else.
pub fn with_soaks(plan: &Plan, times: u64, by: u64) -> Arc<Plan> {
    let mut scaled = plan.clone();
    for ring in &mut scaled.rings {
        ring.soak = Span(ring.soak.times(times).millis() / by.max(1));
    }
    Arc::new(scaled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        assert_eq!(Spread::of(Vec::new()), Spread::default());
        let spread = Spread::of((1..=100).rev().collect());
        assert_eq!((spread.median, spread.p95, spread.most), (50, 95, 100));
        assert_eq!(spread.mean_milli, 50_500);
        let one = Spread::of(vec![7]);
        assert_eq!((one.median, one.p95, one.most, one.count), (7, 7, 7, 1));
    }

    fn tried(hit: u32, exposure_hours: u64) -> Tried {
        Tried {
            seed: 0,
            is_completed: true,
            is_halted: false,
            hit,
            carrying: 0,
            groups_lost: 0,
            exposure_ms: Span::hours(exposure_hours).millis(),
            over: Some(Span::hours(1)),
        }
    }

    /// 10 % of a mean of 40 hosts hit and 5 that carry harm; 2 % a year over 8,760 host-hours are a hundredth of two hundredths of a host.
    #[test]
    fn the_chance_of_a_bad_update_and_the_hazard_are_put_back() {
        let share = |text: &str| text.parse::<Share>().unwrap();
        let answer = Answer::of(
            &[tried(0, 8760), tried(0, 8760)],
            &[
                Tried {
                    carrying: 10,
                    ..tried(30, 1)
                },
                tried(50, 1),
            ],
            share("10%"),
            share("2%"),
        );
        assert_eq!(answer.expected_harmed_milli, 4_500);
        assert_eq!(answer.expected_breaches_millionths, 20_000);
    }
}
