//! The control socket, the stop file, and who may hold the data directory.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use ringway_engine::Command;
use ringway_model::WaitingOn;
use ringway_runtime::{Answer, Bundle, Client, Config, Question, Runtime, StartError, Unreachable};
use ringway_store::OpenError;

use crate::place::{Everybody, Place, TWO_RINGS, until_so, within};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_speaks_at_the_socket_is_who_the_kernel_says() {
    let place = Place::new(TWO_RINGS);
    let _running = place.start_as("ben").await;
    let client = Client::new(&place.data());
    let answer = within(client.ask(&Question::Propose(Bundle::pack(&place.proposal()))))
        .await
        .unwrap();
    assert!(matches!(answer, Answer::Accepted(accepted) if accepted.changed));
    let Answer::View(view) = within(client.ask(&Question::View)).await.unwrap() else {
        panic!("no view")
    };
    assert_eq!(view.rollouts[0].starter, "ben");
    let mode = std::fs::metadata(place.data().join("control.sock"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_is_shown_the_rollout_until_it_is_over() {
    let place = Place::new(TWO_RINGS);
    let running = place.start().await;
    let mut following = within(Client::new(&place.data()).follow()).await.unwrap();
    running.propose(&place).await;
    within(async {
        while !following
            .next()
            .await
            .unwrap()
            .rollouts
            .first()
            .is_some_and(|r| r.is_final)
        {}
    })
    .await;
    within(running.runtime.shutdown()).await;
    let over = within(async {
        loop {
            if let Err(error) = following.next().await {
                break error;
            }
        }
    });
    assert!(matches!(over.await, Unreachable::Broken { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_question_is_answered_with_why() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let place = Place::new(TWO_RINGS);
    let _running = place.start().await;
    for line in ["nonsense\n", "{\"view\":1}\n", "\n"] {
        let mut stream = tokio::net::UnixStream::connect(place.data().join("control.sock"))
            .await
            .unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.contains("not-understood"), "{line}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_decides_and_the_next_one_may_after_it() {
    let place = Place::new(TWO_RINGS);
    let running = place.start().await;
    let config = Config {
        data: place.data(),
        workers: 1,
        identify: Arc::new(Everybody("ana")),
        observe: false,
        clock: std::sync::Arc::default(),
    };
    let refused = Runtime::start(config.clone()).await.err().unwrap();
    assert!(
        matches!(refused, StartError::Open(OpenError::Held { .. })),
        "{refused}"
    );
    within(running.runtime.shutdown()).await;
    let nobody = Client::new(&place.data())
        .ask(&Question::Ping)
        .await
        .unwrap_err();
    assert!(matches!(nobody, Unreachable::Nobody { .. }), "{nobody}");
    within(Runtime::start(config).await.unwrap().shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_lies_there_before_the_start_lets_nothing_start() {
    let place = Place::new(TWO_RINGS);
    std::fs::create_dir(place.data()).unwrap();
    std::fs::set_permissions(place.data(), std::fs::Permissions::from_mode(0o700)).unwrap();
    place.write("data/STOP", "storage is on fire\n");
    let running = place.start().await;
    running.propose(&place).await;
    let view = running
        .until(|view| view.stopped.is_some() && !view.rollouts.is_empty())
        .await;
    let Some(WaitingOn::Stop { by, reason }) = &view.stopped else {
        panic!("not stopped by a person")
    };
    assert_eq!(
        (by.0.as_str(), reason.as_str()),
        ("ana", "storage is on fire")
    );
    let go = || Command::Go {
        reason: "put out".to_owned(),
    };
    assert_eq!(
        running.say("ana", go()).await.unwrap_err().code,
        "stop-file"
    );
    assert_eq!(place.count("a apply"), 0);
    place.remove("data/STOP");
    running.say("ana", go()).await.unwrap();
    let end = running.until_rollout(|r| r.is_final).await;
    assert_eq!(end.state, "completed");
}

/// The file must win over a rollout in full swing, without anybody being asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_file_that_appears_stops_what_has_not_begun() {
    let place = Place::new(TWO_RINGS);
    place.write("hold-drain", "");
    let running = place.start().await;
    running.propose(&place).await;
    until_so(|| place.count("a drain") == 1).await;
    place.write("data/STOP", "");
    place.remove("hold-drain");
    running
        .until(|v| v.stopped.is_some() && v.rollouts[0].rings[0].pending == 1)
        .await;
    assert_eq!((place.count("a apply"), place.is_drained()), (0, false));
}

/// Whoever opens the directory to a group lets the group speak; nobody else ever may.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_open_to_a_group_has_a_socket_for_that_group() {
    let place = Place::new(TWO_RINGS);
    std::fs::create_dir(place.data()).unwrap();
    for (directory, socket) in [(0o700, 0o600), (0o710, 0o660), (0o701, 0o600)] {
        std::fs::set_permissions(place.data(), std::fs::Permissions::from_mode(directory)).unwrap();
        let running = place.start().await;
        let mode = std::fs::metadata(place.data().join("control.sock"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, socket, "{directory:o}");
        within(running.runtime.shutdown()).await;
    }
}

/// A socket's address holds 107 bytes, a path four thousand.
#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_with_a_long_path_is_reached_too() {
    let place = Place::new(TWO_RINGS);
    let data = place.path(&"long".repeat(40));
    let config = Config {
        data: data.clone(),
        workers: 1,
        identify: Arc::new(Everybody("ana")),
        observe: false,
        clock: std::sync::Arc::default(),
    };
    let runtime = Runtime::start(config).await.unwrap();
    let answer = within(Client::new(&data).ask(&Question::Ping))
        .await
        .unwrap();
    assert!(matches!(answer, Answer::Pong { pid, .. } if pid == std::process::id()));
    within(runtime.shutdown()).await;
    let nobody = Client::new(&data).ask(&Question::Ping).await.unwrap_err();
    assert!(matches!(nobody, Unreachable::Nobody { .. }), "{nobody}");
}

/// However many scripts wait for a rollout, a person who says `stop` is heard; one follower too many is told so.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_follow_keep_nobody_from_being_heard() {
    let place = Place::new(TWO_RINGS);
    let _running = place.start().await;
    let client = Client::new(&place.data());
    let mut followers = Vec::new();
    for _ in 0..64 {
        let mut following = within(client.follow()).await.unwrap();
        within(following.next()).await.unwrap();
        followers.push(following);
    }
    let mut one_more = within(client.follow()).await.unwrap();
    let refused = within(one_more.next()).await.unwrap_err();
    assert!(
        refused.to_string().contains("others follow already"),
        "{refused}"
    );
    let stop = Command::Stop {
        reason: "smoke".to_owned(),
    };
    let answer = within(client.ask(&Question::Command(stop))).await.unwrap();
    assert!(matches!(answer, Answer::Accepted(accepted) if accepted.changed));
    // A place is free again once its holder is gone.
    drop(followers);
    within(async {
        loop {
            let mut following = client.follow().await.unwrap();
            if following.next().await.is_ok() {
                break;
            }
        }
    })
    .await;
}
