//! Exposure against blast radius: one point for each future, or one for each variant with how far it reaches.

use super::lanes::{line, text};
use super::scale::{Scale, Tenths, round_steps};
use crate::futures::words::grouped;
use crate::page::Markup;

const WIDTH: i64 = 960;
const HEIGHT: i64 = 460;
const LEFT: i64 = 80;
const RIGHT: i64 = 920;
const TOP: i64 = 36;
const BOTTOM: i64 = 390;

/// How far apart two labels must be to be read.
const ROOM: i64 = 150;

/// A variant's place: exposure in host-hours and hosts harmed, each the mean and the 95th percentile, in thousandths.
pub(super) struct Place<'a> {
    pub(super) label: &'a str,
    pub(super) exposure: (u64, u64),
    pub(super) harmed: (u64, u64),
}

struct Ground {
    across: Scale,
    up: Scale,
}

impl Ground {
    fn new(svg: &mut Markup, exposure: u64, hit: u64, [below, beside]: [&str; 2]) -> Self {
        let (most_exposure, across_steps) = round_steps(exposure, 8);
        let (most_hit, up_steps) = round_steps(hit.max(1000), 6);
        let ground = Self {
            across: Scale::new(most_exposure, LEFT, RIGHT),
            up: Scale::new(most_hit, BOTTOM, TOP),
        };
        for step in across_steps {
            let x = ground.across.at(step);
            line(svg, "grid", (x, Tenths::px(TOP)), (x, Tenths::px(BOTTOM)));
            text(
                svg,
                "tick middle",
                x,
                Tenths::px(BOTTOM + 20),
                &thousandths(step),
            );
        }
        for step in up_steps {
            let y = ground.up.at(step);
            line(svg, "grid", (Tenths::px(LEFT), y), (Tenths::px(RIGHT), y));
            text(
                svg,
                "tick end",
                Tenths::px(LEFT - 8),
                y.plus(5),
                &thousandths(step),
            );
        }
        let middle = Tenths::px(i64::midpoint(LEFT, RIGHT));
        text(svg, "axis middle", middle, Tenths::px(BOTTOM + 48), below);
        text(
            svg,
            "axis",
            Tenths::px(LEFT - 60),
            Tenths::px(TOP - 18),
            beside,
        );
        ground
    }

    fn at(&self, exposure: u64, hit: u64) -> (Tenths, Tenths) {
        (self.across.at(exposure), self.up.at(hit))
    }
}

/// Thousandths as a number, without places that say nothing.
fn thousandths(milli: u64) -> String {
    let (whole, part) = (grouped(milli / 1000), milli % 1000);
    if part == 0 {
        return whole;
    }
    let part = format!("{part:03}");
    format!("{whole}.{}", part.trim_end_matches('0'))
}

fn picture(into: &mut Markup, label: &str, inside: impl FnOnce(&mut Markup)) {
    let view = format!("0 0 {WIDTH} {HEIGHT}");
    into.tag(
        "svg",
        &[("viewBox", &view), ("role", &"img"), ("aria-label", &label)],
        inside,
    );
}

/// Every future as a point, in thousandths both.
pub(super) fn points(into: &mut Markup, all: &[(u64, u64)]) {
    let most = |of: fn(&(u64, u64)) -> u64| all.iter().map(of).max().unwrap_or(0);
    picture(
        into,
        "exposure against hosts hit, a point for each future",
        |svg| {
            let words = ["exposure until it was over, host-hours", "hosts hit"];
            let ground = Ground::new(svg, most(|point| point.0), most(|point| point.1), words);
            for &(exposure, hit) in all {
                let (x, y) = ground.at(exposure, hit);
                svg.bare(
                    "circle",
                    &[("class", &"dot"), ("cx", &x), ("cy", &y), ("r", &"4")],
                );
            }
        },
    );
}

/// Every variant with its whiskers; `is_line`: they are one policy, from one scale of its soaks to the next.
pub(super) fn frontier(into: &mut Markup, places: &[Place<'_>], is_line: bool) {
    let most = |of: fn(&Place<'_>) -> u64| places.iter().map(of).max().unwrap_or(0);
    let label = "exposure of a good update against hosts harmed by a bad one, for each variant";
    picture(into, label, |svg| {
        let words = [
            "exposure, host-hours, where the update is good",
            "hosts harmed, where the update is bad",
        ];
        let (exposure, hit) = (most(|place| place.exposure.1), most(|place| place.harmed.1));
        let ground = Ground::new(svg, exposure, hit, words);
        if is_line {
            let path: Vec<String> = places
                .iter()
                .map(|place| {
                    let (x, y) = ground.at(place.exposure.0, place.harmed.0);
                    format!("{x},{y}")
                })
                .collect();
            svg.bare(
                "polyline",
                &[("class", &"frontier"), ("points", &path.join(" "))],
            );
        }
        let mut taken = Vec::new();
        for place in places {
            whiskers(svg, &ground, place);
            name(svg, &ground, place, &mut taken);
        }
    });
}

fn whiskers(svg: &mut Markup, ground: &Ground, place: &Place<'_>) {
    let (x, y) = ground.at(place.exposure.0, place.harmed.0);
    let (far, high) = ground.at(place.exposure.1, place.harmed.1);
    line(svg, "whisker", (x, y), (far, y));
    line(svg, "whisker", (x, y), (x, high));
    line(svg, "whisker", (far, y.plus(-5)), (far, y.plus(5)));
    line(svg, "whisker", (x.plus(-5), high), (x.plus(5), high));
    svg.bare(
        "circle",
        &[("class", &"place"), ("cx", &x), ("cy", &y), ("r", &"6")],
    );
}

/// The label: beside the point, moved until it covers no other.
fn name(svg: &mut Markup, ground: &Ground, place: &Place<'_>, taken: &mut Vec<(Tenths, Tenths)>) {
    let (x, y) = ground.at(place.exposure.0, place.harmed.0);
    let (class, x) = if x > Tenths::px(RIGHT - ROOM) {
        ("label end", x.plus(-11))
    } else {
        ("label", x.plus(11))
    };
    let free = |y: Tenths, taken: &[(Tenths, Tenths)]| {
        !taken.iter().any(|&(other_x, other_y)| {
            (other_x.0 - x.0).abs() < ROOM * 10 && (other_y.0 - y.0).abs() < 170
        })
    };
    let mut at = y.plus(-9);
    for step in 1..20 {
        if free(at, taken) {
            break;
        }
        let offset = i64::from(step) * 18;
        at = y.plus(-9 - offset);
        if at < Tenths::px(TOP + 12) {
            at = y.plus(9 + offset);
        }
    }
    taken.push((x, at));
    text(svg, class, x, at, place.label);
}
