//! The store of one machine: one SQLite file, one writer, as many readers as like.
//!
//! Nothing here decides. A write is one transaction that first proves its right to be made (the epoch) and its place
//! (the row it follows), and a connection on which anything failed is thrown away with whatever it had begun.

mod append;
mod connect;
mod fault;
mod outbox;
mod packed;
mod read;
mod reader;
mod schema;
mod store;
mod writer;

#[cfg(test)]
mod full_disk;

pub use reader::SqliteReader;
pub use store::SqliteStore;
