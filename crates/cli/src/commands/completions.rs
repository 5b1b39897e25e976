//! `completions`: what a shell needs to ask this program how a line goes on. The answers are in `complete`.

use clap_complete::env::Shells;

use crate::args::Completions;
use crate::complete::ASKED_BY;
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;

/// How the program is called on the command line, and by the shell that asks.
const PROGRAM: &str = "ringway";

/// Bash needs more than it would be given: it takes words apart where names of goals and hosts go on.
const BASH: &str = include_str!("completions.bash");

/// `ringway completions`.
pub(crate) fn completions(out: Out, args: &Completions) -> Outcome {
    let shell = args.shell.to_string();
    let shells = Shells::builtins();
    let missing = || {
        Failure::new(
            End::Refused,
            format!("there are no completions for {shell}"),
        )
    };
    if shell == "bash" {
        out.text(BASH);
        return Ok(End::Done);
    }
    let shell = shells.completer(&shell).ok_or_else(missing)?;
    let mut text = Vec::new();
    shell
        .write_registration(ASKED_BY, PROGRAM, PROGRAM, PROGRAM, &mut text)
        .map_err(|error| Failure::new(End::Refused, error))?;
    out.text(&String::from_utf8_lossy(&text));
    Ok(End::Done)
}
