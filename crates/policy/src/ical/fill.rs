//! From the files that freezes and announced works name to the events in them.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::Digest;

use super::component::components;
use super::event::{Is, Reader};
use super::line::lines;
use super::zone::Zones;
use crate::elements::freeze::Owner;
use crate::fields::ZoneUse;
use crate::inventory::{Attachment, Attachments, Wanted, What};
use crate::problem::{Code, Found, Problems, Report};
use crate::read::{Kind, Source};
use crate::render::{self, Located};
use crate::validated::{AnnouncedFor, Documents, Event, Frozen, Moment};
use crate::yaml::Place;

/// The largest file, in bytes. The calendars of whole companies over decades are below it.
const MAX_BYTES: usize = 8 << 20;

/// A freeze or a work that is in a file.
#[derive(Clone, Debug)]
pub(crate) struct Ical {
    /// The path as written.
    pub(crate) path: String,
    pub(crate) place: Place,
    pub(crate) owner: Owner,
    /// The name of the freeze or of the work.
    pub(crate) element: String,
}

impl Ical {
    /// What names the file, in a word.
    fn element_word(&self) -> &'static str {
        if self.owner.kind == Kind::Maintenance {
            "work"
        } else {
            "freeze"
        }
    }
}

/// The texts of the files that are named.
pub(crate) struct Texts<'a> {
    /// The number of the first one among all sources, for places.
    first: usize,
    files: Vec<(Ical, &'a str)>,
}

impl<'a> Texts<'a> {
    /// Finds what is attached; what is not there, or is no text, is a problem.
    pub(crate) fn of(
        calendars: Vec<Ical>,
        sources: &[Source],
        attachments: &'a Attachments,
        first: usize,
        found: &mut Found,
    ) -> Self {
        let mut texts = Self {
            first,
            files: Vec::new(),
        };
        for ical in calendars {
            let wanted = Wanted {
                source: sources[ical.place.source].name.clone(),
                what: What::File(ical.path.clone()),
            };
            let text = match attachments.found.get(&wanted) {
                Some(Ok(attachment)) => text_of(attachment),
                Some(Err(why)) => Err(format!("cannot be read: {why}")),
                None => Err("was not looked for".to_owned()),
            };
            match text {
                Ok(text) => texts.files.push((ical, text)),
                Err(why) => {
                    let message = format!("`{}` {why}", ical.path);
                    let hint = "name one file in UTF-8; a path that is not absolute is below the directory of this document";
                    found.incomplete(
                        Report::new(Code::ImportUnreadable, ical.place, message).hint(hint),
                    );
                }
            }
        }
        texts
    }

    /// The name and the text of each, in the order of their numbers.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.files
            .iter()
            .map(|(ical, text)| (ical.path.as_str(), *text))
    }
}

fn text_of(attachment: &Attachment) -> Result<&str, String> {
    let file = attachment
        .file
        .as_ref()
        .and_then(|file| attachment.files.get(file))
        .ok_or("is no file")?;
    if file.len() > MAX_BYTES {
        return Err(format!("has more than {} MiB", MAX_BYTES >> 20));
    }
    std::str::from_utf8(file).map_err(|_| "is not UTF-8".to_owned())
}

/// What an event file has, for those who read one by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarFile {
    /// Events that block time.
    pub events: Vec<Event>,
    /// How many do not, by why not.
    pub left_out: BTreeMap<&'static str, usize>,
}

/// Reads an iCalendar file by itself; `zones` are the names that the machine's time zone database has, none where it is not
/// known.
///
/// # Errors
///
/// Every problem there is, by line.
pub fn read_calendar(source: &Source, zones: &BTreeSet<String>) -> Result<CalendarFile, Problems> {
    let mut found = Found::default();
    let mut located = Located {
        name: source.name.as_str().into(),
        text: "",
        kinds: Vec::new(),
    };
    let place = Place {
        source: 0,
        start: 0,
        end: 0,
    };
    let mut all = Contents::default();
    if source.bytes.len() > MAX_BYTES {
        let message = format!("the file has more than {} MiB", MAX_BYTES >> 20);
        let report = Report::new(Code::TooLarge, place, message).absent();
        found.incomplete(report.hint("export the time that is still to come"));
    } else if let Ok(text) = std::str::from_utf8(&source.bytes) {
        located.text = text;
        all = contents(0, text, &mut Vec::new(), zones, &mut found);
    } else {
        let message = "the file is not UTF-8".to_owned();
        let report = Report::new(Code::ImportUnreadable, place, message).absent();
        found.incomplete(report.hint("export it once more, in UTF-8"));
    }
    if found.reports.is_empty() {
        return Ok(CalendarFile {
            events: all.events,
            left_out: all.left_out,
        });
    }
    Err(render::locate(found, &[located]))
}

