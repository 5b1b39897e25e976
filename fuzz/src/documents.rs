//! Documents, and the inventories and calendars they name: problems that point into their texts, valid documents that
//! read back from their own texts and can be planned, linted and asked when they are open.

use std::collections::BTreeMap;

use ringway_model::Timestamp;
use ringway_policy::validated::Documents;
use ringway_policy::{
    At, Attachment, Attachments, Kind, Places, Problem, Problems, Source, What, imports, read_with,
};
use ringway_scheduler::lint::{Here, Question};
use ringway_scheduler::{Plan, compile_fleet, lint, make_plan};

use crate::{parts, when};

/// A hundred bytes of ranges stand for millions of hosts where somebody has such a fleet, and reading takes time with each.
const MOST_NAMES: usize = 5_000;

/// What is made of a fleet takes time in the number of its hosts; a short text can ask for thousands.
const MOST_HOSTS: usize = 60;

/// And what is read is read again, in two ways, where it has at most as many.
const VAST: usize = 2000;

/// Documents of every kind, with what they name in parts of their own.
pub(crate) fn documents(input: &[u8]) {
    let (text, others) = parts::split(input);
    drop(read(&text, &others));
}

/// An inventory; its first line is its file's name, and what lies beside it is in parts of its own. One that ends in `.csv` is
/// a table; one that says what it is, as `inventory/v1` does, is what a command prints.
pub(crate) fn inventories(input: &[u8]) {
    let (text, mut others) = parts::split(input);
    let end = text.iter().position(|byte| *byte == b'\n');
    let (name, inventory) = text.split_at(end.map_or(text.len(), |end| end + 1));
    let name = String::from_utf8_lossy(name).trim().to_owned();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
        return;
    }
    let import = if name
        .rsplit_once('.')
        .is_some_and(|(_, ending)| ending == "csv")
    {
        format!("csv: \"{name}\", source: it")
    } else if inventory.windows(9).any(|word| word == b"\"ringway\"") {
        format!("command: [cat, \"{name}\"], source: it")
    } else {
        format!("ansible: \"{name}\"")
    };
    let connect = if import.starts_with("ansible") {
        ""
    } else {
        "connect: local\n"
    };
    let fleet = format!("ringway: fleet/v1\nname: corp\nimport: [{{ {import} }}]\n{connect}");
    others.insert(name.clone(), inventory.to_vec());
    if others
        .values()
        .map(|text| most_names(text))
        .fold(0, usize::saturating_add)
        > MOST_NAMES
    {
        return;
    }
    if let Some(documents) = read(fleet.as_bytes(), &others).filter(|read| !is_vast(read)) {
        let again = redacted(&documents, &others);
        // A text without its secrets may be none that Ansible reads: a secret can be anything, a whole host line too.
        if let Some(again) = read(fleet.as_bytes(), &again) {
            let texts = |documents: &Documents| -> Vec<(String, String)> {
                let texts = documents.texts.iter();
                let inventories = texts.filter(|(name, _)| name.starts_with("inventory/"));
                inventories
                    .map(|(name, text)| (name.clone(), text.clone()))
                    .collect()
            };
            assert_eq!(
                texts(&documents),
                texts(&again),
                "what is kept of a text that was kept"
            );
        }
    }
}

/// At most so many names the ranges of a text stand for, without knowing what its lines are.
fn most_names(text: &[u8]) -> usize {
    let lines = text
        .split(|byte| *byte == b'\n')
        .map(String::from_utf8_lossy);
    let of_line = |line: std::borrow::Cow<'_, str>| -> usize {
        let ranges = line.split('[').skip(1);
        let ranges = ranges.filter_map(|rest| rest.split_once(']')?.0.split_once(':'));
        let names = ranges.map(|(from, to)| {
            let to = to.split(':').next().unwrap_or_default();
            match (from.parse::<usize>(), to.parse::<usize>()) {
                (Ok(from), Ok(to)) => to.saturating_sub(from).saturating_add(1),
                // An empty beginning is nothing.
                (Err(_), Ok(to)) => to.saturating_add(1),
                (_, Err(_)) => 52,
            }
        });
        let names: Vec<usize> = names.collect();
        if names.is_empty() {
            return 0;
        }
        names.into_iter().fold(1, usize::saturating_mul)
    };
    lines.map(of_line).fold(0, usize::saturating_add)
}

