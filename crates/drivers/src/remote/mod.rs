//! The driver for hosts behind a connection: steps are given to them as envelopes, and found again after whatever
//! happened to the connection, to Ringway or to the host.
//!
//! It is one driver for every [`Transport`]. It keeps nothing of a step: what is known of it lies in its run directory on
//! the host. One script and one channel do for a step: the answer and, at the end, what became of it come back on it.
//!
//! | module | decides |
//! |---|---|
//! | `step` | what a step's report is: the one place that tells "nothing began" from "nobody knows" |
//! | `talk` | what is heard of one script |
//! | `rights` | with whose rights a script runs, and what a refusal of `sudo` means |
//! | `passwords` | who is told a password, and that nobody else is |
//! | `asking` | questions, which change nothing: of probes, of restarts, of those who only look |
//!
//! # Invariants
//!
//! * `Unreachable` and `Refused` are said only where nothing of the step has begun, and nothing will. From the moment
//!   something was given to a host it is asked until it says what became of it, or until the step's time and a margin are
//!   over: the report is `Interrupted` then, for nobody knows.
//! * No host holds a worker for ever: every wait has a bound, on this side too.
//! * A password leaves the driver towards `sudo` only; it is in no report and in no log.

mod asking;
mod passwords;
mod rights;
mod step;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use ringway_policy::validated::{Ask, Connection, Ssh};

use self::passwords::Passwords;
use self::step::Visit;
use crate::envelope::{self, Answer};
use crate::local::duration;
use crate::port::{
    BootReading, Driver, ProbeRequest, Reach, Reporting, Sampling, StepRequest, TidyRequest,
    Tidying, Withdrawal,
};
use crate::probe::{self, Way};
use crate::transport::Transport;

/// How long the driver waits, where no document says it.
#[derive(Clone, Copy, Debug)]
pub struct Spans {
    /// For a process group to end after TERM, before KILL.
    pub grace: Duration,
    /// For the host's step before this one.
    pub busy: Duration,
    /// For a further restart after the one that was awaited: a host that stays up so long is back.
    pub stable: Duration,
    /// For an answer that takes a host moments.
    pub answer: Duration,
    /// Beyond a step's own time, until nobody waits to hear what became of it.
    pub margin: Duration,
    /// For a connection to a host that its visit has left out of service or changed, until it is called lost: a gate with
    /// many connections at once drops some of them (`MaxStartups` of sshd).
    pub again: Duration,
    /// Between two attempts to reach a host on which a step may run: first, and then doubling up to the last.
    pub pause: (Duration, Duration),
    /// Between two questions to a host whose restart is awaited: first, and then doubling up to the last.
    pub pace: (Duration, Duration),
}

impl Default for Spans {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(5),
            busy: Duration::from_secs(10),
            stable: Duration::from_secs(5),
            answer: Duration::from_mins(1),
            margin: Duration::from_mins(1),
            again: Duration::from_secs(15),
            pause: (Duration::from_secs(1), Duration::from_secs(15)),
            pace: (Duration::from_secs(1), Duration::from_secs(5)),
        }
    }
}

/// Runs steps on hosts that a transport reaches. Steps at the controller are not its business.
#[derive(Clone)]
pub struct RemoteDriver {
    transport: Arc<dyn Transport>,
    passwords: Arc<Passwords>,
    spans: Spans,
}

impl RemoteDriver {
    /// A driver over this transport.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self {
            transport,
            passwords: Arc::default(),
            spans: Spans::default(),
        }
    }

    /// With other spans to wait.
    #[must_use]
    pub fn with_spans(mut self, spans: Spans) -> Self {
        self.spans = spans;
        self
    }

    async fn tidy_host(&self, tidy: TidyRequest) -> Result<usize, String> {
        let root = root(&tidy.reach)?;
        let script = envelope::tidy(&root, tidy.incarnation, &tidy.open, tidy.keep)
            .map_err(|error| error.to_string())?;
        match self.tell(&tidy.reach, &script, self.spans.answer).await? {
            Answer::Tidied(count) => Ok(count),
            Answer::Cannot(why) => Err(why),
            other @ (Answer::Accepted
            | Answer::Exists
            | Answer::Begun
            | Answer::Never
            | Answer::Busy(_)
            | Answer::Fenced(_)
            | Answer::Foreign(_)
            | Answer::ForeignFleet(_)) => Err(format!("it answered {other:?}")),
        }
    }
}

impl Driver for RemoteDriver {
    fn run(&self, step: StepRequest, withdrawal: Withdrawal) -> Reporting<'_> {
        Box::pin(async move { Visit::new(self, step).run(withdrawal).await })
    }

    fn attach(&self, step: StepRequest) -> Reporting<'_> {
        Box::pin(async move { Visit::new(self, step).attach().await })
    }

    fn question(&self, step: StepRequest) -> Reporting<'_> {
        Box::pin(async move { self.question_of(&step).await })
    }

    fn boot_id(&self, step: StepRequest) -> BootReading<'_> {
        Box::pin(async move { self.boot_id_of(&step).await })
    }

    /// Commands of probes run as the user who is logged in, without `become`: a probe is asked often, and looks.
    fn probe(&self, probe: ProbeRequest) -> Sampling<'_> {
        Box::pin(async move {
            let ProbeRequest {
                reach,
                ask,
                timeout,
            } = probe;
            if let Ask::Run {
                run,
                at: ringway_model::Place::Host | ringway_model::Place::Peer,
            } = &ask
            {
                return self.probe_by_command(&reach, run, duration(timeout)).await;
            }
            let way = if jumps(&reach) {
                Way::Through(&*self.transport, Arc::clone(&reach))
            } else {
                Way::Direct
            };
            let directory = &reach.directory;
            probe::ask_by(way, &ask, reach.target(), directory, timeout).await
        })
    }

    fn tidy(&self, tidy: TidyRequest) -> Tidying<'_> {
        Box::pin(self.tidy_host(tidy))
    }
}

/// How a host is reached over SSH.
fn ssh(reach: &Reach) -> Option<&Ssh> {
    match &reach.with {
        Connection::Ssh(ssh) => Some(ssh),
        Connection::Local | Connection::Unreached => None,
    }
}

fn jumps(reach: &Reach) -> bool {
    ssh(reach).is_some_and(|ssh| !ssh.jump.is_empty())
}

/// The host's root, on the host.
pub(crate) fn root(reach: &Reach) -> Result<std::path::PathBuf, String> {
    let root = ssh(reach).map_or(".ringway", |ssh| &ssh.root);
    reach
        .target()
        .fill(root)
        .map(std::path::PathBuf::from)
        .map_err(|error| error.to_string())
}
