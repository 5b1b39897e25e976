//! What a yes covers: what it is for, what it is shown with, and when it no longer stands (I9, I11).
//!
//! Who may say it, and what becomes of it, is in `consent`.
//!
//! # Invariants
//!
//! * A yes binds to a digest of everything that was shown: the plan (with it releases, recipes, care, policy, people and the
//!   membership of every ring), whom people left out of the ring to come, the set of failed hosts, how many are left
//!   behind, every gate's verdict, and which kinds of hosts nothing was tried on. Never raw measurements.
//! * A yes given early is kept. When its time has come it is void where what is there is worse than what it was shown,
//!   or the ring to come has other hosts; nothing else voids it but a no, and its own time.

use std::collections::BTreeSet;

use ringway_model::{Actor, Digest, Hasher, RingIndex, Slot, WaitingOn};
use ringway_scheduler::consent::RuleTerms;
use ringway_scheduler::plan::ApprovalPlan;

use crate::command::Subject;
use crate::engine::Engine;
use crate::event::{Conditions, Shown, Verdict};
use crate::rollout::{RolloutState, Stage};
use crate::slot::Class;

/// What an approval needs.
#[derive(Clone, Copy)]
pub(crate) struct Rule<'p> {
    pub(crate) plan: &'p ApprovalPlan,
    pub(crate) terms: Option<&'p RuleTerms>,
    /// Who asked for it, where that is not who started the rollout: whoever may not be the starter may not be this one.
    pub(crate) asked_by: Option<&'p Actor>,
}

impl Subject {
    /// The ring that is observed; none for the start.
    pub const fn ring(self) -> Option<RingIndex> {
        match self {
            Self::Start | Self::Lane => None,
            Self::Promotion { ring } | Self::Early { ring } => Some(ring),
        }
    }

    /// The ring that comes after.
    pub(crate) fn next(self) -> usize {
        match self {
            Self::Start => 0,
            Self::Promotion { ring } | Self::Early { ring } => ring.next().index(),
            // A lane opens none.
            Self::Lane => usize::MAX,
        }
    }

