//! `handover`: one page for whoever comes next. `risks` has what to worry about.

mod risks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ringway_engine::view::{ApprovalView, FleetView, HostView, RolloutView, Waiting};
use ringway_engine::{Event, HostState, Subject, Then};
use ringway_executor::Library;
use ringway_model::{ChangeId, HostOutcome, RolloutId, Slot, Timestamp, WaitingOn};
use ringway_policy::validated::NotBy;
use ringway_scheduler::Plan;
use ringway_scheduler::plan::ApprovalPlan;
use serde::Serialize;

use super::chronicle::Chronicle;
use super::fallen::Fallen;
use super::lines::{Kind, Line, Lines, kind};
use super::walk::Walk;
use crate::args::Handover;
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;
use crate::session::Informant;
use crate::show::{self, Narrator, put};
use crate::untold::untold;

/// Lines of a part that are shown, the newest; the journal has the rest.
const SHOWN: usize = 40;

/// Names that are listed; the rest is counted.
const NAMES: usize = 8;

/// The page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Page {
    fleet: Option<String>,
    /// In UTC, as all instants.
    since: String,
    until: String,
    observing: bool,
    /// Whether a process decides now.
    is_running: bool,
    decisions: Vec<Line>,
    decisions_left_out: usize,
    happened: Vec<Line>,
    happened_left_out: usize,
    /// Hosts that got the update, or did not, by rollout.
    hosts: Vec<Became>,
    waits: Vec<Waits>,
    comes: Vec<Comes>,
    risks: Vec<String>,
}

/// Hosts of which the same became.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Became {
    rollout: RolloutId,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<ChangeId>,
    what: String,
    hosts: Vec<String>,
}

/// Something that waits now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Waits {
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<RolloutId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<ChangeId>,
    why: String,
    unblocked_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest: Option<String>,
    /// Who can end it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    /// What they type.
    commands: Vec<String>,
}

/// Something that comes by time.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Comes {
    at: String,
    what: String,
}

/// `ringway handover`.
pub(crate) async fn handover(out: Out, data: &Path, args: &Handover) -> Outcome {
    let (informant, view) = Informant::look(data).await?;
    let since = args.since.from(view.at);
    if since > view.at {
        let why = format!("`--since {since}` is to come; it is {} now", view.at);
        return Err(Failure::new(End::Invalid, why)
            .hint("say when the shift began: an instant, or a span before now as in `8h`"));
    }
    let (mut walk, library) = Walk::begin(data).await?;
    let mut past = Past::default();
    let mut chronicle = Chronicle::new(&library);
    let mut narrator = Narrator::new(&library);
    while let Some((row, batch)) = walk.batch().await? {
        narrator.learn_changes(&batch.events);
        past.fallen.hear(&batch);
        for event in &batch.events {
            chronicle.learn(row.at, event);
            narrator.learn(event);
            if row.at >= since {
                past.add(row.seq, row.at, event, &narrator, &chronicle);
            }
        }
    }
    let mut hosts = Vec::new();
    let open = view.rollouts.iter().filter(|one| !one.is_final);
    for one in open.chain(left_behind(&view)) {
        hosts.extend(informant.hosts(one.id, None).await?);
    }
    let now = Now {
        view: &view,
        library: &library,
        hosts: &hosts,
        is_running: informant.is_running(),
    };
    let inbox = crate::commands::asked(data)?;
    let mut page = page(past, &now, since, &inbox);
    let untold = untold(data).await?.unwrap_or_default();
    let untold = untold
        .iter()
        .map(|one| format!("not told: {}", one.words()));
    page.risks.extend(untold);
    out.value(&page, |page| words(page, view.at));
    Ok(End::Done)
}

fn page(past: Past, now: &Now<'_>, since: Timestamp, inbox: &[String]) -> Page {
    let (decisions, decisions_left_out) = newest(past.decisions.told);
    let (happened, happened_left_out) = newest(past.happened.told);
    let hosts = past.hosts.into_iter();
    let hosts = hosts.map(|((rollout, what), hosts)| Became {
        rollout,
        change: now.change(rollout),
        what,
        hosts: hosts.into_iter().collect(),
    });
    Page {
        fleet: now.view.fleet.clone(),
        since: since.to_string(),
        until: now.view.at.to_string(),
        observing: now.view.observing,
        is_running: now.is_running,
        decisions,
        decisions_left_out,
        happened,
        happened_left_out,
        hosts: hosts.collect(),
        waits: now.waits(inbox),
        comes: now.comes(),
        risks: now.risks(),
    }
}

