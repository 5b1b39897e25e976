//! `reboot` steps: a host is back when its boot id says so, and not otherwise.

use std::fs;
use std::num::NonZeroU16;
use std::time::Duration;

use ringway_drivers::{Driver as _, RebootRequest, StepRequest};
use ringway_model::{RawReport, Span};
use ringway_policy::validated::{Command, When};

use crate::support::{World, ended, exists, kill};

/// A restart is a file that has another text; no file: the host does not answer.
fn reboot(world: &World, serial: u16, text: &str) -> StepRequest {
    let mut step = world.step(serial, text);
    let one = NonZeroU16::new(1).unwrap();
    step.reboot = Some(RebootRequest {
        when: When::Always,
        boot_id: Some(Command::Shell("cat boot".to_owned())),
        restarts: (one, NonZeroU16::new(2).unwrap()),
        back_within: Span::seconds(100),
    });
    step
}

fn change(step: &mut StepRequest, change: impl FnOnce(&mut RebootRequest)) {
    change(step.reboot.as_mut().unwrap());
}

fn back(restarts: u16) -> RawReport {
    RawReport::Ended {
        exit: 0,
        output: String::new(),
        restarts,
    }
}

fn booted(world: &World) {
    fs::write(world.file("boot"), "boot-1\n").unwrap();
}

#[tokio::test]
async fn a_host_that_restarts_once_is_back() {
    let world = World::new();
    booted(&world);
    let step = reboot(
        &world,
        1,
        "rm boot; (sleep 0.3; echo boot-2 > boot) >/dev/null 2>&1 &",
    );
    assert_eq!(world.run(step).await, back(1));
}

/// That it did not answer before says nothing: the one id that is read may be that of before just as well.
#[tokio::test]
async fn an_id_that_could_not_be_read_before_makes_no_restart_of_the_first_one_after() {
    let world = World::new();
    let mut step = reboot(&world, 1, "echo boot-1 > boot");
    change(&mut step, |request| request.back_within = Span(300));
    let why = "not back within 300ms: its boot id could not be read before the restart and has not changed since, so \
               that nobody knows whether it restarted";
    let not_back = RawReport::NotBack {
        restarts: 0,
        why: why.to_owned(),
    };
    assert_eq!(world.run(step.clone()).await, not_back);
    // Whoever attaches has read it no sooner.
    assert_eq!(world.attach(step).await, not_back);
}

#[tokio::test]
async fn a_change_of_the_id_that_was_read_first_is_a_restart_whenever_that_was() {
    let world = World::new();
    let seen = world.marker(1, "boots");
    let step = reboot(
        &world,
        1,
        &format!(
            "(echo boot-1 > boot; while [ -e boot ] && ! grep -q boot-1 '{}'; do sleep 0.01; done; echo boot-2 > boot) \
             >/dev/null 2>&1 &",
            seen.display()
        ),
    );
    assert_eq!(world.run(step).await, back(1));
}

#[tokio::test]
async fn as_many_restarts_as_are_right_are_right_and_one_more_is_a_loop() {
    for (restarts, expected) in [
        (2, back(2)),
        (
            3,
            RawReport::NotBack {
                restarts: 3,
                why: "it restarted 3 times, at most 2 are right".to_owned(),
            },
        ),
    ] {
        let world = World::new();
        booted(&world);
        // Each restart waits until the one before was seen, so that no speed of this machine matters.
        let seen = world.marker(1, "boots");
        let step = reboot(
            &world,
            1,
            &format!(
                "(for n in $(seq {restarts}); do echo \"next-$n\" > boot.new; mv boot.new boot
                  while [ -e boot ] && ! grep -q \"next-$n\" '{}'; do sleep 0.01; done; done) >/dev/null 2>&1 &",
                seen.display()
            ),
        );
        assert_eq!(world.run(step).await, expected);
    }
}

#[tokio::test]
async fn a_host_that_stays_up_without_restarting_is_not_back() {
    let world = World::new();
    booted(&world);
    let mut step = reboot(&world, 1, "true");
    change(&mut step, |request| request.back_within = Span(200));
    let why = "not back within 200ms: it is up without having restarted".to_owned();
    assert_eq!(
        world.run(step).await,
        RawReport::NotBack { restarts: 0, why }
    );
}

#[tokio::test]
async fn a_host_that_does_not_come_back_is_not_back() {
    let world = World::new();
    booted(&world);
    let mut step = reboot(&world, 1, "rm boot");
    change(&mut step, |request| request.back_within = Span(200));
    let RawReport::NotBack { restarts: 0, why } = world.run(step).await else {
        panic!("it is not back");
    };
    assert!(
        why.starts_with("not back within 200ms: reading its boot id ended with 1: cat: boot"),
        "{why}"
    );
}

