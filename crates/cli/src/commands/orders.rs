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
use ringway_runtime::inbox::Errand;
use ringway_runtime::is_observed;

use super::by_hand::handed;
use super::later;
use crate::args::{Adopt, FleetReason, Reasoned, When, Which};
use crate::exit::{End, Failure, Outcome};
use crate::follow::{Until, follow};
use crate::journal::{self, Past};
use crate::near::nearest;
use crate::out::Out;
use crate::session::{Answered, Beginning, Informant, Session};
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

/// How something is to be done.
#[derive(Clone, Copy)]
struct Terms {
    rollout: Option<RolloutId>,
    aim: Aim,
    when: When,
}

/// A command, with the file that it names.
type Given = (Command, Option<Vec<u8>>);

impl Order {
    const fn terms(&self) -> Terms {
        Terms {
            rollout: self.rollout,
            aim: self.aim,
            when: self.when,
        }
    }
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
    let terms = order.terms();
    give_all(out, data, informant, terms, vec![(order.command, file)]).await
}

/// The same of several commands, each said after the one before; the first that is refused ends it.
pub(super) async fn give_each(
    out: Out,
    data: &Path,
    informant: &Informant,
    order: Order,
    more: Vec<Command>,
) -> Outcome {
    let terms = order.terms();
    let commands = std::iter::once(order.command).chain(more);
    let commands = commands.map(|command| (command, None)).collect();
    give_all(out, data, informant, terms, commands).await
}

async fn give_all(
    out: Out,
    data: &Path,
    informant: &Informant,
    terms: Terms,
    commands: Vec<Given>,
) -> Outcome {
    let at_once = terms.when.now || (terms.aim != Aim::Hold && !terms.when.later);
    let Some(past) = informant.past() else {
        return carry_out(out, data, terms, commands).await;
    };
    if at_once {
        if is_under_way(past, terms) || changes(data, past, &commands).await? {
            return carry_out(out, data, terms, commands).await;
        }
        return so_already(out, informant, terms, &commands).await;
    }
    let mut left = Vec::new();
    for (command, file) in commands {
        let said = command.clone();
        if let Err(failure) = later::leave(out, data, past, (command, file), terms.rollout) {
            return Err(refused(data, failure, &said, &left).await);
        }
        left.push(said);
    }
    Ok(End::Done)
}

/// Whether a rollout was told to come to an end and has not: to say it again is to have it go on.
fn is_under_way(past: &Past, terms: Terms) -> bool {
    let view = past.view();
    let one = view.rollouts.iter();
    let mut one = one.filter(|one| Some(one.id) == terms.rollout);
    terms.aim == Aim::End && one.any(|one| !one.is_final)
}

/// Whether any of these commands would change something, up to the first that is refused.
async fn changes(data: &Path, past: &Past, commands: &[Given]) -> Result<bool, Failure> {
    for (command, file) in commands {
        match later::changes(data, past, (command, file.as_deref())) {
            Ok(false) => {}
            Ok(true) => return Ok(true),
            Err(failure) => return Err(refused(data, failure, command, &[]).await),
        }
    }
    Ok(false)
}

/// Nothing runs, and nothing that is said changes anything: nobody takes the fleet over for it.
async fn so_already(out: Out, informant: &Informant, terms: Terms, commands: &[Given]) -> Outcome {
    let accepted = Accepted {
        rollout: terms.rollout,
        changed: false,
    };
    for (command, _) in commands {
        out.value(&accepted, |accepted| show::came_of(command, accepted, None));
    }
    out.say("nothing runs here, and nothing was started for it; `ringway run --resume` goes on");
    let is_rollback = |(command, _): &Given| matches!(command, Command::Rollback { .. });
    if let (Some(rollout), true) = (terms.rollout, commands.iter().any(is_rollback)) {
        let hosts = informant.hosts(rollout, None).await?;
        return standing::not_taken_back(rollout, &hosts).map_or(Ok(End::Done), Err);
    }
    Ok(End::Done)
}

