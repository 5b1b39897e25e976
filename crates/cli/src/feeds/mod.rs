//! `ringway import`: what vendors publish, to documents. Reads one file, writes documents and nothing else.

mod content;
mod msrc;
mod told;

use crate::args::{FeedOf, Feeds};
use crate::exit::Outcome;
use crate::out::Out;

/// `ringway import`.
pub(crate) fn import(out: Out, args: &Feeds) -> Outcome {
    match &args.of {
        FeedOf::Msrc(args) => msrc::import(out, args),
    }
}
