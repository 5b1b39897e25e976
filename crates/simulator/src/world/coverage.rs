//! People who wait for evidence of a kind of host, and let it go on untested: rightly, wrongly, or without a word why.

use ringway_engine::Command;

use super::World;

impl World {
    /// A person looks at what is lacking.
    pub(super) fn doubt(&mut self) {
        let mut lacking = Vec::new();
        for rollout in self.rollouts() {
            for one in rollout.coverage.iter().flat_map(|known| &known.lacking) {
                let is_stuck = one.until.is_none() && one.under_way == 0;
                if one.is_next {
                    lacking.push((rollout.id, one.stratum.clone(), is_stuck));
                }
            }
        }
        if lacking.is_empty() {
            return;
        }
        let (rollout, mut stratum, is_stuck) = self.doubters.pick(&lacking).clone();
        let chance = match (self.healing, is_stuck) {
            (true, true) => 50,
            (true, false) | (false, true) => 10,
            (false, false) => 3,
        };
        if !self.doubters.chance(chance) {
            return;
        }
        if self.doubters.chance(5) {
            "role=nobody".clone_into(&mut stratum);
        }
        let reason = if self.doubters.chance(8) {
            String::new()
        } else {
            "it is exploited".to_owned()
        };
        let who = *self.doubters.pick(&["ana", "ben", "eve"]);
        let command = Command::AcceptUntested {
            rollout,
            stratum,
            reason,
        };
        self.command(who, command);
    }
}
