//! Real packages on hosts over SSH: the shipped recipes, as they are, with the real apt and dpkg.
//!
//! Hosts are those of `ringway-farm`, each with a system of packages of its own below its home: a root for dpkg, apt's
//! lists, an archive of `.deb` files to read from, and a service that its package starts and stops. Everything is told
//! to the real `ringway` program, and looked at where dpkg writes it down. Nothing of this machine is changed, and
//! nobody has to be root.

mod ground;
mod manifests;
mod versions;

use ground::{Ground, MAIN, SECURITY};
