//! One future summed up: how each rollout went, who was hit, when and why it halted. Pure: a value for programs, and the
//! same as text.

use std::collections::BTreeSet;

use ringway_model::{HostId, Span};
use ringway_scheduler::Plan;
use ringway_simulator::future::{Ended, Outcome, RingTimes, RolloutOutcome, Setting};
use serde::Serialize;

use super::question::Question;
use super::story::{Chronicle, Story, Told};
use super::words::{clock, full_date, grouped, some};
use crate::show::{Paint, bold, hosts, in_words, paint, put};

/// Names that are shown of one ring.
const NAMES: usize = 8;

/// What the world is like that no document describes.
const CALM: &str =
    "no document describes a world: in this one nothing goes wrong by itself, and people answer";

/// The world in which something was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct WorldTold {
    name: String,
    /// Whether no document describes it.
    built_in: bool,
    begins: String,
    fleet: String,
    hosts: usize,
}

impl WorldTold {
    pub(super) fn of(question: &Question, setting: &Setting) -> Self {
        Self {
            name: question.world.name.clone(),
            built_in: question.is_built_in,
            begins: setting.begins().to_string(),
            fleet: question.fleet.name.clone(),
            hosts: question.fleet.hosts.len(),
        }
    }

    /// The same without colours.
    pub(super) fn plain(&self) -> String {
        let mut text = format!(
            "Fleet {}, {}; world {}{}, from {}",
            self.fleet,
            hosts(u32::try_from(self.hosts).unwrap_or(u32::MAX)),
            self.name,
            if self.built_in { " (built in)" } else { "" },
            self.begins
        );
        if self.built_in {
            put(&mut text, format_args!("\n{CALM}"));
        }
        text
    }

    /// The line above everything; where nobody described a world, what that means.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "fleet {}, {}; world {} from {}\n",
            self.fleet,
            hosts(u32::try_from(self.hosts).unwrap_or(u32::MAX)),
            bold(&self.name),
            self.begins
        );
        if self.built_in {
            put(&mut text, format_args!("  {CALM}\n"));
        }
        text
    }
}

/// One future.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct FutureTold {
    pub(super) seed: u64,
    pub(super) world: WorldTold,
    pub(super) rollouts: Vec<RolloutTold>,
    /// Availability groups that had too few members in service, by name.
    groups_lost: Vec<String>,
    /// From the world's beginning until nothing could happen any more.
    lasted_ms: Span,
    /// How many events there were, and the digest of all of them: equal where the same happened.
    events: u64,
    digest: String,
    broken_rule: Option<BrokenRule>,
    /// The story, or the part of it that was asked for.
    lines: Vec<Told>,
    lines_left_out: usize,
}

/// A rule that the checkers found broken.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct BrokenRule {
    rule: String,
    at: String,
    what: String,
}

/// One rollout.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RolloutTold {
    /// As the lines call it.
    id: Option<String>,
    pub(super) policy: String,
    pub(super) update: String,
    /// `completed`, `rolled back`, `cancelled`, `left halted`, `waits`, `refused`.
    pub(super) ended: &'static str,
    /// What it waits for, or why it was refused.
    why: Option<String>,
    started: Option<String>,
    pub(super) over: Option<String>,
    over_after_ms: Option<Span>,
    pub(super) targets: u32,
    pub(super) updated: u32,
    /// Targets on which the update's harm showed.
    pub(super) hit: u32,
    /// Targets that carry harm which nobody has seen.
    pub(super) carrying: u32,
    pub(super) exposure_hours: u64,
    pub(super) halts: Vec<HaltTold>,
    pub(super) rings: Vec<RingTold>,
}

/// A halt.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct HaltTold {
    /// From the world's beginning on.
    pub(super) at_ms: Span,
    pub(super) why: String,
    /// Targets that had the update, and those on which its harm had shown; known of the first halt.
    updated: Option<u32>,
    hit: Option<u32>,
}

/// A ring.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RingTold {
    #[serde(flatten)]
    pub(super) times: RingTimes,
    /// Hosts on which the update's harm showed.
    hit: Vec<String>,
    /// Hosts on which Ringway saw a visit go wrong, for whatever reason.
    failed: Vec<String>,
}