/// The texts that are kept of what was handed over.
fn redacted(
    documents: &Documents,
    others: &BTreeMap<String, Vec<u8>>,
) -> BTreeMap<String, Vec<u8>> {
    let kept = |name: &String| {
        let text = documents.texts.get(&format!("inventory/{name}"))?;
        Some(text.clone().into_bytes())
    };
    others
        .iter()
        .map(|(name, bytes)| (name.clone(), kept(name).unwrap_or_else(|| bytes.clone())))
        .collect()
}

/// An iCalendar file that freezes every host.
pub(crate) fn icalendar(input: &[u8]) {
    const FLEET: &str = "ringway: fleet/v1\nname: corp\nconnect: local\nzone: Europe/Berlin\nfreezes: { it: { ical: it.ics } }\nhosts: [{ name: a }, { name: b, zone: America/New_York }]\n---\nringway: policy/v1\nname: monthly\napplies_to: all\nrings: [{ name: all, hosts: rest, soak: 1h }]\n";
    let others = BTreeMap::from([("it.ics".to_owned(), input.to_vec())]);
    drop(read(FLEET.as_bytes(), &others));
}

/// Reads documents with what is beside them, and looks at everything that comes of it.
fn read(text: &[u8], others: &BTreeMap<String, Vec<u8>>) -> Option<Documents> {
    let sources = [Source::new("it.yaml", text)];
    let wanted = imports(&sources);
    let found = wanted.iter().map(|wanted| {
        let shown = wanted.what.shown();
        // A command prints the file that is its last word.
        let path = match &wanted.what {
            What::File(path) => path.as_str(),
            What::Output(_) => shown.rsplit(' ').next().unwrap_or_default(),
        };
        let attachment = attachment(path, others);
        (
            wanted.clone(),
            attachment.ok_or_else(|| "there is no such file".to_owned()),
        )
    });
    let attachments = Attachments {
        found: found.collect(),
        zones: when::names(),
    };
    match read_with(&sources, &attachments) {
        Ok(documents) => {
            valid(&documents, &sources, &attachments);
            Some(documents)
        }
        Err(problems) => {
            told(&problems, &sources[0], others);
            None
        }
    }
}

/// What lies at a path: a file with what is beside it, or a directory.
fn attachment(path: &str, others: &BTreeMap<String, Vec<u8>>) -> Option<Attachment> {
    if others.contains_key(path) {
        let (folder, file) = path
            .rsplit_once('/')
            .map_or(("", path), |(folder, file)| (folder, file));
        let below = |name: &str| match folder {
            "" => Some(name.to_owned()),
            _ => name
                .strip_prefix(folder)?
                .strip_prefix('/')
                .map(str::to_owned),
        };
        let is_beside = |name: &str| {
            name == file || name.starts_with("group_vars") || name.starts_with("host_vars")
        };
        let files = others
            .iter()
            .filter_map(|(name, bytes)| Some((below(name)?, bytes.clone())));
        return Some(Attachment {
            file: Some(file.to_owned()),
            files: files.filter(|(name, _)| is_beside(name)).collect(),
        });
    }
    let folder = format!("{}/", path.trim_end_matches('/'));
    let files: BTreeMap<String, Vec<u8>> = others
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_prefix(&folder)?.to_owned(), bytes.clone())))
        .collect();
    (!files.is_empty()).then_some(Attachment { file: None, files })
}

