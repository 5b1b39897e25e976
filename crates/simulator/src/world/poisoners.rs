//! People who poison content: what is being installed, what hosts had before, or something that nobody has; and who take it
//! back, rightly or not.

use ringway_engine::{Command, Poisoning};
use ringway_model::{Content, Digest, RolloutId};
use ringway_scheduler::plan::Route;

use super::World;

/// Looks after which whoever waits out a poisoning takes it back.
const WAITED_OUT: u32 = 20;

impl World {
    /// A person looks at what is installed.
    pub(super) fn think_of_poison(&mut self) {
        if !self.poisons {
            return;
        }
        self.think_of_agreeing();
        let (poisoned, running) = {
            let Some(executor) = &self.executor else {
                return;
            };
            let engine = executor.engine();
            let outstanding = engine.outstanding();
            let mut poisoned = engine.view(self.now).poisons;
            poisoned.retain(|poison| poison.advisory.is_none());
            (poisoned, outstanding.first().map(|intent| intent.rollout()))
        };
        if self.healing {
            let is_stubborn = self.scenario_seed.is_multiple_of(3) && self.patience < WAITED_OUT;
            if !is_stubborn {
                for poison in poisoned {
                    self.take_back_poison(&poison.content, false);
                }
            }
            return;
        }
        if !poisoned.is_empty() && self.poisoners.chance(25) {
            let content = self.poisoners.pick(&poisoned).content.clone();
            self.take_back_poison(&content, true);
        } else if self
            .poisoners
            .chance(if running.is_some() { 22 } else { 4 })
        {
            self.poison_something(running);
        }
    }

    fn poison_something(&mut self, running: Option<RolloutId>) {
        let rollouts = self.rollouts();
        let any = rollouts.first().map(|rollout| rollout.id);
        let rollout = running.or(any).unwrap_or(RolloutId(7));
        let goes_back = rollouts
            .iter()
            .any(|rollout| rollout.state == "rolling back");
        let kind = if goes_back && self.poisoners.chance(60) {
            0
        } else {
            self.poisoners.below(12)
        };
        let what = match kind {
            0..=2 => Poisoning::Content {
                contents: vec![self.what_was_there(rollout)],
            },
            3 => Poisoning::Content {
                contents: vec![Content {
                    id: "KB-NOBODY-HAS".to_owned(),
                    build: None,
                    digest: None,
                }],
            },
            4 => Poisoning::Rollout {
                rollout,
                releases: vec!["KB-NOBODY-HAS".to_owned()],
            },
            5 | 6 => Poisoning::Content {
                contents: self.what_is_to_come(),
            },
            7 | 8 => {
                let releases = self.a_release_of(rollout);
                Poisoning::Rollout { rollout, releases }
            }
            _ => Poisoning::Rollout {
                rollout,
                releases: Vec::new(),
            },
        };
        let reason = if self.poisoners.chance(8) {
            String::new()
        } else {
            "it breaks domain controllers".to_owned()
        };
        let who = *self.poisoners.pick(&["ana", "ben", "eve"]);
        let command = Command::Poison { what, reason };
        let twice = self.poisoners.chance(15);
        self.command(who, command.clone());
        if twice {
            self.command(who, command);
        }
    }

    fn a_release_of(&mut self, rollout: RolloutId) -> Vec<String> {
        let plan = self.plans.get((rollout.0 as usize).saturating_sub(1));
        let routes = plan.map(|plan| plan.routes.as_slice()).unwrap_or_default();
        let ids: Vec<String> = routes.iter().map(|route| route.release.clone()).collect();
        if ids.is_empty() {
            return Vec::new();
        }
        vec![self.poisoners.pick(&ids).clone()]
    }

    /// What the last of the rollouts installs, which may not be there yet.
    fn what_is_to_come(&self) -> Vec<Content> {
        let plan = self.plans.last();
        let routes = plan.map(|plan| plan.routes.as_slice()).unwrap_or_default();
        let route = routes.first();
        route.map(Route::content).into_iter().collect()
    }

    /// What an inspection finds on hosts that were not changed: known by its build alone.
    fn what_was_there(&mut self, rollout: RolloutId) -> Content {
        let names: Vec<String> = {
            let known = self.executor.as_ref().map(|executor| {
                let engine = executor.engine();
                let hosts = engine.hosts_of(rollout, None).into_iter();
                hosts.filter_map(|host| host.previous).collect()
            });
            known.unwrap_or_default()
        };
        let build = if names.is_empty() {
            "0.0".to_owned()
        } else {
            self.poisoners.pick(&names).clone()
        };
        Content {
            id: "KB-BEFORE".to_owned(),
            build: Some(build),
            digest: None,
        }
    }

    fn take_back_poison(&mut self, content: &Content, may_err: bool) {
        let reason = if may_err && self.poisoners.chance(8) {
            String::new()
        } else {
            "it was something else".to_owned()
        };
        let build = if may_err && self.poisoners.chance(30) {
            None
        } else {
            content.build.clone()
        };
        let command = Command::Unpoison {
            id: content.id.clone(),
            build,
            reason,
        };
        self.command("ben", command);
    }
}

/// Whoever may be asked to agree, and some who may not.
const EVERYBODY: [&str; 7] = ["ana", "anna", "ben", "chris", "dora", "eve", "starter"];

impl World {
    /// People are asked whether a poisoning may be taken back: some agree, some do not, some who may not try.
    fn think_of_agreeing(&mut self) {
        let Some(executor) = &self.executor else {
            return;
        };
        let asked = executor.engine().unpoisonings();
        for one in asked {
            if self.healing {
                for who in EVERYBODY {
                    let (number, digest) = (one.number, one.digest);
                    self.command(who, Command::ApproveUnpoison { number, digest });
                }
                continue;
            }
            let who = *self.poisoners.pick(&EVERYBODY);
            let number = if self.poisoners.chance(5) {
                999
            } else {
                one.number
            };
            let digest = if self.poisoners.chance(5) {
                Digest::of(b"nothing that was shown")
            } else {
                one.digest
            };
            let command = match self.poisoners.below(12) {
                0..=7 => Command::ApproveUnpoison { number, digest },
                8 => Command::RejectUnpoison {
                    number,
                    reason: "it is not understood yet".to_owned(),
                },
                9 => Command::Poison {
                    what: Poisoning::Content {
                        contents: one.contents,
                    },
                    reason: "it happened again".to_owned(),
                },
                _ => continue,
            };
            let twice = self.poisoners.chance(40);
            self.command(who, command.clone());
            if twice {
                self.command(who, command);
            }
        }
    }
}
