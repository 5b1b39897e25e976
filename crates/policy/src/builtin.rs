//! Recipes that come with Ringway: the ready-made documents in `policies/recipes`, compiled in.

use ringway_model::Digest;

use crate::elements::recipe;
use crate::fields::{Cx, Notes};
use crate::problem::Found;
use crate::validated::Recipe;
use crate::yaml;

/// Name and text of each.
pub(crate) const RECIPES: [(&str, &str); 6] = [
    (
        "debian-package",
        include_str!("../../../policies/recipes/debian-package.yaml"),
    ),
    (
        "debian-package-zfs",
        include_str!("../../../policies/recipes/debian-package-zfs.yaml"),
    ),
    (
        "debian-upgrade",
        include_str!("../../../policies/recipes/debian-upgrade.yaml"),
    ),
    (
        "manual",
        include_str!("../../../policies/recipes/manual.yaml"),
    ),
    (
        "rpm-package",
        include_str!("../../../policies/recipes/rpm-package.yaml"),
    ),
    (
        "script",
        include_str!("../../../policies/recipes/script.yaml"),
    ),
];

/// The recipes that come with Ringway, by name.
pub fn built_in_recipes() -> Vec<Recipe> {
    RECIPES
        .iter()
        .filter_map(|(name, _)| recipe(name))
        .map(|(recipe, _)| recipe)
        .collect()
}

/// The built-in recipe of this name, and its text.
pub(crate) fn recipe(name: &str) -> Option<(Recipe, &'static str)> {
    let (_, text) = RECIPES.iter().find(|(known, _)| *known == name)?;
    let (mut found, mut notes) = (Found::default(), Notes::default());
    let trees = yaml::read(0, text, &mut found);
    let cx = Cx::new(text, &mut found, &mut notes);
    let tree = trees.first()?;
    let recipe = recipe::read(&cx, &tree.root, Digest::of(tree.text.as_bytes()))?;
    Some((recipe, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_recipe_is_valid_and_has_its_name() {
        for (name, text) in RECIPES {
            let source = crate::Source::new(name, text);
            let documents = crate::read(&[source]).map_err(|p| p.to_string()).unwrap();
            let (built_in, _) = recipe(name).unwrap();
            assert_eq!(documents.recipes[name], built_in);
        }
    }
}
