//! `ringway lint`: what is told where, how it ends, what is accepted, and what a code means.

use crate::place::{Place, json};

/// The place's policy, with a soak, a gate and something to accept.
fn policy(more: &str) -> String {
    format!(
        "\
ringway: policy/v1
name: p
applies_to: all
{more}rings:
  - {{ name: first, hosts: {{ select: all, take: 1 }}, soak: 1h }}
  - {{ name: second, hosts: rest, soak: 1h }}
"
    )
}

#[test]
fn findings_are_told_in_their_place_and_end_with_1() {
    let place = Place::new();
    let said = place.expect("lint", 1);
    for part in [
        "policy `policy.yaml` has 2 findings\n",
        "  2:7  warning[no-gate]: no gate observes updated hosts",
        "   2 | name: p\n     |       ^\n  hint: add a gate",
        "  6:13  warning[unseen-stratum]: ring `second` is the first to meet a stratum, 2 of its 2 hosts: role=x\n",
        "update `common.yaml` has 1 finding\n",
        "  12:7  note[no-severity]: ",
        "2 warnings, 1 note found in fleet `f`: policy `p` with update `u`\n",
        "`ringway lint --explain CODE` says what a finding means\n",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert!(said.err.is_empty(), "{}", said.err);
    assert!(!place.path(".ringway").exists(), "nothing is changed");
    // What a plan says of it is the same.
    let plan = place.expect("plan", 0).out;
    assert!(plan.contains("! no gate observes updated hosts"), "{plan}");
}

#[test]
fn findings_are_data_with_their_places() {
    let place = Place::new();
    let data = json(&place.expect("lint --output json", 1).out);
    assert_eq!(
        (&data["warnings"], &data["notes"], &data["accepted"]),
        (&2.into(), &1.into(), &0.into())
    );
    let findings = data["findings"].as_array().unwrap();
    let gate = findings
        .iter()
        .find(|one| one["code"] == "no-gate")
        .unwrap();
    assert_eq!(gate["severity"], "warning");
    assert_eq!(gate["about"], "policy/p");
    assert_eq!(
        (&gate["place"]["source"], &gate["place"]["line"]),
        (&"policy.yaml".into(), &2.into())
    );
    assert_eq!(gate["plans"][0]["update"], "u");
    assert!(gate["accepted"].is_null());
    assert_eq!(
        place.expect("lint --output ndjson", 1).out.lines().count(),
        1
    );
}

#[test]
fn what_is_accepted_is_listed_with_its_reason_and_no_longer_counts() {
    let place = Place::new();
    let accept = "accept:\n  - { lint: no-gate, reason: none yet }\n  - { lint: unseen-stratum, reason: few hosts, until: 9999-12-31 }\n";
    place.write("policy.yaml", &policy(accept));
    let said = place.expect("lint", 0);
    for part in [
        "accepted\n\n  policy.yaml:2:7  warning[no-gate]: ",
        "  accepted by policy/p: none yet\n",
        "  accepted by policy/p, until 9999-12-31: few hosts\n",
        "1 note, 2 accepted found in fleet `f`",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let data = json(&place.expect("lint --output json", 0).out);
    assert_eq!(data["accepted"], 2);
    // The day is over: what it accepted counts again, and so does that.
    let over = accept.replace("9999-12-31", "2020-01-31");
    place.write("policy.yaml", &policy(&over));
    let said = place.expect("lint", 1);
    for part in [
        "warning[unseen-stratum]: ",
        "6:55  warning[acceptance-over]: `unseen-stratum` was accepted until 2020-01-31, and is still found: \"few hosts\"",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    // A last day that is none is no acceptance for ever.
    let bad = accept.replace("9999-12-31", "soon");
    place.write("policy.yaml", &policy(&bad));
    let said = place.expect("lint", 2);
    assert!(said.err.contains("`soon` is not a day"), "{}", said.err);
}

#[test]
fn what_cannot_be_planned_or_is_asked_wrongly_is_invalid_input() {
    let place = Place::new();
    place.write(
        "stuck.yaml",
        "ringway: policy/v1\nname: stuck\napplies_to: all\nrings:\n  - { name: a, hosts: { select: role = y, take: 1, cover: { by: [role] } }, soak: 1h }\n  - { name: b, hosts: rest, soak: 1h }\n",
    );
    for (arguments, words) in [
        (
            "lint",
            "policy `stuck` with update `u`: the plan has 1 problem",
        ),
        ("lint --policy stuk", "did you mean `stuck`?"),
        ("lint --update v", "there is no update `v`"),
        ("lint policy.yaml", "there is no fleet"),
        ("lint missing.yaml", "`missing.yaml` cannot be read"),
        ("lint common.yaml", "there is no policy among the documents"),
        ("lint --explain no-gaet", "did you mean `no-gate`?"),
        ("lint --explain no-gate --policy p", "cannot be used with"),
    ] {
        let said = place.expect(arguments, 2);
        assert!(said.err.contains(words), "{arguments}: {}", said.err);
    }
    // One policy that cannot be planned does not hide what is to be said of another.
    let hint = place.expect("lint", 2).err;
    assert!(hint.contains("look at the others with `--policy"), "{hint}");
    assert!(place.expect("lint --policy p", 1).out.contains("no-gate"));
}

#[test]
fn every_code_is_explained() {
    let place = Place::new();
    let listed = place.expect("lint --explain", 0).out;
    assert!(
        listed.starts_with("# What `ringway lint` finds"),
        "{listed}"
    );
    let all = json(&place.expect("lint --explain --output json", 0).out);
    for one in all.as_array().unwrap() {
        let code = one["code"].as_str().unwrap();
        assert!(listed.contains(&format!(" {code}\n")), "{code}: {listed}");
        let about = place.expect(&format!("lint --explain {code}"), 0).out;
        assert!(about.starts_with(&format!("### `{code}`\n")), "{about}");
        assert!(about.contains("**Instead:**"), "{about}");
    }
}

/// A host by the name of the machine that the tests run on.
#[test]
fn the_machine_that_ringway_runs_on_is_known_by_its_name_and_its_addresses() {
    let place = Place::new();
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let fleet = format!(
        "ringway: fleet/v1\nname: f\nconnect: ssh\nhosts:\n  - {{ name: {}, labels: {{ role: x }} }}\n  - {{ name: here, address: 127.0.0.1, labels: {{ role: x }} }}\n  - {{ name: there, address: 198.51.100.9, labels: {{ role: x }} }}\n",
        name.trim()
    );
    place.write("other/fleet.yaml", &fleet);
    place.write("other/policy.yaml", &policy(""));
    place.write(
        "other/update.yaml",
        "ringway: update/v1\nname: u\nseverity: low\nrecipe: script\nreleases: [{ select: all, id: a, build: b, with: { apply: a, inspect: b, rollback: c } }]\n",
    );
    let said = place.expect("lint other", 1).out;
    let told = "2 hosts among the targets are the machine that Ringway runs on";
    assert!(said.contains(told), "{said}");
    assert!(!said.contains("there"), "{said}");
}

/// Fleets whose hosts all are processes of this machine are meant so.
#[test]
fn the_examples_are_clean() {
    let place = Place::new();
    for example in ["demo", "farm"] {
        let path = format!("{}/../../examples/{example}", env!("CARGO_MANIFEST_DIR"));
        let said = place.expect(&format!("lint {path}"), 0);
        assert!(!said.out.contains("warning["), "{}", said.out);
    }
}

/// Hosts that nothing reaches have a policy, too: nothing is said of a recipe that nobody wrote.
#[test]
fn a_fleet_that_nothing_reaches_is_linted_without_an_update() {
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
    let place = Place::new();
    let said = place.expect(
        &format!("lint {policies}/appliances-by-hand.yaml {policies}/fleets/appliances.yaml"),
        0,
    );
    assert!(said.err.is_empty(), "{}", said.err);
}
