//! What an observed run comes to: what a real one would have done. Pure.

use std::collections::BTreeMap;

use ringway_engine::view::HostView;
use ringway_model::{HostOutcome, RolloutId};

use super::words::{hosts as count, put};

/// Names that are listed; the rest is counted.
const NAMES: usize = 8;

/// The summary.
pub(crate) fn observed(rollout: RolloutId, hosts: &[HostView]) -> String {
    let mut groups: BTreeMap<usize, (String, Vec<&str>)> = BTreeMap::new();
    for host in hosts {
        let (order, what) = what(host);
        let group = groups
            .entry(order)
            .or_insert_with(|| (what.to_owned(), Vec::new()));
        group.1.push(&host.host);
    }
    let mut text = format!("{rollout} was only observed; a real run:\n");
    for (order, (what, names)) in groups {
        let total = u32::try_from(names.len()).unwrap_or(u32::MAX);
        put(&mut text, format_args!("  {what}: {}", count(total)));
        if order > 1 {
            let shown = names
                .iter()
                .take(NAMES)
                .copied()
                .collect::<Vec<_>>()
                .join(", ");
            put(&mut text, format_args!(" ({shown}"));
            if names.len() > NAMES {
                put(&mut text, format_args!(" and {} more", names.len() - NAMES));
            }
            text.push(')');
        }
        text.push('\n');
    }
    text.push_str("nothing was changed\n");
    text
}

/// What a real run would have done with the host, and its place in the summary. From 2 on, names are of interest.
fn what(host: &HostView) -> (usize, &'static str) {
    match &host.outcome {
        HostOutcome::Updated
        | HostOutcome::Settling
        | HostOutcome::RestartWithheld
        | HostOutcome::RolledBack => (0, "would update"),
        HostOutcome::Already | HostOutcome::ChangedOutside => (1, "would find it there already"),
        HostOutcome::Offline => (2, "could not reach"),
        HostOutcome::Held => (3, "would leave alone, since they are unhealthy"),
        HostOutcome::Failed { .. }
        | HostOutcome::Unhealthy { .. }
        | HostOutcome::RollbackFailed { .. }
        | HostOutcome::Lost
        | HostOutcome::Again => (4, "would fail at what it asks first"),
        HostOutcome::Skipped
        | HostOutcome::OnHold
        | HostOutcome::Vanished
        | HostOutcome::Excepted
        | HostOutcome::Advised
        | HostOutcome::CatchUp => (6, "would leave out, as people said"),
        HostOutcome::Pending
        | HostOutcome::Visiting { .. }
        | HostOutcome::NotReady
        | HostOutcome::GoesLast
        | HostOutcome::Superseded
        | HostOutcome::ByHand { .. } => (5, "would not have come to"),
    }
}
