//! What an update does to a fleet of 24 hosts: a good one goes through all rings, a bad one is halted in the canary ring.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ringway_engine::{Command, Event};
use ringway_model::RingIndex;

use super::super::ground::Ground;
use super::super::pairs::observe;
use super::super::stage::{ONE, Stage, play};
use super::{Setup, setup};

/// The roles of the fleet, and how many hosts have them.
const ROLES: [(&str, usize); 4] = [("web", 12), ("db", 4), ("cache", 4), ("directory", 4)];

/// The fleet, with `lab` for its first two hosts.
fn fleet() -> Vec<(String, String)> {
    let mut hosts = Vec::new();
    for (role, count) in ROLES {
        for n in 1..=count {
            let stage = if role == "web" && n <= 2 {
                "lab"
            } else {
                "prod"
            };
            let pair = n.div_ceil(2);
            let labels = format!("role: {role}, env: {stage}, ag: {role}-{pair}");
            hosts.push((format!("{role}-{n}"), labels));
        }
    }
    hosts
}

fn borrowed(hosts: &[(String, String)]) -> Vec<(&str, &str)> {
    let hosts = hosts.iter();
    hosts
        .map(|(name, labels)| (name.as_str(), labels.as_str()))
        .collect()
}

/// Every host restarts on the way, and some are reached by the system's `ssh`; of no pair both are out of service at once; nothing of a ring starts before the ring
/// before it was promoted.
#[test]
fn a_good_update_completes_over_ssh() {
    play(async {
        let hosts = fleet();
        let hosts = borrowed(&hosts);
        let ground = Ground::lay(&Setup {
            group: "keep_up: { per: ag, at_least: 1, down_at_most: 1, probe: up, fresh: 10s },",
            sees_restarts: true,
            connect: &[("role = cache", "via: system")],
            ..setup(
                &hosts,
                "rings:
  - { name: lab, hosts: { select: env = lab }, soak: 300ms }
  - { name: canary, hosts: { select: all, take: 1, cover: { by: [role], may_exceed_take: true } }, soak: 300ms }
  - { name: broad, hosts: rest, soak: 300ms }
pace: { at_once: 16, ramp: off, settle: 400ms }
gates: [{ name: answers, probe: up, down: { for: 5s } }]",
            )
        });
        let boots: Vec<String> = hosts
            .iter()
            .map(|(name, _)| ground.over_ssh(name).boot_id())
            .collect();
        let enough = Arc::new(AtomicBool::new(false));
        let pairs = [["db-1", "db-2"], ["directory-3", "directory-4"]];
        let observers = pairs.map(|pair| observe(&ground, pair, Arc::clone(&enough)));
        let stage = Stage::start(ground).await;
        let view = stage.comes_to("completed").await;
        enough.store(true, Ordering::Relaxed);
        assert_eq!(view.hit, 0);
        for (pair, seen) in pairs.into_iter().zip(observers) {
            let seen = seen.join().unwrap();
            assert_eq!(seen.both, 0, "{pair:?}: {seen:?}");
            let down: Vec<&str> = seen.down.iter().map(String::as_str).collect();
            assert_eq!(down, pair, "each was down for a while, and was seen to be");
        }
        let (ground, journal) = stage.end().await;
        ground.serves("2.0");
        let ledger = ground.ledger();
        let rings = journal.hosts();
        for before in [0, 1] {
            let ring = RingIndex(before);
            let promoted =
                journal.when(|e| matches!(e, Event::Promoted { ring: r, .. } if *r == ring));
            let after = ["lab", "canary", "broad"][usize::from(before) + 1];
            let is_after = |name: &str| rings.iter().any(|h| h.host == name && h.ring == after);
            let first = ledger.iter().find(|line| is_after(&line.host)).unwrap();
            assert!(first.at >= promoted.0, "{first:?} before {promoted:?}");
        }
        let kinds = "inspect precheck drain apply reboot verify care-verify undrain";
        for ((name, _), boot) in hosts.iter().zip(boots) {
            let steps = ledger.iter().filter(|l| l.is_start && l.host == *name);
            let steps: Vec<&str> = steps.map(|line| line.kind.as_str()).collect();
            assert_eq!(steps.join(" "), kinds, "{name}");
            assert_ne!(ground.over_ssh(name).boot_id(), boot, "{name} restarted");
        }
    });
}

/// The canary ring has one host of every role: one host is what a fault of one role costs a fleet of 24.
#[test]
fn an_update_that_breaks_a_role_is_halted_in_the_canary_ring_and_rolled_back_over_ssh() {
    play(async {
        let hosts = fleet();
        let hosts = borrowed(&hosts);
        let ground = Ground::lay(&setup(
            &hosts,
            "rings:
  - name: canary
    hosts: { select: all, take: 1, cover: { by: [role], may_exceed_take: true } }
    soak: 1s
  - { name: broad, hosts: rest, soak: 1s }
pace: { at_once: 16, ramp: off, settle: 3s }
gates: [{ name: answers, probe: up, down: { for: 500ms } }]",
        ));
        for (host, _) in hosts
            .iter()
            .filter(|(name, _)| name.starts_with("directory"))
        {
            ground.put(host, "service-2.0", "crash 200");
        }
        let stage = Stage::start(ground).await;
        let view = stage.comes_to("halted").await;
        assert_eq!((view.ring.as_deref(), view.hit), (Some("canary"), 1));
        assert_eq!((view.rings[0].planned, view.rings[0].failed), (4, 1));
        assert_eq!(stage.ground.drained(), [""; 0]);
        let rollback = Command::Rollback {
            rollout: ONE,
            reason: "it crashes".to_owned(),
        };
        stage.command("ana", rollback).await.unwrap();
        let view = stage.comes_to("rolled back").await;
        assert_eq!((view.rings[0].rolled_back, view.hit), (4, 1));
        let (ground, journal) = stage.end().await;
        ground.serves("1.0");
        let applied = ground.starts();
        let applied = applied.iter().filter(|step| step.ends_with(" apply"));
        assert_eq!(applied.count(), 4, "nothing beyond the canary ring");
        let words: Vec<String> = journal.hosts().into_iter().map(|host| host.words).collect();
        assert_eq!(words.iter().filter(|w| *w == "rolled back").count(), 4);
        assert_eq!(words.iter().filter(|w| *w == "pending").count(), 20);
    });
}
