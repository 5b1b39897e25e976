//! Times as people write them: a time on the clock, a zone, a day, a moment, hours of a week.
//!
//! What a zone says at a moment is not known here; that a zone exists is checked across documents.

use std::ops::Range;

use super::days::{self, weekdays};
use crate::fields::{Cx, ZoneUse};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::validated::{Date, Hours, HoursOfDay, LocalTime, Moment, TimeOfDay, Weekdays, ZoneName};
use crate::yaml::{Node, Value};

/// What is wrong with a part of a text.
#[derive(Debug)]
pub(crate) struct Slip {
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Slip {
    pub(crate) fn new(
        at: Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            at,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// In a text of which the part begins so many bytes later.
    pub(crate) fn moved(mut self, by: usize) -> Self {
        self.at = self.at.start + by..self.at.end + by;
        self
    }
}

/// Reads a text; a slip is a problem at its place.
pub(crate) fn parsed<T>(
    cx: &Cx<'_>,
    node: &Node<'_>,
    parse: impl Fn(&str) -> Result<T, Slip>,
) -> Option<T> {
    let text = scalar::value(cx, node)?;
    match parse(&text) {
        Ok(value) => Some(value),
        Err(slip) => {
            let place = cx.inside(node, slip.at.start, slip.at.len());
            cx.report(Report::new(Code::BadValue, place, slip.message).hint(slip.hint));
            None
        }
    }
}

/// The parts of a text between separators, each trimmed, with where it begins.
pub(crate) fn parts(text: &str, separator: char) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(separator).map(move |part| {
        let start = at + (part.len() - part.trim_start().len());
        at += part.len() + separator.len_utf8();
        (start, part.trim())
    })
}

/// A time on the clock, `8:00` or `22:00`; 24:00 is one.
pub(crate) fn time_of_day(text: &str) -> Result<TimeOfDay, Slip> {
    let wrong = |hint: String| {
        Slip::new(
            0..text.len(),
            format!("`{text}` is not a time on the clock"),
            hint,
        )
    };
    let number = |part: &str, digits: Range<usize>| {
        let is_number = digits.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| part.parse::<u32>().ok()).flatten()
    };
    let time = text.split_once(':').and_then(|(hours, rest)| {
        let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "00"));
        TimeOfDay::new(
            number(hours, 1..3)?,
            number(minutes, 2..3)?,
            number(seconds, 2..3)?,
        )
    });
    time.ok_or_else(|| {
        let lower = text.to_ascii_lowercase();
        let half = lower
            .strip_suffix("pm")
            .map(|hours| (hours, 12))
            .or_else(|| lower.strip_suffix("am").map(|hours| (hours, 0)))
            .and_then(|(hours, more)| Some((hours.trim().parse::<u32>().ok()?, more)))
            .filter(|(hours, _)| (1..=12).contains(hours));
        // `22.00`, `2200`, `22h00`, `22`.
        let digits = text.replace(['.', 'h'], "");
        let plain = match digits.len() {
            1 | 2 => number(&digits, 1..3).map(|hours| (hours, 0)),
            3 | 4 => digits
                .split_at_checked(digits.len() - 2)
                .and_then(|(hours, minutes)| Some((number(hours, 1..3)?, number(minutes, 2..3)?))),
            _ => None,
        };
        let plain = plain.and_then(|(hours, minutes)| TimeOfDay::new(hours, minutes, 0));
        wrong(match (half, plain) {
            (Some((hours, more)), _) => format!("write `{:02}:00`", hours % 12 + more),
            (None, Some(time)) => format!("write `{time}`"),
            (None, None) => {
                "write hours and minutes from 00:00 to 23:59, for example `22:00`".to_owned()
            }
        })
    })
}

/// A time at which something can begin: not the end of the day.
pub(crate) fn start_time(text: &str) -> Result<TimeOfDay, Slip> {
    let time = time_of_day(text)?;
    if time == TimeOfDay::END {
        let message = "`24:00` is the end of a day";
        return Err(Slip::new(
            0..text.len(),
            message,
            "write `00:00`, of the day after",
        ));
    }
    Ok(time)
}

/// The name of a zone; that there is such a zone is checked later.
pub(crate) fn zone(cx: &Cx<'_>, node: &Node<'_>) -> Option<ZoneName> {
    let zone = parsed(cx, node, |text| {
        ZoneName::new(text).ok_or_else(|| {
            let message = format!("`{text}` cannot be the name of a time zone");
            let hint = "write its name in the time zone database, for example `Europe/Berlin`";
            Slip::new(0..text.len(), message, hint)
        })
    })?;
    let by = cx.subject();
    cx.notes.borrow_mut().zones.push(ZoneUse {
        name: zone.as_str().to_owned(),
        place: node.place,
        by,
    });
    Some(zone)
}

