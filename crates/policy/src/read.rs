//! From named texts to documents: what each document is, its reader, and then the checks across all of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ringway_model::Digest;

use crate::elements::{
    advisory, care, exception, fleet, maintenance, notify, people, policy, recipe, update, world,
};
use crate::fields::{Cx, Named, Notes, nearest, not_supported};
use crate::inventory::{self, Attachments, Files, HostOrigins, Origins};
use crate::problem::{Code, Found, Problems, Report};
use crate::render::{self, Located};
use crate::scalar::first_line;
use crate::shape::Shape;
use crate::validated::{Documents, Update};
use crate::yaml::{self, MAX_BYTES, Node, Place, Tree, Value};
use crate::{builtin, ical, together};

/// A text to be read, and the name people know it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name, as it should stand in messages.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Source {
    /// A source.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
        }
    }
}

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What there is, and what depends on what.
    Fleet,
    /// How an update may spread.
    Policy,
    /// What is installed.
    Update,
    /// How it is installed.
    Recipe,
    /// How hosts of a role are taken out of service and put back.
    Care,
    /// Who belongs to which team.
    People,
    /// How everything outside Ringway behaves in a simulation.
    World,
    /// Work on hosts that others have announced.
    Maintenance,
    /// Who is told what unasked.
    Notify,
    /// Hosts that are left out until a day.
    Exception,
    /// What somebody says of the content of updates.
    Advisory,
}

/// Every kind of document.
pub const KINDS: [Kind; 11] = [
    Kind::Fleet,
    Kind::Policy,
    Kind::Update,
    Kind::Recipe,
    Kind::Care,
    Kind::People,
    Kind::World,
    Kind::Maintenance,
    Kind::Notify,
    Kind::Exception,
    Kind::Advisory,
];

/// Kinds that come with a later release, and what they are about.
const LATER_KINDS: [(&str, &str); 1] = [("calendar", "calendars")];

impl Kind {
    /// The kind's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::Policy => "policy",
            Self::Update => "update",
            Self::Recipe => "recipe",
            Self::Care => "care",
            Self::People => "people",
            Self::World => "world",
            Self::Maintenance => "maintenance",
            Self::Notify => "notify",
            Self::Exception => "exception",
            Self::Advisory => "advisory",
        }
    }

    /// The kind that has this word.
    pub fn of(word: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.word() == word)
    }

    pub(crate) fn shape(self) -> &'static Shape {
        match self {
            Self::Fleet => &fleet::FLEET,
            Self::Policy => &policy::POLICY,
            Self::Update => &update::UPDATE,
            Self::Recipe => &recipe::RECIPE,
            Self::Care => &care::CARE,
            Self::People => &people::PEOPLE,
            Self::World => &world::WORLD,
            Self::Maintenance => &maintenance::MAINTENANCE,
            Self::Notify => &notify::NOTIFY,
            Self::Exception => &exception::EXCEPTION,
            Self::Advisory => &advisory::ADVISORY,
        }
    }
}

/// Reads every document of every source, each alone and then all together.
///
/// A recipe that no document defines is taken from those built in, when an update names it.
///
/// # Errors
///
/// Every problem there is, by source and place.
pub fn read(sources: &[Source]) -> Result<Documents, Problems> {
    read_with(sources, &Attachments::default())
}

/// As [`read`], with the inventories and calendars that documents name; [`crate::imports`] says which those are.
///
/// The text of each is registered too, without its secrets, and the fleet's text ends with their digests, so that the
/// fleet's digest covers them; so does the text of every document that names a calendar.
///
/// # Errors
///
/// Every problem there is, by source and place.
pub fn read_with(sources: &[Source], attachments: &Attachments) -> Result<Documents, Problems> {
    read_all(sources, attachments, Reading::default())
}

/// As [`read_with`], where the last source has all the policies and nothing else counts of it: how a policy that lies
/// elsewhere does among the other documents, an older text of one of theirs for example.
///
/// # Errors
///
/// Every problem there is, by source and place.
pub fn read_with_last_policies(
    sources: &[Source],
    attachments: &Attachments,
) -> Result<Documents, Problems> {
    let reading = Reading {
        policies_of: Some(sources.len().saturating_sub(1)),
        ..Reading::default()
    };
    read_all(sources, attachments, reading)
}

