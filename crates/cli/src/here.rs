//! Which machine this is, as far as a fleet could mean it. Asks the system; connects to nothing.

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};

use ringway_scheduler::FleetSpec;
use ringway_scheduler::lint::Here;

/// An address of no machine (it is set aside for documentation).
const NOBODY: &str = "203.0.113.1";

/// This machine: its name, and those addresses of the fleet that are its own.
pub(crate) fn here(fleet: &FleetSpec) -> Here {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy().into_owned();
    let written: BTreeSet<IpAddr> = fleet
        .hosts
        .iter()
        .filter_map(|host| host.address.parse().ok())
        .collect();
    // Where the system lets anybody take any address, this says nothing.
    let says_nothing = NOBODY.parse().is_ok_and(is_own);
    Here {
        names: [name].into_iter().filter(|name| !name.is_empty()).collect(),
        addresses: written
            .into_iter()
            .filter(|address| !says_nothing && is_own(*address))
            .collect(),
    }
}

/// Whether the address is this machine's: only then can something be bound to it. Nothing is sent.
fn is_own(address: IpAddr) -> bool {
    !address.is_unspecified() && UdpSocket::bind((address, 0)).is_ok()
}
