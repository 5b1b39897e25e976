//! Inputs to begin with: what the repository ships and tests with, right and broken, as far as it is short enough.
//!
//! They are read when fuzzing begins and not kept in the corpus as they are; what leads somewhere is kept with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ringway_executor::Library;
use ringway_executor::codec::Batch;
use ringway_executor::fold::Fold;
use ringway_executor::port::{Blob, Row};
use ringway_simulator::history::History;

use crate::journal::{HISTORIES, Journal, histories};
use crate::{parts, when};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Files below a folder, in order. What is not there gives nothing: seeds are a help and no need.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let below = |path: PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    };
    paths.into_iter().flat_map(below).collect()
}

fn ends_with(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| endings.contains(&ending))
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}

/// Documents, each with what it names in parts of their own; every document of a file also alone.
pub(crate) fn documents() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for folder in [
        "policies",
        "examples",
        "crates/policy/tests",
        "crates/scheduler/tests",
    ] {
        for path in files(&root().join(folder)) {
            if !ends_with(&path, &["yaml", "yml"])
                || path.components().any(|part| part.as_os_str() == "files")
            {
                continue;
            }
            let text = read(&path);
            let beside = path.parent().map(|folder| folder.join("files"));
            let named: Vec<(String, Vec<u8>)> = beside
                .iter()
                .flat_map(|folder| files(folder))
                .filter_map(|file| {
                    let name = format!("files/{}", file.file_name()?.to_str()?);
                    let is_named = String::from_utf8_lossy(&text).contains(&name);
                    is_named.then(|| (name, read(&file)))
                })
                .collect();
            let named = named
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_slice()));
            seeds.push(parts::join(&text, named));
            let text = String::from_utf8_lossy(&text).into_owned();
            seeds.extend(
                text.split("\n---\n")
                    .map(|document| document.as_bytes().to_vec()),
            );
        }
    }
    seeds
}

/// Inventories with what lies beside them, and those of the broken documents.
pub(crate) fn inventories() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for folder in [
        "tests/inventories",
        "crates/policy/tests/broken/files",
        "examples",
    ] {
        let folder = root().join(folder);
        for path in files(&folder) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let is_beside = path
                .components()
                .any(|part| matches!(part.as_os_str().to_str(), Some("group_vars" | "host_vars")));
            if is_beside || ends_with(&path, &["ics", "rs", "toml", "md"]) {
                continue;
            }
            let around = path.parent().unwrap_or(&folder);
            let beside: BTreeMap<String, Vec<u8>> = ["group_vars", "host_vars"]
                .iter()
                .flat_map(|below| files(&around.join(below)))
                .filter_map(|file| {
                    let name = file.strip_prefix(around).ok()?.to_str()?.to_owned();
                    Some((name, read(&file)))
                })
                .collect();
            let beside = beside
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_slice()));
            let inventory = [name.as_bytes(), b"\n", &read(&path)].concat();
            seeds.push(parts::join(&inventory, beside));
        }
    }
    seeds
}

/// Calendars of the tests, and one for each rule of the table of recurrences.
pub(crate) fn icalendar() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = files(root())
        .into_iter()
        .filter(|path| ends_with(path, &["ics"]))
        .map(|path| read(&path))
        .collect();
    let table = read(&root().join("crates/calendar/tests/recurrences.txt"));
    for line in String::from_utf8_lossy(&table).lines() {
        let Some((first, rule)) = line
            .split_once(": ")
            .and_then(|(rule, _)| rule.split_once(' '))
        else {
            continue;
        };
        let event = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:x\r\nDTSTART:{first}T120000Z\r\nDURATION:PT1H\r\nRRULE:{rule}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        seeds.push(event.into_bytes());
    }
    let with = [
        "EXDATE;TZID=Europe/Berlin:20260309T180000,20260310T180000\r\nRDATE;VALUE=DATE:20260601\r\n",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260309T180000\r\nSTATUS:CANCELLED\r\nTRANSP:TRANSPARENT\r\n",
        "DTEND;TZID=\"Europe/Berlin\":20260302T190000\r\nDESCRIPTION:a\\, b\\n c\r\n d\r\n",
    ];
    for lines in with {
        let event = format!(
            "BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:x\r\nDTSTART;TZID=Europe/Berlin:20260302T180000\r\nRRULE:FREQ=WEEKLY;COUNT=6\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        seeds.push(event.into_bytes());
    }
    seeds
}

