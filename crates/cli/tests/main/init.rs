//! `ringway init`: what is written can be checked, planned and linted as it is, and nothing that is there is touched.

use std::fs;

use crate::place::{Place, json};

const FILES: [&str; 4] = ["fleet.yaml", "people.yaml", "policy.yaml", "update.yaml"];

/// An inventory with environments as groups, two kinds of hosts on two sites, and a secret.
fn inventory() -> String {
    let hosts = |name: &str, numbers: std::ops::RangeInclusive<u32>| -> String {
        let line = |n: u32| {
            let site = if n.is_multiple_of(2) {
                "north"
            } else {
                "south"
            };
            format!("{name}-{n} ansible_host=198.51.100.{n} site={site}\n")
        };
        numbers.map(line).collect::<Vec<_>>().concat()
    };
    [
        "[webservers]\n",
        &hosts("web", 1..=20),
        "[databases]\n",
        &hosts("db", 41..=46),
        "[staging]\n",
        &hosts("stage", 80..=81),
        "[production:children]\nwebservers\ndatabases\n",
        "[all:vars]\nansible_user=svc\napi_token=hunter2\n",
    ]
    .concat()
}

/// What was written passes everything that a person would try next.
fn passes(place: &Place, directory: &str) {
    for command in ["check", "plan", "lint"] {
        let said = place.expect(&format!("{command} {directory}"), 0);
        let complaint = said.out.contains("accepted by") || said.out.contains("Look at this first");
        assert!(!complaint, "{command}: {}", said.out);
    }
}

