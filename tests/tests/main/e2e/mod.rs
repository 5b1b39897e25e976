//! The main job on real processes: the runtime, the SQLite store and the drivers, over services of this machine, which
//! are reached as what they are, or over a real `sshd` for each.
//!
//! Nothing is pretended but who somebody is, through the port that is there for it. Every host has a directory with its
//! version, a service that its steps supervise, and a part in a ledger of every step that began and ended. Tests wait
//! for conditions, within bounds that only a broken product reaches; every journal is audited at the end.

mod approvals;
mod by_hand;
mod documents;
mod errands;
mod faults;
mod ground;
mod holds;
mod journal;
mod kills;
mod over_ssh;
mod pairs;
mod protections;
mod rings;
mod run;
mod stage;
mod superseding;
