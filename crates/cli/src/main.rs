//! The `ringway` command.
//!
//! Reads the command line, does what it says, and ends with a documented exit code. It decides nothing about rollouts.

mod args;
mod commands;
mod demo;
mod documents;
mod exit;
mod follow;
mod journal;
mod out;
mod session;
mod show;
mod standing;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use ringway_engine::Command;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Cmd};
use crate::commands::Stay;
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
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
    match perform(out, &cli.global.data, cli.command) {
        Ok(end) => end.into(),
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

fn perform(out: Out, data: &Path, command: Cmd) -> Outcome {
    match command {
        // What needs neither a fleet nor a clock needs no runtime either.
        Cmd::Check(args) => commands::check(out, &args),
        Cmd::Plan(args) => commands::plan(out, &args),
        Cmd::Schema(args) => commands::schema(out, &args),
        Cmd::DemoServer(args) => demo::server(&args),
        other => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build();
            let runtime = runtime.map_err(|e| {
                Failure::new(
                    End::Refused,
                    format!("the async runtime did not start: {e}"),
                )
            })?;
            let outcome = runtime.block_on(perform_async(out, data, other));
            // A second Ctrl-C must not wait for a disk.
            runtime.shutdown_background();
            outcome
        }
    }
}

async fn perform_async(out: Out, data: &Path, command: Cmd) -> Outcome {
    let (on, rest) = (Stay::On, Stay::Rest);
    match command {
        Cmd::Check(args) => commands::check(out, &args),
        Cmd::Plan(args) => commands::plan(out, &args),
        Cmd::Schema(args) => commands::schema(out, &args),
        Cmd::DemoServer(args) => demo::server(&args),
        Cmd::Run(args) => commands::run(out, data, args).await,
        Cmd::Status(args) => commands::status(out, data, &args).await,
        Cmd::Why(args) => commands::why(out, data, &args).await,
        Cmd::Approve(args) => commands::approve(out, data, args).await,
        Cmd::Reject(args) => {
            commands::order(out, data, args, rest, |rollout, reason| Command::Reject {
                rollout,
                reason,
            })
            .await
        }
        Cmd::Pause(args) => {
            commands::order(out, data, args, rest, |rollout, reason| Command::Pause {
                rollout,
                reason,
            })
            .await
        }
        Cmd::Resume(args) => {
            commands::order(out, data, args, on, |rollout, reason| Command::Resume {
                rollout,
                reason,
            })
            .await
        }
        Cmd::Halt(args) => {
            commands::order(out, data, args, rest, |rollout, reason| Command::Halt {
                rollout,
                reason,
            })
            .await
        }
        Cmd::Cancel(args) => {
            commands::order(out, data, args, rest, |rollout, reason| Command::Cancel {
                rollout,
                reason,
            })
            .await
        }
        Cmd::Rollback(args) => {
            commands::order(out, data, args, rest, |rollout, reason| Command::Rollback {
                rollout,
                reason,
            })
            .await
        }
        Cmd::Stop(args) => {
            commands::fleet_order(out, data, args, rest, |reason| Command::Stop { reason }).await
        }
        Cmd::Go(args) => {
            commands::fleet_order(out, data, args, on, |reason| Command::Go { reason }).await
        }
        Cmd::Journal(args) => journal::print(out, data, &args).await,
        Cmd::Audit => journal::audit(out, data).await,
        Cmd::Demo(args) => demo::run(out, &args).await,
    }
}
