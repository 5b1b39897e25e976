//! A world: how everything outside Ringway behaves when a rollout is simulated.
//!
//! What hosts are like and what updates do to them is in `world_hosts`.

use ringway_model::Span;

use super::fleet::optional;
use super::range;
use super::world_hosts::{HOSTS, REGRESSION, host_model, regression};
use crate::fields::{Cx, Fields, Named};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{
    AfterHalt, FaultModel, PeopleModel, Priors, SpanRange, Watch, World, WorldRollout,
};
use crate::yaml::Node;

/// The document.
pub(crate) static WORLD: Shape = Shape {
    what: "world",
    about: "How hosts, updates, people and Ringway's own machine behave in a simulation: assumptions, not measurements.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["world/v1"]),
            "world/v1",
            "The kind of document.",
        ),
        must(
            "name",
            Is::Name,
            "bad-update-on-one-role",
            "The world's name.",
        ),
        may(
            "begins",
            Is::Time,
            "When it begins; where absent 2026-01-05T09:00:00Z, a Monday morning.",
        ),
        may(
            "rollouts",
            Is::List(&Is::Of(&ROLLOUT)),
            "What is rolled out, in order, at most 8; where absent the policy and update that the command names.",
        ),
        may(
            "hosts",
            Is::List(&Is::Of(&HOSTS)),
            "What hosts are like; of each host the first entry that matches counts. A host that none matches does everything right.",
        ),
        may(
            "regressions",
            Is::List(&Is::Of(&REGRESSION)),
            "Harm that updates do, for certain; of each host every entry that matches counts.",
        ),
        may(
            "priors",
            Is::Of(&PRIORS),
            "Harm that updates may do: what a what-if draws from.",
        ),
        may("people", Is::Of(&PEOPLE), "What people do."),
        may(
            "watch",
            Is::List(&Is::Of(&WATCH)),
            "Which sets of hosts must not be lost, in place of the fleet's availability groups: for fleets that have none, or another idea of what is lost.",
        ),
        may(
            "faults",
            Is::Of(&FAULTS),
            "What goes wrong around Ringway itself.",
        ),
    ],
    later: &[],
};

static ROLLOUT: Shape = Shape {
    what: "rollout",
    about: "One rollout of the world.",
    keys: &[
        must("policy", Is::Name, "monthly", "The policy's name."),
        must("update", Is::Name, "2026-04-security", "The update's name."),
        may(
            "starts",
            Is::Span,
            "How long after the world's beginning it is started; `0s` where absent.",
        ),
        may(
            "supersedes",
            Is::Flag,
            "Whether it takes the place of the rollout before it, whatever has become of that by then, and poisons what its update says that it supersedes; `no` where absent.",
        ),
        may(
            "lane",
            Is::Name,
            "The lane of its policy in which it runs, if any.",
        ),
    ],
    later: &[],
};

static WATCH: Shape = Shape {
    what: "`watch`",
    about: "Hosts of which some must serve at any time; of each host the first entry that matches counts.",
    keys: &[
        must(
            "name",
            Is::Name,
            "domains",
            "What they are called in what is printed.",
        ),
        must("select", Is::Selector, "role = dc", "Which hosts."),
        may(
            "per",
            Is::Name,
            "The label whose values tell the sets apart; absent: they are one set. A host without it is in none.",
        ),
        may(
            "at_least",
            Is::Count,
            "How many of a set must serve; 1 where absent.",
        ),
    ],
    later: &[],
};

static PRIORS: Shape = Shape {
    what: "`priors`",
    about: "How likely an update is to be bad, and in which way.",
    keys: &[
        may(
            "bad",
            Is::Share,
            "How likely an update is to harm some hosts; `5%` where absent.",
        ),
        may(
            "everywhere",
            Is::Share,
            "Of bad ones, how likely one is to harm every kind of host instead of one kind; `20%` where absent.",
        ),
        may(
            "by",
            Is::List(&Is::Name),
            "Labels whose values are the kinds; where absent those the policy covers, else `role`.",
        ),
        may(
            "hits",
            Is::Text,
            "Which share of the hosts of a kind is harmed, one or a range; `5%-100%` where absent.",
        ),
        may(
            "at_once",
            Is::Share,
            "How likely harm is to show at once; `50%` where absent.",
        ),
        may(
            "slow",
            Is::Text,
            "Otherwise its mean time to show, one or a range; `30m-72h` where absent.",
        ),
        may(
            "install_fails",
            Is::Share,
            "How likely harm is to be a failing installation; `25%` where absent.",
        ),
        may(
            "hazard_per_year",
            Is::Share,
            "How many hosts without the update are broken into in a year; `2%` where absent.",
        ),
    ],
    later: &[],
};

