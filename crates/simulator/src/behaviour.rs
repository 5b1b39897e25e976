//! How the hosts of a seed behave: which steps fail where, which roles an update harms and how, what was there before.

use std::collections::BTreeMap;

use ringway_model::{Span, StepKind};

use crate::dice::Dice;
use crate::documents::{Papers, ROLES};
use crate::world::{Effect, Trouble, Ways};

/// How the hosts of a seed behave.
pub(crate) fn ways(seed: u64, papers: &Papers) -> Ways {
    let mut dice = Dice::new(seed, "ways");
    let hosts = papers
        .documents
        .fleet
        .as_ref()
        .map_or(0, |fleet| fleet.hosts.len());
    let mut ways = Ways::good(seed);
    ways.longest = Span::seconds(*dice.pick(&[5, 30, 90]));
    let recipes: Vec<String> = papers.documents.recipes.keys().cloned().collect();
    for recipe in &recipes {
        if dice.chance(35) {
            let effect = match dice.below(4) {
                0 => Effect::Down,
                1 => Effect::Late(dice.span(Span::seconds(10), Span::minutes(5))),
                2 => Effect::Loop,
                _ => Effect::FailsVerify,
            };
            let role = dice.pick(&ROLES);
            ways.harm
                .insert((recipe.clone(), (*role).to_owned()), effect);
        }
        let difficult = *dice.pick(&[0, 5, 15, 30]);
        for host in 0..hosts {
            if dice.chance(difficult) {
                let trouble = trouble(&mut dice);
                ways.trouble.insert((host, recipe.clone()), trouble);
            }
            if dice.chance(4) {
                ways.already
                    .insert((host, recipe.clone()), "2.0".to_owned());
            }
        }
    }
    turn_away(seed, &recipes, hosts, &mut ways);
    more_harm(seed, &recipes, hosts, &mut ways);
    if dice.chance(40) {
        ways.sick = (0..hosts)
            .filter_map(|host| {
                let sick = dice.chance(8);
                let span = dice.span(Span::minutes(2), Span::minutes(90));
                sick.then_some((host, span))
            })
            .collect::<BTreeMap<_, _>>();
    }
    ways
}

/// Hosts that would not let a step begin (a full disk, no `sudo`), and hosts that belong to a database that is lost. From
/// dice of their own, so that everything else in a seed stays as it was.
fn turn_away(seed: u64, recipes: &[String], hosts: usize, ways: &mut Ways) {
    let mut dice = Dice::new(seed, "owners and refusals");
    let (refusing, lost) = (dice.chance(20), dice.chance(10));
    for host in 0..hosts {
        for recipe in recipes.iter().filter(|_| refusing) {
            if dice.chance(8) {
                let trouble = trouble(&mut dice);
                ways.refuses
                    .insert((host, recipe.clone()), (trouble.kind, trouble.times));
            }
        }
        if lost && dice.chance(20) {
            ways.foreign.insert(host);
        }
    }
}

fn trouble(dice: &mut Dice) -> Trouble {
    Trouble {
        kind: *dice.pick(&[
            StepKind::Inspect,
            StepKind::Precheck,
            StepKind::Drain,
            StepKind::Apply,
            StepKind::Apply,
            StepKind::Rollback,
            StepKind::Reboot,
            StepKind::Verify,
            StepKind::CareVerify,
            StepKind::Undrain,
        ]),
        times: *dice.pick(&[1, 1, 2, 255]),
        hangs: dice.chance(20),
    }
}

/// Harm that shows hours later or on a trigger, installations that fail on a role, attempts that hurt, and hosts that do
/// not all have the same. From dice of their own, so that everything else in a seed stays as it was.
fn more_harm(seed: u64, recipes: &[String], hosts: usize, ways: &mut Ways) {
    let mut dice = Dice::new(seed, "more harm");
    for recipe in recipes {
        if dice.chance(20) {
            let effect = match dice.below(4) {
                0 => Effect::FailsApply,
                1 => Effect::Trigger(dice.span(Span::minutes(10), Span::hours(6))),
                _ => Effect::Latent(dice.span(Span::minutes(5), Span::hours(6))),
            };
            let role = (*dice.pick(&ROLES)).to_owned();
            ways.harm.entry((recipe.clone(), role)).or_insert(effect);
        }
        let (hurting, older) = (*dice.pick(&[0, 0, 20, 60]), *dice.pick(&[0, 30, 50]));
        for host in 0..hosts {
            if dice.chance(hurting) {
                ways.hurts.insert((host, recipe.clone()));
            }
            if dice.chance(older) {
                let first = (*dice.pick(&["0.8", "0.9"])).to_owned();
                ways.first.insert((host, recipe.clone()), first);
            }
        }
    }
}
