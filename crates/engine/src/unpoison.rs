//! Taking a poisoning back, and who must agree to that.
//!
//! What was poisoned may be installed again by a person's word where no policy says more. Where policies ask for approvals, it
//! is asked for first, stays poisoned, and is so no longer with the last yes that is needed. This module decides what is asked,
//! whose yes counts, and when nothing is asked any more.
//!
//! # Whose policies
//!
//! Those of rollouts, over or not, that have any of the content in their plan; of several of one policy the latest. Where
//! there are several, each must have what it asks for, so that the strictest is met in every respect. One yes counts for all
//! of them whose teams the person is of.
//!
//! # Invariants
//!
//! * Nothing is taken back before every one of these policies has enough yeses of different people of its teams (I10).
//! * A yes is to exactly what is asked: which content, poisoned by whom and why, who asks and why, and what the policies ask for.
//! * Where what is poisoned of that content changes, nothing is asked any more: neither is it after the time of the policies.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Actor, Content, Digest, Hasher, Span, Timestamp, WaitingOn};
use ringway_policy::validated::NotBy;
use ringway_scheduler::consent::UnpoisonPlan;
use ringway_scheduler::plan::Route;
use serde::{Deserialize, Serialize};

use crate::approve::Rule;
use crate::command::Rejected;
use crate::consent::{Standing, check_length};
use crate::engine::Engine;
use crate::event::Event;
use crate::poison::Poison;
use crate::view::{CannotView, CouldView, UnpoisonRuleView, UnpoisonView};

/// What was asked, and how often anything was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unpoisonings {
    /// The number of the last one.
    pub(crate) last: u32,
    /// What is asked now, in the order in which it was.
    pub(crate) of: Vec<Request>,
}

/// A request to take poisonings back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) number: u32,
    pub(crate) contents: Vec<Content>,
    pub(crate) by: Actor,
    pub(crate) reason: String,
    pub(crate) at: Timestamp,
    /// What was poisoned of the content when it was asked.
    pub(crate) poisoned: Digest,
    /// Who said yes.
    pub(crate) said: Vec<Actor>,
    /// The rollouts whose policies must agree. Derived: it is asked of every host that waits because of it.
    #[serde(skip)]
    pub(crate) rules: Vec<usize>,
}

impl Unpoisonings {
    pub(crate) const fn is_empty(&self) -> bool {
        self.last == 0
    }

    fn find(&self, number: u32) -> Option<&Request> {
        self.of.iter().find(|request| request.number == number)
    }
}

/// Whether one of these is about the other.
fn overlap(one: &Content, other: &Content) -> bool {
    one.covers(other) || other.covers(one)
}

