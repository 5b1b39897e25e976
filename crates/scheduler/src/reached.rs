//! Whether what is to run on a host can: nothing runs on one that nothing reaches.
//!
//! Such hosts are worked on by people; commands about them run at the controller, and so do their probes.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{HostId, Place, RouteId, StepKind};
use ringway_policy::validated::{Ask, Connection, Policy};

use crate::plan::Route;
use crate::problem::PlanProblem;
use crate::spec::FleetSpec;
use crate::words::shortened;

/// Hosts named in one problem.
const SHOWN: usize = 5;

/// Adds a problem for every step, and every gate's or availability group's probe, that would run on a host that nothing
/// reaches.
pub(crate) fn check_reached(
    fleet: &FleetSpec,
    policy: &Policy,
    routes: &[Route],
    claimed: impl Iterator<Item = (HostId, RouteId)>,
    problems: &mut Vec<PlanProblem>,
) {
    let is_reached = |host: HostId| {
        let connect = usize::from(fleet.hosts[host.index()].connect);
        !matches!(fleet.connections.get(connect), Some(Connection::Unreached))
    };
    let mut steps: BTreeMap<(RouteId, StepKind), Vec<HostId>> = BTreeMap::new();
    let mut probes: BTreeMap<&str, Vec<HostId>> = BTreeMap::new();
    for (host, id) in claimed.filter(|(host, _)| !is_reached(*host)) {
        let Some(route) = routes.get(id.index()) else {
            continue;
        };
        let there = route
            .steps
            .iter()
            .filter(|step| step.step.at != Place::Controller);
        for step in there {
            steps.entry((id, step.kind)).or_default().push(host);
        }
        let gates = policy.gates.iter().map(|gate| gate.probe.as_str());
        let cell = fleet.hosts[host.index()].cell;
        let cell = cell.map(|cell| &fleet.cells[cell.index()]);
        let kept = cell.and_then(|cell| fleet.probes.get(cell.probe.index()));
        for probe in gates.chain(kept.map(|probe| probe.name.as_str())) {
            let spec = fleet.probes.iter().find(|spec| spec.name == probe);
            let runs_there = spec.is_some_and(|spec| {
                matches!(
                    spec.probe.ask,
                    Ask::Run {
                        at: Place::Host,
                        ..
                    }
                )
            });
            if runs_there {
                probes.entry(probe).or_default().push(host);
            }
        }
    }
    let named = |hosts: &[HostId]| {
        let names = hosts.iter();
        let names = names.map(|host| fleet.hosts[host.index()].name.as_str());
        shortened(names, hosts.len(), SHOWN)
    };
    steps_unreached(routes, steps, named, problems);
    for (probe, mut hosts) in probes {
        hosts.dedup();
        problems.push(PlanProblem::new(
            "probe-unreached",
            format!(
                "probe `{probe}` runs at the host, and nothing reaches {} (`connect: none`)",
                named(&hosts)
            ),
            "ask from the controller: `http`, `tcp`, or `at: controller`",
        ));
    }
}

/// One problem for each recipe or care and the hosts at which steps of it cannot run: whoever took the wrong recipe is told so
/// once, and not step by step.
fn steps_unreached(
    routes: &[Route],
    steps: BTreeMap<(RouteId, StepKind), Vec<HostId>>,
    named: impl Fn(&[HostId]) -> String,
    problems: &mut Vec<PlanProblem>,
) {
    // Routes that differ in their release have the steps of one recipe.
    let mut of: BTreeMap<(String, StepKind), BTreeSet<HostId>> = BTreeMap::new();
    for ((id, kind), hosts) in steps {
        let from = from(&routes[id.index()], kind);
        of.entry((from, kind)).or_default().extend(hosts);
    }
    let mut together: BTreeMap<(String, BTreeSet<HostId>), Vec<StepKind>> = BTreeMap::new();
    for ((from, kind), hosts) in of {
        together.entry((from, hosts)).or_default().push(kind);
    }
    for ((from, hosts), kinds) in together {
        let hosts: Vec<HostId> = hosts.into_iter().collect();
        let steps: Vec<String> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
        let what = match steps.as_slice() {
            [one] => format!("step {one} of {from} runs"),
            several => format!("steps {} of {from} run", several.join(", ")),
        };
        let hint = if kinds.len() == 1 {
            "run it `at: controller`, or let a person do it: `manual`"
        } else {
            "one recipe and one policy for each product line: leave these hosts out by `applies_to`, and give them a policy and an \
             update whose recipe runs `at: controller`, or by hand: `recipe: manual`"
        };
        problems.push(PlanProblem::new(
            "step-unreached",
            format!(
                "{what} at the host or a peer, and nothing reaches {} (`connect: none`)",
                named(&hosts)
            ),
            hint,
        ));
    }
}

/// Whose step it is.
fn from(route: &Route, kind: StepKind) -> String {
    match kind {
        StepKind::Ready
        | StepKind::Last
        | StepKind::Silence
        | StepKind::Drain
        | StepKind::CareVerify
        | StepKind::Undrain
        | StepKind::Unsilence => {
            let care = route.care.as_deref();
            format!("care `{}`", care.unwrap_or_default())
        }
        StepKind::Inspect
        | StepKind::Precheck
        | StepKind::Apply
        | StepKind::Rollback
        | StepKind::Reboot
        | StepKind::Verify
        | StepKind::Stage
        | StepKind::Recovery
        | StepKind::Protect
        | StepKind::Unprotect => format!("recipe `{}`", route.recipe),
    }
}
