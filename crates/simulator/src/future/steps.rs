//! What steps do to the hosts of a future, and what becomes of hosts by themselves.

use ringway_engine::{OrderView, Told};
use ringway_executor::port::{Arrival, Start};
use ringway_model::{HostId, IntentId, Place, RawReport, RouteId, Span, StepKind, VisitKind};
use ringway_policy::validated::{Does, Expect, Shows, SpanRange};
use ringway_scheduler::plan::{More, StepPlan};

use super::hosts::{Cause, NONE};
use super::roll::{About, Roll};
use super::run::{Future, Happening};

/// How long it takes to find that a host cannot be reached.
const FINDS_NOBODY: Span = Span::seconds(10);

/// How often a host in a restart loop restarts, and how often it is told: a few restarts are as good as many.
const LOOPS_EVERY: Span = Span::seconds(60);
const LOOPS: u32 = 8;

/// How long until somebody says again how their work ended, where Ringway was away.
const TELLS_AGAIN: Span = Span::minutes(10);

/// A step that runs on a host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doing {
    pub(super) intent: IntentId,
    host: HostId,
    rollout: u8,
    route: RouteId,
    visit: VisitKind,
    position: u8,
    kind: StepKind,
    verdict: Verdict,
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Well,
    Bad,
    TimedOut,
    Found { installed: bool },
    Back { restarts: u16 },
    NotBack { restarts: u16 },
    Unreachable,
    NeverStarted,
}

