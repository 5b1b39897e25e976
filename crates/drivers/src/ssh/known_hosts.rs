//! Which lines of a `known_hosts` file are about a host: names, `[name]:port`, hashed names, wildcards, negation, and the
//! markers `@revoked` and `@cert-authority`.
//!
//! The two libraries at hand are right about single keys and hashed names, and used for that. The rest is ours because
//! `russh::keys::known_hosts` passes over marked lines, so that a revoked key stays trusted, knows no wildcards, and gives
//! up on a host at the first key it cannot read; and `ssh_key::known_hosts` reads lines and matches nothing. What a match
//! means is decided in `host_keys`.

use std::collections::HashMap;

use ring::hmac;
use russh::keys::PublicKey;
use russh::keys::ssh_key::known_hosts::HostPatterns;

/// What a line says of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It is the host's.
    Known,
    /// It must not be used any more.
    Revoked,
    /// It signs certificates of the host.
    Authority,
}

/// A line that is about the host that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its number, from 1.
    pub(super) line: usize,
    /// What it says.
    pub(super) says: Says,
    /// Its key.
    pub(super) key: PublicKey,
}

/// A file, read once and asked often. Keys are decoded only in lines that match.
#[derive(Debug, Default)]
pub(super) struct KnownHosts {
    lines: Vec<Line>,
    /// Lines with names as they are, by name.
    plain: HashMap<String, Vec<usize>>,
    /// Lines that must be matched: hashed names, wildcards, negation.
    matched: Vec<usize>,
}

#[derive(Debug)]
struct Line {
    number: usize,
    says: Says,
    names: HostPatterns,
    key: String,
}

impl KnownHosts {
    /// Reads a file's text. Lines that make no sense are passed over, as every reader of these files does: they may be
    /// meant for a later version of one.
    pub(super) fn read(text: &str) -> Self {
        let mut file = Self::default();
        for (number, text) in (1..).zip(text.lines()) {
            let Some(line) = Line::read(number, text) else {
                continue;
            };
            let index = file.lines.len();
            match &line.names {
                HostPatterns::Patterns(names) if names.iter().all(|name| is_plain(name)) => {
                    for name in names {
                        let at = file.plain.entry(name.to_lowercase()).or_default();
                        if at.last() != Some(&index) {
                            at.push(index);
                        }
                    }
                }
                HostPatterns::Patterns(_) | HostPatterns::HashedName { .. } => {
                    file.matched.push(index);
                }
            }
            file.lines.push(line);
        }
        file
    }

    /// The lines about `name`, which is a host's name or address, or `[it]:port`; in the order of the file.
    pub(super) fn about(&self, name: &str) -> Vec<Found> {
        let name = name.to_lowercase();
        let plain = self.plain.get(&name).into_iter().flatten().copied();
        let matched = self
            .matched
            .iter()
            .copied()
            .filter(|&index| matches(&self.lines[index].names, &name));
        let mut indices: Vec<_> = plain.chain(matched).collect();
        indices.sort_unstable();
        indices
            .into_iter()
            .filter_map(|index| self.lines[index].found())
            .collect()
    }
}

impl Line {
    fn read(number: usize, text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let mut first = words.next().filter(|word| !word.starts_with('#'))?;
        let says = match first {
            "@revoked" => Says::Revoked,
            "@cert-authority" => Says::Authority,
            _ => Says::Known,
        };
        if says != Says::Known {
            first = words.next()?;
        }
        Some(Self {
            number,
            says,
            names: first.parse().ok()?,
            key: format!("{} {}", words.next()?, words.next()?),
        })
    }

    fn found(&self) -> Option<Found> {
        Some(Found {
            line: self.number,
            says: self.says,
            key: PublicKey::from_openssh(&self.key).ok()?,
        })
    }
}

fn is_plain(name: &str) -> bool {
    !name.contains(['*', '?', '!'])
}

fn matches(names: &HostPatterns, name: &str) -> bool {
    match names {
        HostPatterns::HashedName { salt, hash } => {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, name.as_bytes(), hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let mut is_meant = false;
            for pattern in patterns {
                let pattern = pattern.to_lowercase();
                match pattern.strip_prefix('!') {
                    // One that excludes the host wins over any number that include it.
                    Some(excluded) if matches_pattern(excluded, name) => return false,
                    Some(_) => {}
                    None => is_meant |= matches_pattern(&pattern, name),
                }
            }
            is_meant
        }
    }
}

