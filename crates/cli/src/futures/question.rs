//! From documents to settings: which world, which plans. Reads documents; lets nothing happen.

use std::path::PathBuf;
use std::sync::Arc;

use ringway_model::Span;
use ringway_policy::validated::{Documents, RingHosts, World, WorldRollout};
use ringway_scheduler::{FleetSpec, Plan, make_plan_in};
use ringway_simulator::future::Setting;

use crate::args::Place;
use crate::commands::{advisories, exceptions};
use crate::exit::{End, Failure};
use crate::near::nearest;
use crate::out::Out;
use crate::{asking, documents};

/// The world that is there where documents have none.
const CALM: &str = "calm";

/// What `plan` and `run` make a plan with unless told otherwise: what is tried is what would be run.
const PLAN_SEED: u64 = 1;

/// Steps at once, as `run` has unless told otherwise.
const WORKERS: u32 = 64;

/// Plans with the spans after the world's beginning at which their rollouts are started.
pub(super) type Plans = Vec<(Arc<Plan>, Span)>;

/// Documents, and the world that they are tried in.
pub(super) struct Question {
    documents: Documents,
    /// The fleet.
    pub(super) fleet: Arc<FleetSpec>,
    /// The world.
    pub(super) world: World,
    /// Whether no document describes the world.
    pub(super) is_built_in: bool,
    /// The labels that tell kinds of hosts apart come from these policies, where the world names none.
    pub(super) kinds_from: Vec<String>,
    update: Option<String>,
    /// The lane that the first rollout runs in.
    lane: Option<String>,
}

impl Question {
    /// Reads the documents and finds the world.
    ///
    /// # Errors
    ///
    /// Exit code 2: documents that cannot be read, no fleet, or a world that is not there.
    pub(super) fn read(out: Out, paths: &[PathBuf], place: &Place) -> Result<Self, Failure> {
        let documents = documents::read(out, paths)?.documents;
        let mut question = Self::of(documents, place.world.as_deref(), place.update.clone())?;
        question.lane.clone_from(&place.lane);
        Ok(question)
    }

    /// The same of documents that were read.
    pub(super) fn of(
        documents: Documents,
        named: Option<&str>,
        update: Option<String>,
    ) -> Result<Self, Failure> {
        let fleet = Arc::new(asking::fleet(&documents)?);
        let (world, is_built_in) = world(&documents, named)?;
        Ok(Self {
            documents,
            fleet,
            world,
            is_built_in,
            kinds_from: Vec::new(),
            update,
            lane: None,
        })
    }

    /// The plans of the world's rollouts, or of the one that is asked for. A policy, an update or a lane that is named
    /// stands in for that of the world's first rollout.
    ///
    /// # Errors
    ///
    /// Exit code 2: names that no document has, or documents that cannot be planned.
    pub(super) fn plans(&self, policy_named: Option<&str>) -> Result<Plans, Failure> {
        let mut rollouts = self.world.rollouts.clone();
        for rollout in &rollouts {
            self.check(rollout)?;
        }
        let (policies, updates) = (&self.documents.policies, &self.documents.updates);
        let policy = |wanted| documents::choose("policy", wanted, policies.keys());
        let update = |wanted| documents::choose("update", wanted, updates.keys());
        let named_update = self.update.as_deref();
        if let Some(first) = rollouts.first_mut() {
            if let Some(wanted) = policy_named {
                first.policy = policy(Some(wanted))?;
            }
            if named_update.is_some() {
                first.update = update(named_update)?;
            }
        } else {
            rollouts.push(WorldRollout {
                policy: policy(policy_named)?,
                update: update(named_update)?,
                starts: Span::ZERO,
                supersedes: false,
                lane: None,
            });
        }
        if let (Some(first), Some(_)) = (rollouts.first_mut(), &self.lane) {
            first.lane.clone_from(&self.lane);
        }
        rollouts.iter().map(|rollout| self.plan(rollout)).collect()
    }

    fn check(&self, rollout: &WorldRollout) -> Result<(), Failure> {
        let policies: Vec<&String> = self.documents.policies.keys().collect();
        let updates: Vec<&String> = self.documents.updates.keys().collect();
        for (kind, name, known) in [
            ("policy", &rollout.policy, policies),
            ("update", &rollout.update, updates),
        ] {
            if known.contains(&name) {
                continue;
            }
            let why = format!(
                "world `{}` rolls out {kind} `{name}`, which is not among the documents",
                self.world.name
            );
            return Err(Failure::new(End::Invalid, why).hint(others(name, &known)));
        }
        Ok(())
    }

