//! The `ringway` command from outside: what it prints where, and with which code it ends.

mod afterwards;
mod approving;
mod changes;
mod commands;
mod diff;
mod doctor;
mod documents;
mod futures;
mod hosts;
mod inbox;
mod init;
mod inventory;
mod keys;
mod lint;
mod notify;
mod observing;
mod place;
mod refreshing;
mod saved;
mod secrets;
mod times;
mod waiting;
mod words;
