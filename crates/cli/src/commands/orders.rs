//! What people tell a rollout or the fleet to do.
//!
//! Where a process decides, it is told and this command is done. Where none does, this process takes the fleet over,
//! does what was asked, and stays until what follows from it is done: a `rollback` until the hosts are back, a `resume`
//! until the rollout is over or up to a person, a `pause` until nothing is in flight.

use std::path::Path;

use ringway_engine::Command;
use ringway_engine::view::{ApprovalView, FleetView, RolloutView};
use ringway_model::RolloutId;

use crate::args::{Approve, FleetReason, Reasoned, Which};
use crate::exit::{End, Failure, Outcome};
use crate::follow::{Until, follow};
use crate::out::Out;
use crate::session::{Informant, Session};
use crate::show;

/// How far a command that started the engine stays with what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// Until nothing is in flight; then what was asked for is so.
    Rest,
    /// Until the rollout is over, halted or up to a person, whose exit code is that of `run`.
    On,
}

/// A command about one rollout.
pub(crate) async fn order(
    out: Out,
    data: &Path,
    args: Reasoned,
    stay: Stay,
    command: impl FnOnce(RolloutId, String) -> Command,
) -> Outcome {
    let informant = Informant::find(data).await?;
    let rollout = choose(&informant.view().await?, args.which)?.id;
    give(
        out,
        data,
        command(rollout, args.reason),
        Some(rollout),
        stay,
    )
    .await
}

/// A command about the fleet.
pub(crate) async fn fleet_order(
    out: Out,
    data: &Path,
    args: FleetReason,
    stay: Stay,
    command: impl FnOnce(String) -> Command,
) -> Outcome {
    give(out, data, command(args.reason), None, stay).await
}

/// `ringway approve`.
pub(crate) async fn approve(out: Out, data: &Path, args: Approve) -> Outcome {
    let informant = Informant::find(data).await?;
    let view = informant.view().await?;
    let rollout = choose(&view, args.which)?;
    let Some(wanted) = &rollout.approval else {
        let why = format!("{} asks for no approval now", rollout.id);
        return Err(Failure::new(End::Refused, why).hint("`ringway why` says what it waits for"));
    };
    out.say(&format!(
        "{} {} by policy {}",
        rollout.id, rollout.update, rollout.policy
    ));
    out.say(show::approval(wanted).trim_end());
    let digest = match args.digest {
        Some(digest) => digest,
        None => confirmed(out, wanted, args.yes)?,
    };
    let command = Command::Approve {
        rollout: rollout.id,
        subject: wanted.subject,
        digest,
    };
    give(out, data, command, Some(rollout.id), Stay::On).await
}

fn confirmed(out: Out, wanted: &ApprovalView, yes: bool) -> Result<ringway_model::Digest, Failure> {
    if yes || (out.can_ask() && out.confirm("Approve exactly this?")) {
        return Ok(wanted.digest);
    }
    let why = if out.can_ask() {
        "nothing was approved"
    } else {
        "nobody is at the terminal to confirm it"
    };
    Err(Failure::new(End::Refused, why).hint(format!(
        "`--yes` approves without asking, `--digest {}` only exactly this",
        wanted.digest
    )))
}

async fn give(
    out: Out,
    data: &Path,
    command: Command,
    rollout: Option<RolloutId>,
    stay: Stay,
) -> Outcome {
    let session = Session::open_or_start(data).await?;
    let accepted = match session.command(command).await {
        Ok(accepted) => accepted,
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    out.value(&accepted, |accepted| {
        let what = accepted
            .rollout
            .map_or_else(|| "the fleet".to_owned(), |id| id.to_string());
        if accepted.changed {
            format!("{what}: done")
        } else {
            format!("{what}: it was so already")
        }
    });
    if !session.is_here() {
        return Ok(End::Done);
    }
    out.say("nothing ran here, so this process goes on with it; Ctrl-C leaves it safely");
    let end = follow(
        out,
        session,
        Until {
            rollout,
            or_a_person: true,
        },
    )
    .await?;
    Ok(match (stay, end) {
        // What was asked for is so: it rests, or is over the way that was meant.
        (Stay::Rest, End::Halted | End::Waiting | End::Ended | End::Done) => End::Done,
        (_, end) => end,
    })
}

/// The rollout that is meant: the one that was named, or the only one that is not over.
pub(crate) fn choose(view: &FleetView, which: Which) -> Result<&RolloutView, Failure> {
    let find = |id: RolloutId| view.rollouts.iter().find(|one| one.id == id);
    if let Some(id) = which.rollout {
        return find(id)
            .ok_or_else(|| Failure::new(End::Refused, format!("there is no rollout {id}")));
    }
    let open: Vec<&RolloutView> = view.rollouts.iter().filter(|one| !one.is_final).collect();
    match open.as_slice() {
        [only] => Ok(only),
        // Commands about what is over are for the engine to refuse, in its own words.
        [] => view.rollouts.last().ok_or_else(|| {
            Failure::new(End::Refused, "there is no rollout").hint("`ringway run` starts one")
        }),
        several => {
            let ids = several
                .iter()
                .map(|one| one.id.to_string())
                .collect::<Vec<_>>()
                .join(", ");
            Err(
                Failure::new(End::Refused, format!("several rollouts are open: {ids}"))
                    .hint("say which with `--rollout`"),
            )
        }
    }
}
