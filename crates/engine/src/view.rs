//! What people are shown: plain values with names, made from the state on request.

use ringway_model::{
    ChangeId, Content, Digest, HostOutcome, RolloutId, Says, Slot, Span, StepKind, Timestamp,
    WaitingOn,
};
use serde::{Deserialize, Serialize};

pub use crate::coverage_view::{CoverageView, StratumView, UntestedView};
pub use crate::errand_view::{StageState, StageView, StagedView};
pub use crate::protection_view::{ProtectionCounts, ProtectionState, ProtectionView};

use crate::advisory::Advisory;
use crate::command::{Exhibit, HoldKind, Subject, Told};
use crate::event::Verdict;

/// The fleet and its rollouts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FleetView {
    /// The fleet's name; absent before the first rollout.
    pub fleet: Option<String>,
    /// Why everything stands still, if it does.
    pub stopped: Option<WaitingOn>,
    /// Whether this is only observed: hosts are asked, and nothing on them is changed.
    pub observing: bool,
    /// Hosts that are not to be touched.
    #[serde(default)]
    pub holds: Vec<HoldView>,
    /// Exceptions in force, by their ids.
    #[serde(default)]
    pub exceptions: Vec<ExceptionView>,
    /// What must not be installed any more.
    #[serde(default)]
    pub poisons: Vec<PoisonView>,
    /// What people ask to take back of that, in the order in which they did.
    #[serde(default)]
    pub unpoisonings: Vec<UnpoisonView>,
    /// What is said of the content of updates, the most believed first; what counts no more is behind.
    #[serde(default)]
    pub advisories: Vec<AdvisoryView>,
    /// How many hosts have something that was made of them before they were changed.
    #[serde(default)]
    pub protections: ProtectionCounts,
    /// When this was so.
    pub at: Timestamp,
    /// Rollouts, oldest first.
    pub rollouts: Vec<RolloutView>,
}

/// Hosts that somebody said are not to be touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HoldView {
    /// Whether it is only that, or somebody else's work.
    pub kind: HoldKind,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// Which.
    pub hosts: Vec<String>,
}

/// An exception in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExceptionView {
    /// Its id.
    pub id: String,
    /// Which hosts, as written.
    pub select: String,
    /// The hosts of the fleet that these are now.
    pub hosts: Vec<String>,
    /// Which updates; empty: all.
    pub updates: Vec<String>,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Whose it is.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The teams or people who approved it.
    pub approved_by: Vec<String>,
}

/// A request to take poisonings back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnpoisonView {
    /// Its number, by which it is approved or rejected.
    pub number: u32,
    /// Which content.
    pub contents: Vec<Content>,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is void by itself.
    pub until: Option<Timestamp>,
    /// What a yes binds to.
    pub digest: Digest,
    /// What policies ask for.
    pub rules: Vec<UnpoisonRuleView>,
}

/// What one policy asks for before a poisoning is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnpoisonRuleView {
    /// The policy.
    pub policy: String,
    /// The rollout whose plan says so.
    pub rollout: RolloutId,
    /// How many different people must agree.
    pub need: u8,
    /// Of which teams; empty: anybody.
    pub teams: Vec<String>,
    /// Who has.
    pub given: Vec<String>,
    /// Who could.
    pub could: Vec<CouldView>,
    /// Who of the teams must not.
    pub cannot: Vec<CannotView>,
}

/// Content that must not be installed any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PoisonView {
    /// Which.
    pub content: Content,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// The advisory that asks for it, where it is one.
    #[serde(default)]
    pub advisory: Option<String>,
    /// Hosts that have it, as far as rollouts of this fleet know.
    pub has: Vec<String>,
    /// Hosts of rollouts under way that wait because of it.
    pub kept: u32,
}

