//! Advisories: exactly whom they affect is held, everybody else goes on, and nobody who is believed less lifts anything.

use ringway_engine::view::AdvisoryView;
use ringway_engine::{Advisory, Command, Event, Poisoning, Ruling};
use ringway_model::{
    Content, Effect, Rank, RolloutId, RouteId, Span, StepKind, StepResult, WaitingOn,
};
use ringway_policy::validated::{About, OnHalt};

use crate::support::{Hand, ONE, full_route, plan};

const TWO: RolloutId = RolloutId(2);

fn about(name: &str) -> About {
    About {
        name: name.into(),
        build: None,
    }
}

/// A vendor's hold of these hosts.
fn hold(id: &str, affects: &str) -> Advisory {
    Advisory {
        id: id.into(),
        source: "Microsoft".into(),
        rank: Rank::Vendor,
        about: vec![about("new")],
        affects: Some(affects.into()),
        effect: Effect::Hold,
        fixed_by: Some("april-oob".into()),
        published: None,
        reference: None,
        says: Some("domain controllers restart in a loop".into()),
    }
}

fn of_rank(rank: Rank, advisory: Advisory) -> Advisory {
    Advisory { rank, ..advisory }
}

fn poisoning(id: &str) -> Advisory {
    Advisory {
        effect: Effect::Poison,
        affects: None,
        ..hold(id, "all")
    }
}

fn advise(hand: &mut Hand, advisory: Advisory) -> Result<bool, String> {
    let command = Command::Advise {
        advisories: vec![advisory],
    };
    hand.command("ana", command).map_err(|no| no.code)
}

fn rule(hand: &mut Hand, id: &str, ruling: Ruling) -> Result<bool, String> {
    let command = Command::RuleAdvisory {
        id: id.into(),
        ruling,
        reason: "so we decided".into(),
    };
    hand.command("ben", command).map_err(|no| no.code)
}

fn view(hand: &Hand, id: &str) -> AdvisoryView {
    let views = hand.engine.view(hand.now).advisories;
    views
        .into_iter()
        .find(|view| view.advisory.id == id)
        .unwrap()
}

/// Rings of these sizes, one host at a time.
fn rings(sizes: &[u32]) -> Hand {
    let (fleet, mut the_plan) = plan(sizes);
    the_plan.pace.at_once = 1.try_into().unwrap();
    Hand::start((fleet, the_plan))
}

#[test]
fn exactly_the_affected_hosts_are_held_and_the_ring_goes_on_without_them() {
    let mut hand = rings(&[2, 2]);
    assert_eq!(advise(&mut hand, hold("A", "n = 1")), Ok(true));
    assert_eq!(advise(&mut hand, hold("A", "n = 1")), Ok(false), "it is so");
    assert_eq!(hand.state(1), "held by an advisory");
    let waiting = hand.engine.hosts_of(ONE, None)[1].waiting[0].clone();
    assert_eq!(
        waiting.on,
        WaitingOn::Advisory {
            id: "A".into(),
            source: "Microsoft".into(),
            rank: Rank::Vendor,
            effect: Effect::Hold,
            accepted_by: None,
            fixed_by: Some("april-oob".into()),
            lacks: vec![],
        }
    );
    hand.visit(0);
    assert_eq!(hand.running(2), Some(StepKind::Inspect), "the next ring");
    let ring = &hand.engine.rollout(ONE).unwrap().rings[0];
    assert_eq!(
        (ring.excepted, ring.debt, ring.failed, ring.done),
        (1, 0, 0, 1)
    );
    hand.visit(2);
    hand.visit(3);
    assert_eq!(hand.rollout(), "completed");
    assert_eq!(hand.state(1), "held by an advisory");
    assert!(hand.steps(1).is_empty());
}

