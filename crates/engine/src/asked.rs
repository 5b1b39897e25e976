//! Questions about what people are asked to approve, and their answers.
//!
//! A question decides nothing and holds nothing up: whoever wants that says no, or pauses. It is shown to everybody who
//! is about to say yes until somebody has answered it.

use ringway_model::{Actor, RolloutId};

use crate::command::Rejected;
use crate::consent::check_length;
use crate::engine::{Engine, Fault};
use crate::event::Event;
use crate::rollout::AskedRec;
use crate::view::QuestionView;

/// Questions of a rollout that are open at once: more are a conversation, which has better places.
const MOST_OPEN: usize = 20;

/// Questions that are kept, answered ones among them.
const KEPT: usize = 100;

impl Engine {
    pub(crate) fn ask_question(
        &mut self,
        r: usize,
        actor: &Actor,
        to: Option<&str>,
        text: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let id = self.rollouts[r].rec.id;
        if text.trim().is_empty() {
            return Err(Rejected::new("reason-missing", "there is no question", ""));
        }
        check_length(text, "question")?;
        if self.rollouts[r].rec.state.is_final() {
            let why = format!("rollout {id} is over, and nobody is asked to approve it");
            let hint = "`comment` writes something down";
            return Err(Rejected::new("wrong-state", why, hint));
        }
        let open = self.rollouts[r].rec.asked.iter();
        if open.filter(|one| one.answer.is_none()).count() >= MOST_OPEN {
            let why = format!("{MOST_OPEN} questions about rollout {id} are open already");
            let hint = "answer some of them: `answer NUMBER TEXT`";
            return Err(Rejected::new("wrong-state", why, hint));
        }
        if let Some(to) = to {
            self.check_known(r, to)?;
        }
        let last = self.rollouts[r].rec.asked.last();
        self.emit(
            Event::Asked {
                rollout: id,
                number: last.map_or(1, |last| last.number + 1),
                actor: actor.clone(),
                to: to.map(str::to_owned),
                text: text.to_owned(),
            },
            out,
        );
        Ok(())
    }

    /// Whether the plan knows a team or a person of this name. Where it knows no team at all, anybody may be meant.
    fn check_known(&self, r: usize, name: &str) -> Result<(), Rejected> {
        let rollout = &self.rollouts[r];
        let plan = &rollout.plan;
        let early = plan.consent.rings.iter();
        let early = early.filter_map(|ring| Some(&ring.early.as_ref()?.rule));
        let after = plan
            .rings
            .iter()
            .filter_map(|ring| ring.after_soak.as_ref());
        let rules = || plan.start.iter().chain(after.clone()).chain(early.clone());
        let has_teams = rules().any(|rule| !rule.by.is_empty());
        let is_known = rules()
            .any(|rule| rule.people.contains(name) || rule.by.iter().any(|team| team == name))
            || plan.author.as_deref() == Some(name)
            || rollout.rec.starter.0 == name
            || plan.consent.contacts.contains_key(name)
            || plan.consent.users.values().any(|person| person == name);
        if is_known || !has_teams {
            return Ok(());
        }
        let why = format!("the policy of this rollout has no team and no person `{name}`");
        let hint = "leave `--to` out, and whoever can answer does";
        Err(Rejected::new("not-found", why, hint))
    }

    pub(crate) fn answer_question(
        &mut self,
        r: usize,
        actor: &Actor,
        number: u32,
        text: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let id = self.rollouts[r].rec.id;
        if text.trim().is_empty() {
            return Err(Rejected::new("reason-missing", "there is no answer", ""));
        }
        check_length(text, "answer")?;
        let mut asked = self.rollouts[r].rec.asked.iter();
        let Some(asked) = asked.find(|one| one.number == number) else {
            let why = format!("there is no question {number} about rollout {id}");
            return Err(Rejected::new(
                "not-found",
                why,
                "`ringway status` shows them",
            ));
        };
        if let Some((_, by, given)) = &asked.answer {
            if by == actor && given == text {
                return Ok(());
            }
            let why = format!("question {number} was answered by {by}");
            let hint = "`comment` adds to it";
            return Err(Rejected::new("wrong-state", why, hint));
        }
        self.emit(
            Event::Answered {
                rollout: id,
                number,
                actor: actor.clone(),
                text: text.to_owned(),
            },
            out,
        );
        Ok(())
    }

    /// Questions about a rollout that nobody has answered, the oldest first; none where it is over.
    pub fn open_questions(&self, rollout: RolloutId) -> Vec<QuestionView> {
        let Ok(r) = self.index_of(rollout) else {
            return Vec::new();
        };
        if self.rollouts[r].rec.state.is_final() {
            return Vec::new();
        }
        let mut open = self.question_views(r);
        open.retain(|one| one.answer.is_none());
        open
    }

    pub(crate) fn fold_asked(&mut self, r: usize, event: &Event) {
        let Event::Asked {
            number,
            actor,
            to,
            text,
            ..
        } = event
        else {
            return;
        };
        let asked = AskedRec {
            number: *number,
            at: self.now,
            by: actor.clone(),
            to: to.clone(),
            text: text.clone(),
            answer: None,
        };
        let all = &mut self.rollouts[r].rec.asked;
        all.push(asked);
        // The oldest that were answered go first; open ones are bounded where they are asked.
        if all.len() > KEPT
            && let Some(at) = all.iter().position(|one| one.answer.is_some())
        {
            all.remove(at);
        }
    }

    pub(crate) fn fold_answered(
        &mut self,
        r: usize,
        number: u32,
        actor: &Actor,
        text: &str,
    ) -> Result<(), Fault> {
        let now = self.now;
        let rollout = &mut self.rollouts[r];
        let mut all = rollout.rec.asked.iter_mut();
        let Some(asked) = all.find(|one| one.number == number) else {
            let what = format!("{} has no question {number}", rollout.rec.id);
            return Err(Fault::new(what));
        };
        asked.answer = Some((now, actor.clone(), text.to_owned()));
        Ok(())
    }
}
