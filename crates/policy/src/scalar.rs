//! Readers of single values: texts, names, numbers, spans, shares, selectors, commands, and lists of them.
//!
//! Each takes what is written literally; none guesses a type from the look of a text.

use ringway_model::{Selector, Share, Span, Timestamp};

use crate::elements::clock;
use crate::fields::{Cx, Fields, Named, found, nearest, not_supported};
use crate::problem::{Code, Report};
use crate::shape::Shape;
use crate::validated::{Amount, Command};
use crate::yaml::{Node, Place, Value};

/// The scalar at `node`; anything else, and nothing, is a problem.
fn scalar<'n>(cx: &Cx<'_>, node: &'n Node<'_>, what: &str) -> Option<(&'n str, bool)> {
    match &node.value {
        Value::Scalar { text, plain } => {
            if *plain && matches!(text.as_ref(), "" | "~" | "null") {
                let message = format!("expected {what}, found nothing");
                let hint = "leave the key out, or quote a text that reads like nothing";
                return cx.fail(Code::WrongType, node.place, message, hint);
            }
            Some((text, *plain))
        }
        Value::List(_) | Value::Map { .. } => {
            let message = format!("expected {what}, found {}", found(node));
            let is_braces = matches!(node.value, Value::Map { flow: true, .. });
            let hint = if is_braces {
                "quote a text that begins with `{`"
            } else {
                "write one value"
            };
            cx.fail(Code::WrongType, first_line(cx, node.place), message, hint)
        }
    }
}

/// The place, cut to its first line.
pub(crate) fn first_line(cx: &Cx<'_>, place: Place) -> Place {
    let text = cx.text.get(place.start..place.end).unwrap_or("");
    let len = text.lines().next().map_or(0, str::len);
    Place {
        end: place.start + len,
        ..place
    }
}

/// A text, as written.
pub(crate) fn text(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let (text, _) = scalar(cx, node, "a text")?;
    if text.contains('\0') {
        let hint = "no command and no file can contain one";
        return cx.fail(
            Code::BadValue,
            node.place,
            "the text contains a NUL".to_owned(),
            hint,
        );
    }
    Some(text.to_owned())
}

/// A text of one line that is not empty: a value of a label, an id, a build.
pub(crate) fn value(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let text = text(cx, node)?;
    if text.trim().is_empty() {
        return cx.fail(
            Code::BadValue,
            node.place,
            "the text is empty".to_owned(),
            "give it a value",
        );
    }
    if text.chars().any(char::is_control) {
        let message = "the value has more than one line, or control characters".to_owned();
        return cx.fail(Code::BadValue, node.place, message, "write it on one line");
    }
    Some(text)
}

/// A text of one line that may be a label in braces, which YAML takes for a mapping where nobody quotes it.
pub(crate) fn braced_value(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    if let Value::Map {
        entries,
        flow: true,
    } = &node.value
        && let [only] = entries.as_slice()
        && only.value.is_empty()
    {
        let message = format!("`{{{}}}` without quotes is a mapping", only.key);
        let hint = format!("quote it: `\"{{{}}}\"`", only.key);
        return cx.fail(Code::WrongType, node.place, message, &hint);
    }
    value(cx, node)
}

/// Whether a text is a name everywhere: in selectors, commands, file names and on a terminal.
pub(crate) fn is_name(text: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '@' | '+');
    text.chars().next().is_some_and(char::is_alphanumeric)
        && text.chars().all(word)
        && text.len() <= 200
}

/// A name.
pub(crate) fn name(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let (text, _) = scalar(cx, node, "a name")?;
    check_name(cx, text, node.place)
}

/// A name that stands as a key or a value.
pub(crate) fn check_name(cx: &Cx<'_>, text: &str, place: Place) -> Option<String> {
    if is_name(text) {
        return Some(text.to_owned());
    }
    let shown: String = text.chars().take(60).collect();
    let hint = "a name begins with a letter or digit and has only letters, digits and `-_.:@+`";
    cx.fail(
        Code::BadName,
        place,
        format!("`{shown}` cannot be a name"),
        hint,
    )
}

/// The name something gets.
pub(crate) fn defined(what: Named) -> impl Fn(&Cx<'_>, &Node<'_>) -> Option<String> {
    move |cx, node| {
        let name = name(cx, node)?;
        cx.define(what, &name, node.place);
        Some(name)
    }
}

/// The name of something that must be there.
pub(crate) fn reference(to: Named) -> impl Fn(&Cx<'_>, &Node<'_>) -> Option<String> {
    move |cx, node| {
        let name = name(cx, node)?;
        cx.refer(to, &name, node.place);
        Some(name)
    }
}

/// The name of a label that some host must have.
pub(crate) fn label(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let (text, _) = scalar(cx, node, "the name of a label")?;
    cx.label(text, node.place);
    Some(text.to_owned())
}

