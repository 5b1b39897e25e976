//! Commands for a fleet that nobody decides over now: looked at against the journal, and left in the inbox.
//!
//! What cannot fit is refused at once, by the engine itself on a copy of the state; what is left is decided again, and
//! answered, by whoever takes the fleet over.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ringway_engine::view::FleetView;
use ringway_engine::{Command, Engine, Handled, Input};
use ringway_executor::port::Supersession;
use ringway_model::RolloutId;
use ringway_runtime::inbox::{self, Became, Errand, LeaveError, Waits};
use ringway_runtime::{Answer, Handed};
use serde::Serialize;

use super::by_hand::handed;
use crate::clock;
use crate::exit::{End, Failure, Outcome, chain};
use crate::journal::Past;
use crate::out::Out;
use crate::session::{self, Informant, me, refused};
use crate::show;
use ringway_scheduler::Plan;

/// How long is waited for the answers to commands that are given before anything else: they are there, or were not
/// decided for a reason that will be heard of elsewhere.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A command that was left.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Kept {
    /// The rollout it is about; absent for the whole fleet.
    rollout: Option<RolloutId>,
    /// Whether it was left; not where it is so already.
    left: bool,
    /// The name of its file in the inbox.
    name: Option<String>,
}

/// Leaves a command, unless it cannot fit or it is so already.
pub(super) fn leave(
    out: Out,
    data: &Path,
    past: &Past,
    (command, file): (Command, Option<Vec<u8>>),
    rollout: Option<RolloutId>,
) -> Outcome {
    let mut engine = foreseen(data, past)?;
    let errand = match handed(command, file) {
        Ok(handed) => Errand::HandIn(Handed::pack(&handed)),
        Err(command) => Errand::Command(command),
    };
    let changes = foresee(&mut engine, errand.clone())?;
    let name = if changes {
        session::make(data)?;
        let left = inbox::leave(data, &errand).map_err(|e| not_left(&e))?;
        Some(left.name)
    } else {
        None
    };
    let kept = Kept {
        rollout,
        left: changes,
        name,
    };
    let view = past.view();
    let is_new = view.fleet.is_none();
    out.value(&kept, |_| words(data, rollout, (changes, is_new)));
    if changes && let Some(halfway) = halfway(&view, rollout) {
        out.say(&halfway);
    }
    Ok(End::Done)
}

/// The state once everything that waits is done, as far as it fits: whether it does is for its own answer to say.
pub(super) fn foreseen(data: &Path, past: &Past) -> Result<Engine, Failure> {
    let mut engine = past.engine.clone();
    for one in waiting(data)? {
        drop(one.errand.map(|errand| foresee(&mut engine, errand)));
    }
    Ok(engine)
}

/// The fleet as it will be once everything that waits is done, which is before anything else that is said; what waits is told.
pub(super) fn view_then(
    out: Out,
    data: &Path,
    informant: &Informant,
    view: FleetView,
) -> Result<FleetView, Failure> {
    let Some(past) = informant.past() else {
        return Ok(view);
    };
    let waiting = waiting(data)?;
    if waiting.is_empty() {
        return Ok(view);
    }
    for errand in waiting.iter().filter_map(|one| one.errand.as_ref()) {
        let said = show::errand(errand);
        out.say(&format!("in the inbox, and counted in: {said}"));
    }
    let then = foreseen(data, past)?.view(clock::now());
    Ok(FleetView {
        observing: view.observing,
        ..then
    })
}

