//! Steps from their start to their end.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ringway_drivers::{Driver as _, Withdrawal, envelope, withdrawal};
use ringway_model::{Epoch, IntentId, Place, RawReport, RolloutId, Slot, Span};
use ringway_policy::validated::Command;

use crate::support::{INCARNATION, LONG, World, ended, exists, in_time, kill, runs, shells, until};

#[tokio::test]
async fn a_step_is_told_its_values_and_place_and_nothing_else_in_every_shell() {
    for shell in shells() {
        let world = World::with_shell(&shell);
        let odd = "it's \"$HOME\" `id` $(id)\n\\ zwei  Größe\t;&|<>*?~#!{}";
        let mut step = world.step(
            1,
            "printf '%s|' \"$ODD\" \"$PWD\" \"$0\"; env | grep -c -i '^rw_'; exit 3",
        );
        step.values.insert("ODD".to_owned(), odd.to_owned());
        let work = world.file("");
        let output = format!(
            "{odd}|{}|{}|0\n",
            work.to_str().unwrap().trim_end_matches('/'),
            world.marker(1, "command").display()
        );
        assert_eq!(world.run(step).await, ended(3, &output), "{shell:?}");
    }
}

#[tokio::test]
async fn the_environment_is_clean() {
    let world = World::new();
    let step = world.step(1, "env | sed 's/=.*//' | sort | tr '\\n' ' '");
    // `PWD`, `OLDPWD`, `SHLVL` and `_` are the shell's own doing.
    let RawReport::Ended { output, .. } = world.run(step).await else {
        panic!("it ends");
    };
    let names: Vec<_> = output
        .split_whitespace()
        .filter(|name| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name))
        .collect();
    assert_eq!(names, ["HOME", "LANG", "PATH"]);
}

#[tokio::test]
async fn an_end_by_a_signal_is_128_and_its_number_in_every_shell() {
    for shell in shells() {
        let world = World::with_shell(&shell);
        let step = world.step(1, "echo before; kill -9 $$");
        assert_eq!(world.run(step).await, ended(137, "before\n"), "{shell:?}");
    }
}

#[tokio::test]
async fn a_program_gets_its_words_as_they_are() {
    let world = World::new();
    let mut step = world.step(1, "");
    step.command = Command::Program(
        ["printf", "%s|", "a b", "", "$HOME", "it's", "*"]
            .map(str::to_owned)
            .to_vec(),
    );
    assert_eq!(world.run(step).await, ended(0, "a b||$HOME|it's|*|"));
    let mut step = world.step(2, "");
    step.command = Command::Program(vec!["no-such-program-anywhere".to_owned()]);
    let RawReport::Ended { exit: 127, .. } = world.run(step).await else {
        panic!("what is not there ends with 127, as in every shell");
    };
}

/// A grandchild that outlives its step's timeout would go on changing the host while the next step runs.
#[tokio::test]
async fn a_step_that_hangs_is_ended_with_all_its_group_in_every_shell() {
    for shell in shells() {
        let world = World::with_shell(&shell);
        let mut step = world.step(
            1,
            "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > grandchild; while :; do sleep 1; done' &
             echo waiting; while :; do sleep 1; done",
        );
        step.timeout = Span(500);
        let report = world.run(step).await;
        let RawReport::TimedOut { output } = report else {
            panic!("{shell:?}: {report:?}");
        };
        assert_eq!(output, "waiting\n", "{shell:?}");
        let grandchild = world.text("grandchild").trim().parse().unwrap();
        until(|| !runs(grandchild)).await;
        assert!(!runs(world.pid(1, "step")));
    }
}

#[tokio::test]
async fn a_flood_of_output_keeps_its_end_and_counts_the_rest_in_every_shell() {
    for shell in shells() {
        let world = World::with_shell(&shell);
        // 2 000 000 bytes, the last line of which is the only one of its kind.
        let mut step = world.step(1, "yes 123456789 | head -n 199999; echo 'the end.'");
        step.output_limit = 1000;
        let RawReport::Ended {
            exit: 0, output, ..
        } = world.run(step).await
        else {
            panic!("{shell:?}: it ends");
        };
        let (first, kept) = output.split_once('\n').unwrap();
        assert_eq!(kept.len(), 1000, "{shell:?}");
        assert!(kept.ends_with("123456789\nthe end.\n"), "{shell:?}");
        assert_eq!(
            first, "[1998999 bytes before this were dropped]",
            "{shell:?}"
        );
        let on_disk: u64 = ["output", "output.older"]
            .iter()
            .filter_map(|name| fs::metadata(world.marker(1, name)).ok())
            .map(|file| file.len())
            .sum();
        assert!(on_disk < 200_000, "{shell:?}: {on_disk} bytes");
    }
}

