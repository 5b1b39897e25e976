//! What an update does: a good one goes through all rings, a bad one is halted in the first that shows it.

use ringway_engine::{Command, Event};
use ringway_model::RingIndex;

use super::documents::{QUICK, Setup};
use super::ground::Ground;
use super::stage::{ONE, Stage, play};

/// Nothing of ring k+1 starts before ring k was promoted; the ledger's and the journal's clock are one.
#[test]
fn a_good_update_completes_ring_by_ring() {
    play(async {
        let rings = "rings:
  - { name: lab, hosts: { select: ring = lab }, soak: 300ms }
  - { name: canary, hosts: { select: ring = canary }, soak: 300ms }
  - { name: broad, hosts: rest, soak: 300ms }";
        let stage = Stage::of(Setup {
            hosts: &[
                ("lab-1", "ring: lab"),
                ("lab-2", "ring: lab"),
                ("canary-1", "ring: canary"),
                ("canary-2", "ring: canary"),
                ("broad-1", "ring: broad"),
                ("broad-2", "ring: broad"),
            ],
            policy: &format!("{rings}{QUICK}"),
            sees_restarts: true,
            ..Setup::default()
        })
        .await;
        let view = stage.comes_to("completed").await;
        assert_eq!(view.hit, 0);
        let (ground, journal) = stage.end().await;
        ground.serves("2.0");
        let ledger = ground.ledger();
        for (before, after) in [(0, "canary"), (1, "broad")] {
            let ring = RingIndex(before);
            let promoted =
                journal.when(|e| matches!(e, Event::Promoted { ring: r, .. } if *r == ring));
            let first = ledger
                .iter()
                .find(|line| line.host.starts_with(after))
                .unwrap();
            assert!(first.at >= promoted.0, "{first:?} before {promoted:?}");
        }
        let kinds = "inspect precheck drain apply reboot verify care-verify undrain";
        for host in &ground.hosts {
            let steps = ledger.iter().filter(|l| l.is_start && l.host == host.name);
            let steps: Vec<&str> = steps.map(|line| line.kind.as_str()).collect();
            assert_eq!(steps.join(" "), kinds, "{}", host.name);
        }
    });
}

/// The canary ring has one host of every role, so one host is what a fault of one role costs.
#[test]
fn a_crash_of_one_role_halts_in_the_canary_ring_and_is_rolled_back() {
    play(async {
        let rings = "rings:
  - name: canary
    hosts: { select: all, take: 1, cover: { by: [role], may_exceed_take: true } }
    soak: 1s
  - { name: broad, hosts: rest, soak: 1s }
pace: { at_once: 16, ramp: off, settle: 3s }
gates: [{ name: answers, probe: up, down: { for: 500ms } }]";
        let hosts = [
            ("web-1", "role: web"),
            ("web-2", "role: web"),
            ("web-3", "role: web"),
            ("db-1", "role: db"),
            ("db-2", "role: db"),
            ("directory-1", "role: directory"),
            ("directory-2", "role: directory"),
            ("directory-3", "role: directory"),
        ];
        let ground = Ground::lay(&Setup {
            hosts: &hosts,
            policy: rings,
            ..Setup::default()
        });
        for (host, _) in hosts
            .iter()
            .filter(|(name, _)| name.starts_with("directory"))
        {
            ground.put(host, "service-2.0", "crash 200");
        }
        let stage = Stage::start(ground).await;
        let view = stage.comes_to("halted").await;
        assert_eq!((view.ring.as_deref(), view.hit), (Some("canary"), 1));
        assert_eq!((view.rings[0].planned, view.rings[0].failed), (3, 1));
        assert_eq!(stage.ground.drained(), [""; 0]);
        let rollback = Command::Rollback {
            rollout: ONE,
            reason: "it crashes".to_owned(),
        };
        stage.command("ana", rollback).await.unwrap();
        let view = stage.comes_to("rolled back").await;
        assert_eq!((view.rings[0].rolled_back, view.hit), (3, 1));
        let (ground, journal) = stage.end().await;
        ground.serves("1.0");
        let applied = ground.starts();
        let applied = applied.iter().filter(|step| step.ends_with(" apply"));
        assert_eq!(applied.count(), 3, "nothing beyond the canary ring");
        let words: Vec<String> = journal.hosts().into_iter().map(|host| host.words).collect();
        assert_eq!(words.iter().filter(|w| *w == "rolled back").count(), 3);
        assert_eq!(words.iter().filter(|w| *w == "pending").count(), 5);
    });
}
