//! What many futures of several variants come to. A value for programs, and the same as text. Pure.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use ringway_model::{Hasher, HostId, Span, Timestamp};
use ringway_simulator::future::what_if::{Answer, Spread, Tried};
use serde::Serialize;

use super::assumed::{self, Assumption, assumptions};
use super::question::Question;
use super::soaks::Times;
use super::told::WorldTold;
use super::variants::Variant;
use super::words::{date, grouped, micro, milli, percent};
use crate::show::{Paint, bold, in_words, paint, put};

/// What nobody may overlook.
const RANKS: &str =
    "A what-if RANKS policies. It does NOT PREDICT: all of it follows from these assumptions.";

/// What the numbers are.
const EXPLAINED: &str = "\
hit: hosts on which harm showed before the halt or the end; carrying: and those on which it had not.
expected: hosts for each update, the chance that it is bad put back: harmed by it is the price of
haste, broken into for want of it the price of waiting.";

/// Variants of which every pair is compared; of more, each is compared with one.
const PAIRS_OF: usize = 4;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) seed: u64,
    pub(super) trials: u64,
    /// How many policies were named.
    pub(super) policies: usize,
}

/// The whole answer.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct WhatIfTold {
    /// What nobody may overlook.
    pub(super) note: &'static str,
    pub(super) seed: u64,
    /// Futures that each variant met; of those, with a good update and with a bad one.
    pub(super) trials: u64,
    pub(super) good: usize,
    pub(super) bad: usize,
    pub(super) world: WorldTold,
    pub(super) update: String,
    pub(super) assumptions: Vec<Assumption>,
    pub(super) variants: Vec<VariantTold>,
    pub(super) comparisons: Vec<Comparison>,
    /// What limits what can be read from it.
    pub(super) remarks: Vec<String>,
    /// The digest of what every future came to.
    digest: String,
}

/// One variant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct VariantTold {
    pub(super) label: String,
    pub(super) policy: String,
    /// How many times as long as written its soaks are: `1/4`.
    pub(super) soaks: String,
    pub(super) targets: usize,
    #[serde(flatten)]
    pub(super) answer: Answer,
    /// Of the completed futures with a good update: host-hours without it, in thousandths.
    pub(super) exposure_milli: Spread,
    /// When a good rollout is completed: half of them by then, and 95 of a hundred.
    pub(super) finish_median: Option<String>,
    pub(super) finish_p95: Option<String>,
    /// The same in fewer letters.
    #[serde(skip)]
    pub(super) finish_short: [String; 2],
}

/// Two variants, future by future.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Comparison {
    pub(super) one: String,
    pub(super) other: String,
    /// Of the futures with a bad update: fewer hosts harmed, seen or not, with which.
    pub(super) fewer_harmed: Score,
    /// Of the futures with a good update that both completed: less exposure with which.
    pub(super) less_exposure: Score,
}

/// In how many futures which was better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Score {
    pub(super) one: u32,
    pub(super) other: u32,
    pub(super) equal: u32,
}

impl WhatIfTold {
    /// Puts together what the variants came to.
    pub(super) fn of(question: &Question, variants: &[Variant], asked: Asked) -> Self {
        let first = variants.first().expect("there is at least one variant");
        let kinds: Vec<String> = first.setting.kinds().map(str::to_owned).collect();
        let starts = question.world.rollouts.first();
        let starts = starts.map_or(Span::ZERO, |rollout| rollout.starts);
        let mut digest = Hasher::default();
        for tried in variants
            .iter()
            .flat_map(|one| one.good.iter().chain(&one.bad))
        {
            digest = digest.part(format!("{tried:?}").as_bytes());
        }
        Self {
            note: RANKS,
            seed: asked.seed,
            trials: asked.trials,
            good: first.good.len(),
            bad: first.bad.len(),
            world: WorldTold::of(question, &first.setting),
            update: first
                .plan()
                .map(|plan| plan.update.clone())
                .unwrap_or_default(),
            assumptions: assumptions(question, &kinds),
            variants: variants
                .iter()
                .map(|one| VariantTold::of(one, starts))
                .collect(),
            comparisons: pairs(variants, asked.policies)
                .into_iter()
                .map(|(one, other)| Comparison::of(one, other))
                .collect(),
            remarks: remarks(variants, kinds.is_empty()),
            digest: digest.finish().to_string(),
        }
    }