/// A refusal, with what was said before it, and with the host that may have been meant.
async fn refused(data: &Path, failure: Failure, said: &Command, before: &[Command]) -> Failure {
    let mut failure = failure;
    if !before.is_empty() {
        let words = before
            .iter()
            .map(|command| show::errand(&Errand::Command(command.clone())));
        let words: Vec<String> = words.collect();
        failure.why = format!("{}; said before that: {}", failure.why, words.join("; "));
    }
    let named = hosts_of(said);
    if named.is_empty() {
        return failure;
    }
    // Who may speak to a process need not be let at its journal: there is no guess then.
    let Ok(past) = journal::fold(data).await else {
        return failure;
    };
    let hosts = || past.engine.fleet().hosts.iter().map(|host| &*host.name);
    let mut unknown = named
        .iter()
        .filter(|name| !hosts().any(|host| host == **name));
    match unknown.next().and_then(|name| nearest(name, hosts())) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure,
    }
}

/// The hosts that a command names.
fn hosts_of(command: &Command) -> &[String] {
    if let Command::Hold { hosts, .. } | Command::Release { hosts, .. } = command {
        return hosts;
    }
    if let Command::Skip { host, .. }
    | Command::Retry { host, .. }
    | Command::Done { host, .. }
    | Command::Unprotect { host, .. }
    | Command::Comment {
        host: Some(host), ..
    } = command
    {
        return std::slice::from_ref(host);
    }
    &[]
}

async fn carry_out(out: Out, data: &Path, terms: Terms, commands: Vec<Given>) -> Outcome {
    let taken_back = commands
        .iter()
        .any(|(command, _)| matches!(command, Command::Rollback { .. }));
    let waited = later::waiting(data)?;
    let beginning = Beginning {
        bounds: terms.when.bounds,
        observe: is_observed(data),
    };
    let session = Session::open_or_start(data, beginning).await?;
    if session.is_here() {
        later::tell(out, data, waited).await;
    }
    let (mut about, mut before, mut changed) = (terms.rollout, Vec::new(), false);
    for (command, file) in commands {
        let said = command.clone();
        match say(out, &session, command, file).await {
            Ok(accepted) => {
                about = about.or(accepted.rollout);
                changed |= accepted.changed;
            }
            Err(failure) => {
                session.close().await;
                return Err(refused(data, failure, &said, &before).await);
            }
        }
        before.push(said);
    }
    if !session.is_here() || !(changed || terms.aim == Aim::End) {
        session.close().await;
        return Ok(End::Done);
    }
    out.say("nothing ran here, so this process goes on with it; Ctrl-C leaves it safely");
    let until = Until {
        rollout: about,
        or_a_person: true,
        taken_back,
    };
    let end = follow(out, session, until).await?;
    Ok(match (terms.aim, end) {
        // What was asked for is so: it rests, or is over the way that was meant.
        (Aim::Hold, End::Halted | End::Waiting | End::Ended | End::Done)
        | (Aim::End, End::Ended | End::Done) => End::Done,
        (_, end) => end,
    })
}

/// Says it to whoever decides, and tells what came of it.
async fn say(
    out: Out,
    session: &Session,
    command: Command,
    file: Option<Vec<u8>>,
) -> Result<Answered, Failure> {
    let said = command.clone();
    let accepted = match handed(command, file) {
        Ok(handed) => session.hand_in(handed).await?,
        Err(command) => session.command(command).await?,
    };
    // It is taken, whether or not anybody can tell any more how things stand.
    let view = session.view().await.ok();
    out.value(&accepted, |accepted| {
        show::came_of(&said, accepted, view.as_ref())
    });
    match (&said, &view) {
        (Command::ApproveUnpoison { number, .. }, Some(view)) => {
            out.say(&show::after_a_yes(&view.unpoisonings, *number));
        }
        (Command::Unpoison { id, .. }, Some(view)) => {
            out.say(&show::became_of(&view.unpoisonings, id));
        }
        _ => {}
    }
    Ok(accepted)
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
