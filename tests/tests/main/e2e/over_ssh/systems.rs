//! What an operating system does to a visit: commands that hang, restarts that do not go as they should.

use ringway_engine::Event;
use ringway_farm::Switch;
use ringway_model::{FailWhy, StepResult};

use super::super::ground::{Ground, until};
use super::super::journal::Journal;
use super::super::stage::{Stage, play};
use super::{Names, ONE_RING, Setup, setup, stand, told};

/// Hosts with something wrong with them in this story.
const FAULTS: [&str; 6] = [
    "hangs",
    "stubborn",
    "never-back",
    "looping",
    "not-restarted",
    "away-for-nothing",
];

/// Every restart is a real one: all that runs on the host ends, and it is away for a while.
#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one rollout, and a paragraph for each of its hosts"
)]
fn hosts_that_hang_or_restart_wrongly_end_as_stated_and_the_others_are_updated() {
    play(async {
        let names = Names::well_and(18, &FAULTS);
        let hosts = names.hosts();
        let ground = Ground::lay(&Setup {
            sees_restarts: true,
            apply_within: "5s",
            back_within: "15s",
            ..setup(&hosts, ONE_RING)
        });
        ground.put("hangs", "hang-apply", "gently");
        ground.put("stubborn", "hang-apply", "stubborn");
        for (host, switch) in [
            ("never-back", Switch::NeverBack),
            ("looping", Switch::RebootLoop(40)),
            ("not-restarted", Switch::NoReboot),
            ("away-for-nothing", Switch::FakeReboot),
        ] {
            ground.over_ssh(host).set(switch).unwrap();
        }
        let stage = Stage::start(ground).await;
        stage.comes_to("completed").await;
        stand(
            &stage,
            &[
                ("hangs", "failed (apply: it did not end in time)"),
                ("stubborn", "failed (apply: it did not end in time)"),
                // It is away when it is to be put back into service.
                ("never-back", "lost"),
                (
                    "not-restarted",
                    "unhealthy (the host did not come back in time)",
                ),
                (
                    "away-for-nothing",
                    "unhealthy (the host did not come back in time)",
                ),
            ],
        )
        .await;
        let unchanged = "it is up without having restarted";
        told(
            &stage,
            &[
                ("not-restarted", unchanged),
                ("away-for-nothing", unchanged),
            ],
        )
        .await;
        // Whether it is up at the moment when it is to be put back into service is chance, and so is whether it was up
        // often enough when it was asked for its restarts to be counted.
        let looping = stage.words("looping").await;
        let stated = [
            "lost",
            "unhealthy (the host restarted more often than said)",
            "unhealthy (the host did not come back in time)",
        ];
        assert!(stated.contains(&looping.as_str()), "{looping}");
        for n in 1..=18 {
            stand(&stage, &[(&format!("well-{n}"), "updated")]).await;
        }
        hung_groups_are_gone(&stage).await;
        let (ground, journal) = stage.close().await;
        let away = ["never-back", "looping"];
        let drained = ground.drained();
        assert!(
            drained.iter().all(|host| away.contains(host)),
            "{drained:?}"
        );
        failed(&journal, "never-back", &[FailWhy::NotBack]);
        failed(
            &journal,
            "looping",
            &[FailWhy::RestartLoop, FailWhy::NotBack],
        );
    });
}

/// Nothing is left of the steps that hung, and their hosts are in service as they were.
async fn hung_groups_are_gone(stage: &Stage) {
    for host in ["hangs", "stubborn"] {
        for file in ["step", "hung"] {
            let pid = stage.ground.text(host, file);
            until("the hung group is gone", || {
                stage.ground.ours(&pid).is_none()
            })
            .await;
        }
        assert_eq!(stage.ground.host(host).answer().as_deref(), Some("1.0"));
        assert!(stage.ground.has_begun(host, "undrain"));
        assert!(!stage.ground.has_begun(host, "reboot"));
    }
}

/// Asserts that a step of this host failed so.
fn failed(journal: &Journal, host: &str, so: &[FailWhy]) {
    let hosts = journal.hosts();
    let slot = hosts.iter().find(|view| view.host == host).unwrap().slot;
    let is_it = |event: &Event| {
        matches!(
            event,
            Event::StepEnded { intent, result: StepResult::Failed(why), .. }
                if intent.slot() == slot && so.contains(why)
        )
    };
    assert!(journal.has(is_it), "{host}: {so:?}");
}
