//! Routes: how a kind of host is visited, compiled from a release, a recipe and the care of a group.
//!
//! A route has every step once and a list of steps for each kind of visit. What a document leaves out is left out
//! here: no step is invented.

use std::collections::BTreeMap;

use ringway_model::{AfterCrash, Place, StepKind};
use ringway_policy::validated::{
    Care, Command, Inspect, Last, Manual, Protect, Ready, Recipe, Recovery, Release, Silence, Step,
    Work,
};

use crate::plan::{More, NO_COMMAND, Route, StepPlan};
use crate::problem::PlanProblem;

/// Compiles one route.
///
/// # Errors
///
/// Every parameter without a value, and every placeholder that stands for nothing.
#[expect(
    clippy::too_many_lines,
    reason = "the steps of a route are put in order in one place"
)]
pub fn compile(
    release: &Release,
    recipe: &Recipe,
    care: Option<&Care>,
) -> Result<Route, Vec<PlanProblem>> {
    let mut problems = Vec::new();
    let parameters = parameters(release, recipe, &mut problems);
    let mut steps = Vec::new();
    let mut add = |kind, step: Option<&Step>, more| {
        if let Some(step) = step {
            steps.push(StepPlan {
                kind,
                step: step.clone(),
                more,
            });
        }
    };
    if let Some(Recovery { step, back_within }) = &recipe.recovery {
        let back_within = *back_within;
        add(
            StepKind::Recovery,
            Some(step),
            More::Recovery { back_within },
        );
    }
    if let Some(stage) = &recipe.stage {
        let at_once = stage.at_once.get();
        add(StepKind::Stage, Some(&stage.step), More::Stage { at_once });
    }
    if let Some(inspect) = &recipe.inspect {
        let more = inspection(inspect, release, &parameters, &mut problems);
        add(StepKind::Inspect, Some(&inspect.step), more);
    }
    let care_step = |step: fn(&Care) -> &Option<Step>| care.and_then(|care| step(care).as_ref());
    add(StepKind::Precheck, recipe.precheck.as_ref(), More::Nothing);
    if let Some(Protect { step, keep, .. }) = &recipe.protect {
        add(StepKind::Protect, Some(step), More::Protect { keep: *keep });
    }
    if let Some(Ready {
        step,
        within,
        every,
    }) = care.and_then(|care| care.ready.as_ref())
    {
        let (within, every) = (*within, *every);
        add(StepKind::Ready, Some(step), More::Ready { within, every });
    }
    if let Some(Last { step, every }) = care.and_then(|care| care.last.as_ref()) {
        add(StepKind::Last, Some(step), More::Last { every: *every });
    }
    let silence = care.and_then(|care| care.silence.as_ref());
    if let Some(Silence { begin, at_most, .. }) = silence {
        let at_most = *at_most;
        add(StepKind::Silence, Some(begin), More::Silence { at_most });
    }
    add(
        StepKind::Drain,
        care_step(|care| &care.drain),
        More::Nothing,
    );
    let (step, more) = work(&recipe.apply, release, &parameters, &mut problems);
    add(StepKind::Apply, Some(&step), more);
    if let Some(rollback) = recipe.rollback.as_ref().filter(|_| can_roll_back(recipe)) {
        let (step, more) = work(rollback, release, &parameters, &mut problems);
        add(StepKind::Rollback, Some(&step), more);
    }
    if let Some(reboot) = &recipe.reboot {
        let more = More::Reboot {
            when: reboot.when.clone(),
            boot_id: reboot.boot_id.clone(),
            restarts: (reboot.restarts.0.get(), reboot.restarts.1.get()),
            back_within: reboot.back_within,
        };
        add(StepKind::Reboot, Some(&reboot.step), more);
    }
    add(StepKind::Verify, recipe.verify.as_ref(), More::Nothing);
    add(
        StepKind::CareVerify,
        care_step(|care| &care.verify),
        More::Nothing,
    );
    add(
        StepKind::Undrain,
        care_step(|care| &care.undrain),
        More::Nothing,
    );
    if let Some(Silence { end, at_most, .. }) = silence {
        let at_most = *at_most;
        add(StepKind::Unsilence, Some(end), More::Silence { at_most });
    }
    let remove = recipe.protect.as_ref().map(|protect| &protect.remove);
    add(StepKind::Unprotect, remove, More::Nothing);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Route {
        release: release.id.clone(),
        build: release.build.clone(),
        recipe: recipe.name.clone(),
        care: care.map(|care| care.name.clone()),
        parameters,
        visits: visits(&steps),
        settings: recipe
            .parameters
            .iter()
            .filter(|(_, default)| default.is_some())
            .map(|(name, _)| name.clone())
            .collect(),
        steps,
    })
}

/// What changes a host, as a step: a command as it is, or the work of a person.
fn work(
    work: &Work,
    release: &Release,
    parameters: &BTreeMap<String, String>,
    problems: &mut Vec<PlanProblem>,
) -> (Step, More) {
    let manual: &Manual = match work {
        Work::Run(step) => return (step.clone(), More::Nothing),
        Work::Manual(manual) => manual,
    };
    let step = Step {
        run: Command::Shell(NO_COMMAND.to_owned()),
        at: Place::Controller,
        timeout: manual.within,
        after_crash: AfterCrash::Inspect,
        expect: None,
    };
    let more = More::Manual {
        instructions: filled(
            &manual.instructions,
            "instructions",
            release,
            parameters,
            problems,
        ),
        evidence: manual.evidence,
    };
    (step, more)
}

