//! The parts of a report. Field names are those of the JSON output; spans are milliseconds and say so in their names.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Digest, Effect, Rank, Span, StepKind, Timestamp};
use ringway_policy::validated::{NotBy, Restart, RingSpread};
use serde::Serialize;

use super::evidence::EvidenceReport;
use crate::lint::Severity;
use crate::words::counted;

/// A plan, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// The plan's digest.
    pub plan: Digest,
    /// What every free choice was made with.
    pub seed: u64,
    /// The fleet's name.
    pub fleet: String,
    /// The policy's name.
    pub policy: String,
    /// Who wrote it.
    pub author: Option<String>,
    /// The lane it is made in, and what that changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<LaneReport>,
    /// The update's name.
    pub update: String,
    /// How bad what it mends is, as its document says.
    pub severity: Option<String>,
    /// When its vendor released it.
    pub released: Option<Timestamp>,
    /// What it takes the place of, as its document says.
    pub supersedes: Vec<String>,
    /// Kind and name of every document the plan was made from, with its digest.
    pub documents: BTreeMap<String, Digest>,
    /// Hosts of the fleet.
    pub fleet_hosts: usize,
    /// Hosts that `applies_to` matches: the denominator of `take`.
    pub applies_to: usize,
    /// Those of them that have a release.
    pub targets: usize,
    /// Hosts that `applies_to` matches and no release does.
    pub not_applicable: Vec<String>,
    /// Of these, by the labels that the releases' selectors ask for: how many hosts have which value; the empty one: none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out_by: BTreeMap<String, BTreeMap<String, usize>>,
    /// Releases in the order of the update, with how many hosts in rings have each.
    pub releases: Vec<ReleaseReport>,
    /// Targets that no ring claims.
    pub unclaimed: Vec<String>,
    /// Hosts of it that exceptions among the documents leave out; those that are over are none.
    pub exceptions: Vec<ExceptionReport>,
    /// Advisories among the documents that are about what it installs on some of its hosts.
    pub advisories: Vec<AdvisoryReport>,
    /// Hosts in a ring that could not be taken back.
    pub without_rollback: Vec<String>,
    /// How kinds of hosts are visited.
    pub routes: Vec<RouteReport>,
    /// What must be approved before anything starts.
    pub start: Option<ApprovalReport>,
    /// What taking back a poisoning of its content needs besides a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpoison: Option<ApprovalReport>,
    /// Who can be brought back where they are broken and do not answer; absent where nobody can, and nobody is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryReport>,
    /// How fast.
    pub pace: PaceReport,
    /// What updated hosts are observed by.
    pub gates: Vec<GateReport>,
    /// Conditions outside the fleet.
    pub external: Vec<ExternalReport>,
    /// Whether people may work in a freeze if they say why.
    pub freeze_override: bool,
    /// By when it is to be complete; absent: no policy says.
    pub due: Option<DueReport>,
    /// When it can be, by the calendar; absent where nobody asked, or the calendar has no time for it.
    pub when: Option<WhenReport>,
    /// The rings in order.
    pub rings: Vec<RingReport>,
    /// What each ring has examples of.
    pub coverage: Coverage,
    /// What will be known of each stratum when a ring comes to it; absent where no evidence is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceReport>,
    /// Redundant peers, by group.
    pub availability: Vec<AvailabilityReport>,
    /// How long it takes if all goes well.
    pub estimate: Estimate,
    /// What somebody should look at before saying yes.
    pub warnings: Vec<Warning>,
}

/// What a lane changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaneReport {
    /// Its name.
    pub name: String,
    /// For which updates it is.
    pub allowed_when: String,
    /// By ring: what its policy says without the lane.
    pub without: Vec<WithoutLaneReport>,
    /// Whether windows do not count, those that are binding aside.
    pub ignores_windows: bool,
    /// Windows that count all the same: they are binding for everybody.
    pub binding_windows: BTreeSet<String>,
    /// Whether it works in freezes, those that are binding aside, where somebody says why.
    pub overrides_freezes: bool,
    /// Freezes in which nobody works all the same.
    pub binding_freezes: BTreeSet<String>,
}

/// What a ring needs where its rollout is in no lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WithoutLaneReport {
    /// The ring.
    pub ring: String,
    /// Its soak.
    pub soak_ms: Span,
    /// The working time in it.
    pub working_ms: Option<Span>,
}

