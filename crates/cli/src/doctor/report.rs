//! What was found, for people and for programs. Pure but for the printing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::args::Output;
use crate::out::Out;
use crate::show::{bold, put};

/// Hosts that are named in a paragraph; the rest is counted.
const NAMES: usize = 12;

/// How a check went, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It is in the way of a rollout.
    Failure,
    /// Somebody should know.
    Warning,
    /// Not looked at.
    Skipped,
    /// Well.
    Ok,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Found {
    /// The host; absent for the machine that Ringway runs on.
    pub(crate) host: Option<String>,
    /// The check's name.
    pub(crate) check: String,
    /// How it went.
    pub(crate) state: State,
    /// What was found.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// What was found, without what only names the host: the same for every host that has the same problem.
    #[serde(skip)]
    pub(crate) same: String,
}

/// What stands for a host's own name or address where the same is said of many.
const ITSELF: &str = "HOST";

/// A text without these names, where they stand as words of their own.
pub(super) fn without(text: &str, names: &[&str]) -> String {
    let is_part =
        |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'));
    let mut text = text.to_owned();
    for name in names.iter().filter(|name| !name.is_empty()) {
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(*name) {
            out.push_str(before);
            let alone = !is_part(out.chars().next_back()) && !is_part(after.chars().next());
            out.push_str(if alone { ITSELF } else { name });
            rest = after;
        }
        out.push_str(rest);
        text = out;
    }
    text
}

/// Whether a rollout may begin.
pub(super) fn is_ready(found: &[Found], strict: bool) -> bool {
    found.iter().all(|one| match one.state {
        State::Failure => false,
        State::Warning => !strict,
        State::Skipped | State::Ok => true,
    })
}

pub(super) fn print(out: Out, found: &[Found], all: bool) {
    match out.format() {
        Output::Text => out.text(&text(found, all)),
        Output::Json | Output::Ndjson => out.values(found, |_| String::new()),
    }
}

/// Problems first, the same one of many hosts once; every check where that is asked for.
fn text(found: &[Found], all: bool) -> String {
    let mut text = String::new();
    for (state, word) in [(State::Failure, "failure"), (State::Warning, "warning")] {
        for ((check, what, hint), hosts) in grouped(found, state) {
            let names: Vec<&str> = hosts.iter().map(|(host, _)| *host).collect();
            // Said in each host's own words where they are the same.
            let first = hosts.first().map_or(what, |(_, own)| *own);
            let what = if hosts.iter().all(|(_, own)| *own == first) {
                first
            } else {
                what
            };
            put(&mut text, format_args!("{}  {check}: {what}\n", bold(word)));
            put(&mut text, format_args!("  on {}\n", listed(&names)));
            if let Some(hint) = hint {
                put(&mut text, format_args!("  hint: {hint}\n"));
            }
            text.push('\n');
        }
    }
    if all {
        for one in found {
            let state = match one.state {
                State::Ok => "ok",
                State::Skipped => "skipped",
                State::Warning => "warning",
                State::Failure => "failure",
            };
            let host = one.host.as_deref().unwrap_or(HERE);
            put(
                &mut text,
                format_args!("{host}  {}  {state}  {}\n", one.check, one.what),
            );
        }
        text.push('\n');
    }
    text.push_str(&summary(found));
    text
}

/// What the machine that Ringway runs on is called.
const HERE: &str = "this machine";

/// Check, what was found of any host, hint.
type Problem<'a> = (&'a str, &'a str, Option<&'a str>);
/// A host, and what was found of it in its own words.
type Of<'a> = (&'a str, &'a str);

/// The same finding, and whom it is of; in the order in which they were met first.
fn grouped(found: &[Found], state: State) -> Vec<(Problem<'_>, Vec<Of<'_>>)> {
    let mut groups: Vec<(Problem<'_>, Vec<Of<'_>>)> = Vec::new();
    let mut places: BTreeMap<Problem<'_>, usize> = BTreeMap::new();
    for one in found.iter().filter(|one| one.state == state) {
        let problem = (one.check.as_str(), one.same.as_str(), one.hint.as_deref());
        let place = *places.entry(problem).or_insert_with(|| {
            groups.push((problem, Vec::new()));
            groups.len() - 1
        });
        groups[place]
            .1
            .push((one.host.as_deref().unwrap_or(HERE), &one.what));
    }
    for (_, hosts) in &mut groups {
        hosts.sort_unstable();
    }
    groups
}