fn newest(mut lines: Vec<Line>) -> (Vec<Line>, usize) {
    let left_out = lines.len().saturating_sub(SHOWN);
    (lines.split_off(left_out), left_out)
}

/// What was heard of the time that the page is about.
#[derive(Default)]
struct Past {
    decisions: Lines,
    happened: Lines,
    /// What became of hosts, each told once with what it came to last.
    hosts: BTreeMap<(RolloutId, String), BTreeSet<String>>,
    fallen: Fallen,
}

impl Past {
    fn add(
        &mut self,
        seq: u64,
        at: Timestamp,
        event: &Event,
        narrator: &Narrator<'_>,
        chronicle: &Chronicle<'_>,
    ) {
        match kind(event).0 {
            Kind::Decision => {
                self.decisions.add(seq, at, event, narrator, chronicle);
                self.happened.interrupted();
            }
            Kind::Happening => {
                self.happened.add(seq, at, event, narrator, chronicle);
                if let Some(who) = self.fallen.behind(event, chronicle) {
                    self.happened.tell_more(&who);
                }
            }
            Kind::Detail => {
                if let Some((rollout, slot, to)) = became(event)
                    && let Some(course) = chronicle.courses.get(&rollout)
                    && course.changed_at(slot, at)
                {
                    self.host(rollout, course.host(slot), to);
                }
            }
        }
    }

    fn host(&mut self, rollout: RolloutId, name: String, to: HostState) {
        for ((of, _), hosts) in &mut self.hosts {
            if *of == rollout {
                hosts.remove(&name);
            }
        }
        self.hosts.retain(|_, hosts| !hosts.is_empty());
        let what = match to {
            HostState::Pending
            | HostState::ByHand { .. }
            | HostState::Running { .. }
            | HostState::Ready { .. }
            | HostState::Backoff { .. }
            | HostState::Skipped
            | HostState::OnHold
            | HostState::NotReady { .. }
            | HostState::GoesLast { .. }
            | HostState::CatchUp
            | HostState::Again => return,
            HostState::Settling
            | HostState::Updated
            | HostState::Already
            | HostState::RestartWithheld
            | HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RolledBack
            | HostState::RollbackFailed { .. }
            | HostState::Offline
            | HostState::Held
            | HostState::Vanished
            | HostState::Excepted
            | HostState::ChangedOutside
            | HostState::Lost => show::host_state(to),
        };
        self.hosts.entry((rollout, what)).or_default().insert(name);
    }
}

fn became(event: &Event) -> Option<(RolloutId, Slot, HostState)> {
    if let Event::StepEnded {
        intent,
        then: Then::End { to, .. },
        ..
    } = event
    {
        return Some((intent.rollout(), intent.slot(), *to));
    }
    if let Event::HostMoved {
        rollout, slot, to, ..
    } = event
    {
        return Some((*rollout, *slot, *to));
    }
    None
}

/// Completed rollouts that left hosts without the update, as far as no later one of their policies is there to visit them.
fn left_behind(view: &FleetView) -> impl Iterator<Item = &RolloutView> {
    view.rollouts.iter().filter(|one| {
        let left: u32 = one.rings.iter().map(|ring| ring.failed + ring.debt).sum();
        let mut later = view.rollouts.iter();
        one.state == "completed"
            && left > 0
            && !later.any(|other| other.id > one.id && other.policy == one.policy)
    })
}

/// What was asked about a rollout and nobody has answered.
fn questions(one: &RolloutView) -> impl Iterator<Item = Waits> {
    let open = one.questions.iter().filter(|asked| asked.answer.is_none());
    open.map(|asked| {
        let to = asked.to.as_ref();
        let to = to.map_or_else(String::new, |to| format!(" {to}"));
        Waits {
            rollout: Some(one.id),
            change: one.change.clone(),
            why: format!(
                "question {}: {} asks{to}: {}",
                asked.number, asked.by, asked.text
            ),
            unblocked_by: "a person's `answer`".to_owned(),
            earliest: None,
            who: asked.to.clone(),
            commands: vec![format!(
                "ringway answer {} 'TEXT' --rollout {}",
                asked.number, one.id
            )],
        }
    })
}

