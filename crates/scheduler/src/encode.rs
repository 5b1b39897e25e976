//! Fleets and plans as bytes, so that they can be named by their digest.
//!
//! The first byte is the format's version; the rest is postcard. The same value gives the same bytes on every machine.

use std::collections::{BTreeMap, BTreeSet};

use postcard::ser_flavors::Flavor;
use ringway_model::{Digest, HostId, Pieces};
use ringway_policy::validated::{NotifyRule, OUTSIDE_PAUSE_AT};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::consent::{Consent, UnpoisonPlan};
use crate::evidence::EvidencePlan;
use crate::lane::{LanePlan, LaneTerms};
use crate::parts::Supersedes;
use crate::plan::Revision;
use crate::terms::Terms;
use crate::times::Times;
use crate::{FleetSpec, Plan};

/// The format that is written. A reader meets older ones in journals for ever, so a change of the types raises it and
/// keeps a reader for the one before.
const VERSION: u8 = 1;

/// The format of a plan with times: as version 1, with [`Times`] behind it.
const WITH_TIMES: u8 = 2;

/// The format of a plan with terms: as with times, with [`Terms`] behind them.
const WITH_TERMS: u8 = 3;

/// The format of a plan with more than that: as with terms, with [`More`] behind them.
const WITH_MORE: u8 = 4;

/// The format of a plan with hours for ending soaks early: as with more, with [`Terms::early`] behind it.
const WITH_EARLY_HOURS: u8 = 5;

/// The format of a plan that says how many hosts others may change: as with those hours, with the number behind them.
const WITH_OUTSIDE: u8 = 6;

/// The format of a plan that supersedes something: as with that number, with what it supersedes behind it.
const WITH_PARTS: u8 = 7;

/// The format of a plan that is made in a lane: as with that number, with what it supersedes, if anything, and the lane.
const WITH_LANE: u8 = 8;
/// The format of a plan that asks for evidence: as with that number, with what it supersedes and its lane, if anything, and
/// [`EvidencePlan`] behind them.
const WITH_EVIDENCE: u8 = 9;

/// The format of a plan that tells settings from names of content, or knows the lanes of its policy: as with that number, with what
/// it supersedes, its lane and the evidence it asks for, if anything, and by route its settings and those lanes behind them.
const WITH_SETTINGS: u8 = 12;

/// The format of a plan that says who must agree before its content may be installed again: as with that number, with whatever
/// there is of settings and lanes, and [`UnpoisonPlan`] behind them. (10 and 11 were never written by a release.)
const WITH_UNPOISON: u8 = 13;

/// The format of a fleet of which hosts have vanished: as version 1, with their numbers behind it.
const WITH_VANISHED: u8 = 2;

/// What plans have besides: the revision one is, who is told what, and what approvals depend on. Each is a default where
/// there is none of it.
type More = (Option<Revision>, Vec<NotifyRule>, Consent);

/// The same, borrowed.
type Borrowed<'p> = (&'p Option<Revision>, &'p Vec<NotifyRule>, &'p Consent);

/// Bytes that are not what they are taken for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There is nothing.
    #[error("no bytes")]
    Empty,
    /// Another format.
    #[error("format version {0} is not known (this program reads {VERSION} to {WITH_UNPOISON})")]
    Version(u8),
    /// The bytes do not describe the value.
    #[error("the bytes do not describe the value: {0}")]
    Malformed(String),
    /// Something follows the value.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// Numbers in it name nothing.
    #[error("{0}")]
    Unsound(String),
}

fn encode(value: &impl Serialize) -> (Digest, Vec<u8>) {
    with_version(VERSION, value)
}

fn with_version(version: u8, value: &impl Serialize) -> (Digest, Vec<u8>) {
    let bytes = postcard::to_extend(value, vec![version])
        .expect("these types have no lengths unknown in advance, and memory grows as needed");
    (Digest::of(&bytes), bytes)
}

