//! Typed ids. An id is an index or a packed number, never a string, and never crosses into another id's place.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident, $repr:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $repr);

        impl $name {
            /// The id as an index into the table it belongs to.
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The id of the entry at `index`.
            ///
            /// # Panics
            ///
            /// When `index` does not fit: tables are checked against their limit where they are built.
            pub fn at(index: usize) -> Self {
                Self(<$repr>::try_from(index).expect("tables are bounded where they are built"))
            }
        }
    };
}

index!(
    /// A host of the fleet: its place in the fleet's registry, which only ever grows.
    HostId,
    u32
);
index!(
    /// A host's place in one rollout's plan. Slots are ordered by ring, so a ring is a range of slots.
    Slot,
    u32
);
index!(
    /// A group of the fleet's dependency graph.
    GroupId,
    u16
);
index!(
    /// One availability group in the concrete: the members of a group that share the value of its `per` label.
    CellId,
    u32
);
index!(
    /// A named probe of the fleet. A fleet has at most 16.
    ProbeId,
    u8
);
index!(
    /// The way a kind of host is visited: its steps, compiled from a recipe and the care of its group.
    RouteId,
    u16
);
index!(
    /// A ring's place in its policy; the first ring is 0.
    RingIndex,
    u16
);
index!(
    /// A rollout of this fleet, counted from 1 in the order they were proposed.
    RolloutId,
    u32
);

impl RingIndex {
    /// The ring after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for RolloutId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl FromStr for RolloutId {
    type Err = IntentParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('r')
            .unwrap_or(text)
            .parse()
            .map(Self)
            .map_err(|_| IntentParseError(text.to_owned()))
    }
}

/// The fencing number of a decider: it grows with every process that takes the fleet over.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One step that was decided: which rollout, which slot, and the how-manieth step of that slot (from 1).
///
/// Packed into 64 bits (20 rollout, 28 slot, 16 serial) so that a result finds its host without a look-up. It names the
/// step's run directory on the host, as `r1-s17-3`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(u64);

impl IntentId {
    /// Rollouts that fit.
    pub const MAX_ROLLOUT: u32 = (1 << 20) - 1;
    /// Slots that fit.
    pub const MAX_SLOT: u32 = (1 << 28) - 1;

    /// Packs the three parts.
    pub const fn new(rollout: RolloutId, slot: Slot, serial: u16) -> Self {
        Self(
            ((rollout.0 as u64) << 44) | (((slot.0 & Self::MAX_SLOT) as u64) << 16) | serial as u64,
        )
    }

    /// The rollout the step belongs to.
    pub const fn rollout(self) -> RolloutId {
        RolloutId((self.0 >> 44) as u32)
    }

    /// The slot the step is for.
    #[expect(clippy::cast_possible_truncation, reason = "the mask keeps 28 bits")]
    pub const fn slot(self) -> Slot {
        Slot(((self.0 >> 16) as u32) & Self::MAX_SLOT)
    }

    /// The how-manieth step of the slot in its rollout, from 1.
    pub const fn serial(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// The packed number.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// From the packed number.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-s{}-{}", self.rollout(), self.slot().0, self.serial())
    }
}

impl fmt::Debug for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id of a rollout or a step")]
pub struct IntentParseError(pub String);

impl FromStr for IntentId {
    type Err = IntentParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = || {
            let (rollout, rest) = text.strip_prefix('r')?.split_once("-s")?;
            let (slot, serial) = rest.split_once('-')?;
            let (rollout, slot): (u32, u32) = (rollout.parse().ok()?, slot.parse().ok()?);
            (rollout <= Self::MAX_ROLLOUT && slot <= Self::MAX_SLOT).then_some(Self::new(
                RolloutId(rollout),
                Slot(slot),
                serial.parse().ok()?,
            ))
        };
        parts().ok_or_else(|| IntentParseError(text.to_owned()))
    }
}

/// `r1-s17-3` where people read it, a number where machines do.
impl Serialize for IntentId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for IntentId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            u64::deserialize(deserializer).map(Self)
        }
    }
}

/// Who did something: a person's user name, or `ringway` for the system itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Actor(pub String);

impl Actor {
    /// The system itself.
    pub fn system() -> Self {
        Self("ringway".to_owned())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_id_keeps_its_three_parts_and_its_name() {
        for (rollout, slot, serial) in [
            (1, 0, 1),
            (IntentId::MAX_ROLLOUT, IntentId::MAX_SLOT, u16::MAX),
            (7, 999_999, 12),
        ] {
            let id = IntentId::new(RolloutId(rollout), Slot(slot), serial);
            assert_eq!(
                (id.rollout().0, id.slot().0, id.serial()),
                (rollout, slot, serial)
            );
            assert_eq!(id.to_string().parse::<IntentId>().unwrap(), id);
        }
        assert!("r1-s2".parse::<IntentId>().is_err());
        assert!("r99999999-s2-1".parse::<IntentId>().is_err());
    }
}
