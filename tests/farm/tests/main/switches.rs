//! Each switch does what it says, on its host and on no other, and is taken back by healing.

use std::fs;
use std::io::Write as _;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use ringway_farm::{Event, Farm, HostPlan, Plan, Switch};

use crate::support::{health, run, says, ssh, text, wait_for};

fn two() -> Farm {
    Farm::start(Plan::made_of(vec![
        HostPlan::new("a", "web"),
        HostPlan::new("b", "db"),
    ]))
    .unwrap()
}

/// `ssh` gave up, in these words.
#[track_caller]
fn assert_gave_up(output: &Output, words: &str) {
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(255), "{errors}");
    assert!(errors.contains(words), "{errors}");
}

fn events(farm: &Farm, host: &str) -> Vec<(Event, String)> {
    let ledger = farm.host(host).ledger();
    ledger
        .into_iter()
        .map(|entry| (entry.event, entry.what))
        .collect()
}

#[test]
fn a_host_that_cannot_be_logged_in_to_says_why_in_each_case() {
    let farm = two();
    let a = farm.host("a");
    for (switch, words) in [
        (Switch::Refuse, "Connection refused"),
        (Switch::HangBanner, "timed out"),
        (Switch::ChangeKey, "Host key verification failed"),
        (Switch::WrongLogin, "Permission denied (publickey)"),
    ] {
        a.set(switch.clone()).unwrap();
        let output = ssh(&farm, &["-o", "ConnectTimeout=2"], "a", "touch reached")
            .output()
            .unwrap();
        assert_gave_up(&output, words);
        assert_eq!(says(&farm, "b", "echo well"), "well", "{switch}");
        a.heal().unwrap();
        assert_eq!(
            says(&farm, "a", "ls reached 2>/dev/null; echo well"),
            "well",
            "{switch}"
        );
    }
}

#[test]
fn a_login_shell_may_hang_be_slow_or_say_something_of_its_own() {
    let farm = two();
    let a = farm.host("a");
    a.set(Switch::NoisyLogin).unwrap();
    assert_eq!(says(&farm, "a", "echo word").lines().count(), 2);
    a.set(Switch::SlowLogin(400)).unwrap();
    let began = Instant::now();
    says(&farm, "a", "true");
    assert!(began.elapsed() >= Duration::from_millis(400));
    a.set(Switch::HangLogin).unwrap();
    let mut hanging = ssh(&farm, &[], "a", "touch reached")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let base = farm.base().to_owned();
    let hangs = || {
        fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = text(&line).replace('\0', " ").trim().to_owned();
            line.ends_with("farm-host session a") && line.starts_with(base.to_str().unwrap())
        })
    };
    wait_for("a session hangs in its shell", hangs);
    assert!(hanging.try_wait().unwrap().is_none());
    a.drop_connections().unwrap();
    assert_eq!(hanging.wait().unwrap().code(), Some(255));
    assert!(!a.home().join("reached").exists());
    // It outlives its connection, as anything does that does not look for it; but not its host.
    assert!(hangs());
    drop(farm);
    assert!(!hangs());
}

#[test]
fn what_runs_goes_on_when_its_connection_is_cut() {
    let farm = two();
    let a = farm.host("a");
    let script = "ledger begin work; until [ -e go ]; do sleep 0.02; done; ledger end work";
    let mut cut = ssh(&farm, &[], "a", script)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("the work begins", || !a.ledger().is_empty());
    a.drop_connections().unwrap();
    assert_eq!(cut.wait().unwrap().code(), Some(255));
    assert_eq!(events(&farm, "a").len(), 1);
    fs::write(a.home().join("go"), "").unwrap();
    wait_for("the work ends", || a.ledger().len() == 2);
}

#[test]
fn an_install_can_lose_its_connection_once() {
    let farm = two();
    let a = farm.host("a");
    a.set(Switch::DropInInstall).unwrap();
    assert_eq!(run(&farm, "a", "install 2.0").status.code(), Some(255));
    wait_for("the install ends", || a.ledger().len() == 2);
    assert_eq!(a.version(), "2.0");
    assert_eq!(says(&farm, "a", "install 3.0; version"), "3.0");
}

