//! Steps with the rights of another user, by the program alone: `sudo` is given a password that a command prints.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use ringway_farm::{Farm, HostPlan, Plan, Switch};
use tempfile::TempDir;

use super::super::ground::{LONG, LOOK_EVERY};

/// Put together here and by the command, so that it is in no document as it is.
const PARTS: (&str, &str) = ("correct-horse", "battery-staple");

/// What stands in the fleet's document for every host.
const BECOME: &str = "root: .ringway, become: { user: deploy, password: { run: 'printf \"%s-%s\\n\" correct-horse \
                      battery-staple' } }";

/// `apply` looks for the password where everybody on the host can see, and on one host prints it.
const DOCUMENTS: &str = r#"
ringway: update/v1
name: u
releases: [{ select: all, id: R2, build: "2" }]
recipe: r
---
ringway: recipe/v1
name: r
steps:
  inspect: { run: 'cat installed 2>/dev/null || echo 1', installed_when: "{build}", previous: "{output}" }
  apply:
    run: |
      printf '%s-%s' correct-horse battery-staple >pattern
      grep -s -a -F -l -f pattern /proc/[0-9]*/cmdline /proc/[0-9]*/environ >leaks
      [ "$HOST" != chatty ] || cat pattern
      rm pattern
      [ ! -s leaks ] && [ "$FARM_SUDO_AS" = deploy ] && [ "$HOST" != chatty ] && echo "$BUILD" >installed
---
ringway: policy/v1
name: p
applies_to: all
rings: [{ name: first, hosts: rest, soak: 0s }]
pace: { at_once: 4, ramp: off, settle: 0s }
halt: { failed: 24 }
"#;

struct Place {
    directory: TempDir,
    farm: Farm,
}

impl Place {
    fn new() -> Self {
        let password = || Switch::SudoPassword(secret());
        let hosts = vec![
            HostPlan::new("well-1", "any").with(password()),
            HostPlan::new("well-2", "any").with(password()),
            HostPlan::new("chatty", "any").with(password()),
            HostPlan::new("other", "any").with(Switch::SudoPassword("another".to_owned())),
        ];
        let plan = Plan {
            services: Some(false),
            ..Plan::made_of(hosts)
        };
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
            farm: Farm::start(plan).unwrap(),
        };
        let fleet = place.farm.fleet_yaml_with("f", BECOME);
        fs::write(place.path("fleet.yaml"), fleet).unwrap();
        fs::write(place.path("documents.yaml"), DOCUMENTS).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the program to its end with all of its log: its exit code, and everything it printed.
    fn ringway(&self, arguments: &str) -> (i32, String) {
        let log = self.path("log");
        let file = File::create(&log).unwrap();
        let mut child = Command::new(ringway_tests::ringway())
            .current_dir(self.directory.path())
            .args(arguments.split(' '))
            .env("RINGWAY_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > LONG {
                child.kill().unwrap();
            }
            std::thread::park_timeout(LOOK_EVERY);
        };
        let said = String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
        (status.code().unwrap_or(-1), said)
    }
}

fn secret() -> String {
    format!("{}-{}", PARTS.0, PARTS.1)
}

/// The right password gets in everywhere and is seen nowhere: in no argument and no environment on the host, in nothing
/// that is printed, logged or kept. A wrong one is that host's failure, in one sentence.
#[test]
fn sudo_is_given_the_password_of_a_command_and_nobody_else_sees_it() {
    let place = Place::new();
    let (code, said) = place.ringway("doctor --all --host well-1");
    assert_eq!(code, 0, "{said}");
    silent(&said);
    let (code, said) = place.ringway("doctor --host other");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("sudo"), "{said}");
    silent(&said);
    let (code, said) = place.ringway("run");
    assert_eq!(code, 0, "{said}");
    silent(&said);
    for (host, words, told) in [
        ("well-1", "updated", ""),
        ("well-2", "updated", ""),
        ("chatty", "failed (apply: its command failed)", "[redacted]"),
        (
            "other",
            "failed (inspect: the host would not let it run)",
            "sudo",
        ),
    ] {
        let (code, said) = place.ringway(&format!("why {host}"));
        assert!(
            code == 0 && said.contains(words) && said.contains(told),
            "{host}: {said}"
        );
        silent(&said);
    }
    let farm = place.farm.hosts();
    for host in farm.iter().filter(|host| host.name() != "other") {
        assert_eq!(host.read("leaks"), "", "{}", host.name());
    }
    let homes = farm.iter().map(ringway_farm::Host::home);
    for place in homes.chain([place.directory.path().to_owned()]) {
        for file in files(&place) {
            // What a step prints lies where it printed it, on its own host.
            if file.file_name().is_some_and(|name| name == "output") {
                continue;
            }
            let kept = fs::read(&file).unwrap_or_default();
            let found = kept
                .windows(secret().len())
                .any(|w| w == secret().as_bytes());
            assert!(!found, "{}", file.display());
        }
    }
}

fn silent(said: &str) {
    assert!(!said.contains(&secret()), "{said}");
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .flat_map(|path| {
            if path.is_symlink() {
                Vec::new()
            } else if path.is_dir() {
                files(&path)
            } else if path.is_file() {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect()
}
