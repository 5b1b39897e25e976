//! Approvals: what a yes covers, who may give it, and when it no longer stands (I9, I11).

use ringway_model::{Actor, Digest, Hasher, RingIndex, Slot, WaitingOn};
use ringway_policy::validated::NotBy;
use ringway_scheduler::plan::ApprovalPlan;

use crate::command::{Rejected, Subject};
use crate::engine::Engine;
use crate::event::{Conditions, Event};
use crate::rollout::{RolloutState, Stage};

impl Engine {
    /// What a rollout can be approved for at this instant: its start, or going on after the ring it is at.
    pub(crate) fn subject(&self, r: usize) -> Option<Subject> {
        let state = &self.rollouts[r].rec.state;
        match state {
            RolloutState::Proposed => Some(Subject::Start),
            RolloutState::Advancing(stage)
            | RolloutState::Paused { stage, .. }
            | RolloutState::Halted { stage, .. } => Some(Subject::Promotion { ring: stage.ring() }),
            RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled => None,
        }
    }

    /// The approvals a subject needs.
    pub(crate) fn approval_plan(&self, r: usize, subject: Subject) -> Option<&ApprovalPlan> {
        match subject {
            Subject::Start => self.rollouts[r].plan.start.as_ref(),
            Subject::Promotion { ring } => self.rollouts[r].plan.rings[ring.index()]
                .after_soak
                .as_ref(),
        }
    }

    /// What a yes starts, as people call it.
    pub(crate) fn starts(&self, r: usize, subject: Subject) -> String {
        let ring = match subject {
            Subject::Start => RingIndex(0),
            Subject::Promotion { ring } => ring.next(),
        };
        let rings = &self.rollouts[r].plan.rings;
        rings
            .get(ring.index())
            .map_or_else(|| "completion".to_owned(), |ring| ring.name.clone())
    }

    /// What an approver is shown beyond the documents.
    pub(crate) fn conditions(&self, r: usize, subject: Subject) -> Conditions {
        let rollout = &self.rollouts[r];
        let debt = match subject {
            Subject::Start => 0,
            Subject::Promotion { ring } => rollout.idx.rings[ring.index()].debt,
        };
        Conditions {
            failed: rollout.idx.counted.iter().copied().map(Slot).collect(),
            debt,
        }
    }

    /// Binds a yes to what was shown with it: the plan (and with it every document and the membership of every ring),
    /// what it is for, which hosts failed, how many are left behind.
    pub(crate) fn approval_digest(
        &self,
        r: usize,
        subject: Subject,
        conditions: &Conditions,
    ) -> Digest {
        let rollout = &self.rollouts[r];
        let ring = match subject {
            Subject::Start => u32::MAX,
            Subject::Promotion { ring } => u32::from(ring.0),
        };
        let failed: Vec<u8> = conditions
            .failed
            .iter()
            .flat_map(|slot| slot.0.to_le_bytes())
            .collect();
        Hasher::default()
            .part(b"ringway approval 1")
            .part(rollout.rec.plan.as_bytes())
            .part(&rollout.rec.id.0.to_le_bytes())
            .part(&ring.to_le_bytes())
            .part(&failed)
            .part(&conditions.debt.to_le_bytes())
            .finish()
    }