/// Whether `text` is what `pattern` describes: `*` is any text, `?` any one character.
pub(super) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and up to where it reaches so far: only the last one ever has to reach further.
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, reach)) => {
                    star = Some((at, reach + 1));
                    p = at + 1;
                    t = reach + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn lines(text: &str, name: &str) -> Vec<usize> {
        KnownHosts::read(text)
            .about(name)
            .iter()
            .map(|found| found.line)
            .collect()
    }

    #[test]
    fn a_line_is_about_the_hosts_its_names_match() {
        for (names, name, is_about) in [
            ("web-1", "web-1", true),
            ("web-1", "WEB-1", true),
            ("Web-1", "web-1", true),
            ("web-1", "web-10", false),
            ("web-1,10.0.0.1", "10.0.0.1", true),
            ("web-*", "web-1", true),
            ("web-?", "web-1", true),
            ("web-?", "web-10", false),
            ("*.example.org,!db.example.org", "web.example.org", true),
            ("*.example.org,!db.example.org", "db.example.org", false),
            ("!db.example.org,*.example.org", "db.example.org", false),
            ("!db.example.org", "web.example.org", false),
            ("web-1", "[web-1]:2222", false),
            ("[web-1]:2222", "[web-1]:2222", true),
            ("[web-1]:2222", "web-1", false),
            ("[*.example.org]:2222", "[web.example.org]:2222", true),
            ("::1", "::1", true),
            ("[::1]:2222", "[::1]:2222", true),
            // `ssh-keygen -H` wrote these two.
            (
                "|1|hlBEunhlAKs/teZ/948WkUiSsBw=|yA7n2/+SV7px4t1gtqVKFz+a6gA=",
                "web-1",
                true,
            ),
            (
                "|1|djyabYAvALr92XCb7BjOaCnoC84=|S7SIVqpBag8GWE5SIJJoxhBybRM=",
                "[10.83.0.1]:2222",
                true,
            ),
            (
                "|1|djyabYAvALr92XCb7BjOaCnoC84=|S7SIVqpBag8GWE5SIJJoxhBybRM=",
                "10.83.0.1",
                false,
            ),
        ] {
            let found = lines(&format!("{names} {ONE}"), name);
            assert_eq!(!found.is_empty(), is_about, "{names} {name}");
        }
    }

    #[test]
    fn markers_comments_and_odd_lines_are_told_apart() {
        let text = format!(
            "# web-1 {ONE}\n\
             \n\
             web-1 ssh-future AAAA\n\
             web-1 1024 37 1234567\n\
             \tweb-1\t{ONE} a comment # with more\n\
             @revoked * {TWO}\n\
             @cert-authority *,!db {TWO}\n\
             @unheard-of web-1 {TWO}\n\
             web-1\n\
             |1|broken web-1 {ONE}\r\n\
             web-1 {TWO}"
        );
        let found = KnownHosts::read(&text).about("web-1");
        let says: Vec<_> = found.iter().map(|found| (found.line, found.says)).collect();
        assert_eq!(
            says,
            [
                (5, Says::Known),
                (6, Says::Revoked),
                (7, Says::Authority),
                (11, Says::Known)
            ]
        );
        assert_eq!(lines(&text, "db"), [6]);
    }

    /// The reason why this is not left to the library: it would let a host in with a key that is known to be stolen.
    #[test]
    fn the_library_does_not_see_a_revocation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        std::fs::write(&path, format!("web-1 {ONE}\n@revoked web-1 {ONE}\n")).unwrap();
        let key = PublicKey::from_openssh(ONE).unwrap();
        assert!(russh::keys::check_known_hosts_path("web-1", 22, &key, &path).unwrap());
        assert_eq!(
            lines(&std::fs::read_to_string(&path).unwrap(), "web-1"),
            [1, 2]
        );
    }

    #[test]
    fn patterns_are_matched_whole() {
        for (pattern, text, is_match) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("*b*", "abc", true),
            ("a**", "a", true),
            ("*ab", "aab", true),
            ("*a?c*d", "xxabbcabcx", false),
            ("*a?c*d", "xxabcabcd", true),
            ("?", "", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), is_match, "{pattern} {text}");
        }
    }
}
