//! JSON Schema of each kind of document, for editors.

use serde_json::{Value, json};

use crate::read::Kind;

/// The JSON Schema (draft 2020-12) of a kind of document.
///
/// It is made from the same tables as the reader: it has every key that is read and no other. What needs more than one
/// value to be judged (names that must exist, keys that exclude each other) is the reader's alone.
pub fn schema(kind: Kind) -> Value {
    let mut schema = kind.shape().schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(format!("Ringway {} document", kind.word()));
    schema
}

/// The JSON Schema of what a command of `import` prints.
pub fn inventory_schema() -> Value {
    crate::inventory::listing_schema()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ringway_model::Digest;

    use super::*;
    use crate::elements::{
        advisory, care, exception, fleet, maintenance, notify, people, policy, recipe, update,
        world,
    };
    use crate::fields::{Cx, Notes};
    use crate::problem::Found;
    use crate::read::KINDS;
    use crate::shape::{Is, Shape};
    use crate::yaml::{self, Node, Tree};

    /// Documents that use every key there is.
    const CORP: &str = include_str!("../tests/documents/corp.yaml");
    const WORLD: &str = include_str!("../tests/documents/world.yaml");

    /// A fleet whose hosts are elsewhere.
    const IMPORTS: &str = "ringway: fleet/v1\nname: it\nimport:\n  - ansible: inventory.yml\n  - { csv: cmdb.csv, source: assets, name: hostname, columns: { role: Function }, delimiter: \";\" }\n  - { command: [./cloud], within: 2m }\nprefer: [assets, cloud]\n";

    /// A fleet with a freeze that is in a file.
    const CALENDAR: &str = "ringway: fleet/v1\nname: it\nhosts: [{ name: a }]\nconnect: local\nfreezes: { holidays: { ical: holidays.ics } }\n";

    /// What only some recipes have.
    const SPECIAL: &str = "ringway: recipe/v1\nname: it\nsteps:\n  apply: { manual: { instructions: do it, evidence: optional, within: 2h } }\n";

    /// Announced work.
    const ANNOUNCED: &str = "ringway: maintenance/v1\nname: it\nwork:\n  - { name: power, hosts: all, from: 2026-12-01T22:00:00Z, until: 2026-12-02T06:00:00Z, reason: power, owner: facilities }\n  - { name: racks, hosts: all, ical: racks.ics, zone: UTC, owner: facilities }\n";

    /// A policy with a gate that is outside of the fleet.
    const EXTERNAL: &str = "ringway: policy/v1\nname: it\napplies_to: all\nrings: [{ name: all, hosts: rest, soak: 1h }]\ngates: [{ name: open, external: { run: [./open], every: 5m, timeout: 30s } }]\n";

    /// Everything that a care can ask and silence.
    const CARED: &str = "ringway: care/v1\nname: it\nready: { run: r, at: peer, timeout: 1m, expect: { contains: yes }, within: 30m, every: 1m }\nlast: { when: l, at: host, every: 5m, timeout: 1m }\nsilence: { run: s, end: e, at: controller, at_most: 60m, timeout: 1m }\n";

    /// Who is told what.
    const TOLD: &str = "ringway: notify/v1\nrules:\n  - { name: it, when: [halted], to: { run: [./tell] }, group: 1m, remind: 4h, escalate: { after: 8h, to: { webhook: \"http://localhost/it\", secret_file: it } } }\n";

    /// Hosts that are left out.
    const EXCEPTED: &str = "ringway: exception/v1\nid: EXC-1\nhosts: all\nupdates: [one]\nuntil: 2026-12-01\nowner: it\nreason: it\napproved_by: [ana]\n";

    /// What somebody says of a release.
    const ADVISED: &str = "ringway: advisory/v1\nid: ADV-1\nsource: { name: it, rank: vendor }\nabout: [KB1, { id: KB2, build: 10.1 }]\naffects: role = dc and pam = yes\neffect: hold\nfixed_by: it\npublished: 2026-04-19T18:00:00Z\nreference: https://it\nsays: it\n";

    /// What a vendor says of a release.
    const MENDED: &str = "ringway: update/v1\nname: it\ncves: [{ id: CVE-1, severity: critical, exploited: yes, disclosed: no }]\nreleases: [{ select: all, id: a, supersedes: [b], restart: maybe, hotpatch: yes, cves: [CVE-1], with: { instructions: do it } }]\nrecipe: manual\n";

    const FETCHED: &str = "ringway: recipe/v1\nname: it\nsteps:\n  recovery: { run: mend, at: peer, timeout: 5m, back_within: 5m }\n  inspect: { run: look, installed_when: x }\n  stage: { run: fetch, at: host, timeout: 5m, at_once: 4 }\n  protect: { run: keep, at: peer, timeout: 30m, keep: 7d, remove: { run: drop, at: controller, timeout: 5m } }\n  apply: { run: install }\n---\nringway: policy/v1\nname: it\napplies_to: all\nrings: [{ name: all, hosts: rest, soak: 1h }]\noutside: { pause_at: 2 }\nunpoison: { approvals: 1, by: [it], not_by: [starter] }\n";

    /// What must be known of kinds of hosts, and what must not be lost.
    const KNOWN: &str = "ringway: policy/v1\nname: it\napplies_to: all\nrings: [{ name: a, hosts: rest, soak: 1h }]\ngates: [{ name: up, probe: up, down: { for: 3m } }]\nevidence: { by: [role], hosts: 1, healthy: 8h, where_missing: hold }\n---\nringway: world/v1\nname: it\nwatch: [{ name: domains, select: role = dc, per: domain, at_least: 1 }]\n";

    const EXAMPLES: [&str; 24] = [
        KNOWN,
        FETCHED,
        MENDED,
        CARED,
        EXCEPTED,
        ADVISED,
        TOLD,
        CORP,
        WORLD,
        ANNOUNCED,
        EXTERNAL,
        IMPORTS,
        CALENDAR,
        SPECIAL,
        include_str!("../../../policies/cares/haproxy.yaml"),
        include_str!("../../../policies/cares/nginx-upstream.yaml"),
        include_str!("../../../policies/recipes/debian-package.yaml"),
        include_str!("../../../policies/recipes/debian-package-zfs.yaml"),
        include_str!("../../../policies/recipes/debian-upgrade.yaml"),
        include_str!("../../../policies/recipes/manual.yaml"),
        include_str!("../../../policies/recipes/rpm-package.yaml"),
        include_str!("../../../policies/minimal.yaml"),
        include_str!("../../../policies/monthly-linux.yaml"),
        include_str!("../../../policies/recipes/script.yaml"),
    ];

    fn trees(text: &str) -> Vec<Tree<'_>> {
        let mut found = Found::default();
        let trees = yaml::read(0, text, &mut found);
        assert!(found.reports.is_empty(), "{:?}", found.reports);
        trees
    }

    fn kind_of(root: &Node<'_>) -> Kind {
        let yaml::Value::Map { entries, .. } = &root.value else {
            panic!("a document is a mapping")
        };
        let yaml::Value::Scalar { text, .. } = &entries[0].value.value else {
            panic!("a kind")
        };
        Kind::of(text.strip_suffix("/v1").unwrap()).unwrap()
    }

    /// Whether an editor that goes by the schema would accept the value.
    fn accepts(schema: &Value, node: &Node<'_>) -> Result<(), String> {
        if let Some(any) = schema["anyOf"].as_array() {
            let all: Vec<String> = any
                .iter()
                .filter_map(|one| accepts(one, node).err())
                .collect();
            return if all.len() < any.len() {
                Ok(())
            } else {
                Err(all.join("; "))
            };
        }
        let is = match &node.value {
            _ if node.is_empty() => "null",
            yaml::Value::Map { .. } => "object",
            yaml::Value::List(_) => "array",
            yaml::Value::Scalar { text, plain: true } if text.parse::<i64>().is_ok() => "integer",
            yaml::Value::Scalar { text, plain: true } if text.parse::<f64>().is_ok() => "number",
            yaml::Value::Scalar { text, plain: true } if text == "true" || text == "false" => {
                "boolean"
            }
            yaml::Value::Scalar { .. } => "string",
        };
        let types: Vec<&str> = match &schema["type"] {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            Value::String(one) => vec![one],
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => vec![is],
        };
        let is_number = is == "integer" && types.contains(&"number");
        if !is_number && !types.contains(&is) {
            return Err(format!("{is} instead of {types:?}"));
        }
        match &node.value {
            yaml::Value::Scalar { text, .. } => match schema["enum"].as_array() {
                Some(words) => words
                    .iter()
                    .any(|word| {
                        word == text.as_ref()
                            || word
                                .as_bool()
                                .is_some_and(|b| text == if b { "true" } else { "false" })
                    })
                    .then_some(())
                    .ok_or_else(|| format!("`{text}` is not one of {words:?}")),
                None => Ok(()),
            },
            yaml::Value::List(items) => items
                .iter()
                .try_for_each(|item| accepts(&schema["items"], item)),
            yaml::Value::Map { entries, .. } => {
                for required in schema["required"].as_array().into_iter().flatten() {
                    let found = entries.iter().any(|entry| *required == entry.key.as_ref());
                    if !found {
                        return Err(format!("no {required}"));
                    }
                }
                entries.iter().try_for_each(|entry| {
                    let known = &schema["properties"][entry.key.as_ref()];
                    let schema = if known.is_null() {
                        &schema["additionalProperties"]
                    } else {
                        known
                    };
                    if *schema == Value::Bool(false) || schema.is_null() {
                        return Err(format!("unknown key `{}`", entry.key));
                    }
                    accepts(schema, &entry.value).map_err(|why| format!("{}: {why}", entry.key))
                })
            }
        }
    }

    fn keys(shape: &'static Shape, all: &mut BTreeSet<(&'static str, &'static str)>) {
        for key in shape.keys {
            all.insert((shape.about, key.name));
            inside(&key.kind, all);
        }
    }

    fn inside(is: &'static Is, all: &mut BTreeSet<(&'static str, &'static str)>) {
        match is {
            Is::Of(shape) => keys(shape, all),
            Is::List(inner) | Is::Map(inner) => inside(inner, all),
            Is::Either(kinds) => kinds.iter().for_each(|kind| inside(kind, all)),
            Is::Text
            | Is::Name
            | Is::Selector
            | Is::Span
            | Is::Share
            | Is::Count
            | Is::Flag
            | Is::Time
            | Is::Word(_)
            | Is::Command
            | Is::Nothing => {}
        }
    }

    /// A key in a table that nobody reads would be accepted and ignored.
    #[test]
    fn every_key_of_the_schema_is_read_and_every_key_that_is_read_is_in_it() {
        let (mut asked, mut known) = (BTreeSet::new(), BTreeSet::new());
        let texts = [
            CORP, IMPORTS, CALENDAR, WORLD, ANNOUNCED, EXTERNAL, SPECIAL, CARED, TOLD, EXCEPTED,
            ADVISED, MENDED, FETCHED, KNOWN,
        ];
        for (text, tree) in texts
            .iter()
            .flat_map(|text| trees(text).into_iter().map(move |tree| (*text, tree)))
        {
            let (mut found, mut notes) = (Found::default(), Notes::default());
            let cx = Cx::new(text, &mut found, &mut notes);
            let (root, digest) = (&tree.root, Digest::default());
            let read = match kind_of(root) {
                Kind::Fleet => fleet::read(&cx, root, digest).is_some(),
                Kind::Policy => policy::read(&cx, root, digest).is_some(),
                Kind::Update => update::read(&cx, root, digest).is_some(),
                Kind::Recipe => recipe::read(&cx, root, digest).is_some(),
                Kind::Care => care::read(&cx, root, digest).is_some(),
                Kind::People => people::read(&cx, root, digest).is_some(),
                Kind::World => world::read(&cx, root).is_some(),
                Kind::Maintenance => maintenance::read(&cx, root, digest).is_some(),
                Kind::Notify => notify::read(&cx, root, digest).is_some(),
                Kind::Exception => exception::read(&cx, root, digest).is_some(),
                Kind::Advisory => advisory::read(&cx, root, digest).is_some(),
            };
            assert!(read);
            asked.append(&mut cx.asked.borrow_mut());
        }
        for kind in KINDS {
            keys(kind.shape(), &mut known);
        }
        assert_eq!(asked, known);
    }

    #[test]
    fn what_the_reader_accepts_the_schema_accepts() {
        for text in EXAMPLES {
            for tree in trees(text) {
                let kind = kind_of(&tree.root);
                assert_eq!(
                    accepts(&schema(kind), &tree.root),
                    Ok(()),
                    "{}",
                    kind.word()
                );
            }
        }
    }

    #[test]
    fn the_schema_refuses_what_the_reader_refuses() {
        for (kind, text) in [
            (
                Kind::Care,
                "ringway: care/v1\nname: web\ndrian: { run: x }\n",
            ),
            (Kind::Care, "ringway: care/v1\n"),
            (
                Kind::Care,
                "ringway: care/v1\nname: web\nverify: { run: x, at: moon }\n",
            ),
            (Kind::People, "ringway: people/v1\nteams: [ops]\n"),
            (
                Kind::Fleet,
                "ringway: fleet/v1\nname: a\nconnect: local\nhosts: [web-1]\n",
            ),
        ] {
            assert!(
                accepts(&schema(kind), &trees(text)[0].root).is_err(),
                "{text}"
            );
            assert!(
                crate::read(&[crate::Source::new("x", text)]).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn every_key_is_described() {
        fn check(schema: &Value) {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                assert!(
                    property["description"]
                        .as_str()
                        .is_some_and(|d| d.ends_with('.')),
                    "{name}"
                );
                check(property);
                check(&property["items"]);
            }
        }
        for kind in KINDS {
            let schema = schema(kind);
            assert_eq!(schema["additionalProperties"], Value::Bool(false));
            check(&schema);
        }
    }
}
