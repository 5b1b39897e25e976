//! `run`: carries a rollout out in the foreground, or hands it to the process that decides and follows.

use std::path::Path;
use std::time::Instant;

use ringway_engine::view::{FleetView, RolloutView};
use ringway_model::{ChangeId, Digest, RolloutId};
use ringway_scheduler::Plan;

use super::{advisories, exceptions, later, refresh};
use crate::args::Run;
use crate::documents::{self, Prepared};
use crate::exit::{End, Failure, Outcome};
use crate::follow::{Until, follow};
use crate::journal;
use crate::out::Out;
use crate::saved;
use crate::session::{Beginning, CHANGES_WITHIN, Informant, LOOK_EVERY, Session, is_ending};
use crate::show;
use crate::standing::{self, Standing};

/// What a caller says of the rollout besides its documents.
#[derive(Clone)]
struct Named {
    key: Option<String>,
    change: Option<ChangeId>,
    /// Why it hurries.
    reason: Option<String>,
}

/// A reason is said for a lane; without one a lane leaves freezes as they are.
fn check_reason(out: Out, prepared: &Prepared, reason: Option<&str>) -> Result<(), Failure> {
    match (&prepared.plan.lane, reason) {
        (None, Some(_)) => {
            let failure = Failure::new(End::Refused, "a reason is said for a lane");
            Err(failure.hint("name it with `--lane`, or leave `--reason` out"))
        }
        (Some(_), Some(reason)) if reason.trim().is_empty() => {
            Err(Failure::new(End::Refused, "the reason is empty"))
        }
        (Some(lane), None) if lane.overrides_freezes => {
            out.say(&format!(
                "note: without a `--reason` freezes hold in lane `{}` too",
                lane.name
            ));
            Ok(())
        }
        (Some(_) | None, _) => Ok(()),
    }
}

