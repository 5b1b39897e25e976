//! A lane: a reviewed way for rollouts of a policy to hurry.
//!
//! What it may change is here, field by field; what never gives way has no field, so that nothing can. A policy in a lane is
//! a policy again: whoever makes plans knows of no other rules.

use std::num::NonZeroU32;

use ringway_model::{Labels, Selector, Share, Span};
use serde::{Deserialize, Serialize};

use super::{Approvals, FreezeOverride, Policy, Ramp, Update};

/// A way to hurry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// For which updates: a condition over [`Update::traits_of`].
    pub allowed_when: Selector,
    /// How much shorter soaks are; absent: they are as long.
    pub soak: Option<LaneSoak>,
    /// Whether soaks need no working time.
    pub ignores_working_time: bool,
    /// Whether windows do not count, those that are binding aside.
    pub ignores_windows: bool,
    /// Whether its rollouts work in freezes, those that are binding aside, if somebody says why.
    pub overrides_freezes: bool,
    /// What its start, and entering it, needs instead of the policy's `start`.
    pub start: Option<Approvals>,
    /// What going on after a ring needs, for rings that need something.
    pub after_soak: Option<Approvals>,
    /// How fast.
    pub pace: LanePace,
}

/// How much shorter soaks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneSoak {
    /// This part of what the ring says.
    pub scale: Share,
    /// And never shorter than this, where the ring's own is not.
    pub at_least: Span,
}

/// What of a policy's pace is another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanePace {
    /// Visits at once, at the most.
    pub at_once: Option<NonZeroU32>,
    /// How the number at once grows.
    pub ramp: Option<Ramp>,
}

impl Lane {
    /// For which updates it is, as people write it.
    pub fn condition(&self) -> String {
        let text = self.allowed_when.to_string();
        // What is so or not is written by its name alone.
        ["exploited", "disclosed"].iter().fold(text, |text, name| {
            text.replace(&format!("{name} = yes"), name)
        })
    }
}

impl LaneSoak {
    /// What is left of a ring's soak: its part, rounded up to seconds, never under the least and never over the ring's own.
    pub fn of(self, own: Span) -> Span {
        scaled(own, self.scale).max(self.at_least).min(own)
    }

    /// What is left of the working time that a soak needs.
    pub fn of_working_time(self, own: Span) -> Span {
        scaled(own, self.scale)
    }
}

fn scaled(own: Span, scale: Share) -> Span {
    const WHOLE: u128 = 1_000_000;
    let part = u128::from(own.millis()) * u128::from(scale.millionths());
    let seconds = part.div_ceil(WHOLE * 1000);
    u64::try_from(seconds * 1000).map_or(own, |millis| Span(millis).min(own))
}

impl Policy {
    /// The policy as it is in one of its lanes. Whether windows count is not in it: see [`Lane::ignores_windows`].
    #[must_use]
    pub fn in_lane(&self, lane: &Lane) -> Self {
        let mut policy = self.clone();
        for ring in &mut policy.rings {
            if let Some(soak) = lane.soak {
                ring.soak = soak.of(ring.soak);
                ring.working_time = ring.working_time.map(|time| soak.of_working_time(time));
            }
            if lane.ignores_working_time {
                ring.working_time = None;
            }
            if ring.after_soak.is_some() && lane.after_soak.is_some() {
                ring.after_soak.clone_from(&lane.after_soak);
            }
        }
        if lane.start.is_some() {
            policy.start.clone_from(&lane.start);
        }
        if lane.overrides_freezes {
            policy.calendar.freeze_override = FreezeOverride::WithReason;
        }
        policy.pace.at_once = lane.pace.at_once.unwrap_or(policy.pace.at_once);
        policy.pace.ramp = lane.pace.ramp.unwrap_or(policy.pace.ramp);
        policy
    }
}

impl Update {
    /// What lanes may ask of an update.
    pub const TRAITS: [&str; 4] = ["severity", "exploited", "disclosed", "name"];

    /// What is so of it: its severity, and whether anything it mends is exploited, or was public before it was mended.
    pub fn traits_of(&self) -> Labels {
        let word = |is: bool| if is { "yes" } else { "no" };
        let exploited = self.cves.iter().any(|cve| cve.exploited);
        let disclosed = self.cves.iter().any(|cve| cve.disclosed);
        let severity = self.severity.as_deref().map(|it| ("severity", it));
        [
            ("exploited", word(exploited)),
            ("disclosed", word(disclosed)),
        ]
        .into_iter()
        .chain(severity)
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soak_is_scaled_rounded_up_and_kept_between_its_bounds() {
        let soak = |millionths, at_least| LaneSoak {
            scale: Share::from_millionths(millionths).unwrap(),
            at_least,
        };
        for (own, scale, at_least, expected) in [
            (
                Span::hours(24),
                100_000,
                Span::minutes(30),
                Span::minutes(144),
            ),
            (
                Span::hours(4),
                100_000,
                Span::minutes(30),
                Span::minutes(30),
            ),
            (
                Span::minutes(10),
                100_000,
                Span::minutes(30),
                Span::minutes(10),
            ),
            (Span::seconds(5), 500_000, Span::ZERO, Span::seconds(3)),
            (Span(1500), 1, Span::ZERO, Span::seconds(1)),
            (Span(500), 900_000, Span::ZERO, Span(500)),
            (Span::ZERO, 100_000, Span::minutes(30), Span::ZERO),
        ] {
            assert_eq!(soak(scale, at_least).of(own), expected, "{own} {scale}");
        }
    }
}
