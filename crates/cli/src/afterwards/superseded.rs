//! What it means for a rollout's account that another one takes its place. Pure.

use ringway_engine::HostState;
use ringway_model::{RolloutId, Timestamp, VisitKind};
use ringway_scheduler::Part;

use super::chronicle::Course;
use crate::show;

impl Course {
    /// Another rollout takes its place.
    pub(super) fn is_superseded(&mut self, by: RolloutId) {
        self.state = if self.ended.is_some() {
            "superseded"
        } else {
            "superseding"
        };
        self.superseded_by = Some(by);
    }

    /// It takes the place of another one: what that broke is down until it was visited.
    pub(super) fn takes_over(&mut self, at: Timestamp) {
        let Some(plan) = self.plan.clone() else {
            return;
        };
        let rings = plan.rings.iter().enumerate();
        let broken = rings.filter(|(ring, _)| plan.part_of(*ring) == Some(Part::Broken));
        for slot in broken.flat_map(|(_, ring)| ring.slots()) {
            if let Some(host) = self.hosts.get_mut(slot) {
                host.is(at, HostState::Again);
            }
        }
    }

    /// Where it stands, in words.
    pub(super) fn state_words(&self) -> String {
        match self.superseded_by {
            Some(by) => format!("{} by {by}", self.state),
            None => self.state.to_owned(),
        }
    }

    /// What became of a host, in words.
    pub(super) fn outcome(&self, state: HostState) -> String {
        let is_left = matches!(
            state,
            HostState::Pending
                | HostState::Offline
                | HostState::Held
                | HostState::OnHold
                | HostState::Excepted
                | HostState::CatchUp
                | HostState::NotReady {
                    visit: VisitKind::Update
                }
                | HostState::GoesLast {
                    visit: VisitKind::Update
                }
        );
        match self.superseded_by.filter(|_| is_left) {
            Some(by) => format!("superseded by {by}"),
            None => show::host_state(state),
        }
    }
}