impl FutureTold {
    /// What became of a future; so many lines of its story, or all.
    pub(super) fn of(
        question: &Question,
        setting: &Setting,
        outcome: &Outcome,
        story: &Story,
        lines: Option<usize>,
    ) -> Self {
        let shown = story.shown(lines);
        let (digest, events) = outcome.digest.map_or_else(
            || (String::new(), 0),
            |(digest, count)| (digest.to_string(), count),
        );
        let rollouts = outcome
            .rollouts
            .iter()
            .zip(&outcome.plans)
            .enumerate()
            .map(|(place, (rollout, plan))| {
                let hit = outcome
                    .struck
                    .hosts
                    .get(place)
                    .map_or(&[][..], Vec::as_slice);
                let none = Chronicle::default();
                let chronicle = story.chronicles.get(place).unwrap_or(&none);
                RolloutTold::of(setting, plan, rollout, chronicle, hit)
            })
            .collect();
        let kept: Vec<&str> = setting.kept().collect();
        Self {
            seed: outcome.seed,
            world: WorldTold::of(question, setting),
            rollouts,
            groups_lost: outcome
                .struck
                .cells
                .iter()
                .filter_map(|&cell| kept.get(cell))
                .map(|name| (*name).to_owned())
                .collect(),
            lasted_ms: outcome.lasted,
            events,
            digest,
            broken_rule: outcome.violation.as_ref().map(|violation| BrokenRule {
                rule: violation.invariant.to_string(),
                at: violation.at.to_string(),
                what: violation.what.clone(),
            }),
            lines: shown.all().cloned().collect(),
            lines_left_out: shown.left_out,
        }
    }

    /// The story and what it comes to.
    pub(super) fn text(&self, story: &Story, lines: Option<usize>) -> String {
        let mut text = self.world.text();
        text.push('\n');
        let shown = story.shown(lines);
        let mut tell = |told: &[&Told]| {
            for line in told {
                put(
                    &mut text,
                    format_args!("{}  {}\n", clock(line.at_ms), line.text),
                );
            }
        };
        tell(&shown.first);
        if shown.left_out > 0 {
            let note = format!(
                "{} lines like these; `--all` shows every event",
                shown.left_out
            );
            put(
                &mut text,
                format_args!("{:>13}  {}\n", "...", paint(Paint::Faint, &note)),
            );
        }
        let mut tell = |told: &[&Told]| {
            for line in told {
                put(
                    &mut text,
                    format_args!("{}  {}\n", clock(line.at_ms), line.text),
                );
            }
        };
        tell(&shown.last);
        text.push_str(&self.summary());
        text
    }

    /// The same words for a page: what was tried.
    pub(super) fn facts(&self) -> String {
        self.world.plain()
    }

    /// The lines of the story that are there.
    pub(super) fn lines_text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            put(
                &mut text,
                format_args!("{}  {}\n", clock(line.at_ms), line.text),
            );
        }
        if self.lines_left_out > 0 {
            put(
                &mut text,
                format_args!("{} more lines are left out\n", self.lines_left_out),
            );
        }
        text
    }

    /// Which groups were lost, and what this future can be known again by.
    pub(super) fn end(&self) -> String {
        let lost = if self.groups_lost.is_empty() {
            "none".to_owned()
        } else {
            self.groups_lost.join(", ")
        };
        let broken = self.fault().map(|fault| format!("\nBROKEN: {fault}"));
        format!(
            "Availability groups lost: {lost}\nSeed {}, {} events, digest {}{}",
            self.seed,
            self.events,
            self.digest,
            broken.unwrap_or_default()
        )
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        for rollout in &self.rollouts {
            text.push('\n');
            text.push_str(&rollout.text());
        }
        let lost = if self.groups_lost.is_empty() {
            "none".to_owned()
        } else {
            paint(Paint::Bad, &some(&self.groups_lost, NAMES))
        };
        put(
            &mut text,
            format_args!("\navailability groups lost: {lost}\n"),
        );
        put(
            &mut text,
            format_args!(
                "seed {}: {} events, digest {}; every rule was checked after each of them\n",
                self.seed,
                self.events,
                self.digest.get(..12).unwrap_or_default()
            ),
        );
        text
    }

    /// The report of a rule that was broken.
    pub(super) fn fault(&self) -> Option<String> {
        let broken = self.broken_rule.as_ref()?;
        Some(format!(
            "rule {} was broken at {}: {}; seed {} with these documents shows it again",
            broken.rule, broken.at, broken.what, self.seed
        ))
    }
}

