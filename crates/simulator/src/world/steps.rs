//! What steps do to hosts that do not exist, and how workers reach them.

use std::collections::{BTreeMap, BTreeSet};

use ringway_executor::port::{Arrival, Start};
use ringway_model::{HostId, IntentId, Place, RawReport, Span, StepKind, Timestamp, VisitKind};
use ringway_scheduler::Plan;
use ringway_scheduler::plan::{More, Route};

use super::host::{Execution, Harm, Met, Run, SimHost};
use super::superseders::mends;
use super::{Happening, World};
use crate::checkers::Invariant;
use crate::dice::Dice;

/// Where a step runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    Host(HostId),
    Controller,
}

/// How a host is difficult: its step of this kind fails so many times, or hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which step.
    pub kind: StepKind,
    /// How many attempts fail before one succeeds; 255: all.
    pub times: u8,
    /// Whether it hangs instead of failing.
    pub hangs: bool,
}

/// What an update does to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The service is down, from the restart on where there is one.
    Down,
    /// The service comes up so much later.
    Late(Span),
    /// The host restarts in a loop.
    Loop,
    /// Its verification fails.
    FailsVerify,
    /// It cannot be installed.
    FailsApply,
    /// The service goes down so long after it is installed.
    Latent(Span),
    /// The service of every host that has it goes down at this instant after the world's beginning, or at once after it.
    Trigger(Span),
}

/// How the hosts of a world behave.
#[derive(Clone, Debug)]
pub struct Ways {
    /// The seed of durations.
    pub seed: u64,
    /// By host and recipe.
    pub trouble: BTreeMap<(usize, String), Trouble>,
    /// By recipe and role.
    pub harm: BTreeMap<(String, String), Effect>,
    /// Hosts that have the release already, by recipe.
    pub already: BTreeMap<(usize, String), String>,
    /// By host and recipe: hosts that would not let this kind of step begin, and how many attempts long.
    pub refuses: BTreeMap<(usize, String), (StepKind, u8)>,
    /// Hosts on which a failed or interrupted `apply` leaves the service down.
    pub hurts: BTreeSet<(usize, String)>,
    /// What hosts have before anything happens, by recipe; `1.0` where nothing is said.
    pub first: BTreeMap<(usize, String), String>,
    /// Hosts that belong to another database, which was lost.
    pub foreign: BTreeSet<usize>,
    /// Hosts whose service is down before anything happens, until then.
    pub sick: BTreeMap<usize, Span>,
    /// Hosts that answer nobody while harm has their service down, and what bringing them back comes to.
    pub mute: BTreeMap<usize, Cure>,
    /// Of these: who answers nobody with whatever harm, also where its service is up.
    pub deaf: BTreeSet<usize>,
    /// The longest a step takes.
    pub longest: Span,
}

/// What comes of bringing back a host that does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cure {
    /// It answers after so many attempts that fail; 255: never.
    After(u8),
    /// It is said to be back and does not answer.
    Lies,
}

impl Ways {
    /// Hosts that do everything right and are quick.
    pub const fn good(seed: u64) -> Self {
        Self {
            seed,
            trouble: BTreeMap::new(),
            harm: BTreeMap::new(),
            already: BTreeMap::new(),
            refuses: BTreeMap::new(),
            hurts: BTreeSet::new(),
            first: BTreeMap::new(),
            foreign: BTreeSet::new(),
            sick: BTreeMap::new(),
            mute: BTreeMap::new(),
            deaf: BTreeSet::new(),
            longest: Span::seconds(30),
        }
    }
}

/// How long after its timeout a worker still looks for a step on a host that does not answer. The envelope has ended the
/// step by then, so what the worker says is true: it began, it does not run, it left no result that can be had.
const PATIENCE: Span = Span::minutes(2);

/// The database that foreign hosts belong to.
pub const LOST: u64 = 7;

