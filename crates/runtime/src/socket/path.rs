//! Where the control socket lies, also when the path to it is longer than a socket's address can be.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The socket's name in the data directory.
const NAME: &str = "control.sock";

/// A path that fits into a socket address. `sockaddr_un` holds 108 bytes with the terminating zero; a longer path is
/// reached through the directory's descriptor, which must stay open while the address is used.
#[derive(Debug)]
pub(crate) struct Address {
    short: PathBuf,
    _directory: Option<File>,
}

impl Address {
    pub(crate) fn in_directory(data: &Path) -> io::Result<Self> {
        let plain = data.join(NAME);
        if plain.as_os_str().len() < 108 {
            return Ok(Self {
                short: plain,
                _directory: None,
            });
        }
        let directory = File::open(data)?;
        let short = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", directory.as_raw_fd()));
        Ok(Self {
            short,
            _directory: Some(directory),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.short
    }
}
