//! Numbers, instants and results in words.

use std::fmt::{self, Write as _};

use ringway_model::{ChangeId, RolloutId, Span, StepResult, Timestamp};

/// Adds to a text.
pub(crate) fn put(text: &mut String, more: fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a string takes every text");
}

/// A rollout as it is named everywhere: `r1`, or with its ticket `r1 [CHG0012345]`.
pub(crate) fn named(rollout: RolloutId, change: Option<&ChangeId>) -> String {
    change.map_or_else(
        || rollout.to_string(),
        |change| format!("{rollout} [{change}]"),
    )
}

/// `1 host`, `5 hosts`.
pub(crate) fn hosts(count: u32) -> String {
    if count == 1 {
        "1 host".to_owned()
    } else {
        format!("{count} hosts")
    }
}

/// A span as people say it: the two largest units that matter.
pub(crate) fn in_words(span: Span) -> String {
    let seconds = span.millis().div_ceil(1000);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let second = seconds % 60;
    let two = |large: u64, unit: &str, small: u64, smaller: &str| {
        if small == 0 {
            format!("{large}{unit}")
        } else {
            format!("{large}{unit} {small}{smaller}")
        }
    };
    if days > 0 {
        two(days, "d", hours, "h")
    } else if hours > 0 {
        two(hours, "h", minutes, "m")
    } else if minutes > 0 {
        two(minutes, "m", second, "s")
    } else {
        format!("{second}s")
    }
}

/// An instant from now: `2026-04-14T17:00:00Z (in 3h 12m)`.
pub(crate) fn until(now: Timestamp, at: Timestamp) -> String {
    if at <= now {
        format!("{at} (now)")
    } else {
        format!("{at} (in {})", in_words(at.since(now)))
    }
}

/// The same of what should have been by then: `2026-04-14T17:00:00Z (3h 12m ago)`.
pub(crate) fn due(now: Timestamp, at: Timestamp) -> String {
    if at < now {
        format!("{at} ({} ago)", in_words(now.since(at)))
    } else {
        until(now, at)
    }
}

/// The same of something that ends by itself, which is carried out by whoever decides: where nobody does, it is still there.
pub(crate) fn ends(now: Timestamp, at: Timestamp) -> String {
    if at <= now {
        format!("{at} (over; it ends when it runs next)")
    } else {
        until(now, at)
    }
}

/// How a step ended.
pub(super) fn result_words(result: &StepResult) -> String {
    match result {
        StepResult::Done => "done".to_owned(),
        StepResult::Found {
            installed: true, ..
        } => "found the release there".to_owned(),
        StepResult::Found {
            installed: false,
            previous,
        } => previous.as_ref().map_or_else(
            || "found another release".to_owned(),
            |had| format!("found {had}"),
        ),
        StepResult::Back { restarts } => format!("back after {restarts} restarts"),
        StepResult::Failed(why) => format!("FAILED: {}", why.words()),
        StepResult::Unreachable => "unreachable".to_owned(),
        StepResult::Interrupted => "interrupted".to_owned(),
        StepResult::NotStarted => "not started".to_owned(),
        StepResult::Protected { name } => format!("made {name}"),
        StepResult::Answered { yes: true } => "yes".to_owned(),
        StepResult::Answered { yes: false } => "no".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_is_not_due_now() {
        let now = Timestamp(1_776_186_000_000);
        for (at, words) in [
            (
                Timestamp(now.0 - 11_520_000),
                "2026-04-14T13:48:00Z (3h 12m ago)",
            ),
            (now, "2026-04-14T17:00:00Z (now)"),
            (now + Span::hours(1), "2026-04-14T18:00:00Z (in 1h)"),
        ] {
            assert_eq!(due(now, at), words);
        }
    }

    #[test]
    fn spans_are_said_with_the_two_units_that_matter() {
        for (millis, words) in [
            (0, "0s"),
            (1, "1s"),
            (59_000, "59s"),
            (60_000, "1m"),
            (90_500, "1m 31s"),
            (3_600_000, "1h"),
            (11_520_000, "3h 12m"),
            (90_000_000, "1d 1h"),
        ] {
            assert_eq!(in_words(Span(millis)), words);
        }
    }
}