/// The content for one product line, and what its vendor says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReleaseReport {
    /// Its id.
    pub id: String,
    /// Its build.
    pub build: Option<String>,
    /// For which hosts.
    pub select: String,
    /// Hosts in rings that get it.
    pub hosts: usize,
    /// Whether a restart is needed, where that is said.
    pub restart: Option<Restart>,
    /// Whether it is a hotpatch.
    pub hotpatch: bool,
    /// What it takes the place of.
    pub supersedes: Vec<String>,
    /// How many CVEs it mends, by severity; the empty one: of those without.
    pub cves: BTreeMap<String, usize>,
    /// How many of these are exploited.
    pub exploited: usize,
}

/// An exception that leaves hosts of the plan out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExceptionReport {
    /// Its id.
    pub id: String,
    /// Which hosts, as written.
    pub select: String,
    /// Those of them that are the plan's.
    pub hosts: Vec<String>,
    /// When it ends, as written.
    pub until: String,
    /// The instant; absent where no calendar was asked.
    pub ends: Option<Timestamp>,
    /// How long that is from then.
    pub ends_in_ms: Option<Span>,
    /// Whose it is.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The teams or people who approved it.
    pub approved_by: Vec<String>,
}

/// An advisory that is about what a plan installs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdvisoryReport {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub source: String,
    /// How far that is believed.
    pub rank: Rank,
    /// What it asks for.
    pub effect: Effect,
    /// Hosts of the plan that it may affect.
    pub hosts: Vec<String>,
    /// Of these, those that lack labels on which that depends.
    pub unsure: Vec<String>,
    /// How many of them it keeps from the update: none where it only tells, or proposes.
    pub held: usize,
    /// The update that mends it.
    pub fixed_by: Option<String>,
    /// What it says.
    pub says: Option<String>,
}

/// A condition that a command at the controller knows of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExternalReport {
    /// Its name.
    pub name: String,
    /// How often it is asked.
    pub every_ms: Span,
}

/// By when a rollout is to be complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DueReport {
    /// Which key of the policy's `due` says so.
    pub by: String,
    /// How long after.
    pub within_ms: Span,
    /// After the update's release; absent: after the start.
    pub released: Option<Timestamp>,
}

/// When a rollout can be, at the earliest, that starts at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhenReport {
    /// The instant.
    pub from: Timestamp,
    /// The time zone database's version.
    pub zones: String,
    /// The rings in order; empty where the calendar has no time for one of them within more than a year.
    pub rings: Vec<RingWhenReport>,
    /// When the last one can be promoted.
    pub finish: Option<Timestamp>,
    /// The same on the clock of the fleet.
    pub finish_local: Option<String>,
    /// What there is no time for, where it can never be complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_time: Option<NoTimeReport>,
    /// By when it is to be complete.
    pub due: Option<Timestamp>,
    /// The same on the clock of the fleet.
    pub due_local: Option<String>,
}

/// What a calendar has no time for, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoTimeReport {
    /// The approval of the start.
    Start,
    /// The visits, the soak or the approval of the ring of this name.
    Ring(String),
}

impl NoTimeReport {
    /// In words: ``ring `broad` has no time for its visits or its soak``.
    pub fn words(&self) -> String {
        match self {
            Self::Start => "there is no hour in which its start may be approved".to_owned(),
            Self::Ring(name) => format!("ring `{name}` has no time for its visits or its soak"),
        }
    }
}

/// When a ring can be, at the earliest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RingWhenReport {
    /// Its name.
    pub name: String,
    /// Its first visit.
    pub starts: Timestamp,
    /// Its last host has settled.
    pub settled: Timestamp,
    /// Its soak has ended.
    pub soaked: Timestamp,
    /// It is promoted.
    pub promoted: Timestamp,
    /// Its first visit on the clock of its hosts; of the fleet, where they have several.
    pub starts_local: String,
    /// Its end on the same clock.
    pub promoted_local: String,
}

/// One way hosts are visited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteReport {
    /// The release's id.
    pub release: String,
    /// Its build.
    pub build: Option<String>,
    /// The recipe.
    pub recipe: String,
    /// The recipe's parameters.
    pub parameters: BTreeMap<String, String>,
    /// The care of the role.
    pub care: Option<String>,
    /// The steps of an update visit.
    pub steps: Vec<StepKind>,
    /// What is to be said of some of them: where they run, how long they are waited for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<StepKind, String>,
    /// Whether such a host can be taken back.
    pub can_roll_back: bool,
    /// Hosts in rings that are visited so.
    pub hosts: usize,
}

