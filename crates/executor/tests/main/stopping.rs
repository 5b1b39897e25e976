//! Between commit and act: what a halt finds there never begins.

use ringway_engine::{Command, Event};
use ringway_executor::port::{Arrival, Request};
use ringway_model::{Actor, FailWhy, HostOutcome, RawReport, Span, StepKind, StepResult};

use crate::rig::{ROLLOUT, Rig};

fn halt() -> Command {
    Command::Halt {
        rollout: ROLLOUT,
        reason: "harm".to_owned(),
    }
}

fn is_start(request: &Request) -> bool {
    matches!(request, Request::Start(_))
}

/// The rig up to the append of the first step, whose result is not told yet.
fn before_the_first_start() -> (Rig, Arrival) {
    let mut rig = Rig::new();
    rig.propose(1);
    loop {
        let arrival = rig.queue.pop_front().expect("a step is decided");
        let issued = rig.world.rows.last().is_some_and(|row| {
            let batch = ringway_executor::codec::Batch::decode(&row.body).unwrap();
            let mut events = batch.events.iter();
            events.any(|event| matches!(event, Event::StepIssued { .. }))
        });
        if issued && matches!(arrival, Arrival::Appended { .. }) {
            return (rig, arrival);
        }
        rig.deliver(arrival);
    }
}

#[test]
fn nothing_starts_and_nobody_is_answered_before_the_batch_is_durable() {
    let mut rig = Rig::new();
    rig.settle();
    let mut out = Vec::new();
    rig.propose(1);
    let asked = rig.queue.pop_front().unwrap();
    rig.executor.step(rig.now, asked, &mut out);
    let kinds: Vec<_> = out
        .iter()
        .map(|request| matches!(request, Request::Append { .. }))
        .collect();
    assert_eq!(kinds.iter().filter(|is_append| **is_append).count(), 1);
    assert!(
        !out.iter()
            .any(|request| is_start(request) || matches!(request, Request::Reply { .. }))
    );
    out.clear();
    rig.executor
        .step(rig.now, Arrival::Appended { seq: 2 }, &mut out);
    assert!(
        matches!(
            &out[0],
            Request::Reply {
                ticket: 1,
                answer: Ok(_)
            }
        ),
        "{out:?}"
    );
}