impl RolloutTold {
    fn of(
        setting: &Setting,
        plan: &Plan,
        rollout: &RolloutOutcome,
        chronicle: &Chronicle,
        hit: &[HostId],
    ) -> Self {
        let date = |after: Option<Span>| {
            let began = setting.begins() + rollout.began_ms?;
            Some(full_date(began + after?))
        };
        let name = |host: HostId| {
            let host = setting.fleet().hosts.get(host.index());
            host.map(|host| host.name.clone()).unwrap_or_default()
        };
        let rings = rollout.rings.iter().zip(&plan.rings).map(|(times, ring)| {
            let slots = ring.slots();
            let hosts: BTreeSet<HostId> = slots.clone().map(|slot| plan.slots[slot].host).collect();
            let failed = chronicle.failed.iter();
            RingTold {
                times: times.clone(),
                hit: hit
                    .iter()
                    .filter(|host| hosts.contains(host))
                    .map(|&host| name(host))
                    .collect(),
                failed: failed
                    .filter(|slot| slots.contains(&slot.index()))
                    .map(|slot| name(plan.slots[slot.index()].host))
                    .collect(),
            }
        });
        let first = rollout.halt;
        let halts = chronicle
            .halts
            .iter()
            .enumerate()
            .map(|(n, (at, why))| HaltTold {
                at_ms: *at,
                why: why.clone(),
                updated: first.filter(|_| n == 0).map(|halt| halt.updated),
                hit: first.filter(|_| n == 0).map(|halt| halt.hit),
            });
        Self {
            id: chronicle.id.map(|id| id.to_string()),
            policy: rollout.policy.clone(),
            update: rollout.update.clone(),
            ended: rollout.ended.word(),
            why: match &rollout.ended {
                Ended::Waits(why) | Ended::Refused(why) => Some(why.clone()),
                Ended::Completed
                | Ended::RolledBack
                | Ended::Cancelled
                | Ended::Superseded
                | Ended::LeftHalted => None,
            },
            started: date(Some(Span::ZERO)),
            over: date(rollout.over_ms),
            over_after_ms: rollout.over_ms,
            targets: rollout.targets,
            updated: rollout.updated,
            hit: rollout.hit,
            carrying: rollout.carrying,
            exposure_hours: rollout.exposure_hours(),
            halts: halts.collect(),
            rings: rings.collect(),
        }
    }

    /// How it went, in a line.
    pub(super) fn heading(&self) -> String {
        let mut text = format!("{} by policy {}: {}", self.update, self.policy, self.ended);
        if let (Some(over), Some(after)) = (&self.over, self.over_after_ms) {
            put(
                &mut text,
                format_args!(" {over}, after {}", in_words(after)),
            );
        }
        text
    }