/// Approvals, and who may give them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApprovalReport {
    /// How many distinct people.
    pub needed: u8,
    /// Of which teams; empty: anybody.
    pub by: Vec<String>,
    /// People who may, the policy's author left out where the author may not.
    pub people: BTreeSet<String>,
    /// Who may not.
    pub not_by: Vec<NotBy>,
    /// In which hours a yes counts, and on whose clock; absent: in any.
    pub between: Option<String>,
    /// Those of the people who are only deputies, each with the team.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub deputies: BTreeMap<String, String>,
    /// How long a yes that is not used stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_ms: Option<Span>,
}

/// How a soak may be ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EarlyReport {
    /// How long the ring must have been observed all the same.
    pub at_least_ms: Span,
    /// Who must want it.
    pub approvals: ApprovalReport,
}

/// How fast, and what is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaceReport {
    /// Visits at once at the most.
    pub at_once: u32,
    /// Whether a ring begins with one visit and doubles.
    pub ramp: bool,
    /// How long a host must be healthy before it counts.
    pub settle_ms: Span,
    /// Targets that may be down at once.
    pub budget_down: Option<u32>,
    /// Further attempts a step has.
    pub retries: u8,
    /// The wait before the first of them.
    pub retry_wait_ms: Span,
    /// More hosts than this that somebody else changes pause it.
    pub outside_pause_at: u32,
}

/// One condition on updated hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GateReport {
    /// Its name.
    pub name: String,
    /// Its probe.
    pub probe: String,
    /// How long the probe may be bad.
    pub down_for_ms: Span,
    /// Share of a ring's updated hosts that must report.
    pub min_reporting: String,
}

/// One ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RingReport {
    /// Its name.
    pub name: String,
    /// Hosts in it.
    pub hosts: usize,
    /// What it asks for, as its policy says; absent where the documents no longer have the policy.
    pub asks: Option<String>,
    /// Hosts that `take` means; absent: all it selects.
    pub take: Option<u32>,
    /// Why it has another number of hosts than `take`.
    pub differs: Option<String>,
    /// What its `cover` comes to; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covers: Option<CoversReport>,
    /// Its hosts in the order they should start, by group.
    pub groups: Vec<GroupReport>,
    /// The failure that halts; absent: none does.
    pub halts_on: Option<u32>,
    /// Which rule says so.
    pub halts_by: Option<String>,
    /// Hosts it may leave behind.
    pub debt_allowed: u32,
    /// The wait with observation after its last reachable host has settled.
    pub soak_ms: Span,
    /// How much of it must be working time.
    pub working_ms: Option<Span>,
    /// When that is, and on whose clock.
    pub working_hours: Option<String>,
    /// What must be approved before going on.
    pub after_soak: Option<ApprovalReport>,
    /// How people may end the soak before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early: Option<EarlyReport>,
    /// When work may run on its hosts; empty where it may at any time.
    pub times: Vec<TimesReport>,
    /// When, if all goes well.
    pub estimate: RingEstimate,
}

/// How few hosts could be an example of every stratum of which hosts are left for a ring. A host is of one stratum, so no
/// choice does with fewer than there are strata. The choice made takes one host for each, and more only where hosts belong
/// together: then it is larger than the fewest by at most what came along.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoversReport {
    /// The labels whose combinations are the strata.
    pub by: Vec<String>,
    /// The strata: the fewest hosts that any choice needs.
    pub fewest: usize,
}

/// When work may run on some hosts of a ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimesReport {
    /// How many hosts.
    pub hosts: usize,
    /// On whose clock.
    pub zone: String,
    /// Windows by name: one of each list must be open.
    pub windows: Vec<Vec<String>>,
    /// Freezes by name.
    pub freezes: Vec<String>,
}

/// The hosts of one group in one ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupReport {
    /// The group; absent: hosts of no group.
    pub group: Option<String>,
    /// What it waits for that has hosts here, or had some in an earlier ring where that counts.
    pub after: Vec<AfterReport>,
    /// Its hosts in the order they should start.
    pub hosts: Vec<String>,
}

/// A group that comes first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AfterReport {
    /// The group.
    pub group: String,
    /// Whether its hosts in earlier rings count too.
    pub across_rings: bool,
}

/// Which strata there are, and where each is met first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The labels whose combinations are the strata; `group` alone where no host has a role or an os.
    pub by: Vec<String>,
    /// Whether some ring of the policy asks for it, or the labels are only the usual ones.
    pub asked_for: bool,
    /// Every stratum of the hosts in rings.
    pub strata: Vec<StratumReport>,
}

