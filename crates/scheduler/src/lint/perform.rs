//! From documents to everything that is found in them.

use std::collections::BTreeMap;

use ringway_calendar::Zones;
use ringway_model::{AfterCrash, Digest, Place, Selector, Span, Timestamp};
use ringway_policy::validated::{
    Acceptance, Command, Documents, Recipe, Release, Step, Update, Vendor, Work,
};
use serde::Serialize;

use super::accept;
use super::facts::{Dates, Facts, Here};
use super::finding::Finding;
use super::table::{RULES, Rule};
use crate::make::make_plan;
use crate::plan::Plan;
use crate::problem::{PlanProblem, PlanProblems};
use crate::report::unwarned;
use crate::spec::FleetSpec;

/// What is to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The compiled fleet of the documents.
    pub fleet: &'a FleetSpec,
    /// The documents.
    pub documents: &'a Documents,
    /// The only policy that is meant; absent: every one.
    pub policy: Option<&'a str>,
    /// The only update that is meant; absent: every one.
    pub update: Option<&'a str>,
    /// What plans are made with.
    pub seed: u64,
    /// The time: whether an acceptance is over depends on it.
    pub now: Timestamp,
    /// This machine.
    pub here: &'a Here,
    /// The time zone database, with every zone of the documents; absent: what only a calendar shows is not looked for.
    pub zones: Option<&'a Zones>,
}

/// A policy with the update it was planned with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Pair {
    /// The policy's name.
    pub policy: String,
    /// The update's name; absent where the documents have none.
    pub update: Option<String>,
}

/// A policy and an update that have nothing to do with one another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Which.
    pub plan: Pair,
    /// Why there is no plan of them.
    pub why: String,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintReport {
    /// The plans that were looked at.
    pub plans: Vec<Pair>,
    /// Those that there are not.
    pub skipped: Vec<Skipped>,
    /// The findings, accepted ones among them, by document and place.
    pub findings: Vec<Finding>,
}

/// Why nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LintFailure {
    /// There is no policy.
    #[error("there is no policy among the documents")]
    NoPolicy,
    /// A plan cannot be made.
    #[error("policy `{}`{}: {problems}", pair.policy, with(pair))]
    Plan {
        /// Of what.
        pair: Pair,
        /// What is in the way.
        problems: PlanProblems,
    },
}

fn with(pair: &Pair) -> String {
    let update = pair.update.as_ref();
    update.map_or_else(String::new, |update| format!(" with update `{update}`"))
}

/// The update that stands in where documents have none: a policy can be looked at before there is one.
const STAND_IN: &str = "(none)";

/// What was looked at, for those who ask whether something is never found.
pub(super) struct Looked {
    plans: Vec<Pair>,
    every_policy: bool,
    every_update: bool,
    has_update: bool,
}

impl Looked {
    /// Whether everything was looked at that an acceptance could be about.
    pub(super) fn at_all_of(&self, one: &Acceptance, rule: &Rule) -> bool {
        let is_policy = |pair: &Pair| one.of == format!("policy/{}", pair.policy);
        let by_policy = self.every_policy || one.of.starts_with("policy/");
        let seen = one.of.starts_with("fleet/") || self.plans.iter().any(is_policy);
        by_policy && self.every_update && seen && (self.has_update || !rule.about_update)
    }
}

/// Looks at every policy with every update, unless one of them is named.
///
/// # Errors
///
/// There is no policy, or a plan cannot be made. A policy and an update that have no host in common are left out and
/// told, unless nothing else is left.
pub fn lint(question: &Question<'_>) -> Result<LintReport, LintFailure> {
    let documents = question.documents;
    let alone = documents.updates.is_empty().then(|| stand_in(documents));
    let mut plans = Vec::new();
    let mut skipped = Vec::new();
    let mut findings = Vec::new();
    let mut apart = None;
    for pair in pairs(question)? {
        let planned = alone.as_ref().unwrap_or(documents);
        let update = pair.update.as_deref().unwrap_or(STAND_IN);
        match make_plan(question.fleet, planned, &pair.policy, update, question.seed) {
            Ok(plan) => {
                look(question, &plan, &pair, &mut findings);
                plans.push(pair);
            }
            Err(problems) if problems.problems.iter().all(is_apart) => {
                skipped.push(Skipped {
                    plan: pair.clone(),
                    why: problems.problems[0].message.clone(),
                });
                apart.get_or_insert(LintFailure::Plan { pair, problems });
            }
            Err(problems) => return Err(LintFailure::Plan { pair, problems }),
        }
    }
    if let Some(failure) = apart.filter(|_| plans.is_empty()) {
        return Err(failure);
    }
    let looked = Looked {
        plans: plans.clone(),
        every_policy: question.policy.is_none(),
        every_update: question.update.is_none(),
        has_update: !documents.updates.is_empty(),
    };
    let acceptances = &documents.acceptances;
    accept::mark(&mut findings, acceptances, question.now);
    let mut findings = merged(findings);
    let about = accept::check(&findings, acceptances, &looked, question.now);
    findings.extend(about);
    findings.sort_by(|a, b| (a.at.of(), &a.at).cmp(&(b.at.of(), &b.at)));
    Ok(LintReport {
        plans,
        skipped,
        findings,
    })
}

