//! The sources of a fleet's hosts, each read by the reader of its kind: all Ansible inventories as one, every table and
//! every output of a command by itself.

use std::collections::BTreeMap;

use super::attach::{Attached, Files, From, Import};
use super::data::Data;
use super::files::{self, File};
use super::group_files::Beside;
use super::hosts::{Around, LeftOut};
use super::offer::Offer;
use super::tree::{Is, Node};
use super::{listing, table, tree, yaml_groups};
use crate::problem::{Code, Found, Report};
use crate::yaml::Place;

/// What a source holds.
pub(super) enum Holds {
    /// Hosts, and what is said of them.
    Hosts(Vec<Offer>),
    /// Hosts, groups and variables as Ansible has them, and what stands beside them.
    Inventory(Data, Vec<Around>),
}

/// All sources, numbered.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) names: Vec<String>,
    pub(super) hold: Vec<Holds>,
    /// What is kept of files that are not kept as they are, by their number among what is shown.
    pub(super) kept: BTreeMap<usize, String>,
}

impl Sources {
    /// Reads everything that is attached.
    pub(super) fn read(files: &Files<'_>, left_out: &mut LeftOut, found: &mut Found) -> Self {
        let mut sources = Self::default();
        let mut ansible: Option<usize> = None;
        for attached in files.imports() {
            let Import { from, name, .. } = &attached.import;
            match from {
                From::Ansible(_) => {
                    let at = *ansible.get_or_insert_with(|| {
                        let empty = Holds::Inventory(Data::new(), Vec::new());
                        sources.add(name, empty)
                    });
                    if let Holds::Inventory(data, around) = &mut sources.hold[at] {
                        inventory(attached, data, around, found);
                    }
                }
                From::Csv(_, columns) => {
                    for file in attached.files.values() {
                        let table = table::read(*file, columns, left_out, found);
                        sources.kept.insert(files.number(*file), table.kept);
                        sources.add(name, Holds::Hosts(table.hosts));
                    }
                }
                From::Output(_) => {
                    for file in attached.files.values() {
                        let holds = sources.output(files, *file, left_out, found);
                        sources.add(name, holds);
                    }
                }
            }
        }
        for holds in &mut sources.hold {
            if let Holds::Inventory(data, _) = holds {
                data.settle();
            }
        }
        sources
    }

    fn add(&mut self, name: &str, holds: Holds) -> usize {
        self.names.push(name.to_owned());
        self.hold.push(holds);
        self.hold.len() - 1
    }

    /// Reads what a command printed.
    fn output(
        &mut self,
        files: &Files<'_>,
        file: File<'_>,
        left_out: &mut LeftOut,
        found: &mut Found,
    ) -> Holds {
        let nothing = Holds::Hosts(Vec::new());
        let place = |start: usize| Place {
            source: file.source,
            start: start.min(file.text.len()),
            end: start.min(file.text.len()),
        };
        let mut fail = |at: usize, message: String, hint: &str| {
            found.report(Report::new(Code::BadInventory, place(at), message).hint(hint));
        };
        if file.text.trim().is_empty() {
            let hint =
                "an inventory without hosts is `{\"ringway\": \"inventory/v1\", \"hosts\": []}`";
            fail(0, "the command printed nothing".to_owned(), hint);
            return nothing;
        }
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(file.text) {
            let at = byte(file.text, error.line(), error.column());
            let hint =
                "only JSON goes to standard output; let it print everything else on standard error";
            fail(at, format!("not JSON from here: {}", words(&error)), hint);
            return nothing;
        }
        let root = match tree::read(file.source, file.text, true) {
            Ok(Some(root)) => root,
            Ok(None) => return nothing,
            Err(error) => {
                fail(error.at, error.message, "print it in a simpler form");
                return nothing;
            }
        };
        if root.get("ringway").is_some() {
            let listing = listing::read(file, left_out, found);
            self.kept.insert(files.number(file), listing.kept);
            return Holds::Hosts(listing.hosts);
        }
        if is_of_ansible(&root) {
            let mut data = Data::new();
            yaml_groups::read_list(&root, &mut data, found);
            return Holds::Inventory(data, Vec::new());
        }
        let hint = "print `{\"ringway\": \"inventory/v1\", \"hosts\": [...]}` (`ringway schema inventory`), or what `ansible-inventory --list` prints";
        fail(0, "this is no inventory".to_owned(), hint);
        nothing
    }

    /// Files that are encrypted as a whole.
    pub(super) fn encrypted(&self) -> Vec<String> {
        let around = self.hold.iter().flat_map(|holds| match holds {
            Holds::Hosts(_) => &[][..],
            Holds::Inventory(_, around) => around.as_slice(),
        });
        around
            .flat_map(|around| {
                around
                    .groups
                    .encrypted
                    .iter()
                    .chain(&around.hosts.encrypted)
            })
            .cloned()
            .collect()
    }
}

/// Reads an import of an Ansible inventory into what other ones have said.
fn inventory(
    attached: &Attached<'_>,
    data: &mut Data,
    around: &mut Vec<Around>,
    found: &mut Found,
) {
    let inventories = match &attached.attachment.file {
        Some(file) => vec![file.as_str()],
        None => files::in_directory(&attached.files),
    };
    for path in inventories {
        if let Some(file) = attached.files.get(path) {
            files::read(path, *file, data, found);
        }
    }
    around.push(Around {
        groups: Beside::read("group_vars", &attached.files, found),
        hosts: Beside::read("host_vars", &attached.files, found),
    });
}

/// Whether this is what `ansible-inventory --list` prints: groups by name, whose hosts and groups are names.
fn is_of_ansible(root: &Node) -> bool {
    let Is::Map(entries) = &root.is else {
        return false;
    };
    let has_only_names = |node: Option<&Node>| match node.map(|node| &node.is) {
        Some(Is::List(items)) => items.iter().all(|item| matches!(item.is, Is::One(_))),
        Some(Is::One(_) | Is::Map(_)) | None => true,
    };
    let is_group = |(_, group): &(String, Node)| {
        has_only_names(Some(group))
            && has_only_names(group.get("hosts"))
            && has_only_names(group.get("children"))
    };
    yaml_groups::is_list(root) && entries.iter().all(is_group)
}

/// The byte of a line and a column, both from 1, the column in bytes.
fn byte(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.max(1) - 1)
        .map(str::len)
        .sum();
    let mut at = (before + column.max(1) - 1).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// What is wrong, without the place that is said already.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].to_owned()
}
