//! What a plan warns of although it can be carried out.

use ringway_calendar::Zones;
use ringway_model::{Span, Timestamp};
use ringway_policy::validated::{Acceptance, Approvals, Documents, Group, NotBy, RingSpread, Team};
use ringway_scheduler::{FleetSpec, explain, explain_at, make_plan, render};

use crate::support::{compiled, documents, group, host, keeping_up, policy, rest, ring};

#[test]
fn a_ring_that_no_failures_can_halt_is_warned_about() {
    let fleet = compiled(
        (0..4).map(|n| host(&format!("h-{n}"), "env=lab")).collect(),
        vec![],
    );
    let codes = |halt: Option<u32>| -> Vec<&'static str> {
        let mut policy = policy(vec![ring("empty", "env = gone"), rest("all")]);
        policy.halt.failed = halt.and_then(std::num::NonZeroU32::new);
        let documents = documents(policy);
        let plan = make_plan(&fleet, &documents, "monthly", "april", 1).unwrap();
        let report = explain(&fleet, &plan, &documents);
        report.warnings.iter().map(|warning| warning.code).collect()
    };
    assert_eq!(codes(Some(4)), ["empty-ring", "no-gate"]);
    assert_eq!(codes(Some(5)), ["cannot-halt", "empty-ring", "no-gate"]);
    assert_eq!(codes(None), ["no-halt", "empty-ring", "no-gate"]);
}

/// What a plan is warned about, but for its lack of gates.
fn warned(fleet: &FleetSpec, documents: &Documents) -> Vec<(&'static str, String)> {
    let plan = make_plan(fleet, documents, "monthly", "april", 1).unwrap();
    let warnings = explain(fleet, &plan, documents).warnings.into_iter();
    warnings
        .filter(|warning| warning.code != "no-gate")
        .map(|warning| (warning.code, warning.message))
        .collect()
}

fn directory(rings: RingSpread) -> Group {
    keeping_up(group("directory", "role = dc"), "domain", rings)
}

fn plain() -> Documents {
    documents(policy(vec![rest("all")]))
}

#[test]
fn hosts_that_can_never_be_taken_and_outages_that_were_accepted_are_named() {
    let hosts = || vec![host("dc-1", "role=dc domain=corp")];
    let lonely = compiled(hosts(), vec![directory(RingSpread::Any)]);
    assert_eq!(
        warned(&lonely, &plain()),
        [(
            "never-kept-up",
            "1 host can never be taken, because not one member may be down: directory domain=corp"
                .to_owned()
        )]
    );
    let mut accepted = directory(RingSpread::Any);
    accepted.keep_up.as_mut().unwrap().accept_outage = Some("one only".to_owned());
    assert_eq!(
        warned(&compiled(hosts(), vec![accepted]), &plain()),
        [(
            "outage-accepted",
            "1 availability group will be down while a host is visited (\"one only\"): directory \
             domain=corp"
                .to_owned()
        )]
    );
}

#[test]
fn peers_in_one_ring_and_peers_without_their_label_are_named() {
    let unlabelled = compiled(
        vec![host("dc-1", "role=dc"), host("dc-2", "role=dc")],
        vec![directory(RingSpread::Apart)],
    );
    assert_eq!(
        warned(&unlabelled, &plain()),
        [
            (
                "not-apart",
                "1 of 1 availability group asked to be apart has two members in one ring: directory \
                 domain=(none)"
                    .to_owned()
            ),
            (
                "label-missing",
                "2 hosts without the label that tells the peers of their group apart, so they \
                 count as peers of one another: dc-1, dc-2"
                    .to_owned()
            ),
        ]
    );
}

