//! When a window begins, by a rule of five fields as cron has it: minute, hour, day of the month, month, day of the week.
//!
//! Numbers, names, lists, ranges and steps. What only some crons know (`L`, `#`, `W`, `?`, `@daily`, seconds) is refused
//! by name, since it means different things in different places.

use super::clock::Slip;
use crate::validated::{Cron, CronDays, Weekday, Weekdays};

/// How often a rule may begin on one day. A window is work for people to expect; more than one each half hour is a rule
/// that was meant otherwise, such as `* 22 * * *` for "at ten".
const MOST_A_DAY: u32 = 48;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const HINT: &str = "five fields: minute, hour, day of the month, month, day of the week; for example `0 22 * * 1-5`";

/// One of the five fields.
struct Field {
    what: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
    /// The number of the first name.
    first: u32,
}

const FIELDS: [Field; 5] = [
    Field {
        what: "minute",
        least: 0,
        most: 59,
        names: &[],
        first: 0,
    },
    Field {
        what: "hour",
        least: 0,
        most: 23,
        names: &[],
        first: 0,
    },
    Field {
        what: "day of the month",
        least: 1,
        most: 31,
        names: &[],
        first: 0,
    },
    Field {
        what: "month",
        least: 1,
        most: 12,
        names: &MONTHS,
        first: 1,
    },
    Field {
        what: "day of the week",
        least: 0,
        most: 7,
        names: &WEEKDAYS,
        first: 0,
    },
];

/// Reads a rule.
pub(super) fn parse(text: &str) -> Result<Cron, Slip> {
    if text.starts_with('@') {
        let message = format!("`{text}` is not a rule of five fields");
        return Err(Slip::new(0..text.len(), message, HINT));
    }
    let words: Vec<(usize, &str)> = text
        .split_whitespace()
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
        .collect();
    if words.len() != FIELDS.len() {
        let message = format!("a cron rule has 5 fields, this one has {}", words.len());
        return Err(Slip::new(0..text.len(), message, HINT));
    }
    let mut bits = [0_u64; 5];
    for ((at, word), (field, bits)) in words.iter().zip(FIELDS.iter().zip(&mut bits)) {
        *bits = field.read(word).map_err(|slip| slip.moved(*at))?;
    }
    let [minutes, hours, days, months, weekdays] = bits;
    let times = minutes.count_ones() * hours.count_ones();
    if times > MOST_A_DAY {
        let message =
            format!("this begins {times} times a day; at most {MOST_A_DAY} make a window");
        let hint = "write one minute and a few hours, for example `0 22 * * 1-5`";
        return Err(Slip::new(0..text.len(), message, hint));
    }
    let weekdays = of_week(weekdays);
    let narrow = |bits: u64| u32::try_from(bits).expect("no field but the minutes has more bits");
    let days = match (words[2], words[4]) {
        ((_, "*"), (_, "*")) => CronDays::Every,
        (_, (_, "*")) => CronDays::OfMonth(narrow(days)),
        ((_, "*"), _) => CronDays::OfWeek(weekdays),
        ((at, of_month), (_, of_week)) => {
            // Some crons join the two fields with "and" here, others with "or".
            if of_month.starts_with('*') || of_week.starts_with('*') {
                let message = "a step from `*` in one field of days and a limit in the other";
                let hint = "crons disagree on what that means; write the days out";
                return Err(Slip::new(at..text.len(), message, hint));
            }
            CronDays::Either(narrow(days), weekdays)
        }
    };
    let cron = Cron {
        minutes,
        hours: narrow(hours),
        days,
        months: u16::try_from(months).expect("months have thirteen bits"),
        text: words
            .iter()
            .map(|(_, word)| *word)
            .collect::<Vec<_>>()
            .join(" "),
    };
    if let CronDays::OfMonth(days) = cron.days
        && !has_day(&cron, days)
    {
        let message = "no month it names has such a day";
        return Err(Slip::new(0..text.len(), message, "look at the calendar"));
    }
    Ok(cron)
}

/// Whether some month of the rule has one of the days.
fn has_day(cron: &Cron, days: u32) -> bool {
    const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let first = days.trailing_zeros();
    (1..=12).any(|month| cron.months >> month & 1 == 1 && first <= LENGTHS[month - 1])
}

fn of_week(bits: u64) -> Weekdays {
    (0..=7_u8)
        .filter(|day| bits >> day & 1 == 1)
        .map(|day| Weekday::of_number(day + 6))
        .collect()
}

