//! The `ringway` command from outside: what it prints where, and with which code it ends.

mod advisories;
#[cfg(test)]
mod afterwards;
mod approving;
mod changes;
mod commands;
mod coverage;
mod diff;
mod doctor;
mod documents;
mod exceptions;
mod futures;
mod hosts;
mod inbox;
mod init;
#[cfg(test)]
mod inventory;
mod keys;
mod lanes;
mod lint;
#[cfg(test)]
mod notify;
mod observing;
#[cfg(test)]
mod orders;
mod place;
mod refreshing;
mod saved;
mod secrets;
#[cfg(test)]
mod times;
mod unpoison;
mod waiting;
mod words;
