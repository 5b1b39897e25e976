//! People: some help, some meddle, some ask for nonsense. While faults happen they do anything; afterwards they do what
//! is needed for an end.

use ringway_engine::view::RolloutView;
use ringway_engine::{Command, HoldKind, Subject};
use ringway_executor::port::{Arrival, Order, Proposal};
use ringway_model::{
    Actor, ChangeId, Digest, HostId, HostOutcome, RingIndex, RolloutId, Span, WaitingOn,
};

use super::faults::Mishap;
use super::steps::LOST;
use super::{Happening, World};
use crate::dice::Dice;
use crate::documents::everybody;

/// Looks at the same picture after which a person gives up on a rollout.
const PATIENCE: u32 = 40;

impl World {
    pub(super) fn person_looks(&mut self) {
        self.looks += 1;
        let wait = if self.healing {
            Span::seconds(60)
        } else {
            self.people.span(Span::seconds(10), Span::minutes(4))
        };
        self.after(wait, Happening::PersonLooks);
        if self.executor.is_none() {
            return;
        }
        self.except_hosts();
        self.think_of_protections();
        self.others_patch();
        self.propose_next();
        self.speak_of_approvals();
        self.adopt_lost();
        self.look_around();
        self.work_in_freezes();
        self.think_of_poison();
        self.think_of_lanes();
        self.think_of_superseding();
        self.doubt();
        self.think_of_advisories();
        if self.healing {
            self.help();
        } else if self.people.chance(45) {
            self.help_with_approvals();
        } else if self.meddling && self.people.chance(35) {
            self.meddle();
        }
    }

    pub(super) fn ask(&mut self, actor: &str, order: Order) {
        self.tickets += 1;
        let ticket = self.tickets;
        let what = match &order {
            Order::Propose(_) => "a proposal".to_owned(),
            Order::Refresh(_) => "a refresh".to_owned(),
            Order::Supersede(supersession) => {
                format!("to supersede {}", supersession.rollout)
            }
            Order::Command(command) => format!("{command:?}"),
            Order::HandIn(handed) => format!("{:?}", handed.command),
        };
        self.say(&format!("! {actor} asks ({ticket}): {what}"));
        self.note_asked(ticket, actor, &order);
        let wait = self.network.span(Span(1), Span(100));
        if let Some(former) = &self.former {
            let generation = former.generation;
            if self.faults.twists.misleads() {
                self.mislead(generation, wait, actor, &order);
            }
        }
        self.acting = self.generation;
        self.tell_after(
            wait,
            Arrival::Commanded {
                ticket,
                actor: Actor(actor.to_owned()),
                order,
            },
        );
    }

    /// The same command reaches the decider that was replaced, which must not say that it did anything.
    fn mislead(&mut self, generation: u64, wait: Span, actor: &str, order: &Order) {
        self.tickets += 1;
        let ticket = self.tickets;
        let what = Arrival::Commanded {
            ticket,
            actor: Actor(actor.to_owned()),
            order: order.clone(),
        };
        self.after(wait, Happening::Arrives { generation, what });
    }

    /// Somebody has second thoughts about a rollout.
    pub(super) fn takes_back(&mut self, rollout: RolloutId) {
        let reason = "second thoughts".to_owned();
        self.command("ana", Command::Rollback { rollout, reason });
    }

    /// Somebody gives a rollout up.
    pub(super) fn gives_up(&mut self, rollout: RolloutId) {
        let reason = "enough".to_owned();
        self.command("ana", Command::Cancel { rollout, reason });
    }

    pub(super) fn command(&mut self, actor: &str, command: Command) {
        self.ask(actor, Order::Command(command));
    }

    /// The ticket that a rollout has, if it has one; the same however often it is proposed.
    fn change(&self, next: usize) -> Option<ChangeId> {
        let mut dice = Dice::new(self.scenario_seed, &format!("change of rollout {next}"));
        let ticket = format!("CHG{:07}", dice.below(10_000_000));
        dice.chance(30).then(|| ticket.parse().ok()).flatten()
    }

