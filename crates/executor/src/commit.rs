//! A batch on its way into the journal, and what follows once it is there: answers, steps, snapshots.

use std::collections::BTreeSet;
use std::sync::Arc;

use ringway_engine::{Accepted, Event, Rejected};
use ringway_model::{IntentId, RawReport, Timestamp};

use crate::config::{DECISION_AGE, retry_wait};
use crate::decide::answer;
use crate::fold::Head;
use crate::ledger::Next;
use crate::machine::{Executor, Growth, Happening, Phase};
use crate::notices::Notices;
use crate::port::{AppendFailure, Blob, Ended, Request, Row, Snapshot, Start};
use crate::recover::{Lost, unanswered};

/// A batch that is being made durable.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) row: Row,
    /// The end of the journal once it is durable.
    pub(crate) head: Head,
    pub(crate) blobs: Vec<Blob>,
    pub(crate) notices: Notices,
    pub(crate) events: Vec<Event>,
    pub(crate) replies: Vec<(u64, Result<Accepted, Rejected>)>,
    /// What must be decided again should the batch be lost.
    pub(crate) kept: Vec<Happening>,
    /// Whether it takes the fleet over.
    pub(crate) takes_over: bool,
    pub(crate) snapshot: Option<Snapshot>,
}

impl Commit {
    pub(crate) fn request(&self) -> Request {
        Request::Append {
            row: self.row.clone(),
            blobs: self.blobs.clone(),
            notices: self.notices.clone(),
        }
    }
}

impl Commit {
    /// Whether hosts, how they are visited, or whose they may be are other ones once this is durable.
    fn changes_fleet(&self) -> bool {
        let mut events = self.events.iter();
        events.any(|event| {
            matches!(
                event,
                Event::FleetRefreshed { .. }
                    | Event::PlanRevised { .. }
                    | Event::FleetAdopted { .. }
                    | Event::HostsAdopted { .. }
            )
        })
    }
}

impl Executor {
    /// A batch is durable. An answer to an append that nobody waits for any more changes nothing.
    pub(crate) fn appended(&mut self, seq: u64, out: &mut Vec<Request>) {
        let Some(commit) = self.take_commit(seq) else {
            return;
        };
        self.failures = 0;
        self.head = commit.head;
        self.is_ready |= commit.takes_over;
        self.growth.batches += 1;
        self.growth.bytes += commit.row.body.len() as u64;
        if let Some(snapshot) = commit.snapshot {
            self.growth = Growth {
                snapshot: snapshot.body.len() as u64,
                ..Growth::default()
            };
            out.push(Request::KeepSnapshot(snapshot));
        }
        self.ledger.durable(&commit.events, commit.row.at);
        answer(commit.replies, out);
        let engine = &self.engine;
        let unwanted = self
            .ledger
            .ask_back(&commit.events, |intent| engine.still_wanted(intent));
        out.extend(unwanted.into_iter().map(Request::Withdraw));
    }

    /// The batch that is being made durable, if it is this one; the loop is idle then.
    fn take_commit(&mut self, seq: u64) -> Option<Box<Commit>> {
        match &self.phase {
            Phase::Committing(commit) if commit.row.seq == seq => {}
            Phase::Committing(_)
            | Phase::Unread { .. }
            | Phase::Loading
            | Phase::Idle
            | Phase::Full { .. }
            | Phase::Ended(_) => return None,
        }
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        if let Phase::Committing(commit) = phase {
            Some(commit)
        } else {
            None
        }
    }

    /// A batch is not durable, or nobody knows.
    pub(crate) fn append_failed(
        &mut self,
        now: Timestamp,
        seq: u64,
        why: &AppendFailure,
        out: &mut Vec<Request>,
    ) {
        let Some(commit) = self.take_commit(seq) else {
            return;
        };
        self.failures += 1;
        match why {
            AppendFailure::Fenced => {
                // What was decided is void: a later decider does not know of it.
                answer(unanswered(commit.replies), out);
                self.end(Ended::Fenced, out);
            }
            AppendFailure::DiskFull => {
                let again = now + retry_wait(self.failures);
                self.phase = Phase::Full { commit, again };
            }
            AppendFailure::Other(_) => {
                self.is_ready = false;
                self.lost = Some(Lost::of(*commit));
                // The first time at once: most failures are a hiccup. Then ever more slowly.
                let at = match self.failures {
                    1 => now,
                    more => now + retry_wait(more - 1),
                };
                self.phase = Phase::Unread { at };
            }
        }
    }

