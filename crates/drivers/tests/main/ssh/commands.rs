//! What a command is given and what it says.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU16;

use ringway_drivers::transport::{Refusal, Said};

use super::site::{Ended, Site, end, host, soon, until};

#[tokio::test]
async fn a_command_gets_its_input_and_says_what_it_says() {
    let site = Site::new();
    let reach = site.reach(host(), |_| {});
    let ended = site
        .run_with(&reach, "cat; echo bad >&2; exit 7", "good")
        .await;
    assert_eq!(
        ended,
        Ok(Ended {
            output: "good".to_owned(),
            errors: "bad\n".to_owned(),
            exit: Some(7)
        })
    );
}

#[tokio::test]
async fn a_command_that_a_signal_ends_says_which() {
    let site = Site::new();
    let reach = site.reach(host(), |_| {});
    for (signal, exit) in [
        ("KILL", 137),
        ("TERM", 143),
        ("SEGV", 139),
        ("USR2", 140),
        ("BUS", 135),
    ] {
        let ended = site
            .run(&reach, &format!("kill -{signal} $$"))
            .await
            .unwrap();
        assert_eq!(ended.exit, Some(exit), "{signal}");
    }
}

/// Both directions are far larger than any window, and go on at the same time.
#[tokio::test]
async fn much_input_and_much_output_come_through_whole() {
    let site = Site::new();
    let reach = site.reach(host(), |_| {});
    let line = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";
    let input = line.repeat(100_000);
    let ended = site
        .run_with(&reach, "cat; wc -c </dev/null", &input)
        .await
        .unwrap();
    assert_eq!(ended.exit, Some(0));
    assert_eq!(ended.output.len(), input.len() + 1);
    assert!(ended.output.starts_with(&input));
}

#[tokio::test]
async fn a_command_that_does_not_read_its_input_ends_all_the_same() {
    let site = Site::new();
    let reach = site.reach(host(), |_| {});
    let input = "x".repeat(5_000_000);
    let ended = site.run_with(&reach, "echo done", &input).await.unwrap();
    assert_eq!(ended.output, "done");
}

#[tokio::test]
async fn commands_of_a_host_share_one_connection() {
    let site = Site::new();
    let reach = site.reach(host(), |_| {});
    let connections = tokio::join!(
        site.connection(&reach),
        site.connection(&reach),
        site.connection(&reach),
        site.connection(&reach),
    );
    let connections = BTreeSet::from([
        connections.0,
        connections.1,
        connections.2,
        connections.3,
        site.connection(&reach).await,
    ]);
    assert_eq!(connections.len(), 1, "{connections:?}");
}

/// Each command waits for a file; that no more than two of six have begun when it comes is what counts.
#[tokio::test]
async fn no_more_commands_than_allowed_run_at_once() {
    let site = Site::new();
    let host = host();
    let reach = site.reach(host, |ssh| ssh.at_once = NonZeroU16::new(2).unwrap());
    let begun = || host.read("begun").lines().count();
    let command = "echo b >> begun; until [ -e go ]; do sleep 0.01; done; echo e >> ended";
    let first = site.start(&reach, command, "").await.unwrap();
    let second = site.start(&reach, command, "").await.unwrap();
    let third = site.start(&reach, command, "");
    tokio::pin!(third);
    until("two have begun", || begun() == 2).await;
    // Where it were let through, it would need no more than a few turns.
    let is_early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut third).await;
    assert!(is_early.is_err());
    assert_eq!(begun(), 2);
    fs::write(host.home().join("go"), "").unwrap();
    end(first).await.unwrap();
    let third = third.await.unwrap();
    end(second).await.unwrap();
    end(third).await.unwrap();
    assert_eq!(begun(), 3);
}

/// A host that allows two sessions on a connection gets more connections, not an excuse.
#[tokio::test]
async fn a_host_that_allows_few_sessions_gets_more_connections() {
    let site = Site::new();
    let host = host();
    host.configure(&["MaxSessions 2"]).unwrap();
    let reach = site.reach(host, |ssh| ssh.at_once = NonZeroU16::new(6).unwrap());
    let command = "echo $SSH_CONNECTION; echo b >> begun; until [ -e go ]; do sleep 0.01; done";
    let mut running = Vec::new();
    for _ in 0..6 {
        running.push(site.start(&reach, command, "").await.unwrap());
    }
    until("all have begun", || host.read("begun").lines().count() == 6).await;
    fs::write(host.home().join("go"), "").unwrap();
    let mut connections = Vec::new();
    for running in running {
        connections.push(end(running).await.unwrap().output);
    }
    let distinct: BTreeSet<_> = connections.iter().collect();
    assert_eq!(distinct.len(), 3, "{connections:?}");
}

#[tokio::test]
async fn a_host_that_opens_no_session_is_said_to_do_so() {
    let site = Site::new();
    let host = host();
    host.configure(&["MaxSessions 0"]).unwrap();
    let Refusal::Login(why) = site.refusal(&site.reach(host, |_| {})).await else {
        panic!("it is the login that is of no use");
    };
    assert!(why.contains("opens no session"), "{why}");
}

/// The seat of an abandoned command is free again, and the command sees the end of its input.
#[tokio::test]
async fn a_command_that_nobody_watches_gives_its_seat_back() {
    let site = Site::new();
    let host = host();
    let reach = site.reach(host, |ssh| ssh.at_once = NonZeroU16::new(1).unwrap());
    let mut abandoned = site
        .start(
            &reach,
            "echo hello; until [ -e go ]; do sleep 0.01; done; echo end > end",
            "",
        )
        .await
        .unwrap();
    assert_eq!(
        soon(abandoned.next()).await,
        Ok(Some(Said::Output(b"hello\n".to_vec())))
    );
    drop(abandoned);
    let ended = site.run(&reach, "touch go; echo next").await.unwrap();
    assert_eq!(ended.output, "next");
    // It was abandoned, not ended.
    until("it goes on", || host.read("end") == "end").await;
}