/// Whether an order changes anything, given now by a process that first does what waits; where it does not, nobody has to take
/// the fleet over for it.
///
/// # Errors
///
/// Exit code 1: it does not fit.
pub(super) fn changes(
    data: &Path,
    past: &Past,
    (command, file): (&Command, Option<&[u8]>),
) -> Result<bool, Failure> {
    let errand = || {
        let handed = handed(command.clone(), file.map(<[u8]>::to_vec));
        match handed {
            Ok(handed) => Errand::HandIn(Handed::pack(&handed)),
            Err(command) => Errand::Command(command),
        }
    };
    if foresee(&mut foreseen(data, past)?, errand())? {
        return Ok(true);
    }
    // It may be what waits that makes it so.
    let by_itself = foresee(&mut past.engine.clone(), errand());
    Ok(by_itself.unwrap_or(true) && !waiting(data)?.is_empty())
}

/// What the engine says to something that waits, on a copy of the state; nothing of a new rollout, which needs more than that.
///
/// # Errors
///
/// Exit code 1: it does not fit.
pub(super) fn foresee(engine: &mut Engine, errand: Errand) -> Result<bool, Failure> {
    match errand {
        Errand::Command(command) => decided(engine, command),
        Errand::HandIn(handed) => {
            let handed = handed.unpack();
            let handed = handed.map_err(|e| Failure::new(End::Refused, chain(&e)))?;
            if let Command::Expedite { plan, .. } = &handed.command
                && let Ok(of) = Plan::decode(&handed.bytes)
            {
                engine.provide_plan(*plan, Arc::new(of));
            }
            decided(engine, handed.command)
        }
        Errand::Refresh(renewal) => {
            let refresh = renewal.unpack();
            let refresh = refresh.map_err(|e| Failure::new(End::Refused, chain(&e)))?;
            let fleet = refresh.fleet.digest();
            engine.provide_fleet(fleet, refresh.fleet);
            let plans = refresh.plans.into_iter().map(|(rollout, plan)| {
                let digest = plan.digest();
                engine.provide_plan(digest, plan);
                (rollout, digest)
            });
            let plans = plans.collect();
            decided(engine, Command::Refresh { fleet, plans })
        }
        Errand::Supersede(superseding) => {
            let supersession = superseding.unpack();
            let supersession = supersession.map_err(|e| Failure::new(End::Refused, chain(&e)))?;
            let Supersession {
                rollout,
                proposal,
                poison,
                reason,
            } = supersession;
            let (fleet, plan) = (proposal.fleet.digest(), proposal.plan.digest());
            engine.provide_fleet(fleet, proposal.fleet);
            engine.provide_plan(plan, proposal.plan);
            let command = Command::Supersede {
                rollout,
                fleet,
                plan,
                key: proposal.key,
                change: proposal.change,
                poison,
                reason,
            };
            decided(engine, command)
        }
        Errand::Propose(_) => Ok(false),
    }
}

/// What the engine says to the command, on a copy of the state: whether it changes anything, or why it does not fit.
fn decided(engine: &mut Engine, command: Command) -> Result<bool, Failure> {
    let input = Input::Command {
        actor: me(),
        command,
    };
    match engine.handle(clock::now(), &input, &mut Vec::new()) {
        Handled::Accepted(accepted) => Ok(accepted.changed),
        Handled::Rejected(rejected) => Err(refused(&rejected)),
    }
}

fn words(data: &Path, rollout: Option<RolloutId>, (changes, is_new): (bool, bool)) -> String {
    let what = rollout.map_or_else(|| "the fleet".to_owned(), |id| id.to_string());
    if changes {
        let data = data.display();
        if is_new {
            format!(
                "{what}: nothing ran on `{data}` yet; this is done first when it runs (`ringway run`)"
            )
        } else {
            format!(
                "{what}: nothing runs on `{data}` now; this is done first when it runs next (`ringway run --resume`)"
            )
        }
    } else {
        format!("{what}: it was so already")
    }
}

/// Hosts that were begun and that nobody brings to an end: what a person must know who thinks that all is at rest.
fn halfway(view: &FleetView, rollout: Option<RolloutId>) -> Option<String> {
    let count: u32 = view
        .rollouts
        .iter()
        .filter(|one| rollout.is_none_or(|id| one.id == id))
        .flat_map(|one| &one.rings)
        .map(|ring| ring.visiting)
        .sum();
    (count > 0).then(|| {
        format!(
            "note: {} in the middle of a visit, maybe out of service; `--now` brings them to an end and back into service",
            if count == 1 {
                "1 host is".to_owned()
            } else {
                format!("{} are", show::hosts(count))
            }
        )
    })
}

