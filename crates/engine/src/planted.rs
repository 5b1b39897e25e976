//! Deliberate mistakes for the proof that the checkers see them.
//!
//! Without the feature `planted-bugs` nothing here is compiled in but a `false`, and the product never has the feature.

/// A mistake that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// One host more than the disruption budget may be down.
    BudgetOffByOne,
    /// The disruption budgets of other rollouts over the same hosts do not count.
    OtherBudgetsIgnored,
    /// The soak ends a tenth too early.
    SoakTooShort,
    /// The same person's second yes counts again.
    ApprovalCountedTwice,
    /// The halting failure is one too late.
    HaltOffByOne,
    /// Groups do not wait for those they depend on.
    DependencyIgnored,
    /// A peer nobody has heard of counts as up.
    UnknownCountsAsUp,
    /// A halted ring goes on visiting.
    StartsWhileHalted,
    /// A visit that failed leaves its host drained.
    UndrainForgotten,
    /// A soak is credited with the time Ringway was down.
    SoakOverCrashGap,
    /// A result that comes late or a second time is taken for that of the step that runs.
    LateResultCounts,
    /// Two rollouts visit one host.
    BusyIgnored,
    /// A ring is promoted although hosts are offline beyond what is allowed.
    DebtIgnored,
    /// An interrupted step is repeated without a look.
    InterruptedRepeated,
    /// A ring is promoted without evidence from its gates.
    SilenceIsSuccess,
    /// A recovery forgets a step that was outstanding. (In the loop around the engine.)
    IntentForgotten,
    /// A step is handed out before the batch that decided it is durable. (In the loop around the engine.)
    ActsBeforeCommit,
    /// Hosts of another database are taken over although nobody decided that. (In the loop around the engine.)
    AdoptsUnasked,
}

impl Bug {
    /// Every mistake.
    pub const ALL: [Self; 18] = [
        Self::BudgetOffByOne,
        Self::OtherBudgetsIgnored,
        Self::SoakTooShort,
        Self::ApprovalCountedTwice,
        Self::HaltOffByOne,
        Self::DependencyIgnored,
        Self::UnknownCountsAsUp,
        Self::StartsWhileHalted,
        Self::UndrainForgotten,
        Self::SoakOverCrashGap,
        Self::LateResultCounts,
        Self::BusyIgnored,
        Self::DebtIgnored,
        Self::InterruptedRepeated,
        Self::SilenceIsSuccess,
        Self::IntentForgotten,
        Self::ActsBeforeCommit,
        Self::AdoptsUnasked,
    ];
}
