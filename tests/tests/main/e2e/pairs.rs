//! Pairs of which one must stay up, seen from outside all the time.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::documents::{QUICK, Setup};
use super::ground::{Ground, Host};
use super::stage::{Stage, play};

/// Short beside the time that a host is down for, and long enough to leave the machine to the others.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// What somebody saw who looked all the time.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) looks: u32,
    /// Hosts that were down at some time.
    pub(crate) down: BTreeSet<String>,
    /// How often both of a pair were.
    pub(crate) both: u32,
}

/// Out of service: drained, or without an answer.
fn is_down((host, home): &(Host, PathBuf)) -> bool {
    home.join("drained").exists() || host.answer().is_none()
}

pub(crate) fn observe(
    ground: &Ground,
    pair: [&str; 2],
    enough: Arc<AtomicBool>,
) -> JoinHandle<Seen> {
    let pair = pair.map(|name| (ground.host(name).clone(), ground.home(name)));
    thread::spawn(move || {
        let mut seen = Seen::default();
        while !enough.load(Ordering::Relaxed) {
            seen.looks += 1;
            thread::park_timeout(BETWEEN_LOOKS);
            let [a, b] = pair.each_ref().map(is_down);
            for (host, is_down) in [(&pair[0].0, a), (&pair[1].0, b)] {
                if is_down {
                    seen.down.insert(host.name.clone());
                }
            }
            // The first may have come back before the second went: it is looked at once more.
            if a && b && is_down(&pair[0]) {
                seen.both += 1;
            }
        }
        seen
    })
}

#[test]
fn both_of_a_pair_are_never_down_at_once() {
    play(async {
        let hosts = [
            ("orders-a", "ag: orders"),
            ("orders-b", "ag: orders"),
            ("people-a", "ag: people"),
            ("people-b", "ag: people"),
        ];
        let ground = Ground::lay(&Setup {
            hosts: &hosts,
            group: "keep_up: { per: ag, at_least: 1, down_at_most: 1, probe: up, fresh: 3s },",
            policy: &format!("rings: [{{ name: all, hosts: rest, soak: 300ms }}]{QUICK}"),
            ..Setup::default()
        });
        for (host, _) in hosts {
            ground.put(host, "slow", "0.1");
            ground.put(host, "service-2.0", "late 300");
        }
        let enough = Arc::new(AtomicBool::new(false));
        let pairs = [["orders-a", "orders-b"], ["people-a", "people-b"]];
        let observers = pairs.map(|pair| observe(&ground, pair, Arc::clone(&enough)));
        let stage = Stage::start(ground).await;
        stage.comes_to("completed").await;
        enough.store(true, Ordering::Relaxed);
        let seen = observers.map(|observer| observer.join().unwrap());
        for (pair, seen) in pairs.into_iter().zip(seen) {
            println!("{pair:?}: {} looks", seen.looks);
            assert_eq!(seen.both, 0, "{seen:?}");
            assert!(seen.looks > 50, "{seen:?}");
            let down: Vec<&str> = seen.down.iter().map(String::as_str).collect();
            assert_eq!(down, pair, "each was down for a while, and was seen to be");
        }
        let (ground, _) = stage.end().await;
        ground.serves("2.0");
    });
}
