//! Many records in two bound values, so that a batch is one statement.
//!
//! Binding and stepping a statement per row costs more than storing the row. Here the bytes of all records lie end to
//! end in one value and a JSON array says what each record is and where its parts lie, for `json_each` and `substr` to
//! take apart. Nothing is encoded: a byte of a row is a byte of the value.

use std::fmt::Write;

/// Records of numbers and byte strings. In the statement, `value->>i` is the i-th number of a record; after the numbers
/// come the place (from 1) and the length of each byte string.
#[derive(Debug, Default)]
pub(super) struct Packed {
    index: String,
    bytes: Vec<u8>,
}

impl Packed {
    /// Adds a record.
    pub(super) fn push(&mut self, numbers: &[i64], parts: &[&[u8]]) {
        self.index
            .push(if self.index.is_empty() { '[' } else { ',' });
        self.index.push('[');
        for (i, number) in numbers.iter().enumerate() {
            self.put(i, *number);
        }
        for (i, part) in parts.iter().enumerate() {
            self.put(numbers.len() + i, self.bytes.len() + 1);
            self.put(1, part.len());
            self.bytes.extend_from_slice(part);
        }
        self.index.push(']');
    }

    fn put(&mut self, place: usize, number: impl std::fmt::Display) {
        let comma = if place == 0 { "" } else { "," };
        write!(self.index, "{comma}{number}").expect("a `String` takes everything");
    }

    /// How many bytes the records hold.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The index and the bytes, as they are bound.
    pub(super) fn into_values(mut self) -> (String, Vec<u8>) {
        self.index
            .push_str(if self.index.is_empty() { "[]" } else { "]" });
        // SQLite takes an empty value apart into NULLs.
        if self.bytes.is_empty() {
            self.bytes.push(0);
        }
        (self.index, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_says_where_each_part_lies() {
        let mut packed = Packed::default();
        packed.push(&[7, i64::MAX], &[b"ab", b"", b"cde"]);
        packed.push(&[], &[b"f"]);
        assert_eq!(packed.len(), 6);
        let (index, bytes) = packed.into_values();
        assert_eq!(index, "[[7,9223372036854775807,1,2,3,0,3,3],[6,1]]");
        assert_eq!(bytes, b"abcdef");
        assert_eq!(Packed::default().into_values().0, "[]");
    }
}
