//! The scripts themselves, as a driver gives them to the shell of another machine: killed at every line, stopped, raced,
//! refused, without room, and read over a pipe.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ringway_drivers::Keep;
use ringway_drivers::envelope::{
    self, Answer, Event, How, Outcome, Question, Reader, Restarts, Run, Work,
};
use ringway_model::{Epoch, IntentId, RolloutId, Slot};
use ringway_policy::validated::Command;
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::support::{LONG, shells};

/// How much of an output is told.
const LIMIT: u64 = 1000;

/// A machine: a root for envelopes, a directory that commands start in, a shell.
struct Machine {
    directory: TempDir,
    shell: Vec<&'static str>,
    incarnation: u64,
    adopts: BTreeSet<u64>,
    epoch: u64,
    fleet: &'static str,
    timeout: Duration,
}

impl Machine {
    fn new(shell: &[&'static str]) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            shell: shell.to_vec(),
            incarnation: 7,
            adopts: BTreeSet::new(),
            epoch: 1,
            fleet: "corp & co",
            timeout: LONG,
        }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn run_directory(&self, serial: u16) -> PathBuf {
        let runs = self.root().join("runs").join(self.incarnation.to_string());
        runs.join(intent(serial).to_string())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    fn with<T>(&self, serial: u16, make: impl FnOnce(&Run<'_>) -> T) -> T {
        make(&Run {
            root: &self.root(),
            fleet: self.fleet,
            incarnation: self.incarnation,
            adopts: &self.adopts,
            epoch: Epoch(self.epoch),
            intent: intent(serial),
            errand_for: None,
        })
    }

    fn start(&self, serial: u16, text: &str) -> String {
        let work = Work {
            command: &Command::Shell(text.to_owned()),
            values: &[("VALUE", "it's")],
            directory: self.directory.path(),
            timeout: self.timeout,
            grace: Duration::from_millis(300),
            patience: Duration::from_millis(200),
            output_limit: LIMIT,
            note: "before",
            follow: true,
            durable: false,
        };
        self.with(serial, |run| envelope::start(run, &work).unwrap())
    }

    fn attach(&self, serial: u16) -> String {
        let grace = Duration::from_millis(300);
        self.with(serial, |run| envelope::attach(run, LIMIT, grace).unwrap())
    }

    /// Gives a script to a new session's shell. `before` is a line that the shell runs first.
    fn give(&self, before: &str, script: &str) -> Child {
        let mut child = Process::new("setsid")
            .args(&self.shell)
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let text = format!("{before}\n{script}");
        // One that is killed or refuses does not read it all.
        drop(child.stdin.take().unwrap().write_all(text.as_bytes()));
        child
    }

    /// All it says, until its output is closed.
    fn say(&self, script: &str) -> Vec<Event> {
        hear(self.give("", script))
    }
}

fn intent(serial: u16) -> IntentId {
    IntentId::new(RolloutId(1), Slot(0), serial)
}

fn hear(mut child: Child) -> Vec<Event> {
    let mut told = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut told).unwrap();
    child.wait().unwrap();
    Reader::new(usize::try_from(LIMIT).unwrap()).feed(&told)
}

fn ended(code: i32, output: &str) -> Event {
    over(How::Ended, code, output)
}

fn over(how: How, code: i32, output: &str) -> Event {
    Event::Outcome(Outcome {
        how,
        code,
        dropped: 0,
        output: output.into(),
    })
}

const ACCEPTED: Event = Event::Answer(Answer::Accepted);
const BEGUN: Event = Event::Answer(Answer::Begun);
const NEVER: Event = Event::Answer(Answer::Never);

fn until(mut condition: impl FnMut() -> bool) {
    let bound = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < bound, "it happens long before this");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn signal(pid: &str, signal: Signal) {
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[test]
fn a_step_is_followed_to_its_end_and_found_again_in_every_shell() {
    for shell in shells() {
        let machine = Machine::new(&shell);
        let script = machine.start(1, "echo \"$VALUE\"; echo 'ringway: never'; exit 3");
        let end = ended(3, "it's\nringway: never\n");
        assert_eq!(machine.say(&script), [ACCEPTED, end.clone()], "{shell:?}");
        assert_eq!(machine.say(&script), [Event::Answer(Answer::Exists)]);
        assert_eq!(machine.say(&machine.attach(1)), [BEGUN, end]);
        assert_eq!(machine.say(&machine.attach(2)), [NEVER]);
        assert_eq!(
            machine.say(&machine.start(2, "touch ran")),
            [Event::Answer(Answer::Exists)]
        );
        assert!(!machine.file("ran").exists(), "{shell:?}");
    }
}

#[test]
fn the_end_of_a_flood_is_told_and_the_rest_counted_in_every_shell() {
    for shell in shells() {
        let machine = Machine::new(&shell);
        let flood = "yes 123456789 | head -n 199999; echo 'the end.'";
        let told = machine.say(&machine.start(1, flood));
        let [ACCEPTED, Event::Outcome(end)] = told.as_slice() else {
            panic!("{shell:?}: {told:?}");
        };
        assert_eq!(
            (end.dropped, end.output.len()),
            (1_998_999, 1000),
            "{shell:?}"
        );
        assert!(end.output.ends_with(b"123456789\nthe end.\n"));
        let attached = machine.say(&machine.attach(1));
        assert_eq!(attached[1], told[1], "{shell:?}");
    }
}

/// Whatever a line does, and whoever is killed before it: the command runs at most once, one that was said never to begin
/// did not, what is told is true, and the host goes on to its next step.
#[test]
fn a_kill_before_any_line_of_the_envelope_is_survived() {
    for (shell, every) in [
        (vec!["/bin/sh"], 1),
        (vec!["bash", "--posix"], 9),
        (vec!["busybox", "sh"], 9),
    ] {
        let Some(shell) = shells().into_iter().find(|found| *found == shell) else {
            continue;
        };
        // What is behind this belongs to other verbs.
        let script = Machine::new(&shell).start(1, "");
        let lines = script
            .lines()
            .position(|line| line == "rw_overdue() {")
            .unwrap();
        let next = AtomicUsize::new(0);
        let killed = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let line = next.fetch_add(every, Ordering::Relaxed);
                        if line >= lines {
                            return;
                        }
                        for kill in ["kill -9 $$", "kill -9 0"] {
                            if survive(&shell, line, kill) {
                                killed.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    }
                });
            }
        });
        // Many lines are of what rarely happens; but these are there.
        let killed = killed.into_inner();
        assert!(killed > 100 / every, "{shell:?}: only {killed} were killed");
    }
}