impl Future<'_> {
    /// What is so before anything happens.
    pub(super) fn install_first(&mut self) {
        for host in 0..self.hosts.all.len() {
            let (about, seed) = ([host as u64], self.seed);
            let Some(model) = self.set.model(host) else {
                continue;
            };
            let roll = |about_what| Roll::of(seed, about_what, &about);
            let (already, away, flaky) = (model.already, model.offline, model.flaky);
            if roll(About::Already).is_in(already) {
                for rollout in 0..self.tracks.len() {
                    if self.planned[rollout].ring_of[host] != NONE {
                        self.gets(host, rollout);
                    }
                }
            }
            if let Some(away) = away.filter(|away| roll(About::Away).is_in(away.share)) {
                self.set_cause(host, Cause::Away, true);
                let span = roll(About::AwayFor).within(away.lasts);
                self.clear_after(span, host, Cause::Away);
            }
            if flaky.is_some_and(|flaky| roll(About::Flaky).is_in(flaky.share)) {
                self.next_flake(host);
            }
        }
    }

    fn clear_after(&mut self, span: Span, host: usize, cause: Cause) {
        let era = self.hosts.all[host].era;
        let host = u32::try_from(host).unwrap_or(u32::MAX);
        self.after(span, Happening::Clears { host, cause, era });
    }

    pub(super) fn clears(&mut self, host: usize, cause: Cause, era: u32) {
        // A late service that was taken back is up already, and one that was updated again may be late anew.
        if cause != Cause::Late || era == self.hosts.all[host].era {
            self.set_cause(host, cause, false);
        }
        if cause == Cause::Flaky {
            self.next_flake(host);
        }
    }

    fn next_flake(&mut self, host: usize) {
        let Some(flaky) = self.set.model(host).and_then(|model| model.flaky) else {
            return;
        };
        let number = u64::from(self.hosts.all[host].flakes);
        let roll = Roll::of(self.seed, About::FlakesAfter, &[host as u64, number]);
        let span = roll.exponential(flaky.every);
        self.after(
            span,
            Happening::Flakes(u32::try_from(host).unwrap_or(u32::MAX)),
        );
    }

    pub(super) fn flakes(&mut self, host: usize) {
        let Some(flaky) = self.set.model(host).and_then(|model| model.flaky) else {
            return;
        };
        let number = u64::from(self.hosts.all[host].flakes);
        self.hosts.all[host].flakes += 1;
        self.set_cause(host, Cause::Flaky, true);
        let roll = Roll::of(self.seed, About::FlakesFor, &[host as u64, number]);
        self.clear_after(roll.within(flaky.lasts), host, Cause::Flaky);
    }

    /// A worker is given a step.
    pub(super) fn start(&mut self, start: &Start) {
        let Some(rollout) = self.rollout_of(start.intent) else {
            return;
        };
        let Some(step) = start.plan.routes[start.route.index()].step(start.visit, start.position)
        else {
            return;
        };
        let mut doing = Doing {
            intent: start.intent,
            host: start.host,
            rollout: u8::try_from(rollout).unwrap_or(u8::MAX),
            route: start.route,
            visit: start.visit,
            position: start.position,
            kind: step.kind,
            verdict: Verdict::NeverStarted,
        };
        if start.attach {
            self.find(doing);
            return;
        }
        self.check_hand_out(start.intent);
        let host = start.host.index();
        let is_silent = self.hosts.all[host].is_silent && step.step.at == Place::Host;
        if is_silent || self.hosts.all[host].has_cause(Cause::Away) {
            doing.verdict = Verdict::Unreachable;
            self.after(FINDS_NOBODY, Happening::Reports(doing));
            return;
        }
        let (takes, verdict) = self.verdict(&doing, start.attempt, step);
        doing.verdict = verdict;
        match step.kind {
            StepKind::Drain => self.set_cause(host, Cause::Drained, true),
            StepKind::Reboot => {
                self.hosts.all[host].boots += 1;
                self.set_cause(host, Cause::Boots, true);
            }
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Apply
            | StepKind::Rollback
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Stage
            | StepKind::Recovery
            | StepKind::Protect
            | StepKind::Unprotect
            | StepKind::Unsilence => {}
        }
        if self.set.has_faults() {
            self.running.insert(start.intent);
        }
        self.after(takes, Happening::Ends(doing));
    }

    fn rollout_of(&self, intent: IntentId) -> Option<usize> {
        let id = intent.rollout();
        self.tracks.iter().position(|track| track.id == Some(id))
    }

    /// Somebody asks for a step that may have begun.
    fn find(&mut self, mut doing: Doing) {
        if let Some(found) = self.finished.get(&doing.intent) {
            let found = *found;
            self.report(&found);
        } else if !self.running.contains(&doing.intent) {
            doing.verdict = Verdict::NeverStarted;
            self.report(&doing);
        }
        // One that runs says so itself when it ends.
    }

    /// How long a step takes, and how it ends.
    fn verdict(&self, doing: &Doing, attempt: u8, step: &StepPlan) -> (Span, Verdict) {
        let (host, kind) = (doing.host.index(), doing.kind);
        let parts = [
            host as u64,
            u64::from(doing.rollout),
            kind as u64,
            doing.visit as u64,
            u64::from(attempt),
        ];
        let takes = Roll::of(self.seed, About::StepTakes, &parts)
            .within(self.set.duration(host, kind))
            .min(step.step.timeout)
            .max(Span::seconds(1));
        let may_fail = doing.visit != VisitKind::Rollback || kind == StepKind::Rollback;
        if let Some(hangs) = self.fails_by_itself(doing, attempt).filter(|_| may_fail) {
            return if hangs {
                (step.step.timeout, Verdict::TimedOut)
            } else {
                (takes, Verdict::Bad)
            };
        }
        let harm = (doing.visit != VisitKind::Rollback)
            .then(|| self.harm_in_step(doing))
            .flatten();
        let verdict = match (kind, &step.more) {
            (StepKind::Inspect, _) => Verdict::Found {
                installed: self.hosts.all[host].has & 1 << doing.rollout != 0,
            },
            (StepKind::Reboot, More::Reboot { restarts, .. }) => {
                if harm == Some(Does::RestartLoop) {
                    Verdict::NotBack {
                        restarts: restarts.1.saturating_add(1),
                    }
                } else {
                    Verdict::Back {
                        restarts: restarts.0.max(1),
                    }
                }
            }
            // Groups are ready, and roles are not where anybody would have to wait for them.
            (StepKind::Last, _) => Verdict::Bad,
            (StepKind::Apply, _) if harm == Some(Does::InstallFails) => Verdict::Bad,
            (StepKind::Verify, _) if harm == Some(Does::VerifyFails) => Verdict::Bad,
            (_, _) => Verdict::Well,
        };
        (takes, verdict)
    }

    /// Whether a step fails although nothing is wrong with the update, and if so whether it hangs.
    fn fails_by_itself(&self, doing: &Doing, attempt: u8) -> Option<bool> {
        let host = doing.host.index();
        let model = self.set.model(host)?;
        let parts = [host as u64, u64::from(doing.rollout), doing.kind as u64];
        model
            .fails
            .iter()
            .filter(|fails| fails.step == doing.kind)
            .find(|fails| {
                fails.times.is_none_or(|times| attempt <= times)
                    && Roll::of(self.seed, About::StepFails, &parts).is_in(fails.share)
            })
            .map(|fails| fails.hangs)
    }

    /// What an update does to a host in the very step that is running.
    fn harm_in_step(&self, doing: &Doing) -> Option<Does> {
        let host = doing.host.index();
        self.harms
            .iter()
            .enumerate()
            .filter(|(index, harm)| harm.hits(self.seed, *index, doing.rollout, host))
            .find_map(|(_, harm)| match (harm.does, doing.kind) {
                (Does::InstallFails, StepKind::Apply) | (Does::VerifyFails, StepKind::Verify) => {
                    Some(harm.does)
                }
                (Does::RestartLoop, StepKind::Reboot) if harm.shows == Shows::AtOnce => {
                    Some(harm.does)
                }
                (_, _) => None,
            })
    }

    /// Somebody is asked to work on a host by hand: they take a quarter of the time it should take, or up to all of it.
    pub(super) fn is_asked(&mut self, intent: IntentId, asked: &OrderView) {
        let (Some(rollout), Some(step)) = (
            self.rollout_of(intent),
            asked.plan.routes[asked.route.index()].step(asked.visit, asked.position),
        ) else {
            return;
        };
        let mut doing = Doing {
            intent,
            host: asked.host,
            rollout: u8::try_from(rollout).unwrap_or(u8::MAX),
            route: asked.route,
            visit: asked.visit,
            position: asked.position,
            kind: step.kind,
            verdict: Verdict::NeverStarted,
        };
        doing.verdict = self.verdict(&doing, asked.attempt, step).1;
        let within = step.step.timeout;
        let parts = [
            asked.host.index() as u64,
            u64::from(doing.rollout),
            u64::from(asked.attempt),
        ];
        let takes = Roll::of(self.seed, About::HandTakes, &parts).within(SpanRange {
            low: Span(within.millis() / 4),
            high: within,
        });
        self.hands.insert(intent);
        self.after(takes.max(Span::seconds(1)), Happening::HandEnds(doing));
    }

    /// Work by hand ends, and somebody says so.
    pub(super) fn hand_ends(&mut self, doing: Doing) {
        self.leaves_behind(&doing);
        self.tells(doing);
    }

    /// Somebody says how work by hand ended, again and again until they were heard.
    pub(super) fn tells(&mut self, doing: Doing) {
        if !self.hands.contains(&doing.intent) {
            return;
        }
        let told = match doing.verdict {
            Verdict::Bad | Verdict::TimedOut => Told::Failed,
            Verdict::Well
            | Verdict::Found { .. }
            | Verdict::Back { .. }
            | Verdict::NotBack { .. }
            | Verdict::Unreachable
            | Verdict::NeverStarted => Told::Done,
        };
        let host = self.set.fleet.hosts[doing.host.index()].name.clone();
        self.say_done(host, told);
        self.after(TELLS_AGAIN, Happening::Tells(doing));
    }

    /// A step ends: what it leaves behind, and its result on its way.
    pub(super) fn ends(&mut self, doing: Doing) {
        self.leaves_behind(&doing);
        if self.set.has_faults() {
            self.running.remove(&doing.intent);
            self.finished.insert(doing.intent, doing);
        }
        self.send(doing);
    }

    fn leaves_behind(&mut self, doing: &Doing) {
        let host = doing.host.index();
        let rollout = usize::from(doing.rollout);
        let went_well = !matches!(doing.verdict, Verdict::Bad | Verdict::TimedOut);
        match doing.kind {
            StepKind::Apply if went_well => {
                self.gets(host, rollout);
                if !self.restarts(doing) {
                    self.harm(host, doing.rollout);
                }
            }
            StepKind::Reboot => {
                self.set_cause(host, Cause::Boots, false);
                let has_it = self.hosts.all[host].has & 1 << doing.rollout != 0;
                if has_it && doing.visit != VisitKind::Rollback {
                    self.harm(host, doing.rollout);
                }
            }
            StepKind::Rollback if went_well => self.loses(host, rollout),
            StepKind::Undrain if went_well => self.set_cause(host, Cause::Drained, false),
            StepKind::Recovery if went_well && self.helps(doing) => {
                self.hosts.all[host].is_silent = false;
            }
            StepKind::Apply | StepKind::Verify if self.harm_in_step(doing).is_some() => {
                self.shows(host, rollout);
            }
            StepKind::Inspect
            | StepKind::Precheck
            | StepKind::Ready
            | StepKind::Last
            | StepKind::Silence
            | StepKind::Drain
            | StepKind::Apply
            | StepKind::Rollback
            | StepKind::Verify
            | StepKind::CareVerify
            | StepKind::Undrain
            | StepKind::Stage
            | StepKind::Recovery
            | StepKind::Protect
            | StepKind::Unprotect
            | StepKind::Unsilence => {}
        }
    }

    /// Whether what ended well has brought its host back.
    fn helps(&self, doing: &Doing) -> bool {
        let host = doing.host.index();
        let parts = [host as u64, u64::from(doing.rollout)];
        self.set
            .model(host)
            .is_none_or(|model| Roll::of(self.seed, About::Recovers, &parts).is_in(model.recovers))
    }

    fn restarts(&self, doing: &Doing) -> bool {
        let route = &self.planned[usize::from(doing.rollout)].plan.routes[doing.route.index()];
        route.position(doing.visit, StepKind::Reboot).is_some()
    }

    /// A host has an update.
    fn gets(&mut self, host: usize, rollout: usize) {
        let bit = 1 << rollout;
        let ring = usize::from(self.planned[rollout].ring_of[host]);
        if self.hosts.all[host].has & bit != 0 {
            return;
        }
        self.replaces(host, rollout);
        self.hosts.all[host].has |= bit;
        let (now, count) = (self.now, &mut self.tracks[rollout].count);
        count.pass(now);
        count.without = count.without.saturating_sub(1);
        if let Some(with) = count.with.get_mut(ring) {
            *with += 1;
        }
    }

    /// A host has an update no longer, and with it goes the harm.
    fn loses(&mut self, host: usize, rollout: usize) {
        let bit = 1 << rollout;
        let ring = usize::from(self.planned[rollout].ring_of[host]);
        self.hosts.all[host].era += 1;
        if self.hosts.all[host].has & bit != 0 {
            self.hosts.all[host].has &= !bit;
            let (now, count) = (self.now, &mut self.tracks[rollout].count);
            count.pass(now);
            count.without += 1;
            if let Some(with) = count.with.get_mut(ring) {
                *with = with.saturating_sub(1);
            }
        }
        self.carries(host, rollout, false);
        self.hosts.all[host].broken_by &= !bit;
        if self.hosts.all[host].broken_by == 0 {
            self.set_cause(host, Cause::Broken, false);
        }
        self.set_cause(host, Cause::Late, false);
    }

    pub(super) fn carries(&mut self, host: usize, rollout: usize, to: bool) {
        let bit = 1 << rollout;
        if (self.hosts.all[host].carries & bit != 0) == to {
            return;
        }
        self.hosts.all[host].carries ^= bit;
        let count = &mut self.tracks[rollout].count;
        count.carrying = if to {
            count.carrying + 1
        } else {
            count.carrying.saturating_sub(1)
        };
    }

    /// Harm shows on a host.
    fn shows(&mut self, host: usize, rollout: usize) {
        let bit = 1 << rollout;
        if self.hosts.all[host].hit_by & bit == 0 {
            self.hosts.all[host].hit_by |= bit;
            self.tracks[rollout].count.hit += 1;
        }
    }

    /// An update is active on a host: whatever harm it does to it comes now or later.
    fn harm(&mut self, host: usize, rollout: u8) {
        for index in 0..self.harms.len() {
            let harm = &self.harms[index];
            let in_step = matches!(harm.does, Does::InstallFails | Does::VerifyFails);
            if in_step || !harm.hits(self.seed, index, rollout, host) {
                continue;
            }
            let roll = Roll::of(self.seed, About::ShowsAfter, &[index as u64, host as u64]);
            let span = match harm.shows {
                Shows::AtOnce => Span::seconds(1),
                Shows::Within(range) => roll.within(range),
                Shows::Mean(mean) => roll.exponential(mean),
                Shows::Trigger(at) => (self.set.begins + at).since(self.now),
            };
            self.carries(host, usize::from(rollout), true);
            let era = self.hosts.all[host].era;
            let (host, harm) = (
                u32::try_from(host).unwrap_or(u32::MAX),
                u16::try_from(index).unwrap_or(u16::MAX),
            );
            self.after(
                span.max(Span::seconds(1)),
                Happening::Breaks {
                    host,
                    harm,
                    rollout,
                    era,
                },
            );
        }
    }

    /// Harm that was to come is there, if the update still is.
    pub(super) fn breaks(&mut self, host: usize, harm: usize, rollout: u8, era: u32) {
        if self.hosts.all[host].era != era || self.hosts.all[host].has & 1 << rollout == 0 {
            return;
        }
        let bit = 1 << rollout;
        let is_first = self.hosts.all[host].broken_by & bit == 0;
        self.carries(host, usize::from(rollout), false);
        self.shows(host, usize::from(rollout));
        match self.harms[harm].does {
            does @ (Does::Down | Does::Silent) => {
                self.hosts.all[host].is_silent |= does == Does::Silent;
                self.hosts.all[host].broken_by |= bit;
                self.set_cause(host, Cause::Broken, true);
            }
            Does::RestartLoop => {
                self.hosts.all[host].broken_by |= bit;
                self.set_cause(host, Cause::Broken, true);
                self.hosts.all[host].boots += 1;
                if self.hosts.all[host].boots_watched {
                    self.tell_boot(HostId::at(host));
                }
                if is_first || !self.hosts.all[host].boots.is_multiple_of(LOOPS) {
                    let harm = u16::try_from(harm).unwrap_or(u16::MAX);
                    let host = u32::try_from(host).unwrap_or(u32::MAX);
                    self.after(
                        LOOPS_EVERY,
                        Happening::Breaks {
                            host,
                            harm,
                            rollout,
                            era,
                        },
                    );
                }
            }
            Does::Late(by) => {
                let roll = Roll::of(self.seed, About::LateBy, &[harm as u64, host as u64]);
                self.set_cause(host, Cause::Late, true);
                self.clear_after(roll.within(by), host, Cause::Late);
            }
            Does::InstallFails | Does::VerifyFails => {}
        }
    }

    /// A result reaches the decider.
    pub(super) fn report(&mut self, doing: &Doing) {
        let plan = &self.planned[usize::from(doing.rollout)].plan;
        let step = plan.routes[doing.route.index()].step(doing.visit, doing.position);
        let report = step.map_or(RawReport::NeverStarted, |step| raw(doing.verdict, step));
        self.arrives(Arrival::StepReported {
            intent: doing.intent,
            report,
        });
    }
}

