//! Poisoned content is never issued again (I10), at whatever step and in whatever rollout, and everybody else goes on.

use ringway_engine::{Command, Poisoning};
use ringway_model::{Content, FailWhy, RolloutId, RouteId, Span, StepKind, StepResult};
use ringway_policy::validated::OnHalt;

use crate::support::{Hand, ONE, full_route, plan};

const TWO: RolloutId = RolloutId(2);

fn poison(id: &str, build: Option<&str>) -> Command {
    Command::Poison {
        what: Poisoning::Content {
            contents: vec![Content {
                id: id.to_owned(),
                build: build.map(str::to_owned),
                digest: None,
            }],
        },
        reason: "it breaks logins".to_owned(),
    }
}

fn poison_rollout(releases: &[&str]) -> Command {
    Command::Poison {
        what: Poisoning::Rollout {
            rollout: ONE,
            releases: releases.iter().map(|&id| id.to_owned()).collect(),
        },
        reason: "it breaks logins".to_owned(),
    }
}

fn unpoison(id: &str) -> Command {
    Command::Unpoison {
        id: id.to_owned(),
        build: None,
        reason: "it was the virus scanner".to_owned(),
    }
}

/// The two rules of a halt hold: before `apply` the host goes back as it was; after it, it does not restart into the fault.
#[test]
fn a_poisoning_at_any_step_ends_the_visit_by_the_two_rules() {
    use StepKind::{Apply, CareVerify, Drain, Inspect, Precheck, Reboot, Undrain, Verify};
    for on_halt in [OnHalt::Withhold, OnHalt::Finish] {
        for (kind, outcome, drained) in [
            (Inspect, "pending", false),
            (Precheck, "pending", false),
            (Drain, "pending", true),
            (Apply, "applied, restart withheld", true),
            (Reboot, "updated", true),
            (Verify, "updated", true),
            (CareVerify, "updated", true),
            (Undrain, "updated", true),
        ] {
            let (fleet, mut the_plan) = plan(&[1, 1]);
            the_plan.on_halt = on_halt;
            let mut hand = Hand::start((fleet, the_plan));
            hand.until(0, kind);
            hand.command("olga", poison_rollout(&[])).unwrap();
            assert_eq!(hand.running(0), Some(kind), "what runs is let end");
            hand.visit(0);
            assert_eq!(hand.state(0), outcome, "{on_halt:?} at {kind}");
            let undrained = hand.steps(0).iter().any(|(_, kind)| *kind == Undrain);
            assert_eq!(undrained, drained, "{on_halt:?} at {kind}");
            assert_eq!(hand.running(1), None, "nothing new starts");
        }
    }
}

/// A step that was decided and has not begun is withdrawn: nobody wants it any more.
#[test]
fn a_step_that_has_not_begun_is_not_wanted_any_more() {
    let mut hand = Hand::start(plan(&[1]));
    hand.until(0, StepKind::Apply);
    let (intent, _) = hand.running_in(ONE, 0).unwrap();
    assert!(hand.engine.still_wanted(intent));
    hand.command("olga", poison("new", None)).unwrap();
    assert!(!hand.engine.still_wanted(intent));
    hand.end(0, StepResult::NotStarted);
    hand.visit(0);
    assert_eq!(hand.state(0), "pending");
}

/// A failed attempt that would be repeated is not, and neither is one that a crash interrupted.
#[test]
fn neither_a_retry_nor_a_look_after_a_crash_installs_it_again() {
    let (fleet, mut the_plan) = plan(&[1]);
    the_plan.retry.times = 3;
    the_plan.rings[0].halt_on = Some(5);
    for (result, state) in [
        (StepResult::Failed(FailWhy::Exit), "pending"),
        (StepResult::Interrupted, "pending"),
        (StepResult::Done, "applied, restart withheld"),
    ] {
        let mut hand = Hand::start((fleet.clone(), the_plan.clone()));
        hand.until(0, StepKind::Apply);
        hand.command("olga", poison("new", None)).unwrap();
        hand.crash(Span::minutes(1));
        hand.end(0, result.clone());
        while let Some(kind) = hand.running(0) {
            assert_ne!(kind, StepKind::Apply, "after {result:?}");
            hand.good(0);
        }
        hand.pass(Span::hours(2));
        assert_eq!(hand.running(0), None, "after {result:?}");
        assert_eq!(hand.state(0), state, "after {result:?}");
        assert_eq!(
            hand.host_waiting(0),
            ["poisoned"],
            "what it waits for after {result:?}"
        );
    }
}

