//! `expedite`: lets a rollout into a lane of its policy, or back to what the policy says for everybody.
//!
//! The plan in the lane is computed here, from the documents the rollout was planned with and from what the journal says is
//! so now; whether it fits, and who must say yes to it, is the decider's to say.

use std::path::Path;

use ringway_engine::Command;
use ringway_scheduler::{Plan, relane};

use super::orders::{Aim, Order, give_with};
use crate::args::Expedite;
use crate::documents;
use crate::exit::{End, Failure, Outcome};
use crate::journal;
use crate::out::Out;
use crate::session::Informant;

/// `ringway expedite`.
pub(crate) async fn expedite(out: Out, data: &Path, args: Expedite) -> Outcome {
    let read = documents::read(out, &args.documents.paths)?;
    let informant = Informant::find(data).await?;
    let past = journal::fold(data).await?;
    let engine = &past.engine;
    let mut open = engine.open().into_iter();
    let Some(open) = open.find(|open| open.rollout == args.rollout) else {
        let why = format!("there is no rollout {}, or it is over", args.rollout);
        return Err(Failure::new(End::Refused, why).hint("`ringway status` lists them"));
    };
    let lane = args.lane.as_deref();
    let plan = relane(&open.plan, engine.fleet(), &read.documents, lane)
        .map_err(|e| Failure::new(End::Invalid, e))?;
    ringway_runtime::zones_of_plan(&plan).map_err(|e| Failure::new(End::Invalid, e))?;
    for line in changes(&open.plan, &plan, open.begun) {
        out.say(&line);
    }
    let (digest, bytes) = plan.encode();
    let order = Order {
        command: Command::Expedite {
            rollout: args.rollout,
            plan: digest,
            reason: args.reason,
        },
        rollout: Some(args.rollout),
        aim: Aim::GoOn,
        when: args.when,
    };
    give_with(out, data, &informant, order, Some(bytes)).await
}

/// What the plan changes, in lines; of the rings that are open or to come.
fn changes(before: &Plan, after: &Plan, begun: usize) -> Vec<String> {
    let name = |plan: &Plan| plan.lane.as_ref().map(|lane| lane.name.clone());
    let mut lines = Vec::new();
    let rings = before.rings.iter().zip(&after.rings);
    for (was, is) in rings.skip(begun.saturating_sub(1)) {
        if was.soak != is.soak {
            lines.push(format!("{}: soak {} -> {}", was.name, was.soak, is.soak));
        }
    }
    if before.times != after.times {
        let words = if after.lane.is_some() {
            "windows: only those that are binding for everybody count"
        } else {
            "windows: they count again"
        };
        lines.push(words.to_owned());
    }
    if let Some(lane) = after.lane.as_ref().filter(|lane| lane.overrides_freezes) {
        lines.push(format!(
            "freezes: lane `{}` works in those that are not binding, for the reason given",
            lane.name
        ));
    }
    if let (Some(start), Some(lane)) = (&after.start, name(after))
        && name(before).as_ref() != Some(&lane)
    {
        let by = if start.by.is_empty() {
            String::new()
        } else {
            format!(" of {}", start.by.join(" or "))
        };
        lines.push(format!(
            "it enters lane `{lane}` with {}{by}: `ringway approve`",
            if start.needed == 1 {
                "1 person's yes".to_owned()
            } else {
                format!("the yes of {} people", start.needed)
            }
        ));
    }
    lines
}
