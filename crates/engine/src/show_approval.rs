//! What somebody sees who is asked to say yes: what it starts, what came of it so far, what nobody tried, who else must.
//!
//! The same values are bound by the digest, as far as it covers them. Nothing here decides.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ringway_model::{GroupId, HostId, RingIndex, Slot, Timestamp, VisitKind};
use ringway_scheduler::plan::RingPlan;

use crate::approve::Rule;
use crate::command::Subject;
use crate::engine::Engine;
use crate::rollout::{RolloutState, Stage};
use crate::slot::{Class, SlotRec};
use crate::view::{
    AnswerView, ApprovalView, AtOnce, CannotView, ClosedView, CouldView, QuestionView, SinceView,
    VerdictView, WayBack, YesView,
};

impl fmt::Display for CouldView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.person)?;
        match &self.deputy_in {
            Some(team) => write!(f, " (deputy in {team})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for CannotView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.person, self.why)
    }
}

impl Engine {
    /// Who could still say yes to a subject, and who of the teams must not.
    pub(crate) fn who_could(
        &self,
        r: usize,
        subject: Subject,
        rule: Rule<'_>,
    ) -> (Vec<CouldView>, Vec<CannotView>) {
        let rollout = &self.rollouts[r];
        let consent = &rollout.plan.consent;
        let given = rollout.rec.approvals.iter();
        let given: BTreeSet<String> = given
            .filter(|yes| yes.subject == subject)
            .map(|yes| consent.person(&yes.actor.0))
            .collect();
        let (mut could, mut cannot) = (Vec::new(), Vec::new());
        let mut people: BTreeSet<String> = rule.plan.people.clone();
        if rule.plan.by.is_empty() {
            // Anybody could; who could not is worth a word all the same.
            people = rollout.plan.author.iter().cloned().collect();
            people.insert(consent.person(&rollout.rec.starter.0));
        }
        for person in people {
            if let Some(why) = self.excluded(r, rule, &person) {
                let why = why.to_owned();
                cannot.push(CannotView { person, why });
            } else if !given.contains(&person) && !rule.plan.by.is_empty() {
                let deputies = rule.terms.map(|terms| &terms.deputies);
                could.push(CouldView {
                    deputy_in: deputies.and_then(|deputies| deputies.get(&person).cloned()),
                    contact: consent.contacts.get(&person).cloned(),
                    person,
                });
            }
        }
        (could, cannot)
    }

    /// What can be approved now: what the rollout is at first, then what comes later.
    pub(crate) fn approval_views(&self, r: usize) -> Vec<ApprovalView> {
        let Some(at) = self.subject(r) else {
            return Vec::new();
        };
        if matches!(self.rollouts[r].rec.state, RolloutState::Halted { .. }) {
            return Vec::new();
        }
        let rings = (0..self.rollouts[r].plan.rings.len()).map(RingIndex::at);
        let later = rings.map(|ring| Subject::Promotion { ring });
        let start = (at == Subject::Start).then_some(Subject::Start);
        // Somebody waits for an answer to that, whatever the rollout is at.
        let lane = std::iter::once(Subject::Lane);
        let all = lane.chain(start).chain(later);
        let open = all.filter(|subject| self.is_open(r, *subject));
        open.filter_map(|subject| self.approval_view(r, subject))
            .collect()
    }

    /// What could be said yes to in order to end the soak that runs before its time.
    pub(crate) fn early_view(&self, r: usize) -> Option<ApprovalView> {
        if matches!(self.rollouts[r].rec.state, RolloutState::Halted { .. }) {
            return None;
        }
        let Some(Stage::Soaking { ring, .. }) = self.stage(r) else {
            return None;
        };
        let view = self.approval_view(r, Subject::Early { ring })?;
        let at_least = self.rollouts[r].plan.consent.early(ring.index())?.at_least;
        let left = at_least.less(self.observed(r)?);
        Some(ApprovalView {
            due: left == ringway_model::Span::ZERO,
            at_least: Some(at_least),
            ..view
        })
    }

