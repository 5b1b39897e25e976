//! `doctor`: is everything ready for a rollout? Hosts are looked at in parallel, this machine too; nothing is changed.
//!
//! * `examine` puts the questions: to the driver what a host is like, to every probe once, to the recipe's `inspect`.
//! * `here` looks at this machine: room, clock, key files, known hosts.
//! * `report` says what was found, problems first, the same problem of many hosts once.

mod examine;
mod here;
mod report;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ringway_policy::validated::Documents;
use ringway_scheduler::FleetSpec;
use ringway_scheduler::spec::HostSpec;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::args::Doctor;
use crate::exit::{End, Failure, Outcome};
use crate::follow::Interrupts;
use crate::out::Out;
use crate::{asking, documents, journal, reaching};
use examine::Asked;
use report::Found;

/// Hosts that are looked at at once: each is a connection and a handful of small commands.
const AT_ONCE: usize = 64;

/// `ringway doctor`.
pub(crate) async fn doctor(out: Out, data: &Path, args: &Doctor) -> Outcome {
    let read = documents::read(out, &args.documents.paths)?;
    let fleet = Arc::new(asking::fleet(&read.documents)?);
    let hosts = chosen(&fleet, args)?;
    let drivers = reaching::drivers(data, args.connections).map_err(|e| {
        Failure::new(
            End::Refused,
            format!("failed to find the current directory: {e}"),
        )
    })?;
    let asked = Arc::new(Asked {
        update: update(&read.documents, args)?,
        incarnation: journal::incarnation(data).await,
        directory: read.directory.clone(),
        documents: read.documents,
        fleet: Arc::clone(&fleet),
        drivers,
    });
    let mut interrupts = Interrupts::listen()?;
    let mut found = here::look(data, &read.directory, &fleet, &hosts);
    let bar = bar(out, hosts.len());
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    let mut left: BTreeSet<String> = hosts.iter().map(|host| host.name.clone()).collect();
    for host in hosts {
        let (asked, room) = (Arc::clone(&asked), Arc::clone(&room));
        tasks.spawn(async move {
            let _permit = room.acquire_owned().await;
            let found = asked.look(&host).await;
            (host.name, found)
        });
    }
    let interrupted = loop {
        let next = tokio::select! {
            next = tasks.join_next() => next,
            () = interrupts.next() => break true,
        };
        let Some(next) = next else { break false };
        let (host, checks) = next.map_err(|e| Failure::new(End::Fault, e))?;
        left.remove(&host);
        found.extend(checks);
        bar.inc(1);
    };
    bar.finish_and_clear();
    // Hosts answer in any order; this machine is told first.
    found.sort_by(|one, other| one.host.cmp(&other.host));
    report::print(out, &found, args.all);
    if interrupted {
        out.say(&report::interrupted(&left));
        return Ok(End::Interrupted);
    }
    Ok(if report::is_ready(&found, args.strict) {
        End::Done
    } else {
        End::Refused
    })
}

/// The update whose recipe is asked: the one that was named, or the only one.
fn update(documents: &Documents, args: &Doctor) -> Result<Option<String>, Failure> {
    let updates = &documents.updates;
    if args.update.is_none() && updates.len() != 1 {
        return Ok(None);
    }
    documents::choose("update", args.update.as_deref(), updates.keys()).map(Some)
}

/// The hosts that are looked at, in the fleet's order.
fn chosen(fleet: &FleetSpec, args: &Doctor) -> Result<Vec<HostSpec>, Failure> {
    for name in &args.host {
        asking::host(fleet, name)?;
    }
    let selectors = asking::selectors(&args.select)?;
    let all = args.host.is_empty() && selectors.is_empty();
    let is_chosen = |host: &&HostSpec| {
        all || args.host.contains(&host.name)
            || selectors
                .iter()
                .any(|one| one.matches(&host.name, &host.labels))
    };
    let hosts: Vec<HostSpec> = fleet.hosts.iter().filter(is_chosen).cloned().collect();
    if hosts.is_empty() {
        return Err(Failure::new(End::Invalid, "the selector matches no host"));
    }
    Ok(hosts)
}

/// A bar on the terminal's standard error; nothing where that is none, or where data is asked for.
fn bar(out: Out, hosts: usize) -> ProgressBar {
    let target = if out.is_text() {
        // Draws nothing where standard error is no terminal.
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{bar:24} {pos} of {len} hosts, {elapsed}")
        .expect("the template is well formed");
    let length = u64::try_from(hosts).unwrap_or(u64::MAX);
    ProgressBar::with_draw_target(Some(length), target).with_style(style)
}

/// What one check of one host came to; without a host, of this machine.
pub(crate) fn found(
    host: Option<&str>,
    check: impl Into<String>,
    state: report::State,
    what: impl Into<String>,
    hint: Option<String>,
) -> Found {
    let what = what.into();
    Found {
        host: host.map(str::to_owned),
        check: check.into(),
        state,
        same: what.clone(),
        what,
        hint,
    }
}
