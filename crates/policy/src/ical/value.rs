//! Values of properties: days, times, lengths, texts.

use ringway_model::{Span, Timestamp};

use crate::validated::{Date, LocalTime, Moment, TimeOfDay, ZoneName};

/// How long a summary may be that people are shown as a reason, in characters.
const MAX_SUMMARY: usize = 200;

fn digits(text: &str, from: usize, to: usize) -> Option<u32> {
    let part = text.get(from..to)?;
    let is_number = part.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| part.parse().ok()).flatten()
}

/// `20261224`.
pub(super) fn date(text: &str) -> Option<Date> {
    if text.len() != 8 {
        return None;
    }
    let small = |from, to| u8::try_from(digits(text, from, to)?).ok();
    let year = i16::try_from(digits(text, 0, 4)?).ok()?;
    Date::new(year, small(4, 6)?, small(6, 8)?)
}

/// A day, or a time: `20261224`, `20261224T180000`, `20261224T170000Z`.
pub(super) fn moment(text: &str, zone: Option<&ZoneName>) -> Option<Moment> {
    let text = text.trim();
    if let Some(date) = date(text) {
        return Some(Moment::Date(date));
    }
    let (day, time) = text.split_once('T')?;
    let date = date(day)?;
    let (time, is_utc) = match time.strip_suffix('Z') {
        Some(time) => (time, true),
        None => (time, false),
    };
    if time.len() != 6 || time.starts_with("24") {
        return None;
    }
    // A leap second has no place on the clocks that count; the second before it is as near.
    let second = digits(time, 4, 6)?.min(59);
    let time = TimeOfDay::new(digits(time, 0, 2)?, digits(time, 2, 4)?, second)?;
    let local = LocalTime { date, time };
    if is_utc {
        return Some(Moment::Instant(instant(local)?));
    }
    Some(match zone {
        Some(zone) => Moment::Zoned(local, zone.clone()),
        None => Moment::Local(local),
    })
}

/// The instant at which clocks in UTC show this.
fn instant(local: LocalTime) -> Option<Timestamp> {
    let LocalTime { date, time } = local;
    let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    let midnight = jiff::civil::Date::new(date.year, month, day).ok()?;
    let days = midnight
        .duration_since(jiff::civil::date(1970, 1, 1))
        .as_secs();
    Some(Timestamp((days + i64::from(time.seconds())) * 1000))
}

/// A length: `P1D`, `PT1H30M`, `P2W`. Days of the calendar and elapsed time.
pub(super) fn duration(text: &str) -> Option<(u32, Span)> {
    let rest = text.trim();
    let rest = rest.strip_prefix('+').unwrap_or(rest).strip_prefix('P')?;
    let (days_part, time_part) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (rest, ""),
    };
    if days_part.is_empty() && time_part.is_empty() {
        return None;
    }
    let days = units(days_part, &[('W', 7), ('D', 1)])?;
    let seconds = units(time_part, &[('H', 3600), ('M', 60), ('S', 1)])?;
    // A hundred years, as everywhere.
    let is_sane = days <= 36_600 && seconds <= 36_600 * 86_400;
    is_sane.then(|| {
        let days = u32::try_from(days).expect("it was compared");
        (days, Span::seconds(seconds))
    })
}

fn units(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let (mut rest, mut total, mut units) = (text, 0_u64, units.iter());
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..end].parse().ok()?;
        let (_, factor) = units.find(|(unit, _)| rest[end..].starts_with(*unit))?;
        total = total.checked_add(number.checked_mul(*factor)?)?;
        rest = &rest[end + 1..];
    }
    Some(total)
}

/// A text with its escapes resolved, as a reason for people: one line, not too long; nothing where it is empty.
pub(super) fn summary(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => ' ',
                Some(escaped) => escaped,
                None => '\\',
            },
            c => c,
        };
        plain.push(if c.is_control() { ' ' } else { c });
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    let line: String = words.join(" ").chars().take(MAX_SUMMARY).collect();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_three_forms() {
        let zone = ZoneName::new("Europe/Berlin").unwrap();
        for (text, shown) in [
            ("20261224", "2026-12-24"),
            ("20261224T180000", "2026-12-24 18:00 Europe/Berlin"),
            ("20261224T170000Z", "2026-12-24T17:00:00Z"),
            ("20161231T235960Z", "2016-12-31T23:59:59Z"),
        ] {
            assert_eq!(moment(text, Some(&zone)).unwrap().to_string(), shown);
        }
        for text in [
            "",
            "T",
            "2026122",
            "20260230",
            "20261224T",
            "20261224T1800",
            "20261224T240000",
            "20261224T186000",
            "20261224T18000Z",
            "2026-12-24",
            "20261224T180000+0100",
            "00000101",
            "２０２６1224",
        ] {
            assert_eq!(moment(text, None), None, "{text}");
        }
    }

    #[test]
    fn lengths_are_days_and_time() {
        for (text, days, seconds) in [
            ("P1D", 1, 0),
            ("P2W", 14, 0),
            ("PT1H30M", 0, 5400),
            ("P1DT12H", 1, 43_200),
            ("+PT15S", 0, 15),
        ] {
            assert_eq!(
                duration(text),
                Some((days, Span::seconds(seconds))),
                "{text}"
            );
        }
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "1D",
            "-P1D",
            "P1H",
            "PT1D",
            "PT1M1H",
            "P99999999999D",
            "P1DT",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_summary_is_one_line() {
        assert_eq!(
            summary(r"Year\, end\; closing\nno\\ work").as_deref(),
            Some(r"Year, end; closing no\ work")
        );
        assert_eq!(summary(" \\n\t\\"), Some("\\".to_owned()));
        assert_eq!(summary("  "), None);
    }
}