/// A whole number from `least` to `most`.
pub(crate) fn number(least: u32, most: u32) -> impl Fn(&Cx<'_>, &Node<'_>) -> Option<u32> {
    move |cx, node| {
        let (text, _) = scalar(cx, node, "a whole number")?;
        let is_plain = text == "0" || (!text.starts_with('0') && is_digits(text));
        let number = text.parse::<u32>().ok().filter(|_| is_plain);
        let (message, hint) = match number {
            Some(number) if number < least => (
                format!("`{text}` is too small"),
                format!("write at least {least}"),
            ),
            Some(number) if number > most => (
                format!("`{text}` is too large"),
                format!("write at most {most}"),
            ),
            Some(number) => return Some(number),
            None if is_plain => (
                format!("`{text}` is too large"),
                format!("write at most {most}"),
            ),
            None => {
                let hint = format!("write digits only, for example `{}`", least.max(1));
                (format!("`{text}` is not a whole number"), hint)
            }
        };
        cx.fail(Code::BadValue, node.place, message, &hint)
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `yes` or `no`.
pub(crate) fn flag(cx: &Cx<'_>, node: &Node<'_>) -> Option<bool> {
    match scalar(cx, node, "`yes` or `no`")? {
        ("yes" | "true" | "Yes" | "True", _) => Some(true),
        ("no" | "false" | "No" | "False", _) => Some(false),
        (text, _) => {
            let message = format!("`{text}` is neither `yes` nor `no`");
            cx.fail(Code::BadValue, node.place, message, "write `yes` or `no`")
        }
    }
}

/// A length of time of at least `least`.
pub(crate) fn span_from(least: Span) -> impl Fn(&Cx<'_>, &Node<'_>) -> Option<Span> {
    move |cx, node| {
        let (text, _) = scalar(cx, node, "a length of time")?;
        let Ok(span) = text.parse::<Span>() else {
            let hint = if is_digits(text.trim()) {
                format!("of what? for example `{0}s`, `{0}m`, `{0}h`", text.trim())
            } else if let Some(meant) = meant_span(text) {
                format!("write `{meant}`")
            } else {
                "for example `90s`, `30m`, `4h`, `2d` or `1h30m`".to_owned()
            };
            let message = format!("`{text}` is not a length of time");
            return cx.fail(Code::BadSpan, node.place, message, &hint);
        };
        if span < least {
            let message = format!("`{text}` is too short: the least is `{least}`");
            return cx.fail(Code::BadSpan, node.place, message, "give it more time");
        }
        Some(span)
    }
}

/// A length of time with its unit in words, as it is written here: `2d` for `2 days`, `14d` for `2w`.
fn meant_span(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u32 = text[..digits].parse().ok()?;
    let (unit, times) = match text[digits..].trim().to_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => ("s", 1),
        "m" | "min" | "mins" | "minute" | "minutes" => ("m", 1),
        "h" | "hr" | "hrs" | "hour" | "hours" => ("h", 1),
        "d" | "day" | "days" => ("d", 1),
        "w" | "wk" | "week" | "weeks" => ("d", 7),
        _ => return None,
    };
    let meant = format!("{}{unit}", number.checked_mul(times)?);
    meant.parse::<Span>().is_ok().then_some(meant)
}

/// A length of time; none at all is one.
pub(crate) fn span(cx: &Cx<'_>, node: &Node<'_>) -> Option<Span> {
    span_from(Span::ZERO)(cx, node)
}

/// A share.
pub(crate) fn share(cx: &Cx<'_>, node: &Node<'_>) -> Option<Share> {
    let (text, _) = scalar(cx, node, "a share")?;
    if let Ok(share) = text.parse::<Share>() {
        return Some(share);
    }
    let hint = match (text.trim().parse::<u32>(), meant_share(text)) {
        (Ok(number), _) if number <= 100 => format!("write `{number}%`"),
        (_, Some(meant)) => format!("write `{meant}`"),
        _ => "for example `5%` or `0.5%`; at most four digits after the point".to_owned(),
    };
    let message = format!("`{text}` is not a share between 0% and 100%");
    cx.fail(Code::BadShare, node.place, message, &hint)
}

/// A fraction of one as the share that it is: `75%` for `0.75`.
fn meant_share(text: &str) -> Option<String> {
    let digits = text
        .trim()
        .strip_prefix("0.")
        .filter(|text| is_digits(text))?;
    let digits = format!("{digits:0<2}");
    let (whole, rest) = digits.split_at(2);
    let (whole, rest): (u32, _) = (whole.parse().ok()?, rest.trim_end_matches('0'));
    let point = if rest.is_empty() { "" } else { "." };
    let meant = format!("{whole}{point}{rest}%");
    meant.parse::<Share>().is_ok().then_some(meant)
}

/// A share of more than nothing.
pub(crate) fn some_share(cx: &Cx<'_>, node: &Node<'_>) -> Option<Share> {
    let share = share(cx, node)?;
    if share.millionths() == 0 {
        let message = "a share of nothing".to_owned();
        return cx.fail(Code::BadShare, node.place, message, "write more than `0%`");
    }
    Some(share)
}

/// A number of hosts or a share, of more than nothing.
pub(crate) fn amount(cx: &Cx<'_>, node: &Node<'_>) -> Option<Amount> {
    let (text, _) = scalar(cx, node, "a number of hosts or a share")?;
    if text.contains('%') {
        return some_share(cx, node).map(Amount::Share);
    }
    match text.parse::<u32>() {
        Ok(count) if count > 0 => Some(Amount::Count(count)),
        _ => {
            let message = format!("`{text}` is neither a number of hosts nor a share");
            let hint = meant_share(text).map_or_else(
                || "for example `3` or `5%`".to_owned(),
                |meant| format!("write `{meant}`"),
            );
            cx.fail(Code::BadValue, node.place, message, &hint)
        }
    }
}

/// An instant in the years that can be written, to the second: told again it must be the same one.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    const FIRST: i64 = -62_135_596_800;
    let instant = text.parse::<jiff::Timestamp>().ok()?;
    let is_told = instant.subsec_nanosecond() == 0 && instant.as_second() >= FIRST;
    is_told.then(|| Timestamp(instant.as_millisecond()))
}

