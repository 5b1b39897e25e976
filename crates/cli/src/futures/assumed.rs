//! What an answer rests on, and where each of it comes from: a default, or a line of the world. Pure.

use ringway_model::{Span, StepKind};
use ringway_policy::validated::{AfterHalt, ShareRange, SpanRange, World};
use serde::Serialize;

use super::question::Question;
use crate::show::{in_words, put};

/// One assumption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Assumption {
    /// What about.
    pub(super) what: String,
    /// What is assumed.
    pub(super) value: String,
    /// `default`, or where it is written.
    pub(super) from: String,
}

/// Everything an answer rests on. `kinds` are the kinds of hosts that an update may harm one of.
pub(super) fn assumptions(question: &Question, kinds: &[String]) -> Vec<Assumption> {
    let world = &question.world;
    let text = question.world_text().unwrap_or_default();
    let from = |section: &str, key: &str| match line_of(text, section, key) {
        Some(line) => format!("world `{}`, line {line}", world.name),
        None => "default".to_owned(),
    };
    let mut all = priors(world, &from);
    let by = if from("priors", "by") != "default" {
        from("priors", "by")
    } else if question.kinds_from.is_empty() {
        "default".to_owned()
    } else {
        format!("`cover` of {}", question.kinds_from.join(", "))
    };
    all.insert(
        2,
        assumption("otherwise one kind of them", kinds_of(kinds), by),
    );
    all.extend(others(world, &from));
    all
}

fn assumption(what: &str, value: String, from: String) -> Assumption {
    Assumption {
        what: what.to_owned(),
        value,
        from,
    }
}

fn priors(world: &World, from: &dyn Fn(&str, &str) -> String) -> Vec<Assumption> {
    let priors = &world.priors;
    [
        ("an update is bad", "bad", priors.bad.to_string()),
        (
            "a bad one harms every kind of host",
            "everywhere",
            priors.everywhere.to_string(),
        ),
        (
            "share of those hosts that it harms",
            "hits",
            shares(priors.hits),
        ),
        (
            "harm is a failed installation",
            "install_fails",
            priors.install_fails.to_string(),
        ),
        ("harm shows at once", "at_once", priors.at_once.to_string()),
        (
            "otherwise after a random time of mean",
            "slow",
            spans(priors.slow),
        ),
        (
            "hosts broken into a year without it",
            "hazard_per_year",
            priors.hazard_per_year.to_string(),
        ),
    ]
    .into_iter()
    .map(|(what, key, value)| assumption(what, value, from("priors", key)))
    .collect()
}

fn others(world: &World, from: &dyn Fn(&str, &str) -> String) -> Vec<Assumption> {
    let people = &world.people;
    let after_halt = match people.after_halt {
        AfterHalt::Rollback => "roll back",
        AfterHalt::Resume => "go on",
        AfterHalt::Cancel => "end it there",
        AfterHalt::Leave => "decide nothing",
    };
    let mut all = vec![
        assumption(
            "people approve after",
            spans(people.approve),
            from("people", "approve"),
        ),
        assumption(
            "after a halt they will",
            format!("{after_halt}, within {}", spans(people.decide)),
            from("people", "after_halt"),
        ),
    ];
    let written = |section: &str| from(section, "");
    let usual: Vec<StepKind> = StepKind::ALL
        .into_iter()
        .filter(|kind| {
            world
                .hosts
                .iter()
                .any(|model| !model.steps.contains_key(kind))
        })
        .collect();
    all.push(if world.hosts.is_empty() {
        assumption(
            "hosts",
            "well; steps 1/2 to 2 times `plan`".to_owned(),
            "default".to_owned(),
        )
    } else if usual.is_empty() {
        assumption("hosts", entries(world.hosts.len()), written("hosts"))
    } else {
        assumption(
            "hosts",
            format!(
                "{}; others 1/2 to 2 times `plan`",
                entries(world.hosts.len())
            ),
            written("hosts"),
        )
    });
    if !world.regressions.is_empty() {
        let names: Vec<&str> = world
            .regressions
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        all.push(assumption(
            "harm that every future has",
            super::words::some(&names, 3),
            written("regressions"),
        ));
    }
    if world.faults.lasts > Span::ZERO {
        all.push(assumption(
            "around Ringway things go wrong",
            format!("for {}", in_words(world.faults.lasts)),
            written("faults"),
        ));
    }
    all
}

/// `7, by os and role`.
fn kinds_of(kinds: &[String]) -> String {
    let mut labels: Vec<&str> = Vec::new();
    for label in kinds.iter().filter_map(|kind| kind.split('=').next()) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    if labels.is_empty() {
        "there are none".to_owned()
    } else {
        format!("{}, by {}", kinds.len(), labels.join(" and "))
    }
}

fn entries(count: usize) -> String {
    if count == 1 {
        "1 entry".to_owned()
    } else {
        format!("{count} entries")
    }
}

fn shares(range: ShareRange) -> String {
    if range.low == range.high {
        range.low.to_string()
    } else {
        format!("{} to {}", range.low, range.high)
    }
}

fn spans(range: SpanRange) -> String {
    if range.low == range.high {
        in_words(range.low)
    } else {
        format!("{} to {}", in_words(range.low), in_words(range.high))
    }
}

/// The line, from 1, on which a key of a section is written; without a key, the section's own.
///
/// The document was read before, so it is well formed: what is asked here is only where.
fn line_of(text: &str, section: &str, key: &str) -> Option<usize> {
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = without_comment(line);
        let rest = if let Some(rest) = line.strip_prefix(section).and_then(|r| r.strip_prefix(':'))
        {
            if key.is_empty() {
                return Some(index + 1);
            }
            inside = true;
            rest
        } else if line.starts_with(|c: char| c.is_alphanumeric()) {
            inside = false;
            continue;
        } else {
            line
        };
        if inside && has_key(rest, key) {
            return Some(index + 1);
        }
    }
    None
}

fn without_comment(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    line.split_once(" #").map_or(line, |(before, _)| before)
}

/// Whether `key:` stands in a line as a word of its own.
fn has_key(line: &str, key: &str) -> bool {
    line.match_indices(key).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + key.len()..].trim_start();
        before.is_none_or(|c| matches!(c, ' ' | '{' | ',')) && after.starts_with(':')
    })
}

/// The table for people.
pub(super) fn text(all: &[Assumption]) -> String {
    let width = |of: fn(&Assumption) -> &String| {
        all.iter()
            .map(|one| of(one).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (what, value) = (width(|one| &one.what), width(|one| &one.value).min(30));
    let mut text = String::new();
    for one in all {
        put(
            &mut text,
            format_args!("  {:what$}  {:value$}  {}\n", one.what, one.value, one.from),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
ringway: world/v1
name: w
priors:                 # bad: this is no key
  bad: 5%
  slow: { low: 1h, high: 2h }
people: { approve: 1h, decide: 5m,
  after_halt: resume }
hosts:
  - { select: all, bad: x }
";

    #[test]
    fn the_line_of_a_key_is_found_where_it_is_written_and_nowhere_else() {
        for (section, key, line) in [
            ("priors", "bad", Some(4)),
            ("priors", "slow", Some(5)),
            ("priors", "low", Some(5)),
            ("priors", "hits", None),
            ("people", "approve", Some(6)),
            ("people", "after_halt", Some(7)),
            ("people", "halt", None),
            ("hosts", "", Some(8)),
            ("faults", "", None),
        ] {
            assert_eq!(line_of(TEXT, section, key), line, "{section} {key}");
        }
        assert_eq!(line_of("", "priors", "bad"), None);
    }
}
