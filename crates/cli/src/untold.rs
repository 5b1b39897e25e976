//! What people were to be told and were not. Reads the outbox beside whoever decides.

use std::path::Path;

use ringway_executor::notices::Told;
use ringway_model::{ChangeId, RolloutId};
use ringway_store::{OpenError, Reader, SqliteReader};
use serde::Serialize;

use crate::exit::{End, Failure, chain};
use crate::session::cannot_open;
use crate::show;

/// Something that could not be told yet.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Untold {
    rule: String,
    topic: &'static str,
    rollout: Option<RolloutId>,
    change: Option<ChangeId>,
    /// Since when it is so.
    since: String,
    why: String,
    /// What the last attempt met.
    trouble: String,
    attempts: u32,
    /// Whether nobody tries any more.
    given_up: bool,
}

/// All of it, the oldest first; `None` where the journal is somebody else's and may not be read.
///
/// # Errors
///
/// Exit code 6: there is no journal. Exit code 7: it cannot be read.
pub(crate) async fn untold(data: &Path) -> Result<Option<Vec<Untold>>, Failure> {
    let Some(reader) = if_ours(SqliteReader::open_read_only(data).await)? else {
        return Ok(None);
    };
    let outbox = reader.outbox().await;
    let outbox = outbox.map_err(|e| Failure::new(End::Fault, chain(&e)))?;
    Ok(Some(outbox.into_iter().filter_map(of).collect()))
}

/// A journal that was opened. Whoever may only speak to the process that decides is let at none, and asks that process.
fn if_ours<R>(opened: Result<R, OpenError>) -> Result<Option<R>, Failure> {
    match opened {
        Err(OpenError::Private { .. }) => Ok(None),
        opened => opened.map(Some).map_err(|e| cannot_open(&e)),
    }
}

fn of(told: Told) -> Option<Untold> {
    let Told {
        opened,
        matter,
        so_far,
        ..
    } = told;
    Some(Untold {
        trouble: so_far.trouble?,
        rule: matter.rule,
        topic: matter.topic.word(),
        rollout: matter.rollout,
        change: matter.change,
        since: opened.to_string(),
        why: matter.why,
        attempts: so_far.failures + so_far.escalation_failures,
        given_up: so_far.given_up,
    })
}

impl Untold {
    /// `rule operators: r1 halted since ..: 127.0.0.1:9000: connection refused (3 attempts, tried again)`.
    pub(crate) fn words(&self) -> String {
        let rollout = self.rollout.map_or_else(String::new, |id| {
            show::named(id, self.change.as_ref()) + " "
        });
        let again = if self.given_up {
            "given up"
        } else {
            "tried again"
        };
        format!(
            "rule {}: {rollout}{} since {}: {} ({} attempts, {again})",
            self.rule, self.topic, self.since, self.trouble, self.attempts
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever may speak to the deciding process need not be one who may read its journal.
    #[test]
    fn a_journal_of_somebody_else_is_left_out_and_one_that_is_broken_is_told() {
        let private = OpenError::Private {
            path: "ringway.db".into(),
            owner: 0,
        };
        assert!(if_ours::<()>(Err(private)).unwrap().is_none());
        let broken = OpenError::NotADatabase {
            path: "ringway.db".into(),
        };
        assert_eq!(if_ours::<()>(Err(broken)).unwrap_err().end, End::Fault);
        assert!(if_ours(Ok(())).unwrap().is_some());
    }
}
