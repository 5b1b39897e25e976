//! Taking commands out of the inbox: reading them, and putting down what became of them.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_engine::Rejected;
use ringway_executor::port::Order;
use ringway_model::Actor;

use super::{DONE, Done, Errand, REJECTED, inbox, private_directory, put, sync};
use crate::decider::Answered;
use crate::identify::Identify;
use crate::socket::Answer;

/// The longest command in bytes; as at the control socket.
const LONGEST: u64 = 512 << 20;

/// Commands given to the loop in one look. People leave a handful; a script gone wild must not keep them from being
/// heard at the socket.
const AT_ONCE: usize = 64;

/// How many answers, and how many rejected files, are kept for whoever wants to know.
const KEPT: usize = 64;

/// A command out of the inbox.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    /// The name of its file, under which its answer is put down.
    pub(crate) name: String,
    /// Whose the file is.
    pub(crate) actor: Actor,
    pub(crate) order: Order,
}

/// The side of the inbox that takes.
pub(crate) struct Inbox {
    directory: PathBuf,
    identify: Arc<dyn Identify>,
    /// Commands that were given to the loop and not answered, or that cannot be taken away: not to be given again.
    given: BTreeSet<String>,
}

impl Inbox {
    pub(crate) fn new(data: &Path, identify: Arc<dyn Identify>) -> Self {
        Self {
            directory: inbox(data),
            identify,
            given: BTreeSet::new(),
        }
    }

    /// All commands that wait, however many: before anything may start, none of them may be unknown.
    pub(crate) fn take_all(&mut self) -> Vec<Given> {
        let mut all = Vec::new();
        loop {
            let some = self.take();
            if some.is_empty() {
                return all;
            }
            all.extend(some);
        }
    }

    /// The first commands that wait and were not given yet, in order. What is no command is put aside.
    pub(crate) fn take(&mut self) -> Vec<Given> {
        let names = match names(&self.directory) {
            Ok(names) => names,
            Err(error) => {
                tracing::warn!(%error, "the inbox cannot be read");
                return Vec::new();
            }
        };
        let mut all = Vec::new();
        for name in names {
            if all.len() == AT_ONCE {
                break;
            }
            if self.given.contains(&name) {
                continue;
            }
            // Answered by a process that died before it could take the command away.
            if self.directory.join(DONE).join(&name).exists() {
                self.remove(&name);
                continue;
            }
            match self.read(&name) {
                Ok((actor, order)) => {
                    self.given.insert(name.clone());
                    all.push(Given { name, actor, order });
                }
                Err(why) => self.reject(&name, &why),
            }
        }
        all
    }

    /// Puts the answer to a command down and takes the command away. An answer that says that nothing was decided leaves
    /// it where it is, to be given again.
    pub(crate) fn answered(&mut self, given: &Given, answer: Answered) {
        let name = &given.name;
        let answer = match answer {
            Err(Rejected { code, .. }) if code == "try-again" => {
                self.given.remove(name);
                return;
            }
            Ok(accepted) => Answer::Accepted(accepted),
            Err(rejected) => Answer::Rejected(rejected),
        };
        tracing::info!(
            command = name,
            actor = given.actor.0,
            ?answer,
            "a command from the inbox was answered"
        );
        let done = Done {
            actor: given.actor.0.clone(),
            answer,
        };
        let kept = serde_json::to_vec(&done)
            .map_err(io::Error::other)
            .and_then(|bytes| self.keep(DONE, name, &bytes));
        if let Err(error) = kept {
            tracing::warn!(command = name, %error, "what became of a command from the inbox was not put down");
        }
        self.remove(name);
    }

    /// Reads one file. The reason why it is no command is for people.
    fn read(&self, name: &str) -> Result<(Actor, Order), String> {
        let path = self.directory.join(name);
        let cannot = |error: io::Error| format!("it cannot be read: {error}");
        let shown = path.symlink_metadata().map_err(cannot)?;
        // Only what is opened counts, but a pipe or a device is better not opened at all.
        if !shown.is_file() {
            return Err("it is no plain file".to_owned());
        }
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(
                (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK)
                    .bits()
                    .cast_signed(),
            )
            .open(&path)
            .map_err(cannot)?;
        let meta = file.metadata().map_err(cannot)?;
        if !meta.is_file() || meta.nlink() != 1 {
            return Err("it is no plain file with one name".to_owned());
        }
        if meta.mode() & 0o022 != 0 {
            return Err("others than its owner may write it".to_owned());
        }
        if meta.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes).map_err(cannot)?;
        let errand: Errand =
            serde_json::from_slice(&bytes).map_err(|e| format!("it is no command: {e}"))?;
        let order = match errand {
            Errand::Command(command) => Order::Command(command),
            Errand::HandIn(handed) => {
                let handed = handed.unpack().map_err(|e| e.to_string())?;
                Order::HandIn(Box::new(handed))
            }
            Errand::Refresh(renewal) => {
                let refresh = renewal.unpack().map_err(|e| e.to_string())?;
                Order::Refresh(Box::new(refresh))
            }
            Errand::Supersede(superseding) => {
                let mut supersession = superseding.unpack().map_err(|e| e.to_string())?;
                let key = &mut supersession.proposal.key;
                key.get_or_insert_with(|| format!("inbox:{name}"));
                Order::Supersede(Box::new(supersession))
            }
            Errand::Propose(bundle) => {
                let mut proposal = bundle.unpack().map_err(|e| e.to_string())?;
                // Given twice, because a process died with it, it is one rollout all the same.
                proposal.key.get_or_insert_with(|| format!("inbox:{name}"));
                Order::Propose(Box::new(proposal))
            }
        };
        Ok((self.identify.name_of(meta.uid()), order))
    }

    fn reject(&mut self, name: &str, why: &str) {
        tracing::warn!(file = name, why, "a file in the inbox is no command");
        let aside = self.directory.join(REJECTED);
        let moved = private_directory(&aside)
            .and_then(|()| {
                put(
                    &aside,
                    &format!("{name}.why"),
                    format!("{why}\n").as_bytes(),
                )
            })
            .and_then(|()| fs::rename(self.directory.join(name), aside.join(name)));
        match moved {
            Ok(()) => prune(&aside, 2 * KEPT),
            Err(error) => {
                tracing::warn!(file = name, %error, "a file in the inbox could not be put aside");
                self.given.insert(name.to_owned());
            }
        }
    }

    fn keep(&self, below: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let directory = self.directory.join(below);
        private_directory(&directory)?;
        put(&directory, name, bytes)?;
        prune(&directory, KEPT);
        Ok(())
    }

    fn remove(&mut self, name: &str) {
        match fs::remove_file(self.directory.join(name)).and_then(|()| sync(&self.directory)) {
            Ok(()) => {
                self.given.remove(name);
            }
            // It stays in the list of what was given, so that this process does not do it again.
            Err(error) => {
                self.given.insert(name.to_owned());
                tracing::warn!(command = name, %error, "a command from the inbox could not be taken away");
            }
        }
    }
}

/// The names of files that wait, in order. Drafts and what became of others are not among them.
pub(super) fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        // A name that is no text is none that this program gave.
        let Ok(name) = entry?.file_name().into_string() else {
            continue;
        };
        if !name.starts_with('.') && name != DONE && name != REJECTED {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Takes the oldest files away where there are more than so many. Names begin with the time.
fn prune(directory: &Path, keep: usize) {
    let Ok(names) = names(directory) else { return };
    for name in names.iter().take(names.len().saturating_sub(keep)) {
        // One that stays is taken next time.
        drop(fs::remove_file(directory.join(name)));
    }
}