#[test]
fn an_install_can_hang_fail_or_take_its_time() {
    let farm = two();
    let a = farm.host("a");
    a.set(Switch::FailInstall).unwrap();
    assert_eq!(run(&farm, "a", "install 2.0").status.code(), Some(1));
    assert_eq!(a.ledger()[1].fact("code"), Some("1"));
    a.heal().unwrap();
    a.set(Switch::Slow(300)).unwrap();
    let began = Instant::now();
    says(&farm, "a", "install 2.0");
    assert!(began.elapsed() >= Duration::from_millis(300));
    a.heal().unwrap();
    a.set(Switch::HangInstall).unwrap();
    let mut hanging = ssh(&farm, &[], "a", "install 3.0")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("it begins", || a.ledger().len() == 5);
    assert!(hanging.try_wait().unwrap().is_none());
    a.drop_connections().unwrap();
    hanging.wait().unwrap();
    assert_eq!(a.version(), "2.0");
}

/// The shell must live on and say so: it is not killed by the limit's signal.
#[test]
fn a_full_disk_fails_every_write_and_kills_nobody() {
    let farm = two();
    let a = farm.host("a");
    says(&farm, "a", "echo before >file");
    a.set(Switch::FullDisk).unwrap();
    let script = "echo more >>file || echo failed; echo new >other || echo failed; cat file; install 2.0 || echo failed";
    assert_eq!(says(&farm, "a", script), "failed\nfailed\nbefore\nfailed");
    assert_eq!((a.version().as_str(), a.ledger().len()), ("1.0", 0));
    assert_eq!(
        says(&farm, "b", script),
        "more",
        "it is another host's disk"
    );
    a.heal().unwrap();
    assert_eq!(says(&farm, "a", "echo after >file; cat file"), "after");
}

#[test]
fn a_restart_ends_everything_and_changes_the_boot_id() {
    let farm = two();
    let a = farm.host("a");
    let before = a.boot_id();
    let pid = says(&farm, "a", "setsid sleep 1000 >/dev/null 2>&1 & echo $!");
    let service = a.read("service.pid");
    run(&farm, "a", "reboot");
    wait_for("it is back", || {
        a.boot_id() != before && health(a) == "HTTP/1.1 200 OK"
    });
    wait_for("what ran has ended", || {
        !fs::exists(format!("/proc/{pid}")).unwrap()
    });
    assert_ne!(a.read("service.pid"), service);
    assert_eq!(says(&farm, "a", "cat boot-id"), a.boot_id());
    assert_eq!(
        events(&farm, "a"),
        [
            (Event::Note, "reboot".to_owned()),
            (Event::Note, "boot".to_owned())
        ]
    );
    assert_eq!(events(&farm, "b"), []);
}

#[test]
fn a_restart_can_do_nothing_or_only_look_like_one() {
    let farm = two();
    let a = farm.host("a");
    let before = a.boot_id();
    a.set(Switch::NoReboot).unwrap();
    says(&farm, "a", "reboot");
    a.heal().unwrap();
    a.set(Switch::FakeReboot).unwrap();
    let mut cut = ssh(&farm, &[], "a", "reboot; sleep 1000")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(cut.wait().unwrap().code(), Some(255));
    wait_for("it can be reached again", || {
        run(&farm, "a", "true").status.success()
    });
    assert_eq!(a.boot_id(), before);
}

#[test]
fn a_host_can_restart_again_and_again() {
    let farm = two();
    let a = farm.host("a");
    a.set(Switch::RebootLoop(2)).unwrap();
    a.set(Switch::RebootTakes(10)).unwrap();
    run(&farm, "a", "reboot");
    wait_for("it has restarted three times", || a.ledger().len() == 4);
    a.heal().unwrap();
    let boots: Vec<_> = a
        .ledger()
        .iter()
        .filter_map(|entry| entry.fact("id").map(str::to_owned))
        .collect();
    assert_eq!(boots.len(), 3);
    assert_eq!(boots.last(), Some(&a.boot_id()));
}

#[test]
fn a_host_can_stay_away_until_it_is_healed() {
    let farm = two();
    let a = farm.host("a");
    a.set(Switch::NeverBack).unwrap();
    run(&farm, "a", "reboot");
    wait_for("it is away", || {
        run(&farm, "a", "true").status.code() == Some(255)
    });
    wait_for("its service too", || health(a).is_empty());
    a.heal().unwrap();
    assert_eq!(says(&farm, "a", "version"), "1.0");
    assert_eq!(health(a), "HTTP/1.1 200 OK");
}

