//! One question to the command of an external gate: may work begin?
//!
//! Exit code 0 says that it may, 1 that it may not. Any other, no answer in time, a command that cannot be run: nobody
//! knows. Only these two codes mean something, so that a script that breaks never opens or closes anything.

use std::collections::BTreeMap;
use std::path::Path;

use ringway_model::{Says, Span};
use ringway_policy::validated::Command;

use crate::command::{self, Asked};
use crate::local::duration;

/// How much of what a command printed last is told.
const LONGEST: usize = 200;

/// Asks once, from here. `directory` is where the command starts. The answer is what it says, and its last line.
pub async fn ask(
    run: &Command,
    values: &BTreeMap<String, String>,
    directory: &Path,
    timeout: Span,
) -> (Says, String) {
    let values = values.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    match command::ask(run, values, directory, duration(timeout)).await {
        Asked::Ended { exit, output } => {
            let line = last_line(&output);
            match exit {
                0 => (Says::Open, line),
                1 => (Says::Closed, line),
                _ if line.is_empty() => (Says::Unknown, format!("its command ended with {exit}")),
                _ => (
                    Says::Unknown,
                    format!("its command ended with {exit}: {line}"),
                ),
            }
        }
        Asked::TimedOut { .. } => (Says::Unknown, "its command did not end in time".to_owned()),
        Asked::Cannot(why) => (Says::Unknown, why),
    }
}

/// The last line that says something, without what a terminal would obey.
fn last_line(output: &str) -> String {
    let line = output.trim().lines().last().unwrap_or("").trim();
    line.chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_two_exit_codes_mean_something() {
        for (script, says, why) in [
            ("echo CHG-1 approved", Says::Open, "CHG-1 approved"),
            ("echo; exit 0", Says::Open, ""),
            ("echo not yet; exit 1", Says::Closed, "not yet"),
            (
                "echo oops; exit 2",
                Says::Unknown,
                "its command ended with 2: oops",
            ),
            ("exit 127", Says::Unknown, "its command ended with 127"),
            ("kill -9 $$", Says::Unknown, "its command ended with 137"),
            ("sleep 60", Says::Unknown, "its command did not end in time"),
            ("printf '\\033[31mred'; exit 1", Says::Closed, "[31mred"),
            ("test \"$RING\" = canary", Says::Open, ""),
        ] {
            let run = Command::Shell(script.to_owned());
            let values = BTreeMap::from([("RING".to_owned(), "canary".to_owned())]);
            let timeout = if script.starts_with("sleep") {
                Span(50)
            } else {
                Span::seconds(60)
            };
            let answer = ask(&run, &values, Path::new("/"), timeout).await;
            assert_eq!(answer, (says, why.to_owned()), "{script}");
        }
    }

    #[tokio::test]
    async fn a_command_that_is_not_there_says_nothing() {
        let run = Command::Program(vec!["./no-such-command".to_owned()]);
        let (says, why) = ask(&run, &BTreeMap::new(), Path::new("/"), Span::seconds(60)).await;
        assert_eq!(says, Says::Unknown);
        assert!(why.contains("./no-such-command"), "{why}");
    }
}