/// A recipe that restarts a service leaves it running. It must not die with the step, nor hold it up.
#[tokio::test]
async fn a_service_left_behind_lives_on_and_holds_nobody_up() {
    for shell in shells() {
        let world = World::with_shell(&shell);
        let step = world.step(
            1,
            "sh -c 'echo $$ > service; while [ ! -e leave ]; do echo alive; sleep 0.02; done; touch left' & exit 0",
        );
        let RawReport::Ended { exit: 0, .. } = world.run(step).await else {
            panic!("{shell:?}: the step ends although its output is still held");
        };
        exists(&world.file("service")).await;
        let service = world.text("service").trim().parse().unwrap();
        // The host is free for the next step while the service runs.
        assert_eq!(
            world.run(world.step(2, "echo next")).await,
            ended(0, "next\n")
        );
        assert!(runs(service), "{shell:?}");
        fs::write(world.file("leave"), "").unwrap();
        // A service killed by a closed pipe would never get here.
        exists(&world.file("left")).await;
    }
}

/// A host runs something for a visit of another one: that takes turns only with errands for the same host.
#[tokio::test]
async fn an_errand_disturbs_no_visit_and_waits_only_for_one_for_the_same_host_in_every_shell() {
    for shell in shells() {
        let world = World::with_shell(&shell).impatient(Duration::from_millis(300));
        let errand = |serial: u16, host: &str, text: &str| {
            let mut step = world.step(serial, text);
            step.place = Place::Peer;
            step.errand_for = Some(host.to_owned());
            step
        };
        let waits = "touch $MARK; while [ ! -e go ]; do sleep 0.02; done; echo done";
        let long = |mut step: ringway_drivers::StepRequest, mark: &str| {
            step.values.insert("MARK".to_owned(), mark.to_owned());
            step
        };
        let visit = long(world.step(1, waits), "visit");
        let first = long(errand(2, "web-2", waits), "errand");
        let others = async {
            exists(&world.file("visit")).await;
            exists(&world.file("errand")).await;
            let another = world.run(errand(3, "web-3", "echo at once")).await;
            assert_eq!(another, ended(0, "at once\n"), "{shell:?}");
            let same = world.run(errand(4, "web-2", "echo beside")).await;
            assert_eq!(same, RawReport::NeverStarted, "{shell:?}");
            fs::write(world.file("go"), "").unwrap();
        };
        let (visit, first, ()) = tokio::join!(world.run(visit), world.run(first), others);
        assert_eq!(
            (visit, first),
            (ended(0, "done\n"), ended(0, "done\n")),
            "{shell:?}"
        );
        let next = world.run(errand(5, "web-2", "echo next")).await;
        assert_eq!(next, ended(0, "next\n"), "{shell:?}");
    }
}

/// A connection that breaks, or a sender that is killed, leaves a shell with a part of the script.
#[tokio::test]
async fn a_part_of_the_script_runs_nothing_in_any_shell() {
    let world = World::new();
    let root = world.driver.host_root("web-1", Place::Host);
    let script = envelope::start(
        &envelope::Run {
            root: &root,
            fleet: "corp",
            incarnation: 1,
            adopts: &BTreeSet::new(),
            epoch: Epoch(1),
            intent: IntentId::new(RolloutId(1), Slot(1), 1),
            errand_for: None,
        },
        &envelope::Work {
            command: &Command::Shell("touch ran".to_owned()),
            values: &[("A", "it's"), ("B", "}\nrw_start\n")],
            directory: &world.file(""),
            timeout: LONG,
            grace: LONG,
            patience: LONG,
            output_limit: 1000,
            note: "",
            follow: true,
            durable: true,
        },
    )
    .unwrap();
    let whole = script.trim_end().len();
    for shell in shells() {
        for cut in (0..whole).step_by(97).chain(whole - 40..whole) {
            let mut sh = std::process::Command::new(shell[0])
                .args(&shell[1..])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let part = script.as_bytes().get(..cut).unwrap();
            drop(sh.stdin.take().unwrap().write_all(part));
            sh.wait().unwrap();
            assert!(!root.exists(), "{shell:?} ran something of {cut} bytes");
        }
    }
}

#[tokio::test]
async fn a_lower_epoch_is_refused_and_runs_nothing() {
    let world = World::new();
    let mut step = world.step(1, "echo one");
    step.epoch = Epoch(5);
    assert_eq!(world.run(step).await, ended(0, "one\n"));
    let mut step = world.step(2, "touch two");
    step.epoch = Epoch(4);
    assert_eq!(world.run(step.clone()).await, RawReport::Fenced { seen: 5 });
    assert_eq!(world.attach(step).await, RawReport::Fenced { seen: 5 });
    assert!(!world.file("two").exists());
    // The epochs of another database, which took the host over, are counted apart.
    let mut step = world.step(3, "echo three");
    step.epoch = Epoch(1);
    step.incarnation = 78;
    step.adopts = Arc::new(BTreeSet::from([INCARNATION]));
    assert_eq!(world.run(step).await, ended(0, "three\n"));
}

