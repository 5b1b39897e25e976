//! What the remote driver shows over every transport. Each case is given a host of its own.
//!
//! A transport's own tests bring a [`Site`] and call [`conformance!`] with a function that makes one, or that says that
//! it cannot be made here and gives nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ringway_drivers::{
    Driver as _, Keep, ProbeRequest, Spans, TidyRequest, Withdrawal, withdrawal,
};
use ringway_model::{Epoch, IntentId, Place, RawReport, RolloutId, Sample, Slot, Span};
use ringway_policy::validated::{Ask, Command};

use super::site::{
    Site, driver, marker, run, spans, start_and_forget, step, text, waiting, with_ssh,
};
use crate::support::{INCARNATION, closed_port, ended, exists, in_time, runs, until};

/// Makes a test of every case.
macro_rules! conformance {
    ($site:path) => {
        $crate::remote::conformance::conformance! { $site:
            a_step_ends_with_its_code_and_what_it_printed,
            values_reach_a_step_as_they_are_and_it_starts_at_home,
            a_flood_of_output_is_bounded,
            a_step_whose_time_is_over_is_ended_with_its_group,
            a_step_that_never_began_never_begins,
            a_step_is_found_again_when_nobody_watched_it,
            a_step_outlives_the_connection_that_started_it,
            a_host_that_cannot_be_reached_was_given_nothing,
            nobody_knows_what_became_of_a_step_whose_host_went_away,
            a_step_that_was_taken_back_before_it_was_given_is_not_given,
            a_step_that_waits_for_its_host_can_be_taken_back,
            a_step_that_runs_cannot_be_taken_back,
            a_step_that_comes_too_early_never_begins,
            an_earlier_decider_is_refused,
            a_host_belongs_to_one_database_until_somebody_decides_otherwise,
            a_host_that_cannot_keep_a_run_directory_refuses_the_step,
            a_question_leaves_nothing_behind,
            a_command_on_the_host_tells_whether_it_is_well,
            a_service_is_asked_from_where_its_host_is_reached,
            what_finished_steps_left_is_taken_away,
            many_steps_in_a_row_each_run_once,
        }
    };
    ($site:path: $($case:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            if let Some(site) = $site().await {
                $crate::remote::conformance::$case(&site).await;
            }
        })*
    };
}
pub(crate) use conformance;

pub(crate) async fn a_step_ends_with_its_code_and_what_it_printed(site: &dyn Site) {
    let driver = driver(site);
    let report = run(&driver, step(site, 1, "echo out; echo err >&2; exit 3")).await;
    assert_eq!(report, ended(3, "out\nerr\n"));
    assert_eq!(run(&driver, step(site, 2, "true")).await, ended(0, ""));
    let report = run(&driver, step(site, 3, "kill -9 $$")).await;
    assert_eq!(report, ended(137, ""));
    let mut program = step(site, 4, "");
    program.command = Command::Program(vec![
        "printf".to_owned(),
        "%s|".to_owned(),
        "a 'b'".to_owned(),
    ]);
    assert_eq!(run(&driver, program).await, ended(0, "a 'b'|"));
    // What looks like the envelope's own words is output like any other.
    let words = "ringway: ended 9 0 0\nringway: never\n";
    let report = run(&driver, step(site, 5, &format!("printf '{words}'"))).await;
    assert_eq!(report, ended(0, words));
}

pub(crate) async fn values_reach_a_step_as_they_are_and_it_starts_at_home(site: &dyn Site) {
    let value = "it's \"$(touch hurt)\" `x` \\ \n* ";
    let mut told = step(
        site,
        1,
        "touch here; printf '%s|%s|%s' \"$VALUE\" \"$LANG\" \"$LC_ALL\"",
    );
    told.values = BTreeMap::from([("VALUE".to_owned(), value.to_owned())]);
    let report = run(&driver(site), told).await;
    assert_eq!(report, ended(0, &format!("{value}|C.UTF-8|")));
    assert!(site.home().join("here").exists());
    assert!(!site.home().join("hurt").exists());
}

