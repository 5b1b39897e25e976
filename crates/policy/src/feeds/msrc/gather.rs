//! What the document says of one product line, brought together by content, with what is doubtful about it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::xml::shown;
use super::lines::Line;
use super::read::{Feed, Finding, Fix};
use crate::validated::Restart;

/// Kinds of updates that are a line's own: every host of the line has exactly one of these.
const STANDARD: [&str; 2] = ["security update", "monthly rollup"];

/// Findings being collected; the same one again is counted.
#[derive(Debug, Default)]
pub(super) struct Findings {
    by_message: BTreeMap<String, (usize, usize, bool)>,
}

impl Findings {
    pub(super) fn tell(&mut self, line: usize, message: String) {
        self.add(line, message, false);
    }

    pub(super) fn leave_out(&mut self, line: usize, message: String) {
        self.add(line, message, true);
    }

    fn add(&mut self, line: usize, message: String, left_out: bool) {
        let known = self.by_message.entry(message);
        known
            .and_modify(|(first, more, out)| {
                *first = line.min(*first);
                *more += 1;
                *out |= left_out;
            })
            .or_insert((line, 0, left_out));
    }

    /// In the order of lines.
    pub(super) fn into_vec(self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self
            .by_message
            .into_iter()
            .map(|(message, (line, more, left_out))| Finding {
                line,
                message,
                more,
                left_out,
                products: BTreeSet::new(),
            })
            .collect();
        all.sort();
        all
    }
}

/// One content for a line.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// `KB5078740`.
    pub(super) id: String,
    /// Empty for what is the line's own; else the kind of what is installed beside it.
    pub(super) track: String,
    pub(super) hotpatch: bool,
    pub(super) line: usize,
    pub(super) build: Option<String>,
    pub(super) restart: Option<Restart>,
    pub(super) supersedes: BTreeSet<String>,
    pub(super) cves: BTreeSet<String>,
    pub(super) products: BTreeSet<String>,
    pub(super) url: Option<String>,
}

/// Everything the fixes of one KB say, before it is one thing.
#[derive(Debug, Default)]
struct Said<'f> {
    line: usize,
    kinds: BTreeMap<String, &'f str>,
    builds: BTreeSet<&'f str>,
    restarts: BTreeSet<Restart>,
    supersedes: BTreeSet<String>,
    cves: BTreeSet<String>,
    products: BTreeSet<String>,
    url: Option<&'f str>,
}

/// Every content of a line about which the document does not contradict itself, by id.
pub(super) fn contents(feed: &Feed, line: &Line, findings: &mut Findings) -> Vec<Content> {
    let mut said: BTreeMap<String, Said<'_>> = BTreeMap::new();
    for vulnerability in &feed.vulnerabilities {
        for fix in &vulnerability.fixes {
            let products = fix.products.iter().filter(|product| line.has(product));
            let products: BTreeSet<String> = products.cloned().collect();
            if products.is_empty() {
                continue;
            }
            let Some(id) = kb(&fix.id) else {
                let (name, id) = (&line.name, shown(&fix.id));
                let message = format!("{name}: `{id}` is no number of a KB, and is left out");
                findings.leave_out(fix.line, message);
                continue;
            };
            let of = said.entry(id.clone()).or_default();
            of.take(fix, &id, &line.name, findings);
            of.cves.insert(vulnerability.cve.clone());
            of.products.extend(products);
        }
    }
    said.into_iter()
        .filter_map(|(id, said)| said.settle(id, &line.name, findings))
        .collect()
}