pub(super) fn not_left(error: &LeaveError) -> Failure {
    let failure = Failure::new(End::Refused, format!("failed to {}", chain(error)));
    match error {
        LeaveError::NotOurs { .. } => failure.hint(
            "only its owner can leave commands there; the file STOP in it stops the fleet, whoever can write it",
        ),
        LeaveError::Nothing { .. } | LeaveError::Io { .. } => failure,
    }
}

/// Commands that wait in the inbox. There is none where there is no inbox.
pub(crate) fn waiting(data: &Path) -> Result<Vec<Waits>, Failure> {
    seen(inbox::waiting(data))
}

/// Says what waits and would change what was just listed.
pub(super) fn tell_of(
    out: Out,
    data: &Path,
    is_about: impl Fn(&Command) -> bool,
) -> Result<(), Failure> {
    for one in waiting(data)? {
        let command = match &one.errand {
            Some(Errand::Command(command)) => command,
            Some(Errand::HandIn(handed)) => &handed.command,
            Some(Errand::Propose(_) | Errand::Refresh(_) | Errand::Supersede(_)) | None => continue,
        };
        if is_about(command) {
            let said = one.errand.as_ref().map(show::errand).unwrap_or_default();
            out.say(&format!("in the inbox, and not so yet: {said}"));
        }
    }
    Ok(())
}

/// What waits, for whoever may see it. To others it is none of theirs: they speak to the process that decides.
fn seen(waiting: io::Result<Vec<Waits>>) -> Result<Vec<Waits>, Failure> {
    match waiting {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Vec::new()),
        waiting => waiting
            .map_err(|e| Failure::new(End::Refused, format!("the inbox cannot be read: {e}"))),
    }
}

/// Says what became of commands that waited, as they are decided.
pub(super) async fn tell(out: Out, data: &Path, waited: Vec<Waits>) {
    let begun = tokio::time::Instant::now();
    for one in waited {
        let asked = one
            .errand
            .as_ref()
            .map_or_else(|| format!("`{}`", one.name), show::errand);
        loop {
            if let Some(became) = inbox::became(data, &one.name) {
                out.say(&format!("from the inbox: {asked}: {}", answer(&became)));
                break;
            }
            if begun.elapsed() > ANSWERED_WITHIN {
                out.say(&format!("from the inbox: {asked}: not decided yet"));
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn answer(became: &Became) -> String {
    let done = match became {
        Became::Rejected(why) => return format!("put aside: {why}"),
        Became::Done(done) => done,
    };
    let by = &done.actor;
    match &done.answer {
        Answer::Accepted(accepted) if accepted.changed => format!("done, for {by}"),
        Answer::Accepted(_) => format!("it was so already, for {by}"),
        Answer::Rejected(rejected) => format!("refused, to {by}: {}", rejected.why),
        Answer::Pong { .. }
        | Answer::View(_)
        | Answer::Hosts(_)
        | Answer::Protections(_)
        | Answer::Waiting(_)
        | Answer::Ending
        | Answer::NotUnderstood { .. } => format!("answered, to {by}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever may speak to the deciding process need not be the one whose inbox it is.
    #[test]
    fn an_inbox_of_somebody_else_has_nothing_for_us_and_a_broken_one_is_told() {
        let of = |kind: io::ErrorKind| seen(Err(io::Error::from(kind)));
        assert!(of(io::ErrorKind::PermissionDenied).unwrap().is_empty());
        assert_eq!(
            of(io::ErrorKind::InvalidData).unwrap_err().end,
            End::Refused
        );
    }
}