/// What somebody says of the content of updates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AdvisoryView {
    /// It.
    #[serde(flatten)]
    pub advisory: Advisory,
    /// `in-force`, `proposed`, `accepted`, `dismissed` or `withdrawn`.
    pub standing: String,
    /// Whether it does what it asks for.
    pub counts: bool,
    /// Who brought it.
    pub by: String,
    /// Since when it is known so.
    pub since: Timestamp,
    /// Who accepted, dismissed or withdrew it.
    pub ruled_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Hosts of the fleet that it may affect.
    pub affected: Vec<String>,
    /// Of these, those that lack labels on which that depends, with the labels.
    pub unsure: Vec<Unsure>,
    /// Rollouts under way that install what it is about on hosts that it may affect.
    pub rollouts: Vec<RolloutId>,
    /// Those hosts.
    pub concerned: Vec<String>,
    /// Of these, those that it keeps from it now.
    pub held: Vec<String>,
    /// Advisories about the same content that say something else for hosts in common.
    pub conflicts: Vec<String>,
}

impl AdvisoryView {
    /// Whether it waits for somebody to accept or dismiss it.
    pub fn is_proposed(&self) -> bool {
        self.standing == "proposed"
    }

    /// Whether it counts, or may come to.
    pub fn is_open(&self) -> bool {
        self.counts || self.is_proposed()
    }
}

/// A host of which nobody can tell whether an advisory affects it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unsure {
    /// The host.
    pub host: String,
    /// Labels that it lacks.
    pub lacks: Vec<String>,
}

/// One rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RolloutView {
    /// Its id.
    pub id: RolloutId,
    /// The policy's name.
    pub policy: String,
    /// The update's name.
    pub update: String,
    /// Its plan's digest.
    pub plan: Digest,
    /// Who started it.
    pub starter: String,
    /// The ticket by which a change management system knows it.
    #[serde(default)]
    pub change: Option<ChangeId>,
    /// `proposed`, `advancing`, `paused`, `halted`, `rolling back`, `cancelling`, `completed`, `rolled back`, `cancelled`,
    /// `superseding`, `superseded`.
    pub state: String,
    /// Whether it is over.
    pub is_final: bool,
    /// The rollout that takes, or has taken, its place.
    #[serde(default)]
    pub superseded_by: Option<RolloutId>,
    /// The rollout whose place it has taken.
    #[serde(default)]
    pub supersedes: Option<RolloutId>,
    /// The ring it is at.
    pub ring: Option<String>,
    /// Why it does not move; empty when steps are running or it is over.
    pub waiting: Vec<Waiting>,
    /// What keeps the hosts of the ring that is visited, where nothing of it goes on; the most hosts first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptView>,
    /// Rings in order.
    pub rings: Vec<RingView>,
    /// What could be approved now.
    pub approval: Option<ApprovalView>,
    /// What could be approved ahead of its time: the promotions of later rings.
    #[serde(default)]
    pub later: Vec<ApprovalView>,
    /// What would end the soak that runs before its time, where the policy lets people do that.
    #[serde(default)]
    pub early: Option<ApprovalView>,
    /// What people asked, the oldest first.
    #[serde(default)]
    pub questions: Vec<QuestionView>,
    /// Who wrote the policy.
    #[serde(default)]
    pub author: Option<String>,
    /// Freezes that people let work run in.
    #[serde(default)]
    pub overrides: Vec<OverrideView>,
    /// The lane of its policy that it is in.
    #[serde(default)]
    pub lane: Option<LaneView>,
    /// The lane that somebody asks for.
    #[serde(default)]
    pub lane_asked: Option<LaneAskedView>,
    /// What external gates say.
    #[serde(default)]
    pub gates: Vec<GateView>,
    /// What is known of the kinds of hosts to come; absent where its policy asks for no evidence, and when it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageView>,
    /// By when it is to be complete, and when it can be; absent where its policy does not say, and when it is over.
    #[serde(default)]
    pub due: Option<DueView>,
    /// Hosts that `applies_to` matches and no release does.
    pub not_applicable: u32,
    /// Hosts that counted as failed at any time, in all rings: the blast radius so far.
    pub hit: u32,
    /// Hosts that the update is for and that are no part of the rollout: they joined the fleet when its last ring had begun.
    #[serde(default)]
    pub too_late: Vec<String>,
}