/// An instant.
pub(crate) fn time(cx: &Cx<'_>, node: &Node<'_>) -> Option<Timestamp> {
    let (text, _) = scalar(cx, node, "an instant")?;
    match instant(text) {
        Some(instant) => Some(instant),
        None if clock::is_no_day(text) => {
            let message = format!("`{}` is a day that does not exist", &text[..10]);
            cx.fail(Code::BadValue, node.place, message, "look at the calendar")
        }
        None => cx.fail(
            Code::BadValue,
            node.place,
            format!("`{text}` is not an instant"),
            "write date, time and zone, for example `2026-04-14T17:00:00Z`",
        ),
    }
}

/// One of some words.
pub(crate) fn word<T: Copy>(
    words: &'static [(&'static str, T)],
    later: &'static [(&'static str, &'static str)],
) -> impl Fn(&Cx<'_>, &Node<'_>) -> Option<T> {
    move |cx, node| {
        let all = || words.iter().map(|(word, _)| *word);
        let listed = || format!("`{}`", all().collect::<Vec<_>>().join("`, `"));
        let (text, _) = scalar(cx, node, &format!("one of {}", listed()))?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        if let Some((_, about)) = later.iter().find(|(word, _)| *word == text) {
            cx.report(not_supported(&format!("`{text}`"), about, node.place));
            return None;
        }
        let hint = nearest(text, all()).map(|word| format!("did you mean `{word}`?"));
        let message = format!("`{text}` is not one of {}", listed());
        cx.report(Report::new(Code::BadValue, node.place, message).maybe_hint(hint));
        None
    }
}

/// A selector; its labels are noted.
pub(crate) fn selector(cx: &Cx<'_>, node: &Node<'_>) -> Option<Selector> {
    let text = match &node.value {
        Value::Scalar { text, .. } if !node.is_empty() => text,
        Value::List(_) | Value::Map { .. } => {
            let message = format!("expected a selector, found {}", found(node));
            let hint = "quote the selector, or use `and`: for example `role = web and env = prod`";
            return cx.fail(
                Code::SelectorInFlow,
                first_line(cx, node.place),
                message,
                hint,
            );
        }
        Value::Scalar { .. } => {
            let message = "expected a selector, found nothing".to_owned();
            return cx.fail(
                Code::BadSelector,
                node.place,
                message,
                "for example `role = web`, or `all`",
            );
        }
    };
    match Selector::parse(text) {
        Ok(selector) => {
            cx.selector(&selector, node);
            Some(selector)
        }
        Err(error) => {
            let place = cx.inside(node, error.at, error.len);
            let report =
                Report::new(Code::BadSelector, place, error.message).maybe_hint(error.hint);
            cx.report(report);
            None
        }
    }
}

/// A command.
pub(crate) fn command(cx: &Cx<'_>, node: &Node<'_>) -> Option<Command> {
    const HINT: &str = "a text for the shell, or a list: the program and its arguments";
    match &node.value {
        Value::List(items) if items.is_empty() => cx.fail(
            Code::BadValue,
            node.place,
            "the command is empty".to_owned(),
            HINT,
        ),
        Value::List(_) => {
            let words = list(cx, node, text)?;
            if words[0].trim().is_empty() {
                return cx.fail(
                    Code::BadValue,
                    node.place,
                    "the program is empty".to_owned(),
                    HINT,
                );
            }
            Some(Command::Program(words))
        }
        Value::Map { .. } => {
            let message = "expected a command, found a mapping".to_owned();
            cx.fail(Code::WrongType, first_line(cx, node.place), message, HINT)
        }
        Value::Scalar { .. } => {
            let text = text(cx, node)?;
            if text.trim().is_empty() {
                return cx.fail(
                    Code::BadValue,
                    node.place,
                    "the command is empty".to_owned(),
                    HINT,
                );
            }
            Some(Command::Shell(text))
        }
    }
}

