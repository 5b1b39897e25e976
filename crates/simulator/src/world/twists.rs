//! More that goes wrong, from dice of its own: what is aimed at running steps, what takes several mishaps in a row, and
//! deciders that live on beside the one that replaced them.

use ringway_model::{HostId, RolloutId, Span, StepKind};

use super::faults::Mishap;
use crate::dice::Dice;

/// What goes wrong beyond single mishaps at any instant.
#[derive(Clone, Debug)]
pub struct Twists {
    dice: Dice,
    /// Who gives a rollout up while a host restarts, the longest of steps.
    resigned: Dice,
    /// Steps of a hundred during which something goes wrong on their host, or with the decider.
    ambushed: u64,
    /// Results of a hundred that are lost on their way, so that the worker has to look again.
    lost: u64,
    /// Probe results of a hundred that arrive behind later ones of other hosts.
    swapped: u64,
    /// Commands of a hundred that reach a decider that was replaced.
    misled: u64,
    /// How long they may go on.
    lasts: Span,
    /// Whether hosts are away for days.
    pub(crate) days: bool,
}

impl Twists {
    /// Nothing more goes wrong.
    pub(super) fn none(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed, "twists"),
            resigned: Dice::new(seed, "resigned"),
            ambushed: 0,
            lost: 0,
            swapped: 0,
            misled: 0,
            lasts: Span::ZERO,
            days: false,
        }
    }

    /// Some more goes wrong within the first `lasts`.
    pub(super) fn some(seed: u64, lasts: Span) -> Self {
        let mut dice = Dice::new(seed, "twists");
        Self {
            ambushed: *dice.pick(&[0, 2, 5, 10]),
            lost: *dice.pick(&[0, 0, 3, 10]),
            swapped: *dice.pick(&[0, 10, 40]),
            misled: 50,
            lasts,
            days: dice.chance(2),
            resigned: Dice::new(seed, "resigned"),
            dice,
        }
    }

    pub(super) fn stop(&mut self) {
        (self.ambushed, self.lost, self.swapped) = (0, 0, 0);
    }

    pub(super) fn loses(&mut self) -> bool {
        self.lost > 0 && self.dice.chance(self.lost)
    }

    /// How long until a worker whose answer was lost asks again.
    pub(super) fn patience(&mut self) -> Span {
        self.dice.span(Span::seconds(5), Span::minutes(2))
    }

    /// How much longer than usual a probe takes, within its timeout.
    pub(super) fn swaps(&mut self) -> Span {
        if self.swapped > 0 && self.dice.chance(self.swapped) {
            self.dice.span(Span::seconds(1), Span::seconds(4))
        } else {
            Span::ZERO
        }
    }

    pub(super) fn misleads(&mut self) -> bool {
        self.dice.chance(self.misled)
    }

    /// What goes wrong while a step runs that takes so long, and when.
    pub(super) fn ambush(
        &mut self,
        host: HostId,
        (kind, rollout): (StepKind, RolloutId),
        takes: Span,
    ) -> Option<(Span, Mishap)> {
        // Few worlds roll back, so what they do then is looked at more closely.
        let seldom = if kind == StepKind::Rollback { 6 } else { 1 };
        if self.ambushed == 0 || !self.dice.chance(self.ambushed * seldom) {
            return None;
        }
        let at = self.dice.span(Span::ZERO, takes.less(Span(1)));
        let goes_back = kind == StepKind::Rollback;
        let is_given_up = goes_back && self.dice.chance(10);
        let is_taken_back = goes_back && !is_given_up && self.dice.chance(10);
        let in_restart = kind == StepKind::Reboot && self.resigned.chance(3);
        let in_look = kind == StepKind::Inspect && self.resigned.chance(1);
        let mishap = if is_given_up || in_restart || in_look {
            Mishap::GivenUp(rollout)
        } else if is_taken_back {
            Mishap::TakenBack(rollout)
        } else {
            self.draw(host)
        };
        Some((at, mishap))
    }

    fn draw(&mut self, host: HostId) -> Mishap {
        let short = self.dice.span(Span::seconds(5), Span::minutes(3));
        match self.dice.below(11) {
            0 => Mishap::Crash,
            1 | 2 => Mishap::TakenOver(short),
            3 => Mishap::Offline(host, short),
            4 => Mishap::PowerLoss(host, short),
            5 => Mishap::Killed(host, short),
            6 => Mishap::Blind(host, short),
            7 => Mishap::AllBlind(short),
            8 => self.flaky(host),
            9 => {
                let by = i64::try_from(self.dice.between(1_000, 900_000)).unwrap_or(0);
                Mishap::Ahead(if self.dice.chance(50) { by } else { -by })
            }
            _ => Mishap::Freeze(short),
        }
    }

    fn flaky(&mut self, host: HostId) -> Mishap {
        Mishap::Flaky(
            host,
            self.dice.span(Span::seconds(20), Span::minutes(5)),
            self.dice.span(Span::minutes(5), Span::minutes(60)),
        )
    }

    /// Mishaps in a row, with the spans from the beginning at which they happen.
    pub(super) fn schedule(&mut self, hosts: usize) -> Vec<(Span, Mishap)> {
        let mut all = Vec::new();
        if self.lasts == Span::ZERO {
            return all;
        }
        let lasts = self.lasts;
        let at = |dice: &mut Dice| dice.span(Span::minutes(1), lasts);
        if self.dice.chance(20) {
            for _ in 0..self.dice.between(1, 3) {
                let span = self.dice.span(Span::seconds(5), Span::minutes(10));
                all.push((at(&mut self.dice), Mishap::TakenOver(span)));
            }
        }
        if self.dice.chance(20) {
            for _ in 0..self.dice.between(1, 4) {
                let host = HostId::at(self.dice.index(hosts));
                let mishap = self.flaky(host);
                all.push((at(&mut self.dice), mishap));
            }
        }
        if self.days {
            for _ in 0..self.dice.between(1, 4) {
                let host = HostId::at(self.dice.index(hosts));
                let span = self.dice.span(Span::hours(12), Span::hours(60));
                all.push((at(&mut self.dice), Mishap::Offline(host, span)));
            }
        }
        if self.dice.chance(3) {
            let by = i64::try_from(self.dice.between(3_600_000, 86_400_000)).unwrap_or(0);
            let by = if self.dice.chance(70) { by } else { -by / 12 };
            all.push((at(&mut self.dice), Mishap::Ahead(by)));
        }
        self.second_thoughts(hosts, &mut all);
        all
    }

    /// Rollouts that are taken back or given up at a bad moment.
    fn second_thoughts(&mut self, hosts: usize, all: &mut Vec<(Span, Mishap)>) {
        let dice = &mut self.dice;
        let at = dice.span(Span::minutes(2), self.lasts);
        let rollout = RolloutId(u32::try_from(dice.between(1, 2)).unwrap_or(1));
        match dice.below(100) {
            // Taken back, once or more, while the other rollout goes on over the same hosts.
            0..15 => {
                for _ in 0..dice.between(1, 3) {
                    let at = dice.span(Span::minutes(2), self.lasts);
                    let rollout = RolloutId(u32::try_from(dice.between(1, 2)).unwrap_or(1));
                    all.push((at, Mishap::TakenBack(rollout)));
                }
            }
            // Hosts break while a rollback waits for slots of a budget.
            15..25 => {
                all.push((at, Mishap::TakenBack(rollout)));
                for _ in 0..4 {
                    let host = HostId::at(dice.index(hosts));
                    let later = at.plus(dice.span(Span::seconds(1), Span::minutes(3)));
                    let span = dice.span(Span::minutes(5), Span::minutes(30));
                    all.push((later, Mishap::Killed(host, span)));
                }
            }
            // Given up while nobody can be asked, and then nobody is there for a while either.
            25..35 => {
                let span = dice.span(Span::minutes(5), Span::minutes(40));
                all.push((at, Mishap::AllBlind(span)));
                let later = at.plus(dice.span(Span::seconds(1), Span::minutes(2)));
                all.push((later, Mishap::GivenUp(rollout)));
                let later = later.plus(dice.span(Span::seconds(1), Span::minutes(3)));
                all.push((later, Mishap::Crash));
            }
            _ => {}
        }
    }
}