    /// As text.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", bold(&format!("what if: {}", self.update)));
        text.push_str(&self.world.text());
        put(
            &mut text,
            format_args!(
                "{} futures for each: {} in which the update is good, {} in which it is bad; seed {}\n\n{}\n",
                grouped(self.trials),
                grouped(self.good as u64),
                grouped(self.bad as u64),
                self.seed,
                paint(Paint::Busy, RANKS)
            ),
        );
        text.push_str(&assumed::text(&self.assumptions));
        text.push_str(&self.table());
        text.push_str(&self.compared());
        for remark in &self.remarks {
            put(&mut text, format_args!("note: {remark}\n"));
        }
        put(
            &mut text,
            format_args!("digest {}\n", self.digest.get(..12).unwrap_or_default()),
        );
        text
    }

    /// What was tried, for a page.
    pub(super) fn facts(&self) -> String {
        format!(
            "{}\n{} futures for each: {} in which the update is good, {} in which it is bad; seed {}",
            self.world.plain(),
            grouped(self.trials),
            grouped(self.good as u64),
            grouped(self.bad as u64),
            self.seed
        )
    }

    /// What these futures can be known again by, for a page.
    pub(super) fn end(&self) -> String {
        format!("Digest {}", self.digest)
    }

    fn table(&self) -> String {
        let width = self.variants.iter().map(|one| one.label.chars().count());
        let width = width.max().unwrap_or(0).clamp(15, 26);
        let mut text = format!(
            "\n{}{:>20}{:>20}{:>8}{:>8}{:>15}\n{:width$}{:>12}{:>8}{:>12}{:>8}{:>8}{:>8}{:>15}\n",
            bold(&format!("{:width$}", "if it is bad")),
            "hit before the end",
            "or carrying harm",
            "it",
            "group",
            "expected",
            "",
            "median",
            "p95",
            "median",
            "p95",
            "halts",
            "lost",
            "harmed"
        );
        for one in &self.variants {
            let [
                label,
                hit,
                hit_p95,
                harmed,
                harmed_p95,
                halts,
                lost,
                expected,
            ] = one.bad_cells();
            put(
                &mut text,
                format_args!(
                    "{:width$}{hit:>12}{hit_p95:>8}{harmed:>12}{harmed_p95:>8}{halts:>8}{lost:>8}{expected:>15}\n",
                    cut(&label, width)
                ),
            );
        }
        put(
            &mut text,
            format_args!(
                "\n{}{:>22}{:>28}{:>21}\n{:width$}{:>13}{:>9}{:>14}{:>14}{:>21}\n",
                bold(&format!("{:width$}", "if it is good")),
                "exposed host-hours",
                "completed on",
                "expected",
                "",
                "median",
                "p95",
                "median",
                "p95",
                "broken into"
            ),
        );
        for one in &self.variants {
            let [label, exposed, exposed_p95, _, _, expected] = one.good_cells();
            let [finish, late] = &one.finish_short;
            put(
                &mut text,
                format_args!(
                    "{:width$}{exposed:>13}{exposed_p95:>9}{finish:>14}{late:>14}{expected:>21}\n",
                    cut(&label, width)
                ),
            );
        }
        put(&mut text, format_args!("\n{EXPLAINED}\n"));
        text
    }

    fn compared(&self) -> String {
        if self.comparisons.is_empty() {
            return String::new();
        }
        let mut text = format!(
            "\nthe same futures, one by one: in how many is which better ({} bad updates, {} good ones)\n",
            grouped(self.bad as u64),
            grouped(self.good as u64)
        );
        for pair in &self.comparisons {
            let (hit, less) = (pair.fewer_harmed, pair.less_exposure);
            put(
                &mut text,
                format_args!(
                    "  {} : {}   fewer harmed {} : {}, equal {};  less exposed {} : {}, equal {}\n",
                    pair.one,
                    pair.other,
                    hit.one,
                    hit.other,
                    hit.equal,
                    less.one,
                    less.other,
                    less.equal
                ),
            );
        }
        text
    }
}

