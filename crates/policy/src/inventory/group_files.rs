//! `group_vars/` and `host_vars/` beside an inventory: which files are a group's or a host's, and in which order.

use std::collections::BTreeMap;

use super::data::Vars;
use super::files::File;
use super::tree::{self, Is};
use super::value::Var;
use crate::problem::{Code, Found, Report};
use crate::yaml::Place;

/// Endings of files of variables; a name without one comes first, so that a directory is found before a file.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];

/// Variables of groups or of hosts, by their name.
#[derive(Default)]
pub(super) struct Beside {
    files: BTreeMap<String, Vars>,
    /// Files that are encrypted as a whole.
    pub(super) encrypted: Vec<String>,
}

impl Beside {
    /// Reads what lies in `folder` of an inventory's directory.
    pub(super) fn read(
        folder: &str,
        files: &BTreeMap<String, File<'_>>,
        found: &mut Found,
    ) -> Self {
        let mut of: BTreeMap<String, BTreeMap<usize, Vec<&str>>> = BTreeMap::new();
        let prefix = format!("{folder}/");
        for path in files.keys().filter(|path| path.starts_with(&prefix)) {
            let inside = &path[prefix.len()..];
            match inside.split_once('/') {
                Some((name, below)) => {
                    if counts(below) {
                        let rank = of.entry(name.to_owned()).or_default();
                        rank.entry(0).or_default().push(path);
                    }
                }
                None => {
                    for (rank, ending) in ENDINGS.iter().enumerate() {
                        if let Some(name) = inside.strip_suffix(ending) {
                            let ranks = of.entry(name.to_owned()).or_default();
                            ranks.entry(rank).or_default().push(path);
                        }
                    }
                }
            }
        }
        let mut beside = Self::default();
        for (name, ranks) in of {
            let Some((_, mut paths)) = ranks.into_iter().next() else {
                continue;
            };
            paths.sort_by(|a, b| a.split('/').cmp(b.split('/')));
            let mut vars = Vars::new();
            for path in paths {
                beside.one(path, &files[path], &mut vars, found);
            }
            beside.files.insert(name, vars);
        }
        beside
    }

    fn one(&mut self, path: &str, file: &File<'_>, vars: &mut Vars, found: &mut Found) {
        if file.text.starts_with("$ANSIBLE_VAULT") {
            self.encrypted.push(path.to_owned());
            return;
        }
        let place = |at: usize| Place {
            source: file.source,
            start: at,
            end: at,
        };
        match tree::read(file.source, file.text, path.strip_suffix(".json").is_some()) {
            Ok(None) => {}
            Ok(Some(node)) if node.is_null() => {}
            Ok(Some(node)) => match node.is {
                Is::Map(entries) => vars.extend(entries.into_iter().map(|(name, node)| {
                    let var = Var {
                        value: node.value(),
                        place: node.place,
                    };
                    (name, var)
                })),
                Is::One(_) | Is::List(_) => {
                    let message = "expected variables by name".to_owned();
                    let report = Report::new(Code::BadInventory, place(0), message);
                    found.report(report.hint("write `name: value`, one per line"));
                }
            },
            Err(error) => {
                let report = Report::new(Code::BadInventory, place(error.at), error.message);
                found.report(report.hint("Ansible could not read it either"));
            }
        }
    }

    /// The variables of a group or a host.
    pub(super) fn of(&self, name: &str) -> Option<&Vars> {
        self.files.get(name)
    }
}

/// Whether a file in a directory of variables counts: nothing hidden, no backup, an ending of a file of variables.
fn counts(below: &str) -> bool {
    let mut parts = below.split('/').rev();
    let is_plain = |part: &str| !part.starts_with('.') && !part.ends_with('~');
    let last = parts.next().unwrap_or_default();
    let ending = last
        .rfind('.')
        .filter(|at| *at > 0)
        .map_or("", |at| &last[at..]);
    is_plain(last)
        && ENDINGS.contains(&ending)
        && parts.all(|part| is_plain(part) && !part.contains('.'))
}
