//! `history`: what happened to one host, over all rollouts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use ringway_engine::{Event, HostState, Then};
use ringway_executor::codec::Batch;
use ringway_model::{
    ChangeId, HostId, IntentId, RolloutId, Slot, StepKind, StepResult, Timestamp, VisitKind,
};
use serde::Serialize;

use super::advised::affects;
use super::chronicle::{Chronicle, Course, is_meant};
use super::happened::{Bare, What, stood};
use super::walk::Walk;
use crate::args::History;
use crate::clock;
use crate::exit::{End, Failure, Outcome};
use crate::near::nearest;
use crate::out::Out;
use crate::show::{self, put};

/// What happened to a host.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    host: String,
    /// Only what happened from here on; absent: from the journal's first row on.
    since: Option<String>,
    /// The newest first.
    entries: Vec<Entry>,
    /// Older ones that are not shown.
    more: u64,
}

/// Something that happened to it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Entry {
    /// The journal's row.
    seq: u64,
    /// In UTC.
    at: String,
    what: What,
    /// In words.
    words: String,
    #[serde(flatten)]
    part: Option<Part>,
    /// Who said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What the step said that did not go well.
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<String>,
}

/// The rollout it happened in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Part {
    rollout: RolloutId,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<ChangeId>,
    policy: String,
    update: String,
    ring: String,
    release: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<String>,
    /// What the host had before.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
    /// Who said yes to what let this ring begin.
    approved_by: Vec<String>,
}

/// `ringway history`.
pub(crate) async fn history(out: Out, data: &Path, args: &History) -> Outcome {
    let since = args.since.map(|since| since.from(clock::now()));
    let (mut walk, library) = Walk::begin(data).await?;
    let mut host = OneHost::new(&args.host, since, args.limit.get());
    let mut chronicle = Chronicle::new(&library);
    while let Some((row, batch)) = walk.batch().await? {
        for event in &batch.events {
            chronicle.learn(row.at, event);
            host.hear(row.seq, row.at, &chronicle, event, &batch);
        }
    }
    if !host.is_known {
        let names = library.fleets.values().flat_map(|fleet| &fleet.hosts);
        let near = nearest(&args.host, names.map(|host| host.name.as_str()));
        let why = format!("no fleet of this journal has a host `{}`", args.host);
        let failure = Failure::new(End::Refused, why);
        return Err(match near {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("`ringway plan` lists the hosts of the documents"),
        });
    }
    let told = Told {
        host: args.host.clone(),
        since: since.map(|at| at.to_string()),
        entries: host.entries.into_iter().rev().collect(),
        more: host.more,
    };
    out.value(&told, words);
    Ok(End::Done)
}

/// What is kept of one host while the journal is read.
struct OneHost<'a> {
    name: &'a str,
    since: Option<Timestamp>,
    limit: usize,
    is_known: bool,
    /// In the fleet that rollouts run over.
    host: Option<HostId>,
    slots: BTreeMap<RolloutId, Slot>,
    /// Rollouts that visit it.
    visits: BTreeSet<RolloutId>,
    /// Exceptions that mean it.
    exceptions: BTreeSet<String>,
    /// Advisories that may affect it.
    advisories: BTreeSet<String>,
    /// Steps that remove what it was protected by.
    removals: BTreeSet<IntentId>,
    /// Steps of its visits that run: their kinds and attempts.
    steps: BTreeMap<IntentId, (StepKind, u8)>,
    entries: VecDeque<Entry>,
    more: u64,
}

impl<'a> OneHost<'a> {
    const fn new(name: &'a str, since: Option<Timestamp>, limit: usize) -> Self {
        Self {
            name,
            since,
            limit,
            is_known: false,
            host: None,
            slots: BTreeMap::new(),
            visits: BTreeSet::new(),
            exceptions: BTreeSet::new(),
            advisories: BTreeSet::new(),
            removals: BTreeSet::new(),
            steps: BTreeMap::new(),
            entries: VecDeque::new(),
            more: 0,
        }
    }

