//! What a host tells of itself, read and judged: for the fuzzing alone.

use std::time::Duration;

use super::Finding;
use super::facts::Facts;

/// Every finding about what a host printed, for the fleet `corp` and the database 7.
pub fn facts(printed: &str) -> Vec<Finding> {
    let facts = Facts::read(printed);
    let at = Duration::from_secs(1_780_000_000);
    vec![
        facts.shell(),
        facts.tools(),
        facts.room("/var/lib/ringway"),
        facts.clock(at, at + Duration::from_millis(20)),
        facts.patcher(),
        facts.owner("corp", Some(7)),
        facts.owner("corp", None),
    ]
}
