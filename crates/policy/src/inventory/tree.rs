//! YAML and JSON of an inventory to a tree of values, with everything in it that Ansible allows.
//!
//! Unlike documents, inventories may have tags, merge keys, and keys that are written twice, of which the last counts.
//! Encrypted values stay what they are.

use std::collections::BTreeMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, StrInput};

use super::value::{self, Value};
use crate::yaml::Place;

/// Values in one file, copies for aliases among them. A million hosts with ten variables each.
const MAX_NODES: usize = 24_000_000;
/// The deepest nesting.
const MAX_DEPTH: usize = 64;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) is: Is,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Is {
    One(Value),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Something that is no YAML, and where.
#[derive(Debug)]
pub(crate) struct NotYaml {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl Node {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.is {
            Is::Map(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, node)| node),
            Is::One(_) | Is::List(_) => None,
        }
    }

    /// As a variable has it.
    pub(crate) fn value(&self) -> Value {
        match &self.is {
            Is::One(value) => value.clone(),
            // Encrypted values in the output of `ansible-inventory`.
            Is::Map(entries) if entries.iter().any(|(name, _)| name == "__ansible_vault") => {
                Value::Vault
            }
            // A text that was marked as no template.
            Is::Map(entries) => match entries.as_slice() {
                [(name, node)] if name == "__ansible_unsafe" => node.value(),
                _ => Value::Nested,
            },
            Is::List(_) => Value::Nested,
        }
    }

    /// Whether nothing is written.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.is, Is::One(Value::Null))
    }
}

/// The first document of a text; nothing where it has none.
pub(crate) fn read(source: usize, text: &str, json: bool) -> Result<Option<Node>, NotYaml> {
    builder(source, text, json).run(text.len())
}

/// Every document of a text, up to where it is no YAML.
pub(crate) fn read_all(source: usize, text: &str, json: bool) -> Vec<Node> {
    let mut builder = builder(source, text, json);
    let next = || builder.run(text.len()).ok().flatten();
    std::iter::from_fn(next).collect()
}

fn builder(source: usize, text: &str, json: bool) -> Builder<'_> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    Builder {
        parser: Parser::new_from_str_with_options(text, options),
        source,
        json,
        stack: Vec::new(),
        anchors: BTreeMap::new(),
        nodes: 0,
    }
}

struct Builder<'s> {
    parser: Parser<'s, StrInput<'s>>,
    source: usize,
    json: bool,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

struct Open {
    start: usize,
    anchor: usize,
    tag: Option<String>,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<String>),
}

