//! External gates: when each is asked, and when an answer is too old to count.
//!
//! This module decides when to ask and what is too old. What an answer means, and what follows from it, is decided by the
//! engine, which is told of every answer that differs from what it knows.
//!
//! # Invariants
//!
//! * A gate whose last answer is older than twice its rhythm and its timeout is unknown, whoever else is late.
//! * Nothing is known of a gate before the first answer to this decider.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringway_engine::Engine;
use ringway_model::{RolloutId, Says, Timestamp};
use ringway_scheduler::terms::ExternalPlan;

use crate::config::Watch;
use crate::machine::Happening;
use crate::port::{GateAnswer, Request};

/// One gate of a rollout.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// When it is asked next.
    next: Timestamp,
    /// When its last answer, or the first question, is too old; `NEVER` where what was said stands.
    stale: Timestamp,
}

/// All gates of rollouts that are not over.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates {
    of: BTreeMap<(RolloutId, u16), Asked>,
    /// Whether an answer that is too old counts: a deliberate mistake.
    #[cfg(feature = "planted-bugs")]
    pub(crate) never_stale: bool,
}

fn gates(engine: &Engine) -> impl Iterator<Item = (RolloutId, u16, &ExternalPlan)> {
    engine.open_rollouts().flat_map(|(rollout, plan)| {
        let gates = (0_u16..).zip(&plan.terms.external);
        gates.map(move |(number, gate)| (rollout, number, gate))
    })
}

impl Gates {
    /// Forgets what was asked, as after a recovery.
    pub(crate) fn restart(&mut self) {
        self.of.clear();
    }

    /// An answer arrived; says what the engine is told.
    pub(crate) fn told(
        &mut self,
        now: Timestamp,
        engine: &Engine,
        (rollout, gate): (RolloutId, u16),
        answer: GateAnswer,
    ) -> Option<Happening> {
        let (.., plan) = gates(engine).find(|(id, number, _)| (*id, *number) == (rollout, gate))?;
        let asked = self.of.get_mut(&(rollout, gate))?;
        if asked.stale != Timestamp::NEVER {
            asked.stale = now + plan.fresh();
        }
        Some(Happening::Gate(rollout, gate, answer))
    }

    /// Gates whose last answer is too old to count.
    pub(crate) fn take_stale(&mut self, now: Timestamp, engine: &Engine) -> Vec<Happening> {
        #[cfg(feature = "planted-bugs")]
        if self.never_stale {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (&(rollout, gate), asked) in &mut self.of {
            if asked.stale > now {
                continue;
            }
            // Looked at again only after the next answer, or as long again.
            asked.stale = asked.next.max(now + ringway_model::Span::seconds(1));
            if engine.gate_says(rollout, gate) != Some(Says::Unknown) {
                let answer = GateAnswer {
                    says: Says::Unknown,
                    why: "no answer for too long".to_owned(),
                };
                found.push(Happening::Gate(rollout, gate, answer));
            }
        }
        found
    }

    /// Asks what is due.
    pub(crate) fn ask(
        &mut self,
        now: Timestamp,
        engine: &Engine,
        watch: Watch,
        out: &mut Vec<Request>,
    ) {
        let before = std::mem::take(&mut self.of);
        for (rollout, plan) in engine.open_rollouts() {
            for (gate, external) in (0_u16..).zip(&plan.terms.external) {
                let known = before.get(&(rollout, gate)).copied();
                let mut asked = known.unwrap_or(Asked {
                    next: now,
                    stale: now + external.fresh(),
                });
                if asked.next <= now {
                    // Where everything is told, what is said once stands.
                    asked.next = match watch {
                        Watch::Asks => now + external.every,
                        Watch::Told => Timestamp::NEVER,
                    };
                    if watch == Watch::Told {
                        asked.stale = Timestamp::NEVER;
                    }
                    out.push(Request::AskGate {
                        rollout,
                        gate,
                        plan: Arc::clone(plan),
                        ring: engine.ring_at(rollout),
                        change: engine.change_of(rollout).cloned(),
                    });
                }
                self.of.insert((rollout, gate), asked);
            }
        }
    }

    /// When something is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let times = self.of.values().map(|asked| asked.next.min(asked.stale));
        times.min()
    }
}