    fn plan(&self, rollout: &WorldRollout) -> Result<(Arc<Plan>, Span), Failure> {
        let names = (&*rollout.policy, &*rollout.update);
        let lane = rollout.lane.as_deref();
        let plan = make_plan_in(&self.fleet, &self.documents, names, lane, PLAN_SEED);
        plan.map(|plan| (Arc::new(plan), rollout.starts))
            .map_err(|e| Failure::new(End::Invalid, e))
    }

    /// Fills in what the world leaves to the plans that are tried in it: by which labels kinds of hosts differ. All plans that are compared must be given, so that all of them meet the same.
    pub(super) fn fill<'p>(&mut self, plans: impl IntoIterator<Item = &'p Arc<Plan>>) {
        let wants_kinds = self.world.priors.by.is_empty();
        for plan in plans {
            let covered = covered(&self.documents, &plan.policy);
            if !wants_kinds || covered.is_empty() || self.kinds_from.contains(&plan.policy) {
                continue;
            }
            self.kinds_from.push(plan.policy.clone());
            for label in covered {
                if !self.world.priors.by.contains(&label) {
                    self.world.priors.by.push(label);
                }
            }
        }
    }

    /// The setting of these plans.
    ///
    /// # Errors
    ///
    /// Exit code 2: more rollouts than a world can keep apart.
    pub(super) fn setting(&self, plans: Plans) -> Result<Setting, Failure> {
        let texts = self.documents.texts.clone().into_iter().collect();
        let names = plans.iter().flat_map(|(plan, _)| plan.zones()).collect();
        let zones = ringway_runtime::zones(&names).map_err(|e| Failure::new(End::Invalid, e))?;
        let setting = Setting::new(Arc::clone(&self.fleet), plans, texts, &self.world, WORKERS);
        let setting = setting
            .and_then(|setting| setting.with_zones(zones))
            .map_err(|e| Failure::new(End::Invalid, e))?;
        let exceptions = exceptions::written(&self.documents, setting.begins())?;
        let superseding = self.world.rollouts.iter().any(|one| one.supersedes);
        let documents = superseding.then(|| Arc::new(self.documents.clone()));
        Ok(setting
            .with_documents(documents)
            .with_exceptions(exceptions.in_force)
            .with_advisories(advisories::written(&self.documents)))
    }

    /// The text of the world's document.
    pub(super) fn world_text(&self) -> Option<&str> {
        let key = format!("world/{}", self.world.name);
        self.documents.texts.get(&key).map(String::as_str)
    }
}

/// The world that was asked for, or the only one; where documents have none, the one in which everything goes as it
/// should.
fn world(documents: &Documents, wanted: Option<&str>) -> Result<(World, bool), Failure> {
    let worlds = &documents.worlds;
    let is_calm = match wanted {
        None => worlds.is_empty(),
        Some(name) => name == CALM && !worlds.contains_key(CALM),
    };
    if is_calm {
        let world = World {
            name: CALM.to_owned(),
            ..World::default()
        };
        return Ok((world, true));
    }
    if let (Some(name), true) = (wanted, worlds.is_empty()) {
        let failure = Failure::new(End::Invalid, format!("there is no world `{name}`"));
        return Err(failure.hint(
            "a world begins with `ringway: world/v1`; name its file, or leave `--world` out for one in which \
             everything goes as it should",
        ));
    }
    let name = documents::choose("world", wanted, worlds.keys())?;
    let world = worlds
        .get(&name)
        .expect("the name was chosen among those that are there");
    Ok((world.clone(), false))
}

/// The labels by which a policy covers, each once, in the order in which it names them.
fn covered(documents: &Documents, policy: &str) -> Vec<String> {
    let rings = documents
        .policies
        .get(policy)
        .map_or(&[][..], |policy| &policy.rings);
    let mut labels: Vec<String> = Vec::new();
    for ring in rings {
        let cover = match &ring.hosts {
            RingHosts::Rest => None,
            RingHosts::Select { cover, .. } => cover.as_ref(),
        };
        for label in cover.map_or(&[][..], |cover| &cover.by) {
            if !labels.contains(label) {
                labels.push(label.clone());
            }
        }
    }
    labels
}

fn others(wanted: &str, known: &[&String]) -> String {
    if let Some(near) = nearest(wanted, known.iter().map(|name| name.as_str())) {
        return format!("did you mean `{near}`?");
    }
    if known.is_empty() {
        return "there is none at all; name its file".to_owned();
    }
    let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("there are: {}", list.join(", "))
}
