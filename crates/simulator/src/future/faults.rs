//! What goes wrong around Ringway in a future: results lost, late or doubled, writes that fail, deaths and jumps of its
//! clock.

use ringway_executor::port::Arrival;
use ringway_executor::{Config, Executor};
use ringway_model::Span;
use ringway_policy::validated::SpanRange;

use super::roll::{About, Roll};
use super::run::{Future, Happening};
use super::setting::ALIVE_EVERY;
use super::steps::Doing;
use crate::world::Fate;

/// When a lost result is found again: the worker that waits for it asks.
const FOUND_AFTER: SpanRange = SpanRange {
    low: Span::seconds(30),
    high: Span::minutes(3),
};

/// How much later a doubled result comes a second time.
const AGAIN_AFTER: SpanRange = SpanRange {
    low: Span::seconds(1),
    high: Span::minutes(2),
};

/// How far the clock jumps: more than Ringway lets pass as lateness.
const JUMPS_BY: SpanRange = SpanRange {
    low: Span::minutes(3),
    high: Span::minutes(30),
};

impl Future<'_> {
    pub(super) fn schedule_faults(&mut self) {
        let faults = self.set.world.faults;
        if faults.lasts == Span::ZERO {
            return;
        }
        let within = SpanRange {
            low: Span::seconds(1),
            high: faults.lasts,
        };
        for number in 0..faults.crashes {
            let roll = Roll::of(self.seed, About::CrashAt, &[number.into()]);
            self.after(roll.within(within), Happening::Crashes(number));
        }
        for number in 0..faults.clock_jumps {
            let roll = |about| Roll::of(self.seed, about, &[number.into()]);
            let by = i64::try_from(roll(About::JumpBy).within(JUMPS_BY).millis()).unwrap_or(0);
            let at = roll(About::JumpAt).within(within);
            self.after(at, Happening::Jumps(if number % 2 == 0 { by } else { -by }));
        }
        self.after(faults.lasts, Happening::Heals);
    }

    pub(super) fn heals(&mut self) {
        self.healed = true;
        self.say("! everything heals");
    }

    /// Ringway dies, with everything on its way to it.
    pub(super) fn crashes(&mut self, number: u16) {
        if self.executor.is_none() {
            return;
        }
        self.say("! the decider dies");
        self.die();
        let range = self.set.world.faults.back;
        let roll = Roll::of(self.seed, About::BackAfter, &[number.into()]);
        self.after(
            roll.within(range).max(Span::seconds(1)),
            Happening::Recovers,
        );
    }

    pub(super) fn recovers(&mut self) {
        if self.executor.is_some() {
            return;
        }
        let epoch = self.store.claim();
        self.epoch = epoch;
        self.say(&format!("! decider {epoch} starts"));
        self.executor = Some(Executor::new(self.config()));
        self.arrives(Arrival::Woken);
    }

    fn config(&self) -> Config {
        // It decides only how much soak a crash costs, and what an audit takes for observed.
        let needs_it = self.is_checked() || self.set.snapshots();
        Config {
            alive_every: if needs_it {
                self.set.config.alive_every
            } else {
                ALIVE_EVERY
            },
            ..self.set.config
        }
    }

    /// What becomes of a write.
    pub(super) fn fate(&mut self) -> Fate {
        self.writes += 1;
        let share = self.set.world.faults.bad_writes;
        let roll = Roll::of(self.seed, About::BadWrite, &[self.writes]);
        if self.healed || !roll.is_in(share) {
            return Fate::Written;
        }
        // Which of the three it is must not hang on the number that made it bad.
        match Roll::of(self.seed, About::BadWrite, &[self.writes, 1]).below(3) {
            0 => Fate::Refused,
            1 => Fate::WrittenUnsaid,
            _ => Fate::Full,
        }
    }

    /// A result on its way: told at once, or late, or lost and found again, or twice.
    pub(super) fn send(&mut self, doing: Doing) {
        if self.healed {
            self.report(&doing);
            return;
        }
        self.results += 1;
        let faults = &self.set.world.faults;
        let roll = |about| Roll::of(self.seed, about, &[self.results]);
        let late = if roll(About::Lost).is_in(faults.lost) {
            Some(roll(About::LateResultBy).within(FOUND_AFTER))
        } else if roll(About::Late).is_in(faults.late) {
            Some(roll(About::LateResultBy).within(faults.late_by))
        } else {
            None
        };
        let again = roll(About::Doubled)
            .is_in(faults.doubled)
            .then(|| roll(About::LateResultBy).within(AGAIN_AFTER));
        match late {
            Some(span) => self.after(span, Happening::Reports(doing)),
            None => self.report(&doing),
        }
        if let Some(span) = again {
            self.after(
                span.plus(late.unwrap_or_default()),
                Happening::Reports(doing),
            );
        }
    }
}
