//! Halt, pause, stop and the stop file, each with a host at every kind of step: nobody is left drained, nothing new
//! starts, and what was held goes on when the hold ends.

use std::fs;

use ringway_engine::Command;
use ringway_engine::view::FleetView;

use super::documents::{QUICK, Setup};
use super::ground::{Ground, until};
use super::stage::{ONE, Stage, play, rests};

/// Every kind of step a visit has, and where a hold at it leaves the host.
const AT: [(&str, &str); 8] = [
    ("inspect", "pending"),
    ("precheck", "pending"),
    ("drain", "pending"),
    ("apply", "applied, restart withheld"),
    ("reboot", "updated"),
    ("verify", "updated"),
    ("care-verify", "updated"),
    ("undrain", "updated"),
];
/// What may still start during a hold.
const RESTORES: [&str; 3] = ["verify", "care-verify", "undrain"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Pause,
    Halt,
    Stop,
    StopFile,
}

impl Hold {
    async fn begin(self, stage: &Stage) {
        let reason = "harm elsewhere".to_owned();
        let command = match self {
            Self::Pause => Command::Pause {
                rollout: ONE,
                reason,
            },
            Self::Halt => Command::Halt {
                rollout: ONE,
                reason,
            },
            Self::Stop => Command::Stop { reason },
            Self::StopFile => {
                fs::write(stage.ground.data().join("STOP"), reason).unwrap();
                let is_stopped = |view: &FleetView| view.stopped.is_some();
                stage.until("the file stops the fleet", is_stopped).await;
                return;
            }
        };
        let accepted = stage.command("ana", command).await.unwrap();
        assert!(accepted.changed);
    }

    async fn end(self, stage: &Stage) {
        let reason = "looked at".to_owned();
        let command = match self {
            Self::Pause | Self::Halt => Command::Resume {
                rollout: ONE,
                reason,
            },
            Self::Stop | Self::StopFile => Command::Go { reason },
        };
        if self == Self::StopFile {
            let refused = stage.command("ana", command.clone()).await.unwrap_err();
            assert_eq!(refused.code, "stop-file");
            fs::remove_file(stage.ground.data().join("STOP")).unwrap();
        }
        stage.command("ana", command).await.unwrap();
    }

    fn is_so(self, view: &FleetView) -> bool {
        match self {
            Self::Pause => view.rollouts[0].state == "paused",
            Self::Halt => view.rollouts[0].state == "halted",
            Self::Stop | Self::StopFile => view.stopped.is_some(),
        }
    }
}

