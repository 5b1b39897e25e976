//! Pages for a browser: one file with everything it needs, nothing to load and nothing to run. Pure.

mod lanes;
mod scale;
mod spread;

use ringway_simulator::future::Outcome;

use self::spread::Place;
use super::answer::{Comparison, VariantTold, WhatIfTold};
use super::told::{FutureTold, RingTold};
use super::trials::Trials;
use super::words::grouped;
use crate::page::page;

/// One future.
pub(super) fn future(told: &FutureTold, outcome: &Outcome) -> String {
    let first = told.rollouts.first();
    let title = first.map_or_else(String::new, |rollout| {
        format!("{} by policy {}, simulated", rollout.update, rollout.policy)
    });
    page(&title, |body| {
        body.tell("p", &[("class", &"facts")], &told.facts());
        for (place, (rollout, measured)) in told.rollouts.iter().zip(&outcome.rollouts).enumerate()
        {
            body.tell("h2", &[], &rollout.heading());
            let began = measured.began_ms.unwrap_or_default();
            lanes::lanes(body, rollout, place, began, &outcome.curve);
            let rows: Vec<[String; 8]> = rollout.rings.iter().map(RingTold::cells).collect();
            let heading = [
                "ring", "hosts", "begins", "settled", "soaked", "promoted", "hit", "failed",
            ];
            body.table(heading, &rows);
            for line in rollout.sentences() {
                body.tell("p", &[], &line);
            }
        }
        body.tell("h2", &[], "What happened");
        body.tell("pre", &[], &told.lines_text());
        body.tell("p", &[("class", &"facts")], &told.end());
    })
}

/// Many futures.
pub(super) fn trials(trials: &Trials) -> String {
    let title = format!("{} simulated futures", grouped(trials.futures));
    page(&title, |body| {
        body.tell("p", &[("class", &"facts")], &trials.facts());
        for rollout in &trials.rollouts {
            let heading = format!("{} by policy {}", rollout.update, rollout.policy);
            body.tell("h2", &[], &heading);
            body.tell("p", &[], &rollout.ends());
            body.table(["", "median", "p95", "mean", "most"], &rollout.table());
            body.tell("p", &[("class", &"small")], "* of those that completed");
            body.tell("h3", &[], "Exposure against blast radius");
            spread::points(body, &rollout.points);
        }
        body.tell("p", &[("class", &"facts")], &trials.end());
    })
}

/// Several variants.
pub(super) fn what_if(told: &WhatIfTold) -> String {
    page(&format!("What if: {}", told.update), |body| {
        body.tell("p", &[("class", &"facts")], &told.facts());
        body.tell("p", &[("class", &"warning")], told.note);
        let rows: Vec<[String; 3]> = told
            .assumptions
            .iter()
            .map(|one| [one.what.clone(), one.value.clone(), one.from.clone()])
            .collect();
        body.tag("div", &[("class", &"words")], |words| {
            words.table(["assumption", "value", "from"], &rows);
        });
        body.tell("h2", &[], "Haste against waiting");
        let places: Vec<Place<'_>> = told.variants.iter().map(place).collect();
        let policy = told.variants.first().map(|one| &one.policy);
        let is_line = told.variants.iter().all(|one| Some(&one.policy) == policy);
        spread::frontier(body, &places, is_line);
        body.tell(
            "p",
            &[("class", &"small")],
            "A point is the mean of both; the lines from it reach to the 95th percentile: 95 of 100 futures lie no further.",
        );
        body.tell("h3", &[], "If the update is bad");
        let rows: Vec<[String; 8]> = told.variants.iter().map(VariantTold::bad_cells).collect();
        body.table(BAD, &rows);
        body.tell("h3", &[], "If the update is good");
        let rows: Vec<[String; 8]> = told.variants.iter().map(good).collect();
        body.table(GOOD, &rows);
        body.tell("p", &[("class", &"small")], EXPLAINED);
        if !told.comparisons.is_empty() {
            body.tell("h2", &[], "The same futures, one by one");
            let rows: Vec<[String; 8]> = told.comparisons.iter().map(Comparison::cells).collect();
            let heading = [
                "one",
                "other",
                "one harms fewer",
                "other",
                "equal",
                "one exposes less",
                "other",
                "equal",
            ];
            body.table(heading, &rows);
        }
        for remark in &told.remarks {
            body.tell("p", &[], &format!("Note: {remark}."));
        }
        body.tell("p", &[("class", &"facts")], &told.end());
    })
}

const BAD: [&str; 8] = [
    "",
    "hit before the end",
    "95 %",
    "or carrying harm",
    "95 %",
    "it halts",
    "group lost",
    "expected harmed",
];

const GOOD: [&str; 8] = [
    "",
    "exposed host-hours",
    "95 %",
    "takes",
    "95 %",
    "completed on",
    "95 %",
    "expected broken into",
];

const EXPLAINED: &str = "Hit are hosts on which harm showed before the halt or the end; with those that carry harm which has not shown by \
    then they are the blast radius. Exposed is host-hours without the update. Each is the median and the 95th percentile. \
    Expected are hosts for each update, with the chance that it is bad put back: harmed by it is the price of haste, \
    broken into for want of it the price of waiting.";

fn place(one: &VariantTold) -> Place<'_> {
    Place {
        label: &one.label,
        exposure: (one.exposure_milli.mean_milli / 1000, one.exposure_milli.p95),
        harmed: (
            one.answer.bad.harmed.mean_milli,
            one.answer.bad.harmed.p95.saturating_mul(1000),
        ),
    }
}

fn good(one: &VariantTold) -> [String; 8] {
    let [label, exposed, exposed_p95, takes, takes_p95, expected] = one.good_cells();
    let [finish, late] = one.finish_short.clone();
    [
        label,
        exposed,
        exposed_p95,
        takes,
        takes_p95,
        finish,
        late,
        expected,
    ]
}
