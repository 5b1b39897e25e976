//! The commands of the documentation, run: what a page tells people to type works, in the order in which it stands there.
//!
//! A page says in a comment of HTML what becomes of its blocks of `sh` and `console` (of these, the lines after `$ `):
//!
//! | comment | meaning |
//! |---|---|
//! | `<!-- commands: run -->` | of the page: they are run, in order, by one shell, in a directory of its own |
//! | `<!-- commands: parse, since WHY -->` | of the page: they are not run; `cargo test -p ringway-cli pages` still reads every `ringway` line |
//! | `<!-- replace: A with B -->` | of the page: `$SCRATCH` is the directory, `$PORTS` all but the last digit of free ports |
//! | `<!-- skip: WHY -->` | the next block is not run |
//! | `<!-- exit: CODE -->` | in the next block `ringway` may end with this too |
//! | `<!-- file: NAME -->` | the next block is written there |
//! | `<!-- setup`, commands, `-->` | these are run, and nobody reads them |
//!
//! `ringway` may end with 0, or with 3 or 4 where a rollout halts or waits for a person; anything else fails.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ringway_tests::root;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::sources::files;

/// What becomes of a page's commands.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    Run,
    Parse,
}

/// Something that is done, with its line.
#[derive(Debug, PartialEq, Eq)]
enum Act {
    /// With another code that `ringway` may end with.
    Shell(usize, String, Option<u8>),
    File(String, String),
}

/// A page as a list of what is done.
#[derive(Debug, Default)]
struct Page {
    way: Option<Way>,
    replace: Vec<(String, String)>,
    acts: Vec<Act>,
    has_commands: bool,
}

/// What the next block is for.
#[derive(Default)]
enum Next {
    #[default]
    Commands,
    Skip,
    Exit(u8),
    File(String),
}

impl Page {
    fn of(text: &str) -> Self {
        let mut page = Self::default();
        let mut next = Next::default();
        let mut lines = (1..).zip(text.lines());
        while let Some((number, line)) = lines.next() {
            let trimmed = line.trim();
            if let Some(language) = trimmed.strip_prefix("```") {
                let block: Vec<&str> = lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .take_while(|line| line.trim() != "```")
                    .collect();
                page.block(number, language, &block, std::mem::take(&mut next));
            } else if trimmed == "<!-- setup" {
                let setup: Vec<&str> = lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .take_while(|line| line.trim() != "-->")
                    .collect();
                page.acts.push(Act::Shell(number, setup.join("\n"), None));
            } else if let Some(said) = trimmed
                .strip_prefix("<!-- ")
                .and_then(|said| said.strip_suffix(" -->"))
            {
                page.comment(number, said, &mut next);
            }
        }
        page
    }

    fn comment(&mut self, number: usize, said: &str, next: &mut Next) {
        match said.split_once(": ") {
            Some(("commands", "run")) => self.way = Some(Way::Run),
            Some(("commands", why)) if why.starts_with("parse, since ") => {
                self.way = Some(Way::Parse);
            }
            Some(("replace", what)) => {
                let (from, to) = what.split_once(" with ").expect("`replace: A with B`");
                self.replace.push((from.to_owned(), to.to_owned()));
            }
            Some(("exit", code)) => *next = Next::Exit(code.parse().expect("an exit code")),
            Some(("skip", _)) => *next = Next::Skip,
            Some(("file", name)) => *next = Next::File(name.to_owned()),
            _ => panic!("line {number}: `{said}` means nothing"),
        }
    }

