//! The table of rules.

use super::accept;
use super::facts::Facts;
use super::finding::{Finding, Found, Severity};
use super::rules::maintenances;
use super::rules::{advisories, calendar, cares, exceptions, hosts, lanes, shares, times};
use super::rules::{approvals, availability, coverage, gates, limits, recipes, rings, selectors};
use crate::report::{AcceptedReport, Warning};
use ringway_policy::validated::Acceptance;

/// One kind of mistake.
pub(super) struct Rule {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// Whether `plan` tells of it too: what is about these hosts and this update, and concerns whoever says yes to them.
    in_plan: bool,
    /// Whether it is about an update, so that there is nothing to look at without one.
    pub(super) about_update: bool,
    check: fn(&Facts<'_>, &mut Found),
}

const fn rule(code: &'static str, severity: Severity, check: fn(&Facts<'_>, &mut Found)) -> Rule {
    Rule {
        code,
        severity,
        in_plan: false,
        about_update: false,
        check,
    }
}

impl Rule {
    const fn in_plan(self) -> Self {
        Self {
            in_plan: true,
            ..self
        }
    }

    const fn about_update(self) -> Self {
        Self {
            about_update: true,
            ..self
        }
    }

    /// What this rule finds.
    pub(super) fn look(&self, facts: &Facts<'_>) -> Vec<Finding> {
        let mut found = Found::by(self.code, self.severity);
        (self.check)(facts, &mut found);
        found.findings
    }
}

use Severity::{Error, Note, Warning as Warn};

/// Every rule about a plan, in the order in which a plan warns: what stops nothing that it should comes first.
pub(super) static RULES: &[Rule] = &[
    rule("no-halt", Error, limits::no_halt).in_plan(),
    rule("cannot-halt", Warn, limits::cannot_halt).in_plan(),
    rule("empty-ring", Warn, rings::empty).in_plan(),
    rule("ring-never-reached", Warn, rings::never_reached).in_plan(),
    rule("nothing-left", Note, rings::nothing_left).in_plan(),
    rule("unseen-stratum", Warn, coverage::unseen).in_plan(),
    rule("unseen-group", Warn, coverage::unseen_groups).in_plan(),
    rule("no-gate", Warn, gates::none).in_plan(),
    rule("no-inspect", Warn, recipes::no_inspect)
        .in_plan()
        .about_update(),
    rule("never-kept-up", Error, availability::never_kept_up).in_plan(),
    rule("outage-accepted", Note, availability::outage_accepted).in_plan(),
    rule("window-too-short", Warn, times::too_short)
        .in_plan()
        .about_update(),
    rule("never-open", Error, times::never_open).in_plan(),
    rule("not-apart", Warn, availability::not_apart).in_plan(),
    rule("last-across-rings", Warn, availability::last_across_rings).in_plan(),
    rule("label-missing", Warn, availability::label_missing).in_plan(),
    rule("no-rollback", Warn, recipes::no_rollback)
        .in_plan()
        .about_update(),
    rule("unclaimed", Warn, rings::unclaimed).in_plan(),
    rule("approval-impossible", Error, approvals::impossible).in_plan(),
    rule("approval-tight", Warn, approvals::tight).in_plan(),
    rule("own-host", Warn, hosts::own),
    rule("same-address", Warn, hosts::same_address),
    rule("soak-shorter-than-gate", Warn, gates::soak_too_short),
    rule("no-soak", Warn, rings::no_soak),
    rule("large-jump", Warn, rings::large_jump),
    rule("peers-in-early-ring", Warn, availability::peers_early),
    rule("foreign-gate", Warn, gates::foreign),
    rule("budget-below-halt", Warn, limits::budget_below_halt),
    rule("retries-outlast-soak", Warn, limits::retries_outlast_soak),
    rule("due-missed", Warn, calendar::due_missed).about_update(),
    rule("idle-soak", Warn, calendar::idle_soak),
    rule("window-moved", Note, calendar::window_moved),
    rule("restart-timeout", Warn, recipes::restart_timeout).about_update(),
    rule(
        "recovery-without-peer",
        Warn,
        recipes::recovery_without_peer,
    )
    .about_update(),
    rule("kept-too-short", Warn, recipes::kept_too_short).about_update(),
    rule("silence-too-short", Warn, cares::silence_too_short).about_update(),
    rule("share-takes-all", Warn, shares::takes_all),
    rule("share-below-one", Note, shares::below_one),
    rule("foreign-label", Warn, selectors::foreign_label),
    rule("misspelt-value", Warn, selectors::misspelt_value),
    rule("unmatched-value", Note, selectors::unmatched_value),
    rule("no-severity", Note, recipes::no_severity).about_update(),
    rule("misspelt-severity", Warn, recipes::misspelt_severity).about_update(),
    rule("idle-lane", Warn, lanes::changes_nothing),
    rule("lane-soak-kept", Note, lanes::longer_than_soak),
    rule("exception-of-nobody", Warn, exceptions::of_nobody),
    rule("exception-of-no-update", Warn, exceptions::of_no_update).about_update(),
    rule("exception-over", Warn, exceptions::over),
    rule("exception-ends-soon", Warn, exceptions::ends_soon),
    rule("maintenance-of-nobody", Warn, maintenances::of_nobody),
    rule("advisory-affects-nobody", Warn, advisories::affects_nobody),
    rule("advisory-unknown-label", Warn, advisories::unknown_label),
    rule("advisory-about-nothing", Note, advisories::about_nothing).about_update(),
    rule("advisory-fix-affected", Error, advisories::fix_is_affected).about_update(),
];

