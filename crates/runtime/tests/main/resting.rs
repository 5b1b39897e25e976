//! What people leave for a fleet at rest, and runs that only look.

use ringway_engine::Command;
use ringway_model::{Actor, RolloutId};
use ringway_runtime::inbox::{Became, Errand, became, leave, waiting};
use ringway_runtime::{Answer, Bundle, Config, Mixed, Runtime, StartError, is_observed};

use crate::place::{Everybody, Place, Running, TWO_RINGS, until_so};

fn stop() -> Errand {
    Errand::Command(Command::Stop {
        reason: "not tonight".to_owned(),
    })
}

fn is_accepted(place: &Place, name: &str) -> bool {
    matches!(
        became(&place.data(), name),
        Some(Became::Done(done)) if matches!(done.answer, Answer::Accepted(_)) && done.actor == "ana"
    )
}

/// What was left is decided before anything starts, in its order, and once, whoever dies in between.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_while_nothing_ran_is_decided_before_anything_starts() {
    let place = Place::new(TWO_RINGS);
    place.start().await.runtime.shutdown().await;
    let proposal = Errand::Propose(Bundle::pack(&place.proposal()));
    let proposed = leave(&place.data(), &proposal).unwrap();
    let stopped = leave(&place.data(), &stop()).unwrap();
    let again = std::fs::read(place.path(&format!("data/inbox/{}", proposed.name))).unwrap();
    let running = place.start().await;
    let view = running.until(|view| view.stopped.is_some()).await;
    assert_eq!(view.rollouts.len(), 1);
    assert_eq!(view.rollouts[0].starter, "ana");
    until_so(|| is_accepted(&place, &proposed.name) && is_accepted(&place, &stopped.name)).await;
    // The answer is put down before the command is taken away.
    until_so(|| waiting(&place.data()).unwrap().is_empty()).await;
    running.runtime.kill().await;
    // A process that died after its commit and before it put the answer down: the command is given once more.
    std::fs::remove_file(place.path(&format!("data/inbox/done/{}", proposed.name))).unwrap();
    std::fs::write(place.path(&format!("data/inbox/{}", proposed.name)), again).unwrap();
    let running = place.start().await;
    until_so(|| is_accepted(&place, &proposed.name)).await;
    let view = running.until(|view| view.stopped.is_some()).await;
    assert_eq!(view.rollouts.len(), 1, "a key makes it one rollout");
    assert_eq!(place.count("a apply"), 0);
    let go = Command::Go {
        reason: "now".to_owned(),
    };
    running.say("ana", go).await.unwrap();
    running.until_rollout(|r| r.state == "completed").await;
    assert_eq!(place.count("a apply"), 1);
    running.runtime.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_beside_a_running_process_is_found_soon() {
    let place = Place::new(TWO_RINGS);
    let running = place.start().await;
    let left = leave(&place.data(), &stop()).unwrap();
    running.until(|view| view.stopped.is_some()).await;
    until_so(|| is_accepted(&place, &left.name)).await;
    running.runtime.shutdown().await;
}

fn config(place: &Place, observe: bool) -> Config {
    let data = if observe {
        place.path("data/observe")
    } else {
        place.data()
    };
    Config {
        data,
        workers: 8,
        identify: std::sync::Arc::new(Everybody("ana")),
        observe,
        clock: std::sync::Arc::default(),
    }
}

/// A whole rollout over hosts that are only looked at, and no way to go on with its journal in earnest.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_only_looks_completes_and_changes_nothing() {
    let place = Place::new(TWO_RINGS);
    place.write("version-d", "2\n");
    let running = Running {
        runtime: Runtime::start(config(&place, true)).await.unwrap(),
    };
    let answer = running
        .runtime
        .caller()
        .propose(Actor("ana".to_owned()), place.proposal())
        .await;
    let id = answer.unwrap().unwrap().rollout.unwrap();
    assert_eq!(id, RolloutId(1));
    running.until_rollout(|r| r.state == "completed").await;
    let view = running.runtime.caller().view().await.unwrap();
    let followed = running.until(|view| view.observing).await;
    assert!(view.observing && followed.observing);
    let hosts = running.runtime.caller().hosts(id, None).await.unwrap();
    for host in hosts {
        let expected = if host.host == "d" {
            "already"
        } else {
            "updated"
        };
        assert_eq!(host.words, expected, "{}", host.host);
    }
    running.runtime.shutdown().await;
    assert_eq!(place.versions(), "1 1 1 2");
    assert!(!place.path("ledger").exists() && !place.is_drained());
    assert!(
        !place.path("data/observe/hosts").exists(),
        "no run directory is made"
    );
    let observed = Config {
        observe: false,
        ..config(&place, true)
    };
    assert!(is_observed(&observed.data));
    let refused = Runtime::start(observed).await.err().unwrap();
    assert!(
        matches!(refused, StartError::Mixed(Mixed::Observed { .. })),
        "{refused}"
    );
    Runtime::start(config(&place, false))
        .await
        .unwrap()
        .shutdown()
        .await;
    let real = Config {
        observe: true,
        ..config(&place, false)
    };
    let refused = Runtime::start(real).await.err().unwrap();
    assert!(
        matches!(refused, StartError::Mixed(Mixed::Real { .. })),
        "{refused}"
    );
}
