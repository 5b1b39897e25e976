//! What words of people do to the state, about single hosts most of them: a part of `fold`.

use ringway_model::{HostId, StepKind, StepResult, Timestamp, VisitKind};

use crate::command::HoldKind;
use crate::engine::{Engine, Fault};
use crate::event::Event;
use crate::hold::HostHold;
use crate::host::{Ending, HostState};
use crate::rollout::{Approval, Given, LastYes, Rollout};
use crate::slot::{Class, SlotRec};

impl Engine {
    /// A yes, and how things stand when it is given.
    pub(crate) fn fold_given(&mut self, r: usize, event: &Event) {
        let Event::ApprovalGiven {
            subject,
            actor,
            digest,
            conditions,
            shown,
            reason,
            ..
        } = event
        else {
            return;
        };
        let yes = Approval {
            subject: *subject,
            actor: actor.clone(),
            digest: *digest,
            conditions: conditions.clone(),
            given: Some(Given {
                at: self.now,
                shown: shown.clone(),
                reason: reason.clone(),
            }),
        };
        let now = self.now;
        let Rollout { rec, idx, .. } = &mut self.rollouts[r];
        rec.last_yes = Some(LastYes {
            at: now,
            person: shown.person.clone(),
            subject: yes.subject,
            failed: yes.conditions.failed.clone(),
            done: idx.rings.iter().map(|ring| ring.done).sum(),
        });
        rec.approvals.push(yes);
    }

    /// What failed is as down as before until it was visited again; anything else only waits for its turn.
    pub(crate) fn fold_retried(&mut self, r: usize, slot: u32) {
        self.rollouts[r].rec.skipped.remove(&slot);
        let state = self.rollouts[r].rec.slots[slot as usize].state;
        #[cfg(feature = "planted-bugs")]
        let is_up = self.bug(crate::planted::Bug::RetryIsUp);
        #[cfg(not(feature = "planted-bugs"))]
        let is_up = false;
        let restart = VisitKind::Restart;
        let to = if state == (HostState::NotReady { visit: restart })
            || state == (HostState::GoesLast { visit: restart })
        {
            HostState::RestartWithheld
        } else if state.is_down() && !is_up {
            HostState::Again
        } else {
            HostState::Pending
        };
        self.set_slot(r, slot, to, Timestamp::NEVER);
        if to == HostState::Again {
            self.rollouts[r].rec.again.insert(slot);
        }
    }

    pub(crate) fn fold_held(
        &mut self,
        host: HostId,
        kind: HoldKind,
        hold: HostHold,
    ) -> Result<(), Fault> {
        if host.index() >= self.fleet.spec.hosts.len() {
            return Err(Fault::new(format!("unknown host {} is held", host.0)));
        }
        let is_new = !self.holds.of.contains_key(&(host, kind));
        #[cfg(feature = "planted-bugs")]
        let hold = if self.bug(crate::planted::Bug::HoldNeverEnds) {
            HostHold {
                until: None,
                ..hold
            }
        } else {
            hold
        };
        self.holds.insert(host, kind, hold);
        if is_new && kind == HoldKind::Maintenance {
            self.count_maintenance(host, true);
            // Whoever works on it may restart it: that is looked for again from what it is afterwards.
            self.unwatch_boot(host);
            for r in 0..self.rollouts.len() {
                if let Some(slot) = self.slot_of(r, host) {
                    self.forget_downs(r, slot);
                }
            }
        }
        self.weigh_host(host);
        Ok(())
    }

    /// After somebody else's work everything that was known of the host's health is from before, and proves nothing.
    pub(crate) fn fold_released(&mut self, host: HostId, kind: HoldKind) -> Result<(), Fault> {
        if self.holds.remove(host, kind).is_none() {
            return Err(Fault::new(format!(
                "host {} is released and was not held",
                host.0
            )));
        }
        if kind == HoldKind::Maintenance {
            self.count_maintenance(host, false);
            self.forget_evidence(host);
            self.watch_again(host);
        }
        self.weigh_host(host);
        // It may be what others need to run something for them.
        self.wake_peers(host);
        for r in 0..self.rollouts.len() {
            let Some(slot) = self.slot_of(r, host) else {
                continue;
            };
            self.wake_parked_host(r, slot);
            let class = self.rollouts[r].rec.slots[slot as usize].state.class();
            if kind == HoldKind::Maintenance && matches!(class, Class::Settling | Class::Done) {
                self.watch_boot(r, slot);
            }
        }
        Ok(())
    }

