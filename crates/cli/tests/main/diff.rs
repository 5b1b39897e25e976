//! `ringway diff`: what changes for the fleet, from names and from files, and what is asked wrongly.

use crate::place::{Place, json};

/// The policy of the place with a larger first ring and a soak.
const LARGER: &str = "\
ringway: policy/v1
name: p
applies_to: all
rings:
  - { name: first, hosts: { select: has role, take: 2 }, soak: 2h }
  - { name: second, hosts: rest, soak: 0s }
pace: { at_once: 4, ramp: off, settle: 0s }
";

#[test]
fn an_older_text_of_a_policy_is_held_against_the_one_among_the_documents() {
    let place = Place::new();
    place.write("elsewhere/new.yaml", LARGER);
    place.write("elsewhere/same.yaml", &format!("# a note\n{LARGER}"));
    let said = place.expect("diff p elsewhere/new.yaml", 0);
    for part in [
        "policy `p` before and after: update `u` over fleet `f`",
        "targets    3; 2 stay in their ring",
        "Ring first: 1 -> 2 hosts",
        "soak       0s -> 2h",
        "1 host changes places",
    ] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    assert!(said.err.is_empty(), "{}", said.err);
    assert!(!place.path(".ringway").exists(), "nothing is changed");
    let same = place.expect("diff elsewhere/new.yaml elsewhere/same.yaml .", 0);
    assert!(same.out.contains("no change"), "{}", same.out);
    let data = json(
        &place
            .expect("diff p elsewhere/new.yaml --output json", 0)
            .out,
    );
    assert_eq!(
        (&data["stay"], &data["is_change"]),
        (&2.into(), &true.into())
    );
    assert_eq!(data["before"]["rings"][0]["soak_ms"], 0);
    assert_eq!(data["after"]["rings"][0]["soak_ms"], 7_200_000);
    let named: Vec<_> = data["moves"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| one["hosts"].as_array().unwrap())
        .collect();
    assert_eq!(named.len(), 1, "{data}");
}

#[test]
fn two_policies_of_the_documents_are_compared_by_name() {
    let place = Place::new();
    place.write(
        "larger.yaml",
        &LARGER.replace("name: p\n", "name: larger\n"),
    );
    let said = place.expect("diff p larger", 0);
    assert!(
        said.out.starts_with("policy `p` and then `larger`"),
        "{}",
        said.out
    );
}

#[test]
fn what_cannot_be_compared_is_said_with_its_place() {
    let place = Place::new();
    place.write("elsewhere/broken.yaml", &LARGER.replace("rings:", "ringz:"));
    place.write(
        "elsewhere/two.yaml",
        &format!("{LARGER}---\n{}", LARGER.replace("name: p\n", "name: q\n")),
    );
    place.write("elsewhere/none.yaml", "ringway: people/v1\nteams: {}\n");
    for (command, parts) in [
        ("diff p q", ["there is no policy `q`", "did you mean `p`?"]),
        (
            "diff p elsewhere/gone.yaml",
            ["there is no file", "name a file"],
        ),
        (
            "diff p elsewhere/two.yaml",
            ["elsewhere/two.yaml", "--policy NAME"],
        ),
        (
            "diff p elsewhere/none.yaml",
            ["elsewhere/none.yaml", "there is no policy"],
        ),
        (
            "diff p elsewhere/broken.yaml",
            ["4:1  policy `p` has no key", "did you mean `rings`?"],
        ),
    ] {
        let said = place.expect(command, 2);
        let all = format!("{}{}", said.out, said.err);
        for part in parts {
            assert!(all.contains(part), "{command}: {part}: {all}");
        }
    }
    place.expect("diff p elsewhere/two.yaml --policy q", 0);
}