/// A label that nobody has written down keeps no harm away.
#[test]
fn a_host_that_lacks_a_label_is_held_where_that_matters_and_is_told() {
    let mut hand = rings(&[3]);
    advise(&mut hand, hold("A", "n = 1 and pam = yes")).unwrap();
    assert_eq!(
        (hand.state(0), hand.state(1), hand.state(2)),
        (
            "visiting (inspect)".into(),
            "held by an advisory".into(),
            "pending".into()
        )
    );
    let told = view(&hand, "A");
    assert_eq!(told.affected, ["h1"]);
    assert_eq!(
        (&*told.unsure[0].host, &*told.unsure[0].lacks),
        ("h1", &["pam".to_owned()][..])
    );
    assert_eq!(
        (told.concerned, told.held),
        (vec!["h1".into()], vec!["h1".into()])
    );
    let waiting = hand.engine.hosts_of(ONE, None)[1].waiting[0].clone();
    assert!(waiting.why.contains("lacks pam"), "{}", waiting.why);
}

#[test]
fn a_withdrawal_lets_go_in_the_same_decision() {
    let mut hand = rings(&[2, 1, 2]);
    advise(&mut hand, hold("A", "n = 1")).unwrap();
    hand.until(0, StepKind::Apply);
    assert_eq!(rule(&mut hand, "A", Ruling::Withdraw), Ok(true));
    assert_eq!(hand.state(1), "pending");
    assert_eq!(rule(&mut hand, "A", Ruling::Withdraw), Ok(false));
    assert_eq!(
        advise(&mut hand, hold("A", "n = 1")),
        Ok(false),
        "the same text stays withdrawn"
    );
    assert_eq!(view(&hand, "A").standing, "withdrawn");

    // Another text is another word; and a host whose ring was promoted meanwhile comes with the last one.
    let anew = Advisory {
        says: Some("it is back".into()),
        ..hold("A", "n = 1")
    };
    assert_eq!(advise(&mut hand, anew), Ok(true));
    hand.visit(0);
    hand.until(2, StepKind::Apply);
    rule(&mut hand, "A", Ruling::Withdraw).unwrap();
    assert_eq!(hand.state(1), "to catch up");
    for host in [2, 1, 3, 4] {
        hand.visit(host);
    }
    assert_eq!(
        (hand.state(1), hand.rollout()),
        ("updated".into(), "completed".into())
    );
}

/// The two rules of a halt, whatever the policy says of halts: nobody restarts into what was just found.
#[test]
fn a_hold_at_any_step_ends_the_visit_by_the_two_rules() {
    use StepKind::{Apply, CareVerify, Drain, Inspect, Precheck, Reboot, Undrain, Verify};
    for on_halt in [OnHalt::Withhold, OnHalt::Finish] {
        for (kind, outcome) in [
            (Inspect, "held by an advisory"),
            (Precheck, "held by an advisory"),
            (Drain, "held by an advisory"),
            (Apply, "applied, restart withheld"),
            (Reboot, "updated"),
            (Verify, "updated"),
            (CareVerify, "updated"),
            (Undrain, "updated"),
        ] {
            let (fleet, mut the_plan) = plan(&[1, 1]);
            the_plan.on_halt = on_halt;
            let mut hand = Hand::start((fleet, the_plan));
            hand.until(0, kind);
            advise(&mut hand, hold("A", "n = 0")).unwrap();
            hand.visit(0);
            assert_eq!(hand.state(0), outcome, "{kind} {on_halt:?}");
            let steps = hand.steps(0);
            let is_drained = steps.iter().any(|(_, kind)| *kind == Drain);
            let is_back = steps.iter().any(|(_, kind)| *kind == Undrain);
            assert_eq!(is_drained, is_back, "{kind}: {steps:?}");
        }
    }
}