pub(crate) async fn a_flood_of_output_is_bounded(site: &dyn Site) {
    let mut flood = step(
        site,
        1,
        "head -c 3000000 /dev/zero | tr '\\0' x; printf end",
    );
    flood.output_limit = 1000;
    let RawReport::Ended {
        exit: 0, output, ..
    } = run(&driver(site), flood).await
    else {
        panic!("it ends");
    };
    let (said, kept) = output.split_once('\n').unwrap();
    assert_eq!(said, "[2999003 bytes before this were dropped]");
    assert_eq!(kept, format!("{}end", "x".repeat(997)));
}

pub(crate) async fn a_step_whose_time_is_over_is_ended_with_its_group(site: &dyn Site) {
    let text_of = "trap '' TERM; sleep 1000 & echo $! > child; echo before; wait; wait";
    let mut slow = step(site, 1, text_of);
    slow.timeout = Span(300);
    let report = run(&driver(site), slow.clone()).await;
    assert_eq!(
        report,
        RawReport::TimedOut {
            output: "before\n".to_owned()
        }
    );
    let child = text(site, "child").trim().parse().unwrap();
    until(|| !runs(child)).await;
    let again = in_time(driver(site).attach(slow)).await;
    assert_eq!(again, report);
}

pub(crate) async fn a_step_that_never_began_never_begins(site: &dyn Site) {
    let driver = driver(site);
    let late = step(site, 1, "echo ran >> ledger");
    assert_eq!(
        in_time(driver.attach(late.clone())).await,
        RawReport::NeverStarted
    );
    assert_eq!(run(&driver, late).await, RawReport::NeverStarted);
    assert_eq!(text(site, "ledger"), "");
}

pub(crate) async fn a_step_is_found_again_when_nobody_watched_it(site: &dyn Site) {
    let driver = driver(site);
    let first = step(site, 1, &waiting("one"));
    start_and_forget(&driver, first.clone(), site.home().join("begun")).await;
    let attached = tokio::spawn({
        let (driver, first) = (driver.clone(), first.clone());
        async move { driver.attach(first).await }
    });
    fs::write(site.home().join("go"), "").unwrap();
    assert_eq!(in_time(attached).await.unwrap(), ended(0, "done\n"));
    // Whoever asks later hears the same, and so does whoever tries to run it again.
    assert_eq!(
        in_time(driver.attach(first.clone())).await,
        ended(0, "done\n")
    );
    assert_eq!(run(&driver, first).await, ended(0, "done\n"));
    assert_eq!(text(site, "ledger"), "one\n");
}

pub(crate) async fn a_step_outlives_the_connection_that_started_it(site: &dyn Site) {
    let driver = driver(site);
    let break_it = async {
        exists(&site.home().join("begun")).await;
        site.refuse();
        site.cut();
        // It goes on, and comes to its end, while its host cannot be reached.
        fs::write(site.home().join("go"), "").unwrap();
        exists(&marker(site, 1, "result")).await;
        site.heal();
    };
    let (report, ()) = tokio::join!(run(&driver, step(site, 1, &waiting("one"))), break_it);
    assert_eq!(report, ended(0, "done\n"));
    assert_eq!(text(site, "ledger"), "one\n");
}

pub(crate) async fn a_host_that_cannot_be_reached_was_given_nothing(site: &dyn Site) {
    let driver = driver(site);
    site.refuse();
    site.cut();
    let report = run(&driver, step(site, 1, "echo ran >> ledger")).await;
    let RawReport::Unreachable { why } = report else {
        panic!("it is not reachable: {report:?}");
    };
    assert!(
        !why.is_empty() && !why.contains('\n'),
        "one sentence: {why}"
    );
    site.heal();
    assert_eq!(text(site, "ledger"), "");
    assert_eq!(
        run(&driver, step(site, 2, "echo ran >> ledger")).await,
        ended(0, "")
    );
    assert_eq!(text(site, "ledger"), "ran\n");
}

