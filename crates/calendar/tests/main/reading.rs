//! A reader of the time zone database's files that shares nothing with the one that is used: RFC 9636 and POSIX, in a few
//! lines, for the tests alone.

/// A zone: instants of change in order, each with the offset from then on.
pub(crate) struct Reading {
    changes: Vec<(i64, i64)>,
    first: i64,
}

fn number(bytes: &[u8]) -> i64 {
    let negative = bytes[0] & 0x80 != 0;
    bytes
        .iter()
        .fold(if negative { -1 } else { 0 }, |number, byte| {
            (number << 8) | i64::from(*byte)
        })
}

impl Reading {
    /// Reads a file; what its last line says is written out until 2040.
    pub(crate) fn of(file: &[u8]) -> Self {
        let count = |block: &[u8], n: usize| {
            usize::try_from(number(&block[20 + 4 * n..24 + 4 * n])).unwrap()
        };
        // The first block has the times in 32 bits, for old programs.
        let skip = 44
            + 5 * count(file, 3)
            + 6 * count(file, 4)
            + count(file, 5)
            + 8 * count(file, 2)
            + count(file, 1)
            + count(file, 0);
        let block = &file[skip..];
        let (times, types, names) = (count(block, 3), count(block, 4), count(block, 5));
        let data = &block[44..];
        let kinds = &data[9 * times..];
        let offset = |kind: u8| number(&kinds[6 * usize::from(kind)..6 * usize::from(kind) + 4]);
        let mut changes: Vec<(i64, i64)> = (0..times)
            .map(|i| (number(&data[8 * i..8 * i + 8]), offset(data[8 * times + i])))
            .collect();
        let after = 9 * times
            + 6 * types
            + names
            + 12 * count(block, 2)
            + count(block, 1)
            + count(block, 0);
        let footer = std::str::from_utf8(&data[after..]).unwrap().trim();
        let last = changes.last().map_or(i64::MIN, |(at, _)| *at);
        changes.extend(posix(footer).into_iter().filter(|(at, _)| *at > last));
        Self {
            changes,
            first: offset(0),
        }
    }

    /// How far the clock is ahead of UTC.
    pub(crate) fn offset(&self, second: i64) -> i64 {
        let after = self.changes.partition_point(|(at, _)| *at <= second);
        after
            .checked_sub(1)
            .map_or(self.first, |last| self.changes[last].1)
    }
}

/// `CET-1CEST,M3.5.0,M10.5.0/3` for the years 2000 to 2040.
fn posix(rule: &str) -> Vec<(i64, i64)> {
    let mut parts = rule.split(',');
    let names = parts.next().unwrap();
    let (Some(start), Some(end)) = (parts.next(), parts.next()) else {
        return Vec::new();
    };
    let (standard, summer) = offsets(names);
    let mut changes = Vec::new();
    for year in 2000..2040 {
        changes.push((moment(start, year) - standard, summer));
        changes.push((moment(end, year) - summer, standard));
    }
    changes.sort_unstable();
    changes
}

/// The two offsets of `CET-1CEST` or `<+1030>-10:30<+11>-11`.
fn offsets(names: &str) -> (i64, i64) {
    let mut found = Vec::new();
    let mut rest = names;
    while !rest.is_empty() {
        let name_end = if rest.starts_with('<') {
            rest.find('>').unwrap() + 1
        } else {
            rest.find(|c: char| !c.is_alphabetic())
                .unwrap_or(rest.len())
        };
        rest = &rest[name_end..];
        let end = rest
            .find(|c: char| c.is_alphabetic() || c == '<')
            .unwrap_or(rest.len());
        found.push((!rest[..end].is_empty()).then(|| -time(&rest[..end])));
        rest = &rest[end..];
    }
    let standard = found[0].unwrap();
    (standard, found[1].unwrap_or(standard + 3600))
}

/// `3`, `-1`, `10:30`.
fn time(text: &str) -> i64 {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let parts = text.trim_start_matches(['-', '+']).split(':');
    let seconds: i64 = parts
        .zip([3600, 60, 1])
        .map(|(part, unit)| part.parse::<i64>().unwrap() * unit)
        .sum();
    sign * seconds
}

/// `M3.5.0/2` in a year, on the clock.
fn moment(text: &str, year: i64) -> i64 {
    let (date, clock) = text.split_once('/').unwrap_or((text, "2"));
    let mut parts = date[1..]
        .split('.')
        .map(|part| part.parse::<i64>().unwrap());
    let (month, week, weekday) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    let days: Vec<i64> = (days_before(year)..days_before(year + 1))
        .filter(|day| {
            let (_, of_month, _) = date_of(*day);
            // 1970-01-01 was a Thursday, and Sunday is 0 here.
            of_month == month && (day + 4).rem_euclid(7) == weekday
        })
        .collect();
    let index = usize::try_from(week - 1).unwrap().min(days.len() - 1);
    days[index] * 86_400 + time(clock)
}

/// Days from 1970 to the beginning of a year, counted year by year.
fn days_before(year: i64) -> i64 {
    (1970..year).map(length_of).sum()
}

fn length_of(year: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    365 + i64::from(is_leap)
}

/// Year, month and day of the month, counted month by month.
pub(crate) fn date_of(day: i64) -> (i64, i64, i64) {
    let (mut year, mut rest) = (1970, day);
    while rest >= length_of(year) {
        rest -= length_of(year);
        year += 1;
    }
    let february = length_of(year) - 337;
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    for (month, length) in (1..).zip(lengths) {
        if rest < length {
            return (year, month, rest + 1);
        }
        rest -= length;
    }
    unreachable!("a year has twelve months")
}
