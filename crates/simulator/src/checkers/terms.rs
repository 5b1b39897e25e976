//! What plans say beyond windows and freezes: working time of a soak (I11), hours for approvals (I9), freezes that people
//! override (I8), external gates (I11).

use ringway_engine::Subject;
use ringway_model::{Actor, IntentId, RolloutId, Says, Span, Timestamp, VisitKind};

use super::facts::{Facts, RolloutFacts};
use super::{Broken, ensure};

/// Instants of a rule.
type Times = [(Timestamp, Timestamp)];

/// The milliseconds that two stretches of time share.
fn shared(one: (Timestamp, Timestamp), other: (Timestamp, Timestamp)) -> i64 {
    let begins = if one.0 > other.0 { one.0 } else { other.0 };
    let ends = if one.1 < other.1 { one.1 } else { other.1 };
    (ends.0 - begins.0).max(0)
}

impl RolloutFacts {
    /// The instants of hours, by their number in the plan.
    fn hours(&self, number: u32) -> Option<&Times> {
        let at = self.plan.times.tables.len() + number as usize;
        Some(&self.calendar.as_ref()?.tables.get(at)?.open)
    }

    /// Credits a soak that runs with what passed until an instant: all of it, and what of it was working time.
    pub(super) fn credit(&mut self, until: Timestamp) {
        let Some(soak) = self.soak else { return };
        let Some(since) = soak.since else { return };
        let working = self.plan.terms.working.get(soak.ring).copied().flatten();
        let hours = working.and_then(|working| self.hours(working.hours));
        let worked: i64 = hours.map_or(0, |hours| {
            let all = hours.iter();
            all.map(|&one| shared(one, (since, until))).sum()
        });
        if let Some(soak) = &mut self.soak {
            soak.accrued = soak.accrued.plus(until.since(since));
            soak.worked = soak.worked.plus(Span(u64::try_from(worked).unwrap_or(0)));
            soak.since = None;
        }
    }

    /// The same, and lets it run on from an instant.
    pub(super) fn credit_and_go_on(&mut self, until: Timestamp, from: Timestamp) {
        if self.soak.is_some_and(|soak| soak.since.is_some()) {
            self.credit(until);
            if let Some(soak) = &mut self.soak {
                soak.since = Some(from);
            }
        }
    }

    /// The working time that the plan asks of a ring's soak.
    pub(super) fn working_wanted(&self, ring: usize) -> Span {
        let working = self.plan.terms.working.get(ring).copied().flatten();
        working.map_or(Span::ZERO, |working| working.time)
    }

    /// Every external gate is known to be open.
    pub(super) fn check_gates(&self, what: &str) -> Result<(), Broken> {
        for (gate, says) in self.plan.terms.external.iter().zip(&self.gates) {
            ensure!(
                *says == Says::Open,
                I11,
                "{what} and gate `{}` is {}",
                gate.name,
                says.word()
            );
        }
        Ok(())
    }
}

impl Facts {
    /// A yes counts only within its hours.
    pub(super) fn check_hours(
        &self,
        id: RolloutId,
        subject: Subject,
        actor: &Actor,
    ) -> Result<(), Broken> {
        let rollout = self.rollout(id)?;
        let terms = &rollout.plan.terms;
        let number = match subject {
            Subject::Start => terms.start,
            Subject::Promotion { ring } => terms.after_soak.get(ring.index()).copied().flatten(),
            Subject::Early { ring } => terms.early.get(ring.index()).copied().flatten(),
            Subject::Lane => rollout.lane.asked.as_ref().and_then(|asked| {
                let wanted = &asked.plan.terms;
                let hours = &wanted.hours[wanted.start? as usize];
                let at = terms.hours.iter().position(|known| known == hours)?;
                u32::try_from(at).ok()
            }),
        };
        let Some(number) = number else { return Ok(()) };
        let now = self.now;
        let is_open = rollout.hours(number).is_some_and(|hours| {
            let mut all = hours.iter();
            all.any(|(from, until)| *from <= now && now < *until)
        });
        ensure!(
            is_open,
            I9,
            "{actor} says yes to {id} ({subject:?}) outside the hours in which that counts"
        );
        Ok(())
    }

    /// A visit begins: every external gate is open, unless the host goes back.
    pub(super) fn check_gates_of_visit(
        &self,
        intent: IntentId,
        kind: VisitKind,
    ) -> Result<(), Broken> {
        if kind == VisitKind::Rollback {
            return Ok(());
        }
        let rollout = self.rollout(intent.rollout())?;
        rollout.check_gates(&format!("{intent} begins a visit"))
    }

    /// An external gate said something; it must have been heard.
    pub(super) fn gate_said(&mut self, id: RolloutId, gate: u16, says: Says) -> Result<(), Broken> {
        ensure!(
            self.said.contains(&(id, gate, says)),
            I11,
            "gate {gate} of {id} is {} and nobody said so",
            says.word()
        );
        let known = self.rollout_mut(id)?.gates.get_mut(usize::from(gate));
        let Some(known) = known else {
            return Err((super::Invariant::Story, format!("{id} has no gate {gate}")));
        };
        *known = says;
        Ok(())
    }

    /// A person lets work run in a freeze: the policy must permit it, and the freeze too.
    pub(super) fn freeze_overridden(
        &mut self,
        id: RolloutId,
        freeze: &str,
        reason: &str,
        until: Timestamp,
    ) -> Result<(), Broken> {
        let now = self.now;
        let rollout = self.rollout_mut(id)?;
        let terms = &rollout.plan.terms;
        ensure!(
            terms.freeze_override && !terms.binding.contains(freeze),
            I8,
            "{id} may work in freeze `{freeze}`, which its documents let nobody do"
        );
        ensure!(
            !reason.trim().is_empty() && until > now && !rollout.phase.is_over(),
            Story,
            "{id} may work in freeze `{freeze}` until {until}: {reason:?}"
        );
        rollout.overridden.insert(freeze.to_owned(), until);
        Ok(())
    }
}

/// How long work may run from an instant on where people work in freezes: until the window ends, or the first freeze holds
/// in which nobody may.
pub(super) fn room_with_overrides(rollout: &RolloutFacts, table: usize, now: Timestamp) -> Span {
    let Some(calendar) = &rollout.calendar else {
        return Span::ZERO;
    };
    let plan = &rollout.plan;
    let mut at = plan.times.tables.len() + plan.terms.hours.len();
    for before in &plan.times.tables[..table] {
        if !before.freezes.is_empty() {
            at += 1 + before.freezes.len();
        }
    }
    let windows = calendar.tables[at].open.iter();
    let mut open = windows.filter(|(from, until)| *from <= now && now < *until);
    let Some((_, mut end)) = open.next().copied() else {
        return Span::ZERO;
    };
    for (number, freeze) in plan.times.tables[table].freezes.iter().enumerate() {
        if rollout.lane_overrides(&freeze.name) {
            continue;
        }
        let again = rollout.overridden.get(&freeze.name).copied();
        for &(from, until) in &calendar.tables[at + 1 + number].open {
            let from = again.map_or(from, |again| if again > from { again } else { from });
            if from < until && now < until && from < end {
                end = from;
            }
        }
    }
    end.since(now)
}
