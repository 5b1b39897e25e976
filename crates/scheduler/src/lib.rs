//! Who goes in which ring, and what must come before what.
//!
//! Given validated documents and a seed, this crate computes two values that everything after it works from:
//! [`FleetSpec`] (hosts, groups as a dependency graph, availability groups in the concrete) and [`Plan`] (rings as
//! ranges of slots, routes, thresholds in hosts). The same documents and seed give the same bytes. It decides nothing
//! at run time and reads no clock.

pub mod plan;
pub mod spec;

pub use plan::Plan;
pub use spec::FleetSpec;
