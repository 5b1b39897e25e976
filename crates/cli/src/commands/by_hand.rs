//! Work that people do by hand: `done` says how it ended, `evidence` gives back what was handed in.

use std::io::Write as _;
use std::path::Path;

use ringway_engine::{Command, Event, Exhibit, LARGEST_EXHIBIT, Told};
use ringway_executor::port::HandIn;
use ringway_model::Digest;

use super::orders::{Aim, Order, give_with};
use crate::args::{Done, EvidenceOf};
use crate::exit::{End, Failure, Outcome};
use crate::journal;
use crate::out::Out;
use crate::session::Informant;

/// The longest name of a file that is kept, in characters.
const LONGEST_NAME: usize = 120;

/// `ringway done`.
pub(crate) async fn done(out: Out, data: &Path, args: Done) -> Outcome {
    let told = match (args.failed, args.untouched) {
        (true, _) => Told::Failed,
        (_, true) => Told::Untouched,
        (false, false) => Told::Done,
    };
    let file = args.evidence.as_deref().map(read).transpose()?;
    let informant = Informant::find(data).await?;
    let (exhibit, bytes) = file.unzip();
    let order = Order {
        command: Command::Done {
            rollout: args.rollout,
            host: args.host,
            told,
            reason: args.reason,
            exhibit,
        },
        rollout: args.rollout,
        aim: Aim::GoOn,
        when: args.when,
    };
    give_with(out, data, &informant, order, bytes).await
}

/// The file, and how it is named in the journal.
fn read(path: &Path) -> Result<(Exhibit, Vec<u8>), Failure> {
    let cannot = |why: &dyn std::fmt::Display| {
        let why = format!("`{}` cannot be handed in: {why}", path.display());
        Failure::new(End::Invalid, why)
    };
    let size = std::fs::metadata(path).map_err(|e| cannot(&e))?.len();
    if size > LARGEST_EXHIBIT {
        let why = format!("it has {size} bytes, and at most {LARGEST_EXHIBIT} are kept");
        return Err(cannot(&why).hint(
            "hand in what shows that it is done, and say with `--reason` where the rest is",
        ));
    }
    let bytes = std::fs::read(path).map_err(|e| cannot(&e))?;
    if bytes.is_empty() {
        return Err(cannot(&"it is empty, and shows nobody anything").hint(
            "hand in what shows that it is done: a log, a photograph, the words that the device prints",
        ));
    }
    let name = path.file_name().map(|name| name.to_string_lossy());
    // It is shown on terminals, by others than who handed it in.
    let name: String = name
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .take(LONGEST_NAME)
        .collect();
    let exhibit = Exhibit {
        digest: Digest::of(&bytes),
        name,
        size: bytes.len() as u64,
    };
    Ok((exhibit, bytes))
}

/// A command with its file, where it has one.
#[expect(
    clippy::result_large_err,
    reason = "what does not fit is the command itself, which goes on"
)]
pub(super) fn handed(command: Command, bytes: Option<Vec<u8>>) -> Result<HandIn, Command> {
    match bytes {
        Some(bytes) => Ok(HandIn { command, bytes }),
        None => Err(command),
    }
}

/// `ringway evidence`.
pub(crate) async fn evidence(out: Out, data: &Path, args: EvidenceOf) -> Outcome {
    let wanted = args.digest.trim().to_lowercase();
    let mut named: Vec<Exhibit> = Vec::new();
    journal::events(data, |event| {
        if let Event::WorkTold {
            exhibit: Some(exhibit),
            ..
        } = event
            && exhibit.digest.to_string().starts_with(&wanted)
            && !named.iter().any(|known| known.digest == exhibit.digest)
        {
            named.push(exhibit.clone());
        }
    })
    .await?;
    let exhibit = match named.as_slice() {
        [one] => one,
        [] => {
            let why = format!("no evidence with the digest `{wanted}` was handed in");
            let hint = "`ringway why HOST` and `ringway journal` show the digests";
            return Err(Failure::new(End::Refused, why).hint(hint));
        }
        several => {
            let why = format!("{} files have digests that begin so", several.len());
            return Err(Failure::new(End::Refused, why).hint("give more of the digest"));
        }
    };
    let bytes = journal::content(data, exhibit.digest).await?;
    let Some(bytes) = bytes.filter(|bytes| Digest::of(bytes) == exhibit.digest) else {
        let why = format!("`{}` is not there as it was handed in", exhibit.name);
        return Err(Failure::new(End::Fault, why));
    };
    if let Some(path) = &args.to {
        std::fs::write(path, &bytes).map_err(|e| {
            let why = format!("`{}` cannot be written: {e}", path.display());
            Failure::new(End::Refused, why)
        })?;
        out.say(&format!("{}: {} bytes", path.display(), bytes.len()));
    } else {
        let mut stdout = std::io::stdout().lock();
        // A reader that has gone away has read what it wanted.
        drop(stdout.write_all(&bytes).and_then(|()| stdout.flush()));
    }
    Ok(End::Done)
}
