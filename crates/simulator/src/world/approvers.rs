//! What people do about approvals beyond saying yes when asked: early and ahead of time, by another user name, in somebody's
//! place; they end soaks early, ask, and answer.
//!
//! All of it is drawn from a stream of its own, so that the other people of a seed do as they did before.

use ringway_engine::Command;
use ringway_engine::view::{ApprovalView, RolloutView};
use ringway_model::{RolloutId, Span};

use super::World;

impl World {
    /// In some worlds members are away for a while; their deputy acts.
    pub(super) fn go_on_holiday(&mut self) {
        for who in ["ana", "ben"] {
            if self.consent.chance(30) {
                let until = self.now + self.consent.span(Span::minutes(10), Span::hours(6));
                self.away.insert(who, until);
            }
        }
    }

    /// Who acts where somebody was to: their deputy while they are away, at times by another user name of theirs.
    pub(super) fn in_their_place(&mut self, who: &'static str) -> &'static str {
        let is_away = self.away.get(who).is_some_and(|until| self.now < *until);
        if is_away && !self.healing {
            return "chris";
        }
        if who == "ana" && self.consent.chance(30) {
            return "anna";
        }
        who
    }

    /// Somebody may do something about approvals that nobody asked for.
    pub(super) fn speak_of_approvals(&mut self) {
        if !self.consent.chance(30) {
            return;
        }
        let open = self.rollouts().into_iter();
        let open: Vec<RolloutView> = open.filter(|rollout| !rollout.is_final).collect();
        for rollout in open {
            match self.consent.below(10) {
                0..=2 => self.approve_ahead(&rollout),
                3..=6 => self.want_it_early(&rollout),
                7 if self.consent.chance(50) => self.ask_something(rollout.id),
                8 => self.answer_something(&rollout),
                _ => {}
            }
        }
    }

    fn somebody(&mut self) -> &'static str {
        let who = *self
            .consent
            .pick(&["ana", "anna", "ben", "chris", "dora", "eve", "starter"]);
        self.in_their_place(who)
    }

    /// A yes to the promotion of a later ring.
    fn approve_ahead(&mut self, rollout: &RolloutView) {
        let views: Vec<&ApprovalView> = rollout.later.iter().chain(&rollout.approval).collect();
        if views.is_empty() {
            return;
        }
        let view = *self.consent.pick(&views);
        let command = Command::Approve {
            rollout: rollout.id,
            subject: view.subject,
            digest: view.digest,
        };
        let who = self.somebody();
        self.command(who, command);
    }

    /// A yes to ending the soak that runs; the digest may be of something else, and there may be no reason.
    fn want_it_early(&mut self, rollout: &RolloutView) {
        let Some(view) = &rollout.early else {
            return;
        };
        let Some(ring) = view.subject.ring() else {
            return;
        };
        let digest = match &rollout.approval {
            Some(other) if self.consent.chance(5) => other.digest,
            Some(_) | None => view.digest,
        };
        let reason = if self.consent.chance(10) {
            String::new()
        } else {
            "it is exploited already".to_owned()
        };
        let who = self.somebody();
        self.command(
            who,
            Command::PromoteEarly {
                rollout: rollout.id,
                ring,
                digest,
                reason,
            },
        );
    }

    fn ask_something(&mut self, rollout: RolloutId) {
        let to = self.consent.chance(50).then(|| {
            let whom = ["operators", "ana", "nobody-knows"];
            (*self.consent.pick(&whom)).to_owned()
        });
        let text = "is the vendor told?".to_owned();
        let who = self.somebody();
        self.command(who, Command::Ask { rollout, to, text });
    }

    /// An answer to an open question, or to one that is not.
    fn answer_something(&mut self, rollout: &RolloutView) {
        let open = rollout.questions.iter().find(|one| one.answer.is_none());
        let number = open.map_or(1, |one| one.number);
        if open.is_none() && !self.consent.chance(20) {
            return;
        }
        let who = self.somebody();
        self.command(
            who,
            Command::Answer {
                rollout: rollout.id,
                number,
                text: "yes, on Monday".to_owned(),
            },
        );
    }
}
