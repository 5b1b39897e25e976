//! One event: whether it blocks time, when it begins, how long it is, and what it repeats by.

use ringway_model::Span;

use super::component::RawEvent;
use super::line::Line;
use super::zone::Zones;
use super::{rule, value};
use crate::elements::clock::is_surely_not_before;
use crate::problem::{Code, Found, Report};
use crate::validated::{Event, EventLength, Moment, Repeat, ZoneName};

/// Days that are named one by one, in all events of a file.
const MAX_TIMES: usize = 50_000;

/// An event with what ties it to others.
pub(super) struct Read {
    pub(super) uid: Option<String>,
    /// Which one of its series it takes the place of.
    pub(super) instead_of: Option<Moment>,
    pub(super) is: Is,
}

/// What an event is for a freeze.
pub(super) enum Is {
    /// It blocks time.
    Blocking(Box<Event>),
    /// It was cancelled.
    Cancelled,
    /// It blocks no time.
    Transparent,
    /// It has no length.
    Instant,
}

/// Reads events of one file.
pub(super) struct Reader<'r> {
    pub(super) zones: Zones<'r>,
    pub(super) found: &'r mut Found,
    /// Zones that were used, with the first line of each.
    pub(super) used: std::collections::BTreeMap<ZoneName, crate::yaml::Place>,
    pub(super) times: usize,
}