#[tokio::test]
async fn a_restart_that_is_not_needed_is_not_done() {
    let world = World::new();
    booted(&world);
    for (serial, when, needed) in [
        (1, When::File("reboot-required".to_owned()), false),
        (2, When::Run(Command::Shell("exit 1".to_owned())), false),
        (3, When::Run(Command::Shell("exit 0".to_owned())), true),
        (4, When::File("boot".to_owned()), true),
    ] {
        let mut step = reboot(&world, serial, &format!("echo ran-{serial} > boot"));
        change(&mut step, |request| request.when = when.clone());
        let expected = if needed { back(1) } else { back(0) };
        assert_eq!(world.run(step).await, expected, "{when:?}");
        assert_eq!(world.marker(serial, "").exists(), needed, "{when:?}");
    }
}

/// To take a missing command for a no would leave out a restart without a word.
#[tokio::test]
async fn a_condition_that_cannot_be_asked_is_a_failure() {
    let world = World::new();
    booted(&world);
    let mut step = reboot(&world, 1, "touch ran");
    change(&mut step, |request| {
        request.when = When::Run(Command::Shell("no-such-command-anywhere".to_owned()));
    });
    let RawReport::Ended { exit: 127, .. } = world.run(step).await else {
        panic!("it fails");
    };
    assert!(!world.file("ran").exists());
}

#[tokio::test]
async fn a_restart_command_that_fails_is_not_waited_for() {
    let world = World::new();
    booted(&world);
    assert_eq!(
        world.run(reboot(&world, 1, "echo no; exit 5")).await,
        ended(5, "no\n")
    );
}

#[tokio::test]
async fn without_a_boot_id_the_command_itself_is_the_evidence() {
    let world = World::new();
    let mut step = reboot(&world, 1, "true");
    change(&mut step, |request| request.boot_id = None);
    assert_eq!(world.run(step).await, back(1));
    let mut step = reboot(&world, 2, "exit 1");
    change(&mut step, |request| request.boot_id = None);
    assert_eq!(world.run(step).await, ended(1, ""));
}

/// Ringway killed while the command runs, and once more while the host is awaited: the id before is not forgotten, and
/// neither is the restart that was seen.
#[tokio::test]
async fn a_restart_is_found_again_with_what_was_known_before() {
    let world = World::new();
    booted(&world);
    let text = "touch begun; while [ ! -e go ]; do sleep 0.02; done; echo boot-2 > boot";
    world
        .start_and_forget(reboot(&world, 1, text), "begun")
        .await;
    fs::write(world.file("go"), "").unwrap();
    exists(&world.marker(1, "result")).await;
    let driver = world
        .driver
        .clone()
        .with_patience(ringway_drivers::Patience {
            stable: crate::support::LONG,
            ..ringway_drivers::Patience::default()
        });
    let mut step = reboot(&world, 1, text);
    let patient = tokio::spawn({
        let step = step.clone();
        async move { driver.attach(step).await }
    });
    exists(&world.marker(1, "boots")).await;
    patient.abort();
    drop(patient.await);
    fs::write(world.file("boot"), "boot-3\n").unwrap();
    // However late it is: what there is to see is looked at.
    change(&mut step, |request| request.back_within = Span(1));
    assert_eq!(world.attach(step).await, back(2));
}

/// On a real host the restart takes the envelope with it. That the host came back is the result then.
#[tokio::test]
async fn an_interrupted_restart_that_happened_is_a_restart() {
    let world = World::new();
    booted(&world);
    let step = reboot(&world, 1, "touch begun; while :; do sleep 1; done");
    let crash = async {
        exists(&world.file("begun")).await;
        fs::write(world.file("boot"), "boot-2\n").unwrap();
        kill(world.pid(1, "supervisor"));
        kill(world.pid(1, "step"));
    };
    assert_eq!(tokio::join!(world.run(step), crash).0, back(1));

    let mut step = reboot(&world, 2, "touch begun-2; while :; do sleep 1; done");
    change(&mut step, |request| request.back_within = Span(200));
    let crash = async {
        exists(&world.file("begun-2")).await;
        kill(world.pid(2, "supervisor"));
        kill(world.pid(2, "step"));
    };
    assert_eq!(
        tokio::join!(world.run(step), crash).0,
        RawReport::Interrupted
    );
}

#[tokio::test]
async fn a_boot_id_is_read_or_said_why_not() {
    let world = World::new();
    let step = reboot(&world, 1, "");
    assert!(world.driver.boot_id(step.clone()).await.is_err());
    fs::write(world.file("boot"), "  a\n b\n").unwrap();
    assert_eq!(
        world.driver.boot_id(step.clone()).await.as_deref(),
        Ok("a b")
    );
    fs::write(world.file("boot"), "\n").unwrap();
    assert_eq!(
        world.driver.boot_id(step.clone()).await,
        Err("its boot id is empty".to_owned())
    );
    let mut slow = step;
    slow.timeout = Span(200);
    change(&mut slow, |request| {
        request.boot_id = Some(Command::Shell("sleep 100".to_owned()));
    });
    let started = std::time::Instant::now();
    assert_eq!(
        world.driver.boot_id(slow).await,
        Err("reading its boot id took too long".to_owned())
    );
    assert!(
        started.elapsed() < Duration::from_secs(90),
        "the command was not waited for"
    );
}
