//! I9: enough distinct people who may, none of whom may not, all for what is in force.
//!
//! What an approver is shown is worked out here a second time: who failed, what each gate finds, whom people left out, which
//! kinds of hosts nothing was tried on, whose user it is. So a digest binds to what was so, and not to what was said.

use std::collections::BTreeSet;

use ringway_engine::{Conditions, Shown, Subject, Verdict};
use ringway_model::{Actor, Digest, Hasher, RingIndex, RolloutId, Slot, Span, Timestamp};
use ringway_policy::validated::NotBy;
use ringway_scheduler::Plan;
use ringway_scheduler::plan::ApprovalPlan;

use super::facts::{Class, Facts, Phase, RolloutFacts, ring_of};
use super::{Broken, ensure};

/// A yes that stands.
#[derive(Clone, Debug)]
pub(super) struct Approval {
    subject: Subject,
    actor: Actor,
    conditions: Conditions,
    /// Journals told less at first.
    shown: Option<Shown>,
    expires: Option<Timestamp>,
}

/// What the documents ask for.
struct Asked<'p> {
    rule: &'p ApprovalPlan,
    /// Who asks for it, and so may no more say yes to it than who started the rollout.
    by: Option<&'p Actor>,
    expire: Option<Span>,
    deputies: Vec<(&'p str, &'p str)>,
}

impl Approval {
    pub(super) const fn subject(&self) -> Subject {
        self.subject
    }

    /// Slots have other numbers from now on.
    pub(super) fn renumber(&mut self, to: impl Fn(usize) -> usize) {
        let shown = self.shown.iter_mut();
        let left_out = shown.flat_map(|shown| shown.left_out.iter_mut());
        for slot in left_out.chain(&mut self.conditions.failed) {
            *slot = Slot::at(to(slot.index()));
        }
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
        let early = self.opened.checked_sub(1).map(|ring| Subject::Early {
            ring: RingIndex::at(ring),
        });
        self.approvals
            .retain(|approval| approval.subject != at && Some(approval.subject) != early);
    }

    /// Whether something is still to come, so that somebody can say yes to it.
    pub(super) fn is_to_come(&self, subject: Subject) -> bool {
        let waits = match self.phase {
            Phase::Proposed | Phase::Advancing | Phase::Paused | Phase::Halted => true,
            Phase::RollingBack | Phase::Cancelling | Phase::Superseding | Phase::Over => false,
        };
        waits
            && match subject {
                Subject::Start => self.opened == 0,
                Subject::Promotion { ring } => {
                    ring.index() + 1 >= self.opened && ring.index() < self.rings.len()
                }
                Subject::Early { ring } => self
                    .soak
                    .is_some_and(|soak| soak.ring == ring.index() && !soak.ended),
                Subject::Lane => self.lane.asked.is_some() && self.phase != Phase::Proposed,
            }
    }

    /// Whether the time of something has come: all that can be observed was.
    fn is_due(&self, subject: Subject) -> bool {
        self.is_to_come(subject)
            && match subject {
                Subject::Start | Subject::Lane => true,
                Subject::Promotion { ring } => {
                    ring.index() + 1 == self.opened && self.soak.is_some_and(|soak| soak.ended)
                }
                Subject::Early { .. } => false,
            }
    }

