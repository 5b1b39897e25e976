//! Carrying out what the decider asks for, as the runtime does: the store, the workers, probes and replies.

use std::sync::Arc;

use ringway_calendar::Zones;
use ringway_executor::Executor;
use ringway_executor::notices::Notices;
use ringway_executor::port::{
    AppendFailure, Arrival, Blob, Ended, GateAnswer, Request, Row, Start,
};
use ringway_model::{HostId, ProbeId, Span};
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

    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    pub(super) fn carry_out(&mut self, request: Request) {
        match request {
            Request::Load => {
                let loaded = self.store.load(self.acting_epoch());
                let wait = self.network.span(Span(1), Span(50));
                self.tell_after(wait, Arrival::Loaded(Box::new(loaded)));
            }
            Request::LoadAll => {
                let loaded = self.store.load_all(self.acting_epoch());
                let wait = self.network.span(Span(1), Span(50));
                self.tell_after(wait, Arrival::Loaded(Box::new(loaded)));
            }
            Request::Append {
                row,
                blobs,
                notices,
            } => self.append(row, blobs, notices),
            Request::KeepSnapshot(snapshot) => self.store.keep(snapshot),
            Request::Start(start) => self.start(start),
            Request::Withdraw(intent) => {
                self.withdrawn.insert((self.acting, intent));
            }
            Request::Probe { host, probe } => self.probe(host, probe),
            Request::SeeBoot { host, .. } => {
                let boot = self.hosts[host.index()].boot_id(self.now);
                let wait = self.network.span(Span(5), Span(500));
                self.tell_after(wait, Arrival::BootSeen { host, boot });
            }
            Request::Calendar {
                rollout,
                plan,
                from,
            } => {
                // Now and then it cannot be had at first.
                let is_there = self.network.chance(90);
                let calendar = ringway_engine::instants(&plan, &Zones::utc(), from).ok();
                let calendar = calendar.filter(|_| is_there).map(Box::new);
                let wait = self.network.span(Span(1), Span(50));
                self.tell_after(
                    wait,
                    Arrival::CalendarTold {
                        rollout,
                        plan,
                        calendar,
                    },
                );
            }
            Request::AskGate { rollout, gate, .. } => {
                if let Some(says) = self.gates.ask(self.now, (rollout, gate)) {
                    let wait = self.gates.wait();
                    let why = says.word().to_owned();
                    let answer = GateAnswer { says, why };
                    self.tell_after(
                        wait,
                        Arrival::GateTold {
                            rollout,
                            gate,
                            answer,
                        },
                    );
                }
            }
            Request::WakeAt(at) => self.wake_at(at),
            Request::Reply { ticket, answer } => match &answer {
                Ok(accepted) => {
                    self.check_acknowledged(ticket);
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
            Ended::Fenced if self.is_former_acting() => {
                self.reach.fenced += 1;
                self.former_dies(self.acting);
            }
            Ended::Fenced => self.crashes(),
            Ended::Corrupt(what) => self.broken(Invariant::I13, what.clone()),
        }
    }

    /// A row is on its way to the disk.
    fn append(&mut self, row: Row, blobs: Vec<Blob>, notices: Notices) {
        if let Some(post) = &mut self.post {
            post.with_row(&row, notices);
        }
        let fate = self.faults.fate();
        if !self.is_former_acting() {
            self.register(&blobs);
        }
        let wait = self.network.span(Span(1), Span(30));
        let generation = self.acting;
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
        if !self.is_alive(generation) {
            return;
        }
        self.acting = generation;
        self.writes += 1;
        let seq = row.seq;
        let crash = self.crash_points.get(&self.writes).copied();
        let fate = crash.unwrap_or(fate);
        self.note_append(fate);
        let outcome = self.store.append(row, blobs, fate);
        if outcome.is_ok() && self.is_former_acting() {
            let what = format!("row {seq} of a decider that was replaced is in the journal");
            self.broken(Invariant::I13, what);
        }
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
        self.acting = self.generation;
    }

    /// The decider died with a row on its way: it is on the disk, or it is not.
    pub(super) fn settle_writes(&mut self) {
        let dead = self.generation;
        let on_their_way: Vec<_> = self
            .queue
            .iter()
            .filter(|(_, happening)| {
                matches!(happening, Happening::Writes { generation, .. } if *generation == dead)
            })
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
                        let fleet = Arc::new(fleet);
                        self.know_fleet(blob.digest, &fleet);
                        self.checkers.provide_fleet(blob.digest, fleet);
                    }
                }
                "plan" => {
                    if let Ok(plan) = Plan::decode(&blob.bytes) {
                        let plan = Arc::new(plan);
                        self.know_plan(blob.digest, &plan);
                        self.checkers.provide_plan(blob.digest, plan);
                    }
                }
                _ => {}
            }
        }
    }

    fn start(&mut self, start: Start) {
        let intent = start.intent;
        self.check_start(&start);
        if start.attach {
            self.say(&format!("! attach {intent}"));
        } else if !self.is_former_acting() {
            if let Err(violation) = self.checkers.may_hand_out(intent) {
                self.violation.get_or_insert(violation);
                return;
            }
            self.check_registered(&start);
            self.check_truth(&start);
            self.check_gates_open(&start);
        }
        let wait = self.network.span(Span(5), Span(200));
        let late = self.faults.late_request();
        if late > Span::ZERO {
            self.struck_step("request late", intent);
        }
        let (generation, since) = (self.acting, self.now);
        self.after(
            wait.plus(late),
            Happening::Asks {
                generation,
                start: Box::new(start),
                since,
            },
        );
    }

    fn probe(&mut self, host: HostId, probe: ProbeId) {
        let wait = self
            .network
            .span(Span(5), Span(800))
            .plus(self.faults.twists.swaps());
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
