//! Announced work from an iCalendar file: each event on the hosts that a person names, each one of a series by itself.

use std::path::Path;

use ringway_calendar::{Interval, occurrences, zones_of_events};
use ringway_model::{Selector, Timestamp};
use ringway_policy::Source;
use ringway_policy::validated::{Event, ZoneName};

use super::{Announcement, Work};
use crate::args::Import;
use crate::documents::report;
use crate::exit::{End, Failure, chain};
use crate::out::Out;

/// What every iCalendar file begins with.
const BEGINS: &[u8] = b"BEGIN:VCALENDAR";

/// Whether a file is an iCalendar file, by how it begins.
pub(super) fn is_calendar(file: &Path) -> bool {
    let mut begin = [0; 64];
    let read = std::fs::File::open(file).and_then(|mut file| {
        use std::io::Read as _;
        file.read(&mut begin)
    });
    let begin = &begin[..read.unwrap_or(0)];
    let begin = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin);
    let begin = begin.trim_ascii_start();
    begin.len() >= BEGINS.len() && begin[..BEGINS.len()].eq_ignore_ascii_case(BEGINS)
}

/// What the file announces on these hosts, from now on as far ahead as is asked for.
///
/// # Errors
///
/// Exit code 2: what is asked for, or the file, is not as it should be.
pub(super) fn announced(
    out: Out,
    args: &Import,
    hosts: &str,
    now: Timestamp,
) -> Result<Announcement, Failure> {
    let invalid = |why: String| Failure::new(End::Invalid, why);
    let hosts =
        Selector::parse(hosts).map_err(|error| invalid(format!("`--hosts`: {}", chain(&error))))?;
    let name = name(args)?;
    let shown = args.file.display();
    if args.file.exists() && !is_calendar(&args.file) {
        let why = format!("`{shown}` is no iCalendar file: it does not begin with BEGIN:VCALENDAR");
        let hint = "a `maintenance/v1` document says itself on which hosts its work is: leave `--hosts` out";
        return Err(invalid(why).hint(hint));
    }
    let bytes = std::fs::read(&args.file)
        .map_err(|error| invalid(format!("`{shown}` cannot be read: {error}")))?;
    let source = Source::new(shown.to_string(), bytes);
    let file = ringway_policy::read_calendar(&source, &ringway_runtime::zone_names());
    let file = file.map_err(|problems| report(out, &problems))?;
    if !file.left_out.is_empty() {
        let words = file.left_out.iter();
        let words: Vec<String> = words
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        out.say(&format!("skipped: events {}", words.join(", ")));
    }
    let zone = zone(args, &file.events)?;
    let until = now + args.within;
    let works = ahead(&file.events, &zone, now, until)?;
    let works = works.into_iter().map(|(interval, event)| {
        let what = event.summary.as_deref();
        let what = what.unwrap_or("an event without a name").to_owned();
        Work {
            name: what.clone(),
            hosts: hosts.clone(),
            from: interval.start,
            until: interval.end,
            reason: what,
        }
    });
    let works: Vec<Work> = works.collect();
    if works.is_empty() {
        nothing(out, &shown.to_string(), until);
    }
    Ok(Announcement { name, works })
}

/// The single works of events, from now on and as far ahead as is asked for, each with its event.
///
/// # Errors
///
/// Exit code 2: this machine does not know a zone.
pub(super) fn ahead<'e>(
    events: &'e [Event],
    zone: &ZoneName,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<(Interval, &'e Event)>, Failure> {
    let mut names = zones_of_events(events);
    names.insert(zone.clone());
    let unknown = |error: &dyn std::error::Error| Failure::new(End::Invalid, chain(error));
    let zones = ringway_runtime::zones(&names).map_err(|e| unknown(&e))?;
    occurrences(events, zone, &zones, now, until).map_err(|e| unknown(&e))
}

/// Says that a file announces nothing in that time.
pub(super) fn nothing(out: Out, file: &str, until: Timestamp) {
    out.say(&format!(
        "`{file}` has no event that blocks time from now until {until}"
    ));
}

/// The zone of days and times that name none; it must be named where there are such.
fn zone(args: &Import, events: &[Event]) -> Result<ZoneName, Failure> {
    if let Some(name) = &args.zone {
        return ZoneName::new(name).ok_or_else(|| {
            let why = format!("`--zone`: `{name}` is no time zone");
            Failure::new(End::Invalid, why).hint("for example `--zone Europe/Berlin`")
        });
    }
    match events.iter().find(|event| event.needs_zone()) {
        Some(event) => {
            let what = event.summary.as_deref().unwrap_or("an event");
            let why =
                format!("`{what}` is at a day or a time of which the file does not say where");
            Err(Failure::new(End::Invalid, why).hint("say it: `--zone Europe/Berlin`"))
        }
        None => Ok(ZoneName::utc()),
    }
}

fn name(args: &Import) -> Result<String, Failure> {
    let stem = args.file.file_stem().and_then(|stem| stem.to_str());
    let name = args.name.as_deref().or(stem).unwrap_or_default();
    // The name ends a reason, in brackets: it must be seen where it begins.
    if name.is_empty() || name.contains(['[', ']']) || name.chars().any(char::is_control) {
        let why = "later imports would not know this import's words by its name".to_owned();
        return Err(Failure::new(End::Invalid, why).hint("give it another one: `--name NAME`"));
    }
    Ok(name.to_owned())
}