/// Whose restart is kept away holds nobody else up; the rollout is complete only when that is over.
#[test]
fn a_restart_that_is_kept_away_keeps_no_ring_and_happens_when_the_advisory_goes() {
    let mut hand = rings(&[2, 2]);
    hand.until(0, StepKind::Apply);
    advise(&mut hand, hold("A", "n = 0")).unwrap();
    hand.visit(0);
    assert_eq!(
        (hand.state(0), hand.host_waiting(0)),
        (
            "applied, restart withheld".into(),
            vec!["advisory".to_owned()]
        )
    );
    for host in [1, 2, 3] {
        hand.visit(host);
    }
    assert_eq!(hand.state(3), "updated");
    assert_eq!(
        (hand.rollout(), hand.waiting()),
        ("advancing".into(), vec!["visits", "advisory"])
    );
    rule(&mut hand, "A", Ruling::Withdraw).unwrap();
    assert_eq!(hand.running(0), Some(StepKind::Drain));
    hand.visit(0);
    assert_eq!(
        (hand.state(0), hand.rollout()),
        ("updated".into(), "completed".into())
    );
}

#[test]
fn other_content_is_not_held_and_what_was_done_goes_back() {
    let (fleet, mut the_plan) = plan(&[2]);
    let mut other = full_route();
    (other.release, other.build) = ("other".into(), Some("10.2".into()));
    the_plan.routes.push(other);
    the_plan.slots[1].route = RouteId(1);
    let mut hand = Hand::start((fleet.clone(), the_plan.clone()));
    advise(&mut hand, hold("A", "all")).unwrap();
    hand.visit(1);
    assert_eq!(hand.state(1), "updated");
    // By its build alone, and before its rollout.
    let build = Advisory {
        about: vec![about("10.2")],
        ..hold("B", "all")
    };
    advise(&mut hand, build).unwrap();
    hand.propose(fleet, the_plan);
    let second = hand.engine.hosts_of(TWO, None);
    assert!(
        second
            .iter()
            .all(|host| host.outcome.word() == "held by an advisory")
    );
    let command = Command::Rollback {
        rollout: ONE,
        reason: "harm".into(),
    };
    hand.command("ana", command).unwrap();
    hand.visit(1);
    assert_eq!(hand.state(1), "rolled back");
}

#[test]
fn what_nobody_verified_changes_nothing_until_a_person_accepts_it() {
    let mut hand = rings(&[2]);
    let blog = || of_rank(Rank::Unverified, hold("A", "all"));
    hand.until(0, StepKind::Apply);
    let before = hand.journal.len();
    advise(&mut hand, blog()).unwrap();
    assert_eq!(
        hand.journal.len(),
        before + 1,
        "it is written down, and that is all"
    );
    assert_eq!(
        (hand.state(1), view(&hand, "A").standing),
        ("pending".into(), "proposed".into())
    );
    assert_eq!(rule(&mut hand, "A", Ruling::Dismiss), Ok(true));
    assert_eq!(view(&hand, "A").standing, "dismissed");
    assert_eq!(advise(&mut hand, blog()), Ok(false), "it stays dismissed");
    assert_eq!(rule(&mut hand, "A", Ruling::Accept), Ok(true));
    assert_eq!(hand.state(1), "held by an advisory");
    let waiting = hand.engine.hosts_of(ONE, None)[1].waiting[0].clone();
    assert!(
        waiting.why.contains("(unverified, accepted by ben)"),
        "{}",
        waiting.why
    );
    hand.visit(0);
    assert_eq!(hand.state(0), "applied, restart withheld");
    assert_eq!(
        rule(&mut hand, "A", Ruling::Dismiss),
        Err("wrong-state".into())
    );
    // What was accepted is that text, and nobody has read the new one.
    let other = of_rank(Rank::Unverified, hold("A", "n = 7"));
    assert_eq!(advise(&mut hand, other), Err("accepted-as-it-was".into()));
    rule(&mut hand, "A", Ruling::Withdraw).unwrap();
    for host in [1, 0] {
        hand.visit(host);
    }
    assert_eq!(hand.rollout(), "completed");
}

