//! What fuzzing found worth keeping, one file for each target: inputs that lead somewhere no other one leads.
//!
//! Thousands of small files are slow everywhere and mean nothing one by one, so a target's inputs are in one. It begins
//! with [`MARK`]; then follow the inputs, each as its length in bytes (four, the lowest first) and its bytes, by length
//! and then by content, none twice. Written again, the same inputs give the same file.

use std::collections::BTreeSet;

/// What a file begins with.
pub const MARK: &[u8] = b"ringway-corpus/1\n";

/// The largest file that is kept. What does not fit is left out, the longest inputs first.
pub const LARGEST: usize = 120 << 10;

/// Why a file is no corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCorpus {
    /// The byte from which on it is none.
    pub at: usize,
}

impl std::fmt::Display for NoCorpus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it is no corpus from byte {} on", self.at)
    }
}

impl std::error::Error for NoCorpus {}

/// The inputs of a file.
///
/// # Errors
///
/// When the file is cut off, or never was one.
pub fn unpack(file: &[u8]) -> Result<Vec<&[u8]>, NoCorpus> {
    let mut rest = file.strip_prefix(MARK).ok_or(NoCorpus { at: 0 })?;
    let mut inputs = Vec::new();
    while !rest.is_empty() {
        let none = NoCorpus {
            at: file.len() - rest.len(),
        };
        let (length, after) = rest.split_first_chunk().ok_or(none.clone())?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (input, after) = after.split_at_checked(length).ok_or(none)?;
        inputs.push(input);
        rest = after;
    }
    Ok(inputs)
}

/// The file of these inputs, and how many of them did not fit.
///
/// # Panics
///
/// When an input is longer than any that was ever made.
pub fn pack(inputs: impl IntoIterator<Item = Vec<u8>>) -> (Vec<u8>, usize) {
    let inputs: BTreeSet<(usize, Vec<u8>)> = inputs
        .into_iter()
        .map(|input| (input.len(), input))
        .collect();
    let mut file = MARK.to_vec();
    let mut left_out = 0;
    for (length, input) in inputs {
        if file.len() + 4 + length > LARGEST {
            left_out += 1;
            continue;
        }
        let length = u32::try_from(length).expect("an input has some kilobytes");
        file.extend(length.to_le_bytes());
        file.extend(input);
    }
    (file, left_out)
}