/// What a driver would say.
fn raw(verdict: Verdict, step: &StepPlan) -> RawReport {
    let ended = |exit, output, restarts| RawReport::Ended {
        exit,
        output,
        restarts,
    };
    match verdict {
        Verdict::Well => ended(0, expected(step), 0),
        Verdict::Bad => ended(1, String::new(), 0),
        Verdict::TimedOut => RawReport::TimedOut {
            output: String::new(),
        },
        Verdict::Found { installed } => ended(0, found(step, installed), 0),
        Verdict::Back { restarts } => ended(0, String::new(), restarts),
        Verdict::NotBack { restarts } => RawReport::NotBack {
            restarts,
            why: String::new(),
        },
        Verdict::Unreachable => RawReport::Unreachable { why: String::new() },
        Verdict::NeverStarted => RawReport::NeverStarted,
    }
}

/// An output that meets what the step expects.
fn expected(step: &StepPlan) -> String {
    match &step.step.expect {
        // What it made must be called something.
        None if step.kind == StepKind::Protect => "a snapshot".to_owned(),
        None => String::new(),
        Some(Expect::AtLeast(least)) => least.to_string(),
        Some(Expect::Contains(text) | Expect::Equals(text)) => text.clone(),
    }
}

/// What an inspection prints where the release is there, and where another one is.
fn found(step: &StepPlan, installed: bool) -> String {
    match &step.more {
        More::Inspect { installed_when, .. } if installed => installed_when.clone(),
        More::Inspect { .. }
        | More::Nothing
        | More::Reboot { .. }
        | More::Ready { .. }
        | More::Last { .. }
        | More::Silence { .. }
        | More::Stage { .. }
        | More::Recovery { .. }
        | More::Protect { .. }
        | More::Manual { .. } => "before".to_owned(),
    }
}
