//! Who may say yes or no, and what becomes of it: kept, used, void.
//!
//! What a yes covers is in `approve`. A user speaks for the person whose user name it is; what counts are people. Deputies
//! stand in for a member at any time: who is on holiday is not known here, and the record says that it was a deputy.
//!
//! # Invariants
//!
//! * A promotion has enough yeses of different people, of the right teams, none of whom must not (I9).
//! * A yes that has a time is void when that has come, whatever else is so.
//! * A soak ends early only by a person's decision, never before the policy's bound, and never without the evidence that a
//!   promotion needs (I11).

use ringway_model::{Actor, Digest, RingIndex, Span, Timestamp, WaitingOn};
use ringway_policy::validated::NotBy;

use crate::approve::Rule;
use crate::command::{Rejected, Subject};
use crate::engine::Engine;
use crate::event::{Event, Final, Shown};
use crate::rollout::{RolloutState, Stage};

/// The longest reason and question, in bytes: a paragraph, not a document.
pub(crate) const LONGEST_WORDS: usize = 4096;

/// As whom somebody speaks.
pub(crate) struct Standing {
    pub(crate) person: String,
    pub(crate) deputy_in: Option<String>,
}

impl Engine {
    pub(crate) fn approve(
        &mut self,
        r: usize,
        actor: &Actor,
        subject: Subject,
        digest: Digest,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let id = self.rollouts[r].rec.id;
        if let Subject::Early { ring } = subject {
            let hint = "say why: `promote --early --reason`";
            let why = format!(
                "ending the soak of ring no. {} early needs a reason",
                ring.0
            );
            return Err(Rejected::new("reason-missing", why, hint));
        }
        self.say_yes(r, actor, subject, digest, "", out)
            .map_err(|rejected| {
                if rejected.code == "nothing-to-approve" && self.rule(r, subject).is_none() {
                    let why = format!("rollout {id} needs no approval here");
                    return Rejected { why, ..rejected };
                }
                rejected
            })
    }

    /// A yes to ending the soak of the open ring before its time.
    pub(crate) fn promote_early(
        &mut self,
        r: usize,
        actor: &Actor,
        (ring, digest): (RingIndex, Digest),
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        if reason.trim().is_empty() {
            let why = "ending a soak before its time needs a reason";
            let hint = "say why: `promote --early --reason`";
            return Err(Rejected::new("reason-missing", why, hint));
        }
        check_length(reason, "reason")?;
        let rollout = &self.rollouts[r];
        let Some(name) = rollout.plan.rings.get(ring.index()).map(|ring| &ring.name) else {
            let why = format!("rollout {} has no ring no. {}", rollout.rec.id, ring.0);
            return Err(Rejected::new(
                "not-found",
                why,
                "`ringway status` names them",
            ));
        };
        if rollout.plan.consent.early(ring.index()).is_none() {
            let policy = &rollout.plan.policy;
            let why = format!("policy `{policy}` does not let ring `{name}` be promoted early");
            let hint = "`promote_early` in its ring would, in a rollout that starts after that";
            return Err(Rejected::new("not-allowed", why, hint));
        }
        self.say_yes(r, actor, Subject::Early { ring }, digest, reason, out)
    }

    fn say_yes(
        &mut self,
        r: usize,
        actor: &Actor,
        subject: Subject,
        digest: Digest,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let id = self.rollouts[r].rec.id;
        if matches!(self.rollouts[r].rec.state, RolloutState::Halted { .. }) {
            let hint = "decide how it goes on first: resume with a reason, rollback, or cancel";
            let why = format!("rollout {id} is halted");
            return Err(Rejected::new("wrong-state", why, hint));
        }
        let rule = self.rule(r, subject).filter(|_| self.is_open(r, subject));
        let Some(rule) = rule else {
            let why = match subject {
                Subject::Early { .. } => format!("rollout {id} does not soak in that ring"),
                Subject::Lane => format!("nobody asks that rollout {id} be let into a lane"),
                Subject::Start | Subject::Promotion { .. } => {
                    format!("rollout {id} is not at what this approves")
                }
            };
            let hint = "`ringway status` says what it waits for";
            return Err(Rejected::new("nothing-to-approve", why, hint));
        };
        let standing = self.may_approve(r, rule, actor)?;
        self.within_hours(r, subject)?;
        let expires = rule
            .terms
            .and_then(|terms| terms.expire)
            .map(|span| self.now + span);
        let conditions = self.conditions(r, subject);
        let shown = Shown {
            person: standing.person,
            deputy_in: standing.deputy_in,
            expires,
            ..self.shown(r, subject)
        };
        let is_stale = digest != self.approval_digest(r, subject, &conditions, &shown);
        #[cfg(feature = "planted-bugs")]
        let is_stale = is_stale && !self.bug(crate::planted::Bug::StaleDigestAccepted);
        if is_stale {
            let why = "what you were shown has changed since: other failed hosts, another verdict of a gate, or other hosts to come";
            let hint = "look again and approve what is there now";
            return Err(Rejected::new("stale-digest", why, hint));
        }
        if let Some(before) = self.yes_of(r, subject, &shown.person, actor) {
            let why =
                format!("{before} has approved this already; approvals are of distinct people");
            let hint = "somebody else must approve too";
            return Err(Rejected::new("already-approved", why, hint));
        }
        self.emit(
            Event::ApprovalGiven {
                rollout: id,
                subject,
                actor: actor.clone(),
                digest,
                conditions,
                shown,
                reason: reason.to_owned(),
            },
            out,
        );
        Ok(())
    }