impl World {
    /// What is installed before anything happens.
    pub(super) fn install_first(&mut self) {
        let recipes: Vec<String> = self
            .plans
            .iter()
            .flat_map(|plan| plan.routes.iter().map(|route| route.recipe.clone()))
            .collect();
        for (index, host) in self.hosts.iter_mut().enumerate() {
            for recipe in &recipes {
                let key = (index, recipe.clone());
                let version = self
                    .ways
                    .already
                    .get(&key)
                    .or_else(|| self.ways.first.get(&key))
                    .map_or("1.0", String::as_str);
                host.content.insert(recipe.clone(), version.to_owned());
            }
            host.first.clone_from(&host.content);
            if self.ways.foreign.contains(&index) {
                host.owner = LOST;
            }
            if let Some(sick) = self.ways.sick.get(&index) {
                host.killed_until = super::BEGIN + *sick;
            }
        }
    }

    fn runner(&mut self, on: Runner) -> &mut SimHost {
        match on {
            Runner::Host(host) => &mut self.hosts[host.index()],
            Runner::Controller => &mut self.controller,
        }
    }

    /// A worker talks to the envelope, or finds that it cannot.
    pub(super) fn asks(&mut self, generation: u64, start: Box<Start>, since: Timestamp) {
        let intent = start.intent;
        let (on, errand_for) = runs_on(&start);
        let current = self.is_alive(generation);
        self.acting = generation;
        if current
            && !self.begun.contains(&intent)
            && !start.attach
            && self.withdrawn.remove(&(generation, intent))
        {
            self.report(generation, intent, RawReport::Withdrawn);
            return;
        }
        let away = self.turned_away(&start);
        if let Some(why) = away {
            let begun = self.begun.contains(&intent) || start.attach;
            if !current {
                return;
            }
            let timeout = start.plan.routes[start.route.index()]
                .step(start.visit, start.position)
                .map_or(Span::ZERO, |step| step.step.timeout);
            if !begun {
                let why = why.to_owned();
                self.note_unreachable(&start);
                self.report(generation, intent, RawReport::Unreachable { why });
            } else if self.now.since(since) < timeout.plus(PATIENCE) {
                self.ask_again(generation, start, since, Span::seconds(15));
            } else {
                self.report(generation, intent, RawReport::Interrupted);
            }
            return;
        }
        // A worker that has begun a step goes on as one that looks for it.
        let attach = start.attach || self.begun.contains(&intent);
        if !attach && self.refuses(&start) {
            let why = "no space left on the device".to_owned();
            self.report(generation, intent, RawReport::Refused { why });
            return;
        }
        let epoch = start.epoch;
        let met = self.runner(on).ask(intent, epoch, attach, errand_for);
        match met {
            Met::Begins => {
                self.begin(&start);
                let wait = self.network.span(Span::seconds(1), Span::seconds(2));
                self.ask_again(generation, start, since, wait);
            }
            Met::Runs(until) => {
                if current {
                    let wait = until.since(self.now).plus(Span(10));
                    self.ask_again(generation, start, self.now, wait);
                }
            }
            Met::Locked(until) => {
                let wait = until.since(self.now).plus(Span(10));
                self.ask_again(generation, start, since, wait);
            }
            Met::Report(report) if current && self.faults.twists.loses() => {
                self.struck_step("result lost", intent);
                self.say(&format!("! the result of {intent} is lost: {report:?}"));
                let wait = self.faults.twists.patience();
                self.ask_again(generation, start, since, wait);
            }
            Met::Report(report) => self.report(generation, intent, report),
        }
    }

