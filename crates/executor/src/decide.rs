//! One batch: what arrived is handed to the engine, time is let pass, and what was decided becomes a row.

use std::collections::BTreeSet;
use std::sync::Arc;

use ringway_engine::{Accepted, Command, Event, Handled, Input, Rejected};
use ringway_model::{Actor, Digest, IntentId, Timestamp};
use ringway_scheduler::Plan;

use crate::clock::JUMP;
use crate::codec::Batch;
use crate::commit::Commit;
use crate::config::BATCH;
use crate::fold;
use crate::interpret::interpret;
use crate::library::{DOCUMENT, EXHIBIT, FLEET, PLAN};
use crate::machine::{Asked, Executor, Happening, Phase};
use crate::notices::{self, Notices};
use crate::port::{Blob, HandIn, Order, Proposal, Refresh, Request, Row, Supersession};
use crate::words::{self, Word};

/// A batch while it is being decided.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    batch: Batch,
    blobs: Vec<Blob>,
    /// Answers to commands.
    replies: Vec<(u64, Result<Accepted, Rejected>)>,
    /// What must be decided again should the batch be lost.
    kept: Vec<Happening>,
    /// The last words that the batch's notes amount to.
    said: Vec<(IntentId, Word)>,
    /// Whether a command was accepted, which is journaled even where it changes nothing.
    has_command: bool,
    /// Whether it takes the fleet over.
    takes_over: bool,
}

impl Executor {
    /// Decides batches until one has to be made durable or nothing is left to decide.
    pub(crate) fn decide(&mut self, now: Timestamp, out: &mut Vec<Request>) {
        while matches!(self.phase, Phase::Idle) {
            let draft = self.draft(now);
            if draft.batch.events.is_empty() && !draft.has_command {
                // Nothing to remember: refusals can be told at once, for everything they rest on is durable.
                self.is_ready |= draft.takes_over;
                answer(draft.replies, out);
            } else {
                self.commit(now, draft, out);
            }
            if self.inbox.is_empty() && !self.watching.has_changes() {
                break;
            }
        }
    }

    fn draft(&mut self, now: Timestamp) -> Draft {
        let mut draft = Draft::default();
        self.tell_of_time(now, &mut draft);
        let mut room = BATCH;
        for change in self.watching.take_changes(BATCH) {
            let (host, probe, to) = (change.host, change.probe, change.to);
            self.take(now, Input::Evidence { host, probe, to }, &mut draft);
        }
        while room > 0
            && let Some(asked) = self.inbox.commands.pop_front()
        {
            room -= 1;
            self.take_command(now, asked, &mut draft);
        }
        while room > 0
            && let Some(happening) = self.inbox.happenings.pop_front()
        {
            room -= 1;
            self.take_happening(now, happening, &mut draft);
        }
        self.ledger.decided(&draft.batch.events);
        let taken = draft.batch.events.len();
        draft.batch.free_workers = self.config.workers.saturating_sub(self.ledger.len());
        let free = draft.batch.free_workers;
        self.engine.advance(now, free, &mut draft.batch.events);
        self.ledger.decided(&draft.batch.events[taken..]);
        self.observe(now, &draft.batch.events);
        self.words
            .take(&draft.batch.events, std::mem::take(&mut draft.said));
        draft
    }

    /// What the engine must know of time before anything is decided: that it took over, that the clock jumped, that
    /// Ringway is there.
    fn tell_of_time(&mut self, now: Timestamp, draft: &mut Draft) {
        let jump = self.clock.take_jump();
        if let Some(last_alive) = self.inbox.recovered.take() {
            // The takeover covers every jump before it.
            let epoch = self.epoch;
            self.take(now, Input::Recovered { epoch, last_alive }, draft);
            draft.takes_over = true;
            self.alive_since = now;
        } else if let Some(from) = jump {
            self.take(now, Input::ClockJumped { from }, draft);
        } else if self.engine.soaking() && self.was_silent(now) {
            let from = self.head.at;
            self.take(now, Input::ClockJumped { from }, draft);
        }
        if !self.engine.soaking() {
            self.alive_since = now;
        } else if self.alive_due() <= now {
            self.take(now, Input::Alive, draft);
            self.alive_since = now;
            return;
        }
        // A row without anything else in it: what people are told of a due date is written with it.
        if self.is_ready && self.look_at_due().is_some_and(|due| due <= now) {
            self.take(now, Input::Alive, draft);
        }
    }

