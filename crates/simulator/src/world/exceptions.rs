//! People who have hosts left out until an instant, and take that back: before a rollout, in the middle of it, for one
//! update or all, and now and then in words that are none.

use ringway_engine::{Command, Exception};
use ringway_model::{Span, Timestamp};
use ringway_policy::validated::Excepts;

use super::World;

/// As many ids there are, so that some exceptions take the place of others.
const IDS: u64 = 4;

impl World {
    /// Somebody brings an exception, or ends one.
    pub(super) fn except_hosts(&mut self) {
        if !self.excepting || self.healing {
            return;
        }
        // Some are there before the first rollout is.
        let often = if self.looks == 1 { 50 } else { 14 };
        if !self.exceptions.chance(often) {
            return;
        }
        let who = *self.exceptions.pick(&["ana", "ben", "eve"]);
        if self.looks > 1 && self.exceptions.chance(25) {
            let id = self.exception_id();
            let careless = self.exceptions.chance(10);
            let reason = if careless { "" } else { "the vendor said yes" };
            let reason = reason.to_owned();
            self.command(who, Command::EndException { id, reason });
            return;
        }
        let mut exceptions = vec![self.draw_exception()];
        if self.exceptions.chance(15) {
            exceptions.push(self.draw_exception());
        }
        self.command(who, Command::Except { exceptions });
    }

    fn exception_id(&mut self) -> String {
        format!("EXC-{}", self.exceptions.below(IDS))
    }

    fn draw_exception(&mut self) -> Exception {
        let id = self.exception_id();
        let hosts = self.draw_selector();
        let updates = if self.exceptions.chance(70) {
            Excepts::All
        } else {
            let mut names: Vec<String> =
                self.plans.iter().map(|plan| plan.update.clone()).collect();
            names.push("no-such-update".to_owned());
            Excepts::Named(vec![self.exceptions.pick(&names).clone()])
        };
        let longest = Span::minutes(if self.exceptions.chance(50) { 8 } else { 90 });
        let until = if self.exceptions.chance(5) {
            Timestamp(self.now.0 - 1)
        } else {
            self.now + self.exceptions.span(Span::seconds(1), longest)
        };
        let careless = self.exceptions.chance(5);
        let owner = if careless { "" } else { "radiology" };
        Exception {
            id,
            hosts,
            updates,
            until,
            owner: owner.to_owned(),
            reason: "vendor certifies quarterly".to_owned(),
            approved_by: vec!["ciso".to_owned()],
        }
    }

    /// A few hosts by name, those of a role, seldom all, and seldom words that mean nothing.
    fn draw_selector(&mut self) -> String {
        let fleet = self.fleet.clone();
        let names: Vec<&str> = fleet.hosts.iter().map(|host| host.name.as_str()).collect();
        let roles: Vec<&str> = fleet
            .hosts
            .iter()
            .filter_map(|host| host.labels.get("role"))
            .collect();
        match self.exceptions.below(20) {
            0 => "all".to_owned(),
            1 => "name =".to_owned(),
            2..5 if !roles.is_empty() => format!("role = {}", self.exceptions.pick(&roles)),
            _ => {
                let count = 1 + self.exceptions.below(4);
                let some: Vec<String> = (0..count)
                    .map(|_| (*self.exceptions.pick(&names)).to_owned())
                    .collect();
                format!("name = {}", some.join(" | "))
            }
        }
    }
}
