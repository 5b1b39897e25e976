//! What can stand next on a line that a person is typing: commands, options, and names of hosts, rings, rollouts, policies,
//! updates and whatever else documents or the journal name.
//!
//! A shell asks by a variable in the environment (`ringway completions SHELL` prints how). Names come from the journal of
//! the data directory, and where there is none from the documents of the current directory. Nothing is started, nothing is
//! written, no command of an import is run and no host is asked; whatever takes longer than a person waits for a key to do
//! something is left out, and so is whatever goes wrong.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::{Arg, Command, Id};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use ringway_policy::validated::Documents;
use ringway_policy::{Attachments, Source, What};

use crate::attached;
use crate::documents::yaml_files;
use crate::exit::End;
use crate::journal::{self, Past};
use crate::on_runtime;

/// The variable by which a shell asks.
pub(crate) const ASKED_BY: &str = "RINGWAY_COMPLETE";

/// How long a person waits for names.
const WITHIN: Duration = Duration::from_millis(800);
/// Names that are offered: more than a terminal shows help nobody.
const MOST: usize = 2000;
/// Documents of more bytes than this are not read for a key.
const MOST_BYTES: usize = 4 << 20;
/// A journal of more bytes than this is not read for a key.
const LARGEST_JOURNAL: u64 = 64 << 20;

/// Answers a shell that asks how a line goes on; nothing where none does.
pub(crate) fn answer() -> Option<End> {
    std::env::var_os(ASKED_BY).filter(|asked| !asked.is_empty())?;
    let asked =
        CompleteEnv::with_factory(|| with_names(shown(&crate::args::command()), "")).var(ASKED_BY);
    let directory = std::env::current_dir().ok();
    match asked.try_complete(std::env::args_os(), directory.as_deref()) {
        Ok(true) => Some(End::Done),
        Ok(false) => None,
        Err(_) => Some(End::Refused),
    }
}

/// What a person is offered: hidden commands are left out.
pub(crate) fn shown(cli: &Command) -> Command {
    let commands = cli.get_subcommands().filter(|one| !one.is_hide_set());
    let mut shown = Command::new("ringway")
        .version(env!("CARGO_PKG_VERSION"))
        .args(cli.get_arguments().cloned())
        .subcommands(commands.cloned());
    if let Some(about) = cli.get_about() {
        shown = shown.about(about.clone());
    }
    if let Some(help) = cli.get_after_help() {
        shown = shown.after_help(help.clone());
    }
    shown
}

/// The same command with where its values come from, by what each argument calls them. `above` is the command it is below.
fn with_names(command: Command, above: &str) -> Command {
    let arguments: Vec<Id> = command
        .get_arguments()
        .map(|argument| argument.get_id().clone())
        .collect();
    let name = command.get_name().to_owned();
    let command = arguments.into_iter().fold(command, |command, id| {
        command.mut_arg(id, |argument| with_values(argument, &name, above))
    });
    let below: Vec<String> = command
        .get_subcommands()
        .map(|below| below.get_name().to_owned())
        .collect();
    below.into_iter().fold(command, |command, one| {
        command.mut_subcommand(one, |below| with_names(below, &name))
    })
}

/// Commands for which a rollout that is over is as good as one that is not.
const OF_ANY_ROLLOUT: [&str; 7] = [
    "exposure",
    "poison",
    "rollback",
    "rollout",
    "supersede",
    "unprotect",
    "why",
];

fn with_values(argument: Arg, command: &str, above: &str) -> Arg {
    let called = argument
        .get_value_names()
        .and_then(|names| names.first())
        .map(ToString::to_string)
        .unwrap_or_default();
    let which: fn(&Known) -> &BTreeSet<String> = match (argument.get_id().as_str(), called.as_str())
    {
        ("host" | "hosts" | "on", "NAME" | "HOST") => |known| &known.hosts,
        ("what", "HOST|RING") => |known| &known.hosts_and_rings,
        ("ring", "RING") => |known| &known.approved_ahead,
        ("rollout", _) if OF_ANY_ROLLOUT.contains(&command) => |known| &known.rollouts,
        ("rollout", _) => |known| &known.open_rollouts,
        ("until", "WHAT") => |known| &known.goals,
        ("policy", "NAME") => |known| &known.policies,
        ("lane", "NAME") => |known| &known.lanes,
        ("world", "NAME") => |known| &known.worlds,
        ("recipe", "NAME") => |known| &known.recipes,
        ("update" | "with", "NAME" | "UPDATE") => |known| &known.updates,
        ("freeze", "FREEZE") => |known| &known.freezes,
        ("to", "WHO") => |known| &known.people,
        ("id", "ID") if above == "advisory" => |known| &known.advisories,
        ("id", "ID") if above == "exception" => |known| &known.exceptions,
        ("id", "ID") if command == "unpoison" => |known| &known.poisoned,
        ("ids", "ID") => |known| &known.contents,
        _ => return argument,
    };
    argument.add(ArgValueCompleter::new(move |begun: &OsStr| {
        offered(begun, which)
    }))
}

/// Names that are known here.
#[derive(Debug, Default)]
struct Known {
    hosts: BTreeSet<String>,
    hosts_and_rings: BTreeSet<String>,
    approved_ahead: BTreeSet<String>,
    rollouts: BTreeSet<String>,
    open_rollouts: BTreeSet<String>,
    goals: BTreeSet<String>,
    policies: BTreeSet<String>,
    lanes: BTreeSet<String>,
    worlds: BTreeSet<String>,
    recipes: BTreeSet<String>,
    updates: BTreeSet<String>,
    freezes: BTreeSet<String>,
    /// And teams.
    people: BTreeSet<String>,
    advisories: BTreeSet<String>,
    exceptions: BTreeSet<String>,
    poisoned: BTreeSet<String>,
    /// Ids of releases.
    contents: BTreeSet<String>,
}