    /// Proposals are idempotent by their key, so a person repeats one until it is there.
    fn propose_next(&mut self) {
        let there = self.executor.as_ref().map_or(0, |executor| {
            executor.engine().view(self.now).rollouts.len()
        });
        let next = there.min(self.plans.len());
        if next >= self.plans.len() || self.looks % 3 != 1 {
            return;
        }
        self.plan_anew(next);
        if next >= self.plans.len() {
            return;
        }
        self.proposed.insert(next);
        let proposal = Proposal {
            fleet: self.fleet.clone(),
            plan: self.plans[next].clone(),
            documents: self.texts(),
            key: Some(format!("key-{next}")),
            change: self.change(next),
            reason: self.hurry_of(next),
        };
        self.ask("starter", Order::Propose(Box::new(proposal)));
    }

    /// Somebody sees that hosts belong to a database that is lost, and decides to take them over; at first perhaps without
    /// saying why.
    fn adopt_lost(&mut self) {
        let taken = self
            .executor
            .as_ref()
            .is_some_and(|executor| executor.engine().adopted().contains(&LOST));
        if self.ways.foreign.is_empty() || taken || !self.healing && !self.people.chance(10) {
            return;
        }
        let reason = if self.people.chance(20) {
            String::new()
        } else {
            "its disk is gone".to_owned()
        };
        let incarnation = LOST;
        self.command(
            "ana",
            Command::Adopt {
                incarnation,
                reason,
            },
        );
    }

    /// Somebody wants to work in a freeze: where that is permitted and where it is not, for a while that may be over.
    fn work_in_freezes(&mut self) {
        let open = self.rollouts().into_iter().filter(|view| !view.is_final);
        let open: Vec<(RolloutId, Vec<String>)> = open
            .filter_map(|view| {
                let plan = self.plans.get(view.id.0 as usize - 1)?;
                let tables = plan.times.tables.iter();
                let names = tables.flat_map(|table| &table.freezes);
                let names: Vec<String> = names.map(|freeze| freeze.name.clone()).collect();
                (!names.is_empty()).then_some((view.id, names))
            })
            .collect();
        if open.is_empty() || !self.freezers.chance(12) {
            return;
        }
        let (rollout, names) = self.freezers.pick(&open).clone();
        let freeze = if self.freezers.chance(5) {
            "no-such-freeze".to_owned()
        } else {
            self.freezers.pick(&names).clone()
        };
        let reason = if self.freezers.chance(8) {
            String::new()
        } else {
            "it is urgent".to_owned()
        };
        let until = self.now + self.freezers.span(Span(1), Span::minutes(90));
        let who = *self.freezers.pick(&["ana", "ben", "eve"]);
        let command = Command::OverrideFreeze {
            rollout,
            freeze,
            reason,
            until,
        };
        self.command(who, command);
    }

    /// I14 from the views: what does not move says why.
    fn look_around(&mut self) {
        let Some(executor) = &self.executor else {
            return;
        };
        if !executor.is_ready() {
            return;
        }
        let engine = executor.engine();
        let mut silent = None;
        let view = engine.view(self.now);
        let at = view.at;
        for rollout in view.rollouts {
            for waiting in &rollout.waiting {
                self.reach.waiting.insert(waiting.on.name());
            }
            let hosts = engine.hosts_of(rollout.id, None);
            self.stated.look(at, &rollout, &hosts);
            let running = engine
                .outstanding()
                .iter()
                .any(|intent| intent.rollout() == rollout.id);
            if !rollout.is_final && rollout.waiting.is_empty() && !running {
                silent = Some(format!("{} does not move and does not say why", rollout.id));
            }
            for host in hosts {
                let staged = host.staged.into_iter().flat_map(|staged| staged.waiting);
                for waiting in host.waiting.into_iter().chain(staged) {
                    self.reach.waiting.insert(waiting.on.name());
                }
            }
        }
        if engine.next_wake().is_some() && self.wake.is_none() && !self.is_answering() {
            silent = Some("something is due by itself and nobody will wake the decider".to_owned());
        }
        if let Some(what) = silent {
            self.broken(crate::checkers::Invariant::I14, what);
        }
    }

    pub(super) fn rollouts(&self) -> Vec<RolloutView> {
        self.executor
            .as_ref()
            .map(|executor| executor.engine().view(self.now).rollouts)
            .unwrap_or_default()
    }

