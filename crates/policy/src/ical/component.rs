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

/// Takes a file apart. Components that do not fit into each other are problems, and the first one is the last.
pub(super) fn components(lines: Vec<Line>, found: &mut Found) -> Components {
    let mut walk = Walk::default();
    for line in lines {
        let place = line.place;
        if let Err((message, hint)) = walk.line(line) {
            found.report(Report::new(Code::BadCalendar, place, message).hint(hint));
            return Components::default();
        }
    }
    if let Some((open, place)) = walk.stack.pop() {
        let message = format!("`{open}` has no end: the file is cut off");
        let report = Report::new(Code::BadCalendar, place, message);
        found.report(report.hint(format!("export it anew; it ends with `END:{open}`")));
    }
    walk.all
}

/// What is wrong, and what would be right.
type Wrong = (String, &'static str);

/// A file that is being taken apart.
#[derive(Default)]
struct Walk {
    all: Components,
    /// The components that are open.
    stack: Vec<(String, Place)>,
    /// What the open `VTIMEZONE` has said so far: its `TZID`, and its `X-LIC-LOCATION`.
    zone: (Option<String>, Option<String>),
}

impl Walk {
    fn line(&mut self, line: Line) -> Result<(), Wrong> {
        match line.name.as_str() {
            "BEGIN" => self.begin(&line),
            "END" => self.end(&line),
            _ => self.property(line),
        }
    }

    fn begin(&mut self, line: &Line) -> Result<(), Wrong> {
        let name = component_of(line);
        if self.stack.is_empty() != (name == "VCALENDAR") {
            return Err(misplaced(line));
        }
        if self.stack.len() >= MAX_DEPTH {
            let message = "components are nested too deeply".to_owned();
            return Err((message, "export the calendar anew"));
        }
        self.keep_component(&name, line);
        if name == "VEVENT" {
            if self.all.events.len() >= MAX_EVENTS {
                let message = format!("the file has more than {MAX_EVENTS} events");
                return Err((message, "export the time that is still to come"));
            }
            self.all.events.push(RawEvent {
                begin: line.place,
                lines: Vec::new(),
            });
        }
        self.stack.push((name, line.place));
        Ok(())
    }

    fn end(&mut self, line: &Line) -> Result<(), Wrong> {
        let name = component_of(line);
        if self.stack.pop().is_none_or(|(open, _)| open != name) {
            return Err(misplaced(line));
        }
        self.keep_component(&name, line);
        if name == "VTIMEZONE"
            && let (Some(tzid), location) = std::mem::take(&mut self.zone)
        {
            self.all.locations.insert(tzid, location);
        }
        Ok(())
    }

    fn property(&mut self, line: Line) -> Result<(), Wrong> {
        let name = line.name.as_str();
        match self.stack.last().map(|(open, _)| open.as_str()) {
            Some("VEVENT") if OF_AN_EVENT.contains(&name) => {
                self.all.keep(&line);
                let event = self.all.events.last_mut().expect("it was begun");
                event.lines.push(line);
            }
            Some("VTIMEZONE") if name == "TZID" => {
                self.all.keep(&line);
                self.zone.0 = Some(line.value.trim().to_owned());
            }
            Some("VTIMEZONE") if name == "X-LIC-LOCATION" => {
                self.all.keep(&line);
                self.zone.1 = Some(line.value);
            }
            Some(_) => {}
            None => return Err(misplaced(&line)),
        }
        Ok(())
    }

    fn keep_component(&mut self, name: &str, line: &Line) {
        if COMPONENTS.contains(&name) {
            self.all.keep(line);
        }
    }
}

fn component_of(line: &Line) -> String {
    line.value.trim().to_ascii_uppercase()
}

fn misplaced(line: &Line) -> Wrong {
    let shown: String = line.value.trim().chars().take(30).collect();
    (
        format!("`{}:{shown}` does not belong here", line.name),
        "the file begins with `BEGIN:VCALENDAR`, and each `BEGIN` has its `END`",
    )
}