    fn asked(&self, subject: Subject) -> Option<Asked<'_>> {
        let consent = &self.plan.consent;
        let of_ring = |ring: RingIndex| consent.rings.get(ring.index());
        let (rule, terms) = match subject {
            Subject::Start => (self.plan.start.as_ref()?, Some(&consent.start)),
            Subject::Promotion { ring } => (
                self.plan.rings.get(ring.index())?.after_soak.as_ref()?,
                of_ring(ring).map(|ring| &ring.after_soak),
            ),
            Subject::Early { ring } => {
                let early = of_ring(ring)?.early.as_ref()?;
                (&early.rule, Some(&early.terms))
            }
            Subject::Lane => {
                let asked = self.lane.asked.as_ref()?;
                let plan = &asked.plan;
                (plan.start.as_ref()?, Some(&plan.consent.start))
            }
        };
        let by = match subject {
            Subject::Lane => self.lane.asked.as_ref().map(|asked| &asked.by),
            Subject::Start | Subject::Promotion { .. } | Subject::Early { .. } => None,
        };
        let deputies = terms.into_iter().flat_map(|terms| &terms.deputies);
        Some(Asked {
            rule,
            by,
            expire: terms.and_then(|terms| terms.expire),
            deputies: deputies
                .map(|(person, team)| (person.as_str(), team.as_str()))
                .collect(),
        })
    }

    /// Hosts that count as failed in the rings up to one.
    fn failed(&self, ring: Option<usize>) -> BTreeSet<u32> {
        let all = self.slots.iter().enumerate();
        let failed = all.filter(|(slot, facts)| {
            facts.blamed && ring.is_some_and(|ring| ring_of(&self.plan, *slot) <= ring)
        });
        failed
            .map(|(slot, _)| u32::try_from(slot).unwrap_or(u32::MAX))
            .collect()
    }

    /// What somebody would be shown beyond the conditions.
    fn to_show(&self, subject: Subject) -> Shown {
        let observed = match subject {
            Subject::Start => None,
            // It opens no ring, and judges none.
            Subject::Lane => return Shown::default(),
            Subject::Promotion { ring } | Subject::Early { ring } => Some(ring.index()),
        };
        let next = observed.map_or(0, |ring| ring + 1);
        let gates = observed.map_or_else(Vec::new, |ring| {
            let counts = &self.rings[ring];
            let is_whole = counts.pending == 0 && counts.moving == 0 && counts.withheld == 0;
            let has_hosts = self.plan.rings[ring].planned > 0;
            (0..self.plan.gates.len())
                .map(|gate| {
                    let down = counts.reporting[gate] - counts.up[gate];
                    let all_up = counts.done > 0 && counts.up[gate] == counts.done;
                    match (down, is_whole && all_up || !has_hosts) {
                        (0, true) => Verdict::Pass,
                        (0, false) => Verdict::Inconclusive,
                        _ => Verdict::Regressed,
                    }
                })
                .collect()
        });
        let in_next = |slot: usize| ring_of(&self.plan, slot) == next;
        let all = || self.slots.iter().enumerate();
        let left_out = all()
            .filter(|(slot, facts)| in_next(*slot) && facts.class() == Class::Skipped)
            .map(|(slot, _)| Slot::at(slot));
        let kinds = &self.plan.consent.strata.of_slot;
        let mut untested = BTreeSet::new();
        if observed.is_some() && !kinds.is_empty() {
            let of_next = all().filter(|(slot, _)| in_next(*slot));
            untested.extend(of_next.map(|(slot, _)| kinds[slot]));
            for (slot, facts) in all() {
                let tried = match facts.class() {
                    Class::Pending | Class::Moving | Class::Withheld | Class::Done => true,
                    Class::Debt | Class::Skipped | Class::Other => false,
                };
                if tried && ring_of(&self.plan, slot) < next {
                    untested.remove(&kinds[slot]);
                }
            }
        }
        Shown {
            gates,
            left_out: left_out.collect(),
            untested: untested.into_iter().collect(),
            ..Shown::default()
        }
    }

    /// Whether what is so now is no worse than what a yes was shown.
    fn still_covers(&self, approval: &Approval, subject: Subject) -> bool {
        let ring = match subject {
            Subject::Start => None,
            Subject::Promotion { ring } | Subject::Early { ring } => Some(ring.index()),
            Subject::Lane => Some(self.rings.len()),
        };
        let shown: BTreeSet<u32> = approval
            .conditions
            .failed
            .iter()
            .map(|slot| slot.0)
            .collect();
        let debt = ring.and_then(|ring| self.rings.get(ring));
        let debt = debt.map_or(0, |ring| ring.debt);
        if !self.failed(ring).is_subset(&shown) || debt > approval.conditions.debt {
            return false;
        }
        let Some(then) = &approval.shown else {
            return true;
        };
        let now = self.to_show(subject);
        let mut gates = now.gates.iter().zip(&then.gates);
        gates.all(|(now, then)| *now != Verdict::Regressed || *then == Verdict::Regressed)
            && now.left_out == then.left_out
            && now.untested.iter().all(|kind| then.untested.contains(kind))
    }

    /// Whether somebody may approve.
    fn may(&self, asked: &Asked<'_>, user: &str) -> bool {
        let rule = asked.rule;
        let person = whose(&self.plan, user);
        let of_a_team = rule.by.is_empty() || rule.people.contains(&person);
        let excluded = rule.not_by.iter().any(|not| match not {
            NotBy::PolicyAuthor => wrote_it(&self.plan, &person),
            NotBy::Starter => {
                let mut all = std::iter::once(&self.starter).chain(asked.by);
                all.any(|one| whose(&self.plan, &one.0) == person)
            }
        });
        of_a_team && !excluded
    }
}