/// `ringway run`.
#[expect(clippy::too_many_lines, reason = "it is read as one list")]
pub(crate) async fn run(out: Out, data: &Path, args: Run) -> Outcome {
    // Documents first: nothing may be written where they are not valid.
    let prepared = if args.resume {
        None
    } else {
        Some(match &args.plan {
            Some(file) => saved::prepare(out, file)?,
            None => documents::prepare(out, &args.planned)?,
        })
    };
    if args.resume && !args.planned.documents.paths.is_empty() {
        let why = "`--resume` proposes nothing: it goes on with what the data directory holds";
        return Err(Failure::new(End::Invalid, why)
            .hint("leave the documents out, or `--resume`; `--data` says which directory"));
    }
    if args.resume && !data.join("lock").exists() {
        return Err(Failure::new(
            End::Unavailable,
            format!("nothing ran in `{}` yet", data.display()),
        )
        .hint("`ringway run` with documents starts a rollout"));
    }
    if let Some(prepared) = &prepared {
        check_reason(out, prepared, args.reason.as_deref())?;
    }
    let waited = later::waiting(data)?;
    let beginning = Beginning {
        bounds: args.bounds,
        observe: args.observe,
    };
    let mut session = Session::open_or_start(data, beginning).await?;
    let (mut is_here, had_errands) = (session.is_here(), !waited.is_empty());
    if is_here {
        later::tell(out, data, waited).await;
    } else {
        out.say("another process decides here; the rollout is handed to it");
    }
    if args.observe {
        out.say("hosts are looked at, and nothing on them is changed");
    }
    let prepared = prepared.map(|prepared| as_observed(out, args.observe, prepared));
    let rollout = if let Some(prepared) = prepared {
        let reviewed = args.plan.as_deref();
        let named = Named {
            key: args.key,
            change: args.change,
            reason: args.reason,
        };
        let asked = Instant::now();
        let mut proposed = (prepared, named);
        loop {
            // Asked again is only another process, and the documents of a large fleet are not copied for nothing.
            let again = (!is_here).then(|| proposed.clone());
            let (prepared, named) = proposed;
            match begin(out, data, &session, (prepared, reviewed), named).await {
                // It was not carried out; whoever decides next is asked, and this process where nobody does.
                Err(failure)
                    if is_ending(&failure)
                        && asked.elapsed() < CHANGES_WITHIN
                        && let Some(again) = again =>
                {
                    proposed = again;
                    session.close().await;
                    tokio::time::sleep(LOOK_EVERY).await;
                    session = Session::open_or_start(data, beginning).await?;
                    is_here = session.is_here();
                }
                begun => break begun,
            }
        }
    } else {
        let view = session.view().await?;
        let newest = newest(&view, is_here && had_errands);
        if newest.is_err() && view.protections.moving > 0 {
            return remove(out, session).await;
        }
        newest
    };
    match rollout {
        Ok(rollout) => {
            // Only for its words: the process that decides may leave just now, and following it says how the rollout rests.
            let view = session.view().await.ok();
            let mut all = view.iter().flat_map(|view| &view.rollouts);
            let one = all.find(|one| one.id == rollout);
            let change = one.and_then(|one| one.change.as_ref());
            out.say(&format!(
                "following {}; `ringway status` shows it, Ctrl-C leaves it safely",
                show::named(rollout, change)
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

/// Nothing goes on but what was made of hosts, and is not kept any longer: stays until that is removed.
async fn remove(out: Out, session: Session) -> Outcome {
    out.say(
        "no rollout is open; what hosts were protected by, and is not kept any longer, is removed",
    );
    let until = Until {
        rollout: None,
        or_a_person: true,
        taken_back: false,
    };
    follow(out, session, until).await
}

/// Where it is only observed, nobody is asked to work by hand.
fn as_observed(out: Out, observe: bool, mut prepared: Prepared) -> Prepared {
    if observe && let Some(plan) = prepared.plan.observed() {
        out.say("work by hand counts as done: nobody is asked");
        prepared.plan = std::sync::Arc::new(plan);
    }
    prepared
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

/// Proposes the rollout, unless just this one is going on already. Where others run over the same fleet, it is their fleet
/// that it runs over, as it is now.
async fn begin(
    out: Out,
    data: &Path,
    session: &Session,
    (mut prepared, reviewed): (Prepared, Option<&Path>),
    named: Named,
) -> Result<RolloutId, Failure> {
    exceptions::bring(out, session, &prepared.read.documents).await?;
    advisories::bring(out, session, &prepared.read.documents).await?;
    let past = journal::fold(data).await?;
    let open = past.engine.open();
    let is_known = past.engine.fleet_digest() == Some(prepared.fleet.digest());
    if open.is_empty() || is_known || past.engine.fleet().name != prepared.fleet.name {
        return propose(out, session, prepared, named).await;
    }
    if let Some(file) = reviewed {
        // Over the fleet that the others run over it would be another plan, which nobody has seen.
        let ids: Vec<String> = open.iter().map(|open| open.rollout.to_string()).collect();
        let why = format!(
            "{} in flight over another fleet than plan {} of `{}` is for: it would not be the plan that was reviewed",
            ids.join(", "),
            prepared.digest().short(),
            file.display()
        );
        return Err(Failure::new(End::Refused, why).hint(
            "run it when they are over; or `ringway refresh`, and `ringway run` with the documents, which plans anew",
        ));
    }
    let (fleet, changes) = refresh::take_in(data, session, &prepared.read).await?;
    let said = refresh::words(&changes);
    said.lines().for_each(|line| out.say(line));
    let same = open.iter().find(|open| is_same(&open.plan, &prepared.plan));
    if let Some(same) = same.filter(|_| named.key.is_none()) {
        let view = session.view().await?;
        let same = view.rollouts.iter().find(|one| one.id == same.rollout);
        let same = same.ok_or_else(|| Failure::new(End::Fault, "a rollout is there no more"))?;
        return going_on(out, same, named.change.as_ref());
    }
    prepared.plan_over(fleet)?;
    let prepared = as_observed(out, ringway_runtime::is_observed(data), prepared);
    propose(out, session, prepared, named).await
}

/// Whether two plans are of the same documents, the fleet's aside, and of one seed.
fn is_same(one: &Plan, other: &Plan) -> bool {
    let of_fleet = |name: &str| name.starts_with("fleet/");
    let documents = other.documents.iter();
    let lane = |plan: &Plan| plan.lane.as_ref().map(|lane| lane.name.clone());
    (one.seed, &one.policy, &one.update) == (other.seed, &other.policy, &other.update)
        && lane(one) == lane(other)
        && documents
            .filter(|(name, _)| !of_fleet(name))
            .all(|(name, digest)| one.documents.get(name) == Some(digest))
}

/// Proposes the rollout, unless just this one is going on already.
async fn propose(
    out: Out,
    session: &Session,
    prepared: Prepared,
    named: Named,
) -> Result<RolloutId, Failure> {
    let Named {
        key,
        change,
        reason,
    } = named;
    let plan = prepared.digest();
    if key.is_none()
        && let Some(same) = already(&session.view().await?, &plan)
    {
        return going_on(out, &same, change.as_ref());
    }
    let named = key.as_ref().map(|key| format!("`{key}`"));
    let accepted = session
        .propose(prepared.proposal(key, change, reason))
        .await?;
    let rollout = accepted
        .rollout
        .ok_or_else(|| Failure::new(End::Fault, "the engine named no rollout"))?;
    if let Some(name) = named.filter(|_| !accepted.changed) {
        out.say(&format!(
            "{rollout} is there already as {name}: going on with it"
        ));
        let view = session.view().await.ok();
        let mut all = view.iter().flat_map(|view| &view.rollouts);
        let one = all.find(|one| one.id == rollout);
        if one.is_some_and(|one| one.plan != plan) {
            out.say(&format!(
                "note: {rollout} has another plan than these documents give now; another rollout needs another key"
            ));
        }
    }
    Ok(rollout)
}

/// The rollout that is there already and is this very plan, unless it is asked for by another ticket.
fn going_on(out: Out, same: &RolloutView, change: Option<&ChangeId>) -> Result<RolloutId, Failure> {
    let id = same.id;
    if let Some(wanted) = change.filter(|wanted| same.change.as_ref() != Some(wanted)) {
        let own = same.change.as_ref().map_or_else(
            || "has no change".to_owned(),
            |own| format!("has change {own}"),
        );
        let why = format!("{id} is this very plan, is not over, and {own}, not {wanted}");
        return Err(Failure::new(End::Refused, why).hint(
            "`ringway run` without `--change` goes on with it; with a `--key` of its own it is another rollout",
        ));
    }
    out.say(&format!(
        "{id} is this very plan and is not over: going on with it"
    ));
    Ok(id)
}

fn already(view: &FleetView, plan: &Digest) -> Option<RolloutView> {
    view.rollouts
        .iter()
        .rev()
        .find(|one| !one.is_final && one.plan == *plan)
        .cloned()
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
