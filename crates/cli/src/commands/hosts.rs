//! What people say of single hosts: `skip`, `retry`, `hold`, `release`, `maintenance` and `comment`.
//!
//! Which hosts a selector means is looked up here, once, in the fleet that the journal knows: what is journaled are names,
//! so that nobody is held later by a label that changed.

use std::path::Path;

use ringway_engine::view::{FleetView, HoldView};
use ringway_engine::{Command, HoldKind};
use ringway_model::Timestamp;

use super::announced::import;
use super::later;
use super::orders::{Aim, Order, choose, give, give_each};
use crate::args::{AboutMaintenance, Comment, Hold, Release, SomeHosts, TheseHosts};
use crate::asking;
use crate::clock;
use crate::exit::{End, Failure, Outcome};
use crate::journal;
use crate::out::Out;
use crate::session::Informant;
use crate::show;

/// `ringway skip`.
pub(crate) async fn skip(out: Out, data: &Path, args: TheseHosts) -> Outcome {
    each(out, data, args, Aim::Hold, |rollout, host, reason| {
        Command::Skip {
            rollout,
            host,
            reason,
        }
    })
    .await
}

/// `ringway retry`.
pub(crate) async fn retry(out: Out, data: &Path, args: TheseHosts) -> Outcome {
    each(out, data, args, Aim::GoOn, |rollout, host, reason| {
        Command::Retry {
            rollout,
            host,
            reason,
        }
    })
    .await
}

async fn each(
    out: Out,
    data: &Path,
    args: TheseHosts,
    aim: Aim,
    command: impl Fn(ringway_model::RolloutId, String, String) -> Command,
) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let rollout = choose(&view, args.which)?.id;
    let mut hosts = args.hosts.into_iter();
    let mut command = || {
        let host = hosts.next()?;
        Some(command(rollout, host, args.reason.clone()))
    };
    // There is one at least: the command line asks for it.
    let Some(first) = command() else {
        return Ok(End::Done);
    };
    let more = std::iter::from_fn(command).collect();
    let order = Order {
        command: first,
        rollout: Some(rollout),
        aim,
        when: args.when,
    };
    give_each(out, data, &informant, order, more).await
}

/// `ringway hold`, and `ringway maintenance add`.
pub(crate) async fn hold(out: Out, data: &Path, args: Hold, kind: HoldKind) -> Outcome {
    let (informant, view) = Informant::look_early(data).await?;
    knows_a_fleet(data, &view)?;
    let hosts = named(data, &args.hosts).await?;
    let now: Timestamp = clock::now();
    let until = args.until.map(|until| until.from(now));
    if !args.replace {
        // What waits in the inbox is said before this.
        let holds = match informant.past() {
            Some(past) => later::foreseen(data, past)?.view(now).holds,
            None => view.holds,
        };
        lasts_longer(&holds, &hosts, kind, until)?;
    }
    let order = Order {
        command: Command::Hold {
            hosts,
            kind,
            reason: args.reason,
            until,
        },
        rollout: None,
        aim: Aim::Hold,
        when: args.when,
    };
    give(out, data, &informant, order).await
}

/// Names of hosts mean something once a rollout made a fleet known.
pub(super) fn knows_a_fleet(data: &Path, view: &FleetView) -> Result<(), Failure> {
    if view.fleet.is_some() {
        return Ok(());
    }
    let why = format!(
        "no fleet is known yet: no rollout ran on `{}`",
        data.display()
    );
    Err(Failure::new(End::Unavailable, why).hint(
        "`ringway run` makes it known; an `exception/v1` document beside the others leaves hosts out from its first moment",
    ))
}

