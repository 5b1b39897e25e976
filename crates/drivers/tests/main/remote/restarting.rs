//! Restarts of a host behind a connection, which goes away with it.

use std::fs;
use std::num::NonZeroU16;
use std::time::Duration;

use ringway_drivers::{Driver as _, RebootRequest, Spans, StepRequest};
use ringway_model::{RawReport, Span, StepKind};
use ringway_policy::validated::{Command, When};

use super::shell::Shell;
use super::site::{Site as _, driver, marker, run, spans, start_and_forget, step, text};
use crate::support::{LONG, ended, exists, in_time, kill, until};

const fn times(times: u16) -> NonZeroU16 {
    NonZeroU16::new(times).unwrap()
}

fn reboot(site: &Shell, serial: u16, text: &str) -> StepRequest {
    let mut step = step(site, serial, text);
    step.kind = StepKind::Reboot;
    step.reboot = Some(RebootRequest {
        when: When::Always,
        boot_id: Some(Command::Shell("cat boot".to_owned())),
        restarts: (times(1), times(2)),
        back_within: Span::seconds(100),
    });
    step
}

fn change(step: &mut StepRequest, change: impl FnOnce(&mut RebootRequest)) {
    change(step.reboot.as_mut().unwrap());
}

fn boot(site: &Shell, id: &str) {
    fs::write(site.home().join("boot"), format!("{id}\n")).unwrap();
}

fn back(restarts: u16) -> RawReport {
    RawReport::Ended {
        exit: 0,
        output: String::new(),
        restarts,
    }
}

