//! A bad update breaks a role, and the fix takes over from it: with the real program, from the command line.

use std::fs;

use ringway_engine::Event;
use ringway_farm::Switch;
use ringway_model::{RolloutId, StepKind, Timestamp};

use super::documents::{Carrier, Setup};
use super::ground::Ground;
use super::journal::Journal;
use super::run::{Run, Said, audit_is_clean, said, until};
use super::stage::play;

const POLICY: &str = "rings:
  - name: canary
    hosts: { select: all, take: 1, cover: { by: [role], may_exceed_take: true } }
    soak: 300ms
  - { name: broad, hosts: rest, soak: 300ms }
pace: { at_once: 16, ramp: off, settle: 2s }
gates: [{ name: answers, probe: up, down: { for: 500ms } }]
recovery: { first: [role = directory] }";

const FIX: &str = "ringway: update/v1
name: april-fix
supersedes: [april]
releases:
  - { select: all, id: KB2, build: \"3.0\" }
recipe: service
";

const HOSTS: [(&str, &str); 6] = [
    ("web-1", "role: web"),
    ("web-2", "role: web"),
    ("web-3", "role: web"),
    ("directory-1", "role: directory"),
    ("directory-2", "role: directory"),
    ("directory-3", "role: directory"),
];

/// A fleet on which the update was halted, since it breaks directories; the fix lies beside the documents.
async fn halted() -> Ground {
    halted_on(Ground::lay(&Setup {
        hosts: &HOSTS,
        policy: POLICY,
        ..Setup::default()
    }))
    .await
}

async fn halted_on(ground: Ground) -> Ground {
    for (host, _) in HOSTS
        .iter()
        .filter(|(name, _)| name.starts_with("directory"))
    {
        ground.put(host, "service-2.0", "crash 200");
    }
    fs::create_dir(ground.root().join("later")).unwrap();
    fs::write(ground.root().join("later/fix.yaml"), FIX).unwrap();
    let ran = run_to_end(&ground, &["run", "--no-wait"]).await;
    assert_eq!(ran.code, Some(3), "{}", ran.text);
    ground
}

async fn run_to_end(ground: &Ground, arguments: &[&str]) -> Said {
    let root = ground.root().to_str().unwrap().to_owned();
    let mut all = arguments.to_vec();
    all.push(&root);
    said(ground, &all).await
}

fn order<'a>(fix: &'a str, root: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["supersede", "r1", "--with", fix, "--poison"];
    all.extend(more);
    all.push(root);
    all
}

/// Nothing of the bad update is applied to anybody from the decision on, and nobody but the canaries ever had it.
async fn all_are_on_the_fix(ground: &Ground) {
    ground.serves("3.0");
    assert_eq!(ground.wrong(), [""; 0]);
    audit_is_clean(ground);
    let journal = Journal::read(&ground.data()).await;
    let rollouts = journal.engine.view(Timestamp(0)).rollouts;
    let states: Vec<&str> = rollouts.iter().map(|one| one.state.as_str()).collect();
    assert_eq!(states, ["superseded", "completed"]);
    assert_eq!(rollouts[0].superseded_by, Some(RolloutId(2)));
    let at = journal
        .events
        .iter()
        .position(|(_, event)| matches!(event, Event::SupersedeBegan { .. }));
    let (decided, _) = journal.events[at.unwrap()];
    let rest = &journal.events[at.unwrap()..];
    let first = rest
        .iter()
        .position(|(_, event)| matches!(event, Event::StepIssued { .. }))
        .unwrap();
    eprintln!(
        "from `supersede` to the first step of the recovery: {} events, {} ms",
        first,
        rest[first].0.since(decided).millis()
    );
    for (_, event) in rest {
        if let Event::StepIssued { intent, .. } = event {
            assert_eq!(intent.rollout(), RolloutId(2), "{event:?}");
        }
    }
    for (host, _) in HOSTS {
        let starts = ground.starts();
        let applied = starts
            .iter()
            .filter(|step| **step == format!("{host} {}", StepKind::Apply));
        let bad = rollouts[0].rings[0].planned as usize;
        assert!((1..=2).contains(&applied.count()), "{host}");
        assert_eq!(bad, 2, "one host of every role");
    }
}