    fn approval_view(&self, r: usize, subject: Subject) -> Option<ApprovalView> {
        let rollout = &self.rollouts[r];
        let rule = self.rule(r, subject)?;
        let (conditions, shown) = (self.conditions(r, subject), self.shown(r, subject));
        let names = |slots: &[Slot]| -> Vec<String> {
            let slots = slots.iter();
            slots.map(|slot| self.host_name(r, slot.0)).collect()
        };
        let (excepted, left_out): (Vec<Slot>, Vec<Slot>) =
            shown.left_out.iter().partition(|slot| {
                let state = rollout.rec.slots[slot.index()].state;
                state.class() == Class::Excepted
            });
        let (could, cannot) = self.who_could(r, subject, rule);
        let given = self.given(r, subject);
        let is_at = self.subject(r) == Some(subject)
            || matches!(subject, Subject::Early { .. } | Subject::Lane);
        // While hosts are visited views are made often, and these take a look at every host.
        let at_rest = is_at && !matches!(self.stage(r), Some(Stage::Visiting { .. }));
        let strata = &rollout.plan.consent.strata.names;
        let untested = shown.untested.iter();
        Some(ApprovalView {
            subject,
            starts: self.starts(r, subject),
            ring: subject
                .ring()
                .map(|ring| rollout.plan.rings[ring.index()].name.clone()),
            hosts: rollout
                .plan
                .rings
                .get(subject.next())
                .map_or(0, |ring| ring.planned)
                - u32::try_from(shown.left_out.len()).unwrap_or_default(),
            digest: self.approval_digest(r, subject, &conditions, &shown),
            need: rule.plan.needed,
            by: given.iter().map(|yes| yes.person.clone()).collect(),
            given,
            teams: rule.plan.by.clone(),
            between: self.approval_between(r, subject),
            counts_from: self.outside_hours(r, subject).and_then(|on| on.earliest()),
            could,
            cannot,
            due: subject == Subject::Lane
                || is_at && matches!(self.stage(r), None | Some(Stage::Promoting { .. })),
            at_least: None,
            failed: names(&conditions.failed),
            debt: conditions.debt,
            left_out: names(&left_out),
            excepted: names(&excepted),
            held: if at_rest {
                self.held(r, subject.next())
            } else {
                Vec::new()
            },
            gates: subject
                .ring()
                .map_or_else(Vec::new, |ring| self.gate_views(r, ring, &shown.gates)),
            untested: untested
                .filter_map(|kind| strata.get(usize::from(*kind)).cloned())
                .collect(),
            first_start: at_rest
                .then(|| self.first_start(r, subject.next()))
                .flatten(),
            closed: at_rest
                .then(|| self.closed_then(r, subject.next()))
                .flatten(),
            at_once: at_rest.then(|| self.at_once(r, subject.next())).flatten(),
            way_back: at_rest.then(|| self.way_back(r, subject.next())),
            since: self.since(r),
        })
    }

    /// Every yes to a subject, and whether it would be void now.
    fn given(&self, r: usize, subject: Subject) -> Vec<YesView> {
        let rollout = &self.rollouts[r];
        let void: BTreeMap<_, _> = self.would_be_void(r, subject).into_iter().collect();
        let all = rollout.rec.approvals.iter();
        all.filter(|yes| yes.subject == subject)
            .map(|yes| {
                let given = yes.given.as_ref();
                YesView {
                    person: rollout.plan.consent.person(&yes.actor.0),
                    user: yes.actor.0.clone(),
                    deputy_in: given.and_then(|given| given.shown.deputy_in.clone()),
                    at: given.map(|given| given.at),
                    expires: yes.expires(),
                    reason: given.map(|given| given.reason.clone()).unwrap_or_default(),
                    void_now: void.get(&yes.actor).cloned(),
                }
            })
            .collect()
    }

