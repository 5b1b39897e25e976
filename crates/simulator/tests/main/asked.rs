//! Which seeds a suite goes through: its own, or those that `RINGWAY_SEEDS=1000..9000` asks for.

use std::ops::Range;

/// The seeds that are asked for; these where nobody asks.
pub(crate) fn seeds(otherwise: Range<u64>) -> Range<u64> {
    let text = std::env::var("RINGWAY_SEEDS").unwrap_or_default();
    let ends = text.split_once("..");
    ends.and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?))
        .unwrap_or(otherwise)
}
