//! `man`: a manual page for each command, made from the command line's own description.

use std::fs;
use std::path::Path;

use clap::Command;
use clap_mangen::Man;

use crate::args;
use crate::complete::shown;
use crate::exit::{End, Failure, Outcome};

/// `ringway man`.
pub(crate) fn man(args: &args::Man) -> Outcome {
    let directory = &args.directory;
    let failed = |error: std::io::Error| {
        let why = format!("`{}` cannot be written: {error}", directory.display());
        Failure::new(End::Refused, why)
    };
    fs::create_dir_all(directory).map_err(failed)?;
    let mut cli = for_pages(shown(&crate::args::command()));
    // Options of every command are then also in every page.
    cli.build();
    write(&cli, "ringway", directory).map_err(failed)?;
    Ok(End::Done)
}

/// A page has room for what a short help leaves out, and names no page that is not written.
fn for_pages(command: Command) -> Command {
    command
        .disable_help_subcommand(true)
        .mut_args(|argument| argument.hide_short_help(false))
        .mut_subcommands(for_pages)
}

/// Writes the page of a command, and those of the commands below it: `ringway-maintenance-add.1`.
fn write(command: &Command, name: &str, directory: &Path) -> std::io::Result<()> {
    let mut page = Vec::new();
    let named = command.clone().display_name(name);
    Man::new(named).title(name).render(&mut page)?;
    fs::write(directory.join(format!("{name}.1")), page)?;
    for below in command.get_subcommands() {
        if below.get_name() != "help" && !below.is_hide_set() {
            write(below, &format!("{name}-{}", below.get_name()), directory)?;
        }
    }
    Ok(())
}
