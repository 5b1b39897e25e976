//! I9: enough distinct people who may, none of whom may not, all for what is in force.

use std::collections::BTreeSet;

use ringway_engine::{Conditions, Subject};
use ringway_model::{Actor, Digest, RingIndex, RolloutId};
use ringway_policy::validated::NotBy;

use super::facts::{Facts, RolloutFacts, ring_of};
use super::{Broken, ensure};

/// A yes that stands.
#[derive(Clone, Debug)]
pub(super) struct Approval {
    subject: Subject,
    actor: Actor,
    conditions: Conditions,
}

impl RolloutFacts {
    /// A no: every yes to what the rollout is at is void.
    pub(super) fn decline(&mut self) {
        let at = self
            .opened
            .checked_sub(1)
            .map_or(Subject::Start, |ring| Subject::Promotion {
                ring: RingIndex::at(ring),
            });
        self.approvals.retain(|approval| approval.subject != at);
    }
}

impl Facts {
    pub(super) fn approve(
        &mut self,
        id: RolloutId,
        subject: Subject,
        actor: &Actor,
        digest: Digest,
        conditions: &Conditions,
    ) -> Result<(), Broken> {
        // One digest stands for one thing that was shown: a digest that two different things share binds nobody.
        let shown = format!("{id} {subject:?} {conditions:?}");
        if let Some(before) = self.approved.get(&digest) {
            ensure!(
                *before == shown,
                I9,
                "{actor} approved `{shown}` with the digest of `{before}`"
            );
        }
        self.approved.insert(digest, shown);
        self.rollout_mut(id)?.approvals.push(Approval {
            subject,
            actor: actor.clone(),
            conditions: conditions.clone(),
        });
        Ok(())
    }

    pub(super) fn void(
        &mut self,
        id: RolloutId,
        subject: Subject,
        actor: &Actor,
    ) -> Result<(), Broken> {
        self.rollout_mut(id)?
            .approvals
            .retain(|approval| approval.subject != subject || approval.actor != *actor);
        Ok(())
    }

    /// Counts the people whose yes stands and covers what is so now.
    pub(super) fn check_approvals(&self, id: RolloutId, subject: Subject) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let (wanted, ring) = match subject {
            Subject::Start => (rollout.plan.start.as_ref(), None),
            Subject::Promotion { ring } => (
                rollout.plan.rings[ring.index()].after_soak.as_ref(),
                Some(ring.index()),
            ),
        };
        let Some(wanted) = wanted else {
            return Ok(());
        };
        let failed: BTreeSet<u32> = ring.map_or_else(BTreeSet::new, |ring| {
            rollout
                .slots
                .iter()
                .enumerate()
                .filter(|(slot, facts)| facts.blamed && ring_of(&rollout.plan, *slot) <= ring)
                .map(|(slot, _)| u32::try_from(slot).unwrap_or(u32::MAX))
                .collect()
        });
        let debt = ring.map_or(0, |ring| rollout.rings[ring].debt);
        let people: BTreeSet<&str> = rollout
            .approvals
            .iter()
            .filter(|approval| approval.subject == subject)
            .filter(|approval| wanted.by.is_empty() || wanted.people.contains(&approval.actor.0))
            .filter(|approval| {
                !wanted.not_by.iter().any(|not| match not {
                    NotBy::PolicyAuthor => {
                        rollout.plan.author.as_deref() == Some(approval.actor.0.as_str())
                    }
                    NotBy::Starter => rollout.starter == approval.actor,
                })
            })
            .filter(|approval| {
                let shown: BTreeSet<u32> = approval
                    .conditions
                    .failed
                    .iter()
                    .map(|slot| slot.0)
                    .collect();
                failed.is_subset(&shown) && debt <= approval.conditions.debt
            })
            .map(|approval| approval.actor.0.as_str())
            .collect();
        ensure!(
            people.len() >= usize::from(wanted.needed),
            I9,
            "{id} goes on ({subject:?}) with the yes of {people:?}; {} are needed",
            wanted.needed
        );
        Ok(())
    }
}
