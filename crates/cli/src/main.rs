//! The `ringway` command.
//!
//! Reads the command line, does what it says, and ends with a documented exit code. It decides nothing about rollouts.

mod afterwards;
mod args;
mod asking;
mod attached;
mod clock;
mod commands;
mod complete;
mod demo;
mod doctor;
mod documents;
mod exit;
mod failures;
mod feeds;
mod file;
mod follow;
mod futures;
mod here;
mod init;
mod journal;
mod near;
mod out;
mod output;
mod page;
mod reaching;
mod saved;
mod session;
mod show;
mod standing;
mod untold;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::FromArgMatches as _;
use ringway_engine::{Command, HoldKind};
use ringway_model::RolloutId;
use ringway_runtime::is_observed;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Cmd, Reported};
use crate::commands::Aim;
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;

/// Where, in a data directory, what is observed has its own.
const OBSERVED: &str = "observe";

fn main() -> ExitCode {
    // A shell that asks how a line goes on is answered, and nothing else is done.
    if let Some(end) = complete::answer() {
        return end.into();
    }
    let parsed = args::command().try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; where they cannot be printed nobody reads them.
            drop(error.print());
            return if error.use_stderr() {
                End::Invalid.into()
            } else {
                End::Done.into()
            };
        }
    };
    let log = EnvFilter::try_from_env("RINGWAY_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(log)
        .with_writer(std::io::stderr)
        .init();
    let out = Out::new(cli.global.output);
    let chosen = clock::choose(cli.global.clock.as_deref());
    if let Some(warning) = clock::clock().warning() {
        out.say(&warning);
    }
    match chosen.and_then(|()| perform(out, cli.global.data, cli.command)) {
        Ok(end) => out.ended(end).into(),
        Err(failure) => {
            say(out, &failure);
            failure.end.into()
        }
    }
}

