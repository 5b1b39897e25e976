//! What failing steps said is in the journal, and is known again after every recovery.

use ringway_engine::Event;
use ringway_engine::view::LastWord;
use ringway_executor::codec::{Batch, What, lines};
use ringway_executor::fold::Fold;
use ringway_executor::port::{Row, Start};
use ringway_executor::{Config, Library};
use ringway_model::{RawReport, Slot, StepKind, Timestamp};

use crate::rig::{ROLLOUT, Rig, START};

/// Takes the steps that were handed out for five minutes and reports them as `report` says; where it says nothing, they
/// end well.
fn drive(rig: &mut Rig, mut report: impl FnMut(&Start, StepKind) -> Option<RawReport>) {
    rig.hold_steps = true;
    let until = Timestamp(START.0 + 5 * 60_000);
    rig.propose(1);
    rig.settle();
    for _ in 0..1000 {
        if let Some(start) = rig.held.pop() {
            let route = &start.plan.routes[start.route.index()];
            let kind = route.step(start.visit, start.position).unwrap().kind;
            let well = rig.world.begun[&start.intent].clone();
            let report = report(&start, kind).unwrap_or(well);
            rig.report(start.intent, report);
            rig.settle();
        } else if let Some(wake) = rig.wake.filter(|wake| *wake <= until) {
            rig.run_to(wake);
        } else {
            return;
        }
    }
}

/// A rollout whose first host cannot be reached, and whose second host's `apply` fails, which halts it.
fn spoken(snapshot_every: u64) -> Rig {
    let mut rig = Rig::new();
    rig.config = Config {
        workers: 3,
        snapshot_every,
        ..Config::default()
    };
    rig.crash();
    drive(&mut rig, |start, kind| match (start.intent.slot(), kind) {
        (Slot(0), _) => Some(RawReport::Unreachable {
            why: "connection refused".to_owned(),
        }),
        (_, StepKind::Apply) => Some(RawReport::Ended {
            exit: 100,
            output: "E: \u{1b}[1mno such package\n".to_owned(),
            restarts: 0,
        }),
        _ => None,
    });
    assert_eq!(rig.view().rollouts[0].state, "halted");
    rig
}

fn words(rig: &Rig) -> Vec<Option<LastWord>> {
    let hosts = rig.executor.hosts_of(ROLLOUT, None);
    hosts.into_iter().map(|host| host.last_word).collect()
}

#[test]
fn a_host_that_failed_and_one_that_was_not_reached_say_why_before_and_after_a_recovery() {
    for (snapshot_every, uses_snapshots) in [(1, true), (1, false), (1000, true)] {
        let mut rig = spoken(snapshot_every);
        rig.uses_snapshots = uses_snapshots;
        let said = words(&rig);
        let failed = said[1].as_ref().expect("its apply failed");
        assert_eq!((failed.step, failed.attempt), (StepKind::Apply, 1));
        assert_eq!(failed.what, "its command failed");
        assert_eq!(failed.text, "exit code 100\nE: \u{fffd}[1mno such package");
        let away = said[0].as_ref().expect("it was not reached");
        assert_eq!(
            (away.step, away.text.as_str()),
            (StepKind::Inspect, "connection refused")
        );
        assert!(said[2..].iter().all(Option::is_none));
        assert_eq!(rig.executor.host_views("web-0")[0].last_word, said[0]);
        rig.crash();
        rig.settle();
        assert_eq!(words(&rig), said, "snapshots every {snapshot_every}");
        assert_eq!(rig.world.snapshots.is_empty(), snapshot_every == 1000);
    }
}

/// The undrain of a host that never came back fails too, and says nothing of why the host failed.
#[test]
fn a_host_that_never_came_back_tells_of_its_reboot_before_and_after_a_recovery() {
    let mut rig = Rig::new();
    drive(&mut rig, |start, kind| match (start.intent.slot(), kind) {
        (Slot(1), StepKind::Reboot) => Some(RawReport::NotBack {
            restarts: 0,
            why: "not back within 5m".to_owned(),
        }),
        (Slot(1), StepKind::Undrain) => Some(RawReport::Unreachable {
            why: "connection refused".to_owned(),
        }),
        _ => None,
    });
    let said = words(&rig);
    let failed = said[1].as_ref().expect("it never came back");
    assert_eq!(
        (failed.step, failed.text.as_str()),
        (StepKind::Reboot, "not back within 5m")
    );
    rig.crash();
    rig.settle();
    assert_eq!(words(&rig), said);
}

/// Where only the undrain fails, it is what there is to tell.
#[test]
fn an_undrain_that_fails_by_itself_is_told() {
    let mut rig = Rig::new();
    drive(&mut rig, |start, kind| {
        let is_it = (start.intent.slot(), kind) == (Slot(1), StepKind::Undrain);
        is_it.then(|| RawReport::Ended {
            exit: 1,
            output: "no such server".to_owned(),
            restarts: 0,
        })
    });
    let failed = words(&rig)[1].clone().expect("it is out of service");
    assert_eq!(failed.step, StepKind::Undrain);
}

