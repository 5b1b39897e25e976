//! Hosts by the system's `ssh`: with everything in `ssh_config`, smart cards and Kerberos, and a process for each command.
//!
//! [`SystemSsh`] is a [`Transport`](crate::transport::Transport). What a document says of a connection becomes options;
//! what it leaves open is what `ssh_config` says.
//!
//! | module | decides |
//! |---|---|
//! | `way` | which legs lead to a host, and what the document says of each |
//! | `arguments` | how that is said to `ssh` |
//! | `folder` | what has to lie in files for it: logs, pinned keys, what prints a passphrase |
//! | `opening` | where a command's own output begins, and what its exit code means |
//! | `verdict` | what `ssh` meant by its complaints |
//! | `running` | a command |
//! | `stream` | a connection to another port, through the last hop |
//! | `transport` | how many of all that there are at once |
//!
//! # How it is known that nothing was given to a host
//!
//! `ssh` ends with code 255 whatever went wrong, before a command began or after, and so may a command. Therefore a
//! command is wrapped: on the host it first prints a word that was made up for it, then waits for a line, and only then
//! becomes what was asked for. The line and the input are sent when the word has arrived. Without it nothing was given,
//! which is a [`Refusal`](crate::transport::Refusal); after it everything is a
//! [`Lost`](crate::transport::Lost), unless the wrapper itself has said that the command's own code was 255.

mod arguments;
mod folder;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod opening;
mod running;
mod stream;
mod transport;
mod verdict;
mod way;

pub use transport::{Processes, SystemSsh};