/// How everything stands now.
struct Now<'a> {
    view: &'a FleetView,
    library: &'a Library,
    /// Of rollouts that are not over.
    hosts: &'a [HostView],
    is_running: bool,
}

impl Now<'_> {
    fn open(&self) -> impl Iterator<Item = &RolloutView> {
        self.view.rollouts.iter().filter(|one| !one.is_final)
    }

    fn change(&self, rollout: RolloutId) -> Option<ChangeId> {
        let one = self.view.rollouts.iter().find(|one| one.id == rollout)?;
        one.change.clone()
    }

    fn waits(&self, inbox: &[String]) -> Vec<Waits> {
        let mut waits = Vec::new();
        if let Some(on) = &self.view.stopped {
            waits.push(self.wait(None, &Waiting::from(on.clone())));
        }
        for one in self.open() {
            for (index, waiting) in one.waiting.iter().enumerate() {
                let is_told = one.waiting[..index].contains(waiting)
                    || Some(&waiting.on) == self.view.stopped.as_ref();
                if !is_told {
                    waits.push(self.wait(Some(one), waiting));
                }
            }
            waits.extend(questions(one));
            let asked = one.lane_asked.as_ref();
            let asked = asked.and_then(|asked| asked.waiting.as_ref());
            waits.extend(asked.map(|waiting| self.wait(Some(one), waiting)));
        }
        waits.extend(self.view.unpoisonings.iter().map(|one| {
            Waits {
                rollout: None,
                change: None,
                why: show::unpoisonings(std::slice::from_ref(one))
                    .trim_end()
                    .replace("\n    ", "; "),
                unblocked_by: "people's `approve --unpoison`".to_owned(),
                earliest: None,
                who: None,
                commands: vec![
                    format!("ringway approve --unpoison {}", one.number),
                    format!("ringway reject --unpoison {} --reason WHY", one.number),
                ],
            }
        }));
        let proposed = self.view.advisories.iter().filter(|one| one.is_proposed());
        waits.extend(proposed.map(|one| {
            let id = &one.advisory.id;
            Waits {
                rollout: None,
                change: None,
                why: format!("{} (a proposal)", show::asks(&one.advisory)),
                unblocked_by: "a person's `advisory accept` or `advisory dismiss`".to_owned(),
                earliest: None,
                who: None,
                commands: vec![
                    format!("ringway advisory accept {id} --reason WHY"),
                    format!("ringway advisory dismiss {id} --reason WHY"),
                ],
            }
        }));
        waits.extend(inbox.iter().map(|asked| Waits {
            rollout: None,
            change: None,
            why: format!("in the inbox: {asked}"),
            unblocked_by: "a process that decides".to_owned(),
            earliest: None,
            who: None,
            commands: vec!["ringway run --resume".to_owned()],
        }));
        waits
    }

    fn wait(&self, rollout: Option<&RolloutView>, waiting: &Waiting) -> Waits {
        let who = rollout.and_then(|one| {
            let WaitingOn::Approval { to, .. } = &waiting.on else {
                return None;
            };
            let mut asked = one.approval.iter().chain(&one.later);
            let wanted = asked.find(|wanted| wanted.starts == *to)?;
            Some(Self::who(wanted, self.approval_plan(one, wanted.subject)?))
        });
        Waits {
            rollout: rollout.map(|one| one.id),
            change: rollout.and_then(|one| one.change.clone()),
            why: waiting.why.clone(),
            unblocked_by: waiting.unblocked_by.clone(),
            earliest: waiting.earliest.map(|at| at.to_string()),
            who,
            commands: waiting.on.commands(rollout.map(|one| one.id)),
        }
    }

    fn plan(&self, one: &RolloutView) -> Option<&Plan> {
        self.library.plans.get(&one.plan).map(AsRef::as_ref)
    }

    /// The rules of the approval that could be given now.
    fn approval_plan(&self, one: &RolloutView, subject: Subject) -> Option<&ApprovalPlan> {
        let plan = self.plan(one)?;
        match subject {
            Subject::Start => plan.start.as_ref(),
            Subject::Lane => {
                let asked = self.library.plans.get(&one.lane_asked.as_ref()?.plan)?;
                asked.start.as_ref()
            }
            Subject::Promotion { ring } => plan.rings.get(ring.index())?.after_soak.as_ref(),
            Subject::Early { ring } => {
                let early = plan.consent.rings.get(ring.index())?.early.as_ref();
                early.map(|early| &early.rule)
            }
        }
    }

    /// Who can still say yes, in words.
    fn who(wanted: &ApprovalView, rules: &ApprovalPlan) -> String {
        if rules.by.is_empty() && rules.people.is_empty() {
            return "anybody who may give commands here".to_owned();
        }
        let left: Vec<String> = wanted.could.iter().map(|one| one.person.clone()).collect();
        if left.is_empty() {
            "nobody who has not said yes".to_owned()
        } else {
            show::shortened(&left, NAMES)
        }
    }

    /// Who may say yes by these rules; `None`: anybody.
    fn eligible(&self, one: &RolloutView, rules: &ApprovalPlan) -> Option<Vec<String>> {
        if rules.by.is_empty() && rules.people.is_empty() {
            return None;
        }
        let plan = self.plan(one)?;
        // A policy names a person, and a journal the user who gave a command.
        let starter = plan.consent.person(&one.starter);
        let may = |name: &&String| {
            rules.not_by.iter().all(|not| match not {
                NotBy::PolicyAuthor => !plan.is_author(name),
                NotBy::Starter => starter != **name,
            })
        };
        Some(rules.people.iter().filter(may).cloned().collect())
    }

    fn comes(&self) -> Vec<Comes> {
        let now = self.view.at;
        let mut comes: Vec<(Timestamp, String)> = Vec::new();
        for hold in &self.view.holds {
            let hosts = show::shortened(&hold.hosts, NAMES);
            let what = format!("{} of {hosts} ends ({})", hold.kind.word(), hold.reason);
            comes.extend(hold.until.map(|at| (at, what)));
        }
        for one in &self.view.exceptions {
            let mut what = format!("exception {} of {} ends", one.id, one.owner);
            let (visited, others): (Vec<String>, Vec<String>) = one
                .hosts
                .iter()
                .cloned()
                .partition(|host| self.is_left_out(host));
            if !visited.is_empty() {
                let hosts = show::shortened(&visited, NAMES);
                put(&mut what, format_args!(", and these are visited: {hosts}"));
            }
            if !others.is_empty() {
                let hosts = show::shortened(&others, NAMES);
                put(
                    &mut what,
                    format_args!("; only a new rollout visits {hosts}"),
                );
            }
            comes.push((one.until, what));
        }
        for one in self.open() {
            let name = show::named(one.id, one.change.as_ref());
            for ring in &one.rings {
                let what = format!("{name} the soak of ring {} ends", ring.name);
                comes.extend(ring.soak_until.map(|at| (at, what)));
            }
            for waiting in &one.waiting {
                let is_soak = matches!(waiting.on, WaitingOn::Soak { .. });
                let what = format!("{name} at the earliest over: {}", waiting.why);
                comes.extend(waiting.earliest.filter(|_| !is_soak).map(|at| (at, what)));
            }
        }
        comes.extend(self.hosts_to_come());
        comes.retain(|(at, _)| *at > now && *at != Timestamp::NEVER);
        comes.sort();
        comes.dedup();
        let comes = comes.into_iter().take(SHOWN);
        comes
            .map(|(at, what)| Comes {
                at: at.to_string(),
                what,
            })
            .collect()
    }

    /// Whether a rollout that is not over leaves this host out because of an exception.
    fn is_left_out(&self, name: &str) -> bool {
        self.hosts.iter().any(|host| {
            host.host == name
                && host.outcome == HostOutcome::Excepted
                && self.open().any(|one| one.id == host.rollout)
        })
    }

    /// When hosts are tried again or may be visited: those with the same instant and reason together.
    fn hosts_to_come(&self) -> Vec<(Timestamp, String)> {
        let mut together: BTreeMap<(Timestamp, &str, RolloutId), Vec<String>> = BTreeMap::new();
        for host in self.hosts {
            for waiting in &host.waiting {
                let on = &waiting.on;
                let again = matches!(on, WaitingOn::Offline { .. } | WaitingOn::Retry { .. });
                let window = matches!(on, WaitingOn::Window { .. } | WaitingOn::Freeze { .. });
                let what = if again {
                    "tried again"
                } else {
                    "may be visited"
                };
                if let Some(at) = waiting.earliest.filter(|_| again || window) {
                    let key = (at, what, host.rollout);
                    together.entry(key).or_default().push(host.host.clone());
                }
            }
        }
        let lines = together.into_iter().map(|((at, what, id), hosts)| {
            let name = show::named(id, self.change(id).as_ref());
            let hosts = show::shortened(&hosts, NAMES);
            (at, format!("{name} {what}: {hosts}"))
        });
        lines.collect()
    }
}

