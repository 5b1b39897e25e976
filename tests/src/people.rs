//! People at the control socket: all of a test are one user of this machine, and who speaks is told beforehand.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ringway_drivers::Drivers;
use ringway_drivers::ssh::{Here, Limits, Russh};
use ringway_drivers::system::{Processes, SystemSsh};
use ringway_model::Actor;
use ringway_runtime::Identify;

/// Whoever speaks now.
#[derive(Debug)]
pub struct Speaker(Mutex<Actor>);

impl Speaker {
    /// Somebody of this name.
    pub fn new(person: &str) -> Self {
        Self(Mutex::new(Actor(person.to_owned())))
    }

    /// From now on it is this one.
    pub fn is(&self, person: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Actor(person.to_owned());
    }
}

impl Identify for Speaker {
    fn name_of(&self, _uid: u32) -> Actor {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Every driver there is, as the program has them.
///
/// # Errors
///
/// When there is no current directory.
pub fn drivers(data: &Path) -> io::Result<Drivers> {
    let here = Here::of_this_process();
    let system = SystemSsh::new(&here, Processes::default());
    let ringway = Russh::new(here, Limits::default());
    Drivers::over(data, Arc::new(ringway), Arc::new(system))
}