/// What a killed envelope leaves running, such as its watchdog: ended with this, whatever comes of the test.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.try_into().ok().and_then(Pid::from_raw) {
            // It fails where nothing is left.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

/// Whether the envelope got as far as this line and was killed there.
fn survive(shell: &[&'static str], line: usize, kill: &str) -> bool {
    let machine = Machine::new(shell);
    let whole = machine.start(1, "echo ran >> ledger");
    let mut script = String::new();
    for (place, text) in whole.lines().enumerate() {
        if place == line {
            writeln!(script, "{kill}").unwrap();
        }
        writeln!(script, "{text}").unwrap();
    }
    let child = machine.give("", &script);
    let group = Group(child.id());
    let told = hear(child);
    let what = format!("{shell:?}, `{kill}` before line {line}: {told:?}");
    let lines = machine.text("ledger").lines().count();
    if told.last() == Some(&ended(0, "")) {
        assert_eq!(lines, 1, "{what}");
        return false;
    }
    let found = machine.say(&machine.attach(1));
    // The host is free again: whatever was left of the step is over now.
    assert_eq!(
        machine.say(&machine.start(2, "echo next")),
        [ACCEPTED, ended(0, "next\n")],
        "{what}, {found:?}"
    );
    let lines = machine.text("ledger").lines().count();
    match found.as_slice() {
        [NEVER] => assert_eq!(lines, 0, "{what}"),
        [BEGUN, Event::Outcome(end)] => match end.how {
            How::Ended => assert_eq!((lines, end.code), (1, 0), "{what}"),
            How::Interrupted => assert!(lines <= 1, "{what}"),
            How::Late => panic!("{what}: its time was not over"),
        },
        other => panic!("{what}: {other:?}"),
    }
    assert_eq!(machine.say(&machine.attach(1)), found, "{what}");
    assert_eq!(machine.text("ledger").lines().count(), lines, "{what}");
    drop(group);
    true
}

/// Puts a line in front of the first one that begins so.
fn insert(script: &str, before: &str, line: &str) -> String {
    let place = script.find(&format!("\n{before}")).expect("it is there") + 1;
    format!("{}{line}\n{}", &script[..place], &script[place..])
}

/// A process that was stopped and wakes up when somebody else has taken over must change nothing.
#[test]
fn an_envelope_that_wakes_after_a_takeover_changes_nothing_in_any_shell() {
    for shell in shells() {
        for (before, woken) in [
            // Before it asks for the gate; holding nothing, between the gate and the step; as the step, about to begin.
            ("until flock -n 9", Event::Answer(Answer::Fenced(2))),
            ("rw_run\n", NEVER),
            ("set -C", NEVER),
        ] {
            let mut machine = Machine::new(&shell);
            let script = machine.start(1, "echo ran >> ledger");
            let stop = "echo ${rw_pid:-$$} > stopped; kill -STOP ${rw_pid:-$$}";
            let child = machine.give("", &insert(&script, before, stop));
            until(|| {
                let pid = machine.text("stopped");
                let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
                // An empty name is a file of the kernel's own.
                stat.is_ok_and(|stat| stat.contains(") T "))
            });
            machine.epoch = 2;
            assert_eq!(
                machine.say(&machine.attach(1)),
                [NEVER],
                "{shell:?}, {before}"
            );
            // What never begins holds nobody up, asleep or not.
            assert_eq!(
                machine.say(&machine.start(3, "echo meanwhile")),
                [ACCEPTED, ended(0, "meanwhile\n")],
                "{shell:?}, {before}"
            );
            signal(&machine.text("stopped"), Signal::CONT);
            let told = hear(child);
            assert_eq!(told.last(), Some(&woken), "{shell:?}, {before}");
            assert_eq!(machine.text("ledger"), "", "{shell:?}, {before}");
            assert_eq!(
                machine.say(&machine.start(2, "echo next")),
                [ACCEPTED, ended(0, "next\n")]
            );
        }
    }
}

/// A process that was stopped with the gate in its hand: others say who it is and begin nothing, and what it was about to
/// begin can still be forbidden.
#[test]
fn a_stopped_holder_of_the_gate_is_named_and_its_step_can_be_forbidden_in_any_shell() {
    for shell in shells() {
        for before in ["rw_fleet= rw_database=", "{\nrw_make", "if rw_free"] {
            let machine = Machine::new(&shell);
            assert_eq!(machine.say(&machine.start(1, "true"))[0], ACCEPTED);
            let script = machine.start(2, "echo ran >> ledger");
            let stop = "echo $rw_pid > stopped; kill -STOP $rw_pid";
            let child = machine.give("", &insert(&script, before, stop));
            until(|| {
                let pid = machine.text("stopped");
                let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
                stat.is_ok_and(|stat| stat.contains(") T "))
            });
            let impatient = |script: String| {
                assert!(script.contains("\nRW_GATE='200'\n"));
                machine.say(&script.replace("\nRW_GATE='200'\n", "\nRW_GATE='3'\n"))
            };
            let told = impatient(machine.start(3, "echo ran >> ledger"));
            let [Event::Answer(Answer::Cannot(why))] = told.as_slice() else {
                panic!("{shell:?}, {before}: {told:?}");
            };
            let holder = format!(
                "by process {}, which is stopped",
                machine.text("stopped").trim()
            );
            assert!(why.contains(&holder), "{shell:?}: {why}");
            assert_eq!(impatient(machine.attach(2)), [NEVER], "{shell:?}, {before}");
            signal(&machine.text("stopped"), Signal::CONT);
            let told = hear(child);
            let exists = Event::Answer(Answer::Exists);
            assert!(
                [Some(&NEVER), Some(&exists)].contains(&told.last()),
                "{shell:?}, {before}: {told:?}"
            );
            assert_eq!(
                machine.say(&machine.start(4, "echo next")),
                [ACCEPTED, ended(0, "next\n")],
                "{shell:?}, {before}"
            );
            assert_eq!(machine.text("ledger"), "", "{shell:?}, {before}");
        }
    }
}

#[test]
fn a_host_is_of_one_database_until_a_decision_gives_it_to_another() {
    for shell in shells() {
        let mut machine = Machine::new(&shell);
        assert_eq!(machine.say(&machine.start(1, "true"))[0], ACCEPTED);
        machine.incarnation = 8;
        let foreign = [Event::Answer(Answer::Foreign(7))];
        assert_eq!(
            machine.say(&machine.start(2, "touch ran")),
            foreign,
            "{shell:?}"
        );
        assert_eq!(machine.say(&machine.attach(2)), foreign);
        assert!(!machine.run_directory(2).exists());
        machine.adopts = BTreeSet::from([3, 7]);
        assert_eq!(
            machine.say(&machine.start(2, "echo ours"))[1],
            ended(0, "ours\n")
        );
        machine.adopts = BTreeSet::new();
        assert_eq!(
            machine.say(&machine.start(3, "echo ours"))[1],
            ended(0, "ours\n")
        );
        // The one before has lost it.
        machine.incarnation = 7;
        let foreign = [Event::Answer(Answer::Foreign(8))];
        assert_eq!(machine.say(&machine.start(4, "touch ran")), foreign);
        machine.fleet = "other";
        let foreign = Answer::ForeignFleet("corp & co".to_owned());
        machine.adopts = BTreeSet::from([8]);
        assert_eq!(
            machine.say(&machine.start(4, "touch ran")),
            [Event::Answer(foreign)]
        );
        assert!(!machine.file("ran").exists(), "{shell:?}");
    }
}

#[test]
fn a_disk_without_room_begins_nothing_and_says_so_in_every_shell() {
    for shell in shells() {
        let machine = Machine::new(&shell);
        assert_eq!(machine.say(&machine.start(1, "true"))[0], ACCEPTED);
        // Files can be made and nothing written to them, as on a disk that is full.
        let full = |serial, text: &str| {
            let script = machine.start(serial, text);
            hear(machine.give("trap '' XFSZ; ulimit -f 0", &script))
        };
        let told = full(2, "touch ran");
        let [Event::Answer(Answer::Cannot(why))] = told.as_slice() else {
            panic!("{shell:?}: {told:?}");
        };
        assert!(why.contains("it cannot write below"), "{shell:?}: {why}");
        assert!(!machine.file("ran").exists(), "{shell:?}");
        assert_eq!(machine.say(&machine.attach(2)), [NEVER], "{shell:?}");
        assert_eq!(
            machine.say(&machine.start(3, "echo 3"))[1],
            ended(0, "3\n"),
            "{shell:?}"
        );
        // A question needs no room.
        let question = ask(&machine, "echo yes", LONG);
        let told = hear(machine.give("trap '' XFSZ; ulimit -f 0", &question));
        assert_eq!(told, [ended(0, "yes\n")], "{shell:?}");
    }
}

/// The connection is not the step: who loses it loses nothing.
#[test]
fn a_follower_that_goes_away_disturbs_nothing_in_any_shell() {
    for shell in shells() {
        let machine = Machine::new(&shell);
        let wait = "touch begun; until [ -e go ]; do sleep 0.02; done; echo done; exit 4";
        let mut child = machine.give("", &machine.start(1, wait));
        until(|| machine.file("begun").exists());
        drop(child.stdout.take());
        let mut attached = machine.give("", &machine.attach(1));
        let mut lines = BufReader::new(attached.stdout.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap() == "ringway: begun"),
            "{shell:?}"
        );
        drop(lines);
        rustix::process::kill_process_group(
            Pid::from_raw(attached.id().try_into().unwrap()).unwrap(),
            Signal::KILL,
        )
        .unwrap();
        attached.wait().unwrap();
        fs::write(machine.file("go"), "").unwrap();
        child.wait().unwrap();
        assert_eq!(
            machine.say(&machine.attach(1)),
            [BEGUN, ended(4, "done\n")],
            "{shell:?}"
        );
    }
}

