//! Hosts behind another one, and hosts whose login never comes to a command: by Ringway's own SSH and by the system's.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use ringway_drivers::Spans;
use ringway_engine::view::HostView;
use ringway_farm::Switch;

use super::super::ground::Ground;
use super::super::stage::{Stage, play};
use super::{ONE_RING, Setup, setup, stand, told};

/// Hosts of which four let in nobody but the gate, two for each way to speak SSH.
const HOSTS: [(&str, &str); 6] = [
    ("gate", "way: direct"),
    ("direct", "way: direct"),
    ("inner-1", "way: through"),
    ("inner-2", "way: through"),
    ("system-1", "way: by-system"),
    ("system-2", "way: by-system"),
];

/// Those behind the gate.
const BEHIND: [(&str, &str); 4] = [
    ("inner-1", "gate"),
    ("inner-2", "gate"),
    ("system-1", "gate"),
    ("system-2", "gate"),
];

fn behind_a_gate(policy: &str) -> Ground {
    Ground::lay(&Setup {
        behind: &BEHIND,
        connect: &[
            ("way = through", "jump: \"AT-gate\""),
            ("way = by-system", "jump: \"AT-gate\", via: system"),
        ],
        ..setup(&HOSTS, policy)
    })
}

/// Steps and the gates' probes go through it: without evidence from a probe no host would be visited.
#[test]
fn hosts_behind_a_jump_host_are_updated_and_probed_through_it() {
    play(async {
        // On a busy machine a way through two hosts may take longer than a host is waited for; it is tried again.
        let policy = format!("{ONE_RING}offline: {{ retry: 1s }}\n");
        let stage = Stage::start(behind_a_gate(&policy)).await;
        stage.comes_to("completed").await;
        let all: Vec<(&str, &str)> = HOSTS.iter().map(|(host, _)| (*host, "updated")).collect();
        stand(&stage, &all).await;
        let (ground, _) = stage.end().await;
        ground.serves("2.0");
        let starts: BTreeSet<String> = ground.starts().into_iter().collect();
        assert_eq!(starts.len(), 6 * 8, "every step of every host");
    });
}

#[test]
fn hosts_behind_a_jump_host_that_is_shut_are_debt_until_it_is_open() {
    play(async {
        let policy = "
rings: [{ name: all, hosts: rest, soak: 0s }]
pace: { at_once: 24, ramp: off, settle: 0s }
offline: { allow: 0%, or: 0, retry: 1s }
";
        let ground = behind_a_gate(policy);
        ground.over_ssh("gate").set(Switch::Refuse).unwrap();
        let stage = Stage::start(ground).await;
        stage.host_becomes("direct", "updated").await;
        for (host, _) in BEHIND {
            // It is tried again every second, and is visited then.
            let is_told = |view: &HostView| {
                let told = view.last_word.as_ref();
                view.words == "offline"
                    && told.is_some_and(|word| word.text.contains("jump host `"))
            };
            stage
                .host_until(host, "offline behind its gate", is_told)
                .await;
        }
        stage.ground.over_ssh("gate").heal().unwrap();
        let view = stage.comes_to("completed").await;
        assert_eq!((view.hit, view.rings[0].done), (0, 6));
        let (ground, _) = stage.end().await;
        ground.serves("2.0");
    });
}

/// Nobody knows of a login that never comes to its command whether it did. The host is asked within bounds, a host that
/// does not answer has failed, and none of it is anybody else's.
#[test]
fn a_host_whose_login_never_comes_to_a_command_fails_in_bounded_time_and_alone() {
    play(async {
        let hosts = [
            ("well-1", "way: own"),
            ("well-2", "way: system"),
            ("well-3", "way: own"),
            ("stuck", "way: own"),
            ("stuck-by-system", "way: system"),
        ];
        let ground = Ground::lay(&Setup {
            inspect_within: "1s",
            connect: &[("way = system", "via: system")],
            ..setup(&hosts, ONE_RING)
        });
        for host in ["stuck", "stuck-by-system"] {
            ground.over_ssh(host).set(Switch::HangLogin).unwrap();
        }
        // As in the product, but for how long is waited.
        let spans = Spans {
            busy: Duration::from_secs(1),
            answer: Duration::from_secs(1),
            margin: Duration::from_secs(1),
            ..Spans::default()
        };
        let stage = Stage::start_waiting(ground, spans).await;
        for n in 1..=3 {
            stage.host_becomes(&format!("well-{n}"), "updated").await;
        }
        stage.comes_to("completed").await;
        for host in ["stuck", "stuck-by-system"] {
            let words = "failed (inspect: it was interrupted and inspection did not find it done)";
            stand(&stage, &[(host, words)]).await;
            told(&stage, &[(host, "its host did not say")]).await;
        }
        let (ground, _) = stage.end().await;
        for host in ["stuck", "stuck-by-system"] {
            assert_eq!(ground.host(host).answer().as_deref(), Some("1.0"));
            assert!(!ground.has_begun(host, "drain"));
        }
        let farm = ground.root().join("farm");
        drop(ground);
        assert_eq!(of_the_farm(&farm), [""; 0], "left behind");
    });
}

/// Processes that a farm's hosts run, by what is in their environment.
fn of_the_farm(farm: &Path) -> Vec<String> {
    let farm = farm.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| {
            let is_of_it = |file: &str| {
                let text = fs::read(process.path().join(file)).unwrap_or_default();
                String::from_utf8_lossy(&text).contains(farm)
            };
            is_of_it("environ") || is_of_it("cmdline")
        })
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .collect()
}
