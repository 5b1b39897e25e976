//! What two policies say about when work may run, and by when it is to be done, in words.

use std::collections::{BTreeMap, BTreeSet};

use ringway_policy::validated::{Binding, Freeze, Frozen};

use super::parts::Terms;
use super::render::{change, windows};
use crate::text::Text;
use crate::words::push;

pub(super) fn render(text: &mut Text, old: &Terms, new: &Terms) {
    if old.windows != new.windows {
        let both = change(&windows(&old.windows), &windows(&new.windows));
        text.entry("windows", &both);
    }
    for (name, before, after) in differ(&old.freezes, &new.freezes) {
        let both = match (before, after) {
            (None, Some(new)) => format!("is new: {}", freeze(new)),
            (Some(old), None) => format!("is gone: {}", freeze(old)),
            (Some(old), Some(new)) => change(&freeze(old), &freeze(new)),
            (None, None) => continue,
        };
        text.entry("freeze", &format!("`{name}` {both}"));
    }
    for (severity, before, after) in differ(&old.due_ms, &new.due_ms) {
        let words = |within: Option<&ringway_model::Span>| {
            within.map_or_else(|| "no date".to_owned(), |within| format!("within {within}"))
        };
        let both = change(&words(before), &words(after));
        text.entry("due", &format!("`{severity}`: {both}"));
    }
}

/// What is not the same in both, by name.
fn differ<'a, T: PartialEq>(
    old: &'a BTreeMap<String, T>,
    new: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = (&'a String, Option<&'a T>, Option<&'a T>)> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let all = names.into_iter();
    let all = all.map(|name| (name, old.get(name), new.get(name)));
    all.filter(|(_, before, after)| before != after)
}

fn freeze(freeze: &Freeze) -> String {
    let Freeze {
        select,
        reason,
        zone,
        when,
        binding,
    } = freeze;
    let mut words = match when {
        Frozen::Between { from, until } => format!("from {from} until {until}"),
        Frozen::Events {
            file,
            digest,
            events,
        } => format!("{} events of `{file}` ({})", events.len(), digest.short()),
    };
    if let Some(zone) = zone {
        push(&mut words, format_args!(" ({zone})"));
    }
    push(&mut words, format_args!(" on {select}"));
    match binding {
        Binding::Always => words.push_str(", for everybody"),
        Binding::Usual => {}
    }
    if let Some(reason) = reason {
        push(&mut words, format_args!(", {reason}"));
    }
    words
}
