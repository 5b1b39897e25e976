//! The main job over real `sshd` daemons: fleets of 24 hosts, and everything a network and an operating system do to them.
//!
//! Hosts are those of `ringway-farm`, with its switches for what goes wrong; their services, their steps and their one
//! ledger are those of every other ground here.

mod fencing;
mod fleets;
mod networks;
mod rights;
mod systems;
mod ways;

use super::documents::{Carrier, Setup};
use super::stage::Stage;

/// Names and labels of hosts, kept for a [`Setup`].
struct Names(Vec<(String, String)>);

impl Names {
    /// So many hosts that nothing is wrong with, and one for each of these faults, which is its name and its label.
    fn well_and(well: usize, faults: &[&str]) -> Self {
        let well = (1..=well).map(|n| (format!("well-{n}"), "fault: none".to_owned()));
        let faults = faults
            .iter()
            .map(|fault| ((*fault).to_owned(), format!("fault: {fault}")));
        Self(well.chain(faults).collect())
    }

    fn hosts(&self) -> Vec<(&str, &str)> {
        self.0
            .iter()
            .map(|(name, labels)| (name.as_str(), labels.as_str()))
            .collect()
    }
}

/// One ring, in which every failure is put up with.
const ONE_RING: &str = "
rings: [{ name: all, hosts: rest, soak: 300ms }]
pace: { at_once: 24, ramp: off, settle: 400ms }
halt: { failed: 24 }
gates: [{ name: answers, probe: up, down: { for: 5s } }]
";

/// A fleet over SSH.
fn setup<'a>(hosts: &'a [(&'a str, &'a str)], policy: &'a str) -> Setup<'a> {
    Setup {
        hosts,
        policy,
        carrier: Carrier::Ssh,
        ..Setup::default()
    }
}

/// Asserts how hosts stand, all at once.
async fn stand(stage: &Stage, expected: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (host, words) in expected {
        let view = stage.view(host).await;
        if view.words != *words {
            wrong.push(format!(
                "{host} is {}, not {words}: {:?}",
                view.words, view.last_word
            ));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// Asserts what was met last at a host: every text is part of what people are told.
async fn told(stage: &Stage, expected: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (host, part) in expected {
        let word = stage.view(host).await.last_word;
        let text = word.as_ref().map_or("", |word| word.text.as_str());
        if !text.contains(part) {
            wrong.push(format!(
                "of {host} it is told {word:?}, and nothing of `{part}`"
            ));
        }
    }
    assert_eq!(wrong, [""; 0]);
}
