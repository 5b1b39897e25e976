//! Asking at a socket whose process stands still.

use std::os::unix::net::UnixListener;
use std::time::Duration;

use tokio::time::Instant;

use crate::socket::{Client, Question, Unreachable};

/// The kernel takes the connection for a stopped process, so that only its silence tells.
#[tokio::test(start_paused = true)]
async fn a_process_that_stands_still_is_named_within_five_seconds() {
    let data = tempfile::tempdir().unwrap();
    let _stopped = UnixListener::bind(data.path().join("control.sock")).unwrap();
    let client = Client::new(data.path());
    for question in [Question::Ping, Question::View, Question::Follow] {
        let began = Instant::now();
        let silent = client.ask(&question).await.unwrap_err();
        let us = i32::try_from(std::process::id()).unwrap();
        assert!(
            matches!(silent, Unreachable::Silent { pid, .. } if pid == us),
            "{silent}"
        );
        let says = format!("process {us} holds `{}`", data.path().display());
        assert!(silent.to_string().starts_with(&says), "{silent}");
        assert!(began.elapsed() <= Duration::from_secs(6));
    }
}
