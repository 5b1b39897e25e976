//! What is wrong with documents: one problem, and all of them together.
//!
//! A problem has its place as data, words for people and a code for machines. Nothing here decides what is a problem.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::render;
use crate::yaml::Place;

/// The most problems that are kept; a file that is not what it was taken for has one on every line.
const MAX_PROBLEMS: usize = 1000;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)*) => {
        /// What kind of problem it is; the texts stay the same from release to release.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(into = "&'static str")]
        pub enum Code { $($(#[doc = $doc])+ $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as it is printed.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// What it means.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+)),* }
            }
        }
    };
}

codes! {
    /// The file is not UTF-8.
    NotUtf8 = "not-utf8",
    /// The file is larger than what is read.
    TooLarge = "too-large",
    /// Lists and mappings are nested too deeply.
    TooDeep = "too-deep",
    /// Anchors and aliases repeat too much.
    AliasBudget = "alias-budget",
    /// The text is not YAML.
    Syntax = "syntax",
    /// A feature of YAML that has no place here: tags, merge keys, aliases that name nothing.
    YamlFeature = "yaml-feature",
    /// The file has no document.
    NoDocument = "no-document",
    /// The document does not say what it is, or says something unknown.
    UnknownKind = "unknown-kind",
    /// Something that comes with a later release.
    NotSupportedYet = "not-supported-yet",
    /// A value of another type than expected.
    WrongType = "wrong-type",
    /// A key that the document does not have.
    UnknownKey = "unknown-key",
    /// A key that is written twice.
    DuplicateKey = "duplicate-key",
    /// A key that must be there and is not.
    MissingKey = "missing-key",
    /// Keys that exclude each other, or need each other.
    KeyConflict = "key-conflict",
    /// A value that is not what its key means.
    BadValue = "bad-value",
    /// A name that cannot be one.
    BadName = "bad-name",
    /// A name that is taken by Ringway itself.
    ReservedName = "reserved-name",
    /// A length of time that is none.
    BadSpan = "bad-span",
    /// A share that is none.
    BadShare = "bad-share",
    /// A selector that is none.
    BadSelector = "bad-selector",
    /// A selector that YAML's `{ }` or `[ ]` has cut to pieces.
    SelectorInFlow = "selector-in-flow",
    /// A name that is used twice.
    DuplicateName = "duplicate-name",
    /// More of something than there may be.
    TooMany = "too-many",
    /// A ring after the one that takes the rest.
    RingAfterRest = "ring-after-rest",
    /// Small rings would never halt.
    UnsafeHalt = "unsafe-halt",
    /// A lane that would give way on what keeps a fleet safe.
    NeverGivesWay = "never-gives-way",
    /// A label that no host has.
    UnknownLabel = "unknown-label",
    /// A name of something that is not there.
    UnknownName = "unknown-name",
    /// A selector that matches no host.
    EmptySelection = "empty-selection",
    /// An import that is not there, or cannot be read.
    ImportUnreadable = "import-unreadable",
    /// A part of an imported inventory that Ansible could not read either, or that is not supported.
    BadInventory = "bad-inventory",
    /// Two sources of an inventory that say different things of a host, and nothing says which counts.
    SourcesDiffer = "sources-differ",
    /// A part of an iCalendar file that is none, or that is not supported.
    BadCalendar = "bad-calendar",
    /// A time zone that does not exist.
    UnknownZone = "unknown-zone",
    /// A host of an inventory that cannot be reached as the inventory says.
    InventoryConnection = "inventory-connection",
    /// Groups that wait for each other.
    Cycle = "cycle",
    /// A host in two groups.
    TwoGroups = "two-groups",
    /// A host that no `connect` says how to reach.
    NotConnected = "not-connected",
    /// A label that a connection needs and some hosts do not have.
    ConnectNeedsLabel = "connect-needs-label",
    /// A password, a passphrase or a private key in a document, or what could be one.
    SecretInDocument = "secret-in-document",
    /// Members that must stay up and can never be taken.
    ImpossibleKeepUp = "impossible-keep-up",
    /// Evidence that is stale before the next probe.
    StaleEvidence = "stale-evidence",
    /// A label that a probe needs and some hosts do not have.
    ProbeNeedsLabel = "probe-needs-label",
    /// Teams are named and nobody says who is in them.
    NoPeople = "no-people",
    /// More approvals than people who could give them.
    TooFewPeople = "too-few-people",
    /// A parameter the recipe does not have.
    UnknownParameter = "unknown-parameter",
    /// A parameter the recipe requires and the release does not give.
    MissingParameter = "missing-parameter",
}

impl From<Code> for &'static str {
    fn from(code: Code) -> Self {
        code.text()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// One problem, for people and for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The source's name.
    pub source: String,
    /// The kind of document it stands in (`policy`), where that is known.
    pub document: Option<&'static str>,
    /// The line, from 1; 0 when it is about the source as a whole.
    pub line: usize,
    /// The column in characters, from 1; 0 when it is about the source as a whole.
    pub column: usize,
    /// The place in the source, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right, where there is a good guess.
    pub hint: Option<String>,
    /// What kind of problem it is.
    pub code: Code,
    /// The line it stands in, where looking at it helps.
    pub snippet: Option<Snippet>,
}

/// A line of a source, cut to what is worth looking at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snippet {
    /// The line, or the part of it around the place.
    pub text: String,
    /// How many characters of `text` precede the place.
    pub before: usize,
    /// How many characters of `text` are the place; at least 1.
    pub marked: usize,
}

/// Every problem of some documents, by source and place. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problems {
    /// The problems.
    pub problems: Vec<Problem>,
    /// How many more there were than are kept.
    pub omitted: usize,
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render::problems(self, f)
    }
}

impl Problems {
    /// As JSON: `{ "problems": [ { "source", "line", "column", "code", "message", .. } ], "omitted": 0 }`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("texts, numbers and lists always become JSON")
    }
}

/// A problem as it is found: its place is still in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) code: Code,
    pub(crate) place: Place,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Places the message names as `{line N}` once lines are known, in the order of their `@` marks.
    pub(crate) also: Vec<Place>,
    pub(crate) snippet: bool,
}

/// Stands in a message for the line of the next of the report's other places.
pub(crate) const LINE: char = '\u{1}';

impl Report {
    pub(crate) fn new(code: Code, place: Place, message: impl Into<String>) -> Self {
        // What a document says is shown inside messages; it must not be able to fake a line of ours.
        let message = message.into();
        Self {
            code,
            place,
            message,
            hint: None,
            also: Vec::new(),
            snippet: true,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// Adds where the same thing stands first.
    pub(crate) fn first_at(mut self, place: Place) -> Self {
        self.message = format!("{}; first {LINE}", self.message);
        self.also.push(place);
        self
    }

    /// What is missing has no line to look at.
    pub(crate) fn absent(mut self) -> Self {
        self.snippet = false;
        self
    }
}

/// Problems being collected.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) reports: Vec<Report>,
    pub(crate) omitted: usize,
    /// Whether something could not be read at all, so that nobody can say what is missing.
    pub(crate) is_incomplete: bool,
}

impl Found {
    pub(crate) fn report(&mut self, report: Report) {
        if self.reports.len() < MAX_PROBLEMS {
            self.reports.push(report);
        } else {
            self.omitted += 1;
        }
    }

    pub(crate) fn incomplete(&mut self, report: Report) {
        self.is_incomplete = true;
        self.report(report);
    }
}