impl VariantTold {
    fn of(variant: &Variant, starts: Span) -> Self {
        let starts = variant.setting.begins() + starts;
        let answer = &variant.answer;
        let finish = &answer.good.finish_minutes;
        let at = |minutes: u64| -> Option<Timestamp> {
            (finish.count > 0).then_some(starts + Span::minutes(minutes))
        };
        let short = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), date);
        let (median, p95) = (at(finish.median), at(finish.p95));
        let completed = variant.good.iter().filter(|tried| tried.is_completed);
        Self {
            label: variant.label.clone(),
            policy: variant.policy.clone(),
            soaks: variant.soaks.to_string(),
            targets: variant.plan().map_or(0, |plan| plan.slots.len()),
            answer: answer.clone(),
            exposure_milli: Spread::of(
                completed
                    .map(|tried| tried.exposure_ms.saturating_add(1800) / 3600)
                    .collect(),
            ),
            finish_median: median.map(|at| at.to_string()),
            finish_p95: p95.map(|at| at.to_string()),
            finish_short: [short(median), short(p95)],
        }
    }

    /// What a bad update comes to, as a row: label, hit (median, 95th percentile), hit or carrying (the same), how often
    /// it halts, how often a group is lost, hosts to be expected harmed.
    pub(super) fn bad_cells(&self) -> [String; 8] {
        let bad = &self.answer.bad;
        let futures = u64::from(bad.futures);
        [
            self.label.clone(),
            grouped(bad.hit.median),
            grouped(bad.hit.p95),
            grouped(bad.harmed.median),
            grouped(bad.harmed.p95),
            percent(u64::from(bad.halted), futures),
            percent(u64::from(bad.group_lost), futures),
            milli(self.answer.expected_harmed_milli),
        ]
    }

    /// What a good update comes to, as a row: label, host-hours of exposure (median, 95th percentile), how long it takes
    /// (the same), hosts to be expected broken into.
    pub(super) fn good_cells(&self) -> [String; 6] {
        let [takes, takes_p95] = self.lasts();
        let exposed = |milli_hours: u64| {
            if self.exposure_milli.count == 0 {
                "-".to_owned()
            } else {
                milli(milli_hours)
            }
        };
        // Where none is completed its hosts stay exposed, and nothing is known of what that costs.
        let breaches = if self.exposure_milli.count == 0 {
            "-".to_owned()
        } else {
            micro(self.answer.expected_breaches_millionths)
        };
        [
            self.label.clone(),
            exposed(self.exposure_milli.median),
            exposed(self.exposure_milli.p95),
            takes,
            takes_p95,
            breaches,
        ]
    }

    /// How long a good rollout takes: half of them, and 95 of a hundred.
    fn lasts(&self) -> [String; 2] {
        let finish = &self.answer.good.finish_minutes;
        [finish.median, finish.p95].map(|minutes| {
            if finish.count == 0 {
                "-".to_owned()
            } else {
                in_words(Span::minutes(minutes))
            }
        })
    }
}

/// Which are compared: every pair of a few policies, and otherwise each with the first policy as it is written.
fn pairs(variants: &[Variant], policies: usize) -> Vec<(&Variant, &Variant)> {
    if policies > 1 && variants.len() <= PAIRS_OF {
        let pairs = variants.iter().enumerate();
        return pairs
            .flat_map(|(index, one)| variants[index + 1..].iter().map(move |other| (one, other)))
            .collect();
    }
    let base = variants.iter().position(|one| one.soaks == Times::ONE);
    let base = base.unwrap_or(0);
    let others = variants.iter().enumerate();
    others
        .filter(|(index, _)| *index != base)
        .map(|(_, other)| (other, &variants[base]))
        .collect()
}

