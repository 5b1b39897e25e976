//! What is really so, compared with what was decided: who is down because of Ringway, what is installed, who was told what.
//!
//! # Invariants
//!
//! * Nothing here asks the deciding side what is so. What the checkers rebuilt from events is asked only for what a rule
//!   is about: whose budget counts a host, which rollout is over.

use std::collections::BTreeMap;

use ringway_engine::{Command, Event, Input};
use ringway_executor::Library;
use ringway_executor::fold::Fold;
use ringway_executor::port::{Arrival, Blob, Order, Row, Start};
use ringway_model::{
    Actor, Effect, Epoch, Hasher, HostId, HostOutcome, IntentId, Slot, Span, StepKind, Timestamp,
    VisitKind, WaitingOn,
};

use super::store::Fate;
use super::{Happening, World};
use crate::checkers::{Invariant, takes_down};

/// By whom a step was decided, and what for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issued {
    epoch: Epoch,
    kind: Option<StepKind>,
    /// How many events were decided before.
    number: u64,
}

/// What a host's probe really found last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    up: Option<Timestamp>,
    /// Since when it has found nothing good.
    bad: Option<Timestamp>,
}

impl Found {
    pub(super) fn take(&mut self, now: Timestamp, up: bool) {
        if up {
            (self.up, self.bad) = (Some(now), None);
        } else {
            self.bad.get_or_insert(now);
        }
    }

    /// Whether it answered within a span, and what it found since may still be on its way.
    fn is_up(self, now: Timestamp, within: Span, on_its_way: Span) -> bool {
        self.up.is_some_and(|at| now.since(at) <= within)
            && self.bad.is_none_or(|since| now.since(since) <= on_its_way)
    }
}

/// What people asked for and what they were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Acknowledged {
    asked: BTreeMap<u64, Input>,
    /// What is in the journal, each with how often nobody was told of it yet.
    journal: Vec<(Input, u32)>,
}

impl World {
    /// I13: the row follows from the one before it, and is of the decider that holds the fleet.
    pub(super) fn check_row(&mut self, row: &Row) {
        let chain = Hasher::default()
            .part(self.chain.as_bytes())
            .part(&row.seq.to_le_bytes())
            .part(&row.at.0.to_le_bytes())
            .part(&row.epoch.0.to_le_bytes())
            .part(&row.body)
            .finish();
        if chain != row.hash || row.seq != self.observed as u64 {
            let what = format!("row {} does not follow from the row before it", row.seq);
            self.broken(Invariant::I13, what);
        }
        self.chain = chain;
    }

    /// What a durable row says of who decided what, and of what people asked for.
    pub(super) fn note_decided(&mut self, epoch: Epoch, inputs: &[Input], events: &[Event]) {
        for event in events {
            let number = self.issued.len() as u64;
            if let Event::StepIssued { intent, .. } | Event::WorkAsked { intent, .. } = event {
                let issued = Issued {
                    epoch,
                    kind: None,
                    number,
                };
                self.issued.insert(*intent, issued);
            }
            if let Event::PeerChosen { intent, peer } = event {
                self.peers.insert(*intent, *peer);
            }
            if let Event::RingOpened { rollout, .. } = event {
                self.opened.entry(*rollout).or_insert(number);
            }
        }
        for input in inputs {
            if matches!(input, Input::Command { .. }) {
                let journal = &mut self.acknowledged.journal;
                match journal.iter_mut().find(|(known, _)| known == input) {
                    Some((_, times)) => *times += 1,
                    None => journal.push((input.clone(), 1)),
                }
            }
        }
    }

