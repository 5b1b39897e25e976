//! With whose rights a script runs on a host, and what `sudo` said where it would not have it.
//!
//! The command line is all that stands among the arguments of processes on the host: no value, no text of a step, no
//! password. Every login shell reads it alike, `csh` and `fish` too.
//!
//! # Invariants
//!
//! * A password is never executed, echoed or left for a command to read: `sudo` takes it (`-k` makes it ask even where it
//!   remembers), or the lines before the script are read and forgotten.
//! * A script outlives the `sudo` that started it: it runs in a session of its own.

use ringway_policy::validated::Become;

use super::passwords::{Passwords, redact};
use crate::port::Reach;
use crate::quote::{QuoteError, quote};
use crate::secret::Secret;
use crate::transport::Exec;

/// What runs a script as the user who is logged in.
const SHELL: &str = "exec /bin/sh -s";

/// What runs it under `sudo`. Not in place of the shell, which `sudo` waits for and may kill: `setsid` would fork if it
/// were the process that `sudo` started, and `sudo` would not wait for the script.
const OUTLIVE: &str =
    "command -v setsid >/dev/null && { setsid /bin/sh -s; exit; }; exec /bin/sh -s";

/// The line before a script under `sudo` with a password. Whatever stands before it is not the script's.
const BEGIN: &str = "ringway: the script begins after this line";

/// With whose rights a script runs.
pub(super) enum Rights {
    /// Those of the user who is logged in.
    Own,
    /// Those of another user.
    Sudo {
        /// Who that is.
        user: String,
        /// What `sudo` wants to be told.
        password: Option<Secret>,
    },
}

impl Rights {
    /// The rights of a host's steps.
    ///
    /// # Errors
    ///
    /// Why the password cannot be had, in a sentence.
    pub(super) async fn of_steps(
        wanted: Option<&Become>,
        reach: &Reach,
        passwords: &Passwords,
    ) -> Result<Self, String> {
        let Some(wanted) = wanted else {
            return Ok(Self::Own);
        };
        let password = match &wanted.password {
            None => None,
            Some(command) => Some(passwords.printed_by(command, &reach.directory).await?),
        };
        Ok(Self::Sudo {
            user: wanted.user.clone(),
            password,
        })
    }

    /// How a script is given to a host.
    ///
    /// # Errors
    ///
    /// When the user's name cannot be carried by a shell.
    pub(super) fn exec(&self, script: &str) -> Result<Exec, QuoteError> {
        let (user, password) = match self {
            Self::Own => {
                return Ok(Exec {
                    command: SHELL.to_owned(),
                    input: script.as_bytes().to_vec(),
                });
            }
            Self::Sudo { user, password } => (quote(user)?, password),
        };
        // `sudo` says why it refuses in the language of the login.
        let sudo = "exec env LC_ALL=C sudo";
        Ok(match password {
            None => Exec {
                command: format!("{sudo} -n -u {user} -- /bin/sh -c '{OUTLIVE}'"),
                input: script.as_bytes().to_vec(),
            },
            Some(password) => {
                let swallow =
                    format!("while read -r line; do [ \"$line\" = \"{BEGIN}\" ] && break; done");
                Exec {
                    command: format!(
                        "{sudo} -k -S -p \"\" -u {user} -- /bin/sh -c '{swallow}; {OUTLIVE}'"
                    ),
                    input: format!("{}\n{BEGIN}\n{script}", password.reveal()).into_bytes(),
                }
            }
        })
    }

    /// Why the script did not run, in a sentence: from what was printed where it should have answered.
    pub(super) fn refusal(&self, exit: Option<i32>, printed: &str) -> String {
        let why = match self {
            Self::Own => format!(
                "the host's shell did not run the envelope: {}",
                last_words(exit, printed)
            ),
            Self::Sudo { user, password } => match Refused::read(exit, printed) {
                Some(refused) => refused.sentence(user, password.is_some(), printed),
                None => format!(
                    "`sudo` did not run the envelope as `{user}`: {}",
                    last_words(exit, printed)
                ),
            },
        };
        self.redact(&why)
    }

    /// Whether it is sure that nothing ran: `sudo` said that it would not have it.
    pub(super) fn has_refused(&self, exit: Option<i32>, printed: &str) -> bool {
        matches!(self, Self::Sudo { .. }) && Refused::read(exit, printed).is_some()
    }

    /// A text without the password.
    pub(super) fn redact(&self, text: &str) -> String {
        match self {
            Self::Sudo {
                password: Some(password),
                ..
            } => redact(text, password),
            Self::Own | Self::Sudo { password: None, .. } => text.to_owned(),
        }
    }

    /// Whether the password was wrong.
    pub(super) fn is_wrong(&self, printed: &str) -> bool {
        matches!(
            self,
            Self::Sudo {
                password: Some(_),
                ..
            }
        ) && Refused::read(None, printed) == Some(Refused::Wrong)
    }
}

/// Why `sudo` refuses, as far as its words tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Wanted,
    Wrong,
    NotAllowed,
    Terminal,
    NoUser,
    Missing,
    NoPrivileges,
    Locked,
}

