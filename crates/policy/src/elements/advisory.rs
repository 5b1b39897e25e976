//! Advisories: what vendors and others say of the content of updates, which hosts that is about, and what it asks for.
//!
//! What is done with one is the engine's. A selector that names a label which no host has is none of this reader's problems: a
//! notice is written by somebody who does not know the fleet, and an absent label counts as a match.

use ringway_model::{Digest, Effect, Rank, Selector};

use super::fleet::optional;
use crate::fields::{Cx, Fields, Named};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{About, Advisory};
use crate::yaml::{Node, Value};

/// The longest `says`, in bytes: a paragraph or two; the whole is behind `reference`.
const LONGEST_SAYS: usize = 4096;

/// The most contents one advisory may be about: one for each product line, and many to spare.
const MOST_CONTENTS: usize = 256;

/// The document.
pub(crate) static ADVISORY: Shape = Shape {
    what: "advisory",
    about: "What somebody says of the content of updates, which hosts it is about, and what is to be done.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["advisory/v1"]),
            "advisory/v1",
            "The kind of document.",
        ),
        must(
            "id",
            Is::Name,
            "MS-2026-04-19-lsass",
            "By which people know it. One of the same id takes its place.",
        ),
        must(
            "source",
            Is::Of(&SOURCE),
            "{ name: Microsoft, rank: vendor }",
            "Whose it is.",
        ),
        must(
            "about",
            Is::List(&Is::Either(&[Is::Text, Is::Of(&CONTENT)])),
            "[KB5082142, KB5082063]",
            "The content it is about: ids or builds of releases, or both where only one build of an id is meant.",
        ),
        may(
            "affects",
            Is::Selector,
            "Which hosts; all where absent. A host that lacks a label counts as meant where the answer depends on that, and that is told.",
        ),
        must(
            "effect",
            Is::Word(&["note", "hold", "poison"]),
            "hold",
            "What it asks for: `note` tells people; `hold` keeps the content from the hosts it affects; `poison` keeps it from everybody.",
        ),
        may("fixed_by", Is::Name, "The update that mends it."),
        may("published", Is::Time, "When its source published it."),
        may("reference", Is::Text, "Where it is told in full: a URL."),
        may("says", Is::Text, "What it says, for people."),
    ],
    later: &[],
};

static SOURCE: Shape = Shape {
    what: "source",
    about: "Whose an advisory is.",
    keys: &[
        must("name", Is::Text, "Microsoft", "Who says so."),
        must(
            "rank",
            Is::Word(&["vendor", "internal", "unverified"]),
            "vendor",
            "How far that is believed: who made the update, one's own people, or anybody else. What is `unverified` changes nothing until a person accepts it.",
        ),
    ],
    later: &[],
};

static CONTENT: Shape = Shape {
    what: "content",
    about: "One build of a release.",
    keys: &[
        must("id", Is::Text, "KB5082142", "Its id."),
        must("build", Is::Text, "20348.5020", "Its build."),
    ],
    later: &[],
};

/// Reads an advisory.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Advisory> {
    let fields = Fields::open(cx, &ADVISORY, node)?;
    fields.read("ringway", |_, _| Some(()));
    let id = fields.read("id", scalar::defined(Named::Advisory));
    let source = fields.read("source", source);
    let about = fields.read("about", about);
    let affects = fields.read("affects", affects);
    let effect = fields.read("effect", scalar::word(&Effect::WORDS, &[]));
    let fixed_by = fields.read("fixed_by", scalar::name);
    let published = fields.read("published", scalar::time);
    let reference = fields.read("reference", url);
    let says = fields.read("says", says);
    if let Some(node) = fields
        .get("affects")
        .filter(|_| effect == Some(Effect::Poison))
    {
        let message = "`affects` stands beside `effect: poison`".to_owned();
        let hint = "poison is of content, for every host: leave `affects` out, or write `effect: hold` to keep it from these hosts alone";
        let report = Report::new(Code::KeyConflict, node.place, message);
        cx.report(report.hint(hint));
        return None;
    }
    let (source, rank) = source?;
    let affects = optional(&fields, "affects", affects.map(Some))?;
    if let Some(place) = fields.get("affects").map(|node| node.place) {
        cx.place(affects_path(id.as_deref()?), place);
    }
    Some(Advisory {
        id: id?,
        digest,
        source,
        rank,
        about: about?,
        affects,
        effect: effect?,
        fixed_by: optional(&fields, "fixed_by", fixed_by.map(Some))?,
        published: optional(&fields, "published", published.map(Some))?,
        reference: optional(&fields, "reference", reference.map(Some))?,
        says: optional(&fields, "says", says.map(Some))?,
    })
}

