//! The side of the control socket that answers.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ringway_model::Actor;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::path::Address;
use super::wire::{Answer, Question};
use crate::caller::{Caller, Gone};
use crate::decider::Answered;
use crate::identify::Identify;

/// Connections at once. Beyond it callers wait in the kernel's queue: nobody needs so many, and a script gone wild must
/// not take the descriptors that steps need.
const CONNECTIONS: usize = 64;
/// The longest question, in bytes: a plan over a million hosts fits.
const LONGEST_QUESTION: u64 = 512 << 20;
/// How long a caller may take to say its question.
const ASK_WITHIN: Duration = Duration::from_secs(30);

/// The socket, bound; its file is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
    address: Address,
}

impl Drop for Door {
    fn drop(&mut self) {
        // One that stays behind only says "refused" to the next caller.
        drop(fs::remove_file(self.address.path()));
    }
}

impl Door {
    /// Binds the socket. Only the holder of the data directory's lock may: a file that lies there is a leftover.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let address = Address::in_directory(data)?;
        match fs::remove_file(address.path()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(address.path())?;
        // Until here only the directory kept others out, and it still does. Who opens the directory to a group (mode
        // 0710) means that the group may talk to the decider; everybody else may not.
        let directory = fs::metadata(data)?;
        let for_group = directory.mode() & 0o010 != 0;
        fs::set_permissions(
            address.path(),
            fs::Permissions::from_mode(if for_group { 0o660 } else { 0o600 }),
        )?;
        if for_group {
            chown(address.path(), None, Some(directory.gid()))?;
        }
        Ok(Self { listener, address })
    }
}

/// Answers until it is aborted.
pub(crate) async fn serve(door: Door, caller: Caller, identify: Arc<dyn Identify>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let stream = match door.listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a caller could not be let in");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (caller, identify) = (caller.clone(), Arc::clone(&identify));
        tokio::spawn(async move {
            if let Err(error) = converse(stream, &caller, identify.as_ref()).await {
                tracing::debug!(%error, "a caller went away");
            }
            drop(permit);
        });
    }
}

async fn converse(stream: UnixStream, caller: &Caller, identify: &dyn Identify) -> io::Result<()> {
    let actor = identify.name_of(stream.peer_cred()?.uid());
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let question = match tokio::time::timeout(ASK_WITHIN, question(&mut read)).await {
        Ok(question) => question?,
        Err(_) => Err("the question did not come in time".to_owned()),
    };
    match question {
        Ok(Question::Follow) => follow(read, write, caller).await,
        Ok(question) => {
            let answer = answer(question, actor, caller)
                .await
                .unwrap_or(Answer::Ending);
            say(&mut write, &answer).await
        }
        Err(why) => say(&mut write, &Answer::NotUnderstood { why }).await,
    }
}

async fn question(read: &mut BufReader<OwnedReadHalf>) -> io::Result<Result<Question, String>> {
    let mut line = Vec::new();
    read.take(LONGEST_QUESTION)
        .read_until(b'\n', &mut line)
        .await?;
    Ok(serde_json::from_slice(&line).map_err(|e| e.to_string()))
}

async fn answer(question: Question, actor: Actor, caller: &Caller) -> Result<Answer, Gone> {
    Ok(match question {
        Question::Ping => Answer::Pong {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        Question::Propose(bundle) => match bundle.unpack() {
            Ok(proposal) => answered(caller.propose(actor, proposal).await?),
            Err(error) => Answer::NotUnderstood {
                why: error.to_string(),
            },
        },
        Question::Command(command) => answered(caller.command(actor, command).await?),
        Question::View | Question::Follow => Answer::View(Box::new(caller.view().await?)),
        Question::Host { name } => Answer::Hosts(caller.host(name).await?),
        Question::Ring { rollout, ring } => Answer::Waiting(caller.ring(rollout, ring).await?),
        Question::Hosts { rollout, ring } => Answer::Hosts(caller.hosts(rollout, ring).await?),
    })
}

fn answered(answer: Answered) -> Answer {
    match answer {
        Ok(accepted) => Answer::Accepted(accepted),
        Err(rejected) => Answer::Rejected(rejected),
    }
}

/// Sends every view until the caller goes away or the decider ends.
async fn follow(
    mut read: BufReader<OwnedReadHalf>,
    mut write: OwnedWriteHalf,
    caller: &Caller,
) -> io::Result<()> {
    let mut views = caller.follow();
    let mut rest = Vec::new();
    loop {
        tokio::select! {
            // A caller has nothing more to say: whatever comes is its end.
            gone = read.read_to_end(&mut rest) => return gone.map(drop),
            view = views.next() => match view {
                Ok(view) => say(&mut write, &Answer::View(Box::new(view.as_ref().clone()))).await?,
                Err(Gone) => return say(&mut write, &Answer::Ending).await,
            }
        }
    }
}

async fn say(write: &mut OwnedWriteHalf, answer: &Answer) -> io::Result<()> {
    let mut line = serde_json::to_vec(answer).map_err(io::Error::other)?;
    line.push(b'\n');
    write.write_all(&line).await
}
