//! The texts of the first documents. Comments say what the next step is; values are what was asked for or found. Pure.

use super::draft::Reach;
use super::labels::{Redundant, Said};
use super::own::Own;
use super::wishes::{Hosts, Wishes};
use super::yaml::value;
use crate::show::{put, shortened};

/// Hosts that are made up: addresses that are set aside for documentation, and labels as one would give them.
const EXAMPLE: &str = "\
hosts:                                   # made up: put yours here
  - { name: web-1, address: 198.51.100.11, labels: { role: web, env: lab } }
  - { name: web-2, address: 198.51.100.12, labels: { role: web, env: prod } }
  - { name: web-3, address: 198.51.100.13, labels: { role: web, env: prod } }
";

/// Where comments beside short lines begin.
const COMMENTS: usize = 50;

/// How the fleet's text is made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FleetParts<'a> {
    /// The inventory, as the document names it.
    pub(super) import: Option<&'a str>,
    /// The label of the port, where every host has it.
    pub(super) port: Option<&'a str>,
    /// Hosts of an inventory that need an entry of `connect`.
    pub(super) written: &'a [Reach],
    /// Groups that are proposed.
    pub(super) redundant: &'a [Redundant],
}

/// `fleet.yaml`.
pub(super) fn fleet(wishes: &Wishes, parts: FleetParts<'_>) -> String {
    let mut text = format!(
        "\
# What there is, and what depends on what. Every key: docs/reference/documents.md, or `ringway schema fleet`.
ringway: fleet/v1
name: {}

# How a host is asked whether it is well: after its visit, and while the others are visited. Ask what your users ask, for
# example `http: {{ port: 8080, path: /health, status: 200 }}`; a port that is open is the least that can be asked.
probes:
  up: {}

",
        wishes.name,
        wishes.probe.written(parts.port)
    );
    match &wishes.hosts {
        Hosts::Inventory(_) => put(
            &mut text,
            format_args!(
                "\
{}
import:
  - {}: {}
",
                if wishes.is_table() {
                    "# The hosts; each column is a label. What a column is that is called otherwise: docs/how-to/import-hosts.md."
                } else {
                    "# The hosts, their labels (groups are labels `group.NAME: yes`) and how they are reached."
                },
                if wishes.is_table() { "csv" } else { "ansible" },
                value(parts.import.unwrap_or_default())
            ),
        ),
        Hosts::Example => text.push_str(EXAMPLE),
        Hosts::Written(hosts) => {
            text.push_str("# Labels say what a host is. Rings and groups select by them: give every host at least `role` and `env`.\nhosts:\n");
            for (name, address) in hosts {
                let address = match address {
                    Some(address) => format!(", address: {}", value(address)),
                    None => String::new(),
                };
                put(
                    &mut text,
                    format_args!("  - {{ name: {name}{address}, labels: {{}} }}\n"),
                );
            }
        }
    }
    reached(&mut text, parts.written);
    if wishes.is_table() || !matches!(wishes.hosts, Hosts::Inventory(_)) {
        text.push_str(
            "
# As the user that runs Ringway, with the keys of the agent. Another user and key, and root by sudo:
#   connect: [{ select: all, ssh: { user: svc-ringway, key: ~/.ssh/ringway, become: sudo } }]
connect: ssh
",
        );
    }
    groups(&mut text, parts.redundant);
    text
}

/// Groups that are kept up: an example, or those that look like it.
fn groups(text: &mut String, redundant: &[Redundant]) {
    if redundant.is_empty() {
        text.push_str(
            "
# Next: hosts that stand in for one another. Of each pair one is kept up, evidently, while the other is visited:
#   groups:
#     - { name: databases, select: role = db, rings: apart, keep_up: { per: cluster, at_least: 1, probe: up } }
",
        );
        return;
    }
    text.push_str(
        "
# Next: hosts that stand in for one another. By their number these may; nothing keeps any of them up before you take them in here. Say how
# many must be up (`at_least`), ask for what they serve (`probe`), and where a label tells pairs apart, name it: `per: cluster`.
# groups:
",
    );
    for one in redundant {
        let apart = if one.hosts.len() == 2 {
            ", rings: apart"
        } else {
            ""
        };
        put(
            text,
            format_args!(
                "#   - {{ name: {}, select: {}{apart}, keep_up: {{ at_least: {}, probe: up }} }}   # {}\n",
                value(&one.name),
                value(&one.select),
                one.hosts.len() - 1,
                one.hosts.join(", ")
            ),
        );
    }
}

