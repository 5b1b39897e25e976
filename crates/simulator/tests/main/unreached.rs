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

/// Transitions that the engine has and no seed of the suite goes through. Seeds 3000 to 6000 went through each of the
/// rare ones at least once, without a broken rule.
pub(crate) const TRANSITIONS: &[(&str, &str)] = &[
    ("cancelling + recover", RARE),
    ("cancelling + restarted", RARE),
    ("paused + restarted", RARE),
    ("promoting + decline", RARE),
    ("promoting + go", RARE),
    ("promoting + pause", RARE),
    ("promoting + rollback", RARE),
    ("rolling-back + restarted", RARE),
    ("running + failed -> rollback-failed", RARE),
    ("running + interrupted -> failed", RARE),
    (
        "running + interrupted -> rollback-failed",
        "needs a power loss during a `rollback` whose recipe forbids a repetition, in the few seeds that roll back",
    ),
    (
        "held + issue rollback -> running",
        "a host that is left alone has nothing to go back from",
    ),
    (
        "already + issue rollback -> running",
        "a host that had the release before the rollout keeps it",
    ),
];

const RARE: &str = "rare: a person or a crash must come within the seconds that the state lasts";
