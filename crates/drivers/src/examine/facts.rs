//! What a host told of itself, and what follows from it.

use std::time::Duration;

use super::{Check, Finding};
use crate::envelope;

/// The script that tells it.
pub(super) const SCRIPT: &str = include_str!("facts.sh");

/// A run directory holds the command and at most twice the output that is kept, so that this is room for hundreds; but
/// what shares the disk with it, the update among it, needs room too.
const ROOM_WARNING: u64 = 100 * 1024;

/// Too little for the steps of one visit, on a disk that something else is filling.
const ROOM_FAILURE: u64 = 10 * 1024;

/// A run directory has about ten files.
const INODES_WARNING: u64 = 1000;
const INODES_FAILURE: u64 = 100;

/// Further apart, and a person who reads two logs side by side is misled.
const CLOCK_WARNING: Duration = Duration::from_secs(5);

/// Further apart, and certificates, packages' signatures and time windows on the host mean something else.
const CLOCK_FAILURE: Duration = Duration::from_mins(2);

/// Lines of a word and its value.
pub(super) struct Facts(Vec<(String, String)>);

impl Facts {
    pub(super) fn read(printed: &str) -> Self {
        let lines = printed.lines().map(|line| {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            (word.to_owned(), value.trim().to_owned())
        });
        Self(lines.collect())
    }

