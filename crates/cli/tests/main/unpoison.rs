//! Taking a poisoning back by the command line alone: where a policy asks that others agree, and where none does.

use std::fs;

use crate::place::Place;

/// However long lines are where they are printed.
fn contains_all(text: &str, parts: &[&str]) {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(flat.contains(part), "{part}: {text}");
    }
}

/// A fleet that has what is poisoned since.
fn poisoned(unpoison: &str) -> Place {
    let place = Place::new();
    let policy = fs::read_to_string(place.path("policy.yaml")).expect("it was written");
    place.write("policy.yaml", &format!("{policy}{unpoison}"));
    place.expect("run", 0);
    place.expect("poison R2 --reason logins --now", 0);
    place
}

#[test]
fn what_a_policy_guards_stays_poisoned_until_people_agree() {
    let place = poisoned("unpoison: { approvals: 1, expire: 24h }\n");
    contains_all(&place.expect("plan", 0).out, &["unpoison", "1 approval"]);
    let asked = place.expect("unpoison R2 --reason scanner", 0);
    contains_all(
        &format!("{}{}", asked.out, asked.err),
        &[
            "policy `p` asks for 1 approval",
            "ringway approve --unpoison 1",
        ],
    );
    for command in ["poison", "status", "handover --since 8h"] {
        contains_all(&place.expect(command, 0).out, &["no. 1", "scanner"]);
    }
    contains_all(
        &place.expect("approve --unpoison 1 --show", 0).out,
        &["and has none", "void at", "poisoned: R2", "digest:"],
    );
    contains_all(
        &place.expect("approve --unpoison 1", 1).err,
        &["nobody is at the terminal", "--digest"],
    );
    contains_all(
        &place.expect("approve --unpoison 7 --yes", 1).err,
        &["under number 7"],
    );
    place.expect("reject --unpoison 1 --reason unsure --now", 0);
    let listed = place.expect("poison", 0).out;
    assert!(
        listed.contains("poisoned: R2") && !listed.contains("no. 1"),
        "{listed}"
    );
    place.expect("unpoison R2 --reason scanner", 0);
    place.expect("approve --unpoison 2 --yes", 0);
    contains_all(&place.expect("poison", 0).out, &["nothing is poisoned"]);
    contains_all(
        &place.expect("journal", 0).out,
        &[
            "asks that R2 may be installed again (no. 1): scanner",
            "rejects taking back poisoning no. 1: unsure",
            "agrees to taking back poisoning no. 2",
            "R2 may be installed again, says",
        ],
    );
}

#[test]
fn where_no_policy_asks_the_reason_is_enough_and_that_is_said() {
    let place = poisoned("");
    let done = place.expect("unpoison R2 --reason scanner", 0);
    contains_all(
        &format!("{}{}", done.out, done.err),
        &["no policy asks that others agree"],
    );
    contains_all(&place.expect("poison", 0).out, &["nothing is poisoned"]);
}

/// Where nothing runs the word waits, and nobody reads that nothing is poisoned.
#[test]
fn a_poisoning_that_waits_is_listed_and_a_mistyped_one_is_told() {
    let place = Place::new();
    place.expect("run", 0);
    place.expect("poison R2 --reason logins", 0);
    let listed = place.expect("poison", 0).out;
    contains_all(&listed, &["in the inbox, and not so yet", "R2", "logins"]);
    assert!(!listed.contains("nothing is poisoned"), "{listed}");
    let told = place.expect("poison R22 --reason typing --now", 0);
    contains_all(
        &format!("{}{}", told.out, told.err),
        &["no rollout here has installed R22"],
    );
    let known = place.expect("poison R2 --reason logins --now", 0);
    let known = format!("{}{}", known.out, known.err);
    assert!(!known.contains("no rollout here"), "{known}");
}

/// Whoever lifts a pause should know beforehand that nothing starts then.
#[test]
fn why_tells_of_poison_behind_what_is_in_the_way_before() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    place.expect("poison R2 --reason logins --now", 0);
    place.expect("pause --reason lunch --now", 0);
    let why = place.expect("why a", 0).out;
    contains_all(&why, &["a in r1", "lunch", "R2", "logins"]);
    // One that has it waits for nothing.
    let has = place.expect("why c", 0).out;
    assert!(has.contains("has R2"), "{has}");
}
