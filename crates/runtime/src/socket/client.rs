//! The side of the control socket that asks.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use ringway_engine::view::FleetView;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

use super::path::Address;
use super::wire::{Answer, Question};

/// How long whoever listens may take to say that it is there. A task of its own answers that, so it takes longer only
/// where the whole process or machine stands still.
const AWAKE_WITHIN: Duration = Duration::from_secs(5);

/// Somebody to ask, by the data directory whose fleet is meant. Every question is a connection of its own.
#[derive(Clone, Debug)]
pub struct Client {
    data: PathBuf,
}

/// Nobody answered.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// No socket, or nobody listens at it.
    #[error("nothing runs on `{}`", data.display())]
    Nobody {
        /// The data directory.
        data: PathBuf,
    },
    /// The socket is another user's.
    #[error("the control socket in `{}` may not be used by this user", data.display())]
    NotAllowed {
        /// The data directory.
        data: PathBuf,
    },
    /// Somebody holds the socket and says nothing: stopped, or in great need.
    #[error("process {pid} holds `{}` and does not answer: it may be stopped", data.display())]
    Silent {
        /// The data directory.
        data: PathBuf,
        /// The process.
        pid: i32,
    },
    /// The connection broke, or the answer made no sense.
    #[error("no answer from the control socket in `{}`: {why}", data.display())]
    Broken {
        /// The data directory.
        data: PathBuf,
        /// What happened.
        why: String,
    },
}

impl Client {
    /// Whoever decides over the fleet of this data directory.
    pub fn new(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
        }
    }

    /// Asks one question and waits for its answer.
    ///
    /// # Errors
    ///
    /// Nobody listens, this user may not ask, whoever listens does not say within five seconds that it is there, or the
    /// connection broke before the answer came.
    pub async fn ask(&self, question: &Question) -> Result<Answer, Unreachable> {
        if let Question::Ping = question {
            return self.awake().await;
        }
        let mut answers = self.open(question).await?;
        self.next(&mut answers).await
    }

    /// Asks for the fleet's view now and at every change.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub async fn follow(&self) -> Result<Following, Unreachable> {
        let answers = self.open(&Question::Follow).await?;
        Ok(Following {
            client: self.clone(),
            answers,
        })
    }

    /// Asks, once whoever listens has shown that it is awake: how long the answer itself takes is its own business.
    async fn open(&self, question: &Question) -> Result<BufReader<OwnedReadHalf>, Unreachable> {
        self.awake().await?;
        self.send(question, &AtomicI32::new(0)).await
    }

    /// Whether whoever listens answers at all.
    async fn awake(&self) -> Result<Answer, Unreachable> {
        let holder = AtomicI32::new(0);
        let awake = async {
            let mut pong = self.send(&Question::Ping, &holder).await?;
            self.next(&mut pong).await
        };
        let answered = tokio::time::timeout(AWAKE_WITHIN, awake).await;
        answered.unwrap_or_else(|_| {
            Err(Unreachable::Silent {
                data: self.data.clone(),
                pid: holder.load(Ordering::Relaxed),
            })
        })
    }

    /// Puts a question; `holder` becomes the process that listens, as the kernel knows it.
    async fn send(
        &self,
        question: &Question,
        holder: &AtomicI32,
    ) -> Result<BufReader<OwnedReadHalf>, Unreachable> {
        let address = Address::in_directory(&self.data).map_err(|e| self.fault(&e))?;
        let stream = UnixStream::connect(address.path())
            .await
            .map_err(|e| self.fault(&e))?;
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
        holder.store(pid.unwrap_or(0), Ordering::Relaxed);
        let (read, mut write) = stream.into_split();
        let mut line = serde_json::to_vec(question).map_err(|e| self.broken(&e.to_string()))?;
        line.push(b'\n');
        write.write_all(&line).await.map_err(|e| self.fault(&e))?;
        // Dropping the writing half would end it for both; forgetting shuts nothing.
        write.forget();
        Ok(BufReader::new(read))
    }

    async fn next(&self, from: &mut BufReader<OwnedReadHalf>) -> Result<Answer, Unreachable> {
        let mut line = String::new();
        let read = from
            .read_line(&mut line)
            .await
            .map_err(|e| self.fault(&e))?;
        if read == 0 {
            return Err(self.broken("the connection was closed"));
        }
        serde_json::from_str(&line).map_err(|e| self.broken(&e.to_string()))
    }

    fn fault(&self, error: &io::Error) -> Unreachable {
        let data = self.data.clone();
        if error.kind() == io::ErrorKind::NotFound
            || error.kind() == io::ErrorKind::ConnectionRefused
        {
            Unreachable::Nobody { data }
        } else if error.kind() == io::ErrorKind::PermissionDenied {
            Unreachable::NotAllowed { data }
        } else {
            self.broken(&error.to_string())
        }
    }

    fn broken(&self, why: &str) -> Unreachable {
        Unreachable::Broken {
            data: self.data.clone(),
            why: why.to_owned(),
        }
    }
}

/// The fleet's views as they come.
#[derive(Debug)]
pub struct Following {
    client: Client,
    answers: BufReader<OwnedReadHalf>,
}

impl Following {
    /// The next view.
    ///
    /// # Errors
    ///
    /// The decider ended, or the connection broke.
    pub async fn next(&mut self) -> Result<FleetView, Unreachable> {
        match self.client.next(&mut self.answers).await? {
            Answer::View(view) => Ok(*view),
            Answer::Ending => Err(self.client.broken("it ended")),
            Answer::NotUnderstood { why } => Err(self.client.broken(&why)),
            Answer::Pong { .. }
            | Answer::Accepted(_)
            | Answer::Rejected(_)
            | Answer::Hosts(_)
            | Answer::Protections(_)
            | Answer::Waiting(_) => Err(self.client.broken("an answer to another question")),
        }
    }
}
