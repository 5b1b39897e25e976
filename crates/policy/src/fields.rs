//! Reading one element of a tree by its table of keys, and the notes that reading leaves for the checks across documents.
//!
//! A reader returns `None` when it has reported a problem; it never stops another reader, so all problems are found.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ringway_model::Selector;

use crate::hidden;
use crate::problem::{Code, Found, Report};
use crate::shape::Shape;
use crate::yaml::{Entry, Node, Place, Value};

/// What something is that has a name and can be referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    Host,
    Probe,
    Group,
    Policy,
    Update,
    Recipe,
    Care,
    Team,
    World,
    Window,
    Exception,
    Advisory,
}

impl Named {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Probe => "probe",
            Self::Group => "group",
            Self::Policy => "policy",
            Self::Update => "update",
            Self::Recipe => "recipe",
            Self::Care => "care",
            Self::Team => "team",
            Self::World => "world",
            Self::Window => "window",
            Self::Exception => "exception",
            Self::Advisory => "advisory",
        }
    }
}

/// A name that refers to something, with who refers to it: "gate `answers`".
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) to: Named,
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) by: String,
}

/// A label that something names: a selector, a `cover`, a `{placeholder}`.
#[derive(Clone, Debug)]
pub(crate) struct LabelUse {
    pub(crate) label: String,
    pub(crate) place: Place,
    pub(crate) by: String,
}

/// A time zone that something names.
#[derive(Clone, Debug)]
pub(crate) struct ZoneUse {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) by: String,
}

/// Things whose place the checks across documents need, by where they begin.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Where each name is given.
    pub(crate) names: BTreeMap<(Named, String), Place>,
    pub(crate) references: Vec<Reference>,
    pub(crate) labels: Vec<LabelUse>,
    pub(crate) zones: Vec<ZoneUse>,
    /// Which freezes are in files.
    pub(crate) calendars: Vec<crate::ical::Ical>,
    /// Findings that documents accept.
    pub(crate) acceptances: Vec<crate::validated::Acceptance>,
    /// What the fleet imports.
    pub(crate) imports: Vec<crate::inventory::Import>,
    /// Which of its sources count first.
    pub(crate) prefer: Vec<String>,
    /// Places of elements by a path such as `group web/keep_up`.
    pub(crate) places: BTreeMap<String, Place>,
}

/// What readers share while one source is read.
pub(crate) struct Cx<'a> {
    pub(crate) text: &'a str,
    pub(crate) found: RefCell<&'a mut Found>,
    pub(crate) notes: RefCell<&'a mut Notes>,
    /// What is being read, for messages: "ring `early`".
    subject: RefCell<String>,
    #[cfg(test)]
    pub(crate) asked: RefCell<std::collections::BTreeSet<(&'static str, &'static str)>>,
}

