//! Work by hand, with the real program over hosts that nothing reaches: a person is asked, Ringway is killed meanwhile, and
//! nothing but that person's word ends it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use super::ground::{LONG, LOOK_EVERY};

const DOCUMENTS: &str = "\
ringway: fleet/v1
name: devices
connect: none
hosts: [{ name: pacs-1, labels: { ring: first } }, { name: pacs-2 }, { name: pacs-3 }]
---
ringway: policy/v1
name: by-hand
applies_to: all
rings:
  - { name: first, hosts: { select: ring = first }, soak: 100ms }
  - { name: rest, hosts: rest, soak: 100ms }
pace: { at_once: 5, ramp: off, settle: 100ms }
halt: { failed: 1 }
---
ringway: update/v1
name: viewer
recipe: manual
releases: [{ select: all, id: \"7.4.2\", with: { instructions: install 7.4.2 at the console } }]
";

/// A directory with the documents, and what runs over it.
struct Place {
    root: tempfile::TempDir,
    run: Option<Child>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(run) = &mut self.run {
            drop(run.kill());
            drop(run.wait());
        }
    }
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("it.yaml"), DOCUMENTS).unwrap();
        fs::write(root.path().join("console.png"), "a photograph").unwrap();
        Self { root, run: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(ringway_tests::ringway());
        command
            .current_dir(self.root.path())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    fn begin(&mut self, arguments: &[&str]) {
        let log = File::create(self.root.path().join("run.log")).unwrap();
        let mut command = self.command(arguments);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.run = Some(command.spawn().unwrap());
    }

    /// Kills it as a crash would.
    fn crash(&mut self) {
        let mut run = self.run.take().unwrap();
        run.kill().unwrap();
        run.wait().unwrap();
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn said(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text + &String::from_utf8_lossy(&output.stderr)
    }

    /// Waits until `why HOST` says this.
    fn until(&self, host: &str, words: &str) -> String {
        let begun = Instant::now();
        loop {
            let said = self.said(&["why", host]);
            if said.contains(words) {
                return said;
            }
            let log = fs::read_to_string(self.root.path().join("run.log")).unwrap_or_default();
            assert!(begun.elapsed() < LONG, "never `{words}`: {said}\n{log}");
            std::thread::park_timeout(LOOK_EVERY);
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "the story is told as one")]
fn a_person_works_by_hand_through_a_crash_and_nothing_else_ends_it() {
    let mut place = Place::new();
    let planned = place.said(&["plan"]);
    assert!(planned.contains("apply (by hand)"), "{planned}");
    place.begin(&["run", "it.yaml"]);
    let asked = place.until("pacs-1", "waiting for a person (apply by hand)");
    assert!(asked.contains("install 7.4.2 at the console"), "{asked}");
    assert!(asked.contains("`done`"), "{asked}");
    place.crash();
    // Nobody decides now, and the person is asked all the same.
    place.until("pacs-1", "waiting for a person");
    place.begin(&["run", "--resume"]);
    place.until("pacs-1", "waiting for a person");

    for (arguments, why) in [
        (&["done", "pacs-1"][..], "the recipe wants evidence"),
        (&["done", "pacs-1", "--failed"], "needs a reason"),
        (
            &["done", "pacs-2", "--evidence", "console.png"],
            "nobody is to work on host `pacs-2`",
        ),
        (
            &["done", "pacs-9", "--evidence", "console.png"],
            "has no host `pacs-9`",
        ),
        (
            &["done", "pacs-1", "--evidence", "nowhere.png"],
            "cannot be handed in",
        ),
    ] {
        let output = place.ask(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(why),
            "{arguments:?}: {said}"
        );
    }
    let long = File::create(place.root.path().join("long")).unwrap();
    long.set_len((1 << 20) + 1).unwrap();
    let output = place.ask(&["done", "pacs-1", "--evidence", "long"]);
    assert_eq!(output.status.code(), Some(2));

    let done = [
        "done",
        "pacs-1",
        "--evidence",
        "console.png",
        "--reason",
        "viewer restarted",
    ];
    assert!(place.ask(&done).status.success());
    place.until("pacs-1", ": updated");
    let why = place.said(&["why", "pacs-1"]);
    assert!(
        why.contains("viewer restarted") && why.contains("console.png (12 bytes)"),
        "{why}"
    );
    let digest = why.split("ringway evidence ").nth(1).unwrap();
    let digest = digest.split('`').next().unwrap();
    assert_eq!(place.ask(&["evidence", digest]).stdout, b"a photograph");
    assert!(
        place
            .ask(&["evidence", digest, "--to", "back.png"])
            .status
            .success()
    );
    assert_eq!(
        fs::read(place.root.path().join("back.png")).unwrap(),
        b"a photograph"
    );
    assert!(!place.ask(&["evidence", "0000"]).status.success());

    // The next ring: one is done, one failed, and that halts.
    place.until("pacs-3", "waiting for a person");
    let failed = ["done", "pacs-3", "--failed", "--reason", "no license"];
    assert!(place.ask(&failed).status.success());
    place.until(
        "pacs-3",
        "failed (apply: whoever did it by hand said that it failed)",
    );
    assert!(place.said(&["status"]).contains("halted"));
    // A halt calls nobody back from the other one, and what was never begun there is as it was.
    place.until("pacs-2", "waiting for a person");
    let untouched = ["done", "pacs-2", "--untouched", "--reason", "saw the halt"];
    let taken = place.ask(&untouched);
    let said = String::from_utf8_lossy(&taken.stderr).into_owned();
    // Where `run` has ended by now, since a halted rollout has nothing in flight, this takes over and ends as it would.
    assert!(matches!(taken.status.code(), Some(0 | 3)), "{said}");
    place.until("pacs-2", "pending");

    let journal = place.said(&["journal"]);
    for words in [
        "by hand: a person is asked",
        "by hand: done, says",
        "by hand: FAILED, says",
    ] {
        assert!(journal.contains(words), "{journal}");
    }
    let mut run = place.run.take().unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(3), "it ends halted");
    let audit = place.said(&["audit"]);
    assert!(audit.contains("sound"), "{audit}");
}

/// Where nothing runs, a word that is left for later is carried out with its file by whoever comes next.
#[test]
fn a_word_with_its_file_waits_in_the_inbox_while_nothing_runs() {
    let mut place = Place::new();
    place.begin(&["run", "it.yaml"]);
    place.until("pacs-1", "waiting for a person");
    place.crash();
    let later = ["done", "pacs-1", "--evidence", "console.png", "--later"];
    let left = place.said(&later);
    assert!(left.contains("nothing runs"), "{left}");
    fs::remove_file(Path::new(place.root.path()).join("console.png")).unwrap();
    place.until("pacs-1", "waiting for a person");
    place.begin(&["run", "--resume"]);
    place.until("pacs-1", ": updated");
    assert!(place.said(&["why", "pacs-1"]).contains("console.png"));
    let observed = place.ask(&["--data", "other", "run", "it.yaml", "--observe"]);
    let said = String::from_utf8_lossy(&observed.stderr).into_owned();
    assert!(
        said.contains("work by hand counts as done: nobody is asked"),
        "{said}"
    );
}
