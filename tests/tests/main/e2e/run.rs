//! The real program over a ground, as a process of its own.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::ground::{Ground, LONG, LOOK_EVERY};

/// The program at work. It does not outlive the test.
pub(crate) struct Run {
    child: Child,
    /// Where it says what it does.
    log: PathBuf,
    /// Where its steps do.
    ledger: PathBuf,
}

impl Run {
    /// Starts it over the ground's data directory. What it says is in `run.log`.
    pub(crate) fn start(ground: &Ground, arguments: &[&str]) -> Self {
        Self::saying(ground, arguments, ground.root().join("run.log"))
    }

    fn saying(ground: &Ground, arguments: &[&str], log: PathBuf) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let file = file.unwrap();
        let mut command = ringway(ground, arguments);
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap();
        let ledger = ground.root().join("ledger");
        Self { child, log, ledger }
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits until it ends by itself, as long as steps begin and end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut moved = (Instant::now(), 0);
        loop {
            if let Some(status) = self.has_ended() {
                return status;
            }
            let length = fs::metadata(&self.ledger).unwrap().len();
            if length > moved.1 {
                moved = (Instant::now(), length);
            }
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(moved.0.elapsed() < LONG, "it does not end:\n{}", log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP, or whatever else a process can be told.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ringway(ground: &Ground, arguments: &[&str]) -> Command {
    let mut command = Command::new(ringway_tests::ringway());
    command
        .arg("--data")
        .arg(ground.data())
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// What a run that ended by itself said: its exit code, and what it printed.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
}

/// Runs the program to its end, which has to come within a time that only a broken product needs.
pub(crate) async fn said(ground: &Ground, arguments: &[&str]) -> Said {
    let log = ground.root().join("said.log");
    let mut run = Run::saying(ground, arguments, log.clone());
    let code = run.ended().await.code();
    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(log).unwrap();
    Said { code, text }
}

/// Asserts that the program finds nothing wrong with what it has written down.
pub(crate) fn audit_is_clean(ground: &Ground) {
    let audit = ringway(ground, &["audit"]).output().unwrap();
    assert!(audit.status.success(), "{audit:?}");
}

/// Waits until something is so that the program has to bring about; tells what it said where it does not.
pub(crate) async fn until(ground: &Ground, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        let log = || fs::read_to_string(ground.root().join("run.log")).unwrap_or_default();
        assert!(begun.elapsed() < LONG, "it never was so: {what}\n{}", log());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
