//! The plan as people read it: who goes when and why, and what every threshold means in hosts.
//!
//! [`explain`] computes a [`PlanReport`] (for JSON as it is), [`render`] writes it as text. Neither decides anything:
//! all of it is read off the plan, the fleet and the documents.

mod advisories;
mod availability;
mod calendar;
mod coverage;
mod estimate;
mod evidence;
mod exceptions;
mod explain;
mod parts;
mod recovery;
mod releases;
mod render;
mod rings;
mod strata;

pub(crate) use calendar::{instants, no_time, on_the_clock};
pub(crate) use coverage::{USUAL, cover_of, strata_of, tell_apart};
pub use estimate::assumed;
pub(crate) use estimate::{rings as estimates, works as estimates_of};
pub(crate) use evidence::in_words as evidence_in_words;
pub use evidence::{EvidenceReport, RingEvidence, StratumEvidence, Then};
pub(crate) use exceptions::end_of as end_of_exception;
pub use explain::{explain, explain_at};
pub(crate) use explain::{gates, pace, unpoison, unwarned};
pub use parts::{
    AcceptedReport, AdvisoryReport, AfterReport, ApprovalReport, AvailabilityReport, CellReport,
    Coverage, CoversReport, DueReport, EarlyReport, Estimate, ExceptionReport, ExternalReport,
    GateReport, GroupReport, KeepUpReport, NoTimeReport, PaceReport, PlanReport, RecoveryReport,
    ReleaseReport, RingEstimate, RingReport, RingWhenReport, RouteReport, StratumReport,
    TimesReport, Warning, WhenReport,
};
pub use render::render;
pub(crate) use render::{about, pace_in_words};
pub(crate) use rings::{approval, early};
