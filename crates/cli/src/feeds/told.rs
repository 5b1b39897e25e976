//! What was made of a feed, in words and as data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ringway_model::Timestamp;
use ringway_policy::feeds::msrc::{self, Draft, Drafted, Feed};
use ringway_policy::validated::Restart;
use serde::Serialize;

use crate::args::Msrc;
use crate::out::Out;
use crate::show::{bold, put};

/// An update that was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Made {
    pub(super) name: String,
    /// Where it was written.
    pub(super) file: Option<PathBuf>,
    severity: Option<String>,
    released: Option<Timestamp>,
    cves: usize,
    exploited: usize,
    disclosed: usize,
    releases: Vec<Release>,
    pub(super) document: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Release {
    line: String,
    select: String,
    id: String,
    build: Option<String>,
    restart: Option<Restart>,
    hotpatch: bool,
    supersedes: Vec<String>,
    cves: usize,
}

/// A month, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told<'t> {
    month: &'t str,
    title: &'t str,
    revision: Option<&'t str>,
    revised: Option<&'t str>,
    updates: &'t [Made],
    known_issues: Vec<Issue<'t>>,
    findings: Vec<Found<'t>>,
    counts: Counts<'t>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Issue<'t> {
    release: &'t str,
    lines: Vec<&'t str>,
    url: Option<&'t str>,
    line: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found<'t> {
    line: usize,
    message: &'t str,
    /// How often it shows again.
    more: usize,
    left_out: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Counts<'t> {
    vulnerabilities: usize,
    remediations: &'t BTreeMap<String, usize>,
    findings_elsewhere: usize,
    products_elsewhere: usize,
}

/// A product, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Product {
    #[serde(rename = "product")]
    name: String,
    id: String,
    line: Option<&'static str>,
    updates: usize,
    cves: usize,
}

impl Made {
    pub(super) fn new(drafted: &Drafted, document: String) -> Self {
        let update = &drafted.update;
        let releases = update.releases.iter().zip(&drafted.lines);
        Self {
            name: update.name.clone(),
            file: None,
            severity: update.severity.clone(),
            released: update.released,
            cves: update.cves.len(),
            exploited: update.cves.iter().filter(|cve| cve.exploited).count(),
            disclosed: update.cves.iter().filter(|cve| cve.disclosed).count(),
            releases: releases
                .map(|(release, line)| Release {
                    line: line.clone(),
                    select: release.select.to_string(),
                    id: release.id.clone(),
                    build: release.build.clone(),
                    restart: release.vendor.restart,
                    hotpatch: release.vendor.hotpatch,
                    supersedes: release.vendor.supersedes.clone(),
                    cves: update.mends(release).count(),
                })
                .collect(),
            document,
        }
    }
}

/// Tells what was made: documents on standard output where no file has them, and the words beside them.
pub(super) fn made(out: Out, args: &Msrc, feed: &Feed, draft: &Draft, made: &[Made]) {
    if !out.is_text() {
        out.value(&told(feed, draft, made), |_| String::new());
        return;
    }
    let words = words(&args.file, feed, draft, made);
    if args.out.is_some() {
        out.text(&words);
        return;
    }
    out.say(words.trim_end());
    let documents: Vec<&str> = made.iter().map(|one| one.document.as_str()).collect();
    if !documents.is_empty() {
        out.raw(&documents.join("---\n"));
    }
}

fn told<'t>(feed: &'t Feed, draft: &'t Draft, made: &'t [Made]) -> Told<'t> {
    let revision = feed.revision.as_ref();
    let issues = draft.issues.iter().map(|issue| Issue {
        release: &issue.release,
        lines: issue.lines.iter().map(String::as_str).collect(),
        url: issue.url.as_deref(),
        line: issue.line,
    });
    Told {
        month: &feed.id,
        title: &feed.title,
        revision: revision.map(|(number, _)| number.as_str()),
        revised: revision.map(|(_, at)| at.as_str()),
        updates: made,
        known_issues: issues.collect(),
        findings: draft.findings.iter().map(found).collect(),
        counts: Counts {
            vulnerabilities: feed.count,
            remediations: &draft.types,
            findings_elsewhere: draft.findings_elsewhere,
            products_elsewhere: draft.products_elsewhere,
        },
    }
}

fn found(finding: &msrc::Finding) -> Found<'_> {
    Found {
        line: finding.line,
        message: &finding.message,
        more: finding.more,
        left_out: finding.left_out,
    }
}

