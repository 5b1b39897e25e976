//! `recipes`: what can install an update here, and what each of them can.

use std::collections::BTreeMap;
use std::path::Path;

use ringway_policy::validated::Recipe;
use serde::Serialize;

use crate::args::Documents;
use crate::documents;
use crate::exit::{End, Outcome};
use crate::out::Out;
use crate::show::{bold, put};

/// One recipe.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a table of abilities, each of which a recipe has or has not"
)]
struct Known {
    name: String,
    /// Whether it comes with Ringway.
    built_in: bool,
    inspect: bool,
    rollback: bool,
    manifest: bool,
    reboot: bool,
    protect: bool,
    /// Parameters with their defaults; null: required.
    parameters: BTreeMap<String, Option<String>>,
}

impl Known {
    fn new(recipe: Recipe, built_in: bool) -> Self {
        let can = recipe.abilities();
        Self {
            name: recipe.name,
            built_in,
            inspect: can.inspect,
            rollback: can.rollback,
            manifest: can.manifest,
            reboot: can.reboot,
            protect: can.protect,
            parameters: recipe.parameters,
        }
    }

    fn words(&self) -> String {
        let from = if self.built_in {
            "built in"
        } else {
            "from the documents"
        };
        let mut text = format!("{}   {from}\n", bold(&self.name));
        for (can, yes, no) in [
            (
                self.inspect,
                "tells what is installed",
                "cannot tell what is installed",
            ),
            (
                self.rollback,
                "can go back",
                "cannot go back: there is no rollback with it",
            ),
            (
                self.manifest,
                "can say beforehand what it would install (`ringway manifest`)",
                "",
            ),
            (
                self.reboot,
                "restarts where that is needed",
                "restarts nothing",
            ),
            (
                self.protect,
                "makes a snapshot before it changes anything (`ringway protections`)",
                "",
            ),
        ] {
            let line = if can { yes } else { no };
            if !line.is_empty() {
                put(&mut text, format_args!("  {line}\n"));
            }
        }
        for (name, default) in &self.parameters {
            let default = match default {
                None => "required".to_owned(),
                Some(empty) if empty.is_empty() => "optional".to_owned(),
                Some(value) => format!("`{value}` where it is not given"),
            };
            put(&mut text, format_args!("    {name}: {default}\n"));
        }
        text
    }
}

/// `ringway recipes`.
pub(crate) fn recipes(out: Out, args: &Documents) -> Outcome {
    let built_in = ringway_policy::built_in_recipes();
    let mut known: BTreeMap<String, Known> = built_in
        .iter()
        .map(|recipe| (recipe.name.clone(), Known::new(recipe.clone(), true)))
        .collect();
    // Somebody who looks around has no documents yet.
    if !args.paths.is_empty() || documents::has_any(Path::new(".")) {
        let read = documents::read(out, &args.paths)?;
        for (name, recipe) in read.documents.recipes {
            if !built_in.contains(&recipe) {
                known.insert(name, Known::new(recipe, false));
            }
        }
    }
    let known: Vec<Known> = known.into_values().collect();
    out.values(&known, Known::words);
    Ok(End::Done)
}
