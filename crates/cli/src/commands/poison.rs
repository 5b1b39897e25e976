//! `ringway poison` and `ringway unpoison`: content that must not be installed any more, and what is poisoned now.

use std::path::Path;

use ringway_engine::view::PoisonView;
use ringway_engine::{Command, Poisoning};
use ringway_model::Content;

use super::orders::{Aim, Order, give};
use crate::args::{Poison, Unpoison};
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;
use crate::session::Informant;
use crate::show;

/// `ringway poison`.
pub(crate) async fn poison(out: Out, data: &Path, args: Poison) -> Outcome {
    if args.ids.is_empty() && args.rollout.is_none() {
        return list(out, data, &args).await;
    }
    if args.build.is_some() && args.ids.len() != 1 {
        return Err(Failure::new(End::Invalid, "a build is that of one id")
            .hint("`ringway poison KB5082142 --build 20348.5020 --reason WHY`"));
    }
    if args.reason.trim().is_empty() {
        return Err(
            Failure::new(End::Invalid, "a poisoning needs a reason").hint("say why: `--reason`")
        );
    }
    let Poison {
        ids,
        build,
        rollout,
        reason,
        when,
        observed: _,
    } = args;
    let what = if let Some(rollout) = rollout {
        Poisoning::Rollout {
            rollout,
            releases: ids,
        }
    } else {
        let content = |id: String| Content {
            id,
            build: build.clone(),
            digest: None,
        };
        Poisoning::Content {
            contents: ids.into_iter().map(content).collect(),
        }
    };
    let order = Order {
        command: Command::Poison { what, reason },
        rollout: None,
        aim: Aim::Hold,
        when,
    };
    let informant = Informant::find(data).await?;
    give(out, data, &informant, order).await
}

/// What is poisoned, and who has it.
async fn list(out: Out, data: &Path, args: &Poison) -> Outcome {
    if args.build.is_some() || !args.reason.is_empty() {
        return Err(
            Failure::new(End::Invalid, "nothing is named that is poisoned").hint(
                "`ringway poison ID --reason WHY`; without anything it lists what is poisoned",
            ),
        );
    }
    let (_, view) = Informant::look(data).await?;
    out.value(&view.poisons, |poisons| {
        if poisons.is_empty() {
            "nothing is poisoned".to_owned()
        } else {
            show::poisons(poisons) + &show::unpoisonings(&view.unpoisonings)
        }
    });
    Ok(End::Done)
}

/// `ringway unpoison`.
pub(crate) async fn unpoison(out: Out, data: &Path, args: Unpoison) -> Outcome {
    let (id, build) = (args.id.clone(), args.build.clone());
    let order = Order {
        command: Command::Unpoison {
            id: args.id,
            build: args.build,
            reason: args.reason,
        },
        rollout: None,
        aim: Aim::GoOn,
        when: args.when,
    };
    let informant = Informant::find(data).await?;
    let end = give(out, data, &informant, order).await?;
    // What a person said is one thing, and what an advisory asks for is another, which goes on.
    let (_, view) = Informant::look(data).await?;
    let is_it = |poison: &&PoisonView| {
        poison.content.id == id && (build.is_none() || poison.content.build == build)
    };
    let still = view.poisons.iter().filter(is_it);
    for advisory in still.filter_map(|poison| poison.advisory.as_ref()) {
        out.say(&format!(
            "note: advisory {advisory} poisons {id} as well, and still does: `ringway advisory withdraw {advisory}` takes that back"
        ));
    }
    Ok(end)
}