/// Problems stand inside of their texts, and no text gets out of its line.
fn told(problems: &Problems, source: &Source, others: &BTreeMap<String, Vec<u8>>) {
    assert!(!problems.problems.is_empty(), "no documents and no problem");
    for problem in &problems.problems {
        let name = problem.source.as_str();
        if name == source.name {
            // An inventory may be called as the document is that imports it: then nobody knows which of them is meant.
            if !others.contains_key(name) {
                placed(problem, &source.bytes);
            }
            continue;
        }
        // A command prints the file that is its last word; a file may be called as its output is.
        let printed = name.strip_prefix("output of ");
        let printed = printed.and_then(|words| others.get(words.rsplit(' ').next()?));
        // A name with odd characters is told escaped.
        match (others.get(name), printed) {
            (Some(bytes), None) | (None, Some(bytes)) => placed(problem, bytes),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    let report = problems.to_string();
    let is_plain = |c: char| c == '\n' || !c.is_control();
    assert!(
        report.chars().all(is_plain),
        "a control character in a report: {report:?}"
    );
    drop(problems.to_json());
}

fn placed(problem: &Problem, bytes: &[u8]) {
    let span = &problem.span;
    assert!(
        span.start <= span.end && span.end <= bytes.len(),
        "a place outside of its text: {problem:?}"
    );
    assert!(!problem.message.is_empty(), "{problem:?}");
    let texts = [
        Some(&problem.message),
        problem.hint.as_ref(),
        problem.snippet.as_ref().map(|it| &it.text),
    ];
    for text in texts.into_iter().flatten() {
        assert!(
            !text.chars().any(char::is_control),
            "a control character: {problem:?}"
        );
    }
    if let Some(snippet) = &problem.snippet {
        let length = snippet.text.chars().count();
        assert!(
            snippet.marked > 0 && snippet.before + snippet.marked <= length + 1,
            "carets outside of the line: {problem:?}"
        );
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    assert!(
        text.is_char_boundary(span.start) && text.is_char_boundary(span.end),
        "a place inside of a character: {problem:?}"
    );
    if problem.line == 0 {
        return;
    }
    let before = &text[..span.start];
    let line = before.matches('\n').count() + 1;
    assert_eq!(problem.line, line, "{problem:?}");
    let since = before.rsplit('\n').next().unwrap_or_default();
    let column = since.trim_start_matches('\u{feff}').chars().count() + 1;
    assert_eq!(problem.column, column, "{problem:?}");
}

/// What is valid reads back from its own texts, and everything that is made of it can be made.
fn valid(documents: &Documents, sources: &[Source], attachments: &Attachments) {
    if is_vast(documents) {
        return;
    }
    reads_back(documents, attachments);
    let places = Places::of(sources);
    for name in documents.policies.keys() {
        let at = At::document(Kind::Policy, name.clone());
        assert!(places.find(&at).is_some(), "policy `{name}` stands nowhere");
        drop(places.find(&at.key("rings").item(0).key("soak")));
    }
    if hosts_of(documents) > MOST_HOSTS {
        return;
    }
    when::of_documents(documents, when::all());
    planned(documents);
}

fn hosts_of(documents: &Documents) -> usize {
    documents
        .fleet
        .as_ref()
        .map_or(0, |fleet| fleet.hosts.len())
}

/// Whether some ranges stand for so many hosts that one reading is a good part of what an input may cost. A smaller fleet
/// shows the same in what is compared.
fn is_vast(documents: &Documents) -> bool {
    hosts_of(documents) > VAST
}

fn reads_back(documents: &Documents, attachments: &Attachments) {
    let texts = documents.texts.iter();
    let sources: Vec<Source> = texts
        .filter(|(name, _)| !name.starts_with("inventory/") && !name.starts_with("calendar/"))
        .map(|(_, text)| Source::new("it.yaml", text.as_str()))
        .collect();
    let again = match read_with(&sources, attachments) {
        Ok(again) => again,
        Err(problems) => panic!("it does not read back: {problems}"),
    };
    // The text of what names other texts ends with their digests, so that reading it once more ends with them twice.
    if attachments.found.is_empty() {
        assert_eq!(documents.texts, again.texts);
        assert_eq!(documents.fleet, again.fleet);
        assert_eq!(documents.policies, again.policies);
    } else {
        let hosts =
            |documents: &Documents| documents.fleet.as_ref().map(|fleet| fleet.hosts.clone());
        assert_eq!(hosts(documents), hosts(&again));
    }
    assert_eq!(documents.updates, again.updates);
    assert_eq!(documents.recipes, again.recipes);
    assert_eq!(documents.cares, again.cares);
    assert_eq!(documents.worlds, again.worlds);
    assert_eq!(documents.maintenances, again.maintenances);
    assert_eq!(documents.exceptions, again.exceptions);
    assert_eq!(documents.advisories, again.advisories);
    assert_eq!(documents.people, again.people);
    assert_eq!(documents.notify, again.notify);
}

fn planned(documents: &Documents) {
    let Some(fleet) = documents
        .fleet
        .as_ref()
        .and_then(|fleet| compile_fleet(fleet).ok())
    else {
        return;
    };
    let (digest, bytes) = fleet.encode();
    assert_eq!(digest, fleet.digest());
    let again = ringway_scheduler::FleetSpec::decode(&bytes).expect("it was encoded");
    assert_eq!(fleet, again);
    let here = Here::default();
    let question = Question {
        fleet: &fleet,
        documents,
        policy: None,
        update: None,
        seed: 7,
        now: Timestamp(1_780_000_000_000),
        here: &here,
        zones: Some(when::all()),
    };
    drop(lint(&question));
    for policy in documents.policies.keys().take(2) {
        for update in documents.updates.keys().take(2) {
            let Ok(plan) = make_plan(&fleet, documents, policy, update, 7) else {
                continue;
            };
            let (digest, bytes) = plan.encode();
            assert_eq!(digest, plan.digest());
            assert_eq!(Plan::decode(&bytes).as_ref(), Ok(&plan));
        }
    }
}
