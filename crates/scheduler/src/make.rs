//! From documents and a seed to the plan of one rollout.
//!
//! This module brings the parts together: targets, rings, routes, thresholds. It decides nothing about when a host is
//! visited; the engine does, within what the plan says. All problems are reported at once.

use std::collections::{BTreeMap, BTreeSet};

use ringway_model::{Digest, HostId, Place, ProbeId, RouteId, Selector, Slot, StepKind, VisitKind};
use ringway_policy::validated::{
    Approvals, Care, Documents, Fleet, Host, People, Policy, Recipe, RingHosts, Update,
};

use crate::check::check_claims;
use crate::claim::{Claims, Wish, claim};
use crate::consent::{Consent, EarlyPlan, RingConsent, RuleTerms, UnpoisonPlan};
use crate::draw::in_drawn_order;
use crate::evidence::EvidencePlan;
use crate::index::HostIndex;
use crate::lane::{hurried, terms_of_lanes};
use crate::order::in_starting_order;
use crate::parts::{Carried, Part, Supersedes};
use crate::plan::{ApprovalPlan, GatePlan, Plan, RingPlan, Route, SlotPlan};
use crate::problem::{PlanProblem, PlanProblems};
use crate::reached::check_reached;
use crate::spec::FleetSpec;
use crate::terms::Terms;
use crate::times::Times;
use crate::units::Units;
use crate::{route, thresholds};

/// Computes the plan of a rollout of `update` under `policy` over `fleet`. The same arguments give the same plan, byte
/// for byte.
///
/// # Errors
///
/// Everything that is in the way, at once: names that no document has, no host to update, strata that a `cover` cannot
/// contain or not within its `take`, parameters without a value.
pub fn make_plan(
    fleet: &FleetSpec,
    documents: &Documents,
    policy: &str,
    update: &str,
    seed: u64,
) -> Result<Plan, PlanProblems> {
    make_plan_in(fleet, documents, (policy, update), None, seed)
}

/// The same in a lane of the policy, where one is named.
///
/// # Errors
///
/// As [`make_plan`], and a lane that the policy does not have, or that is not for the update.
pub fn make_plan_in(
    fleet: &FleetSpec,
    documents: &Documents,
    (policy, update): (&str, &str),
    lane: Option<&str>,
    seed: u64,
) -> Result<Plan, PlanProblems> {
    let named = Named::find(documents, policy, update)?;
    let making = Making {
        fleet,
        documents,
        named,
        seed,
        carried: None,
    };
    plan_in(making, lane)
}

/// A plan in a lane of its policy, where one is named.
pub(crate) fn plan_in(making: Making<'_>, lane: Option<&str>) -> Result<Plan, PlanProblems> {
    let named = making.named;
    let hurried = lane.map(|lane| hurried(named, lane)).transpose()?;
    let policy = hurried.as_ref().map_or(named.policy, |it| &it.policy);
    let lanes = terms_of_lanes(&making);
    let making = Making {
        named: Named { policy, ..named },
        ..making
    };
    let mut plan = making.plan()?;
    plan.lanes = lanes;
    if let Some(mut lane) = hurried.map(|it| it.lane) {
        lane.times = std::mem::take(&mut plan.times);
        plan.times = lane.times();
        plan.lane = Some(lane);
    }
    Ok(plan)
}

/// The documents a plan is about.
#[derive(Clone, Copy)]
pub(crate) struct Named<'d> {
    pub(crate) policy: &'d Policy,
    pub(crate) update: &'d Update,
    pub(crate) recipe: &'d Recipe,
}

impl<'d> Named<'d> {
    pub(crate) fn find(
        documents: &'d Documents,
        policy: &str,
        update: &str,
    ) -> Result<Self, PlanProblems> {
        let mut problems = Vec::new();
        let policy = named(&documents.policies, "policy", policy, &mut problems);
        let update = named(&documents.updates, "update", update, &mut problems);
        let recipe = update
            .and_then(|update| named(&documents.recipes, "recipe", &update.recipe, &mut problems));
        PlanProblems::none_of(problems)?;
        let (Some(policy), Some(update), Some(recipe)) = (policy, update, recipe) else {
            unreachable!("what is not found is a problem");
        };
        Ok(Self {
            policy,
            update,
            recipe,
        })
    }
}

