//! Inventories in INI: sections of hosts, of child groups and of variables.

use std::collections::BTreeSet;

use super::data::{Data, UNGROUPED};
use super::value::Var;
use super::{literal, pattern, words};
use crate::problem::{Code, Found, Report};
use crate::yaml::Place;

/// What the lines of a section are.
#[derive(Clone, Copy)]
enum Section {
    Hosts,
    Children,
    Vars,
}

/// Reads a text into `data`; every line that is wrong is a problem of its own.
pub(super) fn read(source: usize, text: &str, data: &mut Data, found: &mut Found) {
    let mut reader = Reader {
        data,
        found,
        declared: BTreeSet::new(),
        wanted: Vec::new(),
    };
    let mut group = reader.data.group(UNGROUPED);
    let mut section = Section::Hosts;
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim();
        let at = start + (whole.len() - whole.trim_start().len());
        start += whole.len();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let place = Place {
            source,
            start: at.min(text.len()),
            end: (at + line.len()).min(text.len()),
        };
        if line.starts_with('[') && is_header(line) {
            if let Some((name, kind)) = reader.header(line, place) {
                group = reader.data.group(name);
                section = kind;
                if !matches!(section, Section::Vars) {
                    reader.declared.insert(name.to_owned());
                }
            }
            continue;
        }
        match section {
            Section::Hosts => reader.host(line, group, place),
            Section::Children => reader.child(line, group, place),
            Section::Vars => reader.variable(line, group, place),
        }
    }
    reader.undeclared();
}

/// Whether a line that begins with a bracket is the head of a section, and not a host `[a:c]` or `[::1]:22`.
fn is_header(line: &str) -> bool {
    let Some((_, after)) = line.split_once(']') else {
        return false;
    };
    let after = after.trim_start();
    after.is_empty() || after.starts_with('#')
}

struct Reader<'r> {
    data: &'r mut Data,
    found: &'r mut Found,
    /// Groups that a section of hosts or of children has declared.
    declared: BTreeSet<String>,
    /// Groups that must be declared somewhere, with where that is said.
    wanted: Vec<(String, Place, &'static str)>,
}

impl Reader<'_> {
    fn problem(&mut self, place: Place, message: String, hint: &str) {
        let report = Report::new(Code::BadInventory, place, message);
        self.found.report(report.hint(hint));
    }

    fn header<'l>(&mut self, line: &'l str, place: Place) -> Option<(&'l str, Section)> {
        let inside = line[1..].split(']').next().unwrap_or_default();
        let (name, kind) = inside.split_once(':').unwrap_or((inside, "hosts"));
        let section = match kind {
            "hosts" => Section::Hosts,
            "children" => Section::Children,
            "vars" => Section::Vars,
            _ => {
                let message = format!("`{kind}` is not a kind of section");
                self.problem(
                    place,
                    message,
                    "write `[group]`, `[group:children]` or `[group:vars]`",
                );
                return None;
            }
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            let message = format!("`{name}` cannot be a group");
            self.problem(place, message, "a group's name has no spaces");
            return None;
        }
        if matches!(section, Section::Vars) && !self.data.has_group(name) {
            self.wanted.push((name.to_owned(), place, "has variables"));
        }
        Some((name, section))
    }

    fn host(&mut self, line: &str, group: usize, place: Place) {
        let words = match words::split(line, true) {
            Ok(words) => words,
            Err(why) => return self.problem(place, why.to_owned(), "close it in the same line"),
        };
        let Some((first, rest)) = words.split_first() else {
            return;
        };
        let (names, port) = match pattern::expand(first) {
            Ok(expanded) => expanded,
            Err(why) => {
                return self.problem(place, why, "for example `web[01:50]` or `web-1:2222`");
            }
        };
        let mut vars = Vec::with_capacity(rest.len());
        for word in rest {
            let Some((name, value)) = word.split_once('=') else {
                let message = "after a host's name stand variables, each with `=`".to_owned();
                return self.problem(place, message, "write `name=value`, one host per line");
            };
            let value = literal::value(value);
            vars.push((name.to_owned(), Var { value, place }));
        }
        for name in names {
            let host = self.data.host(&name, group, port, place);
            for (name, var) in &vars {
                self.data.set_of_host(host, name.clone(), var.clone());
            }
        }
    }

    fn child(&mut self, line: &str, group: usize, place: Place) {
        let name = line.split('#').next().unwrap_or_default().trim();
        if name.is_empty() || name.contains(char::is_whitespace) || name.contains(':') {
            let message = "in a section of children stands one group per line".to_owned();
            return self.problem(place, message, "write the group's name alone");
        }
        if !self.data.has_group(name) {
            self.wanted.push((name.to_owned(), place, "is a child"));
        }
        let child = self.data.group(name);
        if !self.data.child(group, child) {
            let message = format!("group `{name}` would be above itself");
            self.problem(place, message, "take one of the groups out of the circle");
        }
    }

    fn variable(&mut self, line: &str, group: usize, place: Place) {
        let Some((name, value)) = line.split_once('=') else {
            let message = "in a section of variables every line has `=`".to_owned();
            return self.problem(place, message, "write `name=value`");
        };
        let value = literal::value(value.trim());
        self.data
            .set_of_group(group, name.trim().to_owned(), Var { value, place });
    }

    fn undeclared(mut self) {
        for (name, place, what) in std::mem::take(&mut self.wanted) {
            if !self.declared.contains(&name) {
                let message = format!("group `{name}` {what}, and no section declares it");
                self.problem(place, message, "add the section `[NAME]`, empty if need be");
            }
        }
    }
}