    /// There may be room again.
    pub(crate) fn append_again(&mut self, out: &mut Vec<Request>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        if let Phase::Full { commit, .. } = phase {
            out.push(commit.request());
            self.phase = Phase::Committing(commit);
        } else {
            self.phase = phase;
        }
    }

    /// Hands out every step that is durable and still wanted. One that is not is reported as withdrawn, which it is.
    pub(crate) fn hand_out(&mut self, now: Timestamp, out: &mut Vec<Request>) {
        let may_start = match &self.phase {
            Phase::Idle => self.is_ready,
            // Where the fleet changes with the batch, steps would go to hosts as they are by a change that may be lost.
            Phase::Committing(commit) => self.is_ready && !commit.changes_fleet(),
            Phase::Unread { .. } | Phase::Loading | Phase::Full { .. } | Phase::Ended(_) => false,
        };
        while may_start && let Some(next) = self.ledger.pop() {
            self.hand_out_one(now, next, out);
        }
    }

    fn hand_out_one(&mut self, now: Timestamp, next: Next, out: &mut Vec<Request>) {
        let intent = next.intent;
        // It ended before it was handed out: a report of it was already there.
        let Some(order) = self.engine.order(intent) else {
            return;
        };
        let route = &order.plan.routes[order.route.index()];
        let restores = route
            .step(order.visit, order.position)
            .is_some_and(|step| step.kind.may_start_when_held(order.visit));
        let is_current = restores || now.since(next.decided) <= DECISION_AGE;
        self.ledger.handed_out(intent);
        let is_wanted = is_current && self.engine.still_wanted(intent);
        if !next.attach && !is_wanted {
            self.withdrawn(intent);
            return;
        }
        let (epoch, attach) = (self.epoch, next.attach);
        #[cfg(feature = "planted-bugs")]
        let (epoch, attach) = self.planted_start(epoch, attach);
        #[cfg(feature = "planted-bugs")]
        let order = ringway_engine::OrderView {
            peer: order.peer.map(|peer| {
                if attach && self.has(ringway_engine::planted::Bug::PeerLost) {
                    order.host
                } else {
                    peer
                }
            }),
            ..order
        };
        out.push(Request::Start(Start {
            intent,
            epoch,
            incarnation: self.incarnation,
            host: order.host,
            fleet: order.fleet,
            plan: order.plan,
            route: order.route,
            visit: order.visit,
            position: order.position,
            attempt: order.attempt,
            previous: order.previous,
            protection: order.protection,
            peer: order.peer,
            adopts: self.adopts(),
            attach,
            may_run_when_held: order.may_run_when_held,
        }));
        #[cfg(feature = "planted-bugs")]
        if self.has(ringway_engine::planted::Bug::HandedOutTwice)
            && let Some(Request::Start(start)) = out.last().cloned()
        {
            out.push(Request::Start(start));
        }
    }

    #[cfg(feature = "planted-bugs")]
    fn planted_start(
        &self,
        mut epoch: ringway_model::Epoch,
        mut attach: bool,
    ) -> (ringway_model::Epoch, bool) {
        if self.has(ringway_engine::planted::Bug::StaleEpochHandedOut) {
            epoch.0 = epoch.0.saturating_sub(1);
        }
        attach &= !self.has(ringway_engine::planted::Bug::AttachBeginsAnew);
        (epoch, attach)
    }

    /// Databases whose hosts the workers may take over.
    fn adopts(&self) -> Arc<BTreeSet<u64>> {
        #[cfg(feature = "planted-bugs")]
        if self.planted == Some(ringway_engine::planted::Bug::AdoptsUnasked) {
            return Arc::new((0..16).collect());
        }
        Arc::clone(self.engine.adopted())
    }

    fn withdrawn(&mut self, intent: IntentId) {
        let report = Happening::Report(intent, RawReport::Withdrawn);
        self.inbox.happenings.push_back(report);
    }
}
