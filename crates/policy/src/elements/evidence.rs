//! `evidence` of a policy: what must be known of every kind of host before more of them are visited.
//!
//! This reads and checks what one document says. Which rings have which kinds of hosts, and so whether what is asked for
//! can come about at all, is found when a plan is made.

use std::num::NonZeroU32;

use ringway_model::Span;

use crate::fields::{Cx, Fields};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Evidence, WhereMissing};
use crate::yaml::Node;

/// The key.
pub(crate) static EVIDENCE: Shape = Shape {
    what: "`evidence`",
    about: "What must be known of a stratum before a ring after the first visits hosts of it.",
    keys: &[
        must(
            "by",
            Is::List(&Is::Text),
            "[os, role]",
            "The labels whose combinations are the strata.",
        ),
        may(
            "hosts",
            Is::Count,
            "How many of its hosts must have the update and have been seen healthy with it; 1 where absent.",
        ),
        must(
            "healthy",
            Is::Span,
            "4h",
            "How many host-hours with the update its hosts must have been seen healthy, together.",
        ),
        may(
            "where_missing",
            Is::Word(&["hold", "canary"]),
            "What becomes of a ring with a stratum that lacks it: it does not begin (`hold`), or it begins and only so many hosts of the stratum go first (`canary`); `hold` where absent.",
        ),
    ],
    later: &[],
};

static WHERE_MISSING: [(&str, WhereMissing); 2] = [
    ("hold", WhereMissing::Hold),
    ("canary", WhereMissing::Canary),
];

/// More examples of one kind than this are no examples any more, and the number is a mistake.
const MOST_HOSTS: u32 = 1000;

/// Reads `evidence`. No time at all would be met by the first sample, which is what gates are for.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>) -> Option<Evidence> {
    let fields = Fields::open(cx, &EVIDENCE, node)?;
    let by = fields.read("by", |cx, node| scalar::names(cx, node, scalar::label));
    let hosts = fields
        .read("hosts", scalar::number(1, MOST_HOSTS))
        .and_then(NonZeroU32::new);
    let healthy = fields.read("healthy", scalar::span_from(Span::seconds(1)));
    let where_missing = fields.read("where_missing", scalar::word(&WHERE_MISSING, &[]));
    Some(Evidence {
        by: by?,
        hosts: hosts.unwrap_or(NonZeroU32::MIN),
        healthy: healthy?,
        where_missing: where_missing.unwrap_or_default(),
    })
}

/// Healthy hosts are those that every gate on a probe finds up: where there is none, nothing is ever seen of anybody.
pub(crate) fn check_gates(cx: &Cx<'_>, node: &Node<'_>, gates: usize) {
    if gates == 0 {
        let message = "`evidence` asks that hosts are seen healthy, and no gate looks at any";
        let hint = "add a gate on a probe to `gates`";
        cx.report(Report::new(Code::KeyConflict, node.place, message).hint(hint));
    }
}
