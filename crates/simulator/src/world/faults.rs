//! What goes wrong, drawn from the seed: mishaps at instants, and chances on every message and write.

use ringway_model::{HostId, RolloutId, Span, Timestamp};

use super::host::Flaky;
use super::store::Fate;
use super::twists::Twists;
use super::{Happening, World};
use crate::dice::Dice;

/// One thing that goes wrong at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// The decider dies.
    Crash,
    /// A host cannot be reached for so long.
    Offline(HostId, Span),
    /// A host loses power and boots for so long.
    PowerLoss(HostId, Span),
    /// Somebody else stops a host's service for so long.
    Killed(HostId, Span),
    /// A host's probes cannot be run for so long.
    Blind(HostId, Span),
    /// Every probe is blind for so long.
    AllBlind(Span),
    /// The decider's clock jumps so many milliseconds ahead.
    Ahead(i64),
    /// The machine Ringway runs on stands still for so long.
    Freeze(Span),
    /// Another decider takes over; the one before lives on for so long and does not know it.
    TakenOver(Span),
    /// A host's service comes and goes: how often, and for how long.
    Flaky(HostId, Span, Span),
    /// A person takes a rollout back.
    TakenBack(RolloutId),
    /// A person gives a rollout up.
    GivenUp(RolloutId),
}

impl Mishap {
    /// Its word, by which reach is counted.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Offline(..) => "host offline",
            Self::PowerLoss(..) => "power loss",
            Self::Killed(..) => "service killed",
            Self::Blind(..) => "host blind",
            Self::AllBlind(_) => "all blind",
            Self::Ahead(by) if by < 0 => "clock back",
            Self::Ahead(_) => "clock ahead",
            Self::Freeze(_) => "freeze",
            Self::TakenOver(_) => "taken over",
            Self::Flaky(..) => "service flaky",
            Self::TakenBack(_) => "rollback asked",
            Self::GivenUp(_) => "cancel asked",
        }
    }

    /// The host it is about, where it is about one.
    const fn host(self) -> Option<HostId> {
        match self {
            Self::Offline(host, _)
            | Self::PowerLoss(host, _)
            | Self::Killed(host, _)
            | Self::Blind(host, _)
            | Self::Flaky(host, ..) => Some(host),
            Self::Crash
            | Self::AllBlind(_)
            | Self::Ahead(_)
            | Self::Freeze(_)
            | Self::TakenOver(_)
            | Self::TakenBack(_)
            | Self::GivenUp(_) => None,
        }
    }
}

/// How much goes wrong.
#[derive(Clone, Debug)]
pub struct Faults {
    dice: Dice,
    /// The fault phase ends after this.
    pub lasts: Span,
    /// Mishaps in it.
    pub mishaps: u64,
    /// Kinds that may happen, as indices of the table in `draw`; empty: none.
    pub kinds: Vec<u8>,
    /// Appends of a hundred that fail.
    pub bad_appends: u64,
    /// Messages of a hundred that are doubled.
    pub doubled: u64,
    /// Messages of a hundred that are late.
    pub late: u64,
    /// What goes wrong beyond that.
    pub twists: Twists,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed, "faults"),
            lasts: Span::ZERO,
            mishaps: 0,
            kinds: Vec::new(),
            bad_appends: 0,
            doubled: 0,
            late: 0,
            twists: Twists::none(seed),
        }
    }

    /// Some things go wrong.
    pub fn some(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "faults");
        let kinds = (0..8).filter(|_| dice.chance(60)).collect();
        let lasts = Span::minutes(dice.between(10, 120));
        let twists = Twists::some(seed, lasts);
        Self {
            lasts: if twists.days { Span::hours(48) } else { lasts },
            twists,
            mishaps: dice.between(0, 25),
            kinds,
            bad_appends: *dice.pick(&[0, 0, 1, 5]),
            doubled: *dice.pick(&[0, 5, 20]),
            late: *dice.pick(&[0, 5, 20]),
            dice,
        }
    }

    pub(super) fn stop(&mut self) {
        (self.bad_appends, self.doubled, self.late) = (0, 0, 0);
        self.twists.stop();
    }

    /// Mishaps with the spans from the beginning at which they happen.
    pub(super) fn schedule(&mut self, hosts: usize) -> Vec<(Span, Mishap)> {
        if self.kinds.is_empty() {
            return Vec::new();
        }
        (0..self.mishaps)
            .map(|_| {
                let at = self.dice.span(Span::seconds(20), self.lasts);
                (at, self.draw(hosts))
            })
            .collect()
    }

    fn draw(&mut self, hosts: usize) -> Mishap {
        let kind = *self.dice.pick(&self.kinds.clone());
        let host = HostId::at(self.dice.index(hosts));
        let short = self.dice.span(Span::seconds(20), Span::minutes(4));
        let long = self.dice.span(Span::minutes(1), Span::minutes(40));
        match kind {
            0 | 1 => Mishap::Crash,
            2 => Mishap::Offline(host, long),
            3 => Mishap::PowerLoss(host, short),
            4 => Mishap::Killed(host, if self.dice.chance(50) { short } else { long }),
            5 => {
                if self.dice.chance(30) {
                    Mishap::AllBlind(short)
                } else {
                    Mishap::Blind(host, long)
                }
            }
            6 => Mishap::Ahead(if self.dice.chance(70) {
                i64::try_from(self.dice.between(1_000, 1_800_000)).unwrap_or(0)
            } else {
                -i64::try_from(self.dice.between(1_000, 600_000)).unwrap_or(0)
            }),
            _ => Mishap::Freeze(short),
        }
    }

    pub(super) fn fate(&mut self) -> Fate {
        if !self.dice.chance(self.bad_appends) {
            return Fate::Written;
        }
        *self
            .dice
            .pick(&[Fate::Refused, Fate::WrittenUnsaid, Fate::Full])
    }

    pub(super) fn duplicates(&mut self) -> bool {
        self.dice.chance(self.doubled)
    }

    /// How much later than usual a result arrives: late, or lost and found again by attaching.
    pub(super) fn late_result(&mut self) -> Span {
        if self.dice.chance(self.late) {
            self.dice.span(Span::seconds(2), Span::minutes(3))
        } else {
            Span::ZERO
        }
    }

    /// How much later than usual a request reaches its host.
    pub(super) fn late_request(&mut self) -> Span {
        if self.dice.chance(self.late) {
            self.dice.span(Span::seconds(1), Span::seconds(40))
        } else {
            Span::ZERO
        }
    }

    pub(super) fn rest_after_crash(&mut self) -> Span {
        if self.dice.chance(70) {
            self.dice.span(Span(100), Span::seconds(20))
        } else {
            self.dice.span(Span::seconds(20), Span::minutes(10))
        }
    }
}

