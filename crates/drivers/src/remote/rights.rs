//! With whose rights a script runs on a host, and what `sudo` said where it would not have it.
//!
//! The command line is all that stands among the arguments of processes on the host: no value, no text of a step, no
//! password. Every login shell reads it alike, `csh` and `fish` too.
//!
//! # Invariants
//!
//! * A password is never executed, echoed or left for a command to read: `sudo` takes it (`-k` makes it ask even where it
//!   remembers), or the lines before the script are read and forgotten.
//! * `sudo` is told a password once, and nothing else: it would take the next lines of its input for further guesses, and
//!   wrong ones are counted against the account. The script is given when what it runs under has said that it runs.
//! * A script outlives the `sudo` that started it: it runs in a session of its own.

use ringway_model::RawReport;
use ringway_policy::validated::Become;
use tokio::sync::oneshot;

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

/// What `sudo` asks with, so that it is seen when it asks for a second time.
pub(super) const PROMPT: &str = "ringway: sudo asks. ";

/// The line with which the command that `sudo` runs asks for the script.
pub(super) const GO: &str = "ringway may go on";

/// Why nobody has the rights of a host's steps.
#[derive(Debug)]
pub(super) enum NoRights {
    /// There is no password: why.
    None(String),
    /// The host does not accept the one there is.
    Refused(String),
}

impl NoRights {
    /// In a sentence.
    pub(super) fn words(self) -> String {
        match self {
            Self::None(why) | Self::Refused(why) => why,
        }
    }

    /// As a step's report. Nothing was given to the host.
    pub(super) fn report(self) -> RawReport {
        match self {
            Self::None(why) => RawReport::Unreachable { why },
            Self::Refused(why) => RawReport::Refused { why },
        }
    }
}

/// The script, until what `sudo` runs asks for it. Dropped, it closes the input.
pub(super) struct Gate {
    later: oneshot::Sender<Vec<u8>>,
    script: Vec<u8>,
    said: Vec<u8>,
}

impl Gate {
    /// Takes what was said on standard output, and gives the script when it is asked for. Gives itself back until then.
    pub(super) fn hear(mut self, bytes: &[u8]) -> Option<Self> {
        self.said.extend_from_slice(bytes);
        let is_asked = self
            .said
            .windows(GO.len())
            .any(|window| window == GO.as_bytes());
        if is_asked {
            // Where nobody takes it the command has ended, and says so.
            let _ = self.later.send(self.script);
            return None;
        }
        let excess = self.said.len().saturating_sub(GO.len());
        self.said.drain(..excess);
        Some(self)
    }
}

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
    ) -> Result<Self, NoRights> {
        let Some(wanted) = wanted else {
            return Ok(Self::Own);
        };
        let password = match &wanted.password {
            None => None,
            Some(command) => {
                let printed = passwords.printed_by(command, &reach.directory).await;
                let password = printed.map_err(NoRights::None)?;
                if passwords.is_refused(&reach.host, &password) {
                    // The command may know better by the next time.
                    passwords.forget(command, &reach.directory).await;
                    return Err(NoRights::Refused(format!(
                        "`sudo` did not accept the password with which to become `{}`; the same one is not tried again \
                         for a while",
                        wanted.user
                    )));
                }
                Some(password)
            }
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
    pub(super) fn exec(&self, script: &str) -> Result<(Exec, Option<Gate>), QuoteError> {
        let (user, password) = match self {
            Self::Own => return Ok((Exec::new(SHELL, script), None)),
            Self::Sudo { user, password } => (quote(user)?, password),
        };
        // `sudo` says why it refuses in the language of the login.
        let sudo = "exec env LC_ALL=C sudo";
        let Some(password) = password else {
            let command = format!("{sudo} -n -u {user} -- /bin/sh -c '{OUTLIVE}'");
            return Ok((Exec::new(command, script), None));
        };
        let swallow = format!("while read -r line; do [ \"$line\" = \"{BEGIN}\" ] && break; done");
        let (later, coming) = oneshot::channel();
        let exec = Exec {
            command: format!(
                "{sudo} -k -S -p \"{PROMPT}\" -u {user} -- /bin/sh -c 'echo \"{GO}\"; {swallow}; {OUTLIVE}'"
            ),
            input: format!("{}\n", password.reveal()).into_bytes(),
            later: Some(coming),
        };
        let gate = Gate {
            later,
            script: format!("{BEGIN}\n{script}").into_bytes(),
            said: Vec::new(),
        };
        Ok((exec, Some(gate)))
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

    /// The password, where it was wrong.
    pub(super) fn wrong(&self, printed: &str) -> Option<&Secret> {
        match self {
            Self::Sudo {
                password: Some(password),
                ..
            } if Refused::read(None, printed) == Some(Refused::Wrong) => Some(password),
            Self::Own | Self::Sudo { .. } => None,
        }
    }
}

/// Whether `sudo` says, by what stands on standard error, that it did not take what it was told.
pub(super) fn asks_again(printed: &str) -> bool {
    printed.matches(PROMPT).count() > 1 || Refused::read(None, printed) == Some(Refused::Wrong)
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
        let (exec, gate) = root(Some("hunter2")).exec("the script").unwrap();
        assert!(!exec.command.contains("hunter2"), "{}", exec.command);
        assert_eq!(exec.input, b"hunter2\n");
        assert!(gate.is_some());
        let (exec, gate) = root(None).exec("the script").unwrap();
        assert_eq!(exec.input, b"the script");
        assert!(exec.command.contains(" -n "), "{}", exec.command);
        assert!(gate.is_none());
    }

    /// However what is said is cut into pieces, the script follows the line that asks for it, and nothing else.
    #[test]
    fn the_script_is_given_when_it_is_asked_for() {
        let said = format!("Welcome\n{GO}\n");
        for cut in 0..said.len() {
            let (exec, gate) = root(Some("hunter2")).exec("the script").unwrap();
            let mut later = exec.later.unwrap();
            let mut gate = gate.unwrap().hear(&said.as_bytes()[..cut]);
            let asked = cut >= said.len() - 1;
            assert_eq!(gate.is_none(), asked, "{cut}");
            if !asked {
                assert!(later.try_recv().is_err());
                gate = gate.unwrap().hear(&said.as_bytes()[cut..]);
            }
            assert!(gate.is_none());
            let given = later.try_recv().unwrap();
            assert_eq!(given, format!("{BEGIN}\nthe script").into_bytes());
        }
        assert!(!asks_again(&format!("lecture\n{PROMPT}")));
        assert!(asks_again(&format!("{PROMPT}Leider falsch.\n{PROMPT}")));
        assert!(asks_again("Sorry, try again.\n"));
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
