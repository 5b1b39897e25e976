//! What was asked for while nothing ran, in words. Pure.

use ringway_engine::{Command, Poisoning, Subject};
use ringway_runtime::inbox::Errand;

/// A command as somebody would say it: `halt r1: logins are slow`.
pub(crate) fn errand(errand: &Errand) -> String {
    match errand {
        Errand::Propose(_) => "a new rollout".to_owned(),
        Errand::Command(command) => said(command),
        Errand::HandIn(handed) => said(&handed.command),
        Errand::Refresh(_) => "take the fleet as it is now".to_owned(),
        Errand::Supersede(superseding) => {
            format!("supersede {}: {}", superseding.rollout, superseding.reason)
        }
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each command")]
fn said(command: &Command) -> String {
    let (what, reason) = match command {
        Command::Propose { .. } => ("a new rollout".to_owned(), ""),
        Command::ProposeAs { change, .. } => (format!("a new rollout for {change}"), ""),
        Command::ProposeIn { change, reason, .. } => (
            match change {
                Some(change) => format!("a new rollout for {change}, in a lane"),
                None => "a new rollout, in a lane".to_owned(),
            },
            reason.as_str(),
        ),
        Command::Expedite {
            rollout, reason, ..
        } => (
            format!("let {rollout} go on in another lane, or in none"),
            reason.as_str(),
        ),
        Command::Refresh { .. } => ("take the fleet as it is now".to_owned(), ""),
        Command::Approve {
            rollout, subject, ..
        } => {
            let what = match subject {
                Subject::Start => "its start",
                Subject::Promotion { .. } => "going on",
                Subject::Early { .. } => "an early end of its soak",
                Subject::Lane => "a lane",
            };
            (format!("approve {rollout}, {what}"), "")
        }
        Command::PromoteEarly {
            rollout, reason, ..
        } => (format!("end the soak of {rollout} early"), reason.as_str()),
        Command::Ask { rollout, text, .. } => (format!("ask about {rollout}"), text.as_str()),
        Command::Answer {
            rollout,
            number,
            text,
        } => (
            format!("answer question {number} about {rollout}"),
            text.as_str(),
        ),
        Command::Reject { rollout, reason } => (format!("reject {rollout}"), reason.as_str()),
        Command::Pause { rollout, reason } => (format!("pause {rollout}"), reason.as_str()),
        Command::Resume { rollout, reason } => (format!("resume {rollout}"), reason.as_str()),
        Command::Halt { rollout, reason } => (format!("halt {rollout}"), reason.as_str()),
        Command::Cancel { rollout, reason } => (format!("cancel {rollout}"), reason.as_str()),
        Command::Rollback { rollout, reason } => (format!("roll back {rollout}"), reason.as_str()),
        Command::Stop { reason } => ("stop the fleet".to_owned(), reason.as_str()),
        Command::Go { reason } => ("let the fleet go on".to_owned(), reason.as_str()),
        Command::Adopt {
            incarnation,
            reason,
        } => (
            format!("take over the hosts of database {incarnation}"),
            reason.as_str(),
        ),
        Command::Skip {
            rollout,
            host,
            reason,
        } => (format!("leave {host} out of {rollout}"), reason.as_str()),
        Command::Retry {
            rollout,
            host,
            reason,
        } => (format!("visit {host} again in {rollout}"), reason.as_str()),
        Command::Hold {
            hosts,
            kind,
            reason,
            ..
        } => (
            format!("{}: not to touch {}", kind.word(), several(hosts)),
            reason.as_str(),
        ),
        Command::Release {
            hosts,
            kind,
            reason,
        } => (
            format!("end the {} of {}", kind.word(), several(hosts)),
            reason.as_str(),
        ),
        Command::Done {
            host, told, reason, ..
        } => (
            format!("work by hand on {host}: {}", told.words()),
            reason.as_str(),
        ),
        Command::Except { exceptions } => {
            let ids: Vec<&str> = exceptions.iter().map(|one| one.id.as_str()).collect();
            (format!("leave hosts out by {}", ids.join(", ")), "")
        }
        Command::EndException { id, reason } => (format!("end exception {id}"), reason.as_str()),
        Command::Unprotect { host, reason, .. } => (
            format!("remove what {host} is protected by"),
            reason.as_str(),
        ),
        Command::Unprotected { host, reason, .. } => (
            format!("what {host} was protected by is gone"),
            reason.as_str(),
        ),
        Command::OverrideFreeze {
            rollout,
            freeze,
            reason,
            until,
        } => (
            format!("let {rollout} work in freeze {freeze} until {until}"),
            reason.as_str(),
        ),
        Command::AcceptUntested {
            rollout,
            stratum,
            reason,
        } => (
            format!("let {rollout} go on with `{stratum}` untested"),
            reason.as_str(),
        ),
        Command::Poison { what, reason } => (
            match what {
                Poisoning::Content { contents } => {
                    let ids: Vec<String> = contents.iter().map(ToString::to_string).collect();
                    format!("poison {}", ids.join(", "))
                }
                Poisoning::Rollout { rollout, releases } if releases.is_empty() => {
                    format!("poison what {rollout} installs")
                }
                Poisoning::Rollout { rollout, releases } => {
                    format!("poison {} of {rollout}", releases.join(", "))
                }
            },
            reason.as_str(),
        ),
        Command::Unpoison { id, build, reason } => (
            match build {
                Some(build) => format!("let {id} (build {build}) be installed again"),
                None => format!("let {id} be installed again"),
            },
            reason.as_str(),
        ),
        Command::ApproveUnpoison { number, .. } => {
            (format!("approve taking back poisoning no. {number}"), "")
        }
        Command::RejectUnpoison { number, reason } => (
            format!("reject taking back poisoning no. {number}"),
            reason.as_str(),
        ),
        Command::Supersede {
            rollout, reason, ..
        } => (format!("supersede {rollout}"), reason.as_str()),
        Command::Advise { advisories } => {
            let ids: Vec<&str> = advisories.iter().map(|one| one.id.as_str()).collect();
            (format!("heed advisories {}", ids.join(", ")), "")
        }
        Command::RuleAdvisory { id, ruling, reason } => {
            (format!("{} advisory {id}", ruling.word()), reason.as_str())
        }
        Command::Comment { rollout, text, .. } => (format!("note on {rollout}"), text.as_str()),
    };
    if reason.is_empty() {
        what
    } else {
        format!("{what}: {reason}")
    }
}

/// `web-1`, or `12 hosts`.
fn several(hosts: &[String]) -> String {
    match hosts {
        [one] => one.clone(),
        several => format!("{} hosts", several.len()),
    }
}

#[cfg(test)]
mod tests {
    use ringway_model::RolloutId;

    use super::*;

    #[test]
    fn a_command_is_told_with_its_reason() {
        let rollout = RolloutId(3);
        for (command, words) in [
            (
                Command::Halt {
                    rollout,
                    reason: "slow logins".to_owned(),
                },
                "halt r3: slow logins",
            ),
            (
                Command::Stop {
                    reason: String::new(),
                },
                "stop the fleet",
            ),
        ] {
            assert_eq!(errand(&Errand::Command(command)), words);
        }
    }
}