/// Hosts of another product line go on, and the ring waits for nobody else.
#[test]
fn hosts_of_other_content_go_on() {
    let (fleet, mut the_plan) = plan(&[2]);
    let mut other = full_route();
    other.release = "sibling".into();
    the_plan.routes.push(other);
    the_plan.slots[1].route = RouteId(1);
    let mut hand = Hand::start((fleet, the_plan));
    hand.until(0, StepKind::Precheck);
    hand.command("olga", poison_rollout(&["new"])).unwrap();
    hand.visit(0);
    hand.visit(1);
    assert_eq!(
        (hand.state(0).as_str(), hand.state(1).as_str()),
        ("pending", "updated")
    );
    assert_eq!(hand.rollout(), "advancing");
    hand.command("olga", unpoison("new")).unwrap();
    hand.visit(0);
    assert_eq!(hand.rollout(), "completed");
}

#[test]
fn a_host_whose_restart_was_withheld_does_not_restart_into_it() {
    let mut hand = Hand::start(plan(&[1]));
    hand.until(0, StepKind::Apply);
    let reason = || "look".to_owned();
    let halt = Command::Halt {
        rollout: ONE,
        reason: reason(),
    };
    hand.command("olga", halt).unwrap();
    hand.visit(0);
    hand.command("olga", poison("new", None)).unwrap();
    let resume = Command::Resume {
        rollout: ONE,
        reason: reason(),
    };
    hand.command("olga", resume).unwrap();
    assert_eq!(hand.running(0), None);
    assert_eq!(hand.state(0), "applied, restart withheld");
    assert_eq!(hand.host_waiting(0), ["poisoned"]);
}

#[test]
fn a_rollout_of_it_is_refused_and_its_siblings_are_not() {
    let package = || [("package".to_owned(), "nginx".to_owned())].into();
    let (fleet, mut first) = plan(&[1]);
    first.routes[0].parameters = package();
    let mut hand = Hand::start((fleet, first));
    hand.visit(0);
    hand.command("olga", poison_rollout(&[])).unwrap();
    let (fleet, mut renamed) = plan(&[1]);
    renamed.update = "the same under another name".into();
    renamed.routes[0].release = "renamed".into();
    renamed.routes[0].parameters = package();
    let fleet_digest = ringway_model::Digest::of(format!("{fleet:?}").as_bytes());
    renamed.fleet = fleet_digest;
    let plan_digest = ringway_model::Digest::of(b"renamed");
    hand.engine.provide_plan(plan_digest, renamed.into());
    let propose = Command::Propose {
        fleet: fleet_digest,
        plan: plan_digest,
        key: None,
    };
    let refused = hand.command("olga", propose.clone()).unwrap_err();
    assert_eq!(refused.code, "poisoned");
    assert!(refused.why.contains("it breaks logins"), "{}", refused.why);
    let (fleet, mut fixed) = plan(&[1]);
    fixed.routes[0].build = Some("2.1".to_owned());
    fixed.routes[0].parameters = package();
    hand.propose(fleet, fixed);
    assert!(
        hand.running_in(TWO, 0).is_some(),
        "another build is other content"
    );
}

/// What hosts had before may be what is poisoned: they do not get it back, and do not keep the rollback from its end.
#[test]
fn a_rollback_puts_nothing_poisoned_back() {
    for poisoned_in in [None, Some(StepKind::Drain)] {
        let mut hand = Hand::start(plan(&[1]));
        hand.visit(0);
        if poisoned_in.is_none() {
            hand.command("olga", poison("KB-OLD", Some("old"))).unwrap();
        }
        let rollback = Command::Rollback {
            rollout: ONE,
            reason: "harm".to_owned(),
        };
        let asked = hand.command("olga", rollback);
        if let Some(kind) = poisoned_in {
            asked.unwrap();
            hand.until(0, kind);
            hand.command("olga", poison("KB-OLD", Some("old"))).unwrap();
            hand.visit(0);
            assert_eq!(hand.rollout(), "rolled back");
        } else {
            assert_eq!(asked.unwrap_err().code, "nothing-to-roll-back");
        }
        let put_back = hand
            .steps(0)
            .iter()
            .any(|(_, kind)| *kind == StepKind::Rollback);
        assert!(!put_back, "{:?}", hand.steps(0));
    }
}

