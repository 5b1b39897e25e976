//! What a person types where something waits for a person: the commands that `WaitingOn::unblocked_by` speaks of.

use crate::ids::RolloutId;
use crate::waiting::WaitingOn;

impl WaitingOn {
    /// The commands that would end the wait, the likeliest first; empty where nobody has to type anything. `WHY` and `HOST` stand
    /// for what only the person knows.
    #[expect(
        clippy::too_many_lines,
        reason = "the table of what people type is read as one"
    )]
    pub fn commands(&self, rollout: Option<RolloutId>) -> Vec<String> {
        let about = |what: &str| {
            rollout.map_or_else(
                || format!("ringway {what}"),
                |id| format!("ringway {what} --rollout {id}"),
            )
        };
        let with_reason = |what: &str| format!("{} --reason WHY", about(what));
        match self {
            Self::Stop { .. } => vec!["ringway go".to_owned()],
            Self::Fault { .. } => vec![
                "ringway audit".to_owned(),
                "ringway go --reason WHY".to_owned(),
            ],
            Self::Pause { .. } => vec![about("resume")],
            Self::Halt { .. } | Self::HoldEnds => vec![
                with_reason("resume"),
                with_reason("rollback"),
                with_reason("cancel"),
            ],
            Self::Approval { .. } => vec![about("approve"), with_reason("reject")],
            Self::Debt { .. } => vec![with_reason("cancel")],
            Self::Dependency { failed: 1.., .. } => {
                vec![with_reason("rollback"), with_reason("cancel")]
            }
            Self::Ramp { frozen: true, .. } => {
                vec![with_reason("halt"), with_reason("resume")]
            }
            Self::HostHold { .. } => vec!["ringway release HOST".to_owned()],
            Self::Maintenance { .. } => vec!["ringway maintenance end HOST".to_owned()],
            Self::NobodyUpdated { .. } => vec![with_reason("retry HOST"), with_reason("cancel")],
            Self::NotReady { .. } | Self::CatchUp { .. } => vec![with_reason("retry HOST")],
            Self::AllLast { .. } => vec![with_reason("skip HOST")],
            Self::Exception { id, .. } => {
                vec![format!("ringway exception end {id} --reason WHY")]
            }
            Self::ByHand {
                host,
                evidence: true,
                ..
            } => vec![
                format!("ringway done {host} --evidence FILE"),
                format!("ringway done {host} --failed --reason WHY"),
            ],
            Self::ByHand {
                host,
                evidence: false,
                ..
            } => vec![
                format!("ringway done {host}"),
                format!("ringway done {host} --failed --reason WHY"),
            ],
            Self::Poisoned { content, .. } => vec![
                with_reason("cancel"),
                with_reason("skip HOST"),
                format!("ringway unpoison {} --reason WHY", content.id),
            ],
            Self::Unpoisoning { number, .. } => vec![
                format!("ringway approve --unpoison {number}"),
                format!("ringway reject --unpoison {number} --reason WHY"),
                with_reason("skip HOST"),
            ],
            Self::Superseded { by } => vec![format!("ringway status --rollout {by}")],
            Self::Withheld { rollout } => vec![
                format!("ringway resume --rollout {rollout} --reason WHY"),
                format!("ringway rollback --rollout {rollout} --reason WHY"),
                format!("ringway supersede {rollout} --with UPDATE --reason WHY"),
                with_reason("skip HOST"),
            ],
            Self::Evidence { stratum, .. } => vec![
                format!(
                    "{} --accept-untested '{stratum}' --reason WHY",
                    about("approve")
                ),
                with_reason("skip HOST"),
                with_reason("cancel"),
            ],
            Self::Advisory { id, .. } => {
                vec![format!("ringway advisory withdraw {id} --reason WHY")]
            }
            Self::EarlierRing { .. }
            | Self::Staging { .. }
            | Self::GoesLast { .. }
            | Self::NoPeer { .. }
            | Self::ApprovalHours { .. }
            | Self::ExternalGate { .. }
            | Self::Visits { .. }
            | Self::Soak { .. }
            | Self::Blind { .. }
            | Self::Gate { .. }
            | Self::Dependency { failed: 0, .. }
            | Self::Ramp { frozen: false, .. }
            | Self::Budget { .. }
            | Self::Peers { .. }
            | Self::PeerEvidence { .. }
            | Self::Impossible { .. }
            | Self::Busy { .. }
            | Self::Baseline { .. }
            | Self::UnhealthyBefore { .. }
            | Self::Offline { .. }
            | Self::Retry { .. }
            | Self::Settle { .. }
            | Self::NotUp { .. }
            | Self::Step { .. }
            | Self::Worker
            | Self::Window { .. }
            | Self::Freeze { .. }
            | Self::Calendar => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_person_says_what_the_person_types() {
        let halt = WaitingOn::Halt {
            cause: "1 failed".to_owned(),
        };
        assert_eq!(
            halt.commands(Some(RolloutId(3))),
            [
                "ringway resume --rollout r3 --reason WHY",
                "ringway rollback --rollout r3 --reason WHY",
                "ringway cancel --rollout r3 --reason WHY"
            ]
        );
        assert!(WaitingOn::Worker.commands(None).is_empty());
    }
}
