//! Hosts for tests and for trying things out: a real `sshd` for every connection, on addresses of 127.0.0.0/8, as an
//! ordinary user, each host with a root of its own.
//!
//! ```no_run
//! use ringway_farm::{Farm, Plan, Switch};
//!
//! let farm = Farm::start(Plan::of(24))?;
//! let web = farm.host("web-3");
//! web.set(Switch::Refuse)?;
//! assert!(web.ledger().is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Whoever calls it, the hosts run as an ordinary user: the caller, or, where that is root, the system user
//! `ringway-farm`, which is made where it is missing. Everything ends with the [`Farm`] value, or with the process that
//! holds it, however that ends.
//!
//! # A host
//!
//! | below its home | what it is |
//! |---|---|
//! | `bin/install VERSION` | installs, which takes no time; the ledger gets a line at its begin and one at its end |
//! | `bin/version`, `version` | what is installed |
//! | `bin/service start\|stop\|restart\|status` | a small HTTP server, at port 8080 of the host's address: `/health` |
//! | `bin/reboot`, `boot-id` | restarts the host: all its processes end, it is away for a moment, its boot id is new |
//! | `bin/ledger begin\|end\|note WORD..`, `ledger` | a line of the ledger |
//! | `bin/sudo` | a `sudo` that gives no rights; see the switches |
//!
//! `bin` is first on the `PATH` of its sessions, and the home is where they start. What is wrong with a version stands
//! in its name: `2.0+late-crash:db` ends a moment after its start on hosts of the role `db`. The faults are `crash`,
//! `late-crash`, `sick`, `late-sick`, `hang`, `late-start` and `refused`.
//!
//! What a [`Switch`] breaks stays broken until the host is healed.

mod account;
mod address;
mod farm;
mod fleet;
mod host;
mod ledger;
mod plan;
mod switch;

pub use farm::Farm;
pub use host::Host;
pub use ledger::{Entry, Event};
pub use plan::{HostPlan, Plan};
pub use switch::Switch;
