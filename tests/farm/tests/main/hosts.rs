//! A host that nothing is wrong with.

use ringway_farm::{Event, Farm, Plan};

use crate::support::{health, run, says, wait_for};

#[test]
fn a_host_has_a_home_commands_a_service_and_a_ledger() {
    let farm = Farm::start(Plan::of(3)).unwrap();
    let web = farm.host("web-1");
    assert_eq!(says(&farm, "web-1", "id -un"), farm.user());
    assert_ne!(farm.user(), "root");
    assert_eq!(
        says(&farm, "web-1", "pwd; echo $HOME")
            .lines()
            .collect::<Vec<_>>(),
        [web.home().to_str().unwrap(); 2]
    );
    assert_eq!(says(&farm, "web-1", "version"), "1.0");
    assert_eq!(health(web), "HTTP/1.1 200 OK");
    assert_eq!(
        says(
            &farm,
            "web-1",
            "install 2.0 && service restart && cat boot-id"
        ),
        web.boot_id()
    );
    assert_eq!(
        (
            web.version().as_str(),
            farm.host("web-2").version().as_str()
        ),
        ("2.0", "1.0")
    );
    assert_eq!(health(web), "HTTP/1.1 200 OK");
    assert_eq!(run(&farm, "web-1", "exit 7").status.code(), Some(7));
    let ledger = web.ledger();
    let lines: Vec<_> = ledger
        .iter()
        .map(|entry| (entry.event, entry.what.as_str(), entry.fact("version")))
        .collect();
    assert_eq!(
        lines,
        [
            (Event::Begin, "install", Some("2.0")),
            (Event::End, "install", Some("2.0"))
        ]
    );
    assert_eq!(farm.host("db-1").ledger(), []);
}

#[test]
fn everything_ends_with_the_farm() {
    let mut farm = Farm::start(Plan::of(2)).unwrap();
    let base = farm.base().to_owned();
    says(
        &farm,
        "web-1",
        "setsid sleep 1000 >/dev/null 2>&1 & echo $! >left",
    );
    let left = farm.host("web-1").read("left");
    let process = std::path::PathBuf::from(format!("/proc/{left}"));
    assert!(process.exists());
    let service =
        std::path::PathBuf::from(format!("/proc/{}", farm.host("web-1").read("service.pid")));
    assert!(service.exists());
    farm.stop().unwrap();
    wait_for("what a session left behind ends", || !process.exists());
    wait_for("the service ends", || !service.exists());
    drop(farm);
    assert!(!base.exists());
}
