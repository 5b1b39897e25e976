//! Counters and queues, kept true on every change of a host's state, so that no decision needs a scan.
//!
//! `set_slot` is the only place where a host's state changes. Everything here can be made anew from the records
//! (`rebuild`), and is after every fold and every recovery: so a process that crashed and one that did not decide alike
//! from there on.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use ringway_model::{Evidence, HostId, Timestamp, VisitKind};

use crate::command::HoldKind;
use crate::coverage::Coverage;
use crate::engine::Engine;
use crate::fleet::{NONE, evidence_in};
use crate::host::HostState;
use crate::rollout::{GroupCount, Index, RingCount, Rollout, RolloutState};
use crate::slot::{Class, SlotRec};
use crate::tested::Tested;

impl Engine {
    pub(crate) fn host_of(&self, r: usize, slot: u32) -> HostId {
        self.rollouts[r].plan.slots[slot as usize].host
    }

    /// The host's slot in a rollout that is not over.
    pub(crate) fn slot_of(&self, r: usize, host: HostId) -> Option<u32> {
        self.rollouts[r]
            .idx
            .slot_of
            .get(host.index())
            .copied()
            .filter(|&slot| slot != NONE)
    }

    /// Whether another rollout than this one visits the host.
    pub(crate) fn is_busy_elsewhere(&self, r: usize, host: HostId) -> bool {
        let busy = self.fleet.uses[host.index()].busy;
        busy != 0 && busy as usize != r + 1
    }

