//! `DATADIR/inbox/`: what people asked for while nothing ran.
//!
//! A command is one file, whole or not there at all; its name sorts by the time it was left. Whoever takes the fleet
//! over reads them in that order before anything may start, and looks again every second, so that one that was left
//! while a process was just starting is not forgotten.
//!
//! | where | what lies there |
//! |---|---|
//! | `inbox/NAME` | a command that waits |
//! | `inbox/done/NAME` | what became of it: who gave it, and the answer; the newest few |
//! | `inbox/rejected/NAME`, `NAME.why` | a file that is no command, with the reason; the newest few |
//!
//! # Invariants
//!
//! * Who gives a command is the owner of its file, as the file system says, never what the file says.
//! * A command is answered and taken away only when its answer is durable. One that was answered and not taken away,
//!   because the process died in between, is not carried out again; one that was carried out and not answered is given
//!   once more, which changes nothing: commands are idempotent, and a proposal has a key.
//! * What cannot be read as a command is never carried out in part, and never in the way of the next one.

mod leave;
mod take;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use ringway_engine::Command;
use serde::{Deserialize, Serialize};

pub use leave::{Became, LeaveError, Left, Waits, became, leave, waiting};
pub(crate) use take::{Given, Inbox};

use crate::socket::{Answer, Bundle, Handed, Renewal, Superseding};

/// Something that is asked for while nobody is there to do it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Errand {
    /// Carry this rollout out.
    Propose(Bundle),
    /// Do this.
    Command(Command),
    /// Do this, with the file that it names.
    HandIn(Handed),
    /// Take this fleet into rollouts in flight.
    Refresh(Renewal),
    /// Put this rollout in the place of another one.
    Supersede(Superseding),
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Done {
    /// Who gave it.
    pub actor: String,
    /// The answer.
    pub answer: Answer,
}

const DONE: &str = "done";
const REJECTED: &str = "rejected";

fn inbox(data: &Path) -> PathBuf {
    data.join("inbox")
}

/// Makes a directory that only its owner may use, where there is none.
fn private_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Puts a file into a directory, whole and durable or not at all.
fn put(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let draft = directory.join(format!(".{name}.tmp"));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&draft, directory.join(name)));
    if let Err(error) = written {
        // Nobody reads a draft; the next one of this name would truncate it.
        drop(fs::remove_file(&draft));
        return Err(error);
    }
    sync(directory)
}

/// Makes what was put into a directory, or taken from it, durable.
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