/// A day: `2026-12-18`.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| part.parse::<i16>().ok()).flatten()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let small = |number: i16| u8::try_from(number).ok();
    parts
        .next()
        .is_none()
        .then(|| Date::new(year, small(month)?, small(day)?))
        .flatten()
}

/// Whether a text begins as a day does, with one that no calendar has: `2026-11-31`.
pub(crate) fn is_no_day(text: &str) -> bool {
    let looks_right = text.len() >= 10
        && text.is_char_boundary(10)
        && text[..10].bytes().enumerate().all(|(i, b)| {
            if matches!(i, 4 | 7) {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        });
    looks_right && date(&text[..10]).is_none()
}

/// A day, a time on the clock of a day, or an instant.
pub(crate) fn moment(cx: &Cx<'_>, node: &Node<'_>) -> Option<Moment> {
    parsed(cx, node, |text| {
        if let Some(date) = date(text) {
            return Ok(Moment::Date(date));
        }
        let split = text
            .split_once(['T', ' '])
            .map(|(day, time)| (day, time.trim()));
        if let Some((day, time)) = split
            && let (Some(date), Ok(time)) = (date(day), start_time(time))
        {
            return Ok(Moment::Local(LocalTime { date, time }));
        }
        if let Some(instant) = scalar::instant(text) {
            return Ok(Moment::Instant(instant));
        }
        if is_no_day(text) {
            let message = format!("`{}` is a day that does not exist", &text[..10]);
            return Err(Slip::new(0..10, message, "look at the calendar"));
        }
        let message = format!("`{text}` is no moment");
        let hint = "write a day as `2026-12-18`, a time as `2026-12-18 18:00`, or an instant as `2026-12-18T17:00:00Z`";
        Err(Slip::new(0..text.len(), message, hint))
    })
}

/// Whether one moment is later than another, or as late, wherever they are read. Clocks differ from UTC by less than a day
/// and two hours, so of moments on different clocks that are nearer to each other nobody can say it here.
pub(crate) fn is_surely_not_before(later: &Moment, earlier: &Moment) -> bool {
    const ROOM: i64 = 26 * 3600;
    let same_clock = match (later, earlier) {
        (Moment::Instant(later), Moment::Instant(earlier)) => return later >= earlier,
        (Moment::Zoned(_, one), Moment::Zoned(_, other)) => one == other,
        (Moment::Date(_) | Moment::Local(_), Moment::Date(_) | Moment::Local(_)) => true,
        (Moment::Date(_) | Moment::Local(_) | Moment::Zoned(..) | Moment::Instant(_), _) => false,
    };
    let room = if same_clock { 0 } else { 2 * ROOM };
    seconds(later) - seconds(earlier) >= room
}

/// What a clock shows, as if it were in UTC.
fn seconds(moment: &Moment) -> i64 {
    let local = match moment {
        Moment::Instant(instant) => return instant.0.div_euclid(1000),
        Moment::Date(date) => LocalTime {
            date: *date,
            time: TimeOfDay::MIDNIGHT,
        },
        Moment::Local(local) | Moment::Zoned(local, _) => *local,
    };
    let small = |number: u8| i8::try_from(number).expect("months and days are small");
    let Date { year, month, day } = local.date;
    jiff::civil::date(year, small(month), small(day))
        .duration_since(jiff::civil::date(1970, 1, 1))
        .as_secs()
        + i64::from(local.time.seconds())
}

/// Hours of a week: `mon-fri 08:00-18:00`, several separated by `|` or in a list.
pub(crate) fn hours(cx: &Cx<'_>, node: &Node<'_>) -> Option<Hours> {
    let ranges = match &node.value {
        Value::List(items) if items.is_empty() => {
            let hint = "for example `mon-fri 08:00-18:00`";
            return cx.fail(
                Code::BadValue,
                node.place,
                "the list is empty".to_owned(),
                hint,
            );
        }
        Value::List(_) => scalar::list(cx, node, |cx, node| parsed(cx, node, hours_in))?,
        Value::Scalar { .. } | Value::Map { .. } => vec![parsed(cx, node, hours_in)?],
    };
    Some(Hours(ranges.into_iter().flatten().collect()))
}

const HOURS_HINT: &str = "write days and hours, for example `mon-fri 08:00-18:00`";

fn hours_in(text: &str) -> Result<Vec<HoursOfDay>, Slip> {
    let mut all = Vec::new();
    // Days without hours of their own have the hours that come next: `sat | sun 10:00-12:00`.
    let mut waiting = Weekdays::default();
    let mut last = 0..0;
    for (at, part) in parts(text, '|') {
        last = at..at + part.len();
        let mut words = part.split_whitespace().map(|word| {
            let begins = word.as_ptr() as usize - text.as_ptr() as usize;
            (begins, word)
        });
        let Some((begins, word)) = words.next() else {
            return Err(Slip::new(last, "here are no days and no hours", HOURS_HINT));
        };
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let message = format!("`{word}` has no days");
            return Err(Slip::new(begins..begins + word.len(), message, HOURS_HINT));
        }
        waiting = waiting.and(weekdays(word).map_err(|slip| slip.moved(begins))?);
        for (begins, word) in words {
            let range = hours_range(waiting, word).map_err(|slip| slip.moved(begins))?;
            all.push(range);
        }
        if part.contains(char::is_whitespace) {
            waiting = Weekdays::default();
        }
    }
    if waiting.is_empty() {
        Ok(all)
    } else {
        let message = format!("`{}` has no hours", &text[last.clone()]);
        Err(Slip::new(last, message, HOURS_HINT))
    }
}

