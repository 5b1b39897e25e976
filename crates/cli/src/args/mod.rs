//! The command line: every command, option and default, with the help people read.
//!
//! It says what can be asked for. What is done about it is in the commands; nothing here looks at a file or a process.

mod advisory;
mod afterwards;
mod documents;
mod feeds;
mod futures;
mod goal;
mod hosts;
#[cfg(test)]
mod pages;
mod poison;
mod protections;
mod rollout;
mod shown;
mod supersede;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use advisory::{
    AboutAdvisories, AddAdvisory, Advisories, ListAdvisories, RuleAdvisory, ShowAdvisory,
};
pub(crate) use afterwards::{
    Compliance, Handover, History, Month, OneRollout, Report, Reported, Table, Written,
};
pub(crate) use documents::{
    Calendar, Completions, Diff, Doctor, Documents, Hosts, Init, Lint, Man, Manifest, Plan,
    Planned, Schema,
};
pub(crate) use feeds::{FeedOf, Feeds, Msrc};
pub(crate) use futures::{Place, Simulate, WhatIf};
pub(crate) use goal::Goal;
pub(crate) use hosts::{
    AboutExceptions, AboutMaintenance, AddException, Comment, Done, EndException, EvidenceOf,
    Exceptions, Hold, Import, Maintenance, Release, SomeHosts, TheseHosts,
};
pub(crate) use poison::{Poison, Unpoison};
pub(crate) use protections::{Protections, Unprotect};
pub(crate) use rollout::{
    Adopt, Answer, Approve, Ask, Audit, Bounds, Connections, Due, Expedite, Exposure, FleetReason,
    Journal, OverrideFreeze, Promote, Reasoned, Refresh, Reject, Run, Status, Wait, When, Which,
    Why,
};
pub(crate) use shown::ShownDigest;
pub(crate) use supersede::Supersede;

/// The exit codes, as `--help` shows them. `docs/reference/cli.md` explains them; `exit.rs` is where they are decided.
const EXIT_CODES: &str = "\
Exit codes:
    0  done: what was asked for is so
    1  the request does not fit the state, or another error
    2  invalid documents or usage; nothing was changed
    3  the rollout is halted, and a person must decide how it goes on
    4  the rollout waits for a person (an approval, a resume, a go)
    5  the rollout was cancelled or rolled back
    6  another process holds the data directory and does not answer, or nothing is there to ask
    7  the engine found a fault of its own, or the journal cannot be trusted
  124  `wait --timeout`: it was not so in time
  130  interrupted; the rollout is safe and `ringway run --resume` continues it";

