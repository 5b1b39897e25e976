//! Who may say yes, how often, how early, and to what; several people speak through one control socket.

use ringway_engine::view::{ApprovalView, FleetView};
use ringway_engine::{Command, Event, Subject};
use ringway_model::{Digest, RingIndex};

use super::documents::{QUICK, Setup};
use super::ground::{Ground, until};
use super::stage::{ONE, Stage, play};

const RINGS: &str = "rings:
  - name: canary
    hosts: { select: ring = canary }
    soak: 300ms
    after_soak: { approvals: 2, by: [operators], not_by: [policy-author, starter] }
  - { name: broad, hosts: rest, soak: 300ms }";

const HOSTS: [(&str, &str); 3] = [
    ("canary-1", "ring: canary"),
    ("canary-2", "ring: canary"),
    ("later", "ring: broad"),
];

const PROMOTION: Subject = Subject::Promotion { ring: RingIndex(0) };

fn yes(digest: Digest) -> Command {
    Command::Approve {
        rollout: ONE,
        subject: PROMOTION,
        digest,
    }
}

async fn refused(stage: &Stage, person: &str, digest: Digest) -> (String, String) {
    let rejected = stage.command(person, yes(digest)).await.unwrap_err();
    (rejected.code, rejected.why)
}

/// The canary ring is visited and one of its hosts stands in `apply`: nothing was observed yet.
async fn early(policy: &str) -> (Stage, ApprovalView) {
    let ground = Ground::lay(&Setup {
        hosts: &HOSTS,
        policy: &format!("{RINGS}\n{policy}{QUICK}"),
        ..Setup::default()
    });
    ground.put("canary-2", "hold-apply", "");
    let stage = Stage::start(ground).await;
    until("it is applied", || {
        stage.ground.has_begun("canary-2", "apply")
    })
    .await;
    let shown = stage.rollout().await.approval.unwrap();
    assert_eq!((shown.subject, shown.due), (PROMOTION, false));
    (stage, shown)
}

async fn wanted(stage: &Stage) -> ApprovalView {
    let is_due = |view: &FleetView| view.rollouts[0].approval.as_ref().is_some_and(|a| a.due);
    let view = stage.until("the approval is due", is_due).await;
    view.rollouts[0].approval.clone().unwrap()
}

#[test]
fn two_people_who_may_approve_and_an_early_yes_counts() {
    play(async {
        let (stage, shown) = early("").await;
        for (person, code, why) in [
            (
                "dora",
                "not-allowed",
                "dora wrote the policy, and duties are separated",
            ),
            (
                "olga",
                "not-allowed",
                "olga started the rollout, and duties are separated",
            ),
            (
                "eve",
                "not-allowed",
                "eve is in none of the teams that may approve this",
            ),
        ] {
            let answer = refused(&stage, person, shown.digest).await;
            assert_eq!(answer, (code.to_owned(), why.to_owned()));
        }
        let accepted = stage.command("ana", yes(shown.digest)).await.unwrap();
        assert!(accepted.changed, "an early yes is kept");
        let (code, _) = refused(&stage, "ana", shown.digest).await;
        assert_eq!(code, "already-approved");

        stage.ground.take("canary-2", "hold-apply");
        let due = wanted(&stage).await;
        assert_eq!(
            (due.by.as_slice(), due.need),
            (["ana".to_owned()].as_slice(), 2)
        );
        let (code, _) = refused(&stage, "ana", due.digest).await;
        assert_eq!(
            code, "already-approved",
            "one person is one yes, early or late"
        );
        let waits = stage.rollout().await;
        assert!(
            waits
                .waiting
                .iter()
                .any(|waiting| waiting.on.name() == "approval")
        );
        assert!(!stage.ground.has_begun("later", "inspect"));

        stage.command("ben", yes(due.digest)).await.unwrap();
        stage.comes_to("completed").await;
        let (ground, _) = stage.end().await;
        ground.serves("2.0");
    });
}

/// A yes to what was shown is none to what is there now, and an early yes falls with what it was given for.
#[test]
fn a_yes_to_a_digest_that_has_changed_is_refused() {
    play(async {
        let (stage, shown) = early("halt: { failed: 2 }").await;
        stage.ground.put("canary-2", "fail-apply", "9");
        stage.command("ana", yes(shown.digest)).await.unwrap();
        stage.ground.take("canary-2", "hold-apply");
        let due = wanted(&stage).await;
        assert_eq!(due.failed, ["canary-2"]);
        assert_ne!(due.digest, shown.digest);
        assert_eq!(due.by, [""; 0], "ana approved of no failed host");
        let (code, _) = refused(&stage, "ben", shown.digest).await;
        assert_eq!(code, "stale-digest");
        assert!(!stage.ground.has_begun("later", "inspect"));

        for person in ["ben", "ana"] {
            stage.command(person, yes(due.digest)).await.unwrap();
        }
        stage.comes_to("completed").await;
        let (ground, journal) = stage.end().await;
        assert_eq!(ground.drained(), [""; 0]);
        let answers = ground.answers();
        assert_eq!(answers["canary-2"].as_deref(), Some("1.0"));
        assert_eq!(answers["later"].as_deref(), Some("2.0"));
        assert!(
            journal.has(
                |event| matches!(event, Event::ApprovalVoided { actor, .. } if actor.0 == "ana")
            )
        );
    });
}