    /// I11 against the truth: where a ring is promoted, its gates really found every updated host up, and lately.
    pub(super) fn check_promoted(&mut self, at: Timestamp, events: &[Event]) {
        /// Beyond the longest time for which anything is on its way to a decider that stands still.
        const SLACK: Span = Span::minutes(5);
        for event in events {
            let Event::Promoted { rollout, ring } = event else {
                continue;
            };
            let plan = &self.plans[rollout.0 as usize - 1];
            let silent = plan.rings[ring.index()].slots().find_map(|slot| {
                let outcome = self.checkers.outcome_of(*rollout, Slot::at(slot));
                let host = plan.slots[slot].host;
                let is_known = plan.gates.iter().all(|gate| {
                    let probe = &self.fleet.probes[gate.probe.index()].probe;
                    let fresh = probe.every.times(2).plus(probe.timeout);
                    let found = self.told.get(&(host, gate.probe));
                    found.is_some_and(|found| found.is_up(at, fresh.plus(SLACK), SLACK))
                });
                (outcome == Some(HostOutcome::Updated) && !is_known).then_some(host)
            });
            if let Some(host) = silent.filter(|_| self.ahead == 0) {
                let what = format!(
                    "{rollout} promotes {ring:?} and h{} has not answered well",
                    host.0
                );
                self.broken(Invariant::I11, what);
                return;
            }
        }
    }

    /// A person asks for something under a ticket.
    pub(super) fn note_asked(&mut self, ticket: u64, actor: &str, order: &Order) {
        let command = match order {
            Order::Command(command) => command.clone(),
            Order::HandIn(handed) => handed.command.clone(),
            Order::Propose(proposal) => {
                let (fleet, plan) = (proposal.fleet.encode().0, proposal.plan.encode().0);
                let key = proposal.key.clone();
                match (proposal.change.clone(), proposal.reason.clone()) {
                    (change, Some(reason)) => Command::ProposeIn {
                        fleet,
                        plan,
                        key,
                        change,
                        reason,
                    },
                    (None, None) => Command::Propose { fleet, plan, key },
                    (Some(change), None) => Command::ProposeAs {
                        fleet,
                        plan,
                        key,
                        change,
                    },
                }
            }
            Order::Supersede(supersession) => {
                let proposal = &supersession.proposal;
                Command::Supersede {
                    rollout: supersession.rollout,
                    fleet: proposal.fleet.encode().0,
                    plan: proposal.plan.encode().0,
                    key: proposal.key.clone(),
                    change: proposal.change.clone(),
                    poison: supersession.poison.clone(),
                    reason: supersession.reason.clone(),
                }
            }
            Order::Refresh(refresh) => Command::Refresh {
                fleet: refresh.fleet.encode().0,
                plans: refresh
                    .plans
                    .iter()
                    .map(|(rollout, plan)| (*rollout, plan.encode().0))
                    .collect(),
            },
        };
        let actor = Actor(actor.to_owned());
        self.acknowledged
            .asked
            .insert(ticket, Input::Command { actor, command });
    }

    /// I13: nobody is told that something was done before it is in the journal.
    pub(super) fn check_acknowledged(&mut self, ticket: u64) {
        if self.is_former_acting() {
            let what = format!("a decider that was replaced says that it did what {ticket} asks");
            self.broken(Invariant::I13, what);
            return;
        }
        let Some(input) = self.acknowledged.asked.remove(&ticket) else {
            self.broken(Invariant::I13, format!("{ticket} is answered twice"));
            return;
        };
        let known = self
            .acknowledged
            .journal
            .iter_mut()
            .find(|(known, times)| *known == input && *times > 0);
        if let Some((_, times)) = known {
            *times -= 1;
        } else {
            let what = format!("{ticket} was told that it is done, and it is not in the journal");
            self.broken(Invariant::I13, what);
        }
    }

