//! Lanes that hurry nobody, or in part.

use ringway_policy::validated::{FreezeOverride, Lane, Policy};

use super::super::facts::Facts;
use super::super::finding::Found;

/// A lane in which a rollout is as it is without.
pub(in super::super) fn changes_nothing(facts: &Facts<'_>, found: &mut Found) {
    let Some(policy) = facts.documents.policies.get(&facts.plan.policy) else {
        return;
    };
    for lane in policy.lanes.values().filter(|lane| is_idle(policy, lane)) {
        let message = format!(
            "lane `{}` changes nothing of policy `{}`",
            lane.name, policy.name
        );
        let hint = "say what is quicker in it, for example `soak: { scale: 0.1, at_least: 30m }`; or leave it out";
        found.add(
            facts.in_policy().key("lanes").key(&lane.name),
            message,
            hint,
        );
    }
}

/// A ring that the least of a lane leaves as it is.
pub(in super::super) fn longer_than_soak(facts: &Facts<'_>, found: &mut Found) {
    let Some(policy) = facts.documents.policies.get(&facts.plan.policy) else {
        return;
    };
    for lane in policy.lanes.values() {
        let Some(soak) = lane.soak else { continue };
        let kept = policy.rings.iter();
        let kept =
            kept.filter(|ring| ring.soak > ringway_model::Span::ZERO && soak.at_least >= ring.soak);
        let names: Vec<String> = kept.map(|ring| format!("`{}`", ring.name)).collect();
        if names.is_empty() {
            continue;
        }
        let message = format!(
            "lane `{}` asks for {} of soak at least, which is no shorter than that of {}",
            lane.name,
            soak.at_least,
            names.join(", ")
        );
        let hint =
            "those rings soak in the lane as long as without it: ask for less, or accept that";
        found.add(
            facts.in_policy().key("lanes").key(&lane.name),
            message,
            hint,
        );
    }
}

/// Whether a policy in a lane is the policy.
fn is_idle(policy: &Policy, lane: &Lane) -> bool {
    let mut hurried = policy.in_lane(lane);
    // What it takes to enter a lane makes nothing quicker.
    hurried.start.clone_from(&policy.start);
    let has_freezes = policy.calendar.freeze_override == FreezeOverride::WithReason;
    hurried == *policy && !lane.ignores_windows && (!lane.overrides_freezes || has_freezes)
}