/// As [`read_with`], and where each value of each host is from.
///
/// # Errors
///
/// Every problem there is, by source and place.
pub fn read_with_origins(
    sources: &[Source],
    attachments: &Attachments,
) -> Result<(Documents, BTreeMap<String, HostOrigins>), Problems> {
    let reading = Reading {
        origins: Some(Origins::default()),
        ..Reading::default()
    };
    read_told(sources, attachments, reading)
}

/// The update in the text of its document alone, as it was registered: for reports, long after everything it names may be
/// gone. `None` where the text is no update of this version of the documents.
pub fn update_alone(text: &str) -> Option<Update> {
    let source = Source {
        name: String::new(),
        bytes: text.as_bytes().to_vec(),
    };
    let mut reading = Reading::default();
    reading.source(0, &source);
    reading.documents.updates.into_values().next()
}

fn read_all(
    sources: &[Source],
    attachments: &Attachments,
    reading: Reading,
) -> Result<Documents, Problems> {
    read_told(sources, attachments, reading).map(|(documents, _)| documents)
}

fn read_told(
    sources: &[Source],
    attachments: &Attachments,
    mut reading: Reading,
) -> Result<(Documents, BTreeMap<String, HostOrigins>), Problems> {
    let mut located = Vec::with_capacity(sources.len());
    for (index, source) in sources.iter().enumerate() {
        located.push(reading.source(index, source));
    }
    reading.built_in();
    reading.documents.acceptances = std::mem::take(&mut reading.notes.acceptances);
    let imports = std::mem::take(&mut reading.notes.imports);
    let has_imports = !imports.is_empty();
    let files = Files::of(imports, sources, attachments, &mut reading.found);
    for shown in &files.shown {
        located.push(Located {
            name: Cow::Borrowed(&shown.name),
            text: shown.text,
            kinds: Vec::new(),
        });
    }
    if has_imports || reading.origins.is_some() {
        reading.import(&files, &located);
    }
    let calendars = std::mem::take(&mut reading.notes.calendars);
    let texts = ical::Texts::of(
        calendars,
        sources,
        attachments,
        located.len(),
        &mut reading.found,
    );
    for (name, text) in texts.shown() {
        located.push(Located {
            name: Cow::Borrowed(name),
            text,
            kinds: Vec::new(),
        });
    }
    ical::fill(
        &texts,
        &mut reading.documents,
        &mut reading.notes.zones,
        &attachments.zones,
        &mut reading.found,
    );
    // What could not be read cannot be missed: after a syntax error every second name would be "unknown".
    if !reading.found.is_incomplete {
        together::check(
            &reading.documents,
            &attachments.zones,
            &reading.notes,
            &mut reading.found,
        );
    }
    if reading.found.reports.is_empty() {
        let origins = reading.origins.take().unwrap_or_default();
        let place = render::places(&located);
        Ok((reading.documents, origins.told(place)))
    } else {
        Err(render::locate(reading.found, &located))
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    documents: Documents,
    notes: Notes,
    found: Found,
    /// Where the documents of which there may be one stand.
    singles: BTreeMap<Kind, Place>,
    /// The only source whose policies are read, and of which nothing else is.
    policies_of: Option<usize>,
    /// Where each value of each host is from, where somebody asks.
    origins: Option<Origins>,
}

impl Reading {
    fn source<'s>(&mut self, index: usize, source: &'s Source) -> Located<'s> {
        let name = source.name.as_str();
        let at = |start| Place {
            source: index,
            start,
            end: start,
        };
        let mut located = Located {
            name: Cow::Borrowed(name),
            text: "",
            kinds: Vec::new(),
        };
        if source.bytes.len() > MAX_BYTES {
            let message = format!(
                "the file has {} MiB; at most {} MiB are read",
                source.bytes.len().div_ceil(1 << 20),
                MAX_BYTES >> 20
            );
            let hint = "split it; documents of several files are read together, and hosts can be imported from an inventory";
            self.found.incomplete(
                Report::new(Code::TooLarge, at(0), message)
                    .hint(hint)
                    .absent(),
            );
            return located;
        }
        let text = match std::str::from_utf8(&source.bytes) {
            Ok(text) => text,
            Err(error) => {
                let good = error.valid_up_to();
                located.text = std::str::from_utf8(&source.bytes[..good]).unwrap_or_default();
                let is_utf16 = matches!(source.bytes.get(..2), Some([0xff, 0xfe] | [0xfe, 0xff]));
                let hint = if is_utf16 {
                    "it looks like UTF-16: save it as UTF-8"
                } else {
                    "save it as UTF-8"
                };
                let message = format!("the file is not UTF-8: byte {good} is wrong");
                let report = Report::new(Code::NotUtf8, at(good), message).hint(hint);
                self.found.incomplete(report.absent());
                return located;
            }
        };
        located.text = text;
        let before = self.found.reports.len();
        let trees = yaml::read(index, text, &mut self.found);
        let mut count = 0;
        for tree in &trees {
            if tree.root.is_empty() {
                continue;
            }
            count += 1;
            self.document(text, tree, &mut located.kinds);
        }
        if count == 0 && self.found.reports.len() == before {
            let message = "there is no document in the file";
            let hint = "begin with `ringway: fleet/v1`, `policy/v1` or another kind";
            let report = Report::new(Code::NoDocument, at(0), message).hint(hint);
            self.found.incomplete(report.absent());
        }
        located
    }

    fn document(&mut self, text: &str, tree: &Tree<'_>, kinds: &mut Vec<(usize, Kind)>) {
        let cx = Cx::new(text, &mut self.found, &mut self.notes);
        let Some((kind, place)) = kind(&cx, &tree.root) else {
            self.found.is_incomplete = true;
            return;
        };
        kinds.push((tree.root.place.start, kind));
        let elsewhere = |only| (kind == Kind::Policy) != (place.source == only);
        if self.policies_of.is_some_and(elsewhere) {
            return;
        }
        // A second fleet is one problem, not one more for each name that both have.
        let is_second_fleet = kind == Kind::Fleet && self.singles.contains_key(&kind);
        let mut aside = Notes::default();
        let notes = if is_second_fleet {
            &mut aside
        } else {
            &mut self.notes
        };
        let cx = Cx::new(text, &mut self.found, notes);
        let digest = Digest::of(tree.text.as_bytes());
        let root = &tree.root;
        let documents = &mut self.documents;
        let name = match kind {
            Kind::Fleet => fleet::read(&cx, root, digest).map(|fleet| {
                let name = fleet.name.clone();
                documents.fleet.get_or_insert(fleet);
                name
            }),
            Kind::Policy => policy::read(&cx, root, digest)
                .map(|it| keep(&mut documents.policies, it.name.clone(), it)),
            Kind::Update => update::read(&cx, root, digest)
                .map(|it| keep(&mut documents.updates, it.name.clone(), it)),
            Kind::Recipe => recipe::read(&cx, root, digest)
                .map(|it| keep(&mut documents.recipes, it.name.clone(), it)),
            Kind::Care => care::read(&cx, root, digest)
                .map(|it| keep(&mut documents.cares, it.name.clone(), it)),
            Kind::People => people::read(&cx, root, digest).map(|people| {
                documents.people = people;
                "people".to_owned()
            }),
            Kind::Maintenance => maintenance::read(&cx, root, digest)
                .map(|it| keep(&mut documents.maintenances, it.name.clone(), it)),
            Kind::Exception => exception::read(&cx, root, digest)
                .map(|it| keep(&mut documents.exceptions, it.id.clone(), it)),
            Kind::Advisory => advisory::read(&cx, root, digest)
                .map(|it| keep(&mut documents.advisories, it.id.clone(), it)),
            Kind::Notify => notify::read(&cx, root, digest).map(|notify| {
                documents.notify = notify;
                "notify".to_owned()
            }),
            Kind::World => {
                world::read(&cx, root).map(|it| keep(&mut documents.worlds, it.name.clone(), it))
            }
        };
        if let Some(name) = name {
            documents
                .texts
                .insert(format!("{}/{name}", kind.word()), tree.text.to_owned());
        }
        if matches!(kind, Kind::Fleet | Kind::People | Kind::Notify) {
            let before = self.singles.insert(kind, place);
            if let Some(before) = before {
                let message = format!("there is another {} document", kind.word());
                self.found.report(
                    Report::new(Code::DuplicateName, place, message)
                        .first_at(before)
                        .hint("there is one at a time: put them into one document"),
                );
            }
        }
    }

    /// Puts the hosts of imported inventories into the fleet.
    fn import(&mut self, files: &Files<'_>, located: &[Located<'_>]) {
        let Some(fleet) = &mut self.documents.fleet else {
            return;
        };
        let written = self
            .notes
            .names
            .iter()
            .filter(|((what, _), _)| *what == Named::Host)
            .map(|((_, name), place)| (name.clone(), *place))
            .collect();
        let imported = inventory::run(
            files,
            &self.notes.prefer,
            fleet,
            &written,
            self.origins.as_mut(),
            &mut self.found,
        );
        imported.note_names(&mut self.notes);
        let texts = &mut self.documents.texts;
        if let Some(text) = texts.get_mut(&format!("fleet/{}", fleet.name))
            && !imported.seal.is_empty()
        {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&imported.seal);
            fleet.digest = Digest::of(text.as_bytes());
        }
        let line = |place| render::place_in_words(place, located);
        self.documents.notes.extend(imported.notes(line));
        texts.extend(imported.texts);
        if fleet.hosts.is_empty() && self.found.reports.is_empty() {
            let place = together::place(&self.notes, &format!("fleet {}", fleet.name));
            let report = Report::new(Code::BadValue, place, "what is imported has no hosts");
            self.found
                .report(report.hint("look at what the sources have; an inventory of Ansible with `ansible-inventory --list`"));
        }
    }

    /// Adds the built-in recipes that updates name and no document defines.
    fn built_in(&mut self) {
        let wanted: Vec<String> = self
            .documents
            .updates
            .values()
            .map(|u| u.recipe.clone())
            .collect();
        for name in wanted {
            if self.documents.recipes.contains_key(&name) {
                continue;
            }
            if let Some((recipe, text)) = builtin::recipe(&name) {
                self.documents
                    .texts
                    .insert(format!("recipe/{name}"), text.to_owned());
                self.documents.recipes.insert(name, recipe);
            }
        }
    }
}

