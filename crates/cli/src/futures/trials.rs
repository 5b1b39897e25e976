//! Many futures of one setting, summed up. A value for programs, and the same as text.

use std::collections::BTreeMap;

use indicatif::ProgressBar;
use ringway_model::{Hasher, Span};
use ringway_simulator::future::what_if::{Side, Spread, Tried};
use ringway_simulator::future::{Ended, Keep, Luck, Outcome, RolloutOutcome, Setting};
use serde::Serialize;

use super::many;
use super::question::Question;
use super::told::WorldTold;
use super::words::{grouped, milli, percent};
use crate::show::{bold, hosts, in_words, put};

/// Futures in which every rule is checked after every event. It makes one take about eight times as long, and one that
/// is told alone is always checked.
const CHECKED: usize = 10;

/// Futures that a page shows as points of their own.
const POINTS: usize = 2000;

/// Many futures.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Trials {
    /// The first one's seed; the others have the next ones.
    pub(super) seed: u64,
    pub(super) futures: u64,
    pub(super) world: WorldTold,
    pub(super) rollouts: Vec<RolloutTrials>,
    /// The digest of what every future came to.
    digest: String,
    /// The first rule that was found broken, with its seed.
    broken_rule: Option<String>,
}

/// One of their rollouts.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RolloutTrials {
    pub(super) policy: String,
    pub(super) update: String,
    pub(super) targets: usize,
    #[serde(flatten)]
    pub(super) side: Side,
    /// By how it ended.
    ended: BTreeMap<&'static str, u32>,
    /// Host-hours and hosts hit of each, in thousandths, for a picture.
    #[serde(skip)]
    pub(super) points: Vec<(u64, u64)>,
}

/// What is kept of one future.
struct Kept {
    rollouts: Vec<(Tried, &'static str)>,
    violation: Option<String>,
}

impl Trials {
    /// Lets futures happen, with the world's regressions and no other harm.
    pub(super) fn of(
        question: &Question,
        setting: &Setting,
        seed: u64,
        futures: u64,
        bar: &ProgressBar,
    ) -> Self {
        bar.set_length(futures);
        let count = usize::try_from(futures).unwrap_or(usize::MAX);
        let kept = many::all(count, bar, |index| {
            let keep = Keep {
                checked: index < CHECKED,
                ..Keep::default()
            };
            Kept::of(&setting.run(seed.wrapping_add(index as u64), Luck::Certain, keep))
        });
        let mut digest = Hasher::default();
        for tried in kept.iter().flat_map(|future| &future.rollouts) {
            digest = digest.part(format!("{tried:?}").as_bytes());
        }
        let rollouts = setting.plans().enumerate().map(|(place, plan)| {
            let of_place = || {
                kept.iter()
                    .filter_map(move |future| future.rollouts.get(place))
            };
            RolloutTrials::of(
                (plan.policy.clone(), plan.update.clone()),
                plan.slots.len(),
                &of_place().map(|(tried, _)| *tried).collect::<Vec<_>>(),
                of_place().map(|(_, ended)| *ended),
            )
        });
        Self {
            seed,
            futures,
            world: WorldTold::of(question, setting),
            rollouts: rollouts.collect(),
            digest: digest.finish().to_string(),
            broken_rule: kept.iter().find_map(|future| future.violation.clone()),
        }
    }

    /// The report of a rule that was broken.
    pub(super) fn fault(&self) -> Option<String> {
        self.broken_rule.clone()
    }

    /// What was tried, for a page.
    pub(super) fn facts(&self) -> String {
        format!(
            "{}\nOf seed {} and the next ones",
            self.world.plain(),
            self.seed
        )
    }

    /// What these futures can be known again by, for a page.
    pub(super) fn end(&self) -> String {
        let broken = self.fault().map(|fault| format!("\nBROKEN: {fault}"));
        format!("Digest {}{}", self.digest, broken.unwrap_or_default())
    }

