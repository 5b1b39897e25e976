//! The `ringway` command from outside: what it prints where, and with which code it ends.

mod changes;
mod commands;
mod diff;
mod doctor;
mod documents;
mod futures;
mod hosts;
mod inbox;
mod init;
mod keys;
mod lint;
mod observing;
mod place;
mod secrets;
mod times;
mod waiting;
mod words;
