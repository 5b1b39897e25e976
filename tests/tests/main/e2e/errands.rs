//! What runs for hosts outside their visits, with the real program over local hosts: a recipe fetches ahead, Ringway is
//! killed meanwhile, and what was fetched is not fetched again.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use super::ground::{LONG, LOOK_EVERY};

/// Local hosts, each with a directory: `hold-STEP` keeps a step from ending, `fail-STEP` lets it fail.
const DOCUMENTS: &str = "\
ringway: fleet/v1
name: desk
connect: [{ select: all, local: {} }]
hosts: [{ name: a1, labels: { ring: first } }, { name: b1 }, { name: b2 }, { name: b3 }]
---
ringway: policy/v1
name: quick
applies_to: all
rings:
  - { name: first, hosts: { select: ring = first }, soak: 100ms }
  - { name: rest, hosts: rest, soak: 100ms }
pace: { at_once: 5, ramp: off, settle: 100ms }
retry: { times: 1, wait: 100ms }
halt: { failed: 1 }
---
ringway: update/v1
name: tool
recipe: tool
releases: [{ select: all, id: tool-2, build: \"2\" }]
---
ringway: recipe/v1
name: tool
steps:
";

const STEP: &str = "\
echo \"$KIND $HOST\" >>ledger
while [ -e \"hold-$KIND-$HOST\" ]; do sleep 0.02; done
if [ -e \"fail-$KIND-$HOST\" ]; then echo \"no mirror for $HOST\"; exit 1; fi
case $KIND in
inspect) cat \"version-$HOST\" 2>/dev/null || echo 1 ;;
stage) : >\"staged-$HOST\" ;;
protect) echo \"$PROTECT_AS\" | tee \"snapshot-$HOST\" ;;
unprotect) rm \"snapshot-$HOST\" ;;
apply) test -e \"staged-$HOST\" && echo \"$BUILD\" >\"version-$HOST\" ;;
rollback) echo \"$PREVIOUS\" >\"version-$HOST\" ;;
esac
";

/// A directory with the documents, and what runs over it.
pub(crate) struct Desk {
    pub(crate) root: tempfile::TempDir,
    run: Option<Child>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(run) = &mut self.run {
            drop(run.kill());
            drop(run.wait());
        }
    }
}

impl Desk {
    /// `steps` are those of the recipe, with `STEP(kind)` for what a step runs.
    pub(crate) fn new(steps: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("step"), STEP).unwrap();
        let mut text = DOCUMENTS.to_owned();
        let mut rest = steps;
        while let Some((before, after)) = rest.split_once("STEP(") {
            let (kind, behind) = after.split_once(')').unwrap();
            let here = root.path().display();
            text.push_str(before);
            write!(text, "'cd \"{here}\" && KIND={kind} && . ./step'").unwrap();
            rest = behind;
        }
        text.push_str(rest);
        fs::write(root.path().join("it.yaml"), text).unwrap();
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

    pub(crate) fn begin(&mut self, arguments: &[&str]) {
        let log = File::create(self.root.path().join("run.log")).unwrap();
        let mut command = self.command(arguments);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.run = Some(command.spawn().unwrap());
    }

    /// Kills it as a crash would.
    pub(crate) fn crash(&mut self) {
        let mut run = self.run.take().unwrap();
        run.kill().unwrap();
        run.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.run.take().unwrap().wait().unwrap().code()
    }

    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text + &String::from_utf8_lossy(&output.stderr)
    }

    /// Waits until a command says this.
    pub(crate) fn until(&self, arguments: &[&str], words: &str) -> String {
        let begun = Instant::now();
        loop {
            let said = self.said(arguments);
            if said.contains(words) {
                return said;
            }
            let log = fs::read_to_string(self.root.path().join("run.log")).unwrap_or_default();
            assert!(begun.elapsed() < LONG, "never `{words}`: {said}\n{log}");
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    pub(crate) fn put(&self, name: &str) {
        fs::write(self.root.path().join(name), "").unwrap();
    }

    pub(crate) fn take_away(&self, name: &str) {
        fs::remove_file(self.root.path().join(name)).unwrap();
    }

    /// How often a step ran for a host.
    pub(crate) fn ran(&self, kind: &str, host: &str) -> usize {
        let ledger = fs::read_to_string(self.root.path().join("ledger")).unwrap_or_default();
        let line = format!("{kind} {host}");
        ledger.lines().filter(|one| *one == line).count()
    }
}

const STAGED: &str = "  stage: { run: STEP(stage), at_once: 2, timeout: 1m }
  inspect: { run: STEP(inspect), installed_when: \"{build}\", previous: \"{output}\" }
  apply: { run: STEP(apply) }
  rollback: { run: STEP(rollback) }
";

#[test]
fn a_recipe_fetches_ahead_through_a_crash_and_a_visit_fetches_what_could_not_be() {
    let mut desk = Desk::new(STAGED);
    let planned = desk.said(&["plan"]);
    assert!(
        planned.contains("stage (ahead of the visit, at most 2 at once; else in the visit)"),
        "{planned}"
    );
    // The first ring's host stays in its visit, and two of the next ring's are staged beside it.
    for name in ["hold-apply-a1", "hold-stage-b1", "fail-stage-b2"] {
        desk.put(name);
    }
    desk.begin(&["run", "it.yaml"]);
    let failed = desk.until(&["why", "b2"], "could not be staged (its command failed)");
    assert!(failed.contains("no mirror for b2"), "{failed}");
    desk.until(&["status"], "staged 1 of 3 (1 could not be)");
    let running = desk.said(&["why", "b1"]);
    assert!(running.contains("being staged (attempt 1)"), "{running}");
    desk.crash();
    desk.take_away("hold-stage-b1");
    desk.begin(&["run", "--resume"]);
    desk.until(&["why", "b1"], "staged: what is to be installed is there");
    assert_eq!(
        desk.ran("stage", "b1"),
        1,
        "it is found again, and not begun anew"
    );
    desk.take_away("fail-stage-b2");
    desk.take_away("hold-apply-a1");
    assert_eq!(desk.ended(), Some(0));
    // Once ahead; the one that could not be, twice ahead, and then in its visit.
    for (host, times) in [("a1", 1), ("b1", 1), ("b2", 3), ("b3", 1)] {
        assert_eq!(desk.ran("stage", host), times, "{host}");
        assert_eq!(desk.ran("apply", host), 1, "{host}");
    }
    let journal = desk.said(&["journal"]);
    assert!(journal.contains("errand: stage"), "{journal}");
    let history = desk.said(&["history", "b1"]);
    assert!(
        history.contains("staged ahead of its visit") && history.contains("its visit begins"),
        "{history}"
    );
    let history = desk.said(&["history", "b2"]);
    assert!(history.contains("could not be staged"), "{history}");
    let audit = desk.ask(&["audit"]);
    assert!(audit.status.success(), "{}", desk.said(&["audit"]));
}
