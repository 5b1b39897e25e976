//! An update: what is installed, one release per product line.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::Digest;

use super::fleet::optional;
use crate::fields::{Cx, Fields, Named, nearest};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Cve, Release, Restart, Update, Vendor};
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
        may("cves", Is::List(&Is::Of(&CVE)), "What it mends."),
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
    later: &[],
};

static CVE: Shape = Shape {
    what: "CVE",
    about: "A vulnerability that the update mends. It is told in `plan` and in `exposure`; a lane of a policy may ask for updates that mend one which is exploited, or was disclosed.",
    keys: &[
        must(
            "id",
            Is::Text,
            "CVE-2026-21262",
            "Its id, taken as written.",
        ),
        may("severity", Is::Name, "How bad it is."),
        may(
            "exploited",
            Is::Flag,
            "Whether it is known to be exploited; `no` where absent.",
        ),
        may(
            "disclosed",
            Is::Flag,
            "Whether it was public before it was mended; `no` where absent.",
        ),
    ],
    later: &[("due", "due dates of single CVEs")],
};

const RESTARTS: [(&str, Restart); 3] = [
    (Restart::Never.word(), Restart::Never),
    (Restart::Maybe.word(), Restart::Maybe),
    (Restart::Always.word(), Restart::Always),
];

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
        may(
            "supersedes",
            Is::List(&Is::Text),
            "The ids of the releases it takes the place of.",
        ),
        may(
            "restart",
            Is::Word(&["never", "maybe", "always"]),
            "Whether a host restarts before it is in effect, as its vendor says; the recipe is what restarts.",
        ),
        may(
            "hotpatch",
            Is::Flag,
            "Whether it changes what runs, for hosts that take no restart: other content than the standard release; `no` where absent.",
        ),
        may(
            "cves",
            Is::List(&Is::Text),
            "Which of the update's `cves` it mends; all of them where absent.",
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
        let cves = fields.read("cves", cves);
        let cves = optional(&fields, "cves", cves);
        let known = cves.as_deref();
        let releases = fields.read("releases", |cx, node| releases(cx, node, &shown, known));
        let supersedes = fields.read("supersedes", |cx, node| {
            scalar::names(cx, node, scalar::value)
        });
        let recipe = fields.read("recipe", scalar::reference(Named::Recipe));
        Some(Update {
            name: name?,
            digest,
            released,
            severity,
            cves: cves?,
            releases: releases?,
            supersedes: optional(&fields, "supersedes", supersedes)?,
            recipe: recipe?,
        })
    })
}

fn cves(cx: &Cx<'_>, node: &Node<'_>) -> Option<Vec<Cve>> {
    let seen = std::cell::RefCell::new(BTreeSet::new());
    scalar::list(cx, node, |cx, node| {
        let fields = Fields::open(cx, &CVE, node)?;
        let id = fields.read("id", scalar::value);
        let severity = fields.read("severity", scalar::name);
        let exploited = fields.read("exploited", scalar::flag);
        let disclosed = fields.read("disclosed", scalar::flag);
        let id = id?;
        if !seen.borrow_mut().insert(id.clone()) {
            let place = fields.get("id").map_or(fields.start(), |node| node.place);
            let message = format!("there is another CVE `{id}`");
            return cx.fail(Code::DuplicateName, place, message, "name it once");
        }
        Some(Cve {
            id,
            severity,
            exploited: exploited.unwrap_or(false),
            disclosed: disclosed.unwrap_or(false),
        })
    })
}

/// `known`: the update's CVEs, where they could be read.
fn releases(
    cx: &Cx<'_>,
    node: &Node<'_>,
    update: &str,
    known: Option<&[Cve]>,
) -> Option<Vec<Release>> {
    let count = std::cell::Cell::new(0);
    let releases = scalar::list(cx, node, |cx, node| {
        count.set(count.get() + 1);
        release(
            cx,
            node,
            &format!("update {update} release {}", count.get() - 1),
            known,
        )
    })?;
    if releases.is_empty() {
        let message = "the update has no release".to_owned();
        let hint = "for example `releases: [{ select: all, id: web-2.1 }]`";
        return cx.fail(Code::BadValue, node.place, message, hint);
    }
    Some(releases)
}

fn release(cx: &Cx<'_>, node: &Node<'_>, path: &str, known: Option<&[Cve]>) -> Option<Release> {
    let fields = Fields::open(cx, &RELEASE, node)?;
    let select = fields.read("select", scalar::selector);
    let id = fields.read("id", scalar::value);
    let build = fields.read("build", scalar::value);
    let with = fields.read("with", |cx, node| with(cx, node, path));
    let vendor = vendor(&fields, id.as_deref(), known);
    let id_place = fields.get("id").map_or(fields.start(), |node| node.place);
    cx.place(path.to_owned(), id_place);
    Some(Release {
        select: select?,
        id: id?,
        build,
        with: optional(&fields, "with", with)?,
        vendor: vendor?,
    })
}

fn vendor(
    fields: &Fields<'_, '_, '_, '_>,
    id: Option<&str>,
    known: Option<&[Cve]>,
) -> Option<Vendor> {
    let supersedes = fields.read("supersedes", |cx, node| {
        let names = scalar::names(cx, node, scalar::value)?;
        let own = id.filter(|id| names.iter().any(|name| name == id));
        if let Some(id) = own {
            let message = format!("release `{id}` takes the place of itself");
            return cx.fail(Code::BadValue, node.place, message, "leave it out");
        }
        Some(names)
    });
    let restart = fields.read("restart", scalar::word(&RESTARTS, &[]));
    let hotpatch = fields.read("hotpatch", scalar::flag);
    let cves = fields.read("cves", |cx, node| {
        let ids = scalar::names(cx, node, scalar::value)?;
        let unknown = known.and_then(|known| {
            let is_known = |id: &&String| known.iter().any(|cve| cve.id == **id);
            ids.iter().find(|id| !is_known(id))
        });
        if let Some(unknown) = unknown {
            let message = format!("the update's `cves` have no `{unknown}`");
            let near = nearest(
                unknown,
                known.unwrap_or_default().iter().map(|cve| cve.id.as_str()),
            );
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            cx.report(
                Report::new(Code::UnknownName, node.place, message)
                    .hint("name it there, with what is known of it")
                    .maybe_hint(hint),
            );
            return None;
        }
        Some(ids)
    });
    Some(Vendor {
        supersedes: optional(fields, "supersedes", supersedes)?,
        restart: optional(fields, "restart", restart.map(Some))?,
        hotpatch: optional(fields, "hotpatch", hotpatch)?,
        cves: optional(fields, "cves", cves.map(Some))?,
    })
}

fn with(cx: &Cx<'_>, node: &Node<'_>, path: &str) -> Option<BTreeMap<String, String>> {
    let values = scalar::map(cx, node, "values", |cx, name, place, value| {
        cx.place(format!("{path} with {name}"), place);
        Some((name.to_owned(), scalar::text(cx, value)?))
    })?;
    Some(values.into_iter().collect())
}
