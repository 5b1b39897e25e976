//! The machine's time zone database: reads its files, and turns rules about time into instants with them.
//!
//! The database is `TZDIR`, or `/usr/share/zoneinfo`. Nothing else of the product reads it; what comes of it is journaled, so
//! that no decision hangs on which machine decides later.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use ringway_calendar::{BadZone, UnknownZone, Zones};
use ringway_engine::{Calendar, instants};
use ringway_model::Timestamp;
use ringway_policy::validated::ZoneName;
use ringway_scheduler::Plan;

/// Where it lies unless the environment says otherwise.
const USUAL: &str = "/usr/share/zoneinfo";

/// Why the database does not say what it should.
#[derive(Debug, thiserror::Error)]
pub enum ZonesError {
    /// A file cannot be read.
    #[error("`{}` cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is not what it should be.
    #[error(transparent)]
    Bad(#[from] BadZone),
    /// A zone is not there.
    #[error(transparent)]
    Unknown(#[from] UnknownZone),
}

fn directory() -> PathBuf {
    std::env::var_os("TZDIR").map_or_else(|| PathBuf::from(USUAL), PathBuf::from)
}

/// Which version it is, as far as it says so.
fn version(directory: &std::path::Path) -> String {
    let first = |name: &str, marker: &str| {
        let text = fs::read_to_string(directory.join(name)).ok()?;
        let line = text.lines().next()?.strip_prefix(marker)?;
        Some(line.trim().to_owned())
    };
    first("tzdata.zi", "# version ")
        .or_else(|| first("+VERSION", ""))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The database as far as these zones are concerned.
///
/// # Errors
///
/// A zone that it does not have, or a file that is none.
pub fn zones(names: &BTreeSet<ZoneName>) -> Result<Zones, ZonesError> {
    let directory = directory();
    let mut files = BTreeMap::new();
    for name in names {
        // UTC is what everything is told in, database or not.
        if name.as_str() == ZoneName::UTC {
            continue;
        }
        // A zone's name has no `..`, so it leads nowhere else.
        let path = directory.join(name.as_str());
        let bytes = fs::read(&path).map_err(|error| ZonesError::Unreadable { path, error })?;
        files.insert(name.clone(), bytes);
    }
    Ok(Zones::new(version(&directory), &files)?)
}

/// The names of all zones of this machine's database; empty where there is none.
pub fn zone_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let root = directory();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            let below = path.strip_prefix(&root).ok().and_then(|it| it.to_str());
            let Some(name) = below.and_then(ZoneName::new) else {
                continue;
            };
            // The same zones once more, with and without leap seconds.
            let is_copy = matches!(name.as_str(), "posix" | "right");
            if path.is_dir() {
                if !is_copy {
                    folders.push(path);
                }
            } else if fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"TZif")) {
                names.insert(name.as_str().to_owned());
            }
        }
    }
    if !names.is_empty() {
        names.insert(ZoneName::UTC.to_owned());
    }
    names
}

/// The zones of a plan's rules.
///
/// # Errors
///
/// As [`zones`].
pub fn zones_of_plan(plan: &Plan) -> Result<Zones, ZonesError> {
    zones(&plan.zones())
}

/// The instants of a plan's rules, by this machine's database.
///
/// # Errors
///
/// As [`zones`].
pub(crate) fn calendar(plan: &Plan, from: Timestamp) -> Result<Calendar, ZonesError> {
    Ok(instants(plan, &zones_of_plan(plan)?, from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_needs_no_database_and_a_zone_that_is_not_there_is_named() {
        let named = |name: &str| BTreeSet::from([ZoneName::new(name).unwrap()]);
        assert!(zones(&named("UTC")).is_ok());
        let missing = zones(&named("Europe/Nowhere")).unwrap_err().to_string();
        assert!(missing.contains("Europe/Nowhere"), "{missing}");
    }
}
