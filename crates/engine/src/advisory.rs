//! Advisories: what somebody says of the content of updates, and what that keeps from whom.
//!
//! This module decides which hosts an advisory holds, what becomes of them when it comes and when it goes, and who may make one
//! count. An advisory is of the fleet and holds in every rollout, those to come too; it means hosts by a selector, which is read
//! anew whenever the fleet is another one, and content by id or build. That one poisons is carried out by `poison`.
//!
//! # Invariants
//!
//! * A hold keeps the content it is about from exactly the hosts it may affect: no visit that installs it or restarts into it
//!   starts there. What was begun ends by the two rules of a halt. Everybody else goes on.
//! * A label that a host lacks keeps no harm away from it: where the answer depends on one, the host is held.
//! * What nobody has verified changes nothing until a person accepts it, and then under that person's name.
//! * The strictest counts: no advisory lifts what another one holds, and none takes the place of one that is believed more.
//! * A host that is held is neither failed nor debt nor done, as one that an exception leaves out (I11).

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{
    Actor, Effect, HostId, Rank, RouteId, Selector, Timestamp, VisitKind, WaitingOn, Weight,
};
use ringway_policy::validated::About;
use ringway_scheduler::{FleetSpec, Plan};
use serde::{Deserialize, Serialize};

use crate::command::Rejected;
use crate::consent::check_length;
use crate::engine::{Engine, Fault};
use crate::event::Event;
use crate::meant::Meant;
use crate::rollout::Rollout;

/// The most advisories that are kept, those that count no more included: a feed that went astray must not fill the state.
const MOST: usize = 4096;

/// An advisory, as its document has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Advisory {
    /// By which people know it.
    pub id: String,
    /// Who says so.
    pub source: String,
    /// How far that is believed.
    pub rank: Rank,
    /// The content it is about.
    pub about: Vec<About>,
    /// Which hosts: a selector, as written; absent: all.
    pub affects: Option<String>,
    /// What it asks for.
    pub effect: Effect,
    /// The update that mends it.
    pub fixed_by: Option<String>,
    /// When its source published it.
    pub published: Option<Timestamp>,
    /// Where it is told in full.
    pub reference: Option<String>,
    /// What it says.
    pub says: Option<String>,
}

/// What a person says of an advisory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ruling {
    /// It does not hold any more.
    Withdraw,
    /// It is to count although nobody has verified it.
    Accept,
    /// It is not to count.
    Dismiss,
}

impl Ruling {
    /// What people type.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Withdraw => "withdraw",
            Self::Accept => "accept",
            Self::Dismiss => "dismiss",
        }
    }

    /// What was done.
    pub const fn done(self) -> &'static str {
        match self {
            Self::Withdraw => "withdrawn",
            Self::Accept => "accepted",
            Self::Dismiss => "dismissed",
        }
    }
}

/// How an advisory stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// It counts, for its source is believed.
    Verified,
    /// It is a proposal.
    Proposed,
    /// A person said this of it, and why.
    Ruled {
        ruling: Ruling,
        by: Actor,
        reason: String,
    },
}

/// An advisory with how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) advisory: Advisory,
    /// Who brought it.
    pub(crate) by: Actor,
    pub(crate) since: Timestamp,
    pub(crate) standing: Standing,
}

impl Known {
    /// Whether it does what it asks for.
    pub(crate) const fn counts(&self) -> bool {
        match self.standing {
            Standing::Verified => true,
            Standing::Proposed => false,
            Standing::Ruled { ruling, .. } => matches!(ruling, Ruling::Accept),
        }
    }

    /// Why a host waits because of it, which lacks these labels.
    pub(crate) fn waiting_on(&self, lacks: &[String]) -> WaitingOn {
        WaitingOn::Advisory {
            id: self.advisory.id.clone(),
            source: self.advisory.source.clone(),
            rank: self.advisory.rank,
            effect: self.advisory.effect,
            accepted_by: self.accepted_by().cloned(),
            fixed_by: self.advisory.fixed_by.clone(),
            lacks: lacks.to_vec(),
        }
    }

    /// Who accepted it.
    pub(crate) const fn accepted_by(&self) -> Option<&Actor> {
        match &self.standing {
            Standing::Ruled {
                ruling: Ruling::Accept,
                by,
                ..
            } => Some(by),
            Standing::Ruled { .. } | Standing::Verified | Standing::Proposed => None,
        }
    }

