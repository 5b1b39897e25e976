//! Who goes in which ring, and what must come before what.
//!
//! Given validated documents and a seed, this crate computes two values that everything after it works from:
//! [`FleetSpec`] (hosts, groups as a dependency graph, availability groups in the concrete) and [`Plan`] (rings as
//! ranges of slots, routes, thresholds in hosts). The same documents and seed give the same bytes. It decides nothing
//! at run time and reads no clock.

mod check;
mod claim;
pub mod compare;
pub mod consent;
mod draw;
mod encode;
pub mod evidence;
pub mod exposure;
mod fleet;
mod graph;
mod index;
pub mod lane;
pub mod lint;
mod make;
mod order;
mod parts;
pub mod plan;
mod problem;
mod reached;
mod refresh;
pub mod report;
mod revise;
mod route;
mod sound;
pub mod spec;
mod stratum;
pub mod terms;
mod text;
mod texts;
pub mod thresholds;
pub mod times;
mod units;
pub mod when;
mod words;

pub use compare::compare;
pub use encode::DecodeError;
pub use fleet::{FleetProblem, compile_fleet, names};
pub use lane::relane;
pub use lint::lint;
pub use make::{make_plan, make_plan_in};
pub use parts::{Part, Situation, Supersedes, make_superseding, superseded_by};
pub use plan::Plan;
pub use problem::{PlanProblem, PlanProblems};
pub use refresh::refresh_fleet;
pub use report::{PlanReport, explain, explain_at, render};
pub use revise::revise;
pub use route::compile as compile_route;
pub use spec::FleetSpec;
