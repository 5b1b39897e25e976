//! The ways to hosts: every driver there is, with the bounds of this process.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ringway_drivers::Drivers;
use ringway_drivers::ssh::{Here, Limits, Russh};
use ringway_drivers::system::{Processes, SystemSsh};

use crate::args::Connections;

/// Every driver; what they keep at the controller lies below `data`.
///
/// # Errors
///
/// When `data` cannot be made absolute.
pub(crate) fn drivers(data: &Path, connections: Connections) -> io::Result<Drivers> {
    let here = Here::of_this_process();
    let open = usize::from(connections.connections.get());
    let processes = Processes {
        at_once: Processes::default().at_once.min(open),
    };
    let system = SystemSsh::new(&here, processes);
    let limits = Limits {
        open,
        ..Limits::default()
    };
    Drivers::over(data, Arc::new(Russh::new(here, limits)), Arc::new(system))
}
