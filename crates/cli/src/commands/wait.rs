//! `wait`: comes back when a rollout is as it was asked for, or can no longer be.
//!
//! It only looks. The process that decides is asked where there is one, the journal otherwise; a decider that goes away
//! meanwhile leaves the journal's last word.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ringway_engine::view::{ApprovalView, FleetView, RolloutView};
use ringway_model::RolloutId;

use super::orders::choose;
use crate::args::{Goal, Wait, Which};
use crate::exit::{End, Failure, Outcome};
use crate::follow::Interrupts;
use crate::near::nearest;
use crate::out::Out;
use crate::session::{Informant, Session};
use crate::standing::{self, Standing};

/// How soon is looked again after a decider went away.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often in a row a decider may be followed in vain. One that went away just then is not met twice; one that cannot
/// show its views will not learn it.
const IN_VAIN: u32 = 3;

/// `ringway wait`.
pub(crate) async fn wait(out: Out, data: &Path, args: &Wait) -> Outcome {
    let mut interrupts = Interrupts::listen()?;
    let bound = args
        .timeout
        .map(|span| Duration::from_millis(span.millis()));
    let elapsed = async {
        match bound {
            Some(bound) => tokio::time::sleep(bound).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        // What is so already is so, however short the time.
        biased;
        ended = until(out, data, args) => ended,
        () = interrupts.next() => Ok(End::Interrupted),
        () = elapsed => {
            out.say("the time is over, and it is not so yet; `ringway why` says what it waits for");
            Ok(End::TimedOut)
        }
    }
}

async fn until(out: Out, data: &Path, args: &Wait) -> Outcome {
    let which = Which {
        rollout: args.rollout,
    };
    let (mut informant, mut view) = Informant::look(data).await?;
    let rollout = choose(&view, which)?;
    check(rollout, &args.until)?;
    let id = rollout.id;
    let mut in_vain = 0;
    loop {
        if let Some(reached) = comes_to(&view, id, &args.until) {
            return Ok(told(out, &view, id, reached));
        }
        let Informant::Running(client) = informant else {
            return Err(Failure::new(
                End::Unavailable,
                format!("{id} is not there yet, and nothing runs here"),
            )
            .hint("`ringway run --resume` goes on with it"));
        };
        match watch(&Session::There(client), id, &args.until).await {
            Watched::Reached(view, reached) => return Ok(told(out, &view, id, reached)),
            Watched::WentAway => in_vain = 0,
            Watched::SaidNothing(failure) => {
                in_vain += 1;
                if in_vain == IN_VAIN {
                    return Err(failure);
                }
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
        // What it said last may not have reached us, and another may have taken its place.
        (informant, view) = Informant::look(data).await?;
    }
}

/// What came of looking at a decider's views.
enum Watched {
    /// It is so, or never will be.
    Reached(Arc<FleetView>, Reached),
    /// It was not so until the decider went away.
    WentAway,
    /// The decider showed nothing at all: it went away just then, or cannot.
    SaidNothing(Failure),
}

/// Looks at every change.
async fn watch(session: &Session, id: RolloutId, goal: &Goal) -> Watched {
    let mut views = match session.watch().await {
        Ok(views) => views,
        Err(failure) => return Watched::SaidNothing(failure),
    };
    let mut any = false;
    loop {
        match views.next().await {
            Ok(view) => {
                if let Some(reached) = comes_to(&view, id, goal) {
                    return Watched::Reached(view, reached);
                }
                any = true;
            }
            Err(_) if any => return Watched::WentAway,
            Err(failure) => return Watched::SaidNothing(failure),
        }
    }
}

/// A ring that there is not would be waited for in vain.
fn check(rollout: &RolloutView, goal: &Goal) -> Result<(), Failure> {
    let Goal::Promoted(wanted) = goal else {
        return Ok(());
    };
    let names = || rollout.rings.iter().map(|ring| ring.name.as_str());
    if names().any(|name| name == wanted) {
        return Ok(());
    }
    let hint = nearest(wanted, names()).map_or_else(
        || format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    let why = format!("{} has no ring `{wanted}`", rollout.id);
    Err(Failure::new(End::Refused, why).hint(hint))
}

/// How the wait ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// It is as it was asked for.
    Yes,
    /// It can no longer be, or only by a person.
    Never(End),
}

fn told(out: Out, view: &FleetView, id: RolloutId, reached: Reached) -> End {
    let state = view
        .rollouts
        .iter()
        .find(|one| one.id == id)
        .map_or("gone", |one| one.state.as_str());
    match reached {
        Reached::Yes => End::Done,
        Reached::Never(end) => {
            out.say(&format!("{id} is {state}: it will not come to that"));
            end
        }
    }
}

/// Whether somebody is asked now. Early, or with enough given, nobody is.
fn is_missing(wish: &ApprovalView) -> bool {
    wish.due && wish.by.len() < usize::from(wish.need)
}

/// What this view says of the goal; `None`: it may still come.
fn comes_to(view: &FleetView, id: RolloutId, goal: &Goal) -> Option<Reached> {
    let one = view.rollouts.iter().find(|one| one.id == id)?;
    let standing = standing::of(view, id)?;
    let is_taken_back = matches!(standing, Standing::Over(End::Ended));
    let is_so = match goal {
        Goal::Done => standing == Standing::Over(End::Done),
        // A ring whose hosts were taken back is behind nobody.
        Goal::Promoted(ring) => {
            !is_taken_back
                && one.state != "rolling back"
                && one
                    .rings
                    .iter()
                    .any(|r| r.name == *ring && r.phase == "promoted")
        }
        Goal::NeedsPerson => {
            view.stopped.is_some() && !one.is_final
                || matches!(one.state.as_str(), "halted" | "paused")
                || matches!(standing, Standing::Person(_) | Standing::Fault)
                || one.approval.as_ref().is_some_and(is_missing) && !one.is_final
        }
    };
    if is_so {
        return Some(Reached::Yes);
    }
    match standing {
        Standing::Fault => Some(Reached::Never(End::Fault)),
        // One that completed will need nobody any more, which is not what was asked for.
        Standing::Over(End::Done) => Some(Reached::Never(End::Refused)),
        Standing::Over(end) => Some(Reached::Never(end)),
        Standing::Person(End::Halted) => Some(Reached::Never(End::Halted)),
        // A yes, a `resume` or a `go` may come at any time.
        Standing::Person(_) | Standing::Going | Standing::Winding => None,
    }
}
