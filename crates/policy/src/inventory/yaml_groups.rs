//! Inventories in YAML, and the JSON that `ansible-inventory --list` prints.

use super::data::Data;
use super::pattern;
use super::tree::{Is, Node};
use super::value::Var;
use crate::problem::{Code, Found, Report};

/// Whether the tree is what `--list` prints, and not groups with keyed hosts.
pub(super) fn is_list(root: &Node) -> bool {
    let Is::Map(entries) = &root.is else {
        return false;
    };
    entries.iter().any(|(name, group)| {
        let has_list = |key| {
            group
                .get(key)
                .is_some_and(|node| matches!(node.is, Is::List(_)))
        };
        name == "_meta"
            || matches!(group.is, Is::List(_))
            || has_list("hosts")
            || has_list("children")
    })
}

/// Reads groups with keyed hosts into `data`.
pub(super) fn read(root: &Node, data: &mut Data, found: &mut Found) {
    let Is::Map(entries) = &root.is else { return };
    for (name, group) in entries {
        self::group(name, group, data, found);
    }
}

fn problem(found: &mut Found, node: &Node, message: String, hint: &str) {
    found.report(Report::new(Code::BadInventory, node.place, message).hint(hint));
}

/// Reads a group and those below it.
fn group(name: &str, node: &Node, data: &mut Data, found: &mut Found) -> usize {
    let group = data.group(name);
    let Is::Map(entries) = &node.is else {
        if !node.is_null() {
            let message = format!("group `{name}` is not a mapping");
            problem(
                found,
                node,
                message,
                "its keys are `hosts`, `children` and `vars`",
            );
        }
        return group;
    };
    for (key, value) in entries {
        match key.as_str() {
            "vars" => vars(value, found, |name, var| {
                data.set_of_group(group, name, var);
            }),
            "children" => {
                for (child, below) in keyed(value, found) {
                    let child_group = match below {
                        Some(below) => self::group(child, below, data, found),
                        None => data.group(child),
                    };
                    if !data.child(group, child_group) {
                        let message = format!("group `{child}` would be above itself");
                        let hint = "take one of the groups out of the circle";
                        problem(found, value, message, hint);
                    }
                }
            }
            "hosts" => {
                for (pattern, own) in keyed(value, found) {
                    hosts(pattern, own.unwrap_or(value), own, group, data, found);
                }
            }
            // Ansible warns and goes on.
            _ => {}
        }
    }
    group
}

/// The entries of a mapping; one text stands for a mapping to nothing.
fn keyed<'n>(node: &'n Node, found: &mut Found) -> Vec<(&'n str, Option<&'n Node>)> {
    match &node.is {
        Is::Map(entries) => entries
            .iter()
            .map(|(name, node)| (name.as_str(), Some(node)))
            .collect(),
        Is::One(super::value::Value::Text(text)) => vec![(text, None)],
        Is::One(_) if node.is_null() => Vec::new(),
        Is::One(_) | Is::List(_) => {
            let message = "expected names as keys".to_owned();
            problem(
                found,
                node,
                message,
                "write `name:`, one per line, without `- `",
            );
            Vec::new()
        }
    }
}

fn hosts(
    pattern: &str,
    at: &Node,
    own: Option<&Node>,
    group: usize,
    data: &mut Data,
    found: &mut Found,
) {
    let (names, port) = match pattern::expand(pattern) {
        Ok(expanded) => expanded,
        Err(why) => return problem(found, at, why, "for example `web[01:50]:`"),
    };
    for name in names {
        let host = data.host(&name, group, port, at.place);
        if let Some(own) = own {
            vars(own, found, |name, var| data.set_of_host(host, name, var));
        }
    }
}

/// Hands over every variable of a mapping.
fn vars(node: &Node, found: &mut Found, mut set: impl FnMut(String, Var)) {
    match &node.is {
        Is::Map(entries) => {
            for (name, node) in entries {
                let var = Var {
                    value: node.value(),
                    place: node.place,
                };
                set(name.clone(), var);
            }
        }
        Is::One(_) if node.is_null() => {}
        Is::One(_) | Is::List(_) => {
            let message = "expected variables by name".to_owned();
            problem(found, node, message, "write `name: value`, one per line");
        }
    }
}

/// Reads what `ansible-inventory --list` prints into `data`.
pub(super) fn read_list(root: &Node, data: &mut Data, found: &mut Found) {
    let Is::Map(entries) = &root.is else { return };
    for (name, node) in entries.iter().filter(|(name, _)| name != "_meta") {
        let group = data.group(name);
        let hosts = if matches!(node.is, Is::List(_)) {
            Some(node)
        } else {
            node.get("hosts")
        };
        for (host, at) in listed(hosts) {
            data.host(&host, group, None, at.place);
        }
        for (child, at) in listed(node.get("children")) {
            let child_group = data.group(&child);
            if !data.child(group, child_group) {
                let message = format!("group `{child}` would be above itself");
                problem(
                    found,
                    at,
                    message,
                    "take one of the groups out of the circle",
                );
            }
        }
        if let Some(node) = node.get("vars") {
            vars(node, found, |name, var| data.set_of_group(group, name, var));
        }
    }
    let meta = root.get("_meta").and_then(|meta| meta.get("hostvars"));
    let Some(Is::Map(hosts)) = meta.map(|node| &node.is) else {
        return;
    };
    let all = data.group(super::data::ALL);
    for (name, node) in hosts {
        let host = data.host(name, all, None, node.place);
        vars(node, found, |name, var| data.set_of_host(host, name, var));
    }
}

/// The texts of a list.
fn listed(node: Option<&Node>) -> Vec<(String, &Node)> {
    match node.map(|node| &node.is) {
        Some(Is::List(items)) => items
            .iter()
            .filter_map(|node| Some((node.value().text()?, node)))
            .collect(),
        Some(Is::One(_) | Is::Map(_)) | None => Vec::new(),
    }
}
