//! Others who patch: another tool, or a person who could not wait, installs the update on hosts that Ringway has not come to,
//! most of them after it had looked.

use ringway_model::HostId;

use super::World;

impl World {
    /// Somebody else installs what a rollout is about to.
    pub(super) fn others_patch(&mut self) {
        if !self.patching || self.healing || !self.patchers.chance(30) {
            return;
        }
        let candidates = self.not_come_to();
        if candidates.is_empty() {
            return;
        }
        // One, or many at once: a tool does not stop after the first.
        let count = if self.patchers.chance(40) {
            candidates.len()
        } else {
            1
        };
        for _ in 0..count {
            let (host, recipe, build) = self.patchers.pick(&candidates).clone();
            let there = &mut self.hosts[host.index()];
            there.content.insert(recipe.clone(), build.clone());
            // What it has when nobody touches it is this from now on.
            there.first.insert(recipe, build.clone());
            self.say(&format!("! somebody else installs {build} on h{}", host.0));
        }
    }

    /// Hosts of open rollouts on which nothing was done, with what others would install there: those that were looked at, where
    /// there are any.
    fn not_come_to(&self) -> Vec<(HostId, String, String)> {
        let Some(executor) = &self.executor else {
            return Vec::new();
        };
        let engine = executor.engine();
        let (mut looked, mut others) = (Vec::new(), Vec::new());
        for (id, plan) in engine.open_rollouts() {
            for view in engine.hosts_of(id, None) {
                let slot = &plan.slots[view.slot.index()];
                let route = &plan.routes[slot.route.index()];
                let host = &self.hosts[slot.host.index()];
                let at_rest = host.running().is_none()
                    && host.in_hand.is_none()
                    && host.content.get(&route.recipe) == host.first.get(&route.recipe);
                let Some(build) = route.build.clone().filter(|_| at_rest) else {
                    continue;
                };
                if host.content.get(&route.recipe) == Some(&build)
                    || !self.checkers.is_untouched(slot.host)
                {
                    continue;
                }
                let one = (slot.host, route.recipe.clone(), build);
                if view.previous.is_some() {
                    looked.push(one);
                } else {
                    others.push(one);
                }
            }
        }
        if looked.is_empty() { others } else { looked }
    }
}