pub(crate) fn named<'d, T>(
    all: &'d BTreeMap<String, T>,
    kind: &str,
    name: &str,
    problems: &mut Vec<PlanProblem>,
) -> Option<&'d T> {
    let found = all.get(name);
    if found.is_none() {
        let code = match kind {
            "policy" => "unknown-policy",
            "update" => "unknown-update",
            "care" => "unknown-care",
            _ => "unknown-recipe",
        };
        let known: Vec<_> = all.keys().map(|name| format!("`{name}`")).collect();
        let hint = if known.is_empty() {
            format!("no {kind} was read: name the file that has it")
        } else {
            format!("there is {}", known.join(", "))
        };
        problems.push(PlanProblem::new(
            code,
            format!("no {kind} is called `{name}`"),
            hint,
        ));
    }
    found
}

/// Who is to be updated.
pub(crate) struct Targets {
    /// Ascending.
    pub(crate) hosts: Vec<u32>,
    /// Matched by `applies_to`, without a release.
    pub(crate) not_applicable: Vec<HostId>,
    /// By host: the first release that selects it.
    pub(crate) release: Vec<u16>,
}

pub(crate) const NO_RELEASE: u16 = u16::MAX;

pub(crate) struct Making<'d> {
    pub(crate) fleet: &'d FleetSpec,
    pub(crate) documents: &'d Documents,
    pub(crate) named: Named<'d>,
    pub(crate) seed: u64,
    /// What is carried over from the rollout that this one supersedes, where it does.
    pub(crate) carried: Option<Carried<'d>>,
}

/// The hosts of a fleet's document by their number: it names them in another order once hosts have vanished or joined.
pub(crate) struct Written<'d> {
    hosts: &'d [Host],
    /// By number; empty where the numbers are the document's order.
    place: Vec<Option<usize>>,
}

impl<'d> Written<'d> {
    pub(crate) fn new(fleet: &'d Fleet, spec: &FleetSpec) -> Self {
        let hosts = &fleet.hosts;
        let is_same = hosts.len() == spec.hosts.len()
            && hosts.iter().zip(&spec.hosts).all(|(a, b)| a.name == b.name);
        if is_same {
            let place = Vec::new();
            return Self { hosts, place };
        }
        let places = hosts.iter().enumerate();
        let places: BTreeMap<&str, usize> = places.map(|(at, host)| (&*host.name, at)).collect();
        let place = spec.hosts.iter();
        Self {
            hosts,
            place: place.map(|host| places.get(&*host.name).copied()).collect(),
        }
    }

    pub(crate) fn get(&self, host: u32) -> Option<&'d Host> {
        if self.place.is_empty() {
            return self.hosts.get(host as usize);
        }
        let at = *self.place.get(host as usize)?;
        self.hosts.get(at?)
    }
}

