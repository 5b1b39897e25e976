//! `ringway poison` and `ringway unpoison`: content that must not be installed any more, and what is poisoned now.

use std::path::Path;

use ringway_engine::view::PoisonView;
use ringway_engine::{Command, Poisoning};
use ringway_model::Content;
use ringway_runtime::inbox::Errand;

use super::later;
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
    let named = if rollout.is_none() {
        ids.clone()
    } else {
        Vec::new()
    };
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
    let end = give(out, data, &informant, order).await?;
    tell_unknown(out, data, &named).await;
    Ok(end)
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
    let waits = later::waiting(data)?.into_iter();
    let waits = waits.filter_map(|one| one.errand.filter(is_of_poison));
    let waits: Vec<String> = waits
        .map(|errand| format!("in the inbox, and not so yet: {}", show::errand(&errand)))
        .collect();
    out.value(&view.poisons, |poisons| {
        let known = if !poisons.is_empty() {
            show::poisons(poisons) + &show::unpoisonings(&view.unpoisonings)
        } else if waits.is_empty() {
            "nothing is poisoned".to_owned()
        } else {
            String::new()
        };
        format!("{}\n{known}", waits.join("\n")).trim().to_owned()
    });
    Ok(End::Done)
}

/// Whether what waits is about what is poisoned.
const fn is_of_poison(errand: &Errand) -> bool {
    match errand {
        Errand::Command(command) => {
            matches!(command, Command::Poison { .. } | Command::Unpoison { .. })
        }
        Errand::Supersede(_) => true,
        Errand::Propose(_) | Errand::HandIn(_) | Errand::Refresh(_) => false,
    }
}

/// Whoever mistypes a name believes the fleet to be safe. Only a note: what was asked is done, whether or not anybody can look now.
async fn tell_unknown(out: Out, data: &Path, ids: &[String]) {
    let Ok((_, view)) = Informant::look(data).await else {
        return;
    };
    for id in ids {
        let mut of_it = view
            .poisons
            .iter()
            .filter(|one| one.content.id == *id)
            .peekable();
        if of_it.peek().is_some() && of_it.all(|one| one.has.is_empty() && one.kept == 0) {
            out.say(&format!(
                "note: no rollout here has installed {id} or is about to; it is refused where one is proposed"
            ));
        }
    }
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