#[test]
fn a_halt_between_commit_and_act_wins() {
    let (mut rig, appended) = before_the_first_start();
    rig.command(2, halt());
    let command = rig.queue.pop_back().unwrap();
    rig.deliver(command);
    rig.deliver(appended);
    rig.settle();
    assert!(rig.replies[&2].is_ok());
    assert!(rig.world.begun.is_empty(), "{:?}", rig.world.begun);
    let ends: Vec<_> = rig
        .events()
        .into_iter()
        .filter_map(|event| {
            if let Event::StepEnded { result, .. } = event {
                Some(result)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(ends, [StepResult::NotStarted]);
    assert!(
        rig.outcomes()
            .iter()
            .all(|outcome| *outcome == HostOutcome::Pending)
    );
}

#[test]
fn a_halt_asks_back_what_is_handed_out_and_what_comes_back_has_not_begun() {
    let mut rig = Rig::new();
    rig.hold_steps = true;
    rig.propose(1);
    rig.settle();
    let intent = rig.held[0].intent;
    rig.command(2, halt());
    rig.settle();
    assert_eq!(rig.withdrawals, [intent]);
    assert!(rig.held.is_empty());
    assert!(
        rig.outcomes()
            .iter()
            .all(|outcome| *outcome == HostOutcome::Pending)
    );
    assert_eq!(rig.executor.engine().outstanding(), []);
}

/// It had begun before the worker was asked: its end counts, and the host is brought back into service.
#[test]
fn a_step_that_cannot_be_taken_back_ends_and_its_host_is_brought_back() {
    let mut rig = Rig::new();
    rig.hold_steps = true;
    rig.propose(1);
    rig.settle();
    // Inspect ends; the drain begins.
    rig.release();
    rig.hold_steps = true;
    rig.settle();
    let drain = rig.held.remove(0).intent;
    rig.hold_steps = false;
    rig.command(2, halt());
    rig.settle();
    assert_eq!(rig.withdrawals, [drain]);
    assert_eq!(rig.executor.engine().outstanding(), [drain]);
    let report = rig.world.begun[&drain].clone();
    rig.report(drain, report);
    rig.settle();
    assert_eq!(rig.executor.engine().outstanding(), []);
    assert!(
        rig.outcomes()
            .iter()
            .all(|outcome| *outcome == HostOutcome::Pending)
    );
    assert_eq!(rig.world.begun.len(), 3, "inspect, drain, undrain");
}

/// What must not happen: a disk hangs for minutes and a step then starts on evidence from before.
#[test]
fn a_step_whose_commit_took_too_long_is_decided_anew() {
    let (mut rig, appended) = before_the_first_start();
    rig.now = rig.now + Span::seconds(11);
    let mut out = Vec::new();
    rig.executor.step(rig.now, appended, &mut out);
    assert!(!out.iter().any(is_start), "{out:?}");
    let again = out
        .iter()
        .any(|request| matches!(request, Request::Append { .. }));
    assert!(again, "{out:?}");
}

#[test]
fn late_repeated_and_unknown_reports_change_nothing() {
    let mut rig = Rig::new();
    rig.propose(1);
    rig.finish();
    let (rows, state) = (rig.world.rows.len(), rig.executor.engine().state_digest());
    let begun: Vec<_> = rig.world.begun.keys().copied().collect();
    for intent in begun {
        rig.report(intent, RawReport::Interrupted);
    }
    rig.settle();
    assert_eq!(rig.world.rows.len(), rows);
    assert_eq!(rig.executor.engine().state_digest(), state);
}

#[test]
fn a_refusal_is_told_at_once_and_leaves_no_row() {
    let mut rig = Rig::new();
    rig.settle();
    let rows = rig.world.rows.len();
    rig.command(5, halt());
    rig.settle();
    assert_eq!(rig.replies[&5].as_ref().unwrap_err().code, "not-found");
    assert_eq!(rig.world.rows.len(), rows);
}

#[test]
fn the_same_request_twice_is_one_rollout_and_both_are_journaled() {
    let mut rig = Rig::new();
    rig.hold_steps = true;
    rig.propose(1);
    rig.settle();
    rig.propose(2);
    rig.settle();
    let (first, second) = (
        rig.replies[&1].clone().unwrap(),
        rig.replies[&2].clone().unwrap(),
    );
    assert_eq!((first.rollout, first.changed), (Some(ROLLOUT), true));
    assert_eq!((second.rollout, second.changed), (Some(ROLLOUT), false));
    let inputs = rig.journal().0.into_iter().flat_map(|batch| batch.inputs);
    let commands = inputs.filter(|input| matches!(input, ringway_engine::Input::Command { .. }));
    assert_eq!(commands.count(), 2);
}

/// Documents are registered with the proposal or the plan does not count (I15).
#[test]
fn a_plan_without_its_documents_is_refused() {
    let mut rig = Rig::new();
    let mut proposal = crate::fixture::proposal();
    proposal.documents.clear();
    rig.order(
        1,
        ringway_executor::port::Order::Propose(Box::new(proposal)),
    );
    let mut other = crate::fixture::proposal();
    let mut fleet = crate::fixture::fleet();
    fleet.name = "other".to_owned();
    other.fleet = std::sync::Arc::new(fleet);
    rig.order(2, ringway_executor::port::Order::Propose(Box::new(other)));
    let unknown = Command::Propose {
        fleet: ringway_model::Digest::of(b"a"),
        plan: ringway_model::Digest::of(b"b"),
        key: None,
    };
    rig.command(3, unknown);
    rig.settle();
    let code = |ticket: u64| rig.replies[&ticket].clone().unwrap_err().code;
    assert_eq!(
        [code(1), code(2), code(3)],
        ["documents-missing", "fleet-changed", "not-found"]
    );
}

#[test]
fn a_host_that_is_down_for_longer_than_its_gate_allows_halts_the_rollout() {
    let mut rig = Rig::new();
    rig.propose(1);
    // Until the first ring soaks.
    while !rig
        .events()
        .iter()
        .any(|event| matches!(event, Event::SoakBegan { .. }))
    {
        let wake = rig.wake.unwrap_or(rig.now);
        rig.run_to(wake);
    }
    rig.world.bad.insert(ringway_model::HostId(1));
    rig.run_to(rig.now + Span::minutes(2));
    assert_eq!(rig.view().rollouts[0].state, "halted");
    let why = FailWhy::ProbeDown;
    assert_eq!(rig.outcomes()[1], HostOutcome::Unhealthy { why });
    assert_eq!(rig.outcomes()[2..], [HostOutcome::Pending; 6]);
}

#[test]
fn a_step_that_fails_for_good_halts_and_no_further_host_is_touched() {
    let mut rig = Rig::new();
    rig.world.failing = Some(StepKind::Verify);
    rig.propose(1);
    rig.run_to(rig.now + Span::minutes(10));
    assert_eq!(rig.view().rollouts[0].state, "halted");
    assert_eq!(rig.outcomes()[1..], [HostOutcome::Pending; 7]);
    assert_eq!(rig.view().rollouts[0].starter, Actor("ana".to_owned()).0);
}
