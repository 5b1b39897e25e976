//! Which findings are accepted, and which acceptances are mistakes themselves.

use std::collections::BTreeSet;

use ringway_model::Timestamp;
use ringway_policy::validated::Acceptance;
use ringway_policy::{At, Kind, nearest};

use super::finding::{Finding, Found, Severity};
use super::perform::Looked;
use super::table::{ABOUT_ACCEPTANCES, RULES};

/// Marks what is accepted. An acceptance of a policy covers the findings of that policy's plans, one of the fleet those
/// of every plan; one whose last day is over covers nothing.
pub(super) fn mark(findings: &mut [Finding], acceptances: &[Acceptance], now: Timestamp) {
    for finding in findings {
        let covers = |one: &&Acceptance| {
            one.lint == finding.code
                && !one.is_over(now)
                && finding
                    .plans
                    .iter()
                    .all(|plan| is_about(one, &format!("policy/{}", plan.policy)))
        };
        finding.accepted = acceptances.iter().find(covers).cloned();
    }
}

/// Whether an acceptance covers the plans of a policy: the policy's own, or the fleet's.
pub(super) fn is_about(one: &Acceptance, policy: &str) -> bool {
    one.of.starts_with("fleet/") || one.of == policy
}

/// What is wrong with acceptances: a code that does not exist, a last day that is over, nothing that is accepted.
pub(super) fn check(
    findings: &[Finding],
    acceptances: &[Acceptance],
    looked: &Looked,
    now: Timestamp,
) -> Vec<Finding> {
    let used: BTreeSet<(&str, usize)> = findings
        .iter()
        .filter_map(|finding| finding.accepted.as_ref())
        .map(|one| (one.of.as_str(), one.at))
        .collect();
    let [unknown, over, unused] =
        ABOUT_ACCEPTANCES.map(|(code, severity): (_, Severity)| Found::by(code, severity));
    let (mut unknown, mut over, mut unused) = (unknown, over, unused);
    for one in acceptances {
        let Some(at) = place(one) else { continue };
        let lint = &one.lint;
        let Some(rule) = RULES.iter().find(|rule| rule.code == lint) else {
            let message = format!("`{lint}` is accepted, and there is no such finding");
            into_unknown(&mut unknown, at.key("lint"), message, lint);
            continue;
        };
        let is_met = |finding: &&Finding| finding.code == rule.code && concerns(one, finding);
        if one.is_over(now) {
            let day = one.last_day().unwrap_or_default();
            let (still, hint) = if findings.iter().any(|finding| is_met(&finding)) {
                (
                    "and is still found",
                    "mend it, or look at the reason again and set a later `until`",
                )
            } else {
                ("and is no longer found", "take the acceptance out")
            };
            let message = format!(
                "`{lint}` was accepted until {day}, {still}: \"{}\"",
                one.reason
            );
            over.add(at.key("until"), message, hint);
        } else if !used.contains(&(one.of.as_str(), one.at)) && looked.at_all_of(one, rule) {
            let message = format!("`{lint}` is accepted, and nothing of the kind is found");
            unused.add(
                at.key("lint"),
                message,
                "take the acceptance out: it would hide what comes later",
            );
        }
    }
    let all = [unknown, over, unused].into_iter();
    all.flat_map(|found| found.findings).collect()
}

/// Whether a finding could be covered by this acceptance, if its day were not over.
fn concerns(one: &Acceptance, finding: &Finding) -> bool {
    one.of.starts_with("fleet/")
        || finding
            .plans
            .iter()
            .any(|plan| one.of == format!("policy/{}", plan.policy))
}

fn into_unknown(unknown: &mut Found, at: At, message: String, lint: &str) {
    let about = ABOUT_ACCEPTANCES.iter().map(|(code, _)| *code);
    let hint = if about.clone().any(|code| code == lint) {
        "findings about acceptances cannot be accepted themselves".to_owned()
    } else {
        nearest(lint, RULES.iter().map(|rule| rule.code)).map_or_else(
            || "`ringway lint --explain` lists them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        )
    };
    unknown.add(at, message, hint);
}

/// Where an acceptance stands.
fn place(one: &Acceptance) -> Option<At> {
    let (kind, name) = one.of.split_once('/')?;
    let document = At::document(Kind::of(kind)?, name);
    Some(document.key("accept").item(one.at))
}
