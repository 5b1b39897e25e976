//! Carrying out what the decider asks for, as the runtime does: the store, the workers, probes and replies.

use std::sync::Arc;

use ringway_executor::Executor;
use ringway_executor::port::{AppendFailure, Arrival, Blob, Ended, Request, Row, Start};
use ringway_model::{HostId, ProbeId, Span, Timestamp};
use ringway_scheduler::{FleetSpec, Plan};

use super::store::Fate;
use super::{Happening, World};
use crate::checkers::Invariant;

impl World {
    pub(super) fn new_executor(&self) -> Executor {
        #[cfg_attr(
            not(feature = "planted-bugs"),
            expect(unused_mut, reason = "a mistake is planted only with the feature")
        )]
        let mut executor = Executor::new(self.config);
        #[cfg(feature = "planted-bugs")]
        executor.plant(self.planted);
        executor
    }

    pub(super) fn carry_out(&mut self, request: Request) {
        match request {
            Request::Load => {
                let loaded = self.store.load();
                let wait = self.network.span(Span(1), Span(50));
                self.tell_after(wait, Arrival::Loaded(Box::new(loaded)));
            }
            Request::LoadAll => {
                let loaded = self.store.load_all();
                let wait = self.network.span(Span(1), Span(50));
                self.tell_after(wait, Arrival::Loaded(Box::new(loaded)));
            }
            Request::Append { row, blobs } => self.append(row, blobs),
            Request::KeepSnapshot(snapshot) => self.store.keep(snapshot),
            Request::Start(start) => self.start(start),
            Request::Withdraw(intent) => {
                self.withdrawn.insert(intent);
            }
            Request::Probe { host, probe } => self.probe(host, probe),
            Request::SeeBoot { host, .. } => {
                let boot = self.hosts[host.index()].boot_id(self.now);
                let wait = self.network.span(Span(5), Span(500));
                self.tell_after(wait, Arrival::BootSeen { host, boot });
            }
            Request::WakeAt(at) => self.wake_at(at),
            Request::Reply { ticket, answer } => match &answer {
                Ok(accepted) => {
                    let changed = accepted.changed;
                    self.say(&format!("! reply {ticket}: accepted, changed: {changed}"));
                }
                Err(rejected) => {
                    self.reach.refused.insert(rejected.code.clone());
                    let code = rejected.code.clone();
                    self.say(&format!("! reply {ticket}: {code}"));
                }
            },
            Request::End(ended) => self.ended(&ended),
        }
    }

    /// The loop ended by itself: fenced is possible only where a later decider was started, and a corrupt journal never.
    fn ended(&mut self, ended: &Ended) {
        match ended {
            Ended::Fenced => self.crashes(),
            Ended::Corrupt(what) => self.broken(Invariant::I13, what.clone()),
        }
    }

    fn wake_at(&mut self, at: Timestamp) {
        if let Some(key) = self.wake.take() {
            self.queue.remove(&key);
        }
        let at = Timestamp(at.0.saturating_sub(self.ahead)).max(self.now);
        if at.since(self.now) > Span::hours(24 * 365) {
            return;
        }
        let generation = self.generation;
        let key = self.after(
            at.since(self.now),
            Happening::Arrives {
                generation,
                what: Arrival::Woken,
            },
        );
        self.wake = Some(key);
    }

    /// A row is on its way to the disk.
    fn append(&mut self, row: Row, blobs: Vec<Blob>) {
        let fate = self.faults.fate();
        self.register(&blobs);
        let wait = self.network.span(Span(1), Span(30));
        let generation = self.generation;
        self.after(
            wait,
            Happening::Writes {
                generation,
                row: Box::new(row),
                blobs,
                fate,
            },
        );
    }

    /// A row reaches the disk, or the decider dies just before or just after it.
    pub(super) fn reaches_disk(&mut self, generation: u64, row: Row, blobs: Vec<Blob>, fate: Fate) {
        if generation != self.generation {
            return;
        }
        self.writes += 1;
        let seq = row.seq;
        let crash = self.crash_points.get(&self.writes).copied();
        let fate = crash.unwrap_or(fate);
        let outcome = self.store.append(row, blobs, fate);
        self.observe();
        if crash.is_some() {
            self.crashes();
            return;
        }
        let wait = self.network.span(Span(1), Span(20));
        match outcome {
            Ok(()) => self.tell_after(wait, Arrival::Appended { seq }),
            Err(why) => {
                let word = match &why {
                    AppendFailure::Fenced => "fenced",
                    AppendFailure::DiskFull => "disk full",
                    AppendFailure::Other(_) => "failed",
                };
                self.say(&format!("! append {seq}: {word} ({fate:?})"));
                self.tell_after(wait, Arrival::AppendFailed { seq, why });
            }
        }
    }

    /// The decider died with a row on its way: it is on the disk, or it is not.
    pub(super) fn settle_writes(&mut self) {
        let on_their_way: Vec<_> = self
            .queue
            .iter()
            .filter(|(_, happening)| matches!(happening, Happening::Writes { .. }))
            .map(|(key, _)| *key)
            .collect();
        for key in on_their_way {
            if let Some(Happening::Writes {
                row, blobs, fate, ..
            }) = self.queue.remove(&key)
                && self.network.chance(50)
            {
                // What a dead decider is told does not matter.
                drop(self.store.append(*row, blobs, fate));
                self.observe();
            }
        }
    }

    /// Shows registered content to the checkers, which check its digest themselves.
    fn register(&mut self, blobs: &[Blob]) {
        for blob in blobs {
            if ringway_model::Digest::of(&blob.bytes) != blob.digest {
                self.broken(
                    Invariant::I15,
                    format!(
                        "content is registered under the digest {:?} of another",
                        blob.digest
                    ),
                );
                return;
            }
            match blob.kind.as_str() {
                "fleet" => {
                    if let Ok(fleet) = FleetSpec::decode(&blob.bytes) {
                        self.checkers.provide_fleet(blob.digest, Arc::new(fleet));
                    }
                }
                "plan" => {
                    if let Ok(plan) = Plan::decode(&blob.bytes) {
                        self.checkers.provide_plan(blob.digest, Arc::new(plan));
                    }
                }
                _ => {}
            }
        }
    }

    fn start(&mut self, start: Start) {
        let intent = start.intent;
        if start.attach {
            self.say(&format!("! attach {intent}"));
        } else {
            if let Err(violation) = self.checkers.may_hand_out(intent) {
                self.violation.get_or_insert(violation);
                return;
            }
            self.check_registered(&start);
            self.check_truth(&start);
        }
        let wait = self.network.span(Span(5), Span(200));
        let late = self.faults.late_request();
        let (generation, since) = (self.generation, self.now);
        self.after(
            wait.plus(late),
            Happening::Asks {
                generation,
                start: Box::new(start),
                since,
            },
        );
    }

    /// I15 against the truth: the plan that reaches the workers is one that a person brought.
    fn check_registered(&mut self, start: &Start) {
        let brought = self
            .proposed
            .iter()
            .any(|&index| self.plans[index] == start.plan);
        let documents = &start.plan.documents;
        let registered = documents
            .values()
            .all(|digest| self.store.blobs().contains_key(digest));
        if !brought || !registered || start.fleet != self.fleet {
            self.broken(
                Invariant::I15,
                format!("{} comes from a document nobody registered", start.intent),
            );
        }
    }

    /// I7 against the truth: the members that must stay up answered within the freshness.
    fn check_truth(&mut self, start: &Start) {
        /// From the decision on evidence to the moment it is handed out: what the loop allows itself.
        const SLACK: Span = Span::seconds(11);
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
                    .is_some_and(|(at, up)| *up && self.now.since(*at) <= spec.fresh.plus(SLACK))
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

    fn probe(&mut self, host: HostId, probe: ProbeId) {
        let wait = self.network.span(Span(5), Span(800));
        let sample = self.hosts[host.index()].sample(self.now);
        self.sample_told(host, probe, &sample);
        self.tell_after(
            wait,
            Arrival::Probed {
                host,
                probe,
                sample: sample.clone(),
            },
        );
        if self.faults.duplicates() {
            let later = self.network.span(Span(10), Span::seconds(3));
            self.tell_after(
                later,
                Arrival::Probed {
                    host,
                    probe,
                    sample,
                },
            );
        }
    }
}
