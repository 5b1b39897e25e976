//! What can happen to one host, as its history has it.

use ringway_engine::HostState;
use ringway_model::RolloutId;
use serde::Serialize;

use crate::show;

/// What can happen to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    VisitBegan,
    AttemptFailed,
    Installed,
    Updated,
    Already,
    RestartWithheld,
    Failed,
    Unhealthy,
    RolledBack,
    RollbackFailed,
    Offline,
    UnhealthyBefore,
    Lost,
    OnHold,
    Vanished,
    Skipped,
    Retried,
    Held,
    Released,
    Restarted,
    Commented,
    AskedByHand,
    ToldByHand,
    Staged,
    NotStaged,
    Excepted,
    ExceptionEnded,
    CatchUp,
    ChangedOutside,
    Superseded,
    Advised,
    AdvisoryRuled,
    Protected,
    ProtectionEnds,
    ProtectionRemoved,
    ProtectionKept,
    ProtectionGone,
}

/// An entry without what is the same for all.
pub(super) struct Bare {
    pub(super) what: What,
    pub(super) words: String,
    pub(super) rollout: Option<RolloutId>,
    pub(super) by: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) said: Option<String>,
}

impl Bare {
    pub(super) const fn new(what: What, words: String, rollout: Option<RolloutId>) -> Self {
        Self {
            what,
            words,
            rollout,
            by: None,
            reason: None,
            said: None,
        }
    }

    pub(super) fn by(mut self, actor: Option<&ringway_model::Actor>, reason: &str) -> Self {
        self.by = actor.map(|actor| actor.0.clone());
        self.reason = (!reason.is_empty()).then(|| reason.to_owned());
        self
    }
}

/// What it means that a host is in this state now; nothing for what is only on the way.
pub(super) fn stood(to: HostState, rollout: RolloutId) -> Option<Bare> {
    let what = match to {
        HostState::Settling => What::Installed,
        HostState::Updated => What::Updated,
        HostState::Already => What::Already,
        HostState::RestartWithheld => What::RestartWithheld,
        HostState::Failed { .. } => What::Failed,
        HostState::Unhealthy { .. } => What::Unhealthy,
        HostState::RolledBack => What::RolledBack,
        HostState::RollbackFailed { .. } => What::RollbackFailed,
        HostState::Offline => What::Offline,
        HostState::Held => What::UnhealthyBefore,
        HostState::Lost => What::Lost,
        HostState::OnHold => What::OnHold,
        HostState::Vanished => What::Vanished,
        HostState::Excepted => What::Excepted,
        HostState::CatchUp => What::CatchUp,
        HostState::Pending
        | HostState::ByHand { .. }
        | HostState::Running { .. }
        | HostState::Ready { .. }
        | HostState::Backoff { .. }
        | HostState::Skipped
        | HostState::ChangedOutside
        | HostState::NotReady { .. }
        | HostState::GoesLast { .. }
        | HostState::Again => return None,
    };
    let words = if to == HostState::Settling {
        "installed, settling".to_owned()
    } else {
        show::host_state(to)
    };
    Some(Bare::new(what, words, Some(rollout)))
}
