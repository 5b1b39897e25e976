//! A `sudo` that asks and refuses in the words of the real one, and gives no rights: commands run as they are.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use crate::here::Here;

/// How often the real one asks.
const TRIES: u32 = 3;

/// What it was asked for.
#[derive(Default)]
struct Asked<'a> {
    /// `-n`: never ask.
    silent: bool,
    /// `-S`: the password comes over standard input.
    from_input: bool,
    prompt: Option<&'a str>,
    user: Option<&'a str>,
    command: &'a [&'a str],
}

/// Becomes the command, or refuses.
pub(crate) fn run(here: &Here, words: &[&str]) -> io::Result<ExitCode> {
    let asked = read(words)?;
    let login = std::env::var("LOGNAME").unwrap_or_else(|_| "user".to_owned());
    if here.switch("sudo-refused").is_some() {
        writeln!(io::stderr(), "{login} is not in the sudoers file.")?;
        return Ok(ExitCode::FAILURE);
    }
    if let Some(password) = here.switch("sudo-password")
        && !asked.lets_in(&login, &password)?
    {
        return Ok(ExitCode::FAILURE);
    }
    let Some((program, arguments)) = asked.command.split_first() else {
        return Ok(ExitCode::SUCCESS);
    };
    Err(Command::new(program)
        .args(arguments)
        .env("SUDO_USER", login)
        .env("SUDO_COMMAND", asked.command.join(" "))
        .env("FARM_SUDO_AS", asked.user.unwrap_or("root"))
        .exec())
}

fn read<'a>(words: &'a [&'a str]) -> io::Result<Asked<'a>> {
    let mut asked = Asked::default();
    let mut rest = words;
    while let [first, more @ ..] = rest {
        rest = more;
        match (*first, more) {
            ("--", _) => break,
            ("-n" | "--non-interactive", _) => asked.silent = true,
            ("-S" | "--stdin", _) => asked.from_input = true,
            // No ticket is ever kept, so there is none to forget.
            ("-k" | "-K" | "-H" | "-v", _) => {}
            ("-p" | "--prompt", [prompt, more @ ..]) => {
                asked.prompt = Some(prompt);
                rest = more;
            }
            ("-u" | "--user", [user, more @ ..]) => {
                asked.user = Some(user);
                rest = more;
            }
            (option, _) if option.starts_with('-') => {
                return Err(io::Error::other(format!("invalid option `{option}`")));
            }
            _ => {
                asked.command = &words[words.len() - more.len() - 1..];
                return Ok(asked);
            }
        }
    }
    asked.command = rest;
    Ok(asked)
}

impl Asked<'_> {
    /// Asks for the password, as often as the real one does.
    fn lets_in(&self, login: &str, password: &str) -> io::Result<bool> {
        let mut out = io::stderr();
        if self.silent {
            writeln!(out, "sudo: a password is required")?;
            return Ok(false);
        }
        if !self.from_input {
            writeln!(
                out,
                "sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper\nsudo: a password is required"
            )?;
            return Ok(false);
        }
        let mut wrong = 0;
        for _ in 0..TRIES {
            let default = format!("[sudo] password for {login}: ");
            write!(out, "{}", self.prompt.unwrap_or(&default))?;
            let Some(given) = line()? else {
                if wrong == 0 {
                    writeln!(
                        out,
                        "sudo: no password was provided\nsudo: a password is required"
                    )?;
                    return Ok(false);
                }
                break;
            };
            if given == password {
                return Ok(true);
            }
            wrong += 1;
            if wrong < TRIES {
                writeln!(out, "Sorry, try again.")?;
            }
        }
        let s = if wrong == 1 { "" } else { "s" };
        writeln!(out, "sudo: {wrong} incorrect password attempt{s}")?;
        Ok(false)
    }
}

/// One line of standard input, and not a byte more: what follows is for the command.
fn line() -> io::Result<Option<String>> {
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut line = Vec::new();
    let mut byte = [0];
    while input.read(&mut byte)? == 1 {
        if byte[0] == b'\n' {
            return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
        }
        line.push(byte[0]);
    }
    Ok(None)
}