/// Carries an update across a fleet ring by ring, and stops before the damage spreads.
#[derive(Debug, Parser)]
#[command(name = "ringway", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Cmd,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Where the journal, the control socket and the inbox are
    #[arg(
        long,
        global = true,
        env = "RINGWAY_DATA",
        default_value = ".ringway",
        value_name = "DIR"
    )]
    pub(crate) data: PathBuf,
    /// A rehearsal: time is kept in this file, and goes faster (`echo '2026-04-14T17:00:00.000Z x720' > FILE`)
    #[arg(
        long,
        global = true,
        env = "RINGWAY_CLOCK",
        value_name = "FILE",
        hide_short_help = true
    )]
    pub(crate) clock: Option<PathBuf>,
    /// How data is printed on standard output
    #[arg(long, global = true, value_enum, default_value = "text")]
    pub(crate) output: Output,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// One JSON value
    Json,
    /// One JSON value on each line
    Ndjson,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Cmd {
    /// Write the first documents of a fleet: hosts, a policy, an update, people
    #[command(
        after_help = "Examples:\n    ringway init\n    ringway init rollouts --from inventory/production.ini --team operators=ana,ben\n    ringway init --yes --host web-1=10.0.0.11 --host web-2=10.0.0.12 --probe http:8080/health"
    )]
    Init(Init),
    /// Check documents; change nothing
    #[command(after_help = "Example:\n    ringway check fleet.yaml policy.yaml")]
    Check(Documents),
    /// List the hosts of documents with all that is known of them; change nothing
    #[command(
        after_help = "Examples:\n    ringway hosts --select 'role = web'\n    ringway hosts --host web-1 --origins"
    )]
    Hosts(Hosts),
    /// Find what is valid in documents and still a mistake; change nothing
    #[command(
        after_help = "Examples:\n    ringway lint\n    ringway lint --policy monthly --output json | jq .findings\n    ringway lint --explain no-gate"
    )]
    Lint(Lint),
    /// Show who would be updated when, and why; change nothing
    #[command(
        after_help = "Examples:\n    ringway plan --policy monthly --update 2026-04-security\n    ringway plan --from 2026-12-01T08:00:00Z --output json | jq .when\n    ringway plan --save april.plan"
    )]
    Plan(Plan),
    /// Show when work may run on hosts of a plan: windows, less freezes; change nothing
    #[command(
        after_help = "Examples:\n    ringway calendar --days 14\n    ringway calendar --host db-1 --from 2026-12-01T00:00:00Z --output json | jq ."
    )]
    Calendar(Calendar),
    /// Show what changes for the fleet when one policy takes the place of another; change nothing
    #[command(
        after_help = "Examples:\n    ringway diff monthly quick\n    ringway diff monthly.yaml.old monthly.yaml ./april --output json | jq .moves"
    )]
    Diff(Diff),
    /// Let a rollout happen on a fleet that does not exist; change nothing
    #[command(
        after_help = "Examples:\n    ringway simulate\n    ringway simulate . worlds/bad-update.yaml --world bad-update --all\n    ringway simulate --trials 1000 --html futures.html"
    )]
    Simulate(Simulate),
    /// Say how quickly an update should be applied: thousands of simulated futures; change nothing
    #[command(
        after_help = "Examples:\n    ringway what-if --html frontier.html\n    ringway what-if --policy careful --policy quick --trials 4000\n    ringway what-if --soaks 1/2,1,3/2 --output json | jq ."
    )]
    WhatIf(WhatIf),
    /// Carry a rollout out, or go on with one
    #[command(
        after_help = "Examples:\n    ringway run\n    ringway run ./april --change CHG0012345 --key april --no-wait\n    ringway run --plan april.plan --change CHG0012345\n    ringway run --resume"
    )]
    Run(Run),
    /// Take a fleet that has changed into the rollouts that run over it
    #[command(
        after_help = "Examples:\n    ringway refresh --dry-run\n    ringway refresh ./april --output json | jq .joined"
    )]
    Refresh(Refresh),
    /// Show how the fleet and its rollouts stand
    #[command(
        after_help = "Examples:\n    ringway status --watch\n    ringway status --output json"
    )]
    Status(Status),
    /// Say which rollouts will miss their due date, and why
    #[command(after_help = "Examples:\n    ringway due\n    ringway due --output json | jq .")]
    Due(Due),
    /// Say how long hosts have been without an update, who still is, and who will be when it is due
    #[command(
        after_help = "Examples:\n    ringway exposure\n    ringway exposure r3 --output json | jq .[0].severities"
    )]
    Exposure(Exposure),
    /// Say why a host, a ring or a rollout does not move
    #[command(
        after_help = "Examples:\n    ringway why\n    ringway why web-7\n    ringway why canary --rollout r3"
    )]
    Why(Why),
    /// Wait until a rollout is done, has a ring behind it, or needs a person
    #[command(
        after_help = "Examples:\n    ringway wait --until promoted:canary --timeout 6h && ./tell-the-team\n    ringway wait r3 --until needs-person"
    )]
    Wait(Wait),
    /// Say yes to the start of a rollout, or to going on after a ring
    #[command(
        after_help = "Examples:\n    ringway approve\n    ringway approve --ring broad --show\n    ringway approve --digest DIGEST"
    )]
    Approve(Approve),
    /// End a soak before its time, where the policy lets people
    #[command(
        after_help = "Example:\n    ringway promote --early --reason 'the fault is exploited since noon'"
    )]
    Promote(Promote),
    /// Ask something about what is to be approved; everybody who approves is shown it until it is answered
    #[command(
        after_help = "Example:\n    ringway ask --to operators 'is the vendor told of web-3?'"
    )]
    Ask(Ask),
    /// Answer a question
    #[command(after_help = "Example:\n    ringway answer 2 'yes, case 8823'")]
    Answer(Answer),
    /// Say no; the rollout pauses, and one that has not started is cancelled
    Reject(Reject),
    /// Let a rollout rest; what is in flight is brought back into service
    Pause(Reasoned),
    /// Let a paused or halted rollout go on
    #[command(
        after_help = "Example:\n    ringway resume --reason 'disk replaced, the failure was the disk'"
    )]
    Resume(Reasoned),
    /// Stop a rollout because of harm
    #[command(after_help = "Example:\n    ringway halt --reason 'logins are slow since noon'")]
    Halt(Reasoned),
    /// Stop everything in the fleet
    Stop(FleetReason),
    /// Let a stopped fleet go on
    Go(FleetReason),
    /// Take over the hosts of a database that was lost
    #[command(
        after_help = "Example:\n    ringway adopt 8414736251027360451 --reason 'the disk with the old journal is gone'"
    )]
    Adopt(Adopt),
    /// End a rollout without completion
    Cancel(Reasoned),
    /// Take every updated host of a rollout back to what it had
    #[command(
        after_help = "Example:\n    ringway rollback --rollout r3 --reason 'logins are slow since noon'"
    )]
    Rollback(Reasoned),
    /// Leave a host out of a rollout
    #[command(
        after_help = "Example:\n    ringway skip web-7 --reason 'its disks are being replaced this week'"
    )]
    Skip(TheseHosts),
    /// Visit a host again that failed, was skipped or could not be reached
    #[command(after_help = "Example:\n    ringway retry web-7 --reason 'the disk was full'")]
    Retry(TheseHosts),
    /// Say that hosts are not to be touched, by any rollout
    #[command(
        after_help = "Examples:\n    ringway hold web-7 web-8 --until 4h --reason 'load test'\n    ringway hold --select 'role = sql' --reason 'month end'"
    )]
    Hold(Hold),
    /// Let held hosts be touched again
    #[command(after_help = "Example:\n    ringway release --select 'role = sql'")]
    Release(Release),
    /// Declare that somebody else works on hosts: they count as down and are left alone
    #[command(
        after_help = "Examples:\n    ringway maintenance add --select 'site = fra' --until 2026-12-01T06:00:00Z --reason 'power, CHG-4711'\n    ringway maintenance end --select 'site = fra'\n    ringway maintenance import announced.yaml\n    ringway maintenance import power.ics --hosts 'site = fra' --zone Europe/Berlin\n    ringway maintenance list"
    )]
    Maintenance(Maintenance),
    /// Leave hosts out of updates until a day, by documents that say whose wish it is, why, and who approved it
    #[command(
        after_help = "Examples:\n    ringway exception add exceptions/pacs.yaml fleet.yaml\n    ringway exception list\n    ringway exception end EXC-0042 --reason 'the vendor has certified 4.2'"
    )]
    Exception(Exceptions),
    /// Heed what vendors and others say of an update: hold exactly the hosts that it is about, by documents
    #[command(
        after_help = "Examples:\n    ringway advisory add advisories/ms-lsass.yaml\n    ringway advisory list\n    ringway advisory accept BLOG-7 --reason 'seen on two of our own hosts'\n    ringway advisory withdraw MS-2026-04-19-lsass --reason 'the vendor took it back'"
    )]
    Advisory(Advisories),
    /// Let a rollout work in a freeze for some time, where its policy permits that
    #[command(
        after_help = "Example:\n    ringway override-freeze year-end --until 4h --reason 'the hole is being exploited, CHG-4711'"
    )]
    OverrideFreeze(OverrideFreeze),
    /// Let a rollout into a lane of its policy: the reviewed way to hurry; or back to what the policy says for everybody
    #[command(
        after_help = "Examples:\n    ringway expedite r3 --lane expedite --reason 'exploited since noon, CHG-4711'\n    ringway expedite r3 --end --reason 'the hole is closed at the firewall'"
    )]
    Expedite(Expedite),
    /// Say that content must not be installed any more, by any rollout; with nothing named: list what is poisoned
    #[command(
        after_help = "Examples:\n    ringway poison --rollout r7 --reason 'domain controllers restart in a loop'\n    ringway poison KB5082142 --build 20348.5020 --reason 'known issue of the vendor'\n    ringway poison"
    )]
    Poison(Poison),
    /// Put a newer rollout in the place of one that did harm: what is broken first, then what has the bad update
    #[command(
        after_help = "Examples:\n    ringway supersede r7 --with fix.yaml --dry-run ./april\n    ringway supersede r7 --with fix.yaml --poison --reason 'the vendor ships a fix' ./april"
    )]
    Supersede(Supersede),
    /// Let content be installed again
    #[command(
        after_help = "Example:\n    ringway unpoison KB5082142 --reason 'it was the virus scanner, case 8823'"
    )]
    Unpoison(Unpoison),
    /// List what rollouts made of hosts before they changed them: until when it is kept, and why it is still there
    #[command(
        after_help = "Examples:\n    ringway protections\n    ringway protections --host web-7 --output json | jq ."
    )]
    Protections(Protections),
    /// Have what a rollout made of a host removed before its time, or say that it is gone
    #[command(
        after_help = "Examples:\n    ringway unprotect web-7 --reason 'the volume group is full'\n    ringway unprotect web-7 --rollout r3 --done --reason 'lvremove by hand, case 8823'"
    )]
    Unprotect(Unprotect),
    /// Write something down about a rollout, or a host in it
    #[command(
        after_help = "Example:\n    ringway comment 'the vendor was called, case 8823' --host web-7"
    )]
    Comment(Comment),
    /// Say how work that a person did by hand has ended
    #[command(
        after_help = "Examples:\n    ringway done pacs-1 --evidence console.png --reason 'installed, viewer restarted'\n    ringway done fw-2 --failed --reason 'the package does not verify'"
    )]
    Done(Done),
    /// Give back a file that was handed in as evidence
    #[command(after_help = "Example:\n    ringway evidence 8f2c01ab --to console.png")]
    Evidence(EvidenceOf),
    /// Print the journal's events
    #[command(
        after_help = "Examples:\n    ringway journal --from 120\n    ringway journal --output ndjson | jq ."
    )]
    Journal(Journal),
    /// Show what happened to a host over all rollouts: installed when, by which rollout, who approved, holds, notes
    #[command(
        after_help = "Examples:\n    ringway history web-7\n    ringway history web-7 --since 30d --output json | jq ."
    )]
    History(History),
    /// Print one page for the next shift: what was decided and happened, what waits for whom, what comes, what may go wrong
    #[command(
        after_help = "Examples:\n    ringway handover\n    ringway handover --since 12h --output json | jq .waits"
    )]
    Handover(Handover),
    /// Report for those who were not there: a month's compliance, or one rollout as evidence
    #[command(
        after_help = "Examples:\n    ringway report compliance --month 2026-11 --format csv >november.csv\n    ringway report compliance --month 2026-11 --format html >november.html\n    ringway report rollout r3 --format html >r3.html"
    )]
    Report(Report),
    /// Check the journal: its chain, its state digests, and every invariant
    Audit(Audit),
    /// Print the JSON Schema of a kind of document
    Schema(Schema),
    /// Look whether hosts, and this machine, are ready for a rollout; change nothing
    #[command(
        after_help = "Examples:\n    ringway doctor\n    ringway doctor fleet.yaml --host web-1 --all\n    ringway doctor --select 'role = web' --strict --output json"
    )]
    Doctor(Doctor),
    /// List the recipes, with what each of them can
    #[command(
        after_help = "Examples:\n    ringway recipes\n    ringway recipes --output json | jq ."
    )]
    Recipes(Documents),
    /// Ask a host what an update would install there now, and print the update's document with it
    #[command(
        after_help = "Examples:\n    ringway manifest 2026-04-security --on web-1 >update.yaml.new\n    ringway manifest 2026-04-security fleet.yaml update.yaml --on web-1 --on db-1"
    )]
    Manifest(Manifest),
    /// Make updates of what a vendor publishes about them
    Import(Feeds),
    /// Write a manual page for each command into a directory
    #[command(after_help = "Example:\n    ringway man /usr/local/share/man/man1")]
    Man(Man),
    /// Print what a shell needs to complete commands, options, and the names of hosts, rings and rollouts
    #[command(
        after_help = "Examples:\n    ringway completions bash >/etc/bash_completion.d/ringway\n    ringway completions zsh >\"${fpath[1]}/_ringway\"\n    ringway completions fish >~/.config/fish/completions/ringway.fish"
    )]
    Completions(Completions),
    /// Show what Ringway is for, on real processes of this machine, in under two minutes
    Demo(Demo),
    /// A server of the demo
    #[command(hide = true)]
    DemoServer(DemoServer),
}