    fn hear(
        &mut self,
        seq: u64,
        at: Timestamp,
        chronicle: &Chronicle<'_>,
        event: &Event,
        batch: &Batch,
    ) {
        if let Event::FleetAdopted { .. } | Event::FleetRefreshed { .. } = event {
            let hosts = chronicle.fleet.iter().flat_map(|fleet| &fleet.hosts);
            self.host = (0..)
                .map(HostId)
                .zip(hosts)
                .find_map(|(id, host)| (host.name == self.name).then_some(id));
            self.is_known |= self.host.is_some();
        }
        // A revision of the plan may give the host another slot, or its first.
        if let Event::Proposed { rollout, .. } | Event::PlanRevised { rollout, .. } = event
            && let Some(slot) = chronicle.courses[rollout].slot_of(self.name)
        {
            self.slots.insert(*rollout, slot);
        }
        let exception = self.of_exception(event, chronicle);
        let about = match (exception, self.of_advisory(event, chronicle)) {
            (Some(mut one), Some(other)) => {
                one.words = format!("{}; {}", one.words, other.words);
                Some(one)
            }
            (one, other) => one.or(other),
        };
        let bare = about
            .or_else(|| self.bare(event, batch))
            .or_else(|| self.attempt(event, batch));
        self.note_visit(event);
        self.note_step(event, chronicle);
        let Some(bare) = bare else {
            return;
        };
        // What is known of a host changes without its state, and every such change is an event.
        if let Event::HostMoved { rollout, slot, .. } = event
            && !chronicle.courses[rollout].changed_at(*slot, at)
        {
            return;
        }
        if self.since.is_some_and(|since| at < since) {
            return;
        }
        if self.entries.len() == self.limit {
            self.entries.pop_front();
            self.more += 1;
        }
        let part = bare.rollout.and_then(|id| {
            let (course, slot) = (chronicle.courses.get(&id)?, self.slots.get(&id)?);
            Some(part(course, *slot))
        });
        self.entries.push_back(Entry {
            seq,
            at: at.to_string(),
            what: bare.what,
            words: bare.words,
            part,
            by: bare.by,
            reason: bare.reason,
            said: bare.said,
        });
    }

    /// An exception that means the host begins or ends.
    fn of_exception(&mut self, event: &Event, chronicle: &Chronicle<'_>) -> Option<Bare> {
        if let Event::Excepted { exception, actor } = event {
            let was = self.exceptions.remove(&exception.id);
            if !is_meant(exception, chronicle.fleet.as_deref(), self.name) {
                let words = format!("exception {} does not mean it any more", exception.id);
                return was.then(|| Bare::new(What::ExceptionEnded, words, None));
            }
            self.exceptions.insert(exception.id.clone());
            let words = format!(
                "excepted until {} by {} of {}",
                exception.until, exception.id, exception.owner
            );
            let bare = Bare::new(What::Excepted, words, None);
            return Some(bare.by(Some(actor), &exception.reason));
        }
        if let Event::FleetAdopted { .. } | Event::FleetRefreshed { .. } = event {
            // Documents bring exceptions before the fleet whose hosts they mean.
            return self.newly_excepted(chronicle);
        }
        if let Event::ExceptionEnded { id, actor, reason } = event
            && self.exceptions.remove(id)
        {
            let words = format!("exception {id} ended");
            let bare = Bare::new(What::ExceptionEnded, words, None);
            return Some(bare.by(actor.as_ref(), reason));
        }
        None
    }

    /// Exceptions that were there already and mean the host since the fleet is as it is.
    fn newly_excepted(&mut self, chronicle: &Chronicle<'_>) -> Option<Bare> {
        let mut words = Vec::new();
        let mut reasons = Vec::new();
        for exception in chronicle.exceptions.values() {
            let is_meant = is_meant(exception, chronicle.fleet.as_deref(), self.name);
            if is_meant && self.exceptions.insert(exception.id.clone()) {
                words.push(format!(
                    "excepted until {} by {} of {}",
                    exception.until, exception.id, exception.owner
                ));
                reasons.push(exception.reason.clone());
            }
        }
        let bare = (!words.is_empty()).then(|| Bare::new(What::Excepted, words.join("; "), None));
        bare.map(|bare| bare.by(None, &reasons.join("; ")))
    }

