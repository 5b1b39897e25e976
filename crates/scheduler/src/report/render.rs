//! The report as text: no colour, at most 100 columns, long lists shortened.

use std::collections::BTreeMap;

use ringway_model::{Effect, Span, StepKind};
use ringway_policy::validated::{NotBy, OUTSIDE_PAUSE_AT, Restart, RingSpread};

use super::parts::{
    AfterReport, ApprovalReport, AvailabilityReport, CellReport, LaneReport, NoTimeReport,
    PaceReport, PlanReport, RingReport, TimesReport, Warning,
};
use super::{evidence, recovery, strata};
use crate::text::Text;
use crate::words::{counted, hosts, push, shortened};

/// Groups shown of one ring.
const GROUPS: usize = 16;
/// Host names shown for one group of one ring.
const NAMES: usize = 6;

/// Writes a report as text.
pub fn render(report: &PlanReport) -> String {
    let mut text = Text::default();
    head(&mut text, report);
    warnings(&mut text, report);
    for (at, ring) in report.rings.iter().enumerate() {
        one_ring(&mut text, report, at, ring);
    }
    strata::table(&mut text, report);
    evidence::render(&mut text, report);
    availability(&mut text, report);
    left_out(&mut text, report);
    advisories(&mut text, report);
    foot(&mut text, report);
    text.finish()
}

/// What its document says of the update: for the people who approve, and decided on by nobody else.
fn about_update(text: &mut Text, report: &PlanReport) {
    let severity = report
        .severity
        .iter()
        .map(|severity| format!("severity {severity}"));
    let released = report.released.iter().map(|at| format!("released {at}"));
    let replaces = (!report.supersedes.is_empty())
        .then(|| format!("takes the place of {}", names(&report.supersedes, 8)));
    let parts: Vec<String> = severity.chain(released).chain(replaces).collect();
    if !parts.is_empty() {
        text.entry("update", &parts.join(", "));
    }
}

fn names(of: &[String], limit: usize) -> String {
    shortened(of.iter().map(String::as_str), of.len(), limit)
}

#[expect(clippy::too_many_lines, reason = "it is read as one list")]
fn head(text: &mut Text, report: &PlanReport) {
    text.heading(&format!(
        "Plan {}: update `{}` under policy `{}`{}",
        report.plan.short(),
        report.update,
        report.policy,
        report
            .lane
            .as_ref()
            .map_or_else(String::new, |lane| format!(" in lane `{}`", lane.name))
    ));
    let mut who = format!(
        "{} of fleet `{}` ({} in all)",
        counted(report.targets, "target"),
        report.fleet,
        hosts(report.fleet_hosts)
    );
    if !report.not_applicable.is_empty() {
        push(
            &mut who,
            format_args!(
                "; {} more that `applies_to` matches have no release",
                report.not_applicable.len()
            ),
        );
    }
    text.entry("hosts", &who);
    about_update(text, report);
    if let Some(of) = &report.lane {
        lane(text, of);
    }
    installs(text, report);
    if let Some(wanted) = &report.start {
        text.entry(
            "start",
            &format!("needs {}", approval(wanted, report.author.as_deref())),
        );
    }
    if let Some(wanted) = &report.unpoison {
        text.entry(
            "unpoison",
            &format!("needs {}", approval(wanted, report.author.as_deref())),
        );
    }
    if let Some(of) = &report.recovery {
        text.entry("recovery", &recovery::in_words(of));
    }
    text.entry("pace", &pace_in_words(&report.pace, Some(report.targets)));
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
    for gate in &report.external {
        text.entry(
            "gate",
            &format!(
                "`{}` is asked at the controller, every {}: no visit begins and no ring is promoted unless it says open",
                gate.name, gate.every_ms
            ),
        );
    }
    if report.freeze_override {
        text.entry(
            "freezes",
            "people may let work run in one, if they say why (`ringway override-freeze`)",
        );
    }
    let whole = about(report.estimate.total_ms);
    text.entry(
        "lasts",
        &format!("about {whole} if all goes well (what is assumed stands at the end)"),
    );
    whole_when(text, report);
}