    /// I5 and I2 where a step is handed out: only its own decider may begin it, under its own epoch.
    pub(super) fn check_start(&mut self, start: &Start) {
        let (intent, epoch) = (start.intent, self.acting_epoch());
        if start.epoch != epoch {
            let what = format!(
                "{intent} is handed out under epoch {} by decider {epoch}",
                start.epoch
            );
            self.broken(Invariant::I2, what);
            return;
        }
        let kind = start.plan.routes[start.route.index()]
            .step(start.visit, start.position)
            .map(|step| step.kind);
        let Some(issued) = self.issued.get_mut(&intent) else {
            // Before it is durable: the checkers say so.
            return;
        };
        issued.kind = kind;
        let decided = self.peers.get(&intent).copied();
        if start.peer != decided {
            let what = format!(
                "{intent} was decided to run on {decided:?} and is handed out for {:?}",
                start.peer
            );
            self.broken(Invariant::I5, what);
            return;
        }
        if !self.handed.insert((self.acting, intent)) {
            self.broken(Invariant::I5, format!("{intent} is handed out twice"));
            return;
        }
        if !start.attach && issued.epoch != epoch {
            let what = format!(
                "{intent} was decided by decider {} and is begun anew by decider {epoch}",
                issued.epoch
            );
            self.broken(Invariant::I5, what);
        }
    }

    /// Whether Ringway keeps a host out of service that was in it before, in truth: a step that takes it down runs there, or
    /// it is drained for a rollout that is under way. What was down by itself and is repaired needs no slot.
    /// One that is gone from the fleet takes nobody's slot any more.
    fn is_truly_out(&self, host: HostId) -> bool {
        let gone = self.fleet.vanished.contains(&host);
        let host = &self.hosts[host.index()];
        let is_out = host.running_kind().is_some_and(takes_down)
            || host.in_hand.is_some()
            || host.drained
                && host
                    .drained_by
                    .is_some_and(|rollout| !self.checkers.is_over(rollout));
        is_out && !gone && !host.in_repair
    }

    /// I3 and I7 against the truth: where a step begins that takes its host down, nobody has more hosts down than may be.
    pub(super) fn check_truly_down(&mut self, intent: IntentId, host: HostId, kind: StepKind) {
        if !takes_down(kind) {
            return;
        }
        let repair = self.checkers.is_repair(intent);
        self.hosts[host.index()].in_repair = repair;
        if repair || self.is_truly_out(host) || !self.checkers.is_first_down(intent) {
            return;
        }
        let over = self
            .checkers
            .budgets_over(intent, host)
            .into_iter()
            // A budget counts from the first ring of its rollout on: what was decided before that may begin after it.
            .filter(|(rollout, ..)| {
                let issued = self.issued.get(&intent).map_or(0, |issued| issued.number);
                let opened = self.opened.get(rollout).copied().unwrap_or_default();
                *rollout == intent.rollout() || opened <= issued
            })
            .find_map(|(rollout, limit, targets)| {
                let out = targets.into_iter().filter(|other| *other != host);
                let out = out.filter(|other| self.is_truly_out(*other)).count();
                (out >= limit as usize).then(|| {
                    format!("{intent} takes h{} down and {out} of {limit} targets of {rollout} are down", host.0)
                })
            });
        if let Some(what) = over {
            self.broken(Invariant::I3, what);
            return;
        }
        let Some(cell) = self.fleet.hosts[host.index()].cell else {
            return;
        };
        let spec = &self.fleet.cells[cell.index()];
        let others = spec.members.iter().filter(|&&member| member != host);
        let (out, up): (Vec<HostId>, Vec<HostId>) =
            others.partition(|&&member| self.is_truly_out(member));
        let can_be_met = (spec.must_stay_up as usize) < spec.members.len();
        if (can_be_met || spec.accept_outage.is_none())
            && (up.len() < spec.must_stay_up as usize || out.len() >= spec.down_at_most as usize)
        {
            let what = format!(
                "{intent} takes h{} of `{}` down and {out:?} are down because of Ringway",
                host.0, spec.name
            );
            self.broken(Invariant::I7, what);
        }
    }

