//! Commands: what they get, what they say, how they end.

use std::fs;
use std::sync::Arc;

use ringway_drivers::system::Processes;
use ringway_drivers::transport::{Exec, Refusal, Transport as _};
use ringway_farm::Switch;
use ringway_policy::validated::{Command, HostKeys};

use super::site::{Ended, Site, end, host};
use crate::support::{exists, in_time, until};

#[tokio::test]
async fn a_command_gets_its_input_and_ends_with_its_own_code() {
    let site = Site::new();
    let host = host();
    let reach = site.reach(host, |_| {});
    for (command, input, output, errors, exit) in [
        (
            "cat; pwd",
            "in",
            format!("in{}\n", host.home().display()),
            "",
            0,
        ),
        (
            "exec /bin/sh -s",
            "echo out; echo err >&2; exit 3",
            "out\n".to_owned(),
            "err\n",
            3,
        ),
        ("exit 255", "", String::new(), "", 255),
        ("exec /bin/sh -s", "kill -9 $$", String::new(), "", 137),
        ("echo \"it's\" 'a b'", "", "it's a b\n".to_owned(), "", 0),
    ] {
        let wanted = Ended {
            output,
            errors: errors.to_owned(),
            exit: Some(exit),
        };
        assert_eq!(site.run(&reach, command, input).await, wanted, "{command}");
    }
}

/// More than any pipe holds, both ways at once.
#[tokio::test]
async fn a_lot_of_input_and_output_passes_whole() {
    let site = Site::new();
    let reach = site.reach(host(), |_| {});
    let input = "0123456789abcdef".repeat(64 * 1024);
    let ended = site.run(&reach, "cat", &input).await;
    assert_eq!(ended.exit, Some(0));
    assert!(
        ended.output == input,
        "{} bytes came back",
        ended.output.len()
    );
}

#[tokio::test]
async fn what_a_login_shell_says_of_its_own_is_passed_on() {
    let site = Site::new();
    let host = host();
    host.set(Switch::NoisyLogin).unwrap();
    let ended = site.run(&site.reach(host, |_| {}), "echo word", "").await;
    let lines: Vec<&str> = ended.output.lines().collect();
    assert_eq!((lines.len(), lines.last()), (2, Some(&"word")));
}

/// The code `ssh` ends with is the same, so this must not be taken for the command's.
#[tokio::test]
async fn a_connection_that_breaks_is_lost_and_the_command_goes_on() {
    let site = Site::new();
    let host = host();
    let reach = site.reach(host, |_| {});
    let command = "touch begun; while [ ! -e go ]; do sleep 0.02; done; touch done";
    let running = site.start(&reach, command, "").await.unwrap();
    exists(&host.home().join("begun")).await;
    host.drop_connections().unwrap();
    let lost = end(running).await.unwrap_err();
    assert!(!lost.0.is_empty() && !lost.0.contains('\n'), "{lost}");
    fs::write(host.home().join("go"), "").unwrap();
    exists(&host.home().join("done")).await;
}

/// Dropped before the shell came to the command, it must never come to it.
#[tokio::test]
async fn a_command_that_was_not_let_begin_never_begins() {
    let site = Site::new();
    let host = host();
    host.set(Switch::SlowLogin(300)).unwrap();
    let reach = site.reach(host, |_| {});
    let exec = Exec::new("touch reached", "");
    let starting = site.transport.exec(Arc::clone(&reach), exec);
    let connected = until(|| host.folder().join("sshd.log").exists());
    tokio::select! {
        _ = starting => panic!("it takes a while"),
        () = connected => {}
    }
    // Its shell has come to where it would have begun by the time that this one has.
    assert_eq!(
        site.run(&reach, "echo in", "").await.output,
        "in
"
    );
    assert!(!host.home().join("reached").exists());
}

#[tokio::test]
async fn there_are_never_more_than_so_many_at_once() {
    let site = Site::with(Processes { at_once: 2 });
    let host = host();
    let reach = site.reach(host, |_| {});
    let counted = "mkdir at.$$; ls -d at.* | wc -l; sleep 0.05; rmdir at.$$";
    let mut all = Vec::new();
    for _ in 0..6 {
        all.push(async {
            let running = site.start(&reach, counted, "").await.unwrap();
            end(running)
                .await
                .unwrap()
                .output
                .trim()
                .parse::<u32>()
                .unwrap()
        });
    }
    let mut most = 0;
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    in_time(async {
        while !all.is_empty() {
            let (seen, index) = std::future::poll_fn(|cx| {
                for (index, one) in all.iter_mut().enumerate() {
                    if let std::task::Poll::Ready(seen) = one.as_mut().poll(cx) {
                        return std::task::Poll::Ready((seen, index));
                    }
                }
                std::task::Poll::Pending
            })
            .await;
            drop(all.remove(index));
            most = most.max(seen);
        }
    })
    .await;
    assert!((1..=2).contains(&most), "{most} at once");
}

/// Neither among the arguments of a process nor in a file.
#[tokio::test]
async fn a_passphrase_opens_a_key_and_is_nowhere_to_be_seen() {
    let site = Site::new();
    let host = host();
    site.make_key("locked", "open-sesame");
    fs::write(site.path("secret"), "open-sesame\n").unwrap();
    let reach = site.reach(host, |ssh| {
        ssh.keys = vec!["locked".to_owned()];
        ssh.passphrase = Some(Command::Shell("cat secret".to_owned()));
    });
    let running = site.start(&reach, "touch begun; cat", "").await.unwrap();
    exists(&host.home().join("begun")).await;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        // The tool that made the key was told it in this way.
        assert!(
            !line.contains("open-sesame") || line.starts_with("ssh-keygen"),
            "{line}"
        );
    }
    assert_eq!(end(running).await.unwrap().exit, Some(0));
    let wrong = site.reach(host, |ssh| {
        ssh.keys = vec!["locked".to_owned()];
        ssh.passphrase = Some(Command::Program(vec![
            "echo".to_owned(),
            "wrong".to_owned(),
        ]));
    });
    let refused = site.refusal(&wrong).await.to_string();
    assert!(
        refused.contains("passphrase") || refused.contains("Permission denied"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_host_that_is_met_for_the_first_time_is_written_down_where_that_is_wanted() {
    let site = Site::new();
    let host = host();
    let reach = site.reach(host, |ssh| {
        ssh.host_keys = HostKeys::AcceptNew(vec!["met".to_owned()]);
    });
    assert_eq!(site.run(&reach, "echo in", "").await.output, "in\n");
    assert!(
        fs::read_to_string(site.path("met"))
            .unwrap()
            .contains(&host.public_key().unwrap())
    );
    host.set(Switch::ChangeKey).unwrap();
    let refused = site.refusal(&reach).await;
    assert!(matches!(refused, Refusal::HostKeyChanged(_)), "{refused}");
}
