//! Colour, always as a second signal beside a word. The output module removes it where it is not wanted.

/// A colour with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Well.
    Good,
    /// In motion or waiting.
    Busy,
    /// Harm.
    Bad,
    /// Not there yet.
    Faint,
}

/// The text in a colour.
pub(crate) fn paint(paint: Paint, text: &str) -> String {
    let code = match paint {
        Paint::Good => 32,
        Paint::Busy => 33,
        Paint::Bad => 31,
        Paint::Faint => 2,
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// The text in bold.
pub(crate) fn bold(text: &str) -> String {
    format!("\x1b[1m{text}\x1b[0m")
}

/// The text without colour, as tests and line-wise output compare it.
#[cfg(test)]
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, tail)| tail);
    }
    out + rest
}
