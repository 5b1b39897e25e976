//! A directory with documents, and the program run in it.

#![expect(
    clippy::unwrap_used,
    reason = "what a test stands on fails the test when it is not there"
)]

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine; a test that is right never waits for it.
const BOUND: Duration = Duration::from_mins(2);

/// Three hosts, each a file with its version. `apply` fails where `fail-HOST` lies; `hold` makes it wait.
/// `rollback` fails where `stuck-HOST` lies.
const COMMON: &str = r#"
ringway: fleet/v1
name: f
hosts:
  - { name: a, labels: { role: x } }
  - { name: b, labels: { role: x } }
  - { name: c, labels: { role: y } }
connect:
  - { select: all, local: {} }
---
ringway: update/v1
name: u
releases:
  - { select: all, id: R2, build: "2" }
recipe: r
---
ringway: recipe/v1
name: r
steps:
  inspect: { run: 'cat "version-$HOST"', installed_when: "{build}", previous: "{output}" }
  apply: { run: 'touch began; while [ -e hold ]; do sleep 0.05; done; echo "$BUILD" >"version-$HOST"; [ ! -e "fail-$HOST" ] || { cat "complaint-$HOST"; exit 1; }' }
  rollback: { run: '[ ! -e "stuck-$HOST" ] || exit 7; echo "$PREVIOUS" >"version-$HOST"' }
"#;

/// A policy with two rings; `{approval}` is what stands behind the first one's soak.
const POLICY: &str = "\
ringway: policy/v1
name: p
applies_to: all
rings:
  - { name: first, hosts: { select: role = y }, soak: 0s{approval} }
  - { name: second, hosts: rest, soak: 0s }
pace: { at_once: 4, ramp: off, settle: 0s }
";

/// A directory to work in.
pub(crate) struct Place {
    directory: TempDir,
}

/// What the program said and how it ended.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: code(output.status),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The exit code; a program that a signal ended has none, and no test expects that.
pub(crate) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

impl Place {
    /// A rollout that needs nobody.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// A rollout whose second ring needs an approval.
    pub(crate) fn with_approval() -> Self {
        Self::with(", after_soak: { approvals: 1 }")
    }

    /// A rollout with these rings.
    pub(crate) fn with_rings(rings: &str) -> Self {
        let place = Self::new();
        let (head, rest) = POLICY.split_once("rings:\n").unwrap();
        let pace = rest.rfind("pace:").unwrap();
        place.write(
            "policy.yaml",
            &format!("{head}rings:\n{rings}\n{}", &rest[pace..]),
        );
        place
    }

    fn with(approval: &str) -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        place.write("common.yaml", COMMON);
        place.write("policy.yaml", &POLICY.replace("{approval}", approval));
        for host in ["a", "b", "c"] {
            place.write(&format!("version-{host}"), "1\n");
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub(crate) fn versions(&self) -> String {
        ["a", "b", "c"]
            .map(|h| {
                fs::read_to_string(self.path(&format!("version-{h}")))
                    .unwrap()
                    .trim()
                    .to_owned()
            })
            .join(" ")
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
        command
            .current_dir(self.directory.path())
            .args(arguments.split_whitespace())
            .stdin(Stdio::null());
        command.env_remove("RINGWAY_DATA").env_remove("RINGWAY_LOG");
        command
    }

    /// Runs the program to its end.
    pub(crate) fn ringway(&self, arguments: &str) -> Said {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the program and expects this end.
    pub(crate) fn expect(&self, arguments: &str, code: i32) -> Said {
        let said = self.ringway(arguments);
        assert_eq!(
            said.code, code,
            "ringway {arguments}\n--- out\n{}\n--- err\n{}",
            said.out, said.err
        );
        said
    }

    /// Runs the program with nobody reading what it prints, or with a standard output of another kind.
    pub(crate) fn printing_to(&self, stdout: impl Into<Stdio>, arguments: &str) -> Said {
        let mut command = self.command(arguments);
        let child = command.stdout(stdout).stderr(Stdio::piped()).spawn();
        child.unwrap().wait_with_output().unwrap().into()
    }

    /// What the program offers a shell to go on with, of this line.
    pub(crate) fn completed(&self, line: &str) -> Vec<String> {
        let words: Vec<&str> = std::iter::once("ringway").chain(line.split(' ')).collect();
        let mut command = self.command("--");
        command
            .args(&words)
            .env("RINGWAY_COMPLETE", "bash")
            .env("_CLAP_IFS", "\n")
            .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
            .env("_CLAP_COMPLETE_COMP_TYPE", "9")
            .env("_CLAP_COMPLETE_SPACE", "true");
        let said: Said = command.output().unwrap().into();
        assert_eq!(said.code, 0, "{line}: {}", said.err);
        let mut offered: Vec<String> = said.out.split('\n').map(str::to_owned).collect();
        offered.retain(|word| !word.is_empty());
        offered
    }

    /// Runs the program with all of its log.
    pub(crate) fn traced(&self, arguments: &str) -> Said {
        let mut command = self.command(arguments);
        command.env("RINGWAY_LOG", "trace");
        command.output().unwrap().into()
    }

    /// Starts the program and goes on.
    pub(crate) fn spawn(&self, arguments: &str) -> Running {
        let child = self
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running { child: Some(child) }
    }

    /// How many rollouts there are.
    pub(crate) fn rollouts(&self) -> usize {
        let view: serde_json::Value =
            serde_json::from_str(&self.expect("status --output json", 0).out).unwrap();
        view["rollouts"].as_array().unwrap().len()
    }

    /// The same, with all of its log.
    pub(crate) fn spawn_traced(&self, arguments: &str) -> Running {
        let mut command = self.command(arguments);
        command.env("RINGWAY_LOG", "trace");
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running { child: Some(child) }
    }

    /// Waits until a process decides here.
    pub(crate) fn until_answered(&self) {
        // The socket of one that was killed is still there, and refuses.
        until(|| UnixStream::connect(self.path(".ringway/control.sock")).is_ok());
    }

    /// Waits until `ringway status` says that the only rollout is in this state.
    pub(crate) fn until_status(&self, wanted: impl Fn(&serde_json::Value) -> bool) {
        until(|| {
            let said = self.ringway("status --output json");
            said.code == 0 && wanted(&serde_json::from_str(&said.out).unwrap())
        });
    }
}

/// A program that runs; it is ended with the test.
pub(crate) struct Running {
    child: Option<Child>,
}

impl Running {
    /// As Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(self.child.as_ref().unwrap());
        kill_process(pid, signal).unwrap();
    }

    /// Waits until it listens for Ctrl-C: before that it would just be gone.
    pub(crate) fn until_it_hears(&self) {
        let status = format!("/proc/{}/status", self.child.as_ref().unwrap().id());
        until(|| {
            let status = fs::read_to_string(&status).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
            // Signals count from 1.
            caught & 1 << (rustix::process::Signal::INT.as_raw() - 1) != 0
        });
    }

    /// As a power cut does, as far as it is concerned.
    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Said {
        self.child
            .take()
            .unwrap()
            .wait_with_output()
            .unwrap()
            .into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until something holds.
pub(crate) fn until(so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < BOUND, "it should have come long ago");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Data that the program printed.
pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// A standard output that nobody reads any more.
pub(crate) fn unread() -> io::PipeWriter {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer
}