/// By when a rollout is to be complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DueView {
    /// Which key of the policy's `due` says so.
    pub by: String,
    /// The instant.
    pub at: Timestamp,
    /// When it can be complete at the earliest, from how it stands now; absent: its calendar has no time for it, or is not known.
    pub earliest: Option<Timestamp>,
    /// Whether it will be missed by how things stand: whatever goes well, unless people end a hold before its time.
    pub missed: bool,
    /// Hosts without which it is not complete, and that people hold without an end: it cannot be by itself. What is said of
    /// instants is as if those were free.
    #[serde(default)]
    pub held: Vec<String>,
    /// When each ring that is to come can begin and be promoted, at the earliest.
    pub rings: Vec<RingDue>,
}

/// When a ring can be, at the earliest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RingDue {
    /// Its name.
    pub ring: String,
    /// Its next visit, or now.
    pub starts: Timestamp,
    /// Its last host has settled.
    pub settled: Timestamp,
    /// Its soak has ended.
    pub soaked: Timestamp,
    /// It is promoted.
    pub promoted: Timestamp,
}

/// A freeze that somebody lets work run in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OverrideView {
    /// The freeze.
    pub freeze: String,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it holds again.
    pub until: Timestamp,
}

/// The lane that a rollout is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LaneView {
    /// Its name.
    pub name: String,
    /// Who started in it, or asked for it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Whether freezes give way that are not binding.
    pub works_in_freezes: bool,
}

/// A lane that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LaneAskedView {
    /// Its name.
    pub name: String,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// The plan that the rollout would have.
    pub plan: Digest,
    /// Soaks that it would change, in words: `canary 24h -> 2h24m`.
    pub soaks: Vec<String>,
    /// Whose yes is missing.
    pub waiting: Option<Waiting>,
}

/// What an external gate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GateView {
    /// Its name.
    pub gate: String,
    /// What it says.
    pub says: Says,
    /// Since when.
    pub since: Timestamp,
    /// What its command added.
    pub why: String,
    /// How often it is asked.
    pub every_ms: Span,
}

/// One ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RingView {
    /// Its name.
    pub name: String,
    /// `to come`, `visiting`, `soaking`, `promoting`, `promoted`.
    pub phase: String,
    /// Hosts planned.
    pub planned: u32,
    /// Hosts not begun.
    pub pending: u32,
    /// Hosts in a visit, not settling.
    pub visiting: u32,
    /// Of those being visited: hosts that people work on by hand.
    #[serde(default)]
    pub by_hand: u32,
    /// How far it is staged; absent where nothing is fetched ahead, and where its turn has not come.
    #[serde(default)]
    pub staged: Option<StagedView>,
    /// Hosts settling.
    pub settling: u32,
    /// Hosts updated or already so.
    pub done: u32,
    /// Hosts that count as failed now.
    pub failed: u32,
    /// Hosts of which a visit failed that is made again, or is to be: they count toward the failures at which it halts.
    #[serde(default)]
    pub again: u32,
    /// Hosts offline or held.
    pub debt: u32,
    /// Of these, where it is visited: hosts that people hold until they say otherwise.
    #[serde(default)]
    pub on_hold: u32,
    /// Hosts applied, restart withheld.
    pub withheld: u32,
    /// Hosts rolled back.
    pub rolled_back: u32,
    /// Hosts that a person left out.
    #[serde(default)]
    pub skipped: u32,
    /// Hosts that are no longer of the fleet.
    #[serde(default)]
    pub vanished: u32,
    /// Hosts that an exception leaves out, or that catch up after one.
    #[serde(default)]
    pub excepted: u32,
    /// Hosts that somebody else changed: they have the release and are no evidence.
    #[serde(default)]
    pub outside: u32,
    /// The failure that halts.
    pub halt_on: Option<u32>,
    /// When the soak ends if nothing interrupts it.
    pub soak_until: Option<Timestamp>,
}

/// One reason, with what would unblock it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Waiting {
    /// The reason with its data.
    pub on: WaitingOn,
    /// In words.
    pub why: String,
    /// What would unblock it.
    pub unblocked_by: String,
    /// The earliest instant, where it is known.
    pub earliest: Option<Timestamp>,
    /// What there is to say of it: the members of an availability group that do not count, what an earlier ring waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// Hosts that are kept by the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeptView {
    /// The reason.
    pub waiting: Waiting,
    /// The first of the hosts.
    pub hosts: Vec<String>,
    /// How many there are.
    pub count: u32,
}

