//! What words of people do to the state, about single hosts most of them: a part of `fold`.

use ringway_model::{HostId, Timestamp, VisitKind};

use crate::command::HoldKind;
use crate::engine::{Engine, Fault};
use crate::event::Event;
use crate::hold::HostHold;
use crate::host::HostState;
use crate::rollout::{Approval, Given, LastYes, Rollout};
use crate::slot::Class;

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
}