    /// A fault strikes a host or everybody: counted by the steps that run there.
    pub(super) fn struck(&mut self, word: &'static str, host: Option<HostId>) {
        if !self.checkers.outstanding().is_empty() {
            self.reach.faults_with_steps += 1;
        }
        let hit = match host {
            Some(host) => &self.hosts[host.index()..=host.index()],
            None => &self.hosts[..],
        };
        for kind in hit.iter().filter_map(super::SimHost::running_kind) {
            *self.reach.faults.entry((word, kind)).or_default() += 1;
        }
    }

    /// A fault strikes the request or the result of a step.
    pub(super) fn struck_step(&mut self, word: &'static str, intent: IntentId) {
        if !self.checkers.outstanding().is_empty() {
            self.reach.faults_with_steps += 1;
        }
        if let Some(kind) = self.issued.get(&intent).and_then(|issued| issued.kind) {
            *self.reach.faults.entry((word, kind)).or_default() += 1;
        }
    }

    /// An append has its fate.
    pub(super) fn note_append(&mut self, fate: Fate) {
        match fate {
            Fate::Written => {}
            Fate::Refused => self.struck("append refused", None),
            Fate::WrittenUnsaid => self.struck("append unsaid", None),
            Fate::Full => self.struck("disk full", None),
        }
    }

    /// At the end: the checkers' last word, and the truth about every host.
    pub(crate) fn check_end(&mut self) {
        if let Err(violation) = self.checkers.finish() {
            self.violation.get_or_insert(violation);
            return;
        }
        if let Err(what) = self
            .check_fold()
            .and_then(|()| self.check_told())
            .and_then(|()| self.check_listed())
        {
            self.broken(Invariant::I13, what);
            return;
        }
        let left: Vec<usize> = (0..self.hosts.len())
            .filter(|&host| {
                self.hosts[host].drained && !self.checkers.may_be_drained(HostId::at(host))
            })
            .collect();
        if !left.is_empty() {
            self.broken(Invariant::I4, format!("hosts {left:?} are left drained"));
            return;
        }
        self.check_silences();
        self.check_post();
        if let Err(what) = self.check_snapshots() {
            self.broken(Invariant::Protected, what);
        }
        if let Err(what) = self.check_installed() {
            self.broken(Invariant::I12, what);
        }
    }

    /// I13: what the decider says of every rollout and every host is what the checkers made of the same events, by other
    /// code.
    pub(super) fn check_told(&self) -> Result<(), String> {
        let Some(executor) = &self.executor else {
            return Ok(());
        };
        if !executor.is_ready() || executor.head().seq != self.observed as u64 || self.is_writing()
        {
            return Ok(());
        }
        let engine = executor.engine();
        for rollout in engine.view(self.now).rollouts {
            let word = self.checkers.state_of(rollout.id);
            if word != Some(rollout.state.as_str()) {
                return Err(format!(
                    "{} is said to be {}, and its events make it {word:?}",
                    rollout.id, rollout.state
                ));
            }
            for view in engine.hosts_of(rollout.id, None) {
                let found = self.checkers.outcome_of(rollout.id, view.slot);
                // Both leave a host out, and which of them did is told.
                let is_advised = view.outcome == HostOutcome::Advised
                    && self.checkers.is_left_out_by_advisory(rollout.id, view.slot);
                let found = found.map(|found| {
                    if is_advised && found == HostOutcome::Excepted {
                        HostOutcome::Advised
                    } else {
                        found
                    }
                });
                let is_told = view.waiting.iter().any(|waiting| {
                    matches!(
                        &waiting.on,
                        WaitingOn::Advisory {
                            effect: Effect::Hold,
                            ..
                        }
                    )
                });
                if is_told && !self.checkers.is_held_by_advisory(rollout.id, view.slot) {
                    return Err(format!(
                        "{} of {} is said to be held by an advisory, and none affects it",
                        view.host, rollout.id
                    ));
                }
                if found != Some(view.outcome) {
                    return Err(format!(
                        "{} of {} is said to be {:?}, and its events make it {found:?}",
                        view.host, rollout.id, view.outcome
                    ));
                }
            }
        }
        if engine
            .adopted()
            .iter()
            .any(|&one| !self.checkers.has_adopted(one))
        {
            return Err("a database is taken over that no event adopted".to_owned());
        }
        Ok(())
    }

