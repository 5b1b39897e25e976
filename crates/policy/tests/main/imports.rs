//! What becomes of tables and of what commands print, and how several sources of one host are put together.

use std::collections::BTreeMap;

use ringway_policy::validated::{Documents, Host};
use ringway_policy::{
    Attachment, Attachments, HostOrigins, Problems, Source, Wanted, What, imports,
    read_with_origins,
};

/// The fleet, and what lies beside it; a command prints the file that is its last word.
fn read(
    fleet: &str,
    files: &[(&str, &str)],
) -> Result<(Documents, BTreeMap<String, HostOrigins>), Problems> {
    let sources = [Source::new("fleet.yaml", fleet)];
    let attach = |wanted: Wanted| {
        let shown = wanted.what.shown();
        let path = match &wanted.what {
            What::File(path) => path.as_str(),
            What::Output(_) => shown.rsplit(' ').next().unwrap(),
        };
        let (_, text) = files.iter().find(|(name, _)| *name == path)?;
        let attachment = Attachment {
            file: Some(path.to_owned()),
            files: [(path.to_owned(), text.as_bytes().to_vec())].into(),
        };
        Some((wanted, Ok(attachment)))
    };
    let attachments = Attachments {
        found: imports(&sources).into_iter().filter_map(attach).collect(),
        ..Attachments::default()
    };
    read_with_origins(&sources, &attachments)
}

fn documents(fleet: &str, files: &[(&str, &str)]) -> Documents {
    read(fleet, files)
        .unwrap_or_else(|problems| panic!("{problems}"))
        .0
}

/// Everything that is known of a host, on one line.
fn line(host: &Host) -> String {
    let mut text = host.name.clone();
    if let Some(address) = &host.address {
        text.extend([" @", address]);
    }
    for (name, value) in host.labels.iter() {
        text.extend([" ", name, "=", value]);
    }
    for window in &host.calendar.windows {
        text.extend([" window:", window]);
    }
    if let Some(zone) = &host.calendar.zone {
        text.extend([" zone:", zone.as_str()]);
    }
    text
}

fn lines(documents: &Documents) -> Vec<String> {
    let fleet = documents.fleet.as_ref().unwrap();
    fleet.hosts.iter().map(line).collect()
}

const HEAD: &str = "\
ringway: fleet/v1
name: corp
windows:
  nights: { days: mon-thu, start: \"22:00\", for: 6h }
  weekend: { days: sat, start: \"22:00\", for: 6h }
connect: local
";

#[test]
fn each_line_of_a_table_is_a_host_and_each_column_a_label() {
    let table = "\u{feff}name,address,zone,window,role,Patch Group,db_password\r\n\
                 web-1,10.0.0.1,Europe/Berlin,nights | weekend,web,\"A, B\",hunter2\r\n\
                 db-1,, ,,\"  db \",,\r\n";
    let read = documents(
        &format!("{HEAD}import: [{{ csv: t.csv }}]\n"),
        &[("t.csv", table)],
    );
    assert_eq!(
        lines(&read),
        [
            "web-1 @10.0.0.1 role=web window:nights window:weekend zone:Europe/Berlin",
            "db-1 role=db"
        ]
    );
    assert_eq!(
        read.notes,
        [
            "left out of the labels: variables that are called like secrets: `db_password`",
            "left out of the labels: variables whose name or value no label can have: `Patch Group`",
        ]
    );
    let kept = &read.texts["inventory/t.csv"];
    assert!(
        !kept.contains("hunter2") && kept.contains("[redacted]") && kept.contains("\"A, B\""),
        "{kept}"
    );
}

#[test]
fn columns_are_what_the_fleet_says_they_are() {
    let table = "Hostname;IP;Function;Patch Group;address\nweb-1;10.0.0.1;web;A;Main Street 1\n";
    let import = "import: [{ csv: t.csv, name: Hostname, columns: { address: IP, role: Function, patch: Patch Group }, delimiter: \";\" }]\n";
    let read = documents(&format!("{HEAD}{import}"), &[("t.csv", table)]);
    assert_eq!(lines(&read), ["web-1 @10.0.0.1 patch=A role=web"]);
    assert_eq!(
        read.notes,
        ["left out of the labels: variables whose name or value no label can have: `address`"]
    );
}

const LISTING: &str = r#"{ "ringway": "inventory/v1", "hosts": [
  { "name": "b", "address": null, "labels": { "cores": 8, "gpu": true, "owner": null, "x_token": "hunter2", "disks": [1, 2] } },
  { "name": "a", "address": "10.0.0.1", "window": ["nights", "weekend"], "zone": "UTC", "labels": { "role": "web" } }
] }"#;

