//! What people are shown of protections: what is there, until when, and why it still is.

use ringway_model::{FailWhy, RolloutId, Slot, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::protection::{Key, Protection, Stands};
use crate::view::{LastWord, Waiting};

/// What a rollout made of a host before it changed anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProtectionView {
    /// The host.
    pub host: String,
    /// The rollout that made it.
    pub rollout: RolloutId,
    /// The host's slot in it.
    pub slot: Slot,
    /// What that installs.
    pub update: String,
    /// What it is called where it was made.
    pub name: String,
    /// When it was made.
    pub made: Timestamp,
    /// How long it is kept at least.
    pub until: Timestamp,
    /// How it stands.
    pub state: ProtectionState,
    /// Why it is still there, in words.
    pub words: String,
    /// Why its removal does not begin; empty where it is not to be removed, or nothing is in its way.
    pub waiting: Vec<Waiting>,
    /// Who wants it removed, where somebody does.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What the last attempt to remove it said, where it did not go well and somebody who knows fills it in.
    pub last_word: Option<LastWord>,
}

/// How a protection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtectionState {
    /// It is kept.
    Kept,
    /// It is to be removed.
    Ending,
    /// It is being removed.
    Removing,
    /// It could not be removed, or its host is gone from the fleet: a person has to.
    Stuck,
}

/// How many protections are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProtectionCounts {
    /// Those that are kept.
    pub kept: u32,
    /// Those that are to be removed, or are being removed.
    pub ending: u32,
    /// Those that a person has to remove.
    pub stuck: u32,
    /// Those of which the removal runs, or begins without anything else having to happen.
    pub moving: u32,
}

impl ProtectionCounts {
    /// All of them.
    pub const fn all(&self) -> u32 {
        self.kept + self.ending + self.stuck
    }
}

impl Engine {
    /// Protections that are listed: of one host, or of all.
    pub fn protections(&self, host: Option<&str>) -> Vec<ProtectionView> {
        let all = self.protections.of.iter();
        let all = all.filter(|(_, it)| host.is_none_or(|host| it.host == host));
        all.map(|(key, it)| self.protection_view(*key, it))
            .collect()
    }

    /// How many there are.
    pub(crate) fn protection_counts(&self, now: Timestamp) -> ProtectionCounts {
        let mut counts = ProtectionCounts::default();
        for (key, protection) in &self.protections.of {
            counts.moving += u32::from(self.moves(*key, protection, now));
            match self.protection_state(protection) {
                ProtectionState::Kept => counts.kept += 1,
                ProtectionState::Ending | ProtectionState::Removing => counts.ending += 1,
                ProtectionState::Stuck => counts.stuck += 1,
            }
        }
        counts
    }

    /// Whether its removal runs, or begins without anything else having to happen.
    fn moves(&self, key: Key, protection: &Protection, now: Timestamp) -> bool {
        match self.protection_state(protection) {
            ProtectionState::Removing => true,
            ProtectionState::Stuck => false,
            ProtectionState::Ending => self.removal_waits(key).is_none(),
            ProtectionState::Kept => {
                let host = protection.at;
                protection.until <= now
                    && self.is_past(key.0 as usize)
                    && self.stopped().is_none()
                    && host.is_some_and(|host| self.host_hold(host).is_none())
            }
        }
    }

    /// Those of a host in one rollout.
    pub(crate) fn protections_in(&self, r: usize, slot: u32) -> Vec<ProtectionView> {
        let all = self.protections.of_slot(r, slot);
        all.map(|(key, it)| self.protection_view(key, it)).collect()
    }

    /// Whether nobody but a person can remove it: its host cannot be known by its name any more.
    fn is_out_of_hand(&self, protection: &Protection) -> bool {
        protection.at.is_none_or(|host| self.has_vanished(host))
    }

    fn protection_state(&self, protection: &Protection) -> ProtectionState {
        match protection.stands {
            Stands::Removing { .. } => ProtectionState::Removing,
            Stands::Stuck { .. } => ProtectionState::Stuck,
            Stands::Kept | Stands::Ending { .. } if self.is_out_of_hand(protection) => {
                ProtectionState::Stuck
            }
            Stands::Kept => ProtectionState::Kept,
            Stands::Ending { .. } => ProtectionState::Ending,
        }
    }

    fn protection_view(&self, key: Key, protection: &Protection) -> ProtectionView {
        let rollout = &self.rollouts[key.0 as usize];
        let state = self.protection_state(protection);
        let waits = (state == ProtectionState::Ending)
            .then(|| self.removal_waits(key))
            .flatten();
        let asked = protection.asked.as_ref();
        ProtectionView {
            host: protection.host.clone(),
            rollout: rollout.rec.id,
            slot: Slot(key.1),
            update: rollout.plan.update.clone(),
            name: protection.name.clone(),
            made: protection.made,
            until: protection.until,
            state,
            words: self.protection_words(key, protection),
            waiting: waits.map(Waiting::from).into_iter().collect(),
            by: asked.map(|(by, _)| by.0.clone()),
            reason: asked.map(|(_, reason)| reason.clone()),
            last_word: None,
        }
    }

    fn protection_words(&self, (r, ..): Key, protection: &Protection) -> String {
        let by = || match &protection.asked {
            Some((by, reason)) => format!("{by} wants it removed: {reason}"),
            None => "its time is over".to_owned(),
        };
        let gone = "its host is no longer of the fleet: remove it by hand";
        match protection.stands {
            Stands::Removing { attempt } => format!("being removed (attempt {attempt}): {}", by()),
            Stands::Stuck { why, since } => {
                let why = why.map_or("its host could not be reached", FailWhy::words);
                format!("could not be removed: {why} (given up at {since}); remove it by hand")
            }
            Stands::Kept | Stands::Ending { .. } if self.is_out_of_hand(protection) => {
                gone.to_owned()
            }
            Stands::Ending { attempt: 1, .. } => format!("to be removed: {}", by()),
            Stands::Ending { attempt, at } => {
                format!(
                    "could not be removed yet; attempt {attempt} at {at}, or at once by `ringway unprotect {}`: {}",
                    protection.host,
                    by()
                )
            }
            Stands::Kept => match self.not_past(r as usize) {
                None => "kept until its time is over".to_owned(),
                Some(rollout) if protection.until <= self.now => {
                    format!("kept until {rollout} is over")
                }
                Some(rollout) => format!("kept until its time and {rollout} are over"),
            },
        }
    }
}
