//! The values of a release and the parameters of its recipe must fit.

use crate::elements::recipe::MANIFEST;
use crate::fields::{Notes, nearest};
use crate::problem::{Code, Found, Report};
use crate::validated::{Documents, Recipe, Release};

/// Reports values the recipe does not have, and parameters it requires and does not get.
pub(super) fn check(documents: &Documents, notes: &Notes, found: &mut Found) {
    for update in documents.updates.values() {
        let Some(recipe) = documents.recipes.get(&update.recipe) else {
            continue;
        };
        for (index, release) in update.releases.iter().enumerate() {
            let path = format!("update {} release {index}", update.name);
            one(recipe, release, &path, notes, found);
        }
    }
}

fn one(recipe: &Recipe, release: &Release, path: &str, notes: &Notes, found: &mut Found) {
    for name in release.with.keys() {
        if recipe.parameters.contains_key(name) {
            continue;
        }
        let known: Vec<&str> = recipe.parameters.keys().map(String::as_str).collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "the recipe has no parameters".to_owned(),
            None => format!("its parameters are {}", super::listed(&known)),
        };
        let message = format!("recipe `{}` has no parameter `{name}`", recipe.name);
        let place = super::place(notes, &format!("{path} with {name}"));
        found.report(Report::new(Code::UnknownParameter, place, message).hint(hint));
    }
    let missing: Vec<&str> = recipe
        .parameters
        .iter()
        .filter(|(name, default)| default.is_none() && !release.with.contains_key(*name))
        // What a recipe finds out itself may still be missing here; a plan cannot be made without it.
        .filter(|(name, _)| recipe.manifest.is_none() || name.as_str() != MANIFEST)
        .map(|(name, _)| name.as_str())
        .collect();
    if !missing.is_empty() {
        let message = format!(
            "release `{}` does not give {}, which recipe `{}` requires",
            release.id,
            super::listed(&missing),
            recipe.name
        );
        let place = super::place(notes, path);
        let values: Vec<String> = missing.iter().map(|name| format!("{name}: ...")).collect();
        let hint = format!(
            "give it in `with`, as in `with: {{ {} }}`",
            values.join(", ")
        );
        found.report(Report::new(Code::MissingParameter, place, message).hint(hint));
    }
}
