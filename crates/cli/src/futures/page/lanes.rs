//! The progress of one rollout over time: a lane for each ring, with promotions and halts marked, and one for harm.

use std::fmt::Write as _;

use ringway_model::Span;
use ringway_simulator::future::Point;

use super::scale::{Scale, Tenths, time_steps};
use crate::futures::told::{HaltTold, RolloutTold};
use crate::futures::words::grouped;
use crate::page::Markup;
use crate::show::hosts;

const WIDTH: i64 = 960;
const LEFT: i64 = 150;
const RIGHT: i64 = 900;
const TOP: i64 = 30;
const LANE: i64 = 46;
const GAP: i64 = 12;
/// The room that the word beside a promotion needs.
const WORD: i64 = 78;

/// Where things are on the picture.
struct Ground {
    time: Scale,
    bottom: i64,
}

/// The picture of one of a future's rollouts. `began`: when it was started, from the world's beginning on.
pub(super) fn lanes(
    into: &mut Markup,
    rollout: &RolloutTold,
    place: usize,
    began: Span,
    curve: &[Point],
) {
    let rings = i64::try_from(rollout.rings.len()).unwrap_or(0);
    let bottom = TOP + (rings + 1) * (LANE + GAP);
    let last = curve.last().map_or(0, |point| point.at_ms.millis());
    let last = rollout
        .rings
        .iter()
        .filter_map(|ring| ring.times.promoted_ms)
        .map(|at| (began.plus(at)).millis())
        .chain(rollout.halts.iter().map(|halt| halt.at_ms.millis()))
        .fold(last, u64::max);
    let ground = Ground {
        time: Scale::new(last, LEFT, RIGHT),
        bottom,
    };
    let label = format!(
        "progress of {} by policy {} over time",
        rollout.update, rollout.policy
    );
    let view = format!("0 0 {WIDTH} {}", bottom + 44);
    into.tag(
        "svg",
        &[("viewBox", &view), ("role", &"img"), ("aria-label", &label)],
        |svg| {
            ground.axis(svg, Span(last));
            for (index, ring) in rollout.rings.iter().enumerate() {
                let top = TOP + i64::try_from(index).unwrap_or(0) * (LANE + GAP);
                let heading = [ring.times.name.clone(), hosts(ring.times.planned)];
                let value = |point: &Point| {
                    let rings = point.updated.get(place);
                    u64::from(
                        rings
                            .and_then(|rings| rings.get(index))
                            .copied()
                            .unwrap_or(0),
                    )
                };
                let most = u64::from(ring.times.planned);
                ground.lane(svg, top, &heading, ("area", most), curve, value);
                if let Some(at) = ring.times.promoted_ms {
                    ground.mark(svg, top, began.plus(at), &rollout.halts);
                }
            }
            ground.harm(svg, rollout, place, curve);
            for halt in &rollout.halts {
                ground.halt(svg, halt.at_ms);
            }
        },
    );
}

impl Ground {
    fn axis(&self, svg: &mut Markup, last: Span) {
        for (at, word) in time_steps(last) {
            let x = self.time.at(at.millis());
            let (top, bottom) = (Tenths::px(TOP - 6), Tenths::px(self.bottom));
            line(svg, "grid", (x, top), (x, bottom));
            text(svg, "tick middle", x, Tenths::px(self.bottom + 18), &word);
        }
        let (x, y) = (
            Tenths::px(i64::midpoint(LEFT, RIGHT)),
            Tenths::px(self.bottom + 38),
        );
        text(svg, "tick middle", x, y, "from the world's beginning");
    }

    /// A lane: its heading on the left, what it holds as an area, and how much it can hold on the right.
    fn lane(
        &self,
        svg: &mut Markup,
        top: i64,
        [name, size]: &[String; 2],
        (class, most): (&str, u64),
        curve: &[Point],
        value: impl Fn(&Point) -> u64,
    ) {
        let frame: [(&str, &dyn std::fmt::Display); 5] = [
            ("class", &"lane"),
            ("x", &LEFT),
            ("y", &top),
            ("width", &(RIGHT - LEFT)),
            ("height", &LANE),
        ];
        svg.bare("rect", &frame);
        let path = self.area(top, most, curve, value);
        svg.bare("path", &[("class", &class), ("d", &path)]);
        let x = Tenths::px(LEFT - 10);
        text(svg, "name end", x, Tenths::px(top + 20), &short(name));
        text(svg, "tick end", x, Tenths::px(top + 37), size);
    }