/// An attach tells the host of the new decider, so that the old one can start nothing more.
#[tokio::test]
async fn an_attach_fences_the_decider_before() {
    let world = World::new();
    let mut step = world.step(1, "");
    step.epoch = Epoch(9);
    assert_eq!(world.attach(step).await, RawReport::NeverStarted);
    let step = world.step(2, "touch two");
    assert_eq!(world.run(step).await, RawReport::Fenced { seen: 9 });
    assert!(!world.file("two").exists());
}

#[tokio::test]
async fn the_second_step_of_a_host_begins_when_the_first_has_ended() {
    for shell in shells() {
        let world = World::with_shell(&shell);
        let first = world.step(
            1,
            "touch begun; while [ ! -e go ]; do sleep 0.02; done; echo 1 >> order",
        );
        let second = world.step(2, "echo 2 >> order");
        let third = async {
            exists(&world.file("begun")).await;
            let second = world.run(second);
            let go = async {
                exists(&world.marker(2, "supervisor")).await;
                fs::write(world.file("go"), "").unwrap();
            };
            tokio::join!(second, go).0
        };
        let (first, second) = tokio::join!(world.run(first), third);
        assert_eq!((first, second), (ended(0, ""), ended(0, "")), "{shell:?}");
        assert_eq!(world.text("order"), "1\n2\n", "{shell:?}");
    }
}

#[tokio::test]
async fn a_step_that_comes_too_early_for_its_host_is_given_up_and_never_begins() {
    for shell in shells() {
        let world = World::with_shell(&shell).impatient(Duration::from_millis(300));
        world
            .start_and_forget(
                world.step(1, "touch begun; while [ ! -e go ]; do sleep 0.02; done"),
                "begun",
            )
            .await;
        let second = world.step(2, "touch ran");
        assert_eq!(
            world.run(second.clone()).await,
            RawReport::NeverStarted,
            "{shell:?}"
        );
        fs::write(world.file("go"), "").unwrap();
        assert_eq!(world.attach(world.step(1, "")).await, ended(0, ""));
        assert_eq!(world.run(second).await, RawReport::NeverStarted);
        assert!(!world.file("ran").exists());
    }
}

/// The envelope is what holds the host; without it the step itself still does.
#[tokio::test]
async fn a_step_whose_envelope_was_killed_still_holds_its_host() {
    for shell in shells() {
        let world = World::with_shell(&shell).impatient(Duration::from_millis(300));
        world
            .start_and_forget(
                world.step(
                    1,
                    "touch begun; while [ ! -e go ]; do sleep 0.02; done; touch done",
                ),
                "begun",
            )
            .await;
        kill(world.pid(1, "supervisor"));
        until(|| !runs(world.pid(1, "supervisor"))).await;
        assert_eq!(
            world.run(world.step(2, "touch ran")).await,
            RawReport::NeverStarted,
            "{shell:?}"
        );
        fs::write(world.file("go"), "").unwrap();
        exists(&world.file("done")).await;
        until(|| !runs(world.pid(1, "step"))).await;
        assert_eq!(
            world.run(world.step(3, "echo 3")).await,
            ended(0, "3\n"),
            "{shell:?}"
        );
        assert!(!world.file("ran").exists());
    }
}

#[tokio::test]
async fn steps_at_the_controller_for_different_hosts_run_side_by_side() {
    let world = World::new();
    let side = |serial: u16, host: &str, mine: &str, other: &str| {
        let mut step = world.step(
            serial,
            &format!("touch {mine}; while [ ! -e {other} ]; do sleep 0.02; done"),
        );
        step.place = Place::Controller;
        Arc::make_mut(&mut step.reach).host = host.to_owned();
        step
    };
    let both = tokio::join!(
        world.run(side(1, "web-1", "a", "b")),
        world.run(side(2, "web-2", "b", "a"))
    );
    assert_eq!(both, (ended(0, ""), ended(0, "")));
}

