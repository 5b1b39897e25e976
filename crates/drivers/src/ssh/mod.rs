//! Hosts over SSH, spoken by Ringway itself: one connection for many commands, and no process for each.
//!
//! [`Russh`] is a [`Transport`](crate::transport::Transport). It knows addresses, keys and channels; it knows nothing of
//! steps, and never gives a host the same command twice.
//!
//! | module | decides |
//! |---|---|
//! | `here` | who Ringway is on this machine: its user, home and agent |
//! | `route` | which hops lead to a host, and who logs in at each of them; two hosts with the same answer share connections |
//! | `known_hosts` | which lines of a `known_hosts` file are about a host |
//! | `host_keys` | whether the key a host shows is the one it should have |
//! | `identity` | which private keys there are, and why the others are not used |
//! | `login` | in which order they are offered, and what is said when none is accepted |
//! | `dial` | how an address becomes a stream of bytes |
//! | `lanes` | who may connect now: hosts that do not answer must not hold up those that do |
//! | `session` | one connection, from its first byte to a user who is logged in |
//! | `pool` | how many connections there are, and which is closed to make room |
//! | `slot` | which connection of a host has room for one more channel |
//! | `tunnel` | a stream through a hop |
//! | `running` | a command on a channel |
//!
//! # Invariants
//!
//! * A host whose key is not the one it should have gets no signature and no command.
//! * Connections that are being opened, and those that are open, are bounded in number; a host that does not answer
//!   occupies its place for no longer than its `connect_timeout`, and not that of a host that answers.
//! * A command that may have reached a host is never given to it again, and its loss is said as a loss.

mod dial;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod here;
mod host_keys;
mod identity;
mod known_hosts;
mod lanes;
mod login;
mod pool;
mod route;
mod running;
mod session;
mod slot;
mod transport;
mod tunnel;

pub use here::Here;
pub use pool::Limits;
pub use transport::Russh;
