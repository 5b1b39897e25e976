//! The engine's time: never backwards, and every jump noticed.
//!
//! The loop is told the wall clock with each arrival. What the engine sees stands still while the wall clock is behind
//! what was seen before, so that no soak, deadline or journal row is ever dated before an earlier one.

use ringway_model::{Span, Timestamp};

/// How far the clock may move without a reason before it counts as a jump.
///
/// The loop is told the time at the latest when it asked to be woken (while a soak runs that is within
/// [`alive_every`](crate::Config::alive_every)), so two minutes cover a busy machine by far, and are short against any
/// soak. The documents promise this number.
pub(crate) const JUMP: Span = Span::minutes(2);

/// Wall clock in, engine time out.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The last wall clock that was told.
    wall: Option<Timestamp>,
    /// The engine's time.
    now: Timestamp,
    /// The engine's time before the first jump that the engine has not been told of.
    jumped_from: Option<Timestamp>,
}

impl Clock {
    pub(crate) const fn new() -> Self {
        Self {
            wall: None,
            now: Timestamp(i64::MIN),
            jumped_from: None,
        }
    }

    /// Takes the wall clock in; `wake` is the instant the loop had asked to be woken at. Returns the engine's time.
    pub(crate) fn told(&mut self, wall: Timestamp, wake: Option<Timestamp>) -> Timestamp {
        if let Some(before) = self.wall {
            // Where nothing was asked for, nothing could have told the time, and a long silence is no jump.
            let is_late = wake.is_some_and(|wake| wall > wake.max(before) + JUMP);
            if is_late || wall + JUMP < before {
                self.jumped_from.get_or_insert(self.now);
            }
        }
        self.wall = Some(wall);
        self.now = self.now.max(wall);
        self.now
    }

    /// The journal has a row of this instant: the engine's time is not before it.
    pub(crate) fn not_before(&mut self, at: Timestamp) -> Timestamp {
        self.now = self.now.max(at);
        self.now
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The jump that the engine has to be told of.
    pub(crate) fn take_jump(&mut self) -> Option<Timestamp> {
        self.jumped_from.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// Wall clocks (in minutes) with the wake that was asked for, and whether the last one is a jump.
    #[test]
    fn only_what_no_wake_explains_is_a_jump() {
        for (name, before, wake, wall, jump) in [
            ("in time", 0, Some(1), 1, false),
            ("a little late", 0, Some(1), 3, false),
            ("too late", 0, Some(1), 4, true),
            ("early", 0, Some(60), 30, false),
            ("nothing was asked for", 0, None, 600, false),
            ("a wake long gone", 10, Some(1), 12, false),
            ("a little back", 10, None, 8, false),
            ("far back", 10, None, 7, true),
        ] {
            let mut clock = Clock::new();
            clock.told(Timestamp(before * MINUTE), None);
            let wake = wake.map(|minute| Timestamp(minute * MINUTE));
            // One millisecond more, so that each bound is tested from both sides.
            let wall =
                Timestamp(wall * MINUTE + i64::from(jump) * if wall < before { -1 } else { 1 });
            let now = clock.told(wall, wake);
            assert!(
                now >= Timestamp(before * MINUTE),
                "{name}: time went backwards"
            );
            let expected = jump.then_some(Timestamp(before * MINUTE));
            assert_eq!(clock.take_jump(), expected, "{name}");
            assert_eq!(clock.take_jump(), None, "{name}: told once");
        }
    }

    #[test]
    fn time_stands_still_until_the_wall_clock_is_past_it_again() {
        let mut clock = Clock::new();
        let told = |clock: &mut Clock, ms| clock.told(Timestamp(ms), None).0;
        assert_eq!(told(&mut clock, 1000), 1000);
        assert_eq!(told(&mut clock, 400), 1000);
        assert_eq!(told(&mut clock, 1001), 1001);
        clock.not_before(Timestamp(5000));
        assert_eq!(told(&mut clock, 2000), 5000);
    }
}
