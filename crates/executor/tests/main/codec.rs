//! The format of a row: what was written once must read for ever.

use ringway_engine::{
    Command, Conditions, Ending, Event, Exhibit, Final, HaltCause, HoldKind, HostState, Input,
    Shown, Subject, Then, Told, Verdict,
};
use ringway_executor::codec::{Batch, DecodeError};
use ringway_model::{
    Actor, Digest, Epoch, Evidence, FailWhy, HostId, IntentId, ProbeId, RingIndex, RolloutId, Says,
    Slot, Span, StepKind, StepResult, Timestamp, VisitKind,
};

/// Formats that journals exist in. If one does not read any more, the change needs a new version and an upcaster, never
/// another golden file.
const V1: &str = include_str!("batch-v1.hex");
const V2: &str = include_str!("batch-v2.hex");

/// The digest of a batch about work by hand.
const BY_HAND: &str = "33c5cdfa138e109475e170de6bb2609207c94842382f17c469c53a159f5bfa31";

pub(crate) fn text(text: &str) -> String {
    text.to_owned()
}

pub(crate) fn ana() -> Actor {
    Actor(text("ana"))
}

fn commands() -> Vec<Command> {
    let (rollout, reason) = (RolloutId(1), || text("why"));
    vec![
        Command::Propose {
            fleet: Digest::of(b"fleet"),
            plan: Digest::of(b"plan"),
            key: Some(text("key")),
        },
        Command::Approve {
            rollout,
            subject: Subject::Promotion { ring: RingIndex(1) },
            digest: Digest::of(b"shown"),
        },
        Command::Reject {
            rollout,
            reason: reason(),
        },
        Command::Pause {
            rollout,
            reason: reason(),
        },
        Command::Resume {
            rollout,
            reason: reason(),
        },
        Command::Halt {
            rollout,
            reason: reason(),
        },
        Command::Cancel {
            rollout,
            reason: reason(),
        },
        Command::Rollback {
            rollout,
            reason: reason(),
        },
        Command::Stop { reason: reason() },
        Command::Go { reason: reason() },
        Command::Adopt {
            incarnation: u64::MAX,
            reason: reason(),
        },
    ]
}

fn inputs() -> Vec<Input> {
    let intent = IntentId::new(RolloutId(1), Slot(17), 3);
    let mut inputs: Vec<Input> = commands()
        .into_iter()
        .map(|command| Input::Command {
            actor: ana(),
            command,
        })
        .collect();
    inputs.extend([
        Input::StepEnded {
            intent,
            result: StepResult::Back { restarts: 1 },
        },
        Input::Evidence {
            host: HostId(300),
            probe: ProbeId(2),
            to: Evidence::Down,
        },
        Input::Restarted { host: HostId(5) },
        Input::Recovered {
            epoch: Epoch(2),
            last_alive: Timestamp(1_776_186_000_000),
        },
        Input::ClockJumped {
            from: Timestamp(-1),
        },
        Input::Tick,
        Input::Alive,
    ]);
    inputs
}

fn fleet_events() -> Vec<Event> {
    let (actor, reason) = (ana, || text("why"));
    vec![
        Event::Recovered {
            epoch: Epoch(2),
            last_alive: Timestamp(5),
        },
        Event::Alive,
        Event::ClockJumped { from: Timestamp(6) },
        Event::FleetAdopted {
            fleet: Digest::of(b"fleet"),
        },
        Event::Stopped {
            actor: actor(),
            reason: reason(),
        },
        Event::Went {
            actor: actor(),
            reason: reason(),
        },
        Event::Faulted { what: text("what") },
        Event::EvidenceChanged {
            host: HostId(1),
            probe: ProbeId(0),
            to: Evidence::Up,
        },
    ]
}

