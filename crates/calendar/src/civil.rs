//! Days of the Gregorian calendar as numbers, and what a clock shows as seconds.
//!
//! A rule is followed on these numbers as if there were no zones; only the result is asked of a zone. So nothing here
//! can be wrong about summer time.

use ringway_policy::validated::{Date, LocalTime, Weekday};

pub(crate) const DAY: i64 = 86_400;

/// A day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) i64);

/// What a clock shows: seconds since 1970-01-01 00:00 on that clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Local(pub(crate) i64);

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Month {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: i64,
}

impl Day {
    /// The day of a year, month and day of the month, the last of which may lie outside of the month
    /// (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`).
    pub(crate) fn of(year: i64, month: i64, day: i64) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted = (month + 9) % 12;
        let day_of_year = (153 * shifted + 2) / 5;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(era * 146_097 + day_of_era - 719_468 + day - 1)
    }

    pub(crate) fn on(date: Date) -> Self {
        Self::of(
            i64::from(date.year),
            i64::from(date.month),
            i64::from(date.day),
        )
    }

    /// Its month, and its day of the month (as above, `civil_from_days`).
    pub(crate) fn civil(self) -> (Month, i64) {
        let shifted = self.0 + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
        let month = if month_shifted < 10 {
            month_shifted + 3
        } else {
            month_shifted - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (Month { year, month }, day)
    }

    pub(crate) fn weekday(self) -> Weekday {
        // 1970-01-01 was a Thursday.
        let number = (self.0 + 3).rem_euclid(7);
        Weekday::of_number(u8::try_from(number).expect("less than seven"))
    }

    pub(crate) const fn plus(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// What the clock shows so many seconds after its midnight.
    pub(crate) const fn at(self, seconds: i64) -> Local {
        Local(self.0 * DAY + seconds)
    }
}

impl Local {
    pub(crate) fn of(time: LocalTime) -> Self {
        Day::on(time.date).at(i64::from(time.time.seconds()))
    }

    pub(crate) const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY))
    }

    /// Seconds since midnight.
    pub(crate) const fn time(self) -> i64 {
        self.0.rem_euclid(DAY)
    }
}

impl Month {
    /// Counted from January of year 0.
    pub(crate) const fn number(self) -> i64 {
        self.year * 12 + self.month - 1
    }

    pub(crate) const fn of_number(number: i64) -> Self {
        Self {
            year: number.div_euclid(12),
            month: number.rem_euclid(12) + 1,
        }
    }

    pub(crate) fn first(self) -> Day {
        Day::of(self.year, self.month, 1)
    }

    /// How many days it has.
    pub(crate) fn length(self) -> i64 {
        Self::of_number(self.number() + 1).first().0 - self.first().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library that is used for zones counts days another way.
    #[test]
    fn days_are_those_of_the_calendar() {
        let mut date = jiff::civil::date(1896, 2, 27);
        let mut day = Day::of(1896, 2, 27);
        while date.year() < 2105 {
            let (month, of_month) = day.civil();
            assert_eq!(
                (month.year, month.month, of_month),
                (
                    i64::from(date.year()),
                    i64::from(date.month()),
                    i64::from(date.day())
                )
            );
            assert_eq!(Day::of(month.year, month.month, of_month), day);
            assert_eq!(month.length(), i64::from(date.days_in_month()));
            assert_eq!(
                i64::from(day.weekday().number()),
                i64::from(date.weekday().to_monday_zero_offset())
            );
            date = date.tomorrow().unwrap();
            day = day.plus(1);
        }
        assert_eq!(Day::of(1970, 1, 1), Day(0));
    }
}
