//! Each ring: its hosts by group, its thresholds in hosts, its approvals.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use ringway_model::GroupId;
use ringway_policy::validated::{Amount, Halt, NotBy, Policy, RingHosts};

use super::coverage::{cover_of, tell_apart};
use super::estimate;
use super::parts::{
    AfterReport, ApprovalReport, CoversReport, EarlyReport, GroupReport, RingReport, TimesReport,
};
use crate::consent::RuleTerms;
use crate::plan::{ApprovalPlan, Plan, RingPlan};
use crate::spec::FleetSpec;
use crate::thresholds;
use crate::words::{hosts as counted_hosts, push};

/// All rings, in order.
pub(super) fn rings(fleet: &FleetSpec, plan: &Plan, policy: Option<&Policy>) -> Vec<RingReport> {
    let applies_to = plan.slots.len() + plan.unclaimed.len() + plan.not_applicable.len();
    let applies_to = u32::try_from(applies_to).expect("the number of hosts is bounded");
    let estimates = estimate::rings(fleet, plan);
    let mut earlier = BTreeSet::new();
    let mut reports = Vec::new();
    for (at, (ring, estimate)) in plan.rings.iter().zip(estimates).enumerate() {
        let hosts = policy
            .and_then(|policy| policy.rings.get(at))
            .filter(|_| plan.part_of(at).is_none())
            .map(|ring| &ring.hosts);
        let groups = groups(fleet, plan, ring, &earlier);
        let covers = cover_of(policy, at).and_then(|by| covers(fleet, plan, at, by));
        let here = plan.slots[ring.slots()].iter();
        earlier.extend(here.filter_map(|slot| fleet.hosts[slot.host.index()].group));
        reports.push(RingReport {
            name: ring.name.clone(),
            hosts: ring.planned as usize,
            asks: hosts.map(|hosts| asks(hosts, applies_to)),
            take: hosts
                .and_then(take_of)
                .map(|take| thresholds::take(take, applies_to)),
            differs: hosts.and_then(|hosts| {
                let fewest = covers.as_ref().map(|covers| covers.fewest);
                differs(hosts, applies_to, ring.planned, fewest)
            }),
            covers,
            groups,
            halts_on: ring.halt_on,
            halts_by: policy.and_then(|policy| halts_by(&policy.halt, ring)),
            debt_allowed: ring.debt_allowed,
            soak_ms: ring.soak,
            working_ms: plan.terms.working(at).map(|working| working.time),
            working_hours: plan
                .terms
                .working(at)
                .and_then(|working| plan.terms.hours_in_words(Some(working.hours))),
            after_soak: ring.after_soak.as_ref().map(|wanted| {
                approval(
                    wanted,
                    plan,
                    (plan.consent.after_soak(at), plan.terms.after_soak(at)),
                )
            }),
            early: early(plan, at),
            times: times(plan, ring),
            estimate,
        });
    }
    reports
}

/// When work may run on a ring's hosts, the rule of most hosts first.
fn times(plan: &Plan, ring: &RingPlan) -> Vec<TimesReport> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    let numbers = plan.times.of_slot.get(ring.slots()).unwrap_or_default();
    for &number in numbers {
        *counts.entry(number).or_default() += 1;
    }
    let mut reports: Vec<TimesReport> = counts
        .into_iter()
        .map(|(number, hosts)| {
            let table = &plan.times.tables[number as usize];
            let layers = table.layers.iter();
            TimesReport {
                hosts,
                zone: table.zone.to_string(),
                windows: layers
                    .map(|layer| layer.windows.keys().cloned().collect())
                    .collect(),
                freezes: table.freezes.iter().map(|it| it.name.clone()).collect(),
            }
        })
        .collect();
    reports.sort_by_key(|report| std::cmp::Reverse(report.hosts));
    if reports
        .iter()
        .all(|one| one.windows.is_empty() && one.freezes.is_empty())
    {
        reports.clear();
    }
    reports
}

/// Approvals, with the policy's author left out where the author may not.
pub(crate) fn approval(
    wanted: &ApprovalPlan,
    plan: &Plan,
    (terms, hours): (Option<&RuleTerms>, Option<u32>),
) -> ApprovalReport {
    let mut people = wanted.people.clone();
    if wanted.not_by.contains(&NotBy::PolicyAuthor) {
        people.retain(|person| !plan.is_author(person));
    }
    let deputies = terms.map(|terms| &terms.deputies).into_iter().flatten();
    let deputies = deputies.filter(|(person, _)| people.contains(*person));
    ApprovalReport {
        needed: wanted.needed,
        by: wanted.by.clone(),
        deputies: deputies
            .map(|(person, team)| (person.clone(), team.clone()))
            .collect(),
        expire_ms: terms.and_then(|terms| terms.expire),
        people,
        not_by: wanted.not_by.clone(),
        between: plan.terms.hours_in_words(hours),
    }
}

