//! The documents of a fleet of the tests, and the proposal they make.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use ringway_executor::port::Proposal;
use ringway_model::Digest;
use ringway_policy::Source;
use ringway_scheduler::{compile_fleet, make_plan};

use super::ground::Host;

/// The policy's end that most tests share: everything at once, settling quickly, a gate on the service's answer.
pub(crate) const QUICK: &str = "
pace: { at_once: 16, ramp: off, settle: 400ms }
gates: [{ name: answers, probe: up, down: { for: 1s } }]
";

/// What differs between the fleets of the tests.
#[derive(Clone, Copy)]
pub(crate) struct Setup<'a> {
    /// Names of hosts, and their labels as they are written in YAML.
    pub(crate) hosts: &'a [(&'a str, &'a str)],
    /// The policy without its kind, name, author and `applies_to`.
    pub(crate) policy: &'a str,
    /// Keys of the one group, with a comma behind each.
    pub(crate) group: &'a str,
    /// How long `apply` may take.
    pub(crate) apply_within: &'a str,
    /// Whether restarts are seen by a boot id; without one a restart is over when its command is.
    pub(crate) sees_restarts: bool,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            hosts: &[],
            policy: "",
            group: "",
            apply_within: "1m",
            sees_restarts: false,
        }
    }
}

impl Setup<'_> {
    /// All documents, by file name.
    pub(crate) fn texts(&self, hosts: &[Host]) -> Vec<(&'static str, String)> {
        vec![
            ("fleet.yaml", self.fleet(hosts)),
            (
                "policy.yaml",
                format!(
                    "ringway: policy/v1\nname: careful\nauthor: dora\napplies_to: all\n{}",
                    self.policy
                ),
            ),
            ("update.yaml", UPDATE.to_owned()),
            ("recipe.yaml", self.recipe()),
            ("care.yaml", CARE.to_owned()),
            ("people.yaml", PEOPLE.to_owned()),
        ]
    }

    fn fleet(&self, hosts: &[Host]) -> String {
        let mut text = "ringway: fleet/v1\nname: e2e\nprobes:\n  up: { http: { port: \"{port}\", path: /health, \
                        status: 200 }, every: 200ms, timeout: 5s }\nhosts:\n"
            .to_owned();
        for (host, (name, labels)) in hosts.iter().zip(self.hosts) {
            writeln!(
                text,
                "  - {{ name: {name}, address: {}, labels: {{ {labels}, port: {} }} }}",
                host.address, host.port
            )
            .unwrap();
        }
        let group = self.group;
        write!(
            text,
            "groups:\n  - {{ name: all, select: all, {group} care: gentle }}\nconnect:\n  - {{ select: all, local: {{}} }}\n"
        )
        .unwrap();
        text
    }

    fn recipe(&self) -> String {
        let boot = if self.sees_restarts {
            "\n    boot_id: cat \"hosts/$HOST/boot\"\n    restarts: 1-2\n    back_within: 30s"
        } else {
            ""
        };
        format!(
            "ringway: recipe/v1
name: service
steps:
  inspect:
    run: KIND=inspect; . ./step
    installed_when: \"{{build}}\"
    previous: \"{{output}}\"
  precheck:
    run: KIND=precheck; . ./step
  apply:
    run: KIND=apply; . ./step
    timeout: {}
  reboot:
    run: KIND=reboot; . ./step{boot}
  verify:
    run: KIND=verify; . ./step
  rollback:
    run: KIND=rollback; . ./step
",
            self.apply_within
        )
    }
}

const UPDATE: &str = "ringway: update/v1
name: april
releases:
  - { select: all, id: KB1, build: \"2.0\" }
recipe: service
";

const CARE: &str = "ringway: care/v1
name: gentle
drain: { run: 'KIND=drain; . ./step' }
verify: { run: 'KIND=care-verify; . ./step' }
undrain: { run: 'KIND=undrain; . ./step' }
";

const PEOPLE: &str = "ringway: people/v1
teams: { operators: { members: [ana, ben, dora, olga] } }
";

/// The proposal that `ringway run` would make of these documents.
pub(crate) fn proposal(texts: &[(&'static str, String)], directory: &Path) -> Proposal {
    let sources: Vec<Source> = texts
        .iter()
        .map(|(name, text)| Source {
            name: (*name).to_owned(),
            bytes: text.clone().into_bytes(),
        })
        .collect();
    let documents = ringway_policy::read(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
    let mut plan = make_plan(&fleet, &documents, "careful", "april", 1)
        .unwrap_or_else(|problems| panic!("{problems}"));
    let directory = directory.to_str().unwrap().to_owned();
    let key = ringway_runtime::DIRECTORY.to_owned();
    plan.documents
        .insert(key.clone(), Digest::of(directory.as_bytes()));
    let mut texts: Vec<(String, String)> = documents.texts.into_iter().collect();
    texts.push((key, directory));
    Proposal {
        fleet: Arc::new(fleet),
        plan: Arc::new(plan),
        documents: texts,
        key: None,
    }
}
