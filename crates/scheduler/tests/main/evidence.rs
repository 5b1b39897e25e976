//! What must be known of kinds of hosts: what a plan has of it, what can never come about, and what people are shown.

use std::num::NonZeroU32;

use ringway_model::Span;
use ringway_policy::validated::{Documents, Evidence, Policy, Ring, WhereMissing};
use ringway_scheduler::report::Then;
use ringway_scheduler::{
    FleetSpec, Plan, compile_fleet, explain, make_plan, refresh_fleet, render, revise,
};

use crate::support::{compiled, covering, documents, fleet, host, policy, rest, ring, taking};

fn hosts() -> Vec<ringway_policy::validated::Host> {
    let kinds = ["web", "web", "web", "web", "sql", "sql", "dc"];
    let hosts = (1..).zip(kinds);
    hosts
        .map(|(n, role)| host(&format!("h-{n}"), &format!("role={role}")))
        .collect()
}

fn asking(rings: Vec<Ring>, hosts: u32, where_missing: WhereMissing) -> Policy {
    let mut policy = policy(rings);
    policy.evidence = Some(Evidence {
        by: vec!["role".to_owned()],
        hosts: NonZeroU32::new(hosts).unwrap(),
        healthy: Span::hours(4),
        where_missing,
    });
    policy
}

fn covered() -> Vec<Ring> {
    let canary = covering(taking("canary", "all", "1"), &["role"], true);
    vec![canary, rest("broad")]
}

fn made(papers: &Documents) -> Result<(FleetSpec, Plan), String> {
    let fleet = compiled(hosts(), vec![]);
    let plan = make_plan(&fleet, papers, "monthly", "april", 1);
    plan.map(|plan| (fleet, plan))
        .map_err(|error| error.to_string())
}

#[test]
fn a_ring_that_would_wait_for_ever_is_a_problem_that_names_its_strata() {
    let rings = || vec![ring("canary", "role = web"), rest("broad")];
    let hold = documents(asking(rings(), 1, WhereMissing::Hold));
    assert_eq!(
        made(&hold).unwrap_err(),
        "the plan has 1 problem\n\
         \n  ring `broad` could never begin: `evidence` asks for 1 host of every stratum by role, and ring `canary` has \
         fewer of 2 strata: role=dc, role=sql\
         \n  hint: `cover: { by: [role] }` in an earlier ring, or `where_missing: canary` in `evidence`"
    );
    let canary = documents(asking(rings(), 1, WhereMissing::Canary));
    assert!(made(&canary).is_ok());
    // One example of each is none of two.
    let two = documents(asking(covered(), 2, WhereMissing::Hold));
    assert!(made(&two).unwrap_err().contains("2 hosts of every stratum"));
}

#[test]
fn evidence_is_written_behind_everything_else_and_reads_back() {
    let (_, plan) = made(&documents(asking(covered(), 1, WhereMissing::Hold))).unwrap();
    let (digest, bytes) = plan.encode();
    assert_eq!(bytes[0], 9);
    let again = Plan::decode(&bytes).unwrap();
    assert_eq!((again.digest(), &again), (digest, &plan));
    let mut unsound = plan.clone();
    unsound.evidence.as_mut().unwrap().strata.of_slot.pop();
    let error = Plan::decode(&unsound.encode().1).unwrap_err().to_string();
    assert!(error.contains("strata that are not there"), "{error}");
    let (_, without) = made(&documents(policy(covered()))).unwrap();
    assert_eq!((without.encode().1[0], without.evidence), (4, None));
}

#[test]
fn a_host_that_joins_can_bring_a_stratum_and_those_before_keep_their_numbers() {
    let document = fleet(hosts(), Vec::new());
    let papers = |document: &ringway_policy::validated::Fleet| Documents {
        fleet: Some(document.clone()),
        ..documents(asking(covered(), 1, WhereMissing::Hold))
    };
    let spec = compile_fleet(&document).unwrap();
    let plan = make_plan(&spec, &papers(&document), "monthly", "april", 1).unwrap();
    let mut now = document.clone();
    now.digest = ringway_model::Digest::of(b"now");
    now.hosts.push(host("late", "role=mail"));
    let after = refresh_fleet(&spec, &now).unwrap();
    let revised = revise(&plan, 1, &after, &papers(&now)).unwrap().unwrap();
    let (was, is) = (plan.evidence.unwrap(), revised.evidence.clone().unwrap());
    assert_eq!(is.strata.names[..3], was.strata.names[..]);
    assert_eq!(is.strata.names[3], "role=mail");
    assert_eq!(is.strata.of_slot.len(), 8);
    assert_eq!(Plan::decode(&revised.encode().1).unwrap(), revised);
}

#[test]
fn people_are_shown_what_will_be_known_when_a_ring_comes_to_a_stratum() {
    let rings = vec![
        taking("canary", "role = web", "2"),
        ring("early", "role = web"),
        rest("broad"),
    ];
    let papers = documents(asking(rings, 1, WhereMissing::Canary));
    let (fleet, plan) = made(&papers).unwrap();
    let report = explain(&fleet, &plan, &papers);
    let evidence = report.evidence.as_ref().unwrap();
    let early = &evidence.rings[0].strata[0];
    assert_eq!((early.hosts, early.hosts_before), (2, 2));
    // Two hosts for the hour of soak of the ring before.
    assert_eq!(early.healthy_before_ms, Span::hours(2));
    assert_eq!(early.then, Then::HostsWait { ms: Span::hours(1) });
    let broad: Vec<_> = evidence.rings[1]
        .strata
        .iter()
        .map(|one| (&*one.stratum, one.then))
        .collect();
    let first = Then::SomeGoFirst {
        hosts: 1,
        ms: Span::hours(4),
    };
    assert_eq!(broad, [("role=dc", Then::AllGoFirst), ("role=sql", first)]);
    let text = render(&report);
    let from = text.find("Evidence by role").unwrap();
    let until = text.find("What the times assume").unwrap();
    assert_eq!(
        text[from..until].trim_end(),
        "Evidence by role: 1 host of a stratum and 4h of their time seen healthy before a later ring visits\n\
         more of it; else 1 host goes of it first, and the others wait\n  \
         early      0 of 1 stratum known well enough when its turn comes:\n             \
         role=web (2 hosts): 2 hosts before, 2h seen healthy; they wait 1h longer\n  \
         broad      0 of 2 strata known well enough when its turn comes:\n             \
         role=dc (1 host): none before; none waits: they go first\n             \
         role=sql (2 hosts): none before; 1 goes first, the others when 4h of it is seen healthy"
    );
    assert!(
        report
            .warnings
            .iter()
            .all(|warning| warning.code != "unseen-stratum")
    );
}

#[test]
fn a_cover_says_how_few_hosts_any_choice_needs() {
    let papers = documents(policy(covered()));
    let (fleet, plan) = made(&papers).unwrap();
    let report = explain(&fleet, &plan, &papers);
    let canary = &report.rings[0];
    assert_eq!(canary.covers.as_ref().unwrap().fewest, 3);
    assert_eq!(report.rings[1].covers, None);
    let differs = canary.differs.as_deref().unwrap();
    assert!(
        differs.contains("to have one of every stratum: no choice needs fewer"),
        "{differs}"
    );
}