impl<'a> Cx<'a> {
    pub(crate) fn new(text: &'a str, found: &'a mut Found, notes: &'a mut Notes) -> Self {
        Self {
            text,
            found: RefCell::new(found),
            notes: RefCell::new(notes),
            subject: RefCell::new(String::new()),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    pub(crate) fn report(&self, report: Report) {
        self.found.borrow_mut().report(report);
    }

    /// Reports and returns nothing, as readers do.
    pub(crate) fn fail<T>(
        &self,
        code: Code,
        place: Place,
        message: String,
        hint: &str,
    ) -> Option<T> {
        self.report(Report::new(code, place, message).hint(hint));
        None
    }

    pub(crate) fn subject(&self) -> String {
        self.subject.borrow().clone()
    }

    /// Reads something with another subject for its messages.
    pub(crate) fn about<T>(&self, subject: String, read: impl FnOnce() -> T) -> T {
        let before = self.subject.replace(subject);
        let result = read();
        self.subject.replace(before);
        result
    }

    /// Gives a name to something. A name that is taken is a problem.
    pub(crate) fn define(&self, what: Named, name: &str, place: Place) {
        let before = self
            .notes
            .borrow_mut()
            .names
            .insert((what, name.to_owned()), place);
        if let Some(before) = before {
            self.report(
                Report::new(
                    Code::DuplicateName,
                    place,
                    format!("there is another {} `{name}`", what.word()),
                )
                .first_at(before)
                .hint("give one of them another name"),
            );
        }
    }

    /// Notes that the subject refers to something.
    pub(crate) fn refer(&self, to: Named, name: &str, place: Place) {
        let by = self.subject();
        self.notes.borrow_mut().references.push(Reference {
            to,
            name: name.to_owned(),
            place,
            by,
        });
    }

    /// Notes that the subject names a label.
    pub(crate) fn label(&self, label: &str, place: Place) {
        let by = self.subject();
        self.notes.borrow_mut().labels.push(LabelUse {
            label: label.to_owned(),
            place,
            by,
        });
    }

    /// Notes every label of a selector.
    pub(crate) fn selector(&self, selector: &Selector, node: &Node<'_>) {
        for label in selector.labels() {
            self.label(
                &label.name,
                self.inside(node, label.at as usize, label.name.len()),
            );
        }
    }

    /// Notes where something stands.
    pub(crate) fn place(&self, path: String, place: Place) {
        self.notes.borrow_mut().places.insert(path, place);
    }

    /// The place of a part of a scalar; the whole scalar when quoting or folding has moved its text.
    pub(crate) fn inside(&self, node: &Node<'_>, at: usize, len: usize) -> Place {
        let Value::Scalar { text, plain } = &node.value else {
            return node.place;
        };
        let from = node.place.start + usize::from(!plain);
        let is_verbatim = self
            .text
            .get(from..)
            .is_some_and(|rest| rest.starts_with(text.as_ref()));
        if is_verbatim && at <= text.len() {
            let start = from + at;
            let end = start + len.min(text.len() - at);
            Place {
                start,
                end,
                ..node.place
            }
        } else {
            node.place
        }
    }
}

/// An element being read.
pub(crate) struct Fields<'n, 's, 'c, 'a> {
    pub(crate) cx: &'c Cx<'a>,
    pub(crate) shape: &'static Shape,
    pub(crate) node: &'n Node<'s>,
    entries: &'n [Entry<'s>],
}

impl<'n, 's, 'c, 'a> Fields<'n, 's, 'c, 'a> {
    /// Opens a mapping: unknown, later and missing keys are problems.
    pub(crate) fn open(cx: &'c Cx<'a>, shape: &'static Shape, node: &'n Node<'s>) -> Option<Self> {
        let Value::Map { entries, flow } = &node.value else {
            let example = shape
                .keys
                .iter()
                .find_map(|key| key.required.map(|e| (key.name, e)));
            let hint = if let Some((name, example)) = example {
                format!("write keys and values, for example `{name}: {example}`")
            } else if shape.keys.is_empty() {
                "write `{}`".to_owned()
            } else {
                let keys: Vec<_> = shape.keys.iter().map(|key| key.name).collect();
                format!("its keys are `{}`", keys.join("`, `"))
            };
            let article = match shape.what.chars().next() {
                Some('`') => "",
                Some('a' | 'e' | 'i' | 'o') => "an ",
                Some(_) | None => "a ",
            };
            let (what, is) = (shape.what, found(node));
            let message = format!("expected keys and values for {article}{what}, found {is}");
            return cx.fail(Code::WrongType, node.place, message, &hint);
        };
        let fields = Self {
            cx,
            shape,
            node,
            entries,
        };
        fields.check_unknown(*flow);
        fields.check_missing();
        Some(fields)
    }

    /// How the element is called in messages: with its name, where it has one.
    pub(crate) fn title(&self) -> String {
        match self.get("name").map(|node| &node.value) {
            Some(Value::Scalar { text, .. }) if !text.is_empty() => {
                format!("{} `{text}`", self.shape.what)
            }
            // What has its name outside of itself, as a key, is what is being read.
            _ => {
                let (subject, what) = (self.cx.subject(), self.shape.what);
                if subject.starts_with(what) {
                    subject
                } else {
                    what.to_owned()
                }
            }
        }
    }

    fn check_unknown(&self, flow: bool) {
        for (i, entry) in self.entries.iter().enumerate() {
            if self.shape.key(&entry.key).is_some() {
                continue;
            }
            let (key, place) = (entry.key.as_ref(), entry.key_place);
            if let Some((_, about)) = self.shape.later.iter().find(|(name, _)| *name == key) {
                self.cx
                    .report(not_supported(&format!("`{key}`"), about, place));
                continue;
            }
            let cut = flow && i > 0 && entry.value.is_empty();
            let after_selector =
                i > 0 && matches!(self.entries[i - 1].key.as_ref(), "select" | "applies_to");
            if cut && after_selector {
                self.cx.report(
                    Report::new(
                        Code::SelectorInFlow,
                        place,
                        format!("the comma before `{key}` ends the selector"),
                    )
                    .hint("quote the selector, or use `and`; `|` separates values"),
                );
                continue;
            }
            if cut && i > 0 && hidden::is_secret_key(&self.entries[i - 1].key) {
                let message = format!("a comma ends the value of `{}`", self.entries[i - 1].key);
                self.cx.report(
                    Report::new(Code::UnknownKey, place, message).hint("write what prints it"),
                );
                continue;
            }
            if cut && self.entries[i - 1].key == "days" {
                let message = format!("the comma before `{key}` ends the days");
                self.cx.report(
                    Report::new(Code::UnknownKey, place, message)
                        .hint("write `sat | sun`, or a list: `[sat, sun]`"),
                );
                continue;
            }
            let hint = self.unknown_hint(key, cut);
            let message = format!("{} has no key `{key}`", self.title());
            self.cx
                .report(Report::new(Code::UnknownKey, place, message).hint(hint));
        }
    }

