//! What a view means for somebody who waits for a rollout: does it go on, or is it up to a person?
//!
//! Pure: a view in, a verdict out, with the exit code that automation sees.

use ringway_engine::view::{FleetView, HostView, RolloutView};
use ringway_model::{HostOutcome, RolloutId, StepKind, WaitingOn};

use crate::exit::{End, Failure};

/// How a rollout stands, as far as waiting for it is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It moves, or will by itself.
    Going,
    /// Steps are being brought to their end; then it will rest.
    Winding,
    /// It rests until a person decides; nothing is in flight.
    Person(End),
    /// It is over.
    Over(End),
    /// The engine stopped itself.
    Fault,
}

/// How this rollout stands in this view; `None` where the view does not have it.
pub(crate) fn of(view: &FleetView, rollout: RolloutId) -> Option<Standing> {
    let one = view.rollouts.iter().find(|r| r.id == rollout)?;
    Some(standing(view, one))
}

/// Whether anything in the fleet still moves, or will by itself.
pub(crate) fn moves(view: &FleetView) -> bool {
    let going = |one| matches!(standing(view, one), Standing::Going | Standing::Winding);
    view.rollouts.iter().any(going) || view.protections.moving > 0
}

fn standing(view: &FleetView, one: &RolloutView) -> Standing {
    if matches!(view.stopped, Some(WaitingOn::Fault { .. })) {
        return Standing::Fault;
    }
    if one.is_final {
        return Standing::Over(if one.state == "completed" {
            End::Done
        } else {
            End::Ended
        });
    }
    let in_flight: u32 = one.rings.iter().map(|ring| ring.visiting).sum();
    let stopped = view.stopped.is_some();
    let by_hand: u32 = one.rings.iter().map(|ring| ring.by_hand).sum();
    let settling: u32 = one.rings.iter().map(|ring| ring.settling).sum();
    let rests = |end| {
        if in_flight > by_hand {
            Standing::Winding
        } else {
            Standing::Person(end)
        }
    };
    match one.state.as_str() {
        "halted" => rests(End::Halted),
        "paused" => rests(End::Waiting),
        _ if stopped => rests(End::Waiting),
        // Nothing moves but what people do, and nothing will by itself.
        _ if by_hand > 0
            && in_flight == by_hand
            && settling == 0
            && one.waiting.iter().all(|waiting| waiting.earliest.is_none()) =>
        {
            Standing::Person(End::Waiting)
        }
        _ if in_flight == 0 && needs_a_yes(one) => Standing::Person(End::Waiting),
        _ if in_flight == 0 && settling == 0 && lacks_for_good(one) => {
            Standing::Person(End::Waiting)
        }
        _ if in_flight == 0 && settling == 0 && is_held_for_good(one) => {
            Standing::Person(End::Waiting)
        }
        _ => Standing::Going,
    }
}

/// Whether it waits for nothing but hosts that people hold until they say otherwise.
fn is_held_for_good(one: &RolloutView) -> bool {
    let on_hold: u32 = one.rings.iter().map(|ring| ring.on_hold).sum();
    let is_that = |on: &WaitingOn| matches!(on, WaitingOn::Debt { have, .. } if *have > 0 && *have == on_hold);
    !one.waiting.is_empty() && one.waiting.iter().all(|waiting| is_that(&waiting.on))
}

/// Whether nothing but a person's yes is missing.
fn needs_a_yes(one: &RolloutView) -> bool {
    one.approval.as_ref().is_some_and(|wish| wish.due)
        && one
            .waiting
            .iter()
            .any(|waiting| matches!(waiting.on, WaitingOn::Approval { .. }))
}

/// Whether it waits for evidence that nobody is left to give, and for nothing that comes by itself.
fn lacks_for_good(one: &RolloutView) -> bool {
    let is_lacking = |on: &WaitingOn| {
        let on_nobody = |until: &Option<_>, under_way: u32| until.is_none() && under_way == 0;
        matches!(on, WaitingOn::Evidence { until, under_way, .. } if on_nobody(until, *under_way))
    };
    one.waiting.iter().any(|waiting| is_lacking(&waiting.on))
        && one.waiting.iter().all(|waiting| waiting.earliest.is_none())
}

/// Hosts that are named; the rest is counted.
const NAMED: usize = 5;

/// Why a rollout that was to be taken back was not, as far as these hosts of it go; nothing where it was.
pub(crate) fn not_taken_back(rollout: RolloutId, hosts: &[HostView]) -> Option<Failure> {
    let left: Vec<&HostView> = hosts
        .iter()
        .filter(|host| may_have_it(host.outcome))
        .collect();
    let first = left.first()?;
    let mut names: Vec<String> = left
        .iter()
        .take(NAMED)
        .map(|host| format!("{}: {}", host.host, host.words))
        .collect();
    if let more @ 1.. = left.len().saturating_sub(NAMED) {
        names.push(format!("and {more} more"));
    }
    let why = format!(
        "{rollout} is over, but not every host was taken back ({})",
        names.join("; ")
    );
    let hint = format!(
        "`ringway why {}` says why; what is left is to be mended by hand",
        first.host
    );
    Some(Failure::new(End::Refused, why).hint(hint))
}

/// Whether a host may still have the update, or something in between, once its rollout was taken back.
const fn may_have_it(outcome: HostOutcome) -> bool {
    match outcome {
        HostOutcome::RollbackFailed { .. }
        | HostOutcome::Updated
        | HostOutcome::Settling
        | HostOutcome::RestartWithheld
        | HostOutcome::Unhealthy { .. }
        | HostOutcome::Visiting { .. }
        | HostOutcome::ByHand { .. }
        | HostOutcome::Lost
        | HostOutcome::Again => true,
        // Before the first step that changes a host nothing is there to be taken back.
        HostOutcome::Failed { step, .. } => match step {
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Stage
            | StepKind::Recovery
            | StepKind::Protect
            | StepKind::Unprotect
            | StepKind::Drain => false,
            StepKind::Apply
            | StepKind::Rollback
            | StepKind::Reboot
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Unsilence => true,
        },
        HostOutcome::RolledBack
        | HostOutcome::Already
        | HostOutcome::Pending
        | HostOutcome::Offline
        | HostOutcome::Vanished
        | HostOutcome::Held
        | HostOutcome::Skipped
        | HostOutcome::NotReady
        | HostOutcome::Excepted
        | HostOutcome::Advised
        | HostOutcome::CatchUp
        | HostOutcome::ChangedOutside
        | HostOutcome::Superseded
        | HostOutcome::GoesLast
        | HostOutcome::OnHold => false,
    }
}
