//! The journal, documents and snapshots on disk.
//!
//! A [`Store`] keeps what the loop commits and gives it back after a crash: rows of the journal, content by digest,
//! snapshots, and read models derived from them. It moves opaque bytes; it never decodes a batch and decides nothing
//! about rollouts. [`SqliteStore`] is the implementation for one machine; a database shared by replicas fits behind the
//! same port, and passes the same conformance suite.
//!
//! # Invariants
//!
//! * An append is durable when it returns, and all of it or nothing of it is there.
//! * Rows are numbered from 1 without gaps, and each chains on the one before it.
//! * A decider that was replaced can write nothing.
//! * What is read is what was stored, byte for byte: judging it is the reader's business.

mod datadir;
mod port;
mod sqlite;

pub use datadir::{DATABASE, OpenError};
pub use port::{Answer, Head, LoadFrom, ReadError, ReadModel, Reader, Refusal, Store, WriteError};
pub use sqlite::{SqliteReader, SqliteStore};
