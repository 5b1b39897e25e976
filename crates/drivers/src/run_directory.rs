//! What a run directory on this machine says: the table of [`crate::envelope`], read.
//!
//! Nothing here writes into a run directory or decides a fate; only [`tidy`] takes finished ones away.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ringway_model::IntentId;

/// One run directory.
#[derive(Clone, Debug)]
pub(crate) struct RunDirectory(PathBuf);

/// What is known of a run at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No directory.
    Nothing,
    /// Not begun, not prevented; whether the envelope that would begin it is alive.
    Undecided { supervised: bool },
    /// Never began and never will.
    Never,
    /// Running, with the envelope that will write its result.
    Running,
    /// Running, and nobody will write its result.
    Orphaned(Orphan),
    /// Began, does not run, left no result.
    Interrupted,
    /// Ended with this exit code.
    Ended { exit: i32 },
    /// Ended because its time was over.
    Late,
}

/// A step whose envelope was killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Orphan {
    /// The step's process, which leads its process group.
    pub(crate) process: Process,
    /// How long it may take.
    pub(crate) timeout: Duration,
}

/// A process, told from every other that has or had its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    start: String,
}

impl Process {
    /// Reads `PID START`, with whatever stands after it.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        Some(Self {
            pid: words.next()?.parse().ok()?,
            start: words.next()?.to_owned(),
        })
    }

    /// Whether it still runs. One that has ended and was not waited for does not.
    pub(crate) fn is_alive(&self) -> bool {
        self.age().is_some()
    }

    /// How long it has been running; nothing where it does not run any more. Measured by the kernel's uptime, which
    /// nobody sets.
    pub(crate) fn age(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // Whatever the program calls itself stands in parentheses; after it the fields are words.
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split_whitespace();
        let state = fields.next()?;
        let ticks: u64 = fields.nth(18)?.parse().ok()?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        if matches!(state, "Z" | "X") || self.start != format!("{}.{ticks}", boot.trim()) {
            return None;
        }
        let uptime = fs::read_to_string("/proc/uptime").ok()?;
        let uptime: f64 = uptime.split(' ').next()?.parse().ok()?;
        let started = Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second());
        Some(
            Duration::try_from_secs_f64(uptime)
                .ok()?
                .saturating_sub(started),
        )
    }
}

impl RunDirectory {
    pub(crate) fn new(root: &Path, incarnation: u64, intent: IntentId) -> Self {
        Self(
            root.join("runs")
                .join(incarnation.to_string())
                .join(intent.to_string()),
        )
    }

    /// Looks at the markers.
    ///
    /// # Errors
    ///
    /// When they cannot be read although they are there: nothing is known then.
    pub(crate) fn look(&self) -> io::Result<Found> {
        if !self.0.try_exists()? {
            return Ok(Found::Nothing);
        }
        // Asked before the result: an envelope that is seen dead has written all it ever will.
        let supervisor = self.whole_line("supervisor")?.unwrap_or_default();
        let supervised = Process::parse(&supervisor).is_some_and(|process| process.is_alive());
        let Some(fate) = self.read("fate")? else {
            return Ok(Found::Undecided { supervised });
        };
        if fate.trim() == "never" {
            return Ok(Found::Never);
        }
        let step = self.whole_line("step")?;
        let process = step
            .and_then(|text| Process::parse(&text))
            .filter(Process::is_alive);
        if let Some(result) = self.whole_line("result")? {
            return read_result(&result);
        }
        if supervised {
            return Ok(Found::Running);
        }
        let Some(process) = process else {
            // The watchdog may outlive its envelope, and does its duty then.
            let late = self.read("late")?.is_some();
            return Ok(if late {
                Found::Late
            } else {
                Found::Interrupted
            });
        };
        Ok(Found::Orphaned(Orphan {
            process,
            timeout: supervisor
                .split(' ')
                .nth(2)
                .and_then(|text| text.trim().parse().ok())
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                .unwrap_or(Duration::ZERO),
        }))
    }

    /// When the result was written.
    pub(crate) fn ended_at(&self) -> Option<SystemTime> {
        fs::metadata(self.0.join("result"))
            .and_then(|result| result.modified())
            .ok()
    }

    /// The note the step was started with.
    pub(crate) fn note(&self) -> io::Result<Option<String>> {
        Ok(self
            .read("note")?
            .map(|note| note.strip_suffix('\n').unwrap_or(&note).to_owned()))
    }

    /// A small file of the driver's own, beside the envelope's.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<String>> {
        match fs::read(self.0.join(name)) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One of the envelope's files of one line. One without its end was left by an envelope that was killed while it
    /// wrote it, or is being written: it is not there yet.
    fn whole_line(&self, name: &str) -> io::Result<Option<String>> {
        Ok(self.read(name)?.filter(|text| text.ends_with('\n')))
    }

