//! The life of every rollout of a fleet.
//!
//! One pure, synchronous, deterministic machine: inputs in, events out. It reads no clock, no disk and no network;
//! `now` is an argument. The product, the simulator and the replay all run exactly this code.

mod advisory;
mod approve;
mod asked;
mod by_hand;
mod care;
mod command;
mod consent;
mod coverage;
mod coverage_view;
mod due;
mod ends;
mod engine;
mod errand;
mod errand_view;
mod event;
mod exception;
mod fleet;
mod fold;
mod fold_care;
mod fold_errand;
mod fold_fits;
mod fold_hosts;
mod fold_whole;
mod hold;
mod host;
mod index;
mod input;
mod lane;
mod life;
mod meant;
mod observe;
mod outside;
#[cfg(feature = "planted-bugs")]
pub mod planted;
mod poison;
mod propose;
mod protection;
mod protection_view;
mod recovery;
mod refresh;
mod rollback;
mod rollout;
mod show;
mod show_advisory;
mod show_approval;
mod show_failed;
mod show_reasons;
mod slot;
mod snapshot;
mod start;
mod supersede;
mod terms;
mod tested;
mod times;
mod unpoison;
mod untested;
pub mod view;
mod visit;
mod watch;
mod withheld;

pub use advisory::{Advisory, Ruling};
pub use by_hand::LARGEST_EXHIBIT;
pub use command::{Accepted, Command, Exhibit, HoldKind, Poisoning, Rejected, Subject, Told};
pub use engine::{Engine, Fault, Handled, OrderView, WatchChange};
pub use event::{Conditions, Event, Final, HaltCause, Shown, Then, Verdict};
pub use exception::Exception;
pub use host::{Ending, HostState};
pub use input::Input;
pub use refresh::Open;
pub use rollout::{RolloutState, Stage};
pub use times::{Calendar, Table, instants};

/// Raised when the same inputs lead to other events than before, however slightly: recorded journals are decided again
/// exactly within a version, and with a difference that somebody has looked at across versions.
pub const DECISION_VERSION: u32 = 4;
