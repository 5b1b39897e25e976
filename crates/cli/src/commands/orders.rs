//! What people tell a rollout or the fleet to do.
//!
//! Where a process decides, it is told and this command is done. Where none does, it depends on what is asked for:
//!
//! | asked for | where nothing runs |
//! |---|---|
//! | that something stands still: `halt`, `pause`, `reject`, `stop` | it does already, so it is left in the inbox and done before anything can start |
//! | that something happens: `rollback`, `cancel`, `resume`, `approve`, `go`, `adopt` | this process takes the fleet over, does it, and stays until what follows from it is done |
//!
//! What is refused, or is so already, starts nothing.
//!
//! `--now` and `--later` ask for the other one.

use std::path::Path;

use ringway_engine::view::{FleetView, RolloutView};
use ringway_engine::{Accepted, Command};
use ringway_model::RolloutId;
use ringway_runtime::is_observed;

use super::by_hand::handed;
use super::later;
use crate::args::{Adopt, FleetReason, Reasoned, When, Which};
use crate::exit::{End, Failure, Outcome};
use crate::follow::{Until, follow};
use crate::journal::Past;
use crate::out::Out;
use crate::session::{Beginning, Informant, Session};
use crate::show;
use crate::standing;

/// What a command is for, and with that what it does where nothing runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// That something stands still. Carried out at once, it is done when nothing is in flight.
    Hold,
    /// That something comes to an end: it is done when that is so.
    End,
    /// That something goes on: it stays until the rollout is over, halted or up to a person, with the exit code of `run`.
    GoOn,
}

/// A command about one rollout.
pub(crate) async fn order(
    out: Out,
    data: &Path,
    args: Reasoned,
    aim: Aim,
    command: impl FnOnce(RolloutId, String) -> Command,
) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let rollout = choose(&view, args.which)?.id;
    let order = Order {
        command: command(rollout, args.reason),
        rollout: Some(rollout),
        aim,
        when: args.when,
    };
    give(out, data, &informant, order).await
}

/// A command about the fleet.
pub(crate) async fn fleet_order(
    out: Out,
    data: &Path,
    args: FleetReason,
    aim: Aim,
    command: impl FnOnce(String) -> Command,
) -> Outcome {
    let informant = Informant::find(data).await?;
    let order = Order {
        command: command(args.reason),
        rollout: None,
        aim,
        when: args.when,
    };
    give(out, data, &informant, order).await
}

/// `ringway adopt`.
pub(crate) async fn adopt(out: Out, data: &Path, args: Adopt) -> Outcome {
    let informant = Informant::find(data).await?;
    let order = Order {
        command: Command::Adopt {
            incarnation: args.incarnation,
            reason: args.reason,
        },
        rollout: None,
        aim: Aim::GoOn,
        when: args.when,
    };
    give(out, data, &informant, order).await
}

/// Something to be done.
pub(super) struct Order {
    pub(super) command: Command,
    /// The rollout it is about; none: the fleet.
    pub(super) rollout: Option<RolloutId>,
    pub(super) aim: Aim,
    pub(super) when: When,
}

pub(super) async fn give(out: Out, data: &Path, informant: &Informant, order: Order) -> Outcome {
    give_with(out, data, informant, order, None).await
}

/// The same, with the file that the command names.
pub(super) async fn give_with(
    out: Out,
    data: &Path,
    informant: &Informant,
    order: Order,
    file: Option<Vec<u8>>,
) -> Outcome {
    let at_once = order.when.now || (order.aim != Aim::Hold && !order.when.later);
    match informant.past() {
        Some(past) if !at_once => {
            later::leave(out, data, past, (order.command, file), order.rollout)
        }
        Some(past)
            if !is_under_way(past, &order)
                && !later::changes(data, past, (&order.command, file.as_deref()))? =>
        {
            so_already(out, informant, &order).await
        }
        Some(_) | None => carry_out(out, data, order, file).await,
    }
}

/// Whether a rollout was told to come to an end and has not: to say it again is to have it go on.
fn is_under_way(past: &Past, order: &Order) -> bool {
    let view = past.view();
    let one = view
        .rollouts
        .iter()
        .find(|one| Some(one.id) == order.rollout);
    order.aim == Aim::End && one.is_some_and(|one| !one.is_final)
}

/// Nothing runs, and the order changes nothing: nobody takes the fleet over for it.
async fn so_already(out: Out, informant: &Informant, order: &Order) -> Outcome {
    let accepted = Accepted {
        rollout: order.rollout,
        changed: false,
    };
    out.value(&accepted, words);
    out.say("nothing runs here, and nothing was started for it; `ringway run --resume` goes on");
    if let (Command::Rollback { .. }, Some(rollout)) = (&order.command, order.rollout) {
        let hosts = informant.hosts(rollout, None).await?;
        return standing::not_taken_back(rollout, &hosts).map_or(Ok(End::Done), Err);
    }
    Ok(End::Done)
}

async fn carry_out(out: Out, data: &Path, order: Order, file: Option<Vec<u8>>) -> Outcome {
    let taken_back = matches!(order.command, Command::Rollback { .. });
    let (mut unpoisons, mut agreed) = (None, None);
    if let Command::Unpoison { id, .. } = &order.command {
        unpoisons = Some(id.clone());
    }
    if let Command::ApproveUnpoison { number, .. } = &order.command {
        agreed = Some(*number);
    }
    let waited = later::waiting(data)?;
    let beginning = Beginning {
        bounds: order.when.bounds,
        observe: is_observed(data),
    };
    let session = Session::open_or_start(data, beginning).await?;
    if session.is_here() {
        later::tell(out, data, waited).await;
    }
    let answered = match handed(order.command, file) {
        Ok(handed) => session.hand_in(handed).await,
        Err(command) => session.command(command).await,
    };
    let accepted = match answered {
        Ok(accepted) => accepted,
        Err(failure) => {
            session.close().await;
            return Err(failure);
        }
    };
    out.value(&accepted, words);
    if let Some(number) = agreed {
        let view = session.view().await?;
        out.say(&show::after_a_yes(&view.unpoisonings, number));
    }
    if let Some(id) = unpoisons {
        let view = session.view().await?;
        out.say(&show::became_of(&view.unpoisonings, &id));
    }
    if !session.is_here() || !(accepted.changed || order.aim == Aim::End) {
        session.close().await;
        return Ok(End::Done);
    }
    out.say("nothing ran here, so this process goes on with it; Ctrl-C leaves it safely");
    let until = Until {
        rollout: order.rollout.or(accepted.rollout),
        or_a_person: true,
        taken_back,
    };
    let end = follow(out, session, until).await?;
    Ok(match (order.aim, end) {
        // What was asked for is so: it rests, or is over the way that was meant.
        (Aim::Hold, End::Halted | End::Waiting | End::Ended | End::Done)
        | (Aim::End, End::Ended | End::Done) => End::Done,
        (_, end) => end,
    })
}

fn words(accepted: &Accepted) -> String {
    let what = accepted
        .rollout
        .map_or_else(|| "the fleet".to_owned(), |id| id.to_string());
    if accepted.changed {
        format!("{what}: done")
    } else {
        format!("{what}: it was so already")
    }
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