fn keep<T>(map: &mut BTreeMap<String, T>, name: String, it: T) -> String {
    map.insert(name.clone(), it);
    name
}

/// What a document says it is, and where it says so.
fn kind(cx: &Cx<'_>, root: &Node<'_>) -> Option<(Kind, Place)> {
    let words: Vec<String> = KINDS
        .iter()
        .map(|kind| format!("{}/v1", kind.word()))
        .collect();
    let listed = format!("one of `{}`", words.join("`, `"));
    let entry = match &root.value {
        Value::Map { entries, .. } => entries.iter().find(|entry| entry.key == "ringway"),
        Value::Scalar { .. } | Value::List(_) => None,
    };
    let Some(entry) = entry else {
        let message = "the document does not say what it is".to_owned();
        let hint = format!("begin with `ringway:` and {listed}");
        return cx.fail(
            Code::UnknownKind,
            first_line(cx, root.place),
            message,
            &hint,
        );
    };
    let place = entry.value.place;
    let Value::Scalar { text, .. } = &entry.value.value else {
        let message = "expected a kind of document".to_owned();
        return cx.fail(Code::UnknownKind, first_line(cx, place), message, &listed);
    };
    let (word, version) = text.split_once('/').unwrap_or((text, ""));
    if let Some((_, about)) = LATER_KINDS.iter().find(|(later, _)| *later == word) {
        cx.report(not_supported(&format!("`{text}`"), about, place));
        return None;
    }
    if word == "inventory" {
        let message = format!("`{text}` is not a kind of document that people write");
        let hint = "it is what a command prints: name that in a fleet, `import: [{ command: [./PROGRAM] }]`";
        return cx.fail(Code::UnknownKind, place, message, hint);
    }
    match (Kind::of(word), version) {
        (Some(kind), "v1") => Some((kind, place)),
        (Some(_), "") => {
            let message = format!("`{text}` has no version");
            cx.fail(
                Code::UnknownKind,
                place,
                message,
                &format!("write `{text}/v1`"),
            )
        }
        (Some(_), version) => {
            let message = format!("version `{version}` of a {word} document is unknown");
            cx.fail(
                Code::UnknownKind,
                place,
                message,
                &format!("write `{word}/v1`"),
            )
        }
        (None, _) => {
            let hint = nearest(text, words.iter().map(String::as_str))
                .map_or(listed, |near| format!("did you mean `{near}`?"));
            cx.fail(
                Code::UnknownKind,
                place,
                format!("`{text}` is not a kind of document"),
                &hint,
            )
        }
    }
}