/// Where the selector of an advisory is written.
pub(crate) fn affects_path(id: &str) -> String {
    format!("advisory/{id}/affects")
}

fn source(cx: &Cx<'_>, node: &Node<'_>) -> Option<(String, Rank)> {
    let fields = Fields::open(cx, &SOURCE, node)?;
    let name = fields.read("name", scalar::value);
    let rank = fields.read("rank", scalar::word(&Rank::WORDS, &[]));
    Some((name?, rank?))
}

fn about(cx: &Cx<'_>, node: &Node<'_>) -> Option<Vec<About>> {
    let all = scalar::list(cx, node, content)?;
    if all.is_empty() || all.len() > MOST_CONTENTS {
        let message = if all.is_empty() {
            "it is about nothing".to_owned()
        } else {
            format!("it is about more than {MOST_CONTENTS} contents")
        };
        let hint = "name ids or builds of releases: `about: [KB5082142]`";
        return cx.fail(
            Code::BadValue,
            scalar::first_line(cx, node.place),
            message,
            hint,
        );
    }
    if let Some(at) = (1..all.len()).find(|&at| all[..at].contains(&all[at])) {
        let message = format!("{} stands there twice", all[at]);
        let hint = "name each content once";
        return cx.fail(
            Code::BadValue,
            scalar::first_line(cx, node.place),
            message,
            hint,
        );
    }
    Some(all)
}

fn content(cx: &Cx<'_>, node: &Node<'_>) -> Option<About> {
    match &node.value {
        Value::Map { .. } => {
            let fields = Fields::open(cx, &CONTENT, node)?;
            let id = fields.read("id", scalar::value);
            let build = fields.read("build", scalar::value);
            Some(About {
                name: id?,
                build: Some(build?),
            })
        }
        Value::List(_) | Value::Scalar { .. } => Some(About {
            name: scalar::value(cx, node)?,
            build: None,
        }),
    }
}

/// A selector whose labels nobody has to have, as written.
fn affects(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let text = scalar::value(cx, node)?;
    match Selector::parse(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            let place = cx.inside(node, error.at, error.len);
            let report = Report::new(Code::BadSelector, place, error.message);
            cx.report(report.maybe_hint(error.hint));
            None
        }
    }
}

fn url(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let text = scalar::value(cx, node)?;
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    if rest.is_some_and(|rest| !rest.is_empty()) && !text.contains(char::is_whitespace) {
        return Some(text);
    }
    let message = "it is not a URL".to_owned();
    let hint = "write where it can be read, beginning with `https://`";
    cx.fail(Code::BadValue, node.place, message, hint)
}

fn says(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let text = scalar::text(cx, node)?;
    let text = text.trim();
    let place = scalar::first_line(cx, node.place);
    if text.is_empty() {
        let message = "the text is empty".to_owned();
        return cx.fail(Code::BadValue, place, message, "leave the key out");
    }
    let is_bad = |c: char| c.is_control() && c != '\n';
    if text.len() > LONGEST_SAYS || text.chars().any(is_bad) {
        let message = format!("the text has more than {LONGEST_SAYS} bytes, or control characters");
        let hint = "say in short what it is; `reference` is for the whole";
        return cx.fail(Code::BadValue, place, message, hint);
    }
    Some(text.to_owned())
}
