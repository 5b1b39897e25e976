//! Ansible's inventories: hosts, groups and variables as Ansible itself reads them, and what becomes of them in a fleet.
//!
//! The crate reads no file; the edge hands over what a fleet imports ([`Attachments`]). Reading follows Ansible to the
//! type of each value, because people tested their inventory there; what becomes of it is this crate's own decision:
//!
//! * a group becomes the label `group.NAME: yes`, of every host in it or in a group below it;
//! * a variable with one value becomes a label of its name;
//! * variables about the connection become the host's address and entries of `connect`, after those that are written;
//! * everything else is left out, and a note says what.
//!
//! # Invariants
//!
//! * Nothing that looks like a secret, and nothing that is encrypted, gets into a label, a message, a note or the text
//!   that is kept of an inventory.
//! * What is written in the fleet wins over what is imported.

mod arguments;
mod attach;
mod connect;
mod data;
mod files;
mod group_files;
mod hosts;
mod ini;
mod literal;
mod pattern;
mod redact;
mod tree;
mod value;
mod words;
mod yaml_groups;

pub use attach::{Attachment, Attachments, Wanted, imports};
pub(crate) use attach::{Files, Import, run};
