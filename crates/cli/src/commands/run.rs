//! `run`: carries a rollout out in the foreground, or hands it to the process that decides and follows.

use std::path::Path;

use ringway_engine::view::FleetView;
use ringway_model::{Digest, RolloutId};

use super::later;
use crate::args::Run;
use crate::documents::{self, Prepared};
use crate::exit::{End, Failure, Outcome};
use crate::follow::{Until, follow};
use crate::out::Out;
use crate::session::{Beginning, Informant, Session};
use crate::standing::{self, Standing};

/// `ringway run`.
pub(crate) async fn run(out: Out, data: &Path, args: Run) -> Outcome {
    // Documents first: nothing may be written where they are not valid.
    let prepared = if args.resume {
        None
    } else {
        Some(documents::prepare(out, &args.planned)?)
    };
    if args.resume && !data.join("lock").exists() {
        return Err(Failure::new(
            End::Unavailable,
            format!("nothing ran in `{}` yet", data.display()),
        )
        .hint("`ringway run` with documents starts a rollout"));
    }
    let waited = later::waiting(data)?;
    let beginning = Beginning {
        bounds: args.bounds,
        observe: args.observe,
    };
    let session = Session::open_or_start(data, beginning).await?;
    let (is_here, had_errands) = (session.is_here(), !waited.is_empty());
    if is_here {
        later::tell(out, data, waited).await;
    } else {
        out.say("another process decides here; the rollout is handed to it");
    }
    if args.observe {
        out.say("hosts are looked at, and nothing on them is changed");
    }
    let rollout = match prepared {
        Some(prepared) => propose(out, &session, prepared, args.key).await,
        None => newest(&session.view().await?, is_here && had_errands),
    };
    match rollout {
        Ok(rollout) => {
            out.say(&format!(
                "following {rollout}; `ringway status` shows it, Ctrl-C leaves it safely"
            ));
            let until = Until {
                rollout: Some(rollout),
                or_a_person: args.no_wait,
                taken_back: false,
            };
            match follow(out, session, until).await {
                Err(failure) if !is_here && failure.end == End::Unavailable => {
                    left_behind(data, rollout).await.ok_or(failure)
                }
                ended => ended,
            }
        }
        Err(failure) => {
            session.close().await;
            Err(failure)
        }
    }
}

/// How a rollout rests whose process has left while it was followed, as one with `--no-wait` does; `None` where it does
/// not rest, or nobody can tell.
async fn left_behind(data: &Path, rollout: RolloutId) -> Option<End> {
    let (_, view) = Informant::look(data).await.ok()?;
    match standing::of(&view, rollout)? {
        Standing::Person(end) | Standing::Over(end) => Some(end),
        Standing::Going | Standing::Winding | Standing::Fault => None,
    }
}

/// Proposes the rollout, unless just this one is going on already.
async fn propose(
    out: Out,
    session: &Session,
    prepared: Prepared,
    key: Option<String>,
) -> Result<RolloutId, Failure> {
    if key.is_none()
        && let Some(same) = already(&session.view().await?, &prepared.digest())
    {
        out.say(&format!(
            "{same} is this very plan and is not over: going on with it"
        ));
        return Ok(same);
    }
    let named = key.as_ref().map(|key| format!("`{key}`"));
    let accepted = session.propose(prepared.proposal(key)).await?;
    let rollout = accepted
        .rollout
        .ok_or_else(|| Failure::new(End::Fault, "the engine named no rollout"))?;
    if let Some(name) = named.filter(|_| !accepted.changed) {
        out.say(&format!(
            "{rollout} is there already as {name}: going on with it"
        ));
    }
    Ok(rollout)
}

fn already(view: &FleetView, plan: &Digest) -> Option<RolloutId> {
    view.rollouts
        .iter()
        .rev()
        .find(|one| !one.is_final && one.plan == *plan)
        .map(|one| one.id)
}

/// The rollout to go on with: the newest that is not over. Where orders from the inbox were carried out just now it may be
/// over by them, and is told of all the same.
fn newest(view: &FleetView, or_over: bool) -> Result<RolloutId, Failure> {
    let rollouts = || view.rollouts.iter().rev();
    rollouts()
        .find(|one| !one.is_final)
        .or_else(|| rollouts().next().filter(|_| or_over))
        .map(|one| one.id)
        .ok_or_else(|| {
            Failure::new(End::Refused, "no rollout is open")
                .hint("`ringway run` with documents starts one")
        })
}
