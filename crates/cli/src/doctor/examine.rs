//! The questions to one host: the driver's examination, every probe once, and the recipe's `inspect`.

use std::path::PathBuf;
use std::sync::Arc;

use ringway_drivers::examine::{self, Examination};
use ringway_drivers::{Driver, Drivers, ProbeRequest, Reach};
use ringway_executor::interpret;
use ringway_model::{RawReport, Sample, StepKind, StepResult};
use ringway_policy::validated::Documents;
use ringway_scheduler::FleetSpec;
use ringway_scheduler::spec::HostSpec;

use super::found;
use super::report::{self, Found, State};
use crate::asking;

/// All that is needed to ask.
pub(super) struct Asked {
    pub(super) documents: Documents,
    pub(super) directory: PathBuf,
    pub(super) fleet: Arc<FleetSpec>,
    pub(super) drivers: Drivers,
    /// The update whose recipe is asked.
    pub(super) update: Option<String>,
    /// The database whose hosts they should be, where there is one.
    pub(super) incarnation: Option<u64>,
}

impl Asked {
    /// Everything about one host.
    pub(super) async fn look(&self, host: &HostSpec) -> Vec<Found> {
        let reach = asking::reach(&self.fleet, host, &self.directory);
        let examination = Examination {
            reach: Arc::clone(&reach),
            fleet: self.fleet.name.clone(),
            incarnation: self.incarnation,
        };
        let examined = self.drivers.examine(examination).await;
        let is_reached = !examined.iter().any(|one| {
            one.state == examine::State::Failure
                && matches!(
                    one.check,
                    examine::Check::Connect | examine::Check::HostKey | examine::Check::Login
                )
        });
        let mut all: Vec<Found> = examined
            .into_iter()
            .map(|one| {
                let state = match one.state {
                    examine::State::Ok => State::Ok,
                    examine::State::Skipped => State::Skipped,
                    examine::State::Warning => State::Warning,
                    examine::State::Failure => State::Failure,
                };
                found(Some(&host.name), one.check.id(), state, one.what, one.hint)
            })
            .collect();
        // What cannot be reached is told once.
        if is_reached {
            for index in 0..self.fleet.probes.len() {
                all.push(self.probe(host, &reach, index).await);
            }
            all.extend(self.inspect(host, reach).await);
        }
        for one in &mut all {
            one.same = report::without(&one.what, &[&host.address, &host.name]);
        }
        all
    }

    async fn probe(&self, host: &HostSpec, reach: &Arc<Reach>, index: usize) -> Found {
        let spec = &self.fleet.probes[index];
        let request = ProbeRequest {
            reach: Arc::clone(reach),
            ask: spec.probe.ask.clone(),
            timeout: spec.probe.timeout,
        };
        let (state, what, hint) = match self.drivers.probe(request).await {
            Sample::Up => (State::Ok, "it answers".to_owned(), None),
            Sample::Down(why) => (
                State::Warning,
                format!("it is down: {why}"),
                Some("a host that is down before the update is held, and its peers may have to wait for it".to_owned()),
            ),
            Sample::Blind(why) => (
                State::Failure,
                format!("it cannot be asked: {why}"),
                Some("what a gate cannot see does not promote".to_owned()),
            ),
        };
        found(
            Some(&host.name),
            format!("probe {}", spec.name),
            state,
            what,
            hint,
        )
    }

    /// What the recipe's `inspect` finds. Nothing where no update is meant, or none of its releases is this host's.
    async fn inspect(&self, host: &HostSpec, reach: Arc<Reach>) -> Option<Found> {
        let update = self.documents.updates.get(self.update.as_ref()?)?;
        let recipe = self.documents.recipes.get(&update.recipe)?;
        let tell = |state, what: String, hint: Option<&str>| {
            let hint = hint.map(str::to_owned);
            Some(found(Some(&host.name), "inspect", state, what, hint))
        };
        let Some((_, release)) = asking::release(update, host) else {
            return tell(
                State::Skipped,
                format!("update `{}` has no release for it", update.name),
                None,
            );
        };
        let route = match asking::route(release, recipe) {
            Ok(route) => route,
            Err(why) => return tell(State::Failure, why, None),
        };
        let Some(plan) = route.steps.iter().find(|one| one.kind == StepKind::Inspect) else {
            return tell(
                State::Skipped,
                format!("recipe `{}` cannot tell what is installed", recipe.name),
                None,
            );
        };
        let request = asking::question(&self.fleet, host, reach, &update.name, &route, &plan.step);
        let report = self.drivers.question(request).await;
        match interpret(&report, plan) {
            StepResult::Found {
                installed: true, ..
            } => tell(
                State::Ok,
                format!("`{}` is there already", release.id),
                None,
            ),
            StepResult::Found { previous, .. } => tell(
                State::Ok,
                previous.map_or_else(
                    || "another release is there".to_owned(),
                    |had| format!("it has `{had}`"),
                ),
                None,
            ),
            StepResult::Answered { .. }
            | StepResult::Done
            | StepResult::Back { .. }
            | StepResult::Protected { .. }
            | StepResult::Failed(_)
            | StepResult::Unreachable
            | StepResult::Interrupted
            | StepResult::NotStarted => tell(
                State::Failure,
                format!("it does not work: {}", words(&report)),
                Some("a rollout begins every visit with it; try its command on the host"),
            ),
        }
    }
}

/// What went wrong, in one line.
fn words(report: &RawReport) -> String {
    let last = |output: &str| {
        let line = output.lines().map(str::trim).rfind(|line| !line.is_empty());
        line.map_or_else(String::new, |line| format!(": {line}"))
    };
    match report {
        RawReport::Ended { exit, output, .. } => format!("exit code {exit}{}", last(output)),
        RawReport::TimedOut { output } => format!("it did not end in time{}", last(output)),
        RawReport::Unreachable { why } | RawReport::Refused { why } => why.clone(),
        RawReport::Interrupted
        | RawReport::NeverStarted
        | RawReport::Withdrawn
        | RawReport::NotBack { .. }
        | RawReport::Fenced { .. } => "the connection was lost".to_owned(),
    }
}