    /// I12 against the truth: the outcome that is told of every host is what is installed there.
    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    fn check_installed(&self) -> Result<(), String> {
        let Some(executor) = &self.executor else {
            return Ok(());
        };
        let engine = executor.engine();
        for (index, rollout) in engine.view(self.now).rollouts.iter().enumerate() {
            let plan = &self.plans[index];
            // What is installed there by now is the business of the rollout that has taken its place; and what was there
            // before that one is what this one, or an earlier one, has left.
            if rollout.superseded_by.is_some() {
                continue;
            }
            let takes_over = rollout.supersedes.is_some();
            for view in engine.hosts_of(rollout.id, None) {
                let slot = &plan.slots[view.slot.index()];
                let route = &plan.routes[slot.route.index()];
                let host = &self.hosts[slot.host.index()];
                let installed = host.content.get(&route.recipe);
                let first = host.first.get(&route.recipe);
                // An `apply` that was interrupted under a hold, when nobody could look what it had done.
                let unknown = self.checkers.may_have_changed(rollout.id, view.slot);
                let wanted = match view.outcome {
                    HostOutcome::Pending
                    | HostOutcome::OnHold
                    | HostOutcome::Excepted
                    | HostOutcome::Advised
                    | HostOutcome::CatchUp
                    | HostOutcome::NotReady
                    | HostOutcome::GoesLast
                    | HostOutcome::Superseded
                        if unknown || takes_over =>
                    {
                        continue;
                    }
                    HostOutcome::Updated
                    | HostOutcome::Already
                    | HostOutcome::ChangedOutside
                    | HostOutcome::RestartWithheld => route.build.as_ref(),
                    HostOutcome::RolledBack
                    | HostOutcome::Offline
                    | HostOutcome::Held
                    | HostOutcome::Skipped
                        if takes_over =>
                    {
                        continue;
                    }
                    HostOutcome::RolledBack
                    | HostOutcome::Pending
                    | HostOutcome::Offline
                    | HostOutcome::Held
                    | HostOutcome::Skipped
                    | HostOutcome::NotReady
                    | HostOutcome::GoesLast
                    | HostOutcome::Excepted
                    | HostOutcome::Advised
                    | HostOutcome::CatchUp
                    | HostOutcome::Superseded
                    | HostOutcome::OnHold => first,
                    HostOutcome::Visiting { .. }
                    | HostOutcome::Settling
                    | HostOutcome::Failed { .. }
                    | HostOutcome::Unhealthy { .. }
                    | HostOutcome::RollbackFailed { .. }
                    | HostOutcome::Lost
                    | HostOutcome::Again
                    | HostOutcome::Vanished
                    | HostOutcome::ByHand { .. } => continue,
                };
                if wanted != installed {
                    return Err(format!(
                        "{} of {} is said to be {:?} and has {installed:?}; it had {first:?}",
                        view.host, rollout.id, view.outcome
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether the store has something to tell the decider, or is about to.
    pub(super) fn is_answering(&self) -> bool {
        let mut queue = self.queue.values();
        self.is_writing()
            || queue.any(|happening| {
                let Happening::Arrives { what, .. } = happening else {
                    return false;
                };
                matches!(
                    what,
                    Arrival::Appended { .. } | Arrival::AppendFailed { .. } | Arrival::Loaded(_)
                )
            })
    }

    fn is_writing(&self) -> bool {
        self.queue
            .values()
            .any(|happening| matches!(happening, Happening::Writes { .. }))
    }

    /// I13: all rows, from the first one on and without a snapshot, fold to the state the decider has.
    fn check_fold(&self) -> Result<(), String> {
        let blobs: Vec<Blob> = self.store.blobs().values().cloned().collect();
        let library = Library::read(&blobs).map_err(|error| error.to_string())?;
        let mut fold = Fold::new(&library);
        for row in self.store.rows() {
            fold.row(row).map_err(|error| error.to_string())?;
        }
        let (folded, head, words) = fold.finish_with_words();
        let is_committing = self.is_writing();
        match &self.executor {
            Some(executor) if executor.head().seq == head.seq && !is_committing => {
                let (live, folded) = (executor.engine().state_digest(), folded.state_digest());
                if live == folded && !words.iter().eq(executor.words().iter()) {
                    Err("the journal folds to other last words than the decider has".to_owned())
                } else if live == folded {
                    Ok(())
                } else {
                    Err(format!(
                        "the journal folds to {folded:?}, the decider has {live:?}"
                    ))
                }
            }
            Some(_) | None => Ok(()),
        }
    }

    /// I15 against the truth: the plan that reaches the workers is one that a person brought.
    pub(super) fn check_registered(&mut self, start: &Start) {
        let brought = self
            .proposed
            .iter()
            .any(|&index| self.plans[index] == start.plan);
        let documents = &start.plan.documents;
        let registered = documents
            .values()
            .all(|digest| self.store.blobs().contains_key(digest));
        let brought = brought && start.fleet == self.fleet
            || self.was_brought(&start.plan, &start.fleet)
            || self.was_asked_for(&start.plan, &start.fleet);
        if !brought || !registered {
            self.broken(
                Invariant::I15,
                format!("{} comes from a document nobody registered", start.intent),
            );
        }
    }

    /// I7 against the truth: the members that must stay up answered within the freshness.
    pub(super) fn check_truth(&mut self, start: &Start) {
        /// From the decision on evidence to the moment it is handed out: what the loop allows itself.
        const SLACK: Span = Span::seconds(11);
        /// The longest that what a probe found is on its way.
        const ON_ITS_WAY: Span = Span::seconds(6);
        let Some(cell) = self.checkers.relies_on_peers(start.intent) else {
            return;
        };
        let spec = &self.fleet.cells[cell.index()];
        let up = spec
            .members
            .iter()
            .filter(|&&member| member != start.host)
            .filter(|&&member| {
                self.told
                    .get(&(member, spec.probe))
                    .is_some_and(|found| found.is_up(self.now, spec.fresh.plus(SLACK), ON_ITS_WAY))
            })
            .count();
        let need = spec.must_stay_up as usize;
        if up < need && self.ahead == 0 {
            let name = spec.name.clone();
            self.broken(
                Invariant::I7,
                format!(
                    "{} is handed out and only {up} other members of `{name}` answered lately; {need} must be up",
                    start.intent
                ),
            );
        }
    }

    /// A visit begins only while every external gate of its rollout really said lately that it may.
    pub(super) fn check_gates_open(&mut self, start: &Start) {
        /// From the answer to the moment the step is handed out: what an answer and a commit may take on their way.
        const SLACK: Span = Span::seconds(30);
        // What was interrupted is looked at again from its first step.
        let goes_on = self.checkers.goes_on(start.intent);
        let begins = start.position == 0 && start.attempt == 1 && !goes_on;
        let is_asked = !matches!(start.visit, VisitKind::Rollback | VisitKind::Errand);
        if !begins || !is_asked || self.ahead != 0 {
            return;
        }
        let rollout = start.intent.rollout();
        let gates = (0_u16..).zip(&start.plan.terms.external);
        let shut = gates
            .filter(|(number, gate)| {
                let within = gate.every.times(2).plus(gate.timeout).plus(SLACK);
                !self.gates.is_open(self.now, (rollout, *number), within)
            })
            .map(|(_, gate)| gate.name.clone())
            .next();
        if let Some(name) = shut {
            let what = format!(
                "{} is handed out and gate `{name}` has not said lately that it is open",
                start.intent
            );
            self.broken(Invariant::I11, what);
        }
    }
}
