//! `ringway import`, and what it made of a month against a second reading of the same file: line by line, with none of the
//! code that made it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ringway_tests::{ringway, root};
use serde_json::Value;

/// What is compared of a KB of a product line: the KBs before it, the build, the restart, whether it is a hotpatch, and how
/// many CVEs it mends.
type Row = (BTreeSet<String>, String, String, bool, usize);

/// The products of each line, as Microsoft calls them.
const LINES: [(&str, &str); 7] = [
    ("windows-2012", "Windows Server 2012"),
    ("windows-2012r2", "Windows Server 2012 R2"),
    ("windows-2016", "Windows Server 2016"),
    ("windows-2019", "Windows Server 2019"),
    ("windows-2022", "Windows Server 2022"),
    ("windows-23h2", "Windows Server 2022, 23H2 Edition"),
    ("windows-2025", "Windows Server 2025"),
];

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(ringway());
    command.args(["import", "msrc"]).args(arguments);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(text).unwrap()
}

fn small() -> PathBuf {
    root().join("crates/policy/tests/feeds/small.xml")
}

/// What `import` says it made, by line and KB.
fn imported(file: &Path) -> BTreeMap<(String, String), Row> {
    let output = run(&[file.to_str().unwrap(), "--output", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut rows = BTreeMap::new();
    for update in told["updates"].as_array().unwrap() {
        for release in update["releases"].as_array().unwrap() {
            let text = |key: &str| release[key].as_str().unwrap_or_default().to_owned();
            let before = release["supersedes"].as_array().unwrap().iter();
            let row = (
                before.map(|it| it.as_str().unwrap().to_owned()).collect(),
                text("build"),
                text("restart"),
                release["hotpatch"].as_bool().unwrap(),
                usize::try_from(release["cves"].as_u64().unwrap()).unwrap(),
            );
            let known = rows.insert((text("line"), text("id")), row);
            assert!(known.is_none(), "one release of a KB in a line");
        }
    }
    rows
}

/// The text between the first pair of these in a line.
fn between<'t>(line: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let (_, rest) = line.split_once(open)?;
    Some(rest.split_once(close)?.0)
}

/// The same of the text of the file, which has one element on a line.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each case is read as one table"
)]
fn scanned(text: &str) -> BTreeMap<(String, String), Row> {
    let mut lines: BTreeMap<&str, &str> = BTreeMap::new();
    let mut cve = String::new();
    let mut fix: Option<BTreeMap<&str, Vec<&str>>> = None;
    let mut cves: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for line in text.lines() {
        if let (Some(id), Some(name)) =
            (between(line, "ProductID=\"", "\""), between(line, ">", "<"))
        {
            let name = name
                .strip_suffix(" (Server Core installation)")
                .unwrap_or(name);
            if let Some((label, _)) = LINES.iter().find(|(_, known)| *known == name) {
                lines.insert(id, label);
            }
        }
        if line.contains("<vuln:Vulnerability ") {
            cve.clear();
        }
        if let Some(id) = between(line, "<vuln:CVE>", "<") {
            id.clone_into(&mut cve);
        }
        if line.contains("<vuln:Remediation Type=\"Vendor Fix\"") {
            fix = Some(BTreeMap::new());
        }
        if let (Some(fix), Some(name)) = (&mut fix, between(line, "<vuln:", ">"))
            && let Some(value) = between(line, ">", "</")
        {
            fix.entry(name).or_default().push(value);
        }
        if !line.contains("</vuln:Remediation>") {
            continue;
        }
        let Some(fix) = fix.take() else { continue };
        let of = |name: &str| fix.get(name).map_or(&[][..], Vec::as_slice);
        let one = |name: &str| of(name).first().copied().unwrap_or_default();
        for label in of("ProductID").iter().filter_map(|id| lines.get(id)) {
            let id = one("Description");
            if cve.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
                continue;
            }
            let key = ((*label).to_owned(), format!("KB{id}"));
            cves.entry(key.clone()).or_default().insert(cve.clone());
            let before = one("Supercedence")
                .split(", ")
                .filter(|kb| !kb.is_empty() && *kb != id);
            let restart = match one("RestartRequired") {
                "Yes" => "always",
                "Maybe" => "maybe",
                "No" => "never",
                _ => "",
            };
            let row = (
                before.map(|kb| format!("KB{kb}")).collect(),
                one("FixedBuild").to_owned(),
                restart.to_owned(),
                one("SubType").contains("Hotpatch"),
                0,
            );
            if let Some(known) = rows.get_mut(&key)
                && known.1 != row.1
            {
                "two".clone_into(&mut known.1);
                continue;
            }
            rows.insert(key, row);
        }
    }
    rows.retain(|_, row| row.1 != "two");
    for (key, row) in &mut rows {
        row.4 = cves[key].len();
    }
    rows
}

