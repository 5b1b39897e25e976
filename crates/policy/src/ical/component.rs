//! The components of an iCalendar file: events with their properties, and the zones it defines.

use std::collections::BTreeMap;

use super::line::Line;
use crate::problem::{Code, Found, Report};
use crate::yaml::Place;

/// The deepest nesting; an alarm of an event of a calendar is 3.
const MAX_DEPTH: usize = 16;
/// Events of one file.
const MAX_EVENTS: usize = 10_000;

/// The components of which something is of interest.
const COMPONENTS: [&str; 3] = ["VCALENDAR", "VEVENT", "VTIMEZONE"];
/// The properties of an event that are.
const OF_AN_EVENT: [&str; 12] = [
    "DTEND",
    "DTSTART",
    "DURATION",
    "EXDATE",
    "EXRULE",
    "RDATE",
    "RECURRENCE-ID",
    "RRULE",
    "STATUS",
    "SUMMARY",
    "TRANSP",
    "UID",
];

/// What of a file is of interest.
#[derive(Debug, Default)]
pub(super) struct Components {
    pub(super) events: Vec<RawEvent>,
    /// By `TZID`: its `X-LIC-LOCATION`.
    pub(super) locations: BTreeMap<String, Option<String>>,
    /// The lines that say all this, and no other: a calendar again. When it was exported, who was invited and what is
    /// written in it for those who meet is nobody's business here.
    pub(super) kept: String,
}

impl Components {
    fn keep(&mut self, line: &Line) {
        self.kept.extend([line.text.as_str(), "\n"]);
    }
}

/// The properties of one event.
#[derive(Debug)]
pub(super) struct RawEvent {
    pub(super) begin: Place,
    pub(super) lines: Vec<Line>,
}

impl RawEvent {
    /// The one property of this name; a second one is a problem.
    pub(super) fn one(&self, name: &str, found: &mut Found) -> Option<&Line> {
        let mut lines = self.lines.iter().filter(|line| line.name == name);
        let first = lines.next()?;
        if let Some(second) = lines.next() {
            let message = format!("the event has `{name}` twice");
            let report = Report::new(Code::BadCalendar, second.place, message);
            found.report(report.hint("keep one of them"));
        }
        Some(first)
    }

    pub(super) fn all<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }
}

/// Takes a file apart. Components that do not fit into each other are problems.
pub(super) fn components(lines: Vec<Line>, found: &mut Found) -> Components {
    let mut all = Components::default();
    let mut stack: Vec<(String, Place)> = Vec::new();
    let mut zone: (Option<String>, Option<String>) = (None, None);
    for line in lines {
        let name = line.value.trim().to_ascii_uppercase();
        match line.name.as_str() {
            "BEGIN" => {
                let is_calendar = name == "VCALENDAR";
                if stack.is_empty() != is_calendar {
                    return nested(&line, found);
                }
                if stack.len() >= MAX_DEPTH {
                    line.fail(
                        found,
                        "components are nested too deeply",
                        "export the calendar anew",
                    );
                    return Components::default();
                }
                if COMPONENTS.contains(&name.as_str()) {
                    all.keep(&line);
                }
                if name == "VEVENT" {
                    if all.events.len() >= MAX_EVENTS {
                        let message = format!("the file has more than {MAX_EVENTS} events");
                        line.fail(found, message, "export the time that is still to come");
                        return Components::default();
                    }
                    all.events.push(RawEvent {
                        begin: line.place,
                        lines: Vec::new(),
                    });
                }
                stack.push((name, line.place));
            }
            "END" => {
                if stack.pop().is_none_or(|(open, _)| open != name) {
                    return nested(&line, found);
                }
                if COMPONENTS.contains(&name.as_str()) {
                    all.keep(&line);
                }
                if name == "VTIMEZONE"
                    && let (Some(tzid), location) = std::mem::take(&mut zone)
                {
                    all.locations.insert(tzid, location);
                }
            }
            property => match stack.last().map(|(open, _)| open.as_str()) {
                Some("VEVENT") if OF_AN_EVENT.contains(&property) => {
                    all.keep(&line);
                    let event = all.events.last_mut().expect("it was begun");
                    event.lines.push(line);
                }
                Some("VTIMEZONE") if property == "TZID" => {
                    all.keep(&line);
                    zone.0 = Some(line.value.trim().to_owned());
                }
                Some("VTIMEZONE") if property == "X-LIC-LOCATION" => {
                    all.keep(&line);
                    zone.1 = Some(line.value);
                }
                Some(_) => {}
                None => return nested(&line, found),
            },
        }
    }
    if let Some((open, place)) = stack.pop() {
        let message = format!("`{open}` has no end: the file is cut off");
        let report = Report::new(Code::BadCalendar, place, message);
        found.report(report.hint(format!("export it anew; it ends with `END:{open}`")));
    }
    all
}

fn nested(line: &Line, found: &mut Found) -> Components {
    let shown: String = line.value.trim().chars().take(30).collect();
    let message = format!("`{}:{shown}` does not belong here", line.name);
    let hint = "the file begins with `BEGIN:VCALENDAR`, and each `BEGIN` has its `END`";
    let report = Report::new(Code::BadCalendar, line.place, message);
    found.report(report.hint(hint));
    Components::default()
}
