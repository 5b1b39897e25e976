//! Connections that break at the worst moment. Whatever happens, a command runs at most once, and the report is one that
//! the host's ledger bears out.

use std::fs;
use std::time::Duration;

use ringway_drivers::{Driver as _, Spans, Withdraw, withdrawal};
use ringway_model::{RawReport, Span, StepKind};

use super::shell::{Fault, Shell};
use super::site::{Site as _, driver, marker, run, spans, start_and_forget, step, text, waiting};
use crate::support::{LONG, ended, exists, in_time, until};

/// How many times a step's command ran.
fn times(site: &Shell, what: u16) -> usize {
    let line = format!("ran {what}");
    let ledger = text(site, "ledger");
    ledger.lines().filter(|found| *found == line).count()
}

fn command(what: u16) -> String {
    format!("echo ran {what} >> ledger; echo done")
}

/// More than the script of a step says, so that the last of these breaks is at its very end.
const SAID: usize = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_arrives_in_part_does_nothing() {
    let site = Shell::new();
    let driver = driver(&site);
    for (serial, bytes) in [(1, 0), (2, 1), (3, 700), (4, 9000)] {
        site.fault("rw_start", Fault::LoseInput(bytes));
        let report = run(&driver, step(&site, serial, &command(serial))).await;
        assert_eq!(report, RawReport::NeverStarted, "lost after {bytes} bytes");
        assert_eq!(times(&site, serial), 0, "lost after {bytes} bytes");
    }
    site.fault("rw_start", Fault::LoseInput(usize::MAX));
    let report = run(&driver, step(&site, 5, &command(5))).await;
    // It arrived whole; whether it was found before it began is a matter of moments.
    let expected = [RawReport::NeverStarted, ended(0, "done\n")];
    assert_eq!(report, expected[times(&site, 5)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_lost_of_what_a_step_says_its_end_is_found() {
    let site = Shell::new();
    let driver = driver(&site);
    for bytes in (0..SAID).step_by(4) {
        let serial = u16::try_from(bytes + 1).unwrap();
        site.fault("rw_start", Fault::LoseOutput(bytes));
        let report = run(&driver, step(&site, serial, &command(serial))).await;
        let expected = [RawReport::NeverStarted, ended(0, "done\n")];
        assert_eq!(
            report,
            expected[times(&site, serial)],
            "lost after {bytes} bytes"
        );
    }
    assert!(
        site.asked("rw_attach") > 5,
        "most of them had to be looked for"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_lost_while_a_step_is_looked_for_its_end_is_found() {
    let site = Shell::new();
    let driver = driver(&site);
    for bytes in (0..SAID).step_by(7) {
        let serial = u16::try_from(bytes + 1).unwrap();
        let _ = run(&driver, step(&site, serial, &command(serial))).await;
        site.fault("rw_attach", Fault::LoseOutput(bytes));
        site.fault("rw_attach", Fault::LoseInput(bytes));
        site.fault("rw_attach", Fault::Refuse);
        let report = in_time(driver.attach(step(&site, serial, ""))).await;
        assert_eq!(report, ended(0, "done\n"), "lost after {bytes} bytes");
        assert_eq!(times(&site, serial), 1);
    }
}

/// A gate that drops a connection now and then is no harm to a host in mid-visit; one that is not begun with is left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_does_not_come_about_is_tried_again_where_a_host_would_be_lost() {
    let site = Shell::new();
    let driver = driver(&site).with_spans(Spans {
        again: LONG,
        ..spans()
    });
    for (serial, kind) in [
        (1, StepKind::Drain),
        (2, StepKind::Apply),
        (3, StepKind::Verify),
    ] {
        for _ in 0..3 {
            site.fault("rw_start", Fault::Refuse);
        }
        let mut step = step(&site, serial, &command(serial));
        step.kind = kind;
        assert_eq!(run(&driver, step).await, ended(0, "done\n"), "{kind:?}");
        assert_eq!(times(&site, serial), 1, "{kind:?}");
    }
    site.fault("rw_start", Fault::Refuse);
    let mut step = step(&site, 4, &command(4));
    step.kind = StepKind::Precheck;
    let report = run(&driver, step).await;
    assert!(
        matches!(report, RawReport::Unreachable { .. }),
        "{report:?}"
    );
    assert_eq!(times(&site, 4), 0);
}

/// Who takes a step back while its host is tried again is obeyed at once: nothing was given to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_is_taken_back_while_its_host_is_tried_again() {
    let site = Shell::new();
    let driver = driver(&site).with_spans(Spans {
        again: LONG,
        pause: (LONG / 2, LONG),
        ..spans()
    });
    site.fault("rw_start", Fault::Refuse);
    let (withdraw, withdrawal) = withdrawal();
    let take_back = async {
        until(|| site.asked("rw_start") > 0).await;
        withdraw.now();
    };
    let running = driver.run(step(&site, 1, &command(1)), withdrawal);
    let (report, ()) = tokio::join!(in_time(running), take_back);
    assert_eq!(report, RawReport::Withdrawn);
    assert_eq!(times(&site, 1), 0);
}

/// A host that takes everything and says nothing is given up on, and nothing is said of it that is not known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_swallows_everything_holds_nobody_for_ever() {
    let site = Shell::new();
    let driver = driver(&site).with_spans(Spans {
        busy: Duration::from_millis(50),
        answer: Duration::from_millis(100),
        margin: Duration::from_millis(500),
        ..spans()
    });
    for _ in 0..100 {
        site.fault("rw_start", Fault::Swallow);
        site.fault("rw_attach", Fault::Swallow);
    }
    let mut short = step(&site, 1, &command(1));
    short.timeout = Span(300);
    assert_eq!(run(&driver, short.clone()).await, RawReport::Interrupted);
    assert!(
        site.asked("rw_attach") > 1,
        "it was looked for again and again"
    );
    assert_eq!(in_time(driver.attach(short)).await, RawReport::Interrupted);
    assert_eq!(times(&site, 1), 0);
}

/// It swallowed the start and answers now: the step is known never to have begun.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_was_swallowed_never_begins() {
    let site = Shell::new();
    let driver = driver(&site).with_spans(Spans {
        busy: Duration::from_millis(50),
        answer: Duration::from_secs(2),
        ..spans()
    });
    site.fault("rw_start", Fault::Swallow);
    let report = run(&driver, step(&site, 1, &command(1))).await;
    assert_eq!(report, RawReport::NeverStarted);
    assert_eq!(times(&site, 1), 0);
}

/// It ended without a word, and nobody can be asked: that is no proof that nothing has begun.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_without_a_word_is_no_refusal_where_the_host_cannot_be_asked() {
    let site = Shell::new();
    let driver = driver(&site);
    site.fault("rw_start", Fault::Orphan);
    site.fault("rw_attach", Fault::Refuse);
    let wait = format!("until [ -e go ]; do sleep 0.02; done; {}", command(1));
    let go = async {
        // It was refused to be asked once, and is asked again.
        until(|| site.asked("rw_attach") > 1).await;
        fs::write(site.home().join("go"), "").unwrap();
    };
    let (report, ()) = tokio::join!(run(&driver, step(&site, 1, &wait)), go);
    let expected = [RawReport::NeverStarted, ended(0, "done\n")];
    assert_eq!(report, expected[times(&site, 1)]);
}

