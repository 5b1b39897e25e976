//! The transport: how many `ssh` there are at once, and how one comes to a command that can begin.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::arguments::{self, Wanted};
use super::folder::{Folder, Papers};
use super::opening::{Errors, Opened, Opening, Words};
use super::running::{Begun, Command};
use super::stream::{self, Shown};
use super::verdict::{self, place};
use super::way::{Leg, Way};
use crate::port::Reach;
use crate::ssh::Here;
use crate::transport::{Connecting, Exec, Refusal, Starting, Transport};

/// How long a login shell may take until it comes to the command, beyond the time to connect. A slow one is slow; one
/// that takes half a minute does not come back.
const SHELL_WITHIN: Duration = Duration::from_secs(30);
/// How much of what is complained about before a command begins is kept.
const COMPLAINTS: usize = 16 * 1024;

/// How many `ssh` there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processes {
    /// In all. Each has some megabytes of memory, and one that waits for a host that does not answer is one of them.
    pub at_once: usize,
}

impl Default for Processes {
    fn default() -> Self {
        Self { at_once: 128 }
    }
}

/// Hosts by the system's `ssh`.
#[derive(Debug)]
pub struct SystemSsh {
    home: PathBuf,
    folder: Arc<Folder>,
    all: Arc<Semaphore>,
    /// Those of each host; a host that is not used has none.
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// What `ssh_config` makes of hosts, by the question.
    shown: Mutex<HashMap<Vec<OsString>, Shown>>,
}

/// The right to run one `ssh`.
#[derive(Debug)]
pub(super) struct Places {
    _host: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl SystemSsh {
    /// A transport with the user, the home and the agent of `here`.
    pub fn new(here: &Here, processes: Processes) -> Self {
        Self {
            home: here.home.clone(),
            folder: Arc::default(),
            all: Arc::new(Semaphore::new(processes.at_once.max(1))),
            hosts: Mutex::default(),
            shown: Mutex::default(),
        }
    }

    /// Waits until one more `ssh` to this host may run.
    pub(super) async fn places(&self, way: &Way) -> Result<Places, Refusal> {
        let host = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody holds on to what only the map has, and nobody can be waiting there.
            hosts.retain(|_, places| Arc::strong_count(places) > 1);
            let name = format!("{} {:?}", place(&way.end), way.end.user);
            let places = hosts
                .entry(name)
                .or_insert_with(|| Arc::new(Semaphore::new(usize::from(way.at_once))));
            Arc::clone(places)
        };
        let closed = |_| Refusal::Here("no `ssh` may be started any more".to_owned());
        Ok(Places {
            _host: host.acquire_owned().await.map_err(closed)?,
            _all: Arc::clone(&self.all)
                .acquire_owned()
                .await
                .map_err(closed)?,
        })
    }

    pub(super) fn papers(&self) -> Result<Papers, Refusal> {
        self.folder.papers()
    }

    /// What `ssh_config` makes of the end of a way. Asked once.
    pub(super) async fn shown(&self, way: &Way) -> Result<Shown, Refusal> {
        let papers = self.papers()?;
        let arguments = arguments::shown(way, &papers)?;
        let known = |shown: &Mutex<HashMap<Vec<OsString>, Shown>>| {
            let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            shown.get(&arguments).cloned()
        };
        if let Some(shown) = known(&self.shown) {
            return Ok(shown);
        }
        let _places = self.places(way).await?;
        let output = ssh(way, &papers, arguments.clone())?
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .output()
            .await
            .map_err(|error| Refusal::Here(format!("`ssh` cannot be run: {error}")))?;
        if !output.status.success() {
            return Err(verdict::of(
                &way.end,
                &String::from_utf8_lossy(&output.stderr),
            ));
        }
        let shown = Shown::read(&String::from_utf8_lossy(&output.stdout));
        let mut all = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(arguments, shown.clone());
        Ok(shown)
    }

    async fn begin(&self, reach: &Reach, exec: Exec) -> Result<Command, Refusal> {
        let way = Way::to(reach, &self.home)?;
        let places = self.places(&way).await?;
        let papers = self.papers()?;
        let words = Words::new();
        let command = words
            .wrap(&exec.command)
            .map_err(|error| Refusal::Here(error.to_string()))?;
        let arguments = arguments::of(&way, &papers, &Wanted::Command(command))?;
        let mut started = Started::spawn(ssh(&way, &papers, arguments)?)?;
        let opened = tokio::time::timeout(within(&way), started.open(&words)).await;
        let besides = match opened {
            Ok(Some(besides)) => besides,
            Ok(None) => return Err(started.refusal(&way, &papers).await),
            Err(_) => {
                return Err(Refusal::Unreachable(format!(
                    "the login shell of `{}` does not come to the command",
                    place(&way.end)
                )));
            }
        };
        let mut errors = Errors::of(&words);
        // What a login shell complains about stands before what the command does.
        let complaints = errors.take(&started.said);
        let begun = Begun {
            child: started.child,
            input: started.input,
            output: started.output,
            complaints: started.complaints,
            errors,
            besides,
            papers,
            leg: way.hops.len(),
            places,
        };
        let mut input = Words::GO.as_bytes().to_vec();
        input.extend_from_slice(&exec.input);
        Ok(Command::begin(begun, complaints, input, exec.later))
    }
}

