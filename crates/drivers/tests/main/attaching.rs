//! Steps that are found again, by a Ringway that was killed in between.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use ringway_drivers::Keep;
use ringway_model::{IntentId, RawReport, RolloutId, Slot, Span};

use crate::support::{INCARNATION, World, ended, exists, kill, runs, shells, until};

const WAITS: &str =
    "echo begun >> ledger; touch begun; while [ ! -e go ]; do sleep 0.02; done; echo done; exit 4";

#[tokio::test]
async fn an_attach_waits_for_what_is_running_and_reports_its_end() {
    for shell in shells() {
        let world = World::with_shell(&shell);
        world.start_and_forget(world.step(1, WAITS), "begun").await;
        let go = async { fs::write(world.file("go"), "").unwrap() };
        let (report, ()) = tokio::join!(world.attach(world.step(1, WAITS)), go);
        assert_eq!(report, ended(4, "done\n"), "{shell:?}");
        // And again, when it has ended: the same.
        assert_eq!(world.attach(world.step(1, WAITS)).await, ended(4, "done\n"));
        assert_eq!(world.text("ledger"), "begun\n");
    }
}

#[tokio::test]
async fn the_timeout_is_kept_while_nobody_watches() {
    let world = World::new();
    let mut step = world.step(1, WAITS);
    step.timeout = Span(1000);
    world.start_and_forget(step.clone(), "begun").await;
    exists(&world.marker(1, "result")).await;
    let RawReport::TimedOut { .. } = world.attach(step).await else {
        panic!("its time was over");
    };
}

#[tokio::test]
async fn what_never_started_can_never_start_after_an_attach() {
    for shell in shells() {
        let world = World::with_shell(&shell);
        let step = world.step(1, "touch ran");
        assert_eq!(
            world.attach(step.clone()).await,
            RawReport::NeverStarted,
            "{shell:?}"
        );
        assert_eq!(world.run(step.clone()).await, RawReport::NeverStarted);
        assert_eq!(world.attach(step).await, RawReport::NeverStarted);
        assert!(!world.file("ran").exists());
    }
}

/// A crash after the run directory is made and before the step begins is no interruption: nothing was done to the host.
#[tokio::test]
async fn a_run_directory_without_a_fate_never_started() {
    let world = World::new();
    fs::create_dir_all(world.marker(1, "")).unwrap();
    assert_eq!(
        world.run(world.step(1, "touch ran")).await,
        RawReport::NeverStarted
    );
    fs::create_dir_all(world.marker(2, "")).unwrap();
    assert_eq!(
        world.attach(world.step(2, "touch ran")).await,
        RawReport::NeverStarted
    );
    assert!(!world.file("ran").exists());
}

#[tokio::test]
async fn an_envelope_killed_while_it_waits_for_its_host_never_starts_its_step() {
    let world = World::new();
    world.start_and_forget(world.step(1, WAITS), "begun").await;
    let second = world.step(2, "touch ran");
    let killed = async {
        exists(&world.marker(2, "supervisor")).await;
        kill(world.pid(2, "supervisor"));
    };
    let report = tokio::join!(world.run(second.clone()), killed).0;
    assert_eq!(report, RawReport::NeverStarted);
    fs::write(world.file("go"), "").unwrap();
    assert_eq!(world.attach(second).await, RawReport::NeverStarted);
    assert_eq!(world.run(world.step(3, "echo 3")).await, ended(0, "3\n"));
    assert!(!world.file("ran").exists());
}

#[tokio::test]
async fn a_step_killed_with_its_envelope_was_interrupted() {
    for shell in shells() {
        let world = World::with_shell(&shell);
        let step = world.step(1, WAITS);
        let killed = async {
            exists(&world.file("begun")).await;
            kill(world.pid(1, "supervisor"));
            kill(world.pid(1, "step"));
        };
        let report = tokio::join!(world.run(step.clone()), killed).0;
        assert_eq!(report, RawReport::Interrupted, "{shell:?}");
        assert_eq!(world.attach(step.clone()).await, RawReport::Interrupted);
        assert_eq!(world.run(step).await, RawReport::Interrupted);
        assert_eq!(world.text("ledger"), "begun\n");
        // It holds its host no longer.
        assert_eq!(world.run(world.step(2, "echo 2")).await, ended(0, "2\n"));
    }
}

/// While the step itself still runs nobody may take it for over; its exit code is lost with its envelope.
#[tokio::test]
async fn a_step_that_outlives_its_envelope_is_waited_for_and_then_was_interrupted() {
    let world = World::new();
    world.start_and_forget(world.step(1, WAITS), "begun").await;
    kill(world.pid(1, "supervisor"));
    let step = world.pid(1, "step");
    let go = async {
        // The attach has looked once it has told the host of its epoch.
        let epochs = world.driver.host_root("web-1", ringway_model::Place::Host);
        let epoch = epochs.join("epochs").join(INCARNATION.to_string());
        until(|| fs::read_to_string(&epoch).is_ok_and(|seen| seen == "2\n")).await;
        assert!(runs(step));
        fs::write(world.file("go"), "").unwrap();
    };
    let mut again = world.step(1, WAITS);
    again.epoch = ringway_model::Epoch(2);
    let (report, ()) = tokio::join!(world.attach(again), go);
    assert_eq!(report, RawReport::Interrupted);
    assert!(!runs(step));
}

