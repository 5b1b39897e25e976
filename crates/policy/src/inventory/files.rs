//! Which files of an import are inventories, and what each is: INI, YAML or JSON.

use std::collections::BTreeMap;

use super::data::Data;
use super::{ini, tree, yaml_groups};
use crate::problem::{Code, Found, Report};
use crate::yaml::Place;

/// A file of an import.
#[derive(Clone, Copy)]
pub(crate) struct File<'a> {
    /// Its number among all sources, for places.
    pub(crate) source: usize,
    pub(crate) text: &'a str,
}

/// What helps where only Ansible can say what an inventory has.
const ASK_ANSIBLE: &str = "let Ansible read it: `command: [ansible-inventory, -i, FILE, --list]`";

/// Endings of files that Ansible passes over in a directory of inventories.
const PASSED_OVER: [&str; 12] = [
    ".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry",
];

/// Whether Ansible would never look into a file of this name.
pub(super) fn is_passed_over(path: &str) -> bool {
    PASSED_OVER.iter().any(|ending| path.ends_with(ending))
}

/// The inventories of a directory, in the order in which they are read.
pub(super) fn in_directory<'f>(files: &'f BTreeMap<String, File<'_>>) -> Vec<&'f str> {
    let is_inventory = |path: &&str| {
        path.split('/').all(|part| {
            !part.starts_with('.')
                && !matches!(part, "group_vars" | "host_vars" | "vars_plugins")
                && !is_passed_over(part)
        })
    };
    let mut paths: Vec<&str> = files
        .keys()
        .map(String::as_str)
        .filter(is_inventory)
        .collect();
    paths.sort_by(|a, b| a.split('/').cmp(b.split('/')));
    paths
}

/// Reads one inventory into `data`.
pub(super) fn read(path: &str, file: File<'_>, data: &mut Data, found: &mut Found) {
    let text = file.text;
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name
        .rfind('.')
        .filter(|at| *at > 0)
        .map_or("", |at| &name[at..]);
    let mut fail = |at: usize, message: &str, hint: &str| {
        let place = Place {
            source: file.source,
            start: at.min(text.len()),
            end: at.min(text.len()),
        };
        found.report(Report::new(Code::BadInventory, place, message).hint(hint));
    };
    if text.starts_with("#!") {
        let hint = "run it: `command: [./PROGRAM, --list]`";
        return fail(0, "this inventory is a program", hint);
    }
    if text.starts_with("$ANSIBLE_VAULT") {
        let hint = "leave names and groups readable, and encrypt the values that are secret";
        return fail(0, "the whole inventory is encrypted", hint);
    }
    if ending == ".toml" {
        return fail(0, "inventories in TOML are not supported yet", ASK_ANSIBLE);
    }
    let is_json = ending == ".json" || text.trim_start().starts_with('{');
    let may_be_yaml = matches!(ending, "" | ".yml" | ".yaml" | ".json");
    let has_sections = text.lines().any(|line| line.trim_start().starts_with('['));
    if !may_be_yaml || ending.is_empty() && !is_json && has_sections {
        return ini::read(file.source, text, data, found);
    }
    match tree::read(file.source, text, is_json) {
        Ok(Some(root)) if matches!(root.is, tree::Is::Map(_)) => {
            if root.get("plugin").is_some() {
                return fail(
                    0,
                    "inventories of plugins are not supported yet",
                    ASK_ANSIBLE,
                );
            }
            if is_json && yaml_groups::is_list(&root) {
                yaml_groups::read_list(&root, data, found);
            } else {
                yaml_groups::read(&root, data, found);
            }
        }
        Ok(_) | Err(_) if ending.is_empty() => ini::read(file.source, text, data, found),
        Ok(_) => fail(
            0,
            "there are no groups in the inventory",
            "begin with `all:`",
        ),
        Err(error) => fail(error.at, &error.message, "Ansible could not read it either"),
    }
}
