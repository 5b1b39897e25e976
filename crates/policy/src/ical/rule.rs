//! `RRULE`: the parts that calendars use. The others are refused by name, since leaving a part out would freeze other
//! days than the ones people see in their calendar.

use super::value;
use crate::fields::nearest;
use crate::validated::{Frequency, Repeat, RepeatEnds, Weekday, ZoneName};

/// The most numbers in one part.
const MAX_LIST: usize = 400;
/// The most events of one series that are counted.
const MAX_COUNT: u32 = 10_000;

const KNOWN: [&str; 9] = [
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "BYDAY",
    "BYMONTHDAY",
    "BYMONTH",
    "BYSETPOS",
    "WKST",
];
const REFUSED: [&str; 7] = [
    "BYHOUR",
    "BYMINUTE",
    "BYSECOND",
    "BYWEEKNO",
    "BYYEARDAY",
    "RSCALE",
    "SKIP",
];

/// What is wrong, and what would be right.
pub(super) type Wrong = (String, String);

fn wrong<T>(message: impl Into<String>, hint: impl Into<String>) -> Result<T, Wrong> {
    Err((message.into(), hint.into()))
}

/// Reads a rule of an event that begins in a zone.
pub(super) fn parse(text: &str, zone: Option<&ZoneName>) -> Result<Repeat, Wrong> {
    let mut every = None;
    let mut repeat = Repeat {
        every: Frequency::Daily,
        interval: 1,
        ends: RepeatEnds::Never,
        by_day: Vec::new(),
        by_month_day: Vec::new(),
        by_month: Vec::new(),
        by_position: Vec::new(),
        week_start: Weekday::Monday,
    };
    let mut seen = Vec::new();
    for part in text.trim().split(';').filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            return wrong(
                format!("`{part}` is no part of a rule"),
                "each is `NAME=value`",
            );
        };
        let name = name.trim().to_ascii_uppercase();
        if seen.contains(&name) {
            return wrong(format!("`{name}` is in the rule twice"), "keep one of them");
        }
        let value = value.trim();
        if name == "FREQ" {
            every = Some(frequency(value)?);
        } else {
            part_of(&mut repeat, &name, value, zone)?;
        }
        seen.push(name);
    }
    let Some(every) = every else {
        return wrong(
            "the rule does not say how often",
            "for example `FREQ=YEARLY`",
        );
    };
    repeat.every = every;
    check(&repeat)?;
    Ok(repeat)
}

/// Reads one part of a rule.
fn part_of(
    repeat: &mut Repeat,
    name: &str,
    value: &str,
    zone: Option<&ZoneName>,
) -> Result<(), Wrong> {
    match name {
        "INTERVAL" => repeat.interval = number(name, value, 1, 1000)?,
        "COUNT" => {
            let count = RepeatEnds::After(number(name, value, 1, MAX_COUNT)?);
            ends(repeat, count)?;
        }
        "UNTIL" => {
            let Some(moment) = value::moment(value, zone) else {
                return wrong(
                    format!("`{value}` is no moment"),
                    "for example `UNTIL=20271231T235959Z`",
                );
            };
            ends(repeat, RepeatEnds::Through(moment))?;
        }
        "BYDAY" => repeat.by_day = list(name, value, by_day)?,
        "BYMONTHDAY" => repeat.by_month_day = list(name, value, |item| signed(item, 31))?,
        "BYMONTH" => {
            let months = list(name, value, |item| {
                signed(item, 12).filter(|month| *month > 0)
            })?;
            repeat.by_month = months.into_iter().map(i8::unsigned_abs).collect();
        }
        "BYSETPOS" => repeat.by_position = list(name, value, |item| signed(item, 366))?,
        "WKST" => match weekday(value) {
            Some(day) => repeat.week_start = day,
            None => {
                return wrong(
                    format!("`{value}` is no day of the week"),
                    "write `MO` to `SU`",
                );
            }
        },
        other => return unknown(other),
    }
    Ok(())
}

fn unknown<T>(name: &str) -> Result<T, Wrong> {
    if REFUSED.contains(&name) {
        return wrong(
            format!("`{name}` is not supported in a rule"),
            "write the event with other parts, or each day as an event of its own",
        );
    }
    let shown: String = name.chars().take(30).collect();
    let hint = match nearest(name, KNOWN.into_iter()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its parts are `{}`", KNOWN.join("`, `")),
    };
    wrong(format!("`{shown}` is no part of a rule"), hint)
}

fn ends(repeat: &mut Repeat, ends: RepeatEnds) -> Result<(), Wrong> {
    if repeat.ends != RepeatEnds::Never {
        return wrong("the rule has both `COUNT` and `UNTIL`", "keep one of them");
    }
    repeat.ends = ends;
    Ok(())
}

fn frequency(value: &str) -> Result<Frequency, Wrong> {
    match value.to_ascii_uppercase().as_str() {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "YEARLY" => Ok(Frequency::Yearly),
        refused @ ("HOURLY" | "MINUTELY" | "SECONDLY") => wrong(
            format!("`FREQ={refused}` is not supported"),
            "freezes that come every hour leave no time to work; use a window instead",
        ),
        _ => wrong(
            format!("`{value}` does not say how often"),
            "write `DAILY`, `WEEKLY`, `MONTHLY` or `YEARLY`",
        ),
    }
}

