//! Evidence of kinds of hosts.

use ringway_model::RolloutId;

use super::facts::Facts;
use super::{Broken, ensure};

impl Facts {
    /// A person lets a stratum go on untested.
    pub(super) fn untested_accepted(
        &mut self,
        id: RolloutId,
        stratum: &str,
        reason: &str,
    ) -> Result<(), Broken> {
        ensure!(
            !reason.trim().is_empty(),
            Story,
            "`{stratum}` of {id} is accepted untested and nobody says why"
        );
        let rollout = self.rollout(id)?;
        let names = rollout.plan.evidence.iter();
        let mut names = names.flat_map(|wanted| &wanted.strata.names);
        ensure!(
            names.any(|name| name == stratum),
            Story,
            "{id} has no stratum `{stratum}` that could be accepted untested"
        );
        Ok(())
    }
}
