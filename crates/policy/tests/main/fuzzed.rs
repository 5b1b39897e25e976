//! What fuzzing found in readers, one by one.

use ringway_policy::{Attachment, Attachments, Source, imports, read, read_with};

/// What is registered is read again, by an audit for one; a file's name must not end it early or add to it.
#[test]
fn the_name_of_an_imported_file_stays_in_its_comment() {
    let fleet = "ringway: fleet/v1\nname: corp\nimport: [{ ansible: hosts.ini }]\n";
    let sources = [Source::new("it.yaml", fleet)];
    let files = [
        ("hosts.ini", "[web]\nweb-1 ansible_connection=local\n"),
        ("group_vars/web\nname: other", "site: fra\n"),
    ];
    let attachment = Attachment {
        file: Some("hosts.ini".to_owned()),
        files: files
            .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
            .into(),
    };
    let found = imports(&sources)
        .into_iter()
        .map(|wanted| (wanted, Ok(attachment.clone())));
    let attachments = Attachments {
        found: found.collect(),
        ..Attachments::default()
    };
    let documents = read_with(&sources, &attachments).unwrap_or_else(|it| panic!("{it}"));
    let text = &documents.texts["fleet/corp"];
    let after = text.strip_prefix(fleet).unwrap();
    assert_eq!(after.lines().count(), 2, "{after}");
    assert!(after.lines().all(|line| line.starts_with("# ")), "{after}");
}

/// `all` is above every group. Put below one, it went in a circle, and reading never ended.
#[test]
fn the_group_of_all_hosts_is_below_no_other() {
    let fleet = "ringway: fleet/v1\nname: corp\nimport: [{ ansible: HOSTS }]\n";
    let inventories = [
        ("hosts.ini", "[web]\nweb-1\n[site:children]\nall\n"),
        (
            "hosts.yml",
            "site:\n  children:\n    all:\n      hosts:\n        web-1:\n",
        ),
    ];
    for (name, text) in inventories {
        let sources = [Source::new("it.yaml", fleet.replace("HOSTS", name))];
        let attachment = Attachment {
            file: Some(name.to_owned()),
            files: [(name.to_owned(), text.as_bytes().to_vec())].into(),
        };
        let found = imports(&sources)
            .into_iter()
            .map(|wanted| (wanted, Ok(attachment.clone())));
        let attachments = Attachments {
            found: found.collect(),
            ..Attachments::default()
        };
        let problems = read_with(&sources, &attachments).err();
        let problems = problems.map_or_else(String::new, |problems| problems.to_string());
        assert!(
            problems.contains("group `all` would be above itself"),
            "{problems}"
        );
    }
}

/// A file of blanks has no line whose end one could point behind.
#[test]
fn a_calendar_of_blanks_is_none_from_its_beginning_on() {
    let fleet = "ringway: fleet/v1\nname: corp\nconnect: local\nhosts: [{ name: a }]\nfreezes: { x: { ical: it.ics, reason: y } }\n";
    for text in ["\r", " \r\n\r\n "] {
        let sources = [Source::new("it.yaml", fleet)];
        let attachment = Attachment {
            file: Some("it.ics".to_owned()),
            files: [("it.ics".to_owned(), text.as_bytes().to_vec())].into(),
        };
        let found = imports(&sources)
            .into_iter()
            .map(|wanted| (wanted, Ok(attachment.clone())));
        let attachments = Attachments {
            found: found.collect(),
            ..Attachments::default()
        };
        let problems = read_with(&sources, &attachments).err().unwrap();
        let problem = problems.problems.iter().find(|it| it.source == "it.ics");
        let problem = problem.unwrap_or_else(|| panic!("{problems}"));
        assert_eq!((problem.line, problem.column), (1, 1), "{text:?}");
    }
}

/// An instant is told to the second everywhere; one that is kept finer would be told as another.
#[test]
fn an_instant_is_read_as_it_is_told() {
    let told = |released: &str| {
        let text = format!(
            "ringway: update/v1\nname: it\nreleased: {released}\nrecipe: script\nreleases: [{{ select: all, id: a, with: {{ apply: ./a, inspect: ./i }} }}]\n"
        );
        let problems = read(&[Source::new("it.yaml", text)]).err();
        problems.map_or_else(String::new, |problems| problems.to_string())
    };
    assert_eq!(told("2026-04-14T17:00:00Z"), "");
    for released in ["2026-04-14T17:00:00.5Z", "-000001-04-14T17:00:00Z"] {
        let problems = told(released);
        assert!(problems.contains("is not an instant"), "{problems}");
    }
}
