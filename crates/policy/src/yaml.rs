//! YAML text to one tree of our own: every key and value with its place, every scalar as written.
//!
//! The only module that knows the YAML parser. It decides what of YAML is allowed here: plain data with anchors and
//! aliases inside a budget; no tags, no merge keys, no keys that are not words. It never interprets a scalar, so
//! `20348.5020` stays that and `no` stays `no`.
//!
//! # Invariants
//!
//! * A tree is at most [`MAX_DEPTH`] deep and costs at most a fixed multiple of its text, whatever its aliases say.
//! * No mapping of a tree has the same key twice.
//! * A syntax error in one document does not hide the problems of the next one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, StructureStyle};

use crate::problem::{Code, Found, Report};

/// The longest source, in bytes. About 150,000 hosts written out; what is larger comes from an inventory, not from a
/// person, and reading it would take seconds and gigabytes before the first problem could be shown.
pub(crate) const MAX_BYTES: usize = 32 << 20;
/// The deepest nesting. The deepest document that means something has 8 levels.
const MAX_DEPTH: usize = 32;
/// Values in one source. Bounds memory at some hundreds of megabytes for a source of the greatest length.
const MAX_NODES: usize = 4_000_000;
/// What all aliases of one source may add, in values and in blocks of 32 bytes of text. "A billion laughs" needs ten
/// lines to ask for 10^9; a person who repeats a block of twenty values for a thousand hosts needs 20,000. With 250,000 a text of a
/// kilobyte took 260 MiB, which the fuzzing found.
const MAX_ALIASED: usize = 100_000;

/// A range of bytes of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) source: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node<'s> {
    pub(crate) place: Place,
    pub(crate) value: Value<'s>,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'s> {
    /// A text as written. `plain`: without quotes.
    Scalar { text: Cow<'s, str>, plain: bool },
    /// A sequence.
    List(Vec<Node<'s>>),
    /// A mapping in the order written. `flow`: in braces.
    Map { entries: Vec<Entry<'s>>, flow: bool },
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'s> {
    pub(crate) key: Cow<'s, str>,
    pub(crate) key_place: Place,
    pub(crate) value: Node<'s>,
}

/// One `---` document.
#[derive(Clone, Debug)]
pub(crate) struct Tree<'s> {
    pub(crate) root: Node<'s>,
    /// The text it was read from; the texts of a source's documents make up the source.
    pub(crate) text: &'s str,
}

impl Node<'_> {
    /// Whether nothing is written here: `key:` without a value.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if text.is_empty())
    }
}

/// The documents of one source; what is wrong goes to `found`.
pub(crate) fn read<'s>(source: usize, text: &'s str, found: &mut Found) -> Vec<Tree<'s>> {
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    options.emit_unresolved_aliases = true;
    // Our own depth check comes first and says it in our words; this only bounds the parser itself.
    options.flow_nesting_limit = 2 * MAX_DEPTH;
    options.block_nesting_limit = 2 * MAX_DEPTH;
    let mut builder = Builder {
        source,
        text,
        parser: Parser::new_from_str_with_options(text, options),
        found,
        trees: Vec::new(),
        starts: Vec::new(),
        stack: Vec::new(),
        anchors: BTreeMap::new(),
        nodes: 0,
        aliased: 0,
    };
    builder.run();
    let Builder {
        mut trees,
        mut starts,
        ..
    } = builder;
    // Comments before the first `---` belong to the first document, so that the texts make up the source.
    if let Some(first) = starts.first_mut() {
        *first = 0;
    }
    for (i, tree) in &mut trees {
        let end = starts.get(*i + 1).copied().unwrap_or(text.len());
        tree.text = text.get(starts[*i]..end).unwrap_or(text);
    }
    trees.into_iter().map(|(_, tree)| tree).collect()
}

/// Why reading a source, or the rest of a document, was given up. The problem itself has been reported.
enum GiveUp {
    Document,
    Source,
}

struct Builder<'s, 'f> {
    source: usize,
    text: &'s str,
    parser: Parser<'s, StrInput<'s>>,
    found: &'f mut Found,
    trees: Vec<(usize, Tree<'s>)>,
    starts: Vec<usize>,
    stack: Vec<Frame<'s>>,
    anchors: BTreeMap<usize, Anchored<'s>>,
    nodes: usize,
    aliased: usize,
}

struct Anchored<'s> {
    node: Node<'s>,
    cost: usize,
    depth: usize,
}

/// A collection whose end has not been seen.
struct Frame<'s> {
    place: Place,
    anchor: usize,
    cost: usize,
    depth: usize,
    open: Open<'s>,
}

