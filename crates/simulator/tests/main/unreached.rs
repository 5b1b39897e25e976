//! What the suite must reach, and what it cannot, with the reason.

use ringway_model::StepKind;

/// Reasons to wait that no seeded world can reach.
pub(crate) const REASONS: &[(&str, &str)] = &[(
    "fault",
    "the engine finds none of its own invariants broken; where it does, the seed fails",
)];

/// Everything that goes wrong, each of which must do so in every one of these kinds of steps. There are no excuses.
pub(crate) const FAULTS: &[&str] = &[
    "all blind",
    "append refused",
    "append unsaid",
    "cancel asked",
    "clock ahead",
    "clock back",
    "crash",
    "disk full",
    "freeze",
    "host blind",
    "host offline",
    "power loss",
    "request late",
    "result doubled",
    "result late",
    "result lost",
    "rollback asked",
    "service flaky",
    "service killed",
    "taken over",
];

/// The kinds of steps of a recipe and of a care that most worlds have. Of the others, suites of their own say what must be
/// reached.
pub(crate) const KINDS: [StepKind; 9] = [
    StepKind::Inspect,
    StepKind::Precheck,
    StepKind::Drain,
    StepKind::Apply,
    StepKind::Rollback,
    StepKind::Reboot,
    StepKind::Verify,
    StepKind::CareVerify,
    StepKind::Undrain,
];

/// Transitions that would seem possible and are not; a seed that went through one would say so.
pub(crate) const TRANSITIONS: &[(&str, &str)] = &[
    (
        "held + issue rollback -> running",
        "a host that is left alone has nothing to go back from",
    ),
    (
        "already + issue rollback -> running",
        "a host that had the release before the rollout keeps it",
    ),
];
