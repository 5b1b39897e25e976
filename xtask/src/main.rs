//! The project's chores, as `cargo xtask COMMAND`.
//!
//! This program decides what is run and in which order, and reports it; what is run is always cargo itself or a program
//! cargo built. It changes no source and installs nothing.

mod bench;
mod cargo;
mod check;
mod components;
mod farm;
mod fuzz;
mod say;
mod soak;
mod suites;
mod test;

use std::process::ExitCode;

use crate::say::say;

const HELP: &str = "\
usage: cargo xtask COMMAND

commands
  test           every test of the workspace; names each component it misses, and
                 says how long each suite took
  check          formatting and lints, exactly as CI checks them
  bench          lists the benchmarks
  bench NAME..   runs benchmarks (`all` for every one) and prints what belongs into
                 docs/benchmarks.md
  farm WORDS..   hosts by hand: real sshd daemons on loopback; `farm` alone says more
  fuzz           lists what fuzzing reads
  fuzz NAME..    fuzzes it (`all` for everything), 20 minutes each or `--minutes N`,
                 and puts what it finds into fuzz/corpus; needs a C++ compiler
  soak           simulated worlds for an hour, told how far it is every minute, with
                 every broken rule and its seed; `--hours H`, `--from SEED`
  help           this text

environment
  CI             when set (and not empty), nothing is skipped: a missing component
                 fails at once, and tests marked `#[ignore]` run too
";

/// Why a command did not succeed.
enum Failure {
    /// It was not asked for properly: exit code 2.
    Usage(String),
    /// It was, and something failed: exit code 1.
    Failed(String),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

type Outcome<T = ()> = Result<T, Failure>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(why)) => {
            say!(err, "error: {why}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(why)) => {
            say!(err, "error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Outcome {
    let Some((command, rest)) = arguments.split_first() else {
        return Err(Failure::Usage("a command is missing".to_owned()));
    };
    if rest.iter().any(|word| word == "--help" || word == "-h") {
        say!("{HELP}");
        return Ok(());
    }
    match command.as_str() {
        "test" => nothing_more(rest).and_then(|()| test::run()),
        "check" => nothing_more(rest).and_then(|()| check::run()),
        "bench" => bench::run(rest),
        "farm" => farm::run(rest),
        "fuzz" => fuzz::run(rest),
        "soak" => soak::run(rest),
        "help" | "--help" | "-h" => {
            say!("{HELP}");
            Ok(())
        }
        unknown => Err(Failure::Usage(format!("there is no command `{unknown}`"))),
    }
}

/// A command that takes no arguments says so instead of leaving them aside.
fn nothing_more(rest: &[String]) -> Outcome {
    match rest.first() {
        None => Ok(()),
        Some(word) => Err(Failure::Usage(format!(
            "`{word}` is not expected here; for a part of the tests use `cargo test -p CRATE`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage_error(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        match dispatch(&words) {
            Err(Failure::Usage(why)) => why,
            Err(Failure::Failed(why)) => panic!("it was carried out, and failed: {why}"),
            Ok(()) => panic!("it was carried out"),
        }
    }

    #[test]
    fn what_nobody_offers_is_refused_by_name() {
        assert_eq!(usage_error(&["tset"]), "there is no command `tset`");
        assert!(usage_error(&[]).contains("missing"));
        assert!(usage_error(&["test", "engine"]).contains("`engine`"));
    }
}
