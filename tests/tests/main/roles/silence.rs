//! `alertmanager`: a host is silenced while it is visited, and not any more afterwards, also where its update fails.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};

use super::ground::{Ends, answers, are_there, care, on_path, ringway, until};

const FLEET: &str = "
ringway: fleet/v1
name: silenced
connect: [{ select: all, local: {} }]
hosts:
  - { name: db-1, labels: { role: db, alertmanager: \"http://ADDRESS\" } }
  - { name: db-2, labels: { role: db, alertmanager: \"http://ADDRESS\" } }
groups: [{ name: databases, select: role = db, care: alertmanager }]
";

const POLICY: &str = "
ringway: policy/v1
name: one-by-one
applies_to: all
rings: [{ name: all, hosts: rest, soak: 100ms }]
pace: { at_once: 1, ramp: off, settle: 100ms }
halt: { failed: 2 }
";

/// Every host writes down who is silenced while it is updated; the second one fails then.
const UPDATE: &str = "
ringway: update/v1
name: april
recipe: script
releases:
  - select: all
    id: april
    build: two
    with:
      inspect: cat ROOT/$HOST 2>/dev/null || echo one
      apply: >-
        curl -sS --fail \"$LABEL_ALERTMANAGER/api/v2/silences\" >ROOT/seen-$HOST;
        test \"$HOST\" = db-1 && echo two >ROOT/$HOST
";

#[test]
fn a_real_alertmanager_is_silent_about_a_host_while_it_is_visited_also_where_its_update_fails() {
    let programs = ["prometheus-alertmanager", "curl"].map(|one| (one, on_path(one)));
    if !are_there(&programs) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let address: SocketAddr = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let path = |name: &str| root.path().join(name);
    fs::write(
        path("alertmanager.yml"),
        "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n",
    )
    .unwrap();
    let alertmanager = Command::new("prometheus-alertmanager")
        .arg(format!(
            "--config.file={}",
            path("alertmanager.yml").display()
        ))
        .arg(format!("--storage.path={}", path("alerts").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _alertmanager = Ends(alertmanager);
    until("it listens", || answers(address));
    let (here, directory) = (address.to_string(), root.path().display().to_string());
    for (name, text) in [("fleet", FLEET), ("policy", POLICY), ("update", UPDATE)] {
        let text = text.replace("ADDRESS", &here).replace("ROOT", &directory);
        fs::write(path(&format!("{name}.yaml")), text.trim_start()).unwrap();
    }
    let care = care("alertmanager");
    let documents = ["fleet.yaml", "policy.yaml", "update.yaml", &care];
    let (_, said) = ringway(root.path(), &[&["run"], &documents[..]].concat());
    let (_, status) = ringway(root.path(), &["status", "--all"]);
    assert!(
        said.contains("db-2: apply: its command failed"),
        "{said}\n{status}"
    );
    for host in ["db-1", "db-2"] {
        let seen = fs::read_to_string(path(&format!("seen-{host}"))).unwrap();
        let about = format!("ringway: {host} is being updated");
        let mut silences = seen.split("\"id\":");
        assert!(
            silences.any(|one| one.contains(&about) && one.contains("\"active\"")),
            "{host} was not silenced while it was updated: {seen}"
        );
    }
    let after = Command::new("curl")
        .args(["-sS", "--fail", "--max-time", "20"])
        .arg(format!("http://{address}/api/v2/silences"))
        .output()
        .unwrap();
    let after = String::from_utf8(after.stdout).unwrap();
    assert!(
        !after.contains("\"active\""),
        "somebody is silenced still: {after}"
    );
    assert_eq!(after.matches("\"expired\"").count(), 2, "{after}");
}