impl Field {
    fn read(&self, word: &str) -> Result<u64, Slip> {
        let mut bits = 0;
        let mut at = 0;
        for item in word.split(',') {
            bits |= self.item(item).map_err(|slip| slip.moved(at))?;
            at += item.len() + 1;
        }
        Ok(bits)
    }

    fn item(&self, item: &str) -> Result<u64, Slip> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some((range.len() + 1, step))),
            None => (item, None),
        };
        let (low, high) = if range == "*" {
            (
                self.least,
                self.most
                    .min(if self.names.len() == 7 { 6 } else { self.most }),
            )
        } else if let Some((low, high)) = range.split_once('-') {
            let after = low.len() + 1;
            (
                self.number(low)?,
                self.number(high).map_err(|slip| slip.moved(after))?,
            )
        } else {
            let one = self.number(range)?;
            // `5/15` counts from there to the end.
            (one, if step.is_some() { self.most } else { one })
        };
        if low > high {
            let message = format!("the range `{range}` runs backwards");
            let hint = format!(
                "the {} counts from {} to {}",
                self.what, self.least, self.most
            );
            return Err(Slip::new(0..range.len(), message, hint));
        }
        let step = match step {
            None => 1,
            Some((at, text)) => match text.parse::<usize>() {
                Ok(step)
                    if (1..=59).contains(&step) && text.bytes().all(|b| b.is_ascii_digit()) =>
                {
                    step
                }
                _ => {
                    let message = format!("`{text}` is no step");
                    return Err(Slip::new(at..item.len(), message, "for example `*/15`"));
                }
            },
        };
        Ok((low..=high)
            .step_by(step)
            .fold(0, |bits, number| bits | 1 << number))
    }

    fn number(&self, word: &str) -> Result<u32, Slip> {
        let lower = word.to_ascii_lowercase();
        if let Some(at) = self.names.iter().position(|name| *name == lower) {
            return Ok(self.first + u32::try_from(at).expect("at most twelve names"));
        }
        let is_number =
            !word.is_empty() && word.len() <= 2 && word.bytes().all(|b| b.is_ascii_digit());
        let number = is_number.then(|| word.parse::<u32>().ok()).flatten();
        match number {
            Some(number) if (self.least..=self.most).contains(&number) => Ok(number),
            _ => {
                let message = format!("`{word}` is no {}", self.what);
                let special = word.contains(['L', 'W', '#', '?']);
                let hint = if special && self.names.len() == 7 {
                    "for the n-th weekday of a month write `days: second tuesday`".to_owned()
                } else if special {
                    "`L`, `W`, `#` and `?` mean different things in different crons; write the days out".to_owned()
                } else {
                    format!("write {} to {}", self.least, self.most)
                };
                Err(Slip::new(0..word.len(), message, hint))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_sets() {
        let cron = parse("0,30 22-23 * jan-mar/2 1-5").unwrap();
        assert_eq!((cron.minutes, cron.hours), (1 | 1 << 30, 1 << 22 | 1 << 23));
        assert_eq!(cron.months, 1 << 1 | 1 << 3);
        assert_eq!(
            cron.days,
            CronDays::OfWeek(Weekdays::range(Weekday::Monday, Weekday::Friday))
        );
        let sundays = |text| parse(text).unwrap().days;
        assert_eq!(sundays("0 0 * * 0"), sundays("0 0 * * sun"));
        assert_eq!(sundays("0 0 * * 0"), sundays("0 0 * * 7"));
        assert_eq!(
            sundays("0 0 * * 5-7"),
            CronDays::OfWeek(Weekdays::range(Weekday::Friday, Weekday::Sunday))
        );
        assert_eq!(
            parse("0 0 1,15 * *").unwrap().days,
            CronDays::OfMonth(1 << 1 | 1 << 15)
        );
        assert_eq!(parse("0 0 * * *").unwrap().days, CronDays::Every);
        let friday = Weekdays::default().with(Weekday::Friday);
        assert_eq!(
            parse("0 0 13 * fri").unwrap().days,
            CronDays::Either(1 << 13, friday)
        );
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "",
            "0 22 * *",
            "0 22 * * * *",
            "@daily",
            "60 0 * * *",
            "0 24 * * *",
            "0 0 0 * *",
            "0 0 * 13 *",
            "0 0 * * 8",
            "0 0 * * 5-1",
            "0 0 * * mon#2",
            "0 0 L * *",
            "0 0 ? * 1",
            "* * * * *",
            "*/0 0 * * *",
            "0 0 30 2 *",
            "0 0 31 4,6 *",
            "0 0 */2 * 1",
            "0 -1 * * *",
            "0 1- * * *",
            "0 ,1 * * *",
            "0 0 * * é",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
