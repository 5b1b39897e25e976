//! The table of strata: which kinds of hosts each ring has.

use super::parts::{PlanReport, RingReport, StratumReport};
use super::text::{Text, WIDTH, cut};

/// Strata shown; those that nothing was learned about come first.
const STRATA: usize = 24;
/// Rings that fit beside one another.
const COLUMNS: usize = 6;
/// The longest name of a ring in a note.
const NOTE: usize = 14;

/// Writes the table.
pub(super) fn table(text: &mut Text, report: &PlanReport) {
    let coverage = &report.coverage;
    let asked = if coverage.asked_for {
        ""
    } else {
        " (no ring asks for it)"
    };
    text.heading(&format!(
        "Coverage by {}{asked}: hosts of each kind in each ring",
        coverage.by.join(", ")
    ));
    let mut strata: Vec<&StratumReport> = coverage.strata.iter().collect();
    strata.sort_by_key(|stratum| !stratum.unseen_before);
    let shown = &strata[..strata.len().min(STRATA)];
    let rings = &report.rings[..report.rings.len().min(COLUMNS)];
    let header: Vec<_> = rings
        .iter()
        .map(|ring| (cut(&ring.name, column(ring)), column(ring)))
        .collect();
    let name_width = name_width(report, rings, shown);
    text.row("kind", name_width, &header, "");
    for stratum in shown {
        let counts = rings.iter().zip(&stratum.in_rings).map(|(ring, &count)| {
            let shown = if count == 0 {
                ".".to_owned()
            } else {
                count.to_string()
            };
            (shown, column(ring))
        });
        let note = if stratum.unseen_before {
            format!(
                "first met in {}",
                cut(&report.rings[stratum.first_ring].name, NOTE)
            )
        } else {
            String::new()
        };
        text.row(
            &stratum.stratum,
            name_width,
            &counts.collect::<Vec<_>>(),
            &note,
        );
    }
    if strata.len() > shown.len() {
        text.item(
            "",
            &format!("... and {} more kinds", strata.len() - shown.len()),
        );
    }
    if report.rings.len() > rings.len() {
        text.item(
            "",
            &format!(
                "(the first {} of {} rings)",
                rings.len(),
                report.rings.len()
            ),
        );
    }
}

/// The width of a ring's column.
fn column(ring: &RingReport) -> usize {
    ring.name.chars().count().clamp(5, 9)
}

/// What is left for names when the columns and the notes have their place.
fn name_width(report: &PlanReport, rings: &[RingReport], shown: &[&StratumReport]) -> usize {
    let columns: usize = rings.iter().map(|ring| column(ring) + 2).sum();
    let longest = report
        .rings
        .iter()
        .map(|ring| ring.name.chars().count())
        .max()
        .unwrap_or(0);
    let note = "  first met in ".len() + longest.min(NOTE);
    let widest = shown
        .iter()
        .map(|stratum| stratum.stratum.chars().count())
        .max()
        .unwrap_or(0);
    // At most 6 columns of 11 and a note of 29 leave three more than the narrowest name that says anything.
    widest.clamp(1, WIDTH.saturating_sub(columns + note + 2).max(1))
}
