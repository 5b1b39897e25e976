//! The life of a rollout: what commands and the state of its ring make of it.
//!
//! This module decides; it never acts. `ask` answers people, state then command; `progress` is what evidence, time and
//! approvals do, one step at a time.
//!
//! # Invariants
//!
//! * A ring opens only after the ring before it was promoted.
//! * A halted rollout goes on only by a person's decision.
//! * Silence is never success: without positive evidence nothing is promoted.

use ringway_model::{Actor, RingIndex, RolloutId, Timestamp};

use crate::command::{Accepted, Command, Rejected, Subject};
use crate::engine::{Engine, FleetHold};
use crate::event::{Event, Final, HaltCause};
use crate::host::HostState;
use crate::rollback::nothing_to_roll_back;
use crate::rollout::{Rollout, RolloutState, Stage};

/// A command about one rollout, without what `command` has dealt with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Pause,
    Resume,
    Halt,
    Cancel,
    Rollback,
}

impl Rejected {
    pub(crate) fn new(code: &str, why: impl Into<String>, hint: &str) -> Self {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        Self {
            code: code.to_owned(),
            why: why.into(),
            hint,
        }
    }
}

impl Engine {
    #[expect(
        clippy::too_many_lines,
        reason = "the table of commands is read as one"
    )]
    pub(crate) fn command(
        &mut self,
        actor: &Actor,
        command: &Command,
        out: &mut Vec<Event>,
    ) -> Result<Accepted, Rejected> {
        let before = out.len();
        let rollout = match command {
            Command::Propose { .. } | Command::ProposeAs { .. } | Command::ProposeIn { .. } => {
                self.asked_for(actor, command, out)?
            }
            Command::Approve {
                rollout,
                subject,
                digest,
            } => {
                self.approve(self.known(*rollout)?, actor, *subject, *digest, out)?;
                Some(*rollout)
            }
            Command::Reject { rollout, reason } => {
                self.decline(self.known(*rollout)?, actor, reason, out)?;
                Some(*rollout)
            }
            Command::Pause { rollout, reason } => {
                Some(self.ask(*rollout, actor, Ask::Pause, reason, out)?)
            }
            Command::Resume { rollout, reason } => {
                Some(self.ask(*rollout, actor, Ask::Resume, reason, out)?)
            }
            Command::Halt { rollout, reason } => {
                Some(self.ask(*rollout, actor, Ask::Halt, reason, out)?)
            }
            Command::Cancel { rollout, reason } => {
                Some(self.ask(*rollout, actor, Ask::Cancel, reason, out)?)
            }
            Command::Rollback { rollout, reason } => {
                Some(self.ask(*rollout, actor, Ask::Rollback, reason, out)?)
            }
            Command::Stop { reason } => {
                self.stop(actor, reason, out);
                None
            }
            Command::Go { reason } => {
                self.go(actor, reason, out)?;
                None
            }
            Command::Adopt {
                incarnation,
                reason,
            } => {
                self.adopt(actor, *incarnation, reason, out)?;
                None
            }
            Command::Refresh { fleet, plans } => {
                self.refresh(actor, *fleet, plans, out)?;
                None
            }
            Command::PromoteEarly {
                rollout,
                ring,
                digest,
                reason,
            } => {
                let r = self.known(*rollout)?;
                self.promote_early(r, actor, (*ring, *digest), reason, out)?;
                Some(*rollout)
            }
            Command::Ask { rollout, to, text } => {
                let r = self.known(*rollout)?;
                self.ask_question(r, actor, to.as_deref(), text, out)?;
                Some(*rollout)
            }
            Command::Answer {
                rollout,
                number,
                text,
            } => {
                self.answer_question(self.known(*rollout)?, actor, *number, text, out)?;
                Some(*rollout)
            }
            Command::Skip { .. }
            | Command::Retry { .. }
            | Command::Hold { .. }
            | Command::Release { .. }
            | Command::Comment { .. }
            | Command::Done { .. } => self.about_hosts(actor, command, out)?,
            Command::Except { exceptions } => {
                self.except(actor, exceptions, out)?;
                None
            }
            Command::EndException { id, reason } => {
                self.end_exception(actor, id, reason, out)?;
                None
            }
            Command::Unprotect {
                host,
                rollout,
                reason,
            } => {
                self.unprotect(actor, (host, *rollout), reason, out)?;
                None
            }
            Command::Unprotected {
                host,
                rollout,
                reason,
            } => {
                self.unprotected(actor, (host, *rollout), reason, out)?;
                None
            }
            Command::OverrideFreeze {
                rollout,
                freeze,
                reason,
                until,
            } => {
                let r = self.known(*rollout)?;
                self.override_freeze(r, actor, freeze, (reason, *until), out)?;
                Some(*rollout)
            }
            Command::Supersede { .. } => Some(self.supersede(actor, command, out)?),
            Command::Expedite {
                rollout,
                plan,
                reason,
            } => {
                let r = self.known(*rollout)?;
                self.expedite(r, actor, *plan, reason, out)?;
                Some(*rollout)
            }
            Command::AcceptUntested {
                rollout,
                stratum,
                reason,
            } => {
                let r = self.known(*rollout)?;
                self.accept_untested(r, actor, (stratum, reason), out)?;
                Some(*rollout)
            }
            Command::Poison { what, reason } => {
                self.poison(actor, what, reason, out)?;
                None
            }
            Command::Unpoison { id, build, reason } => {
                self.unpoison(actor, (id, build.as_deref()), reason, out)?;
                None
            }
            Command::ApproveUnpoison { number, digest } => {
                self.approve_unpoison(actor, *number, *digest, out)?;
                None
            }
            Command::RejectUnpoison { number, reason } => {
                self.reject_unpoison(actor, *number, reason, out)?;
                None
            }
            Command::Advise { advisories } => {
                self.advise(actor, advisories, out)?;
                None
            }
            Command::RuleAdvisory { id, ruling, reason } => {
                self.rule_advisory(actor, id, (*ruling, reason), out)?;
                None
            }
        };
        Ok(Accepted {
            rollout,
            changed: out.len() > before,
        })
    }

    pub(crate) fn known(&self, rollout: RolloutId) -> Result<usize, Rejected> {
        self.index_of(rollout).map_err(|_| {
            Rejected::new(
                "not-found",
                format!("there is no rollout {rollout}"),
                "`ringway status` lists them",
            )
        })
    }

    fn stop(&mut self, actor: &Actor, reason: &str, out: &mut Vec<Event>) {
        if self.hold == FleetHold::Free {
            self.emit(
                Event::Stopped {
                    actor: actor.clone(),
                    reason: reason.to_owned(),
                },
                out,
            );
            for r in 0..self.rollouts.len() {
                self.take_back(r, out);
            }
        }
    }

    fn go(&mut self, actor: &Actor, reason: &str, out: &mut Vec<Event>) -> Result<(), Rejected> {
        match &self.hold {
            FleetHold::Free => Ok(()),
            FleetHold::Faulted { .. } if reason.trim().is_empty() => Err(Rejected::new(
                "reason-missing",
                "going on after a fault of the engine needs a reason",
                "give one",
            )),
            FleetHold::Stopped { .. } | FleetHold::Faulted { .. } => {
                self.emit(
                    Event::Went {
                        actor: actor.clone(),
                        reason: reason.to_owned(),
                    },
                    out,
                );
                Ok(())
            }
        }
    }

    /// Takes over the hosts of a database that was lost. What was offline because it belonged to that one is tried again
    /// at once; which hosts those are only they know, so it is everything that is offline.
    fn adopt(
        &mut self,
        actor: &Actor,
        incarnation: u64,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        if reason.trim().is_empty() {
            return Err(Rejected::new(
                "reason-missing",
                "taking hosts over from another database needs a reason",
                "say why that database is gone for good: `adopt --reason`",
            ));
        }
        if self.adopted.contains(&incarnation) {
            return Ok(());
        }
        self.emit(
            Event::HostsAdopted {
                incarnation,
                actor: actor.clone(),
                reason: reason.to_owned(),
            },
            out,
        );
        for r in 0..self.rollouts.len() {
            if self.rollouts[r].rec.state.is_final() {
                continue;
            }
            for slot in 0..self.rollouts[r].rec.slots.len() {
                let record = self.rollouts[r].rec.slots[slot];
                if record.state == HostState::Offline && record.until != Timestamp::NEVER {
                    let slot = u32::try_from(slot).unwrap_or(u32::MAX);
                    self.move_host(r, slot, HostState::Pending, Timestamp::NEVER, out);
                }
            }
        }
        Ok(())
    }

    /// What a person asks of a rollout, by the state it is in: the table of who may leave each state, and how.
    #[expect(clippy::too_many_lines, reason = "the table is read as one")]
    fn ask(
        &mut self,
        id: RolloutId,
        actor: &Actor,
        ask: Ask,
        reason: &str,
        out: &mut Vec<Event>,
    ) -> Result<RolloutId, Rejected> {
        let r = self.known(id)?;
        let word = self.rollouts[r].rec.state.word();
        let wrong = |hint: &str| {
            Err(Rejected::new(
                "wrong-state",
                format!("rollout {id} is {word}"),
                hint,
            ))
        };
        match &self.rollouts[r].rec.state {
            RolloutState::Proposed => match ask {
                Ask::Cancel => self.emit(
                    Event::Finished {
                        rollout: id,
                        how: Final::Cancelled,
                    },
                    out,
                ),
                Ask::Pause | Ask::Halt | Ask::Resume => {
                    return wrong("nothing has started; approve or cancel it");
                }
                Ask::Rollback => return nothing_to_roll_back(id),
            },
            RolloutState::Advancing(_) => match ask {
                Ask::Pause => self.hold_rollout(r, actor, reason, false, out),
                Ask::Halt => self.hold_rollout(r, actor, reason, true, out),
                Ask::Resume => {}
                Ask::Cancel => self.begin_cancel(r, actor, reason, out),
                Ask::Rollback => self.begin_rollback(r, actor, reason, out)?,
            },
            RolloutState::Paused { .. } => match ask {
                Ask::Pause => {}
                Ask::Halt => self.hold_rollout(r, actor, reason, true, out),
                Ask::Resume => self.resume(r, actor, reason, out),
                Ask::Cancel => self.begin_cancel(r, actor, reason, out),
                Ask::Rollback => self.begin_rollback(r, actor, reason, out)?,
            },
            RolloutState::Halted { .. } => match ask {
                Ask::Pause => {
                    return wrong("a halt is the stronger of the two; `resume --reason` leaves it");
                }
                Ask::Halt => {}
                Ask::Resume if reason.trim().is_empty() => {
                    let hint = "say why the failures so far are accepted: `resume --reason`";
                    return Err(Rejected::new(
                        "reason-missing",
                        format!("rollout {id} halted because of harm"),
                        hint,
                    ));
                }
                Ask::Resume => self.resume(r, actor, reason, out),
                Ask::Cancel => self.begin_cancel(r, actor, reason, out),
                Ask::Rollback => self.begin_rollback(r, actor, reason, out)?,
            },
            RolloutState::RollingBack => match ask {
                Ask::Pause | Ask::Halt | Ask::Resume => {
                    return wrong("`stop` holds the whole fleet, `cancel` ends it");
                }
                Ask::Cancel => self.begin_cancel(r, actor, reason, out),
                Ask::Rollback => {}
            },
            RolloutState::Cancelling => match ask {
                Ask::Cancel => {}
                Ask::Pause | Ask::Halt | Ask::Resume => {
                    return wrong("it ends once what is in flight is finished");
                }
                Ask::Rollback => return wrong("wait until it has ended, then roll it back"),
            },
            RolloutState::Completed | RolloutState::Cancelled => match ask {
                Ask::Rollback => self.begin_rollback(r, actor, reason, out)?,
                Ask::Cancel if matches!(self.rollouts[r].rec.state, RolloutState::Cancelled) => {}
                Ask::Pause | Ask::Halt | Ask::Resume | Ask::Cancel => return wrong("it is over"),
            },
            &RolloutState::Superseding { by } | &RolloutState::Superseded { by } => {
                let hint = format!("rollout {by} has taken its place: tell that one");
                let is_over = self.rollouts[r].rec.state.is_final();
                match ask {
                    // Nobody has visited anybody in its place, and nobody will.
                    Ask::Rollback if is_over && self.came_to_nothing(by) => {
                        self.begin_rollback(r, actor, reason, out)?;
                    }
                    Ask::Pause | Ask::Halt | Ask::Resume | Ask::Cancel | Ask::Rollback => {
                        return wrong(&hint);
                    }
                }
            }
            RolloutState::RolledBack => match ask {
                Ask::Rollback => {}
                Ask::Pause | Ask::Halt | Ask::Resume | Ask::Cancel => return wrong("it is over"),
            },
        }
        Ok(id)
    }

    pub(crate) fn hold_rollout(
        &mut self,
        r: usize,
        actor: &Actor,
        reason: &str,
        halt: bool,
        out: &mut Vec<Event>,
    ) {
        let (rollout, actor, reason) = (self.rollouts[r].rec.id, actor.clone(), reason.to_owned());
        let event = if halt {
            Event::Halted {
                rollout,
                cause: HaltCause::Person { actor, reason },
            }
        } else {
            Event::Paused {
                rollout,
                actor,
                reason,
            }
        };
        self.emit(event, out);
        self.take_back(r, out);
    }

    fn resume(&mut self, r: usize, actor: &Actor, reason: &str, out: &mut Vec<Event>) {
        let rollout = self.rollouts[r].rec.id;
        self.emit(
            Event::Resumed {
                rollout,
                actor: actor.clone(),
                reason: reason.to_owned(),
            },
            out,
        );
        self.wake_withheld(r);
    }

    fn begin_cancel(&mut self, r: usize, actor: &Actor, reason: &str, out: &mut Vec<Event>) {
        let rollout = self.rollouts[r].rec.id;
        self.emit(
            Event::CancelBegan {
                rollout,
                actor: actor.clone(),
                reason: reason.to_owned(),
            },
            out,
        );
        self.take_back(r, out);
    }

    /// One step of a rollout's life, if evidence, time and approvals call for one; true when something was decided.
    pub(crate) fn progress(&mut self, r: usize, out: &mut Vec<Event>) -> bool {
        let free = self.hold == FleetHold::Free;
        let id = self.rollouts[r].rec.id;
        match &self.rollouts[r].rec.state {
            RolloutState::Proposed => {
                // A yes that is void is void whatever else the start waits for.
                let is_approved = free && self.approved(r, Subject::Start, out);
                #[cfg(feature = "planted-bugs")]
                let is_approved = is_approved
                    || free
                        && self.rollouts[r].plan.supersedes.is_some()
                        && self.bug(crate::planted::Bug::ApprovalsCarryOver);
                if is_approved && self.gate_keeps_ring(r).is_none() {
                    self.emit(
                        Event::RingOpened {
                            rollout: id,
                            ring: RingIndex(0),
                        },
                        out,
                    );
                    return true;
                }
                false
            }
            &RolloutState::Advancing(stage) => {
                self.halts(r, out)
                    || free && (self.enter_lane(r, out) || self.progress_stage(r, stage, true, out))
            }
            &RolloutState::Paused { stage, .. } => {
                self.halts(r, out)
                    || free
                        && (self.enter_lane(r, out) || self.progress_stage(r, stage, false, out))
            }
            RolloutState::RollingBack => {
                let idx = &self.rollouts[r].idx;
                let over = idx.visiting == 0 && idx.settling == 0 && !self.rolls_back_more(r);
                self.finish_if(over, r, Final::RolledBack, out)
            }
            RolloutState::Cancelling => {
                let over = self.rollouts[r].idx.visiting == 0 && self.rollouts[r].idx.settling == 0;
                #[cfg(feature = "planted-bugs")]
                let over = over || self.bug(crate::planted::Bug::EndsTooSoon);
                self.finish_if(over, r, Final::Cancelled, out)
            }
            RolloutState::Superseding { .. } => {
                let over = self.rollouts[r].idx.visiting == 0 && self.rollouts[r].idx.settling == 0;
                self.finish_if(over, r, Final::Superseded, out)
            }
            RolloutState::Halted { .. }
            | RolloutState::Completed
            | RolloutState::RolledBack
            | RolloutState::Cancelled
            | RolloutState::Superseded { .. } => false,
        }
    }

    fn finish_if(&mut self, over: bool, r: usize, how: Final, out: &mut Vec<Event>) -> bool {
        if over {
            self.emit(
                Event::Finished {
                    rollout: self.rollouts[r].rec.id,
                    how,
                },
                out,
            );
        }
        over
    }

    /// Halts where a ring has had as many failures as its policy allows to see.
    fn halts(&mut self, r: usize, out: &mut Vec<Event>) -> bool {
        let Rollout { rec, idx, plan, .. } = &self.rollouts[r];
        let rings = usize::from(rec.opened);
        let found = idx
            .rings
            .iter()
            .zip(&plan.rings)
            .enumerate()
            .take(rings)
            .find_map(|(ring, (count, ring_plan))| {
                let limit = ring_plan.halt_on?;
                #[cfg(feature = "planted-bugs")]
                let limit = limit + u32::from(self.bug(crate::planted::Bug::HaltOffByOne));
                let failed = count.counted.saturating_sub(rec.forgiven[ring]);
                (failed >= limit).then_some(HaltCause::Failures {
                    ring: RingIndex::at(ring),
                    failed,
                    limit,
                })
            });
        let Some(cause) = found else { return false };
        self.emit(
            Event::Halted {
                rollout: self.rollouts[r].rec.id,
                cause,
            },
            out,
        );
        self.take_back(r, out);
        true
    }

    fn progress_stage(
        &mut self,
        r: usize,
        stage: Stage,
        advancing: bool,
        out: &mut Vec<Event>,
    ) -> bool {
        match stage {
            Stage::Visiting { ring } => self.visited(r, ring, out),
            Stage::Soaking { ring, .. } => {
                self.soak(r, ring, out) || advancing && self.cut_short(r, ring, out)
            }
            Stage::Promoting { ring } => advancing && self.promote(r, ring, out),
        }
    }

    /// The ring's last reachable host has settled.
    fn visited(&mut self, r: usize, ring: RingIndex, out: &mut Vec<Event>) -> bool {
        let rollout = &self.rollouts[r];
        let count = rollout.idx.rings[ring.index()];
        if count.pending + count.visiting + count.settling > 0
            || count.withheld > self.restarts_advised(r, ring.index())
            || self.too_much_debt(r, ring).is_some()
        {
            return false;
        }
        let id = rollout.rec.id;
        if count.done == 0 && count.failed > 0 {
            // Nobody is left who could prove that the update is harmless.
            let cause = HaltCause::Failures {
                ring,
                failed: count.failed,
                limit: count.failed,
            };
            if rollout.rec.forgiven[ring.index()] < count.failed {
                self.emit(Event::Halted { rollout: id, cause }, out);
                return true;
            }
            // What was broken before proves nothing against the fix, where a person has accepted that it stays so.
            if !self.is_recovery(r, ring) {
                return false;
            }
        }
        if self.nobody_updated(r, ring) {
            return false;
        }
        self.emit(Event::SoakBegan { rollout: id, ring }, out);
        true
    }

    /// Whether a ring has hosts and none of them has the update or failed: people left all of them out.
    pub(crate) fn nobody_updated(&self, r: usize, ring: RingIndex) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SkippedIsEvidence) {
            return false;
        }
        let count = self.rollouts[r].idx.rings[ring.index()];
        self.rollouts[r].plan.rings[ring.index()].planned > 0 && count.done + count.failed == 0
    }

    /// Hosts left behind in a ring and how many may be, where that is too many.
    pub(crate) fn too_much_debt(&self, r: usize, ring: RingIndex) -> Option<(u32, u32)> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::DebtIgnored) {
            return None;
        }
        let (have, allowed) = (
            self.rollouts[r].idx.rings[ring.index()].debt,
            self.rollouts[r].plan.rings[ring.index()].debt_allowed,
        );
        (have > allowed).then_some((have, allowed))
    }

    /// Whether too few of a ring's updated hosts report for its soak to count: how many must, how many do.
    pub(crate) fn blind(&self, r: usize, ring: RingIndex) -> Option<(u32, u32)> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::SoakRunsBlind) {
            return None;
        }
        let Rollout { idx, plan, .. } = &self.rollouts[r];
        let count = idx.rings[ring.index()];
        let need = plan
            .gates
            .iter()
            .map(|gate| gate.min_reporting.of_rounded_up(count.done))
            .max()
            .unwrap_or(0);
        (count.reporting < need).then_some((need, count.reporting))
    }

    fn soak(&mut self, r: usize, ring: RingIndex, out: &mut Vec<Event>) -> bool {
        let rollout = self.rollouts[r].rec.id;
        let blind = self.blind(r, ring).is_some();
        // An empty ring has nothing to observe.
        let over = self.rollouts[r].plan.rings[ring.index()].planned == 0 || self.soak_is_over(r);
        let running = self.soak_runs(r);
        match (running, blind) {
            (true, true) => self.emit(Event::SoakHeld { rollout }, out),
            (false, false) => self.emit(Event::SoakContinued { rollout }, out),
            (true, false) | (false, true) if over => self.emit(Event::SoakEnded { rollout }, out),
            (true, false) | (false, true) => return false,
        }
        true
    }

    /// Goes on after a ring, if its evidence is positive and fresh, and its approvals are there.
    fn promote(&mut self, r: usize, ring: RingIndex, out: &mut Vec<Event>) -> bool {
        // A yes that is void is void as soon as its time has come, whatever else the promotion waits for.
        let is_approved = self.approved(r, Subject::Promotion { ring }, out);
        if self.promotion_waits(r, ring).is_some()
            || self.gate_keeps_ring(r).is_some()
            || self.coverage_keeps_ring(r, ring).is_some()
            || !is_approved
        {
            return false;
        }
        let id = self.rollouts[r].rec.id;
        self.emit(Event::Promoted { rollout: id, ring }, out);
        if ring.next().index() < self.rollouts[r].plan.rings.len() {
            self.emit(
                Event::RingOpened {
                    rollout: id,
                    ring: ring.next(),
                },
                out,
            );
            self.let_catch_up(r, out);
        } else {
            self.emit(
                Event::Finished {
                    rollout: id,
                    how: Final::Completed,
                },
                out,
            );
        }
        true
    }
}
