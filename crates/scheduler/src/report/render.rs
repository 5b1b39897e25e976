//! The report as text: no colour, at most 100 columns, long lists shortened.

use ringway_model::Span;
use ringway_policy::validated::{NotBy, RingSpread};

use super::parts::{ApprovalReport, AvailabilityReport, CellReport, PlanReport, RingReport};
use super::text::Text;
use crate::words::{counted, hosts, shortened};

/// Host names shown for one group of one ring.
const NAMES: usize = 6;
/// Strata shown; those that nothing was learned about come first.
const STRATA: usize = 24;
/// Rings that fit beside one another in a table.
const COLUMNS: usize = 6;

/// Writes a report as text.
pub fn render(report: &PlanReport) -> String {
    let mut text = Text::default();
    head(&mut text, report);
    warnings(&mut text, report);
    for (at, ring) in report.rings.iter().enumerate() {
        one_ring(&mut text, report, at, ring);
    }
    coverage(&mut text, report);
    availability(&mut text, report);
    left_out(&mut text, report);
    foot(&mut text, report);
    text.finish()
}

fn names(of: &[String], limit: usize) -> String {
    shortened(of.iter().map(String::as_str), of.len(), limit)
}

fn head(text: &mut Text, report: &PlanReport) {
    text.heading(&format!(
        "Plan {}: update `{}` under policy `{}`",
        report.plan.short(),
        report.update,
        report.policy
    ));
    let mut who = format!(
        "{} of fleet `{}` ({} in all)",
        counted(report.targets, "target"),
        report.fleet,
        hosts(report.fleet_hosts)
    );
    if !report.not_applicable.is_empty() {
        who.push_str(&format!(
            "; {} more that `applies_to` matches have no release",
            report.not_applicable.len()
        ));
    }
    text.entry("hosts", &who);
    for route in &report.routes {
        let build = route
            .build
            .as_ref()
            .map(|build| format!(" {build}"))
            .unwrap_or_default();
        let care = route
            .care
            .as_ref()
            .map(|care| format!(", care `{care}`"))
            .unwrap_or_default();
        let steps: Vec<_> = route.steps.iter().map(|step| step.word()).collect();
        let back = if route.can_roll_back {
            ""
        } else {
            "; no rollback"
        };
        text.entry(
            "installs",
            &format!(
                "{}{build} on {} by recipe `{}`{care}: {}{back}",
                route.release,
                hosts(route.hosts),
                route.recipe,
                steps.join(", ")
            ),
        );
    }
    if let Some(wanted) = &report.start {
        text.entry(
            "start",
            &format!("needs {}", approval(wanted, report.author.as_deref())),
        );
    }
    text.entry("pace", &pace(report));
    if report.gates.is_empty() {
        text.entry("gates", "none");
    }
    for gate in &report.gates {
        text.entry(
            "gate",
            &format!(
                "`{}`: a host whose probe `{}` is down for {} is unhealthy and counts as failed; \
                 {} of a ring must report",
                gate.name, gate.probe, gate.down_for_ms, gate.min_reporting
            ),
        );
    }
    text.entry(
        "takes",
        &format!(
            "at least {} (see the end for what is assumed)",
            about(report.estimate.total_ms)
        ),
    );
}

fn pace(report: &PlanReport) -> String {
    let pace = &report.pace;
    let mut words = format!(
        "at most {} at once",
        counted(pace.at_once as usize, "visit")
    );
    if pace.ramp && pace.at_once > 1 {
        words.push_str(&format!(
            ", from 1 and doubled as hosts stay healthy for {}; a failure stops the growth",
            pace.settle_ms
        ));
    } else {
        words.push_str(&format!(
            "; a host counts when it stays healthy for {}",
            pace.settle_ms
        ));
    }
    if let Some(down) = pace.budget_down {
        words.push_str(&format!(
            "; at most {down} of {} down",
            counted(report.targets, "target")
        ));
    }
    if pace.retries > 0 {
        words.push_str(&format!(
            "; a failed step is tried {} more, after {}{}",
            if pace.retries == 1 {
                "once".to_owned()
            } else {
                format!("{} times", pace.retries)
            },
            pace.retry_wait_ms,
            if pace.retries > 1 {
                ", doubled each time"
            } else {
                ""
            }
        ));
    }
    words
}

fn warnings(text: &mut Text, report: &PlanReport) {
    if report.warnings.is_empty() {
        return;
    }
    text.heading(&format!(
        "Look at this first ({})",
        counted(report.warnings.len(), "warning")
    ));
    for warning in &report.warnings {
        text.item("! ", &warning.message);
        text.item("  ", &format!("hint: {}", warning.hint));
    }
}

