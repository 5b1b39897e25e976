//! Numbers, spans and instants as this command says them. Pure.

use ringway_model::{Span, Timestamp};

/// A span as a clock that runs from the beginning: ` 1d 04:12:07`.
pub(super) fn clock(span: Span) -> String {
    let seconds = span.millis() / 1000;
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let days = if days > 0 {
        format!("{days}d")
    } else {
        String::new()
    };
    format!(
        "{days:>4} {hours:02}:{:02}:{:02}",
        seconds / 60 % 60,
        seconds % 60
    )
}

/// An instant without its year, which the heading says: `01-08 13:05`.
pub(super) fn date(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(5..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        (_, _) => text,
    }
}

/// An instant to the minute: `2026-01-08 13:05`.
pub(super) fn full_date(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..16)
        .map_or_else(|| text.clone(), |text| text.replace('T', " "))
}

/// `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Thousandths as a number: `2.5`, `0.012`; as few places as say something.
pub(super) fn milli(thousandths: u64) -> String {
    let (whole, part) = (thousandths / 1000, thousandths % 1000);
    if whole >= 100 {
        grouped((thousandths + 500) / 1000)
    } else if whole >= 1 {
        let tenths = (thousandths + 50) / 100;
        format!("{}.{}", tenths / 10, tenths % 10)
    } else {
        format!("{whole}.{part:03}")
    }
}

/// Millionths as a number; what is too small to be shown is said to be there.
pub(super) fn micro(millionths: u64) -> String {
    match millionths {
        1..500 => "<0.001".to_owned(),
        _ => milli((millionths + 500) / 1000),
    }
}

/// A part of a whole in percent, to a tenth where it is small: `0.4%`, `37%`.
pub(super) fn percent(part: u64, of: u64) -> String {
    if of == 0 {
        return "-".to_owned();
    }
    let thousandths = (part * 1000 + of / 2) / of;
    if part > 0 && thousandths == 0 {
        "<0.1%".to_owned()
    } else if (1..100).contains(&thousandths) {
        format!("{}.{}%", thousandths / 10, thousandths % 10)
    } else {
        format!("{}%", (part * 100 + of / 2) / of)
    }
}

/// The first names, and how many more there are.
pub(super) fn some<T: AsRef<str>>(names: &[T], at_most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(at_most).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(at_most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_places_as_say_something() {
        assert_eq!(clock(Span::seconds(4 * 3600 + 727)), "     04:12:07");
        assert_eq!(clock(Span::hours(28)), "  1d 04:00:00");
        let at = Timestamp(1_767_603_600_000);
        assert_eq!(date(at), "01-05 09:00");
        assert_eq!(full_date(at), "2026-01-05 09:00");
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
        for (number, text) in [(0, "0.000"), (12, "0.012"), (2549, "2.5"), (123_456, "123")] {
            assert_eq!(milli(number), text);
        }
        assert_eq!(micro(12), "<0.001");
        assert_eq!(micro(20_000), "0.020");
        for (part, of, text) in [
            (0, 9, "0%"),
            (1, 3000, "<0.1%"),
            (4, 1000, "0.4%"),
            (37, 100, "37%"),
            (1, 0, "-"),
        ] {
            assert_eq!(percent(part, of), text, "{part} of {of}");
        }
        assert_eq!(some(&["a", "b", "c"], 2), "a, b and 1 more");
    }
}
