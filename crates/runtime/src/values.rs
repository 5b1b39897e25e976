//! The values a step is given: what it may know of its host, its update and its rollout.
//!
//! They reach the step as environment variables, as data; nothing here is ever pasted into a command.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ringway_drivers::quote::variable_name;
use ringway_drivers::{Reach, Target};
use ringway_model::{RolloutId, VisitKind};
use ringway_policy::validated::Connection;
use ringway_scheduler::plan::{More, Route};
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

/// All values of a step of a visit: of the host that is visited, and of its peer where the step runs there.
pub fn of_step(
    (host, peer): (&HostSpec, Option<&HostSpec>),
    update: &str,
    (route, more): (&Route, &More),
    visit: VisitKind,
    (previous, protection): (Option<&str>, Option<&str>),
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
        VisitKind::Update | VisitKind::Restart | VisitKind::Errand => {
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
    if let Some(peer) = peer {
        values.insert("PEER".to_owned(), peer.name.clone());
        values.insert("PEER_ADDRESS".to_owned(), peer.address.clone());
    }
    if let More::Silence { at_most } = more {
        let seconds = at_most.millis().div_ceil(1000);
        values.insert("SILENCE_SECONDS".to_owned(), seconds.to_string());
    }
    let name = if matches!(more, More::Protect { .. }) {
        "PROTECT_AS"
    } else {
        "PROTECTION"
    };
    if let Some(protection) = protection {
        values.insert(name.to_owned(), protection.to_owned());
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
    use ringway_model::{Labels, Span};

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
            settings: std::collections::BTreeSet::new(),
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
        let of = |peer: Option<&HostSpec>, more: &More| {
            let visit = VisitKind::Update;
            of_step(
                (&host(), peer),
                "april",
                (&route(), more),
                visit,
                (Some("1.0"), Some("snap-1")),
            )
        };
        let values = of(None, &More::Nothing);
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
            ("PROTECTION", "snap-1"),
        ] {
            assert_eq!(values[name], value, "{name}");
        }
        for name in ["PEER", "PEER_ADDRESS", "SILENCE_SECONDS", "PROTECT_AS"] {
            assert!(!values.contains_key(name), "{name}");
        }
        let (at_most, peer) = (
            Span::minutes(20),
            HostSpec {
                name: "web-2".to_owned(),
                ..host()
            },
        );
        let values = of(Some(&peer), &More::Silence { at_most });
        assert_eq!(values["HOST"], "web-1");
        assert_eq!(values["PEER"], "web-2");
        assert_eq!(values["PEER_ADDRESS"], "10.0.0.1");
        assert_eq!(values["SILENCE_SECONDS"], "1200");
        let keep = Span::hours(168);
        let values = of(None, &More::Protect { keep });
        assert_eq!(values["PROTECT_AS"], "snap-1");
        assert!(!values.contains_key("PROTECTION"));
    }

    #[test]
    fn a_rollback_wants_what_was_there_before() {
        let (visit, more) = (VisitKind::Rollback, More::Nothing);
        let values = of_step(
            (&host(), None),
            "april",
            (&route(), &more),
            visit,
            (Some("1.0"), None),
        );
        assert!(!values.contains_key("PROTECTION"));
        assert_eq!(values["WANTED"], "1.0");
    }
}