fn say(out: Out, failure: &Failure) {
    if !failure.why.is_empty() {
        out.say(&format!("error: {}", failure.why));
    }
    if let Some(hint) = &failure.hint {
        out.say(&format!("hint: {hint}"));
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each command is the table of what they do"
)]
fn perform(out: Out, data: PathBuf, command: Cmd) -> Outcome {
    let observes = command.observes();
    let data = if observes == Some(true) {
        data.join(OBSERVED)
    } else {
        data
    };
    let data = data.as_path();
    let out = out.observing(observes.is_some_and(|wanted| wanted || is_observed(data)));
    let fleet = |args, aim, command: fn(String) -> Command| {
        on_runtime(commands::fleet_order(out, data, args, aim, command))
    };
    let rollout = |args, aim, command: fn(RolloutId, String) -> Command| {
        on_runtime(commands::order(out, data, args, aim, command))
    };
    match command {
        Cmd::Check(args) => commands::check(out, &args),
        Cmd::Hosts(args) => commands::hosts(out, &args),
        Cmd::Init(args) => init::init(out, &args),
        Cmd::Lint(args) => commands::lint(out, &args),
        Cmd::Plan(args) => commands::plan(out, &args),
        Cmd::Calendar(args) => commands::calendar(out, &args),
        Cmd::Diff(args) => commands::diff(out, &args),
        Cmd::Simulate(args) => on_runtime(futures::simulate(out, args)),
        Cmd::WhatIf(args) => on_runtime(futures::what_if(out, args)),
        Cmd::Schema(args) => commands::schema(out, &args),
        Cmd::DemoServer(args) => demo::server(&args),
        Cmd::Doctor(args) => on_runtime(doctor::doctor(out, data, &args)),
        Cmd::Recipes(args) => commands::recipes(out, &args),
        Cmd::Manifest(args) => on_runtime(commands::manifest(out, data, &args)),
        Cmd::Import(args) => feeds::import(out, &args),
        Cmd::Man(args) => commands::man(&args),
        Cmd::Completions(args) => commands::completions(out, &args),
        Cmd::Wait(args) => on_runtime(commands::wait(out, data, &args)),
        Cmd::Demo(args) => on_runtime(demo::run(out, &args)),
        Cmd::Run(args) => on_runtime(commands::run(out, data, args)),
        Cmd::Refresh(args) => on_runtime(commands::refresh(out, data, &args)),
        Cmd::Status(args) => on_runtime(commands::status(out, data, &args)),
        Cmd::Due(_) => on_runtime(commands::due(out, data)),
        Cmd::Exposure(args) => on_runtime(afterwards::exposure(out, data, &args)),
        Cmd::Why(args) => on_runtime(commands::why(out, data, &args)),
        Cmd::Journal(args) => on_runtime(journal::print(out, data, &args)),
        Cmd::History(args) => on_runtime(afterwards::history(out, data, &args)),
        Cmd::Handover(args) => on_runtime(afterwards::handover(out, data, &args)),
        Cmd::Report(args) => on_runtime(async {
            match &args.what {
                Reported::Compliance(args) => afterwards::compliance(out, data, args).await,
                Reported::Rollout(args) => afterwards::rollout_report(out, data, args).await,
            }
        }),
        Cmd::Audit(_) => on_runtime(journal::audit(out, data)),
        Cmd::Adopt(args) => on_runtime(commands::adopt(out, data, args)),
        Cmd::Skip(args) => on_runtime(commands::skip(out, data, args)),
        Cmd::Retry(args) => on_runtime(commands::retry(out, data, args)),
        Cmd::Hold(args) => on_runtime(commands::hold(out, data, args, HoldKind::Hold)),
        Cmd::Release(args) => on_runtime(commands::release(out, data, args, HoldKind::Hold)),
        Cmd::Maintenance(args) => on_runtime(commands::maintenance(out, data, args.what)),
        Cmd::Exception(args) => on_runtime(commands::exception(out, data, args.what)),
        Cmd::Advisory(args) => on_runtime(commands::advisory(out, data, args.what)),
        Cmd::OverrideFreeze(args) => on_runtime(commands::override_freeze(out, data, args)),
        Cmd::Expedite(args) => on_runtime(commands::expedite(out, data, args)),
        Cmd::Poison(args) => on_runtime(commands::poison(out, data, args)),
        Cmd::Supersede(args) => on_runtime(commands::supersede(out, data, args)),
        Cmd::Unpoison(args) => on_runtime(commands::unpoison(out, data, args)),
        Cmd::Protections(args) => on_runtime(commands::protections(out, data, &args)),
        Cmd::Unprotect(args) => on_runtime(commands::unprotect(out, data, args)),
        Cmd::Comment(args) => on_runtime(commands::comment(out, data, args)),
        Cmd::Done(args) => on_runtime(commands::done(out, data, args)),
        Cmd::Evidence(args) => on_runtime(commands::evidence(out, data, args)),
        Cmd::Approve(args) => on_runtime(commands::approve(out, data, args)),
        Cmd::Promote(args) => on_runtime(commands::promote(out, data, args)),
        Cmd::Ask(args) => on_runtime(commands::ask(out, data, args)),
        Cmd::Answer(args) => on_runtime(commands::answer(out, data, args)),
        Cmd::Stop(args) => fleet(args, Aim::Hold, |reason| Command::Stop { reason }),
        Cmd::Go(args) => fleet(args, Aim::GoOn, |reason| Command::Go { reason }),
        Cmd::Reject(args) => on_runtime(commands::reject(out, data, args)),
        Cmd::Pause(args) => rollout(args, Aim::Hold, |rollout, reason| Command::Pause {
            rollout,
            reason,
        }),
        Cmd::Resume(args) => rollout(args, Aim::GoOn, |rollout, reason| Command::Resume {
            rollout,
            reason,
        }),
        Cmd::Halt(args) => rollout(args, Aim::Hold, |rollout, reason| Command::Halt {
            rollout,
            reason,
        }),
        Cmd::Cancel(args) => rollout(args, Aim::End, |rollout, reason| Command::Cancel {
            rollout,
            reason,
        }),
        Cmd::Rollback(args) => rollout(args, Aim::End, |rollout, reason| Command::Rollback {
            rollout,
            reason,
        }),
    }
}

/// Runs what waits for others: the store, the socket, processes.
fn on_runtime(work: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| {
        Failure::new(
            End::Refused,
            format!("the async runtime did not start: {e}"),
        )
    })?;
    let outcome = runtime.block_on(work);
    // A second Ctrl-C must not wait for a disk.
    runtime.shutdown_background();
    outcome
}