/// The version of a host's own faults is bad for it alone, and the next one mends it.
#[test]
fn a_version_can_be_bad_for_one_host() {
    let farm = Farm::start(Plan::made_of(vec![
        HostPlan::new("loops", "dc").suffers("2.0", "restart-loop"),
        HostPlan::new("away", "dc").suffers("2.0", "stays-away"),
        HostPlan::new("refuses", "dc").suffers("2.0", "refused"),
        HostPlan::new("well", "dc"),
    ]))
    .unwrap();
    let boots = |host: &str| {
        let ledger = farm.host(host).ledger();
        ledger.iter().filter(|entry| entry.what == "boot").count()
    };
    assert_eq!(run(&farm, "refuses", "install 2.0").status.code(), Some(1));
    for host in ["loops", "away", "well"] {
        says(&farm, host, "install 2.0");
        run(&farm, host, "reboot");
    }
    wait_for("one that is well restarts once", || boots("well") == 1);
    wait_for("the other restarts again and again", || boots("loops") == 4);
    wait_for("the well one serves", || {
        health(farm.host("well")) == "HTTP/1.1 200 OK"
    });
    assert_eq!(health(farm.host("loops")), "");
    let away = farm.host("away");
    wait_for("one is away", || {
        run(&farm, "away", "true").status.code() == Some(255)
    });
    let before = away.boot_id();
    away.heal().unwrap();
    assert_ne!(away.boot_id(), before, "it was off, and begins now");
    assert_eq!(health(away), "HTTP/1.1 200 OK", "once is enough");
    wait_for("it can be logged in to", || {
        run(&farm, "loops", "true").status.success()
    });
    says(&farm, "loops", "install 2.1");
    run(&farm, "loops", "reboot");
    wait_for("the fix mends it", || {
        health(farm.host("loops")) == "HTTP/1.1 200 OK"
    });
    assert_eq!(boots("loops"), 5);
}

#[test]
fn sudo_lets_everybody_nobody_or_those_who_know_the_password() {
    let farm = two();
    let a = farm.host("a");
    let sudo = |options: &str, input: &str| {
        let command = format!("sudo {options} -u root -- sh -c 'read -r rest; echo got $rest'");
        let mut ssh = ssh(&farm, &[], "a", &command);
        let mut child = ssh
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    assert_eq!(sudo("-n", "word\n").1, "got word");
    a.set(Switch::SudoPassword("open sesame".to_owned()))
        .unwrap();
    assert_eq!(
        sudo("-n", "word\n"),
        (
            Some(1),
            String::new(),
            "sudo: a password is required".to_owned()
        )
    );
    assert_eq!(
        sudo("-k -S -p ''", "open sesame\nword\n"),
        (Some(0), "got word".to_owned(), String::new())
    );
    let (code, out, errors) = sudo("-S -p ''", "a\nb\nc\nword\n");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        errors.ends_with("sudo: 3 incorrect password attempts"),
        "{errors}"
    );
    a.set(Switch::SudoRefused).unwrap();
    let (code, _, errors) = sudo("-n", "");
    assert_eq!(code, Some(1));
    assert!(errors.ends_with("is not in the sudoers file."), "{errors}");
}

#[test]
fn a_host_behind_another_is_reached_through_it_alone() {
    let farm = Farm::start(Plan::made_of(vec![
        HostPlan::new("gate", "jump"),
        HostPlan::new("inner", "web").behind("gate"),
        HostPlan::new("other", "web"),
    ]))
    .unwrap();
    assert_eq!(says(&farm, "inner", "version"), "1.0");
    for options in [&["-o", "ProxyJump=none"][..], &["-o", "ProxyJump=other"]] {
        let output = ssh(&farm, options, "inner", "version").output().unwrap();
        assert_eq!(output.status.code(), Some(255), "{options:?}");
    }
}

/// What is wrong with a version shows in its service, on hosts of the role it names.
#[test]
fn a_bad_version_is_bad_for_the_role_it_names() {
    let farm = two();
    for (version, code, answer) in [
        (
            "2.0+sick:web",
            Some(0),
            "HTTP/1.1 500 Internal Server Error",
        ),
        ("2.0+crash:web", Some(1), ""),
    ] {
        for host in ["a", "b"] {
            let code = if host == "a" { code } else { Some(0) };
            let output = run(
                &farm,
                host,
                &format!("install {version} && service restart"),
            );
            assert_eq!(
                output.status.code(),
                code,
                "{version} on {host}: {output:?}"
            );
        }
        assert_eq!(health(farm.host("a")), answer, "{version}");
        assert_eq!(health(farm.host("b")), "HTTP/1.1 200 OK", "{version}");
    }
    let a = farm.host("a");
    says(&farm, "a", "install 2.0+late-crash && service restart");
    wait_for("it crashes", || health(a).is_empty());
}
