//! `completions`: what a shell needs to complete our command line, made from the command line's own description.

use clap::{Command, CommandFactory};

use crate::args::{Cli, Completions};
use crate::exit::End;
use crate::out::Out;

/// `ringway completions`.
pub(crate) fn completions(out: Out, args: &Completions) -> End {
    let mut text = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut shown(&Cli::command()),
        "ringway",
        &mut text,
    );
    out.text(&String::from_utf8_lossy(&text));
    End::Done
}

/// What a person is offered: a hidden command is left out, which the generators by themselves do not do.
fn shown(cli: &Command) -> Command {
    let commands = cli.get_subcommands().filter(|one| !one.is_hide_set());
    Command::new("ringway")
        .args(cli.get_arguments().cloned())
        .subcommands(commands.cloned())
}