/// What the lane is for, and what of the policy's times it changes; soaks are told ring by ring.
fn lane(text: &mut Text, lane: &LaneReport) {
    text.entry(
        "lane",
        &format!(
            "`{}`, for updates of which holds: {}",
            lane.name, lane.allowed_when
        ),
    );
    if lane.ignores_windows {
        let binding: Vec<String> = lane.binding_windows.iter().cloned().collect();
        let but = if binding.is_empty() {
            String::new()
        } else {
            format!(", but for {}, which are binding", names(&binding, NAMES))
        };
        text.entry("", &format!("windows do not count{but}"));
    }
    if lane.overrides_freezes {
        let binding: Vec<String> = lane.binding_freezes.iter().cloned().collect();
        let but = if binding.is_empty() {
            String::new()
        } else {
            format!(", but not in {}, which is binding", names(&binding, NAMES))
        };
        let words = format!("works in freezes where somebody gives a reason{but}");
        text.entry("", &words);
    }
}

/// What a ring's soak is without the lane, where that is something else.
fn without_lane(report: &PlanReport, at: usize, ring: &RingReport) -> String {
    let without = report.lane.as_ref().and_then(|lane| lane.without.get(at));
    let Some(without) = without else {
        return String::new();
    };
    let mut parts = Vec::new();
    if without.soak_ms != ring.soak_ms {
        parts.push(format!("{} without the lane", without.soak_ms));
    }
    if without.working_ms != ring.working_ms
        && let Some(time) = without.working_ms
    {
        parts.push(format!("{time} of it in working time"));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}

/// When all of it can be done by the calendar, and by when it is to be.
fn whole_when(text: &mut Text, report: &PlanReport) {
    if let Some(when) = &report.when {
        let words = match &when.finish_local {
            Some(at) => format!("at the earliest {at}, where it starts at {}", when.from),
            None => format!(
                "never, as far as the calendar is known: {} within 400 days of {}",
                when.no_time
                    .as_ref()
                    .map_or_else(|| "no ring has any time".to_owned(), NoTimeReport::words),
                when.from
            ),
        };
        text.entry("finished", &words);
    }
    let Some(due) = &report.due else { return };
    let after = match due.released {
        Some(released) => format!("its release ({released})"),
        None => "the start".to_owned(),
    };
    let mut words = format!("within {} of {after}, says `{}`", due.within_ms, due.by);
    if let Some(when) = &report.when {
        if let Some(at) = &when.due_local {
            push(&mut words, format_args!(": {at}"));
        }
        if when.finish.is_none_or(|finish| Some(finish) > when.due) {
            words.push_str("; IT WILL BE MISSED");
        }
    }
    text.entry("due", &words);
}

/// What is installed on how many hosts, and by which steps.
/// What vendors say of the releases, where they say something, and which of these no host has.
fn vendor(text: &mut Text, report: &PlanReport) {
    for release in report.releases.iter().filter(|release| release.hosts > 0) {
        let restart = release.restart.map(|restart| match restart {
            Restart::Never => "no restart".to_owned(),
            Restart::Maybe => "may need a restart".to_owned(),
            Restart::Always => "needs a restart".to_owned(),
        });
        let hotpatch = release.hotpatch.then(|| "a hotpatch".to_owned());
        let cves = (!release.cves.is_empty()).then(|| {
            let of = release.cves.iter().map(|(severity, count)| {
                let severity = if severity.is_empty() {
                    "without severity"
                } else {
                    severity
                };
                format!("{count} {severity}")
            });
            let of: Vec<String> = of.collect();
            format!(
                "mends CVEs: {} ({} exploited)",
                of.join(", "),
                release.exploited
            )
        });
        let replaces = (!release.supersedes.is_empty())
            .then(|| format!("takes the place of {}", names(&release.supersedes, 8)));
        let said: Vec<String> = hotpatch
            .into_iter()
            .chain(restart)
            .chain(cves)
            .chain(replaces)
            .collect();
        if !said.is_empty() {
            text.entry("", &format!("{}: {}", release.id, said.join("; ")));
        }
    }
    let unused = report.releases.iter().filter(|release| release.hosts == 0);
    let unused: Vec<String> = unused
        .map(|release| format!("{} ({})", release.id, release.select))
        .collect();
    if !unused.is_empty() {
        text.entry("", &format!("on no host: {}", names(&unused, 8)));
    }
}

fn installs(text: &mut Text, report: &PlanReport) {
    let mut releases: BTreeMap<String, usize> = BTreeMap::new();
    let mut ways: BTreeMap<String, usize> = BTreeMap::new();
    for route in &report.routes {
        let build = route
            .build
            .as_ref()
            .map(|build| format!(" {build}"))
            .unwrap_or_default();
        *releases
            .entry(format!("{}{build}", route.release))
            .or_default() += route.hosts;
        let care = route
            .care
            .as_ref()
            .map(|care| format!(" with care `{care}`"))
            .unwrap_or_default();
        let step = |step: &StepKind| match route.about.get(step) {
            Some(about) => format!("{step} ({about})"),
            None => step.to_string(),
        };
        let steps: Vec<_> = route.steps.iter().map(step).collect();
        let back = if route.can_roll_back {
            ""
        } else {
            "; no rollback"
        };
        let way = format!(
            "recipe `{}`{care}: {}{back}",
            route.recipe,
            steps.join(", ")
        );
        *ways.entry(way).or_default() += route.hosts;
    }
    for (at, (release, count)) in releases.into_iter().enumerate() {
        let key = if at == 0 { "installs" } else { "" };
        text.entry(key, &format!("{release} on {}", hosts(count)));
    }
    vendor(text, report);
    for (at, (way, count)) in ways.into_iter().enumerate() {
        text.entry(
            if at == 0 { "by" } else { "" },
            &format!("{way} ({})", hosts(count)),
        );
    }
}

/// How fast, how many may be down of how many (where that is to be said), and what is repeated.
pub(crate) fn pace_in_words(pace: &PaceReport, targets: Option<usize>) -> String {
    let mut words = format!(
        "at most {} at once",
        counted(pace.at_once as usize, "visit")
    );
    if pace.ramp && pace.at_once > 1 {
        push(
            &mut words,
            format_args!(
                ", from 1 and doubled as hosts stay healthy for {}; a failure stops the growth",
                pace.settle_ms
            ),
        );
    } else {
        push(
            &mut words,
            format_args!(
                "; a host counts when it stays healthy for {}",
                pace.settle_ms
            ),
        );
    }
    if let Some(down) = pace.budget_down {
        push(&mut words, format_args!("; at most {down}"));
        if let Some(targets) = targets {
            push(
                &mut words,
                format_args!(" of {}", counted(targets, "target")),
            );
        }
        words.push_str(" down");
    }
    if pace.outside_pause_at != OUTSIDE_PAUSE_AT {
        push(
            &mut words,
            format_args!(
                "; pauses when others changed more than {}",
                hosts(pace.outside_pause_at as usize)
            ),
        );
    }
    if pace.retries > 0 {
        push(
            &mut words,
            format_args!(
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
            ),
        );
    }
    words
}

fn warnings(text: &mut Text, report: &PlanReport) {
    if report.warnings.is_empty() {
        return;
    }
    text.heading(&format!(
        "Look at this first ({})",
        Warning::counted(&report.warnings)
    ));
    for warning in &report.warnings {
        let (mark, what, below) = warning.words();
        text.item(mark, &what);
        text.item("  ", &below);
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
    if let Some(differs) = &ring.differs {
        text.entry("", differs);
    }
    order(text, ring);
    for (at, one) in ring.times.iter().enumerate() {
        text.entry(if at == 0 { "work runs" } else { "" }, &times(one));
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
            &format!(
                "after {} of soak{}{}, {kept}",
                ring.soak_ms,
                working(ring),
                without_lane(report, at, ring)
            ),
        );
        if let Some(wanted) = &ring.after_soak {
            text.entry(
                "",
                &format!("and {}", approval(wanted, report.author.as_deref())),
            );
        }
        if let Some(early) = &ring.early {
            let rule = approval(&early.approvals, report.author.as_deref());
            let words = format!("after {} of it with {rule}", early.at_least_ms);
            text.entry("or early", &words);
        }
        let starts = match estimate.starts_ms {
            Span::ZERO => "at once".to_owned(),
            later => format!("after {}", about(later)),
        };
        text.entry(
            "when",
            &format!(
                "starts {starts}, all settled after {}, soaked after {}",
                about(estimate.settled_ms),
                about(estimate.ends_ms)
            ),
        );
        let rings = report.when.iter().flat_map(|when| &when.rings);
        if let Some(when) = rings.clone().find(|when| when.name == ring.name) {
            let words = format!(
                "from {} on, and goes on at {} at the earliest",
                when.starts_local, when.promoted_local
            );
            text.entry("calendar", &words);
        }
    }
}

/// How much of a soak must be working time.
fn working(ring: &RingReport) -> String {
    match (&ring.working_ms, &ring.working_hours) {
        (Some(time), Some(hours)) => format!(", {time} of it within {hours}"),
        _ => String::new(),
    }
}

/// When work may run on some hosts of a ring.
fn times(times: &TimesReport) -> String {
    let layers: Vec<String> = times
        .windows
        .iter()
        .map(|names| names.join(" or "))
        .collect();
    let mut words = match layers.as_slice() {
        [] => "at any time".to_owned(),
        layers => format!("in {}", layers.join(", and in ")),
    };
    if !times.freezes.is_empty() {
        push(
            &mut words,
            format_args!(", not in {}", names(&times.freezes, NAMES)),
        );
    }
    push(
        &mut words,
        format_args!(" ({}, {})", hosts(times.hosts), times.zone),
    );
    words
}

/// A ring's hosts by group, in the order they should start.
fn order(text: &mut Text, ring: &RingReport) {
    for (at, group) in ring.groups.iter().take(GROUPS).enumerate() {
        let first = |after: &AfterReport| {
            let across = if after.across_rings {
                " (earlier rings too)"
            } else {
                ""
            };
            format!("{}{across}", after.group)
        };
        let after: Vec<_> = group.after.iter().map(first).collect();
        let waits = if after.is_empty() {
            String::new()
        } else {
            format!(", after {}", names(&after, NAMES))
        };
        text.entry(
            if at == 0 { "in order" } else { "" },
            &format!(
                "{} ({}{waits}): {}",
                group.group.as_deref().unwrap_or("no group"),
                group.hosts.len(),
                names(&group.hosts, NAMES)
            ),
        );
    }
    more_groups(text, ring.groups.len());
}

fn more_groups(text: &mut Text, count: usize) {
    if count > GROUPS {
        text.entry("", &format!("... and {} more groups", count - GROUPS));
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
        let people = wanted.people.iter();
        let people: Vec<String> = people
            .map(|person| match wanted.deputies.get(person) {
                Some(team) if wanted.by.len() > 1 => format!("{person}, deputy in {team}"),
                Some(_) => format!("{person}, deputy"),
                None => person.clone(),
            })
            .collect();
        push(
            &mut words,
            format_args!(" by {} ({})", wanted.by.join(", "), names(&people, NAMES)),
        );
    }
    for not_by in &wanted.not_by {
        match not_by {
            NotBy::PolicyAuthor => {
                let author = author.map(|name| format!(" {name}")).unwrap_or_default();
                push(
                    &mut words,
                    format_args!(", not by the policy's author{author}"),
                );
            }
            NotBy::Starter => words.push_str(", not by who starts it"),
        }
    }
    if let Some(between) = &wanted.between {
        push(&mut words, format_args!(", only {between}"));
    }
    if let Some(expire) = wanted.expire_ms {
        push(&mut words, format_args!(", void after {expire}"));
    }
    words
}

fn availability(text: &mut Text, report: &PlanReport) {
    if report.availability.is_empty() {
        return;
    }
    text.heading("Redundant peers");
    for group in report.availability.iter().take(GROUPS) {
        text.entry(&group.group, &peers(group));
    }
    more_groups(text, report.availability.len());
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
        push(
            &mut words,
            format_args!(
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
            ),
        );
    }
    match group.rings {
        RingSpread::Any => {}
        RingSpread::Apart => {
            let apart = cells.iter().filter(|cell| cell.is_apart).count();
            push(
                &mut words,
                format_args!("; {apart} of {} in different rings", cells.len()),
            );
        }
        RingSpread::Together => words.push_str("; each in one ring"),
    }
    words
}

