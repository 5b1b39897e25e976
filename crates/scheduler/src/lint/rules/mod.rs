//! The rules, by what they are about. Each function adds what one rule finds; which rule that is says the table.

use crate::words::shortened;

pub(super) mod advisories;
pub(super) mod approvals;
pub(super) mod availability;
pub(super) mod calendar;
pub(super) mod cares;
pub(super) mod coverage;
pub(super) mod exceptions;
pub(super) mod gates;
pub(super) mod hosts;
pub(super) mod lanes;
pub(super) mod limits;
pub(super) mod maintenances;
pub(super) mod recipes;
pub(super) mod rings;
pub(super) mod selectors;
pub(super) mod shares;
pub(super) mod times;

pub use hosts::own_hosts;

/// Names shown in one finding.
const SHOWN: usize = 5;

/// The first few names, and how many more there are.
fn list<'n>(names: impl Iterator<Item = &'n str> + Clone) -> String {
    shortened(names.clone(), names.count(), SHOWN)
}

/// The same of names that are rings, in words: ``ring `lab` (3 hosts)``.
fn rings_in_words(report: &crate::report::PlanReport, rings: &[usize]) -> String {
    let named: Vec<String> = rings
        .iter()
        .map(|&at| {
            let ring = &report.rings[at];
            format!("`{}` ({})", ring.name, crate::words::hosts(ring.hosts))
        })
        .collect();
    let plural = if named.len() == 1 { "" } else { "s" };
    format!("ring{plural} {}", list(named.iter().map(String::as_str)))
}
