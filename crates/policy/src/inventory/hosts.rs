//! Hosts of an inventory as hosts of a fleet: their labels, addresses and connections.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ringway_model::selector::{Comparison, Label};
use ringway_model::{Labels, Selector};

use super::connect::{self, PORT, Wrong};
use super::data::{self, ALL, Data, Vars};
use super::group_files::Beside;
use super::value::{Value, Var};
use crate::elements::fleet;
use crate::hidden::is_secret_key;
use crate::problem::{Code, Found, LINE, Report};
use crate::scalar;
use crate::validated::{Connect, Connection, Fleet, Host, HostCalendar};
use crate::yaml::Place;

/// What a label says that stands for a group.
const MEMBER: &str = "yes";
/// The label that tells apart hosts which are reached differently; an entry of `connect` selects by it.
const CONNECT: &str = "ansible_connect";

/// What is beside an inventory.
pub(super) struct Around {
    pub(super) groups: Beside,
    pub(super) hosts: Beside,
}

/// What was left out, for the notes.
#[derive(Default)]
pub(crate) struct LeftOut {
    pub(crate) nested: BTreeSet<String>,
    pub(crate) templates: BTreeSet<String>,
    pub(crate) secrets: BTreeSet<String>,
    pub(crate) encrypted: BTreeSet<String>,
    pub(crate) names: BTreeSet<String>,
    pub(crate) groups: BTreeSet<String>,
    /// Conflicts with what is written: the words, and both places.
    pub(crate) conflicts: Vec<(String, Place, Place)>,
    /// Hosts for which a password for `sudo` or for the login was left out.
    pub(crate) passwords: usize,
}

/// Puts every host of the inventory into the fleet.
pub(super) fn join(
    data: &Data,
    around: &[Around],
    fleet: &mut Fleet,
    written: &BTreeMap<String, Place>,
    found: &mut Found,
) -> LeftOut {
    let mut joining = Joining {
        data,
        around,
        cache: BTreeMap::new(),
        left_out: LeftOut::default(),
        wrong: BTreeMap::new(),
        names: BTreeMap::new(),
        connections: Vec::new(),
        written_connect: fleet.connect.clone(),
    };
    let mut at: BTreeMap<String, usize> = fleet
        .hosts
        .iter()
        .enumerate()
        .map(|(at, host)| (host.name.clone(), at))
        .collect();
    for host in &data.hosts {
        if scalar::is_name(&host.name) {
            joining.host(host, fleet, &mut at, written);
            continue;
        }
        let shown: String = host.name.chars().take(60).collect();
        let message = format!("`{shown}` cannot be a name");
        let hint = "a name begins with a letter or digit and has only letters, digits and `-_.:@+`";
        found.report(Report::new(Code::BadName, host.place, message).hint(hint));
    }
    for ((_, message), (report, hosts)) in joining.wrong {
        let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let message = format!("{}: {message}", crate::together::listed(&names));
        found.report(Report { message, ..report });
    }
    for (number, with) in joining.connections.into_iter().enumerate() {
        let label = Label {
            name: CONNECT.to_owned(),
            at: 0,
        };
        fleet.connect.push(Connect {
            select: Selector::Compare(label, Comparison::Eq, vec![(number + 1).to_string()]),
            with,
        });
    }
    joining.left_out
}

/// Where something is wrong, and in which words.
type WrongAt = ((usize, usize), String);
/// All groups of a host in the order in which they count, and what they say.
type Resolved = (Rc<Vec<usize>>, Rc<Vars>);

struct Joining<'j> {
    data: &'j Data,
    around: &'j [Around],
    /// Groups and their variables, by the groups a host is in itself.
    cache: BTreeMap<Vec<usize>, Resolved>,
    left_out: LeftOut,
    /// What is wrong, by place and words, with the hosts it is wrong for.
    wrong: BTreeMap<WrongAt, (Report, Vec<String>)>,
    /// Whether a name can be a label, as found out once.
    names: BTreeMap<String, bool>,
    connections: Vec<Connection>,
    written_connect: Vec<Connect>,
}