fn taken_back(report: &RawReport, times: usize) {
    let borne_out = (*report == RawReport::Withdrawn && times == 0)
        || (matches!(report, RawReport::Ended { exit: 0, .. }) && times == 1);
    assert!(borne_out, "{report:?}, and it ran {times} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_is_taken_back_while_its_host_is_connected_to_is_told_truly() {
    let site = Shell::new();
    let driver = driver(&site);
    for (serial, refused) in [(1, false), (2, true)] {
        site.fault("rw_start", Fault::Hold);
        let (hand, ear) = withdrawal();
        let take_back = async {
            until(|| site.asked("rw_start") == usize::from(serial)).await;
            hand.now();
            if refused {
                site.refuse();
            }
            site.release();
        };
        let running = driver.run(step(&site, serial, &command(serial)), ear);
        let (report, ()) = in_time(async { tokio::join!(running, take_back) }).await;
        taken_back(&report, times(&site, serial));
        if refused {
            assert_eq!(report, RawReport::Withdrawn);
        }
        site.heal();
        assert!(!marker(&site, serial, "supervisor").exists() || times(&site, serial) <= 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_is_taken_back_while_its_connection_breaks_is_told_truly() {
    let site = Shell::new();
    let driver = driver(&site);
    for bytes in (0..SAID).step_by(6) {
        let serial = u16::try_from(bytes + 1).unwrap();
        site.fault("rw_start", Fault::LoseOutput(bytes));
        site.fault("rw_forbid", Fault::Refuse);
        let (hand, ear): (Withdraw, _) = withdrawal();
        let take_back = async {
            until(|| site.asked("rw_start") > usize::from(serial) / 6).await;
            hand.now();
        };
        let running = driver.run(step(&site, serial, &command(serial)), ear);
        let (report, ()) = in_time(async { tokio::join!(running, take_back) }).await;
        taken_back(&report, times(&site, serial));
    }
}

/// Ringway is killed, the connection of the one that looks for its step breaks, and the command still runs once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_is_followed_to_its_end_over_any_number_of_connections() {
    let site = Shell::new();
    let driver = driver(&site);
    let first = step(&site, 1, &waiting("one"));
    start_and_forget(&driver, first.clone(), site.home().join("begun")).await;
    let attached = tokio::spawn({
        let driver = driver.clone();
        async move { driver.attach(first).await }
    });
    for times in 1..=5 {
        until(|| site.asked("rw_attach") >= times).await;
        site.cut();
    }
    fs::write(site.home().join("go"), "").unwrap();
    assert_eq!(in_time(attached).await.unwrap(), ended(0, "done\n"));
    assert_eq!(text(&site, "ledger"), "one\n");
    exists(&marker(&site, 1, "result")).await;
}
