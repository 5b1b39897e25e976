//! Who may use whom: the crate table of `ARCHITECTURE.md` against what cargo says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use ringway_tests::{Metadata, root};

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    layer: String,
    pub(crate) name: String,
    may_use: BTreeSet<String>,
}

impl Row {
    pub(crate) fn is_pure(&self) -> bool {
        self.layer == "pure"
    }
}

/// The table as it stands in the document.
pub(crate) fn table() -> Vec<Row> {
    read_table(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap())
}

/// Reads the rows `| layer | `crate` | what | may use |`. A row can only name rows above it.
fn read_table(document: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let lines = document
        .lines()
        .skip_while(|line| !line.starts_with("| layer | crate |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    for line in lines {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [layer, name, _, uses] = cells[..] else {
            panic!("not four cells: {line}");
        };
        let may_use = uses
            .split(", ")
            .flat_map(|phrase| meant(phrase, &rows))
            .collect();
        rows.push(Row {
            layer: layer.to_owned(),
            name: name.trim_matches('`').to_owned(),
            may_use,
        });
    }
    rows
}

/// The crates a phrase of the last column means.
fn meant(phrase: &str, above: &[Row]) -> BTreeSet<String> {
    let row = |name: &str| {
        above
            .iter()
            .find(|row| row.name == name)
            .unwrap_or_else(|| panic!("`{name}` is not the name of a row above"))
    };
    let phrase = phrase.strip_suffix(" (in its tests)").unwrap_or(phrase);
    match (phrase, phrase.strip_suffix(" and below")) {
        ("nothing", _) => BTreeSet::new(),
        ("everything above", _) => above.iter().map(|row| row.name.clone()).collect(),
        (_, Some(name)) => {
            let mut all = row(name).may_use.clone();
            all.insert(name.to_owned());
            all
        }
        (name, None) => BTreeSet::from([row(name).name.clone()]),
    }
}

/// A package's name as the table has it.
fn crate_name(package: &str) -> &str {
    package.strip_prefix("ringway-").unwrap_or(package)
}

/// Every use of ours that the table does not allow, as `who -> whom`.
fn forbidden(rows: &[Row], uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let may_use = |who: &str, whom: &str| {
        rows.iter()
            .any(|row| row.name == who && row.may_use.contains(whom))
    };
    uses.iter()
        .flat_map(|(who, whom)| whom.iter().map(move |whom| (who, whom)))
        .filter(|(who, whom)| !may_use(who, whom))
        .map(|(who, whom)| format!("{who} -> {whom}"))
        .collect()
}

/// Who uses whom of ours, for any purpose: a test that reaches further than its crate belongs into `tests/`.
fn uses(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let ours: BTreeSet<&str> = metadata
        .members()
        .map(|package| package.name.as_str())
        .collect();
    metadata
        .members()
        .map(|package| {
            let of_ours = package
                .dependencies
                .iter()
                .filter(|dependency| ours.contains(dependency.name.as_str()))
                // A crate's tests may ask for the crate itself, with a feature.
                .filter(|dependency| dependency.name != package.name)
                .map(|dependency| crate_name(&dependency.name).to_owned())
                .collect();
            (crate_name(&package.name).to_owned(), of_ours)
        })
        .collect()
}

#[test]
fn the_table_names_exactly_the_crates_there_are() {
    let metadata = Metadata::read();
    let named: BTreeSet<String> = table().into_iter().map(|row| row.name).collect();
    let there: BTreeSet<String> = metadata
        .members()
        .map(|package| crate_name(&package.name).to_owned())
        .collect();
    assert_eq!(named, there);
}

#[test]
fn a_crate_uses_only_what_its_row_allows() {
    assert_eq!(forbidden(&table(), &uses(&Metadata::read())), [""; 0]);
}

/// The table is only worth something if a use it does not allow is found.
#[test]
fn a_use_that_the_table_does_not_allow_is_found() {
    let rows = read_table(
        "| layer | crate | what it is | may use of ours |\n|---|---|---|---|\n\
         | pure | `model` | nouns | nothing |\n\
         | pure | `engine` | decides | model |\n\
         | io | `store` | keeps | engine and below |\n\
         | edge | `cli` | shows | everything above |\n\nend\n",
    );
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(rows[2].may_use, set(&["engine", "model"]));
    assert_eq!(rows[3].may_use, set(&["engine", "model", "store"]));
    let uses = BTreeMap::from([
        ("cli".to_owned(), set(&["store", "model"])),
        ("engine".to_owned(), set(&["model", "store"])),
    ]);
    assert_eq!(forbidden(&rows, &uses), ["engine -> store"]);
}

/// Packages that bring a clock, a socket, a thread pool, a random seed or a log with them.
const NOT_IN_A_PURE_CRATE: [&str; 30] = [
    "ahash",
    "anstream",
    "async-std",
    "chrono",
    "clap",
    "console",
    "crossbeam-channel",
    "fastrand",
    "getrandom",
    "hyper",
    "libsqlite3-sys",
    "log",
    "mio",
    "nix",
    "rand",
    "rayon",
    "reqwest",
    "ring",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "sqlx",
    "sqlx-core",
    "tempfile",
    "time",
    "tokio",
    "tracing",
    "uuid",
    "wait-timeout",
];

/// Names of all packages that one of ours needs in order to run, without what only runs while it is compiled.
///
/// `cargo tree` is asked and not `cargo metadata`: the latter unites the features of the whole workspace, and so gives
/// a pure crate what only the others ask for.
fn reached(package: &str) -> BTreeSet<String> {
    let tree = tree(package, "normal,no-proc-macro", "{p}");
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

/// A line for each package that `package` depends on.
fn tree(package: &str, edges: &str, format: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--package", package, "--edges", edges])
        .args(["--prefix", "none", "--format", format])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Bugs are planted to see them caught; a feature that some crate of the product turned on would ship them.
#[test]
fn the_product_has_no_planted_bugs() {
    let tree = tree("ringway-cli", "normal", "{p} [{f}]");
    let engine = tree
        .lines()
        .find(|line| line.starts_with("ringway-engine "));
    assert!(engine.is_some_and(|line| line.ends_with(']')), "{tree}");
    assert!(!tree.contains("planted"), "{tree}");
}

#[test]
fn no_pure_crate_brings_io_with_it() {
    let mut found = Vec::new();
    for row in table().into_iter().filter(Row::is_pure) {
        let package = format!("ringway-{}", row.name);
        let reached = reached(&package);
        assert!(reached.contains(&package));
        let banned = NOT_IN_A_PURE_CRATE
            .into_iter()
            .filter(|&name| reached.contains(name));
        found.extend(banned.map(|banned| format!("{} -> .. -> {banned}", row.name)));
    }
    assert_eq!(found, [""; 0]);
}

/// A walk that follows nothing would find every crate pure.
#[test]
fn the_walk_over_dependencies_reaches_what_an_io_crate_brings() {
    let reached = reached("ringway-cli");
    for name in ["ringway-runtime", "tokio", "libsqlite3-sys"] {
        assert!(reached.contains(name), "{name}");
    }
}

#[test]
fn every_crate_takes_its_lints_from_the_workspace() {
    for package in Metadata::read().members() {
        let manifest: toml::Table = fs::read_to_string(&package.manifest_path)
            .unwrap()
            .parse()
            .unwrap();
        let inherits = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"))
            .and_then(toml::Value::as_bool);
        assert_eq!(inherits, Some(true), "{}", package.name);
    }
}