#[expect(clippy::too_many_lines, reason = "one of every kind")]
fn rollout_events() -> Vec<Event> {
    let (rollout, ring, actor, reason) = (RolloutId(1), RingIndex(2), ana, || text("why"));
    let digest = Digest::of(b"shown");
    let conditions = Conditions {
        failed: vec![Slot(4)],
        debt: 1,
    };
    vec![
        Event::Proposed {
            rollout,
            plan: digest,
            actor: actor(),
            key: None,
        },
        Event::Approved {
            rollout,
            subject: Subject::Start,
            actor: actor(),
            digest,
            conditions,
        },
        Event::ApprovalVoided {
            rollout,
            subject: Subject::Start,
            actor: actor(),
            why: reason(),
        },
        Event::Declined {
            rollout,
            actor: actor(),
            reason: reason(),
        },
        Event::RingOpened { rollout, ring },
        Event::SoakBegan { rollout, ring },
        Event::SoakHeld { rollout },
        Event::SoakContinued { rollout },
        Event::SoakEnded { rollout },
        Event::Promoted { rollout, ring },
        Event::Paused {
            rollout,
            actor: actor(),
            reason: reason(),
        },
        Event::Halted {
            rollout,
            cause: HaltCause::Failures {
                ring,
                failed: 2,
                limit: 2,
            },
        },
        Event::Halted {
            rollout,
            cause: HaltCause::Person {
                actor: actor(),
                reason: reason(),
            },
        },
        Event::Resumed {
            rollout,
            actor: actor(),
            reason: reason(),
        },
        Event::CancelBegan {
            rollout,
            actor: actor(),
            reason: reason(),
        },
        Event::RollbackBegan {
            rollout,
            actor: actor(),
            reason: reason(),
        },
        Event::Finished {
            rollout,
            how: Final::RolledBack,
        },
    ]
}

#[expect(clippy::too_many_lines, reason = "one of every kind")]
fn host_events() -> Vec<Event> {
    let (rollout, slot) = (RolloutId(1), Slot(200));
    let intent = IntentId::new(rollout, slot, 1);
    let why = FailWhy::ProbeDown;
    let ending = Ending::Failed {
        step: StepKind::Verify,
        why: FailWhy::Exit,
    };
    let ended = |result: StepResult, then: Then| Event::StepEnded {
        intent,
        result,
        then,
    };
    let found = StepResult::Found {
        installed: false,
        previous: Some(text("1.0")),
    };
    vec![
        Event::StepIssued {
            intent,
            visit: VisitKind::Rollback,
            position: 3,
            attempt: 1,
        },
        ended(
            found,
            Then::Step {
                position: 1,
                attempt: 1,
                ending: Ending::Well,
            },
        ),
        ended(
            StepResult::Failed(FailWhy::TimedOut),
            Then::Retry {
                position: 2,
                attempt: 2,
                at: Timestamp(9),
            },
        ),
        ended(
            StepResult::Unreachable,
            Then::End {
                to: HostState::Lost,
                until: Timestamp::NEVER,
            },
        ),
        ended(StepResult::NotStarted, Then::Nothing),
        Event::HostMoved {
            rollout,
            slot,
            to: HostState::Unhealthy { why },
            until: Timestamp(10),
        },
        Event::HostMoved {
            rollout,
            slot,
            to: HostState::Backoff {
                visit: VisitKind::Update,
                position: 1,
                attempt: 2,
                ending,
            },
            until: Timestamp(11),
        },
        Event::Restarted { rollout, slot },
        Event::HostsAdopted {
            incarnation: u64::MAX,
            actor: ana(),
            reason: text("why"),
        },
    ]
}

/// Every kind of input and event once, with numbers of several sizes.
fn everything() -> Batch {
    let events = [fleet_events(), rollout_events(), host_events()].concat();
    Batch {
        inputs: inputs(),
        free_workers: 1000,
        events,
        state: Some(Digest::of(b"state")),
        notes: vec![(
            IntentId::new(RolloutId(1), Slot(17), 3),
            text("exit code 1\nE: no room"),
        )],
    }
}

