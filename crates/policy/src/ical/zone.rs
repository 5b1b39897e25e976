//! Which zone a `TZID` means: only a name of the time zone database can be followed.

use std::collections::{BTreeMap, BTreeSet};

use crate::validated::ZoneName;

/// How names of the database begin.
const AREAS: [&str; 12] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Etc",
    "Europe",
    "Indian",
    "Pacific",
    "US",
];
/// Names without an area that calendars use.
const ALONE: [&str; 11] = [
    "UTC",
    "GMT",
    "CET",
    "EET",
    "MET",
    "WET",
    "Japan",
    "Singapore",
    "Turkey",
    "Israel",
    "Portugal",
];

/// The zones of a file.
#[derive(Debug, Default)]
pub(super) struct Zones<'k> {
    /// Names that are known to exist; empty where nobody says.
    pub(super) known: Option<&'k BTreeSet<String>>,
    /// By `TZID` of a `VTIMEZONE`: its `X-LIC-LOCATION`.
    pub(super) locations: BTreeMap<String, Option<String>>,
}

impl Zones<'_> {
    /// The zone that a `TZID` means; where it means none, in which words that is said.
    pub(super) fn of(&self, tzid: &str) -> Result<ZoneName, (String, String)> {
        let written = tzid.trim().trim_start_matches('/');
        if let Some(zone) = self.name(written) {
            return Ok(zone);
        }
        let location = self.locations.get(tzid.trim()).and_then(Option::as_deref);
        if let Some(zone) = location.and_then(|location| self.name(location.trim())) {
            return Ok(zone);
        }
        // `/freeassociation.sourceforge.net/Europe/Berlin`, `tzone://Microsoft/Utc`.
        let mut rest = written;
        while let Some((_, after)) = rest.split_once('/') {
            if let Some(zone) = self.name(after) {
                return Ok(zone);
            }
            rest = after;
        }
        let shown: String = tzid.chars().take(60).collect();
        let message = format!("`{shown}` is not a name of the time zone database");
        let hint = if self.locations.contains_key(tzid.trim()) {
            "give its VTIMEZONE the line `X-LIC-LOCATION:Europe/Berlin`, or the place that is meant, or export with names of the time zone database"
        } else {
            "write a name such as `Europe/Berlin`, or export with names of the time zone database"
        };
        Err((message, hint.to_owned()))
    }

    fn name(&self, text: &str) -> Option<ZoneName> {
        if text.eq_ignore_ascii_case("utc") || text == "Etc/UTC" {
            return Some(ZoneName::utc());
        }
        let has_area = text
            .split_once('/')
            .is_some_and(|(area, _)| AREAS.contains(&area));
        let is_known = self.known.is_some_and(|known| known.contains(text));
        (has_area || is_known || ALONE.contains(&text))
            .then(|| ZoneName::new(text))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tzid_means_a_name_of_the_database_or_nothing() {
        let locations = [
            ("W. Europe".to_owned(), Some("Europe/Berlin".to_owned())),
            ("Custom".to_owned(), None),
        ];
        let zones = Zones {
            known: None,
            locations: locations.into(),
        };
        for (tzid, zone) in [
            ("Europe/Berlin", Some("Europe/Berlin")),
            ("/Europe/Berlin", Some("Europe/Berlin")),
            (
                "/mozilla.org/20050126_1/America/Argentina/Buenos_Aires",
                Some("America/Argentina/Buenos_Aires"),
            ),
            ("tzone://Microsoft/Utc", Some("UTC")),
            ("W. Europe", Some("Europe/Berlin")),
            ("Custom", None),
            ("W. Europe Standard Time", None),
            ("Germany/Berlin", None),
            ("Europe/", None),
            ("", None),
        ] {
            assert_eq!(
                zones.of(tzid).ok().as_ref().map(ZoneName::as_str),
                zone,
                "{tzid}"
            );
        }
    }
}
