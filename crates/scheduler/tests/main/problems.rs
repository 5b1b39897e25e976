//! What keeps a plan from being made, all at once and each with a hint.

use ringway_model::Selector;
use ringway_model::Span;
use ringway_policy::validated::{Approvals, Documents, Gate, Ring};
use ringway_scheduler::{FleetSpec, PlanProblem, make_plan};

use crate::support::{
    care, compiled, covering, documents, group, host, policy, release, rest, ring, select, share,
    taking,
};

fn fleet() -> FleetSpec {
    let kinds = ["web", "web", "web", "sql", "sql", "dc"];
    let hosts = (1..)
        .zip(kinds)
        .map(|(n, role)| host(&format!("h-{n}"), &format!("role={role}")));
    compiled(hosts.collect(), vec![])
}

fn problems(documents: &Documents) -> Vec<PlanProblem> {
    make_plan(&fleet(), documents, "monthly", "april", 1)
        .unwrap_err()
        .problems
}

fn with_rings(rings: Vec<Ring>) -> Vec<PlanProblem> {
    problems(&documents(policy(rings)))
}

fn one(problems: &[PlanProblem]) -> (&str, &str, &str) {
    let [problem] = problems else {
        panic!("one problem was expected: {problems:?}");
    };
    (problem.code, &problem.message, &problem.hint)
}

#[test]
fn names_that_no_document_has_are_reported_together_with_those_there_are() {
    let documents = documents(policy(vec![rest("all")]));
    let error = make_plan(&fleet(), &documents, "weekly", "may", 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the plan has 2 problems\n\
         \n  no policy is called `weekly`\n  hint: there is `monthly`\n\
         \n  no update is called `may`\n  hint: there is `april`"
    );
}

#[test]
fn an_update_for_nobody_is_a_problem_that_says_whose_fault_it_is() {
    let mut policy = policy(vec![rest("all")]);
    policy.applies_to = select("role = mail");
    let mut documents = documents(policy);
    assert_eq!(
        one(&problems(&documents)).1,
        "`applies_to: role = mail` of policy `monthly` matches none of 6 hosts"
    );
    documents.policies.get_mut("monthly").unwrap().applies_to = Selector::All;
    documents.updates.get_mut("april").unwrap().releases = vec![release("role = mail", "x")];
    assert_eq!(
        one(&problems(&documents)),
        (
            "no-target",
            "update `april` has no release for any of the 6 hosts that policy `monthly` applies to",
            "compare the `select` of its releases with the labels of the fleet",
        )
    );
    let nowhere = with_rings(vec![ring("lab", "role = mail")]);
    assert_eq!(one(&nowhere).0, "no-ring-claims");
}

#[test]
fn a_cover_that_cannot_be_names_every_stratum_and_its_hosts() {
    let canary = covering(taking("canary", "role = web", "1"), &["role"], true);
    let found = with_rings(vec![canary, rest("broad")]);
    let messages: Vec<_> = found
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "ring `canary` can have no host of stratum role=sql, which comes in ring `broad`: h-4, h-5",
            "ring `canary` can have no host of stratum role=dc, which comes in ring `broad`: h-6",
        ]
    );
    assert!(
        found
            .iter()
            .all(|problem| problem.code == "cover-impossible")
    );
}

#[test]
fn a_ring_without_a_take_covers_only_with_what_it_selects() {
    let lab = covering(ring("lab", "role = sql"), &["role"], false);
    let found = with_rings(vec![lab, ring("web", "role = web | sql")]);
    assert_eq!(
        one(&found).1,
        "ring `lab` can have no host of stratum role=web, which comes in ring `web`: h-1, h-2, h-3"
    );
}

/// A stratum that no later ring has in the end needs no example, even if one selected it.
#[test]
fn what_never_comes_later_needs_no_cover() {
    let canary = covering(taking("canary", "role != dc", "2"), &["role"], false);
    let documents = documents(policy(vec![canary, ring("broad", "role = web | sql")]));
    assert!(make_plan(&fleet(), &documents, "monthly", "april", 1).is_ok());
}

#[test]
fn a_cover_that_needs_more_than_its_take_says_how_many() {
    let canary = covering(taking("canary", "all", "2"), &["role"], false);
    let found = with_rings(vec![canary, rest("broad")]);
    assert_eq!(
        one(&found),
        (
            "cover-exceeds-take",
            "ring `canary` may take 2, and needs 3 to have one host of every stratum by role that \
             comes later",
            "set `may_exceed_take: true`, or `take: 3`",
        )
    );
}

#[test]
fn what_documents_do_not_have_is_found_all_at_once() {
    let mut policy = policy(vec![rest("all")]);
    policy.gates = vec![Gate {
        name: "answers".to_owned(),
        probe: "gone".to_owned(),
        down_for: Span::minutes(3),
        min_reporting: share("80%"),
    }];
    policy.start = Some(Approvals {
        needed: 1,
        by: vec!["cab".to_owned()],
        not_by: Vec::new(),
        between: None,
        expire: None,
    });
    let codes: Vec<_> = problems(&documents(policy))
        .into_iter()
        .map(|problem| problem.code)
        .collect();
    assert_eq!(codes, ["unknown-probe", "unknown-team"]);
}

#[test]
fn a_route_that_cannot_be_compiled_says_why_and_only_once() {
    let mut documents = documents(policy(vec![rest("all")]));
    let update = documents.updates.get_mut("april").unwrap();
    update.releases[0].with.clear();
    update.releases[0].build = None;
    let recipe = documents.recipes.get_mut("package").unwrap();
    recipe.inspect.as_mut().unwrap().installed_when = "{build}".to_owned();
    documents
        .cares
        .insert("drained".to_owned(), care("drained"));
    let hosts = vec![host("a", "role=web"), host("b", "role=sql")];
    let mut web = group("web", "role = web");
    web.care = Some("drained".to_owned());
    let fleet = compiled(hosts, vec![web]);
    let error = make_plan(&fleet, &documents, "monthly", "april", 1).unwrap_err();
    let messages: Vec<_> = error
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "release `nginx` gives no value for parameter `version` of recipe `package`",
            "`installed_when` names `{build}`, which release `nginx` does not have",
        ]
    );
}