fn one_ring(text: &mut Text, report: &PlanReport, at: usize, ring: &RingReport) {
    text.heading(&format!(
        "Ring {} of {}: {} ({})",
        at + 1,
        report.rings.len(),
        ring.name,
        hosts(ring.hosts)
    ));
    if let Some(asks) = &ring.asks {
        text.entry("asks for", asks);
    }
    if let Some(difference) = difference(ring) {
        text.entry("", &difference);
    }
    for group in &ring.groups {
        let after: Vec<_> = group
            .after
            .iter()
            .map(|after| {
                let across = if after.across_rings {
                    " (earlier rings too)"
                } else {
                    ""
                };
                format!("{}{across}", after.group)
            })
            .collect();
        let waits = if after.is_empty() {
            String::new()
        } else {
            format!(", after {}", after.join(", "))
        };
        text.entry(
            if group == &ring.groups[0] {
                "in order"
            } else {
                ""
            },
            &format!(
                "{} ({}{waits}): {}",
                group.group.as_deref().unwrap_or("no group"),
                group.hosts.len(),
                names(&group.hosts, NAMES)
            ),
        );
    }
    if ring.hosts > 0 {
        text.entry("halts", &halts(ring));
        let estimate = ring.estimate;
        let kept = match ring.debt_allowed {
            0 => "only when none of its hosts is offline or held".to_owned(),
            debt => format!("with at most {debt} of its hosts offline or held"),
        };
        text.entry(
            "goes on",
            &format!("after {} of soak, {kept}", ring.soak_ms),
        );
        if let Some(wanted) = &ring.after_soak {
            text.entry(
                "",
                &format!("and {}", approval(wanted, report.author.as_deref())),
            );
        }
        text.entry(
            "earliest",
            &format!(
                "starts after {}, all settled after {}, soaked after {}",
                about(estimate.starts_ms),
                about(estimate.settled_ms),
                about(estimate.ends_ms)
            ),
        );
    }
}

/// Why a ring has another number of hosts than its `take`.
fn difference(ring: &RingReport) -> Option<String> {
    let take = ring.take? as usize;
    if ring.hosts > take {
        Some(format!(
            "{} more than that, because of strata to cover or of hosts that belong together",
            ring.hosts - take
        ))
    } else if ring.hosts < take {
        Some(format!(
            "{} fewer than that: no more are left for it",
            take - ring.hosts
        ))
    } else {
        None
    }
}

fn halts(ring: &RingReport) -> String {
    match ring.halts_on {
        None => "on no number of failures".to_owned(),
        Some(limit) => {
            let by = ring
                .halts_by
                .as_ref()
                .map(|by| format!(" ({by})"))
                .unwrap_or_default();
            let never = if limit as usize > ring.hosts {
                ", so never"
            } else {
                ""
            };
            format!("on failure no. {limit}{by}{never}")
        }
    }
}

fn approval(wanted: &ApprovalReport, author: Option<&str>) -> String {
    let mut words = counted(usize::from(wanted.needed), "approval");
    if wanted.by.is_empty() {
        words.push_str(" by anybody");
    } else {
        let people: Vec<String> = wanted.people.iter().cloned().collect();
        words.push_str(&format!(
            " by {} ({})",
            wanted.by.join(", "),
            names(&people, NAMES)
        ));
    }
    for not_by in &wanted.not_by {
        match not_by {
            NotBy::PolicyAuthor => {
                let author = author.map(|name| format!(" {name}")).unwrap_or_default();
                words.push_str(&format!(", not by the policy's author{author}"));
            }
            NotBy::Starter => words.push_str(", not by who starts it"),
        }
    }
    words
}

