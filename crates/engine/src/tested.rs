//! What has been tried so far: which kinds of hosts have a host with the update, and what each gate finds. Counted, so that
//! nobody has to scan a ring to know what a yes would rest on.
//!
//! Derived like the rest of the index: kept true on every change of a host's state and of its evidence, made anew after a
//! fold. Decides nothing.

use ringway_model::{Evidence, Slot};
use ringway_scheduler::Plan;

use crate::event::Verdict;
use crate::fleet::evidence_in;
use crate::rollout::RingCount;
use crate::slot::Class;

/// What one gate finds of a ring's updated hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GateCount {
    pub(crate) up: u32,
    pub(crate) down: u32,
}

/// The counters of one rollout.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tested {
    /// By ring x gate.
    gates: Vec<GateCount>,
    /// By ring x stratum: hosts that have the update, or may still come to have it.
    hopeful: Vec<u32>,
    /// By ring: the strata it has, ascending.
    strata: Vec<Vec<u16>>,
    kinds: usize,
    per_ring: usize,
}

/// Whether a host of this class is an example of its kind, or can still become one.
const fn is_hopeful(class: Class) -> bool {
    match class {
        Class::Pending | Class::Visiting | Class::Settling | Class::Done | Class::Withheld => true,
        Class::Failed
        | Class::Debt
        | Class::Skipped
        | Class::RolledBack
        | Class::Vanished
        | Class::Excepted
        | Class::Outside => false,
    }
}

impl Tested {
    /// Counters of a plan, with nothing counted yet.
    pub(crate) fn new(plan: &Plan) -> Self {
        let strata = &plan.consent.strata;
        let kinds = strata.names.len();
        let of_rings = plan.rings.iter().map(|ring| {
            let mut found = strata.of_slot.get(ring.slots()).unwrap_or(&[]).to_vec();
            found.sort_unstable();
            found.dedup();
            found
        });
        Self {
            gates: vec![GateCount::default(); plan.rings.len() * plan.gates.len()],
            hopeful: vec![0; plan.rings.len() * kinds],
            strata: of_rings.collect(),
            kinds,
            per_ring: plan.gates.len(),
        }
    }

    /// A host is of another class from now on; absent before it was counted at all.
    pub(crate) fn class(
        &mut self,
        plan: &Plan,
        (ring, slot): (usize, u32),
        (was, is): (Option<Class>, Class),
        bits: u32,
    ) {
        if let Some(kind) = plan.consent.strata.of(Slot(slot)) {
            let count = &mut self.hopeful[ring * self.kinds + usize::from(kind)];
            *count = *count + u32::from(is_hopeful(is)) - u32::from(was.is_some_and(is_hopeful));
        }
        let (was, is) = (was == Some(Class::Done), is == Class::Done);
        if was != is {
            self.bits(plan, ring, bits, is);
        }
    }

    /// What is known of an updated host changed.
    pub(crate) fn evidence(&mut self, plan: &Plan, ring: usize, before: u32, after: u32) {
        self.bits(plan, ring, before, false);
        self.bits(plan, ring, after, true);
    }

    fn bits(&mut self, plan: &Plan, ring: usize, bits: u32, add: bool) {
        let gates = &mut self.gates[ring * self.per_ring..][..self.per_ring];
        for (count, gate) in gates.iter_mut().zip(&plan.gates) {
            let of = match evidence_in(bits, gate.probe) {
                Evidence::Up => &mut count.up,
                Evidence::Down => &mut count.down,
                Evidence::Unknown => continue,
            };
            *of = if add { *of + 1 } else { *of - 1 };
        }
    }

    /// What each gate finds of a ring's updated hosts.
    pub(crate) fn gates(&self, ring: usize) -> &[GateCount] {
        self.gates
            .get(ring * self.per_ring..)
            .and_then(|rest| rest.get(..self.per_ring))
            .unwrap_or(&[])
    }

    /// Every gate's verdict on a ring.
    pub(crate) fn verdicts(&self, ring: usize, planned: u32, count: &RingCount) -> Vec<Verdict> {
        let to_come = count.pending + count.visiting + count.settling + count.withheld;
        let gates = self.gates(ring).iter();
        gates
            .map(|gate| {
                if gate.down > 0 {
                    Verdict::Regressed
                } else if planned == 0 || to_come == 0 && count.done > 0 && gate.up == count.done {
                    Verdict::Pass
                } else {
                    Verdict::Inconclusive
                }
            })
            .collect()
    }

    /// The strata of a ring of which no ring before it has a host with the update, or one that may still come to have it.
    pub(crate) fn untested(&self, ring: usize) -> Vec<u16> {
        let strata = self.strata.get(ring).into_iter().flatten().copied();
        let is_tested = |kind: u16| {
            (0..ring).any(|before| self.hopeful[before * self.kinds + usize::from(kind)] > 0)
        };
        strata.filter(|&kind| !is_tested(kind)).collect()
    }
}
