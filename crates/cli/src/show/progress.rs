//! What has changed between two views, one line each: the account that `run` gives while it works.

use ringway_engine::view::{FleetView, RingView, RolloutView};

use super::words::{hosts, until};

/// A line for each change that a person would want to read.
pub(crate) fn changes(before: Option<&FleetView>, now: &FleetView) -> Vec<String> {
    let mut lines = Vec::new();
    let was_stopped = before.is_some_and(|view| view.stopped.is_some());
    match (&now.stopped, was_stopped) {
        (Some(on), false) => lines.push(format!("everything stopped: {on}")),
        (None, true) => lines.push("the fleet goes on".to_owned()),
        (Some(_), true) | (None, false) => {}
    }
    for rollout in &now.rollouts {
        let old = before.and_then(|view| view.rollouts.iter().find(|r| r.id == rollout.id));
        // What was over when we came is nobody's news.
        if old.is_none() && rollout.is_final {
            continue;
        }
        rollout_changes(old, rollout, now, &mut lines);
    }
    lines
}

fn rollout_changes(
    old: Option<&RolloutView>,
    new: &RolloutView,
    fleet: &FleetView,
    lines: &mut Vec<String>,
) {
    let id = new.id;
    for (index, ring) in new.rings.iter().enumerate() {
        let old_ring = old.and_then(|r| r.rings.get(index));
        ring_changes(&format!("{id} {}", ring.name), old_ring, ring, fleet, lines);
    }
    if old.is_none_or(|o| o.state != new.state) {
        let why = new.waiting.first().filter(|_| !new.is_final);
        match why {
            Some(waiting) if waiting.why != new.state => {
                lines.push(format!("{id} is {}: {}", new.state, waiting.why));
            }
            Some(_) | None => lines.push(format!("{id} is {}", new.state)),
        }
    }
    let (old_wish, wish) = (old.and_then(|o| o.approval.as_ref()), new.approval.as_ref());
    if let Some(wish) = wish.filter(|w| w.due && old_wish.is_none_or(|o| !o.due || o.by != w.by)) {
        let (have, need) = (wish.by.len(), wish.need);
        lines.push(format!(
            "{id} waits for approval of {}: {have} of {need}; `ringway approve` gives one",
            wish.starts
        ));
    }
}

fn ring_changes(
    name: &str,
    old: Option<&RingView>,
    new: &RingView,
    fleet: &FleetView,
    lines: &mut Vec<String>,
) {
    let count = |of: fn(&RingView) -> u32| (old.map_or(0, of), of(new));
    for (of, word) in [
        ((|r| r.done) as fn(&RingView) -> u32, "done"),
        (|r| r.failed, "failed"),
        (|r| r.withheld, "applied, restart withheld"),
        (|r| r.debt, "offline or held"),
        (|r| r.rolled_back, "rolled back"),
    ] {
        let (before, after) = count(of);
        if after > before && old.is_some() {
            lines.push(format!("{name}: {after} of {} {word}", new.planned));
        }
    }
    if old.is_none_or(|o| o.phase == new.phase) {
        return;
    }
    match (new.phase.as_str(), new.soak_until) {
        ("visiting", _) => lines.push(format!("{name}: begins, {}", hosts(new.planned))),
        ("soaking", Some(at)) => lines.push(format!("{name}: soaks until {}", until(fleet.at, at))),
        (phase, _) => lines.push(format!("{name}: {phase}")),
    }
}