    fn holds(&self) -> bool {
        self.counts() && self.advisory.effect == Effect::Hold
    }
}

impl Advisory {
    /// Whether it is about what a route installs.
    pub fn is_about(&self, release: &str, build: Option<&str>) -> bool {
        self.about.iter().any(|about| about.means(release, build))
    }
}

/// All advisories, those that count no more included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Advisories {
    /// By id.
    pub(crate) of: BTreeMap<String, Known>,
    /// Whether a planted mistake takes a host that lacks a label for one that is not affected.
    #[cfg(feature = "planted-bugs")]
    pub(crate) misses_unknown: bool,
    /// By id: the hosts that it may affect in the fleet as it is. Derived.
    hosts: BTreeMap<String, Meant>,
}

impl Advisories {
    /// Takes one, in place of the one of its id.
    pub(crate) fn insert(&mut self, known: Known, fleet: &FleetSpec) -> Result<(), Fault> {
        let id = known.advisory.id.clone();
        let meant = meant(&known.advisory, fleet)
            .ok_or_else(|| Fault::new(format!("advisory {id} has no selector")))?;
        #[cfg(feature = "planted-bugs")]
        let meant = if self.misses_unknown {
            meant.surely()
        } else {
            meant
        };
        self.hosts.insert(id.clone(), meant);
        self.of.insert(id, known);
        Ok(())
    }

    /// Reads every selector anew, for a fleet that takes the place of another.
    pub(crate) fn resolve(&mut self, fleet: &FleetSpec) {
        for known in self.of.values() {
            // What was taken has a selector.
            let Some(meant) = meant(&known.advisory, fleet) else {
                continue;
            };
            #[cfg(feature = "planted-bugs")]
            let meant = if self.misses_unknown {
                meant.surely()
            } else {
                meant
            };
            self.hosts.insert(known.advisory.id.clone(), meant);
        }
    }

    /// Whether one may affect a host.
    pub(crate) fn affects(&self, id: &str, host: HostId) -> bool {
        self.lacks(id, host).is_some()
    }

    /// The labels that a host lacks for somebody to know whether one affects it; none where it surely does not.
    pub(crate) fn lacks(&self, id: &str, host: HostId) -> Option<&[String]> {
        self.hosts.get(id)?.lacks(host)
    }

    /// The hosts that one may affect, each with the labels that it lacks.
    pub(crate) fn affected(&self, id: &str) -> impl Iterator<Item = (HostId, &[String])> {
        let (all, some) = match self.hosts.get(id) {
            None => (0, None),
            Some(Meant::All(hosts)) => (*hosts, None),
            Some(Meant::Some(hosts)) => (0, Some(hosts)),
        };
        let some = some.into_iter().flatten();
        let some = some.map(|(host, lacks)| (*host, lacks.as_slice()));
        let all = (0..all).map(|host| (HostId::at(host), &[][..]));
        all.chain(some)
    }
}

/// The hosts that an advisory may affect; none where its selector is none.
fn meant(advisory: &Advisory, fleet: &FleetSpec) -> Option<Meant> {
    let Some(text) = &advisory.affects else {
        return Some(Meant::All(fleet.hosts.len()));
    };
    let selector = Selector::parse(text).ok()?;
    let hosts = fleet.hosts.iter().enumerate();
    let meant = hosts.filter_map(|(index, host)| {
        let lacks = match selector.weigh(&host.name, &host.labels) {
            Weight::No => return None,
            Weight::Unknown(labels) => labels.into_iter().map(str::to_owned).collect(),
            Weight::Yes => Vec::new(),
        };
        Some((HostId::at(index), lacks))
    });
    Some(Meant::Some(meant.collect()))
}