    /// Whether the journal has said nothing for longer than it may while a soak runs, as when a commit hung: nobody can
    /// witness what was observed meanwhile, and a wake that was asked for before does not explain it.
    fn was_silent(&self, now: Timestamp) -> bool {
        now.since(self.head.at) > self.config.alive_every.plus(JUMP)
    }

    /// When a due date must be looked at, although nothing happens.
    pub(crate) fn look_at_due(&self) -> Option<Timestamp> {
        self.engine.next_look_at_due()
    }

    /// When the journal must say again that Ringway is there, while a soak runs.
    pub(crate) fn alive_due(&self) -> Timestamp {
        self.alive_since + self.config.alive_every
    }

    /// Hands one input to the engine; it is journaled if it changed something.
    fn take(&mut self, now: Timestamp, input: Input, draft: &mut Draft) {
        let before = draft.batch.events.len();
        let handled = self.engine.handle(now, &input, &mut draft.batch.events);
        debug_assert!(
            matches!(handled, Handled::Accepted(_)),
            "only commands are refused"
        );
        if draft.batch.events.len() > before {
            draft.batch.inputs.push(input);
        }
    }

    fn take_command(&mut self, now: Timestamp, asked: Asked, draft: &mut Draft) {
        let Asked {
            ticket,
            actor,
            order,
        } = asked;
        let answer = self.command(now, actor, order, draft);
        draft.has_command |= answer.is_ok();
        draft.replies.push((ticket, answer));
    }

    fn command(
        &mut self,
        now: Timestamp,
        actor: Actor,
        order: Order,
        draft: &mut Draft,
    ) -> Result<Accepted, Rejected> {
        let (command, blobs) = match order {
            Order::Propose(proposal) => self.register(*proposal)?,
            Order::Refresh(refresh) => self.register_refresh(*refresh)?,
            Order::Supersede(supersession) => self.register_supersession(*supersession)?,
            Order::Command(command) => {
                self.check_known(&command)?;
                let blobs = self.named_by(&command);
                (command, blobs)
            }
            Order::HandIn(handed) => self.handed_in(*handed)?,
        };
        let input = Input::Command { actor, command };
        match self.engine.handle(now, &input, &mut draft.batch.events) {
            Handled::Accepted(accepted) => {
                draft.batch.inputs.push(input);
                draft.blobs.extend(blobs);
                Ok(accepted)
            }
            Handled::Rejected(rejected) => Err(rejected),
        }
    }

    fn take_happening(&mut self, now: Timestamp, happening: Happening, draft: &mut Draft) {
        match &happening {
            Happening::Report(intent, report) => {
                // A step that nobody waits for any more: late or repeated, and the state stays as it is.
                let Some(order) = self.engine.order(*intent) else {
                    return;
                };
                let route = &order.plan.routes[order.route.index()];
                let Some(step) = route.step(order.visit, order.position) else {
                    return;
                };
                let (intent, result) = (*intent, interpret(report, step));
                if let Some(note) = words::note(step.kind, report, &result) {
                    let word = words::word(&order, &result, &note);
                    draft.said.extend(word.map(|word| (intent, word)));
                    draft.batch.notes.push((intent, note));
                }
                self.take(now, Input::StepEnded { intent, result }, draft);
            }
            Happening::Restarted(host) => {
                let host = *host;
                self.take(now, Input::Restarted { host }, draft);
            }
            Happening::Calendar(rollout, plan, calendar) => {
                // One that was asked for before the plan changed is of rules that are no more.
                if !self.engine.goes_by(*rollout, plan) {
                    return;
                }
                let (rollout, calendar) = (*rollout, (**calendar).clone());
                self.take(now, Input::Calendar { rollout, calendar }, draft);
            }
            Happening::Gate(rollout, gate, answer) => {
                let (rollout, gate, says) = (*rollout, *gate, answer.says);
                let why = answer.why.clone();
                let input = Input::GateSaid {
                    rollout,
                    gate,
                    says,
                    why,
                };
                self.take(now, input, draft);
            }
        }
        draft.kept.push(happening);
    }

    /// Watches what the decided events want watched.
    fn observe(&mut self, now: Timestamp, events: &[Event]) {
        for event in events {
            if let Event::FleetAdopted { fleet } | Event::FleetRefreshed { fleet, .. } = event {
                self.fleet = Some(*fleet);
            }
            // A revision may have rules about time that the plan before did not have.
            if let Event::PlanRevised { rollout, .. } = event
                && self.engine.wants_calendar(*rollout)
            {
                self.calendars_asked.remove(rollout);
            }
        }
        let fleet = self
            .fleet
            .and_then(|digest| self.library.fleets.get(&digest));
        for change in self.engine.take_watch_changes() {
            self.watching
                .change(now, change, fleet.map(AsRef::as_ref), self.config.watch);
        }
    }

