//! What is made of hosts before they are changed, on real processes: kept, removed when its time and its rollout are over, given to
//! what takes a host back, removed before its time by a person, and listed until somebody says that it is gone.

use std::fs;

use ringway_drivers::Spans;
use ringway_engine::view::ProtectionState;
use ringway_engine::{Command, HoldKind};
use ringway_model::Span;
use ringway_scheduler::Plan;
use ringway_scheduler::plan::More;

use super::documents::{QUICK, Setup};
use super::errands::Desk;
use super::ground::{Ground, until};
use super::stage::{ONE, Stage, play};

/// Documents say an hour at the least; a test does not wait for it.
fn kept_for(plan: &mut Plan, keep: Span) {
    for step in plan.routes.iter_mut().flat_map(|route| &mut route.steps) {
        if let More::Protect { keep: said } = &mut step.more {
            *said = keep;
        }
    }
}

fn setup(policy: &str) -> Setup<'_> {
    Setup {
        hosts: &[("a1", "ring: first"), ("b1", "ring: rest")],
        policy,
        protects: true,
        ..Setup::default()
    }
}

#[test]
fn what_was_made_is_kept_until_its_time_and_its_rollout_are_over_and_not_removed_on_a_held_host() {
    play(async {
        let policy = format!(
            "rings:\n  - {{ name: first, hosts: {{ select: ring = first }}, soak: 1s }}\n  - {{ name: rest, hosts: rest, soak: 1s }}\n{QUICK}"
        );
        let ground = Ground::lay(&setup(&policy));
        // The last ring's host stays in its visit, long after the first one's time is over.
        ground.put("b1", "hold-apply", "");
        let short = |plan: &mut Plan| kept_for(plan, Span::seconds(1));
        let stage = Stage::start_as(ground, Spans::default(), short).await;
        until("b1 is changed", || stage.ground.has_begun("b1", "apply")).await;
        let made = stage.protections().await;
        let names: Vec<&str> = made.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["ringway-a1-1-1", "ringway-b1-1-1"]);
        assert_eq!(made[0].words, "kept until r1 is over", "{made:#?}");
        assert_eq!(stage.ground.text("a1", "snapshots"), "ringway-a1-1-1");
        let hold = Command::Hold {
            hosts: vec!["a1".to_owned()],
            kind: HoldKind::Hold,
            reason: "somebody looks at it".to_owned(),
            until: None,
        };
        stage.command("ana", hold).await.unwrap();
        stage.ground.take("b1", "hold-apply");
        stage.comes_to("completed").await;
        until("b1's is removed", || {
            stage.ground.text("b1", "snapshots").is_empty()
        })
        .await;
        stage
            .until("a1's is to be removed and waits", |view| {
                let counts = view.protections;
                (counts.all(), counts.ending, counts.moving) == (1, 1, 0)
            })
            .await;
        let left = stage.protections().await;
        assert_eq!(left[0].state, ProtectionState::Ending);
        assert!(
            left[0].waiting[0].why.contains("somebody looks at it"),
            "{left:#?}"
        );
        assert!(!stage.ground.has_begun("a1", "unprotect"));
        let release = Command::Release {
            hosts: vec!["a1".to_owned()],
            kind: HoldKind::Hold,
            reason: String::new(),
        };
        stage.command("ana", release).await.unwrap();
        stage
            .until("a1's is removed", |view| view.protections.all() == 0)
            .await;
        assert_eq!(stage.ground.text("a1", "snapshots"), "");
        let starts = stage.ground.starts();
        for host in ["a1", "b1"] {
            let of = |kind: &str| {
                starts
                    .iter()
                    .position(|one| *one == format!("{host} {kind}"))
            };
            assert!(
                of("precheck") < of("protect") && of("protect") < of("drain"),
                "{starts:?}"
            );
            let removals = starts
                .iter()
                .filter(|one| **one == format!("{host} unprotect"));
            assert_eq!(removals.count(), 1, "{starts:?}");
        }
        let (ground, _) = stage.end().await;
        ground.serves("2.0");
    });
}