    /// By which a digest knows it.
    fn code(self) -> (u8, u32) {
        match self {
            Self::Start => (0, u32::MAX),
            Self::Promotion { ring } => (1, u32::from(ring.0)),
            Self::Early { ring } => (2, u32::from(ring.0)),
            Self::Lane => (3, u32::MAX),
        }
    }
}

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
            | RolloutState::Cancelled
            | RolloutState::Superseding { .. }
            | RolloutState::Superseded { .. } => None,
        }
    }

    /// Whether a subject is still to come, so that a yes to it can be given and stands: what the rollout is at, and the
    /// promotion of every later ring; ending a soak early only while it soaks.
    pub(crate) fn is_open(&self, r: usize, subject: Subject) -> bool {
        let Some(at) = self.subject(r) else {
            return false;
        };
        match subject {
            Subject::Start => at == Subject::Start,
            Subject::Promotion { ring } => {
                ring.index() < self.rollouts[r].plan.rings.len()
                    && at.ring().is_none_or(|at| at <= ring)
            }
            Subject::Early { ring } => matches!(
                self.stage(r),
                Some(Stage::Soaking { ring: soaking, .. }) if soaking == ring
            ),
            Subject::Lane => at != Subject::Start && self.asked_plan(r).is_some(),
        }
    }

    /// The approvals a subject needs.
    pub(crate) fn rule(&self, r: usize, subject: Subject) -> Option<Rule<'_>> {
        let plan = &self.rollouts[r].plan;
        match subject {
            Subject::Start => plan.start.as_ref().map(|start| Rule {
                plan: start,
                terms: Some(&plan.consent.start),
                asked_by: None,
            }),
            Subject::Promotion { ring } => {
                let after = plan.rings.get(ring.index())?.after_soak.as_ref()?;
                Some(Rule {
                    plan: after,
                    terms: plan.consent.after_soak(ring.index()),
                    asked_by: None,
                })
            }
            Subject::Early { ring } => plan.consent.early(ring.index()).map(|early| Rule {
                plan: &early.rule,
                terms: Some(&early.terms),
                asked_by: None,
            }),
            Subject::Lane => {
                let plan = self.asked_plan(r)?;
                let asked = self.rollouts[r].rec.lane.asked.as_ref();
                plan.start.as_ref().map(|start| Rule {
                    plan: start,
                    terms: Some(&plan.consent.start),
                    asked_by: asked.map(|asked| &asked.by),
                })
            }
        }
    }

    /// What a yes starts, as people call it.
    pub(crate) fn starts(&self, r: usize, subject: Subject) -> String {
        if subject == Subject::Lane {
            let plan = self.asked_plan(r).and_then(|plan| plan.lane.as_ref());
            return plan.map_or_else(
                || "a lane".to_owned(),
                |lane| format!("lane `{}`", lane.name),
            );
        }
        let rings = &self.rollouts[r].plan.rings;
        rings
            .get(subject.next())
            .map_or_else(|| "completion".to_owned(), |ring| ring.name.clone())
    }

    /// What an approver is shown beyond the documents.
    pub(crate) fn conditions(&self, r: usize, subject: Subject) -> Conditions {
        let rollout = &self.rollouts[r];
        let debt = subject
            .ring()
            .map_or(0, |ring| rollout.idx.rings[ring.index()].debt);
        Conditions {
            failed: rollout.idx.counted.iter().copied().map(Slot).collect(),
            debt,
        }
    }

    /// The rest of it: verdicts, who is in the ring to come, what was not tried.
    pub(crate) fn shown(&self, r: usize, subject: Subject) -> Shown {
        let rollout = &self.rollouts[r];
        let tested = &rollout.idx.tested;
        let gates = subject.ring().map_or_else(Vec::new, |ring| {
            let planned = rollout.plan.rings[ring.index()].planned;
            tested.verdicts(ring.index(), planned, &rollout.idx.rings[ring.index()])
        });
        let next = rollout.plan.rings.get(subject.next());
        let left_out = next.map_or_else(Vec::new, |next| {
            let first = next.first.0;
            let skipped = rollout.rec.skipped.range(first..first + next.planned);
            let skipped = skipped.map(|(slot, _)| *slot);
            let gone = self.fleet.spec.vanished.iter();
            let gone = gone.filter_map(|host| self.slot_of(r, *host));
            let gone = gone.filter(|slot| next.slots().contains(&(*slot as usize)));
            let excepted = self.excepted_in(r, subject.next());
            let all: BTreeSet<u32> = skipped.chain(gone).chain(excepted).collect();
            all.into_iter()
                .filter(|slot| {
                    let class = rollout.rec.slots[*slot as usize].state.class();
                    matches!(class, Class::Skipped | Class::Vanished | Class::Excepted)
                })
                .map(Slot)
                .collect()
        });
        let untested = match subject {
            // Nothing can have been tried before the first ring.
            Subject::Start | Subject::Lane => Vec::new(),
            Subject::Promotion { .. } | Subject::Early { .. } => tested.untested(subject.next()),
        };
        Shown {
            person: String::new(),
            deputy_in: None,
            gates,
            left_out,
            untested,
            expires: None,
        }
    }

    /// Binds a yes to what was shown with it.
    pub(crate) fn approval_digest(
        &self,
        r: usize,
        subject: Subject,
        conditions: &Conditions,
        shown: &Shown,
    ) -> Digest {
        let rollout = &self.rollouts[r];
        let slots = |slots: &[Slot]| -> Vec<u8> {
            slots.iter().flat_map(|slot| slot.0.to_le_bytes()).collect()
        };
        let gates: Vec<u8> = shown.gates.iter().map(|says| says.code()).collect();
        let untested: Vec<u8> = shown
            .untested
            .iter()
            .flat_map(|kind| kind.to_le_bytes())
            .collect();
        let (kind, ring) = subject.code();
        let asked = rollout.rec.lane.asked.as_ref();
        let asked = asked.filter(|_| subject == Subject::Lane);
        let hasher = Hasher::default();
        let hasher = match asked {
            Some(asked) => hasher
                .part(b"ringway lane")
                .part(asked.plan.as_bytes())
                .part(asked.reason.as_bytes()),
            None => hasher,
        };
        let hasher = hasher
            .part(b"ringway approval 2")
            .part(rollout.rec.plan.as_bytes())
            .part(&rollout.rec.id.0.to_le_bytes())
            .part(&[kind])
            .part(&ring.to_le_bytes())
            .part(&slots(&conditions.failed))
            .part(&conditions.debt.to_le_bytes())
            .part(&gates)
            .part(&slots(&shown.left_out))
            .part(&untested);
        // Where no evidence is asked for a yes is known by what it was known by before there was any.
        match self.coverage_digested(r, subject) {
            Some(coverage) => hasher.part(&coverage).finish(),
            None => hasher.finish(),
        }
    }

    /// In which respect what is there now is worse than what somebody approved, each with a word.
    pub(crate) fn worse(
        &self,
        now: (&Conditions, &Shown),
        then: (&Conditions, Option<&Shown>),
        r: usize,
    ) -> Option<String> {
        let (conditions, shown) = now;
        let fresh = conditions
            .failed
            .iter()
            .find(|slot| then.0.failed.binary_search(slot).is_err());
        if let Some(slot) = fresh {
            let host = self.host_name(r, slot.0);
            return Some(format!("`{host}` failed, and had not when it was given"));
        }
        if conditions.debt > then.0.debt {
            return Some("more hosts are left behind than when it was given".to_owned());
        }
        // Journals that had no more to show: what was not shown cannot have become worse.
        let then = then.1?;
        let regressed = shown.gates.iter().enumerate().find(|(gate, says)| {
            **says == Verdict::Regressed && then.gates.get(*gate) != Some(&Verdict::Regressed)
        });
        #[cfg(feature = "planted-bugs")]
        let regressed = regressed.filter(|_| !self.bug(crate::planted::Bug::RegressionIgnored));
        if let Some((gate, _)) = regressed {
            let name = self.gate_name(r, gate);
            return Some(format!("gate `{name}` regressed since it was given"));
        }
        let is_other = shown.left_out != then.left_out;
        #[cfg(feature = "planted-bugs")]
        let is_other = is_other && !self.bug(crate::planted::Bug::MembershipIgnored);
        if is_other {
            return Some("the ring to come has other hosts than when it was given".to_owned());
        }
        let lost = shown
            .untested
            .iter()
            .find(|kind| then.untested.binary_search(kind).is_err());
        #[cfg(feature = "planted-bugs")]
        let lost = lost.filter(|_| !self.bug(crate::planted::Bug::CoverageIgnored));
        lost.map(|kind| {
            let names = &self.rollouts[r].plan.consent.strata.names;
            let name = names.get(usize::from(*kind)).map_or("", String::as_str);
            format!("no host of kind `{name}` has the update any more")
        })
    }

    /// What a promotion still lacks, approvals aside: visits in flight, too many hosts left behind, evidence.
    pub(crate) fn promotion_waits(&self, r: usize, ring: RingIndex) -> Option<WaitingOn> {
        let rollout = &self.rollouts[r];
        let so_far = &rollout.idx.rings[..=ring.index()];
        let in_flight: u32 = so_far
            .iter()
            .map(|count| count.visiting + count.settling)
            .sum();
        // A host that was left behind and came back during the soak is to be visited, not forgotten. Whose restart only an
        // advisory keeps away holds nobody else up; the rollout is complete only when that is over.
        let is_last = ring.index() + 1 >= rollout.plan.rings.len();
        let pending: u32 = so_far
            .iter()
            .enumerate()
            .map(|(at, count)| {
                let advised = if is_last {
                    0
                } else {
                    self.restarts_advised(r, at)
                };
                count.withheld - advised + count.pending
            })
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
        let given_up = count.done == 0 && self.is_recovery(r, ring);
        let need = if rollout.plan.rings[ring.index()].planned == 0 || given_up {
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