    /// The same for a rollout that takes the place of another one.
    fn register_supersession(
        &mut self,
        supersession: Supersession,
    ) -> Result<(Command, Vec<Blob>), Rejected> {
        let proposal = supersession.proposal;
        let (key, change) = (proposal.key.clone(), proposal.change.clone());
        let (fleet, plan, blobs) = self.register_all(proposal)?;
        let command = Command::Supersede {
            rollout: supersession.rollout,
            fleet,
            plan,
            key,
            change,
            poison: supersession.poison,
            reason: supersession.reason,
        };
        Ok((command, blobs))
    }

    /// Makes a proposal's documents known, and names what must become durable with it.
    fn register(&mut self, proposal: Proposal) -> Result<(Command, Vec<Blob>), Rejected> {
        let (key, change) = (proposal.key.clone(), proposal.change.clone());
        let reason = proposal.reason.clone();
        let (fleet, plan, blobs) = self.register_all(proposal)?;
        let command = match (change, reason) {
            (None, None) => Command::Propose { fleet, plan, key },
            (Some(change), None) => Command::ProposeAs {
                fleet,
                plan,
                key,
                change,
            },
            (change, Some(reason)) => Command::ProposeIn {
                fleet,
                plan,
                key,
                change,
                reason,
            },
        };
        Ok((command, blobs))
    }

    fn register_all(
        &mut self,
        proposal: Proposal,
    ) -> Result<(Digest, Digest, Vec<Blob>), Rejected> {
        let (fleet, fleet_bytes) = proposal.fleet.encode();
        let (plan, plan_bytes) = proposal.plan.encode();
        if proposal.plan.fleet != fleet {
            return Err(Rejected {
                code: "fleet-changed".to_owned(),
                why: "the plan was made for another fleet than the one it came with".to_owned(),
                hint: Some("make the plan again".to_owned()),
            });
        }
        let documents: Vec<Blob> = proposal
            .documents
            .into_iter()
            .map(|(_, text)| blob(DOCUMENT, Digest::of(text.as_bytes()), text.into_bytes()))
            .collect();
        let is_brought =
            |digest: &Digest| documents.iter().any(|document| document.digest == *digest);
        if let Some((name, _)) = proposal
            .plan
            .documents
            .iter()
            .find(|(_, digest)| !is_brought(digest))
        {
            return Err(Rejected {
                code: "documents-missing".to_owned(),
                why: format!("the plan was made from {name}, which did not come with it"),
                hint: Some("make the plan again from the documents as they are now".to_owned()),
            });
        }
        // What a refusal before this one left known may not be durable: it is named whether it is known or not.
        let mut blobs = documents;
        self.engine.provide_fleet(fleet, proposal.fleet.clone());
        self.library.fleets.insert(fleet, proposal.fleet);
        blobs.push(blob(FLEET, fleet, fleet_bytes));
        self.engine.provide_plan(plan, proposal.plan.clone());
        self.library.plans.insert(plan, proposal.plan);
        blobs.push(blob(PLAN, plan, plan_bytes));
        Ok((fleet, plan, blobs))
    }

    /// Makes known what comes with a fleet that was read anew, and names what must become durable with it. What a refusal
    /// before this one left known is named again: it may not be durable.
    fn register_refresh(&mut self, refresh: Refresh) -> Result<(Command, Vec<Blob>), Rejected> {
        let mut blobs: Vec<Blob> = refresh
            .documents
            .into_iter()
            .map(|(_, text)| blob(DOCUMENT, Digest::of(text.as_bytes()), text.into_bytes()))
            .collect();
        let known: BTreeSet<Digest> = self
            .engine
            .open()
            .iter()
            .flat_map(|open| open.plan.documents.values().copied())
            .chain(blobs.iter().map(|document| document.digest))
            .collect();
        let mut plans = Vec::new();
        for (rollout, plan) in refresh.plans {
            let made_from = plan.documents.iter();
            let mut missing = made_from.filter(|(_, digest)| !known.contains(digest));
            if let Some((name, _)) = missing.next() {
                return Err(Rejected {
                    code: "documents-missing".to_owned(),
                    why: format!("a plan was made from {name}, which did not come with it"),
                    hint: Some("refresh again from the documents as they are now".to_owned()),
                });
            }
            let (digest, bytes) = plan.encode();
            self.engine.provide_plan(digest, plan.clone());
            self.library.plans.insert(digest, plan);
            blobs.push(blob(PLAN, digest, bytes));
            plans.push((rollout, digest));
        }
        let (fleet, bytes) = refresh.fleet.encode();
        self.engine.provide_fleet(fleet, refresh.fleet.clone());
        self.library.fleets.insert(fleet, refresh.fleet);
        blobs.push(blob(FLEET, fleet, bytes));
        Ok((Command::Refresh { fleet, plans }, blobs))
    }