/// What a poisoning, an inspection and an earlier rollout say of what a host had before, and whether a rollback may put that back.
#[test]
fn a_rollback_knows_poison_by_whatever_words_it_is_told() {
    // What is poisoned; what the host printed before the second rollout; the recipe of that.
    for (poisoned, printed, recipe, is_back) in [
        // By its id alone, and an inspection prints builds.
        (("KB-1", None), "1.24.0-2", "recipe", true),
        (("KB-1", Some("1.24.0-2")), "1.24.0-2", "recipe", true),
        (
            ("KB-1", Some("1.24.0-2")),
            "1.24.0-2 (half-configured)",
            "recipe",
            true,
        ),
        // What inspections of that recipe print where it is there, which is neither.
        (("KB-1", None), "ii nginx 2", "recipe", true),
        (("KB-1", None), "ii nginx 2", "another", false),
        // Nothing of what it prints is known, and it is what the first rollout left there.
        (("KB-1", None), "nginx=1.24.0-2 perl=5", "recipe", true),
        (("KB-1", None), "nginx=1.24.0-2 perl=5", "another", false),
        (("KB-9", None), "1.24.0-2", "recipe", false),
        (("KB-1", Some("9")), "1.24.0-2", "recipe", false),
    ] {
        let (fleet, mut first) = plan(&[1]);
        first.routes[0].release = "KB-1".into();
        first.routes[0].build = Some("1.24.0-2".into());
        let inspect = &mut first.routes[0].steps[0].more;
        *inspect = ringway_scheduler::plan::More::Inspect {
            installed_when: "ii nginx 2".into(),
            previous: Some("{output}".into()),
        };
        let mut second = first.clone();
        second.update = "fix".into();
        second.routes[0].release = "KB-2".into();
        second.routes[0].build = Some("1.24.0-3".into());
        second.routes[0].recipe = recipe.into();
        let mut hand = Hand::start((fleet.clone(), first));
        hand.visit(0);
        hand.propose(fleet, second);
        while let Some((intent, kind)) = hand.running_in(TWO, 0) {
            let result = if kind == StepKind::Inspect {
                StepResult::Found {
                    installed: false,
                    previous: Some(printed.to_owned()),
                }
            } else {
                crate::support::good(kind)
            };
            let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
        }
        let (id, build) = poisoned;
        hand.command("olga", poison(id, build)).unwrap();
        let rollback = || Command::Rollback {
            rollout: TWO,
            reason: "harm".to_owned(),
        };
        for crashed in [false, true] {
            if crashed {
                hand.crash(Span::minutes(1));
            }
            let refused = hand.engine.clone();
            let asked = hand.command("olga", rollback());
            assert_eq!(
                asked.is_err(),
                is_back,
                "{poisoned:?} and `{printed}` by {recipe}, crashed: {crashed}"
            );
            if !is_back {
                break;
            }
            assert_eq!(refused.state_digest(), hand.engine.state_digest());
        }
    }
}

#[test]
fn a_poisoning_survives_a_crash_and_a_snapshot() {
    let mut hand = Hand::start(plan(&[2]));
    hand.workers = 1;
    hand.command("olga", poison("new", None)).unwrap();
    let bytes = hand.engine.encode();
    assert_eq!(hand.decoded(&bytes).encode(), bytes);
    assert_eq!(
        hand.decoded(&bytes).view(hand.now).poisons,
        hand.engine.view(hand.now).poisons
    );
    hand.crash(Span::hours(1));
    hand.visit(0);
    hand.visit(1);
    assert_eq!(hand.host_waiting(1), ["poisoned"]);
}

#[test]
fn who_poisons_says_what_and_why_and_is_told_what_there_is() {
    let mut hand = Hand::start(plan(&[1]));
    let mut code = |command: Command| {
        let refused = hand.command("olga", command);
        refused.map_or_else(|refused| refused.code, |changed| changed.to_string())
    };
    let silent = Command::Poison {
        what: Poisoning::Rollout {
            rollout: ONE,
            releases: Vec::new(),
        },
        reason: " ".to_owned(),
    };
    assert_eq!(code(silent), "reason-missing");
    assert_eq!(code(poison_rollout(&["KB-9"])), "not-found");
    assert_eq!(code(poison("\u{1b}[31m", None)), "bad-content");
    assert_eq!(code(poison("", None)), "bad-content");
    assert_eq!(code(unpoison("new")), "not-found");
    assert_eq!(code(poison("new", None)), "true");
    assert_eq!(code(poison("new", None)), "false", "it is so already");
    assert_eq!(code(unpoison("new")), "true");
}

/// Who has it is told from what was installed, and no more once something else was put there.
#[test]
fn who_has_it_is_known() {
    let (fleet, mut first) = plan(&[2]);
    first.rings[0].soak = Span::hours(9);
    let mut second = first.clone();
    second.routes[0].release = "newer".into();
    second.routes[0].build = Some("3".into());
    second.slots.truncate(1);
    second.rings[0].planned = 1;
    let mut hand = Hand::start((fleet.clone(), first));
    hand.visit(0);
    hand.until(1, StepKind::Apply);
    hand.command("olga", poison("new", None)).unwrap();
    let has = |hand: &Hand| hand.engine.view(hand.now).poisons[0].has.clone();
    assert_eq!(has(&hand), ["h0", "h1"], "one was at it and may have it");
    hand.visit(1);
    hand.propose(fleet, second);
    while let Some((intent, kind)) = hand.running_in(TWO, 0) {
        let result = crate::support::good(kind);
        let _ = hand.take(ringway_engine::Input::StepEnded { intent, result });
    }
    assert_eq!(hand.engine.rollout(TWO).unwrap().state, "advancing");
    assert!(!has(&hand).contains(&"h0".to_owned()), "{:?}", has(&hand));
}
