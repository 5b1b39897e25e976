//! What a recipe does for a host outside its visits: fetches ahead of them.

use std::num::NonZeroU16;

use ringway_model::AfterCrash;

use super::step::{self, AT, RUN, TIMEOUT_KEY};
use crate::fields::{Cx, Fields};
use crate::scalar;
use crate::shape::{Is, Shape, may};
use crate::validated::Stage;
use crate::yaml::Node;

/// As many hosts at once as a small mirror serves without being noticed.
const AT_ONCE: u16 = 10;

/// What is fetched ahead of visits.
pub(crate) static STAGE: Shape = Shape {
    what: "`stage`",
    about: "Fetches what is to be installed, ahead of the visit and outside windows. It must take nothing out of service, and do no harm when it runs twice: after a crash it is run again.",
    keys: &[
        RUN,
        AT,
        TIMEOUT_KEY,
        may(
            "at_once",
            Is::Count,
            "On how many hosts of a rollout at once; 10 where absent.",
        ),
    ],
    later: &[],
};

/// Reads `stage`.
pub(crate) fn stage(cx: &Cx<'_>, node: &Node<'_>) -> Option<Stage> {
    let fields = Fields::open(cx, &STAGE, node)?;
    let at_once = fields
        .read("at_once", scalar::number(1, 1000))
        .and_then(|number| u16::try_from(number).ok())
        .unwrap_or(AT_ONCE);
    Some(Stage {
        step: step::common(&fields, AfterCrash::Repeat)?,
        at_once: NonZeroU16::new(at_once)?,
    })
}