/// A list; every bad item is a problem of its own.
pub(crate) fn list<'n, 's, 'a, T>(
    cx: &Cx<'a>,
    node: &'n Node<'s>,
    read: impl Fn(&Cx<'a>, &'n Node<'s>) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::List(items) = &node.value else {
        let message = format!("expected a list, found {}", found(node));
        let hint = "write `[a, b]`, or one item per line, each after `- `";
        return cx.fail(Code::WrongType, first_line(cx, node.place), message, hint);
    };
    let read: Vec<Option<T>> = items.iter().map(|item| read(cx, item)).collect();
    read.into_iter().collect()
}

/// One value, or a list of at least one.
pub(crate) fn one_or_more<'n, 's, 'a, T>(
    cx: &Cx<'a>,
    node: &'n Node<'s>,
    read: impl Fn(&Cx<'a>, &'n Node<'s>) -> Option<T>,
) -> Option<Vec<T>> {
    match &node.value {
        Value::List(items) if items.is_empty() => {
            let message = "the list is empty".to_owned();
            let hint = "name something, or leave the key out";
            cx.fail(Code::BadValue, node.place, message, hint)
        }
        Value::List(_) => list(cx, node, read),
        Value::Scalar { .. } | Value::Map { .. } => Some(vec![read(cx, node)?]),
    }
}

/// A list that says nothing twice, and something.
pub(crate) fn names<'n, 's, 'a>(
    cx: &Cx<'a>,
    node: &'n Node<'s>,
    read: impl Fn(&Cx<'a>, &'n Node<'s>) -> Option<String>,
) -> Option<Vec<String>> {
    let names = list(cx, node, read)?;
    if names.is_empty() {
        let message = "the list is empty".to_owned();
        return cx.fail(
            Code::BadValue,
            node.place,
            message,
            "name something, or leave the key out",
        );
    }
    let Value::List(items) = &node.value else {
        return None;
    };
    for (i, name) in names.iter().enumerate() {
        if names[..i].contains(name) {
            let message = format!("`{name}` is in the list twice");
            return cx.fail(Code::DuplicateName, items[i].place, message, "name it once");
        }
    }
    Some(names)
}

/// A mapping from names to values. Keys are given to `read` with their place.
pub(crate) fn map<'n, 's, 'a, T>(
    cx: &Cx<'a>,
    node: &'n Node<'s>,
    what: &str,
    read: impl Fn(&Cx<'a>, &'n str, Place, &'n Node<'s>) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::Map { entries, .. } = &node.value else {
        let message = format!("expected {what} by name, found {}", found(node));
        let hint = "write `name: value`, one per line, or in `{ }` with commas";
        return cx.fail(Code::WrongType, first_line(cx, node.place), message, hint);
    };
    let read: Vec<Option<T>> = entries
        .iter()
        .map(|e| read(cx, e.key.as_ref(), e.key_place, &e.value))
        .collect();
    read.into_iter().collect()
}

/// Exactly one of these keys.
pub(crate) fn exactly_one(
    fields: &Fields<'_, '_, '_, '_>,
    keys: &[&'static str],
) -> Option<&'static str> {
    let present: Vec<&'static str> = keys
        .iter()
        .copied()
        .filter(|key| fields.get(key).is_some())
        .collect();
    match present.as_slice() {
        [one] => Some(one),
        // A key that is not known has been reported, and is meant to be one of them.
        [] if fields.has_unknown() => None,
        [] => {
            let message = format!("{} has none of `{}`", fields.title(), keys.join("`, `"));
            let report = Report::new(Code::MissingKey, fields.start(), message);
            fields
                .cx
                .report(report.hint("set exactly one of them").absent());
            None
        }
        [first, second, ..] => {
            let message = format!("{} has both `{first}` and `{second}`", fields.title());
            let place = fields.key_place(second);
            fields.cx.fail(
                Code::KeyConflict,
                place,
                message,
                "keep exactly one of them",
            )
        }
    }
}

/// An element without keys, or nothing.
pub(crate) fn nothing(cx: &Cx<'_>, shape: &'static Shape, node: &Node<'_>) -> Option<()> {
    if node.is_empty() {
        return Some(());
    }
    Fields::open(cx, shape, node).map(|_| ())
}
