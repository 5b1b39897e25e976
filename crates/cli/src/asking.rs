//! Single questions to hosts, put before there is a rollout: which release is a host's, and a step of its recipe as a
//! question that changes nothing.

use std::path::Path;
use std::sync::Arc;

use ringway_drivers::{Reach, StepRequest};
use ringway_model::{Epoch, IntentId, RolloutId, Selector, Slot, StepKind, VisitKind};
use ringway_policy::validated::{Documents, Recipe, Release, Step, Update};
use ringway_scheduler::plan::{More, Route};
use ringway_scheduler::spec::HostSpec;
use ringway_scheduler::{FleetSpec, compile_route};

use crate::exit::{End, Failure};
use crate::near::nearest;

/// The parameter that takes what a recipe's `manifest` prints.
pub(crate) const MANIFEST: &str = "manifest";

/// Bytes of the end of an answer that are kept: a list of some thousand packages.
const OUTPUT_LIMIT: usize = 256 * 1024;

/// The fleet of the documents, compiled.
pub(crate) fn fleet(documents: &Documents) -> Result<FleetSpec, Failure> {
    let fleet = documents.fleet.as_ref().ok_or_else(|| {
        Failure::new(End::Invalid, "there is no fleet among the documents")
            .hint("a fleet begins with `ringway: fleet/v1`; name more files, or their directory")
    })?;
    ringway_scheduler::compile_fleet(fleet).map_err(|e| Failure::new(End::Invalid, e))
}

/// The host of this name.
pub(crate) fn host<'a>(fleet: &'a FleetSpec, name: &str) -> Result<&'a HostSpec, Failure> {
    if let Some(host) = fleet.hosts.iter().find(|host| host.name == name) {
        return Ok(host);
    }
    let why = format!("fleet `{}` has no host `{name}`", fleet.name);
    let failure = Failure::new(End::Invalid, why);
    Err(
        match nearest(name, fleet.hosts.iter().map(|host| host.name.as_str())) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure,
        },
    )
}

/// The selectors of these texts.
pub(crate) fn selectors(texts: &[String]) -> Result<Vec<Selector>, Failure> {
    let parsed = texts.iter().map(|text| {
        Selector::parse(text).map_err(|e| {
            let failure = Failure::new(End::Invalid, format!("`{text}` is no selector: {e}"));
            match e.hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })
    });
    parsed.collect()
}

/// The release of an update that is this host's, with its place in the update; the first selector that matches counts.
pub(crate) fn release<'a>(update: &'a Update, host: &HostSpec) -> Option<(usize, &'a Release)> {
    update
        .releases
        .iter()
        .enumerate()
        .find(|(_, release)| release.select.matches(&host.name, &host.labels))
}

/// The route of a release, without the care of a role. A manifest that is not settled yet is empty.
pub(crate) fn route(release: &Release, recipe: &Recipe) -> Result<Route, String> {
    let mut release = release.clone();
    if recipe.manifest.is_some() {
        release.with.entry(MANIFEST.to_owned()).or_default();
    }
    compile_route(&release, recipe, None).map_err(|problems| {
        let problems: Vec<String> = problems.into_iter().map(|one| one.message).collect();
        problems.join("; ")
    })
}

/// A host as drivers are told of it.
pub(crate) fn reach(fleet: &FleetSpec, host: &HostSpec, directory: &Path) -> Arc<Reach> {
    Arc::new(ringway_runtime::reach(fleet, host, directory.to_owned()))
}

/// A step as a question to a host.
pub(crate) fn question(
    fleet: &FleetSpec,
    host: &HostSpec,
    reach: Arc<Reach>,
    update: &str,
    route: &Route,
    step: &Step,
) -> StepRequest {
    StepRequest {
        // No run directory is made, and no host remembers who asked.
        intent: IntentId::new(RolloutId(0), Slot(0), 0),
        epoch: Epoch(0),
        incarnation: 0,
        fleet: fleet.name.clone(),
        adopts: Arc::default(),
        reach,
        errand_for: None,
        kind: StepKind::Inspect,
        place: step.at,
        command: step.run.clone(),
        values: ringway_runtime::of_step(
            (host, None),
            update,
            (route, &More::Nothing),
            VisitKind::Update,
            (None, None),
        ),
        timeout: step.timeout,
        output_limit: OUTPUT_LIMIT,
        reboot: None,
    }
}
