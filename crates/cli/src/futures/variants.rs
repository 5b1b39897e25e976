//! `ringway what-if`: the same futures for several policies, or for one with shorter and longer soaks.

use std::sync::Arc;

use indicatif::ProgressBar;
use ringway_model::Span;
use ringway_simulator::future::what_if::{Answer, Tried, with_soaks};
use ringway_simulator::future::{Keep, Luck, Setting};

use super::answer::{Asked, WhatIfTold};
use super::interrupted::or_interrupted;
use super::question::{Plans, Question};
use super::simulate::told_of;
use super::soaks::{self, Times};
use super::{many, page};
use crate::args::WhatIf;
use crate::exit::{End, Failure, Outcome};
use crate::file;
use crate::out::Out;

/// One of those that are compared.
pub(super) struct Variant {
    /// What it is called where the others are, too.
    pub(super) label: String,
    pub(super) policy: String,
    pub(super) soaks: Times,
    pub(super) setting: Setting,
    pub(super) good: Vec<Tried>,
    pub(super) bad: Vec<Tried>,
    pub(super) answer: Answer,
}

/// `ringway what-if`.
pub(crate) async fn what_if(out: Out, args: WhatIf) -> Outcome {
    or_interrupted(out, move |bar| work(out, &args, &bar)).await
}

fn work(out: Out, args: &WhatIf, bar: &ProgressBar) -> Outcome {
    let html = args.place.html.as_deref();
    if let Some(path) = html {
        file::check(path)?;
    }
    let policies = named(&args.policy);
    let times = soaks::wanted(args.soaks.as_deref(), policies.len())?;
    let mut question = Question::read(out, &args.documents.paths, &args.place)?;
    let mut variants = variants(&mut question, &policies, &times)?;
    let_happen(&mut variants, &question, args, bar);
    bar.finish_and_clear();
    let asked = Asked {
        seed: args.place.seed,
        trials: args.trials,
        policies: policies.len(),
    };
    let told = WhatIfTold::of(&question, &variants, asked);
    if let Some(path) = html {
        file::write(path, &page::what_if(&told))?;
        told_of(out, path);
    }
    out.value(&told, WhatIfTold::text);
    Ok(End::Done)
}

/// The policies that were named, each once: one compared with itself says nothing. Without any, the only one there is.
fn named(policies: &[String]) -> Vec<Option<String>> {
    let mut names: Vec<Option<String>> = Vec::new();
    for policy in policies {
        if !names.contains(&Some(policy.clone())) {
            names.push(Some(policy.clone()));
        }
    }
    if names.is_empty() {
        names.push(None);
    }
    names
}

/// Every policy with every scale of its soaks, in one world.
fn variants(
    question: &mut Question,
    policies: &[Option<String>],
    times: &[Times],
) -> Result<Vec<Variant>, Failure> {
    let plans = policies
        .iter()
        .map(|policy| question.plans(policy.as_deref()))
        .collect::<Result<Vec<Plans>, _>>()?;
    question.fill(plans.iter().flatten().map(|(plan, _)| plan));
    let several = plans.len() > 1;
    let mut variants = Vec::new();
    for plans in &plans {
        for &scale in times {
            variants.push(variant(question, plans, scale, (several, times.len() > 1))?);
        }
    }
    Ok(variants)
}

fn variant(
    question: &Question,
    plans: &Plans,
    soaks: Times,
    (several_policies, several_soaks): (bool, bool),
) -> Result<Variant, Failure> {
    let mut plans = plans.clone();
    let policy = plans.first().map(|(plan, _)| plan.policy.clone());
    let policy = policy.unwrap_or_default();
    if soaks != Times::ONE
        && let Some((plan, _)) = plans.first_mut()
    {
        *plan = with_soaks(plan, soaks.times, soaks.by);
    }
    let scale = if soaks == Times::ONE {
        "soaks as written".to_owned()
    } else {
        format!("soaks x {soaks}")
    };
    Ok(Variant {
        label: match (several_policies, several_soaks) {
            (true, true) => format!("{policy}, x {soaks}"),
            (true, false) => policy.clone(),
            (false, _) => scale,
        },
        policy,
        soaks,
        setting: question.setting(plans)?,
        good: Vec::new(),
        bad: Vec::new(),
        answer: Answer::default(),
    })
}

/// Half of the futures have a good update, half a bad one. All variants meet the same ones.
fn let_happen(variants: &mut [Variant], question: &Question, args: &WhatIf, bar: &ProgressBar) {
    let each = usize::try_from(args.trials).unwrap_or(usize::MAX);
    let good = each / 2;
    let count = each * variants.len();
    bar.set_length(count as u64);
    let settings: Vec<&Setting> = variants.iter().map(|variant| &variant.setting).collect();
    // The variants take turns, so that the time that is left can be told from the time that has passed.
    let tried = many::all(count, bar, |index| {
        let (number, variant) = (index / settings.len(), index % settings.len());
        let (luck, number) = if number < good {
            (Luck::Certain, number)
        } else {
            (Luck::Bad, number - good)
        };
        let seed = args.place.seed.wrapping_add(number as u64);
        let outcome = settings[variant].run(seed, luck, Keep::default());
        Tried::of(&outcome).expect("a setting has at least one rollout")
    });
    let priors = &question.world.priors;
    let turns = variants.len();
    for (index, variant) in variants.iter_mut().enumerate() {
        let of_variant = || tried.iter().skip(index).step_by(turns).copied();
        variant.good = of_variant().take(good).collect();
        variant.bad = of_variant().skip(good).collect();
        variant.answer = Answer::of(
            &variant.good,
            &variant.bad,
            priors.bad,
            priors.hazard_per_year,
        );
    }
}

impl Variant {
    /// The plan it is about.
    pub(super) fn plan(&self) -> Option<&Arc<ringway_scheduler::Plan>> {
        self.setting.plans().next()
    }

    /// Whether any of its rings is observed for any time at all.
    pub(super) fn soaks_at_all(&self) -> bool {
        self.plan()
            .is_some_and(|plan| plan.rings.iter().any(|ring| ring.soak > Span::ZERO))
    }
}
