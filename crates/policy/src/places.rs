//! Where something stands in documents that were read: from the keys that lead there to file, line and column.
//!
//! What is found out about valid documents after they were read (a plan's findings, say) is said by name: "the soak of
//! ring `early` of policy `monthly`". This module turns that into the place people look at, by walking the documents'
//! trees again, so that no reader has to note places in case somebody asks. What is not written there (a default) is
//! where it would be written: at the nearest thing around it.

use std::borrow::Cow;

use serde::Serialize;

use crate::problem::{Found, Snippet};
use crate::read::{Kind, Source};
use crate::render::{self, Lines, Located};
use crate::yaml::{self, Node, Place, Tree, Value};

/// Something in a document, by the keys that lead to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    kind: Kind,
    name: String,
    way: Vec<Toward>,
}

/// One step of the way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Toward {
    /// Into the value of a key.
    Key(String),
    /// Into the item of a list that has this `name`.
    Named(String),
    /// Into an item of a list, from 0.
    Item(usize),
}

impl At {
    /// The document of this kind and name.
    pub fn document(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            way: Vec::new(),
        }
    }

    /// The value of a key of it.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.then(Toward::Key(key.to_owned()))
    }

    /// The item of a list of it that has this `name`.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.then(Toward::Named(name.to_owned()))
    }

    /// An item of a list of it, from 0.
    #[must_use]
    pub fn item(self, at: usize) -> Self {
        self.then(Toward::Item(at))
    }

    fn then(mut self, next: Toward) -> Self {
        self.way.push(next);
        self
    }

    /// The document by kind and name: `policy/monthly`.
    pub fn of(&self) -> String {
        format!("{}/{}", self.kind.word(), self.name)
    }
}

/// A place in a source, with its line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spot {
    /// The source's name.
    pub source: String,
    /// The kind of document it stands in.
    pub document: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line it stands in.
    pub snippet: Snippet,
}

impl Spot {
    /// What is said about this place, as problems of documents are shown: where, what, the line, and a hint.
    pub fn with(&self, message: &str, hint: &str) -> String {
        let (position, snippet) = (Some((self.line, self.column)), Some(&self.snippet));
        render::said(position, message, snippet, Some(hint)).to_string()
    }
}

/// Documents that can be asked for places.
#[derive(Debug)]
pub struct Places<'s> {
    sources: Vec<Located<'s>>,
    documents: Vec<(Kind, String, Tree<'s>)>,
}

impl<'s> Places<'s> {
    /// Of these sources. What of them is no document has no places.
    pub fn of(sources: &'s [Source]) -> Self {
        let mut places = Self {
            sources: Vec::new(),
            documents: Vec::new(),
        };
        for (index, source) in sources.iter().enumerate() {
            let text = std::str::from_utf8(&source.bytes).unwrap_or_default();
            places.sources.push(Located {
                name: Cow::Borrowed(&source.name),
                text,
                kinds: Vec::new(),
            });
            for tree in yaml::read(index, text, &mut Found::default()) {
                let kind = scalar(&tree.root, "ringway")
                    .and_then(|word| Kind::of(word.split_once('/')?.0));
                let name = scalar(&tree.root, "name").or_else(|| scalar(&tree.root, "id"));
                let name = name.map(str::to_owned);
                if let Some(kind) = kind {
                    places
                        .documents
                        .push((kind, name.unwrap_or_default(), tree));
                }
            }
        }
        places
    }

    /// Where it is; `None` where its document is in none of the sources, as one that is built in.
    pub fn find(&self, at: &At) -> Option<Spot> {
        let (.., tree) = self
            .documents
            .iter()
            .find(|(kind, name, _)| *kind == at.kind && *name == at.name)?;
        let place = walk(&tree.root, &at.way);
        let source = &self.sources[place.source];
        let lines = Lines::of(source.text);
        let (line, column) = lines.position(place.start);
        Some(Spot {
            source: render::escaped(&source.name),
            document: at.kind.word(),
            line,
            column,
            snippet: lines.snippet(place.start, place.end),
        })
    }
}

