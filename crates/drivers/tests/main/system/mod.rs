//! The system's `ssh` as a transport, against real `sshd` daemons.

mod commands;
mod conformance;
mod refusals;
mod site;
mod ways;