impl Cmd {
    /// Of a command about a journal: whether the one is meant of what is observed, which has a data directory of its own
    /// below that of what is done.
    pub(crate) const fn observes(&self) -> Option<bool> {
        Some(match self {
            Self::Run(args) => args.observe,
            Self::Refresh(args) => args.observed.observe,
            Self::Status(args) => args.observed.observe,
            Self::Why(args) => args.observed.observe,
            Self::Due(args) => args.observed.observe,
            Self::Exposure(args) => args.observed.observe,
            Self::Wait(args) => args.observed.observe,
            Self::Approve(args) => args.observed.observe,
            Self::Promote(args) => args.observed.observe,
            Self::Ask(args) => args.observed.observe,
            Self::Answer(args) => args.observed.observe,
            Self::Reject(args) => args.observed.observe,
            Self::Pause(args)
            | Self::Resume(args)
            | Self::Halt(args)
            | Self::Cancel(args)
            | Self::Rollback(args) => args.observed.observe,
            Self::Stop(args) | Self::Go(args) => args.observed.observe,
            Self::Adopt(args) => args.observed.observe,
            Self::Skip(args) | Self::Retry(args) => args.observed.observe,
            Self::Hold(args) => args.observed.observe,
            Self::Release(args) => args.observed.observe,
            Self::Maintenance(args) => args.what.observes(),
            Self::Exception(args) => args.what.observes(),
            Self::Advisory(args) => args.what.observes(),
            Self::Comment(args) => args.observed.observe,
            Self::OverrideFreeze(args) => args.observed.observe,
            Self::Expedite(args) => args.observed.observe,
            Self::Poison(args) => args.observed.observe,
            Self::Unpoison(args) => args.observed.observe,
            Self::Protections(args) => args.observed.observe,
            Self::Unprotect(args) => args.observed.observe,
            Self::Supersede(args) => args.observed.observe,
            Self::Journal(args) => args.observed.observe,
            Self::Audit(args) => args.observed.observe,
            Self::History(args) => args.observed.observe,
            Self::Handover(args) => args.observed.observe,
            Self::Report(args) => args.what.observes(),
            Self::Init(_)
            | Self::Check(_)
            | Self::Hosts(_)
            | Self::Lint(_)
            | Self::Plan(_)
            | Self::Diff(_)
            | Self::Calendar(_)
            | Self::Simulate(_)
            | Self::WhatIf(_)
            | Self::Schema(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Import(_)
            | Self::Doctor(_)
            | Self::Recipes(_)
            | Self::Manifest(_)
            | Self::Demo(_)
            | Self::Done(_)
            | Self::Evidence(_)
            | Self::DemoServer(_) => return None,
        })
    }
}

/// The demo.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the demo's directory, to look at its documents and journals
    #[arg(long)]
    pub(crate) keep: bool,
}

