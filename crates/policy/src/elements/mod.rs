//! One module per element of a document: its table of keys, its reader and its defaults.

pub(crate) mod accept;
pub(crate) mod approvals;
pub(crate) mod care;
pub(crate) mod clock;
mod cron;
mod days;
pub(crate) mod fleet;
pub(crate) mod freeze;
pub(crate) mod gate;
pub(crate) mod group;
pub(crate) mod host_keys;
pub(crate) mod jump;
pub(crate) mod limits;
pub(crate) mod people;
pub(crate) mod policy;
pub(crate) mod probe;
pub(crate) mod range;
pub(crate) mod recipe;
pub(crate) mod ring;
pub(crate) mod ssh;
pub(crate) mod step;
pub(crate) mod update;
pub(crate) mod window;
pub(crate) mod work;
pub(crate) mod world;
pub(crate) mod world_hosts;
