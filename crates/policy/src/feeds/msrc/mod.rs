//! Microsoft's monthly security updates: the CVRF document of one month, and the updates it makes.
//!
//! [`read`] takes what the document says, product by product; [`Wishes`] says which of its products are one product line
//! and which hosts have it; [`draft`] makes one update of them, with a release for each line, and another for each kind of
//! update that is installed beside it.
//!
//! # Invariants
//!
//! * A hotpatch is never merged with the standard release of its line: it is other content, for other hosts.
//! * Where the document contradicts itself about what a line installs, no release of the line is made.
//! * The same document and the same wishes make the same drafts, to the byte.

mod draft;
mod gather;
mod lines;
mod read;

pub use draft::{Draft, Drafted, KnownIssue, draft};
pub use lines::{Line, Listed, NotWished, Wishes, list};
pub use read::{Feed, Finding, read};