/// The text of a key of a mapping.
fn scalar<'n>(node: &'n Node<'_>, key: &str) -> Option<&'n str> {
    match &value(node, key)?.value {
        Value::Scalar { text, .. } => Some(text),
        Value::List(_) | Value::Map { .. } => None,
    }
}

fn value<'n, 's>(node: &'n Node<'s>, key: &str) -> Option<&'n Node<'s>> {
    match &node.value {
        Value::Map { entries, .. } => entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value),
        Value::Scalar { .. } | Value::List(_) => None,
    }
}

/// As far as the way can be gone: the value where it is a text, else the key or the name that stands for it.
fn walk(root: &Node<'_>, way: &[Toward]) -> Place {
    let mut node = root;
    let mut place = value(root, "name").map_or(root.place, |name| name.place);
    for next in way {
        let (further, shown) = match (next, &node.value) {
            (Toward::Key(key), Value::Map { entries, .. }) => {
                let Some(entry) = entries.iter().find(|entry| entry.key == *key) else {
                    break;
                };
                (&entry.value, entry.key_place)
            }
            (Toward::Named(name), Value::List(items)) => {
                let is_meant = |item: &&Node<'_>| scalar(item, "name") == Some(name);
                let Some(item) = items.iter().find(is_meant) else {
                    break;
                };
                (
                    item,
                    value(item, "name").map_or(item.place, |name| name.place),
                )
            }
            (Toward::Item(at), Value::List(items)) => {
                let Some(item) = items.get(*at) else { break };
                (item, item.place)
            }
            (Toward::Key(_) | Toward::Named(_) | Toward::Item(_), _) => break,
        };
        node = further;
        place = match &node.value {
            Value::Scalar { .. } if !node.is_empty() => node.place,
            Value::Scalar { .. } | Value::List(_) | Value::Map { .. } => shown,
        };
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# a comment
ringway: policy/v1
name: monthly
rings:
  - { name: lab, hosts: { select: env = lab }, soak: 4h }
  - name: broad
    hosts: rest
    soak:
      for: 2d
---
ringway: fleet/v1
name: corp
hosts: [{ name: web-1 }]
";

    fn found(at: &At) -> Option<(usize, usize, String)> {
        let sources = [Source::new("all.yaml", TEXT)];
        let spot = Places::of(&sources).find(at)?;
        let Snippet {
            text,
            before,
            marked,
        } = &spot.snippet;
        let marked: String = text.chars().skip(*before).take(*marked).collect();
        Some((spot.line, spot.column, marked))
    }

    /// What is not written is shown where it would be, and never at a place that says something else.
    #[test]
    fn the_way_is_gone_as_far_as_it_leads() {
        let policy = || At::document(Kind::Policy, "monthly");
        let ring = |name| policy().key("rings").named(name);
        for (at, expected) in [
            (policy(), (3, 7, "monthly")),
            (policy().key("gates"), (3, 7, "monthly")),
            (ring("lab").key("soak"), (5, 54, "4h")),
            (ring("lab").key("hosts").key("select"), (5, 35, "env = lab")),
            (ring("lab").key("hosts").key("take"), (5, 18, "hosts")),
            (ring("broad").key("soak"), (8, 5, "soak")),
            (ring("broad").key("soak").key("for"), (9, 12, "2d")),
            (ring("gone").key("soak"), (4, 1, "rings")),
            (policy().key("rings").item(1), (6, 5, "name: broad")),
        ] {
            let (line, column, marked) = found(&at).unwrap();
            let whole = (line, column, marked.as_str());
            assert_eq!(whole, expected, "{at:?}");
        }
        assert_eq!(found(&At::document(Kind::Recipe, "script")), None);
        let host = At::document(Kind::Fleet, "corp")
            .key("hosts")
            .named("web-1");
        assert_eq!(found(&host), Some((13, 17, "web-1".to_owned())));
        assert_eq!(policy().of(), "policy/monthly");
    }
}
