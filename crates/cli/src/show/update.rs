//! An update as the document a person would have written. Pure; reading it back gives the same update.

use ringway_policy::validated::{Release, Update};

use super::words::put;

/// The document.
pub(crate) fn update(update: &Update) -> String {
    let mut text = format!("ringway: update/v1\nname: {}\n", scalar(&update.name));
    if let Some(released) = update.released {
        put(&mut text, format_args!("released: {released}\n"));
    }
    if let Some(severity) = &update.severity {
        put(&mut text, format_args!("severity: {}\n", scalar(severity)));
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
    use ringway_policy::Source;

    use super::*;

    const DOCUMENTS: &str = r#"
ringway: update/v1
name: 2026-04-security
released: 2026-04-14T17:00:00Z
severity: critical
releases:
  - select: os = debian-12 | 'debian 13' and not has legacy
    id: no
    build: 1.10
    with: { apply: "it's \"quoted\"\t#!", inspect: "one\ntwo", rollback: "" }
  - { select: all, id: '- odd: [x', with: { apply: " a\nb ", inspect: "x: y\n" } }
supersedes: [KB1, 'no']
recipe: script
"#;

    fn read(text: &str) -> Update {
        let read = ringway_policy::read(&[Source::new("u.yaml", text)]);
        let documents = read.map_err(|problems| problems.to_string()).unwrap();
        documents.updates["2026-04-security"].clone()
    }

    /// A value that changes on its way through the file is another update than the one that was asked for.
    #[test]
    fn what_is_written_reads_back_to_the_same_update() {
        let before = read(DOCUMENTS);
        let text = update(&before);
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
                    )
                })
                .collect();
            (
                u.released,
                u.severity.clone(),
                u.supersedes.clone(),
                u.recipe.clone(),
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