#[test]
fn a_bad_update_is_superseded_and_every_host_ends_on_the_fix() {
    play(async {
        let ground = halted().await;
        let root = ground.root().to_str().unwrap();
        let fix = ground.root().join("later/fix.yaml");
        let fix = fix.to_str().unwrap();
        let shown = said(&ground, &order(fix, root, &["--dry-run"])).await;
        assert_eq!(shown.code, Some(0), "{}", shown.text);
        for line in [
            "r1 would be superseded",
            "broken           1 host: directory-",
            "recovery",
            "KB1",
        ] {
            assert!(
                shown.text.contains(line),
                "`{line}` is not in:\n{}",
                shown.text
            );
        }
        let silent = said(&ground, &order(fix, root, &[])).await;
        assert_eq!(
            silent.code,
            Some(2),
            "it says why, or is not done:\n{}",
            silent.text
        );
        let reason = ["--reason", "directories crash"];
        let done = said(&ground, &order(fix, root, &reason)).await;
        assert_eq!(done.code, Some(0), "{}", done.text);
        assert!(
            done.text.contains("r1 is superseded by r2"),
            "{}",
            done.text
        );
        all_are_on_the_fix(&ground).await;
        let again = said(&ground, &order(fix, root, &reason)).await;
        assert_eq!(again.code, Some(1), "{}", again.text);
        assert!(again.text.contains("supersede r2"), "{}", again.text);
        let listed = said(&ground, &["status", "--all"]).await;
        assert!(listed.text.contains("superseded by r2"), "{}", listed.text);
        let poisoned = said(&ground, &["poison"]).await;
        assert!(poisoned.text.contains("KB1"), "{}", poisoned.text);
    });
}

/// The process dies as soon as it has said that it is done; whoever goes on knows all of it.
#[test]
fn a_supersession_that_was_acknowledged_survives_kill_9() {
    play(async {
        let ground = halted().await;
        let root = ground.root().to_str().unwrap();
        let fix = ground.root().join("later/fix.yaml");
        let fix = fix.to_str().unwrap();
        let log = ground.root().join("run.log");
        let mut run = Run::start(
            &ground,
            &order(fix, root, &["--reason", "directories crash"]),
        );
        let said_so = || {
            fs::read_to_string(&log)
                .unwrap_or_default()
                .contains("r1 is superseded by r2")
        };
        until(&ground, "it is superseded", said_so).await;
        run.kill();
        let mut next = Run::start(&ground, &["run", "--no-wait", "--resume"]);
        let status = next.ended().await;
        assert!(
            status.success(),
            "{status:?}:\n{}",
            fs::read_to_string(&log).unwrap()
        );
        all_are_on_the_fix(&ground).await;
    });
}

/// A recipe by which hosts that do not answer are brought back from the controller: the command says whom it was for.
fn with_recovery(ground: &Ground) {
    let recipe = ground.root().join("recipe.yaml");
    let text = fs::read_to_string(&recipe).unwrap();
    let root = ground.root().display();
    let recovery = format!(
        "  recovery:\n    run: touch \"{root}/revived-$HOST\"\n    at: controller\n    back_within: 2m\n  precheck:"
    );
    fs::write(recipe, text.replace("  precheck:", &recovery)).unwrap();
}

/// The bad update leaves a directory that nobody can log in to. Its console brings it back, and it is mended like the others.
#[test]
fn a_broken_host_that_does_not_answer_is_brought_back_and_mended() {
    play(async {
        let ground = Ground::lay(&Setup {
            hosts: &HOSTS,
            policy: POLICY,
            carrier: Carrier::Ssh,
            ..Setup::default()
        });
        with_recovery(&ground);
        let ground = halted_on(ground).await;
        let journal = Journal::read(&ground.data()).await;
        let situation = journal.engine.situation(RolloutId(1)).unwrap();
        let is_broken = |host: &&str| situation.part(host) == ringway_scheduler::Part::Broken;
        let broken: Vec<&str> = HOSTS
            .iter()
            .map(|(name, _)| *name)
            .filter(is_broken)
            .collect();
        let [silent] = broken[..] else {
            panic!("one directory is broken: {broken:?}");
        };
        ground.over_ssh(silent).set(Switch::Refuse).unwrap();
        let root = ground.root().to_str().unwrap();
        let fix = ground.root().join("later/fix.yaml");
        let fix = fix.to_str().unwrap();
        let shown = said(&ground, &order(fix, root, &["--dry-run"])).await;
        assert!(
            shown
                .text
                .contains("1 of 1 broken hosts can be brought back"),
            "{}",
            shown.text
        );
        let reason = ["--reason", "directories crash"];
        let mut run = Run::start(&ground, &order(fix, root, &reason));
        let revived = ground.root().join(format!("revived-{silent}"));
        until(&ground, "it is brought back", || revived.exists()).await;
        ground.over_ssh(silent).heal().unwrap();
        let status = run.ended().await;
        let log = fs::read_to_string(ground.root().join("run.log")).unwrap();
        assert!(status.success(), "{status:?}:\n{log}");
        all_are_on_the_fix(&ground).await;
        let revived = fs::read_dir(ground.root()).unwrap().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().starts_with("revived-")
        });
        assert_eq!(revived.count(), 1, "nobody else was");
        let why = said(&ground, &["history", silent]).await;
        assert!(why.text.contains("recovery"), "{}", why.text);
    });
}
