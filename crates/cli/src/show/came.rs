//! What came of a word that was taken: said as it is now, never as what was only asked for. Pure.

use ringway_engine::view::FleetView;
use ringway_engine::{Accepted, Command, HoldKind};
use ringway_model::{RolloutId, Timestamp};

use super::fleet::{shortened, state_words};
use super::words::until;

/// Hosts that are named; the rest is counted.
const NAMED: usize = 5;

/// What came of a command that was accepted, as this view shows it. Without a view it is only said that it was taken.
pub(crate) fn came_of(command: &Command, accepted: &Accepted, view: Option<&FleetView>) -> String {
    let what = accepted
        .rollout
        .map_or_else(|| "the fleet".to_owned(), |id| id.to_string());
    if !accepted.changed {
        return format!("{what}: it was so already");
    }
    let state = |id| view.and_then(|view| state(view, id));
    match command {
        Command::Approve { .. } | Command::PromoteEarly { .. } | Command::AcceptUntested { .. } => {
            format!("{what}: yes given")
        }
        Command::ApproveUnpoison { number, .. } => {
            format!("taking back poisoning no. {number}: yes given")
        }
        Command::RejectUnpoison { number, .. } => {
            format!("taking back poisoning no. {number} is rejected")
        }
        Command::Unpoison { id, .. } if view.is_some_and(|view| is_asked(view, id)) => {
            format!("taking back the poisoning of {id} is asked")
        }
        Command::Reject { rollout, .. } => state(*rollout).map_or_else(
            || format!("{what}: declined"),
            |state| format!("{what} is {state}: declined"),
        ),
        Command::Pause { rollout, .. }
        | Command::Resume { rollout, .. }
        | Command::Halt { rollout, .. }
        | Command::Cancel { rollout, .. }
        | Command::Rollback { rollout, .. } => state(*rollout).map_or_else(
            || format!("{what}: done"),
            |state| format!("{what} is {state}"),
        ),
        Command::Stop { .. } => "the fleet is stopped".to_owned(),
        Command::Go { .. } => "the fleet goes on".to_owned(),
        Command::Skip { rollout, host, .. } => format!("{host} is left out of {rollout}"),
        Command::Retry { rollout, host, .. } => {
            format!("{host} is to be visited again in {rollout}")
        }
        Command::Hold {
            hosts, kind, until, ..
        } => held(hosts, *kind, *until, view.map(|view| view.at)),
        Command::Release { hosts, kind, .. } => {
            format!("{} of {} is over", kind.word(), shortened(hosts, NAMED))
        }
        Command::Propose { .. }
        | Command::Adopt { .. }
        | Command::Comment { .. }
        | Command::ProposeAs { .. }
        | Command::OverrideFreeze { .. }
        | Command::Refresh { .. }
        | Command::Ask { .. }
        | Command::Answer { .. }
        | Command::Done { .. }
        | Command::Except { .. }
        | Command::EndException { .. }
        | Command::Poison { .. }
        | Command::Supersede { .. }
        | Command::ProposeIn { .. }
        | Command::Expedite { .. }
        | Command::Advise { .. }
        | Command::RuleAdvisory { .. }
        | Command::Unprotect { .. }
        | Command::Unprotected { .. }
        | Command::Unpoison { .. } => format!("{what}: done"),
    }
}

fn state(view: &FleetView, id: RolloutId) -> Option<String> {
    let one = view.rollouts.iter().find(|one| one.id == id)?;
    Some(state_words(one))
}

/// Whether it is still for others to agree.
fn is_asked(view: &FleetView, id: &str) -> bool {
    let mut asked = view.unpoisonings.iter().flat_map(|one| &one.contents);
    asked.any(|content| content.id == id)
}

/// `fs-1 is held until ..`.
fn held(
    hosts: &[String],
    kind: HoldKind,
    end: Option<Timestamp>,
    now: Option<Timestamp>,
) -> String {
    let names = shortened(hosts, NAMED);
    let are = if hosts.len() == 1 { "is" } else { "are" };
    let held = match kind {
        HoldKind::Hold => "held",
        HoldKind::Maintenance => "in maintenance",
    };
    let end = match (end, now) {
        (None, _) => "until somebody ends it".to_owned(),
        (Some(at), Some(now)) => format!("until {}", until(now, at)),
        (Some(at), None) => format!("until {at}"),
    };
    format!("{names} {are} {held} {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_begun_is_not_called_done() {
        let rollout = RolloutId(1);
        let reason = String::new;
        let accepted = |rollout| Accepted {
            rollout,
            changed: true,
        };
        let hold = |hosts: &[&str], kind, until| Command::Hold {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            kind,
            reason: reason(),
            until,
        };
        for (command, of, words) in [
            (
                Command::Retry {
                    rollout,
                    host: "a".to_owned(),
                    reason: reason(),
                },
                Some(rollout),
                "a is to be visited again in r1",
            ),
            (
                hold(&["a"], HoldKind::Hold, Some(Timestamp(0))),
                None,
                "a is held until 1970-01-01T00:00:00Z",
            ),
            (
                hold(&["a", "b"], HoldKind::Maintenance, None),
                None,
                "a, b are in maintenance until somebody ends it",
            ),
            (
                Command::Reject {
                    rollout,
                    reason: reason(),
                },
                Some(rollout),
                "r1: declined",
            ),
        ] {
            assert_eq!(came_of(&command, &accepted(of), None), words);
        }
        let again = Accepted {
            rollout: Some(rollout),
            changed: false,
        };
        let pause = Command::Pause {
            rollout,
            reason: reason(),
        };
        assert_eq!(came_of(&pause, &again, None), "r1: it was so already");
    }
}