fn listed(hosts: &[&str]) -> String {
    let shown = hosts
        .iter()
        .take(NAMES)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match hosts.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Which hosts an interrupted look has missed.
pub(super) fn interrupted(left: &BTreeSet<String>) -> String {
    let names = listed(&left.iter().map(String::as_str).collect::<Vec<_>>());
    match left.len() {
        0 => "interrupted: all hosts had been looked at".to_owned(),
        1 => format!("interrupted: 1 host was not looked at to the end: {names}"),
        all => format!("interrupted: {all} hosts were not looked at to the end: {names}"),
    }
}

fn summary(found: &[Found]) -> String {
    let of = |one: &Found, state| one.state == state && one.host.is_some();
    let hosts: BTreeSet<&str> = found.iter().filter_map(|one| one.host.as_deref()).collect();
    let with = |state| -> BTreeSet<&str> {
        let theirs = found.iter().filter(|one| of(one, state));
        theirs.filter_map(|one| one.host.as_deref()).collect()
    };
    let (failed, warned) = (with(State::Failure), with(State::Warning));
    let ready = hosts.len() - failed.len();
    let mut text = match (ready, hosts.len()) {
        (_, 0) => "no host was looked at".to_owned(),
        (1, 1) => "the host is ready".to_owned(),
        (ready, all) if ready == all => format!("all {all} hosts are ready"),
        (ready, all) => format!("{ready} of {all} hosts are ready"),
    };
    let warned = warned.difference(&failed).count();
    if warned > 0 {
        put(&mut text, format_args!(", {warned} of them with warnings"));
    }
    let here = found
        .iter()
        .any(|one| one.host.is_none() && one.state == State::Failure);
    if here {
        put(&mut text, format_args!("; {HERE} is not"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::plain;

    fn one(host: &str, check: &str, state: State, what: &str) -> Found {
        Found {
            host: (!host.is_empty()).then(|| host.to_owned()),
            check: check.to_owned(),
            state,
            what: what.to_owned(),
            same: without(what, &[host]),
            hint: (state == State::Failure).then(|| "do something".to_owned()),
        }
    }

    #[test]
    fn the_same_problem_of_many_hosts_is_told_once_and_problems_come_first() {
        let found = [
            one("", "room", State::Ok, "there is room"),
            one("a", "connect", State::Ok, "it answers"),
            one("a", "patcher", State::Warning, "apt is armed"),
            one("b", "sudo", State::Failure, "it wants a password"),
            one("c", "sudo", State::Failure, "it wants a password"),
        ];
        let expected = "\
failure  sudo: it wants a password
  on b, c
  hint: do something

warning  patcher: apt is armed
  on a

1 of 3 hosts are ready, 1 of them with warnings
";
        assert_eq!(plain(&text(&found, false)), expected);
        assert!(plain(&text(&found, true)).contains("this machine  room  ok  there is room\n"));
        assert!(!is_ready(&found, false));
    }

    #[test]
    fn who_interrupts_is_told_what_was_missed() {
        let left = |count: usize| interrupted(&(0..count).map(|n| format!("h{n:02}")).collect());
        assert_eq!(left(0), "interrupted: all hosts had been looked at");
        assert_eq!(
            left(1),
            "interrupted: 1 host was not looked at to the end: h00"
        );
        assert_eq!(
            left(2),
            "interrupted: 2 hosts were not looked at to the end: h00, h01"
        );
        let many = left(NAMES + 1);
        assert!(many.starts_with("interrupted: 13 hosts were not"), "{many}");
        assert!(
            many.ends_with(
                ": h00, h01, h02, h03, h04, h05, h06, h07, h08, h09, h10, h11 and 1 more"
            ),
            "{many}"
        );
        assert!(text(&[], false).contains("no host was looked at"));
    }

    /// Twenty hosts behind a closed firewall are one problem, though each is told with its own address.
    #[test]
    fn what_differs_only_in_the_hosts_name_is_one_problem() {
        let found = [
            one(
                "web-1",
                "connect",
                State::Failure,
                "`web-1:22` does not answer",
            ),
            one(
                "web-10",
                "connect",
                State::Failure,
                "`web-10:22` does not answer",
            ),
        ];
        let shown = plain(&text(&found, false));
        assert!(
            shown.starts_with("failure  connect: `HOST:22` does not answer\n  on web-1, web-10\n"),
            "{shown}"
        );
        assert!(plain(&text(&found[..1], false)).contains("`web-1:22` does not answer"));
        assert_eq!(
            without("db is feedback of db-1", &["db"]),
            "HOST is feedback of db-1"
        );
    }

    #[test]
    fn warnings_count_only_where_that_is_asked_for() {
        let found = [one("a", "patcher", State::Warning, "apt is armed")];
        assert!(is_ready(&found, false) && !is_ready(&found, true));
        let here = [
            one("a", "connect", State::Ok, "it answers"),
            one("", "key", State::Failure, "no key"),
        ];
        assert!(plain(&text(&here, false)).ends_with("the host is ready; this machine is not\n"));
        assert!(!is_ready(&here, false));
    }
}
