//! The transport that Ringway speaks itself, against real `sshd` daemons.

mod commands;
mod conformance;
mod connections;
mod host_keys;
mod jumps;
mod logins;
mod site;