/// The digest that [`encode`] gives, without the bytes: those of a large fleet are more than the fleet itself is worth
/// in memory.
fn digest(version: u8, value: &impl Serialize) -> Digest {
    let mut digesting = Digesting::default();
    digesting.bytes.push(version);
    postcard::serialize_with_flavor(value, digesting)
        .expect("these types have no lengths unknown in advance, and a digest takes everything")
}

/// Takes bytes, and keeps no more of them than are worth the digest's while.
#[derive(Default)]
struct Digesting {
    pieces: Pieces,
    bytes: Vec<u8>,
}

impl Digesting {
    const ENOUGH: usize = 1 << 14;

    fn hand_over(&mut self) {
        self.pieces.add(&self.bytes);
        self.bytes.clear();
    }
}

impl Flavor for Digesting {
    type Output = Digest;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= Self::ENOUGH {
            self.hand_over();
        }
        Ok(())
    }

    fn finalize(mut self) -> postcard::Result<Digest> {
        self.hand_over();
        Ok(self.pieces.finish())
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (&version, body) = bytes.split_first().ok_or(DecodeError::Empty)?;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    whole(body)
}

/// The value that is all of these bytes.
fn whole<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let (value, rest) = postcard::take_from_bytes(body)
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::Trailing(rest.len()))
    }
}

impl FleetSpec {
    /// The fleet's bytes and their digest.
    pub fn encode(&self) -> (Digest, Vec<u8>) {
        if self.vanished.is_empty() {
            return encode(self);
        }
        with_version(WITH_VANISHED, &(self, &self.vanished))
    }

    /// The fleet's digest, as [`FleetSpec::encode`] gives it.
    pub fn digest(&self) -> Digest {
        if self.vanished.is_empty() {
            digest(VERSION, self)
        } else {
            digest(WITH_VANISHED, &(self, &self.vanished))
        }
    }

    /// The fleet that these bytes describe.
    ///
    /// # Errors
    ///
    /// When they are of another format, damaged, followed by more, or have numbers that name nothing.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let fleet = if let Some((&WITH_VANISHED, body)) = bytes.split_first() {
            let (fleet, vanished): (Self, BTreeSet<HostId>) = whole(body)?;
            Self { vanished, ..fleet }
        } else {
            decode(bytes)?
        };
        fleet.check_numbers().map_err(DecodeError::Unsound)?;
        Ok(fleet)
    }
}

/// What a plan consists of without what came later.
type All = (Plan, Times, Terms, More, Vec<Option<u32>>);

/// What it supersedes, its lane and the evidence it asks for.
type Besides = (Option<Supersedes>, Option<LanePlan>, Option<EvidencePlan>);

/// By route its settings, and the lanes of its policy.
type Settings = (Vec<BTreeSet<String>>, BTreeMap<String, LaneTerms>);

/// [`Settings`], borrowed: the bytes are the same.
type SettingsRef<'p> = (Vec<&'p BTreeSet<String>>, &'p BTreeMap<String, LaneTerms>);

impl Plan {
    /// The plan's bytes and their digest.
    pub fn encode(&self) -> (Digest, Vec<u8>) {
        if let Some(unpoison) = &self.unpoison {
            let all = (self.all(), self.outside_pause_at);
            let more = (&self.supersedes, &self.lane, &self.evidence);
            with_version(WITH_UNPOISON, &(all, more, self.all_settings(), unpoison))
        } else if let Some(settings) = self.settings() {
            let all = (self.all(), self.outside_pause_at);
            let more = (&self.supersedes, &self.lane, &self.evidence);
            with_version(WITH_SETTINGS, &(all, more, settings))
        } else if let Some(evidence) = &self.evidence {
            let all = (self.all(), self.outside_pause_at);
            with_version(
                WITH_EVIDENCE,
                &(all, &self.supersedes, &self.lane, evidence),
            )
        } else if let Some(lane) = &self.lane {
            let value = (self.all(), self.outside_pause_at, &self.supersedes, lane);
            with_version(WITH_LANE, &value)
        } else if let Some(supersedes) = &self.supersedes {
            let value = (self.all(), self.outside_pause_at, supersedes);
            with_version(WITH_PARTS, &value)
        } else if self.outside_pause_at != OUTSIDE_PAUSE_AT {
            with_version(WITH_OUTSIDE, &(self.all(), self.outside_pause_at))
        } else if !self.terms.early.is_empty() {
            with_version(WITH_EARLY_HOURS, &self.all())
        } else if self.has_more() {
            with_version(WITH_MORE, &(self, &self.times, &self.terms, self.more()))
        } else if !self.terms.is_empty() {
            with_version(WITH_TERMS, &(self, &self.times, &self.terms))
        } else if !self.times.is_empty() {
            with_version(WITH_TIMES, &(self, &self.times))
        } else {
            encode(self)
        }
    }

