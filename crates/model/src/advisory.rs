//! What a notice about an update is: how far its source is believed, and what it asks for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far the source of an advisory is believed, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// Somebody said so. It changes nothing until a person accepts it.
    Unverified,
    /// Somebody of one's own house says so.
    Internal,
    /// Whoever made the update says so.
    Vendor,
}

impl Rank {
    /// Every rank with its word, as documents write it.
    pub const WORDS: [(&'static str, Self); 3] = [
        (Self::Vendor.word(), Self::Vendor),
        (Self::Internal.word(), Self::Internal),
        (Self::Unverified.word(), Self::Unverified),
    ];

    /// The one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Internal => "internal",
            Self::Unverified => "unverified",
        }
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What an advisory asks for, the mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// People are told.
    Note,
    /// The hosts it describes are not given the content it is about.
    Hold,
    /// Nobody is given it.
    Poison,
}

impl Effect {
    /// Every effect with its word, as documents write it.
    pub const WORDS: [(&'static str, Self); 3] = [
        (Self::Note.word(), Self::Note),
        (Self::Hold.word(), Self::Hold),
        (Self::Poison.word(), Self::Poison),
    ];

    /// The one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Hold => "hold",
            Self::Poison => "poison",
        }
    }

    /// Whether it keeps anything from anybody.
    pub const fn keeps(self) -> bool {
        match self {
            Self::Note => false,
            Self::Hold | Self::Poison => true,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_made_the_update_is_believed_most_and_a_poisoning_is_the_strictest() {
        assert!(Rank::Vendor > Rank::Internal && Rank::Internal > Rank::Unverified);
        assert!(Effect::Poison > Effect::Hold && Effect::Hold > Effect::Note);
    }
}
