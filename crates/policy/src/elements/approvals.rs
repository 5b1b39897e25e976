//! Approvals that the start of a rollout, or going on after a ring, needs.

use ringway_model::Span;

use super::clock;
use super::fleet::optional;
use crate::fields::{Cx, Fields, Named};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Approvals, Early, NotBy};
use crate::yaml::Node;

/// What `start` and `after_soak` contain.
pub(crate) static APPROVALS: Shape = Shape {
    what: "approval rule",
    about: "How many people must say yes, and who they may be.",
    keys: &[
        must("approvals", Is::Count, "1", "How many distinct people."),
        may(
            "by",
            Is::List(&Is::Name),
            "Of which teams; anybody where absent.",
        ),
        may(
            "not_by",
            Is::List(&Is::Word(&["policy-author", "starter"])),
            "Who may not, so that duties are separated.",
        ),
        may(
            "expire",
            Is::Span,
            "How long a yes that is not used stands: `24h`. Absent: as long as nothing gets worse.",
        ),
        may(
            "between",
            Is::Either(&[Is::Text, Is::List(&Is::Text)]),
            "In which hours, on the clock of the fleet's zone: `mon-fri 08:00-16:00`, several separated by `|` or in a list; at any time where absent.",
        ),
    ],
    later: &[],
};

/// What `promote_early` contains.
pub(crate) static EARLY: Shape = Shape {
    what: "`promote_early`",
    about: "Whether people may end the soak before its time, and who.",
    keys: &[
        must(
            "at_least",
            Is::Span,
            "2h",
            "How long the ring must have been observed all the same.",
        ),
        must("approvals", Is::Count, "2", "How many distinct people."),
        may(
            "by",
            Is::List(&Is::Name),
            "Of which teams; anybody where absent.",
        ),
        may(
            "not_by",
            Is::List(&Is::Word(&["policy-author", "starter"])),
            "Who may not, so that duties are separated.",
        ),
        may(
            "expire",
            Is::Span,
            "How long a yes that is not used stands: `24h`. Absent: as long as nothing gets worse.",
        ),
        may(
            "between",
            Is::Either(&[Is::Text, Is::List(&Is::Text)]),
            "In which hours, on the clock of the fleet's zone: `mon-fri 08:00-16:00`, several separated by `|` or in a list; at any time where absent.",
        ),
    ],
    later: &[],
};

/// Below this a yes would be void before somebody else can give the next one.
const SHORTEST: Span = Span::minutes(1);

static NOT_BY: [(&str, NotBy); 2] = [
    ("policy-author", NotBy::PolicyAuthor),
    ("starter", NotBy::Starter),
];

/// Reads an approval rule of `path`, which names it in the checks across documents.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, path: &str) -> Option<Approvals> {
    let fields = Fields::open(cx, &APPROVALS, node)?;
    rule(cx, &fields, path)
}

/// Reads how a ring's soak may be ended before its time.
pub(crate) fn early(cx: &Cx<'_>, node: &Node<'_>, path: &str) -> Option<Early> {
    let fields = Fields::open(cx, &EARLY, node)?;
    let at_least = fields.read("at_least", scalar::span_from(Span::seconds(1)));
    let rule = rule(cx, &fields, path)?;
    Some(Early {
        at_least: at_least?,
        rule,
    })
}

/// How many, of whom, and who not; when, and for how long.
fn rule(cx: &Cx<'_>, fields: &Fields<'_, '_, '_, '_>, path: &str) -> Option<Approvals> {
    let between = fields.read("between", clock::hours);
    let between = optional(fields, "between", between.map(Some));
    let expire = fields.read("expire", scalar::span_from(SHORTEST));
    let expire = optional(fields, "expire", expire.map(Some));
    cx.place(path.to_owned(), fields.key_place("approvals"));
    cx.place(format!("{path} not_by"), fields.key_place("not_by"));
    let needed = fields.read("approvals", scalar::number(1, 100));
    let by = fields.read("by", |cx, node| {
        scalar::names(cx, node, scalar::reference(Named::Team))
    });
    let not_by = fields.read("not_by", |cx, node| {
        scalar::list(cx, node, scalar::word(&NOT_BY, &[]))
    });
    Some(Approvals {
        needed: u8::try_from(needed?).expect("at most 100"),
        by: optional(fields, "by", by)?,
        not_by: optional(fields, "not_by", not_by)?,
        between: between?,
        expire: expire?,
    })
}
