//! The YAML documents people write, read and validated.
//!
//! A document goes through three forms, and only the last leaves this crate: *as written* (one tree of keys and values,
//! each with its place), *with defaults* (filled in by the reader of each element, beside the reasons for them),
//! *validated* ([`validated`]: every value known to be meaningful, alone and together with the other documents). All
//! problems of all documents are reported at once, each with its line, column, snippet and a hint.
//!
//! The crate reads no file: it is given names and bytes.

mod builtin;
mod elements;
pub mod feeds;
mod fields;
mod hidden;
mod ical;
mod inventory;
mod places;
mod problem;
mod read;
mod render;
mod scalar;
mod schema;
mod shape;
mod together;
pub mod validated;
mod write;
mod yaml;

pub use builtin::built_in_recipes;
pub use fields::nearest;
pub use ical::{CalendarFile, read_calendar};
pub use inventory::{
    Attachment, Attachments, HostOrigins, Origin, Other, Program, Wanted, What, imports,
};
pub use places::{At, Places, Spot};
pub use problem::{Code, Problem, Problems, Snippet};
pub use read::{
    KINDS, Kind, Source, read, read_with, read_with_last_policies, read_with_origins, update_alone,
};
pub use schema::{inventory_schema, schema};
pub use write::write_update;
