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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::path::Address;
use super::wire::{Answer, Question};
use crate::caller::{Caller, Gone};
use crate::decider::Answered;
use crate::identify::Identify;

/// Connections at once. Beyond it callers wait in the kernel's queue: nobody needs so many, and a script gone wild must
/// not take the descriptors that steps need.
const CONNECTIONS: usize = 64;
/// Connections at once of those who follow, and so stay. They have a room of their own: however many wait for a rollout,
/// somebody who says `halt` is heard.
const FOLLOWERS: usize = 64;
/// The longest question, in bytes: a plan over a million hosts fits.
const LONGEST_QUESTION: u64 = 512 << 20;
/// How long a caller may take to say its question.
const ASK_WITHIN: Duration = Duration::from_secs(30);
/// How long a caller may take to take an answer. One that was stopped must not hold its place for ever; what runs again
/// asks again.
const TAKE_WITHIN: Duration = Duration::from_secs(30);

/// The socket, bound; its file is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Door {
    listener: UnixListener,
    address: Address,
    /// Which file the socket is: its number alone may be given to the next one.
    file: (u64, u64, i64, i64),
}

impl Drop for Door {
    fn drop(&mut self) {
        // One that stays behind only says "refused" to the next caller. Another one is not ours: who has taken the fleet
        // over meanwhile must not lose its own.
        if which(&self.address).is_ok_and(|file| file == self.file) {
            drop(fs::remove_file(self.address.path()));
        }
    }
}

fn which(address: &Address) -> io::Result<(u64, u64, i64, i64)> {
    let about = fs::symlink_metadata(address.path())?;
    Ok((about.dev(), about.ino(), about.ctime(), about.ctime_nsec()))
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
        let file = which(&address)?;
        Ok(Self {
            listener,
            address,
            file,
        })
    }
}

/// Answers until it is aborted.
pub(crate) async fn serve(door: Door, caller: Caller, identify: Arc<dyn Identify>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let followers = Arc::new(Semaphore::new(FOLLOWERS));
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
        let followers = Arc::clone(&followers);
        tokio::spawn(async move {
            let place = Place { permit, followers };
            if let Err(error) = converse(stream, place, &caller, identify.as_ref()).await {
                tracing::debug!(%error, "a caller went away");
            }
        });
    }
}

/// A caller's place among those who are listened to, given back with this value.
struct Place {
    permit: OwnedSemaphorePermit,
    followers: Arc<Semaphore>,
}

impl Place {
    /// The place of one who follows, in exchange; nothing where too many do.
    fn among_followers(self) -> Option<OwnedSemaphorePermit> {
        drop(self.permit);
        self.followers.try_acquire_owned().ok()
    }
}

async fn converse(
    stream: UnixStream,
    place: Place,
    caller: &Caller,
    identify: &dyn Identify,
) -> io::Result<()> {
    let actor = identify.name_of(stream.peer_cred()?.uid());
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let question = match tokio::time::timeout(ASK_WITHIN, question(&mut read)).await {
        Ok(question) => question?,
        Err(_) => Err("the question did not come in time".to_owned()),
    };
    match question {
        Ok(Question::Follow) => {
            let Some(_place) = place.among_followers() else {
                let why = format!("{FOLLOWERS} others follow already");
                return say(&mut write, &Answer::NotUnderstood { why }).await;
            };
            follow(read, write, caller).await
        }
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
        Question::Supersede(superseding) => match superseding.unpack() {
            Ok(supersession) => answered(caller.supersede(actor, supersession).await?),
            Err(error) => Answer::NotUnderstood {
                why: error.to_string(),
            },
        },
        Question::HandIn(handed) => match handed.unpack() {
            Ok(handed) => answered(caller.hand_in(actor, handed).await?),
            Err(error) => Answer::NotUnderstood {
                why: error.to_string(),
            },
        },
        Question::Refresh(renewal) => match renewal.unpack() {
            Ok(refresh) => answered(caller.refresh(actor, refresh).await?),
            Err(error) => Answer::NotUnderstood {
                why: error.to_string(),
            },
        },
        Question::Command(command) => answered(caller.command(actor, command).await?),
        Question::View | Question::Follow => Answer::View(Box::new(caller.view().await?)),
        Question::Host { name } => Answer::Hosts(caller.host(name).await?),
        Question::Ring { rollout, ring } => Answer::Waiting(caller.ring(rollout, ring).await?),
        Question::Protections { host } => Answer::Protections(caller.protections(host).await?),
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
    let written = tokio::time::timeout(TAKE_WITHIN, write.write_all(&line)).await;
    written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one that goes on its way out late must not shut the door of the one that came after it.
    #[tokio::test]
    async fn a_door_takes_only_its_own_socket_away() {
        let data = tempfile::tempdir().unwrap();
        let first = Door::open(data.path()).unwrap();
        let second = Door::open(data.path()).unwrap();
        drop(first);
        let socket = data.path().join("control.sock");
        assert!(socket.exists());
        UnixStream::connect(&socket).await.unwrap();
        drop(second);
        assert!(!socket.exists());
    }
}