/// What an event file has.
#[derive(Default)]
struct Contents {
    events: Vec<Event>,
    left_out: BTreeMap<&'static str, usize>,
    /// The lines that say so.
    kept: String,
}

/// Puts the events into what names their files, and the digests of the files into the documents.
pub(crate) fn fill(
    texts: &Texts<'_>,
    documents: &mut Documents,
    zones: &mut Vec<ZoneUse>,
    known: &BTreeSet<String>,
    found: &mut Found,
) {
    for (number, (ical, text)) in (texts.first..).zip(&texts.files) {
        let before = found.reports.len() + found.omitted;
        let contents = contents(number, text, zones, known, found);
        if found.reports.len() + found.omitted > before {
            continue;
        }
        // A freeze that never holds is a mistake; nothing announced is what ends works.
        if contents.events.is_empty() && ical.owner.kind != Kind::Maintenance {
            nothing_blocked(ical, &contents, found);
            continue;
        }
        if names_no_zone(ical, &contents, documents, found) {
            continue;
        }
        let name = format!(
            "calendar/{}/{}/{}",
            ical.owner.kind.word(),
            ical.owner.name,
            ical.path
        );
        let digest = Digest::of(contents.kept.as_bytes());
        note(ical, &contents, documents);
        put(ical, contents.events, digest, documents);
        documents.texts.insert(name, contents.kept);
    }
}

fn nothing_blocked(ical: &Ical, contents: &Contents, found: &mut Found) {
    let message = format!("`{}` has no event that blocks time", ical.path);
    let hint = match contents.left_out.iter().next() {
        Some(_) => format!(
            "{}; mark them as busy, or export another calendar",
            counted(contents)
        ),
        None => "it has no event at all; export another calendar".to_owned(),
    };
    found.report(Report::new(Code::BadCalendar, ical.place, message).hint(hint));
}

/// Work is on hosts of several zones, so that a day alone says not when it is.
fn names_no_zone(
    ical: &Ical,
    contents: &Contents,
    documents: &Documents,
    found: &mut Found,
) -> bool {
    if ical.owner.kind != Kind::Maintenance {
        return false;
    }
    let maintenance = documents.maintenances.get(&ical.owner.name);
    let mut works = maintenance.into_iter().flat_map(|it| &it.work);
    let work = works.find(|work| work.name == ical.element);
    let Some(AnnouncedFor::Events { zone: None, .. }) = work.map(|work| &work.when) else {
        return false;
    };
    let Some(event) = contents.events.iter().find(|event| event.needs_zone()) else {
        return false;
    };
    let message = format!(
        "{} of `{}` is at a day or a time of which the file does not say where",
        event
            .summary
            .as_ref()
            .map_or_else(|| "an event".to_owned(), |it| format!("`{it}`")),
        ical.path
    );
    let hint = "say it beside `ical`, for example `zone: Europe/Berlin`";
    found.report(Report::new(Code::BadCalendar, ical.place, message).hint(hint));
    true
}

fn counted(contents: &Contents) -> String {
    let mut words = Vec::new();
    for (what, count) in &contents.left_out {
        words.push(format!("{count} {what}"));
    }
    format!("its events do not: {}", words.join(", "))
}

/// Says what was left out.
fn note(ical: &Ical, contents: &Contents, documents: &mut Documents) {
    if contents.left_out.is_empty() {
        return;
    }
    let words: Vec<String> = contents
        .left_out
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    documents.notes.push(format!(
        "{} `{}`: events of `{}` that block no time: {}",
        ical.element_word(),
        ical.element,
        ical.path,
        words.join(", ")
    ));
}