fn words(page: &Page, now: Timestamp) -> String {
    let fleet = page.fleet.as_deref().unwrap_or("no fleet yet");
    let mut text = format!(
        "{} {fleet}   {} to {}\n",
        show::bold("handover"),
        page.since,
        page.until
    );
    lines(
        &mut text,
        "decided",
        "nobody decided anything",
        (&page.decisions, page.decisions_left_out),
    );
    lines(
        &mut text,
        "happened",
        "nothing happened",
        (&page.happened, page.happened_left_out),
    );
    for one in &page.hosts {
        let count = u32::try_from(one.hosts.len()).unwrap_or(u32::MAX);
        put(
            &mut text,
            format_args!(
                "  {} {} {}: {}\n",
                show::named(one.rollout, one.change.as_ref()),
                show::hosts(count),
                one.what,
                show::shortened(&one.hosts, NAMES)
            ),
        );
    }
    heading(&mut text, "waits now");
    for one in &page.waits {
        waits(&mut text, one);
    }
    none(&mut text, page.waits.is_empty(), "nothing waits");
    heading(&mut text, "comes");
    for one in &page.comes {
        let at: Option<Timestamp> = one
            .at
            .parse::<jiff::Timestamp>()
            .ok()
            .map(|at| Timestamp(at.as_millisecond()));
        let span = at.map_or_else(String::new, |at| {
            format!(" (in {})", show::in_words(at.since(now)))
        });
        put(
            &mut text,
            format_args!("  {}{span}  {}\n", one.at, one.what),
        );
    }
    none(&mut text, page.comes.is_empty(), "nothing is due by time");
    heading(&mut text, "risks");
    for one in &page.risks {
        put(&mut text, format_args!("  {one}\n"));
    }
    none(
        &mut text,
        page.risks.is_empty(),
        "none that Ringway knows of",
    );
    text
}

