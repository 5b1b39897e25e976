//! Restarts of "hosts" that are processes of this machine: they are asked by commands run here, and what was seen is
//! written into the run directory.

use std::time::Duration;

use ringway_model::RawReport;
use ringway_policy::validated::Command;

use crate::command::{self, Asked};
use crate::port::{RebootRequest, StepRequest};
use crate::restarts::{self, Seen, Witness, failed};
pub(crate) use crate::restarts::{Back, Before};
use crate::run_directory::RunDirectory;

/// How often a host is asked that is asked without a connection.
const PACE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// The file of the ids seen after the command began, one to a line.
const SEEN: &str = "boots";

/// A step on this machine; its run directory, where there is one already.
struct Here<'a> {
    step: &'a StepRequest,
    directory: Option<&'a RunDirectory>,
}

impl Witness for Here<'_> {
    async fn ask(&self, command: &Command, timeout: Duration) -> Result<Asked, RawReport> {
        let values = self.step.values.iter();
        let values = values.map(|(n, v)| (n.as_str(), v.as_str()));
        Ok(command::ask(command, values, &self.step.reach.directory, timeout).await)
    }

    async fn has(&self, file: &str) -> Result<bool, RawReport> {
        let path = self.step.reach.directory.join(file);
        path.try_exists()
            .map_err(|error| failed(126, format!("ringway: `{}`: {error}", path.display())))
    }

    async fn seen(&self) -> Result<Seen, String> {
        let Some(directory) = self.directory else {
            return Ok(Seen::default());
        };
        let after = directory.read(SEEN).ok().flatten().unwrap_or_default();
        Ok(Seen {
            before: directory.note().ok().flatten().unwrap_or_default(),
            after: after.lines().map(str::to_owned).collect(),
        })
    }

    async fn note(&self, id: &str) -> Result<(), String> {
        let Some(directory) = self.directory else {
            return Ok(());
        };
        let note = || {
            let before = directory.read(SEEN)?.unwrap_or_default();
            directory.write(SEEN, &format!("{before}{id}\n"))
        };
        note().map_err(|error: std::io::Error| error.to_string())
    }
}

/// Asks what must be known before the command begins.
pub(crate) async fn before(step: &StepRequest, request: &RebootRequest) -> Before {
    let directory = None;
    restarts::before(&Here { step, directory }, step, request).await
}

/// Reads the boot id once.
///
/// # Errors
///
/// Why it could not be read.
pub(crate) async fn read_boot_id(step: &StepRequest, timeout: Duration) -> Result<String, String> {
    let directory = None;
    restarts::boot_id(&Here { step, directory }, step, timeout).await
}

/// A host that is awaited.
pub(crate) struct Awaited<'a> {
    pub(crate) step: &'a StepRequest,
    pub(crate) request: &'a RebootRequest,
    pub(crate) directory: &'a RunDirectory,
    /// How much of `back_within` was over when the waiting began.
    pub(crate) spent: Duration,
    /// How long it must stay up.
    pub(crate) stable: Duration,
}

/// Waits until the host has restarted as often as is right and stays up, or until it is clear that it will not.
pub(crate) async fn await_back(awaited: Awaited<'_>) -> Back {
    let host = Here {
        step: awaited.step,
        directory: Some(awaited.directory),
    };
    restarts::await_back(restarts::Awaited {
        host: &host,
        step: awaited.step,
        request: awaited.request,
        spent: awaited.spent,
        stable: awaited.stable,
        pace: PACE,
    })
    .await
}
