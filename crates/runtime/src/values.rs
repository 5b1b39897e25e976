//! The values a step is given: what it may know of its host, its update and its rollout.
//!
//! They reach the step as environment variables, as data; nothing here is ever pasted into a command.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ringway_drivers::quote::variable_name;
use ringway_drivers::{Reach, Target};
use ringway_model::{RolloutId, VisitKind};
use ringway_policy::validated::Connection;
use ringway_scheduler::plan::Route;
use ringway_scheduler::spec::HostSpec;
use ringway_scheduler::{FleetSpec, Plan};

/// A host as its commands are told of it.
fn target(host: &HostSpec) -> Target<'_> {
    Target {
        host: &host.name,
        address: &host.address,
        labels: &host.labels,
    }
}

/// A host with the way to it.
pub fn reach(fleet: &FleetSpec, host: &HostSpec, directory: PathBuf) -> Reach {
    let with = fleet.connections.get(usize::from(host.connect));
    Reach {
        host: host.name.clone(),
        address: host.address.clone(),
        labels: host.labels.clone(),
        // Compiling a fleet gives every host a connection that is there.
        with: with.cloned().unwrap_or(Connection::Local),
        directory,
    }
}

/// All values of a step of a visit.
pub fn of_step(
    host: &HostSpec,
    update: &str,
    route: &Route,
    visit: VisitKind,
    previous: Option<&str>,
) -> BTreeMap<String, String> {
    // Parameters come first, so that one that is called like a value of ours cannot take its place.
    let mut values: BTreeMap<String, String> = route
        .parameters
        .iter()
        .map(|(name, value)| (variable_name(name), value.clone()))
        .collect();
    values.extend(target(host).values());
    let build = route.build.clone().unwrap_or_default();
    let previous = previous.unwrap_or_default().to_owned();
    let wanted = match visit {
        VisitKind::Update | VisitKind::Restart => {
            route.build.clone().unwrap_or_else(|| route.release.clone())
        }
        VisitKind::Rollback => previous.clone(),
    };
    for (name, value) in [
        ("UPDATE", update.to_owned()),
        ("RELEASE", route.release.clone()),
        ("BUILD", build),
        ("PREVIOUS", previous),
        ("WANTED", wanted),
    ] {
        values.insert(name.to_owned(), value);
    }
    values
}

/// All values of a question to an external gate.
pub(crate) fn of_gate(
    rollout: RolloutId,
    gate: &str,
    plan: &Plan,
    (ring, change): (String, Option<String>),
) -> BTreeMap<String, String> {
    let values = [
        ("ROLLOUT", rollout.to_string()),
        ("GATE", gate.to_owned()),
        ("POLICY", plan.policy.clone()),
        ("UPDATE", plan.update.clone()),
        ("RING", ring),
        ("CHANGE", change.unwrap_or_default()),
    ];
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

#[cfg(test)]
mod tests {
    use ringway_model::Labels;

    use super::*;

    fn route() -> Route {
        Route {
            release: "KB1".to_owned(),
            build: None,
            recipe: "r".to_owned(),
            care: None,
            parameters: [("package-name", "nginx"), ("host", "evil")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            steps: Vec::new(),
            visits: [Vec::new(), Vec::new(), Vec::new()],
        }
    }

    fn host() -> HostSpec {
        HostSpec {
            name: "web-1".to_owned(),
            address: "10.0.0.1".to_owned(),
            labels: Labels::from_iter([("role", "web")]),
            group: None,
            cell: None,
            connect: 0,
        }
    }

    #[test]
    fn a_step_is_told_its_host_its_release_and_what_is_wanted() {
        let values = of_step(&host(), "april", &route(), VisitKind::Update, Some("1.0"));
        for (name, value) in [
            ("HOST", "web-1"),
            ("ADDRESS", "10.0.0.1"),
            ("LABEL_ROLE", "web"),
            ("PACKAGE_NAME", "nginx"),
            ("UPDATE", "april"),
            ("RELEASE", "KB1"),
            ("BUILD", ""),
            ("PREVIOUS", "1.0"),
            ("WANTED", "KB1"),
        ] {
            assert_eq!(values[name], value, "{name}");
        }
    }

    #[test]
    fn a_rollback_wants_what_was_there_before() {
        let values = of_step(&host(), "april", &route(), VisitKind::Rollback, Some("1.0"));
        assert_eq!(values["WANTED"], "1.0");
    }
}
