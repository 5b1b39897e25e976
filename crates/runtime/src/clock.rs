//! The clocks of the product: the machine's, and one for rehearsals.
//!
//! Instants of the real clock are the machine's wall time, because soaks and journals are read by people; they never go
//! backwards within one process, because the engine's time does not. A wall clock that was set back stands still here
//! until it has caught up; one that jumped ahead is passed on as it is, and the loop journals the jump.
//!
//! A rehearsal's time is kept in a file and goes faster than the machine's, and only while somebody decides: see
//! [`Clock::rehearsal`]. Whatever is run on hosts takes the time it takes; only soaks, windows, waits and what else the
//! loop counts is shortened.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringway_model::Timestamp;

/// The longest sleep before the wall clock is looked at again: a clock that is set ahead, or a machine that was
/// suspended, delays a timer by no more than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// The most that a rehearsal's time goes on between two turns of the loop, in milliseconds. The loop takes a gap of more
/// than two minutes for one in which nothing was observed; so a machine that is too slow for the speed that was asked
/// for makes the rehearsal slower, and nothing else.
const STRIDE: u64 = 60_000;

/// How fast a rehearsal may be. Beyond a day in a second no host does anything in less than a virtual hour.
const FASTEST: u32 = 86_400;

/// How an instant stands in a rehearsal's file: always as long as this.
const FORM: &str = "2026-04-14T17:00:00.000Z";

/// Time that never goes backwards.
#[derive(Debug, Default)]
pub struct Clock {
    latest: AtomicI64,
    rehearsal: Option<Rehearsal>,
}

/// What a rehearsal's time is made of.
#[derive(Debug)]
struct Rehearsal {
    file: File,
    path: PathBuf,
    speed: u32,
    /// When the loop turned last, and what is left of a virtual millisecond since; `None` before its first turn.
    turned: Mutex<Option<Instant>>,
}

/// Why a file is no rehearsal's clock.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// It cannot be read or written.
    #[error("use the clock `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It says something else.
    #[error(
        "read the clock `{}`: its one line is `{FORM} x720`, the instant with its milliseconds and how many times as fast time goes, 1 to {FASTEST}",
        path.display()
    )]
    Form {
        /// The file.
        path: PathBuf,
    },
}

impl Clock {
    /// The time of a rehearsal, kept in this file: an instant and a speed, `2026-04-14T17:00:00.000Z x720`.
    ///
    /// The process that decides lets it go on, so many times as fast as the machine's, and at most a minute for every
    /// turn of its loop; it is written down at each. Every other process reads it there. While nobody decides it stands
    /// still.
    ///
    /// # Errors
    ///
    /// There is no such file, it cannot be written, or it says something else.
    pub fn rehearsal(path: &Path) -> Result<Self, ClockError> {
        let failed = |source| ClockError::File {
            path: path.to_owned(),
            source,
        };
        let text = fs::read_to_string(path).map_err(failed)?;
        let read = text.trim_end().split_once(" x").and_then(|(at, speed)| {
            let speed = speed.parse().ok().filter(|s| (1..=FASTEST).contains(s))?;
            Some((instant(at)?, speed))
        });
        let (at, speed) = read.ok_or_else(|| ClockError::Form {
            path: path.to_owned(),
        })?;
        let file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        Ok(Self {
            latest: AtomicI64::new(at.0),
            rehearsal: Some(Rehearsal {
                file,
                path: path.to_owned(),
                speed,
                turned: Mutex::new(None),
            }),
        })
    }

    /// Says what is unusual about this clock, for whoever starts something by it.
    pub fn warning(&self) -> Option<String> {
        let rehearsal = self.rehearsal.as_ref()?;
        Some(format!(
            "a rehearsal: time is kept in `{}` and goes {} times as fast; it is {} there",
            rehearsal.path.display(),
            rehearsal.speed,
            self.now()
        ))
    }

    /// This instant.
    pub fn now(&self) -> Timestamp {
        let at = match &self.rehearsal {
            Some(rehearsal) if !rehearsal.is_ours() => rehearsal.read(),
            Some(_) => None,
            None => {
                let wall = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0));
                Some(Timestamp(wall))
            }
        };
        let at = at.map_or(i64::MIN, |at| at.0);
        Timestamp(self.latest.fetch_max(at, Ordering::Relaxed).max(at))
    }

    /// This instant, for the loop: it is what lets a rehearsal's time go on.
    pub(crate) fn turn(&self) -> Timestamp {
        if let Some(rehearsal) = &self.rehearsal {
            let on = rehearsal.went_on();
            let before = self.latest.fetch_add(on, Ordering::Relaxed);
            if on > 0 {
                rehearsal.write(Timestamp(before + on));
            }
        }
        self.now()
    }

    /// How long to sleep before looking whether `at` has come.
    pub fn sleep_until(&self, at: Timestamp) -> Duration {
        let left = at.since(self.now()).millis();
        match &self.rehearsal {
            Some(rehearsal) => rehearsal.real(left.min(STRIDE)),
            None => Duration::from_millis(left).min(LONGEST_SLEEP),
        }
    }

    /// How long to sleep where nothing is to come.
    pub(crate) fn longest_sleep(&self) -> Duration {
        match &self.rehearsal {
            Some(rehearsal) => rehearsal.real(STRIDE),
            None => Duration::from_mins(1),
        }
    }
}

impl Rehearsal {
    /// How long so many virtual milliseconds are.
    fn real(&self, millis: u64) -> Duration {
        Duration::from_millis(millis) / self.speed
    }