    /// The plan's digest, as [`Plan::encode`] gives it.
    pub fn digest(&self) -> Digest {
        if let Some(unpoison) = &self.unpoison {
            let all = (self.all(), self.outside_pause_at);
            let more = (&self.supersedes, &self.lane, &self.evidence);
            digest(WITH_UNPOISON, &(all, more, self.all_settings(), unpoison))
        } else if let Some(settings) = self.settings() {
            let all = (self.all(), self.outside_pause_at);
            let more = (&self.supersedes, &self.lane, &self.evidence);
            digest(WITH_SETTINGS, &(all, more, settings))
        } else if let Some(evidence) = &self.evidence {
            let all = (self.all(), self.outside_pause_at);
            digest(
                WITH_EVIDENCE,
                &(all, &self.supersedes, &self.lane, evidence),
            )
        } else if let Some(lane) = &self.lane {
            let value = (self.all(), self.outside_pause_at, &self.supersedes, lane);
            digest(WITH_LANE, &value)
        } else if let Some(supersedes) = &self.supersedes {
            digest(WITH_PARTS, &(self.all(), self.outside_pause_at, supersedes))
        } else if self.outside_pause_at != OUTSIDE_PAUSE_AT {
            digest(WITH_OUTSIDE, &(self.all(), self.outside_pause_at))
        } else if !self.terms.early.is_empty() {
            digest(WITH_EARLY_HOURS, &self.all())
        } else if self.has_more() {
            digest(WITH_MORE, &(self, &self.times, &self.terms, self.more()))
        } else if !self.terms.is_empty() {
            digest(WITH_TERMS, &(self, &self.times, &self.terms))
        } else if !self.times.is_empty() {
            digest(WITH_TIMES, &(self, &self.times))
        } else {
            digest(VERSION, self)
        }
    }