#[tokio::test]
async fn a_withdrawal_prevents_what_has_not_begun() {
    let world = World::new();
    let (hand, ear) = withdrawal();
    hand.now();
    let report = in_time(world.driver.run(world.step(1, "touch ran"), ear)).await;
    assert_eq!(report, RawReport::Withdrawn);

    // Withdrawn while it waits for its host.
    world
        .start_and_forget(
            world.step(2, "touch begun; while [ ! -e go ]; do sleep 0.02; done"),
            "begun",
        )
        .await;
    let (hand, ear) = withdrawal();
    let withdraw = async {
        exists(&world.marker(3, "supervisor")).await;
        hand.now();
    };
    let waiting = in_time(world.driver.run(world.step(3, "touch ran"), ear));
    assert_eq!(tokio::join!(waiting, withdraw).0, RawReport::Withdrawn);
    fs::write(world.file("go"), "").unwrap();
    assert_eq!(world.attach(world.step(2, "")).await, ended(0, ""));
    assert_eq!(world.run(world.step(4, "echo 4")).await, ended(0, "4\n"));
    assert!(!world.file("ran").exists());
}

#[tokio::test]
async fn a_withdrawal_leaves_alone_what_has_begun() {
    let world = World::new();
    let (hand, ear) = withdrawal();
    let step = world.step(
        1,
        "touch begun; while [ ! -e go ]; do sleep 0.02; done; echo ended",
    );
    let withdraw = async {
        exists(&world.file("begun")).await;
        hand.now();
        fs::write(world.file("go"), "").unwrap();
    };
    let running = in_time(world.driver.run(step, ear));
    assert_eq!(tokio::join!(running, withdraw).0, ended(0, "ended\n"));
}

#[tokio::test]
async fn what_no_shell_can_carry_fails_and_says_why() {
    let world = World::new();
    for (name, value, why) in [
        (
            "A",
            "a\0b",
            "a text with a NUL cannot be given to a command: `a\\0b`",
        ),
        (
            "A-B",
            "",
            "`A-B` cannot be the name of an environment variable",
        ),
        (
            "PPID",
            "",
            "`PPID` belongs to the shell and cannot be set for a command",
        ),
    ] {
        let mut step = world.step(1, "touch ran");
        step.values.insert(name.to_owned(), value.to_owned());
        let report = in_time(world.driver.run(step, Withdrawal::never())).await;
        assert_eq!(
            report,
            ended(125, &format!("ringway: nothing was run: {why}"))
        );
    }
    assert!(!world.file("ran").exists());
}

#[tokio::test]
async fn an_envelope_that_does_not_work_is_a_host_that_refuses() {
    let world = World::with_shell(&["no-such-shell-anywhere"]);
    let report = world.run(world.step(1, "touch ran")).await;
    assert!(matches!(report, RawReport::Refused { .. }), "{report:?}");
    assert!(!world.file("ran").exists());
}

/// What has begun must not be reported as never begun because nobody heard that it was accepted.
#[tokio::test]
async fn a_step_whose_acceptance_was_lost_is_found_by_its_run_directory() {
    let world = World::with_shell(&["/bin/sh", "-c", "exec /bin/sh >/dev/null"]);
    let step = world.step(1, "echo ran >> ledger; echo hello");
    assert_eq!(world.run(step.clone()).await, ended(0, "hello\n"));
    assert_eq!(world.run(step).await, ended(0, "hello\n"));
    assert_eq!(world.text("ledger"), "ran\n");
}

#[tokio::test]
async fn a_host_without_room_refuses() {
    let world = World::with_shell(&["/bin/sh", "-c", "trap '' XFSZ; ulimit -f 0; exec /bin/sh"]);
    let report = world.run(world.step(1, "touch ran")).await;
    let RawReport::Refused { why } = report else {
        panic!("{report:?}");
    };
    assert!(why.contains("cannot write below"), "{why}");
    assert!(!world.file("ran").exists());
}

#[tokio::test]
async fn a_host_of_another_database_is_out_of_reach_and_says_how_it_is_taken_over() {
    let world = World::new();
    assert_eq!(world.run(world.step(1, "true")).await, ended(0, ""));
    let mut step = world.step(2, "touch ran");
    step.incarnation = 78;
    let why =
        "the host belongs to another database of this fleet; `ringway adopt 77` takes it over";
    let report = RawReport::Unreachable {
        why: why.to_owned(),
    };
    assert_eq!(world.run(step.clone()).await, report);
    assert_eq!(world.attach(step.clone()).await, report);
    step.adopts = Arc::new(BTreeSet::from([INCARNATION]));
    assert_eq!(world.run(step).await, ended(0, ""));
    assert!(world.file("ran").exists());
}

#[tokio::test]
async fn no_step_leaves_a_process_or_a_descriptor_behind() {
    let world = World::new();
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    drop(world.run(world.step(1, "true")).await);
    let before = descriptors();
    for serial in 2..20 {
        assert_eq!(world.run(world.step(serial, "true")).await, ended(0, ""));
        until(|| !runs(world.pid(serial, "supervisor"))).await;
    }
    // Other tests of this process come and go; eighteen steps of three descriptors each would show.
    until(|| descriptors() < before + 30).await;
}
