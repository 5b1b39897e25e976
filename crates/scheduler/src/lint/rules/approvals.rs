//! Approvals that hang on a single person, or on nobody.

use ringway_policy::At;
use ringway_policy::validated::NotBy;

use super::super::facts::Facts;
use super::super::finding::Found;
use super::list;
use crate::report::ApprovalReport;
use crate::words::{counted, several};

const HINT: &str = "name another team, or add a deputy";

/// More approvals than people who may give them.
pub(in super::super) fn impossible(facts: &Facts<'_>, into: &mut Found) {
    for (what, at, wanted) in rules(facts) {
        if spare(wanted).is_some_and(|spare| spare < 0) {
            let people = counted(usize::from(wanted.needed), "approval");
            let message = format!(
                "{what} can never be approved: too few people may ({people} needed, {} may)",
                several(wanted.people.len(), "person", "people")
            );
            into.add(at, message, HINT);
        }
    }
}

/// Exactly as many people as approvals, and the one who starts the rollout may not.
pub(in super::super) fn tight(facts: &Facts<'_>, into: &mut Found) {
    for (what, at, wanted) in rules(facts) {
        if spare(wanted) == Some(0) && wanted.not_by.contains(&NotBy::Starter) {
            let people: Vec<_> = wanted.people.iter().map(String::as_str).collect();
            let message = format!(
                "if {} starts the rollout, {what} can never be approved",
                if people.len() > 5 {
                    format!("one of {}", list(people.iter().copied()))
                } else {
                    people.join(" or ")
                }
            );
            into.add(at, message, HINT);
        }
    }
}

/// What has to be approved, where that stands, and by whom.
fn rules<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (String, At, &'a ApprovalReport)> {
    let start = facts.report.start.iter();
    let at_start = facts.in_policy().key("start");
    let start = start.map(move |wanted| ("the start".to_owned(), at_start.clone(), wanted));
    let rings = facts.report.rings.iter().enumerate();
    let facts = *facts;
    let after = rings.filter_map(move |(at, ring)| {
        let what = format!("going on after ring `{}`", ring.name);
        let place = facts.in_ring(at).key("after_soak");
        Some((what, place, ring.after_soak.as_ref()?))
    });
    let rings = facts.report.rings.iter().enumerate();
    let early = rings.filter_map(move |(at, ring)| {
        let what = format!("ending the soak of ring `{}` early", ring.name);
        let place = facts.in_ring(at).key("promote_early");
        Some((what, place, &ring.early.as_ref()?.approvals))
    });
    let unpoison = facts.report.unpoison.iter();
    let at_unpoison = facts.in_policy().key("unpoison");
    let unpoison = unpoison.map(move |wanted| {
        let what = "taking a poisoning back".to_owned();
        (what, at_unpoison.clone(), wanted)
    });
    start.chain(after).chain(early).chain(unpoison)
}

/// People who may approve beyond those that are needed; `None` where anybody may.
fn spare(wanted: &ApprovalReport) -> Option<i64> {
    if wanted.by.is_empty() {
        return None;
    }
    let people = i64::try_from(wanted.people.len()).unwrap_or(i64::MAX);
    Some(people - i64::from(wanted.needed))
}
