//! The inbox, and a process that dies between any two steps of taking a command out of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_engine::{Accepted, Command, Rejected};
use ringway_executor::port::Order;
use ringway_model::RolloutId;

use super::doubles::{Everybody, proposal};
use crate::inbox::{Became, Done, Errand, Given, Inbox, LeaveError, became, leave, waiting};
use crate::socket::{Answer, Bundle};

fn pause(number: u32) -> Errand {
    Errand::Command(Command::Pause {
        rollout: RolloutId(number),
        reason: "why".to_owned(),
    })
}

const DONE: Accepted = Accepted {
    rollout: None,
    changed: true,
};

fn inbox(data: &Path) -> Inbox {
    Inbox::new(data, Arc::new(Everybody))
}

/// The rollouts that the given commands are about.
fn about(given: &[Given]) -> Vec<u32> {
    let rollout = |given: &Given| match &given.order {
        Order::Command(Command::Pause { rollout, .. }) => rollout.0,
        other @ (Order::Command(_)
        | Order::Propose(_)
        | Order::Refresh(_)
        | Order::Supersede(_)
        | Order::HandIn(_)) => {
            panic!("{other:?}")
        }
    };
    given.iter().map(rollout).collect()
}

fn files(path: PathBuf) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn commands_are_given_once_in_the_order_they_were_left_with_their_owner_as_the_actor() {
    let data = tempfile::tempdir().unwrap();
    for number in 1..=3 {
        leave(data.path(), &pause(number)).unwrap();
    }
    assert_eq!(waiting(data.path()).unwrap().len(), 3);
    let mut inbox = inbox(data.path());
    let given = inbox.take();
    assert_eq!(about(&given), [1, 2, 3]);
    assert!(given.iter().all(|given| given.actor.0 == "ana"));
    assert_eq!(
        about(&inbox.take()),
        [0; 0],
        "not again while it is unanswered"
    );
    for given in &given {
        inbox.answered(given, Ok(DONE));
        let done = Done {
            actor: "ana".to_owned(),
            answer: Answer::Accepted(DONE),
        };
        assert_eq!(became(data.path(), &given.name), Some(Became::Done(done)));
    }
    assert!(waiting(data.path()).unwrap().is_empty());
    leave(data.path(), &pause(4)).unwrap();
    assert_eq!(about(&inbox.take()), [4], "looked at while it runs, too");
}

/// A stop behind a hundred other orders must be known before the first step.
#[test]
fn whoever_takes_over_takes_everything_and_whoever_runs_a_few_at_once() {
    let data = tempfile::tempdir().unwrap();
    for number in 0..100 {
        leave(data.path(), &pause(number)).unwrap();
    }
    let all: Vec<u32> = (0..100).collect();
    assert_eq!(about(&inbox(data.path()).take_all()), all);
    assert_eq!(about(&inbox(data.path()).take()), all[..64]);
}

#[test]
fn what_is_left_is_for_its_owner_only_and_never_half_there() {
    let data = tempfile::tempdir().unwrap();
    let left = leave(data.path(), &pause(1)).unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let directory = data.path().join("inbox");
    assert_eq!(mode(directory.clone()), 0o700);
    assert_eq!(mode(directory.join(&left.name)), 0o600);
    // A draft that a killed process left behind is nobody's command.
    fs::write(directory.join(".00000000000000000001-x.json.tmp"), "{").unwrap();
    assert_eq!(about(&inbox(data.path()).take()), [1]);
    let nowhere = leave(&data.path().join("none"), &pause(1)).unwrap_err();
    assert!(matches!(nowhere, LeaveError::Nothing { .. }), "{nowhere}");
}

/// Each case is a state in which a process may have died; the next one must give the command exactly where it is not
/// known to be decided.
#[test]
fn whoever_dies_in_between_the_next_one_neither_forgets_a_command_nor_repeats_one_that_was_answered()
 {
    for (died, given_again) in [
        ("before it was read", true),
        ("before its answer was durable", true),
        ("before its answer was put down", true),
        ("before it was taken away", false),
        ("after it was taken away", false),
    ] {
        let data = tempfile::tempdir().unwrap();
        let left = leave(data.path(), &pause(1)).unwrap();
        let path = data.path().join("inbox").join(&left.name);
        let mut first = inbox(data.path());
        if died != "before it was read" {
            let given = first.take();
            assert_eq!(given.len(), 1);
            if matches!(died, "before it was taken away" | "after it was taken away") {
                let bytes = fs::read(&path).unwrap();
                first.answered(&given[0], Ok(DONE));
                if died == "before it was taken away" {
                    fs::write(&path, bytes).unwrap();
                }
            }
        }
        drop(first);
        let mut second = inbox(data.path());
        assert_eq!(second.take().len(), usize::from(given_again), "{died}");
        assert_eq!(path.exists(), given_again, "{died}");
    }
}

