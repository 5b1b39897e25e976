//! What people say of approvals, by the command line alone: `approve --show`, `--ring`, `promote --early`, `ask`, `answer`.

use crate::place::{Place, json};

/// A rollout that has one ring behind it and waits for an approval; nothing runs.
fn waiting() -> Place {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    place
}

#[test]
fn what_a_yes_rests_on_is_shown_and_nothing_is_approved_by_looking() {
    let place = waiting();
    let screen = place.expect("approve --show", 0).out;
    for part in [
        "r1  u: approval",
        "policy       p, started by",
        "starts       `second`, 2 hosts; the first at",
        "so far       1 updated, none failed",
        "not tested   no ring has tested role=x",
        "way back     all 1 changed so far can go back",
        "approvals    0 of 1",
        "who else     anybody",
        "digest       ",
    ] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    assert!(screen.lines().count() <= 24, "{screen}");
    let data = json(&place.expect("approve --show --output json", 0).out);
    let (wanted, rollout) = (&data["wanted"], &data["rollout"]);
    assert_eq!(wanted["untested"], serde_json::json!(["role=x"]));
    assert_eq!(rollout["approval"], *wanted, "the same data as in `status`");
    assert_eq!(place.versions(), "1 1 2");
    let digest = wanted["digest"].as_str().unwrap();
    // As `status` shows it, it is only how it begins.
    let other = place.expect("approve --digest 0123456789ab", 1);
    assert!(other.err.contains("(stale-digest)"), "{}", other.err);
    place.expect(&format!("approve --digest {}", &digest[..11]), 2);
    assert!(place.expect("status", 0).out.contains(&digest[..12]));
    place.expect("skip a --reason its-disk", 0);
    // What is left in the inbox is done first, and then the ring to come has other hosts.
    let stale = place.expect(&format!("approve --digest {digest}"), 1);
    assert!(stale.err.contains("other hosts to come"), "{}", stale.err);
    let screen = place.expect("approve --show", 0).out;
    let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("left out: a"), "{screen}");
    let data = json(&place.expect("approve --show --output json", 0).out);
    let short = &data["wanted"]["digest"].as_str().unwrap()[..12];
    place.expect(&format!("approve --digest {short}"), 0);
    assert_eq!(place.versions(), "1 2 2");
    place.expect("audit", 0);
}

/// What waits in the inbox is done before the yes: who looks must see the hosts as they are then.
#[test]
fn a_screen_counts_what_waits_in_the_inbox() {
    for later in ["", " --later"] {
        let place = waiting();
        place.expect("skip a --reason its-disk", 0);
        let shown = place.expect("approve --show", 0);
        assert!(
            shown.err.contains("in the inbox, and counted in: "),
            "{}",
            shown.err
        );
        let words = shown.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("left out: a"), "{words}");
        place.expect(&format!("approve --yes{later}"), 0);
        if !later.is_empty() {
            place.expect("run --resume", 0);
        }
        assert_eq!(place.versions(), "1 2 2");
    }
}

#[test]
fn a_later_ring_is_approved_ahead_and_the_yes_is_used() {
    let place = Place::with_rings(
        "  - { name: first, hosts: { select: role = y }, soak: 0s, after_soak: { approvals: 1 } }
  - { name: second, hosts: { select: role = x, take: 1 }, soak: 0s, after_soak: { approvals: 1, expire: 4h } }
  - { name: third, hosts: rest, soak: 0s }",
    );
    place.expect("run --no-wait", 4);
    for (arguments, part) in [
        (
            "approve --ring first --show",
            "asks for no approval before `first`",
        ),
        ("approve --ring nowhere --show", "has no ring `nowhere`"),
    ] {
        let said = place.expect(arguments, 1);
        assert!(said.err.contains(part), "{arguments}: {}", said.err);
    }
    place.expect("approve --ring third --yes --later", 0);
    place.expect("approve --yes", 0);
    let journal = place.expect("journal", 0).out;
    assert!(
        journal.contains("going on after ring second approved by"),
        "{journal}"
    );
    assert!(journal.contains("unless used"), "{journal}");
    assert_eq!(place.versions(), "2 2 2");
    place.expect("audit", 0);
}