fn words(file: &Path, feed: &Feed, draft: &Draft, made: &[Made]) -> String {
    let mut text = heading(feed);
    for one in made {
        update(&mut text, one);
    }
    if made.is_empty() {
        text.push_str("nothing was made of it\n");
    }
    if made
        .iter()
        .flat_map(|one| &one.releases)
        .any(|release| release.hotpatch)
    {
        text.push_str(
            "  hotpatches go to hosts that their `select` names: `--hotpatch` says which, `--without-hotpatch` leaves them out\n",
        );
    }
    if !draft.issues.is_empty() {
        text.push_str(
            "known issues, of which the document says only where to read; each is a note beside its update (`advisory/v1`), which holds nobody until a person writes whom it affects:\n",
        );
    }
    for issue in &draft.issues {
        let lines: Vec<&str> = issue.lines.iter().map(String::as_str).collect();
        let url = issue.url.as_deref().unwrap_or("nowhere");
        put(
            &mut text,
            format_args!("  {} on {}: {url}\n", issue.release, lines.join(", ")),
        );
    }
    findings(&mut text, file, &draft.findings);
    let types = draft.types.iter().map(|(kind, n)| format!("{n} {kind}"));
    let types: Vec<String> = types.collect();
    put(
        &mut text,
        format_args!(
            "{} vulnerabilities with remediations: {}\nnot asked for: {} products with updates, {} findings about such (`--list` shows them)\n",
            feed.count,
            types.join(", "),
            draft.products_elsewhere,
            draft.findings_elsewhere
        ),
    );
    text
}

fn heading(feed: &Feed) -> String {
    let revision = feed.revision.as_ref();
    let revision = revision.map(|(number, at)| format!(", revision {number} of {at}"));
    format!(
        "{}: {}{}\n",
        feed.id,
        feed.title,
        revision.unwrap_or_default()
    )
}

fn update(text: &mut String, one: &Made) {
    let to = one
        .file
        .as_ref()
        .map(|path| format!(" -> {}", path.display()));
    let severity = one.severity.as_ref().map(|word| format!(", {word}"));
    put(
        text,
        format_args!(
            "{}: {} releases{}, {} CVEs ({} exploited, {} publicly disclosed){}\n",
            bold(&one.name),
            one.releases.len(),
            severity.unwrap_or_default(),
            one.cves,
            one.exploited,
            one.disclosed,
            to.unwrap_or_default()
        ),
    );
    let width = |of: fn(&Release) -> usize| one.releases.iter().map(of).max().unwrap_or(0);
    let line = width(|release| release.line.chars().count());
    let id = width(|release| release.id.len());
    let build = width(|release| release.build.as_ref().map_or(1, String::len));
    for release in &one.releases {
        let restart = match release.restart {
            Some(Restart::Always) => "restart",
            Some(Restart::Maybe) => "restart maybe",
            Some(Restart::Never) => "no restart",
            None => "restart not said",
        };
        let hotpatch = if release.hotpatch { "hotpatch, " } else { "" };
        let instead = if release.supersedes.is_empty() {
            String::new()
        } else {
            format!(", in the place of {}", release.supersedes.join(", "))
        };
        put(
            text,
            format_args!(
                "  {:line$}  {:id$}  {:build$}  {} CVEs, {hotpatch}{restart}{instead}\n",
                release.line,
                release.id,
                release.build.as_deref().unwrap_or("-"),
                release.cves
            ),
        );
    }
}

fn findings(text: &mut String, file: &Path, findings: &[msrc::Finding]) {
    let out = findings.iter().filter(|finding| finding.left_out).count();
    put(
        text,
        format_args!(
            "{} findings, {out} of which leave something out\n",
            findings.len()
        ),
    );
    for finding in findings {
        let more = match finding.more {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        put(
            text,
            format_args!(
                "  {}:{}: {}{more}\n",
                file.display(),
                finding.line,
                finding.message
            ),
        );
    }
}

/// `--list`.
pub(super) fn list(out: Out, feed: &Feed, all: &[msrc::Finding], file: &Path) {
    let products: Vec<Product> = msrc::list(feed)
        .into_iter()
        .map(|one| Product {
            name: one.product,
            id: one.id,
            line: one.line,
            updates: one.updates,
            cves: one.cves,
        })
        .collect();
    if !out.is_text() {
        let found: Vec<Found<'_>> = all.iter().map(found).collect();
        let value =
            serde_json::json!({ "month": feed.id, "products": products, "findings": found });
        out.value(&value, |_| String::new());
        return;
    }
    let mut text = heading(feed);
    for one in &products {
        let line = one.line.map(|line| format!("  line {line}"));
        put(
            &mut text,
            format_args!(
                "  {:>3} updates  {:>3} CVEs  {} ({}){}\n",
                one.updates,
                one.cves,
                one.name,
                one.id,
                line.unwrap_or_default()
            ),
        );
    }
    findings(&mut text, file, all);
    out.text(&text);
}
