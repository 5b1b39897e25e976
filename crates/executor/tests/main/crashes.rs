//! A fault at every append of a whole rollout: the end is the same, and nothing is lost or done twice.

use ringway_executor::port::{AppendFailure, Ended};
use ringway_model::HostOutcome;

use crate::rig::{Fate, Rig, is_completed};

/// A rollout from its proposal to its end, with one append that has another fate.
fn run(fate: Option<(u64, Fate)>) -> Rig {
    let mut rig = Rig::new();
    rig.fate = fate;
    rig.propose(1);
    rig.settle();
    // A proposal that was lost with its process is sent again; its key keeps it one rollout.
    if !matches!(rig.replies.get(&1), Some(Ok(_))) {
        rig.propose(2);
    }
    rig.finish();
    rig
}

#[test]
fn a_rollout_without_faults_completes() {
    let rig = run(None);
    assert!(is_completed(&rig), "{:?}", rig.view());
    assert!(rig.appends > 40, "{}", rig.appends);
    assert!(!rig.world.snapshots.is_empty());
    let (_, fold) = rig.journal();
    assert!(fold.confirmed() > 0, "state digests were read and compared");
    assert_eq!(
        fold.engine().state_digest(),
        rig.executor.engine().state_digest(),
        "the state is the fold of its journal"
    );
}

/// Every fault at every append. The rig asserts that nothing begins before it is durable, that no step begins twice, and
/// that nobody is answered twice.
fn everywhere(fate: &Fate) {
    let undisturbed = run(None);
    for append in 1..=undisturbed.appends {
        let rig = run(Some((append, fate.clone())));
        assert!(is_completed(&rig), "{fate:?} at {append}: {:?}", rig.view());
        assert_eq!(rig.view().rollouts.len(), 1, "{fate:?} at {append}");
        let (_, fold) = rig.journal();
        assert_eq!(
            fold.engine().state_digest(),
            rig.executor.engine().state_digest(),
            "{fate:?} at {append}"
        );
        // Each host went through its six steps; a step that was given up before it began was decided anew.
        assert_eq!(rig.world.begun.len(), undisturbed.world.begun.len());
    }
}

#[test]
fn a_crash_before_any_append_ends_alike() {
    everywhere(&Fate::CrashBefore);
}

#[test]
fn a_crash_after_any_append_ends_alike() {
    everywhere(&Fate::CrashAfter);
}

#[test]
fn a_failed_append_ends_alike() {
    everywhere(&Fate::Failed(AppendFailure::Other("io".to_owned())));
}

#[test]
fn an_append_that_failed_and_is_durable_ends_alike() {
    everywhere(&Fate::DurableButFailed);
}

#[test]
fn a_full_disk_at_any_append_ends_alike() {
    everywhere(&Fate::Failed(AppendFailure::DiskFull));
}

#[test]
fn a_loop_that_was_overtaken_ends_and_says_so_to_whoever_waits() {
    let mut rig = Rig::new();
    rig.settle();
    rig.fate = Some((2, Fate::Failed(AppendFailure::Fenced)));
    rig.propose(1);
    rig.settle();
    assert_eq!(rig.ended, Some(Ended::Fenced));
    assert_eq!(rig.executor.ended(), Some(&Ended::Fenced));
    assert_eq!(rig.replies[&1].as_ref().unwrap_err().code, "try-again");
    assert!(rig.world.begun.is_empty());
    // And to whoever comes later.
    rig.ended = None;
    rig.propose(2);
    rig.settle();
    assert_eq!(rig.replies[&2].as_ref().unwrap_err().code, "try-again");
    assert_eq!(rig.ended, None, "it ends once");
}

#[test]
fn a_command_whose_batch_is_lost_is_answered_try_again_and_one_whose_batch_is_found_is_answered_yes()
 {
    for (fate, is_done) in [
        (Fate::Failed(AppendFailure::Other("io".to_owned())), false),
        (Fate::DurableButFailed, true),
    ] {
        let mut rig = Rig::new();
        rig.settle();
        rig.fate = Some((2, fate.clone()));
        rig.propose(1);
        rig.settle();
        assert_eq!(rig.replies[&1].is_ok(), is_done, "{fate:?}");
        assert_eq!(rig.view().rollouts.len(), usize::from(is_done), "{fate:?}");
    }
}

