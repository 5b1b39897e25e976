//! People who bring advisories of all ranks and effects, rule on them, take them back, contradict themselves, and say now and
//! then what is none.

use ringway_engine::view::AdvisoryView;
use ringway_engine::{Advisory, Command, Ruling};
use ringway_model::{Effect, Rank};
use ringway_policy::validated::About;

use super::World;

/// As many ids there are, so that some advisories take the place of others.
const IDS: u64 = 5;

impl World {
    /// Somebody hears of an advisory, or says what becomes of one.
    pub(super) fn think_of_advisories(&mut self) {
        if !self.advising {
            return;
        }
        let known = {
            let Some(executor) = &self.executor else {
                return;
            };
            executor.engine().advisories()
        };
        if self.healing {
            for view in known.iter().filter(|view| view.counts) {
                self.rule_advisory("ana", &view.advisory.id, Ruling::Withdraw, false);
            }
            return;
        }
        // Some are there before the first rollout is.
        let often = if self.looks == 1 { 45 } else { 20 };
        if !self.advisers.chance(often) {
            return;
        }
        let who = *self.advisers.pick(&["ana", "ben", "eve"]);
        if !known.is_empty() && self.advisers.chance(45) {
            self.rule_on_one(who, &known);
            return;
        }
        let mut advisories = vec![self.draw_advisory()];
        if self.advisers.chance(20) {
            advisories.push(self.draw_advisory());
        }
        let command = Command::Advise { advisories };
        let twice = self.advisers.chance(15);
        self.command(who, command.clone());
        if twice {
            self.command(who, command);
        }
    }

    fn rule_on_one(&mut self, who: &'static str, known: &[AdvisoryView]) {
        let picked = self.advisers.pick(known).clone();
        let id = if self.advisers.chance(5) {
            "ADV-UNKNOWN".to_owned()
        } else {
            picked.advisory.id.clone()
        };
        let fitting = if picked.is_proposed() {
            [Ruling::Accept, Ruling::Accept, Ruling::Dismiss]
        } else {
            [Ruling::Withdraw, Ruling::Withdraw, Ruling::Withdraw]
        };
        let ruling = if self.advisers.chance(85) {
            *self.advisers.pick(&fitting)
        } else {
            *self
                .advisers
                .pick(&[Ruling::Accept, Ruling::Dismiss, Ruling::Withdraw])
        };
        let careless = self.advisers.chance(5);
        self.rule_advisory(who, &id, ruling, careless);
    }

    fn rule_advisory(&mut self, who: &'static str, id: &str, ruling: Ruling, careless: bool) {
        let reason = if careless { "" } else { "so we decided" };
        let command = Command::RuleAdvisory {
            id: id.to_owned(),
            ruling,
            reason: reason.to_owned(),
        };
        self.command(who, command);
    }

    fn draw_advisory(&mut self) -> Advisory {
        let id = format!("ADV-{}", self.advisers.below(IDS));
        let rank = *self.advisers.pick(&[
            Rank::Vendor,
            Rank::Vendor,
            Rank::Internal,
            Rank::Unverified,
            Rank::Unverified,
        ]);
        let effect = match self.advisers.below(20) {
            0..=2 => Effect::Note,
            3..=6 => Effect::Poison,
            _ => Effect::Hold,
        };
        let affects = self.draw_affects();
        let affects = affects.filter(|_| effect != Effect::Poison || self.advisers.chance(5));
        let fixed_by = self.advisers.chance(40).then(|| "the-fix".to_owned());
        let says = *self
            .advisers
            .pick(&["restart loops", "logins fail", "disks fill"]);
        let careless = self.advisers.chance(4);
        Advisory {
            id,
            source: if careless { "" } else { "Microsoft" }.to_owned(),
            rank,
            about: self.draw_about(),
            affects,
            effect,
            fixed_by,
            published: None,
            reference: None,
            says: Some(says.to_owned()),
        }
    }

    /// What some rollout installs, by its id, its build or both; or what nobody has.
    fn draw_about(&mut self) -> Vec<About> {
        let routes = self.plans.iter().flat_map(|plan| &plan.routes);
        let routes: Vec<(String, Option<String>)> = routes
            .map(|route| (route.release.clone(), route.build.clone()))
            .collect();
        let nobody = About {
            name: "KB-NOBODY-HAS".to_owned(),
            build: None,
        };
        if routes.is_empty() || self.advisers.chance(6) {
            return vec![nobody];
        }
        let (release, build) = self.advisers.pick(&routes).clone();
        let one = match (self.advisers.below(10), build) {
            (0..=2, Some(build)) => About {
                name: build,
                build: None,
            },
            (3..=5, Some(build)) => About {
                name: release,
                build: Some(build),
            },
            _ => About {
                name: release,
                build: None,
            },
        };
        if self.advisers.chance(15) {
            vec![one, nobody]
        } else {
            vec![one]
        }
    }

    /// A few hosts by name or role, more of them where labels are asked for that nobody has; seldom all, and seldom words that
    /// mean nothing.
    fn draw_affects(&mut self) -> Option<String> {
        let fleet = self.fleet.clone();
        let names: Vec<&str> = fleet.hosts.iter().map(|host| host.name.as_str()).collect();
        let roles: Vec<&str> = fleet
            .hosts
            .iter()
            .filter_map(|host| host.labels.get("role"))
            .collect();
        let count = 1 + self.advisers.below(4);
        let some: Vec<&str> = (0..count).map(|_| *self.advisers.pick(&names)).collect();
        let named = format!("name = {}", some.join(" | "));
        let role = if roles.is_empty() {
            "none"
        } else {
            *self.advisers.pick(&roles)
        };
        Some(match self.advisers.below(20) {
            0 => return None,
            1 => "name =".to_owned(),
            2..=4 => format!("role = {role}"),
            5..=6 => format!("role = {role} and pam = yes"),
            7..=8 => format!("not role != {role}"),
            9..=10 => format!("{named} and not pam = yes"),
            11..=12 => format!("{named} and gc != yes"),
            13 => format!("{named} and has pam"),
            14 => format!("{named} or pam = yes and role = {role}"),
            _ => named,
        })
    }
}
