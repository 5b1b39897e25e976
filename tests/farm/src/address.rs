//! Which address a host has, and which one marks a network as taken.

use std::net::Ipv4Addr;

/// Where the automatic choice of a network begins; the ones below are left to farms that are started by hand.
pub(crate) const FIRST_AUTOMATIC: u8 = 90;
/// The most hosts of one farm: 250 in each of 200 blocks.
pub(crate) const MOST_HOSTS: usize = 50_000;

/// The address of the host with this index, from 0, in `127.NETWORK.0.0/16`.
pub(crate) fn of_host(network: u8, index: usize) -> Ipv4Addr {
    let block = u8::try_from(index / 250).unwrap_or(u8::MAX);
    let last = u8::try_from(index % 250 + 1).unwrap_or(u8::MAX);
    Ipv4Addr::new(127, network, block, last)
}

/// Whoever listens here has the network. No host is ever given this address.
pub(crate) fn of_the_mark(network: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, network, 255, 254)
}
