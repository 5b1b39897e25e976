//! What a recipe does for a host around its visits: fetches ahead of them, and keeps a snapshot of what was before.

use std::num::NonZeroU16;

use ringway_model::{AfterCrash, Span};

use super::step::{self, AT, RUN, TIMEOUT_KEY};
use crate::fields::{Cx, Fields};
use crate::scalar;
use crate::shape::{Is, Shape, may};
use crate::validated::{Protect, Stage};
use crate::yaml::Node;

/// As many hosts at once as a small mirror serves without being noticed.
const AT_ONCE: u16 = 10;

/// A week: a fault that shows only with the next full working week is still undone.
const KEEP: Span = Span::hours(7 * 24);

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

/// A snapshot before a host is taken down.
pub(crate) static PROTECT: Shape = Shape {
    what: "`protect`",
    about: "Takes a snapshot before a host is taken down. The last line it prints is the snapshot's name, which `rollback` and `release` see as `PROTECTION`. After a crash it is run again.",
    keys: &[
        RUN,
        AT,
        TIMEOUT_KEY,
        may(
            "release",
            Is::Command,
            "Removes the snapshot, where `run` runs; absent: it stays listed until a person says with `ringway unprotect` that it is gone. It must do no harm when it runs twice.",
        ),
        may(
            "keep",
            Is::Span,
            "How long it is kept after its host ended well; `7d` where absent.",
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

/// Reads `protect`.
pub(crate) fn protect(cx: &Cx<'_>, node: &Node<'_>) -> Option<Protect> {
    let fields = Fields::open(cx, &PROTECT, node)?;
    let step = step::common(&fields, AfterCrash::Repeat);
    let release = fields.read("release", scalar::command);
    let keep = fields.read("keep", scalar::span).unwrap_or(KEEP);
    let step = step?;
    Some(Protect {
        release: release.map(|run| crate::validated::Step {
            run,
            ..step.clone()
        }),
        step,
        keep,
    })
}
