//! What can be wrong with a host of the farm.
//!
//! A switch that is on lies as a file named after it in the host's folder `etc/NAME/switches`, with its argument as the
//! content. Who acts upon it (the door, the session, a command of the host) reads it there at that moment.

use std::fmt;
use std::str::FromStr;

/// A fault of one host, until it is healed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Switch {
    /// Nothing listens at the SSH port.
    Refuse,
    /// Connections are accepted, and nothing is ever said.
    HangBanner,
    /// The login shell never comes to the command.
    HangLogin,
    /// The login shell takes this many milliseconds before it comes to the command.
    SlowLogin(u64),
    /// The login shell prints a line before the command runs.
    NoisyLogin,
    /// Every SSH connection is cut as soon as an `install` has begun, once; the `install` goes on.
    DropInInstall,
    /// The host's own commands (`install`, `service`, ...) take this many milliseconds longer.
    Slow(u64),
    /// An `install` begins and never ends.
    HangInstall,
    /// An `install` fails.
    FailInstall,
    /// Nothing can be written to a file.
    FullDisk,
    /// The host shows another key than before.
    ChangeKey,
    /// No key is accepted at the login.
    WrongLogin,
    /// A restart takes this many milliseconds.
    RebootTakes(u64),
    /// A restart is followed by this many more, a moment after the host is back.
    RebootLoop(u64),
    /// After a restart the host stays away.
    NeverBack,
    /// The command that restarts does nothing.
    NoReboot,
    /// A restart closes the door for a while, but nothing restarts: the boot id stays.
    FakeReboot,
    /// `sudo` lets nobody.
    SudoRefused,
    /// `sudo` wants this password.
    SudoPassword(String),
}

/// A switch as it is spelled, and what stands behind its name.
type Spelling = (&'static str, Argument, &'static str);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    Nothing,
    Number,
    Text,
}

/// Every switch with a line for those who use the farm by hand.
const SPELLINGS: [Spelling; 19] = [
    (
        "refuse",
        Argument::Nothing,
        "nothing listens at the SSH port",
    ),
    (
        "hang-banner",
        Argument::Nothing,
        "accepts connections and says nothing",
    ),
    (
        "hang-login",
        Argument::Nothing,
        "the login shell never comes to the command",
    ),
    (
        "slow-login",
        Argument::Number,
        "MS: the login shell takes its time",
    ),
    (
        "noisy-login",
        Argument::Nothing,
        "the login shell prints a line of its own",
    ),
    (
        "drop-in-install",
        Argument::Nothing,
        "cuts every connection once an install has begun",
    ),
    (
        "slow",
        Argument::Number,
        "MS: the host's own commands take longer",
    ),
    (
        "hang-install",
        Argument::Nothing,
        "an install begins and never ends",
    ),
    ("fail-install", Argument::Nothing, "an install fails"),
    (
        "full-disk",
        Argument::Nothing,
        "nothing can be written to a file",
    ),
    ("change-key", Argument::Nothing, "shows another host key"),
    (
        "wrong-login",
        Argument::Nothing,
        "accepts no key at the login",
    ),
    (
        "reboot-takes",
        Argument::Number,
        "MS: how long a restart takes",
    ),
    (
        "reboot-loop",
        Argument::Number,
        "N: a restart is followed by N more",
    ),
    (
        "never-back",
        Argument::Nothing,
        "stays away after a restart",
    ),
    ("no-reboot", Argument::Nothing, "the restart does nothing"),
    (
        "fake-reboot",
        Argument::Nothing,
        "away for a while, and not restarted",
    ),
    ("sudo-refused", Argument::Nothing, "sudo lets nobody"),
    ("sudo-password", Argument::Text, "PASSWORD: sudo wants it"),
];

