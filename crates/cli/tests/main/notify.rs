//! What people are told unasked: over a real server on loopback, by commands, over a crash.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use crate::place::{Place, json, until};

/// A server that takes posts, and answers each with the next status.
struct Server {
    port: u16,
    /// The signature of each post and its body.
    got: Arc<Mutex<Vec<(String, serde_json::Value)>>>,
}

impl Server {
    fn new(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let got: Arc<Mutex<Vec<_>>> = Arc::default();
        let kept = Arc::clone(&got);
        std::thread::spawn(move || {
            let mut statuses = statuses.iter();
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                let (mut length, mut signature) = (0, String::new());
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap() <= 2 {
                        break;
                    }
                    let (name, value) = line.split_once(':').unwrap_or((&line, ""));
                    match name.to_lowercase().as_str() {
                        "content-length" => length = value.trim().parse().unwrap(),
                        "ringway-signature" => value.trim().clone_into(&mut signature),
                        _ => {}
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let status = statuses.next().unwrap_or(&200);
                let answer = format!("HTTP/1.1 {status} so\r\ncontent-length: 0\r\n\r\n");
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
                let body = serde_json::from_slice(&body).unwrap();
                kept.lock().unwrap().push((signature, body));
            }
        });
        Self { port, got }
    }

    fn topics(&self) -> Vec<String> {
        let got = self.got.lock().unwrap();
        let matters = got
            .iter()
            .flat_map(|(_, body)| body["matters"].as_array().unwrap().clone());
        matters
            .map(|matter| matter["topic"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn rules(place: &Place, rules: &str) {
    place.write(
        "notify.yaml",
        &format!("ringway: notify/v1\nrules:\n{rules}"),
    );
}

#[test]
fn a_webhook_is_told_what_waits_with_what_to_type_and_what_came_of_it() {
    let server = Server::new(&[]);
    let place = Place::with_approval();
    place.write("secret", "hunter2\n");
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(place.path("secret"), private).unwrap();
    rules(
        &place,
        &format!(
            "  - {{ name: chat, when: [approval-needed, promoted, completed], group: 0s, to: {{ webhook: 'http://127.0.0.1:{}/x', secret_file: secret }} }}\n",
            server.port
        ),
    );
    let running = place.spawn_traced("run --change CHG7");
    until(|| server.topics().contains(&"approval-needed".to_owned()));
    place.expect("approve --yes", 0);
    let said = running.end();
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!said.err.contains("hunter2"), "a secret is in the log");
    let topics = server.topics();
    assert_eq!(
        topics.last().unwrap(),
        "completed",
        "also what was decided last: {topics:?}"
    );
    assert_eq!(
        topics.iter().filter(|topic| *topic == "promoted").count(),
        2
    );
    let got = server.got.lock().unwrap();
    let about = |topic: &str| {
        let all = got
            .iter()
            .find(|(_, body)| body["matters"][0]["topic"] == topic);
        all.unwrap().clone()
    };
    let (signature, body) = about("approval-needed");
    assert!(
        signature.starts_with("sha256=") && signature.len() == 71,
        "{signature}"
    );
    assert_eq!(body["because"], "new");
    assert_eq!(body["matters"][0]["change"], "CHG7");
    assert_eq!(
        body["matters"][0]["commands"][0],
        "ringway approve --rollout r1"
    );
    let why = body["matters"][0]["why"].as_str().unwrap();
    assert!(why.contains("0 of 1 approvals"), "{why}");
    assert!(
        body["text"]
            .as_str()
            .unwrap()
            .contains("type: ringway approve")
    );
    assert!(!place.expect("status --all", 0).out.contains("not told"));
    let journal = fs::read(place.path(".ringway/ringway.db")).unwrap();
    let secret = b"hunter2";
    assert!(!journal.windows(secret.len()).any(|part| part == secret));
    place.expect("audit", 0);
}

/// A command that is told, and does not come back while `mute` lies there.
const TELL: &str = "cat >told.$$; mv told.$$ said-$$; while [ -e mute ]; do sleep 0.05; done";

fn said(place: &Place) -> Vec<serde_json::Value> {
    let files = fs::read_dir(place.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut said: Vec<_> = files
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("said-")
        })
        .map(|path| {
            (
                path.metadata().unwrap().modified().unwrap(),
                json(&fs::read_to_string(path).unwrap()),
            )
        })
        .collect();
    said.sort_by_key(|(at, _)| *at);
    said.into_iter().map(|(_, body)| body).collect()
}

#[test]
fn what_was_decided_and_not_told_before_a_crash_is_told_after_it_under_the_same_id() {
    let place = Place::with_approval();
    rules(
        &place,
        &format!(
            "  - {{ name: ops, when: [approval-needed], group: 0s, to: {{ run: '{TELL}' }} }}\n"
        ),
    );
    place.write("mute", "");
    let running = place.spawn("run");
    until(|| !said(&place).is_empty());
    // It was given to the command, and nobody knows whether the command did its work.
    running.kill();
    place.remove("mute");
    place.expect("run --resume --no-wait", 4);
    let twice = said(&place);
    assert_eq!(twice.len(), 2, "{twice:?}");
    assert_eq!(twice[0]["id"], twice[1]["id"]);
    place.expect("run --resume --no-wait", 4);
    assert_eq!(said(&place).len(), 2, "told well, it is not told again");
    place.expect("audit", 0);
}

#[test]
fn who_cannot_be_told_is_in_status_and_keeps_nobody_waiting() {
    let place = Place::new();
    place.write("fail-c", "");
    place.write("complaint-c", "E: broken");
    rules(
        &place,
        "  - { name: ops, when: [halted, failed], group: 1h, to: { run: 'exit 7' } }\n",
    );
    place.expect("run", 3);
    let status = place.expect("status", 0).out;
    assert!(status.contains("not told to whom it should be"), "{status}");
    assert!(
        status.contains("rule ops: r1 halted since") && status.contains("exit status: 7"),
        "{status}"
    );
    let view = json(&place.expect("status --output json", 0).out);
    assert_eq!(view["untold"].as_array().unwrap().len(), 2);
    assert_eq!(view["untold"][0]["given-up"], false);
    let handover = place.expect("handover", 0).out;
    assert!(handover.contains("not told: rule ops"), "{handover}");
    let server = Server::new(&[500]);
    let place = Place::with_approval();
    rules(
        &place,
        &format!(
            "  - {{ name: hook, when: [approval-needed], group: 0s, to: {{ webhook: 'http://127.0.0.1:{}/' }} }}\n",
            server.port
        ),
    );
    place.expect("run --no-wait", 4);
    let status = place.expect("status", 0).out;
    assert!(status.contains("status 500"), "{status}");
}

#[test]
fn who_asks_and_what_is_late_is_told_and_an_answer_ends_it() {
    let place = Place::with_approval();
    let policy = fs::read_to_string(place.path("policy.yaml")).unwrap();
    place.write("policy.yaml", &format!("{policy}due: {{ other: 1d }}\n"));
    let common = fs::read_to_string(place.path("common.yaml")).unwrap();
    let old = common.replace("name: u\n", "name: u\nreleased: 2020-01-02T00:00:00Z\n");
    place.write("common.yaml", &old);
    rules(
        &place,
        &format!(
            "  - {{ name: ops, when: [overdue, question], group: 0s, to: {{ run: '{TELL}' }} }}\n"
        ),
    );
    place.expect("run --no-wait", 4);
    let told = said(&place);
    assert_eq!(told.len(), 1, "{told:?}");
    let matter = &told[0]["matters"][0];
    assert_eq!(matter["topic"], "overdue");
    let why = matter["why"].as_str().unwrap();
    assert!(why.contains("it was due 2020-01-03"), "{why}");
    place.expect("ask vendor-told? --later", 0);
    place.expect("run --resume --no-wait", 4);
    let told = said(&place);
    assert_eq!(told.len(), 2, "late only once: {told:?}");
    let matter = &told[1]["matters"][0];
    assert_eq!(matter["topic"], "question");
    assert!(matter["why"].as_str().unwrap().ends_with("vendor-told?"));
    place.expect("answer 1 yes --later", 0);
    place.expect("run --resume --no-wait", 4);
    assert_eq!(said(&place).len(), 2);
    place.expect("audit", 0);
}

#[test]
fn what_cannot_be_told_is_refused_by_name() {
    let place = Place::new();
    for (rule, part) in [
        ("{ name: a, when: [nonsense], to: { run: x } }", "nonsense"),
        ("{ name: a, when: [], to: { run: x } }", "tells nothing"),
        (
            "{ name: a, when: [halted], to: { webhook: 'http://h/', ca: c } }",
            "`ca` is for a webhook over `https` only",
        ),
        (
            "{ name: a, when: [halted], to: { webhook: 'http://h/', header_file: c } }",
            "`header_file` is for a webhook over `https` only",
        ),
        (
            "{ name: a, when: [halted], to: { run: x, ca: c } }",
            "no use for `ca`",
        ),
        (
            "{ name: a, when: [halted], to: { webhook: 'http://me:pw@h/' } }",
            "no URL that can be posted to",
        ),
        (
            "{ name: a, when: [halted], to: { webhook: 'ftp://h' } }",
            "no URL that can be posted to",
        ),
        (
            "{ name: a, when: [halted], to: { run: x, webhook: 'http://h/' } }",
            "webhook",
        ),
        (
            "{ name: a, when: [halted], to: { run: x, secret_file: s } }",
            "no use for `secret_file`",
        ),
        (
            "{ name: a, when: [halted], remind: 1s, to: { run: x } }",
            "1m",
        ),
        (
            "{ name: a, when: [halted], escalate: { to: { run: x } }, to: { run: x } }",
            "after",
        ),
        (
            "{ name: a, when: [halted], to: { run: x } }\n  - { name: a, when: [failed], to: { run: x } }",
            "another rule `a`",
        ),
    ] {
        rules(&place, &format!("  - {rule}\n"));
        let said = place.expect("check", 2);
        assert!(said.err.contains(part), "{rule}: {}", said.err);
    }
    rules(&place, "  - { name: a, when: [halted], to: { run: x } }\n");
    place.expect("check", 0);
}
