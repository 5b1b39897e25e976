//! The port through which steps reach hosts. Several drivers stand behind it side by side.
//!
//! A driver makes no choices: which host, which command, which bounds are all in the request. It never repeats a step
//! and never judges one; it reports what happened, and what that means is read elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use ringway_model::{Epoch, IntentId, Labels, Place, RawReport, Sample, Span, StepKind};
use ringway_policy::validated::{Ask, Command, Connection, When};
use tokio::sync::watch;

use crate::run_directory::Keep;
use crate::target::Target;

/// A host, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Its name.
    pub host: String,
    /// Its address.
    pub address: String,
    /// What is known of it.
    pub labels: Labels,
    /// How it is reached.
    pub with: Connection,
    /// The directory of the documents: where commands at the controller start, and what files in `with` are relative to.
    pub directory: PathBuf,
}

impl Reach {
    /// The host as texts with placeholders and commands are told of it.
    pub fn target(&self) -> Target<'_> {
        Target {
            host: &self.host,
            address: &self.address,
            labels: &self.labels,
        }
    }
}

/// One step, with all a driver must know to run it or to find it again.
#[derive(Clone, Debug)]
pub struct StepRequest {
    /// The step's id, which names its run directory.
    pub intent: IntentId,
    /// The decider's fencing number.
    pub epoch: Epoch,
    /// The database the intent is of.
    pub incarnation: u64,
    /// The fleet. A host belongs to one database of a fleet at a time.
    pub fleet: String,
    /// Databases of this fleet from which this one may take a host over, by a person's decision.
    pub adopts: Arc<BTreeSet<u64>>,
    /// The host that it runs on: the one that is visited, or a peer of it. Of a step at the controller, the one that is
    /// visited.
    pub reach: Arc<Reach>,
    /// The host that is visited, where the step runs on a peer.
    pub errand_for: Option<String>,
    /// What the step is for.
    pub kind: StepKind,
    /// Where it runs.
    pub place: Place,
    /// The command.
    pub command: Command,
    /// Environment variables of the command. Names that no shell can export are refused: see
    /// [`variable_name`](crate::quote::variable_name).
    pub values: BTreeMap<String, String>,
    /// How long the command may take.
    pub timeout: Span,
    /// How many bytes of the end of its output are reported; what came before is only counted.
    pub output_limit: usize,
    /// What a restart is held against; present exactly in a `reboot` step.
    pub reboot: Option<RebootRequest>,
}

/// What a restart is held against.
#[derive(Clone, Debug)]
pub struct RebootRequest {
    /// Whether a restart is needed at all. Where it is not, the report is `Ended` with exit code 0 and no restarts.
    pub when: When,
    /// Prints something that changes with every restart. Absent: restarts cannot be seen, so that the command's exit
    /// code is all there is, and 0 counts as the fewest restarts that are right.
    pub boot_id: Option<Command>,
    /// The fewest and the most restarts that are right.
    pub restarts: (NonZeroU16, NonZeroU16),
    /// How long the host has to come back, from the end of the command on.
    pub back_within: Span,
}

/// One question to a host.
#[derive(Clone, Debug)]
pub struct ProbeRequest {
    /// The host.
    pub reach: Arc<Reach>,
    /// What is asked.
    pub ask: Ask,
    /// How long the answer may take.
    pub timeout: Span,
}

/// Run directories of finished steps that are to be taken away from one host.
#[derive(Clone, Debug)]
pub struct TidyRequest {
    /// The host.
    pub reach: Arc<Reach>,
    /// The database whose runs are meant.
    pub incarnation: u64,
    /// Intents without a journaled result: what lies of them is never touched.
    pub open: Arc<BTreeSet<IntentId>>,
    /// Which of the others are kept.
    pub keep: Keep,
    /// The time now.
    pub now: SystemTime,
}

/// A sample to come.
pub type Sampling<'a> = Pin<Box<dyn Future<Output = Sample> + Send + 'a>>;

/// A number of run directories that were taken away, to come, or why they were not.
pub type Tidying<'a> = Pin<Box<dyn Future<Output = Result<usize, String>> + Send + 'a>>;

/// A report to come.
pub type Reporting<'a> = Pin<Box<dyn Future<Output = RawReport> + Send + 'a>>;

/// A boot id to come, or why it could not be read.
pub type BootReading<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// A way to run steps on hosts.
///
/// Dropping a future it returned abandons the watching, never the step: that goes on, and is found by `attach`.
pub trait Driver: Send + Sync {
    /// Runs a step and waits for its end. Where it was started before, it is attached to instead: whatever happens, a
    /// step's command runs at most once.
    ///
    /// A withdrawal prevents the step if it has not begun, and is without effect otherwise.
    fn run(&self, step: StepRequest, withdrawal: Withdrawal) -> Reporting<'_>;

    /// Finds a step that may have been started before, and waits for its end. A step that has not begun is reported
    /// `NeverStarted`, and can never begin from then on, not even by a process that is just about to start it.
    fn attach(&self, step: StepRequest) -> Reporting<'_>;

    /// Runs a step's command as a question: without an envelope, and without leaving a trace on the host. Only for steps
    /// that change nothing, where nobody needs to find the result again.
    fn question(&self, step: StepRequest) -> Reporting<'_>;

    /// Reads what the request's `reboot` names as the host's boot id, once.
    fn boot_id(&self, step: StepRequest) -> BootReading<'_>;

    /// Asks whether a host is well, once.
    fn probe(&self, probe: ProbeRequest) -> Sampling<'_>;

    /// Takes away what finished steps have left on a host.
    fn tidy(&self, tidy: TidyRequest) -> Tidying<'_>;
}

/// The hand that can withdraw a step.
#[derive(Debug)]
pub struct Withdraw(watch::Sender<bool>);

/// The step's end of it. Dropping the hand withdraws nothing.
#[derive(Clone, Debug)]
pub struct Withdrawal(watch::Receiver<bool>);

/// A way to withdraw one step.
pub fn withdrawal() -> (Withdraw, Withdrawal) {
    let (hand, ear) = watch::channel(false);
    (Withdraw(hand), Withdrawal(ear))
}

impl Withdraw {
    /// Asks for the step not to begin. The report says whether that came in time.
    pub fn now(&self) {
        self.0.send_replace(true);
    }
}

impl Withdrawal {
    /// One that never comes.
    pub fn never() -> Self {
        withdrawal().1
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when it is asked for; never, where it cannot be asked for any more.
    pub async fn asked(&mut self) {
        if self.0.wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
