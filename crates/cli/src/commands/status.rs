//! `status` and `why`: how things stand, asked of the process that decides or read from the journal.

use std::path::Path;

use ringway_engine::Told;
use ringway_engine::view::{FleetView, HostView, LastWord, RingView, RolloutView, Waiting};
use ringway_model::{HostOutcome, RingIndex, RolloutId, StepKind, WaitingOn};
use serde::Serialize;

use super::{closed, later};
use crate::afterwards::{Briefly, Cancelled, Walk, briefly, cancelled};
use crate::args::{Output, Status, Why};
use crate::commands::orders::choose;
use crate::exit::{End, Failure, Outcome};
use crate::follow::Interrupts;
use crate::near::nearest;
use crate::out::Out;
use crate::session::{Informant, Session};
use crate::show;
use crate::standing;
use crate::untold::{Untold, untold};

/// Hosts that are listed with their reasons where a ring is asked about; the rest is counted.
const HOSTS_SHOWN: usize = 20;

/// How everything stands.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct State<'a> {
    #[serde(flatten)]
    view: &'a FleetView,
    /// Commands that wait for somebody to take the fleet over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inbox: Vec<String>,
    /// What people were to be told and were not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    untold: Vec<Untold>,
    /// How long hosts have been without the update, of rollouts that are not over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exposure: Vec<Briefly>,
    /// Who cancelled what is shown as cancelled, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cancelled: Vec<Cancelled>,
    /// What failed and offline hosts said last, of rollouts that are not over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    last_words: Vec<LastSaid>,
}

/// What a host said last.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct LastSaid {
    rollout: RolloutId,
    host: String,
    last_word: LastWord,
}

impl State<'_> {
    fn words(&self, all: bool) -> String {
        let mut text = show::fleet(self.view, all);
        for one in &self.cancelled {
            show::put(
                &mut text,
                format_args!("  {} {}\n", one.rollout, one.words()),
            );
        }
        if !self.exposure.is_empty() {
            text.push_str("\nexposed so far:\n");
        }
        for one in &self.exposure {
            show::put(&mut text, format_args!("    {}\n", one.words()));
        }
        if !self.last_words.is_empty() {
            text.push_str("\nwhat they said last (`ringway why HOST` has all of it):\n");
        }
        for word in self.last_words.iter().take(HOSTS_SHOWN) {
            for line in show::last_word_briefly(&word.host, &word.last_word) {
                show::put(&mut text, format_args!("{line}\n"));
            }
        }
        if let more @ 1.. = self.last_words.len().saturating_sub(HOSTS_SHOWN) {
            show::put(&mut text, format_args!("    ... and {more} more hosts\n"));
        }
        if !self.untold.is_empty() {
            text.push_str("\nnot told to whom it should be:\n");
        }
        for one in &self.untold {
            show::put(&mut text, format_args!("    {}\n", one.words()));
        }
        if !self.inbox.is_empty() {
            text.push_str("\nin the inbox, and done first when it runs next:\n");
        }
        for line in &self.inbox {
            show::put(&mut text, format_args!("    {line}\n"));
        }
        text
    }
}

/// What hosts of open rollouts said that are not well.
async fn last_words(informant: &Informant, view: &FleetView) -> Result<Vec<LastSaid>, Failure> {
    let mut words = Vec::new();
    for rollout in view.rollouts.iter().filter(|one| !one.is_final) {
        let unwell = |ring: &&RingView| ring.failed + ring.again + ring.debt > 0;
        for ring in rollout.rings.iter().filter(unwell) {
            let hosts = informant.hosts(rollout.id, Some(&ring.name)).await?;
            words.extend(hosts.into_iter().filter_map(|host| {
                let told = host.told.filter(|said| said.told == Told::Failed);
                let told = told.map(|said| LastWord {
                    step: StepKind::Apply,
                    attempt: 1,
                    what: format!("done by hand, and failed, says {}", said.by),
                    text: said.reason,
                });
                Some(LastSaid {
                    rollout: rollout.id,
                    last_word: host.last_word.or(told)?,
                    host: host.host,
                })
            }));
        }
    }
    Ok(words)
}

/// What was asked for while nothing ran.
pub(crate) fn asked(data: &Path) -> Result<Vec<String>, Failure> {
    let waits = later::waiting(data)?;
    Ok(waits
        .into_iter()
        .map(|one| {
            one.errand.map_or_else(
                || format!("`{}`, which is no command", one.name),
                |e| show::errand(&e),
            )
        })
        .collect())
}

