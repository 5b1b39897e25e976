//! The days on which an event of a calendar repeats (RFC 5545, `RRULE`), as days alone.
//!
//! A period (a day, a week, a month, a year) is taken at a time; its days are held against the parts of the rule. The
//! first day of a series is always one of them, as calendars show it, also where the rule would not name it.

use ringway_policy::validated::{Frequency, Repeat, RepeatEnds, Weekday};

use crate::civil::{Day, Month};

/// The days of a series from its first through `last`, without those that can be left out because they are before
/// `from`. An end after so many events is kept; one at a moment is the caller's to see.
pub(crate) fn days(rule: &Repeat, first: Day, from: Day, last: Day) -> Vec<Day> {
    let mut all = Vec::new();
    if first <= last {
        all.push(first);
    }
    // Counting begins at the first; otherwise what is over need not be looked at.
    let (mut left, skip) = match rule.ends {
        RepeatEnds::After(count) => (count - 1, 0),
        RepeatEnds::Never | RepeatEnds::Through(_) => (u32::MAX, periods_before(rule, first, from)),
    };
    let mut period = skip;
    while left > 0 {
        let (begins, length) = nth_period(rule, first, period);
        if begins > last {
            break;
        }
        period += 1;
        for day in in_period(rule, first, begins, length) {
            if day <= first || left == 0 {
                continue;
            }
            if day > last {
                return all;
            }
            all.push(day);
            left -= 1;
        }
    }
    all
}

/// How many periods end before `from` for certain.
fn periods_before(rule: &Repeat, first: Day, from: Day) -> i64 {
    let longest = match rule.every {
        Frequency::Daily => 1,
        Frequency::Weekly => 7,
        Frequency::Monthly => 31,
        Frequency::Yearly => 366,
    };
    let length = longest * i64::from(rule.interval);
    ((from.0 - first.0) / length - 2).max(0)
}

/// The first day and the length of the n-th period in which the series has days.
fn nth_period(rule: &Repeat, first: Day, n: i64) -> (Day, i64) {
    let steps = n * i64::from(rule.interval);
    match rule.every {
        Frequency::Daily => (first.plus(steps), 1),
        Frequency::Weekly => {
            let number = |day: Weekday| i64::from(day.number());
            let into = (number(first.weekday()) + 7 - number(rule.week_start)) % 7;
            (first.plus(7 * steps - into), 7)
        }
        Frequency::Monthly => {
            let month = Month::of_number(first.civil().0.number() + steps);
            (month.first(), month.length())
        }
        Frequency::Yearly => {
            let year = first.civil().0.year + steps;
            let begins = Day::of(year, 1, 1);
            (begins, Day::of(year + 1, 1, 1).0 - begins.0)
        }
    }
}

fn in_period(rule: &Repeat, first: Day, begins: Day, length: i64) -> Vec<Day> {
    let found: Vec<Day> = (0..length)
        .map(|step| begins.plus(step))
        .filter(|day| is_named(rule, first, *day))
        .collect();
    if rule.by_position.is_empty() {
        return found;
    }
    let mut chosen: Vec<Day> = rule
        .by_position
        .iter()
        .filter_map(|position| {
            let size = usize::from(position.unsigned_abs());
            let index = if *position > 0 {
                size.checked_sub(1)
            } else {
                found.len().checked_sub(size)
            };
            found.get(index?).copied()
        })
        .collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Whether a day is one of those that the parts of the rule name.
fn is_named(rule: &Repeat, first: Day, day: Day) -> bool {
    let (month, of_month) = day.civil();
    let (first_month, first_of_month) = first.civil();
    let in_month = rule.by_month.is_empty()
        || rule
            .by_month
            .iter()
            .any(|named| i64::from(*named) == month.month);
    if !in_month {
        return false;
    }
    let counted =
        |number: i64, index: i64, length: i64| number == index || number == index - length - 1;
    let by_month_day = rule
        .by_month_day
        .iter()
        .any(|named| counted(i64::from(*named), of_month, month.length()));
    let by_day = rule.by_day.iter().any(|(ordinal, weekday)| {
        if *weekday != day.weekday() {
            return false;
        }
        let ordinal = i64::from(*ordinal);
        let in_a_month = rule.every == Frequency::Monthly || !rule.by_month.is_empty();
        let (index, length) = if in_a_month {
            (of_month, month.length())
        } else {
            let begins = Day::of(month.year, 1, 1);
            (
                day.0 - begins.0 + 1,
                Day::of(month.year + 1, 1, 1).0 - begins.0,
            )
        };
        let from_start = (index - 1) / 7 + 1;
        let from_end = -((length - index) / 7 + 1);
        ordinal == 0 || ordinal == from_start || ordinal == from_end
    });
    match (rule.by_month_day.is_empty(), rule.by_day.is_empty()) {
        (false, false) => by_month_day && by_day,
        (false, true) => by_month_day,
        (true, false) => by_day,
        // What the rule does not say is as it was on the first day.
        (true, true) => match rule.every {
            Frequency::Daily => true,
            Frequency::Weekly => day.weekday() == first.weekday(),
            Frequency::Monthly => of_month == first_of_month,
            Frequency::Yearly => {
                of_month == first_of_month
                    && (!rule.by_month.is_empty() || month.month == first_month.month)
            }
        },
    }
}
