//! What a worker does with a step: takes it back while a stop file lies there, and looks for one that may have begun.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ringway_drivers::Driver;
use ringway_executor::port::{Arrival, Start};
use ringway_model::{RawReport, StepKind};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::doubles::{Double, Everybody, Nothing, ended, proposal, start, unreachable};
use crate::decider::Told;
use crate::stopfile::StopFile;
use crate::workers::{Tasks, Workers};

/// What is reported of a step, how long that took by the clock, and whether the stop file was met.
async fn work(
    data: &Path,
    driver: Arc<Double>,
    change: impl FnOnce(&mut Start),
) -> (RawReport, Duration) {
    let proposal = proposal(1, data);
    let mut start = start(&proposal, StepKind::Apply);
    change(&mut start);
    let (told, mut arrivals) = mpsc::unbounded_channel();
    let stop = StopFile::new(data, Arc::new(Everybody));
    let mut workers = Workers::new(
        driver as Arc<dyn Driver>,
        Arc::new(Nothing),
        stop,
        told,
        Tasks::default(),
        false,
    );
    workers.remember(&proposal);
    let began = Instant::now();
    workers.start(start);
    match arrivals.recv().await {
        Some(Told::Arrival(Arrival::StepReported { report, .. })) => (report, began.elapsed()),
        _ => panic!("a worker reports its step"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_file_takes_back_what_the_engine_says_a_stop_takes_back() {
    let data = tempfile::tempdir().unwrap();
    for (there, may_run, asked) in [
        (false, false, true),
        (true, false, false),
        (true, true, true),
    ] {
        let stop = data.path().join("STOP");
        if there {
            fs::write(&stop, "").unwrap();
        }
        let driver = Double::reports(vec![ended("")]);
        let (report, _) = work(data.path(), Arc::clone(&driver), |start| {
            start.may_run_when_held = may_run;
        })
        .await;
        let expected = if asked {
            ended("")
        } else {
            RawReport::Withdrawn
        };
        assert_eq!(report, expected, "file {there}, may run {may_run}");
        assert_eq!(driver.log().len(), usize::from(asked));
    }
}

/// The worst that could be said of such a step is that it never began: it would be run again.
#[tokio::test(start_paused = true)]
async fn a_step_that_may_have_begun_is_looked_for_until_its_envelope_has_ended_it() {
    let data = tempfile::tempdir().unwrap();
    let patience = Duration::from_mins(11);
    let refused = || RawReport::Refused {
        why: "no sudo".to_owned(),
    };
    for (name, answers, expected) in [
        ("found at once", vec![ended("x")], ended("x")),
        (
            "found after a while",
            vec![unreachable(), refused(), unreachable(), ended("x")],
            ended("x"),
        ),
        (
            "interrupted is an answer",
            vec![unreachable(), RawReport::Interrupted],
            RawReport::Interrupted,
        ),
        (
            "so is never started",
            vec![refused(), RawReport::NeverStarted],
            RawReport::NeverStarted,
        ),
    ] {
        let many = answers.len();
        let driver = Double::reports(answers);
        let (report, took) = work(data.path(), Arc::clone(&driver), |start| {
            start.attach = true;
        })
        .await;
        assert_eq!(report, expected, "{name}");
        assert_eq!(driver.log(), vec!["attach h0 apply"; many], "{name}");
        assert!(took < patience, "{name}: {took:?}");
    }
    for silent in [unreachable(), refused()] {
        let driver = Double::steps(move |_, _| (Duration::from_secs(10), silent.clone()));
        let (report, took) = work(data.path(), Arc::clone(&driver), |start| {
            start.attach = true;
        })
        .await;
        assert_eq!(report, RawReport::Interrupted);
        assert!(
            took >= patience && took < patience + Duration::from_secs(30),
            "{took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_is_never_begun_anew_when_it_is_looked_for_and_a_stop_does_not_end_the_search() {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("STOP"), "").unwrap();
    let driver = Double::reports(vec![unreachable(), ended("")]);
    let (report, _) = work(data.path(), Arc::clone(&driver), |start| {
        start.attach = true;
    })
    .await;
    assert_eq!(report, ended(""));
    assert!(driver.log().iter().all(|line| line.starts_with("attach")));
}
