//! The table of strata: which ring has how many hosts of each.

use ringway_model::canonical_value;

use super::parts::{Coverage, PlanReport, RingReport, StratumReport};
use crate::fleet::NONE;
use crate::text::{Text, WIDTH, cut};

/// Strata shown; those that nothing was learned about come first.
const STRATA: usize = 24;
/// Columns that names of strata have at the least: rings that leave less are not shown.
const NAMES: usize = 24;
/// Spaces between columns.
const GAP: usize = 2;
/// The longest name of a ring in a note.
const NOTE: usize = 14;

/// Writes the table.
pub(super) fn table(text: &mut Text, report: &PlanReport) {
    let coverage = &report.coverage;
    let by_group = coverage.is_by_groups();
    if by_group && coverage.strata.len() < 2 {
        text.heading("Coverage: nothing tells kinds of hosts apart");
        text.item(
            "",
            "no ring has a `cover`, and neither labels `role` and `os` nor groups of the fleet say more",
        );
        return;
    }
    heading(text, coverage);
    let briefly = if by_group { of_group } else { briefly };
    let mut strata: Vec<&StratumReport> = coverage.strata.iter().collect();
    strata.sort_by_key(|stratum| !stratum.unseen_before);
    let shown = &strata[..strata.len().min(STRATA)];
    let rings = fitting(report);
    let header: Vec<_> = rings
        .iter()
        .map(|ring| (cut(&ring.name, column(ring)), column(ring)))
        .collect();
    let names = shown.iter().map(|stratum| briefly(&stratum.stratum));
    let name_width = name_width(report, rings, names);
    text.row("stratum", name_width, &header, "");
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
            &briefly(&stratum.stratum),
            name_width,
            &counts.collect::<Vec<_>>(),
            &note,
        );
    }
    if strata.len() > shown.len() {
        text.item(
            "",
            &format!("... and {} more strata", strata.len() - shown.len()),
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

fn heading(text: &mut Text, coverage: &Coverage) {
    let asked = if coverage.asked_for {
        ""
    } else {
        " (no ring asks for it)"
    };
    let by = if coverage.is_by_groups() {
        "the fleet's groups".to_owned()
    } else {
        coverage.by.join(", ")
    };
    text.heading(&format!(
        "Coverage by {by}{asked}: hosts of each stratum in each ring"
    ));
}

/// How imported groups are called as labels.
const GROUP: &str = "group.";

/// A group of the fleet as the table names it: its name, without the word that stands where other strata have a label.
fn of_group(stratum: &str) -> String {
    match stratum.split_once('=') {
        Some((_, NONE)) | None => "(in no group)".to_owned(),
        Some((_, group)) => group.to_owned(),
    }
}

/// A stratum as the table has room for it: of the groups of an inventory those that its hosts are in, `web` for `group.web=true`
/// beside `group.db=(none)`.
fn briefly(stratum: &str) -> String {
    let part = |part: &str| -> Option<String> {
        match part
            .strip_prefix(GROUP)
            .and_then(|group| group.split_once('='))
        {
            Some((_, "(none)")) => None,
            Some((group, value)) if canonical_value(value) == "true" => Some(group.to_owned()),
            Some(_) | None => Some(part.to_owned()),
        }
    };
    let parts: Vec<String> = stratum.split(' ').filter_map(part).collect();
    if parts.is_empty() {
        "(in none of these groups)".to_owned()
    } else {
        parts.join(" ")
    }
}

/// The width of a ring's column.
fn column(ring: &RingReport) -> usize {
    ring.name.chars().count().clamp(5, 9)
}

/// The rings that fit beside one another.
fn fitting(report: &PlanReport) -> &[RingReport] {
    let mut left = WIDTH - NAMES - note_width(report);
    let fits = report.rings.iter().take_while(|ring| {
        let fits = column(ring) + GAP <= left;
        left = left.saturating_sub(column(ring) + GAP);
        fits
    });
    let count = fits.count();
    &report.rings[..count]
}

/// Indent, gap and note.
fn note_width(report: &PlanReport) -> usize {
    let longest = report
        .rings
        .iter()
        .map(|ring| ring.name.chars().count())
        .max()
        .unwrap_or(0);
    GAP + GAP + "first met in ".len() + longest.min(NOTE)
}

/// What is left for names when the columns and the notes have their place, as far as it is needed.
fn name_width(
    report: &PlanReport,
    rings: &[RingReport],
    shown: impl Iterator<Item = String>,
) -> usize {
    let columns: usize = rings.iter().map(|ring| column(ring) + GAP).sum();
    let widest = shown.map(|name| name.chars().count()).max().unwrap_or(0);
    let left = WIDTH - columns - note_width(report);
    widest.max("stratum".len()).min(left)
}
