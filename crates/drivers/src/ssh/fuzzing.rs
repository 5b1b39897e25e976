//! Files of keys, read: for the fuzzing alone.

use super::{identity, known_hosts as file};

/// The lines of a `known_hosts` file that are about a host, and have a key that can be read.
pub fn known_hosts(text: &str, name: &str) -> Vec<usize> {
    let found = file::KnownHosts::read(text).about(name);
    found.iter().map(|found| found.line).collect()
}

/// Whether a pattern of such a file means a name.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    file::matches_pattern(pattern, text)
}

/// Whether the text of a private key's file is encrypted, and whether it can be used without a passphrase.
pub fn private_key(text: &str) -> (bool, bool) {
    let is_encrypted = identity::is_encrypted(text);
    (is_encrypted, identity::decode(text, None).is_ok())
}