impl Transport for SystemSsh {
    fn exec(&self, reach: Arc<Reach>, exec: Exec) -> Starting<'_> {
        Box::pin(async move {
            let running = self.begin(&reach, exec).await?;
            Ok(Box::new(running) as Box<dyn crate::transport::Running>)
        })
    }

    fn connect(&self, reach: Arc<Reach>, port: u16) -> Connecting<'_> {
        Box::pin(async move {
            let way = Way::to(&reach, &self.home)?;
            stream::connect(self, way, port).await
        })
    }
}

/// How long it may take until a command can begin.
pub(super) fn within(way: &Way) -> Duration {
    let legs = u32::try_from(way.hops.len() + 1).unwrap_or(u32::MAX);
    way.connect_timeout
        .saturating_mul(legs)
        .saturating_add(SHELL_WITHIN)
}

/// An `ssh` with these arguments, its complaints in a pipe. It ends with what holds it.
pub(super) fn ssh(
    way: &Way,
    papers: &Papers,
    arguments: Vec<OsString>,
) -> Result<tokio::process::Command, Refusal> {
    let mut command = tokio::process::Command::new("ssh");
    command
        .args(arguments)
        // Its words decide what went wrong, and they are these.
        .env("LC_ALL", "C")
        .process_group(0)
        .kill_on_drop(true)
        .stderr(Stdio::piped());
    if let Some((passphrase, directory)) = &way.passphrase {
        command
            .env("SSH_ASKPASS", papers.askpass(passphrase, directory)?)
            .env("SSH_ASKPASS_REQUIRE", "force");
    }
    Ok(command)
}

/// An `ssh` whose command has not begun.
struct Started {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    complaints: ChildStderr,
    /// What it complained about.
    said: Vec<u8>,
}

impl Started {
    fn spawn(mut command: tokio::process::Command) -> Result<Self, Refusal> {
        let here =
            |why: &dyn std::fmt::Display| Refusal::Here(format!("`ssh` cannot be run: {why}"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| here(&error))?;
        match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
            (Some(input), Some(output), Some(complaints)) => Ok(Self {
                child,
                input,
                output,
                complaints,
                said: Vec::new(),
            }),
            _ => Err(here(&"it has no standard input and output")),
        }
    }

    /// What was said besides, when the command can begin; nothing when it never will.
    async fn open(&mut self, words: &Words) -> Option<Vec<u8>> {
        let mut opening = Opening::default();
        let mut complains = true;
        loop {
            let (mut output, mut complaints) = (Vec::with_capacity(4096), Vec::with_capacity(4096));
            tokio::select! {
                read = self.output.read_buf(&mut output) => match read {
                    Ok(1..) => match opening.take(words, &output) {
                        Opened::NotYet => {}
                        Opened::Ready(besides) => return Some(besides),
                        Opened::TooMuch => return None,
                    },
                    _ => return None,
                },
                read = self.complaints.read_buf(&mut complaints), if complains => match read {
                    Ok(1..) if self.said.len() < COMPLAINTS => self.said.extend_from_slice(&complaints),
                    Ok(1..) => {}
                    _ => complains = false,
                },
            }
        }
    }

    /// Why its command never began.
    async fn refusal(&mut self, way: &Way, papers: &Papers) -> Refusal {
        let ending = async {
            while self.said.len() < COMPLAINTS {
                let mut more = Vec::with_capacity(4096);
                match self.complaints.read_buf(&mut more).await {
                    Ok(1..) => self.said.extend_from_slice(&more),
                    _ => break,
                }
            }
            self.child.wait().await
        };
        let ended = tokio::time::timeout(Duration::from_secs(1), ending).await;
        let said = String::from_utf8_lossy(&self.said).into_owned();
        let logged = papers.logged(way.hops.len());
        if let Ok(Ok(status)) = ended
            && let Some(code) = status.code()
            && code != 255
        {
            return Refusal::Login(format!(
                "the login shell of `{}` does not run commands; it ended with {code}: {}",
                place(&way.end),
                verdict::lost(&logged, &said)
            ));
        }
        let hops: Vec<(&Leg, String)> = way
            .hops
            .iter()
            .enumerate()
            .map(|(index, hop)| (hop, papers.logged(index)))
            .collect();
        verdict::of_legs(&hops, &way.end, &format!("{logged}\n{said}"))
    }
}