/// What must not happen: a store that fails for good is asked for the journal in a busy loop.
#[test]
fn a_store_that_keeps_failing_is_tried_ever_more_slowly() {
    let mut rig = Rig::new();
    rig.settle();
    let mut waits = Vec::new();
    rig.propose(1);
    for _ in 0..8 {
        rig.fate = Some((
            rig.appends + 1,
            Fate::Failed(AppendFailure::Other("io".to_owned())),
        ));
        let before = rig.now;
        let appends = rig.appends;
        while rig.appends == appends {
            match rig.queue.pop_front() {
                Some(arrival) => rig.deliver(arrival),
                None => rig.run_to(rig.wake.expect("it will try again")),
            }
        }
        waits.push(rig.now.since(before).millis() / 1000);
    }
    assert_eq!(waits, [0, 0, 1, 2, 4, 8, 16, 30]);
    rig.fate = None;
    rig.run_to(rig.now + ringway_model::Span::minutes(1));
    assert!(rig.executor.is_ready());
}

/// What must not happen: the disk fills up while hosts are visited, and their results are gone.
#[test]
fn a_full_disk_starts_nothing_and_records_everything_when_there_is_room() {
    let mut rig = Rig::new();
    rig.hold_steps = true;
    rig.propose(1);
    rig.settle();
    assert_eq!(rig.held.len(), 1, "the ramp starts with one");
    rig.fate = Some((rig.appends + 1, Fate::Failed(AppendFailure::DiskFull)));
    rig.hold_steps = false;
    rig.release();
    rig.settle();
    assert!(rig.executor.is_disk_full());
    let begun = rig.world.begun.len();
    rig.command(
        9,
        ringway_engine::Command::Halt {
            rollout: crate::rig::ROLLOUT,
            reason: "the disk".to_owned(),
        },
    );
    rig.settle();
    assert_eq!(
        rig.replies.get(&9),
        None,
        "nothing is acknowledged that is not recorded"
    );
    assert_eq!(rig.world.begun.len(), begun);
    let wake = rig.wake.expect("it tries again");
    rig.run_to(wake);
    assert!(!rig.executor.is_disk_full());
    assert!(rig.replies[&9].is_ok());
    // The halt was decided before the step that had been decided with the lost append was handed out.
    let outcomes = rig.outcomes();
    assert!(
        outcomes
            .iter()
            .all(|outcome| *outcome == HostOutcome::Pending),
        "{outcomes:?}"
    );
    assert_eq!(rig.world.begun.len(), begun);
}

/// What a refusal brought is known in memory and not durable; whoever names it afterwards would leave a journal that does not
/// read, since nobody has the plan.
#[test]
fn a_plan_that_came_with_a_refused_wish_is_durable_once_a_later_one_names_it() {
    let mut rig = Rig::new();
    let contents = vec![ringway_model::Content {
        id: "web".to_owned(),
        build: None,
        digest: None,
    }];
    let reason = || "it breaks logins".to_owned();
    let what = ringway_engine::Poisoning::Content { contents };
    rig.command(
        1,
        ringway_engine::Command::Poison {
            what,
            reason: reason(),
        },
    );
    rig.propose(2);
    rig.settle();
    let refused = rig.replies[&2].clone().unwrap_err();
    assert_eq!(refused.code, "poisoned");
    let unpoison = ringway_engine::Command::Unpoison {
        id: "web".to_owned(),
        build: None,
        reason: reason(),
    };
    rig.command(3, unpoison);
    let of = crate::fixture::proposal();
    let propose = ringway_engine::Command::Propose {
        fleet: of.fleet.digest(),
        plan: of.plan.digest(),
        key: None,
    };
    rig.command(4, propose);
    rig.settle();
    assert!(rig.replies[&4].is_ok(), "{:?}", rig.replies[&4]);
    rig.crash();
    rig.finish();
    assert!(crate::rig::is_completed(&rig), "{:?}", rig.view());
}
