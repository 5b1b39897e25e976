//! `calendar`: when work may run on the hosts of a plan, by this machine's time zone database. Reads documents; changes
//! nothing.

use std::collections::BTreeMap;

use ringway_calendar::{Because, Intervals, Opening, State};
use ringway_model::{Slot, Span, Timestamp};
use serde::Serialize;

use crate::args::Calendar;
use crate::clock;
use crate::documents;
use crate::exit::{End, Failure, Outcome};
use crate::out::Out;
use crate::show::{in_words, put};

/// Host names shown for one rule.
const NAMES: usize = 8;

/// What is asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Told {
    policy: String,
    /// The time zone database's version.
    zones: String,
    from: Timestamp,
    until: Timestamp,
    rules: Vec<Rule>,
}

/// Hosts of a ring on which work may run at the same times.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Rule {
    ring: String,
    hosts: Vec<String>,
    zone: String,
    /// Whether nothing limits them.
    always: bool,
    open: Vec<Stretch>,
    frozen: Vec<Stretch>,
}

/// From one instant until before another, also on the clock of the hosts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Stretch {
    from: Timestamp,
    until: Timestamp,
    from_local: String,
    until_local: String,
    /// What a freeze is called, and why.
    #[serde(skip_serializing_if = "String::is_empty")]
    what: String,
}

/// `ringway calendar`.
pub(crate) fn calendar(out: Out, args: &Calendar) -> Outcome {
    let prepared = documents::prepare(out, &args.planned)?;
    for host in &args.host {
        crate::asking::host(&prepared.fleet, host)?;
    }
    let plan = &prepared.plan;
    let zones = ringway_runtime::zones_of_plan(plan).map_err(|e| Failure::new(End::Invalid, e))?;
    let from = args.from.unwrap_or_else(clock::now);
    let until = from + Span::hours(24 * u64::from(args.days));
    let mut told = Told {
        policy: plan.policy.clone(),
        zones: zones.version().to_owned(),
        from,
        until,
        rules: Vec::new(),
    };
    for ring in &plan.rings {
        let mut hosts: BTreeMap<Option<u32>, Vec<String>> = BTreeMap::new();
        for index in ring.slots() {
            let name = &prepared.fleet.hosts[plan.slots[index].host.index()].name;
            if args.host.is_empty() || args.host.contains(name) {
                let number = plan.times.of(Slot::at(index));
                hosts.entry(number).or_default().push(name.clone());
            }
        }
        for (number, mut hosts) in hosts {
            hosts.sort();
            let rule = match number {
                None => Rule {
                    ring: ring.name.clone(),
                    hosts,
                    zone: String::new(),
                    always: true,
                    open: Vec::new(),
                    frozen: Vec::new(),
                },
                Some(number) => {
                    let table = &plan.times.tables[number as usize];
                    let opening =
                        Opening::new(table, &zones).map_err(|e| Failure::new(End::Invalid, e))?;
                    rule(ring.name.clone(), hosts, &opening, (from, until))
                }
            };
            told.rules.push(rule);
        }
    }
    if !args.host.is_empty() && told.rules.is_empty() {
        let why = format!("no ring of policy `{}` has that host", plan.policy);
        return Err(Failure::new(End::Invalid, why));
    }
    out.value(&told, text);
    Ok(End::Done)
}

fn rule(
    ring: String,
    hosts: Vec<String>,
    opening: &Opening<'_>,
    (from, until): (Timestamp, Timestamp),
) -> Rule {
    let stretch = |start: Timestamp, end: Timestamp, what: String| Stretch {
        from: start,
        until: end,
        from_local: local(opening, start),
        until_local: local(opening, end),
        what,
    };
    let open = opening.open(from, until);
    let closed = Intervals::whole(from, until).difference(&open);
    let mut frozen = Vec::new();
    for interval in &closed {
        let mut at = interval.start;
        while at < interval.end {
            let State::Closed { because, .. } = opening.at(at) else {
                break;
            };
            let ends = because.iter().filter_map(|one| match one {
                Because::Freeze { until, .. } => Some(*until),
                Because::Windows { .. } => None,
            });
            // A freeze may begin while a window is closed: looked at again where the next thing changes.
            let Some(end) = ends.max() else {
                break;
            };
            let end = end.min(interval.end);
            frozen.push(stretch(at, end, words(&because)));
            at = end;
        }
    }
    Rule {
        ring,
        hosts,
        zone: opening.timetable().zone.to_string(),
        always: false,
        open: open
            .iter()
            .map(|one| stretch(one.start, one.end, String::new()))
            .collect(),
        frozen,
    }
}

fn words(because: &[Because]) -> String {
    let named = because.iter().filter_map(|one| match one {
        Because::Freeze { name, reason, .. } if reason.is_empty() => Some(name.clone()),
        Because::Freeze { name, reason, .. } => Some(format!("{name}: {reason}")),
        Because::Windows { .. } => None,
    });
    named.collect::<Vec<_>>().join(", ")
}

/// What the hosts' clock shows; its zone is told once.
fn local(opening: &Opening<'_>, at: Timestamp) -> String {
    let text = opening.on_the_clock(at);
    text.rsplit_once(" (")
        .map_or_else(|| text.clone(), |(clock, _)| clock.to_owned())
}

fn text(told: &Told) -> String {
    let mut text = format!(
        "policy {}, from {} until {}; time zone database {}\n",
        told.policy, told.from, told.until, told.zones
    );
    for rule in &told.rules {
        let shown = rule
            .hosts
            .iter()
            .take(NAMES)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        let more = rule.hosts.len().saturating_sub(NAMES);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        put(&mut text, format_args!("\n{}: {shown}{more}", rule.ring));
        if rule.always {
            text.push_str("\n  at any time\n");
            continue;
        }
        put(
            &mut text,
            format_args!("   on the clock of {}\n", rule.zone),
        );
        if rule.open.is_empty() {
            text.push_str("  never in this time\n");
        }
        let lines = rule.open.iter().chain(&rule.frozen);
        let mut lines: Vec<&Stretch> = lines.collect();
        lines.sort_by_key(|line| (line.from, line.until));
        for line in lines {
            let what = if line.what.is_empty() {
                "open  ".to_owned()
            } else {
                "frozen".to_owned()
            };
            let length = in_words(line.until.since(line.from));
            put(
                &mut text,
                format_args!(
                    "  {what}  {} to {}   {length}{}{}\n",
                    line.from_local,
                    line.until_local,
                    if line.what.is_empty() { "" } else { "   " },
                    line.what
                ),
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use ringway_calendar::{Timetable, Zones};

    use super::*;

    #[test]
    fn what_is_always_open_has_one_stretch_and_no_freeze() {
        let (table, zones) = (Timetable::always(), Zones::utc());
        let opening = Opening::new(&table, &zones).unwrap();
        let day = (Timestamp(0), Timestamp(86_400_000));
        let rule = rule("r".to_owned(), Vec::new(), &opening, day);
        assert_eq!((rule.open.len(), rule.frozen.len()), (1, 0));
        assert_eq!(rule.open[0].from_local, "thu 1970-01-01 00:00");
    }
}
