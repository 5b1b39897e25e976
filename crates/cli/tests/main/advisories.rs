//! Advisories by the command line alone: brought with documents and by command, listed, accepted, withdrawn, and what becomes of
//! hosts.

use crate::place::{Place, json};

fn advisory(place: &Place, id: &str, rank: &str, rest: &str) -> String {
    let file = format!("{id}.yaml");
    place.write(
        &file,
        &format!(
            "ringway: advisory/v1\nid: {id}\nsource: {{ name: Microsoft, rank: {rank} }}\nabout: [R2]\n{rest}\nsays: restart loops\n"
        ),
    );
    file
}

/// However long lines are where they are printed.
fn contains_all(text: &str, parts: &[&str]) {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(flat.contains(part), "{part}: {text}");
    }
}

/// The story of a known issue: exactly whom it affects is held, the rest is updated, and its withdrawal lets go.
#[test]
#[expect(clippy::too_many_lines, reason = "it is read as one list")]
fn a_vendors_hold_keeps_exactly_the_hosts_it_affects_until_it_is_withdrawn() {
    let place = Place::new();
    advisory(
        &place,
        "MS-1",
        "vendor",
        "affects: name = a and pam = yes\neffect: hold\nfixed_by: u-oob\nreference: https://msrc.example/1",
    );
    contains_all(&place.expect("check", 0).out, &["advisory `MS-1`"]);
    contains_all(
        &place.expect("plan", 0).out,
        &[
            "Advisories",
            "1 host held: a",
            "MS-1 of Microsoft (vendor)",
            "lack labels",
            "mended by u-oob",
        ],
    );
    let run = place.expect("run", 0);
    contains_all(&run.err, &["advisory MS-1 of Microsoft (vendor): keep R2"]);
    assert_eq!(place.versions(), "1 2 2");
    let status = place.expect("status", 0).out;
    contains_all(
        &status,
        &[
            "advisory MS-1 of Microsoft (vendor)",
            "nobody says `pam`: a",
            "mended by u-oob",
        ],
    );
    let listed = json(&place.expect("advisory list --output json", 0).out);
    assert_eq!(listed[0]["id"], "MS-1");
    assert_eq!(listed[0]["standing"], "in-force");
    assert_eq!(listed[0]["affected"], serde_json::json!(["a"]));
    assert_eq!(listed[0]["unsure"][0]["lacks"], serde_json::json!(["pam"]));
    contains_all(
        &place.expect("advisory show MS-1", 0).out,
        &["https://msrc.example/1", "a lacks pam", "brought by"],
    );
    contains_all(
        &place.expect("why a", 0).out,
        &["held by an advisory", "advisories about what it gets: MS-1"],
    );
    contains_all(
        &place.expect("history a", 0).out,
        &["advisory MS-1 of Microsoft (vendor): keep R2 from hosts with"],
    );
    contains_all(
        &place.expect("handover --since 8h", 0).out,
        &["advisory MS-1"],
    );
    contains_all(
        &place.expect("report rollout r1", 0).out,
        &["advisory MS-1 of Microsoft (vendor): restart loops"],
    );

    let refused = place.expect("advisory withdraw MS-1", 2);
    contains_all(&refused.err, &["--reason"]);
    place.expect("advisory withdraw MS-1 --reason taken-back", 0);
    contains_all(
        &place.expect("advisory list", 0).out,
        &["no advisory counts or waits for a word"],
    );
    contains_all(
        &place.expect("advisory list --all", 0).out,
        &["withdrawn by", "taken-back"],
    );
    // The document still lies there, and does not bring it back: somebody said that it is over.
    let again = place.expect("run --key again", 0);
    contains_all(&again.err, &["stays so until its text is another one"]);
    assert_eq!(place.versions(), "2 2 2");
    contains_all(
        &place.expect("journal", 0).out,
        &["advisory MS-1 withdrawn by"],
    );
    place.expect("audit", 0);
}