    /// Why a worker does not get to the host's envelope at all. A host of another database lets itself be taken over by one
    /// that was told to.
    fn turned_away(&mut self, start: &Start) -> Option<&'static str> {
        let (Runner::Host(on), _) = runs_on(start) else {
            return None;
        };
        let host = &self.hosts[on.index()];
        if !host.is_reachable(self.now) || self.is_mute(on) {
            return Some("no route to host");
        }
        let owner = host.owner;
        if owner == start.incarnation {
            return None;
        }
        if !start.adopts.contains(&owner) {
            return Some("it belongs to another database");
        }
        if !self.checkers.has_adopted(owner) {
            self.broken(
                Invariant::I15,
                format!("h{} is taken over and nobody decided that", on.0),
            );
        }
        self.say(&format!("! h{} is taken over", on.0));
        self.hosts[on.index()].owner = start.incarnation;
        None
    }

    /// Whether a host answers nobody because of harm that is in it.
    fn is_mute(&self, host: HostId) -> bool {
        let target = &self.hosts[host.index()];
        let deaf = self.ways.deaf.contains(&host.index()) && !target.harm.is_empty();
        !target.revived
            && self.ways.mute.contains_key(&host.index())
            && (target.is_harmed(self.now) || deaf)
    }

    /// Whether the host would not let the step begin.
    fn refuses(&self, start: &Start) -> bool {
        let route = &start.plan.routes[start.route.index()];
        let kind = route
            .step(start.visit, start.position)
            .map(|step| step.kind);
        let key = (start.host.index(), route.recipe.clone());
        self.ways
            .refuses
            .get(&key)
            .is_some_and(|&(refused, times)| Some(refused) == kind && start.attempt <= times)
    }

    fn ask_again(&mut self, generation: u64, start: Box<Start>, since: Timestamp, wait: Span) {
        self.after(
            wait,
            Happening::Asks {
                generation,
                start,
                since,
            },
        );
    }

    /// A result on its way to the decider: it may be late, doubled, or lost and found again.
    fn report(&mut self, generation: u64, intent: IntentId, report: RawReport) {
        if !self.is_alive(generation) {
            return;
        }
        let late = self.faults.late_result();
        if late > Span::ZERO {
            self.struck_step("result late", intent);
        }
        let wait = self.network.span(Span(5), Span(300)).plus(late);
        if self.faults.duplicates() {
            self.struck_step("result doubled", intent);
            let again = wait.plus(self.network.span(Span(1), Span::seconds(90)));
            self.tell_after(
                again,
                Arrival::StepReported {
                    intent,
                    report: report.clone(),
                },
            );
        }
        self.tell_after(wait, Arrival::StepReported { intent, report });
    }

    /// A process begins on a host: the ledger's moment, and the truth of I2 and I5.
    #[expect(
        clippy::too_many_lines,
        reason = "what each kind of step does to a host is read as one"
    )]
    fn begin(&mut self, start: &Start) {
        let (host, intent) = (start.host, start.intent);
        let Some(step) = start.plan.routes[start.route.index()].step(start.visit, start.position)
        else {
            self.broken(Invariant::I15, format!("{intent} is a step of no plan"));
            return;
        };
        let kind = step.kind;
        let (at, more) = (step.step.at, step.more.clone());
        self.check_truly_down(start.intent, start.host, kind);
        self.check_truly_protected(start, kind);
        let (on, errand_for) = runs_on(start);
        if let Runner::Host(on) = on
            && self.hosts[on.index()].owner != start.incarnation
        {
            self.broken(
                Invariant::I15,
                format!("{intent} begins on h{}, which is another database's", on.0),
            );
            return;
        }
        self.note_silence(start, kind, &more, at);
        if !self.begun.insert(intent) {
            self.broken(Invariant::I5, format!("{intent} begins a second time"));
            return;
        }
        if let Some(other) = self.runs_for(host) {
            self.broken(
                Invariant::I2,
                format!("{intent} begins on host {} beside {other}", host.0),
            );
            return;
        }
        if let Some(other) = self.hosts[host.index()].in_hand {
            let what = format!("{intent} begins on h{} beside {other} by hand", host.0);
            self.broken(Invariant::I2, what);
            return;
        }
        let (takes, report) = self.outcome(start, kind, step.step.timeout, &step.more);
        let until = self.now + takes;
        match on {
            Runner::Host(on) if on == host => {
                self.say(&format!("! h{} begins {kind} for {intent}", host.0));
            }
            Runner::Host(_) | Runner::Controller => {
                self.say(&format!(
                    "! {on:?} begins {kind} for {intent} of h{}",
                    host.0
                ));
            }
        }
        let now = self.now;
        let runner = self.runner(on);
        runner.ledger.push(Execution {
            intent,
            kind,
            began: now,
        });
        runner.runs.insert(intent, Run::Running { until, report });
        if let Some(host) = errand_for {
            runner.errands.insert(intent, host);
        }
        let target = &mut self.hosts[host.index()];
        match kind {
            StepKind::Drain => {
                target.drained = true;
                target.drained_by = Some(intent.rollout());
            }
            StepKind::Reboot => {
                // The machine is away for most of the step; the envelope survives it and knows.
                target.boot += 1;
                target.booting_until = until;
            }
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Apply
            | StepKind::Rollback
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Stage
            | StepKind::Recovery
            | StepKind::Protect
            | StepKind::Unprotect
            | StepKind::Unsilence => {}
        }
        self.after(takes, Happening::Ends { on, intent });
        if let Some((at, mishap)) = self
            .faults
            .twists
            .ambush(host, (kind, intent.rollout()), takes)
        {
            self.after(at, Happening::Strikes(mishap));
        }
        self.effects.insert(intent, effect_of(start, kind));
    }

    /// How long a step takes and what it will report. A function of the host, the step and the attempt alone, so that a
    /// run with crashes meets the same world as one without.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of step")]
    fn outcome(
        &self,
        start: &Start,
        kind: StepKind,
        timeout: Span,
        more: &More,
    ) -> (Span, RawReport) {
        let route = &start.plan.routes[start.route.index()];
        let host = &self.hosts[start.host.index()];
        let mut dice = Dice::new(
            self.ways.seed,
            &format!("{}/{}/{kind}/{}", route.recipe, start.host.0, start.attempt),
        );
        let takes = dice.span(Span::seconds(1), self.ways.longest).min(timeout);
        let well = |output: &str| RawReport::Ended {
            exit: 0,
            output: output.to_owned(),
            restarts: 0,
        };
        let bad = RawReport::Ended {
            exit: 1,
            output: "failed".to_owned(),
            restarts: 0,
        };
        let trouble = self
            .ways
            .trouble
            .get(&(start.host.index(), route.recipe.clone()));
        if let Some(trouble) = trouble.filter(|trouble| {
            trouble.kind == kind
                && start.attempt <= trouble.times
                && (start.visit != VisitKind::Rollback || kind == StepKind::Rollback)
        }) {
            return if trouble.hangs {
                let output = String::new();
                (timeout, RawReport::TimedOut { output })
            } else {
                (takes, bad)
            };
        }
        let effect = self
            .ways
            .harm
            .get(&(route.recipe.clone(), host.role.clone()))
            .filter(|_| start.visit != VisitKind::Rollback);
        let loops = effect == Some(&Effect::Loop) && dice.chance(50);
        let found = host
            .content
            .get(&route.recipe)
            .map_or("none", String::as_str);
        let report = match (kind, effect) {
            (StepKind::Recovery, _) => match self.ways.mute.get(&start.host.index()) {
                Some(Cure::After(fails)) if start.attempt <= *fails => bad,
                Some(Cure::After(_) | Cure::Lies) | None => well("ok"),
            },
            (StepKind::Inspect, _) => well(found),
            (StepKind::Protect, _) => well(start.protection.as_deref().unwrap_or_default()),
            (StepKind::Verify, Some(Effect::FailsVerify))
            | (StepKind::Apply, Some(Effect::FailsApply)) => bad,
            (StepKind::Reboot, _) => rebooted(more, loops),
            (StepKind::Ready, _) if !self.roles.is_ready(start.host, self.now) => bad,
            (StepKind::Last, _) if !self.roles.goes_last(start.host) => bad,
            (
                StepKind::Stage
                | StepKind::Unprotect
                | StepKind::Precheck
                | StepKind::Ready
                | StepKind::Last
                | StepKind::Silence
                | StepKind::Unsilence
                | StepKind::Drain
                | StepKind::Apply
                | StepKind::Rollback
                | StepKind::Verify
                | StepKind::CareVerify
                | StepKind::Undrain,
                _,
            ) => well("ok"),
        };
        (takes, report)
    }

    /// The step that runs for a visit of a host, wherever it runs.
    fn runs_for(&self, host: HostId) -> Option<IntentId> {
        let own = self.hosts[host.index()].running();
        let cell = self.fleet.hosts[host.index()].cell;
        let members = cell.map_or(&[][..], |cell| &self.fleet.cells[cell.index()].members);
        let peers = members.iter().map(|peer| &self.hosts[peer.index()]);
        let mut elsewhere = peers.chain([&self.controller]);
        let errand = elsewhere.find_map(|runner| runner.running_for(Some(host)));
        own.or(errand).map(|(intent, _)| intent)
    }

    /// A process ends by itself, if it still runs.
    pub(super) fn ends(&mut self, on: Runner, intent: IntentId) {
        let now = self.now;
        let target = self.runner(on);
        let Some(Run::Running { report, .. }) = target.runs.get(&intent).cloned() else {
            return;
        };
        let went_well = matches!(report, RawReport::Ended { exit: 0, .. });
        target.runs.insert(intent, Run::Over(report));
        let Some(change) = self.effects.remove(&intent) else {
            return;
        };
        let host = change.host;
        if went_well && change.kind == StepKind::Drain {
            self.hands_over(host);
        }
        if went_well || change.kind == StepKind::Reboot {
            self.take_effect(host, &change, now);
        } else {
            self.hurts(host, &change);
        }
    }

    /// What a step that did its work leaves behind.
    pub(super) fn take_effect(&mut self, host: HostId, change: &Change, now: Timestamp) {
        let effect = self
            .ways
            .harm
            .get(&(change.recipe.clone(), self.hosts[host.index()].role.clone()))
            .copied();
        let target = &mut self.hosts[host.index()];
        match change.kind {
            StepKind::Apply => {
                target
                    .content
                    .insert(change.recipe.clone(), change.to.clone());
                target.harm.remove(&change.recipe);
                if let Some(mended) = mends(&change.recipe) {
                    target.harm.remove(mended);
                }
                if !change.restarts {
                    self.harm(host, &change.recipe, effect, now);
                }
            }
            StepKind::Reboot => {
                let has_it = target.content.get(&change.recipe) == Some(&change.to);
                if has_it && change.visit != VisitKind::Rollback {
                    self.harm(host, &change.recipe, effect, now);
                }
            }
            StepKind::Rollback => {
                target
                    .content
                    .insert(change.recipe.clone(), change.to.clone());
                target.harm.remove(&change.recipe);
            }
            StepKind::Undrain => {
                target.drained = false;
                target.drained_by = None;
            }
            StepKind::Recovery => {
                if self.ways.mute.get(&host.index()) != Some(&Cure::Lies) {
                    target.revived = true;
                    self.reach.recovered += 1;
                }
            }
            StepKind::Protect => {
                target.snapshots.extend(change.protection.clone());
            }
            StepKind::Unprotect => {
                // Removing what is not there does no harm.
                if let Some(name) = &change.protection {
                    target.snapshots.remove(name);
                }
            }
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Drain
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Stage
            | StepKind::Unsilence => {}
        }
    }

    /// A failed or interrupted attempt leaves some hosts worse than they were, until one succeeds or they are taken back.
    pub(super) fn hurts(&mut self, host: HostId, change: &Change) {
        let key = (host.index(), change.recipe.clone());
        if change.kind == StepKind::Apply && self.ways.hurts.contains(&key) {
            let harm = Harm::Down(self.now);
            self.hosts[host.index()]
                .harm
                .insert(change.recipe.clone(), harm);
        }
    }

    fn harm(&mut self, host: HostId, recipe: &str, effect: Option<Effect>, now: Timestamp) {
        let harm = match effect {
            Some(Effect::Down) => Harm::Down(now + Span::seconds(1)),
            Some(Effect::Late(by)) => Harm::Late(now + by),
            Some(Effect::Latent(after)) => Harm::Down(now + after),
            Some(Effect::Trigger(at)) => Harm::Down((super::BEGIN + at).max(now)),
            Some(Effect::Loop) => {
                self.after(Span::seconds(20), Happening::Loops(host));
                Harm::Loop
            }
            Some(Effect::FailsVerify | Effect::FailsApply) | None => return,
        };
        self.hosts[host.index()].revived = false;
        self.hosts[host.index()]
            .harm
            .insert(recipe.to_owned(), harm);
    }

    /// A host that restarts in a loop restarts again, until the harm is taken away.
    pub(super) fn loops(&mut self, host: HostId) {
        let target = &mut self.hosts[host.index()];
        if !target.harm.values().any(|harm| *harm == Harm::Loop) || target.running().is_some() {
            if target.running().is_some() {
                self.after(Span::seconds(20), Happening::Loops(host));
            }
            return;
        }
        target.boot += 1;
        target.booting_until = self.now + Span::seconds(5);
        self.after(Span::seconds(40), Happening::Loops(host));
    }
}

