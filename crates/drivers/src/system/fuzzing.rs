//! What `ssh` and a login shell say, read: for the fuzzing alone.

use super::opening::{Errors, Opened, Opening, Words};
use super::verdict;
use super::way::{Leg, Trust};

/// What a complaint of `ssh` means, in words.
pub fn complaint(said: &str, of_hop: Option<&str>) -> String {
    let leg = |address: &str| Leg {
        address: address.to_owned(),
        user: None,
        port: None,
        keys: Vec::new(),
        trust: Trust::Files {
            files: Vec::new(),
            accept_new: false,
        },
    };
    let (hop, end) = (leg("bastion"), leg("web-1"));
    let hops: Vec<_> = of_hop
        .map(|said| (&hop, said.to_owned()))
        .into_iter()
        .collect();
    verdict::of_legs(&hops, &end, said).to_string()
}

/// What is passed on of what is said before a command and on its standard error, given in pieces of some length.
pub fn opening(said: &[u8], piece: usize) -> (Option<Vec<u8>>, Vec<u8>) {
    let words = Words::new();
    let mut opening = Opening::default();
    let mut besides = None;
    let mut errors = Errors::of(&words);
    let mut passed_on = Vec::new();
    for piece in said.chunks(piece.max(1)) {
        passed_on.extend(errors.take(piece));
        if let Opened::Ready(said) = opening.take(&words, piece) {
            besides = Some(said);
        }
    }
    passed_on.extend(errors.rest());
    (besides, passed_on)
}