#[test]
fn what_nobody_verified_holds_nobody_until_a_person_accepts_it() {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    let rest = "affects: name = a\neffect: hold";
    let file = advisory(&place, "BLOG-7", "unverified", rest);
    let added = place.expect(&format!("advisory add {file} --now"), 0);
    contains_all(&added.err, &["as a proposal, which changes nothing"]);
    contains_all(
        &place.expect("status", 0).out,
        &[
            "PROPOSED",
            "ringway advisory accept BLOG-7",
            "is about 1 host of rollouts under way",
        ],
    );
    contains_all(
        &place.expect("handover", 0).out,
        &["advisory BLOG-7", "ringway advisory dismiss BLOG-7"],
    );
    contains_all(
        &place.expect("approve --show", 0).out,
        &["PROPOSED only; asks for `hold`"],
    );
    place.expect("advisory dismiss BLOG-7 --reason wrong-kb --now", 0);
    contains_all(
        &place.expect("advisory show BLOG-7", 0).out,
        &["dismissed by", "wrong-kb"],
    );
    place.expect("advisory accept BLOG-7 --reason seen-here --now", 0);
    contains_all(
        &place.expect("why a", 0).out,
        &[
            "held by advisory BLOG-7 of Microsoft (unverified, accepted by",
            "advisory withdraw",
        ],
    );
    contains_all(
        &place.expect("approve --show", 0).out,
        &["keeps 1 host from it"],
    );
    // Another text is not the one that was accepted.
    let other = advisory(&place, "BLOG-7", "unverified", "effect: note");
    let refused = place.expect(&format!("advisory add {other} --now"), 1);
    contains_all(&refused.err, &["accepted-as-it-was"]);
    place.expect("approve --yes", 0);
    assert_eq!(place.versions(), "1 2 2");
    place.expect("advisory withdraw BLOG-7 --reason a-local-driver", 0);
    place.remove("BLOG-7.yaml");
    place.expect("run --no-wait --key again", 4);
    place.expect("approve --yes", 0);
    assert_eq!(place.versions(), "2 2 2");
    place.expect("audit", 0);
}

#[test]
fn an_advisory_that_poisons_refuses_the_plan_and_contradictions_are_side_by_side() {
    let place = Place::new();
    advisory(&place, "OWN-1", "internal", "effect: poison");
    advisory(&place, "MS-2", "vendor", "effect: note");
    let refused = place.expect("run", 1);
    contains_all(
        &refused.err,
        &[
            "R2",
            "is poisoned",
            "advisory OWN-1",
            "ringway advisory withdraw OWN-1",
        ],
    );
    assert_eq!(place.versions(), "1 1 1");
    contains_all(
        &place.expect("poison", 0).out,
        &["poisoned: R2", "advisory OWN-1 of Microsoft (internal)"],
    );
    let refused = place.expect("unpoison R2 --reason why", 1);
    contains_all(&refused.err, &["advisory withdraw OWN-1"]);
    place.remove("OWN-1.yaml");
    place.expect("advisory withdraw OWN-1 --reason our-scanner", 0);
    let lower = advisory(&place, "MS-2", "internal", "effect: hold");
    let refused = place.expect(&format!("advisory add {lower} --now"), 1);
    contains_all(&refused.err, &["lower-rank", "an id of its own"]);
    place.remove("MS-2.yaml");
    place.expect("run", 0);
    assert_eq!(place.versions(), "2 2 2");
    place.expect("audit", 0);
}

#[test]
fn what_is_no_advisory_is_refused_and_nothing_is_done() {
    let place = Place::new();
    let none = place.expect("advisory add common.yaml", 2);
    contains_all(&none.err, &["there is no advisory among these documents"]);
    let both = advisory(&place, "BAD", "vendor", "affects: role = x\neffect: poison");
    let refused = place.expect(&format!("advisory add {both}"), 2);
    contains_all(&refused.err, &["`affects` stands beside `effect: poison`"]);
    place.remove("BAD.yaml");
    contains_all(
        &place.expect("advisory list", 0).out,
        &["no advisory counts"],
    );
    place.expect("run", 0);
    contains_all(
        &place.expect("advisory list", 0).out,
        &["no advisory counts"],
    );
    contains_all(
        &place.expect("advisory show X", 1).err,
        &["there is no advisory `X`"],
    );
    let unknown = place.expect("advisory withdraw X --reason why --now", 1);
    contains_all(&unknown.err, &["there is no advisory `X`"]);
    place.expect("advisory accept X --reason=", 2);
}