/// It may have begun, so it is not unreachable; it may have ended well, so it did not fail.
pub(crate) async fn nobody_knows_what_became_of_a_step_whose_host_went_away(site: &dyn Site) {
    let driver = driver(site).with_spans(Spans {
        busy: Duration::from_millis(200),
        margin: Duration::from_millis(200),
        ..spans()
    });
    let mut long = step(site, 1, &waiting("one"));
    long.timeout = Span(2000);
    let go_away = async {
        exists(&site.home().join("begun")).await;
        site.refuse();
        site.cut();
    };
    let (report, ()) = tokio::join!(run(&driver, long.clone()), go_away);
    assert_eq!(report, RawReport::Interrupted);
    let attached = in_time(driver.attach(long.clone())).await;
    assert_eq!(attached, RawReport::Interrupted);
    site.heal();
    fs::write(site.home().join("go"), "").unwrap();
    let found = in_time(driver.attach(long)).await;
    let known = found == ended(0, "done\n") || matches!(found, RawReport::TimedOut { .. });
    assert!(known, "{found:?}");
    assert_eq!(text(site, "ledger"), "one\n");
}

pub(crate) async fn a_step_that_was_taken_back_before_it_was_given_is_not_given(site: &dyn Site) {
    let driver = driver(site);
    let (hand, ear) = withdrawal();
    hand.now();
    let report = in_time(driver.run(step(site, 1, "echo ran >> ledger"), ear)).await;
    assert_eq!(report, RawReport::Withdrawn);
    assert!(!marker(site, 1, "").exists());
}

pub(crate) async fn a_step_that_waits_for_its_host_can_be_taken_back(site: &dyn Site) {
    let driver = driver(site);
    let begun = site.home().join("begun");
    start_and_forget(&driver, step(site, 1, &waiting("one")), begun).await;
    let (hand, ear) = withdrawal();
    let take_back = async {
        exists(&marker(site, 2, "supervisor")).await;
        hand.now();
    };
    let second = driver.run(step(site, 2, "echo two >> ledger"), ear);
    let (report, ()) = in_time(async { tokio::join!(second, take_back) }).await;
    assert_eq!(report, RawReport::Withdrawn);
    fs::write(site.home().join("go"), "").unwrap();
    let first = in_time(driver.attach(step(site, 1, ""))).await;
    assert_eq!(first, ended(0, "done\n"));
    assert_eq!(text(site, "ledger"), "one\n");
}

pub(crate) async fn a_step_that_runs_cannot_be_taken_back(site: &dyn Site) {
    let driver = driver(site);
    let (hand, ear) = withdrawal();
    let take_back = async {
        exists(&site.home().join("begun")).await;
        hand.now();
        fs::write(site.home().join("go"), "").unwrap();
    };
    let running = driver.run(step(site, 1, &waiting("one")), ear);
    let (report, ()) = in_time(async { tokio::join!(running, take_back) }).await;
    assert_eq!(report, ended(0, "done\n"));
}

pub(crate) async fn a_step_that_comes_too_early_never_begins(site: &dyn Site) {
    let driver = driver(site).with_spans(Spans {
        busy: Duration::from_millis(200),
        ..spans()
    });
    let begun = site.home().join("begun");
    start_and_forget(&driver, step(site, 1, &waiting("one")), begun).await;
    let report = run(&driver, step(site, 2, "echo two >> ledger")).await;
    assert_eq!(report, RawReport::NeverStarted);
    fs::write(site.home().join("go"), "").unwrap();
    let first = in_time(driver.attach(step(site, 1, ""))).await;
    assert_eq!(first, ended(0, "done\n"));
    assert_eq!(text(site, "ledger"), "one\n");
}