fn pid(site: &Shell, file: &str) -> i32 {
    let text = fs::read_to_string(marker(site, 1, file)).unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Restarts in the middle of the command, as `systemctl reboot` does: connection, envelope and command are gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_takes_its_connection_along_is_back_when_it_has_another_boot_id() {
    let site = Shell::new();
    boot(&site, "boot-1");
    let step = reboot(&site, 1, "touch begun; while :; do sleep 1; done");
    let driver = driver(&site);
    let restart = async {
        exists(&site.home().join("begun")).await;
        site.refuse();
        site.cut();
        kill(pid(&site, "supervisor"));
        kill(pid(&site, "step"));
        boot(&site, "boot-2");
        let before = site.asked("rw_attach");
        until(|| site.asked("rw_attach") > before + 2).await;
        site.heal();
    };
    let (report, ()) = tokio::join!(run(&driver, step), restart);
    assert_eq!(report, back(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_restarts_after_its_command_is_awaited() {
    let site = Shell::new();
    boot(&site, "boot-1");
    let step = reboot(&site, 1, "touch begun");
    let driver = driver(&site);
    let restart = async {
        exists(&marker(&site, 1, "result")).await;
        let asked = site.asked("rw_question");
        until(|| site.asked("rw_question") > asked + 1).await;
        site.refuse();
        site.cut();
        boot(&site, "boot-2");
        site.heal();
    };
    let (report, ()) = tokio::join!(run(&driver, step), restart);
    assert_eq!(report, back(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_never_comes_back_is_not_back() {
    let site = Shell::new();
    boot(&site, "boot-1");
    let mut step = reboot(&site, 1, "touch begun; while :; do sleep 1; done");
    change(&mut step, |request| request.back_within = Span(400));
    let driver = driver(&site);
    let vanish = async {
        exists(&site.home().join("begun")).await;
        site.refuse();
        site.cut();
    };
    let (report, ()) = tokio::join!(run(&driver, step.clone()), vanish);
    let why = "not back within 400ms: connection refused".to_owned();
    let not_back = RawReport::NotBack { restarts: 0, why };
    assert_eq!(report, not_back);
    // The same for a Ringway that was killed meanwhile.
    assert_eq!(in_time(driver.attach(step)).await, not_back);
    kill(pid(&site, "supervisor"));
    kill(pid(&site, "step"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_only_says_that_it_restarts_is_not_back() {
    let site = Shell::new();
    boot(&site, "boot-1");
    let mut step = reboot(&site, 1, "true");
    change(&mut step, |request| request.back_within = Span(300));
    let why = "not back within 300ms: it is up without having restarted".to_owned();
    let report = run(&driver(&site), step).await;
    assert_eq!(report, RawReport::NotBack { restarts: 0, why });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_restarts_in_a_loop_is_seen() {
    let site = Shell::new();
    let mut step = reboot(&site, 1, "touch looping");
    let text = "[ -e looping ] && echo x >> n; echo boot-$(cat n 2>/dev/null | wc -l)";
    change(&mut step, |request| {
        request.boot_id = Some(Command::Shell(text.to_owned()));
    });
    let why = "it restarted 3 times, at most 2 are right".to_owned();
    let report = run(&driver(&site), step).await;
    assert_eq!(report, RawReport::NotBack { restarts: 3, why });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_a_restart_is_needed_is_asked_on_the_host() {
    let site = Shell::new();
    boot(&site, "boot-1");
    let driver = driver(&site);
    let run_when = |text: &str| When::Run(Command::Shell(text.to_owned()));
    for (serial, when, expected) in [
        (1, When::File("reboot-required".to_owned()), back(0)),
        (2, run_when("exit 1"), back(0)),
        (3, When::File("boot".to_owned()), back(1)),
        (4, run_when("test -e boot"), back(1)),
        (5, run_when("exit 126"), ended(126, "")),
    ] {
        let mut step = reboot(&site, serial, &format!("echo boot-of-{serial} > boot"));
        change(&mut step, |request| request.when = when.clone());
        assert_eq!(run(&driver, step).await, expected, "{when:?}");
        let ran = text(&site, "boot") == format!("boot-of-{serial}\n");
        assert_eq!(ran, expected == back(1), "{when:?}");
    }
    site.refuse();
    let mut away = reboot(&site, 6, "echo boot-of-6 > boot");
    change(&mut away, |request| request.when = run_when("exit 1"));
    let report = run(&driver, away).await;
    assert!(
        matches!(report, RawReport::Unreachable { .. }),
        "{report:?}"
    );
}

/// Ringway killed while the host is awaited: neither the id before is forgotten, nor the restart that was seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_that_were_seen_are_counted_on_after_a_crash() {
    let site = Shell::new();
    boot(&site, "boot-1");
    let patient = driver(&site).with_spans(Spans {
        stable: LONG,
        ..spans()
    });
    let mut step = reboot(&site, 1, "echo boot-2 > boot");
    start_and_forget(&patient, step.clone(), marker(&site, 1, "boots")).await;
    boot(&site, "boot-3");
    // However late it is: what there is to see is looked at.
    change(&mut step, |request| request.back_within = Span(1));
    assert_eq!(in_time(driver(&site).attach(step)).await, back(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_boot_id_is_read_or_said_why_not() {
    let site = Shell::new();
    let driver = driver(&site);
    let mut step = reboot(&site, 1, "");
    let why = in_time(driver.boot_id(step.clone())).await.unwrap_err();
    assert!(why.starts_with("reading its boot id ended with 1"), "{why}");
    boot(&site, "a  b");
    let id = in_time(driver.boot_id(step.clone())).await;
    assert_eq!(id.as_deref(), Ok("a b"));
    step.timeout = Span(200);
    change(&mut step, |request| {
        request.boot_id = Some(Command::Shell("sleep 1000".to_owned()));
    });
    let why = in_time(driver.boot_id(step.clone())).await.unwrap_err();
    assert_eq!(why, "reading its boot id took too long");
    site.refuse();
    let why = in_time(driver.boot_id(step)).await.unwrap_err();
    assert_eq!(why, "connection refused");
}

/// The answers to a host's restart have bounds of their own: one that says nothing does not hold up the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_swallows_a_question_on_its_way_down_is_asked_again() {
    let site = Shell::new();
    boot(&site, "boot-1");
    let driver = driver(&site).with_spans(Spans {
        answer: Duration::from_secs(2),
        ..spans()
    });
    let step = reboot(&site, 1, "touch begun");
    let swallow = async {
        exists(&marker(&site, 1, "result")).await;
        site.fault("rw_question", super::shell::Fault::Swallow);
        let asked = site.asked("rw_question");
        until(|| site.asked("rw_question") > asked).await;
        boot(&site, "boot-2");
    };
    let (report, ()) = tokio::join!(run(&driver, step), swallow);
    assert_eq!(report, back(1));
}
