//! Clocks that jump, soaks that need a witness, wakes.

use ringway_engine::Event;
use ringway_executor::port::Arrival;
use ringway_model::{Span, Timestamp};

use crate::rig::{Rig, is_completed};

fn soaking() -> Rig {
    let mut rig = Rig::new();
    rig.propose(1);
    while !rig.executor.engine().soaking() {
        let wake = rig.wake.unwrap_or(rig.now);
        rig.run_to(wake);
    }
    rig
}

fn has(rig: &Rig, is_wanted: impl Fn(&Event) -> bool) -> bool {
    rig.events().iter().any(is_wanted)
}

#[test]
fn while_a_soak_runs_the_journal_is_never_silent_for_a_minute() {
    let mut rig = soaking();
    let before = rig.world.rows.len();
    let end = rig.now + Span::seconds(170);
    rig.run_to(end);
    assert!(rig.executor.engine().soaking());
    let mut times: Vec<Timestamp> = rig.world.rows[before - 1..]
        .iter()
        .map(|row| row.at)
        .collect();
    times.push(rig.now);
    assert!(
        times
            .windows(2)
            .all(|pair| pair[1].since(pair[0]) <= Span::seconds(60)),
        "{times:?}"
    );
    assert!(has(&rig, |event| *event == Event::Alive));
}

#[test]
fn a_jump_of_the_clock_is_journaled_and_adds_no_soak() {
    let mut rig = soaking();
    let from = rig.now;
    rig.now = rig.now + Span::hours(5);
    rig.deliver(Arrival::Woken);
    rig.settle();
    assert!(has(
        &rig,
        |event| matches!(event, Event::ClockJumped { from: at } if *at == from)
    ));
    assert!(rig.executor.engine().soaking(), "five hours did not count");
    rig.finish();
    assert!(is_completed(&rig));
}

#[test]
fn time_never_goes_backwards_for_the_engine() {
    let mut rig = soaking();
    let before = rig.world.rows.last().unwrap().at;
    rig.now = rig.now - Span::minutes(30);
    rig.deliver(Arrival::Woken);
    while let Some(arrival) = rig.queue.pop_front() {
        rig.deliver(arrival);
    }
    assert!(has(&rig, |event| matches!(
        event,
        Event::ClockJumped { .. }
    )));
    assert!(
        rig.world
            .rows
            .iter()
            .all(|row| row.at <= rig.world.rows.last().unwrap().at)
    );
    assert!(rig.world.rows.last().unwrap().at >= before);
    rig.journal();
}

/// A process that starts with its clock behind the journal does not write older rows after newer ones.
#[test]
fn a_new_process_goes_on_from_the_journals_time() {
    let rig = soaking();
    let last = rig.world.rows.last().unwrap().at;
    let mut rig = Rig::with(rig.world, last - Span::hours(1));
    while let Some(arrival) = rig.queue.pop_front() {
        rig.deliver(arrival);
    }
    assert!(rig.executor.is_ready());
    assert_eq!(rig.world.rows.last().unwrap().at, last);
    rig.journal();
}

#[test]
fn the_time_ringway_was_down_adds_no_soak() {
    let mut rig = soaking();
    rig.run_to(rig.now + Span::seconds(50));
    let last = rig.world.rows.last().unwrap().at;
    let mut rig = Rig::with(rig.world.clone(), rig.now + Span::hours(8));
    rig.settle();
    assert!(has(
        &rig,
        |event| matches!(event, Event::Recovered { last_alive, .. } if *last_alive == last)
    ));
    rig.run_to(rig.now + Span::seconds(60));
    assert_eq!(rig.view().rollouts[0].state, "advancing");
    assert_eq!(rig.view().rollouts[0].ring.as_deref(), Some("ring-0"));
    rig.finish();
    assert!(is_completed(&rig));
}

#[test]
fn an_idle_fleet_asks_for_nothing_and_a_long_silence_is_no_jump() {
    let mut rig = Rig::new();
    rig.settle();
    assert_eq!(rig.wake, None);
    rig.now = rig.now + Span::hours(48);
    rig.deliver(Arrival::Woken);
    rig.settle();
    assert!(!has(&rig, |event| matches!(
        event,
        Event::ClockJumped { .. }
    )));
}
