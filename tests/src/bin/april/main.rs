//! April 2026 through the real runtime: 433 hosts of this machine behind `sshd`s of their own, the documents of
//! `examples/april-2026`, the program's own commands, a clock that goes faster, and a script that stands for the people.
//!
//! ```sh
//! cargo run --release --package ringway-tests --features measure --bin april            # 1440 times as fast
//! cargo run --release --package ringway-tests --features measure --bin april 720
//! ```
//!
//! It prints what happens as it happens, and at the end what the hosts themselves say: their ledgers, and somebody who
//! asked every domain controller several times a second whether it serves. It ends with 1 where something is not as it
//! must be. It needs `sshd`; nothing outside this machine's loopback is touched, and everything ends with it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it tells a story to whoever started it"
)]

mod account;
mod hosts;
mod onlooker;
mod people;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use crate::account::Account;
use crate::hosts::Town;
use crate::onlooker::Onlooker;
use crate::people::{People, Told};

/// How many times as fast time goes where nothing else is said: a day in a minute.
const SPEED: u32 = 1440;

/// Whatever goes wrong ends the program; nothing here is worth telling apart.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let speed = match std::env::args().nth(1).map(|speed| speed.parse::<u32>()) {
        None => SPEED,
        Some(Ok(speed)) => speed,
        Some(Err(_)) => {
            eprintln!(
                "april [SPEED]: how many times as fast time goes, {SPEED} where nothing is said"
            );
            return ExitCode::from(2);
        }
    };
    match play(speed) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("april: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays it. True where everything was as it must be.
fn play(speed: u32) -> Outcome<bool> {
    let began = Instant::now();
    let town = Arc::new(Town::build(speed)?);
    println!(
        "{} hosts of this machine are there after {:.1} s; a day takes {:.0} s",
        town.farm.hosts().len(),
        began.elapsed().as_secs_f64(),
        86_400.0 / f64::from(speed)
    );
    let onlooker = Onlooker::start(&town);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let told: Told = runtime.block_on(async {
        let mut people = People::start(Arc::clone(&town)).await?;
        let told = people.month().await;
        people.go_home().await;
        told
    })?;
    let seen = onlooker.end();
    let account = Account::of(&town, &told, &seen);
    println!("{account}");
    println!("it took {:.0} s", began.elapsed().as_secs_f64());
    Ok(account.is_well())
}
