//! The documents of a fleet of the tests, and the proposal they make.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use ringway_executor::port::Proposal;
use ringway_farm::Farm;
use ringway_model::Digest;
use ringway_policy::Source;
use ringway_scheduler::{compile_fleet, make_plan};

use super::ground::Host;

/// The policy's end that most tests share: everything at once, settling quickly, a gate on the service's answer.
pub(crate) const QUICK: &str = "
pace: { at_once: 16, ramp: off, settle: 400ms }
gates: [{ name: answers, probe: up, down: { for: 1s } }]
";

/// How the hosts of a ground are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// As processes of this machine.
    Local,
    /// Over a real `sshd` for each.
    Ssh,
}

/// What differs between the fleets of the tests.
#[derive(Clone, Copy)]
pub(crate) struct Setup<'a> {
    /// Names of hosts, and their labels as they are written in YAML.
    pub(crate) hosts: &'a [(&'a str, &'a str)],
    /// The policy without its kind, name, author and `applies_to`.
    pub(crate) policy: &'a str,
    /// Keys of the one group, with a comma behind each.
    pub(crate) group: &'a str,
    /// How long `inspect` may take.
    pub(crate) inspect_within: &'a str,
    /// How long `apply` may take.
    pub(crate) apply_within: &'a str,
    /// Whether restarts are seen by a boot id; without one a restart is over when its command is. Over SSH, hosts then
    /// restart with all that runs on them.
    pub(crate) sees_restarts: bool,
    /// How long a host has to come back.
    pub(crate) back_within: &'a str,
    /// Whether the recipe makes a snapshot before it changes anything.
    pub(crate) protects: bool,
    /// How the hosts are reached.
    pub(crate) carrier: Carrier,
    /// Over SSH: hosts that can be reached from another one alone, which is behind their names.
    pub(crate) behind: &'a [(&'a str, &'a str)],
    /// Over SSH: what else stands below `ssh:` for the hosts that a selector matches; `AT-NAME` in it is how that host is
    /// reached.
    pub(crate) connect: &'a [(&'a str, &'a str)],
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            hosts: &[],
            policy: "",
            group: "",
            inspect_within: "1m",
            apply_within: "1m",
            sees_restarts: false,
            back_within: "30s",
            protects: false,
            carrier: Carrier::Local,
            behind: &[],
            connect: &[],
        }
    }
}

impl Setup<'_> {
    /// All documents, by file name.
    pub(crate) fn texts(
        &self,
        hosts: &[Host],
        ground: &Path,
        farm: Option<&Farm>,
    ) -> Vec<(&'static str, String)> {
        vec![
            ("fleet.yaml", self.fleet(hosts, farm)),
            (
                "policy.yaml",
                format!(
                    "ringway: policy/v1\nname: careful\nauthor: dora\napplies_to: all\n{}",
                    self.policy
                ),
            ),
            ("update.yaml", UPDATE.to_owned()),
            ("recipe.yaml", self.recipe(ground)),
            ("care.yaml", care(ground)),
            ("people.yaml", PEOPLE.to_owned()),
        ]
    }

    fn fleet(&self, hosts: &[Host], farm: Option<&Farm>) -> String {
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
            "groups:\n  - {{ name: all, select: all, {group} care: gentle }}\nconnect:\n"
        )
        .unwrap();
        match farm {
            None => text.push_str("  - { select: all, local: {} }\n"),
            Some(farm) => self.connect(farm, &mut text),
        }
        text
    }

    fn connect(&self, farm: &Farm, text: &mut String) {
        let common = format!(
            "user: {}, port: {}, key: \"{}\", host_keys: {{ known_hosts: \"{}\" }}",
            farm.user(),
            farm.port(),
            farm.key().display(),
            farm.known_hosts().display()
        );
        for (select, more) in self.connect {
            let mut more = (*more).to_owned();
            for (_, gate) in self.behind {
                let at = format!(
                    "{}@{}:{}",
                    farm.user(),
                    farm.host(gate).address(),
                    farm.port()
                );
                more = more.replace(&format!("AT-{gate}"), &at);
            }
            let entry = format!("  - {{ select: {select}, ssh: {{ {common}, {more} }} }}");
            writeln!(text, "{entry}").unwrap();
        }
        writeln!(text, "  - {{ select: all, ssh: {{ {common} }} }}").unwrap();
    }

    fn recipe(&self, ground: &Path) -> String {
        let within = self.back_within;
        let (more, boot) = match (self.sees_restarts, self.carrier) {
            (false, _) => ("", String::new()),
            (true, Carrier::Local) => ("", "cat \"hosts/$HOST/boot\"".to_owned()),
            (true, Carrier::Ssh) => ("RESTARTS=host && ", "cat boot-id".to_owned()),
        };
        let mut reboot = step(ground, "reboot").replace(". ./step", &format!("{more}. ./step"));
        if self.sees_restarts {
            write!(
                reboot,
                "\n    boot_id: {boot}\n    restarts: 1-2\n    back_within: {within}"
            )
            .unwrap();
        }
        let protect = if self.protects {
            format!(
                "  protect:\n    run: {}\n    keep: 1h\n    remove:\n      run: {}\n",
                step(ground, "protect"),
                step(ground, "unprotect")
            )
        } else {
            String::new()
        };
        format!(
            "ringway: recipe/v1
name: service
steps:
  inspect:
    run: {}
    timeout: {}
    installed_when: \"{{build}}\"
    previous: \"{{output}}\"
  precheck:
    run: {}
{protect}  apply:
    run: {}
    timeout: {}
  reboot:
    run: {reboot}
  verify:
    run: {}
  rollback:
    run: {}
",
            step(ground, "inspect"),
            self.inspect_within,
            step(ground, "precheck"),
            step(ground, "apply"),
            self.apply_within,
            step(ground, "verify"),
            step(ground, "rollback"),
        )
    }
}

/// What a step's command is, wherever it starts.
fn step(ground: &Path, kind: &str) -> String {
    let ground = ground.display();
    format!("cd \"{ground}\" && KIND={kind} && . ./step")
}

fn care(ground: &Path) -> String {
    let mut text = "ringway: care/v1\nname: gentle\n".to_owned();
    for (key, kind) in [
        ("drain", "drain"),
        ("verify", "care-verify"),
        ("undrain", "undrain"),
    ] {
        writeln!(text, "{key}:\n  run: {}", step(ground, kind)).unwrap();
    }
    text
}

const UPDATE: &str = "ringway: update/v1
name: april
releases:
  - { select: all, id: KB1, build: \"2.0\" }
recipe: service
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
        change: None,
        reason: None,
    }
}
