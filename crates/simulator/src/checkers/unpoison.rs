//! I10: what was poisoned is installed again only where everybody agreed whom a policy asks for: enough different people of its
//! teams, none of whom must not, to what is poisoned now, and in its time.
//!
//! Whose policies those are is read here from the plans, by the rule as it is written.

use std::collections::{BTreeMap, BTreeSet};

use ringway_engine::{Command, Event, Input, Poisoning};
use ringway_model::{Actor, Content, Digest, Timestamp};
use ringway_policy::validated::NotBy;
use ringway_scheduler::Plan;
use ringway_scheduler::consent::UnpoisonPlan;

use super::approvals::{whose, wrote_it};
use super::facts::{Facts, RolloutFacts};
use super::{Broken, ensure};

/// A request to take poisonings back.
#[derive(Clone, Debug)]
pub(super) struct AskedBack {
    contents: Vec<Content>,
    by: Actor,
    reason: String,
    at: Timestamp,
    /// What people had poisoned then that is about the same content.
    poisons: Vec<Content>,
    said: Vec<Actor>,
}

/// Whether one content means the other, or part of it.
fn is_about(one: &Content, other: &Content) -> bool {
    let means = |one: &Content, other: &Content| {
        let same_build = one.build.is_some() && one.build == other.build;
        let any_build = one.build.is_none() && one.digest.is_none();
        one.id == other.id && (same_build || any_build)
            || one.digest.is_some() && one.digest == other.digest
    };
    means(one, other) || means(other, one)
}

fn means_route(content: &Content, plan: &Plan) -> bool {
    plan.routes.iter().any(|route| {
        let digest = route.content().digest;
        // A release that does not say its build may be the one that is meant.
        let same_build =
            content.build.is_some() && (route.build.is_none() || content.build == route.build);
        let any_build = content.build.is_none() && content.digest.is_none();
        content.id == route.release && (same_build || any_build)
            || content.digest.is_some() && content.digest == digest
    })
}

impl RolloutFacts {
    /// Whether a person's yes counts by the rule of this rollout's policy.
    fn may_agree(
        &self,
        rule: &UnpoisonPlan,
        person: &str,
        asked_by: &Actor,
        starter: &str,
    ) -> bool {
        let is_of_it = rule.rule.by.is_empty() || rule.rule.people.contains(person);
        let must_not = rule.rule.not_by.iter().any(|who| match who {
            NotBy::PolicyAuthor => wrote_it(&self.plan, person),
            NotBy::Starter => {
                let mut all = [asked_by.0.as_str(), starter].into_iter();
                all.any(|user| whose(&self.plan, user) == person)
            }
        });
        is_of_it && !must_not
    }
}

impl Facts {
    /// By policy the latest rollout that has any of the content in its plan, where its policy asks for approvals.
    fn who_must_agree(&self, contents: &[Content]) -> Vec<(&RolloutFacts, &UnpoisonPlan)> {
        let mut latest: BTreeMap<&str, &RolloutFacts> = BTreeMap::new();
        for rollout in self.rollouts.values() {
            let mut all = contents.iter();
            if all.any(|content| means_route(content, &rollout.plan)) {
                latest.insert(&rollout.plan.policy, rollout);
            }
        }
        let asking = latest.into_values();
        asking
            .filter_map(|rollout| Some((rollout, rollout.plan.unpoison.as_ref()?)))
            .collect()
    }

    fn poisons_about(&self, contents: &[Content]) -> Vec<Content> {
        let all = self.poisons.iter();
        let mut all: Vec<Content> = all
            .filter(|poison| contents.iter().any(|content| is_about(content, poison)))
            .cloned()
            .collect();
        all.sort();
        all
    }

    pub(super) fn unpoisoning(&mut self, event: &Event) -> Result<(), Broken> {
        if let Event::UnpoisonAsked {
            number,
            contents,
            actor,
            reason,
        } = event
        {
            ensure!(
                *number == self.last_unpoisoning + 1 && !reason.trim().is_empty(),
                Story,
                "a poisoning is to be taken back as no. {number} after no. {}, because of `{reason}`",
                self.last_unpoisoning
            );
            ensure!(
                contents
                    .iter()
                    .all(|content| self.poisons.contains(content)),
                Story,
                "what is to be taken back as no. {number} is not poisoned"
            );
            self.last_unpoisoning = *number;
            let asked = AskedBack {
                contents: contents.clone(),
                by: actor.clone(),
                reason: reason.clone(),
                at: self.now,
                poisons: self.poisons_about(contents),
                said: Vec::new(),
            };
            self.unpoisonings.insert(*number, asked);
        }
        if let Event::UnpoisonApproved {
            number,
            actor,
            digest,
            ..
        } = event
        {
            ensure!(
                self.yeses.contains(&(*number, actor.clone(), *digest)),
                I10,
                "{actor} agrees to no. {number} by a word that they did not say"
            );
            self.check_same_shown(*number, *digest)?;
            let Some(asked) = self.unpoisonings.get_mut(number) else {
                return Err((
                    super::Invariant::I10,
                    format!("{actor} agrees to no. {number}, which nobody asks"),
                ));
            };
            asked.said.push(actor.clone());
        }
        if let Event::UnpoisonLapsed { number, .. } = event {
            ensure!(
                self.unpoisonings.remove(number).is_some(),
                Story,
                "no. {number} is asked no longer, and was not"
            );
        }
        Ok(())
    }

