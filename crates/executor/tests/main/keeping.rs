//! The format of a row, of what keeps updates from hosts: exceptions, and content that is poisoned.

use ringway_engine::{Advisory, Command, Event, Exception, HostState, Input, Poisoning, Ruling};
use ringway_executor::codec::Batch;
use ringway_model::{Actor, Content, Digest, Effect, Rank, RolloutId, Slot, Timestamp};
use ringway_policy::validated::{About, Excepts};

fn text(text: &str) -> String {
    text.to_owned()
}

fn ana() -> Actor {
    Actor(text("ana"))
}

/// Exceptions, and hosts that they leave out.
#[test]
fn a_batch_with_exceptions_reads_back() {
    let exception = || Exception {
        id: text("EXC-0042"),
        hosts: text("name = pacs-1"),
        updates: Excepts::Named(vec![text("april")]),
        until: Timestamp(1_776_186_000_000),
        owner: text("radiology"),
        reason: text("vendor certifies quarterly"),
        approved_by: vec![text("ciso")],
    };
    let (rollout, slot) = (RolloutId(1), Slot(17));
    let moved = |to| Event::HostMoved {
        rollout,
        slot,
        to,
        until: Timestamp::NEVER,
    };
    let inputs = [
        Command::Except {
            exceptions: vec![exception()],
        },
        Command::EndException {
            id: text("EXC-0042"),
            reason: text("certified"),
        },
    ];
    let batch = Batch {
        inputs: inputs
            .map(|command| Input::Command {
                actor: ana(),
                command,
            })
            .to_vec(),
        events: vec![
            Event::Excepted {
                exception: exception(),
                actor: ana(),
            },
            moved(HostState::Excepted),
            Event::ExceptionEnded {
                id: text("EXC-0042"),
                actor: Some(ana()),
                reason: text("certified"),
            },
            moved(HostState::CatchUp),
        ],
        ..Batch::default()
    };
    let body = batch.encode();
    assert_eq!(Batch::decode(&body), Ok(batch));
}

/// Content that must not be installed any more, by its id and as a plan's release has it.
#[test]
fn a_batch_about_poison_is_written_and_read_as_it_always_was() {
    let named = || Content {
        id: text("KB5082142"),
        build: Some(text("20348.5020")),
        digest: None,
    };
    let planned = || Content {
        id: text("debian-12"),
        build: None,
        digest: Some(Digest::of(b"values")),
    };
    let commands = [
        Command::Poison {
            what: Poisoning::Content {
                contents: vec![named()],
            },
            reason: text("restart loops"),
        },
        Command::Poison {
            what: Poisoning::Rollout {
                rollout: RolloutId(7),
                releases: vec![text("debian-12")],
            },
            reason: text("restart loops"),
        },
        Command::Unpoison {
            id: text("KB5082142"),
            build: Some(text("20348.5020")),
            reason: text("it was the virus scanner"),
        },
    ];
    let batch = Batch {
        inputs: commands
            .map(|command| Input::Command {
                actor: ana(),
                command,
            })
            .to_vec(),
        events: vec![
            Event::Poisoned {
                contents: vec![named(), planned()],
                actor: ana(),
                reason: text("restart loops"),
            },
            Event::Unpoisoned {
                contents: vec![named()],
                actor: ana(),
                reason: text("it was the virus scanner"),
            },
        ],
        ..Batch::default()
    };
    let body = batch.encode();
    assert_eq!(
        Digest::of(&body).to_string(),
        "382c8b83314a74561b7742a6bec5dc5e9a964906329ddb628acd8d95022521f0"
    );
    assert_eq!(Batch::decode(&body), Ok(batch));
}

/// A stratum that goes on untested.
#[test]
fn a_batch_about_an_untested_stratum_is_written_and_read_as_it_always_was() {
    let batch = Batch {
        inputs: vec![Input::Command {
            actor: ana(),
            command: Command::AcceptUntested {
                rollout: RolloutId(7),
                stratum: text("os=debian-12 role=sql"),
                reason: text("exploited"),
            },
        }],
        events: vec![Event::UntestedAccepted {
            rollout: RolloutId(7),
            stratum: text("os=debian-12 role=sql"),
            actor: ana(),
            reason: text("exploited"),
        }],
        ..Batch::default()
    };
    let body = batch.encode();
    assert_eq!(Batch::decode(&body), Ok(batch));
}

/// What somebody says of content, and what becomes of it.
#[test]
fn a_batch_about_an_advisory_reads_back() {
    let advisory = || Advisory {
        id: text("MS-2026-04-19-lsass"),
        source: text("Microsoft"),
        rank: Rank::Vendor,
        about: vec![About {
            name: text("KB5082142"),
            build: Some(text("20348.5020")),
        }],
        affects: Some(text("role = dc and pam = yes")),
        effect: Effect::Hold,
        fixed_by: Some(text("2026-04-windows-oob")),
        published: Some(Timestamp(1_776_186_000_000)),
        reference: Some(text("https://learn.microsoft.com")),
        says: Some(text("restart loops")),
    };
    let rulings = [Ruling::Withdraw, Ruling::Accept, Ruling::Dismiss];
    let mut commands = vec![Command::Advise {
        advisories: vec![advisory()],
    }];
    let mut events = vec![Event::Advised {
        advisory: advisory(),
        actor: ana(),
    }];
    for ruling in rulings {
        let (id, reason) = (advisory().id, text("so we decided"));
        commands.push(Command::RuleAdvisory {
            id: id.clone(),
            ruling,
            reason: reason.clone(),
        });
        events.push(Event::AdvisoryRuled {
            id,
            ruling,
            actor: ana(),
            reason,
        });
    }
    let batch = Batch {
        inputs: commands
            .into_iter()
            .map(|command| Input::Command {
                actor: ana(),
                command,
            })
            .collect(),
        events,
        ..Batch::default()
    };
    let body = batch.encode();
    assert_eq!(Batch::decode(&body), Ok(batch));
}