static PEOPLE: Shape = Shape {
    what: "`people`",
    about: "What people do.",
    keys: &[
        may(
            "approve",
            Is::Text,
            "From an approval's being due until a person gives theirs, one span or a range; `15m-4h` where absent.",
        ),
        may(
            "mistakes",
            Is::Share,
            "How often a person's first try is refused; `0%` where absent.",
        ),
        may(
            "decide",
            Is::Text,
            "From a halt or a pause until a person decides, one span or a range; `5m-1h` where absent.",
        ),
        may(
            "after_halt",
            Is::Word(&["rollback", "resume", "cancel", "leave"]),
            "What they decide after a halt; `rollback` where absent. With `leave` the world ends there.",
        ),
    ],
    later: &[],
};

static FAULTS: Shape = Shape {
    what: "`faults`",
    about: "What goes wrong around Ringway itself; after `for` everything heals.",
    keys: &[
        must(
            "for",
            Is::Span,
            "2d",
            "How long faults happen, from the beginning.",
        ),
        may(
            "crashes",
            Is::Count,
            "How many times Ringway dies; 0 where absent.",
        ),
        may(
            "back",
            Is::Text,
            "How long it is away each time, one span or a range; `1s-5m` where absent.",
        ),
        may(
            "lost",
            Is::Share,
            "Results lost on their way and found again by asking; `0%` where absent.",
        ),
        may(
            "late",
            Is::Share,
            "Results that arrive late; `0%` where absent.",
        ),
        may(
            "late_by",
            Is::Text,
            "How late, one span or a range; `2s-3m` where absent.",
        ),
        may(
            "doubled",
            Is::Share,
            "Results that arrive twice; `0%` where absent.",
        ),
        may(
            "bad_writes",
            Is::Share,
            "Writes to the journal that fail; `0%` where absent.",
        ),
        may(
            "clock_jumps",
            Is::Count,
            "How many times its clock jumps, by 3 to 30 minutes; 0 where absent.",
        ),
    ],
    later: &[],
};

/// Rollouts of a world: a simulated host keeps a bit for each.
const MOST_ROLLOUTS: usize = 8;

/// Deaths and jumps of a world. Each is an event of its own; a thousand in a world are more than anything survives, and
/// more would only be slow.
const MOST_FAULTS: u32 = 1000;

static AFTER_HALT: [(&str, AfterHalt); 4] = [
    ("rollback", AfterHalt::Rollback),
    ("resume", AfterHalt::Resume),
    ("cancel", AfterHalt::Cancel),
    ("leave", AfterHalt::Leave),
];

/// Reads a world document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>) -> Option<World> {
    let fields = Fields::open(cx, &WORLD, node)?;
    fields.read("ringway", |_, _| Some(()));
    cx.about(fields.title(), || {
        let name = fields.read("name", scalar::defined(Named::World));
        let begins = fields.read("begins", scalar::time);
        let rollouts = fields.read("rollouts", |cx, node| scalar::list(cx, node, rollout));
        let hosts = fields.read("hosts", |cx, node| scalar::list(cx, node, host_model));
        let regressions = fields.read("regressions", |cx, node| scalar::list(cx, node, regression));
        let priors = fields.read("priors", priors);
        let people = fields.read("people", people);
        let watch = fields.read("watch", |cx, node| scalar::list(cx, node, watch));
        let faults = fields.read("faults", faults);
        let rollouts = optional(&fields, "rollouts", rollouts)?;
        if rollouts.first().is_some_and(|first| first.supersedes) {
            let message = "the first rollout has none before it that it could supersede".to_owned();
            let place = fields.key_place("rollouts");
            cx.report(Report::new(Code::BadValue, place, message).hint("leave `supersedes` out"));
            return None;
        }
        if rollouts.len() > MOST_ROLLOUTS {
            let message = format!("a world has at most {MOST_ROLLOUTS} rollouts");
            let place = fields.key_place("rollouts");
            cx.report(Report::new(Code::BadValue, place, message).hint("make two worlds of it"));
            return None;
        }
        Some(World {
            name: name?,
            begins,
            rollouts,
            hosts: optional(&fields, "hosts", hosts)?,
            regressions: optional(&fields, "regressions", regressions)?,
            priors: optional(&fields, "priors", priors)?,
            people: optional(&fields, "people", people)?,
            watch: optional(&fields, "watch", watch)?,
            faults: optional(&fields, "faults", faults)?,
        })
    })
}

