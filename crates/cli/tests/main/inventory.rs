//! Hosts from tables and commands, as one works with them on the command line.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::place::Place;

const CMDB: &str = "name,role,env\na,x,lab\nb,x,prod\n";

/// A fleet whose hosts are in a table and in what a program prints.
fn place(more: &str) -> Place {
    let place = Place::new();
    place.write(
        "docs/fleet.yaml",
        &format!(
            "ringway: fleet/v1\nname: f\nimport:\n  - csv: cmdb.csv\n  - {{ command: [./cloud, --all], within: 20s }}\nconnect: local\n{more}"
        ),
    );
    place.write("docs/cmdb.csv", CMDB);
    place
}

fn program(place: &Place, text: &str) {
    place.write("docs/cloud", &format!("#!/bin/sh\n{text}\n"));
    let path = place.path("docs/cloud");
    fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
}

const LISTING: &str = r#"[ "$1" = --all ] && [ -f cmdb.csv ] && echo '{"ringway": "inventory/v1", "hosts": [{"name": "b", "labels": {"env": "prod", "az": "a"}}, {"name": "c"}]}'"#;

/// The program runs beside the document, wherever Ringway is started.
#[test]
fn hosts_of_a_table_and_of_a_program_are_one_fleet() {
    let place = place("");
    program(&place, LISTING);
    let said = place.expect("hosts docs", 0);
    assert_eq!(
        said.out,
        "a  env=lab  role=x\nb  az=a  env=prod  role=x\nc\n"
    );
    let said = place.expect("hosts docs --host b --origins", 0);
    assert_eq!(
        said.out,
        "b  listed in cmdb.csv:3, output of ./cloud --all:1\n  \
         label az    a     output of ./cloud --all:1\n  \
         label env   prod  cmdb.csv:3, output of ./cloud --all:1\n  \
         label role  x     cmdb.csv:3\n"
    );
    let json: serde_json::Value = serde_json::from_str(
        &place
            .expect("hosts docs --select role=x --output json", 0)
            .out,
    )
    .unwrap();
    assert_eq!(json.as_array().unwrap().len(), 2);
    assert_eq!(json[1]["labels"]["az"], "a");
    assert!(
        place
            .expect("hosts docs --host bb", 2)
            .err
            .contains("did you mean `b`?")
    );
    assert!(
        place
            .expect("hosts docs --select role=y", 0)
            .err
            .contains("no host")
    );
    assert!(!place.path(".ringway").exists());
}

#[test]
fn a_program_that_fails_hangs_or_prints_something_else_is_said_in_its_place() {
    for (text, words) in [
        (
            "echo 'no credentials' >&2; exit 4",
            "it ended with exit code 4: no credentials",
        ),
        ("echo '<html>'", "not JSON from here"),
        ("true", "the command printed nothing"),
    ] {
        let place = place("");
        program(&place, text);
        let said = place.expect("check docs", 2);
        assert!(said.err.contains(words), "{text}: {}", said.err);
    }
    let place = place("");
    let said = place.expect("check docs", 2);
    assert!(
        said.err.contains("5:16") && said.err.contains("it cannot be run"),
        "{}",
        said.err
    );
    let hanging = place.path("docs/fleet.yaml");
    let text = fs::read_to_string(&hanging).unwrap().replace("20s", "1s");
    fs::write(hanging, text).unwrap();
    program(&place, "sleep 600");
    let before = Instant::now();
    let said = place.expect("check docs", 2);
    assert!(
        said.err.contains("it did not end within 1s"),
        "{}",
        said.err
    );
    assert!(before.elapsed() < Duration::from_mins(2));
}

#[test]
fn what_two_sources_say_differently_is_settled_by_prefer_alone() {
    let differs = r#"echo '{"ringway": "inventory/v1", "hosts": [{"name": "b", "labels": {"env": "test"}}]}'"#;
    let place = place("");
    program(&place, differs);
    let said = place.expect("check docs", 2);
    assert!(
        said.err.contains(
            "label `env` of `b` is `test` in `cloud` and `prod` in `cmdb`, in `cmdb.csv`, line 3"
        ),
        "{}",
        said.err
    );
    let fleet = place.path("docs/fleet.yaml");
    let text = fs::read_to_string(&fleet).unwrap();
    fs::write(fleet, format!("{text}prefer: [cloud]\n")).unwrap();
    let said = place.expect("hosts docs --origins", 0);
    assert!(
        said.err
            .contains("`cloud` (`output of ./cloud --all`, line 1) counts before `cmdb`"),
        "{}",
        said.err
    );
    assert!(
        said.out.contains("not `prod`, as cmdb.csv:3 says"),
        "{}",
        said.out
    );
}

#[test]
fn the_schema_of_what_a_program_prints_is_there() {
    let place = Place::new();
    let schema: serde_json::Value =
        serde_json::from_str(&place.expect("schema inventory", 0).out).unwrap();
    assert_eq!(schema["properties"]["ringway"]["enum"][0], "inventory/v1");
    assert_eq!(schema["required"], serde_json::json!(["ringway", "hosts"]));
}

/// From a table to a plan, as `init` promises for every inventory.
#[test]
fn a_table_becomes_first_documents() {
    let place = Place::new();
    place.write(
        "assets.csv",
        "name,role,env\nweb-1,web,lab\nweb-2,web,prod\nweb-3,web,prod\nweb-4,web,prod\n",
    );
    place.expect("init new --from assets.csv --yes", 0);
    let said = place.expect("hosts new --select env=prod", 0);
    assert_eq!(said.out.lines().count(), 3, "{}", said.out);
    place.expect("plan new", 0);
    place.expect("lint new", 0);
}