pub(crate) async fn an_earlier_decider_is_refused(site: &dyn Site) {
    let driver = driver(site);
    let mut later = step(site, 1, "true");
    later.epoch = Epoch(7);
    assert_eq!(run(&driver, later).await, ended(0, ""));
    let earlier = step(site, 2, "echo ran >> ledger");
    let fenced = RawReport::Fenced { seen: 7 };
    assert_eq!(run(&driver, earlier.clone()).await, fenced);
    assert_eq!(in_time(driver.attach(earlier)).await, fenced);
    assert_eq!(text(site, "ledger"), "");
}

pub(crate) async fn a_host_belongs_to_one_database_until_somebody_decides_otherwise(
    site: &dyn Site,
) {
    let driver = driver(site);
    assert_eq!(run(&driver, step(site, 1, "true")).await, ended(0, ""));
    let mut other = step(site, 2, "echo two >> ledger");
    other.incarnation = INCARNATION + 1;
    let report = run(&driver, other.clone()).await;
    let RawReport::Unreachable { why } = report else {
        panic!("it is not its host: {report:?}");
    };
    assert!(
        why.contains(&format!("ringway adopt {INCARNATION}")),
        "{why}"
    );
    other.intent = IntentId::new(RolloutId(1), Slot(0), 3);
    other.adopts = Arc::new(BTreeSet::from([INCARNATION]));
    assert_eq!(run(&driver, other.clone()).await, ended(0, ""));
    assert_eq!(text(site, "ledger"), "two\n");
    let mut fleet = step(site, 4, "echo four >> ledger");
    fleet.fleet = "another".to_owned();
    let report = run(&driver, fleet).await;
    assert!(
        matches!(&report, RawReport::Unreachable { why } if why.contains("`corp`")),
        "{report:?}"
    );
    assert_eq!(text(site, "ledger"), "two\n");
}

pub(crate) async fn a_host_that_cannot_keep_a_run_directory_refuses_the_step(site: &dyn Site) {
    let mut nowhere = step(site, 1, "echo ran >> ledger");
    let reach = with_ssh(&site.reach(), |ssh| ssh.root = "/proc/ringway".to_owned());
    nowhere.reach = Arc::new(reach);
    let report = run(&driver(site), nowhere).await;
    assert!(
        matches!(&report, RawReport::Refused { why } if why.contains("/proc/ringway")),
        "{report:?}"
    );
    assert_eq!(text(site, "ledger"), "");
}

pub(crate) async fn a_question_leaves_nothing_behind(site: &dyn Site) {
    let driver = driver(site);
    let mut question = step(site, 1, "printf '%s' \"$WHAT\"; exit 4");
    question.values = BTreeMap::from([("WHAT".to_owned(), "it's".to_owned())]);
    let report = in_time(driver.question(question)).await;
    assert_eq!(report, ended(4, "it's"));
    let mut slow = step(site, 2, "echo $$ > asked; exec sleep 1000");
    // Long enough for a busy machine to log in within it.
    slow.timeout = Span(3000);
    let report = in_time(driver.question(slow)).await;
    assert!(matches!(report, RawReport::TimedOut { .. }), "{report:?}");
    let asked = text(site, "asked").trim().parse().unwrap();
    until(|| !runs(asked)).await;
    assert!(!site.home().join(".ringway").exists());
    site.refuse();
    site.cut();
    let report = in_time(driver.question(step(site, 3, "true"))).await;
    assert!(
        matches!(report, RawReport::Unreachable { .. }),
        "{report:?}"
    );
}

async fn probe(site: &dyn Site, ask: Ask, timeout: Span) -> Sample {
    let request = ProbeRequest {
        reach: Arc::new(site.reach()),
        ask,
        timeout,
    };
    in_time(driver(site).probe(request)).await
}

fn at_host(text: &str) -> Ask {
    Ask::Run {
        run: Command::Shell(text.to_owned()),
        at: Place::Host,
    }
}

