//! The YAML documents people write, read and validated.
//!
//! Three kinds of types, and only the last leaves this crate: *as written* (every value with its place), *with
//! defaults*, *validated* ([`validated`]). All problems of all documents are reported at once, each with its line,
//! column, snippet and a hint. The crate reads no file: it is given texts and names.

pub mod validated;
