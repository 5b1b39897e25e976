//! Inventories: what a fleet imports, from Ansible, from tables, and from commands, and what becomes of it in the fleet.
//!
//! The crate reads no file and runs nothing; the edge hands over what a fleet imports ([`Attachments`]). Each source is read
//! by the reader of its kind into what it says of each host (`offer`); `merge` decides between sources.
//!
//! Reading Ansible's inventories follows Ansible to the type of each value, because people tested theirs there; what becomes
//! of them is this crate's own decision:
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
//! * Where two sources differ, nothing is chosen silently: it is a problem, or a note says which counts and why.

mod arguments;
mod attach;
mod connect;
mod csv;
mod data;
mod files;
mod group_files;
mod hosts;
mod ini;
mod listing;
mod literal;
mod merge;
mod offer;
mod origin;
mod pattern;
mod redact;
mod sources;
mod table;
mod tree;
mod value;
mod words;
mod yaml_groups;

pub use attach::{Attachment, Attachments, Program, Wanted, What, imports};
pub(crate) use attach::{Files, From, Import, run};
pub(crate) use listing::schema as listing_schema;
pub(crate) use origin::Origins;
pub use origin::{HostOrigins, Origin, Other};
pub(crate) use table::Columns;
