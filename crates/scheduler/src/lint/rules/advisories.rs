//! Advisories that hold nobody, everybody, or what mends them.

use std::collections::BTreeSet;

use ringway_model::Selector;
use ringway_policy::validated::{Advisory, Update};
use ringway_policy::{At, Kind};

use super::super::facts::Facts;
use super::super::finding::Found;
use super::list;
use super::selectors::meant_by;

fn at(advisory: &Advisory, key: &'static str) -> At {
    At::document(Kind::Advisory, &advisory.id).key(key)
}

/// What was read has a selector, where it has any.
fn selector(advisory: &Advisory) -> Option<Selector> {
    Selector::parse(advisory.affects.as_deref()?).ok()
}

/// One that can mean no host of the fleet, whatever labels they lack.
pub(in super::super) fn affects_nobody(facts: &Facts<'_>, into: &mut Found) {
    for one in facts.documents.advisories.values() {
        let Some(selector) = selector(one) else {
            continue;
        };
        let mut hosts = facts.fleet.hosts.iter();
        if hosts.any(|host| selector.weigh(&host.name, &host.labels).may()) {
            continue;
        }
        into.add(
            at(one, "affects"),
            format!(
                "advisory `{}` affects no host of fleet `{}`",
                one.id, facts.fleet.name
            ),
            meant_by(facts.fleet, &selector).unwrap_or_else(|| {
                "compare its labels and values with the fleet's, or take the document away"
                    .to_owned()
            }),
        );
    }
}

/// One that asks for a label that no host has: whoever is meant by the rest of it counts as affected.
pub(in super::super) fn unknown_label(facts: &Facts<'_>, into: &mut Found) {
    for one in facts.documents.advisories.values() {
        let Some(selector) = selector(one) else {
            continue;
        };
        let asked: BTreeSet<&str> = selector
            .labels()
            .into_iter()
            .map(|label| label.name.as_str())
            .collect();
        let lacking: Vec<&str> = asked
            .into_iter()
            .filter(|label| *label != "name")
            .filter(|label| {
                let mut hosts = facts.fleet.hosts.iter();
                !hosts.any(|host| host.labels.get(label).is_some())
            })
            .collect();
        if lacking.is_empty() {
            continue;
        }
        let mut hosts = facts.fleet.hosts.iter();
        if !hosts.any(|host| selector.weigh(&host.name, &host.labels).may()) {
            continue;
        }
        into.add(
            at(one, "affects"),
            format!(
                "advisory `{}` asks for labels that no host has: {}; whom it may mean counts as affected",
                one.id,
                list(lacking.iter().copied())
            ),
            "give the hosts the label, so that only those are held that it is about",
        );
    }
}

fn is_about(advisory: &Advisory, update: &Update) -> bool {
    update.releases.iter().any(|release| {
        let mut about = advisory.about.iter();
        about.any(|one| one.means(&release.id, release.build.as_deref()))
    })
}

/// One about content that no update among the documents installs.
pub(in super::super) fn about_nothing(facts: &Facts<'_>, into: &mut Found) {
    let updates = &facts.documents.updates;
    for one in facts.documents.advisories.values() {
        if updates.values().any(|update| is_about(one, update)) {
            continue;
        }
        let about: Vec<String> = one.about.iter().map(ToString::to_string).collect();
        into.add(
            at(one, "about"),
            format!(
                "advisory `{}` is about what no update among these documents installs: {}",
                one.id,
                list(about.iter().map(String::as_str))
            ),
            "write ids and builds as the releases of the update have them",
        );
    }
}

/// One that keeps the update away that is to mend it.
pub(in super::super) fn fix_is_affected(facts: &Facts<'_>, into: &mut Found) {
    for one in facts.documents.advisories.values() {
        let fix = one.fixed_by.as_ref();
        let fix = fix.and_then(|name| facts.documents.updates.get(name));
        let Some(fix) = fix.filter(|fix| one.effect.keeps() && is_about(one, fix)) else {
            continue;
        };
        into.add(
            at(one, "fixed_by"),
            format!(
                "advisory `{}` is about content of `{}`, which is to mend it: its hosts never get the fix",
                one.id, fix.name
            ),
            "name the build that is bad: `about: [{ id: .., build: .. }]`",
        );
    }
}
