//! `ringway simulate`: one future told, or many summed up.

use std::path::Path;

use indicatif::ProgressBar;
use ringway_simulator::future::{Keep, Luck, Setting};

use super::interrupted::or_interrupted;
use super::page;
use super::question::Question;
use super::story::Story;
use super::told::FutureTold;
use super::trials::Trials;
use crate::args::Simulate;
use crate::exit::{End, Failure, Outcome};
use crate::file;
use crate::out::Out;

/// `ringway simulate`.
pub(crate) async fn simulate(out: Out, args: Simulate) -> Outcome {
    or_interrupted(out, move |bar| work(out, &args, &bar)).await
}

fn work(out: Out, args: &Simulate, bar: &ProgressBar) -> Outcome {
    let html = args.place.html.as_deref();
    if let Some(path) = html {
        file::check(path)?;
    }
    let mut question = Question::read(out, &args.documents.paths, &args.place)?;
    let plans = question.plans(args.policy.as_deref())?;
    question.fill(plans.iter().map(|(plan, _)| plan));
    let setting = question.setting(plans)?;
    match args.trials {
        None => one(out, args, &question, &setting),
        Some(trials) => {
            let trials = Trials::of(&question, &setting, args.place.seed, trials, bar);
            bar.finish_and_clear();
            if let Some(path) = html {
                file::write(path, &page::trials(&trials))?;
                told_of(out, path);
            }
            out.value(&trials, Trials::text);
            trials
                .fault()
                .map_or(Ok(End::Done), |fault| Err(ours(&fault)))
        }
    }
}

fn one(out: Out, args: &Simulate, question: &Question, setting: &Setting) -> Outcome {
    let html = args.place.html.as_deref();
    let keep = Keep {
        checked: true,
        trace: Some(usize::MAX),
        curve: html.is_some(),
        journal: true,
    };
    let outcome = setting.run(args.place.seed, Luck::Certain, keep);
    let story = Story::of(&outcome).map_err(|why| {
        ours(&format!(
            "the journal of seed {} does not read: {why}",
            args.place.seed
        ))
    })?;
    let lines = (!args.all).then_some(args.lines);
    let told = FutureTold::of(question, setting, &outcome, &story, lines);
    if let Some(path) = html {
        file::write(path, &page::future(&told, &outcome))?;
        told_of(out, path);
    }
    out.value(&told, |told| told.text(&story, lines));
    told.fault()
        .map_or(Ok(End::Done), |fault| Err(ours(&fault)))
}

/// Says where a page is.
pub(super) fn told_of(out: Out, path: &Path) {
    out.say(&format!("`{}` has the page for a browser", path.display()));
}

/// A fault that the checkers found is never the documents'.
fn ours(what: &str) -> Failure {
    Failure::new(End::Fault, what)
        .hint("this is a fault of Ringway, whatever the documents say: please report it with them")
}