impl Switch {
    /// Its name, which is its file's.
    pub fn name(&self) -> &'static str {
        SPELLINGS[self.place()].0
    }

    /// What its file holds; empty where it needs no argument.
    pub fn argument(&self) -> String {
        match self {
            Self::SlowLogin(number)
            | Self::Slow(number)
            | Self::RebootTakes(number)
            | Self::RebootLoop(number) => number.to_string(),
            Self::SudoPassword(password) => password.clone(),
            Self::Refuse
            | Self::HangBanner
            | Self::HangLogin
            | Self::NoisyLogin
            | Self::DropInInstall
            | Self::HangInstall
            | Self::FailInstall
            | Self::FullDisk
            | Self::ChangeKey
            | Self::WrongLogin
            | Self::NeverBack
            | Self::NoReboot
            | Self::FakeReboot
            | Self::SudoRefused => String::new(),
        }
    }

    /// One line for each switch there is: how it is written, and what it does.
    pub fn explained() -> Vec<String> {
        SPELLINGS
            .iter()
            .map(|(name, _, what)| format!("{name:<16} {what}"))
            .collect()
    }

    fn place(&self) -> usize {
        match self {
            Self::Refuse => 0,
            Self::HangBanner => 1,
            Self::HangLogin => 2,
            Self::SlowLogin(_) => 3,
            Self::NoisyLogin => 4,
            Self::DropInInstall => 5,
            Self::Slow(_) => 6,
            Self::HangInstall => 7,
            Self::FailInstall => 8,
            Self::FullDisk => 9,
            Self::ChangeKey => 10,
            Self::WrongLogin => 11,
            Self::RebootTakes(_) => 12,
            Self::RebootLoop(_) => 13,
            Self::NeverBack => 14,
            Self::NoReboot => 15,
            Self::FakeReboot => 16,
            Self::SudoRefused => 17,
            Self::SudoPassword(_) => 18,
        }
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.argument())
    }
}

impl FromStr for Switch {
    type Err = String;

    /// Reads `NAME` or `NAME ARGUMENT`.
    fn from_str(written: &str) -> Result<Self, String> {
        let (name, argument) = written
            .trim()
            .split_once(' ')
            .unwrap_or((written.trim(), ""));
        let place = SPELLINGS
            .iter()
            .position(|(known, _, _)| *known == name)
            .ok_or_else(|| format!("there is no switch `{name}`"))?;
        let number = match (SPELLINGS[place].1, argument) {
            (Argument::Nothing, "") => 0,
            (Argument::Nothing, _) => return Err(format!("`{name}` takes no argument")),
            (Argument::Text, "") => return Err(format!("`{name}` needs a text")),
            (Argument::Text, _) => 0,
            (Argument::Number, _) => argument
                .parse()
                .map_err(|_| format!("`{name}` needs a number"))?,
        };
        Ok(match place {
            0 => Self::Refuse,
            1 => Self::HangBanner,
            2 => Self::HangLogin,
            3 => Self::SlowLogin(number),
            4 => Self::NoisyLogin,
            5 => Self::DropInInstall,
            6 => Self::Slow(number),
            7 => Self::HangInstall,
            8 => Self::FailInstall,
            9 => Self::FullDisk,
            10 => Self::ChangeKey,
            11 => Self::WrongLogin,
            12 => Self::RebootTakes(number),
            13 => Self::RebootLoop(number),
            14 => Self::NeverBack,
            15 => Self::NoReboot,
            16 => Self::FakeReboot,
            17 => Self::SudoRefused,
            _ => Self::SudoPassword(argument.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_is_read_as_it_is_written() {
        for (place, (name, argument, _)) in SPELLINGS.iter().enumerate() {
            let written = match argument {
                Argument::Nothing => (*name).to_owned(),
                Argument::Number => format!("{name} 7"),
                Argument::Text => format!("{name} secret"),
            };
            let switch: Switch = written.parse().unwrap();
            assert_eq!(
                (switch.place(), switch.to_string().trim()),
                (place, written.as_str())
            );
        }
    }

    #[test]
    fn a_switch_without_its_argument_or_with_one_too_many_is_refused() {
        for wrong in ["slow", "slow soon", "sudo-password", "refuse 3", "refused"] {
            assert!(wrong.parse::<Switch>().is_err(), "{wrong}");
        }
    }
}