impl<'d> Making<'d> {
    #[expect(clippy::too_many_lines, reason = "a plan is put together in one place")]
    pub(crate) fn plan(self) -> Result<Plan, PlanProblems> {
        let Named { policy, update, .. } = self.named;
        let mut problems = Vec::new();
        self.check_sizes(&mut problems);
        let gates = self.gates(&mut problems);
        let start = self.approvals(policy.start.as_ref(), &mut problems);
        let after: Vec<_> = policy
            .rings
            .iter()
            .map(|ring| self.approvals(ring.after_soak.as_ref(), &mut problems))
            .collect();
        let consent = self.consent(&mut problems);
        let unpoison = policy.unpoison.as_ref().and_then(|rule| {
            Some(UnpoisonPlan {
                rule: self.approvals(Some(rule), &mut problems)?,
                terms: RuleTerms::of(rule, &self.documents.people),
            })
        });
        PlanProblems::none_of(std::mem::take(&mut problems))?;

        let index = HostIndex::new(&self.fleet.hosts, self.labels());
        let targets = self.targets(&index);
        self.check_targets(&targets, &mut problems);
        PlanProblems::none_of(std::mem::take(&mut problems))?;

        let drawn = in_drawn_order(self.seed, &self.fleet.hosts, &targets.hosts);
        let mut place = vec![0; self.fleet.hosts.len()];
        for (at, &host) in (0_u32..).zip(&drawn) {
            place[host as usize] = at;
        }
        let wishes = self.wishes(&index, &targets);
        let units = Units::new(self.fleet, &targets.hosts);
        let mut claims = claim(&wishes, &units, drawn, self.fleet.hosts.len());
        check_claims(self.fleet, policy, &wishes, &claims, &mut problems);
        if let Some(carried) = &self.carried {
            carried.place(self.fleet, policy, &mut claims);
        }
        let (routes, route_of) = self.routes(&targets, &claims, &mut problems);
        self.check_peers(&claims, &routes, &route_of, &mut problems);
        let claimed = claims.rings.iter().flatten();
        let claimed = claimed.map(|&host| (HostId(host), route_of[host as usize]));
        check_reached(self.fleet, policy, &routes, claimed, &mut problems);
        PlanProblems::none_of(problems)?;

        let mut turns = vec![0; self.fleet.cells.len()];
        for ring in &mut claims.rings {
            in_starting_order(self.fleet, ring, &place, &mut turns);
        }
        if let Some(carried) = &self.carried {
            carried.most_critical_first(self.fleet, policy, &mut claims.rings);
        }
        claims.unclaimed.sort_unstable();
        let fleet = self.documents.fleet.as_ref();
        let times = fleet.map_or_else(Times::default, |fleet| {
            let hosts = Written::new(fleet, self.fleet);
            Times::of_rings((fleet, policy), &claims.rings, |host| hosts.get(host))
        });
        // A window says when a service may be interrupted. One that is down already waits for none.
        let recovery = claims.rings.first().map_or(0, Vec::len);
        let times = match self.part_of(0) {
            Some(Part::Broken) => times.ignoring_windows_on(0..recovery),
            Some(Part::Withheld | Part::Latent | Part::Untouched) | None => times,
        };
        let terms = self.terms();
        let slots = claims.rings.iter().flatten();
        let mut plan = Plan {
            seed: self.seed,
            fleet: self.fleet.digest(),
            documents: self.digests(&routes),
            policy: policy.name.clone(),
            update: update.name.clone(),
            rings: self.rings(&claims, after),
            slots: slots
                .map(|&host| SlotPlan {
                    host: HostId(host),
                    route: route_of[host as usize],
                })
                .collect(),
            routes,
            gates,
            pace: policy.pace.clone(),
            budget_down: policy
                .budget_down
                .map(|down| thresholds::budget_down(down, count(targets.hosts.len()))),
            retry: policy.retry.clone(),
            offline_retry: policy.offline.retry,
            already_unhealthy: policy.already_unhealthy,
            on_halt: policy.on_halt,
            start,
            author: policy
                .author
                .as_deref()
                .map(|author| self.documents.people.person(author).to_owned()),
            not_applicable: targets.not_applicable,
            unclaimed: claims.unclaimed.into_iter().map(HostId).collect(),
            times,
            notify: self.documents.notify.rules.clone(),
            consent,
            terms,
            revises: None,
            outside_pause_at: policy.outside_pause_at,
            lane: None,
            lanes: BTreeMap::new(),
            supersedes: self.carried.as_ref().map(|carried| Supersedes {
                rollout: carried.situation.rollout,
                situation: carried.situation.digest(),
                parts: carried.parts.clone(),
            }),
            evidence: None,
            unpoison,
        };
        plan.consent.strata = crate::report::strata_of(self.fleet, &plan, policy, &[]);
        plan.evidence = EvidencePlan::of(self.fleet, &plan, policy)?;
        Ok(plan)
    }

    /// What the policy says of time besides, over the fleet.
    pub(crate) fn terms(&self) -> Terms {
        let Named { policy, update, .. } = self.named;
        let fleet = self.documents.fleet.as_ref();
        fleet.map_or_else(Terms::default, |fleet| Terms::of(fleet, policy, update))
    }