#[test]
fn the_stricter_counts_and_a_lower_rank_loosens_nothing() {
    let mut hand = rings(&[3]);
    let note = Advisory {
        effect: Effect::Note,
        ..hold("N", "all")
    };
    advise(&mut hand, of_rank(Rank::Internal, hold("I", "n = 1 | 2"))).unwrap();
    advise(&mut hand, note).unwrap();
    assert_eq!(
        hand.state(1),
        "held by an advisory",
        "the vendor only notes it"
    );
    // Of several the one is told that is believed most.
    advise(&mut hand, hold("V", "n = 1")).unwrap();
    let told =
        |hand: &Hand, host: usize| hand.engine.hosts_of(ONE, None)[host].waiting[0].why.clone();
    assert!(told(&hand, 1).contains("advisory V"), "{}", told(&hand, 1));
    assert!(told(&hand, 2).contains("advisory I"), "{}", told(&hand, 2));
    assert_eq!(
        view(&hand, "I").conflicts,
        ["N"],
        "another effect; V says the same"
    );
    rule(&mut hand, "V", Ruling::Withdraw).unwrap();
    assert_eq!(hand.state(1), "held by an advisory");
    // Under the same id nobody who is believed less takes the place of what counts.
    let lower = of_rank(Rank::Unverified, hold("I", "n = 9"));
    assert_eq!(advise(&mut hand, lower), Err("lower-rank".into()));
    assert_eq!(
        rule(&mut hand, "I", Ruling::Accept),
        Err("wrong-state".into())
    );
    assert_eq!(
        rule(&mut hand, "I", Ruling::Dismiss),
        Err("wrong-state".into())
    );
    // One of the same rank does: who is not meant any more goes on with the same decision.
    advise(&mut hand, of_rank(Rank::Internal, hold("I", "n = 1"))).unwrap();
    assert_eq!(
        (hand.state(1), hand.state(2)),
        ("held by an advisory".into(), "pending".into())
    );
}

#[test]
fn an_advisory_poisons_for_everybody_and_takes_back_only_its_own() {
    let mut hand = rings(&[2, 2]);
    hand.until(0, StepKind::Apply);
    advise(&mut hand, poisoning("A")).unwrap();
    hand.visit(0);
    assert_eq!(hand.state(0), "applied, restart withheld");
    assert_eq!(hand.host_waiting(1), ["advisory"]);
    let poisons = hand.engine.view(hand.now).poisons;
    assert_eq!(poisons[0].advisory.as_deref(), Some("A"));
    let unpoison = || Command::Unpoison {
        id: "new".into(),
        build: None,
        reason: "why".into(),
    };
    let refused = hand.command("ben", unpoison()).unwrap_err();
    assert!(refused.hint.unwrap().contains("advisory withdraw A"));
    // A person says so, too: that is another word, and outlives the advisory.
    let content = Content {
        id: "new".into(),
        build: None,
        digest: None,
    };
    let poison = Command::Poison {
        what: Poisoning::Content {
            contents: vec![content],
        },
        reason: "we saw it".into(),
    };
    assert_eq!(hand.command("cleo", poison), Ok(true));
    rule(&mut hand, "A", Ruling::Withdraw).unwrap();
    assert_eq!(hand.host_waiting(1), ["poisoned"]);
    hand.command("ben", unpoison()).unwrap();
    hand.visit(0);
    for host in 1..4 {
        hand.visit(host);
    }
    assert_eq!(hand.rollout(), "completed");

    // A plan of what one poisons is refused, by its build, too.
    let mut hand = Hand::idle();
    let by_build = Advisory {
        about: vec![about("10.1")],
        ..poisoning("B")
    };
    advise(&mut hand, by_build).unwrap();
    let (fleet, mut the_plan) = plan(&[1]);
    the_plan.routes[0].build = Some("10.1".into());
    let digest = ringway_model::Digest::of(format!("{fleet:?}").as_bytes());
    the_plan.fleet = digest;
    hand.engine
        .provide_fleet(digest, std::sync::Arc::new(fleet));
    hand.engine.provide_plan(
        ringway_model::Digest::of(b"p"),
        std::sync::Arc::new(the_plan),
    );
    let propose = Command::Propose {
        fleet: digest,
        plan: ringway_model::Digest::of(b"p"),
        key: None,
    };
    assert_eq!(hand.command("olga", propose).unwrap_err().code, "poisoned");
}

