//! Reports read by the declarations of their step: the table.

use ringway_executor::interpret;
use ringway_model::{FailWhy, RawReport, StepKind, StepResult};
use ringway_policy::validated::Expect;
use ringway_scheduler::plan::{More, StepPlan};

use crate::fixture::{inspect, reboot, step};

fn plain(expect: Option<Expect>) -> StepPlan {
    let mut plain = step(StepKind::Precheck, More::Nothing);
    plain.step.expect = expect;
    plain
}

fn ended(exit: i32, output: &str) -> RawReport {
    RawReport::Ended {
        exit,
        output: output.to_owned(),
        restarts: 0,
    }
}

fn restarted(restarts: u16) -> RawReport {
    RawReport::Ended {
        exit: 0,
        output: String::new(),
        restarts,
    }
}

fn not_back(restarts: u16) -> RawReport {
    RawReport::NotBack {
        restarts,
        why: String::new(),
    }
}

fn found(installed: bool, previous: Option<&str>) -> StepResult {
    StepResult::Found {
        installed,
        previous: previous.map(str::to_owned),
    }
}

fn failed(why: FailWhy) -> StepResult {
    StepResult::Failed(why)
}

#[expect(clippy::too_many_lines, reason = "one line per case of the table")]
#[test]
fn a_report_means_what_its_step_declares() {
    use FailWhy::{Exit, NotBack, RestartLoop, Unexpected};
    let text = |text: &str| text.to_owned();
    let any = || plain(None);
    let no_way_back = step(
        StepKind::Inspect,
        More::Inspect {
            installed_when: text("2.0"),
            previous: None,
        },
    );
    let fixed = step(
        StepKind::Inspect,
        More::Inspect {
            installed_when: text("ii  2.0"),
            previous: Some(text("1.9")),
        },
    );
    let look = || step(StepKind::Inspect, inspect());
    let boot = || step(StepKind::Reboot, reboot());
    let least = || plain(Some(Expect::AtLeast(500)));
    let table = [
        (any(), ended(0, "whatever"), StepResult::Done),
        (any(), ended(1, ""), failed(Exit)),
        (any(), ended(128 + 9, ""), failed(Exit)),
        (any(), ended(-1, ""), failed(Exit)),
        (least(), ended(0, "Avail\n 500\n"), StepResult::Done),
        (least(), ended(0, "Avail\n499"), failed(Unexpected)),
        (least(), ended(0, "500 M"), failed(Unexpected)),
        (least(), ended(0, ""), failed(Unexpected)),
        (least(), ended(2, "500"), failed(Exit)),
        (
            plain(Some(Expect::Contains(text("ok")))),
            ended(0, "all ok."),
            StepResult::Done,
        ),
        (
            plain(Some(Expect::Contains(text("ok")))),
            ended(0, "OK"),
            failed(Unexpected),
        ),
        (
            plain(Some(Expect::Equals(text("ok")))),
            ended(0, " ok\n"),
            StepResult::Done,
        ),
        (
            plain(Some(Expect::Equals(text("ok")))),
            ended(0, "ok ok"),
            failed(Unexpected),
        ),
        (look(), ended(0, "2.0\n"), found(true, Some("2.0"))),
        (look(), ended(0, " 1.0 "), found(false, Some("1.0"))),
        (look(), ended(0, "2.0.1"), found(false, Some("2.0.1"))),
        (look(), ended(0, "\n"), found(false, None)),
        (look(), ended(3, "2.0"), failed(Exit)),
        (no_way_back, ended(0, "1.0"), found(false, None)),
        (fixed, ended(0, "ii  2.0"), found(true, Some("1.9"))),
        (boot(), restarted(0), StepResult::Back { restarts: 0 }),
        (boot(), restarted(1), StepResult::Back { restarts: 1 }),
        (boot(), restarted(2), StepResult::Back { restarts: 2 }),
        (boot(), restarted(3), failed(RestartLoop)),
        (boot(), not_back(0), failed(NotBack)),
        (boot(), not_back(2), failed(NotBack)),
        (boot(), not_back(3), failed(RestartLoop)),
        (
            any(),
            RawReport::TimedOut { output: text("") },
            failed(FailWhy::TimedOut),
        ),
        (
            any(),
            RawReport::Unreachable { why: text("") },
            StepResult::Unreachable,
        ),
        (any(), RawReport::Interrupted, StepResult::Interrupted),
        (any(), RawReport::NeverStarted, StepResult::NotStarted),
        (any(), RawReport::Withdrawn, StepResult::NotStarted),
        (
            any(),
            RawReport::Fenced { seen: 9 },
            failed(FailWhy::Fenced),
        ),
    ];
    for (step, report, result) in table {
        assert_eq!(
            interpret(&report, &step),
            result,
            "{:?} {report:?}",
            step.kind
        );
    }
}

/// What `protect` prints is handed to commands and shown to people: one line, and not nothing.
#[test]
fn what_protect_prints_is_the_name_of_what_it_made_or_a_failure() {
    let keep = ringway_model::Span::hours(48);
    let protect = step(StepKind::Protect, More::Protect { keep });
    let longest = "x".repeat(200);
    for (printed, name) in [
        ("tank/db@one\n", Some("tank/db@one")),
        (
            "  a name; $(of) \"all\" sorts  \n\n",
            Some("a name; $(of) \"all\" sorts"),
        ),
        (longest.as_str(), Some(longest.as_str())),
        ("", None),
        (" \n", None),
        ("one\ntwo", None),
        ("red\u{1b}[31m", None),
        (&format!("{longest}x"), None),
    ] {
        let result = name.map_or(failed(FailWhy::Unexpected), |name| StepResult::Protected {
            name: name.to_owned(),
        });
        assert_eq!(
            interpret(&ended(0, printed), &protect),
            result,
            "{printed:?}"
        );
    }
    assert_eq!(interpret(&ended(1, "one"), &protect), failed(FailWhy::Exit));
    let unprotect = step(StepKind::Unprotect, More::Nothing);
    assert_eq!(interpret(&ended(0, "one"), &unprotect), StepResult::Done);
}