/// Entries of `connect` for hosts of which the inventory does not say how they are reached in a way that is followed here.
fn reached(text: &mut String, written: &[Reach]) {
    if written.is_empty() {
        return;
    }
    text.push_str(
        "
# How these are reached the inventory says in a way that is not followed here; what is written here wins. Complete it: `user`, `key`,
# `become: sudo`, `via`. Every host is reached by SSH; one that has none is worked on by hand: `none: {}`, and `recipe: manual`.
connect:
",
    );
    for one in written {
        let names = || format!("name = {}", one.hosts.join(" | "));
        let select = one.select.clone().unwrap_or_else(names);
        put(
            text,
            format_args!(
                "  # {}\n  - {{ select: {}, ssh: {{}} }}\n",
                one.why,
                value(&select)
            ),
        );
    }
}

/// One ring.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    pub(super) name: &'static str,
    pub(super) why: String,
    /// The value of `hosts`.
    pub(super) hosts: String,
    pub(super) soak: &'static str,
    /// Whether somebody has to say yes after it.
    pub(super) is_approved: bool,
}

/// A finding that is accepted for the time being.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub(super) code: &'static str,
    pub(super) hint: String,
    pub(super) until: String,
}

/// `policy.yaml`.
pub(super) fn policy(
    wishes: &Wishes,
    own: &Own<'_>,
    rings: &[Ring],
    accepted: &[Accepted],
) -> String {
    let teams: Vec<&str> = wishes.teams.iter().map(|(name, _)| name.as_str()).collect();
    let teams = teams.join(", ");
    let mut text = format!(
        "\
# How an update may spread: ring by ring, the smallest risk first. `ringway plan` shows what this means for your hosts,
# `ringway lint` what is probably not meant, `ringway what-if` what longer and shorter soaks cost and save.
ringway: policy/v1
name: careful
{}applies_to: {}
# Somebody of the team says yes before anything starts: `ringway approve`.
start: {{ approvals: 1, by: [{teams}] }}

rings:
",
        own.why()
            .map_or_else(String::new, |why| format!("# Left out are {}:\n# {why}.\n", shortened(&own.names, 10))),
        value(&own.applies_to)
    );
    for ring in rings {
        put(
            &mut text,
            format_args!(
                "  - name: {}\n    # {}\n    hosts: {}\n    soak: {}\n",
                ring.name, ring.why, ring.hosts, ring.soak
            ),
        );
        if ring.is_approved {
            put(
                &mut text,
                format_args!("    after_soak: {{ approvals: 1, by: [{teams}] }}\n"),
            );
        }
    }
    limits(&mut text, own.others);
    if !accepted.is_empty() {
        text.push_str(
            "\n# What `ringway lint` found when this was written and could not be mended without you.\naccept:\n",
        );
        for one in accepted {
            put(
                &mut text,
                format_args!(
                    "  - lint: {}\n    reason: {}\n    until: {}\n",
                    one.code,
                    serde_json::Value::from(format!("not looked at yet; {}", one.hint)),
                    one.until
                ),
            );
        }
    }
    text
}

/// How fast it goes, when it stops, and what updated hosts are watched by.
fn limits(text: &mut String, targets: usize) {
    let down = if targets < 20 { "1" } else { "5%" };
    text.push('\n');
    for (line, comment) in [
        (
            "pace: { at_once: 10, ramp: double, settle: 5m }",
            "one host first, then two, four and so on",
        ),
        (
            &format!("budget: {{ down: {down} }}"),
            "hosts that may be down at once, failed ones among them",
        ),
        (
            "halt: { failed: 1 }",
            "the first failure of a ring stops everything",
        ),
        (
            "offline: { allow: 10%, or: 1 }",
            "hosts of a ring that may be left behind; never all of it",
        ),
        (
            "\ngates:",
            "a host whose probe is bad for 3 minutes has failed",
        ),
    ] {
        let width = COMMENTS + line.len() - line.trim_start().len();
        put(text, format_args!("{line:<width$} # {comment}\n"));
    }
    text.push_str("  - { name: answers, probe: up, down: { for: 3m } }\n");
}