impl From<WaitingOn> for Waiting {
    fn from(on: WaitingOn) -> Self {
        Self {
            why: on.to_string(),
            unblocked_by: on.unblocked_by().to_owned(),
            earliest: on.earliest(),
            details: Vec::new(),
            on,
        }
    }
}

/// An approval that could be given, and the digest that binds it to what is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ApprovalView {
    /// What for.
    pub subject: Subject,
    /// What a yes starts: the next ring's name, or `completion`.
    pub starts: String,
    /// Hosts that a yes lets be visited.
    pub hosts: u32,
    /// The digest to give back with the yes.
    pub digest: Digest,
    /// Approvals needed.
    pub need: u8,
    /// Who approved, and still counts.
    pub by: Vec<String>,
    /// Teams that may.
    pub teams: Vec<String>,
    /// The hours in which a yes counts, where not at any.
    #[serde(default)]
    pub between: Option<String>,
    /// When a yes counts next, where it does not now.
    #[serde(default)]
    pub counts_from: Option<Timestamp>,
    /// Whether the ring has been observed for long enough (an earlier yes is kept under the conditions it was shown).
    pub due: bool,
    /// Names of the hosts that count as failed so far.
    pub failed: Vec<String>,
    /// The ring that is observed; none for the start.
    #[serde(default)]
    pub ring: Option<String>,
    /// Every yes that counts, with who said it when.
    #[serde(default)]
    pub given: Vec<YesView>,
    /// Who could still say yes; empty where anybody may.
    #[serde(default)]
    pub could: Vec<CouldView>,
    /// Who must not, although of the right team.
    #[serde(default)]
    pub cannot: Vec<CannotView>,
    /// How long the ring must have been observed, where this ends a soak before its time.
    #[serde(default)]
    pub at_least: Option<Span>,
    /// Hosts left behind in the ring that is observed.
    #[serde(default)]
    pub debt: u32,
    /// Hosts of the ring to come that people left out.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// Hosts of the ring to come that exceptions leave out.
    #[serde(default)]
    pub excepted: Vec<String>,
    /// Hosts of the ring to come that must not be touched: somebody holds them, or works there.
    #[serde(default)]
    pub held: Vec<String>,
    /// What each gate says of the ring that is observed.
    #[serde(default)]
    pub gates: Vec<VerdictView>,
    /// Kinds of hosts of the ring to come of which no earlier ring has an example.
    #[serde(default)]
    pub untested: Vec<String>,
    /// When the first visit can start, where that is known.
    #[serde(default)]
    pub first_start: Option<Timestamp>,
    /// Hosts of the ring to come on which work may not run yet when the others can begin.
    #[serde(default)]
    pub closed: Option<ClosedView>,
    /// The largest group of the ring to come.
    #[serde(default)]
    pub at_once: Option<AtOnce>,
    /// What could be taken back.
    #[serde(default)]
    pub way_back: Option<WayBack>,
    /// What changed since the last yes of all.
    #[serde(default)]
    pub since: Option<SinceView>,
}

/// Hosts on which work may not run by their windows and freezes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClosedView {
    /// How many.
    pub hosts: u32,
    /// When the first of them can begin; absent: in no window that is known.
    pub opens: Option<Timestamp>,
}

/// A yes that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct YesView {
    /// Who.
    pub person: String,
    /// By which of their users.
    pub user: String,
    /// The team of which they are a deputy.
    pub deputy_in: Option<String>,
    /// When; journals did not say it at first.
    pub at: Option<Timestamp>,
    /// When it is void unless it is used.
    pub expires: Option<Timestamp>,
    /// Why, where they said so.
    pub reason: String,
    /// Why it would be void if its time had come now.
    pub void_now: Option<String>,
}

/// Somebody who could say yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CouldView {
    /// Who.
    pub person: String,
    /// The team of which they are a deputy.
    pub deputy_in: Option<String>,
    /// How to reach them.
    pub contact: Option<String>,
}

