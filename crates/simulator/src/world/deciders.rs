//! The decider of the fleet and, for a while, the one that it replaced: both are told what they asked for, and only one of
//! them may be believed.
//!
//! # Invariants
//!
//! * A decider that was replaced lives on as a real one would: its timers run, its workers work, its appends reach the
//!   store. Nothing here holds it back; the store and the envelopes have to.

use ringway_executor::Executor;
use ringway_executor::port::{Arrival, Request};
use ringway_model::{Epoch, Span, Timestamp};

use super::{Happening, World};

/// A decider that was replaced and does not know it yet.
pub(super) struct Former {
    executor: Executor,
    pub(super) generation: u64,
    pub(super) epoch: Epoch,
    wake: Option<(Timestamp, u64)>,
}

impl World {
    /// Whether the decider of a generation, or its workers, still live.
    pub(super) fn is_alive(&self, generation: u64) -> bool {
        generation == self.generation && self.executor.is_some()
            || self
                .former
                .as_ref()
                .is_some_and(|former| former.generation == generation)
    }

    /// Whether what is carried out was asked for by the decider that was replaced.
    pub(super) const fn is_former_acting(&self) -> bool {
        self.acting != self.generation
    }

    /// The epoch of the decider whose requests are carried out.
    pub(super) fn acting_epoch(&self) -> Epoch {
        match &self.former {
            Some(former) if former.generation == self.acting => former.epoch,
            Some(_) | None => self.store.epoch(),
        }
    }

    /// This instant by the clock of the process that decides.
    pub(super) fn told_now(&self) -> Timestamp {
        Timestamp(self.now.0.saturating_add(self.ahead))
    }

    /// When that clock shows this, and not before now.
    pub(super) fn at_of_told(&self, at: Timestamp) -> Timestamp {
        Timestamp(at.0.saturating_sub(self.ahead)).max(self.now)
    }

    /// Tells the decider of a generation now, and carries out what it asks for.
    pub(super) fn tell_to(&mut self, generation: u64, what: Arrival) {
        let told = self.told_now();
        let mut requests: Vec<Request> = Vec::new();
        if generation == self.generation {
            let Some(executor) = &mut self.executor else {
                return;
            };
            executor.step(told, what, &mut requests);
        } else {
            let Some(former) = self
                .former
                .as_mut()
                .filter(|former| former.generation == generation)
            else {
                return;
            };
            former.executor.step(told, what, &mut requests);
        }
        let before = std::mem::replace(&mut self.acting, generation);
        for request in requests {
            self.carry_out(request);
        }
        self.acting = before;
    }

    /// Tells the decider that acts after a while.
    pub(super) fn tell_after(&mut self, span: Span, what: Arrival) {
        let generation = self.acting;
        self.after(span, Happening::Arrives { generation, what });
    }

    pub(super) fn recovers(&mut self) {
        if self.executor.is_some() {
            return;
        }
        self.generation += 1;
        self.acting = self.generation;
        let epoch = self.store.claim();
        self.say(&format!("! decider {epoch} starts"));
        self.executor = Some(self.new_executor());
        self.tell_to(self.generation, Arrival::Woken);
    }

    pub(super) fn crashes(&mut self) {
        if self.executor.take().is_none() {
            return;
        }
        self.wake = None;
        let generation = self.generation;
        self.withdrawn.retain(|(of, _)| *of != generation);
        self.settle_writes();
        self.reach.crashes += 1;
        if !self.checkers.outstanding().is_empty() {
            self.reach.crashes_with_steps += 1;
        }
        self.say("! the decider dies");
        let rest = self.faults.rest_after_crash();
        self.after(rest, Happening::Recovers);
    }

    /// The lease is lost: another decider starts, and the one before lives on for a while.
    pub(super) fn taken_over(&mut self, span: Span) {
        if self.former.is_some() {
            return;
        }
        let Some(executor) = self.executor.take() else {
            return;
        };
        let (generation, epoch) = (self.generation, self.store.epoch());
        self.former = Some(Former {
            executor,
            generation,
            epoch,
            wake: self.wake.take(),
        });
        self.reach.takeovers += 1;
        self.after(span, Happening::FormerDies(generation));
        self.recovers();
    }

    pub(super) fn former_dies(&mut self, generation: u64) {
        if self
            .former
            .take_if(|former| former.generation == generation)
            .is_some()
        {
            self.say("! the decider that was replaced is gone");
        }
    }

    /// The decider whose requests are carried out asks to be woken; the wish before this one is void.
    pub(super) fn wake_at(&mut self, at: Timestamp) {
        let before = match self.acting_wake() {
            Some(wake) => wake.take(),
            None => return,
        };
        if let Some(key) = before {
            self.queue.remove(&key);
        }
        let at = self.at_of_told(at);
        if at.since(self.now) > Span::hours(24 * 365) {
            return;
        }
        let generation = self.acting;
        let key = self.after(
            at.since(self.now),
            Happening::Arrives {
                generation,
                what: Arrival::Woken,
            },
        );
        if let Some(wake) = self.acting_wake() {
            *wake = Some(key);
        }
    }

    fn acting_wake(&mut self) -> Option<&mut Option<(Timestamp, u64)>> {
        if self.acting == self.generation {
            return Some(&mut self.wake);
        }
        let acting = self.acting;
        self.former
            .as_mut()
            .filter(|former| former.generation == acting)
            .map(|former| &mut former.wake)
    }

    /// A timer that was put off is still the one that a later wish replaces.
    pub(super) fn wake_moved(&mut self, from: (Timestamp, u64), to: (Timestamp, u64)) {
        if self.wake == Some(from) {
            self.wake = Some(to);
        }
        if let Some(former) = &mut self.former
            && former.wake == Some(from)
        {
            former.wake = Some(to);
        }
    }
}