impl Builder<'_> {
    fn run(&mut self, length: usize) -> Result<Option<Node>, NotYaml> {
        loop {
            let (event, span) = match self.parser.next_event() {
                None => return Ok(None),
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    let at = error.marker().byte_offset().unwrap_or(length);
                    let message = format!("not YAML from here: {}", error.info());
                    return Err(NotYaml { at, message });
                }
            };
            let range = span.byte_range().unwrap_or(0..0);
            let place = Place {
                source: self.source,
                start: range.start.min(length),
                end: range.end.min(length),
            };
            let tag = event.tag().map(|tag| tag.suffix().to_owned());
            let Some((node, anchor)) = self.node(event, place, tag)? else {
                continue;
            };
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                let message = format!("more than {MAX_NODES} values in one file");
                return Err(NotYaml {
                    at: place.start,
                    message,
                });
            }
            if anchor != 0 {
                self.anchors.insert(anchor, (node.clone(), count(&node)));
            }
            if let Some(root) = self.value(node)? {
                return Ok(Some(root));
            }
        }
    }

    /// The value that an event completes, with its anchor; nothing where it completes none.
    fn node(
        &mut self,
        event: Event<'_>,
        place: Place,
        tag: Option<String>,
    ) -> Result<Option<(Node, usize)>, NotYaml> {
        if let Event::Scalar(text, style, anchor, _) = event {
            let plain = matches!(style, ScalarStyle::Plain) && tag.is_none();
            let value = match (tag.as_deref(), plain) {
                (Some("vault" | "vault-encrypted"), _) => Value::Vault,
                (_, true) if place.start >= place.end => Value::Null,
                (_, true) if self.json => value::json(&text),
                (_, true) => value::yaml(&text),
                _ => Value::Text(text.into_owned()),
            };
            let is = Is::One(value);
            return Ok(Some((Node { place, is }, anchor)));
        }
        if let Event::SequenceStart(_, anchor, _) = event {
            self.open(place, anchor, tag, Items::List(Vec::new()))?;
            return Ok(None);
        }
        if let Event::MappingStart(_, anchor, _) = event {
            self.open(place, anchor, tag, Items::Map(Vec::new(), None))?;
            return Ok(None);
        }
        if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
            return Ok(self.close(place));
        }
        let Event::Alias(id) = event else {
            return Ok(None);
        };
        let Some((node, nodes)) = self.anchors.get(&id) else {
            let message = "an alias contains itself".to_owned();
            return Err(NotYaml {
                at: place.start,
                message,
            });
        };
        self.nodes = self.nodes.saturating_add(*nodes);
        Ok(Some((node.clone(), 0)))
    }

    fn open(
        &mut self,
        place: Place,
        anchor: usize,
        tag: Option<String>,
        items: Items,
    ) -> Result<(), NotYaml> {
        let is_key = matches!(
            self.stack.last(),
            Some(Open {
                items: Items::Map(_, None),
                ..
            })
        );
        if is_key {
            let message = "a list or mapping cannot be a key".to_owned();
            return Err(NotYaml {
                at: place.start,
                message,
            });
        }
        self.stack.push(Open {
            start: place.start,
            anchor,
            tag,
            items,
        });
        Ok(())
    }

    fn close(&mut self, end: Place) -> Option<(Node, usize)> {
        let open = self.stack.pop()?;
        let place = Place {
            source: self.source,
            start: open.start,
            end: end.end.max(open.start),
        };
        let is = match open.items {
            _ if matches!(open.tag.as_deref(), Some("vault" | "vault-encrypted")) => {
                Is::One(Value::Vault)
            }
            Items::List(items) => Is::List(items),
            Items::Map(entries, _) => Is::Map(last_of_each(entries)),
        };
        Some((Node { place, is }, open.anchor))
    }

    /// Puts a value where it belongs; returns it where that is nowhere.
    fn value(&mut self, node: Node) -> Result<Option<Node>, NotYaml> {
        let Some(open) = self.stack.last_mut() else {
            return Ok(Some(node));
        };
        match &mut open.items {
            Items::List(items) => items.push(node),
            Items::Map(entries, key) => match (key.take(), &node.is) {
                (Some(name), _) if name == "<<" => merge(entries, node),
                (Some(name), _) => entries.push((name, node)),
                (None, Is::One(value)) => *key = Some(value.text().unwrap_or_default()),
                (None, Is::List(_) | Is::Map(_)) => {
                    let message = "a list or mapping cannot be a key".to_owned();
                    return Err(NotYaml {
                        at: node.place.start,
                        message,
                    });
                }
            },
        }
        Ok(None)
    }
}

fn count(node: &Node) -> usize {
    match &node.is {
        Is::One(_) => 1,
        Is::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Is::Map(entries) => 1 + entries.iter().map(|(_, node)| count(node)).sum::<usize>(),
    }
}

/// What a merge key brings comes before everything written beside it, wherever it stands.
fn merge(entries: &mut Vec<(String, Node)>, node: Node) {
    let brought: Vec<(String, Node)> = match node.is {
        Is::Map(entries) => entries,
        // Of several the first counts, and it is the last that does here.
        Is::List(maps) => maps
            .into_iter()
            .rev()
            .flat_map(|map| match map.is {
                Is::Map(entries) => entries,
                Is::One(_) | Is::List(_) => Vec::new(),
            })
            .collect(),
        Is::One(_) => Vec::new(),
    };
    entries.splice(0..0, brought);
}

/// The entries in their order; of those with the same key the value of the last.
fn last_of_each(entries: Vec<(String, Node)>) -> Vec<(String, Node)> {
    let mut place_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept: Vec<(String, Node)> = Vec::with_capacity(entries.len());
    for (name, node) in entries {
        if let Some(&at) = place_of.get(&name) {
            kept[at].1 = node;
        } else {
            place_of.insert(name.clone(), kept.len());
            kept.push((name, node));
        }
    }
    kept
}