    /// Whether this process decides.
    fn is_ours(&self) -> bool {
        self.turned
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// How many milliseconds the time has gone on since the last turn. What is less than one is left for the next.
    fn went_on(&self) -> i64 {
        let now = Instant::now();
        let mut turned = self.turned.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = *turned else {
            *turned = Some(now);
            return 0;
        };
        let on = now.duration_since(before).saturating_mul(self.speed);
        let on = u64::try_from(on.as_millis()).unwrap_or(u64::MAX);
        if on == 0 {
            return 0;
        }
        *turned = Some(now);
        i64::try_from(on.min(STRIDE)).unwrap_or(0)
    }

    /// What stands in the file. It is written in place, so it is read until two readings agree.
    fn read(&self) -> Option<Timestamp> {
        let once = || {
            let mut text = [0; FORM.len()];
            self.file.read_exact_at(&mut text, 0).ok()?;
            instant(std::str::from_utf8(&text).ok()?)
        };
        let mut before = once();
        for _ in 0..8 {
            let again = once();
            if before.is_some() && before == again {
                return again;
            }
            before = again;
        }
        None
    }

    /// Writes it down. Where that fails, others see the time stand still, and deciding goes on.
    fn write(&self, at: Timestamp) {
        let millis = at.0.rem_euclid(1000);
        let text = at.to_string().replace('Z', &format!(".{millis:03}Z"));
        if text.len() == FORM.len()
            && let Err(error) = self.file.write_all_at(text.as_bytes(), 0)
        {
            tracing::warn!(path = %self.path.display(), %error, "the rehearsal's clock cannot be written");
        }
    }
}

/// An instant in the form of the file.
fn instant(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = (text.len() == FORM.len()).then(|| text.parse().ok())??;
    Some(Timestamp(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_backwards() {
        let clock = Clock::default();
        let ahead = Timestamp(clock.now().0 + 3_600_000);
        clock.latest.store(ahead.0, Ordering::Relaxed);
        assert_eq!(
            clock.now(),
            ahead,
            "a wall clock behind the latest instant stands still"
        );
    }

    #[test]
    fn a_distant_instant_is_looked_at_again_soon() {
        let clock = Clock::default();
        assert_eq!(clock.sleep_until(Timestamp::NEVER), LONGEST_SLEEP);
        assert_eq!(clock.sleep_until(Timestamp(0)), Duration::ZERO);
    }

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    /// Turns the clock as if the last turn had been so long ago.
    fn turn_after(clock: &Clock, millis: u64) -> Timestamp {
        let rehearsal = clock.rehearsal.as_ref().unwrap();
        let before = Instant::now().checked_sub(Duration::from_millis(millis));
        *rehearsal.turned.lock().unwrap() = before;
        clock.turn()
    }

    #[test]
    fn a_rehearsal_goes_faster_and_at_most_a_minute_a_turn_and_others_read_it() {
        let (_folder, path) = written("2026-04-14T17:00:00.000Z x1000\n");
        let (clock, other) = (
            Clock::rehearsal(&path).unwrap(),
            Clock::rehearsal(&path).unwrap(),
        );
        let begun = clock.turn();
        assert_eq!(begun.to_string(), "2026-04-14T17:00:00Z");
        assert_eq!(other.now(), begun, "nobody's turn but the first has come");
        let later = turn_after(&clock, 10).since(begun).millis();
        assert!((10_000..60_000).contains(&later), "{later} ms");
        let before = clock.now();
        let later = turn_after(&clock, 3_600_000);
        assert_eq!(later.since(before).millis(), STRIDE);
        assert_eq!(other.now(), later, "it is read where it is kept");
        let again = Clock::rehearsal(&path).unwrap();
        assert_eq!(again.now(), later, "and goes on from there");
        assert_eq!(again.turn(), later, "not from where the machine's is");
        assert!(fs::read_to_string(&path).unwrap().ends_with("Z x1000\n"));
    }

    #[test]
    fn a_rehearsal_sleeps_less() {
        let (_folder, path) = written("2026-04-14T17:00:00.000Z x1000");
        let clock = Clock::rehearsal(&path).unwrap();
        let soon = Timestamp(clock.now().0 + 5_000);
        assert_eq!(clock.sleep_until(soon), Duration::from_millis(5));
        assert_eq!(
            clock.sleep_until(Timestamp::NEVER),
            Duration::from_millis(60)
        );
        assert_eq!(clock.longest_sleep(), Duration::from_millis(60));
        assert!(
            clock
                .warning()
                .unwrap()
                .contains("1000 times as fast; it is 2026-04-14T17:00:00Z")
        );
    }

    #[test]
    fn what_is_no_clock_is_refused() {
        for wrong in [
            "",
            "2026-04-14T17:00:00Z x720",
            "2026-04-14T17:00:00.000Z",
            "2026-04-14T17:00:00.000Z x0",
            "2026-04-14T17:00:00.000Z x86401",
            "2026-04-14T17:00:00.000Z x720 please",
            "2026-13-14T17:00:00.000Z x720",
        ] {
            let (_folder, path) = written(wrong);
            let refused = Clock::rehearsal(&path);
            assert!(matches!(refused, Err(ClockError::Form { .. })), "{wrong}");
        }
        let nowhere = Clock::rehearsal(Path::new("/nowhere/clock"));
        assert!(matches!(nowhere, Err(ClockError::File { .. })));
    }
}