    /// An advisory that may affect the host comes, or somebody says what becomes of it.
    fn of_advisory(&mut self, event: &Event, chronicle: &Chronicle<'_>) -> Option<Bare> {
        if let Event::Advised { advisory, actor } = event {
            let was = self.advisories.remove(&advisory.id);
            if !affects(advisory, chronicle.fleet.as_deref(), self.name) {
                let words = format!("advisory {} does not affect it any more", advisory.id);
                return was.then(|| Bare::new(What::AdvisoryRuled, words, None));
            }
            self.advisories.insert(advisory.id.clone());
            let bare = Bare::new(What::Advised, show::asks(advisory), None);
            return Some(bare.by(Some(actor), advisory.says.as_deref().unwrap_or_default()));
        }
        if let Event::AdvisoryRuled {
            id,
            ruling,
            actor,
            reason,
        } = event
            && self.advisories.contains(id)
        {
            let words = format!("advisory {id} {}", ruling.done());
            let bare = Bare::new(What::AdvisoryRuled, words, None);
            return Some(bare.by(Some(actor), reason));
        }
        if let Event::FleetAdopted { .. } | Event::FleetRefreshed { .. } = event {
            let all = chronicle.advisories.values().filter(|heard| heard.counts);
            let all = all.map(|heard| &heard.advisory);
            let mut words = Vec::new();
            for one in all.filter(|one| affects(one, chronicle.fleet.as_deref(), self.name)) {
                if self.advisories.insert(one.id.clone()) {
                    words.push(show::asks(one));
                }
            }
            let bare =
                (!words.is_empty()).then(|| Bare::new(What::Advised, words.join("; "), None));
            return bare.map(|bare| bare.by(None, ""));
        }
        None
    }

    fn is_ours(&self, rollout: RolloutId, slot: Slot) -> bool {
        self.slots.get(&rollout) == Some(&slot)
    }

    /// An attempt that failed and is made again: its failure counts until that goes well.
    fn attempt(&self, event: &Event, batch: &Batch) -> Option<Bare> {
        let Event::StepEnded {
            intent,
            result,
            then: Then::Retry { .. },
        } = event
        else {
            return None;
        };
        let (kind, attempt) = self.steps.get(intent)?;
        let why = match result {
            StepResult::Failed(why) => why.words(),
            StepResult::Interrupted => "it was interrupted",
            StepResult::Unreachable => "it could not be reached",
            StepResult::Done
            | StepResult::Found { .. }
            | StepResult::Back { .. }
            | StepResult::Protected { .. }
            | StepResult::Answered { .. }
            | StepResult::NotStarted => return None,
        };
        let words = format!("attempt {attempt} at `{kind}` failed: {why}; it is made again");
        let mut bare = Bare::new(What::AttemptFailed, words, Some(intent.rollout()));
        let note = batch.notes.iter().find(|(of, _)| of == intent);
        bare.said = note.map(|(_, text)| text.clone());
        Some(bare)
    }

    /// What runs on the host from this event on.
    fn note_step(&mut self, event: &Event, chronicle: &Chronicle<'_>) {
        if let Event::StepEnded { intent, .. } = event {
            self.steps.remove(intent);
        }
        if let Event::StepIssued {
            intent,
            visit,
            position,
            attempt,
            ..
        } = event
            && *visit != VisitKind::Errand
            && self.is_ours(intent.rollout(), intent.slot())
        {
            let course = chronicle.courses.get(&intent.rollout());
            let kind = course.and_then(|course| course.step(intent.slot(), *visit, *position));
            self.steps
                .extend(kind.map(|kind| (*intent, (kind, *attempt))));
        }
    }

    /// Whether a rollout is visiting the host from this event on.
    fn note_visit(&mut self, event: &Event) {
        if let Event::StepIssued {
            intent,
            visit: VisitKind::Errand,
            position,
            ..
        } = event
            && StepKind::ERRANDS.get(usize::from(*position)) == Some(&StepKind::Unprotect)
        {
            self.removals.insert(*intent);
        }
        if let Event::StepIssued { intent, visit, .. } = event
            && *visit != VisitKind::Errand
            && self.is_ours(intent.rollout(), intent.slot())
        {
            self.visits.insert(intent.rollout());
        }
        if let Event::StepEnded {
            intent,
            then: Then::End { .. },
            ..
        } = event
            && self.is_ours(intent.rollout(), intent.slot())
        {
            self.visits.remove(&intent.rollout());
        }
        if let Event::HostMoved {
            rollout, slot, to, ..
        } = event
            && self.is_ours(*rollout, *slot)
            && !matches!(
                to,
                HostState::Ready { .. } | HostState::Backoff { .. } | HostState::ByHand { .. }
            )
        {
            self.visits.remove(rollout);
        }
    }

