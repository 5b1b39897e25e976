//! Passwords that commands print, kept in memory for a while, and kept out of everything that leaves the driver.
//!
//! A command is not told for which host it is asked: hosts with the same command have the same password.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringway_policy::validated::Command;
use tokio::time::Instant;

use crate::secret::{self, Secret};

/// How long a password is kept. A rollout asks for it with every step, and whoever prints it may be slow or a person.
const KEPT: Duration = Duration::from_mins(5);

/// How long it is not asked again after the command failed: a thousand hosts must not ask a thousand times in vain.
const KEPT_FAILURE: Duration = Duration::from_secs(5);

/// How long a host is not told a password again that it did not accept. Every step and every look would tell it, and hosts
/// that lock an account after some wrong ones count them over a quarter of an hour.
const REFUSED: Duration = Duration::from_mins(15);

/// What a secret is replaced with.
const REDACTED: &str = "[redacted]";

/// What a command printed, and when.
type Printed = Option<(Instant, Result<Secret, String>)>;

/// The passwords of all connections.
#[derive(Default)]
pub(super) struct Passwords {
    kept: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Printed>>>>,
    /// What hosts did not accept, by the host.
    refused: Mutex<BTreeMap<String, (Instant, Secret)>>,
}

impl Passwords {
    /// What the command prints. However many ask at once, it runs once.
    ///
    /// # Errors
    ///
    /// Why there is none, in a sentence that has nothing of what was printed in it.
    pub(super) async fn printed_by(
        &self,
        command: &Command,
        directory: &Path,
    ) -> Result<Secret, String> {
        let place = self.place(command, directory);
        let mut printed = place.lock().await;
        if let Some((at, result)) = &*printed {
            let kept = if result.is_ok() { KEPT } else { KEPT_FAILURE };
            if at.elapsed() < kept {
                return result.clone();
            }
        }
        let result = secret::printed_by(command, directory)
            .await
            .map_err(|why| format!("there is no password for `sudo`: the command for it: {why}"));
        *printed = Some((Instant::now(), result.clone()));
        result
    }

    /// Asks anew the next time: this one is wrong.
    pub(super) async fn forget(&self, command: &Command, directory: &Path) {
        *self.place(command, directory).lock().await = None;
    }

    /// A host did not accept this one.
    pub(super) fn refused(&self, host: &str, password: &Secret) {
        let now = Instant::now();
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|_, (at, _)| now.duration_since(*at) < REFUSED);
        refused.insert(host.to_owned(), (now, password.clone()));
    }

    /// Whether it is known that a host does not accept this one.
    pub(super) fn is_refused(&self, host: &str, password: &Secret) -> bool {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(host).is_some_and(|(at, known)| {
            at.elapsed() < REFUSED && known.reveal() == password.reveal()
        })
    }

    fn place(&self, command: &Command, directory: &Path) -> Arc<tokio::sync::Mutex<Printed>> {
        let key = format!("{}\0{command:?}", directory.display());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.entry(key).or_default())
    }
}

/// `text` without the secret. A text that is the end of a longer one may begin in the middle of it.
pub(super) fn redact(text: &str, secret: &Secret) -> String {
    let secret = secret.reveal();
    if secret.is_empty() {
        return text.to_owned();
    }
    let text = text.replace(secret, REDACTED);
    // `[N bytes before this were dropped]` stands on a line of its own before such an end.
    let Some((head, end)) = text
        .split_once('\n')
        .filter(|(head, _)| head.ends_with("were dropped]"))
    else {
        return text;
    };
    let rest = secret
        .char_indices()
        .skip(1)
        .find_map(|(at, _)| end.strip_prefix(&secret[at..]));
    match rest {
        Some(rest) => format!("{head}\n{REDACTED}{rest}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_runs_once_for_all_who_ask_and_anew_when_its_password_was_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let text = "echo asked >> asked; echo hunter2; echo more";
        let command = Command::Shell(text.to_owned());
        let passwords = Passwords::default();
        let ask = || async {
            let printed = passwords.printed_by(&command, directory.path()).await;
            printed.map(|secret| secret.reveal().to_owned())
        };
        let asked = || std::fs::read_to_string(directory.path().join("asked")).unwrap();
        let (one, other) = tokio::join!(ask(), ask());
        assert_eq!(
            (one.as_deref(), other.as_deref()),
            (Ok("hunter2"), Ok("hunter2"))
        );
        assert_eq!(asked().lines().count(), 1);
        passwords.forget(&command, directory.path()).await;
        assert!(ask().await.is_ok());
        assert_eq!(asked().lines().count(), 2);
    }

    #[tokio::test]
    async fn why_there_is_no_password_has_nothing_of_it() {
        let passwords = Passwords::default();
        let command = Command::Shell("echo hunter2; echo hunter2 >&2; exit 3".to_owned());
        let why = passwords
            .printed_by(&command, Path::new("/"))
            .await
            .unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_is_not_told_again_what_it_did_not_accept() {
        let passwords = Passwords::default();
        let (wrong, other) = (Secret::new("wrong"), Secret::new("other"));
        passwords.refused("web-1", &wrong);
        assert!(passwords.is_refused("web-1", &wrong));
        assert!(!passwords.is_refused("web-1", &other));
        assert!(!passwords.is_refused("web-2", &wrong));
        tokio::time::advance(REFUSED).await;
        assert!(!passwords.is_refused("web-1", &wrong));
    }

    #[test]
    fn a_secret_is_replaced_wherever_it_stands() {
        let secret = Secret::new("hunter2");
        for (text, clean) in [
            ("no secret", "no secret"),
            ("a hunter2, hunter2!", "a [redacted], [redacted]!"),
            ("unter2 is half of it", "unter2 is half of it"),
            (
                "[9 bytes before this were dropped]\nunter2\nhunter2",
                "[9 bytes before this were dropped]\n[redacted]\n[redacted]",
            ),
            (
                "[9 bytes before this were dropped]\nelse",
                "[9 bytes before this were dropped]\nelse",
            ),
        ] {
            assert_eq!(redact(text, &secret), clean);
        }
    }
}