fn at_every_kind_of_step(hold: Hold) {
    play(async {
        let mut hosts: Vec<(&str, &str)> =
            AT.iter().map(|&(kind, _)| (kind, "ring: first")).collect();
        // Down before the update, so that it is left alone; it comes back during the hold.
        hosts.push(("back", "ring: first"));
        hosts.push(("later", "ring: second"));
        let rings = "rings:
  - { name: first, hosts: { select: ring = first }, soak: 300ms }
  - { name: second, hosts: rest, soak: 300ms }";
        let ground = Ground::lay(&Setup {
            hosts: &hosts,
            policy: &format!("{rings}{QUICK}"),
            ..Setup::default()
        });
        for (kind, _) in AT {
            ground.put(kind, &format!("hold-{kind}"), "");
        }
        ground.kill_service("back");
        let mut stage = Stage::start(ground).await;
        // Every host stands at the kind of step it is named after.
        until("a step of every kind runs", || {
            let starts = stage.ground.starts();
            AT.iter()
                .all(|(kind, _)| starts.contains(&format!("{kind} {kind}")))
        })
        .await;
        let before = stage.ground.starts().len();
        hold.begin(&stage).await;
        assert_eq!(
            stage.ground.starts().len(),
            before,
            "nothing starts by a hold"
        );
        for (kind, _) in AT {
            stage.ground.take(kind, &format!("hold-{kind}"));
        }
        let back = stage.ground.host("back").clone();
        stage.ground.serve(&back);
        let at_rest = |view: &FleetView| hold.is_so(view) && rests(view);
        stage.until("the rollout rests", at_rest).await;
        assert_eq!(stage.ground.drained(), [""; 0]);
        for (kind, outcome) in AT {
            assert_eq!(stage.words(kind).await, outcome, "a hold at {kind}");
        }
        assert_eq!(stage.words("later").await, "pending");
        stage.host_becomes("back", "pending").await;
        let started = stage.ground.starts().split_off(before);
        for step in &started {
            let (_, kind) = step.split_once(' ').unwrap();
            assert!(RESTORES.contains(&kind), "{step} started during a hold");
        }
        assert!(started.contains(&"drain undrain".to_owned()), "{started:?}");
        assert!(started.contains(&"apply undrain".to_owned()), "{started:?}");
        assert!(started.contains(&"reboot verify".to_owned()), "{started:?}");

        let held = stage.ground.starts().len();
        hold.end(&stage).await;
        stage.comes_to("completed").await;
        let (ground, _) = stage.end().await;
        ground.serves("2.0");
        let resumed = ground.starts().split_off(held);
        assert!(
            !resumed.contains(&"apply apply".to_owned()),
            "it is applied"
        );
        assert!(resumed.contains(&"apply reboot".to_owned()), "{resumed:?}");
        assert!(resumed.contains(&"back apply".to_owned()), "{resumed:?}");
    });
}

#[test]
fn a_pause_at_every_kind_of_step_leaves_nobody_drained() {
    at_every_kind_of_step(Hold::Pause);
}

#[test]
fn a_halt_at_every_kind_of_step_leaves_nobody_drained() {
    at_every_kind_of_step(Hold::Halt);
}

#[test]
fn a_stop_at_every_kind_of_step_leaves_nobody_drained() {
    at_every_kind_of_step(Hold::Stop);
}

#[test]
fn the_stop_file_at_every_kind_of_step_leaves_nobody_drained() {
    at_every_kind_of_step(Hold::StopFile);
}

/// A rollback that has begun repairs, so a stop lets it end; the fleet goes on where it was.
#[test]
fn a_stop_at_every_kind_of_step_of_a_rollback_leaves_nobody_drained() {
    play(async {
        let kinds = [
            "drain",
            "rollback",
            "reboot",
            "verify",
            "care-verify",
            "undrain",
        ];
        let stage = Stage::of(Setup {
            hosts: &kinds.map(|kind| (kind, "ring: first")),
            policy: &format!(
                "rings: [{ring}]{QUICK}",
                ring = "{ name: all, hosts: rest, soak: 300ms }"
            ),
            ..Setup::default()
        })
        .await;
        stage.comes_to("completed").await;
        let before = stage.ground.starts().len();
        for kind in kinds {
            stage.ground.put(kind, &format!("hold-{kind}"), "");
        }
        let reason = "not good enough".to_owned();
        let rollback = Command::Rollback {
            rollout: ONE,
            reason,
        };
        stage.command("ana", rollback).await.unwrap();
        until("a step of every kind runs", || {
            let starts = stage.ground.starts().split_off(before);
            kinds
                .iter()
                .all(|kind| starts.contains(&format!("{kind} {kind}")))
        })
        .await;
        Hold::Stop.begin(&stage).await;
        for kind in kinds {
            stage.ground.take(kind, &format!("hold-{kind}"));
        }
        let at_rest = |view: &FleetView| Hold::Stop.is_so(view) && rests(view);
        stage.until("the rollback rests", at_rest).await;
        assert_eq!(stage.ground.drained(), [""; 0]);
        for kind in kinds {
            assert_eq!(stage.words(kind).await, "rolled back", "a stop at {kind}");
        }
        Hold::Stop.end(&stage).await;
        stage.comes_to("rolled back").await;
        let (ground, _) = stage.end().await;
        ground.serves("1.0");
    });
}
