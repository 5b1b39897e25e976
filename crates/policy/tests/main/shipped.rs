//! Everything in `policies/`: what each file can do. What its shell is to shells, and what it is in a plan, is tried in
//! the tests of the whole.

#![expect(
    clippy::disallowed_methods,
    reason = "the files are those of the repository"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use ringway_policy::validated::{Abilities, Care, Documents};
use ringway_policy::{Source, built_in_recipes, read};

use crate::whole::documents;

fn shipped(folder: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../policies")
        .join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    files
}

fn read_one(path: &Path) -> Documents {
    let source = Source::new(path.display().to_string(), fs::read(path).unwrap());
    read(&[source]).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The kinds of steps a care has, by their keys.
fn steps(care: &Care) -> String {
    let has = [
        ("ready", care.ready.is_some()),
        ("last", care.last.is_some()),
        ("silence", care.silence.is_some()),
        ("drain", care.drain.is_some()),
        ("verify", care.verify.is_some()),
        ("undrain", care.undrain.is_some()),
    ];
    let names = has.iter().filter(|(_, has)| *has).map(|(name, _)| *name);
    names.collect::<Vec<_>>().join(" ")
}

/// The page and the command that list recipes say what each can; this is what they rely on.
#[test]
fn every_recipe_says_what_it_can() {
    let all = |manifest| Abilities {
        inspect: true,
        rollback: true,
        manifest,
        reboot: true,
        recovery: false,
        protect: false,
    };
    let can: Vec<(String, Abilities)> = built_in_recipes()
        .into_iter()
        .map(|recipe| (recipe.name.clone(), recipe.abilities()))
        .collect();
    assert_eq!(
        can,
        [
            ("debian-package".to_owned(), all(false)),
            (
                "debian-package-zfs".to_owned(),
                Abilities {
                    reboot: false,
                    protect: true,
                    ..all(false)
                },
            ),
            ("debian-upgrade".to_owned(), all(true)),
            (
                "manual".to_owned(),
                Abilities {
                    inspect: false,
                    rollback: false,
                    manifest: false,
                    reboot: false,
                    recovery: false,
                    protect: false,
                },
            ),
            ("rpm-package".to_owned(), all(false)),
            ("script".to_owned(), all(false)),
        ]
    );
    assert_eq!(
        shipped("recipes").len(),
        can.len(),
        "a file is not built in"
    );
}

/// A recipe without `previous` cannot go back, whatever it calls a rollback.
#[test]
fn abilities_are_those_of_the_steps_there_are() {
    let text = "ringway: recipe/v1\nname: plain\nsteps: { apply: { run: ./apply } }\n";
    let can = documents(&[text]).recipes["plain"].abilities();
    let nothing = Abilities {
        inspect: false,
        rollback: false,
        manifest: false,
        reboot: false,
        recovery: false,
        protect: false,
    };
    assert_eq!(can, nothing);
}

/// What was not tried on the real thing says so where nobody can miss it.
#[test]
fn every_shipped_care_is_called_as_its_file_and_says_what_it_was_tried_on() {
    let mut found = Vec::new();
    for path in shipped("cares") {
        let text = fs::read_to_string(&path).unwrap();
        for (name, care) in read_one(&path).cares {
            assert_eq!(path.file_stem().unwrap().to_str(), Some(name.as_str()));
            let tried = text.contains("Run for real");
            assert_ne!(tried, text.contains("NOT RUN ON"), "{name}");
            found.push(format!(
                "{name}: {}{}",
                steps(&care),
                if tried { "" } else { " (not tried)" }
            ));
        }
    }
    assert_eq!(
        found,
        [
            "alertmanager: silence",
            "domain-controller: ready last verify (not tried)",
            "failover-cluster: ready drain undrain (not tried)",
            "haproxy: drain verify undrain",
            "nginx-upstream: drain verify undrain",
            "postgresql-pair: ready last drain undrain",
            "sql-always-on: ready last drain undrain (not tried)",
        ]
    );
}

/// A manifest is asked for after the update has been written, so its absence is no problem of the documents yet.
#[test]
fn an_update_may_wait_for_its_manifest() {
    let update = "ringway: update/v1\nname: it\nrecipe: debian-upgrade\nreleases:\n  - { select: all, id: a }\n";
    let it = documents(&[update]);
    assert_eq!(it.recipes["debian-upgrade"].parameters["manifest"], None);
    assert!(it.updates["it"].releases[0].with.is_empty());
}
