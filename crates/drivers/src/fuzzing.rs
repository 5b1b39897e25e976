//! Readers of this crate that nobody outside has a use for, as functions of bytes: for the fuzzing alone.
//!
//! It decides nothing and is no part of the product: nothing but the feature `fuzzing` compiles it.

pub use crate::examine::fuzzing::facts;
pub use crate::ssh::fuzzing::{known_hosts, matches_pattern, private_key};
pub use crate::system::fuzzing::{complaint, opening};