#[test]
fn people_end_a_soak_early_where_the_policy_lets_them() {
    let place = Place::with_rings(
        "  - { name: first, hosts: { select: role = y }, soak: 2h, promote_early: { at_least: 1s, approvals: 1 } }
  - { name: second, hosts: rest, soak: 2h }",
    );
    let going = place.spawn("run");
    place.until_status(|view| view["rollouts"][0]["early"].is_object());
    let said = place.expect("promote", 1);
    assert!(said.err.contains("promote --early"), "{}", said.err);
    let said = place.expect("promote --early --yes", 1);
    assert!(said.err.contains("needs a reason"), "{}", said.err);
    let said = place.expect("promote --early --reason exploited", 1);
    assert!(
        said.err
            .contains("the end of the soak of `first`, after 1s of it"),
        "{}",
        said.err
    );
    place.expect("promote --early --reason exploited --yes", 0);
    place.until_status(|view| view["rollouts"][0]["ring"] == "second");
    place.until_status(|view| view["rollouts"][0]["rings"][1]["done"] == 2);
    let said = place.expect("promote --early --reason exploited --yes", 1);
    assert!(
        said.err
            .contains("lets nobody end the soak of ring `second`"),
        "{}",
        said.err
    );
    place.expect("cancel --reason enough", 0);
    assert_eq!(going.end().code, 5);
    let journal = place.expect("journal", 0).out;
    for part in [
        "an early end of the soak of ring first approved by",
        ": exploited",
        "ended early by",
    ] {
        assert!(journal.contains(part), "{part}: {journal}");
    }
    place.expect("audit", 0);
}

#[test]
fn a_question_is_shown_until_it_is_answered() {
    let place = waiting();
    place.expect("ask is-the-vendor-told", 0);
    place.expect("approve --show", 0);
    let going = place.spawn("run --resume");
    place.until_status(|view| view["rollouts"][0]["questions"][0]["number"] == 1);
    for arguments in ["status", "approve --show"] {
        let text = place.expect(arguments, 0).out;
        assert!(text.contains("is-the-vendor-told"), "{arguments}: {text}");
    }
    let said = place.expect("answer 7 yes", 1);
    assert!(said.err.contains("there is no question 7"), "{}", said.err);
    place.expect("answer 1 yes-on-Monday", 0);
    let text = place.expect("status", 0).out;
    assert!(!text.contains("is-the-vendor-told"), "{text}");
    place.expect("approve --yes", 0);
    assert_eq!(going.end().code, 0);
    let journal = place.expect("journal", 0).out;
    assert!(journal.contains("answers: yes-on-Monday"), "{journal}");
    place.expect("audit", 0);
}

/// The user who runs the tests is a deputy by another name.
#[test]
fn a_user_is_a_person_and_a_deputy_is_recorded_as_one() {
    let place = waiting();
    let view = json(&place.expect("status --output json", 0).out);
    let user = view["rollouts"][0]["starter"].as_str().unwrap();
    let place = Place::with_rings(
        "  - { name: first, hosts: { select: role = y }, soak: 0s, after_soak: { approvals: 1, by: [operators] } }
  - { name: second, hosts: rest, soak: 0s }",
    );
    place.write(
        "people.yaml",
        &format!(
            "ringway: people/v1\npeople: {{ chris: {{ user: '{user}' }}, ana: {{ contact: ext 17 }} }}\nteams: {{ operators: {{ members: [ana], deputies: [chris] }} }}\n"
        ),
    );
    place.expect("run --no-wait", 4);
    let screen = place.expect("approve --show", 0).out;
    assert!(
        screen.contains("who else     ana [ext 17], chris (deputy in operators)"),
        "{screen}"
    );
    let why = place.expect("why", 0).out;
    assert!(
        why.contains("could give one: ana, chris (deputy in operators)"),
        "{why}"
    );
    place.expect("approve --yes", 0);
    let journal = place.expect("journal", 0).out;
    let said = format!("approved by chris (user {user}), deputy in operators");
    assert!(journal.contains(&said), "{journal}");
    place.expect("audit", 0);
    // What is kept for years names the person, with the user where who did what on this machine is told.
    let report = json(&place.expect("report rollout r1 --output json", 0).out);
    assert_eq!(report["approvals"][0]["by"], "chris");
    assert_eq!(report["approvals"][0]["user"], user);
    let text = place.expect("report rollout r1", 0).out;
    assert!(text.contains(&format!("by chris (user {user})")), "{text}");
    let history = place.expect("history a", 0).out;
    assert!(history.contains("approved by chris"), "{history}");
}
