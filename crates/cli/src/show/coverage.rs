//! What is known of the kinds of hosts to come, as `status` and whoever approves see it. Pure.

use ringway_engine::view::{CoverageView, StratumView};
use ringway_model::Timestamp;

use super::paint::{Paint, paint};
use super::words::{hosts, in_words, put, until};

/// Strata that are named; the others are counted.
const STRATA: usize = 6;

/// The lines of `status`: what keeps the next ring, or hosts of the open one.
pub(super) fn lines(view: &CoverageView, now: Timestamp) -> String {
    let mut text = String::new();
    let known = view.to_come.saturating_sub(count(&view.lacking));
    if view.to_come > 0 {
        put(
            &mut text,
            format_args!(
                "  evidence: {known} of {} strata to come are known well enough ({} and {} seen healthy each)\n",
                view.to_come,
                hosts(view.need_hosts),
                view.need_healthy_ms
            ),
        );
    }
    let next: Vec<&StratumView> = view.lacking.iter().filter(|one| one.is_next).collect();
    for one in next.iter().take(STRATA) {
        let line = format!(
            "lacks {} ({} of ring {} wait): {}",
            one.stratum,
            hosts(one.to_come),
            one.ring,
            known_of(view, one, now)
        );
        put(
            &mut text,
            format_args!("    {}\n", paint(Paint::Busy, &line)),
        );
    }
    if next.len() > STRATA {
        put(
            &mut text,
            format_args!("    ... and {} more strata\n", next.len() - STRATA),
        );
    }
    for one in &view.accepted {
        put(
            &mut text,
            format_args!(
                "    {} goes on untested, says {}: {}\n",
                one.stratum, one.by, one.reason
            ),
        );
    }
    text
}

/// The same in the few words there is room for beside a yes to a ring.
pub(super) fn in_short(view: &CoverageView, ring: &str, now: Timestamp) -> String {
    let lacking: Vec<&StratumView> = view.lacking.iter().filter(|one| one.ring == ring).collect();
    let accepted = match view.accepted.as_slice() {
        [] => String::new(),
        one => {
            let names: Vec<&str> = one.iter().map(|one| &*one.stratum).collect();
            format!("; accepted untested: {}", names.join(", "))
        }
    };
    let words = match lacking.as_slice() {
        [] => "met for every stratum of the ring".to_owned(),
        [one] => format!("lacks {}: {}", one.stratum, known_of(view, one, now)),
        [one, rest @ ..] => format!(
            "lacks {} strata, as {}: {}",
            rest.len() + 1,
            one.stratum,
            known_of(view, one, now)
        ),
    };
    format!("{words}{accepted}")
}

fn known_of(view: &CoverageView, one: &StratumView, now: Timestamp) -> String {
    let when = match one.until {
        Some(at) if at > now => format!("enough {} at the earliest", until(now, at)),
        Some(_) => "enough at any moment".to_owned(),
        None if one.under_way > 0 => format!("{} of it under way", one.under_way),
        None => "no host of it is left that could show it".to_owned(),
    };
    format!(
        "{} of {}, {} of {} healthy; {when}",
        one.hosts,
        hosts(view.need_hosts),
        in_words(one.healthy_ms),
        in_words(view.need_healthy_ms)
    )
}

fn count(lacking: &[StratumView]) -> u32 {
    u32::try_from(lacking.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use ringway_model::Span;

    use super::*;

    fn view() -> CoverageView {
        CoverageView {
            need_hosts: 1,
            need_healthy_ms: Span::hours(4),
            where_missing: "hold".to_owned(),
            strata: 3,
            to_come: 2,
            lacking: vec![StratumView {
                stratum: "os=debian-12 role=sql".to_owned(),
                ring: "broad".to_owned(),
                is_next: true,
                to_come: 12,
                hosts: 1,
                healthy_ms: Span::hours(1),
                under_way: 0,
                until: Some(Timestamp(0) + Span::hours(3)),
            }],
            accepted: Vec::new(),
        }
    }

    #[test]
    fn what_is_lacking_is_told_with_what_there_is_and_when_it_can_be_enough() {
        let text = lines(&view(), Timestamp(0));
        assert!(
            text.contains("1 of 2 strata to come are known well enough"),
            "{text}"
        );
        assert!(
            text.contains("lacks os=debian-12 role=sql (12 hosts of ring broad wait)"),
            "{text}"
        );
        let short = in_short(&view(), "broad", Timestamp(0));
        assert!(
            short.starts_with("lacks os=debian-12 role=sql: 1 of 1 host, 1h of 4h healthy"),
            "{short}"
        );
        let other = in_short(&view(), "pilot", Timestamp(0));
        assert_eq!(other, "met for every stratum of the ring");
    }
}
