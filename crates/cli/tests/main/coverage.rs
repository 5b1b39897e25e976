//! Evidence of kinds of hosts, from documents to rollouts that wait for it, and people who let them go on.

use std::fs;

use crate::place::{Place, json};

/// Hosts are asked whether they are well; what `evidence` says is put in.
fn place(rings: &str, evidence: &str) -> Place {
    let place = Place::new();
    let common = fs::read_to_string(place.path("common.yaml")).expect("it was written");
    let probes = "name: f\nprobes:\n  up: { run: 'test ! -e unwell', every: 1s }\n";
    place.write("common.yaml", &common.replacen("name: f\n", probes, 1));
    let policy = format!(
        "ringway: policy/v1\nname: p\napplies_to: all\nrings:\n{rings}\n\
         pace: {{ at_once: 4, ramp: off, settle: 0s }}\n\
         gates: [{{ name: answers, probe: up, down: {{ for: 1m }} }}]\n{evidence}\n"
    );
    place.write("policy.yaml", &policy);
    place
}

/// The first ring has a host of one role, the second those of the other.
const APART: &str = "  - { name: first, hosts: { select: role = y }, soak: 0s }
  - { name: second, hosts: rest, soak: 0s }";

/// The first ring has one of each.
const COVERED: &str = "  - { name: first, hosts: { select: all, take: 1, cover: { by: [role], may_exceed_take: yes } }, soak: 0s }
  - { name: second, hosts: rest, soak: 0s }";

#[test]
fn a_ring_that_could_never_begin_is_refused_and_the_plan_says_what_will_be_known() {
    let place = place(APART, "evidence: { by: [role], healthy: 1h }");
    let said = place.ringway("plan");
    assert_ne!(said.code, 0);
    for part in [
        "ring `second` could never begin",
        "role=x",
        "where_missing: canary",
    ] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    let said = place.ringway("run");
    assert_ne!(said.code, 0);
    assert!(said.err.contains("could never begin"), "{}", said.err);
    let policy = fs::read_to_string(place.path("policy.yaml")).expect("it was written");
    let examples = policy.replacen("healthy: 1h", "healthy: 1h, where_missing: canary", 1);
    place.write("policy.yaml", &examples);
    let plan = place.expect("plan", 0).out;
    let part =
        "role=x (2 hosts): none before; 1 goes first, the others when 1h of it is seen healthy";
    assert!(plan.contains(part), "{plan}");
    let plan = json(&place.expect("plan --output json", 0).out);
    let stratum = &plan["evidence"]["rings"][0]["strata"][0];
    assert_eq!(stratum["hosts_before"], 0, "{plan}");
    assert_eq!(stratum["then"]["some-go-first"]["hosts"], 1, "{plan}");
}

#[test]
fn a_ring_begins_once_enough_was_seen_of_every_stratum() {
    let place = place(COVERED, "evidence: { by: [role], healthy: 3s }");
    let going = place.spawn("run");
    place.until_status(|view| {
        let lacking = view["rollouts"][0]["coverage"]["lacking"].as_array();
        view["rollouts"][0]["rings"][1]["done"] == 0
            && lacking.is_some_and(|all| all.iter().any(|one| one["hosts"] == 1))
    });
    assert_eq!(going.end().code, 0);
    assert_eq!(place.versions(), "2 2 2");
    place.expect("audit", 0);
}

/// An example goes first and the other waits, over a crash, until a person lets it go on.
#[test]
fn an_example_goes_first_and_a_person_lets_the_others_go_on_untested() {
    let place = place(
        APART,
        "evidence: { by: [role], healthy: 1h, where_missing: canary }",
    );
    let going = place.spawn("run");
    let one_done = |view: &serde_json::Value| view["rollouts"][0]["rings"][1]["done"] == 1;
    place.until_status(one_done);
    going.kill();
    let going = place.spawn("run --resume");
    place.until_answered();
    place.until_status(one_done);
    assert_eq!(
        place.versions().matches('2').count(),
        2,
        "one of role x waits: {}",
        place.versions()
    );
    let status = place.expect("status", 0).out;
    assert!(
        status.contains("lacks role=x (1 host of ring second wait)"),
        "{status}"
    );
    let waits =
        place.expect("why", 0).out + &place.expect("why a", 0).out + &place.expect("why b", 0).out;
    for part in [
        "too little is known of `role=x`",
        "1 of 1 hosts",
        "of 1h seen healthy",
        "a person's `approve --accept-untested`",
    ] {
        assert!(waits.contains(part), "{part}: {waits}");
    }
    for (command, code, part) in [
        ("approve --accept-untested role=x", 2, "--reason"),
        ("approve --reason urgent", 2, "--accept-untested"),
        (
            "approve --accept-untested role=z --reason urgent",
            1,
            "`role=x`",
        ),
    ] {
        let said = place.expect(command, code);
        assert!(said.err.contains(part), "{command}: {}", said.err);
    }
    place.expect("approve --accept-untested role=x --reason exploited", 0);
    assert_eq!(going.end().code, 0);
    assert_eq!(place.versions(), "2 2 2");
    let journal = place.expect("journal", 0).out;
    assert!(
        journal.contains("r1 may go on with `role=x` untested"),
        "{journal}"
    );
    let handover = place.expect("handover", 0).out;
    assert!(handover.contains("role=x"), "{handover}");
    place.expect("audit", 0);
}

#[test]
fn a_policy_that_asks_for_nothing_has_nothing_to_accept() {
    let place = place(APART, "");
    assert_eq!(place.expect("run", 0).code, 0);
    let status = json(&place.expect("status --all --output json", 0).out);
    assert_eq!(status["rollouts"][0].get("coverage"), None);
    let said = place.expect(
        "approve --accept-untested role=x --reason urgent --rollout r1",
        1,
    );
    assert!(said.err.contains("r1 is completed"), "{}", said.err);
}
