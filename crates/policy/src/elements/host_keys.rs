//! How a host proves that it is the one meant: files of known hosts, trust on first meeting, or pinned keys.
//!
//! Decides what a pinned entry is; never whether a host's key is right, which is asked when it is met.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::ssh::{file, files};
use crate::fields::{Cx, Fields};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, may};
use crate::validated::HostKeys;
use crate::yaml::{Node, Value};

/// What `host_keys` may be.
pub(crate) const KIND: Is =
    Is::Either(&[Is::Word(&["known_hosts", "accept-new"]), Is::Of(&HOST_KEYS)]);

static HOST_KEYS: Shape = Shape {
    what: "`host_keys`",
    about: "How a host proves that it is the one meant. One of these.",
    keys: &[
        may(
            "known_hosts",
            Is::Either(&[Is::Text, Is::List(&Is::Text)]),
            "By a key in one of these files.",
        ),
        may(
            "accept_new",
            Is::Text,
            "By a key in this file; a host that is not in it is written into it when it is met for the first time.",
        ),
        may(
            "pinned",
            Is::Either(&[Is::Text, Is::List(&Is::Text)]),
            "By one of these fingerprints (`SHA256:...`) or public keys (`ssh-ed25519 AAAA...`).",
        ),
    ],
    later: &[],
};

/// Kinds of keys that a host can show, as they stand before a public key.
const KEY_TYPES: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Fingerprints come without padding, keys with it; people drop either.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads `host_keys`.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>) -> Option<HostKeys> {
    if !matches!(node.value, Value::Map { .. }) {
        let words = &[("known_hosts", false), ("accept-new", true)];
        let accepts = scalar::word(words, &[])(cx, node)?;
        return Some(if accepts {
            HostKeys::AcceptNew(Vec::new())
        } else {
            HostKeys::KnownHosts(Vec::new())
        });
    }
    let fields = Fields::open(cx, &HOST_KEYS, node)?;
    scalar::exactly_one(&fields, &["known_hosts", "accept_new", "pinned"])?;
    let known = fields.read("known_hosts", files).map(HostKeys::KnownHosts);
    let accept = fields
        .read("accept_new", file)
        .map(|file| HostKeys::AcceptNew(vec![file]));
    let pinned = fields
        .read("pinned", |cx, node| scalar::one_or_more(cx, node, pinned))
        .map(HostKeys::Pinned);
    known.or(accept).or(pinned)
}

/// Whether a pinned entry is a fingerprint.
pub(crate) fn is_fingerprint(pinned: &str) -> bool {
    pinned.starts_with("SHA256:")
}

fn pinned(cx: &Cx<'_>, node: &Node<'_>) -> Option<String> {
    let text = scalar::value(cx, node)?;
    match well_formed(&text) {
        Ok(()) => Some(text),
        Err(hint) => {
            let message = "this is neither a fingerprint nor a public key".to_owned();
            cx.fail(Code::BadValue, node.place, message, hint)
        }
    }
}

/// What is wrong with a pinned entry.
fn well_formed(text: &str) -> Result<(), &'static str> {
    if let Some(digest) = text.strip_prefix("SHA256:") {
        return match BASE64.decode(digest) {
            Ok(bytes) if bytes.len() == 32 => Ok(()),
            Ok(_) | Err(_) => {
                Err("after `SHA256:` stand 43 characters, as `ssh-keygen -lf FILE` prints them")
            }
        };
    }
    if text.starts_with("MD5:") {
        return Err("take the SHA256 fingerprint, as `ssh-keygen -lf FILE` prints it");
    }
    let mut words = text.split_ascii_whitespace();
    let (Some(kind), Some(key)) = (words.next(), words.next()) else {
        return Err("write `SHA256:...`, or a public key such as `ssh-ed25519 AAAA...`");
    };
    if !KEY_TYPES.contains(&kind) {
        return Err(
            "a public key begins with its kind, such as `ssh-ed25519`; leave out the host's name before it",
        );
    }
    // The key itself begins with its kind, and the length of that in four bytes.
    let names_itself = BASE64.decode(key).is_ok_and(|bytes| {
        let length = u32::try_from(kind.len()).unwrap_or_default().to_be_bytes();
        bytes.starts_with(&length)
            && bytes[4..].starts_with(kind.as_bytes())
            && bytes.len() > 4 + kind.len()
    });
    if names_itself {
        Ok(())
    } else {
        Err("the text after its kind is not such a key: was it cut?")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1pT0SNHmN7CqfVTDa1rEtKrGDmEYPHxdCmQHGH0sHf";

    #[test]
    fn a_pinned_entry_is_a_sha256_fingerprint_or_a_whole_public_key() {
        let fingerprint = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8";
        let cut = &KEY[..40];
        let other_kind = KEY.replace("ssh-ed25519", "ssh-rsa");
        for (text, good) in [
            (fingerprint, true),
            (&format!("{fingerprint}="), true),
            (&fingerprint[..40], false),
            ("MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", false),
            (KEY, true),
            (&format!("{KEY} root@web-1"), true),
            (&format!("web-1 {KEY}"), false),
            (&cut[..28], false),
            (&other_kind, false),
            ("ssh-ed25519", false),
            ("", false),
        ] {
            assert_eq!(well_formed(text).is_ok(), good, "{text}");
        }
    }
}
