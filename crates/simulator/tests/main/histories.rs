//! Recorded journals: folded for ever, decided again exactly within a version, and with a difference to be looked at across
//! versions.
//!
//! To record another: `RINGWAY_RECORD=name RINGWAY_SEED=7 cargo test -p ringway-simulator record`. One that is recorded is
//! never recorded anew.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_engine::{DECISION_VERSION, Event, Final, HostState, Told as Said};
use ringway_executor::Library;
use ringway_model::{IntentId, RolloutId, Span, StepResult};
use ringway_simulator::checkers::Checkers;
use ringway_simulator::history::{Difference, History};
use ringway_simulator::record_seed;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/histories")
}

fn histories() -> Vec<(String, History)> {
    let mut found: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let history = History::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(
                history.write(),
                text,
                "{name} reads and is written otherwise"
            );
            (name, history)
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[test]
fn every_recorded_journal_folds_to_the_state_it_was_recorded_with() {
    for (name, history) in histories() {
        history
            .fold()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn no_rule_is_broken_in_any_recorded_journal() {
    for (name, history) in histories() {
        let library = Library::read(&history.blobs).unwrap();
        let mut checkers = Checkers::new();
        for (digest, fleet) in &library.fleets {
            checkers.provide_fleet(*digest, Arc::clone(fleet));
        }
        for (digest, plan) in &library.plans {
            checkers.provide_plan(*digest, Arc::clone(plan));
        }
        for (at, inputs, events) in history.batches() {
            let seen = checkers.observe(at, inputs, events);
            seen.unwrap_or_else(|violation| panic!("{name}: {violation}"));
        }
        checkers.finish().unwrap();
    }
}

/// The difference to a journal of an earlier version is a file beside it, written once with `RINGWAY_BLESS=1` and looked at.
#[test]
fn every_recorded_journal_is_decided_again_as_it_was() {
    for (name, history) in histories() {
        let again = history.decide_again();
        if history.decision_version == DECISION_VERSION {
            again.unwrap_or_else(|difference| panic!("{name}: {difference}"));
            continue;
        }
        let found = again.map_or_else(|difference| format!("{difference}\n"), |()| String::new());
        let path = folder().join(format!("{name}.difference"));
        if std::env::var_os("RINGWAY_BLESS").is_some() {
            std::fs::write(&path, &found).unwrap();
        }
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            known, found,
            "{name} is decided otherwise than anybody looked at"
        );
    }
}

/// A decision that was another is found where it was made.
#[test]
fn the_first_event_that_differs_is_named() {
    let (_, history) = histories().swap_remove(0);
    let text = history
        .write()
        .replacen("\"attempt\":1", "\"attempt\":2", 1);
    let changed = History::read(&text).unwrap();
    assert!(changed.fold().is_err(), "its hash says so as well");
    let Difference {
        recorded, decided, ..
    } = *changed.decide_again().unwrap_err();
    let attempt = |event: Option<Event>| match event {
        Some(Event::StepIssued { attempt, .. }) => attempt,
        other => panic!("{other:?}"),
    };
    assert_eq!((attempt(recorded), attempt(decided)), (2, 1));
}

/// What the recorded journals must have among them.
#[test]
fn the_recorded_journals_tell_of_every_kind_of_end() {
    let histories = histories();
    let tells = |wanted: &dyn Fn(&History) -> bool| {
        assert!(histories.iter().any(|(_, history)| wanted(history)));
    };
    let has = |history: &History, wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    let ends = |event: &Event, wanted: Final| matches!(event, Event::Finished { how, .. } if *how == wanted);
    tells(&|history| has(history, &|event| ends(event, Final::Completed)));
    tells(&|history| {
        has(history, &|event| matches!(event, Event::Halted { .. }))
            && has(history, &|event| ends(event, Final::RolledBack))
    });
    tells(&|history| {
        waits_for_a_window(history) && has(history, &|event| ends(event, Final::Completed))
    });
    for (what, wanted) in WANTED {
        let told = histories.iter().any(|(_, history)| wanted(history));
        assert!(told, "no recorded journal tells of this: {what}");
    }
}

/// What a journal may tell of.
type Told = fn(&History) -> bool;

/// What recorded journals tell of, each at least once.
const WANTED: [(&str, Told); 13] = [
    ("crash", crashes_with_steps),
    ("beside", is_beside),
    ("people", people_speak_of_hosts),
    ("asks", asks_before_a_drain),
    ("by hand", is_done_by_hand),
    ("minds", people_change_their_minds),
    ("fleet", the_fleet_changes),
    ("superseded", is_superseded),
    ("lane", goes_into_a_lane),
    ("advisory", an_advisory_holds),
    ("untested", the_untested_is_accepted),
    ("protected", is_protected),
    ("unpoisoned", is_agreed_to_be_no_poison),
];

/// What was made of a host before it was changed is made, kept and removed.
fn is_protected(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    let is_made = |event: &Event| {
        matches!(
            event,
            Event::StepEnded {
                result: StepResult::Protected { .. },
                ..
            }
        )
    };
    has(&is_made) && has(&|event| matches!(event, Event::ProtectionEnds { .. }))
}

/// Somebody asks that content be poisoned no longer, and others agree.
fn is_agreed_to_be_no_poison(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    has(&|event| matches!(event, Event::UnpoisonApproved { .. }))
        && has(&|event| matches!(event, Event::Unpoisoned { .. }))
}

/// A rollout in flight is replaced, and what it installs is poisoned.
fn is_superseded(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    has(&|event| matches!(event, Event::SupersedeBegan { .. }))
        && has(&|event| matches!(event, Event::Poisoned { .. }))
}

/// A rollout on its way is let into a lane by people.
fn goes_into_a_lane(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    has(&|event| matches!(event, Event::LaneAsked { .. }))
        && has(&|event| matches!(event, Event::Expedited { .. }))
}

/// An advisory comes, and a person rules on it.
fn an_advisory_holds(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    has(&|event| matches!(event, Event::Advised { .. }))
        && has(&|event| matches!(event, Event::AdvisoryRuled { .. }))
}

/// A stratum of which nothing was seen goes on because a person said so.
fn the_untested_is_accepted(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    has(&|event| matches!(event, Event::UntestedAccepted { .. }))
}

/// Work opens on some hosts while the rollout is under way on others.
fn waits_for_a_window(history: &History) -> bool {
    let (mut steps, mut opens) = (Vec::new(), Vec::new());
    for (at, _, events) in history.batches() {
        for event in events {
            if let Event::CalendarKnown { calendar, .. } = event {
                let times = calendar.tables.iter().flat_map(|table| &table.open);
                // What is open already begins with the asking.
                let later = times.filter(|(from, _)| *from > at + Span::minutes(1));
                opens.extend(later.map(|(from, _)| *from));
            } else if matches!(event, Event::StepIssued { .. }) {
                steps.push(at);
            }
        }
    }
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
        return false;
    };
    opens.iter().any(|open| first < open && open <= last)
}

/// Somebody keeps a host from every rollout and lets it go, leaves one out of the rollout, and has one visited again.
fn people_speak_of_hosts(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    has(&|event| matches!(event, Event::HostHeld { .. }))
        && has(&|event| matches!(event, Event::HostReleased { .. }))
        && has(&|event| matches!(event, Event::HostSkipped { .. }))
        && has(&|event| matches!(event, Event::HostRetried { .. }))
}

/// A host is asked whether it may be taken down, answers both ways, and a step of its visit runs on a peer.
fn asks_before_a_drain(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    let answered = |event: &Event, wanted: bool| matches!(event, Event::StepEnded { result: StepResult::Answered { yes }, .. } if *yes == wanted);
    has(&|event| answered(event, true))
        && has(&|event| answered(event, false))
        && has(&|event| matches!(event, Event::PeerChosen { .. }))
}

/// A person is asked to work on a host, and says what became of it.
fn is_done_by_hand(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    has(&|event| matches!(event, Event::WorkAsked { .. }))
        && has(&|event| {
            matches!(
                event,
                Event::WorkTold {
                    told: Said::Done,
                    ..
                }
            )
        })
}

/// A yes is void, a soak is ended early, and somebody asks and is answered.
fn people_change_their_minds(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    has(&|event| matches!(event, Event::ApprovalVoided { .. }))
        && has(&|event| matches!(event, Event::SoakCutShort { .. }))
        && has(&|event| matches!(event, Event::Answered { .. }))
}

/// Hosts join a rollout in flight, and one is gone.
fn the_fleet_changes(history: &History) -> bool {
    let has = |wanted: &dyn Fn(&Event) -> bool| history.events().any(wanted);
    let vanished = |event: &Event| {
        matches!(
            event,
            Event::HostMoved {
                to: HostState::Vanished,
                ..
            }
        )
    };
    has(&|event| matches!(event, Event::PlanRevised { .. })) && has(&vanished)
}

/// Which steps run after each event.
fn running(history: &History) -> impl Iterator<Item = (&Event, BTreeSet<IntentId>)> {
    let mut running = BTreeSet::new();
    history.events().map(move |event| {
        if let Event::StepIssued { intent, .. } = event {
            running.insert(*intent);
        } else if let Event::StepEnded { intent, .. } = event {
            running.remove(intent);
        }
        (event, running.clone())
    })
}

/// A takeover between the decision of a step and its end.
fn crashes_with_steps(history: &History) -> bool {
    running(history)
        .any(|(event, running)| matches!(event, Event::Recovered { .. }) && !running.is_empty())
}

/// Two rollouts have steps running at once.
fn is_beside(history: &History) -> bool {
    running(history).any(|(_, running)| {
        let of = |rollout| {
            running
                .iter()
                .any(|intent| intent.rollout() == RolloutId(rollout))
        };
        of(1) && of(2)
    })
}

/// Any journal of a simulated world can be recorded, read back and decided again.
#[test]
fn journals_of_seeded_worlds_are_decided_again_as_they_were() {
    let mut rows = 0;
    let mut differing = Vec::new();
    for seed in 0..150 {
        let Some(history) = record_seed(seed, "a seed").unwrap() else {
            continue;
        };
        rows += history.rows.len();
        let text = history.write();
        let read = History::read(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(read.write(), text, "seed {seed}");
        if let Err(difference) = read.decide_again() {
            differing.push(format!(
                "seed {seed} of {}: {difference}",
                history.rows.len()
            ));
        }
    }
    println!("{rows} rows decided again");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// Records the journal of a seed under a name that is not taken, where asked to.
#[test]
fn record() {
    let Ok(name) = std::env::var("RINGWAY_RECORD") else {
        return;
    };
    let seed = std::env::var("RINGWAY_SEED").map_or(0, |text| text.parse().unwrap());
    let what = std::env::var("RINGWAY_WHAT").unwrap_or_else(|_| format!("seed {seed}"));
    let history = record_seed(seed, &what)
        .unwrap()
        .expect("the seed has a plan");
    let path = folder().join(format!("{name}.jsonl"));
    assert!(!path.exists(), "{name} is recorded already, for ever");
    std::fs::write(&path, history.write()).unwrap();
}

/// Seeds that would make good histories, smallest first: `RINGWAY_LOOK=300 cargo test -p ringway-simulator look_for -- --nocapture`.
#[test]
fn look_for_histories() {
    let Ok(seeds) = std::env::var("RINGWAY_LOOK") else {
        return;
    };
    for seed in 0..seeds.parse().unwrap() {
        let Some(history) = record_seed(seed, "a seed").unwrap() else {
            continue;
        };
        let ends: Vec<Final> = history
            .events()
            .filter_map(|event| {
                let Event::Finished { how, .. } = event else {
                    return None;
                };
                Some(*how)
            })
            .collect();
        let halts = history
            .events()
            .filter(|event| matches!(event, Event::Halted { .. }))
            .count();
        let told = WANTED.iter().filter(|(_, wanted)| wanted(&history));
        let mut told: Vec<&str> = told.map(|(what, _)| *what).collect();
        told.extend(waits_for_a_window(&history).then_some("window"));
        println!(
            "{:>7} bytes: seed {seed} ends {ends:?}, halts {halts}, tells of {}",
            history.write().len(),
            told.join(", ")
        );
    }
}
