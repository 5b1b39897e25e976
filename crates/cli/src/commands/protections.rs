//! `protections` and `unprotect`: what recipes made of hosts before they changed them, until when it is kept, and its end before
//! that.

use std::collections::BTreeSet;
use std::path::Path;

use ringway_engine::Command;
use ringway_engine::view::ProtectionView;
use ringway_model::{RolloutId, Span};
use serde::Serialize;

use super::later;
use super::orders::{Aim, Order, give};
use crate::args::{Protections, Unprotect};
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;
use crate::session::Informant;
use crate::show;

/// One protection, with how long it is kept at least.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Listed {
    #[serde(flatten)]
    protection: ProtectionView,
    ends_in_ms: Span,
}

/// `ringway protections`.
pub(crate) async fn protections(out: Out, data: &Path, args: &Protections) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let found = informant.protections(args.host.as_deref()).await?;
    let now = view.at;
    let listed: Vec<Listed> = found
        .into_iter()
        .map(|protection| Listed {
            ends_in_ms: protection.until.since(now),
            protection,
        })
        .collect();
    out.value(&listed, |listed| {
        if listed.is_empty() {
            let of = args
                .host
                .as_ref()
                .map_or_else(|| "any host".to_owned(), |host| format!("`{host}`"));
            return format!("nothing that a rollout made of {of} is there");
        }
        let all = listed.iter().map(|one| &one.protection);
        show::protections(all, now)
    });
    if listed.is_empty()
        && let Some(host) = &args.host
        && informant.host(host).await?.is_empty()
    {
        out.say(&format!("note: no rollout has a host `{host}`"));
    }
    later::tell_of(out, data, |command| {
        matches!(
            command,
            Command::Unprotect { host, .. } | Command::Unprotected { host, .. }
                if args.host.as_ref().is_none_or(|one| one == host)
        )
    })?;
    Ok(End::Done)
}

/// `ringway unprotect`.
pub(crate) async fn unprotect(out: Out, data: &Path, args: Unprotect) -> Outcome {
    let Unprotect {
        host,
        rollout,
        all,
        done,
        reason,
        when,
        observed: _,
    } = args;
    let (informant, view) = Informant::look(data).await?;
    if rollout.is_none() && !all {
        one_rollout(&informant, &host).await?;
    }
    let command = if done {
        Command::Unprotected {
            host,
            rollout,
            reason,
        }
    } else {
        Command::Unprotect {
            host,
            rollout,
            reason,
        }
    };
    // Whoever wants a snapshot gone does not ask for the rest of the fleet to be updated.
    let is_open = view.rollouts.iter().any(|rollout| !rollout.is_final);
    let order = Order {
        command,
        rollout: None,
        aim: if is_open { Aim::Hold } else { Aim::GoOn },
        when,
    };
    give(out, data, &informant, order).await
}

/// Whoever means the last snapshot must not lose the one before it.
async fn one_rollout(informant: &Informant, host: &str) -> Result<(), Failure> {
    let found = informant.protections(Some(host)).await?;
    let rollouts: BTreeSet<RolloutId> = found.iter().map(|one| one.rollout).collect();
    if rollouts.len() < 2 {
        return Ok(());
    }
    let rollouts: Vec<String> = rollouts.iter().map(ToString::to_string).collect();
    let why = format!(
        "what several rollouts made of `{host}` is there: {}",
        rollouts.join(", ")
    );
    let hint = "name one of them with `--rollout`, or mean all with `--all`";
    Err(Failure::new(End::Refused, why).hint(hint))
}
