//! What somebody should look at before saying yes. A warning never stops a plan.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::StepKind;
use ringway_policy::validated::{NotBy, RingSpread};

use super::parts::{ApprovalReport, KeepUpReport, PlanReport, Warning};
use crate::fleet::NONE;
use crate::plan::Plan;
use crate::spec::FleetSpec;
use crate::words::{counted, hosts, shortened};

const GROUP: &str = "availability group";
/// Names shown in one warning.
const SHOWN: usize = 5;

/// All warnings, gravest first.
pub(super) fn warnings(report: &PlanReport, fleet: &FleetSpec, plan: &Plan) -> Vec<Warning> {
    let mut warnings = Vec::new();
    halting(report, &mut warnings);
    unseen(report, &mut warnings);
    observing(report, plan, &mut warnings);
    availability(report, &mut warnings);
    apart(report, &mut warnings);
    unlabelled(fleet, report, &mut warnings);
    going_back(report, &mut warnings);
    left_out(report, &mut warnings);
    approving(report, &mut warnings);
    warnings
}

fn warn(
    into: &mut Vec<Warning>,
    code: &'static str,
    message: impl Into<String>,
    hint: impl Into<String>,
) {
    into.push(Warning {
        code,
        message: message.into(),
        hint: hint.into(),
    });
}

fn list<'n>(names: impl Iterator<Item = &'n str> + Clone) -> String {
    shortened(names.clone(), names.count(), SHOWN)
}

/// Rings that no number of failures halts.
fn halting(report: &PlanReport, into: &mut Vec<Warning>) {
    for ring in report.rings.iter().filter(|ring| ring.hosts > 0) {
        match ring.halts_on {
            None => warn(
                into,
                "no-halt",
                format!(
                    "no number of failures halts ring `{}` ({})",
                    ring.name,
                    hosts(ring.hosts)
                ),
                "set `halt: { failed: 1 }`, or a smaller `counts_from`",
            ),
            Some(limit) if limit as usize > ring.hosts => warn(
                into,
                "cannot-halt",
                format!(
                    "ring `{}` ({}) halts on failure no. {limit}: all of it can fail without a halt",
                    ring.name,
                    hosts(ring.hosts)
                ),
                format!("set `halt: {{ failed: {} }}` or less", ring.hosts),
            ),
            Some(_) => {}
        }
    }
    let empty = report
        .rings
        .iter()
        .filter(|ring| ring.hosts == 0)
        .map(|ring| ring.name.as_str());
    if empty.clone().next().is_some() {
        let plural = empty.clone().nth(1).is_some();
        warn(
            into,
            "empty-ring",
            format!(
                "no host is in ring{} {}",
                if plural { "s" } else { "" },
                list(empty)
            ),
            "such a ring proves nothing; compare its `select` with the labels of the fleet",
        );
    }
}

/// Strata that a ring meets without anything known about them.
fn unseen(report: &PlanReport, into: &mut Vec<Warning>) {
    for (at, ring) in report.rings.iter().enumerate() {
        let strata = report.coverage.strata.iter();
        let new = strata.filter(|stratum| stratum.unseen_before && stratum.first_ring == at);
        let count = new.clone().count();
        if count > 0 {
            let affected: u32 = new.clone().map(|stratum| stratum.in_rings[at]).sum();
            warn(
                into,
                "unseen-stratum",
                format!(
                    "ring `{}` is the first to meet {}, {} of its {}: {}",
                    ring.name,
                    counted_strata(count),
                    affected,
                    hosts(ring.hosts),
                    list(new.map(|stratum| stratum.stratum.as_str()))
                ),
                format!(
                    "`cover: {{ by: [{}] }}` in an earlier ring",
                    report.coverage.by.join(", ")
                ),
            );
        }
    }
}

fn counted_strata(count: usize) -> String {
    if count == 1 {
        "a stratum".to_owned()
    } else {
        format!("{count} strata")
    }
}

fn observing(report: &PlanReport, plan: &Plan, into: &mut Vec<Warning>) {
    if report.gates.is_empty() {
        warn(
            into,
            "no-gate",
            "no gate observes updated hosts: harm that shows after the visit is not seen",
            "add a gate: `gates: [{ name: answers, probe: up, down: { for: 3m } }]`",
        );
    }
    let blind = plan
        .routes
        .iter()
        .filter(|r| r.steps.iter().all(|s| s.kind != StepKind::Inspect));
    let blind: BTreeSet<&str> = blind.map(|r| r.recipe.as_str()).collect();
    for recipe in blind {
        warn(
            into,
            "no-inspect",
            format!(
                "recipe `{recipe}` cannot tell what is installed: every host is updated, and an interrupted step cannot be checked"
            ),
            "give it an `inspect` step",
        );
    }
}

