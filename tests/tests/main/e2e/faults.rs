//! Steps that hang or fail, and services that come late, loop or are killed: each ends as stated.

use ringway_engine::Event;
use ringway_engine::view::FleetView;
use ringway_model::{HostOutcome, Timestamp};

use super::documents::{QUICK, Setup};
use super::ground::{Ground, until};
use super::stage::{Stage, play};

const ONE_RING: &str = "rings: [{ name: all, hosts: rest, soak: 300ms }]";

/// A step whose time is over is ended with everything it began, whether it listens to TERM or not.
#[test]
fn a_step_that_hangs_is_ended_with_its_whole_group() {
    play(async {
        let ground = Ground::lay(&Setup {
            hosts: &[("gentle", "n: 1"), ("stubborn", "n: 2"), ("well", "n: 3")],
            policy: &format!("{ONE_RING}\nhalt: {{ failed: 2 }}{QUICK}"),
            apply_within: "1s",
            ..Setup::default()
        });
        ground.put("gentle", "hang-apply", "gently");
        ground.put("stubborn", "hang-apply", "stubborn");
        let stage = Stage::start(ground).await;
        let view = stage.comes_to("halted").await;
        assert_eq!(
            (view.hit, view.rings[0].failed, view.rings[0].done),
            (2, 2, 1)
        );
        for host in ["gentle", "stubborn"] {
            let words = stage.words(host).await;
            assert_eq!(words, "failed (apply: it did not end in time)", "{host}");
            for file in ["step", "hung"] {
                let pid = stage.ground.text(host, file);
                // `step` is written by later steps too; none of them may be left either.
                until("the hung group is gone", || {
                    stage.ground.ours(&pid).is_none()
                })
                .await;
            }
        }
        let (ground, _) = stage.close().await;
        assert_eq!(ground.drained(), [""; 0]);
        for host in ["gentle", "stubborn"] {
            assert_eq!(ground.host(host).answer().as_deref(), Some("1.0"));
            assert!(ground.has_begun(host, "undrain"));
            assert!(!ground.has_begun(host, "reboot"));
        }
    });
}

#[test]
fn a_step_that_fails_twice_and_then_works_completes() {
    play(async {
        let ground = Ground::lay(&Setup {
            hosts: &[("flaky", "n: 1"), ("well", "n: 2")],
            policy: &format!(
                "{ONE_RING}\nretry: {{ times: 2, wait: 50ms }}\nhalt: {{ failed: 2 }}{QUICK}"
            ),
            ..Setup::default()
        });
        ground.put("flaky", "fail-apply", "2");
        let stage = Stage::start(ground).await;
        let view = stage.comes_to("completed").await;
        assert_eq!(
            (view.hit, view.rings[0].failed),
            (1, 0),
            "it was hit, and is well"
        );
        let (ground, journal) = stage.end().await;
        ground.serves("2.0");
        let tries = ground
            .starts()
            .iter()
            .filter(|s| *s == "flaky apply")
            .count();
        assert_eq!(tries, 3);
        let outcomes = journal.hosts();
        assert!(
            outcomes
                .iter()
                .all(|host| host.outcome == HostOutcome::Updated)
        );
    });
}

/// Its probe is bad while it comes up, which is no harm as long as its gate allows it.
#[test]
fn a_service_that_comes_up_late_settles() {
    play(async {
        let ground = Ground::lay(&Setup {
            hosts: &[("late", "n: 1"), ("well", "n: 2")],
            policy: &format!(
                "{ONE_RING}
pace: {{ at_once: 16, ramp: off, settle: 300ms }}
gates: [{{ name: answers, probe: up, down: {{ for: 1m }} }}]"
            ),
            ..Setup::default()
        });
        ground.put("late", "service-2.0", "late 1500");
        let stage = Stage::start(ground).await;
        let view = stage.comes_to("completed").await;
        assert_eq!(view.hit, 0);
        let (ground, journal) = stage.end().await;
        ground.serves("2.0");
        let up = Timestamp(ground.text("late", "up").parse().unwrap());
        let soak = journal.when(|event| matches!(event, Event::SoakBegan { .. }));
        assert!(soak >= up, "nothing soaks before the late one is up");
        assert!(!journal.has(|event| matches!(event, Event::Halted { .. })));
    });
}

/// More restarts than the recipe calls right are harm, whether it answers in between or not.
#[test]
fn a_service_that_restarts_in_a_loop_halts() {
    play(async {
        let ground = Ground::lay(&Setup {
            hosts: &[("looping", "ring: canary"), ("later", "ring: broad")],
            policy: &format!("{TWO_RINGS}{QUICK}"),
            sees_restarts: true,
            ..Setup::default()
        });
        ground.put("looping", "service-2.0", "loop 300");
        let stage = Stage::start(ground).await;
        let view = stage.comes_to("halted").await;
        assert_eq!((view.hit, view.ring.as_deref()), (1, Some("canary")));
        let words = stage.words("looping").await;
        assert_eq!(words, "unhealthy (the host restarted more often than said)");
        let (ground, _) = stage.end().await;
        assert_eq!(ground.drained(), [""; 0]);
        assert!(!ground.has_begun("later", "inspect"));
    });
}

const TWO_RINGS: &str = "rings:
  - { name: canary, hosts: { select: ring = canary }, soak: 1m }
  - { name: broad, hosts: rest, soak: 300ms }";

#[test]
fn a_service_killed_by_somebody_else_during_the_soak_halts() {
    play(async {
        let stage = Stage::of(Setup {
            hosts: &[
                ("canary-1", "ring: canary"),
                ("canary-2", "ring: canary"),
                ("later", "ring: broad"),
            ],
            policy: &format!("{TWO_RINGS}{QUICK}"),
            ..Setup::default()
        })
        .await;
        let soaks = |view: &FleetView| view.rollouts[0].rings[0].phase == "soaking";
        stage.until("the canary ring soaks", soaks).await;
        stage.ground.kill_service("canary-2");
        let view = stage.comes_to("halted").await;
        assert_eq!(
            (view.hit, view.rings[0].done, view.rings[0].failed),
            (1, 1, 1)
        );
        let words = stage.words("canary-2").await;
        assert_eq!(
            words,
            "unhealthy (its probe was down for longer than its gate allows)"
        );
        let (ground, journal) = stage.end().await;
        assert_eq!(ground.drained(), [""; 0]);
        assert!(!ground.has_begun("later", "inspect"));
        assert!(!journal.has(|event| matches!(event, Event::Promoted { .. })));
    });
}
