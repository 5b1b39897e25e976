//! The nouns of a rollout.
//!
//! Every other crate speaks in these types: ids, labels and selectors, shares, spans, digests, steps and what they
//! report, and the reasons why something does not move. The crate decides nothing, reads no clock and does no IO.

mod advisory;
mod change;
mod content;
mod digest;
mod evidence;
mod ids;
mod labels;
mod outcome;
pub mod selector;
mod share;
mod step;
mod time;
mod waiting;
mod waiting_words;
mod way_out;
mod weigh;

pub use advisory::{Effect, Rank};
pub use change::{ChangeId, ChangeParseError};
pub use content::Content;
pub use digest::{Digest, DigestParseError, Hasher, Pieces};
pub use evidence::{Evidence, Sample, Says};
pub use ids::{
    Actor, CellId, Epoch, GroupId, HostId, IntentId, IntentParseError, ProbeId, RingIndex,
    RolloutId, RouteId, Slot,
};
pub use labels::{Labels, canonical_value};
pub use outcome::HostOutcome;
pub use selector::Selector;
pub use share::{Share, ShareParseError};
pub use step::{AfterCrash, FailWhy, Place, RawReport, StepClass, StepKind, StepResult, VisitKind};
pub use time::{Span, SpanParseError, Timestamp};
pub use waiting::WaitingOn;
pub use weigh::Weight;
