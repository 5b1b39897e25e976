//! The gate of the pure crates: their `clippy.toml`, and whether it catches what it names.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ringway_tests::root;
use toml::{Table, Value};

use crate::layering::{Row, table};

fn gate_of(name: &str) -> PathBuf {
    root().join("crates").join(name).join("clippy.toml")
}

fn pure() -> Vec<String> {
    let pure = table().into_iter().filter(Row::is_pure);
    pure.map(|row| row.name).collect()
}

/// The gate that all pure crates share.
fn gate() -> (String, Table) {
    let text = fs::read_to_string(gate_of("model")).unwrap();
    let table = text.parse().unwrap();
    (text, table)
}

/// The banned paths under a key.
fn banned(gate: &Table, key: &str) -> BTreeSet<String> {
    let entries = gate.get(key).and_then(Value::as_array).unwrap();
    let paths = entries.iter().map(|entry| {
        assert!(entry.get("reason").is_some(), "without a reason: {entry:?}");
        entry["path"].as_str().unwrap().to_owned()
    });
    paths.collect()
}

#[test]
fn all_pure_crates_have_the_same_gate_and_no_other_crate_has_one() {
    let (text, _) = gate();
    let pure = pure();
    assert!(pure.len() >= 7, "{pure:?}");
    for row in table() {
        let found = fs::read_to_string(gate_of(&row.name)).ok();
        let wanted = row.is_pure().then(|| text.clone());
        assert_eq!(found, wanted, "{}", row.name);
    }
}

/// A crate's own `clippy.toml` replaces the one at the top level; what is not repeated there would be lost.
#[test]
fn the_gate_repeats_what_all_crates_share() {
    let shared: Table = fs::read_to_string(root().join("clippy.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let (_, gate) = gate();
    for (key, value) in &shared {
        if key == "disallowed-methods" {
            let missing: Vec<String> = banned(&shared, key)
                .difference(&banned(&gate, key))
                .cloned()
                .collect();
            assert_eq!(missing, [""; 0]);
        } else {
            assert_eq!(gate.get(key), Some(value), "{key}");
        }
    }
}

/// One example of every kind of impurity: what it is, the path that has to be banned, and a line that does it.
const IMPURE: [(&str, &str, &str); 18] = [
    (
        "a clock",
        "std::time::Instant::now",
        "std::time::Instant::now()",
    ),
    (
        "a calendar",
        "std::time::SystemTime::now",
        "std::time::SystemTime::now()",
    ),
    (
        "elapsed time",
        "std::time::SystemTime::elapsed",
        "std::time::SystemTime::UNIX_EPOCH.elapsed()",
    ),
    (
        "a random seed",
        "std::hash::RandomState",
        "std::hash::RandomState::new()",
    ),
    (
        "a map in random order",
        "std::collections::HashMap",
        "std::collections::HashMap::<u8, u8>::new()",
    ),
    (
        "a set in random order",
        "std::collections::HashSet",
        "std::collections::HashSet::<u8>::new()",
    ),
    (
        "a thread",
        "std::thread::spawn",
        "std::thread::spawn(|| ())",
    ),
    (
        "sleep",
        "std::thread::sleep",
        "std::thread::sleep(std::time::Duration::ZERO)",
    ),
    (
        "reading a file",
        "std::fs::read_to_string",
        "std::fs::read_to_string(\"f\")",
    ),
    (
        "opening a file",
        "std::fs::File",
        "std::fs::File::open(\"f\")",
    ),
    (
        "looking for a file",
        "std::path::Path::exists",
        "std::path::Path::new(\"f\").exists()",
    ),
    (
        "the network",
        "std::net::TcpStream",
        "std::net::TcpStream::connect(\"h:1\")",
    ),
    ("the environment", "std::env::var", "std::env::var(\"V\")"),
    (
        "a process",
        "std::process::Command",
        "std::process::Command::new(\"p\")",
    ),
    (
        "the end of the process",
        "std::process::exit",
        "if false { std::process::exit(1) }",
    ),
    ("a logarithm", "f64::ln", "2.0_f64.ln()"),
    ("a power", "f64::powf", "2.0_f64.powf(0.5)"),
    (
        "a fused operation",
        "f64::mul_add",
        "2.0_f64.mul_add(0.5, 1.0)",
    ),
];

#[test]
fn the_gate_names_every_kind_of_impurity() {
    let (_, gate) = gate();
    let mut named = banned(&gate, "disallowed-methods");
    named.extend(banned(&gate, "disallowed-types"));
    for (what, path, _) in IMPURE {
        assert!(named.contains(path), "{what}: {path}");
    }
}

/// Whether clippy is on this machine. Where nothing may be skipped it has to be.
fn has_clippy() -> bool {
    let asked = Command::new(env!("CARGO"))
        .args(["clippy", "--version"])
        .output();
    let has = asked.is_ok_and(|output| output.status.success());
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(has || !in_ci, "`cargo clippy` is missing");
    if !has {
        println!("not run: `cargo clippy` is missing");
    }
    has
}

/// Plants every kind of impurity into a crate with this gate and runs clippy over it. An entry that clippy does not
/// resolve, or resolves to something else, would look like a ban and catch nothing.
#[test]
fn the_gate_catches_every_kind_of_impurity_and_lets_what_is_pure_pass() {
    if !has_clippy() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (text, _) = gate();
    let manifest = "[package]\nname = \"planted\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.path().join("clippy.toml"), text).unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    let mut source =
        String::from("#![deny(clippy::disallowed_methods, clippy::disallowed_types)]\n");
    let mut lines = Vec::new();
    for (number, (_, _, line)) in IMPURE.iter().enumerate() {
        writeln!(source, "pub fn f{number}() {{ let _ = {{ {line} }}; }}").unwrap();
        lines.push(source.lines().count());
    }
    source += "pub fn pure(x: f64) -> f64 { x.sqrt().max(1.0) }\n";
    fs::write(folder.path().join("src/lib.rs"), source).unwrap();

    let output = Command::new(env!("CARGO"))
        .current_dir(folder.path())
        .args(["clippy", "--offline", "--quiet", "--message-format=short"])
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .env_remove("CLIPPY_CONF_DIR")
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let caught: BTreeSet<usize> = said
        .lines()
        .filter(|line| line.contains("use of a disallowed"))
        .map(|line| line.split(':').nth(1).unwrap().parse().unwrap())
        .collect();
    assert_eq!(caught, lines.into_iter().collect(), "{said}");
    assert!(
        !said.contains("clippy.toml:"),
        "clippy complains about an entry: {said}"
    );
}

#[test]
fn the_lints_behind_the_gate_are_errors() {
    let manifest: Table = fs::read_to_string(root().join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let lints = &manifest["workspace"]["lints"]["clippy"];
    for lint in ["disallowed_methods", "disallowed_types", "allow_attributes"] {
        assert_eq!(lints[lint].as_str(), Some("deny"), "{lint}");
    }
}