/// Files of zones, and short ones that have a rule alone.
pub(crate) fn zones() -> Vec<Vec<u8>> {
    let block = |version: u8| {
        let mut bytes = b"TZif".to_vec();
        bytes.push(version);
        bytes.extend([0; 15]);
        for count in [0_u32, 0, 0, 0, 1, 4] {
            bytes.extend(count.to_be_bytes());
        }
        bytes.extend([0; 6]);
        bytes.extend(b"XXX\0");
        bytes
    };
    let rules = [
        "<-02>2<-01>,M3.5.0/23:30,M10.5.0/0:30",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "UTC0",
        "AAA-24:59:59BBB24:59:59,J60/-167,J300/167",
    ];
    let short =
        rules.map(|rule| [block(b'2'), block(b'2'), format!("\n{rule}\n").into_bytes()].concat());
    let files = when::FILES.iter().map(|(_, bytes)| bytes.to_vec());
    files.chain(short).collect()
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

pub(crate) fn known_hosts() -> Vec<Vec<u8>> {
    let lines = [
        format!("web-1.example.com,10.1.0.11 {KEY}\n"),
        format!("[10.1.0.11]:2222 {KEY} a comment\n"),
        format!("*.example.com,!web-1.example.com {KEY}\n@revoked * {KEY}\n"),
        format!("@cert-authority *.example.com {KEY}\n# a comment\n\n"),
        format!("|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= {KEY}\n"),
        format!("w?b-* {KEY}\nweb-1 ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTY=\n"),
        "a*b?c\naxxbyc\n".to_owned(),
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACCzPq7zfqLffKoBDe/eo04kH2XxtSmk9D7RQyf1xUqrYgAAAJgAIAxdACAMXQAAAAtzc2gtZWQyNTUxOQAAACCzPq7zfqLffKoBDe/eo04kH2XxtSmk9D7RQyf1xUqrYgAAAEC2BsIi0QwW2uFscKTUUXNHLsYX4FxlaSDSblbAj7WR7bM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqtiAAAAEHVzZXJAZXhhbXBsZS5jb20BAgMEBQ==\n-----END OPENSSH PRIVATE KEY-----\n".to_owned(),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIC\n-----END ENCRYPTED PRIVATE KEY-----\n".to_owned(),
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIIC\n-----END RSA PRIVATE KEY-----\n".to_owned(),
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti\n-----END PRIVATE KEY-----\n".to_owned(),
    ];
    lines.map(String::into_bytes).into()
}

pub(crate) fn answers() -> Vec<Vec<u8>> {
    let said = [
        "\u{7}Welcome!\nringway: accepted\r\nringway: ended 0 0 6\nworks\n",
        "\u{1}ringway: begun\nringway: late -3 7 4\n\u{fffd}",
        "\u{3}ringway: busy 7/r1-s2-3\nringway: fenced 12\nringway: foreign 9\nringway: foreign-fleet caf%c3%a9\n",
        "\u{2}ringway: tidied 3\nringway: cannot find flock\nringway: exists\nringway: never\n",
        "\u{5}ringway: ended 0 0 300\n12\nboot-before\nboot-1\nboot-2\n",
        "\u{9}sh: 1: Syntax error\n",
    ];
    said.map(|said| said.as_bytes().to_vec()).into()
}

pub(crate) fn examinations() -> Vec<Vec<u8>> {
    let said = [
        "\u{7}user root\nshell /usr/bin/dash\nversion 0.5.12-2\nmissing flock\nkilobytes 1048576\ninodes 9999\nnow 1780000003\npatcher unattended-upgrades\nowner corp 7\n",
        "\u{1}owner caf%c3%a9 8\nkilobytes 18446744073709551615\nnow 18446744073709551615\n",
        "\u{3}web-1: Permission denied (publickey,password).\n\nchannel 0: open failed: connect failed: Connection refused\n",
        "\u{4}@@@@@@@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nOffending ED25519 key in /root/.ssh/known_hosts:3\nHost key verification failed.\n",
        "\u{4}No ED25519 host key is known for web-1 and you have requested strict checking.\nHost key verification failed.\n",
        "\u{4}kex_exchange_identification: Connection closed by remote host\nssh: Could not resolve hostname web-1\n\nstdio forwarding failed\n",
        "\u{9}ringway-ready-0011223344556677\nringway-own-0011223344556677\n",
    ];
    said.map(|said| said.as_bytes().to_vec()).into()
}

fn every_history() -> Vec<History> {
    let texts = files(&root().join("tests/histories"))
        .into_iter()
        .map(|path| read(&path));
    texts
        .filter_map(|text| History::read(&String::from_utf8_lossy(&text)).ok())
        .collect()
}

/// The rows of a history as they are stored.
fn rows(text: &str) -> Vec<(i64, u64, Batch)> {
    #[derive(serde::Deserialize)]
    struct Recorded {
        at: i64,
        epoch: u64,
        batch: Batch,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Line {
        Row(Recorded),
    }
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok());
    lines
        .map(|Line::Row(row)| (row.at, row.epoch, row.batch))
        .collect()
}

/// Every row of every recorded journal, and each of its events and inputs alone.
pub(crate) fn batches() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for path in files(&root().join("tests/histories")) {
        for (_, _, batch) in rows(&String::from_utf8_lossy(&read(&path))) {
            seeds.push(batch.encode());
            for event in &batch.events {
                let alone = Batch {
                    events: vec![event.clone()],
                    ..Batch::default()
                };
                seeds.push(alone.encode());
            }
            for input in &batch.inputs {
                let alone = Batch {
                    inputs: vec![input.clone()],
                    ..Batch::default()
                };
                seeds.push(alone.encode());
            }
        }
    }
    seeds
}