#[test]
fn what_no_ring_tries_first_or_at_all_and_what_cannot_go_back_is_named() {
    let hosts = [
        ("web-1", "web"),
        ("web-2", "web"),
        ("sql-1", "sql"),
        ("sql-2", "sql"),
    ];
    let hosts = hosts.map(|(name, role)| host(name, &format!("role={role}")));
    let fleet = compiled(hosts.to_vec(), vec![]);
    let lab = || ring("lab", "role = web");
    assert_eq!(
        warned(&fleet, &documents(policy(vec![lab(), rest("broad")]))),
        [(
            "unseen-stratum",
            "ring `broad` is the first to meet a stratum, 2 of its 2 hosts: role=sql".to_owned()
        )]
    );
    assert_eq!(
        warned(&fleet, &documents(policy(vec![lab()]))),
        [(
            "unclaimed",
            "no ring claims 2 hosts, which will not be updated: sql-1, sql-2".to_owned()
        )]
    );
    let mut one_way = plain();
    let recipe = one_way.recipes.get_mut("package").unwrap();
    (recipe.rollback, recipe.inspect) = (None, None);
    let codes: Vec<_> = warned(&fleet, &one_way)
        .into_iter()
        .map(|(code, _)| code)
        .collect();
    assert_eq!(codes, ["no-inspect", "no-rollback"]);
}

#[test]
fn approvals_that_nobody_could_give_are_said_before_somebody_waits_for_them() {
    let fleet = compiled(vec![host("a", "")], vec![]);
    let approvals = |people: &[&str], not_by: &[NotBy]| {
        let mut policy = policy(vec![rest("all")]);
        policy.author = Some("ana".to_owned());
        policy.start = Some(Approvals {
            needed: 2,
            by: vec!["cab".to_owned()],
            not_by: not_by.to_vec(),
            between: None,
            expire: None,
        });
        let mut documents = documents(policy);
        let members = people.iter().map(|name| (*name).to_owned()).collect();
        let team = Team {
            members,
            deputies: Vec::new(),
        };
        documents.people.teams.insert("cab".to_owned(), team);
        warned(&fleet, &documents)
            .into_iter()
            .map(|(_, message)| message)
            .collect::<Vec<_>>()
    };
    let never =
        "the start can never be approved: too few people may (2 approvals needed, 1 person may)";
    let risky = "if ana or ben starts the rollout, the start can never be approved";
    for (people, not_by, expected) in [
        (&["ana", "ben"][..], &[][..], None),
        (&["ana", "ben"], &[NotBy::Starter], Some(risky)),
        (&["ana", "ben"], &[NotBy::PolicyAuthor], Some(never)),
        (&["ana", "ben", "chris"], &[NotBy::Starter], None),
    ] {
        assert_eq!(
            approvals(people, not_by),
            Vec::from_iter(expected),
            "{people:?} {not_by:?}"
        );
    }
}

/// Whoever says yes sees what others accept, and that they do; a plan and a lint count alike.
#[test]
fn what_is_accepted_is_marked_in_a_plan_until_its_day_is_over() {
    let fleet = compiled(vec![host("a", "role=x"), host("b", "role=y")], vec![]);
    let mut documents = documents(policy(vec![ring("some", "role = x")]));
    let day = Timestamp(1_795_910_400_000);
    let accepts = |lint: &str, of: &str| Acceptance {
        of: of.to_owned(),
        at: 0,
        lint: lint.to_owned(),
        reason: "known".to_owned(),
        until: Some(day),
    };
    documents.acceptances = vec![
        accepts("unclaimed", "policy/monthly"),
        accepts("no-gate", "policy/other"),
    ];
    let plan = make_plan(&fleet, &documents, "monthly", "april", 1).unwrap();
    let zones = Zones::new("test", &std::collections::BTreeMap::new()).unwrap();
    let at = |now| {
        let report = explain_at(&fleet, &plan, &documents, &zones, now).unwrap();
        let text = render(&report);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let marked = at(day);
    for part in [
        "Look at this first (1 warning, 1 accepted)",
        "- accepted: ",
        "accepted by policy/monthly until 2026-11-29: known",
    ] {
        assert!(marked.contains(part), "{part}: {marked}");
    }
    let over = at(day + Span::hours(24));
    assert!(over.contains("Look at this first (2 warnings)"), "{over}");
}
