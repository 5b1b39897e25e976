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
    /// The next ring begins before the one before it was promoted.
    RingsOverlap,
    /// A result that arrives while a rollout is halted lets it go on.
    ResultRevivesHalt,
    /// What was known of a host before its visit counts after it.
    EvidenceKept,
    /// What was known before a crash counts after it.
    EvidenceOutlivesCrash,
    /// A host goes back to what another host had.
    WrongPrevious,
    /// A stop does not cover the first rollout.
    StopMissesOne,
    /// The author of the policy and the starter of the rollout may approve it.
    DutiesNotSeparated,
    /// A yes to something else than what is there counts.
    StaleDigestAccepted,
    /// A yes stands although what came after it is worse.
    VoidForgotten,
    /// A no leaves every yes standing.
    NoIgnored,
    /// A snapshot does not say that the fleet is stopped.
    SnapshotForgetsStop,
    /// A group waits for those it depends on in its own ring only.
    AcrossRingsIgnored,
    /// A host that was offline is never tried again.
    OfflineForgotten,
    /// A ring is promoted although a host that came back waits for its visit.
    PendingForgotten,
    /// A host is updated as soon as its visit is over.
    SettleSkipped,
    /// Budgets and peers are asked at the beginning of a visit and not before its later steps.
    PeersAskedOnce,
    /// A step whose host could not be reached counts as done.
    UnreachableIsDone,
    /// What a `verify` says does not matter.
    VerifyIgnored,
    /// A host that went silent after a disruptive step counts as never reached.
    LostIsOffline,
    /// The ramp widens where the journal is read back and not live.
    LiveForgetsRamp,
    /// A cancelled rollout ends while visits go on.
    EndsTooSoon,
    /// A soak is credited with the time by which the clock jumped.
    JumpCredited,
    /// A host that was unhealthy before the update is updated although its policy leaves it alone.
    BaselineIgnored,
    /// More hosts are visited at once than the pace says.
    PaceIgnored,
    /// A soak runs while too few hosts report.
    SoakRunsBlind,
    /// A step that is to be repeated later never is.
    RetryForgotten,
    /// The acceptance of a host that was mended goes to the next one that fails.
    AcceptanceLingers,
    /// That a host is down is not heard.
    DownUnheard,
    /// A decider that takes over writes under the epoch of the one before. (In the loop around the engine.)
    EpochNotRaised,
    /// A step is handed out under the epoch before. (In the loop around the engine.)
    StaleEpochHandedOut,
    /// A step that may have begun before a crash is begun anew. (In the loop around the engine.)
    AttachBeginsAnew,
    /// A step is handed out twice. (In the loop around the engine.)
    HandedOutTwice,
    /// A person is told that something is done before it is durable. (In the loop around the engine.)
    AnswersBeforeCommit,
    /// A timer that comes too early by the clock is not asked for again. (In the loop around the engine.)
    WakeLost,
    /// Visits start on hosts that a person holds.
    HoldIgnored,
    /// A visit goes on although its host is held meanwhile.
    HoldNotInVisit,
    /// A hold does not end when its time is over.
    HoldNeverEnds,
    /// A host that was released is not visited after all.
    ReleaseForgotten,
    /// A host somebody else works on does not count as down.
    MaintenanceNotDown,
    /// What a host's probes say while somebody else works on it counts against the update.
    MaintenanceBlamed,
    /// A host that failed and is to be visited again counts as up.
    RetryIsUp,
    /// A ring of which everybody was left out is promoted.
    SkippedIsEvidence,
    /// Work runs outside of windows and in freezes.
    TimesIgnored,
    /// Whether work may run is asked at the beginning of a visit and not before its later steps.
    TimesAskedOnce,
    /// A step starts where it fits and the rest of its visit does not.
    OnlyNextStepFits,
    /// A step that failed waits for an attempt that its window leaves no time for.
    RetryOutlastsWindow,
    /// An accepted outage is one of every availability group of its group.
    OutageAcceptedEverywhere,
    /// A restart that was withheld does not wait for the groups its own depends on.
    RestartBeforeDependencies,
    /// A soak ends although too little of it was working time.
    WorkingTimeIgnored,
    /// A soak is credited with working time in which nobody ran.
    WorkingTimeOverGap,
    /// A yes counts that was given outside its hours.
    ApprovalHoursIgnored,
    /// Visits begin whatever external gates say.
    GateIgnoredByVisits,
    /// Rings open and are promoted whatever external gates say.
    GateIgnoredByRings,
    /// What an external gate said before a crash counts after it.
    GateOutlivesCrash,
    /// What an external gate said counts however long ago that was. (In the loop around the engine.)
    GateNeverStale,
    /// A rollout enters a lane with one approval fewer than that asks for.
    LaneWithTooFew,
    /// A yes to a promotion stands when the rollout enters a lane.
    LaneKeepsApprovals,
    /// A soak ends when its rollout enters a lane.
    LaneEndsSoak,
    /// Freezes give way to a lane for which nobody gave a reason.
    LaneNeedsNoReason,
    /// Freezes that are binding give way to a lane.
    LaneWorksInEveryFreeze,
    /// Whatever plan comes with it, a rollout goes on by it in a lane.
    LaneUnchecked,
    /// A freeze that was overridden does not hold again.
    OverrideNeverEnds,
    /// Whoever overrides one freeze overrides all.
    OverridesEveryFreeze,
    /// A freeze that nothing may ignore is overridden.
    BindingOverridden,
    /// People are told that something moves later than it can.
    ToldTooLate,
    /// A host that is gone from the fleet is visited all the same.
    VanishedVisited,
    /// A host that is gone goes on counting as one that has the update.
    VanishedCounts,
    /// A host that comes back to the fleet is never visited.
    ReturnForgotten,
    /// A revision of a plan is taken although its rollout has gone on since it was made.
    RevisionUnchecked,
    /// A yes to a ring stands although others are in it now.
    RevisionKeepsApprovals,
    /// What was known of a host holds for it although it is another one now.
    RefreshKeepsEvidence,
    /// A host whose release is another one now is given the one that was planned.
    MisfitUpdated,
    /// A host whose group is not ready for it is taken down.
    NoIsReady,
    /// A group that is not ready is waited for without an end.
    ReadyForEver,
    /// A host that goes last goes when its turn comes.
    LastIgnored,
    /// A step runs on a peer that is not evidently up, or is being visited.
    AnyPeer,
    /// A visit that is given up leaves its host's monitoring silenced.
    SilenceForgotten,
    /// A step on a peer is looked for on another member after a takeover. (In the loop around the engine.)
    PeerLost,
    /// A yes stands although its time is over.
    ExpiryIgnored,
    /// Two users of one person count as two people.
    UsersCountTwice,
    /// A yes stands although a gate regressed since it was given.
    RegressionIgnored,
    /// A yes stands although the ring to come has other hosts.
    MembershipIgnored,
    /// A yes stands although nothing is left of a kind of hosts that it counted on.
    CoverageIgnored,
    /// A soak is ended early before the policy's bound.
    EarlyTooSoon,
    /// A soak is ended early without evidence from its gates.
    EarlyBlind,
    /// A soak is ended early with one yes less than are needed.
    EarlyWithTooFew,
    /// A step that a person does by hand is given to a worker.
    HandworkIsRun,
    /// A step that a person does by hand counts as done when it is asked for.
    NobodyAwaited,
    /// Work by hand counts as done when it is overdue.
    OverdueIsDone,
    /// Work by hand that failed, as its person says, counts as done.
    FailedByHandIsDone,
    /// Work by hand counts as done without the evidence that its recipe wants.
    EvidenceNotAsked,
    /// A rollout that was over goes back on hosts that are no longer of the fleet.
    RollbackMissesGone,
    /// A host that a person left out, that is gone and comes back, is visited.
    ReturnForgetsSkip,
    /// A host that is gone in mid-visit has no peer any more.
    GoneHasNoPeer,
    /// A visit begins on a host on which an errand runs.
    VisitBesideErrand,
    /// An errand begins on a host that is being visited elsewhere.
    ErrandBesideVisit,
    /// A held rollout goes on fetching.
    StagesWhileHeld,
    /// More hosts fetch at once than the recipe says.
    StagePaceIgnored,
    /// A host that is not to be touched is staged.
    HeldHostStaged,
    /// What is poisoned, or kept from a host by an advisory, is fetched ahead of its visit.
    HarmIsStaged,
    /// A host on which fetching failed is not given what is to be fetched in its visit.
    FailedIsStaged,
    /// What people were told goes on for them although it is over.
    OverForNobody,
    /// What is decided last is told to nobody.
    EndUntold,
    /// A host is visited although an exception leaves it out.
    ExceptionIgnored,
    /// An exception does not end by itself.
    ExceptionNeverEnds,
    /// A host stays left out when its exception has ended.
    ExceptionOutlivesItself,
    /// A host whose exception ends when its ring was promoted is visited at once.
    ExceptedJumpsIn,
    /// A host that is to catch up is not visited with the last ring.
    CatchUpForgotten,
    /// A host that somebody else changed counts as one that had the release before the rollout.
    OutsideIsAlready,
    /// It is told to be changed outside, and counts as evidence all the same.
    OutsideIsEvidence,
    /// However many hosts somebody else changes, the rollout goes on.
    OutsideNeverPauses,
    /// A visit under way goes on to install what was poisoned meanwhile.
    PoisonNotInVisit,
    /// Visits begin although what they install is poisoned.
    PoisonNotAtStart,
    /// A rollback puts poisoned content back.
    PoisonPutBack,
    /// A rollout of poisoned content may begin.
    PoisonProposed,
    /// A snapshot forgets what is poisoned.
    SnapshotForgetsPoison,
    /// A rollout that was superseded goes on visiting hosts that it had begun with.
    SupersededGoesOn,
    /// Visits of a superseded rollout are finished where its policy has visits finished: hosts restart into the fault.
    SupersededRestarts,
    /// What was broken counts as up once another rollout has taken its place.
    BrokenCountsAsUp,
    /// A plan is carried out for parts that are not so any more.
    PartsUnchecked,
    /// Approvals of the old rollout's start count for the new one.
    ApprovalsCarryOver,
    /// A visit restarts its host into what another rollout installed and withholds the restart of.
    RestartsForOthers,
    /// A host that was in flight when its rollout was superseded, and broke since, counts as up.
    BrokenMeanwhileIsUp,
    /// A host that is down, and whose next visit fails at a check, counts as up.
    FailedCheckIsUp,
    /// Superseding poisons nothing.
    SupersedePoisonsNothing,
    /// A rollout that was superseded is superseded again.
    SupersededTwice,
    /// A ring begins although too little is known of one of its strata.
    StratumNotAtGate,
    /// Visits begin on hosts of which too little is known.
    StratumNotAtVisit,
    /// Time in which nobody ran counts as seen healthy.
    StratumOverGap,
    /// Time that the clock jumped over counts as seen healthy.
    StratumOverJump,
    /// Hosts count as healthy while nothing is known of them.
    StratumWhileBlind,
    /// Hosts count as healthy while somebody else has them in hand.
    StratumWhileHeld,
    /// A host that lost the update leaves what it showed behind.
    StratumOutlivesHost,
    /// One host fewer than must have been seen is enough.
    StratumHostShort,
    /// One example more than may goes first.
    StratumExampleTooMany,
    /// Where one stratum was accepted untested, all are.
    StratumAcceptedForAll,
    /// People are told of a later instant than the one at which enough is known.
    StratumToldTooLate,
    /// A snapshot forgets what was seen of strata.
    SnapshotForgetsStrata,
    /// Visits begin although an advisory holds their host.
    AdvisoryNotAtStart,
    /// A visit under way goes on although an advisory has come that holds its host.
    AdvisoryNotInVisit,
    /// A withheld restart is carried out although an advisory holds its host.
    AdvisoryRestarts,
    /// An advisory that nobody has verified counts at once.
    UnverifiedCounts,
    /// An advisory holds every host that gets what it is about.
    AdvisoryTooWide,
    /// A host that lacks a label is taken for one that an advisory does not affect.
    AdvisoryMissesUnknown,
    /// Who was held is not released when the advisory is withdrawn.
    AdvisoryOutlivesItself,
    /// An advisory that poisons does not.
    AdvisoryPoisonsNothing,
    /// A withdrawn advisory takes the poisonings of people back, too.
    WithdrawalUnpoisonsAll,
    /// A snapshot forgets advisories.
    SnapshotForgetsAdvisories,
    /// Whoever does not answer is brought back, whether broken or not.
    RecoversAnybody,
    /// A host is brought back that was asked less often than `retry` says.
    RecoversUnasked,
    /// A host is brought back that a probe finds up.
    RecoversWhatServes,
    /// A host is brought back again and again.
    RecoversForEver,
    /// What was brought back is not looked at before the fix is installed.
    RecoveredUninspected,
    /// One person counts twice for taking a poisoning back.
    UnpoisonCountsTwice,
    /// Anybody's yes counts for taking a poisoning back.
    UnpoisonByAnybody,
    /// Content is poisoned no longer as soon as somebody asks.
    UnpoisonedWhenAsked,
    /// What was agreed to goes on although what is poisoned has changed.
    UnpoisonOutlivesPoison,
    /// A yes to taking a poisoning back counts whatever was shown.
    UnpoisonAnyDigest,
    /// A no to taking a poisoning back ends nothing.
    UnpoisonNoIgnored,
    /// A step that was interrupted and can be repeated counts as done.
    InterruptedIsDone,
    /// A broken host is not brought back, because it is said to serve.
    ServesUnseen,
    /// A host is updated although nothing was made that it could be taken back by.
    UnprotectedGoesOn,
    /// What a host can be taken back by is removed as soon as its rollout is over.
    KeepIgnored,
    /// What a host can be taken back by is removed while the host is not to be touched.
    RemovedWhileHeld,
    /// A host is updated although making what it could be taken back by failed.
    FailedUnprotected,
    /// What was removed is removed again.
    RemovedTwice,
    /// What a host can be taken back by is never removed.
    RemovalForgotten,
    /// What another rollout made of a host counts as made by this one.
    AnyProtection,
    /// A snapshot does not have what hosts can be taken back by.
    SnapshotForgetsProtections,
    /// Nobody is told of hosts that fail. (Beside the loop: in what gets into the outbox.)
    FailureUntold,
    /// Nobody is told that everything is stopped. (In what gets into the outbox.)
    StopUntold,
    /// Only one of the rules is told what happened. (In what gets into the outbox.)
    NoticeOfOneRule,
    /// What happened lies in the outbox before its row is durable.
    NoticeBeforeRow,
    /// What was told is told again as if it were new. (In whoever tells.)
    ToldTwice,
    /// What was over before it was told is told. (In whoever tells.)
    ToldWhenOver,
    /// Nobody is reminded. (In whoever tells.)
    NeverReminded,
    /// Reminders come before their time. (In whoever tells.)
    RemindedEarly,
    /// People are reminded of what is over. (In whoever tells.)
    RemindedOfWhatIsOver,
    /// Nobody else is told. (In whoever tells.)
    NeverEscalated,
    /// Somebody else is told again. (In whoever tells.)
    EscalatedTwice,
    /// What was refused once is tried no more. (In whoever tells.)
    RefusedOnceIsGivenUp,
}