#[test]
fn a_snapshot_that_does_not_read_costs_time_and_nothing_else() {
    let mut rig = spoken(1);
    let (said, state) = (words(&rig), rig.executor.engine().state_digest());
    for damage in [
        |body: &mut Vec<u8>| body[0] = 200,
        |body: &mut Vec<u8>| body.truncate(9),
        Vec::clear,
    ] {
        let mut world = rig.world.clone();
        for snapshot in &mut world.snapshots {
            damage(&mut snapshot.body);
        }
        let rows = world.rows.len();
        let mut next = Rig::with(world, rig.now);
        next.hold_steps = true;
        next.settle();
        assert_eq!(next.ended, None);
        assert_eq!(words(&next), said);
        assert!(next.world.rows.len() > rows, "it has taken over");
    }
    rig.uses_snapshots = false;
    assert_eq!(rig.executor.engine().state_digest(), state);
}

#[test]
fn notes_are_lines_of_the_journal_for_people() {
    let rig = spoken(1000);
    let shown: Vec<String> = rig
        .world
        .rows
        .iter()
        .flat_map(|row| {
            let batch = Batch::decode(&row.body).unwrap();
            let notes: Vec<String> = lines(row, &batch)
                .filter(|line| matches!(line.what, What::Note(..)))
                .map(|line| serde_json::to_string(&line.what).unwrap())
                .collect();
            notes
        })
        .collect();
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert!(shown.iter().any(|line| line.contains("connection refused")));
}

/// The batch as its first version had it: everything before the notes.
fn in_version_1(batch: &Batch) -> Vec<u8> {
    let old = (
        &batch.inputs,
        batch.free_workers,
        &batch.events,
        batch.state,
    );
    postcard::to_extend(&old, vec![1]).unwrap()
}

/// A journal of the first format, with digests of the state as that format had it, reads for ever.
#[test]
fn a_journal_of_version_1_folds_to_the_digests_that_were_written_down_then() {
    let rig = spoken(1000);
    let library = Library::read(&rig.world.blobs).unwrap();
    let (mut now, mut then) = (Fold::new(&library), Fold::new(&library));
    let mut hash = Row::GENESIS;
    for row in &rig.world.rows {
        let mut batch = now.row(row).unwrap();
        batch.state = Some(now.engine().state_digest_v1());
        let mut old = Row {
            body: in_version_1(&batch),
            ..row.clone()
        };
        old.hash = old.hash_after(&hash);
        hash = old.hash;
        let read = then.row(&old).unwrap();
        assert_eq!(
            (read.notes.len(), read.events.len()),
            (0, batch.events.len())
        );
    }
    assert_eq!(then.confirmed(), rig.world.rows.len() as u64);
    assert_eq!(then.engine().state_digest(), now.engine().state_digest());
    // The digest of the second format in a row of the first one is another state.
    let first = &rig.world.rows[0];
    let mut batch = Batch::decode(&first.body).unwrap();
    let mut fold = Fold::new(&library);
    fold.row(first).unwrap();
    batch.state = Some(fold.engine().state_digest());
    let mut old = Row {
        body: in_version_1(&batch),
        ..first.clone()
    };
    old.hash = old.hash_after(&Row::GENESIS);
    assert!(Fold::new(&library).row(&old).is_err());
}

#[test]
fn a_step_is_handed_out_with_what_a_stop_does_to_it_and_with_the_adopted_databases() {
    let mut rig = Rig::new();
    let adopt = |incarnation| ringway_engine::Command::Adopt {
        incarnation,
        reason: "its disk is gone".to_owned(),
    };
    rig.command(2, adopt(7));
    rig.command(3, adopt(8));
    let mut seen = Vec::new();
    drive(&mut rig, |start, kind| {
        seen.push((kind, start.may_run_when_held));
        assert!(start.adopts.iter().eq(&[8]), "{:?}", start.adopts);
        None
    });
    let own = rig.replies[&2].as_ref().unwrap_err();
    assert_eq!(own.code, "wrong-state", "{own:?}");
    assert!(rig.replies[&3].as_ref().unwrap().changed);
    for (kind, may_run) in &seen {
        assert_eq!(
            *may_run,
            kind.may_start_when_held(ringway_model::VisitKind::Update)
        );
    }
    assert!(seen.iter().any(|(_, may)| *may) && seen.iter().any(|(_, may)| !*may));
    let adopted = rig.events().into_iter();
    let adopted = adopted.filter(|event| matches!(event, Event::HostsAdopted { .. }));
    assert_eq!(adopted.count(), 1);
}