/// The person whose user name it is. Somebody who has the name of a person with other user names is nobody a document knows.
pub(super) fn whose(plan: &Plan, user: &str) -> String {
    let users = &plan.consent.users;
    let known = users.iter().find(|(name, _)| *name == user);
    match known {
        Some((_, person)) => person.clone(),
        None if users.iter().any(|(_, person)| person == user) => format!("user {user}"),
        None => user.to_owned(),
    }
}

/// The author is named as a person; plans of old have the name that the policy gave, which may be a user's.
pub(super) fn wrote_it(plan: &Plan, person: &str) -> bool {
    let author = plan.author.as_deref();
    author.is_some_and(|author| author == person || whose(plan, author) == person)
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
        let (plan, ring) = (self.plan_of(id)?, ring_code(subject));
        let failed = bytes_of(&conditions.failed);
        let bound = digest_of(&[
            b"ringway approval 1",
            plan.as_bytes(),
            &id.0.to_le_bytes(),
            &ring.to_le_bytes(),
            &failed,
            &conditions.debt.to_le_bytes(),
        ]);
        let shown = format!("{id} {subject:?} {conditions:?}");
        self.bind(actor, digest, bound, shown)?;
        self.rollout_mut(id)?.approvals.push(Approval {
            subject,
            actor: actor.clone(),
            conditions: conditions.clone(),
            shown: None,
            expires: None,
        });
        Ok(())
    }

    /// A yes as it is told since more is shown with it.
    #[expect(
        clippy::too_many_lines,
        reason = "everything that a yes must hold is checked in one place"
    )]
    pub(super) fn approval_given(
        &mut self,
        id: RolloutId,
        subject: Subject,
        (actor, digest): (&Actor, Digest),
        conditions: &Conditions,
        shown: &Shown,
    ) -> Result<(), Broken> {
        self.check_hours(id, subject, actor)?;
        let now = self.now;
        let rollout = self.rollout(id)?;
        let Some(asked) = rollout.asked(subject) else {
            return Err((
                super::Invariant::I9,
                format!("{actor} approved {id} ({subject:?}), which nobody asks for"),
            ));
        };
        ensure!(
            rollout.is_to_come(subject) && rollout.phase != Phase::Halted,
            I9,
            "{actor} approved {id} ({subject:?}), which is not to come"
        );
        ensure!(
            rollout.may(&asked, &actor.0),
            I9,
            "{actor} approved {id} ({subject:?}) and may not"
        );
        let person = whose(&rollout.plan, &actor.0);
        let deputies = asked.deputies.iter();
        let deputy = deputies
            .filter(|(name, _)| *name == person)
            .map(|(_, team)| (*team).to_owned())
            .next();
        ensure!(
            shown.person == person && shown.deputy_in == deputy,
            I9,
            "{actor} is {person}, deputy in {deputy:?}; the journal says {shown:?}"
        );
        ensure!(
            shown.expires == asked.expire.map(|span| now + span),
            I9,
            "the yes of {actor} to {id} is to end at {:?}; its policy says after {:?}",
            shown.expires,
            asked.expire
        );
        let seen: BTreeSet<u32> = conditions.failed.iter().map(|slot| slot.0).collect();
        let last = rollout.rings.len();
        ensure!(
            rollout.failed(Some(last)).is_subset(&seen),
            I9,
            "{actor} approved {id} ({subject:?}) and was shown that {seen:?} failed, of {:?}",
            rollout.failed(Some(last))
        );
        let so = rollout.to_show(subject);
        ensure!(
            so.gates == shown.gates
                && so.left_out == shown.left_out
                && so.untested == shown.untested,
            I9,
            "{actor} approved {id} ({subject:?}) and was shown {shown:?}; it was {so:?}"
        );
        let plan = self.plan_of(id)?;
        let kind = match subject {
            Subject::Start => 0_u8,
            Subject::Promotion { .. } => 1,
            Subject::Early { .. } => 2,
            Subject::Lane => 3,
        };
        let lane = rollout.lane.asked.as_ref();
        let lane = lane.filter(|_| subject == Subject::Lane);
        let lane: Vec<Vec<u8>> = lane.map_or_else(Vec::new, |asked| {
            vec![
                b"ringway lane".to_vec(),
                asked.digest.as_bytes().to_vec(),
                asked.reason.as_bytes().to_vec(),
            ]
        });
        let gates: Vec<u8> = so.gates.iter().map(|says| gate_code(*says)).collect();
        let kinds = so.untested.iter().flat_map(|kind| kind.to_le_bytes());
        let own: [&[u8]; 10] = [
            b"ringway approval 2",
            plan.as_bytes(),
            &id.0.to_le_bytes(),
            &[kind],
            &ring_code(subject).to_le_bytes(),
            &bytes_of(&conditions.failed),
            &conditions.debt.to_le_bytes(),
            &gates,
            &bytes_of(&so.left_out),
            &kinds.collect::<Vec<u8>>(),
        ];
        let opens = match subject {
            Subject::Start => 0,
            Subject::Promotion { ring } | Subject::Early { ring } => ring.index() + 1,
            // None.
            Subject::Lane => usize::MAX,
        };
        let coverage = self.coverage_said(id, opens)?;
        let all = lane.iter().map(Vec::as_slice).chain(own);
        let all: Vec<&[u8]> = all.chain(coverage.as_deref()).collect();
        let bound = digest_of(&all);
        let said = format!(
            "{lane:?} {id} {subject:?} {conditions:?} {gates:?} {:?} {:?} {coverage:?}",
            so.left_out, so.untested
        );
        self.bind(actor, digest, bound, said)?;
        self.rollout_mut(id)?.approvals.push(Approval {
            subject,
            actor: actor.clone(),
            conditions: conditions.clone(),
            shown: Some(so),
            expires: shown.expires,
        });
        Ok(())
    }

    /// One digest stands for one thing that was shown: a digest that two different things share binds nobody.
    fn bind(
        &mut self,
        actor: &Actor,
        digest: Digest,
        bound: Digest,
        shown: String,
    ) -> Result<(), Broken> {
        ensure!(
            bound == digest,
            I9,
            "{actor} approved `{shown}` with digest {}; what was there has {}",
            digest.short(),
            bound.short()
        );
        if let Some(before) = self.approved.get(&digest) {
            ensure!(
                *before == shown,
                I9,
                "{actor} approved `{shown}` with the digest of `{before}`"
            );
        }
        self.approved.insert(digest, shown);
        Ok(())
    }

    fn plan_of(&self, id: RolloutId) -> Result<Digest, Broken> {
        self.registered(id).ok_or_else(|| {
            (
                super::Invariant::I15,
                format!("{id} has a plan that nobody registered"),
            )
        })
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

    /// The people whose yes stands and covers what is so now: enough of them.
    pub(super) fn check_approvals(
        &self,
        id: RolloutId,
        subject: Subject,
    ) -> Result<BTreeSet<String>, Broken> {
        let rollout = self.rollout(id)?;
        let Some(asked) = rollout.asked(subject) else {
            return Ok(BTreeSet::new());
        };
        let now = self.now;
        let people: BTreeSet<String> = rollout
            .approvals
            .iter()
            .filter(|approval| approval.subject == subject)
            .filter(|approval| rollout.may(&asked, &approval.actor.0))
            .filter(|approval| approval.expires.is_none_or(|at| now < at))
            .filter(|approval| rollout.still_covers(approval, subject))
            .map(|approval| whose(&rollout.plan, &approval.actor.0))
            .collect();
        ensure!(
            people.len() >= usize::from(asked.rule.needed),
            I9,
            "{id} goes on ({subject:?}) with the yes of {people:?}; {} are needed",
            asked.rule.needed
        );
        Ok(people)
    }

    /// After a batch: no yes stands whose time is over, and none, once its time has come, that was shown something better.
    pub(super) fn check_standing(&self, id: RolloutId) -> Result<(), Broken> {
        let Some(rollout) = self.rollouts.get(&id) else {
            return Ok(());
        };
        let judged = !self.stopped
            && !self.faulted
            && matches!(rollout.phase, Phase::Proposed | Phase::Advancing);
        for approval in &rollout.approvals {
            let (subject, actor) = (approval.subject, &approval.actor);
            ensure!(
                !rollout.is_to_come(subject) || approval.expires.is_none_or(|at| self.now < at),
                I9,
                "the yes of {actor} to {id} ({subject:?}) stands after its time"
            );
            ensure!(
                !judged || !rollout.is_due(subject) || rollout.still_covers(approval, subject),
                I9,
                "the yes of {actor} to {id} ({subject:?}) stands although it was shown something better"
            );
        }
        Ok(())
    }

    /// A soak ended before its time: people wanted that, who may, after the bound, on evidence.
    pub(super) fn soak_cut_short(
        &mut self,
        id: RolloutId,
        ring: usize,
        said: (Span, &[String]),
    ) -> Result<(), Broken> {
        let (now, held) = (self.now, self.stopped || self.faulted);
        let subject = Subject::Early {
            ring: RingIndex::at(ring),
        };
        let people = self.check_approvals(id, subject)?;
        let rollout = self.rollout(id)?;
        let early = rollout.plan.consent.rings.get(ring);
        let at_least = early.and_then(|ring| Some(ring.early.as_ref()?.at_least));
        let soak = rollout.soak.filter(|soak| soak.ring == ring && !soak.ended);
        let (Some(at_least), Some(soak)) = (at_least, soak) else {
            return Err((
                super::Invariant::I11,
                format!("{id} ends the soak of ring {ring} early, which does not soak or may not"),
            ));
        };
        let running = soak.since.map_or(Span::ZERO, |since| now.since(since));
        let observed = soak.accrued.plus(running);
        ensure!(
            observed >= at_least && said.0 >= at_least,
            I11,
            "{id} ends the soak of ring {ring} after {observed} (it says {}); people may after {at_least}",
            said.0
        );
        let named: BTreeSet<String> = said.1.iter().cloned().collect();
        ensure!(
            named == people,
            I9,
            "{id} ends the soak of ring {ring} for {named:?}; it were {people:?}"
        );
        ensure!(
            !held && rollout.phase == Phase::Advancing,
            I4,
            "{id} ends the soak of ring {ring} early in a scope that is held"
        );
        let is_last = ring + 1 == rollout.plan.rings.len();
        let kept = if is_last {
            0
        } else {
            self.restarts_kept(id, ring)
        };
        super::promotion::check_ring(id, rollout, ring, kept)?;
        if let Some(soak) = &mut self.rollout_mut(id)?.soak {
            (soak.ended, soak.since, soak.accrued) = (true, None, observed);
        }
        Ok(())
    }
}

fn ring_code(subject: Subject) -> u32 {
    match subject {
        Subject::Start | Subject::Lane => u32::MAX,
        Subject::Promotion { ring } | Subject::Early { ring } => u32::from(ring.0),
    }
}

const fn gate_code(says: Verdict) -> u8 {
    match says {
        // Silence is neither: a promotion waits for it, and a yes does not depend on who could be asked just then.
        Verdict::Pass | Verdict::Inconclusive => 0,
        Verdict::Regressed => 1,
    }
}

fn bytes_of(slots: &[Slot]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for slot in slots {
        bytes.extend_from_slice(&slot.0.to_le_bytes());
    }
    bytes
}

fn digest_of(parts: &[&[u8]]) -> Digest {
    let mut hasher = Hasher::default();
    for part in parts {
        hasher = hasher.part(part);
    }
    hasher.finish()
}
