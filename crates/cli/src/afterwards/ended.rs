//! Who cancelled a rollout, or said no before it began, and why. Reads the journal beside whoever decides.

use std::path::Path;

use ringway_engine::Event;
use ringway_engine::view::RolloutView;
use ringway_model::{Actor, RolloutId};
use serde::Serialize;

use super::exposure::MOST_ROWS;
use super::walk::Walk;
use crate::exit::Failure;

/// By whom and why a rollout was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Cancelled {
    pub(crate) rollout: RolloutId,
    /// Whether it was a no to what it asked for.
    declined: bool,
    by: Actor,
    reason: String,
}

impl Cancelled {
    /// `declined by anna: not this week`.
    pub(crate) fn words(&self) -> String {
        let how = if self.declined {
            "declined"
        } else {
            "cancelled"
        };
        let why = if self.reason.is_empty() {
            "without a reason"
        } else {
            &self.reason
        };
        format!("{how} by {}: {why}", self.by)
    }
}

/// Those of these rollouts that are cancelled. Nothing where the journal may not be read, or is longer than people wait for.
pub(crate) async fn cancelled(
    data: &Path,
    rollouts: impl Iterator<Item = &RolloutView>,
) -> Vec<Cancelled> {
    let wanted: Vec<RolloutId> = rollouts
        .filter(|one| one.state == "cancelled" || one.state == "cancelling")
        .map(|one| one.id)
        .collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    told(data, &wanted).await.unwrap_or_default()
}

async fn told(data: &Path, wanted: &[RolloutId]) -> Result<Vec<Cancelled>, Failure> {
    let (mut walk, _) = Walk::begin(data).await?;
    let mut told: Vec<Cancelled> = Vec::new();
    if walk.head().seq > MOST_ROWS {
        return Ok(told);
    }
    while let Some((_, batch)) = walk.batch().await? {
        for one in batch.events.iter().filter_map(of) {
            if wanted.contains(&one.rollout) {
                // The last word counts: a no that only paused it is not what ended it.
                told.retain(|before| before.rollout != one.rollout);
                told.push(one);
            }
        }
    }
    Ok(told)
}

fn of(event: &Event) -> Option<Cancelled> {
    if let Event::Declined {
        rollout,
        actor,
        reason,
    } = event
    {
        return Some(Cancelled {
            rollout: *rollout,
            declined: true,
            by: actor.clone(),
            reason: reason.clone(),
        });
    }
    if let Event::CancelBegan {
        rollout,
        actor,
        reason,
    } = event
    {
        return Some(Cancelled {
            rollout: *rollout,
            declined: false,
            by: actor.clone(),
            reason: reason.clone(),
        });
    }
    None
}