    /// Whether what happens to the host now may come from somebody else: another rollout visits it, or somebody declared
    /// that they work on it. No update is blamed for that.
    pub(crate) fn is_in_other_hands(&self, r: usize, host: HostId) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::MaintenanceBlamed) {
            return self.is_busy_elsewhere(r, host);
        }
        self.is_busy_elsewhere(r, host) || self.holds.is_maintained(host)
    }

    /// Changes a host's state, and every counter and queue with it.
    pub(crate) fn set_slot(&mut self, r: usize, slot: u32, to: HostState, until: Timestamp) {
        self.count_kin(r, slot, false);
        let rec = &mut self.rollouts[r].rec.slots[slot as usize];
        let from = std::mem::replace(&mut rec.state, to);
        rec.until = until;
        self.count_kin(r, slot, true);
        if matches!(from, HostState::ByHand { .. }) && !matches!(to, HostState::ByHand { .. }) {
            self.nobody_works(r, slot);
        }
        if to.visit().is_none() {
            self.forget_visit(r, slot, to);
        }
        if !matches!(to, HostState::Running { .. }) {
            self.rollouts[r].rec.peers.remove(&slot);
        }
        if until != Timestamp::NEVER {
            self.timers
                .push(Reverse((until, u32::try_from(r).unwrap_or(NONE), slot)));
        }
        if from.class() != to.class() || from.is_down() != to.is_down() {
            self.recount(r, slot, from, to);
        }
        if self.live {
            let goes_last = |state| matches!(state, HostState::GoesLast { .. });
            if from.class() != to.class() || goes_last(to) {
                self.wake_last(r, self.host_of(r, slot));
            }
            self.enqueue(r, slot, to);
            if to.is_down() && self.is_rolling_back(r) {
                self.wake_forlorn(r, self.host_of(r, slot));
            }
            self.list_stage(r, slot);
            if from.class() == Class::Withheld && to.class() != Class::Withheld {
                self.wake_elsewhere(r, slot);
            }
        }
    }

    /// What is only so while a host is visited, or waits for the same visit.
    fn forget_visit(&mut self, r: usize, slot: u32, to: HostState) {
        let rec = &mut self.rollouts[r].rec;
        rec.silenced.remove(&slot);
        if to == HostState::Again {
            rec.again.insert(slot);
        } else {
            rec.again.remove(&slot);
        }
        if !matches!(to, HostState::NotReady { .. }) {
            rec.unready.remove(&slot);
        }
    }

    fn enqueue(&mut self, r: usize, slot: u32, state: HostState) {
        let rolling_back = self.is_rolling_back(r);
        let urgent = match state {
            HostState::Ready {
                visit, position, ..
            } => self.rollouts[r]
                .step(slot, visit, position)
                .is_some_and(|step| step.kind.may_start_when_held(visit)),
            HostState::Pending
            | HostState::Running { .. }
            | HostState::Backoff { .. }
            | HostState::Settling
            | HostState::Updated
            | HostState::Already
            | HostState::RestartWithheld
            | HostState::Failed { .. }
            | HostState::Unhealthy { .. }
            | HostState::RolledBack
            | HostState::RollbackFailed { .. }
            | HostState::Offline
            | HostState::Held
            | HostState::Lost
            | HostState::Skipped
            | HostState::OnHold
            | HostState::Again
            | HostState::Vanished
            | HostState::NotReady { .. }
            | HostState::GoesLast { .. }
            | HostState::Excepted
            | HostState::CatchUp
            | HostState::ChangedOutside
            | HostState::ByHand { .. } => false,
        };
        let is_open = self.rollouts[r].ring_of(slot) < usize::from(self.rollouts[r].rec.opened);
        let idx = &mut self.rollouts[r].idx;
        match state.class() {
            Class::Visiting if matches!(state, HostState::Ready { .. }) => {
                if urgent {
                    idx.runnable.push_front(slot);
                } else {
                    idx.runnable.push_back(slot);
                }
            }
            Class::Pending | Class::Withheld if is_open => idx.again.push_back(slot),
            // What breaks while the rollout goes back is repaired first: it may hold the last slot of a budget.
            Class::Failed if rolling_back => idx.again.push_front(slot),
            Class::Settling | Class::Done | Class::Debt | Class::Skipped | Class::Excepted
                if rolling_back =>
            {
                idx.again.push_back(slot);
            }
            // Of pending hosts those whose ring's turn has not come: the cursor meets them then.
            Class::Pending
            | Class::Withheld
            | Class::Visiting
            | Class::Settling
            | Class::Done
            | Class::Failed
            | Class::Debt
            | Class::Skipped
            | Class::Vanished
            | Class::Excepted
            | Class::Outside
            | Class::RolledBack => {}
        }
    }

    fn recount(&mut self, r: usize, slot: u32, from: HostState, to: HostState) {
        let host = self.host_of(r, slot);
        let ring = self.rollouts[r].ring_of(slot);
        let bits = self.fleet.evidence[host.index()];
        let (up, reporting) = self.rollouts[r].gates_say(bits);
        let group = self.fleet.group[host.index()];
        let groups = self.fleet.spec.groups.len();
        let (was, is) = (from.class(), to.class());
        let Rollout { idx, plan, .. } = &mut self.rollouts[r];
        idx.tested.class(plan, (ring, slot), (Some(was), is), bits);
        idx.coverage.class(plan, (ring, slot), (Some(was), is));
        let count = &mut idx.rings[ring];
        *count.of(was) -= 1;
        *count.of(is) += 1;
        let (was_done, is_done) = (u32::from(was == Class::Done), u32::from(is == Class::Done));
        count.evident = count.evident + is_done * u32::from(up) - was_done * u32::from(up);
        count.reporting =
            count.reporting + is_done * u32::from(reporting) - was_done * u32::from(reporting);
        let one = |class: Class, of: Class| u32::from(class == of);
        idx.visiting = idx.visiting + one(is, Class::Visiting) - one(was, Class::Visiting);
        idx.settling = idx.settling + one(is, Class::Settling) - one(was, Class::Settling);
        if group != u16::MAX {
            let entry = &mut idx.groups[ring * groups + usize::from(group)];
            entry.done = entry.done + is_done - was_done;
            entry.debt = entry.debt + one(is, Class::Debt) - one(was, Class::Debt);
            entry.failed = entry.failed + one(is, Class::Failed) - one(was, Class::Failed);
            let left_out = |class| {
                let aside = one(class, Class::Skipped) + one(class, Class::Vanished);
                aside + one(class, Class::Excepted) + one(class, Class::Outside)
            };
            entry.skipped = entry.skipped + left_out(is) - left_out(was);
        }
        self.reuse(r, host, from, to);
        self.weigh_host(host);
        let aside = |class| {
            matches!(
                class,
                Class::Debt | Class::Skipped | Class::Vanished | Class::Excepted | Class::Outside
            )
        };
        if aside(is) || aside(was) {
            self.wake_groups(r, None);
        } else if is == Class::Done && group != u16::MAX {
            self.wake_groups(r, Some(group));
        }
    }

    /// Keeps the fleet-wide uses of a host true: its lock, its budget slot, its availability group's slot.
    fn reuse(&mut self, r: usize, host: HostId, from: HostState, to: HostState) {
        let locks = |state: HostState| matches!(state.class(), Class::Visiting | Class::Settling);
        let released = locks(from) && !locks(to);
        let uses = &mut self.fleet.uses[host.index()];
        if locks(to) {
            uses.busy = u32::try_from(r + 1).unwrap_or(NONE);
        } else if released {
            uses.busy = 0;
        }
        let peer_slot = (from.takes_peer_slot(), to.takes_peer_slot());
        let budget = (from.takes_budget(), to.takes_budget());
        self.recount_uses(Some(r), host, peer_slot, budget);
        if released {
            for other in 0..self.rollouts.len() {
                if let Some(slot) = self.slot_of(other, host) {
                    self.wake_parked_host(other, slot);
                }
            }
        }
    }

    /// Keeps true what a host takes of its availability group and of budgets, each before and after. The rollout whose visit
    /// it is, where it is one.
    fn recount_uses(
        &mut self,
        whose: Option<usize>,
        host: HostId,
        peer_slot: (bool, bool),
        budget: (bool, bool),
    ) {
        let was_able = self.fleet.is_able(host);
        let uses = &mut self.fleet.uses[host.index()];
        uses.claims = uses.claims + u8::from(peer_slot.1) - u8::from(peer_slot.0);
        let used_before = uses.used > 0;
        uses.used = uses.used + u8::from(budget.1) - u8::from(budget.0);
        let used_after = uses.used > 0;
        if self.fleet.recount(host, was_able) {
            self.wake_cell(host);
            self.wake_peers(host);
        }
        if used_before == used_after {
            return;
        }
        for other in 0..self.rollouts.len() {
            let Some(slot) = self.slot_of(other, host) else {
                continue;
            };
            let used = &mut self.rollouts[other].idx.used;
            *used = *used + u32::from(used_after) - u32::from(used_before);
            if used_after && Some(other) != whose {
                self.needs_no_slot(other, slot);
            } else if !used_after {
                self.wake_budget(other);
            }
        }
    }

    /// Somebody else's work on a host begins or ends: it takes what a visit would take.
    pub(crate) fn count_maintenance(&mut self, host: HostId, on: bool) {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::MaintenanceNotDown) {
            return;
        }
        self.recount_uses(None, host, (!on, on), (!on, on));
    }

    /// Keeps the rings' counts of evident and reporting hosts true after a change of a host's evidence.
    pub(crate) fn recount_evidence(&mut self, host: HostId, before: u32, after: u32) {
        for r in 0..self.rollouts.len() {
            let Some(slot) = self.slot_of(r, host) else {
                continue;
            };
            let rollout = &mut self.rollouts[r];
            if rollout.rec.slots[slot as usize].state.class() != Class::Done {
                continue;
            }
            let (was, is) = (rollout.gates_say(before), rollout.gates_say(after));
            let ring = rollout.ring_of(slot);
            let Rollout { idx, plan, .. } = rollout;
            idx.tested.evidence(plan, ring, before, after);
            let count = &mut idx.rings[ring];
            count.evident = count.evident + u32::from(is.0) - u32::from(was.0);
            count.reporting = count.reporting + u32::from(is.1) - u32::from(was.1);
            self.weigh(r, slot);
        }
    }

    /// What was known of a host's health is forgotten.
    pub(crate) fn forget_evidence(&mut self, host: HostId) {
        let before = self.fleet.evidence[host.index()];
        self.fleet.write_evidence(host, 0);
        self.recount_evidence(host, before, 0);
    }

    pub(crate) fn set_counted(&mut self, r: usize, slot: u32, on: bool) {
        #[cfg(feature = "planted-bugs")]
        let lingers = self.bug(crate::planted::Bug::AcceptanceLingers);
        let ring = self.rollouts[r].ring_of(slot);
        let Rollout { rec, idx, .. } = &mut self.rollouts[r];
        let record = &mut rec.slots[slot as usize];
        if record.is(SlotRec::COUNTED) == on {
            return;
        }
        record.set(SlotRec::COUNTED, on);
        if on {
            idx.counted.insert(slot);
            idx.rings[ring].counted += 1;
            if !record.is(SlotRec::HIT) {
                record.set(SlotRec::HIT, true);
                rec.hit += 1;
            }
        } else {
            idx.counted.remove(&slot);
            idx.rings[ring].counted -= 1;
            let accepted = rec.accepted.remove(&slot);
            #[cfg(feature = "planted-bugs")]
            let accepted = accepted && !lingers;
            rec.forgiven[ring] -= u32::from(accepted);
        }
    }

    pub(crate) fn forget_downs(&mut self, r: usize, slot: u32) {
        let rollout = &mut self.rollouts[r];
        if !rollout.rec.downs.is_empty() {
            for gate in 0..rollout.plan.gates.len() {
                rollout
                    .rec
                    .downs
                    .remove(&(slot, u8::try_from(gate).unwrap_or(u8::MAX)));
            }
        }
    }

    /// One host that waits for the availability group of `host` is looked at again, if one can pass now.
    pub(crate) fn wake_cell(&mut self, host: HostId) {
        let Some(cell) = self.fleet.cell_of(host) else {
            return;
        };
        // Taking a member that does not count as up costs nothing of what must stay up; taking one that does costs one.
        let Some(spare) = self.fleet.spare(cell) else {
            return;
        };
        let fleet = &self.fleet;
        for rollout in &mut self.rollouts {
            let Rollout { idx, plan, .. } = rollout;
            let Some(parked) = idx.parked_cells.get_mut(&cell.0) else {
                continue;
            };
            let able = |slot: u32| fleet.is_able(plan.slots[slot as usize].host);
            let chosen = if spare > 0 {
                Some(0)
            } else {
                parked.iter().position(|&slot| !able(slot))
            };
            idx.again.extend(chosen.and_then(|at| parked.remove(at)));
            if parked.is_empty() {
                idx.parked_cells.remove(&cell.0);
            }
        }
    }

    /// A host broke in another rollout: it needs no slot of a budget from now on to go back to what it had, and must not
    /// wait behind hosts that do. Seldom enough to look for it in the queue.
    fn needs_no_slot(&mut self, r: usize, slot: u32) {
        if !self.live || !self.is_rolling_back(r) {
            return;
        }
        let idx = &mut self.rollouts[r].idx;
        let mut found = false;
        for parked in idx.parked_budgets.values_mut() {
            found |= parked.remove(&slot);
        }
        if let Some(at) = idx.again.iter().position(|&queued| queued == slot) {
            idx.again.remove(at);
            found = true;
        }
        if found {
            idx.again.push_front(slot);
        }
    }

    /// One host of every other rollout that waits for a slot of this rollout's budget is looked at again, if there is one.
    pub(crate) fn wake_budget(&mut self, whose: usize) {
        let rollout = &self.rollouts[whose];
        let has_room = rollout
            .plan
            .budget_down
            .is_none_or(|limit| rollout.idx.used < limit);
        if !has_room {
            return;
        }
        for rollout in &mut self.rollouts {
            let idx = &mut rollout.idx;
            let Some(parked) = idx.parked_budgets.get_mut(&whose) else {
                continue;
            };
            idx.again.extend(parked.pop_first());
            if parked.is_empty() {
                idx.parked_budgets.remove(&whose);
            }
        }
    }

    /// The same for every budget that counts a host which does not take the slot it may have been woken for.
    pub(crate) fn wake_budgets_of(&mut self, host: HostId) {
        for other in 0..self.rollouts.len() {
            if self.slot_of(other, host).is_some() {
                self.wake_budget(other);
            }
        }
    }

    /// A rollout is over and its budget counts no longer: whoever waited for it is looked at again.
    pub(crate) fn wake_all_of_budget(&mut self, whose: usize) {
        for rollout in &mut self.rollouts {
            let idx = &mut rollout.idx;
            idx.again
                .extend(idx.parked_budgets.remove(&whose).unwrap_or_default());
        }
    }

    pub(crate) fn wake_parked_host(&mut self, r: usize, slot: u32) {
        let idx = &mut self.rollouts[r].idx;
        if idx.parked_hosts.remove(&slot) {
            idx.again.push_back(slot);
        }
    }

    /// Hosts that wait for a group (`None`: for any) are looked at again where it is done now.
    fn wake_groups(&mut self, r: usize, group: Option<u16>) {
        if self.rollouts[r].idx.parked_groups.is_empty() {
            return;
        }
        let keys: Vec<(u16, u16)> = self.rollouts[r]
            .idx
            .parked_groups
            .keys()
            .copied()
            .filter(|&(_, waiting)| {
                group.is_none_or(|group| {
                    self.fleet.dependents[usize::from(group)].contains(&waiting)
                })
            })
            .filter(|&(ring, waiting)| {
                self.open_dependency(r, usize::from(ring), usize::from(waiting))
                    .is_none()
            })
            .collect();
        let idx = &mut self.rollouts[r].idx;
        for key in keys {
            idx.again
                .extend(idx.parked_groups.remove(&key).unwrap_or_default());
        }
    }

    /// The first group that a group in a ring still waits for, and the ring in which that is open.
    pub(crate) fn open_dependency(
        &self,
        r: usize,
        ring: usize,
        group: usize,
    ) -> Option<(usize, usize)> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::DependencyIgnored) {
            return None;
        }
        let rollout = &self.rollouts[r];
        self.fleet.spec.groups[group]
            .after
            .iter()
            .find_map(|&(before, across)| {
                let first = if across { 0 } else { ring };
                #[cfg(feature = "planted-bugs")]
                let first = if self.bug(crate::planted::Bug::AcrossRingsIgnored) {
                    ring
                } else {
                    first
                };
                (first..=ring)
                    .find(|&k| !rollout.group_is_done(&self.fleet, k, before.index()))
                    .map(|k| (before.index(), k))
            })
    }

    /// Makes a rollout's index from its record; the fleet-wide uses are not touched.
    pub(crate) fn build_index(&mut self, r: usize) {
        let fleet = &self.fleet;
        let groups = fleet.spec.groups.len();
        let Rollout { rec, plan, .. } = &self.rollouts[r];
        let mut idx = Index {
            slot_of: vec![NONE; fleet.spec.hosts.len()],
            rings: vec![RingCount::default(); plan.rings.len()],
            groups: vec![GroupCount::default(); plan.rings.len() * groups],
            tested: Tested::new(plan),
            coverage: Coverage::new(plan, &rec.coverage),
            previous: rec
                .previous
                .iter()
                .cloned()
                .zip(1..)
                .collect::<BTreeMap<_, _>>(),
            ..Index::default()
        };
        for (ring, ring_plan) in plan.rings.iter().enumerate() {
            for index in ring_plan.slots() {
                let slot = u32::try_from(index).unwrap_or(NONE);
                let (record, host) = (&rec.slots[index], plan.slots[index].host);
                idx.slot_of[host.index()] = slot;
                let class = record.state.class();
                let bits = fleet.evidence[host.index()];
                let (up, reporting) = self.rollouts[r].gates_say(bits);
                idx.tested.class(plan, (ring, slot), (None, class), bits);
                idx.coverage.class(plan, (ring, slot), (None, class));
                let done = class == Class::Done;
                let count = &mut idx.rings[ring];
                *count.of(class) += 1;
                count.counted += u32::from(record.is(SlotRec::COUNTED));
                count.evident += u32::from(done && up);
                count.reporting += u32::from(done && reporting);
                idx.visiting += u32::from(class == Class::Visiting);
                idx.settling += u32::from(class == Class::Settling);
                idx.used += u32::from(fleet.uses[host.index()].used > 0);
                if record.is(SlotRec::COUNTED) {
                    idx.counted.insert(slot);
                }
                let group = fleet.group[host.index()];
                if group != u16::MAX {
                    let entry = &mut idx.groups[ring * groups + usize::from(group)];
                    entry.planned += 1;
                    entry.done += u32::from(done);
                    entry.debt += u32::from(class == Class::Debt);
                    entry.failed += u32::from(class == Class::Failed);
                    entry.skipped += u32::from(matches!(
                        class,
                        Class::Skipped | Class::Vanished | Class::Excepted | Class::Outside
                    ));
                }
            }
        }
        self.rollouts[r].idx = idx;
        self.count_all_kin(r);
    }

    /// Takes the fleet-wide uses of all hosts of a rollout, as after a completed rollout begins to roll back.
    pub(crate) fn claim_all(&mut self, r: usize) {
        self.use_all(r, true);
    }

    /// Gives back the fleet-wide uses of all hosts of a rollout that is over.
    pub(crate) fn release_all(&mut self, r: usize) {
        self.use_all(r, false);
    }

    fn use_all(&mut self, r: usize, take: bool) {
        for slot in 0..self.rollouts[r].rec.slots.len() {
            let (host, state) = (
                self.rollouts[r].plan.slots[slot].host,
                self.rollouts[r].rec.slots[slot].state,
            );
            let (from, to) = if take {
                (HostState::Pending, state)
            } else {
                (state, HostState::Pending)
            };
            if from.takes_peer_slot() != to.takes_peer_slot() {
                self.reuse(r, host, from, to);
            }
        }
    }

    /// Makes every index, count, queue and timer anew from the records, and says what is to be watched.
    pub(crate) fn rebuild(&mut self) {
        self.rebuild_counts();
        self.watch.clear();
        for r in 0..self.rollouts.len() {
            if !self.rollouts[r].rec.state.is_final() {
                self.watch_rollout(r);
            }
        }
    }

    /// Makes every index, count, queue and timer anew from the records.
    pub(crate) fn rebuild_counts(&mut self) {
        for uses in &mut self.fleet.uses {
            *uses = crate::fleet::HostUse::default();
        }
        self.timers.clear();
        self.recount_changes();
        for r in 0..self.rollouts.len() {
            self.rollouts[r].idx = Index::default();
            if self.rollouts[r].rec.state.is_final() {
                continue;
            }
            for slot in 0..self.rollouts[r].rec.slots.len() {
                let record = self.rollouts[r].rec.slots[slot];
                let uses = &mut self.fleet.uses[self.rollouts[r].plan.slots[slot].host.index()];
                uses.claims += u8::from(record.state.takes_peer_slot());
                uses.used += u8::from(record.state.takes_budget());
                if matches!(record.state.class(), Class::Visiting | Class::Settling) {
                    uses.busy = u32::try_from(r + 1).unwrap_or(NONE);
                }
                if record.until != Timestamp::NEVER {
                    let (r, slot) = (
                        u32::try_from(r).unwrap_or(NONE),
                        u32::try_from(slot).unwrap_or(NONE),
                    );
                    self.timers.push(Reverse((record.until, r, slot)));
                }
            }
        }
        self.count_errands();
        self.claim_maintenance();
        self.fleet.recount_all();
        for r in 0..self.rollouts.len() {
            if !self.rollouts[r].rec.state.is_final() {
                self.build_index(r);
                self.fill_queues(r);
            }
        }
    }

    /// Takes what somebody else's work takes, for uses that have nothing of it yet.
    pub(crate) fn claim_maintenance(&mut self) {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::MaintenanceNotDown) {
            return;
        }
        for (host, kind) in self.holds.of.keys() {
            if *kind == HoldKind::Maintenance {
                let uses = &mut self.fleet.uses[host.index()];
                uses.claims += 1;
                uses.used += 1;
            }
        }
    }

    /// Completes a fold: from here on the engine decides.
    pub fn after_fold(&mut self) {
        self.live = true;
        self.rebuild();
    }

    /// Every slot that wants something, in its canonical order.
    pub(crate) fn fill_queues(&mut self, r: usize) {
        if !self.live {
            return;
        }
        let rolling_back = self.is_rolling_back(r);
        let uses = &self.fleet.uses;
        let Rollout { rec, idx, plan, .. } = &mut self.rollouts[r];
        let is_down = |slot: usize| uses[plan.slots[slot].host.index()].used > 0;
        idx.again.clear();
        idx.runnable.clear();
        idx.parked_cells.clear();
        idx.parked_groups.clear();
        idx.parked_hosts.clear();
        idx.parked_peers.clear();
        idx.parked_last.clear();
        idx.parked_budgets.clear();
        idx.parked_times.clear();
        idx.parked_strata.clear();
        idx.cursor = u32::try_from(rec.slots.len()).unwrap_or(NONE);
        let opened = plan
            .rings
            .iter()
            .take(usize::from(rec.opened))
            .map(|ring| ring.slots().end)
            .max()
            .unwrap_or(0);
        let mut later = VecDeque::new();
        for (index, record) in rec.slots.iter().enumerate().take(opened) {
            let slot = u32::try_from(index).unwrap_or(NONE);
            match record.state.class() {
                Class::Visiting if matches!(record.state, HostState::Ready { .. }) => {
                    idx.runnable.push_back(slot);
                }
                Class::Pending | Class::Withheld if !rolling_back => idx.again.push_back(slot),
                // What is broken goes back first, in whichever rollout it broke; it is down already and takes nobody's
                // budget.
                Class::Failed if rolling_back => idx.again.push_back(slot),
                Class::Pending
                | Class::Withheld
                | Class::Done
                | Class::Settling
                | Class::Debt
                | Class::Skipped
                | Class::Excepted
                    if rolling_back =>
                {
                    if is_down(index) {
                        idx.again.push_back(slot);
                    } else {
                        later.push_back(slot);
                    }
                }
                Class::Visiting
                | Class::Settling
                | Class::Done
                | Class::Failed
                | Class::Debt
                | Class::Skipped
                | Class::Vanished
                | Class::Excepted
                | Class::Outside
                | Class::RolledBack
                | Class::Pending
                | Class::Withheld => {}
            }
        }
        idx.again.append(&mut later);
        self.list_stages(r);
    }

    pub(crate) fn is_rolling_back(&self, r: usize) -> bool {
        matches!(self.rollouts[r].rec.state, RolloutState::RollingBack)
    }

    /// Whether a host can and should be taken back: it may have the update, what it had before is known, its route can, it
    /// is still of the fleet, and it was neither tried yet nor given up.
    pub(crate) fn can_roll_back(&self, r: usize, slot: u32) -> bool {
        let record = self.rollouts[r].rec.slots[slot as usize];
        record.is(SlotRec::CHANGED)
            && !record.is(SlotRec::TRIED)
            && record.previous != 0
            && !self.goes_back_to_poison(r, slot)
            && !matches!(record.state.class(), Class::Visiting | Class::Vanished)
            && !matches!(record.state, HostState::RollbackFailed { .. })
            && !self.is_beyond_rollback(self.host_of(r, slot))
            && !self.rollouts[r]
                .route(slot)
                .visit(VisitKind::Rollback)
                .is_empty()
    }

    /// The evidence of a rollout's gate on a host.
    pub(crate) fn gate_evidence(&self, r: usize, slot: u32, gate: usize) -> Evidence {
        let host = self.host_of(r, slot);
        evidence_in(
            self.fleet.evidence[host.index()],
            self.rollouts[r].plan.gates[gate].probe,
        )
    }
}