/// How a ring's soak may be ended before its time.
pub(crate) fn early(plan: &Plan, ring: usize) -> Option<EarlyReport> {
    let early = plan.consent.early(ring)?;
    Some(EarlyReport {
        at_least_ms: early.at_least,
        approvals: approval(
            &early.rule,
            plan,
            (Some(&early.terms), plan.terms.early(ring)),
        ),
    })
}

fn take_of(hosts: &RingHosts) -> Option<Amount> {
    match hosts {
        RingHosts::Rest => None,
        RingHosts::Select { take, .. } => *take,
    }
}

/// How few hosts could be an example of every stratum of which hosts are left for a ring: one that the ring took whole would
/// come later, had it not been taken.
fn covers(fleet: &FleetSpec, plan: &Plan, ring: usize, by: &[String]) -> Option<CoversReport> {
    let strata = tell_apart(fleet, plan, by, &[])?;
    let later = strata.of_slot.get(plan.rings[ring].slots().start..)?;
    let later: BTreeSet<u16> = later.iter().copied().collect();
    Some(CoversReport {
        by: by.to_vec(),
        fewest: later.len(),
    })
}

/// Why a ring has another number of hosts than its `take`.
fn differs(
    hosts: &RingHosts,
    applies_to: u32,
    planned: u32,
    fewest: Option<usize>,
) -> Option<String> {
    let RingHosts::Select {
        take: Some(take),
        cover,
        ..
    } = hosts
    else {
        return None;
    };
    let take = thresholds::take(*take, applies_to);
    match planned.cmp(&take) {
        Ordering::Equal => None,
        Ordering::Greater if cover.is_some() => {
            let bound = match fewest {
                Some(fewest) if fewest == planned as usize => ": no choice needs fewer".to_owned(),
                Some(fewest) => format!(": any choice needs at least {}", counted_hosts(fewest)),
                None => String::new(),
            };
            Some(format!(
                "{} more than that, to have one of every stratum{bound}",
                planned - take
            ))
        }
        Ordering::Greater => Some(format!(
            "{} more than that, because hosts of one availability group belong together",
            planned - take
        )),
        Ordering::Less => Some(format!(
            "{} fewer than that: no more are left that may stand in it",
            take - planned
        )),
    }
}

/// What a ring asks for, in the words of its policy, shares with what they mean here.
fn asks(hosts: &RingHosts, applies_to: u32) -> String {
    let RingHosts::Select {
        select,
        take,
        cover,
        spread,
    } = hosts
    else {
        return "the rest: whatever no earlier ring has claimed".to_owned();
    };
    let mut asks = match take {
        None => format!("all of `{select}`"),
        Some(Amount::Count(count)) => format!("{count} of `{select}`"),
        Some(Amount::Share(share)) => {
            let count = thresholds::take(Amount::Share(*share), applies_to);
            format!("{count} ({share} of {applies_to}) of `{select}`")
        }
    };
    if let Some(cover) = cover {
        push(
            &mut asks,
            format_args!(", covering {}", cover.by.join(", ")),
        );
        if cover.may_exceed_take && take.is_some() {
            asks.push_str(" even if that takes more");
        }
    }
    if !spread.is_empty() {
        push(
            &mut asks,
            format_args!(", spread over {}", spread.join(", ")),
        );
    }
    asks
}

/// Which of the two rules gives the number.
fn halts_by(halt: &Halt, ring: &RingPlan) -> Option<String> {
    let number = halt.failed.map(std::num::NonZeroU32::get);
    if number.is_some() && number == ring.halt_on {
        return number.map(|number| format!("failed: {number}"));
    }
    let share = halt.failed_share.filter(|_| ring.halt_on.is_some())?;
    Some(format!("more than {} of {}", share.limit, ring.planned))
}

fn groups(
    fleet: &FleetSpec,
    plan: &Plan,
    ring: &RingPlan,
    earlier: &BTreeSet<GroupId>,
) -> Vec<GroupReport> {
    let slots = &plan.slots[ring.slots()];
    let group_of = |slot: &crate::plan::SlotPlan| fleet.hosts[slot.host.index()].group;
    let here: BTreeSet<GroupId> = slots.iter().filter_map(group_of).collect();
    let counts = |id: &GroupId, across: bool| here.contains(id) || across && earlier.contains(id);
    slots
        .chunk_by(|a, b| group_of(a) == group_of(b))
        .map(|slots| {
            let group = group_of(&slots[0]).map(|group| &fleet.groups[group.index()]);
            let after = group.map_or(&[][..], |group| &group.after);
            GroupReport {
                group: group.map(|group| group.name.clone()),
                after: after
                    .iter()
                    .filter(|(id, across)| counts(id, *across))
                    .map(|&(id, across_rings)| AfterReport {
                        group: fleet.groups[id.index()].name.clone(),
                        across_rings,
                    })
                    .collect(),
                hosts: slots
                    .iter()
                    .map(|slot| fleet.hosts[slot.host.index()].name.clone())
                    .collect(),
            }
        })
        .collect()
}