/// Somebody who must not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CannotView {
    /// Who.
    pub person: String,
    /// Why not.
    pub why: String,
}

/// What a gate says of a ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VerdictView {
    /// The gate.
    pub gate: String,
    /// Its verdict.
    pub says: Verdict,
    /// Updated hosts that it finds up.
    pub up: u32,
    /// Updated hosts that it finds down.
    pub down: u32,
    /// Updated hosts.
    pub of: u32,
}

/// The group of a ring of which the most hosts may be down at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AtOnce {
    /// The group; absent: hosts of no group.
    pub group: Option<String>,
    /// Its hosts in the ring.
    pub hosts: u32,
    /// Of these may be down at once.
    pub down: u32,
}

/// What could be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WayBack {
    /// Hosts that were changed so far.
    pub updated: u32,
    /// Of these, hosts that cannot go back: nobody knows what they had, or their recipe has no rollback.
    pub without: u32,
    /// Hosts of the ring to come whose recipe has no rollback.
    pub to_come_without: u32,
}

/// What changed since the last yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SinceView {
    /// Who said it.
    pub person: String,
    /// When.
    pub at: Timestamp,
    /// What it was for.
    pub starts: String,
    /// Hosts that came to have the update since.
    pub updated: i64,
    /// Hosts that failed since.
    pub failed: Vec<String>,
    /// Hosts that had failed then and do not count any more.
    pub mended: Vec<String>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct QuestionView {
    /// Its number.
    pub number: u32,
    /// Who asks.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Whom.
    pub to: Option<String>,
    /// What.
    pub text: String,
    /// The answer.
    pub answer: Option<AnswerView>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AnswerView {
    /// Who answers.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// One host in one rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostView {
    /// Its name.
    pub host: String,
    /// The rollout.
    pub rollout: RolloutId,
    /// The rollout's ticket.
    #[serde(default)]
    pub change: Option<ChangeId>,
    /// Its slot in the rollout, by which intents name it.
    pub slot: Slot,
    /// Its ring.
    pub ring: String,
    /// Its group.
    pub group: Option<String>,
    /// What became of it so far.
    pub outcome: HostOutcome,
    /// In words.
    pub words: String,
    /// A visit of it failed that is made again, or is to be: it counts toward the failures at which its ring halts.
    #[serde(default)]
    pub again: bool,
    /// What it had before, as `inspect` found it.
    pub previous: Option<String>,
    /// Advisories about what it gets or got, as far as they stand; those that keep it away are among what it waits for.
    #[serde(default)]
    pub advised: Vec<String>,
    /// What it has of this rollout that is poisoned by now.
    #[serde(default)]
    pub poisoned: Option<String>,
    /// What the last step said that did not go well; absent once the host is well again. The engine does not know it:
    /// whoever keeps the words fills it in.
    pub last_word: Option<LastWord>,
    /// Gates that do not find it up with the update, each with its probe and since when, where that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub down: Vec<String>,
    /// What a person said last of work by hand on it; absent where nobody did any.
    #[serde(default)]
    pub told: Option<ToldView>,
    /// How fetching ahead of its visit stands; absent where nothing is fetched.
    #[serde(default)]
    pub staged: Option<StageView>,
    /// What the rollout made of it before it was changed, and is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protections: Vec<ProtectionView>,
    /// Why it does not move, what decides first; empty when a step runs or its outcome is final.
    pub waiting: Vec<Waiting>,
    /// Where that has instants: the earliest at which none of it keeps the host any more.
    #[serde(default)]
    pub not_before: Option<Timestamp>,
}

/// What a person said of work by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ToldView {
    /// How it ended.
    pub told: Told,
    /// Who said so.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// What was handed in with it: `ringway evidence DIGEST` gives it back.
    pub evidence: Option<Exhibit>,
}

/// What a step of a host said that did not go well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LastWord {
    /// The step.
    pub step: StepKind,
    /// Which attempt, from 1.
    pub attempt: u8,
    /// How it ended, in words: `its command failed`, `it could not be reached`.
    pub what: String,
    /// The end of what it printed, or what the attempt met. At most 4 KiB in lines, without control characters; may be
    /// empty.
    pub text: String,
}