    /// How an errand ended that is over.
    fn errand(&self, intent: IntentId, result: &StepResult, batch: &Batch) -> Bare {
        let note = batch.notes.iter().find(|(of, _)| *of == intent);
        let removes = self.removals.contains(&intent);
        let (what, words) = match result {
            StepResult::Done if removes => (
                What::ProtectionRemoved,
                "what it was protected by was removed".to_owned(),
            ),
            _ if removes => (
                What::ProtectionKept,
                "what it is protected by could not be removed".to_owned(),
            ),
            StepResult::Done => (What::Staged, "staged ahead of its visit".to_owned()),
            StepResult::Failed(_)
            | StepResult::Unreachable
            | StepResult::Interrupted
            | StepResult::NotStarted
            | StepResult::Found { .. }
            | StepResult::Back { .. }
            | StepResult::Protected { .. }
            | StepResult::Answered { .. } => (
                What::NotStaged,
                "could not be staged: its visit does it".to_owned(),
            ),
        };
        let mut bare = Bare::new(what, words, Some(intent.rollout()));
        bare.said = note.map(|(_, text)| text.clone());
        bare
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each event is the table of what a host's history has"
    )]
    fn bare(&self, event: &Event, batch: &Batch) -> Option<Bare> {
        match event {
            Event::StepIssued {
                intent,
                visit: visit @ (VisitKind::Update | VisitKind::Rollback | VisitKind::Restart),
                ..
            } if self.is_ours(intent.rollout(), intent.slot())
                && !self.visits.contains(&intent.rollout()) =>
            {
                let words = match visit {
                    VisitKind::Update => "its visit begins".to_owned(),
                    VisitKind::Rollback | VisitKind::Restart | VisitKind::Errand => {
                        format!("its visit begins: {}", visit.word())
                    }
                };
                Some(Bare::new(What::VisitBegan, words, Some(intent.rollout())))
            }
            Event::StepEnded {
                intent,
                result,
                then: Then::Over,
            } if self.is_ours(intent.rollout(), intent.slot()) => {
                Some(self.errand(*intent, result, batch))
            }
            Event::StepEnded {
                intent,
                result: StepResult::Protected { name },
                ..
            } if self.is_ours(intent.rollout(), intent.slot()) => Some(Bare::new(
                What::Protected,
                format!("protected: {name}"),
                Some(intent.rollout()),
            )),
            Event::ProtectionEnds {
                rollout,
                slot,
                actor,
                reason,
                ..
            } if self.is_ours(*rollout, *slot) => {
                let words = "what it is protected by is to be removed".to_owned();
                let bare = Bare::new(What::ProtectionEnds, words, Some(*rollout));
                Some(bare.by(actor.as_ref(), reason))
            }
            Event::ProtectionGone {
                rollout,
                slot,
                actor,
                reason,
                ..
            } if self.is_ours(*rollout, *slot) => {
                let words = "what it was protected by is gone".to_owned();
                let bare = Bare::new(What::ProtectionGone, words, Some(*rollout));
                Some(bare.by(Some(actor), reason))
            }
            Event::StepEnded {
                intent,
                then: Then::End { to, .. },
                ..
            } if self.is_ours(intent.rollout(), intent.slot()) => {
                let mut bare = stood(*to, intent.rollout())?;
                let note = batch.notes.iter().find(|(of, _)| of == intent);
                bare.said = note.map(|(_, text)| text.clone());
                Some(bare)
            }
            Event::HostMoved {
                rollout, slot, to, ..
            } if self.is_ours(*rollout, *slot) => stood(*to, *rollout),
            Event::Restarted { rollout, slot } if self.is_ours(*rollout, *slot) => Some(Bare::new(
                What::Restarted,
                "restarted by itself".to_owned(),
                Some(*rollout),
            )),
            Event::HostSkipped {
                rollout,
                slot,
                actor,
                reason,
            } if self.is_ours(*rollout, *slot) => Some(
                Bare::new(What::Skipped, "left out".to_owned(), Some(*rollout))
                    .by(Some(actor), reason),
            ),
            Event::HostRetried {
                rollout,
                slot,
                actor,
                reason,
            } if self.is_ours(*rollout, *slot) => Some(
                Bare::new(
                    What::Retried,
                    "to be visited again".to_owned(),
                    Some(*rollout),
                )
                .by(Some(actor), reason),
            ),
            Event::Commented {
                rollout,
                slot: Some(slot),
                actor,
                text,
            } if self.is_ours(*rollout, *slot) => Some(
                Bare::new(What::Commented, "a note".to_owned(), Some(*rollout))
                    .by(Some(actor), text),
            ),
            Event::WorkAsked { intent, due, .. }
                if self.is_ours(intent.rollout(), intent.slot()) =>
            {
                let words = format!("a person is asked to work on it by hand, due by {due}");
                let rollout = Some(intent.rollout());
                Some(Bare::new(What::AskedByHand, words, rollout))
            }
            Event::WorkTold {
                intent,
                actor,
                told,
                reason,
                exhibit,
            } if self.is_ours(intent.rollout(), intent.slot()) => {
                let shown = exhibit.as_ref().map_or_else(String::new, |file| {
                    format!(", evidence {} `{}`", file.digest.short(), file.name)
                });
                let words = format!("by hand: {}{shown}", told.words());
                let bare = Bare::new(What::ToldByHand, words, Some(intent.rollout()));
                Some(bare.by(Some(actor), reason))
            }
            Event::SupersedeBegan {
                rollout,
                by,
                actor,
                reason,
            } if self.slots.contains_key(rollout) => {
                let words = format!("its rollout is superseded by {by}");
                let bare = Bare::new(What::Superseded, words, Some(*rollout));
                Some(bare.by(Some(actor), reason))
            }
            Event::ChangedOutside {
                rollout,
                slot,
                found,
                was,
            } if self.is_ours(*rollout, *slot) => {
                let found = found.as_deref().unwrap_or("the release");
                let words = format!("changed outside Ringway: it was {was}, and has {found} now");
                Some(Bare::new(What::ChangedOutside, words, Some(*rollout)))
            }
            Event::HostHeld {
                host,
                kind,
                actor,
                reason,
                until,
            } if Some(*host) == self.host => {
                let until = until.map_or_else(String::new, |at| format!(" until {at}"));
                let words = format!("not to be touched{until} ({})", kind.word());
                Some(Bare::new(What::Held, words, None).by(Some(actor), reason))
            }
            Event::HostReleased {
                host,
                kind,
                actor,
                reason,
            } if Some(*host) == self.host => {
                let over = if actor.is_none() {
                    ", its time was over"
                } else {
                    ""
                };
                let words = format!("may be touched again ({} ended{over})", kind.word());
                Some(Bare::new(What::Released, words, None).by(actor.as_ref(), reason))
            }
            Event::StepIssued { .. }
            | Event::StepEnded { .. }
            | Event::HostMoved { .. }
            | Event::Restarted { .. }
            | Event::HostSkipped { .. }
            | Event::HostRetried { .. }
            | Event::Commented { .. }
            | Event::HostHeld { .. }
            | Event::HostReleased { .. }
            | Event::Recovered { .. }
            | Event::Alive
            | Event::ClockJumped { .. }
            | Event::FleetAdopted { .. }
            | Event::FleetRefreshed { .. }
            | Event::PlanRevised { .. }
            | Event::Poisoned { .. }
            | Event::Unpoisoned { .. }
            | Event::UnpoisonAsked { .. }
            | Event::UnpoisonApproved { .. }
            | Event::UnpoisonLapsed { .. }
            | Event::LaneEntered { .. }
            | Event::LaneAsked { .. }
            | Event::LaneLapsed { .. }
            | Event::Expedited { .. }
            | Event::Advised { .. }
            | Event::AdvisoryRuled { .. }
            | Event::Stopped { .. }
            | Event::Went { .. }
            | Event::Faulted { .. }
            | Event::Proposed { .. }
            | Event::Approved { .. }
            | Event::ApprovalGiven { .. }
            | Event::SoakCutShort { .. }
            | Event::Asked { .. }
            | Event::Answered { .. }
            | Event::PeerChosen { .. }
            | Event::ApprovalVoided { .. }
            | Event::Declined { .. }
            | Event::RingOpened { .. }
            | Event::SoakBegan { .. }
            | Event::SoakHeld { .. }
            | Event::SoakContinued { .. }
            | Event::SoakEnded { .. }
            | Event::Promoted { .. }
            | Event::Paused { .. }
            | Event::Halted { .. }
            | Event::Resumed { .. }
            | Event::CancelBegan { .. }
            | Event::SupersedeBegan { .. }
            | Event::RollbackBegan { .. }
            | Event::Finished { .. }
            | Event::EvidenceChanged { .. }
            | Event::HostsAdopted { .. }
            | Event::CalendarKnown { .. }
            | Event::ChangeNamed { .. }
            | Event::FreezeOverridden { .. }
            | Event::UntestedAccepted { .. }
            | Event::GateSaid { .. }
            | Event::WorkAsked { .. }
            | Event::WorkTold { .. }
            | Event::Excepted { .. }
            | Event::ChangedOutside { .. }
            | Event::ProtectionEnds { .. }
            | Event::ProtectionGone { .. }
            | Event::ExceptionEnded { .. } => None,
        }
    }
}

