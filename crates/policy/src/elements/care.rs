//! The care of a role: how its hosts are taken out of service and put back.

use ringway_model::Digest;

use super::step;
use crate::fields::{Cx, Fields, Named};
use crate::problem::{Code, Report};
use crate::scalar;
use crate::shape::{Is, Shape, may, must};
use crate::validated::Care;
use crate::yaml::Node;

/// The document.
pub(crate) static CARE: Shape = Shape {
    what: "care",
    about: "How hosts of a role are taken out of service and put back; wraps any recipe.",
    keys: &[
        must(
            "ringway",
            Is::Word(&["care/v1"]),
            "care/v1",
            "The kind of document.",
        ),
        must("name", Is::Name, "web", "The care's name."),
        may(
            "drain",
            Is::Of(&step::CHANGE),
            "Takes a host out of service; needs `undrain`.",
        ),
        may(
            "verify",
            Is::Of(&step::CHECK),
            "Checks that the host does its work again.",
        ),
        may(
            "undrain",
            Is::Of(&step::CHANGE),
            "Puts the host back into service; needs `drain`.",
        ),
    ],
    later: &[
        ("ready", "conditions before each next member"),
        ("last", "live rules for who goes last"),
        ("silence", "silences of monitoring"),
    ],
};

/// Reads a care document.
pub(crate) fn read(cx: &Cx<'_>, node: &Node<'_>, digest: Digest) -> Option<Care> {
    let fields = Fields::open(cx, &CARE, node)?;
    fields.read("ringway", |_, _| Some(()));
    let name = fields.read("name", scalar::defined(Named::Care));
    let drain = fields.read("drain", step::change);
    let verify = fields.read("verify", step::check);
    let undrain = fields.read("undrain", step::change);
    for (has, needs, why) in [
        ("drain", "undrain", "hosts would stay out of service"),
        (
            "undrain",
            "drain",
            "nothing would have been taken out of service",
        ),
    ] {
        if fields.get(has).is_some() && fields.get(needs).is_none() {
            let message = format!("{} has `{has}` without `{needs}`: {why}", fields.title());
            let hint = format!("add `{needs}: {{ run: ... }}`");
            cx.report(Report::new(Code::KeyConflict, fields.key_place(has), message).hint(hint));
        }
    }
    // A key that is not known has been reported, and is what was meant.
    if fields.has_only(&["ringway", "name"]) {
        let message = format!("{} does nothing", fields.title());
        cx.report(
            Report::new(Code::MissingKey, fields.start(), message)
                .hint("add `drain` and `undrain`, or `verify`")
                .absent(),
        );
    }
    Some(Care {
        name: name?,
        digest,
        drain,
        verify,
        undrain,
    })
}
