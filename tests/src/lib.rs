//! The harness of the tests that stand outside every crate.
//!
//! It finds the workspace, asks cargo about it, and finds the `ringway` program. It tests nothing itself; the tests are
//! in `tests/tests/`, and benchmarks are programs of this crate named `bench-NAME`. One more program, `service`, is what
//! the hosts of end-to-end tests run.

pub mod big;
pub mod people;
mod program;
mod workspace;

pub use program::{ringway, ringway_as_shipped};
pub use workspace::{Dependency, Metadata, Package, root};
