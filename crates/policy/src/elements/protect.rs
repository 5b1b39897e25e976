//! What a recipe makes before it changes anything, so that there is something to go back to: a snapshot by a command.

use ringway_model::{AfterCrash, Span};

use super::step::{self, AT_PEER, RUN, TIMEOUT_KEY};
use crate::fields::{Cx, Fields};
use crate::problem::Code;
use crate::scalar;
use crate::shape::{Is, Shape, must};
use crate::validated::Protect;
use crate::yaml::Node;

/// Less than this is over before anybody has looked at the host.
const LEAST_KEPT: Span = Span::hours(1);
/// A snapshot grows with everything that is written beside it; one that is older than a quarter of a year is a backup, which is
/// another program's business.
const LONGEST_KEPT: Span = Span::hours(90 * 24);

/// What is made before anything is changed.
pub(crate) static PROTECT: Shape = Shape {
    what: "`protect`",
    about: "Makes a snapshot before anything is changed. What it prints, one line of at most 200 characters, is its name: `$PROTECTION` for `remove` and `rollback`. It must take nothing out of service, and do no harm when it runs twice: after a crash and after a failure it is run again, with the same `$PROTECT_AS`, a name for what it makes that nothing else of the host has.",
    keys: &[
        RUN,
        AT_PEER,
        TIMEOUT_KEY,
        must(
            "keep",
            Is::Span,
            "7d",
            "How long it is kept: 1h to 90d, and not less long than its rollout is under way.",
        ),
        must(
            "remove",
            Is::Of(&REMOVE),
            "{ run: ./remove }",
            "Removes it, when its time is over or somebody says so.",
        ),
    ],
    later: &[],
};

static REMOVE: Shape = Shape {
    what: "`remove`",
    about: "Removes the snapshot of the name `$PROTECTION`. It must do no harm when it runs twice: after a crash and after a failure it is run again.",
    keys: &[RUN, AT_PEER, TIMEOUT_KEY],
    later: &[],
};

/// Reads `protect`.
pub(crate) fn protect(cx: &Cx<'_>, node: &Node<'_>) -> Option<Protect> {
    let fields = Fields::open(cx, &PROTECT, node)?;
    let step = step::common(&fields, AfterCrash::Repeat);
    let keep = fields.read("keep", keep);
    let remove = fields.read("remove", |cx, node| {
        let fields = Fields::open(cx, &REMOVE, node)?;
        step::common(&fields, AfterCrash::Repeat)
    });
    Some(Protect {
        step: step?,
        keep: keep?,
        remove: remove?,
    })
}

fn keep(cx: &Cx<'_>, node: &Node<'_>) -> Option<Span> {
    let keep = scalar::span_from(LEAST_KEPT)(cx, node)?;
    if keep > LONGEST_KEPT {
        let message = format!("`{keep}` is too long: the most is `{LONGEST_KEPT}`");
        let hint = "a snapshot is to go back to for a while; what is kept for longer is a backup";
        return cx.fail(Code::BadSpan, node.place, message, hint);
    }
    Some(keep)
}
