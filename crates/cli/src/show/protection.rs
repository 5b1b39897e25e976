//! What was made of hosts before they were changed, in words.

use ringway_engine::Event;
use ringway_engine::view::{ProtectionCounts, ProtectionState, ProtectionView};
use ringway_model::Timestamp;

use super::fleet::reasons;
use super::paint::{Paint, bold, paint};
use super::said::last_word;
use super::words::{put, until};

/// Each with when it ends and why it is there.
pub(crate) fn protections<'p>(
    all: impl Iterator<Item = &'p ProtectionView>,
    now: Timestamp,
) -> String {
    let mut text = String::new();
    for one in all {
        put(
            &mut text,
            format_args!(
                "{}  {}   {} ({}), made {}, kept until {}\n",
                bold(&one.host),
                one.name,
                one.rollout,
                one.update,
                one.made,
                until(now, one.until)
            ),
        );
        put(&mut text, format_args!("    {}\n", words(one)));
        if let Some(word) = &one.last_word {
            text.push_str(&last_word(word));
        }
        text.push_str(&reasons(&one.waiting, now));
    }
    text
}

/// Those of one host in one rollout, where a host is told of.
pub(super) fn of_host(all: &[ProtectionView], now: Timestamp) -> String {
    let mut text = String::new();
    for one in all {
        put(
            &mut text,
            format_args!(
                "  protected by {} since {}, kept until {}: {}\n",
                one.name,
                one.made,
                until(now, one.until),
                words(one)
            ),
        );
        text.push_str(&reasons(&one.waiting, now));
    }
    text
}

/// What people said of it, or what time did.
pub(super) fn told(host: &str, event: &Event) -> String {
    if let Event::ProtectionEnds { actor, reason, .. } = event {
        let who = actor.as_ref();
        let who = who.map_or_else(String::new, |actor| format!(", says {actor}"));
        return format!("{host}: what it is protected by is to be removed{who}: {reason}");
    }
    if let Event::ProtectionGone { actor, reason, .. } = event {
        return format!("{host}: what it was protected by is gone, says {actor}: {reason}");
    }
    String::new()
}

/// How many there are, where there are any.
pub(super) fn counted(counts: &ProtectionCounts) -> String {
    if counts.all() == 0 {
        return String::new();
    }
    let parts = [
        (counts.kept, "kept", Paint::Faint),
        (counts.ending, "to be removed", Paint::Busy),
        (counts.stuck, "to be removed BY HAND", Paint::Bad),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, words, colour)| paint(colour, &format!("{count} {words}")))
        .collect();
    format!(
        "protections: {} (`ringway protections`)\n",
        parts.join(", ")
    )
}

fn words(one: &ProtectionView) -> String {
    let colour = match one.state {
        ProtectionState::Kept => Paint::Faint,
        ProtectionState::Ending | ProtectionState::Removing => Paint::Busy,
        ProtectionState::Stuck => Paint::Bad,
    };
    paint(colour, &one.words)
}