#[test]
fn a_command_says_what_it_knows_in_json() {
    let fleet = format!("{HEAD}import: [{{ command: [./cloud, out] }}]\n");
    let read = documents(&fleet, &[("out", LISTING)]);
    assert_eq!(
        lines(&read),
        [
            "b cores=8 gpu=true",
            "a @10.0.0.1 role=web window:nights window:weekend zone:UTC"
        ]
    );
    let kept = &read.texts["inventory/output of ./cloud out"];
    assert!(!kept.contains("hunter2"), "{kept}");
    // Clouds list in any order; an approval is not void because of it.
    let turned = r#"{ "hosts": [
  { "name": "a", "labels": { "role": "web" }, "zone": "UTC", "window": ["nights", "weekend"], "address": "10.0.0.1" },
  { "labels": { "gpu": true, "cores": 8, "x_token": "other" }, "name": "b" }
], "ringway": "inventory/v1" }"#;
    let again = documents(&fleet, &[("out", turned)]);
    let digest = |read: &Documents| read.fleet.as_ref().unwrap().digest;
    assert_eq!(digest(&again), digest(&read));
    let changed = LISTING.replace("\"cores\": 8", "\"cores\": 9");
    assert_ne!(
        digest(&documents(&fleet, &[("out", &changed)])),
        digest(&read)
    );
}

#[test]
fn what_ansible_prints_is_read_from_a_command_as_from_a_file() {
    let list = r#"{ "_meta": { "hostvars": { "web-1": { "ansible_host": "10.0.0.1", "tier": 2 } } }, "web": { "hosts": ["web-1"] } }"#;
    let command = "ringway: fleet/v1\nname: corp\nimport: [{ command: [ansible-inventory, --list, l.json] }]\n";
    let file = "ringway: fleet/v1\nname: corp\nimport: [{ ansible: l.json }]\n";
    let files = [("l.json", list)];
    let (command, file) = (documents(command, &files), documents(file, &files));
    assert_eq!(lines(&command), lines(&file));
    assert_eq!(
        lines(&command),
        ["web-1 @10.0.0.1 ansible_connect=1 group.web=yes tier=2"]
    );
}

const CMDB: &str =
    "name,address,role,env\nweb-1,10.0.0.1,web,prod\nweb-2,10.0.0.2,web,\ndb-1,10.0.0.9,db,prod\n";
const CLOUD: &str = r#"{ "ringway": "inventory/v1", "hosts": [
  { "name": "web-2", "address": "10.0.0.2", "labels": { "role": "web", "az": "a" } },
  { "name": "web-1", "address": "192.0.2.1", "labels": { "role": "proxy", "env": "prod" } },
  { "name": "new-1", "address": "10.0.0.3", "labels": { "env": "prod" } }
] }"#;
const SOURCES: &str = "import:\n  - csv: cmdb.csv\n  - { command: ./cloud out, source: cloud }\n";
const FILES: [(&str, &str); 2] = [("cmdb.csv", CMDB), ("out", CLOUD)];

/// A value that is chosen silently is a host in the wrong ring.
#[test]
fn sources_that_differ_are_a_problem_unless_the_fleet_says_which_counts() {
    let problems = read(&format!("{HEAD}{SOURCES}"), &FILES).unwrap_err();
    let codes: Vec<&str> = problems
        .problems
        .iter()
        .map(|one| one.code.text())
        .collect();
    assert_eq!(codes, ["sources-differ", "sources-differ"], "{problems}");
    for (prefer, web_1) in [
        ("prefer: [cmdb]\n", "web-1 @10.0.0.1 env=prod role=web"),
        (
            "prefer: [cloud, cmdb]\n",
            "web-1 @192.0.2.1 env=prod role=proxy",
        ),
    ] {
        let read = documents(&format!("{HEAD}{SOURCES}{prefer}"), &FILES);
        let expected = [
            web_1,
            "web-2 @10.0.0.2 az=a role=web",
            "db-1 @10.0.0.9 env=prod role=db",
            "new-1 @10.0.0.3 env=prod",
        ];
        assert_eq!(lines(&read), expected, "{prefer}");
        assert_eq!(read.notes.len(), 2, "{:?}", read.notes);
        for note in &read.notes {
            assert!(
                note.contains("`cmdb.csv`, line 2") && note.contains("as `prefer` says"),
                "{note}"
            );
        }
    }
}

