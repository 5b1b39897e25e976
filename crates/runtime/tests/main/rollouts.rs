//! Rollouts from their proposal to their end, and what people may do in between.

use ringway_engine::Command;

use crate::place::{APPROVED, Place, TWO_RINGS, until_so, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_good_update_completes_ring_by_ring() {
    let place = Place::new(TWO_RINGS);
    let running = place.start().await;
    running.propose(&place).await;
    let end = running.until_rollout(|r| r.is_final).await;
    assert_eq!((end.state.as_str(), end.hit), ("completed", 0));
    assert_eq!(place.versions(), "2 2 2 2");
    assert!(!place.is_drained());
    within(running.runtime.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_halts_and_a_rollback_takes_every_host_back() {
    let place = Place::new(TWO_RINGS);
    place.write("fail-a", "");
    let running = place.start().await;
    let rollout = running.propose(&place).await;
    let halted = running
        .until_rollout(|r| r.state == "halted" && r.rings[0].visiting == 0)
        .await;
    assert_eq!(halted.hit, 1);
    assert_eq!((place.count("b apply"), place.is_drained()), (0, false));
    let reason = "it fails".to_owned();
    running
        .say("ana", Command::Rollback { rollout, reason })
        .await
        .unwrap();
    let end = running.until_rollout(|r| r.is_final).await;
    assert_eq!(
        (end.state.as_str(), place.versions().as_str()),
        ("rolled back", "1 1 1 1")
    );
    assert!(!place.is_drained());
}

/// A pause in the middle of a visit must not leave the host out of service, nor let another one begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_while_a_host_is_being_drained_brings_it_back_and_begins_no_other() {
    let place = Place::new(TWO_RINGS);
    place.write("hold-drain", "");
    let running = place.start().await;
    let rollout = running.propose(&place).await;
    until_so(|| place.count("a drain") == 1).await;
    let reason = "lunch".to_owned();
    running
        .say(
            "ana",
            Command::Pause {
                rollout,
                reason: reason.clone(),
            },
        )
        .await
        .unwrap();
    place.remove("hold-drain");
    running
        .until_rollout(|r| r.state == "paused" && r.rings[0].pending == 1)
        .await;
    assert_eq!(
        (
            place.count("a apply"),
            place.count("a undrain"),
            place.is_drained()
        ),
        (0, 1, false)
    );
    running
        .say("ana", Command::Resume { rollout, reason })
        .await
        .unwrap();
    let end = running.until_rollout(|r| r.is_final).await;
    assert_eq!(
        (end.state.as_str(), place.versions().as_str()),
        ("completed", "2 2 2 2")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn going_on_takes_the_yes_of_two_people_of_the_team_who_saw_the_same() {
    let place = Place::new(APPROVED);
    let running = place.start().await;
    let rollout = running.propose(&place).await;
    let asks = running
        .until_rollout(|r| r.approval.as_ref().is_some_and(|a| a.due))
        .await;
    let wanted = asks.approval.unwrap();
    let stale = ringway_model::Digest::of(b"something else");
    let yes = |digest| Command::Approve {
        rollout,
        subject: wanted.subject,
        digest,
    };
    for (who, digest, code) in [
        ("eve", wanted.digest, "not-allowed"),
        ("dora", wanted.digest, "not-allowed"),
        ("ana", stale, "stale-digest"),
    ] {
        let rejected = running.say(who, yes(digest)).await.unwrap_err();
        assert_eq!(rejected.code, code, "{who}");
    }
    running.say("ana", yes(wanted.digest)).await.unwrap();
    // The same person twice is one person, whether that is refused or merely changes nothing.
    let twice = running.say("ana", yes(wanted.digest)).await;
    assert!(twice.is_err_and(|r| r.code == "already-approved") || place.count("b apply") == 0);
    assert_eq!(place.count("b apply"), 0);
    running.say("ben", yes(wanted.digest)).await.unwrap();
    let end = running.until_rollout(|r| r.is_final).await;
    assert_eq!(
        (end.state.as_str(), place.versions().as_str()),
        ("completed", "2 2 2 2")
    );
}

/// The process that decided is gone while a step runs: the step must go on, be found, and never run twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_outlives_its_decider_is_found_again_and_runs_once() {
    let place = Place::new(TWO_RINGS);
    place.write("hold-apply", "");
    let running = place.start().await;
    running.propose(&place).await;
    until_so(|| place.count("a apply") == 1).await;
    within(running.runtime.kill()).await;
    let second = place.start().await;
    second.until_rollout(|r| r.rings[0].visiting == 1).await;
    place.remove("hold-apply");
    let end = second.until_rollout(|r| r.is_final).await;
    assert_eq!(
        (end.state.as_str(), place.versions().as_str()),
        ("completed", "2 2 2 2")
    );
    assert_eq!(place.count("a apply"), 1);
}

/// Leaving in order is as safe as a crash, and what was decided is there afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_goes_on_where_an_orderly_end_left_it() {
    let place = Place::new(TWO_RINGS);
    place.write("hold-drain", "");
    let running = place.start().await;
    running.propose(&place).await;
    until_so(|| place.count("a drain") == 1).await;
    within(running.runtime.shutdown()).await;
    place.remove("hold-drain");
    let second = place.start().await;
    let end = second.until_rollout(|r| r.is_final).await;
    assert_eq!(
        (end.state.as_str(), place.versions().as_str()),
        ("completed", "2 2 2 2")
    );
    assert_eq!((place.count("a drain"), place.is_drained()), (1, false));
}