#[tokio::test]
async fn a_step_that_outlives_its_envelope_still_has_its_timeout() {
    let world = World::new();
    let mut step = world.step(1, WAITS);
    step.timeout = Span(1500);
    world.start_and_forget(step.clone(), "begun").await;
    // The watchdog is the envelope's child in its process group; all of it goes.
    let envelope = rustix::process::Pid::from_raw(world.pid(1, "supervisor")).unwrap();
    rustix::process::kill_process_group(envelope, rustix::process::Signal::KILL).unwrap();
    let report = world.attach(step).await;
    assert!(matches!(report, RawReport::TimedOut { .. }), "{report:?}");
    until(|| !runs(world.pid(1, "step"))).await;
}

#[tokio::test]
async fn two_starts_of_one_intent_run_its_command_once() {
    for shell in shells() {
        let world = World::with_shell(&shell);
        let step = world.step(1, "echo ran >> ledger; echo ended");
        let both = tokio::join!(world.run(step.clone()), world.run(step.clone()));
        assert_eq!(
            both,
            (ended(0, "ended\n"), ended(0, "ended\n")),
            "{shell:?}"
        );
        assert_eq!(world.run(step).await, ended(0, "ended\n"));
        assert_eq!(world.text("ledger"), "ran\n", "{shell:?}");
    }
}

/// Starts, attaches and withdrawals at once, again and again: the command never runs twice, and a step that somebody was
/// told never started did not run.
#[tokio::test]
async fn whoever_races_for_a_step_is_told_the_same() {
    let world = World::new();
    for serial in 1..=40 {
        let text = format!("echo {serial} >> ledger");
        let step = || world.step(serial, &text);
        let (one, two, three) =
            tokio::join!(world.run(step()), world.attach(step()), world.run(step()));
        let ran = world
            .text("ledger")
            .lines()
            .filter(|line| **line == *serial.to_string())
            .count();
        for report in [one, two, three] {
            if report == RawReport::NeverStarted {
                assert_eq!(ran, 0, "step {serial}");
            } else {
                assert_eq!((report, ran), (ended(0, ""), 1), "step {serial}");
            }
        }
    }
}

/// Numbers of processes come again. A holder that is dead must not hold its host for ever because of one.
#[tokio::test]
async fn a_later_process_with_the_number_of_a_dead_one_holds_nothing() {
    let world = World::new();
    assert_eq!(world.run(world.step(1, "true")).await, ended(0, ""));
    fs::remove_file(world.marker(1, "result")).unwrap();
    let me = std::process::id();
    fs::write(
        world.marker(1, "supervisor"),
        format!("{me} of-an-earlier-boot.1 60\n"),
    )
    .unwrap();
    fs::write(
        world.marker(1, "step"),
        format!("{me} of-an-earlier-boot.1\n"),
    )
    .unwrap();
    assert_eq!(
        world.attach(world.step(1, "true")).await,
        RawReport::Interrupted
    );
    assert_eq!(world.run(world.step(2, "echo 2")).await, ended(0, "2\n"));
}

#[tokio::test]
async fn tidying_takes_finished_runs_and_nothing_that_is_open_or_alive() {
    let world = World::new();
    for serial in 1..=5 {
        drop(world.run(world.step(serial, "true")).await);
    }
    drop(world.attach(world.step(6, "true")).await);
    world.start_and_forget(world.step(7, WAITS), "begun").await;
    let intent = |serial| IntentId::new(RolloutId(1), Slot(0), serial);
    let tidy = |open: &[u16], younger_than, at_most, later: Duration| {
        let open: BTreeSet<_> = open.iter().map(|serial| intent(*serial)).collect();
        let keep = Keep {
            younger_than,
            at_most,
        };
        let now = SystemTime::now() + later;
        world
            .driver
            .tidy_host("web-1", INCARNATION, &open, keep, now)
            .unwrap()
    };
    let hour = Duration::from_hours(1);
    assert_eq!(tidy(&[1], hour, 100, Duration::ZERO), 0, "all are young");
    assert_eq!(
        tidy(&[1], hour, 2, Duration::ZERO),
        3,
        "two of five may stay"
    );
    assert_eq!(tidy(&[1], hour, 2, 2 * hour), 2, "the others are old now");
    let left: Vec<bool> = (1..=7)
        .map(|serial| world.marker(serial, "").exists())
        .collect();
    assert_eq!(left, [true, false, false, false, false, false, true]);
    fs::write(world.file("go"), "").unwrap();
    assert_eq!(world.attach(world.step(7, WAITS)).await, ended(4, "done\n"));
    assert_eq!(tidy(&[], hour, 0, Duration::ZERO), 2);
}