#[test]
fn what_is_written_counts_before_every_source() {
    let hosts = "hosts: [{ name: web-1, address: 10.9.9.9, labels: { role: edge } }]\n";
    let (read, origins) = read(&format!("{HEAD}{hosts}{SOURCES}"), &FILES).unwrap();
    assert_eq!(lines(&read)[0], "web-1 @10.9.9.9 env=prod role=edge");
    assert_eq!(read.notes.len(), 4, "{:?}", read.notes);
    let web_1 = &origins["web-1"];
    assert_eq!(
        web_1.listed,
        ["fleet.yaml:7", "cmdb.csv:2", "output of ./cloud out:3"]
    );
    let role = web_1
        .values
        .iter()
        .find(|value| value.about == "label role")
        .unwrap();
    assert_eq!(
        (role.value.as_str(), role.from.as_slice()),
        ("edge", &["fleet.yaml:7".to_owned()][..])
    );
    let others: Vec<&str> = role.not.iter().map(|other| other.value.as_str()).collect();
    assert_eq!(others, ["web", "proxy"]);
    let env = web_1
        .values
        .iter()
        .find(|value| value.about == "label env")
        .unwrap();
    assert_eq!(env.from, ["cmdb.csv:2", "output of ./cloud out:3"]);
}

/// The first source need not be the one that counts, and two that agree do not count as a vote.
#[test]
fn of_three_sources_the_preferred_one_counts() {
    let sources = "import: [{ csv: a.csv }, { csv: b.csv }, { csv: c.csv }]\n";
    let files = [
        ("a.csv", "name,role\nx,one\n"),
        ("b.csv", "name,role\nx,one\n"),
        ("c.csv", "name,role\nx,yes\n"),
    ];
    let read = documents(&format!("{HEAD}{sources}prefer: [c]\n"), &files);
    assert_eq!(lines(&read), ["x role=yes"]);
    // `yes` and `true` are the same to every selector.
    let alike = [
        ("a.csv", "name,pam\nx,yes\n"),
        ("b.csv", "name,pam\nx,true\n"),
        ("c.csv", "name,pam\nx,True\n"),
    ];
    let read = documents(&format!("{HEAD}{sources}"), &alike);
    assert_eq!(
        (lines(&read), read.notes.len()),
        (vec!["x pam=yes".to_owned()], 0)
    );
}

#[test]
fn an_inventory_says_how_hosts_of_a_table_are_reached() {
    let fleet = "ringway: fleet/v1\nname: corp\nimport: [{ csv: t.csv }, { ansible: hosts.ini }]\n";
    let files = [
        ("t.csv", "name,role\nweb-1,web\nweb-2,web\n"),
        (
            "hosts.ini",
            "web-1 ansible_user=ops\nweb-2 ansible_port=2222\n",
        ),
    ];
    let read = documents(fleet, &files);
    assert_eq!(
        lines(&read),
        [
            "web-1 ansible_connect=1 group.ungrouped=yes role=web",
            "web-2 ansible_connect=2 ansible_port=2222 group.ungrouped=yes role=web"
        ]
    );
    assert_eq!(read.fleet.unwrap().connect.len(), 2);
}

/// As columns of a table do; a variable of these names that means something else stays the label that it was.
#[test]
fn a_window_and_a_time_zone_of_an_inventory_are_those_of_its_hosts() {
    let ini = "[web]\nweb-1 window=nights zone=Europe/Berlin\nweb-2 window='nights|weekend' zone=dmz\nweb-3 zone=UTC\nweb-4 window='sundays, 02:00'\n[web:vars]\nansible_connection=local\n";
    let fleet = format!("{HEAD}import: [ansible: hosts.ini]\n");
    let read_it = documents(&fleet, &[("hosts.ini", ini)]);
    let said = lines(&read_it);
    for (line, parts) in said.iter().zip([
        vec![" window=nights", " window:nights", " zone:Europe/Berlin"],
        vec![" window:nights window:weekend", " zone=dmz"],
        vec![" zone=UTC", " zone:UTC"],
        vec![" window=sundays, 02:00"],
    ]) {
        for part in parts {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
    assert!(!said[1].contains(" zone:") && !said[3].contains(" window:"));
    let note = "`window` names no windows of the fleet and is only a label of `web-4`: work may run there at any time";
    assert!(
        read_it.notes.iter().any(|one| one == note),
        "{:?}",
        read_it.notes
    );
    // Without windows in the fleet it cannot be told from any other label.
    let plain = "ringway: fleet/v1\nname: corp\nimport: [ansible: hosts.ini]\n";
    let plain = documents(plain, &[("hosts.ini", ini)]);
    assert!(lines(&plain).iter().all(|line| !line.contains(" window:")));
    assert!(
        plain
            .notes
            .iter()
            .any(|one| one.contains("`web-1`, `web-2`, `web-4`")),
        "{:?}",
        plain.notes
    );
    // A name that is near to one of the fleet's is told as in a table.
    let odd = ini.replace("window=nights zone", "window=nigths zone");
    let problems = read(&fleet, &[("hosts.ini", &odd)])
        .unwrap_err()
        .to_string();
    assert!(problems.contains("did you mean `nights`?"), "{problems}");
}