#[test]
fn a_host_that_cannot_be_protected_is_not_changed() {
    play(async {
        let policy = format!(
            "rings: [{{ name: all, hosts: rest, soak: 1s }}]\nretry: {{ times: 1, wait: 100ms }}\nhalt: {{ failed: 1 }}\n{QUICK}"
        );
        let ground = Ground::lay(&Setup {
            hosts: &[("a1", "ring: first")],
            ..setup(&policy)
        });
        ground.put("a1", "fail-protect", "99\n");
        let stage = Stage::start(ground).await;
        stage.comes_to("halted").await;
        let words = stage.words("a1").await;
        assert!(words.contains("protect"), "{words}");
        let starts = stage.ground.starts();
        let protects = starts.iter().filter(|one| *one == "a1 protect");
        assert_eq!(protects.count(), 2, "{starts:?}");
        for kind in ["drain", "apply", "unprotect"] {
            assert!(!stage.ground.has_begun("a1", kind), "{kind}: {starts:?}");
        }
        assert_eq!(stage.protections().await.len(), 0);
        let (ground, _) = stage.end().await;
        ground.serves("1.0");
    });
}

#[test]
fn whoever_is_taken_back_is_given_what_was_made_and_a_person_has_it_removed() {
    play(async {
        let policy = format!("rings: [{{ name: all, hosts: rest, soak: 1h }}]\n{QUICK}");
        let stage = Stage::of(setup(&policy)).await;
        stage.host_becomes("a1", "updated").await;
        stage.host_becomes("b1", "updated").await;
        let back = Command::Rollback {
            rollout: ONE,
            reason: "logins are slow".to_owned(),
        };
        stage.command("ana", back).await.unwrap();
        stage.comes_to("rolled back").await;
        for host in ["a1", "b1"] {
            assert_eq!(
                stage.ground.text(host, "taken-back-by"),
                format!("ringway-{host}-1-1")
            );
        }
        let unprotect = |host: &str, reason: &str| Command::Unprotect {
            host: host.to_owned(),
            rollout: Some(ONE),
            reason: reason.to_owned(),
        };
        let refused = stage
            .command("ana", unprotect("a1", " "))
            .await
            .unwrap_err();
        assert_eq!(refused.code, "reason-missing");
        let refused = stage
            .command("ana", unprotect("c1", "full"))
            .await
            .unwrap_err();
        assert_eq!(refused.code, "not-found");
        stage
            .command("ana", unprotect("a1", "the disk is full"))
            .await
            .unwrap();
        stage
            .until("a1's is removed", |view| view.protections.all() == 1)
            .await;
        let kept = stage.protections().await;
        assert_eq!(
            (kept[0].host.as_str(), kept[0].state),
            ("b1", ProtectionState::Kept)
        );
        let (ground, _) = stage.end().await;
        ground.serves("1.0");
        assert_eq!(ground.text("a1", "snapshots"), "");
        assert_eq!(ground.text("b1", "snapshots"), "ringway-b1-1-1");
    });
}

const STEPS: &str =
    "  inspect: { run: STEP(inspect), installed_when: \"{build}\", previous: \"{output}\" }
  protect: { run: STEP(protect), keep: 7d, remove: { run: STEP(unprotect), timeout: 1m } }
  stage: { run: STEP(stage) }
  apply: { run: STEP(apply) }
";

