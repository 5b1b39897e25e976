//! Ansible's inventories as fleets, compared with what the real `ansible-inventory` says of the same files.
//!
//! The rule of what becomes of a variable is written here a second time, from the documentation and without the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ringway_policy::validated::{Connection, Documents, Fleet, HostKeys, Ssh};
use ringway_policy::{Attachment, Attachments, Source, imports, read_with};
use serde_json::Value;

/// The shapes, and the path of each that is imported.
const SHAPES: [(&str, &str); 17] = [
    ("beside", "hosts.ini"),
    ("connections", "hosts.ini"),
    ("directory", "inv"),
    ("ini-children", "hosts.ini"),
    ("ini-plain", "hosts.ini"),
    ("ini-quotes", "hosts.ini"),
    ("ini-ranges", "hosts.ini"),
    ("ini-twice", "hosts.ini"),
    ("ini-values", "hosts.ini"),
    ("json-groups", "hosts.json"),
    ("list", "list.json"),
    ("no-ending-ini", "hosts"),
    ("no-ending-yaml", "hosts"),
    ("yaml-anchors", "hosts.yml"),
    ("yaml-nested", "hosts.yaml"),
    ("yaml-plain", "hosts.yml"),
    ("yaml-values", "hosts.yml"),
];

fn folder(shape: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("inventories")
        .join(shape)
}

fn below(directory: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            below(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

fn attachment(shape: &str, path: &str) -> Attachment {
    let mut files = BTreeMap::new();
    let inventory = folder(shape).join(path);
    if inventory.is_dir() {
        below(&inventory, "", &mut files);
        return Attachment { file: None, files };
    }
    below(&folder(shape), "", &mut files);
    Attachment {
        file: Some(path.to_owned()),
        files,
    }
}

fn documents(shape: &str, path: &str) -> Documents {
    let text = format!("ringway: fleet/v1\nname: it\nimport: [{{ ansible: {path} }}]\n");
    let sources = [Source::new("fleet.yaml", text)];
    let found = imports(&sources)
        .into_iter()
        .map(|wanted| (wanted, Ok(attachment(shape, path))))
        .collect();
    let attachments = Attachments {
        found,
        ..Attachments::default()
    };
    read_with(&sources, &attachments).unwrap_or_else(|problems| panic!("{shape}: {problems}"))
}

fn fleet(shape: &str, path: &str) -> Fleet {
    documents(shape, path).fleet.unwrap()
}

/// The real program; nothing where it is not there and may be missing.
fn ansible() -> Option<PathBuf> {
    let made =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/ansible/bin/ansible-inventory");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("ansible-inventory"));
    let found = std::iter::once(made)
        .chain(on_path)
        .find(|path| path.is_file());
    if found.is_none() {
        let may_skip = std::env::var_os("CI").is_none_or(|ci| ci.is_empty());
        assert!(
            may_skip,
            "there is no `ansible-inventory`, and with `CI` set nothing is skipped"
        );
        println!("there is no `ansible-inventory` here: not compared");
    }
    found
}

fn real(program: &Path, shape: &str, path: &str) -> Value {
    let home = tempfile::tempdir().unwrap();
    let mut inventory = folder(shape).join(path);
    if shape == "list" {
        // Ansible takes this form from programs only.
        let script = home.path().join("list.sh");
        fs::write(
            &script,
            format!("#!/bin/sh\ncat '{}'\n", inventory.display()),
        )
        .unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&script, mode).unwrap();
        inventory = script;
    }
    let output = Command::new(program)
        .arg("-i")
        .arg(inventory)
        .arg("--list")
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("ANSIBLE_LOCALHOST_WARNING", "false")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shape}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Goes through a group and those below it, with the groups above.
fn descend(real: &Value, group: &str, above: &[String], of: &mut dyn FnMut(&str, &[String])) {
    let mut way = above.to_vec();
    if group != "all" {
        way.push(group.to_owned());
    }
    for host in real[group]["hosts"].as_array().into_iter().flatten() {
        of(host.as_str().unwrap(), &way);
    }
    for child in real[group]["children"].as_array().into_iter().flatten() {
        descend(real, child.as_str().unwrap(), &way, of);
    }
}

/// The groups of each host, those above its own included, without `all`.
fn groups(real: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    descend(real, "all", &[], &mut |host, way| {
        of.entry(host.to_owned())
            .or_default()
            .extend(way.iter().cloned());
    });
    for host in real["_meta"]["hostvars"].as_object().unwrap().keys() {
        of.entry(host.clone()).or_default();
    }
    of
}

/// The label that a variable becomes, by the page on inventories.
fn label(name: &str, value: &Value) -> Option<String> {
    let secret = ["password", "token", "pass", "secret"]
        .iter()
        .any(|word| name.contains(word));
    if name.starts_with("ansible_") || secret {
        return None;
    }
    let text = match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Object(marked) => marked.get("__ansible_unsafe")?.as_str()?.to_owned(),
        Value::Null | Value::Array(_) => return None,
    };
    let shown = !text.trim().is_empty() && !text.contains("{{") && !text.contains('\n');
    shown.then_some(text)
}

