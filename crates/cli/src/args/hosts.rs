//! Arguments of the commands about single hosts.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use ringway_model::{RolloutId, Span, Timestamp};

use super::rollout::{Observed, When, Which};

/// Hosts of a rollout.
#[derive(Debug, Args)]
pub(crate) struct TheseHosts {
    /// The hosts; each is said on its own, and the first that is refused ends it
    #[arg(value_name = "HOST", required = true)]
    pub(crate) hosts: Vec<String>,
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) which: Which,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// Hosts of the fleet.
#[derive(Clone, Debug, Args)]
pub(crate) struct SomeHosts {
    /// Hosts by name
    #[arg(value_name = "HOST", required_unless_present = "select")]
    pub(crate) hosts: Vec<String>,
    /// Hosts that this selector matches; may be given several times
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) select: Vec<String>,
}

/// Hosts that are not to be touched.
#[derive(Debug, Args)]
pub(crate) struct Hold {
    /// Which hosts.
    #[command(flatten)]
    pub(crate) hosts: SomeHosts,
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) reason: String,
    /// When it ends by itself: an instant (`2026-12-01T06:00:00Z`) or a span from now (`4h`) [default: when somebody ends it]
    #[arg(long, value_name = "INSTANT|SPAN")]
    pub(crate) until: Option<Until>,
    /// In place of what was said of a host before and lasts longer
    #[arg(long)]
    pub(crate) replace: bool,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// Hosts that may be touched again.
#[derive(Debug, Args)]
pub(crate) struct Release {
    /// Which hosts.
    #[command(flatten)]
    pub(crate) hosts: SomeHosts,
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// Somebody else's work on hosts.
#[derive(Debug, Args)]
pub(crate) struct Maintenance {
    /// What about it.
    #[command(subcommand)]
    pub(crate) what: AboutMaintenance,
}

/// Announced work.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file: a `maintenance/v1` document, or an iCalendar file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Of an iCalendar file: on which hosts its events are
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) hosts: Option<String>,
    /// Of an iCalendar file: the time zone of days and times that name none
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// How far ahead it is told what will begin of the events of iCalendar files
    #[arg(long, value_name = "SPAN", default_value = "30d")]
    pub(crate) within: Span,
    /// Of an iCalendar file: by which name its words are known to later imports [default: the file's name]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// What is said about somebody else's work.
#[derive(Debug, Subcommand)]
pub(crate) enum AboutMaintenance {
    /// Declare it: these hosts count as down and are left alone
    Add(Hold),
    /// Say that it is over
    End(Release),
    /// Declare what others have announced in a document; run again, it changes only what has changed
    Import(Import),
    /// List what is declared
    List(Observed),
}

impl AboutMaintenance {
    /// Whether it is about what is observed.
    pub(crate) const fn observes(&self) -> bool {
        match self {
            Self::Add(args) => args.observed.observe,
            Self::End(args) => args.observed.observe,
            Self::Import(args) => args.observed.observe,
            Self::List(args) => args.observe,
        }
    }
}

/// Hosts that are left out.
#[derive(Debug, Args)]
pub(crate) struct Exceptions {
    /// What about them.
    #[command(subcommand)]
    pub(crate) what: AboutExceptions,
}

/// Exceptions in documents.
#[derive(Debug, Args)]
pub(crate) struct AddException {
    /// Files with `exception/v1` documents; the fleet's file too where one ends on a day, which is a day of its zone
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// An exception that ends before its time.
#[derive(Debug, Args)]
pub(crate) struct EndException {
    /// Its id, as `ringway exception list` shows it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Why; it is journaled with your name
    #[arg(long, short, value_name = "TEXT")]
    pub(crate) reason: String,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// What is done about exceptions.
#[derive(Debug, Subcommand)]
pub(crate) enum AboutExceptions {
    /// List those that are in force, with their hosts and when they end
    List(Observed),
    /// Put those of documents in force, each in place of the one of its id
    Add(AddException),
    /// End one before its time: its hosts are visited after all
    End(EndException),
}

impl AboutExceptions {
    /// Whether it is about what is observed.
    pub(crate) const fn observes(&self) -> bool {
        match self {
            Self::List(args) => args.observe,
            Self::Add(args) => args.observed.observe,
            Self::End(args) => args.observed.observe,
        }
    }
}

/// How work by hand has ended.
#[derive(Debug, Args)]
pub(crate) struct Done {
    /// The host
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    /// A file that shows that it is done: a photograph, a log, a report; at most 1 MiB, kept beside the journal
    #[arg(long, value_name = "FILE", conflicts_with_all = ["failed", "untouched"])]
    pub(crate) evidence: Option<PathBuf>,
    /// It failed, or was given up when it had begun: the host counts as failed
    #[arg(long)]
    pub(crate) failed: bool,
    /// It was never begun, and the host is as it was; only while the host or its rollout is held
    #[arg(long, conflicts_with = "failed")]
    pub(crate) untouched: bool,
    /// What was done, or why it was not; it is journaled with your name
    #[arg(long, short, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Which rollout [default: the one in which somebody is to work on the host]
    #[arg(long, value_name = "ID")]
    pub(crate) rollout: Option<RolloutId>,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
}

/// A file that was handed in as evidence.
#[derive(Debug, Args)]
pub(crate) struct EvidenceOf {
    /// Its digest, or the beginning of it, as `ringway why` and `ringway journal` show it
    #[arg(value_name = "DIGEST")]
    pub(crate) digest: String,
    /// Where to write it [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
}

/// Something to be written down.
#[derive(Debug, Args)]
pub(crate) struct Comment {
    /// What
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    /// The host it is about
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Option<String>,
    /// Which rollout.
    #[command(flatten)]
    pub(crate) which: Which,
    /// When, where nothing runs.
    #[command(flatten)]
    pub(crate) when: When,
    /// Which journal.
    #[command(flatten)]
    pub(crate) observed: Observed,
}

/// An instant, or a span from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// That instant.
    At(Timestamp),
    /// So long after now.
    After(Span),
}

impl Until {
    /// As an instant.
    pub(crate) fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::After(span) => now + span,
        }
    }
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(span) = text.parse() {
            return Ok(Self::After(span));
        }
        let at: jiff::Timestamp = text.parse().map_err(|_| {
            "neither a span such as `4h` nor an instant such as `2026-12-01T06:00:00Z`".to_owned()
        })?;
        Ok(Self::At(Timestamp(at.as_millisecond())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_an_instant_or_a_span() {
        let now = Timestamp(1_000);
        let end = |text: &str| text.parse::<Until>().map(|until| until.from(now).0);
        assert_eq!(end("2s"), Ok(3_000));
        assert_eq!(end("1970-01-01T00:00:09Z"), Ok(9_000));
        assert_eq!(end("1970-01-01T02:00:09+02:00"), Ok(9_000));
        for text in ["", "tomorrow", "06:00", "2026-12-01"] {
            assert!(end(text).is_err(), "{text}");
        }
    }
}
