//! Halts that never come, budgets that are used up before them, and retries that outlast what they are watched by.

use ringway_model::Span;

use super::super::facts::Facts;
use super::super::finding::Found;
use super::rings_in_words;
use crate::words::hosts;

/// Rings that no number of failures halts.
pub(in super::super) fn no_halt(facts: &Facts<'_>, into: &mut Found) {
    let rings = facts.report.rings.iter().enumerate();
    let rings = rings.filter(|(at, _)| facts.plan.part_of(*at).is_none());
    for (_, ring) in rings.filter(|(_, ring)| ring.hosts > 0 && ring.halts_on.is_none()) {
        into.add(
            facts.in_policy().key("halt"),
            format!(
                "no number of failures halts ring `{}` ({})",
                ring.name,
                hosts(ring.hosts)
            ),
            "set `halt: { failed: 1 }`, or a smaller `counts_from`",
        );
    }
}

/// Rings that can fail as a whole without a halt.
pub(in super::super) fn cannot_halt(facts: &Facts<'_>, into: &mut Found) {
    let rings = facts.report.rings.iter().enumerate();
    // What is broken or at risk is not held back by a limit that is meant for a ring that somebody chose.
    let rings = rings.filter(|(at, ring)| ring.hosts > 0 && facts.plan.part_of(*at).is_none());
    for (_, ring) in rings {
        let Some(limit) = ring.halts_on.filter(|&limit| limit as usize > ring.hosts) else {
            continue;
        };
        into.add(
            facts.in_policy().key("halt"),
            format!(
                "ring `{}` ({}) halts on failure no. {limit}: all of it can fail without a halt",
                ring.name,
                hosts(ring.hosts)
            ),
            format!("set `halt: {{ failed: {} }}` or less", ring.hosts),
        );
    }
}

/// A budget that failed hosts use up before the ring halts. What is down stays down until a person decides, and takes
/// its place in the budget: nothing moves any more, and nothing halts either.
pub(in super::super) fn budget_below_halt(facts: &Facts<'_>, into: &mut Found) {
    let Some(budget) = facts.plan.budget_down else {
        return;
    };
    let stuck: Vec<usize> = facts
        .peopled()
        .filter(|&at| {
            let ring = &facts.plan.rings[at];
            let halts = ring.halt_on.filter(|&limit| limit <= ring.planned);
            halts.is_some_and(|limit| limit > budget)
        })
        .collect();
    let limits = stuck.iter().filter_map(|&at| facts.plan.rings[at].halt_on);
    let Some(limit) = limits.max() else { return };
    into.add(
        facts.in_policy().key("budget").key("down"),
        format!(
            "{} may be down at once, and {} after {budget} failures every place is taken by a \
             failed host: nothing moves, and the halt on failure no. {limit} never comes",
            hosts(budget as usize),
            match stuck.as_slice() {
                [_] => format!("in {}", rings_in_words(facts.report, &stuck)),
                _ => format!("in the {}", rings_in_words(facts.report, &stuck)),
            }
        ),
        format!("set `budget: {{ down: {limit} }}` or more, or halt on an earlier failure"),
    );
}

/// Retries that go on for longer than a ring soaks.
pub(in super::super) fn retries_outlast_soak(facts: &Facts<'_>, into: &mut Found) {
    let retry = &facts.plan.retry;
    // The wait doubles with each attempt: `wait` times 1 + 2 + 4 + ...
    let waits = 1_u64
        .checked_shl(u32::from(retry.times))
        .map_or(u64::MAX, |all| all - 1);
    let total = retry.wait.times(waits);
    if total == Span::ZERO {
        return;
    }
    let shorter: Vec<usize> = facts
        .peopled()
        .filter(|&at| facts.plan.rings[at].soak < total)
        .collect();
    let Some(&first) = shorter.first() else {
        return;
    };
    into.add(
        facts.in_policy().key("retry"),
        format!(
            "a step may fail and be tried again for {total} ({} times, first after {}), longer \
             than the soak of {}: ring `{}` soaks for {}",
            retry.times,
            retry.wait,
            rings_in_words(facts.report, &shorter),
            facts.plan.rings[first].name,
            facts.plan.rings[first].soak
        ),
        "fewer `times` or a shorter `wait`; a step that fails for so long is a fault to look at",
    );
}
