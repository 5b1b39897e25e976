//! What a network and a login do to a host: each ends as stated, and the others are updated.

use ringway_farm::Switch;

use super::super::ground::{Ground, until};
use super::super::stage::{Stage, play};
use super::{Names, ONE_RING, Setup, setup, stand, told};

/// Hosts with something wrong with them in this story.
const FAULTS: [&str; 9] = [
    "refuses", "changed", "silent", "stranger", "slow", "noisy", "dropped", "full", "sudoless",
];

/// Nine faults in one fleet of 24 hosts, in one rollout.
#[test]
fn a_fault_on_the_way_to_a_host_is_that_hosts_alone() {
    play(async {
        let names = Names::well_and(15, &FAULTS);
        let hosts = names.hosts();
        let policy = format!("{ONE_RING}offline: {{ allow: 50% }}");
        let ground = Ground::lay(&Setup {
            connect: &[
                ("fault = silent", "connect_timeout: 2s"),
                ("fault = sudoless", "become: sudo"),
            ],
            ..setup(&hosts, &policy)
        });
        for (host, switch) in [
            ("refuses", Switch::Refuse),
            ("changed", Switch::ChangeKey),
            ("silent", Switch::HangBanner),
            ("stranger", Switch::WrongLogin),
            ("slow", Switch::SlowLogin(700)),
            ("noisy", Switch::NoisyLogin),
            ("full", Switch::FullDisk),
            ("sudoless", Switch::SudoRefused),
        ] {
            ground.over_ssh(host).set(switch).unwrap();
        }
        ground.put("dropped", "hold-apply", "");
        let stage = Stage::start(ground).await;
        let ground = &stage.ground;
        until("its apply runs", || ground.has_begun("dropped", "apply")).await;
        ground.over_ssh("dropped").drop_connections().unwrap();
        ground.take("dropped", "hold-apply");
        stage.comes_to("completed").await;
        stand(
            &stage,
            &[
                ("refuses", "offline"),
                ("changed", "offline"),
                ("silent", "offline"),
                ("stranger", "offline"),
                ("slow", "updated"),
                ("noisy", "updated"),
                ("dropped", "updated"),
                ("full", "failed (inspect: the host would not let it run)"),
                (
                    "sudoless",
                    "failed (inspect: the host would not let it run)",
                ),
            ],
        )
        .await;
        told(
            &stage,
            &[
                ("refuses", "refuses the connection"),
                ("changed", "key"),
                ("silent", "2s"),
                ("stranger", "key"),
                ("full", "write"),
                ("sudoless", "sudo"),
            ],
        )
        .await;
        for n in 1..=15 {
            stand(&stage, &[(&format!("well-{n}"), "updated")]).await;
        }
        let (ground, _) = stage.end().await;
        only_the_others_were_touched(&ground);
    });
}

/// Of hosts that could not be visited, nothing is different.
fn only_the_others_were_touched(ground: &Ground) {
    let untouched = [
        "refuses", "changed", "silent", "stranger", "full", "sudoless",
    ];
    for (host, answer) in ground.answers() {
        let is_untouched = untouched.contains(&host);
        let version = if is_untouched { "1.0" } else { "2.0" };
        assert_eq!(answer.as_deref(), Some(version), "{host}");
        let steps = ground.starts();
        let steps = steps
            .iter()
            .filter(|step| step.starts_with(&format!("{host} ")));
        assert_eq!(steps.count(), if is_untouched { 0 } else { 8 }, "{host}");
    }
}

/// A host that cannot be reached is debt, and is visited as soon as it can be.
#[test]
fn a_host_that_comes_back_in_time_is_visited_later() {
    play(async {
        let names = Names::well_and(3, &["away"]);
        let hosts = names.hosts();
        let policy = format!("{ONE_RING}offline: {{ retry: 1s }}");
        let ground = Ground::lay(&setup(&hosts, &policy));
        ground.over_ssh("away").set(Switch::Refuse).unwrap();
        let stage = Stage::start(ground).await;
        stage.host_becomes("away", "offline").await;
        for n in 1..=3 {
            stage.host_becomes(&format!("well-{n}"), "updated").await;
        }
        let view = stage.rollout().await;
        assert_eq!((view.state.as_str(), view.hit), ("advancing", 0));
        stage.ground.over_ssh("away").heal().unwrap();
        let view = stage.comes_to("completed").await;
        assert_eq!((view.hit, view.rings[0].debt), (0, 0));
        stand(&stage, &[("away", "updated")]).await;
        let (ground, _) = stage.end().await;
        ground.serves("2.0");
    });
}