impl Bug {
    /// Every mistake.
    pub const ALL: [Self; 199] = [
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
        Self::RingsOverlap,
        Self::ResultRevivesHalt,
        Self::EvidenceKept,
        Self::EvidenceOutlivesCrash,
        Self::WrongPrevious,
        Self::StopMissesOne,
        Self::DutiesNotSeparated,
        Self::StaleDigestAccepted,
        Self::VoidForgotten,
        Self::NoIgnored,
        Self::SnapshotForgetsStop,
        Self::AcrossRingsIgnored,
        Self::OfflineForgotten,
        Self::PendingForgotten,
        Self::SettleSkipped,
        Self::PeersAskedOnce,
        Self::UnreachableIsDone,
        Self::VerifyIgnored,
        Self::LostIsOffline,
        Self::LiveForgetsRamp,
        Self::EndsTooSoon,
        Self::JumpCredited,
        Self::BaselineIgnored,
        Self::PaceIgnored,
        Self::SoakRunsBlind,
        Self::RetryForgotten,
        Self::AcceptanceLingers,
        Self::DownUnheard,
        Self::EpochNotRaised,
        Self::StaleEpochHandedOut,
        Self::AttachBeginsAnew,
        Self::HandedOutTwice,
        Self::AnswersBeforeCommit,
        Self::WakeLost,
        Self::HoldIgnored,
        Self::HoldNotInVisit,
        Self::HoldNeverEnds,
        Self::ReleaseForgotten,
        Self::MaintenanceNotDown,
        Self::MaintenanceBlamed,
        Self::RetryIsUp,
        Self::SkippedIsEvidence,
        Self::TimesIgnored,
        Self::TimesAskedOnce,
        Self::OnlyNextStepFits,
        Self::RetryOutlastsWindow,
        Self::OutageAcceptedEverywhere,
        Self::RestartBeforeDependencies,
        Self::WorkingTimeIgnored,
        Self::WorkingTimeOverGap,
        Self::ApprovalHoursIgnored,
        Self::GateIgnoredByVisits,
        Self::GateIgnoredByRings,
        Self::GateOutlivesCrash,
        Self::GateNeverStale,
        Self::LaneWithTooFew,
        Self::LaneKeepsApprovals,
        Self::LaneEndsSoak,
        Self::LaneNeedsNoReason,
        Self::LaneWorksInEveryFreeze,
        Self::LaneUnchecked,
        Self::OverrideNeverEnds,
        Self::OverridesEveryFreeze,
        Self::BindingOverridden,
        Self::ToldTooLate,
        Self::VanishedVisited,
        Self::VanishedCounts,
        Self::ReturnForgotten,
        Self::RevisionUnchecked,
        Self::RevisionKeepsApprovals,
        Self::RefreshKeepsEvidence,
        Self::MisfitUpdated,
        Self::NoIsReady,
        Self::ReadyForEver,
        Self::LastIgnored,
        Self::AnyPeer,
        Self::SilenceForgotten,
        Self::PeerLost,
        Self::ExpiryIgnored,
        Self::UsersCountTwice,
        Self::RegressionIgnored,
        Self::MembershipIgnored,
        Self::CoverageIgnored,
        Self::EarlyTooSoon,
        Self::EarlyBlind,
        Self::EarlyWithTooFew,
        Self::HandworkIsRun,
        Self::NobodyAwaited,
        Self::OverdueIsDone,
        Self::FailedByHandIsDone,
        Self::EvidenceNotAsked,
        Self::RollbackMissesGone,
        Self::ReturnForgetsSkip,
        Self::GoneHasNoPeer,
        Self::VisitBesideErrand,
        Self::ErrandBesideVisit,
        Self::StagesWhileHeld,
        Self::StagePaceIgnored,
        Self::HeldHostStaged,
        Self::HarmIsStaged,
        Self::FailedIsStaged,
        Self::OverForNobody,
        Self::EndUntold,
        Self::ExceptionIgnored,
        Self::ExceptionNeverEnds,
        Self::ExceptionOutlivesItself,
        Self::ExceptedJumpsIn,
        Self::CatchUpForgotten,
        Self::OutsideIsAlready,
        Self::OutsideIsEvidence,
        Self::OutsideNeverPauses,
        Self::PoisonNotInVisit,
        Self::PoisonNotAtStart,
        Self::PoisonPutBack,
        Self::PoisonProposed,
        Self::SnapshotForgetsPoison,
        Self::SupersededGoesOn,
        Self::SupersededRestarts,
        Self::BrokenCountsAsUp,
        Self::PartsUnchecked,
        Self::ApprovalsCarryOver,
        Self::RestartsForOthers,
        Self::BrokenMeanwhileIsUp,
        Self::FailedCheckIsUp,
        Self::SupersedePoisonsNothing,
        Self::SupersededTwice,
        Self::StratumNotAtGate,
        Self::StratumNotAtVisit,
        Self::StratumOverGap,
        Self::StratumOverJump,
        Self::StratumWhileBlind,
        Self::StratumWhileHeld,
        Self::StratumOutlivesHost,
        Self::StratumHostShort,
        Self::StratumExampleTooMany,
        Self::StratumAcceptedForAll,
        Self::StratumToldTooLate,
        Self::SnapshotForgetsStrata,
        Self::AdvisoryNotAtStart,
        Self::AdvisoryNotInVisit,
        Self::AdvisoryRestarts,
        Self::UnverifiedCounts,
        Self::AdvisoryTooWide,
        Self::AdvisoryMissesUnknown,
        Self::AdvisoryOutlivesItself,
        Self::AdvisoryPoisonsNothing,
        Self::WithdrawalUnpoisonsAll,
        Self::SnapshotForgetsAdvisories,
        Self::RecoversAnybody,
        Self::RecoversUnasked,
        Self::RecoversWhatServes,
        Self::RecoversForEver,
        Self::RecoveredUninspected,
        Self::UnpoisonCountsTwice,
        Self::UnpoisonByAnybody,
        Self::UnpoisonedWhenAsked,
        Self::UnpoisonOutlivesPoison,
        Self::UnpoisonAnyDigest,
        Self::UnpoisonNoIgnored,
        Self::InterruptedIsDone,
        Self::ServesUnseen,
        Self::UnprotectedGoesOn,
        Self::KeepIgnored,
        Self::RemovedWhileHeld,
        Self::FailedUnprotected,
        Self::RemovedTwice,
        Self::RemovalForgotten,
        Self::AnyProtection,
        Self::SnapshotForgetsProtections,
        Self::FailureUntold,
        Self::StopUntold,
        Self::NoticeOfOneRule,
        Self::NoticeBeforeRow,
        Self::ToldTwice,
        Self::ToldWhenOver,
        Self::NeverReminded,
        Self::RemindedEarly,
        Self::RemindedOfWhatIsOver,
        Self::NeverEscalated,
        Self::EscalatedTwice,
        Self::RefusedOnceIsGivenUp,
    ];
}
