//! The digest of what was shown, as somebody names it who says yes to exactly that: all of it, or its beginning.

use std::str::FromStr;

use ringway_model::Digest;

/// Fewer digits than are shown anywhere say too little: 48 bits cannot be made to fit by trying.
const LEAST: usize = 12;

/// A digest, or how it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ShownDigest {
    /// All of it.
    Whole(Digest),
    /// Its first digits, in lower case.
    Begins(String),
}

/// A text that is neither.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 64 hexadecimal digits; give all of them, or at least the first {LEAST}")]
pub(crate) struct NoDigest;

impl FromStr for ShownDigest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        if let Ok(digest) = text.parse() {
            return Ok(Self::Whole(digest));
        }
        let are_digits = text.bytes().all(|digit| digit.is_ascii_hexdigit());
        if are_digits && (LEAST..64).contains(&text.len()) {
            Ok(Self::Begins(text.to_lowercase()))
        } else {
            Err(NoDigest)
        }
    }
}

impl ShownDigest {
    /// The digest that is meant, where this is what is shown now; `None`: it begins otherwise.
    pub(crate) fn of(&self, shown: Digest) -> Option<Digest> {
        match self {
            // Whether it still holds is for the engine to say.
            Self::Whole(digest) => Some(*digest),
            Self::Begins(digits) => shown
                .to_string()
                .starts_with(digits.as_str())
                .then_some(shown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_means_only_what_begins_so() {
        let shown = Digest::of(b"shown");
        let given = |text: &str| text.parse::<ShownDigest>();
        let means = |text: &str| given(text).unwrap().of(shown);
        let (whole, short) = (shown.to_string(), shown.short());
        assert_eq!(means(&whole), Some(shown));
        assert_eq!(means(&short), Some(shown));
        assert_eq!(means(&short.to_uppercase()), Some(shown));
        assert_eq!(means(&Digest::of(b"other").short()), None);
        let other = Digest::of(b"other");
        assert_eq!(means(&other.to_string()), Some(other));
        for text in ["", &short[..11], "0123456789abx", &format!("{whole}0")] {
            assert_eq!(given(text), Err(NoDigest), "{text}");
        }
    }
}
