//! From values to places on a picture, in whole tenths of a pixel: the same on every machine. Pure.

use std::fmt;

use ringway_model::Span;

/// A length on the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tenths(pub(super) i64);

impl Tenths {
    /// Whole pixels.
    pub(super) const fn px(pixels: i64) -> Self {
        Self(pixels * 10)
    }

    /// So many pixels further.
    pub(super) const fn plus(self, pixels: i64) -> Self {
        Self(self.0 + pixels * 10)
    }
}

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.abs() / 10, self.0.abs() % 10);
        if part == 0 {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{part}")
        }
    }
}

/// From 0 to `most` on a stretch of the picture. `to` may lie before `from`: upwards is towards smaller numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) most: u64,
    from: i64,
    to: i64,
}

impl Scale {
    /// Of a stretch between two pixels.
    pub(super) fn new(most: u64, from: i64, to: i64) -> Self {
        Self {
            most: most.max(1),
            from,
            to,
        }
    }

    /// Where a value lies.
    pub(super) fn at(self, value: u64) -> Tenths {
        let value = i128::from(value.min(self.most));
        let length = i128::from((self.to - self.from) * 10);
        let offset = value * length / i128::from(self.most);
        Tenths(self.from * 10 + i64::try_from(offset).unwrap_or(0))
    }
}

/// The smallest round number above a value, and round steps up to it.
pub(super) fn round_steps(most: u64, at_most: u64) -> (u64, Vec<u64>) {
    let most = most.max(1);
    let mut step: u64 = 1;
    'found: loop {
        for times in [1, 2, 5] {
            let candidate = step.saturating_mul(times);
            if most.div_ceil(candidate) <= at_most {
                step = candidate;
                break 'found;
            }
        }
        step = step.saturating_mul(10);
    }
    let count = most.div_ceil(step);
    let steps = (0..=count).map(|n| n.saturating_mul(step)).collect();
    (count.saturating_mul(step), steps)
}

/// Round steps of time within a span, at most eight.
pub(super) fn time_steps(most: Span) -> Vec<(Span, String)> {
    const MINUTES: [u64; 17] = [
        1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 5760, 10_080, 20_160, 40_320,
    ];
    let minutes = most.millis() / 60_000;
    let step = MINUTES.into_iter().find(|step| minutes / step <= 8);
    let step = step.unwrap_or(minutes / 8 + 1);
    (0..=minutes / step)
        .map(|n| {
            let at = n * step;
            let (days, hours, left) = (at / 1440, at / 60 % 24, at % 60);
            let word = if at == 0 {
                "0".to_owned()
            } else if step >= 1440 {
                format!("{days}d")
            } else if minutes >= 1440 {
                format!("{days}d {hours:02}:{left:02}")
            } else {
                format!("{:02}:{left:02}", at / 60)
            };
            (Span::minutes(at), word)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_on_their_stretch_and_never_beyond_it() {
        let up = Scale::new(200, 100, 0);
        assert_eq!(up.at(0).to_string(), "100");
        assert_eq!(up.at(50).to_string(), "75");
        assert_eq!(up.at(1).to_string(), "99.5");
        assert_eq!(up.at(900).to_string(), "0");
        assert_eq!(Scale::new(0, 0, 10).at(0).to_string(), "0");
        assert_eq!(Tenths(-15).to_string(), "-1.5");
    }

    #[test]
    fn steps_are_round_and_reach_the_largest_value() {
        for (most, end, steps) in [
            (0, 1, 2),
            (7, 8, 5),
            (23, 25, 6),
            (100, 100, 6),
            (101, 150, 4),
        ] {
            let (reached, all) = round_steps(most, 5);
            assert_eq!((reached, all.len()), (end, steps), "{most}");
        }
        assert_eq!(round_steps(u64::MAX / 2, 5).1.len(), 6);
        let words =
            |span| -> Vec<String> { time_steps(span).into_iter().map(|(_, word)| word).collect() };
        assert_eq!(
            words(Span::minutes(10)),
            ["0", "00:02", "00:04", "00:06", "00:08", "00:10"]
        );
        assert_eq!(
            words(Span::hours(30)),
            [
                "0", "0d 04:00", "0d 08:00", "0d 12:00", "0d 16:00", "0d 20:00", "1d 00:00",
                "1d 04:00"
            ]
        );
        assert_eq!(
            words(Span::hours(24 * 5)),
            ["0", "1d", "2d", "3d", "4d", "5d"]
        );
        assert_eq!(words(Span::ZERO), ["0"]);
    }
}