impl Reader<'_> {
    /// Reads an event; `None` when it has problems.
    pub(super) fn event(&mut self, raw: &RawEvent) -> Option<Read> {
        let uid = raw
            .one("UID", self.found)
            .map(|line| line.value.trim().to_owned());
        let instead_of = match raw.one("RECURRENCE-ID", self.found) {
            Some(line) => Some(self.instead_of(line, uid.as_deref())?),
            None => None,
        };
        let status = |name: &str, found: &mut Found| {
            raw.one(name, found)
                .map(|line| line.value.trim().to_ascii_uppercase())
        };
        let is = if status("STATUS", self.found).as_deref() == Some("CANCELLED") {
            Is::Cancelled
        } else if status("TRANSP", self.found).as_deref() == Some("TRANSPARENT") {
            Is::Transparent
        } else {
            self.blocking(raw, instead_of.is_some())?
        };
        Some(Read {
            uid,
            instead_of,
            is,
        })
    }

    fn instead_of(&mut self, line: &Line, uid: Option<&str>) -> Option<Moment> {
        if line.param("RANGE").is_some() {
            line.fail(
                self.found,
                "`RANGE` is not supported: it moves all later events of a series",
                "end the series with `UNTIL`, and begin another one",
            );
            return None;
        }
        if uid.is_none() {
            line.fail(
                self.found,
                "the event takes the place of another one, and has no `UID`",
                "give it the `UID` of its series",
            );
            return None;
        }
        self.moment(line, &line.value)
    }

    fn blocking(&mut self, raw: &RawEvent, is_single: bool) -> Option<Is> {
        let Some(line) = raw.one("DTSTART", self.found) else {
            let message = "the event has no `DTSTART`";
            let report = Report::new(Code::BadCalendar, raw.begin, message);
            self.found
                .report(report.hint("it does not say when it begins"));
            return None;
        };
        let start = self.moment(line, &line.value);
        let rule = match raw.one("RRULE", self.found) {
            Some(line) if !is_single => Some(self.rule(line, start.as_ref())),
            Some(_) | None => None,
        };
        for line in raw.all("EXRULE") {
            line.fail(
                self.found,
                "`EXRULE` is not supported",
                "name the days that are left out with `EXDATE`",
            );
        }
        let also = self.moments(raw, "RDATE");
        let except = self.moments(raw, "EXDATE");
        let start = start?;
        let length = self.length(raw, &start)?;
        if is_nothing(&length, &start) {
            return Some(Is::Instant);
        }
        let summary = raw.one("SUMMARY", self.found);
        Some(Is::Blocking(Box::new(Event {
            summary: summary.and_then(|line| value::summary(&line.value)),
            start,
            length,
            repeats: match rule {
                Some(rule) => Some(rule?),
                None => None,
            },
            also: also?,
            except: except?,
        })))
    }

    fn rule(&mut self, line: &Line, start: Option<&Moment>) -> Option<Repeat> {
        let zone = match start {
            Some(Moment::Zoned(_, zone)) => Some(zone),
            Some(Moment::Date(_) | Moment::Local(_) | Moment::Instant(_)) | None => None,
        };
        match rule::parse(&line.value, zone) {
            Ok(rule) => Some(rule),
            Err((message, hint)) => {
                line.fail(self.found, message, hint);
                None
            }
        }
    }

    /// How long an event is: until its end, for a duration, for the day that it names, or no time at all.
    fn length(&mut self, raw: &RawEvent, start: &Moment) -> Option<EventLength> {
        let end = raw.one("DTEND", self.found);
        let duration = raw.one("DURATION", self.found);
        match (end, duration) {
            (Some(_), Some(line)) => {
                line.fail(
                    self.found,
                    "the event has both `DTEND` and `DURATION`",
                    "keep one of them",
                );
                None
            }
            (Some(line), None) => {
                let end = self.moment(line, &line.value)?;
                if start.as_date().is_some() != end.as_date().is_some() {
                    let message =
                        "the event begins with a day and ends with a time, or the other way round";
                    line.fail(
                        self.found,
                        message,
                        "write both with `VALUE=DATE`, or both with a time",
                    );
                    return None;
                }
                // Not as the standard has it, but as some programs write one whole day.
                if start.as_date().is_some() && *start == end {
                    return Some(EventLength::For {
                        days: 1,
                        time: Span::ZERO,
                    });
                }
                if *start != end && is_surely_not_before(start, &end) {
                    let message = format!("the event ends before it begins, at {start}");
                    line.fail(self.found, message, "write a later `DTEND`");
                    return None;
                }
                Some(EventLength::Until(end))
            }
            (None, Some(line)) => {
                let length = value::duration(&line.value);
                if length.is_none() {
                    let message = format!("`{}` is not how long something can be", line.value);
                    line.fail(self.found, message, "for example `P1D`, `PT8H` or `P2W`");
                }
                length.map(|(days, time)| EventLength::For { days, time })
            }
            (None, None) => Some(EventLength::For {
                days: u32::from(start.as_date().is_some()),
                time: Span::ZERO,
            }),
        }
    }

    /// All moments of a property that names several.
    fn moments(&mut self, raw: &RawEvent, name: &str) -> Option<Vec<Moment>> {
        let mut all = Vec::new();
        let mut is_good = true;
        for line in raw.all(name) {
            if line
                .param("VALUE")
                .is_some_and(|value| value.eq_ignore_ascii_case("PERIOD"))
            {
                let message = format!("periods in `{name}` are not supported");
                line.fail(self.found, message, "make each an event of its own");
                is_good = false;
                continue;
            }
            for text in line.value.split(',').filter(|text| !text.trim().is_empty()) {
                self.times += 1;
                if self.times > MAX_TIMES {
                    let message = format!("the file names more than {MAX_TIMES} single days");
                    line.fail(self.found, message, "export the time that is still to come");
                    return None;
                }
                match self.moment(line, text) {
                    Some(moment) => all.push(moment),
                    None => is_good = false,
                }
            }
        }
        is_good.then_some(all)
    }

    fn moment(&mut self, line: &Line, text: &str) -> Option<Moment> {
        let zone = match line.param("TZID") {
            Some(tzid) => match self.zones.of(tzid) {
                Ok(zone) => {
                    self.used.entry(zone.clone()).or_insert(line.place);
                    Some(zone)
                }
                Err((message, hint)) => {
                    let report = Report::new(Code::BadCalendar, line.place, message);
                    self.found.report(report.hint(hint));
                    return None;
                }
            },
            None => None,
        };
        let moment = value::moment(text, zone.as_ref());
        if moment.is_none() {
            let shown: String = text.chars().take(40).collect();
            let message = format!("`{shown}` is no moment");
            line.fail(
                self.found,
                message,
                "a day is `20261224`, a time `20261224T180000`, one in UTC `20261224T170000Z`",
            );
        }
        moment
    }
}

fn is_nothing(length: &EventLength, start: &Moment) -> bool {
    match length {
        EventLength::For { days, time } => *days == 0 && *time == Span::ZERO,
        EventLength::Until(end) => end == start,
    }
}