/// Availability groups that an outage stands before.
fn availability(report: &PlanReport, into: &mut Vec<Warning>) {
    let cells = report.availability.iter().flat_map(|group| &group.cells);
    let impossible = cells.clone().filter(|cell| cell.is_impossible);
    if impossible.clone().next().is_some() {
        warn(
            into,
            "never-kept-up",
            format!(
                "{} can never be taken, because not one member may be down: {}",
                hosts(
                    impossible
                        .clone()
                        .map(|c| c.in_rings.iter().sum::<u32>() as usize)
                        .sum()
                ),
                list(impossible.map(|cell| cell.name.as_str()))
            ),
            "add a member, or accept the outage with `accept_outage: \"reason\"`",
        );
    }
    let mut accepted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for cell in cells {
        let must_fail = |keep_up: &&KeepUpReport| keep_up.must_stay_up as usize >= cell.members;
        let keep_up = cell.keep_up.as_ref().filter(must_fail);
        if let Some(reason) = keep_up.and_then(|keep_up| keep_up.accept_outage.as_ref()) {
            accepted.entry(reason).or_default().push(&cell.name);
        }
    }
    for (reason, cells) in accepted {
        warn(
            into,
            "outage-accepted",
            format!(
                "{} will be down while a host is visited (\"{reason}\"): {}",
                counted(cells.len(), GROUP),
                list(cells.into_iter())
            ),
            "this was accepted in the fleet document",
        );
    }
}

/// Peers that should be in different rings and are not.
fn apart(report: &PlanReport, into: &mut Vec<Warning>) {
    let groups = report
        .availability
        .iter()
        .filter(|group| group.rings == RingSpread::Apart);
    let cells = groups.flat_map(|group| &group.cells);
    let beside = cells.clone().filter(|cell| !cell.is_apart);
    let count = beside.clone().count();
    if count > 0 {
        warn(
            into,
            "not-apart",
            format!(
                "{count} of {} asked to be apart {} two members in one ring: {}",
                counted(cells.count(), GROUP),
                if count == 1 { "has" } else { "have" },
                list(beside.map(|cell| cell.name.as_str()))
            ),
            "more rings, or rings that `take` a part of what they select, keep members apart",
        );
    }
}

/// Members that lack the label by which availability groups are told apart.
fn unlabelled(fleet: &FleetSpec, report: &PlanReport, into: &mut Vec<Warning>) {
    let suffix = format!("={NONE}");
    let cells = report.availability.iter().flat_map(|group| &group.cells);
    let concerned: BTreeSet<&str> = cells.map(|cell| cell.name.as_str()).collect();
    let specs = fleet
        .cells
        .iter()
        .filter(|cell| cell.name.ends_with(&suffix));
    let members: Vec<&str> = specs
        .filter(|cell| concerned.contains(cell.name.as_str()))
        .flat_map(|cell| &cell.members)
        .map(|host| fleet.hosts[host.index()].name.as_str())
        .collect();
    if !members.is_empty() {
        warn(
            into,
            "label-missing",
            format!(
                "{} without the label that tells the peers of their group apart, so they count as \
                 peers of one another: {}",
                hosts(members.len()),
                list(members.into_iter())
            ),
            "give them the label that `keep_up.per` of their group names",
        );
    }
}

fn going_back(report: &PlanReport, into: &mut Vec<Warning>) {
    let names = report.without_rollback.iter().map(String::as_str);
    if !report.without_rollback.is_empty() {
        warn(
            into,
            "no-rollback",
            format!(
                "{} cannot be taken back: {}",
                hosts(report.without_rollback.len()),
                list(names)
            ),
            "a recipe rolls back with a `rollback` step and an `inspect` step that has `previous`",
        );
    }
}

fn left_out(report: &PlanReport, into: &mut Vec<Warning>) {
    if !report.unclaimed.is_empty() {
        warn(
            into,
            "unclaimed",
            format!(
                "no ring claims {}, which will not be updated: {}",
                hosts(report.unclaimed.len()),
                list(report.unclaimed.iter().map(String::as_str))
            ),
            "end the rings with one that has `hosts: rest`",
        );
    }
}

/// Approvals that hang on a single person, or on nobody.
fn approving(report: &PlanReport, into: &mut Vec<Warning>) {
    let start = report
        .start
        .iter()
        .map(|wanted| ("the start".to_owned(), wanted));
    let after = report.rings.iter().filter_map(|ring| {
        ring.after_soak
            .as_ref()
            .map(|wanted| (format!("going on after ring `{}`", ring.name), wanted))
    });
    for (what, wanted) in start.chain(after) {
        let Some(spare) = spare(wanted) else { continue };
        let message = if spare < 0 {
            format!("{what} can never be approved: too few people may")
        } else if spare == 0 && wanted.not_by.contains(&NotBy::Starter) {
            let people: Vec<_> = wanted.people.iter().map(String::as_str).collect();
            format!(
                "if {} starts the rollout, {what} can never be approved",
                people.join(" or ")
            )
        } else {
            continue;
        };
        warn(
            into,
            "approval-tight",
            message,
            "name another team, or add a deputy",
        );
    }
}

/// People who may approve beyond those that are needed; `None` where anybody may.
fn spare(wanted: &ApprovalReport) -> Option<i64> {
    if wanted.by.is_empty() {
        return None;
    }
    let people = i64::try_from(wanted.people.len()).unwrap_or(i64::MAX);
    Some(people - i64::from(wanted.needed))
}
