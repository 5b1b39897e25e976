//! A run that changes nothing gives hosts only what looks.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ringway_drivers::{Driver, Keep, TidyRequest, Withdrawal};
use ringway_executor::interpret;
use ringway_executor::port::{Arrival, Start};
use ringway_model::{RawReport, StepKind, StepResult, VisitKind};
use tokio::sync::mpsc;

use super::doubles::{Double, Everybody, Nothing, ended, proposal, start};
use crate::decider::Told;
use crate::observing::{Mixed, Observing, is_observed, mark};
use crate::stopfile::StopFile;
use crate::values;
use crate::workers::{Tasks, Workers};

#[tokio::test(start_paused = true)]
async fn every_step_succeeds_and_only_looks_reach_the_host() {
    let data = tempfile::tempdir().unwrap();
    let proposal = proposal(1, data.path());
    let driver = Double::steps(|_, step| {
        let output = if step.kind == StepKind::Inspect {
            "1"
        } else {
            "7"
        };
        (Duration::ZERO, ended(output))
    });
    let (told, mut arrivals) = mpsc::unbounded_channel();
    let mut workers = Workers::new(
        Arc::new(Observing::new(Arc::clone(&driver) as Arc<dyn Driver>)),
        Arc::new(Nothing),
        StopFile::new(data.path(), Arc::new(Everybody)),
        told,
        Tasks::default(),
        true,
    );
    workers.remember(&proposal);
    let route = &proposal.plan.routes[0];
    for (position, step) in route.visit(VisitKind::Update).iter().enumerate() {
        let step = &route.steps[usize::from(*step)];
        let start = Start {
            position: u8::try_from(position).unwrap(),
            ..start(&proposal, step.kind)
        };
        workers.start(start);
        let Some(Told::Arrival(Arrival::StepReported { report, .. })) = arrivals.recv().await
        else {
            panic!("a worker reports its step");
        };
        let expected = match step.kind {
            StepKind::Inspect => StepResult::Found {
                installed: false,
                previous: Some("1".to_owned()),
            },
            StepKind::Reboot => StepResult::Back { restarts: 2 },
            StepKind::Precheck
            | StepKind::Drain
            | StepKind::Apply
            | StepKind::Rollback
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Silence
            | StepKind::Stage
            | StepKind::Recovery
            | StepKind::Unprotect
            | StepKind::Unsilence => StepResult::Done,
            StepKind::Ready | StepKind::Last => StepResult::Answered { yes: true },
            StepKind::Protect => StepResult::Protected {
                name: "not made".into(),
            },
        };
        assert_eq!(interpret(&report, step), expected, "{}", step.kind);
    }
    assert_eq!(
        driver.log(),
        ["question h0 inspect", "question h0 precheck"]
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_that_is_asked_of_the_driver_itself_can_change_a_host() {
    let data = tempfile::tempdir().unwrap();
    let proposal = proposal(1, data.path());
    let driver = Double::reports(Vec::new());
    let observing = Observing::new(Arc::clone(&driver) as Arc<dyn Driver>);
    let host = &proposal.fleet.hosts[0];
    let reach = Arc::new(values::reach(&proposal.fleet, host, data.path().to_owned()));
    let (told, _arrivals) = mpsc::unbounded_channel();
    let workers = Workers::new(
        Arc::clone(&driver) as Arc<dyn Driver>,
        Arc::new(Nothing),
        StopFile::new(data.path(), Arc::new(Everybody)),
        told,
        Tasks::default(),
        true,
    );
    workers.remember(&proposal);
    let request = workers
        .request(&start(&proposal, StepKind::Apply))
        .await
        .unwrap();
    let ran = observing.run(request.clone(), Withdrawal::never()).await;
    assert!(matches!(ran, RawReport::Refused { .. }), "{ran:?}");
    assert_eq!(observing.attach(request).await, RawReport::NeverStarted);
    let tidied = observing.tidy(TidyRequest {
        reach,
        incarnation: 1,
        open: Arc::default(),
        keep: Keep {
            younger_than: Duration::ZERO,
            at_most: 0,
        },
        now: SystemTime::now(),
    });
    assert_eq!(tidied.await, Ok(0));
    assert_eq!(driver.log(), Vec::<String>::new());
}

#[test]
fn a_journal_is_of_observed_runs_or_of_real_ones() {
    let place = tempfile::tempdir().unwrap();
    let (observed, real) = (place.path().join("data/observe"), place.path().join("data"));
    mark(&observed, true).unwrap();
    // Again, after a crash or not.
    mark(&observed, true).unwrap();
    assert!(is_observed(&observed) && !is_observed(&real));
    std::fs::write(real.join(ringway_store::DATABASE), "").unwrap();
    mark(&real, false).unwrap();
    for (data, observe) in [(&real, true), (&observed, false)] {
        let mixed = mark(data, observe).unwrap_err();
        assert_eq!(matches!(mixed, Mixed::Real { .. }), observe);
        assert_eq!(matches!(mixed, Mixed::Observed { .. }), !observe);
    }
    assert!(!is_observed(&real));
}