    fn help_with_approvals(&mut self) {
        for rollout in self.rollouts() {
            if let Some(approval) = &rollout.approval
                && usize::from(approval.need) > approval.by.len()
            {
                let who = *self.people.pick(&["ana", "ben", "chris"]);
                let who = self.in_their_place(who);
                let command = Command::Approve {
                    rollout: rollout.id,
                    subject: approval.subject,
                    digest: approval.digest,
                };
                self.command(who, command);
            }
        }
    }

    /// After healing: whatever a rollout waits for from people, it gets; in the end it is given up.
    fn help(&mut self) {
        self.patience += 1;
        let views = self.rollouts();
        let stopped = self
            .executor
            .as_ref()
            .is_some_and(|executor| executor.engine().view(self.now).stopped.is_some());
        if stopped {
            let reason = "all is well again".to_owned();
            self.command("ana", Command::Go { reason });
            return;
        }
        self.release_all();
        self.help_with_approvals();
        for rollout in views.iter().filter(|rollout| !rollout.is_final) {
            let id = rollout.id;
            let reason = "looked at".to_owned();
            let paused = rollout
                .waiting
                .iter()
                .any(|waiting| matches!(waiting.on, WaitingOn::Pause { .. }));
            let halted = rollout
                .waiting
                .iter()
                .any(|waiting| matches!(waiting.on, WaitingOn::Halt { .. }));
            if self.patience > PATIENCE {
                self.command(
                    "ana",
                    Command::Cancel {
                        rollout: id,
                        reason,
                    },
                );
            } else if paused {
                self.command(
                    "ben",
                    Command::Resume {
                        rollout: id,
                        reason,
                    },
                );
            } else if halted {
                let command = match self.people.below(4) {
                    0 | 1 => Command::Resume {
                        rollout: id,
                        reason,
                    },
                    2 => Command::Rollback {
                        rollout: id,
                        reason,
                    },
                    _ => Command::Cancel {
                        rollout: id,
                        reason,
                    },
                };
                self.command("ana", command);
            }
        }
    }

    /// Anything at all, by anybody, sensible or not.
    fn meddle(&mut self) {
        let everybody: Vec<&str> = everybody().into_iter().collect();
        let who = *self.people.pick(&everybody);
        let views = self.rollouts();
        let known = views.len() as u64;
        let rollout = RolloutId(u32::try_from(self.people.between(1, known + 1)).unwrap_or(1));
        let reason = if self.people.chance(20) {
            String::new()
        } else {
            "because".to_owned()
        };
        if self.people.chance(15) {
            self.speak_of_hosts(who, rollout, reason);
            return;
        }
        let command = match self.people.below(16) {
            0 | 1 => Command::Pause { rollout, reason },
            2 | 3 => Command::Resume { rollout, reason },
            4 => Command::Halt { rollout, reason },
            5 => Command::Stop { reason },
            6..=8 => Command::Go { reason },
            9 => Command::Reject { rollout, reason },
            10 if self.people.chance(30) => Command::Cancel { rollout, reason },
            10 | 11 if self.people.chance(40) => Command::Rollback { rollout, reason },
            12 => Command::Approve {
                rollout,
                subject: if self.people.chance(50) {
                    Subject::Start
                } else {
                    Subject::Promotion {
                        ring: RingIndex(u16::try_from(self.people.below(4)).unwrap_or(0)),
                    }
                },
                digest: Digest::of(b"nothing that was shown"),
            },
            13 => Command::Propose {
                fleet: Digest::of(b"no fleet"),
                plan: Digest::of(b"no plan"),
                key: None,
            },
            _ => match views
                .iter()
                .find_map(|view| Some((view.id, view.approval.as_ref()?)))
            {
                Some((rollout, approval)) => Command::Approve {
                    rollout,
                    subject: approval.subject,
                    digest: approval.digest,
                },
                None => Command::Resume { rollout, reason },
            },
        };
        let twice = self.people.chance(20);
        self.command(who, command.clone());
        if twice {
            self.command(who, command);
        }
    }

