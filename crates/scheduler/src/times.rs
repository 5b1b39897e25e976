//! What documents say about when work may run, and no plan carries yet.
//!
//! A window that is read and then not kept would let work run in the hours that were promised to others. So a plan is
//! refused as long as it could not keep one, by the names of what it could not keep.

use ringway_policy::validated::{Documents, FreezeOverride, Policy};

use crate::problem::PlanProblem;

/// Adds a problem for each kind of time that the documents name and a rollout would not keep.
pub(crate) fn check_times(documents: &Documents, policy: &Policy, problems: &mut Vec<PlanProblem>) {
    let fleet = documents.fleet.as_ref();
    let host_windows = fleet.is_some_and(|fleet| {
        fleet
            .hosts
            .iter()
            .any(|host| !host.calendar.windows.is_empty())
    });
    let fleet_freezes = fleet.is_some_and(|fleet| !fleet.calendar.freezes.is_empty());
    let calendar = &policy.calendar;
    let name = &policy.name;
    let mut found: Vec<String> = [
        host_windows.then(|| "the windows of hosts".to_owned()),
        fleet_freezes.then(|| "the freezes of the fleet".to_owned()),
        (!calendar.windows.is_empty()).then(|| format!("the windows of policy `{name}`")),
        (!calendar.freezes.is_empty() || calendar.freeze_override != FreezeOverride::Never)
            .then(|| format!("the freezes of policy `{name}`")),
        (policy.start.iter().any(|rule| rule.between.is_some()))
            .then(|| format!("the hours for the start of policy `{name}`")),
    ]
    .into_iter()
    .flatten()
    .collect();
    for ring in &policy.rings {
        let parts = [
            (!ring.windows.is_empty(), "windows"),
            (ring.working_time.is_some(), "working time"),
            (
                ring.after_soak.iter().any(|rule| rule.between.is_some()),
                "hours for approvals",
            ),
        ];
        let parts = parts.iter().filter(|(is_there, _)| *is_there);
        found.extend(parts.map(|(_, what)| format!("the {what} of ring `{}`", ring.name)));
    }
    for what in found {
        let message = format!("{what} would not be kept: rollouts do not follow them yet");
        let hint = "leave them out until then, and start rollouts by hand when work may run";
        problems.push(PlanProblem::new("times-not-followed", message, hint));
    }
}
