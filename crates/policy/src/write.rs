//! An update as the document a person would have written. Pure; reading it back gives the same update.

use std::fmt::{self, Write as _};

use crate::validated::{Cve, Release, Update};

/// The widest line of a list, in characters.
const WIDTH: usize = 100;

/// The document.
pub fn write_update(update: &Update) -> String {
    let mut text = format!("ringway: update/v1\nname: {}\n", scalar(&update.name));
    if let Some(released) = update.released {
        put(&mut text, format_args!("released: {released}\n"));
    }
    if let Some(severity) = &update.severity {
        put(&mut text, format_args!("severity: {}\n", scalar(severity)));
    }
    if !update.cves.is_empty() {
        text.push_str("cves:\n");
    }
    for one in &update.cves {
        cve(&mut text, one);
    }
    text.push_str("releases:\n");
    for one in &update.releases {
        release(&mut text, one);
    }
    if !update.supersedes.is_empty() {
        text.push_str("supersedes:\n");
        for one in &update.supersedes {
            put(&mut text, format_args!("  - {}\n", scalar(one)));
        }
    }
    put(
        &mut text,
        format_args!("recipe: {}\n", scalar(&update.recipe)),
    );
    text
}

fn release(text: &mut String, release: &Release) {
    let select = scalar(&release.select.to_string());
    put(text, format_args!("  - select: {select}\n"));
    put(text, format_args!("    id: {}\n", scalar(&release.id)));
    if let Some(build) = &release.build {
        put(text, format_args!("    build: {}\n", scalar(build)));
    }
    let vendor = &release.vendor;
    list(text, "    supersedes", &vendor.supersedes);
    if let Some(restart) = vendor.restart {
        put(text, format_args!("    restart: {}\n", restart.word()));
    }
    if vendor.hotpatch {
        text.push_str("    hotpatch: yes\n");
    }
    list(text, "    cves", vendor.cves.as_deref().unwrap_or_default());
    if !release.with.is_empty() {
        text.push_str("    with:\n");
    }
    for (name, value) in &release.with {
        if is_block(value) {
            put(text, format_args!("      {}: |-\n", scalar(name)));
            for line in value.lines() {
                put(text, format_args!("        {line}\n"));
            }
        } else {
            put(
                text,
                format_args!("      {}: {}\n", scalar(name), scalar(value)),
            );
        }
    }
}

fn cve(text: &mut String, cve: &Cve) {
    put(text, format_args!("  - {{ id: {}", scalar(&cve.id)));
    if let Some(severity) = &cve.severity {
        put(text, format_args!(", severity: {}", scalar(severity)));
    }
    for (is_so, word) in [(cve.exploited, "exploited"), (cve.disclosed, "disclosed")] {
        if is_so {
            put(text, format_args!(", {word}: yes"));
        }
    }
    text.push_str(" }\n");
}

/// A list between brackets, on as many lines as it needs; nothing where it is empty.
fn list(text: &mut String, key: &str, values: &[String]) {
    if values.is_empty() {
        return;
    }
    let indent = key.len() - key.trim_start().len() + 2;
    put(text, format_args!("{key}: ["));
    let mut width = key.len() + 3;
    for (i, value) in values.iter().enumerate() {
        let value = scalar(value);
        let length = value.chars().count();
        if i > 0 && width + length + 2 > WIDTH {
            put(text, format_args!(",\n{:indent$}", ""));
            width = indent;
        } else if i > 0 {
            text.push_str(", ");
            width += 2;
        }
        text.push_str(&value);
        width += length;
    }
    text.push_str("]\n");
}

fn put(text: &mut String, more: fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a string takes every text");
}

/// Whether several lines can stand as they are: every one begins and ends with something that is seen.
fn is_block(value: &str) -> bool {
    let seen = |line: &str| {
        !line.is_empty() && line.trim() == line && line.chars().all(|c| !c.is_control())
    };
    value.lines().count() > 1 && !value.ends_with('\n') && value.lines().all(seen)
}

/// One value, as written where it can be, in quotes where not.
fn scalar(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+');
    let is_word = value.starts_with(|c: char| c.is_ascii_alphabetic()) && value.chars().all(plain);
    if is_word {
        value.to_owned()
    } else if value.chars().any(char::is_control) {
        // A string of JSON is one of YAML, with the same escapes.
        serde_json::to_string(value).expect("a string is a value of JSON")
    } else {
        format!("'{}'", value.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use crate::Source;

    use super::*;

    const DOCUMENTS: &str = r#"
ringway: update/v1
name: 2026-04-security
released: 2026-04-14T17:00:00Z
severity: critical
cves:
  - { id: CVE-2026-1, severity: important, exploited: yes }
  - { id: 'CVE-2026-2: odd', disclosed: yes }
releases:
  - supersedes: [KB0, '1']
    restart: maybe
    hotpatch: yes
    cves: ['CVE-2026-2: odd']
    select: os = debian-12 | 'debian 13' and not has legacy
    id: no
    build: 1.10
    with: { apply: "it's \"quoted\"\t#!", inspect: "one\ntwo", rollback: "" }
  - { select: all, id: '- odd: [x', with: { apply: " a\nb ", inspect: "x: y\n" } }
supersedes: [KB1, 'no']
recipe: script
"#;

    fn read(text: &str) -> Update {
        let read = crate::read(&[Source::new("u.yaml", text)]);
        let documents = read.map_err(|problems| problems.to_string()).unwrap();
        documents.updates["2026-04-security"].clone()
    }

    /// A value that changes on its way through the file is another update than the one that was asked for.
    #[test]
    fn what_is_written_reads_back_to_the_same_update() {
        let before = read(DOCUMENTS);
        let text = write_update(&before);
        let after = read(&text);
        let same = |u: &Update| {
            let releases: Vec<_> = u
                .releases
                .iter()
                .map(|r| {
                    (
                        r.select.to_string(),
                        r.id.clone(),
                        r.build.clone(),
                        r.with.clone(),
                        r.vendor.clone(),
                    )
                })
                .collect();
            (
                u.released,
                u.severity.clone(),
                u.supersedes.clone(),
                u.recipe.clone(),
                u.cves.clone(),
                releases,
            )
        };
        assert_eq!(same(&before), same(&after), "{text}");
        assert!(
            text.contains("      inspect: |-\n        one\n        two\n"),
            "{text}"
        );
    }
}