    pub(crate) fn approve(
        &mut self,
        r: usize,
        actor: &Actor,
        subject: Subject,
        digest: Digest,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let id = self.rollouts[r].rec.id;
        let nothing = |why: String| {
            Err(Rejected::new(
                "nothing-to-approve",
                why,
                "`ringway status` says what it waits for",
            ))
        };
        if matches!(self.rollouts[r].rec.state, RolloutState::Halted { .. }) {
            let hint = "decide how it goes on first: resume with a reason, rollback, or cancel";
            return Err(Rejected::new(
                "wrong-state",
                format!("rollout {id} is halted"),
                hint,
            ));
        }
        if self.subject(r) != Some(subject) {
            return nothing(format!("rollout {id} is not at what this approves"));
        }
        let Some(plan) = self.approval_plan(r, subject).cloned() else {
            return nothing(format!("rollout {id} needs no approval here"));
        };
        self.may_approve(r, &plan, actor)?;
        self.within_hours(r, subject)?;
        let conditions = self.conditions(r, subject);
        let is_stale = digest != self.approval_digest(r, subject, &conditions);
        #[cfg(feature = "planted-bugs")]
        let is_stale = is_stale && !self.bug(crate::planted::Bug::StaleDigestAccepted);
        if is_stale {
            let why =
                "what you were shown has changed since: other documents, or other failed hosts";
            return Err(Rejected::new(
                "stale-digest",
                why,
                "look again and approve what is there now",
            ));
        }
        let twice = self.rollouts[r]
            .rec
            .approvals
            .iter()
            .any(|a| a.subject == subject && a.actor == *actor);
        #[cfg(feature = "planted-bugs")]
        let twice = twice && !self.bug(crate::planted::Bug::ApprovalCountedTwice);
        if twice {
            let why =
                format!("{actor} has approved this already; approvals are of distinct people");
            return Err(Rejected::new(
                "already-approved",
                why,
                "somebody else must approve too",
            ));
        }
        self.emit(
            Event::Approved {
                rollout: id,
                subject,
                actor: actor.clone(),
                digest,
                conditions,
            },
            out,
        );
        Ok(())
    }