/// Recorded journals up to each of their rows, as long as they are short, and snapshots at some of them.
pub(crate) fn folds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (text, history) in HISTORIES.iter().zip(histories()) {
        let Ok(library) = Library::read(&history.blobs) else {
            continue;
        };
        let (mut journal, mut before) = (
            Journal {
                rows: Vec::new(),
                snapshot: Vec::new(),
            },
            None,
        );
        let mut fold = Fold::new(&library);
        let mut hash = Row::GENESIS;
        for (seq, (at, epoch, mut batch)) in (1..).zip(rows(text)) {
            // Without it the state need not be the one of the very instants that were recorded.
            batch.state = None;
            let later = before.map_or(0, |before| u32::try_from(at - before).unwrap_or(u32::MAX));
            before = Some(at);
            let mut row = Row {
                seq,
                at: ringway_model::Timestamp(at),
                epoch: ringway_model::Epoch(epoch),
                body: batch.encode(),
                hash,
            };
            row.hash = row.hash_after(&hash);
            hash = row.hash;
            journal.rows.push((
                later,
                u8::try_from(epoch).unwrap_or(u8::MAX),
                row.body.clone(),
            ));
            if fold.row(&row).is_err() {
                break;
            }
            journal.snapshot = fold.snapshot().body;
            seeds.extend(postcard::to_allocvec(&journal));
            let alone = Journal {
                rows: Vec::new(),
                snapshot: std::mem::take(&mut journal.snapshot),
            };
            seeds.extend(postcard::to_allocvec(&alone));
        }
    }
    seeds
}

/// Encoded fleets and plans of the recorded journals.
pub(crate) fn plans() -> Vec<Vec<u8>> {
    let blobs = every_history()
        .into_iter()
        .flat_map(|history| history.blobs);
    blobs.map(|blob: Blob| blob.bytes).collect()
}

/// Messages of every kind.
pub(crate) fn messages() -> Vec<Vec<u8>> {
    let texts = [
        "\"ping\"",
        "\"view\"",
        "\"follow\"",
        r#"{"host":{"name":"web-1"}}"#,
        r#"{"hosts":{"rollout":1,"ring":"canary"}}"#,
        r#"{"ring":{"rollout":1,"ring":2}}"#,
        r#"{"pong":{"pid":7,"version":"0.1.0"}}"#,
        r#"{"not-understood":{"why":"it is no question"}}"#,
        r#"{"propose":{"fleet":"AQ==","plan":"AQ==","documents":[["fleet/corp","x"]],"key":null}}"#,
        r#"{"actor":"ana","answer":"ending"}"#,
    ];
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    // Commands as people gave them, inside of a question.
    for path in files(&root().join("tests/histories")) {
        for (_, _, batch) in rows(&String::from_utf8_lossy(&read(&path))) {
            for input in &batch.inputs {
                let Ok(value) = serde_json::to_value(input) else {
                    continue;
                };
                let command = value
                    .as_object()
                    .and_then(|it| it.values().next()?.get("command").cloned());
                if let Some(command) = command {
                    seeds.push(
                        serde_json::json!({ "command": command })
                            .to_string()
                            .into_bytes(),
                    );
                }
            }
        }
    }
    seeds
}

/// The month that was made by hand, one vulnerability of it at a time, without and with the list of products.
pub(crate) fn feeds() -> Vec<Vec<u8>> {
    const BEGINS: &str = "  <vuln:Vulnerability ";
    const TREE: &str = "  <prod:ProductTree>";
    let text = read(&root().join("crates/policy/tests/feeds/small.xml"));
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut parts = text.split(BEGINS);
    let head = parts.next().unwrap_or_default();
    let (about, tree) = head.split_at(head.find(TREE).unwrap_or(head.len()));
    let root = about.find("<cvrf:DocumentTitle>").unwrap_or(0);
    let vulnerabilities: Vec<&str> = parts
        .map(|part| part.trim_end().trim_end_matches("</cvrf:cvrfdoc>"))
        .collect();
    let mut seeds = vec![head.as_bytes().to_vec()];
    for part in &vulnerabilities {
        for before in [head.to_owned(), format!("{}{tree}", &about[..root])] {
            seeds.push(format!("{before}{BEGINS}{part}</cvrf:cvrfdoc>\n").into_bytes());
        }
    }
    seeds
}
