//! What runs for hosts beside the steps that install, in the worlds of seeds: recipes that fetch ahead, that protect hosts, and
//! that bring back who does not answer. From dice of their own, so that
//! everything else in a seed stays as it was.

use std::num::NonZeroU16;

use ringway_model::{AfterCrash, Place, Span, StepKind};
use ringway_policy::validated::{Command, Protect, Recovery, Stage, Step, Work};

use crate::dice::Dice;
use crate::documents::Papers;
use crate::world::{Cure, Effect, Trouble, Ways};

/// Gives the recipes of a world a `stage`, and some hosts trouble with it.
pub(crate) fn with_stages(papers: &mut Papers, ways: &mut Ways, dice: &mut Dice) {
    for recipe in papers.documents.recipes.values_mut() {
        if matches!(recipe.apply, Work::Manual(_)) || !dice.chance(75) {
            continue;
        }
        recipe.stage = Some(Stage {
            step: step(dice),
            at_once: *dice.pick(&[NonZeroU16::MIN, at_once(2), at_once(10)]),
        });
    }
    trouble(papers, ways, dice, StepKind::Stage);
}

/// Has the recipes of a world make a snapshot before they change anything, and some hosts trouble with that.
pub(crate) fn with_protection(papers: &mut Papers, ways: &mut Ways, dice: &mut Dice) {
    for recipe in papers.documents.recipes.values_mut() {
        if !dice.chance(85) {
            continue;
        }
        recipe.protect = Some(Protect {
            step: step(dice),
            keep: Span::minutes(dice.between(60, 180)),
            remove: step(dice),
        });
    }
    trouble(papers, ways, dice, StepKind::Protect);
    trouble(papers, ways, dice, StepKind::Unprotect);
}

fn at_once(hosts: u16) -> NonZeroU16 {
    NonZeroU16::new(hosts).unwrap_or(NonZeroU16::MIN)
}

fn step(dice: &mut Dice) -> Step {
    Step {
        run: Command::Shell("true".to_owned()),
        at: *dice.pick(&[Place::Host, Place::Host, Place::Controller]),
        timeout: Span::minutes(dice.between(1, 20)),
        after_crash: AfterCrash::Repeat,
        expect: None,
    }
}

/// Hosts on which a step of this kind fails, where they have no other trouble.
fn trouble(papers: &Papers, ways: &mut Ways, dice: &mut Dice, kind: StepKind) {
    let hosts = papers
        .documents
        .fleet
        .as_ref()
        .map_or(0, |fleet| fleet.hosts.len());
    for recipe in papers.documents.recipes.keys() {
        for host in 0..hosts {
            if dice.chance(8) {
                let trouble = Trouble {
                    kind,
                    times: *dice.pick(&[1, 2, 255]),
                    hangs: dice.chance(30),
                };
                let key = (host, recipe.clone());
                ways.trouble.entry(key).or_insert(trouble);
            }
        }
    }
}

/// Gives the recipes of a world a way to bring broken hosts back, and lets some hosts answer nobody when harm has them down.
pub(crate) fn with_recovery(papers: &mut Papers, ways: &mut Ways, dice: &mut Dice) {
    for recipe in papers.documents.recipes.values_mut() {
        if recipe.inspect.is_none() || !dice.chance(80) {
            continue;
        }
        recipe.recovery = Some(Recovery {
            step: Step {
                at: *dice.pick(&[Place::Controller, Place::Controller, Place::Peer]),
                after_crash: *dice.pick(&[AfterCrash::Repeat, AfterCrash::Inspect]),
                ..step(dice)
            },
            back_within: Span::minutes(dice.between(1, 10)),
        });
    }
    let fleet = papers.documents.fleet.as_ref();
    let hosts = fleet.map_or(&[][..], |fleet| fleet.hosts.as_slice());
    // Few worlds have harm that takes a service down, and most of these end before anybody supersedes anything.
    let roles: Vec<&str> = hosts
        .iter()
        .filter_map(|host| host.labels.get("role"))
        .collect();
    for recipe in papers.documents.recipes.keys() {
        if !roles.is_empty() && dice.chance(70) {
            let role = (*dice.pick(&roles)).to_owned();
            let key = (recipe.clone(), role);
            // A host whose service is up and that answers nobody is one that is not brought back.
            let effect = *dice.pick(&[
                Effect::Down,
                Effect::Down,
                Effect::Loop,
                Effect::Late(Span::minutes(3)),
            ]);
            ways.harm.entry(key).or_insert(effect);
        }
    }
    for host in 0..hosts.len() {
        if dice.chance(85) {
            let cure = *dice.pick(&[
                Cure::After(0),
                Cure::After(0),
                Cure::After(1),
                Cure::After(255),
                Cure::Lies,
            ]);
            ways.mute.insert(host, cure);
            if dice.chance(30) {
                ways.deaf.insert(host);
            }
        }
    }
}