    fn may_approve(&self, r: usize, plan: &ApprovalPlan, actor: &Actor) -> Result<(), Rejected> {
        let teams = || plan.by.join(" or ");
        if !plan.by.is_empty() && !plan.people.contains(&actor.0) {
            let why = format!("{actor} is in none of the teams that may approve this");
            return Err(Rejected::new(
                "not-allowed",
                why,
                &format!("somebody of {} must", teams()),
            ));
        }
        let rollout = &self.rollouts[r];
        for not_by in &plan.not_by {
            let (excluded, role) = match not_by {
                NotBy::PolicyAuthor => (rollout.plan.author.as_deref(), "wrote the policy"),
                NotBy::Starter => (Some(rollout.rec.starter.0.as_str()), "started the rollout"),
            };
            #[cfg(feature = "planted-bugs")]
            let excluded = excluded.filter(|_| !self.bug(crate::planted::Bug::DutiesNotSeparated));
            if excluded == Some(actor.0.as_str()) {
                let why = format!("{actor} {role}, and duties are separated");
                return Err(Rejected::new(
                    "not-allowed",
                    why,
                    "somebody else must approve",
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn decline(
        &mut self,
        r: usize,
        actor: &Actor,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let id = self.rollouts[r].rec.id;
        let wanted = self
            .subject(r)
            .and_then(|subject| self.approval_plan(r, subject).cloned());
        let Some(plan) = wanted else {
            let why = format!("rollout {id} asks for no approval");
            return Err(Rejected::new(
                "nothing-to-approve",
                why,
                "`pause` or `halt` hold it",
            ));
        };
        match &self.rollouts[r].rec.state {
            RolloutState::Proposed | RolloutState::Advancing(_) => {}
            RolloutState::Paused { .. } => return Ok(()),
            RolloutState::Halted { .. }
            | RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled => {
                let word = self.rollouts[r].rec.state.word();
                return Err(Rejected::new(
                    "wrong-state",
                    format!("rollout {id} is {word}"),
                    "",
                ));
            }
        }
        self.may_approve(r, &plan, actor)?;
        self.emit(
            Event::Declined {
                rollout: id,
                actor: actor.clone(),
                reason: reason.to_owned(),
            },
            out,
        );
        if matches!(self.rollouts[r].rec.state, RolloutState::Proposed) {
            self.emit(
                Event::Finished {
                    rollout: id,
                    how: crate::event::Final::Cancelled,
                },
                out,
            );
        } else {
            self.take_back(r, out);
        }
        Ok(())
    }

    /// Whether what the rollout is at has its approvals. One that no longer stands is voided with a word why.
    pub(crate) fn approved(&mut self, r: usize, out: &mut Vec<Event>) -> bool {
        let Some(subject) = self.subject(r) else {
            return false;
        };
        let Some(needed) = self.approval_plan(r, subject).map(|plan| plan.needed) else {
            return true;
        };
        let now = self.conditions(r, subject);
        let void: Vec<(Actor, &str)> = self.rollouts[r]
            .rec
            .approvals
            .iter()
            .filter(|approval| approval.subject == subject)
            .filter_map(|approval| {
                let worse = worse_than(&now, &approval.conditions)?;
                Some((approval.actor.clone(), worse))
            })
            .collect();
        #[cfg(feature = "planted-bugs")]
        let void = if self.bug(crate::planted::Bug::VoidForgotten) {
            Vec::new()
        } else {
            void
        };
        for (actor, why) in void {
            let rollout = self.rollouts[r].rec.id;
            self.emit(
                Event::ApprovalVoided {
                    rollout,
                    subject,
                    actor,
                    why: why.to_owned(),
                },
                out,
            );
        }
        self.approvals(r, subject) >= needed
    }

    /// Approvals a subject has.
    pub(crate) fn approvals(&self, r: usize, subject: Subject) -> u8 {
        let count = self.rollouts[r]
            .rec
            .approvals
            .iter()
            .filter(|approval| approval.subject == subject)
            .count();
        u8::try_from(count).unwrap_or(u8::MAX)
    }

    /// What a rollout waits for people to approve, if it does.
    pub(crate) fn approval_wanted(&self, r: usize) -> Option<(WaitingOn, Subject)> {
        let subject = self.subject(r)?;
        let plan = self.approval_plan(r, subject)?;
        let have = self.approvals(r, subject);
        let on = WaitingOn::Approval {
            to: self.starts(r, subject),
            by: plan.by.clone(),
            have,
            need: plan.needed,
        };
        (have < plan.needed).then_some((on, subject))
    }

    /// What a promotion still lacks, approvals aside: visits in flight, too many hosts left behind, evidence.
    pub(crate) fn promotion_waits(&self, r: usize, ring: RingIndex) -> Option<WaitingOn> {
        let rollout = &self.rollouts[r];
        let so_far = &rollout.idx.rings[..=ring.index()];
        let in_flight: u32 = so_far
            .iter()
            .map(|count| count.visiting + count.settling)
            .sum();
        // A host that was left behind and came back during the soak is to be visited, not forgotten.
        let pending: u32 = so_far
            .iter()
            .map(|count| count.withheld + count.pending)
            .sum();
        #[cfg(feature = "planted-bugs")]
        let pending = if self.bug(crate::planted::Bug::PendingForgotten) {
            0
        } else {
            pending
        };
        if in_flight + pending > 0 {
            return Some(WaitingOn::Visits { pending, in_flight });
        }
        if let Some((have, allowed)) = self.too_much_debt(r, ring) {
            return Some(WaitingOn::Debt { have, allowed });
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SilenceIsSuccess) {
            return None;
        }
        let count = rollout.idx.rings[ring.index()];
        // Where every host failed or is left behind, nothing proves that going on is harmless.
        let need = if rollout.plan.rings[ring.index()].planned == 0 {
            0
        } else {
            count.done.max(1)
        };
        let lacking = rollout
            .plan
            .gates
            .iter()
            .enumerate()
            .find(|_| count.evident < need);
        let gate = lacking.map(|(_, gate)| gate.name.clone());
        match gate {
            Some(gate) => Some(WaitingOn::Gate {
                gate,
                need,
                have: count.evident,
            }),
            None if count.done < need => Some(WaitingOn::Gate {
                gate: "install".to_owned(),
                need,
                have: count.done,
            }),
            None => None,
        }
    }

    /// The stage a rollout is at, if it is at one.
    pub(crate) fn stage(&self, r: usize) -> Option<Stage> {
        self.rollouts[r].rec.state.stage().copied()
    }
}

/// In which respect what is there now is worse than what was approved.
fn worse_than(now: &Conditions, shown: &Conditions) -> Option<&'static str> {
    if now
        .failed
        .iter()
        .any(|slot| shown.failed.binary_search(slot).is_err())
    {
        Some("a host failed that had not when it was given")
    } else if now.debt > shown.debt {
        Some("more hosts are left behind than when it was given")
    } else {
        None
    }
}
