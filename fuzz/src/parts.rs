//! An input as several named texts: whatever follows a line `%%% NAME` is the text of that name.

use std::collections::BTreeMap;

/// What stands before a name.
const MARK: &str = "%%% ";

/// The texts of an input: the first, which has no name, and the others by theirs.
pub(crate) fn split(input: &[u8]) -> (Vec<u8>, BTreeMap<String, Vec<u8>>) {
    let mut first = Vec::new();
    let mut others: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        if let Some(name) = line.strip_prefix(MARK.as_bytes()) {
            let name = String::from_utf8_lossy(name).trim().to_owned();
            // A path that leads out is none that anybody hands over.
            let is_path = !name.is_empty() && !name.starts_with('/') && !name.contains("..");
            current = is_path.then_some(name);
            continue;
        }
        match &current {
            Some(name) => others.entry(name.clone()).or_default().extend(line),
            None => first.extend(line),
        }
    }
    (first, others)
}

/// An input of these texts.
pub(crate) fn join<'t>(
    first: &[u8],
    others: impl IntoIterator<Item = (&'t str, &'t [u8])>,
) -> Vec<u8> {
    let mut input = first.to_vec();
    for (name, text) in others {
        if !input.ends_with(b"\n") {
            input.push(b'\n');
        }
        input.extend(format!("{MARK}{name}\n").bytes());
        input.extend(text);
    }
    input
}