    /// Somebody says something of single hosts: of one that is in the way, or of any at all.
    fn speak_of_hosts(&mut self, who: &str, rollout: RolloutId, reason: String) {
        let names: Vec<String> = {
            let hosts = self.fleet.hosts.iter();
            hosts.map(|host| host.name.clone()).collect()
        };
        let host = self.people.pick(&names).clone();
        let kind = *self.people.pick(&[HoldKind::Hold, HoldKind::Maintenance]);
        let command = match self.people.below(10) {
            0 | 1 => Command::Skip {
                rollout,
                host,
                reason,
            },
            2 | 3 => Command::Retry {
                rollout,
                host: self.somebody_left_behind(rollout).unwrap_or(host),
                reason,
            },
            4..=6 => {
                let until = self
                    .people
                    .chance(70)
                    .then(|| self.now + self.people.span(Span(1), Span::minutes(20)));
                let mut hosts = vec![host];
                if kind == HoldKind::Maintenance {
                    hosts = self.somebody_updated(rollout).unwrap_or(hosts);
                    self.work_on(&hosts);
                }
                if self.people.chance(40) {
                    hosts.push(self.people.pick(&names).clone());
                }
                Command::Hold {
                    hosts,
                    kind,
                    reason,
                    until,
                }
            }
            7 | 8 => Command::Release {
                hosts: self.held_hosts(kind).unwrap_or_else(|| vec![host]),
                kind,
                reason,
            },
            _ => Command::Comment {
                rollout,
                host: self.people.chance(50).then_some(host),
                text: reason,
            },
        };
        self.command(who, command);
    }

    /// A host of a rollout that has the update: work on others proves less.
    fn somebody_updated(&mut self, rollout: RolloutId) -> Option<Vec<String>> {
        let engine = self.executor.as_ref()?.engine();
        let hosts = engine.hosts_of(rollout, None).into_iter();
        let updated = hosts.filter(|host| matches!(host.outcome, HostOutcome::Updated));
        let updated: Vec<String> = updated.map(|host| host.host).collect();
        (!updated.is_empty() && self.people.chance(70))
            .then(|| vec![self.people.pick(&updated).clone()])
    }

    /// Whoever works on hosts stops what runs on them, now or a little later.
    fn work_on(&mut self, names: &[String]) {
        let hosts = self.fleet.hosts.iter().enumerate();
        let meant: Vec<HostId> = hosts
            .filter(|(_, host)| names.contains(&host.name))
            .map(|(index, _)| HostId::at(index))
            .collect();
        for host in meant {
            let wait = self.people.span(Span::seconds(1), Span::minutes(5));
            let span = self.people.span(Span::minutes(1), Span::minutes(20));
            self.after(wait, Happening::Strikes(Mishap::Killed(host, span)));
        }
    }

    /// A host of a rollout that failed, is offline or was left out.
    fn somebody_left_behind(&mut self, rollout: RolloutId) -> Option<String> {
        let engine = self.executor.as_ref()?.engine();
        let left: Vec<String> = engine
            .hosts_of(rollout, None)
            .into_iter()
            .filter(|host| {
                matches!(
                    host.outcome,
                    HostOutcome::Failed { .. }
                        | HostOutcome::Unhealthy { .. }
                        | HostOutcome::Lost
                        | HostOutcome::Offline
                        | HostOutcome::Skipped
                )
            })
            .map(|host| host.host)
            .collect();
        (!left.is_empty()).then(|| self.people.pick(&left).clone())
    }

    /// Hosts that are held in this way, if there are any.
    fn held_hosts(&self, kind: HoldKind) -> Option<Vec<String>> {
        let view = self.executor.as_ref()?.engine().view(self.now);
        let mut holds = view.holds.into_iter();
        holds.find(|hold| hold.kind == kind).map(|hold| hold.hosts)
    }

    /// Whoever held a host says in the end that it may be touched.
    fn release_all(&mut self) {
        let holds = self
            .executor
            .as_ref()
            .map(|executor| executor.engine().view(self.now).holds)
            .unwrap_or_default();
        for hold in holds {
            let reason = "done".to_owned();
            let (hosts, kind) = (hold.hosts, hold.kind);
            self.command(
                "ben",
                Command::Release {
                    hosts,
                    kind,
                    reason,
                },
            );
        }
    }
}