/// Why an advisory is none.
fn check(advisory: &Advisory) -> Result<(), Rejected> {
    let Advisory {
        id,
        source,
        rank: _,
        about,
        affects,
        effect,
        fixed_by,
        published: _,
        reference,
        says,
    } = advisory;
    let names = about
        .iter()
        .flat_map(|one| std::iter::once(&one.name).chain(&one.build));
    let texts = [id, source].into_iter().chain(names);
    let maybe = [affects, fixed_by, reference, says].into_iter().flatten();
    for text in texts.clone().chain(maybe) {
        check_length(text, "advisory")?;
    }
    let is_bad = |text: &String| text.trim().is_empty() || text.chars().any(char::is_control);
    if about.is_empty() || texts.clone().any(is_bad) {
        return Err(Rejected::new(
            "bad-advisory",
            format!("advisory `{id}` does not say whose it is, or what it is about"),
            "it has an `id`, a `source` and at least one content it is `about`",
        ));
    }
    // What it says may have paragraphs; nothing of it may be what a terminal obeys.
    let obeyed = |text: &String| text.chars().any(char::is_control);
    let is_told_badly = says.as_ref().is_some_and(|text| {
        let mut odd = text.chars().filter(|one| !matches!(one, '\n' | '\t'));
        odd.any(char::is_control)
    });
    if is_told_badly
        || [affects, fixed_by, reference]
            .into_iter()
            .flatten()
            .any(obeyed)
    {
        return Err(Rejected::new(
            "bad-advisory",
            format!("advisory `{id}` has characters in it that a terminal obeys"),
            "write it in plain text; only what it `says` has lines",
        ));
    }
    if *effect == Effect::Poison && affects.is_some() {
        return Err(Rejected::new(
            "bad-advisory",
            format!("advisory `{id}` poisons, which is for every host, and says which hosts"),
            "leave `affects` out, or write `effect: hold`",
        ));
    }
    let selector = affects
        .as_ref()
        .map_or(Ok(Selector::All), |text| Selector::parse(text));
    selector.map(|_| ()).map_err(|e| {
        let why = format!("advisory `{id}` does not say which hosts: {e}");
        Rejected::new("bad-advisory", why, "write a selector")
    })
}

/// Which advisories that hold are about each route of a plan, by `RouteId`; empty where none is about any.
fn of_routes(advisories: &Advisories, plan: &Plan) -> Vec<Vec<String>> {
    let holding = advisories.of.values().filter(|known| known.holds());
    let holding: Vec<&Advisory> = holding.map(|known| &known.advisory).collect();
    if holding.is_empty() {
        return Vec::new();
    }
    let routes = plan.routes.iter().map(|route| {
        let about = holding
            .iter()
            .filter(|advisory| advisory.is_about(&route.release, route.build.as_deref()));
        about.map(|advisory| advisory.id.clone()).collect()
    });
    let routes: Vec<Vec<String>> = routes.collect();
    if routes.iter().all(Vec::is_empty) {
        return Vec::new();
    }
    routes
}

impl Rollout {
    fn advised_on(&self, route: RouteId) -> &[String] {
        self.advised.get(route.index()).map_or(&[], Vec::as_slice)
    }
}

impl Engine {
    /// The advisories that hold a host of a rollout, the one that is believed most first.
    pub(crate) fn advisories_on(&self, r: usize, slot: u32) -> Vec<(&Known, &[String])> {
        let rollout = &self.rollouts[r];
        if rollout.advised.is_empty() {
            return Vec::new();
        }
        let host = self.host_of(r, slot);
        let ids = rollout.advised_on(rollout.route_id(slot)).iter();
        let mut found: Vec<(&Known, &[String])> = ids
            .filter_map(|id| {
                let lacks = self.advisories.lacks(id, host)?;
                Some((self.advisories.of.get(id)?, lacks))
            })
            .collect();
        found.sort_by_key(|(known, lacks)| {
            (std::cmp::Reverse(known.advisory.rank), !lacks.is_empty())
        });
        found
    }

