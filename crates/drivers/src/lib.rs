//! Ports to the outside: run a step on a host, find it again, probe a host.
//!
//! A driver carries out what was decided and reports what happened; it decides nothing, repeats nothing and keeps no
//! state of its own. What is known of a step lies with the step, in its run directory on the host: see [`envelope`].

mod command;
pub mod envelope;
pub mod examine;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod gate;
mod local;
mod port;
mod probe;
pub mod quote;
mod reboot;
mod remote;
mod restarts;
mod router;
mod run_directory;
mod secret;
pub mod ssh;
pub mod system;
mod target;
mod telling;
mod tls;
pub mod transport;

pub use local::{LocalDriver, Patience};
pub use port::{
    BootReading, Driver, ProbeRequest, Reach, RebootRequest, Reporting, Sampling, StepRequest,
    TidyRequest, Tidying, Withdraw, Withdrawal, withdrawal,
};
pub use probe::ask;
pub use remote::{RemoteDriver, Spans};
pub use router::Drivers;
pub use run_directory::Keep;
pub use target::{PlaceholderError, Target};
pub use telling::tell;