pub(crate) async fn a_command_on_the_host_tells_whether_it_is_well(site: &dyn Site) {
    let long = Span::seconds(100);
    let here = "touch well; [ \"$HOST\" = web-1 ]";
    assert_eq!(probe(site, at_host(here), long).await, Sample::Up);
    assert!(site.home().join("well").exists());
    let down =
        |sample: &Sample, why: &str| matches!(sample, Sample::Down(said) if said.contains(why));
    let sample = probe(site, at_host("echo 'not well'; exit 3"), long).await;
    assert!(down(&sample, "ended with 3: not well"), "{sample:?}");
    let sample = probe(site, at_host("sleep 1000"), Span(3000)).await;
    assert!(down(&sample, "in time"), "{sample:?}");
    let sample = probe(site, at_host("no-such-command-anywhere"), long).await;
    assert!(matches!(sample, Sample::Blind(_)), "{sample:?}");
    let sample = probe(site, at_host("yes | head -c 1000000; exit 1"), long).await;
    assert!(down(&sample, "ended with 1: y"), "{sample:?}");
    assert!(!site.home().join(".ringway").exists());
    site.refuse();
    site.cut();
    let sample = probe(site, at_host("true"), long).await;
    assert!(matches!(sample, Sample::Down(_)), "{sample:?}");
}

pub(crate) async fn a_service_is_asked_from_where_its_host_is_reached(site: &dyn Site) {
    let address = site.reach().address;
    let listener = tokio::net::TcpListener::bind((&*address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let tcp = |port: u16| Ask::Tcp {
        port: port.to_string(),
    };
    let long = Span::seconds(100);
    assert_eq!(probe(site, tcp(port), long).await, Sample::Up);
    let (_held, closed) = closed_port(address.parse().unwrap());
    let sample = probe(site, tcp(closed), long).await;
    assert!(matches!(sample, Sample::Down(_)), "{sample:?}");
}

pub(crate) async fn what_finished_steps_left_is_taken_away(site: &dyn Site) {
    let driver = driver(site);
    for serial in 1..=4 {
        assert_eq!(run(&driver, step(site, serial, "true")).await, ended(0, ""));
    }
    let begun = site.home().join("begun");
    start_and_forget(&driver, step(site, 5, &waiting("five")), begun).await;
    let open = BTreeSet::from([IntentId::new(RolloutId(1), Slot(0), 1)]);
    let tidy = TidyRequest {
        reach: Arc::new(site.reach()),
        incarnation: INCARNATION,
        open: Arc::new(open),
        keep: Keep {
            younger_than: Duration::from_hours(1),
            at_most: 1,
        },
        now: SystemTime::now(),
    };
    assert_eq!(in_time(driver.tidy(tidy.clone())).await, Ok(2));
    // What is open, the youngest of the others, and what runs.
    let left = |serial| marker(site, serial, "").exists();
    let kept: Vec<u16> = (1..=5).filter(|serial| left(*serial)).collect();
    assert_eq!(kept, [1, 4, 5]);
    fs::write(site.home().join("go"), "").unwrap();
    let last = in_time(driver.attach(step(site, 5, ""))).await;
    assert_eq!(last, ended(0, "done\n"));
    site.refuse();
    site.cut();
    assert!(in_time(driver.tidy(tidy)).await.is_err());
}

pub(crate) async fn many_steps_in_a_row_each_run_once(site: &dyn Site) {
    let driver = driver(site);
    for serial in 1..=12 {
        let text = format!("echo {serial} >> ledger");
        let report = in_time(driver.run(step(site, serial, &text), Withdrawal::never())).await;
        assert_eq!(report, ended(0, ""));
    }
    let ledger = text(site, "ledger");
    let ran: Vec<u16> = ledger.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(ran, (1..=12).collect::<Vec<_>>());
    assert!(Path::new(&marker(site, 12, "result")).exists());
}
