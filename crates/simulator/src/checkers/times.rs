//! I8: work runs only inside its windows and outside freezes, and only where all that is left of the visit fits.

use ringway_model::{IntentId, Span, StepKind, Timestamp, VisitKind};
use ringway_scheduler::plan::More;

use super::facts::Facts;
use super::starts::step_of;
use super::terms::room_with_overrides;
use super::{Broken, ensure};

impl Facts {
    /// At the instant of a step that prepares or disrupts, and at the one for which another attempt at it is announced, work may
    /// run, and may for as long as the rest of the visit can take. What brings a host back into service is exempt, and so are
    /// rollbacks.
    pub(super) fn check_time(
        &self,
        intent: IntentId,
        (visit, position, kind): (VisitKind, u8, StepKind),
        now: Timestamp,
    ) -> Result<(), Broken> {
        let restorative = matches!(
            kind,
            StepKind::Verify
                | StepKind::CareVerify
                | StepKind::Undrain
                | StepKind::Unsilence
                | StepKind::Recovery
        );
        let (rollout, slot) = self.place(intent.rollout(), intent.slot())?;
        let times = &rollout.plan.times;
        if restorative || visit == VisitKind::Rollback || times.of_slot.is_empty() {
            return Ok(());
        }
        let number = times.of_slot[slot] as usize;
        let rule = &times.tables[number];
        if rule.layers.is_empty() && rule.freezes.is_empty() {
            return Ok(());
        }
        let Some(calendar) = &rollout.calendar else {
            return Err((
                super::Invariant::I8,
                format!("{intent} starts `{kind}` and nobody knows when work may run"),
            ));
        };
        let mut left = Span::ZERO;
        let mut at = position;
        while let Some(step) = step_of(rollout, slot, visit, at) {
            left = left.plus(step.step.timeout);
            if let More::Reboot { back_within, .. } = &step.more {
                left = left.plus(*back_within);
            }
            at += 1;
        }
        let in_lane = rule
            .freezes
            .iter()
            .any(|it| rollout.lane_overrides(&it.name));
        if (!rollout.overridden.is_empty() || in_lane) && !rule.freezes.is_empty() {
            let room = room_with_overrides(rollout, number, now);
            ensure!(
                left <= room && room > Span::ZERO,
                I8,
                "{intent} starts `{kind}` of a visit that may take {left}, with {room} until work must stop, freezes that people work in left out"
            );
            return Ok(());
        }
        let open = calendar.tables[number]
            .open
            .iter()
            .find(|(from, until)| *from <= now && now < *until);
        let room = open.map_or(Span::ZERO, |(_, until)| until.since(now));
        ensure!(
            open.is_some() && left <= room,
            I8,
            "{intent} starts `{kind}` of a visit that may take {left}, with {room} until work must stop"
        );
        Ok(())
    }
}