#[expect(
    clippy::unwrap_used,
    reason = "a directory that is not there fails the test"
)]
fn names(place: &Place, directory: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(place.path(directory))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_written_passes_check_plan_and_lint() {
    let place = Place::new();
    place.write("inventory/hosts.ini", &inventory());
    place.write("beside/inventory.yml", "all: { hosts: { a: { env: test, role: x }, b: { env: prod, role: x }, c: { env: prod, role: y, tier: critical }, d: { env: prod, role: y }, e: { env: prod, role: x } } }\n");
    place.write("beside/notes.txt", "mine\n");
    place.write(
        "local.ini",
        "a ansible_connection=local\nb ansible_connection=local\n",
    );
    for (arguments, directory) in [
        ("init one --yes", "one"),
        (
            "init two --yes --from inventory/hosts.ini --team ops=ana,ben --team cab=dora",
            "two",
        ),
        (
            "init beside --yes --from beside/inventory.yml --name corp",
            "beside",
        ),
        (
            "init three --yes --host a --host b=198.51.100.7 --probe http:8080/health",
            "three",
        ),
        ("init four --yes --host alone", "four"),
        ("init five --yes --from local.ini", "five"),
        // Standard input is no terminal: nobody is asked.
        ("init six", "six"),
    ] {
        let said = place.expect(arguments, 0);
        assert!(
            said.out.contains(&format!("written in {directory}\n")),
            "{}",
            said.out
        );
        let next = said.out.split("\nNext:\n").nth(1).unwrap();
        assert_eq!(next.lines().count(), 3, "{next}");
        passes(&place, directory);
    }
    assert_eq!(names(&place, "two"), FILES);
    assert_eq!(
        fs::read_to_string(place.path("beside/notes.txt")).unwrap(),
        "mine\n"
    );
    let left: Vec<String> = names(&place, ".")
        .into_iter()
        .filter(|name| name.starts_with('.'))
        .collect();
    assert_eq!(left, [""; 0], "nothing of the work is left");
}

/// A probe asks one port, or that of a label that every host has.
#[test]
fn hosts_of_which_only_some_say_their_port_are_told() {
    let place = Place::new();
    place.write(
        "some.ini",
        "[web]\nweb-1 ansible_port=2222\nweb-2\nweb-3\nweb-4\n",
    );
    let said = place.expect("init some --yes --from some.ini", 0).err;
    assert!(
        said.contains("1 of 4 hosts say a port of their own (`ansible_port`)")
            && said.contains("--probe"),
        "{said}"
    );
    let said = place.expect("init asked --yes --from some.ini --probe tcp:443", 0);
    assert!(!said.err.contains("a port of their own"), "{}", said.err);
}

#[test]
fn rings_are_made_of_what_the_labels_say() {
    let place = Place::new();
    place.write("hosts.ini", &inventory());
    let data = json(
        &place
            .expect("init new --yes --from hosts.ini --output json", 0)
            .out,
    );
    assert_eq!(
        (&data["hosts"], &data["accepted"]),
        (&28.into(), &serde_json::json!([]))
    );
    let rings: Vec<_> = data["rings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ring| {
            (
                ring["name"].as_str().unwrap(),
                ring["hosts"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        rings,
        [("lab", 2), ("canary", 2), ("early", 6), ("broad", 18)]
    );
    let policy = fs::read_to_string(place.path("new/policy.yaml")).unwrap();
    for part in [
        "hosts: { select: group.staging = yes }",
        "cover: { by: [group.databases, group.webservers], may_exceed_take: yes }",
        "spread: [site]",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    let fleet = fs::read_to_string(place.path("new/fleet.yaml")).unwrap();
    assert!(fleet.contains("- ansible: \"../hosts.ini\""), "{fleet}");
    for name in FILES {
        let text = fs::read_to_string(place.path(&format!("new/{name}"))).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.starts_with("# "), "it says what it is: {text}");
    }
}

/// The machine that Ringway runs on is not restarted by its first rollout.
#[test]
fn this_machine_is_left_out() {
    let place = Place::new();
    let said = place.expect(
        "init new --yes --host far=198.51.100.7 --host farther=198.51.100.8 --host here=127.0.0.1",
        0,
    );
    assert!(
        said.out.contains("3 hosts; rings: canary 1, broad 1"),
        "{}",
        said.out
    );
    let policy = fs::read_to_string(place.path("new/policy.yaml")).unwrap();
    assert!(policy.contains("applies_to: name != here\n"), "{policy}");
    passes(&place, "new");
}

/// What could not be mended without knowing more counts later, and says so now.
#[test]
fn what_is_left_is_accepted_for_a_month_with_what_would_mend_it() {
    let place = Place::new();
    // Every host is a kind of its own: no ring can have one of each and be small.
    let hosts: Vec<String> = (1..=12).map(|n| format!("h-{n} role=r-{n}\n")).collect();
    place.write("hosts.ini", &hosts.concat());
    let said = place.expect("init new --yes --from hosts.ini", 0);
    assert!(said.out.contains("accepted for 30 days"), "{}", said.out);
    let lint = place.expect("lint new", 0).out;
    assert!(
        lint.contains("accepted by policy/careful, until "),
        "{lint}"
    );
    assert!(lint.contains("not looked at yet; "), "{lint}");
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let place = Place::new();
    for file in FILES.iter().chain(&["other.yml", "recipes/mine.yaml"]) {
        let directory = format!("with-{}", file.replace('/', "-"));
        place.write(&format!("{directory}/{file}"), "mine\n");
        let said = place.expect(&format!("init {directory} --yes"), 2);
        assert!(
            said.err
                .contains(&format!("has documents already: `{file}` is there")),
            "{}",
            said.err
        );
        let text = fs::read_to_string(place.path(&format!("{directory}/{file}"))).unwrap();
        assert_eq!(text, "mine\n");
        assert_eq!(names(&place, &directory).len(), 1, "nothing else is there");
    }
    // A link that leads nowhere has its name too.
    fs::create_dir(place.path("linked")).unwrap();
    std::os::unix::fs::symlink("/nowhere", place.path("linked/people.yaml")).unwrap();
    place.expect("init linked --yes", 2);
    assert_eq!(names(&place, "linked"), ["people.yaml"]);
}

#[test]
fn what_is_asked_wrongly_writes_nothing() {
    let place = Place::new();
    place.write("file", "");
    place.write("broken.ini", "web-1 ansible_port=none\n");
    for (arguments, words) in [
        ("init new --yes --probe icmp", "`icmp` is not a probe"),
        (
            "init new --yes --team ops",
            "does not say who is in the team",
        ),
        ("init new --yes --team ops=", "team `ops` has no members"),
        (
            "init new --yes --team ops=a$b",
            "`a$b` cannot be a user name",
        ),
        ("init new --yes --name a/b", "`a/b` cannot be a name"),
        ("init new --yes --host a=", "an empty address"),
        ("init new --yes --host -a", "unexpected argument"),
        (
            "init new --yes --host a --host a",
            "there is another host `a`",
        ),
        ("init new --yes --host a --from x", "cannot be used with"),
        (
            "init new --yes --from missing.ini",
            "`missing.ini` cannot be read",
        ),
        ("init new --yes --from broken.ini", "is not a port"),
        ("init new/er --yes", "`new/er` cannot be made"),
        ("init file --yes", "is no directory"),
    ] {
        let said = place.expect(arguments, 2);
        assert!(said.err.contains(words), "{arguments}: {}", said.err);
        assert!(!place.path("new").exists(), "{arguments}");
    }
}

/// The first rollout that somebody makes is this one: it must end well, and so must taking it back.
#[test]
fn the_update_that_is_written_can_be_carried_out_and_taken_back() {
    let place = Place::new();
    place.write(
        "local.ini",
        "a ansible_connection=local\nb ansible_connection=local\n",
    );
    place.expect("init new --yes --from local.ini", 0);
    let change = |file: &str, change: &dyn Fn(&str) -> String| {
        let path = format!("new/{file}");
        let text = fs::read_to_string(place.path(&path)).unwrap();
        place.write(&path, &change(&text));
    };
    // Without waits, people and a service; and with a home of their own for hosts that are all this machine.
    change("policy.yaml", &|text| {
        let is_kept = |line: &&str| {
            let line = line.trim_start();
            !line.starts_with("start:") && !line.starts_with("after_soak:")
        };
        let kept: Vec<&str> = text.lines().filter(is_kept).collect();
        let text = kept.join("\n");
        let (text, _) = text.split_once("\ngates:").unwrap();
        let text = text.replace("settle: 5m", "settle: 0s");
        let zero = ["soak: 1h", "soak: 4h", "soak: 1d"];
        zero.iter()
            .fold(text, |text, soak| text.replace(soak, "soak: 0s"))
    });
    change("update.yaml", &|text| text.replace("$HOME", "$HOST"));
    for host in ["a", "b"] {
        fs::create_dir(place.path(&format!("new/{host}"))).unwrap();
    }
    let file = |host: &str| place.path(&format!("new/{host}/.ringway-first-try"));
    place.expect("run new", 0);
    for host in ["a", "b"] {
        assert_eq!(fs::read_to_string(file(host)).unwrap(), "1\n");
    }
    place.expect("rollback --reason tried", 0);
    for host in ["a", "b"] {
        assert!(!file(host).exists(), "{host} has what it had: nothing");
    }
}

/// Every inventory with Windows in it has such hosts, and nobody can write a document before there is one.
#[test]
fn hosts_whose_way_is_not_followed_get_an_entry_to_be_completed() {
    let place = Place::new();
    place.write(
        "hosts.ini",
        "[web]\nweb-[1:8] ansible_user=deploy\n[dc]\ndc-[1:4]\n[dc:vars]\nansible_connection=winrm\n[old]\nold-1 ansible_ssh_common_args='-o StrictHostKeyChecking=no'\nold-2\nold-3\n",
    );
    let said = place.expect("init srv --from hosts.ini --yes", 0);
    for part in ["dc-1", "winrm", "old-1", "`connect` in fleet.yaml"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    let fleet = fs::read_to_string(place.path("srv/fleet.yaml")).unwrap();
    for part in [
        "select: group.dc = yes, ssh: {}",
        "# `ansible_connection: winrm` is not supported yet",
        "select: name = old-1, ssh: {}",
    ] {
        assert!(fleet.contains(part), "{part}: {fleet}");
    }
    passes(&place, "srv");
}

/// Parents of groups are no kinds, and every kind that is there has an example.
#[test]
fn groups_of_groups_take_no_kind_its_place() {
    let place = Place::new();
    place.write(
        "hosts.ini",
        "[web]\nweb-[01:08]\n[haproxy]\nlb-[01:02] tier=critical\n[postgres]\ndb-[01:02] tier=critical\n[dc]\ndc-[01:04] tier=critical\n[imaging]\npacs-[01:08]\n[files]\nward-[01:32]\n[storage]\nnas-[01:03]\n[linux:children]\nweb\nhaproxy\npostgres\n[windows:children]\ndc\nfiles\n",
    );
    let said = place.expect("init srv --from hosts.ini --yes", 0);
    let policy = fs::read_to_string(place.path("srv/policy.yaml")).unwrap();
    let cover = policy.lines().find(|line| line.contains("cover")).unwrap();
    for group in [
        "dc", "files", "haproxy", "imaging", "postgres", "storage", "web",
    ] {
        assert!(
            cover.contains(&format!("group.{group}")),
            "{group}: {cover}"
        );
    }
    assert!(!cover.contains("group.linux"), "{cover}");
    assert!(
        said.err.contains("critical hosts do not go last"),
        "{}",
        said.err
    );
    let plan = place.expect("plan srv", 0).out;
    assert!(
        plan.lines().any(|line| line.trim().starts_with("haproxy ")),
        "{plan}"
    );
}

/// An inventory of a hospital: overlapping groups, groups of groups, one label that says what runs, and appliances.
fn hospital() -> String {
    let mut text = String::new();
    let mut group = |name: &str, count: usize, vars: &str| {
        let line = |n: usize| format!("{name}{n:02} {vars}\n");
        let hosts: String = (1..=count).map(line).collect();
        text.extend(["[", name, "]\n", &hosts]);
    };
    group("dc", 4, "os=ws2022");
    group("fs", 6, "os=ws2022");
    group("ts", 12, "os=ws2022");
    group("app", 18, "os=ws2022");
    group("haproxy", 2, "os=debian-12");
    group("postgres", 6, "os=debian-12");
    group("web", 20, "os=debian-12");
    group("monitoring", 3, "os=debian-12");
    group("mail", 4, "os=debian-12");
    group("backup", 5, "os=rocky-9");
    group("storage", 7, "os=rocky-9");
    group("build", 6, "os=rocky-9");
    group("log", 5, "os=rocky-9");
    group("kiosk", 14, "os=rocky-9");
    group("modality", 9, "os=appliance ansible_connection=local");
    text.push_str(
        "[windows:children]\ndc\nfs\nts\napp\n[windows:vars]\nansible_connection=winrm\n",
    );
    text.push_str("[linux:children]\nhaproxy\npostgres\nweb\nmonitoring\nmail\n");
    text.push_str("[all:vars]\nansible_user=svc\n");
    text
}

/// A label that is not enough to tell domain controllers from terminal servers is not all that a canary covers.
#[test]
fn groups_are_covered_beside_a_label_as_far_as_they_are_few() {
    let place = Place::new();
    place.write("hosts.ini", &hospital());
    let said = place.expect("init srv --from hosts.ini --yes", 0).err;
    let policy = fs::read_to_string(place.path("srv/policy.yaml")).unwrap();
    let cover = policy.lines().find(|line| line.contains("cover")).unwrap();
    for label in ["group.dc", "group.haproxy", "group.postgres", "os"] {
        assert!(cover.contains(label), "{label}: {cover}");
    }
    assert!(
        !cover.contains("group.modality"),
        "they are left out: {cover}"
    );
    passes(&place, "srv");
    // What is left out is named, on the terminal and where somebody reads later.
    let unused = "Not told apart, as there would be too many: group.";
    assert!(policy.contains(unused), "{policy}");
    assert!(
        said.contains("note: not covered by ring `canary`"),
        "{said}"
    );
    let plan: serde_json::Value = json(&place.expect("plan srv --output json", 0).out);
    assert!(plan["coverage"]["strata"].as_array().unwrap().len() > 8);
}

/// Nothing keeps a pair up before somebody says that it is one; what is proposed can be taken in as it stands.
#[test]
fn groups_that_look_redundant_are_proposed() {
    let place = Place::new();
    place.write("hosts.ini", &hospital());
    let said = place.expect("init srv --from hosts.ini --yes", 0).err;
    assert!(said.contains("may stand in for one another"), "{said}");
    let fleet = fs::read_to_string(place.path("srv/fleet.yaml")).unwrap();
    let proposed = "#   - { name: haproxy, select: group.haproxy = yes, rings: apart, keep_up: { at_least: 1, probe: up } }   # haproxy01, haproxy02\n";
    assert!(fleet.contains(proposed), "{fleet}");
    assert!(
        fleet.contains("name: dc, select: group.dc = yes"),
        "{fleet}"
    );
    let taken = fleet
        .replace("# groups:\n", "groups:\n")
        .replace("#   - { name", "  - { name");
    place.write("srv/fleet.yaml", &taken);
    place.expect("check srv", 0);
    let plan = place.expect("plan srv", 0).out;
    assert!(plan.contains("haproxy"), "{plan}");
}

/// Who is left out without a word is believed to be updated.
#[test]
fn hosts_that_count_as_this_machine_are_left_out_with_a_word() {
    let place = Place::new();
    place.write("hosts.ini", &hospital());
    let said = place.expect("init srv --from hosts.ini --yes", 0).err;
    assert!(
        said.contains("note: left out by `applies_to` in policy.yaml: modality01, ")
            && said.contains("`ansible_connection: local`"),
        "{said}"
    );
    let policy = fs::read_to_string(place.path("srv/policy.yaml")).unwrap();
    assert!(policy.contains("# Left out are modality01, "), "{policy}");
    assert!(
        policy.contains("\napplies_to: os != appliance\n"),
        "{policy}"
    );
    // A label that says the same as forty names is written instead of them.
    let fleet = fs::read_to_string(place.path("srv/fleet.yaml")).unwrap();
    assert!(
        fleet.contains("- { select: os = ws2022, ssh: {} }"),
        "{fleet}"
    );
}
