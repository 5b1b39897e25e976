//! An update: what is installed, one release per product line.

use std::collections::BTreeMap;

use ringway_model::Digest;

use super::fleet::optional;
use crate::fields::{Cx, Fields, Named};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Release, Update};
use crate::yaml::Node;

/// The document.
pub(crate) static UPDATE: Shape = Shape {
    what: "update",
    about: "What is installed.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["update/v1"]),
            "update/v1",
            "The kind of document.",
        ),
        must("name", Is::Name, "2026-04-security", "The update's name."),
        may("released", Is::Time, "When the vendor released it."),
        may("severity", Is::Name, "How bad what it mends is."),
        must(
            "releases",
            Is::List(&Is::Of(&RELEASE)),
            "[{ select: all, id: web-2.1 }]",
            "One per product line; the first selector that matches a host counts.",
        ),
        may(
            "supersedes",
            Is::List(&Is::Text),
            "What it takes the place of.",
        ),
        must(
            "recipe",
            Is::Name,
            "script",
            "How it is installed: the name of a recipe.",
        ),
    ],
    later: &[("cves", "CVEs with their due dates")],
};

static RELEASE: Shape = Shape {
    what: "release",
    about: "The content for one product line.",
    keys: &[
        must("select", Is::Selector, "os = debian-12", "For which hosts."),
        must("id", Is::Text, "KB5082142", "Its id, taken as written."),
        may("build", Is::Text, "Its build, taken as written."),
        may(
            "with",
            Is::Map(&Is::Text),
            "Values for the recipe's parameters.",
        ),
    ],
    later: &[],
};

/// Reads an update document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Update> {
    let fields = Fields::open(cx, &UPDATE, node)?;
    fields.read("ringway", |_, _| Some(()));
    cx.about(fields.title(), || {
        let name = fields.read("name", scalar::defined(Named::Update));
        let shown = name.clone().unwrap_or_default();
        let released = fields.read("released", scalar::time);
        let severity = fields.read("severity", scalar::name);
        let releases = fields.read("releases", |cx, node| releases(cx, node, &shown));
        let supersedes = fields.read("supersedes", |cx, node| {
            scalar::names(cx, node, scalar::value)
        });
        let recipe = fields.read("recipe", scalar::reference(Named::Recipe));
        Some(Update {
            name: name?,
            digest,
            released,
            severity,
            releases: releases?,
            supersedes: optional(&fields, "supersedes", supersedes)?,
            recipe: recipe?,
        })
    })
}

fn releases(cx: &Cx<'_>, node: &Node<'_>, update: &str) -> Option<Vec<Release>> {
    let count = std::cell::Cell::new(0);
    let releases = scalar::list(cx, node, |cx, node| {
        count.set(count.get() + 1);
        release(
            cx,
            node,
            &format!("update {update} release {}", count.get() - 1),
        )
    })?;
    if releases.is_empty() {
        let message = "the update has no release".to_owned();
        let hint = "for example `releases: [{ select: all, id: web-2.1 }]`";
        return cx.fail(Code::BadValue, node.place, message, hint);
    }
    Some(releases)
}

fn release(cx: &Cx<'_>, node: &Node<'_>, path: &str) -> Option<Release> {
    let fields = Fields::open(cx, &RELEASE, node)?;
    let select = fields.read("select", scalar::selector);
    let id = fields.read("id", scalar::value);
    let build = fields.read("build", scalar::value);
    let with = fields.read("with", |cx, node| with(cx, node, path));
    let id_place = fields.get("id").map_or(fields.start(), |node| node.place);
    cx.place(path.to_owned(), id_place);
    Some(Release {
        select: select?,
        id: id?,
        build,
        with: optional(&fields, "with", with)?,
    })
}

fn with(cx: &Cx<'_>, node: &Node<'_>, path: &str) -> Option<BTreeMap<String, String>> {
    let values = scalar::map(cx, node, "values", |cx, name, place, value| {
        cx.place(format!("{path} with {name}"), place);
        Some((name.to_owned(), scalar::text(cx, value)?))
    })?;
    Some(values.into_iter().collect())
}
