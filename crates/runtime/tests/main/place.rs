//! A directory with documents, hosts and a ledger, and people who speak to the runtime that works on it.

#![expect(
    clippy::unwrap_used,
    reason = "what a test stands on fails the test when it is not there"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ringway_engine::view::{FleetView, RolloutView};
use ringway_engine::{Accepted, Command, Rejected};
use ringway_executor::port::Proposal;
use ringway_model::{Actor, Digest, RolloutId};
use ringway_policy::Source;
use ringway_runtime::{Config, DIRECTORY, Identify, Runtime};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine; a test that is right never waits for it.
const BOUND: Duration = Duration::from_mins(2);

/// A policy with two rings; hosts are `a` to `d`.
pub(crate) const TWO_RINGS: &str = "\
ringway: policy/v1
name: p
applies_to: all
rings:
  - { name: first, hosts: { select: name = a }, soak: 0s }
  - { name: second, hosts: rest, soak: 0s }
pace: { at_once: 4, ramp: off, settle: 0s }
halt: { failed: 1 }
";

/// The same, and two people of the team must approve going on; not the author.
pub(crate) const APPROVED: &str = "\
ringway: policy/v1
name: p
author: dora
applies_to: all
rings:
  - { name: first, hosts: { select: name = a }, soak: 0s, after_soak: { approvals: 2, by: [ops], not_by: [policy-author] } }
  - { name: second, hosts: rest, soak: 0s }
pace: { at_once: 4, ramp: off, settle: 0s }
---
ringway: people/v1
teams: { ops: { members: [ana, ben, dora] } }
";

/// Every step writes a line into the ledger. `drain` and `apply` of a host wait while the file `hold-STEP` is there.
const COMMON: &str = r#"
ringway: fleet/v1
name: f
hosts:
  - { name: a, labels: { role: x } }
  - { name: b, labels: { role: x } }
  - { name: c, labels: { role: x } }
  - { name: d, labels: { role: x } }
groups:
  - { name: all, select: all, care: c }
connect:
  - { select: all, local: {} }
---
ringway: update/v1
name: u
releases:
  - { select: all, id: R2, build: "2" }
recipe: r
---
ringway: recipe/v1
name: r
steps:
  inspect: { run: 'cat "version-$HOST"', installed_when: "{build}", previous: "{output}" }
  apply:
    run: |
      echo "$HOST apply" >>ledger
      while [ -e hold-apply ]; do sleep 0.05; done
      echo "$BUILD" >"version-$HOST"
      [ ! -e "fail-$HOST" ]
  rollback: { run: 'echo "$HOST rollback" >>ledger; echo "$PREVIOUS" >"version-$HOST"' }
---
ringway: care/v1
name: c
drain:
  run: |
    echo "$HOST drain" >>ledger
    touch "drained-$HOST"
    while [ -e hold-drain ]; do sleep 0.05; done
undrain: { run: 'rm -f "drained-$HOST"; echo "$HOST undrain" >>ledger' }
"#;

/// A directory to work in.
pub(crate) struct Place {
    directory: TempDir,
    policy: &'static str,
}

/// Everybody at the socket is this person.
pub(crate) struct Everybody(pub(crate) &'static str);

impl Identify for Everybody {
    fn name_of(&self, _uid: u32) -> Actor {
        Actor(self.0.to_owned())
    }
}

impl Place {
    pub(crate) fn new(policy: &'static str) -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
            policy,
        };
        for host in ["a", "b", "c", "d"] {
            place.write(&format!("version-{host}"), "1\n");
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// The version of each host in order.
    pub(crate) fn versions(&self) -> String {
        ["a", "b", "c", "d"]
            .map(|h| read(&self.path(&format!("version-{h}"))).trim().to_owned())
            .join(" ")
    }

    /// How often the ledger has this line.
    pub(crate) fn count(&self, line: &str) -> usize {
        read(&self.path("ledger"))
            .lines()
            .filter(|l| *l == line)
            .count()
    }

    /// Whether any host is out of service.
    pub(crate) fn is_drained(&self) -> bool {
        ["a", "b", "c", "d"]
            .iter()
            .any(|h| self.path(&format!("drained-{h}")).exists())
    }

    pub(crate) async fn start(&self) -> Running {
        self.start_as("ana").await
    }

    pub(crate) async fn start_as(&self, name: &'static str) -> Running {
        let config = Config {
            data: self.data(),
            workers: 8,
            identify: Arc::new(Everybody(name)),
            observe: false,
            clock: std::sync::Arc::default(),
        };
        Running {
            runtime: Runtime::start(config).await.unwrap(),
        }
    }

    pub(crate) fn proposal(&self) -> Proposal {
        let sources = [
            Source::new("common.yaml", COMMON),
            Source::new("policy.yaml", self.policy),
        ];
        let documents = ringway_policy::read(&sources)
            .map_err(|p| p.to_string())
            .unwrap();
        let fleet = ringway_scheduler::compile_fleet(documents.fleet.as_ref().unwrap()).unwrap();
        let mut plan = ringway_scheduler::make_plan(&fleet, &documents, "p", "u", 1).unwrap();
        let directory = self.directory.path().to_str().unwrap().to_owned();
        plan.documents
            .insert(DIRECTORY.to_owned(), Digest::of(directory.as_bytes()));
        let mut texts: Vec<_> = documents.texts.into_iter().collect();
        texts.push((DIRECTORY.to_owned(), directory));
        Proposal {
            fleet: Arc::new(fleet),
            plan: Arc::new(plan),
            documents: texts,
            key: None,
            change: None,
            reason: None,
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// A runtime that works, with the waits that tests need.
pub(crate) struct Running {
    pub(crate) runtime: Runtime,
}

impl Running {
    pub(crate) async fn propose(&self, place: &Place) -> RolloutId {
        let answer = self
            .runtime
            .caller()
            .propose(Actor("starter".to_owned()), place.proposal())
            .await;
        answer.unwrap().unwrap().rollout.unwrap()
    }

    pub(crate) async fn say(&self, who: &str, command: Command) -> Result<Accepted, Rejected> {
        within(
            self.runtime
                .caller()
                .command(Actor(who.to_owned()), command),
        )
        .await
        .unwrap()
    }

    pub(crate) async fn until(&self, wanted: impl Fn(&FleetView) -> bool) -> Arc<FleetView> {
        within(self.runtime.caller().wait_until(wanted))
            .await
            .unwrap()
    }

    /// Waits until the only rollout is as asked for.
    pub(crate) async fn until_rollout(&self, wanted: impl Fn(&RolloutView) -> bool) -> RolloutView {
        let view = self
            .until(|view| view.rollouts.first().is_some_and(&wanted))
            .await;
        view.rollouts[0].clone()
    }
}

/// Waits for something that comes if the code is right.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, work)
        .await
        .expect("it should have come long ago")
}

/// Waits until a condition outside the runtime holds.
pub(crate) async fn until_so(so: impl Fn() -> bool) {
    within(async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
