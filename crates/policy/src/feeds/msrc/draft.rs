//! A month and what is wanted of it, to updates.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Digest, Timestamp};

use super::super::xml::shown;
use super::gather::{Content, Findings, choose, contents, kb, slug};
use super::lines::{Line, Wishes, both};
use super::read::{Feed, Finding, Vulnerability};
use crate::validated::{Cve, Release, Restart, Update, Vendor};

/// How bad something is, the worst first, in the words of Microsoft.
const SEVERITIES: [&str; 4] = ["critical", "important", "moderate", "low"];

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// What became of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The updates, that of the lines themselves first.
    pub updates: Vec<Drafted>,
    /// Known issues of what is in them.
    pub issues: Vec<KnownIssue>,
    /// What a person should look at, in the order of lines.
    pub findings: Vec<Finding>,
    /// How many findings are about products that are not asked for.
    pub findings_elsewhere: usize,
    /// How many products get updates and are not asked for.
    pub products_elsewhere: usize,
    /// How many remediations of each type the document has.
    pub types: BTreeMap<String, usize>,
}

/// An update, and the lines that each of its releases is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drafted {
    /// The update.
    pub update: Update,
    /// What each release is of, in the order of releases.
    pub lines: Vec<String>,
}

/// A known issue. The document says no more of it than where to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownIssue {
    /// Of which release.
    pub release: String,
    /// On which lines.
    pub lines: BTreeSet<String>,
    /// Where it is told.
    pub url: Option<String>,
    /// Where the document names it first.
    pub line: usize,
}

/// Makes updates of a month.
pub fn draft(feed: &Feed, wishes: &Wishes) -> Draft {
    let mut findings = Findings::default();
    let mut tracks: BTreeMap<String, Vec<(&Line, Content, bool)>> = BTreeMap::new();
    for line in &wishes.lines {
        let mut of: BTreeMap<(String, bool), Vec<Content>> = BTreeMap::new();
        for content in contents(feed, line, &mut findings) {
            // Hotpatches first: the first selector that matches a host counts, and theirs is the narrower one.
            let key = (content.track.clone(), !content.hotpatch);
            of.entry(key).or_default().push(content);
        }
        let fixes = feed.vulnerabilities.iter().flat_map(|one| &one.fixes);
        let mut products = fixes.flat_map(|fix| &fix.products);
        if !products.any(|product| line.has(product)) {
            let message = format!("{}: nothing in the document updates it", line.name);
            findings.tell(1, message);
        }
        for ((track, _), contents) in of {
            let chosen = choose(contents, line, &mut findings).into_iter();
            let chosen =
                chosen.filter(|(content, _)| !content.hotpatch || wishes.hotpatch.is_some());
            let chosen = chosen.map(|(content, core)| (line, content, core));
            tracks.entry(track).or_default().extend(chosen);
        }
        unmended(feed, line, &tracks, &mut findings);
        narrower(line, &tracks, &mut findings);
    }
    let base = wishes.name.clone().unwrap_or_else(|| name(&feed.id));
    let issues = issues(feed, &tracks);
    let updates = tracks
        .into_iter()
        .filter(|(_, contents)| !contents.is_empty())
        .map(|(track, contents)| {
            let name = if track.is_empty() {
                base.clone()
            } else {
                format!("{base}-{track}")
            };
            update(feed, wishes, name, &contents, &mut findings)
        })
        .collect();
    let is_asked = |product: &String| wishes.lines.iter().any(|line| line.has(product));
    let mut elsewhere = 0;
    for finding in &feed.findings {
        if finding.products.is_empty() || finding.products.iter().any(is_asked) {
            findings.tell(finding.line, finding.message.clone());
        } else {
            elsewhere += 1;
        }
    }
    let updated = feed.vulnerabilities.iter().flat_map(|of| &of.fixes);
    let updated: BTreeSet<&String> = updated.flat_map(|fix| &fix.products).collect();
    Draft {
        updates,
        issues,
        findings: findings.into_vec(),
        findings_elsewhere: elsewhere,
        products_elsewhere: updated.into_iter().filter(|id| !is_asked(id)).count(),
        types: feed.types.clone(),
    }
}