    /// What there is to say beside the numbers of its rings.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut all = Vec::new();
        all.extend(self.why.iter().map(|why| format!("It waits: {why}")));
        for halt in &self.halts {
            let by_then = match (halt.updated, halt.hit) {
                (Some(updated), Some(hit)) => format!(
                    " By then {updated} of {} had the update, and its harm had shown on {hit}.",
                    hosts(self.targets)
                ),
                (_, _) => String::new(),
            };
            let at = clock(halt.at_ms);
            all.push(format!(
                "Halted at {}: {}.{by_then}",
                at.trim_start(),
                halt.why
            ));
        }
        for line in self.harm().lines() {
            let words = line.trim_start();
            // What is further in is about one ring.
            let ring = if line.starts_with("    ") {
                "Ring "
            } else {
                ""
            };
            all.push(format!("{ring}{words}"));
        }
        all.push(format!(
            "Exposure: {} host-hours without the update; {} of {} have it at the end.",
            grouped(self.exposure_hours),
            self.updated,
            hosts(self.targets)
        ));
        all
    }

    fn text(&self) -> String {
        let colour = if self.ended == Ended::Completed.word() {
            Paint::Good
        } else {
            Paint::Bad
        };
        let mut text = format!(
            "{}  {} by policy {}   {}",
            bold(self.id.as_deref().unwrap_or("-")),
            self.update,
            self.policy,
            paint(colour, self.ended)
        );
        if let (Some(over), Some(after)) = (&self.over, self.over_after_ms) {
            put(
                &mut text,
                format_args!(" {over}, after {}", in_words(after)),
            );
        }
        if let Some(why) = &self.why {
            put(&mut text, format_args!(": {why}"));
        }
        text.push('\n');
        text.push_str(&self.lanes());
        for halt in &self.halts {
            let why = format!("halted: {}", halt.why);
            put(
                &mut text,
                format_args!(
                    "  {} {}\n",
                    clock(halt.at_ms).trim_start(),
                    paint(Paint::Bad, &why)
                ),
            );
            if let (Some(updated), Some(hit)) = (halt.updated, halt.hit) {
                put(
                    &mut text,
                    format_args!(
                        "    by then {updated} of {} had the update, and its harm had shown on {hit}\n",
                        hosts(self.targets)
                    ),
                );
            }
        }
        text.push_str(&self.harm());
        put(
            &mut text,
            format_args!(
                "  Exposure: {} host-hours without the update; {} of {} have it at the end\n",
                grouped(self.exposure_hours),
                self.updated,
                hosts(self.targets)
            ),
        );
        text
    }

    /// Each ring's times, from the rollout's start on.
    fn lanes(&self) -> String {
        let width = self.rings.iter().map(|ring| ring.times.name.len());
        let width = width.max().unwrap_or(0).max(4);
        let mut text = format!(
            "  {:width$} {:>6} {:>9} {:>9} {:>9} {:>9}  {:>5} {:>6}\n",
            "ring", "hosts", "begins", "settled", "soaked", "promoted", "hit", "failed"
        );
        for ring in &self.rings {
            let [
                name,
                planned,
                opened,
                settled,
                soaked,
                promoted,
                hit,
                failed,
            ] = ring.cells();
            put(
                &mut text,
                format_args!(
                    "  {name:width$} {planned:>6} {opened:>9} {settled:>9} {soaked:>9} {promoted:>9}  {hit:>5} {failed:>6}\n"
                ),
            );
        }
        text
    }

    /// Who was hit, and who failed for other reasons.
    fn harm(&self) -> String {
        let mut text = String::new();
        put(
            &mut text,
            format_args!("  Harm by the update: {}", hosts(self.hit)),
        );
        if self.carrying > 0 {
            put(
                &mut text,
                format_args!(", and {} that carry it unseen", self.carrying),
            );
        }
        text.push('\n');
        for ring in &self.rings {
            if !ring.hit.is_empty() {
                put(
                    &mut text,
                    format_args!("    {}: {}\n", ring.times.name, some(&ring.hit, NAMES)),
                );
            }
            let hit: BTreeSet<&String> = ring.hit.iter().collect();
            let others = ring.failed.iter().filter(|host| !hit.contains(host));
            let others: Vec<&String> = others.collect();
            if !others.is_empty() {
                put(
                    &mut text,
                    format_args!(
                        "    {}: failed without harm by the update: {}\n",
                        ring.times.name,
                        some(&others, NAMES)
                    ),
                );
            }
        }
        text
    }
}

impl RingTold {
    /// Its numbers as a row: name, hosts, begins, settled, soaked, promoted, hit, failed.
    pub(super) fn cells(&self) -> [String; 8] {
        let times = &self.times;
        let at = |at: Option<Span>| at.map_or_else(|| "-".to_owned(), in_words);
        [
            times.name.clone(),
            times.planned.to_string(),
            at(times.opened_ms),
            at(times.settled_ms),
            at(times.soaked_ms),
            at(times.promoted_ms),
            self.hit.len().to_string(),
            self.failed.len().to_string(),
        ]
    }
}