    /// What is poisoned no longer was agreed to by everybody who had to.
    pub(super) fn check_agreed(
        &mut self,
        contents: &[Content],
        actor: &Actor,
        reason: &str,
    ) -> Result<(), Broken> {
        let now = self.now;
        let rules = self.who_must_agree(contents);
        if !rules.is_empty() {
            let mut all = self.unpoisonings.values();
            let asked = all.find(|asked| {
                asked.contents == contents && asked.by == *actor && asked.reason == reason
            });
            let Some(asked) = asked else {
                return Err((
                    super::Invariant::I10,
                    format!(
                        "{actor} takes a poisoning back that others must agree to, and nobody asked them"
                    ),
                ));
            };
            ensure!(
                asked.poisons == self.poisons_about(contents),
                I10,
                "what is poisoned was another when {actor} asked to take it back"
            );
            for (rollout, rule) in rules {
                let people = asked.said.iter();
                let people = people.map(|user| whose(&rollout.plan, &user.0));
                let people: BTreeSet<String> = people
                    .filter(|person| rollout.may_agree(rule, person, &asked.by, &rollout.starter.0))
                    .collect();
                ensure!(
                    people.len() >= usize::from(rule.rule.needed),
                    I10,
                    "a poisoning is taken back and policy `{}` has the yes of {people:?}, of {} that it asks for ({:?} said yes)",
                    rollout.plan.policy,
                    rule.rule.needed,
                    asked.said
                );
                let until = rule.terms.expire.map(|span| asked.at + span);
                ensure!(
                    until.is_none_or(|until| now < until),
                    I10,
                    "a poisoning is taken back after {until:?}, when policy `{}` has it asked anew",
                    rollout.plan.policy
                );
            }
        }
        self.unpoisonings.retain(|_, asked| {
            asked
                .contents
                .iter()
                .any(|content| !contents.contains(content))
        });
        Ok(())
    }

    /// A digest binds a yes to what is poisoned, to who is asked, and to the rules by which they are: where nothing of that has
    /// changed it is the same.
    fn check_same_shown(&mut self, number: u32, digest: Digest) -> Result<(), Broken> {
        let Some(asked) = self.unpoisonings.get(&number) else {
            return Ok(());
        };
        let rules: Vec<_> = self.who_must_agree(&asked.contents);
        let rules: Vec<_> = rules
            .iter()
            .map(|(rollout, rule)| (rollout.plan.policy.as_str(), rule))
            .collect();
        let poisons = self.poisons_about(&asked.contents);
        let shown = format!("{number} {:?} {poisons:?} {rules:?}", asked.contents);
        let known = *self.shown_to_agree.entry(shown).or_insert(digest);
        ensure!(
            known == digest,
            I10,
            "no. {number} is agreed to by {digest}, and what is shown has the digest {known}"
        );
        Ok(())
    }

    /// Who poisons content again by its name ends what is asked of it: whoever agreed did not know. And a no ends it.
    pub(super) fn check_asked_anew(&self, inputs: &[Input]) -> Result<(), Broken> {
        for input in inputs {
            if let Input::Command {
                actor,
                command: Command::RejectUnpoison { number, .. },
            } = input
            {
                ensure!(
                    !self.unpoisonings.contains_key(number),
                    I10,
                    "{actor} said no to no. {number}, which is still asked"
                );
            }
        }
        for (at, input) in inputs.iter().enumerate() {
            let Input::Command {
                actor,
                command:
                    Command::Poison {
                        what: Poisoning::Content { contents },
                        reason,
                    },
            } = input
            else {
                continue;
            };
            let asks_anew = |input: &Input| {
                matches!(
                    input,
                    Input::Command {
                        command: Command::Unpoison { .. },
                        ..
                    }
                )
            };
            if reason.trim().is_empty() || inputs[at..].iter().any(asks_anew) {
                continue;
            }
            for (number, asked) in &self.unpoisonings {
                let mut all = asked.contents.iter();
                let is_meant = all.any(|known| contents.iter().any(|new| is_about(known, new)));
                ensure!(
                    !is_meant,
                    I10,
                    "{actor} poisoned content again, and no. {number} is still asked"
                );
            }
        }
        Ok(())
    }
}

/// A yes to taking a poisoning back, among what the engine is told.
pub(super) fn yes_to_unpoison(input: &Input) -> Option<(u32, Actor, Digest)> {
    let Input::Command {
        actor,
        command: Command::ApproveUnpoison { number, digest },
    } = input
    else {
        return None;
    };
    Some((*number, actor.clone(), *digest))
}