    fn gate_views(
        &self,
        r: usize,
        ring: RingIndex,
        says: &[crate::event::Verdict],
    ) -> Vec<VerdictView> {
        let idx = &self.rollouts[r].idx;
        let of = idx.rings[ring.index()].done;
        let counts = idx.tested.gates(ring.index());
        let gates = counts.iter().zip(says).enumerate();
        gates
            .map(|(gate, (count, says))| VerdictView {
                gate: self.gate_name(r, gate),
                says: *says,
                up: count.up,
                down: count.down,
                of,
            })
            .collect()
    }

    /// The first instant at which a visit of a ring can start: when the soak ends, a host is there that nobody holds, and a window
    /// is open that it fits in.
    fn first_start(&self, r: usize, ring: usize) -> Option<Timestamp> {
        let from = self.soak_until(&self.rollouts[r]).unwrap_or(self.now);
        let from = from.max(self.now);
        let hosts = self.to_come(r, ring);
        let free = hosts.map(|host| self.holds.free_from(host, from));
        // Where none is to come, the window is all there is to tell of.
        let free = free.min_by_key(|free| free.unwrap_or(Timestamp::NEVER));
        self.first_fit(r, ring, free.unwrap_or(Some(from))?)
    }

    /// Hosts of a ring on which no visit fits when its soak ends, or now; none where there are no such hosts, or nothing is known.
    fn closed_then(&self, r: usize, ring: usize) -> Option<ClosedView> {
        self.rollouts[r].rec.calendar.as_ref()?;
        let from = self.soak_until(&self.rollouts[r]).unwrap_or(self.now);
        let from = from.max(self.now);
        let times = &self.rollouts[r].plan.times;
        let hosts = self.to_come(r, ring);
        let slots = hosts.filter_map(|host| self.slot_of(r, host));
        let mut closed: Option<ClosedView> = None;
        for slot in slots.filter(|slot| times.of(Slot(*slot)).is_some()) {
            let opens = self.fits_from(r, slot, VisitKind::Update, from);
            if opens == Some(from) {
                continue;
            }
            let known = closed.get_or_insert(ClosedView { hosts: 0, opens });
            known.hosts += 1;
            known.opens = known.opens.into_iter().chain(opens).min();
        }
        closed
    }

    /// Hosts of a ring that are to be visited.
    fn to_come(&self, r: usize, ring: usize) -> impl Iterator<Item = HostId> {
        let rollout = &self.rollouts[r];
        let slots = rollout.plan.rings.get(ring).map(RingPlan::slots);
        let open = move |slot: &usize| {
            rollout.rec.slots[*slot].state.class() == Class::Pending
                && !self.has_vanished(rollout.plan.slots[*slot].host)
        };
        let slots = slots.into_iter().flatten().filter(open);
        slots.map(|slot| rollout.plan.slots[slot].host)
    }

    /// Those of them that people hold.
    fn held(&self, r: usize, ring: usize) -> Vec<String> {
        let held = |host: &HostId| self.holds.on(*host).is_some();
        let hosts = self.to_come(r, ring).filter(held);
        hosts
            .map(|host| self.fleet.spec.hosts[host.index()].name.clone())
            .collect()
    }