#[test]
fn a_step_without_its_envelope_is_ended_by_who_attaches_when_its_time_is_over() {
    for shell in shells() {
        let mut machine = Machine::new(&shell);
        machine.timeout = Duration::from_millis(500);
        let text = "echo waiting; touch begun; trap '' TERM; while :; do sleep 0.1; done";
        let mut child = machine.give("", &machine.start(1, text));
        until(|| machine.file("begun").exists());
        until(|| fs::metadata(machine.run_directory(1).join("output")).is_ok_and(|o| o.len() > 0));
        // With its watchdog, its reader and all.
        rustix::process::kill_process_group(
            Pid::from_raw(child.id().try_into().unwrap()).unwrap(),
            Signal::KILL,
        )
        .unwrap();
        child.wait().unwrap();
        let late = over(How::Late, 137, "waiting\n");
        assert_eq!(
            machine.say(&machine.attach(1)),
            [BEGUN, late.clone()],
            "{shell:?}"
        );
        assert_eq!(machine.say(&machine.attach(1)), [BEGUN, late], "{shell:?}");
    }
}

fn ask(machine: &Machine, text: &str, timeout: Duration) -> String {
    envelope::question(&Question {
        command: &Command::Shell(text.to_owned()),
        values: &[("VALUE", "it's")],
        directory: machine.directory.path(),
        timeout,
        output_limit: LIMIT,
    })
    .unwrap()
}