    /// By route its settings, and the lanes of its policy.
    fn all_settings(&self) -> SettingsRef<'_> {
        let all = self.routes.iter().map(|route| &route.settings).collect();
        (all, &self.lanes)
    }

    /// The same, where there is any of that.
    fn settings(&self) -> Option<SettingsRef<'_>> {
        let (all, lanes) = self.all_settings();
        let any = !lanes.is_empty() || all.iter().any(|of| !of.is_empty());
        any.then_some((all, lanes))
    }

    /// What is read back where settings are written.
    fn with_besides(
        (all, outside_pause_at): (All, u32),
        (supersedes, lane, evidence): Besides,
        (settings, lanes): Settings,
    ) -> Result<Self, DecodeError> {
        let (plan, times, terms, more, early) = all;
        let plan = plan.with(times, Terms { early, ..terms }, more);
        let plan = Self {
            outside_pause_at,
            supersedes,
            lane,
            lanes,
            evidence,
            ..plan
        };
        plan.with_settings(settings)
    }

    /// The same, read back.
    fn with_settings(mut self, settings: Vec<BTreeSet<String>>) -> Result<Self, DecodeError> {
        if settings.len() != self.routes.len() {
            let what = "it has settings of other routes than its own".to_owned();
            return Err(DecodeError::Unsound(what));
        }
        for (route, settings) in self.routes.iter_mut().zip(settings) {
            route.settings = settings;
        }
        Ok(self)
    }

    fn has_more(&self) -> bool {
        self.revises.is_some() || !self.notify.is_empty() || !self.consent.is_empty()
    }

    /// [`More`], borrowed: the bytes are the same.
    const fn more(&self) -> Borrowed<'_> {
        (&self.revises, &self.notify, &self.consent)
    }

    fn with(self, times: Times, terms: Terms, (revises, notify, consent): More) -> Self {
        Self {
            times,
            notify,
            terms,
            revises,
            consent,
            ..self
        }
    }

    /// Everything that a plan can have, borrowed.
    fn all(&self) -> impl Serialize {
        let early = &self.terms.early;
        (self, &self.times, &self.terms, self.more(), early)
    }

    /// The plan that these bytes describe.
    ///
    /// # Errors
    ///
    /// When they are of another format, damaged, followed by more, or have numbers that name nothing.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let plan = Self::as_written(bytes)?;
        plan.check_numbers().map_err(DecodeError::Unsound)?;
        Ok(plan)
    }

    #[expect(clippy::too_many_lines, reason = "it is read as one list")]
    fn as_written(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.split_first() {
            Some((&WITH_UNPOISON, body)) => {
                type Whole = ((All, u32), Besides, Settings, UnpoisonPlan);
                let (all, besides, settings, unpoison): Whole = whole(body)?;
                let plan = Self::with_besides(all, besides, settings)?;
                Ok(Self {
                    unpoison: Some(unpoison),
                    ..plan
                })
            }
            Some((&WITH_SETTINGS, body)) => {
                let (all, besides, settings): ((All, u32), Besides, Settings) = whole(body)?;
                Self::with_besides(all, besides, settings)
            }
            Some((&WITH_EVIDENCE, body)) => {
                type Whole = (
                    (All, u32),
                    Option<Supersedes>,
                    Option<LanePlan>,
                    EvidencePlan,
                );
                let ((all, outside_pause_at), supersedes, lane, evidence): Whole = whole(body)?;
                let (plan, times, terms, more, early) = all;
                let plan = plan.with(times, Terms { early, ..terms }, more);
                Ok(Self {
                    outside_pause_at,
                    supersedes,
                    lane,
                    evidence: Some(evidence),
                    ..plan
                })
            }
            Some((&WITH_LANE, body)) => {
                type Laned = (All, u32, Option<Supersedes>, LanePlan);
                let (all, outside_pause_at, supersedes, lane): Laned = whole(body)?;
                let (plan, times, terms, more, early) = all;
                let plan = plan.with(times, Terms { early, ..terms }, more);
                Ok(Self {
                    outside_pause_at,
                    supersedes,
                    lane: Some(lane),
                    ..plan
                })
            }
            Some((&WITH_PARTS, body)) => {
                let (all, outside_pause_at, supersedes): (All, u32, Supersedes) = whole(body)?;
                let (plan, times, terms, more, early) = all;
                let plan = plan.with(times, Terms { early, ..terms }, more);
                Ok(Self {
                    outside_pause_at,
                    supersedes: Some(supersedes),
                    ..plan
                })
            }
            Some((&WITH_OUTSIDE, body)) => {
                let (all, outside_pause_at): (All, u32) = whole(body)?;
                let (plan, times, terms, more, early) = all;
                let plan = plan.with(times, Terms { early, ..terms }, more);
                Ok(Self {
                    outside_pause_at,
                    ..plan
                })
            }
            Some((&WITH_EARLY_HOURS, body)) => {
                let (plan, times, terms, more, early): All = whole(body)?;
                Ok(plan.with(times, Terms { early, ..terms }, more))
            }
            Some((&WITH_MORE, body)) => {
                let (plan, times, terms, more): (Self, Times, Terms, More) = whole(body)?;
                Ok(plan.with(times, terms, more))
            }
            Some((&WITH_TERMS, body)) => {
                let (plan, times, terms): (Self, Times, Terms) = whole(body)?;
                Ok(Self {
                    times,
                    terms,
                    ..plan
                })
            }
            Some((&WITH_TIMES, body)) => {
                let (plan, times): (Self, Times) = whole(body)?;
                Ok(Self { times, ..plan })
            }
            Some(_) | None => decode(bytes),
        }
    }
}