#[test]
fn a_proposal_that_is_given_twice_has_the_same_key_both_times() {
    let data = tempfile::tempdir().unwrap();
    let with_key = |key: Option<&str>| {
        let mut proposal = proposal(1, data.path());
        proposal.key = key.map(str::to_owned);
        Errand::Propose(Bundle::pack(&proposal))
    };
    let first = leave(data.path(), &with_key(None)).unwrap();
    leave(data.path(), &with_key(Some("mine"))).unwrap();
    let keys = || -> Vec<Option<String>> {
        let given = inbox(data.path()).take();
        let key = |given: Given| match given.order {
            Order::Propose(proposal) => proposal.key,
            Order::Command(_) | Order::Refresh(_) | Order::Supersede(_) | Order::HandIn(_) => {
                panic!("a proposal was left")
            }
        };
        given.into_iter().map(key).collect()
    };
    let own = format!("inbox:{}", first.name);
    assert_eq!(keys(), [Some(own), Some("mine".to_owned())]);
    assert_eq!(keys(), keys());
}

#[test]
fn an_answer_that_nothing_was_decided_leaves_the_command_to_be_given_again() {
    let data = tempfile::tempdir().unwrap();
    leave(data.path(), &pause(1)).unwrap();
    let mut inbox = inbox(data.path());
    let refused = |code: &str| {
        Err(Rejected {
            code: code.to_owned(),
            why: "why".to_owned(),
            hint: None,
        })
    };
    let given = inbox.take();
    inbox.answered(&given[0], refused("try-again"));
    let given = inbox.take();
    assert_eq!(about(&given), [1]);
    inbox.answered(&given[0], refused("wrong-state"));
    assert!(inbox.take().is_empty());
    let what = became(data.path(), &given[0].name);
    assert!(
        matches!(&what, Some(Became::Done(Done { answer: Answer::Rejected(r), .. })) if r.code == "wrong-state"),
        "{what:?}"
    );
}

#[test]
fn what_is_no_command_is_put_aside_with_the_reason_and_not_in_the_way() {
    let data = tempfile::tempdir().unwrap();
    let directory = data.path().join("inbox");
    let left = leave(data.path(), &pause(9)).unwrap();
    let good = fs::read(directory.join(&left.name)).unwrap();
    let outside = data.path().join("outside");
    fs::write(&outside, &good).unwrap();
    std::os::unix::fs::symlink(&outside, directory.join("0-link")).unwrap();
    fs::hard_link(&outside, directory.join("0-names")).unwrap();
    fs::create_dir(directory.join("0-directory")).unwrap();
    fs::write(directory.join("0-text"), "halt everything").unwrap();
    fs::write(
        directory.join("0-key"),
        r#"{"command":{"Stop":{"reason":"x"}},"actor":"root"}"#,
    )
    .unwrap();
    fs::write(directory.join("0-open"), &good).unwrap();
    fs::set_permissions(directory.join("0-open"), fs::Permissions::from_mode(0o666)).unwrap();
    let status = std::process::Command::new("mkfifo")
        .arg(directory.join("0-pipe"))
        .status();
    assert!(status.unwrap().success());
    let mut inbox = inbox(data.path());
    assert_eq!(about(&inbox.take()), [9]);
    assert!(inbox.take().is_empty());
    for (name, word) in [
        ("0-link", "no plain file"),
        ("0-names", "one name"),
        ("0-directory", "no plain file"),
        ("0-text", "no command"),
        ("0-key", "no command"),
        ("0-open", "others"),
        ("0-pipe", "no plain file"),
    ] {
        let why = became(data.path(), name);
        assert!(
            matches!(&why, Some(Became::Rejected(why)) if why.contains(word)),
            "{name}: {why:?}"
        );
        assert!(files(directory.join("rejected")).contains(&name.to_owned()));
    }
    assert!(outside.exists());
}

#[test]
fn answers_are_kept_for_a_while_and_not_for_ever() {
    let data = tempfile::tempdir().unwrap();
    let mut inbox = inbox(data.path());
    for number in 0..100 {
        leave(data.path(), &pause(number)).unwrap();
        let given = inbox.take();
        inbox.answered(&given[0], Ok(DONE));
    }
    let kept = files(data.path().join("inbox/done"));
    assert_eq!(kept.len(), 64);
    assert_eq!(files(data.path().join("inbox")), ["done"]);
}