fn left_out(text: &mut Text, report: &PlanReport) {
    if report.not_applicable.is_empty()
        && report.unclaimed.is_empty()
        && report.exceptions.is_empty()
    {
        return;
    }
    text.heading("Left out");
    for (key, left) in [
        ("no release", &report.not_applicable),
        ("no ring", &report.unclaimed),
    ] {
        if !left.is_empty() {
            text.entry(
                key,
                &format!("{}: {}", hosts(left.len()), names(left, NAMES)),
            );
        }
    }
    for (label, values) in &report.left_out_by {
        let values = values.iter().map(|(value, count)| {
            let value = if value.is_empty() {
                "without it"
            } else {
                value
            };
            format!("{value} ({count})")
        });
        let values: Vec<String> = values.collect();
        text.entry("", &format!("by `{label}`: {}", names(&values, NAMES)));
    }
    for one in &report.exceptions {
        let days = one.ends_in_ms.map(|left| left.millis() / 86_400_000);
        let ends = match days {
            None => String::new(),
            Some(0) => " (ends within a day)".to_owned(),
            Some(1) => " (ends in 1 day)".to_owned(),
            Some(days) => format!(" (ends in {days} days)"),
        };
        text.entry(
            "excepted",
            &format!(
                "{}: {}; until {}{ends} by {} of {}: {} (approved by {})",
                hosts(one.hosts.len()),
                names(&one.hosts, NAMES),
                one.until,
                one.id,
                one.owner,
                one.reason,
                one.approved_by.join(", ")
            ),
        );
    }
}

