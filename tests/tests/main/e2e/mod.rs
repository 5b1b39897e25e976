//! The main job on real processes: the runtime, the SQLite store and the local driver, over services of this machine.
//!
//! Nothing is pretended but who somebody is, through the port that is there for it. Every host has a directory with its
//! version, a service that its steps supervise, and a part in a ledger of every step that began and ended. Tests wait
//! for conditions, within bounds that only a broken product reaches; every journal is audited at the end.

mod approvals;
mod documents;
mod faults;
mod ground;
mod holds;
mod journal;
mod kills;
mod pairs;
mod rings;
mod stage;
