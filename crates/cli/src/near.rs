//! "Did you mean": the one of some names that a mistyped one is closest to. Pure.

/// The nearest of the names, if it is near enough to be what was meant: mistyped, or the only one that goes on after it, as a
/// host's full name does after its short one.
pub(crate) fn nearest<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let names: Vec<&str> = names.into_iter().collect();
    mistyped(wanted, names.iter().copied()).or_else(|| {
        let goes_on = |name: &&str| {
            let rest = name.strip_prefix(wanted);
            rest.is_some_and(|rest| rest.starts_with(['.', '-', '_']))
        };
        let mut longer = names.iter().copied().filter(goes_on);
        longer
            .next()
            .filter(|first| longer.all(|name| name == *first))
    })
}

fn mistyped<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
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
        let hosts = ["fs-1", "dc01.corp.example", "web-1.a", "web-1.b", "web-1.b"];
        for (wanted, near) in [
            ("fs1", Some("fs-1")),
            ("dc01", Some("dc01.corp.example")),
            ("web", None),
            ("dc0", None),
        ] {
            assert_eq!(nearest(wanted, hosts), near, "{wanted}");
        }
    }
}
