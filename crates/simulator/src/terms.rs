//! Terms of plans that nobody wrote: working hours, hours for approvals, freezes that may be overridden, external gates;
//! and what those gates say while a world goes on.
//!
//! Hours come and go several times a day, so that a story of hours meets them, and are away for less than people's patience.

use std::collections::BTreeMap;

use ringway_model::{RolloutId, Says, Span, Timestamp};
use ringway_policy::validated::{
    Binding, Command, ExternalGate, FreezeOverride, Hours, HoursOfDay, TimeOfDay, Weekdays,
};

use crate::dice::Dice;
use crate::documents::Papers;

/// Eight times a day, each for all but a while of three hours; when in them a world begins is drawn.
fn hours(dice: &mut Dice) -> Hours {
    let away = u32::try_from(dice.between(10, 35)).expect("small");
    let from = u32::try_from(dice.between(0, 179)).expect("small");
    let at = |minutes: u32| {
        TimeOfDay::new(minutes / 60 % 24, minutes % 60, 0).expect("an instant of the day")
    };
    let all = (0..8).map(|turn| {
        let begins = turn * 180 + from;
        HoursOfDay {
            days: Weekdays::DAILY,
            from: at(begins),
            until: at(begins + 180 - away),
        }
    });
    Hours(all.collect())
}

/// Draws terms for what was drawn before. Of days everything is slower.
pub(crate) fn with_terms(papers: &mut Papers, dice: &mut Dice, days: bool) {
    let Some(fleet) = &mut papers.documents.fleet else {
        return;
    };
    let by_hours = dice.chance(25);
    if by_hours {
        fleet.calendar.working_hours = Some(hours(dice));
    }
    for policy in papers.documents.policies.values_mut() {
        if by_hours {
            let approvals = policy.rings.iter_mut().map(|ring| &mut ring.after_soak);
            for approvals in approvals.chain([&mut policy.start]).flatten() {
                approvals.between = dice.chance(60).then(|| hours(dice));
            }
            for ring in &mut policy.rings {
                let most = ring.soak.millis().max(600_000);
                ring.working_time = dice.chance(60).then(|| Span(dice.between(most / 4, most)));
            }
        }
        if !policy.calendar.freezes.is_empty() && dice.chance(65) {
            policy.calendar.freeze_override = FreezeOverride::WithReason;
            for freeze in policy.calendar.freezes.values_mut() {
                if dice.chance(25) {
                    freeze.binding = Binding::Always;
                }
            }
        }
        if dice.chance(20) {
            for number in 0..dice.between(1, 2) {
                let every = Span::seconds(*dice.pick(&[30, 60, 120]));
                policy.external.push(ExternalGate {
                    name: format!("change-{number}"),
                    run: Command::Shell("./change-approved".to_owned()),
                    every: if days { every.times(10) } else { every },
                    timeout: Span::seconds(10),
                });
            }
        }
    }
}

/// Draws terms of yeses that end soaks early: hours in which they count, and how long they stand.
pub(crate) fn with_early_terms(papers: &mut Papers, dice: &mut Dice) {
    let policies = papers.documents.policies.values_mut();
    let rings = policies.flat_map(|policy| &mut policy.rings);
    for early in rings.filter_map(|ring| ring.early.as_mut()) {
        if dice.chance(40) {
            early.rule.between = Some(hours(dice));
        }
        if dice.chance(40) {
            early.rule.expire = Some(dice.span(Span::minutes(1), Span::minutes(10)));
        }
    }
}

/// How a gate is for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Says(Says),
    /// It gives no answer at all.
    Silent,
}

/// What the gates of a world's rollouts say.
#[derive(Clone, Debug)]
pub(crate) struct GateMoods {
    dice: Dice,
    moods: BTreeMap<(RolloutId, u16), (Timestamp, Mood)>,
    /// Nothing keeps anybody any more.
    healed: bool,
    /// When it was answered last that it is open. A later answer may still be on its way.
    open: BTreeMap<(RolloutId, u16), Timestamp>,
}

impl GateMoods {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed, "gates"),
            moods: BTreeMap::new(),
            healed: false,
            open: BTreeMap::new(),
        }
    }

    pub(crate) fn heal(&mut self) {
        self.healed = true;
    }

    /// What a gate says now, if anything.
    pub(crate) fn ask(&mut self, now: Timestamp, gate: (RolloutId, u16)) -> Option<Says> {
        if self.healed {
            self.open.insert(gate, now);
            return Some(Says::Open);
        }
        let known = self.moods.get(&gate).copied();
        let (_, mood) = known.filter(|(until, _)| now < *until).unwrap_or_else(|| {
            let (mood, longest) = match self.dice.below(20) {
                0..12 => (Mood::Says(Says::Open), 40),
                12..16 => (Mood::Says(Says::Closed), 15),
                16 => (Mood::Says(Says::Unknown), 10),
                _ => (Mood::Silent, 12),
            };
            let lasts = self.dice.span(Span::minutes(1), Span::minutes(longest));
            let drawn = (now + lasts, mood);
            self.moods.insert(gate, drawn);
            drawn
        });
        match mood {
            Mood::Says(says) => {
                if says == Says::Open {
                    self.open.insert(gate, now);
                }
                Some(says)
            }
            Mood::Silent => None,
        }
    }

    /// Whether a gate said not too long ago that it is open.
    pub(crate) fn is_open(&self, now: Timestamp, gate: (RolloutId, u16), within: Span) -> bool {
        let open = self.open.get(&gate);
        open.is_some_and(|at| now.since(*at) <= within)
    }

    /// How long to wait before an answer arrives.
    pub(crate) fn wait(&mut self) -> Span {
        self.dice.span(Span(5), Span::seconds(3))
    }
}