/// Words of `sudo` 1.8 and 1.9 and of `sudo-rs`, in the order in which they are looked for.
const WORDS: [(&str, Refused); 22] = [
    ("incorrect password attempt", Refused::Wrong),
    ("incorrect authentication attempt", Refused::Wrong),
    ("no password was provided", Refused::Wrong),
    ("Authentication failed, try again", Refused::Wrong),
    ("Sorry, try again", Refused::Wrong),
    ("you must have a tty", Refused::Terminal),
    ("no tty present", Refused::Terminal),
    ("a terminal is required", Refused::Terminal),
    ("a password is required", Refused::Wanted),
    ("interactive authentication is required", Refused::Wanted),
    ("is not in the sudoers file", Refused::NotAllowed),
    ("is not allowed to", Refused::NotAllowed),
    ("may not run sudo", Refused::NotAllowed),
    ("I'm afraid I can't do that", Refused::NotAllowed),
    ("unknown user", Refused::NoUser),
    ("user not found", Refused::NoUser),
    ("effective uid is not 0", Refused::NoPrivileges),
    ("no new privileges", Refused::NoPrivileges),
    ("account validation failure", Refused::Locked),
    ("Account or password is expired", Refused::Locked),
    ("sudo: not found", Refused::Missing),
    ("No such file or directory", Refused::Missing),
];

impl Refused {
    fn read(exit: Option<i32>, printed: &str) -> Option<Self> {
        let found = WORDS.iter().find(|(words, _)| printed.contains(words));
        match found {
            Some((_, refused)) => Some(*refused),
            None if exit == Some(127) => Some(Self::Missing),
            None => None,
        }
    }

    fn sentence(self, user: &str, with_password: bool, printed: &str) -> String {
        match self {
            Self::Wanted if with_password => {
                format!("`sudo` did not take a password over its input to become `{user}`")
            }
            Self::Wanted => format!(
                "`sudo` wants a password to become `{user}`, and the connection has no `password` command"
            ),
            Self::Wrong => {
                format!("`sudo` did not accept the password with which to become `{user}`")
            }
            Self::NotAllowed => format!(
                "`sudo` does not let the login become `{user}` and run `/bin/sh`: {}",
                last_words(None, printed)
            ),
            Self::Terminal => {
                "`sudo` wants a terminal (`requiretty` in sudoers), which no program has".to_owned()
            }
            Self::NoUser => format!("there is no user `{user}` for `sudo` on the host"),
            Self::Missing => {
                "there is no `sudo` on the host, or not where the login finds it".to_owned()
            }
            Self::NoPrivileges => format!(
                "`sudo` cannot give anybody more rights here: {}",
                last_words(None, printed)
            ),
            Self::Locked => format!(
                "the login's account may not use `sudo` any more: {}",
                last_words(None, printed)
            ),
        }
    }
}

/// The last line that was printed, and with which code it ended.
fn last_words(exit: Option<i32>, printed: &str) -> String {
    let line = printed.trim().lines().last().unwrap_or("").trim();
    match (line, exit) {
        ("", Some(exit)) => format!("it ended with {exit} and without a word"),
        ("", None) => "it ended without a word".to_owned(),
        (line, _) => format!("`{line}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(password: Option<&str>) -> Rights {
        Rights::Sudo {
            user: "root".to_owned(),
            password: password.map(Secret::new),
        }
    }

    #[test]
    fn a_password_is_in_the_input_and_in_no_argument() {
        let exec = root(Some("hunter2")).exec("the script").unwrap();
        assert!(!exec.command.contains("hunter2"), "{}", exec.command);
        let input = String::from_utf8(exec.input).unwrap();
        assert_eq!(input, format!("hunter2\n{BEGIN}\nthe script"));
        let exec = root(None).exec("the script").unwrap();
        assert_eq!(exec.input, b"the script");
        assert!(exec.command.contains(" -n "), "{}", exec.command);
    }

    #[test]
    fn what_sudo_says_becomes_one_sentence() {
        let lecture = "We trust you have received the usual lecture\n";
        for (printed, exit, sentence) in [
            (
                "sudo: a password is required\n",
                1,
                "`sudo` wants a password to become `root`, and the connection has no `password` command",
            ),
            (
                "Sorry, try again.\nSorry, try again.\nsudo: 3 incorrect password attempts\n",
                1,
                "`sudo` did not accept the password with which to become `root`",
            ),
            (
                "svc is not in the sudoers file.\n",
                1,
                "`sudo` does not let the login become `root` and run `/bin/sh`: `svc is not in the sudoers file.`",
            ),
            (
                "sudo: sorry, you must have a tty to run sudo\n",
                1,
                "`sudo` wants a terminal (`requiretty` in sudoers), which no program has",
            ),
            (
                "sudo: unknown user root\nsudo: error initializing audit plugin sudoers_audit\n",
                1,
                "there is no user `root` for `sudo` on the host",
            ),
            (
                "env: 'sudo': No such file or directory\n",
                127,
                "there is no `sudo` on the host, or not where the login finds it",
            ),
            (
                "",
                9,
                "`sudo` did not run the envelope as `root`: it ended with 9 and without a word",
            ),
        ] {
            let printed = format!("{lecture}{printed}");
            let printed = if exit == 9 { "" } else { &printed };
            assert_eq!(root(None).refusal(Some(exit), printed), sentence);
        }
        assert_eq!(
            root(Some("hunter2")).refusal(Some(1), "sh: hunter2: not found"),
            "`sudo` did not run the envelope as `root`: `sh: [redacted]: not found`"
        );
    }
}
