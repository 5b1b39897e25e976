//! A fleet: hosts with their labels, how they are reached, and what is in its other elements.

use std::collections::BTreeMap;

use ringway_model::{Digest, Labels, Selector};

use super::{clock, freeze, group, import, probe, ssh, window};
use crate::fields::{Cx, Fields, Named};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Connect, Connection, Fleet, FleetCalendar, Host, HostCalendar};
use crate::yaml::{Node, Place, Value};

/// Probes of a fleet, and gates of a policy: a host's evidence has one bit for each in the engine's packed word.
pub(crate) const MAX_PROBES: usize = 16;

/// The document.
pub(crate) static FLEET: Shape = Shape {
    what: "fleet",
    about: "What there is, and what depends on what.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["fleet/v1"]),
            "fleet/v1",
            "The kind of document.",
        ),
        must("name", Is::Name, "corp", "The fleet's name."),
        may(
            "accept",
            Is::List(&Is::Of(&super::accept::ACCEPT)),
            "Findings of `ringway lint` that are accepted, of every policy.",
        ),
        may(
            "hosts",
            Is::List(&Is::Of(&HOST)),
            "The hosts; needed where nothing is imported.",
        ),
        may(
            "import",
            Is::List(&Is::Of(&import::IMPORT)),
            "Hosts from what people already have. What is written here wins over what is imported.",
        ),
        may(
            "prefer",
            Is::List(&Is::Name),
            "Which source of `import` counts where two say different things of a host, the first of them first; without it that is a problem.",
        ),
        may(
            "zone",
            Is::Text,
            "The time zone of hosts that have none of their own, and of the working hours, by its name in the time zone database; UTC where absent.",
        ),
        may(
            "working_hours",
            Is::Either(&[Is::Text, Is::List(&Is::Text)]),
            "When people are at work, for `working_time`: `mon-fri 08:00-18:00`, several separated by `|` or in a list.",
        ),
        may(
            "windows",
            Is::Map(&Is::Of(&window::WINDOW)),
            "Maintenance windows by name. Hosts have them; policies and rings may narrow them.",
        ),
        may(
            "freezes",
            Is::Map(&Is::Of(&freeze::FREEZE)),
            "When no work may run, by name; a freeze wins over every window.",
        ),
        may(
            "probes",
            Is::Map(&Is::Of(&probe::PROBE)),
            "Repeated questions to hosts, by name; at most 16.",
        ),
        may(
            "groups",
            Is::List(&Is::Of(&group::GROUP)),
            "Groups of hosts, nodes of the dependency graph.",
        ),
        may(
            "connect",
            Is::Either(&[
                Is::Word(&["local", "ssh", "none"]),
                Is::List(&Is::Of(&CONNECT)),
            ]),
            "How hosts are reached; the first selector that matches counts. `local`, `ssh` or `none` alone is for all of them. Needed for hosts that are not imported with a connection of their own.",
        ),
    ],
    later: &[("maintenance", "declared maintenances")],
};

static HOST: Shape = Shape {
    what: "host",
    about: "One server.",
    keys: &[
        must(
            "name",
            Is::Name,
            "web-1",
            "The host's name, unique in the fleet.",
        ),
        may(
            "address",
            Is::Text,
            "Where it is reached; its name where this is absent.",
        ),
        may(
            "labels",
            Is::Map(&Is::Text),
            "What is known of it, by name; values are taken as written.",
        ),
        may(
            "window",
            Is::Either(&[Is::Name, Is::List(&Is::Name)]),
            "The window in which work may run on it, one of the fleet's, or several of which one must be open; at any time where absent.",
        ),
        may("zone", Is::Text, "Its time zone; the fleet's where absent."),
    ],
    later: &[],
};

static CONNECT: Shape = Shape {
    what: "connection",
    about: "How some hosts are reached: `local`, `ssh` or `none`.",
    keys: &[
        must("select", Is::Selector, "all", "Which hosts."),
        may(
            "local",
            Is::Nothing,
            "Every host is a set of processes of this machine.",
        ),
        may(
            "ssh",
            Is::Either(&[Is::Nothing, Is::Of(&ssh::SSH)]),
            "Every host is a server that is reached over SSH.",
        ),
        may(
            "none",
            Is::Nothing,
            "Nothing reaches these hosts: people work on them by hand, and commands and probes run at the controller.",
        ),
    ],
    later: &[("winrm", "connections over WinRM")],
};

static LOCAL: Shape = Shape {
    what: "local connection",
    about: "Processes of this machine.",
    keys: &[],
    later: &[],
};

/// A connection that a word alone stands for.
type Made = fn() -> Connection;

