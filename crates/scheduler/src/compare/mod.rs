//! What changes for a fleet when one policy takes the place of another: behaviour, not text.
//!
//! [`compare`] reads two plans of one update over one fleet and says which hosts change places, how many have the update
//! when it can first halt, what each ring has seen before it starts, and when all is over. It decides nothing; [`render`]
//! writes it as text. Both plans must have been made with the same seed, or what is drawn differs for no reason.

mod calendar;
mod parts;
mod places;
mod render;
mod side;
mod strata;

pub use parts::{
    Comparison, CoverageChange, ExternalSide, FirstSoak, Move, Place, RingPair, RingSide, Risk,
    Side, StratumChange, Terms,
};
pub use render::render;
use ringway_policy::validated::Policy;

use crate::plan::Plan;
use crate::spec::FleetSpec;

/// Compares two plans of a fleet. The policies are those the plans were made from; they say which differences between
/// hosts their rings cover, and where they do not, the usual ones count.
///
/// # Panics
///
/// When a plan is not one of this fleet.
pub fn compare(
    fleet: &FleetSpec,
    (before, old): (&Plan, &Policy),
    (after, new): (&Plan, &Policy),
) -> Comparison {
    let pairs = places::pairs(before, after);
    let places = places::changes(fleet, before, after, &pairs);
    let strata = strata::Met::new(fleet, [(before, old), (after, new)]);
    Comparison {
        fleet: fleet.name.clone(),
        update: after.update.clone(),
        seed: after.seed,
        before: side::side(fleet, before, old, &strata.sides[0]),
        after: side::side(fleet, after, new, &strata.sides[1]),
        coverage: strata.change(fleet, [before, after], &pairs),
        rings: pairs,
        moves: places.moves,
        stay: places.stay,
        gained: places.gained,
        lost: places.lost,
    }
}