    /// What a host had before its visit, as it was found.
    pub(crate) fn remember_previous(&mut self, r: usize, slot: u32, text: &str) {
        let Rollout { rec, idx, .. } = &mut self.rollouts[r];
        let next = u32::try_from(rec.previous.len() + 1).unwrap_or(0);
        let index = *idx.previous.entry(text.to_owned()).or_insert_with(|| {
            rec.previous.push(text.to_owned());
            next
        });
        rec.slots[slot as usize].previous = index;
    }

    /// What a result says about the host, whatever follows from it.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each case is read as one table"
    )]
    pub(crate) fn note_result(
        &mut self,
        r: usize,
        slot: u32,
        kind: StepKind,
        visit: VisitKind,
        ending: Ending,
        result: &StepResult,
    ) {
        let began = !matches!(result, StepResult::NotStarted | StepResult::Unreachable);
        let rec = &mut self.rollouts[r].rec.slots[slot as usize];
        match kind {
            StepKind::Drain if !began && !rec.is(SlotRec::RETRYING) => {
                rec.set(SlotRec::DRAINED, false);
            }
            StepKind::Apply | StepKind::Rollback if !began && !rec.is(SlotRec::RETRYING) => {
                rec.set(SlotRec::APPLYING, false);
            }
            StepKind::Apply if began => {
                rec.set(SlotRec::CHANGED, true);
                self.changes = self.changes.saturating_add(1);
                self.rollouts[r].changed_as(slot, self.changes);
                let host = self.host_of(r, slot);
                self.last_changes.note(host, r, slot);
            }
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Drain
            | StepKind::Apply
            | StepKind::Rollback
            | StepKind::Reboot
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Unsilence
            | StepKind::Stage
            | StepKind::Recovery
            | StepKind::Protect
            | StepKind::Unprotect => {}
        }
        let rec = &mut self.rollouts[r].rec.slots[slot as usize];
        if let StepResult::Back { restarts } = result {
            rec.restarts = u8::try_from(*restarts).unwrap_or(u8::MAX);
        }
        let counts_at_once = !kind.leaves_up();
        match result {
            StepResult::Failed(_) if counts_at_once => {
                rec.set(SlotRec::RETRYING, true);
                self.set_counted(r, slot, true);
            }
            // It began: the next attempt at it is not the first, even if that one never begins.
            StepResult::Interrupted if counts_at_once => rec.set(SlotRec::RETRYING, true),
            StepResult::Unreachable
                if counts_at_once && rec.is(SlotRec::DRAINED | SlotRec::APPLYING) =>
            {
                rec.set(SlotRec::RETRYING, true);
                self.set_counted(r, slot, true);
            }
            StepResult::Done | StepResult::Back { .. }
                if ending == Ending::Well && rec.is(SlotRec::RETRYING) =>
            {
                rec.set(SlotRec::RETRYING, false);
                // A failure that was there before the visit ends with the visit, not with one step of it.
                if !self.is_failed_again(r, slot) {
                    self.set_counted(r, slot, false);
                }
            }
            StepResult::Found {
                previous: Some(previous),
                ..
            } if visit == VisitKind::Update && !rec.is(SlotRec::APPLYING | SlotRec::CHANGED) => {
                self.remember_previous(r, slot, previous);
            }
            StepResult::Done
            | StepResult::Back { .. }
            | StepResult::Found { .. }
            | StepResult::Failed(_)
            | StepResult::Unreachable
            | StepResult::Interrupted
            | StepResult::Answered { .. }
            | StepResult::Protected { .. }
            | StepResult::NotStarted => {}
        }
    }
}
