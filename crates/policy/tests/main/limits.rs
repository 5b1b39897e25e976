//! Documents that ask for more than anybody means: huge ones, deep ones, and those that multiply.

use ringway_policy::{Code, Problems, Source, read};

fn problems(text: impl Into<Vec<u8>>) -> Problems {
    read(&[Source::new("it.yaml", text)]).expect_err("it has a problem")
}

fn lines(n: usize, line: impl Fn(usize) -> String) -> String {
    (0..n).map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// One byte more than the limit must not be looked at, and says so in a word.
#[test]
fn a_huge_file_is_refused_by_its_size() {
    let problems = problems(vec![b'#'; (32 << 20) + 1]);
    assert_eq!(problems.problems[0].code, Code::TooLarge);
    assert_eq!(
        problems.to_string(),
        "error: file `it.yaml` has 1 problem\n\n  the file has 33 MiB; at most 32 MiB are read\n  hint: split it; \
         documents of several files are read together, and hosts can be imported from an inventory\n"
    );
}

/// Each line asks for ten times what the line before gives: without a budget this is 10^30 values.
#[test]
fn an_alias_bomb_stops_at_the_budget() {
    let mut text = "ringway: fleet/v1\na0: &a0 [x]\n".to_owned();
    for i in 1..=30 {
        let of = format!("*a{}, ", i - 1).repeat(10);
        text.push_str(
            &[
                "a",
                &i.to_string(),
                ": &a",
                &i.to_string(),
                " [",
                &of,
                "]\n",
            ]
            .concat(),
        );
    }
    let problems = problems(text);
    assert_eq!(problems.problems.len(), 1);
    assert_eq!(problems.problems[0].code, Code::AliasBudget);
}

/// The budget counts text too: a few aliases of a megabyte are as bad as many of a word.
#[test]
fn aliases_of_a_long_text_stop_at_the_budget() {
    let long = "x".repeat(1 << 20);
    let text = format!(
        "ringway: fleet/v1\na: &a \"{long}\"\nb: [{}]\n",
        "*a, ".repeat(1000)
    );
    assert_eq!(problems(text).problems[0].code, Code::AliasBudget);
}

#[test]
fn ordinary_anchors_and_aliases_work() {
    let text =
        "ringway: care/v1\nname: web\ndrain: &step { run: ./it, timeout: 1m }\nundrain: *step\n";
    let documents = read(&[Source::new("it.yaml", text)]).unwrap();
    let care = &documents.cares["web"];
    assert_eq!(care.drain, care.undrain);
}

/// Deep nesting must end in words, not in the end of the stack.
#[test]
fn deep_nesting_is_refused_however_it_is_written() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        lines(2000, |i| format!("{}a:", " ".repeat(i))),
    ] {
        let problems = problems(text);
        assert!(matches!(
            problems.problems[0].code,
            Code::TooDeep | Code::Syntax
        ));
    }
}

/// A million wrong lines are not a million lines of output.
#[test]
fn a_file_full_of_problems_is_reported_in_a_page() {
    let hosts = lines(5000, |i| format!("  - {{ nmae: h{i} }}"));
    let problems = problems(format!(
        "ringway: fleet/v1\nname: a\nconnect: local\nhosts:\n{hosts}"
    ));
    assert_eq!(problems.problems.len() + problems.omitted, 10_000);
    assert_eq!(problems.problems.len(), 1000);
    let report = problems.to_string();
    assert!(report.lines().count() < 350, "{}", report.lines().count());
    assert!(
        report.ends_with("  ... and 950 more\n\n9000 more problems are not listed\n"),
        "{report}"
    );
}

#[test]
fn a_long_chain_of_groups_is_followed() {
    let n = 3000;
    let hosts = lines(n, |i| {
        format!("  - {{ name: h{i}, labels: {{ n: v{i} }} }}")
    });
    let group = |i| {
        format!(
            "  - {{ name: g{i}, select: n = v{i}, after: [g{}] }}",
            (i + 1) % n
        )
    };
    let groups = lines(n, group);
    let text =
        format!("ringway: fleet/v1\nname: a\nconnect: local\nhosts:\n{hosts}groups:\n{groups}");
    let problems = problems(text);
    assert_eq!(problems.problems.len(), 1);
    assert_eq!(problems.problems[0].code, Code::Cycle);
}