    /// Who people are, and the terms of their approvals.
    pub(crate) fn consent(&self, problems: &mut Vec<PlanProblem>) -> Consent {
        let Named { policy, .. } = self.named;
        let people = &self.documents.people;
        let rings = policy.rings.iter().map(|ring| {
            let early = ring.early.as_ref().and_then(|early| {
                Some(EarlyPlan {
                    at_least: early.at_least,
                    rule: self.approvals(Some(&early.rule), problems)?,
                    terms: RuleTerms::of(&early.rule, people),
                })
            });
            let after_soak = ring.after_soak.as_ref();
            RingConsent {
                after_soak: after_soak
                    .map_or_else(RuleTerms::default, |rule| RuleTerms::of(rule, people)),
                early,
            }
        });
        let rings = rings.collect();
        Consent::of(self.documents, policy.start.as_ref(), rings)
    }

    /// Every label that something of this plan asks about.
    pub(crate) fn labels(&self) -> BTreeSet<&'d str> {
        let Named { policy, update, .. } = self.named;
        let mut selectors: Vec<&'d Selector> = vec![&policy.applies_to];
        selectors.extend(update.releases.iter().map(|release| &release.select));
        selectors.extend(&policy.recovery_first);
        let mut labels = BTreeSet::new();
        for ring in &policy.rings {
            if let RingHosts::Select {
                select,
                cover,
                spread,
                ..
            } = &ring.hosts
            {
                selectors.push(select);
                let by = cover.iter().flat_map(|cover| &cover.by);
                labels.extend(by.chain(spread).map(String::as_str));
            }
        }
        let named = selectors.into_iter().flat_map(Selector::labels);
        labels.extend(named.map(|label| label.name.as_str()));
        labels
    }

    pub(crate) fn targets(&self, index: &HostIndex<'_>) -> Targets {
        let mut release = vec![NO_RELEASE; self.fleet.hosts.len()];
        for (each, number) in self.named.update.releases.iter().zip(0_u16..) {
            for host in index.select(&each.select) {
                let release = &mut release[host as usize];
                if *release == NO_RELEASE {
                    *release = number;
                }
            }
        }
        let applies = index.select(&self.named.policy.applies_to);
        let is_there = |host: &u32| !self.fleet.vanished.contains(&HostId(*host));
        let (hosts, others): (Vec<_>, Vec<_>) = applies
            .into_iter()
            .filter(is_there)
            .partition(|&host| release[host as usize] != NO_RELEASE);
        Targets {
            hosts,
            not_applicable: others.into_iter().map(HostId).collect(),
            release,
        }
    }

    fn wishes(&self, index: &HostIndex<'_>, targets: &Targets) -> Vec<Wish> {
        let applies_to = count(targets.hosts.len() + targets.not_applicable.len());
        let strata = |labels: &[String]| index.strata(labels, &targets.hosts);
        let rings = self.named.policy.rings.iter();
        rings
            .map(|ring| match &ring.hosts {
                RingHosts::Rest => Wish {
                    take: None,
                    selects: None,
                    cover: None,
                    spread: None,
                },
                RingHosts::Select {
                    select,
                    take,
                    cover,
                    spread,
                } => {
                    let mut selected = vec![false; self.fleet.hosts.len()];
                    for host in index.select(select) {
                        selected[host as usize] = true;
                    }
                    Wish {
                        take: take.map(|amount| thresholds::take(amount, applies_to)),
                        selects: Some(selected),
                        cover: cover.as_ref().map(|cover| strata(&cover.by)),
                        spread: (!spread.is_empty()).then(|| strata(spread)),
                    }
                }
            })
            .collect()
    }

    fn rings(&self, claims: &Claims, after: Vec<Option<ApprovalPlan>>) -> Vec<RingPlan> {
        let policy = self.named.policy;
        let mut first = 0;
        policy
            .rings
            .iter()
            .zip(after)
            .zip(&claims.rings)
            .enumerate()
            .map(|(at, ((ring, after_soak), hosts))| {
                let planned = count(hosts.len());
                let this = first;
                first += planned;
                RingPlan {
                    name: ring.name.clone(),
                    first: Slot(this),
                    planned,
                    // What is broken already cannot be harmed by the attempt to mend it.
                    halt_on: thresholds::halt_on(&policy.halt, planned)
                        .filter(|_| self.part_of(at) != Some(Part::Broken)),
                    debt_allowed: thresholds::debt_allowed(&policy.offline, planned),
                    soak: ring.soak,
                    after_soak,
                }
            })
            .collect()
    }

    /// The part of the fleet that a ring is for, where the plan supersedes something.
    fn part_of(&self, ring: usize) -> Option<Part> {
        self.carried.as_ref()?.parts.get(ring).copied()
    }

    /// The routes that claimed hosts need, and by host which one.
    fn routes(
        &self,
        targets: &Targets,
        claims: &Claims,
        problems: &mut Vec<PlanProblem>,
    ) -> (Vec<Route>, Vec<RouteId>) {
        let groups = &self.fleet.groups;
        let names: BTreeSet<&str> = groups.iter().filter_map(|g| g.care.as_deref()).collect();
        let names: Vec<Option<&str>> = std::iter::once(None)
            .chain(names.into_iter().map(Some))
            .collect();
        let number = |care: Option<&str>| names.iter().position(|name| *name == care);
        let care_of_group: Vec<usize> = groups
            .iter()
            .map(|group| number(group.care.as_deref()).unwrap_or_default())
            .collect();
        let kind = |host: u32| {
            let group = self.fleet.hosts[host as usize].group;
            let care = group.map_or(0, |group| care_of_group[group.index()]);
            (targets.release[host as usize], care)
        };
        let used: BTreeSet<(u16, usize)> = claims
            .rings
            .iter()
            .flatten()
            .map(|&host| kind(host))
            .collect();
        if used.len() > usize::from(u16::MAX) {
            problems.push(too_many("combinations of a release and a care", used.len()));
            return (Vec::new(), Vec::new());
        }
        let mut routes = Vec::new();
        for &(release, care) in &used {
            let release = &self.named.update.releases[usize::from(release)];
            let care: Option<&Care> =
                names[care].and_then(|name| named(&self.documents.cares, "care", name, problems));
            match route::compile(release, self.named.recipe, care) {
                Ok(route) => routes.push(route),
                Err(found) => problems.extend(found),
            }
        }
        let ids: BTreeMap<_, _> = used.into_iter().zip((0..).map(RouteId)).collect();
        let mut of = vec![RouteId(0); self.fleet.hosts.len()];
        for &host in claims.rings.iter().flatten() {
            of[host as usize] = ids[&kind(host)];
        }
        (routes, of)
    }

    /// A step that runs at a peer needs another member of an availability group, in every group that has such a care.
    fn check_peers(
        &self,
        claims: &Claims,
        routes: &[Route],
        route_of: &[RouteId],
        problems: &mut Vec<PlanProblem>,
    ) {
        let mut told = BTreeSet::new();
        for &host in claims.rings.iter().flatten() {
            let spec = &self.fleet.hosts[host as usize];
            let Some(route) = routes.get(route_of[host as usize].index()) else {
                continue;
            };
            let in_visits = VisitKind::ALL
                .iter()
                .find_map(|visit| route.at_peer(*visit));
            let Some(step) = in_visits.or_else(|| {
                let removes = route.step_for(StepKind::Unprotect);
                removes.filter(|step| step.step.at == Place::Peer)
            }) else {
                continue;
            };
            let members = spec.cell.map(|cell| &self.fleet.cells[cell.index()]);
            let (what, hint) = match members {
                Some(cell) if cell.members.len() > 1 => continue,
                Some(cell) => (
                    format!("`{}` is the only member of `{}`", spec.name, cell.name),
                    "add a member, or let the step run `at: host` or `at: controller`",
                ),
                None => (
                    format!("`{}` is in no availability group", spec.name),
                    "give its group a `keep_up`, or let the step run `at: host` or `at: controller`",
                ),
            };
            if told.insert((spec.group, spec.cell)) {
                problems.push(PlanProblem::new(
                    "no-peer",
                    format!("step `{}` runs at a peer, and {what}", step.kind),
                    hint,
                ));
            }
        }
    }

    fn gates(&self, problems: &mut Vec<PlanProblem>) -> Vec<GatePlan> {
        let mut gates = Vec::new();
        for gate in &self.named.policy.gates {
            match self
                .fleet
                .probes
                .iter()
                .position(|probe| probe.name == gate.probe)
            {
                Some(probe) => gates.push(GatePlan {
                    name: gate.name.clone(),
                    probe: ProbeId::at(probe),
                    down_for: gate.down_for,
                    min_reporting: gate.min_reporting,
                }),
                None => problems.push(PlanProblem::new(
                    "unknown-probe",
                    format!(
                        "gate `{}` asks probe `{}`, which the fleet lacks",
                        gate.name, gate.probe
                    ),
                    "add it to `probes` of the fleet",
                )),
            }
        }
        gates
    }

    pub(crate) fn approvals(
        &self,
        written: Option<&Approvals>,
        problems: &mut Vec<PlanProblem>,
    ) -> Option<ApprovalPlan> {
        let written = written?;
        let mut people = BTreeSet::new();
        for name in &written.by {
            match self.documents.people.teams.get(name) {
                Some(team) => people.extend(team.members.iter().chain(&team.deputies).cloned()),
                None => problems.push(PlanProblem::new(
                    "unknown-team",
                    format!("approvals are asked of team `{name}`, which does not exist"),
                    "add it to `teams` of the people document",
                )),
            }
        }
        Some(ApprovalPlan {
            needed: written.needed,
            by: written.by.clone(),
            people,
            not_by: written.not_by.clone(),
        })
    }

    /// Kind and name of every document the plan is made of, with its digest.
    pub(crate) fn digests(&self, routes: &[Route]) -> BTreeMap<String, Digest> {
        let Named {
            policy,
            update,
            recipe,
        } = self.named;
        let mut digests = BTreeMap::from([
            (format!("fleet/{}", self.fleet.name), self.fleet.document),
            (format!("policy/{}", policy.name), policy.digest),
            (format!("update/{}", update.name), update.digest),
            (format!("recipe/{}", recipe.name), recipe.digest),
        ]);
        let cares = routes.iter().filter_map(|route| route.care.as_ref());
        for care in cares.filter_map(|name| self.documents.cares.get(name)) {
            digests.insert(format!("care/{}", care.name), care.digest);
        }
        if !self.documents.notify.rules.is_empty() {
            digests.insert("notify/notify".to_owned(), self.documents.notify.digest);
        }
        if self.documents.people != People::default() {
            digests.insert("people/people".to_owned(), self.documents.people.digest);
        }
        digests
    }

    fn check_sizes(&self, problems: &mut Vec<PlanProblem>) {
        let Named { policy, update, .. } = self.named;
        for (what, found, limit) in [
            ("rings", policy.rings.len(), usize::from(u16::MAX)),
            ("releases", update.releases.len(), usize::from(NO_RELEASE)),
            ("gates", policy.gates.len(), 16),
        ] {
            if found > limit {
                problems.push(too_many(what, found));
            }
        }
    }

    fn check_targets(&self, targets: &Targets, problems: &mut Vec<PlanProblem>) {
        if !targets.hosts.is_empty() {
            return;
        }
        let Named { policy, update, .. } = self.named;
        problems.push(if targets.not_applicable.is_empty() {
            PlanProblem::new(
                "no-target",
                format!(
                    "`applies_to: {}` of policy `{}` matches none of {} hosts",
                    policy.applies_to,
                    policy.name,
                    self.fleet.hosts.len()
                ),
                "compare the selector with the labels of the fleet",
            )
        } else {
            PlanProblem::new(
                "no-target",
                format!(
                    "update `{}` has no release for any of the {} hosts that policy `{}` applies to",
                    update.name,
                    targets.not_applicable.len(),
                    policy.name
                ),
                "compare the `select` of its releases with the labels of the fleet",
            )
        });
    }
}

fn too_many(what: &str, found: usize) -> PlanProblem {
    PlanProblem::new(
        "too-many",
        format!("{found} {what} are more than a plan can hold"),
        "use several policies or updates",
    )
}

pub(crate) fn count(hosts: usize) -> u32 {
    u32::try_from(hosts).expect("the number of hosts of a fleet is bounded")
}