impl<'f> Said<'f> {
    fn take(&mut self, fix: &'f Fix, id: &str, name: &str, findings: &mut Findings) {
        if self.line == 0 {
            self.line = fix.line;
        }
        self.kinds.insert(fix.kind.to_lowercase(), &fix.kind);
        self.builds.extend(fix.build.as_deref());
        self.url = self.url.or(fix.url.as_deref());
        match fix.restart.as_deref() {
            Some("Yes") => _ = self.restarts.insert(Restart::Always),
            Some("Maybe") => _ = self.restarts.insert(Restart::Maybe),
            Some("No") => _ = self.restarts.insert(Restart::Never),
            None => {
                let message = format!("{name}: {id} does not say whether a restart is needed");
                findings.tell(fix.line, message);
            }
            Some(other) => {
                let other = shown(other);
                let message = format!(
                    "{name}: {id} needs a restart: `{other}`, which says nothing that is known"
                );
                findings.tell(fix.line, message);
            }
        }
        let before = fix.supersedes.as_deref().unwrap_or_default();
        let parts = before.split([',', ';', ' ', '\n']).map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            match kb(part) {
                Some(own) if own == id => {
                    let message =
                        format!("{name}: {id} takes the place of itself, which is passed over");
                    findings.tell(fix.line, message);
                }
                Some(other) => _ = self.supersedes.insert(other),
                None => {
                    let part = shown(part);
                    let message = format!(
                        "{name}: {id} takes the place of `{part}`, which is no number of a KB"
                    );
                    findings.tell(fix.line, message);
                }
            }
        }
    }

    /// One content, or nothing where the document contradicts itself about what it is.
    fn settle(self, id: String, name: &str, findings: &mut Findings) -> Option<Content> {
        let several = |what: &str, values: Vec<&str>| {
            let values: Vec<String> = values.into_iter().map(shown).collect();
            format!(
                "{name}: {id} {what} `{}`, and is left out",
                values.join("` and `")
            )
        };
        if self.builds.len() > 1 {
            let builds = self.builds.iter().copied().collect();
            findings.leave_out(self.line, several("has the builds", builds));
            return None;
        }
        let tracks: BTreeSet<(bool, String)> = self.kinds.keys().map(|kind| track(kind)).collect();
        if tracks.len() > 1 {
            let kinds = self.kinds.values().copied().collect();
            findings.leave_out(self.line, several("is of the kinds", kinds));
            return None;
        }
        let (hotpatch, track) = tracks.into_iter().next()?;
        if self.kinds.contains_key("") {
            let message = format!(
                "{name}: {id} does not say of which kind it is, and is taken for the standard release"
            );
            findings.tell(self.line, message);
        }
        if self.builds.is_empty() {
            findings.tell(
                self.line,
                format!("{name}: {id} does not say which build it is"),
            );
        }
        if self.restarts.len() > 1 {
            let words: Vec<&str> = self.restarts.iter().map(|one| one.word()).collect();
            let message = format!(
                "{name}: {id} restarts {}: the last counts",
                words.join(" and ")
            );
            findings.tell(self.line, message);
        }
        Some(Content {
            id,
            track,
            hotpatch,
            line: self.line,
            build: self.builds.first().map(|build| (*build).to_owned()),
            restart: self.restarts.last().copied(),
            supersedes: self.supersedes,
            cves: self.cves,
            products: self.products,
            url: self.url.map(str::to_owned),
        })
    }
}

/// `KB5078740` of `5078740` or `KB5078740`.
pub(super) fn kb(text: &str) -> Option<String> {
    let digits = text.strip_prefix("KB").unwrap_or(text);
    let is_number = (4..=10).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| format!("KB{digits}"))
}

/// Whether a kind of update is a hotpatch, and its track.
fn track(kind: &str) -> (bool, String) {
    if kind.contains("hotpatch") {
        return (true, String::new());
    }
    if kind.is_empty() || STANDARD.contains(&kind) {
        return (false, String::new());
    }
    (false, slug(kind))
}

/// Letters and digits of a text, with `-` between.
pub(super) fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let mut slug = words.join("-");
    slug.truncate(60);
    if slug.is_empty() {
        "other".to_owned()
    } else {
        slug
    }
}

/// Takes the contents apart that a line has of one track: the one everybody gets, or one for hosts with a desktop and one
/// for those without. `true`: for hosts without.
pub(super) fn choose(
    mut contents: Vec<Content>,
    line: &Line,
    findings: &mut Findings,
) -> Vec<(Content, bool)> {
    let superseded: BTreeSet<String> = contents
        .iter()
        .flat_map(|content| content.supersedes.iter().cloned())
        .collect();
    let (old, mut new): (Vec<_>, Vec<_>) = contents
        .drain(..)
        .partition(|content| superseded.contains(&content.id));
    if let [only] = new.as_mut_slice() {
        for older in old {
            let message = format!(
                "{}: {} takes the place of {} of the same month, and mends what that mends",
                line.name, only.id, older.id
            );
            findings.tell(older.line, message);
            only.cves.extend(older.cves);
        }
    } else {
        new.extend(old);
    }
    match new.as_slice() {
        [] | [_] => new.into_iter().map(|content| (content, false)).collect(),
        [one, other] => {
            let within = |content: &Content, products: &BTreeSet<String>| {
                content.products.is_subset(products)
            };
            if within(one, &line.core) && within(other, &line.full) {
                new.into_iter().zip([true, false]).collect()
            } else if within(one, &line.full) && within(other, &line.core) {
                new.into_iter().rev().zip([true, false]).collect()
            } else {
                leave_out(&new, line, findings)
            }
        }
        [..] => leave_out(&new, line, findings),
    }
}

fn leave_out(contents: &[Content], line: &Line, findings: &mut Findings) -> Vec<(Content, bool)> {
    let ids: Vec<&str> = contents.iter().map(|content| content.id.as_str()).collect();
    let message = format!(
        "{}: {} are all its update of the month, none takes the place of the other, and all are left out",
        line.name,
        ids.join(" and ")
    );
    let first = contents.iter().map(|content| content.line).min();
    findings.leave_out(first.unwrap_or(0), message);
    Vec::new()
}