/// `ringway status`.
pub(crate) async fn status(out: Out, data: &Path, args: &Status) -> Outcome {
    if args.watch
        && let Some(session) = Session::running(data).await?
    {
        match watch(out, &session, args.all).await {
            // It ended: what it left is in the journal.
            Err(failure) if failure.end == End::Unavailable => {}
            ended => return ended,
        }
    }
    let (informant, view) = Informant::look(data).await?;
    let untold = untold(data).await?;
    let is_private = untold.is_none();
    let state = State {
        last_words: last_words(&informant, &view).await?,
        inbox: asked(data)?,
        untold: untold.unwrap_or_default(),
        exposure: briefly(data, &view).await,
        cancelled: cancelled(data, show::shown(&view, args.all)).await,
        view: &view,
    };
    out.value(&state, |state| state.words(args.all));
    if is_private {
        out.say("left out: exposure, and who was not told; they are in the journal, which only its owner may read");
    }
    if !informant.is_running() && standing::moves(&view) {
        out.say("nothing runs here: this is what the journal says; `ringway run --resume` goes on");
    }
    Ok(End::Done)
}

/// Redraws in place on a terminal; otherwise a value or a line for each change.
async fn watch(out: Out, session: &Session, all: bool) -> Outcome {
    let mut interrupts = Interrupts::listen()?;
    let mut views = session.watch().await?;
    let mut before = None;
    loop {
        let view = tokio::select! {
            view = views.next() => view?,
            () = interrupts.next() => return Ok(End::Done),
        };
        if out.is_live() {
            out.redraw(&show::fleet(&view, all));
        } else if out.format() == Output::Text {
            for line in show::changes(before.as_deref(), &view) {
                out.text(&line);
            }
        } else {
            out.value(view.as_ref(), |_| String::new());
        }
        let over = !view.rollouts.is_empty() && view.rollouts.iter().all(|one| one.is_final);
        if over || !out.is_read() {
            return Ok(End::Done);
        }
        before = Some(view);
    }
}

/// An answer to `why`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
enum Because {
    /// A rollout as a whole.
    Rollout {
        rollout: Box<RolloutView>,
        /// Who cancelled it, and why.
        #[serde(skip_serializing_if = "Option::is_none")]
        cancelled: Option<Cancelled>,
        /// The hosts that its ring must not leave behind, where that is what it waits for.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        behind: Vec<HostView>,
    },
    /// A ring, with those of its hosts that wait.
    Ring {
        ring: String,
        waiting: Vec<Waiting>,
        hosts: Vec<HostView>,
        more: usize,
    },
    /// A host, in every rollout it is part of.
    Host { hosts: Vec<HostView> },
}

/// `ringway why`.
pub(crate) async fn why(out: Out, data: &Path, args: &Why) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let Some(name) = &args.what else {
        let rollout = choose(&view, args.which)?.clone();
        let cancelled = cancelled(data, std::iter::once(&rollout)).await;
        let behind = behind(&informant, &rollout).await?;
        let because = Because::Rollout {
            rollout: Box::new(rollout),
            cancelled: cancelled.into_iter().next(),
            behind,
        };
        out.value(&because, |because| words(because, &view));
        tell_where_nothing_runs(out, &informant, &view);
        return Ok(End::Done);
    };
    let because = if let Some(because) = ring(&informant, &view, args, name).await? {
        because
    } else {
        let mut hosts = informant.host(name).await?;
        closed::tell(data, &view, &mut hosts).await;
        host(data, &view, args, (name, hosts)).await?
    };
    out.value(&because, |because| words(because, &view));
    tell_where_nothing_runs(out, &informant, &view);
    Ok(End::Done)
}

/// The hosts that are offline or held where a rollout waits for them: whoever is to bring them back must know which.
async fn behind(informant: &Informant, rollout: &RolloutView) -> Result<Vec<HostView>, Failure> {
    let mut waiting = rollout.waiting.iter();
    if !waiting.any(|waiting| matches!(waiting.on, WaitingOn::Debt { .. })) {
        return Ok(Vec::new());
    }
    let mut hosts = informant.hosts(rollout.id, rollout.ring.as_deref()).await?;
    let is_behind = |outcome| {
        matches!(
            outcome,
            HostOutcome::Offline | HostOutcome::Held | HostOutcome::OnHold
        )
    };
    hosts.retain(|host| is_behind(host.outcome));
    Ok(hosts)
}

/// A host with why it stays, and the command that lets it go where there is one.
fn behind_words(host: &HostView) -> String {
    let mut text = format!("  behind: {}: {}", host.host, host.words);
    if let Some(waiting) = host.waiting.first() {
        show::put(&mut text, format_args!(" ({})", waiting.why));
        let commands = waiting.on.commands(Some(host.rollout));
        if let Some(command) = commands.first() {
            let command = command.replace("HOST", &host.host);
            show::put(&mut text, format_args!(": `{command}`"));
        }
    }
    text.push('\n');
    text
}

/// Whatever something waits for: it does not go on by itself where nobody decides.
fn tell_where_nothing_runs(out: Out, informant: &Informant, view: &FleetView) {
    let mut open = view.rollouts.iter().filter(|rollout| !rollout.is_final);
    if informant.is_running() || open.clone().next().is_none() {
        return;
    }
    // What halts or rests goes on by a person's word alone.
    if open.all(|rollout| matches!(rollout.state.as_str(), "halted" | "paused")) {
        out.say("nothing runs here now");
    } else {
        out.say("nothing runs here now: `ringway run --resume` goes on");
    }
}