#[test]
fn a_question_is_answered_within_its_bounds_and_leaves_nothing_in_any_shell() {
    for shell in shells() {
        let machine = Machine::new(&shell);
        let told = |text, timeout| machine.say(&ask(&machine, text, timeout));
        assert_eq!(
            told("printf '%s\n' \"$VALUE\"; exit 4", LONG),
            [ended(4, "it's\n")],
            "{shell:?}"
        );
        assert_eq!(told("printf ' no end'", LONG), [ended(0, " no end")]);
        assert_eq!(told("cat; echo oops >&2", LONG), [ended(0, "oops\n")]);
        assert_eq!(told("true", LONG), [ended(0, "")]);
        // What it leaves in its group goes with it, and holds nobody up.
        assert_eq!(
            told("sleep 1000 & echo $! > left", LONG),
            [ended(0, "")],
            "{shell:?}"
        );
        until(|| !crate::support::runs(machine.text("left").trim().parse().unwrap()));
        let late = told("echo before; sleep 1000", Duration::from_millis(300));
        assert_eq!(late, [over(How::Late, 137, "before\n")], "{shell:?}");
        let [Event::Outcome(flood)] =
            &told("yes 123456789 | head -n 199999; echo 'the end.'", LONG)[..]
        else {
            panic!("{shell:?}: one outcome");
        };
        assert_eq!(
            (flood.dropped, flood.output.len()),
            (1_998_999, 1000),
            "{shell:?}"
        );
        assert!(flood.output.ends_with(b"123456789\nthe end.\n"));
        fs::remove_file(machine.file("left")).unwrap();
        let left: Vec<_> = fs::read_dir(machine.directory.path()).unwrap().collect();
        assert!(left.is_empty(), "{shell:?}: {left:?}");
    }
}