#[test]
fn what_is_imported_of_a_month_is_what_a_second_reading_finds_in_it() {
    let text = fs::read_to_string(small()).unwrap();
    let second = scanned(&text);
    assert_eq!(second.len(), 6, "{second:#?}");
    assert_eq!(imported(&small()), second);
}

/// The real month has every line of Windows Server; it is not ours to ship.
#[test]
fn a_real_month_is_imported_as_a_second_reading_finds_it() {
    let named = std::env::var_os("RINGWAY_MSRC_FEED").map(PathBuf::from);
    let beside = root().join("../shared/data/msrc/cvrfDocument-2026-Mar.xml.gz");
    let file = named.unwrap_or(beside);
    if !file.is_file() {
        println!(
            "not run: no month of Microsoft's is here; RINGWAY_MSRC_FEED names one, as .xml.gz"
        );
        return;
    }
    let unpacked = Command::new("gzip").arg("-dc").arg(&file).output().unwrap();
    assert!(unpacked.status.success());
    let text = String::from_utf8(unpacked.stdout).unwrap();
    let second = scanned(&text);
    let of: BTreeSet<&String> = second.keys().map(|(line, _)| line).collect();
    assert_eq!(of.len(), LINES.len(), "every line is in it: {of:?}");
    assert!(second.values().any(|row| row.3), "and hotpatches are");
    assert_eq!(imported(&file), second);
}

#[test]
fn what_is_imported_is_written_once_and_is_what_check_takes() {
    let directory = tempfile::tempdir().unwrap();
    let small = small();
    let small = small.to_str().unwrap();
    let out = directory.path().join("updates/");
    let to = format!("{}/", out.display());
    let first = run(&[small, "--out", &to]);
    assert_eq!(
        first.status.code(),
        Some(1),
        "something is left out: {}",
        said(&first)
    );
    let files = || {
        let mut files: Vec<(String, String)> = fs::read_dir(&out)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    };
    let before = files();
    let names: Vec<&str> = before.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "2031-05-security-ie-cumulative.yaml",
            "2031-05-security.yaml"
        ]
    );
    let check = Command::new(ringway())
        .arg("check")
        .arg(&out)
        .output()
        .unwrap();
    assert!(check.status.success(), "{}", said(&check));
    // What is there stays, to the byte; written again it is the same.
    let again = run(&[
        small,
        "--out",
        &to,
        "--name",
        "2031-05-security",
        "--products",
        "2019",
    ]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        said(&again).contains("is there, and nothing was written"),
        "{}",
        said(&again)
    );
    assert_eq!(files(), before);
    run(&[small, "--out", &to, "--force"]);
    assert_eq!(files(), before);
    // On standard output both are one text, and the words are beside it.
    let printed = run(&[small]);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(text, format!("{}---\n{}", before[1].1, before[0].1));
    let words = String::from_utf8(printed.stderr).unwrap();
    assert!(
        words.contains("small.xml:197: windows-23h2: KB9000023 has the builds"),
        "{words}"
    );
    let whole = run(&[small, "--products", "2019,2022", "--without-hotpatch"]);
    assert_eq!(whole.status.code(), Some(0), "{}", said(&whole));
    assert!(!said(&whole).contains("KB9000122  "), "{}", said(&whole));
}

#[test]
fn a_wrong_wish_and_a_wrong_file_are_said_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let small = small();
    let small = small.to_str().unwrap();
    let page = directory.path().join("page.xml");
    fs::write(&page, "<!DOCTYPE html>\n<html></html>\n").unwrap();
    let out = directory.path().join("out.yaml");
    let out = out.to_str().unwrap();
    for (arguments, why) in [
        (&[page.to_str().unwrap()][..], "line 1: it is an HTML page"),
        (&["/nowhere/there.xml"], "cannot be read"),
        (
            &[small, "--products", "Fabrikam"],
            "there is no product `Fabrikam`",
        ),
        (
            &[small, "--products", "2019", "--recipe", "script"],
            "does not give `apply`",
        ),
        (
            &[small, "--products", "2019", "--with", "speed=1"],
            "no parameter `speed`",
        ),
        (
            &[small, "--products", "2019", "--name", "a b"],
            "cannot be a name",
        ),
        (&[small, "--map", "2019=os ="], "2019=os ="),
        (&[small, "--force"], "--out"),
    ] {
        let mut all = arguments.to_vec();
        if !arguments.contains(&"--force") {
            all.extend(["--out", out]);
        }
        let output = run(&all);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            said(&output)
        );
        assert!(
            said(&output).contains(why),
            "{arguments:?}: {}",
            said(&output)
        );
        assert!(!Path::new(out).exists(), "{arguments:?}");
    }
}