    fn unknown_hint(&self, key: &str, cut: bool) -> String {
        let names = || self.shape.keys.iter().map(|key| key.name);
        if let Some((name, _)) = key.split_once(':')
            && self.shape.key(name).is_some()
        {
            return format!("put a space after `{name}:`");
        }
        if let Some(name) = nearest(key, names()) {
            return format!("did you mean `{name}`?");
        }
        if cut {
            return "inside `{ }` a comma ends the value: quote a value that contains one"
                .to_owned();
        }
        if self.shape.what == "group" && matches!(key, "window" | "windows" | "zone") {
            return "hosts have it, groups do not: write it into the hosts".to_owned();
        }
        match names().collect::<Vec<_>>().as_slice() {
            [] => "it has no keys".to_owned(),
            names => format!("its keys are `{}`", names.join("`, `")),
        }
    }

    fn check_missing(&self) {
        for key in self.shape.keys {
            if let Some(example) = key.required {
                self.must_have(key.name, example);
            }
        }
    }

    /// Reports a key that is not there.
    pub(crate) fn must_have(&self, key: &str, example: &str) {
        if self.get(key).is_some() {
            return;
        }
        let message = format!("{} has no `{key}`", self.title());
        let hint = format!("set `{key}`, for example `{key}: {example}`");
        self.cx.report(
            Report::new(Code::MissingKey, self.start(), message)
                .hint(hint)
                .absent(),
        );
    }

    /// Where the element can be pointed at: its name, or its first key.
    pub(crate) fn start(&self) -> Place {
        match (self.get("name"), self.entries.first()) {
            (Some(name), _) => name.place,
            (None, Some(entry)) => entry.key_place,
            (None, None) => self.node.place,
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&'n Node<'s>> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
    }

    /// Whether a key is written that the element does not have, or not yet.
    pub(crate) fn has_unknown(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| self.shape.key(&entry.key).is_none())
    }

    /// Whether no other keys than these are written.
    pub(crate) fn has_only(&self, keys: &[&str]) -> bool {
        self.entries
            .iter()
            .all(|entry| keys.contains(&entry.key.as_ref()))
    }

    /// The place of a key.
    pub(crate) fn key_place(&self, key: &str) -> Place {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        entry.map_or_else(|| self.start(), |entry| entry.key_place)
    }

    /// Reads a key; `None` when it is absent or bad.
    pub(crate) fn read<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&Cx<'a>, &'n Node<'s>) -> Option<T>,
    ) -> Option<T> {
        debug_assert!(
            self.shape.key(key).is_some(),
            "{} has no key {key}",
            self.shape.what
        );
        #[cfg(test)]
        self.cx.asked.borrow_mut().insert((self.shape.about, key));
        let node = self.get(key)?;
        let may_be_empty = matches!(
            self.shape.key(key).map(|key| &key.kind),
            Some(
                crate::shape::Is::Nothing
                    | crate::shape::Is::Either([crate::shape::Is::Nothing, ..])
            )
        );
        if node.is_empty() && !may_be_empty {
            let message = format!("`{key}` has no value");
            let example = self.shape.key(key).and_then(|key| key.required);
            let hint = example.map_or_else(
                || "give it one, or leave the key out".to_owned(),
                |example| format!("for example `{key}: {example}`"),
            );
            return self
                .cx
                .fail(Code::WrongType, self.key_place(key), message, &hint);
        }
        read(self.cx, node)
    }
}

/// Something that comes with a later release.
pub(crate) fn not_supported(what: &str, about: &str, place: Place) -> Report {
    Report::new(
        Code::NotSupportedYet,
        place,
        format!("{what} is not supported yet"),
    )
    .hint(format!(
        "{about} come with a later release; leave it out until then"
    ))
}

/// What stands somewhere, for "expected .., found ..".
pub(crate) fn found(node: &Node<'_>) -> &'static str {
    match &node.value {
        Value::Scalar { .. } if node.is_empty() => "nothing",
        Value::Scalar { .. } => "a text",
        Value::List(_) => "a list",
        Value::Map { .. } => "a mapping",
    }
}

/// The candidate a slip of the finger away from `word`, or with the same stem, if there is one. A host by its first name
/// alone is near to the same with its domain, and the other way round.
pub fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let limit = if length < 8 {
        (length / 3).max(1)
    } else {
        length.div_ceil(3)
    };
    candidates
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            if is_first_name(&word, &lower) || is_first_name(&lower, &word) {
                return Some((1, candidate));
            }
            // Texts of very different lengths cannot be near, and are not worth the comparison.
            if lower.len().abs_diff(word.len()) > 4 * limit {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&word, &lower);
            let stem = word
                .chars()
                .zip(lower.chars())
                .take_while(|(a, b)| a == b)
                .count();
            let same_stem = stem >= 4 && 5 * stem >= 4 * lower.chars().count();
            (distance <= limit || (same_stem && distance <= 2 * limit))
                .then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Whether a name is another one up to a dot: `pg-1` of `pg-1.example.net`.
fn is_first_name(first: &str, whole: &str) -> bool {
    let rest = whole.strip_prefix(first);
    !first.is_empty() && rest.is_some_and(|rest| rest.starts_with('.'))
}