    /// Whether an advisory keeps visits that install, or restart into what was installed, from a host.
    pub(crate) fn is_advised(&self, r: usize, slot: u32, visit: VisitKind) -> bool {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::AdvisoryNotInVisit)
            || visit == VisitKind::Restart && self.bug(crate::planted::Bug::AdvisoryRestarts)
        {
            return false;
        }
        visit != VisitKind::Rollback && self.is_held_by_advisory(r, slot)
    }

    /// Whether an advisory holds a host.
    pub(crate) fn is_held_by_advisory(&self, r: usize, slot: u32) -> bool {
        !self.rollouts[r].advised.is_empty() && !self.advisories_on(r, slot).is_empty()
    }

    /// Why a host is not visited; of several advisories the one that is believed most.
    pub(crate) fn advisory_waits(&self, r: usize, slot: u32) -> Option<WaitingOn> {
        let all = self.advisories_on(r, slot);
        let (known, lacks) = all.first()?;
        Some(known.waiting_on(lacks))
    }

    /// What an advisory makes of a host whose visit could start.
    pub(crate) fn advisory_keeps(
        &self,
        r: usize,
        slot: u32,
        visit: VisitKind,
    ) -> Option<WaitingOn> {
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::AdvisoryNotAtStart)
            || visit == VisitKind::Restart && self.bug(crate::planted::Bug::AdvisoryRestarts)
        {
            return None;
        }
        if visit == VisitKind::Rollback {
            return None;
        }
        self.advisory_waits(r, slot)
    }

    /// Hosts of a ring whose restart only an advisory keeps away.
    pub(crate) fn restarts_advised(&self, r: usize, ring: usize) -> u32 {
        let rollout = &self.rollouts[r];
        let count = rollout
            .idx
            .rings
            .get(ring)
            .map_or(0, |count| count.withheld);
        let Some(plan) = rollout.plan.rings.get(ring) else {
            return 0;
        };
        if count == 0 || rollout.advised.is_empty() {
            return 0;
        }
        let slots = plan
            .slots()
            .map(|slot| u32::try_from(slot).unwrap_or(u32::MAX));
        let held = slots.filter(|&slot| {
            let state = rollout.rec.slots[slot as usize].state;
            state.class() == crate::slot::Class::Withheld && self.is_held_by_advisory(r, slot)
        });
        u32::try_from(held.count()).unwrap_or(u32::MAX)
    }

    /// Which advisories are about what the plans of rollouts install, anew for all of them.
    pub(crate) fn mark_advised(&mut self) {
        for r in 0..self.rollouts.len() {
            self.mark_advised_in(r);
        }
    }

    /// The same for one of them.
    pub(crate) fn mark_advised_in(&mut self, r: usize) {
        let rollout = &mut self.rollouts[r];
        rollout.advised = of_routes(&self.advisories, &rollout.plan);
    }

    /// What somebody says is known from now on: all of these, or none where one does not fit.
    pub(crate) fn advise(
        &mut self,
        actor: &Actor,
        advisories: &[Advisory],
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let mut fresh = Vec::new();
        let mut ids = BTreeSet::new();
        for advisory in advisories {
            check(advisory)?;
            if !ids.insert(&advisory.id) {
                return Err(Rejected::new(
                    "named-twice",
                    format!("advisory `{}` is brought twice at once", advisory.id),
                    "bring one text of it",
                ));
            }
            let known = self.advisories.of.get(&advisory.id);
            if known.is_some_and(|known| known.advisory == *advisory) {
                continue;
            }
            if let Some(known) = known {
                takes_the_place(advisory, known)?;
            }
            fresh.push(advisory);
        }
        let more = fresh
            .iter()
            .filter(|one| !self.advisories.of.contains_key(&one.id));
        if self.advisories.of.len() + more.count() > MOST {
            return Err(Rejected::new(
                "too-large",
                format!("no more than {MOST} advisories are kept"),
                "write one advisory about several contents",
            ));
        }
        for advisory in fresh {
            let event = Event::Advised {
                advisory: advisory.clone(),
                actor: actor.clone(),
            };
            self.change_advisory(&advisory.id, event, out);
        }
        Ok(())
    }

    /// A person says what becomes of an advisory.
    pub(crate) fn rule_advisory(
        &mut self,
        actor: &Actor,
        id: &str,
        (ruling, reason): (Ruling, &str),
        out: &mut Vec<Event>,
    ) -> Result<(), Rejected> {
        let Some(known) = self.advisories.of.get(id) else {
            return Err(Rejected::new(
                "not-found",
                format!("there is no advisory `{id}`"),
                "`ringway advisory list` names those that are known",
            ));
        };
        if !is_news(id, known, ruling)? {
            return Ok(());
        }
        if reason.trim().is_empty() {
            return Err(Rejected::new(
                "reason-missing",
                format!("to {} an advisory needs a reason", ruling.word()),
                "say why: `--reason`",
            ));
        }
        check_length(reason, "reason")?;
        let event = Event::AdvisoryRuled {
            id: id.to_owned(),
            ruling,
            actor: actor.clone(),
            reason: reason.to_owned(),
        };
        self.change_advisory(id, event, out);
        Ok(())
    }

    /// An advisory comes, changes or goes: whom it means before and after is looked at again, in every rollout.
    fn change_advisory(&mut self, id: &str, event: Event, out: &mut Vec<Event>) {
        let (mut hosts, poisoned) = (self.held_by(id), self.poisons_by(id));
        let before: Vec<Vec<Option<usize>>> = self
            .rollouts
            .iter()
            .map(|rollout| rollout.poisoned.clone())
            .collect();
        self.emit(event, out);
        #[cfg(feature = "planted-bugs")]
        if self.bug(crate::planted::Bug::AdvisoryOutlivesItself) {
            hosts.clear();
        }
        hosts.extend(self.held_by(id));
        for r in 0..self.rollouts.len() {
            self.settle_exceptions(r, Some(&hosts), out);
            for &host in &hosts {
                if let Some(slot) = self.slot_of(r, host) {
                    self.take_back_slot(r, slot, out);
                    self.wake_parked_host(r, slot);
                }
            }
        }
        if self.poisons_by(id) {
            self.heed_poison(out);
        } else if poisoned {
            self.after_unpoisoned(&before);
        }
    }

    /// The hosts that an advisory holds, whatever they are to be given.
    fn held_by(&self, id: &str) -> BTreeSet<HostId> {
        let holds = self.advisories.of.get(id).is_some_and(Known::holds);
        if !holds {
            return BTreeSet::new();
        }
        self.advisories.affected(id).map(|(host, _)| host).collect()
    }

    fn poisons_by(&self, id: &str) -> bool {
        let known = self.advisories.of.get(id);
        known.is_some_and(|known| known.counts() && known.advisory.effect == Effect::Poison)
    }

    /// Applies what was said of an advisory.
    pub(crate) fn fold_advisory(&mut self, event: &Event) -> Result<(), Fault> {
        if let Event::Advised { advisory, actor } = event {
            self.fold_advised(advisory, actor)?;
        }
        if let Event::AdvisoryRuled {
            id,
            ruling,
            actor,
            reason,
        } = event
        {
            self.fold_advisory_ruled(id, *ruling, actor, reason)?;
        }
        Ok(())
    }

    fn fold_advised(&mut self, advisory: &Advisory, actor: &Actor) -> Result<(), Fault> {
        let standing = match advisory.rank {
            #[cfg(feature = "planted-bugs")]
            Rank::Unverified if self.bug(crate::planted::Bug::UnverifiedCounts) => {
                Standing::Verified
            }
            Rank::Unverified => Standing::Proposed,
            Rank::Internal | Rank::Vendor => Standing::Verified,
        };
        let known = Known {
            advisory: advisory.clone(),
            by: actor.clone(),
            since: self.last_event,
            standing,
        };
        #[cfg(feature = "planted-bugs")]
        let known = self.mistaken(known);
        #[cfg(feature = "planted-bugs")]
        {
            self.advisories.misses_unknown = self.bug(crate::planted::Bug::AdvisoryMissesUnknown);
        }
        self.advisories.insert(known, &self.fleet.spec)?;
        self.advisories_changed();
        Ok(())
    }

    fn fold_advisory_ruled(
        &mut self,
        id: &str,
        ruling: Ruling,
        by: &Actor,
        reason: &str,
    ) -> Result<(), Fault> {
        let known = self.advisories.of.get_mut(id);
        let known = known.ok_or_else(|| Fault::new(format!("advisory {id} is not known")))?;
        known.standing = Standing::Ruled {
            ruling,
            by: by.clone(),
            reason: reason.to_owned(),
        };
        #[cfg(feature = "planted-bugs")]
        if ruling == Ruling::Withdraw && self.bug(crate::planted::Bug::WithdrawalUnpoisonsAll) {
            let about = self.advisories.of[id].advisory.about.clone();
            self.poisons
                .retain(|poison| about.iter().all(|one| one.name != poison.content.id));
        }
        self.advisories_changed();
        Ok(())
    }

    /// What a planted mistake makes of an advisory.
    #[cfg(feature = "planted-bugs")]
    fn mistaken(&self, mut known: Known) -> Known {
        use crate::planted::Bug;
        if self.bug(Bug::AdvisoryTooWide) && known.advisory.effect == Effect::Hold {
            known.advisory.affects = None;
        }
        if self.bug(Bug::AdvisoryPoisonsNothing) && known.advisory.effect == Effect::Poison {
            known.advisory.effect = Effect::Note;
        }
        known
    }

    fn advisories_changed(&mut self) {
        self.poison_as_advised();
        self.mark_advised();
    }

    /// Whether a host that is left out is, or was in a rollout that is over, because of an advisory.
    pub(crate) fn is_left_out_by_advisory(&self, r: usize, slot: u32) -> bool {
        if self.is_excepted(r, slot) {
            return false;
        }
        let (host, route) = (
            self.rollouts[r].plan.slots[slot as usize].host,
            self.rollouts[r].route(slot),
        );
        self.advisories.of.values().any(|known| {
            let once = matches!(
                known.standing,
                Standing::Ruled {
                    ruling: Ruling::Withdraw,
                    ..
                }
            );
            (known.counts() || once)
                && known.advisory.effect == Effect::Hold
                && known
                    .advisory
                    .is_about(&route.release, route.build.as_deref())
                && self.advisories.affects(&known.advisory.id, host)
        })
    }
}

