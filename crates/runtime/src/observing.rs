//! A run that changes nothing: hosts are connected to, inspected and probed, and no step that could change one is given
//! to them.
//!
//! Everything else is as in a real run: what is waited for, which gate says what, when a ring would be promoted. A step
//! that is not carried out counts as one that did what it is for.
//!
//! # Invariants
//!
//! * Behind [`Observing`] no run directory is made, looked for or removed: the driver below it is asked questions only.
//! * A journal is of observed runs or of real ones, never of both: [`mark`] sees to it before the store is opened.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_drivers::{
    BootReading, Driver, ProbeRequest, Reporting, Sampling, StepRequest, TidyRequest, Tidying,
    Withdrawal,
};
use ringway_model::{RawReport, StepKind};
use ringway_policy::validated::Expect;
use ringway_scheduler::plan::{More, StepPlan};
use ringway_store::DATABASE;

/// The file that says of a data directory that its journal is of observed runs.
const MARK: &str = "observed";

/// A data directory that is of the other kind of run.
#[derive(Debug, thiserror::Error)]
pub enum Mixed {
    /// A real run was asked for.
    #[error("`{}` has the journal of an observed run, in which nothing was changed; a real run cannot go on with it", data.display())]
    Observed {
        /// The data directory.
        data: PathBuf,
    },
    /// Observing was asked for.
    #[error("`{}` has the journal of a real run; observing needs a data directory of its own", data.display())]
    Real {
        /// The data directory.
        data: PathBuf,
    },
    /// The mark cannot be read or made.
    #[error("mark `{}` as of an observed run", data.display())]
    Io {
        /// The data directory.
        data: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Whether the journal in this data directory is of observed runs.
pub fn is_observed(data: &Path) -> bool {
    data.join(MARK).symlink_metadata().is_ok()
}

/// Checks that a data directory is of the right kind, and marks a new one that is to be observed in. Before the store is
/// opened: a directory in which a database was made and no mark would be taken for a real one.
pub(crate) fn mark(data: &Path, observe: bool) -> Result<(), Mixed> {
    let data_of = || data.to_owned();
    if !observe {
        return if is_observed(data) {
            Err(Mixed::Observed { data: data_of() })
        } else {
            Ok(())
        };
    }
    if is_observed(data) {
        return Ok(());
    }
    if data.join(DATABASE).symlink_metadata().is_ok() {
        return Err(Mixed::Real { data: data_of() });
    }
    let marked = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .and_then(|()| {
            fs::write(
                data.join(MARK),
                "nothing was changed by the runs in this journal\n",
            )
        })
        .and_then(|()| File::open(data)?.sync_all());
    marked.map_err(|source| Mixed::Io {
        data: data_of(),
        source,
    })
}

/// The report of a step that is not carried out while observing: as if it had done what it is for. Nothing for a step
/// that only looks, which is carried out.
pub(crate) fn pretended(step: &StepPlan) -> Option<RawReport> {
    if looks_only(step.kind) {
        return None;
    }
    let restarts = match &step.more {
        More::Reboot { restarts, .. } => restarts.0,
        // Nobody is asked while it is only observed: a plan with such a step is not taken.
        More::Nothing
        | More::Inspect { .. }
        | More::Ready { .. }
        | More::Last { .. }
        | More::Silence { .. }
        | More::Stage { .. }
        | More::Recovery { .. }
        | More::Protect { .. }
        | More::Manual { .. } => 0,
    };
    let output = match &step.step.expect {
        // It must be called something to be told of.
        None if step.kind == StepKind::Protect => "not made".to_owned(),
        Some(Expect::AtLeast(number)) => number.to_string(),
        Some(Expect::Contains(text) | Expect::Equals(text)) => text.clone(),
        None => String::new(),
    };
    Some(RawReport::Ended {
        exit: 0,
        output,
        restarts,
    })
}

const fn looks_only(kind: StepKind) -> bool {
    match kind {
        StepKind::Inspect | StepKind::Precheck | StepKind::Ready | StepKind::Last => true,
        StepKind::Drain
        | StepKind::Apply
        | StepKind::Rollback
        | StepKind::Reboot
        | StepKind::Verify
        | StepKind::CareVerify
        | StepKind::Undrain
        | StepKind::Silence
        | StepKind::Stage
        | StepKind::Recovery
        | StepKind::Protect
        | StepKind::Unprotect
        | StepKind::Unsilence => false,
    }
}

/// A driver that can only look.
pub(crate) struct Observing {
    below: Arc<dyn Driver>,
}

impl Observing {
    pub(crate) const fn new(below: Arc<dyn Driver>) -> Self {
        Self { below }
    }
}

impl Driver for Observing {
    fn run(&self, step: StepRequest, _withdrawal: Withdrawal) -> Reporting<'_> {
        if looks_only(step.kind) {
            return self.below.question(step);
        }
        // Whoever asks for this has not asked `pretended` first; the host must not pay for that.
        let why = "it is only observed, and this step is none that only looks".to_owned();
        Box::pin(async { RawReport::Refused { why } })
    }

    fn attach(&self, _step: StepRequest) -> Reporting<'_> {
        // A question leaves nothing that could be found again, and nothing else was ever begun.
        Box::pin(async { RawReport::NeverStarted })
    }

    fn question(&self, step: StepRequest) -> Reporting<'_> {
        self.below.question(step)
    }

    fn boot_id(&self, step: StepRequest) -> BootReading<'_> {
        self.below.boot_id(step)
    }

    fn probe(&self, probe: ProbeRequest) -> Sampling<'_> {
        self.below.probe(probe)
    }

    fn tidy(&self, _tidy: TidyRequest) -> Tidying<'_> {
        Box::pin(async { Ok(0) })
    }
}
