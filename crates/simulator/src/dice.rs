//! Every random choice of a simulated world, from one seed.
//!
//! # Invariants
//!
//! * The same seed and the same questions give the same answers, on every machine.
//! * Streams made with different labels do not influence each other: one more fault changes no host's behaviour.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use ringway_model::{Hasher, Span};

/// A stream of random choices.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of `seed` for one purpose.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let digest = Hasher::default()
            .part(&seed.to_le_bytes())
            .part(purpose.as_bytes())
            .finish();
        Self(ChaCha8Rng::from_seed(*digest.as_bytes()))
    }

    /// A number below `bound`; 0 where `bound` is 0. The bias of the remainder is below one in 2^40 for the small
    /// bounds used here.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            0
        } else {
            self.0.next_u64() % bound
        }
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// A span from `low` to `high` milliseconds.
    pub fn span(&mut self, low: Span, high: Span) -> Span {
        Span(self.between(low.0, high.0))
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// An index below `len`.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a length")
    }

    /// One of several.
    ///
    /// # Panics
    ///
    /// When there are none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_its_seed_and_its_purpose_alone() {
        let draw = |seed, purpose| {
            let mut dice = Dice::new(seed, purpose);
            (0..8).map(|_| dice.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, "hosts"), draw(7, "hosts"));
        assert_ne!(draw(7, "hosts"), draw(7, "faults"));
        assert_ne!(draw(7, "hosts"), draw(8, "hosts"));
    }
}
