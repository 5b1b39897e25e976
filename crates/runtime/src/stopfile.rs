//! `DATADIR/STOP`: the stop that works when everything else is down.
//!
//! Whoever can write into the data directory can stop the fleet with `touch`. While the file is there the fleet stays
//! stopped: it is looked at every second, before every step that disturbs a host, and before anything starts after a
//! recovery. Its owner is the actor, its first line the reason. Removing it lets nothing go: that is a person's `go`.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ringway_model::Actor;

use crate::identify::Identify;

/// How often the file is looked for. Every start of a disturbing step looks as well, so this only bounds how soon a fleet
/// in which nothing starts shows that it is stopped.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// The longest reason that is read: a line, not a file.
const LONGEST_REASON: u64 = 500;

/// Looks for the file.
#[derive(Clone)]
pub(crate) struct StopFile {
    path: PathBuf,
    identify: Arc<dyn Identify>,
}

/// A stop that the file asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StopWish {
    pub(crate) actor: Actor,
    pub(crate) reason: String,
}

impl StopFile {
    pub(crate) fn new(data: &Path, identify: Arc<dyn Identify>) -> Self {
        Self {
            path: data.join("STOP"),
            identify,
        }
    }

    /// Whether the file is there. One that cannot be looked at counts as there: a stop must not be missed.
    pub(crate) fn is_there(&self) -> bool {
        self.path
            .symlink_metadata()
            .map_or_else(|e| e.kind() != std::io::ErrorKind::NotFound, |_| true)
    }

    /// Who asks for a stop, and why.
    pub(crate) fn wish(&self) -> Option<StopWish> {
        if !self.is_there() {
            return None;
        }
        let owner = self
            .path
            .symlink_metadata()
            .map(|m| self.identify.name_of(m.uid()));
        let reason = self
            .first_line()
            .unwrap_or_else(|| "the file STOP is in the data directory".to_owned());
        Some(StopWish {
            actor: owner.unwrap_or_else(|_| Actor::system()),
            reason,
        })
    }

    fn first_line(&self) -> Option<String> {
        // A pipe or a device by that name would block or never end; it stops the fleet all the same.
        if !self.path.symlink_metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        fs::File::open(&self.path)
            .ok()?
            .take(LONGEST_REASON)
            .read_to_end(&mut bytes)
            .ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let line = text.lines().next()?.trim();
        (!line.is_empty()).then(|| line.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Everybody;

    impl Identify for Everybody {
        fn name_of(&self, _uid: u32) -> Actor {
            Actor("ana".to_owned())
        }
    }

    #[test]
    fn the_files_owner_stops_the_fleet_with_its_first_line_as_the_reason() {
        let data = tempfile::tempdir().unwrap();
        let stop = StopFile::new(data.path(), Arc::new(Everybody));
        assert_eq!(stop.wish(), None);
        for (content, reason) in [
            ("", "the file STOP is in the data directory"),
            ("\n\nlater\n", "the file STOP is in the data directory"),
            ("  storage is on fire \nmore\n", "storage is on fire"),
        ] {
            fs::write(data.path().join("STOP"), content).unwrap();
            let wish = stop.wish().unwrap();
            assert_eq!(
                (wish.actor.0.as_str(), wish.reason.as_str()),
                ("ana", reason)
            );
        }
    }

    #[test]
    fn a_stop_that_is_no_plain_file_stops_too() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("STOP")).unwrap();
        let stop = StopFile::new(data.path(), Arc::new(Everybody));
        assert!(stop.is_there() && stop.wish().is_some());
    }
}
