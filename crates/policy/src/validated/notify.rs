//! Who is told what unasked, as validated.

use std::collections::BTreeSet;

use ringway_model::{Digest, Span};
use serde::{Deserialize, Serialize};

use super::Command;

/// A notify document; without rules where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// Digest of the document as written.
    pub digest: Digest,
    /// Rules with different names.
    pub rules: Vec<NotifyRule>,
}

/// Who is told what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyRule {
    /// Its name.
    pub name: String,
    /// What is told; not empty.
    pub when: BTreeSet<Topic>,
    /// Who is told.
    pub to: NotifyTo,
    /// What comes within this time after the first is told with it.
    pub group: Span,
    /// How often what is still open is told again.
    pub remind: Option<Span>,
    /// Who else is told what is still open.
    pub escalate: Option<Escalate>,
}

/// Who else is told, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalate {
    /// How long after it began.
    pub after: Span,
    /// Who.
    pub to: NotifyTo,
}

/// How somebody is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotifyTo {
    /// By a command where Ringway runs, with the message on its standard input.
    Run(Command),
    /// By a post.
    Webhook {
        /// An `http` URL without a login.
        url: String,
        /// The file with the secret that signs the post.
        secret_file: Option<String>,
    },
    /// By a post that is encrypted, to a server that shows who it is.
    Secure {
        /// An `https` URL without a login.
        url: String,
        /// The file with the secret that signs the post.
        secret_file: Option<String>,
        /// The file with a header that goes with the post.
        header_file: Option<String>,
        /// The file with the authorities that may vouch for the server; those of the machine where absent.
        ca: Option<String>,
    },
}

/// What can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Nothing but a person's yes is missing.
    ApprovalNeeded,
    /// A rollout halted.
    Halted,
    /// A rollout rests.
    Paused,
    /// The fleet is stopped.
    Stopped,
    /// The engine stopped itself.
    Fault,
    /// Hosts failed.
    Failed,
    /// A ring was promoted.
    Promoted,
    /// A rollout is completed.
    Completed,
    /// A rollout was cancelled or rolled back.
    Ended,
    /// A rollout will miss its due date, or has missed it.
    Overdue,
    /// Somebody asked something, and nobody has answered.
    Question,
    /// An advisory waits for somebody to accept or dismiss it, or keeps hosts from an update.
    Advisory,
}

impl Topic {
    /// Whether it goes on until it is over; any other is told once.
    pub const fn stays_open(self) -> bool {
        match self {
            Self::ApprovalNeeded
            | Self::Halted
            | Self::Paused
            | Self::Stopped
            | Self::Fault
            | Self::Overdue
            | Self::Question
            | Self::Advisory => true,
            Self::Failed | Self::Promoted | Self::Completed | Self::Ended => false,
        }
    }

    /// Its word, as documents have it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ApprovalNeeded => "approval-needed",
            Self::Halted => "halted",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Fault => "fault",
            Self::Failed => "failed",
            Self::Promoted => "promoted",
            Self::Completed => "completed",
            Self::Ended => "ended",
            Self::Overdue => "overdue",
            Self::Question => "question",
            Self::Advisory => "advisory",
        }
    }

    /// Whether it is news only once, however often it is over and so again: what is estimated may waver.
    pub const fn is_news_once(self) -> bool {
        match self {
            Self::Overdue => true,
            Self::ApprovalNeeded
            | Self::Halted
            | Self::Paused
            | Self::Stopped
            | Self::Fault
            | Self::Failed
            | Self::Promoted
            | Self::Completed
            | Self::Ended
            | Self::Question
            | Self::Advisory => false,
        }
    }
}
