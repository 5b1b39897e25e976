//! Hosts as a program prints them: `inventory/v1` in JSON.
//!
//! The table of keys is the one that `ringway schema inventory` is made from. What a label says is taken as written:
//! numbers, `true` and `false` as texts; `null` is no label.

use std::collections::BTreeMap;

use serde_json::json;

use super::files::File;
use super::hosts::LeftOut;
use super::offer::{self, About, Offer, Told};
use super::table::is_address;
use crate::elements::fleet;
use crate::fields::{Cx, Fields, Notes};
use crate::hidden::is_secret_key;
use crate::problem::{Code, Found, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::ZoneName;
use crate::yaml::{self, Node, Place, Value};

/// What the document calls itself.
const KIND: &str = "inventory/v1";

/// The document.
pub(crate) static INVENTORY: Shape = Shape {
    what: "inventory",
    about: "Hosts as a command of `import` prints them, in JSON. A value may be `null` for what is not known.",
    keys: &[
        must("ringway", Is::Word(&[KIND]), KIND, "The kind of document."),
        must(
            "hosts",
            Is::List(&Is::Of(&HOST)),
            "[{ \"name\": \"web-1\" }]",
            "The hosts.",
        ),
    ],
    later: &[],
};

static HOST: Shape = Shape {
    what: "host",
    about: "One server, as a program knows it.",
    keys: &[
        must(
            "name",
            Is::Name,
            "web-1",
            "The host's name, once in the inventory.",
        ),
        may(
            "address",
            Is::Either(&[Is::Nothing, Is::Text]),
            "Where it is reached; its name where this is absent.",
        ),
        may(
            "zone",
            Is::Either(&[Is::Nothing, Is::Text]),
            "Its time zone; the fleet's where absent.",
        ),
        may(
            "window",
            Is::Either(&[Is::Nothing, Is::Name, Is::List(&Is::Name)]),
            "The window of the fleet in which work may run on it, or several.",
        ),
        may(
            "labels",
            Is::Either(&[Is::Nothing, Is::Map(&Is::Either(&[Is::Nothing, Is::Text]))]),
            "What is known of it, by name: texts, numbers, `true` and `false`.",
        ),
    ],
    later: &[],
};

/// The JSON Schema of what a command prints.
pub(crate) fn schema() -> serde_json::Value {
    let mut schema = INVENTORY.schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("What a command of `import` prints");
    schema
}

/// Hosts that were read, and the text that is kept of them.
pub(super) struct Listing {
    pub(super) hosts: Vec<Offer>,
    pub(super) kept: String,
}

/// Reads an inventory.
pub(super) fn read(file: File<'_>, left_out: &mut LeftOut, found: &mut Found) -> Listing {
    let mut listing = Listing {
        hosts: Vec::new(),
        kept: String::new(),
    };
    let trees = yaml::read(file.source, file.text, found);
    let Some(tree) = trees.first() else {
        return listing;
    };
    let (mut notes, mut problems) = (Notes::default(), Found::default());
    let cx = Cx::new(file.text, &mut problems, &mut notes);
    if let Some(hosts) = hosts(&cx, &tree.root, left_out) {
        listing.hosts = hosts;
    }
    for mut report in problems.reports {
        report.hint = report.hint.map(in_json);
        found.report(report);
    }
    found.omitted += problems.omitted;
    listing.kept = kept(&listing.hosts);
    listing
}

/// A hint about how YAML is written, for whoever prints JSON.
fn in_json(hint: String) -> String {
    match hint.as_str() {
        "set `name`, for example `name: web-1`" => "print it: `\"name\": \"web-1\"`".to_owned(),
        "write keys and values, for example `name: web-1`" => {
            "print an object: `{ \"name\": \"web-1\" }`".to_owned()
        }
        "write `name: value`, one per line, or in `{ }` with commas" => {
            "print an object: `{ \"role\": \"web\" }`".to_owned()
        }
        "write `[a, b]`, or one item per line, each after `- `" => {
            "print an array: `[{ \"name\": \"web-1\" }]`".to_owned()
        }
        _ => hint,
    }
}

fn hosts(cx: &Cx<'_>, root: &Node<'_>, left_out: &mut LeftOut) -> Option<Vec<Offer>> {
    let fields = Fields::open(cx, &INVENTORY, root)?;
    fields.read("ringway", |cx, node| {
        let kind = scalar::value(cx, node)?;
        if kind == KIND {
            return Some(());
        }
        let message = format!("`{kind}` is not known here");
        let hint = format!("print `\"ringway\": \"{KIND}\"`");
        cx.fail(Code::UnknownKind, node.place, message, &hint)
    })?;
    let left_out = std::cell::RefCell::new(left_out);
    let hosts = fields.read("hosts", |cx, node| {
        scalar::list(cx, node, |cx, node| {
            host(cx, node, &mut left_out.borrow_mut())
        })
    })?;
    let mut at: BTreeMap<&str, Place> = BTreeMap::new();
    for host in &hosts {
        if let Some(before) = at.insert(&host.host, host.place) {
            let message = format!("there is another host `{}`", host.host);
            let report = Report::new(Code::DuplicateName, host.place, message).first_at(before);
            cx.report(report.hint("print each host once"));
        }
    }
    Some(hosts)
}

fn is_null(node: &Node<'_>) -> bool {
    matches!(&node.value, Value::Scalar { text, plain: true } if text == "null")
}

fn host(cx: &Cx<'_>, node: &Node<'_>, left_out: &mut LeftOut) -> Option<Offer> {
    let fields = Fields::open(cx, &HOST, node)?;
    let name = fields.read("name", scalar::name);
    let mut says = BTreeMap::new();
    let mut say = |about: About, value: Option<String>, place: Place| {
        if let Some(value) = value {
            says.insert(about, Told { value, place });
        }
    };
    fields.read("address", |cx, node| {
        say(About::Address, text(cx, node, address), node.place);
        Some(())
    });
    fields.read("zone", |cx, node| {
        say(About::Zone, text(cx, node, zone), node.place);
        Some(())
    });
    fields.read("window", |cx, node| {
        let names = if is_null(node) {
            None
        } else {
            scalar::one_or_more(cx, node, scalar::name)
        };
        say(
            About::Window,
            names.map(|names| names.join(offer::OR)),
            node.place,
        );
        Some(())
    });
    fields.read("labels", |cx, node| {
        if is_null(node) {
            return Some(());
        }
        let left_out = std::cell::RefCell::new(left_out);
        let labels = scalar::map(cx, node, "labels", |cx, name, place, value| {
            Some((
                name,
                label(cx, name, place, value, &mut left_out.borrow_mut()),
                value.place,
            ))
        })?;
        for (name, value, place) in labels {
            say(About::Label(name.to_owned()), value, place);
        }
        Some(())
    });
    Some(Offer {
        host: name?,
        place: fields.start(),
        says,
    })
}

/// A text that may be `null`.
fn text(
    cx: &Cx<'_>,
    node: &Node<'_>,
    check: impl Fn(&str) -> Result<(), (String, &'static str)>,
) -> Option<String> {
    if is_null(node) {
        return None;
    }
    let text = scalar::value(cx, node)?;
    match check(&text) {
        Ok(()) => Some(text),
        Err((message, hint)) => cx.fail(Code::BadValue, node.place, message, hint),
    }
}

fn address(text: &str) -> Result<(), (String, &'static str)> {
    let hint = "a name or a number of the network, without spaces";
    let message = || (format!("`{text}` is not an address"), hint);
    is_address(text).then_some(()).ok_or_else(message)
}

fn zone(text: &str) -> Result<(), (String, &'static str)> {
    let hint = "print its name in the time zone database, for example `Europe/Berlin`";
    let message = || (format!("`{text}` cannot be the name of a time zone"), hint);
    ZoneName::new(text).map(drop).ok_or_else(message)
}

/// The value of a label; nothing where there is none, or none can be.
fn label(
    cx: &Cx<'_>,
    name: &str,
    key: Place,
    node: &Node<'_>,
    left_out: &mut LeftOut,
) -> Option<String> {
    if is_secret_key(name) {
        left_out.secrets.insert(name.to_owned());
        return None;
    }
    let Value::Scalar { text, .. } = &node.value else {
        left_out.nested.insert(name.to_owned());
        return None;
    };
    if is_null(node) || text.trim().is_empty() {
        return None;
    }
    if matches!(name, "name" | "host" | "address") {
        let message = format!("`{name}` cannot be a label: it is what every host has");
        let hint = "print it beside `labels`, or call the label something else";
        return cx.fail(Code::ReservedName, key, message, hint);
    }
    if !fleet::can_be_label(name) || text.chars().any(char::is_control) {
        left_out.names.insert(name.to_owned());
        return None;
    }
    Some(text.trim().to_owned())
}

/// What is kept: the hosts in the order of their names, a line each, so that an answer in another order is the same one.
fn kept(hosts: &[Offer]) -> String {
    let mut lines: Vec<String> = hosts
        .iter()
        .map(|host| {
            let says: serde_json::Map<String, serde_json::Value> = host
                .says
                .iter()
                .map(|(about, told)| {
                    let about = match about {
                        About::Address => "address".to_owned(),
                        About::Zone => "zone".to_owned(),
                        About::Window => "window".to_owned(),
                        About::Label(name) => format!("labels.{name}"),
                    };
                    (about, json!(told.value))
                })
                .collect();
            format!("{}\n", json!({ "name": host.host, "says": says }))
        })
        .collect();
    lines.sort();
    lines.concat()
}
