//! What the engine wants observed, turned into questions, and answers turned into edges of knowledge.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringway_engine::WatchChange;
use ringway_health::{Board, Boots, Change, Pace, Rhythm};
use ringway_model::{HostId, ProbeId, RouteId, Sample, Span, Timestamp};
use ringway_scheduler::{FleetSpec, Plan};

use crate::config::Watch;
use crate::port::Request;

/// How often a boot id is read at the most and at the least: four times within the policy's `settle`, because a host in a
/// restart loop must be seen to be in one before it counts as settled; and never more than twice a second, because each
/// reading is a command on the host.
const BOOT_PERIOD: (Span, Span) = (Span(500), Span::seconds(10));

/// How often it is read of a host that has settled and is quiet since: a thousand of them are then three commands a second, and a
/// host that falls into a loop days later is still found in one within minutes.
const QUIET_PERIOD: Span = Span::minutes(5);

/// All observation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watching {
    board: Board,
    boots: Boots,
    /// How each watched host's boot id is read.
    readings: BTreeMap<HostId, (Arc<Plan>, RouteId)>,
}

impl Watching {
    /// Forgets what was watched and known, as after a recovery.
    pub(crate) fn restart(&mut self) {
        self.board.restart();
        self.boots.restart();
        self.readings.clear();
    }

    /// Watches what the engine wants watched. A probe that the fleet does not have is watched by nobody, so that its
    /// hosts stay unknown.
    pub(crate) fn change(
        &mut self,
        now: Timestamp,
        change: WatchChange,
        fleet: Option<&FleetSpec>,
        watch: Watch,
    ) {
        match change {
            WatchChange::Watch {
                host,
                probe,
                freshest,
            } => {
                if let Some(spec) = fleet.and_then(|fleet| fleet.probes.get(probe.index())) {
                    let rhythm = match watch {
                        Watch::Asks => Rhythm {
                            every: spec.probe.every,
                            timeout: spec.probe.timeout,
                            fresh: freshest,
                        },
                        Watch::Told => Rhythm::TOLD,
                    };
                    self.board.watch(now, host, probe, rhythm);
                }
            }
            WatchChange::Unwatch { host, probe } => self.board.unwatch(host, probe),
            WatchChange::WatchBoot { host, plan, route } => {
                let (shortest, longest) = BOOT_PERIOD;
                let settle = plan.pace.settle;
                let pace = match watch {
                    Watch::Asks => Pace {
                        first: Span(settle.millis() / 4).clamp(shortest, longest),
                        settle,
                        longest: QUIET_PERIOD,
                    },
                    Watch::Told => Pace::TOLD,
                };
                self.boots.watch(now, host, pace);
                self.readings.insert(host, (plan, route));
            }
            WatchChange::UnwatchBoot { host } => {
                self.boots.unwatch(host);
                self.readings.remove(&host);
            }
        }
    }

    pub(crate) fn probed(&mut self, now: Timestamp, host: HostId, probe: ProbeId, sample: &Sample) {
        self.board.sampled(now, host, probe, sample);
    }

    /// Takes a boot id in; says whether the host restarted.
    pub(crate) fn boot_seen(&mut self, now: Timestamp, host: HostId, boot: Option<&str>) -> bool {
        self.boots.seen(now, host, boot)
    }

    /// Lets time pass and asks what is due.
    pub(crate) fn advance(&mut self, now: Timestamp, out: &mut Vec<Request>) {
        let mut probes = Vec::new();
        self.board.advance(now, &mut probes);
        out.extend(
            probes
                .into_iter()
                .map(|(host, probe)| Request::Probe { host, probe }),
        );
        let mut boots = Vec::new();
        self.boots.advance(now, &mut boots);
        out.extend(boots.into_iter().map(|host| {
            let (plan, route) = &self.readings[&host];
            Request::SeeBoot {
                host,
                plan: plan.clone(),
                route: *route,
            }
        }));
    }

    /// What the engine has not been told: all bad news, and good news up to `limit`.
    pub(crate) fn take_changes(&mut self, limit: usize) -> Vec<Change> {
        self.board.take_changes(limit)
    }

    pub(crate) fn has_changes(&self) -> bool {
        self.board.has_changes()
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.board.next().into_iter().chain(self.boots.next()).min()
    }
}