fn part(course: &Course, slot: Slot) -> Part {
    let (ring, route) = (course.ring_of(slot), course.route(slot));
    Part {
        rollout: course.id,
        change: course.change.clone(),
        policy: course.policy(),
        update: course.update(),
        ring: course.ring_name(ring),
        release: route.map_or_else(String::new, |route| route.release.clone()),
        build: route.and_then(|route| route.build.clone()),
        previous: course
            .hosts
            .get(slot.index())
            .and_then(|host| host.previous.clone()),
        approved_by: course.approvers(ring),
    }
}

fn words(told: &Told) -> String {
    let since = told
        .since
        .as_ref()
        .map_or_else(String::new, |at| format!(" since {at}"));
    if told.entries.is_empty() {
        return format!("nothing happened to {}{since}", told.host);
    }
    let mut text = format!("{}{since}, newest first\n", show::bold(&told.host));
    for entry in &told.entries {
        put(&mut text, format_args!("{}  ", entry.at));
        if let Some(part) = &entry.part {
            let rollout = show::named(part.rollout, part.change.as_ref());
            put(&mut text, format_args!("{rollout}  "));
        }
        text.push_str(&entry.words);
        if let Some(by) = &entry.by {
            put(&mut text, format_args!(" by {by}"));
        }
        if let Some(reason) = &entry.reason {
            put(&mut text, format_args!(": {reason}"));
        }
        text.push('\n');
        if let Some(part) = &entry.part
            && matches!(
                entry.what,
                What::Installed | What::Updated | What::Already | What::RolledBack
            )
        {
            put(&mut text, format_args!("    {}\n", part.words()));
        }
        if let Some(line) = entry.said.as_deref().and_then(show::telling) {
            put(&mut text, format_args!("    | {line}\n"));
        }
    }
    if told.more > 0 {
        put(
            &mut text,
            format_args!("... and {} older; `--limit` shows more\n", told.more),
        );
    }
    text
}

impl Part {
    /// `web-2.1 (build 7), had 2.0; april by policy careful, ring canary; approved by ana, ben`.
    fn words(&self) -> String {
        let mut text = self.release.clone();
        if let Some(build) = &self.build {
            put(&mut text, format_args!(" (build {build})"));
        }
        if let Some(previous) = &self.previous {
            put(&mut text, format_args!(", had {previous}"));
        }
        put(
            &mut text,
            format_args!(
                "; {} by policy {}, ring {}",
                self.update, self.policy, self.ring
            ),
        );
        if !self.approved_by.is_empty() {
            put(
                &mut text,
                format_args!("; approved by {}", self.approved_by.join(", ")),
            );
        }
        text
    }
}