fn is_apart(problem: &PlanProblem) -> bool {
    problem.code == "no-target"
}

fn pairs(question: &Question<'_>) -> Result<Vec<Pair>, LintFailure> {
    let names = |all: Vec<&String>, wanted: Option<&str>| -> Vec<String> {
        match wanted {
            Some(name) => vec![name.to_owned()],
            None => all.into_iter().cloned().collect(),
        }
    };
    let policies = question.documents.policies.keys().collect();
    let policies = names(policies, question.policy);
    if policies.is_empty() {
        return Err(LintFailure::NoPolicy);
    }
    let updates = question.documents.updates.keys().collect();
    let updates = names(updates, question.update).into_iter().map(Some);
    let updates: Vec<Option<String>> = updates.collect();
    let updates = if updates.is_empty() {
        vec![None]
    } else {
        updates
    };
    let pair = |policy: &String| {
        let policy = policy.clone();
        let pairs = updates.clone().into_iter();
        pairs.map(move |update| Pair {
            policy: policy.clone(),
            update,
        })
    };
    Ok(policies.iter().flat_map(pair).collect())
}

fn look(question: &Question<'_>, plan: &Plan, pair: &Pair, into: &mut Vec<Finding>) {
    let report = unwarned(question.fleet, plan, question.documents);
    // None where the time zone database lacks a zone: the reader of documents says so.
    let dates = question
        .zones
        .and_then(|zones| Dates::new(question.fleet, plan, zones, question.now).ok());
    let facts = Facts {
        fleet: question.fleet,
        plan,
        report: &report,
        documents: question.documents,
        here: question.here,
        calendar: dates.as_ref(),
    };
    let rules = RULES
        .iter()
        .filter(|rule| pair.update.is_some() || !rule.about_update);
    for mut finding in rules.flat_map(|rule| rule.look(&facts)) {
        finding.plans.push(pair.clone());
        into.push(finding);
    }
}

/// What is found in several plans alike is one finding; where one of them accepts it and another does not, two.
fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    let mut merged: Vec<Finding> = Vec::new();
    for mut finding in findings {
        let accepted = finding.accepted.as_ref();
        let accepted = accepted.map(|one| (one.of.clone(), one.at));
        let key = (
            finding.code,
            finding.at.clone(),
            finding.message.clone(),
            accepted,
        );
        let place = *places.entry(key).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(same) => same.plans.append(&mut finding.plans),
            None => merged.push(finding),
        }
    }
    merged
}

/// The documents with an update that installs nothing, for hosts of every kind.
fn stand_in(documents: &Documents) -> Documents {
    let step = Step {
        run: Command::Program(vec!["true".to_owned()]),
        // A fleet may have hosts that nothing reaches, and rules about where steps run ask for an update.
        at: Place::Controller,
        timeout: Span::minutes(1),
        after_crash: AfterCrash::Inspect,
        expect: None,
    };
    let release = Release {
        select: Selector::All,
        id: STAND_IN.to_owned(),
        build: None,
        with: BTreeMap::new(),
        vendor: Vendor::default(),
    };
    let update = Update {
        name: STAND_IN.to_owned(),
        digest: Digest::default(),
        released: None,
        severity: None,
        cves: Vec::new(),
        releases: vec![release],
        supersedes: Vec::new(),
        recipe: STAND_IN.to_owned(),
    };
    let recipe = Recipe {
        name: STAND_IN.to_owned(),
        digest: Digest::default(),
        parameters: BTreeMap::new(),
        stage: None,
        recovery: None,
        protect: None,
        inspect: None,
        precheck: None,
        apply: Work::Run(step),
        reboot: None,
        verify: None,
        rollback: None,
        manifest: None,
    };
    Documents {
        policies: documents.policies.clone(),
        fleet: documents.fleet.clone(),
        cares: documents.cares.clone(),
        people: documents.people.clone(),
        maintenances: documents.maintenances.clone(),
        exceptions: documents.exceptions.clone(),
        advisories: documents.advisories.clone(),
        updates: [(STAND_IN.to_owned(), update)].into(),
        recipes: [(STAND_IN.to_owned(), recipe)].into(),
        ..Documents::default()
    }
}