#[test]
fn restarts_that_were_seen_are_kept_in_every_shell() {
    for shell in shells() {
        let machine = Machine::new(&shell);
        assert_eq!(machine.say(&machine.start(1, "true"))[0], ACCEPTED);
        let restarts = |seen| {
            let script = machine.with(1, |run| envelope::restarts(run, seen).unwrap());
            let [Event::Outcome(told)] = &machine.say(&script)[..] else {
                panic!("{shell:?}: one outcome");
            };
            Restarts::read(told)
        };
        let first = restarts(None);
        assert!(first.ended_ago.is_some());
        assert_eq!(
            (first.note.as_str(), first.seen.len()),
            ("before", 0),
            "{shell:?}"
        );
        restarts(Some("boot 2"));
        assert_eq!(
            restarts(Some("it's 3")).seen,
            ["boot 2", "it's 3"],
            "{shell:?}"
        );
        assert_eq!(restarts(None).seen, ["boot 2", "it's 3"], "{shell:?}");
    }
}

#[test]
fn tidying_takes_finished_runs_and_nothing_that_is_open_or_alive_in_any_shell() {
    for shell in shells() {
        let machine = Machine::new(&shell);
        for serial in 1..=5 {
            assert_eq!(machine.say(&machine.start(serial, "true"))[0], ACCEPTED);
        }
        assert_eq!(machine.say(&machine.attach(6)), [NEVER]);
        let wait = "touch begun; until [ -e go ]; do sleep 0.02; done";
        let child = machine.give("", &machine.start(7, wait));
        until(|| machine.file("begun").exists());
        let tidy = |open: &[u16], younger_than, at_most| {
            let open = open.iter().map(|serial| intent(*serial)).collect();
            let keep = Keep {
                younger_than,
                at_most,
            };
            let script = envelope::tidy(&machine.root(), 7, &open, keep).unwrap();
            machine.say(&script)
        };
        let tidied = |count| [Event::Answer(Answer::Tidied(count))];
        let hour = Duration::from_hours(1);
        assert_eq!(tidy(&[1], hour, 100), tidied(0), "{shell:?}: all are young");
        assert_eq!(
            tidy(&[1], hour, 2),
            tidied(3),
            "{shell:?}: two of five may stay"
        );
        for serial in 2..=6 {
            age(&machine.run_directory(serial));
        }
        assert_eq!(
            tidy(&[1], hour, 2),
            tidied(2),
            "{shell:?}: the others are old now"
        );
        let left: Vec<bool> = (1..=7)
            .map(|serial| machine.run_directory(serial).exists())
            .collect();
        assert_eq!(
            left,
            [true, false, false, false, false, false, true],
            "{shell:?}"
        );
        fs::write(machine.file("go"), "").unwrap();
        assert_eq!(hear(child), [ACCEPTED, ended(0, "")], "{shell:?}");
        assert_eq!(tidy(&[], hour, 0), tidied(2), "{shell:?}");
    }
}

/// Makes a directory two hours old, where it is there.
fn age(directory: &Path) {
    if let Ok(opened) = fs::File::open(directory) {
        let then = std::time::SystemTime::now() - Duration::from_hours(2);
        opened.set_modified(then).unwrap();
    }
}
