//! The care of roles in the worlds of seeds: questions before a host is taken down, silences, and steps that run on a
//! peer or at the controller. From dice of their own, so that everything else in a seed stays as it was.

use std::collections::BTreeSet;

use ringway_model::{AfterCrash, Place, Span, StepKind};
use ringway_policy::validated::{Care, Command, Last, Ready, Silence, Step};
use ringway_scheduler::compile_fleet;

use crate::dice::Dice;
use crate::documents::Papers;
use crate::world::{Trouble, Ways};

/// The cares that a host without a peer has; nothing where the fleet does not compile.
fn alone(papers: &Papers) -> Option<BTreeSet<String>> {
    let spec = compile_fleet(papers.documents.fleet.as_ref()?).ok()?;
    let mut alone = BTreeSet::new();
    for host in &spec.hosts {
        let Some(group) = host.group else { continue };
        let peers = host
            .cell
            .is_some_and(|cell| spec.cells[cell.index()].members.len() > 1);
        let care = spec.groups[group.index()].care.clone();
        alone.extend(care.filter(|_| !peers));
    }
    Some(alone)
}

/// Gives the cares of some worlds questions and silences, and lets their steps run beside the hosts.
pub(crate) fn with_questions(papers: &mut Papers, dice: &mut Dice) {
    let Some(alone) = alone(papers) else { return };
    for (name, care) in &mut papers.documents.cares {
        let peers = !alone.contains(name);
        questions(care, dice, peers);
    }
}

/// Lets peers take hosts out of service and put them back, where every host that has the care has one. Nothing else comes
/// first on the way back: who has no peer cannot even begin.
pub(crate) fn by_peers(papers: &mut Papers) {
    let Some(alone) = alone(papers) else { return };
    for (name, care) in &mut papers.documents.cares {
        if !alone.contains(name) {
            care.silence = None;
            for step in [&mut care.drain, &mut care.undrain].into_iter().flatten() {
                step.at = Place::Peer;
            }
        }
    }
}

fn questions(care: &mut Care, dice: &mut Dice, peers: bool) {
    if dice.chance(60) {
        let within = Span::minutes(*dice.pick(&[5, 15, 45]));
        care.ready = Some(Ready {
            step: step(dice, peers),
            within,
            every: Span::seconds(*dice.pick(&[30, 60, 180])),
        });
    }
    if dice.chance(60) {
        care.last = Some(Last {
            step: step(dice, peers),
            every: Span::minutes(*dice.pick(&[1, 3])),
        });
    }
    if dice.chance(60) {
        let begin = step(dice, peers);
        care.silence = Some(Silence {
            end: begin.clone(),
            begin,
            at_most: *dice.pick(&[Span::minutes(60), Span::hours(24 * 30)]),
        });
    }
    for step in [&mut care.drain, &mut care.verify, &mut care.undrain]
        .into_iter()
        .flatten()
    {
        step.at = place(dice, peers);
    }
}

fn place(dice: &mut Dice, peers: bool) -> Place {
    match dice.below(3) {
        0 => Place::Host,
        1 if peers => Place::Peer,
        _ => Place::Controller,
    }
}

fn step(dice: &mut Dice, peers: bool) -> Step {
    Step {
        run: Command::Shell("true".to_owned()),
        at: place(dice, peers),
        timeout: Span::minutes(dice.between(1, 5)),
        after_crash: AfterCrash::Repeat,
        expect: None,
    }
}

/// Questions that cannot be answered and silences that fail, on hosts that have no other trouble.
pub(crate) fn trouble(papers: &Papers, ways: &mut Ways, dice: &mut Dice) {
    let hosts = papers
        .documents
        .fleet
        .as_ref()
        .map_or(0, |fleet| fleet.hosts.len());
    let kinds = [
        StepKind::Ready,
        StepKind::Last,
        StepKind::Silence,
        StepKind::Unsilence,
    ];
    for recipe in papers.documents.recipes.keys() {
        for host in 0..hosts {
            if dice.chance(6) {
                let trouble = Trouble {
                    kind: *dice.pick(&kinds),
                    times: *dice.pick(&[1, 2, 255]),
                    // A question that fails with exit code 1 is one that is answered.
                    hangs: true,
                };
                let key = (host, recipe.clone());
                ways.trouble.entry(key).or_insert(trouble);
            }
        }
    }
}