    /// The group of which the most hosts of a ring may be down at once.
    fn at_once(&self, r: usize, ring: usize) -> Option<AtOnce> {
        let plan = &self.rollouts[r].plan;
        let spec = &self.fleet.spec;
        let slots = plan.rings.get(ring)?.slots();
        let mut of_groups: BTreeMap<Option<GroupId>, (u32, u32)> = BTreeMap::new();
        let mut of_cells: BTreeMap<_, (Option<GroupId>, u32)> = BTreeMap::new();
        for slot in slots {
            if self.rollouts[r].rec.slots[slot].state.class() == Class::Skipped
                || self.has_vanished(plan.slots[slot].host)
            {
                continue;
            }
            let host = &spec.hosts[plan.slots[slot].host.index()];
            let entry = of_groups.entry(host.group).or_default();
            entry.0 += 1;
            match host.cell {
                Some(cell) => of_cells.entry(cell).or_insert((host.group, 0)).1 += 1,
                None => entry.1 += 1,
            }
        }
        for (cell, (group, here)) in of_cells {
            let cell = &spec.cells[cell.index()];
            let members = u32::try_from(cell.members.len()).unwrap_or(u32::MAX);
            let spare = members
                .saturating_sub(cell.must_stay_up)
                .min(cell.down_at_most);
            let may = if cell.accepts_outage() {
                spare.max(1)
            } else {
                spare
            };
            of_groups.entry(group).or_default().1 += may.min(here);
        }
        let bound = plan
            .budget_down
            .unwrap_or(u32::MAX)
            .min(plan.pace.at_once.get());
        let largest = of_groups
            .into_iter()
            .max_by_key(|(_, (hosts, down))| (*down.min(&bound), *hosts))?;
        let (group, (hosts, down)) = largest;
        Some(AtOnce {
            group: group.map(|group| spec.groups[group.index()].name.clone()),
            hosts,
            down: down.min(bound),
        })
    }

    /// Which hosts could be taken back.
    fn way_back(&self, r: usize, ring: usize) -> WayBack {
        let rollout = &self.rollouts[r];
        let has_rollback = |slot: u32| !rollout.route(slot).visit(VisitKind::Rollback).is_empty();
        let ring = rollout.plan.rings.get(ring);
        let to_come = ring.map_or(0..0, ringway_scheduler::plan::RingPlan::slots);
        let number = |slot: usize| u32::try_from(slot).unwrap_or(u32::MAX);
        let no_recipe = to_come.map(number).filter(|slot| !has_rollback(*slot));
        let changed = rollout.rec.slots.iter().enumerate();
        let changed = changed.filter(|(_, record)| {
            record.is(SlotRec::CHANGED) && record.state.class() != Class::RolledBack
        });
        let (mut updated, mut without) = (0, 0);
        for (slot, record) in changed {
            updated += 1;
            without += u32::from(record.previous == 0 || !has_rollback(number(slot)));
        }
        WayBack {
            updated,
            without,
            to_come_without: u32::try_from(no_recipe.count()).unwrap_or(u32::MAX),
        }
    }

    /// What changed since the last yes of all.
    fn since(&self, r: usize) -> Option<SinceView> {
        let rollout = &self.rollouts[r];
        let last = rollout.rec.last_yes.as_ref()?;
        let failed = &rollout.idx.counted;
        let fresh = failed
            .iter()
            .filter(|slot| last.failed.binary_search(&Slot(**slot)).is_err());
        let mended = last.failed.iter().filter(|slot| !failed.contains(&slot.0));
        let done: u32 = rollout.idx.rings.iter().map(|ring| ring.done).sum();
        Some(SinceView {
            person: last.person.clone(),
            at: last.at,
            starts: self.starts(r, last.subject),
            updated: i64::from(done) - i64::from(last.done),
            failed: fresh.map(|slot| self.host_name(r, *slot)).collect(),
            mended: mended.map(|slot| self.host_name(r, slot.0)).collect(),
        })
    }

    /// What people asked about a rollout.
    pub(crate) fn question_views(&self, r: usize) -> Vec<QuestionView> {
        let consent = &self.rollouts[r].plan.consent;
        let asked = self.rollouts[r].rec.asked.iter();
        asked
            .map(|one| QuestionView {
                number: one.number,
                by: consent.person(&one.by.0),
                at: one.at,
                to: one.to.clone(),
                text: one.text.clone(),
                answer: one.answer.as_ref().map(|(at, by, text)| AnswerView {
                    by: consent.person(&by.0),
                    at: *at,
                    text: text.clone(),
                }),
            })
            .collect()
    }
}