/// The same, as far as version 1 knew it.
fn everything_of_version_1() -> Batch {
    let mut batch = everything();
    batch.notes.clear();
    batch.inputs.retain(|input| {
        !matches!(
            input,
            Input::Command {
                command: Command::Adopt { .. },
                ..
            }
        )
    });
    batch
        .events
        .retain(|event| !matches!(event, Event::HostsAdopted { .. }));
    batch
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let digits = digits.concat();
    let lines = digits
        .as_bytes()
        .chunks(120)
        .map(|line| String::from_utf8(line.to_vec()).unwrap());
    lines.map(|line| line + "\n").collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn version_1_is_read_as_it_always_was() {
    assert_eq!(
        Batch::decode(&unhex(V1)).unwrap(),
        everything_of_version_1()
    );
}

#[test]
fn version_2_is_written_and_read_as_it_always_was() {
    assert_eq!(hex(&everything().encode()), V2);
    assert_eq!(Batch::decode(&unhex(V2)).unwrap(), everything());
}

/// What people say of single hosts came within version 2: each kind of it is numbered behind all that there was.
fn words_about_hosts() -> Batch {
    let inputs = said_of_hosts().map(|command| Input::Command {
        actor: ana(),
        command,
    });
    Batch {
        inputs: inputs.to_vec(),
        events: decided_of_hosts(),
        ..Batch::default()
    }
}

fn said_of_hosts() -> [Command; 5] {
    let (rollout, kind) = (RolloutId(1), HoldKind::Maintenance);
    let (why, until) = (|| text("why"), Some(Timestamp(1 << 40)));
    [
        Command::Skip {
            rollout,
            host: text("web-1"),
            reason: why(),
        },
        Command::Retry {
            rollout,
            host: text("web-1"),
            reason: why(),
        },
        Command::Hold {
            hosts: vec![text("web-1"), text("web-2")],
            kind,
            reason: why(),
            until,
        },
        Command::Release {
            hosts: vec![text("web-1")],
            kind: HoldKind::Hold,
            reason: why(),
        },
        Command::Comment {
            rollout,
            host: None,
            text: why(),
        },
    ]
}

fn decided_of_hosts() -> Vec<Event> {
    let (rollout, slot, host) = (RolloutId(1), Slot(17), HostId(300));
    let (why, until) = (|| text("why"), Some(Timestamp(1 << 40)));
    let kind = HoldKind::Maintenance;
    let (actor, reason) = (ana(), why());
    vec![
        Event::HostSkipped {
            rollout,
            slot,
            actor: ana(),
            reason: why(),
        },
        Event::HostRetried {
            rollout,
            slot,
            actor: ana(),
            reason: why(),
        },
        Event::HostHeld {
            host,
            kind,
            actor,
            reason,
            until,
        },
        Event::HostReleased {
            host,
            kind,
            actor: None,
            reason: why(),
        },
        Event::Commented {
            rollout,
            slot: Some(slot),
            actor: ana(),
            text: why(),
        },
        Event::HostMoved {
            rollout,
            slot,
            to: HostState::OnHold,
            until: Timestamp::NEVER,
        },
        Event::HostMoved {
            rollout,
            slot,
            to: HostState::Again,
            until: Timestamp::NEVER,
        },
    ]
}

#[test]
fn words_about_hosts_are_written_and_read_as_they_always_were() {
    let body = words_about_hosts().encode();
    assert_eq!(
        Digest::of(&body).to_string(),
        "8d34ac31362d35e78ba88e5b834ad9595edb48e68ca317f8794921a85a81c65c",
        "{}",
        hex(&body)
    );
    assert_eq!(Batch::decode(&body).unwrap(), words_about_hosts());
}

/// A fleet that changed while rollouts ran.
fn a_refresh() -> Batch {
    let (rollout, fleet, plan) = (RolloutId(2), Digest::of(b"fleet"), Digest::of(b"plan"));
    let command = Command::Refresh {
        fleet,
        plans: vec![(rollout, plan)],
    };
    Batch {
        inputs: vec![Input::Command {
            actor: ana(),
            command,
        }],
        events: vec![
            Event::FleetRefreshed {
                fleet,
                actor: ana(),
            },
            Event::PlanRevised { rollout, plan },
            Event::HostMoved {
                rollout,
                slot: Slot(1),
                to: HostState::Vanished,
                until: Timestamp::NEVER,
            },
        ],
        ..Batch::default()
    }
}

/// What came with people and their approvals, within version 2.
fn words_of_approvers() -> Batch {
    let (rollout, ring, digest) = (RolloutId(1), RingIndex(2), Digest::of(b"shown"));
    let (why, early) = (|| text("why"), Subject::Early { ring });
    let inputs = [
        Command::PromoteEarly {
            rollout,
            ring,
            digest,
            reason: why(),
        },
        Command::Ask {
            rollout,
            to: Some(text("ben")),
            text: why(),
        },
        Command::Answer {
            rollout,
            number: 2,
            text: why(),
        },
    ];
    let events = vec![
        Event::ApprovalGiven {
            rollout,
            subject: early,
            actor: ana(),
            digest,
            conditions: Conditions {
                failed: vec![Slot(4)],
                debt: 1,
            },
            shown: Shown {
                person: text("ana"),
                deputy_in: Some(text("operators")),
                gates: vec![Verdict::Pass, Verdict::Inconclusive, Verdict::Regressed],
                left_out: vec![Slot(300)],
                untested: vec![2, 700],
                expires: Some(Timestamp(1 << 40)),
            },
            reason: why(),
        },
        Event::SoakCutShort {
            rollout,
            ring,
            observed: Span::hours(2),
            people: vec![text("ana")],
        },
        Event::Asked {
            rollout,
            number: 2,
            actor: ana(),
            to: None,
            text: why(),
        },
        Event::Answered {
            rollout,
            number: 2,
            actor: ana(),
            text: why(),
        },
    ];
    let inputs = inputs.map(|command| Input::Command {
        actor: ana(),
        command,
    });
    Batch {
        inputs: inputs.to_vec(),
        events,
        ..Batch::default()
    }
}

#[test]
fn a_refresh_is_written_and_read_as_it_always_was() {
    let body = a_refresh().encode();
    assert_eq!(Batch::decode(&body).unwrap(), a_refresh());
    assert_eq!(
        Digest::of(&body).to_string(),
        "63a217f8978ec27723916ebb593cf06e55a3742ec3fc3a6da4ce62ba205852eb",
        "{}",
        hex(&body)
    );
}

/// Work by hand came later still.
fn work_by_hand() -> Batch {
    let intent = IntentId::new(RolloutId(1), Slot(17), 4);
    let exhibit = Some(Exhibit {
        digest: Digest::of(b"a photograph"),
        name: text("console.png"),
        size: 300,
    });
    let command = Command::Done {
        rollout: Some(RolloutId(1)),
        host: text("pacs-1"),
        told: Told::Failed,
        reason: text("why"),
        exhibit: exhibit.clone(),
    };
    let visit = VisitKind::Update;
    Batch {
        inputs: vec![Input::Command {
            actor: ana(),
            command,
        }],
        events: vec![
            Event::WorkAsked {
                intent,
                visit,
                position: 3,
                attempt: 1,
                due: Timestamp(1 << 40),
            },
            Event::HostMoved {
                rollout: RolloutId(1),
                slot: Slot(17),
                to: HostState::ByHand {
                    visit,
                    position: 3,
                    attempt: 1,
                    ending: Ending::Well,
                },
                until: Timestamp::NEVER,
            },
            Event::WorkTold {
                intent,
                actor: ana(),
                told: Told::Untouched,
                reason: text("why"),
                exhibit,
            },
            Event::StepEnded {
                intent,
                result: StepResult::Failed(FailWhy::Person),
                then: Then::Nothing,
            },
        ],
        ..Batch::default()
    }
}

#[test]
fn work_by_hand_is_written_and_read_as_it_always_was() {
    let body = work_by_hand().encode();
    assert_eq!(Digest::of(&body).to_string(), BY_HAND, "{}", hex(&body));
    assert_eq!(Batch::decode(&body).unwrap(), work_by_hand());
}

#[test]
fn words_of_approvers_are_written_and_read_as_they_always_were() {
    let body = words_of_approvers().encode();
    assert_eq!(
        Digest::of(&body).to_string(),
        "a0afb952748993931f14b94d3a866a1e2da2c7738b09bfbfbc2749b3aeaf62c7",
        "{}",
        hex(&body)
    );
    assert_eq!(Batch::decode(&body).unwrap(), words_of_approvers());
}

#[test]
fn an_unknown_version_is_named() {
    let mut body = everything().encode();
    body[0] = 3;
    assert_eq!(Batch::decode(&body), Err(DecodeError::UnknownVersion(3)));
    assert_eq!(Batch::decode(&[]), Err(DecodeError::Empty));
}

#[test]
fn a_batch_cut_short_or_with_something_after_it_is_no_batch() {
    let body = everything().encode();
    for length in 1..body.len() {
        let cut = Batch::decode(&body[..length]);
        assert!(
            matches!(cut, Err(DecodeError::Malformed { version: 2, .. })),
            "{length}"
        );
    }
    let longer = [body, vec![0]].concat();
    assert_eq!(
        Batch::decode(&longer).unwrap_err().to_string(),
        "the batch does not read as format version 2: 1 bytes are left over"
    );
}

#[test]
fn the_ticket_of_a_rollout_is_written_and_read_as_it_always_was() {
    let change: ringway_model::ChangeId = "CHG0012345".parse().unwrap();
    let batch = Batch {
        inputs: vec![Input::Command {
            actor: ana(),
            command: Command::ProposeAs {
                fleet: Digest::of(b"fleet"),
                plan: Digest::of(b"plan"),
                key: None,
                change: change.clone(),
            },
        }],
        events: vec![Event::ChangeNamed {
            rollout: RolloutId(1),
            change,
        }],
        ..Batch::default()
    };
    let body = batch.encode();
    assert_eq!(
        Digest::of(&body).to_string(),
        "452e521be6dc4b77aa95acad479ce0047ce2f0740f56555a27c636d7611c1f09",
        "{}",
        hex(&body)
    );
    assert_eq!(Batch::decode(&body).unwrap(), batch);
}

/// Variants that came later still are at the end as well: freezes that people override, and external gates.
#[test]
fn a_batch_with_overridden_freezes_and_gates_encodes_to_the_bytes_that_were_committed() {
    let (rollout, until) = (RolloutId(1), Timestamp(1_776_186_000_000));
    let (freeze, reason) = (|| text("closing"), || text("urgent"));
    let batch = Batch {
        inputs: vec![
            Input::Command {
                actor: ana(),
                command: Command::OverrideFreeze {
                    rollout,
                    freeze: freeze(),
                    reason: reason(),
                    until,
                },
            },
            Input::GateSaid {
                rollout,
                gate: 2,
                says: Says::Closed,
                why: text("CHG-1"),
            },
        ],
        events: vec![
            Event::FreezeOverridden {
                rollout,
                freeze: freeze(),
                actor: ana(),
                reason: reason(),
                until,
            },
            Event::GateSaid {
                rollout,
                gate: 2,
                says: Says::Closed,
                why: text("CHG-1"),
            },
        ],
        ..Batch::default()
    };
    let body = batch.encode();
    assert_eq!(
        Digest::of(&body).to_string(),
        "6a8d5ea41d44402677717a4a74e7aa0d6fec38ad2e2d67de15e30e5eb56a87c3",
        "{}",
        hex(&body)
    );
    assert_eq!(Batch::decode(&body), Ok(batch));
}
