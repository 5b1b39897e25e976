//! How a kind of host is visited: the steps of every kind of visit, in order.

use ringway_model::{StepKind, VisitKind};
use ringway_policy::validated::{Care, Documents, Recipe};
use ringway_scheduler::plan::{More, Route};
use ringway_scheduler::{Plan, make_plan};

use crate::support::{care, compiled, documents, group, host, policy, recipe, release, rest};

fn routed(recipe: Recipe, care: Option<Care>) -> Plan {
    let mut web = group("web", "role = web");
    web.care = care.as_ref().map(|care| care.name.clone());
    let fleet = compiled(vec![host("a", "role=web"), host("b", "")], vec![web]);
    let mut documents: Documents = documents(policy(vec![rest("all")]));
    documents.recipes.insert("package".to_owned(), recipe);
    documents
        .cares
        .extend(care.map(|care| (care.name.clone(), care)));
    make_plan(&fleet, &documents, "monthly", "april", 1).unwrap()
}

fn words(route: &Route, kind: VisitKind) -> String {
    let steps = route.visit(kind).iter();
    let words: Vec<_> = steps
        .map(|&at| route.steps[usize::from(at)].kind.word())
        .collect();
    words.join(" ")
}

#[test]
fn a_visit_has_the_steps_that_documents_have_in_the_order_of_a_visit() {
    let mut bare = recipe();
    (bare.inspect, bare.precheck, bare.reboot, bare.verify) = (None, None, None, None);
    let mut forgetful = recipe();
    forgetful.inspect.as_mut().unwrap().previous = None;
    let mut one_way = recipe();
    one_way.rollback = None;
    let all = [
        "inspect precheck drain apply reboot verify care-verify undrain",
        "drain reboot verify care-verify undrain",
        "drain rollback reboot verify care-verify undrain",
    ];
    for (recipe, care, expected) in [
        (recipe(), Some(care("drained")), all),
        (one_way, Some(care("drained")), [all[0], all[1], ""]),
        // Without what was there before, there is nothing to go back to.
        (forgetful, Some(care("drained")), [all[0], all[1], ""]),
        (bare.clone(), None, ["apply", "", ""]),
        (
            bare,
            Some(care("drained")),
            ["drain apply care-verify undrain", "", ""],
        ),
    ] {
        let plan = routed(recipe, care);
        let route = plan.routes.last().unwrap();
        let found = VisitKind::ALL.map(|kind| words(route, kind));
        assert_eq!(found, expected);
        for (at, step) in route.steps.iter().enumerate() {
            assert!(
                route.steps[..at]
                    .iter()
                    .all(|other| other.kind != step.kind)
            );
        }
    }
}

#[test]
fn there_is_one_route_for_each_release_and_care_in_use() {
    let plan = routed(recipe(), Some(care("drained")));
    let cares: Vec<_> = plan
        .routes
        .iter()
        .map(|route| route.care.as_deref())
        .collect();
    assert_eq!(cares, [None, Some("drained")]);
    let of: Vec<_> = plan
        .slots
        .iter()
        .map(|slot| (slot.host.0, slot.route.0))
        .collect();
    assert_eq!(
        of,
        [(0, 1), (1, 0)],
        "hosts of no group come last and have no care"
    );
    let named: Vec<_> = plan.documents.keys().map(String::as_str).collect();
    assert_eq!(
        named,
        [
            "care/drained",
            "fleet/corp",
            "policy/monthly",
            "recipe/package",
            "update/april"
        ]
    );
}

#[test]
fn the_first_release_that_matches_counts_and_unused_ones_have_no_route() {
    let fleet = compiled(
        vec![host("a", "os=x"), host("b", "os=y"), host("c", "os=z")],
        vec![],
    );
    let mut documents = documents(policy(vec![rest("all")]));
    documents.updates.get_mut("april").unwrap().releases = vec![
        release("os = w", "never"),
        release("os = x", "first"),
        release("os = x | y", "second"),
    ];
    let plan = make_plan(&fleet, &documents, "monthly", "april", 1).unwrap();
    let ids: Vec<_> = plan
        .routes
        .iter()
        .map(|route| route.release.as_str())
        .collect();
    assert_eq!(ids, ["first", "second"]);
    let mut of: Vec<_> = plan
        .slots
        .iter()
        .map(|slot| (slot.host.0, slot.route.0))
        .collect();
    of.sort_unstable();
    assert_eq!(of, [(0, 0), (1, 1)]);
    assert_eq!(plan.not_applicable.len(), 1);
}

#[test]
fn values_known_before_the_visit_stand_in_the_plan() {
    let plan = routed(recipe(), None);
    let route = &plan.routes[0];
    let inspect = route.step(VisitKind::Update, 0).unwrap();
    assert_eq!(inspect.kind, StepKind::Inspect);
    let More::Inspect {
        installed_when,
        previous,
    } = &inspect.more
    else {
        panic!("an inspection says what it looks for");
    };
    assert_eq!(installed_when, "ii 1.2-3");
    assert_eq!(previous.as_deref(), Some("{output}"));
    assert_eq!(route.parameters["version"], "1.2-3");
}

/// How long to wait for a lock is no other content; another manifest is, and where nothing is required the id tells.
#[test]
fn content_is_named_by_what_a_recipe_requires_and_by_no_setting() {
    let made = |parameters: &[(&str, Option<&str>)], id: &str, with: &[(&str, &str)]| {
        let owned = |text: &str| text.to_owned();
        let mut the_recipe = recipe();
        the_recipe.parameters = parameters
            .iter()
            .map(|(name, default)| (owned(name), default.map(owned)))
            .collect();
        let mut the_release = release("all", id);
        the_release.build = None;
        the_release.with = with.iter().map(|(n, v)| (owned(n), owned(v))).collect();
        the_recipe.inspect = None;
        the_recipe.rollback = None;
        ringway_scheduler::compile_route(&the_release, &the_recipe, None).unwrap()
    };
    let manifest = [("manifest", None), ("lock_wait", Some("600"))];
    let first = made(&manifest, "debian-12", &[("manifest", "a=1")]);
    let longer = made(
        &manifest,
        "renamed",
        &[("manifest", "a=1"), ("lock_wait", "60")],
    );
    let later = made(&manifest, "debian-12", &[("manifest", "a=2")]);
    assert!(first.content().covers(&longer.content()));
    assert!(!first.content().covers(&later.content()));
    assert_ne!(first.former_digest(), longer.former_digest());
    let settings = [("lock_wait", Some("600"))];
    let april = made(&settings, "KB-1", &[]);
    let fix = made(&settings, "KB-2", &[]);
    let again = made(&settings, "KB-1", &[("lock_wait", "1")]);
    assert!(!april.content().covers(&fix.content()));
    assert!(april.content().covers(&again.content()));
}