impl Engine {
    /// Takes poisonings back that people gave, or asks for that.
    pub(crate) fn unpoison(
        &mut self,
        actor: &Actor,
        (id, build): (&str, Option<&str>),
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        if reason.trim().is_empty() {
            return Err(Rejected::new(
                "reason-missing",
                "taking a poisoning back needs a reason",
                "say what is known now: `--reason`",
            ));
        }
        check_length(reason, "reason")?;
        self.lapse_unpoisonings(out);
        let contents = self.poisoned_as(id, build)?;
        if self.who_must_agree(&contents).is_empty() {
            self.take_poison_back(contents, actor, reason, out);
            return Ok(());
        }
        let known = self.unpoisonings.of.iter();
        let is_known = known.clone().any(|request| {
            request.contents == contents && request.by == *actor && request.reason == reason
        });
        if is_known {
            return Ok(());
        }
        let about = |request: &&Request| {
            let mut all = request.contents.iter();
            all.any(|content| contents.iter().any(|new| overlap(content, new)))
        };
        let others: Vec<u32> = known.filter(about).map(|request| request.number).collect();
        for number in others {
            self.lapse(number, None, format!("{actor} asked anew"), out);
        }
        self.emit(
            Event::UnpoisonAsked {
                number: self.unpoisonings.last + 1,
                contents: contents.clone(),
                actor: actor.clone(),
                reason: reason.to_owned(),
            },
            out,
        );
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::UnpoisonedWhenAsked) {
            self.take_poison_back(contents, actor, reason, out);
        }
        Ok(())
    }

    /// The poisonings that people gave of content of this name.
    fn poisoned_as(&self, id: &str, build: Option<&str>) -> Result<Vec<Content>, Rejected> {
        let is_meant = |content: &Content| {
            content.id == id && (build.is_none() || content.build.as_deref() == build)
        };
        let given = self.poisons_given().into_iter();
        let contents: Vec<Content> = given
            .map(|poison| &poison.content)
            .filter(|content| is_meant(content))
            .cloned()
            .collect();
        if !contents.is_empty() {
            return Ok(contents);
        }
        let mut poisons = self.poisons.iter();
        let advised = poisons.find_map(|poison| {
            let advisory = poison.advisory.as_ref()?;
            is_meant(&poison.content).then_some(advisory)
        });
        if let Some(advisory) = advised {
            return Err(Rejected::new(
                "wrong-state",
                format!("{id} is poisoned by advisory {advisory}, and by nobody else"),
                &format!("`ringway advisory withdraw {advisory}` takes that back"),
            ));
        }
        let ids = self.poisons.iter();
        let ids: Vec<String> = ids.map(|poison| poison.content.to_string()).collect();
        let hint = if ids.is_empty() {
            "nothing is poisoned".to_owned()
        } else {
            format!("poisoned are: {}", ids.join(", "))
        };
        let what = build.map_or_else(|| id.to_owned(), |build| format!("{id} (build {build})"));
        let why = format!("{what} is not poisoned");
        Err(Rejected::new("not-found", why, &hint))
    }

    /// Content may be installed again, as far as these poisonings are concerned.
    fn take_poison_back(
        &mut self,
        contents: Vec<Content>,
        actor: &Actor,
        reason: &str,
        out: &mut Vec<Event>,
    ) {
        let rollouts = self.rollouts.iter();
        let before: Vec<_> = rollouts.map(|rollout| rollout.poisoned.clone()).collect();
        self.emit(
            Event::Unpoisoned {
                contents,
                actor: actor.clone(),
                reason: reason.to_owned(),
            },
            out,
        );
        self.after_unpoisoned(&before);
    }

    /// Whose policies must agree: by policy the rollout whose plan says so.
    fn who_must_agree(&self, contents: &[Content]) -> Vec<usize> {
        let mut latest: BTreeMap<&str, usize> = BTreeMap::new();
        for (r, rollout) in self.rollouts.iter().enumerate() {
            let is_meant = |route: &Route| {
                let (content, former) = (route.content(), route.former_digest());
                let mut all = contents.iter();
                all.any(|one| one.covers(&content) || one.digest == Some(former))
            };
            if rollout.plan.routes.iter().any(is_meant) {
                latest.insert(&rollout.plan.policy, r);
            }
        }
        let all = latest.into_values();
        all.filter(|&r| self.rollouts[r].plan.unpoison.is_some())
            .collect()
    }

    /// Whose policies must agree to what is asked, anew: plans are others now.
    pub(crate) fn mark_unpoisonings(&mut self) {
        let all = self.unpoisonings.of.iter();
        let rules: Vec<Vec<usize>> = all
            .map(|request| self.who_must_agree(&request.contents))
            .collect();
        for (request, rules) in self.unpoisonings.of.iter_mut().zip(rules) {
            request.rules = rules;
        }
    }

    /// The rules of those policies.
    fn unpoison_rules(&self, request: &Request) -> impl Iterator<Item = (usize, &UnpoisonPlan)> {
        let rules = request.rules.iter();
        rules.filter_map(|&r| Some((r, self.rollouts[r].plan.unpoison.as_ref()?)))
    }

    /// When what is asked is asked no longer: the shortest time that a policy gives.
    fn unpoison_until(&self, request: &Request) -> Option<Timestamp> {
        let rules = self.unpoison_rules(request);
        let shortest = rules.filter_map(|(_, rule)| rule.terms.expire).min();
        shortest.map(|span| request.at + span)
    }

    /// When something is asked no longer for that alone.
    pub(crate) fn next_of_unpoisonings(&self) -> Option<Timestamp> {
        let all = self.unpoisonings.of.iter();
        all.filter_map(|request| self.unpoison_until(request)).min()
    }

    /// As whom a user may say yes to what is asked, by one policy's rule.
    fn may_agree(
        &self,
        request: &Request,
        (r, rule): (usize, &UnpoisonPlan),
        user: &Actor,
    ) -> Result<Standing, Rejected> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::UnpoisonByAnybody) {
            let person = self.rollouts[r].plan.consent.person(&user.0);
            let deputy_in = None;
            return Ok(Standing { person, deputy_in });
        }
        self.may_approve(r, rule_of(rule, &request.by), user)
    }

    /// Who of those that said yes counts by a policy's rule.
    fn agreed(&self, request: &Request, rule: (usize, &UnpoisonPlan)) -> Vec<String> {
        let said = request.said.iter();
        let people = said.filter_map(|user| self.may_agree(request, rule, user).ok());
        let mut people: Vec<String> = people.map(|standing| standing.person).collect();
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::UnpoisonCountsTwice) {
            return people;
        }
        people.sort();
        people.dedup();
        people
    }

    /// The first policy whose approvals are missing, with how many there are.
    fn disagrees<'r>(&'r self, request: &Request) -> Option<(usize, &'r UnpoisonPlan, u8)> {
        let rules = self.unpoison_rules(request);
        let mut counted = rules.map(|(r, rule)| {
            let have = self.agreed(request, (r, rule)).len();
            (r, rule, u8::try_from(have).unwrap_or(u8::MAX))
        });
        counted.find(|(_, rule, have)| *have < rule.rule.needed)
    }

    /// Binds a yes to what was shown with it.
    fn unpoison_digest(&self, request: &Request) -> Digest {
        let mut hasher = Hasher::default()
            .part(b"ringway unpoison 1")
            .part(&request.number.to_le_bytes())
            .part(request.poisoned.as_bytes())
            .part(request.by.0.as_bytes())
            .part(request.reason.as_bytes());
        for content in &request.contents {
            hasher = with_content(hasher, content);
        }
        for (r, UnpoisonPlan { rule, terms }) in self.unpoison_rules(request) {
            let expire = terms.expire.map_or(0, Span::millis);
            hasher = hasher
                .part(self.rollouts[r].plan.policy.as_bytes())
                .part(&[rule.needed])
                .part(rule.by.join(",").as_bytes())
                .part(&[u8::from(rule.not_by.contains(&NotBy::Starter))])
                .part(&[u8::from(rule.not_by.contains(&NotBy::PolicyAuthor))])
                .part(&expire.to_le_bytes());
        }
        hasher.finish()
    }

    /// What is poisoned of some content, and by whom.
    fn poisoned_of(&self, contents: &[Content]) -> Digest {
        let is_about = |poison: &&Poison| {
            let mut all = contents.iter();
            all.any(|content| overlap(&poison.content, content) || poison.covers(content))
        };
        let mut hasher = Hasher::default();
        for poison in self.poisons.iter().filter(is_about) {
            hasher = with_content(hasher, &poison.content)
                .part(poison.by.0.as_bytes())
                .part(poison.reason.as_bytes())
                .part(poison.advisory.as_deref().unwrap_or_default().as_bytes())
                .part(&poison.since.0.to_le_bytes());
        }
        hasher.finish()
    }

    fn asked(&self, number: u32) -> Result<&Request, Rejected> {
        self.unpoisonings.find(number).ok_or_else(|| {
            let why = format!("nobody asks to take a poisoning back under number {number}");
            let hint = "`ringway poison` lists what is asked; it may be over, or void";
            Rejected::new("not-found", why, hint)
        })
    }

    /// A yes to taking poisonings back; the last one that is needed does so.
    pub(crate) fn approve_unpoison(
        &mut self,
        actor: &Actor,
        number: u32,
        digest: Digest,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        self.lapse_unpoisonings(out);
        let request = self.asked(number)?;
        let rules: Vec<_> = self.unpoison_rules(request).collect();
        let standings: Vec<Result<Standing, Rejected>> = rules
            .iter()
            .map(|&(r, rule)| self.may_agree(request, (r, rule), actor))
            .collect();
        if let Some(Err(rejected)) = standings.first()
            && standings.iter().all(Result::is_err)
        {
            return Err(rejected.clone());
        }
        let is_shown = digest == self.unpoison_digest(request);
        #[cfg(feature = "planted-bugs")]
        let is_shown = is_shown || self.bug(crate::planted::Bug::UnpoisonAnyDigest);
        if !is_shown {
            let why =
                "what you were shown has changed since: what is asked, or what policies ask for it";
            let hint = "look again and approve what is there now";
            return Err(Rejected::new("stale-digest", why, hint));
        }
        let person = |user: &Actor, r: usize| self.rollouts[r].plan.consent.person(&user.0);
        let is_same = |user: &Actor| {
            let mut rules = rules.iter();
            user == actor || rules.any(|(r, _)| person(user, *r) == person(actor, *r))
        };
        let before = request.said.iter().find(|user| is_same(user));
        #[cfg(feature = "planted-bugs")]
        let before = before.filter(|_| !self.bug(crate::planted::Bug::UnpoisonCountsTwice));
        if let Some(before) = before {
            let mut people = rules.iter().map(|(r, _)| person(before, *r));
            let before = people.next().unwrap_or_else(|| before.0.clone());
            let why =
                format!("{before} has approved this already; approvals are of distinct people");
            let hint = "somebody else must approve too";
            return Err(Rejected::new("already-approved", why, hint));
        }
        let standing = standings.into_iter().flatten().next();
        let event = Event::UnpoisonApproved {
            number,
            actor: actor.clone(),
            person: standing
                .as_ref()
                .map_or_else(String::new, |it| it.person.clone()),
            deputy_in: standing.and_then(|it| it.deputy_in),
            digest,
        };
        self.emit(event, out);
        self.take_back_if_agreed(number, out);
        Ok(())
    }

    fn take_back_if_agreed(&mut self, number: u32, out: &mut Vec<Event>) {
        let Some(request) = self.unpoisonings.find(number) else {
            return;
        };
        if self.disagrees(request).is_none() {
            let Request {
                contents,
                by,
                reason,
                ..
            } = request.clone();
            self.take_poison_back(contents, &by, &reason, out);
        }
    }

    /// A no to taking poisonings back, or whoever asked for it does no longer.
    pub(crate) fn reject_unpoison(
        &mut self,
        actor: &Actor,
        number: u32,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        if reason.trim().is_empty() {
            let why = "a no to taking a poisoning back needs a reason";
            return Err(Rejected::new("reason-missing", why, "say why: `--reason`"));
        }
        check_length(reason, "reason")?;
        self.lapse_unpoisonings(out);
        let request = self.asked(number)?;
        if request.by != *actor {
            let rules = self.unpoison_rules(request);
            let mut refusals = Vec::new();
            for (r, rule) in rules {
                match self.may_agree(request, (r, rule), actor) {
                    Ok(_) => {
                        refusals.clear();
                        break;
                    }
                    Err(rejected) => refusals.push(rejected),
                }
            }
            if let Some(rejected) = refusals.pop() {
                return Err(rejected);
            }
        }
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::UnpoisonNoIgnored) {
            return Ok(());
        }
        self.lapse(number, Some(actor.clone()), reason.to_owned(), out);
        Ok(())
    }

    /// Somebody poisons content again: whoever asks to take that back has to ask anew, knowing that.
    pub(crate) fn poisoned_again(
        &mut self,
        actor: &Actor,
        contents: &[Content],
        reason: &str,
        out: &mut Vec<Event>,
    ) {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::UnpoisonOutlivesPoison) {
            return;
        }
        let all = self.unpoisonings.of.iter();
        let is_about = |request: &&Request| {
            let mut all = request.contents.iter();
            all.any(|known| contents.iter().any(|content| overlap(known, content)))
        };
        let about: Vec<u32> = all.filter(is_about).map(|request| request.number).collect();
        for number in about {
            let why = format!("{actor} poisoned it again: {reason}");
            self.lapse(number, None, why, out);
        }
    }

    /// What is asked no longer holds where its time is over, or what is poisoned is another than it was.
    pub(crate) fn lapse_unpoisonings(&mut self, out: &mut Vec<Event>) {
        let mut over = Vec::new();
        for request in &self.unpoisonings.of {
            let is_other = self.poisoned_of(&request.contents) != request.poisoned;
            #[cfg(feature = "planted-bugs")]
            let is_other = is_other && !self.bug(crate::planted::Bug::UnpoisonOutlivesPoison);
            let is_late = self
                .unpoison_until(request)
                .is_some_and(|at| at <= self.now);
            if is_other {
                over.push((request.number, "what is poisoned of it has changed since"));
            } else if is_late {
                over.push((
                    request.number,
                    "it was not agreed to in the time that policies give",
                ));
            }
        }
        for (number, why) in over {
            self.lapse(number, None, why.to_owned(), out);
        }
    }

    fn lapse(&mut self, number: u32, actor: Option<Actor>, why: String, out: &mut Vec<Event>) {
        self.emit(Event::UnpoisonLapsed { number, actor, why }, out);
    }

    /// What waits for a poisoning to end that somebody asks to take back.
    pub(crate) fn unpoisoning_on(&self, poison: &Poison, content: &Content) -> Option<WaitingOn> {
        let mut all = self.unpoisonings.of.iter();
        let request = all.find(|request| request.contents.contains(&poison.content))?;
        let (r, rule, have) = self.disagrees(request)?;
        Some(WaitingOn::Unpoisoning {
            content: content.clone(),
            number: request.number,
            by: request.by.clone(),
            policy: self.rollouts[r].plan.policy.clone(),
            have,
            need: rule.rule.needed,
            teams: rule.rule.by.clone(),
            until: self.unpoison_until(request),
        })
    }

    /// Applies what people say of taking poisonings back.
    pub(crate) fn fold_unpoisoning(&mut self, event: &Event) {
        if let Event::UnpoisonAsked {
            number,
            contents,
            actor,
            reason,
        } = event
        {
            let poisoned = self.poisoned_of(contents);
            self.unpoisonings.last = *number;
            self.unpoisonings.of.push(Request {
                number: *number,
                contents: contents.clone(),
                by: actor.clone(),
                reason: reason.clone(),
                at: self.last_event,
                poisoned,
                said: Vec::new(),
                rules: Vec::new(),
            });
            self.mark_unpoisonings();
        }
        let of = &mut self.unpoisonings.of;
        if let Event::UnpoisonApproved { number, actor, .. } = event
            && let Some(request) = of.iter_mut().find(|request| request.number == *number)
        {
            request.said.push(actor.clone());
        }
        if let Event::UnpoisonLapsed { number, .. } = event {
            of.retain(|request| request.number != *number);
        }
    }

    /// What is poisoned no longer is not asked for any more.
    pub(crate) fn forget_unpoisoned(&mut self) {
        let given: BTreeSet<Content> = self
            .poisons_given()
            .iter()
            .map(|poison| poison.content.clone())
            .collect();
        let is_given = |content: &Content| given.contains(content);
        let of = &mut self.unpoisonings.of;
        of.retain(|request| request.contents.iter().any(is_given));
    }

    /// What people ask to take back of what is poisoned, in the order in which they did.
    pub fn unpoisonings(&self) -> Vec<UnpoisonView> {
        self.unpoison_views()
    }

    /// What is asked, with what it has and what it needs.
    pub(crate) fn unpoison_views(&self) -> Vec<UnpoisonView> {
        let all = self.unpoisonings.of.iter();
        all.map(|request| UnpoisonView {
            number: request.number,
            contents: request.contents.clone(),
            by: request.by.0.clone(),
            reason: request.reason.clone(),
            since: request.at,
            until: self.unpoison_until(request),
            digest: self.unpoison_digest(request),
            rules: self
                .unpoison_rules(request)
                .map(|(r, rule)| self.unpoison_rule_view(request, (r, rule)))
                .collect(),
        })
        .collect()
    }

    fn unpoison_rule_view(
        &self,
        request: &Request,
        (r, rule): (usize, &UnpoisonPlan),
    ) -> UnpoisonRuleView {
        let plan = &self.rollouts[r].plan;
        let given = self.agreed(request, (r, rule));
        let (mut could, mut cannot) = (Vec::new(), Vec::new());
        for person in &rule.rule.people {
            if let Some(why) = self.excluded(r, rule_of(rule, &request.by), person) {
                cannot.push(CannotView {
                    person: person.clone(),
                    why: why.to_owned(),
                });
            } else if !given.contains(person) {
                could.push(CouldView {
                    person: person.clone(),
                    deputy_in: rule.terms.deputies.get(person).cloned(),
                    contact: plan.consent.contacts.get(person).cloned(),
                });
            }
        }
        UnpoisonRuleView {
            policy: plan.policy.clone(),
            rollout: self.rollouts[r].rec.id,
            need: rule.rule.needed,
            teams: rule.rule.by.clone(),
            given,
            could,
            cannot,
        }
    }
}

/// A policy's rule as any other: whoever may not be the starter may not be who asks.
const fn rule_of<'p>(rule: &'p UnpoisonPlan, by: &'p Actor) -> Rule<'p> {
    Rule {
        plan: &rule.rule,
        terms: Some(&rule.terms),
        asked_by: Some(by),
    }
}

fn with_content(hasher: Hasher, content: &Content) -> Hasher {
    let digest = content
        .digest
        .as_ref()
        .map_or(&[][..], |digest| digest.as_bytes());
    hasher
        .part(content.id.as_bytes())
        .part(content.build.as_deref().unwrap_or_default().as_bytes())
        .part(digest)
}