/// People tested their inventory with Ansible; a host in another group, or with another value, would be visited in the
/// wrong ring.
#[test]
fn hosts_groups_and_variables_are_those_that_ansible_says() {
    let Some(program) = ansible() else { return };
    for (shape, path) in SHAPES {
        let real = real(&program, shape, path);
        let fleet = fleet(shape, path);
        let groups = groups(&real);
        let ours: BTreeSet<&str> = fleet.hosts.iter().map(|host| host.name.as_str()).collect();
        let theirs: BTreeSet<&str> = groups.keys().map(String::as_str).collect();
        assert_eq!(ours, theirs, "{shape}");
        for host in &fleet.hosts {
            let vars = &real["_meta"]["hostvars"][&host.name];
            let mut expected: BTreeMap<String, String> = groups[&host.name]
                .iter()
                .map(|group| (format!("group.{group}"), "yes".to_owned()))
                .collect();
            for (name, value) in vars.as_object().into_iter().flatten() {
                expected.extend(label(name, value).map(|text| (name.clone(), text)));
            }
            let labels: BTreeMap<String, String> = host
                .labels
                .iter()
                .filter(|(name, _)| !name.starts_with("ansible_"))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            assert_eq!(labels, expected, "{shape}: {}", host.name);
            let text = |name: &str| match &vars[name] {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            };
            let address = text("ansible_ssh_host").or_else(|| text("ansible_host"));
            assert_eq!(host.address, address, "{shape}: {}", host.name);
            let port = text("ansible_ssh_port").or_else(|| text("ansible_port"));
            assert_eq!(
                host.labels.get("ansible_port"),
                port.as_deref(),
                "{shape}: {}",
                host.name
            );
        }
    }
}

/// What is left out is said, and nothing of it is kept anywhere.
#[test]
fn secrets_of_an_inventory_are_neither_labels_nor_kept() {
    let documents = documents("secrets", "hosts.yml");
    let fleet = documents.fleet.as_ref().unwrap();
    let labels: Vec<(&str, &str)> = fleet.hosts[0].labels.iter().collect();
    assert_eq!(
        labels,
        [
            ("ansible_connect", "1"),
            ("group.ungrouped", "yes"),
            ("role", "web")
        ]
    );
    let all = format!("{documents:?}");
    assert!(
        !all.contains("hunter2") && !all.contains("6638643965"),
        "{all}"
    );
    let notes = documents.notes.join("\n");
    for left_out in ["`db_password`", "`api_token`", "`encrypted`"] {
        assert!(notes.contains(left_out), "{notes}");
    }
}

/// The plan names the fleet's digest, and is approved for it: another inventory is another fleet.
#[test]
fn the_fleets_digest_covers_what_it_imports() {
    let read = |host: &str| {
        let text = "ringway: fleet/v1\nname: it\nimport: [{ ansible: hosts }]\n";
        let sources = [Source::new("fleet.yaml", text)];
        let attachment = Attachment {
            file: Some("hosts".to_owned()),
            files: [("hosts".to_owned(), format!("[web]\n{host}\n").into_bytes())].into(),
        };
        let found = imports(&sources)
            .into_iter()
            .map(|wanted| (wanted, Ok(attachment.clone())));
        read_with(
            &sources,
            &Attachments {
                found: found.collect(),
                ..Attachments::default()
            },
        )
        .unwrap()
    };
    let (one, other) = (read("web-1"), read("web-2"));
    assert_ne!(
        one.fleet.as_ref().unwrap().digest,
        other.fleet.unwrap().digest
    );
    assert_eq!(one.texts["inventory/hosts"], "[web]\nweb-1\n");
    let text = &one.texts["fleet/it"];
    assert_eq!(
        ringway_model::Digest::of(text.as_bytes()),
        one.fleet.unwrap().digest
    );
    let password = |word: &str| {
        read(&format!("web-1 ansible_password={word}"))
            .fleet
            .unwrap()
            .digest
    };
    assert_eq!(
        password("one"),
        password("two"),
        "a digest would let people try passwords"
    );
}

/// What Ansible needs to reach a host is what Ringway needs.
#[test]
fn connection_variables_become_connections() {
    let fleet = fleet("connections", "hosts.ini");
    let ssh = |name: &str| -> Ssh {
        let host = fleet.hosts.iter().find(|host| host.name == name).unwrap();
        let connect = fleet
            .connect
            .iter()
            .find(|connect| connect.select.matches(&host.name, &host.labels))
            .unwrap();
        match &connect.with {
            Connection::Ssh(ssh) => (**ssh).clone(),
            Connection::Local | Connection::Unreached => panic!("{name} is not over SSH"),
        }
    };
    assert_eq!(ssh("port").port.as_deref(), Some("{ansible_port}"));
    assert_eq!(ssh("old").user.as_deref(), Some("deploy"));
    assert_eq!(
        (ssh("key").keys, ssh("key").agent),
        (vec!["~/.ssh/id".to_owned()], false)
    );
    let root = ssh("root").r#become.unwrap();
    assert_eq!((root.user.as_str(), root.password), ("app", None));
    let jump = &ssh("far-2").jump[0];
    assert_eq!(
        (jump.user.as_deref(), jump.address.as_str()),
        (Some("ops"), "bastion")
    );
    assert_eq!(ssh("far-1").host_keys, HostKeys::KnownHosts(Vec::new()));
    let here = fleet.hosts.iter().find(|host| host.name == "here").unwrap();
    let number: usize = here.labels.get("ansible_connect").unwrap().parse().unwrap();
    assert_eq!(fleet.connect[number - 1].with, Connection::Local);
    // Three hosts behind one bastion are one way to reach hosts, not three.
    assert_eq!(fleet.connect.len(), 7);
}