/// One stratum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StratumReport {
    /// Its labels and values.
    pub stratum: String,
    /// Its hosts in all rings.
    pub hosts: u32,
    /// By ring: its hosts.
    pub in_rings: Vec<u32>,
    /// The ring that meets it first.
    pub first_ring: usize,
    /// Whether it is met first in a ring that is neither the first one nor asked to cover: nothing was learned about
    /// it before.
    pub unseen_before: bool,
}

/// The availability groups of one group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AvailabilityReport {
    /// The group.
    pub group: String,
    /// How its policy wants members over rings.
    pub rings: RingSpread,
    /// Those that have a host in a ring.
    pub cells: Vec<CellReport>,
}

/// One availability group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellReport {
    /// Group and label value.
    pub name: String,
    /// Its members.
    pub members: usize,
    /// By ring: its hosts.
    pub in_rings: Vec<u32>,
    /// What must stay up; absent: nothing, the group only says how its members are spread.
    pub keep_up: Option<KeepUpReport>,
    /// Whether no ring has two of its hosts.
    pub is_apart: bool,
    /// Whether not even one member could be taken; its hosts are never visited.
    pub is_impossible: bool,
}

/// What must stay up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct KeepUpReport {
    /// Members that must stay up.
    pub must_stay_up: u32,
    /// Members that may be down at once.
    pub down_at_most: u32,
    /// The probe that gives the evidence.
    pub probe: String,
    /// How old evidence may be.
    pub fresh_ms: Span,
    /// Why an outage is accepted.
    pub accept_outage: Option<String>,
}

/// How long it takes if all goes well: no failure, nobody waits for anybody, steps as long as assumed. Failures and
/// approvals make it longer; steps that are quicker than assumed make it shorter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// From the start to the promotion of the last ring.
    pub total_ms: Span,
    /// What each kind of step is assumed to take, unless its own limit is shorter.
    pub assumed_ms: BTreeMap<StepKind, Span>,
}

/// When a ring is, counted from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RingEstimate {
    /// Its first visit.
    pub starts_ms: Span,
    /// Its last host has settled.
    pub settled_ms: Span,
    /// Its soak has ended.
    pub ends_ms: Span,
}

/// Something to look at before saying yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The stable code of its kind.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What.
    pub message: String,
    /// What could be done.
    pub hint: String,
    /// Who accepts it; whoever says yes to the plan is told of it all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<AcceptedReport>,
}

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AcceptedReport {
    /// The document that accepts it, by kind and name: `policy/monthly`.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The last day on which it is accepted; absent: as long as it stands there.
    pub until: Option<String>,
}

impl AcceptedReport {
    /// In words: `accepted by policy/monthly until 2026-12-31: the vendor has none`.
    fn words(&self) -> String {
        let until = self.until.as_ref();
        let until = until.map_or_else(String::new, |day| format!(" until {day}"));
        format!("accepted by {}{until}: {}", self.by, self.reason)
    }
}

impl Warning {
    /// Its mark and its text, in which what is no warning says so, and what is to be said below it.
    pub(super) fn words(&self) -> (&'static str, String, String) {
        let Self {
            message, accepted, ..
        } = self;
        if let Some(accepted) = accepted {
            return ("- ", format!("accepted: {message}"), accepted.words());
        }
        let hint = format!("hint: {}", self.hint);
        match self.severity {
            Severity::Error => ("! ", format!("error: {message}"), hint),
            Severity::Warning => ("! ", message.clone(), hint),
            Severity::Note => ("- ", format!("note: {message}"), hint),
        }
    }

    /// How many of each there are, as `lint` counts them: `1 error, 2 warnings, 1 note, 1 accepted`.
    pub(super) fn counted(all: &[Self]) -> String {
        let open = |severity| {
            let open = all.iter().filter(|one| one.accepted.is_none());
            open.filter(|one| one.severity == severity).count()
        };
        let severities = [Severity::Error, Severity::Warning, Severity::Note];
        let open = severities.map(|severity| (open(severity), severity.word()));
        let accepted = all.iter().filter(|one| one.accepted.is_some()).count();
        let mut parts: Vec<String> = open
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| counted(count, word))
            .collect();
        if accepted > 0 {
            parts.push(format!("{accepted} accepted"));
        }
        parts.join(", ")
    }
}

/// Who can be brought back where they are broken and do not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecoveryReport {
    /// Whether it is told of the hosts that are broken now, which the plan begins with; otherwise of all targets.
    pub broken: bool,
    /// Where it runs, by recipe: `controller` or `peer`.
    pub recipes: BTreeMap<String, String>,
    /// Hosts that have such a path.
    pub hosts: usize,
    /// Hosts that have none: they would be lost.
    pub without: Vec<String>,
}
