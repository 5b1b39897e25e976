//! The smallest worlds: which rings, which steps, and how much may happen in each.

use std::num::NonZeroU32;
use std::sync::Arc;

use ringway_engine::planted::Bug;
use ringway_model::{AfterCrash, Place, Selector, Span};
use ringway_policy::validated::{
    Amount, Approvals, Care, Command, Group, Halt, Last, Manual, OnHalt, Pace, Ramp, Ready, Retry,
    Ring, RingHosts, RingSpread, Step, Work,
};
use ringway_scheduler::{compile_fleet, make_plan};
use ringway_simulator::{Dice, Papers, Size, draw};

use super::{Left, World};

/// What a world is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Steps.
    Steps,
    /// Questions before a host is taken down, in one ring of two hosts.
    Questions,
    /// Work by hand, in two rings of one host.
    Hands,
    /// Two people who must approve going on, each yes with a time, in two rings of one host.
    People,
}

/// How much can happen in a model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    about: About,
    /// Visits at once.
    at_once: u32,
    /// Whether a visit drains and undrains around its `apply`.
    drains: bool,
    /// What may happen.
    pub(super) left: Left,
}

const LEFT: Left = Left {
    crashes: 1,
    doubles: 1,
    halts: 1,
    resumes: 0,
    odd: 0,
    words: 0,
    yeses: 0,
    noes: 0,
};

/// Visits of three steps, one after the other.
pub(super) const LONG: Shape = Shape {
    about: About::Steps,
    at_once: 1,
    drains: true,
    left: LEFT,
};

/// Visits of one step, two of them beside each other.
pub(super) const WIDE: Shape = Shape {
    at_once: 2,
    drains: false,
    ..LONG
};

/// `ready`, `last`, `drain`, `apply` and `undrain`; one answer is another than usual.
pub(super) const ASKED: Shape = Shape {
    about: About::Questions,
    left: Left {
        doubles: 0,
        odd: 1,
        ..LEFT
    },
    ..LONG
};

/// A person says of two hosts what became of them, and once more than needed.
pub(super) const BY_HAND: Shape = Shape {
    about: About::Hands,
    drains: false,
    left: Left {
        doubles: 0,
        words: 3,
        ..LEFT
    },
    ..LONG
};

/// Of two people one may take it back, yeses may be void by time, and somebody resumes.
pub(super) const PEOPLE: Shape = Shape {
    about: About::People,
    drains: false,
    left: Left {
        doubles: 0,
        halts: 0,
        resumes: 1,
        yeses: 4,
        noes: 1,
        ..LEFT
    },
    ..LONG
};

/// Larger ones, for whoever has minutes: the first two at once are two million states.
pub(super) const LARGE: [(&str, Shape); 2] = [
    (
        "visits of one step, two at a time, resumed",
        Shape {
            left: Left { resumes: 1, ..LEFT },
            ..WIDE
        },
    ),
    (
        "visits of three steps, two at a time",
        Shape { at_once: 2, ..LONG },
    ),
];

/// The smallest fleet and policy that have what a world is about.
pub(super) fn world(shape: Shape, bug: Option<Bug>) -> World {
    let mut papers = (0..100)
        .map(|number| {
            let size = Size {
                hosts: (3, 3),
                rollouts: 1,
            };
            draw(&mut Dice::new(number, "exhaustive"), size)
        })
        .find(|papers| {
            let care = papers.documents.cares.get("care-dc");
            care.is_some_and(|care| care.drain.is_some() && care.undrain.is_some())
        })
        .unwrap();
    let hosts = if shape.about == About::Steps { 3 } else { 2 };
    let fleet = papers.documents.fleet.as_mut().unwrap();
    fleet.hosts.truncate(hosts);
    fleet.groups = vec![Group {
        name: "all".to_owned(),
        select: Selector::All,
        after: Vec::new(),
        keep_up: None,
        rings: RingSpread::Any,
        care: shape.drains.then(|| "care-dc".to_owned()),
    }];
    let care = papers.documents.cares.get_mut("care-dc").unwrap();
    care.verify = None;
    if shape.about == About::Questions {
        ask(care);
    }
    for recipe in papers.documents.recipes.values_mut() {
        (recipe.inspect, recipe.precheck, recipe.reboot) = (None, None, None);
        (recipe.verify, recipe.rollback) = (None, None);
        if shape.about == About::Hands {
            recipe.apply = Work::Manual(Manual {
                instructions: "install it".to_owned(),
                evidence: false,
                within: Span::minutes(20),
            });
        }
    }
    smallest_policy(shape, &mut papers);
    let fleet = compile_fleet(papers.documents.fleet.as_ref().unwrap()).unwrap();
    let (policy, update) = &papers.rollouts[0];
    let plan = make_plan(&fleet, &papers.documents, policy, update, 1).unwrap();
    assert_eq!(plan.slots.len(), hosts);
    let texts = ["fleet", "people", "dc", "sql", "app", "web", "april"];
    World {
        fleet: Arc::new(fleet),
        plan: Arc::new(plan),
        documents: texts.map(|text| (text.to_owned(), text.to_owned())).into(),
        bug,
        shape,
    }
}

fn ask(care: &mut Care) {
    let step = || Step {
        run: Command::Shell("true".to_owned()),
        at: Place::Host,
        timeout: Span::minutes(1),
        after_crash: AfterCrash::Repeat,
        expect: None,
    };
    care.ready = Some(Ready {
        step: step(),
        within: Span::minutes(5),
        every: Span::minutes(1),
    });
    care.last = Some(Last {
        step: step(),
        every: Span::minutes(1),
    });
}

fn smallest_policy(shape: Shape, papers: &mut Papers) {
    let ring = |name: &str, hosts, seconds| Ring {
        name: name.to_owned(),
        hosts,
        soak: Span::seconds(seconds),
        working_time: None,
        windows: Vec::new(),
        after_soak: None,
        early: None,
    };
    for policy in papers.documents.policies.values_mut() {
        let first = RingHosts::Select {
            select: Selector::All,
            take: Some(Amount::Count(1)),
            cover: None,
            spread: Vec::new(),
        };
        policy.rings = match shape.about {
            About::Questions => vec![ring("all", RingHosts::Rest, 0)],
            About::Steps | About::Hands | About::People => {
                vec![ring("first", first, 30), ring("rest", RingHosts::Rest, 0)]
            }
        };
        if shape.about == About::People {
            policy.rings[0].after_soak = Some(Approvals {
                needed: 2,
                by: Vec::new(),
                not_by: Vec::new(),
                between: None,
                expire: Some(Span::minutes(5)),
            });
        }
        policy.start = None;
        policy.gates.clear();
        policy.budget_down = None;
        policy.pace = Pace {
            at_once: NonZeroU32::new(shape.at_once).unwrap(),
            ramp: Ramp::Off,
            settle: Span::ZERO,
        };
        policy.retry = Retry {
            times: 0,
            wait: Span::seconds(10),
        };
        policy.halt = Halt {
            failed: NonZeroU32::new(1),
            failed_share: None,
        };
        policy.on_halt = OnHalt::Withhold;
    }
}