#[test]
fn an_advisory_and_an_exception_leave_out_together_and_one_after_the_other() {
    let mut hand = rings(&[2]);
    advise(&mut hand, hold("A", "n = 1")).unwrap();
    let exception = ringway_engine::Exception {
        id: "E".into(),
        hosts: "n = 1".into(),
        updates: ringway_policy::validated::Excepts::All,
        until: hand.now + Span::hours(1),
        owner: "radiology".into(),
        reason: "why".into(),
        approved_by: vec![],
    };
    let command = Command::Except {
        exceptions: vec![exception],
    };
    hand.command("ana", command).unwrap();
    assert_eq!(hand.host_waiting(1), ["exception", "advisory"]);
    hand.pass(Span::hours(1));
    assert_eq!(
        (hand.state(1), hand.host_waiting(1)),
        ("held by an advisory".into(), vec!["advisory".to_owned()])
    );
    rule(&mut hand, "A", Ruling::Withdraw).unwrap();
    assert_eq!(hand.state(1), "pending");
}

#[test]
fn what_is_no_advisory_is_refused_and_changes_nothing() {
    let mut hand = rings(&[1]);
    let good = || hold("A", "all");
    let events = hand.journal.len();
    for wrong in [
        hold("", "all"),
        hold("A", "n ="),
        Advisory {
            about: vec![],
            ..good()
        },
        Advisory {
            about: vec![about("a\u{1b}[2J")],
            ..good()
        },
        Advisory {
            source: " ".into(),
            ..good()
        },
        Advisory {
            effect: Effect::Poison,
            ..good()
        },
    ] {
        let command = Command::Advise {
            advisories: vec![hold("B", "all"), wrong],
        };
        assert_eq!(
            hand.command("ana", command).unwrap_err().code,
            "bad-advisory"
        );
    }
    assert_eq!(
        rule(&mut hand, "A", Ruling::Withdraw),
        Err("not-found".into())
    );
    advise(&mut hand, of_rank(Rank::Unverified, good())).unwrap();
    let command = Command::RuleAdvisory {
        id: "A".into(),
        ruling: Ruling::Accept,
        reason: " ".into(),
    };
    assert_eq!(
        hand.command("ben", command).unwrap_err().code,
        "reason-missing"
    );
    let told = hand.journal[events..]
        .iter()
        .filter(|(_, event)| matches!(event, Event::Advised { .. } | Event::AdvisoryRuled { .. }));
    assert_eq!(told.count(), 1);
}

/// A process that ends and one that goes on know the same, whether they read events or a snapshot.
#[test]
fn advisories_outlive_a_crash_and_are_in_snapshots() {
    let mut hand = rings(&[2, 2]);
    advise(&mut hand, hold("A", "n = 1 and pam = yes")).unwrap();
    advise(&mut hand, of_rank(Rank::Unverified, hold("B", "all"))).unwrap();
    let other = Advisory {
        about: vec![about("else")],
        ..poisoning("C")
    };
    advise(&mut hand, other).unwrap();
    rule(&mut hand, "B", Ruling::Dismiss).unwrap();
    let decoded = hand.decoded(&hand.engine.encode());
    assert_eq!(decoded.state_digest(), hand.engine.state_digest());
    let (one, other) = (decoded.view(hand.now), hand.engine.view(hand.now));
    assert_eq!(one.advisories, other.advisories);
    assert_eq!(one.poisons, other.poisons);
    hand.crash(Span::hours(2));
    assert_eq!(hand.state(1), "held by an advisory");
    hand.end(0, StepResult::Unreachable);
    assert_eq!(hand.host_waiting(1), ["advisory"]);
}
