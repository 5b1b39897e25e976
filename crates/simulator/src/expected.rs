//! What a world must come to, known before anything happens in it.
//!
//! Most worlds are wild: what becomes of a host there depends on what goes wrong, and only rules can be checked. Some are
//! calm, and every host must end updated. In some an update does certain harm to one role, and no host of that role may
//! end as if it were well.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use ringway_model::{HostOutcome, Span};
use ringway_policy::validated::{AlreadyUnhealthy, Gate};

use crate::checkers::Invariant;
use crate::dice::Dice;
use crate::documents::{Papers, ROLES, Size};
use crate::world::{Effect, Faults, Ways, World};

/// What kind of world a seed tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Anything may go wrong.
    Wild,
    /// Nothing goes wrong.
    Calm,
    /// Nothing goes wrong, except that the first update harms every host of a role.
    Harmful,
}

impl Kind {
    /// The kind of a seed's world.
    pub fn of(seed: u64) -> Self {
        match Dice::new(seed, "kind").below(100) {
            0..4 => Self::Calm,
            4..8 => Self::Harmful,
            _ => Self::Wild,
        }
    }

    /// How large its documents are: some worlds have a third rollout.
    pub(crate) fn size(self, seed: u64, size: Size) -> Size {
        let third = self == Self::Wild && Dice::new(seed, "third rollout").chance(8);
        Size {
            rollouts: if third { 3 } else { size.rollouts },
            ..size
        }
    }
}

/// What must have become of hosts in the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    /// Every target ends updated, and every rollout completed.
    all_updated: bool,
    /// Roles of which no host ends updated by the first rollout.
    never_updated: BTreeSet<String>,
}

impl Expected {
    /// Makes a world of this kind out of what was drawn, and says what it must come to.
    pub(crate) fn of(
        kind: Kind,
        seed: u64,
        papers: &mut Papers,
        ways: &mut Ways,
        faults: &mut Faults,
    ) -> Self {
        if kind == Kind::Wild {
            return Self::default();
        }
        let calm = Ways::good(seed);
        *ways = Ways {
            longest: ways.longest,
            first: std::mem::take(&mut ways.first),
            ..calm
        };
        *faults = Faults::none(seed);
        faults.lasts = Span::minutes(10);
        if kind == Kind::Calm {
            return Self {
                all_updated: true,
                ..Self::default()
            };
        }
        let mut dice = Dice::new(seed, "harm");
        let role = (*dice.pick(&ROLES)).to_owned();
        let effect = *dice.pick(&[Effect::Down, Effect::FailsApply]);
        let Some((policy, update)) = papers.rollouts.first() else {
            return Self::default();
        };
        let recipe = papers.documents.updates[update].recipe.clone();
        ways.harm.insert((recipe, role.clone()), effect);
        if let Some(policy) = papers.documents.policies.get_mut(policy) {
            // A host must be well for half a minute before anybody calls it updated.
            policy.pace.settle = policy.pace.settle.max(Span::seconds(30));
            policy.already_unhealthy = AlreadyUnhealthy::Hold;
            policy.halt.failed = policy.halt.failed.or(NonZeroU32::new(2));
            if policy.gates.is_empty() {
                policy.gates.push(Gate {
                    name: "answers".to_owned(),
                    probe: "up".to_owned(),
                    down_for: Span::seconds(60),
                    min_reporting: ringway_model::Share::from_millionths(1_000_000)
                        .expect("all of them"),
                });
            }
        }
        Self {
            all_updated: false,
            never_updated: BTreeSet::from([role]),
        }
    }
}

impl World {
    /// The end is what had to come.
    pub(crate) fn expect(&mut self, expected: &Expected) {
        if let Err(what) = self.found(expected) {
            self.broken(Invariant::Expected, what);
        }
    }

    fn found(&self, expected: &Expected) -> Result<(), String> {
        let Some(executor) = self.executor() else {
            return Ok(());
        };
        let engine = executor.engine();
        for (index, rollout) in engine.view(self.now()).rollouts.iter().enumerate() {
            let all_updated = expected.all_updated && !self.is_hopeless();
            if all_updated && rollout.state != "completed" {
                return Err(format!(
                    "nothing went wrong and {} ends {}",
                    rollout.id, rollout.state
                ));
            }
            for view in engine.hosts_of(rollout.id, None) {
                let well = matches!(view.outcome, HostOutcome::Updated | HostOutcome::Already);
                if all_updated && !well {
                    return Err(format!(
                        "nothing went wrong and {} ends {:?}",
                        view.host, view.outcome
                    ));
                }
                let number = self.slot_host(index, view.slot).index();
                let role = &self.hosts()[number].role;
                if index == 0 && well && expected.never_updated.contains(role) {
                    return Err(format!(
                        "{} is harmed by the update for certain and ends {:?}",
                        view.host, view.outcome
                    ));
                }
            }
        }
        Ok(())
    }
}