/// `2026-03-security` of `2026-Mar`.
fn name(id: &str) -> String {
    let month = id.split_once('-').and_then(|(year, month)| {
        let at = MONTHS
            .iter()
            .position(|known| month.eq_ignore_ascii_case(known))?;
        let is_year = year.len() == 4 && year.bytes().all(|b| b.is_ascii_digit());
        is_year.then(|| format!("{year}-{:02}", at + 1))
    });
    format!("{}-security", month.unwrap_or_else(|| slug(id)))
}

/// Vulnerabilities of a line that none of its releases mends.
fn unmended(
    feed: &Feed,
    line: &Line,
    tracks: &BTreeMap<String, Vec<(&Line, Content, bool)>>,
    findings: &mut Findings,
) {
    let of_line = tracks
        .values()
        .flatten()
        .filter(|(of, ..)| of.name == line.name);
    let mended: BTreeSet<&String> = of_line.flat_map(|(_, content, _)| &content.cves).collect();
    for vulnerability in &feed.vulnerabilities {
        if !vulnerability
            .affected
            .iter()
            .any(|product| line.has(product))
            || mended.contains(&vulnerability.cve)
        {
            continue;
        }
        let eased = vulnerability.eased.iter().any(|product| line.has(product));
        let but = if eased {
            "; the document has a workaround"
        } else {
            ""
        };
        let message = format!(
            "{}: no release mends {}{but}",
            line.name,
            shown(&vulnerability.cve)
        );
        findings.tell(vulnerability.line, message);
    }
}

/// What a line's standard release mends and its hotpatch does not: hosts that take hotpatches stay open to it.
fn narrower(
    line: &Line,
    tracks: &BTreeMap<String, Vec<(&Line, Content, bool)>>,
    findings: &mut Findings,
) {
    let own = tracks.get("").into_iter().flatten();
    let own = own.filter(|(of, ..)| of.name == line.name);
    let (hotpatches, standard): (Vec<_>, Vec<_>) =
        own.partition(|(_, content, _)| content.hotpatch);
    for (_, hotpatch, _) in hotpatches {
        let mended = standard.iter().flat_map(|(_, content, _)| &content.cves);
        let open: BTreeSet<&String> = mended.filter(|cve| !hotpatch.cves.contains(*cve)).collect();
        if !open.is_empty() {
            let open: Vec<String> = open.into_iter().map(|cve| shown(cve)).collect();
            let message = format!(
                "{}: hotpatch {} does not mend {}, which the standard release does",
                line.name,
                hotpatch.id,
                open.join(", ")
            );
            findings.tell(hotpatch.line, message);
        }
    }
}

fn issues(feed: &Feed, tracks: &BTreeMap<String, Vec<(&Line, Content, bool)>>) -> Vec<KnownIssue> {
    let mut of: BTreeMap<String, KnownIssue> = BTreeMap::new();
    let contents: Vec<&(&Line, Content, bool)> = tracks.values().flatten().collect();
    for issue in feed.vulnerabilities.iter().flat_map(|one| &one.issues) {
        let Some(release) = kb(&issue.id) else {
            continue;
        };
        for (line, content, _) in &contents {
            if content.id != release || !issue.products.iter().any(|product| line.has(product)) {
                continue;
            }
            let known = of.entry(release.clone()).or_insert_with(|| KnownIssue {
                release: release.clone(),
                lines: BTreeSet::new(),
                url: issue.url.clone(),
                line: issue.line,
            });
            known.lines.insert(line.name.clone());
        }
    }
    of.into_values().collect()
}