enum Open<'s> {
    List(Vec<Node<'s>>),
    Map {
        entries: Vec<Entry<'s>>,
        key: Option<(Cow<'s, str>, Place)>,
        flow: bool,
    },
}

impl<'s> Builder<'s, '_> {
    fn run(&mut self) {
        loop {
            let event = match self.parser.next_event() {
                None => return,
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    let at = error.marker().byte_offset().unwrap_or(self.text.len());
                    let (message, hint) = syntax_words(&error.info());
                    let mut report = Report::new(Code::Syntax, self.at(at), message);
                    report.hint = hint;
                    self.found.incomplete(report);
                    if self.next_document() {
                        continue;
                    }
                    return;
                }
            };
            match self.take(event) {
                Ok(()) => {}
                Err(GiveUp::Document) if self.next_document() => {}
                Err(_) => return,
            }
        }
    }

    fn next_document(&mut self) -> bool {
        self.stack.clear();
        self.anchors.clear();
        matches!(self.parser.proceed_next_document(), Ok(true))
    }

    fn at(&self, start: usize) -> Place {
        let start = start.min(self.text.len());
        Place {
            source: self.source,
            start,
            end: start,
        }
    }

    fn place(&self, span: &Span) -> Place {
        let range = span.byte_range().unwrap_or(0..0);
        Place {
            source: self.source,
            start: range.start,
            end: range.end,
        }
    }

    fn give_up(&mut self, code: Code, place: Place, message: impl Into<String>, hint: &str) {
        self.found
            .incomplete(Report::new(code, place, message).hint(hint));
    }

    fn take(&mut self, (event, span): (Event<'s>, Span)) -> Result<(), GiveUp> {
        let place = self.place(&span);
        if event.tag().is_some() {
            let tag = span.tag_span().map_or(place, |tag| self.place(&tag));
            self.give_up(
                Code::YamlFeature,
                tag,
                "tags (`!...`) do not belong in these documents",
                "quote a text that begins with `!`; in a selector write `not` or `!=`",
            );
            return Err(GiveUp::Document);
        }
        match event {
            Event::DocumentStart(..) => {
                self.anchors.clear();
                self.starts.push(place.start);
                Ok(())
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = matches!(style, ScalarStyle::Plain);
                // The parser says `~` for a value that is not written; we say what is written.
                let text = if plain && place.start >= place.end {
                    Cow::Borrowed("")
                } else {
                    text
                };
                let cost = 1 + text.len() / 32;
                let node = Node {
                    place,
                    value: Value::Scalar { text, plain },
                };
                self.value(node, cost, 0, anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.open(place, anchor, Open::List(Vec::new())),
            Event::MappingStart(style, anchor, _) => {
                let flow = matches!(style, StructureStyle::Flow);
                self.open(
                    place,
                    anchor,
                    Open::Map {
                        entries: Vec::new(),
                        key: None,
                        flow,
                    },
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(place),
            Event::Alias(id) => self.alias(id, place),
            Event::UnresolvedAlias(name) => {
                let message = format!("there is no anchor `&{name}` above this alias");
                let hint = "define it first, or quote a text that begins with `*`";
                self.give_up(Code::YamlFeature, place, message, hint);
                Err(GiveUp::Document)
            }
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Anchor(..) => {
                Ok(())
            }
            // The parser's list of events is open to additions; one we did not ask for is no data of ours.
            _ => Ok(()),
        }
    }

    fn open(&mut self, place: Place, anchor: usize, open: Open<'s>) -> Result<(), GiveUp> {
        self.check_key(place)?;
        if self.stack.len() >= MAX_DEPTH {
            return self.too_deep(place);
        }
        self.stack.push(Frame {
            place,
            anchor,
            cost: 1,
            depth: 1,
            open,
        });
        Ok(())
    }

    fn too_deep(&mut self, place: Place) -> Result<(), GiveUp> {
        let message = format!("more than {MAX_DEPTH} levels of lists and mappings");
        self.give_up(
            Code::TooDeep,
            place,
            message,
            "no document here needs more than ten",
        );
        Err(GiveUp::Source)
    }

    /// A list or mapping cannot be a key.
    fn check_key(&mut self, place: Place) -> Result<(), GiveUp> {
        let Some(Frame {
            open: Open::Map { key: None, .. },
            ..
        }) = self.stack.last()
        else {
            return Ok(());
        };
        let hint = "quote a text that contains braces, as in `port: \"{port}\"`";
        self.give_up(
            Code::Syntax,
            place,
            "a list or mapping cannot be a key",
            hint,
        );
        Err(GiveUp::Document)
    }

    fn close(&mut self, end: Place) -> Result<(), GiveUp> {
        let Some(frame) = self.stack.pop() else {
            return Ok(());
        };
        // An empty block collection ends where the next token begins; it must not swallow what lies between.
        let place = Place {
            end: end.end.max(frame.place.start),
            ..frame.place
        };
        let value = match frame.open {
            Open::List(items) => Value::List(items),
            Open::Map { entries, flow, .. } => Value::Map {
                entries: self.unique(entries),
                flow,
            },
        };
        self.value(Node { place, value }, frame.cost, frame.depth, frame.anchor)
    }

    fn alias(&mut self, id: usize, place: Place) -> Result<(), GiveUp> {
        self.check_alias_key(place)?;
        let Some(anchored) = self.anchors.get(&id) else {
            let hint = "an alias cannot stand inside what it names";
            self.give_up(Code::YamlFeature, place, "this alias contains itself", hint);
            return Err(GiveUp::Document);
        };
        let (cost, depth) = (anchored.cost, anchored.depth);
        if self.stack.len() + depth > MAX_DEPTH {
            return self.too_deep(place);
        }
        self.charge(cost, place)?;
        let node = self.anchors[&id].node.clone();
        self.value(node, cost, depth, 0)
    }

    fn check_alias_key(&mut self, place: Place) -> Result<(), GiveUp> {
        match self.stack.last() {
            Some(Frame {
                open: Open::Map { key: None, .. },
                ..
            }) => {
                self.give_up(
                    Code::YamlFeature,
                    place,
                    "an alias cannot be a key",
                    "write the key",
                );
                Err(GiveUp::Document)
            }
            _ => Ok(()),
        }
    }

    /// Copies for aliases, and the copies kept for anchors, come out of one budget.
    fn charge(&mut self, cost: usize, place: Place) -> Result<(), GiveUp> {
        self.aliased = self.aliased.saturating_add(cost);
        if self.aliased <= MAX_ALIASED {
            return Ok(());
        }
        self.give_up(
            Code::AliasBudget,
            place,
            format!("anchors and aliases repeat more than {MAX_ALIASED} values"),
            "write out what differs; aliases of aliases multiply",
        );
        Err(GiveUp::Source)
    }

    /// A complete value: into the collection it stands in, or the document's root.
    fn value(
        &mut self,
        node: Node<'s>,
        cost: usize,
        depth: usize,
        anchor: usize,
    ) -> Result<(), GiveUp> {
        let place = node.place;
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values in one file");
            self.give_up(Code::TooLarge, place, message, "split the file");
            return Err(GiveUp::Source);
        }
        if anchor != 0 {
            self.charge(cost, place)?;
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    cost,
                    depth,
                },
            );
        }
        let Some(frame) = self.stack.last_mut() else {
            let index = self.starts.len().saturating_sub(1);
            self.trees.push((
                index,
                Tree {
                    root: node,
                    text: self.text,
                },
            ));
            return Ok(());
        };
        frame.cost = frame.cost.saturating_add(cost);
        frame.depth = frame.depth.max(depth + 1);
        match &mut frame.open {
            Open::List(items) => items.push(node),
            Open::Map { entries, key, .. } => match (key.take(), node.value) {
                (Some((key, key_place)), value) => {
                    let value = Node { place, value };
                    entries.push(Entry {
                        key,
                        key_place,
                        value,
                    });
                }
                (None, Value::Scalar { text, .. }) if text == "<<" => {
                    let hint = "write the keys out, or give the whole value an alias";
                    self.give_up(
                        Code::YamlFeature,
                        place,
                        "merge keys are not supported",
                        hint,
                    );
                    return Err(GiveUp::Document);
                }
                (None, Value::Scalar { text, .. }) => *key = Some((text, place)),
                (None, Value::List(_) | Value::Map { .. }) => {
                    unreachable!("`check_key` and `check_alias_key` let no collection become a key")
                }
            },
        }
        Ok(())
    }

    /// The entries without those whose key stands there already, which are problems.
    fn unique(&mut self, entries: Vec<Entry<'s>>) -> Vec<Entry<'s>> {
        let mut first: BTreeMap<String, Place> = BTreeMap::new();
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(&before) = first.get(entry.key.as_ref()) {
                let message = format!("key `{}` is written twice", entry.key);
                self.found.report(
                    Report::new(Code::DuplicateKey, entry.key_place, message)
                        .first_at(before)
                        .hint("keep one of the two"),
                );
            } else {
                first.insert(entry.key.to_string(), entry.key_place);
                kept.push(entry);
            }
        }
        kept
    }
}

/// The parser's words for what people do wrong most often, in theirs.
fn syntax_words(info: &str) -> (String, Option<String>) {
    let known = [
        ("tab", "indent with spaces, not with tabs"),
        (
            "illegal placement of ':'",
            "close the `[` or `{` that is opened above it; or quote a text that contains `:`",
        ),
        (
            "mapping values are not allowed",
            "quote a text that contains `: `; check the indentation",
        ),
        (
            "simple key",
            "a key needs a `:` and a space after it; check the indentation",
        ),
        (
            "block end",
            "check the indentation: entries of one level begin in the same column",
        ),
        ("quote", "close the quote"),
        (
            "bracket",
            "close what `[` or `{` has opened, with a comma between entries",
        ),
        (
            "did not find expected",
            "check the indentation: entries of one level begin in the same column",
        ),
        (
            "flow",
            "check that `{ }` and `[ ]` are closed, with a comma between entries",
        ),
    ];
    let lower = info.to_lowercase();
    let hint = known
        .iter()
        .find(|(part, _)| lower.contains(part))
        .map(|(_, hint)| (*hint).into());
    (format!("not YAML from here: {info}"), hint)
}