    /// As text.
    pub(super) fn text(&self) -> String {
        let mut text = self.world.text();
        put(
            &mut text,
            format_args!(
                "{} futures, of seed {} and the next ones\n",
                grouped(self.futures),
                self.seed
            ),
        );
        for rollout in &self.rollouts {
            text.push('\n');
            text.push_str(&rollout.text());
        }
        put(
            &mut text,
            format_args!(
                "\ndigest {}; every rule was checked after each event of the first {}\n",
                self.digest.get(..12).unwrap_or_default(),
                self.futures.min(CHECKED as u64)
            ),
        );
        text
    }
}

impl Kept {
    fn of(outcome: &Outcome) -> Self {
        Self {
            rollouts: outcome
                .rollouts
                .iter()
                .map(|rollout| (tried(outcome, rollout), rollout.ended.word()))
                .collect(),
            violation: outcome.violation.as_ref().map(|violation| {
                let seed = outcome.seed;
                format!("{violation}; seed {seed} with these documents shows it again")
            }),
        }
    }
}

/// What a future says about one of its rollouts.
fn tried(outcome: &Outcome, rollout: &RolloutOutcome) -> Tried {
    Tried {
        seed: outcome.seed,
        is_completed: rollout.ended == Ended::Completed,
        is_halted: rollout.halt.is_some(),
        hit: rollout.hit,
        carrying: rollout.carrying,
        groups_lost: outcome.groups_lost,
        exposure_ms: rollout.exposure_ms,
        over: rollout.over_ms,
    }
}

impl RolloutTrials {
    fn of(
        (policy, update): (String, String),
        targets: usize,
        tried: &[Tried],
        ended: impl Iterator<Item = &'static str>,
    ) -> Self {
        let mut counts: BTreeMap<&'static str, u32> = BTreeMap::new();
        for word in ended {
            *counts.entry(word).or_default() += 1;
        }
        Self {
            policy,
            update,
            targets,
            side: Side::of(tried),
            ended: counts,
            points: tried
                .iter()
                .take(POINTS)
                .map(|tried| (tried.exposure_ms / 3600, u64::from(tried.hit) * 1000))
                .collect(),
        }
    }

    /// How many ended how, in a sentence.
    pub(super) fn ends(&self) -> String {
        let futures = u64::from(self.side.futures);
        let ended = self
            .ended
            .iter()
            .map(|(word, count)| format!("{word} {}", percent(u64::from(*count), futures)));
        let ended: Vec<String> = ended.collect();
        format!(
            "{}; halted at some time {}; an availability group lost {}",
            ended.join(", "),
            percent(u64::from(self.side.halted), futures),
            percent(u64::from(self.side.group_lost), futures)
        )
    }

    /// A line of numbers for each thing that was measured: its name, median, 95th percentile, mean and the largest.
    pub(super) fn table(&self) -> Vec<[String; 5]> {
        let number = |name: &str, spread: &Spread| {
            [
                name.to_owned(),
                grouped(spread.median),
                grouped(spread.p95),
                milli(spread.mean_milli),
                grouped(spread.most),
            ]
        };
        let side = &self.side;
        let finish = &side.finish_minutes;
        let after = |minutes: u64| in_words(Span::minutes(minutes));
        vec![
            number("hosts hit", &side.hit),
            number("carrying harm unseen", &side.carrying),
            number("exposure, host-hours *", &side.exposure_hours),
            [
                "completed after *".to_owned(),
                after(finish.median),
                after(finish.p95),
                after((finish.mean_milli + 500) / 1000),
                after(finish.most),
            ],
        ]
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} by policy {}, {}\n  {}\n  {:24}{:>12}{:>12}{:>12}{:>12}\n",
            bold(&self.update),
            self.policy,
            hosts(u32::try_from(self.targets).unwrap_or(u32::MAX)),
            self.ends(),
            "",
            "median",
            "p95",
            "mean",
            "most"
        );
        for [name, median, p95, mean, most] in self.table() {
            put(
                &mut text,
                format_args!("  {name:24}{median:>12}{p95:>12}{mean:>12}{most:>12}\n"),
            );
        }
        text.push_str("  * of those that completed\n");
        text
    }
}