/// A rollback goes back to what `inspect` found; without that there is nothing to go back to.
fn can_roll_back(recipe: &Recipe) -> bool {
    let previous = recipe
        .inspect
        .as_ref()
        .and_then(|inspect| inspect.previous.as_ref());
    recipe.rollback.is_some() && previous.is_some()
}

/// The steps of each kind of visit, by `VisitKind` in its order. A visit without the step it is for is empty.
///
/// A host is brought back only to be given what mends it, never to be restarted or taken back.
///
/// A rollback asks nobody whether its host may be taken down: it mends, and what is broken may be why the answer is no.
fn visits(steps: &[StepPlan]) -> [Vec<u8>; 3] {
    use StepKind::{
        Apply, Inspect, Last, Precheck, Protect, Ready, Reboot, Recovery, Rollback, Stage,
        Unprotect,
    };
    let list = |purpose: StepKind, leaves_out: &[StepKind]| -> Vec<u8> {
        if !steps.iter().any(|step| step.kind == purpose) {
            return Vec::new();
        }
        let place = |kind: StepKind| steps.iter().position(|step| step.kind == kind);
        let kinds = StepKind::ALL.into_iter();
        kinds
            // What was made is removed outside of any visit.
            .filter(|kind| *kind != Unprotect && !leaves_out.contains(kind))
            .filter_map(place)
            .map(|at| u8::try_from(at).expect("there are few kinds of steps, each once"))
            .collect()
    };
    [
        list(Apply, &[Rollback]),
        list(
            Reboot,
            &[Recovery, Stage, Inspect, Precheck, Protect, Apply, Rollback],
        ),
        list(
            Rollback,
            &[
                Recovery, Stage, Inspect, Precheck, Protect, Ready, Last, Apply,
            ],
        ),
    ]
}

fn parameters(
    release: &Release,
    recipe: &Recipe,
    problems: &mut Vec<PlanProblem>,
) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for (name, default) in &recipe.parameters {
        match release.with.get(name).or(default.as_ref()) {
            Some(value) => {
                values.insert(name.clone(), value.clone());
            }
            None => problems.push(PlanProblem::new(
                "parameter-missing",
                format!(
                    "release `{}` gives no value for parameter `{name}` of recipe `{}`",
                    release.id, recipe.name
                ),
                format!("add `with: {{ {name}: ... }}` to the release"),
            )),
        }
    }
    values
}

fn inspection(
    inspect: &Inspect,
    release: &Release,
    parameters: &BTreeMap<String, String>,
    problems: &mut Vec<PlanProblem>,
) -> More {
    let mut fill = |text: &str, key: &str| filled(text, key, release, parameters, problems);
    More::Inspect {
        installed_when: fill(&inspect.installed_when, "installed_when"),
        previous: inspect.previous.as_ref().map(|text| fill(text, "previous")),
    }
}

/// A text with everything in it that is known before the visit; a problem where it names what is not there.
fn filled(
    text: &str,
    key: &str,
    release: &Release,
    parameters: &BTreeMap<String, String>,
    problems: &mut Vec<PlanProblem>,
) -> String {
    fill(text, release, parameters).unwrap_or_else(|name| {
        problems.push(PlanProblem::new(
            "placeholder-empty",
            format!(
                "`{key}` names `{{{name}}}`, which release `{}` does not have",
                release.id
            ),
            "use `{output}`, `{id}`, `{build}` where the release has one, or a parameter of the \
             recipe",
        ));
        String::new()
    })
}

/// Replaces what is known before the visit and leaves `{output}`. Braces around anything but a name are text.
fn fill(
    text: &str,
    release: &Release,
    parameters: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        filled.push_str(before);
        let name = from[1..]
            .split_once('}')
            .map(|(name, _)| name)
            .filter(|name| is_name(name));
        let Some(name) = name else {
            filled.push('{');
            rest = &from[1..];
            continue;
        };
        if name == "output" {
            filled.push_str("{output}");
        } else {
            let own = match name {
                "id" => Some(&release.id),
                "build" => release.build.as_ref(),
                _ => None,
            };
            filled.push_str(
                parameters
                    .get(name)
                    .or(own)
                    .ok_or_else(|| name.to_owned())?,
            );
        }
        rest = &from[name.len() + 2..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use ringway_model::Selector;
    use ringway_policy::validated::Vendor;

    use super::*;

    #[test]
    fn placeholders_are_replaced_once_and_output_is_left_for_the_visit() {
        let release = Release {
            select: Selector::All,
            id: "nginx".to_owned(),
            build: Some("1.24".to_owned()),
            with: BTreeMap::new(),
            vendor: Vendor::default(),
        };
        let parameters = [("version".to_owned(), "{build}".to_owned())].into();
        for (text, expected) in [
            ("ii  {version}", Ok("ii  {build}")),
            ("{id} {build}", Ok("nginx 1.24")),
            ("{output}", Ok("{output}")),
            (
                "a { b } {} {\"json\": 1} {",
                Ok("a { b } {} {\"json\": 1} {"),
            ),
            ("{{build}}", Ok("{1.24}")),
            ("{nothing}", Err("nothing")),
        ] {
            let found = fill(text, &release, &parameters);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