impl Comparison {
    /// Its numbers as a row.
    pub(super) fn cells(&self) -> [String; 8] {
        let (hit, less) = (self.fewer_harmed, self.less_exposure);
        [
            self.one.clone(),
            self.other.clone(),
            hit.one.to_string(),
            hit.other.to_string(),
            hit.equal.to_string(),
            less.one.to_string(),
            less.other.to_string(),
            less.equal.to_string(),
        ]
    }

    fn of(one: &Variant, other: &Variant) -> Self {
        let hit = |tried: &Tried| Some(u64::from(tried.harmed()));
        let exposure = |tried: &Tried| tried.is_completed.then_some(tried.exposure_ms);
        Self {
            one: one.label.clone(),
            other: other.label.clone(),
            fewer_harmed: Score::of(&one.bad, &other.bad, hit),
            less_exposure: Score::of(&one.good, &other.good, exposure),
        }
    }
}

impl Score {
    /// Less is better. Futures in which either says nothing do not count.
    fn of(one: &[Tried], other: &[Tried], number: impl Fn(&Tried) -> Option<u64>) -> Self {
        let mut score = Self::default();
        for (one, other) in one.iter().zip(other) {
            if let (Some(one), Some(other)) = (number(one), number(other)) {
                match one.cmp(&other) {
                    Ordering::Less => score.one += 1,
                    Ordering::Greater => score.other += 1,
                    Ordering::Equal => score.equal += 1,
                }
            }
        }
        score
    }
}

/// What limits what can be read from an answer.
fn remarks(variants: &[Variant], no_kinds: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    let targets = |variant: &Variant| -> BTreeSet<HostId> {
        let slots = variant.plan().map_or(&[][..], |plan| &plan.slots);
        slots.iter().map(|slot| slot.host).collect()
    };
    let mut all = variants.iter().map(targets);
    if let Some(first) = all.next()
        && all.any(|other| other != first)
    {
        remarks.push(
            "the policies do not have the same targets: a host that only one of them has is exposed, and can be hit, \
             only there"
                .to_owned(),
        );
    }
    if variants.iter().any(|one| one.soaks != Times::ONE)
        && !variants.iter().any(Variant::soaks_at_all)
    {
        remarks
            .push("no ring of the policy soaks: there is nothing that could be scaled".to_owned());
    }
    if no_kinds {
        remarks.push(
            "no target has a label that tells kinds of hosts apart: every bad update harms all kinds".to_owned(),
        );
    }
    if variants
        .iter()
        .any(|one| one.answer.good.completed < one.answer.good.futures)
    {
        remarks.push(
            "not every rollout of a good update was completed; exposure and finish are those of the completed ones"
                .to_owned(),
        );
    }
    let lost = variants.iter().filter(|one| one.answer.good.group_lost > 0);
    for one in lost {
        let good = &one.answer.good;
        remarks.push(format!(
            "{}: an availability group is lost in {} of the futures with a good update, too",
            one.label,
            percent(u64::from(good.group_lost), u64::from(good.futures))
        ));
    }
    remarks
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width - 1).collect();
    format!("{kept}~")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(hit: u32, exposure_ms: u64, is_completed: bool) -> Tried {
        Tried {
            seed: 0,
            is_completed,
            is_halted: false,
            hit,
            carrying: 0,
            groups_lost: 0,
            exposure_ms,
            over: None,
        }
    }

    #[test]
    fn a_comparison_goes_future_by_future_and_leaves_out_what_did_not_complete() {
        let one = [tried(0, 5, true), tried(3, 9, true), tried(2, 1, false)];
        let other = [tried(1, 4, true), tried(3, 9, true), tried(1, 1, true)];
        let hit = Score::of(&one, &other, |tried| Some(u64::from(tried.hit)));
        assert_eq!((hit.one, hit.other, hit.equal), (1, 1, 1));
        let exposure = |tried: &Tried| tried.is_completed.then_some(tried.exposure_ms);
        let less = Score::of(&one, &other, exposure);
        assert_eq!((less.one, less.other, less.equal), (0, 1, 1));
    }
}