/// The words that are for all hosts.
static CONNECTIONS: [(&str, Made); 3] = [
    ("local", || Connection::Local),
    ("ssh", || Connection::Ssh(Box::new(ssh::defaults()))),
    ("none", || Connection::Unreached),
];

static NONE: Shape = Shape {
    what: "connection of hosts that nothing reaches",
    about: "No connection.",
    keys: &[],
    later: &[],
};

/// Reads a fleet document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Fleet> {
    let fields = Fields::open(cx, &FLEET, node)?;
    fields.read("ringway", |_, _| Some(()));
    let name = fields.read("name", scalar::name);
    if let Some(name) = &name {
        cx.place(format!("fleet {name}"), fields.start());
    }
    if fields.get("import").is_none() {
        fields.must_have("hosts", "[{ name: web-1, labels: { role: web } }]");
        fields.must_have("connect", "[{ select: all, ssh: { user: svc-ringway } }]");
    }
    fields.read("accept", |cx, node| {
        let name = name.as_deref().unwrap_or_default();
        super::accept::read(cx, node, &format!("fleet/{name}"))
    });
    let hosts = fields.read("hosts", hosts);
    fields.read("import", import::read_all);
    fields.read("prefer", import::prefer);
    if fields.get("prefer").is_some() && fields.get("import").is_none() {
        let message = "nothing is imported that could be preferred".to_owned();
        let hint = "leave `prefer` out; what is written counts";
        cx.report(Report::new(Code::KeyConflict, fields.key_place("prefer"), message).hint(hint));
    }
    let probes = fields.read("probes", probes);
    let groups = fields.read("groups", |cx, node| scalar::list(cx, node, group::read));
    let connect = fields.read("connect", connect);
    let calendar = calendar(&fields, name.as_deref().unwrap_or_default());
    Some(Fleet {
        name: name?,
        digest,
        hosts: optional(&fields, "hosts", hosts)?,
        probes: optional(&fields, "probes", probes)?,
        groups: optional(&fields, "groups", groups)?,
        connect: optional(&fields, "connect", connect)?,
        calendar: calendar?,
    })
}

/// When work may run.
fn calendar(fields: &Fields<'_, '_, '_, '_>, fleet: &str) -> Option<FleetCalendar> {
    let zone = fields
        .cx
        .about("the fleet".to_owned(), || fields.read("zone", clock::zone));
    let working_hours = fields.read("working_hours", clock::hours);
    let windows = fields.read("windows", window::read_all);
    let freezes = fields.read("freezes", |cx, node| freeze::of_fleet(cx, node, fleet));
    Some(FleetCalendar {
        zone: optional(fields, "zone", zone.map(Some))?,
        working_hours: optional(fields, "working_hours", working_hours.map(Some))?,
        windows: optional(fields, "windows", windows)?,
        freezes: optional(fields, "freezes", freezes)?,
    })
}

/// The value of a key that may be absent; `None` when it is there and bad.
pub(crate) fn optional<T: Default>(
    fields: &Fields<'_, '_, '_, '_>,
    key: &str,
    value: Option<T>,
) -> Option<T> {
    value.or_else(|| fields.get(key).is_none().then(T::default))
}

fn hosts(cx: &Cx<'_>, node: &Node<'_>) -> Option<Vec<Host>> {
    let hosts = scalar::list(cx, node, host)?;
    if hosts.is_empty() {
        let message = "the fleet has no hosts".to_owned();
        return cx.fail(
            Code::BadValue,
            node.place,
            message,
            "write at least one host",
        );
    }
    Some(hosts)
}

fn host(cx: &Cx<'_>, node: &Node<'_>) -> Option<Host> {
    let fields = Fields::open(cx, &HOST, node)?;
    let name = fields.read("name", scalar::defined(Named::Host));
    let address = fields.read("address", scalar::value);
    let labels = fields.read("labels", labels);
    let calendar = host_calendar(&fields);
    Some(Host {
        name: name?,
        address,
        labels: optional(&fields, "labels", labels)?,
        calendar: calendar?,
    })
}

/// When work may run on a host.
fn host_calendar(fields: &Fields<'_, '_, '_, '_>) -> Option<HostCalendar> {
    if fields.get("window").is_none() && fields.get("zone").is_none() {
        return Some(HostCalendar::default());
    }
    fields.cx.about(fields.title(), || {
        let windows = fields.read("window", window::names);
        let zone = fields.read("zone", clock::zone);
        Some(HostCalendar {
            windows: optional(fields, "window", windows)?,
            zone: optional(fields, "zone", zone.map(Some))?,
        })
    })
}

