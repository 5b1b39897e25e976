//! Which days: weekdays and ranges of them, and days of a month that are found by counting.

use super::clock::{Slip, parts};
use crate::fields::nearest;
use crate::validated::{DayRule, Nth, Weekday, Weekdays};

/// How far an offset may lead from the day that was found: past the end of every month, and not further.
const MAX_OFFSET: i16 = 31;

const HINT: &str =
    "write `mon-thu`, `sat | sun`, `daily`, or a day of the month as `second tuesday + 4d`";

/// The day that a word means: `mon`, `monday`.
fn weekday(word: &str) -> Option<Weekday> {
    let lower = word.to_ascii_lowercase();
    Weekday::ALL.into_iter().find(|day| {
        lower == day.short() || lower == day.long() || lower.strip_suffix('s') == Some(day.long())
    })
}

fn day(word: &str) -> Result<Weekday, Slip> {
    weekday(word).ok_or_else(|| {
        let words = Weekday::ALL
            .iter()
            .flat_map(|day| [day.short(), day.long()]);
        let hint = match nearest(word, words.clone()) {
            Some(near) => {
                // `thuesday` is as near to one day as to another, and the wrong one is a night too early or too late.
                let distance =
                    |other: &str| strsim::damerau_levenshtein(&word.to_lowercase(), other);
                let alike = words.filter(|other| distance(other) == distance(near));
                let alike: Vec<String> = alike.map(|day| format!("`{day}`")).collect();
                format!("did you mean {}?", alike.join(" or "))
            }
            None => HINT.to_owned(),
        };
        Slip::new(
            0..word.len(),
            format!("`{word}` is no day of the week"),
            hint,
        )
    })
}

/// A day of the week, a range of them, or `daily`.
pub(crate) fn weekdays(word: &str) -> Result<Weekdays, Slip> {
    if word.eq_ignore_ascii_case("daily") {
        return Ok(Weekdays::DAILY);
    }
    match word.split_once('-') {
        // What is no range at all is better shown whole.
        Some((from, _)) if !from.trim().chars().all(char::is_alphabetic) => {
            Ok(Weekdays::default().with(day(word)?))
        }
        Some((from, to)) => {
            let first = day(from.trim())?;
            let begins = word.len() - to.trim_start().len();
            let last = day(to.trim()).map_err(|slip| slip.moved(begins))?;
            Ok(Weekdays::range(first, last))
        }
        None => Ok(Weekdays::default().with(day(word)?)),
    }
}

/// Rules separated by `|`.
pub(super) fn rules(text: &str) -> Result<Vec<DayRule>, Slip> {
    parts(text, '|')
        .map(|(at, part)| rule(part).map_err(|slip| slip.moved(at)))
        .collect()
}

fn rule(text: &str) -> Result<DayRule, Slip> {
    if text.is_empty() {
        return Err(Slip::new(0..0, "here is no day", HINT));
    }
    let Some((first, rest)) = text.split_once(char::is_whitespace) else {
        return weekdays(text).map(DayRule::Weekly);
    };
    // `mon - thu` is meant as a range.
    if weekday(first).is_some()
        || text.starts_with(|c: char| c.is_alphabetic())
            && text.contains('-')
            && nth(first).is_none()
    {
        return weekdays(text).map(DayRule::Weekly);
    }
    let Some(which) = nth(first) else {
        let words = Nth::ALL.iter().map(|(word, _)| *word);
        let hint = match ordinal(first).or_else(|| nearest(first, words)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "it begins with `first`, `second`, `third`, `fourth`, `fifth` or `last`".to_owned()
            }
        };
        let message = format!("`{text}` does not say which day of the month");
        return Err(Slip::new(0..first.len(), message, hint));
    };
    let rest_at = text.len() - rest.trim_start().len();
    let rest = rest.trim_start();
    let (name, offset) = match rest.find(['+', '-']) {
        Some(sign) => (rest[..sign].trim_end(), Some((sign, &rest[sign..]))),
        None => (rest, None),
    };
    let weekday = day(name).map_err(|slip| slip.moved(rest_at))?;
    let plus = match offset {
        Some((at, offset)) => self::offset(offset).map_err(|slip| slip.moved(rest_at + at))?,
        None => 0,
    };
    Ok(DayRule::Monthly {
        nth: which,
        weekday,
        plus,
    })
}

