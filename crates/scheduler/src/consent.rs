//! What a yes depends on beyond numbers: who people are, how long a yes stands, who may end a soak early, and which kinds
//! of hosts a ring has.
//!
//! Names are resolved here, once: the engine compares a user with a plan and reads no document.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Slot, Span};
use ringway_policy::validated::{Approvals, Documents, People};
use serde::{Deserialize, Serialize};

use crate::plan::ApprovalPlan;

/// Kinds of hosts that are told apart at the most. More are no kinds any more, and nobody would read their list.
pub(crate) const MOST_STRATA: usize = 4096;

/// What approvals of a rollout depend on. Plans were made before there was any of this: then it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Whose user name it is, where a document says so.
    pub users: BTreeMap<String, String>,
    /// How to reach people, by name.
    pub contacts: BTreeMap<String, String>,
    /// The terms of the approvals that the start needs.
    pub start: RuleTerms,
    /// By ring.
    pub rings: Vec<RingConsent>,
    /// Which kinds of hosts each ring has.
    pub strata: Strata,
}

/// One ring's part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingConsent {
    /// The terms of the approvals that going on after it needs.
    pub after_soak: RuleTerms,
    /// How its soak may be ended before its time.
    pub early: Option<EarlyPlan>,
}

/// The terms of approvals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTerms {
    /// How long a yes that is not used stands.
    pub expire: Option<Span>,
    /// Those who are no member of any of the teams, each with the first team of which they are a deputy.
    pub deputies: BTreeMap<String, String>,
}

/// How a soak may be ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlyPlan {
    /// How long the ring must have been observed all the same.
    pub at_least: Span,
    /// Who must want it.
    pub rule: ApprovalPlan,
    /// On which terms.
    pub terms: RuleTerms,
}

/// Who must agree before content of a plan that was poisoned may be installed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpoisonPlan {
    /// Who.
    pub rule: ApprovalPlan,
    /// On which terms; with `expire`, how long the request for it stands.
    pub terms: RuleTerms,
}

/// Which kinds of hosts each ring has; empty where all are of one kind, or nearly every host is one of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strata {
    /// Their names.
    pub names: Vec<String>,
    /// By slot: which one.
    pub of_slot: Vec<u16>,
}

impl Consent {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The person who has a user name. A user whose name is that of a person with another user name is somebody else: they
    /// are told apart by the word `user`, which no document's name has.
    pub fn person(&self, user: &str) -> String {
        if let Some(person) = self.users.get(user) {
            return person.clone();
        }
        if self.users.values().any(|person| person == user) {
            return format!("user {user}");
        }
        user.to_owned()
    }

    /// The terms of approvals after a ring.
    pub fn after_soak(&self, ring: usize) -> Option<&RuleTerms> {
        Some(&self.rings.get(ring)?.after_soak)
    }

    /// How a ring's soak may be ended before its time.
    pub fn early(&self, ring: usize) -> Option<&EarlyPlan> {
        self.rings.get(ring)?.early.as_ref()
    }

    /// What documents say, kinds of hosts aside.
    pub(crate) fn of(
        documents: &Documents,
        start: Option<&Approvals>,
        rings: Vec<RingConsent>,
    ) -> Self {
        let people = &documents.people;
        let mut consent = Self {
            users: BTreeMap::new(),
            contacts: BTreeMap::new(),
            start: start.map_or_else(RuleTerms::default, |rule| RuleTerms::of(rule, people)),
            strata: Strata::default(),
            rings: if rings.iter().all(|ring| *ring == RingConsent::default()) {
                Vec::new()
            } else {
                rings
            },
        };
        for (name, person) in &people.people {
            if person.users != [name.as_str()] {
                let users = person.users.iter().cloned();
                consent.users.extend(users.map(|user| (user, name.clone())));
            }
            let contact = person.contact.iter();
            let contacts = contact.map(|contact| (name.clone(), contact.clone()));
            consent.contacts.extend(contacts);
        }
        consent
    }
}

impl RuleTerms {
    /// The terms of a rule.
    pub(crate) fn of(rule: &Approvals, people: &People) -> Self {
        let teams = || rule.by.iter().filter_map(|name| people.teams.get(name));
        let members: BTreeSet<&String> = teams().flat_map(|team| &team.members).collect();
        let mut deputies = BTreeMap::new();
        for name in &rule.by {
            let team = people.teams.get(name).into_iter();
            for deputy in team.flat_map(|team| &team.deputies) {
                if !members.contains(deputy) {
                    deputies
                        .entry(deputy.clone())
                        .or_insert_with(|| name.clone());
                }
            }
        }
        Self {
            expire: rule.expire,
            deputies,
        }
    }
}

impl Strata {
    /// The kind of a slot's host.
    pub fn of(&self, slot: Slot) -> Option<u16> {
        self.of_slot.get(slot.index()).copied()
    }
}
