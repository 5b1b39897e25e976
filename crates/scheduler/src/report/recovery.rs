//! Who can be brought back where they are broken and do not answer: by the recipe, and by whether there is a peer where it
//! runs on one.

use std::collections::BTreeMap;

use ringway_model::{Place, StepKind};

use super::parts::RecoveryReport;
use crate::parts::Part;
use crate::plan::Plan;
use crate::spec::FleetSpec;
use crate::words::{push, shortened};

/// Hosts without such a path that are named.
const SHOWN: usize = 8;

/// Of the hosts that are broken, where the plan begins with such; of all targets otherwise.
pub(super) fn of_plan(fleet: &FleetSpec, plan: &Plan) -> Option<RecoveryReport> {
    let broken = plan.part_of(0) == Some(Part::Broken);
    let slots = if broken {
        plan.rings.first()?.slots()
    } else {
        0..plan.slots.len()
    };
    let mut recipes = BTreeMap::new();
    let (mut hosts, mut without) = (0, Vec::new());
    for slot in &plan.slots[slots] {
        let route = &plan.routes[slot.route.index()];
        let host = &fleet.hosts[slot.host.index()];
        let cell = host.cell.map(|cell| &fleet.cells[cell.index()]);
        let has_peer = cell.is_some_and(|cell| cell.members.len() > 1);
        let step = route.step_for(StepKind::Recovery);
        let at = step.map(|step| step.step.at);
        if let Some(at) = at {
            let word = if at == Place::Peer {
                "peer"
            } else {
                "controller"
            };
            recipes.insert(route.recipe.clone(), word.to_owned());
        }
        if at.is_some_and(|at| at != Place::Peer || has_peer) {
            hosts += 1;
        } else {
            without.push(host.name.clone());
        }
    }
    without.sort();
    (broken || !recipes.is_empty()).then_some(RecoveryReport {
        broken,
        recipes,
        hosts,
        without,
    })
}

/// Who can be brought back where they do not answer, in words.
pub(super) fn in_words(of: &RecoveryReport) -> String {
    let all = of.hosts + of.without.len();
    let whom = if of.broken { "broken hosts" } else { "hosts" };
    let mut text = if of.recipes.is_empty() {
        format!(
            "none of {all} {whom} can be brought back that does not answer: such a host is lost"
        )
    } else {
        let recipes = of.recipes.iter();
        let recipes: Vec<String> = recipes
            .map(|(recipe, at)| format!("recipe `{recipe}`, at {}", place(at)))
            .collect();
        let when = if of.broken {
            ""
        } else {
            ", broken by it, once a fix takes over"
        };
        format!(
            "{} of {all} {whom} can be brought back that do not answer{when} ({})",
            of.hosts,
            recipes.join("; ")
        )
    };
    if !of.without.is_empty() && !of.recipes.is_empty() {
        let without = of.without.iter().map(String::as_str);
        let without = shortened(without, of.without.len(), SHOWN);
        push(&mut text, format_args!("; not {without}"));
    }
    text
}

fn place(at: &str) -> &str {
    if at == "peer" {
        "a peer"
    } else {
        "the controller"
    }
}