fn rollout(cx: &Cx<'_>, node: &Node<'_>) -> Option<WorldRollout> {
    let fields = Fields::open(cx, &ROLLOUT, node)?;
    let policy = fields.read("policy", scalar::reference(Named::Policy));
    let update = fields.read("update", scalar::reference(Named::Update));
    let starts = fields.read("starts", scalar::span);
    let supersedes = fields.read("supersedes", scalar::flag);
    let lane = fields.read("lane", |cx, node| scalar::name(cx, node).map(Some));
    Some(WorldRollout {
        policy: policy?,
        update: update?,
        starts: optional(&fields, "starts", starts)?,
        supersedes: optional(&fields, "supersedes", supersedes)?,
        lane: optional(&fields, "lane", lane)?,
    })
}

fn watch(cx: &Cx<'_>, node: &Node<'_>) -> Option<Watch> {
    let fields = Fields::open(cx, &WATCH, node)?;
    let name = fields.read("name", scalar::name);
    let select = fields.read("select", scalar::selector);
    let per = fields.read("per", scalar::label);
    let at_least = fields.read("at_least", scalar::number(1, u32::MAX));
    Some(Watch {
        name: name?,
        select: select?,
        per: if fields.get("per").is_some() {
            Some(per?)
        } else {
            None
        },
        at_least: if fields.get("at_least").is_some() {
            at_least?
        } else {
            1
        },
    })
}

fn priors(cx: &Cx<'_>, node: &Node<'_>) -> Option<Priors> {
    let fields = Fields::open(cx, &PRIORS, node)?;
    let usual = Priors::default();
    let by = fields.read("by", |cx, node| scalar::names(cx, node, scalar::label));
    let share = |key| fields.read(key, scalar::share);
    Some(Priors {
        bad: share("bad").unwrap_or(usual.bad),
        everywhere: share("everywhere").unwrap_or(usual.everywhere),
        by: optional(&fields, "by", by)?,
        hits: fields.read("hits", range::shares).unwrap_or(usual.hits),
        at_once: share("at_once").unwrap_or(usual.at_once),
        slow: fields
            .read("slow", range::spans(Span::seconds(1)))
            .unwrap_or(usual.slow),
        install_fails: share("install_fails").unwrap_or(usual.install_fails),
        hazard_per_year: share("hazard_per_year").unwrap_or(usual.hazard_per_year),
    })
}

fn people(cx: &Cx<'_>, node: &Node<'_>) -> Option<PeopleModel> {
    let fields = Fields::open(cx, &PEOPLE, node)?;
    let usual = PeopleModel::default();
    Some(PeopleModel {
        approve: fields
            .read("approve", range::spans(Span::ZERO))
            .unwrap_or(usual.approve),
        mistakes: fields
            .read("mistakes", scalar::share)
            .unwrap_or(usual.mistakes),
        decide: fields
            .read("decide", range::spans(Span::ZERO))
            .unwrap_or(usual.decide),
        after_halt: fields
            .read("after_halt", scalar::word(&AFTER_HALT, &[]))
            .unwrap_or(usual.after_halt),
    })
}

fn faults(cx: &Cx<'_>, node: &Node<'_>) -> Option<FaultModel> {
    let fields = Fields::open(cx, &FAULTS, node)?;
    let lasts = fields.read("for", scalar::span_from(Span::seconds(1)));
    let share = |key| fields.read(key, scalar::share).unwrap_or_default();
    let spans = |key, low, high| {
        fields
            .read(key, range::spans(Span::ZERO))
            .unwrap_or(SpanRange { low, high })
    };
    let count = |key| {
        let count = fields.read(key, scalar::number(0, MOST_FAULTS));
        u16::try_from(count.unwrap_or(0)).expect("at most MOST_FAULTS")
    };
    Some(FaultModel {
        crashes: count("crashes"),
        back: spans("back", Span::seconds(1), Span::minutes(5)),
        lost: share("lost"),
        late: share("late"),
        late_by: spans("late_by", Span::seconds(2), Span::minutes(3)),
        doubled: share("doubled"),
        bad_writes: share("bad_writes"),
        clock_jumps: count("clock_jumps"),
        lasts: lasts?,
    })
}
