//! What the suite must reach, and what it cannot, with the reason.

/// Reasons to wait that no seeded world can reach.
pub(crate) const REASONS: &[(&str, &str)] = &[
    (
        "fault",
        "the engine finds none of its own invariants broken; where it does, the seed fails",
    ),
    (
        "step",
        "views name the visit, whose state is the step that runs; the reason is for a host that waits for another's step",
    ),
];

/// Transitions that the engine has and no seed of the suite goes through.
pub(crate) const TRANSITIONS: &[(&str, &str)] = &[];