fn waits(text: &mut String, one: &Waits) {
    let rollout = one
        .rollout
        .map_or_else(String::new, |id| show::named(id, one.change.as_ref()) + " ");
    put(text, format_args!("  {rollout}{}\n", one.why));
    put(
        text,
        format_args!("      unblocked by: {}", one.unblocked_by),
    );
    if let Some(at) = &one.earliest {
        put(text, format_args!("; earliest {at}"));
    }
    text.push('\n');
    if let Some(who) = &one.who {
        put(text, format_args!("      who: {who}\n"));
    }
    for command in &one.commands {
        put(text, format_args!("      type: {command}\n"));
    }
}

fn heading(text: &mut String, name: &str) {
    put(text, format_args!("\n{}\n", show::bold(name)));
}

fn none(text: &mut String, is_empty: bool, words: &str) {
    if is_empty {
        put(text, format_args!("  {words}\n"));
    }
}

fn lines(text: &mut String, name: &str, empty: &str, (lines, left_out): (&[Line], usize)) {
    heading(text, name);
    if left_out > 0 {
        put(
            text,
            format_args!("  ... and {left_out} before; `ringway journal` has them\n"),
        );
    }
    for line in lines {
        put(text, format_args!("  {}  {}\n", line.at, line.words));
    }
    none(text, lines.is_empty(), empty);
}
