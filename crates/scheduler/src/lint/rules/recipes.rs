//! What the update and its recipe leave out.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Place, Span, StepKind};
use ringway_policy::validated::OTHER;
use ringway_policy::{At, Kind, nearest};

use super::super::facts::Facts;
use super::super::finding::Found;
use super::list;
use crate::plan::{More, RingPlan};
use crate::words::{hosts, several};

/// A recipe that cannot tell what is installed.
pub(in super::super) fn no_inspect(facts: &Facts<'_>, into: &mut Found) {
    let routes = facts.plan.routes.iter();
    let blind = routes.filter(|route| {
        let mut steps = route.steps.iter();
        // Whoever does it by hand sees what is there, and nobody interrupts them unseen.
        steps.all(|step| step.kind != StepKind::Inspect && !step.is_by_hand())
    });
    let blind: BTreeSet<&str> = blind.map(|route| route.recipe.as_str()).collect();
    for recipe in blind {
        into.add(
            At::document(Kind::Recipe, recipe).key("steps"),
            format!(
                "recipe `{recipe}` cannot tell what is installed: every host is updated, and an interrupted step cannot be checked"
            ),
            "give it an `inspect` step",
        );
    }
}

/// Hosts that cannot be taken back.
pub(in super::super) fn no_rollback(facts: &Facts<'_>, into: &mut Found) {
    let names = &facts.report.without_rollback;
    if !names.is_empty() {
        into.add(
            facts.in_update().key("recipe"),
            format!(
                "{} cannot be taken back: {}",
                hosts(names.len()),
                list(names.iter().map(String::as_str))
            ),
            "a recipe rolls back with a `rollback` step and an `inspect` step that has `previous`",
        );
    }
}

/// A restart whose command may hang for longer than the host has to come back.
pub(in super::super) fn restart_timeout(facts: &Facts<'_>, into: &mut Found) {
    let mut seen = BTreeSet::new();
    for route in &facts.plan.routes {
        for step in &route.steps {
            let More::Reboot { back_within, .. } = &step.more else {
                continue;
            };
            let timeout = step.step.timeout;
            if timeout <= *back_within || !seen.insert(&route.recipe) {
                continue;
            }
            into.add(
                At::document(Kind::Recipe, &route.recipe)
                    .key("steps")
                    .key("reboot")
                    .key("timeout"),
                format!(
                    "recipe `{}`: the command that restarts may take {timeout}, and the host has \
                     to be back within {back_within}: one that hangs is away for {} before it \
                     counts as failed",
                    route.recipe,
                    timeout.plus(*back_within)
                ),
                "bound the command: `reboot: { timeout: 1m, .. }`",
            );
        }
    }
}

/// What hosts are protected by is over before what their ring is observed for.
pub(in super::super) fn kept_too_short(facts: &Facts<'_>, into: &mut Found) {
    let plan = facts.plan;
    // By recipe: how long it keeps, and the ring with the longest soak that has hosts of it.
    let mut short: BTreeMap<&str, (Span, usize)> = BTreeMap::new();
    for (ring, planned) in plan.rings.iter().enumerate() {
        let routes: BTreeSet<usize> = planned
            .slots()
            .map(|slot| plan.slots[slot].route.index())
            .collect();
        for route in routes.into_iter().map(|route| &plan.routes[route]) {
            let protect = route.step_for(StepKind::Protect);
            let Some(More::Protect { keep }) = protect.map(|step| &step.more) else {
                continue;
            };
            if *keep >= planned.soak {
                continue;
            }
            let entry = short.entry(&route.recipe).or_insert((*keep, ring));
            if plan.rings[entry.1].soak < planned.soak {
                *entry = (*keep, ring);
            }
        }
    }
    for (recipe, (keep, ring)) in short {
        let RingPlan { name, soak, .. } = &plan.rings[ring];
        into.add(
            At::document(Kind::Recipe, recipe)
                .key("steps")
                .key("protect")
                .key("keep"),
            format!(
                "recipe `{recipe}` keeps what it makes for {keep}, and ring `{name}` is observed for {soak}: it is removed as \
                 soon as the rollout is over, and whoever finds harm then has nothing to go back to"
            ),
            "keep it for longer than the longest soak: `protect: { keep: 7d, .. }`",
        );
    }
}

/// Hosts that nobody stands beside who could bring them back.
pub(in super::super) fn recovery_without_peer(facts: &Facts<'_>, into: &mut Found) {
    let plan = facts.plan;
    // By recipe: whom it does not bring back.
    let mut alone: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for slot in &plan.slots {
        let route = &plan.routes[slot.route.index()];
        let recovery = route.step_for(StepKind::Recovery);
        if recovery.is_none_or(|step| step.step.at != Place::Peer) {
            continue;
        }
        let host = facts.host(slot.host);
        let cell = host.cell.map(|cell| &facts.fleet.cells[cell.index()]);
        if cell.is_none_or(|cell| cell.members.len() < 2) {
            alone.entry(&route.recipe).or_default().push(&host.name);
        }
    }
    for (recipe, names) in alone {
        into.add(
            At::document(Kind::Recipe, recipe)
                .key("steps")
                .key("recovery")
                .key("at"),
            format!(
                "recipe `{recipe}` brings a host back from a peer, and {} without one: {}; there it is never tried",
                several(names.len(), "host is", "hosts are"),
                list(names.iter().copied())
            ),
            "give their group a `keep_up`, so that it has members, or let the step run `at: controller`",
        );
    }
}

/// An update that does not say how bad what it mends is.
pub(in super::super) fn no_severity(facts: &Facts<'_>, into: &mut Found) {
    if facts
        .update()
        .is_some_and(|update| update.severity.is_none())
    {
        into.add(
            facts.in_update(),
            format!(
                "update `{}` does not say how bad what it mends is",
                facts.plan.update
            ),
            "add `severity: critical`, `important` or your own word: people see it where they approve",
        );
    }
}

/// A severity that is a slip of the finger away from one that `due` speaks of, and so counts as `other`, or as none.
pub(in super::super) fn misspelt_severity(facts: &Facts<'_>, into: &mut Found) {
    let (Some(policy), Some(update)) = (facts.policy(), facts.update()) else {
        return;
    };
    let known = policy.due.keys().map(String::as_str);
    let known = known.filter(|name| *name != OTHER);
    let Some(severity) = &update.severity else {
        return;
    };
    if policy.due.contains_key(severity) {
        return;
    }
    let Some(near) = nearest(severity, known) else {
        return;
    };
    let due = match policy.due.get(OTHER) {
        Some(within) => format!("is due within {within}, as `{OTHER}`"),
        None => "has no due date".to_owned(),
    };
    into.add(
        facts.in_update().key("severity"),
        format!(
            "policy `{}` says nothing of severity `{severity}`, so update `{}` {due}",
            policy.name, update.name
        ),
        format!("did you mean `{near}`?"),
    );
}