fn number(name: &str, value: &str, least: u32, most: u32) -> Result<u32, Wrong> {
    let is_number =
        !value.is_empty() && value.len() <= 9 && value.bytes().all(|b| b.is_ascii_digit());
    match value.parse::<u32>() {
        Ok(number) if is_number && (least..=most).contains(&number) => Ok(number),
        _ => wrong(
            format!("`{name}={value}` is not a number from {least} to {most}"),
            "write a number in that range",
        ),
    }
}

/// A number other than 0, of either sign, up to `most`.
fn signed<T: TryFrom<i32>>(item: &str, most: i32) -> Option<T> {
    let unsigned = item.strip_prefix(['+', '-']).unwrap_or(item);
    let is_number =
        !unsigned.is_empty() && unsigned.len() <= 3 && unsigned.bytes().all(|b| b.is_ascii_digit());
    let number = is_number.then(|| item.parse::<i32>().ok()).flatten()?;
    (number != 0 && number.abs() <= most)
        .then(|| T::try_from(number).ok())
        .flatten()
}

fn list<T>(name: &str, value: &str, item: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Wrong> {
    let mut all = Vec::new();
    for text in value.split(',') {
        let Some(one) = item(text.trim()) else {
            let shown: String = text.chars().take(30).collect();
            return wrong(
                format!("`{shown}` cannot be in `{name}`"),
                "for example `BYDAY=MO,2TU,-1FR`, `BYMONTHDAY=1,-1`, `BYMONTH=12`, `BYSETPOS=-1`",
            );
        };
        all.push(one);
        if all.len() > MAX_LIST {
            return wrong(
                format!("`{name}` has more than {MAX_LIST} numbers"),
                "make several events of it",
            );
        }
    }
    Ok(all)
}

fn weekday(text: &str) -> Option<Weekday> {
    let upper = text.to_ascii_uppercase();
    ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
        .iter()
        .position(|word| *word == upper)
        .map(|at| Weekday::ALL[at])
}

fn by_day(item: &str) -> Option<(i16, Weekday)> {
    let split = item
        .len()
        .checked_sub(2)
        .filter(|at| item.is_char_boundary(*at))?;
    let (ordinal, day) = item.split_at(split);
    let ordinal = if ordinal.is_empty() {
        0
    } else {
        signed(ordinal, 53)?
    };
    Some((ordinal, weekday(day)?))
}

/// Parts that the standard does not allow together.
fn check(repeat: &Repeat) -> Result<(), Wrong> {
    let counts_days = repeat.by_day.iter().any(|(ordinal, _)| *ordinal != 0);
    let is_short = matches!(repeat.every, Frequency::Daily | Frequency::Weekly);
    if counts_days && is_short {
        return wrong(
            "`BYDAY` counts weekdays, and there is no month or year to count in",
            "write `FREQ=MONTHLY` or `FREQ=YEARLY`, or weekdays without a number",
        );
    }
    if repeat.every == Frequency::Weekly && !repeat.by_month_day.is_empty() {
        return wrong(
            "a weekly rule cannot have `BYMONTHDAY`",
            "write `FREQ=MONTHLY`",
        );
    }
    let has_others =
        !repeat.by_day.is_empty() || !repeat.by_month_day.is_empty() || !repeat.by_month.is_empty();
    if !repeat.by_position.is_empty() && !has_others {
        return wrong(
            "`BYSETPOS` has nothing to choose from",
            "add `BYDAY` or `BYMONTHDAY`",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_part_by_part() {
        let rule = parse(
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=MO,2TU,-1FR;BYSETPOS=-1;COUNT=5;WKST=SU",
            None,
        )
        .unwrap();
        assert_eq!(rule.every, Frequency::Monthly);
        assert_eq!(
            rule.by_day,
            [
                (0, Weekday::Monday),
                (2, Weekday::Tuesday),
                (-1, Weekday::Friday)
            ]
        );
        assert_eq!(
            (rule.interval, rule.by_position, rule.ends),
            (2, vec![-1], RepeatEnds::After(5))
        );
        assert_eq!(rule.week_start, Weekday::Sunday);
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        for text in [
            "",
            "FREQ",
            "FREQ=",
            "FREQ=HOURLY",
            "INTERVAL=1",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=5;UNTIL=20270101",
            "FREQ=DAILY;UNTIL=never",
            "FREQ=DAILY;BYDAY=1MO",
            "FREQ=WEEKLY;BYMONTHDAY=1",
            "FREQ=DAILY;BYSETPOS=1",
            "FREQ=YEARLY;BYWEEKNO=1",
            "FREQ=YEARLY;BYMONTH=13",
            "FREQ=YEARLY;BYMONTH=-1",
            "FREQ=MONTHLY;BYMONTHDAY=0",
            "FREQ=MONTHLY;BYMONTHDAY=32",
            "FREQ=MONTHLY;BYDAY=",
            "FREQ=MONTHLY;BYDAY=MÖ",
            "FREQ=DAILY;FREQ=DAILY",
            "FREQ=DAILY;WKST=XX",
            "FREQ=DAILY;BYHUOR=1",
        ] {
            assert!(parse(text, None).is_err(), "{text}");
        }
    }
}