/// Of each host one hold counts and one maintenance, the one said last: whoever adds an hour's must not end what somebody else
/// said for good.
fn lasts_longer(
    holds: &[HoldView],
    hosts: &[String],
    kind: HoldKind,
    until: Option<Timestamp>,
) -> Result<(), Failure> {
    let Some(until) = until else {
        return Ok(());
    };
    let mut of_kind = holds.iter().filter(|hold| hold.kind == kind);
    let longer = of_kind.find_map(|hold| {
        let lasts = hold.until.is_none_or(|lasts| lasts > until);
        let mut all = hold.hosts.iter();
        let host = all.find(|host| lasts && hosts.contains(host))?;
        Some((hold, host))
    });
    let Some((hold, host)) = longer else {
        return Ok(());
    };
    let lasts = match hold.until {
        Some(lasts) => format!("until {lasts}"),
        None => "until somebody ends it".to_owned(),
    };
    let why = format!(
        "`{host}` has {} by {} {lasts} (\"{}\"), and this one would end it at {until}",
        kind.word(),
        hold.by,
        hold.reason
    );
    let hint = "name other hosts or a later `--until`; `--replace` puts this one in its place";
    Err(Failure::new(End::Refused, why).hint(hint))
}

/// `ringway release`, and `ringway maintenance end`.
pub(crate) async fn release(out: Out, data: &Path, args: Release, kind: HoldKind) -> Outcome {
    let informant = Informant::find(data).await?;
    let hosts = named(data, &args.hosts).await?;
    let order = Order {
        command: Command::Release {
            hosts,
            kind,
            reason: args.reason,
        },
        rollout: None,
        aim: Aim::GoOn,
        when: args.when,
    };
    give(out, data, &informant, order).await
}

/// `ringway maintenance`.
pub(crate) async fn maintenance(out: Out, data: &Path, what: AboutMaintenance) -> Outcome {
    match what {
        AboutMaintenance::Add(args) => hold(out, data, args, HoldKind::Maintenance).await,
        AboutMaintenance::End(args) => release(out, data, args, HoldKind::Maintenance).await,
        AboutMaintenance::Import(args) => import(out, data, args).await,
        AboutMaintenance::List(_) => {
            let (_, view) = Informant::look_early(data).await?;
            let FleetView { holds, at, .. } = view;
            let declared: Vec<_> = holds
                .into_iter()
                .filter(|hold| hold.kind == HoldKind::Maintenance)
                .collect();
            out.value(&declared, |declared| {
                if declared.is_empty() {
                    "no maintenance is declared".to_owned()
                } else {
                    show::holds(declared, at)
                }
            });
            later::tell_of(out, data, |command| {
                matches!(
                    command,
                    Command::Hold { kind, .. } | Command::Release { kind, .. }
                        if *kind == HoldKind::Maintenance
                )
            })?;
            Ok(End::Done)
        }
    }
}

/// `ringway comment`.
pub(crate) async fn comment(out: Out, data: &Path, args: Comment) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let rollout = choose(&view, args.which)?.id;
    let order = Order {
        command: Command::Comment {
            rollout,
            host: args.host,
            text: args.text,
        },
        rollout: Some(rollout),
        aim: Aim::Hold,
        when: args.when,
    };
    give(out, data, &informant, order).await
}

/// The names that are meant. Names as they are given are for the engine to know or not to know.
async fn named(data: &Path, wanted: &SomeHosts) -> Result<Vec<String>, Failure> {
    let mut names = wanted.hosts.clone();
    if !wanted.select.is_empty() {
        let past = journal::fold(data).await?;
        let fleet = past.engine.fleet();
        let selectors = asking::selectors(&wanted.select)?;
        for (text, selector) in wanted.select.iter().zip(selectors) {
            let before = names.len();
            let hosts = fleet.hosts.iter();
            let matched = hosts.filter(|host| selector.matches(&host.name, &host.labels));
            names.extend(matched.map(|host| host.name.clone()));
            if names.len() == before {
                let why = format!("`{text}` matches no host of fleet `{}`", fleet.name);
                return Err(Failure::new(End::Invalid, why));
            }
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}
