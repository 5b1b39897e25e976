//! Exceptions that are over, or soon will be, and those that leave nobody out.

use std::collections::BTreeSet;

use ringway_model::Span;
use ringway_policy::validated::Exception;
use ringway_policy::{At, Kind};

use super::super::facts::Facts;
use super::super::finding::Found;
use super::selectors::{meant, meant_by};
use crate::report::end_of_exception;
use crate::spec::HostSpec;

/// How long before its end an exception is warned about: whoever has to ask the vendor, and to have it approved, needs two
/// weeks for that.
const SOON: Span = Span::hours(24 * 14);

fn at(id: &str) -> At {
    At::document(Kind::Exception, id).key("until")
}

/// Whether it has ended, where there is a calendar to tell: nothing else is worth saying of it then.
fn is_over(facts: &Facts<'_>, one: &Exception) -> bool {
    facts.calendar.is_some_and(|dates| {
        let end = end_of_exception(one, facts.documents, dates.zones);
        end.is_ok_and(|end| end <= dates.from)
    })
}

/// One that no host of the fleet is meant by: who should be left out is visited. Hosts may have gone since it was written, so
/// that a document is not refused for it.
pub(in super::super) fn of_nobody(facts: &Facts<'_>, into: &mut Found) {
    for one in facts.documents.exceptions.values() {
        let mut hosts = facts.fleet.hosts.iter();
        let matches = |host: &HostSpec| one.hosts.matches(&host.name, &host.labels);
        if is_over(facts, one) || hosts.any(matches) {
            continue;
        }
        into.add(
            At::document(Kind::Exception, &one.id).key("hosts"),
            format!(
                "exception `{}` of {} matches no host of fleet `{}`: it leaves nobody out",
                one.id, one.owner, facts.fleet.name
            ),
            meant_by(facts.fleet, &one.hosts)
                .unwrap_or_else(|| "take the document away if its hosts are gone".to_owned()),
        );
    }
}

/// One for an update that nobody has, and whose name is a slip of the finger away from one that is there.
pub(in super::super) fn of_no_update(facts: &Facts<'_>, into: &mut Found) {
    let known: BTreeSet<&str> = facts.documents.updates.keys().map(String::as_str).collect();
    for one in facts.documents.exceptions.values() {
        if is_over(facts, one) {
            continue;
        }
        let names = one.updates.names().iter();
        for name in names.filter(|name| !known.contains(name.as_str())) {
            let Some(near) = meant(name, &known) else {
                continue;
            };
            into.add(
                At::document(Kind::Exception, &one.id).key("updates"),
                format!(
                    "exception `{}` of {} is for update `{name}`, which is not among these documents: it leaves nobody out of \
                     `{near}`",
                    one.id, one.owner
                ),
                format!("did you mean `{near}`?"),
            );
        }
    }
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