fn labels(cx: &Cx<'_>, node: &Node<'_>) -> Option<Labels> {
    let labels = scalar::map(cx, node, "labels", |cx, name, place, value| {
        let name = label_name(cx, name, place);
        Some((name?, label_value(cx, value, place)?))
    })?;
    Some(labels.into_iter().collect())
}

fn label_name(cx: &Cx<'_>, name: &str, place: Place) -> Option<String> {
    if matches!(name, "name" | "host" | "address") {
        let message = format!("`{name}` cannot be a label: it is what every host has");
        return cx.fail(
            Code::ReservedName,
            place,
            message,
            "call the label something else",
        );
    }
    if can_be_label(name) {
        return Some(name.to_owned());
    }
    let hint = "letters, digits and `-_./`, and no word of the selectors such as `and`";
    cx.fail(
        Code::BadName,
        place,
        format!("`{name}` cannot be a label"),
        hint,
    )
}

/// Whether hosts can have a label of this name.
pub(crate) fn can_be_label(name: &str) -> bool {
    let is_word = matches!(Selector::parse(&format!("has {name}")), Ok(Selector::Has(label)) if label.name == name);
    is_word
        && !matches!(name, "name" | "host" | "address")
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
}

fn label_value(cx: &Cx<'_>, node: &Node<'_>, key: Place) -> Option<String> {
    match &node.value {
        Value::Scalar { text, plain }
            if text.trim().is_empty() || *plain && matches!(text.as_ref(), "~" | "null") =>
        {
            let message = "a label without a value".to_owned();
            cx.fail(
                Code::BadValue,
                key,
                message,
                "give it a value, for example `yes`, or leave it out",
            )
        }
        Value::List(_) | Value::Map { .. } => {
            let message = "a label has one value".to_owned();
            let hint = "write one value; for several, make several labels";
            cx.fail(
                Code::WrongType,
                scalar::first_line(cx, node.place),
                message,
                hint,
            )
        }
        Value::Scalar { .. } => scalar::value(cx, node),
    }
}

fn probes(cx: &Cx<'_>, node: &Node<'_>) -> Option<BTreeMap<String, crate::validated::Probe>> {
    let probes = scalar::map(cx, node, "probes", |cx, name, place, value| {
        let name = scalar::check_name(cx, name, place)?;
        cx.define(Named::Probe, &name, place);
        let probe = cx.about(format!("probe `{name}`"), || probe::read(cx, &name, value))?;
        Some((name, probe))
    })?;
    if probes.len() > MAX_PROBES {
        let message = format!("{} probes; there may be {MAX_PROBES}", probes.len());
        let place = scalar::first_line(cx, node.place);
        return cx.fail(
            Code::TooMany,
            place,
            message,
            "let hosts of several roles share one, with `{label}`",
        );
    }
    Some(probes.into_iter().collect())
}

fn connect(cx: &Cx<'_>, node: &Node<'_>) -> Option<Vec<Connect>> {
    match &node.value {
        Value::Scalar { .. } => {
            let with = scalar::word(&CONNECTIONS, &[])(cx, node)?();
            Some(vec![Connect {
                select: Selector::All,
                with,
            }])
        }
        Value::List(_) | Value::Map { .. } => {
            let number = std::cell::Cell::new(0);
            let connect = scalar::list(cx, node, |cx, node| {
                cx.place(
                    format!("connect {}", number.get()),
                    scalar::first_line(cx, node.place),
                );
                number.set(number.get() + 1);
                connection(cx, node)
            })?;
            if connect.is_empty() {
                let message = "no host can be reached".to_owned();
                let hint = "for example `connect: [{ select: all, ssh: {} }]`";
                cx.report(Report::new(Code::BadValue, node.place, message).hint(hint));
                return None;
            }
            Some(connect)
        }
    }
}

fn connection(cx: &Cx<'_>, node: &Node<'_>) -> Option<Connect> {
    let fields = Fields::open(cx, &CONNECT, node)?;
    cx.about("`connect`".to_owned(), || {
        let select = fields.read("select", scalar::selector);
        let one = scalar::exactly_one(&fields, &["local", "ssh", "none"]);
        let local = fields
            .read("local", |cx, node| scalar::nothing(cx, &LOCAL, node))
            .map(|()| Connection::Local);
        let ssh = fields
            .read("ssh", ssh::read)
            .map(|ssh| Connection::Ssh(Box::new(ssh)));
        let none = fields
            .read("none", |cx, node| scalar::nothing(cx, &NONE, node))
            .map(|()| Connection::Unreached);
        one?;
        Some(Connect {
            select: select?,
            with: local.or(ssh).or(none)?,
        })
    })
}