    /// The steps of a curve as an outline. Points that would lie on one another are drawn once, as the largest.
    fn area(&self, top: i64, most: u64, curve: &[Point], value: impl Fn(&Point) -> u64) -> String {
        let height = Scale::new(most, top + LANE, top);
        let ground = height.at(0);
        let mut path = format!("M{LEFT} {ground}");
        let mut drawn = 0;
        let mut points = curve.iter().peekable();
        while let Some(point) = points.next() {
            let x = self.time.at(point.at_ms.millis());
            let (mut largest, mut here) = (value(point), value(point));
            while let Some(next) = points.next_if(|next| self.time.at(next.at_ms.millis()) == x) {
                here = value(next);
                largest = largest.max(here);
            }
            for level in [largest, here] {
                if level != drawn {
                    let (before, after) = (height.at(drawn), height.at(level));
                    write!(path, "L{x} {before}L{x} {after}").expect("a string takes every text");
                    drawn = level;
                }
            }
        }
        let end = Tenths::px(RIGHT);
        write!(path, "L{end} {}L{end} {ground}Z", height.at(drawn))
            .expect("a string takes every text");
        path
    }

    /// Targets on which harm shows, all rings together.
    fn harm(&self, svg: &mut Markup, rollout: &RolloutTold, place: usize, curve: &[Point]) {
        let top = self.bottom - LANE - GAP;
        let value = |point: &Point| u64::from(point.hit.get(place).copied().unwrap_or(0));
        let size = format!(
            "{} of {}",
            grouped(u64::from(rollout.hit)),
            grouped(u64::from(rollout.targets))
        );
        let heading = ["harmed so far".to_owned(), size];
        let most = u64::from(rollout.hit);
        self.lane(svg, top, &heading, ("harm", most), curve, value);
    }

    /// A promotion: a line in its ring's lane, with the word beside it where there is room.
    fn mark(&self, svg: &mut Markup, top: i64, at: Span, halts: &[HaltTold]) {
        let x = self.time.at(at.millis());
        line(
            svg,
            "promoted",
            (x, Tenths::px(top)),
            (x, Tenths::px(top + LANE)),
        );
        // A halt soon after would go through the word.
        let halt_follows = halts.iter().any(|halt| {
            let halt = self.time.at(halt.at_ms.millis());
            x <= halt && halt < x.plus(WORD)
        });
        let is_left = x > Tenths::px(RIGHT - WORD) || halt_follows && x > Tenths::px(LEFT + WORD);
        let (class, beside) = if is_left {
            ("word end", x.plus(-5))
        } else {
            ("word", x.plus(5))
        };
        text(svg, class, beside, Tenths::px(top + 28), "promoted");
    }

    /// A halt: a line through all lanes.
    fn halt(&self, svg: &mut Markup, at: Span) {
        let x = self.time.at(at.millis());
        line(
            svg,
            "halted",
            (x, Tenths::px(TOP - 6)),
            (x, Tenths::px(self.bottom - GAP)),
        );
        text(svg, "halt middle", x, Tenths::px(TOP - 12), "halted");
    }
}

pub(super) fn line(svg: &mut Markup, class: &str, from: (Tenths, Tenths), to: (Tenths, Tenths)) {
    svg.bare(
        "line",
        &[
            ("class", &class),
            ("x1", &from.0),
            ("y1", &from.1),
            ("x2", &to.0),
            ("y2", &to.1),
        ],
    );
}

pub(super) fn text(svg: &mut Markup, class: &str, x: Tenths, y: Tenths, words: &str) {
    svg.tell("text", &[("class", &class), ("x", &x), ("y", &y)], words);
}

/// A name that fits beside a lane.
fn short(name: &str) -> String {
    const FITS: usize = 17;
    if name.chars().count() <= FITS {
        return name.to_owned();
    }
    let kept: String = name.chars().take(FITS - 1).collect();
    format!("{kept}…")
}
