//! `doctor`, `recipes` and `manifest`: what is said of hosts and recipes before anything is changed.

use crate::place::{Place, json};

/// A probe, and a recipe that settles a manifest, for a fleet of this machine.
const MORE: &str = r#"
ringway: recipe/v1
name: pinned
parameters: { manifest: required }
steps:
  inspect: { run: 'echo "$MANIFEST"', installed_when: "{manifest}" }
  apply: { run: 'false' }
  manifest: { run: 'echo "noise of $HOST" >&2; [ ! -e fail ] || exit 3; printf "%s\n" "one=1:2~3+x" "two=$HOST"' }
---
ringway: update/v1
name: month
released: 2026-04-14T17:00:00Z
releases:
  - { select: role = x, id: X }
  - { select: role = y, id: Y }
recipe: pinned
"#;

#[test]
fn a_ready_fleet_ends_with_0_and_nothing_is_written() {
    let place = Place::new();
    let said = place.expect("doctor", 0);
    assert!(said.out.contains("all 3 hosts are ready"), "{}", said.out);
    let said = place.expect("doctor --all --host a", 0);
    for words in ["a  inspect  ok  it has `1`", "this machine  room  ok"] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    assert!(!said.out.contains("\nb  "), "{}", said.out);
    assert!(!place.path("began").exists());
    assert!(!place.path(".ringway/ringway.db").exists());
}

#[test]
fn what_is_wrong_is_told_once_with_its_hosts_and_as_data() {
    let place = Place::new();
    for host in ["a", "b"] {
        place.remove(&format!("version-{host}"));
    }
    let said = place.expect("doctor", 1);
    assert!(
        said.out
            .contains("failure  inspect: it does not work: exit code 1")
            && said.out.contains("1 of 3 hosts are ready"),
        "{}",
        said.out
    );
    let checks = json(&place.expect("doctor --output json", 1).out);
    let failed: Vec<&str> = checks
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["state"] == "failure")
        .map(|one| one["host"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["a", "b"]);
    place.expect("doctor --host c", 0);
}

#[test]
fn a_host_that_is_not_there_is_invalid_input() {
    let place = Place::new();
    let said = place.expect("doctor --host aa", 2);
    assert!(said.err.contains("did you mean `a`?"), "{}", said.err);
    place.expect("doctor --select role=nothing", 2);
    place.expect("doctor --update nothing", 2);
}

#[test]
fn recipes_are_listed_with_what_they_can() {
    let place = Place::new();
    place.write("more.yaml", MORE);
    let recipes = json(&place.expect("recipes --output json", 0).out);
    let find = |name: &str| {
        let all = recipes.as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!(find("script")["built-in"], true);
    assert_eq!(find("debian-upgrade")["manifest"], true);
    let own = find("r");
    assert_eq!(
        (&own["built-in"], &own["rollback"]),
        (&false.into(), &true.into())
    );
    let text = place.expect("recipes", 0).out;
    assert!(
        text.contains("debian-package") && text.contains("from the documents"),
        "{text}"
    );
    std::fs::create_dir(place.path("empty")).unwrap();
    place.expect("recipes empty", 2);
}

/// What is printed must be what is read: it is approved, and installed on every host of the line.
#[test]
fn a_manifest_is_asked_for_and_written_into_the_release_of_its_product_line() {
    let place = Place::new();
    place.write("more.yaml", MORE);
    let asked = |on: &str, code| place.expect(&format!("manifest month {on}"), code);
    let document = asked("--on a --on c", 0).out;
    assert!(
        document.contains("      manifest: |-\n        one=1:2~3+x\n        two=a\n")
            && document.contains("two=c")
            && !document.contains("noise"),
        "{document}"
    );
    // Put in the place of the one that was asked about, it is valid and can be planned.
    let recipe = MORE.split("---").next().unwrap();
    place.write("more.yaml", &format!("{recipe}---\n{document}"));
    place.expect("check", 0);
    let plan = place.expect("plan --update month --output json", 0).out;
    assert!(plan.contains("one=1:2~3+x\\ntwo=a"), "{plan}");
    // Asked again, what was settled before has no say.
    assert_eq!(asked("--on a --on c", 0).out, document);
    let recipes = asked("--on a --output json", 0).out;
    assert_eq!(
        json(&recipes)["releases"][0]["manifest"],
        "one=1:2~3+x\ntwo=a"
    );
    asked("--on nobody", 2);
    place.expect("manifest u --on a", 2);
    place.write("fail", "");
    let said = asked("--on a", 1);
    assert!(said.err.contains("exit code 3\nnoise of a"), "{}", said.err);
}