/// `update.yaml`: it does something on every host that can be seen and taken back, and harms nothing.
pub(super) const UPDATE: &str = "\
# What is installed, and how. This one only writes its build into a file in the home of the user that logs in, so that a
# first rollout changes nothing that matters. `ringway recipes` lists what can install real updates, and
# policies/recipes has their texts: for a Debian package, `recipe: debian-package` and `with: { package: nginx }`.
ringway: update/v1
name: first-try
severity: none                           # how bad what it mends is; people see it where they approve
recipe: script
releases:                                # one for each product line; the first that matches a host counts
  - select: all
    id: first-try-1
    build: \"1\"
    with:
      inspect: cat \"$HOME/.ringway-first-try\" 2>/dev/null || echo none
      apply: printf '%s\\n' \"$BUILD\" >\"$HOME/.ringway-first-try\"
      verify: test \"$(cat \"$HOME/.ringway-first-try\" 2>/dev/null || echo none)\" = \"$WANTED\"
      rollback: |
        if [ \"$PREVIOUS\" = none ]; then rm -f \"$HOME/.ringway-first-try\"
        else printf '%s\\n' \"$PREVIOUS\" >\"$HOME/.ringway-first-try\"; fi
";

/// `people.yaml`.
pub(super) fn people(wishes: &Wishes) -> String {
    let mut text = "\
# Who belongs to which team, by the user names of this machine: the kernel says who gives an approval.
# Next: a second person, and `not_by: [starter]` in the policy's approvals: then nobody approves what they started.
ringway: people/v1
teams:
"
    .to_owned();
    for (name, members) in &wishes.teams {
        put(
            &mut text,
            format_args!("  {name}: {{ members: [{}] }}\n", members.join(", ")),
        );
    }
    text
}

/// What of the labels is used for rings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    pub(super) not_critical: Option<&'a str>,
    pub(super) kinds: &'a [String],
    pub(super) site: Option<&'a str>,
}

impl Choice<'_> {
    /// Groups that would tell kinds apart, and do not.
    pub(super) fn unused(&self, said: &Said) -> Vec<String> {
        let groups = said.groups.iter();
        groups
            .filter(|label| !self.kinds.contains(label))
            .cloned()
            .collect()
    }
}

/// What the first ring among others covers, and its comment, which claims no more than that.
fn covered(said: &Said, choice: Choice<'_>) -> (String, String) {
    let (cover, why) = if choice.kinds.is_empty() {
        (
            String::new(),
            "A few hosts, watched for longer. Give hosts a label `role`, and `cover: { by: [role] }` takes one of each.",
        )
    } else {
        let cover = format!(
            ", cover: {{ by: [{}], may_exceed_take: yes }}",
            choice.kinds.join(", ")
        );
        (
            cover,
            "One host of every combination of these labels that comes later: a fault that only one of them shows, shows here.",
        )
    };
    let unused = choice.unused(said);
    let why = if unused.is_empty() {
        why.to_owned()
    } else {
        format!(
            "{why}\n    # Not told apart, as there would be too many: {}. All hosts of one of these may come later.",
            unused.join(", ")
        )
    };
    (cover, why)
}

/// The rings for so many targets, of which some are for trying things on.
pub(super) fn rings(said: &Said, choice: Choice<'_>, targets: usize, trial: usize) -> Vec<Ring> {
    let mut rings = Vec::new();
    let others = targets - trial;
    if let Some(select) = said.trial.as_ref().filter(|_| trial > 0 && others > 0) {
        rings.push(Ring {
            name: "lab",
            why: "Hosts for trying things on, all of them.".to_owned(),
            hosts: format!("{{ select: {} }}", value(select)),
            soak: "1h",
            is_approved: false,
        });
    }
    let select = value(choice.not_critical.unwrap_or("all"));
    if others > 1 {
        let take = if targets < 50 { "1" } else { "2%" };
        let (cover, why) = covered(said, choice);
        rings.push(Ring {
            name: "canary",
            why,
            hosts: format!("{{ select: {select}, take: {take}{cover} }}"),
            soak: "4h",
            is_approved: true,
        });
    }
    if others >= 10 {
        // Of all targets; where most of them are for trying things on, that would be more than there are.
        let take = if trial * 2 < targets {
            "20%".to_owned()
        } else {
            others.div_ceil(5).to_string()
        };
        let (spread, why) = match choice.site {
            Some(site) => (
                format!(", spread: [{site}]"),
                "A fifth, evenly over all places.",
            ),
            None => (String::new(), "A fifth."),
        };
        rings.push(Ring {
            name: "early",
            why: why.to_owned(),
            hosts: format!("{{ select: {select}, take: {take}{spread} }}"),
            soak: "1d",
            is_approved: false,
        });
    }
    let last = match choice.not_critical {
        Some(_) => "Everything else; critical hosts go last.",
        None => "Everything else.",
    };
    rings.push(Ring {
        name: "broad",
        why: last.to_owned(),
        hosts: "rest".to_owned(),
        soak: "1d",
        is_approved: false,
    });
    rings
}
