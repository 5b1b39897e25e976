//! I9: enough distinct people who may, none of whom may not, all for what is in force.

use std::collections::BTreeSet;

use ringway_engine::{Conditions, Subject};
use ringway_model::{Actor, Digest, Hasher, RingIndex, RolloutId};
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

impl Approval {
    pub(super) const fn subject(&self) -> Subject {
        self.subject
    }
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
        self.check_hours(id, subject, actor)?;
        // Bound to the plan and to what was shown with it, recomputed here.
        let bound = self.shown(id, subject, conditions)?;
        ensure!(
            bound == digest,
            I9,
            "{actor} approved {id} ({subject:?}) with digest {}; what was there has {}",
            digest.short(),
            bound.short()
        );
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

    /// The digest of what an approver of this is shown.
    fn shown(
        &self,
        id: RolloutId,
        subject: Subject,
        conditions: &Conditions,
    ) -> Result<Digest, Broken> {
        let Some(plan) = self.registered(id) else {
            return Err((
                super::Invariant::I15,
                format!("{id} has a plan that nobody registered"),
            ));
        };
        let ring = match subject {
            Subject::Start => u32::MAX,
            Subject::Promotion { ring } => u32::from(ring.0),
        };
        let mut failed = Vec::new();
        for slot in &conditions.failed {
            failed.extend_from_slice(&slot.0.to_le_bytes());
        }
        let mut hasher = Hasher::default();
        for part in [
            b"ringway approval 1".as_slice(),
            plan.as_bytes(),
            &id.0.to_le_bytes(),
            &ring.to_le_bytes(),
            &failed,
            &conditions.debt.to_le_bytes(),
        ] {
            hasher = hasher.part(part);
        }
        Ok(hasher.finish())
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
