//! Why work may not run on a host now: each window and freeze by its name, on the clock of the host.
//!
//! Who decides knows instants alone; the rules are in the plan, and this machine has the time zones. Where the two cannot be had
//! nothing is added: what decides is told all the same.

use std::path::Path;

use ringway_calendar::{Because, Opening, State};
use ringway_engine::view::{FleetView, HostView};
use ringway_model::{Timestamp, WaitingOn};
use ringway_scheduler::Plan;

use crate::afterwards::Walk;

/// Adds to every host that waits for a window or the end of a freeze what would have to change.
pub(super) async fn tell(data: &Path, view: &FleetView, hosts: &mut [HostView]) {
    if !hosts.iter().any(waits) {
        return;
    }
    // A caller who may ask the process may not be let at its journal: it is told less then.
    let Ok((_, library)) = Walk::begin(data).await else {
        return;
    };
    for host in hosts.iter_mut().filter(|host| waits(host)) {
        let mut rollouts = view.rollouts.iter();
        let rollout = rollouts.find(|one| one.id == host.rollout);
        if let Some(plan) = rollout.and_then(|one| library.plans.get(&one.plan)) {
            of_host(plan, host, view.at);
        }
    }
}

const fn is_of_time(on: &WaitingOn) -> bool {
    matches!(on, WaitingOn::Window { .. } | WaitingOn::Freeze { .. })
}

fn waits(host: &HostView) -> bool {
    host.waiting.iter().any(|one| is_of_time(&one.on))
}

fn of_host(plan: &Plan, host: &mut HostView, now: Timestamp) {
    let Some(number) = plan.times.of(host.slot) else {
        return;
    };
    let Ok(zones) = ringway_runtime::zones_of_plan(plan) else {
        return;
    };
    let Ok(opening) = Opening::new(&plan.times.tables[number as usize], &zones) else {
        return;
    };
    let mut state = opening.at(now);
    for one in &mut host.waiting {
        if !is_of_time(&one.on) {
            continue;
        }
        // Freezes that people let work run in are in nobody's way.
        if let State::Closed { because, .. } = &mut state {
            because.retain(|it| match it {
                Because::Windows { .. } => true,
                Because::Freeze { name, .. } => one.why.contains(&format!("`{name}`")),
            });
        }
        let is_short = matches!(state, State::Open { .. });
        let sentences = opening.sentences(&state).into_iter();
        let sentences = sentences.map(|words| {
            if is_short {
                format!("{words}: too short for what is left to do")
            } else {
                words
            }
        });
        let sentences: Vec<String> = sentences.collect();
        if !sentences.is_empty() {
            one.details = sentences;
        }
    }
}