    /// A command may only name content that was registered, and another database than this one.
    fn check_known(&self, command: &Command) -> Result<(), Rejected> {
        if let Command::Adopt { incarnation, .. } = command
            && *incarnation == self.incarnation
        {
            return Err(Rejected {
                code: "wrong-state".to_owned(),
                why: format!("{incarnation} is this very database"),
                hint: Some(
                    "its hosts are its own; name the one they say they belong to".to_owned(),
                ),
            });
        }
        if let Command::Done {
            exhibit: Some(exhibit),
            ..
        } = command
        {
            return Err(Rejected {
                code: "documents-missing".to_owned(),
                why: format!("`{}` did not come with the word about it", exhibit.name),
                hint: Some("hand it in with `done HOST --evidence FILE`".to_owned()),
            });
        }
        if let Command::Refresh { fleet, plans } = command
            && !(self.library.fleets.contains_key(fleet)
                && plans
                    .iter()
                    .all(|(_, plan)| self.library.plans.contains_key(plan)))
        {
            return Err(Rejected {
                code: "not-found".to_owned(),
                why: format!("fleet {} or a plan for it is not registered", fleet.short()),
                hint: Some("send the documents with it".to_owned()),
            });
        }
        if let Command::Expedite { plan, .. } = command
            && !self.library.plans.contains_key(plan)
        {
            return Err(Rejected {
                code: "not-found".to_owned(),
                why: format!("plan {} is not registered", plan.short()),
                hint: Some("send it with the request".to_owned()),
            });
        }
        if let Command::Propose { fleet, plan, .. }
        | Command::ProposeAs { fleet, plan, .. }
        | Command::ProposeIn { fleet, plan, .. }
        | Command::Supersede { fleet, plan, .. } = command
            && !(self.library.fleets.contains_key(fleet) && self.library.plans.contains_key(plan))
        {
            return Err(Rejected {
                code: "not-found".to_owned(),
                why: format!("plan {} or its fleet is not registered", plan.short()),
                hint: Some("send the documents with the proposal".to_owned()),
            });
        }
        Ok(())
    }

    /// The fleet and the plans that a command names, to be made durable with it: what made them known may have been refused, and
    /// then nothing has them but the memory of this process.
    fn named_by(&self, command: &Command) -> Vec<Blob> {
        let (mut fleet, mut plans) = (None, Vec::new());
        if let Command::Propose {
            fleet: of, plan, ..
        }
        | Command::ProposeAs {
            fleet: of, plan, ..
        }
        | Command::ProposeIn {
            fleet: of, plan, ..
        }
        | Command::Supersede {
            fleet: of, plan, ..
        } = command
        {
            (fleet, plans) = (Some(of), vec![*plan]);
        }
        if let Command::Expedite { plan, .. } = command {
            plans.push(*plan);
        }
        if let Command::Refresh {
            fleet: of,
            plans: all,
        } = command
        {
            fleet = Some(of);
            plans.extend(all.iter().map(|(_, plan)| *plan));
        }
        let fleet = fleet.and_then(|digest| Some((digest, self.library.fleets.get(digest)?)));
        let fleet = fleet.map(|(digest, fleet)| blob(FLEET, *digest, fleet.encode().1));
        let plans = plans.iter();
        let plans = plans.filter_map(|digest| Some((digest, self.library.plans.get(digest)?)));
        let plans = plans.map(|(digest, plan)| blob(PLAN, *digest, plan.encode().1));
        fleet.into_iter().chain(plans).collect()
    }