fn nth(word: &str) -> Option<Nth> {
    let lower = word.to_ascii_lowercase();
    Nth::ALL
        .into_iter()
        .find_map(|(name, nth)| (lower == name).then_some(nth))
}

/// The word for a number that is written with digits.
fn ordinal(word: &str) -> Option<&'static str> {
    let digits = word.trim_end_matches(|c: char| c.is_alphabetic() || c == '.');
    let number: usize = digits.parse().ok()?;
    let (name, _) = Nth::ALL.get(number.checked_sub(1)?)?;
    (number <= 5).then_some(*name)
}

/// `+ 4d`, `- 1d`.
fn offset(text: &str) -> Result<i16, Slip> {
    let (sign, rest) = text.split_at(1);
    let days = rest
        .trim()
        .strip_suffix('d')
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse::<i16>().ok());
    match days {
        Some(days) if days <= MAX_OFFSET => Ok(if sign == "-" { -days } else { days }),
        Some(_) => {
            let message = format!("`{text}` leads more than {MAX_OFFSET} days away");
            let hint = "count from a day that is nearer";
            Err(Slip::new(0..text.len(), message, hint))
        }
        None => {
            let message = format!("`{text}` is no number of days");
            let hint = "for example `second tuesday + 4d`, or `last friday - 1d`";
            Err(Slip::new(0..text.len(), message, hint))
        }
    }
}

/// The rules with all weekdays in one, in front, and no rule twice.
pub(super) fn joined(rules: impl Iterator<Item = DayRule>) -> Vec<DayRule> {
    let mut weekly = Weekdays::default();
    let mut monthly = Vec::new();
    for rule in rules {
        match rule {
            DayRule::Weekly(days) => weekly = weekly.and(days),
            DayRule::Monthly { .. } if monthly.contains(&rule) => {}
            DayRule::Monthly { .. } => monthly.push(rule),
        }
    }
    if !weekly.is_empty() {
        monthly.insert(0, DayRule::Weekly(weekly));
    }
    monthly
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        match rules(text) {
            Ok(rules) => joined(rules.into_iter())
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" | "),
            Err(slip) => format!("{}: {} ({})", &text[slip.at], slip.message, slip.hint),
        }
    }

    #[test]
    fn days_are_read_as_written() {
        for (text, read) in [
            ("mon-thu", "mon-thu"),
            ("Monday - Thursday", "mon-thu"),
            ("sat|sun", "sat | sun"),
            ("fri-mon", "mon | fri-sun"),
            ("daily", "daily"),
            ("second tuesday + 4d", "second tuesday + 4d"),
            ("last friday-1d", "last friday - 1d"),
            ("first sun | third sun", "first sunday | third sunday"),
            ("fifth wed | mon | fifth wed", "mon | fifth wednesday"),
            ("tuesdays", "tue"),
        ] {
            assert_eq!(written(text), read, "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_pointed_at() {
        for (text, read) in [
            (
                "mon-thursdy",
                "thursdy: `thursdy` is no day of the week (did you mean `thursday`?)",
            ),
            (
                "2nd tuesday",
                "2nd: `2nd tuesday` does not say which day of the month (did you mean `second`?)",
            ),
            (
                "secnd tuesday",
                "secnd: `secnd tuesday` does not say which day of the month (did you mean `second`?)",
            ),
            (
                "second tuesday + 4",
                "+ 4: `+ 4` is no number of days (for example `second tuesday + 4d`, or `last friday - 1d`)",
            ),
            (
                "second tuesday + 40d",
                "+ 40d: `+ 40d` leads more than 31 days away (count from a day that is nearer)",
            ),
        ] {
            assert_eq!(written(text), read, "{text}");
        }
        for text in [
            "",
            "|",
            "mon-",
            "-",
            "second",
            "second second",
            "+",
            "second +",
            "second tuesday +",
            "é-é",
            "mon tue",
        ] {
            assert!(rules(text).is_err(), "{text}");
        }
    }
}