fn update(
    feed: &Feed,
    wishes: &Wishes,
    name: String,
    contents: &[(&Line, Content, bool)],
    findings: &mut Findings,
) -> Drafted {
    let wanted: BTreeSet<&String> = contents
        .iter()
        .flat_map(|(_, content, _)| &content.cves)
        .collect();
    let mut cves: BTreeMap<&str, Cve> = BTreeMap::new();
    let mut published: Option<Timestamp> = None;
    for vulnerability in feed
        .vulnerabilities
        .iter()
        .filter(|one| wanted.contains(&one.cve))
    {
        published = match (published, vulnerability.published) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let severity = severity(vulnerability, &wishes.lines, findings);
        let known = cves.entry(&vulnerability.cve).or_insert_with(|| Cve {
            id: vulnerability.cve.clone(),
            severity: None,
            exploited: false,
            disclosed: false,
        });
        known.severity = worst(known.severity.take().into_iter().chain(severity));
        known.exploited |= vulnerability.exploited;
        known.disclosed |= vulnerability.disclosed;
    }
    let cves: Vec<Cve> = cves.into_values().collect();
    let releases = contents
        .iter()
        .map(|(line, content, core)| release(wishes, line, content, *core, cves.len()));
    let update = Update {
        digest: Digest::of(name.as_bytes()),
        name,
        released: feed.released.max(published),
        severity: worst(cves.iter().filter_map(|cve| cve.severity.clone())),
        releases: releases.collect(),
        cves,
        supersedes: Vec::new(),
        recipe: wishes.recipe.clone(),
    };
    let lines = contents
        .iter()
        .map(|(line, ..)| line.name.clone())
        .collect();
    Drafted { update, lines }
}

/// How bad it is on these lines at the worst.
fn severity(of: &Vulnerability, lines: &[Line], findings: &mut Findings) -> Option<String> {
    let mut said = BTreeSet::new();
    for (product, text) in &of.severity {
        if !lines.iter().any(|line| line.has(product)) {
            continue;
        }
        let word = text.trim().to_lowercase();
        if SEVERITIES.contains(&word.as_str()) {
            said.insert(word);
        } else if !matches!(word.as_str(), "" | "none" | "n/a") {
            let (cve, text) = (shown(&of.cve), shown(text));
            let message = format!("{cve}: the severity `{text}` is not known, and does not count");
            findings.tell(of.line, message);
        }
    }
    if said.len() > 1 {
        let words: Vec<&str> = said.iter().map(String::as_str).collect();
        let message = format!(
            "{}: its severity differs between products, {}: the worst counts",
            shown(&of.cve),
            words.join(" and ")
        );
        findings.tell(of.line, message);
    }
    worst(said)
}

/// The worst of some severities.
fn worst(of: impl IntoIterator<Item = String>) -> Option<String> {
    let place = |word: &String| SEVERITIES.iter().position(|known| known == word);
    of.into_iter()
        .min_by_key(|word| place(word).unwrap_or(SEVERITIES.len()))
}

fn release(wishes: &Wishes, line: &Line, content: &Content, core: bool, all: usize) -> Release {
    let mut select = line.select.clone();
    if core {
        select = both(&select, &wishes.core);
    }
    if let (true, Some(hotpatch)) = (content.hotpatch, &wishes.hotpatch) {
        select = both(&select, hotpatch);
    }
    let mut with = wishes.with.clone();
    if wishes.recipe == "manual" {
        with.entry("instructions".to_owned())
            .or_insert_with(|| instructions(content));
    }
    Release {
        select,
        id: content.id.clone(),
        build: content.build.clone(),
        with,
        vendor: Vendor {
            supersedes: content.supersedes.iter().cloned().collect(),
            restart: content.restart,
            hotpatch: content.hotpatch,
            cves: (content.cves.len() < all).then(|| content.cves.iter().cloned().collect()),
        },
    }
}

/// What a person does on a host.
fn instructions(content: &Content) -> String {
    let what = if content.hotpatch { "hotpatch " } else { "" };
    let build = content
        .build
        .as_ref()
        .map(|build| format!(" (build {build})"));
    // Braces would be taken for a placeholder.
    let url = content.url.as_ref().filter(|url| !url.contains(['{', '}']));
    let from = url.map(|url| format!(" from {}", shown(url)));
    let then = match content.restart {
        Some(Restart::Always) => ", then restart",
        Some(Restart::Maybe) => ", then restart if it asks for that",
        Some(Restart::Never) => "; no restart is needed",
        None => "; restart if it asks for that",
    };
    format!(
        "install {what}{}{}{}{then}",
        content.id,
        build.unwrap_or_default(),
        from.unwrap_or_default()
    )
}