impl Joining<'_> {
    /// Puts one host into the fleet.
    fn host(
        &mut self,
        host: &data::Host,
        fleet: &mut Fleet,
        at: &mut BTreeMap<String, usize>,
        written: &BTreeMap<String, Place>,
    ) {
        let (groups, vars) = self.vars(host);
        let labels = self.labels(&groups, &vars);
        let known = at.get(&host.name).copied();
        let has_address = known.is_some_and(|index| fleet.hosts[index].address.is_some());
        let address = match connect::address(&vars) {
            Ok(address) => address,
            Err(_) if has_address => None,
            Err(wrong) => {
                self.wrong(wrong, &host.name);
                None
            }
        };
        let index = if let Some(index) = known {
            let place = written.get(&host.name).copied().unwrap_or(host.place);
            let place_of = |name: &str| vars.get(name).map_or(host.place, |var| var.place);
            self.merge(&mut fleet.hosts[index], &labels, address, place, place_of);
            index
        } else {
            fleet.hosts.push(Host {
                name: host.name.clone(),
                address,
                labels,
                calendar: HostCalendar::default(),
            });
            at.insert(host.name.clone(), fleet.hosts.len() - 1);
            fleet.hosts.len() - 1
        };
        self.connect(&mut fleet.hosts[index], &vars);
    }

    /// All groups of a host, and its variables.
    fn vars(&mut self, host: &data::Host) -> (Rc<Vec<usize>>, Vars) {
        let own = &host.groups;
        let key: Vec<usize> = own.iter().copied().collect();
        let (data, around) = (self.data, self.around);
        let (groups, shared) = self
            .cache
            .entry(key)
            .or_insert_with(|| {
                let groups = data.all_groups(own);
                let mut vars = Vars::new();
                let mut add = |more: Option<&Vars>| {
                    for (name, var) in more.into_iter().flatten() {
                        vars.insert(name.clone(), var.clone());
                    }
                };
                let names = || groups.iter().map(|&group| &data.groups[group]);
                add(data
                    .groups
                    .iter()
                    .find(|group| group.name == ALL)
                    .map(|group| &group.vars));
                names().for_each(|group| add(Some(&group.vars)));
                for around in around {
                    add(around.groups.of(ALL));
                }
                for around in around {
                    names().for_each(|group| add(around.groups.of(&group.name)));
                }
                (Rc::new(groups), Rc::new(vars))
            })
            .clone();
        let mut vars = (*shared).clone();
        let own = std::iter::once(&host.vars);
        for more in own.chain(
            self.around
                .iter()
                .filter_map(|around| around.hosts.of(&host.name)),
        ) {
            vars.extend(more.iter().map(|(name, var)| (name.clone(), var.clone())));
        }
        (groups, vars)
    }

    fn labels(&mut self, groups: &[usize], vars: &Vars) -> Labels {
        let mut labels = BTreeMap::new();
        for &group in groups {
            let name = &self.data.groups[group].name;
            let label = format!("group.{name}");
            if self.can_be_label(&label) {
                labels.insert(label, MEMBER.to_owned());
            } else {
                self.left_out.groups.insert(name.clone());
            }
        }
        for (name, var) in vars {
            if let Some(value) = self.label(name, var) {
                labels.insert(name.clone(), value);
            }
        }
        labels.into_iter().collect()
    }

    /// The value of a variable's label; nothing, and a note, where it cannot be one.
    fn label(&mut self, name: &str, var: &Var) -> Option<String> {
        if is_secret_key(name) {
            if matches!(
                name,
                "ansible_password"
                    | "ansible_ssh_pass"
                    | "ansible_ssh_password"
                    | "ansible_become_pass"
                    | "ansible_become_password"
            ) {
                self.left_out.passwords += 1;
            }
            self.left_out.secrets.insert(name.to_owned());
            return None;
        }
        // What Ansible's own variables say is about Ansible, or in the connection.
        if name.starts_with("ansible_") {
            return None;
        }
        match &var.value {
            Value::Null => return None,
            Value::Nested => {
                self.left_out.nested.insert(name.to_owned());
                return None;
            }
            Value::Vault => {
                self.left_out.encrypted.insert(name.to_owned());
                return None;
            }
            value if value.is_template() => {
                self.left_out.templates.insert(name.to_owned());
                return None;
            }
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => {}
        }
        let text = var.value.text()?;
        if text.trim().is_empty() {
            return None;
        }
        let is_line = !text.chars().any(char::is_control);
        if is_line && self.can_be_label(name) {
            return Some(text);
        }
        self.left_out.names.insert(name.to_owned());
        None
    }

    fn can_be_label(&mut self, name: &str) -> bool {
        if let Some(&can) = self.names.get(name) {
            return can;
        }
        let can = fleet::can_be_label(name);
        self.names.insert(name.to_owned(), can);
        can
    }

    /// Adds to a written host what it does not say itself.
    fn merge(
        &mut self,
        into: &mut Host,
        labels: &Labels,
        address: Option<String>,
        place: Place,
        place_of: impl Fn(&str) -> Place,
    ) {
        let mut conflict = |what: &str, at: Place| {
            let words = format!(
                "`{}`: {what} is written otherwise in the fleet ({LINE}) than in the inventory ({LINE}); what is written counts",
                into.name
            );
            self.left_out.conflicts.push((words, place, at));
        };
        match (&into.address, address) {
            (Some(written), Some(imported)) if *written != imported => {
                conflict("its address", place_of("ansible_host"));
            }
            (None, Some(imported)) => into.address = Some(imported),
            (Some(_) | None, _) => {}
        }
        let mut missing = Vec::new();
        for (name, value) in labels.iter() {
            match into.labels.get(name) {
                Some(written) if written != value => {
                    conflict(&format!("label `{name}`"), place_of(name));
                }
                Some(_) => {}
                None => missing.push((name, value)),
            }
        }
        if !missing.is_empty() {
            into.labels = into.labels.iter().chain(missing).collect();
        }
    }

    /// Says how a host is reached, where nothing that is written does.
    fn connect(&mut self, host: &mut Host, vars: &Vars) {
        let is_written = self
            .written_connect
            .iter()
            .any(|connect| connect.select.matches(&host.name, &host.labels));
        if is_written {
            return;
        }
        let reached = match connect::connection(vars) {
            Ok(reached) => reached,
            Err(wrong) => return self.wrong(wrong, &host.name),
        };
        let known = self
            .connections
            .iter()
            .position(|with| *with == reached.with);
        let number = known.unwrap_or_else(|| {
            self.connections.push(reached.with);
            self.connections.len() - 1
        });
        host.labels.set(CONNECT, (number + 1).to_string());
        if let Some(port) = reached.port {
            host.labels.set(PORT, port);
        }
    }

    fn wrong(&mut self, wrong: Wrong, host: &str) {
        let key = (
            (wrong.place.source, wrong.place.start),
            wrong.message.clone(),
        );
        let report =
            Report::new(Code::InventoryConnection, wrong.place, wrong.message).hint(wrong.hint);
        let (_, hosts) = self
            .wrong
            .entry(key)
            .or_insert_with(|| (report, Vec::new()));
        hosts.push(host.to_owned());
    }
}