fn coverage(text: &mut Text, report: &PlanReport) {
    let coverage = &report.coverage;
    text.heading(&format!(
        "Coverage by {}{}: hosts of each kind in each ring",
        coverage.by.join(", "),
        if coverage.asked_for {
            ""
        } else {
            " (no ring asks for it)"
        }
    ));
    let mut strata: Vec<_> = coverage.strata.iter().collect();
    strata.sort_by_key(|stratum| !stratum.unseen_before);
    let shown = &strata[..strata.len().min(STRATA)];
    let rings = &report.rings[..report.rings.len().min(COLUMNS)];
    let numbers: usize = rings
        .iter()
        .map(|ring| ring.name.chars().count().clamp(5, 9) + 2)
        .sum();
    let last = report
        .rings
        .iter()
        .map(|ring| ring.name.chars().count())
        .max()
        .unwrap_or(0);
    let last = last.min(14) + "first met in ".len();
    let widest = shown
        .iter()
        .map(|s| s.stratum.chars().count())
        .max()
        .unwrap_or(0);
    let name_width = widest.clamp(7, 96 - numbers - last);
    let header: Vec<_> = rings
        .iter()
        .map(|ring| {
            let width = ring.name.chars().count().clamp(5, 9);
            (super::text::cut(&ring.name, width), width)
        })
        .collect();
    text.row("stratum", name_width, &header, "");
    for stratum in shown {
        let counts: Vec<_> = header
            .iter()
            .zip(&stratum.in_rings)
            .map(|((_, width), &count)| {
                (
                    if count == 0 {
                        ".".to_owned()
                    } else {
                        count.to_string()
                    },
                    *width,
                )
            })
            .collect();
        let first = super::text::cut(&report.rings[stratum.first_ring].name, 14);
        let note = if stratum.unseen_before {
            format!("first met in {first}")
        } else {
            String::new()
        };
        text.row(&stratum.stratum, name_width, &counts, &note);
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

fn availability(text: &mut Text, report: &PlanReport) {
    if report.availability.is_empty() {
        return;
    }
    text.heading("Redundant peers");
    for group in &report.availability {
        text.entry(&group.group, &peers(group));
    }
}

fn peers(group: &AvailabilityReport) -> String {
    let cells = &group.cells;
    let range = |of: fn(&CellReport) -> u32| {
        let (low, high) = cells
            .iter()
            .map(of)
            .fold((u32::MAX, 0), |(low, high), n| (low.min(n), high.max(n)));
        if low == high {
            high.to_string()
        } else {
            format!("{low}-{high}")
        }
    };
    let members = range(|cell| u32::try_from(cell.members).unwrap_or(u32::MAX));
    let mut words = match &cells[..] {
        [one] => format!("{} with {} members", one.name, members),
        _ => format!("{} availability groups of {members} members", cells.len()),
    };
    if let Some(keep_up) = cells.iter().find_map(|cell| cell.keep_up.as_ref()) {
        words.push_str(&format!(
            ": {} must stay up (probe `{}`, not older than {}), at most {} down",
            range(|cell| cell
                .keep_up
                .as_ref()
                .map_or(0, |keep_up| keep_up.must_stay_up)),
            keep_up.probe,
            keep_up.fresh_ms,
            range(|cell| cell
                .keep_up
                .as_ref()
                .map_or(0, |keep_up| keep_up.down_at_most)),
        ));
    }
    match group.rings {
        RingSpread::Any => {}
        RingSpread::Apart => {
            let apart = cells.iter().filter(|cell| cell.is_apart).count();
            words.push_str(&format!("; {apart} of {} in different rings", cells.len()));
        }
        RingSpread::Together => words.push_str("; each in one ring"),
    }
    words
}

fn left_out(text: &mut Text, report: &PlanReport) {
    if report.not_applicable.is_empty() && report.unclaimed.is_empty() {
        return;
    }
    text.heading("Left out");
    for (key, why, left) in [
        ("no release", "no release for", &report.not_applicable),
        ("no ring", "no ring claims", &report.unclaimed),
    ] {
        if !left.is_empty() {
            text.entry(
                key,
                &format!("{why} {}: {}", hosts(left.len()), names(left, NAMES)),
            );
        }
    }
}

fn foot(text: &mut Text, report: &PlanReport) {
    text.heading("How long it takes at the least");
    let assumed: Vec<_> = report
        .estimate
        .assumed_ms
        .iter()
        .map(|(step, span)| format!("{} {span}", step.word()))
        .collect();
    text.item(
        "",
        &format!(
            "Assumed: nothing fails, everybody is reachable and approves at once, every step runs \
             and takes its time ({}) or its own limit, whichever is shorter.",
            assumed.join(", ")
        ),
    );
    text.heading(&format!(
        "Plan {} with seed {}, made from",
        report.plan, report.seed
    ));
    for (document, digest) in &report.documents {
        text.item("", &format!("{document} ({})", digest.short()));
    }
}

/// A span as precise as an estimate deserves: minutes above ten minutes, hours above two days; rounded up.
fn about(span: Span) -> Span {
    let unit = if span <= Span::minutes(10) {
        Span::seconds(1)
    } else if span <= Span::hours(48) {
        Span::minutes(1)
    } else {
        Span::hours(1)
    };
    unit.times(span.millis().div_ceil(unit.millis()))
}
