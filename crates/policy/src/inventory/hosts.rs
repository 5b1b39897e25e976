//! Hosts of an inventory as hosts of a fleet: their labels, addresses and connections.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use ringway_model::Selector;
use ringway_model::selector::{Comparison, Label};

use super::connect::{self, PORT, Wrong};
use super::data::{self, ALL, Data, Vars};
use super::group_files::Beside;
use super::merge::Merge;
use super::offer::{self, About, Offer, Told};
use super::value::{Value, Var};
use crate::elements::fleet;
use crate::hidden::is_secret_key;
use crate::problem::{Code, Found, Report};
use crate::scalar;
use crate::validated::{Connect, Connection, Fleet, ZoneName};
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
    /// Hosts whose `window` names no windows, and is a label only.
    pub(crate) open: BTreeSet<String>,
    /// Hosts for which a password for `sudo` or for the login was left out.
    pub(crate) passwords: usize,
}

/// Where something is wrong, and in which words.
type WrongAt = ((usize, usize), String);
/// All groups of a host in the order in which they count, and what they say.
type Resolved = (Rc<Vec<usize>>, Rc<Vars>);

/// How hosts of inventories are reached, over all of them.
pub(super) struct Reached {
    connections: Vec<Connection>,
    written: Vec<Connect>,
    /// What is wrong, by place and words, with the hosts it is wrong for.
    wrong: BTreeMap<WrongAt, (Report, Vec<String>)>,
    /// By host: the source that says how it is reached, and whether it says so at all or that is the default.
    by: BTreeMap<String, (usize, bool)>,
    /// Whether one host may be in several sources.
    has_several: bool,
}

impl Reached {
    pub(super) fn new(fleet: &Fleet, has_several: bool) -> Self {
        Self {
            connections: Vec::new(),
            written: fleet.connect.clone(),
            wrong: BTreeMap::new(),
            by: BTreeMap::new(),
            has_several,
        }
    }