    /// Whether a person, by whichever of their user names, has said yes to this already.
    fn yes_of(&self, r: usize, subject: Subject, person: &str, actor: &Actor) -> Option<String> {
        let rollout = &self.rollouts[r];
        let consent = &rollout.plan.consent;
        let mut before = rollout.rec.approvals.iter();
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::ApprovalCountedTwice) {
            return None;
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::UsersCountTwice) {
            return before
                .find(|yes| yes.subject == subject && yes.actor == *actor)
                .map(|_| person.to_owned());
        }
        let same = |user: &Actor| user == actor || consent.person(&user.0) == person;
        before
            .find(|yes| yes.subject == subject && same(&yes.actor))
            .map(|_| person.to_owned())
    }

    /// Why a person must not say yes, although of the right team.
    pub(crate) fn excluded(&self, r: usize, rule: Rule<'_>, person: &str) -> Option<&'static str> {
        let rollout = &self.rollouts[r];
        let consent = &rollout.plan.consent;
        rule.plan.not_by.iter().find_map(|not_by| {
            let (is_excluded, role) = match not_by {
                NotBy::PolicyAuthor => (rollout.plan.is_author(person), "wrote the policy"),
                NotBy::Starter
                    if rule
                        .asked_by
                        .is_some_and(|by| consent.person(&by.0) == person) =>
                {
                    (true, "asked for it")
                }
                NotBy::Starter => (
                    consent.person(&rollout.rec.starter.0) == person,
                    "started the rollout",
                ),
            };
            #[cfg(feature = "planted-bugs")]
            let is_excluded = is_excluded && !self.bug(crate::planted::Bug::DutiesNotSeparated);
            is_excluded.then_some(role)
        })
    }

    /// As whom a user may say yes or no.
    pub(crate) fn may_approve(
        &self,
        r: usize,
        rule: Rule<'_>,
        actor: &Actor,
    ) -> Result<Standing, Rejected> {
        let consent = &self.rollouts[r].plan.consent;
        let person = consent.person(&actor.0);
        if !rule.plan.by.is_empty() && !rule.plan.people.contains(&person) {
            let why = format!("{actor} is in none of the teams that may approve this");
            let hint = format!("somebody of {} must", rule.plan.by.join(" or "));
            return Err(Rejected::new("not-allowed", why, &hint));
        }
        if let Some(role) = self.excluded(r, rule, &person) {
            let why = format!("{person} {role}, and duties are separated");
            let hint = "somebody else must approve";
            return Err(Rejected::new("not-allowed", why, hint));
        }
        let deputies = rule.terms.map(|terms| &terms.deputies);
        let deputy_in = deputies.and_then(|deputies| deputies.get(&person).cloned());
        Ok(Standing { person, deputy_in })
    }

    pub(crate) fn decline(
        &mut self,
        r: usize,
        actor: &Actor,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let id = self.rollouts[r].rec.id;
        let rule = self.subject(r).and_then(|subject| self.rule(r, subject));
        let Some(rule) = rule else {
            let why = format!("rollout {id} asks for no approval");
            let hint = "`pause` or `halt` hold it";
            return Err(Rejected::new("nothing-to-approve", why, hint));
        };
        match &self.rollouts[r].rec.state {
            // Said again: the no that holds it.
            RolloutState::Paused {
                by, reason: held, ..
            } if by == actor && held == reason => return Ok(()),
            // Somebody else's pause, or an earlier no, ends with `resume`, and a yes from before would count then.
            RolloutState::Proposed | RolloutState::Advancing(_) | RolloutState::Paused { .. } => {}
            RolloutState::Halted { .. } => {
                let why = format!("rollout {id} is halted");
                let hint = "nothing goes on until somebody decides how: leave it, cancel it, or roll it back";
                return Err(Rejected::new("wrong-state", why, hint));
            }
            RolloutState::RollingBack
            | RolloutState::Cancelling
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled
            | RolloutState::Superseding { .. }
            | RolloutState::Superseded { .. } => {
                let word = self.rollouts[r].rec.state.word();
                let why = format!("rollout {id} is {word}");
                return Err(Rejected::new("wrong-state", why, ""));
            }
        }
        self.may_approve(r, rule, actor)?;
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
                    how: Final::Cancelled,
                },
                out,
            );
        } else {
            self.take_back(r, out);
        }
        Ok(())
    }

    /// Whether a subject whose time has come has its approvals. One that no longer stands is void, with a word why.
    pub(crate) fn approved(&mut self, r: usize, subject: Subject, out: &mut Vec<Event>) -> bool {
        let Some(needed) = self.rule(r, subject).map(|rule| rule.plan.needed) else {
            return true;
        };
        let void = self.would_be_void(r, subject);
        #[cfg(feature = "planted-bugs")]
        let void = if self.bug(crate::planted::Bug::VoidForgotten) {
            Vec::new()
        } else {
            void
        };
        for (actor, why) in void {
            self.void(r, subject, actor, why, out);
        }
        #[cfg(feature = "planted-bugs")]
        let needed = match subject {
            Subject::Early { .. } if self.bug(crate::planted::Bug::EarlyWithTooFew) => needed - 1,
            Subject::Lane if self.bug(crate::planted::Bug::LaneWithTooFew) => needed - 1,
            Subject::Start | Subject::Promotion { .. } | Subject::Early { .. } | Subject::Lane => {
                needed
            }
        };
        self.approvals(r, subject) >= needed
    }

    /// Every yes to a subject that would be void if its time had come, each with a word why.
    pub(crate) fn would_be_void(&self, r: usize, subject: Subject) -> Vec<(Actor, String)> {
        let rollout = &self.rollouts[r];
        let all = rollout.rec.approvals.iter();
        let mut all = all.filter(|yes| yes.subject == subject).peekable();
        if all.peek().is_none() {
            return Vec::new();
        }
        let (conditions, shown) = (self.conditions(r, subject), self.shown(r, subject));
        all.filter_map(|yes| {
            let then = yes.given.as_ref().map(|given| &given.shown);
            let why = self.worse((&conditions, &shown), (&yes.conditions, then), r)?;
            Some((yes.actor.clone(), why))
        })
        .collect()
    }

    pub(crate) fn void(
        &mut self,
        r: usize,
        subject: Subject,
        actor: Actor,
        why: String,
        out: &mut Vec<Event>,
    ) {
        let rollout = self.rollouts[r].rec.id;
        self.emit(
            Event::ApprovalVoided {
                rollout,
                subject,
                actor,
                why,
            },
            out,
        );
    }

    /// Voids every yes whose own time is over. One that was used already needs none any more.
    pub(crate) fn expire_approvals(&mut self, out: &mut Vec<Event>) {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::ExpiryIgnored) {
            return;
        }
        for r in 0..self.rollouts.len() {
            let over: Vec<(Subject, Actor)> = self
                .expiring(r)
                .filter(|(at, ..)| *at <= self.now)
                .map(|(_, subject, actor)| (subject, actor.clone()))
                .collect();
            for (subject, actor) in over {
                let why = "it was not used in the time for which it was given".to_owned();
                self.void(r, subject, actor, why, out);
            }
        }
    }

    /// Yeses that end by themselves, each with when.
    fn expiring(&self, r: usize) -> impl Iterator<Item = (Timestamp, Subject, &Actor)> {
        let all = self.rollouts[r].rec.approvals.iter();
        all.filter_map(move |yes| {
            let at = yes.expires()?;
            self.is_open(r, yes.subject)
                .then_some((at, yes.subject, &yes.actor))
        })
    }

    /// When the next yes is void by itself, or the next soak may end early that enough people want to.
    pub(crate) fn next_of_approvals(&self) -> Option<Timestamp> {
        let all = (0..self.rollouts.len()).flat_map(|r| {
            let expiring = self.expiring(r).map(|(at, ..)| at);
            expiring.chain(self.early_at(r))
        });
        all.min()
    }

    /// Approvals a subject has.
    pub(crate) fn approvals(&self, r: usize, subject: Subject) -> u8 {
        let all = self.rollouts[r].rec.approvals.iter();
        let count = all.filter(|yes| yes.subject == subject).count();
        u8::try_from(count).unwrap_or(u8::MAX)
    }

    /// What a rollout waits for people to approve, if it does.
    pub(crate) fn approval_wanted(&self, r: usize) -> Option<(WaitingOn, Subject)> {
        let subject = self.subject(r)?;
        Some((self.wanted(r, subject)?, subject))
    }

    /// What of the yeses to a subject is missing.
    pub(crate) fn wanted(&self, r: usize, subject: Subject) -> Option<WaitingOn> {
        let rule = self.rule(r, subject)?;
        let have = self.approvals(r, subject);
        if have >= rule.plan.needed {
            return None;
        }
        let (could, cannot) = self.who_could(r, subject, rule);
        let expiring = self.expiring(r).filter(|(_, of, _)| *of == subject);
        Some(WaitingOn::Approval {
            to: self.starts(r, subject),
            by: rule.plan.by.clone(),
            have,
            need: rule.plan.needed,
            could: could.iter().map(ToString::to_string).collect(),
            cannot: cannot.iter().map(ToString::to_string).collect(),
            expires: expiring.map(|(at, ..)| at).min(),
        })
    }

    /// How long the ring that soaks was observed so far.
    pub(crate) fn observed(&self, r: usize) -> Option<Span> {
        let Some(Stage::Soaking { accrued, since, .. }) = self.stage(r) else {
            return None;
        };
        let running = since.map_or(Span::ZERO, |since| self.now.since(since));
        Some(accrued.plus(running))
    }

    /// When the soak that runs may end early, where enough people want it and that is to come.
    fn early_at(&self, r: usize) -> Option<Timestamp> {
        let Some(Stage::Soaking {
            ring,
            accrued,
            since: Some(since),
        }) = self.stage(r)
        else {
            return None;
        };
        let early = self.rollouts[r].plan.consent.early(ring.index())?;
        let at = since + early.at_least.less(accrued);
        let wanted = self.approvals(r, Subject::Early { ring }) >= early.rule.needed;
        (wanted && at > self.now).then_some(at)
    }

    /// Ends a soak before its time where enough people want it, the policy's bound is met, and the evidence is as for a
    /// promotion; true when it did.
    pub(crate) fn cut_short(&mut self, r: usize, ring: RingIndex, out: &mut Vec<Event>) -> bool {
        let rollout = &self.rollouts[r];
        let Some(early) = rollout.plan.consent.early(ring.index()) else {
            return false;
        };
        let at_least = early.at_least;
        #[cfg(feature = "planted-bugs")]
        let at_least = if self.bug(crate::planted::Bug::EarlyTooSoon) {
            Span(at_least.millis() / 2)
        } else {
            at_least
        };
        let subject = Subject::Early { ring };
        let Some(observed) = self.observed(r).filter(|observed| *observed >= at_least) else {
            return false;
        };
        let lacks =
            self.promotion_waits(r, ring).is_some() || self.coverage_keeps_ring(r, ring).is_some();
        #[cfg(feature = "planted-bugs")]
        let lacks = lacks && !self.bug(crate::planted::Bug::EarlyBlind);
        if self.approvals(r, subject) == 0 || !self.approved(r, subject, out) || lacks {
            return false;
        }
        let rollout = &self.rollouts[r];
        let wanted = rollout.rec.approvals.iter();
        let wanted = wanted.filter(|yes| yes.subject == subject);
        let people = wanted
            .map(|yes| rollout.plan.consent.person(&yes.actor.0))
            .collect();
        let rollout = rollout.rec.id;
        self.emit(
            Event::SoakCutShort {
                rollout,
                ring,
                observed,
                people,
            },
            out,
        );
        true
    }
}

/// What people write is a paragraph.
pub(crate) fn check_length(text: &str, what: &str) -> Result<(), Rejected> {
    if text.len() <= LONGEST_WORDS {
        return Ok(());
    }
    let why = format!(
        "the {what} has {} bytes, and at most {LONGEST_WORDS} are kept",
        text.len()
    );
    let hint = "say it shorter, or where it is written";
    Err(Rejected::new("wrong-state", why, hint))
}
