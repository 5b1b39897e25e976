//! What goes over the control socket and through the inbox: read or refused, and written as it was read.

use ringway_runtime::inbox::{Done, Errand};
use ringway_runtime::{Answer, Question};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One line, as each of the messages there are.
pub(crate) fn run(input: &[u8]) {
    if let Some(Question::Propose(bundle)) = read::<Question>(input) {
        drop(bundle.unpack());
    }
    if let Some(Errand::Propose(bundle)) = read::<Errand>(input) {
        match bundle.unpack() {
            Ok(proposal) => {
                assert_eq!(proposal.plan.fleet, proposal.fleet.digest());
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    drop(read::<Answer>(input));
    drop(read::<Done>(input));
}

/// Reads a message and writes it. Written twice it is the same.
fn read<T: Serialize + DeserializeOwned>(input: &[u8]) -> Option<T> {
    let message: T = serde_json::from_slice(input).ok()?;
    let text = serde_json::to_string(&message).expect("a message has a JSON form");
    let again: T = match serde_json::from_str(&text) {
        Ok(again) => again,
        Err(error) => panic!("{text} does not read back: {error}"),
    };
    assert_eq!(serde_json::to_string(&again).ok(), Some(text));
    Some(again)
}