/// Findings about acceptances themselves. They cannot be accepted.
pub(super) const ABOUT_ACCEPTANCES: [(&str, Severity); 3] = [
    ("unknown-lint", Warn),
    ("acceptance-over", Warn),
    ("acceptance-unused", Warn),
];

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its stable code.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Whether `plan` tells of it too.
    pub in_plan: bool,
    /// Whether a document can accept it.
    pub can_be_accepted: bool,
}

/// Every kind of finding.
pub fn codes() -> Vec<Code> {
    let about_plans = RULES.iter().map(|rule| Code {
        code: rule.code,
        severity: rule.severity,
        in_plan: rule.in_plan,
        can_be_accepted: true,
    });
    let about_acceptances = ABOUT_ACCEPTANCES.iter().map(|&(code, severity)| Code {
        code,
        severity,
        in_plan: false,
        can_be_accepted: false,
    });
    about_plans.chain(about_acceptances).collect()
}

/// What a plan warns of. What is accepted is marked and told all the same: whoever says yes to a plan should know what others
/// accept. Without a calendar nobody knows whether the last day of an acceptance is over, and its words say which it is.
pub(crate) fn warnings(facts: &Facts<'_>) -> Vec<Warning> {
    let acceptances = facts.documents.acceptances.iter();
    let acceptances = acceptances.filter(|one| {
        let now = facts.calendar.map(|dates| dates.from);
        !now.is_some_and(|now| one.is_over(now))
    });
    let policy = format!("policy/{}", facts.plan.policy);
    let accepted = |code: &str| {
        let mut all = acceptances.clone();
        let covers = |one: &&Acceptance| one.lint == code && accept::is_about(one, &policy);
        all.find(covers).map(|one| AcceptedReport {
            by: one.of.clone(),
            reason: one.reason.clone(),
            until: one.last_day(),
        })
    };
    let rules = RULES.iter().filter(|rule| rule.in_plan);
    rules
        .flat_map(|rule| rule.look(facts))
        .map(|finding| Warning {
            code: finding.code,
            severity: finding.severity,
            accepted: accepted(finding.code),
            message: finding.message,
            hint: finding.hint,
        })
        .collect()
}