fn advisories(text: &mut Text, report: &PlanReport) {
    if report.advisories.is_empty() {
        return;
    }
    text.heading("Advisories");
    for one in &report.advisories {
        let all = hosts(one.hosts.len());
        let mut words = match (one.effect, one.held) {
            (Effect::Note, _) => format!("{all} concerned: {}", names(&one.hosts, NAMES)),
            (Effect::Hold | Effect::Poison, 0) => format!(
                "nobody held, for it is a proposal; asks for `{}` on {all}: {}",
                one.effect,
                names(&one.hosts, NAMES)
            ),
            (Effect::Hold, _) => format!("{all} held: {}", names(&one.hosts, NAMES)),
            (Effect::Poison, _) => format!("{all} poisoned: {}", names(&one.hosts, NAMES)),
        };
        push(
            &mut words,
            format_args!("; by {} of {} ({})", one.id, one.source, one.rank),
        );
        if !one.unsure.is_empty() {
            push(
                &mut words,
                format_args!(
                    "; {} of them lack labels by which to tell",
                    one.unsure.len()
                ),
            );
        }
        if let Some(fix) = &one.fixed_by {
            push(&mut words, format_args!("; mended by {fix}"));
        }
        if let Some(says) = one.says.as_ref().and_then(|says| says.lines().next()) {
            push(&mut words, format_args!(": {says}"));
        }
        text.entry(one.rank.word(), &words);
    }
}

fn foot(text: &mut Text, report: &PlanReport) {
    text.heading("What the times assume");
    let assumed: Vec<_> = report
        .estimate
        .assumed_ms
        .iter()
        .map(|(step, span)| format!("{} {span}", step.word()))
        .collect();
    text.item(
        "",
        &format!(
            "Nothing fails, everybody is reachable and approves at once, {}every step \
             runs and takes its time ({}) or its own limit, whichever is shorter.",
            if report.when.is_some() {
                "external gates are open; spans are told as if work might run at any time, instants by the calendar; "
            } else {
                "work may run at any time, "
            },
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
pub(crate) fn about(span: Span) -> Span {
    let unit = if span <= Span::minutes(10) {
        Span::seconds(1)
    } else if span <= Span::hours(48) {
        Span::minutes(1)
    } else {
        Span::hours(1)
    };
    unit.times(span.millis().div_ceil(unit.millis()))
}
