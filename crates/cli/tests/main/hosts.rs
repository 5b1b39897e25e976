//! What people say of single hosts, by the command line alone: `skip`, `retry`, `hold`, `release`, `maintenance`, `comment`.

use crate::place::{Place, json};

/// A rollout that has one ring behind it and waits for an approval; nothing runs.
fn waiting() -> Place {
    let place = Place::with_approval();
    place.expect("run --no-wait", 4);
    assert_eq!(place.versions(), "1 1 2");
    place
}

#[test]
fn a_host_that_is_held_is_left_behind_and_visited_once_it_is_released() {
    let place = waiting();
    let held = place.expect("hold a --reason month-end", 0);
    assert!(held.out.contains("this is done first"), "{}", held.out);
    let status = place.expect("status", 0).out;
    assert!(status.contains("hold: not to touch a"), "{status}");
    let going = place.spawn("approve --yes");
    place.until_status(|view| view["rollouts"][0]["rings"][1]["done"] == 1);
    assert_eq!(place.versions(), "1 2 2");
    drop(going);
    let place = waiting();
    place.expect("hold a b --reason month-end", 0);
    // Only a person lets it go on, so nobody is kept waiting.
    assert_eq!(place.expect("approve --yes", 4).code, 4);
    let why = place.expect("why a", 0).out;
    for part in ["on hold", "held by", "month-end", "a person's `release`"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    // The rollout as a whole, too, names them and what lets them go.
    let whole = place.expect("why", 0).out;
    for part in [
        "behind: a: on hold",
        "`ringway release a`",
        "`ringway release b`",
    ] {
        assert!(whole.contains(part), "{part}: {whole}");
    }
    let status = place.expect("status", 0).out;
    assert!(status.contains("month-end"), "{status}");
    let released = place.expect("release a b --reason over", 0);
    assert!(
        released.out.contains("hold of a, b is over"),
        "{}",
        released.out
    );
    let again = place.expect("release a b --output json", 0).out;
    assert_eq!(json(&again)["changed"], false);
    assert_eq!(place.versions(), "2 2 2");
    place.expect("audit", 0);
}

#[test]
fn a_host_that_is_left_out_keeps_what_it_has_and_says_by_whom() {
    let place = waiting();
    place.expect("skip a --reason its-disk", 0);
    // What is left in the inbox is done first: the yes is to the hosts that the ring has then.
    place.expect("approve --yes", 0);
    assert_eq!(place.versions(), "1 2 2");
    let why = place.expect("why a", 0).out;
    assert!(
        why.contains("skipped by") && why.contains("its-disk"),
        "{why}"
    );
    let status = place.expect("status", 0).out;
    assert!(status.contains("1 skipped"), "{status}");
    let journal = place.expect("journal", 0).out;
    assert!(journal.contains("r1 a is left out by"), "{journal}");
}

#[test]
fn a_host_that_failed_is_visited_again_after_it_was_mended() {
    let place = Place::new();
    place.write("fail-c", "");
    place.write("complaint-c", "no space left");
    place.expect("run", 3);
    place.remove("fail-c");
    place.expect("retry c", 1);
    place.expect("retry c --reason mended", 3);
    let why = place.expect("why c", 0).out;
    assert!(why.contains("to be visited again"), "{why}");
    place.expect("resume --reason mended", 0);
    assert_eq!(place.versions(), "2 2 2");
    place.expect("audit", 0);
}

#[test]
fn somebody_elses_work_is_declared_by_a_selector_listed_and_ended() {
    let place = waiting();
    let none = place.expect("maintenance list", 0).out;
    assert!(none.contains("no maintenance"), "{none}");
    place.expect(
        "maintenance add --select role=x --until 4h --reason power",
        0,
    );
    place.expect("comment called-the-vendor --host a", 0);
    let going = place.spawn("approve --yes");
    place.until_status(|view| view["rollouts"][0]["rings"][1]["debt"] == 2);
    let listed = json(&place.expect("maintenance list --output json", 0).out);
    assert_eq!(listed[0]["hosts"], serde_json::json!(["a", "b"]));
    assert_eq!(listed[0]["reason"], "power");
    assert!(listed[0]["until"].is_i64() || listed[0]["until"].is_string());
    place.expect("maintenance end --select role=x", 0);
    assert_eq!(going.end().code, 0);
    assert_eq!(place.versions(), "2 2 2");
    let journal = place.expect("journal", 0).out;
    for part in [
        "a is not to be touched until",
        "maintenance ended by",
        "notes: called-the-vendor",
    ] {
        assert!(journal.contains(part), "{part}: {journal}");
    }
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let place = Place::new();
    place.expect("hold a --reason x", 6);
    let place = waiting();
    for (command, code, part) in [
        ("hold nobody --reason x", 1, "has no host `nobody`"),
        ("hold a", 2, "--reason"),
        ("hold --reason x", 2, "HOST"),
        ("hold a --reason x --until yesterday", 2, "neither a span"),
        (
            "hold a --reason x --until 2020-01-01T00:00:00Z",
            1,
            "has passed",
        ),
        ("hold --select role=q --reason x", 2, "matches no host"),
        ("hold --select role= --reason x", 2, "is no selector"),
        ("skip c --reason x", 1, "has the update"),
        ("skip a", 1, "needs a reason"),
        ("retry c --reason x", 1, "has the update"),
        ("skip nobody --reason x", 1, "has no host"),
        ("comment hello --host nobody", 1, "no target"),
    ] {
        let said = place.expect(command, code);
        let all = format!("{}{}", said.out, said.err);
        assert!(all.contains(part), "{command}: {all}");
    }
    let status = place.expect("status", 0).out;
    assert!(!status.contains("inbox"), "{status}");
}

/// Announced work, of which `until` and everything else can be changed between two imports.
fn announced(place: &Place, hosts: &str, from: &str, until: &str) {
    place.write(
        "announced/facilities.yaml",
        &format!(
            "ringway: maintenance/v1\nname: facilities\nwork:\n  - {{ name: power, hosts: {hosts}, from: {from}, until: {until}, reason: CHG-4711, owner: facilities }}\n"
        ),
    );
}

/// `cron` runs it every few minutes: what is so already must stay as it is, and what is withdrawn must end.
#[test]
#[expect(clippy::too_many_lines, reason = "the story is told as one")]
fn announced_work_is_declared_once_and_ends_when_it_is_withdrawn() {
    const IMPORT: &str = "maintenance import announced/facilities.yaml";
    const BEGUN: &str = "2020-01-01T00:00:00Z";
    let place = Place::new();
    place.expect("run --no-wait", 0);
    announced(&place, "role = x", BEGUN, "2099-01-01T00:00:00Z");
    assert!(
        place
            .expect(&format!("{IMPORT} --now"), 0)
            .out
            .contains("a, b are in maintenance until 2099-01-01T00:00:00Z")
    );
    let list = || place.expect("maintenance list", 0).out;
    assert!(
        list().contains("CHG-4711, power by facilities [facilities]") && list().contains("a, b"),
        "{}",
        list()
    );
    let events = || {
        place
            .expect("journal --output ndjson", 0)
            .out
            .lines()
            .filter(|line| line.contains("CHG-4711"))
            .count()
    };
    let before = events();
    assert!(
        place
            .expect(&format!("{IMPORT} --now"), 0)
            .err
            .contains("nothing changes")
    );
    assert_eq!(events(), before);
    // It shrinks, is not yet, is over, is gone.
    announced(&place, "name = a", BEGUN, "2099-01-01T00:00:00Z");
    place.expect(&format!("{IMPORT} --now"), 0);
    assert!(
        !list().contains("a, b") && list().contains("CHG-4711"),
        "{}",
        list()
    );
    announced(
        &place,
        "name = a",
        "2098-01-01T00:00:00Z",
        "2099-01-01T00:00:00Z",
    );
    assert!(
        place
            .expect(&format!("{IMPORT} --now"), 0)
            .err
            .contains("not begun")
    );
    assert!(list().contains("no maintenance"), "{}", list());
    // What a person declared is left as it is.
    place.expect("maintenance add a --reason mine --now", 0);
    announced(&place, "role = x", BEGUN, "2099-01-01T00:00:00Z");
    assert!(
        place
            .expect(&format!("{IMPORT} --now"), 0)
            .err
            .contains("a: "),
        "whose it is"
    );
    place.write(
        "announced/facilities.yaml",
        "ringway: maintenance/v1\nname: facilities\nwork: []\n",
    );
    place.expect(&format!("{IMPORT} --now"), 0);
    assert!(
        list().contains("mine") && !list().contains("CHG-4711"),
        "{}",
        list()
    );
    announced(&place, "role = nothing", BEGUN, "2099-01-01T00:00:00Z");
    assert!(
        place
            .expect(IMPORT, 2)
            .err
            .contains("on no host of fleet `f`")
    );
    assert!(
        place
            .expect("maintenance import policy.yaml", 2)
            .err
            .contains("maintenance/v1")
    );
}

/// Two teams that work on one host are imported together: the work that ends last is declared, now or by whoever comes next, and
/// what one of them imports alone leaves the other's.
#[test]
fn works_of_several_documents_on_one_host_are_declared_as_one() {
    const BOTH: &str = "maintenance import both.yaml";
    let work = |name: &str, hosts: &str, until: &str| {
        format!(
            "ringway: maintenance/v1\nname: {name}\nwork:\n  - {{ name: power, hosts: {hosts}, from: 2020-01-01T00:00:00Z, until: {until}, owner: {name}, reason: CHG-1 }}\n"
        )
    };
    let short = work("facilities", "role = x", "2098-01-01T00:00:00Z");
    let long = work("network", "name = a", "2099-01-01T00:00:00Z");
    for now in [true, false] {
        let place = Place::new();
        place.expect("run --no-wait", 0);
        place.write("both.yaml", &format!("{short}---\n{long}"));
        if now {
            place.expect(&format!("{BOTH} --now"), 0);
        } else {
            place.expect(BOTH, 0);
            let waits = place.expect("maintenance list", 0).err;
            assert!(
                waits.contains("in the inbox, and not so yet: maintenance: not to touch"),
                "{waits}"
            );
            place.expect("run --resume", 0);
        }
        let list = place.expect("maintenance list --output json", 0).out;
        let list = json(&list);
        let of = |host: &str| {
            let holds = list.as_array().unwrap().iter();
            let mut of_host = holds.filter(|hold| hold["hosts"][0] == host);
            of_host.next().unwrap()["reason"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert!(of("a").ends_with("[network]"), "{list}");
        assert!(of("b").ends_with("[facilities]"), "{list}");
        assert!(place.expect(BOTH, 0).err.contains("nothing changes"));
        place.write("one.yaml", &short);
        let alone = place.expect("maintenance import one.yaml", 0).err;
        assert!(
            alone.contains("declared maintenance already (\"CHG-1, power by network [network]\")"),
            "{alone}"
        );
    }
}

/// A calendar of which the events are these.
fn calendar(place: &Place, events: &str) {
    let events = events.replace('\n', "\r\n");
    place.write(
        "power.ics",
        &format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//\r\n{events}END:VCALENDAR\r\n"),
    );
}

/// One event of a hundred years, one that begins every day at midnight and lasts a day, and what blocks no time.
#[test]
fn events_of_a_calendar_are_declared_while_they_last() {
    const IMPORT: &str = "maintenance import power.ics --hosts role=x --now";
    let place = Place::new();
    place.expect("run --no-wait", 0);
    calendar(
        &place,
        "BEGIN:VEVENT\nUID:1\nDTSTART:20000101T000000Z\nDTEND:21000101T000000Z\nSUMMARY:power works\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:2\nDTSTART:20000101T000000Z\nDTEND:21000101T000000Z\nTRANSP:TRANSPARENT\nEND:VEVENT\n",
    );
    let said = place.expect(IMPORT, 0);
    assert!(
        said.err.contains("skipped: events 1 marked as free"),
        "{}",
        said.err
    );
    let list = || place.expect("maintenance list", 0).out;
    assert!(
        list().contains("power works [power]") && list().contains("a, b"),
        "{}",
        list()
    );
    assert!(list().contains("2100-01-01"), "{}", list());
    assert!(place.expect(IMPORT, 0).err.contains("nothing changes"));
    // A series: today's is declared, and it is said when the next one begins.
    calendar(
        &place,
        "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20200101\nRRULE:FREQ=DAILY\nSUMMARY:cleaning\nEND:VEVENT\n",
    );
    let none = place.expect(IMPORT, 2).err;
    assert!(
        none.contains("`cleaning`") && none.contains("--zone"),
        "{none}"
    );
    let said = place.expect(&format!("{IMPORT} --zone UTC --within 3d"), 0);
    assert!(
        said.err.contains("3 works have not begun, the next begins"),
        "{}",
        said.err
    );
    assert!(
        list().contains("cleaning [power]") && !list().contains("power works"),
        "{}",
        list()
    );
    // It was taken out of the calendar.
    calendar(
        &place,
        "BEGIN:VEVENT\nUID:1\nDTSTART:20990101T000000Z\nDURATION:PT1H\nEND:VEVENT\n",
    );
    let said = place.expect(&format!("{IMPORT} --within 1d"), 0);
    assert!(
        said.err.contains("no event that blocks time from now"),
        "{}",
        said.err
    );
    assert!(list().contains("no maintenance"), "{}", list());
    place.expect("audit", 0);
}

/// Whoever adds an hour's hold must not end the one that somebody else said for good.
#[test]
fn a_hold_that_would_end_a_longer_one_is_refused_unless_it_is_meant() {
    let place = waiting();
    place.expect("hold a b --reason forensics --now", 0);
    let said = place
        .expect("hold b --reason reboot --until 1h --now", 1)
        .err;
    assert!(
        said.contains("`b`") && said.contains("forensics") && said.contains("--replace"),
        "{said}"
    );
    // What waits in the inbox was said before.
    place.expect("hold c --reason theatre --until 8h --later", 0);
    let said = place.expect("hold c --reason test --until 10m", 1).err;
    assert!(said.contains("theatre"), "{said}");
    place.expect("release c --reason over --now", 0);
    // Another kind of word, other hosts, and one that lasts longer end nothing.
    place.expect("maintenance add b --reason ups --until 1h --now", 0);
    place.expect("maintenance add b --reason ups --until 2h --now", 0);
    place.expect("maintenance add b --reason ups --until 1h --now", 1);
    place.expect("hold c --reason reboot --until 1h --now", 0);
    place.expect("hold c --reason disk --now", 0);
    place.expect("hold b --reason reboot --until 1h --replace --now", 0);
    let status = place.expect("status", 0).out;
    assert!(
        status.contains("forensics") && status.contains("reboot"),
        "{status}"
    );
}

/// Nobody but a person ends a hold that says no time: whoever does not wait for people is not kept.
#[test]
fn a_rollout_that_waits_only_for_held_hosts_is_up_to_a_person() {
    let place = Place::new();
    place.expect("run", 0);
    let common = std::fs::read_to_string(place.path("common.yaml")).unwrap();
    let common = common.replace("id: R2, build: \"2\"", "id: R3, build: \"3\"");
    place.write("common.yaml", &common);
    place.expect("hold c --reason mine --now", 0);
    place.expect("run --no-wait", 4);
    let status = place.expect("status", 0).out;
    assert!(status.contains("1 offline or held"), "{status}");
    place.expect("release c --reason done --now", 0);
    assert!(place.expect("status --all", 0).out.contains("completed"));
}

/// A document whose work is in a calendar beside it: the events are declared like works that are written out.
#[test]
fn work_in_a_calendar_beside_its_document_is_declared_event_by_event() {
    const IMPORT: &str = "maintenance import announced/racks.yaml --now";
    let place = Place::new();
    place.expect("run --no-wait", 0);
    let announce = |zone: &str, events: &str| {
        calendar(&place, events);
        let file = std::fs::read(place.path("power.ics")).unwrap();
        place.write("announced/racks.ics", &String::from_utf8(file).unwrap());
        place.write(
            "announced/racks.yaml",
            &format!(
                "ringway: maintenance/v1\nname: facilities\nwork:\n  - {{ name: racks, hosts: role = x, ical: racks.ics,{zone} owner: facilities, reason: nobody said }}\n"
            ),
        );
    };
    let list = || place.expect("maintenance list", 0).out;
    let events = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20200101\nRRULE:FREQ=DAILY\nSUMMARY:cleaning\nEND:VEVENT\n";
    // Whose day it is must be known before anything is declared.
    announce("", events);
    let said = place.expect(IMPORT, 2).err;
    assert!(
        said.contains("racks.yaml") && said.contains("`cleaning`") && said.contains("zone:"),
        "{said}"
    );
    assert!(list().contains("no maintenance"), "{}", list());
    announce(" zone: UTC,", events);
    let said = place.expect(&format!("{IMPORT} --within 2d"), 0).err;
    assert!(
        said.contains("2 works have not begun, the next begins"),
        "{said}"
    );
    let declared = "cleaning, racks by facilities [facilities]";
    assert!(
        list().contains(declared) && list().contains("a, b"),
        "{}",
        list()
    );
    let again = place.expect(&format!("{IMPORT} --within 2d"), 0).err;
    assert!(again.contains("nothing changes"), "{again}");
    // An event without a name has the work's reason; what the calendar has no more is over.
    announce(
        "",
        "BEGIN:VEVENT\nUID:1\nDTSTART:20000101T000000Z\nDTEND:21000101T000000Z\nEND:VEVENT\n",
    );
    place.expect(IMPORT, 0);
    assert!(
        list().contains("nobody said, racks by facilities [facilities]")
            && !list().contains("cleaning"),
        "{}",
        list()
    );
    announce(
        "",
        "BEGIN:VEVENT\nUID:1\nDTSTART:20990101T000000Z\nDURATION:PT1H\nEND:VEVENT\n",
    );
    let said = place.expect(IMPORT, 0).err;
    assert!(
        said.contains("`racks.ics` has no event that blocks time"),
        "{said}"
    );
    assert!(list().contains("no maintenance"), "{}", list());
    // So it is where the calendar is empty.
    announce(" zone: UTC,", events);
    place.expect(IMPORT, 0);
    assert!(list().contains("cleaning"), "{}", list());
    announce("", "");
    place.expect(IMPORT, 0);
    assert!(list().contains("no maintenance"), "{}", list());
    place.expect("audit", 0);
}

#[test]
fn a_calendar_that_cannot_be_imported_is_refused_with_why() {
    let place = Place::new();
    place.expect("run --no-wait", 0);
    calendar(&place, "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nEND:VEVENT\n");
    place.write("no.ics", "BEGIN:VCALENDAR\r\n\u{0}");
    for (command, part) in [
        ("power.ics", "--hosts"),
        ("power.ics --hosts role=x", "no `DTSTART`"),
        ("power.ics --hosts role===x", "`--hosts`"),
        ("power.ics --hosts role=x --name a[b", "--name"),
        ("power.ics --zone UTC", "--hosts"),
        ("common.yaml --zone UTC", "is none"),
        ("common.yaml", "there is no maintenance"),
        ("no.ics --hosts role=x", "no.ics"),
        ("missing.ics --hosts role=x", "cannot be read"),
        ("common.yaml --hosts role=x", "is no iCalendar file"),
    ] {
        let said = place.expect(&format!("maintenance import {command}"), 2);
        assert!(said.err.contains(part), "{command}: {}", said.err);
    }
    calendar(
        &place,
        "BEGIN:VEVENT\nUID:1\nDTSTART:20000101T000000Z\nDTEND:21000101T000000Z\nEND:VEVENT\n",
    );
    let said = place.expect("maintenance import power.ics --hosts role=nothing", 2);
    assert!(said.err.contains("on no host of fleet `f`"), "{}", said.err);
}

/// An empty file shows nobody anything, and would stand in an audit as what was handed in.
#[test]
fn evidence_that_is_empty_is_refused() {
    let place = Place::new();
    place.write("photo.png", "");
    let said = place.expect("done a --evidence photo.png", 2);
    assert!(
        said.err
            .contains("`photo.png` cannot be handed in: it is empty")
            && said.err.contains("hint: hand in what shows"),
        "{}",
        said.err
    );
}
