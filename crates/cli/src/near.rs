//! "Did you mean": the one of some names that a mistyped one is closest to. Pure.

/// The nearest of the names, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    // A third of the letters may be wrong: more is another word.
    let limit = (wanted.chars().count() / 3).max(1);
    names
        .into_iter()
        .filter(|name| name.len().abs_diff(wanted.len()) <= limit * 4)
        .map(|name| {
            (
                strsim::damerau_levenshtein(&wanted, &name.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_offered() {
        let rings = ["lab", "canary", "broad"];
        for (wanted, near) in [
            ("canray", Some("canary")),
            ("Lab", Some("lab")),
            ("brod", Some("broad")),
            ("everything", None),
            ("", None),
        ] {
            assert_eq!(nearest(wanted, rings), near, "{wanted}");
        }
    }
}