/// Where the events go: the digest of their text, the events, and the digest of the whole document.
type Into<'d> = (&'d mut Digest, &'d mut Vec<Event>, &'d mut Digest);

/// What names the file, if it was read.
fn into<'d>(ical: &Ical, documents: &'d mut Documents) -> Option<Into<'d>> {
    let name = &ical.owner.name;
    let (freezes, whole) = match ical.owner.kind {
        Kind::Fleet => {
            let fleet = documents
                .fleet
                .as_mut()
                .filter(|fleet| fleet.name == *name)?;
            (&mut fleet.calendar.freezes, &mut fleet.digest)
        }
        Kind::Policy => {
            let policy = documents.policies.get_mut(name)?;
            (&mut policy.calendar.freezes, &mut policy.digest)
        }
        Kind::Maintenance => {
            let maintenance = documents.maintenances.get_mut(name)?;
            let mut works = maintenance.work.iter_mut();
            let work = works.find(|work| work.name == ical.element)?;
            return match &mut work.when {
                AnnouncedFor::Events { digest, events, .. } => {
                    Some((digest, events, &mut maintenance.digest))
                }
                AnnouncedFor::Once { .. } => None,
            };
        }
        Kind::Update
        | Kind::Recipe
        | Kind::Care
        | Kind::People
        | Kind::World
        | Kind::Notify
        | Kind::Exception
        | Kind::Advisory => return None,
    };
    match &mut freezes.get_mut(&ical.element)?.when {
        Frozen::Events { digest, events, .. } => Some((digest, events, whole)),
        Frozen::Between { .. } => None,
    }
}

fn put(ical: &Ical, new: Vec<Event>, text: Digest, documents: &mut Documents) {
    let Some((digest, events, _)) = into(ical, documents) else {
        return;
    };
    (*digest, *events) = (text, new);
    // The document's digest covers what it names, as for an inventory.
    let key = format!("{}/{}", ical.owner.kind.word(), ical.owner.name);
    if let Some(document) = documents.texts.get_mut(&key) {
        if !document.ends_with('\n') {
            document.push('\n');
        }
        let path = render::escaped(&ical.path);
        document.extend(["# calendar ", &path, ": ", &text.to_string(), "\n"]);
        let covering = Digest::of(document.as_bytes());
        if let Some((.., whole)) = into(ical, documents) {
            *whole = covering;
        }
    }
}

/// Reads one file.
fn contents(
    source: usize,
    text: &str,
    zones: &mut Vec<ZoneUse>,
    known: &BTreeSet<String>,
    found: &mut Found,
) -> Contents {
    let Some(lines) = lines(source, text, found) else {
        return Contents::default();
    };
    let components = components(lines, found);
    let mut reader = Reader {
        zones: Zones {
            known: (!known.is_empty()).then_some(known),
            locations: components.locations,
        },
        found,
        used: BTreeMap::new(),
        times: 0,
    };
    let mut contents = Contents {
        kept: components.kept,
        ..Contents::default()
    };
    // By series: which of its events are replaced or cancelled one by one.
    let mut replaced: BTreeMap<String, Vec<Moment>> = BTreeMap::new();
    let mut blocking = Vec::new();
    for raw in &components.events {
        let Some(read) = reader.event(raw) else {
            continue;
        };
        let uid = read.uid.unwrap_or_default();
        let is_single = read.instead_of.is_some();
        if let Some(moment) = read.instead_of {
            replaced.entry(uid.clone()).or_default().push(moment);
        }
        let mut leave_out = |what| *contents.left_out.entry(what).or_default() += 1;
        match read.is {
            Is::Blocking(event) => blocking.push((uid, is_single, event)),
            Is::Cancelled => leave_out("cancelled"),
            Is::Transparent => leave_out("marked as free"),
            Is::Instant => leave_out("without a length"),
        }
    }
    for (uid, is_single, mut event) in blocking {
        if !is_single && let Some(moments) = replaced.get(&uid) {
            event.except.extend(moments.iter().cloned());
        }
        contents.events.push(*event);
    }
    for (zone, place) in reader.used {
        zones.push(ZoneUse {
            name: zone.as_str().to_owned(),
            place,
            by: "the calendar".to_owned(),
        });
    }
    contents
}
