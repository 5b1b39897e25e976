//! Which driver a request goes to. All that uses drivers sees this one.
//!
//! | where | over | driver |
//! |---|---|---|
//! | at the controller, whatever the host | | local |
//! | on a host of this machine | | local |
//! | on a host that nothing reaches | | none: it is refused |
//! | on a host over SSH | Ringway's own connections | remote |
//! | on a host over SSH | the system's `ssh` | remote |
//!
//! A step at a peer goes where a step on that peer goes: whose host it reaches is in the request.

use std::path::Path;
use std::sync::Arc;
use std::{fmt, io};

use ringway_model::{Place, RawReport, Sample};
use ringway_policy::validated::{Ask, Connection, SshVia};

use crate::local::LocalDriver;
use crate::port::{
    BootReading, Driver, ProbeRequest, Reach, Reporting, Sampling, StepRequest, TidyRequest,
    Tidying, Withdrawal,
};
use crate::remote::{RemoteDriver, Spans};
use crate::transport::Transport;

/// Every driver there is.
#[derive(Clone)]
pub struct Drivers {
    local: LocalDriver,
    ringway: RemoteDriver,
    system: RemoteDriver,
}

impl fmt::Debug for Drivers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drivers")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

impl Drivers {
    /// Drivers that keep what they must keep at the controller below `data`, and reach other hosts over these transports:
    /// the one where Ringway itself speaks SSH, and the system's `ssh`.
    ///
    /// # Errors
    ///
    /// When `data` cannot be made absolute, which needs the current directory.
    pub fn over(
        data: &Path,
        ringway: Arc<dyn Transport>,
        system: Arc<dyn Transport>,
    ) -> io::Result<Self> {
        Ok(Self {
            local: LocalDriver::new(data)?,
            ringway: RemoteDriver::new(ringway),
            system: RemoteDriver::new(system),
        })
    }

    /// With other spans to wait for hosts behind a connection.
    #[must_use]
    pub fn with_spans(mut self, spans: Spans) -> Self {
        self.ringway = self.ringway.with_spans(spans);
        self.system = self.system.with_spans(spans);
        self
    }

    fn of_host(&self, reach: &Reach) -> &dyn Driver {
        self.remote(reach).map_or(&self.local, |remote| remote)
    }

    fn of(&self, reach: &Reach, place: Place) -> &dyn Driver {
        match place {
            Place::Host | Place::Peer => self.of_host(reach),
            Place::Controller => &self.local,
        }
    }

    /// Why nothing runs at this place: nothing reaches the host. A plan has no such step, so that this is only met where
    /// somebody made a mistake, which must not run on the controller what is meant for the host.
    fn unreached(reach: &Reach, place: Place) -> Option<String> {
        let is_there = place != Place::Controller && matches!(reach.with, Connection::Unreached);
        is_there.then(|| format!("nothing reaches `{}`: its connection is `none`", reach.host))
    }

    pub(crate) const fn local(&self) -> &LocalDriver {
        &self.local
    }

    /// The driver of a host that is behind a connection.
    pub(crate) fn remote(&self, reach: &Reach) -> Option<&RemoteDriver> {
        match &reach.with {
            Connection::Local | Connection::Unreached => None,
            Connection::Ssh(ssh) => Some(match ssh.via {
                SshVia::Ringway => &self.ringway,
                SshVia::System => &self.system,
            }),
        }
    }
}

impl Driver for Drivers {
    fn run(&self, step: StepRequest, withdrawal: Withdrawal) -> Reporting<'_> {
        if let Some(why) = Self::unreached(&step.reach, step.place) {
            return Box::pin(async { RawReport::Refused { why } });
        }
        self.of(&step.reach, step.place).run(step, withdrawal)
    }

    fn attach(&self, step: StepRequest) -> Reporting<'_> {
        if Self::unreached(&step.reach, step.place).is_some() {
            return Box::pin(async { RawReport::NeverStarted });
        }
        self.of(&step.reach, step.place).attach(step)
    }

    fn question(&self, step: StepRequest) -> Reporting<'_> {
        if let Some(why) = Self::unreached(&step.reach, step.place) {
            return Box::pin(async { RawReport::Refused { why } });
        }
        self.of(&step.reach, step.place).question(step)
    }

    fn boot_id(&self, step: StepRequest) -> BootReading<'_> {
        if let Some(why) = Self::unreached(&step.reach, step.place) {
            return Box::pin(async { Err(why) });
        }
        self.of(&step.reach, step.place).boot_id(step)
    }

    fn probe(&self, probe: ProbeRequest) -> Sampling<'_> {
        match &probe.ask {
            Ask::Run {
                run: _,
                at: Place::Controller,
            } => self.local.probe(probe),
            Ask::Run {
                run: _,
                at: place @ (Place::Host | Place::Peer),
            } if Self::unreached(&probe.reach, *place).is_some() => {
                let why = Self::unreached(&probe.reach, *place).unwrap_or_default();
                Box::pin(async { Sample::Blind(why) })
            }
            Ask::Run {
                run: _,
                at: Place::Host | Place::Peer,
            }
            | Ask::Http { .. }
            | Ask::Tcp { .. } => self.of_host(&probe.reach).probe(probe),
        }
    }

    /// What steps at the controller have left of a host goes too.
    fn tidy(&self, tidy: TidyRequest) -> Tidying<'_> {
        let Some(remote) = self.remote(&tidy.reach) else {
            return self.local.tidy(tidy);
        };
        Box::pin(async move {
            let here = self.local.tidy(tidy.clone()).await?;
            Ok(here + remote.tidy(tidy).await?)
        })
    }
}