    /// Makes a row of what was decided and asks for it to be made durable.
    fn commit(&mut self, now: Timestamp, mut draft: Draft, out: &mut Vec<Request>) {
        let mut head = self.head;
        (head.seq, head.at, head.epoch, head.fleet) = (head.seq + 1, now, self.epoch, self.fleet);
        let state = self.is_snapshot_due().then(|| self.engine.state_digest());
        draft.batch.state = state;
        let mut row = Row {
            seq: head.seq,
            at: now,
            epoch: self.epoch,
            body: draft.batch.encode(),
            hash: Digest::default(),
        };
        row.hash = row.hash_after(&self.head.hash);
        head.hash = row.hash;
        let snapshot = state.map(|state| fold::snapshot(&self.engine, &head, &self.words, state));
        let notices = self.notices(&draft.batch.events, head.seq);
        let commit = Commit {
            row,
            notices,
            head,
            blobs: draft.blobs,
            events: draft.batch.events,
            replies: draft.replies,
            kept: draft.kept,
            takes_over: draft.takes_over,
            snapshot,
        };
        out.push(commit.request());
        #[cfg(feature = "planted-bugs")]
        let mut commit = commit;
        #[cfg(feature = "planted-bugs")]
        if self.has(ringway_engine::planted::Bug::AnswersBeforeCommit) {
            answer(std::mem::take(&mut commit.replies), out);
        }
        #[cfg(feature = "planted-bugs")]
        if self.planted == Some(ringway_engine::planted::Bug::ActsBeforeCommit) {
            self.ledger.durable(&commit.events, commit.row.at);
        }
        self.phase = Phase::Committing(Box::new(commit));
    }

    /// What people are to be told with a batch of these events, which is to be row `seq`.
    fn notices(&mut self, events: &[Event], seq: u64) -> Notices {
        let open = notices::all_open(&self.engine);
        let keys = notices::keys(&open);
        let is_as_before = self.open_matters.as_ref() == Some(&keys);
        #[cfg(feature = "planted-bugs")]
        let is_as_before = is_as_before
            || self.has(ringway_engine::planted::Bug::OverForNobody)
                && self
                    .open_matters
                    .as_ref()
                    .is_some_and(|known| keys.is_subset(known));
        self.open_matters = Some(keys);
        let happened = notices::happened(&self.engine, events, seq);
        #[cfg(feature = "planted-bugs")]
        let happened = if self.has(ringway_engine::planted::Bug::EndUntold)
            && events
                .iter()
                .any(|event| matches!(event, Event::Finished { .. }))
        {
            Vec::new()
        } else {
            happened
        };
        Notices {
            open: (!is_as_before).then_some(open),
            happened,
        }
    }

    /// Often enough that recovery is quick, seldom enough that snapshots are not most of what is written; see
    /// [`Config`](crate::config::Config).
    fn is_snapshot_due(&self) -> bool {
        self.growth.batches + 1 >= self.config.snapshot_every
            && self.growth.bytes >= self.growth.snapshot
    }
}

impl Executor {
    /// A command with what it names: a file, or a plan; that one and no other.
    fn handed_in(&mut self, handed: HandIn) -> Result<(Command, Vec<Blob>), Rejected> {
        let Command::Expedite { plan, .. } = &handed.command else {
            return with_file(handed);
        };
        let digest = *plan;
        let wrong = |why: String| Rejected {
            code: "documents-missing".to_owned(),
            why,
            hint: Some("ask again".to_owned()),
        };
        if Digest::of(&handed.bytes) != digest {
            return Err(wrong(
                "the plan that came is not the one that is named with it".to_owned(),
            ));
        }
        let plan = Plan::decode(&handed.bytes)
            .map_err(|error| wrong(format!("the plan cannot be read: {error}")))?;
        let plan = Arc::new(plan);
        self.engine.provide_plan(digest, plan.clone());
        self.library.plans.insert(digest, plan);
        Ok((handed.command, vec![blob(PLAN, digest, handed.bytes)]))
    }
}

/// A command with the file that it names; that one and no other.
fn with_file(handed: HandIn) -> Result<(Command, Vec<Blob>), Rejected> {
    let HandIn { command, bytes } = handed;
    let digest = Digest::of(&bytes);
    let named = if let Command::Done { exhibit, .. } = &command {
        exhibit.as_ref()
    } else {
        None
    };
    let is_it =
        named.is_some_and(|exhibit| exhibit.digest == digest && exhibit.size == bytes.len() as u64);
    if is_it {
        return Ok((command, vec![blob(EXHIBIT, digest, bytes)]));
    }
    Err(Rejected {
        code: "documents-missing".to_owned(),
        why: "the file that was handed in is not the one that is named with it".to_owned(),
        hint: Some("hand it in again".to_owned()),
    })
}

fn blob(kind: &str, digest: Digest, bytes: Vec<u8>) -> Blob {
    Blob {
        digest,
        kind: kind.to_owned(),
        bytes,
    }
}

/// Answers callers.
pub(crate) fn answer(replies: Vec<(u64, Result<Accepted, Rejected>)>, out: &mut Vec<Request>) {
    out.extend(
        replies
            .into_iter()
            .map(|(ticket, answer)| Request::Reply { ticket, answer }),
    );
}