/// Where a step runs, and for whom, where that is not the host itself.
fn runs_on(start: &Start) -> (Runner, Option<HostId>) {
    let route = &start.plan.routes[start.route.index()];
    let step = route.step(start.visit, start.position);
    match step.map_or(Place::Host, |step| step.step.at) {
        Place::Host => (Runner::Host(start.host), None),
        Place::Controller => (Runner::Controller, Some(start.host)),
        Place::Peer => {
            let peer = start.peer.unwrap_or(start.host);
            (Runner::Host(peer), Some(start.host))
        }
    }
}

/// What a restart reports: back after one, or after more than its route says.
fn rebooted(more: &More, loops: bool) -> RawReport {
    let most = match more {
        More::Reboot { restarts, .. } => restarts.1,
        More::Nothing
        | More::Inspect { .. }
        | More::Ready { .. }
        | More::Last { .. }
        | More::Silence { .. }
        | More::Stage { .. }
        | More::Recovery { .. }
        | More::Protect { .. }
        | More::Manual { .. } => 1,
    };
    if loops {
        RawReport::NotBack {
            restarts: most + 1,
            why: "restarted again".to_owned(),
        }
    } else {
        RawReport::Ended {
            exit: 0,
            output: String::new(),
            restarts: 1,
        }
    }
}

/// What a running step will change when it ends.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// The host that is visited.
    pub(super) host: HostId,
    pub(super) kind: StepKind,
    recipe: String,
    to: String,
    visit: VisitKind,
    restarts: bool,
    /// What it makes or removes is called.
    protection: Option<String>,
}

fn effect_of(start: &Start, kind: StepKind) -> Change {
    let plan: &Plan = &start.plan;
    let route = &plan.routes[start.route.index()];
    let change = effect(
        (start.host, route),
        kind,
        start.visit,
        start.previous.as_ref(),
    );
    Change {
        protection: start.protection.clone(),
        ..change
    }
}

/// What a step of a visit will change, where a host had this before.
pub(super) fn effect(
    (host, route): (HostId, &Route),
    kind: StepKind,
    visit: VisitKind,
    previous: Option<&String>,
) -> Change {
    let to = if kind == StepKind::Rollback {
        previous.cloned().unwrap_or_default()
    } else {
        route.build.clone().unwrap_or_default()
    };
    Change {
        host,
        kind,
        recipe: route.recipe.clone(),
        to,
        visit,
        restarts: route.position(visit, StepKind::Reboot).is_some(),
        protection: None,
    }
}