    fn all(&self, word: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(found, _)| found == word);
        found.map(|(_, value)| value.as_str()).collect()
    }

    fn one(&self, word: &str) -> Option<&str> {
        self.all(word).first().copied().filter(|v| !v.is_empty())
    }

    fn number(&self, word: &str) -> Option<u64> {
        self.one(word)?.parse().ok()
    }

    pub(super) fn user(&self) -> &str {
        self.one("user").unwrap_or("somebody")
    }

    pub(super) fn shell(&self) -> Finding {
        match (self.one("shell"), self.one("version")) {
            (None, _) => Finding::warning(
                Check::Shell,
                "it did not tell its shell",
                "look at what `/bin/sh` is on the host",
            ),
            (Some(shell), None) => Finding::ok(Check::Shell, format!("`/bin/sh` is `{shell}`")),
            (Some(shell), Some(version)) => {
                Finding::ok(Check::Shell, format!("`/bin/sh` is `{shell}`, {version}"))
            }
        }
    }

    pub(super) fn tools(&self) -> Finding {
        let missing = self.all("missing");
        if missing.is_empty() {
            return Finding::ok(Check::Tools, "everything the envelope uses is there");
        }
        let names: Vec<_> = missing.iter().map(|name| format!("`{name}`")).collect();
        Finding::failure(
            Check::Tools,
            format!("there is no {}", names.join(", ")),
            "`flock` and `setsid` are in the package `util-linux`, the others in `coreutils` and `findutils`, or all of them in `busybox`; `/proc` must be mounted",
        )
    }

    pub(super) fn room(&self, root: &str) -> Finding {
        let Some(kilobytes) = self.number("kilobytes") else {
            return Finding::warning(
                Check::Room,
                format!("it did not tell how much room there is for `{root}`"),
                "look at `df` on the host",
            );
        };
        // Some file systems make inodes as they go, and count none.
        let inodes = self.number("inodes").filter(|count| *count > 0);
        let counted = inodes.map_or_else(String::new, |inodes| format!(", and {inodes} inodes"));
        let what = format!("{} MiB are free for `{root}`{counted}", kilobytes / 1024);
        let hint = "make room on that file system, or set `root` to a directory on another one";
        let inodes = inodes.unwrap_or(u64::MAX);
        if kilobytes < ROOM_FAILURE || inodes < INODES_FAILURE {
            Finding::failure(Check::Room, what, hint)
        } else if kilobytes < ROOM_WARNING || inodes < INODES_WARNING {
            Finding::warning(Check::Room, what, hint)
        } else {
            Finding::ok(Check::Room, what)
        }
    }

    /// `asked` and `answered` are this machine's clock, in time since 1970.
    pub(super) fn clock(&self, asked: Duration, answered: Duration) -> Finding {
        let Some(now) = self.number("now").map(Duration::from_secs) else {
            return Finding::warning(
                Check::Clock,
                "it did not tell its time",
                "look at `date` on the host",
            );
        };
        // The host counts in whole seconds, and looked somewhere between question and answer.
        let second = Duration::from_secs(1);
        let ahead = now.saturating_sub(answered);
        // Whatever the host says, it is a number that it says.
        let behind = asked.saturating_sub(now.saturating_add(second));
        let (apart, word) = if ahead > Duration::ZERO {
            (ahead, "ahead of")
        } else {
            (behind, "behind")
        };
        let what = if apart < second {
            "its clock agrees with this machine's".to_owned()
        } else {
            format!("its clock is {} s {word} this machine's", apart.as_secs())
        };
        let hint = "let both keep the time by NTP; `timedatectl` says whether they do";
        if apart > CLOCK_FAILURE {
            Finding::failure(Check::Clock, what, hint)
        } else if apart > CLOCK_WARNING {
            Finding::warning(Check::Clock, what, hint)
        } else {
            Finding::ok(Check::Clock, what)
        }
    }

    pub(super) fn patcher(&self) -> Finding {
        let armed = self.all("patcher");
        let Some(first) = armed.first() else {
            return Finding::ok(
                Check::Patcher,
                "nothing else installs updates here by itself",
            );
        };
        let hint = if *first == "unattended-upgrades" {
            "`apt-config dump APT::Periodic` shows it; `systemctl disable --now apt-daily-upgrade.timer` ends it"
        } else {
            "`systemctl list-timers` shows it; `systemctl disable --now` with its name ends it"
        };
        let names: Vec<_> = armed.iter().map(|name| format!("`{name}`")).collect();
        Finding::warning(
            Check::Patcher,
            format!(
                "{} installs updates here whenever it likes, past every ring",
                names.join(" and ")
            ),
            hint,
        )
    }

    pub(super) fn owner(&self, fleet: &str, incarnation: Option<u64>) -> Finding {
        let check = Check::OtherDatabase;
        let Some(owner) = self.one("owner") else {
            return Finding::ok(check, "no database has run steps here yet");
        };
        let (of, database) = owner.split_once(' ').unwrap_or((owner, ""));
        if of != envelope::encode(fleet) {
            return Finding::failure(
                check,
                format!(
                    "the host's root belongs to the fleet `{}`",
                    envelope::decode(of)
                ),
                "give it another `root` for this fleet; a host of two fleets needs a root for each",
            );
        }
        match incarnation {
            None => Finding::ok(
                check,
                format!("it belongs to the database {database} of this fleet"),
            ),
            Some(ours) if database == ours.to_string() => {
                Finding::ok(check, "it belongs to this database")
            }
            Some(_) => Finding::failure(
                check,
                format!("it belongs to another database of this fleet, {database}"),
                format!(
                    "where that one is gone for good, `ringway adopt {database} --reason ...` takes its hosts over"
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn states(findings: &[Finding]) -> Vec<State> {
        findings.iter().map(|finding| finding.state).collect()
    }

    #[test]
    fn room_is_bytes_and_inodes() {
        for (printed, state) in [
            ("kilobytes 500000\ninodes 9000\n", State::Ok),
            ("kilobytes 500000\ninodes -\n", State::Ok),
            ("kilobytes 500000\ninodes 0\n", State::Ok),
            ("kilobytes 50000\ninodes 9000\n", State::Warning),
            ("kilobytes 500000\ninodes 900\n", State::Warning),
            ("kilobytes 5000\ninodes 9000\n", State::Failure),
            ("kilobytes 500000\ninodes 9\n", State::Failure),
            ("kilobytes \n", State::Warning),
        ] {
            assert_eq!(Facts::read(printed).room("/r").state, state, "{printed}");
        }
    }

    #[test]
    fn clocks_are_apart_by_more_than_the_question_took() {
        let facts = Facts::read("now 1000\n");
        let clock = |asked, answered| {
            facts.clock(Duration::from_secs(asked), Duration::from_secs(answered))
        };
        for (asked, answered, state, what) in [
            (
                1000,
                1000,
                State::Ok,
                "its clock agrees with this machine's",
            ),
            (980, 1020, State::Ok, "its clock agrees with this machine's"),
            (
                1004,
                1004,
                State::Ok,
                "its clock is 3 s behind this machine's",
            ),
            (
                1009,
                1020,
                State::Warning,
                "its clock is 8 s behind this machine's",
            ),
            (
                980,
                990,
                State::Warning,
                "its clock is 10 s ahead of this machine's",
            ),
            (
                1200,
                1200,
                State::Failure,
                "its clock is 199 s behind this machine's",
            ),
            (
                1,
                2,
                State::Failure,
                "its clock is 998 s ahead of this machine's",
            ),
        ] {
            let found = clock(asked, answered);
            assert_eq!((found.state, found.what.as_str()), (state, what));
        }
    }

    /// A host that prints nonsense must not end the one who looks at it.
    #[test]
    fn no_clock_is_too_far_away_to_be_told() {
        let facts = Facts::read(&format!("now {}\n", u64::MAX));
        let at = Duration::from_secs(1_780_000_000);
        assert_eq!(facts.clock(at, at).state, State::Failure);
    }

    #[test]
    fn a_host_belongs_to_one_database() {
        let facts = Facts::read("owner caf%c3%a9 7\n");
        let found = [
            facts.owner("café", Some(7)),
            facts.owner("café", None),
            facts.owner("café", Some(8)),
            facts.owner("bar", Some(7)),
            Facts::read("").owner("café", Some(7)),
        ];
        assert_eq!(
            states(&found),
            [
                State::Ok,
                State::Ok,
                State::Failure,
                State::Failure,
                State::Ok
            ]
        );
        assert!(
            found[2]
                .hint
                .as_deref()
                .unwrap()
                .contains("ringway adopt 7")
        );
        assert!(found[3].what.contains("`café`"));
    }

    #[test]
    fn what_is_missing_and_who_else_patches_is_named() {
        let facts = Facts::read(
            "missing flock\nmissing dd\npatcher unattended-upgrades\nshell /usr/bin/dash\n",
        );
        assert_eq!(facts.tools().what, "there is no `flock`, `dd`");
        assert_eq!(facts.patcher().state, State::Warning);
        assert_eq!(facts.shell().what, "`/bin/sh` is `/usr/bin/dash`");
        let clean = Facts::read("shell /usr/bin/dash\nversion 0.5.12-2\n");
        assert_eq!(
            states(&[clean.tools(), clean.patcher(), clean.shell()]),
            [State::Ok; 3]
        );
    }
}