    /// Writes such a file, whole or not at all.
    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let new = self.0.join(format!("{name}.new"));
        fs::write(&new, text)?;
        fs::rename(new, self.0.join(name))
    }

    /// The last `limit` bytes that were printed; how many came before them is said in their first line.
    pub(crate) fn output(&self, limit: usize) -> String {
        let mut bytes = Vec::new();
        let mut dropped = self
            .read("dropped")
            .ok()
            .flatten()
            .and_then(|text| text.trim().parse::<u64>().ok())
            .unwrap_or(0);
        // Newest first, so that a turn of the two files between the two reads can repeat something but lose nothing.
        let newer = tail(&self.0.join("output"), limit);
        let left = limit.saturating_sub(newer.kept.len());
        let older = tail(&self.0.join("output.older"), left);
        bytes.extend_from_slice(&older.kept);
        bytes.extend_from_slice(&newer.kept);
        dropped += older.before + newer.before;
        bounded(&bytes, dropped)
    }
}

/// The end of a file, and how many bytes stand before it. Nothing, where it cannot be read.
#[derive(Default)]
struct Tail {
    kept: Vec<u8>,
    before: u64,
}

fn tail(path: &Path, limit: usize) -> Tail {
    let read = || -> io::Result<Tail> {
        let mut file = fs::File::open(path)?;
        let before = file.metadata()?.len().saturating_sub(limit as u64);
        file.seek(SeekFrom::Start(before))?;
        let mut kept = Vec::new();
        file.take(limit as u64).read_to_end(&mut kept)?;
        Ok(Tail { kept, before })
    };
    read().unwrap_or_default()
}

/// Bytes as text, with what is missing before them said first.
pub(crate) fn bounded(bytes: &[u8], mut dropped: u64) -> String {
    let mut start = 0;
    if dropped > 0 {
        // A character that was cut in two goes with what was dropped.
        start = bytes.iter().take_while(|byte| *byte & 0xc0 == 0x80).count();
        dropped = dropped.saturating_add(start as u64);
    }
    let text = String::from_utf8_lossy(&bytes[start..]);
    if dropped == 0 {
        text.into_owned()
    } else {
        format!("[{dropped} bytes before this were dropped]\n{text}")
    }
}

fn read_result(text: &str) -> io::Result<Found> {
    match text.trim().split_once(' ') {
        Some(("late", _)) => Ok(Found::Late),
        Some(("ended", exit)) if exit.parse::<i32>().is_ok() => Ok(Found::Ended {
            exit: exit.parse().expect("it was parsed in the guard"),
        }),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{}` is not a result", text.trim()),
        )),
    }
}

/// Which finished runs are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Younger ones are kept, as far as `at_most` allows.
    pub younger_than: Duration,
    /// No more than so many finished runs are kept for each host; the youngest stay.
    pub at_most: usize,
}

/// Takes away run directories of one database below one host's root, and says how many.
///
/// `open` are the intents that have no journaled result yet. They are never touched, for their directories are the only
/// record of what happened; neither is anything that runs or may still begin.
///
/// # Errors
///
/// When the directory cannot be read, or one cannot be removed.
pub(crate) fn tidy(
    root: &Path,
    incarnation: u64,
    open: &BTreeSet<IntentId>,
    keep: Keep,
    now: SystemTime,
) -> io::Result<usize> {
    let runs = root.join("runs").join(incarnation.to_string());
    let entries = match fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut finished = Vec::new();
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(".removed-") {
            fs::remove_dir_all(entry.path())?;
            continue;
        }
        let Ok(intent) = name.parse::<IntentId>() else {
            continue;
        };
        if open.contains(&intent) {
            continue;
        }
        let over = matches!(
            RunDirectory(entry.path()).look(),
            Ok(Found::Never | Found::Ended { .. } | Found::Late | Found::Interrupted)
        );
        if over {
            finished.push((entry.metadata()?.modified()?, intent, entry.path()));
        }
    }
    finished.sort_by(|a, b| b.cmp(a));
    for (place, (at, intent, path)) in finished.into_iter().enumerate() {
        let age = now.duration_since(at).unwrap_or_default();
        if place < keep.at_most && age < keep.younger_than {
            continue;
        }
        // Renamed first: a directory that is half removed must not be read as an interrupted run.
        let gone = runs.join(format!(".removed-{intent}"));
        fs::rename(&path, &gone)?;
        fs::remove_dir_all(&gone)?;
        removed += 1;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_is_said_and_no_character_is_cut_in_two() {
        assert_eq!(bounded("größe".as_bytes(), 0), "größe");
        assert_eq!(
            bounded(&"größe".as_bytes()[3..], 10),
            "[11 bytes before this were dropped]\nße"
        );
        // A host says itself how much it dropped.
        let most = format!("[{} bytes before this were dropped]\ne", u64::MAX);
        assert_eq!(bounded(&"öe".as_bytes()[1..], u64::MAX), most);
    }

    #[test]
    fn a_process_is_told_from_an_earlier_one_with_its_number() {
        let me = i32::try_from(std::process::id()).unwrap();
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let ticks = stat
            .rsplit_once(") ")
            .unwrap()
            .1
            .split(' ')
            .nth(19)
            .unwrap();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let alive = |start: String| Process { pid: me, start }.is_alive();
        assert!(alive(format!("{}.{ticks}", boot.trim())));
        assert!(!alive(format!("{}.{ticks}0", boot.trim())));
        assert!(!alive(format!("another-boot.{ticks}")));
    }
}
