//! Exceptions that are over, or soon will be.

use ringway_model::Span;
use ringway_policy::{At, Kind};

use super::super::facts::Facts;
use super::super::finding::Found;
use crate::report::end_of_exception;

/// How long before its end an exception is warned about: whoever has to ask the vendor, and to have it approved, needs two
/// weeks for that.
const SOON: Span = Span::hours(24 * 14);

fn at(id: &str) -> At {
    At::document(Kind::Exception, id).key("until")
}

/// One that has ended: it has no effect, and whoever reads it believes that it has.
pub(in super::super) fn over(facts: &Facts<'_>, into: &mut Found) {
    let Some(dates) = facts.calendar else { return };
    for one in facts.documents.exceptions.values() {
        let Ok(end) = end_of_exception(one, facts.documents, dates.zones) else {
            continue;
        };
        if end <= dates.from {
            into.add(
                at(&one.id),
                format!(
                    "exception `{}` of {} ended at {end}: it leaves nobody out any more",
                    one.id, one.owner
                ),
                "take the document away, or have it approved anew with a later `until`",
            );
        }
    }
}

/// One that ends within two weeks: its hosts are visited then.
pub(in super::super) fn ends_soon(facts: &Facts<'_>, into: &mut Found) {
    let Some(dates) = facts.calendar else { return };
    for one in facts.documents.exceptions.values() {
        let Ok(end) = end_of_exception(one, facts.documents, dates.zones) else {
            continue;
        };
        if end <= dates.from || end > dates.from + SOON {
            continue;
        }
        let days = end.since(dates.from).millis() / Span::hours(24).millis();
        let when = match days {
            0 => "within a day".to_owned(),
            1 => "in 1 day".to_owned(),
            days => format!("in {days} days"),
        };
        into.add(
            at(&one.id),
            format!(
                "exception `{}` of {} ends {when}, at {end}: its hosts are visited then",
                one.id, one.owner
            ),
            "have its owner say that this is meant, or have it approved anew with a later `until`",
        );
    }
}
