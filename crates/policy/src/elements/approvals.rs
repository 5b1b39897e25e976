//! Approvals that the start of a rollout, or going on after a ring, needs.

use super::clock;
use super::fleet::optional;
use crate::fields::{Cx, Fields, Named};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::{Approvals, NotBy};
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
            "between",
            Is::Either(&[Is::Text, Is::List(&Is::Text)]),
            "In which hours, on the clock of the fleet's zone: `mon-fri 08:00-16:00`, several separated by `|` or in a list; at any time where absent.",
        ),
    ],
    later: &[],
};

static NOT_BY: [(&str, NotBy); 2] = [
    ("policy-author", NotBy::PolicyAuthor),
    ("starter", NotBy::Starter),
];

/// Reads an approval rule of `path`, which names it in the checks across documents.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, path: &str) -> Option<Approvals> {
    let fields = Fields::open(cx, &APPROVALS, node)?;
    cx.place(path.to_owned(), fields.key_place("approvals"));
    cx.place(format!("{path} not_by"), fields.key_place("not_by"));
    let needed = fields.read("approvals", scalar::number(1, 100));
    let by = fields.read("by", |cx, node| {
        scalar::names(cx, node, scalar::reference(Named::Team))
    });
    let not_by = fields.read("not_by", |cx, node| {
        scalar::list(cx, node, scalar::word(&NOT_BY, &[]))
    });
    let between = fields.read("between", clock::hours);
    Some(Approvals {
        needed: u8::try_from(needed?).expect("at most 100"),
        by: optional(&fields, "by", by)?,
        not_by: optional(&fields, "not_by", not_by)?,
        between: optional(&fields, "between", between.map(Some))?,
    })
}