/// The names that begin as what was typed does.
fn offered(begun: &OsStr, which: fn(&Known) -> &BTreeSet<String>) -> Vec<CompletionCandidate> {
    let Some(begun) = begun.to_str() else {
        return Vec::new();
    };
    let known = known_in_time();
    which(&known)
        .iter()
        .filter(|name| name.starts_with(begun))
        .take(MOST)
        .map(CompletionCandidate::new)
        .collect()
}

/// What is known, as far as it is found out in time. The process ends after its answer, and with it what is still looking.
fn known_in_time() -> Known {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || drop(sender.send(known())));
    receiver.recv_timeout(WITHIN).unwrap_or_default()
}

fn known() -> Known {
    let mut known = Known::default();
    known
        .goals
        .extend(["done", "needs-person"].map(str::to_owned));
    let mut rings = BTreeSet::new();
    if let Some(documents) = documents() {
        of_documents(&mut known, &mut rings, &documents);
    }
    if let Some(past) = past() {
        of_journal(&mut known, &mut rings, &past);
    }
    known
        .goals
        .extend(rings.iter().map(|ring| format!("promoted:{ring}")));
    known.approved_ahead.extend(rings.iter().cloned());
    known.approved_ahead.insert("completion".to_owned());
    known
        .hosts_and_rings
        .extend(known.hosts.iter().cloned().chain(rings));
    known
}

fn of_documents(known: &mut Known, rings: &mut BTreeSet<String>, documents: &Documents) {
    known.policies.extend(documents.policies.keys().cloned());
    known.updates.extend(documents.updates.keys().cloned());
    known.recipes.extend(documents.recipes.keys().cloned());
    known.worlds.extend(documents.worlds.keys().cloned());
    known.people.extend(documents.people.people.keys().cloned());
    for (name, team) in &documents.people.teams {
        known.people.insert(name.clone());
        known.people.extend(team.members.iter().cloned());
    }
    if let Some(fleet) = &documents.fleet {
        let hosts = fleet.hosts.iter();
        known.hosts.extend(hosts.map(|host| host.name.clone()));
        known.freezes.extend(fleet.calendar.freezes.keys().cloned());
    }
    for policy in documents.policies.values() {
        rings.extend(policy.rings.iter().map(|ring| ring.name.clone()));
        known.lanes.extend(policy.lanes.keys().cloned());
        known
            .freezes
            .extend(policy.calendar.freezes.keys().cloned());
    }
    let releases = documents.updates.values().flat_map(|one| &one.releases);
    known.contents.extend(releases.map(|one| one.id.clone()));
}

fn of_journal(known: &mut Known, rings: &mut BTreeSet<String>, past: &Past) {
    let view = past.view();
    let hosts = past.engine.fleet().hosts.iter();
    known.hosts.extend(hosts.map(|host| host.name.clone()));
    for rollout in &view.rollouts {
        known.rollouts.insert(rollout.id.to_string());
        if !rollout.is_final {
            known.open_rollouts.insert(rollout.id.to_string());
            rings.extend(rollout.rings.iter().map(|ring| ring.name.clone()));
        }
    }
    let exceptions = view.exceptions.iter();
    known
        .exceptions
        .extend(exceptions.map(|one| one.id.clone()));
    let advisories = view.advisories.iter();
    known
        .advisories
        .extend(advisories.map(|one| one.advisory.id.clone()));
    let poisons = view.poisons.iter();
    known
        .poisoned
        .extend(poisons.map(|one| one.content.id.clone()));
}

/// The documents of the current directory, and the files they name; what is wrong with them is not said here.
fn documents() -> Option<Documents> {
    let mut sources = Vec::new();
    let mut bytes = 0;
    for path in yaml_files(&PathBuf::from(".")).ok()? {
        let source = Source::new(path.display().to_string(), fs::read(&path).ok()?);
        bytes += source.bytes.len();
        if bytes > MOST_BYTES {
            return None;
        }
        sources.push(source);
    }
    let wanted = ringway_policy::imports(&sources);
    let files = wanted
        .into_iter()
        .filter(|wanted| matches!(wanted.what, What::File(_)));
    let found = files.map(|wanted| {
        let attachment = attached::attachment(&wanted);
        (wanted, attachment)
    });
    let attachments = Attachments {
        found: found.collect(),
        ..Attachments::default()
    };
    ringway_policy::read_with(&sources, &attachments).ok()
}

/// What the journal says.
fn past() -> Option<Past> {
    let data = data();
    let size = fs::metadata(data.join("ringway.db")).ok()?.len();
    if size > LARGEST_JOURNAL {
        return None;
    }
    let mut past = None;
    let read = on_runtime(async {
        past = journal::fold(&data).await.ok();
        Ok(End::Done)
    });
    read.ok().and(past)
}

/// The data directory that the line names, or the usual one.
fn data() -> PathBuf {
    let words: Vec<_> = std::env::args_os().collect();
    let named = words
        .windows(2)
        .find(|two| two[0] == "--data")
        .map(|two| PathBuf::from(&two[1]));
    let one = words
        .iter()
        .find_map(|word| word.to_str()?.strip_prefix("--data=").map(PathBuf::from));
    let environment = || std::env::var_os("RINGWAY_DATA").map(PathBuf::from);
    named
        .or(one)
        .or_else(environment)
        .unwrap_or_else(|| PathBuf::from(".ringway"))
}