    /// Reports what is wrong, and adds the entries of `connect`, after those that are written.
    pub(super) fn finish(self, fleet: &mut Fleet, found: &mut Found) {
        for ((_, message), (report, hosts)) in self.wrong {
            let names: Vec<&str> = hosts.iter().map(String::as_str).collect();
            let message = format!("{}: {message}", crate::together::listed(&names));
            found.report(Report { message, ..report });
        }
        for (number, with) in self.connections.into_iter().enumerate() {
            let label = Label {
                name: CONNECT.to_owned(),
                at: 0,
            };
            fleet.connect.push(Connect {
                select: Selector::Compare(label, Comparison::Eq, vec![(number + 1).to_string()]),
                with,
            });
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

/// Reads the hosts of one inventory.
pub(super) struct Reader<'j> {
    data: &'j Data,
    around: &'j [Around],
    /// Groups and their variables, by the groups a host is in itself.
    cache: BTreeMap<Vec<usize>, Resolved>,
    /// Whether a name can be a label, as found out once.
    names: BTreeMap<String, bool>,
}

impl<'j> Reader<'j> {
    pub(super) fn of(data: &'j Data, around: &'j [Around]) -> Self {
        Self {
            data,
            around,
            cache: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// Puts every host into the fleet, with how it is reached where that can be said by now.
    pub(super) fn join(
        &mut self,
        source: usize,
        merge: &mut Merge<'_>,
        reached: &mut Reached,
        left_out: &mut LeftOut,
        found: &mut Found,
    ) {
        let data = self.data;
        for host in &data.hosts {
            if !scalar::is_name(&host.name) {
                let shown: String = host.name.chars().take(60).collect();
                let message = format!("`{shown}` cannot be a name");
                let hint = "a name begins with a letter or digit and has only letters, digits and `-_.:@+`";
                found.report(Report::new(Code::BadName, host.place, message).hint(hint));
                continue;
            }
            let (groups, vars) = self.vars(host);
            let mut says = self.labels(&groups, &vars, host.place, left_out);
            if !calendar(&vars, merge.fleet, &mut says) {
                left_out.open.insert(host.name.clone());
            }
            match connect::address(&vars) {
                Ok(Some((value, place))) => {
                    says.insert(About::Address, Told { value, place });
                }
                Ok(None) => {}
                Err(_) if merge.is_address_written(&host.name) => {}
                Err(wrong) => reached.wrong(wrong, &host.name),
            }
            let (name, place) = (host.name.clone(), host.place);
            merge.add(
                source,
                Offer {
                    host: name,
                    place,
                    says,
                },
                left_out,
            );
            if !reached.has_several {
                Self::connect(source, host, &vars, merge, reached, found);
            }
        }
    }

    /// Says how every host is reached, once all that is known of them is in the fleet.
    pub(super) fn reach(
        &mut self,
        source: usize,
        merge: &mut Merge<'_>,
        reached: &mut Reached,
        found: &mut Found,
    ) {
        let data = self.data;
        for host in &data.hosts {
            let (_, vars) = self.vars(host);
            Self::connect(source, host, &vars, merge, reached, found);
        }
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

    fn labels(
        &mut self,
        groups: &[usize],
        vars: &Vars,
        host: Place,
        left_out: &mut LeftOut,
    ) -> BTreeMap<About, Told> {
        let mut labels = BTreeMap::new();
        for &group in groups {
            let name = &self.data.groups[group].name;
            let label = format!("group.{name}");
            if self.can_be_label(&label) {
                let value = MEMBER.to_owned();
                labels.insert(About::Label(label), Told { value, place: host });
            } else {
                left_out.groups.insert(name.clone());
            }
        }
        for (name, var) in vars {
            if let Some(value) = self.label(name, var, left_out) {
                let place = var.place;
                labels.insert(About::Label(name.clone()), Told { value, place });
            }
        }
        labels
    }

    /// The value of a variable's label; nothing, and a note, where it cannot be one.
    fn label(&mut self, name: &str, var: &Var, left_out: &mut LeftOut) -> Option<String> {
        if is_secret_key(name) {
            if matches!(
                name,
                "ansible_password"
                    | "ansible_ssh_pass"
                    | "ansible_ssh_password"
                    | "ansible_become_pass"
                    | "ansible_become_password"
            ) {
                left_out.passwords += 1;
            }
            left_out.secrets.insert(name.to_owned());
            return None;
        }
        // What Ansible's own variables say is about Ansible, or in the connection.
        if name.starts_with("ansible_") {
            return None;
        }
        match &var.value {
            Value::Null => return None,
            Value::Nested => {
                left_out.nested.insert(name.to_owned());
                return None;
            }
            Value::Vault => {
                left_out.encrypted.insert(name.to_owned());
                return None;
            }
            value if value.is_template() => {
                left_out.templates.insert(name.to_owned());
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
        left_out.names.insert(name.to_owned());
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

    /// Says how a host is reached, where nothing that is written does.
    fn connect(
        source: usize,
        host: &data::Host,
        vars: &Vars,
        merge: &mut Merge<'_>,
        reached: &mut Reached,
        found: &mut Found,
    ) {
        let says = connect::says(vars);
        let before = reached.by.get(&host.name).copied();
        // What is only the default is no word against another source.
        if before.is_some() && !says {
            return;
        }
        let (rank, before_rank) = (
            merge.rank(source),
            before.and_then(|(before, _)| merge.rank(before)),
        );
        let Some(into) = merge.host(&host.name) else {
            return;
        };
        // Only a host that several sources have can have one of these from another.
        let own =
            before.map(|_| [CONNECT, PORT].map(|name| into.labels.get(name).map(str::to_owned)));
        let is_written = reached
            .written
            .iter()
            .any(|connect| connect.select.matches(&into.name, &into.labels));
        if is_written {
            return;
        }
        let how = match connect::connection(vars) {
            Ok(how) => how,
            Err(wrong) => return reached.wrong(wrong, &host.name),
        };
        let known = reached
            .connections
            .iter()
            .position(|with| *with == how.with);
        let number = known.unwrap_or_else(|| {
            reached.connections.push(how.with);
            reached.connections.len() - 1
        });
        let number = (number + 1).to_string();
        if let (Some((_, true)), Some([connect, port])) = (before, own) {
            if connect.as_deref() == Some(number.as_str()) && port == how.port {
                return;
            }
            match (before_rank, rank) {
                (Some(first), Some(second)) if first < second => return,
                (Some(_), None) => return,
                (_, Some(_)) => {}
                (None, None) => {
                    let message = format!(
                        "how `{}` is reached is said otherwise in two sources",
                        host.name
                    );
                    let hint = "say which source counts with `prefer`, or write an entry of `connect` for it";
                    let report = Report::new(Code::SourcesDiffer, host.place, message);
                    found.report(report.hint(hint));
                    return;
                }
            }
        }
        into.labels.set(CONNECT, number);
        if let Some(port) = how.port {
            into.labels.set(PORT, port);
        }
        if reached.has_several {
            reached.by.insert(host.name.clone(), (source, says));
        }
    }
}

/// The variables that say when a host is worked on, as columns of a table of these names do. Each is a label of its name, too:
/// selectors may ask for it.
///
/// Inventories call many things a window and a zone. Where the fleet has windows, `window` is taken to name some of them; what is
/// no place of a time zone is left a label. False: there is a `window` that names none, so that work may run at any time.
fn calendar(vars: &Vars, fleet: &Fleet, says: &mut BTreeMap<About, Told>) -> bool {
    let told = |name: &str| {
        let label = says.get(&About::Label(name.to_owned()))?;
        // The label stands where the variable does.
        vars.contains_key(name).then(|| label.clone())
    };
    let (window, zone) = (told("window"), told("zone"));
    let is_place = |told: &Told| {
        let is_zone = ZoneName::new(&told.value).is_some();
        is_zone && (told.value.contains('/') || told.value == ZoneName::UTC)
    };
    if let Some(zone) = zone.filter(is_place) {
        says.insert(About::Zone, zone);
    }
    let Some(Told { value, place }) = window else {
        return true;
    };
    let names = offer::windows(&value);
    if fleet.calendar.windows.is_empty() || !names.iter().all(|name| scalar::is_name(name)) {
        return false;
    }
    let value = names.join(offer::OR);
    says.insert(About::Window, Told { value, place });
    true
}
