//! Hosts that swallow what they are asked do not keep the others from being asked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringway_drivers::Driver;
use ringway_executor::port::{Arrival, Proposal};
use ringway_model::{HostId, ProbeId, RouteId, Sample};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::doubles::{Double, Everybody, Nothing, count, proposal};
use crate::decider::Told;
use crate::probing::Probing;
use crate::stopfile::StopFile;
use crate::workers::{Tasks, Workers};

const HOSTS: u32 = 2000;
const SILENT: u32 = 500;
const TIMEOUT: Duration = Duration::from_secs(5);

struct Rig {
    probing: Probing,
    proposal: Proposal,
    arrivals: mpsc::UnboundedReceiver<Told>,
    _workers: Workers,
}

fn rig(driver: &Arc<Double>) -> Rig {
    let here = std::env::temp_dir();
    let proposal = proposal(HOSTS as usize, &here);
    let (told, arrivals) = mpsc::unbounded_channel();
    let tasks = Tasks::default();
    let driver = Arc::clone(driver) as Arc<dyn Driver>;
    let workers = Workers::new(
        Arc::clone(&driver),
        Arc::new(Nothing),
        StopFile::new(&here, Arc::new(Everybody)),
        told.clone(),
        tasks.clone(),
        false,
    );
    workers.remember(&proposal);
    Rig {
        probing: Probing::new(driver, told, tasks, workers.boots()),
        proposal,
        arrivals,
        _workers: workers,
    }
}

impl Rig {
    fn ask(&self, hosts: impl Iterator<Item = u32>) {
        for host in hosts {
            self.probing.ask(
                Arc::clone(&self.proposal.fleet),
                HostId(host),
                ProbeId(0),
                Some(Arc::clone(&self.proposal.plan)),
            );
        }
    }

    fn see_boots(&self, hosts: impl Iterator<Item = u32>) {
        for host in hosts {
            self.probing.see_boot(
                Arc::clone(&self.proposal.fleet),
                HostId(host),
                Arc::clone(&self.proposal.plan),
                RouteId(0),
            );
        }
    }

    /// Waits for the answers of these hosts, and says how long that took.
    async fn answers(&mut self, hosts: impl Iterator<Item = u32>) -> Duration {
        let began = Instant::now();
        let mut open: BTreeSet<u32> = hosts.collect();
        while !open.is_empty() {
            match self.arrivals.recv().await {
                Some(Told::Arrival(Arrival::Probed { host, .. })) => open.remove(&host.0),
                Some(Told::Arrival(Arrival::BootSeen { .. })) => false,
                _ => panic!("only probes were asked for"),
            };
        }
        began.elapsed()
    }
}

/// Every fourth host swallows what it is asked.
fn is_silent(host: &str) -> bool {
    host[1..]
        .parse::<u32>()
        .unwrap()
        .is_multiple_of(HOSTS / SILENT)
}

fn one_in_four_silent() -> Arc<Double> {
    Double::probes(|host| {
        if is_silent(host) {
            (TIMEOUT, Sample::Down("no answer within 5s".to_owned()))
        } else {
            (Duration::from_millis(5), Sample::Up)
        }
    })
}

fn silent() -> impl Iterator<Item = u32> {
    (0..HOSTS).filter(|host| host.is_multiple_of(HOSTS / SILENT))
}

fn others() -> impl Iterator<Item = u32> {
    (0..HOSTS).filter(|host| !host.is_multiple_of(HOSTS / SILENT))
}

#[tokio::test(start_paused = true)]
async fn five_hundred_silent_hosts_do_not_keep_the_others_waiting() {
    let driver = one_in_four_silent();
    let mut rig = rig(&driver);
    // The first time nobody knows who is silent; even then everybody was asked within a minute.
    rig.ask(0..HOSTS);
    let first = rig.answers(0..HOSTS).await;
    assert!(first < Duration::from_mins(1), "{first:?}");
    // From then on the silent ones wait for each other and for nobody else.
    rig.ask(silent());
    tokio::time::sleep(Duration::from_millis(100)).await;
    rig.ask(others());
    let quick = rig.answers(others()).await;
    assert!(quick < Duration::from_secs(1), "{quick:?}");
    assert!(driver.most.load(Ordering::Relaxed) <= 64);
}

/// The loop asks again for what is not answered in time; that must not make the queue longer and longer.
#[tokio::test(start_paused = true)]
async fn what_waits_to_be_asked_is_not_queued_again() {
    let driver = one_in_four_silent();
    let mut rig = rig(&driver);
    rig.ask(0..HOSTS);
    rig.answers(0..HOSTS).await;
    driver.log.lock().unwrap().clear();
    // Within the time of one question, so that none is answered yet.
    for _ in 0..4 {
        rig.ask(silent());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    rig.answers(silent()).await;
    let log = driver.log();
    assert!(count(&log).values().all(|&times| times <= 1));
    assert_eq!(log.len(), SILENT as usize);
}

#[tokio::test(start_paused = true)]
async fn a_silent_host_that_answers_again_is_back_in_the_quick_lane() {
    let began = Instant::now();
    let driver = Double::probes(move |host| {
        if is_silent(host) && began.elapsed() < Duration::from_mins(1) {
            (TIMEOUT, Sample::Down("no answer within 5s".to_owned()))
        } else {
            (Duration::from_millis(5), Sample::Up)
        }
    });
    let mut rig = rig(&driver);
    rig.ask(silent());
    rig.answers(silent()).await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    // 16 places for 500 hosts that answer at once; then all of them have 48.
    rig.ask(silent());
    let back = rig.answers(silent()).await;
    assert!(back < Duration::from_secs(1), "{back:?}");
}

/// Updated hosts are watched for restarts, each time by a command; that must not make evidence late.
#[tokio::test(start_paused = true)]
async fn boot_ids_keep_no_probe_waiting_and_are_read_forty_in_a_second() {
    let driver = one_in_four_silent();
    let mut rig = rig(&driver);
    let began = Instant::now();
    rig.see_boots(0..400);
    rig.ask(others());
    let quick = rig.answers(others()).await;
    assert!(quick < Duration::from_secs(1), "{quick:?}");
    let mut seen = 400 - rig.probing.open_boots();
    assert!(seen <= 48, "{seen} within {quick:?}");
    while seen < 400 {
        match rig.arrivals.recv().await {
            Some(Told::Arrival(Arrival::BootSeen { .. })) => seen += 1,
            _ => panic!("only boot ids are waited for"),
        }
    }
    let all = began.elapsed();
    assert!(
        (Duration::from_secs(9)..Duration::from_secs(11)).contains(&all),
        "{all:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_never_answers_gives_its_place_back() {
    let driver = Double::probes(|_| (Duration::from_hours(1000), Sample::Up));
    let mut rig = rig(&driver);
    rig.ask(0..100);
    let mut seen = 0;
    let began = Instant::now();
    while seen < 100 {
        match rig.arrivals.recv().await {
            Some(Told::Arrival(Arrival::Probed { sample, .. })) => {
                assert!(matches!(sample, Sample::Blind(_)), "{sample:?}");
                seen += 1;
            }
            _ => panic!("only probes were asked for"),
        }
    }
    assert!(
        began.elapsed() < Duration::from_mins(2),
        "{:?}",
        began.elapsed()
    );
}
