//! What a decider's answers, and its silence, mean for a command: a value, or a failure with its exit code.

use std::path::Path;

use ringway_engine::Rejected;
use ringway_engine::view::HostView;
use ringway_executor::port::Ended;
use ringway_runtime::{Answer, Gone, Over, Unreachable};
use ringway_store::OpenError;

use super::Answered;
use crate::exit::{End, Failure, chain};

pub(super) fn answered(
    answer: Result<Result<Answered, Rejected>, Gone>,
) -> Result<Answered, Failure> {
    answer.map_err(gone)?.map_err(|r| refused(&r))
}

pub(super) fn given(answer: Result<Answer, Unreachable>) -> Result<Answered, Failure> {
    let answer = answer.map_err(unreachable)?;
    match answer {
        Answer::Accepted(accepted) => Ok(accepted),
        Answer::Rejected(rejected) => Err(refused(&rejected)),
        Answer::Ending => Err(odd(&answer).hint("say it again: it is carried out once")),
        Answer::Pong { .. }
        | Answer::View(_)
        | Answer::Hosts(_)
        | Answer::Protections(_)
        | Answer::Waiting(_)
        | Answer::NotUnderstood { .. } => Err(odd(&answer)),
    }
}

pub(super) fn hosts(answer: Result<Answer, Unreachable>) -> Result<Vec<HostView>, Failure> {
    let answer = answer.map_err(unreachable)?;
    if let Answer::Hosts(hosts) = answer {
        Ok(hosts)
    } else {
        Err(odd(&answer))
    }
}

pub(crate) fn refused(rejected: &Rejected) -> Failure {
    Failure {
        end: End::Refused,
        why: format!("{} ({})", rejected.why, rejected.code),
        hint: rejected.hint.clone(),
    }
}

pub(super) fn gone(_: Gone) -> Failure {
    Failure::new(End::Fault, "the decider has ended")
}

/// Nobody answered: what would help depends on why.
pub(super) fn unreachable(error: Unreachable) -> Failure {
    let hint = match &error {
        Unreachable::Nobody { .. } => "it ended just now; say it again".to_owned(),
        Unreachable::NotAllowed { data } => format!(
            "its owner lets a group in with `chgrp GROUP {0} && chmod 0710 {0}` before the deciding process starts",
            data.display()
        ),
        Unreachable::Silent { pid, .. } => format!(
            "`kill -CONT {pid}` wakes one that is stopped; after `kill {pid}` the next one finds its steps again"
        ),
        Unreachable::Broken { .. } => {
            "`ringway status` says how things stand; what is said twice is done once".to_owned()
        }
    };
    Failure::new(End::Unavailable, error).hint(hint)
}

const ENDING: &str = "the deciding process is ending";

/// Whether something was not carried out because the process that was asked is ending.
pub(crate) fn is_ending(failure: &Failure) -> bool {
    failure.end == End::Unavailable && failure.why == ENDING
}

pub(super) fn odd(answer: &Answer) -> Failure {
    let why = match answer {
        Answer::NotUnderstood { why } => format!("the deciding process did not understand: {why}"),
        Answer::Ending => ENDING.to_owned(),
        Answer::Pong { .. }
        | Answer::Accepted(_)
        | Answer::Rejected(_)
        | Answer::View(_)
        | Answer::Hosts(_)
        | Answer::Protections(_)
        | Answer::Waiting(_) => "the deciding process answered another question".to_owned(),
    };
    Failure::new(End::Unavailable, why)
        .hint("both sides must be of one version; `ringway --version` says which")
}

pub(super) fn silent(data: &Path) -> Failure {
    let why = format!(
        "another process holds `{}` and does not answer",
        data.display()
    );
    Failure::new(End::Unavailable, why).hint(format!(
        "its process id is in `{}`",
        data.join("lock").display()
    ))
}

/// A data directory that cannot be used, with the exit code it means.
pub(crate) fn cannot_open(error: &OpenError) -> Failure {
    let end = match error {
        OpenError::Held { .. } | OpenError::Missing { .. } => End::Unavailable,
        OpenError::NotADatabase { .. } | OpenError::NewerSchema { .. } => End::Fault,
        OpenError::NotADirectory { .. }
        | OpenError::WrongOwner { .. }
        | OpenError::Private { .. }
        | OpenError::ReadOnly { .. }
        | OpenError::DiskFull { .. }
        | OpenError::Io { .. }
        | OpenError::Database { .. } => End::Refused,
    };
    Failure {
        end,
        why: format!("failed to {}", chain(error)),
        hint: error.hint().map(str::to_owned),
    }
}

pub(super) fn over(over: &Over) -> Failure {
    match over {
        Over::Shutdown => Failure::new(End::Fault, "the decider stopped by itself"),
        Over::Ended(ended @ Ended::Fenced) => Failure::new(End::Unavailable, ended),
        Over::Ended(ended @ Ended::Corrupt(_)) => {
            Failure::new(End::Fault, ended).hint("`ringway audit` says where; nothing was changed")
        }
    }
}