impl World {
    pub(super) fn strikes(&mut self, mishap: Mishap) {
        self.say(&format!("! {mishap:?}"));
        self.struck(mishap.word(), mishap.host());
        let now = self.now;
        let later = |until: &mut Timestamp, span: Span| *until = (*until).max(now + span);
        match mishap {
            Mishap::Crash => self.crashes(),
            Mishap::Offline(host, span) => {
                later(&mut self.hosts[host.index()].offline_until, span);
            }
            Mishap::PowerLoss(host, span) => self.power_lost(host, span),
            Mishap::Killed(host, span) => later(&mut self.hosts[host.index()].killed_until, span),
            Mishap::Blind(host, span) => later(&mut self.hosts[host.index()].blind_until, span),
            Mishap::AllBlind(span) => {
                for host in &mut self.hosts {
                    later(&mut host.blind_until, span);
                }
            }
            Mishap::Ahead(by) => self.ahead = self.ahead.saturating_add(by),
            Mishap::Freeze(span) => self.freeze(span),
            Mishap::TakenOver(span) => self.taken_over(span),
            Mishap::Flaky(host, period, span) => {
                let flaky = Flaky {
                    from: now,
                    until: now + span,
                    period,
                    down: Span(period.0 / 3),
                };
                self.hosts[host.index()].flaky = Some(flaky);
            }
            Mishap::TakenBack(rollout) => self.takes_back(rollout),
            Mishap::GivenUp(rollout) => self.gives_up(rollout),
        }
    }

    /// A step that ran is interrupted; half of the time it had done its work.
    fn power_lost(&mut self, host: HostId, span: Span) {
        let now = self.now;
        if let Some((intent, _)) = self.hosts[host.index()].running()
            && let Some(change) = self.effects.remove(&intent)
        {
            if self.network.chance(50) {
                self.take_effect(host, &change, now);
            } else {
                self.hurts(host, &change);
            }
        }
        self.hosts[host.index()].power_lost(now + span);
    }

    /// The machine stands still: everything on its way to the decider arrives later, the hosts go on.
    fn freeze(&mut self, span: Span) {
        let until = self.now + span;
        let late: Vec<_> = self
            .queue
            .range(..(until, 0))
            .filter(|(_, happening)| matches!(happening, Happening::Arrives { .. }))
            .map(|(key, _)| *key)
            .collect();
        for key in late {
            if let Some(happening) = self.queue.remove(&key) {
                let moved = (until, key.1);
                self.wake_moved(key, moved);
                self.queue.insert(moved, happening);
            }
        }
    }
}