/// A server of the demo.
#[derive(Debug, Args)]
pub(crate) struct DemoServer {
    /// The server's own directory
    pub(crate) home: PathBuf,
    /// The port on 127.0.0.1
    pub(crate) port: u16,
    /// Its role
    pub(crate) role: String,
}

/// Commands that are left in the inbox where nothing runs and nobody says otherwise: what they ask for is that something
/// stands still, or is known. All others that can be left there are done now.
const LEFT: [&str; 17] = [
    "stop",
    "pause",
    "halt",
    "reject",
    "ask",
    "answer",
    "skip",
    "hold",
    "comment",
    "poison",
    "maintenance add",
    "maintenance import",
    "exception add",
    "advisory add",
    "advisory accept",
    "advisory dismiss",
    "unprotect",
];

/// The command line, with what each command does where nothing runs and nobody says when.
pub(crate) fn command() -> clap::Command {
    with_defaults(<Cli as clap::CommandFactory>::command(), "")
}

fn with_defaults(command: clap::Command, path: &str) -> clap::Command {
    let below: Vec<String> = command
        .get_subcommands()
        .map(|one| one.get_name().to_owned())
        .collect();
    let command = below.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}").trim_start().to_owned();
        command.mut_subcommand(name, |one| with_defaults(one, &path))
    });
    let can_wait = ["now", "later"]
        .iter()
        .all(|id| command.get_arguments().any(|one| one.get_id() == *id));
    if !can_wait {
        return command;
    }
    let (id, words) = match path {
        "unprotect" => ("later", " [default where a rollout is open]"),
        _ if LEFT.contains(&path) => ("later", " [default]"),
        _ => ("now", " [default]"),
    };
    command.mut_arg(id, |argument| {
        let help = argument.get_help().map(ToString::to_string);
        argument.help(help.unwrap_or_default() + words)
    })
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// Whoever reads the help of a command knows what it does where nothing runs.
    #[test]
    fn each_command_that_can_wait_says_what_it_does_where_nobody_says_when() {
        let mut waiting = std::collections::BTreeSet::new();
        let mut look = vec![(String::new(), command())];
        while let Some((path, command)) = look.pop() {
            for one in command.get_subcommands() {
                look.push((
                    format!("{path} {}", one.get_name()).trim().to_owned(),
                    one.clone(),
                ));
            }
            let help = |id: &str| {
                let argument = command.get_arguments().find(|one| one.get_id() == id)?;
                argument.get_help().map(ToString::to_string)
            };
            if let (Some(now), Some(later)) = (help("now"), help("later")) {
                assert_ne!(
                    now.contains("[default"),
                    later.contains("[default"),
                    "{path}"
                );
                if later.contains("[default") {
                    waiting.insert(path);
                }
            }
        }
        assert_eq!(waiting, LEFT.iter().map(|one| (*one).to_owned()).collect());
    }

    fn commands() -> Vec<Command> {
        let cli = Cli::command();
        let shown = cli.get_subcommands().filter(|one| !one.is_hide_set());
        shown.cloned().collect()
    }

    /// Nobody should have to guess what a word on the command line means.
    #[test]
    fn every_command_and_every_option_is_explained() {
        for command in commands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{name} {}",
                    argument.get_id()
                );
            }
        }
    }

    /// An example that clap would refuse is worse than none.
    #[test]
    fn every_example_in_the_help_is_a_command_line_that_is_accepted() {
        let mut seen = 0;
        for command in commands() {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            for line in help.lines().map(str::trim) {
                let Some(example) = line.strip_prefix("ringway ") else {
                    continue;
                };
                let example = example
                    .split(" && ")
                    .flat_map(|part| part.split(" >"))
                    .flat_map(|part| part.split(" | "))
                    .next()
                    .unwrap_or_default()
                    .replace("DIGEST", &"0".repeat(64));
                let mut quoted = false;
                let words = example.split(|c: char| {
                    quoted ^= c == '\'';
                    c == ' ' && !quoted
                });
                let parsed = Cli::try_parse_from(std::iter::once("ringway").chain(words));
                assert!(parsed.is_ok(), "{line}: {parsed:?}");
                seen += 1;
            }
        }
        assert!(seen > 15, "{seen} examples");
    }
}