async fn ring(
    informant: &Informant,
    view: &FleetView,
    args: &Why,
    name: &str,
) -> Result<Option<Because>, Failure> {
    // Where several rollouts are open and none was named, the name may still be a host's.
    let Ok(rollout) = choose(view, args.which) else {
        return Ok(None);
    };
    let Some(index) = rollout.rings.iter().position(|ring| ring.name == name) else {
        return Ok(None);
    };
    let waiting = informant.ring(rollout.id, RingIndex::at(index)).await?;
    let mut hosts = informant.hosts(rollout.id, Some(name)).await?;
    hosts.retain(|host| !matches!(host.outcome, HostOutcome::Updated | HostOutcome::Already));
    let more = hosts.len().saturating_sub(HOSTS_SHOWN);
    hosts.truncate(HOSTS_SHOWN);
    Ok(Some(Because::Ring {
        ring: name.to_owned(),
        waiting,
        hosts,
        more,
    }))
}

async fn host(
    data: &Path,
    view: &FleetView,
    args: &Why,
    (name, mut hosts): (&str, Vec<HostView>),
) -> Result<Because, Failure> {
    let all: Vec<String> = hosts.iter().map(|host| host.rollout.to_string()).collect();
    hosts.retain(|host| args.which.rollout.is_none_or(|id| host.rollout == id));
    if !hosts.is_empty() {
        return Ok(Because::Host { hosts });
    }
    if let Some(rollout) = args.which.rollout
        && !all.is_empty()
    {
        let why = format!(
            "host `{name}` is not in {rollout}: it is in {}",
            all.join(", ")
        );
        return Err(Failure::new(End::Refused, why));
    }
    // A caller who may ask the process may not be let at its journal: it is told less then.
    let library = Walk::begin(data).await.ok().map(|(_, library)| library);
    let fleets = library.iter().flat_map(|library| library.fleets.values());
    let known: Vec<&str> = fleets
        .flat_map(|fleet| &fleet.hosts)
        .map(|host| host.name.as_str())
        .collect();
    if known.contains(&name) {
        let why = format!("no rollout has host `{name}`, so nothing keeps it waiting");
        return Err(Failure::new(End::Refused, why).hint(format!(
            "a rollout has the hosts that its policy's `applies_to` selects; `ringway history {name}` tells what became of it"
        )));
    }
    let failure = Failure::new(
        End::Refused,
        format!("no host or ring `{name}` is part of a rollout"),
    );
    let rings = view.rollouts.iter().flat_map(|rollout| &rollout.rings);
    let names = rings.map(|ring| ring.name.as_str()).chain(known);
    Err(match nearest(name, names) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`ringway status` shows the rings, `ringway plan` all hosts"),
    })
}

/// A host in the rollouts that are open, and in the last one that is over: what was before that does not say why it does not
/// move. What is under way comes first, and the newest before the others.
fn host_words(hosts: &[HostView], view: &FleetView) -> String {
    let state_if_over = |host: &HostView| {
        let mut rollouts = view.rollouts.iter();
        let rollout = rollouts.find(|one| one.id == host.rollout && one.is_final);
        rollout.map(|one| one.state.as_str())
    };
    let mut text = String::new();
    let newest = || hosts.iter().rev();
    for host in newest().filter(|host| state_if_over(host).is_none()) {
        text.push_str(&show::host(host, view.at));
    }
    let mut over = newest().filter_map(|host| Some((host, state_if_over(host)?)));
    if let Some((host, state)) = over.next() {
        text.push_str(&show::host(host, view.at));
        show::put(&mut text, format_args!("  its rollout is {state}\n"));
        if let earlier @ 1.. = over.count() {
            let of = if earlier == 1 { "rollout" } else { "rollouts" };
            show::put(
                &mut text,
                format_args!(
                    "... {earlier} earlier {of}: `ringway history {}` tells them\n",
                    host.host
                ),
            );
        }
    }
    text
}

fn words(because: &Because, view: &FleetView) -> String {
    let now = view.at;
    match because {
        Because::Rollout {
            rollout,
            cancelled,
            behind,
        } => {
            let mut text = show::rollout_waits(rollout, now);
            text.extend(behind.iter().take(HOSTS_SHOWN).map(behind_words));
            if let more @ 1.. = behind.len().saturating_sub(HOSTS_SHOWN) {
                show::put(&mut text, format_args!("  ... and {more} more hosts\n"));
            }
            if let Some(one) = cancelled {
                show::put(&mut text, format_args!("  {}\n", one.words()));
            }
            text
        }
        Because::Host { hosts } => host_words(hosts, view),
        Because::Ring {
            ring,
            waiting,
            hosts,
            more,
        } => {
            let mut text = show::ring_waits(ring, waiting, now);
            text.extend(hosts.iter().map(|host| show::host(host, now)));
            if *more > 0 {
                show::put(
                    &mut text,
                    format_args!("... and {more} more hosts; `ringway why HOST` asks for one\n"),
                );
            }
            text
        }
    }
}
