//! The table of who may leave each state of a rollout, and how. Made by asking the engine, and compared with the page
//! that shows it to people, `docs/reference/states.md`; where they differ, the test prints the page as it should be.

use std::fmt::Write as _;

use ringway_engine::Command;

use crate::superseding::supersede;
use crate::support::{Hand, ONE, approvals, plan};

type Make = fn() -> Hand;

fn proposed() -> Hand {
    let (fleet, mut the_plan) = plan(&[1]);
    the_plan.start = Some(approvals(1, &[]));
    Hand::start((fleet, the_plan))
}

/// Two rings, the first host updated, and then this.
fn updated_then(command: Command) -> Hand {
    let mut hand = Hand::start(plan(&[1, 1]));
    hand.visit(0);
    hand.command("olga", command).unwrap();
    hand
}

fn states() -> Vec<(&'static str, Make)> {
    let paused: Make = || {
        updated_then(Command::Pause {
            rollout: ONE,
            reason: "look".into(),
        })
    };
    let halted: Make = || {
        updated_then(Command::Halt {
            rollout: ONE,
            reason: "harm".into(),
        })
    };
    let rolling_back: Make = || {
        updated_then(Command::Rollback {
            rollout: ONE,
            reason: "harm".into(),
        })
    };
    let cancelling: Make = || {
        updated_then(Command::Cancel {
            rollout: ONE,
            reason: "no".into(),
        })
    };
    let cancelled: Make = || {
        let mut hand = cancelling_then_over();
        assert_eq!(hand.rollout(), "cancelled");
        hand.workers = 1000;
        hand
    };
    let completed: Make = || {
        let mut hand = Hand::start(plan(&[1]));
        hand.visit(0);
        hand
    };
    let rolled_back: Make = || {
        let mut hand = Hand::start(plan(&[1]));
        hand.visit(0);
        hand.command(
            "olga",
            Command::Rollback {
                rollout: ONE,
                reason: "harm".into(),
            },
        )
        .unwrap();
        hand.visit(0);
        hand
    };
    vec![
        ("proposed", proposed),
        ("advancing", || {
            let mut hand = Hand::start(plan(&[1, 1]));
            hand.visit(0);
            hand
        }),
        ("paused", paused),
        ("halted", halted),
        ("rolling back", rolling_back),
        ("cancelling", cancelling),
        ("completed", completed),
        ("rolled back", rolled_back),
        ("cancelled", cancelled),
        ("superseding", superseding),
        ("superseded", superseded),
    ]
}

fn superseding() -> Hand {
    let mut hand = Hand::start(plan(&[1, 1]));
    hand.visit(0);
    supersede(&mut hand, ONE, false).unwrap();
    hand
}

fn superseded() -> Hand {
    let mut hand = superseding();
    hand.visit(1);
    hand
}

fn cancelling_then_over() -> Hand {
    let mut hand = updated_then(Command::Cancel {
        rollout: ONE,
        reason: "no".into(),
    });
    hand.visit(1);
    hand
}

fn commands() -> Vec<(&'static str, Command)> {
    let reason = || "because".to_owned();
    vec![
        (
            "pause",
            Command::Pause {
                rollout: ONE,
                reason: reason(),
            },
        ),
        (
            "resume",
            Command::Resume {
                rollout: ONE,
                reason: reason(),
            },
        ),
        (
            "halt",
            Command::Halt {
                rollout: ONE,
                reason: reason(),
            },
        ),
        (
            "cancel",
            Command::Cancel {
                rollout: ONE,
                reason: reason(),
            },
        ),
        (
            "rollback",
            Command::Rollback {
                rollout: ONE,
                reason: reason(),
            },
        ),
    ]
}

const HEAD: &str = "# The states of a rollout

Made by asking the engine every command in every state; a test compares this page with what it answers.

What a command does, by the state the rollout is in: the state it leads to, `=` where it is accepted and changes
nothing, `-` where it does not fit (the answer says why, and what would). A rollout that is `cancelling`, `superseding` or
`rolling back` goes to its final state by itself, once what is in flight is finished. Of one that is `superseded` the new
rollout is told what to do.

";

#[test]
fn the_page_of_states_says_what_the_engine_does() {
    let mut page = HEAD.to_owned();
    let mut edges = String::new();
    let mut names: Vec<&str> = commands().iter().map(|(name, _)| *name).collect();
    names.push("supersede");
    writeln!(
        page,
        "| in state | {} |\n|---|{}",
        names.join(" | "),
        "---|".repeat(names.len())
    )
    .unwrap();
    for (state, make) in states() {
        write!(page, "| {state} |").unwrap();
        let all = commands()
            .into_iter()
            .map(|(name, command)| (name, Some(command)));
        for (name, command) in all.chain([("supersede", None)]) {
            let mut hand = make();
            assert_eq!(hand.rollout(), state);
            let answer = match command {
                Some(command) => hand.command("olga", command),
                None => supersede(&mut hand, ONE, false),
            };
            let cell = match answer {
                Ok(true) => hand.rollout(),
                Ok(false) => "=".to_owned(),
                Err(_) => "-".to_owned(),
            };
            if cell != "=" && cell != "-" {
                writeln!(edges, "    {} --> {}: {name}", id(state), id(&cell)).unwrap();
            }
            write!(page, " {cell} |").unwrap();
        }
        page.push('\n');
    }
    let own = [
        ("proposed", "advancing", "its approvals, or none needed"),
        ("proposed", "cancelled", "reject"),
        ("advancing", "paused", "reject"),
        ("advancing", "halted", "a ring's failures"),
        ("paused", "halted", "a ring's failures"),
        ("advancing", "completed", "the last ring's promotion"),
        ("rolling back", "rolled back", "nothing in flight"),
        ("cancelling", "cancelled", "nothing in flight"),
        ("superseding", "superseded", "nothing in flight"),
    ];
    for (from, to, why) in own {
        writeln!(edges, "    {} --> {}: {why}", id(from), id(to)).unwrap();
    }
    write!(
        page,
        "\n```mermaid\nstateDiagram-v2\n    [*] --> proposed\n{edges}```\n"
    )
    .unwrap();
    let shown = include_str!("../../../../docs/reference/states.md");
    assert!(
        shown == page,
        "docs/reference/states.md is not what the engine does, which is:\n{page}"
    );
}

fn id(state: &str) -> String {
    state.replace(' ', "_")
}