    fn block(&mut self, number: usize, language: &str, block: &[&str], next: Next) {
        let commands = match language {
            "sh" => block.join("\n"),
            "console" => {
                let lines = block.iter().filter_map(|line| line.strip_prefix("$ "));
                lines.collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        };
        self.has_commands |= commands.contains("ringway ");
        match next {
            Next::File(name) => self.acts.push(Act::File(name, block.join("\n") + "\n")),
            Next::Exit(code) => self.acts.push(Act::Shell(number, commands, Some(code))),
            Next::Commands if !commands.is_empty() => {
                self.acts.push(Act::Shell(number, commands, None));
            }
            Next::Commands | Next::Skip => {}
        }
    }

    /// One script for a shell. What `ringway` ends with is written down where it is not expected.
    fn script(&self, scratch: &Path) -> String {
        let scratch = scratch.display().to_string();
        let ports = if self.replace.iter().any(|(_, to)| to == "$PORTS") {
            free_ports()
        } else {
            String::new()
        };
        let mut script = String::from(
            "ringway() {\n  command ringway \"$@\"\n  ended=$?\n  case $ended in\n    0|3|4|$also) ;;\n    \
             *) echo \"line $line: ringway $* ended with $ended\" >>\"$WRONG\" ;;\n  esac\n  return $ended\n}\n",
        );
        for act in &self.acts {
            match act {
                Act::Shell(number, text, also) => {
                    let also = also.map(|code| code.to_string()).unwrap_or_default();
                    script.extend([
                        "line=",
                        &number.to_string(),
                        "\nalso=",
                        &also,
                        "\n",
                        text,
                        "\n",
                    ]);
                }
                Act::File(name, text) => {
                    if let Some((folder, _)) = name.rsplit_once('/') {
                        script.extend(["mkdir -p '", folder, "'\n"]);
                    }
                    script.extend(["cat >'", name, "' <<'END-OF-FILE'\n", text, "END-OF-FILE\n"]);
                }
            }
        }
        // What `ringway` ended with is looked at; what the last command did is not.
        script.push_str("exit 0\n");
        for (from, to) in &self.replace {
            let to = to.replace("$SCRATCH", &scratch).replace("$PORTS", &ports);
            script = script.replace(from, &to);
        }
        script
    }
}

/// All but the last digit of ports of which those that end in 1, 2 and 3 are free.
fn free_ports() -> String {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let first = u16::try_from(2000 + std::process::id() % 900).expect("it is below 2900");
    let mut prefixes = (first..3200).chain(2000..first);
    let prefix = prefixes.find(|prefix| (1..=3).all(|last| is_free(prefix * 10 + last)));
    prefix.expect("some ports are free").to_string()
}

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// Runs the commands of a page; what went wrong, if anything did.
fn run(name: &str) {
    let text = fs::read_to_string(root().join(name)).unwrap();
    let page = Page::of(&text);
    assert_eq!(
        page.way,
        Some(Way::Run),
        "{name} does not say that it is run"
    );
    let scratch = tempfile::tempdir().unwrap();
    let wrong = tempfile::NamedTempFile::new().unwrap();
    let bin = ringway_tests::ringway();
    let path = std::env::join_paths(std::iter::once(bin.parent().unwrap().to_owned()).chain(
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()),
    ));
    let child = Command::new("bash")
        .arg("-c")
        .arg(page.script(scratch.path()))
        .current_dir(scratch.path())
        .env("PATH", path.unwrap())
        .env("WRONG", wrong.path())
        .env_remove("RINGWAY_DATA")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    // What a page started and did not end is ended here.
    let _ = kill_process_group(group, Signal::KILL);
    let wrong = fs::read_to_string(wrong.path()).unwrap();
    assert!(
        wrong.is_empty() && output.status.success(),
        "{name}: {wrong}\n{}\n--- out\n{}\n--- err\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_tutorial_can_be_typed_as_it_is() {
    if !is_there("python3") {
        let may_skip = std::env::var_os("CI").is_none_or(|ci| ci.is_empty());
        assert!(
            may_skip,
            "there is no `python3`, and with `CI` set nothing is skipped"
        );
        println!("there is no `python3` here: the tutorial is not run");
        return;
    }
    run("docs/tutorial.md");
}

#[test]
fn the_runbook_can_be_typed_as_it_is() {
    run("docs/how-to/runbook.md");
}

#[test]
fn hosts_are_imported_as_the_page_says() {
    run("docs/how-to/import-hosts.md");
}

#[test]
fn a_vendors_month_becomes_updates_as_the_page_says() {
    run("docs/how-to/import-microsofts-monthly-updates.md");
}

#[test]
fn an_inventory_becomes_a_plan_as_the_page_says() {
    run("docs/how-to/from-an-inventory-to-a-first-plan.md");
}

#[test]
fn a_rollout_hurries_as_the_page_says() {
    run("docs/how-to/hurry-safely.md");
}

#[test]
fn a_bad_update_is_replaced_as_the_page_says() {
    run("docs/how-to/replace-a-bad-update.md");
}

#[test]
fn a_host_is_left_out_as_the_page_says() {
    run("docs/how-to/except-a-host.md");
}

#[test]
fn a_shift_is_handed_over_as_the_page_says() {
    run("docs/how-to/hand-over-report-and-review.md");
}

#[test]
fn a_month_is_rehearsed_as_the_page_says() {
    run("docs/how-to/rehearse-on-test-servers.md");
}

/// A page that says nothing about its commands is one that nobody tries.
#[test]
fn every_page_with_commands_says_what_becomes_of_them_and_those_that_are_run_are_run_here() {
    let run: Vec<&str> = vec![
        "docs/how-to/except-a-host.md",
        "docs/how-to/from-an-inventory-to-a-first-plan.md",
        "docs/how-to/hand-over-report-and-review.md",
        "docs/how-to/hurry-safely.md",
        "docs/how-to/import-hosts.md",
        "docs/how-to/import-microsofts-monthly-updates.md",
        "docs/how-to/rehearse-on-test-servers.md",
        "docs/how-to/replace-a-bad-update.md",
        "docs/how-to/runbook.md",
        "docs/tutorial.md",
    ];
    let mut said = Vec::new();
    let mut silent = Vec::new();
    let pages = files(&root().join("docs"), ".md");
    for path in pages
        .into_iter()
        .chain([root().join("README.md"), root().join("CONTRIBUTING.md")])
    {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let page = Page::of(&fs::read_to_string(&path).unwrap());
        match page.way {
            Some(Way::Run) => said.push(name),
            None if page.has_commands => silent.push(name),
            Some(Way::Parse) | None => {}
        }
    }
    said.sort();
    assert_eq!(
        (said, silent),
        (run.into_iter().map(str::to_owned).collect(), Vec::new())
    );
}

#[test]
fn a_page_is_taken_apart_into_what_is_done() {
    let page = Page::of(
        "# It\n<!-- commands: run -->\n<!-- replace: /tmp/x with $SCRATCH -->\n<!-- setup\na\nb\n-->\n```sh\nringway plan\n```\n\
         ```console\n$ one\nsaid\n$ two\n```\n<!-- skip: why -->\n```sh\nnever\n```\n<!-- file: f.yaml -->\n```yaml\nname: x\n```\n```text\nno\n```\n",
    );
    assert_eq!(page.way, Some(Way::Run));
    assert_eq!(
        page.acts,
        [
            Act::Shell(4, "a\nb".to_owned(), None),
            Act::Shell(8, "ringway plan".to_owned(), None),
            Act::Shell(11, "one\ntwo".to_owned(), None),
            Act::File("f.yaml".to_owned(), "name: x\n".to_owned()),
        ]
    );
}
