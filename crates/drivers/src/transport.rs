//! The port underneath the remote driver: run one command on a host, and talk to it.
//!
//! A transport knows hosts, connections, keys and bytes. It does not know steps, envelopes or `sudo`, repeats nothing
//! that was handed to a host, and judges nothing: what came back is read by whoever asked.
//!
//! # Invariants
//!
//! * [`Transport::exec`] answers with a [`Refusal`] only where not a single byte of the command was given to the host.
//!   From then on a broken connection is [`Lost`], and nobody knows how far the command came.
//! * A host whose key is not the one it should have gets neither a password, nor a signature, nor a command.
//! * Nothing secret is in a [`Refusal`], a [`Lost`] or a log.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use crate::port::Reach;

/// A command for the login shell of a host.
pub struct Exec {
    /// One line that every shell reads alike. It is an argument of processes on the host: nothing secret, no values.
    pub command: String,
    /// What stands on its standard input. May hold secrets.
    pub input: Vec<u8>,
    /// What stands there after that, where and when it comes. Then, or when nothing can come any more, the input is closed.
    pub later: Option<oneshot::Receiver<Vec<u8>>>,
}

impl Exec {
    /// A command with all of its input.
    pub fn new(command: impl Into<String>, input: impl Into<Vec<u8>>) -> Self {
        Self {
            command: command.into(),
            input: input.into(),
            later: None,
        }
    }
}

/// What a running command says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// On standard output.
    Output(Vec<u8>),
    /// On standard error.
    Errors(Vec<u8>),
    /// It ended with this exit code; 128 + n where signal n ended it. Output may still follow.
    Exit(i32),
}

/// The connection broke while the command ran, or may have run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection was lost: {0}")]
pub struct Lost(pub String);

/// A running command. Dropping it closes the channel, which by itself does not end what runs on the host.
pub trait Running: Send {
    /// What it says next; `None` when it has said everything.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Option<Said>, Lost>> + Send + '_>>;
}

/// A stream of bytes through a host.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why nothing was given to a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not answer: its name has no address, the port is closed, it says nothing in time.
    #[error("{0}")]
    Unreachable(String),
    /// It shows another key than the one it should have. Somebody reinstalled it, or somebody else answers for it.
    #[error("{0}")]
    HostKeyChanged(String),
    /// Nothing says which key it should have.
    #[error("{0}")]
    HostKeyUnknown(String),
    /// It lets this user in with none of the keys there are.
    #[error("{0}")]
    Login(String),
    /// The fault is on this machine: a key that cannot be read, no agent, no free file descriptor.
    #[error("{0}")]
    Here(String),
    /// A host on the way.
    #[error("jump host `{hop}`: {why}")]
    Jump {
        /// Its address.
        hop: String,
        /// What it met.
        why: Box<Self>,
    },
}

impl Refusal {
    /// Whether the next attempt may be answered otherwise without anybody doing something about it.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Here(_) => true,
            Self::Jump { why, .. } => why.may_pass(),
            Self::HostKeyChanged(_) | Self::HostKeyUnknown(_) | Self::Login(_) => false,
        }
    }
}

/// A running command to come.
pub type Starting<'a> =
    Pin<Box<dyn Future<Output = Result<Box<dyn Running>, Refusal>> + Send + 'a>>;

/// A stream to come.
pub type Connecting<'a> =
    Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, Refusal>> + Send + 'a>>;

/// A session to come.
pub type Readying<'a> = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 'a>>;

/// A way to hosts.
pub trait Transport: Send + Sync {
    /// Connects and logs in, as far as that can be done ahead, and gives the host nothing. Dropping the future is free of
    /// consequences, which is not so with [`exec`](Self::exec): a step is taken back while this has not answered without
    /// asking the host. A transport without sessions has nothing to do ahead.
    fn ready(&self, _reach: Arc<Reach>) -> Readying<'_> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Forgets the sessions of a host that are kept for later: it restarts, so that they lead nowhere although nothing
    /// tells of their end. What runs over them is left alone.
    fn renew(&self, _reach: &Reach) {}

    /// Gives a command to a host. Sessions are kept and shared; a session that was closed while it was idle is made
    /// anew, once, before anything is said of the host.
    fn exec(&self, reach: Arc<Reach>, exec: Exec) -> Starting<'_>;

    /// Connects to `port` of the host's address from where its SSH connection comes from: the last jump host, or, where
    /// there is none, this machine.
    fn connect(&self, reach: Arc<Reach>, port: u16) -> Connecting<'_>;
}