/// Whether a text may take the place of what is known under its id: nothing is loosened by somebody who is believed less.
fn takes_the_place(new: &Advisory, known: &Known) -> Result<(), Rejected> {
    let id = &new.id;
    if !known.counts() {
        return Ok(());
    }
    if let Some(by) = known.accepted_by().filter(|_| new.rank == Rank::Unverified) {
        return Err(Rejected::new(
            "accepted-as-it-was",
            format!(
                "advisory `{id}` was accepted by {by} as it was, and nobody has verified the new text"
            ),
            "`ringway advisory withdraw` it first, or give the new one an id of its own",
        ));
    }
    if new.rank < known.advisory.rank {
        return Err(Rejected::new(
            "lower-rank",
            format!(
                "advisory `{id}` is of rank {}, and this one only of rank {}",
                known.advisory.rank, new.rank
            ),
            "give it an id of its own, or `ringway advisory withdraw` the other one first",
        ));
    }
    Ok(())
}

/// Whether a ruling changes anything.
///
/// # Errors
///
/// It does not fit how the advisory stands.
fn is_news(id: &str, known: &Known, ruling: Ruling) -> Result<bool, Rejected> {
    let wrong = |why: String, hint: &str| Err(Rejected::new("wrong-state", why, hint));
    match (&known.standing, ruling) {
        (Standing::Ruled { ruling: before, .. }, now) if *before == now => return Ok(false),
        (
            Standing::Ruled {
                ruling: Ruling::Withdraw,
                by,
                ..
            },
            Ruling::Accept | Ruling::Dismiss | Ruling::Withdraw,
        ) => {
            return wrong(
                format!("advisory `{id}` was withdrawn by {by}"),
                "add it again with another text: `published` says when it was said anew",
            );
        }
        (Standing::Verified, Ruling::Accept) => {
            return wrong(
                format!(
                    "advisory `{id}` counts already: it is of rank {}",
                    known.advisory.rank
                ),
                "only what is unverified is accepted or dismissed",
            );
        }
        (Standing::Verified, Ruling::Dismiss) => {
            return wrong(
                format!(
                    "advisory `{id}` is of rank {} and no proposal",
                    known.advisory.rank
                ),
                "`ringway advisory withdraw` ends it",
            );
        }
        (
            Standing::Ruled {
                ruling: Ruling::Accept,
                by,
                ..
            },
            Ruling::Dismiss,
        ) => {
            return wrong(
                format!("advisory `{id}` was accepted by {by} and is no proposal"),
                "`ringway advisory withdraw` ends it",
            );
        }
        (Standing::Verified | Standing::Proposed, Ruling::Withdraw)
        | (Standing::Proposed, Ruling::Accept | Ruling::Dismiss)
        | (
            Standing::Ruled {
                ruling: Ruling::Accept | Ruling::Dismiss,
                ..
            },
            Ruling::Withdraw | Ruling::Accept | Ruling::Dismiss,
        ) => {}
    }
    Ok(true)
}
