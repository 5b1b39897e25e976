//! I3 and I7: what may be down at once, judged when a step that takes a host down is issued.

use ringway_model::{HostId, IntentId};

use super::facts::Facts;
use super::{Broken, ensure};

impl Facts {
    /// I3: with this host, no more targets are down than any budget says that counts it: its own rollout's, and those of
    /// other rollouts that have begun and have it as a target. A host that is down already needs no slot to be repaired.
    pub(super) fn check_budget(&self, intent: IntentId, host: HostId) -> Result<(), Broken> {
        if self.hosts[host.index()].is_down() {
            return Ok(());
        }
        for (id, _) in &self.hosts[host.index()].seats {
            let rollout = self.rollout(*id)?;
            let Some(limit) = rollout.plan.budget_down else {
                continue;
            };
            ensure!(
                rollout.down < limit || *id != intent.rollout() && rollout.opened == 0,
                I3,
                "{intent} takes host {} down with {} of {limit} targets of {id} down already",
                host.0,
                rollout.down
            );
        }
        Ok(())
    }

    /// I7: the other members that must stay up are known to be up and nobody claims them, and no more members are down
    /// than may be.
    pub(super) fn check_peers(&self, intent: IntentId, host: HostId) -> Result<(), Broken> {
        let Some(fleet) = &self.fleet else {
            return Ok(());
        };
        let Some(cell) = fleet.hosts[host.index()].cell else {
            return Ok(());
        };
        if self.hosts[host.index()].is_down() {
            return Ok(());
        }
        let spec = &fleet.cells[cell.index()];
        let others = self.able[cell.index()] - u32::from(self.is_able(host));
        let members = u32::try_from(spec.members.len()).unwrap_or(u32::MAX);
        // An outage is accepted where the minimum can never be met, and nowhere else.
        if spec.accept_outage.is_none() || spec.must_stay_up < members {
            ensure!(
                others >= spec.must_stay_up,
                I7,
                "{intent} takes host {} of `{}` down with {others} other members known to be up; {} must be",
                host.0,
                spec.name,
                spec.must_stay_up
            );
            ensure!(
                members - others <= spec.down_at_most,
                I7,
                "{intent} makes {} members of `{}` down or not known to be up; {} may be",
                members - others,
                spec.name,
                spec.down_at_most
            );
        }
        Ok(())
    }
}