fn hours_range(days: Weekdays, word: &str) -> Result<HoursOfDay, Slip> {
    let Some((from, until)) = word.split_once('-') else {
        let message = format!("`{word}` is no range of hours");
        return Err(Slip::new(0..word.len(), message, HOURS_HINT));
    };
    let after = from.len() + 1;
    let from = start_time(from)?;
    let until = time_of_day(until).map_err(|slip| slip.moved(after))?;
    if from == until {
        let message = format!("`{word}` is no time at all");
        let hint = "for the whole day write `00:00-24:00`";
        return Err(Slip::new(0..word.len(), message, hint));
    }
    Ok(HoursOfDay { days, from, until })
}

/// Rules that name days: one text or a list of them; weekdays are joined into one rule.
pub(crate) fn day_rules(cx: &Cx<'_>, node: &Node<'_>) -> Option<Vec<crate::validated::DayRule>> {
    let rules = scalar::one_or_more(cx, node, |cx, node| parsed(cx, node, days::rules))?;
    Some(days::joined(rules.into_iter().flatten()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        match hours_in(text) {
            Ok(hours) => Hours(hours).to_string(),
            Err(slip) => format!("{}: {}", &text[slip.at], slip.message),
        }
    }

    #[test]
    fn hours_are_read_as_written() {
        for (text, read) in [
            ("mon-fri 08:00-18:00", "mon-fri 08:00-18:00"),
            (
                "mon-thu 8:00-17:00 | fri 8:00-14:00",
                "mon-thu 08:00-17:00 | fri 08:00-14:00",
            ),
            ("sat | sun 10:00-12:00", "sat | sun 10:00-12:00"),
            (
                "mon 08:00-12:00 13:00-17:00",
                "mon 08:00-12:00 | mon 13:00-17:00",
            ),
            ("daily 22:00-06:00", "daily 22:00-06:00"),
            ("daily 00:00-24:00", "daily 00:00-24:00"),
            ("mon-fri", "mon-fri: `mon-fri` has no hours"),
            ("mon 08:00-18:00 | sat", "sat: `sat` has no hours"),
            ("mon-fri 8-18", "8: `8` is not a time on the clock"),
            (
                "mon-fri 08:00-08:00",
                "08:00-08:00: `08:00-08:00` is no time at all",
            ),
            ("mon || tue 08:00-09:00", ": here are no days and no hours"),
            ("08:00-18:00", "08:00-18:00: `08:00-18:00` has no days"),
            ("mon 24:00-25:00", "24:00: `24:00` is the end of a day"),
        ] {
            assert_eq!(written(text), read, "{text}");
        }
    }

    #[test]
    fn a_time_on_the_clock_has_hours_and_minutes() {
        for (text, seconds) in [
            ("0:00", 0),
            ("8:05", 29_100),
            ("23:59:59", 86_399),
            ("24:00", 86_400),
        ] {
            assert_eq!(time_of_day(text).unwrap().seconds(), seconds, "{text}");
        }
        for text in [
            "", ":", "8", "8:5", "24:01", "25:00", "-1:00", "1:60", "08:00:", "008:00", "٨:٠٠",
        ] {
            assert!(time_of_day(text).is_err(), "{text}");
        }
        assert_eq!(time_of_day("10pm").unwrap_err().hint, "write `22:00`");
        assert_eq!(time_of_day("12am").unwrap_err().hint, "write `00:00`");
    }
}