#[test]
fn the_program_lists_removes_and_strikes_off_what_was_made() {
    let mut desk = Desk::new(STEPS);
    let planned = desk.said(&["plan"]);
    // Wherever the lines are broken.
    let planned: Vec<&str> = planned.split_whitespace().collect();
    let planned = planned.join(" ");
    assert!(planned.contains("protect (kept for 7d)"), "{planned}");
    desk.begin(&["run", "it.yaml"]);
    assert_eq!(desk.ended(), Some(0), "it does not stay for what is kept");
    let listed = desk.said(&["protections"]);
    for host in ["a1", "b1", "b2", "b3"] {
        assert!(listed.contains(&format!("ringway-{host}-1-1")), "{listed}");
    }
    assert!(listed.contains("kept until its time is over"), "{listed}");
    let status = desk.said(&["status"]);
    assert!(status.contains("protections: 4 kept"), "{status}");
    let why = desk.said(&["why", "b2"]);
    assert!(why.contains("protected by ringway-b2-1-1"), "{why}");

    // Nothing runs, so the command itself does it and stays until that is so.
    let removed = desk.ask(&["unprotect", "a1", "--reason", "the volume group is full"]);
    assert!(removed.status.success(), "{removed:?}");
    assert!(!desk.root.path().join("snapshot-a1").exists());
    let listed = desk.said(&["protections", "--host", "a1"]);
    assert!(
        listed.contains("nothing that a rollout made of `a1` is there"),
        "{listed}"
    );

    desk.put("fail-unprotect-b1");
    let failed = desk.ask(&["unprotect", "b1", "--reason", "the volume group is full"]);
    assert!(
        failed.status.success(),
        "what was asked for is noted: {failed:?}"
    );
    let listed = desk.said(&["protections", "--host", "b1"]);
    assert!(
        listed.contains("could not be removed yet; attempt 2"),
        "{listed}"
    );
    fs::remove_file(desk.root.path().join("snapshot-b1")).unwrap();
    let gone = desk.ask(&["unprotect", "b1", "--done", "--reason", "removed by hand"]);
    assert!(gone.status.success(), "{gone:?}");
    assert!(!desk.said(&["protections"]).contains("ringway-b1-1-1"));

    let history = desk.said(&["history", "b1"]);
    for words in [
        "protected: ringway-b1-1-1",
        "what it is protected by is to be removed",
        "what it was protected by is gone",
    ] {
        assert!(history.contains(words), "{words}: {history}");
    }
    let history = desk.said(&["history", "a1"]);
    assert!(
        history.contains("what it was protected by was removed"),
        "{history}"
    );
    for (host, times) in [("a1", 1), ("b1", 1), ("b2", 0), ("b3", 0)] {
        assert_eq!(desk.ran("unprotect", host), times, "{host}");
    }
    let journal = desk.said(&["journal"]);
    assert!(journal.contains("errand: unprotect"), "{journal}");
    let audit = desk.ask(&["audit"]);
    assert!(audit.status.success(), "{}", desk.said(&["audit"]));
}

/// Whoever means the snapshot of yesterday must not lose the one of last month; and what is over long ago says nothing of now.
#[test]
fn of_what_several_rollouts_made_one_is_named_or_all_are_meant() {
    let mut desk = Desk::new(STEPS);
    desk.begin(&["run", "it.yaml"]);
    assert_eq!(desk.ended(), Some(0));
    for id in ["tool-3", "tool-4"] {
        let path = desk.root.path().join("it.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let at = text.find("id: tool-").unwrap();
        let (before, behind) = text.split_at(at);
        let (_, behind) = behind.split_once(" }]").unwrap();
        let build = id.trim_start_matches("tool-");
        let next = format!("{before}id: {id}, build: \"{build}\" }}]{behind}");
        fs::write(&path, next).unwrap();
        desk.begin(&["run", "it.yaml"]);
        assert_eq!(desk.ended(), Some(0), "{id}");
    }
    let why = desk.said(&["why", "b2"]);
    assert!(
        why.contains("2 earlier rollouts: `ringway history b2`")
            && why.contains("b2 in r3")
            && !why.contains("b2 in r1"),
        "{why}"
    );
    let refused = desk.ask(&["unprotect", "b1", "--reason", "full"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        said.contains("r1, r2, r3") && said.contains("--all"),
        "{said}"
    );
    let one = desk.ask(&["unprotect", "b1", "--rollout", "r2", "--reason", "full"]);
    assert!(one.status.success(), "{one:?}");
    let listed = desk.said(&["protections", "--host", "b1"]);
    assert!(
        listed.contains("ringway-b1-1-1") && !listed.contains("ringway-b1-2-1"),
        "{listed}"
    );
    let all = desk.ask(&["unprotect", "b1", "--all", "--reason", "full"]);
    assert!(all.status.success(), "{all:?}");
    assert_eq!(desk.ran("unprotect", "b1"), 3);
}
