//! Numbers for texts, given in the order in which texts are met first.
//!
//! A table with a hash that is the same everywhere and always: numbers depend on the order of the texts alone, so nothing
//! that is computed from them can tell that there is a hash.

/// A place in the table that has no text.
const FREE: u32 = u32::MAX;

/// Texts that have a number.
#[derive(Default)]
pub(crate) struct Texts<'t> {
    /// By number.
    pub(crate) known: Vec<&'t str>,
    /// By number: its hash.
    hashes: Vec<u64>,
    /// Numbers by hash, each at the first free place from where its hash points to. At most half of it is used.
    table: Vec<u32>,
}

impl<'t> Texts<'t> {
    /// The number of a text; the next one where it has none yet.
    pub(crate) fn number(&mut self, text: &'t str) -> u32 {
        if self.known.len() * 2 >= self.table.len() {
            self.grow();
        }
        let hash = hash(text.as_bytes());
        let mask = self.table.len() - 1;
        let mut place = start(hash, mask);
        loop {
            let number = self.table[place];
            if number == FREE {
                let next = u32::try_from(self.known.len()).expect("no more values than hosts");
                self.table[place] = next;
                self.known.push(text);
                self.hashes.push(hash);
                return next;
            }
            if self.hashes[number as usize] == hash && self.known[number as usize] == text {
                return number;
            }
            place = (place + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(16);
        self.table = vec![FREE; size];
        for (number, &hash) in (0_u32..).zip(&self.hashes) {
            let mut place = start(hash, size - 1);
            while self.table[place] != FREE {
                place = (place + 1) & (size - 1);
            }
            self.table[place] = number;
        }
    }
}

/// Where in a table of `mask + 1` places a search begins.
fn start(hash: u64, mask: usize) -> usize {
    (hash >> 32) as usize & mask
}

/// Eight bytes at a time, each mixed with all before it by a multiplication and a fold of its upper half.
fn hash(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let mixed = (hash ^ word).wrapping_mul(ODD);
        mixed ^ (mixed >> 29)
    };
    let mut chunks = bytes.chunks_exact(8);
    let mut hash = mix(0, bytes.len() as u64);
    for chunk in &mut chunks {
        let word = chunk.try_into().expect("chunks have eight bytes");
        hash = mix(hash, u64::from_le_bytes(word));
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    mix(mix(hash, u64::from_le_bytes(last)), ODD)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn equal_texts_have_one_number_and_numbers_follow_the_first_of_each() {
        let written: Vec<String> = (0..5000)
            .map(|n| format!("{}{}", "x".repeat(n % 19), n * 7919 % 1000))
            .collect();
        let mut texts = Texts::default();
        let mut known = BTreeMap::new();
        for text in written.iter().chain(&written) {
            let next = u32::try_from(known.len()).unwrap();
            let expected = *known.entry(text.as_str()).or_insert(next);
            assert_eq!(texts.number(text), expected, "{text}");
        }
        assert_eq!(texts.known.len(), known.len());
    }

    /// Values of labels differ little; were they to meet in the table, a million of them would take for ever.
    #[test]
    fn texts_that_differ_little_do_not_meet() {
        let written: Vec<String> = (0..20_000).map(|n| format!("server-{n:07}")).collect();
        let mask = (1 << 16) - 1;
        let mut starts: Vec<usize> = written
            .iter()
            .map(|text| start(hash(text.as_bytes()), mask))
            .collect();
        starts.sort_unstable();
        let most = starts.chunk_by(|a, b| a == b).map(<[usize]>::len).max();
        assert!(
            most < Some(8),
            "{most:?} of 20,000 begin at one of 65,536 places"
        );
    }
}
